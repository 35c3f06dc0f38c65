# Builds the environment in .venv and runs what needs it. Needs Python 3.11 and make; uses uv when it is there.
#   ARGS="…"   passed on: to `penstock run` by run, to pytest by check and test
#   PYTHON=…   another Python 3.11      UV=   pip although uv is there      UPGRADE=1   newer versions in `make lock`
#   WORKERS=3  so many processes that test, in place of one for each processor: some tests wait more than they compute

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3.11
UV ?= $(shell command -v uv)
WORKERS ?= auto
BIN := .venv/bin

# What a user's settings say about the place packages come from is theirs; where and what to install is ours.
unexport PYTHONHOME PYTHONPATH PIP_CONSTRAINT PIP_PREFIX PIP_REQUIRE_HASHES PIP_ROOT PIP_TARGET PIP_USER
unexport UV_CONSTRAINT UV_EXCLUDE_NEWER UV_OVERRIDE UV_PROJECT_ENVIRONMENT UV_REQUIRE_HASHES UV_SYSTEM_PYTHON

# uv reads none of pip's settings: these hand on where the user's pip finds packages, and whom it trusts.
define UV_SETTINGS
export UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-}}" UV_INDEX="$${UV_INDEX:-$${PIP_EXTRA_INDEX_URL:-}}"; \
export UV_FIND_LINKS="$${UV_FIND_LINKS:-$$(tr -s ' ' ',' <<<"$${PIP_FIND_LINKS:-}")}"; \
export UV_INSECURE_HOST="$${UV_INSECURE_HOST:-$${PIP_TRUSTED_HOST:-}}"; \
[ -z "$${PIP_CERT:-}" ] || export SSL_CERT_FILE="$${SSL_CERT_FILE:-$$PIP_CERT}";
endef

ifneq ($(UV),)
INSTALL := $(UV_SETTINGS) "$(UV)" pip install --quiet --compile-bytecode --python $(BIN)/python$(if $(filter 1 true yes on,$(PIP_NO_INDEX)), --no-index) --no-deps
VENV_OPTIONS := --without-pip
else
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
VENV_OPTIONS :=
endif

ifndef STARTED_S
export STARTED_S := $(shell date +%s)
endif
section = printf '\n[%3d s] == %s\n' $$(( $$(date +%s) - $(STARTED_S) )) "$(1)"

# A stamp is named after the content that it stands for, and this place: fresh checkouts of the same lock reuse the
# environment, a moved one installs again. It is written last, so that a half-failed install leaves none.
stamp = .venv/.installed-$(1)-$(shell { pwd; cat setup.py $(2); } | sha256sum | cut -c1-16)
CORE := $(call stamp,core,requirements.lock)
DEV := $(call stamp,dev,requirements.lock requirements-dev.lock)
AWS := $(call stamp,aws,requirements.lock requirements-aws.lock)
beside = $(1)/.installed-$(shell { pwd; cat $(2); } | sha256sum | cut -c1-16)
ORACLE := $(call beside,.venv-oracle,requirements-oracle.lock)
AWS_TEST := $(call beside,.venv-aws,requirements-aws-test.lock)
NODE_TEST := $(call beside,.node,tests/kubeflow/package.json tests/kubeflow/package-lock.json)
SAMPLE := data/reviews.tsv
BEAM_VERSION := $(shell sed -n 's/^apache-beam==\([0-9.]*\).*/\1/p' requirements.lock)
JOB_SERVERS := beam-runners-flink-1.20-job-server beam-runners-spark-3-job-server

.PHONY: help run test check oracle lock clean core dev aws aws-test node-test beam-jars

help:  ## what each target does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-9s %s\n", $$1, $$2}'

run: $(CORE) | $(SAMPLE)  ## environment, sample data, then the sample pipeline to a pushed model
	@$(call section,penstock run)
	@$(BIN)/penstock run $(ARGS)

test: check $(AWS_TEST)  ## everything: make check, then the tests that run pipelines
	@$(call section,integration tests)
	@$(call pytest,$(wildcard tests/integration tests/e2e) $(SHARED))

check: $(DEV) $(AWS)  ## format, lint, types, imports; unit, contract and golden tests
	@$(call section,format: ruff format --check)
	@$(BIN)/ruff format --check .
	@$(call section,lint: ruff check)
	@$(BIN)/ruff check .
	@$(call section,types: mypy)
	@$(BIN)/mypy
	@$(call section,imports: lint-imports)
	@$(BIN)/lint-imports
	@$(call section,unit$(comma) contract and golden tests)
	@$(call pytest,$(wildcard tests/contract tests/golden tests/unit) -m "not integration" $(SHARED))

# In an environment of its own, because smclarify needs packages that pipelines do not, and its licence keeps it apart.
oracle: $(ORACLE)  ## every bias metric against Amazon's smclarify
	@$(call section,bias metrics against smclarify)
	@PYTHONPATH=. .venv-oracle/bin/python tests/oracle/compare_bias.py

# Amazon's SDK and stand-ins of its services, beside ours because they want other versions of what pipelines need.
aws-test: $(AWS_TEST)  ## the environment that stands in for Amazon's services in `make test`

# Where there is npm: `make test` runs without, and says which test it skipped.
node-test: $(NODE_TEST)  ## the proxy that holds requests to Kubeflow's own document in `make test`; needs Node.js

# Where Maven refuses one, what it said is kept beside, for the tests that skip then.
beam-jars:  ## Beam's job servers for Flink and Spark into .jars, for tests that run them; needs Maven and Java
	@$(call section,Beam's job servers into .jars)
	@mkdir -p .jars
	@$(foreach name,$(JOB_SERVERS),$(call fetch_jar,$(name)-$(BEAM_VERSION));)

# A file's tests share what they make, so one worker runs them. In our order: the slowest files come first.
SHARED := -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# With ARGS, one of the two calls may rightly select nothing (exit code 5).
comma := ,
pytest = $(BIN)/python -m pytest $(1) $(ARGS) || { code=$$?; $(if $(ARGS),[ $$code -eq 5 ] ||) exit $$code; }

core: $(CORE)  ## the environment that runs pipelines
dev: $(DEV)  ## ... and what the tests need
aws: $(AWS)  ## ... and what Amazon's services need

# The platform is part of the question: a lock made on a newer distribution still has wheels for Debian 12.
COMPILE := $(BIN)/uv pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
	--generate-hashes --no-emit-index-url --no-annotate --no-header $(if $(UPGRADE),--upgrade)

lock: $(DEV)  ## requirements*.in into requirements*.lock, keeping versions unless UPGRADE=1
	@$(call section,lock: requirements*.lock)
	@$(UV_SETTINGS) $(COMPILE) --override requirements-overrides.txt requirements.in -o requirements.lock
	@$(UV_SETTINGS) $(COMPILE) requirements-aws.in -o requirements-aws.lock
	@$(UV_SETTINGS) $(COMPILE) requirements-aws-test.in -o requirements-aws-test.lock
	@$(UV_SETTINGS) $(COMPILE) --only-binary :all: requirements-gpu.in -o requirements-gpu.lock
	@$(UV_SETTINGS) $(COMPILE) --only-binary :all: requirements-lambda.in -o requirements-lambda.lock
	@$(UV_SETTINGS) $(COMPILE) --only-binary :all: requirements-serving.in -o requirements-serving.lock
	@$(UV_SETTINGS) $(COMPILE) requirements-dev.in -o requirements-dev.lock
	@$(UV_SETTINGS) $(COMPILE) --override requirements-oracle-overrides.txt requirements-oracle.in -o requirements-oracle.lock
	@git diff --stat -- 'requirements*.lock' || true

clean:  ## what tools left behind; .venv, .node, data and .penstock (runs, models) stay
	@find . -name __pycache__ -not -path './.venv*/*' -prune -exec rm -rf {} +
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@echo "Kept: .venv, .node, data, .penstock (runs and pushed models). 'git clean -xfd' removes those as well."

$(SAMPLE): | $(CORE)
	@$(call section,sample data: $@)
	@$(BIN)/penstock sample-data --output $@

# Building the three pure-Python packages that have no wheel needs setuptools: that one, locked, comes first.
$(CORE):
	@$(call section,environment: requirements.lock into .venv (3.5 GB; half a minute with uv$(comma) 2-3 with pip))
	@rm -f .venv/.installed-*
	@$(call create_venv)
	@awk '/^[^ ]/ {keep = /^(pip|setuptools|wheel)==/} keep' requirements.lock > .venv/build-tools.lock
	@$(INSTALL) --require-hashes -r .venv/build-tools.lock
	@$(INSTALL) --require-hashes --no-build-isolation -r requirements.lock
	@# setuptools warns of each editable install that folders may hide packages: here they are meant to.
	@export PYTHONWARNINGS=ignore; $(INSTALL) --no-build-isolation -e .
	@touch $@

$(DEV): $(CORE)
	@$(call section,environment: requirements-dev.lock)
	@rm -f .venv/.installed-dev-*
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

$(AWS): $(CORE)
	@$(call section,environment: requirements-aws.lock)
	@rm -f .venv/.installed-aws-*
	@$(INSTALL) --require-hashes -r requirements-aws.lock
	@touch $@

$(ORACLE):
	@$(call create_beside,.venv-oracle,requirements-oracle.lock)
	@touch $@

$(AWS_TEST):
	@$(call create_beside,.venv-aws,requirements-aws-test.lock)
	@touch $@

# No package's install script is run: the proxy needs none.
$(NODE_TEST):
	@$(call section,environment: tests/kubeflow/package-lock.json into .node)
	@command -v npm >/dev/null || { \
	  echo "make: 'npm' is not on the PATH. Install Node.js 18 or newer (Debian 12: apt-get install nodejs npm)."; exit 1; } >&2
	@rm -rf .node && mkdir .node && cp tests/kubeflow/package.json tests/kubeflow/package-lock.json .node/
	@cd .node && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@

# An environment of a lock of its own, made anew.
define create_beside
$(call section,environment: $(2) into $(1))
$(PYTHON) -m venv --clear $(VENV_OPTIONS) $(1)
$(subst $(BIN)/python,$(1)/bin/python,$(INSTALL)) --require-hashes -r $(2)
endef

# The jar of that name and version, unless it is there already.
define fetch_jar
[ -s .jars/$(1).jar ] || { rm -f .jars/$(1).refused; \
  timeout 600 mvn --batch-mode --quiet -U dependency:copy -DoutputDirectory=.jars \
    -Dartifact=org.apache.beam:$(patsubst %-$(BEAM_VERSION),%,$(1)):$(BEAM_VERSION) >.jars/said 2>&1 || { \
    { grep -m1 -o 'Unable to find artifact.*\|Could not .*' .jars/said || head -n1 .jars/said; } >.jars/$(1).refused; \
    echo "$(1): $$(cat .jars/$(1).refused)"; }; }
endef

IS_311 := -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'

# Leaves a working .venv alone (packages are upgraded in place). Makes it anew where it is absent, does not run, or was
# moved here: scripts in it start with the path of their interpreter.
define create_venv
{ $(BIN)/python $(IS_311) && grep -qF "$$PWD/.venv" $(BIN)/activate; } 2>/dev/null || { \
  $(PYTHON) $(IS_311) 2>/dev/null || { \
    echo "make: '$(PYTHON)' is not a working Python 3.11, which the packages in requirements.lock are built for."; \
    echo "Install it (Debian 12: apt-get install python3.11 python3.11-venv), or name one: make PYTHON=/path/to/python3.11"; \
    exit 1; } >&2; \
  [ -n "$(VENV_OPTIONS)" ] || $(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
    echo "make: $(PYTHON) cannot make environments: its 'ensurepip' is missing."; \
    echo "Install it (Debian 12: apt-get install python3.11-venv), or put uv on the PATH."; \
    exit 1; } >&2; \
  $(PYTHON) -m venv --clear $(VENV_OPTIONS) .venv; }; \
[ -n "$(VENV_OPTIONS)" ] || $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
endef
