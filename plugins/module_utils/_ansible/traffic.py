# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole life of `traffic_check`: messages in one go, or beside other tasks from `start` to `verdict`."""

from __future__ import annotations

import dataclasses
import threading
import time
import typing as t

from .._brokers.api import Broker, Connect
from .._brokers.traffic import Load, Outcome, Place, Promise, Traffic, is_ours, new_name
from .._convergence.errors import Failure
from .._engine.consent import unknown_consents
from .._engine.fields import Problem
from .._engine.state import ClusterRef
from .._operations.traffic import Limits, Report, complaints
from .._platforms.cozystack.names import label_problem
from .arguments import Spec, connection_arguments
from .background import Desk, Document, Process, Say, Signals, detach, run_of_ansible
from .contents import reached_result
from .module import Module, Options, out_of_range, said
from .reach import Reached, broker_arguments, broker_problems, plaintext_consents, reach
from .result import Result
from .session import open_session

KINDS = ("kafka", "rabbitmq", "nats")
_MESSAGES, _REQUESTS = "messages", "request_reply"
_COUNT, _SECONDS, _LONG = 1000, 60, 3600
_ABANDONED = "abandoned"
_NOTES = 2.0

Make = t.Callable[[Reached[t.Any], str, Load, Options], Place]


def run_traffic_check() -> None:
    """The whole life of the module."""
    module = Module(_arguments(), required_if=[("mode", "verdict", ["run"])])
    options = module.params
    ref = ClusterRef(options["kind"], options["namespace"], options["cluster"])
    module.refuse(str(ref), _problems(options))
    check = _Check(module, ref)
    if module.check_mode:
        module.exit_json(changed=False, planned=check.planned())
    {"once": check.once, "start": check.start, "verdict": check.verdict}[options["mode"]]()


def _arguments() -> Spec:
    return (
        connection_arguments()
        | broker_arguments()
        | {
            "kind": {"type": "str", "required": True, "choices": list(KINDS)},
            "mode": {"type": "str", "choices": ["once", "start", "verdict"], "default": "once"},
            "run": {"type": "str"},
            "pattern": {"type": "str", "choices": [_MESSAGES, _REQUESTS], "default": _MESSAGES},
            "count": {"type": "int"},
            "rate": {"type": "float", "default": 100.0},
            "size": {"type": "int", "default": 256},
            "seconds": {"type": "int"},
            "max_bytes": {"type": "int", "default": 104857600},
            "lanes": {"type": "int", "default": 3},
            "replicas": {"type": "int"},
            "patience": {"type": "int", "default": 60},
            "vhost": {"type": "str"},
            "amqp_port": {"type": "int"},
            "fail_on_loss": {"type": "bool", "default": True},
            "max_gap": {"type": "float"},
            "max_p99": {"type": "float"},
            "allow": {"type": "list", "elements": "str", "default": []},
        }
    )


def _problems(options: Options) -> list[Problem]:
    kind, requests = options["kind"], options["pattern"] == _REQUESTS
    run = options["run"]
    return [
        *said(namespace=label_problem(options["namespace"]), cluster=label_problem(options["cluster"])),
        *broker_problems(options),
        *unknown_consents(options["allow"], plaintext_consents(kind)),
        *said(
            run=_run_problem(run, options["mode"]),
            pattern=f"{kind} has no requests and replies; that is for nats"
            if requests and kind != "nats"
            else None,
            vhost=None if options["vhost"] is None or kind == "rabbitmq" else "is for rabbitmq alone",
            amqp_port=out_of_range(options["amqp_port"], 1, 65_535)
            if kind == "rabbitmq" or options["amqp_port"] is None
            else "is for rabbitmq alone",
            max_gap=out_of_range(options["max_gap"], 0.001, 86_400),
            max_p99=out_of_range(options["max_p99"], 0.001, 86_400_000),
            replicas="requests are kept nowhere" if requests and options["replicas"] is not None else None,
            count=out_of_range(options["count"], 1, 10_000_000),
            rate=out_of_range(options["rate"], 0.1, 1000),
            size=out_of_range(options["size"], 48, 524_288),
            seconds=out_of_range(options["seconds"], 1, 86_400),
            lanes=out_of_range(options["lanes"], 1, 12),
            patience=out_of_range(options["patience"], 5, 3600),
            max_bytes=out_of_range(options["max_bytes"], options["size"], 10 * 1024**3),
        ),
        *said(replicas=out_of_range(options["replicas"], 1, 5)),
    ]


def _run_problem(run: str | None, mode: str) -> str | None:
    if run is None:
        return None
    if mode != "verdict":
        return "is what mode: start returns, for mode: verdict; leave it out"
    return None if is_ours(run) else "is no run of this check; give what mode: start returned as run"


class _Check:
    def __init__(self, module: Module, ref: ClusterRef) -> None:
        self._module, self._ref = module, ref
        self._options: Options = module.params
        self._load = _load(module.params)

    def planned(self) -> Result:
        """What would be done."""
        options, load = self._options, self._load
        if options["mode"] == "verdict":
            return {"mode": "verdict", "run": options["run"]}
        return {
            "mode": options["mode"],
            "pattern": options["pattern"],
            "messages": load.most,
            "bytes": load.most * load.size,
            "rate": load.rate,
            "seconds": int(load.seconds),
            "lanes": load.lanes,
        }

    def once(self) -> None:
        """Send, read back, say how it was."""
        name = new_name()
        signals = Signals()
        reached: Reached[t.Any] | None = None
        try:
            reached, traffic = self._made(name)
            outcome = traffic.run(lambda: _ABANDONED if signals.came else None, abandoned=_ABANDONED)
        except Failure as error:
            self._module.end(str(self._ref), error, {"changed": False})
        finally:
            if reached is not None:
                reached.client.close()
        self._judge(_account(name, outcome, traffic.promise), reached_result(reached))

    def start(self) -> None:
        """Let a process of its own do it, and end as soon as it is under way."""
        name = new_name()
        parent = run_of_ansible()
        desk = Desk(name)
        heard = detach(lambda say: self._beside(name, desk, parent, say))
        result = {"changed": False}
        if "failed" in heard or not heard:
            desk.remove()
            text = heard.get("failed", "the process that was to send ended without a word")
            self._module.end(str(self._ref), Failure(text, **heard.get("details", {})), result)
        if parent is None:
            self._module.warn(
                f"{self._ref}: the run of Ansible is not on this host, or cannot be told; {name} ends by its "
                f"verdict or after {self._load.seconds:g} s"
            )
        ends = {"process": parent.pid if parent else None, "seconds": int(self._load.seconds)}
        self._module.exit_json(**result, run=name, ends_with=ends, **heard)

    def verdict(self) -> None:
        """Let the process that was started come to its end, and say how it was."""
        name = str(self._options["run"])
        desk = Desk(name)
        state = desk.state() if desk.is_ours() else {}
        if state.get("cluster") != str(self._ref):
            other = (
                f"it is one of {state['cluster']}"
                if state
                else "its verdict was taken, or it ended with its run"
            )
            self._module.fail_json(
                msg=f"{self._ref}: there is no check {name} of this cluster on this host ({other}); "
                "start one with mode: start"
            )
        desk.ask_to_stop()
        found = desk.wait(Load(**state["load"]).lifetime)
        if found is None:
            self._bury(name, desk, state)
        desk.remove()
        if "failed" in found:
            self._module.end(str(self._ref), Failure(found["failed"]), {"changed": False})
        self._judge(found["traffic"], {"reached": state["reached"], "requests": found["requests"]})

    def _bury(self, name: str, desk: Desk, state: Document) -> t.NoReturn:
        """Say that a check has died, and take away what it has left inside the broker."""
        note = desk.note()
        last = f"; at its last word {note['acknowledged']} messages were acknowledged" if note else ""
        left = ""
        try:
            reached = self._reach()
            try:
                self._place(reached, name, Load(**state["load"])).remove()
            finally:
                reached.client.close()
        except Failure as error:
            left = f"; what it has left is not removed ({error}), so run the verdict again"
        else:
            desk.remove()
        self._module.fail_json(
            msg=f"{self._ref}: the check {name} is no longer there and has left no report{last}, so nothing "
            f"is known of its messages{left}; start another one"
        )

    # -- in the process beside ---------------------------------------------------------------------------

    def _beside(self, name: str, desk: Desk, parent: Process | None, say: Say) -> None:
        signals = Signals()
        desk.make()
        try:
            reached, traffic = self._made(name)
        except Failure as error:
            desk.remove()
            say({"failed": str(error), "details": error.details})
            return
        except Exception as error:
            # nobody would see it otherwise
            desk.remove()
            say({"failed": f"an error of its own: {type(error).__name__}: {error}"})
            return
        public = reached_result(reached)
        desk.introduce(
            {
                "cluster": str(self._ref),
                "load": dataclasses.asdict(self._load),
                "reached": public["reached"],
            }
        )
        said_all = threading.Event()

        def ended() -> str | None:
            if alone or signals.came or (parent is not None and not parent.is_alive()):
                return _ABANDONED
            return "verdict" if desk.is_to_stop() else None

        def keep_notes() -> None:
            while not said_all.wait(_NOTES):
                desk.jot({"acknowledged": traffic.acknowledged, "at": time.time()})

        notes = threading.Thread(target=keep_notes, daemon=True)
        notes.start()
        word = public | {"promise": _promised(traffic.promise), "copies": traffic.promise.copies}
        alone = not say(word)  # who was to ask for the verdict is gone
        try:
            outcome = traffic.run(ended, abandoned=_ABANDONED)
        except BaseException as error:
            desk.hand_in(
                {"failed": f"the check ended by an error of its own: {type(error).__name__}: {error}"}
            )
            return
        finally:
            said_all.set()
            notes.join()
        reached.client.close()
        if outcome.ended_by == _ABANDONED:
            desk.remove()
            return
        account = _account(name, outcome, traffic.promise)
        desk.hand_in({"traffic": account, "requests": reached_result(reached)["requests"]})

    # -- parts -------------------------------------------------------------------------------------------

    def _made(self, name: str) -> tuple[Reached[t.Any], Traffic]:
        reached = self._reach()
        try:
            traffic = Traffic(self._place(reached, name, self._load), name, self._load)
            traffic.make()
        except BaseException:
            reached.client.close()
            raise
        return reached, traffic

    def _reach(self) -> Reached[t.Any]:
        kind = self._ref.kind
        connect, _make = _SORTS[kind]()
        broker = Broker(kind, connect, {})
        return reach(
            self._options,
            self._ref,
            broker,
            lambda: open_session(self._options, "traffic_check"),
            hide=self._module.no_log_values.add,
        )

    def _place(self, reached: Reached[t.Any], name: str, load: Load) -> Place:
        _connect, make = _SORTS[self._ref.kind]()
        return make(reached, name, load, self._options)

    def _judge(self, account: Result, besides: Result) -> None:
        options = self._options
        limits = Limits(not options["fail_on_loss"], options["max_gap"], options["max_p99"])
        wrong = complaints(
            _report(account),
            limits,
            complete=account["complete"],
            promised=account["promise"] == "one_member",
        )
        if account["left"]:
            wrong.append(
                f"{account['name']} could not be removed ({account['left']}); it gets empty by itself, and "
                "can be deleted by hand"
            )
        result = {"changed": False, "traffic": account} | besides
        if wrong:
            self._module.fail_json(msg=f"{self._ref}: {'; '.join(wrong)}", **result)
        self._module.exit_json(**result)


def _load(options: Options) -> Load:
    beside = options["mode"] == "start"
    return Load(
        count=options["count"] if beside else options["count"] or _COUNT,
        rate=options["rate"],
        size=options["size"],
        seconds=options["seconds"] or (_LONG if beside else _SECONDS),
        max_bytes=options["max_bytes"],
        lanes=options["lanes"],
        patience=options["patience"],
        replicas=options["replicas"],
    )


def _account(name: str, outcome: Outcome, promise: Promise) -> Result:
    """The account as the result has it."""
    found = dataclasses.asdict(outcome.report)
    gap = {side: found.pop(f"{side}_gap") for side in ("producer", "consumer")}
    found["lost_first"] = list(found["lost_first"])
    return found | {
        "name": name,
        "gap": gap,
        "ended_by": outcome.ended_by,
        "complete": outcome.complete,
        "seconds": outcome.seconds,
        "promise": _promised(promise),
        "copies": promise.copies,
        "left": outcome.left,
    }


def _report(account: Result) -> Report:
    """The account of a result as the judgement has it."""
    gaps = {f"{side}_gap": seconds for side, seconds in account["gap"].items()}
    known = {field.name for field in dataclasses.fields(Report)}
    return Report(**{name: value for name, value in (account | gaps).items() if name in known})


def _promised(promise: Promise) -> str:
    return "one_member" if promise.one_member else "none"


def _kafka() -> tuple[Connect, Make]:
    from .._brokers.kafka.client import connect
    from .._brokers.kafka.traffic import KafkaPlace

    return connect, lambda reached, name, load, _options: KafkaPlace(reached.client, name, load)


def _rabbitmq() -> tuple[Connect, Make]:
    from .._brokers.rabbitmq.client import connect
    from .._brokers.rabbitmq.traffic import RabbitPlace

    def make(reached: Reached[t.Any], name: str, load: Load, options: Options) -> Place:
        return RabbitPlace(
            reached.client,
            name,
            load,
            way=reached.way,
            login=reached.login,
            vhost=options["vhost"] or "/",
            port=options["amqp_port"],
            timeout=float(options["broker_timeout"]),
        )

    return connect, make


def _nats() -> tuple[Connect, Make]:
    from .._brokers.nats.client import connect
    from .._brokers.nats.traffic import Requests, Streams

    def make(reached: Reached[t.Any], name: str, load: Load, options: Options) -> Place:
        sort = Requests if options["pattern"] == _REQUESTS else Streams
        return sort(reached.client, name, load)

    return connect, make


_SORTS: t.Mapping[str, t.Callable[[], tuple[Connect, Make]]] = {
    "kafka": _kafka,
    "rabbitmq": _rabbitmq,
    "nats": _nats,
}
