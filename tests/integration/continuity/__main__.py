# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""``python -m tests.integration.continuity``: the table of docs/continuity.md, of what was measured last."""

from __future__ import annotations

from tests.collection_path import activate


def main() -> None:
    """Write the table."""
    activate()
    from tests.integration.continuity.table import write  # which imports the collection

    write()


if __name__ == "__main__":
    main()
