# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Managed RabbitMQ: the cluster and topology operators below a Helm release."""

from __future__ import annotations

from ..application import Application, Component, one_address
from .table import RABBITMQ

APPLICATION = Application(
    kind=RABBITMQ,
    resource="rabbitmqs",
    api_kind="RabbitMQ",
    prefix="rabbitmq-",
    components=(
        Component(
            replicas="replicas",
            preset="resources_preset",
            monitor="{release}",
            pods={"app.kubernetes.io/component": "rabbitmq"},
            size="size",
            storage_class="storage_class",
        ),
    ),
    load_balancers=one_address,
)
