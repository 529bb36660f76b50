# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What rotating has to be able to do with the users of one kind of broker."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._engine.access import Login
from ..._operations.rotation import Manner, Pair
from ..result import Result


@dataclasses.dataclass(frozen=True, slots=True)
class Proof:
    """Whether the retired user's old secret is refused. `verdict` is "refused" where the nodes that were
    asked said so (`nodes_proven` as "2/3"), "gone" where nobody knows the secret any more, and the brokers
    have no such user, or take another secret of it, "unproven" where not even that can be asked. `text` says
    it to a person."""

    user: str
    verdict: str
    text: str
    nodes_proven: str = ""

    def public(self) -> Result:
        """The proof as it stands in a result."""
        return dataclasses.asdict(self)


class Hands(t.Protocol):
    """Changes the users of a cluster by its declaration. All methods raise the classes of
    `_convergence.errors`. What changes can be called again: it may have been stopped half-way before."""

    @property
    def manner(self) -> Manner:
        """How this kind of user is rotated."""

    @property
    def notes(self) -> t.Sequence[str]:
        """What a person has to know whatever happens, such as a login that nothing can rotate."""

    def look(self) -> Pair:
        """What is observed of the two users, in the order in which they were named. Two looks at the same
        have to be equal: ages count back from when the hands were opened."""

    def ask_beforehand(self, name: str, like: str) -> None:
        """Whether the platform would take the first change, `add` of these: its rights, quota and schema.
        Writes nothing. Raises Refused."""

    def add(self, name: str, like: str) -> None:
        """Declare the user with a new secret and the rights of `like`, and wait until that is in force. Where
        `like` is the user itself, it gets another secret."""

    def permit(self, name: str, like: str) -> None:
        """Declare the rights of `like` for the user once more, so that the broker gets them."""

    def retire(self, name: str) -> None:
        """End the user: where its name can be given away, it is declared no longer; where it cannot, it gets
        a secret that nobody knows. The secret that it had is remembered for the proof."""

    def credential(self, name: str) -> Login | None:
        """The user and its secret, to be handed out; None where nobody can read it. Has to be hidden from
        Ansible's output by then."""

    def proof_of_refusal(self, name: str) -> Proof:
        """Ask whether the last secret of a retired user, as far as this run knows it, is refused."""

    def proven(self, name: str) -> str:
        """On how many of the nodes the user's login was proven: "2/3"; empty where it was not asked."""

    def result(self) -> Result:
        """The way and the requests: `reached`, `requests`."""

    def close(self) -> None:
        """End the connections with the brokers."""
