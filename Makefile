# The two commands for a fresh clone are `make demo` and `make test`; they need Python 3.11+ and nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= demo
RECMAIL := $(BIN)/recmail
COVERED := db segment deliver
# One more than there are cores: tests wait for processes that they start, and for disks.
PYTEST = $(BIN)/python -m pytest -n $$($(BIN)/python -c 'import os; print(1 + (os.cpu_count() or 1))')
comma := ,
empty :=
listed = $(subst $(empty) $(empty),$(comma),$(strip $(1)))

.PHONY: demo test crash coverage lint format docs wheel clean
.DEFAULT_GOAL := demo

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "recmail needs Python 3.11 or newer; there is no $(PYTHON) here"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "recmail needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv is missing; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

$(VENV)/installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/installed-test: pyproject.toml $(VENV)/installed | $(BIN)/python
	$(BIN)/python -m pip install --quiet --group test
	@touch $@

$(VENV)/installed-dev: pyproject.toml $(VENV)/installed | $(BIN)/python
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

demo: $(VENV)/installed  ## a project with made-up people, and its whole campaign sent to a Maildir
	@rm -rf $(DEMO)
	$(RECMAIL) init $(DEMO) --demo
	$(RECMAIL) train --project $(DEMO)
	$(RECMAIL) plan weekly-picks --project $(DEMO)
	$(RECMAIL) approve 1 --project $(DEMO)
	$(RECMAIL) send 1 --project $(DEMO) --yes --expect $$($(RECMAIL) runs 1 --project $(DEMO) --json | $(PYTHON) -c 'import json, sys; print(json.load(sys.stdin)["waiting"])')

# Branch coverage doubles what a test costs. Where it is promised the tests of a part cover it by themselves.
test: $(VENV)/installed-test  ## every test, with the branch coverage of what must not go wrong
	@rm -f .coverage .coverage.*
	$(PYTEST) --cov --cov-report= $(COVERED:%=tests/%)
	$(BIN)/python -m coverage report --include='$(call listed,$(COVERED:%=recmail/%/*))' --fail-under=90
	$(PYTEST) $(COVERED:%=--ignore=tests/%)

crash: $(VENV)/installed-test  ## 20,000 emails through kills at every point; minutes, with a table at the end
	RECMAIL_CRASH_TEST=long $(BIN)/python -m pytest -q tests/test_crash.py
	RECMAIL_CRASH_TEST=long $(PYTEST) -q tests/db/test_ledger_machine.py

coverage: $(VENV)/installed-test  ## every test, with the branch coverage of everything
	@rm -f .coverage .coverage.*
	$(PYTEST) --cov --cov-report=
	$(BIN)/python -m coverage report

lint: $(VENV)/installed-dev  ## style, types, and which way imports point
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/installed  ## renew what the code knows best: the tables of docs/
	$(BIN)/python docs/generate.py

wheel: $(VENV)/installed  ## build the wheel, install it elsewhere, and make the demo project with it
	.ci/try-wheel $(BIN)/python

clean:
	rm -rf $(VENV) $(DEMO) build dist .coverage* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
