# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Faults that are caused on purpose, see :data:`tests.lab.standin.control.FaultKind`."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tests.lab.standin.platform import Platform, RefusedError
from tests.lab.standin.state import Pod

if TYPE_CHECKING:
    from tests.lab.standin.cluster import Cluster


async def cause(platform: Platform, fault: Mapping[str, Any]) -> None:
    """Cause one fault. :raises RefusedError: it is unknown, or its cluster or member is."""
    kind = fault.get("kind")
    if kind in ("freeze", "thaw"):
        platform.freeze(kind == "freeze")
        return
    missing = [name for name in ("namespace", "app", "name") if name not in fault]
    if missing:
        raise RefusedError(f"the fault {kind} needs {', '.join(missing)}")
    cluster = platform.find(fault["namespace"], fault["app"], fault["name"])
    if kind == "fail-upgrade":
        message = str(fault.get("message", "a failure on purpose"))
        cluster.failures += [message] * int(fault.get("times", 1))
    elif kind == "oom-loop":
        cluster.oom = True
        await cluster.stop_brokers()
    elif kind == "refuse-pods":
        cluster.refuse_pods = True
    elif kind == "clear":
        cluster.failures.clear()
        cluster.unready.clear()
        cluster.killed.clear()
        cluster.oom = cluster.refuse_pods = False
    elif kind == "never-ready":
        pod = _pod(cluster, fault)
        cluster.unready.add(pod.name)
        await cluster.pods.mark(pod.name, ready=False)
    elif kind in ("kill-member", "start-member"):
        await _member(cluster, _pod(cluster, fault), start=kind == "start-member")
    else:
        raise RefusedError(f"no such fault: {kind}")
    cluster.touch()


def _pod(cluster: Cluster, fault: Mapping[str, Any]) -> Pod:
    component = fault.get("component", cluster.app)
    for pod in cluster.pods.of(component):
        if pod.ordinal == int(fault.get("ordinal", 0)):
            return pod
    raise RefusedError(f"{cluster} has no {component} pod {fault.get('ordinal', 0)}")


async def _member(cluster: Cluster, pod: Pod, *, start: bool) -> None:
    (cluster.killed.discard if start else cluster.killed.add)(pod.name)
    if cluster.brokers is not None:
        brokers = cluster.brokers_of(pod.component)
        await cluster.work(functools.partial(brokers.start_member if start else brokers.kill, pod.ordinal))
        await cluster.pods.mirror()
    elif start:
        cluster.unready.discard(pod.name)
        await cluster.pods.mark(pod.name, ready=True)
    else:
        cluster.unready.add(pod.name)
        await cluster.pods.mark(pod.name, ready=False, reason="Error", restarts=pod.restarts + 1)
