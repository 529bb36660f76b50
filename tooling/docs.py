# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""``python -m tooling.docs``: write the documentation that is made of the tables."""

from __future__ import annotations

import sys

from tests.collection_path import ROOT, activate


def main() -> int:
    """Write docs/kinds/ and docs/inside/."""
    activate()
    from tooling import inside, kinds  # which import the collection

    for folder, pages in ((kinds.PAGES, kinds.pages()), (inside.PAGES, inside.pages())):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            (folder / name).write_text(text)
            print((folder / name).relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
