# `make demo` and `make test` need Python 3.11 and nothing else; everything else is listed by `make help`.
PYTHON ?= python3.11
VENV ?= .venv
RAY_VENV ?= .venv-ray
BIN := $(VENV)/bin
HOME_DIR ?= .streamrec
READY := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install ray-environment demo test test-all lint bench bench-audit-log up clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

install: $(READY)  ## create the virtual environment and install the package with its development tools

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $(READY)

ray-environment:  ## the environment of orchestration/ray_maintenance.py, apart from the others
	$(PYTHON) -m venv $(RAY_VENV)
	$(RAY_VENV)/bin/pip install --quiet --disable-pip-version-check --requirement orchestration/deploy/ray-requirements.txt

demo: $(READY)  ## train, promote, serve, explain, trace and replay on a small synthetic world
	$(BIN)/streamrec demo --home $(HOME_DIR)

test: $(READY)  ## every test but the slow ones
	$(BIN)/pytest -m "not slow and not benchmark"

test-all: $(READY)  ## every test, the slow statistical and scale tests too
	$(BIN)/pytest -m "not benchmark"

lint: $(READY)  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(READY)  ## speed against peers, measured in the same run
	$(BIN)/pytest -m benchmark tests/benchmarks -s

bench-audit-log: $(READY)  ## the audit log: bytes by column, speed of each stage, questions to 10 million entries
	$(BIN)/pytest -m benchmark tests/benchmarks/test_bench_audit_log.py -s

up: $(READY)  ## Dagster UI, MLflow UI, service and auditor app together; Ctrl-C stops them
	$(BIN)/streamrec up --home $(HOME_DIR)

clean:  ## remove what the targets made
	rm -rf $(HOME_DIR) $(VENV) $(RAY_VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist ./*.egg-info
