# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""docs/kinds/: one page for each kind of cluster, made of its tables."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.brokerops.messaging.plugins.module_utils._engine import types
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.fields import (
    Check,
    Field,
    Items,
    Kind,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import HARMLESS
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.risk import Risk, Rule
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.applications import (
    APPLICATIONS,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.kafka import (
    topic_config,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.presets import (
    MEMORY,
    PRESET,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.probe.run import (
    DISPOSABLE,
    ORPHANS,
)
from tests.collection_path import ROOT
from tooling.edits import OTHER, conditions, field_samples, key_samples
from tooling.said import Reader, Said

CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")
PAGES = ROOT / "docs" / "kinds"
UTILS = ROOT / "plugins" / "module_utils"
KINDS: Mapping[str, Kind] = {name: application.kind for name, application in APPLICATIONS.items()}

RISKS = {
    Risk.SAFE: "nobody notices",
    Risk.ROLLING: "members restart one by one; clients reconnect",
    Risk.DISRUPTIVE: "clients are cut off, or see something else than before",
    Risk.EXPOSING: "more people than before can get in or listen",
    Risk.DESTRUCTIVE: "messages are lost, or the guarantee that they are not",
    Risk.IMPOSSIBLE: "the platform or the broker cannot do it",
}
_WORDS = (
    (types.COUNT, "a whole number, at least 1"),
    (types.SWITCH, "true or false"),
    (types.TEXT, "text"),
    (types.QUANTITY, "a quantity such as `10Gi` or `500m`"),
    (MEMORY, "a quantity of at least 1Mi, such as `2Gi`"),
    (PRESET, "a resource preset such as `s1.small`: t1, c1, s1, u1 or m1, and a size"),
    (types.NAMES, "a list of names, exact: what is not in it goes"),
)
_SHAPES = {
    "bool": "true or false",
    "int": "a whole number",
    "mapping": "keys and values",
    "names": "a list of names",
    "rows": "a list, merged by what names its rows",
    "str": "text",
    "tree": "keys and values",
}


@dataclass(frozen=True)
class Row:
    """One reason code at one place: when it comes, what it means, what to do."""

    code: str
    risk: str
    where: str
    effect: str
    when: str = ""
    consent: str = ""
    ways_out: tuple[str, ...] = ()


# ---- the rows of a kind


def rows(kind: Kind) -> Iterator[Row]:
    """Every reason code of a kind, those that all kinds have among them."""
    for rule, when in ((kind.create, "a new cluster"), (kind.delete, "state: absent")):
        if rule is not None:
            yield _row(rule, "", "CLUSTER", when)
    for field in kind.fields:
        yield from field_rows(kind, field)
    for items in kind.items:
        yield from item_rows(items)
        for field in items.fields:
            yield from field_rows(kind, field, items)
    for check in kind.constraints:
        yield _check_row(check, "refused" if check.risk is Risk.IMPOSSIBLE else str(check.risk))
    for check in kind.advice:
        yield _check_row(
            check, "warning, refused under durability: required" if check.durability else "warning"
        )
    for rule in kind.beside:
        yield _row(rule, "", "CLUSTER", "with every change")
    yield _row(HARMLESS, "", "CLUSTER", "where no rule fits")
    yield from general_rows(kind)


def field_rows(kind: Kind, field: Field, items: Items | None = None) -> Iterator[Row]:
    """What changes of one field do. Rules of single keys come before those of all others."""
    where = f"{items.option}[].{field.option}" if items else field.option
    whose = items.singular.upper() if items else "CLUSTER"
    for name, rules in field.key_rules.items():
        key = topic_config.KEYS.get(name)
        samples = key_samples(key.type, key.words) if key else []
        for rule, when in zip(rules, conditions(kind, where, rules, samples), strict=True):
            yield _row(rule, f"{where}[{name}]", whose, when)
    samples = field_samples(field)
    for rule, when in zip(field.rules, conditions(kind, where, field.rules, samples), strict=True):
        yield _row(rule, where, whose, when)


def item_rows(items: Items) -> Iterator[Row]:
    """What happens to the things themselves."""
    where, whose = f"{items.option}[]", items.singular.upper()
    for index, rule in enumerate(items.add):
        others = "new" if index == 0 else "new, otherwise"
        yield _row(rule, where, whose, others if index == len(items.add) - 1 else "new")
    for index, rule in enumerate(items.remove):
        others = "removed" if index == 0 else "removed, otherwise"
        yield _row(rule, where, whose, others if index == len(items.remove) - 1 else "removed")
    if items.disable:
        yield _row(items.disable.rule, where, whose, "removed, and the platform would not honour that")
    if items.doubled:
        yield _row(items.doubled, where, whose, "stands twice in the live list, and is declared")


def _row(rule: Rule, where: str, whose: str, when: str) -> Row:
    consent = f"{rule.reason}:{whose}" if rule.risk.needs_consent else ""
    ways = (rule.way_out,) if rule.way_out else ()
    return Row(rule.reason, str(rule.risk), where, rule.effect, when, consent, ways)


def _check_row(check: Check, risk: str) -> Row:
    consent = f"{check.reason}:CLUSTER" if check.risk.needs_consent and risk == str(check.risk) else ""
    said = _troubles(check)
    paths = (re.sub(r"\[[^\]]*\]", "[]", path, count=1) for one in said for path in one.arguments[0])
    ways = tuple(dict.fromkeys(way for one in said for way in one.arguments[2]))
    return Row(check.reason, risk, ", ".join(dict.fromkeys(paths)), check.effect, "", consent, ways)


def _troubles(check: Check) -> list[Said]:
    """What a check says where it finds something."""
    name = check.find.__name__
    source = Path(inspect.getsourcefile(check.find) or "")
    return [said for said in Reader(frozenset({"Trouble"})).file(source) if said.function == name]


_PROBE = {
    DISPOSABLE: "it makes a cluster of this name, writes to it, and removes it",
    ORPHANS: "it deletes that cluster once without the platform's clean-up, so its pods stay for a while",
}


def general_rows(kind: Kind) -> Iterator[Row]:
    """What the engine and the platform say of every kind, as their code says it."""
    for items in kind.items:
        for row in _findings(kind, items):
            if items is kind.items[0] or items.singular in row.code.split("."):
                yield row
    for code, effect in _PROBE.items():
        yield Row(code, "a consent", "", f"platform_probe asks for it: {effect}", "", f"{code}:CLUSTER")


# What stands in these texts once the code runs.
_KNOWN_LATER = {
    "key": "a resource",
    "label": "the option",
    "there": "such field",
    "value": "such value",
    "right": "do what the message names",
    "right.use": "the message tells what for",
    "quota['metadata']['name']": "that the message names",
    "_text(key, need)": "N",
    "over": "fewer are left",
    "_text(key, need - left)": "M",
    "' and '.join(missing)": "what it needs",
    "', '.join((str(one) for one in choices))": "those that the message names",
    "former": "a former one",
    "until.isoformat()": "the day in external_until",
    "plan.digest": "its digest",
}


def _findings(kind: Kind, items: Items) -> Iterator[Row]:
    same = f"two of them would have one object name, so that only one {items.singular} of the two can exist"
    values = {"kind.name": kind.name, "rows.singular": items.singular, "problem.text": same}
    reader = Reader(frozenset({"Finding", "Refusal"}), _KNOWN_LATER | values)
    for path in sorted(UTILS.rglob("*.py")):
        if path.is_relative_to(UTILS / "_brokers") or path.name in ("operate.py", "secrets.py"):
            continue  # what lives inside, long operations and Secrets have pages of their own
        for said in reader.file(path):
            where, codes, texts, ways = (*said.arguments, *[()] * 4)[:4]
            # a code that is known only when the code runs is a row's, and there already
            for code in (code for code in codes if CODE.fullmatch(code) and code not in _PROBE):
                if code.partition(".")[0] in KINDS.keys() - {kind.name}:
                    continue
                risk = "warning" if said.function == "expired" else "refused"
                place = ", ".join(one for one in where if one.islower() and " " not in one)
                yield Row(code, risk, place, " Or: ".join(texts), "", "", ways)


# ---- a page


def page(kind: Kind) -> str:
    """The page of one kind."""
    everything = list(rows(kind))
    parts = [
        _head(kind),
        _consents(everything),
        _options(kind),
        *(_items(kind, items) for items in kind.items),
        _topic_config() if any(field.key_rules for items in kind.items for field in items.fields) else "",
        _checks("What cannot be", _CANNOT, kind.constraints, everything),
        _checks("What deserves a warning", _ADVICE, kind.advice, everything),
        _codes(everything),
    ]
    return "\n".join(part for part in parts if part)


_CANNOT = """\
These judge the cluster as it would be after the change, on create and on update. What already stands so
in the live cluster blocks nothing, or there would be no way out."""
_ADVICE = """\
Every run says these, also one that changes nothing. Those about durability are refused under
`durability: required`."""


def _head(kind: Kind) -> str:
    parts = [f"`{kind.name}_{items.singular}`" for items in kind.items if _has_module(kind, items)]
    alone = f" Parts alone: {', '.join(parts)}." if parts else ""
    risks = table(
        ("Risk", "What it means", "What it needs"),
        ((str(risk), RISKS[risk], _need(risk)) for risk in Risk),
    )
    return f"""\
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
<!-- Copyright (c) 2026 The brokerops.messaging authors -->
<!-- Made of the tables by `make docs`. Change the tables, not this file. -->
# {kind.title}: options, risks, reason codes

`brokerops.messaging.{kind.name}_cluster` declares the cluster.{alone}

**A task was refused?** Its message says what to do, and `refusals` in its result has a `reason` for each
refusal. Search this page for that code, or open `{kind.name}.md#CODE`.

- Several rules of an option are tried in order. The first that fits judges the change.
- *When* is empty where only the whole cluster can tell; then read what happens.
- A consent is `CODE:NAME` in `allow`. NAME is the cluster's for options, the thing's own for what has a name.
- Nothing is written while anything is refused.

{risks}"""


def _need(risk: Risk) -> str:
    if risk is Risk.IMPOSSIBLE:
        return "refused; take the way out"
    return "a consent in `allow`" if risk.needs_consent else "nothing"


def _has_module(kind: Kind, items: Items) -> bool:
    return (ROOT / "plugins" / "modules" / f"{kind.name}_{items.singular}.py").exists()


def _consents(everything: Iterable[Row]) -> str:
    needing = (row for row in everything if row.consent and row.code not in _PROBE)
    wanted = {(row.consent, row.risk, sentence(row.effect)) for row in needing}
    listed = (
        (f"[`{consent}`](#{consent.partition(':')[0]})", risk, text) for consent, risk, text in sorted(wanted)
    )
    return f"## Consents\n\n{table(('In `allow`', 'Risk', 'What you agree to'), listed)}"


def _options(kind: Kind) -> str:
    longest = max(length for length in range(1, 64) if kind.name_problem("a" * length) is None)
    parts = [
        "## Options",
        f"A cluster's name has at most {longest} characters. An option that is not declared is not touched;\n"
        "one in `reset` goes back to the default, which is the platform's and not this collection's.",
        *(_field(kind, field) for field in kind.fields),
    ]
    return "\n\n".join(parts) + "\n"


def _field(kind: Kind, field: Field, items: Items | None = None) -> str:
    name = f"{items.option}[].{field.option}" if items else field.option
    path = ".".join((*items.path, "*", *field.path) if items else field.path)
    lines = [
        f"- Type: {_type(field)}",
        f"- Default: {_value(field.default)}",
        f"- Place in the spec: `{path}`",
    ]
    lines += ["- Needed for a new one"] if field.required_on_add else []
    lines += ["- Secret: in no output"] if field.type.secret else []
    text = "\n".join(lines)
    below = _suboptions(field.type.options) if field.type.options else ""
    judged = _judged(field_rows(kind, field, items), name)
    return "\n\n".join(part for part in (f"### {name}", text, below, judged) if part)


def _judged(found: Iterable[Row], name: str) -> str:
    lines = [
        (row.where.removeprefix(name).strip("[]"), row.when, row.risk, sentence(row.effect), _link(row.code))
        for row in found
    ]
    if not lines:
        return "A change needs nothing and restarts nothing."
    heads = ("Key", "When", "Risk", "What happens", "Reason")
    skipped = 0 if any(line[0] for line in lines) else 1
    return table(heads[skipped:], (line[skipped:] for line in lines)).rstrip()


def _items(kind: Kind, items: Items) -> str:
    hint = (items.name_problem("?") or "").partition("; ")[2]
    parts = [
        f"## {items.option}[]",
        f"Merged by `name`: what is not listed stays, unless `{items.option}` is in `purge`;\n"
        "what is listed with `state: absent` goes." + (f" A name: {hint}." if hint else ""),
        _judged(item_rows(items), f"{items.option}[]"),
        *(_field(kind, field, items) for field in items.fields),
    ]
    return "\n\n".join(parts) + "\n"


def _type(field: Field) -> str:
    shape_of = (field.type.argument, field.type.problem)  # a type may be another one, stored otherwise
    words = next((words for type_, words in _WORDS if (type_.argument, type_.problem) == shape_of), None)
    if words:
        return words
    if field.type.per_key:
        return "keys and values, merged by key; `null` takes a key away" + (
            ": see [the keys](#topic-configuration)" if field.key_rules else ""
        )
    free = field.type.argument == "tree" and field.type.options is None
    shape = "free keys and values, merged at every depth" if free else _SHAPES[field.type.argument]
    hint = (field.type.problem("?") or "").partition("; ")[2] if field.type.argument == "str" else ""
    return f"{shape}: {hint}" if hint else shape


def _suboptions(options: Mapping[str, Any], before: str = "") -> str:
    heads = ("Key", "Type", "Notes")
    return table(heads, _sublines(options, before)).rstrip()


def _sublines(options: Mapping[str, Any], before: str) -> Iterator[tuple[str, str, str]]:
    for name, spec in options.items():
        notes = ["required"] if spec.get("required") else []
        notes += [f"one of {', '.join(spec['choices'])}"] if "choices" in spec else []
        notes += ["secret"] if spec.get("no_log") else []
        kind = f"list of {spec['elements']}" if "elements" in spec else spec.get("type", "str")
        yield f"`{before}{name}`", kind, ", ".join(notes)
        yield from _sublines(spec.get("options", {}), f"{before}{name}.")


def _topic_config() -> str:
    text = """\
## Topic configuration

All keys that Kafka 3.9 has for a topic. A key that is not declared is not touched; `null` takes it away,
and a change from or to nothing is judged against the default. Where the default is none, the brokers have
one. A likely slip (`retentionMs`, the brokers' own name) is answered with the right key."""
    lines = (
        (f"`{key.name}`", _key_type(key), _value(key.default), f"`{key.broker}`" if key.broker else "")
        for key in topic_config.TABLE
    )
    return f"{text}\n\n{table(('Key', 'What it takes', 'Default', 'The brokers call it'), lines)}"


def _key_type(key: topic_config.Key) -> str:
    if key.lacks:
        return f"only {_value(key.only)}: it needs {key.lacks}"
    named = {
        "boolean": "true or false",
        "version": "a version of Kafka such as `3.0-IV1`",
        "replicas": "`*`, or pairs `PARTITION:BROKER`",
    }
    if key.type in named:
        return named[key.type]
    if key.words:
        words = ", ".join(f"`{word}`" for word in key.words)
        return f"one of {words}" if key.type == "word" else f"{words}, or both"
    unit = ""
    if key.name.endswith(".ms"):
        unit = " of milliseconds, or `7d`, `12h`, `30m`, `10s`"
    elif key.name.endswith(".bytes"):
        unit = " of bytes, or `10GiB`, `512MB`"
    whole = "a number" if key.type == "double" else f"a whole number{unit}"
    limits = [
        f"{word} {limit}" for word, limit in (("from", key.least), ("to", key.most)) if limit is not None
    ]
    also = f", or {key.also}" if key.also is not None else ""
    return whole + (f"; {' '.join(limits)}{also}" if limits else "")


def _checks(title: str, text: str, checks: Sequence[Check], everything: Iterable[Row]) -> str:
    codes = {check.reason for check in checks}
    lines = (
        (_link(row.code), row.where, row.risk, sentence(row.effect))
        for row in everything
        if row.code in codes
    )
    heads = ("Reason", "Where", "Outcome", "Why")
    return f"## {title}\n\n{text}\n\n{table(heads, lines)}" if checks else ""


def _codes(everything: Iterable[Row]) -> str:
    by_code: dict[str, list[Row]] = {}
    for row in everything:
        by_code.setdefault(row.code, []).append(row)
    parts = ["## Reason codes", *(_code(code, by_code[code]) for code in sorted(by_code))]
    return "\n\n".join(parts) + "\n"


def _code(code: str, found: Sequence[Row]) -> str:
    lines = []
    for (risk, effect), same in itertools.groupby(found, key=lambda row: (row.risk, row.effect)):
        group = list(same)
        places = "; ".join(dict.fromkeys(_place(row) for row in group if row.where or row.when))
        lines.append(f"**{risk}**{f', {places}' if places else ''}. {sentence(effect)}")
    ways = list(dict.fromkeys(sentence(way) for row in found for way in row.ways_out))
    consents = list(dict.fromkeys(row.consent for row in found if row.consent))
    lines += [f"- Way out: {' Or: '.join(ways)}"] if ways else []
    lines += [f"- Consent: {', '.join(f'`allow: [{consent}]`' for consent in consents)}"] if consents else []
    text = "\n\n".join(line for line in lines if not line.startswith("- "))
    list_ = "\n".join(line for line in lines if line.startswith("- "))
    return "\n\n".join(part for part in (f'### <a id="{code}"></a>{code}', text, list_) if part)


def _place(row: Row) -> str:
    when = "" if row.when in ("", OTHER) else row.when
    if not row.where:
        return when
    return f"`{row.where}`" + (f" ({when})" if when else "")


# ---- words


def _link(code: str) -> str:
    return f"[{code}](#{code})"


def sentence(text: str) -> str:
    """A text of the tables, which are written to stand inside a sentence."""
    first = text.partition(" ")[0].rstrip(":,;")
    begin = text[:1].upper() if first.isalpha() else text[:1]  # `min.insync.replicas` is no word
    return f"{begin}{text[1:]}{'' if text.endswith('.') else '.'}" if text else ""


def _value(value: Any) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, Mapping | list):
        return "empty" if not value else ", ".join(f"{key} {_value(value[key])}" for key in value)
    if value == 2**63 - 1:
        return "no limit"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    made = [heads, ["---"] * len(heads), *lines]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in made)


def pages() -> dict[str, str]:
    """All pages by their file names."""
    return {f"{name}.md": page(kind) for name, kind in KINDS.items()}
