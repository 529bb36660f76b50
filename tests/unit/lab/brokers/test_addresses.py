# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Addresses: stable per label, never shared, each lab and each half in a network of its own."""

from __future__ import annotations

import ipaddress

import pytest

from tests.lab.brokers.addresses import AddressesExhausted, AddressPool


def test_a_label_keeps_its_address_until_it_is_released() -> None:
    pool = AddressPool(3)
    first = pool.take("a")
    assert pool.take("b") != first
    assert pool.take("a") == first == "127.103.0.1"


def test_a_released_address_is_used_again_last() -> None:
    pool = AddressPool(0)
    released = pool.take("a")
    pool.release("a")
    assert released not in {pool.take(str(number)) for number in range(1000)}


def test_releasing_what_nobody_has_is_no_error() -> None:
    AddressPool(0).release("nobody")


def test_brokers_and_load_balancers_never_meet_and_stay_in_the_labs_network() -> None:
    for half, network in (("brokers", "127.142.0.0/17"), ("loadbalancers", "127.142.128.0/17")):
        pool = AddressPool(42, half)  # type: ignore[arg-type]
        taken = {ipaddress.ip_address(pool.take(str(number))) for number in range(128 * 254)}
        assert len(taken) == 128 * 254
        assert pool.network() == ipaddress.ip_network(network)
        assert all(address in pool.network() for address in taken)
        with pytest.raises(AddressesExhausted, match=network):
            pool.take("one too many")
        pool.release("17")
        assert ipaddress.ip_address(pool.take("one too many")) in taken


@pytest.mark.parametrize("lab", [-1, 100])
def test_a_lab_number_outside_the_range_is_refused(lab: int) -> None:
    with pytest.raises(ValueError, match=r"0\.\.99"):
        AddressPool(lab)
