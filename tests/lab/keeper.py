# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""Keeps one server of a lab running, as a kubelet keeps a container: what ends by itself, or no longer
answers, is started again, and that is written down.

``python -m tests.lab.keeper [--probe URL] RESTARTS COMMAND...`` ends with its command's status if that ends
within seconds of the first start (it cannot work at all), and with SIGTERM, which it passes on.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import http.client
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Sequence
from pathlib import Path

HOPELESS_SECONDS = 5.0
"""Who ends before this, counted from the first start, is not started again."""
PAUSE_SECONDS = 1.0
PROBE_SECONDS = 10.0
PROBES = 3
"""So many unanswered probes in a row, and the server is killed."""


def answers(url: str, timeout: float = PROBE_SECONDS) -> bool:
    """Whether anything answers a GET of ``url`` (https), be it a refusal."""
    parts = urllib.parse.urlsplit(url)
    unverified = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection(
        parts.hostname or "", parts.port, timeout=timeout, context=unverified
    )
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status > 0
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Keeper:
    """One server.

    :param restarts: gets a line for each start after the first one
    :param probe: an https address that the server answers, or None
    """

    def __init__(self, command: Sequence[str], restarts: Path, probe: str | None) -> None:
        self._command = command
        self._restarts = restarts
        self._probe = probe
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def stop(self, *_signal: object) -> None:
        """Pass the end on."""
        self._stopping.set()
        if self._child:
            with contextlib.suppress(ProcessLookupError):
                self._child.terminate()

    def run(self) -> int:
        """Until the server may end; its status."""
        began = time.monotonic()
        while True:
            self._child = subprocess.Popen(self._command)
            if self._stopping.is_set():  # it came before there was a child to end
                self._child.terminate()
            why = self._watch(self._child)
            status = self._child.wait()
            if self._stopping.is_set() or time.monotonic() - began < HOPELESS_SECONDS:
                return status
            when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            line = f"{when} {Path(self._command[0]).name} {why or f'ended by itself with {status}'}\n"
            with self._restarts.open("a") as notes:
                notes.write(line)
            print(line, end="", flush=True)
            time.sleep(PAUSE_SECONDS)

    def _watch(self, child: subprocess.Popen[bytes]) -> str:
        """Returns when the child ended, or was killed: why."""
        silent = 0
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(PROBE_SECONDS)
                return ""
            if self._probe is None:
                continue
            silent = 0 if answers(self._probe) else silent + 1
            if silent == PROBES:
                child.kill()
                return f"did not answer {PROBES} times"


def main(arguments: Sequence[str] | None = None) -> int:
    """Keep what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.keeper", description=__doc__)
    parser.add_argument("--probe", metavar="URL")
    parser.add_argument("restarts", type=Path)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    keeper = Keeper(options.command, options.restarts, options.probe)
    signal.signal(signal.SIGTERM, keeper.stop)
    return keeper.run()


if __name__ == "__main__":
    sys.exit(main())
