# `make` lists the targets. Everything runs from .venv, which `make setup` makes with venv and pip alone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
IMAGE ?= crashy-app:1.0.0
PYTHON_IMAGE ?= docker.io/library/python:3.13-slim
CLUSTER ?= crashy
URL ?= http://127.0.0.1:30080
CONTAINERS ?= $(firstword $(foreach tool,docker podman,$(if $(shell command -v $(tool)),$(tool))))

.DEFAULT_GOAL := help
.PHONY: help setup demo lessons test fidelity lint bench image kind-up kind-load deploy crash freeze recover curl-test kind-down lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "crashy needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1): make PYTHON=python3.12 …" >&2; exit 1; }
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

# An install is remembered by a stamp, so that a second run costs nothing.
$(VENV)/.lab: requirements/build.txt requirements/lab.txt pyproject.toml | $(BIN)/python
	@echo "installing what the laboratory needs (pinned in requirements/lab.txt)"
	@$(PIP) install --quiet --require-hashes -r requirements/build.txt -r requirements/lab.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.lab requirements/dev.txt
	@echo "installing what the tests need (pinned in requirements/dev.txt)"
	@$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

setup: $(VENV)/.lab ## make .venv with crashy in it (.venv/bin/crashy)

demo: $(VENV)/.lab ## the main job: pods crash and freeze, probes notice, restarts heal (no cluster, no Docker)
	@echo "Three pods behind one Service, ten requests a second. After 10 s one crashes, after 30 s another freezes:"
	@echo "see the probes notice, the Service drop the pod, the container restart. It takes a minute; Ctrl-C ends it."
	@$(BIN)/crashy lab manifests/demo --traffic web --for 60s \
		--at '10s any crash mode=errors' --at '30s any freeze'
	@echo "Now do it yourself: .venv/bin/crashy lab manifests/webapp, and scripts/freeze-app.sh in a second terminal."

lessons: $(VENV)/.lab ## run every lesson of experiments/ in the lab and on sim; a line each, an HTML report each
	@$(BIN)/python scripts/lessons.py

test: $(VENV)/.dev ## run the tests
	@$(BIN)/pytest -n 2 -m 'not trace_lab' $(PYTEST_FLAGS)

fidelity: $(VENV)/.dev ## count the conformance cases and the traces of real kubelets that pass
	@$(BIN)/python -m pytest -p tests.fidelity -n 2 --no-header $(PYTEST_FLAGS)

lint: $(VENV)/.dev ## ruff, mypy, shellcheck
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/shellcheck scripts/*.sh .ci/run

bench: $(VENV)/.dev ## measure against bare aiohttp (figures are ratios, both sides in one run)
	@$(BIN)/python -m benchmarks

image: ## build the container image (IMAGE=…, PYTHON_IMAGE=…)
	@scripts/need.sh 'docker|podman'
	$(CONTAINERS) build --build-arg PYTHON_IMAGE=$(PYTHON_IMAGE) -t $(IMAGE) .

kind-up: ## make a kind cluster with NodePort 30080 on this machine (CLUSTER=…)
	@scripts/need.sh kind 'docker|podman'
	kind create cluster --name $(CLUSTER) --config scripts/kind.yaml

kind-load: ## load the image into the kind cluster
	@scripts/need.sh kind
	kind load docker-image $(IMAGE) --name $(CLUSTER)

deploy: ## deploy the two webapp pods and their Service to the current cluster
	@scripts/need.sh kubectl
	kubectl apply -f manifests/webapp

crash: ## crash one pod behind URL
	@scripts/crash-app.sh $(URL)

freeze: ## freeze one pod behind URL
	@scripts/freeze-app.sh $(URL)

recover: ## take back the faults of one pod behind URL
	@scripts/recover-app.sh $(URL)

curl-test: ## ask URL twenty times, as the lab's script does
	@scripts/curl-test.sh $(URL)

kind-down: ## delete the kind cluster
	@scripts/need.sh kind
	kind delete cluster --name $(CLUSTER)

lock: ## pin the dependencies anew (needs uv)
	@scripts/need.sh uv
	@scripts/lock.sh

clean: ## delete what the other targets made
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
