# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One kind of managed application on this platform, beyond what the engine needs to know of it."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._engine.fields import Finding, Kind
from ..._engine.plan import Plan
from ..._engine.risk import Edit, Risk, Rule
from ..._engine.state import State
from ..._engine.types import Value


@dataclasses.dataclass(frozen=True, slots=True)
class Component:
    """A set of pods with a WorkloadMonitor of its own. `monitor` and the values of `pods` (labels)
    are written with `{release}` for the release's name."""

    replicas: str
    """The option that says how many."""
    preset: str
    """The option that names the preset."""
    monitor: str
    pods: t.Mapping[str, str]
    size: str
    """The option that says how large the volume of each is."""
    storage_class: str
    """The option that names the class of the volumes."""
    volume_if: str = ""
    """The option that has to be on for there to be volumes; without one there always are."""
    extra_pods: int = 0
    """How many pods the monitor counts that are none of the members."""


@dataclasses.dataclass(frozen=True, slots=True)
class Application:
    """`resource` is the plural in the API, `api_kind` the kind, `prefix` what a release's name starts
    with. `emptied_first` is the part of the spec that has to be empty before a delete. `load_balancers`
    says how many addresses a state needs, `helpers` how many pods stand beside the members, `objections`
    what a plan cannot have for the cluster's name."""

    kind: Kind
    resource: str
    api_kind: str
    prefix: str
    components: tuple[Component, ...]
    load_balancers: t.Callable[[State], int]
    helpers: int = 0
    objections: t.Callable[[Plan], t.Iterable[Finding]] = lambda _plan: ()
    emptied_first: t.Mapping[str, Value] = dataclasses.field(default_factory=dict)

    def rolled_by(self, path: str) -> tuple[Component, ...]:
        """Whose pods a change of this option replaces: those of the component that the option belongs to,
        and what belongs to none of them is about the first."""
        own = tuple(
            component
            for component in self.components
            if path.startswith(component.preset.removesuffix("resources_preset") or "\0")
        )
        return own or self.components[:1]


def one_address(state: State) -> int:
    """What a cluster needs whose one Service leads to all its members."""
    return 1 if state.values.get("external") else 0


DEFAULTS_FROZEN = Rule(
    "cozystack.defaults.frozen",
    Risk.SAFE,
    "the platform stores its defaults of every undeclared field with this write, so they no longer follow "
    "the platform's own changes",
)


def shrinks(edit: Edit) -> bool:
    """A count that gets smaller."""
    return edit.before is not None and edit.after < edit.before


def grows(edit: Edit) -> bool:
    """A count that gets larger."""
    return edit.before is not None and edit.after > edit.before
