# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The three charts: pure functions from values to the objects of a release."""

from __future__ import annotations

from tests.lab.standin.charts import kafka, nats, rabbitmq
from tests.lab.standin.charts.common import Chart

CHARTS: dict[str, Chart] = {"kafka": kafka.render, "rabbitmq": rabbitmq.render, "nats": nats.render}
