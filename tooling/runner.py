# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Runs parts (one command each) side by side where they do not need each other, goes on when one fails, and
closes with a table of minutes and one line ``N passed, N failed, N skipped``."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from tests.collection_path import BUILD, ROOT, link
from tooling import venvs

REPORTS = BUILD / "test"
# What a failed part prints of its log, in lines.
TAIL = 60
GRACE_SECONDS = 20
# More failures than these are no accident.
FEW = 6


@dataclasses.dataclass(frozen=True)
class Part:
    """One command of a run.

    :param name: names the row of the table, the log and, where the command is pytest, its JUnit file
    :param command: run in the repository's root
    :param venv: the environment (tooling.venvs) whose programs come first; None is nox's own
    :param needs: names of parts that have to pass before this one starts; what is not in the run is ignored
    :param minutes: the part is stopped and has failed after so many
    :param unless: answers the reason why this machine cannot run the part, or None
    :param again: whether up to ``FEW`` failed tests are tried a second time, in a run of their own, and
        named in the table: what real brokers need of a busy machine is not always there
    """

    name: str
    command: tuple[str, ...]
    venv: str | None = venvs.DEV
    needs: tuple[str, ...] = ()
    minutes: float = 15
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)
    unless: Callable[[], str | None] = lambda: None
    again: bool = False

    @property
    def log(self) -> Path:
        """Where the part's output goes."""
        return REPORTS / f"{self.name}.log"

    @property
    def junit(self) -> Path:
        """Where pytest is asked to write its results; other commands write none."""
        return REPORTS / f"{self.name}.xml"


@dataclasses.dataclass(frozen=True)
class Result:
    """How a part ended: "passed", "failed" or "skipped". The numbers count tests, or else the part itself."""

    name: str
    outcome: str
    minutes: float = 0.0
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: tuple[str, ...] = ()
    unsteady: tuple[str, ...] = ()
    """The tests that passed only at the second attempt: each is a fault of itself or of what it tests."""


def run(title: str, parts: Sequence[Part], lanes: int = 2) -> bool:
    """Run ``parts``, up to ``lanes`` at once and each as early in the given order as its needs allow.

    Prints a line when a part starts and ends, the table and the sum at the end, and writes both to
    build/test/{report.json,summary.txt}; an interrupt ends the running parts and comes after the table.

    :returns: whether no part failed
    """
    began = time.monotonic()
    link()
    REPORTS.mkdir(parents=True, exist_ok=True)
    results: dict[str, Result] = {}
    try:
        _schedule(parts, results, lanes)
    finally:
        stopped = Result("", "failed", failed=1, reasons=("the run was interrupted",))
        rows = [results.get(part.name, dataclasses.replace(stopped, name=part.name)) for part in parts]
        _report(title, (time.monotonic() - began) / 60, rows)
    return all(row.outcome != "failed" for row in rows)


def _schedule(parts: Sequence[Part], results: dict[str, Result], lanes: int) -> None:
    waiting = list(parts)
    running: dict[concurrent.futures.Future[Result], Part] = {}
    names = {part.name for part in parts}
    # In this order: an interrupt ends the parts first, and the threads that wait for them can end after that.
    with concurrent.futures.ThreadPoolExecutor(lanes) as pool, _children():
        while waiting or running:
            for part in list(waiting):
                needed = names.intersection(part.needs)
                missing = [name for name in needed if name in results and results[name].outcome != "passed"]
                if missing:
                    waiting.remove(part)
                    reason = f"not run: {', '.join(sorted(missing))} did not pass"
                    results[part.name] = _tell(Result(part.name, "skipped", skipped=1, reasons=(reason,)))
                elif len(running) < lanes and needed <= results.keys():
                    waiting.remove(part)
                    running[pool.submit(_run_part, part)] = part
            done, _pending = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                part = running.pop(future)
                results[part.name] = _tell(future.result(), part)


def _report(title: str, minutes: float, rows: Sequence[Result]) -> None:
    report = {
        "title": title,
        "minutes": round(minutes, 2),
        "parts": [dataclasses.asdict(row) for row in rows],
    }
    (REPORTS / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    print(table(title, minutes, rows))
    summary = totals(rows)
    (REPORTS / "summary.txt").write_text(summary + "\n")
    print(f"\n{summary}", flush=True)


def table(title: str, minutes: float, rows: Sequence[Result]) -> str:
    """The closing table, below it every reason for a skip with how often it was given."""
    width = max([len(row.name) for row in rows] + [len("all parts")])
    lines = ["", title, f"{'part':<{width}}  minutes  outcome  passed  failed  skipped"]
    lines += [
        f"{row.name:<{width}}  {row.minutes:7.1f}  {row.outcome:<7}"
        f"  {row.passed:6}  {row.failed:6}  {row.skipped:7}"
        for row in rows
    ]
    lines.append(f"{'all parts':<{width}}  {minutes:7.1f}")
    for row in rows:
        for reason, count in collections.Counter(row.reasons).items():
            times = f" ({count} times)" if count > 1 else ""
            lines.append(f"{'skipped' if row.skipped else 'failed'} in {row.name}: {reason}{times}")
        lines += [f"unsteady in {row.name}, passed at the second attempt: {test}" for test in row.unsteady]
    return "\n".join(lines)


def totals(rows: Sequence[Result]) -> str:
    """The sum over all parts, in the one line that a reader of the output looks for."""
    columns = ("passed", "failed", "skipped")
    return ", ".join(f"{sum(getattr(row, name) for row in rows)} {name}" for name in columns)


def _run_part(part: Part) -> Result:
    reason = part.unless()
    if reason:
        return Result(part.name, "skipped", skipped=1, reasons=(reason,))
    began = time.monotonic()
    status, result = _attempt(part)
    # 1 is pytest's word for a run that went to its end, with failures.
    failures = failed_tests(part) if part.again and status == 1 else []
    if not failures or result.failed > FEW:
        return result
    second = second_attempt(part, failures)
    _unused, again = _attempt(second)
    minutes = (time.monotonic() - began) / 60
    if again.outcome != "passed" or again.passed != len(failures):
        return dataclasses.replace(
            result, minutes=minutes, reasons=(*result.reasons, f"see {second.log.name}")
        )
    return dataclasses.replace(
        result,
        outcome="passed",
        minutes=minutes,
        passed=result.passed + again.passed,
        failed=0,
        unsteady=tuple(failures),
    )


def _attempt(part: Part) -> tuple[int | None, Result]:
    print(f"> {part.name}", flush=True)
    part.junit.unlink(missing_ok=True)
    began = time.monotonic()
    with part.log.open("wb") as log:
        log.write(f"$ {' '.join(part.command)}\n".encode())
        log.flush()
        status = _command(part, log.fileno())
    return status, judge(part, status, (time.monotonic() - began) / 60)


def failed_tests(part: Part) -> list[str]:
    """The tests that failed, as pytest names them; none where something else than a test did."""
    if not part.junit.exists():
        return []
    failed = [
        (case.get("classname", ""), case.get("name", ""))
        for case in ElementTree.parse(part.junit).iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]
    if not all(module for module, _unused in failed):  # a file that cannot be read
        return []
    # A test that failed, and then its cleaning up, is one test.
    return list(dict.fromkeys(f"{module.replace('.', '/')}.py::{name}" for module, name in failed))


def second_attempt(part: Part, tests: Sequence[str]) -> Part:
    """The same part with these tests alone, in a log and a JUnit file of its own."""
    name = f"{part.name}-again"
    junit = f"--junitxml={REPORTS / name}.xml"
    return dataclasses.replace(part, name=name, command=(part.command[0], junit, *tests), again=False)


def judge(part: Part, status: int | None, minutes: float) -> Result:
    """The result of a part whose command ended with ``status`` (None: it was stopped).

    What pytest counted is taken over. A command that failed although no test did counts as one failure:
    pytest that cannot collect, or that found no test to run (status 5), has proven nothing.
    """
    passed = failed = skipped = 0
    reasons: list[str] = []
    if part.junit.exists():
        for case in ElementTree.parse(part.junit).iter("testcase"):
            skip = case.find("skipped")
            if skip is not None and skip.get("type") != "pytest.xfail":
                skipped += 1
                reasons.append(skip.get("message") or "no reason given")
            elif case.find("failure") is not None or case.find("error") is not None:
                failed += 1
            else:
                passed += 1
    elif status == 0:
        passed = 1
    if status != 0 and not failed:
        failed = 1
    return Result(
        part.name, "passed" if status == 0 else "failed", minutes, passed, failed, skipped, tuple(reasons)
    )


_processes: set[subprocess.Popen[bytes]] = set()
_ending = threading.Event()
_guard = threading.Lock()


def _command(part: Part, output: int) -> int | None:
    environment = {**venvs.environment(part.venv), **part.variables}
    process = subprocess.Popen(
        part.command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    with _guard:
        _processes.add(process)
    if _ending.is_set():  # it was set before this process could be seen
        _stop(process)
    try:
        return process.wait(part.minutes * 60)
    except subprocess.TimeoutExpired:
        os.write(output, f"\nstopped after {part.minutes:g} minutes\n".encode())
        _stop(process)
        return None
    finally:
        with _guard:
            _processes.discard(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a part and what it started: as an interrupt first, so that pytest and the lab can clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
            return


@contextlib.contextmanager
def _children() -> Iterator[None]:
    """Whatever ends this process early ends the running parts too; SIGTERM becomes an exception for that."""

    def terminated(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, terminated)
    _ending.clear()
    try:
        yield
    except BaseException:
        _ending.set()
        with _guard:
            left = list(_processes)
        for process in left:
            _stop(process)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _tell(result: Result, part: Part | None = None) -> Result:
    counted = (
        f" ({result.passed} passed, {result.failed} failed)" if result.passed + result.failed > 1 else ""
    )
    print(f"  {result.name} {result.outcome}{counted}, {result.minutes:.1f} min", flush=True)
    if part and result.outcome == "failed":
        lines = part.log.read_text(errors="replace").splitlines()
        print("\n".join(f"    {line}" for line in lines[-TAIL:]))
        print(f"    (the whole of it: {part.log.relative_to(ROOT)})", flush=True)
    return result
