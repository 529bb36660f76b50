# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The probe sees every fact on the lab, finds it out when one does not hold, and leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import ClusterRef
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.connection import connect
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.probe.cluster import (
    PROBE_KEY,
    Disposable,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.probe.fact import (
    Answer,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.probe.reading import (
    READING,
    Tenant,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.probe.run import (
    CODES,
    DISPOSABLE,
    ORPHANS,
    Programme,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.probe.writing import (
    WRITING,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.session import Session
from tests.collection_path import ROOT, link
from tests.integration.collection.plays import Place, Run, Task
from tests.integration.lab.applications import Application
from tests.lab import labs
from tests.lab.client import Object
from tests.lab.labs import Lab, LabOptions
from tests.lab.standin.control import App, Control

pytestmark = pytest.mark.lab

PLAYBOOK = ROOT / "playbooks" / "platform_probe.yml"
SPECS: dict[tuple[App, str], dict[str, Any]] = {
    ("kafka", "orders"): {"topics": [{"name": "pay", "partitions": 1, "replicas": 3, "config": {}}]},
    ("rabbitmq", "jobs"): {"resourcesPreset": "s1.nano", "users": {"app": {"password": "FirstSecret42"}}},
    ("nats", "events"): {"replicas": 3},
    ("nats", "more"): {"replicas": 2},
}
CONSENT = f"{DISPOSABLE}:probe"
ALLOW = [CONSENT, f"{ORPHANS}:probe"]


@pytest.fixture(scope="module")
def inhabited(place: Place) -> Place:
    """A tenant that has clusters, as one of production."""
    apps = [place.app(kind, name).create(**spec) for (kind, name), spec in SPECS.items()]
    for app in apps:
        app.until_running({"orders": 3, "jobs": 3, "events": 3, "more": 2}[app.name])
    return place


@pytest.fixture
def patient(platform: Control) -> Control:
    """A platform whose interval does not pass and whose garbage is there for a while, as on a real one."""
    platform.settings(interval_seconds=600, garbage_seconds=0.5)
    return platform


def disposable(kind: App = "nats", name: str = "probe", patience: int = 3) -> dict[str, Any]:
    return {"kind": kind, "name": name, "wait_timeout": 60, "patience": patience}


def probe(place: Place, check: bool = False, strict: bool = True, **values: Any) -> Run:
    """The playbook, as people run it."""
    given = {"probe_namespace": place.namespace, "probe_strict": strict}
    given |= {f"probe_{name}": value for name, value in values.items()}
    arguments = ["--extra-vars", json.dumps(given), *(["--check"] if check else [])]
    kubeconfig = str(place.lab.kubeconfig(place.namespace, "admin"))
    return place.run_file(PLAYBOOK, arguments=arguments, variables={"KUBECONFIG": kubeconfig})


def answers(run: Run) -> dict[str, str]:
    return {fact["code"]: fact["holds"] for fact in run["Ask the platform"]["facts"]}


def records(place: Place) -> list[Object]:
    return [place.record(kind, name) for kind, name in SPECS]


def left(app: Application) -> list[str]:
    """What there is of a cluster, behind the curtain too."""
    found = [*app.listed("pods"), *app.listed("services")]
    found += app.listed("workloadmonitors", "apis/cozystack.io/v1alpha1")
    names = [str(one["metadata"]["name"]) for one in found]
    return names + (["the release"] if app.record() else []) + (["the cluster"] if app.get() else [])


def programme(
    place: Place, *only: str, kind: App = "nats", name: str = "probe", patience: float = 3
) -> Programme:
    kubeconfig = str(place.lab.kubeconfig(place.namespace, "admin"))
    session = Session(connect({"kubeconfig": kubeconfig}), agent="brokerops.messaging/test (probe)")
    ref = ClusterRef(kind, place.namespace, name)
    cluster = Disposable(session, ref, timeout=60, patience=patience)
    return Programme(frozenset(only), cluster, frozenset({f"{DISPOSABLE}:{name}", f"{ORPHANS}:{name}"}))


# --- reading ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def read_only(inhabited: Place) -> tuple[Run, list[Object], list[Object]]:
    before = records(inhabited)
    return probe(inhabited), before, records(inhabited)


ReadOnly = tuple[Run, list[Object], list[Object]]


def test_everything_that_reading_tells_holds_on_the_lab(read_only: ReadOnly) -> None:
    run = read_only[0]
    assert run.status == 0, run.output
    found = answers(run)
    assert set(found) == set(CODES)
    assert {code: found[code] for code in (fact.code for fact in READING)} == {
        fact.code: "yes" for fact in READING
    }
    assert {found[fact.code] for fact in WRITING} == {"unknown"}


def test_reading_writes_nothing_and_asks_for_no_secret(read_only: ReadOnly) -> None:
    run, before, after = read_only
    assert run.writes == []
    assert after == before
    assert not [entry for entry in run.requests if "secrets" in entry.resource]
    assert run["Ask the platform"]["requests"]["writes"] == 0
    assert run.counted == run.audited
    assert "FirstSecret42" not in run.output


def test_the_answers_are_printed_one_line_each(read_only: ReadOnly) -> None:
    output = read_only[0].output
    assert "holds   api.verbs" in output
    assert "unknown api.patch.dry_run" in output
    assert "Nothing differs from what this collection relies on" in output


def test_who_has_fewer_rights_is_told_which(inhabited: Place) -> None:
    options = {
        "namespace": inhabited.namespace,
        "kubeconfig": str(inhabited.lab.kubeconfig(inhabited.namespace, "view")),
        "only": ["rights.tenant", "rights.withheld"],
    }
    run = inhabited.run(Task("probe", "platform_probe", options))
    seen = {fact["code"]: fact for fact in run["probe"]["facts"]}
    assert run["probe"]["differ"] == ["rights.tenant"]
    assert "create kafkas" in seen["rights.tenant"]["seen"]
    assert "list tenantsecrets" in seen["rights.tenant"]["seen"]
    assert "list pods" not in seen["rights.tenant"]["seen"]


def test_an_empty_tenant_gives_no_answer_about_clusters(lab: Lab, tmp_path: Path) -> None:
    tenant = lab.tenant("probe-empty", brokers=False)
    try:
        run = probe(Place(lab, tenant, tmp_path))
        assert run.status == 0, run.output
        assert answers(run)["release.message"] == "unknown"
        assert answers(run)["api.watch.begin"] == "yes"
    finally:
        lab.remove_tenant(tenant.namespace)


def test_an_older_platform_is_found_out(tmp_path: Path) -> None:
    older = labs.start(LabOptions(profile="older", name=f"probe-older-{os.getpid()}", owner_pid=os.getpid()))
    try:
        place = Place(older, older.tenant("acme", brokers=False), tmp_path)
        place.app("nats", "events").create(replicas=2, resourcesPreset="small").until_ready()
        run = probe(place, strict=False)
        differ = run["Ask the platform"]["differ"]
        assert {"api.schema.fields", "api.schema.presets", "api.schema.defaults"} <= set(differ)
        strict = probe(place, only=["api.schema.presets"])
        assert strict.status != 0
        assert "Other than this collection relies on: api.schema.presets" in strict.output
    finally:
        older.down()


# --- a disposable cluster -----------------------------------------------------------------------------------


def test_without_consent_nothing_is_asked_and_everything_that_would_be_done_is_told(inhabited: Place) -> None:
    for check in (False, True):
        run = probe(inhabited, check=check, disposable=disposable())
        message = run.msg("Read what can be read, and see what more would be done")
        assert run.status != 0
        assert f"add allow: [{CONSENT}]" in message
        assert "delete it by a DELETE that asks for a dry run" in message
        assert run.requests == []


def test_check_mode_reads_and_tells_what_would_be_done(inhabited: Place) -> None:
    run = probe(inhabited, check=True, disposable=disposable(), allow=[CONSENT])
    assert run.status == 0, run.output
    assert run.writes == []
    result = run["Ask the platform"]
    assert result["changed"]
    assert result["steps"][-1] == "remove it, whatever has happened"
    assert answers(run)["api.verbs"] == "yes"
    assert answers(run)["api.patch.dry_run"] == "unknown"
    assert "remove it, whatever has happened" in run.output


ASKED: dict[App, list[str]] = {
    "nats": [fact.code for fact in WRITING if "nats" in fact.kinds],
    # what shows on every kind shows on NATS already
    "rabbitmq": ["release.early", "release.neutral_key", "release.nested_resources", "delete.complete"],
    "kafka": ["kafka.brokers.shrink", "release.neutral_key", "release.null", "delete.complete"],
}


@pytest.mark.parametrize("kind", ASKED)
def test_everything_that_a_disposable_cluster_tells_holds_on_the_lab(
    inhabited: Place, patient: Control, kind: App
) -> None:
    patient.settings(pod_seconds=0.5)  # so that pods still start when RabbitMQ is called ready
    before = records(inhabited)
    run = probe(inhabited, disposable=disposable(kind), allow=ALLOW, only=ASKED[kind])
    assert run.status == 0, run.output
    facts = run["Ask the platform"]["facts"]
    assert {fact["code"]: fact["seen"] for fact in facts if fact["holds"] != "yes"} == {}
    assert [fact["code"] for fact in facts] == [fact.code for fact in WRITING if fact.code in ASKED[kind]]
    assert left(inhabited.app(kind, "probe")) == []
    assert records(inhabited) == before
    written = {entry.name for entry in run.requests if entry.verb in ("patch", "update", "delete")}
    assert written == {"probe"}


def test_every_fact_that_a_tenant_can_see_is_asked_on_the_lab() -> None:
    assert {code for codes in ASKED.values() for code in codes} == {fact.code for fact in WRITING}


def test_a_cluster_of_that_name_is_left_alone(inhabited: Place) -> None:
    before = inhabited.record("nats", "events")
    consent = [f"{DISPOSABLE}:events"]
    run = probe(inhabited, disposable=disposable(name="events"), allow=consent)
    assert run.status != 0
    assert "/events is there, and a probe makes its own; give another name" in run.msg("Ask the platform")
    assert run.writes == []
    assert inhabited.record("nats", "events") == before


def test_what_a_killed_probe_left_is_recognised(inhabited: Place, platform: Control) -> None:
    app = inhabited.app("nats", "killed").create(replicas=2, **{PROBE_KEY: "there"}).until_ready()
    run = probe(inhabited, disposable=disposable(name="killed"), allow=[f"{DISPOSABLE}:killed"])
    message = run.msg("Ask the platform")
    assert "left by a probe that was killed; remove it by nats_cluster with state: absent" in message
    assert run.writes == []
    app.delete()


def test_a_failure_in_the_middle_leaves_nothing(inhabited: Place, platform: Control) -> None:
    asked = programme(inhabited, "api.create.dry_run", "api.create.twice").write()
    assert next(asked).seen.holds
    assert inhabited.app("nats", "probe").get() is not None
    asked.close()  # type: ignore[attr-defined]  # what an error in the consumer does
    assert left(inhabited.app("nats", "probe")) == []


def test_a_release_that_fails_is_removed_too(inhabited: Place, platform: Control) -> None:
    run = programme(inhabited, "release.neutral_key", patience=1)
    app = inhabited.app("nats", "probe")
    asked = run.write()
    next(asked)
    app.fault("fail-upgrade", times=1000)
    platform.settings(retry_seconds=0.2)
    assert run.disposable is not None
    run.disposable.timeout = 3
    asked.close()  # type: ignore[attr-defined]
    app.until("nothing left", lambda: left(app) == [])


def test_a_run_that_is_stopped_leaves_nothing(inhabited: Place, platform: Control) -> None:
    arguments = {
        "namespace": inhabited.namespace,
        "kubeconfig": str(inhabited.lab.kubeconfig(inhabited.namespace, "admin")),
        "only": ["release.retried"],
        "disposable": disposable(patience=60),
        "allow": [CONSENT],
        # of an Ansible before and of one since 2.19
        "_ansible_check_mode": False,
    }
    platform.settings(retry_seconds=600, interval_seconds=600)
    process = subprocess.Popen(
        [sys.executable, "-m", "ansible_collections.brokerops.messaging.plugins.modules.platform_probe"],
        cwd=link(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
    process.stdin.close()
    app = inhabited.app("nats", "probe")
    app.until("the failing release", lambda: app.condition().get("status") == "False")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) != 0
    assert left(app) == []


# --- a platform that does something else --------------------------------------------------------------------

VISIBLE: dict[str, tuple[App, str]] = {
    "threshold-one-pod": ("nats", "workloads.threshold"),
    "nats-monitor-box": ("nats", "workloads.nats_box"),
    "same-values-no-revision": ("nats", "release.same_values"),
    "retry-for-ever": ("nats", "release.retried"),
    "null-breaks-template": ("nats", "release.null"),
    "nested-resources-fail": ("nats", "release.nested_resources"),
    "record-goes-first": ("nats", "delete.record_first"),
    "finalizer-late": ("nats", "delete.orphans"),
    "delete-orphans": ("nats", "delete.orphans"),
    "recreate-adopts": ("nats", "delete.adopts"),
    "rabbitmq-ready-early": ("rabbitmq", "release.early"),
    "kafka-scale-down-reverted": ("kafka", "kafka.brokers.shrink"),
}
"""Switchable traps that a tenant can see, with the kind and the fact that shows them."""


def look(place: Place, kind: App, code: str) -> Answer:
    """One fact, asked as the module asks it."""
    run = programme(place, code, kind=kind)
    if code in {fact.code for fact in WRITING}:
        (answer,) = run.write()
        assert left(place.app(kind, "probe")) == []
        return answer
    app = place.app(kind, "probe").create(replicas=3).until_running(3)
    try:
        assert run.disposable is not None
        (answer,) = run.read(Tenant(run.disposable.session, place.namespace))
        return answer
    finally:
        app.delete()
        app.until("nothing left", lambda: left(app) == [])


@pytest.fixture(scope="module")
def quiet(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A tenant without any other cluster."""
    tenant = lab.tenant("probe-traps", brokers=False)
    yield Place(lab, tenant, tmp_path_factory.mktemp("traps"))
    lab.remove_tenant(tenant.namespace)


@pytest.mark.parametrize("trap", VISIBLE)
def test_the_probe_finds_out_that_a_trap_is_switched_off(quiet: Place, patient: Control, trap: str) -> None:
    kind, code = VISIBLE[trap]
    # that it holds with the trap is what the test of all facts shows
    patient.settings(pod_seconds=0.5)
    patient.traps({trap: False})
    if trap == "same-values-no-revision":
        patient.settings(interval_seconds=0.5)
    answer = look(quiet, kind, code)
    assert answer.seen.holds is False, answer.seen.text
