# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The test bed: a real Kubernetes API, the real Cozystack API, a stand-in platform, real brokers.

``python -m tests.lab --help`` is the command line, :mod:`tests.lab.labs` the same for programs,
:mod:`tests.lab.fixtures` the same for pytest.
"""
