#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: platform_probe
short_description: Check on a live platform what this collection relies on
version_added: 0.1.0
description:
  - Looks at each fact about the platform that this collection is built around, and tells which hold, which differ, and which
    could not be asked and why.
  - It only reads, unless O(disposable) names a cluster that it may make, write to, and remove again.
  - Whether the caller has a right is asked by access reviews. No Secret is read.
  - A fact that differs is no failure of the task; see RV(differ).
author:
  - The brokerops.messaging authors (@brokerops)
extends_documentation_fragment:
  - brokerops.messaging.connection
  - brokerops.messaging.attributes
attributes:
  action_group:
    description: Use C(group/NAME) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - brokerops.messaging.all
  check_mode:
    details:
      - Nothing but the reading part is done. RV(steps) tells what would be done besides.
  diff_mode:
    support: none
    details:
      - What it makes it removes again.
  idempotent:
    support: none
    details:
      - With O(disposable) every run makes and removes a cluster.
options:
  namespace:
    description:
      - The tenant namespace. Clusters that are in it are looked at, and never written to.
    type: str
    required: true
  only:
    description:
      - Ask only these facts. All codes with what they state are in RV(facts) of a run without this option.
    type: list
    elements: str
    default: []
    choices:
      - api.served
      - api.verbs
      - api.schema.fields
      - api.schema.presets
      - api.schema.defaults
      - api.get.defaults
      - api.no_generation
      - api.list.whole
      - api.list.selectors
      - api.get.missing
      - api.watch.begin
      - release.message
      - release.version
      - workloads.condition
      - workloads.monitors
      - workloads.threshold
      - workloads.preset
      - workloads.nats_box
      - workloads.pods
      - rights.tenant
      - rights.withheld
      - tenants.shown
      - api.create.dry_run
      - api.create.twice
      - release.early
      - api.spec.unknown_key
      - api.get.unsent
      - api.patch.freezes
      - release.same_values
      - release.neutral_key
      - release.old_ready
      - api.patch.dry_run
      - api.resource_version
      - api.json_patch.test
      - api.merge_patch.empty
      - api.spec.reserved
      - release.schema
      - release.retried
      - release.null
      - release.nested_resources
      - kafka.brokers.shrink
      - delete.orphans
      - delete.adopts
      - api.delete.dry_run
      - api.delete.at_once
      - delete.record_first
      - delete.complete
      - release.finalizer
      - release.interrupted
      - api.caches
      - brokers.logins
      - brokers.volumes
      - release.leftovers
  disposable:
    description:
      - A small cluster to write to. It is made for the probe, and removed at its end, also after a failure or when the run is
        stopped by C(SIGTERM).
      - Needs the consent C(cozystack.probe.disposable:NAME) in O(allow). Without it the task fails before anything is asked,
        and the message tells everything that would be done.
    type: dict
    suboptions:
      kind:
        description:
          - Its kind. Some facts show only on one kind.
          - It has 2 brokers and 1 ZooKeeper, or 1 RabbitMQ node, or 2 NATS servers, and counts towards the tenant's quota.
        type: str
        choices: [kafka, rabbitmq, nats]
        default: nats
      name:
        description:
          - Its name. If there is a cluster of that name, or anything left of one, the task fails and leaves it alone.
        type: str
        required: true
      wait_timeout:
        description:
          - For how many seconds to wait for each thing that has to come, such as the cluster being ready.
        type: int
        default: 900
      patience:
        description:
          - For how many seconds to look for something that may never come, such as a dry run being persisted after all.
            The platform tries a failed release again after 30 seconds.
        type: int
        default: 45
  allow:
    description:
      - C(cozystack.probe.disposable:NAME) to make, write to and remove the cluster in O(disposable).
      - C(cozystack.probe.orphans:NAME) to delete it, among the rest, at the one moment in which this platform leaves the pods of a
        deleted cluster running. They are taken over by making the cluster again, and removed with it. If that goes wrong, they
        stay, and only the platform's people can remove them.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Look, and change nothing
  brokerops.messaging.platform_probe:
    namespace: tenant-acme
  register: probe

- name: What differs from what this collection relies on
  ansible.builtin.debug:
    msg: "{{ probe.facts | selectattr('holds', 'eq', 'no') }}"

- name: Look at everything, on a cluster made for it
  brokerops.messaging.platform_probe:
    namespace: tenant-acme
    disposable: {kind: nats, name: probe}
    allow: [cozystack.probe.disposable:probe]
"""

RETURN = r"""
facts:
  description: Every fact that was asked for, with what was seen of it.
  returned: always, unless the options are refused
  type: list
  elements: dict
  contains:
    code:
      description: A stable name.
      type: str
      returned: always
      sample: api.patch.dry_run
    statement:
      description: What this collection takes for true.
      type: str
      returned: always
      sample: A patch that asks for a dry run is persisted.
    source:
      description: Where that is known from, a row of the project's fact sheet about the platform.
      type: str
      returned: always
      sample: §0 rule 1, §10
    needs:
      description: What it takes to see it.
      type: str
      returned: always
      sample: a disposable cluster
    holds:
      description: V(yes), V(no), or V(unknown) where it could not be asked or there was nothing to see it on.
      type: str
      returned: always
      sample: "yes"
    seen:
      description: What was seen, or why nothing was.
      type: str
      returned: always
      sample: a PATCH that asked for a dry run is stored
differ:
  description: The codes of the facts that do not hold.
  returned: always, unless the options are refused
  type: list
  elements: str
  sample: []
table:
  description: The same for people, one line for each fact; what differs comes first.
  returned: always, unless the options are refused
  type: list
  elements: str
steps:
  description: Everything that is done besides reading (in check mode, that would be done), in order.
  returned: always, unless the options are refused
  type: list
  elements: str
refusals:
  description: The consent that is missing.
  returned: when the disposable cluster lacks its consent
  type: list
  elements: dict
  contains:
    path:
      description: The option.
      type: str
      returned: always
    reason:
      description: The reason code.
      type: str
      returned: always
    text:
      description: What would be done.
      type: str
      returned: always
    way_out:
      description: What to do instead.
      type: str
      returned: always
    consent:
      description: The consent that is missing.
      type: str
      returned: always
    correction:
      description: Always empty here.
      type: str
      returned: always
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
requests:
  description: How many requests this took.
  returned: always, unless the options are refused
  type: dict
  contains:
    reads:
      description: Requests that read, access reviews among them. A watch counts as one.
      type: int
      returned: always
      sample: 61
    writes:
      description: Requests that write. Without a disposable cluster, and in check mode, it is 0.
      type: int
      returned: always
      sample: 0
"""

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.probe import run_probe


def main() -> None:
    """Run the module."""
    run_probe()


if __name__ == "__main__":
    main()
