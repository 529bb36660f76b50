# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
#
# The front door. Each target is a session of noxfile.py; ARGS are handed on: make lint ARGS="ruff mypy"

NOX := scripts/nox --session
ARGS ?=
PASS = $(if $(strip $(ARGS)),-- $(ARGS))

.DEFAULT_GOAL := help
.PHONY: help demo test test-full molecule lint format docs coverage bench lab-up lab-down lab-status lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## the main job on a test bed of its own: create, check mode, scale, delete real clusters
	@$(NOX) demo $(PASS)

test: ## what matters for every change; ends with a table of minutes
	@$(NOX) test $(PASS)

test-full: ## everything: all faults, all scenarios, all supported versions of ansible-core
	@$(NOX) test_full $(PASS)

molecule: ## all scenarios; MOLECULE_CLUSTER=kind runs them on kind
	@$(NOX) molecule $(PASS)

lint: ## every static check, ansible-test sanity among them
	@$(NOX) lint $(PASS)

format: ## write all Python as ruff wants it
	@$(NOX) format $(PASS)

docs: ## write docs/kinds/, the pages that are made of the tables
	@$(NOX) docs

coverage: ## what the tests reach of plugins/; the pages are in build/coverage/html
	@$(NOX) coverage $(PASS)

bench: ## measure; the figures go to build/bench/report.json
	@$(NOX) bench $(PASS)

lab-up: ## start a test bed that stays (ARGS="--help" tells what it can be)
	@$(NOX) lab -- up $(ARGS)

lab-down: ## end it
	@$(NOX) lab -- down $(ARGS)

lab-status: ## what is running
	@$(NOX) lab -- status $(ARGS)

lock: ## pin requirements/*.in anew (ARGS="--upgrade" takes the newest versions)
	@$(NOX) lock $(PASS)

clean: ## remove what was made in the repository; the cache folder (BROKEROPS_CACHE) stays
	@rm -rf build .ansible tests/output
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
