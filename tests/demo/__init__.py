# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The main job, told as a story on a test bed of its own: ``make demo``."""
