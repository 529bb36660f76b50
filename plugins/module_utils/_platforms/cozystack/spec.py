# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between the platform's `spec` and a `State`, driven by the tables alone."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import typing as t

from ..._engine.fields import Field, Items, Kind
from ..._engine.options import dig, plant
from ..._engine.plan import Change, Plan
from ..._engine.secret import Secret
from ..._engine.state import Item, Name, State
from ..._engine.types import NAMES, Value

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
            plant(spec, field.path, _plain(state.values[field.option]))
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


def merge_patch(plan: Plan) -> dict[str, t.Any] | None:
    """The plan as a JSON merge patch; None where it touches a list, which must never be sent whole:
    a stale copy would undo what somebody else has put into it."""
    if any(_touches_list(change) for change in plan.changes):
        return None
    patch: dict[str, t.Any] = {}
    for edit in _edits(plan, {}):
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
        return field.default
    if not field.type.fits(value):
        return None
    return Secret(str(value)) if field.type.secret else value


def _read_items(rows: Items, stored: t.Any) -> t.Iterator[tuple[Name, Item]]:
    for name, row in _named(stored) if rows.shape == "list" else _members(stored):
        item = {field.option: _read(field, row) for field in rows.fields}
        yield str(name), {option: value for option, value in item.items() if value is not None}


def _named(stored: t.Any) -> t.Iterator[tuple[t.Any, t.Any]]:
    for row in stored if isinstance(stored, list) else ():
        if isinstance(row, t.Mapping) and row.get("name") is not None:
            yield row["name"], row


def _members(stored: t.Any) -> t.Iterable[tuple[t.Any, t.Any]]:
    return stored.items() if isinstance(stored, t.Mapping) else ()


def _stored(rows: Items, item: Item) -> dict[str, t.Any]:
    document: dict[str, t.Any] = {}
    for field in rows.fields:
        value = item.get(field.option, field.default)
        if value is not None:
            plant(document, field.path, _plain(value))
    return document


def _plain(value: Value) -> Value:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, t.Mapping):
        return {key: item for key, item in value.items() if item is not None}
    return value


def _touches_list(change: Change) -> bool:
    in_list = change.items is not None and change.items.shape == "list"
    return in_list or (change.field is not None and change.field.type is NAMES)


def _edits(plan: Plan, spec: Spec) -> t.Iterator[Edit]:
    """Removals from a list come last and from its end, so that no index moves under another edit."""
    removals: list[Edit] = []
    for change in plan.changes:
        rows, name = change.items, change.item
        if rows is None or name is None:
            if change.field is not None:
                yield Edit((*change.field.path, *_key(change)), _plain(change.after))
            continue
        if rows.shape == "map":
            yield from _map_edits(rows, name, change)
            continue
        stored = dig(spec, rows.path)
        index = _index(stored, name)
        if index is None:
            yield Edit((*rows.path, "-"), {"name": name} | _stored(rows, change.after))
            continue
        row: Path = (*rows.path, index)
        guard = ((*row, "name"), stored[index]["name"])
        if change.field is None:
            removals.append(Edit(row, None, guard))
        else:
            yield Edit((*row, *change.field.path, *_key(change)), _plain(change.after), guard)
    yield from sorted(removals, key=lambda edit: edit.path[-1], reverse=True)


def _map_edits(rows: Items, name: Name, change: Change) -> t.Iterator[Edit]:
    place = (*rows.path, name)
    if change.field is not None:
        path = (*place, *change.field.path)
        guard = (path, list(change.before)) if change.field.type is NAMES and change.before else None
        yield Edit(path, _plain(change.after), guard)
    else:
        yield Edit(place, None if change.after is None else _stored(rows, change.after))


def _key(change: Change) -> Path:
    return () if change.key is None else (change.key,)


def _index(stored: t.Any, name: Name) -> int | None:
    rows = stored if isinstance(stored, list) else ()
    matching = (
        i for i, row in enumerate(rows) if isinstance(row, t.Mapping) and str(row.get("name")) == name
    )
    return next(matching, None)


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
