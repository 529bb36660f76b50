# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A small client of the Kubernetes API for the test bed itself (plain JSON; the collection has its own)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.lab import kubeconfig

Object = dict[str, Any]
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class ApiError(Exception):
    """The API server refused a request."""

    def __init__(self, method: str, path: str, code: int, status: Mapping[str, Any]) -> None:
        self.code = code
        self.reason = str(status.get("reason", ""))
        self.status = dict(status)
        super().__init__(f"{method} {path}: {code} {status.get('message', '')}".strip())


class Api:
    """One connection to one API server as one user. Methods raise ApiError on any answer from 400 up."""

    def __init__(self, config: Path, *, user_agent: str = "brokerops-lab") -> None:
        access = kubeconfig.read(config)
        self.config = config
        self.server = access.server
        headers = {"User-Agent": user_agent}
        if access.token:
            headers["Authorization"] = f"Bearer {access.token}"
        self._http = httpx.Client(
            base_url=access.server, verify=access.tls, headers=headers, timeout=30.0, trust_env=False
        )

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        **query: str,
    ) -> Object:
        """One request; ``query`` becomes the query string. Returns the answer's JSON, or {"text": ...} of
        another form.
        """
        answer = self._http.request(
            method,
            path,
            content=None if body is None else json.dumps(body),
            headers={"Content-Type": content_type},
            params=query,
        )
        try:
            data = answer.json()
        except ValueError:
            data = {"text": answer.text, "message": answer.text.strip()}
        if answer.status_code >= 400:
            raise ApiError(method, path, answer.status_code, data if isinstance(data, dict) else {})
        return data if isinstance(data, dict) else {"text": answer.text}

    def get(self, path: str, **query: str) -> Object:
        """Read one object, or a list object."""
        return self.request("GET", path, **query)

    def find(self, path: str) -> Object | None:
        """Read one object; None where there is none."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def items(self, path: str, **query: str) -> list[Object]:
        """The objects of a list."""
        found: list[Object] = self.get(path, **query).get("items", [])
        return found

    def create(self, path: str, body: Mapping[str, Any]) -> Object:
        """POST ``body`` to a collection's path."""
        return self.request("POST", path, body)

    def patch(self, path: str, body: Any, *, content_type: str = MERGE_PATCH, **query: str) -> Object:
        """Patch one object, by JSON merge patch unless said otherwise."""
        return self.request("PATCH", path, body, content_type=content_type, **query)

    def delete(self, path: str, **query: str) -> bool:
        """Delete one object; False where there was none."""
        try:
            self.request("DELETE", path, **query)
        except ApiError as error:
            if error.code == 404:
                return False
            raise
        return True

    def apply(self, item: Object) -> Object:
        """Server-side apply: make the object be there as written."""
        return self.patch(
            object_path(item), item, content_type=APPLY_PATCH, fieldManager="brokerops-lab", force="true"
        )

    def watch(self, path: str, *, timeout: float, **query: str) -> Iterator[Object]:
        """Events of a watch, until ``timeout`` seconds pass without one or the server ends it."""
        limits = httpx.Timeout(30.0, read=timeout)
        with self._http.stream("GET", path, params={"watch": "true", **query}, timeout=limits) as answer:
            if answer.status_code >= 400:
                answer.read()
                raise ApiError("WATCH", path, answer.status_code, answer.json())
            try:
                for line in answer.iter_lines():
                    if line:
                        yield json.loads(line)
            except httpx.ReadTimeout:
                return


def object_path(item: Mapping[str, Any]) -> str:
    """The path of an object, for the kinds that the test bed applies (regular plurals)."""
    version, kind, meta = item["apiVersion"], item["kind"].lower(), item["metadata"]
    plural = (
        kind + "es" if kind.endswith(("s", "x")) else kind[:-1] + "ies" if kind.endswith("y") else kind + "s"
    )
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = f"/namespaces/{meta['namespace']}" if "namespace" in meta else ""
    return f"{root}{namespace}/{plural}/{meta['name']}"


def wait_for(what: str, check: Callable[[], bool], *, timeout: float, pause: float = 0.05) -> None:
    """Ask ``check`` until it says True; what it raises on the way counts as no.

    :raises TimeoutError: after ``timeout`` seconds, naming ``what`` and the last error
    """
    deadline = time.monotonic() + timeout
    last: Exception | None = None
    while time.monotonic() < deadline:
        try:
            if check():
                return
            last = None
        except (ApiError, httpx.HTTPError, OSError) as error:
            last = error
        time.sleep(pause)
    raise TimeoutError(f"{what}: not within {timeout:.0f} s" + (f" (last error: {last})" if last else ""))
