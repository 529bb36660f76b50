# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The chart ``nats``: a credentials Secret and an inner release of the upstream chart."""

from __future__ import annotations

from typing import Any

import yaml

from tests.lab.standin.charts.common import (
    Context,
    Rendered,
    at,
    collect,
    custom,
    dashboard_role,
    external_tls,
    monitor,
    resources,
    secret,
)
from tests.lab.standin.names import is_secret_key
from tests.lab.standin.values import ChartError, Json

TEMPLATE = "nats/templates/nats.yaml"
VERSION = "2.11.10"


def render(values: Json, context: Context) -> Rendered:
    """All objects of a release. :raises ChartError: as Helm or the API would fail it."""
    release = context.release
    credentials = f"{release}-credentials"
    users: dict[str, Json] = values.get("users") or {}
    logins = _logins(users, context.secrets.get(credentials, {}), context)
    objects: list[Json] = []
    if users:
        bad = [name for name in users if not is_secret_key(name)]
        if bad:
            raise ChartError(
                f'Secret "{credentials}" is invalid: data[{bad[0]}]: Invalid value: "{bad[0]}": a valid'
                f" config key must"
                " consist of alphanumeric characters, '-', '_' or '.'"
            )
        objects.append(secret(credentials, {name: logins[name] for name in sorted(users)}, visible=True))
    merge = at(values, "config.merge", TEMPLATE) or {}
    resolver = at(values, "config.resolver", TEMPLATE) or {}
    # Two blocks of one name in the inner values: the parser takes the last, the tenant's own.
    replaced = "accounts" in merge and context.traps("nats-own-accounts-win")
    inner = {
        "replicas": values.get("replicas", 2),
        "resources": resources(values, context, TEMPLATE),
        "users": {} if replaced else _parsed(logins),
        "merge": merge,
        "resolver": resolver,
        "jetstream": {
            "enabled": bool(at(values, "jetstream.enabled", TEMPLATE)),
            "size": str(at(values, "jetstream.size", TEMPLATE)),
        },
        "storageClass": values.get("storageClass") or "",
        "external": bool(values.get("external")),
        "tls": external_tls(values, context, "nats/templates/_tls.tpl"),
    }
    objects.append(custom("HelmRelease", f"{release}-system", inner))
    objects.append(
        monitor(
            release,
            kind="nats",
            type_="nats",
            replicas=values.get("replicas", 2),
            selector={"app.kubernetes.io/instance": f"{release}-system"},
            preset=values["resourcesPreset"],
            context=context,
        )
    )
    objects += dashboard_role(context, [credentials], [release], [release])
    return collect(objects, context)


def _logins(users: dict[str, Json], stored: Any, context: Context) -> dict[str, str]:
    """Every key of the Secret that stands there, and over it what is declared now."""
    survive = context.traps("nats-users-survive")
    # Emptied users leave the Secret's keys in this revision's config: the Secret goes with this very
    # revision.
    keep_all = survive if users else context.traps("nats-users-emptied")
    logins = {name: password for name, password in stored.items() if keep_all or name in users}
    for name, own in users.items():
        given = (own or {}).get("password")
        logins[name] = str(given) if given else logins.get(name) or context.password()
    return logins


def _parsed(logins: dict[str, str]) -> dict[str, str]:
    """Names and passwords after a way through double-quoted YAML. :raises ChartError: no YAML any more."""
    parsed: dict[str, str] = {}
    for name, password in sorted(logins.items()):
        try:
            entry = yaml.safe_load(f'user: "{name}"\npassword: "{password}"\n')
        except yaml.YAMLError as error:
            problem = str(getattr(error, "problem", error))
            raise ChartError(
                f"YAML parse error on {TEMPLATE}: error converting YAML to JSON: yaml: {problem}"
            ) from error
        parsed[str(entry["user"])] = str(entry["password"])
    return parsed
