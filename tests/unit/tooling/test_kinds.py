# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The pages in docs/kinds/ are what the tables say now, and whoever looks for a reason code finds it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.consent import consent_problems
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.fields import Check, Field, Kind
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.risk import Edit, Risk, Rule
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.types import COUNT, SWITCH, Type
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.kafka import (
    topic_config,
)
from tooling import inside, kinds
from tooling.edits import conditions, field_samples
from tooling.said import Reader

PAGES = kinds.pages()
ANCHOR = re.compile(r'<a id="([^"]+)"></a>')
# Where a call that makes a rule, a check or a refusal has its reason code.
PLACE_OF_CODE = {"Rule": 0, "Check": 0, "Finding": 1, "Refusal": 1}


def anchors(page: str) -> list[str]:
    return ANCHOR.findall(PAGES[page])


def codes_in(path: Path) -> Iterator[str]:
    """The codes that stand in a file as a pattern: of an f-string that holds something, anything there."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        place = PLACE_OF_CODE.get(getattr(node.func, "id", getattr(node.func, "attr", "")))
        for code in [] if place is None else node.args[place : place + 1]:
            parts = code.values if isinstance(code, ast.JoinedStr) else [code]
            if isinstance(code, ast.Constant | ast.JoinedStr):
                yield "".join(
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in parts
                )


# ---- the pages


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_page_is_what_the_tables_say_now(page: str) -> None:
    assert (kinds.PAGES / page).read_text() == PAGES[page], "run `make docs` and commit docs/kinds/"


def test_every_kind_has_a_page_and_no_other_is_left() -> None:
    assert {path.name for path in kinds.PAGES.iterdir()} == {f"{name}.md" for name in kinds.KINDS}


@pytest.mark.parametrize("name", sorted(kinds.KINDS))
def test_every_row_of_a_table_is_on_the_page_of_its_kind(name: str) -> None:
    kind = kinds.KINDS[name]
    judged: list[Rule | Check] = [*kind.rules(), *kind.constraints, *kind.advice, *kind.beside]
    assert {row.reason for row in judged} <= set(anchors(f"{name}.md"))


def test_every_reason_code_in_the_code_is_on_a_page() -> None:
    known = {anchor for page in PAGES for anchor in anchors(page)}
    known |= {
        code for page in inside.pages().values() for code in re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)", page)
    }
    found = {code: path for path in kinds.UTILS.rglob("*.py") for code in codes_in(path)}
    assert len(found) > 100
    missing = {
        code: path for code, path in found.items() if not any(re.fullmatch(code, one) for one in known)
    }
    assert missing == {}


def test_the_reason_codes_of_the_engine_and_the_platform_are_on_every_page() -> None:
    general = {
        "plan.unexpected",
        "cozystack.field.unknown",
        "cozystack.value.unknown",
        "cozystack.quota.exceeded",
    }
    general |= {"cozystack.right.missing", "cozystack.defaults.frozen", "cluster.setting.change"}
    for name, kind in kinds.KINDS.items():
        own = {f"{name}.cluster.missing", f"{name}.cluster.deleting", f"{name}.external.expired"}
        own |= {f"{name}.{items.singular}.incomplete" for items in kind.items}
        own |= {f"{name}.{items.singular}.name.collides" for items in kind.items}
        assert general | own <= set(anchors(f"{name}.md"))


@pytest.mark.parametrize("name", sorted(kinds.KINDS))
def test_no_page_has_a_code_of_another_kind(name: str) -> None:
    others = tuple(f"{other}." for other in kinds.KINDS if other != name)
    assert [code for code in anchors(f"{name}.md") if code.startswith(others)] == []


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_code_has_one_place_on_a_page_and_every_link_leads_to_one(page: str) -> None:
    places = anchors(page)
    assert sorted(set(places)) == sorted(places)
    headings = {
        f"#{text.lower().replace(' ', '-')}" for text in re.findall(r"^## (.+)$", PAGES[page], re.MULTILINE)
    }
    links = set(re.findall(r"\]\((#[^)]+)\)", PAGES[page]))
    assert links <= headings | {f"#{place}" for place in places}


@pytest.mark.parametrize("name", sorted(kinds.KINDS))
def test_the_consents_of_a_page_are_those_that_the_modules_take(name: str) -> None:
    kind = kinds.KINDS[name]
    said = set(re.findall(r"`allow: \[([a-z0-9_.]+:[A-Z]+)\]`", PAGES[f"{name}.md"]))
    of_the_modules = {consent for consent in said if not consent.startswith("cozystack.probe.")}
    assert consent_problems(kind, of_the_modules) == []
    assert {consent.partition(":")[0] for consent in of_the_modules} == kind.consents()


@pytest.mark.parametrize("name", sorted(kinds.KINDS))
def test_every_option_is_on_the_page(name: str) -> None:
    kind = kinds.KINDS[name]
    wanted = {field.option for field in kind.fields} | {f"{items.option}[]" for items in kind.items}
    wanted |= {f"{items.option}[].{field.option}" for items in kind.items for field in items.fields}
    assert wanted <= set(re.findall(r"^##+ (\S+)$", PAGES[f"{name}.md"], re.MULTILINE))


def test_every_key_of_a_topic_is_on_the_page_with_its_range_and_its_units() -> None:
    page = PAGES["kafka.md"]
    assert [key.name for key in topic_config.TABLE if f"\n| `{key.name}` | " not in page] == []
    assert (
        "| `segment.bytes` | a whole number of bytes, or `10GiB`, `512MB`; from 14 | `1073741824` |" in page
    )


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_table_has_as_many_cells_in_each_line(page: str) -> None:
    for block in re.findall(r"(?:^\|.*\n)+", PAGES[page], re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1, block


# ---- when a rule judges, in words


def rule(code: str, when: Callable[[Edit], bool] | None = None) -> Rule:
    return Rule(code, Risk.SAFE, "", when) if when else Rule(code, Risk.SAFE, "")


def when(type_: Type, default: Any, *rules: Rule) -> list[str]:
    """The words for the rules of a field, in a kind that can be reached from outside."""
    field = Field("asked", ("asked",), type_, default, rules=rules)
    other = Field("external", ("external",), SWITCH, default=False)
    kind = Kind("toy", "Toy", (field, other), (), rule("create"), rule("delete"))
    return conditions(kind, "asked", rules, field_samples(field))


def test_a_direction_is_said_in_a_word() -> None:
    assert when(COUNT, 3, rule("less", lambda edit: edit.after < edit.before), rule("more")) == [
        "smaller",
        "larger",
    ]


def test_a_rule_without_a_condition_judges_any_change() -> None:
    assert when(COUNT, 3, rule("all")) == ["any change"]


def test_what_else_has_to_be_so_is_said() -> None:
    exposed = rule("exposed", lambda edit: edit.after and edit.state.values["external"])
    assert when(SWITCH, False, exposed, rule("rest")) == [
        "on, with external",
        "on, without external; off",
    ]


def test_a_limit_is_shown_by_an_example() -> None:
    below = rule("below", lambda edit: edit.after < 2 <= edit.before)
    assert when(COUNT, 3, below, rule("rest")) == ["2 → 1", "larger; 4 → 3"]


def test_nothing_is_said_of_a_rule_that_no_example_shows() -> None:
    never = rule("never", lambda edit: bool(edit.state.items))
    assert when(COUNT, 3, never, rule("rest")) == ["", "any other change"]


# ---- what the code says


def read(tmp_path: Path, code: str) -> list[tuple[tuple[str, ...], ...]]:
    path = tmp_path / "said.py"
    path.write_text(code)
    return [said.arguments for said in Reader(frozenset({"Trouble"}), {"kind.name": "toy"}).file(path)]


def test_both_ways_in_which_a_text_can_come_out_are_read(tmp_path: Path) -> None:
    code = "def find(x):\n    yield Trouble('a' if x else 'b', f'{kind.name}.c')\n"
    assert read(tmp_path, code) == [(("a", "b"), ("toy.c",))]


def test_what_is_known_only_at_run_time_is_left_open(tmp_path: Path) -> None:
    code = "def find(x):\n    yield Trouble(f'{x} of {x.name} and {len(x)}')\n"
    assert read(tmp_path, code) == [(("X of NAME and …",),)]


def test_a_text_is_followed_to_where_it_is_made(tmp_path: Path) -> None:
    code = """
KEY = "min.insync.replicas"
def _path(name, key):
    return f"topics[{name}].config[{key}]"
def find(topic):
    way_out = "declare 2"
    yield Trouble(_path(topic.name, KEY), way_out)
"""
    assert read(tmp_path, code) == [(("topics[NAME].config[min.insync.replicas]",), ("declare 2",))]
