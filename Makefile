# Two commands do all their own set-up with Python 3.11 or later and nothing else:
#   make demo   the light install and two portraits judged
#   make test   everything installed, checked and tested
PYTHON ?= python3
PIP = --disable-pip-version-check --quiet --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test check format small nano clean

help:  ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install $(PIP) --editable '.[demo]'
	@touch $@

.venv-dev/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-dev
	.venv-dev/bin/python -m pip install $(PIP) torch
	.venv-dev/bin/python -m pip install $(PIP) --editable '.[dev]'
	@touch $@

demo: .venv/.ready  ## Judge two portraits and simulated attacks on them; open demo/index.html
	.venv/bin/bonaface demo --out demo

check: .venv-dev/.ready  ## Lint, formatting and types
	.venv-dev/bin/ruff check .
	.venv-dev/bin/ruff format --check .
	.venv-dev/bin/mypy

test: .venv-dev/.ready check  ## Everything: check, then all tests
	.venv-dev/bin/python -m pytest --numprocesses auto --dist loadfile

format: .venv-dev/.ready  ## Mend what can be mended
	.venv-dev/bin/ruff check --fix-only .
	.venv-dev/bin/ruff format .

FACES ?= ../shared/faces
small: .venv-dev/.ready  ## Train, measure and embed the default bundle from FACES (about three hours)
	benchmarks/small.sh $(FACES)

nano: .venv-dev/.ready  ## Train, measure and embed the smaller bundle from FACES (about three hours)
	benchmarks/nano.sh $(FACES)

clean:  ## Remove what was built
	rm -rf .venv .venv-dev demo .mypy_cache .pytest_cache .ruff_cache .hypothesis
