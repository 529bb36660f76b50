# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Certificates of brokers, for the names that the platform has put into them."""

from __future__ import annotations

from collections.abc import Iterable

from cryptography.hazmat.primitives import serialization

from tests.lab.pki import Authority, Pair

CLUSTER_DOMAIN = "cozy.local"


def service_names(service: str, namespace: str) -> list[str]:
    """Every form of a Service's name."""
    return [
        service,
        f"{service}.{namespace}",
        f"{service}.{namespace}.svc",
        f"{service}.{namespace}.svc.{CLUSTER_DOMAIN}",
    ]


def kafka_hosts(release: str, namespace: str, pod: str, outside: Iterable[str]) -> list[str]:
    """What a broker's certificate is for: all Services in front of it, itself, and its addresses outside
    (Strimzi: ClusterCa.generateBrokerCerts). The pod's own address is not among it.
    """
    brokers = f"{release}-kafka-brokers"
    itself = f"{pod}.{brokers}.{namespace}.svc"
    return [
        *service_names(f"{release}-kafka-bootstrap", namespace),
        *service_names(brokers, namespace),
        itself,
        f"{itself}.{CLUSTER_DOMAIN}",
        *outside,
    ]


def nats_hosts(release: str, namespace: str, outside: str) -> list[str]:
    """What the servers' only certificate is for; ``outside`` is the name for clients outside, "" for none. No
    address is among it (cozystack: packages/apps/nats/templates/certmanager.yaml).
    """
    hosts = []
    for service in (release, f"{release}-headless"):
        hosts += [service, f"{service}.{namespace}.svc", f"{service}.{namespace}.svc.{CLUSTER_DOMAIN}"]
    hosts.append(f"*.{release}-headless.{namespace}.svc.{CLUSTER_DOMAIN}")
    return [*hosts, outside] if outside else hosts


def key_store(authority: Pair, name: str, hosts: Iterable[str]) -> str:
    """A new key and its certificate in one PEM text, as Java reads it."""
    pair = Authority(authority).issue(name, hosts=hosts)
    key = serialization.load_pem_private_key(pair.key.encode(), None)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return text.decode() + pair.certificate
