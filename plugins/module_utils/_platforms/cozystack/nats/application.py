# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Managed NATS: the upstream chart as an inner Helm release."""

from __future__ import annotations

from ..application import Application, Component, one_address
from .table import NATS

APPLICATION = Application(
    kind=NATS,
    resource="natses",
    api_kind="NATS",
    prefix="nats-",
    components=(
        Component(
            replicas="replicas",
            preset="resources_preset",
            monitor="{release}",
            pods={"app.kubernetes.io/component": "nats"},
            size="jetstream.size",
            storage_class="storage_class",
            volume_if="jetstream.enabled",
            # the monitor's selector also matches the nats-box pod
            extra_pods=1,
        ),
    ),
    load_balancers=one_address,
    # nats-box
    helpers=1,
)
