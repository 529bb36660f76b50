# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""What the sessions of noxfile.py are made of. Nothing here is part of the collection or of its tests."""
