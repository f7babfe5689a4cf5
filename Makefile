# `make help` lists the targets. Each sets up what it needs in a virtual environment in .venv, again when pyproject.toml
# changes: `make demo` at first only what answers, without PyTorch.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# parts of the environment: what answers; what trains too
LIGHT := $(VENV)/.installed-light
TRAIN := $(VENV)/.installed-train
# without an NVIDIA device, PyTorch comes from here (unless PIP_INDEX_URL is set)
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
INSTALL = $(PYTHON) tools/install.py $(VENV) --torch-index $(TORCH_INDEX)

# processes that share the tests; what the tests of a file share is made once
WORKERS ?= 2
PYTEST := $(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile
# what depends on the processor: the programs that run networks, precision, plans
OF_THE_PROCESSOR := tests/runtimes tests/exporting tests/planning tests/inference tests/model

.DEFAULT_GOAL := help
.PHONY: help demo gallery test test-masked test-slow coverage check bench bench-video clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(LIGHT) ## answer new scenes at once, then teach the model something: demo/index.html, about two minutes
	rm -rf demo
	$(BIN)/smalta demo --part answer --out demo
	@$(MAKE) --no-print-directory $(TRAIN)
	$(BIN)/smalta demo --part teach --out demo

gallery: $(STAMP) ## draw the pictures of README and docs anew: all examples of `smalta demo`, about ten minutes
	$(BIN)/python -m bench.gallery

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

# an hour on two cores; bench/work/venvs/video holds the rivals
bench-video: $(STAMP) ## compare watching a camera with other programs, on generated walks, crowds and clips
	$(BIN)/python -m bench.video_lines
	$(BIN)/python -m bench.video_tracking --rival bench/work/venvs/video/bin/python
	$(BIN)/python -m bench.video_reading
	$(BIN)/python -m bench.video_again
	$(BIN)/python -m bench.video_events
	$(BIN)/python -m bench.table

clean: ## remove the environment, caches and what was built
	rm -rf $(VENV) demo build dist .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(LIGHT): pyproject.toml
	@$(INSTALL) light
	@touch $(LIGHT)

$(TRAIN): pyproject.toml
	@$(INSTALL) train
	@touch $(LIGHT) $(TRAIN)

$(STAMP): pyproject.toml
	@$(INSTALL) all
	@touch $(LIGHT) $(TRAIN) $(STAMP)
