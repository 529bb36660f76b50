# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What this platform changes by itself: defaults that it had once, names that it writes anew."""

from __future__ import annotations

import typing as t

from ..._engine.drift import Lore
from ..._engine.fields import Field
from ..._engine.types import Value
from .application import Application
from .presets import LEGACY, PRESET, current_name
from .schema import PlatformSchema

# cozystack: packages/core/platform/images/migrations/migrations/34 wrote the version where there was none;
# the presets are those of the charts before v1.4 (service documentation of Hikube, read 2026-04)
_FORMER: t.Mapping[str, t.Mapping[str, t.Mapping[Value, str]]] = {
    "kafka": {
        "brokers.resources_preset": {"t1.small": "that of platforms before v1.4"},
        "zookeeper.resources_preset": {"t1.small": "that of platforms before v1.4"},
    },
    "rabbitmq": {"version": {"v3.13": "the platform's migration 34 wrote it where there was none"}},
}


def lore_of(application: Application, schema: PlatformSchema) -> Lore:
    """What is known of one kind of cluster, with the defaults of today from the platform's own schema."""
    found = {
        field.option: schema.default(application.api_kind, field.path) for field in application.kind.fields
    }
    defaults = {option: value for option, value in found.items() if value is not None}
    return Lore(defaults, _FORMER.get(application.kind.name, {}), _renamed)


def _renamed(field: Field, old: Value, new: Value) -> bool:
    """Whether migration 39 has written a legacy preset by its name of today."""
    return field.type is PRESET and old in LEGACY and new != old and current_name(old) == new
