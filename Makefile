PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

.PHONY: quickstart test docs

# Installs, trains Pendulum from scratch on the CPU, measures it and draws it.
quickstart: $(VENV)/installed
	$(RUN) -m experiments.train --config=configs/pendulum.py:cpu --workdir=runs/pendulum
	$(RUN) -m experiments.evaluate --workdir=runs/pendulum
	$(RUN) -m experiments.counterfactual --workdir=runs/pendulum --do=angle=20,light=110 --num=8 \
		--output=runs/pendulum/figures/counterfactual.png
	@echo "numbers: runs/pendulum/report.md; pictures: runs/pendulum/figures/"

test: $(VENV)/installed-test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(RUN) -m pytest

# Builds the documentation: build/site/index.html.
docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict

$(VENV)/installed: setup.py
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q -e .
	touch $@

$(VENV)/installed-docs: setup.py
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q -e ".[docs]"
	touch $@

$(VENV)/installed-test: setup.py
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q -e ".[test]"
	# The TPU's compiler, for tests/commands/plan_test.py alone: beside the packages, since where it is among them JAX
	# looks for a TPU.
	$(VENV)/bin/pip install -q --no-deps --target=$(VENV)/libtpu "libtpu==0.0.42.*"
	touch $@
