# `make conformance` judges an engine and writes ./conformance-report/; `make test` checks this repository.
# Needs Python 3.11 or later. Everything is installed once, in .venv.
PYTHON ?= python3
BACKEND ?= refgrad
ORACLE ?= torch
PROFILE ?= quick
ARGS ?=
OUT := conformance-report
BIN := .venv/bin
READY := .venv/.ready
export OMP_NUM_THREADS ?= 1

.PHONY: conformance certify certify-all test lint types gate proof unit docs clean
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
	-$(BIN)/python -m pytest conformance -q -n auto --tb=no --results $(OUT)/results.jsonl
	$(BIN)/python -m conformance.gate $(OUT)/results.jsonl tests/open_findings.txt

# Engines broken on purpose: a share of them below its floor, or a blamed control, fails.
proof: $(READY)
	$(BIN)/refgrad qualify --quick -o $(OUT)/qualify.json

unit: $(READY)
	$(BIN)/python -m pytest tests -q -n auto

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
