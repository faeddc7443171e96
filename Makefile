# Two commands do everything on a fresh clone: make run, make test.
PYTHON ?= python3.11
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help setup run test soak bench bench-quick profile check format lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

run: setup ## serve on 127.0.0.1:8000 (HOST, PORT and .env are honoured)
	@$(BIN)/seltzer serve

test: .venv/.dev browser ## run the tests
	@$(BIN)/pytest -n 2 $(ARGS)

soak: .venv/.dev ## kill a server at 50 seeded moments
	@KILL_SEEDS=50 $(BIN)/pytest -n 2 tests/e2e/test_kill.py $(ARGS)

check: .venv/.dev ## format, lint, types, imports
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: .venv/.dev bench/.build/load bench/.build/upstream ## measure, print the table, store and compare it (half an hour or more)
	@$(BIN)/python -m bench.run $(ARGS)

bench-quick: .venv/.dev bench/.build/load bench/.build/upstream ## the main figures, within two minutes
	@$(BIN)/python -m bench.run --quick $(ARGS)

profile: .venv/.dev bench/.venv/.done bench/.build/load bench/.build/upstream ## where a token's time goes on the server
	@$(BIN)/python -m bench.profile $(ARGS)

setup: .venv/.run ## make .venv with the `seltzer` command

format: .venv/.dev ## format and sort
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lock: .venv/.dev ## renew the pinned requirements
	@$(BIN)/pip-compile $(LOCK) --extra build -o requirements.lock pyproject.toml
	@$(BIN)/pip-compile $(LOCK) --extra build --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

LOCK := --quiet --generate-hashes --strip-extras --allow-unsafe --no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.venv/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) isn't there: install Python 3.11, or name another by PYTHON=.."; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/.run: requirements.lock pyproject.toml | .venv/bin/python
	@echo "installing what Seltzer needs into .venv (once, a minute or two)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.run
	@echo "installing what the tests need into .venv (once, a minute or two)"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

bench/.build/%: bench/%.c
	@command -v gcc >/dev/null || { echo "gcc isn't there: the load generator and the upstream are built with it"; exit 1; }
	@mkdir -p $(@D) && gcc -O2 -Wall -Wextra -o $@ $<

bench/.venv/.done: bench/requirements.txt
	@$(PYTHON) -m venv bench/.venv && bench/.venv/bin/python -m pip --disable-pip-version-check --quiet install -r $<
	@touch $@

.PHONY: browser
browser: # Debian's Chromium, for the playgrounds' tests, where it can be installed
	@tests/install-chromium

clean: ## remove what the targets made
	@rm -rf .venv bench/.venv bench/.build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage dist
