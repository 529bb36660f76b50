# Copyright (c) 2026 The brokerops.messaging authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of managed applications, by name. A kind's tables are loaded when they are first asked for:
Ansible compiles a module and all that it imports anew for every task, and a task is about one kind.
"""

from __future__ import annotations

import collections.abc
import functools
import typing as t

from .application import Application


def _kafka() -> Application:
    from .kafka.application import APPLICATION

    return APPLICATION


def _rabbitmq() -> Application:
    from .rabbitmq.application import APPLICATION

    return APPLICATION


def _nats() -> Application:
    from .nats.application import APPLICATION

    return APPLICATION


_LOADERS: t.Mapping[str, t.Callable[[], Application]] = {
    "kafka": functools.cache(_kafka),
    "rabbitmq": functools.cache(_rabbitmq),
    "nats": functools.cache(_nats),
}


class _Applications(collections.abc.Mapping[str, Application]):
    def __getitem__(self, name: str) -> Application:
        return _LOADERS[name]()

    def __iter__(self) -> t.Iterator[str]:
        return iter(_LOADERS)

    def __len__(self) -> int:
        return len(_LOADERS)


APPLICATIONS: t.Mapping[str, Application] = _Applications()
