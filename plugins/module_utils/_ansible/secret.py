# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole life of `credential_secret`: a credential in a Secret of the caller's choice."""

from __future__ import annotations

import typing as t

from .._convergence.converge import Mode, Outcome, Terms, converge
from .._convergence.errors import Failure
from .._engine.consent import consent_problems
from .._engine.diff import make_diff
from .._engine.fields import Problem
from .._engine.options import read_options
from .._engine.plan import Action
from .._engine.types import scalar_text
from .._platforms.cozystack.names import label_problem
from .._platforms.cozystack.secrets import KEYS, SECRET, SecretRef, Secrets
from .arguments import Spec, connection_arguments
from .handing import filled
from .module import Module, Options, said
from .result import TELLING, Result, plan_result, requests_result
from .session import open_session


def run_credential_secret() -> None:
    """The whole life of the module."""
    module = Module(
        _arguments(), required_if=[("state", "present", ["credential_username", "credential_password"])]
    )
    options = module.params
    # Ansible would mask a port or a "/" wherever it stands in a message, and in a digest
    module.no_log_values.difference_update(
        one for one in map(scalar_text, (options["data"] or {}).values()) if len(one) < TELLING
    )
    ref = SecretRef("secret", options["namespace"], options["name"])
    declared, problems = _declared(options)
    wanted, found = read_options(SECRET, declared, present=options["state"] == "present")
    named = said(namespace=label_problem(ref.namespace), name=SECRET.name_problem(ref.name))
    module.refuse(str(ref), [*named, *problems, *found, *consent_problems(SECRET, options["allow"])])
    outcome = Outcome()
    failure: Failure | None = None
    terms = Terms(options["allow"], expected=options["expected_plan"])
    try:
        platform = Secrets(open_session(options, "credential_secret"))
        try:
            converge(platform, ref, wanted, terms=terms, mode=Mode(not module.check_mode), outcome=outcome)
        except Failure as error:
            failure = error
        result = _result(platform, outcome, options, failed=failure is not None)
    except Failure as error:
        module.end(str(ref), error, {"changed": False})
    if failure is not None:
        module.end(str(ref), failure, result)
    module.exit_json(**result)


def _arguments() -> Spec:
    return connection_arguments() | {
        "namespace": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "credential_username": {"type": "str"},
        "credential_password": {"type": "str", "no_log": True},
        "username_key": {"type": "str", "default": "username", "no_log": False},
        "password_key": {"type": "str", "default": "password", "no_log": False},
        "data": {"type": "dict", "no_log": True},
        "adopt": {"type": "bool", "default": False},
        "allow": {"type": "list", "elements": "str", "default": []},
        "expected_plan": {"type": "str"},
    }


def _declared(options: Options) -> tuple[dict[str, t.Any], list[Problem]]:
    """The options as the engine reads them, and what is wrong with them by themselves."""
    if options["state"] == "absent":
        return {}, []
    username, password = options["credential_username"], options["credential_password"]
    keys, problems = {options["username_key"]: username}, []
    if options["password_key"] in keys:
        problems.append(Problem("password_key", "is that of the user's name too; call one of them otherwise"))
    keys[options["password_key"]] = password
    for key, value in (options["data"] or {}).items():
        if key in keys:
            text = "this key is that of the credential; call it otherwise"
        elif isinstance(value, dict | list) or value is None:
            text = "must be a text, a number or a switch"
        else:
            keys[key] = filled(value, {"username": username, "password": password})
            continue
        problems.append(Problem(f"data[{key}]", text))
    rows = [{"name": name, "value": value} for name, value in keys.items()]
    return {KEYS.option: rows, "adopt": options["adopt"] or None}, problems


def _result(platform: Secrets, outcome: Outcome, options: Options, *, failed: bool) -> Result:
    plan, result = outcome.plan, {"changed": outcome.written, "requests": requests_result(platform.requests)}
    if plan is None:
        return result
    keys = sorted(outcome.actual.state.named(KEYS.option)) if outcome.actual else []
    return result | {
        "changed": outcome.written if failed else plan.action is not Action.NONE,
        "diff": make_diff(plan),
        "plan": plan_result(plan, options["allow"], plan.advice),
        "secret": {"namespace": options["namespace"], "name": options["name"], "keys": keys},
    }
