# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Who stands in the operators' place where the real ones are: it only hands over, and reads what they say."""

from __future__ import annotations

from typing import Final

from tests.lab.operators.nats import InnerChart
from tests.lab.operators.rabbitmq import RealOperators
from tests.lab.standin.control import App
from tests.lab.standin.operators.common import Operator

HANDED: Final[dict[App, tuple[type[Operator], ...]]] = {"rabbitmq": (RealOperators,), "nats": (InnerChart,)}
