# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Which requests a fault of the API takes, and what its answer looks like."""

from __future__ import annotations

import json

import pytest

from tests.lab.faults import Fault

TARGET = "/apis/apps.cozystack.io/v1alpha1/namespaces/tenant-acme/kafkas/orders?limit=1"


@pytest.mark.parametrize(
    ("fault", "verb", "expected"),
    [
        (Fault("cut"), "get", True),
        (Fault("cut", verbs=["patch", "delete"]), "patch", True),
        (Fault("cut", verbs=["patch"]), "get", False),
        (Fault("cut", path="kafkas/orders"), "get", True),
        (Fault("cut", path="natses"), "get", False),
        (Fault("cut", path=r"\?limit"), "get", True),
        (Fault("cut", count=2, hits=1), "get", True),
        (Fault("cut", count=2, hits=2), "get", False),
        (Fault("cut", count=0, hits=99), "get", True),
        (Fault("drop-watch"), "get", False),
        (Fault("drop-watch"), "watch", True),
    ],
)
def test_fault_takes_the_requests_it_means(fault: Fault, verb: str, expected: bool) -> None:
    assert fault.matches(verb, TARGET) is expected  # type: ignore[arg-type]


def test_answer_is_a_kubernetes_status_with_its_retry_after() -> None:
    head, _unused, body = (
        Fault("status", code=429, retry_after=5, message="slow down").answer().partition(b"\r\n\r\n")
    )
    lines = head.decode().split("\r\n")
    assert lines[0].startswith("HTTP/1.1 429 ")
    assert "Retry-After: 5" in lines
    assert f"Content-Length: {len(body)}" in lines
    status = json.loads(body)
    assert (status["kind"], status["reason"], status["message"]) == ("Status", "TooManyRequests", "slow down")
    assert status["details"] == {"retryAfterSeconds": 5}


def test_answer_without_retry_after_has_no_such_header() -> None:
    assert b"Retry-After" not in Fault("status", code=500).answer()
