# Python to use; by default the first of CANDIDATES that is new enough.
PYTHON ?=
CANDIDATES := python3.11 python3.12 python3.13 python3.14 python3 python
# torch is pinned by hand when locking, because its newest release is seldom the one to test with.
TORCH ?= 2.13.0

VENV := .venv
READY := $(VENV)/.ready
LOCK_VENV := .venv-lock
PIP_FLAGS := --quiet --disable-pip-version-check

# Sets $$python, or stops with the reason.
define choose_python
python=; \
for candidate in $(or $(PYTHON),$(CANDIDATES)); do \
	if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then python="$$candidate"; break; fi; \
done; \
if [ -z "$$python" ]; then \
	echo "No Python 3.11 or newer with venv and ensurepip among: $(or $(PYTHON),$(CANDIDATES))." >&2; \
	echo "Install one (Debian and Ubuntu: python3 and python3-venv), or name it: make PYTHON=/path/to/python3.11" >&2; \
	exit 1; \
fi
endef

.DELETE_ON_ERROR:
.PHONY: help setup demo test lint lock gallery conformance clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo "  PYTHON=...   the Python to use, 3.11 or newer (default: the first found)"

demo: $(READY)  ## set up .venv from the lock and run the demonstration
	$(VENV)/bin/qcircuit demo

test: lint  ## all checks: lint, types, tests with doctests
	$(VENV)/bin/python -m pytest -n auto

lint: $(READY)  ## ruff (rules and format) and mypy
	$(VENV)/bin/python -m ruff check .
	$(VENV)/bin/python -m ruff format --check .
	$(VENV)/bin/python -m mypy --strict qcircuit_adapt

setup: $(READY)  ## make .venv with the locked dependencies

$(READY): pyproject.toml constraints.txt
	@rm -f $@
	@if [ -n "$(PYTHON)" ] || ! $(VENV)/bin/python -m pip --version >/dev/null 2>&1; then \
		$(choose_python); \
		echo "Setting up $(VENV) with $$("$$python" --version); this takes a few minutes."; \
		"$$python" -m venv --clear $(VENV); \
	else echo "Bringing $(VENV) up to date."; fi
	$(VENV)/bin/python -m pip install $(PIP_FLAGS) -c constraints.txt hatchling
	$(VENV)/bin/python -m pip install $(PIP_FLAGS) -c constraints.txt --no-build-isolation -e ".[dev]"
	@touch $@

lock:  ## write constraints.txt anew from pyproject.toml (TORCH=... chooses torch)
	@$(choose_python); \
	echo "Locking with $$("$$python" --version) and torch $(TORCH)"; \
	"$$python" -m venv --clear $(LOCK_VENV)
	$(LOCK_VENV)/bin/python -m pip install $(PIP_FLAGS) hatchling
	$(LOCK_VENV)/bin/python -m pip install $(PIP_FLAGS) --no-build-isolation -e ".[dev,quantized,triton]" "torch==$(TORCH)"
	@echo "# The exact versions the tests and the demo run with, written by 'make lock'; the library itself supports the ranges in pyproject.toml." > constraints.txt.new
	@$(LOCK_VENV)/bin/python -m pip freeze --exclude-editable > $(LOCK_VENV)/frozen
	@sed 's/^\([^=]*==[^+]*\)+.*/\1/' $(LOCK_VENV)/frozen >> constraints.txt.new
	@mv constraints.txt.new constraints.txt
	@rm -rf $(LOCK_VENV)

gallery: $(READY)  ## draw viz/gallery anew
	$(VENV)/bin/python -m qcircuit_adapt.draw.gallery

conformance: $(READY)  ## run PEFT's own tests on our method and write docs/conformance.md
	$(VENV)/bin/python -m conformance.run --write docs/conformance.md

clean:  ## remove .venv, builds and caches
	rm -rf $(VENV) $(LOCK_VENV) build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find qcircuit_adapt tests examples -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
