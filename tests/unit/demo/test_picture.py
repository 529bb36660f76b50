# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors

from __future__ import annotations

import io
import sys

import pytest

from tests.demo.picture import draw
from tests.demo.terminal import WIDTH, coloured, say, style, width
from tests.lab.standin.control import ClusterView, MemberView


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def member(component: str, ordinal: int, *, ready: bool = True) -> MemberView:
    return {
        "component": component,
        "ordinal": ordinal,
        "pod": f"{component}-{ordinal}",
        "ready": ready,
        "restarts": 0,
        "reason": "",
        "address": f"127.199.0.{20 + ordinal}",
        "pid": 1,
    }


def view(*members: MemberView) -> ClusterView:
    return {
        "namespace": "tenant-a",
        "app": "kafka",
        "name": "orders",
        "release": "kafka-orders",
        "phase": "ready",
        "revision": 2,
        "brokers": True,
        "version": None,
        "busy": False,
        "members": list(members),
        "endpoints": [],
        "resources": [],
        "truth": {},
    }


CLUSTER = {
    "kind": "kafka",
    "name": "orders",
    "options": {
        "topics": [{"name": "t", "partitions": 6, "replicas": 3, "config": {"min.insync.replicas": 2}}]
    },
    "status": {"ready": True, "workloads_ready": True, "revision": 2},
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize(("output", "colour"), [(Terminal(), True), (io.StringIO(), False)])
def test_every_line_is_as_wide_as_the_drawing_with_and_without_colour(
    output: io.StringIO, colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", output)
    members = [*(member("kafka", n) for n in range(4)), *(member("zookeeper", n) for n in range(3))]
    lines = list(draw("tenant-a", [(CLUSTER, view(*members))], before={"kafka-0"}))
    assert {width(line) for line in lines} == {WIDTH}
    assert ("\x1b" in "".join(lines)) is colour


def test_members_that_joined_and_members_that_are_down_can_be_told_apart() -> None:
    drawn = "\n".join(draw("tenant-a", [(CLUSTER, view(member("nats", 0, ready=False)))], before=()))
    assert "○ nats-0" in drawn
    assert "127.199.0.20:4222 new" in drawn
    assert "topic t: 6 partitions, 3 replicas, min.insync.replicas=2" in drawn


def test_no_color_is_respected_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert coloured()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured()
    assert style("text", "bold") == "text"


def test_an_output_that_knows_only_ascii_gets_other_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    say("┌─ ● ✓ → ✗ ○ │╯")
    assert raw.getvalue() == b"+- * + > ! o |+\n"
