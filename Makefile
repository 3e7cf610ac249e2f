# make demo: environment, both methods on the drawn twin, the table.   make test: every check.
PYTHON ?= python3.11
BIN := .venv/bin
PYTEST := $(BIN)/pytest -m "not gpu" --numprocesses 2 --dist worksteal
RUN := $(BIN)/bench run --dataset eyeq-twin --protocol smoke --lq-ratio 0.7

.PHONY: demo test test-long check coverage mutants format renew-golden clean

demo: .venv/made
	$(RUN) --method resnet50
	$(RUN) --method comcl
	$(BIN)/bench table

test: check

check: .venv/made
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(PYTEST)

# The same tests traced, which takes half as long again: 97 % of lines and branches or more.
coverage: .venv/made
	$(PYTEST) --cov --cov-report=term:skip-covered

# Long proofs, of which `make test` has a short version each: launchers killed 200 times, forty stored
# runs prepared anew, 100,000 locks held by processes that are killed and suspended, thousands of
# damaged files, bundles, label files and pictures. Two hours or more.
test-long: .venv/made
	BENCH_LONG=1 $(BIN)/pytest -s $(shell grep -rl --include='test_*.py' BENCH_LONG tests)

# Plants one fault at a time and asks whether a test notices: an hour or more.
mutants: .venv/made
	$(BIN)/python tests/contracts/planted_faults.py

format: .venv/made
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Every stored answer anew, one test at a time since they share files. A person reads the difference:
# where a loss moved, the lock needs a new version beside the new digest.
GOLDEN := tests/golden/test_losses.py tests/reporting/tables/test_build.py \
	tests/reporting/figures/test_figures.py tests/contracts/test_versions.py

renew-golden: .venv/made
	BENCH_RENEW_GOLDEN=1 $(BIN)/pytest $(GOLDEN)
	git --no-pager diff --stat tests/golden

clean:
	rm -rf .venv

# Torch comes through pip alone: other installers fetch a build of several gigabytes.
.venv/made: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@
