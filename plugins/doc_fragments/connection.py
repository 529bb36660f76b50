# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How modules reach the API server: the connection options of kubernetes.core."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - Path of a kubeconfig, or its content as a dictionary.
      - Without it and without O(host), E(KUBECONFIG) and then C(~/.kube/config) are used, or inside a pod its service account.
      - If unset, E(K8S_AUTH_KUBECONFIG) is used.
    type: raw
  context:
    description:
      - The context of the kubeconfig to use. If unset, E(K8S_AUTH_CONTEXT) is used, then the current context.
    type: str
  host:
    description:
      - URL of the API server. Together with O(api_key) or a client certificate no kubeconfig is needed.
      - If unset, E(K8S_AUTH_HOST) is used.
    type: str
  api_key:
    description:
      - A bearer token, such as the one of the tenant's service account. If unset, E(K8S_AUTH_API_KEY) is used.
    type: str
  username:
    description:
      - User name for basic authentication. If unset, E(K8S_AUTH_USERNAME) is used.
    type: str
  password:
    description:
      - Password for basic authentication. If unset, E(K8S_AUTH_PASSWORD) is used.
    type: str
  validate_certs:
    description:
      - Whether the API server's certificate has to be trusted. If unset, E(K8S_AUTH_VERIFY_SSL) is used, then the kubeconfig.
    type: bool
    aliases: [verify_ssl]
  ca_cert:
    description:
      - Path of the CA that signed the API server's certificate. If unset, E(K8S_AUTH_SSL_CA_CERT) is used.
    type: path
    aliases: [ssl_ca_cert]
  client_cert:
    description:
      - Path of a client certificate. If unset, E(K8S_AUTH_CERT_FILE) is used.
    type: path
    aliases: [cert_file]
  client_key:
    description:
      - Path of the client certificate's key. If unset, E(K8S_AUTH_KEY_FILE) is used.
    type: path
    aliases: [key_file]
  proxy:
    description:
      - URL of an HTTP proxy. If unset, E(K8S_AUTH_PROXY) is used.
    type: str
  no_proxy:
    description:
      - Hosts and domains, with commas between them, that are reached without the proxy. If unset, E(K8S_AUTH_NO_PROXY) is used.
    type: str
  proxy_headers:
    description:
      - Headers for the proxy.
    type: dict
    suboptions:
      basic_auth:
        description:
          - C(user:password) for basic authentication. If unset, E(K8S_AUTH_PROXY_HEADERS_BASIC_AUTH) is used.
        type: str
      proxy_basic_auth:
        description:
          - C(user:password) for the proxy. If unset, E(K8S_AUTH_PROXY_HEADERS_PROXY_BASIC_AUTH) is used.
        type: str
      user_agent:
        description:
          - The user agent that the proxy sees. If unset, E(K8S_AUTH_PROXY_HEADERS_USER_AGENT) is used.
        type: str
  persist_config:
    description:
      - Whether a token that was refreshed is written back to the kubeconfig. If unset, E(K8S_AUTH_PERSIST_CONFIG) is used.
    type: bool
  impersonate_user:
    description:
      - The user to act as. If unset, E(K8S_AUTH_IMPERSONATE_USER) is used.
    type: str
  impersonate_groups:
    description:
      - The groups to act as. If unset, E(K8S_AUTH_IMPERSONATE_GROUPS) is used.
    type: list
    elements: str
requirements:
  - python >= 3.11
  - urllib3
  - PyYAML, to read a kubeconfig from a file
  - kubernetes, only for logins that need a program or a refresh (exec plugins, auth providers, a pod's service account)
notes:
  - The module talks to the API server from where it runs, so it is usually run on C(localhost) or delegated to it.
"""
