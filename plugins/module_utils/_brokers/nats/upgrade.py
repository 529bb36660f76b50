# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an upgrade of NATS has to know: what each server runs."""

from __future__ import annotations

import re
import typing as t

from ..._operations.upgrade import Running
from .client import Nats
from .health import monitored


def observe(client: Nats, hosts: t.Iterable[str]) -> Running:
    """One look; `hosts` are addresses at which monitoring ports may be. Where none answers, it is the version
    of the one server that the connection leads to."""
    members = {
        said["server_name"]: tuple(int(part) for part in re.findall(r"\d+", said["version"])[:3])
        for said in monitored(hosts)
    }
    return Running(members or {"the server that answers": client.version})
