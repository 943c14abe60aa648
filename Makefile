# `make conformance` judges an engine and writes ./conformance-report/; `make test` checks this repository.
# Needs Python 3.11 or later. Everything is installed once, in .venv.
PYTHON ?= python3
BACKEND ?= refgrad
ORACLE ?= torch
PROFILE ?= quick
ARGS ?=
OUT := conformance-report
PICTURED := sinc or prod or cholesky or clamp or backward or broadcast or sgn or abs or matmul or exp
BIN := .venv/bin
READY := .venv/.ready
SHELL := bash
export OMP_NUM_THREADS ?= 1

.PHONY: conformance certify certify-all test lint types gate proof shards unit docs pictures clean
conformance: $(READY)
	@$(BIN)/refgrad certify --backend $(BACKEND) --oracle $(ORACLE) --profile $(PROFILE) -o $(OUT) $(ARGS)

# An engine of `refgrad list engines`, in an environment of its own under .envs, judged from outside.
certify: $(READY)
	@$(BIN)/refgrad certify "$(BACKEND)" --oracle $(ORACLE) --profile $(PROFILE) $(ARGS)

# All of them; one that can't be installed here is said in a line, and the others go on.
certify-all: $(READY)
	@for name in $$($(BIN)/refgrad list engines | cut -d' ' -f1); do \
		$(BIN)/refgrad certify "$$name" --oracle $(ORACLE) --profile $(PROFILE) $(ARGS); \
		test $$? -ge 2 && echo "$$name: not judged"; \
	done; true

# Findings in refgrad that are still open are listed; the gate fails on any other. `make conformance` fails on all.
test: lint types gate proof unit

gate: $(READY)
	-$(BIN)/python -m pytest conformance -q -n auto --examples 8 --tb=no --results $(OUT)/results.jsonl
	$(BIN)/python -m conformance.recording.gate $(OUT)/results.jsonl tests/open_findings.txt

# Engines broken on purpose: a share of them below its floor, or a blamed control, fails.
proof: $(READY)
	$(BIN)/refgrad qualify --quick -o $(OUT)/qualify.json

# Eight parts and one run: the digests must be equal. `make shards ARGS="-k backward"` for a few clauses.
shards: $(READY)
	@rm -rf $(OUT)/shards && mkdir -p $(OUT)/shards
	@for part in 1 2 3 4 5 6 7 8; do \
		$(BIN)/python -m pytest conformance -q --tb=no --backend $(BACKEND) --shard $$part/8 --results $(OUT)/shards/$$part.jsonl $(ARGS); \
	done; true
	-@$(BIN)/python -m pytest conformance -q --tb=no --backend $(BACKEND) --results $(OUT)/shards/one.jsonl $(ARGS)
	$(BIN)/refgrad merge $(OUT)/shards/[1-8].jsonl -o $(OUT)/shards/merged.jsonl
	$(BIN)/refgrad merge $(OUT)/shards/one.jsonl -o $(OUT)/shards/one-again.jsonl
	cmp <(tail -n 1 $(OUT)/shards/merged.jsonl | grep -o '"digest":"[0-9a-f]*"') <(tail -n 1 $(OUT)/shards/one-again.jsonl | grep -o '"digest":"[0-9a-f]*"')

unit: $(READY)
	$(BIN)/python -m pytest tests -q -n auto

# The README's pictures: a real run, shot in Chromium.
pictures: $(READY)
	-$(BIN)/refgrad certify --backend autograd -o $(OUT)/pictures -k "$(PICTURED)"
	$(BIN)/python -m tests.reports.shots $(OUT)/pictures/results.jsonl docs/pictures

docs: $(READY)
	$(BIN)/python -m pip install --quiet ".[docs]"
	$(BIN)/refgrad list clauses --markdown > docs/clauses.md
	$(BIN)/mkdocs build --quiet --strict -f .mkdocs.yml

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/pyright

# torch goes first and alone: its release is the version of the specification, and nothing else may move it.
$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "refgrad needs Python 3.11 or later: make PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet "torch==2.13.*"
	$(BIN)/python -m pip install --quiet -e ".[conformance,torch,autograd,benchmarks,dev]"
	touch $@

clean:
	rm -rf .venv $(OUT) site docs/clauses.md dist build .pytest_cache .ruff_cache .hypothesis
