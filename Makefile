# Works with GNU Make 3.81 and a POSIX shell. Everything is installed into .venv, nothing outside this folder.

PYTHON ?= python3
PORT ?= 8000
WORKERS ?= 4
PYTEST_FLAGS ?=
FILES ?=
SAMPLE ?=
SEED ?= 0
BUDGET ?= 30
LOCK_FLAGS ?=
PORTABLE ?=

VENV_PYTHON = .venv/bin/python

.PHONY: help setup book serve test portable mutants bench notebooks notebooks-check screenshots lint lock clean

help:
	@echo "make book             install what is needed into .venv and build the book into _build/html"
	@echo "make serve            show the built book on http://localhost:$(PORT) (PORT=... for another port)"
	@echo "make test             build the book and run every test, the notebooks included"
	@echo "make portable         run every portable notebook with Colab's versions, alone in an empty folder, offline"
	@echo "make mutants          change labkit in small ways and see whether the tests notice (SAMPLE=400, FILES=...)"
	@echo "make bench            measure the speed beside Keras and other libraries, into benchmarks/results.md"
	@echo "make notebooks        run the notebooks again and store their outputs in canonical form"
	@echo "make notebooks-check  check that the notebooks are stored in canonical form"
	@echo "make screenshots      save pictures of every page in _build/screenshots (needs Chromium)"
	@echo "make lint             check the style of the code"
	@echo "make lock             compile requirements.txt and requirements-colab.txt (needs uv)"
	@echo "make clean            remove what was built, and keep .venv and .venv-colab"
	@echo
	@echo "PYTHON=... names the Python (3.11 to 3.13) that makes .venv; now it is $(PYTHON)."

setup:
	@command -v "$(PYTHON)" >/dev/null 2>&1 || \
	  { echo "There is no $(PYTHON): install Python 3.11, 3.12 or 3.13, or name one: make PYTHON=/path/to/python." >&2; exit 1; }
	@"$(PYTHON)" tools/setup_env.py

book: setup
	@$(VENV_PYTHON) tools/build_book.py

serve:
	@test -f _build/html/index.html || { echo "There is no book yet: run make book first." >&2; exit 1; }
	@echo "The book is on http://localhost:$(PORT) until you press Ctrl-C."
	@$(VENV_PYTHON) -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html >/dev/null 2>&1 || \
	  { status=$$?; test $$status -ge 128 || echo "Port $(PORT) is taken: make serve PORT=8001" >&2; exit $$status; }

test: book
	$(VENV_PYTHON) -m pytest --numprocesses=logical --maxprocesses=$(WORKERS) --dist=loadfile $(PYTEST_FLAGS)

# What a reader has: Colab's versions, no labkit but the one inside the notebook, no network. PORTABLE names notebooks.
portable: setup
	@"$(PYTHON)" tools/setup_env.py colab
	@$(VENV_PYTHON) tools/run_portable.py $(PORTABLE)

# The lock holds: what it names stays as it is.
mutants: setup
	@$(VENV_PYTHON) -c "import cosmic_ray" 2>/dev/null || \
	  $(VENV_PYTHON) -m pip install -q --constraint requirements.txt --no-build-isolation --editable ".[mutants]"
	@$(VENV_PYTHON) tools/mutants.py $(FILES) $(if $(SAMPLE),--sample=$(SAMPLE)) --seed=$(SEED) --budget=$(BUDGET) \
	  --workers=$(WORKERS)

bench: setup
	@$(VENV_PYTHON) benchmarks/bench.py
	@$(VENV_PYTHON) benchmarks/classroom.py

notebooks: setup
	$(VENV_PYTHON) tools/notebooks.py

notebooks-check: setup
	$(VENV_PYTHON) tools/notebooks.py --check

screenshots: book
	@$(VENV_PYTHON) tools/screenshots.py

lint: setup
	$(VENV_PYTHON) -m ruff check

# Kept pins stay; `make lock LOCK_FLAGS=--upgrade` takes the newest of everything.
lock:
	@command -v uv >/dev/null 2>&1 || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	uv pip compile pyproject.toml --extra book --extra test --universal --fork-strategy fewest \
	  --python-version 3.11 --custom-compile-command "make lock" --output-file requirements.txt $(LOCK_FLAGS)
	uv pip compile requirements-colab.in --universal --fork-strategy fewest --python-version 3.11 \
	  --custom-compile-command "make lock" --output-file requirements-colab.txt $(LOCK_FLAGS)

clean:
	rm -rf _build .pytest_cache .hypothesis .ruff_cache
