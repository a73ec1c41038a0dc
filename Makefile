# make pong   set up, then pixels -> formula      make test   set up, then every check and test
# Both do the whole set-up on a fresh machine with Python 3.11, 3.12 or 3.13 and nothing else.

PYTHON ?= $(shell for v in python3.11 python3.12 python3.13 python3 python; do \
	$$v -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$v && break; done)
BIN := .venv/bin
# Where pip finds a CPU build of torch: empty is PyPI, whose Linux build brings CUDA (several GB).
TORCH_INDEX ?=
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: pong test lint fast slow docs bench setup clean
.DEFAULT_GOAL := pong

pong: .venv/installed
	$(BIN)/python run.py env=pong stage=all

test: lint fast slow

lint: .venv/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fast: .venv/installed-dev
	$(BIN)/python -m pytest -n auto --maxprocesses 4 -m "not slow"

slow: .venv/installed-dev
	$(BIN)/python -m pytest -n auto --maxprocesses 4 -m slow

docs: .venv/installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

bench: .venv/installed
	$(BIN)/python -m benchmarks --json outputs/benchmarks/rows.json

setup: .venv/installed-dev

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "needs Python 3.11, 3.12 or 3.13" >&2; \
	echo "  fix: install one of them, or make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch==2.13.0
	$(PIP) -e .
	touch $@

.venv/installed-dev: .venv/installed
	$(PIP) -e '.[dev]'
	touch $@

clean:
	rm -rf .venv
