#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: credential_rotation
short_description: Rotate a user's credential of a managed RabbitMQ or NATS while clients work
version_added: 0.1.0
description:
  - Two users take turns. A second one is added with a new secret and the same rights (O(goal=prepare)), the new credential is
    handed out, clients move, and only then is the first one retired (O(goal=retire)). The next rotation goes the other way.
  - Whether a login works is asked of the brokers, on as many nodes as can be asked. What the platform calls ready proves nothing
    here. A password that is changed in the declaration of a RabbitMQ never reaches the broker, and a removed NATS user lives on.
  - Nothing is remembered. A run that was stopped anywhere is started again by the same task, and goes on from what it finds, with
    exactly one new credential at the end.
  - The old one is retired when no client is connected with it. Those that are, are named. Until then O(goal=roll_back) gives the
    new one up.
  - Kafka has no logins on this platform.
author:
  - The brokerops.messaging authors (@brokerops)
extends_documentation_fragment:
  - brokerops.messaging.connection
  - brokerops.messaging.broker
  - brokerops.messaging.attributes
options:
  kind:
    description:
      - The kind of cluster.
    type: str
    required: true
    choices: [rabbitmq, nats]
  user:
    description:
      - The application's user, and the first of the pair.
    type: str
    required: true
  second_user:
    description:
      - The other user of the pair. If unset, it is O(user) with C(-b) behind it.
    type: str
  goal:
    description:
      - V(prepare) adds the other user and proves its login. It is returned in RV(credential), to be handed out.
      - V(retire) waits until no client is connected with the old user, retires it, and proves that it is refused.
      - V(roll_back) gives the new user up, as long as the old one is there.
    type: str
    required: true
    choices: [prepare, retire, roll_back]
  rotate_after:
    description:
      - A credential that is younger than this, in seconds, is left as it is. So a second run changes nothing.
    type: int
    default: 86400
  confirmed_moved:
    description:
      - Users of whom a person says that no client uses them any more. It takes one where the brokers cannot be asked, and changes
        nothing where they can.
    type: list
    elements: str
    default: []
  in_place:
    description:
      - Keep the name, for an application that cannot change it, and take the outage, which needs a consent.
      - A RabbitMQ user is removed, and added again when nothing of it is left. The other user of the pair keeps its rights in
        between. A NATS user gets another password.
    type: bool
    default: false
  new_password:
    description:
      - The new password for a user of a NATS account (O(brokerops.messaging.nats_cluster#module:accounts)), of which the platform
        keeps only a hash, so that nobody could read one back. Other passwords are made by the platform, or here.
      - For users whose names are public NKeys, it is the seed of the new pair. It serves the proof and is never sent to the platform.
    type: str
  amqp_port:
    description:
      - The port on which RabbitMQ takes clients, where it is not the usual one. The endpoints of the connection are those of its
        management API.
    type: int
  system_username:
    description:
      - A user of the system account of a NATS cluster (O(brokerops.messaging.nats_cluster#module:system_account)). It sees
        who is connected. Without it, the servers' monitoring ports are asked where they can be reached; else a person has to confirm
        that clients have moved (O(confirmed_moved)).
    type: str
  system_password:
    description:
      - The password of O(system_username).
    type: str
  allow:
    description:
      - Consents to what a step needs one for, such as C(rabbitmq.user.delete:app).
    type: list
    elements: str
    default: []
  expected_plan:
    description:
      - The digest of a path that was approved, as check mode returns it in RV(plan.digest). Any other path is refused. What is
        left of a path that was begun is another one.
    type: str
  wait_timeout:
    description:
      - For how many seconds one step may take, and for how many nothing may move, such as clients that stay.
    type: int
    default: 900
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
notes:
  - RV(credential) is a secret. Use C(no_log) on the task.
  - The default administrator of a RabbitMQ cluster cannot be rotated by anything on this platform. The module says so.
  - A playbook that goes on declaring a user that was retired makes it again. Leave the users of a rotation to it, and out of other
    declarations.
seealso:
  - module: brokerops.messaging.credential_check
  - module: brokerops.messaging.rabbitmq_cluster
  - module: brokerops.messaging.nats_cluster
requirements:
  - pika >= 1.3, for RabbitMQ
  - nats-py, for NATS
"""

EXAMPLES = r"""
- name: A second credential
  brokerops.messaging.credential_rotation:
    kind: rabbitmq
    namespace: tenant-acme
    cluster: jobs
    user: app
    goal: prepare
  register: prepared
  no_log: true

- name: Nobody uses the old one any more, and nobody can
  brokerops.messaging.credential_rotation:
    kind: rabbitmq
    namespace: tenant-acme
    cluster: jobs
    user: app
    goal: retire
    allow:
      - rabbitmq.user.delete:app

- name: Keep the name, and take the outage
  brokerops.messaging.credential_rotation:
    kind: rabbitmq
    namespace: tenant-acme
    cluster: jobs
    user: legacy
    goal: prepare
    in_place: true
    allow:
      - rabbitmq.user.delete:legacy
      - rabbitmq.user.delete:legacy-b
  no_log: true
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
          sample: second.add
        text:
          description: What it does.
          type: str
          returned: always
          sample: add app-b with a new secret and the rights of app
        change:
          description: What it is done with.
          type: dict
          returned: always
          sample: {name: app-b, like: app}
        effect:
          description: What clients notice of it.
          type: str
          returned: always
          sample: "none: clients go on with the user that they have"
        consent:
          description: What has to stand in O(allow) for it; empty where nothing has to.
          type: str
          returned: always
          sample: ""
done:
  description: The steps that were done by this run, in words.
  returned: once the brokers could be asked
  type: list
  elements: str
  sample: []
end:
  description: What the path leads to; empty where it is blocked.
  returned: once the brokers could be asked
  type: str
  sample: app-b is proven; hand it out
waited:
  description: What waiting between the steps took.
  returned: once the brokers could be asked
  type: dict
  contains:
    seconds:
      description: Seconds.
      type: float
      returned: always
      sample: 12.0
phase:
  description:
    - How far the rotation has come. V(single) is one credential, V(leaving) one beside what is left of the other, V(added) a new
      one that cannot be relied on yet, V(prepared) two that work, V(moved) two of which no client uses the old one.
  returned: once the brokers could be asked
  type: str
  sample: prepared
current:
  description: The user with the new credential, or with the only one.
  returned: once the brokers could be asked
  type: str
  sample: app-b
retired:
  description: The user that is not in use; null while both are.
  returned: once the brokers could be asked
  type: str
  sample: app
users:
  description: Both users as they were seen last.
  returned: once the brokers could be asked
  type: list
  elements: dict
  contains:
    name:
      description: The user.
      type: str
      returned: always
      sample: app
    active:
      description: Whether it is declared, with a secret that somebody can know.
      type: bool
      returned: always
      sample: true
    age:
      description: How old its secret is, in seconds; null where nobody can say.
      type: int
      returned: always
      sample: 3456000
    works:
      description: Whether it logs in on every node that was asked. Of one that is retired, whether its old secret still does.
        Null where nobody knows the secret.
      type: bool
      returned: always
      sample: true
    nodes_proven:
      description: On how many of the nodes the login was proven; empty where it was not.
      type: str
      returned: always
      sample: 3/3
    permitted:
      description: Whether it has the rights of the other one.
      type: bool
      returned: always
      sample: true
    connections:
      description: How many connections clients have with it; null where nobody can be asked.
      type: int
      returned: always
      sample: 1
    clients:
      description: Whose they are, as far as is known.
      type: list
      elements: str
      returned: always
      sample: ["orders-service at 10.0.3.7:40122"]
    lingers:
      description: Whether something is left of a user that is not declared any more, so that its name cannot be used yet.
      type: bool
      returned: always
      sample: false
afterwards:
  description: The steps that are left for O(goal=retire) once all is prepared, as in RV(plan.steps). Empty for other goals.
  returned: once the brokers could be asked
  type: list
  elements: dict
  sample: []
notes:
  description: What a rotation leaves as it is, such as a login that nothing can rotate.
  returned: once the brokers could be asked
  type: list
  elements: str
  sample: []
credential:
  description: What is to be handed out, with O(goal=roll_back) the old one, in check mode too. Null with O(goal=retire), where it
    is only to come, and where nobody can read it.
  returned: success
  type: dict
  contains:
    username:
      description: The user.
      type: str
      returned: always
      sample: app-b
    password:
      description: Its secret.
      type: str
      returned: always
proof:
  description: Whether the old secret of what was retired is refused; null where nothing was to be, and in check mode.
  returned: success
  type: dict
  contains:
    user:
      description: The user.
      type: str
      returned: always
      sample: app
    verdict:
      description: V(refused) by the nodes that were asked, V(gone) where nobody knows the secret any more, and the brokers
        have no such user, or take another secret of it, V(unproven) otherwise.
      type: str
      returned: always
      sample: refused
    text:
      description: The same for a person.
      type: str
      returned: always
      sample: the old secret of app is refused on 3/3 nodes
    nodes_proven:
      description: On how many of the nodes it was refused; empty where it was not tried.
      type: str
      returned: always
      sample: 3/3
reached:
  description: Over which way the brokers were reached.
  returned: once the brokers could be asked
  type: dict
  contains:
    origin:
      description: Who knows of the way.
      type: str
      returned: always
      sample: Service rabbitmq-jobs
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
  returned: once the brokers could be asked
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
      sample: rabbitmq.credential.clients
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
  sample: rabbitmq.credential.unproven
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
tried:
  description: The ways that were tried, none of which led to a broker.
  returned: when no way led to a broker
  type: list
  elements: dict
  contains:
    origin:
      description: Who knows of the way.
      type: str
      returned: always
      sample: Service rabbitmq-jobs
    endpoint:
      description: Where it leads; empty where nobody knows.
      type: str
      returned: always
    reason:
      description: Why it did not lead there.
      type: str
      returned: always
"""

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.rotation.run import run_rotation


def main() -> None:
    """Run the module."""
    run_rotation()


if __name__ == "__main__":
    main()
