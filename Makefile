# `make help` lists the targets. PYTHON=... names the interpreter for .venv;
# OPENCODEEVAL_BASE_IMAGE=... what the sandbox image is built on.

SHELL := /bin/bash
.DEFAULT_GOAL := help

BIN := .venv/bin
# The last training step of the smallest chat model that comes with the tests.
QUICKSTART_MODEL ?= $(shell ls -d tests/checkpoints/starter-tiny-chat/step-* 2>/dev/null | sort -V | tail -n 1)
# Test files that run at once.
TEST_WORKERS ?= 2
# More options for pytest, as in `make test PYTEST_ARGS="-k pass_at_k"`.
PYTEST_ARGS ?=
# Where `make results` finds data sets, and the samples published with Qwen2.5-Coder-1.5B.
DATA ?= data
SAMPLES ?= $(DATA)/verdicts/qwen2.5-coder-1.5b-base
# Options of the benchmark, as in `make bench BENCH_ARGS="--only trivial"`.
BENCH_ARGS ?=

.PHONY: help
help: ## List the targets
	@sed -n $(if $(wildcard tests/bench/run.py),,-e '/^bench:/d') \
		-e 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: quickstart
quickstart: ## Install into .venv, then generate with a tiny model and grade what it wrote
	$(if $(QUICKSTART_MODEL),,$(error No model in tests/checkpoints/starter-tiny-chat: name a folder with QUICKSTART_MODEL=...))
	@.ci/venv.sh
	@.ci/jail.sh
	$(BIN)/opencodeeval --model $(QUICKSTART_MODEL) --bench starter --dtype float32 --max-model-len 1024 \
		--output build/quickstart

.PHONY: quickstart-real
quickstart-real: install ## The same with a small real model, SmolLM2-135M, on HumanEval+ (10 minutes on a CPU)
	@.ci/jail.sh
	$(BIN)/opencodeeval --model "$$($(BIN)/python -m tests.support.smollm2)" --bench humaneval_plus \
		--dtype float32 --max-model-len 2048 $(if $(wildcard $(DATA)),--data "$(DATA)") \
		--output build/quickstart-real

.PHONY: test
test: lint ## Install into .venv, lint, and run every test
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

.PHONY: lint
lint: install ## Ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy opencodeeval tests
	$(BIN)/mypy sandbox/guest
	$(BIN)/mypy --explicit-package-bases benchmarks

.PHONY: install
install:
	@.ci/venv.sh test

ifneq ($(wildcard tests/bench/run.py),)
.PHONY: bench
bench: install ## Measure speed and print the table
	$(BIN)/python -m tests.bench.run $(BENCH_ARGS)
endif

.PHONY: docs
docs: ## Build the documentation into build/site, from docs/ and the docstrings
	@.ci/venv.sh docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

.PHONY: results
results: install ## Make the records of results/ anew, and the leaderboard (DATA=folder SAMPLES=folder)
	@.ci/results.sh "$(DATA)" "$(SAMPLES)"

.PHONY: clean
clean: ## Remove .venv, caches and build products; results stay
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
