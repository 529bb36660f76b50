# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the API server is and who we are: the connection options of kubernetes.core, resolved.

A kubeconfig with a token or a client certificate in it is read here, because importing the
`kubernetes` package costs about as much time as a whole unchanged task. Whatever needs a program or
a refresh (exec plugins, auth providers, several merged files, a pod's service account) is left to
that package.
"""

from __future__ import annotations

import base64
import dataclasses
import os
import typing as t

from .._convergence.errors import ConnectionFailed

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping


@dataclasses.dataclass(frozen=True, slots=True)
class Connection:
    """A resolved connection. Certificates and keys are PEM text, `headers` hold the credentials."""

    server: str
    headers: tuple[tuple[str, str], ...] = dataclasses.field(default=(), repr=False)
    ca: str | None = None
    certificate: str | None = None
    key: str | None = dataclasses.field(default=None, repr=False)
    verify: bool = True
    server_name: str | None = None
    proxy: str | None = dataclasses.field(default=None, repr=False)
    proxy_headers: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)


def connect(options: Mapping[str, t.Any]) -> Connection:
    """Resolve the connection options; an explicit option wins over the kubeconfig.

    Raises ConnectionFailed with the file and the entry that is missing or unreadable.
    """
    host = options.get("host")
    alone = host and not options.get("kubeconfig") and not options.get("context")
    base = Connection(server=host) if host and alone else _from_kubeconfig(options)
    headers = list(base.headers)
    if options.get("api_key"):
        headers = [("Authorization", _bearer(options["api_key"]))]
    elif options.get("username") and options.get("password"):
        headers = [("Authorization", _basic(options["username"], options["password"]))]
    if options.get("impersonate_user"):
        headers.append(("Impersonate-User", options["impersonate_user"]))
    headers += [("Impersonate-Group", group) for group in options.get("impersonate_groups") or ()]
    for name, value in headers:
        if not (value.isascii() and value.isprintable()):
            # said here, because the HTTP library's own error shows the whole header
            text = f"what is to be sent as {name} holds a line break or another character that no header may"
            raise ConnectionFailed(text)
    verify = options.get("validate_certs")
    return Connection(
        server=(host or base.server).rstrip("/"),
        headers=tuple(headers),
        ca=_file(options.get("ca_cert"), "ca_cert") or base.ca,
        certificate=_file(options.get("client_cert"), "client_cert") or base.certificate,
        key=_file(options.get("client_key"), "client_key") or base.key,
        verify=base.verify if verify is None else verify,
        server_name=base.server_name,
        proxy=_proxy(options, base),
        proxy_headers={
            name: value for name, value in (options.get("proxy_headers") or {}).items() if value is not None
        },
    )


def _from_kubeconfig(options: Mapping[str, t.Any]) -> Connection:
    given = options.get("kubeconfig")
    if isinstance(given, dict):
        return _entry(given, options, base="")
    path = given or os.environ.get("KUBECONFIG") or "~/.kube/config"
    if os.pathsep in path or (not given and "KUBERNETES_SERVICE_HOST" in os.environ):
        return _by_library(options)
    path = os.path.expanduser(path)
    text = _file(path, "kubeconfig")
    try:
        import yaml
    except ImportError as error:
        raise ConnectionFailed(missing_package("PyYAML", "to read a kubeconfig")) from error
    try:
        document = yaml.safe_load(text or "")
    except yaml.YAMLError as error:
        # the error itself quotes the line, and with it what may be a secret
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise ConnectionFailed(f"kubeconfig {path}: not YAML{where}") from None
    if not isinstance(document, dict):
        raise ConnectionFailed(f"kubeconfig {path}: holds no configuration")
    return _entry(document, options, base=os.path.dirname(path))


def _entry(document: Mapping[str, t.Any], options: Mapping[str, t.Any], *, base: str) -> Connection:
    try:
        return _read_entry(document, options, base=base)
    except (AttributeError, TypeError) as error:
        raise ConnectionFailed("this is no kubeconfig: something in it is not of the right kind") from error


def _read_entry(document: Mapping[str, t.Any], options: Mapping[str, t.Any], *, base: str) -> Connection:
    name = options.get("context") or document.get("current-context")
    if not name:
        raise ConnectionFailed("the kubeconfig has no current-context; name one with `context`")
    context = _named(document, "contexts", name, "context")
    cluster = _named(document, "clusters", context.get("cluster"), "cluster")
    user = _named(document, "users", context.get("user"), "user") if context.get("user") else {}
    if "exec" in user or "auth-provider" in user:
        return _by_library(options)
    if not isinstance(cluster.get("server"), str):
        raise ConnectionFailed(f"the kubeconfig's cluster {context['cluster']!r} has no server")
    headers: list[tuple[str, str]] = []
    token = user.get("token") or _file(_beside(base, user.get("tokenFile")), "tokenFile")
    if token:
        headers.append(("Authorization", _bearer(token)))
    elif user.get("username"):
        headers.append(("Authorization", _basic(user["username"], user.get("password", ""))))
    return Connection(
        server=cluster["server"],
        headers=tuple(headers),
        ca=_pem(cluster, "certificate-authority", base),
        certificate=_pem(user, "client-certificate", base),
        key=_pem(user, "client-key", base),
        verify=not cluster.get("insecure-skip-tls-verify", False),
        server_name=cluster.get("tls-server-name"),
        proxy=cluster.get("proxy-url"),
    )


def _by_library(options: Mapping[str, t.Any]) -> Connection:
    try:
        import kubernetes.client
        import kubernetes.config
    except ImportError as error:
        raise ConnectionFailed(missing_package("kubernetes", "for this kind of login")) from error
    settings = kubernetes.client.Configuration()
    given, context = options.get("kubeconfig") or os.environ.get("KUBECONFIG"), options.get("context")
    persist = bool(options.get("persist_config"))
    try:
        if isinstance(given, dict):
            kubernetes.config.load_kube_config_from_dict(
                given, context=context, client_configuration=settings
            )
        else:
            try:
                kubernetes.config.load_kube_config(
                    given, context=context, client_configuration=settings, persist_config=persist
                )
            except kubernetes.config.ConfigException:
                if given:
                    raise
                kubernetes.config.load_incluster_config(client_configuration=settings)
    except kubernetes.config.ConfigException as error:
        raise ConnectionFailed(f"no usable login: {error}") from error
    token = settings.get_api_key_with_prefix("authorization") or settings.get_api_key_with_prefix(
        "BearerToken"
    )
    if not token and not settings.cert_file:  # the package only logs that a login program failed
        raise ConnectionFailed("no usable login: the kubeconfig's login program or provider gave none")
    return Connection(
        server=settings.host,
        headers=(("Authorization", token),) if token else (),
        ca=_file(settings.ssl_ca_cert, "the kubeconfig's CA"),
        certificate=_file(settings.cert_file, "the kubeconfig's client certificate"),
        key=_file(settings.key_file, "the kubeconfig's client key"),
        verify=settings.verify_ssl,
        server_name=getattr(settings, "tls_server_name", None),
        proxy=settings.proxy,
    )


def _named(document: Mapping[str, t.Any], section: str, name: t.Any, what: str) -> Mapping[str, t.Any]:
    for entry in document.get(section) or ():
        if entry.get("name") == name:
            return entry.get(what) or {}
    raise ConnectionFailed(f"the kubeconfig has no {what} {name!r}; see its {section}")


def _pem(entry: Mapping[str, t.Any], key: str, base: str) -> str | None:
    data = entry.get(f"{key}-data")
    if data:
        try:
            return base64.b64decode("".join(str.split(data)), validate=True).decode()
        except (TypeError, ValueError) as error:
            raise ConnectionFailed(f"the kubeconfig's {key}-data is not base64 of a PEM text") from error
    return _file(_beside(base, entry.get(key)), key)


def _beside(base: str, path: str | None) -> str | None:
    return os.path.join(base, path) if path else None


def _file(path: str | None, what: str) -> str | None:
    if not path:
        return None
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise ConnectionFailed(f"{what}: cannot read {path}: {reason}") from error


def _bearer(token: str) -> str:
    return f"Bearer {token.strip()}"


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _proxy(options: Mapping[str, t.Any], base: Connection) -> str | None:
    excluded = [
        part.strip().lstrip(".") for part in (options.get("no_proxy") or "").split(",") if part.strip()
    ]
    host = base.server.split("://", 1)[-1].split("/", 1)[0].rsplit(":", 1)[0]
    if any(part == "*" or host == part or host.endswith(f".{part}") for part in excluded):
        return None
    return options.get("proxy") or base.proxy


def missing_package(package: str, purpose: str) -> str:
    return (
        f"the Python package {package} is needed {purpose} and is not installed for the interpreter that "
        f"runs this module; install it there (pip install {package})"
    )
