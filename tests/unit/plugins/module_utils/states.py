# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Random clusters and random declarations, made from the tables, for property tests. A row that is added to
a table is in them at once: what its type is not known for here gets values of its shape.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from hypothesis import strategies as st

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.consent import Refusal, refusals
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.fields import Field, Items, Kind
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.options import (
    dig,
    plant,
    read_options,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Plan, make_plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import Actual, ClusterRef
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.types import QUANTITY, Type
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.kafka import (
    topic_config,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.names import PASSWORD
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.nats import accounts
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.nats.config import (
    MERGE,
    RESOLVER,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.presets import (
    LEGACY,
    MEMORY,
    PRESET,
    PRESETS,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.rabbitmq.table import (
    VERSION,
)
from tests.unit.plugins.module_utils.tables import KINDS, Options

Values = st.SearchStrategy[Any]
Pair = tuple[str, Options, Options]
"""A kind, the options with which a cluster was created, and what is declared now."""

PASSWORDS = ("Abcdefghijkl1234", "Zyxwvutsrqpo9876", "Mnopqrstuvwx5555")
HASH = "$2a$04$tOik5BhjCV1iItJ5jxMN6.eQ6i0b5ebV1f6uODChRpz7XnPukx5eW"
NKEY = "UDO4FYVNZLGDGDFVTEQAKNI3VMDBEWAPY5JF7E5T6PWIYMXULWIGFH5C"
_NAMES = ("a", "orders", "orders.v2", "b-c", "APP", "$SYS")
_AMOUNTS = ("1Gi", "1024Mi", "2Gi", "3Gi", "64Mi")
_SWITCH = st.booleans()
_SUBJECTS = st.sampled_from(["orders.>", "orders.*.new", "audit", "_INBOX.>"])


def _rows(*shapes: st.SearchStrategy[Options], by: tuple[str, ...]) -> Values:
    """Lists of rows, no two of one name; some are to be absent."""

    def distinct(row: Options) -> tuple[Any, ...]:
        return tuple(row.get(key) for key in by)

    return st.lists(st.one_of(*shapes), unique_by=distinct, max_size=3)


def _row(required: Mapping[str, Values], **optional: Values) -> st.SearchStrategy[Options]:
    more = {"state": st.sampled_from(["present", "absent"])} | optional
    return st.fixed_dictionaries(dict(required), optional=more)


_LISTS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(["allow", "deny"], st.lists(_SUBJECTS, unique=True, max_size=2))
)
_PERMISSIONS = st.fixed_dictionaries(
    {}, optional={"publish": _LISTS, "subscribe": _LISTS, "allow_responses": st.booleans()}
)
_SHARE_TYPES = st.sampled_from(["stream", "service"])
_ACCOUNT_NAMES = st.sampled_from(["a", "APP", "$SYS"])


def _tree(**settings: Values) -> Values:
    """A free mapping; a setting that is None goes."""
    kept = {key: st.none() | values for key, values in settings.items()}
    return st.fixed_dictionaries({}, optional=kept)


def _of_key(key: topic_config.Key) -> Values:
    """Values of one key of a topic's configuration, in more than one spelling."""
    if key.words:
        return st.sampled_from([*key.words, *([",".join(key.words)] if key.type == "words" else [])])
    if key.type == "boolean":
        return st.sampled_from([True, False, "true", "FALSE"])
    if key.type == "replicas":
        return st.sampled_from(["*", "0:1", "0:1,1:2"])
    if key.type == "version":
        return st.just("3.0-IV1")
    numbers: list[Any] = [-1, 0, 1, 2, 5, "3", 2**40, 0.25]
    units = ["7d", "12h"] if key.name.endswith(".ms") else ["10MiB", "1GB"]
    return st.sampled_from([*numbers, *(units if key.name.endswith((".ms", ".bytes")) else [])])


_WITH_RULES = ("retention.ms", "retention.bytes", "cleanup.policy", "min.insync.replicas", "segment.ms")


def _one_key(key: topic_config.Key) -> st.SearchStrategy[Options]:
    good = _of_key(key).filter(lambda value: topic_config.TOPIC_CONFIG.problem({key.name: value}) is None)
    return (st.none() | good).map(lambda value: {key.name: value})


def _limits() -> st.SearchStrategy[Options]:
    return st.fixed_dictionaries(
        {},
        optional={
            "retention.ms": st.sampled_from([-1, 1000, "1s", "7d", 10**9]),
            "retention.bytes": st.sampled_from([-1, 2**20, "1MiB", "1GiB"]),
            "cleanup.policy": st.sampled_from(["delete", "compact", "compact,delete", ["compact"]]),
            "min.insync.replicas": st.integers(1, 3),
            "unclean.leader.election.enable": st.booleans(),
        },
    )


_TOPIC_CONFIG = st.sampled_from(topic_config.TABLE).flatmap(_one_key) | st.dictionaries(
    st.sampled_from(_WITH_RULES), st.none(), max_size=1
).flatmap(lambda gone: _limits().map(lambda limits: limits | gone))


_BY_TYPE: tuple[tuple[Type, Values], ...] = (
    (PRESET, st.sampled_from([*PRESETS[:6], "s1.nano", *LEGACY])),
    (VERSION, st.sampled_from(["v3.13", "v4.0", "v4.1", "v4.2"])),
    (PASSWORD, st.sampled_from(PASSWORDS)),
    (QUANTITY, st.sampled_from(_AMOUNTS)),
    (MEMORY, st.sampled_from(_AMOUNTS)),
    (topic_config.TOPIC_CONFIG, _TOPIC_CONFIG),
    (
        accounts.JETSTREAM,
        st.fixed_dictionaries(
            {},
            optional={
                "enabled": st.booleans(),
                "max_file": st.sampled_from(["1GiB", "1073741824", "2G"]),
                "max_streams": st.integers(-1, 3),
                "max_bytes_required": st.booleans(),
            },
        ),
    ),
    (
        accounts.USERS,
        _rows(
            _row(
                {"name": st.sampled_from(["app", "ops", "x"])},
                password=st.sampled_from([*PASSWORDS, HASH]),
                permissions=_PERMISSIONS,
            ),
            _row({"nkey": st.just(NKEY)}, name=st.just("app"), permissions=_PERMISSIONS),
            by=("name", "nkey"),
        ),
    ),
    (
        accounts.EXPORTS,
        _rows(
            _row(
                {"type": _SHARE_TYPES, "subject": _SUBJECTS},
                accounts=st.lists(_ACCOUNT_NAMES, unique=True, max_size=2),
            ),
            by=("type", "subject"),
        ),
    ),
    (
        accounts.IMPORTS,
        _rows(
            _row({"type": _SHARE_TYPES, "subject": _SUBJECTS, "account": _ACCOUNT_NAMES}, to=st.just("in.x")),
            by=("type", "subject", "account"),
        ),
    ),
    (
        MERGE,
        _tree(
            max_payload=st.sampled_from(["8MB", 8388608, "2M"]),
            ping_interval=st.sampled_from(["30s", 30, "0.5m"]),
            debug=st.booleans(),
            no_auth_user=st.sampled_from(["app", "ops"]),
            allow_non_tls=st.booleans(),
            jetstream=_tree(max_memory_store=st.sampled_from(["1GB", 2**30])),
            authorization=_tree(timeout=st.integers(1, 3)),
        ),
    ),
    (
        RESOLVER,
        _tree(
            enabled=st.booleans(),
            merge=_tree(type=st.sampled_from(["full", "cache"]), allow_delete=st.booleans()),
        ),
    ),
)
_BY_ARGUMENT: Mapping[str, Values] = {
    "int": st.integers(1, 5),
    "bool": st.booleans(),
    "str": st.sampled_from(["a", "APP", "local", "replicated", *_AMOUNTS]),
    "names": st.lists(st.sampled_from(_NAMES[:4]), unique=True, max_size=3),
    "mapping": st.dictionaries(
        st.sampled_from(["one", "two"]), st.none() | st.integers(-1, 3) | st.booleans(), max_size=2
    ),
    "tree": st.dictionaries(st.sampled_from(["one", "two"]), st.integers(0, 3), max_size=2),
    "rows": st.just([]),
}


def value_of(type_: Type) -> Values:
    """Faultless values of a type, as people write them."""
    known = next((values for one, values in _BY_TYPE if one is type_), _BY_ARGUMENT[type_.argument])
    return known.filter(lambda value: type_.problem(value) is None)


_VALUES: dict[int, Values] = {}


def _value(field: Field) -> Values:
    return _VALUES.setdefault(id(field), value_of(field.type))


@st.composite
def _things(draw: st.DrawFn, rows: Items, absence: bool) -> list[Options]:
    things: list[Options] = []
    possible = [name for name in _NAMES if rows.name_problem(name) is None]
    for name in draw(st.lists(st.sampled_from(possible), unique=True, max_size=4)):
        if absence and draw(st.integers(0, 2)) == 0:
            things.append({"name": name, "state": "absent"})
            continue
        thing: Options = {"name": name}
        for field in rows.fields:
            if field.required_on_add or draw(st.booleans()):
                thing[field.option] = draw(_value(field))
        things.append(thing)
    return things


@st.composite
def declarations(draw: st.DrawFn, kind: Kind, *, absence: bool) -> Options:
    """Options that declare a part of a cluster; with `absence` also things that are not to be there, lists
    that are purged and fields that are reset."""
    options: Options = {}
    left: list[str] = []
    for field in kind.fields:
        if draw(st.booleans()):
            plant(options, field.option.split("."), draw(_value(field)))
        else:
            left.append(field.option)
    for rows in kind.items:
        if draw(st.booleans()):
            options[rows.option] = draw(_things(rows, absence))
    if absence:
        declared = [rows.option for rows in kind.items if rows.option in options]
        # half of all declarations do neither
        for option, names in (("purge", declared), ("reset", left)):
            meant = draw(_SWITCH)
            if names and meant:
                options[option] = draw(st.lists(st.sampled_from(names), unique=True, max_size=3))
    return options


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """Two declarations that need not have to do with each other."""
    name = draw(st.sampled_from(sorted(KINDS)))
    kind = KINDS[name]
    return name, draw(declarations(kind, absence=False)), draw(declarations(kind, absence=True))


# ---- what a refusal gives to paste


def pasted(kind: Kind, options: Options, correction: Mapping[str, Any]) -> Options:
    """The options with a correction put into them as a person does: rows by name, mappings key by key, and
    what is declared now is no longer reset."""
    merged = copy.deepcopy(options)
    for option, value in correction.items():
        rows = next((rows for rows in kind.items if rows.option == option), None)
        if option == "allow":
            merged["allow"] = [*merged.get("allow", ()), *value]
        elif rows is not None:
            merged[option] = _pasted_rows(rows, merged.get(option) or [], value)
        else:
            merged[option] = _over(merged.get(option), value)
    declared = {field.option for field in kind.fields if dig(merged, field.option.split(".")) is not None}
    if "reset" in merged:
        merged["reset"] = [name for name in merged["reset"] if name not in declared]
    return merged


def _over(below: Any, above: Any) -> Any:
    if isinstance(below, list) and isinstance(above, list) and above and isinstance(above[0], dict):
        # rows of rows, which are told apart by what is no list in them
        told = [{key: one for key, one in row.items() if not isinstance(one, list)} for row in above]
        return [row for row in below if not any(one.items() <= row.items() for one in told)] + above
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return below | {key: _over(below.get(key), value) for key, value in above.items()}


def _pasted_rows(rows: Items, there: list[Options], given: list[Options]) -> list[Options]:
    by_name = {row["name"]: row for row in there}
    for row in given:
        stands = by_name.get(row["name"], {})
        if row.get("state", "present") == "present":
            stands = {key: value for key, value in stands.items() if key != "state"}
        by_name[row["name"]] = _over(stands, row)
    return list(by_name.values())


def corrections(plan: Plan, allow: list[str]) -> Iterator[tuple[Refusal, Mapping[str, Any]]]:
    """The refusals that give something to paste, as it reads once it went through YAML."""
    for refusal in refusals(plan, allow):
        text = refusal.public()["correction"]
        if text:
            yield refusal, yaml.safe_load(text)


def accepted(kind: Kind, ref: ClusterRef, actual: Actual | None, options: Options) -> Options | None:
    """What is left of a declaration for somebody who follows all that refusals say: pastes what they give,
    and leaves out what they only refuse. None where that leads nowhere."""
    for patience in range(14):
        wanted, problems = read_options(kind, options, present=True)
        against = [] if problems else refusals(make_plan(kind, ref, wanted, actual), options.get("allow", ()))
        if not problems and not against:
            return options
        for problem in problems:
            options = without(kind, options, problem.path)
        for refusal in against:
            text = refusal.public()["correction"]
            if text and patience < 9:
                options = pasted(kind, options, yaml.safe_load(text))
            else:
                # what two things cannot have together may be declared of the other one
                path = refusal.path if patience < 10 else refusal.path.partition("[")[0]
                options = without(kind, options, path)
    return None


def without(kind: Kind, options: Options, path: str) -> Options:
    """The options without what stands at the path of a refusal, for what can only be left out."""
    left = copy.deepcopy(options)
    option, _bracket, rest = path.partition("[")
    if not rest:
        *parents, last = option.split(".")
        here = dig(left, parents) if parents else left
        if isinstance(here, dict):
            here.pop(last, None)
        left["reset"] = [name for name in left.get("reset", ()) if name != option]
        left["purge"] = [name for name in left.get("purge", ()) if name != option]
        return left
    name = rest.partition("]")[0]
    left[option] = [row for row in left.get(option) or () if row["name"] != name]
    left["purge"] = [one for one in left.get("purge", ()) if one != option]
    return left
