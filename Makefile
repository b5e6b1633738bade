# Everything a developer does. `make` alone lists the targets.
# Variables: PYTHON (3.11 or newer, creates .venv), ARGS (passed on to demo, test and bench).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEPLOY := $(VENV)/.deploy

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test browser check format bench chaos build constraints clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

install: $(INSTALLED) ## Install everything into .venv, from the versions in constraints.txt

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || \
		{ echo "error: there is no $(PYTHON); install Python 3.11 or newer, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: $(PYTHON) is $$($(PYTHON) --version 2>&1), and 3.11 or newer is needed; name another: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# PyTorch first and alone: once the pinned one is there, nothing pulls in another build. The build backend comes
# from the same pins, hence no build isolation.
$(INSTALLED): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install -c constraints.txt torch
	$(BIN)/pip install -c constraints.txt hatchling
	$(BIN)/pip install -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $@

$(DEPLOY): $(INSTALLED)
	$(BIN)/pip install -c constraints.txt --no-build-isolation -e '.[deploy]'
	@touch $@

demo: install ## Evaluate five variants on a demo dataset and serve the leaderboard (ARGS=--no-serve: only the table)
	$(BIN)/evaluator demo $(ARGS)

# Two processes: many tests wait for processes of their own. A file's tests stay together (tests/conftest.py), the slowest first.
test: install browser $(DEPLOY) ## Run the whole test suite (ARGS='-k ranking': a part)
	$(BIN)/pytest -n 2 --no-loadscope-reorder $(ARGS)

# Chromium for the browser test: the system's, if there is one; as root the distribution's; else Playwright's own.
browser: install
	@if command -v chromium >/dev/null || command -v chromium-browser >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && $(APT_INSTALL_CHROMIUM) && command -v chromium >/dev/null; then :; \
	else $(BIN)/playwright install chromium; fi

APT := DEBIAN_FRONTEND=noninteractive apt-get -y
APT_INSTALL_CHROMIUM := { $(APT) install chromium || { $(APT) update && $(APT) install chromium; }; } </dev/null

check: install ## Check format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install ## Format the code and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install ## Measure against the bare libraries (benchmarks/)
	$(BIN)/python -m benchmarks.pipeline $(ARGS)
	$(BIN)/python -m benchmarks.search
	$(BIN)/python -m benchmarks.matrix
	$(BIN)/python -m benchmarks.throughput
	$(BIN)/python -m benchmarks.imports
	$(BIN)/python -m benchmarks.pages
	$(BIN)/python -m benchmarks.many
	$(BIN)/python -m benchmarks.load
	$(BIN)/python -m benchmarks.team

chaos: install ## Kill processes at random while experiments run, and compare every row (ARGS='--kills 100 --seed 1')
	$(BIN)/python -m benchmarks.chaos $(ARGS)

build: install ## Build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation

constraints: install ## Pin in constraints.txt what .venv holds now
	@{ sed '/^[^#]/,$$d' constraints.txt; \
		$(BIN)/pip freeze --exclude-editable | sed 's/+.*//' | LC_ALL=C sort -f; } > $(VENV)/constraints.new
	@mv $(VENV)/constraints.new constraints.txt && touch $(INSTALLED)

clean: ## Remove what tools and builds left (.venv and .evaluator stay)
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .grimp_cache .hypothesis .benchmarks
	find . -path ./$(VENV) -prune -o -type d -name __pycache__ -print0 | xargs -0 rm -rf
