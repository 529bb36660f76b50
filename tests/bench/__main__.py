# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""``python -m tests.bench [--quick]``: exit 0 when everything was measured, whatever the figures are."""

from __future__ import annotations

import argparse
import os
import signal
import sys

from tests.bench import cases, report
from tests.collection_path import BUILD
from tests.lab import labs
from tests.lab.labs import LabOptions

REPORT = BUILD / "bench" / "report.json"


def main() -> int:
    """Measure on a lab that ends with it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=cases.__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer clusters, fewer repetitions")
    scale = cases.QUICK if parser.parse_args().quick else cases.FULL
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    name = f"bench-{os.getpid()}"
    rows: list[report.Row] = []
    try:
        lab = labs.start(LabOptions(name=name, owner_pid=os.getpid()))
        rows.extend(cases.Bench(lab, scale, lambda text: print(text, flush=True)).rows())
    except KeyboardInterrupt:
        return 130
    except (cases.BenchError, labs.LabError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        labs.down(name)
    report.write(REPORT, rows)
    print(f"\n{report.table(rows)}\n\n{REPORT.relative_to(BUILD.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
