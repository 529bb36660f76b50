# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""RabbitMQ's cluster operator (2.9.0) and messaging topology operator (1.14.2)."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.lab.brokers.api import RabbitMQCluster
from tests.lab.standin.charts.common import random_password, secret
from tests.lab.standin.operators.common import Operator, service
from tests.lab.standin.pods import PodSet
from tests.lab.standin.quantities import parse
from tests.lab.standin.state import Resource
from tests.lab.standin.values import Json

_TOO_LITTLE = parse("128Mi")
# The label controller-revision-hash adds eleven characters to the StatefulSet's name, and has room for 63.
_LONGEST_SET = 52


def starves(spec: Json) -> bool:
    """Whether the broker cannot live in the memory it gets: 4.x needs more than 128Mi."""
    return parse(spec["resources"]["limits"]["memory"]) <= _TOO_LITTLE and not spec["version"].startswith(
        "3."
    )


def goes_back(before: str, after: str) -> bool:
    """Whether a version is lower than the one that wrote the data: its feature flags are unknown to it."""
    minor = [tuple(int(part) for part in version.split(".")[:2]) for version in (before, after)]
    return minor[1] < minor[0]


class ClusterOperator(Operator):
    """RabbitmqCluster → StatefulSet, Services, the default user. It refuses before it applies anything."""

    async def reconcile(self) -> float | None:
        cluster = self.cluster
        item = cluster.resource("RabbitmqCluster")
        if item is None:
            return None
        if item.deleting:
            cluster.state.resources.pop(item.key)
            cluster.touch()
            return None
        pods = self.pod_set(item.spec)
        if item.observed != item.generation:
            refusal = await self._refusal(item)
            if refusal:
                in_force = cluster.state.in_force
                in_force["refused"] = item.generation
                # Before its first pass is over it has written no observedGeneration, and who has none to
                # look at takes everything for done.
                unseen = not in_force.get("complete") and cluster.trap("rabbitmq-refused-unseen")
                item.report(False, *refusal, observed=unseen)
                return None
            await self._services(item.spec)
            item.report(item.ready, "ReconcileSuccess")
            cluster.changed()
            cluster.save()
        return await self._roll_out(item, pods)

    def pod_set(self, spec: Json) -> PodSet:
        release = self.cluster.release
        labels = {
            "app.kubernetes.io/name": release,
            "app.kubernetes.io/component": "rabbitmq",
            "app.kubernetes.io/part-of": "rabbitmq",
        }
        # Existing volumes keep their class, and new ones follow the StatefulSet's old template.
        kept = (
            self.cluster.state.in_force.get("class") if self.cluster.trap("rabbitmq-class-ignored") else None
        )
        return PodSet(
            component="rabbitmq",
            owner=("StatefulSet", f"{release}-server"),
            labels=labels,
            image=spec["image"],
            resources=spec["resources"],
            volume="persistence-",
            size=spec["size"],
            storage_class=spec["storageClass"] if kept is None else kept,
        )

    async def _refusal(self, item: Resource) -> tuple[str, str] | None:
        """Reason and message of what the operator refuses: then nothing else of the change is applied."""
        cluster, spec, in_force = self.cluster, item.spec, self.cluster.state.in_force
        if not in_force:
            return None
        before, wanted = in_force["replicas"], int(spec["replicas"])
        if wanted < before and cluster.trap("rabbitmq-scale-down"):
            return (
                "UnsupportedOperation",
                f"Cluster Scale down not supported; tried to scale cluster from {before} nodes to {wanted}"
                f" nodes",
            )
        grows = parse(spec["size"]) - parse(in_force["size"])
        if grows < 0 and cluster.trap("rabbitmq-shrink"):
            return "FailedReconcilePVC", "shrinking persistent volumes is not supported"
        stuck = grows > 0 and not await cluster.platform.expandable(in_force["class"])
        if stuck and cluster.trap("rabbitmq-growth"):
            # The StatefulSet was deleted first, leaving its pods; only the old size makes it again.
            in_force["stateful_set"] = False
            claim = f"persistence-{cluster.release}-server-0"
            return (
                "FailedReconcilePVC",
                f"failed to update PersistentVolumeClaim {claim}: persistentvolumeclaims"
                f' "{claim}" is forbidden: only dynamically provisioned pvc can be resized and the'
                " storageclass that provisions the pvc must support resize",
            )
        if grows >= 0:
            in_force["size"] = spec["size"]
        in_force["stateful_set"] = True
        return None

    async def _services(self, spec: Json) -> None:
        cluster = self.cluster
        release = cluster.release
        selector = {"app.kubernetes.io/name": release}
        ports = {"amqp": 5672, "management": 15672, "prometheus": 15692}
        await cluster.service(service(release, ports, selector), external=spec["external"])
        nodes = {"epmd": 4369, "cluster-rpc": 25672}
        await cluster.service(service(f"{release}-nodes", nodes, selector, headless=True))
        in_force = cluster.state.in_force
        if "password" not in in_force:
            stored = await cluster.secret(f"{release}-default-user")
            in_force["username"] = stored.get("username") or f"default_user_{random_password()}"
            in_force["password"] = stored.get("password") or random_password() + random_password()
        username, password = in_force["username"], in_force["password"]
        data = {
            "username": username,
            "password": password,
            "host": f"{release}.{cluster.namespace}.svc",
            "port": "5672",
            "default_user.conf": f"default_user = {username}\ndefault_pass = {password}\n",
            "provider": "rabbitmq",
            "type": "rabbitmq",
        }
        await cluster.apply(secret(f"{release}-default-user", data, visible=True))
        in_force.setdefault("replicas", int(spec["replicas"]))
        in_force.setdefault("size", spec["size"])
        in_force.setdefault("class", spec["storageClass"])
        in_force.setdefault("stateful_set", True)

    async def _roll_out(self, item: Resource, pods: PodSet) -> float | None:
        """Pods and brokers; the release does not wait for it."""
        cluster, spec = self.cluster, item.spec
        in_force, generation = cluster.state.in_force, item.generation
        refused = item.observed != generation or in_force.get("refused") == generation
        if refused or not in_force.get("stateful_set"):
            return None  # or no StatefulSet that would replace anything
        owner = pods.owner[1]
        if len(owner) > _LONGEST_SET and cluster.trap("rabbitmq-long-name"):
            message = (
                f'create Pod {owner}-0 in StatefulSet {owner} failed error: Pod "{owner}-0" is invalid:'
                " metadata.labels: Invalid value: must be no more than 63 characters"
            )
            await cluster.event("StatefulSet", owner, "FailedCreate", message, warning=True)
            return None
        template = self.template(pods, spec["version"])
        replicas = int(spec["replicas"])
        before = in_force["replicas"]
        complete = await self.add_pods(pods, range(replicas))
        for ordinal in range(replicas):
            if pods.pod(ordinal) in cluster.state.pods:
                await cluster.pods.volume(pods, ordinal)
        rolls = in_force.setdefault("template", template) != template
        in_force["replicas"] = replicas
        if cluster.oom or (starves(spec) and cluster.trap("rabbitmq-oom")):
            in_force["template"] = template
            await cluster.stop_brokers()
            return await self.out_of_memory(pods)
        back = goes_back(str(in_force.setdefault("version", spec["version"])), spec["version"])
        # Real nodes here begin with one version, whatever is declared, and play what they are rolled to.
        if rolls and back and not self.real and cluster.trap("rabbitmq-version-down"):
            return await self._crash_loop(pods)
        await self.restart_failed(pods)
        if self.real:
            await self._real(before, replicas, rolls, str(spec["version"]))
        else:
            await self.start_played(pods)
            if rolls and not await self.roll_played(pods):
                return max(0.2, cluster.platform.settings.retry_seconds / 4)
        in_force["template"], in_force["version"] = template, spec["version"]
        ready = complete and all(pod.ready for pod in cluster.pods.of("rabbitmq"))
        item.ready, item.reason = ready, "AllReplicasReady"
        if ready and item.generation == generation:
            in_force["complete"] = True
        cluster.touch_others(self)
        return None if ready else max(0.2, cluster.platform.settings.retry_seconds / 4)

    async def _crash_loop(self, pods: PodSet) -> float:
        """The StatefulSet stops at the first pod that does not come up again; the others stay as they are."""
        cluster = self.cluster
        last = cluster.pods.of("rabbitmq")[-1]
        if last.image != pods.image:
            await cluster.pods.replace(pods, last.ordinal)
        restarts = cluster.state.pods[last.name].restarts + 1
        await cluster.pods.mark(last.name, ready=False, reason="Error", restarts=restarts)
        message = f"Back-off restarting failed container rabbitmq in pod {last.name}"
        await cluster.event("Pod", last.name, "BackOff", message, warning=True)
        return max(0.2, cluster.platform.settings.retry_seconds)

    async def _real(self, before: int, replicas: int, rolls: bool, version: str) -> None:
        cluster, in_force = self.cluster, self.cluster.state.in_force
        login = {"username": in_force["username"], "password": in_force["password"]}
        fresh = cluster.brokers is None
        await self.bring_up(before, login)
        brokers: Any = cluster.brokers
        rabbit: RabbitMQCluster = brokers
        if replicas != before:
            await cluster.work(lambda: rabbit.scale(replicas))
        if rolls and not fresh:
            if in_force["version"] != version:
                rabbit.play(version)
            await cluster.work(rabbit.restart_rolling)
        await self.revive()
        await cluster.pods.mirror()


class TopologyOperator(Operator):
    """Users, vhosts and permissions. It never looks again at what it declared, unless the object changes."""

    async def reconcile(self) -> float | None:
        cluster = self.cluster
        owner = cluster.resource("RabbitmqCluster")
        if owner is None:
            # With the cluster gone they drop their finalizers without a word to any broker.
            for item in list(cluster.state.resources.values()):
                if item.deleting:
                    cluster.state.resources.pop(item.key)
            return None
        for kind, remove in (
            ("Permission", self._clear),
            ("Vhost", self._delete_vhost),
            ("User", self._delete_user),
        ):
            for item in cluster.of_kind(kind):
                if item.deleting:
                    if not owner.deleting:
                        await remove(item)
                    cluster.state.resources.pop(item.key, None)
        if owner.deleting:
            return None
        pending = [
            item
            for kind in ("User", "Vhost", "Permission")
            for item in cluster.of_kind(kind)
            if not _done(item)
        ]
        if not pending:
            return None
        if not any(pod.ready for pod in cluster.pods.of("rabbitmq")):
            for item in pending:
                item.report(
                    False, "FailedCreateOrUpdate", "failed to retrieve RabbitmqCluster: not available"
                )
            return max(0.05, cluster.platform.settings.pod_seconds)
        declare = {
            "User": self._declare_user,
            "Vhost": self._declare_vhost,
            "Permission": self._declare_permission,
        }
        for item in pending:
            await declare[item.kind](item)
        left = [item for item in pending if not _done(item)]
        return max(0.1, cluster.platform.settings.retry_seconds / 10) if left else None

    @property
    def truth(self) -> Json:
        """What the broker holds."""
        truth = self.cluster.state.truth
        for name in ("users", "vhosts", "permissions"):
            truth.setdefault(name, {})
        return truth

    async def _broker(self, call: str, *arguments: str) -> None:
        brokers: Any = self.cluster.brokers
        if brokers is not None:
            await self.cluster.work(lambda: getattr(brokers, call)(*arguments))

    async def _declare_user(self, item: Resource) -> None:
        cluster = self.cluster
        hidden = cluster.state.hidden
        if item.name not in hidden or not cluster.trap("rabbitmq-password-kept"):
            # Copied once, when the User is made; from then on only this copy is declared.
            hidden[item.name] = await cluster.secret(item.spec["secret"])
            await cluster.apply(secret(f"{item.name}-user-credentials", hidden[item.name], visible=False))
        login = hidden[item.name]
        await self._broker("declare_user", login["username"], login["password"])
        self.truth["users"][login["username"]] = login["password"]
        item.report(True, "SuccessfulCreateOrUpdate")

    async def _delete_user(self, item: Resource) -> None:
        cluster = self.cluster
        login = cluster.state.hidden.get(item.name)
        if login:
            await self._broker("delete_user", login["username"])
            self.truth["users"].pop(login["username"], None)
            self._forget_permissions(user=login["username"])
        if not cluster.trap("rabbitmq-late-garbage"):
            await asyncio.sleep(0.01)  # the garbage collector follows 8 to 15 ms later
            cluster.state.hidden.pop(item.name, None)
            await cluster.remove("Secret", f"{item.name}-user-credentials")

    async def _declare_vhost(self, item: Resource) -> None:
        await self._broker("declare_vhost", item.spec["name"])
        self.truth["vhosts"][item.spec["name"]] = True
        item.report(True, "SuccessfulCreateOrUpdate")

    async def _delete_vhost(self, item: Resource) -> None:
        name = item.spec["name"]
        await self._broker("delete_vhost", name)
        self.truth["vhosts"].pop(name, None)
        self._forget_permissions(vhost=name)

    def _forget_permissions(self, *, user: str | None = None, vhost: str | None = None) -> None:
        """The broker drops what belongs to a user or vhost; the Permission objects do not notice."""
        permissions = self.truth["permissions"]
        for entry in list(permissions):
            where, who = permissions[entry][:2]
            if who == user or where == vhost:
                del permissions[entry]
                if not self.cluster.trap("rabbitmq-permission-kept"):
                    for item in self.cluster.of_kind("Permission"):
                        if (item.spec["vhost"], item.spec["user"]) == (where, who):
                            item.observed = 0

    async def _declare_permission(self, item: Resource) -> None:
        vhost, user = item.spec["vhost"], item.spec["user"]
        missing = user not in self.truth["users"] or vhost not in self.truth["vhosts"]
        if missing and self.cluster.trap("rabbitmq-undeclared-user"):
            problem = (
                f"failed to set permission for user {user} on vhost {vhost}: user or vhost does not exist"
            )
            item.report(False, "FailedCreateOrUpdate", problem)
            return
        rights = [item.spec[right] for right in ("configure", "write", "read")]
        if not missing:
            await self._broker("set_permission", vhost, user, *rights)
            self.truth["permissions"][f"{vhost} {user}"] = [vhost, user, *rights]
        item.report(True, "SuccessfulCreateOrUpdate")

    async def _clear(self, item: Resource) -> None:
        vhost, user = item.spec["vhost"], item.spec["user"]
        if self.truth["permissions"].pop(f"{vhost} {user}", None):
            await self._broker("clear_permission", vhost, user)


def _done(item: Resource) -> bool:
    return item.ready and item.observed == item.generation
