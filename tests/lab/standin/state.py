# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the stand-in remembers of one cluster: one JSON file each, so that it survives its own restart.

On the real platform these facts stand in objects no tenant sees: Helm's release Secrets, the operators'
custom
resources and Secrets, StatefulSets, and the brokers' own databases.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.lab.standin.values import Json


@dataclass
class Resource:
    """A custom object below a release, with what its operator last reported.

    ``observed`` is the generation the operator has dealt with; ``ready`` its Ready condition.
    """

    kind: str
    name: str
    spec: Json
    annotations: dict[str, str] = field(default_factory=dict)
    generation: int = 1
    observed: int = 0
    ready: bool = False
    reason: str = ""
    message: str = ""
    deleting: bool = False

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.name}"

    def report(self, ready: bool, reason: str = "", message: str = "", *, observed: bool = True) -> None:
        """Write the status as the operator does; ``observed=False`` leaves observedGeneration behind."""
        self.ready, self.reason, self.message = ready, reason, message
        if observed:
            self.observed = self.generation


@dataclass
class Pod:
    """A pod object as it was last written; ``pid`` and ``address`` are those of the broker process that it
    stands for."""

    name: str
    component: str
    ordinal: int
    labels: dict[str, str]
    image: str
    resources: Json
    ready: bool = False
    reason: str = ""
    restarts: int = 0
    pid: int | None = None
    uid: str = ""
    address: str = ""


@dataclass
class Volume:
    """A volume claim; ``pod`` is the pod that mounts it."""

    name: str
    pod: str
    size: str
    storage_class: str
    labels: dict[str, str]


@dataclass
class State:
    """Everything about one cluster.

    ``revision``, ``manifest`` (keys of the last revision's objects), ``deployed`` (those of the last one that
    succeeded), ``digest`` (values of the last attempt), ``succeeded`` and ``history`` are Helm's;
    ``in_force`` is
    what the operators last rolled out; ``truth`` is what the broker itself holds (users, vhosts, permissions,
    topics), real or played; ``hidden`` are the topology operator's own copies of credentials.
    """

    revision: int = 0
    manifest: list[str] = field(default_factory=list)
    deployed: list[str] | None = None
    digest: str = ""
    succeeded: bool = False
    history: list[Json] = field(default_factory=list)
    resources: dict[str, Resource] = field(default_factory=dict)
    monitors: dict[str, Json] = field(default_factory=dict)
    services: dict[str, Json] = field(default_factory=dict)
    operated: list[str] = field(default_factory=list)
    pods: dict[str, Pod] = field(default_factory=dict)
    volumes: dict[str, Volume] = field(default_factory=dict)
    in_force: Json = field(default_factory=dict)
    truth: Json = field(default_factory=dict)
    hidden: dict[str, dict[str, str]] = field(default_factory=dict)

    def save(self, file: Path) -> None:
        """Write the file in one step: a crash leaves the old one or the new one."""
        text = json.dumps(asdict(self))
        draft = file.with_suffix(".draft")
        draft.touch(mode=0o600)
        draft.write_text(text)
        os.replace(draft, file)

    @staticmethod
    def load(file: Path) -> State:
        """What :meth:`save` wrote; an empty state where there is no file."""
        if not file.exists():
            return State()
        raw: dict[str, Any] = json.loads(file.read_text())
        parts = {"resources": Resource, "pods": Pod, "volumes": Volume}
        for name, shape in parts.items():
            raw[name] = {key: shape(**value) for key, value in raw[name].items()}
        return State(**raw)
