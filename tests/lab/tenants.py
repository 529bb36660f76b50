# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Tenants as the platform makes them: a namespace, a service account, four levels of rights, Secrets."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args

import yaml

from tests.lab import kubeconfig, pki
from tests.lab.client import Api, ApiError, Object, wait_for
from tests.lab.controlplane import APPLICATIONS

Level = Literal["view", "use", "admin", "super-admin"]
LEVELS: tuple[Level, ...] = get_args(Level)

TENANT_LABEL = "lab.brokerops.io/tenant"
BROKERS_LABEL = "lab.brokerops.io/brokers"
TENANT_RESOURCE = {"internal.cozystack.io/tenantresource": "true"}  # what makes a Secret a tenantsecret
APPLICATION_LABEL = "apps.cozystack.io/application.kind"
RBAC = "rbac.authorization.k8s.io"


class Signer(Protocol):
    """Gives users of a cluster their credentials."""

    def client_certificate(self, user: str, groups: list[str]) -> pki.Pair:
        """A client certificate of ``user`` as a member of ``groups``."""

    def account_token(self, namespace: str, account: str) -> str:
        """The token in the Secret of type service-account-token that is named like its account; made if
        missing.
        """


class KeySigner:
    """The signer of an embedded control plane, whose keys are ours."""

    def __init__(self, api: Api, directory: Path) -> None:
        self._api = api
        self._directory = directory

    def client_certificate(self, user: str, groups: list[str]) -> pki.Pair:
        """See :class:`Signer`."""
        return pki.Authority(pki.Pair.read(self._directory, "ca")).issue(user, groups)

    def account_token(self, namespace: str, account: str) -> str:
        """See :class:`Signer`; the controller manager's part is played here."""
        root = f"/api/v1/namespaces/{namespace}"
        if secret := self._api.find(f"{root}/secrets/{account}"):
            return base64.b64decode(secret["data"]["token"]).decode()
        uid = self._api.get(f"{root}/serviceaccounts/{account}")["metadata"]["uid"]
        token = pki.service_account_token(
            (self._directory / "accounts.key").read_text(),
            namespace=namespace,
            account=account,
            uid=uid,
            secret=account,
        )
        data = {"token": token, "ca.crt": (self._directory / "ca.crt").read_text(), "namespace": namespace}
        self._api.create(f"{root}/secrets", {**token_secret(account), "stringData": data})
        return token


def token_secret(account: str) -> Object:
    """A Secret of type service-account-token, without its data."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {
            "name": account,
            "labels": TENANT_RESOURCE,
            "annotations": {"kubernetes.io/service-account.name": account},
        },
    }


@dataclass(frozen=True)
class Tenant:
    """A tenant of a lab. The credentials are files below ``directory``."""

    namespace: str
    directory: Path

    def kubeconfig(self, level: Level = "admin") -> Path:
        """Of a member of the group ``<namespace>-<level>``; ``super-admin`` is the service account with its
        token.
        """
        return self.directory / f"{level}.kubeconfig"

    def api(self, level: Level = "admin") -> Api:
        """A connection of that user."""
        return Api(self.kubeconfig(level), user_agent=f"brokerops-lab-{level}")


def create(
    api: Api,
    signer: Signer,
    namespace: str,
    directory: Path,
    *,
    brokers: bool | Literal["operators"],
    quota: Mapping[str, str] | None,
) -> Tenant:
    """Make the tenant ``namespace`` and its kubeconfigs; returns when its rights are in force.

    :param brokers: whether real brokers run below its applications, and whether operators run them
    :param quota: hard limits of its ResourceQuota (and then a LimitRange too), as a tenant with quotas has
        them
    """
    labels = {TENANT_LABEL: "true"}
    if brokers is not True:
        labels[BROKERS_LABEL] = brokers or "none"
    account = {"kind": "ServiceAccount", "name": namespace, "namespace": namespace}
    meta = {"namespace": namespace}
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})
    api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": namespace, **meta}})
    for position, level in enumerate(LEVELS):
        api.apply(
            {
                "apiVersion": f"{RBAC}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": f"{namespace}-{level}", **meta},
                "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": f"cozy:tenant:{level}"},
                "subjects": [
                    {"apiGroup": RBAC, "kind": "Group", "name": f"{namespace}-{higher}"}
                    for higher in LEVELS[position:]
                ]
                + [account],
            }
        )
    # What the platform hands to every release of the namespace (HelmRelease valuesFrom).
    values = {"_cluster": {"root-host": "example.org"}, "_namespace": {"host": f"{namespace}.example.org"}}
    api.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "cozystack-values", **meta},
            "stringData": {key: yaml.safe_dump(value) for key, value in values.items()},
        }
    )
    if quota:
        _limit(api, namespace, quota)

    tenant = Tenant(namespace, directory)
    access = kubeconfig.read(api.config)
    for level in LEVELS:
        group = f"{namespace}-{level}"
        credential = (
            signer.account_token(namespace, namespace)
            if level == "super-admin"
            else signer.client_certificate(f"{level}@{namespace}", [group])
        )
        kubeconfig.write(
            tenant.kubeconfig(level),
            access.server,
            access.authority,
            user=group,
            credential=credential,
            namespace=namespace,
        )
    with tenant.api("super-admin") as own:
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {
                "resourceAttributes": {
                    "namespace": namespace,
                    "group": "apps.cozystack.io",
                    "resource": "kafkas",
                    "verb": "delete",
                }
            },
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        wait_for("rights", lambda: bool(own.create(path, review)["status"]["allowed"]), timeout=20)
    return tenant


def _limit(api: Api, namespace: str, quota: Mapping[str, str]) -> None:
    """The quota, as a tenant with ``resourceQuotas`` has it, and the defaults for containers that say
    nothing.
    """
    meta = {"namespace": namespace}
    api.apply(
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "tenant-limits", **meta},
            "spec": {"limits": [{"type": "Container", "default": {"cpu": "250m", "memory": "128Mi"}}]},
        }
    )
    api.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "tenant-quota", **meta},
            "spec": {"hard": dict(quota)},
        }
    )
    # Admission refuses by status.hard, which a controller copies from spec; the embedded control plane has
    # none.
    api.patch(
        f"/api/v1/namespaces/{namespace}/resourcequotas/tenant-quota/status",
        {"status": {"hard": dict(quota), "used": dict.fromkeys(quota, "0")}},
    )


def names(api: Api) -> list[str]:
    """The namespaces of all tenants of this lab that are not being deleted."""
    return [
        item["metadata"]["name"]
        for item in api.items("/api/v1/namespaces", labelSelector=TENANT_LABEL)
        if "deletionTimestamp" not in item["metadata"]
    ]


OWNED: dict[str, tuple[str, ...]] = {
    "/api/v1": ("pods", "services", "secrets", "persistentvolumeclaims", "configmaps"),
    "/apis/cozystack.io/v1alpha1": ("workloadmonitors", "workloads"),
    "/apis/discovery.k8s.io/v1": ("endpointslices",),
    f"/apis/{RBAC}/v1": ("roles", "rolebindings"),
}


def purge(api: Api, namespace: str) -> None:
    """Remove every release of a tenant and all that belongs to applications, without the platform's help.

    The stand-in has to have let go of the namespace first (its ``forget``), or it would put things back.
    """
    releases = f"/apis/helm.toolkit.fluxcd.io/v2/namespaces/{namespace}/helmreleases"
    for item in api.items(releases):
        if item["metadata"].get("finalizers"):
            with contextlib.suppress(ApiError):  # gone meanwhile
                api.patch(f"{releases}/{item['metadata']['name']}", {"metadata": {"finalizers": None}})
    api.delete(releases)
    for root, resources in OWNED.items():
        for resource in resources:
            path = f"{root}/namespaces/{namespace}/{resource}"
            api.delete(path, labelSelector=APPLICATION_LABEL, gracePeriodSeconds="0")
    api.delete(f"/api/v1/namespaces/{namespace}/events")


def clear(api: Api, namespace: str) -> None:
    """:func:`purge` until the Cozystack API server (it reads from a cache) shows nothing."""
    root = f"/apis/apps.cozystack.io/v1alpha1/namespaces/{namespace}"

    def is_empty() -> bool:
        # a write that was still under way may put a finalizer back after the first purge
        purge(api, namespace)
        return not any(api.items(f"{root}/{plural}") for plural in APPLICATIONS)

    wait_for(f"{namespace} without applications", is_empty, timeout=20, pause=0.1)


def remove(api: Api, namespace: str, *, embedded: bool) -> None:
    """Remove the namespace of a tenant that :func:`clear` has emptied."""
    if embedded:  # no controller empties and finalizes a namespace here, so it would stay for ever
        for resource, root in (
            ("rolebindings", f"/apis/{RBAC}/v1"),
            ("secrets", "/api/v1"),
            ("serviceaccounts", "/api/v1"),
        ):
            api.delete(f"{root}/namespaces/{namespace}/{resource}")
        api.delete(f"/api/v1/namespaces/{namespace}")
        item = api.get(f"/api/v1/namespaces/{namespace}")
        item["spec"]["finalizers"] = []
        api.request("PUT", f"/api/v1/namespaces/{namespace}/finalize", item)
    else:
        api.delete(f"/api/v1/namespaces/{namespace}")
