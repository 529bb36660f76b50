# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Writing and reading kubeconfigs: a server and one credential, a token or a client certificate.

Credential plugins (``exec``) are not run.
"""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.lab import pki


@dataclass(frozen=True)
class Access:
    """How to reach an API server as one user: base URL, TLS settings (with the client certificate, if that is
    the credential), bearer token (if that is).
    """

    server: str
    tls: ssl.SSLContext
    token: str | None
    authority: str


def write(
    path: Path, server: str, authority: str, *, user: str, credential: pki.Pair | str, namespace: str = ""
) -> Path:
    """Write a kubeconfig that stands for itself (all inline); ``credential`` is a client certificate or a
    token.
    """
    if isinstance(credential, str):
        secret: dict[str, str] = {"token": credential}
    else:
        secret = {
            "client-certificate-data": base64.b64encode(credential.certificate.encode()).decode(),
            "client-key-data": base64.b64encode(credential.key.encode()).decode(),
        }
    cluster = {"server": server, "certificate-authority-data": base64.b64encode(authority.encode()).decode()}
    context = {"cluster": "lab", "user": user, **({"namespace": namespace} if namespace else {})}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "lab", "cluster": cluster}],
        "users": [{"name": user, "user": secret}],
        "contexts": [{"name": "lab", "context": context}],
        "current-context": "lab",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pki.write_private(path, json.dumps(config, indent=1))
    return path


def read(path: Path) -> Access:
    """The current context of a kubeconfig. :raises ValueError: its user has no token or certificate"""
    server, authority, _unused, credential = _current(path)
    tls = ssl.create_default_context(cadata=authority or None)
    if isinstance(credential, str):
        return Access(server, tls, credential, authority)
    with tempfile.NamedTemporaryFile() as both:  # the ssl module reads files only
        both.write(f"{credential.certificate}\n{credential.key}".encode())
        both.flush()
        tls.load_cert_chain(both.name)
    return Access(server, tls, None, authority)


def copy(source: Path, target: Path) -> None:
    """Write the current context of ``source`` so that it stands for itself. :raises ValueError: as
    :func:`read`
    """
    server, authority, user, credential = _current(source)
    write(target, server, authority, user=user, credential=credential)


def _current(path: Path) -> tuple[str, str, str, pki.Pair | str]:
    """Server, authority, user and credential of the current context."""
    config = yaml.safe_load(path.read_text())
    by_name = {
        kind: {e["name"]: e[kind[:-1]] for e in config[kind]} for kind in ("clusters", "contexts", "users")
    }
    context = by_name["contexts"][config["current-context"]]
    cluster, user = by_name["clusters"][context["cluster"]], by_name["users"][context["user"]]
    server, authority = (
        str(cluster["server"]).rstrip("/"),
        _material(cluster, "certificate-authority", path.parent),
    )
    certificate, key = (_material(user, name, path.parent) for name in ("client-certificate", "client-key"))
    if certificate and key:
        return server, authority, context["user"], pki.Pair(certificate, key)
    if token := user.get("token") or _material(user, "token", path.parent):
        return server, authority, context["user"], str(token)
    raise ValueError(f"{path}: user {context['user']} has neither a token nor a client certificate")


def _material(entry: Mapping[str, Any], name: str, folder: Path) -> str:
    """A certificate, key or token: inline as ``<name>-data``, or a file (relative to the kubeconfig); else
    empty.
    """
    if data := entry.get(f"{name}-data"):
        return base64.b64decode(data).decode()
    file = entry.get("tokenFile" if name == "token" else name)
    return (folder / file).read_text() if file else ""
