# "make run" demonstrates the tool. "make quick", "make test" and "make exam" check it; each checks more than the one before.
# Each target installs what it needs into this folder (.venv) and the cache folder. None of them changes the system.

PYTHON ?= python3
# Tests wait for a part of their time, so one process more than there are processors; the long ones start processes
# themselves.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
REPEATS ?= 0
# A test that takes longer (seconds) is a failure: it hangs. Its process ends, and shows where each of its threads was.
HANGS = -o faulthandler_exit_on_timeout=true -o faulthandler_timeout
CORRECT ?= fixtures/services/reference/echo.toml
BROKEN ?= fixtures/services/zoo/hardcoded-wildcard.toml

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run quick test exam docs gallery bench mutants clean style types without-labs rootfs prepared examined oldest

# All paths are relative, so that the path of this folder may contain any character.
VENV := .venv
OLDEST := .venv-oldest
RUN := $(VENV)/bin/python -m
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONSTRAINT=constraints.txt $(RUN) pip install --quiet

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

setup: $(VENV)/.for-testing ## install everything that the tests need into .venv

run: $(VENV)/.for-running ## verify one correct and one broken service, and write a report
	@echo "One correct and one broken service, on every topology:"; echo; \
	code=0; $(RUN) dualstack run --ignore-known "$(CORRECT)" "$(BROKEN)" || code=$$?; echo; \
	if [ $$code -ne 1 ]; then \
		echo "expected exit code 1, because one of the two services is broken; found $$code" >&2; exit 1; fi; \
	echo "Exit code 1, as expected here: one of the two services is broken ($(BROKEN))."; \
	echo "Open the report in a browser: dualstack-results/latest/report.html"

quick: export PYTHONDONTWRITEBYTECODE =
quick: export DUALSTACK_FUZZ ?= 0.25
quick: ## style, types and all tests that need no lab; a minute
	@$(MAKE) --no-print-directory -j3 style types without-labs

without-labs: $(VENV)/.for-testing
	$(RUN) pytest -n $(WORKERS) --dist worksteal -q -m "not lab and not exam"

test: export DUALSTACK_FUZZ ?= $(if $(filter true,$(CI)),2,1)
test: style types ## all tests that need only Python, with labs; about 12 minutes
	$(RUN) pytest -n $(WORKERS) --reruns $(REPEATS) $(HANGS)=1800 -q -m "not exam"

exam: oldest rootfs ## the long tests: real servers, Docker labs, the oldest supported libraries
	.ci/with-engine $(MAKE) --no-print-directory examined

docs: $(VENV)/.for-testing ## build the documentation as a site, without network access: build/site/index.html
	$(RUN) sphinx -W --keep-going -q -b html -c docs/site -d build/doctrees . build/site

gallery: $(VENV)/.for-running ## make the reports that docs/gallery.md describes
	@for name in reference/echo zoo/hardcoded-wildcard zoo/first-address-only zoo/udp-reply-source-ipv6; do \
		code=0; $(RUN) dualstack run --ignore-known --results "dualstack-results/gallery/$${name#*/}" \
			"fixtures/services/$$name.toml" || code=$$?; \
		if [ $$code -gt 1 ]; then exit $$code; fi; \
	done

style: $(VENV)/.for-testing
	$(RUN) ruff check
	$(RUN) ruff format --check

types: $(VENV)/.for-testing
	$(RUN) mypy

rootfs: $(VENV)/.for-testing
	$(RUN) tests.exam.examined

# What the exam needs, and what takes long to make.
prepared: rootfs $(OLDEST)/.made

# With CI=true and as root, .ci/with-engine provides an engine. It may have no registry for base images.
examined: $(VENV)/.for-testing
	@if [ "$${CI:-}" = true ] && [ "$$(id -u)" = 0 ]; then $(RUN) dualstack images; fi
	$(RUN) pytest -n auto --reruns $(REPEATS) $(HANGS)=3000 -m exam

# The oldest versions that pyproject.toml allows, in a second environment.
oldest: $(OLDEST)/.made
	$(OLDEST)/bin/python -m pytest -n auto -q -m "not lab and not exam"
	@code=0; $(OLDEST)/bin/python -m dualstack run --ignore-known --known-only "$(BROKEN)" || code=$$?; test $$code -eq 1

$(OLDEST)/.made: pyproject.toml $(VENV)/.made
	@echo "installing the oldest supported libraries into $(OLDEST) ..."
	@rm -rf $(OLDEST) && "$(PYTHON)" -m venv $(OLDEST)
	@$(OLDEST)/bin/python -c 'import tomllib; \
		print(*(item.replace(">=", "==") for item in tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]), sep="\n")' \
		> $(OLDEST)/constraints.txt
	@PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONSTRAINT=$(OLDEST)/constraints.txt \
		$(OLDEST)/bin/python -m pip install --quiet --editable '.[dev]'
	@touch $@

bench: $(VENV)/.for-testing ## run the benchmarks; results are ratios within one run
	@for file in $$(grep -l "^def main" benchmarks/*.py); do echo "== $$file"; $(VENV)/bin/python "$$file" || exit 1; done

mutants: $(VENV)/.for-mutants ## mutation tests of the packet predicates; about one hour
	$(VENV)/bin/python tests/mutants.py

clean: ## remove all generated files from this folder; the cache folder keeps the root file systems
	rm -rf $(VENV) $(OLDEST) build dist mutants dualstack-results .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamp files: they record what is installed, and are renewed when the requirements change.
$(VENV)/.for-running: pyproject.toml constraints.txt hatch_build.py $(VENV)/.made
	@echo "installing dualstack into $(VENV) ..."
	@$(PIP) --editable .
	@$(RUN) compileall -q src suites fixtures/*.py conftest.py  # Python may be configured not to write these files
	@touch $@

$(VENV)/.for-testing: $(VENV)/.for-running
	@echo "installing the requirements of the tests into $(VENV) ..."
	@$(PIP) --editable '.[dev,docs]'
	@touch $@

$(VENV)/.for-mutants: $(VENV)/.for-testing
	@echo "installing the requirements of the mutation tests into $(VENV) ..."
	@$(PIP) --editable '.[dev,mutants]'
	@touch $@

# A working environment is kept. An incomplete one, or one whose Python is gone, is created again.
$(VENV)/.made:
	@if ! $(RUN) pip --version >/dev/null 2>&1; then \
		command -v "$(PYTHON)" >/dev/null || { \
			echo "$(PYTHON) is missing: install Python 3.11 or newer, or use make PYTHON=/path/to/python3.11" >&2; exit 1; }; \
		"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
			echo "$$("$(PYTHON)" --version 2>&1) is too old: dualstack needs Python 3.11 or newer;" \
				"use make PYTHON=/path/to/python3.11" >&2; exit 1; }; \
		"$(PYTHON)" -m venv --clear $(VENV) || { \
			rm -rf $(VENV); echo "cannot create a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; \
			exit 1; }; \
	fi
	@touch $@
