# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a module runs: the only place that decides check mode and turns errors into `fail_json`."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from .._engine.consent import consent_problems
from .._engine.fields import Problem
from .._engine.options import read_options
from .._engine.state import ClusterRef
from .._platforms.connection import connect
from .._platforms.converge import Mode, Outcome, converge
from .._platforms.cozystack.adapter import APPLICATIONS, Cozystack
from .._platforms.cozystack.names import label_problem
from .._platforms.errors import PlatformError
from .._platforms.session import Session
from .arguments import cluster_arguments, connection_arguments
from .result import Result, cluster_of, cluster_result, requests_result

VERSION = "0.1.0"


def run_cluster(kind_name: str) -> None:
    """The whole life of `<kind>_cluster`: from its options to its result."""
    kind = APPLICATIONS[kind_name].kind
    module = AnsibleModule(argument_spec=cluster_arguments(kind), supports_check_mode=True)
    options = module.params
    ref = ClusterRef(kind_name, options["namespace"], options["name"])
    wanted, problems = read_options(kind, options, present=options["state"] == "present")
    named = _problems(namespace=label_problem(ref.namespace), name=kind.name_problem(ref.name))
    _refuse_bad_input(module, str(ref), named + problems + consent_problems(kind, options["allow"]))
    outcome = Outcome()
    try:
        platform = _platform(module, f"{kind_name}_cluster")
    except PlatformError as error:
        _fail(module, str(ref), error, {})
    try:
        mode = Mode(not module.check_mode, options["wait"], options["wait_timeout"])
        converge(platform, ref, wanted, allow=options["allow"], mode=mode, outcome=outcome)
    except PlatformError as error:
        _fail(module, str(ref), error, cluster_result(platform, ref, outcome, options["allow"], failed=True))
    module.exit_json(**cluster_result(platform, ref, outcome, options["allow"]))


def run_info() -> None:
    """The whole life of `clusters_info`."""
    spec = connection_arguments() | {
        "namespace": {"type": "str", "required": True},
        "name": {"type": "str"},
        "kinds": {
            "type": "list",
            "elements": "str",
            "choices": list(APPLICATIONS),
            "default": list(APPLICATIONS),
        },
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    namespace, name = module.params["namespace"], module.params["name"]
    named = _problems(namespace=label_problem(namespace), name=label_problem(name) if name else None)
    _refuse_bad_input(module, namespace, named)
    clusters: list[Result] = []
    try:
        platform = _platform(module, "clusters_info")
        for kind in module.params["kinds"]:
            for ref, actual in _found(platform, ClusterRef(kind, namespace, name)):
                clusters.append(cluster_of(platform, ref, actual))
    except PlatformError as error:
        _fail(module, namespace, error, {})
    module.exit_json(changed=False, clusters=clusters, requests=requests_result(platform.requests))


def _found(platform: Cozystack, ref: ClusterRef) -> t.Iterable[tuple[ClusterRef, t.Any]]:
    if not ref.name:
        return platform.list_clusters(ref.kind, ref.namespace)
    actual = platform.read(ref)
    return [] if actual is None else [(ref, actual)]


def _platform(module: AnsibleModule, name: str) -> Cozystack:
    return Cozystack(Session(connect(module.params), agent=f"brokerops.messaging/{VERSION} ({name})"))


def _problems(**texts: str | None) -> list[Problem]:
    return [Problem(option, text) for option, text in texts.items() if text is not None]


def _refuse_bad_input(module: AnsibleModule, subject: str, problems: t.Sequence[Problem]) -> None:
    if problems:
        listed = "; ".join(str(problem) for problem in problems)
        module.fail_json(
            msg=f"{subject}: nothing was sent: {listed}",
            problems=[{"path": problem.path, "text": problem.text} for problem in problems],
        )


def _fail(module: AnsibleModule, subject: str, error: PlatformError, result: Result) -> t.NoReturn:
    text = str(error)
    module.fail_json(
        msg=text if text.startswith(subject) else f"{subject}: {text}", **(result | error.details)
    )
    raise AssertionError("fail_json ends the process")
