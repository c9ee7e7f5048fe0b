# Needs Python 3.11+, pip and make; everything else is installed into .venv.
# uv is used where it is present.

VENV := .venv
PY := $(VENV)/bin/python
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null)
CODE := flask_smtpadmin example_app tests benchmarks docs .ci

.DEFAULT_GOAL := help
.PHONY: help demo test chaos coverage check lint types imports templates words spelling lengths docs translations bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.installed-demo ## start the example app with queue, worker and inbox (PORT=8000 fixes the port)
	@$(PY) -m example_app.demo

test: $(VENV)/.installed-test ## run all tests, JOBS at once; ARGS="-k word" passes options to pytest
	$(PY) -m pytest -n $(or $(JOBS),auto) --dist worksteal $(ARGS)

# Sizes, waits and seeds: tests/support/promises.py
chaos: $(VENV)/.installed-test ## measure the promises at full size (ONLY=R1 DB=postgresql JOBS=2)
	SMTPADMIN_CHAOS=full SMTPADMIN_CHAOS_DB=$(DB) SMTPADMIN_CHAOS_RESULTS=docs/reliability.jsonl \
	SMTPADMIN_CHAOS_COMMAND="make chaos$(ONLY:%= ONLY=%)$(DB:%= DB=%)" \
	$(PY) -m pytest tests/promises -n $(or $(JOBS),1) \
	$(if $(ONLY),-m $(shell echo $(ONLY) | tr A-Z a-z)) $(ARGS); code=$$?; \
	$(PY) tests/promises/table.py && exit $$code

coverage: $(VENV)/.installed-test ## run all tests and show the lines that none of them ran
	$(PY) -m pytest -n auto --dist worksteal --cov --cov-report=term-missing:skip-covered $(ARGS)

check: lint types imports templates words spelling lengths docs ## everything that can be said without running the tests

lint: $(VENV)/.installed-check ## ruff: rules and format
	$(VENV)/bin/ruff check $(CODE)
	$(VENV)/bin/ruff format --check $(CODE)

types: $(VENV)/.installed-check ## mypy, strict
	$(VENV)/bin/mypy

imports: $(VENV)/.installed-check ## import-linter: the layers
	$(VENV)/bin/lint-imports

templates: $(VENV)/.installed-check ## djlint
	$(VENV)/bin/djlint --lint --quiet flask_smtpadmin example_app

words: $(VENV)/.installed-check ## every text of the pages is translated and compiled
	$(PY) .ci/translations.py check

spelling: $(VENV)/.installed-check ## codespell
	$(VENV)/bin/codespell

lengths: $(VENV)/.installed-check ## no file above 400 lines, no function above 40
	$(PY) .ci/lengths.py flask_smtpadmin example_app tests benchmarks docs

docs: $(VENV)/.installed-check ## build the documentation; a warning is an error
	$(VENV)/bin/sphinx-build --nitpicky --fail-on-warning --keep-going --quiet -b html docs docs/_build/html

translations: $(VENV)/.installed-check ## take new texts of the pages into the catalogues, and compile them
	$(PY) .ci/translations.py update

bench: $(VENV)/.installed-test ## measure this package and its peers, fill docs/benchmarks.md; ARGS=--full: a million queued
	$(PY) -m benchmarks $(ARGS)

clean: ## remove the virtual environment, caches and build results
	rm -rf $(VENV) .venv-bench build dist docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- installation -----------------------------------------------------------------------------

ifdef UV
INSTALL = $(UV) pip install --quiet --python $(PY) --constraint constraints.txt
else
INSTALL = $(PY) -m pip install -qq --disable-pip-version-check --root-user-action=ignore --constraint constraints.txt
endif

# Dependency groups need pip 25.1. Debian's python3 may come without ensurepip: the system's pip
# then puts pip into the new environment.
$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with make PYTHON=python3.x"; exit 1; }
ifdef UV
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
else
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { \
		$(PYTHON) -m venv --clear --without-pip $(VENV) && \
		$(PYTHON) -m pip --python $(PY) install --quiet 'pip>=25.1'; } || { rm -rf $(VENV); exit 1; }
	@$(PY) -m pip install -qq --disable-pip-version-check --root-user-action=ignore --upgrade 'pip>=25.1'
endif

# The stamps save the installation until pyproject.toml or constraints.txt changes.
$(VENV)/.installed-demo: pyproject.toml constraints.txt | $(PY)
	@echo "Installing into $(VENV) ..."
	@$(INSTALL) --editable '.[demo]'
	@touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt | $(PY)
	@echo "Installing into $(VENV) ..."
	@$(INSTALL) --editable '.[demo,html,speed]' --group test
	@touch $@ $(VENV)/.installed-demo

$(VENV)/.installed-check: pyproject.toml constraints.txt | $(PY)
	@echo "Installing into $(VENV) ..."
	@$(INSTALL) --editable '.[demo,html,speed]' --group test --group check --group docs
	@touch $@ $(VENV)/.installed-demo $(VENV)/.installed-test
