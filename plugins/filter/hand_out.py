# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: hand_out
short_description: Say what is wrong with places for a credential, and fill it in
version_added: 0.1.0
author:
  - The brokerops.messaging authors (@brokerops)
description:
  - A new credential is handed out to places that a list names, Secrets, files, Vault and task files of one's own. This filter
    finds everything that is wrong with the list before there is a credential, and later on puts the credential into it.
  - It knows the files of the machine on which Ansible runs, and the collections that are installed there.
positional: credential, directory
options:
  _input:
    description:
      - The places, as the role C(rotate_credentials) takes them in C(rotate_credentials_hand_out).
    type: list
    elements: dict
    required: true
  credential:
    description:
      - What is handed out, with C(username) and C(password). Without it nothing is filled in.
    type: dict
  directory:
    description:
      - Where task files are looked for whose path is not absolute. If unset, the current directory.
    type: path
"""

EXAMPLES = r"""
- name: Nothing is wrong with the list
  ansible.builtin.assert:
    that: (places | brokerops.messaging.hand_out).problems == []
"""

RETURN = r"""
_value:
  description:
    - Under C(problems), in words, everything that is wrong.
    - Under C(places), the places. Files have their C(content), Vault its C(data), task files their absolute C(file).
  type: dict
  sample: {places: [{to: secret, namespace: shop, name: login}], problems: []}
"""

import json
import os
import typing as t

from ansible.plugins.loader import module_loader

from ansible_collections.brokerops.messaging.plugins.module_utils._ansible.handing import filled

VAULT = "community.hashi_vault.vault_kv2_write"
Place = t.Mapping[str, t.Any]
Credential = t.Mapping[str, str]

_KEYS = ("username_key", "password_key", "data")
_NEEDED: t.Mapping[str, tuple[str, ...]] = {
    "secret": ("namespace", "name"),
    "file": ("path",),
    "vault": ("path",),
    "tasks": ("file",),
}
_POSSIBLE: t.Mapping[str, tuple[str, ...]] = {
    "secret": (*_KEYS, "adopt", "kubeconfig", "context"),
    "file": ("content", "owner", "group"),
    "vault": (*_KEYS, "mount"),
    "tasks": (),
}


def hand_out(
    places: t.Sequence[Place], credential: Credential | None = None, directory: str = ""
) -> dict[str, list[t.Any]]:
    """See the documentation above."""
    found, problems = [], []
    for number, place in enumerate(places, start=1):
        where = f"place {number}"
        wrong = list(_problems(place, directory))
        problems += [f"{where}: {text}" for text in wrong]
        if not wrong:
            found.append(_ready(place, credential, directory))
    return {"places": found, "problems": problems}


def _problems(place: Place, directory: str) -> t.Iterator[str]:
    if not isinstance(place, t.Mapping) or place.get("to") not in _NEEDED:
        yield f"says nowhere to hand out to; write {{to: KIND, ...}}, where KIND is one of {', '.join(_NEEDED)}"
        return
    kind: str = place["to"]
    for key in _NEEDED[kind]:
        if not isinstance(place.get(key), str) or not place[key]:
            yield f"{kind} needs {key}"
    known = ("to", *_NEEDED[kind], *_POSSIBLE[kind])
    for key in sorted(place.keys() - set(known)):
        yield f"{kind} has no {key}; it has {', '.join(known[1:])}"
    if not isinstance(place.get("data", {}), t.Mapping):
        yield f"the data of {kind} are keys with their values"
    if kind == "tasks" and isinstance(place.get("file"), str):
        path = _absolute(place["file"], directory)
        if not os.path.isfile(path):
            yield f"there is no file {path}; give an absolute path, or one from the playbook's directory"
    if kind == "vault" and not module_loader.has_plugin(VAULT):
        yield (
            f"vault takes the module {VAULT}, which is not installed; "
            "install it with: ansible-galaxy collection install community.hashi_vault"
        )


def _ready(place: Place, credential: Credential | None, directory: str) -> dict[str, t.Any]:
    ready = dict(place)
    if place["to"] == "tasks":
        ready["file"] = _absolute(place["file"], directory)
    if credential is None or place["to"] not in ("file", "vault"):
        return ready
    if "content" in place:
        ready["content"] = filled(place["content"], credential)
    elif place["to"] == "file":
        ready["content"] = json.dumps(dict(credential)) + "\n"
    else:
        ready["data"] = {
            place.get("username_key", "username"): credential["username"],
            place.get("password_key", "password"): credential["password"],
            **{key: filled(value, credential) for key, value in place.get("data", {}).items()},
        }
    return ready


def _absolute(path: str, directory: str) -> str:
    return os.path.abspath(os.path.join(directory, os.path.expanduser(path)))


class FilterModule:
    """Tells Ansible of the filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """By its name."""
        return {"hand_out": hand_out}
