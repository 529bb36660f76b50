# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between the platform's `spec` and a `State`, driven by the tables alone."""

from __future__ import annotations

import collections
import collections.abc
import copy
import dataclasses
import itertools
import typing as t

from ..._engine.fields import Field, Items, Kind
from ..._engine.options import dig, plant
from ..._engine.plan import Act, Change, Plan
from ..._engine.secret import Secret
from ..._engine.state import Item, Name, State
from ..._engine.types import Value

Spec = t.Mapping[str, t.Any]
Path: t.TypeAlias = "tuple[str | int, ...]"


def read_spec(kind: Kind, spec: Spec) -> State:
    """What is in effect: the stored values, and the platform's default where nothing is stored.

    The API server takes anything below `spec`. What no chart can read is as if it were not there, so
    that a declared value replaces it.
    """
    values = {field.option: _read(field, spec) for field in kind.fields}
    return State(
        {option: value for option, value in values.items() if value is not None},
        {rows.option: dict(_read_items(rows, dig(spec, rows.path))) for rows in kind.items},
    )


def write_spec(kind: Kind, state: State) -> dict[str, t.Any]:
    """The spec of a new cluster: what is declared and nothing else, so that the rest follows the
    platform's defaults."""
    spec: dict[str, t.Any] = {}
    for field in kind.fields:
        if field.option in state.values:
            plant(spec, field.path, _plain(field, state.values[field.option]))
    for rows in kind.items:
        things = state.named(rows.option)
        if things and rows.shape == "list":
            plant(spec, rows.path, [{"name": name} | _stored(rows, item) for name, item in things.items()])
        elif things:
            plant(spec, rows.path, {name: _stored(rows, item) for name, item in things.items()})
    return spec


@dataclasses.dataclass(frozen=True, slots=True)
class Edit:
    """One change of the spec: `after` is the stored value, None to remove what is there. `guard` is
    a place and what has to stand there for the edit to make sense."""

    path: Path
    after: Value
    guard: tuple[Path, Value] | None = None


def merge_patch(plan: Plan, spec: Spec) -> dict[str, t.Any] | None:
    """The plan as a JSON merge patch; None where it touches a list or a tree, which must never be sent
    whole and untested: a stale copy would undo what somebody else has put into it."""
    if any(_needs_test(change) for change in plan.changes):
        return None
    patch: dict[str, t.Any] = {}
    for edit in _edits(plan, spec):
        plant(patch, t.cast("tuple[str, ...]", edit.path), edit.after)
    return {"spec": patch}


def json_patch(plan: Plan, spec: Spec) -> list[dict[str, t.Any]]:
    """The plan as a JSON Patch against this spec. What is replaced or removed inside a list is tested
    by name first, so a list that moved in between makes the patch fail (422) instead of misfire."""
    operations: list[dict[str, t.Any]] = []
    draft = copy.deepcopy(spec)  # what an operation adds, the next one finds
    for edit in _edits(plan, spec):
        if edit.guard:
            operations.append({"op": "test", "path": _pointer(edit.guard[0]), "value": edit.guard[1]})
        if edit.after is None:
            operations.append({"op": "remove", "path": _pointer(edit.path)})
        else:
            path, after = _with_parents(edit, draft)
            operations.append({"op": "add", "path": _pointer(path), "value": after})
            _add(draft, path, copy.deepcopy(after))
    return operations


def _read(field: Field, document: t.Any) -> Value:
    value = dig(document, field.path)
    if value is None:
        return None if field.shown else field.default
    if not field.type.fits(value):
        return None
    return Secret(str(value)) if field.type.secret else field.type.load(value)


def read_doubled(kind: Kind, spec: Spec) -> dict[str, frozenset[Name]]:
    """The things that stand more than once in a list: two writers have added one at the same time, and
    the platform takes both."""
    doubled = {}
    for rows in kind.items:
        if rows.shape == "list":
            counted = collections.Counter(str(name) for name, _row in _named(dig(spec, rows.path)))
            doubled[rows.option] = frozenset(name for name, count in counted.items() if count > 1)
    return doubled


def _read_items(rows: Items, stored: t.Any) -> t.Iterator[tuple[Name, Item]]:
    seen = set()
    for name, row in _named(stored) if rows.shape == "list" else _members(stored):
        if str(name) in seen:  # of two rows, edits go to the first
            continue
        seen.add(str(name))
        item = {field.option: _read(field, row) for field in rows.fields}
        yield str(name), {option: value for option, value in item.items() if value is not None}


def _named(stored: t.Any) -> t.Iterator[tuple[t.Any, t.Any]]:
    for row in stored if isinstance(stored, list) else ():
        if isinstance(row, collections.abc.Mapping) and row.get("name") is not None:
            yield row["name"], row


def _members(stored: t.Any) -> t.Iterable[tuple[t.Any, t.Any]]:
    return stored.items() if isinstance(stored, collections.abc.Mapping) else ()


def _stored(rows: Items, item: Item) -> dict[str, t.Any]:
    document: dict[str, t.Any] = {}
    for field in rows.fields:
        value = item.get(field.option, field.default)
        if value is not None:
            plant(document, field.path, _plain(field, value))
    return document


def _plain(field: Field, value: Value, stored: Value = None) -> Value:
    if value is None:
        return None
    if isinstance(value, Secret):
        return value.reveal()
    value = field.type.store(value, stored)
    if field.type.per_key:
        return {key: item for key, item in value.items() if item is not None}
    return value


_TESTED = ("names", "rows", "tree")
"""Shapes whose value is replaced as a whole, after a test of what it replaces."""


def _needs_test(change: Change) -> bool:
    in_list = change.items is not None and change.items.shape == "list"
    return in_list or (change.field is not None and change.field.type.argument in _TESTED)


def _edits(plan: Plan, spec: Spec) -> t.Iterator[Edit]:
    """Removals from a list come last and from its end, so that no index moves under another edit."""
    removals: list[Edit] = []
    for change in plan.changes:
        rows, name = change.items, change.item
        if rows is None or name is None:
            if change.field is not None:
                yield _field_edit(change, change.field, (), spec)
        elif rows.shape == "map":
            yield from _map_edits(rows, name, change, spec)
        else:
            for edit in _list_edits(rows, name, change, spec):
                if edit.after is None and edit.path[-1] != "-" and change.field is None:
                    removals.append(edit)
                else:
                    yield edit
    yield from sorted(removals, key=lambda edit: edit.path[-1], reverse=True)


def _field_edit(
    change: Change, field: Field, place: Path, spec: Spec, guard: tuple[Path, Value] | None = None
) -> Edit:
    """An edit of one field below `place`; what is reset is taken away, so that it follows the platform
    again."""
    path = (*place, *field.path, *_key(change))
    if change.act is Act.RESET:
        return Edit(path, None, guard)
    if change.key is not None:
        return Edit(path, change.after, guard)
    stored = _at(spec, path)
    if guard is None and stored is not None and field.type.argument in _TESTED:
        guard = (path, stored)
    return Edit(path, _plain(field, change.after, stored), guard)


def _map_edits(rows: Items, name: Name, change: Change, spec: Spec) -> t.Iterator[Edit]:
    place = (*rows.path, name)
    if change.field is not None:
        yield _field_edit(change, change.field, place, spec)
    elif change.act is Act.DISABLE and rows.disable is not None:
        for field, value in _fields_of(rows, rows.disable.item()):
            yield Edit((*place, *field.path), _plain(field, value))
    else:
        yield Edit(place, None if change.after is None else _stored(rows, change.after))


def _fields_of(rows: Items, item: Item) -> t.Iterator[tuple[Field, Value]]:
    for field in rows.fields:
        if field.option in item:
            yield field, item[field.option]


def _list_edits(rows: Items, name: Name, change: Change, spec: Spec) -> t.Iterator[Edit]:
    stored = dig(spec, rows.path)
    places = _indices(stored, name)
    if not places:
        yield Edit((*rows.path, "-"), {"name": name} | _stored(rows, change.after))
        return
    guards: dict[int, tuple[Path, Value]] = {
        index: ((*rows.path, index, "name"), stored[index]["name"]) for index in places
    }
    if change.field is not None:
        first = places[0]
        yield _field_edit(change, change.field, (*rows.path, first), spec, guards[first])
        return
    for index in places[1:] if change.act is Act.SINGLE else places:
        yield Edit((*rows.path, index), None, guards[index])


def _key(change: Change) -> Path:
    return () if change.key is None else (change.key,)


def _indices(stored: t.Any, name: Name) -> list[int]:
    rows = stored if isinstance(stored, list) else ()
    return [
        i
        for i, row in enumerate(rows)
        if isinstance(row, collections.abc.Mapping) and str(row.get("name")) == name
    ]


def _at(document: t.Any, path: Path) -> t.Any:
    for step in path:
        if isinstance(document, list) and isinstance(step, int) and step < len(document):
            document = document[step]
        elif isinstance(document, collections.abc.Mapping):
            document = document.get(step)
        else:
            return None
    return document


def _with_parents(edit: Edit, spec: t.Any) -> tuple[Path, Value]:
    """JSON Patch adds below what exists: parents that are missing, or no parents at all (a text, say,
    where the charts read a mapping), are added together with the value."""
    here: t.Any = spec
    for depth, (step, following) in enumerate(itertools.pairwise(edit.path)):
        below = here[int(step)] if isinstance(here, list) else here.get(step)
        if not isinstance(below, list if isinstance(following, int) or following == "-" else dict):
            after = edit.after
            for missing in reversed(edit.path[depth + 1 :]):
                after = [after] if missing == "-" else {missing: after}
            return edit.path[: depth + 1], after
        here = below
    return edit.path, edit.after


def _add(document: t.Any, path: Path, value: Value) -> None:
    for step in path[:-1]:
        document = document[step]
    if isinstance(document, list):
        document.append(value)
    else:
        document[path[-1]] = value


def _pointer(path: Path) -> str:
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "/spec/" + "/".join(steps)
