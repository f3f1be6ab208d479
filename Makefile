PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

.PHONY: quickstart test docs release

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

# Builds the wheel, installs it in an environment of its own, and tries there what a newcomer does.
release:
	rm -rf build/release
	$(PYTHON) -m venv build/release/venv
	build/release/venv/bin/pip wheel -q --no-deps -w build/release .
	build/release/venv/bin/pip install -q build/release/cdae_jax-*.whl
	cd build/release && venv/bin/cdae --help
	cd build/release && venv/bin/python -c 'import cdae_jax; model = cdae_jax.load("pendulum"); \
		print(model.counterfactual(model.sample(8).images, do={"angle": 20.0}).labels)'
	cd build/release && venv/bin/cdae make_example --output=example --num=100
	cd build/release && venv/bin/cdae fit --images=example/images --labels=example/labels.csv \
		--graph=example/graph.json --size=smoke --steps=4 --workdir=run

# Builds the documentation: build/site/index.html.
docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict

$(VENV)/installed: setup.py
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q --no-compile -e .
	touch $@

$(VENV)/installed-docs: setup.py
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q --no-compile -e ".[docs]"
	touch $@

$(VENV)/installed-test: setup.py
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q --no-compile -e ".[test]"
	# The TPU's compiler, for tests/commands/plan_test.py alone: beside the packages, since where it is among them JAX
	# looks for a TPU.
	$(VENV)/bin/pip install -q --no-compile --no-deps --target=$(VENV)/libtpu "libtpu==0.0.42.*"
	touch $@
