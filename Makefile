# Everything that a developer does here. Each target sets up what it needs in .venv, from hash-locked Python packages alone.

VENV := .venv
BIN := $(VENV)/bin
OLDEST := 3.11
# The first of these that is new enough makes the environment; PYTHON=/path/to/python3.13 chooses another.
PYTHON ?= python3 python3.14 python3.13 python3.12 python3.11
# ARGS goes to the command behind a target: make test ARGS='-k calendar'
ARGS ?=

WHEEL_FOLDERS := warnwatch alert_rules examples grafana
WHEEL_SOURCES := $(shell find $(WHEEL_FOLDERS) -type f ! -path '*/__pycache__/*' ! -name '*[[:space:]]*' | LC_ALL=C sort)

export UV_NO_PROGRESS := 1
export UV_PYTHON := $(BIN)/python
export UV_COMPILE_BYTECODE := 1
export UV_SYSTEM_CERTS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup check format texts test test-servers faults demo run bench bench-import bench-mail lock wheel clean force

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

setup: $(VENV)/.dev $(VENV)/.wheel ## the locked environment for working on WarnWatch, in .venv

check: setup ## format, lint, types, import contracts, the shipped rules and their tests
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/warnwatch check alert_rules/
	$(BIN)/warnwatch test alert_rules/

format: $(VENV)/.dev ## lay out the code and mend what ruff can mend
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

texts: $(VENV)/.dev ## gather what the program says into the catalogue of English texts; lists what is still to be translated
	$(BIN)/python scripts/gather_texts.py

test: setup ## all tests but those that need servers from Debian, against the built wheel
	WARNWATCH_TEST_WHEEL=1 $(BIN)/pytest -n 2 -m 'not servers' $(ARGS)

test-servers: setup ## tests against Debian's Postfix, Prometheus and Chromium; installs them as root
	scripts/install-servers
	WARNWATCH_TEST_WHEEL=1 $(BIN)/pytest -m servers $(ARGS)

faults: setup ## the service killed at every numbered point, and the books compared: ARGS='--from-seed 0 --trials 500'
	PYTHONPATH=tests $(BIN)/python -m faults $(ARGS)

demo: $(VENV)/.wheel ## Plan 02, judged and warned about: a first mail in a local mailbox, and the page
	$(BIN)/warnwatch demo $(ARGS)

run: $(VENV)/.wheel ## the service itself: scheduler, sender and web; ARGS='--config FILE'
	$(BIN)/warnwatch serve $(ARGS)

bench: setup ## the figures of the quiet cycle at 10,000 to 1,000,000 tasks
	$(BIN)/python benchmarks/quiet_cycle.py $(ARGS)

bench-import: setup ## what an import costs at 10,000 to 1,000,000 tasks; ARGS=--postgresql
	$(BIN)/python benchmarks/importing.py $(ARGS)

bench-mail: setup ## mails a second, beside Debian's Alertmanager and smtp-source; ARGS='--heads 1000 --runs 5'
	$(BIN)/python benchmarks/mail.py $(ARGS)

LOCK := $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version $(OLDEST) --no-header --no-annotate
lock: $(VENV)/.tools ## resolve pyproject.toml anew into the three lock files; ARGS=--upgrade takes newer releases
	$(LOCK) $(ARGS) --all-extras pyproject.toml -o requirements-dev.txt
	$(LOCK) pyproject.toml -c requirements-dev.txt -o requirements.txt
	printf 'hatchling\nuv\n' | $(LOCK) - -c requirements-dev.txt -o requirements-build.txt

wheel: $(VENV)/.wheel ## the wheel, in dist/
	mkdir -p dist
	cp $(VENV)/wheel/*.whl dist/

clean: ## remove the environment, the wheel and all caches
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv does the work; where it finds no packages (it does not read pip's settings, such as a mirror), pip does it.
INSTALL = $(BIN)/uv pip install --quiet --require-hashes -r $(1) || $(BIN)/pip install --quiet --require-hashes -r $(1)

$(VENV)/.tools: requirements-build.txt scripts/find-python
	@python=$$(scripts/find-python $(OLDEST) $(PYTHON)) || exit 1; \
	echo "Setting up $(VENV) with $$python (once; a minute or two on a usual line)"; \
	"$$python" -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements-build.txt
	@touch $@

$(VENV)/.runtime: requirements.txt $(VENV)/.tools
	$(call INSTALL,requirements.txt)
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	$(call INSTALL,requirements-dev.txt)
	@touch $@

# A file that was added or removed changes this list, and with it the wheel.
$(VENV)/.sources: force $(VENV)/.tools
	@printf '%s\n' $(WHEEL_SOURCES) > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(VENV)/.wheel: $(VENV)/.runtime $(VENV)/.sources $(WHEEL_SOURCES) pyproject.toml README.md LICENSE
	@rm -rf $(VENV)/wheel
	$(BIN)/hatchling build -t wheel -d $(VENV)/wheel
	$(BIN)/uv pip install --quiet --offline --no-deps --reinstall-package warnwatch $(VENV)/wheel/*.whl
	@touch $@
