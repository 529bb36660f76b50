# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is judged of a Kafka cluster as a whole: what cannot work, what exposes it, and what deserves a
warning because acknowledged messages would not survive the loss of one broker."""

from __future__ import annotations

import typing as t
from fractions import Fraction

from ...._engine.fields import Check, Trouble
from ...._engine.quantity import parse_quantity
from ...._engine.risk import Risk
from ...._engine.state import Name, State
from ...._engine.types import Value
from ..presets import in_mebibytes, pod_resources
from .topic_config import in_effect, number

_MIN_ISR = "min.insync.replicas"


class _Topic(t.NamedTuple):
    name: Name
    partitions: int
    replicas: int
    config: t.Mapping[str, Value]


def _brokers(state: State) -> int:
    return max(1, int(state.values.get("brokers.replicas", 3)))


def _topics(state: State) -> t.Iterator[_Topic]:
    """The topics with what is in effect: none or 0 replicas are the brokers' own number (0 is how the
    platform's clients leave it open)."""
    for name, topic in state.named("topics").items():
        replicas = topic.get("replicas") or min(_brokers(state), 3)
        yield _Topic(name, topic.get("partitions") or 1, replicas, topic.get("config") or {})


def _config_path(name: Name, key: str) -> str:
    return f"topics[{name}].config[{key}]"


def _configured(name: Name, key: str, value: Value) -> dict[str, t.Any]:
    return {"topics": [{"name": name, "config": {key: value}}]}


# ---- what cannot work


def _replicas_beyond_brokers(state: State) -> t.Iterator[Trouble]:
    brokers = _brokers(state)
    for topic in _topics(state):
        if topic.replicas > brokers:
            yield Trouble(
                f"topics[{topic.name}].replicas",
                f"{topic.replicas} replicas need as many brokers, and there are {brokers}",
                f"declare at most {brokers} replicas or more brokers",
                {"topics": [{"name": topic.name, "replicas": brokers}]},
            )


def _minimum_beyond_replicas(state: State) -> t.Iterator[Trouble]:
    for topic in _topics(state):
        minimum = number(topic.config.get(_MIN_ISR))
        if minimum is not None and minimum > topic.replicas:
            # seen with Kafka 3.9.1: it then asks for as many in sync as there are replicas, without a word
            yield Trouble(
                _config_path(topic.name, _MIN_ISR),
                f"{minimum:.0f} replicas can never be in sync of a topic that has {topic.replicas}: Kafka "
                "ignores such a minimum without a word",
                f"declare less than {max(topic.replicas, 2)}",
                _configured(topic.name, _MIN_ISR, max(1, topic.replicas - 1)),
            )


def _compaction_lags_cross(state: State) -> t.Iterator[Trouble]:
    least_key, most_key = "min.compaction.lag.ms", "max.compaction.lag.ms"
    for topic in _topics(state):
        least, most = (number(in_effect(topic.config, key, _brokers(state))) for key in (least_key, most_key))
        if least is not None and most is not None and least > most:
            key = least_key if least_key in topic.config else most_key
            yield Trouble(
                _config_path(topic.name, key),
                f"{least_key} ({least:.0f}) is more than {most_key} ({most:.0f}), which Kafka refuses",
                f"declare {least_key} no larger than {most_key}",
                _configured(topic.name, least_key, topic.config.get(most_key)),
            )


def _names_collide(state: State) -> t.Iterator[Trouble]:
    """Kafka's metrics write '.' as '_', so it refuses a topic whose name differs from another's only in
    these."""
    known: dict[str, Name] = {}
    for name in state.named("topics"):
        twin = known.setdefault(name.replace(".", "_"), name)
        if twin != name:
            yield Trouble(
                f"topics[{name}]",
                f"Kafka does not tell {name!r} from {twin!r}: '.' and '_' are the same to it",
                "rename one",
            )


def _own_zookeeper_class(state: State) -> t.Iterator[Trouble]:
    own, brokers = (state.values.get(f"{part}.storage_class") or "" for part in ("zookeeper", "brokers"))
    if own not in ("", brokers):
        yield Trouble(
            "zookeeper.storage_class",
            f"the platform ignores {own!r}: ZooKeeper's volumes are made with the storage class of the "
            f"brokers ({brokers or 'the default one'})",
            "declare the class under brokers only",
            {"zookeeper": {"storage_class": brokers}},
        )


# ---- what exposes


def _open_to_everybody(state: State) -> t.Iterator[Trouble]:
    if state.values.get("external"):
        yield Trouble(
            "external",
            "reachable from outside without any login: everybody who has the address may read, write and "
            "delete all topics",
            "keep external: false and connect from inside",
            {"external": False},
        )


def _plain_text_outside(state: State) -> t.Iterator[Trouble]:
    if state.values.get("external") and state.values.get("tls.enabled") is False:
        yield Trouble(
            "tls.enabled",
            "what goes through the listener outside (port 9094) is not encrypted",
            "declare tls.enabled: true, or reset it: it then follows external",
            {"tls": {"enabled": True}},
        )


CONSTRAINTS = (
    Check(
        "kafka.topic.replicas.beyond_brokers",
        "a topic needs as many brokers as it has replicas",
        _replicas_beyond_brokers,
    ),
    Check(
        "kafka.topic.min_insync_replicas.beyond_replicas",
        "a minimum above the number of replicas is ignored without a word",
        _minimum_beyond_replicas,
    ),
    Check(
        "kafka.topic.compaction_lag.crossed",
        "Kafka refuses a least compaction lag above the largest",
        _compaction_lags_cross,
    ),
    Check(
        "kafka.topic.name.same_to_kafka",
        "Kafka refuses names of topics that differ only in '.' and '_'",
        _names_collide,
    ),
    Check(
        "kafka.zookeeper.storage_class.ignored",
        "ZooKeeper's volumes use the brokers' storage class; one of their own is ignored",
        _own_zookeeper_class,
    ),
    Check(
        "kafka.external.no_login",
        "the platform's Kafka has no logins, so whoever reaches it from outside may do everything",
        _open_to_everybody,
        Risk.EXPOSING,
    ),
    Check(
        "kafka.external.plaintext",
        "the listener outside is not encrypted",
        _plain_text_outside,
        Risk.EXPOSING,
    ),
)


# ---- what deserves a warning


def _few_brokers(state: State) -> t.Iterator[Trouble]:
    brokers = _brokers(state)
    if brokers < 3:
        lost = "there is no second copy of anything" if brokers == 1 else "the loss of one stops acks=all"
        yield Trouble(
            "brokers.replicas",
            f"with {brokers} broker{'s' if brokers > 1 else ''} {lost}",
            "declare 3 brokers or more",
            {"brokers": {"replicas": 3}},
        )


def _few_replicas(state: State) -> t.Iterator[Trouble]:
    for topic in _topics(state):
        if topic.replicas < 3:
            lost = (
                "acknowledged messages are lost with the one broker that has them"
                if topic.replicas == 1
                else "after the loss of one broker a single copy is left"
            )
            yield Trouble(
                f"topics[{topic.name}].replicas",
                f"with {topic.replicas} replica{'s' if topic.replicas > 1 else ''} {lost}",
                "the platform cannot change it: make a new topic with 3 replicas and move to it",
            )


def _weak_minimum(state: State) -> t.Iterator[Trouble]:
    brokers = _brokers(state)
    for topic in _topics(state):
        minimum = number(in_effect(topic.config, _MIN_ISR, brokers))
        if minimum is None or topic.replicas < 2:  # a single replica is said already
            continue
        if minimum < 2:
            yield Trouble(
                _config_path(topic.name, _MIN_ISR),
                f"with {_MIN_ISR} {minimum:.0f} a message is acknowledged while a single broker has it",
                "declare 2",
                _configured(topic.name, _MIN_ISR, 2),
            )
        elif minimum >= topic.replicas:
            yield Trouble(
                _config_path(topic.name, _MIN_ISR),
                f"with {_MIN_ISR} {minimum:.0f} of {topic.replicas} replicas the loss of one broker stops "
                "acks=all, and whoever then lowers the minimum gives up the safety",
                "declare one less than there are replicas, of which 3 are needed",
                _configured(topic.name, _MIN_ISR, topic.replicas - 1) if topic.replicas > 2 else None,
            )


def _unclean_election(state: State) -> t.Iterator[Trouble]:
    key = "unclean.leader.election.enable"
    for topic in _topics(state):
        if topic.config.get(key) is True:
            yield Trouble(
                _config_path(topic.name, key),
                "a broker that is behind may become leader, and acknowledged messages that it lacks are lost",
                "declare false",
                _configured(topic.name, key, False),
            )


def _weak_ensemble(state: State) -> t.Iterator[Trouble]:
    servers = int(state.values.get("zookeeper.replicas", 3))
    if servers == 1 or servers % 2 == 0:
        few = "the loss of one server stops the brokers"
        even = f"{servers} servers survive no more losses than {servers - 1}, and no split into halves"
        yield Trouble(
            "zookeeper.replicas",
            f"with {servers} ZooKeeper server{'s' if servers > 1 else ''} {few}" if servers < 3 else even,
            "declare 3 or 5",
            {"zookeeper": {"replicas": 3 if servers < 3 else servers + 1}},
        )


def _little_memory(state: State) -> t.Iterator[Trouble]:
    # half of a broker's memory is its heap, three quarters of a ZooKeeper server's (Strimzi, ModelUtils)
    for part, share, least in (("brokers", Fraction(1, 2), "512Mi"), ("zookeeper", Fraction(3, 4), "192Mi")):
        memory = pod_resources(state.values, part)[1]
        heap, wanted = memory * share, parse_quantity(least)
        if 0 < heap < wanted:
            needed = in_mebibytes(wanted / share)
            yield Trouble(
                f"{part}.resources_preset",
                f"{in_mebibytes(memory)} of memory leave a heap of {in_mebibytes(heap)}, and less than "
                f"{in_mebibytes(wanted)} is too little for steady work",
                f"give them {needed} or more, by the preset or by resources.memory",
                {part: {"resources": {"memory": needed.replace(" MiB", "Mi")}}},
            )


def _more_than_fits(state: State) -> t.Iterator[Trouble]:
    """What the declared limits of retention let pile up. A limit by time alone says nothing about size."""
    brokers = _brokers(state)
    limited = [
        (topic, number(topic.config.get("retention.bytes")))
        for topic in _topics(state)
        if "delete" in str(in_effect(topic.config, "cleanup.policy", brokers))
    ]
    parts = [
        (topic, kept * topic.partitions * topic.replicas)
        for topic, kept in limited
        if kept is not None and kept >= 0
    ]
    total = Fraction(sum(int(kept) for _topic, kept in parts), brokers)
    try:
        size = parse_quantity(state.values.get("brokers.size", "10Gi"))
    except ValueError:  # a live value that some other tool wrote
        return
    if parts and total > size:
        largest = max(parts, key=lambda part: part[1])[0]
        yield Trouble(
            "brokers.size",
            f"retention.bytes x partitions x replicas of {len(parts)} topic{'s' if len(parts) > 1 else ''} "
            f"allow {_gibibytes(total)} on each of {brokers} brokers, whose volumes have {_gibibytes(size)}; "
            f"the largest is {largest.name}",
            "declare larger volumes, or a smaller retention.bytes",
            {"brokers": {"size": f"{-(-total // 2**30)}Gi"}},
        )


def _gibibytes(amount: Fraction) -> str:
    return f"{float(amount / 2**30):.1f} GiB"


ADVICE = (
    Check(
        "kafka.durability.brokers",
        "fewer than 3 brokers do not keep acknowledged messages and go on after the loss of one",
        _few_brokers,
        durability=True,
    ),
    Check(
        "kafka.durability.topic_replicas",
        "a topic needs 3 replicas to lose a broker and stay safe",
        _few_replicas,
        durability=True,
    ),
    Check(
        "kafka.durability.min_insync_replicas",
        "min.insync.replicas has to be at least 2 and less than the number of replicas",
        _weak_minimum,
        durability=True,
    ),
    Check(
        "kafka.durability.unclean_leader_election",
        "an unclean leader loses what was acknowledged",
        _unclean_election,
        durability=True,
    ),
    Check(
        "kafka.durability.zookeeper",
        "ZooKeeper needs an odd number of servers, 3 or more",
        _weak_ensemble,
        durability=True,
    ),
    Check("kafka.memory.low", "a small heap makes brokers slow and fail under load", _little_memory),
    Check("kafka.disk.beyond_size", "topics may hold more than the volumes", _more_than_fits),
)
