# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What this collection declares inside NATS."""

from __future__ import annotations

from ..api import Broker, Shelf
from .buckets import KEY_VALUE, Buckets
from .buckets import KIND as BUCKETS
from .client import connect
from .consumer_table import KIND as CONSUMERS
from .consumers import Consumers
from .purges import KIND as PURGES
from .purges import Purges, name_of
from .stream_table import KIND as STREAMS
from .streams import Streams

BROKER = Broker(
    "nats",
    connect,
    {
        "streams": Shelf(STREAMS, lambda client, _scope, names: Streams(client, names)),
        "consumers": Shelf(
            CONSUMERS,
            lambda client, scope, names: Consumers(client, scope["stream"], names),
            scope={"stream": None},
        ),
        "buckets": Shelf(
            BUCKETS,
            lambda client, scope, names: Buckets(client, scope["type"], names),
            scope={"type": KEY_VALUE},
        ),
        "purges": Shelf(
            PURGES,
            lambda client, _scope, names: Purges(client, names),
            key=("stream", "keep"),
            name_of=name_of,
        ),
    },
)
