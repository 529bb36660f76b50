# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The chart ``rabbitmq``: one RabbitmqCluster and an object per user, vhost and permission."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.lab.standin.charts.common import (
    Context,
    Rendered,
    collect,
    custom,
    dashboard_role,
    monitor,
    resources,
    secret,
    unquoted,
)
from tests.lab.standin.names import kebab
from tests.lab.standin.values import ChartError, Json

TEMPLATE = "rabbitmq/templates/rabbitmq.yaml"
PATCHES = {"v4.2": "4.2.4", "v4.1": "4.1.8", "v4.0": "4.0.9", "v3.13": "3.13.7"}
_RIGHTS = {
    "admin": {"configure": ".*", "write": ".*", "read": ".*"},
    "readonly": {"configure": "", "write": "", "read": ".*"},
}


def render(values: Json, context: Context) -> Rendered:
    """All objects of a release. :raises ChartError: as Helm or the API would fail it."""
    release = context.release
    if "version" in context.fields and "version" not in values:
        raise ChartError(
            "template: rabbitmq/templates/_versions.tpl: executing at <index $versionMap .Values.version>:"
            " error calling index: value is nil; should be of type string"
        )
    # Charts before v1.1.0 run 3.13, whatever stands in a field that they do not know.
    version = PATCHES[values["version"] if "version" in context.fields else "v3.13"]
    cluster = custom(
        "RabbitmqCluster",
        release,
        {
            "replicas": values.get("replicas", 1),
            "image": f"rabbitmq:{version}-management",
            "version": version,
            "external": bool(values.get("external")),
            "resources": resources(values, context, TEMPLATE),
            "storageClass": values.get("storageClass") or "",
            "size": str(values.get("size", "10Gi")),
        },
    )
    objects: list[Json] = []
    credentials: list[str] = []
    for user, own in sorted((values.get("users") or {}).items()):
        name = f"{release}-{kebab(user)}"
        credentials.append(f"{name}-credentials")
        password = _password(own or {}, context, f"{name}-credentials")
        data = {"username": _text(user, context), "password": _text(password, context)}
        objects.append(
            secret(
                f"{name}-credentials", data, visible=True, labels={"apps.cozystack.io/user-secret": "true"}
            )
        )
        seen = hashlib.sha256(f"{user} {password}".encode()).hexdigest()
        objects.append(custom("User", name, {"secret": f"{name}-credentials"}, {"config": seen}))
    objects.insert(0, cluster)
    for vhost, own in sorted((values.get("vhosts") or {}).items()):
        objects.append(custom("Vhost", f"{release}-{kebab(vhost)}", {"name": _text(vhost, context)}))
        for role, rights in _RIGHTS.items():
            for user in own["roles"].get(role) or []:
                name = f"{release}-{kebab(vhost)}-{kebab(user)}"
                objects.append(custom("Permission", name, {"vhost": vhost, "user": user, **rights}))
    objects.append(
        monitor(
            release,
            kind="rabbitmq",
            type_="rabbitmq",
            replicas=values.get("replicas", 1),
            selector={"app.kubernetes.io/name": release},
            preset=values["resourcesPreset"],
            context=context,
        )
    )
    objects += dashboard_role(context, [f"{release}-default-user", *credentials], [release], [release])
    return collect(objects, context)


def _password(own: Json, context: Context, secret_name: str) -> str:
    return str(
        own.get("password") or context.secrets.get(secret_name, {}).get("password") or context.password()
    )


def _text(value: str, context: Context) -> str:
    """The text that a Secret or Vhost ends up with. :raises ChartError: YAML or the API refuses it."""
    if not context.traps("rabbitmq-yaml-password"):
        return value
    found: Any = unquoted(value, TEMPLATE)
    if found is None:
        return ""
    if not isinstance(found, str):
        kind = "bool" if isinstance(found, bool) else "number" if isinstance(found, int | float) else "object"
        raise ChartError(
            'Secret in version "v1" cannot be handled as a Secret: json: cannot unmarshal'
            f" {kind} into Go struct field Secret.stringData of type string"
        )
    return found
