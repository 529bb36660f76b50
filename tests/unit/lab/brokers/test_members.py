# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Members come and go as the pods of a StatefulSet do; the processes here are as simple as can be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.brokers.addresses import AddressPool
from tests.lab.brokers.api import BrokerError, Endpoint, Member
from tests.lab.brokers.members import Launch, MemberSet, Slot
from tests.lab.brokers.records import ProcessTable, marked_below


class Toys(MemberSet):
    """Members that sleep, are ready when told so, and say "bye" at the end when they break."""

    def __init__(self, replicas: int, directory: Path) -> None:
        self.launched: list[int] = []
        self.unready: set[int] = set()
        self.broken: set[int] = set()
        super().__init__("toys a/b", "toys", replicas, directory, AddressPool(7), ProcessTable(directory))

    def _launch(self, slot: Slot) -> Launch:
        self.launched.append(slot.ordinal)
        script = "echo bye; exit 1" if slot.ordinal in self.broken else "exec sleep 600"
        return Launch(["sh", "-c", script], {})

    def _client_port(self) -> int:
        return 1

    def _ready(self, slot: Slot) -> bool:
        return slot.ordinal not in self.unready and slot.ordinal not in self.broken


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[Toys]:
    toys = Toys(3, tmp_path)
    yield toys
    toys.stop()
    assert marked_below(tmp_path) == []


def test_bring_up_tells_of_each_member_that_is_ready(toys: Toys) -> None:
    heard: list[Member] = []
    toys.bring_up(heard.append)
    assert {(member.ordinal, member.pod, member.ready) for member in heard} == {
        (number, f"toys-{number}", True) for number in range(3)
    }
    assert toys.endpoints() == [Endpoint(f"127.107.0.{number}", 1) for number in (1, 2, 3)]


def test_before_bring_up_no_member_runs(toys: Toys) -> None:
    assert [(member.pid, member.ready) for member in toys.members()] == [(None, False)] * 3


def test_scaling_starts_and_stops_only_the_highest_ordinals(toys: Toys) -> None:
    toys.bring_up()
    before = {member.ordinal: member.pid for member in toys.members()}
    toys.scale(5)
    toys.scale(2)
    assert {member.ordinal: member.pid for member in toys.members()} == {0: before[0], 1: before[1]}
    assert toys.launched == [0, 1, 2, 3, 4]


def test_scaling_down_keeps_the_data_until_it_is_removed(toys: Toys, tmp_path: Path) -> None:
    toys.bring_up()
    toys.scale(2)
    assert (tmp_path / "toys-2" / "data").is_dir()
    toys.remove_data([2])
    assert not (tmp_path / "toys-2" / "data").exists()


def test_the_volume_of_a_running_member_cannot_be_removed(toys: Toys) -> None:
    toys.bring_up()
    with pytest.raises(BrokerError, match="toys-1 runs"):
        toys.remove_data([1])


def test_a_rolling_restart_goes_from_the_highest_ordinal_down_one_at_a_time(toys: Toys) -> None:
    toys.bring_up()
    before = {member.pid for member in toys.members()}
    heard: list[tuple[int, bool, int]] = []

    def on_member(member: Member) -> None:
        heard.append((member.ordinal, member.ready, sum(one.ready for one in toys.members())))

    toys.restart_rolling(on_member)
    assert heard == [(2, False, 2), (2, True, 3), (1, False, 2), (1, True, 3), (0, False, 2), (0, True, 3)]
    assert before.isdisjoint(member.pid for member in toys.members())


def test_a_killed_member_is_down_until_it_is_started_and_counts_a_restart(toys: Toys) -> None:
    toys.bring_up()
    toys.kill(1)
    down = toys.members()[1]
    assert (down.pid, down.ready, down.restarts) == (None, False, 0)
    toys.start_member(1)
    up = toys.members()[1]
    assert (up.ready, up.restarts) == (True, 1)
    with pytest.raises(BrokerError, match="already runs"):
        toys.start_member(1)


def test_a_rolling_restart_makes_new_pods_without_restarts(toys: Toys) -> None:
    toys.bring_up()
    toys.kill(1)
    toys.start_member(1)
    toys.restart_rolling()
    assert toys.members()[1].restarts == 0


def test_a_member_that_ends_while_starting_is_named_with_its_log(toys: Toys, tmp_path: Path) -> None:
    toys.broken = {1}
    with pytest.raises(BrokerError, match=rf"toys a/b: toys-1 ended; end of {tmp_path}/toys-1/log: .*bye"):
        toys.bring_up()


def test_a_rolling_restart_stops_at_the_first_member_that_does_not_come_back(toys: Toys) -> None:
    toys.bring_up()
    toys.broken = {1}
    with pytest.raises(BrokerError, match="toys-1 ended"):
        toys.restart_rolling()
    assert toys.launched == [0, 1, 2, 2, 1]
    assert toys.members()[0].ready


def test_stop_from_another_thread_ends_a_change_that_waits(toys: Toys) -> None:
    toys.unready = {2}
    failed: list[BrokerError] = []

    def bring_up() -> None:
        try:
            toys.bring_up()
        except BrokerError as error:
            failed.append(error)

    change = threading.Thread(target=bring_up)
    change.start()
    while len(toys.launched) < 3:
        pass
    toys.stop()
    change.join()
    assert "is stopped" in str(failed[0])


def test_a_stopped_cluster_starts_nothing_more(toys: Toys) -> None:
    toys.bring_up()
    toys.stop()
    with pytest.raises(BrokerError, match="is stopped"):
        toys.scale(4)
    assert [member.pid for member in toys.members()] == [None] * 3


def test_fewer_than_one_member_is_refused(toys: Toys, tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match="at least one member"):
        toys.scale(0)
    with pytest.raises(BrokerError, match="at least one member"):
        Toys(0, tmp_path / "none")


def test_an_unknown_ordinal_is_refused(toys: Toys) -> None:
    with pytest.raises(BrokerError, match="has no member 3"):
        toys.kill(3)
