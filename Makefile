# "make run" shows the tool at work. "make quick", "make test" and "make exam" check it, each more than the one before.
# They set up what they need by themselves, inside this folder (.venv) and the cache folder; none changes the system.

PYTHON ?= python3
WORKERS ?= auto
CORRECT ?= fixtures/services/reference/echo.toml
BROKEN ?= fixtures/services/zoo/hardcoded-wildcard.toml

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run quick test exam bench mutants clean style types rootfs examined oldest

# Paths are relative throughout, so that the folder's own path may hold anything.
VENV := .venv
OLDEST := .venv-oldest
RUN := $(VENV)/bin/python -m
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONSTRAINT=constraints.txt $(RUN) pip install --quiet

help: ## this text
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

run: $(VENV)/.for-running ## verify a correct and a broken service, and write a report
	@echo "A correct and a broken service, in every network world:"; echo; \
	code=0; $(RUN) dualstack run --ignore-known "$(CORRECT)" "$(BROKEN)" || code=$$?; echo; \
	if [ $$code -ne 1 ]; then \
		echo "expected exit code 1, because one of the two services is broken; it was $$code" >&2; exit 1; fi; \
	echo "Exit code 1: one of the two services fell short, as it should here ($(BROKEN))."; \
	echo "The report, for a browser: dualstack-results/latest/report.html"

quick: style types ## style, types and every test that needs no lab: about a minute
	$(RUN) pytest -n $(WORKERS) -q -m "not lab and not exam"

test: style types ## what a newcomer's machine can do: all that needs nothing but Python; under ten minutes
	$(RUN) pytest -n $(WORKERS) -q -m "not exam"

exam: oldest rootfs ## the long rest: real servers, Docker labs, the whole zoo, the oldest libraries that are supported
	.ci/with-engine $(MAKE) --no-print-directory examined

style: $(VENV)/.for-testing
	$(RUN) ruff check
	$(RUN) ruff format --check

types: $(VENV)/.for-testing
	$(RUN) mypy

rootfs: $(VENV)/.for-testing
	$(RUN) dualstack rootfs build fixtures/services/*/*.toml

# With CI=true and as root an engine is there (.ci/with-engine); it may have no registry to pull base images from.
examined: $(VENV)/.for-testing
	@if [ "$${CI:-}" = true ] && [ "$$(id -u)" = 0 ]; then $(RUN) dualstack images; fi
	$(RUN) pytest -n $(WORKERS) -m exam

# The oldest versions that pyproject.toml allows, in an environment beside.
oldest: $(OLDEST)/.made
	$(OLDEST)/bin/python -m pytest -n $(WORKERS) -q -m "not lab and not exam"
	@code=0; $(OLDEST)/bin/python -m dualstack run --ignore-known --known-only "$(BROKEN)" || code=$$?; test $$code -eq 1

$(OLDEST)/.made: pyproject.toml $(VENV)/.made
	@echo "installing the oldest libraries that are supported into $(OLDEST) ..."
	@rm -rf $(OLDEST) && "$(PYTHON)" -m venv $(OLDEST)
	@$(OLDEST)/bin/python -c 'import tomllib; \
		print(*(item.replace(">=", "==") for item in tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]), sep="\n")' \
		> $(OLDEST)/constraints.txt
	@PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONSTRAINT=$(OLDEST)/constraints.txt \
		$(OLDEST)/bin/python -m pip install --quiet --editable '.[dev]'
	@touch $@

bench: $(VENV)/.for-testing ## benchmarks, as ratios within one run
	@for file in $$(grep -l "^def main" benchmarks/*.py); do echo "== $$file"; $(VENV)/bin/python "$$file" || exit 1; done

mutants: $(VENV)/.for-mutants ## how many mutants of the packet predicates the tests notice; takes about an hour
	$(VENV)/bin/python tests/mutants.py

clean: ## remove what was made in this folder; the root file systems stay in the cache folder
	rm -rf $(VENV) $(OLDEST) build dist mutants dualstack-results .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: what was installed, renewed when what is wanted changes.
$(VENV)/.for-running: pyproject.toml constraints.txt hatch_build.py $(VENV)/.made
	@echo "installing dualstack into $(VENV) ..."
	@$(PIP) --editable .
	@$(RUN) compileall -q src suites fixtures/*.py conftest.py  # Python itself may be forbidden to write these files
	@touch $@

$(VENV)/.for-testing: $(VENV)/.for-running
	@echo "installing what the tests need into $(VENV) ..."
	@$(PIP) --editable '.[dev]'
	@touch $@

$(VENV)/.for-mutants: $(VENV)/.for-testing
	@echo "installing what makes mutants into $(VENV) ..."
	@$(PIP) --editable '.[dev,mutants]'
	@touch $@

# An environment that works is kept; one that is half made, or whose Python is gone, is made anew.
$(VENV)/.made:
	@if ! $(RUN) pip --version >/dev/null 2>&1; then \
		command -v "$(PYTHON)" >/dev/null || { \
			echo "$(PYTHON) is missing: install Python 3.11 or newer, or say make PYTHON=/path/to/python3.11" >&2; exit 1; }; \
		"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
			echo "$$("$(PYTHON)" --version 2>&1) is too old: dualstack needs Python 3.11 or newer;" \
				"say make PYTHON=/path/to/python3.11" >&2; exit 1; }; \
		"$(PYTHON)" -m venv --clear $(VENV) || { \
			rm -rf $(VENV); echo "cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; \
			exit 1; }; \
	fi
	@touch $@
