# Needs Python 3.11 or newer and make; everything else goes into .venv. Works as root or not, without a terminal too.

PACKAGES = hub channels streams profile_store rules desk bench
PYTHONS = python3 python3.13 python3.12 python3.11 python3.14
PIP = .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check
# uv writes no address into a lock, so a mirror that pip is set up for is used as it should be.
LOCK = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command "make lock" $(UPGRADE)
# Without .pyc files every command starts 2.5 times slower; some environments forbid Python to write them by itself.
COMPILE = env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -m compileall -q -j 0
PYTEST = .venv/bin/python -m pytest
# Unit tests reckon and the others wait: beside each other, and giving way, they take half the time.
BY_THE_CLOCK = tests/unit/test_supervisor.py
OTHERS = tests/browser tests/contract tests/faults tests/flow $(BY_THE_CLOCK)
UNIT = nice -n 15 $(PYTEST) -m "not full" -p no:cacheprovider tests/unit --ignore=$(BY_THE_CLOCK)

.PHONY: help run demo test test-full check bench lock docs clean browser redis again

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

run: .venv/.runtime ## run the whole hub here; Ctrl-C stops it
	@.venv/bin/hub up

demo: .venv/.runtime ## play a customer's story against the running hub
	@.venv/bin/hub demo

test: .venv/.dev browser redis ## all tests but the long ones, on a real Kafka and Redis
	@$(UNIT) >.unit.log 2>&1 & unit=$$!; trap "kill $$unit" INT TERM; \
	$(PYTEST) -m "not full" $(OTHERS); others=$$?; \
	wait $$unit; unit=$$?; cat .unit.log; rm -f .unit.log; test $$others -eq 0 && test $$unit -eq 0

test-full: .venv/.dev browser redis ## the long tests too
	@$(PYTEST) -m "full or not full"

check: .venv/.dev ## format, lint, strict types, import directions: seconds
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy $(PACKAGES) tests
	@$(PYTEST) -q --no-header tests/unit/test_house.py

bench: .venv/.runtime ## measure, beside the baselines
	@.venv/bin/hub bench

lock: .venv/.dev ## pin the dependencies anew; UPGRADE=--upgrade takes the newest ones
	@$(PIP) uv
	@echo 'setuptools>=80' | $(LOCK) --output-file requirements.lock pyproject.toml -
	@echo 'setuptools>=80' | $(LOCK) --constraint requirements.lock --extra dev \
		--output-file requirements-dev.lock pyproject.toml -

docs: .venv/.dev ## bring README's channel table up to date
	@.venv/bin/python -m channels.table README.md

clean: ## remove .venv and everything that was built; the data in .hub stays
	@rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.runtime: requirements.lock pyproject.toml | .venv/bin/python
	@echo "Installing what the hub needs; the first time this takes a minute or so."
	@$(PIP) --no-compile --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(COMPILE) .venv/lib $(PACKAGES) || true
	@touch $@

.venv/.dev: .venv/.runtime requirements-dev.lock
	@echo "Installing what the tests need."
	@$(PIP) --no-compile --require-hashes -r requirements-dev.lock
	@$(COMPILE) .venv/lib || true
	@touch $@

# A .venv whose Python was upgraded away is made again.
ifeq ($(wildcard .venv/bin/python),)
.venv/.runtime: again
endif

.venv/bin/python:
	@for one in $(PYTHONS); do \
		"$$one" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; found=$$one; \
		"$$one" -c 'import ensurepip, venv' 2>/dev/null || continue; \
		echo "Making .venv with $$("$$one" --version)."; \
		"$$one" -m venv --clear .venv && exit 0; rm -rf .venv; exit 1; \
	done; \
	if [ -n "$$found" ]; then echo "$$found has no venv: install it (Debian, Ubuntu: apt install python3-venv)."; \
	else echo "Python 3.11 or newer is missing (looked for: $(PYTHONS))."; fi >&2; exit 1

# The desk is tested in a real browser where there is one.
browser:
	@for one in chromium chromium-browser google-chrome-stable google-chrome; do command -v $$one >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium for the browser tests."; export DEBIAN_FRONTEND=noninteractive; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null && exit 0; \
	fi; echo "No Chromium here: the browser tests will be skipped. Install it to run them."

# Everything is tested on the Valkey that comes along, and the ledgers on Redis too, where there is one.
redis:
	@command -v redis-server >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Redis for the tests that compare servers."; export DEBIAN_FRONTEND=noninteractive; \
		apt-get update -qq && RUNLEVEL=1 apt-get install -y -qq --no-install-recommends redis-server >/dev/null && exit 0; \
	fi; echo "No redis-server here: tests that compare it with Valkey will be skipped. Install it to run them."
