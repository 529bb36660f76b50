# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""``python -m tooling.docs``: write the documentation that is made of the tables."""

from __future__ import annotations

import sys

from tests.collection_path import ROOT, activate


def main() -> int:
    """Write docs/kinds/."""
    activate()
    from tooling import kinds  # which imports the collection

    kinds.PAGES.mkdir(parents=True, exist_ok=True)
    for name, text in kinds.pages().items():
        (kinds.PAGES / name).write_text(text)
        print((kinds.PAGES / name).relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
