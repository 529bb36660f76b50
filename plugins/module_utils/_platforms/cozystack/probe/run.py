# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The probe as a whole: which facts are asked, what that does, and the answers."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ...._convergence.converge import Refused
from ...._convergence.errors import Rejected
from ...._engine.consent import Refusal
from .cluster import PROBE_KEY, Disposable
from .fact import Answer, Fact, Need, ask, unknown
from .reading import READING, Tenant
from .writing import FIRST, OUT_OF_REACH, WRITING

FACTS: tuple[Fact[t.Any], ...] = (*READING, *WRITING, *OUT_OF_REACH)
CODES = tuple(fact.code for fact in FACTS)
DISPOSABLE, ORPHANS = "cozystack.probe.disposable", "cozystack.probe.orphans"
"""What the disposable cluster needs, and what orphaning its pods for a while needs besides."""


@dataclasses.dataclass(frozen=True, slots=True)
class Programme:
    """What a run asks: the facts in `only` (all, where it is empty), those about a `disposable` cluster where
    there is one, and those about its orphans where `allow` says so."""

    only: frozenset[str] = frozenset()
    disposable: Disposable | None = None
    allow: frozenset[str] = frozenset()

    @property
    def written(self) -> list[Fact[Disposable]]:
        """The facts that the disposable cluster is used for, in order."""
        return [fact for fact in WRITING if self.asks(fact) and not self._why_not(fact)]

    @property
    def steps(self) -> list[str]:
        """Everything that will be done besides reading, in order; empty where nothing will be."""
        cluster, facts = self.disposable, self.written
        if cluster is None or not facts:
            return []
        first = [] if FIRST in facts else ["create it"]
        does = [*first, *(f"{fact.does} ({fact.code})" for fact in facts), "remove it, whatever has happened"]
        return [f"{cluster.ref} with spec {json.dumps(cluster.spec)}", *does]

    def asks(self, fact: Fact[t.Any]) -> bool:
        """Whether a fact is among those that were asked for."""
        return not self.only or fact.code in self.only

    def refuse(self) -> None:
        """Raise Refused where somebody has to agree first."""
        cluster = self.disposable
        if cluster is None or self._allowed(DISPOSABLE):
            return
        consent = f"{DISPOSABLE}:{cluster.ref.name}"
        text = f"this would do more than read: {'; '.join(self.steps)}"
        way_out = f"if that is meant, add allow: [{consent}]"
        raise Refused(cluster.ref, [Refusal("disposable", DISPOSABLE, text, way_out, consent)])

    def _allowed(self, reason: str) -> bool:
        return self.disposable is not None and f"{reason}:{self.disposable.ref.name}" in self.allow

    def _why_not(self, fact: Fact[t.Any]) -> str:
        cluster = self.disposable
        if cluster is None:
            return "not asked: it needs a disposable cluster"
        if cluster.ref.kind not in fact.kinds:
            return f"not asked: it needs a disposable {' or '.join(fact.kinds)} cluster"
        if fact.need is Need.ORPHANS and not self._allowed(ORPHANS):
            return f"not asked: it needs allow: [{ORPHANS}:{cluster.ref.name}]"
        return ""

    # --- the answers ------------------------------------------------------------------------------------

    def read(self, tenant: Tenant) -> t.Iterator[Answer]:
        """The facts that reading alone can tell."""
        return (ask(fact, tenant) for fact in READING if self.asks(fact))

    def write(self) -> t.Iterator[Answer]:
        """The facts that the disposable cluster tells. It is removed before this ends, however it ends."""
        cluster, facts = self.disposable, self.written
        if cluster is None or not facts:
            return
        _make_sure_that_nothing_is_there(cluster)
        try:
            if FIRST not in facts:
                cluster.create()
                cluster.comes(lambda: cluster.get() is not None, cluster.timeout)
            for fact in facts:
                yield ask(fact, cluster)
        finally:
            cluster.remove()

    def leave_out(self, *, writes: bool) -> t.Iterator[Answer]:
        """The facts that this run does not ask, with the reason; without `writes` none that writes."""
        for fact in WRITING:
            why = self._why_not(fact) or ("" if writes else f"not asked in check mode: it would {fact.does}")
            if why and self.asks(fact):
                yield Answer(fact, unknown(why))
        yield from (ask(fact, None) for fact in OUT_OF_REACH if self.asks(fact))


def _make_sure_that_nothing_is_there(cluster: Disposable) -> None:
    document = cluster.get()
    if document is not None and PROBE_KEY in document["spec"]:
        way_out = f"remove it by {cluster.ref.kind}_cluster with state: absent"
        raise Rejected(f"{cluster.ref} is there, left by a probe that was killed; {way_out}")
    if document is not None:
        raise Rejected(f"{cluster.ref} is there, and a probe makes its own; give another name")
    left = cluster.left()
    if left:
        raise Rejected(f"{cluster.ref} is not there, but {', '.join(left)} is; give another name")


def table(answers: t.Iterable[Answer]) -> list[str]:
    """The answers for people: what differs first, then what nobody knows, then what holds."""
    words = {False: "DIFFERS", None: "unknown", True: "holds"}
    order = list(words)
    rows = sorted(answers, key=lambda answer: order.index(answer.seen.holds))
    width = max((len(answer.fact.code) for answer in rows), default=0)
    return [
        f"{words[row.seen.holds]:<8}{row.fact.code:<{width}}  {row.fact.statement} Seen: "
        + " ".join(row.seen.text.split())
        for row in rows
    ]
