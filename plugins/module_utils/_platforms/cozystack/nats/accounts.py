# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts of nats-server: the block that stands in `config.merge.accounts`, and what people declare of it.

Users, exports and imports are lists there. Here they are mappings, by what tells their rows apart, so that
what nobody declared stays. A row that is to go is None in them. What this collection does not know of in a
stored row, it leaves there.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ...._engine.nats import parse_size, subject_problem, subscription_problem
from ...._engine.secret import Secret
from ...._engine.types import Type, Value
from .config import bare, overlay
from .nkey import user_key_problem
from .passwords import Given, hashed, matches, password_problem

Row = t.Mapping[str, t.Any]
Rows = t.Mapping[str, "Row | None"]

_STATE = {"type": "str", "choices": ["present", "absent"], "default": "present"}
_SUBJECTS = {
    "type": "dict",
    "options": {
        "allow": {"type": "list", "elements": "str"},
        "deny": {"type": "list", "elements": "str"},
    },
}
_USER = {
    "name": {"type": "str"},
    "state": _STATE,
    "password": {"type": "str", "no_log": True},
    "nkey": {"type": "str", "no_log": False},
    "permissions": {
        "type": "dict",
        "options": {
            "publish": _SUBJECTS,
            "subscribe": _SUBJECTS,
            "allow_responses": {"type": "bool"},
        },
    },
}
_TYPE = {"type": "str", "choices": ["stream", "service"], "required": True}
_SUBJECT = {"type": "str", "required": True}
_EXPORT = {
    "type": _TYPE,
    "subject": _SUBJECT,
    "state": _STATE,
    "accounts": {"type": "list", "elements": "str"},
}
_IMPORT = {
    "type": _TYPE,
    "account": {"type": "str", "required": True},
    "subject": _SUBJECT,
    "state": _STATE,
    "to": {"type": "str"},
    "prefix": {"type": "str"},
}
_JETSTREAM = {
    "enabled": {"type": "bool"},
    "max_memory": {"type": "str"},
    "max_file": {"type": "str"},
    "max_streams": {"type": "int"},
    "max_consumers": {"type": "int"},
    "max_ack_pending": {"type": "int"},
    "memory_max_stream_bytes": {"type": "str"},
    "disk_max_stream_bytes": {"type": "str"},
    "max_bytes_required": {"type": "bool"},
}
_SIZES = ("max_memory", "max_file", "memory_max_stream_bytes", "disk_max_stream_bytes")
# nats-server knows several words for one thing (server/opts.go)
_JETSTREAM_WORDS = {
    **dict.fromkeys(("max_mem", "mem", "memory"), "max_memory"),
    **dict.fromkeys(("max_store", "max_disk", "store", "disk"), "max_file"),
    "streams": "max_streams",
    "consumers": "max_consumers",
    **dict.fromkeys(("max_stream_bytes", "max_bytes"), "max_bytes_required"),
    "mem_max_stream_bytes": "memory_max_stream_bytes",
    "store_max_stream_bytes": "disk_max_stream_bytes",
}
_USER_WORDS = {
    "username": "user",
    "pass": "password",
    "permission": "permissions",
    "authorization": "permissions",
}
_PERMISSION_WORDS = {
    **dict.fromkeys(("pub", "import"), "publish"),
    **dict.fromkeys(("sub", "export"), "subscribe"),
    "publish_allow_responses": "allow_responses",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Loose(Type):
    """A value that nats-server reads in more than one shape; `load` can make something of each."""

    def fits(self, value: Value) -> bool:
        return True


def _given(row: Row, *keys: str) -> dict[str, t.Any]:
    return {key: row[key] for key in keys if row.get(key) is not None}


def _plain_words(row: t.Any, words: t.Mapping[str, str]) -> dict[str, t.Any]:
    """A stored mapping with one word for each thing."""
    if not isinstance(row, t.Mapping):
        return {}
    lower = {str(key).lower(): value for key, value in row.items() if value is not None}
    return {words.get(key, key): value for key, value in lower.items()}


def _rows(stored: t.Any) -> list[t.Any]:
    return list(stored) if isinstance(stored, list | tuple) else []


def there(rows: t.Any) -> dict[str, Row]:
    """The rows that are to stay."""
    return {name: row for name, row in (rows or {}).items() if row is not None}


def _as_options(rows: Rows) -> list[dict[str, t.Any]]:
    return [bare(row) for row in there(rows).values()]


def _twice(names: t.Sequence[str]) -> t.Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name}: this stands twice in the list; keep one"


def _texts(problems: t.Iterable[str]) -> str | None:
    return "; ".join(problems) or None


# -- JetStream of an account -----------------------------------------------------------------------------


def _jetstream_problem(wanted: Row) -> str | None:
    texts = [
        f"{key}: {wanted[key]!r} is no size; give one such as 10GiB, 500MB or a number of bytes"
        for key in _SIZES
        if wanted.get(key) is not None and parse_size(wanted[key]) is None
    ]
    limits = [key for key in wanted if key != "enabled" and wanted[key] is not None]
    if wanted.get("enabled") is False and limits:
        texts.append(
            f"{limits[0]}: this account has no JetStream to limit; leave it out, or enable JetStream"
        )
    return _texts(texts)


def _jetstream_normal(wanted: Row) -> dict[str, t.Any]:
    given = _given(wanted, *_JETSTREAM)
    return {"enabled": True} | given | {key: parse_size(given[key]) for key in _SIZES if key in given}


def _jetstream_load(stored: t.Any) -> dict[str, t.Any]:
    if isinstance(stored, t.Mapping):
        known = _given(_plain_words(stored, _JETSTREAM_WORDS), *_JETSTREAM)
        sizes = {key: _size(known[key]) for key in _SIZES if key in known}
        return {"enabled": True} | known | sizes
    return {"enabled": stored is True or str(stored).lower() in ("enabled", "enable")}


def _size(stored: t.Any) -> t.Any:
    """A stored size as a number, if the charts write it without quotes."""
    bare_text = re.fullmatch(r"<<\s+(.*?)\s+>>", stored) if isinstance(stored, str) else None
    number = parse_size(bare_text[1]) if bare_text else None
    return stored if number is None else number


def _jetstream_fulfilled(wanted: Row, live: Row) -> bool:
    if not wanted["enabled"]:
        return not live["enabled"]
    return all(live.get(key, -1) == value for key, value in wanted.items())


def _jetstream_over(live: Row, wanted: Row) -> Row:
    return {**live, **wanted} if wanted["enabled"] else wanted


def _jetstream_store(wanted: Row, before: t.Any) -> t.Any:
    if not wanted["enabled"]:
        return "disabled"
    # words of other spelling go: the server takes the one that it meets last
    kept = {
        key: value
        for key, value in (before.items() if isinstance(before, t.Mapping) else ())
        if _JETSTREAM_WORDS.get(str(key).lower(), str(key).lower()) not in wanted
    }
    return kept | {key: value for key, value in wanted.items() if key != "enabled"}


JETSTREAM = Loose(
    "tree",
    key=lambda value: frozenset(value.items()),
    problem=_jetstream_problem,
    options=_JETSTREAM,
    normal=_jetstream_normal,
    same_as=_jetstream_fulfilled,
    merge=_jetstream_over,
    load=_jetstream_load,
    store=_jetstream_store,
    public=lambda value: value if value["enabled"] else {"enabled": False},
)


# -- users of an account ---------------------------------------------------------------------------------


def _user_id(row: Row) -> str:
    """A user that logs in with a key has no name for the server: the key is all that it knows."""
    return str(row.get("nkey") or row.get("name") or "")


def _users_problem(rows: t.Sequence[Row]) -> str | None:
    texts = []
    for row in rows:
        label = row.get("name") or row.get("nkey") or "a user without a name"
        texts += [f"{label}: {text}" for text in _user_problems(row)]
    stay = [row for row in rows if row.get("state") != "absent"]
    logins = {row["name"] for row in stay if row.get("name") and not row.get("nkey")}
    texts += [
        f"{row['name']}: a login and a key have this name; keep one, or name the key otherwise"
        for row in stay
        if row.get("nkey") and row.get("name") in logins
    ]
    return _texts([*texts, *_twice([_user_id(row) for row in rows if _user_id(row)])])


def _user_problems(row: Row) -> t.Iterator[str]:
    name, password, nkey = row.get("name"), row.get("password"), row.get("nkey")
    if not name and not nkey:
        yield "give it a name, or the public key that it logs in with"
    if password is not None and nkey is not None:
        yield "nats-server takes a password or an nkey, not both; keep one"
    if name and not re.fullmatch(r"[^\s\"\\<>\x00-\x1f]+", name):
        yield "the name of a user has no spaces, quotes, '<', '>' and backslashes; the charts would change it"
    if password is not None and (text := password_problem(password)):
        yield text
    if nkey is not None and (text := user_key_problem(nkey)):
        yield text
    for direction in ("publish", "subscribe"):
        lists = (row.get("permissions") or {}).get(direction) or {}
        for subject in (*(lists.get("allow") or ()), *(lists.get("deny") or ())):
            if text := subscription_problem(subject):
                yield text


def _users_normal(rows: t.Sequence[Row]) -> dict[str, t.Any]:
    return {_user_id(row): None if row.get("state") == "absent" else _user(row) for row in rows}


def _user(row: Row) -> dict[str, t.Any]:
    user = _given(row, "name", "nkey")
    if row.get("password") is not None:
        user["password"] = Given(row["password"])
    if row.get("permissions") is not None:
        user["permissions"] = _permissions(row["permissions"])
    return user


def _permissions(given: Row) -> dict[str, t.Any]:
    permissions: dict[str, t.Any] = {}
    for direction in ("publish", "subscribe"):
        if given.get(direction) is not None:
            permissions[direction] = _given(given[direction], "allow", "deny")
    return permissions | _given(given, "allow_responses")


def _users_load(stored: t.Any) -> dict[str, t.Any]:
    users: dict[str, t.Any] = {}
    for row in _rows(stored):
        known = _plain_words(row, _USER_WORDS)
        user: dict[str, t.Any] = _given(known, "nkey")
        if not user and "user" in known:
            user = {"name": str(known["user"])}
            if "password" in known:
                user["password"] = Secret(str(known["password"]))
        if "permissions" in known:
            user["permissions"] = _permissions_load(known["permissions"])
        if _user_id(user):
            users[_user_id(user)] = user
    return users


def _permissions_load(stored: t.Any) -> dict[str, t.Any]:
    known = _plain_words(stored, _PERMISSION_WORDS)
    permissions = _given(known, "allow_responses")
    for direction in ("publish", "subscribe"):
        lists = known.get(direction)
        if isinstance(lists, t.Mapping):
            permissions[direction] = {
                key: _subjects(value)
                for key, value in _plain_words(lists, {}).items()
                if key in ("allow", "deny")
            }
        elif lists is not None:
            permissions[direction] = {"allow": _subjects(lists)}
    return permissions


def _subjects(stored: t.Any) -> list[str]:
    return [stored] if isinstance(stored, str) else [str(subject) for subject in _rows(stored)]


def _users_fulfilled(wanted: Rows, live: Rows) -> bool:
    return all(_user_fulfilled(name, user, live) for name, user in wanted.items())


def _user_fulfilled(name: str, wanted: Row | None, live: Rows) -> bool:
    has = live.get(name)
    if wanted is None or has is None:
        return wanted is has
    if "nkey" in wanted and wanted.get("name") in there(live):
        return False  # the login of that name with a password is to give way to the key
    if not _password_stands(wanted, has):
        return False
    return _permitted(wanted.get("permissions"), has.get("permissions") or {})


def _password_stands(wanted: Row, live: Row) -> bool:
    return "password" not in wanted or matches(wanted["password"], live.get("password", Secret("")))


def _permitted(wanted: Row | None, live: Row) -> bool:
    for direction in ("publish", "subscribe"):
        for key, subjects in ((wanted or {}).get(direction) or {}).items():
            if frozenset(subjects) != frozenset((live.get(direction) or {}).get(key) or ()):
                return False
    responses = (wanted or {}).get("allow_responses")
    return responses is None or responses == live.get("allow_responses", False)


def _users_over(live: Rows, wanted: Rows) -> Rows:
    merged = dict(live)
    for name, user in wanted.items():
        has = live.get(name)
        if user is None or has is None:
            merged[name] = user
        else:
            merged[name] = overlay(has, user)
            if "password" in has and _password_stands(user, has):
                merged[name] = overlay(merged[name], {"password": has["password"]})
        if user is not None and "nkey" in user and user.get("name") in live:
            merged[user["name"]] = None
    return merged


def _users_store(wanted: Rows, before: t.Any) -> list[t.Any]:
    stored, met = [], set()
    for row in _rows(before):
        known = _plain_words(row, _USER_WORDS)
        name = str(known.get("nkey") or known.get("user") or "")
        met.add(name)
        user = wanted.get(name, {})
        if user is not None:
            stored.append(_user_store(user, row) if user else row)
    return stored + [_user_store(user, {}) for name, user in there(wanted).items() if name not in met]


def _user_store(user: Row, before: t.Any) -> dict[str, t.Any]:
    row = dict(before)
    if not row:
        row = {"nkey": user["nkey"]} if "nkey" in user else {"user": user["name"]}
    if isinstance(user.get("password"), Given):
        row = {key: value for key, value in row.items() if str(key).lower() not in ("pass", "password")}
        row["password"] = hashed(user["password"])
    loaded = _permissions_load(_plain_words(before, _USER_WORDS).get("permissions"))
    permissions = user.get("permissions")
    if permissions is not None and not _permitted(permissions, loaded):
        row = {
            key: value
            for key, value in row.items()
            if _USER_WORDS.get(str(key).lower(), str(key).lower()) != "permissions"
        }
        row |= _permissions_store(overlay(loaded, permissions))
    return row


def _permissions_store(permissions: Row) -> dict[str, t.Any]:
    """An empty list forbids nothing, as if it were not there; nor does an empty mapping."""
    stored = {}
    for direction in ("publish", "subscribe"):
        lists = {
            key: list(subjects) for key, subjects in (permissions.get(direction) or {}).items() if subjects
        }
        if lists:
            stored[direction] = lists
    if permissions.get("allow_responses"):
        stored["allow_responses"] = permissions["allow_responses"]
    return {"permissions": stored} if stored else {}


def _users_public(users: Rows) -> list[dict[str, t.Any]]:
    rows = _as_options(users)
    for row in rows:
        if not isinstance(row.get("password"), Given):
            row.pop("password", None)  # a plan shows that one changes, and only then
        permissions = dict(row.get("permissions") or {})
        if not isinstance(permissions.get("allow_responses", False), bool):
            del permissions["allow_responses"]  # limits that cannot be declared here
        if permissions:
            row["permissions"] = permissions
    return rows


def _users_key(users: Rows) -> t.Hashable:
    """What the servers would tell apart, passwords aside."""
    keys = []
    for name, user in there(users).items():
        permissions = user.get("permissions") or {}
        lists = [
            frozenset((permissions.get(direction) or {}).get(key) or ())
            for direction in ("publish", "subscribe")
            for key in ("allow", "deny")
        ]
        keys.append((name, "password" in user, *lists, repr(permissions.get("allow_responses") or False)))
    return frozenset(keys)


def _users_secrets(rows: t.Sequence[Row]) -> t.Iterator[str]:
    """Passwords, and seeds that stand where the public key should."""
    for row in rows:
        if row.get("password"):
            yield row["password"]
        if row.get("nkey") and user_key_problem(row["nkey"]):
            yield row["nkey"]


USERS = Type(
    "rows",
    key=_users_key,
    problem=_users_problem,
    options=_USER,
    normal=_users_normal,
    same_as=_users_fulfilled,
    merge=_users_over,
    load=_users_load,
    store=_users_store,
    secrets=_users_secrets,
    public=_users_public,
)


def narrowed(before: Row, after: Row) -> bool:
    """Whether a user may do less than before."""
    for direction in ("publish", "subscribe"):
        had, has = _rights(before, direction), _rights(after, direction)
        if has["deny"] - had["deny"]:
            return True
        if has["allow"] is not None and (had["allow"] is None or had["allow"] - has["allow"]):
            return True
    had_responses = (before.get("permissions") or {}).get("allow_responses")
    return bool(had_responses) and not (after.get("permissions") or {}).get("allow_responses")


def _rights(user: Row, direction: str) -> dict[str, t.Any]:
    permissions = user.get("permissions") or {}
    lists = permissions.get(direction) or {}
    allow: frozenset[str] | None = frozenset(lists.get("allow") or ()) or None
    if allow is None and direction == "publish" and permissions.get("allow_responses"):
        allow = frozenset()  # who may answer may publish nothing else, unless it is allowed
    return {"allow": allow, "deny": frozenset(lists.get("deny") or ())}


# -- exports and imports of an account -------------------------------------------------------------------


def _export_id(row: Row) -> str:
    return f"{row['type']} {row['subject']}"


def _import_id(row: Row) -> str:
    return f"{row['type']} {row['account']} {row['subject']}"


def _exports_problem(rows: t.Sequence[Row]) -> str | None:
    texts = [text for row in rows if (text := subject_problem(row["subject"]))]
    return _texts([*texts, *_twice([_export_id(row) for row in rows])])


def _imports_problem(rows: t.Sequence[Row]) -> str | None:
    texts = []
    for row in rows:
        subjects = (row["subject"], row.get("to"), row.get("prefix"))
        texts += [text for subject in subjects if subject is not None and (text := subject_problem(subject))]
        if row.get("prefix") is not None and (row["type"] == "service" or row.get("to") is not None):
            texts.append(f"{_import_id(row)}: a prefix is for streams, and without to; declare to alone")
    return _texts([*texts, *_twice([_import_id(row) for row in rows])])


def _shares_normal(
    identify: t.Callable[[Row], str], *keys: str
) -> t.Callable[[t.Sequence[Row]], dict[str, t.Any]]:
    def normal(rows: t.Sequence[Row]) -> dict[str, t.Any]:
        return {identify(row): None if row.get("state") == "absent" else _given(row, *keys) for row in rows}

    return normal


def _exports_load(stored: t.Any) -> dict[str, t.Any]:
    exports = {}
    for row in _rows(stored):
        known = _plain_words(row, {})
        for type_ in ("stream", "service"):
            if isinstance(known.get(type_), str):
                export = {"type": type_, "subject": known[type_]}
                if "accounts" in known:
                    export["accounts"] = [str(name) for name in _rows(known["accounts"])]
                exports[_export_id(export)] = export
    return exports


def _imports_load(stored: t.Any) -> dict[str, t.Any]:
    imports = {}
    for row in _rows(stored):
        known = _plain_words(row, {})
        for type_ in ("stream", "service"):
            source = _plain_words(known.get(type_), {})
            if "account" in source and "subject" in source:
                one = {"type": type_, "account": str(source["account"]), "subject": str(source["subject"])}
                imports[_import_id(one)] = one | _given(known, "to", "prefix")
    return imports


_SHARE = dict.fromkeys(("accounts", "to", "prefix"))


def _shares_fulfilled(wanted: Rows, live: Rows) -> bool:
    return all(_share_key(row, live.get(name)) == _share_key(row, row) for name, row in wanted.items())


def _share_key(wanted: Row | None, row: Row | None) -> t.Hashable:
    if wanted is None or row is None:
        return row is None
    keys = {key: row.get(key) for key in wanted}
    # the accounts of an export: none in the list is all of them, as is no list
    return frozenset((k, frozenset(v or ()) if k == "accounts" else v) for k, v in keys.items())


def _shares_store(
    load: t.Callable[[t.Any], dict[str, t.Any]], plain: t.Callable[[Row], dict[str, t.Any]]
) -> t.Callable[[Rows, t.Any], list[t.Any]]:
    def store(wanted: Rows, before: t.Any) -> list[t.Any]:
        stored, met = [], set()
        for row in _rows(before):
            (name,) = load([row]) or (None,)
            met.add(name)
            declared = wanted.get(name, {}) if name is not None else {}
            if declared is not None:
                stored.append(_without(row, declared) | plain(declared) if declared else row)
        return stored + [plain(row) for name, row in there(wanted).items() if name not in met]

    return store


def _without(row: Row, declared: Row) -> dict[str, t.Any]:
    """A stored row without what is declared of it, which is written anew."""
    return {key: value for key, value in row.items() if str(key).lower() not in declared}


def _export_plain(row: Row) -> dict[str, t.Any]:
    return {row["type"]: row["subject"]} | (
        {"accounts": list(row["accounts"])} if row.get("accounts") else {}
    )


def _import_plain(row: Row) -> dict[str, t.Any]:
    source = {"account": row["account"], "subject": row["subject"]}
    return {row["type"]: source} | _given(row, "to", "prefix")


def _shares(
    options: Row,
    problem: t.Callable[[Value], str | None],
    normal: t.Callable[[Value], Value],
    load: t.Callable[[Value], Value],
    plain: t.Callable[[Row], dict[str, t.Any]],
) -> Type:
    return Type(
        "rows",
        key=lambda rows: frozenset((name, _share_key(_SHARE, row)) for name, row in there(rows).items()),
        problem=problem,
        options=options,
        normal=normal,
        same_as=_shares_fulfilled,
        merge=overlay,
        load=load,
        store=_shares_store(load, plain),
        public=_as_options,
    )


EXPORTS = _shares(
    _EXPORT,
    _exports_problem,
    _shares_normal(_export_id, "type", "subject", "accounts"),
    _exports_load,
    _export_plain,
)
IMPORTS = _shares(
    _IMPORT,
    _imports_problem,
    _shares_normal(_import_id, "type", "account", "subject", "to", "prefix"),
    _imports_load,
    _import_plain,
)
