# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The role `cluster`: what it refuses before it asks anybody, what it hands to whom, and in which order."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.collection.plays import PATIENCE, SECONDS, Place, Run
from tests.integration.collection.wanted import topic

pytestmark = pytest.mark.lab

JOBS: Mapping[str, Any] = {
    "kind": "rabbitmq",
    "name": "jobs",
    "replicas": 1,
    "resources_preset": "s1.small",
    "vhosts": [{"name": "work"}, {"name": "mail"}],
}
INSIDE: Mapping[str, Any] = {
    "policies": [{"name": "limits", "pattern": ".*", "definition": {"max-length": 10}, "vhost": "work"}],
    "exchanges": [{"name": "shop", "type": "topic", "vhost": "work"}],
    "queues": [
        {"name": "billing", "members": 1, "vhost": "work"},
        {"name": "letters", "members": 1, "vhost": "mail"},
    ],
    "bindings": [{"source": "shop", "destination": "billing", "vhost": "work"}],
}
ORDER = ["Policies", "Exchanges", "Queues", "Bindings"]
_counter = itertools.count(1)


def declared(place: Place, values: Mapping[str, Any]) -> dict[str, Any]:
    """Variables of the role."""
    every = {"namespace": place.namespace, "wait_timeout": PATIENCE, **values}
    return {f"cluster_{name}": value for name, value in every.items()}


def run(
    place: Place,
    values: Mapping[str, Any],
    *arguments: str,
    kubeconfig: str | None = None,
    fails: bool = False,
) -> Run:
    """A play of the role, which finds the platform by the group of all modules or by the environment."""
    document: dict[str, Any] = {
        "name": "A test",
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"} | declared(place, values),
        "roles": [{"role": "brokerops.messaging.cluster"}],
    }
    if kubeconfig is None:
        login = {"kubeconfig": str(place.tenant.kubeconfig())}
        document["module_defaults"] = {"group/brokerops.messaging.all": login}
    playbook = place.directory / f"role-{next(_counter)}.yml"
    playbook.write_text(json.dumps([document]))
    variables = {"K8S_AUTH_KUBECONFIG": kubeconfig} if kubeconfig else {}
    ended = place.run_file(playbook, arguments=arguments, variables=variables, seconds=SECONDS)
    assert ended.status == (2 if fails else 0), ended.output
    return ended


def said(ended: Run) -> str:
    """What the one task says that has failed."""
    (failed,) = [result for result in ended.results.values() if result["failed_task"]]
    return str(failed["msg"])


def changed(ended: Run) -> list[str]:
    """The tasks that changed something, or in check mode would."""
    return [title for title, result in ended.results.items() if result.get("changed")]


def listed(ended: Run, title: str) -> list[dict[str, Any]]:
    """The results of a task that goes over virtual hosts or streams."""
    results: list[dict[str, Any]] = ended[title]["results"]
    return results


# -- what is refused -------------------------------------------------------------------------------------


def test_what_does_not_fit_together_is_refused_all_at_once_and_nobody_is_asked(place: Place) -> None:
    wrong = {
        "brokers": {"replicas": 3},
        "purge": ["queues"],
        "allow": ["rabbitmq.queue.explode:jobs", "kafka.topic.delete:orders", "rabbitmq.queue.delete"],
    }
    ended = run(place, {**JOBS, **wrong}, fails=True)
    for text in (
        f"rabbitmq {place.namespace}/jobs: nothing was sent",
        "cluster_brokers: a cluster of this kind has none; leave it out",
        "cluster_purge: queues are purged and not declared; set cluster_queues, to [] if need be",
        "cluster_allow: 'rabbitmq.queue.explode:jobs' is no consent",
        "cluster_allow: 'kafka.topic.delete:orders' is no consent",
        "cluster_allow: 'rabbitmq.queue.delete' names nothing",
    ):
        assert text in said(ended)
    assert ended.requests == []


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"kind": "redis"}, "value of cluster_kind must be one of: kafka, rabbitmq, nats, got: redis"),
        ({"queues": "jobs"}, "cluster_queues"),
        ({"replicas": "three"}, "cluster_replicas"),
        ({"purge": ["everything"]}, "cluster_purge"),
    ],
)
def test_a_variable_of_the_wrong_shape_is_named(place: Place, values: Mapping[str, Any], text: str) -> None:
    ended = run(place, {**JOBS, **values}, fails=True)
    assert text in ended.output
    assert ended.requests == []


def test_a_value_that_the_module_refuses_is_refused_by_it_before_anything_is_written(place: Place) -> None:
    ended = run(place, {**JOBS, "size": "much"}, fails=True)
    assert "nothing was sent: size:" in said(ended)
    assert ended.writes == []


# -- clusters --------------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_kafka_with_its_topics_comes_changes_and_goes(place: Place) -> None:
    wanted = {
        "kind": "kafka",
        "name": "orders",
        "brokers": {"replicas": 3},
        "topics": [topic("orders"), topic("legacy")],
        "durability": "required",
    }
    planned = run(place, wanted, "--check", "--diff")
    assert (len(changed(planned)), planned.writes) == (1, [])
    assert run(place, wanted).writes == ["create"]
    again = run(place, wanted)
    assert (changed(again), again.writes) == ([], [])
    fewer = {**wanted, "topics": [topic("orders")], "purge": ["topics"]}
    refused = run(place, fewer, fails=True)
    assert "kafka.topic.delete:legacy" in said(refused)
    assert refused.writes == []
    assert run(place, {**fewer, "allow": ["kafka.topic.delete:legacy"]}).writes == ["patch"]
    gone = {**wanted, "state": "absent"}
    assert "kafka.cluster.delete:orders" in said(run(place, gone, fails=True))
    survey = ("--extra-vars", "cluster_allow=kafka.topic.delete:legacy,kafka.cluster.delete:orders")
    assert run(place, gone, *survey).writes == ["patch", "delete"]
    assert place.app("kafka", "orders").get() is None


def test_the_platform_is_found_by_environment_variables_too(place: Place) -> None:
    wanted = {"kind": "nats", "name": "plain", "replicas": 3, "jetstream": {"enabled": False}}
    assert run(place, wanted, kubeconfig=str(place.tenant.kubeconfig())).writes == ["create"]


def test_provision_is_the_role_for_a_file_of_variables(place: Place, tmp_path: Path) -> None:
    wanted = {"kind": "nats", "name": "filed", "replicas": 3, "jetstream": {"enabled": False}}
    (tmp_path / "filed.yml").write_text(json.dumps(declared(place, wanted)))

    def provision(*arguments: str) -> Run:
        ended = place.run_file(
            Path("brokerops.messaging.provision"),
            arguments=["--extra-vars", f"@{tmp_path / 'filed.yml'}", *arguments],
            variables={"K8S_AUTH_KUBECONFIG": str(place.tenant.kubeconfig())},
        )
        assert ended.status == 0, ended.output
        return ended

    assert provision("--check").writes == []
    assert provision().writes == ["create"]
    assert provision().writes == []


@pytest.mark.smoke
def test_check_mode_says_what_nobody_can_be_asked_about_before_there_is_a_cluster(place: Place) -> None:
    ended = run(place, {**JOBS, **INSIDE}, "--check")
    assert changed(ended) == ["Bring RabbitMQ to what is declared, with users and virtual hosts"]
    message = ended["Say what nobody can be asked about yet"]["msg"]
    assert "as the cluster is not there yet" in message
    assert all(option in message for option in INSIDE)
    assert ended.writes == []


def test_a_cluster_that_goes_is_not_emptied_first(place: Place) -> None:
    wanted = {**JOBS, "name": "short"}
    run(place, wanted)
    gone = {**wanted, **INSIDE, "state": "absent", "purge": ["queues"]}
    consents = ["rabbitmq.cluster.delete:short", "rabbitmq.queue.delete:billing@0"]
    ended = run(place, {**gone, "allow": consents})
    assert ended.writes == ["patch", "delete"]
    assert [title for title in ORDER if title in ended.results] == []
    assert run(place, {**gone, "allow": consents}).writes == []


def test_passwords_are_not_shown_at_any_verbosity(place: Place) -> None:
    first, second, third = "HorseBattery11", "StapleCorrect22", "NeverSeenAtAll33"
    wanted = {
        "kind": "nats",
        "name": "hush",
        "replicas": 3,
        "accounts": [{"name": "APP", "users": [{"name": "app", "password": first}]}],
        "streams": [{"name": "S", "subjects": ["s"]}],
        "broker_username": "app",
        "broker_password": second,
    }
    checked = run(place, wanted, "-vvvv", "--check", "--diff")
    wrong = run(place, {**wanted, "replicas": "three"}, "-vvvv", fails=True)
    listless = run(place, {**wanted, "accounts": {"password": third}}, "-vvvv", fails=True)
    for ended in (checked, wrong, listless):
        text = ended.output + json.dumps(dict(ended.results))
        assert [secret for secret in (first, second, third) if secret in text] == []


# -- what lives inside, on real brokers ------------------------------------------------------------------


@pytest.mark.brokers
@pytest.mark.full
def test_rabbitmq_is_filled_in_order_and_loses_only_what_is_consented_to(real_place: Place) -> None:
    wanted = {**JOBS, **INSIDE}
    made = run(real_place, wanted)
    assert [title for title in made.results if title in ORDER] == ORDER
    assert [len(listed(made, title)) for title in ORDER] == [1, 1, 2, 1], "one look at each virtual host"
    again = run(real_place, wanted)
    assert (changed(again), again.writes) == ([], [])

    others = {"queues": [{"name": "legacy", "members": 1}, {"name": "drafts", "members": 1, "vhost": "mail"}]}
    assert changed(run(real_place, {**JOBS, **others})) == ["Queues"], "what is not declared stays"

    exclusive = {**wanted, "purge": ["queues"]}
    consents = ["rabbitmq.queue.delete:legacy@0", "rabbitmq.queue.delete:mail/drafts@0"]
    refused = run(real_place, exclusive, fails=True)
    told = json.dumps(listed(refused, "Queues"))
    assert [consent for consent in consents if consent in told] == consents
    assert changed(refused) == []
    allowed = {**exclusive, "allow": consents}
    planned = run(real_place, allowed, "--check")
    assert changed(planned) == ["Queues"]
    done = run(real_place, allowed)
    assert changed(done) == ["Queues"]
    gone = [change["path"] for one in listed(done, "Queues") for change in one["plan"]["changes"]]
    assert gone == ["queues[drafts]", "queues[legacy]"], "the default virtual host was looked at too"

    absent = {**JOBS, "bindings": [{**INSIDE["bindings"][0], "state": "absent"}]}
    binding = "rabbitmq.binding.delete:work/shop/queue/billing/"
    assert changed(run(real_place, {**absent, "allow": [binding]})) == ["Bindings"]

    # nobody can be asked about a virtual host that is to come, and that is no error
    later: dict[str, Any] = {
        **JOBS,
        "vhosts": [{"name": "later"}],
        "exchanges": [{"name": "bell", "type": "fanout", "vhost": "later"}],
        "queues": [{"name": "soon", "members": 1, "vhost": "later"}],
        "bindings": [{"source": "bell", "destination": "soon", "vhost": "later"}],
    }
    planned = run(real_place, later, "--check")
    cluster = "Bring RabbitMQ to what is declared, with users and virtual hosts"
    assert changed(planned) == [cluster, "Exchanges", "Queues", "Bindings"]
    assert planned.writes == []
    assert changed(run(real_place, later)) == changed(planned)


@pytest.mark.brokers
def test_nats_is_filled_by_the_user_of_an_account_and_loses_only_what_is_consented_to(
    real_place: Place,
) -> None:
    cluster = "Bring NATS to what is declared, with accounts and users"
    events = {"kind": "nats", "name": "events", "replicas": 3}
    account = {"name": "APP", "jetstream": {"enabled": True}}

    def user(name: str) -> dict[str, Any]:
        login = {"name": name, "password": "HorseBattery11"}
        return {
            "accounts": [{**account, "users": [login]}],
            "broker_username": name,
            "broker_password": "HorseBattery11",
        }

    run(real_place, {**events, "accounts": user("first")["accounts"]})
    inside: dict[str, Any] = {
        "streams": [{"name": "ORDERS", "subjects": ["orders.>"], "replicas": 3}],
        "consumers": [{"name": "billing", "stream": "ORDERS"}],
        "buckets": [{"name": "settings"}, {"name": "pictures", "type": "object-store"}],
    }
    wanted = {**events, **user("second"), **inside}
    planned = run(real_place, wanted, "--check")
    assert changed(planned) == [cluster]
    message = planned["Say what nobody can be asked about yet"]["msg"]
    assert "as the user second is not there yet" in message
    assert changed(run(real_place, wanted)) == [cluster, "Streams", "Consumers", "Buckets"]
    again = run(real_place, wanted)
    assert (changed(again), again.writes) == ([], [])

    more = {
        "streams": [{"name": "LOGS", "subjects": ["logs.>"]}],
        "consumers": [
            {"name": "archive", "stream": "LOGS"},
            {"name": "stock", "stream": "ORDERS"},
        ],
    }
    planned = run(real_place, {**events, **user("second"), **more}, "--check")
    assert changed(planned) == ["Streams", "Consumers"]
    said_of = "Say about which streams' consumers nobody can be asked yet"
    assert "the consumers of LOGS," in planned[said_of]["msg"]
    assert changed(run(real_place, {**events, **user("second"), **more})) == ["Streams", "Consumers"]

    exclusive = {**wanted, "purge": ["streams", "consumers", "buckets"]}
    consents = ["nats.stream.delete:LOGS@0", "nats.consumer.delete:ORDERS/stock@0"]
    refused = run(real_place, exclusive, fails=True)
    assert consents[0] in said(refused)
    assert changed(run(real_place, {**exclusive, "allow": consents})) == ["Streams", "Consumers"]
