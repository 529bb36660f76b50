# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Secret of the caller's own, into which a credential is handed out.

It is a table and an adapter like those of the clusters, so that `converge` brings it to what is wanted: check
mode, diff, refusals and repeating are not written a second time. Unlike clusters, Secrets have real
optimistic locking: each write says which version it was planned on.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import re
import typing as t

from ..._convergence import errors
from ..._convergence.api import Goal, Requests, Step, Until
from ..._engine.conditions import DONE, Verdict
from ..._engine.fields import Field, Finding, Items, Kind
from ..._engine.plan import Act, Action, Plan
from ..._engine.risk import Risk, Rule
from ..._engine.secret import Secret
from ..._engine.state import Actual, ClusterRef, Item, State
from ..._engine.types import SWITCH, Type, Value
from ..session import MERGE_PATCH, Session
from .rights import Right, may

MANAGER = "brokerops.messaging"
_MANAGED_BY = "app.kubernetes.io/managed-by"
_PLATFORM = ("cozystack.io", "fluxcd.io")
_TYPES = ("Opaque", "kubernetes.io/basic-auth")
_VERBS: t.Mapping[Action, str] = {Action.CREATE: "create", Action.UPDATE: "patch", Action.DELETE: "delete"}
ELSEWHERE = (
    "on this platform a tenant's roles hold no right to write Secrets: log in as somebody who may where the "
    "application runs, or hand the credential out to a file, to Vault or to tasks of your own"
)
"""The ClusterRoles of tenants grant no verb on core Secrets (cozystack: packages/system/cozystack-basics/
templates/clusterroles.yaml)."""


def _name_problem(name: str) -> str | None:
    if len(name) > 253 or not re.fullmatch(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?", name):
        return f"{name!r} is no name for a Secret; use at most 253 lower-case letters, digits, '-' and '.'"
    return None


def _key_problem(name: str) -> str | None:
    if len(name) > 253 or not re.fullmatch(r"[-._a-zA-Z0-9]+", name) or name in (".", ".."):
        return f"{name!r} is no key of a Secret; use at most 253 letters, digits, '-', '_' and '.'"
    return None


_SEEN_LATER = (
    "files that are mounted follow within minutes, environment variables with the next start of a pod"
)

KEYS = Items(
    "keys",
    ("data",),
    "map",
    "key",
    fields=(
        Field(
            "value",
            (),
            Type("str", key=Secret.reveal, secret=True),
            rules=(Rule("secret.key.change", Risk.SAFE, _SEEN_LATER),),
        ),
    ),
    add=(Rule("secret.key.add", Risk.SAFE, "the other keys stay"),),
    remove=(),
    name_problem=_key_problem,
    object_name=str,
)

SECRET = Kind(
    name="secret",
    title="Secret",
    fields=(
        Field(
            "adopt",
            (),
            SWITCH,
            rules=(Rule("secret.adopt", Risk.SAFE, f"from now on it is labelled {_MANAGED_BY}: {MANAGER}"),),
        ),
    ),
    items=(KEYS,),
    create=Rule("secret.create", Risk.SAFE, "a new Secret"),
    delete=Rule("secret.delete", Risk.DESTRUCTIVE, "pods that start after that do not find it and stay down"),
    name_problem=_name_problem,
)


class SecretRef(ClusterRef):
    """Which Secret. To the engine it is what a cluster is; to a person it is not."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"Secret {self.namespace}/{self.name}"


@dataclasses.dataclass(frozen=True, slots=True)
class _Write:
    method: str
    path: str
    body: t.Mapping[str, t.Any]
    content: str = "application/json"


class Secrets:
    """The adapter (`api.Platform`) for Secrets of the caller's own."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._found: t.Mapping[str, t.Any] | None = None

    @property
    def requests(self) -> Requests:
        """How many requests were sent so far."""
        return self._session.requests

    def kind(self, _name: str) -> Kind:
        """The table."""
        return SECRET

    def read(self, ref: ClusterRef) -> Actual | None:
        """One GET."""
        self._found = None
        try:
            self._found = self._session.read(_object(ref))
        except errors.NotFound:
            return None
        except errors.Forbidden as error:
            raise errors.Forbidden(
                f"{ref} may not be read ({error}); {ELSEWHERE}", **error.details
            ) from error
        owned = _labels(self._found).get(_MANAGED_BY) == MANAGER
        keys: dict[str, Item] = {
            name: {"value": Secret(_text(value))} for name, value in (self._found.get("data") or {}).items()
        }
        return Actual(State({"adopt": owned}, {KEYS.option: keys}), evidence=self._found)

    def capabilities(self, _plan: Plan) -> t.Mapping[str, Value]:
        """No rule asks anything."""
        return {}

    def preflight(self, plan: Plan, *, waits: bool) -> t.Sequence[Finding]:
        """Whether it is somebody else's, and whether we may write it at all: whoever hands out a credential
        has to know both before there is one."""
        findings = [] if self._found is None else list(_ownership(self._found, _adopts(plan)))
        verb = _VERBS[plan.action]
        # nobody can be granted to create something by its name
        name = "" if plan.action is Action.CREATE else plan.ref.name
        right = Right(verb, "", "secrets", "the credential is handed out there", name)
        if may(self._session, plan.ref.namespace, right) is False:
            text = f"you may not {right} in {plan.ref.namespace}"
            findings.append(Finding("", "secret.right.missing", text, ELSEWHERE))
        return findings

    def render(self, plan: Plan, actual: Actual | None) -> t.Sequence[Step]:
        """One write, under a field manager of our own."""
        return [Step(_write(plan, actual), Goal(Until.ANSWERED, plan))]

    def send(self, step: Step) -> None:
        """Send it. Raises Conflict or Uncertain where the caller has to read again."""
        write: _Write = step.write
        with contextlib.suppress(errors.NotFound) if write.method == "DELETE" else contextlib.nullcontext():
            self._session.write(write.method, write.path, write.body, write.content)

    def doorbell(self, _ref: ClusterRef, _idle: float) -> t.Iterator[object]:
        """Nothing is waited for: a Secret is in force once it is stored."""
        return iter(())

    def observe(self, _goal: Goal) -> None:
        """There is nothing to see but the Secret itself, which is read again in any case."""

    def done(self, _facts: None, _goal: Goal, _stuck: float) -> Verdict:
        """What is stored is in force."""
        return DONE

    def explain(self, _ref: ClusterRef) -> t.Sequence[str]:
        """There are no events of Secrets."""
        return ()

    def status(self, _actual: Actual) -> t.Mapping[str, Value]:
        """A Secret has no release."""
        return {"message": "", "revision": None}


def _adopts(plan: Plan) -> bool:
    return plan.state is not None and plan.state.values["adopt"] is True


def _ownership(found: t.Mapping[str, t.Any], adopts: bool) -> t.Iterator[Finding]:
    """Why a Secret that is there is not ours to write."""
    other = "take another name"
    labels, metadata = _labels(found), found["metadata"]
    marks = sorted(label for label, value in labels.items() if _of_the_platform(label, value))
    owners = [f"{one['kind']} {one['name']}" for one in metadata.get("ownerReferences") or []]
    manager = labels.get(_MANAGED_BY)
    if marks:
        yield Finding(
            "", "secret.of.platform", f"it belongs to the platform (it is labelled {marks[0]})", other
        )
    elif owners:
        text = f"it belongs to {', '.join(owners)}, which would change it back"
        yield Finding("", "secret.of.others", text, other)
    elif manager not in (None, MANAGER):
        yield Finding("", "secret.of.others", f"it is managed by {manager} ({_MANAGED_BY})", other)
    elif manager is None and not adopts:
        yield Finding(
            "adopt",
            "secret.not.adopted",
            "it is there already and not from this collection",
            f"{other}, or say adopt: true if it is meant to be written from here on",
            correction={"adopt": True},
        )
    if found.get("type", _TYPES[0]) not in _TYPES:
        yield Finding(
            "", "secret.of.type", f"it is of type {found['type']}, which holds no credential", other
        )
    if found.get("immutable"):
        yield Finding("", "secret.immutable", "it is immutable, so nobody can change it", other)
    if metadata.get("deletionTimestamp"):
        yield Finding("", "secret.deleting", "it is being deleted", "wait until it is gone, then run again")


def _of_the_platform(label: str, value: str) -> bool:
    """Whether a label says so. An older platform's webhook marks what is not its own with "false"
    (cozystack: internal/lineagecontrollerwebhook/webhook.go)."""
    domain = label.partition("/")[0]
    return value != "false" and any(domain == one or domain.endswith(f".{one}") for one in _PLATFORM)


def _write(plan: Plan, actual: Actual | None) -> _Write:
    if plan.action is Action.CREATE:
        metadata = {"name": plan.ref.name, "labels": {_MANAGED_BY: MANAGER}}
        declared = {name: _encoded(item) for name, item in plan.declared.named(KEYS.option).items()}
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": metadata,
            "data": declared,
        }
        return _Write("POST", f"{_collection(plan.ref)}?fieldManager={MANAGER}", body)
    there = actual.evidence["metadata"] if actual else {}
    version = {"resourceVersion": there["resourceVersion"]}
    if plan.action is Action.DELETE:
        options = {"kind": "DeleteOptions", "apiVersion": "v1"}
        return _Write(
            "DELETE", _object(plan.ref), {**options, "preconditions": {**version, "uid": there["uid"]}}
        )
    state = plan.state or State()
    changed = {
        change.item: _encoded(state.named(KEYS.option)[change.item])
        for change in plan.changes
        if change.item is not None and change.act in (Act.ADD, Act.SET)
    }
    patch = {"metadata": {**version, "labels": {_MANAGED_BY: MANAGER}}, "data": changed}
    return _Write("PATCH", f"{_object(plan.ref)}?fieldManager={MANAGER}", patch, MERGE_PATCH)


def _encoded(item: Item) -> str:
    secret: Secret = item["value"]
    return base64.b64encode(secret.reveal().encode()).decode()


def _text(value: str) -> str:
    """What stands under a key; bytes that are no text only have to be unequal to any that is declared."""
    return base64.b64decode(value).decode(errors="backslashreplace")


def _labels(document: t.Mapping[str, t.Any]) -> t.Mapping[str, str]:
    return document["metadata"].get("labels") or {}


def _collection(ref: ClusterRef) -> str:
    return f"/api/v1/namespaces/{ref.namespace}/secrets"


def _object(ref: ClusterRef) -> str:
    return f"{_collection(ref)}/{ref.name}"
