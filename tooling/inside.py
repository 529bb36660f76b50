# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""docs/inside/: one page for each kind of broker about what lives inside it, and one about Secrets into which
credentials are handed out, made of the tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.reach import plaintext_consents
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.brokers import broker
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.groups import GROUPS
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.kafka.reassignment import (
    CANCELLATION,
    REASSIGNMENT,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.fields import Check, Kind
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import HARMLESS
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.risk import Risk, Rule
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.applications import (
    APPLICATIONS,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.secrets import SECRET
from tests.collection_path import ROOT
from tooling.kinds import CODE, UTILS, sentence, table
from tooling.said import Reader, Said

PAGES = ROOT / "docs" / "inside"
# Where a look at the brokers comes first, there are no shelves but these tables.
_KAFKA: Mapping[str, Kind] = {
    "kafka_partition_reassignment": REASSIGNMENT,
    "kafka_partition_reassignment, state: cancelled": CANCELLATION,
    "kafka_consumer_group": GROUPS,
}

# What stands in these texts once the code runs.
_KNOWN_LATER = {
    "text": "it reserves more than the account, or the servers, have left",
    "way_out": "reserve less with max_bytes, or give the account, or the volumes, more",
}
_KNOWN_LATER_OF_SECRETS = {
    "marks[0]": "the label that the message names",
    "', '.join(owners)": "what the message names",
    "manager": "somebody else",
    "found['type']": "another kind",
    "right": "do what the message names",
    "plan.ref.namespace": "the namespace",
}


def tables() -> dict[str, dict[str, Kind]]:
    """By broker and by the module that declares it, what lives inside."""
    found = {"kafka": dict(_KAFKA)}
    for name in ("rabbitmq", "nats"):
        shelves = broker(name).shelves.values()
        found[name] = {f"{name}_{_module(shelf.kind)}": shelf.kind for shelf in shelves}
    return found


def _module(kind: Kind) -> str:
    (items,) = kind.items
    return {"purge": "stream_purge"}.get(items.singular, items.singular)


def pages() -> dict[str, str]:
    """All pages by their file names."""
    found = {f"{name}.md": page(name, kinds) for name, kinds in tables().items()}
    return found | {"secret.md": secret_page()}


_REFUSED = """\
**A task was refused?** Its message says what to do, and `refusals` in its result has a `reason` for each
refusal. Search this page for that code."""


def _head(title: str) -> str:
    return f"""\
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
<!-- Copyright (c) 2026 The brokerops.messaging authors -->
<!-- Made of the tables by `make docs`. Change the tables, not this file. -->
# {title}: risks and reason codes

{_REFUSED}
"""


def secret_page() -> str:
    """The page about Secrets of the caller's own."""
    reader = Reader(frozenset({"Finding"}), _KNOWN_LATER_OF_SECRETS)
    asked = _table_of_asked(reader.file(UTILS / "_platforms" / "cozystack" / "secrets.py"))
    section = _section("credential_secret", SECRET)
    return "\n".join(
        [_head("A credential in a Secret"), section, "## Asked before anything is written\n", asked]
    )


def page(name: str, kinds: Mapping[str, Kind]) -> str:
    """The page of one kind of broker."""
    plain = ", ".join(f"`{code}:CLUSTER`" for code in plaintext_consents(name))
    head = f"""\
{_head(f"Inside {APPLICATIONS[name].kind.title}")}
A consent is `CODE:NAME` in `allow`. One that ends with `@N` agrees to losing up to N messages. A password
goes over a public address in plain text only with {plain}.
{_names(name)}"""
    sections = [_section(module, kind) for module, kind in kinds.items()]
    return "\n".join([head, *sections, _asked_before(name)])


def _names(name: str) -> str:
    """How the name in a consent says where a thing is."""
    scopes = {pair for shelf in broker(name).shelves.values() for pair in shelf.scope.items()}
    return "".join(
        f"\nWhat has the option `{option}` is named `{option.upper()}/NAME` there"
        + (f", or `NAME` alone where that is `{usual}` and the name has no slash" if usual else "")
        + ". A slash in the first part is written `%2F`.\n"
        for option, usual in sorted(scopes)
    )


def _asked_before(name: str) -> str:
    """What a look at the brokers refuses before anything is written, as the code says it."""
    # a bucket is a stream, and asked for by the same code
    readers = [
        Reader(frozenset({"Finding"}), _KNOWN_LATER | {"self.rows.singular": singular})
        for singular in ("stream", "bucket")
    ]
    found = [
        said
        for path in sorted((UTILS / "_brokers" / name).rglob("*.py"))
        for reader in readers
        for said in reader.file(path)
    ]
    asked = _table_of_asked(found)
    return f"## Asked of the brokers before anything is written\n\n{asked}" if asked else ""


def _table_of_asked(found: Iterable[Said]) -> str:
    lines = {
        (f"`{code}`", " Or: ".join(map(sentence, texts)), " Or: ".join(map(sentence, ways)))
        for said in found
        for _where, codes, texts, ways in [(*said.arguments, *[()] * 4)[:4]]
        for code in codes
        if CODE.fullmatch(code)
    }
    return table(("Reason", "Why not", "Way out"), sorted(lines)) if lines else ""


def _section(module: str, kind: Kind) -> str:
    rules = table(("Where", "Risk", "What happens, or why not", "Reason", "Consent"), _rules(kind))
    checks = [*_checks(kind.constraints, "refused"), *_checks(kind.advice, "warning")]
    judged = table(("Reason", "Outcome", "Why"), checks) if checks else ""
    return "\n".join(part for part in (f"## {module}\n", rules, judged) if part)


def _rules(kind: Kind) -> Iterator[Sequence[str]]:
    """A row for each rule; those that say the same of many options share one."""
    shared: dict[Sequence[str], list[str]] = {}
    for where, option, rule in _places(kind):
        shared.setdefault(_said(option, rule), []).append(where)
    for said, places in shared.items():
        yield ", ".join(places), *said


def _places(kind: Kind) -> Iterator[tuple[str, str, Rule]]:
    (items,) = kind.items
    for where, whole in (("new", kind.create), ("state: absent", kind.delete)):
        if whole not in (None, HARMLESS):
            yield where, "", whole
    yield from ((f"`{field.option}`", "", rule) for field in kind.fields for rule in field.rules)
    yield from ((f"new {items.singular}" if kind.fields else "new", "", rule) for rule in items.add)
    yield from (("removed", "", rule) for rule in items.remove)
    for field in items.fields:
        for rule in field.rules:
            yield f"`{field.option}`", field.option, rule
        for key, rules in field.key_rules.items():
            for rule in rules:
                yield f"`{field.option}[{key}]`", "", rule


def _said(option: str, rule: Rule) -> Sequence[str]:
    count = "@N" if rule.counted else ""
    consent = f"`{rule.reason}:NAME{count}`" if rule.risk.needs_consent else ""
    effect, way_out = _of_any(option, rule.effect), _of_any(option, rule.way_out)
    text = sentence(effect) + (f" Way out: {sentence(way_out)}" if way_out else "")
    return str(rule.risk), text, f"`{rule.reason}`", consent


def _of_any(option: str, text: str) -> str:
    """What is said of one option, said of any: the brokers write its name with a dash."""
    for name in filter(None, (option, option.replace("_", "-"))):
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "it", text)
    return text


def _checks(checks: Sequence[Check], outcome: str) -> Iterator[Sequence[str]]:
    for check in checks:
        risk = outcome if check.risk is Risk.IMPOSSIBLE else f"{check.risk}, takes a consent"
        yield f"`{check.reason}`", risk, sentence(check.effect)
