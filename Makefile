# Two commands do everything on a fresh clone: make run, make test.
PYTHON ?= python3.11
BIN := .venv/bin
WEB := web/node_modules/.installed
.DEFAULT_GOAL := help
.PHONY: help setup run test web web-dev web-check web-test screenshots test-lowest test-newest test-llama soak soak-postgres histories golden bench bench-quick profile check format lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 13

run: setup page ## serve on 127.0.0.1:8000 (HOST, PORT and .env are honoured)
	@$(BIN)/seltzer serve --app app.main:app

test: .venv/.dev web-test programs ## run the tests
	@$(BIN)/pytest -n 2 $(ARGS)

test-lowest: .venv-lowest/.done ## run the core of the tests with the lowest versions of what Seltzer needs
	@.venv-lowest/bin/python -m pytest -n 2 $(CORE) $(ARGS)

test-newest: .venv-newest/.done ## run the core of the tests with the newest versions there are
	@.venv-newest/bin/python -m pytest -n 2 $(CORE) $(ARGS)

test-llama: .venv/.dev .venv-llama/.done ## run models on llama.cpp's own server (builds it once: half an hour or more)
	@LLAMA_PYTHON=$(CURDIR)/.venv-llama/bin/python $(BIN)/pytest tests/llama $(ARGS)

soak: .venv/.dev ## kill a server at 50 seeded moments
	@KILL_SEEDS=50 $(BIN)/pytest -n 2 tests/e2e/test_kill.py $(ARGS)

soak-postgres: .venv/.dev nginx pgbouncer ## kill, stop and drain three servers and their database at 60 seeded moments
	@STORM_SEEDS=50 $(BIN)/pytest tests/e2e/postgres/test_storm.py $(ARGS)

check: $(WEB) .venv/.dev web-check ## format, lint, types, imports
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

web: .venv/.run ## build the page anew
	@rm -rf seltzer/static && SELTZER_BUILD_PAGE=required $(BIN)/python web/hatch_build.py

web-dev: $(WEB) ## work on the page: Vite's server, before a Seltzer that runs on 8000 (or SELTZER_URL)
	@cd web && npm run dev

web-check: $(WEB) ## format, lint and types of the page
	@[ ! -e $(WEB) ] || { cd web && npm run --silent check; }

web-test: $(WEB) page ## the page's own tests
	@[ ! -e $(WEB) ] || { cd web && npm run --silent test; }

screenshots: .venv/.dev page browser ## make pictures of the page's states in screenshots/, to look at (SCREENSHOTS_DOCS=1: and those of the docs)
	@$(BIN)/pytest -q tests/web/screenshots.py $(ARGS)

histories: .venv/.dev ## do random things to a thread, 1,500 times over, and compare it with a model (an hour)
	@HISTORIES_SEEDS=1500 $(BIN)/pytest -n 2 tests/runs/histories $(ARGS)

golden: .venv/.dev ## record the golden logs of events anew; review the difference
	@GOLDEN=record $(BIN)/pytest tests/golden $(ARGS)

bench: .venv/.dev bench/.build/load bench/.build/upstream ## measure, print the table, store and compare it (half an hour or more)
	@$(BIN)/python -m bench.run $(ARGS)

bench-quick: .venv/.dev bench/.build/load bench/.build/upstream ## the main figures, within two minutes
	@$(BIN)/python -m bench.run --quick $(ARGS)

profile: .venv/.dev bench/.venv/.done bench/.build/load bench/.build/upstream ## where a token's time goes on the server
	@$(BIN)/python -m bench.profile $(ARGS)

setup: .venv/.run ## make .venv with the `seltzer` command

format: .venv/.dev $(WEB) ## format and sort
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .
	@[ ! -e $(WEB) ] || { cd web && npm run --silent format; }

lock: .venv/.dev ## renew the pinned requirements
	@$(BIN)/pip-compile $(LOCK) --extra build --extra fast -o requirements.lock pyproject.toml
	@$(BIN)/pip-compile $(LOCK) --extra build --extra fast --extra test --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml
	@$(BIN)/pip-compile $(LOCK) -o web/requirements.lock web/requirements.in

LOCK := --quiet --generate-hashes --strip-extras --allow-unsafe --no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# The core is where Seltzer meets its libraries: LangGraph (what is run, its answers, errors and questions), its
# checkpoints, LangChain's and OpenAI's models, FastAPI and LangServe (each protocol's exam, a RemoteRunnable), the
# graphs that are loaded and those of this repository. What stands on our own code alone isn't in it. Tests of what
# an older library lacks skip themselves.
CORE := $(addprefix tests/,models/openai models/test_choice.py interop/test_python_remote.py \
	$(addprefix runs/,execution/test_answers.py execution/test_graph_driver.py test_failure.py test_graph_errors.py test_interrupts.py) \
	$(addprefix protocols/,test_exam.py test_plain_ways.py) \
	$(addprefix stores/,test_event_log.py test_runs.py checkpoints/test_durability.py checkpoints/test_state_types.py sqlite/test_checkpoints.py) \
	$(addprefix catalog/,test_loading.py test_states.py test_factories.py) \
	$(addprefix graphs/,test_agent.py test_approval.py))

.venv-lowest/.done: pyproject.toml .ci/floors
	@echo "installing the lowest versions of what Seltzer needs into .venv-lowest"
	@$(PYTHON) -m venv --clear .venv-lowest
	@$(PYTHON) .ci/floors > .venv-lowest/floors.txt
	@SELTZER_BUILD_PAGE=off .venv-lowest/bin/python -m pip --disable-pip-version-check --quiet install -c .venv-lowest/floors.txt -e '.[test]'
	@touch $@

.venv-newest/.done: pyproject.toml
	@echo "installing the newest versions of what Seltzer needs into .venv-newest"
	@$(PYTHON) -m venv --clear .venv-newest
	@.venv-newest/bin/python -m pip --disable-pip-version-check --quiet install -e '.[fast,test]'
	@touch $@

.venv-llama/.done: tests/llama/requirements.txt
	@command -v g++ >/dev/null || { echo "g++ isn't there: llama.cpp is built with it"; exit 1; }
	@echo "building llama.cpp into .venv-llama (once, half an hour or more)"
	@$(PYTHON) -m venv --clear .venv-llama
	@.venv-llama/bin/python -m pip --disable-pip-version-check --quiet install cmake ninja
	@PATH="$(CURDIR)/.venv-llama/bin:$$PATH" CMAKE_ARGS="-DLLAVA_BUILD=OFF" \
		.venv-llama/bin/python -m pip --disable-pip-version-check --quiet install -r tests/llama/requirements.txt
	@touch $@

.venv/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) isn't there: install Python 3.11, or name another by PYTHON=.."; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/.run: requirements.lock pyproject.toml | .venv/bin/python
	@echo "installing what Seltzer needs into .venv (once, a minute or two)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(BIN)/python web/hatch_build.py
	@SELTZER_BUILD_PAGE=off $(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.run
	@echo "installing what the tests need into .venv (once, a minute or two)"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: page
page: .venv/.run # the page, of the sources that are there; a server runs without it, too
	@$(BIN)/python web/hatch_build.py

$(WEB): web/package-lock.json
	@command -v npm >/dev/null || { echo "no npm: the page's checks and tests are skipped"; test -z "$$CI"; exit; }; \
		echo "installing what the page is made of (once)"; \
		cd web && npm ci --silent --ignore-scripts && touch node_modules/.installed \
		|| { echo "it could not be installed: the page's checks and tests are skipped"; test -z "$$CI"; }

bench/.build/%: bench/%.c
	@command -v gcc >/dev/null || { echo "gcc isn't there: the load generator and the upstream are built with it"; exit 1; }
	@mkdir -p $(@D) && gcc -O2 -Wall -Wextra -o $@ $<

bench/.venv/.done: bench/requirements.txt
	@$(PYTHON) -m venv bench/.venv && bench/.venv/bin/python -m pip --disable-pip-version-check --quiet install -r $<
	@touch $@

.PHONY: programs
programs: browser nginx caddy pgbouncer js-clients # what the tests run beside Python, one after the other: apt has one lock

.PHONY: browser
browser: # Debian's Chromium, for the playgrounds' tests, where it can be installed
	@tests/install-chromium

.PHONY: nginx
nginx: # Debian's nginx, for the proxy's tests, where it can be installed
	@tests/install-nginx

.PHONY: caddy
caddy: # Debian's Caddy, likewise
	@tests/install-caddy

.PHONY: pgbouncer
pgbouncer: # Debian's PgBouncer, for the Postgres store's tests, where it can be installed
	@tests/install-pgbouncer

.PHONY: js-clients
js-clients: # the JavaScript clients of tests/interop, where there is npm
	@command -v npm >/dev/null || { echo "no npm: the JavaScript clients' tests are skipped"; exit 0; }; $(MAKE) -s $(JS)/.package-lock.json

JS := tests/interop/js/node_modules
$(JS)/.package-lock.json: tests/interop/js/package-lock.json
	@echo "installing the JavaScript clients for the tests (once)"
	@cd tests/interop/js && npm ci --silent --no-audit --no-fund && touch node_modules/.package-lock.json || echo "they could not be installed: their tests are skipped"

clean: ## remove what the targets made
	@rm -rf .venv .venv-lowest .venv-newest .venv-llama bench/.venv bench/.build web/node_modules seltzer/static .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage dist
