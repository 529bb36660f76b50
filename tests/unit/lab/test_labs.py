# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The registry of labs: names, numbers, who is abandoned, and what is cleaned up without any Kubernetes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import cache, labs, processes
from tests.lab.labs import LabError, LabOptions, Record
from tests.lab.processes import Process

GONE = Process("gone", 2**22 - 1, 1)


def record(
    name: str, number: int = 0, *, owner: Process | None = None, runs: list[Process] | None = None
) -> Record:
    made = Record(name, number, "embedded", "current", "2026-01-01T00:00:00+00:00", owner, True, runs or [])
    made.directory.mkdir(parents=True)
    made.write()
    return made


def me() -> Process:
    return processes.myself("me", os.getpid())


def test_record_reads_back_as_it_was_written() -> None:
    made = record("one", 7, owner=me(), runs=[GONE])
    assert Record.read(made.directory) == made


@pytest.mark.parametrize(
    ("owned_by", "runs", "abandoned"),
    [("me", False, False), ("gone", True, True), ("nobody", True, False), ("nobody", False, True)],
)
def test_lab_is_abandoned_when_its_owner_died_or_nothing_of_it_runs(
    owned_by: str, runs: bool, abandoned: bool
) -> None:
    owner = {"me": me(), "gone": GONE, "nobody": None}[owned_by]
    assert record("one", owner=owner, runs=[me()] if runs else [GONE]).abandoned is abandoned


def test_claim_takes_the_lowest_free_number_and_a_free_name() -> None:
    record("lab-1", 0)
    record("other", 2)
    taken = {
        int(where.split(".")[1]) - 100
        for where, _unused in processes.tcp_listeners()
        if where.startswith("127.1")
    }
    claimed = labs._claim(LabOptions())
    assert claimed.name == "lab-2"
    assert claimed.number == min(set(range(100)) - {0, 2} - taken)
    assert claimed.owner == processes.myself("starter", os.getpid())


def test_number_of_a_lab_of_another_cache_folder_is_left_alone() -> None:
    with socket.create_server(("127.199.0.1", 0)):
        free = [number for number in range(100) if number != 99]
        for number in free[:-1]:
            record(f"n{number}", number)
        record("last", free[-1])
        with pytest.raises(LabError, match="no number is free"):
            labs._claim(LabOptions())


@pytest.mark.parametrize("name", ["", "Upper", "a" * 25, "../up", "a_b"])
def test_name_that_is_no_dns_label_is_refused(name: str) -> None:
    with pytest.raises(LabError, match="DNS label"):
        labs._claim(LabOptions(name=name or "-"))


def test_name_that_is_taken_is_refused_with_the_way_out() -> None:
    record("mine", owner=me())
    with pytest.raises(LabError, match=r"python -m tests.lab down --name mine"):
        labs._claim(LabOptions(name="mine"))


def test_attach_says_which_labs_there_are() -> None:
    record("this", owner=me())
    with pytest.raises(LabError, match=r"no lab 'that'; running: this$"):
        labs.attach("that")


def test_sweep_ends_abandoned_labs_and_keeps_the_others() -> None:
    kept = record("kept", 0, owner=me())
    dead = record("dead", 1, owner=GONE)
    started = processes.start(
        "unrecorded",
        [sys.executable, "-c", "import time; time.sleep(60)"],
        directory=dead.directory,
        log=dead.directory / "l",
    )
    (cache.labs() / "no-record").mkdir()
    labs._sweep()
    assert [found.name for found in labs.running()] == [kept.name]
    assert sorted(path.name for path in cache.labs().iterdir()) == ["kept"]
    assert not started.alive


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_removing_a_lab_does_not_reach_through_a_mount(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep me")
    inside = record("mounted", owner=GONE).directory / "chroot"
    inside.mkdir()
    if subprocess.run(["mount", "--bind", precious, inside], check=False, capture_output=True).returncode:
        pytest.skip("this machine allows no mounts")
    labs._sweep()
    assert (precious / "file").read_text() == "keep me"
    assert labs.running() == []


def test_down_of_a_lab_that_is_not_there_is_false() -> None:
    assert labs.down("nothing") is False


@pytest.mark.parametrize("name", ["Acme", "a_b", "x" * 57, ""])
def test_tenant_name_that_is_no_dns_label_is_refused_before_any_request(name: str) -> None:
    with pytest.raises(LabError, match="DNS label"):
        labs.Lab(record("one")).tenant(name)


def test_kubeconfig_of_an_unknown_tenant_is_one_clear_line() -> None:
    with pytest.raises(LabError, match="lab one has no tenant tenant-acme"):
        labs.Lab(record("one")).kubeconfig("tenant-acme")
