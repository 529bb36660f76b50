# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How modules that speak with the brokers of a cluster reach them."""

    DOCUMENTATION = r"""
options:
  namespace:
    description:
      - The tenant namespace that the cluster is in.
    type: str
    required: true
  cluster:
    description:
      - The name of the cluster. It has to exist; this module does not create it.
    type: str
    required: true
  broker_access:
    description:
      - Which ways to the brokers are tried, of those that the platform tells of.
      - With V(cluster), the cluster's own network. First the name of the cluster's Service, then the addresses of the pods
        behind it. That is for tasks that run inside the cluster, as in an execution environment.
      - With V(external), the addresses of the load balancers of a cluster that is open to the outside.
      - With V(auto), one after the other in this order. A way on which nobody answers within 2 seconds is left for the next.
    type: str
    choices: [auto, external, cluster]
    default: auto
  broker_endpoints:
    description:
      - Where the brokers are, as C(HOST:PORT), for a way that the platform knows nothing of, such as a tunnel.
        For RabbitMQ that is the management API.
      - Where no login has to be looked up either, the platform is not asked at all.
    type: list
    elements: str
  broker_username:
    description:
      - The user to log in as. Kafka has no users on this platform.
      - Without it, RabbitMQ's administrator is used, and NATS is spoken with as nobody.
    type: str
  broker_password:
    description:
      - The password of O(broker_username). Without it, the one in the Secret that the platform keeps for the user is used,
        which takes the role C(use) in the tenant. Users of NATS accounts have none there.
    type: str
  broker_ca_file:
    description:
      - Path of a file with the certificates, in PEM, that sign for the brokers.
      - Without it, the platform's CA is used where a tenant may read it, which is so for Kafka and not for NATS. With
        O(broker_endpoints), the certificates that the machine trusts are used.
    type: path
  broker_tls:
    description:
      - Whether to speak TLS. If unset, it is spoken where O(broker_ca_file) is given, and else where the platform says so,
        or, with O(broker_endpoints), not at all.
      - Inside the cluster Kafka offers both. If unset, plain text is used there.
    type: bool
  broker_tls_server_name:
    description:
      - The name that the brokers' certificate has to be for, where that is not the host that is connected to. With the
        platform's ways it is rarely needed.
    type: str
  broker_timeout:
    description:
      - For how many seconds a broker may let a connection or an answer wait.
    type: int
    default: 10
notes:
  - No password is sent over a public address in plain text without a consent in O(allow), which is
    C(KIND.login.plaintext:CLUSTER), or C(rabbitmq.administrator.plaintext:CLUSTER) for RabbitMQ's administrator. Public is
    what a load balancer offers, and every address that is routed in the internet.
  - A cluster whose brokers cannot be reached from where the task runs fails the task, and RV(ignore:tried) says which ways
    were tried and why each of them failed.
"""
