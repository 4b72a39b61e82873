# `make demo` and `make test` are all a newcomer needs. The environment lives in .venv; PYTHON picks the interpreter.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SEEDS ?= 5

.PHONY: demo test lint bench claims docs browser clean

$(VENV)/.base: pyproject.toml assets.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v[:2] <= (3, 13) else \
	  f"Acteme needs Python 3.11 to 3.13, this is {v[0]}.{v[1]}; name another one: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "torch>=2.6,<2.14"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	$(BIN)/acteme data assets
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $@

demo: $(VENV)/.base  ## train LAC on real motion, predict a recording it never saw, write demo/report.html
	$(BIN)/python examples/demo.py

test: $(VENV)/.dev browser  ## the whole test suite
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.dev  ## style, types, layering
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev  ## speed and memory against the usual alternatives, to benchmarks/README.md
	for script in benchmarks/[a-z]*.py; do $(BIN)/python $$script || exit 1; done
	$(BIN)/python docs/generate.py

claims: $(VENV)/.dev  ## every paper's claim as an experiment, to ledger/
	$(BIN)/acteme claim all --seeds $(SEEDS)

docs: $(VENV)/.dev  ## the generated parts of README, docs and ledger
	$(BIN)/python docs/generate.py

browser: $(VENV)/.dev  # the report's tests open it in a browser
	@command -v chromium chromium-browser google-chrome >/dev/null 2>&1 || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq chromium; } || \
	  $(BIN)/playwright install chromium

clean:
	rm -rf $(VENV) demo
