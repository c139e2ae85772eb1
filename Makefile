# Terrace 梯田. `make help` lists the targets; all of them do their own set-up.
PY   ?= python3
VENV := .venv
BIN  := $(VENV)/bin
export PYTHONDONTWRITEBYTECODE ?= 1

.PHONY: help setup setup-dev run test check bench docs lock clean
help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## install what the server needs (.venv, node_modules)
	@$(PY) tools/setup.py

setup-dev:
	@$(PY) tools/setup.py --dev

run: setup ## all set-up, then the demo city (TERRACE_PORT, TERRACE_DATA_DIR)
	@$(BIN)/terrace serve --demo

test: setup-dev ## all set-up, then every check and every test, browser included
	@$(BIN)/python tools/test.py

check: setup-dev ## lint, types, import contracts
	@$(BIN)/python tools/test.py --check-only

bench: setup-dev ## benchmarks against peers; writes bench/results/*.json
	@$(BIN)/python bench/run.py

docs: setup-dev ## rewrite the generated parts of docs/ (diagrams, law table, openapi.json)
	@$(BIN)/python tools/docs.py

lock: ## renew the version locks (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url -q requirements.in -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url -q requirements-dev.in -c requirements.lock -o requirements-dev.lock
	npm install --package-lock-only --omit=optional

clean: ## remove what set-up made (not the data folder)
	rm -rf $(VENV) node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
