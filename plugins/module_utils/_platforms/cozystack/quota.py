# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan needs more than there is, against what the tenant's quotas leave. Pure.

The platform takes an application over the quota and then refuses its pods, volumes or addresses one by
one, which only events tell (cozystack pkg/registry/apps/application/quota.go looks at tenants alone). What
is counted here is the least that can be needed: each member's own container, one for each helper.
"""

from __future__ import annotations

import collections
import typing as t
from fractions import Fraction

from ..._engine.fields import Finding
from ..._engine.plan import Action, Plan
from ..._engine.quantity import parse_quantity
from ..._engine.state import State
from ..._engine.types import Value
from .application import Application, Component
from .presets import pod_resources

Needs = t.Mapping[str, Fraction]
Document = t.Mapping[str, t.Any]

# what of a limit is requested (cozystack packages/library/cozy-lib/templates/_resources.tpl)
_REQUESTED = {"cpu": Fraction(1, 10), "memory": Fraction(1), "ephemeral-storage": Fraction(1, 40)}
_SCRATCH = parse_quantity("2Gi")
# what the tenant's LimitRange gives to a container that says nothing
_HELPER = {"cpu": parse_quantity("250m"), "memory": parse_quantity("128Mi")}
_ALIASES = {
    "cpu": "requests.cpu",
    "memory": "requests.memory",
    "ephemeral-storage": "requests.ephemeral-storage",
    "count/pods": "pods",
    "count/persistentvolumeclaims": "persistentvolumeclaims",
}
_OF_PODS = {"pods", *(f"{side}.{resource}" for side in ("limits", "requests") for resource in _REQUESTED)}
_OF_CLASS = ".storageclass.storage.k8s.io/"
_OUR_SCOPES = {"NotBestEffort", "NotTerminating"}
_UNITS = tuple((f"{letter}i", 1024**power) for power, letter in reversed([*enumerate("KMGTPE", start=1)]))


def more_needed(application: Application, plan: Plan) -> dict[str, Fraction]:
    """What the cluster needs more after the plan than before it, by the names that quotas use. A rolling
    restart takes a pod away before it makes the next, so nothing more is needed meanwhile."""
    if plan.action not in (Action.CREATE, Action.UPDATE):
        return {}
    try:
        before, after = _needs(application, plan.before), _needs(application, plan.state)
    except (KeyError, ValueError):  # a live value that no chart can read: nobody can say
        return {}
    return {key: after[key] - before[key] for key in after if after[key] > before[key]}


def quota_findings(needs: Needs, quotas: t.Iterable[Document]) -> list[Finding]:
    """What each of a tenant's ResourceQuotas would refuse of it, and by how much."""
    return [finding for quota in quotas if _concerns_us(quota) for finding in _against(needs, quota)]


def overdrawn(quotas: t.Iterable[Document]) -> list[str]:
    """What of a tenant's ResourceQuotas is used beyond what they allow, as after one was made smaller: no pod
    comes back that is taken away."""
    found = []
    for quota in filter(_concerns_us, quotas):
        status = quota.get("status") or {}
        used = status.get("used") or {}
        for key, hard in (status.get("hard") or {}).items():
            if _ALIASES.get(key, key) not in _OF_PODS or key not in used:
                continue
            try:
                over = parse_quantity(used[key]) > parse_quantity(hard)
            except ValueError:
                continue
            if over:
                found.append(f"{quota['metadata']['name']}: {key}: {used[key]} of {hard}")
    return found


def _needs(application: Application, state: State | None) -> t.Mapping[str, Fraction]:
    total: dict[str, Fraction] = collections.defaultdict(Fraction)
    if state is None:
        return total
    for component in application.components:
        count = state.values[component.replicas]
        cpu, memory = pod_resources(state.values, component.preset.rpartition(".")[0])
        _add(total, count, _pod({"cpu": cpu, "memory": memory, "ephemeral-storage": _SCRATCH}))
        if not component.volume_if or state.values.get(component.volume_if):
            _add(total, count, _volume(component, state.values))
    _add(total, application.helpers, _pod(_HELPER))
    _add(total, application.load_balancers(state), {"services.loadbalancers": Fraction(1)})
    return total


def _add(total: dict[str, Fraction], count: int, needs: Needs) -> None:
    for key, amount in needs.items():
        total[key] += count * amount


def _pod(limits: Needs) -> dict[str, Fraction]:
    pod = {"pods": Fraction(1)}
    for resource, limit in limits.items():
        pod[f"limits.{resource}"] = limit
        pod[f"requests.{resource}"] = limit * _REQUESTED[resource]
    return pod


def _volume(component: Component, values: t.Mapping[str, Value]) -> dict[str, Fraction]:
    volume = {
        "requests.storage": parse_quantity(values[component.size]),
        "persistentvolumeclaims": Fraction(1),
    }
    # which class an empty name stands for, the cluster's default says, and a tenant cannot read it
    name = values.get(component.storage_class)
    return volume | ({f"{name}{_OF_CLASS}{key}": amount for key, amount in volume.items()} if name else {})


def _concerns_us(quota: Document) -> bool:
    """Whether a quota counts pods such as ours: with limits, without an end, of no priority class."""
    spec = quota.get("spec") or {}
    return not spec.get("scopeSelector") and set(spec.get("scopes") or ()) <= _OUR_SCOPES


def _against(needs: Needs, quota: Document) -> t.Iterator[Finding]:
    status = quota.get("status") or {}
    used = status.get("used") or {}
    for key, hard in (status.get("hard") or {}).items():
        need = needs.get(_ALIASES.get(key, key))
        if need is None or key not in used:
            continue
        try:
            left = parse_quantity(hard) - parse_quantity(used[key])
        except ValueError:
            continue
        if need > left:
            over = "none is left" if left <= 0 else f"{_text(key, left)} is left"
            yield Finding(
                "",
                "cozystack.quota.exceeded",
                f"the quota {quota['metadata']['name']} would refuse a part of this: {key}: needs "
                f"{_text(key, need)} more, {over}: {_text(key, need - left)} too much",
                "declare less (replicas, resources, size), or ask the tenant's owner for a larger quota",
            )


def _text(key: str, amount: Fraction) -> str:
    """An amount as people write it, to two digits."""
    if "memory" in key or "storage" in key:
        unit, size = next(((unit, size) for unit, size in _UNITS if amount >= size), ("", 1))
        return f"{float(amount / size):.2f}".rstrip("0").rstrip(".") + unit
    return str(amount) if amount.denominator == 1 else f"{-(-amount * 1000 // 1)}m"
