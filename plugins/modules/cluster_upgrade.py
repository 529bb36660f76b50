#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_upgrade
short_description: Upgrade a managed cluster, hop by hop
version_added: 0.1.0
description:
  - Takes a healthy RabbitMQ cluster up one line of releases after the other. All stable feature flags are enabled before each hop
    and after the last one. A hop is over when every node runs the new line by its own word, and the cluster is healthy again.
  - All steps are worked out before the first one. What blocks a later hop, or lacks a consent, refuses the first.
  - Nothing is remembered. A run that was stopped anywhere is started again by the same task and goes on from what it finds.
  - There is no way down.
  - Which version of Kafka and NATS runs is decided by the platform. Where one of its releases brings the wanted line right now, the
    module waits until every member runs it; else it refuses, with the reason.
author:
  - The brokerops.messaging authors (@brokerops)
extends_documentation_fragment:
  - brokerops.messaging.connection
  - brokerops.messaging.broker
  - brokerops.messaging.attributes
attributes:
  diff_mode:
    support: none
    details:
      - The steps of the path say what changes.
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
      - Whether feature flags that change how the cluster stores what it knows (C(khepri_db) from 4.2 on) are enabled as well.
        Nobody can go back behind them, and 4.3 needs them.
    type: bool
    default: false
  pause_after:
    description:
      - With V(hop), the run ends after the next hop. The same task then takes the one after it.
    type: str
    choices: [hop, never]
    default: never
  not_after:
    description:
      - A moment with its time zone, such as V(2026-12-24T05:30:00+00:00). A hop that would go on longer is not begun, judged by how
        long the slowest node took to start the last time.
    type: str
  allow:
    description:
      - Consents to what a step needs one for, such as C(rabbitmq.version.upgrade:jobs). Who agrees to the hops agrees to the stable
        feature flags that belong to them; for these alone it is C(rabbitmq.upgrade.flags_off:jobs).
      - What O(adopt_one_way) enables takes C(rabbitmq.upgrade.one_way:jobs). Consents to feature flags are for RabbitMQ only.
    type: list
    elements: str
    default: []
  expected_plan:
    description:
      - The digest of a path that was approved, as check mode returns it in RV(plan.digest). Any other path is refused. What is left
        of a path that was begun is another one.
    type: str
  wait_timeout:
    description:
      - For how many seconds one hop may take, and for how many nothing may move.
    type: int
    default: 1800
requirements:
  - kafka-python, for Kafka
  - nats-py, for NATS
seealso:
  - module: brokerops.messaging.upgrade_path_info
  - module: brokerops.messaging.cluster_health_info
"""

EXAMPLES = r"""
- name: To 4.2, as it was approved
  brokerops.messaging.cluster_upgrade:
    kind: rabbitmq
    namespace: tenant-acme
    cluster: jobs
    version: "4.2"
    allow:
      - rabbitmq.version.upgrade:jobs
    expected_plan: "{{ approved }}"

- name: One hop in tonight's window
  brokerops.messaging.cluster_upgrade:
    kind: rabbitmq
    namespace: tenant-acme
    cluster: jobs
    version: "4.2"
    pause_after: hop
    not_after: "2026-12-24T05:30:00+00:00"
    allow:
      - rabbitmq.version.upgrade:jobs
"""

RETURN = r"""
plan:
  description: The steps from what was found to the end.
  returned: once the brokers could be asked
  type: dict
  contains:
    digest:
      description: Names this very path.
      type: str
      returned: once the cluster was looked at
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
done:
  description: The steps that were done by this run, in words.
  returned: once the cluster was looked at
  type: list
  elements: str
  sample: [RabbitMQ 4.1 becomes 4.2]
end:
  description: What the path leads to; empty where it is blocked.
  returned: once the cluster was looked at
  type: str
  sample: all 3 nodes run RabbitMQ 4.2, by their own word
waited:
  description: What waiting between the steps took.
  returned: once the cluster was looked at
  type: dict
  contains:
    seconds:
      description: Seconds.
      type: float
      returned: always
      sample: 0.0
running:
  description: What was found.
  returned: once the cluster was looked at
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
  returned: once the cluster was looked at
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
  returned: once the cluster was looked at
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
  returned: once the cluster was looked at
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
refusals:
  description: Everything that stands against the path, each with its way out.
  returned: when the path, or a later step of it, is refused
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
reason:
  description: The reason code of what blocked a run that was under way.
  returned: when a run stops half-way
  type: str
  sample: rabbitmq.upgrade.window
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

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.upgrading import run_upgrade


def main() -> None:
    """Run the module."""
    run_upgrade()


if __name__ == "__main__":
    main()
