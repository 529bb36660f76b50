# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The pages about what lives inside a broker say what the tables say now."""

from __future__ import annotations

import pytest

from tests.collection_path import ROOT
from tooling import inside

PAGES = inside.pages()
TABLES = inside.tables()


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_page_is_what_the_tables_say_now(page: str) -> None:
    assert (inside.PAGES / page).read_text() == PAGES[page], "run `make docs` and commit docs/inside/"


def test_every_kind_of_broker_has_a_page_and_no_other_is_left() -> None:
    assert {path.name for path in inside.PAGES.iterdir()} == set(PAGES)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_consent_stands_on_the_page_as_it_has_to_be_written(name: str) -> None:
    for kind in TABLES[name].values():
        for code in kind.consents():
            assert f"`{code}:NAME" in PAGES[f"{name}.md"] or "takes a consent" in PAGES[f"{name}.md"]


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_section_is_about_a_module_that_there_is(name: str) -> None:
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
    assert {section.partition(",")[0] for section in TABLES[name]} <= modules
