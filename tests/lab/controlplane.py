# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The embedded control plane: etcd, kube-apiserver and the Cozystack API server as processes on one loopback
address.

Nothing else of Kubernetes runs: no controller manager (no garbage collection, no namespace deletion), no
scheduler, no kubelet.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.lab import kubeconfig, processes
from tests.lab.build import executable
from tests.lab.client import Api, Object, wait_for
from tests.lab.definitions import manifests, objects
from tests.lab.pki import Authority, signing_key, write_private
from tests.lab.processes import Process

PLATFORM_NAMESPACE = "cozy-system"
API_SERVICE = "cozystack-api"
FRONT_PROXY = "front-proxy-client"  # the user that may say who a request comes from
AGGREGATED = ("v1alpha1.apps.cozystack.io", "v1alpha1.core.cozystack.io")
APPLICATIONS = ("kafkas", "rabbitmqs", "natses")

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
        {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*"]},
        {"level": "Metadata"},
    ],
}


@dataclass(frozen=True)
class ControlPlane:
    """Where the parts of one control plane are. ``directory`` holds keys, data and logs; ``address`` is of
    loopback.
    """

    directory: Path
    address: str

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.directory / "pki"

    @property
    def admin_kubeconfig(self) -> Path:
        """Of a member of system:masters."""
        return self.directory / "admin.kubeconfig"

    @property
    def audit_log(self) -> Path:
        """One JSON event a line."""
        return self.directory / "log" / "audit.log"

    @property
    def restarts(self) -> Path:
        """A line for each time that the Cozystack API server had to be started again."""
        return self.directory / "restarts"

    def log(self, name: str) -> Path:
        """The output of one process."""
        return self.directory / "log" / f"{name}.log"

    def start_kubernetes(self) -> list[Process]:
        """Make keys, start etcd and kube-apiserver; does not wait (see :meth:`wait_until_ready`)."""
        self.pki.mkdir(parents=True)
        self.log("x").parent.mkdir(exist_ok=True)
        authority = Authority.create("brokerops-lab")
        authority.pair.write(self.pki, "ca")
        authority.issue(
            "kube-apiserver", hosts=["localhost", "kubernetes.default.svc", self.address, "127.0.0.1"]
        ).write(self.pki, "kube-apiserver")
        # A second authority, so that no client certificate of the first can pass for the front proxy.
        proxies = Authority.create("brokerops-lab-front-proxy")
        proxies.pair.write(self.pki, "front-proxy-ca")
        proxies.issue(FRONT_PROXY).write(self.pki, "front-proxy")
        private, public = signing_key()
        write_private(self.pki / "accounts.key", private)
        (self.pki / "accounts.pub").write_text(public)
        (self.directory / "audit-policy.yaml").write_text(yaml.safe_dump(AUDIT_POLICY))

        client, peer, port = (processes.free_port(self.address) for _unused in range(3))
        certificate = authority.issue("brokerops-lab-admin", ["system:masters"])
        server = f"https://{self.address}:{port}"
        kubeconfig.write(
            self.admin_kubeconfig,
            server,
            authority.pair.certificate,
            user="brokerops-lab-admin",
            credential=certificate,
        )
        etcd = self._start(
            "etcd",
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls=http://{self.address}:{client}",
            f"--advertise-client-urls=http://{self.address}:{client}",
            f"--listen-peer-urls=http://{self.address}:{peer}",
            f"--initial-advertise-peer-urls=http://{self.address}:{peer}",
            f"--initial-cluster=default=http://{self.address}:{peer}",
            "--unsafe-no-fsync",  # a crash of the machine ends the lab anyway
            "--log-level=warn",
        )
        return [etcd, self._start_apiserver(port, f"http://{self.address}:{client}")]

    def _start_apiserver(self, port: int, etcd: str) -> Process:
        keys = self.pki
        return self._start(
            "kube-apiserver",
            f"--etcd-servers={etcd}",
            f"--bind-address={self.address}",
            f"--secure-port={port}",
            f"--tls-cert-file={keys / 'kube-apiserver.crt'}",
            f"--tls-private-key-file={keys / 'kube-apiserver.key'}",
            f"--client-ca-file={keys / 'ca.crt'}",
            f"--service-account-key-file={keys / 'accounts.pub'}",
            f"--service-account-signing-key-file={keys / 'accounts.key'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--authorization-mode=RBAC",
            # it waits for tokens that a controller manager makes
            "--disable-admission-plugins=ServiceAccount",
            "--endpoint-reconciler-type=none",
            "--delete-collection-workers=4",  # a reset deletes a lot
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--requestheader-client-ca-file={keys / 'front-proxy-ca.crt'}",
            f"--requestheader-allowed-names={FRONT_PROXY}",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={keys / 'front-proxy.crt'}",
            f"--proxy-client-key-file={keys / 'front-proxy.key'}",
            f"--audit-policy-file={self.directory / 'audit-policy.yaml'}",
            f"--audit-log-path={self.audit_log}",
            "--audit-log-maxsize=4096",  # MB; a rotated log would invalidate the marks of the tests
            env={"GOMEMLIMIT": "350MiB"},  # collect garbage rather than grow, in a lab that runs for long
        )

    def wait_until_ready(self, started: list[Process], timeout: float = 60.0) -> None:
        """Wait for kube-apiserver. :raises RuntimeError: a process ended, with the end of its log"""
        with Api(self.admin_kubeconfig) as api:
            wait_for("kube-apiserver", alive(started, lambda: bool(api.get("/readyz"))), timeout=timeout)

    def start_cozystack_api(self, account: Path, address: str) -> tuple[Process, int]:
        """Start the Cozystack API server as the user of the kubeconfig ``account``, listening on ``address``;
        returns it and its port.

        It needs the custom resources and definitions to be there: it reads them once.
        """
        port = processes.free_port(address)
        self.pki.mkdir(parents=True, exist_ok=True)
        self.log("x").parent.mkdir(exist_ok=True)
        if not (self.pki / "cozystack-ca.crt").exists():
            authority = Authority.create("brokerops-lab-cozystack")
            authority.pair.write(self.pki, "cozystack-ca")
            authority.issue(API_SERVICE, hosts=[f"{API_SERVICE}.{PLATFORM_NAMESPACE}.svc", address]).write(
                self.pki, API_SERVICE
            )
        command: list[str | Path] = [
            executable("cozystack-api"),
            f"--kubeconfig={account}",  # for its informers of its own groups; its storage reads KUBECONFIG
            f"--authentication-kubeconfig={account}",
            f"--authorization-kubeconfig={account}",
            f"--bind-address={address}",
            f"--secure-port={port}",
            f"--tls-cert-file={self.pki / f'{API_SERVICE}.crt'}",
            f"--tls-private-key-file={self.pki / f'{API_SERVICE}.key'}",
        ]
        # On a cluster it is a Deployment's: it has been seen to be gone in the middle of a long run.
        keeper = [sys.executable, str(Path(__file__).with_name("keeper.py"))]
        process = processes.start(
            "cozystack-api",
            [*keeper, f"--probe=https://{address}:{port}/livez", self.restarts, *command],
            directory=self.directory,
            log=self.log("cozystack-api"),
            cwd=self.directory,
            env={"KUBECONFIG": str(account)},
        )
        return process, port

    def _start(self, name: str, *arguments: str, env: Mapping[str, str] | None = None) -> Process:
        command: list[str | Path] = [executable(name), *arguments]
        return processes.start(
            name, command, directory=self.directory, log=self.log(name), cwd=self.directory, env=env
        )


def install_platform(api: Api, profile: str) -> None:
    """Custom resources, application definitions, the platform's accounts, and the tenants' roles."""
    crds = manifests("crds")
    for item in crds:
        api.apply(item)
    for item in (*manifests("platform"), *manifests("tenant-roles")):
        api.apply(item)
    paths = [f"/apis/{crd['spec']['group']}/{crd['spec']['versions'][0]['name']}" for crd in crds]
    plurals = [crd["spec"]["names"]["plural"] for crd in crds]

    def served() -> bool:
        return all(
            "items" in api.get(f"{path}/{plural}") for path, plural in zip(paths, plurals, strict=True)
        )

    wait_for("custom resources", served, timeout=20)
    for item in objects(profile):
        api.apply(item)


def aggregate(api: Api, service: list[Object], port: int, authority: str) -> None:
    """Tell kube-apiserver that the Cozystack groups are served behind ``service`` (PEM ``authority``)."""
    for item in service:
        api.apply(item)
    for name in AGGREGATED:
        version, _unused, group = name.partition(".")
        api.apply(
            {
                "apiVersion": "apiregistration.k8s.io/v1",
                "kind": "APIService",
                "metadata": {"name": name},
                "spec": {
                    "group": group,
                    "version": version,
                    "groupPriorityMinimum": 1000,
                    "versionPriority": 15,
                    "caBundle": base64.b64encode(authority.encode()).decode(),
                    "service": {"name": API_SERVICE, "namespace": PLATFORM_NAMESPACE, "port": port},
                },
            }
        )


def loopback_service(address: str) -> list[Object]:
    """A Service that leads to a loopback address: endpoints may not lie there, an external name may."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": API_SERVICE, "namespace": PLATFORM_NAMESPACE},
            "spec": {"type": "ExternalName", "externalName": address},
        }
    ]


def wait_for_applications(api: Api, started: list[Process], timeout: float = 60.0) -> None:
    """Wait until the three kinds and the tenant's Secrets are served through kube-apiserver."""

    def served() -> bool:
        found = {entry["name"] for entry in api.get("/apis/apps.cozystack.io/v1alpha1")["resources"]}
        api.get(f"/apis/core.cozystack.io/v1alpha1/namespaces/{PLATFORM_NAMESPACE}/tenantsecrets")
        api.get("/openapi/v3/apis/apps.cozystack.io/v1alpha1")  # the aggregator fetches it a moment later
        return found.issuperset(APPLICATIONS)

    wait_for("Cozystack API server", alive(started, served), timeout=timeout)


def alive(started: list[Process], check: Callable[[], bool]) -> Callable[[], bool]:
    """``check``, but first: do the processes still run? :raises RuntimeError: one ended, with the end of its
    log
    """

    def both() -> bool:
        for process in started:
            if not process.alive:
                tail = "\n".join(Path(process.log).read_text(errors="replace").splitlines()[-8:])
                raise RuntimeError(f"{process.name} ended; the last lines of {process.log}:\n{tail}")
        return check()

    return both
