# `make` lists the targets. Everything runs from .venv, which `make setup` makes with venv and pip alone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := scripts/install.sh $(BIN)/python
# In full, as docker means it, so that podman's image has the name too that the manifests ask for.
IMAGE ?= docker.io/library/crashy-app:1.0.0
PYTHON_IMAGE ?= docker.io/library/python:3.13-slim
CLUSTER ?= crashy
WILD ?= ../shared/wild
URL ?= http://127.0.0.1:30080
CONTAINERS ?= $(shell scripts/containers.sh)

.DEFAULT_GOAL := help
.PHONY: help setup demo lessons parity test test-locks test-pythons kube-test wild noise law fuzz fidelity lint bench dist image sbom kind-up kind-load deploy lab crash freeze recover curl-test kind-down lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/python:
	@scripts/need-python.sh $(PYTHON)
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

# An install is remembered by a stamp, so that a second run costs nothing.
$(VENV)/.lab: requirements/build.txt requirements/lab.txt pyproject.toml | $(BIN)/python
	@echo "installing what the laboratory needs (pinned in requirements/lab.txt)"
	@$(INSTALL) build lab .
	@# An older pip's launcher imports `re` to look for .exe in its own name: half of what Python's start costs.
	@sed -i.pip -e '/^import re$$/d' -e '/re\.sub(/d' $(BIN)/crashy && rm $(BIN)/crashy.pip
	@touch $@

# The client of --on kube is 50 MB with its byte code, most of it models: `make demo` and `make lessons` do without.
$(VENV)/.kube: $(VENV)/.lab requirements/kube.txt
	@echo "installing what --on kube needs (pinned in requirements/kube.txt)"
	@$(INSTALL) kube
	@touch $@

$(VENV)/.dev: $(VENV)/.lab requirements/dev.txt
	@echo "installing what the tests need (pinned in requirements/dev.txt)"
	@$(INSTALL) dev
	@touch $@

setup: $(VENV)/.lab $(VENV)/.kube ## make .venv with crashy in it (.venv/bin/crashy)

demo: $(VENV)/.lab ## the main job: pods crash and freeze, probes notice, restarts heal (no cluster, no Docker)
	@$(BIN)/crashy demo

lessons: $(VENV)/.lab ## run every lesson of experiments/ in the lab and on sim; a line each, an HTML report each
	@$(BIN)/python scripts/lessons.py

parity: $(VENV)/.lab ## run every lesson on KUBECONFIG's cluster, in the lab and on sim, and compare (PARITY=…)
	@$(BIN)/python scripts/parity.py $(PARITY)

# Whoever has KUBECONFIG set may have it set to a cluster that matters: only `make kube-test` uses one.
# Half of the tests' time is labs' real time: three workers on two cores. A file is one worker's; tests/conftest.py has
# the order.
test: $(VENV)/.dev ## run the tests
	@env -u KUBECONFIG $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m 'not trace_lab and not workload_lab and not locks' $(PYTEST_FLAGS)

kube-test: $(VENV)/.dev ## run the tests that need a cluster on the one that KUBECONFIG names (five minutes)
	@$(BIN)/pytest -n 2 --dist loadgroup -m kube --durations=5 $(PYTEST_FLAGS)

test-locks: $(VENV)/.dev ## install every lock with old and new pips on every Python of this machine (fifteen minutes)
	@$(BIN)/pytest -n 2 -m locks --durations=5 $(PYTEST_FLAGS)

test-pythons: $(VENV)/.dev ## run the quick tests and the demo on every Python 3.11 to 3.14 of this machine (PYTHONS=…)
	@PYTEST_FLAGS="$(PYTEST_FLAGS)" scripts/test-pythons.sh $(PYTHONS)

wild: $(VENV)/.dev ## run other people's manifests on sim and count them (WILD=FOLDER, default ../shared/wild)
	@$(BIN)/python scripts/wild.py $(WILD)

noise: $(VENV)/.dev ## count how often each rule of check fires on other people's manifests (WILD=FOLDER)
	@$(BIN)/python scripts/noise.py $(WILD)

law: $(VENV)/.dev ## compare check's numbers with sim for all of other people's manifests (WILD=FOLDER; three minutes)
	@WHOLE=1 WILD=$(WILD) $(BIN)/pytest -n 2 tests/check/test_law.py $(PYTEST_FLAGS)

# Both are in `make test` too, with fewer cases.
fuzz: $(VENV)/.dev ## 5,000 requests by the OpenAPI document, 3,000 injections and recoveries at random (ten to twenty minutes)
	@EXAMPLES=30 RUNS=120 $(BIN)/pytest -n 2 --timeout 1200 --durations=3 tests/server/test_openapi_fuzz.py tests/server/test_residue.py $(PYTEST_FLAGS)

fidelity: $(VENV)/.dev ## count the conformance cases and the traces of real kubelets that pass
	@$(BIN)/python -m pytest -p tests.fidelity -n 2 --no-header $(PYTEST_FLAGS)

lint: $(VENV)/.dev ## ruff, mypy, shellcheck
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/shellcheck scripts/*.sh .ci/run

bench: $(VENV)/.dev ## measure beside peers, about sixteen minutes (SECTIONS="cold_start lab" for some); figures in build/bench
	@$(BIN)/python -m benchmarks $(SECTIONS)

dist: ## build the sdist and the wheel into dist/, check both, and try the wheel in an empty environment
	@PYTHON=$(PYTHON) scripts/dist.sh

# HEALTHCHECK is Docker's own; podman and buildah keep it only with --format docker.
image: ## build the container image (IMAGE=…, PYTHON_IMAGE=…, CONTAINERS=docker, podman or buildah, BUILD_FLAGS=…)
	@[ -n "$(CONTAINERS)" ]
	$(CONTAINERS) build $(if $(filter docker,$(CONTAINERS)),,--format docker) $(BUILD_FLAGS) --build-arg PYTHON_IMAGE=$(PYTHON_IMAGE) \
		--label org.opencontainers.image.version=$(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' crashy/__init__.py) \
		--label org.opencontainers.image.revision=$(shell git rev-parse HEAD 2>/dev/null) \
		--label org.opencontainers.image.created=$(shell git log -1 --format=%cI 2>/dev/null) \
		-t $(IMAGE) .

sbom: ## write the image's bill of materials to build/sbom.cdx.json (CycloneDX; by syft where it is there)
	@PYTHON=$(PYTHON) scripts/sbom.sh $(IMAGE)

kind-up: ## make a kind cluster with NodePorts 30000, 30080 and 30090 on this machine (CLUSTER=…)
	@scripts/need.sh kind kubectl
	@[ -n "$(CONTAINERS)" ]
	KIND_EXPERIMENTAL_PROVIDER=$(CONTAINERS) kind create cluster --name $(CLUSTER) --config scripts/kind.yaml

kind-load: ## load the image into the kind cluster
	@scripts/need.sh kind
	@[ -n "$(CONTAINERS)" ]
	@mkdir -p build
	@rm -f build/image.tar
	$(CONTAINERS) save -o build/image.tar $(IMAGE)
	KIND_EXPERIMENTAL_PROVIDER=$(CONTAINERS) kind load image-archive build/image.tar --name $(CLUSTER)
	@rm -f build/image.tar

deploy: ## deploy the two webapp pods and their Service to the current cluster, and wait until both are ready
	@scripts/deploy.sh webapp
	@kubectl wait --for=condition=Ready pod -l name=simple-webapp --timeout=60s

lab: ## deploy any lab or lesson of manifests/ to the current cluster (NAME=…; without it, the names)
	@scripts/deploy.sh $(NAME)

crash: ## crash one pod behind URL (URL=…, default http://127.0.0.1:30080)
	@scripts/crash-app.sh $(URL)

freeze: ## freeze one pod behind URL
	@scripts/freeze-app.sh $(URL)

recover: ## take back the faults of one pod behind URL
	@scripts/recover-app.sh $(URL)

curl-test: ## ask URL twenty times, as the lab's script does
	@scripts/curl-test.sh $(URL)

kind-down: ## delete the kind cluster
	@scripts/need.sh kind
	@[ -n "$(CONTAINERS)" ]
	KIND_EXPERIMENTAL_PROVIDER=$(CONTAINERS) kind delete cluster --name $(CLUSTER)

lock: ## pin the dependencies anew (needs uv)
	@scripts/need.sh uv
	@scripts/lock.sh

clean: ## delete what the other targets made
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
