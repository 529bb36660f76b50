# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From wanted and actual to a plan. Check mode, diff, writing, waiting and the result all read it."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
import typing as t

from .fields import Field, Finding, Items, Kind
from .options import collisions, public_item, write_options
from .risk import Edit, Risk, Rule
from .secret import Secret
from .state import Actual, ClusterRef, Item, Name, State, Wanted
from .types import MAPPING, Value


class Action(enum.Enum):
    """What happens to the cluster as a whole."""

    NONE = "none"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """One change. `path` is written as people write options; `before` and `after` are values, None
    where there is nothing. `field`, `items`, `item` and `key` say where it is, for the renderer."""

    path: str
    before: Value
    after: Value
    rule: Rule
    consent: str = ""
    field: Field | None = None
    items: Items | None = None
    item: Name | None = None
    key: str | None = None

    def public(self) -> dict[str, t.Any]:
        """The change as it stands in a result: no secret in it."""
        return {
            "path": self.path,
            "before": _public(self.before, self.items),
            "after": _public(self.after, self.items),
            "risk": str(self.rule.risk),
            "reason": self.rule.reason,
            "effect": self.rule.effect,
            "consent": self.consent,
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """All changes that lead from the actual to the wanted state of one cluster.

    `state` is what will be in effect afterwards (None: nothing), `declared` the part of it that
    the user wrote. `findings` are the states of the
    whole that the changes would lead into and that cannot work.
    """

    kind: Kind
    ref: ClusterRef
    action: Action
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    before: State | None
    state: State | None
    declared: State = dataclasses.field(default_factory=State)

    @property
    def digest(self) -> str:
        """Names this very plan: equal changes to the same cluster have equal digests."""
        content = [str(self.ref), self.action.value, [change.public() for change in self.changes]]
        text = json.dumps(content, sort_keys=True, default=str)
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

    @property
    def replaces_pods(self) -> bool:
        """Whether the changes are in force only once every pod has been replaced."""
        return any(change.rule.replaces_pods for change in self.changes)


def make_plan(
    kind: Kind,
    ref: ClusterRef,
    wanted: Wanted,
    actual: Actual | None,
    capabilities: t.Mapping[str, Value] | None = None,
) -> Plan:
    """Compare what is wanted with what is there. Pure: the same arguments give the same plan."""
    before = actual.state if actual else None
    if not wanted.present:
        return _absence(kind, ref, before)
    if actual is None:
        return _creation(kind, ref, wanted)
    return _update(kind, ref, wanted, actual.state, capabilities or {})


def _absence(kind: Kind, ref: ClusterRef, before: State | None) -> Plan:
    if before is None:
        return Plan(kind, ref, Action.NONE, (), (), None, None)
    gone = Change("", write_options(kind, before), None, kind.delete, _consent(kind.delete, ref.name))
    return Plan(kind, ref, Action.DELETE, (gone,), (), before, None)


def _creation(kind: Kind, ref: ClusterRef, wanted: Wanted) -> Plan:
    defaults = {field.option: field.default for field in kind.fields if field.default is not None}
    items = {
        rows.option: {name: _merged(rows, {}, item) for name, item in wanted.state.named(rows.option).items()}
        for rows in kind.items
    }
    state = State(defaults | dict(wanted.state.values), items)
    made = Change("", None, write_options(kind, wanted.state), kind.create)
    findings = (*_incomplete(kind, wanted, None), *_findings(kind, state))
    return Plan(kind, ref, Action.CREATE, (made,), findings, None, state, wanted.state)


def _update(
    kind: Kind, ref: ClusterRef, wanted: Wanted, before: State, capabilities: t.Mapping[str, Value]
) -> Plan:
    changes: list[Change] = []
    values = dict(before.values)
    for field in kind.fields:
        after = wanted.state.values.get(field.option)
        if after is not None:
            changes.extend(
                _field_changes(field, before.values.get(field.option), after, capabilities, ref.name)
            )
            values[field.option] = after
    items: dict[str, t.Mapping[Name, Item]] = dict(before.items)
    for rows in kind.items:
        there = dict(before.named(rows.option))
        leaving = wanted.absent.get(rows.option, frozenset())
        for name, item in wanted.state.named(rows.option).items():
            changes.extend(_item_changes(rows, name, there.get(name), item, capabilities))
            there[name] = _merged(rows, there.get(name, {}), item)
        for name in sorted(leaving & there.keys()):
            removed = there.pop(name)
            consent = _consent(rows.remove, name)
            changes.append(Change(rows.label(name), removed, None, rows.remove, consent, None, rows, name))
        items[rows.option] = there
    state = State(values, items)
    if not changes:
        return Plan(kind, ref, Action.NONE, (), (), before, before, wanted.state)
    # what already stands wrong is not this plan's doing, and must not block the way out
    standing = set(_findings(kind, before))
    findings = [*_incomplete(kind, wanted, before), *_renamed(kind, wanted, before)]
    findings += [finding for finding in _findings(kind, state) if finding not in standing]
    changes.extend(Change("", None, None, rule) for rule in kind.beside)
    return Plan(kind, ref, Action.UPDATE, tuple(changes), tuple(findings), before, state, wanted.state)


def _findings(kind: Kind, state: State) -> t.Iterator[Finding]:
    for constraint in kind.constraints:
        yield from constraint(state)
    for rows in kind.items:
        for problem in collisions(rows, state.named(rows.option)):
            yield Finding(
                problem.path, f"{kind.name}.{rows.singular}.name.collides", problem.text, "rename one"
            )


def _incomplete(kind: Kind, wanted: Wanted, before: State | None) -> t.Iterator[Finding]:
    """New things that lack a field without which the platform cannot make them."""
    for rows in kind.items:
        there = before.named(rows.option) if before else {}
        for name, item in wanted.state.named(rows.option).items():
            missing = [f.option for f in rows.fields if f.required_on_add and f.option not in item]
            if name not in there and missing:
                yield Finding(
                    rows.label(name),
                    f"{kind.name}.{rows.singular}.incomplete",
                    f"this {rows.singular} does not exist yet and lacks {' and '.join(missing)}",
                    f"declare {' and '.join(missing)}",
                )


def _renamed(kind: Kind, wanted: Wanted, before: State) -> t.Iterator[Finding]:
    """New things whose object another thing leaves in the same change: the platform would not make a
    new object but rename the old one in place, which its operators refuse or carry out by halves."""
    for rows in kind.items:
        there = before.named(rows.option)
        leaving = {
            rows.object_name(name): name for name in wanted.absent.get(rows.option, ()) if name in there
        }
        for name in wanted.state.named(rows.option):
            former = leaving.get(rows.object_name(name))
            if former is not None and name not in there:
                yield Finding(
                    rows.label(name),
                    f"{kind.name}.{rows.singular}.name.collides",
                    f"this {rows.singular} would take over the object of {former!r} and get none of its own",
                    f"remove {former!r} first, in a run of its own",
                )


def _field_changes(
    field: Field,
    before: Value,
    after: Value,
    capabilities: t.Mapping[str, Value],
    owner: Name,
    label: str = "",
) -> t.Iterator[Change]:
    path = label or field.option
    if field.type.per_key:
        for key in sorted(after):
            old, new = (before or {}).get(key), after[key]
            if not MAPPING.same({key: old}, {key: new}):
                rule = _judge(field.key_rules.get(key, field.rules), Edit(old, new, capabilities))
                yield Change(f"{path}[{key}]", old, new, rule, _consent(rule, owner), field, key=key)
    elif not field.type.same(before, after):
        rule = _judge(field.rules, Edit(before, after, capabilities))
        yield Change(path, before, after, rule, _consent(rule, owner), field)


def _item_changes(
    rows: Items, name: Name, before: Item | None, after: Item, capabilities: t.Mapping[str, Value]
) -> t.Iterator[Change]:
    if before is None:
        yield Change(rows.label(name), None, after, rows.add, _consent(rows.add, name), None, rows, name)
        return
    for field in rows.fields:
        if field.option in after:
            for change in _field_changes(
                field,
                before.get(field.option),
                after[field.option],
                capabilities,
                name,
                rows.label(name, field),
            ):
                yield dataclasses.replace(change, items=rows, item=name)


def _merged(rows: Items, before: Item, after: Item) -> Item:
    defaults = {field.option: field.default for field in rows.fields if field.default is not None}
    merged = defaults | dict(before) | dict(after)
    for field in rows.fields:
        if field.type.per_key and field.option in after:
            keys = dict(before.get(field.option) or {}) | dict(after[field.option])
            merged[field.option] = {key: value for key, value in keys.items() if value is not None}
    return merged


HARMLESS = Rule("cluster.setting.change", Risk.SAFE, "takes effect without a restart")
"""Judges an edit that no row says anything about."""


def _judge(rules: t.Sequence[Rule], edit: Edit) -> Rule:
    return next((rule for rule in rules if rule.when(edit)), HARMLESS)


def _consent(rule: Rule, name: Name) -> str:
    return f"{rule.reason}:{name}" if rule.risk.needs_consent else ""


def _public(value: Value, items: Items | None) -> Value:
    if isinstance(value, Secret):
        return Secret.MASK
    if isinstance(value, t.Mapping) and items is not None:
        return public_item(items, value) if any(f.option in value for f in items.fields) else {}
    return value
