# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kafka's brokers, asked through kafka-python.

What that library returns as dicts and as errors among the results leaves this module as values, or as one
of the classes of `errors`. Every question of ours can be asked twice with the same end, writes too, so a
passing error (a leader or a coordinator that moves, a broker that has just gone) is followed by a fresh
connection and another try, until the time that was given is over.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import socket
import ssl
import time
import typing as t

from ..._convergence.api import Requests
from ..._convergence.errors import (
    BrokerFailed,
    Conflict,
    LoginRefused,
    Rejected,
    TooOld,
    Unreachable,
)
from ..._engine.access import Endpoint, Login, Trust, Way
from ..api import Version, missing_library
from .names import Key

try:
    import kafka
    import kafka.admin
    import kafka.errors
    import kafka.structs
except ImportError:
    HAS_KAFKA = False
else:
    HAS_KAFKA = True

_PAUSE = 0.2
_FIRST_RECORDS = 65536
_MECHANISM = "SCRAM-SHA-512"
"""What Strimzi's listeners with users take."""
SET_ON_TOPIC = "DYNAMIC_TOPIC_CONFIG"

Found = t.TypeVar("Found")


@dataclasses.dataclass(frozen=True, slots=True)
class Partition:
    """A partition as the brokers tell it. `replicas` has the preferred leader first, and all of both ends
    while a move is under way; `leader` is None where there is none."""

    leader: int | None
    replicas: tuple[int, ...]
    in_sync: frozenset[int]
    offline: frozenset[int]
    epoch: int


@dataclasses.dataclass(frozen=True, slots=True)
class Topic:
    """A topic and its partitions, by number."""

    name: str
    internal: bool
    partitions: t.Mapping[int, Partition]


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """A broker that is there."""

    endpoint: Endpoint
    rack: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Brokers:
    """The brokers that are there, by their number, and which of them is the controller."""

    nodes: t.Mapping[int, Node]
    controller: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class Controllers:
    """The quorum that decides in KRaft mode: its leader, None where there is none, and when (milliseconds
    since 1970) each voter last had everything."""

    leader: int | None
    caught_up: t.Mapping[int, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """A value in effect (None: it is secret) and where it comes from, in Kafka's words:
    DYNAMIC_TOPIC_CONFIG, STATIC_BROKER_CONFIG, DEFAULT_CONFIG and so on."""

    value: str | None
    source: str


@dataclasses.dataclass(frozen=True, slots=True)
class Move:
    """A reassignment under way: `target` is where it goes."""

    target: tuple[int, ...]
    adding: tuple[int, ...]
    removing: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Log:
    """A replica on a broker's disk: its bytes, and how many messages it is behind its leader."""

    size: int
    behind: int


@dataclasses.dataclass(frozen=True, slots=True)
class Disk:
    """A log directory of a broker, with the replicas in it. `total` and `usable` bytes are None where the
    broker does not say; `error` is empty where the directory works."""

    broker: int
    path: str
    error: str
    total: int | None
    usable: int | None
    logs: t.Mapping[Key, Log]


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """A consumer of a group, and the partitions that it has."""

    member_id: str
    client_id: str
    host: str
    partitions: tuple[Key, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """A consumer group: `state` in Kafka's words (Stable, Empty, PreparingRebalance), `sort` classic or
    consumer."""

    name: str
    state: str
    sort: str
    members: tuple[Member, ...]


def connect(way: Way, login: Login | None, *, timeout: float) -> Kafka:
    """A connection to the brokers that the first endpoint which answers tells of."""
    if not HAS_KAFKA:
        raise missing_library("kafka-python", ">=3.0.10,<4")
    client = Kafka(way, login, timeout)
    client.open()
    return client


class Kafka:
    """One connection to the brokers of a cluster."""

    product: t.ClassVar[str] = "Kafka"

    def __init__(self, way: Way, login: Login | None, timeout: float) -> None:
        self.requests = Requests()
        self._way, self._login, self._timeout = way, login, timeout
        self._tls = None if way.tls is None else _context(way.tls)
        self._admin: t.Any = None
        self._reader: t.Any = None
        self._epochs: dict[tuple[str, int], int] = {}
        self._version: Version = ()
        self._advertised: tuple[Endpoint, ...] = ()

    @property
    def version(self) -> Version:
        """What the brokers run, as far as what they understand tells: 3.9 for 3.9.1."""
        return self._version

    def open(self) -> None:
        """Connect, and ask for the brokers. Raises Unreachable and LoginRefused."""
        self._connect(self._way.endpoints)
        nodes = self.brokers().nodes
        self._advertised = tuple(node.endpoint for node in nodes.values())
        self._version = self._read("the version", lambda admin: _version(admin, min(nodes)))

    def close(self) -> None:
        """End the connection."""
        for one in (self._reader, self._admin):
            if one is not None:
                with contextlib.suppress(Exception):  # whatever it says, it is over
                    one.close()
        self._reader = self._admin = None

    # -- the cluster -----------------------------------------------------------------------------------

    def brokers(self) -> Brokers:
        """The brokers that are there."""
        found = self._read("the brokers", lambda admin: admin.describe_cluster())
        nodes = {
            row["broker_id"]: Node(Endpoint(row["host"], row["port"]), row["rack"])
            for row in found["brokers"]
            if not row.get("is_fenced")
        }
        controller = found["controller_id"]
        return Brokers(dict(sorted(nodes.items())), None if controller < 0 else controller)

    def versions(self) -> dict[int, Version]:
        """What each broker runs, as far as the requests that it understands tell. Each is asked by a client
        of its own: kafka-python takes no broker for newer than the one that a client met first (3.0.12:
        net/connection.py, "clamping"). Of one that is listed and does not answer it is empty."""
        nodes = self.brokers().nodes
        return self._read(
            "the versions",
            lambda _admin: {number: self._version_at(number, node) for number, node in nodes.items()},
        )

    def controllers(self) -> Controllers:
        """The quorum of the controllers. Raises TooOld where ZooKeeper is in their place."""
        found = self._read("the controllers", lambda admin: admin.describe_metadata_quorum())
        quorum = found["topics"][0]["partitions"][0]
        return Controllers(
            None if quorum["leader_id"] < 0 else quorum["leader_id"],
            {row["replica_id"]: row["last_caught_up_timestamp"] for row in quorum["current_voters"]},
        )

    def topics(self, names: t.Iterable[str] | None = None) -> dict[str, Topic]:
        """The topics of these names that are there, or all with the internal ones; sorted by name.

        Never older than what was told before: any broker answers, and one may not know yet what another
        has told already.
        """
        asked = None if names is None else sorted(set(names))
        if asked == []:
            return {}
        deadline = time.monotonic() + self._timeout
        while True:
            rows = self._read("the topics", lambda admin: _topics(admin, asked))
            found = {row["name"]: _topic(row) for row in rows}
            if self._is_news(rows) or time.monotonic() > deadline:
                return dict(sorted(found.items()))
            time.sleep(_PAUSE)

    def settings(self, topics: t.Sequence[str]) -> dict[str, dict[str, Setting]]:
        """Everything in effect for these topics."""
        return self._settings("TOPIC", list(topics), None)

    def setting(self, topics: t.Sequence[str], key: str) -> dict[str, str]:
        """One value in effect for each of these topics."""
        found = self._settings("TOPIC", list(topics), [key])
        return {name: str(keys[key].value) for name, keys in found.items() if key in keys}

    def own_setting(self, topics: t.Sequence[str], key: str) -> dict[str, str]:
        """The value of those topics that have one of their own."""
        found = self._settings("TOPIC", list(topics), [key])
        return {
            name: str(keys[key].value)
            for name, keys in found.items()
            if key in keys and keys[key].source == SET_ON_TOPIC
        }

    def set_topics(self, topics: t.Iterable[str], key: str, value: str | None) -> None:
        """Give topics a value of their own, or with None that of the brokers. From topics that are declared
        the operator takes it back. Raises Conflict where one has gone, Rejected."""
        ops = kafka.admin.AlterConfigOp
        change = {key: (ops.DELETE, None) if value is None else (ops.SET, value)}
        sort = kafka.admin.ConfigResourceType.TOPIC
        asked = [kafka.admin.ConfigResource(sort, name, change) for name in topics]
        if not asked:
            return
        answers = self._write(
            f"setting {key}",
            lambda admin: admin.alter_configs(asked, raise_on_unknown=False, incremental=True),
        )
        for name, answer in answers.get("topic", {}).items():
            if kafka.errors.UnknownTopicOrPartitionError.__name__ in answer:
                raise Conflict(f"topic {name} has gone meanwhile")
            if answer != "OK":
                raise Rejected(f"setting {key} of topic {name} was refused: {answer}")

    def broker_settings(self, brokers: t.Sequence[int]) -> dict[int, dict[str, Setting]]:
        """Everything in effect for these brokers."""
        found = self._settings("BROKER", [str(one) for one in brokers], None)
        return {int(name): keys for name, keys in found.items()}

    def disks(
        self, topics: t.Sequence[str] | None = None, brokers: t.Sequence[int] | None = None
    ) -> list[Disk]:
        """The log directories of these brokers, or of all, with the replicas of these topics, or of all."""
        asked = None if topics is None else list(topics)
        rows = self._read("the log directories", lambda admin: admin.describe_log_dirs(asked, brokers))
        return [_disk(row["broker"], one) for row in rows for one in row["log_dirs"]]

    # -- topics of one's own ---------------------------------------------------------------------------

    def make_topic(self, name: str, *, partitions: int, replicas: int, settings: t.Mapping[str, str]) -> None:
        """Make a topic outside of the declaration; the topic operator leaves those alone. One that is there
        stays as it is."""
        wanted = {
            name: {"num_partitions": partitions, "replication_factor": replicas, "configs": dict(settings)}
        }
        with contextlib.suppress(_AlreadyThere):
            self._write("making a topic", lambda admin: _made(admin, wanted))

    def remove_topic(self, name: str) -> None:
        """Delete a topic with all that is in it. One that is not there is no error."""
        with contextlib.suppress(_AlreadyGone):
            self._write("deleting a topic", lambda admin: _removed(admin, name))

    def for_messages(self) -> dict[str, t.Any]:
        """How kafka-python's own producers and consumers reach these brokers, with this login."""
        return self._configuration(tuple(dict.fromkeys((*self._advertised, *self._way.endpoints))))

    # -- reassignments ---------------------------------------------------------------------------------

    def moves(self) -> dict[Key, Move]:
        """The reassignments that are under way. The controller itself answers."""
        found = self._read("the reassignments", lambda admin: admin.list_partition_reassignments())
        return {(tp.topic, tp.partition): _move(row) for tp, row in sorted(found.items())}

    def move(self, targets: t.Mapping[Key, t.Sequence[int] | None]) -> None:
        """Start reassignments; None cancels the one that is under way. Raises Rejected, with every
        partition that the brokers refused."""
        asked = {kafka.TopicPartition(*key): row for key, row in targets.items()}
        answers = self._write(
            "reassigning partitions", lambda admin: _lasting(admin.alter_partition_reassignments(asked))
        )
        # over before it could be cancelled
        harmless = (None, kafka.errors.NoReassignmentInProgressError)
        self._refuse("reassigning", {tp: error for tp, error in answers.items() if error not in harmless})

    def elect(self, partitions: t.Iterable[Key]) -> None:
        """Let the preferred replicas lead that can; whoever waits sees which of them do."""
        asked: dict[str, list[int]] = collections.defaultdict(list)
        for topic, number in partitions:
            asked[topic].append(number)
        self._write("electing leaders", lambda admin: admin.elect_leaders(0, dict(asked), raise_errors=False))

    # -- offsets ---------------------------------------------------------------------------------------

    def earliest(self, partitions: t.Iterable[Key]) -> dict[Key, int]:
        """The offset of the first message of each partition."""
        return self._offsets(dict.fromkeys(partitions, kafka.admin.OffsetSpec.EARLIEST))

    def latest(self, partitions: t.Iterable[Key]) -> dict[Key, int]:
        """The offset behind the last message of each partition."""
        return self._offsets(dict.fromkeys(partitions, kafka.admin.OffsetSpec.LATEST))

    def at(self, partitions: t.Iterable[Key], milliseconds: int) -> dict[Key, int]:
        """The offset of the first message of that time (since 1970) or later; behind the last message where
        there is none."""
        asked = list(partitions)
        found = self._offsets(dict.fromkeys(asked, milliseconds))
        none = [key for key, offset in found.items() if offset < 0]
        return found | self.latest(none)

    def times(self, positions: t.Mapping[Key, int]) -> dict[Key, int | None]:
        """When (milliseconds since 1970) the first message at or behind each position was written; None
        where what is left there is no message (the mark of a transaction). What the brokers do not tell in
        time is left out."""
        if not positions:
            return {}
        return self._ask("messages", lambda: self._times(positions))

    # -- groups ----------------------------------------------------------------------------------------

    def groups(self, names: t.Iterable[str] | None = None) -> dict[str, Group]:
        """The groups of these names that are there, or all; sorted by name.

        Nobody is asked about a group that is not listed: that would make the internal topic of the groups
        where there is none yet (seen).
        """
        wanted = None if names is None else set(names)
        rows = {
            row["group_id"]: row
            for row in self._read("the groups", lambda admin: admin.list_groups())
            if wanted is None or row["group_id"] in wanted
        }
        if not rows:
            return {}
        details = self._read("the groups", lambda admin: _described(admin, list(rows)))
        found = {name: _group(row, details.get(name) or {}) for name, row in sorted(rows.items())}
        return {name: group for name, group in found.items() if group.state != "Dead"}

    def committed(self, groups: t.Sequence[str]) -> dict[str, dict[Key, int]]:
        """The offsets that these groups, which are there, have committed."""
        if not groups:
            return {}
        found = self._read("the groups' offsets", lambda admin: admin.list_group_offsets(list(groups)))
        return {
            name: {
                (tp.topic, tp.partition): row.offset for tp, row in sorted(rows.items()) if row.offset >= 0
            }
            for name, rows in found.items()
        }

    def commit(self, group: str, offsets: t.Mapping[Key, int]) -> None:
        """Let a group that nobody is in go on from these offsets; it is made where it is not there."""
        asked = {
            kafka.TopicPartition(*key): kafka.structs.OffsetAndMetadata(offset, "", None)
            for key, offset in offsets.items()
        }
        answers = self._write(
            "setting offsets", lambda admin: _lasting(admin.alter_group_offsets(group, asked))
        )
        refused = {tp: error for tp, error in answers.items() if error is not kafka.errors.NoError}
        if kafka.errors.UnknownMemberIdError in refused.values():
            raise Rejected(f"group {group} has active members; stop its consumers, then run again")
        self._refuse(f"setting the offsets of group {group} for", refused)

    def forget(self, group: str) -> None:
        """Delete a group, with all its offsets. One that is not there is no error."""
        answers = self._write("deleting a group", lambda admin: _lasting(_deleted(admin, group)))
        if answers[group] is kafka.errors.NonEmptyGroupError:
            raise Rejected(f"group {group} has active members; stop its consumers, then run again")
        if answers[group] not in (None, kafka.errors.GroupIdNotFoundError):
            raise BrokerFailed(f"deleting group {group}: {answers[group].__name__}")

    # -- parts -----------------------------------------------------------------------------------------

    def _is_news(self, rows: t.Sequence[t.Any]) -> bool:
        told = {
            (str(row.get("topic_id") or row["name"]), one["partition_index"]): one["leader_epoch"]
            for row in rows
            for one in row["partitions"]
        }
        if any(epoch < self._epochs.get(key, epoch) for key, epoch in told.items()):
            return False
        self._epochs.update(told)
        return True

    def _settings(self, sort: str, names: list[str], keys: list[str] | None) -> dict[str, dict[str, Setting]]:
        if not names:
            return {}
        resource = kafka.admin.ConfigResourceType[sort]
        asked = [kafka.admin.ConfigResource(resource, name, keys) for name in names]
        found = self._read("the settings", lambda admin: admin.describe_configs(asked, config_filter="all"))
        return {
            name: {key: Setting(row["value"], row["config_source"]) for key, row in sorted(values.items())}
            for name, values in found.get(sort.lower(), {}).items()
        }

    def _offsets(self, asked: t.Mapping[Key, t.Any]) -> dict[Key, int]:
        if not asked:
            return {}
        specs = {kafka.TopicPartition(*key): spec for key, spec in asked.items()}
        found = self._read("offsets", lambda admin: admin.list_partition_offsets(specs))
        return {(tp.topic, tp.partition): row.offset for tp, row in sorted(found.items())}

    def _times(self, positions: t.Mapping[Key, int]) -> dict[Key, int | None]:
        self.requests.reads += 1
        self._reader = self._reader or kafka.KafkaConsumer(
            **self._configuration(self._advertised),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=_FIRST_RECORDS,
        )
        reader = self._reader
        partitions = {kafka.TopicPartition(*key): offset for key, offset in positions.items()}
        reader.assign(list(partitions))
        reader.resume(*partitions)  # a pause outlives the assignment
        for partition, offset in partitions.items():
            reader.seek(partition, offset)
        found: dict[Key, int | None] = {}
        deadline = time.monotonic() + self._timeout
        ends = reader.end_offsets(list(partitions))
        while len(found) < len(partitions) and time.monotonic() < deadline:
            for partition, records in reader.poll(timeout_ms=200).items():
                found.setdefault((partition.topic, partition.partition), records[0].timestamp)
                reader.pause(partition)
            for partition, end in ends.items():
                if reader.position(partition) >= end:
                    found.setdefault((partition.topic, partition.partition), None)
        return found

    def _refuse(self, doing: str, refused: t.Mapping[t.Any, t.Any]) -> None:
        if refused:
            listed = ", ".join(
                f"{tp.topic}-{tp.partition} ({error.__name__})" for tp, error in sorted(refused.items())
            )
            raise Rejected(f"{doing} {listed} was refused")

    def _read(self, what: str, question: t.Callable[[t.Any], Found]) -> Found:
        def ask() -> Found:
            self.requests.reads += 1
            return question(self._admin)

        return self._ask(what, ask)

    def _write(self, what: str, question: t.Callable[[t.Any], Found]) -> Found:
        self.requests.writes += 1
        return self._ask(what, lambda: question(self._admin))

    def _ask(self, what: str, question: t.Callable[[], Found]) -> Found:
        """Ask until there is an answer that is not a passing error, or no time left."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                return question()
            except kafka.errors.UnknownBrokerIdError as error:  # the leader of a partition that has none
                if time.monotonic() > deadline:
                    raise BrokerFailed(f"{what}: a partition has no leader") from error
            except (kafka.errors.RetriableError, RuntimeError) as error:  # the latter without a controller
                if time.monotonic() > deadline:
                    if _is_answer(error):
                        raise BrokerFailed(f"{what}: {_text(error)}") from error
                    raise Unreachable(f"no answer about {what} from {self._way}: {_text(error)}") from error
            except kafka.errors.AuthorizationError as error:
                raise LoginRefused(f"this user may not ask about {what}: {_text(error)}") from error
            except kafka.errors.SaslAuthenticationFailedError as error:
                raise self._login_refused(error) from error
            except kafka.errors.UnsupportedVersionError as error:
                raise TooOld(f"the brokers are too old for {what}: {_text(error)}") from error
            except kafka.errors.KafkaError as error:
                raise BrokerFailed(f"{what}: {_text(error)}") from error
            time.sleep(_PAUSE)
            self._connect((*self._advertised, *self._way.endpoints))

    def _connect(self, endpoints: t.Sequence[Endpoint]) -> None:
        self.close()
        self._admin = self._administrator(endpoints)

    def _administrator(self, endpoints: t.Sequence[Endpoint]) -> t.Any:
        answering = self._answering(endpoints)
        try:
            return kafka.admin.KafkaAdminClient(
                **self._configuration([answering]),
                bootstrap_timeout_ms=int(self._timeout * 1000),
            )
        except kafka.errors.SaslAuthenticationFailedError as error:
            raise self._login_refused(error) from error
        except kafka.errors.KafkaError as error:
            raise Unreachable(
                f"{answering} takes connections, but does not answer as a Kafka broker"
                + (f" that takes logins by {_MECHANISM}" if self._login else "")
                + f" within {self._timeout:g} s: {_text(error)}"
            ) from error

    def _version_at(self, number: int, node: Node) -> Version:
        try:
            with contextlib.closing(self._administrator([node.endpoint])) as admin:
                return _version(admin, number)
        except Unreachable:
            return ()

    def _answering(self, endpoints: t.Sequence[Endpoint]) -> Endpoint:
        """The first endpoint that takes a connection: kafka-python tells only that none did, not why, and
        only after all its time."""
        silent = {}
        for endpoint in dict.fromkeys(endpoints):
            try:
                with socket.create_connection((endpoint.host, endpoint.port), self._timeout) as plain:
                    if self._tls is not None:
                        self._tls.wrap_socket(plain, server_hostname=endpoint.host).close()
                return endpoint
            except OSError as error:
                silent[endpoint] = getattr(error, "verify_message", "") or error.strerror or str(error)
        listed = "; ".join(f"{endpoint}: {why}" for endpoint, why in silent.items())
        raise Unreachable(f"no Kafka broker answers ({self._way.origin}): {listed}")

    def _configuration(self, endpoints: t.Sequence[Endpoint]) -> dict[str, t.Any]:
        settings: dict[str, t.Any] = {
            "bootstrap_servers": [str(endpoint) for endpoint in endpoints],
            "client_id": "brokerops.messaging",
            "request_timeout_ms": int(self._timeout * 1000),
            "ssl_context": self._tls,
            "security_protocol": "PLAINTEXT" if self._tls is None else "SSL",
        }
        if self._login is not None:
            settings["security_protocol"] = f"SASL_{settings['security_protocol']}"
            settings["sasl_mechanism"] = _MECHANISM
            settings["sasl_plain_username"] = self._login.username
            settings["sasl_plain_password"] = self._login.password.reveal()
        return settings

    def _login_refused(self, error: Exception) -> LoginRefused:
        user = self._login.username if self._login else "nobody"
        return LoginRefused(f"the brokers do not let {user} in ({_MECHANISM}): {_text(error)}")


class _Context(ssl.SSLContext):
    """Expects the certificate of one name, whatever the address that a broker says it has."""

    server_name: str | None = None

    def wrap_socket(self, sock: t.Any, **settings: t.Any) -> ssl.SSLSocket:  # type: ignore[override]
        return super().wrap_socket(
            sock, **(settings | ({"server_hostname": self.server_name} if self.server_name else {}))
        )


def _context(trust: Trust) -> ssl.SSLContext:
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.server_name = trust.server_name
    if trust.ca is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(cadata=trust.ca)
    return context


def _is_answer(error: Exception) -> bool:
    """Whether a broker has said so: a request of ours that runs out of time has an error of theirs."""
    said = isinstance(error, kafka.errors.BrokerResponseError)
    return said and not isinstance(error, kafka.errors.RequestTimedOutError)


def _lasting(answers: dict[t.Any, t.Any]) -> dict[t.Any, t.Any]:
    """The answers, item by item, once no error among them is a passing one. That a topic is not there counts
    as lasting, as somebody has looked before."""
    lasting = (kafka.errors.UnknownTopicOrPartitionError, kafka.errors.UnknownTopicIdError)
    for error in answers.values():
        if error is not None and issubclass(error, kafka.errors.RetriableError) and error not in lasting:
            raise error()
    return answers


def _deleted(admin: t.Any, group: str) -> dict[str, t.Any]:
    """kafka-python gives the names of errors here."""
    return {
        name: None if answer == "OK" else getattr(kafka.errors, answer)
        for name, answer in admin.delete_groups([group]).items()
    }


def _version(admin: t.Any, broker: int) -> Version:
    return tuple(admin.get_broker_version_data(broker).broker_version)


def _topics(admin: t.Any, names: list[str] | None) -> list[t.Any]:
    unknown = (kafka.errors.UnknownTopicOrPartitionError, kafka.errors.InvalidTopicError)
    found = []
    for row in admin.describe_topics(names):
        error = kafka.errors.for_code(row["error_code"])
        if error is kafka.errors.NoError:
            found.append(row)
        elif error not in unknown:
            raise error(row["name"])
    return found


def _described(admin: t.Any, names: list[str]) -> dict[str, t.Any]:
    """kafka-python gives a coordinator that moves as a text; here it is the error again."""
    found: dict[str, t.Any] = admin.describe_groups(names)
    passing = (
        kafka.errors.NotCoordinatorError,
        kafka.errors.CoordinatorNotAvailableError,
        kafka.errors.CoordinatorLoadInProgressError,
    )
    for row in found.values():
        for one in passing:
            if one.__name__ in (row["error"] or ""):
                raise one()
    return found


class _AlreadyThere(Exception):
    """What is to be made exists."""


class _AlreadyGone(Exception):
    """What is to be deleted does not exist."""


def _made(admin: t.Any, wanted: t.Mapping[str, t.Any]) -> None:
    try:
        admin.create_topics(wanted, wait_for_metadata=True)
    except kafka.errors.TopicAlreadyExistsError as error:
        raise _AlreadyThere from error


def _removed(admin: t.Any, name: str) -> None:
    try:
        admin.delete_topics([name])
    except kafka.errors.UnknownTopicOrPartitionError as error:  # else asked again, as if it were to come
        raise _AlreadyGone from error


def _topic(row: t.Mapping[str, t.Any]) -> Topic:
    partitions = {
        one["partition_index"]: Partition(
            None if one["leader_id"] < 0 else one["leader_id"],
            tuple(one["replica_nodes"]),
            frozenset(one["isr_nodes"]),
            frozenset(one["offline_replicas"] or ()),
            one["leader_epoch"],
        )
        for one in row["partitions"]
    }
    return Topic(row["name"], bool(row["is_internal"]), dict(sorted(partitions.items())))


def _move(row: t.Mapping[str, t.Sequence[int]]) -> Move:
    removing = tuple(row["removing_replicas"])
    target = tuple(one for one in row["replicas"] if one not in removing)
    return Move(target, tuple(row["adding_replicas"]), removing)


def _disk(broker: int, row: t.Mapping[str, t.Any]) -> Disk:
    error = kafka.errors.for_code(row["error_code"])
    logs = {
        (topic["name"], one["partition_index"]): Log(one["partition_size"], one["offset_lag"])
        for topic in row["topics"]
        for one in topic["partitions"]
        if not one["is_future_key"]
    }
    total, usable = (row.get(key, -1) for key in ("total_bytes", "usable_bytes"))
    return Disk(
        broker,
        row["log_dir"],
        "" if error is kafka.errors.NoError else error.__name__,
        total if total >= 0 else None,
        usable if usable >= 0 else None,
        logs,
    )


def _group(listed: t.Mapping[str, t.Any], described: t.Mapping[str, t.Any]) -> Group:
    members = tuple(_member(row) for row in described.get("members") or ())
    state = listed.get("group_state") or described.get("group_state") or "Unknown"
    return Group(listed["group_id"], state, listed.get("group_type") or "classic", members)


def _member(row: t.Mapping[str, t.Any]) -> Member:
    assigned = row["member_assignment"]
    rows = assigned.get("assigned_partitions", ()) if isinstance(assigned, dict) else ()
    return Member(
        row["member_id"],
        row["client_id"],
        row["client_host"].removeprefix("/"),
        tuple(sorted((one["topic"], number) for one in rows for number in one["partitions"])),
    )


def _text(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
