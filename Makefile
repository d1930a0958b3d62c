# `make walk` shows what Pellucid does, `make test` checks that it does it, `make formal` checks the
# theorems about its layers, and `make site` writes lessons and documents as pages.
# All set up .venv first, and again only when what it is made from has changed.

PYTHON ?= python3
# What is installed by pip and by apt is installed at once.
MAKEFLAGS += --jobs=2
PIP := .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: walk test site chromium formal clean

walk: .venv/user
	.venv/bin/pellucid walk
	.venv/bin/pellucid walk "The transformer reads every word at once." --model gpt2-124M-random --no-update
	.venv/bin/pellucid get smollm2-135m \
	&& .venv/bin/pellucid walk "The capital of France is" --model smollm2-135m --no-update \
	|| { echo "make: without smollm2-135m, english-1M reads the sentence"; \
	.venv/bin/pellucid walk "The capital of France is" --model english-1M --no-update; }

test: .venv/developer chromium
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy & types=$$!; \
	OMP_NUM_THREADS=1 .venv/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder; tests=$$?; \
	wait $$types || { echo "make: mypy found mistakes, which stand above the tests"; exit 1; }; \
	exit $$tests

# Lessons, worked examples, documents, API and glossary as pages: open build/site/index.html.
site: .venv/site
	.venv/bin/pellucid site -o build/site --overwrite

# Some tests open pages in Chromium; without it they are skipped and say so.
chromium:
	@command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || \
	command -v chromium-browser >/dev/null || \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get -qq update \
		&& apt-get -qq install --yes --no-install-recommends chromium-headless-shell >/dev/null \
		|| apt-get -qq install --yes --no-install-recommends chromium >/dev/null \
		|| echo "make: Chromium could not be installed: tests of pages in a browser are skipped"; \
	else echo "make: install Chromium (apt-get install chromium) for the tests of pages in a browser"; fi

# The theorems of formal/, checked by Rocq from the first to the last: see formal/README.md.
ROCQ := coq libcoq-coquelicot

formal: .venv/user
	@command -v coqc >/dev/null && test -d "$$(coqc -where)/user-contrib/Coquelicot" || \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get -qq update && apt-get -qq install --yes --no-install-recommends $(ROCQ) >/dev/null; \
	else echo "make: install Rocq and Coquelicot first (apt-get install $(ROCQ))"; exit 2; fi
	$(PYTHON) scripts/theorems.py
	.venv/bin/python formal/link.py formal/link --check

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Pellucid needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

# The native library is built while the package is installed, where there is a C++ compiler.
NATIVE := hatch_build.py $(wildcard src/pellucid/native/*.cpp src/pellucid/native/*.h) src/pellucid/native/build.py

.venv/user: .venv/bin/python pyproject.toml constraints.txt $(NATIVE)
	$(PIP) --editable .
	touch $@

.venv/site: .venv/user
	$(PIP) --editable '.[site]'
	touch $@

# Whatever the tests need includes what a user does: one installation makes both.
.venv/developer: .venv/bin/python pyproject.toml constraints.txt $(NATIVE)
	$(PIP) --editable '.[test]'
	touch .venv/user $@

clean:
	rm -rf .venv build dist
