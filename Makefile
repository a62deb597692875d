# Lion Rock. `make demo` and `make test` are all the set-up a fresh machine needs.

# The fastest there is; what its choice costs is spent only when .venv is made.
PYTHON ?= $(shell python3 tools/interpreter.py || echo python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo up test test-city test-interop test-crash crash bench check format lock debian clean

help: ## show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	@if ! test -x $(BIN)/python; then \
		python=$(PYTHON); \
		command -v $$python >/dev/null || { echo "Python is missing: install Python 3.11 or newer (Debian: apt-get install python3 python3-venv)"; exit 1; }; \
		$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, this is $$($$python --version); set PYTHON=/path/to/python3.11"; exit 1; }; \
		$$python -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing (Debian: apt-get install python3-venv)"; exit 1; }; \
		$$python -m venv $(VENV); \
	fi
	@echo "installing the locked dependencies into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

install: $(STAMP) ## install the locked dependencies into .venv

demo: $(STAMP) ## run the whole journey on a temporary city (under a minute)
	@$(BIN)/lionrock demo

up: $(STAMP) ## start the sandbox and leave it running
	@$(BIN)/lionrock up

# One more than cores: crash and timer tests wait on real time, and others use it.
WORKERS ?= $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) + 1 )))

test: $(STAMP) ## run the tests on a real PostgreSQL
	@$(BIN)/python -m pytest -n $(WORKERS) -m "not interop and not slow and not city"

test-city: $(STAMP) ## run the tests that start whole cities, kill processes and run benches
	@$(BIN)/python -m pytest -n 2 -m "city and not interop and not slow"

test-interop: $(STAMP) debian ## run what needs a browser, Node or Debian's tools (installs them)
	@command -v npm >/dev/null || { echo "Node.js and npm are missing (Debian: apt-get install nodejs npm)"; exit 1; }
	@cd tests/interop && npm ci --silent --no-audit --no-fund
	@$(BIN)/python -m pytest -m interop

test-crash: $(STAMP) ## the long forms of the crash, soak, fuzz and journey tests
	@$(BIN)/python -m pytest -m "slow and not interop"

# How long `make crash` kills the processes of each of its three tests.
SECONDS ?= 600

crash: $(STAMP) ## kill every process of the ledger and of the switch for SECONDS (600) each; prints the counts
	@SECONDS=$(SECONDS) $(BIN)/python -m pytest -q -s -m slow --timeout=0 \
	  tests/crash/ledger/test_bank.py::test_a_bank_killed_for_ten_minutes_loses_and_doubles_nothing \
	  tests/crash/payments/test_switch_killed.py::test_payments_between_banks_survive_ten_minutes_of_deaths \
	  tests/crash/payments/test_families_killed.py::test_debits_recalls_and_requests_survive_ten_minutes_of_deaths

# Which benches; without: all of tools/benchmark_plan.py.
ONLY ?=

bench: $(STAMP) ## run every bench in turn into docs/benchmarks.md (about 90 min; ONLY="ledger token" for some)
	@$(BIN)/python tools/benchmarks.py --run $(ONLY:%=--only %)

debian: ## install the Debian packages that the interop tests use (asks for root)
	@missing=""; for p in chromium poppler-utils poppler-data openssl softhsm2 xmlsec1 fonts-noto-cjk; do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  command -v apt-get >/dev/null || { echo "install these packages with your system's package manager:$$missing"; exit 1; }; \
	  if [ "$$(id -u)" = 0 ]; then sudo=""; else sudo="sudo"; fi; \
	  echo "installing Debian packages:$$missing"; \
	  $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi

check: $(STAMP) ## ruff, types, import contracts, house lints
	@$(BIN)/ruff check src tests tools
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/python tools/tidy.py
	@$(BIN)/python tools/benchmarks.py --check

lock: $(STAMP) ## pin every dependency again, with hashes and no index address
	@command -v uv >/dev/null || { echo "uv is missing: pip install uv"; exit 1; }
	@uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header --quiet -o requirements.lock

clean: ## remove what was built
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis demo-out node_modules
