# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specs, made of the tables: a field that has a row has an option."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import env_fallback

from .._brokers.api import Shelf
from .._engine.fields import Field, Items, Kind
from .._engine.options import plant

Spec = dict[str, t.Any]

_TYPES: t.Mapping[str, Spec] = {
    "int": {"type": "int"},
    "bool": {"type": "bool"},
    "str": {"type": "str"},
    "names": {"type": "list", "elements": "str"},
    "mapping": {"type": "dict"},
    "tree": {"type": "dict"},
    "rows": {"type": "list", "elements": "dict"},
}


def _auth(variable: str, **spec: t.Any) -> Spec:
    return spec | {"fallback": (env_fallback, [f"K8S_AUTH_{variable}"])}


def connection_arguments() -> Spec:
    """The connection options of kubernetes.core, with its names and environment variables."""
    return {
        "kubeconfig": _auth("KUBECONFIG", type="raw"),
        "context": _auth("CONTEXT", type="str"),
        "host": _auth("HOST", type="str"),
        "api_key": _auth("API_KEY", type="str", no_log=True),
        "username": _auth("USERNAME", type="str"),
        "password": _auth("PASSWORD", type="str", no_log=True),
        "validate_certs": _auth("VERIFY_SSL", type="bool", aliases=["verify_ssl"]),
        "ca_cert": _auth("SSL_CA_CERT", type="path", aliases=["ssl_ca_cert"]),
        "client_cert": _auth("CERT_FILE", type="path", aliases=["cert_file"]),
        "client_key": _auth("KEY_FILE", type="path", aliases=["key_file"]),
        "proxy": _auth("PROXY", type="str"),
        "no_proxy": _auth("NO_PROXY", type="str"),
        "proxy_headers": {
            "type": "dict",
            "options": {
                "basic_auth": _auth("PROXY_HEADERS_BASIC_AUTH", type="str", no_log=True),
                "proxy_basic_auth": _auth("PROXY_HEADERS_PROXY_BASIC_AUTH", type="str", no_log=True),
                "user_agent": _auth("PROXY_HEADERS_USER_AGENT", type="str"),
            },
        },
        "persist_config": _auth("PERSIST_CONFIG", type="bool"),
        "impersonate_user": _auth("IMPERSONATE_USER", type="str"),
        "impersonate_groups": _auth("IMPERSONATE_GROUPS", type="list", elements="str"),
    }


def cluster_arguments(kind: Kind) -> Spec:
    """All options of the module for one kind of cluster."""
    return (
        _common_arguments()
        | {
            "reset": {"type": "list", "elements": "str", "default": []},
            "purge": {"type": "list", "elements": "str", "default": []},
            "durability": {"type": "str", "choices": ["warn", "required"], "default": "warn"},
            "external_until": {"type": "str"},
        }
        | declaration_arguments(kind)
    )


def part_arguments(rows: Items) -> Spec:
    """All options of the module for one sort of named things inside a cluster."""
    spec = _common_arguments() | {"cluster": {"type": "str", "required": True}}
    return spec | {field.option: _argument(field) for field in rows.fields}


def inner_part_arguments(rows: Items, parent: Items, field: Field) -> Spec:
    """All options of the module for things that stand by themselves, or in a field of other things."""
    inner = {name: spec for name, spec in (field.type.options or {}).items() if name not in ("name", "state")}
    return part_arguments(rows) | {parent.singular: {"type": "str"}} | inner


def contents_arguments(shelf: Shelf, rows: Items) -> Spec:
    """The options that declare one thing inside a broker, or a list of them."""
    spec = _change_arguments(300) | {"purge": {"type": "bool", "default": False}, rows.option: _items(rows)}
    for option, default in shelf.scope.items():
        spec[option] = {"type": "str"} | ({"required": True} if default is None else {"default": default})
    spec["name"] = {"type": "str"}
    spec |= {field.option: _argument(field) for field in rows.fields}
    listed = spec[rows.option]["options"]
    if shelf.name_of is not None:
        del spec["name"], listed["name"]
    for option in shelf.key:
        listed[option] = listed[option] | {"required": True}
    return spec


def _common_arguments() -> Spec:
    return connection_arguments() | {
        "namespace": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        **_change_arguments(900),
    }


def _change_arguments(wait_seconds: int) -> Spec:
    return {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "allow": {"type": "list", "elements": "str", "default": []},
        "expected_plan": {"type": "str"},
        "wait": {"type": "bool", "default": True},
        "wait_timeout": {"type": "int", "default": wait_seconds},
    }


def declaration_arguments(kind: Kind) -> Spec:
    """The options that declare a cluster. None of them has a default: unset means undeclared."""
    spec: Spec = {}
    for field in kind.fields:
        *parents, leaf = field.option.split(".")
        place = [step for parent in parents for step in (parent, "options")]
        for depth in range(1, len(place), 2):
            _mark_dict(spec, place[:depth])
        plant(spec, [*place, leaf], _argument(field))
    for rows in kind.items:
        spec[rows.option] = _items(rows)
    return spec


def _mark_dict(spec: Spec, place: t.Sequence[str]) -> None:
    plant(spec, [*place, "type"], "dict")


def _argument(field: Field) -> Spec:
    spec = dict(_TYPES[field.type.argument]) | {"no_log": field.type.secret}
    return spec | ({"options": dict(field.type.options)} if field.type.options is not None else {})


def _items(rows: Items) -> Spec:
    options: Spec = {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    }
    options |= {field.option: _argument(field) for field in rows.fields}
    return {"type": "list", "elements": "dict", "options": options}
