# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of brokers, by name, each loaded when it is first asked for: a task is about one kind, and the
client libraries of the others need not be there."""

from __future__ import annotations

import functools
import typing as t

from .api import Broker


@functools.cache
def _kafka() -> Broker:
    from .kafka.broker import BROKER

    return BROKER


@functools.cache
def _rabbitmq() -> Broker:
    from .rabbitmq.broker import BROKER

    return BROKER


@functools.cache
def _nats() -> Broker:
    from .nats.broker import BROKER

    return BROKER


_LOADERS: t.Mapping[str, t.Callable[[], Broker]] = {"kafka": _kafka, "rabbitmq": _rabbitmq, "nats": _nats}


def broker(kind: str) -> Broker:
    """What there is to know about one kind of broker. Raises ConnectionFailed where the Python package for
    its protocol is missing."""
    return _LOADERS[kind]()
