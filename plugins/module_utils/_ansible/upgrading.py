# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands between a cluster and a newer version: the hops, what each costs, and what blocks."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .._convergence.errors import Failure
from .._convergence.operate import Progress, refusals
from .._engine.consent import covered, unknown_consents
from .._engine.fields import Problem
from .._engine.health import Health, Reason, Status
from .._engine.judgement import Thresholds
from .._engine.state import ClusterRef
from .._engine.versions import RELEASES, Line, Verdict, line_of, written
from .._operations.machine import find_path
from .._operations.upgrade import Manner, Running, Upgrade, hops, notes
from .._platforms.cozystack.facts import read_release
from .._platforms.cozystack.names import label_problem
from .._platforms.cozystack.rabbitmq.table import OFFERED
from .arguments import connection_arguments
from .health import BROKER, PLATFORM, Looks
from .module import Module, Options, said
from .operation import operation_result
from .reach import broker_arguments, broker_problems, plaintext_consents
from .result import Result

_LINE = re.compile(r"v?([0-9]+)\.([0-9]+)")


def run_upgrade_path() -> None:
    """The whole life of `upgrade_path_info`."""
    spec = (
        connection_arguments()
        | broker_arguments()
        | {
            "kind": {"type": "str", "required": True, "choices": list(RELEASES)},
            "version": {"type": "str", "required": True},
            "adopt_one_way": {"type": "bool", "default": False},
            "allow": {"type": "list", "elements": "str", "default": []},
        }
    )
    module = Module(spec)
    options = module.params
    ref = ClusterRef(options["kind"], options["namespace"], options["cluster"])
    module.refuse(str(ref), _problems(options))
    ask = [BROKER] if options["broker_endpoints"] is not None else [PLATFORM, BROKER]
    looks = Looks(module, ref, ask, Thresholds())
    try:
        health = looks.look()
        seen = _observe(ref, looks, health)
        result = _path(options, ref, seen, _seconds(looks)) | looks.result()
    except Failure as error:
        module.end(str(ref), error, {"changed": False} | looks.result())
    finally:
        looks.close()
    module.exit_json(**result, health=str(health.status))


def read_line(text: str) -> Line | None:
    """A line of releases as people and platforms write it: 4.1 or v4.1."""
    match = _LINE.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def manner_of(kind: str, *, adopt_one_way: bool) -> Manner:
    """How clusters of this kind are upgraded on this platform."""
    if kind == "rabbitmq":
        offered = tuple(line for text in OFFERED if (line := read_line(text)))
        return Manner(kind, "RabbitMQ", "nodes", offered, adopt_one_way)
    if kind == "kafka":
        return Manner(kind, "Kafka", "brokers", None)
    return Manner(kind, "NATS", "servers", None)


def accepted(kind: str, name: str, allow: t.Collection[str]) -> frozenset[str]:
    """The findings that the consents agree to."""
    return frozenset(code for code in _agreeable(kind) if covered(f"{kind}.upgrade.{code}:{name}", allow))


def _agreeable(kind: str) -> set[str]:
    return {
        audit.finding for one in RELEASES[kind] for audit in one.audits if audit.verdict is Verdict.CONSENT
    }


def _problems(options: Options) -> list[Problem]:
    kind, version = options["kind"], options["version"]
    codes = {
        f"{kind}.version.upgrade",
        f"{kind}.upgrade.one_way",
        *(f"{kind}.upgrade.{finding}" for finding in _agreeable(kind)),
        *plaintext_consents(kind),
    }
    return [
        *said(
            namespace=label_problem(options["namespace"]),
            cluster=label_problem(options["cluster"]),
            version=None
            if read_line(version)
            else f"{version!r} is no line of releases; write two numbers, in quotes, as in '4.2'",
            adopt_one_way="only RabbitMQ has feature flags; leave it out"
            if options["adopt_one_way"] and kind != "rabbitmq"
            else None,
        ),
        *broker_problems(options),
        *unknown_consents(options["allow"], codes),
    ]


def _observe(ref: ClusterRef, looks: Looks, health: Health) -> Running:
    """What runs, by the brokers' own word; where they cannot be asked, what the platform was told."""
    declared, settled = None, True
    if looks.actual is not None:
        declared = read_line(str(looks.actual.state.values.get("version") or ""))
        settled = not read_release(looks.actual.evidence).in_flight
    if looks.reached is None:
        said_by_platform = {"the declaration": declared} if declared else {}
        return Running(said_by_platform, declared, settled, trouble=_trouble(ref, health))
    client = looks.reached.client
    if ref.kind == "rabbitmq":
        from .._brokers.rabbitmq import upgrade as rabbitmq

        seen = rabbitmq.observe(client)
    elif ref.kind == "kafka":
        from .._brokers.kafka import upgrade as kafka

        seen = kafka.observe(client)
    else:
        from .._brokers.nats import upgrade as nats

        seen = nats.observe(client, looks.hosts(looks.reached))
    return dataclasses.replace(seen, declared=declared, settled=settled, trouble=_trouble(ref, health))


def _trouble(ref: ClusterRef, health: Health) -> Reason | None:
    """The worst of what is not as it should be: a member less is planned for, a second one is not."""
    if health.status is Status.HEALTHY:
        return None
    order = list(Status)
    worst = max(health.reasons, key=lambda one: order.index(one.status), default=None)
    unknown = "; ".join(health.seen.unknown.values())
    return worst or Reason(
        f"{ref.kind}.upgrade.unknown",
        health.status,
        f"nobody can say how the cluster is: {unknown}",
        "give what it takes to ask",
    )


def _seconds(looks: Looks) -> float | None:
    """For how long the slowest member took to be ready when it last started."""
    members = looks.platform.members if looks.platform else None
    starts = [one.start for one in members.each if one.start is not None] if members else []
    return max(starts, default=None)


def _path(options: Options, ref: ClusterRef, seen: Running, start: float | None) -> Result:
    wanted = read_line(options["version"])
    if wanted is None:
        raise AssertionError("the version was read before")
    manner = manner_of(ref.kind, adopt_one_way=options["adopt_one_way"])
    upgrade = Upgrade(manner, ref.name, wanted, accepted(ref.kind, ref.name, options["allow"]))
    path = find_path(upgrade, seen)
    against = refusals(path, options["allow"], None)
    lines = {line_of(version) for version in seen.members.values()}
    restarts = len(seen.members)
    return {
        **operation_result(Progress(path), would_change=True),
        "changed": False,
        "refusals": [one.public() for one in against],
        "running": {
            "members": [{"name": name, "version": written(runs)} for name, runs in seen.members.items()],
            "declared": written(seen.declared) if seen.declared else None,
            "rolling": len(lines) > 1 or not seen.settled or seen.declared not in (None, *lines),
            "flags_off": sorted(seen.flags_off),
            "findings": {name: list(things) for name, things in seen.findings.items()},
        },
        "hops": [
            {
                "to": written(one.line),
                "changes": one.changes,
                "back": one.back,
                "restarts": restarts,
                "seconds": None if start is None else round(start * restarts),
                "source": one.source,
                "read": one.read,
            }
            for one in (hops(manner, min(lines), wanted) if lines else ())
        ],
        "notes": notes(manner, seen, wanted) if lines else [],
    }
