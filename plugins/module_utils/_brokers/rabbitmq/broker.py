# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RabbitMQ: how to connect to it, and what lives inside it."""

from __future__ import annotations

from ..api import Broker, Shelf
from .bindings import BINDINGS_KIND, Bindings, binding_name
from .client import connect
from .exchanges import EXCHANGES_KIND, Exchanges
from .policies import POLICIES_KIND, Policies
from .queue_table import QUEUES_KIND
from .queues import Queues

_SCOPE = {"vhost": "/"}

BROKER = Broker(
    "rabbitmq",
    connect,
    {
        "queues": Shelf(QUEUES_KIND, Queues, _SCOPE),
        "exchanges": Shelf(EXCHANGES_KIND, Exchanges, _SCOPE),
        "bindings": Shelf(
            BINDINGS_KIND, Bindings, _SCOPE, key=("source", "destination"), name_of=binding_name
        ),
        "policies": Shelf(POLICIES_KIND, Policies, _SCOPE),
    },
)
