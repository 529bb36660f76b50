# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The command line: what it understands, and that a failure is one line and exit 1."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.lab import cache, cli


def test_every_command_has_a_help_text(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for command in [*cli.COMMANDS, "fault"]:
        assert re.search(rf"^    {command}\s", text, re.MULTILINE)


@pytest.mark.parametrize(
    "arguments",
    [
        ["kubeconfig", "tenant-acme"],
        ["tenant", "acme"],
        ["reset"],
        ["logs"],
        ["fault", "api", "cut"],
        ["fault", "platform", "freeze"],
    ],
)
def test_command_without_a_lab_is_one_line_and_exit_1(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 1
    assert capsys.readouterr().err == "lab: no lab 'default'; running: none\n"


def test_status_without_a_lab_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status"]) == 0
    assert cli.main(["status", "--json"]) == 0
    text, _unused, data = capsys.readouterr().out.partition("\n")
    assert text == "no lab is running"
    assert json.loads(data) == []


def test_down_without_a_lab_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["down"]) == 0
    assert capsys.readouterr().out == "there is no lab default\n"


def test_cache_path_too_long_for_a_socket_is_refused_with_the_limit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("BROKEROPS_CACHE", str(tmp_path / ("x" * cache.LONGEST_ROOT)))
    assert cli.main(["status"]) == 1
    assert f"{cache.LONGEST_ROOT} is the limit" in capsys.readouterr().err
