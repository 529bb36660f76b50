# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""How this machine reaches pods, Services and load balancers of a kind cluster: by a route to its node.

A lab has a number, and to it belongs 10.(100+number).0.0/16: pods, Services and load balancers have a part
of it each. The node knows all three (its kube-proxy leads Services and their addresses to pods), so one route
is enough, and brokers may tell their clients the addresses of pods.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any


class RouteError(Exception):
    """This machine's routes cannot be changed; one line that says why."""


def network(number: int) -> str:
    """What belongs to a lab."""
    return f"10.{100 + number}.0.0/16"


def kind_settings(number: int) -> dict[str, Any]:
    """What a kind cluster's configuration says of it, that the API server may change what is made, and that a
    busy machine does not end the control plane: etcd does not wait for a disk which brokers keep busy, and
    controllers that have nobody to replace them do not end when the API server is slow.
    """
    prefix = f"10.{100 + number}"
    alone = {"extraArgs": {"leader-elect": "false"}}
    patch = {
        "apiVersion": "kubeadm.k8s.io/v1beta3",  # the later form would take kind's own arguments away
        "kind": "ClusterConfiguration",
        "controllerManager": alone,
        "scheduler": alone,
        "etcd": {"local": {"dataDir": "/tmp/etcd"}},  # in memory, as kind has it in its nodes
    }
    return {
        "networking": {"podSubnet": f"{prefix}.0.0/18", "serviceSubnet": f"{prefix}.64.0/18"},
        "featureGates": {"MutatingAdmissionPolicy": True},
        "runtimeConfig": {"admissionregistration.k8s.io/v1beta1": "true"},
        "kubeadmConfigPatches": [json.dumps(patch)],
    }


def load_balancer(address: str) -> str:
    """The address behind the node for one of the upper half of the lab's loopback network."""
    return f"10.{address.partition('.')[2]}"


def open_route(number: int, node: str) -> None:
    """Lead to a lab's network by way of ``node``. :raises RouteError: that is not allowed here"""
    _ip("replace", network(number), "via", node)


def close_route(number: int) -> None:
    """Take the route away; no error where it is gone, as it goes with kind's network."""
    try:
        _ip("delete", network(number))
    except RouteError:
        return


def _ip(*arguments: str) -> None:
    as_root = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    try:
        done = subprocess.run(
            [*as_root, "ip", "route", *arguments], capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise RouteError(
            f"a route to kind's node needs the program ip (package iproute2): {error}"
        ) from error
    if done.returncode:
        raise RouteError(f"no route to kind's node: ip route {' '.join(arguments)}: {done.stderr.strip()}")
