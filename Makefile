# Everything a user needs: `make up` and `make test`. Paths may contain spaces: nothing here uses absolute ones.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin

.PHONY: up test test-slow check bench messages
.DEFAULT_GOAL := up

up: .venv/requirements.stamp
	@exec $(BIN)/python manage.py up

test: .venv/requirements-dev.stamp
	@$(BIN)/python -m pytest -n 2

test-slow: .venv/requirements-dev.stamp
	@$(BIN)/python -m pytest -n 2 -m ""

# `check --deploy` looks at production settings, with secrets that are thrown away.
check: .venv/requirements-dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@$(BIN)/python .ci/production.py check --deploy --fail-level WARNING
	$(BIN)/python .ci/production.py makemigrations --check --dry-run

bench: .venv/requirements-dev.stamp
	@$(BIN)/python -m bench

messages: .venv/requirements.stamp
	$(BIN)/python manage.py makemessages --locale vi --ignore .venv --no-obsolete --add-location file
	$(BIN)/python manage.py compilemessages --ignore .venv

# A stamp holds the hash of the requirements that are installed; the packages are installed again when it differs.
.venv/%.stamp: FORCE
	@PYTHON="$(PYTHON)" .ci/install $*.txt

.PHONY: FORCE
FORCE:
