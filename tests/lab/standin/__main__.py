# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""``python -m tests.lab.standin``: the stand-in platform of one lab, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
from pathlib import Path

from tests.lab.standin.kube import Kube
from tests.lab.standin.platform import Platform
from tests.lab.standin.server import serve
from tests.lab.standin.settings import Settings

SOCKET = "control.sock"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.standin", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True, help="of the stand-in's own account")
    parser.add_argument(
        "--state", type=Path, required=True, help="folder for its state, its brokers and its socket"
    )
    parser.add_argument(
        "--lab-number", type=int, required=True, help="0..99: which loopback network is the lab's"
    )
    parser.add_argument(
        "--profile", choices=("current", "older"), default="current", help="which platform is played"
    )
    parser.add_argument(
        "--reconcile-seconds", type=float, default=0.05, help="how long a Helm action takes at least"
    )
    return parser.parse_args()


async def _run(options: argparse.Namespace) -> None:
    settings = Settings(options.reconcile_seconds, options.profile)
    async with Kube(options.kubeconfig) as kube:
        platform = Platform(kube, options.state, options.lab_number, settings)
        work = [
            asyncio.create_task(platform.run()),
            asyncio.create_task(serve(platform, options.state / SOCKET)),
        ]

        def stop() -> None:
            for task in work:
                task.cancel()

        loop = asyncio.get_running_loop()
        for signal_ in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signal_, stop)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*work)
        stop()
        await asyncio.gather(*work, return_exceptions=True)


def main() -> None:
    """Run until a signal ends it."""
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("kafka").setLevel(logging.WARNING)
    options.state.mkdir(parents=True, exist_ok=True)
    asyncio.run(_run(options))


if __name__ == "__main__":
    main()
