# Every command of the project. `make serve` and `make test` are all that a fresh machine needs.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.PHONY: help setup serve test lint fmt bench fuzz docs clean machine foreign

# Where rustup puts cargo, for shells that have not been opened since.
export PATH := $(HOME)/.cargo/bin:$(PATH)

# The Python environment; set TIDEGATE_VENV to have it outside the checkout.
VENV := $(abspath $(or $(TIDEGATE_VENV),.venv))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt

RUST_SOURCES := Cargo.toml Cargo.lock $(shell find crates -name '*.rs' -o -name Cargo.toml)
ENGINE := python/tidegate/_engine.abi3.so

help: ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(VENV)/.built ## make the environment and build the engine

serve: setup ## run a server on this machine, with no configuration
	@exec $(BIN)/tidegate serve

test: machine setup foreign ## run all tests: Rust's, then Python's with foreign clients and browsers
	cargo test --workspace --quiet
	$(BIN)/python -m pytest $(PYTEST)

lint: setup $(VENV)/.dev ## check formatting, types and lints of both languages
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- --deny warnings

fmt: $(VENV)/.dev ## format both languages
	$(BIN)/ruff check --fix --select I
	$(BIN)/ruff format
	cargo fmt --all

bench: machine setup foreign ## measure both halves beside their peers and write benches/*.md
	$(BIN)/maturin develop --quiet --profile full
	$(BIN)/tidegate bench relay --peers --write benches/relay.md
	$(BIN)/tidegate bench sfu --peers --write benches/sfu.md

fuzz: ## fuzz every decoder for a while (SECONDS_EACH=60)
	fuzz/run $(or $(SECONDS_EACH),60)

docs: setup $(VENV)/.dev ## write the generated pages of docs/reference again
	for page in docs/*.py; do $(BIN)/python $$page; done

clean: ## remove what was built, the environment too
	rm -rf $(VENV) build tests/interop/node/node_modules $(ENGINE)
	cargo clean

# --- What the commands stand on; each is done once and again when what it depends on changes.

$(VENV)/.made: .ci/machine
	@.ci/machine serve
	test -x $(BIN)/python || "$$(.ci/machine python)" -m venv $(VENV)
	$(PIP) install --upgrade pip
	@touch $@

$(VENV)/.built: $(VENV)/.made pyproject.toml constraints.txt $(RUST_SOURCES)
	$(PIP) install --group build
	$(BIN)/maturin develop --release
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) install --group dev
	@touch $@

machine:
	@.ci/machine test

# Clients that other projects wrote, each at the version the tests are about.
FOREIGN := build/foreign
foreign: $(VENV)/.dev $(FOREIGN)/.python $(FOREIGN)/.cloudflare $(FOREIGN)/.node

$(FOREIGN)/.python: tests/interop/foreign-requirements.txt
	"$$(.ci/machine foreign-python)" -m venv --clear $(FOREIGN)/venv
	env -u PIP_CONSTRAINT $(FOREIGN)/venv/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(FOREIGN)/.cloudflare: tests/interop/cloudflare-requirements.txt $(VENV)/.made
	env -u PIP_CONSTRAINT $(PIP) install --upgrade --target $(FOREIGN)/cloudflare-5.5 -r $<
	@touch $@

$(FOREIGN)/.node: tests/interop/node/package-lock.json
	cd tests/interop/node && npm ci --silent --no-audit --no-fund
	@touch $@
