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
from .options import collisions, plant, public_item, write_options
from .risk import Edit, Risk, Rule
from .secret import Secret, masked
from .state import Actual, ClusterRef, Item, Name, Part, State, Wanted
from .types import Value


class Action(enum.Enum):
    """What happens to the cluster as a whole."""

    NONE = "none"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Act(enum.Enum):
    """What one change does: to a field, to a named thing, to the whole, or nothing by itself."""

    SET = "set"
    RESET = "reset"
    ADD = "add"
    REMOVE = "remove"
    DISABLE = "disable"
    SINGLE = "single"
    NOTE = "note"


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """One change. `path` is written as people write options; `before` and `after` are values, None
    where there is nothing. `field`, `items`, `item` and `key` say where it is, for the renderer.
    `correction` is the smallest set of options that a plan without this change would need."""

    path: str
    before: Value
    after: Value
    rule: Rule
    act: Act
    consent: str = ""
    field: Field | None = None
    items: Items | None = None
    item: Name | None = None
    key: str | None = None
    correction: t.Mapping[str, t.Any] | None = None

    def public(self) -> dict[str, t.Any]:
        """The change as it stands in a result: no secret in it."""
        return self._row(self._face(self.before), self._face(self.after))

    def fingerprint(self, salt: str) -> dict[str, t.Any]:
        """The change with its secrets told apart, but not told."""
        salt = f"{salt} {self.path}"
        return self._row(_hashed(self.before, salt), _hashed(self.after, salt))

    def _row(self, before: Value, after: Value) -> dict[str, t.Any]:
        return {
            "path": self.path,
            "before": before,
            "after": "disabled" if self.act is Act.DISABLE else after,
            "risk": str(self.rule.risk),
            "reason": self.rule.reason,
            "effect": self.rule.effect,
            "consent": self.consent,
        }

    def _face(self, value: Value) -> Value:
        if isinstance(value, t.Mapping) and self.items is not None and self.field is None:
            return public_item(self.items, value)
        if value is not None and self.field is not None and self.key is None:
            value = self.field.type.public(value)
        return masked(value)


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """All changes that lead from the actual to the wanted state of one cluster.

    `state` is what will be in effect afterwards (None: nothing), `declared` the part of it that
    the user wrote. `findings` are the states of the whole that the changes would lead into and that
    cannot work, `advice` what is worth a warning about the state afterwards.
    """

    kind: Kind
    ref: ClusterRef
    action: Action
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    before: State | None
    state: State | None
    declared: State = dataclasses.field(default_factory=State)
    advice: tuple[Finding, ...] = ()
    together: tuple[str, ...] = ()
    """The digests of the plans that are carried out with this one, and approved with it."""

    @property
    def digest(self) -> str:
        """Names this very plan: equal changes to the same cluster have equal digests, two passwords
        do not. Who knows a digest has to try a guessed password with a slow hash."""
        content = [
            str(self.ref),
            self.action.value,
            [change.fingerprint(str(self.ref)) for change in self.changes],
        ]
        if self.action is Action.CREATE:  # whose one change does not show what is secret in it
            content.append(_hashed(self.declared.items, str(self.ref)))
        content += self.together
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
    if not wanted.present:
        return _absence(kind, ref, actual.state if actual else None)
    if wanted.part is not None and (lacking := _lacking(kind, wanted.part, actual)) is not None:
        # nothing to remove, and nowhere to add
        before = actual.state if actual else None
        findings = (lacking,) if wanted.part.wanted else ()
        return Plan(kind, ref, Action.NONE, (), findings, before, before, wanted.state)
    if actual is None:
        return _creation(kind, ref, wanted)
    return _update(kind, ref, wanted, actual, capabilities or {})


def _absence(kind: Kind, ref: ClusterRef, before: State | None) -> Plan:
    if before is None:
        return Plan(kind, ref, Action.NONE, (), (), None, None)
    if kind.delete is None:
        raise AssertionError("only a cluster is absent as a whole")
    consent = kind.delete.consent(ref.name, Edit(before, None))
    gone = Change("", write_options(kind, before), None, kind.delete, Act.REMOVE, consent)
    return Plan(kind, ref, Action.DELETE, (gone,), (), before, None)


def _lacking(kind: Kind, part: Part, actual: Actual | None) -> Finding | None:
    """What has to be there before a part can be, and is not."""
    made_by = f"with {kind.name}_cluster first"
    if actual is None:
        return Finding("", f"{kind.name}.cluster.missing", "there is no such cluster", f"create it {made_by}")
    if part.within is None or part.within[1] in actual.state.named(part.within[0]):
        return None
    rows = next(rows for rows in kind.items if rows.option == part.within[0])
    return Finding(
        rows.label(part.within[1]),
        f"{kind.name}.{rows.singular}.missing",
        f"there is no such {rows.singular}",
        f"declare it {made_by}",
    )


def _creation(kind: Kind, ref: ClusterRef, wanted: Wanted) -> Plan:
    defaults = {field.option: field.default for field in kind.fields if field.default is not None}
    items = {
        rows.option: {name: _merged(rows, {}, item) for name, item in wanted.state.named(rows.option).items()}
        for rows in kind.items
    }
    state = State(defaults | dict(wanted.state.values), items)
    if kind.create is None:
        raise AssertionError("only a cluster is created as a whole")
    made = Change("", None, write_options(kind, wanted.state), kind.create, Act.ADD)
    findings = [*_incomplete(kind, wanted, None), *_findings(kind, state)]
    notes, findings = _split(ref, findings)
    return Plan(
        kind,
        ref,
        Action.CREATE,
        (made, *notes),
        tuple(findings),
        None,
        state,
        wanted.state,
        _advice(kind, state),
    )


def _update(
    kind: Kind, ref: ClusterRef, wanted: Wanted, actual: Actual, capabilities: t.Mapping[str, Value]
) -> Plan:
    before = actual.state
    wanted = _exact(kind, wanted, before)
    state, disabled = _after(kind, wanted, before)
    look = _Look(ref, ref.name, capabilities, before, state)
    changes: list[Change] = []
    for field in kind.fields:
        old = before.values.get(field.option)
        if field.option in wanted.reset:
            changes.extend(_reset(field, old, look))
        elif field.option in wanted.state.values:
            changes.extend(_field_changes(field, old, wanted.state.values[field.option], look))
    for rows in kind.items:
        there = before.named(rows.option)
        doubled = actual.doubled.get(rows.option, frozenset())
        for name, item in wanted.state.named(rows.option).items():
            if rows.doubled is not None and name in doubled:
                changes.append(
                    Change(rows.label(name), None, None, rows.doubled, Act.SINGLE, items=rows, item=name)
                )
            changes.extend(_item_changes(rows, name, there.get(name), item, look))
        for name in sorted(_leaving(rows, wanted, before)):
            changes.extend(_removal(rows, name, there[name], name in disabled[rows.option], look))
    advice = _advice(kind, state)
    if not changes:
        return Plan(kind, ref, Action.NONE, (), (), before, before, wanted.state, advice)
    # what already stands wrong is not this plan's doing, and must not block the way out
    standing = {(finding.reason, finding.path) for finding in _findings(kind, before)}
    findings = [*_incomplete(kind, wanted, before), *_renamed(kind, wanted, before)]
    findings += [one for one in _findings(kind, state) if (one.reason, one.path) not in standing]
    notes, findings = _split(ref, findings)
    changes.extend(notes)
    changes.extend(Change("", None, None, rule, Act.NOTE) for rule in kind.beside)
    return Plan(
        kind, ref, Action.UPDATE, tuple(changes), tuple(findings), before, state, wanted.state, advice
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Look:
    """What judging a change takes besides the change: which cluster, what a consent names, what the
    platform can do, and the cluster as it is and as it will be."""

    ref: ClusterRef
    owner: Name
    capabilities: t.Mapping[str, Value]
    was: State
    state: State

    def edit(self, before: Value, after: Value) -> Edit:
        return Edit(before, after, self.capabilities, self.state, self.was)

    def of(self, name: Name) -> _Look:
        return dataclasses.replace(self, owner=self.ref.consented(name))


def _exact(kind: Kind, wanted: Wanted, before: State) -> Wanted:
    """With what purging means for declared mappings and rows spelt out: those that are not declared go
    too."""
    items = dict(wanted.state.items)
    for rows in kind.items:
        if rows.option in wanted.purge:
            there = before.named(rows.option)
            items[rows.option] = {
                name: {**item}
                | {f.option: _only(f, there.get(name, {}), item) for f in rows.fields if _keyed(f, item)}
                for name, item in wanted.state.named(rows.option).items()
            }
    return dataclasses.replace(wanted, state=State(wanted.state.values, items))


def _keyed(field: Field, item: Item) -> bool:
    return field.option in item and (field.type.per_key or field.type.argument == "rows")


def _only(field: Field, before: Item, item: Item) -> Value:
    return dict.fromkeys(before.get(field.option) or {}) | dict(item[field.option])


def _leaving(rows: Items, wanted: Wanted, before: State) -> frozenset[Name]:
    """The things that are there and are not to stay: said to be absent, or purged."""
    named = wanted.absent.get(rows.option, frozenset())
    if rows.option in wanted.purge:
        named |= before.named(rows.option).keys() - wanted.state.named(rows.option).keys()
    return named & before.named(rows.option).keys()


def _after(kind: Kind, wanted: Wanted, before: State) -> tuple[State, dict[str, frozenset[Name]]]:
    """The state that the plan leads to, and the things (by option) that it disables, not removes."""
    values = dict(before.values)
    for field in kind.fields:
        if field.option in wanted.reset:
            values.pop(field.option, None)
            if field.default is not None:
                values[field.option] = field.default
        elif field.option in wanted.state.values:
            values[field.option] = _over(field, values.get(field.option), wanted.state.values[field.option])
    items: dict[str, dict[Name, Item]] = {}
    for rows in kind.items:
        leaving = _leaving(rows, wanted, before)
        items[rows.option] = {
            name: item for name, item in before.named(rows.option).items() if name not in leaving
        }
        for name, item in wanted.state.named(rows.option).items():
            items[rows.option][name] = _merged(rows, items[rows.option].get(name, {}), item)
    state = State(values, items)
    disabled: dict[str, frozenset[Name]] = {}
    for rows in kind.items:
        stays = rows.disable is not None and rows.disable.when(state)
        disabled[rows.option] = _leaving(rows, wanted, before) if stays else frozenset()
    for option, names in disabled.items():
        items[option].update({name: before.named(option)[name] for name in names})
    return state, disabled


def _advice(kind: Kind, state: State) -> tuple[Finding, ...]:
    return tuple(finding for check in kind.advice for finding in check.findings(state))


def _split(ref: ClusterRef, findings: t.Sequence[Finding]) -> tuple[list[Change], list[Finding]]:
    """Those that somebody can consent to become entries of the plan; the others stand against it."""
    notes = []
    for one in findings:
        if one.risk.needs_consent:
            rule = Rule(one.reason, one.risk, one.text, way_out=one.way_out)
            consent = rule.consent(ref.name, Edit(None, None))
            notes.append(Change(one.path, None, None, rule, Act.NOTE, consent, correction=one.correction))
    return notes, [one for one in findings if not one.risk.needs_consent]


def _findings(kind: Kind, state: State) -> t.Iterator[Finding]:
    for check in kind.constraints:
        yield from check.findings(state)
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
        leaving = {rows.object_name(name): name for name in _leaving(rows, wanted, before)}
        for name in wanted.state.named(rows.option):
            former = leaving.get(rows.object_name(name))
            if former is not None and name not in there:
                yield Finding(
                    rows.label(name),
                    f"{kind.name}.{rows.singular}.name.collides",
                    f"this {rows.singular} would take over the object of {former!r} and get none of its own",
                    f"remove {former!r} first, in a run of its own",
                )


def _reset(field: Field, before: Value, look: _Look) -> t.Iterator[Change]:
    if not field.type.same(field.default, before):
        rule = _judge(field.rules, look.edit(before, field.default))
        yield _judged(field.option, before, field.default, rule, Act.RESET, look, field)


def _field_changes(
    field: Field, before: Value, after: Value, look: _Look, label: str = ""
) -> t.Iterator[Change]:
    path = label or field.option
    if field.type.per_key:
        for key in sorted(after):
            old, new = (before or {}).get(key), after[key]
            both = old is not None and new is not None
            if not field.type.same({key: old}, {key: new}) if both else old is not new:
                rule = _judge(field.key_rules.get(key, field.rules), look.edit(old, new))
                yield _judged(f"{path}[{key}]", old, new, rule, Act.SET, look, field, key)
    elif not field.type.fulfilled(after, before):
        after = _over(field, before, after)
        rule = _judge(field.rules, look.edit(before, after))
        yield _judged(path, before, after, rule, Act.SET, look, field)


def _judged(
    path: str,
    before: Value,
    after: Value,
    rule: Rule,
    act: Act,
    look: _Look,
    field: Field,
    key: str | None = None,
) -> Change:
    correction: dict[str, t.Any] | None = None
    correct = rule.correct(look.edit(before, after)) if rule.risk is Risk.IMPOSSIBLE else None
    if correct is not None and not field.type.secret:
        correction = {}
        plant(correction, [*field.option.split("."), *([key] if key else [])], masked(correct))
    consent = rule.consent(look.owner, look.edit(before, after))
    return Change(path, before, after, rule, act, consent, field, key=key, correction=correction)


def _item_changes(
    rows: Items, name: Name, before: Item | None, after: Item, look: _Look
) -> t.Iterator[Change]:
    look = look.of(name)
    if before is None:
        edit = look.edit(None, after)
        rule = _judge(rows.add, edit)
        consent = rule.consent(look.owner, edit)
        yield Change(rows.label(name), None, after, rule, Act.ADD, consent, None, rows, name)
        return
    for field in rows.fields:
        if field.option in after:
            old, label = before.get(field.option), rows.label(name, field)
            for change in _field_changes(field, old, after[field.option], look, label):
                row = {"name": name, **(change.correction or {})}
                correction = {rows.option: [row]} if change.correction else None
                yield dataclasses.replace(change, items=rows, item=name, correction=correction)


def _removal(rows: Items, name: Name, item: Item, disabled: bool, look: _Look) -> t.Iterator[Change]:
    label, edit, owner = rows.label(name), look.edit(item, None), look.of(name).owner
    if disabled and rows.disable is not None:
        if not rows.disable.is_disabled(item):
            rule = rows.disable.rule
            yield Change(label, item, None, rule, Act.DISABLE, rule.consent(owner, edit), None, rows, name)
        return
    rule = _judge(rows.remove, edit)
    keep = {rows.option: [{"name": name, "state": "present"}]}
    consent = rule.consent(owner, edit)
    yield Change(label, item, None, rule, Act.REMOVE, consent, None, rows, name, correction=keep)


def _merged(rows: Items, before: Item, after: Item) -> Item:
    defaults = {field.option: field.default for field in rows.fields if field.default is not None}
    merged = defaults | dict(before)
    for field in rows.fields:
        if field.option in after:
            merged[field.option] = _over(field, merged.get(field.option), after[field.option])
    return merged


def _over(field: Field, before: Value, after: Value) -> Value:
    """What is in effect once a declared value is put over the live one."""
    if field.type.per_key:
        keys = dict(before or {}) | dict(after)
        return {key: value for key, value in keys.items() if value is not None}
    return field.type.over(before, after)


HARMLESS = Rule("cluster.setting.change", Risk.SAFE, "takes effect without a restart")
"""Judges an edit that no row says anything about."""


def _judge(rules: t.Sequence[Rule], edit: Edit) -> Rule:
    return next((rule for rule in rules if rule.when(edit)), HARMLESS)


def _hashed(value: Value, salt: str) -> Value:
    if isinstance(value, Secret):
        hashed = hashlib.scrypt(value.reveal().encode(), salt=salt.encode(), n=2**13, r=8, p=1, dklen=32)
        return f"scrypt:{hashed.hex()}"
    if isinstance(value, t.Mapping):
        return {key: _hashed(item, salt) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hashed(item, salt) for item in value]
    return value
