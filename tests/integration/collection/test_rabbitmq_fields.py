# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""RabbitMQ's fields on the real API server: created, changed, given back, compared by what they mean, judged.

Where something is refused, another client does it, and is bitten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.collection.plays import Place, Run, paths, reasons, task
from tests.lab.client import Object

pytestmark = pytest.mark.lab

NAME = "fields"
FIRST: dict[str, Any] = {
    "replicas": 3,
    "version": "v4.2",
    "resources_preset": "t1.nano",
    "resources": {"memory": "1Gi"},
    "users": [{"name": "app", "password": "FirstSecret42"}],
    "vhosts": [{"name": "work", "admins": ["app"]}],
}
SPELLED: dict[str, Any] = FIRST | {"resources_preset": "nano", "resources": {"memory": "1024Mi"}}
CHANGED: dict[str, Any] = {
    "resources": {"cpu": 1, "memory": "2Gi"},
    "external": True,
    "users": [{"name": "worker"}],
    "vhosts": [{"name": "work", "admins": ["worker", "app"]}, {"name": "mail", "readonly": ["app"]}],
    "allow": ["rabbitmq.external.plaintext:fields"],
}
RESET: dict[str, Any] = {
    "resources_preset": "s1.nano",
    "reset": ["resources", "external"],
    "allow": ["rabbitmq.external.close:fields"],
}


@dataclass(frozen=True)
class Seen:
    """What was seen of one cluster, in this order."""

    created: Run
    stored: Object
    limits: dict[str, str]
    changed: Run
    after: Object
    service: str
    rights: list[str]
    reset: Run
    end: Object
    limits_at_the_end: dict[str, str]


@pytest.fixture(scope="module")
def seen(place: Place) -> Iterator[Seen]:
    app = place.app("rabbitmq", NAME)
    created = place.run(
        task("create", "rabbitmq", NAME, **FIRST),
        task("again", "rabbitmq", NAME, **FIRST),
        task("spelled", "rabbitmq", NAME, **SPELLED),
    )
    stored, first_limits = place.record("rabbitmq", NAME)["spec"]["values"], app.limits()
    changed = place.run(
        task("change", "rabbitmq", NAME, **CHANGED), task("again", "rabbitmq", NAME, **CHANGED)
    )
    after = (app.get() or {})["spec"]
    service = app.api.get(f"/api/v1/namespaces/{place.namespace}/services/{app.release}")["spec"]["type"]
    rights = app.view()["truth"]["permissions"].get("work worker", [])[2:]
    reset = place.run(task("reset", "rabbitmq", NAME, **RESET), task("again", "rabbitmq", NAME, **RESET))
    end = place.record("rabbitmq", NAME)["spec"]["values"]
    yield Seen(created, stored, first_limits, changed, after, str(service), rights, reset, end, app.limits())


def test_resources_override_the_preset_key_by_key(seen: Seen) -> None:
    assert seen.stored["resources"] == {"memory": "1Gi"}
    assert seen.limits == {"cpu": "250m", "memory": "1Gi"}, "memory as given, processors from t1.nano"


def test_every_other_spelling_of_it_is_no_change(seen: Seen) -> None:
    assert seen.created.writes == ["create"]
    for title in ("again", "spelled"):
        assert seen.created[title]["plan"]["changes"] == []
        assert seen.created[title]["requests"] == {"reads": 1, "writes": 0}


def test_a_change_of_the_new_fields_is_one_write_and_then_free(seen: Seen) -> None:
    assert paths(seen.changed["change"])[:-1] == [
        "resources.cpu",
        "resources.memory",
        "external",
        "users[worker]",
        "vhosts[work].admins",
        "vhosts[mail]",
    ]
    assert seen.changed.writes == ["patch"]
    assert not seen.changed["again"]["changed"]
    assert seen.changed["again"]["requests"] == {"reads": 1, "writes": 0}


def test_a_role_may_name_a_user_that_is_live_and_not_declared_in_this_run(seen: Seen) -> None:
    assert seen.after["vhosts"]["work"]["roles"]["admin"] == ["worker", "app"]
    assert seen.rights == [".*", ".*", ".*"]


def test_a_change_is_in_force_when_the_task_ends(seen: Seen) -> None:
    assert seen.after["resources"] in ({"cpu": 1, "memory": "2Gi"}, {"cpu": "1", "memory": "2Gi"})
    assert seen.service == "LoadBalancer"


def test_what_is_reset_follows_the_platform_again(seen: Seen) -> None:
    assert paths(seen.reset["reset"]) == ["resources_preset", "resources.cpu", "resources.memory", "external"]
    assert seen.reset.writes == ["patch"]
    assert not seen.reset["again"]["changed"]
    assert seen.end.get("resources") in (None, {})
    assert not seen.end.get("external")
    assert seen.limits_at_the_end == {"cpu": "250m", "memory": "512Mi"}


# ---- what is judged

SPEC: dict[str, Any] = {
    "resourcesPreset": "s1.nano",
    "users": {"app": {"password": "FirstSecret42"}},
    "vhosts": {"work": {"roles": {"admin": ["app"]}}},
}
JUDGED: dict[str, tuple[dict[str, Any], str]] = {
    "too little memory by the preset": ({"resources_preset": "nano"}, "rabbitmq.memory.too_small"),
    "too little memory by resources": ({"resources": {"memory": "200Mi"}}, "rabbitmq.memory.too_small"),
    "a role for a user that is neither live nor declared": (
        {"users": [{"name": "worker"}], "vhosts": [{"name": "work", "admins": ["app", "ghost"]}]},
        "rabbitmq.vhost.role.unknown_user",
    ),
    "both roles": (
        {"vhosts": [{"name": "work", "readonly": ["app"]}]},
        "rabbitmq.vhost.role.twice",
    ),
    "a new password": (
        {"users": [{"name": "app", "password": "SecondSecret42"}]},
        "rabbitmq.user.password.change",
    ),
}


@pytest.fixture(scope="module")
def judged(place: Place) -> Iterator[tuple[Run, Object, Object]]:
    """Everything that is refused in one run, and the release before and after it."""
    place.app("rabbitmq", "judged").create(**SPEC).until_ready()
    before = place.record("rabbitmq", "judged")
    tasks = [
        task(title, "rabbitmq", "judged", fails=True, **options)
        for title, (options, _unused) in JUDGED.items()
    ]
    run = place.run(
        *tasks,
        task("outside", "rabbitmq", "judged", fails=True, external=True),
        task("milli", "rabbitmq", "judged", fails=True, resources={"memory": "512m"}),
        task(
            "weak",
            "rabbitmq",
            "unborn",
            fails=True,
            durability="required",
            replicas=2,
            resources_preset="s1.nano",
        ),
    )
    yield run, before, place.record("rabbitmq", "judged")


Judged = tuple[Run, Object, Object]


@pytest.mark.parametrize("case", JUDGED)
def test_what_cannot_work_is_refused_with_what_would(judged: Judged, case: str) -> None:
    result = judged[0][case]
    assert reasons(result) == [JUDGED[case][1]]
    assert result["refusals"][0]["way_out"]
    assert result["refusals"][0]["consent"] == ""


def test_access_from_outside_is_plain_text_and_needs_that_consent(judged: Judged) -> None:
    consents = [one["consent"] for one in judged[0]["outside"]["refusals"]]
    assert consents == ["rabbitmq.external.plaintext:judged"]


def test_memory_in_milli_bytes_is_a_slip_told_before_any_request(judged: Judged) -> None:
    assert "requests" not in judged[0]["milli"]
    assert "memory is written like 512Mi or 2Gi" in judged[0].msg("milli")


def test_where_durability_is_required_nodes_without_a_quorum_are_refused(judged: Judged) -> None:
    assert reasons(judged[0]["weak"]) == ["rabbitmq.durability.replicas"]


def test_nothing_of_it_was_written_and_no_password_shown(judged: Judged) -> None:
    run, before, after = judged
    assert run.writes == []
    assert after == before
    assert "SecondSecret42" not in run.output
    assert "FirstSecret42" not in run.output


# ---- the platform would have bitten


def test_bitten_by_the_platforms_own_default_which_can_still_be_adopted(place: Place) -> None:
    """Another client leaves preset and version to the platform: Ready, and killed again and again. Declaring
    it as it stands changes nothing, and what leads out is not blocked."""
    app = place.app("rabbitmq", "bitten-memory").create(replicas=3).until_ready()

    def kills() -> int:
        found = [pod.get("status", {}).get("containerStatuses") or [] for pod in app.broker_pods()]
        return sum(one["restartCount"] for statuses in found for one in statuses)

    app.until("kills", lambda: kills() > 0)
    before = place.record("rabbitmq", "bitten-memory")
    adopted = place.run(
        task(
            "adopt",
            "rabbitmq",
            "bitten-memory",
            replicas=3,
            resources_preset="nano",
            version="v4.2",
        )
    )
    assert not adopted["adopt"]["changed"]
    assert adopted.counted == (1, 0)
    assert place.record("rabbitmq", "bitten-memory") == before
    out = place.run(task("out", "rabbitmq", "bitten-memory", resources_preset="s1.nano"))
    assert out["out"]["changed"]
    app.until("life", lambda: [app.is_ready(pod) for pod in app.broker_pods()] == [True] * 3)


def test_bitten_by_a_new_password(place: Place) -> None:
    """Another client changes it: the visible Secret follows, the broker does not."""
    app = place.app("rabbitmq", "bitten-password").create(**SPEC).until_ready()
    app.patch(users={"app": {"password": "SecondSecret42"}})
    app.until_ready(2)
    assert app.secret("app-credentials")["password"] == "SecondSecret42"
    assert app.login_works("app", "FirstSecret42")
    assert not app.login_works("app", "SecondSecret42")


def test_bitten_by_a_role_without_its_user(place: Place) -> None:
    spec = SPEC | {"vhosts": {"work": {"roles": {"admin": ["ghost"]}}}}
    app = place.app("rabbitmq", "bitten-role").create(**spec)
    app.until("pods", lambda: len(app.broker_pods()) == 3)
    name = "rabbitmq-bitten-role-work-ghost"
    app.until("refusal", lambda: app.resource("Permission", name) not in ("", "Ready"))
