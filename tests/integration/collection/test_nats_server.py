# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What nats-server itself does with a configuration: what is refused here would have bitten there."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from nats.js.errors import NoStreamResponseError

from ansible_collections.brokerops.messaging.plugins.module_utils._engine.consent import refusals
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Plan, make_plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import Actual
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.nats.table import NATS
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.spec import read_spec
from tests.integration.lab.processes_of import cluster, messages, until
from tests.lab.brokers.api import BrokerError
from tests.lab.brokers.proofs import nats_jetstream_refusal, nats_publish, nats_read, nats_refusal
from tests.lab.pki import Authority
from tests.unit.plugins.module_utils.tables import declare, ref

pytestmark = pytest.mark.brokers

A = {"jetstream": "enabled", "users": [{"user": "a", "password": "p"}]}
B = {"users": [{"user": "b", "password": "p"}]}


def reasons(made: Plan) -> set[str]:
    return {refusal.reason for refusal in refusals(made, [])}


def created(merge: Any, resolver: Any = None) -> Plan:
    """The plan for a new cluster of such a spec, as far as its state is concerned."""
    stored = {"replicas": 3, "config": {"merge": merge, "resolver": resolver or {}}}
    before = read_spec(NATS, {"replicas": 3})
    state = read_spec(NATS, stored)
    findings = tuple(found for check in NATS.constraints for found in check.findings(state))
    made = make_plan(NATS, ref("nats"), declare("nats", {}), Actual(before))
    return Plan(NATS, made.ref, made.action, (), findings, before, state)


STOPPING: dict[str, tuple[Any, Any, str, str]] = {
    "JetStream in the system account": (
        {"accounts": {"A": A}, "system_account": "A"},
        None,
        "system account",
        "nats.system_account.jetstream",
    ),
    "system account that is not there": (
        {"accounts": {"A": A}, "system_account": "SYS"},
        None,
        "error resolving system account",
        "nats.system_account.unknown",
    ),
    "a login twice": (
        {"accounts": {"A": A, "B": {"users": A["users"]}}},
        None,
        'Duplicate user "a" detected',
        "nats.account.user.doubled",
    ),
    "import of nothing": (
        {"accounts": {"A": A, "B": {"imports": [{"stream": {"account": "A", "subject": "x"}}]}}},
        None,
        "stream import not authorized",
        "nats.account.share.unmet",
    ),
    "no_auth_user that is not there": (
        {"accounts": {"A": A}, "no_auth_user": "ghost"},
        None,
        'no_auth_user: "ghost" not present',
        "nats.config.no_auth_user.unknown",
    ),
    "resolver without a type": (
        {},
        {"enabled": True},
        "error parsing account resolver",
        "nats.config.resolver.incomplete",
    ),
    "resolver without an operator": (
        {},
        {"enabled": True, "merge": {"type": "full"}},
        "no operator key found",
        "nats.config.resolver.incomplete",
    ),
}


@pytest.mark.parametrize("name", STOPPING)
def test_what_is_refused_for_the_server_does_stop_it(name: str, tmp_path: Path) -> None:
    merge, resolver, said, reason = STOPPING[name]
    assert reason in reasons(created(merge, resolver))
    settings = {"merge": merge} | ({"resolver": resolver} if resolver else {})
    with pytest.raises(BrokerError, match="ended"), cluster("nats", tmp_path, 3, **settings):
        pass
    # all are the same, and once one of them has ended the others are given no time
    assert said in "".join(log.read_text() for log in tmp_path.glob("nats-one-*/log"))


def test_a_quoted_size_stops_it_and_the_number_that_is_written_here_does_not(tmp_path: Path) -> None:
    with (
        pytest.raises(BrokerError, match="ended"),
        cluster("nats", tmp_path, 3, merge={"max_payload": "8MB"}),
    ):
        pass
    wanted = declare("nats", {"config": {"merge": {"max_payload": "8MB", "max_pending": "1GiB"}}})
    merge = wanted.state.values["config.merge"]
    with cluster("nats", tmp_path / "number", 3, merge=merge) as nats:
        assert nats_refusal(nats.endpoints()[0]) is None


@pytest.mark.parametrize(
    ("accounts", "more", "is_open"),
    [
        ({"SYS": B}, {"system_account": "SYS"}, True),
        ({"$SYS": B}, {}, True),
        ({"SYS": B, "A": {}}, {"system_account": "SYS"}, False),
        ({"A": {}}, {}, True),
        ({"A": B}, {}, False),
        ({"A": B}, {"no_auth_user": "b"}, True),
    ],
)
def test_who_gets_in_without_a_login_is_known(
    accounts: Any, more: Any, is_open: bool, tmp_path: Path
) -> None:
    merge = {"accounts": accounts, **more}
    stored = {"replicas": 3, "external": True, "config": {"merge": merge}}
    found = {one.reason for check in NATS.constraints for one in check.findings(read_spec(NATS, stored))}
    assert ("nats.external.no_login" in found) is is_open
    with cluster("nats", tmp_path, 3, merge=merge) as nats:
        assert (nats_refusal(nats.endpoints()[0]) is None) is is_open


def startup_probe(address: str) -> str:
    """What /healthz, the pod's startup probe, says."""
    try:
        with urllib.request.urlopen(f"http://{address}:8222/healthz", timeout=5) as answer:
            return str(answer.read())
    except urllib.error.HTTPError as error:
        return error.read().decode()
    except OSError as error:
        return str(error)


def first_restart_says(nats: Any, settings: Any, said: str) -> None:
    """Bring settings into force; the first server that restarts with them says why it is not ready."""
    rolling = threading.Thread(target=lambda: _until_stopped(nats, settings))
    rolling.start()
    address = nats.members()[-1].address
    try:
        until(lambda: said in startup_probe(address), lambda: startup_probe(address))
    finally:
        nats.stop()
        rolling.join()


def _until_stopped(nats: Any, settings: Any) -> None:
    with pytest.raises(BrokerError):
        nats.configure(settings)


STUCK: dict[str, tuple[Any, Any, tuple[str, str], str]] = {
    "an account with streams that goes": (
        {"accounts": {"A": A, "B": B}},
        {"accounts": {"B": B}},
        ("a", "p"),
        "account missing",
    ),
    "an account with streams that has no JetStream any more": (
        {"accounts": {"A": A, "B": B}},
        {"accounts": {"A": {"users": A["users"]}, "B": B}},
        ("a", "p"),
        "stream not found",
    ),
    "the first account, with streams that were made without a login": (
        {},
        {"accounts": {"A": A}},
        ("", ""),
        "stream not found",
    ),
    "another system account": (
        {"accounts": {"A": A, "B": B}},
        {"accounts": {"A": A, "B": B}, "system_account": "B"},
        ("a", "p"),
        "meta leader",
    ),
}


@pytest.mark.parametrize("name", STUCK)
def test_what_keeps_the_first_server_from_getting_ready_again(name: str, tmp_path: Path) -> None:
    before, after, login, said = STUCK[name]
    with cluster("nats", tmp_path, 3, merge=before) as nats:
        nats_publish(nats.endpoints(), "orders", [], login=login)
        first_restart_says(nats, {"merge": after}, said)


@pytest.mark.parametrize("comes", [True, False], ids=["TLS comes", "TLS goes"])
def test_servers_with_tls_and_without_it_do_not_hear_each_other(comes: bool, tmp_path: Path) -> None:
    authority = Authority.create("ours")
    pair = authority.issue("nats", hosts=["nats.example"], both=True)
    tls = {"ca": authority.pair.certificate, "certificate": pair.certificate, "key": pair.key}
    before, after = ({}, tls) if comes else (tls, {})
    with cluster("nats", tmp_path, 3, tls=before) as nats:
        first_restart_says(nats, {"tls": after}, "meta leader")


def published(nats: Any) -> bool:
    """Publish; False while the servers have not told each other yet which account listens where."""
    try:
        nats_publish(nats.endpoints(), "orders", messages(5), login=("a", "p"))
    except NoStreamResponseError:
        return False
    return True


def test_users_of_the_system_account_can_come_at_any_time(tmp_path: Path) -> None:
    with cluster("nats", tmp_path, 3, merge={"accounts": {"A": A}}) as nats:
        until(lambda: published(nats))
        nats.configure({"merge": {"accounts": {"A": A, "$SYS": B}}})
        assert nats_refusal(nats.endpoints()[0], "b", "p") is None
        until(lambda: nats_jetstream_refusal(nats.endpoints(), "a", "p") is None)
        assert nats_read(nats.endpoints(), "orders", login=("a", "p")) == messages(5)
