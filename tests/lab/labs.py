# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Labs: start one, find a running one, end one, and clean up after those whose owner died.

A lab is a folder below the cache, a number (which gives it the loopback network 127.(100+number).0.0/16) and
processes. Its record, ``lab.json``, is written before the first process starts, so nothing is ever
unaccounted for.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.lab import attach as clusters
from tests.lab import cache, kubeconfig, processes, tenants
from tests.lab.audit import AuditLog
from tests.lab.client import Api, wait_for
from tests.lab.controlplane import (
    PLATFORM_NAMESPACE,
    ControlPlane,
    aggregate,
    install_platform,
    wait_for_applications,
)
from tests.lab.faults import ADDRESS, FaultClient, register
from tests.lab.operators import install, network
from tests.lab.pki import Authority
from tests.lab.processes import Process
from tests.lab.standin.control import Control
from tests.lab.tenants import Level, Tenant

Cluster = Literal["embedded", "kind", "existing"]
RECORD = "lab.json"
SETTINGS = "standin-settings.json"  # those that the stand-in began with
REPOSITORY = Path(__file__).parents[2]
NUMBERS = range(100)


class LabError(Exception):
    """A lab cannot be started, found or ended; one line that says why."""


@dataclass(frozen=True)
class LabOptions:
    """How to start a lab.

    :param cluster: ``embedded``: a control plane of its own; ``kind``: in a new kind cluster; ``existing``:
        in the cluster of ``kubeconfig``
    :param profile: which platform is played: ``current`` or ``older``
    :param reconcile_seconds: how long the stand-in platform takes to reconcile
    :param owner_pid: the lab ends with this process (cleaned up at the next start); None: it stays until it
        is ended
    :param name: what to find it by; None makes one up
    :param operators: RabbitMQ's operators run in it, and tenants may have RabbitMQ and NATS as pods; with
        ``kind`` alone
    """

    cluster: Cluster = "embedded"
    kubeconfig: Path | None = None
    profile: str = "current"
    reconcile_seconds: float = 0.05
    owner_pid: int | None = None
    name: str | None = None
    operators: bool = False


@dataclass
class Record:
    """What is written down about a lab.

    :param owner: the lab is abandoned when it has ended; while the lab is being started, it is the starter
    :param attached: it has begun to change a cluster that is not a process of its own
    :param engine: the variables by which the container engine of a kind cluster is reached
    """

    name: str
    number: int
    cluster: Cluster
    profile: str
    created: str
    owner: Process | None
    ready: bool = False
    processes: list[Process] = field(default_factory=list)
    attached: bool = False
    engine: dict[str, str] = field(default_factory=dict)
    operators: bool = False

    @property
    def directory(self) -> Path:
        """The lab's folder."""
        return cache.labs() / self.name

    def write(self) -> None:
        """Write it down; a reader never sees half of it."""
        part = self.directory / f"{RECORD}.part"
        part.write_text(json.dumps(dataclasses.asdict(self), indent=1))
        part.rename(self.directory / RECORD)

    @staticmethod
    def read(directory: Path) -> Record:
        """:raises OSError, ValueError: there is none"""
        data = json.loads((directory / RECORD).read_text())
        data["processes"] = [Process(**entry) for entry in data["processes"]]
        data["owner"] = Process(**data["owner"]) if data["owner"] else None
        return Record(**data)

    @property
    def abandoned(self) -> bool:
        """Its owner died; or it has none, and nothing of it runs any more (the machine was restarted)."""
        if self.owner is not None:
            return not self.owner.alive
        return not any(process.alive for process in self.processes)


class Lab:
    """A running lab."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.name = record.name
        self.number = record.number
        self.directory = record.directory
        # The last of its network: brokers and LoadBalancers begin in front.
        self.address = f"127.{100 + record.number}.255.254"
        self.plane = ControlPlane(self.directory, self.address)
        self.admin_kubeconfig = self.plane.admin_kubeconfig

    @functools.cached_property
    def api(self) -> Api:
        """A connection as cluster-admin: for the test bed's own needs, never for what is being tested."""
        return Api(self.admin_kubeconfig, user_agent="brokerops-lab-admin")

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return self.api.server

    @functools.cached_property
    def audit(self) -> AuditLog:
        """What the API server was asked. :raises LabError: the cluster is an existing one"""
        if self.record.cluster == "existing":
            raise LabError("the audit log of an existing cluster is not ours to read")
        return AuditLog(self.plane.audit_log, lambda: self.api.get("/version"))

    def in_node(self, script: str) -> str:
        """The output of a shell script in the node of a lab in kind. :raises AttachError: it failed"""
        node = f"{_kind_name(self.record)}-control-plane"
        return clusters.run(["docker", "exec", node, "sh", "-ec", script], self.record.engine)

    @functools.cached_property
    def control(self) -> Control:
        """The stand-in platform's settings, faults and view of the clusters."""
        return Control(self.directory / "standin" / "control.sock")

    @functools.cached_property
    def faults(self) -> FaultClient:
        """Faults of the API for those who use a faulty kubeconfig; the proxy starts when first needed."""
        directory = self.directory / "faults"
        with cache.lock("labs"):
            if not (directory / ADDRESS).exists():
                directory.mkdir(exist_ok=True)
                authority = Authority.create("brokerops-lab-faults")
                authority.pair.write(directory, "ca")
                authority.issue("faults", hosts=[self.address]).write(directory, "proxy")
                proxy = _start_module(self, "faults", str(directory), self.address)
                self.record = Record.read(self.directory)
                self.record.processes.append(proxy)
                self.record.write()
                wait_for("fault proxy", (directory / ADDRESS).exists, timeout=20)
        return FaultClient(directory)

    def kubeconfig(self, namespace: str, level: Level = "admin", *, faulty: bool = False) -> Path:
        """The kubeconfig of one of a tenant's people; ``faulty``: by way of the proxy that :attr:`faults`
        commands.

        :raises LabError: there is no such tenant
        """
        straight = Tenant(namespace, self.directory / "tenants" / namespace).kubeconfig(level)
        if not straight.exists():
            raise LabError(f"lab {self.name} has no tenant {namespace}")
        if not faulty:
            return straight
        assert self.faults
        path = straight.with_name(f"{level}-faulty.kubeconfig")
        if not path.exists():
            directory = self.directory / "faults"
            kubeconfig.write(
                path,
                (directory / ADDRESS).read_text(),
                (directory / "ca.crt").read_text(),
                user=f"{namespace}-{level}",
                credential=register(directory, straight),
                namespace=namespace,
            )
        return path

    def tenant(
        self,
        name: str,
        *,
        brokers: bool | Literal["operators"] = True,
        quota: Mapping[str, str] | None = None,
    ) -> Tenant:
        """Make the tenant ``name`` (namespace ``tenant-<name>``), or take it if it is there.

        :param brokers: whether real brokers run below its applications, as processes; ``operators``: as pods
            under the platform's real operators (Kafka, whose operator is not to be had, as processes)
        :raises LabError: not a DNS label, or no operators in this lab
        """
        if brokers == "operators" and not self.record.operators:
            raise LabError(f"lab {self.name} was not started with operators")
        if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,54}[a-z0-9])?", name):
            raise LabError(f"a tenant's name is a DNS label of at most 56 characters, not {name!r}")
        namespace = f"tenant-{name}"
        directory = self.directory / "tenants" / namespace
        return tenants.create(self.api, self.signer, namespace, directory, brokers=brokers, quota=quota)

    @functools.cached_property
    def signer(self) -> tenants.Signer:
        """Makes credentials for this lab's cluster."""
        if self.record.cluster == "embedded":
            return tenants.KeySigner(self.api, self.plane.pki)
        return clusters.RequestSigner(self.api)

    def remove_tenant(self, namespace: str) -> None:
        """Remove a tenant with all it has, brokers included."""
        self.control.forget(namespace)
        tenants.clear(self.api, namespace)
        tenants.remove(self.api, namespace, embedded=self.record.cluster == "embedded")
        shutil.rmtree(self.directory / "tenants" / namespace, ignore_errors=True)

    def reset(self) -> None:
        """Empty all tenants of clusters, end all faults, bring the stand-in's settings back."""
        if (self.directory / "faults" / ADDRESS).exists():
            self.faults.clear()
        self.control.settings(**json.loads((self.directory / SETTINGS).read_text()))
        for namespace in tenants.names(self.api):
            self.control.forget(namespace)
            tenants.clear(self.api, namespace)

    def processes(self) -> list[Process]:
        """Those of the control plane and the stand-in, then the brokers (and whatever else was started by
        them).
        """
        known = [process for process in Record.read(self.directory).processes if process.alive]
        pids = {process.pid for process in known}
        return known + [process for process in processes.marked(self.directory) if process.pid not in pids]

    def down(self) -> None:
        """End it: no process, port or file is left."""
        if "api" in self.__dict__:
            self.api.close()
        with cache.lock("labs"):
            _remove(self.directory)


def start(options: LabOptions | None = None) -> Lab:
    """Start a lab, after cleaning up those that were abandoned; returns when it can be used.

    :raises LabError: the name is taken, no number is free, or a part did not come up (all is removed again)
    """
    options = options or LabOptions()
    if options.operators and options.cluster != "kind":
        raise LabError("operators run in a kind cluster alone")
    with cache.lock("labs"):
        _sweep()
        record = _claim(options)
    lab = Lab(record)
    try:
        _bring_up(lab, options)
    except BaseException as error:
        lab.down()
        if isinstance(error, Exception):
            raise LabError(f"lab {record.name} did not come up: {error}") from error
        raise
    record.owner = processes.myself("owner", options.owner_pid) if options.owner_pid else None
    record.ready = True
    record.write()
    return lab


def attach(name: str) -> Lab:
    """The running lab ``name``. :raises LabError: there is none, or it is not ready"""
    try:
        record = Record.read(cache.labs() / name)
    except (OSError, ValueError):
        raise LabError(
            f"no lab {name!r}; running: {', '.join(r.name for r in running()) or 'none'}"
        ) from None
    if not record.ready:
        raise LabError(f"lab {name} is being started, or its start was cut short")
    return Lab(record)


def running() -> list[Record]:
    """The labs that are there, in the order of their numbers."""
    return sorted((record for _unused, record in _records() if record), key=lambda record: record.number)


def down(name: str) -> bool:
    """End the lab ``name``, whatever state it is in; False where there is none."""
    with cache.lock("labs"):
        directory = cache.labs() / name
        if not directory.exists():
            return False
        _remove(directory)
        return True


def _records() -> Iterator[tuple[Path, Record | None]]:
    if cache.labs().exists():
        for directory in sorted(cache.labs().iterdir()):
            try:
                yield directory, Record.read(directory)
            except (OSError, ValueError):
                yield directory, None


def _sweep() -> None:
    """Remove the labs that nobody owns any more."""
    for directory, record in _records():
        if record is None or record.abandoned:
            _remove(directory)


def _claim(options: LabOptions) -> Record:
    """Take a name and a number and write them down."""
    taken = {record.name: record.number for _unused, record in _records() if record}
    name = options.name or next(f"lab-{n}" for n in range(1, 1000) if f"lab-{n}" not in taken)
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,22}[a-z0-9])?", name):
        raise LabError(f"a lab's name is a DNS label of at most 24 characters, not {name!r}")
    if name in taken:
        raise LabError(f"lab {name} is there already: python -m tests.lab down --name {name}")
    # Labs of another cache folder are seen by what listens on their network.
    listening = {where.rpartition(":")[0] for where, _unused in processes.tcp_listeners()}
    networks = {int(address.split(".")[1]) - 100 for address in listening if address.startswith("127.")}
    number = next((n for n in NUMBERS if n not in taken.values() and n not in networks), None)
    if number is None:
        raise LabError("a hundred labs are running, no number is free")
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    starter = processes.myself("starter", os.getpid())
    record = Record(name, number, options.cluster, options.profile, now, starter, operators=options.operators)
    record.directory.mkdir(parents=True, mode=0o700)
    record.write()
    return record


def _bring_up(lab: Lab, options: LabOptions) -> None:
    record, plane = lab.record, lab.plane

    def started(*new: Process) -> None:
        record.processes.extend(new)
        record.write()

    address = lab.address  # where the cluster's API server reaches the Cozystack API server
    if options.cluster == "embedded":
        started(*plane.start_kubernetes())
        plane.wait_until_ready(record.processes)
    elif options.cluster == "kind":
        record.engine = clusters.engine()
        record.attached = True
        record.write()
        settings = network.kind_settings(record.number) if options.operators else None
        clusters.create_kind(_kind_name(record), plane, record.engine, settings)
        address = clusters.gateway(record.engine)
    else:
        clusters.take_over(options.kubeconfig, plane)
        record.attached = True
        record.write()
        address = clusters.address_for(lab.server)
    install_platform(lab.api, options.profile)
    if options.operators:
        install.open_route(lab.api, record.number)
        install.load_images(_kind_name(record), clusters.run, record.engine)
        install.install(lab.api)
    process, port = plane.start_cozystack_api(_account(lab, "cozystack-api"), address)
    started(process, _start_stand_in(lab, options))
    authority = (plane.pki / "cozystack-ca.crt").read_text()
    aggregate(lab.api, clusters.service(address, port), port, authority)
    wait_for_applications(lab.api, record.processes)
    lab.control.wait_ready()
    begun = lab.control.settings()
    own = ("reconcile_seconds", "frozen", "traps")  # the others follow the first; None lets them
    settings = {name: value if name in own else None for name, value in begun.items()}
    if options.operators:  # what they do takes the time that it takes
        settings["timeout_seconds"] = 600.0
        lab.control.settings(**settings)
    (lab.directory / SETTINGS).write_text(json.dumps(settings))


def _kind_name(record: Record) -> str:
    return f"brokerops-{record.name}"


def _account(lab: Lab, name: str) -> Path:
    """The kubeconfig of one of the platform's own service accounts."""
    access = kubeconfig.read(lab.admin_kubeconfig)
    token = lab.signer.account_token(PLATFORM_NAMESPACE, name)
    return kubeconfig.write(
        lab.directory / f"{name}.kubeconfig", access.server, access.authority, user=name, credential=token
    )


def _start_stand_in(lab: Lab, options: LabOptions) -> Process:
    state = lab.directory / "standin"
    state.mkdir(exist_ok=True)
    where = ["--kubeconfig", str(_account(lab, "stand-in")), "--state", str(state)]
    number = ["--lab-number", str(lab.number)]
    how = ["--profile", options.profile, "--reconcile-seconds", str(options.reconcile_seconds)]
    return _start_module(lab, "standin", *where, *number, *how)


def _start_module(lab: Lab, name: str, *arguments: str) -> Process:
    """Start ``python -m tests.lab.<name>`` as a process of the lab."""
    command = [sys.executable, "-m", f"tests.lab.{name}", *arguments]
    log = lab.plane.log(name)
    return processes.start(name, command, directory=lab.directory, log=log, cwd=REPOSITORY)


def _remove(directory: Path) -> None:
    """End every process of a lab and remove its folder. Nothing of it has to be working for that."""
    with contextlib.suppress(OSError, ValueError):
        # The stand-in first, or it would bring brokers back; then it is all thrown away, so no grace is
        # needed.
        record = Record.read(directory)
        recorded = record.processes
        processes.end([process for process in recorded if process.name == "standin"], grace=3.0)
        processes.end(recorded, grace=0.3)
        if record.attached and record.cluster == "kind":
            clusters.delete_kind(_kind_name(record), record.engine)
            if record.operators:
                network.close_route(record.number)
        elif record.attached:
            clusters.leave(ControlPlane(directory, ""))
    processes.end(processes.marked(directory), grace=1.0)
    _unmount(directory)
    shutil.rmtree(directory)


def _unmount(directory: Path) -> None:
    """Take down what is mounted below ``directory``; removing files would reach through it into the machine's
    own.
    """
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for point in sorted((point for point in mounted if point.startswith(f"{directory}/")), reverse=True):
        subprocess.run(["umount", "--lazy", point], check=True, capture_output=True)
