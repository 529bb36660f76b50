# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A gate that lets a failure through is worse than none."""

from __future__ import annotations

import concurrent.futures
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tooling import runner
from tooling.runner import Part, Result

JUNIT = """<testsuites><testsuite>
  <testcase name="good"/>
  <testcase name="bad"><failure message="no"/></testcase>
  <testcase name="broken"><error message="no"/></testcase>
  <testcase name="not here"><skipped type="pytest.skip" message="no engine"/></testcase>
  <testcase name="known"><skipped type="pytest.xfail" message="a known limit"/></testcase>
</testsuite></testsuites>"""


@pytest.fixture(autouse=True)
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(runner, "REPORTS", tmp_path)
    monkeypatch.setattr(runner, "ROOT", tmp_path)
    return tmp_path


def part(name: str, code: str, needs: tuple[str, ...] = (), minutes: float = 1) -> Part:
    return Part(name, (sys.executable, "-c", code), venv=None, needs=needs, minutes=minutes)


def outcomes(reports: Path) -> dict[str, str]:
    return {row["name"]: row["outcome"] for row in json.loads((reports / "report.json").read_text())["parts"]}


def test_all_parts_run_although_one_fails_and_the_run_has_failed(reports: Path) -> None:
    assert not runner.run("title", [part("first", "raise SystemExit(3)"), part("second", "pass")])
    assert outcomes(reports) == {"first": "failed", "second": "passed"}
    assert (reports / "summary.txt").read_text() == "1 passed, 1 failed, 0 skipped\n"


def test_a_run_without_a_failure_has_passed(reports: Path) -> None:
    assert runner.run("title", [part("first", "pass"), part("second", "pass", needs=("first",))])
    assert (reports / "summary.txt").read_text() == "2 passed, 0 failed, 0 skipped\n"


def test_what_needs_a_failed_part_is_skipped_and_says_why(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = [part("first", "raise SystemExit(1)"), part("second", "pass", needs=("first",))]
    assert not runner.run("title", parts)
    assert outcomes(reports) == {"first": "failed", "second": "skipped"}
    assert "skipped in second: not run: first did not pass" in capsys.readouterr().out


def test_a_part_starts_only_after_what_it_needs(reports: Path) -> None:
    made = reports / "made"
    first = part("first", f"import pathlib, time; time.sleep(0.2); pathlib.Path({str(made)!r}).touch()")
    second = part("second", f"import os; assert os.path.exists({str(made)!r})", needs=("first",))
    assert runner.run("title", [second, first])


def test_a_part_that_this_machine_cannot_run_is_a_visible_skip(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cannot = Part("kind", ("false",), venv=None, unless=lambda: "no engine answers")
    assert runner.run("title", [cannot, part("other", "pass")])
    assert outcomes(reports)["kind"] == "skipped"
    assert "skipped in kind: no engine answers" in capsys.readouterr().out


def test_a_part_that_runs_too_long_fails_and_leaves_no_process(reports: Path) -> None:
    note = reports / "pid"
    code = f"""
import pathlib, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path({str(note)!r}).write_text(str(child.pid))
child.wait()
"""
    assert not runner.run("title", [part("endless", code, minutes=1 / 60)])
    assert outcomes(reports) == {"endless": "failed"}
    assert ended(int(note.read_text()))


def ended(pid: int) -> bool:
    """Whether a process that has been told to end is gone; whose child it was may take a moment to see it."""
    for _unused in range(300):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_an_interrupted_run_ends_its_parts_and_still_closes_with_the_sum(
    reports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(concurrent.futures, "wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        runner.run("title", [part("first", "import time; time.sleep(600)"), part("second", "pass")], lanes=1)
    assert (reports / "summary.txt").read_text() == "0 passed, 2 failed, 0 skipped\n"


def pytest_part(reports: Path, tests: str, again: bool = True) -> Part:
    """A part that runs these tests with a pytest of its own."""
    program = reports / "pytest"
    program.write_text(f"#!{sys.executable}\nimport sys, pytest\nsys.exit(pytest.main(sys.argv[1:]))\n")
    program.chmod(0o755)
    (reports / "test_it.py").write_text(f"import pathlib\nhere = pathlib.Path({str(reports)!r})\n{tests}")
    (reports / "pytest.ini").write_text("[pytest]\n")
    command = (str(program), f"--junitxml={reports / 'tests.xml'}", "test_it.py")
    return Part("tests", command, venv=None, again=again)


FAILS_ONCE = """
def test_unsteady():
    seen = here / "seen"
    assert seen.exists() or seen.touch()
"""


def test_what_passes_only_at_the_second_attempt_is_named(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runner.run("title", [pytest_part(reports, FAILS_ONCE + "def test_good(): pass")])
    assert (reports / "summary.txt").read_text() == "2 passed, 0 failed, 0 skipped\n"
    said = "unsteady in tests, passed at the second attempt: test_it.py::test_unsteady"
    assert said in capsys.readouterr().out
    assert "test_good" not in (reports / "tests-again.log").read_text(), "only what had failed"


@pytest.mark.parametrize(
    ("tests", "failed"),
    [
        ("def test_bad(): assert False", 1),
        (FAILS_ONCE + "def test_bad(): assert False", 2),
        (
            "".join(
                FAILS_ONCE.replace("unsteady", f"unsteady_{n}").replace("seen", f"seen_{n}")
                for n in "abcdefg"
            ),
            7,
        ),
        ("raise ValueError", 1),
    ],
    ids=["fails twice", "one of two fails twice", "too many for an accident", "no test ran"],
)
def test_a_second_attempt_hides_no_failure(reports: Path, tests: str, failed: int) -> None:
    assert not runner.run("title", [pytest_part(reports, tests)])
    assert f" {failed} failed" in (reports / "summary.txt").read_text()


def test_there_is_no_second_attempt_where_none_was_asked_for(reports: Path) -> None:
    assert not runner.run("title", [pytest_part(reports, FAILS_ONCE, again=False)])
    assert not (reports / "tests-again.log").exists()


def test_what_pytest_counted_is_taken_over(reports: Path) -> None:
    one = part("tests", "")
    one.junit.write_text(JUNIT)
    result = runner.judge(one, 1, 0)
    assert (result.passed, result.failed, result.skipped) == (2, 2, 1)
    assert result.reasons == ("no engine",)


@pytest.mark.parametrize(
    "prepare",
    [
        pytest.param(
            lambda junit: junit.write_text("<testsuites><testsuite/></testsuites>"), id="no test was found"
        ),
        pytest.param(lambda junit: None, id="pytest could not start"),
    ],
)
def test_pytest_that_ran_no_test_has_failed(prepare: Callable[[Path], None]) -> None:
    one = part("tests", "")
    prepare(one.junit)
    result = runner.judge(one, 5, 0)
    assert (result.outcome, result.failed) == ("failed", 1)


def test_the_closing_line_adds_up_all_parts() -> None:
    rows = [Result("a", "passed", passed=7), Result("b", "failed", passed=1, failed=2, skipped=3)]
    assert runner.totals(rows) == "8 passed, 2 failed, 3 skipped"
