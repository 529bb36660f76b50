# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What this very platform knows: the schema of its applications, as its API server publishes it.

The API accepts any key and any value below `spec`; what the installed charts lack does nothing, without a
word, and a value outside an enum fails the release later. Which fields and presets there are differs from
one version of the platform to the next.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ..._convergence import errors
from ..._engine.fields import Field, Finding, Items, Kind
from ..._engine.plan import Act, Action, Change, Plan
from ..._engine.state import Item, Name, State
from ..._engine.types import Value
from ..disk_cache import DiskCache
from ..session import Session
from .presets import current_name

GROUP = "apps.cozystack.io"
DOCUMENT = f"/openapi/v3/apis/{GROUP}/v1alpha1"
"""The document itself, asked for with the ETag of the last one: the index has no ETag, lags behind the
aggregated server, and its `?hash=` addresses then end in 502 (seen with kube-apiserver 1.35)."""

EACH = "*"
"""A step of a path: every row of a list, every member of a map."""

_FORM = 2
"""Of what is kept on disk; another number lets older files go unread."""

_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_KEPT = ("type", "enum", "default", "additionalProperties", _PRESERVE)

Node = t.Mapping[str, t.Any]
Path = tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class PlatformSchema:
    """The schema of each application's spec by its API kind; none where it could not be read."""

    kinds: t.Mapping[str, Node] = dataclasses.field(default_factory=dict)

    def has(self, api_kind: str, path: Path) -> bool | None:
        """Whether the platform knows a field; None where nobody can say."""
        root = self.kinds.get(api_kind)
        return None if root is None else _at(root, path) is not None

    def choices(self, api_kind: str, path: Path) -> tuple[Value, ...] | None:
        """The values that a field may have; None where any will do or nobody can say."""
        node = _at(self.kinds.get(api_kind, {}), path)
        enum = node.get("enum") if node else None
        return tuple(enum) if isinstance(enum, list) else None

    def default(self, api_kind: str, path: Path) -> Value:
        """What the platform takes where nothing is stored; None where it says nothing."""
        node = _at(self.kinds.get(api_kind, {}), path)
        return node.get("default") if node else None


def read_schema(session: Session, cache: DiskCache) -> PlatformSchema:
    """The platform's schema, from disk where it is still the server's own. One read, of which the body
    comes only when it has changed."""
    key = session.server + DOCUMENT
    kept = cache.load(key)
    if not _is_sound(kept):
        kept = {}
    try:
        found = session.read_tagged(DOCUMENT, str(kept.get("tag", "")))
    except (errors.Forbidden, errors.NotFound):
        return PlatformSchema()
    if found is None:
        return PlatformSchema(kept.get("kinds", {}))
    kinds = parse(found.data)
    if kinds and found.tag:
        cache.store(key, {"form": _FORM, "tag": found.tag, "kinds": kinds})
    return PlatformSchema(kinds)


def _is_sound(kept: t.Any) -> bool:
    if not isinstance(kept, dict) or kept.get("form") != _FORM or not isinstance(kept.get("kinds"), dict):
        return False
    return all(isinstance(schema, dict) for schema in kept["kinds"].values())


def parse(data: bytes) -> dict[str, Node]:
    """The schema of each application's spec in an OpenAPI document; none where it is no such document."""
    try:
        return dict(_specs(json.loads(data)["components"]["schemas"].values()))
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}


def _specs(schemas: t.Iterable[t.Any]) -> t.Iterator[tuple[str, Node]]:
    for schema in schemas:
        spec = (schema.get("properties") or {}).get("spec") or {}
        for identity in schema.get("x-kubernetes-group-version-kind") or ():
            if identity.get("group") == GROUP and spec.get("properties"):
                # the API server marks every spec as open as a whole (cozystack pkg/cmd/server/openapi.go),
                # which says that it does not check, not that the charts read it
                yield identity["kind"], _pruned(spec) | {_PRESERVE: False}


def _pruned(node: t.Any) -> t.Any:
    """A schema without what people read, which is most of it."""
    if not isinstance(node, dict):
        return node
    kept: dict[str, t.Any] = {key: node[key] for key in _KEPT if key in node}
    for below in ("items", "additionalProperties"):
        if below in node:
            kept[below] = _pruned(node[below])
    if isinstance(node.get("properties"), dict):
        kept["properties"] = {name: _pruned(child) for name, child in node["properties"].items()}
    return kept


_ANYTHING: Node = {_PRESERVE: True}


def _at(node: Node, path: Path) -> Node | None:
    """The schema at a path, None where there is none."""
    for step in path:
        below = _below(node, step)
        if below is None:
            return None
        node = below
    return node


def _below(node: Node, step: str) -> Node | None:
    named = node.get("items") if step == EACH else (node.get("properties") or {}).get(step)
    rest = node.get("additionalProperties")
    for schema in (named, rest):
        if isinstance(schema, dict):
            return schema
    # a mapping or list that names nothing of what it holds takes anything
    silent = rest is None and not node.get("properties") and node.get("type") in (None, "object", "array")
    return _ANYTHING if rest is True or node.get(_PRESERVE) or silent else None


def equal_name(value: Value, choices: t.Sequence[Value]) -> Value:
    """Another name for the same preset among the choices, None where there is none: platforms before
    v1.4 know the legacy names alone, and one day the legacy names will be gone."""
    same = (one for one in choices if one != value and current_name(one) == current_name(value))
    return None if value in choices else next(same, None)


def schema_findings(kind: Kind, api_kind: str, plan: Plan, schema: PlatformSchema) -> list[Finding]:
    """What this platform would ignore or fail of a plan: fields that it lacks, values that it does not
    have. Only what is declared for a new cluster or changed on an existing one is judged."""
    findings: list[Finding] = []
    for label, path, value in _written(kind, plan):
        there = ".".join(("spec", *path))
        if schema.has(api_kind, path) is False:
            findings.append(
                Finding(
                    label,
                    "cozystack.field.unknown",
                    f"this platform's version has no {there} and would ignore it without a word",
                    f"take {label} out, or ask the platform's operator for a version that has it",
                )
            )
            continue
        choices = schema.choices(api_kind, path)
        if choices is not None and value not in choices and equal_name(value, choices) is None:
            findings.append(
                Finding(
                    label,
                    "cozystack.value.unknown",
                    f"this platform's version has no {value!r} here, and the release would fail",
                    f"declare one of {', '.join(str(one) for one in choices)}",
                )
            )
    return findings


def spelled(kind: Kind, api_kind: str, plan: Plan, schema: PlatformSchema) -> Plan:
    """The plan with its values by the names that this platform has for them."""

    def spell(field: Field, path: Path, value: Value) -> Value:
        choices = schema.choices(api_kind, path) if isinstance(value, str) else None
        name = equal_name(value, choices) if choices else None
        return value if name is None else name

    values = {
        field.option: spell(field, field.path, plan.declared.values[field.option])
        for field in kind.fields
        if field.option in plan.declared.values
    }
    changes = tuple(
        dataclasses.replace(change, after=spell(change.field, change.field.path, change.after))
        if change.field is not None and change.items is None
        else change
        for change in plan.changes
    )
    return dataclasses.replace(plan, changes=changes, declared=State(values, plan.declared.items))


def _written(kind: Kind, plan: Plan) -> t.Iterator[tuple[str, Path, Value]]:
    """Each field that the plan writes: how people call it, its place in the spec, its value."""
    if plan.action is Action.CREATE:
        for field in kind.fields:
            if plan.declared.values.get(field.option) is not None:
                yield field.option, field.path, plan.declared.values[field.option]
        for rows in kind.items:
            for name, item in plan.declared.named(rows.option).items():
                yield from _written_item(rows, name, item)
    for change in plan.changes if plan.action is Action.UPDATE else ():
        yield from _changed(change)


def _changed(change: Change) -> t.Iterator[tuple[str, Path, Value]]:
    if change.after is None or change.act is Act.RESET:
        return
    place = () if change.items is None else (*change.items.path, EACH)
    if change.field is not None:
        key = () if change.key is None else (change.key,)
        yield change.path, (*place, *change.field.path, *key), change.after
    elif change.items is not None and change.act is Act.ADD:
        yield from _written_item(change.items, change.item or "", change.after)


def _written_item(rows: Items, name: Name, item: Item) -> t.Iterator[tuple[str, Path, Value]]:
    place = (*rows.path, EACH)
    if not item:
        yield rows.label(name), place, None
    for field in rows.fields:
        if item.get(field.option) is not None:
            yield rows.label(name, field), (*place, *field.path), item[field.option]
