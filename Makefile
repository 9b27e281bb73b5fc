# Every target makes the virtual environment it needs. VENV=folder for another one.
VENV ?= .venv
BIN := $(VENV)/bin
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.PHONY: help demo test check format bench bench-doc proof lab golden transcript constraints clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.stratus ## the whole loop on a simulated cluster
	@$(BIN)/stratus demo

# One process for what waits for the real cluster, two for everything else.
test: $(VENV)/.developer ## every test, the real cluster included (ARGS="-k name" for some)
	@exec $(BIN)/python -m pytest -n 3 --no-loadscope-reorder $(ARGS)

check: $(VENV)/.developer ## the one gate for style
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/stratus runbook lint runbooks
	@$(BIN)/python -m tools.addresses
	@$(BIN)/python -m tools.transcript --check

format: $(VENV)/.developer ## let ruff put right what it can
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

bench: $(VENV)/.developer ## the figures, with the machine's size
	@exec $(BIN)/python -m bench

bench-doc: $(VENV)/.developer ## the same, written to docs/benchmarks/loop.md
	@exec $(BIN)/python -m bench --write docs/benchmarks/loop.md

proof: $(VENV)/.developer ## no regret: every action both ways, 10,000 transactions; writes the figures
	@exec $(BIN)/python -m tests.proof --write docs/benchmarks/no-regret.md $(ARGS)

lab: $(VENV)/.developer ## the fault lab on the real cluster; goes on where it stopped; writes the figures
	@exec $(BIN)/python -m tests.drill.lab --write docs/benchmarks/lab.md $(ARGS)

golden: $(VENV)/.developer ## accept what the commands print now as expected; look at the diff
	@STRATUS_UPDATE_GOLDEN=1 $(BIN)/python -m pytest -q tests/cli tests/render

transcript: $(VENV)/.stratus ## put the demo's output into README.md
	@$(BIN)/python -m tools.transcript

constraints: $(VENV)/.stratus ## pin the newest allowed versions of everything installed
	@$(BIN)/python -m tools.constraints

clean: ## remove what was made here, the environment too
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find stratus_cli tests tools bench -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.stratus: constraints.txt pyproject.toml tools/environment.sh
	@sh tools/environment.sh $(VENV) -r constraints.txt

$(VENV)/.developer: constraints.txt constraints-dev.txt constraints-agents.txt pyproject.toml \
		tools/environment.sh
	@sh tools/environment.sh $(VENV) -r constraints.txt -r constraints-dev.txt \
		-r constraints-agents.txt
	@touch $(VENV)/.stratus $@
