# Every target sets up what it needs: the environment from constraints.txt, and for tests a browser.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=

.PHONY: help demo test check bench torture format clean

help:
	@echo "make demo                    a local Slack workspace, a broken shop, and Sitrep; you play the people"
	@echo "make demo ARGS=--autoplay    the same, with the people played too"
	@echo "make demo ARGS='--port 9000 --no-browser'    another port; nothing is opened"
	@echo "make test                    all tests; make test ARGS='-k deploy' some of them"
	@echo "make check                   lint and types; make format mends what can be mended"
	@echo "make bench                   the figures of docs/reliability.md; make torture kills it 300 times"
	@echo "make clean                   remove the environment and what demo and tests wrote"

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Sitrep needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Sitrep into $(VENV) (once, a minute or two)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(STAMP)
	@$(BIN)/sitrep demo $(ARGS)

# Four at once on two cores: half of the time a test waits for a process, a page or a clock.
test: $(STAMP)
	@sh tests/setup.sh
	$(BIN)/pytest -n 4 --dist loadscope --no-loadscope-reorder $(ARGS)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)
	$(BIN)/python -m tests.benchmarks --json var/bench/figures.json --plot var/bench/figures.svg $(ARGS)

torture: $(STAMP)
	$(BIN)/python -m tests.torture $(ARGS)
	$(BIN)/python -m tests.replicas
	$(BIN)/pytest -m torture
	$(BIN)/pytest --hypothesis-profile=searching tests/property tests/integration/escalation/test_any_course.py

clean:
	rm -rf $(VENV) var
