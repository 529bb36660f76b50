# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""For which names the brokers' certificates are, as on the platform."""

from __future__ import annotations

import re

from cryptography import x509

from tests.lab.brokers.certificates import kafka_hosts, key_store, nats_hosts
from tests.lab.pki import Authority


def test_a_kafka_brokers_certificate_names_its_services_itself_and_its_addresses_outside() -> None:
    hosts = kafka_hosts("kafka-o", "tenant-a", "kafka-o-kafka-1", ["203.0.113.5"])
    assert {
        "kafka-o-kafka-bootstrap",
        "kafka-o-kafka-bootstrap.tenant-a.svc",
        "kafka-o-kafka-brokers.tenant-a.svc.cozy.local",
        "kafka-o-kafka-1.kafka-o-kafka-brokers.tenant-a.svc",
        "203.0.113.5",
    } <= set(hosts)


def test_the_nats_certificate_names_no_address_and_the_outside_only_where_there_is_one() -> None:
    inside = nats_hosts("nats-o", "tenant-a", "")
    assert "nats-o.tenant-a.svc" in inside
    assert nats_hosts("nats-o", "tenant-a", "nats-o.example.org") == [*inside, "nats-o.example.org"]
    assert not [host for host in inside if re.search(r"\d+\.\d+", host)]


def test_a_key_store_holds_a_key_for_java_and_a_certificate_of_the_authority() -> None:
    authority = Authority.create("cluster-ca").pair
    text = key_store(authority, "kafka-o-kafka-0", ["kafka-o", "127.0.0.1"])
    assert text.startswith("-----BEGIN PRIVATE KEY-----"), "PKCS #8"
    certificate = x509.load_pem_x509_certificate(text[text.index("-----BEGIN CERTIFICATE") :].encode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate.encode()))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["kafka-o"]
