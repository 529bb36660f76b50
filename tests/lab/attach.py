# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A lab in a real cluster: one that kind creates for it, or one that is there.

The Cozystack API server and the stand-in platform stay processes of this machine, as do the brokers. The
cluster's API server reaches the former through a Service without selector.
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.lab import kubeconfig, pki, tenants
from tests.lab.client import Api, ApiError, Object, object_path, wait_for
from tests.lab.controlplane import (
    AGGREGATED,
    API_SERVICE,
    AUDIT_POLICY,
    PLATFORM_NAMESPACE,
    ControlPlane,
    loopback_service,
)
from tests.lab.definitions import manifests

IN_NODE = "/var/log/brokerops-lab"  # the lab's log folder, as the node of a kind cluster sees it
ENGINE_VARIABLES = ("PATH", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "HOME")


class AttachError(Exception):
    """The cluster cannot be used; one line that says why."""


# ---- kind
# ----------------------------------------------------------------------------------------------------------


def engine() -> dict[str, str]:
    """What it takes to reach the container engine again, also from another shell (to be kept with the lab).

    :raises AttachError: there is no container engine, or no kind
    """
    for program in ("docker", "kind"):
        if shutil.which(program) is None:
            raise AttachError(
                f"--cluster kind needs a container engine and kind, and {program} is not installed"
            )
    variables = {name: os.environ[name] for name in ENGINE_VARIABLES if name in os.environ}
    try:
        run(["docker", "info"], variables)
    except AttachError as error:
        raise AttachError("--cluster kind needs a container engine, and docker does not answer") from error
    return variables


def create_kind(
    name: str, plane: ControlPlane, variables: Mapping[str, str], settings: Mapping[str, Any] | None = None
) -> None:
    """Create a kind cluster with an audit log in ``plane``'s log folder; ``KIND_NODE_IMAGE`` is its image, if
    set, and ``settings`` are more of kind's configuration.

    :raises AttachError: with the end of kind's output
    """
    plane.audit_log.parent.mkdir(exist_ok=True)
    # The API server writes it as root; a file that is there keeps its owner and mode, so that we can read it.
    plane.audit_log.touch()
    plane.audit_log.chmod(0o666)
    (plane.audit_log.parent / "audit-policy.yaml").write_text(yaml.safe_dump(AUDIT_POLICY))
    config = plane.directory / "kind.yaml"
    config.write_text(yaml.safe_dump({**_kind_config(plane.audit_log.parent), **(settings or {})}))
    run_kind(name, plane.admin_kubeconfig, variables, "--config", str(config))
    plane.admin_kubeconfig.chmod(0o600)


def run_kind(name: str, kubeconfig: Path, variables: Mapping[str, str], *options: str) -> None:
    """Create a kind cluster of the image ``KIND_NODE_IMAGE``, if set. Twice at the most: kind chooses a free
    port and gives it back before the engine takes it, so another process can be faster.

    :raises AttachError: with the end of kind's output
    """
    command = ["kind", "create", "cluster", "--name", name, "--kubeconfig", str(kubeconfig)]
    command += ["--wait", "120s", *options]
    if image := os.environ.get("KIND_NODE_IMAGE"):
        command += ["--image", image]
    try:
        run(command, variables)
    except AttachError as error:
        print(f"once more, as {error}", file=sys.stderr)
        delete_kind(name, variables)
        run(command, variables)


def delete_kind(name: str, variables: Mapping[str, str]) -> None:
    """Delete the cluster; no error where it or its engine is gone."""
    with contextlib.suppress(AttachError):
        run(["kind", "delete", "cluster", "--name", name], variables)


def gateway(variables: Mapping[str, str]) -> str:
    """The address by which the nodes of kind clusters reach this machine. :raises AttachError: none"""
    form = "{{range .IPAM.Config}}{{println .Gateway}}{{end}}"
    for line in run(["docker", "network", "inspect", "kind", "--format", form], variables).split():
        if ipaddress.ip_address(line).version == 4:
            return line
    raise AttachError("kind's network has no IPv4 gateway")


def _kind_config(log: Path) -> dict[str, Any]:
    arguments = {
        "audit-policy-file": f"{IN_NODE}/audit-policy.yaml",
        "audit-log-path": f"{IN_NODE}/audit.log",
        "audit-log-maxsize": "4096",
    }
    volume = {"name": "brokerops-lab", "hostPath": IN_NODE, "mountPath": IN_NODE, "pathType": "Directory"}
    # kubeadm took arguments as a map, then as a list; kind applies the patch of the version that it uses.
    forms: dict[str, Any] = {
        "v1beta3": arguments,
        "v1beta4": [{"name": key, "value": value} for key, value in arguments.items()],
    }
    patches = [
        {
            "apiVersion": f"kubeadm.k8s.io/{version}",
            "kind": "ClusterConfiguration",
            "apiServer": {"extraArgs": form, "extraVolumes": [volume]},
        }
        for version, form in forms.items()
    ]
    node = {
        "role": "control-plane",
        "extraMounts": [{"hostPath": str(log), "containerPath": IN_NODE}],
        "kubeadmConfigPatches": [yaml.safe_dump(patch) for patch in patches],
    }
    return {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [node]}


def run(command: list[str], variables: Mapping[str, str]) -> str:
    """The output of a program with these variables. :raises AttachError: with the end of what it said"""
    try:
        done = subprocess.run(command, env=dict(variables), capture_output=True, text=True, check=False)
    except OSError as error:
        raise AttachError(f"{command[0]}: {error}") from error
    if done.returncode:
        raise AttachError(
            f"{' '.join(command[:3])}: {' | '.join((done.stderr or done.stdout).split(chr(10))[-4:])}"
        )
    return done.stdout


# ---- any cluster
# ---------------------------------------------------------------------------------------------------


def take_over(kubeconfig_file: Path | None, plane: ControlPlane) -> None:
    """Make the cluster of a kubeconfig the lab's. :raises AttachError: it cannot be, and why"""
    if kubeconfig_file is None:
        raise AttachError("--cluster existing needs --kubeconfig")
    try:
        # A copy that stands for itself: the original may move, or change its current context.
        kubeconfig.copy(kubeconfig_file, plane.admin_kubeconfig)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AttachError(f"{kubeconfig_file} is no kubeconfig that can be used: {error}") from error
    with Api(plane.admin_kubeconfig) as api:
        for path in _ours():
            if api.find(path):
                found = path.removeprefix("/apis/")
                raise AttachError(f"{api.server} has a platform of its own ({found}); nothing was changed")


def address_for(server: str) -> str:
    """An address of this machine that the API server at ``server`` can reach.

    A server on loopback is either a process here, or the published port of a kind cluster's node.
    """
    target = urllib.parse.urlsplit(server)
    host = target.hostname or "localhost"
    if host == "localhost" or host.startswith("127."):
        with contextlib.suppress(AttachError):
            published = run(["docker", "ps", "--format", "{{.Ports}}"], os.environ)
            if f":{target.port}->" in published:
                return gateway(os.environ)
        return host
    with socket.socket(
        socket.AF_INET, socket.SOCK_DGRAM
    ) as probe:  # nothing is sent: it only picks the route
        probe.connect((host, target.port or 443))
        local: str = probe.getsockname()[0]
        return local


def service(address: str, port: int) -> list[Object]:
    """What leads the cluster's API server to the Cozystack API server at ``address``."""
    if ipaddress.ip_address(address).is_loopback:
        return loopback_service(address)
    meta = {"name": API_SERVICE, "namespace": PLATFORM_NAMESPACE}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"ports": [{"name": "https", "port": port, "targetPort": port}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**meta, "labels": {"kubernetes.io/service-name": API_SERVICE}},
            "addressType": "IPv4",
            "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        },
    ]


def leave(plane: ControlPlane) -> None:
    """Take out of an existing cluster what the lab brought; one that does not answer is left as it is."""
    with contextlib.suppress(ApiError, httpx.HTTPError, OSError), Api(plane.admin_kubeconfig) as api:
        for name in AGGREGATED:  # first: while a group is not served, no namespace can be deleted
            api.delete(f"/apis/apiregistration.k8s.io/v1/apiservices/{name}")
        for namespace in tenants.names(api):
            tenants.purge(api, namespace)
            api.delete(f"/api/v1/namespaces/{namespace}")
        for path in reversed(_ours()):
            api.delete(path)


def _ours() -> list[str]:
    """What stands in a cluster for as long as a lab is attached to it, in the order in which it is made."""
    made = [object_path(item) for name in ("crds", "platform", "tenant-roles") for item in manifests(name)]
    return made + [f"/apis/apiregistration.k8s.io/v1/apiservices/{name}" for name in AGGREGATED]


class RequestSigner:
    """Credentials from a cluster whose keys are its own: by signing requests and by its token controller."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def client_certificate(self, user: str, groups: list[str]) -> pki.Pair:
        """See :class:`tests.lab.tenants.Signer`."""
        request, key = pki.signing_request(user, groups)
        name = f"brokerops-lab-{uuid.uuid4()}"
        root = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
        made = self._api.create(
            root,
            {
                "apiVersion": "certificates.k8s.io/v1",
                "kind": "CertificateSigningRequest",
                "metadata": {"name": name},
                "spec": {
                    "request": base64.b64encode(request.encode()).decode(),
                    "signerName": "kubernetes.io/kube-apiserver-client",
                    "usages": ["client auth"],
                },
            },
        )
        made["status"] = {
            "conditions": [
                {"type": "Approved", "status": "True", "reason": "Lab", "message": "the test bed's own"}
            ]
        }
        self._api.request("PUT", f"{root}/{name}/approval", made)
        certificate: list[str] = []

        def signed() -> bool:
            certificate.append(self._api.get(f"{root}/{name}").get("status", {}).get("certificate", ""))
            return bool(certificate[-1])

        wait_for(f"certificate of {user}", signed, timeout=30)
        self._api.delete(f"{root}/{name}")
        return pki.Pair(base64.b64decode(certificate[-1]).decode(), key)

    def account_token(self, namespace: str, account: str) -> str:
        """See :class:`tests.lab.tenants.Signer`."""
        root = f"/api/v1/namespaces/{namespace}/secrets"
        if self._api.find(f"{root}/{account}") is None:
            self._api.create(root, tenants.token_secret(account))
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if token := self._api.get(f"{root}/{account}").get("data", {}).get("token"):
                return base64.b64decode(token).decode()
            time.sleep(0.1)
        raise AttachError(f"the cluster made no token for the service account {namespace}/{account}")
