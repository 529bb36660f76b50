# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A topic's configuration: which spellings mean the same, what is refused, and the right key for a slip.

That the table is Kafka's own is proven against a real broker, in tests/integration/lab.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.kafka.topic_config import (  # noqa: E501
    KEYS,
    TABLE,
    TOPIC_CONFIG,
    in_effect,
    minimum_in_sync,
    suggestion,
)

DAY = 86400000


def read(key: str, value: Any) -> Any:
    """What a declared value becomes."""
    assert TOPIC_CONFIG.problem({key: value}) is None
    return TOPIC_CONFIG.normal({key: value})[key]


@pytest.mark.parametrize(
    ("key", "value", "number"),
    [
        ("retention.ms", "7d", 7 * DAY),
        ("retention.ms", "12h", DAY // 2),
        ("retention.ms", "30m", 1800000),
        ("retention.ms", "10s", 10000),
        ("retention.ms", "500ms", 500),
        ("retention.ms", "2w", 14 * DAY),
        ("retention.ms", "1.5d", 36 * 3600000),
        ("retention.ms", "7 d", 7 * DAY),
        ("retention.ms", " 604800000 ", 7 * DAY),
        ("retention.ms", 604800000.0, 7 * DAY),
        ("retention.ms", -1, -1),
        ("retention.ms", "-1", -1),
        ("retention.ms", 0, 0),
        ("segment.ms", "1h", 3600000),
        ("retention.bytes", "10GiB", 10 * 2**30),
        ("retention.bytes", "512MiB", 512 * 2**20),
        ("retention.bytes", "10GB", 10**10),
        ("retention.bytes", "1Gi", 2**30),
        ("retention.bytes", "1G", 10**9),
        ("retention.bytes", "1.5Ki", 1536),
        ("retention.bytes", "100kB", 100000),
        ("retention.bytes", "5B", 5),
        ("retention.bytes", -1, -1),
        ("max.message.bytes", "2MiB", 2**21),
        ("min.cleanable.dirty.ratio", "0.50", 0.5),
        ("min.cleanable.dirty.ratio", 1, 1.0),
        ("compression.gzip.level", "-1", -1),
        ("local.retention.ms", -2, -2),
    ],
)
def test_durations_and_sizes_become_the_numbers_that_a_broker_reads(
    key: str, value: Any, number: int | float
) -> None:
    found = read(key, value)
    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("cleanup.policy", "delete,compact", "compact,delete"),
        ("cleanup.policy", " compact , delete ", "compact,delete"),
        ("cleanup.policy", ["delete", "compact"], "compact,delete"),
        ("cleanup.policy", "delete,delete", "delete"),
        ("compression.type", "zstd", "zstd"),
        ("message.timestamp.type", "LogAppendTime", "LogAppendTime"),
        ("message.format.version", 3.0, "3.0"),
        ("follower.replication.throttled.replicas", ["1:2", "0:1"], "0:1,1:2"),
        ("leader.replication.throttled.replicas", "*", "*"),
        ("leader.replication.throttled.replicas", "", ""),
        # Helm reads numbers as doubles and would make 9223372036854776000 of this one
        ("flush.ms", 2**63 - 1, "9223372036854775807"),
    ],
)
def test_texts_become_the_one_form_of_their_value(key: str, value: Any, text: str) -> None:
    assert read(key, value) == text


@pytest.mark.parametrize("value", [True, "true", "True", " TRUE "])
def test_a_switch_is_true_in_every_spelling_that_a_broker_reads(value: Any) -> None:
    assert read("preallocate", value) is True


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("retention.ms", "soon", "a duration such as 7d, 12h, 30m, 10s or 500ms, not 'soon'"),
        ("retention.ms", "7D", "not '7D'"),
        ("retention.ms", "1M", "not '1M'"),
        ("retention.ms", "-7d", "not '-7d'"),
        ("retention.ms", "10GiB", "not '10GiB'"),
        ("retention.ms", "1.0001s", "not '1.0001s'"),
        ("retention.ms", True, "a duration"),
        ("retention.ms", 1.5, "a whole number"),
        ("retention.ms", -2, "must be between -1 and 9223372036854775807, not -2"),
        ("retention.ms", "300000000000d", "must be between"),
        ("retention.ms", [1], "retention.ms must be a single value, not list"),
        ("retention.ms", {"days": 7}, "must be a single value, not dict"),
        ("retention.bytes", "7d", "a size such as 10GiB or 512MB, not '7d'"),
        ("retention.bytes", "10 gigabytes", "a size such as"),
        ("segment.bytes", "4GiB", "must be between 14 and 2147483647"),
        ("segment.bytes", 13, "must be between 14"),
        ("max.message.bytes", -1, "must be between 0 and 2147483647"),
        ("min.insync.replicas", 0, "must be between 1 and"),
        ("min.insync.replicas", "2d", "must be a whole number, not '2d'"),
        ("compression.gzip.level", 0, "must be between 1 and 9 or -1, not 0"),
        ("compression.type", "none", "one of uncompressed, zstd, lz4, snappy, gzip, producer, not 'none'"),
        ("cleanup.policy", "keep", "must be made of compact and delete, not 'keep'"),
        ("cleanup.policy", "", "must be made of compact and delete, not ''"),
        ("cleanup.policy", [], "must be made of compact and delete"),
        ("cleanup.policy", [1], "a text or a list of texts"),
        ("min.cleanable.dirty.ratio", 1.1, "must be between 0 and 1, not 1.1"),
        ("min.cleanable.dirty.ratio", "NaN", "must be a number, not 'NaN'"),
        ("min.cleanable.dirty.ratio", True, "must be a number"),
        ("preallocate", "yes", "must be true or false, not 'yes'"),
        ("preallocate", 1, "must be true or false, not 1"),
        ("message.format.version", "latest", "a version such as 3.0-IV1, not 'latest'"),
        ("follower.replication.throttled.replicas", "none", "'*' or pairs PARTITION:BROKER"),
        (
            "remote.storage.enable",
            True,
            "can only be false: the brokers refuse anything else, as it needs tiered",
        ),
        ("remote.log.copy.disable", True, "can only be false"),
    ],
)
def test_what_a_broker_would_refuse_is_told_with_what_it_takes(key: str, value: Any, words: str) -> None:
    found = TOPIC_CONFIG.problem({key: value})
    assert found is not None
    assert found.startswith(key)
    assert words in found


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = TOPIC_CONFIG.problem({"retentionMs": 1, "segment.bytes": 1, "preallocate": False})
    assert found is not None
    assert "retentionMs" in found and "segment.bytes" in found and "preallocate" not in found


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        ("retentionMs", "keys are written with dots: did you mean retention.ms?"),
        ("retention_ms", "did you mean retention.ms?"),
        ("Retention.ms", "did you mean retention.ms?"),
        ("retention.ms\n", "did you mean retention.ms?"),
        ("cleanup policy", "did you mean cleanup.policy?"),
        ("cleanup.policies", "did you mean cleanup.policy?"),
        ("min.insync", "did you mean min.insync.replicas?"),
        ("min_insync_replicas", "did you mean min.insync.replicas?"),
        ("minInsyncReplicas", "did you mean min.insync.replicas?"),
        ("min.isr.replicas", "did you mean min.insync.replicas?"),
        ("retention", "did you mean retention.bytes or retention.ms?"),
        ("retention.hours", "did you mean retention.ms?"),
        ("retenton.ms", "did you mean retention.ms?"),
        ("compression", "did you mean compression.gzip.level or compression.lz4.level or compression.type?"),
        ("log.retention.ms", "the brokers' setting of this name is retention.ms for a topic"),
        ("message.max.bytes", "the brokers' setting of this name is max.message.bytes for a topic"),
        ("replicationFactor", "write replicas beside config, not in it"),
        ("replication.factor", "write replicas beside config, not in it"),
        ("num.partitions", "write partitions beside config, not in it"),
        ("colour", "keys are written with dots as Kafka names them, such as retention.ms"),
        ("", "keys are written with dots as Kafka names them"),
    ],
)
def test_a_slip_is_answered_with_the_right_key(slip: str, words: str) -> None:
    assert words in suggestion(slip)
    found = TOPIC_CONFIG.problem({slip: 1})
    assert found == f"{slip!r} is no topic configuration; {suggestion(slip)}"


@pytest.mark.parametrize("key", KEYS)
def test_every_key_written_without_its_dots_is_answered_with_itself(key: str) -> None:
    words = key.split(".")
    camel = words[0] + "".join(word.capitalize() for word in words[1:])
    for slip in {camel, key.replace(".", "_"), key.replace(".", "-"), key.upper()} - {key}:
        assert suggestion(slip).endswith(f"did you mean {key}?")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"retention.ms": "604800000"}, {"retention.ms": 604800000}),
        ({"retention.ms": 604800000.0}, {"retention.ms": 604800000}),
        ({"cleanup.policy": "compact,delete"}, {"cleanup.policy": "delete, compact"}),
        ({"cleanup.policy": ["compact", "delete"]}, {"cleanup.policy": "delete,compact"}),
        ({"preallocate": True}, {"preallocate": "true"}),
        ({"preallocate": "True"}, {"preallocate": "true"}),
        ({"min.cleanable.dirty.ratio": 0.5}, {"min.cleanable.dirty.ratio": ".50"}),
        ({"flush.ms": 2**63 - 1}, {"flush.ms": "9223372036854775807"}),
        ({"some.thing": True}, {"some.thing": "true"}),
    ],
)
def test_two_spellings_of_one_stored_value_are_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert TOPIC_CONFIG.same(one, other)
    assert TOPIC_CONFIG.same(TOPIC_CONFIG.load(one), TOPIC_CONFIG.load(other))


@pytest.mark.parametrize(
    "stored",
    [{"retention.ms": "7d"}, {"retention.ms": "soon"}, {"retention.bytes": "10GiB"}, {"preallocate": "yes"}],
)
def test_a_stored_value_that_no_broker_reads_is_not_what_a_declared_one_means(stored: dict[str, Any]) -> None:
    # some other tool wrote it, the release never got ready: declaring it rightly has to change it
    (key,) = stored
    declared = {"retention.ms": 7 * DAY, "retention.bytes": 10 * 2**30, "preallocate": True}[key]
    assert TOPIC_CONFIG.load(stored) == stored
    assert not TOPIC_CONFIG.same(TOPIC_CONFIG.load(stored), {key: declared})


def test_what_another_tool_stored_never_breaks_reading() -> None:
    odd = {"retention.ms": [1], "cleanup.policy": {"a": 1}, "no.such.key": None, "some.thing": {"a": [1]}}
    loaded = TOPIC_CONFIG.load(odd)
    assert loaded == {key: value for key, value in odd.items() if value is not None}
    assert TOPIC_CONFIG.same(loaded, loaded)


def test_a_removed_key_is_taken_and_stays_a_removal() -> None:
    assert TOPIC_CONFIG.problem({"retention.ms": None}) is None
    assert TOPIC_CONFIG.normal({"retention.ms": None}) == {"retention.ms": None}


@pytest.mark.parametrize("key", [key for key in TABLE if key.default is not None], ids=lambda key: key.name)
def test_what_the_brokers_have_can_be_declared_and_is_the_same(key: Any) -> None:
    declared = read(key.name, key.default)
    assert TOPIC_CONFIG.same({key.name: declared}, {key.name: key.default})


@given(st.sampled_from(TABLE), st.integers(-(2**64), 2**64) | st.text("0123456789-.hdmsGiB ", max_size=6))
def test_what_is_taken_is_taken_again_and_stays_the_same(key: Any, value: Any) -> None:
    if TOPIC_CONFIG.problem({key.name: value}) is None:
        once = TOPIC_CONFIG.normal({key.name: value})
        assert TOPIC_CONFIG.problem(once) is None
        assert TOPIC_CONFIG.normal(once) == once
        assert TOPIC_CONFIG.load(once) == once


@pytest.mark.parametrize(("brokers", "minimum"), [(1, 1), (2, 2), (3, 2), (7, 2)])
def test_the_brokers_own_minimum_follows_their_number(brokers: int, minimum: int) -> None:
    assert minimum_in_sync(brokers) == minimum
    assert in_effect({}, "min.insync.replicas", brokers) == minimum
    assert in_effect({"min.insync.replicas": 3}, "min.insync.replicas", brokers) == 3
