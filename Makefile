# What one does with a checkout; `make` lists it. Works with GNU make 3.81 (macOS) and any Python from 3.11 on.
# The virtual environment is made when it is missing, and renewed when pyproject.toml has changed. It gets a pip that can resolve packages
# which pin each other, as OpenTelemetry's do: Python 3.11's own gives up while only some of a new release are published.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
SECONDS := 20

# Tests start hundreds of processes: where modules may not be kept compiled, each compiles all of them anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-long check lint format docs bench bench-quick chaos chaos-quick databases fuzz interop browser clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## a sample shop, its traffic, and what arrived: SECONDS=20, the pond stays in ./pond-demo
	$(BIN)/otelpond demo --seconds $(SECONDS)

test: $(READY) ## the tests, but for those that take long
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-long: $(READY) ## those that take long: kills, outages, many tenants (minutes)
	$(BIN)/python -m pytest -n 2 -m long --ignore tests/interop

check: lint test ## what a change must pass: lint and test

lint: $(READY) ## format, lint, types, walls between rooms, stale docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m otelpond.config.reference --check

format: $(READY) ## format the code, and fix what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(READY) ## write the references anew from settings, commands and tables
	$(BIN)/python -m otelpond.config.reference

bench: $(READY) ## measure throughput, latency, sizes and queries, and what instrumentation costs (minutes; wants a quiet machine)
	$(BIN)/python tests/bench/run.py
	$(BIN)/python tests/bench/instrumentation.py

bench-quick: $(READY) ## the same, shorter: two and a half minutes, and less to be trusted
	$(BIN)/python tests/bench/run.py --quick
	$(BIN)/python tests/bench/instrumentation.py --quick

chaos: $(READY) ## kill it and cut its power, count every row (half an hour; needs strace)
	$(BIN)/python -m tests.chaos.run

chaos-quick: $(READY) ## the same, shorter: at most three minutes
	$(BIN)/python -m tests.chaos.run --quick

fuzz: $(READY) ## look for inputs that break what reads them: SECONDS=20 for each target, TARGET=json for one (needs the extra `fuzz`)
	$(BIN)/python -m tests.fuzz.run --seconds $(SECONDS) $(TARGET)

interop: $(READY) ## other people's senders: the official SDKs for Node.js, Go and Java, and curl; what is missing is skipped
	PYTHON=$(BIN)/python tests/interop/run.sh

browser: $(READY) ## the script for browsers in a real Chromium (apt install nodejs npm chromium)
	PYTHON=$(BIN)/python tests/browser/run.sh

databases: $(READY) ## instrumentation under SQLAlchemy 1.4, 2.0 and 2.1 with SQLite and PostgreSQL (apt install postgresql, else skipped)
	PYTHON=$(BIN)/python tests/databases/run.sh

clean: ## remove the virtual environment and every cache
	rm -rf $(VENV) .databases .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .fuzz

$(READY): pyproject.toml
	@test -x $(BIN)/python || { \
	  for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14; do \
	    if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	      echo "$$python -m venv $(VENV)"; exec $$python -m venv $(VENV); fi; \
	  done; \
	  echo "otelpond needs Python 3.11 or newer with venv, and found none: install it (Debian, Ubuntu: apt install python3 python3-venv)," \
	    "or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25'
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@
