# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""One application as a tenant's admin handles it, with a look behind the curtain for the test bed's own
tests.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable
from typing import Any

from tests.lab.client import Object
from tests.lab.labs import Lab
from tests.lab.standin.control import App, ClusterView, FaultKind
from tests.lab.standin.helm import FINALIZER
from tests.lab.tenants import Tenant

KINDS: dict[App, tuple[str, str]] = {
    "kafka": ("Kafka", "kafkas"),
    "rabbitmq": ("RabbitMQ", "rabbitmqs"),
    "nats": ("NATS", "natses"),
}
GROUP = "apps.cozystack.io/v1alpha1"
_REVISION = re.compile(r"\.v(\d+) with chart")


class Application:
    """An application of a tenant; waits look again after a ``pause``, and end after ``patience`` seconds with
    a failed assertion.
    """

    pause = 0.02

    def __init__(self, lab: Lab, tenant: Tenant, app: App, name: str = "one", patience: float = 30.0) -> None:
        self.lab = lab
        self.tenant = tenant
        self.app = app
        self.name = name
        self.patience = patience
        self.api = tenant.api("admin")
        self.namespace = tenant.namespace
        self.release = f"{app}-{name}"
        self.kind, plural = KINDS[app]
        self._all = f"/apis/{GROUP}/namespaces/{self.namespace}/{plural}"
        self.path = f"{self._all}/{name}"

    # --- the tenant's side -------------------------------------------------------------------------------

    def create(self, **spec: Any) -> Application:
        body = {"apiVersion": GROUP, "kind": self.kind, "metadata": {"name": self.name}, "spec": spec}
        self.api.create(self._all, body)
        return self

    def patch(self, **spec: Any) -> None:
        self.api.patch(self.path, {"spec": spec})

    def touch(self) -> None:
        """An update that changes nothing."""
        self.api.patch(self.path, {"metadata": {"labels": {}}})

    def delete(self) -> None:
        self.api.delete(self.path)

    def get(self) -> Object | None:
        return self.api.find(self.path)

    def condition(self, type_: str = "Ready") -> Object:
        """A condition of the application, empty where there is none."""
        found = (self.get() or {}).get("status", {}).get("conditions", [])
        return next((one for one in found if one["type"] == type_), {})

    @property
    def revision(self) -> int:
        """The release revision that Ready tells of, 0 where it tells of none."""
        found = _REVISION.search(self.condition().get("message", ""))
        return int(found[1]) if found else 0

    def until_ready(self, revision: int = 1) -> Application:
        """Wait for Ready=True of this revision or a later one."""

        def there() -> bool:
            return self.condition().get("status") == "True" and self.revision >= revision

        self.until(f"Ready of revision {revision}", there)
        return self

    def until_running(self, pods: int, revision: int = 1) -> Application:
        """Wait for Ready and for this many Ready pods of the broker, and no other ones."""
        self.until_ready(revision)
        self.until(
            f"{pods} pods", lambda: [self.is_ready(pod) for pod in self.broker_pods()] == [True] * pods
        )
        return self

    def until_failed(self, reason: str) -> str:
        """Wait for Ready=False with this reason; returns its message."""

        def there() -> bool:
            seen = self.condition()
            return (seen.get("status"), seen.get("reason")) == ("False", reason)

        self.until(f"Ready=False/{reason}", there)
        return str(self.condition()["message"])

    def until(self, what: str, check: Callable[[], bool]) -> None:
        """Wait until ``check``; a failure names what was awaited and how things stand."""
        try:
            self.wait(what, check, self.patience, self.pause)
        except AssertionError as error:
            raise AssertionError(f"{self.release}: {error}; {self.condition()}; {self.view()}") from None

    @staticmethod
    def wait(what: str, check: Callable[[], bool], seconds: float, pause: float = pause) -> None:
        """Wait until ``check``, at most ``seconds``."""
        deadline = time.monotonic() + seconds
        while not check():
            if time.monotonic() > deadline:
                raise AssertionError(f"no {what} within {seconds:g} s")
            time.sleep(pause)

    def listed(self, resource: str, group: str = "api/v1") -> list[Object]:
        """What the tenant sees of this application of one resource."""
        selector = (
            f"apps.cozystack.io/application.kind={self.kind},apps.cozystack.io/application.name={self.name}"
        )
        return self.api.items(f"/{group}/namespaces/{self.namespace}/{resource}", labelSelector=selector)

    def pods(self, component: str) -> list[Object]:
        """Pods whose only container has the component's name, by name."""
        found = [pod for pod in self.listed("pods") if pod["spec"]["containers"][0]["name"] == component]
        return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))

    def limits(self) -> dict[str, str]:
        """The ``cpu`` and ``memory`` that each broker's pod may use; all have the same."""
        found = [pod["spec"]["containers"][0]["resources"]["limits"] for pod in self.broker_pods()]
        (only,) = {(one["cpu"], one["memory"]) for one in found}
        return dict(zip(("cpu", "memory"), only, strict=True))

    def broker_pods(self) -> list[Object]:
        return self.pods(self.app)

    @staticmethod
    def is_ready(pod: Object) -> bool:
        conditions = pod.get("status", {}).get("conditions", [])
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def monitor(self, suffix: str = "") -> Object:
        path = (
            f"/apis/cozystack.io/v1alpha1/namespaces/{self.namespace}/workloadmonitors/{self.release}{suffix}"
        )
        return self.api.get(path)

    def secret(self, suffix: str) -> dict[str, str]:
        """The decoded data of a Secret that the tenant may read, empty where there is none."""
        found = self.api.find(f"/api/v1/namespaces/{self.namespace}/secrets/{self.release}-{suffix}")
        data: dict[str, str] = (found or {}).get("data") or {}
        return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}

    def events(self, reason: str) -> list[str]:
        """Messages of the events with this reason that tell of this application's objects."""
        found = self.api.items(f"/api/v1/namespaces/{self.namespace}/events")
        mine = [one for one in found if one["involvedObject"]["name"].startswith(self.release)]
        return [str(one["message"]) for one in mine if one["reason"] == reason]

    # --- behind the curtain ------------------------------------------------------------------------------

    def record(self) -> Object | None:
        """The HelmRelease, which no tenant can read."""
        return self.lab.api.find(
            f"/apis/helm.toolkit.fluxcd.io/v2/namespaces/{self.namespace}/helmreleases/{self.release}"
        )

    def has_finalizer(self) -> bool:
        """Whether Flux's finalizer stands on the release now."""
        return FINALIZER in ((self.record() or {}).get("metadata", {}).get("finalizers") or [])

    def claims(self) -> dict[str, str]:
        """Sizes of the volume claims by name."""
        found = self.lab.api.items(f"/api/v1/namespaces/{self.namespace}/persistentvolumeclaims")
        return {one["metadata"]["name"]: one["spec"]["resources"]["requests"]["storage"] for one in found}

    def view(self) -> ClusterView:
        return self.lab.control.cluster(self.namespace, self.app, self.name)

    def fault(self, kind: FaultKind, **details: Any) -> None:
        """Cause a fault of this cluster."""
        self.lab.control.fault(kind, namespace=self.namespace, app=self.app, name=self.name, **details)

    def resource(self, kind: str, name: str) -> str:
        """How an operator reports a custom object: "Ready", its reason, or "" where there is none."""
        for one in self.view()["resources"]:
            if (one["kind"], one["name"]) == (kind, name):
                return "Ready" if one["ready"] else one["reason"]
        return ""

    def login_works(self, user: str, password: str) -> bool:
        return self.lab.control.login_works(self.namespace, self.app, self.name, user, password)
