# `make` lists what there is to make. Only Debian's packages are installed for you; elsewhere,
# install QGIS first and name its Python: `make demo QGIS_PYTHON=/path/to/python3`.

export QGIS_PYTHON ?= /usr/bin/python3
export QT_QPA_PLATFORM := offscreen

WORKER_PYTHON = $(shell cat build/worker-python)
TOOLS := resources/dev/tools.txt
TOOL := build/venv-qgis/bin
REFERENCE := docs/reference/algorithms.md
PACKAGE := build/subsidence_mapper.zip
# What is packaged: a commit, or a tree such as `git write-tree` makes of what is staged.
TREE := HEAD

.PHONY: help install setup demo real check test fuzz bench docs lock package clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

install: ## Install what is missing: QGIS, the plugin in its profile, the worker environment
	@resources/dev/install.sh

setup: install build/venv-qgis/made build/worker-tools/made ## Install all that changing the code needs, and the hook
	$(TOOL)/pre-commit install

demo: install ## Make a region from physics and map its subsidence; results in build/demo
	$(QGIS_PYTHON) resources/demo/make_region.py build/demo
	$(QGIS_PYTHON) resources/demo/run_demo.py build/demo

ifeq ($(MAKECMDGOALS)$(DATA),real)
    $(error Say where the data are: make real DATA=folder)
endif
real: install ## Map the Isfahan data: make real DATA=folder
	$(QGIS_PYTHON) resources/demo/run_real.py $(DATA)

check: package build/worker-python build/venv-qgis/made ## Check style, types, documents, and what is committed as a package
	$(TOOL)/ruff check .
	$(TOOL)/ruff format --check .
	mkdir -p build/plugins && ln -sfn $(CURDIR) build/plugins/subsidence_mapper
	$(TOOL)/mypy --python-executable $(WORKER_PYTHON)
	$(TOOL)/python resources/dev/scan_package.py $(PACKAGE)
	$(QGIS_PYTHON) resources/dev/make_reference.py build/reference.md
	diff -u $(REFERENCE) build/reference.md || (echo "Run 'make docs'." >&2; false)

test: install check build/worker-tools/made ## Check, and run every test
	@resources/dev/test.sh

fuzz: install build/venv-qgis/made build/worker-tools/made ## Look for inputs that break it, for an hour or so
	PYTHONPATH=build/worker-tools $(WORKER_PYTHON) -m pytest --hypothesis-profile=long -k property test/unit
	$(TOOL)/python -m pytest --qgis_disable_exit --hypothesis-profile=long -k property test/qgis

bench: install build/worker-tools/made ## Measure speed and memory
	PYTHONPATH=build/worker-tools $(WORKER_PYTHON) -m pytest -s test/benchmarks

docs: build/worker-python ## Write the reference of the algorithms from their own help
	$(QGIS_PYTHON) resources/dev/make_reference.py $(REFERENCE)

lock: ## Compile the worker's exact versions anew (needs uv)
	cd resources/runtime && for build in worker worker-cuda cluster; do \
	    uv pip compile --quiet --upgrade --universal --python-version 3.10 --generate-hashes \
	        --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	        $$build.in --output-file $$build.lock || exit 1; \
	done

package: ## Zip the committed plugin for QGIS's plugin manager
	mkdir -p $(dir $(PACKAGE))
	git archive --format=zip --prefix=subsidence_mapper/ --output=$(PACKAGE) $(TREE) -- . \
	    ':!.*' ':!CONTRIBUTING.md' ':!Makefile' ':!pyproject.toml' \
	    ':!resources/demo' ':!resources/dev' ':!test'

clean: ## Remove what was made here; not the worker environment (subsidence:runtime, ACTION=remove)
	rm -rf build .qgis-settings
	find . -name __pycache__ -prune -exec rm -r {} +

build/worker-python:
	@resources/dev/install.sh

build/venv-qgis/made: $(TOOLS) | build/worker-python
	$(QGIS_PYTHON) -m venv --clear --system-site-packages build/venv-qgis
	$(TOOL)/python -m pip install --quiet --requirement $(TOOLS)
	touch $@

build/worker-tools/made: $(TOOLS) resources/runtime/cluster.lock | build/worker-python
	$(WORKER_PYTHON) -m pip install --quiet --upgrade --target build/worker-tools \
	    --constraint $(TOOLS) pytest hypothesis
	$(WORKER_PYTHON) -m pip install --quiet --target build/worker-tools \
	    --requirement resources/runtime/cluster.lock
	touch $@
