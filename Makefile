# make run   installs and starts Bindscope        make test   installs and runs every check
# make env   writes .env with random secrets, all that `docker compose up --build` needs
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
export OMP_NUM_THREADS ?= 1
# Tests run side by side in this many processes.
WORKERS ?= 2

.PHONY: setup run env test test-slow mutants lint types imports bench images clean openapi docs screenshots audit

setup: $(VENV)/.ready-dev

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Bindscope needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": set PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready-all: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) install --quiet $$($(BIN)/python scripts/torch_index.py) --constraint constraints.txt --editable '.[all]'
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready-all
	$(PIP) install --quiet --constraint constraints.txt --editable '.[all,dev]'
	@touch $@

run: $(VENV)/.ready-all
	@exec $(BIN)/bindscope up

test: setup lint types imports
	$(BIN)/python -m pytest -n $(WORKERS)

# What takes ten seconds or more a test: killed services, clusters, the link of every page, fuzzing, notebooks.
test-slow: setup
	$(BIN)/python -m pytest -n $(WORKERS) -m slow

# Which changes of the arithmetic no test notices: make mutants MUTANTS="--sample 200 'bindscope.analysis.*'". Takes
# hours without a sample; goes on where it was stopped.
MUTANTS ?=
mutants: setup
	@test -x $(VENV)-mutants/bin/mutmut || { $(PYTHON) -m venv $(VENV)-mutants && \
	  $(VENV)-mutants/bin/pip --disable-pip-version-check install --quiet --constraint constraints.txt mutmut==3.8.1; }
	@$(BIN)/python -c 'import pytest; print(pytest.__path__[0].rpartition("/")[0])' > \
	  $$(echo $(VENV)-mutants/lib/python3*/site-packages)/project.pth
	$(VENV)-mutants/bin/python scripts/mutants.py $(MUTANTS)

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports

bench: setup
	$(BIN)/python -m benchmarks

env:
	@$(PYTHON) scripts/write_env.py

# Builds the images and runs them as the compose file does: docker compose, or podman-compose where there is none.
images: setup
	$(BIN)/python scripts/images.py

openapi: setup
	$(BIN)/python scripts/openapi.py

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

screenshots: setup
	$(BIN)/python scripts/screenshots.py

clean:
	rm -rf $(VENV) $(VENV)-mutants build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# A report of known weaknesses in the pinned dependencies; asks the package index, and installs beside the project.
audit:
	@test -x $(VENV)-audit/bin/pip-audit || { $(PYTHON) -m venv $(VENV)-audit && \
	  $(VENV)-audit/bin/pip --disable-pip-version-check install --quiet pip-audit; }
	$(VENV)-audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip --progress-spinner off
