#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_drift_info
short_description: What of a cluster is other than declared, and whether the platform or somebody made it so
version_added: 0.1.0
description:
  - Compares a cluster with its declaration and, where one is given, with a snapshot of before, and tells who made each difference.
  - The platform changes clusters by itself. It rolls releases when it gets new charts, writes presets by other names, moves
    defaults, and leaves those behind that a migration or an earlier change has written down. That is reported as the platform's.
  - Whatever else is not as declared, somebody has changed, with C(kubectl) or a dashboard.
  - Without a snapshot nobody can tell what was changed that is not declared, nor that a release was rolled.
  - It is about the cluster itself. What lives inside the brokers is compared by the modules for that in check mode.
  - It reads the cluster and the schema of the platform, and writes nothing.
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
options:
  kind:
    description:
      - The kind of cluster.
    type: str
    choices: [kafka, rabbitmq, nats]
    required: true
  namespace:
    description:
      - The tenant namespace that the cluster is in.
    type: str
    required: true
  cluster:
    description:
      - The name of the cluster.
    type: str
    required: true
  declared:
    description:
      - The options that declare the cluster, as the module of its kind takes them, C(purge) and C(reset) among them.
    type: dict
    default: {}
  snapshot:
    description:
      - The cluster at an earlier time, as RV(cluster) of this module or an element of the clusters that
        M(brokerops.messaging.clusters_info) returns.
    type: dict
seealso:
  - module: brokerops.messaging.clusters_info
"""

EXAMPLES = r"""
- name: What is other than declared
  brokerops.messaging.cluster_drift_info:
    kind: kafka
    namespace: tenant-acme
    cluster: orders
    declared:
      brokers: {replicas: 3, size: 20Gi}
      topics: [{name: pay, partitions: 12, replicas: 3}]
  register: found

- name: What somebody changed
  ansible.builtin.debug:
    msg: "{{ found.drift | selectattr('by', 'eq', 'user') | map(attribute='path') }}"

- name: Keep it as the snapshot of today
  ansible.builtin.copy:
    dest: orders.json
    content: "{{ found.cluster | to_nice_json }}"
    mode: "0644"

- name: Whatever has changed since
  brokerops.messaging.cluster_drift_info:
    kind: kafka
    namespace: tenant-acme
    cluster: orders
    snapshot: "{{ lookup('ansible.builtin.file', 'orders.json') | from_json }}"
"""

RETURN = r"""
drift:
  description: All differences, those that somebody made first. Empty where everything is as declared.
  returned: success
  type: list
  elements: dict
  contains:
    by:
      description:
        - Who made it. V(unknown) is a newer revision of the release that nothing to be seen explains.
      type: str
      returned: always
      sample: platform
    reason:
      description:
        - What it is, as a code that does not change, after the kind and C(.drift.).
        - Somebody's are C(changed), C(missing), C(surplus), C(doubled), C(undeclared), C(deleting) and C(recreated); the platform's
          C(release_rolled), C(renamed), C(default_moved) and C(default_frozen); nobody knows whose C(release_revised) is.
      type: str
      returned: always
      sample: kafka.drift.renamed
    path:
      description: Where, as in a plan. Empty where it is about the cluster as a whole.
      type: str
      returned: always
      sample: brokers.resources_preset
    text:
      description: What it is, in words.
      type: str
      returned: always
      sample: the platform calls small t1.small today, which is the same
    way_out:
      description: The next step.
      type: str
      returned: always
      sample: nothing to put back; write t1.small when you come by
    declared:
      description: What the declaration says; null where it says nothing.
      type: raw
      returned: always
      sample: small
    before:
      description: What the snapshot says, where it is compared with that.
      type: raw
      returned: always
    live:
      description: What is there; null where nothing is.
      type: raw
      returned: always
      sample: t1.small
    line:
      description: All of it in one line, for people.
      type: str
      returned: always
    consent:
      description: The consent without which putting it back would be refused.
      type: str
      returned: always
cluster:
  description: The cluster as it is now, to be kept as the next snapshot; null where there is none. It is documented with
    M(brokerops.messaging.clusters_info).
  returned: success
  type: dict
requests:
  description: How many requests this took.
  returned: success
  type: dict
  contains:
    reads:
      description: Requests that read. A watch counts as one.
      type: int
      returned: always
      sample: 2
    writes:
      description: Requests that write. It is always 0.
      type: int
      returned: always
      sample: 0
problems:
  description: What is wrong with the options by themselves. Then nothing was sent.
  returned: when options are wrong
  type: list
  elements: dict
  contains:
    path:
      description: The option.
      type: str
      returned: always
      sample: declared.brokers.size
    text:
      description: What is wrong, and what to do.
      type: str
      returned: always
"""

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.drift import run_drift


def main() -> None:
    """Run the module."""
    run_drift()


if __name__ == "__main__":
    main()
