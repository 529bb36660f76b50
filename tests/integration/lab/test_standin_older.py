# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The profile ``older``: platforms before Cozystack v1.5, where Ready means no more than "applied"."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.integration.lab.applications import Application
from tests.lab import labs
from tests.lab.labs import Lab, LabOptions

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def older() -> Iterator[Lab]:
    started = labs.start(LabOptions(profile="older", owner_pid=os.getpid()))
    yield started
    started.down()


def test_ready_does_not_wait_for_what_can_never_be(older: Lab) -> None:
    tenant = older.tenant("played", brokers=False)
    topic = {"name": "orders", "partitions": 6, "replicas": 3, "config": {}}
    app = Application(older, tenant, "kafka").create(topics=[topic]).until_running(3)
    app.until("topic", lambda: app.resource("KafkaTopic", "kafka-one-orders") == "Ready")
    app.patch(topics=[{**topic, "partitions": 3}])
    app.until_ready(2)
    app.until("refusal", lambda: app.resource("KafkaTopic", "kafka-one-orders") == "NotSupported")
    assert app.condition()["status"] == "True"


def test_new_preset_names_fail_the_schema_of_an_older_chart(older: Lab) -> None:
    tenant = older.tenant("presets", brokers=False)
    app = Application(older, tenant, "nats").create(replicas=2, resourcesPreset="s1.small")
    assert "at '/resourcesPreset': value must be one of 'nano'" in app.until_failed("InstallFailed")
    app.patch(resourcesPreset="small")
    app.until_running(2)
