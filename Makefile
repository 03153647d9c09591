# Two commands set everything up: `make demo` and `make test`. All of it lives in .venv and data/.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo dev test lint clean

help:  ## What there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

setup: $(READY)  ## .venv from requirements.lock

# uv, itself from the lock, installs the rest in seconds; `sync` also removes what the lock no longer has. Bytecode is
# compiled once here: where Python may not write it, each process would compile pandas and the like anew (2 s).
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements.lock)"
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: $(READY)  ## The sample catalog, from feeds to listings, dataset, Modelfiles and report
	$(BIN)/walmart-pipeline run --catalog data/sample

dev: $(READY)  ## Dagster's UI at http://127.0.0.1:3000
	$(BIN)/walmart-pipeline dev

test: $(READY) lint  ## Everything that must hold
	$(BIN)/pytest

lint: $(READY)  ## Format, style, types and the walls between modules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: pyproject.toml  # After a change of dependencies; the lock names no registry.
	$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --extra dev --universal --python-version 3.11 \
		--no-emit-index-url --no-header --output-file requirements.lock

clean:  ## Remove .venv and caches; data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +
