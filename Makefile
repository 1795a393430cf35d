# The two commands of the README, and what a contributor runs in between.
# Everything goes into .venv; what the system lacks is installed by tools/setup.sh.

BIN := .venv/bin
STAMP := .venv/.installed
# Those of the first kind need no processes of their own, wait for much, and may run side by side.
UNIT_TESTS := tests/unit tests/contract tests/api
CLOUD_TESTS := tests/differential tests/chaos tests/integration

.PHONY: demo test check unit chaos format lock down clean help

help:  ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

demo: $(STAMP)  ## Bring a cloud up, boot instances, show the 18 steps of one
	@PATH="$(CURDIR)/$(BIN):$$PATH" tools/demo.sh

test: $(STAMP)  ## Run the checks and all tests
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory unit
	$(BIN)/pytest $(CLOUD_TESTS)

check: $(STAMP)  ## Run ruff, mypy and import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(STAMP)  ## Run the tests that need no broker
	$(BIN)/pytest -n 3 $(UNIT_TESTS)

chaos: $(STAMP)  ## Break a cloud of its own at random for 10 minutes, and judge it
	@PATH="$(CURDIR)/$(BIN):$$PATH" tools/chaos.sh

format: $(STAMP)  ## Bring the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(STAMP)  ## Pin the versions anew, from the ranges in pyproject.toml
	$(BIN)/python -m piptools compile --quiet --upgrade \
		--extra clients --extra dev --extra mariadb --extra postgresql --strip-extras \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--output-file requirements.lock pyproject.toml

down:  ## End the demo's cloud and remove its state
	$(BIN)/devstack-lite down --wipe

clean:  ## Remove the virtual environment and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(STAMP): requirements.lock pyproject.toml tools/setup.sh
	@tools/setup.sh
