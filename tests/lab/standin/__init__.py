# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""The stand-in platform: plays Flux's helm-controller, the three charts and their operators.

It watches the HelmReleases that the real Cozystack API server makes, writes what a tenant would see through
the real Kubernetes API, and runs real brokers underneath. :mod:`tests.lab.standin.traps` lists what it
does on purpose that looks like a mistake.
"""
