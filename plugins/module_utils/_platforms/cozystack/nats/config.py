# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people add to the servers' own configuration: `config.merge` and `config.resolver`.

The platform hands both on as they are. What nats-server cannot read stops it, one server after the other,
so values get the form in which it reads them, and what can only fail is refused.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import typing as t
from fractions import Fraction

from ...._engine.nats import parse_duration, parse_size
from ...._engine.secret import Secret
from ...._engine.types import Type, Value

Tree = t.Mapping[str, t.Any]
Place = tuple[str, ...]

_BARE = re.compile(r"<<\s+(.*?)\s+>>")


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text))


# Settings that nats-server 2.11 takes as whole numbers, wherever they stand (server/opts.go).
_NUMBERS = _words(
    """
    connect_error_reports connect_retries consumer_replicas disk_max_stream_bytes limit log_max_num
    log_size_limit logfile_max_num logfile_size_limit max_ack_pending max_buffered_msgs max_buffered_size
    max_closed_clients max_conn max_connections max_control_line max_file max_file_store max_ha_assets
    max_inflight max_leafnodes max_leafs max_mem max_mem_store max_memory max_memory_store
    max_outstanding_catchup max_pay max_payload max_pending max_request_batch max_sub_tokens
    max_subscription_tokens max_subscriptions max_subs max_traced_msg_len memory_max_stream_bytes ping_max
    pool_size prof_block_rate prof_port reconnect_error_reports request_queue_limit store_max_stream_bytes
    stream_replicas
    """
)
# Those of them that it also takes as a text such as "8M", which then means 8 * 2**20 (getStorageSize).
_STORAGE = _words(
    """
    max_buffered_size max_file max_file_store max_mem max_mem_store max_memory_store max_outstanding_catchup
    """
)
_DURATIONS = _words(
    """
    ack_wait ackwait api_timeout consumer_auto_cleanup consumer_inactive_threshold duplicate_window
    first_info_timeout handshake_timeout interval js_api_timeout lame_duck_duration lame_duck_grace_period
    ping_interval ttl write_deadline
    """
)
# The top level of nats.conf (server/opts.go), which stops the server over a key it does not know.
_TOP = _words(
    """
    account_resolver accounts accounts_resolver allow_non_tls authorization client_advertise cluster
    connect_error_reports debug default_js_domain default_sentinel disable_sublist_cache gateway host http
    http_base_path http_port https https_port jetstream lame_duck_duration lame_duck_grace_period leaf
    leafnodes listen log_file log_max_num log_size_limit logfile logfile_max_num logfile_size_limit logtime
    logtime_utc mappings maps max_closed_clients max_conn max_connections max_control_line max_payload
    max_pending max_sub_tokens max_subs max_subscription_tokens max_subscriptions max_traced_msg_len
    monitor_port mqtt net no_auth_user no_fast_producer_stall no_header_support no_sublist_cache no_sys_acc
    no_system no_system_account ocsp ocsp_cache operator operators pid_file pidfile ping_interval ping_max
    port ports_file_dir prof_block_rate prof_port reconnect_error_reports remote_syslog resolver
    resolver_pinned_accounts resolver_preload resolver_tls root root_operator root_operators roots
    server_name server_tags store_dir storedir syslog system system_account tls trace trace_headers
    trace_verbose trusted trusted_keys websocket write_deadline ws
    """
)

_PLATFORM = "the platform sets this itself"
MANAGED: t.Mapping[Place, str] = {
    **dict.fromkeys([("accounts",)], "declare them in the option accounts"),
    **dict.fromkeys([("system_account",), ("system",)], "declare it in the option system_account"),
    ("tls",): "declare it in the option tls.enabled",
    **dict.fromkeys(
        [("resolver",), ("account_resolver",), ("accounts_resolver",)],
        "declare it in the option config.resolver",
    ),
    **dict.fromkeys(
        [("jetstream", key) for key in ("enabled", "enable", "disabled", "disable")],
        "declare it in the option jetstream.enabled",
    ),
    **dict.fromkeys(
        [("jetstream", key) for key in ("max_file_store", "max_file")],
        "declare it in the option jetstream.size",
    ),
    ("cluster", "routes"): "they follow the option replicas",
    ("cluster", "tls"): "declare it in the option tls.enabled",
    **dict.fromkeys(
        [("cluster", key) for key in ("name", "listen", "host", "net", "port", "authorization")],
        "leave it out: " + _PLATFORM,
    ),
    **dict.fromkeys(
        [("jetstream", key) for key in ("store", "store_dir", "storedir")], "leave it out: " + _PLATFORM
    ),
    **dict.fromkeys(
        [
            (key,)
            for key in (
                *("server_name", "host", "net", "port", "listen", "http", "http_port", "monitor_port"),
                *("https", "https_port", "http_base_path", "pid_file", "pidfile", "store_dir", "storedir"),
            )
        ],
        "leave it out: " + _PLATFORM,
    ),
}
"""What belongs to the platform or to another option, and where to go with it. Keys are lower-case, as
nats-server reads them in any case."""

_LOGINS = "declare logins in the option accounts, which keeps bcrypt hashes and public keys only"
REFUSED: t.Mapping[Place, str] = {
    ("authorization", key): _LOGINS
    for key in ("user", "username", "users", "pass", "password", "token", "nkey", "nkeys")
}
"""What has another option here, and would get in the way of it. Where it stands already, it acts."""

_SECRET_KEYS = _words(
    """
    creds credentials ek encryption_key encryption_password key_password pass passphrase password prev_ek
    prev_encryption_key prev_key secret seed srk_password token
    """
)
# "key" is a subject, a file or a secret, depending on where it stands
_SECRET_PLACES = frozenset({("jetstream", "key"), ("authorization", "auth_callout", "key")})
_SECRET_TEXT = re.compile(r"S[UANOC][A-Z2-7]{56}")
_USERINFO = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s@]+@", re.IGNORECASE)
_NOT_SECRET = re.compile(r"\$2[aby]\$\d{2}\$.{53}|<<\s+\$\w+\s+>>")


def _go_duration(text: str) -> Fraction | None:
    """Nanoseconds of a duration as the servers' configuration has them: in Go there are no days."""
    return None if "d" in text else parse_duration(text)


def overlay(below: t.Any, above: t.Any) -> t.Any:
    """`above` put over `below`: mappings are merged at every depth, all else is replaced. None stays, as a
    mark that the key goes."""
    if not isinstance(below, t.Mapping) or not isinstance(above, t.Mapping):
        return above
    merged = dict(below)
    for key, value in above.items():
        merged[key] = overlay(merged.get(key), value)
    return merged


def stands_in(wanted: t.Any, live: t.Any) -> bool:
    """Whether all of a wanted tree stands in the live one; None is wanted not to be there."""
    if not isinstance(wanted, t.Mapping):
        return _same(wanted, live)
    if not isinstance(live, t.Mapping) and (live is not None or not wanted):
        return False
    below = live or {}
    return all(stands_in(value, below.get(key)) for key, value in wanted.items())


def bare(tree: t.Any) -> t.Any:
    """A tree without the marks of what goes, and without what then is empty."""
    if isinstance(tree, t.Mapping):
        return {key: bare(value) for key, value in tree.items() if value is not None}
    return tree


def _same(one: t.Any, other: t.Any) -> bool:
    return _key(one) == _key(other)


def _key(value: t.Any) -> t.Hashable:
    if isinstance(value, t.Mapping):
        return frozenset((key, _key(item)) for key, item in value.items() if item is not None)
    if isinstance(value, list | tuple):
        return tuple(_key(item) for item in value)
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, bool) or value is None:
        return (type(value).__name__, value)  # True is no 1 here
    if isinstance(value, str):
        duration = _go_duration(value)
        return value if duration is None else ("duration", duration)
    return t.cast(t.Hashable, value)


def _problem(tree: Value) -> str | None:
    found = [*_wrong(tree, ())]
    return "; ".join(found) or None


def _wrong(tree: t.Any, place: Place) -> t.Iterator[str]:
    if isinstance(tree, list | tuple):
        for item in tree:
            yield from _wrong(item, place)
        return
    if not isinstance(tree, t.Mapping):
        return
    for name, value in tree.items():
        here = (*place, str(name).lower())
        text = _key_problem(str(name), here) or _value_problem(here, value)
        if text is None:
            yield from _wrong(value, here)
        else:
            yield f"{'.'.join((*place, str(name)))}: {text}"


def _key_problem(name: str, place: Place) -> str | None:
    if place in MANAGED or place in REFUSED:
        return MANAGED.get(place) or REFUSED[place]
    if name.startswith("$tpl") or name.endswith("$include"):
        return "the charts would take this as an instruction, not as a setting; write the setting itself"
    if len(place) == 1 and place[0] not in _TOP:
        near = difflib.get_close_matches(place[0], sorted(_TOP), n=1, cutoff=0.8)
        # a later server may know a setting that this list does not, so only a likely slip is one
        return f"nats-server has no such setting; did you mean {near[0]}?" if near else None
    return None


def _value_problem(place: Place, value: t.Any) -> str | None:
    if place in (("jetstream",), ("cluster",)) and not isinstance(value, t.Mapping | None):
        return "give the settings in it as a dictionary"
    if _is_secret(place, value):
        return (
            "a secret would stand in clear text in the cluster's spec, where everybody who may read the "
            f"cluster reads it; {_secret_way(place)}"
        )
    if place[-1] in _NUMBERS and isinstance(value, str) and _number(place, value) is None:
        return f"{value!r} is no number; give one such as 1048576 or 8MB"
    if place[-1] in _DURATIONS and isinstance(value, str) and _go_duration(value) is None:
        return f"{value!r} is no duration; give one such as 30s or 1m30s"
    return None


def _secret_way(place: Place) -> str:
    if place[0] in ("authorization", "mqtt", "websocket", "ws"):
        return _LOGINS
    if place[-1] in ("url", "urls", "routes"):
        return "give the address without user and password"
    return "this platform has no other place for it, so it cannot be set"


def _is_secret(place: Place, value: t.Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_is_secret(place, item) for item in value if not isinstance(item, t.Mapping))
    if not isinstance(value, str) or _NOT_SECRET.fullmatch(value):
        return False
    return (
        place[-1] in _SECRET_KEYS
        or place in _SECRET_PLACES
        or bool(_SECRET_TEXT.fullmatch(value) or _USERINFO.match(value))
    )


def _number(place: Place, value: str) -> int | None:
    unquoted = _BARE.fullmatch(value)
    if unquoted and unquoted[1].startswith("$"):
        return 0  # a variable: its value is not known here
    return parse_size(unquoted[1] if unquoted else value)


def _normal(tree: t.Any, place: Place = ()) -> t.Any:
    """Numbers and durations as nats-server takes them."""
    if isinstance(tree, t.Mapping):
        return {str(key): _normal(value, (*place, str(key).lower())) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_normal(item, place) for item in tree]
    name = place[-1] if place else ""
    if name in _NUMBERS and isinstance(tree, str) and "$" not in tree:
        return _number(place, tree)
    if name in _DURATIONS and isinstance(tree, int) and not isinstance(tree, bool):
        return f"{tree}s"  # what the server makes of a number, where it takes one
    return tree


def _load(tree: t.Any, place: Place = ()) -> t.Any:
    """What somebody has stored, without what other options hold, and with what may not be shown wrapped."""
    if place in REFUSED:
        return Secret(repr(tree))
    if isinstance(tree, t.Mapping):
        below = ((key, value, (*place, str(key).lower())) for key, value in tree.items())
        return {
            str(key): _load(value, here)
            for key, value, here in below
            if here not in MANAGED and value is not None
        }
    if isinstance(tree, list | tuple):
        return [_load(item, place) for item in tree]
    if _is_secret(place, tree):
        return Secret(tree)
    quoted = isinstance(tree, str) and not _BARE.fullmatch(tree)
    if quoted and place and place[-1] in _NUMBERS:
        # a quoted size stops the server, or means something else than without quotes
        amount = re.fullmatch(r"(\d+)([KMGT])", tree) if place[-1] in _STORAGE else None
        return int(amount[1]) << 10 * ("KMGT".index(amount[2]) + 1) if amount else tree
    return _normal(tree, place)


def _store(wanted: Value, before: Value, place: Place = ()) -> Value:
    """What is stored, with what is wanted in it. All that means the same stays as somebody wrote it, and
    so do the secrets, of which nobody can declare one here."""
    raw = before if isinstance(before, t.Mapping) else {}
    stored, live = dict(raw), _load(raw, place)
    for key, value in wanted.items():
        if value is None:
            stored.pop(key, None)
        elif isinstance(value, t.Mapping) and isinstance(stored.get(key), t.Mapping | None):
            stored[key] = _store(value, stored.get(key), (*place, key.lower()))
        elif key not in live or not _same(value, live[key]):
            stored[key] = value
    return stored


def _public(tree: t.Any) -> t.Any:
    """What can be declared again. A list is one value, so it is left out with the secret in it."""
    if isinstance(tree, t.Mapping):
        return {
            key: _public(value)
            for key, value in tree.items()
            if value is not None and not (isinstance(value, list | tuple) and _holds_secret(value))
        }
    return tree


def _secrets(tree: t.Any, place: Place = ()) -> t.Iterator[str]:
    if isinstance(tree, t.Mapping):
        for key, value in tree.items():
            yield from _secrets(value, (*place, str(key).lower()))
    elif isinstance(tree, list | tuple):
        for item in tree:
            yield from _secrets(item, place)
    elif _is_secret(place, tree):
        yield tree


def _holds_secret(value: t.Any) -> bool:
    if isinstance(value, t.Mapping):
        return any(_holds_secret(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_holds_secret(item) for item in value)
    return isinstance(value, Secret)


def _resolver_problem(tree: Value) -> str | None:
    texts = []
    for name, value in tree.items():
        if name not in _RESOLVER:
            near = difflib.get_close_matches(str(name), _RESOLVER, n=1)
            known = f"did you mean {near[0]}?" if near else f"there are {', '.join(_RESOLVER)}"
            texts.append(f"{name}: the chart has no such setting of a resolver; {known}")
        texts += _wrong({name: value}, ("resolver",))
    return "; ".join(texts) or None


_RESOLVER = ("enabled", "dir", "pvc", "merge", "patch")
MERGE = Type(
    "tree",
    key=_key,
    problem=_problem,
    normal=_normal,
    same_as=stands_in,
    merge=overlay,
    load=_load,
    store=_store,
    secrets=_secrets,
    public=_public,
)
RESOLVER = dataclasses.replace(
    MERGE,
    problem=_resolver_problem,
    normal=lambda tree: _normal(tree, ("resolver",)),
    load=lambda tree: _load(tree, ("resolver",)),
    store=lambda wanted, before: _store(wanted, before, ("resolver",)),
    secrets=lambda tree: _secrets(tree, ("resolver",)),
)
