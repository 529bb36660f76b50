# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the hands of a rotation change a cluster's declaration, beside whoever else changes it."""

from __future__ import annotations

import typing as t

from ..._convergence.converge import Mode, Outcome, Terms, converge
from ..._convergence.errors import NotFound, Undone
from ..._engine.state import Actual, ClusterRef, Wanted
from ..._platforms.cozystack.access import Access, StoredLogin
from ..._platforms.cozystack.adapter import Cozystack
from ..._platforms.session import Session
from ..module import Options
from ..result import telling_secrets

_ROUNDS = 3
"""How often a change is made that other writers undo once it is in force."""


class Declaration:
    """The declaration of one cluster. What is secret in it is hidden from Ansible's output with `hide`."""

    def __init__(
        self, options: Options, ref: ClusterRef, session: Session, hide: t.Callable[[str], object]
    ) -> None:
        self._options, self._ref, self._session, self._hide = options, ref, session, hide

    def read(self) -> Actual:
        """The cluster as it is."""
        return self._there(Cozystack(self._session).read(self._ref))

    def _there(self, actual: Actual | None) -> Actual:
        if actual is None:
            raise NotFound(f"{self._ref}: there is no such cluster; check namespace and cluster")
        return actual

    def bring(
        self, wish: t.Callable[[Actual], Wanted], *, writes: bool, allow: t.Collection[str] = ()
    ) -> None:
        """Bring it to what is wanted in the light of what is there, and wait until that is in force. A
        cluster that is deleted meanwhile is not made again. What another writer undoes, who writes back what
        it read before, is done again. The consents are those of the step, which names the user."""
        for again in reversed(range(_ROUNDS)):
            outcome = Outcome()
            try:
                converge(
                    Cozystack(self._session),
                    self._ref,
                    lambda actual: wish(self._there(actual)),
                    terms=Terms([*self._options["allow"], *allow]),
                    mode=Mode(writes, timeout=self._options["wait_timeout"]),
                    outcome=outcome,
                )
                return
            except Undone:
                if not again:
                    raise
            finally:  # the platform may quote its spec when it says what is wrong with it
                for text in telling_secrets(outcome.actual):
                    self._hide(text)


def stored_login(access: Access, name: str) -> StoredLogin | None:
    """What the platform keeps of a user, None where it keeps nothing."""
    try:
        return access.login(name)
    except NotFound:
        return None
