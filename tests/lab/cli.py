# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The command line of the test bed: ``python -m tests.lab COMMAND``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, get_args

from tests.lab import build, labs, tenants
from tests.lab.audit import Mark
from tests.lab.definitions import PROFILES
from tests.lab.faults import Action, Fault, Verb
from tests.lab.labs import Cluster, Lab, LabError, LabOptions
from tests.lab.operators import build as operators
from tests.lab.processes import listening
from tests.lab.standin.control import App, ClusterView, ControlError, FaultKind

DEFAULT = "default"
MEBIBYTE = 2**20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; what goes wrong is one line on stderr and exit 1."""
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except (LabError, build.BuildError, ControlError, OSError, RuntimeError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(
        prog="python -m tests.lab", description="The test bed of brokerops.messaging."
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, help_text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help_text, description=help_text)
        made.set_defaults(run=COMMANDS[name])
        return made

    def of_lab(name: str, help_text: str) -> argparse.ArgumentParser:
        made = command(name, help_text)
        made.add_argument("--name", default=DEFAULT, help="which lab (default: %(default)s)")
        return made

    up_ = of_lab("up", "start a lab that stays until it is taken down")
    up_.add_argument("--cluster", choices=get_args(Cluster), default="embedded")
    up_.add_argument("--kubeconfig", type=Path, help="of the cluster, with --cluster existing")
    up_.add_argument("--profile", choices=PROFILES, default="current", help="which platform is played")
    up_.add_argument(
        "--operators", action="store_true", help="with RabbitMQ's operators, for tenants of pods (kind alone)"
    )
    up_.add_argument("--reconcile-seconds", type=float, default=0.05, help="how long a reconcile takes")

    down_ = of_lab("down", "end a lab: no process, port or file is left")
    down_.add_argument("--all", action="store_true", help="every lab of this cache folder")

    status_ = command("status", "show running labs, their processes, memory and ports")
    status_.add_argument("--json", action="store_true", help="as JSON")

    kubeconfig_ = of_lab("kubeconfig", "print the path of a kubeconfig for a tenant's namespace")
    kubeconfig_.add_argument(
        "--as", dest="level", choices=tenants.LEVELS, default="admin", help="%(default)s"
    )
    kubeconfig_.add_argument(
        "--faulty", action="store_true", help="by way of the proxy that makes API faults"
    )
    kubeconfig_.add_argument("namespace")

    tenant_ = of_lab("tenant", "make a tenant and print its namespace")
    below = tenant_.add_mutually_exclusive_group()
    below.add_argument("--brokerless", action="store_true", help="play everything but the broker processes")
    below.add_argument(
        "--operators", action="store_true", help="RabbitMQ and NATS as pods under real operators"
    )
    tenant_.add_argument("--quota", action="append", default=[], metavar="RESOURCE=QUANTITY")
    tenant_.add_argument("tenant", help="its name, without the prefix tenant-")

    of_lab("reset", "empty all tenants of clusters, end all faults, bring the settings back")

    logs_ = of_lab("logs", "print the end of a log, or which logs there are")
    logs_.add_argument("--lines", type=int, default=40)
    logs_.add_argument("log", nargs="?", help="part of its path")

    audit_ = of_lab("audit", "print who wrote, as JSON, and the mark to count on from")
    audit_.add_argument("--since", type=int, default=0, help="an earlier mark")
    audit_.add_argument("--user", help="a user's name, or how a User-Agent begins")
    audit_.add_argument("namespace", nargs="?")

    releases_ = of_lab("releases", "print spec and metadata of a tenant's HelmReleases, as JSON")
    releases_.add_argument("namespace")

    fault_ = commands.add_parser("fault", help="make something go wrong")
    kinds = fault_.add_subparsers(required=True, metavar="WHERE")
    api = kinds.add_parser("api", help="answers of the API, for those who use a faulty kubeconfig")
    api.add_argument("action", choices=[*get_args(Action), "drop-watches", "list", "clear"])
    api.add_argument("--verb", action="append", default=[], choices=get_args(Verb))
    api.add_argument("--path", default="", help="regular expression")
    api.add_argument("--count", type=int, default=1, help="how many requests; 0: all")
    api.add_argument("--code", type=int, default=503)
    api.add_argument("--retry-after", type=int)
    api.add_argument("--seconds", type=float, default=0.0)
    platform = kinds.add_parser("platform", help="the stand-in platform and the brokers under it")
    platform.add_argument("kind", choices=get_args(FaultKind))
    platform.add_argument("cluster", nargs="?", help="NAMESPACE/KIND/NAME, such as tenant-acme/kafka/orders")
    platform.add_argument(
        "detail", nargs="*", metavar="KEY=VALUE", help="such as ordinal=0 component=zookeeper"
    )
    for kind, run in ((api, _fault_api), (platform, _fault_platform)):
        kind.add_argument("--name", default=DEFAULT, help="which lab (default: %(default)s)")
        kind.set_defaults(run=run)

    command("build", "build what is missing, with a line and seconds per tool")
    return top


def _up(options: argparse.Namespace) -> None:
    """Start a lab, building first what is missing."""
    started = time.monotonic()
    build.build(build.all_steps())
    if options.operators:
        operators.ensure()
    lab = labs.start(
        LabOptions(
            cluster=options.cluster,
            kubeconfig=options.kubeconfig,
            profile=options.profile,
            reconcile_seconds=options.reconcile_seconds,
            name=options.name,
            operators=options.operators,
        )
    )
    print(f"lab {lab.name} is up after {time.monotonic() - started:.1f} s: {lab.server}")
    print(f"as cluster-admin: export KUBECONFIG={lab.admin_kubeconfig}")


def _down(options: argparse.Namespace) -> None:
    """End one lab, or all."""
    names = [record.name for record in labs.running()] if options.all else [options.name]
    for name in names:
        print(f"lab {name} is down" if labs.down(name) else f"there is no lab {name}")


def _status(options: argparse.Namespace) -> None:
    """Show what runs."""
    report = [_look(labs.Lab(record)) for record in labs.running()]
    if options.json:
        print(json.dumps(report, indent=1))
        return
    if not report:
        print("no lab is running")
    for entry in report:
        print("{name}  number {number}, {cluster}, profile {profile}, {state}".format(**entry))
        for process in entry["processes"]:
            print("  {name:<16} pid {pid:<8} {memory_mib:>5} MiB ".format(**process), *process["ports"])
        print("  control plane and stand-in: {memory_mib} MiB, brokers: {brokers_mib} MiB".format(**entry))
        for cluster in entry["clusters"]:
            print(f"  {cluster}")


def _look(lab: Lab) -> dict[str, Any]:
    known = {process.pid for process in labs.Record.read(lab.directory).processes}
    found: list[dict[str, Any]] = [
        {
            "name": process.name,
            "pid": process.pid,
            "memory_mib": round(process.memory / MEBIBYTE),
            "ports": listening(process.pid),
            "broker": process.pid not in known,
        }
        for process in lab.processes()
    ]
    try:
        clusters = [_line(cluster) for cluster in lab.control.clusters()]
    except ControlError as error:
        clusters = [f"the stand-in platform does not answer: {error}"]
    return {
        "name": lab.name,
        "number": lab.number,
        "cluster": lab.record.cluster,
        "profile": lab.record.profile,
        "state": "ready" if lab.record.ready else "starting",
        "processes": found,
        "memory_mib": sum(p["memory_mib"] for p in found if not p["broker"]),
        "brokers_mib": sum(p["memory_mib"] for p in found if p["broker"]),
        "clusters": clusters,
    }


def _line(cluster: ClusterView) -> str:
    ready = sum(member["ready"] for member in cluster["members"])
    return (
        "{namespace}/{app}/{name}: {phase}, revision {revision}".format(**cluster)
        + f", {ready} of {len(cluster['members'])} members ready"
    )


def _kubeconfig(options: argparse.Namespace) -> None:
    """Print the path of a tenant's kubeconfig."""
    print(labs.attach(options.name).kubeconfig(options.namespace, options.level, faulty=options.faulty))


def _tenant(options: argparse.Namespace) -> None:
    """Make a tenant."""
    quota = dict(entry.partition("=")[::2] for entry in options.quota)
    brokers: bool | Literal["operators"] = "operators" if options.operators else not options.brokerless
    made = labs.attach(options.name).tenant(options.tenant, brokers=brokers, quota=quota)
    print(made.namespace)


def _reset(options: argparse.Namespace) -> None:
    """Bring a lab back to how it began; its tenants stay."""
    labs.attach(options.name).reset()


def _logs(options: argparse.Namespace) -> None:
    """Print the end of a log."""
    directory = labs.attach(options.name).directory
    found = sorted(path for path in directory.rglob("*.log") if path.is_file())
    chosen = [path for path in found if options.log and options.log in str(path.relative_to(directory))]
    if len(chosen) != 1:
        for path in chosen or found:
            print(path)
        return
    print("\n".join(chosen[0].read_text(errors="replace").splitlines()[-options.lines :]))


def _audit(options: argparse.Namespace) -> None:
    """Print the writes since a mark, and a new mark."""
    audit = labs.attach(options.name).audit
    writes = audit.writes(Mark(options.since), user=options.user, namespace=options.namespace)
    print(json.dumps({"mark": audit.mark().offset, "writes": [asdict(entry) for entry in writes]}, indent=1))


def _releases(options: argparse.Namespace) -> None:
    """Print what only the platform may see: HelmReleases as stored, finalizers included."""
    found = labs.attach(options.name).api.items(
        f"/apis/helm.toolkit.fluxcd.io/v2/namespaces/{options.namespace}/helmreleases"
    )
    volatile = ("managedFields", "resourceVersion")  # a status update changes these too
    stored = {
        release["metadata"]["name"]: {
            "metadata": {key: value for key, value in release["metadata"].items() if key not in volatile},
            "spec": release["spec"],
        }
        for release in found
    }
    print(json.dumps(stored, indent=1, sort_keys=True))


def _fault_api(options: argparse.Namespace) -> None:
    faults = labs.attach(options.name).faults
    match options.action:
        case "clear":
            faults.clear()
        case "list":
            for entry in faults.all():
                print(entry)
        case "drop-watches":
            print(f"{faults.drop_watches()} watches dropped")
        case action:
            faults.add(
                Fault(
                    action,
                    verbs=options.verb,
                    path=options.path,
                    count=options.count,
                    code=options.code,
                    retry_after=options.retry_after,
                    seconds=options.seconds,
                )
            )


def _fault_platform(options: argparse.Namespace) -> None:
    details: dict[str, Any] = dict(entry.partition("=")[::2] for entry in options.detail)
    details = {key: int(value) if value.isdigit() else value for key, value in details.items()}
    if options.cluster:
        parts = options.cluster.split("/")
        if len(parts) != 3 or parts[1] not in get_args(App):
            kinds = ", ".join(get_args(App))
            raise LabError(f"a cluster is NAMESPACE/KIND/NAME with a kind of {kinds}, not {options.cluster}")
        details |= zip(("namespace", "app", "name"), parts, strict=True)
    labs.attach(options.name).control.fault(options.kind, **details)


def _build(_unused: argparse.Namespace) -> None:
    """Build what is missing."""
    steps = build.all_steps()
    if not build.missing(steps):
        print("everything is built")
    build.build(steps)


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "up": _up,
    "down": _down,
    "status": _status,
    "kubeconfig": _kubeconfig,
    "tenant": _tenant,
    "reset": _reset,
    "logs": _logs,
    "audit": _audit,
    "releases": _releases,
    "build": _build,
}
