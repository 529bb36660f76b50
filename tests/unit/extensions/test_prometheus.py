# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Each alert has a runbook that is there and names it, and a test of promtool in which it fires."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.collection_path import ROOT

FOLDER = ROOT / "extensions" / "prometheus"
FILES = sorted(FOLDER.glob("*.yml"))
LINK = re.compile(r"https://github\.com/brokerops/messaging/blob/main/(docs/runbooks/\w+\.md)#([a-z0-9-]+)")
every_file = pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])


def rules(file: Path) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]


def sections(page: Path) -> dict[str, str]:
    """The sections of a page by their anchors, as GitHub makes them."""
    parts = re.split(r"^#{2,3} (.+)$", page.read_text(), flags=re.M)[1:]
    return {
        re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-"): b
        for t, b in zip(*[iter(parts)] * 2, strict=True)
    }


def test_there_are_rules_for_each_broker() -> None:
    assert [file.stem for file in FILES] == ["kafka", "nats", "rabbitmq"]


@every_file
def test_each_alert_has_a_summary_a_severity_and_a_runbook_that_names_it(file: Path) -> None:
    for rule in rules(file):
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"]
        link = LINK.fullmatch(rule["annotations"]["runbook_url"])
        assert link, rule["alert"]
        section = sections(ROOT / link[1]).get(link[2], "")
        assert f"`{rule['alert']}`" in section, f"{link[0]} does not name {rule['alert']}"


@every_file
def test_each_alert_fires_in_a_test_of_promtool(file: Path) -> None:
    tests = yaml.safe_load((FOLDER / "tests" / file.name).read_text())["tests"]
    fires = {one["alertname"] for test in tests for one in test["alert_rule_test"] if one["exp_alerts"]}
    assert fires == {rule["alert"] for rule in rules(file)}


def test_each_alert_of_a_runbook_is_there() -> None:
    for page in (ROOT / "docs" / "runbooks").glob("*.md"):
        named = set(
            re.findall(
                r"`([A-Z][A-Za-z]+)`", "".join(re.findall(r"\*\*Alert\*\* .*?\. \*\*", page.read_text()))
            )
        )
        assert named <= {rule["alert"] for file in FILES for rule in rules(file)}, page


@every_file
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here")
def test_promtool_finds_that_the_rules_do_what_their_tests_say(file: Path) -> None:
    for command in (["check", "rules", file], ["test", "rules", FOLDER / "tests" / file.name]):
        ended = subprocess.run(["promtool", *map(str, command)], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
