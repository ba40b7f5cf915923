# Obzvon. `make help` lists the targets; .ci/setup does what they need first.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory
unexport PYTHONDONTWRITEBYTECODE  # else each worker, and each service that a test starts, compiles all anew

BIN := .venv/bin
TESTS := tests/pbx tests/sim tests/cli tests/web tests/parts tests/ports tests/calls tests/house tests/unit  # longest first
WORKERS ?= 3  # on two cores: tests with real calls wait for a third of their time
ARGS ?=

.PHONY: mutants words prompts dashboards help setup demo run test check format bench floor stack-test docs clean distclean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## everything that development and tests need; quick when it is there already
	@.ci/setup all >&2

demo:  ## the whole job with a pretend carrier and customers; ARGS="--for 60 --json" without a terminal
	@.ci/setup demo >&2 && exec $(BIN)/dialer demo $(ARGS)

run:  ## the service, with the settings of the environment (DIALER_...)
	@.ci/setup run >&2 && exec $(BIN)/dialer run $(ARGS)

test:  ## every test, real Asterisk included; ARGS="tests/unit -k name" for some, WORKERS=0 for one process
	@.ci/setup all >&2 && exec $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder \
	  $(or $(ARGS),$(wildcard $(TESTS)))

soak:  ## long proofs on the real parts, by hand: crashes by the dozen; ARGS="tests/soak -k name" for some
	@.ci/setup all >&2 && exec $(BIN)/python -m pytest -s --timeout 1800 $(or $(ARGS),tests/soak)

check:  ## format, lint, types, import contracts, house numbers
	@.ci/setup dev >&2
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy & $(BIN)/lint-imports && $(BIN)/python -m pytest -q tests/house/test_sources.py; \
	  rest=$$?; wait $$! && exit $$rest

format:  ## mend what ruff can mend
	@.ci/setup dev >&2
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .

mutants:  ## breaks the core's comparisons one at a time: which does no test notice? ARGS="--all --most 200"
	@.ci/setup all >&2 && exec $(BIN)/python -m tests.mutants $(ARGS)

bench:  ## calls a second beside a bare loop, with and without media
	@.ci/setup all >&2 && exec $(BIN)/python -m bench $(ARGS)

words:  ## take new sentences into dialer/locales and compile; fails while a translation is missing
	@.ci/setup dev >&2 && exec $(BIN)/python -m tools.catalogue

prompts:  ## make what the phones say in dialer/prompts anew from dialer/domain/prompts.py; needs festival, festvox-ru, flite
	@.ci/setup dev >&2 && exec $(BIN)/python -m tools.speech

floor:  ## half an hour of predictive dialing on Asterisk and in the simulator; ARGS="20_25_45 --for 1800"
	@.ci/setup all >&2 && exec $(BIN)/python -m bench.floor $(or $(ARGS),20_25_45)

dashboards:  ## write Grafana's boards in docker/grafana/dashboards/ anew from dashboards/
	@.ci/setup dev >&2 && exec $(BIN)/python -m dashboards

stack-test:  ## the containers of docker/ for real: built, started, broken; needs Docker, root, free ports
	@exec python3 docker/smoke/run.py $(ARGS)

docs:  ## write docs/reference/ anew from the code
	@.ci/setup dev >&2 && exec $(BIN)/python -m tools.reference

clean:  ## caches and leftovers of builds; data in var/ stays
	rm -rf build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean  ## the virtual environment as well; the private Asterisk stays in ~/.cache/obzvon
	rm -rf .venv obzvon.egg-info
