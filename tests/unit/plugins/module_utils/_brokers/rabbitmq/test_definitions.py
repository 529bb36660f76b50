# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Definitions that are kept in a file have no secret in them, wherever RabbitMQ keeps one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.rabbitmq.definitions import (
    without_secrets,
)


def definitions(**parts: Any) -> dict[str, Any]:
    return {"users": [], "vhosts": [{"name": "/"}], **parts}


def test_users_are_told_without_the_hash_of_their_password() -> None:
    user = {"name": "app", "tags": ["monitoring"], "limits": {}}
    found = definitions(users=[{**user, "password_hash": "x", "hashing_algorithm": "rabbit_password_sha256"}])
    assert without_secrets(found) == definitions(users=[user])


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("amqp://app:word@old:5672/work", "amqp://old:5672/work"),
        ("amqps://app@old", "amqps://old"),
        ("amqps://old/work?keyfile=k&password=word", "amqps://old/work"),
        ("amqp://a:word@one amqp://b:word@two", "amqp://one amqp://two"),
        ("amqp://app:wo?rd@old", "amqp://"),
        (["amqp://a:word@one", "amqp://two"], ["amqp://one", "amqp://two"]),
        ("amqp://app:two words@old", "amqp://old"),
        ("no address", "no address"),
    ],
)
def test_an_address_in_a_parameter_is_told_without_its_login(address: Any, told: Any) -> None:
    shovel = {"name": "move", "component": "shovel", "vhost": "/"}
    found = definitions(parameters=[{**shovel, "value": {"src-uri": address, "src-queue": "jobs"}}])
    expected = definitions(parameters=[{**shovel, "value": {"src-uri": told, "src-queue": "jobs"}}])
    assert without_secrets(found) == expected


def test_what_calls_itself_a_secret_is_left_out() -> None:
    found = definitions(global_parameters=[{"name": "x", "value": {"access_token": "word", "port": 1}}])
    assert without_secrets(found)["global_parameters"] == [{"name": "x", "value": {"port": 1}}]


@pytest.mark.parametrize("name", ["oauth_client_secret", "smtp_passwd", "pass", "API_KEY", "credentials"])
def test_a_parameter_whose_name_is_that_of_a_secret_is_told_without_its_value(name: str) -> None:
    found = definitions(global_parameters=[{"name": name, "value": "word"}])
    assert without_secrets(found)["global_parameters"] == [{"name": name}]
