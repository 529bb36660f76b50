# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The properties of plans, for random pairs of a live cluster and a declaration, on the real API server: what
check mode says is what happens, what is wanted is there, and nothing else moves."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Collection

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.converge import (
    Mode,
    Outcome,
    Refused,
    Terms,
    converge,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.waiting import Clock
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import read_options
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Action, make_plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import (
    Actual,
    ClusterRef,
    Wanted,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.connection import connect
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.adapter import (
    Cozystack,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.applications import (
    APPLICATIONS,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.nats import passwords
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.session import Session
from tests.integration.collection.plays import AGENT, Place
from tests.lab.audit import WRITES, Mark
from tests.unit.plugins.module_utils.states import Pair, accepted, pairs
from tests.unit.plugins.module_utils.tables import KINDS, Options

pytestmark = pytest.mark.lab

# a failing case is printed with its pair; to look for a smaller one here would take long
CASES = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
QUICK = Clock(time.monotonic, lambda seconds: time.sleep(min(seconds, 0.02)))


class Cluster:
    """One cluster of the place's tenant, through the way that all modules go."""

    def __init__(self, place: Place, kind: str, name: str) -> None:
        self.place = place
        self.kind = KINDS[kind]
        self.ref = ClusterRef(kind, place.namespace, name)
        self._connection = connect({"kubeconfig": str(place.tenant.kubeconfig("admin"))})

    def platform(self) -> Cozystack:
        return Cozystack(Session(self._connection, agent=f"{AGENT}properties"))

    def wanted(self, options: Options) -> Wanted:
        wanted, problems = read_options(self.kind, options, present=True)
        assert problems == []
        return wanted

    def run(self, options: Options, allow: Collection[str], *, writes: bool) -> Outcome:
        outcome, mode = Outcome(), Mode(writes=writes, wait=False)
        wanted = self.wanted(options)
        converge(
            self.platform(), self.ref, wanted, terms=Terms(allow), mode=mode, outcome=outcome, clock=QUICK
        )
        return outcome

    def actual(self) -> Actual:
        actual = self.platform().read(self.ref)
        assert actual is not None
        return actual

    def delete(self) -> None:
        application = APPLICATIONS[self.ref.kind]
        with self.place.tenant.api("admin") as api:
            api.delete(
                f"/apis/apps.cozystack.io/v1alpha1/namespaces/{self.ref.namespace}/{application.resource}/"
                f"{self.ref.name}"
            )


def untouched(cluster: Cluster, options: Options, before: Actual, after: Actual) -> None:
    """What the options do not name is as it was."""
    wanted = cluster.wanted(options)
    for option, value in before.state.values.items():
        if option not in wanted.state.values and option not in wanted.reset:
            assert after.state.values[option] == value, option
    for rows in cluster.kind.items:
        said = wanted.state.named(rows.option).keys() | wanted.absent.get(rows.option, frozenset())
        for name, item in before.state.named(rows.option).items():
            if name not in said and rows.option not in wanted.purge:
                assert after.state.named(rows.option)[name] == item, rows.label(name)


def writes(place: Place, since: Mark) -> list[str]:
    return [one.verb for one in place.requests(since) if one.verb in WRITES]


def test_a_hundred_pairs_of_a_live_cluster_and_a_declaration(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_COST", 4)  # what a hash costs is nothing that is proven here
    numbers, met = itertools.count(1), Counter[str]()

    @CASES
    @given(pairs())
    def holds(pair: Pair) -> None:
        kind, before, after = pair
        cluster = Cluster(place, kind, f"p{next(numbers)}")
        created = followed(cluster, None, before)
        note(f"created with {created}")
        cluster.run(created, created.get("allow", ()), writes=True)
        try:
            change(cluster, after)
        finally:
            cluster.delete()

    def change(cluster: Cluster, after: Options) -> None:
        live = cluster.actual()
        options = followed(cluster, live, after)
        note(f"declared {options}")
        since = place.mark()
        try:
            checked = cluster.run(options, options.get("allow", ()), writes=False).plan
        except Refused as refused:  # by what only the platform knows
            met.update(one["reason"] for one in refused.details["refusals"])
            assert writes(place, since) == []
            return
        assert checked is not None
        allow = {change.consent for change in checked.changes if change.consent}
        for missing in allow:
            with pytest.raises(Refused) as refusal:
                cluster.run(options, allow - {missing}, writes=True)
            assert missing in [one["consent"] for one in refusal.value.details["refusals"]]
        assert writes(place, since) == [], "neither check mode nor a refused plan writes"
        made = cluster.run(options, allow, writes=True)
        assert made.plan is not None
        assert (made.plan.action, made.plan.digest) == (checked.action, checked.digest)
        assert bool(writes(place, since)) is made.written is (checked.action is Action.UPDATE)
        there = cluster.actual()
        assert make_plan(cluster.kind, cluster.ref, cluster.wanted(options), there).action is Action.NONE
        untouched(cluster, options, live, there)
        since = place.mark()
        assert not cluster.run(options, (), writes=True).written
        assert writes(place, since) == []
        met[checked.action.value] += 1

    holds()
    assert met["update"] >= 60, met


def followed(cluster: Cluster, live: Actual | None, options: Options) -> Options:
    """The declaration as it is once all that the engine says against it was followed."""
    found = accepted(cluster.kind, cluster.ref, live, options)
    assert found is not None
    return found
