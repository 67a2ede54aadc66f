# Every verb of the project. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PY := .venv/bin/python
CODE := services deploy bench tests

NEW ?= danderyd
OLD ?= standard

.PHONY: help demo replay demo-check test check soak eval bench-ews bench-sync bench-cases bench-demo golden mutants format proto schemas screenshots locks clean

help: ## list the verbs
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/local: requirements/local.txt requirements/installer.txt pyproject.toml
	@bash requirements/install.sh local
	@touch $@

.venv/dev: requirements/dev.txt requirements/installer.txt pyproject.toml
	@bash requirements/install.sh dev
	@touch $@ .venv/local

.venv/peers/ready: requirements/peers.txt requirements/peers.sh .venv/dev
	@bash requirements/peers.sh
	@touch $@

demo: .venv/local ## a small municipality on the local stack, in a web page (Ctrl-C stops it)
	@.venv/bin/forvarning up --demo

replay: .venv/local ## what if another profile held: make replay NEW=danderyd OLD=standard [SOURCE=DIR]
	@if [ -z '$(SOURCE)' ] && [ -f var/demo/run/environment ]; then . var/demo/run/environment; fi; \
	.venv/bin/forvarning replay --profile '$(NEW)' --against '$(OLD)' $(SOURCE)

demo-check: .venv/local ## eight school weeks with faults, compared with the oracle; one JSON line last
	@$(PY) -m deploy.check

test: .venv/dev .venv/peers/ready ## every test tier, on a real Kafka, PostgreSQL, browser and mail server
	@bash tests/run.sh

soak: .venv/dev ## what takes longer than make test allows
	@$(PY) -m pytest -m soak -n 2 -p no:randomly --timeout 7200

check: .venv/dev ## ruff, mypy --strict, import contracts, buf, generated code, commit rules
	@.venv/bin/ruff check $(CODE)
	@.venv/bin/ruff format --check --quiet $(CODE)
	@.venv/bin/mypy $(CODE)
	@.venv/bin/lint-imports
	@.venv/bin/buf lint proto
	@bash proto/breaking.sh
	@PYTHON=$(CURDIR)/$(PY) proto/generate.sh --check
	@$(PY) -m deploy.published --check

eval: .venv/dev ## how good the warnings are, on simulated years or FACTS=DIR; one JSON line last
	@$(PY) -m bench.eval $(if $(FACTS),--facts '$(FACTS)')

bench-ews: .venv/dev .venv/peers/ready ## how fast the EWS is, against its peers; writes docs/benchmarks.md; one JSON line last
	@$(PY) -m bench.ews

bench-sync: .venv/dev ## how fast a school system is read over SS 12000, killed half way; writes docs/benchmarks-sync.md; one JSON line last
	@$(PY) -m bench.sync $(if $(WHOLE),--whole)

bench-cases: .venv/dev ## how fast the case service is, on three filled school years; writes docs/benchmarks-cases.md; one JSON line last
	@$(PY) -m bench.cases

bench-demo: .venv/local ## seconds from a fresh clone to the first warning; one JSON line last
	@$(PY) -m bench.demo

mutants: .venv/dev ## faults put into the core that the tests must notice (hours; MODULES="fold ids"); one JSON line last
	@$(PY) -m bench.mutants $(if $(AGAIN),--again) $(if $(TELL),--tell) $(MODULES)

golden: .venv/dev ## judge the golden term again and keep its warnings (tests/golden/term.txt)
	@$(PY) -m tests.golden

screenshots: .venv/dev ## take the pictures in docs/ again
	@FORVARNING_WRITE_SCREENSHOTS=1 $(PY) -m pytest -q tests/browser

format: .venv/dev ## let ruff format and mend what it can
	@.venv/bin/ruff check --fix --quiet $(CODE); .venv/bin/ruff format $(CODE)

proto: .venv/dev ## generate proto/gen from the contracts
	@PYTHON=$(CURDIR)/$(PY) proto/generate.sh

schemas: .venv/dev ## write the profile format's JSON Schema and tables in docs/ again
	@$(PY) -m deploy.published

locks: ## resolve requirements/*.in to hashed locks (needs uv on the path)
	@bash requirements/lock.sh

clean: ## remove the demo's data
	@rm -rf var
