# `make demo` and `make test` set everything up. All of it lives in .venv and data/.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

# Set where images are built; here it would have each process of the demo and of the tests compile the package anew (2 s).
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo dev studio check test test-scale docs lock clean

help:  ## List these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

setup: $(READY)  ## Install requirements.lock into .venv

# uv, itself from the lock, installs the rest in seconds; `sync` also removes what the lock no longer has. Bytecode is
# compiled once here: where Python may not write it, each process would compile pandas and the like anew (2 s).
# The weights go in without their dependencies, which would compile llama.cpp.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements.lock)"
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --group weights
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
# Dagster's own commands read .env: with this they use the instance of the default workspace, not a throwaway one.
	@grep -qs '^DAGSTER_HOME=' .env || echo 'DAGSTER_HOME="$${DAGSTER_HOME:-$(CURDIR)/data/dagster_home}"' >> .env
	@touch $(READY)

demo: $(READY)  ## Run the sample catalog, from feeds to listings, dataset, Modelfiles and report
	$(BIN)/walmart-pipeline run --catalog data/sample

dev: $(READY)  ## Start Dagster's UI at http://127.0.0.1:3000
	$(BIN)/walmart-pipeline dev

studio: $(READY)  ## Start the Studio at http://127.0.0.1:8501
	$(BIN)/walmart-pipeline studio

check: $(READY)  ## Check format, style, types, layers and what Dagster loads, in seconds
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/dg check defs

# One process more than cores: those of the daemon, the UI and the browsers wait most of their time.
test: check  ## Run `check` and every test, in a process more than there are cores
	$(BIN)/pytest -n $$($(BIN)/python -c 'import os; print(min(8, 1 + os.cpu_count()))') --dist worksteal -m "not scale"

test-scale: $(READY)  ## Run the tests of a lake, and a night on workers with a queue in Redis (Debian: redis-server)
	$(BIN)/pytest -m scale

docs: $(READY)  ## Draw the picture in docs/ARCHITECTURE.md
	$(BIN)/python docs/picture.py

lock: $(READY)  ## Resolve the newest dependencies into requirements.lock
	$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --extra dev --universal --python-version 3.11 \
		--no-emit-index-url --no-header --output-file requirements.lock

clean:  ## Remove .venv and caches, but no data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +
