# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The playbooks of examples/use_cases run as they are, on real brokers, and then a client does what each of
them is about.

Use cases of one kind share a cluster, to which each adds its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import nats
import nats.errors
import nats.js.errors
import pika
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, NotEnoughReplicasAfterAppendError, NotEnoughReplicasError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from tests.collection_path import ROOT
from tests.integration.collection.plays import Place, Run
from tests.integration.lab.applications import Application
from tests.integration.lab.processes_of import messages, until
from tests.lab.brokers import proofs
from tests.lab.brokers.api import Endpoint
from tests.lab.labs import Lab
from tests.lab.standin.control import App

pytestmark = [pytest.mark.lab, pytest.mark.brokers]

FOLDER = ROOT / "examples" / "use_cases"
SECONDS, PATIENCE = 300, 200
DAY = timedelta(days=1)
PASSWORDS = {
    "PRICES_SHOP_PASSWORD": "AskForThePrice11",
    "PRICES_SERVICE_PASSWORD": "KnowsThePrice22",
    "TELEMETRY_PASSWORD": "MeasuresAllDay33",
}


@pytest.fixture(scope="module")
def desk(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A tenant with real brokers for all use cases."""
    tenant = lab.tenant(f"u{os.getpid()}", brokers=True)
    yield Place(lab, tenant, tmp_path_factory.mktemp("desk"))
    lab.remove_tenant(tenant.namespace)


def provisioned(desk: Place, name: str, kind: App) -> Application:
    """The cluster of a use case: check mode writes nothing, then it is provisioned, and then nothing is left
    to do."""

    def run(*arguments: str) -> Run:
        ended = desk.run_file(
            FOLDER / f"{name}.yml",
            arguments=[
                *("--extra-vars", f"cluster_namespace={desk.namespace} cluster_name={kind}"),
                *("--extra-vars", f"cluster_wait_timeout={PATIENCE}"),
                *("--extra-vars", f"ansible_python_interpreter={sys.executable}"),
                *arguments,
            ],
            variables={"K8S_AUTH_KUBECONFIG": str(desk.tenant.kubeconfig()), **PASSWORDS},
            seconds=SECONDS,
        )
        assert ended.status == 0, ended.output
        assert [password for password in PASSWORDS.values() if password in ended.output] == []
        return ended

    planned = run("--check", "--diff")
    assert (changed(planned), written(planned), planned.writes) == (True, 0, [])
    done = run()
    assert changed(done)
    again = run()
    assert (changed(again), written(again), again.writes) == (False, 0, [])
    return desk.app(kind, kind)


def each(run: Run) -> Iterator[Mapping[str, Any]]:
    """The results of a run, those of a loop one by one."""
    for result in run.results.values():
        yield from result.get("results", [result])


def changed(run: Run) -> bool:
    return any(one.get("changed") for one in each(run))


def written(run: Run) -> int:
    """Requests that write, to the platform and to brokers, as the modules counted them."""
    return sum(one["requests"]["writes"] for one in each(run) if "requests" in one)


def endpoints(app: Application) -> list[Endpoint]:
    return [
        Endpoint(one["host"], one["port"]) for one in app.view()["endpoints"] if one["component"] == app.app
    ]


def test_every_use_case_runs_here() -> None:
    text = (ROOT / "tests/integration/collection/test_use_cases.py").read_text()
    names = {path.stem for path in FOLDER.glob("*.yml")}
    assert names and {name for name in names if f'provisioned(desk, "{name}", ' not in text} == set()


# -- Kafka -----------------------------------------------------------------------------------------------


def servers(app: Application) -> list[str]:
    return [str(one) for one in endpoints(app)]


def topic_of(app: Application, name: str) -> tuple[list[int], dict[str, str]]:
    """What the brokers hold of a topic: how many copies of each partition, and its configuration."""
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=servers(app))) as admin:
        (topic,) = admin.describe_topics([name])
        asked = ConfigResource(ConfigResourceType.TOPIC, name)
        config = admin.describe_configs([asked], config_filter="all")["topic"][name]
    copies = [len(one["replica_nodes"]) for one in topic["partitions"]]
    return copies, {key: row["value"] for key, row in config.items()}


def send(app: Application, topic: str, records: Sequence[tuple[bytes, bytes]], **options: Any) -> None:
    """Send keys and values, each acknowledged by all that have to have it."""
    producer = KafkaProducer(bootstrap_servers=servers(app), acks="all", **options)
    with contextlib.closing(producer):
        for sent in [producer.send(topic, key=key, value=value) for key, value in records]:
            sent.get(timeout=SECONDS)


def last_words(app: Application, topic: str) -> dict[bytes, bytes]:
    """The newest value of each key."""
    options = {"auto_offset_reset": "earliest", "enable_auto_commit": False}
    with contextlib.closing(KafkaConsumer(bootstrap_servers=servers(app), **options)) as consumer:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        found: dict[bytes, bytes] = {}
        while any(consumer.position(one) < ends[one] for one in partitions):
            for records in consumer.poll(timeout_ms=500).values():
                found |= {record.key: record.value for record in records}
    return found


def test_log_pipeline_shares_lines_among_three_readers_and_keeps_them_seven_days(desk: Place) -> None:
    app = provisioned(desk, "log_pipeline", "kafka")
    copies, config = topic_of(app, "logs")
    assert copies == [3, 3, 3]
    assert (config["retention.ms"], config["min.insync.replicas"]) == (str(7 * 24 * 3600 * 1000), "2")

    lines = messages(300, "line")
    proofs.kafka_publish(endpoints(app), "logs", lines)
    readers = [Reader(servers(app)) for _number in range(3)]
    with contextlib.ExitStack() as stack:
        for one in readers:
            stack.enter_context(one)
        until(lambda: {line for one in readers for line in one.read} == {*lines})
        until(lambda: [len(one.partitions) for one in readers] == [1, 1, 1])


class Reader:
    """One of a group, in a thread of its own: joining takes all that are in it at once."""

    def __init__(self, where: Sequence[str]) -> None:
        self.read: list[bytes] = []
        self.partitions: set[TopicPartition] = set()
        self._where = where
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, *_unused: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        options = {"group_id": "readers", "auto_offset_reset": "earliest"}
        with contextlib.closing(KafkaConsumer("logs", bootstrap_servers=self._where, **options)) as consumer:
            while not self._ended.is_set():
                for records in consumer.poll(timeout_ms=200).values():
                    self.read += [record.value for record in records]
                self.partitions = consumer.assignment()


def test_audit_trail_keeps_the_last_word_of_each_key(desk: Place) -> None:
    app = provisioned(desk, "audit_trail", "kafka")
    copies, config = topic_of(app, "audit")
    assert copies == [3, 3, 3]
    assert {key: config[key] for key in ("cleanup.policy", "min.insync.replicas")} == {
        "cleanup.policy": "compact",
        "min.insync.replicas": "2",
    }
    assert config["unclean.leader.election.enable"] == "false"
    words = [(f"account-{number % 10}".encode(), f"balance {number}".encode()) for number in range(100)]
    send(app, "audit", words)
    assert last_words(app, "audit") == dict(words)


@pytest.mark.full
def test_audit_trail_survives_one_broker_and_acknowledges_nothing_that_one_alone_has(desk: Place) -> None:
    app = provisioned(desk, "audit_trail", "kafka")
    app.fault("kill-member", component="kafka", ordinal=2)
    send(app, "audit", [(b"account-1", b"balance 1")])
    assert last_words(app, "audit")[b"account-1"] == b"balance 1"
    # the last of Kafka's use cases: nobody needs these two again
    app.fault("kill-member", component="kafka", ordinal=1)
    until(lambda: refused(app))


def refused(app: Application) -> bool:
    """Whether a record is not acknowledged because too few copies would have it."""
    try:
        send(app, "audit", [(b"account-1", b"never")], retries=0)
    except (NotEnoughReplicasError, NotEnoughReplicasAfterAppendError):
        return True
    except KafkaError:
        return False
    raise AssertionError("it was acknowledged with one copy")


# -- RabbitMQ --------------------------------------------------------------------------------------------


@contextlib.contextmanager
def channel(app: Application, user: str, vhost: str) -> Iterator[Any]:
    """A channel of a user with the platform's own password; publishing waits for the confirm."""
    node = endpoints(app)[0]
    login = pika.PlainCredentials(user, app.secret(f"{user}-credentials")["password"])
    parameters = pika.ConnectionParameters(node.host, node.port, vhost, login, socket_timeout=SECONDS)
    with contextlib.closing(pika.BlockingConnection(parameters)) as connection:
        opened = connection.channel()
        opened.confirm_delivery()
        yield opened


def publish(opened: Any, exchange: str, routing_key: str, body: bytes) -> None:
    durable = pika.BasicProperties(delivery_mode=2)
    opened.basic_publish(exchange, routing_key, body, properties=durable, mandatory=True)


def bodies(opened: Any, queue: str, count: int) -> list[bytes]:
    """As many messages as are waited for, acknowledged."""
    found: list[bytes] = []

    def another() -> bool:
        method, _properties, body = opened.basic_get(queue)
        if method is not None:
            opened.basic_ack(method.delivery_tag)
            found.append(body)
        return len(found) == count

    until(another)
    return found


def test_work_queue_gives_a_job_again_until_it_is_acknowledged_or_has_failed_too_often(desk: Place) -> None:
    app = provisioned(desk, "work_queue", "rabbitmq")
    with channel(app, "worker", "work") as publisher:
        for job in (b"easy", b"hard"):
            publish(publisher, "", "jobs", job)
    with channel(app, "worker", "work") as lazy:
        method, _properties, body = lazy.basic_get("jobs")
        assert (body, method.redelivered) == (b"easy", False)
        # it ends without a word
    with channel(app, "worker", "work") as worker:
        taken: list[bytes] = []
        easy: list[bytes] = []

        def failed() -> bool:
            method, _properties, body = worker.basic_get("jobs")
            if method is None:
                return len(taken) > 5 and bool(easy)
            if body == b"easy":
                easy.append(body)
                assert method.redelivered, "it had been given to somebody before"
                worker.basic_ack(method.delivery_tag)
            else:
                taken.append(body)
                worker.basic_nack(method.delivery_tag, requeue=True)
            return False

        until(failed)
        assert taken == [b"hard"] * 6, "once, and five times again"
        assert bodies(worker, "failed", 1) == [b"hard"]


def test_topic_exchange_brings_each_event_to_the_queues_that_it_concerns(desk: Place) -> None:
    app = provisioned(desk, "topic_exchange", "rabbitmq")
    keys = ["order.placed", "order.shipped", "parcel.shipped", "customer.moved.abroad"]
    with channel(app, "shop", "events") as opened:
        for key in keys:
            publish(opened, "shop", key, key.encode())
        found = {
            queue: [body.decode() for body in bodies(opened, queue, count)]
            for queue, count in {"billing": 2, "warehouse": 2, "archive": 4}.items()
        }
        left = {queue: opened.queue_declare(queue, passive=True).method.message_count for queue in found}
    assert found == {"billing": keys[:2], "warehouse": keys[1:3], "archive": keys}
    assert left == {"billing": 0, "warehouse": 0, "archive": 0}


# -- NATS ------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def client(app: Application, user: str, password: str) -> AsyncIterator[tuple[Any, list[str]]]:
    """A client of a user, and what the servers say against what it does."""
    complaints: list[str] = []

    async def keep(error: Exception) -> None:
        complaints.append(str(error))

    where = [f"nats://{one}" for one in endpoints(app)]
    opened = await nats.connect(
        where, user=user, password=PASSWORDS[password], error_cb=keep, connect_timeout=SECONDS
    )
    try:
        yield opened, complaints
    finally:
        await opened.close()


def test_request_reply_answers_who_may_ask_and_lets_nobody_do_more(desk: Place) -> None:
    app = provisioned(desk, "request_reply", "nats")

    async def talk() -> None:
        async with (
            client(app, "service", "PRICES_SERVICE_PASSWORD") as (service, complaints_of_service),
            client(app, "shop", "PRICES_SHOP_PASSWORD") as (shop, complaints_of_shop),
        ):

            async def answer(question: Any) -> None:
                await question.respond(b"42 for " + question.data)

            await service.subscribe("prices.get.>", cb=answer)
            assert await asked(shop, "prices.get.fruit", b"apples") == b"42 for apples"
            assert complaints_of_service == complaints_of_shop == []

            await shop.publish("prices.set.fruit", b"0 for apples")
            await shop.subscribe("prices.get.>")
            await shop.flush()
            await service.publish("prices.get.fruit", b"apples")
            await service.flush()
            refused = 'permissions violation for {} to "{}"'.format
            await complained(complaints_of_shop, refused("publish", "prices.set.fruit"))
            await complained(complaints_of_shop, refused("subscription", "prices.get.>"))
            await complained(complaints_of_service, refused("publish", "prices.get.fruit"))

    asyncio.run(talk())
    assert proofs.nats_refusal(endpoints(app)[0]) is not None, "nobody gets in without a login"


async def complained(complaints: list[str], text: str) -> None:
    """Errors come when the client gets to them, not with the answer to what caused them."""
    for _look in range(200):
        if any(text in one.lower() for one in complaints):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{text!r} is not among {complaints}")


async def asked(shop: Any, subject: str, data: bytes) -> bytes:
    """The answer; the servers first have to tell each other who is there to give one."""
    for _attempt in range(10 * PATIENCE):
        try:
            return bytes((await shop.request(subject, data, timeout=SECONDS)).data)
        except nats.errors.NoRespondersError:
            await asyncio.sleep(0.1)
    raise AssertionError(f"nobody answers to {subject}")


def test_telemetry_can_be_replayed_for_a_day_and_the_dashboard_goes_on_where_it_left_off(desk: Place) -> None:
    app = provisioned(desk, "telemetry", "nats")
    measured = messages(20, "degrees")

    async def measure() -> None:
        async with client(app, "telemetry", "TELEMETRY_PASSWORD") as (machine, _complaints):
            jetstream = machine.jetstream(timeout=SECONDS)
            config = (await jetstream.stream_info("TELEMETRY")).config
            assert (config.max_age, config.num_replicas) == (DAY.total_seconds(), 3)
            for number, one in enumerate(measured):
                await jetstream.publish(f"telemetry.machine-{number % 2}", one)
            since = ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_TIME,
                opt_start_time=datetime.now(UTC) - DAY,
                ack_policy=AckPolicy.NONE,
            )
            replay = await jetstream.pull_subscribe("telemetry.machine-1", stream="TELEMETRY", config=since)
            assert await fetched(replay, 10) == measured[1::2], "the day of one machine"

    async def look(count: int) -> list[bytes]:
        async with client(app, "telemetry", "TELEMETRY_PASSWORD") as (dashboard, _complaints):
            jetstream = dashboard.jetstream(timeout=SECONDS)
            bound = await jetstream.pull_subscribe_bind("dashboard", stream="TELEMETRY")
            return await fetched(bound, count, ack=True)

    asyncio.run(measure())
    assert asyncio.run(look(5)) == measured[:5]
    assert asyncio.run(look(15)) == measured[5:]


async def fetched(subscription: Any, count: int, *, ack: bool = False) -> list[bytes]:
    """As many messages as are waited for; a consumer that is new first elects who answers."""
    found: list[bytes] = []
    while len(found) < count:
        try:
            batch = await subscription.fetch(count - len(found), timeout=SECONDS)
        except nats.js.errors.ServiceUnavailableError:
            await asyncio.sleep(0.1)
            continue
        for message in batch:
            found.append(message.data)
            if ack:
                await message.ack_sync(timeout=SECONDS)
    return found
