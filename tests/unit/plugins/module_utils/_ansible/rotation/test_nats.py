# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the platform's declaration says of two users of NATS, and what gives one of them another secret."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.rotation import nats
from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.rotation.nats import (
    AccountUsers,
    ClusterUsers,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._brokers.nats.nkey import KeyPair
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.converge import Refused
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.access import Login
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.plan import Action, make_plan
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.secret import Secret
from ansible_collections.brokerops.messaging.plugins.module_utils._engine.state import (
    Actual,
    ClusterRef,
    State,
    Wanted,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.nats.passwords import (
    dated_password,
    disabled_user,
    hashed,
    is_disabled,
    made_at,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.nats.table import NATS

REF = ClusterRef("nats", "tenant-a", "events")
CREATED = {"metadata": {"creationTimestamp": "2026-11-01T00:00:00Z"}}
NOVEMBER = 1_793_491_200.0
OPENED = 1_795_300_000.0
RIGHTS = {"publish": {"allow": ["orders.>"]}}


def nothing(_name: str) -> Secret | None:
    return None


def cluster(**passwords: Secret | None) -> Actual:
    """A cluster with these users; None is one whose password the platform has made."""
    users = {name: {} if one is None else {"password": one} for name, one in passwords.items()}
    return Actual(State({"replicas": 3}, {"users": users}), evidence=CREATED)


def account(**users: Mapping[str, Any]) -> Actual:
    return Actual(State({"replicas": 3}, {"accounts": {"ORDERS": {"users": users}}}), evidence=CREATED)


def hash_of(password: str) -> Secret:
    return Secret(hashed(Secret(password)))


def seed_and_key() -> tuple[str, str]:
    """A new key pair, as nats-server writes the two halves."""
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    raw = bytes([18 << 3 | (20 << 3) >> 5, ((20 << 3) & 31) << 3]) + key
    seed = base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")
    return seed, KeyPair(Secret(seed)).public


class TestUsersOfTheCluster:
    place = ClusterUsers()

    def test_the_age_is_in_the_password_or_at_most_that_of_the_cluster(self) -> None:
        actual = cluster(app=dated_password(OPENED - 60), other=Secret("OfAPerson123"), third=None)
        found = {
            name: self.place.find(name, "", actual, lambda _name: Secret("OfThePlatform1"))
            for name in ("app", "other", "third")
        }
        assert {name: one.made for name, one in found.items()} == {
            "app": OPENED - 60,
            "other": NOVEMBER,
            "third": NOVEMBER,
        }
        assert all(one.active for one in found.values())
        assert found["third"].stored == Login("third", Secret("OfThePlatform1"))

    def test_one_that_is_only_removed_is_in_use_and_older_than_what_is_declared(self) -> None:
        found = self.place.find("old", "app", cluster(app=None), lambda _name: dated_password(OPENED))
        assert (found.active, found.made) == (True, None)

    @pytest.mark.parametrize("declared", [True, False])
    def test_a_retired_one_is_not_in_use_and_the_servers_are_asked_for_what_took_its_place(
        self, declared: bool
    ) -> None:
        password = disabled_user()["password"]
        actual = cluster(old=password) if declared else cluster()
        found = self.place.find("old", "app", actual, lambda _name: password)
        assert not found.active and found.stored is None
        assert found.asks is not None and found.asks.login == Login("old", password)

    def test_one_whose_password_is_still_to_come_is_in_use_and_cannot_be_asked_for(self) -> None:
        found = self.place.find("app", "app-b", cluster(app=None), nothing)
        assert (found.active, found.asks, found.made) == (True, None, None)

    def test_accounts_take_their_place(self) -> None:
        items: dict[str, Any] = {
            "users": {"app": {"password": Secret("OfAPerson123")}},
            "accounts": {"A": {}},
        }
        actual = Actual(State({}, items), evidence=CREATED)
        assert not self.place.find("app", "app-b", actual, nothing).active

    def test_a_new_password_is_later_than_the_others_whatever_the_clocks_say(self) -> None:
        ahead = 4_000_000_000
        state = self.place.added("app-b", "app", cluster(app=dated_password(ahead)))
        made = made_at(state.named("users")["app-b"]["password"])
        assert made == ahead + 1

    def test_who_ends_keeps_the_name_with_a_secret_that_nobody_knows(self) -> None:
        assert is_disabled(self.place.ended("app").named("users")["app"])


class TestUsersOfAnAccount:
    @staticmethod
    def place(new: str | None = None, known: Login | None = None) -> AccountUsers:
        return AccountUsers(REF, "ORDERS", None if new is None else Secret(new), known, OPENED)

    def test_the_new_one_is_the_one_with_the_password_that_is_given(self) -> None:
        actual = account(
            app={"name": "app", "password": hash_of("one")}, two={"name": "two", "password": hash_of("two")}
        )
        place = self.place("two", Login("app", Secret("one")))
        new, old = place.find("two", "app", actual, nothing), place.find("app", "two", actual, nothing)
        assert (new.made, new.stored) == (OPENED + 1, Login("two", Secret("two")))
        assert (old.made, old.stored) == (None, Login("app", Secret("one")))

    def test_of_two_without_a_given_one_nobody_says_which_is_new(self) -> None:
        row = {"password": hash_of("one")}
        with pytest.raises(Refused, match="new_password") as refused:
            self.place().find("app", "two", account(app=row, two=row), nothing)
        assert refused.value.details["refusals"][0]["reason"] == "nats.credential.secret.missing"

    def test_a_second_one_gets_the_rights_and_only_a_hash_is_declared(self) -> None:
        actual = account(app={"name": "app", "password": hash_of("one"), "permissions": RIGHTS})
        place = self.place("two")
        wanted = Wanted(True, place.added("app-b", "app", actual))
        plan = make_plan(NATS, REF, wanted, actual)
        assert plan.action is Action.UPDATE and plan.state is not None
        after = Actual(plan.state, evidence=CREATED)
        found = place.find("app-b", "app", after, nothing)
        assert found.active and found.may and found.made == OPENED + 1

    def test_one_with_fewer_rights_than_the_other_is_seen(self) -> None:
        rows: dict[str, Any] = {
            "app": {"name": "app", "password": hash_of("one")},
            "app-b": {"name": "app-b", "password": hash_of("two"), "permissions": RIGHTS},
        }
        assert not self.place("two").find("app-b", "app", account(**rows), nothing).may

    def test_permissions_that_only_one_of_them_has_are_for_a_person_to_declare(self) -> None:
        rows: dict[str, Any] = {
            "app": {"name": "app", "password": hash_of("one")},
            "app-b": {"name": "app-b", "password": hash_of("two"), "permissions": RIGHTS},
        }
        with pytest.raises(Refused, match="declare the same permissions for both users") as refused:
            self.place("two").permitted("app-b", "app", account(**rows))
        assert refused.value.details["refusals"][0]["reason"] == "nats.credential.rights"

    @pytest.mark.parametrize(
        ("given", "text"), [(hash_of("one").reveal(), "this is a hash"), ("x" * 73, "1 to 72 bytes")]
    )
    def test_what_nobody_could_log_in_with_is_known_beforehand(self, given: str, text: str) -> None:
        assert text in (nats._unfit(given) or "")
        assert nats._unfit(seed_and_key()[0]) is nats._unfit("a password") is None

    def test_a_key_pair_is_given_by_its_seed_of_which_nothing_is_declared(self) -> None:
        seed, key = seed_and_key()
        old = seed_and_key()[1]
        actual = account(**{old: {"nkey": old, "permissions": RIGHTS}})
        place = self.place(seed)
        state = place.added(key, old, actual)
        assert state.named("accounts")["ORDERS"]["users"] == {key: {"nkey": key, "permissions": RIGHTS}}
        both = account(**{one: {"nkey": one} for one in (old, key)})
        new = place.find(key, old, both, nothing)
        assert new.asks is not None and new.asks.seed == Secret(seed) and new.made == OPENED + 1
        assert place.find(old, key, both, nothing).made is None

    @pytest.mark.parametrize("new", [None, "a password", seed_and_key()[0]])
    def test_a_public_key_takes_its_own_seed(self, new: str | None) -> None:
        key = seed_and_key()[1]
        with pytest.raises(Refused, match="public key"):
            self.place(new).added(key, "app", account(app={"name": "app"}))

    def test_a_seed_is_no_password(self) -> None:
        with pytest.raises(Refused, match="no more than a hash"):
            self.place(seed_and_key()[0]).added("app-b", "app", account(app={"name": "app"}))


# ---- users of which nothing is left


def release(ready: str, workloads: str) -> Actual:
    conditions = [{"type": "Ready", "status": ready}, {"type": "WorkloadsReady", "status": workloads}]
    return Actual(State(), evidence={"metadata": {}, "status": {"conditions": conditions}})


def gone(monkeypatch: pytest.MonkeyPatch, place: Any, clock: list[float]) -> Any:
    """Hands that see nothing of ``app``."""
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    found: Any = nats.Users.__new__(nats.Users)
    found._place, found._rests_since, found._found = place, None, {"app": nats._Found()}
    found._old, found._answers, found._options = {}, {}, {"goal": "retire"}
    return found


def test_a_user_of_an_account_has_gone_once_the_platform_has_come_to_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [100.0]
    hands = gone(monkeypatch, TestUsersOfAnAccount.place(), clock)
    seen = []
    for passed, ready, workloads in (
        (0, "True", "True"),  # perhaps the platform has not seen the change yet
        (1, "Unknown", "True"),
        (1, "True", "False"),  # the last server restarts
        (60, "True", "True"),
        (2, "True", "True"),
        (2, "True", "True"),
    ):
        clock[0] += passed
        hands._watch_rest(release(ready, workloads))
        seen.append(hands._one("app", None).lingers)
    assert seen == [True, True, True, True, True, False]


def test_of_a_user_of_the_cluster_something_is_left_to_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    hands = gone(monkeypatch, ClusterUsers(), [100.0])
    hands._watch_rest(release("Unknown", "False"))
    assert not hands._one("app", None).lingers


def test_where_the_old_secret_is_told_the_servers_themselves_are_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hands = gone(monkeypatch, TestUsersOfAnAccount.place(), [100.0])
    hands._old = {"app": Login("app", Secret("one"))}
    for refused in (False, True):
        hands._everybody, hands._all = (lambda _question: None), (lambda _found, _verdict, said=refused: said)
        one = hands._one("app", None)
        assert (one.works, one.lingers) == (not refused, False)
