# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The audit log is read from a mark on, a watch counts once, and a line being written is left for later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.lab.audit import AuditEntry, AuditLog


def event(
    audit_id: str,
    verb: str,
    *,
    uri: str = "/apis/x",
    user: str = "jo",
    agent: str = "a/1",
    resource: str = "kafkas",
) -> str:
    data: dict[str, Any] = {
        "auditID": audit_id,
        "verb": verb,
        "stageTimestamp": "2026-01-02T03:04:05.678901Z",
        "requestURI": uri,
        "user": {"username": user},
        "userAgent": agent,
        "objectRef": {"resource": resource, "namespace": "tenant-acme", "name": "orders"},
        "responseStatus": {"code": 200},
    }
    return json.dumps(data) + "\n"


class Log:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()
        self.log = AuditLog(path, lambda: None)

    def add(self, *lines: str) -> None:
        with self.path.open("a") as file:
            file.writelines(lines)


def verbs(entries: list[AuditEntry]) -> list[str]:
    return [entry.verb for entry in entries]


def test_only_what_came_after_the_mark_counts(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    log.add(event("1", "get"))
    mark = log.log.mark()
    log.add(event("2", "list"))
    assert verbs(log.log.requests(mark)) == ["list"]


def test_watch_with_two_stages_counts_once(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    mark = log.log.mark()
    log.add(event("1", "watch"), event("1", "watch"), event("2", "watch"))
    assert verbs(log.log.requests(mark)) == ["watch", "watch"]


def test_half_written_line_waits_for_its_end(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    mark = log.log.mark()
    log.add(event("1", "get"), event("2", "patch").rstrip("\n"))
    assert verbs(log.log.requests(mark)) == ["get"]
    log.add("\n")
    assert verbs(log.log.requests(mark)) == ["get", "patch"]


def test_entries_are_chosen_by_user_by_agent_and_by_namespace(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    mark = log.log.mark()
    log.add(event("1", "get"), event("2", "get", user="mo"), event("3", "list", agent="b/2"))
    assert len(log.log.requests(mark, user="jo")) == 2
    assert verbs(log.log.requests(mark, user="b/")) == ["list"]
    assert log.log.requests(mark, namespace="tenant-other") == []


def test_writes_are_the_mutating_verbs_dry_run_included(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    mark = log.log.mark()
    log.add(
        *(
            event(str(n), verb)
            for n, verb in enumerate(["get", "list", "watch", "create", "update", "delete"])
        )
    )
    log.add(event("dry", "patch", uri="/apis/x?fieldManager=y&dryRun=All"))
    found = log.log.writes(mark)
    assert verbs(found) == ["create", "update", "delete", "patch"]
    assert [entry.dry_run for entry in found] == [False, False, False, True]
    assert found[-1].path == "/apis/x"


def test_a_question_that_stores_nothing_is_no_write(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    mark = log.log.mark()
    log.add(event("1", "create", resource="selfsubjectaccessreviews"), event("2", "create"))
    assert verbs(log.log.requests(mark)) == ["ask", "create"]
    assert verbs(log.log.writes(mark)) == ["create"]


def test_the_server_is_given_time_to_write_before_each_reading(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.touch()
    late = [event("1", "get"), event("2", "patch")]
    log = AuditLog(path, lambda: path.write_text(path.read_text() + late.pop(0)))
    mark = log.mark()
    assert verbs(log.requests(mark)) == ["patch"]
