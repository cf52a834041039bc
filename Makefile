# make reproduce and make test need nothing but Python 3.11, make and a C++ compiler; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help reproduce demo test test-all failures settings docs lint format environment slurm install lock clean distclean

VENV ?= .venv
# The faiss package of the environment: cpu or gpu. What was chosen last is kept.
FAISS ?= $(shell cat $(VENV)/faiss 2>/dev/null || echo cpu)
CORES ?= all
SNAKEMAKE_ARGS ?=
PYTEST_ARGS ?=
LOCK := requirements.lock
STAMP = $(VENV)/complete-$(FAISS)
# Commands of the environment come first, so that rules find `ink` without an activated environment.
IN_VENV = PATH="$$(cd "$(VENV)" && pwd)/bin:$$PATH"
PYTHON_FILES := ink tests benchmarks docs/_site setup.py

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20
	@echo "  Variables: CORES=$(CORES) FAISS=$(FAISS) (cpu, gpu) VENV=$(VENV) SNAKEMAKE_ARGS PYTEST_ARGS"

reproduce: environment ## create the environment if it is missing, then run the embedded experiment
	$(IN_VENV) snakemake --cores $(CORES) $(SNAKEMAKE_ARGS)

demo: environment ## four systems on one domain with the published base model, Table 2, an explained sentence
	$(IN_VENV) snakemake --cores $(CORES) --configfile config/demo.yaml $(SNAKEMAKE_ARGS)
	@cat results/demo/tables/table2.md
	@$(IN_VENV) ink explain --demo koran --neighbours 2 --text "Wir werden die gesegnete Wahrheit verkünden."

test: environment ## create the environment if it is missing, then run the tests
	$(IN_VENV) pytest -n 2 --dist loadgroup -m "not slow" $(PYTEST_ARGS)

test-all: environment ## the tests, those that take minutes too
	$(IN_VENV) pytest -n 2 --dist loadgroup $(PYTEST_ARGS)

failures: environment ## write docs/failures.md from the marks of the tests that try its rows
	$(IN_VENV) pytest -q --write-failures

settings: environment ## write the configuration's schema and docs/configuration.md from ink/config/sections
	$(IN_VENV) python -m ink.config.documents

docs: environment ## write the documentation as a site: site/index.html
	$(IN_VENV) NO_MKDOCS_2_WARNING=1 mkdocs build --quiet
	@echo "site/index.html opens from disk; with the search: python -m http.server --bind 127.0.0.1 --directory site"

lint: environment ## check style, types and the workflow
	$(IN_VENV); export PATH; ruff check $(PYTHON_FILES); ruff format --check $(PYTHON_FILES); mypy; \
	snakefmt --check Snakefile workflow; pytest -q tests/workflow/test_lint.py

format: environment ## rewrite code in the house style
	$(IN_VENV); export PATH; ruff check --fix $(PYTHON_FILES); ruff format $(PYTHON_FILES); snakefmt Snakefile workflow

environment: $(STAMP) ## create or refresh the environment in .venv

# Scripts of an environment name the folder in which it was made: one that was moved or copied with the project is made
# again. Its Python says where that was, if it is not here.
former_place = place="$$(sed -nE 's/^command = .* -m venv (--[^ ]+ )*//p' "$(VENV)/pyvenv.cfg" 2>/dev/null || true)"; \
	if [ "$$place" -ef "$(VENV)" ]; then place=""; fi
MOVED := $(shell $(former_place); if [ -n "$$place" ]; then echo moved; fi)
.PHONY: moved
moved:

# Written last: an interrupted installation is taken up again by the next call.
$(STAMP): pyproject.toml $(LOCK) $(MOVED)
	@$(call require_faiss_name,$(FAISS))
	@$(find_python); $(call check_python,$$python); $(former_place); \
	if [ -n "$$place" ]; then echo "[environment] $(VENV) was made as $$place and works only there: making it again"; fi; \
	if [ -n "$$place" ] || \
		! $(VENV)/bin/python -c 'import sys, pip; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then \
		echo "[environment] creating $(VENV) with $$python"; "$$python" -m venv --clear $(VENV); \
	fi
	@rm -f $(VENV)/complete-*
	@$(call install_packages,$(VENV)/bin/python,-c $(LOCK),--build-constraint $(LOCK))
	@echo $(FAISS) > $(VENV)/faiss; touch $@; echo "[environment] complete"

slurm: environment ## add what submits jobs to a Slurm cluster (docs/cluster.md)
	@pip="$(VENV)/bin/python -m pip --disable-pip-version-check --no-input"; \
	$$pip install --quiet -c $(LOCK) $(call range,snakemake-executor-plugin-slurm); $$pip check

install: ## the same packages into the active environment (conda, or one of your own)
	@$(call require_faiss_name,$(FAISS))
	@python="$$(command -v python || true)"; $(call check_python,$$python); \
	python -c 'import os, sys; sys.exit(sys.prefix == sys.base_prefix and not os.environ.get("CONDA_PREFIX"))' || \
		{ echo "make install: no environment is active; activate one, or use make environment" >&2; exit 1; }
	@$(call install_packages,python,-c $(LOCK),--build-constraint $(LOCK))

# What torch's CUDA build and faiss-gpu bring is resolved and not installed; === is the build without local version.
lock: ## renew requirements.lock: the newest versions that pyproject.toml allows
	@$(find_python); $(call check_python,$$python); "$$python" -m venv --clear .venv-lock
	@$(call install_packages,.venv-lock/bin/python,--upgrade,)
	@pip=".venv-lock/bin/python -m pip --disable-pip-version-check"; $$pip freeze --exclude-editable | grep -E '^[^ @]+==' > $(LOCK).body; \
	$$pip install --quiet --constraint $(LOCK).body $(call range,snakemake-executor-plugin-slurm)
	@pip=".venv-lock/bin/python -m pip --disable-pip-version-check"; echo "[lock] resolving CUDA packages (a download of several GB)"; \
	$$pip freeze --all --exclude-editable | sed -E 's/\+[A-Za-z0-9.]+$$//' | grep -E '^[^ @]+==[^ ]+$$' | \
		sed -E 's/^faiss-(cpu|gpu)==(.*)$$/faiss-cpu==\2\nfaiss-gpu==\2/' > $(LOCK).body; \
	$$pip install --no-cache-dir --dry-run --ignore-installed --constraint $(LOCK).body \
		$$(sed -nE 's/^torch==/torch===/p; /^faiss-gpu==/p' $(LOCK).body) | sed -n 's/^Would install //p' | tr ' ' '\n' | \
		grep -E '^(cuda|nvidia|triton)-' | sed -E 's/-([^-]+)$$/==\1/' > $(LOCK).cuda; \
	{ grep '^#' $(LOCK); LC_ALL=C sort -fu $(LOCK).body $(LOCK).cuda; } > $(LOCK).new; \
	mv $(LOCK).new $(LOCK); rm -rf $(LOCK).body $(LOCK).cuda .venv-lock; \
	echo "[lock] $(LOCK) is new: run make test before it is committed"

clean: ## remove caches; results, work and the environment stay
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build site *.egg-info
	find ink tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove caches and the environment; results and work stay
	rm -rf $(VENV) .venv-lock

# Sets $python to a Python 3.11, PYTHON=... if given.
define find_python
python=""; for candidate in $(if $(PYTHON),"$(PYTHON)",python3.11 python3 python); do \
	if "$$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1; then \
		python="$$(command -v "$$candidate")"; break; \
	fi; \
done
endef

define require_faiss_name
case "$(1)" in cpu|gpu) ;; *) echo "make: FAISS=$(1) is neither cpu nor gpu" >&2; exit 1;; esac
endef

# What has to be there before pip, by name, so that nothing fails half an hour later.
define check_python
if ! "$(1)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1; then \
	echo "Python 3.11 is needed and was not found: on Debian 12 apt install python3 python3-venv python3-dev; elsewhere" \
		"conda, pyenv or uv have it. Name it with make PYTHON=/path/to/python3.11 if it is not on PATH." >&2; exit 1; \
fi; \
if ! "$(1)" -c 'import venv, ensurepip' >/dev/null 2>&1; then \
	echo "$(1) cannot create environments: install python3-venv (python3.11-venv on Ubuntu)." >&2; exit 1; \
fi; \
if ! "$(1)" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))'; then \
	echo "Python.h of $(1) is missing, and fairseq is compiled against it: install python3-dev (python3.11-dev on Ubuntu)." >&2; \
	exit 1; \
fi; \
if ! command -v "$${CXX:-c++}" >/dev/null 2>&1 && ! command -v g++ >/dev/null 2>&1; then \
	echo "No C++ compiler was found, and fairseq needs one: install g++ (or build-essential), or set CXX." >&2; exit 1; \
fi
endef

# A dependency as pyproject.toml has it.
range = $(shell sed -nE "s/^ *(\"$(1)[<>=][^\"]*\").*/\1/p" pyproject.toml)

# In this order, since fairseq compiles against the installed torch and faiss-cpu and faiss-gpu overwrite one another.
define install_packages
pip="$(1) -m pip --disable-pip-version-check --no-input"; \
echo "[environment] 1/4 pip, setuptools, numpy"; \
$$pip install --quiet $(2) pip setuptools wheel Cython $(call range,numpy); \
echo "[environment] 2/4 torch (a download of some hundred MB, several GB with CUDA)"; \
$$pip install --quiet $(2) $(call range,torch); \
echo "[environment] 3/4 fairseq: compiles for about 3 minutes the first time"; \
$$pip install --quiet $(2) --no-deps --no-build-isolation $(call range,fairseq-fixed); \
echo "[environment] 4/4 everything else, with faiss-$(FAISS)"; \
if $$pip show --quiet faiss-$(if $(filter gpu,$(FAISS)),cpu,gpu) 2>/dev/null; then \
	$$pip uninstall --quiet --yes $$($$pip freeze | sed -nE 's/^(faiss-[cg]pu)==.*/\1/p'); \
fi; \
if $$pip show ink 2>/dev/null | grep -qx "Editable project location: $$PWD"; then $$pip uninstall --quiet --yes ink; fi; \
PYTHONWARNINGS="ignore:Editable installation" $$pip install --quiet $(2) $(3) --editable '.[$(FAISS),dev]'; \
$$pip check
endef
