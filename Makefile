# Needs Python 3.11 or newer, make and a package index; everything else is installed under .build/.
# Another Python: make test PYTHON=/path/to/python3.12

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help python-found demo demo-stop test test-client test-system histories fuzz mutation bench lint format docs site live dist sbom constraints clean

# The first Python that is new enough and able to make environments (some distributions split venv off).
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11 python; do \
	$$each -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$each && break; done)
ENVIRONMENT = $(PYTHON) -m scripts.environments
# A file stays in one process. They are taken in their order, so that the slow ones, those with Airflow, come first.
IN_PARALLEL = -n logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder
# With arguments, `make test` runs the chosen tests in one process and holds no gate.
PYTEST_ARGS ?=
# Tracing takes a third more time, which `make test` spares whoever waits for it; .ci/run holds the gates.
TRACED = $(filter-out 0 no,$(COVERAGE))
# All of them run, also after one has failed. `mypy tests/typing`: what a type checker tells users of the package.
CHECKS = 'ruff check .' 'ruff format --check .' mypy 'mypy tests/typing' lint-imports codespell 'python -m scripts.wording'

# Compiled files make Airflow start three times faster; some machines forbid them by default.
unexport PYTHONDONTWRITEBYTECODE

help: ## Show what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

python-found:
	@test -n "$(PYTHON)" || { \
	echo 'No Python 3.11 or newer with venv was found. Install one (on Debian also python3-venv), or name it:' >&2; \
	echo '  make demo PYTHON=/path/to/python3' >&2; exit 1; }

demo: python-found ## Airflow moves deals on a simulated portal; KEEP=1 leaves both running
	@python=$$($(ENVIRONMENT) --groups) && exec "$$python" -m scripts.demo $(if $(filter-out 0 no,$(KEEP)),--keep)

demo-stop: ## Stop what KEEP=1 has left running
	@if test -e .build/demo/python; then "$$(cat .build/demo/python)" -m scripts.demo --stop; \
	else echo 'Nothing was running.'; fi

test: python-found ## All tests that need no running Airflow; COVERAGE=1 also holds the coverage gates
	@python=$$($(ENVIRONMENT) --groups test providers) && $(if $(PYTEST_ARGS),"$$python" -m pytest $(PYTEST_ARGS),\
	"$$python" -m pytest $(IN_PARALLEL) $(if $(TRACED),--cov --cov-report= && \
	"$$python" -m coverage report --include='airflow_provider_bitrix24/client/*' --fail-under=98 && \
	"$$python" -m coverage report --fail-under=95))

test-client: python-found ## The client's and the simulator's tests in an environment without Airflow
	@python=$$($(ENVIRONMENT) --airflow none --groups test) \
	&& "$$python" -m pytest tests/client tests/hostile tests/simulator $(PYTEST_ARGS)

test-system: python-found ## The example DAGs through a real scheduler (minutes)
	@python=$$($(ENVIRONMENT) --groups test providers) && "$$python" -m pytest tests/system -m system $(PYTEST_ARGS)

histories: python-found ## Simulated task lives on all cores: make histories N=100000 SEED=fresh OF=updates
	@python=$$($(ENVIRONMENT) --groups test) && "$$python" -m tests.histories --of $(or $(OF),triggers) --count $(or $(N),20000) \
	--seed $(or $(SEED),0)

fuzz: python-found ## Odd inputs and answers on all cores: make fuzz N=1000000
	@python=$$($(ENVIRONMENT) --groups test) && FUZZ_EXAMPLES=$(or $(N),20000) "$$python" -m pytest tests/hostile/test_fuzz.py \
	--hypothesis-profile=fuzz -n logical -q $(PYTEST_ARGS)

mutation: python-found ## Does a test notice every small change? make mutation MODULES='retry batch' (classify, retry, verification, pacing, batch, firing)
	@python=$$($(ENVIRONMENT) --groups test) && "$$python" -m scripts.mutation $(MODULES)

bench: python-found ## The client beside its peers: table and plot into benchmarks/results (an hour)
	@python=$$($(ENVIRONMENT) --airflow none --groups test) && "$$python" -m benchmarks $(BENCH_ARGS)

lint: python-found ## ruff, mypy, import contracts, spelling, wording
	@python=$$($(ENVIRONMENT) --groups test lint) && failed= && for each in $(CHECKS); do \
	printf '\n$$ %s\n' "$$each"; "$${python%/*}"/$$each || failed="$$failed, $$each"; done; \
	test -z "$$failed" || { echo; echo "Failed: $${failed#, }"; exit 1; }

format: python-found ## Let ruff format the code and mend what it can
	@python=$$($(ENVIRONMENT) --groups test lint) && "$$python" -m ruff format . && "$$python" -m ruff check --fix .

docs: python-found ## Bring examples and tables in docs/ up to date
	@python=$$($(ENVIRONMENT) --groups test) && "$$python" -m scripts.refresh_docs

site: python-found ## Build the site of the documentation into .build/site, warnings are errors, and check its links
	@python=$$($(ENVIRONMENT) --groups test docs) && "$$python" -m scripts.site

live: python-found ## Compare a real portal with the simulator: make live BITRIX24_WEBHOOK=https://...
	@python=$$($(ENVIRONMENT) --groups test) && BITRIX24_WEBHOOK='$(BITRIX24_WEBHOOK)' "$$python" -m scripts.live

dist: python-found ## Wheel and sdist into dist/, built reproducibly and checked
	@python=$$($(ENVIRONMENT) --groups test ci) && "$$python" -m nox -s dist

sbom: python-found ## Check the licenses of the dependencies, and list them in .build/sbom.json (CycloneDX)
	@python=$$($(ENVIRONMENT) --groups test ci) && "$$python" -m nox -s audit

constraints: python-found ## Resolve the dependencies anew (constraints/README.md)
	@$(PYTHON) -m scripts.refresh_constraints

clean: demo-stop ## Stop a kept demo, and remove all that was made here
	rm -rf .build .coverage .coverage.* coverage.xml dist build
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .nox
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
