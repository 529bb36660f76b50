# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""``python -m tests.demo``: exit 0 when everything was as told, 1 when not, 130 after Ctrl-C."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys

from tests.demo.producers import ProducerError
from tests.demo.story import NotAsTold, Story
from tests.demo.terminal import say, style
from tests.lab import labs
from tests.lab.client import ApiError
from tests.lab.labs import LabError, LabOptions
from tests.lab.standin.control import ControlError


def main() -> int:
    """Tell the story on a lab that ends with it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for client in ("kafka", "nats", "pika"):  # lost connections are part of the story
        logging.getLogger(client).setLevel(logging.CRITICAL)
    name = f"demo-{os.getpid()}"
    try:
        Story(lambda: labs.start(LabOptions(name=name, owner_pid=os.getpid()))).tell()
    except KeyboardInterrupt:
        say(f"\n{style('Stopped.', 'yellow')} The test bed is being taken down.")
        return 130
    except (NotAsTold, ProducerError, LabError, ControlError, ApiError, subprocess.TimeoutExpired) as error:
        say(f"  {style('✗', 'red')} {error}")
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        labs.down(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
