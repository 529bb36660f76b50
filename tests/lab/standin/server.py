# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The control API: settings, faults and views for the test bed, on a Unix socket that only its owner may
use.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from tests.lab.brokers.api import BrokerError
from tests.lab.standin.faults import cause
from tests.lab.standin.platform import Platform, RefusedError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_PLATFORM: Final = web.AppKey("platform", Platform)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (RefusedError, ValueError, KeyError) as error:
        return web.json_response({"error": str(error)}, status=400)
    except BrokerError as error:
        return web.json_response({"error": str(error)}, status=502)


async def _status(request: web.Request) -> web.Response:
    return web.json_response(request.app[_PLATFORM].status())


async def _clusters(request: web.Request) -> web.Response:
    found = list(request.app[_PLATFORM].clusters.values())
    return web.json_response([await cluster.view(detailed=False) for cluster in found])


async def _cluster(request: web.Request) -> web.Response:
    where = request.match_info
    cluster = request.app[_PLATFORM].find(where["namespace"], where["app"], where["name"])
    return web.json_response(await cluster.view())


async def _login(request: web.Request) -> web.Response:
    where, body = request.match_info, await request.json()
    cluster = request.app[_PLATFORM].find(where["namespace"], where["app"], where["name"])
    truth = cluster.state.truth
    works = truth.get("open", False) or truth.get("users", {}).get(body["user"]) == body["password"]
    return web.json_response({"works": works})


async def _settings(request: web.Request) -> web.Response:
    platform = request.app[_PLATFORM]
    changes: dict[str, Any] = await request.json()
    platform.settings.change(changes)
    platform.freeze(platform.settings.frozen)
    for cluster in platform.clusters.values():
        cluster.touch()  # a trap that is gone may set something free
    return web.json_response(platform.settings.view())


async def _fault(request: web.Request) -> web.Response:
    await cause(request.app[_PLATFORM], await request.json())
    return web.json_response({})


async def _forget(request: web.Request) -> web.Response:
    await request.app[_PLATFORM].forget((await request.json())["namespace"])
    return web.json_response({})


async def serve(platform: Platform, socket: Path) -> None:
    """Serve until cancelled; the socket is there as soon as requests are answered."""
    app = web.Application(middlewares=[_errors])
    app[_PLATFORM] = platform
    app.add_routes(
        [
            web.get("/status", _status),
            web.get("/clusters", _clusters),
            web.get("/clusters/{namespace}/{app}/{name}", _cluster),
            web.post("/clusters/{namespace}/{app}/{name}/login", _login),
            web.post("/settings", _settings),
            web.post("/fault", _fault),
            web.post("/forget", _forget),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    socket.unlink(missing_ok=True)
    before = os.umask(0o077)
    try:
        await web.UnixSite(runner, str(socket)).start()
    finally:
        os.umask(before)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
        socket.unlink(missing_ok=True)
