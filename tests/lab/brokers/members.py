# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What all kinds share: members that start, stop and restart as the pods of a StatefulSet do."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.lab.brokers.addresses import AddressPool
from tests.lab.brokers.api import BrokerError, Endpoint, Member
from tests.lab.brokers.partition import Cut, impossible, own_group
from tests.lab.brokers.records import ProcessTable, kill
from tests.lab.processes import Process

OnMember = Callable[[Member], None]

# Generous: labs start side by side on small machines, and a broker that does not come up dies or says so.
READY_SECONDS = 240.0
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Launch:
    """How one member is started."""

    command: Sequence[str | Path]
    env: Mapping[str, str]


@dataclass
class Slot:
    """One ordinal: where it lives and what runs there now."""

    ordinal: int
    pod: str
    address: str
    home: Path
    process: Process | None = None
    group: int | None = None  # of its process, by which it can be cut off
    restarts: int = 0
    started: bool = False  # the startup probe has passed since the process was started

    @property
    def data(self) -> Path:
        """The member's volume."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "log"

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.alive


class MemberSet(ABC):
    """Ordinals 0..replicas-1 of one program. Subclasses say how a member is launched and probed."""

    stop_signal: signal.Signals = signal.SIGTERM

    def __init__(
        self,
        what: str,
        prefix: str,
        replicas: int,
        directory: Path,
        addresses: AddressPool,
        table: ProcessTable,
    ) -> None:
        """``what`` names the cluster in messages and labels; ``prefix``-<ordinal> is a member's pod name."""
        if replicas < 1:
            raise BrokerError(f"{what}: a cluster has at least one member, not {replicas}")
        self._what = what
        self._prefix = prefix
        self._directory = directory
        self._addresses = addresses
        self._table = table
        self._replicas = replicas
        self._slots: dict[int, Slot] = {}
        self._change = threading.RLock()  # one change at a time
        self._guard = threading.Lock()  # slots and what runs in them
        self._stopped = threading.Event()
        self._cuts: dict[int, Cut] = {}
        for ordinal in range(replicas):
            self._add_slot(ordinal)

    # -- what a kind says ----------------------------------------------------------------------------

    @abstractmethod
    def _launch(self, slot: Slot) -> Launch:
        """Write the member's configuration as it is to be now, and say how it is started."""

    @abstractmethod
    def _client_port(self) -> int:
        """The port on which a member takes clients."""

    def _startup(self, slot: Slot) -> bool:
        """The startup probe: asked until it has passed once after each start."""
        return self._ready(slot)

    def _ready(self, slot: Slot) -> bool:
        """The readiness probe of the pod."""
        return connects(slot.address, self._client_port())

    def _before_restart(self, slot: Slot) -> None:
        """Wait until this member may go down, where the platform's operator would; here it does not."""
        return

    def _rolling_order(self) -> list[int]:
        return sorted(self._slots, reverse=True)

    def _settle(self, slots: Sequence[Slot], on_member: OnMember | None) -> None:
        """Wait until each of ``slots`` is ready and tell of it."""
        waiting = list(slots)
        while waiting:
            slot = self._first(waiting, self._is_ready, "is not ready")
            waiting.remove(slot)
            if on_member:  # ready as it was found, whatever a second look says
                on_member(replace(self._member(slot), ready=True))

    # -- BrokerCluster -------------------------------------------------------------------------------

    def bring_up(self, on_member: OnMember | None = None) -> None:
        with self._changing():
            slots = self._by_ordinal()
            for slot in slots:
                self._spawn(slot)
            self._settle(slots, on_member)

    def scale(self, replicas: int, on_member: OnMember | None = None) -> None:
        if replicas < 1:
            raise BrokerError(f"{self._what}: a cluster has at least one member, not {replicas}")
        with self._changing():
            before, self._replicas = self._replicas, replicas
            for ordinal in range(before - 1, replicas - 1, -1):
                self._take_down(self._slots[ordinal])
                self._drop_slot(ordinal)
            added = [self._add_slot(ordinal) for ordinal in range(before, replicas)]
            for slot in added:
                self._spawn(slot)
            self._settle(added, on_member)

    def restart_rolling(self, on_member: OnMember | None = None) -> None:
        with self._changing():
            self._roll(self._rolling_order(), on_member)

    def members(self) -> list[Member]:
        return [self._member(slot) for slot in self._by_ordinal()]

    def endpoints(self) -> list[Endpoint]:
        return self._ready_endpoints(self._client_port())

    def remove_data(self, ordinals: Iterable[int]) -> None:
        with self._changing():
            for ordinal in ordinals:
                slot = self._slots.get(ordinal)
                if slot and slot.alive:
                    raise BrokerError(f"{self._what}: {slot.pod} runs, its volume cannot be removed")
                shutil.rmtree(self._home(ordinal) / "data", ignore_errors=True)

    def kill(self, ordinal: int) -> None:
        slot = self._slot(ordinal)
        with self._guard:
            process = slot.process
        if process:
            kill([process])

    def start_member(self, ordinal: int) -> None:
        with self._changing():
            slot = self._slot(ordinal)
            if slot.alive:
                raise BrokerError(f"{self._what}: {slot.pod} already runs")
            self._spawn(slot)
            slot.restarts += 1
            self._settle([slot], None)

    def cut_off(self, ordinal: int) -> int:
        slot = self._slot(ordinal)
        if not slot.alive or slot.group is None:
            raise BrokerError(f"{self._what}: {slot.pod} cannot be cut off: {impossible() or 'it is down'}")
        self.rejoin(ordinal)
        cut = self._cuts[ordinal] = Cut(slot.group, slot.address)
        cut.make()
        return cut.group

    def rejoin(self, ordinal: int) -> None:
        cut = self._cuts.pop(ordinal, None)
        if cut:
            cut.mend()

    def stop(self) -> None:
        with self._guard:  # nothing is spawned after this
            self._stopped.set()
        self._table.kill_all()
        for ordinal in list(self._cuts):
            self.rejoin(ordinal)
        with self._guard:
            for slot in self._slots.values():
                self._addresses.release(self._label(slot.ordinal))

    def log(self, ordinal: int) -> Path:
        return self._home(ordinal) / "log"

    # -- for subclasses ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the right to change the cluster. :raises BrokerError: it is stopped"""
        with self._change:
            self._not_stopped()
            yield

    def _roll(self, ordinals: Iterable[int], on_member: OnMember | None) -> None:
        for ordinal in ordinals:
            slot = self._slots[ordinal]
            if slot.alive:
                self._before_restart(slot)
            self._take_down(slot)
            slot.restarts = 0  # a new pod
            if on_member:
                on_member(self._member(slot))
            self._spawn(slot)
            self._settle([slot], on_member)

    def _spawn(self, slot: Slot) -> None:
        slot.data.mkdir(parents=True, exist_ok=True)
        launch = self._launch(slot)
        with self._guard:
            self._not_stopped()
            if slot.process:
                self._table.forget(slot.process)
            slot.started = False
            slot.group = own_group()
            slot.process = self._table.start(
                slot.pod, launch.command, log=slot.log, env=launch.env, group=slot.group
            )

    def _take_down(self, slot: Slot) -> None:
        """Stop one member the orderly way, by force when that takes too long."""
        process = slot.process
        if process is None:
            return
        if process.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, self.stop_signal)
            deadline = time.monotonic() + _STOP_SECONDS
            while process.alive and time.monotonic() < deadline:
                self._not_stopped()
                time.sleep(_POLL_SECONDS)
            kill([process])
        with self._guard:
            self._table.forget(process)
            slot.process = None
            slot.started = False

    def _wait(self, condition: Callable[[], bool], problem: str, seconds: float = READY_SECONDS) -> None:
        """Poll until ``condition``. :raises BrokerError: ``problem``, after ``seconds`` or when stopped"""
        deadline = time.monotonic() + seconds
        while not condition():
            self._not_stopped()
            if time.monotonic() > deadline:
                raise BrokerError(f"{self._what}: {problem} after {seconds:.0f} s")
            time.sleep(_POLL_SECONDS)

    def _first(self, slots: Sequence[Slot], condition: Callable[[Slot], bool], problem: str) -> Slot:
        """The first of ``slots`` that meets ``condition``. :raises BrokerError: none did, or one ended"""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            for slot in slots:
                if condition(slot):
                    return slot
                if not slot.alive:
                    self._not_stopped()
                    raise BrokerError(self._with_log(slot, "ended"))
            self._not_stopped()
            if time.monotonic() > deadline:
                raise BrokerError(self._with_log(slots[0], f"{problem} after {READY_SECONDS:.0f} s"))
            time.sleep(_POLL_SECONDS)

    def _is_ready(self, slot: Slot) -> bool:
        if not slot.alive:
            return False
        if not slot.started:
            slot.started = self._startup(slot)
        return slot.started and self._ready(slot)

    def _ready_endpoints(self, port: int) -> list[Endpoint]:
        return [Endpoint(member.address, port) for member in self.members() if member.ready]

    def _by_ordinal(self) -> list[Slot]:
        with self._guard:
            return [self._slots[ordinal] for ordinal in sorted(self._slots)]

    def _slot(self, ordinal: int) -> Slot:
        with self._guard:
            if ordinal not in self._slots:
                raise BrokerError(f"{self._what} has no member {ordinal}")
            return self._slots[ordinal]

    def _with_log(self, slot: Slot, problem: str) -> str:
        return f"{self._what}: {slot.pod} {problem}; end of {slot.log}: {tail(slot.log)}"

    def _not_stopped(self) -> None:
        if self._stopped.is_set():
            raise BrokerError(f"{self._what} is stopped")

    # -- slots ---------------------------------------------------------------------------------------

    def _member(self, slot: Slot) -> Member:
        with self._guard:
            pid = slot.process.pid if slot.alive and slot.process else None
        return Member(slot.ordinal, slot.pod, slot.address, pid, self._is_ready(slot), slot.restarts)

    def _add_slot(self, ordinal: int) -> Slot:
        slot = Slot(
            ordinal,
            f"{self._prefix}-{ordinal}",
            self._addresses.take(self._label(ordinal)),
            self._home(ordinal),
        )
        with self._guard:
            self._slots[ordinal] = slot
        return slot

    def _drop_slot(self, ordinal: int) -> None:
        with self._guard:
            del self._slots[ordinal]
        self._addresses.release(self._label(ordinal))

    def _home(self, ordinal: int) -> Path:
        return self._directory / f"{self._prefix}-{ordinal}"

    def _label(self, ordinal: int) -> str:
        return f"{self._what}/{self._prefix}-{ordinal}"


def connects(host: str, port: int) -> bool:
    """Somebody listens there."""
    try:
        with socket.create_connection((host, port), timeout=2):
            return True
    except OSError:
        return False


def tail(log: Path, lines: int = 5) -> str:
    """The last lines of a log, in one line."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            return " | ".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"
