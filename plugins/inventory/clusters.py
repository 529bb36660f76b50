# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: clusters
short_description: Managed Kafka, RabbitMQ and NATS clusters as hosts
version_added: 0.1.0
author:
  - The brokerops.messaging authors (@brokerops)
description:
  - Each cluster is a host, named C(platform/tenant/kind/name), such as C(cozystack/tenant-acme/kafka/orders).
    So a play or a role runs over many clusters, with C(serial), C(--limit) and all else that hosts have.
  - Tasks for such a host run on the controller, as a cluster is no machine to log in to. There are no facts to gather.
  - The groups are the kind (C(kafka), C(rabbitmq), C(nats)), the tenant (C(tenant_acme) for C(tenant-acme); a namespace of another
    name has C(namespace_) before it), the version of RabbitMQ (C(rabbitmq_v4_2)), the version of the chart that was last tried
    (C(chart_) and the version with its digest), and the health (C(health_ready), C(health_not_ready), C(health_unknown)).
  - The health is what the platform says in its conditions, no more. Right after a change it may still be that of before, and
    one pod of three is enough for it. It says nothing about what the brokers hold.
  - The name of the file has to be C(brokerops.yml) or end in C(.brokerops.yml); C(.yaml) will do too.
  - One request for each kind and tenant, however many clusters there are, and one more for the list of tenants.
extends_documentation_fragment:
  - constructed
  - inventory_cache
options:
  plugin:
    description:
      - Marks the file as one for this plugin.
    type: str
    required: true
    choices: [brokerops.messaging.clusters]
  platform:
    description:
      - A short name for the platform. The names of all hosts begin with it, so that clusters of several platforms can be told apart.
      - It holds letters, digits, C(_), C(-) and C(.).
    type: str
    default: cozystack
  separator:
    description:
      - What stands between the parts of a host's name.
      - A fact cache of files (such as P(ansible.builtin.jsonfile#cache)) makes a file for each host, named after it, which cannot be
        with V(/). Choose V(.) where facts are cached so.
    type: str
    choices: ["/", "."]
    default: "/"
  namespaces:
    description:
      - The tenant namespaces to read.
      - Without it all tenants are read in which the caller has a role.
    type: list
    elements: str
    default: []
  kinds:
    description:
      - The kinds of clusters to read.
    type: list
    elements: str
    choices: [kafka, rabbitmq, nats]
    default: [kafka, rabbitmq, nats]
  filters:
    description:
      - jmespath expressions about a cluster. Only clusters for which all of them are true become hosts.
      - A cluster has the keys C(kind), C(namespace), C(name), C(options), C(status) and C(health).
      - As always in jmespath, nothing, C(false) and what is empty are not true, and C(0) is. C(!) belongs to the next word alone,
        so it is C(!(status.ready\)).
    type: list
    elements: str
    default: []
  kubeconfig:
    description:
      - Path of a kubeconfig, or its content as a dictionary.
      - Without it and without O(host), E(KUBECONFIG) and then C(~/.kube/config) are used, or inside a pod its service account.
    type: raw
    env:
      - name: K8S_AUTH_KUBECONFIG
  context:
    description:
      - The context of the kubeconfig to use; without it the current context.
    type: str
    env:
      - name: K8S_AUTH_CONTEXT
  host:
    description:
      - URL of the API server. Together with O(api_key) or a client certificate no kubeconfig is needed.
    type: str
    env:
      - name: K8S_AUTH_HOST
  api_key:
    description:
      - A bearer token, such as the one of the tenant's service account.
    type: str
    env:
      - name: K8S_AUTH_API_KEY
  username:
    description:
      - User name for basic authentication.
    type: str
    env:
      - name: K8S_AUTH_USERNAME
  password:
    description:
      - Password for basic authentication.
    type: str
    env:
      - name: K8S_AUTH_PASSWORD
  validate_certs:
    description:
      - Whether the API server's certificate has to be trusted. If unset, the kubeconfig tells.
    type: bool
    aliases: [verify_ssl]
    env:
      - name: K8S_AUTH_VERIFY_SSL
  ca_cert:
    description:
      - Path of the CA that signed the API server's certificate.
    type: path
    aliases: [ssl_ca_cert]
    env:
      - name: K8S_AUTH_SSL_CA_CERT
  client_cert:
    description:
      - Path of a client certificate.
    type: path
    aliases: [cert_file]
    env:
      - name: K8S_AUTH_CERT_FILE
  client_key:
    description:
      - Path of the client certificate's key.
    type: path
    aliases: [key_file]
    env:
      - name: K8S_AUTH_KEY_FILE
  proxy:
    description:
      - URL of an HTTP proxy.
    type: str
    env:
      - name: K8S_AUTH_PROXY
  no_proxy:
    description:
      - Hosts and domains, with commas between them, that are reached without the proxy.
    type: str
    env:
      - name: K8S_AUTH_NO_PROXY
  proxy_headers:
    description:
      - Headers for the proxy, as a dictionary of C(basic_auth), C(proxy_basic_auth) and C(user_agent).
      - What is unset there is taken from E(K8S_AUTH_PROXY_HEADERS_BASIC_AUTH), E(K8S_AUTH_PROXY_HEADERS_PROXY_BASIC_AUTH)
        and E(K8S_AUTH_PROXY_HEADERS_USER_AGENT).
    type: dict
  persist_config:
    description:
      - Whether a token that was refreshed is written back to the kubeconfig.
    type: bool
    env:
      - name: K8S_AUTH_PERSIST_CONFIG
  impersonate_user:
    description:
      - The user to act as.
    type: str
    env:
      - name: K8S_AUTH_IMPERSONATE_USER
  impersonate_groups:
    description:
      - The groups to act as.
    type: list
    elements: str
    env:
      - name: K8S_AUTH_IMPERSONATE_GROUPS
requirements:
  - python >= 3.11
  - urllib3
  - PyYAML, to read a kubeconfig from a file
  - jmespath, only for O(filters)
  - kubernetes, only for logins that need a program or a refresh (exec plugins, auth providers, a pod's service account)
notes:
  - The variables of a host are C(brokerops_kind), C(brokerops_namespace), C(brokerops_name), C(brokerops_platform),
    C(brokerops_options) (what declares the cluster as it is, without secrets; it can be given to the module of its kind unchanged),
    C(brokerops_status), C(brokerops_health), and C(brokerops_connection), the connection options that were used, without secrets.
  - The values of the connection options may be templates, with lookups and extra variables.
  - Secrets are neither among the variables nor in the cache. A token or password that this file holds has to reach the modules by
    itself, by E(K8S_AUTH_API_KEY) for example; one in a kubeconfig file is found there by both.
  - The cache knows for which connection options, tenants and kinds it was made, and by whom where O(username) or O(impersonate_user)
    tells. It does not know what a kubeconfig file held then.
  - What the caller may not read is named in a warning and does not hide the rest.
"""

EXAMPLES = r"""
# shop.brokerops.yml: all clusters in all tenants that the kubeconfig's user has a role in
plugin: brokerops.messaging.clusters
kubeconfig: ~/.kube/cozystack

---
# prod.brokerops.yml: Kafka and RabbitMQ of two tenants, five minutes from the cache
plugin: brokerops.messaging.clusters
platform: prod
namespaces: [tenant-acme, tenant-umbrella]
kinds: [kafka, rabbitmq]
host: https://api.example.org:6443
api_key: "{{ lookup('ansible.builtin.env', 'PROD_TOKEN') }}"
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: .cache/inventory
cache_timeout: 300

---
# exposed.brokerops.yml: only what is reachable from outside and ready, grouped by size
plugin: brokerops.messaging.clusters
filters:
  - options.external
  - health == 'ready'
keyed_groups:
  - prefix: replicas
    key: (brokerops_options.replicas | default(brokerops_options.brokers.replicas)) | string
groups:
  large: (brokerops_options.replicas | default(brokerops_options.brokers.replicas)) > 3
compose:
  team: brokerops_namespace | regex_replace('^tenant-', '')
"""

import hashlib
import json
import os
import re
import typing as t

from ansible.errors import AnsibleParserError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.arguments import (
    connection_arguments,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.info import (
    list_clusters,
    query_problem,
    search,
)
from ansible_collections.brokerops.messaging.plugins.module_utils._convergence.errors import Failure
from ansible_collections.brokerops.messaging.plugins.module_utils._platforms.cozystack.names import (
    label_problem,
)

try:
    from ansible.template import trust_as_template
except ImportError:  # ansible-core before 2.19 trusts what a plugin says

    def trust_as_template(value: str) -> str:
        """The text as it is."""
        return value


Cluster = dict[str, t.Any]
Options = dict[str, t.Any]

_SECRETS = ("api_key", "password", "proxy_headers")


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Clusters as hosts."""

    NAME = "brokerops.messaging.clusters"

    def verify_file(self, path: str) -> bool:
        """Whether this is the name of a file for this plugin."""
        named = re.fullmatch(r"(.*\.)?brokerops\.ya?ml", os.path.basename(path))
        return bool(named) and super().verify_file(path)

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        """Read the clusters, from the cache where that is wanted, and add them."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        problems = self._problems()
        if problems:
            raise AnsibleParserError(f"{path}: {'; '.join(problems)}")
        connection = self._connection()
        found = self._found(path, connection, cache)
        if found["unreadable"]:
            self.display.warning(f"{path}: {found['unreadable']}")
        shared = {
            "ansible_connection": "local",
            # a template, as the inventory may be used by another controller than the one that made it
            "ansible_python_interpreter": trust_as_template("{{ ansible_playbook_python }}"),
            "brokerops_platform": self.get_option("platform"),
            "brokerops_connection": public(connection),
        }
        filters = self.get_option("filters")
        for cluster in found["clusters"]:
            try:
                if all(_is_true(search(expression, cluster)) for expression in filters):
                    self._add(cluster, shared)
            except ValueError as error:
                raise AnsibleParserError(f"{path}: filters: {error}") from error

    def _problems(self) -> list[str]:
        problems = [
            f"filters: {query_problem(one)}" for one in self.get_option("filters") if query_problem(one)
        ]
        problems += [
            f"namespaces: {label_problem(one)}" for one in self.get_option("namespaces") if label_problem(one)
        ]
        platform = self.get_option("platform")
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", platform, re.ASCII):
            problems.append(f"platform: {platform!r} is no short name; use letters, digits, '_', '-' and '.'")
        return problems

    def _connection(self) -> Options:
        """The connection options by the modules' own spec, so that both mean the same."""
        spec = connection_arguments()
        self.templar.available_variables = self._vars
        given = {name: self.templar.template(self.get_option(name)) for name in spec}
        checked = ArgumentSpecValidator(spec).validate(
            {name: v for name, v in given.items() if v not in (None, "")}
        )
        if checked.error_messages:
            raise AnsibleParserError("; ".join(checked.error_messages))
        validated: Options = checked.validated_parameters
        return validated

    def _found(self, path: str, connection: Options, cache: bool) -> dict[str, t.Any]:
        """Clusters, and in one line what could not be read."""
        caches = self.get_option("cache")
        key = f"{self.get_cache_key(path)}_{self._fingerprint(connection)}"
        if caches and cache:
            try:
                cached: dict[str, t.Any] = self._cache[key]
                return cached
            except KeyError:
                pass
        try:
            clusters, unreadable = list_clusters(
                connection, self.get_option("namespaces"), self.get_option("kinds")
            )
        except Failure as error:
            raise AnsibleParserError(f"{path}: {error}") from error
        found = {"clusters": clusters, "unreadable": unreadable}
        if caches:
            self._cache[key] = found
        return found

    def _fingerprint(self, connection: Options) -> str:
        """Other options, another cache: a staging file's clusters must not come with production's login."""
        known = public(connection) | {"KUBECONFIG": os.environ.get("KUBECONFIG")}
        if isinstance(connection.get("kubeconfig"), dict):
            known |= {
                part: connection["kubeconfig"].get(part)
                for part in ("clusters", "contexts", "current-context")
            }
        known |= {option: self.get_option(option) for option in ("namespaces", "kinds")}
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:12]

    def _add(self, cluster: Cluster, shared: t.Mapping[str, t.Any]) -> None:
        names = (self.get_option("platform"), cluster["namespace"], cluster["kind"], cluster["name"])
        host = self.get_option("separator").join(names)
        self.inventory.add_host(host)
        for group in groups_of(cluster):
            self.inventory.add_child(self.inventory.add_group(group), host)
        # whoever may write a cluster's spec could put a template there
        own = {f"brokerops_{key}": wrap_var(value) for key, value in cluster.items()}
        variables = {**shared, **own}
        for name, value in variables.items():
            self.inventory.set_variable(host, name, value)
        strict = self.get_option("strict")
        known = self.inventory.get_host(host).get_vars()
        self._set_composite_vars(self.get_option("compose"), known, host, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), known, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), known, host, strict=strict)


def groups_of(cluster: Cluster) -> list[str]:
    """The groups that every cluster is in."""
    kind, tenant = cluster["kind"], _safe(cluster["namespace"])
    groups = [
        kind,
        tenant if tenant.startswith("tenant_") else f"namespace_{tenant}",
        f"health_{cluster['health']}",
    ]
    if cluster["options"].get("version"):
        groups.append(f"{kind}_{_safe(cluster['options']['version'])}")
    if cluster["status"]["chart_version"]:
        groups.append(f"chart_{_safe(cluster['status']['chart_version'])}")
    return groups


def public(connection: Options) -> Options:
    """The connection options that were given, without what is or may hold a secret."""
    return {
        name: value
        for name, value in connection.items()
        if value is not None
        and name not in _SECRETS
        and not (name == "kubeconfig" and not isinstance(value, str))
        and not (isinstance(value, str) and re.search(r"://[^/]*@", value))
    }


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", text)


def _is_true(value: t.Any) -> bool:
    """What jmespath calls true: 0 is, what is empty is not."""
    return value is not None and value is not False and value not in ("", [], {})
