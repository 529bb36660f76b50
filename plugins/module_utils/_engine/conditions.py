# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a wait may learn from one look at a cluster."""

from __future__ import annotations

import dataclasses
import enum


class Layer(enum.StrEnum):
    """What a change goes through, in order; a wait that ends early names the layer that blocks."""

    RELEASE = "release"
    WORKLOADS = "workloads"
    PODS = "pods"
    RECORD = "record"
    BROKER = "broker"
    DONE = "done"


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """`layer` is DONE when the awaited state is reached, else the layer that blocks and in `text`
    what it says. `hopeless` means that waiting longer cannot help; then `way_out` says what can."""

    layer: Layer
    text: str = ""
    hopeless: bool = False
    way_out: str = ""

    @property
    def done(self) -> bool:
        """Whether the awaited state is reached."""
        return self.layer is Layer.DONE


DONE = Verdict(Layer.DONE)
