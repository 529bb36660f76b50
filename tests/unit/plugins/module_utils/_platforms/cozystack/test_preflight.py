# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What is asked before a write, and only then: schema, quota and rights, none of which hides another."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._convergence import errors
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.fields import Finding
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.applications import (
    APPLICATIONS,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.preflight import (
    Preflight,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.rights import REVIEWS
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.schema import DOCUMENT
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.disk_cache import DiskCache
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.session import Session, Tagged
from tests.unit.plugins.module_utils._platforms.cozystack.test_schema import document
from tests.unit.plugins.module_utils.tables import Options, plan

QUOTAS = "/api/v1/namespaces/tenant-acme/resourcequotas"
NO_PODS = {"metadata": {"name": "tenant-quota"}, "status": {"hard": {"pods": "0"}, "used": {"pods": "0"}}}
RABBIT: Options = {"replicas": 3, "resources_preset": "s1.small"}
LIST = ["list pods", "list workloadmonitors.cozystack.io"]
Trouble: TypeAlias = "errors.Failure | None"


class Platform(Session):
    """An older platform with a quota of no pods where nothing is allowed; `asked` is what it was asked. A
    source with a failure does not answer."""

    def __init__(
        self,
        *,
        schema: Trouble = None,
        quotas: Trouble = None,
        reviews: Trouble = None,
        allowed: tuple[str, ...] = (),
    ) -> None:
        self.server = "https://one"
        self.asked: list[str] = []
        self._failures = {DOCUMENT: schema, QUOTAS: quotas, REVIEWS: reviews}
        self._allowed = allowed

    def _ask(self, path: str, what: str) -> None:
        self.asked.append(what)
        failure = self._failures[path]
        if failure is not None:
            raise failure

    def read_tagged(self, path: str, tag: str = "") -> Tagged | None:
        self._ask(path, "schema")
        return Tagged(document("older"), '"one"')

    def read(self, path: str, **query: str) -> Any:
        self._ask(path, "quotas")
        return {"items": [NO_PODS]}

    def ask(self, path: str, question: Any) -> Any:
        attributes = question["spec"]["resourceAttributes"]
        assert attributes["namespace"] == "tenant-acme"
        group = attributes["group"]
        right = f"{attributes['verb']} {attributes['resource']}" + (f".{group}" if group else "")
        self._ask(path, right)
        return {"status": {"allowed": right in self._allowed}}


def findings(
    platform: Platform,
    tmp_path: Path,
    before: Options | None,
    after: Options | None,
    *,
    kind: str = "rabbitmq",
    waits: bool = True,
) -> tuple[Finding, ...]:
    preflight = Preflight(platform, DiskCache(str(tmp_path / "cache")))
    return preflight.findings(APPLICATIONS[kind], plan(kind, before, after), waits=waits)


def reasons(found: tuple[Finding, ...]) -> list[str]:
    return [one.reason for one in found]


def test_all_that_stands_against_a_plan_comes_at_once(tmp_path: Path) -> None:
    found = findings(Platform(), tmp_path, None, RABBIT)
    assert reasons(found) == [
        "cozystack.value.unknown",
        "cozystack.quota.exceeded",
        "cozystack.right.missing",
        "cozystack.right.missing",
    ]


def test_a_create_asks_for_schema_quota_and_what_its_wait_needs(tmp_path: Path) -> None:
    platform = Platform()
    findings(platform, tmp_path, None, RABBIT)
    assert platform.asked == ["schema", "quotas", *LIST]


def test_a_change_that_needs_nothing_more_asks_no_quota(tmp_path: Path) -> None:
    platform = Platform()
    findings(platform, tmp_path, RABBIT, {"users": [{"name": "a"}]})
    assert platform.asked == ["schema", *LIST]
    larger = Platform()
    findings(larger, tmp_path, RABBIT, {"replicas": 5})
    assert larger.asked == ["schema", "quotas", *LIST]


@pytest.mark.parametrize("kind", ["kafka", "rabbitmq", "nats"])
def test_a_delete_asks_for_both_its_writes_and_what_its_wait_needs(tmp_path: Path, kind: str) -> None:
    platform = Platform()
    before = {"replicas": 3, "resources_preset": "s1.small"} if kind != "kafka" else {}
    found = findings(platform, tmp_path, before, None, kind=kind)
    resource = f"{APPLICATIONS[kind].resource}.apps.cozystack.io"
    assert platform.asked == [f"patch {resource}", f"delete {resource}", *LIST, "list services"]
    assert reasons(found) == ["cozystack.right.missing"] * 5


def test_nothing_is_asked_where_nothing_changes(tmp_path: Path) -> None:
    platform = Platform()
    assert findings(platform, tmp_path, RABBIT, {"replicas": 3}) == ()
    assert findings(platform, tmp_path, None, None) == ()
    assert platform.asked == []


def test_without_a_wait_its_rights_are_not_needed(tmp_path: Path) -> None:
    platform = Platform()
    findings(platform, tmp_path, RABBIT, {"users": [{"name": "a"}]}, waits=False)
    findings(platform, tmp_path, RABBIT, None, waits=False)
    rabbits = "rabbitmqs.apps.cozystack.io"
    assert platform.asked == ["schema", f"patch {rabbits}", f"delete {rabbits}"]


def test_a_missing_right_is_named_with_verb_resource_group_and_namespace(tmp_path: Path) -> None:
    everything = (*LIST, "list services", "patch rabbitmqs.apps.cozystack.io")
    (found,) = findings(Platform(allowed=everything), tmp_path, RABBIT, None)
    assert "you may not delete rabbitmqs.apps.cozystack.io in tenant-acme" in found.text
    assert found.way_out == "ask the tenant's owner for a role that includes it"


def test_what_is_asked_again_in_the_same_run_is_not_sent_again_but_the_quota(tmp_path: Path) -> None:
    platform = Platform()
    preflight = Preflight(platform, DiskCache(str(tmp_path / "cache")))
    made = plan("rabbitmq", None, RABBIT)
    first = preflight.findings(APPLICATIONS["rabbitmq"], made)
    assert preflight.findings(APPLICATIONS["rabbitmq"], made) == first
    assert platform.asked == ["schema", "quotas", *LIST, "quotas"]


REFUSED = [errors.Forbidden("403"), errors.NotFound("404")]


@pytest.mark.parametrize("refusal", REFUSED)
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("schema", "cozystack.value.unknown"),
        ("quotas", "cozystack.quota.exceeded"),
        ("reviews", "cozystack.right.missing"),
    ],
)
def test_a_source_that_may_not_be_read_stands_against_nothing_and_hides_no_other(
    tmp_path: Path, source: str, reason: str, refusal: errors.Failure
) -> None:
    everything = set(reasons(findings(Platform(), tmp_path, None, RABBIT)))
    failure: dict[str, Any] = {source: refusal}
    assert set(reasons(findings(Platform(**failure), tmp_path, None, RABBIT))) == everything - {reason}


@pytest.mark.parametrize("source", ["schema", "quotas", "reviews"])
def test_any_other_failure_is_the_callers(tmp_path: Path, source: str) -> None:
    failure: dict[str, Any] = {source: errors.Busy("503")}
    with pytest.raises(errors.Busy):
        findings(Platform(**failure), tmp_path, None, RABBIT)


def test_a_plan_is_spelled_as_the_platform_spells_once_its_schema_is_known(tmp_path: Path) -> None:
    preflight = Preflight(Platform(), DiskCache(str(tmp_path / "cache")))
    made = plan("nats", None, {"replicas": 3, "resources_preset": "c1.small"})
    assert preflight.spelled(APPLICATIONS["nats"], made) == made
    preflight.findings(APPLICATIONS["nats"], made)
    here = preflight.spelled(APPLICATIONS["nats"], made)
    assert here.declared.values["resources_preset"] == "medium"
