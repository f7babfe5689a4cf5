# `make help` lists the targets. Each sets up what it needs: a virtual environment in .venv, made anew when
# pyproject.toml changes.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# processes that share the tests; what the tests of a file share is made once
WORKERS ?= 2
PYTEST := $(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile
# what depends on the processor: the programs that run networks, precision, plans
OF_THE_PROCESSOR := tests/runtimes tests/exporting tests/planning tests/inference tests/model

.DEFAULT_GOAL := help
.PHONY: help demo test test-masked test-slow coverage check bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMP) ## make scenes, train on them, show what came out: demo/index.html, about two minutes
	rm -rf demo
	$(BIN)/smalta demo --out demo

check: $(STAMP) ## the rules of the code: style, types, which room may import which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(STAMP) ## all tests but the slow ones
	$(PYTEST)

test-masked: $(STAMP) ## the tests that depend on the processor: with AVX2 on one core, then as if bf16 were fast
	SMALTA_TEST_ISA=avx2 taskset --cpu-list 0 $(BIN)/pytest $(OF_THE_PROCESSOR)
	SMALTA_TEST_BF16=yes $(PYTEST) $(OF_THE_PROCESSOR)

test-slow: $(STAMP) ## start 200 fresh processes; none may hang
	$(BIN)/pytest -m slow

coverage: $(STAMP) ## all tests but the slow ones; lists the lines of src that none of them runs
	$(PYTEST) --cov --cov-report=term

# hours on two cores, see bench/README.md
bench: $(STAMP) ## compare with other programs on real data sets; needs SMALTA_DATA=folder of them
	$(BIN)/pip install --quiet --requirement bench/requirements.txt
	$(BIN)/python -m bench.all

clean: ## remove the environment, caches and what was built
	rm -rf $(VENV) demo build dist .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[train,dev]'
	touch $(STAMP)
