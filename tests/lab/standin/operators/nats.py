# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The inner release of a NATS app: the upstream chart's StatefulSet, its Services, and nats-box."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import yaml

from tests.lab.brokers.api import NatsCluster
from tests.lab.brokers.certificates import nats_hosts
from tests.lab.pki import Authority, Pair
from tests.lab.standin.charts.common import secret
from tests.lab.standin.charts.nats import VERSION
from tests.lab.standin.operators.common import Operator, service
from tests.lab.standin.pods import PodSet
from tests.lab.standin.quantities import container_resources
from tests.lab.standin.state import Resource
from tests.lab.standin.values import Json, digest

DEFAULT_SYSTEM_ACCOUNT = "$SYS"

# Settings of nats-server that are numbers: a quoted size is a type error for it.
_NUMBERS = ("max_payload", "max_pending", "max_connections", "max_control_line")


def claim(spec: Json) -> Json:
    """What the StatefulSet's volume claim templates are made from; Kubernetes lets nobody change them."""
    enabled = spec["jetstream"]["enabled"]
    resolver = spec["resolver"] if spec["resolver"].get("enabled") else {}
    return {
        "enabled": enabled,
        "size": spec["jetstream"]["size"] if enabled else "",
        "class": spec["storageClass"] if enabled else "",
        "resolver": {key: resolver[key] for key in ("enabled", "pvc", "dir") if key in resolver},
    }


def server_refuses(merge: Json) -> str:
    """What nats-server says of a config it cannot start with, "" where it can."""
    for key in _NUMBERS:
        value = merge.get(key)
        if isinstance(value, str) and not value.startswith("<<"):
            return f"interface conversion: interface {{}} is string, not int64 ({key})"
    return ""


def accounts_refused(merge: Json) -> str:
    """What nats-server says of an accounts block it cannot start with, "" where it can."""
    accounts, system = merge.get("accounts") or {}, system_account(merge)
    logins = [
        one.get("nkey") or one.get("user")
        for account in accounts.values()
        for one in account.get("users", [])
    ]
    if system != DEFAULT_SYSTEM_ACCOUNT and system not in accounts:
        return "error resolving system account: account missing"
    if _has_jetstream(accounts.get(system, {})):
        return "jetstream can not be enabled on the system account"
    for login in logins:
        if logins.count(login) > 1:
            return f'Duplicate user "{login}" detected'
    nobody = merge.get("no_auth_user")
    if nobody and nobody not in logins:
        return f'no_auth_user: "{nobody}" not present as user or nkey in account configuration'
    return ""


def system_account(merge: Json) -> str:
    """The account of the servers' own traffic."""
    return str(merge.get("system_account") or DEFAULT_SYSTEM_ACCOUNT)


def truth(settings: Json) -> Json:
    """What the servers hold: logins, whether anybody may come in, and the accounts that have JetStream."""
    merge = settings["merge"]
    accounts = {"A": {"users": [{"user": u, "password": p} for u, p in settings["users"].items()]}}
    accounts = merge.get("accounts", accounts if settings["users"] else {})
    users = {
        one["user"]: one.get("password", "")
        for account in accounts.values()
        for one in account.get("users", [])
        if "user" in one
    }
    enabled = sorted(name for name, account in accounts.items() if _has_jetstream(account))
    # Beside the system account alone, all others are let in without a login, and have JetStream.
    only_system = set(accounts) <= {system_account(merge)}
    asks = any(account.get("users") for account in accounts.values()) and not only_system
    return {
        "users": users,
        "open": not asks or bool(merge.get("no_auth_user")),
        "jetstream_accounts": ["$G"] if only_system else enabled,
    }


def _has_jetstream(account: Json) -> bool:
    return account.get("jetstream") not in (None, False, "disabled")


class InnerRelease(Operator):
    """helm-controller on ``<release>-system``: roll back and try again, for ever."""

    async def reconcile(self) -> float | None:
        item = self.cluster.resource("HelmRelease", f"{self.cluster.release}-system")
        if item is None:
            return None
        if item.deleting:
            await self.cluster.platform.kube.delete("HelmRelease", self.cluster.namespace, item.name)
            self.cluster.state.resources.pop(item.key)
            return None
        spec, in_force = item.spec, self.cluster.state.in_force
        if in_force and claim(spec) != in_force["claim"] and self.cluster.trap("nats-claim-frozen"):
            # Rolled back: the rest of the change is not in force either.
            item.report(False, "UpgradeFailed", self._forbidden())
            return self.cluster.platform.settings.retry_seconds
        refusal = "" if self.real else self._refused(spec, in_force)
        if refusal:
            return await self._crash(item, refusal)
        before = dict(in_force)
        complete = await self._roll_out(spec, before)
        stuck = self._stuck(spec)
        if stuck:
            item.report(
                False, "Progressing", f"Helm install is waiting: StatefulSet/{self.cluster.release} {stuck}"
            )
            return self.cluster.platform.settings.retry_seconds
        if not complete:
            item.report(False, "Progressing", "Running 'upgrade' action with timeout of 10m0s")
            return max(0.2, self.cluster.platform.settings.retry_seconds / 4)
        item.report(True, "UpgradeSucceeded", "Helm upgrade succeeded")
        return None

    def _refused(self, spec: Json, in_force: Json) -> str:
        """Why a server that restarts with this does not get ready."""
        merge = spec["merge"]
        refusal = server_refuses(merge) if self.cluster.trap("nats-unit-string") else ""
        if not refusal and in_force:
            before = in_force["settings"]
            if (system_account(merge), spec["tls"]) != (system_account(before["merge"]), bool(before["tls"])):
                refusal = "JetStream has not established contact with a meta leader"
        return refusal or accounts_refused(merge)

    def sets(self, spec: Json) -> tuple[PodSet, PodSet]:
        """The servers and the box."""
        release = self.cluster.release
        labels = {"app.kubernetes.io/instance": f"{release}-system", "app.kubernetes.io/name": "nats"}
        servers = PodSet(
            component="nats",
            owner=("StatefulSet", release),
            labels={**labels, "app.kubernetes.io/component": "nats"},
            image=f"nats:{VERSION}-alpine",
            resources=spec["resources"],
            volume=f"{release}-js-" if spec["jetstream"]["enabled"] else "",
            size=spec["jetstream"]["size"],
            storage_class=spec["storageClass"],
        )
        box = PodSet(
            component="nats-box",
            owner=("Deployment", f"{release}-box"),
            # The monitor's selector does not name the component, so it counts this pod too.
            labels={
                **(labels if self.cluster.trap("nats-monitor-box") else {}),
                "app.kubernetes.io/component": "nats-box",
            },
            image="natsio/nats-box:0.18.0",
            resources=container_resources("nano", {}),
            named=f"{release}-box-{digest({'release': release})[7:17]}",
        )
        return servers, box

    async def _roll_out(self, spec: Json, before: Json) -> bool:
        """Bring spec into force; True when every pod is there and Ready."""
        cluster, state = self.cluster, self.cluster.state
        servers, box = self.sets(spec)
        replicas = int(spec["replicas"])
        labels = dict(servers.labels)
        await cluster.service(service(cluster.release, {"nats": 4222}, labels), external=spec["external"])
        ports = {"nats": 4222, "cluster": 6222, "monitor": 8222}
        await cluster.service(service(f"{cluster.release}-headless", ports, labels, headless=True))
        issued = await self._certificates(spec, before.get("issued", {}))
        tls = (
            {"ca": issued["ca"]["certificate"], **{half: issued[half] for half in ("certificate", "key")}}
            if spec["tls"]
            else {}
        )
        settings = {**self.settings(spec), "tls": tls}
        # The route list names every server, so a new count is a new config for all of them.
        template = self.template(servers, settings, replicas, spec["tls"])
        leaving = [pod for pod in cluster.pods.of("nats") if pod.ordinal >= replicas]
        state.in_force = {
            "claim": claim(spec),
            "issued": issued,
            "replicas": before.get("replicas", replicas),
            "template": before.get("template", template),
            "settings": before.get("settings", settings),
        }
        complete = await self.add_pods(servers, range(replicas)) and await self.add_pods(box, [0])
        if self.real:
            await self._real(replicas, settings)
        else:
            await self.start_played(servers) if not self._stuck(spec) else None
        for pod in reversed(leaving):
            await cluster.pods.remove(pod.name, volume=cluster.trap("nats-scale-down-data"))
        await self.start_played(box)
        if state.in_force["template"] != template and complete:
            if not self.real:
                complete = await self.roll_played(servers)
            if complete:
                state.in_force |= {"template": template}
        state.in_force |= {"replicas": replicas, "settings": settings}
        state.truth = truth(settings)
        return complete and all(pod.ready for pod in cluster.pods.of("nats"))

    async def _certificates(self, spec: Json, issued: Json) -> Json:
        """Play cert-manager: an authority for good, and a new certificate whenever its names change. No
        tenant reads either.
        """
        cluster = self.cluster
        if not spec["tls"]:
            return issued
        values = yaml.safe_load((await cluster.secret("cozystack-values"))["_namespace"])
        outside = f"{cluster.release}.{values['host']}" if spec["external"] else ""
        hosts = nats_hosts(cluster.release, cluster.namespace, outside)
        if issued.get("hosts") == hosts:
            return issued
        ca = Pair(**issued["ca"]) if issued else Authority.create(f"{cluster.release}-ca").pair
        pair = Authority(ca).issue(cluster.release, hosts=hosts, both=True)
        for name, half in (("ca", ca), ("tls", pair)):
            data = {"ca.crt": ca.certificate, "tls.crt": half.certificate, "tls.key": half.key}
            await cluster.apply(secret(f"{cluster.release}-{name}", data, visible=False))
        return {"hosts": hosts, "ca": asdict(ca), **asdict(pair)}

    async def _real(self, replicas: int, settings: Json) -> None:
        cluster, in_force = self.cluster, self.cluster.state.in_force
        await self.bring_up(in_force["replicas"], in_force["settings"])
        brokers: Any = cluster.brokers
        nats: NatsCluster = brokers
        if in_force["replicas"] != replicas:
            await cluster.work(lambda: nats.scale(replicas))
            if replicas < in_force["replicas"] and cluster.trap("nats-scale-down-data"):
                gone = range(replicas, in_force["replicas"])
                await cluster.work(lambda: nats.remove_data(gone))
        if in_force["settings"] != settings:
            await cluster.work(lambda: nats.configure(settings))
        await self.revive()
        await cluster.pods.mirror()

    def settings(self, spec: Json) -> Json:
        """What the upstream chart writes into nats.conf beyond the fixed parts."""
        users, merge = spec["users"], spec["merge"]
        if users and "accounts" not in merge and not self.cluster.trap("nats-users-no-jetstream"):
            logins = [{"user": name, "password": password} for name, password in users.items()]
            return {
                **self._base(spec),
                "users": {},
                "merge": {**merge, "accounts": {"A": {"jetstream": True, "users": logins}}},
            }
        return {**self._base(spec), "users": users, "merge": merge}

    def _base(self, spec: Json) -> Json:
        return {"jetstream": spec["jetstream"], "resolver": spec["resolver"]}

    def _stuck(self, spec: Json) -> str:
        """Why the servers can never become Ready, "" where they can."""
        # /healthz, the startup probe, waits for a meta leader, with the file store switched off too.
        if int(spec["replicas"]) == 1 and self.cluster.trap("nats-single-server"):
            return "startup probe failed: JetStream has not established contact with a meta leader"
        return ""

    async def _crash(self, item: Resource, refusal: str) -> float:
        """The highest pod is replaced first and does not start; the rest keep the old config."""
        cluster = self.cluster
        pods = cluster.pods.of("nats")
        if pods:
            last = pods[-1]
            await cluster.pods.mark(last.name, ready=False, reason="Error", restarts=last.restarts + 1)
            message = f"Back-off restarting failed container nats in pod {last.name}"
            await cluster.event("Pod", last.name, "BackOff", message, warning=True)
        item.report(
            False,
            "UpgradeFailed",
            f"timeout waiting for: [StatefulSet/{cluster.release}]: nats-server: {refusal}",
        )
        return cluster.platform.settings.retry_seconds

    def _forbidden(self) -> str:
        release = self.cluster.release
        return (
            f"Helm upgrade failed for release {self.cluster.namespace}/{release}-system: cannot patch"
            f' "{release}" with kind'
            f' StatefulSet: StatefulSet.apps "{release}" is invalid: spec: Forbidden: updates to'
            f" statefulset spec for"
            " fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit',"
            " 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
        )
