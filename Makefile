# Two commands on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
MARKS ?= slow
# A commit draws the same examples wherever it is tested, and other commits draw others.
DRAWN_BY := $(shell git rev-parse HEAD 2>/dev/null)
PYTEST := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --hypothesis-seed="$(DRAWN_BY)"
SOURCES := python models tests bench infra

.DEFAULT_GOAL := help
.PHONY: help demo serve test test-slow lint format bench docs pictures lock clean

help: ## Show the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: $(VENV)/.installed $(if $(filter market,$(PRODUCT)),$(VENV)/.installed-market,$(VENV)/.installed-web) ## Install, write sample files, run on them, show the result; PRODUCT=market for prices
	$(BIN)/tribolake $(PRODUCT) demo

serve: $(VENV)/.installed $(VENV)/.installed-web ## Install the pages and serve those of ./data/demo; LAKE=DIR of another lake
	$(BIN)/tribolake serve $(addprefix --lake ,$(or $(LAKE),$(if $(TRIBOLAKE_LAKE),,data/demo)))

test: $(VENV)/.installed-dev ## Run the tests
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/.installed-dev ## Run the slow tests (an hour); SLOW=FILE or MARKS=MARKER choose some
	$(PYTEST) -m "$(MARKS)" $(SLOW)

lint: $(VENV)/.installed-dev ## Check style and types
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --processes 2 --disable-progress-bar models macros tests/data
	$(BIN)/yamllint --strict .
	$(BIN)/cfn-lint infra/stack.yml

format: $(VENV)/.installed-dev ## Put the code into the project's style
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/sqlfluff fix --processes 2 --disable-progress-bar models macros tests/data

bench: $(VENV)/.installed-dev ## Measure the reader, runs, the watcher, the enrichment, the pages and market
	$(BIN)/python bench/reading.py
	$(BIN)/python bench/run.py
	$(BIN)/python bench/watch.py
	$(BIN)/python bench/enrichment.py
	PYTHONPATH=. $(BIN)/python bench/pages.py
	PYTHONPATH=. $(BIN)/python bench/market.py

docs: $(VENV)/.installed ## Write the documentation of the default lake
	$(BIN)/tribolake docs

pictures: $(VENV)/.installed-dev ## Take the pictures of the README, which needs Chromium
	$(BIN)/python -m tests.support.pictures

lock: $(VENV)/.installed-dev ## Write the lock files from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-strip-extras pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-strip-extras --extra market --constraint requirements.lock pyproject.toml -o requirements-market.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-strip-extras --extra web --constraint requirements-market.lock pyproject.toml -o requirements-web.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-strip-extras --extra web --extra pdf --constraint requirements-web.lock pyproject.toml -o requirements-pdf.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-strip-extras --extra dev --extra market --extra web --extra pdf \
		--constraint requirements-market.lock --constraint requirements-pdf.lock pyproject.toml -o requirements-dev.lock

clean: ## Remove the environment and caches, not the lake
	rm -rf $(VENV) target logs .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@echo "creating $(VENV)"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing requirements.lock (about a minute)"
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-market: requirements-market.lock $(VENV)/.installed
	@echo "installing requirements-market.lock"
	$(PIP) install --require-hashes -r requirements-market.lock
	@touch $@

$(VENV)/.installed-web: requirements-web.lock $(VENV)/.installed
	@echo "installing requirements-web.lock"
	$(PIP) install --require-hashes -r requirements-web.lock
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "installing requirements-dev.lock"
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
