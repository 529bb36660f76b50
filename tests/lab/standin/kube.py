# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A small asynchronous client of the Kubernetes API: one connection pool, plain JSON, endless watches."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import aiohttp

from tests.lab.kubeconfig import read
from tests.lab.standin.values import Json

log = logging.getLogger(__name__)

# kind → (API prefix, plural, namespaced)
_RESOURCES: Final[dict[str, tuple[str, str]]] = {
    "EndpointSlice": ("/apis/discovery.k8s.io/v1", "endpointslices"),
    "ConfigMap": ("/api/v1", "configmaps"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "Event": ("/api/v1", "events"),
    "HelmRelease": ("/apis/helm.toolkit.fluxcd.io/v2", "helmreleases"),
    "Namespace": ("/api/v1", "namespaces"),
    "Permission": ("/apis/rabbitmq.com/v1beta1", "permissions"),
    "PersistentVolumeClaim": ("/api/v1", "persistentvolumeclaims"),
    "Pod": ("/api/v1", "pods"),
    "RabbitmqCluster": ("/apis/rabbitmq.com/v1beta1", "rabbitmqclusters"),
    "ResourceQuota": ("/api/v1", "resourcequotas"),
    "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "Secret": ("/api/v1", "secrets"),
    "Service": ("/api/v1", "services"),
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "StorageClass": ("/apis/storage.k8s.io/v1", "storageclasses"),
    "User": ("/apis/rabbitmq.com/v1beta1", "users"),
    "Vhost": ("/apis/rabbitmq.com/v1beta1", "vhosts"),
    "Workload": ("/apis/cozystack.io/v1alpha1", "workloads"),
    "WorkloadMonitor": ("/apis/cozystack.io/v1alpha1", "workloadmonitors"),
}
# More at once only lets requests wait inside the API server instead of here.
_CONNECTIONS: Final = 24


class ApiError(Exception):
    """The API server refused a request."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(message)


def api_version(kind: str) -> str:
    """The apiVersion of a kind that the stand-in writes."""
    return _RESOURCES[kind][0].removeprefix("/apis/").removeprefix("/api/")


def path(kind: str, namespace: str | None, name: str = "", subresource: str = "") -> str:
    """The URL path of a kind, an object, or its subresource."""
    prefix, plural = _RESOURCES[kind]
    where = f"/namespaces/{namespace}" if namespace else ""
    return "/".join(part for part in (f"{prefix}{where}/{plural}", name, subresource) if part)


class Kube:
    """One user of one API server. Methods raise ApiError on any answer from 400 up, unless they say
    otherwise.
    """

    def __init__(self, kubeconfig: Path) -> None:
        access = read(kubeconfig)
        self._server, self._tls = access.server, access.tls
        self._headers = {"User-Agent": "brokerops-lab/stand-in"}
        if access.token:
            self._headers["Authorization"] = f"Bearer {access.token}"
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Kube:
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS + 8, ssl=self._tls)
        self._session = aiohttp.ClientSession(connector=connector, headers=self._headers, trust_env=False)
        self._places = asyncio.Semaphore(_CONNECTIONS)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, kind: str, namespace: str | None, name: str) -> Json | None:
        """The object, or None where there is none."""
        return await self._found("GET", path(kind, namespace, name))

    async def list(self, kind: str, namespace: str | None = None, selector: str = "") -> list[Json]:
        """All objects of a kind in a namespace (None: everywhere)."""
        answer = await self._request(
            "GET", path(kind, namespace), query={"labelSelector": selector} if selector else {}
        )
        return list(answer.get("items") or [])

    async def create(self, item: Json, namespace: str | None) -> Json:
        return await self._request("POST", path(item["kind"], namespace), item)

    async def patch(
        self, kind: str, namespace: str | None, name: str, change: Json, subresource: str = ""
    ) -> Json | None:
        """JSON merge patch; None where the object is gone."""
        return await self._found("PATCH", path(kind, namespace, name, subresource), change)

    async def delete(self, kind: str, namespace: str | None, name: str) -> bool:
        """Delete at once, without a grace period; False where the object was gone."""
        options = {"gracePeriodSeconds": 0} if kind == "Pod" else None
        return await self._found("DELETE", path(kind, namespace, name), options) is not None

    async def watch(
        self, kind: str, selector: str = "", *, metadata_only: bool = False
    ) -> AsyncIterator[tuple[Literal["ALL", "SET", "GONE"], Any]]:
        """All objects everywhere, for ever: first ("ALL", list), then ("SET", object) and ("GONE", object).

        After every break of the watch a new "ALL" tells what stands there now.
        """
        form = "application/json"
        if metadata_only:
            form += ";as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"
        while True:
            try:
                query = {"labelSelector": selector} if selector else {}
                listed = await self._request("GET", path(kind, None), query=query, accept=form.format("List"))
                yield "ALL", list(listed.get("items") or [])
                version = listed["metadata"]["resourceVersion"]
                query |= {"watch": "1", "resourceVersion": version}
                async for event, item in self._follow(kind, query, form.format("")):
                    yield event, item
            except (aiohttp.ClientError, ApiError, TimeoutError, ValueError) as error:
                log.warning("watch of %s broke: %s", kind, error)
                await asyncio.sleep(0.3)

    async def _follow(
        self, kind: str, query: Mapping[str, str], accept: str
    ) -> AsyncIterator[tuple[Literal["SET", "GONE"], Any]]:
        assert self._session is not None
        # sock_read: a connection that died without a word is noticed; the server sends bookmarks about every
        # minute.
        limit = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=180)
        query = {**query, "allowWatchBookmarks": "true"}
        async with self._session.get(
            self._server + path(kind, None), params=query, timeout=limit, headers={"Accept": accept}
        ) as answer:
            if answer.status >= 400:
                raise ApiError(answer.status, "", await answer.text())
            buffer = b""
            async for chunk in answer.content.iter_any():
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    if event["type"] in ("ADDED", "MODIFIED"):
                        yield "SET", event["object"]
                    elif event["type"] == "DELETED":
                        yield "GONE", event["object"]
                    elif event["type"] == "ERROR":
                        raise ApiError(
                            int(event["object"].get("code", 500)), "", str(event["object"].get("message"))
                        )

    async def _found(self, method: str, url: str, body: Json | None = None) -> Json | None:
        try:
            return await self._request(method, url, body)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    async def _request(
        self,
        method: str,
        url: str,
        body: Json | None = None,
        *,
        query: Mapping[str, str] | None = None,
        accept: str = "application/json",
    ) -> Json:
        assert self._session is not None
        content = "application/merge-patch+json" if method == "PATCH" else "application/json"
        data = None if body is None else json.dumps(body)
        for attempt in range(6):
            try:
                async with (
                    self._places,
                    self._session.request(
                        method,
                        self._server + url,
                        data=data,
                        params=query,
                        headers={"Content-Type": content, "Accept": accept},
                    ) as answer,
                ):
                    text = await answer.text()
                if answer.status in (429, 503):
                    raise aiohttp.ClientError(text)
                break
            except (aiohttp.ClientError, TimeoutError) as error:
                # Every write here may be sent twice: a second create is "already exists", patches are
                # absolute.
                if attempt == 5:
                    raise ApiError(503, "Unreachable", f"{method} {url}: {error}") from error
                await asyncio.sleep(0.1 * 2**attempt)
        found: Json = json.loads(text) if text.startswith("{") else {"message": text}
        if answer.status >= 400:
            raise ApiError(answer.status, str(found.get("reason", "")), str(found.get("message", "")))
        return found
