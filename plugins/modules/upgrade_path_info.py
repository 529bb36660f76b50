#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: upgrade_path_info
short_description: What stands between a managed cluster and a newer version
version_added: 0.1.0
description:
  - Says what each member runs, by its own word where the brokers can be asked and else by what the platform was told, and works
    out the hops to the wanted line of releases. It only reads.
  - Each hop is told with what has to be so before, what it costs, all that blocks it, and whether it can be taken back.
  - What blocks does not fail the task. It stands in RV(refusals), each with a reason code and the way out.
  - RabbitMQ goes up one line at a time, with all stable feature flags enabled before each hop, and never down.
  - Which version of Kafka and NATS runs is decided by the platform. Whether one of its releases rolls the cluster right now is
    in RV(running).
author:
  - The brokerops.messaging authors (@brokerops)
extends_documentation_fragment:
  - brokerops.messaging.connection
  - brokerops.messaging.broker
  - brokerops.messaging.attributes
attributes:
  check_mode:
    details:
      - The module only reads, and does so in check mode too.
  diff_mode:
    support: none
    details:
      - The steps of the path say what would change.
  action_group:
    description: Use C(group/NAME) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - brokerops.messaging.all
options:
  kind:
    description:
      - The kind of cluster.
    type: str
    required: true
    choices: [rabbitmq, kafka, nats]
  version:
    description:
      - The wanted line of releases, such as V(4.2) or V(v4.2). In quotes, as YAML takes 4.10 for 4.1.
    type: str
    required: true
  adopt_one_way:
    description:
      - Whether feature flags of RabbitMQ that change how the cluster stores what it knows (C(khepri_db) from 4.2 on) belong to
        the path. Nobody can go back behind them, and 4.3 needs them.
    type: bool
    default: false
  allow:
    description:
      - Consents to what a step needs one for, such as C(rabbitmq.version.upgrade:jobs). Who agrees to the hops agrees to the stable
        feature flags that belong to them; for these alone it is C(rabbitmq.upgrade.flags_off:jobs).
      - What O(adopt_one_way) enables takes C(rabbitmq.upgrade.one_way:jobs). Consents to feature flags are for RabbitMQ only.
      - With all of them, RV(refusals) is empty unless something blocks.
    type: list
    elements: str
    default: []
requirements:
  - kafka-python, for Kafka
  - nats-py, for NATS
seealso:
  - module: brokerops.messaging.cluster_health_info
  - module: brokerops.messaging.rabbitmq_cluster
"""

EXAMPLES = r"""
- name: How does RabbitMQ get to 4.2?
  brokerops.messaging.upgrade_path_info:
    kind: rabbitmq
    namespace: tenant-acme
    cluster: jobs
    version: "4.2"
  register: path

- name: The steps, and what stands in their way
  ansible.builtin.debug:
    msg:
      - "{{ path.plan.steps | map(attribute='text') | list }}"
      - "{{ path.refusals | map(attribute='text') | list }}"

- name: Is the platform rolling this cluster right now?
  brokerops.messaging.upgrade_path_info:
    kind: nats
    namespace: tenant-acme
    cluster: events
    version: "2.12"
  register: path
  until: not path.running.rolling
  retries: 30
  delay: 20
"""

RETURN = r"""
plan:
  description: The steps from what was found to the end.
  returned: always
  type: dict
  contains:
    digest:
      description: Names this very path.
      type: str
      returned: always
      sample: "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
    steps:
      description: The steps in their order.
      type: list
      elements: dict
      returned: always
      contains:
        name:
          description: A stable name of what the step does.
          type: str
          returned: always
          sample: version.hop
        text:
          description: What it does.
          type: str
          returned: always
          sample: RabbitMQ 4.1 becomes 4.2
        change:
          description: What it is done with.
          type: dict
          returned: always
          sample: {from: "4.1", to: "4.2"}
        effect:
          description: What clients notice of it.
          type: str
          returned: always
          sample: nodes restart one by one, and their clients reconnect
        consent:
          description: What has to stand in O(allow) for it; empty where nothing has to.
          type: str
          returned: always
          sample: rabbitmq.version.upgrade:jobs
end:
  description: What the path leads to; empty where it is blocked.
  returned: always
  type: str
  sample: all 3 nodes run RabbitMQ 4.2, by their own word
done:
  description: Empty, as nothing is done.
  returned: always
  type: list
  elements: str
  sample: []
waited:
  description: What waiting took.
  returned: always
  type: dict
  contains:
    seconds:
      description: None, as nothing is waited for.
      type: float
      returned: always
      sample: 0.0
refusals:
  description: Everything that stands against the path, each with its way out.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: Empty, as a path is refused as a whole.
      type: str
      returned: always
    reason:
      description: The reason code.
      type: str
      returned: always
      sample: rabbitmq.upgrade.mirrored
    text:
      description: What is wrong.
      type: str
      returned: always
    way_out:
      description: What to do instead.
      type: str
      returned: always
    consent:
      description: The consent that is missing; empty where no consent helps.
      type: str
      returned: always
    correction:
      description: The smallest options, as YAML, that have to be added; empty where there are none.
      type: str
      returned: always
running:
  description: What was found.
  returned: always
  type: dict
  contains:
    members:
      description: What each member runs. Kafka's brokers do not tell their patch level.
      type: list
      elements: dict
      returned: always
      contains:
        name:
          description: The member.
          type: str
          returned: always
          sample: rabbit@jobs-server-0
        version:
          description: Its version.
          type: str
          returned: always
          sample: "4.1.4"
    declared:
      description: The line that the platform was told; null where nobody tells it one.
      type: str
      returned: always
      sample: "4.1"
    rolling:
      description: Whether an upgrade or another release of the platform is under way.
      type: bool
      returned: always
    flags_off:
      description: Stable feature flags that are not enabled.
      type: list
      elements: str
      returned: always
      sample: []
    findings:
      description: What was found of what some line treats otherwise than the one before, such as C(mirrored) or C(transient) queues,
        each with the names.
      type: dict
      returned: always
      sample: {transient: [work/scratch]}
legs:
  description:
    - What is left to do, one line of releases after the other. Each is an upgrade of its own, after which the cluster can stay
      as it is. One that was begun is only waited for.
    - There are none where the path is refused and nothing is under way.
  returned: always
  type: list
  elements: dict
  contains:
    version:
      description: The line that it leads to.
      type: str
      returned: always
      sample: "4.2"
    begun:
      description: Whether it was begun, by somebody or by a release of the platform, or a member is on its way back.
      type: bool
      returned: always
hops:
  description: The hops on the way, as far as the table of versions knows it, whether or not something blocks one.
  returned: always
  type: list
  elements: dict
  contains:
    to:
      description: The line that it leads to.
      type: str
      returned: always
      sample: "4.2"
    needs:
      description: What has to be so before it. Feature flags that are off are named, and enabled by the upgrade itself.
      type: list
      elements: str
      returned: always
      sample: [all stable feature flags are enabled]
    costs:
      description: What it costs.
      type: dict
      returned: always
      contains:
        changes:
          description: What clients notice.
          type: str
          returned: always
          sample: nodes restart one by one, and their clients reconnect
        restarts:
          description: How many members restart.
          type: int
          returned: always
          sample: 3
        seconds:
          description: What that takes if each start takes as long as the slowest one did the last time; null where nobody can
            say.
          type: int
          returned: always
          sample: 90
    blocks:
      description:
        - All that stands against this hop by itself; nothing any more once it is under way.
        - What stands against any, such as a cluster that is not healthy, is in RV(refusals) alone. So is the missing consent to a
          hop, which is told once nothing blocks the first one.
      type: list
      elements: dict
      returned: always
      contains:
        reason:
          description: The reason code.
          type: str
          returned: always
          sample: rabbitmq.upgrade.mirrored
        text:
          description: What is wrong.
          type: str
          returned: always
        way_out:
          description: What to do instead.
          type: str
          returned: always
    back:
      description: Whether and until when it can be taken back.
      type: str
      returned: always
      sample: "not at all from the first restarted node on: RabbitMQ knows no way down"
    source:
      description: Where it is written.
      type: str
      returned: always
    read:
      description: The day on which it was read there.
      type: str
      returned: always
      sample: "2026-11-21"
notes:
  description: What has to be known and does not block.
  returned: always
  type: list
  elements: str
  sample: []
health:
  description: How the cluster is; only a healthy one is upgraded.
  returned: always
  type: str
  sample: healthy
reached:
  description: Over which way the brokers were reached; null where they were not.
  returned: always
  type: dict
  contains:
    origin:
      description: Who knows of the way.
      type: str
      returned: always
      sample: Service kafka-orders-kafka-bootstrap
    endpoint:
      description: Where they are.
      type: str
      returned: always
    tls:
      description: Whether TLS is spoken.
      type: bool
      returned: always
    public:
      description: Whether the way leads over an address outside of the cluster.
      type: bool
      returned: always
    tried:
      description: The ways that did not lead to a broker.
      type: list
      elements: dict
      returned: always
      contains:
        origin:
          description: Who knows of the way.
          type: str
          returned: always
        endpoint:
          description: Where it leads.
          type: str
          returned: always
        reason:
          description: Why it did not lead there.
          type: str
          returned: always
requests:
  description: How many requests this took, to the platform for the way and to the brokers.
  returned: always
  type: dict
  contains:
    reads:
      description: Requests that read.
      type: int
      returned: always
      sample: 12
    writes:
      description: Requests that write.
      type: int
      returned: always
      sample: 0
problems:
  description: Everything that is wrong with the options by themselves.
  returned: when the options are refused
  type: list
  elements: dict
  contains:
    path:
      description: The option.
      type: str
      returned: always
    text:
      description: What is wrong with it, and what to do.
      type: str
      returned: always
"""

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.upgrading import run_upgrade_path


def main() -> None:
    """Run the module."""
    run_upgrade_path()


if __name__ == "__main__":
    main()
