# Two commands do all the set-up: `make demo` and `make test`.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
AIOT := $(BIN)/aiot
NOTEBOOKS := $(wildcard notebooks/*.ipynb)

# The first Python of 3.11 to 3.13 that starts (a name on the PATH may be a shim that does not).
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 to 3.13 was found: install one, or name it: make PYTHON=/path/to/python"; exit 1; }
	@echo "setup     Python packages into $(VENV) (3 GB, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[run,models,cluster,docs,dev]'
	@touch $@

.PHONY: setup
setup: $(VENV)/installed ## make the virtual environment

.PHONY: demo
demo: $(VENV)/installed ## measure this machine, simulate the 51 phones, and make the reports
	@$(AIOT) models prepare
	@$(AIOT) dataset make
	@$(AIOT) models check --summary
	@$(AIOT) run --local --resume
	@$(AIOT) profile --resume --repeat 5
	@$(AIOT) simulate --replace
	@$(AIOT) process
	@$(AIOT) report

ALL_MODELS := resnet50,inception_v3,densenet121,squeezenet,mobilenet_v2,mnasnet
ALL := --models $(ALL_MODELS) --frameworks tflite,pytorch,caffe2,executorch

.PHONY: demo-full
demo-full: legacy $(VENV)/installed ## the same with all six models on all frameworks (4 GB more, and takes long)
	@$(AIOT) frameworks install executorch
	@$(AIOT) models prepare $(ALL)
	@$(AIOT) dataset make
	@$(AIOT) models check --summary
	@$(AIOT) run --local --resume $(ALL)
	@$(AIOT) profile --resume --frameworks pytorch,caffe2 --repeat 20
	@$(AIOT) simulate --replace
	@$(AIOT) process
	@$(AIOT) report

.PHONY: legacy
legacy: $(VENV)/installed ## make the environment of Caffe2 and PyTorch Mobile with XNNPACK (2 GB, in the user's cache)
	@$(AIOT) frameworks install legacy

# On all cores, see tests/scheduling.py. COVERAGE is what `.ci/run` adds.
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
fuzz: $(VENV)/installed ## the tests that draw their examples, with others and ten times as many as `make test` has
	$(PYTEST) -m hypothesis --hypothesis-profile=search

.PHONY: e2e-all
e2e-all: $(VENV)/installed ## all tests with real adbd devices, bundles and other processors (what `make test` leaves out as well)
	$(BIN)/pytest -ra --e2e-all tests/e2e tests/runner/bundle

# Options for JupyterLab, like `make lab LAB="--no-browser --port 9000"`. In a container the user is often root.
LAB ?=
.PHONY: lab
lab: $(VENV)/installed ## open JupyterLab on the notebooks to explore in (without a browser it prints the address)
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/explore/explore.ipynb $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB) notebooks

.PHONY: report
report: $(VENV)/installed ## render the reports again where something changed
	@$(AIOT) process
	@$(AIOT) report

.PHONY: docs
docs: $(VENV)/installed ## build the documentation as a site in build/docs (what is wrong in it stops it)
	@$(BIN)/python docs/generate.py
	@$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --nitpicky docs build/docs
	@echo "docs      build/docs/index.html"

.PHONY: calibrate
calibrate: $(VENV)/installed ## error rates of the statistics with planted truths, into docs/statistics.md (12 minutes)
	$(BIN)/python -m aiot_analysis.calibrate

.PHONY: bench
bench: $(VENV)/installed ## measure speed against peers (needs what `make demo` made)
	$(BIN)/python -m benchmarks
