# Both `make demo` and `make test` do all the set-up.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
AIOT := $(BIN)/aiot
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# The first Python 3.11 to 3.13 that starts (a name on the PATH may be a shim that does not work). The analysis also runs
# on 3.14, but the converters of the extra `models` need an xdsl whose typing-extensions is too old for pydantic's wheels.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 to 3.13 was found: install one, or set its path, for example make PYTHON=/path/to/python"; exit 1; }
	@echo "setup     installing Python packages into $(VENV) (3 GB, only once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) 'pip>=25.1' # older ones do not know --group
	@$(PIP) -e '.[run,models,onnxruntime,ncnn,mnn,timm,cluster,share]' --group dev --group docs
	@touch $@

.PHONY: setup
setup: $(VENV)/installed ## make the virtual environment

ONNX := --frameworks onnxruntime --models mobilenet_v2

.PHONY: demo
demo: $(VENV)/installed ## measure this machine, import published results, simulate the 51 phones, and make the reports
	@$(AIOT) models prepare
	@$(AIOT) models prepare $(ONNX)
	@$(AIOT) dataset make
	@$(AIOT) models check --summary
	@$(AIOT) run --local --resume
	@$(AIOT) run --local --resume $(ONNX)
	@$(AIOT) operators --resume --repeat 5
	@$(AIOT) import --published
	@$(AIOT) simulate --replace
	@$(AIOT) process
	@$(AIOT) report

.PHONY: demo-full
demo-full: legacy $(VENV)/installed ## the same with the suites `paper` and `today` whole (4 GB more, and slow)
	@$(AIOT) frameworks install executorch
	@$(AIOT) models prepare --suite paper
	@$(AIOT) models prepare --suite today
	@$(AIOT) dataset make
	@$(AIOT) models check --summary
	@$(AIOT) run --local --resume --suite paper
	@$(AIOT) run --local --resume --suite today
	@$(AIOT) operators --resume --frameworks pytorch,caffe2 --repeat 20
	@$(AIOT) import --published
	@$(AIOT) simulate --replace
	@$(AIOT) process
	@$(AIOT) report

.PHONY: legacy
legacy: $(VENV)/installed ## make the environment of Caffe2 and PyTorch Mobile with XNNPACK (2 GB, in the user's cache)
	@$(AIOT) frameworks install legacy

# Uses all cores, see tests/scheduling.py. COVERAGE is set by `.ci/run`.
PYTEST := $(BIN)/pytest -ra --numprocesses logical $(COVERAGE)

.PHONY: test
test: $(VENV)/installed ## lint, types, and every unit, property, page and browser test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST) -m "not slow and not e2e"

.PHONY: test-all
test-all: test ## `make test`, then heavy conversions, adbd devices, Caffe2, bundles, and notebooks on all kinds of data
	$(PYTEST) -m "slow or e2e"

.PHONY: fuzz
fuzz: $(VENV)/installed ## property tests, with other examples than `make test` and ten times as many
	$(PYTEST) -m hypothesis --hypothesis-profile=search

.PHONY: e2e-all
e2e-all: $(VENV)/installed ## all tests with real adbd devices, bundles and other processors (including those that `make test` skips)
	$(BIN)/pytest -ra --e2e-all tests/e2e tests/runner/bundle

# Options for JupyterLab, for example `make lab LAB="--no-browser --port 9000"`.
LAB ?=
.PHONY: lab
lab: $(VENV)/installed ## open JupyterLab on the notebooks for exploring (without a browser, the address is printed)
	@$(AIOT) lab $(LAB)

.PHONY: report
report: $(VENV)/installed ## update the reports where something has changed
	@$(AIOT) process
	@$(AIOT) report

.PHONY: docs
docs: $(VENV)/installed ## build the documentation site in build/docs (stops at any error in it)
	@$(BIN)/python docs/generate.py
	@$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --nitpicky docs build/docs
	@echo "docs      build/docs/index.html"

.PHONY: pictures
pictures: $(VENV)/installed ## take the pictures of README.md and docs/ from the results of `make demo`
	@$(BIN)/python docs/pictures.py

.PHONY: calibrate
calibrate: $(VENV)/installed ## write error rates of the statistics on data with known effects to docs/statistics.md (10 minutes)
	$(BIN)/python -m aiot_analysis.calibrate

# Options, for example `make campaign CAMPAIGN="--only drop reboot --moments 3 --seed 7"`.
CAMPAIGN ?=
.PHONY: campaign
campaign: $(VENV)/installed ## count what goes wrong after faults at random moments of runs, in docs/devices.md (an hour)
	$(BIN)/python -m tests.campaign $(CAMPAIGN)

.PHONY: bench
bench: $(VENV)/installed ## compare the speed with that of other tools (run `make demo` first)
	$(BIN)/python -m benchmarks
