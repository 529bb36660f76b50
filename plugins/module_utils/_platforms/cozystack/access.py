# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a cluster's brokers listen and who may log in, as far as this platform tells a tenant.

Tenants may neither exec nor forward ports. They may read Services, EndpointSlices and, from the role `use`
upwards, those Secrets that the platform shows as `tenantsecrets`.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import ssl
import typing as t

from ..._convergence import errors
from ..._engine.access import Endpoint, Login, Trust, Way
from ..._engine.secret import Secret
from ..._engine.state import ClusterRef
from ..session import Session
from .applications import APPLICATIONS

_APPS = "apps.cozystack.io"
_SERVICE_NAME = "kubernetes.io/service-name"


@dataclasses.dataclass(frozen=True, slots=True)
class _Doors:
    """The Services of one kind of cluster, in names that follow the release's. `tls_port` is where the
    service inside speaks TLS: the `port` itself where TLS is turned on or off for all clients. `ca` is the
    Secret with the CA that a tenant may read."""

    product: str
    service: str
    port: int
    headless: str
    outside: str
    outside_port: int
    tls_port: int | None = None
    ca: str | None = None


_DOORS: t.Mapping[str, _Doors] = {
    "kafka": _Doors(
        "Kafka",
        service="-kafka-bootstrap",
        port=9092,
        headless="-kafka-brokers",
        outside="-kafka-external-bootstrap",
        outside_port=9094,
        tls_port=9093,
        ca="-cluster-ca-cert",
    ),
    "rabbitmq": _Doors("RabbitMQ", service="", port=15672, headless="-nodes", outside="", outside_port=15672),
    "nats": _Doors(
        "NATS", service="", port=4222, headless="-headless", outside="", outside_port=4222, tls_port=4222
    ),
}
_ADMINISTRATOR = "-default-user"
_LOGINS = "-credentials"
_UNSAID = Trust()


@dataclasses.dataclass(frozen=True, slots=True)
class NoWay:
    """A way that would be there if something else were; `reason` says what."""

    origin: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class StoredLogin:
    """A login and the Secret that it was found in, with when that was made."""

    login: Login
    secret: str
    created: datetime.datetime | None = None


class Access:
    """What can be found out about one cluster. Nothing is asked before it is needed, and nothing twice.

    `tls` and `trust` are what a person has said of TLS; None and nothing leave it to the platform.
    """

    def __init__(
        self, session: Session, ref: ClusterRef, *, tls: bool | None = None, trust: Trust = _UNSAID
    ) -> None:
        self._session, self._ref = session, ref
        self._tls, self._trust = tls, trust
        self._doors = _DOORS[ref.kind]
        self._release = APPLICATIONS[ref.kind].prefix + ref.name
        self._spec: t.Mapping[str, t.Any] | None = None
        self._shown: t.Mapping[str, t.Mapping[str, str]] | None = None
        self._created: t.Mapping[str, datetime.datetime] = {}

    def inside(self) -> t.Iterator[Way | NoWay]:
        """The ways of the cluster's own network: by the name of the Service, then to the pods behind it."""
        doors, service = self._doors, self._release + self._doors.service
        trust = self._trust_inside()
        port = doors.port if trust is None else doors.tls_port or doors.port
        name = f"{service}.{self._ref.namespace}.svc"
        yield Way(f"Service {service}", (Endpoint(name, port),), trust)
        if trust is not None and trust.server_name is None:
            # the certificates name the Service, not the pods' addresses
            trust = dataclasses.replace(trust, server_name=name)
        yield self._to_pods(service, port, trust)

    def _to_pods(self, service: str, port: int, trust: Trust | None) -> Way | NoWay:
        """The way to the pods behind a Service that take clients now."""
        origin = f"EndpointSlices of Service {service}"
        try:
            pods = self._pods(service, port)
        except (errors.Forbidden, errors.NotFound) as error:
            return NoWay(origin, str(error))
        ready = tuple(endpoint for endpoint, is_ready in pods.values() if is_ready)
        if not pods:
            self._application()  # which says so if there is no such cluster
        if not ready:
            return NoWay(origin, f"no pod behind it is ready to take clients on port {port}")

        def again() -> Way:
            try:
                found = self._to_pods(service, port, trust)
            except errors.Failure as error:
                raise errors.Unreachable(f"{origin}: {error}") from error
            if isinstance(found, NoWay):
                raise errors.Unreachable(f"{found.origin}: {found.reason}")
            return found

        return Way(origin, ready, trust, again=again)

    def outside(self) -> t.Iterator[Way | NoWay]:
        """The way over the load balancer's addresses, where the cluster is open to the outside."""
        doors, service = self._doors, self._release + self._doors.outside
        origin = f"LoadBalancer of Service {service}"
        if not self._application().get("external"):
            yield NoWay(
                origin, "there is none, as the cluster is not reachable from outside (external: false)"
            )
            return
        trust = self._trust_outside()
        try:
            found = self._session.read(f"/api/v1/namespaces/{self._ref.namespace}/services/{service}")
        except (errors.Forbidden, errors.NotFound) as error:
            yield NoWay(origin, str(error))
            return
        ingress = ((found.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
        hosts = [one.get("ip") or one.get("hostname") for one in ingress]
        if not hosts:
            yield NoWay(origin, "it has no address yet; the platform may have none left")
            return
        endpoints = tuple(Endpoint(host, doors.outside_port) for host in hosts)
        yield Way(origin, endpoints, trust, public=True)

    def login(self, username: str | None) -> StoredLogin | None:
        """The login of a user, or without a name the one that administers the cluster; None where brokers
        of this kind have no such user and let anybody in. Raises NotFound where no Secret holds it."""
        kind = self._ref.kind
        if kind == "kafka" and username is not None:
            raise errors.NotFound(
                f"{self._ref}: Kafka has no logins on this platform, so there is no password for "
                f"{username!r}; leave out broker_username"
            )
        if kind == "rabbitmq":
            return self._rabbitmq_login(username)
        return None if username is None else self._nats_login(username)

    def nodes(self, port: int | None = None) -> t.Mapping[str, Endpoint]:
        """The address of each pod with a broker by the pod's name, ready or not, with the port for clients
        inside or another one. One LIST."""
        service = self._release + self._doors.headless
        pods = self._pods(service, port or self._doors.port, any_port=True)
        return {name: endpoint for name, (endpoint, _is_ready) in pods.items()}

    def _trust_inside(self) -> Trust | None:
        doors = self._doors
        tls = self._tls
        if tls is None:  # where both are offered, there is no password that would have to be hidden
            tls = doors.tls_port == doors.port and self._speaks_tls()
        return self._trust_of(self._release + doors.service) if tls else None

    def _trust_outside(self) -> Trust | None:
        tls = self._tls if self._tls is not None else self._doors.tls_port is not None and self._speaks_tls()
        return self._trust_of(self._release + self._doors.outside) if tls else None

    def _trust_of(self, service: str) -> Trust:
        """What proves a server, by what was said or by what the platform shows."""
        doors, trust = self._doors, self._trust
        if doors.tls_port is None:
            raise errors.Unreachable(
                f"{self._ref}: {doors.product} speaks no TLS on this platform; leave out broker_tls and "
                "broker_ca_file, or name what does speak it in broker_endpoints"
            )
        if trust.ca is None:
            trust = dataclasses.replace(trust, ca=self._shown_ca())
        # the server's certificate is for the names of its Services alone: addresses are not in it
        # (cozystack: packages/apps/nats/templates/certmanager.yaml), where Strimzi's have them
        if trust.server_name is None and doors.tls_port == doors.port:
            trust = dataclasses.replace(trust, server_name=f"{service}.{self._ref.namespace}.svc")
        return trust

    def _shown_ca(self) -> str:
        if self._doors.ca is None:
            raise errors.Unreachable(
                f"{self._ref}: the brokers speak TLS, and the platform does not show a tenant the CA that "
                f"signed for them (Secret {self._release}-ca, ca.crt); ask whoever runs the platform for it "
                "and name its file in broker_ca_file"
            )
        name = self._release + self._doors.ca
        ca = self._secrets().get(name, {}).get("ca.crt", "")
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=ca)
        except (ssl.SSLError, ValueError) as error:
            raise errors.NotFound(
                f"{self._ref}: there is no Secret {name} with a CA in ca.crt; wait until the cluster is "
                "ready, or name the CA's file in broker_ca_file"
            ) from error
        return ca

    def _rabbitmq_login(self, username: str | None) -> StoredLogin:
        administrator = self._release + _ADMINISTRATOR
        if not self._secrets():
            self._application()  # which says so if there is no such cluster
        for name, data in self._secrets().items():
            if not {"username", "password"} <= data.keys():
                continue
            is_administrator = name == administrator
            if data["username"] == username or (username is None and is_administrator):
                login = Login(data["username"], Secret(data["password"]), is_administrator)
                return StoredLogin(login, name, self._created.get(name))
        who = "the administrator" if username is None else f"the user {username!r}"
        known = sorted(data["username"] for data in self._secrets().values() if "username" in data)
        raise self._no_login(who, known)

    def _nats_login(self, username: str) -> StoredLogin:
        name = self._release + _LOGINS
        logins = self._secrets().get(name, {})
        if username not in logins:
            raise self._no_login(f"the user {username!r}", sorted(logins))
        return StoredLogin(Login(username, Secret(logins[username])), name, self._created.get(name))

    def _no_login(self, who: str, known: t.Sequence[str]) -> errors.NotFound:
        listed = f"there are those of {', '.join(known)}" if known else "there are none at all"
        return errors.NotFound(
            f"{self._ref}: no Secret of this cluster holds a login of {who} ({listed}); check namespace, "
            "cluster and broker_username, or give broker_username and broker_password"
        )

    def _speaks_tls(self) -> bool:
        """The chart's answer: what `tls.enabled` says, or where that is unset, `external`
        (cozystack: packages/apps/{kafka,nats}/templates/_tls.tpl)."""
        spec = self._application()
        enabled = (spec.get("tls") or {}).get("enabled")
        return bool(spec.get("external") if enabled is None else enabled)

    def _application(self) -> t.Mapping[str, t.Any]:
        if self._spec is None:
            resource = APPLICATIONS[self._ref.kind].resource
            where = f"/apis/{_APPS}/v1alpha1/namespaces/{self._ref.namespace}/{resource}/{self._ref.name}"
            try:
                self._spec = self._session.read(where).get("spec") or {}
            except errors.NotFound as error:
                raise errors.NotFound(
                    f"{self._ref}: there is no such cluster; check namespace and cluster", **error.details
                ) from error
        return self._spec

    def _secrets(self) -> t.Mapping[str, t.Mapping[str, str]]:
        """What the Secrets hold that a tenant may read, by their names. One LIST."""
        if self._shown is None:
            application = APPLICATIONS[self._ref.kind]
            labels = (
                f"{_APPS}/application.kind={application.api_kind},{_APPS}/application.name={self._ref.name}"
            )
            where = f"/apis/core.cozystack.io/v1alpha1/namespaces/{self._ref.namespace}/tenantsecrets"
            try:
                items = self._session.read(where, labelSelector=labels)["items"]
            except errors.Forbidden as error:
                raise errors.Forbidden(
                    f"{self._ref}: the cluster's Secrets may not be read ({error}), or give what is in them: "
                    "broker_username and broker_password, broker_ca_file",
                    **error.details,
                ) from error
            self._shown = {one["metadata"]["name"]: _decoded(one.get("data") or {}) for one in items}
            self._created = {
                one["metadata"]["name"]: datetime.datetime.fromisoformat(one["metadata"]["creationTimestamp"])
                for one in items
                if one["metadata"].get("creationTimestamp")
            }
        return self._shown

    def _pods(self, service: str, port: int, *, any_port: bool = False) -> dict[str, tuple[Endpoint, bool]]:
        """The pods behind a Service by their names, and whether they take clients. Only slices that have the
        port count, unless it is one that the Service does not carry."""
        slices = self._session.read(
            f"/apis/discovery.k8s.io/v1/namespaces/{self._ref.namespace}/endpointslices",
            labelSelector=f"{_SERVICE_NAME}={service}",
        )["items"]
        found: dict[str, tuple[Endpoint, bool]] = {}
        for one in slices:
            if not any_port and port not in [entry.get("port") for entry in one.get("ports") or []]:
                continue
            for endpoint in one.get("endpoints") or []:
                (address, *_more) = endpoint["addresses"]
                # unknown counts as ready (kubernetes: EndpointConditions)
                ready = (endpoint.get("conditions") or {}).get("ready") is not False
                found[(endpoint.get("targetRef") or {}).get("name") or address] = (
                    Endpoint(address, port),
                    ready,
                )
        return dict(sorted(found.items()))


def _decoded(data: t.Mapping[str, str]) -> dict[str, str]:
    """What a Secret holds, as far as it is text; a CA's Secret also has a store of bytes."""
    texts = {}
    for key, value in data.items():
        try:
            texts[key] = base64.b64decode(value).decode()
        except ValueError:
            continue
    return texts
