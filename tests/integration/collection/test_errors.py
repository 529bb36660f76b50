# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What goes wrong between Ansible and the API server: one line for a person, and no write done twice."""

from __future__ import annotations

import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.collection.plays import Place, Run, Task, task
from tests.integration.collection.wanted import topic
from tests.lab import kubeconfig, pki
from tests.lab.faults import Action, Fault, Verb
from tests.lab.labs import Lab

pytestmark = pytest.mark.lab


@pytest.fixture
def faulty(place: Place) -> Iterator[Path]:
    """The kubeconfig of an admin whose way leads through the proxy of faults; these end with the test."""
    yield place.lab.kubeconfig(place.namespace, "admin", faulty=True)
    place.lab.faults.clear()


def fault(place: Place, action: Action, verb: Verb, path: str, **details: Any) -> None:
    place.lab.faults.add(Fault(action, verbs=[verb], path=path, **details))


def hits(place: Place) -> list[int]:
    return [one.hits for one in place.lab.faults.all()]


# --- who asks, and whom -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def strangers(lab: Lab, place: Place, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One play of people who get nowhere."""
    directory = tmp_path_factory.mktemp("strangers")
    access = kubeconfig.read(lab.admin_kubeconfig)
    revoked, foreign = directory / "revoked", directory / "foreign"
    own = {"user": "somebody", "namespace": place.namespace}
    kubeconfig.write(revoked, access.server, access.authority, credential="no-such-token-7421", **own)
    other = pki.Authority.create("somebody else").pair.certificate
    kubeconfig.write(foreign, access.server, other, credential="no-such-token-7421", **own)
    (directory / "torn").write_text("users: []\ntoken: [no-such-token-7421")
    (directory / "empty").write_text("{}")
    view = str(lab.kubeconfig(place.namespace, "view"))
    options: dict[str, dict[str, Any]] = {
        "revoked": {"kubeconfig": str(revoked)},
        "view": {"kubeconfig": view},
        "elsewhere": {"namespace": "tenant-of-others"},
        "nowhere": {"namespace": "tenant-nowhere", "kubeconfig": str(lab.admin_kubeconfig)},
        "foreign": {"kubeconfig": str(foreign)},
        "missing": {"kubeconfig": str(directory / "missing")},
        "torn": {"kubeconfig": str(directory / "torn")},
        "empty": {"kubeconfig": str(directory / "empty")},
        "context": {"context": "not-there"},
        "no URL": {"host": "not an address", "api_key": "no-such-token-7421"},
    }
    return place.run(*(task(title, "nats", "one", fails=True, **rest) for title, rest in options.items()))


EXPECTED = {
    "revoked": ["does not accept these credentials (401)", "get a new one"],
    "view": [
        'cannot create resource "natses" in API group "apps.cozystack.io"',
        "view@tenant-",
        "ask the tenant",
    ],
    "elsewhere": ['cannot get resource "natses"', 'in the namespace "tenant-of-others"', "admin@tenant-"],
    "nowhere": ["tenant-nowhere", "not found", "check `namespace`"],
    "foreign": ["its certificate is not trusted", "give the CA that signed it as `ca_cert`"],
    "missing": ["kubeconfig: cannot read", "No such file or directory"],
    "torn": ["not YAML (line 2)"],
    "empty": ["no current-context"],
    "context": ["'not-there'"],
    "no URL": ["not an address"],
}


@pytest.mark.parametrize("who", EXPECTED)
def test_a_stranger_is_told_why_in_one_line(strangers: Run, who: str) -> None:
    message = strangers.msg(who)
    for part in EXPECTED[who]:
        assert part in message
    assert "\n" not in message
    assert "no-such-token" not in strangers.output


def test_strangers_have_changed_nothing(strangers: Run, place: Place) -> None:
    assert place.app("nats", "one").get() is None
    assert [strangers[title]["changed"] for title in strangers.results] == [False] * len(EXPECTED)


def test_a_refused_request_is_in_the_result_with_its_status(strangers: Run) -> None:
    assert strangers["view"]["status"] == 403
    assert strangers["view"]["request"].startswith("POST /apis/apps.cozystack.io/")
    assert "system:" not in strangers.msg("revoked")


def test_without_its_packages_the_module_says_which_one_and_where(place: Place, tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    bare = tmp_path / "bare" / "bin" / "python"
    arguments = ["--extra-vars", f"ansible_python_interpreter={bare}"]
    run = place.run(task("create", "nats", "one", fails=True), arguments=arguments)
    assert "the Python package PyYAML is needed to read a kubeconfig and is not installed" in run.msg(
        "create"
    )


def test_a_reader_can_run_what_changes_nothing(place: Place) -> None:
    place.app("nats", "seen").create(replicas=3).until_ready()
    run = place.run(
        task("same", "nats", "seen", replicas=3),
        Task("list", "clusters_info", {"kinds": ["nats"]}),
        level="view",
    )
    assert not run["same"]["changed"]
    assert "seen" in [one["name"] for one in run["list"]["clusters"]]


# --- answers that do not come -------------------------------------------------------------------------------


def test_reads_are_tried_again(place: Place, faulty: Path) -> None:
    place.app("nats", "read").create(replicas=3).until_ready()
    fault(place, "status", "get", "natses/read", code=429, retry_after=1)
    fault(place, "status", "get", "natses/read", code=503)
    fault(place, "cut", "get", "natses/read")
    run = place.run(task("same", "nats", "read", replicas=3), kubeconfig=faulty)
    assert not run["same"]["changed"]
    assert hits(place) == [1, 1, 1]


def test_a_server_that_never_answers_is_one_line(place: Place, faulty: Path) -> None:
    fault(place, "status", "get", "natses/silent", code=503, count=0, message="etcd is down")
    run = place.run(task("read", "nats", "silent", fails=True), kubeconfig=faulty)
    assert "does not answer this request (HTTP 503: etcd is down); try again later" in run.msg("read")
    assert not run["read"]["changed"]


@pytest.mark.parametrize("code", [429, 503])
def test_a_write_that_was_not_taken_is_sent_again(place: Place, faulty: Path, code: int) -> None:
    name = f"pushed-{code}"
    fault(place, "status", "create", "kafkas", code=code, retry_after=1)
    fault(place, "status", "patch", f"kafkas/{name}", code=code, retry_after=1)
    run = place.run(
        task("create", "kafka", name), task("add", "kafka", name, topics=[topic("t")]), kubeconfig=faulty
    )
    assert hits(place) == [1, 1]
    assert run.writes == ["create", "patch"]


def test_a_create_whose_answer_is_lost_is_not_repeated(place: Place, faulty: Path) -> None:
    fault(place, "lose-answer", "create", "natses")
    run = place.run(task("create", "nats", "lost", replicas=3), kubeconfig=faulty)
    assert run.writes == ["create"]
    assert run["create"]["changed"]
    assert run["create"]["cluster"]["status"]["ready"], "and is waited for all the same"


def test_a_topic_whose_answer_is_lost_is_there_once(place: Place, faulty: Path) -> None:
    app = place.app("kafka", "lost").create().until_ready()
    fault(place, "lose-answer", "patch", "kafkas/lost")
    run = place.run(task("add", "kafka", "lost", topics=[topic("t")]), kubeconfig=faulty)
    assert [one["name"] for one in (app.get() or {})["spec"]["topics"]] == ["t"]
    assert run.writes == ["patch"]
    assert run["add"]["changed"]
    assert app.resource("KafkaTopic", "kafka-lost-t") == "Ready", "the wait was not skipped"


def test_a_patch_that_the_server_never_saw_is_sent_after_another_look(place: Place, faulty: Path) -> None:
    app = place.app("kafka", "unseen").create().until_ready()
    fault(place, "cut", "patch", "kafkas/unseen")
    fault(place, "status", "patch", "kafkas/unseen", code=500, message="etcdserver: request timed out")
    run = place.run(task("add", "kafka", "unseen", topics=[topic("t")]), kubeconfig=faulty)
    assert [one["name"] for one in (app.get() or {})["spec"]["topics"]] == ["t"]
    assert hits(place) == [1, 1]
    assert run.writes == ["patch"]


def test_a_delete_whose_answer_is_lost_ends_with_the_cluster_gone(place: Place, faulty: Path) -> None:
    app = place.app("nats", "going").create(replicas=3).until_ready()
    fault(place, "lose-answer", "delete", "natses/going")
    gone: dict[str, Any] = {"state": "absent", "allow": ["nats.cluster.delete:going"]}
    run = place.run(task("delete", "nats", "going", **gone), kubeconfig=faulty)
    assert run["delete"]["changed"]
    assert app.get() is None
    assert app.listed("pods") == []


def test_a_conflict_is_read_and_planned_again(place: Place, faulty: Path) -> None:
    app = place.app("kafka", "contended").create(topics=[topic("theirs")]).until_ready()
    message = "failed to update HelmRelease: the object has been modified; please apply your changes"
    fault(place, "status", "patch", "kafkas/contended", code=500, message=message)
    fault(place, "status", "patch", "kafkas/contended", code=409, message=message)
    place.run(task("add", "kafka", "contended", topics=[topic("ours")]), kubeconfig=faulty)
    assert [one["name"] for one in (app.get() or {})["spec"]["topics"]] == ["theirs", "ours"]
    assert hits(place) == [1, 1]


def test_a_watch_that_breaks_off_does_not_end_the_wait(place: Place, faulty: Path) -> None:
    app = place.app("nats", "watched").create(replicas=3).until_ready()
    fault(place, "drop-watch", "watch", "natses", seconds=0, count=2)
    fault(place, "status", "watch", "natses", code=500)
    place.run(task("grow", "nats", "watched", replicas=5), kubeconfig=faulty)
    assert len(app.broker_pods()) == 5
