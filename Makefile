# `make` alone lists the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null)

.PHONY: help run setup test test-core fuzz faults soak golden bench audit lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/run.stamp ## a market to look at, with servers of its own (DEMO_SECONDS=20 stops by itself)
	@$(BIN)/pitboss run --demo

setup: .venv/dev.stamp ## everything needed to work on the code, in .venv

test: .venv/dev.stamp ## all that must hold: lint, types, every test (minutes)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

test-core: .venv/dev.stamp ## the matching and risk core alone (seconds)
	$(BIN)/pytest tests/core

fuzz: .venv/dev.stamp ## the core's properties against their oracles, with fresh seeds (long)
	HYPOTHESIS_PROFILE=long $(BIN)/pytest tests/core tests/golden tests/test_*.py -m "long or not long"

faults: .venv/dev.stamp ## attack the running line, one table at the end (FAULT_SEED=… FAULT_KILLS=… FAULT_CUTS=… FAULT_TAKEOVERS=…; long)
	$(BIN)/pytest tests/line tests/faults -m "long or not long"

soak: .venv/dev.stamp ## ten million commands, and memory that must stand still (SOAK_COMMANDS=…; hours)
	$(BIN)/python -m tests.faults.soak

golden: .venv/dev.stamp ## record what a new logic version says; see tests/golden
	$(BIN)/python -m tests.golden.record

bench: .venv/dev.stamp ## orders per second, beside the yardsticks
	$(BIN)/pitboss bench

audit: ## known vulnerabilities of what is locked, by pip-audit (needs the network)
	@[ -x .venv/audit/bin/pip-audit ] || { python3 -m venv .venv/audit && .venv/audit/bin/pip install --quiet pip-audit; }
	.venv/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements/dev.txt

lock: ## renew requirements/*.txt from requirements/*.in (needs uv)
	for name in run dev; do \
	  uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
	    requirements/$$name.in --output-file requirements/$$name.txt; \
	done

clean: ## remove the environment, caches and build leftovers (never the daemon's state)
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment is redone only when its lock changed. uv is quicker; where it is missing, or cannot
# reach an index that pip is configured for, venv and pip give the same result from the same lock.
.venv/%.stamp: requirements/%.txt pyproject.toml
	@echo "setting up .venv from $< (once)"
	@if [ -n "$(UV)" ] \
	  && { [ -x $(BIN)/python ] || "$(UV)" venv --quiet --python python3 .venv; } \
	  && "$(UV)" pip install --quiet --python $(BIN)/python --require-hashes -r $< \
	  && "$(UV)" pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	then :; else \
	  python3 -c 'import sys; sys.exit("pitboss needs Python 3.11 or newer, see README.md" if sys.version_info < (3, 11) else 0)'; \
	  [ -x $(BIN)/pip ] || python3 -m venv .venv; \
	  $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<; \
	  $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
	@touch $@
