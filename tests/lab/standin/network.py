# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Where the Services of a cluster lead: their EndpointSlices, and who listens on load balancers' addresses.

The broker processes behind the pods are what has addresses here; a pod without one has none, and no name of a
Service resolves, which is how a cluster looks to a machine outside of it that is routed to its pods.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.lab.standin.state import Pod
from tests.lab.standin.values import Json, digest

if TYPE_CHECKING:
    from tests.lab.standin.cluster import Cluster

_CHUNK = 65536
_MANAGER = "lab.brokerops.io"


class Network:
    """Plays the EndpointSlice controller and the load balancer for one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._forwarders: dict[tuple[str, int], Forwarder] = {}

    async def publish(self) -> None:
        """Bring slices and load balancers up to what the pods are."""
        cluster = self._cluster
        wanted: set[str] = set()
        forwarded: set[tuple[str, int]] = set()
        for name, service in list(cluster.state.services.items()):
            pods = [pod for pod in self._behind(service) if pod.address]
            if pods:
                slice_ = endpoint_slice(name, service, pods, cluster.namespace)
                wanted.add(f"EndpointSlice/{slice_['metadata']['name']}")
                await cluster.apply(slice_)
            backends = [pod.address for pod in pods if pod.ready]
            if service["address"] and backends:
                for port in service["ports"].values():
                    forwarded.add((service["address"], port))
                    await self._forward(service["address"], port, backends)
        for place in self._forwarders.keys() - forwarded:
            await self._forwarders.pop(place).close()
        for key in [one for one in cluster.state.operated if one.startswith("EndpointSlice/")]:
            if key not in wanted:
                await cluster.remove(*key.split("/"))

    async def close(self) -> None:
        """Stop listening."""
        while self._forwarders:
            await self._forwarders.popitem()[1].close()

    def _behind(self, service: Json) -> Iterator[Pod]:
        selector = service["selector"].items()
        pods = sorted(self._cluster.state.pods.values(), key=lambda pod: pod.name)
        return (pod for pod in pods if selector <= pod.labels.items())

    async def _forward(self, address: str, port: int, backends: list[str]) -> None:
        forwarder = self._forwarders.get((address, port))
        if forwarder is None:
            forwarder = self._forwarders[address, port] = Forwarder(address, port)
            await forwarder.listen()
        forwarder.backends = backends


class Forwarder:
    """Takes connections on one address and leads each to one of ``backends``, on the same port."""

    def __init__(self, address: str, port: int) -> None:
        self.backends: list[str] = []
        self._address, self._port = address, port
        self._turn = itertools.count()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, self._address, self._port)

    async def close(self) -> None:
        """Stop listening and cut off whoever is connected."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        backend = self.backends[next(self._turn) % len(self.backends)]
        self._open.add(writer)
        with contextlib.suppress(OSError):
            theirs, ours = await asyncio.open_connection(backend, self._port)
            self._open.add(ours)
            await asyncio.gather(_copy(reader, ours), _copy(theirs, writer))
            self._open.discard(ours)
        self._open.discard(writer)
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()


def endpoint_slice(name: str, service: Json, pods: list[Pod], namespace: str) -> Json:
    """The only slice of a Service.

    Kubernetes takes no loopback address as an IPv4 endpoint, but as a name of the form that it also takes.
    """
    return {
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-{digest({'service': name})[7:12]}",
            "labels": {
                **service["labels"],
                "kubernetes.io/service-name": name,
                "endpointslice.kubernetes.io/managed-by": _MANAGER,
            },
        },
        "addressType": "FQDN",
        "ports": [
            {"name": port, "port": number, "protocol": "TCP"} for port, number in service["ports"].items()
        ],
        "endpoints": [
            {
                "addresses": [pod.address],
                "conditions": {
                    "ready": pod.ready or service["unready"],
                    "serving": pod.ready,
                    "terminating": False,
                },
                "targetRef": {"kind": "Pod", "name": pod.name, "namespace": namespace, "uid": pod.uid},
            }
            for pod in pods
        ],
    }
