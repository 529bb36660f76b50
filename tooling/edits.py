# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""When a rule judges an edit, in words: a rule is a function, so it is asked about edits of every sort."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.fields import (
    Field,
    Kind,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.risk import (
    Edit,
    Risk,
    Rule,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import State
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.types import Type
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.rules import (
    VOLUME_EXPANSION,
)

ANY, OTHER = "any change", "any other change"
_ALWAYS = Rule("", Risk.SAFE, "").when.__code__.co_code
# What else decides, and how each of its values is said.
_SURROUNDINGS: Mapping[str, tuple[str, Mapping[Any, str]]] = {
    "external": ("", {True: "with external", False: "without external"}),
    "tls.enabled": ("tls.enabled ", {True: "true", False: "false", None: "unset"}),
    VOLUME_EXPANSION: (
        "where the storage class ",
        {True: "can grow volumes", False: "cannot grow volumes", None: "cannot be read"},
    ),
}


@dataclass(frozen=True, eq=False)
class Sample:
    """An edit, and the word for edits of its sort. Two are equal only if they are one."""

    word: str
    before: Any
    after: Any

    @property
    def example(self) -> str:
        """The edit itself."""
        return f"{_text(self.before)} → {_text(self.after)}"


Case = tuple[Sample, tuple[tuple[str, Any], ...]]


def field_samples(field: Field) -> list[Sample]:
    """Edits of a field that show what its rules look at; none where nobody can make them up."""
    samples = _by_type(field.type)
    if samples and field.default is None and not field.required_on_add:
        low, high = samples[0].before, samples[0].after
        samples += [Sample("set", None, low), Sample("set", None, high)]
        samples += [Sample("unset", low, None), Sample("unset", high, None)]
    return samples


def _by_type(type_: Type) -> list[Sample]:
    if type_.secret:
        return []
    if type_.argument == "int":
        return [
            Sample("larger", 3, 4),
            Sample("larger", 1, 2),
            Sample("smaller", 4, 3),
            Sample("smaller", 2, 1),
        ]
    if type_.argument == "bool":
        return [Sample("on", False, True), Sample("off", True, False)]
    if type_.argument == "names":
        return [Sample("names added", ["a"], ["a", "b"]), Sample("names taken out", ["a", "b"], ["a"])]
    if type_.argument != "str" or type_.problem("10Gi"):
        return []
    if isinstance(type_.key("10Gi"), Fraction):
        return [Sample("larger", "10Gi", "20Gi"), Sample("smaller", "20Gi", "10Gi")]
    return [Sample("set", "", "a"), Sample("changed", "a", "b"), Sample("taken away", "a", "")]


def key_samples(type_: str, words: Sequence[str]) -> list[Sample]:
    """Edits of a key of a broker's configuration, by the type that the broker gives it."""
    if type_ in ("int", "long", "double"):
        return [
            Sample("larger", 3, 4),
            Sample("larger", 1, 2),
            Sample("smaller", 4, 3),
            Sample("smaller", 2, 1),
        ]
    if type_ == "boolean":
        return [Sample("on", False, True), Sample("off", True, False)]
    values = [*words] if type_ == "word" else [*words, ",".join(words)]
    return [Sample("", one, other) for one, other in itertools.permutations(values, 2)]


def conditions(kind: Kind, option: str, rules: Sequence[Rule], samples: Sequence[Sample]) -> list[str]:
    """For each rule when it is the one that judges; empty where no edit of these showed it."""
    cases = list(_cases(kind, option, samples))
    won: dict[int, list[Case]] = {index: [] for index in range(len(rules))}
    for case in cases:
        index = _judge(kind, option, rules, case)
        if index is not None:
            won[index].append(case)
    return [
        _condition(rule, won[index], cases, first=index == 0, last=index == len(rules) - 1)
        for index, rule in enumerate(rules)
    ]


def _condition(rule: Rule, won: list[Case], cases: list[Case], *, first: bool, last: bool) -> str:
    always = rule.when.__code__.co_code == _ALWAYS
    if first and (always or (won and len(won) == len(cases))):
        return ANY
    surroundings = _surroundings(won, cases) if won else None
    if surroundings:
        return f"{ANY}{surroundings}"
    said = _said(won, cases)
    if always and last and (surroundings == "" or not 0 < len(said) < 3):
        return OTHER
    return "; ".join(said)


def _cases(kind: Kind, option: str, samples: Sequence[Sample]) -> Iterator[Case]:
    options = {field.option for field in kind.fields}
    seen = [name for name in ("external",) if name in options and name != option]
    seen += ["tls.enabled"] if option == "external" and "tls.enabled" in options else []
    seen += [VOLUME_EXPANSION] if option.split(".")[-1] == "size" else []
    for values in itertools.product(*(_SURROUNDINGS[name][1] for name in seen)):
        for sample in samples:
            yield sample, tuple(zip(seen, values, strict=True))


def _judge(kind: Kind, option: str, rules: Sequence[Rule], case: Case) -> int | None:
    sample, around = case
    values = {field.option: field.default for field in kind.fields} | dict(around)
    can = values.pop(VOLUME_EXPANSION, None)
    was, state = (_state(values | {option: value}) for value in (sample.before, sample.after))
    edit = Edit(sample.before, sample.after, {} if can is None else {VOLUME_EXPANSION: can}, state, was)
    return next((index for index, rule in enumerate(rules) if rule.when(edit)), None)


def _state(values: Mapping[str, Any]) -> State:
    return State({name: value for name, value in values.items() if value is not None})


def _said(won: list[Case], cases: list[Case]) -> list[str]:
    """The cases in as few words as they can be told apart from the others."""
    said = []
    for word in dict.fromkeys(case[0].word for case in cases):
        ours, all_ = ([case for case in group if case[0].word == word] for group in (won, cases))
        surroundings = _surroundings(ours, all_) if ours else None
        if word and surroundings is not None:
            said.append(f"{word}{surroundings}")
            continue
        for sample in dict.fromkeys(case[0] for case in ours):
            mine, every = ([case for case in group if case[0] is sample] for group in (ours, all_))
            said.append(f"{sample.example}{_surroundings(mine, every) or ''}")
    return said


def _surroundings(ours: list[Case], all_: list[Case]) -> str | None:
    """What has to be around for these of all cases; empty where it is no matter, None where that is not
    what decides."""
    if len(ours) == len(all_):
        return ""
    for place, (name, _value) in enumerate(all_[0][1]):
        values = {case[1][place][1] for case in ours}
        if len(ours) == sum(case[1][place][1] in values for case in all_):
            before, words = _SURROUNDINGS[name]
            return f", {before}{' or '.join(words[value] for value in words if value in values)}"
    return None


def _text(value: Any) -> str:
    if value is None:
        return "unset"
    return str(value).lower() if isinstance(value, bool) else str(value)
