# Every target makes itself ready first: Debian packages, virtual environment, locked PyPI packages.
.PHONY: serve test check format bench torture lock
MAKEFLAGS += --no-print-directory
BIN := .venv/bin

serve: ## start the forge behind the guard; ARGS="--upstream http://127.0.0.1:3000" passes options on
	@set-up/prepare serve
	@exec $(BIN)/stockade serve $(ARGS)

test: ## check, then the whole suite in parallel; ARGS="-k redis" passes options on
	@set-up/prepare test
	@$(MAKE) check
	@$(BIN)/python -m pytest --quiet $(ARGS)

check: ## format, lint and strict types
	@set-up/prepare develop
	@$(BIN)/ruff format --quiet --check || { echo 'stockade: some files are not formatted: make format'; exit 1; }
	@$(BIN)/ruff check --quiet
	@$(BIN)/python -m mypy

format: ## rewrite every file in the one format, with the safe fixes of the linter
	@set-up/prepare develop
	@$(BIN)/ruff check --quiet --fix || true
	@$(BIN)/ruff format

bench: ## measure against the peers, side by side; ARGS passes options on
	@set-up/prepare bench
	@$(BIN)/python bench/run.py $(ARGS)

torture: ## tamper with an audit log in every known way, and kill its writer 1,000 times; ARGS="--kills 50" for fewer
	@set-up/prepare develop
	@$(BIN)/python torture/run.py $(ARGS)

lock: ## resolve pyproject.toml anew into the lock files
	@set-up/prepare develop
	@set-up/lock
