# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Free settings of nats-server: sizes as its own parser reads them, what is refused, what stays untouched."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import (
    Secret,
    without_secrets,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.nats.config import (
    MERGE,
    RESOLVER,
)

HASH = "$2a$11$BYuw6BO/yg9ZY4QGBAVnV.Jn3UNP89c54U0f3VhcKzJiHgjgyw5we"
SEED = "SU" + "A" * 56


def test_sizes_become_numbers_where_the_server_wants_numbers_and_only_there() -> None:
    given_tree = {
        "max_payload": "8MB",
        "max_pending": "<< 64MB >>",
        "server_tags": ["8MB"],
        "jetstream": {"max_memory_store": "1GiB", "domain": "8k"},
        "write_deadline": 10,
    }
    assert MERGE.problem(given_tree) is None
    assert MERGE.normal(given_tree) == {
        "max_payload": 8388608,
        "max_pending": 67108864,
        "server_tags": ["8MB"],
        "jetstream": {"max_memory_store": 1024**3, "domain": "8k"},
        "write_deadline": "10s",
    }


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"accounts": {}}, "accounts: declare them in the option accounts"),
        ({"Accounts": {}}, "Accounts: declare them in the option accounts"),
        ({"system_account": "SYS"}, "the option system_account"),
        ({"system": "SYS"}, "the option system_account"),
        ({"tls": {"verify": True}}, "the option tls.enabled"),
        ({"resolver": "MEMORY"}, "the option config.resolver"),
        ({"cluster": {"routes": []}}, "cluster.routes: they follow the option replicas"),
        ({"jetstream": {"max_file_store": "1Gi"}}, "the option jetstream.size"),
        ({"jetstream": {"enabled": False}}, "the option jetstream.enabled"),
        ({"jetstream": False}, "jetstream: give the settings in it as a dictionary"),
        ({"http_port": 8222}, "the platform sets this itself"),
        ({"server_name": "x"}, "the platform sets this itself"),
        ({"max_paylod": 1}, "did you mean max_payload?"),
        ({"max_payload": "much"}, "'much' is no number"),
        ({"ping_interval": "often"}, "'often' is no duration"),
        ({"$tplYaml": "x"}, "as an instruction"),
        ({"zzz$include": "x.conf"}, "as an instruction"),
        ({"authorization": {"users": []}}, "the option accounts"),
    ],
)
def test_what_others_hold_and_what_stops_the_server_is_refused_with_the_way(tree: Any, said: str) -> None:
    assert said in str(MERGE.problem(tree))


@pytest.mark.parametrize(
    "tree",
    [
        {"cluster": {"compression": "s2_fast", "pool_size": 5}, "jetstream": {"sync_interval": "always"}},
        {"max_payload": None, "debug": True, "feature_of_a_later_server": {"x": 1}},
        {"leafnodes": {"remotes": [{"url": "tls://hub.example:7422"}]}},
    ],
)
def test_what_a_server_takes_is_taken(tree: Any) -> None:
    assert MERGE.problem(tree) is None


SECRETS: dict[str, tuple[Any, str]] = {
    "token": ({"authorization": {"token": "hunter2hunter2"}}, "hunter2hunter2"),
    "url": ({"leafnodes": {"remotes": [{"url": "tls://me:hunter2@hub:7422"}]}}, "hunter2"),
    "urls": ({"gateway": {"gateways": [{"urls": ["nats://me:hunter2@hub:7522"]}]}}, "hunter2"),
    "mqtt": ({"mqtt": {"authorization": {"password": "hunter2"}}}, "hunter2"),
    "encryption": ({"jetstream": {"key": "hunter2hunter2"}}, "hunter2"),
    "old encryption": ({"jetstream": {"prev_encryption_key": "hunter2"}}, "hunter2"),
    "seed": ({"leafnodes": {"remotes": [{"nkey": SEED}]}}, SEED),
    "anywhere": ({"no_auth_user": SEED}, SEED),
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_refused_unsaid_and_a_live_one_is_wrapped(name: str) -> None:
    tree, text = SECRETS[name]
    problem = str(MERGE.problem(tree))
    assert text not in problem
    assert "clear text" in problem or "accounts" in problem
    assert any(text in one for one in MERGE.secrets(tree))
    live = MERGE.load(tree)
    assert text not in repr(live)
    assert text not in repr(without_secrets(MERGE.public(live)))


@pytest.mark.parametrize("name", SECRETS)
def test_what_is_shown_of_a_cluster_with_a_secret_adopts_it_and_touches_nothing(name: str) -> None:
    tree, _text = SECRETS[name]
    stored = tree | {"max_payload": 1024, "accounts": {"A": {"users": [{"user": "a", "password": HASH}]}}}
    live = MERGE.load(stored)
    shown = without_secrets(MERGE.public(live))
    assert "accounts" not in shown
    assert MERGE.problem(shown) is None
    wanted = MERGE.normal(shown)
    assert MERGE.fulfilled(wanted, live)
    changed = MERGE.over(live, {"max_payload": 2048})
    assert MERGE.store(changed, stored) == stored | {"max_payload": 2048}


def test_merging_goes_deep_takes_away_what_is_null_and_leaves_the_spelling_of_others() -> None:
    stored = {
        "max_pending": "<< 64MB >>",
        "write_deadline": "60s",
        "websocket": {"port": 8080, "no_tls": True},
    }
    live = MERGE.load(stored)
    wanted = MERGE.normal({"write_deadline": "1m", "websocket": {"no_tls": None, "compression": True}})
    assert not MERGE.fulfilled(wanted, live)
    after = MERGE.over(live, wanted)
    assert MERGE.store(after, stored) == {
        "max_pending": "<< 64MB >>",
        "write_deadline": "60s",
        "websocket": {"port": 8080, "compression": True},
    }
    assert MERGE.fulfilled(wanted, MERGE.load(MERGE.store(after, stored)))


def test_the_quoted_size_that_stops_a_server_is_no_equal_of_the_number() -> None:
    wanted = MERGE.normal({"max_payload": "8MB"})
    assert not MERGE.fulfilled(wanted, MERGE.load({"max_payload": "8MB"}))
    assert MERGE.fulfilled(wanted, MERGE.load({"max_payload": "<< 8MB >>"}))
    # here it is no type error, but means something else than without quotes (getStorageSize)
    assert MERGE.load({"jetstream": {"max_memory_store": "1G"}}) == {
        "jetstream": {"max_memory_store": 1024**3}
    }


_LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-1, 9), st.sampled_from(["8MB", "10s", "x"]))
_TREES = st.dictionaries(
    st.sampled_from(["max_payload", "debug", "websocket", "leafnodes", "write_deadline"]),
    st.one_of(_LEAVES, st.dictionaries(st.sampled_from(["port", "no_tls"]), _LEAVES, max_size=2)),
    max_size=4,
)


@given(_TREES, _TREES)
def test_what_was_stored_is_fulfilled_and_what_nobody_declared_is_as_before(
    stored: Any, declared: Any
) -> None:
    wanted, live = MERGE.normal(declared), MERGE.load(stored)
    written = MERGE.store(MERGE.over(live, wanted), stored)
    again = MERGE.load(written)
    assert MERGE.fulfilled(wanted, again)
    assert {k: v for k, v in written.items() if k not in declared} == {
        k: v for k, v in stored.items() if k not in declared
    }


def test_a_resolver_has_the_charts_keys() -> None:
    assert "did you mean merge?" in str(RESOLVER.problem({"merg": {}}))
    tree = {
        "enabled": True,
        "pvc": {"size": "1Gi"},
        "merge": {"type": "full", "limit": "1k", "interval": "2m"},
    }
    assert RESOLVER.problem(tree) is None
    assert RESOLVER.normal(tree)["merge"]["limit"] == 1000
    assert RESOLVER.normal(tree)["pvc"] == {"size": "1Gi"}


def test_a_wrapped_value_prints_as_nothing() -> None:
    assert repr(MERGE.load({"authorization": {"token": "hunter2"}})["authorization"]["token"]) == Secret.MASK
