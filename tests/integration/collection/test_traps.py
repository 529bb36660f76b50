# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The rows of the trap table that have no proof elsewhere, and that the table is whole (see trap_table.py).

``test_bites_*`` use another client than the collection: the platform really does it. ``test_answer_*`` are
what the collection makes of it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.collection_path import ROOT
from tests.integration.collection.plays import Place, Run, reasons, task
from tests.integration.collection.trap_table import SHEET, TABLE, Row
from tests.integration.collection.wanted import topic
from tests.integration.lab.applications import GROUP, Application
from tests.lab.client import APPLY_PATCH, ApiError
from tests.lab.faults import Fault
from tests.lab.standin.control import App, Control
from tests.lab.standin.traps import CATALOGUE

# --- the table itself ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def collected() -> set[str]:
    """The ids of the tests in all files that the table names, with and without their parameters."""
    named = {one.partition("::")[0] for row in TABLE for one in row.proofs}
    files = sorted(file for file in named if (ROOT / file).exists())
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *files]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    ids = {line for line in listed.stdout.splitlines() if "::" in line}
    assert ids, listed.stdout + listed.stderr
    return ids | {one.partition("[")[0] for one in ids}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_every_proof_that_a_row_names_is_a_test(collected: set[str], row: Row) -> None:
    assert [one for one in row.proofs if one not in collected] == []


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_what_a_row_does_not_prove_has_a_reason(row: Row) -> None:
    assert bool(row.bites and row.answered) is not bool(row.reason), "proofs of both, or a reason"


def test_every_rule_and_every_row_of_the_fact_sheet_stands_in_the_table() -> None:
    known = {f"{section} {row}" for section, rows in SHEET.items() for row in rows}
    named = [fact for row in TABLE for fact in row.facts]
    assert known - set(named) == set(), "no entry"
    assert set(named) - known == set(), "no such row"


def test_every_behaviour_of_the_stand_in_is_the_proof_of_a_row() -> None:
    shown = {one.partition("::test_trap_")[2].partition("[")[0] for row in TABLE for one in row.bites}
    assert {trap.name for trap in CATALOGUE} - {name.replace("_", "-") for name in shown} == set()


def test_every_proof_of_this_file_is_in_the_table(collected: set[str]) -> None:
    here = {
        one
        for one in collected
        if "test_traps.py::test_bites_" in one or "test_traps.py::test_answer_" in one
    }
    named = {one.partition("[")[0] for row in TABLE for one in row.proofs}
    assert {one.partition("[")[0] for one in here} - named == set()


# --- what another client meets ------------------------------------------------------------------------------

lab = pytest.mark.lab


@pytest.fixture(scope="module")
def raw(place: Place) -> Application:
    """A NATS cluster that the tests of this part write to as they like; it costs least."""
    return place.app("nats", "raw").create(replicas=2).until_ready()


def refusal(call: Callable[[], object]) -> ApiError:
    with pytest.raises(ApiError) as error:
        call()
    return error.value


def patch(app: Application, **spec: Any) -> None:
    """A patch that is sent again where the platform's own write came between, which is 500 here."""

    def accepted() -> bool:
        try:
            app.patch(**spec)
        except ApiError as error:
            assert "has been modified" in str(error)
            return False
        return True

    app.until("a patch", accepted)


@lab
def test_bites_a_dry_run_of_create_and_delete_is_carried_out(place: Place) -> None:
    app = place.app("nats", "dry")
    body = {"apiVersion": GROUP, "kind": "NATS", "metadata": {"name": "dry"}, "spec": {"replicas": 2}}
    app.api.request("POST", app.path.rpartition("/")[0], body, dryRun="All")
    app.until_ready()
    app.api.delete(app.path, dryRun="All")
    app.until("no record", lambda: app.record() is None)


@lab
def test_bites_an_old_resource_version_overwrites(raw: Application) -> None:
    old = raw.api.get(raw.path)["metadata"]["resourceVersion"]
    patch(raw, mark="newer")
    raw.until("the write", lambda: raw.api.get(raw.path)["metadata"]["resourceVersion"] != old)
    raw.lab.control.wait_idle()  # or a refusal could be about the platform's own write
    raw.api.patch(raw.path, {"metadata": {"resourceVersion": old}, "spec": {"mark": "older"}})
    raw.until("the older one", lambda: raw.api.get(raw.path)["spec"]["mark"] == "older")


@lab
def test_bites_a_merge_patch_replaces_lists_and_an_empty_map_removes_nothing(raw: Application) -> None:
    patch(raw, mark={"kept": 1, "list": [1, 2]})
    patch(raw, mark={"list": [3]})
    patch(raw, mark={})
    raw.until("both", lambda: raw.api.get(raw.path)["spec"]["mark"] == {"kept": 1, "list": [3]})
    patch(raw, mark={"kept": None})
    raw.until("null", lambda: raw.api.get(raw.path)["spec"]["mark"] == {"list": [3]})


@lab
def test_bites_a_value_comes_back_as_it_was_sent(raw: Application) -> None:
    patch(raw, resources={"cpu": "1000m", "memory": "1024Mi"})
    expected = {"cpu": "1000m", "memory": "1024Mi"}
    raw.until("the spelling", lambda: raw.api.get(raw.path)["spec"]["resources"] == expected)
    patch(raw, resources={})
    patch(raw, mark="after")
    raw.until("the mark", lambda: raw.api.get(raw.path)["spec"]["mark"] == "after")
    assert raw.api.get(raw.path)["spec"]["resources"] == expected, "{} clears nothing"
    patch(raw, resources=None)


@lab
def test_bites_lists_ignore_a_limit_and_know_no_other_field(place: Place, raw: Application) -> None:
    place.app("nats", "second").create(replicas=2)
    everything = raw.path.rpartition("/")[0]
    raw.until("two", lambda: len(raw.api.items(everything)) > 1)
    assert len(raw.api.items(everything, limit="1")) == len(raw.api.items(everything))
    assert refusal(lambda: raw.api.items(everything, fieldSelector="spec.replicas=2")).code == 400


@lab
def test_bites_a_strategic_patch_is_a_plain_500(raw: Application) -> None:
    patch, kind = {"spec": {"jetstream": {"enabled": True}}}, "application/strategic-merge-patch+json"
    error = refusal(lambda: raw.api.patch(raw.path, patch, content_type=kind))
    assert (error.code, error.reason) == (500, "")


@lab
def test_bites_server_side_apply_conflicts_with_what_it_wrote_and_never_prunes(raw: Application) -> None:
    def apply(force: str, **spec: Any) -> object:
        body = {"apiVersion": GROUP, "kind": "NATS", "metadata": {"name": raw.name}, "spec": spec}
        query = {"content_type": APPLY_PATCH, "fieldManager": "one", "force": force}
        return raw.api.patch(raw.path, body, **query)

    apply("true", replicas=2, applied="once")
    assert refusal(lambda: apply("false", replicas=2, applied="twice")).code == 409
    apply("true", replicas=2)
    assert raw.api.get(raw.path)["spec"]["applied"] == "once", "what is left out is not taken away"


@lab
def test_bites_what_is_not_an_object_of_this_api_is_refused_in_many_ways(
    place: Place, raw: Application
) -> None:
    def create(name: str, **spec: Any) -> int:
        return refusal(lambda: place.app("kafka", name).create(**spec)).code

    assert create("Capital") == 422
    assert create("k" * 48) == 422
    assert create("reserved", _cluster={}) == 400
    assert refusal(lambda: raw.patch(_cluster={})).code == 400
    assert refusal(lambda: raw.lab.api.delete(raw.path.rpartition("/")[0])).code == 405
    assert refusal(lambda: raw.api.get(raw.path + "/status")).code == 404


@lab
def test_bites_names_are_accepted_that_can_never_work(place: Place, platform: Control) -> None:
    platform.settings(timeout_seconds=1, retry_seconds=0.2)
    app = place.app("kafka", "k" * 41).create(zookeeper={"replicas": 1}, kafka={"replicas": 1})
    app.until_failed("InstallFailed")
    names = [one["metadata"]["name"] for one in app.listed("services")]
    assert names and not [name for name in names if name.endswith("-zookeeper-client")], "64 are too many"
    app.delete()
    app.until("no record", lambda: app.record() is None)


@lab
def test_bites_a_delete_has_no_preconditions_and_a_second_one_succeeds(
    place: Place, platform: Control
) -> None:
    app = place.app("nats", "twice").create(replicas=2).until_ready()
    platform.fault("freeze")
    wrong = {"preconditions": {"resourceVersion": "1", "uid": "another"}}
    assert app.api.request("DELETE", app.path, wrong)["status"] == "Success"
    app.until("leaving", lambda: "deletionTimestamp" in app.api.get(app.path)["metadata"])
    assert app.api.request("DELETE", app.path)["status"] == "Success"
    platform.fault("thaw")
    app.until("no record", lambda: app.record() is None)


@lab
def test_bites_a_write_to_a_leaving_cluster_ends_it_without_uninstall(
    place: Place, platform: Control
) -> None:
    app = place.app("nats", "leaving").create(replicas=2).until_running(2)
    platform.fault("freeze")
    app.delete()
    app.until("leaving", lambda: "deletionTimestamp" in app.api.get(app.path)["metadata"])
    app.touch()
    app.until("no record", lambda: app.record() is None)
    platform.fault("thaw")
    platform.wait_idle()
    assert len(app.broker_pods()) == 2, "the pods are nobody's now"


@lab
def test_bites_a_quote_breaks_the_yaml_of_nats(place: Place, platform: Control) -> None:
    app = place.app("nats", "quoted").create(replicas=2, users={"app": {"password": 'a"b'}})
    assert "YAML parse error on nats/templates/nats.yaml" in app.until_failed("InstallFailed")
    app.delete()


@lab
def test_bites_an_update_takes_back_what_an_operator_suspended(place: Place, raw: Application) -> None:
    path = f"/apis/helm.toolkit.fluxcd.io/v2/namespaces/{raw.namespace}/helmreleases/{raw.release}"
    raw.lab.api.patch(path, {"spec": {"suspend": True}})
    raw.until("suspended", lambda: raw.view()["phase"] == "suspended")
    patch(raw, mark="by a tenant")
    assert not raw.lab.api.get(path)["spec"].get("suspend")


@lab
def test_bites_an_object_may_call_itself_by_another_kind(raw: Application, place: Place) -> None:
    kinds = {raw.api.get(raw.path)["kind"], place.app("rabbitmq", "named").create().api.get(raw.path)["kind"]}
    assert kinds == {"Kafka"}, "the first kind that the server registered"


# --- what the collection makes of it ------------------------------------------------------------------------

ANSWERS: dict[str, tuple[App, dict[str, Any], str]] = {
    "external nats": ("nats", {"external": True}, "nats.external.no_login"),
    "users beside accounts": (
        "nats",
        {"users": [{"name": "app"}], "accounts": [{"name": "APP"}]},
        "nats.users.shadowed",
    ),
}
"""A new cluster that is refused, and the reason."""

LIVE: dict[str, tuple[dict[str, Any], str]] = {
    "a user goes": ({"users": [{"name": "old", "state": "absent"}]}, "nats.user.disable"),
    "all users go": (
        {"users": [{"name": "old", "state": "absent"}, {"name": "app", "state": "absent"}]},
        "nats.user.disable",
    ),
}
"""A NATS cluster with two users; what is refused without its consent."""

UNHEARD: dict[str, tuple[App, dict[str, Any], str]] = {
    "vhost /": ("rabbitmq", {"vhosts": [{"name": "/"}]}, "vhosts[/]"),
    "nested resources": ("nats", {"resources": {"limits": {"cpu": "1"}}}, "Unsupported parameters"),
    "unknown key": ("nats", {"replicaz": 3}, "Unsupported parameters"),
    "a user name of NATS that breaks its YAML": ("nats", {"users": [{"name": 'a"b'}]}, 'users[a"b]'),
    "a password of NATS that breaks its YAML": (
        "nats",
        {"users": [{"name": "app", "password": 'Secret"With\\Quotes1'}]},
        "users[app].password",
    ),
}
"""What is refused before anything is asked, and words of the message."""


@pytest.fixture(scope="module")
def answers(place: Place) -> Iterator[Run]:
    users: dict[str, object] = {"app": {}, "old": {}}
    place.app("nats", "logins").create(replicas=2, jetstream={"enabled": False}, users=users).until_ready()
    cases = [(title, kind, "new", rest) for title, (kind, rest, _unused) in (ANSWERS | UNHEARD).items()]
    cases += [(title, "nats", "logins", rest) for title, (rest, _unused) in LIVE.items()]
    yield place.run(*(task(title, kind, name, fails=True, **rest) for title, kind, name, rest in cases))


@lab
@pytest.mark.parametrize("case", ANSWERS)
def test_answer_a_new_cluster_is_refused_with_its_reason(answers: Run, case: str) -> None:
    assert ANSWERS[case][2] in reasons(answers[case])
    assert answers.writes == []


@lab
@pytest.mark.parametrize("case", LIVE)
def test_answer_what_cuts_clients_off_or_opens_a_server_needs_a_consent(answers: Run, case: str) -> None:
    changed = [user["name"] for user in LIVE[case][0].get("users", [])] or ["logins"]
    consents = {one["consent"] for one in answers[case]["refusals"]}
    assert consents >= {f"{LIVE[case][1]}:{name}" for name in changed}


@lab
@pytest.mark.parametrize("case", UNHEARD)
def test_answer_what_no_template_survives_is_refused_before_anything_is_asked(
    answers: Run, case: str
) -> None:
    assert UNHEARD[case][2] in answers.msg(case)
    assert "requests" not in answers[case]


@lab
def test_answer_the_longest_names_that_are_taken_work(place: Place) -> None:
    longest: dict[App, tuple[str, dict[str, Any]]] = {
        "kafka": ("k" * 40, {"brokers": {"replicas": 1}, "zookeeper": {"replicas": 1}}),
        "rabbitmq": ("r" * 36, {"replicas": 1, "resources_preset": "s1.small"}),
        "nats": ("n" * 41, {"replicas": 2}),
    }
    run = place.run(*(task(kind, kind, name, **rest) for kind, (name, rest) in longest.items()))
    assert [run[kind]["cluster"]["status"]["ready"] for kind in longest] == [True] * 3


@lab
def test_answer_a_topic_that_says_nothing_gets_the_config_that_the_chart_requires(place: Place) -> None:
    topics = [{"name": "plain", "partitions": 1, "replicas": 3}]
    run = place.run(
        task("create", "kafka", "plain", topics=topics), task("again", "kafka", "plain", topics=topics)
    )
    assert run["create"]["cluster"]["status"]["ready"]
    stored = place.record("kafka", "plain")["spec"]["values"]["topics"]
    assert stored == [{"name": "plain", "partitions": 1, "replicas": 3, "config": {}}]
    assert not run["again"]["changed"]


@lab
def test_answer_a_delete_empties_the_topics_that_would_hang(place: Place, platform: Control) -> None:
    platform.traps({"kafka-delete-hangs": True})
    app = place.app("kafka", "hanging").create(topics=[topic("pay")]).until_ready()
    allow = ["kafka.cluster.delete:hanging"]
    run = place.run(task("delete", "kafka", "hanging", state="absent", allow=allow))
    assert run["delete"]["changed"]
    assert app.listed("pods") == []


@lab
def test_answer_a_create_waits_for_the_nodes_and_not_for_ready(place: Place, platform: Control) -> None:
    platform.settings(pod_seconds=1)
    app = place.app("rabbitmq", "early")
    place.run(task("create", "rabbitmq", "early", replicas=3, resources_preset="s1.small"))
    assert [app.is_ready(pod) for pod in app.broker_pods()] == [True] * 3


@lab
def test_answer_modules_send_only_what_this_api_does_right(place: Place) -> None:
    """POST, merge patch, JSON Patch and DELETE: no PUT, no apply, no strategic patch, no dry run."""
    since = place.mark()
    place.run(
        task("create", "kafka", "sent", brokers={"replicas": 3}, topics=[topic("pay")]),
        task("map", "kafka", "sent", brokers={"resources_preset": "c1.medium"}),
        task("list", "kafka", "sent", topics=[topic("more")]),
        task("delete", "kafka", "sent", state="absent", allow=["kafka.cluster.delete:sent"]),
    )
    written = [
        entry for entry in place.requests(since) if entry.verb in ("create", "update", "patch", "delete")
    ]
    assert [entry.verb for entry in written] == ["create", "patch", "patch", "patch", "delete"]
    assert {entry.code for entry in written} <= {200, 201}, "and none of them is refused"
    assert not [entry for entry in written if entry.dry_run or "fieldManager" in entry.path]


@lab
def test_answer_a_cluster_that_is_shown_late_is_waited_for(place: Place) -> None:
    """A server whose cache is late answers 404 right after the create."""
    kubeconfig = place.lab.kubeconfig(place.namespace, "admin", faulty=True)
    path = f"/apis/{GROUP}/namespaces/{place.namespace}/natses/late$"
    place.lab.faults.add(Fault("status", verbs=["get"], path=path, code=404, count=3))
    try:
        run = place.run(task("create", "nats", "late", replicas=2), kubeconfig=kubeconfig)
        assert [one.hits for one in place.lab.faults.all()] == [3]
    finally:
        place.lab.faults.clear()
    assert run["create"]["cluster"]["status"]["ready"]
    assert run.writes == ["create"]
