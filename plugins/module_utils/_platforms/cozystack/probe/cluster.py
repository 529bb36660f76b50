# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster that is made to be looked at, and that is always removed again."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import typing as t

from ...._convergence.errors import Conflict, Failure, NotFound, Uncertain, WaitFailed
from ...._convergence.waiting import REAL_TIME, Clock
from ...._engine.state import ClusterRef
from ...session import MERGE_PATCH, Session
from ..adapter import NEUTRAL_KEY
from ..applications import APPLICATIONS
from ..facts import Release, read_release
from .reading import APPS, GROUP, MONITORS

Document = dict[str, t.Any]

PROBE_KEY = "brokeropsProbe"
"""A key of spec that no chart reads. It is on every cluster of the probe, so that one that a killed probe
left behind is recognised."""

SPECS: t.Mapping[str, Document] = {
    "kafka": {
        "kafka": {"replicas": 2, "size": "1Gi"},
        "zookeeper": {"replicas": 1, "size": "1Gi"},
        "topics": [{"name": "probe", "partitions": 1, "replicas": 2, "config": {}}],
    },
    "rabbitmq": {"replicas": 1, "size": "1Gi", "resourcesPreset": "s1.nano"},
    "nats": {"replicas": 2, "jetstream": {"enabled": False}},
}
"""The smallest clusters on which there is something to see. `external` is left out in all of them."""

_MENDED: t.Mapping[str, Document] = {
    "kafka": {"external": False},
    "rabbitmq": {"external": False, "resources": {"limits": None}},
    "nats": {"external": False, "resources": {"limits": None}},
}
"""Merge patches that take back what a look declares on purpose to make the release fail. To a healthy
cluster they change nothing: a null for a whole field would, as the next patch puts its default back."""

_POLL = 0.05
_WRITES, _REMOVALS = 5, 3
_ORPHANED_AFTER = 30.0


@dataclasses.dataclass(frozen=True, slots=True)
class Orphaning:
    """What came of a delete right after a write that changed nothing: how many pods there were, whether they
    stayed, whether the cluster that was made again under its name took them over, and its revisions."""

    pods: int
    stayed: bool
    adopted: bool
    before: int
    after: int


@dataclasses.dataclass(frozen=True, slots=True)
class Leaving:
    """What came of a delete: whether a dry run carried it out, what the server answered, and what was left
    right after that answer, when the cluster was 404, and at the end."""

    by_dry_run: bool
    answer: str
    at_once: list[str]
    without_record: list[str]
    at_the_end: list[str]


class Disposable:
    """One cluster, from before it is there until nothing of it is left.

    A wait for what has to come lasts `timeout` seconds at most; one for what may never come ends after
    `patience` seconds, and one for the platform to take notice of a write after a tenth of them.
    """

    def __init__(
        self,
        session: Session,
        ref: ClusterRef,
        *,
        timeout: float,
        patience: float,
        clock: Clock = REAL_TIME,
    ) -> None:
        self.session = session
        self.ref = ref
        self.timeout, self.patience = timeout, patience
        self.application = APPLICATIONS[ref.kind]
        self.spec: Document = {**copy.deepcopy(dict(SPECS[ref.kind])), PROBE_KEY: "there"}
        self.release_name = f"{self.application.prefix}{ref.name}"
        self._clock = clock
        self._all = f"{APPS}/namespaces/{ref.namespace}/{self.application.resource}"
        self._path = f"{self._all}/{ref.name}"
        self._marks = 0

    # --- looking ----------------------------------------------------------------------------------------

    def get(self) -> Document | None:
        """The cluster as the API shows it, None where there is none."""
        try:
            document: Document = self.session.read(self._path)
        except NotFound:
            return None
        return document

    def there(self) -> Document:
        """The cluster, which has to be there."""
        document = self.get()
        if document is None:
            raise NotFound(f"{self.ref} is gone: somebody else has deleted it")
        return document

    def release(self) -> Release:
        """What the cluster says of its release."""
        return read_release(self.there())

    def pods(self) -> dict[str, str]:
        """The uids by name of its pods, those on their way out left aside."""
        found = [one["metadata"] for one in self._owned("/api/v1", "pods")]
        return {one["name"]: one["uid"] for one in found if "deletionTimestamp" not in one}

    def monitor(self) -> Document:
        """The status and the declared number of its first component."""
        name = self.application.components[0].monitor.format(release=self.release_name)
        for one in self._owned(MONITORS, "workloadmonitors"):
            if one["metadata"]["name"] == name:
                return {**(one.get("status") or {}), "replicas": one["spec"].get("replicas")}
        return {}

    def left(self) -> list[str]:
        """Everything of it that a tenant can see beside the cluster itself."""
        found = [("/api/v1", "pods"), ("/api/v1", "services"), (MONITORS, "workloadmonitors")]
        return sorted(
            f"{resource}/{one['metadata']['name']}"
            for api, resource in found
            for one in self._owned(api, resource)
        )

    def _owned(self, api: str, resource: str) -> list[t.Any]:
        labels = (
            f"{GROUP}/application.kind={self.application.api_kind},{GROUP}/application.name={self.ref.name}"
        )
        path = f"{api}/namespaces/{self.ref.namespace}/{resource}"
        return list(self.session.read(path, labelSelector=labels).get("items") or ())

    # --- writing ----------------------------------------------------------------------------------------

    def create(self, *, dry_run: bool = False) -> None:
        """POST it."""
        body = {
            "apiVersion": f"{GROUP}/v1alpha1",
            "kind": self.application.api_kind,
            "metadata": {"name": self.ref.name, "namespace": self.ref.namespace},
            "spec": self.spec,
        }
        self.session.write("POST", _dry(self._all, dry_run), body)

    def patch(self, spec: Document | None = None, *, dry_run: bool = False, **metadata: t.Any) -> None:
        """A merge patch; with nothing given, one that changes nothing."""
        body = {"metadata": metadata or {"labels": {}}, **({} if spec is None else {"spec": spec})}
        self.write("PATCH", body, MERGE_PATCH, dry_run=dry_run)

    def write(
        self, method: str, body: t.Any, content: str = "application/json", *, dry_run: bool = False
    ) -> None:
        """Any write to it. One that meets a write of the platform itself is sent again."""
        for attempt in range(1, _WRITES + 1):
            try:
                self.session.write(method, _dry(self._path, dry_run), body, content)
                return
            except Conflict as error:
                if "has been modified" not in str(error) or attempt == _WRITES:
                    raise
            self._clock.sleep(_POLL)

    def delete(self, *, dry_run: bool = False) -> Document:
        """DELETE it, and give what the server says to that."""
        try:
            answer: Document = self.session.write("DELETE", _dry(self._path, dry_run))
        except NotFound:
            return {}
        return answer

    def mark(self) -> Release:
        """Make a fresh revision by a change that reaches nothing, which also brings the finalizer back and
        takes back what a look has broken; gives the release when it is done."""
        self._settle()
        before = self.release()
        self._marks += 1
        mark = f"probe-{self._marks}-after-v{before.revision}"
        self.patch({NEUTRAL_KEY: mark, **_MENDED[self.ref.kind], **self.application.emptied_first})
        return self.after(before, healthy=True)

    # --- waiting ----------------------------------------------------------------------------------------

    def comes(self, check: t.Callable[[], bool], seconds: float | None = None) -> bool:
        """Whether something comes within `seconds`, or else within the patience."""
        end = self._clock.now() + (self.patience if seconds is None else seconds)
        while not check():
            if self._clock.now() >= end:
                return False
            self._clock.sleep(_POLL)
        return True

    def rest(self) -> Release:
        """The release, once it is ready and no earlier write is still to come into force."""
        self._settle()
        return self._until("is not ready", lambda release: release.ready == "True")

    def _settle(self) -> None:
        """Wait until nothing has moved for as long as the platform takes to notice a write. What fails again
        and again never settles, and is given up on."""

        def is_quiet() -> bool:
            before = self.release()
            return before.ready in ("True", "False") and not self.stirs(before, self.patience / 10)

        self.comes(is_quiet)

    def after(self, before: Release, *, healthy: bool = False) -> Release:
        """The release when the write that came after `before` has ended; with `healthy`, well."""

        def ended(release: Release) -> bool:
            if release.ready == "True":
                return release.revision > before.revision
            return release.ready == "False" and not healthy

        return self._until("has not come to an end", ended)

    def stirs(self, before: Release, seconds: float | None = None) -> bool:
        """Whether Helm starts anything within `seconds`, or else within the patience."""

        def stirred() -> bool:
            now = self.release()
            return (now.ready, now.revision) != (before.ready, before.revision)

        return self.comes(stirred, seconds)

    def _until(self, failure: str, check: t.Callable[[Release], bool]) -> Release:
        seen = Release()

        def there() -> bool:
            nonlocal seen
            seen = self.release()
            return check(seen)

        if not self.comes(there, self.timeout):
            said = seen.message or "no condition yet"
            raise WaitFailed(f"{self.ref} {failure} after {self.timeout:g} s: {said}")
        return seen

    # --- the end ----------------------------------------------------------------------------------------

    @functools.cached_property
    def orphaning(self) -> Orphaning:
        """Delete it while its finalizer is missing, and make it again so that nothing stays behind."""
        before = self.mark()
        self.patch()
        self.stirs(before, self.patience / 10)  # time for a platform that puts the finalizer back at once
        pods = self.pods()
        self.delete()
        if not self.comes(lambda: self.get() is None, self.timeout):
            raise WaitFailed(f"{self.ref}: the delete does not end: {self.release().message}")
        stayed = not self.comes(lambda: not self.pods())
        self.create()
        after = self.rest()
        adopted = stayed and self.pods() == pods
        return Orphaning(len(pods), stayed, adopted, before.revision, after.revision)

    @functools.cached_property
    def leaving(self) -> Leaving:
        """Delete it as it should be done, with a dry run first."""
        self.mark()
        answer = self.delete(dry_run=True)
        at_once = self.left()
        by_dry_run = self.comes(self._is_leaving)
        if not by_dry_run:
            answer = self.delete()
            at_once = self.left()
        self.comes(lambda: self.get() is None, self.timeout)
        without_record = self.left()
        self.comes(lambda: not self.left(), self.timeout)
        return Leaving(by_dry_run, str(answer.get("status")), at_once, without_record, self.left())

    def _is_leaving(self) -> bool:
        document = self.get()
        return document is None or "deletionTimestamp" in document["metadata"]

    def remove(self) -> None:
        """Leave nothing, whatever state it is in. Raises WaitFailed with what is left and the way out."""
        problem = ""
        for _attempt in range(_REMOVALS):
            try:
                if self._removed():
                    return
                problem = ""
            except Failure as error:
                problem = f" ({error})"
        raise WaitFailed(
            f"{self.ref} could not be removed{problem}; left behind: {self._remains()}. Make the cluster "
            f"again under this name with {self.ref.kind}_cluster, wait until it is ready, and delete it"
        )

    def _remains(self) -> str:
        try:
            found = [*([str(self.ref)] if self.get() else []), *self.left()]
        except Failure as error:
            return f"not known ({error})"
        return ", ".join(found) or "nothing that can be seen"

    def _removed(self) -> bool:
        if self.get() is not None:
            if not self._is_leaving():
                # a release that fails is tried again and again, and each try puts the finalizer back too
                with contextlib.suppress(Conflict, Uncertain, WaitFailed):
                    self.mark()
                self.delete()
            if not self.comes(lambda: self.get() is None, self.timeout):
                return False
        # pods on their way out may take their time; what is not is nobody's any more
        if self.comes(lambda: not self.left(), _ORPHANED_AFTER):
            return True
        if not self.pods():
            return self.comes(lambda: not self.left(), self.timeout)
        self.create()  # takes over what was orphaned, so that the next delete finds it
        self.rest()
        return False


def _dry(path: str, dry_run: bool) -> str:
    return f"{path}?dryRun=All" if dry_run else path
