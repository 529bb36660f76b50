#!/usr/bin/python
# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: credential_secret
short_description: Hand out a credential in a Kubernetes Secret
version_added: 0.1.0
description:
  - Writes the user and the password of a broker into a Secret from which an application reads them, in a namespace where the
    caller may write Secrets. Tenants of Cozystack may not, by their roles.
  - Nothing is written where the Secret is as declared. Keys that are not declared stay.
  - A Secret of the platform, of a controller or of another tool is never touched, and one that was there before only with
    O(adopt). What this module makes is labelled C(app.kubernetes.io/managed-by=brokerops.messaging).
  - No value of the Secret is ever shown, the user's name included.
author:
  - The brokerops.messaging authors (@brokerops)
extends_documentation_fragment:
  - brokerops.messaging.connection
  - brokerops.messaging.attributes
attributes:
  check_mode:
    details:
      - Whether the caller may write the Secret is asked in check mode too, so that it is known before there is a credential.
  action_group:
    description: Use C(group/NAME) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - brokerops.messaging.all
options:
  namespace:
    description:
      - The namespace of the Secret, which is that of the application.
    type: str
    required: true
  name:
    description:
      - The name of the Secret.
    type: str
    required: true
  state:
    description:
      - Whether it is there.
    type: str
    choices: [present, absent]
    default: present
  credential_username:
    description:
      - The user of the broker. Required with O(state=present).
    type: str
  credential_password:
    description:
      - Its password. Required with O(state=present).
    type: str
  username_key:
    description:
      - The key of the Secret under which the user stands.
    type: str
    default: username
  password_key:
    description:
      - The key of the Secret under which the password stands.
    type: str
    default: password
  data:
    description:
      - Further keys with their values, such as the broker's address. In a value, C({username}) and C({password}) stand for the
        credential, so that a URI can be made of it.
    type: dict
  adopt:
    description:
      - Whether a Secret that is there already, and that nobody manages, is written from here on.
    type: bool
    default: false
  allow:
    description:
      - The consent to delete the Secret, such as C(secret.delete:orders-login).
    type: list
    elements: str
    default: []
  expected_plan:
    description:
      - The digest of a plan that was approved, as check mode returns it in RV(plan.digest). Any other plan is refused.
      - Where nothing is left to change, an approved plan counts as carried out.
    type: str
seealso:
  - module: brokerops.messaging.credential_check
"""

EXAMPLES = r"""
- name: The application finds its login, ready to use
  brokerops.messaging.credential_secret:
    namespace: shop
    name: jobs-login
    credential_username: "{{ credential.username }}"
    credential_password: "{{ credential.password }}"
    data:
      uri: amqp://{username}:{password}@rabbitmq-jobs.tenant-acme.svc:5672/work

- name: Nobody needs it any more
  brokerops.messaging.credential_secret:
    namespace: shop
    name: jobs-login
    state: absent
    allow: [secret.delete:jobs-login]
"""

RETURN = r"""
secret:
  description: The Secret as last read, without its values.
  returned: once it could be read
  type: dict
  contains:
    namespace:
      description: Its namespace.
      type: str
      returned: always
      sample: shop
    name:
      description: Its name.
      type: str
      returned: always
      sample: jobs-login
    keys:
      description: The keys in it; none where there is no such Secret.
      type: list
      elements: str
      returned: always
      sample: [password, uri, username]
plan:
  description: What changes, or in check mode would change, and why that is harmless or not.
  returned: once the Secret could be read
  type: dict
  contains:
    digest:
      description: Names this very plan. Equal changes to the same Secret have equal digests, two passwords do not.
      type: str
      returned: always
      sample: "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
    changes:
      description: The changes in the order in which they are declared.
      type: list
      elements: dict
      returned: always
      contains:
        path:
          description: What changes; empty for the Secret as a whole.
          type: str
          returned: always
          sample: keys[password].value
        before:
          description: The value in effect, masked; null where there is none.
          type: raw
          returned: always
          sample: (secret)
        after:
          description: The value that is wanted, masked; null where nothing is left.
          type: raw
          returned: always
          sample: (secret)
        risk:
          description: V(safe) or V(destructive).
          type: str
          returned: always
          sample: safe
        reason:
          description: A stable code for what kind of change this is.
          type: str
          returned: always
          sample: secret.key.change
        effect:
          description: What the change does to those who read the Secret.
          type: str
          returned: always
          sample: files that are mounted follow within minutes, environment variables with the next start of a pod
        consent:
          description: What has to stand in O(allow) for this change; empty where nothing has to.
          type: str
          returned: always
          sample: ""
    unused_consents:
      description: What stands in O(allow) and was not needed.
      type: list
      elements: str
      returned: always
      sample: []
    advice:
      description: Always empty, as for modules in which it is not.
      type: list
      elements: dict
      returned: always
      sample: []
requests:
  description: How many requests this took.
  returned: once there was a connection
  type: dict
  contains:
    reads:
      description: Requests that read.
      type: int
      returned: always
      sample: 1
    writes:
      description: Requests that write. It is 0 whenever nothing changes, and in check mode.
      type: int
      returned: always
      sample: 0
refusals:
  description: Everything that stands against the plan, each with its way out.
  returned: when the plan is refused
  type: list
  elements: dict
  contains:
    path:
      description: The option; empty for the Secret as a whole.
      type: str
      returned: always
    reason:
      description: The reason code.
      type: str
      returned: always
      sample: secret.of.platform
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
      description: The smallest options, as YAML, that are accepted instead or that have to be added; empty where there are none.
      type: str
      returned: always
      sample: "adopt: true"
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

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.secret import (
    run_credential_secret,
)


def main() -> None:
    """Run the module."""
    run_credential_secret()


if __name__ == "__main__":
    main()
