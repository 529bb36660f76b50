# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a row of the probe's table is: a statement about the platform, and how it is looked at."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from ...._convergence.errors import ConnectionFailed, Failure, NotAuthenticated

KINDS = ("kafka", "rabbitmq", "nats")


class Need(enum.Enum):
    """What it takes to look at a fact."""

    READING = "reading"
    CLUSTER = "a disposable cluster"
    ORPHANS = "orphans of a disposable cluster"
    OTHERS = "somebody else's rights"


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """What a look gave. `holds` is None where it told nothing."""

    holds: bool | None
    text: str


def yes(text: str) -> Seen:
    """The statement holds."""
    return Seen(True, text)


def no(text: str) -> Seen:
    """The platform does something else."""
    return Seen(False, text)


def unknown(text: str) -> Seen:
    """It could not be asked, or there was nothing to see it on."""
    return Seen(None, text)


Subject = t.TypeVar("Subject")


@dataclasses.dataclass(frozen=True, slots=True)
class Fact(t.Generic[Subject]):
    """A row. `source` is a row of the project's fact sheet about this platform; `does` is what the look
    does to a disposable cluster, in words for the person who has to consent."""

    code: str
    statement: str
    source: str
    look: t.Callable[[Subject], Seen]
    need: Need = Need.READING
    does: str = ""
    kinds: tuple[str, ...] = KINDS


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """A fact, and what was seen of it."""

    fact: Fact[t.Any]
    seen: Seen

    def public(self) -> dict[str, str]:
        """As it stands in a result."""
        words = {True: "yes", False: "no", None: "unknown"}
        return {
            "code": self.fact.code,
            "statement": self.fact.statement,
            "source": self.fact.source,
            "needs": self.fact.need.value,
            "holds": words[self.seen.holds],
            "seen": self.seen.text,
        }


def ask(fact: Fact[t.Any], subject: t.Any) -> Answer:
    """Look at one fact. What goes wrong with it alone is an answer too; without a connection there is
    none to any."""
    try:
        return Answer(fact, fact.look(subject))
    except (ConnectionFailed, NotAuthenticated):
        raise
    except Failure as error:
        return Answer(fact, unknown(str(error)))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return Answer(fact, unknown(f"the answer has another form than known: {error!r}"))
