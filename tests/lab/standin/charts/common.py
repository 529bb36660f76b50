# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the charts share: their input, their objects, and the ways a template can fail."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.lab.standin import quantities
from tests.lab.standin.names import is_object_name
from tests.lab.standin.values import ChartError, Json

CHART_VERSION = "0.0.0"
PLAYED_GROUPS = {
    "Kafka": "kafka.strimzi.io",
    "KafkaTopic": "kafka.strimzi.io",
    "RabbitmqCluster": "rabbitmq.com",
    "User": "rabbitmq.com",
    "Vhost": "rabbitmq.com",
    "Permission": "rabbitmq.com",
    "HelmRelease": "helm.toolkit.fluxcd.io",
}
"""Kinds that stay in the stand-in's own state: no tenant can read them, only their effects show."""


def random_password() -> str:
    """What the charts make where no password is given: 16 letters and digits."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _unused in range(16))


@dataclass(frozen=True)
class Context:
    """What a template may look at besides the values.

    ``secrets`` are the Secrets that stand in the namespace, name → decoded data (the function ``lookup``);
    ``traps`` says of a trap name whether it is on; ``password`` makes a random one; ``fields`` are the
    top-level keys that this chart knows (older ones know fewer).
    """

    release: str
    namespace: str
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    traps: Callable[[str], bool] = lambda name: True
    password: Callable[[], str] = random_password
    fields: frozenset[str] = frozenset({"tls", "version"})


@dataclass(frozen=True)
class Rendered:
    """The objects of one revision, in the order in which they are applied."""

    objects: tuple[Json, ...]


Chart = Callable[[Json, Context], Rendered]


def key(item: Mapping[str, Any]) -> str:
    """What identifies an object within its release."""
    return f"{item['kind']}/{item['metadata']['name']}"


def collect(objects: list[Json], context: Context) -> Rendered:
    """Check what the API would refuse in any object. :raises ChartError: a name is bad or stands there
    twice.
    """
    seen: dict[str, Json] = {}
    for item in objects:
        name, kind = item["metadata"]["name"], item["kind"]
        if not is_object_name(name):
            raise ChartError(
                f'{kind} "{name}" is invalid: metadata.name: Invalid value: "{name}": a lowercase RFC 1123'
                f" subdomain"
                " must consist of lower case alphanumeric characters, '-' or '.', and must start and end"
                " with an"
                " alphanumeric character"
            )
        if key(item) in seen and context.traps("kebab-collision"):
            group = f".{PLAYED_GROUPS[kind]}" if kind in PLAYED_GROUPS else ""
            raise ChartError(f'{kind.lower()}s{group} "{name}" already exists')
        seen[key(item)] = item
    return Rendered(tuple(seen.values()))


def custom(
    kind: str, name: str, spec: Mapping[str, Any], annotations: Mapping[str, str] | None = None
) -> Json:
    """An object of an operator; the stand-in keeps it in its own state."""
    return {
        "kind": kind,
        "metadata": {"name": name, "annotations": dict(annotations or {})},
        "spec": dict(spec),
    }


def secret(
    name: str, data: Mapping[str, str], *, visible: bool, labels: Mapping[str, str] | None = None
) -> Json:
    """A Secret; ``visible`` ones are listed to tenants."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {**(labels or {}), **visibility(visible)}},
        "type": "Opaque",
        "stringData": dict(data),
    }


def visibility(visible: bool) -> Json:
    """The label by which the tenant's view of Secrets and Services selects."""
    return {"internal.cozystack.io/tenantresource": str(visible).lower()}


def monitor(
    name: str,
    *,
    kind: str,
    type_: str,
    replicas: int,
    selector: Mapping[str, str],
    preset: str,
    context: Context,
) -> Json:
    """A WorkloadMonitor: one Ready pod is enough for it, whatever ``replicas`` says."""
    return {
        "apiVersion": "cozystack.io/v1alpha1",
        "kind": "WorkloadMonitor",
        "metadata": {"name": name, "labels": {"workloads.cozystack.io/resource-preset": preset}},
        "spec": {
            "replicas": replicas,
            "minReplicas": 1 if context.traps("threshold-one-pod") else replicas,
            "kind": kind,
            "type": type_,
            "selector": dict(selector),
            "version": CHART_VERSION,
        },
    }


def dashboard_role(
    context: Context, secret_names: list[str], service_names: list[str], monitors: list[str]
) -> list[Json]:
    """The Role that opens an application's own objects to those who may use it, and its binding."""
    name = f"{context.release}-dashboard-resources"
    named = (
        ("", "services", service_names),
        ("", "secrets", secret_names),
        ("cozystack.io", "workloadmonitors", monitors),
    )
    rules = [
        {
            "apiGroups": [group],
            "resources": [resource],
            "resourceNames": names,
            "verbs": ["get", "list", "watch"],
        }
        for group, resource, names in named
        if names
    ]
    group = "rbac.authorization.k8s.io"
    subjects: list[Json] = [
        {"apiGroup": group, "kind": "Group", "name": f"{context.namespace}-{level}"}
        for level in ("use", "admin", "super-admin")
    ]
    account = {"kind": "ServiceAccount", "name": context.namespace, "namespace": context.namespace}
    return [
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": {"name": name}, "rules": rules},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
            "subjects": [*subjects, account],
        },
    ]


def at(values: Mapping[str, Any], path: str, template: str) -> Any:
    """``.Values.<path>`` as a template reads it. :raises ChartError: something on the way is null."""
    value: Any = values
    for step in path.split("."):
        if value is None:
            raise ChartError(
                f"template: {template}: executing at <.Values.{path}>: nil pointer evaluating interface"
                f" {{}}.{step}"
            )
        value = value.get(step)
    return value


def resources(values: Mapping[str, Any], context: Context, template: str) -> Json:
    """A container's resources from ``resourcesPreset`` and ``resources``. :raises ChartError: nested
    resources.
    """
    own = values.get("resources") or {}
    flat = {name: value for name, value in own.items() if not isinstance(value, Mapping)}
    if flat != own and context.traps("nested-resources-fail"):
        raise ChartError(
            f"template: {template}: error calling include: template: cozy-lib/templates/_resources.tpl:"
            " wrong type for value; expected string; got map[string]interface {}"
        )
    try:
        return quantities.container_resources(
            values["resourcesPreset"], {k: v for k, v in flat.items() if v is not None}
        )
    except (KeyError, ValueError) as error:
        raise ChartError(f"template: {template}: error calling include: {error}") from error


def external_tls(values: Mapping[str, Any], context: Context, template: str) -> bool:
    """Whether clients get TLS: ``tls.enabled``, or where that is unset, ``external``."""
    if "tls" not in context.fields:
        return False
    enabled = at(values, "tls.enabled", template)
    return bool(values.get("external") if enabled is None else enabled)


def unquoted(text: str, template: str) -> Any:
    """What YAML makes of a value without quotes around it. :raises ChartError: no YAML at all."""
    try:
        return yaml.load(f"value: {text}\n", _GoYaml)["value"]
    except yaml.YAMLError as error:
        problem = str(getattr(error, "problem", error))
        raise ChartError(
            f"YAML parse error on {template}: error converting YAML to JSON: yaml: {problem}"
        ) from error


class _GoYaml(yaml.SafeLoader):
    """Go's YAML reads 1e5 as a number, PyYAML wants a dot in it."""


_GoYaml.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)
