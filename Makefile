# hitl-stream. `make run` tries it out, `make test` proves it. Everything is installed into .venv, from the lock files.

VENV := .venv
BIN := $(VENV)/bin
LOCK_OPTIONS := --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# A Python of 3.11 or later that can make virtual environments.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3 python3.14; do \
  $$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
ARGS ?=

.PHONY: run test test-full lint console format faults soak upgrade defects bench bench-sidecar profile schemas lock install clean help

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

run: $(VENV)/.runtime $(VENV)/.console  ## the whole system on this machine, Ctrl-C ends it; ARGS='--data-dir state' keeps its data
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/hitl-stream demo $(ARGS)

test: install $(VENV)/.development lint $(VENV)/.console-checked  ## lint and all tests
	@HITL_TEST_SCALE=$${HITL_TEST_SCALE:-ci} $(BIN)/python -m pytest $(ARGS)

test-full: install $(VENV)/.development lint $(VENV)/.console-checked  ## the same with large sizes; writes reports/test-full.md
	@HITL_TEST_SCALE=full $(BIN)/python -m pytest -o faulthandler_timeout=3600 --report=reports/test-full.md $(ARGS)

lint: $(VENV)/.development  ## ruff, mypy, import-linter
	@failed=; for check in "ruff check ." "ruff format --check ." "mypy" "lint-imports --no-logo"; do \
	  echo "$$check"; $(BIN)/$$check || failed=1; done; test -z "$$failed"

console: $(VENV)/.console-checked  ## types, linter and unit tests of the console, then build it into the package

format: $(VENV)/.development  ## let ruff mend what it can
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

faults: install $(VENV)/.development  ## break everything, again and again; ARGS='--minutes 60 --only "Kafka killed"'
	@$(BIN)/python -m tests.faults.campaign $(ARGS)

soak: install $(VENV)/.development  ## half an hour at a steady rate: does anything grow? ARGS='--minutes 5'
	@$(BIN)/python -m tests.faults.soak $(ARGS)

upgrade: install $(VENV)/.development  ## from release 0.1.0 to here and back, with everything in flight
	@$(BIN)/python -m tests.faults.upgrade $(ARGS)

defects: install $(VENV)/.development  ## products with one defect planted each: every one must be caught
	@$(BIN)/python -m tests.faults.defect $(ARGS)

bench: $(VENV)-bench/.installed  ## the measured claims, against their peers
	@$(VENV)-bench/bin/python -m benchmarks.pipeline $(ARGS)

bench-sidecar: $(VENV)-bench/.installed  ## decisions, reads and live updates; the largest database needs 40 GB and half an hour
	@$(VENV)-bench/bin/python -m benchmarks.sidecar $(ARGS)

profile: $(VENV)-bench/.installed  ## where each microsecond of the worker goes
	@$(VENV)-bench/bin/python -m benchmarks.pipeline.profile $(ARGS)

schemas: $(VENV)/.runtime  ## write schemas/ anew from the models
	@$(BIN)/python -m hitl_stream.contract.schema --write schemas
	@$(BIN)/python -m hitl_stream.sidecar.openapi --write .

install:
	@bash tests/harness/install.sh

lock:  ## resolve the locks anew; needs uv
	uv pip compile pyproject.toml --extra demo --extra tracing --group build $(LOCK_OPTIONS) -o requirements.lock
	uv pip compile pyproject.toml --extra demo --extra tracing --extra test --extra lint --group build -c requirements.lock $(LOCK_OPTIONS) -o requirements-dev.lock
	uv pip compile pyproject.toml --extra demo --extra tracing --extra bench --group build -c requirements.lock $(LOCK_OPTIONS) -o requirements-bench.lock
	uv pip compile benchmarks/quix.in --python-version 3.11 $(LOCK_OPTIONS) -o benchmarks/quix.lock

CONSOLE := $(shell find console/src console/public -type f 2>/dev/null) $(wildcard console/*.*)

# Without Node and without the way to it everything but the console works.
$(VENV)/.console: $(CONSOLE) | $(VENV)/.runtime
	@echo "Building the console …"
	@if console/build.sh; then touch $@; else echo "The console could not be built: there is only the API." >&2; fi

$(VENV)/.console-checked: $(CONSOLE) | $(VENV)/.development
	@console/build.sh --check
	@touch $@ $(VENV)/.console

clean:  ## remove what the other targets made
	rm -rf $(VENV) $(VENV)-bench console/node_modules hitl_stream/console .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info dist build

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later with venv is needed (Debian: apt-get install python3-venv)" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV) …"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-index --no-build-isolation --editable .
	@touch $@

$(VENV)/.development: requirements-dev.lock requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV) …"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-index --no-build-isolation --editable .
	@touch $@ $(VENV)/.runtime

$(VENV)-bench/.installed: requirements-bench.lock benchmarks/quix.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later with venv is needed" >&2; exit 2; }
	@echo "Installing into $(VENV)-bench …"
	@$(PYTHON) -m venv $(VENV)-bench
	@$(VENV)-bench/bin/python -m pip install --quiet --require-hashes -r requirements-bench.lock
	@$(VENV)-bench/bin/python -m pip install --quiet --no-deps --no-index --no-build-isolation --editable .
	@$(PYTHON) -m venv $(VENV)-bench/quix
	@$(VENV)-bench/quix/bin/python -m pip install --quiet --require-hashes -r benchmarks/quix.lock
	@touch $@
