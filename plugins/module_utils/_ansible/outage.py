# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How one member of a cluster is taken away on purpose, by us or by somebody else, and watched until it is
back."""

from __future__ import annotations

import time
import typing as t

from .._brokers.traffic import PREFIX
from .._convergence.api import Requests
from .._convergence.errors import Conflict, Failure, Forbidden, NotFound, WaitFailed
from .._convergence.operate import Limits, Progress, operate
from .._engine.consent import unknown_consents
from .._engine.fields import Problem
from .._engine.health import Health, Status
from .._engine.judgement import Thresholds
from .._engine.state import ClusterRef
from .._operations.machine import Step
from .._operations.outage import Condition, Outage, consents
from .._platforms.cozystack.members import Pod, delete, may_delete, may_return, members
from .._platforms.cozystack.names import label_problem
from .._platforms.session import Session
from .health import BROKER, PLATFORM, Looks
from .module import Module, Options, said
from .operation import operation_arguments, operation_result
from .reach import broker_problems, plaintext_consents
from .result import Result, requests_result
from .session import open_session

_KINDS = ("kafka", "rabbitmq", "nats")
_POD, _OTHERS = "pod", "others"
# Full volumes, backlogs and certificates that end soon are no reason against it.
_THRESHOLDS = Thresholds(backlog=None, storage=None, certificates=0)
_ELSEWHERE = "zookeeper"
"""A quorum that no broker has a vote in."""
_PAUSE = 1.0


def run_outage() -> None:
    """The whole life of `cluster_member_restart`."""
    spec = operation_arguments(_KINDS, wait_seconds=900) | {
        "member": {"type": "int"},
        "by": {"type": "str", "choices": [_POD, _OTHERS], "default": _POD},
        "since": {"type": "dict"},
    }
    module = Module(spec)
    options = module.params
    ref = ClusterRef(options["kind"], options["namespace"], options["cluster"])
    module.refuse(str(ref), _problems(options))
    progress, hands = Progress(), None
    try:
        hands = _Hands(module, ref, open_session(options, "cluster_member_restart"))
        operation = hands.operation()
        operate(
            str(ref),
            operation,
            hands,
            allow=options["allow"],
            expected=options["expected_plan"],
            limits=Limits(not module.check_mode, patience=options["wait_timeout"]),
            progress=progress,
        )
    except Failure as error:
        module.end(str(ref), error, _result(hands, progress, would_change=False))
    finally:
        if hands is not None:
            hands.close()
    result = _result(hands, progress, would_change=module.check_mode)
    if result["recovering"]:
        module.warn(f"{ref}: {result['recovering']}; nobody is taken away before that is over")
    module.exit_json(**result)


def _problems(options: Options) -> list[Problem]:
    kind = options["kind"]
    member, since = options["member"], options["since"]
    return [
        *said(
            namespace=label_problem(options["namespace"]),
            cluster=label_problem(options["cluster"]),
            wait_timeout=None if options["wait_timeout"] > 0 else "is no time; write 1 or more seconds",
            member="is no number of a member; the first is 0" if (member or 0) < 0 else None,
            since=f"is only for by: {_OTHERS}; leave it out" if since and options["by"] == _POD else None,
        ),
        *broker_problems(options),
        *unknown_consents(options["allow"], [*consents(kind), *plaintext_consents(kind)]),
    ]


def _result(hands: _Hands | None, progress: Progress, *, would_change: bool) -> Result:
    result = operation_result(progress, would_change=would_change)
    return result if hands is None else result | hands.result()


class _Hands:
    """The hands of `Outage`: what it observes, and what it does."""

    def __init__(self, module: Module, ref: ClusterRef, session: Session) -> None:
        self._ref, self._options, self._session = ref, module.params, session
        # in check mode all is told that would be done and agreed to
        self._joins = module.params["by"] == _OTHERS and not module.check_mode
        self._looks = Looks(module, ref, [PLATFORM, BROKER], _THRESHOLDS)
        self._since: t.Mapping[str, str] = self._options["since"] or {}
        self._before: dict[str, str] = {}
        self._pods: list[Pod] = []
        self._number, self._pod = 0, ""
        self._away = self._taken = False
        self._away_since: float | None = None
        self._recovery: float | None = None
        self._health: Health | None = None
        self._recovering = ""

    def operation(self) -> Outage:
        """What is to happen: to the member that was named, or to the last one. Raises Forbidden where it is
        ours to do, and we may not."""
        ours = self._options["by"] == _POD
        if ours and not may_delete(self._session, self._ref):
            raise Forbidden(
                f"{self._ref}: you may not delete pods in {self._ref.namespace}, which takes the role admin; "
                f"let somebody else take a member away, and wait for it with by: {_OTHERS}"
            )
        pods = members(self._session, self._ref)
        if not pods:
            raise NotFound(
                f"{self._ref}: no member has a pod now; look at the cluster's health, then run again"
            )
        self._before = {pod.name: pod.life for pod in pods}
        # the one that is meant may be on its way back from an earlier run
        last = self._wanted(self._looks.look()) - 1
        self._number = last if (number := self._options["member"]) is None else number
        self._pod = f"{pods[0].name.rpartition('-')[0]}-{self._number}"
        return Outage(self._ref.kind, self._ref.namespace, self._ref.name, self._pod, ours)

    def observe(self) -> Condition:
        """What platform and brokers say."""
        self._pods = members(self._session, self._ref)
        health = self._health = self._looks.look()
        wanted = self._wanted(health)
        whole = len(self._pods) >= wanted and all(pod.ready for pod in self._pods)
        trouble = "; ".join(reason.text for reason in health.reasons)
        if health.status is not Status.HEALTHY and not trouble:
            trouble = f"it is {health.status}"
        counted = health.seen.members
        self._away = not whole or (counted is not None and not all(one.ready for one in counted.each))
        # what is wrong may come of a member that is back, but only just
        recovers = may_return(self._pods, wanted, float(self._options["wait_timeout"]), settling=True)
        self._note(whole and not trouble, recovers=recovers)
        # what a traffic check keeps is not what somebody has agreed to
        copies = [one for one in health.seen.copies or () if PREFIX not in one.name]
        quorum = health.seen.quorum
        seen = Condition(
            members=wanted,
            known=self._number < wanted or self._pod in {*self._before, *(pod.name for pod in self._pods)},
            trouble=trouble,
            can_lose=None if quorum is None or quorum.type == _ELSEWHERE else quorum.can_lose,
            bare=tuple(sorted(f"{one.what} {one.name}" for one in copies if not one.bears_loss)),
            taken=self._taken,
            whole=whole,
            recovers=recovers,
        )
        self._recovering = (trouble or "a member is not back yet") if seen.recovers and not seen.well else ""
        return seen

    def perform(self, step: Step) -> None:
        """Take the member away, or wait until somebody else has."""
        if step.name == "member.restart":
            self._delete()
        else:
            self._await()

    def result(self) -> Result:
        """Who it was, how things were before, how long it took, and how they are now."""
        found = self._looks.result()
        total = Requests(
            found["requests"]["reads"] + self._session.requests.reads,
            found["requests"]["writes"] + self._session.requests.writes,
        )
        return found | {
            "member": self._pod,
            "since": dict(self._before),
            "recovery": None if self._recovery is None else round(self._recovery, 1),
            "health": str(self._health.status) if self._health else None,
            "recovering": self._recovering,
            "requests": requests_result(total),
        }

    def close(self) -> None:
        """End the connection with the brokers."""
        self._looks.close()

    def _wanted(self, health: Health) -> int:
        found = health.seen.members
        return len(self._before) if found is None or found.wanted is None else found.wanted

    def _note(self, good: bool, *, recovers: bool) -> None:
        """Whether somebody was away, and since when all is well again. A member that somebody else has
        restarted in the meantime has another life than before; when that was is not known if all is well. One
        that is cut off or stands still keeps its pod. Whom others have taken away before the first look is
        the one that is waited for, if on the way back."""
        lives = {pod.name: pod.life for pod in self._pods}
        gone = self._away or any(lives.get(name) != life for name, life in self._since.items())
        awaited = bool(self._since) or (recovers and self._joins)
        if not self._taken and awaited and gone:
            self._taken, self._away_since = True, None if good else time.monotonic()
        if self._taken and good and self._recovery is None and self._away_since is not None:
            self._recovery = time.monotonic() - self._away_since

    def _take(self) -> None:
        self._taken, self._away_since = True, time.monotonic()

    def _delete(self) -> None:
        pod = next((one for one in self._pods if one.name == self._pod), None)
        if pod is None:
            raise Conflict(f"{self._ref}: {self._pod} is not there any more")
        delete(self._session, self._ref, pod)
        self._take()

    def _await(self) -> None:
        """Until anything tells that a member is away: its pod, or the brokers' own word."""
        deadline = time.monotonic() + self._options["wait_timeout"]
        self._since = self._before | dict(self._since)
        while True:
            self.observe()
            if self._away and not self._taken:
                self._take()
            if self._taken:
                return
            if time.monotonic() > deadline:
                raise WaitFailed(
                    f"{self._ref}: nobody has taken {self._pod} away in {self._options['wait_timeout']} s; "
                    f"somebody who may has to end it meanwhile: kubectl delete pod -n {self._ref.namespace} "
                    f"{self._pod}"
                )
            time.sleep(_PAUSE)
