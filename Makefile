# `make` alone lists what there is. Every target builds the environment first, once.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
export JUPYTER_PLATFORM_DIRS := 1

.DEFAULT_GOAL := help
.PHONY: help dist install demo serve test test-all prove lint lab bench docs lock clean

help:
	@echo "make demo    a simulated college, scored up to its current week, with a page to open"
	@echo "make serve   the portal and the API on it, at http://127.0.0.1:8000"
	@echo "make test    the tests of every change, also on a real PostgreSQL, in a browser and in notebooks"
	@echo "make test-all  with the slow ones: kills, other schemas, statistics over seeds"
	@echo "make prove   with what takes longer still, or needs the OULAD files (EDUMETRICS_OULAD)"
	@echo "make lint    ruff and mypy --strict"
	@echo "make lab     JupyterLab on the notebooks"
	@echo "make docs    the documentation as a small site"
	@echo "make dist    a wheel that works by itself, in dist/"
	@echo "make install PREFIX=/opt/edumetrics   the package and what it needs to run, and nothing else"
	@echo "make bench   the weekly data work, the batch, the reports and the questions"

# The environment: built once, again only when the lock or the package description changes.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "EduMetrics needs Python 3.11 or later; set PYTHON=... to one." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: $(READY)
	@$(BIN)/edumetrics demo

serve: $(READY)
	@$(BIN)/edumetrics serve

# Lanes are markers: `make test PYTEST_ARGS="-m browser"` runs what needs a browser. nbval slows every start, so the test
# of the notebooks loads it by itself. Tests wait for servers, kernels and each other's colleges: one worker more than
# there are cores keeps these busy.
PYTEST = $(BIN)/python -m pytest -p no:nbval -n $(shell $(PYTHON) -c 'import os; print(os.cpu_count() + 1)') --dist worksteal

test: $(READY)
	$(PYTEST) -m "not slow and not prove" $(PYTEST_ARGS)

# One run of both lanes: servers are started, and colleges built, once.
test-all: $(READY)
	$(PYTEST) -m "not prove" $(PYTEST_ARGS)

prove: test-all
	$(PYTEST) -m prove $(PYTEST_ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lab: $(READY)
	@$(BIN)/edumetrics lab

bench: $(READY)
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.peers
	$(BIN)/python -m benchmarks.whole
	$(BIN)/python -m benchmarks.batch
	$(BIN)/python -m benchmarks.reports
	$(BIN)/python -m benchmarks.questions
	$(BIN)/python -m benchmarks.views

docs: $(READY)
	$(BIN)/python -m edumetrics.cli.reference docs
	$(BIN)/sphinx-build --quiet --fail-on-warning docs site
	@echo "site/index.html"

# The wheel has params/ and notebooks/ in it (setup.py).
dist: $(READY)
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

install:
	@test -n "$(PREFIX)" || { echo "Say where: make install PREFIX=/opt/edumetrics" >&2; exit 2; }
	$(PYTHON) -m venv $(PREFIX)
	$(PREFIX)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-run.lock
	$(PREFIX)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps .
	@echo "$(PREFIX)/bin/edumetrics init ~/college"

# Maintainers: refresh the pinned set (needs uv) for every supported Python at once.
lock:
	uv pip compile --universal --python-version 3.11 --all-extras --generate-hashes --no-emit-index-url --no-header --upgrade pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --constraint requirements.lock pyproject.toml -o requirements-run.lock
	sed -i "s#($(CURDIR)/pyproject.toml)#(pyproject.toml)#" requirements.lock requirements-run.lock

clean:
	rm -rf $(VENV) build site *.egg-info
