# make demo: what a stranger sees first.   make test: every check.
PYTHON ?= python3.11
BIN := .venv/bin
PYTEST := $(BIN)/pytest -m "not gpu" --numprocesses 2 --dist worksteal
STUDY := results/studies/demo

.PHONY: demo test test-long check bench gpu-check coverage mutants format renew-golden clean

demo: .venv/runtime
	@echo
	@echo "1 of 3. Committed in this repository, not computed now: a small study, in $(STUDY)"
	@echo
	$(BIN)/bench table 1 --only-run --records $(STUDY)
	@echo "Its picture: $(STUDY)/figures/eyeq-twin/seeds-kappa.svg"
	@echo
	@echo "2 of 3. Computed now, on this machine, in about two minutes on two cores: photographs are drawn, and"
	@echo "both methods are trained on them. Two runs, one seed: an illustration, no evidence."
	@echo
	$(BIN)/bench sweep --table 1 --methods resnet50,comcl --ratios native --seeds 1 --dataset eyeq-twin --protocol demo --jobs 2
	$(BIN)/bench table 1 --only-run --protocol demo
	@echo "3 of 3. What to do next:"
	@echo "  $(BIN)/bench explain T1:comcl:eyeq-twin:native --protocol demo    where CoMCL's number above comes from"
	@echo "  $(BIN)/bench run --method comcl --dataset eyeq-twin --lq-ratio 0.7    one run of the whole study, in minutes"
	@echo "  $(BIN)/bench sweep --table 1 --dataset eyeq-twin --dry-run    all of its runs, with their time and disk"

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

# Speed as ratios of two pieces of work timed in turn: results/PERFORMANCE.md, in a quarter of an hour.
# Other programs slow both, but the fewer there are the narrower the ratios.
bench: .venv/made
	$(BIN)/pytest tests/speed --benchmark-enable --benchmark-json=.venv/benchmarks.json
	$(BIN)/python tests/speed/page.py .venv/benchmarks.json results/PERFORMANCE.md

# What can be said of a graphics card in nine minutes, or a rehearsal of it on a processor. It installs
# nothing: PYTHON is an interpreter that has torch, WHEELS a folder for what it lacks besides.
gpu-check:
	@test -n "$(OUT)" || { echo "make gpu-check OUT=FOLDER: where its results go"; exit 2; }
	$(if $(WHEELS),$(PYTHON) -m pip install --quiet --no-index --find-links $(WHEELS) \
		--target $(OUT)/packages $(WHEELS)/*.whl)
	PYTHONPATH=.:$(OUT)/packages $(PYTHON) tests/gpu/check.py --out $(OUT)

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

# What the commands need, and nothing else. The gigabytes are those of the pinned versions: a test
# compares them with what is installed.
.venv/runtime: pyproject.toml constraints.txt
	@echo "Installing into .venv, by what torch the installer finds (README.md: how to choose):"
	@echo "  3.3 GB to download and 6.6 GB on disk with torch for CUDA, as PyPI has it for Linux"
	@echo "  0.4 GB to download and 1.7 GB on disk with torch for CPUs"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

# The tools that check the code, in the same environment.
.venv/made: .venv/runtime
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@
