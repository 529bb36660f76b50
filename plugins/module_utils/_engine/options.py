# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between the options that people write (nested, lists of dicts with `name`) and a `State`."""

from __future__ import annotations

import collections.abc
import typing as t

from .fields import Field, Items, Kind, Problem
from .secret import Secret, without_secrets
from .state import Item, Name, State, Wanted
from .types import Value

Options = t.Mapping[str, t.Any]


def dig(document: t.Any, path: t.Sequence[str]) -> Value:
    """The value at a path of nested mappings, None where any step is missing."""
    for step in path:
        if not isinstance(document, collections.abc.Mapping):
            return None
        document = document.get(step)
    return document


def plant(document: dict[str, t.Any], path: t.Sequence[str], value: Value) -> None:
    """Put a value at a path of nested mappings, making the mappings on the way."""
    for step in path[:-1]:
        document = document.setdefault(step, {})
    document[path[-1]] = value


def read_options(kind: Kind, options: Options, *, present: bool) -> tuple[Wanted, list[Problem]]:
    """What the options declare, and everything that is wrong with them by themselves.

    A value of None is undeclared. No request is needed for any of these problems, so all of them
    are found before the first one.
    """
    problems: list[Problem] = []
    values: dict[str, Value] = {}
    for field in kind.fields:
        value = dig(options, field.option.split("."))
        if value is not None:
            values[field.option] = _checked(field, value, field.option, problems)
    items: dict[str, t.Mapping[Name, Item]] = {}
    absent: dict[str, frozenset[Name]] = {}
    for rows in kind.items:
        declared = options.get(rows.option)
        if declared is not None:
            items[rows.option], absent[rows.option] = _read_items(rows, declared, problems)
    reset = _read_reset(kind, options.get("reset") or (), values, problems)
    purge = frozenset(options.get("purge") or ())
    for option in sorted(purge - items.keys()):
        lists = [rows.option for rows in kind.items]
        way_out = (
            f"declare {option}, as an empty list if need be"
            if option in lists
            else (f"there are {', '.join(lists)}")
        )
        problems.append(Problem("purge", f"{option!r} is purged and not declared; {way_out}"))
    return Wanted(present, State(values, items), absent, reset, purge), problems


def secret_texts(kind: Kind, options: Options) -> t.Iterator[str]:
    """What must never be printed of the options, whatever else is wrong with them."""
    for field in kind.fields:
        value = dig(options, field.option.split("."))
        if value is not None:
            yield from _secrets_of(field, value)
    for rows in kind.items:
        for row in _mappings(dig(options, [rows.option])):
            for field in rows.fields:
                if row.get(field.option) is not None:
                    yield from _secrets_of(field, row[field.option])


def _secrets_of(field: Field, value: Value) -> t.Iterable[str]:
    if field.type.secret:
        found: t.Iterable[t.Any] = [value]
    else:
        found = field.type.secrets(list(_mappings(value)) if field.type.argument == "rows" else value)
    # never the empty text: it would be masked between any two letters
    return (str(one) for one in found if one not in (None, ""))


def _mappings(rows: t.Any) -> t.Iterator[Options]:
    """The rows of a list, or of what somebody wrote for one: a single row, or rows by their names."""
    if isinstance(rows, collections.abc.Mapping):
        rows = [rows, *rows.values()]
    if isinstance(rows, list | tuple):
        yield from (row for row in rows if isinstance(row, collections.abc.Mapping))


def _read_reset(
    kind: Kind, named: t.Iterable[str], declared: t.Container[str], problems: list[Problem]
) -> frozenset[str]:
    """The fields behind the names, each a field, a group of them, or `undeclared` for all that are not
    declared."""
    found: set[str] = set()
    for name in named:
        if name == "undeclared":
            found.update(field.option for field in kind.fields if field.option not in declared)
            continue
        fields = [f.option for f in kind.fields if f.option == name or f.option.startswith(f"{name}.")]
        if not fields:
            options = ", ".join(field.option for field in kind.fields)
            problems.append(Problem("reset", f"{name!r} is no field; there are {options}"))
        problems.extend(
            Problem("reset", f"{option} is declared as well; keep one of the two")
            for option in fields
            if option in declared
        )
        found.update(fields)
    return frozenset(found)


def _checked(field: Field, value: Value, path: str, problems: list[Problem]) -> Value:
    text = field.type.problem(value)
    if text is not None:
        problems.append(Problem(path, text))
        return value
    return Secret(value) if field.type.secret else field.type.normal(value)


def _read_items(
    rows: Items, declared: t.Sequence[Options], problems: list[Problem]
) -> tuple[dict[Name, Item], frozenset[Name]]:
    present: dict[Name, Item] = {}
    absent: set[Name] = set()
    sound: list[Name] = []
    for row in declared:
        name = row["name"]
        if name in present or name in absent:
            problems.append(
                Problem(rows.label(name), f"this {rows.singular} stands twice in the list; keep one")
            )
            continue
        if row.get("state") == "absent":
            absent.add(name)
            continue
        present[name] = {
            field.option: _checked(field, row[field.option], rows.label(name, field), problems)
            for field in rows.fields
            if row.get(field.option) is not None
        }
        text = rows.name_problem(name)
        if text is None:
            sound.append(name)
        else:
            problems.append(Problem(rows.label(name), text))
    problems.extend(Problem(twice.path, f"{twice.text}; rename one") for twice in collisions(rows, sound))
    return present, frozenset(absent)


def collisions(rows: Items, names: t.Iterable[Name]) -> t.Iterator[Problem]:
    """Things whose object names are equal, so that only one of them can exist; the way out is another
    name."""
    objects: dict[str, Name] = {}
    for name in names:
        stored = rows.object_name(name)
        twin = objects.setdefault(stored, name)
        if twin != name:
            yield Problem(
                rows.label(name),
                f"the platform stores this {rows.singular} under the same object name as {twin!r} "
                f"({stored}), so only one of them can exist",
            )


def write_options(kind: Kind, state: State) -> dict[str, t.Any]:
    """The options that declare a state: what a user can paste into the module unchanged.

    Secrets are left out by their type, so no caller has to remember to mask them.
    """
    options: dict[str, t.Any] = {}
    for field in kind.fields:
        if field.option in state.values and not field.type.secret:
            plant(options, field.option.split("."), _shown(field, state.values[field.option]))
    for rows in kind.items:
        options[rows.option] = [
            {"name": name} | public_item(rows, item) for name, item in state.named(rows.option).items()
        ]
    return options


def public_item(rows: Items, item: Item) -> dict[str, t.Any]:
    """One named thing without its secrets, in the order of its fields."""
    return {
        field.option: _shown(field, item[field.option])
        for field in rows.fields
        if not field.type.secret and item.get(field.option) is not None
    }


def _shown(field: Field, value: Value) -> Value:
    return without_secrets(field.type.public(value))
