# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""A stream that there are too few servers for: at this moment, or at all."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.contents import Work
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats import streams
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.client import (
    JOINING,
    NO_PEERS,
    JetStreamError,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.stream_table import STREAMS
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import Rejected

WORK = Work(STREAMS, "orders", (), None, {}, {})


class Servers:
    """Servers that answer as given, then take what they are told; each answer takes a second."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: int) -> None:
        self.told, self._answers, self._now = 0, list(answers), 0.0
        monkeypatch.setattr(streams, "time", self)

    def tell(self, _what: str, _body: Any) -> None:
        self.told += 1
        if self._answers:
            raise JetStreamError("no suitable peers for placement", self._answers.pop(0))

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


def perform(servers: Any) -> None:
    streams.Streams(servers, None).perform(WORK)


def test_servers_that_have_just_started_are_given_time_to_be_heard_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    servers = Servers(monkeypatch, NO_PEERS, NO_PEERS)
    perform(servers)
    assert servers.told == 3


def test_too_few_servers_for_longer_are_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = Servers(monkeypatch, *[NO_PEERS] * 100)
    with pytest.raises(Rejected, match="fewer servers than replicas"):
        perform(servers)
    assert JOINING <= servers.told <= JOINING + 2


def test_what_the_servers_refuse_for_another_reason_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    servers = Servers(monkeypatch, 10065)
    with pytest.raises(Rejected, match="change the subjects"):
        perform(servers)
    assert servers.told == 1
