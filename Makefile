# Every target makes the virtualenv it needs; nothing has to be installed first but Python >= 3.11.
# Another Python: make test PYTHON=python3.12. More arguments for pytest: make test ARGS="-k conf -x".

PYTHON ?= $(shell .ci/python)
VENV ?= .venv
CLIENTS ?= 60
PORT ?= 8000
SEED ?= 1
ARGS ?=

BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check

# Where nothing may be written down, each process compiles all of it anew: a quarter of the time that the tests take.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test lint docs bench prove clean

help:  ## Say what there is to make
	@sed -n 's/^\([a-z]*\):.*##/  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(VENV)/.for-demo  ## Try it out with made-up clients and a fake iDenfy (CLIENTS=60 PORT=8000)
	@$(BIN)/python -m example_project.demo --clients $(CLIENTS) --port $(PORT)

test: $(VENV)/.for-test  ## Run the tests on SQLite, or on DATABASE_URL
	$(BIN)/pytest --numprocesses=auto --dist=worksteal --ignore=tests/browser --ignore=tests/workers $(ARGS)

lint: $(VENV)/.for-lint  ## Check style, types, templates and migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy idenfy_kyc example_project prove tests
	@find idenfy_kyc example_project -name '*.html' -exec $(BIN)/djade --check --target-version 5.2 {} +
	@find idenfy_kyc example_project tests -name '*.py' -exec $(BIN)/django-upgrade --check --target-version 5.2 {} +
	@$(BIN)/pre-commit validate-config
	@DATABASE_URL=sqlite://:memory: DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m django makemigrations --check

docs: $(VENV)/.for-docs  ## Build the documentation, into docs/_build/html; a warning is an error
	$(BIN)/sphinx-build --nitpicky --fail-on-warning --keep-going --quiet docs docs/_build/html

bench: $(VENV)/.for-bench  ## Measure what asking and hearing cost, and count queries
	@$(BIN)/python -m benchmarks.queries
	@$(BIN)/python -m benchmarks.confirming
	@$(BIN)/python -m benchmarks.sending
	@$(BIN)/python -m benchmarks.receiving
	@$(BIN)/python -m benchmarks.workers
	@$(BIN)/python -m benchmarks.growing
	@$(BIN)/python -m benchmarks.million

prove: $(VENV)/.for-bench  ## Break servers, database and iDenfy, and count what must hold: six minutes (SEED=1)
	@CI=true ENGINES=postgresql .ci/databases $(BIN)/python -m prove --seed $(SEED)

clean:  ## Take away the virtualenv, caches and what was built
	rm -rf $(VENV) $(VENV)-* build dist docs/_build *.egg-info .coverage .coverage.* htmlcov .*_cache .hypothesis

# One virtualenv for all; each group of packages is installed when it is first needed, and again when the lists change.
$(VENV)/.for-%: $(VENV)/.made setup.cfg pyproject.toml
	@echo "Installing what 'make $*' needs …"
	@$(INSTALL) --editable . --group $*
	@touch $@

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, with venv (on Debian python3-venv too). Install it, or name it: make PYTHON=…" >&2; exit 1; }
	@echo "Making a virtualenv in $(VENV) with $$($(PYTHON) --version) …"
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) --upgrade "pip>=25.1"
	@touch $@
