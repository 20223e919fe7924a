"""Run the book's notebooks and store their outputs in canonical form.

    python tools/notebooks.py              every notebook under chapters/
    python tools/notebooks.py 02_momentum  one of them, by name or by path
    python tools/notebooks.py --check      say which files are not canonical; nothing is run

One notebook has one canonical file: sorted keys, stable cell ids, no times, no traces of an editor. Outputs that
agree with the stored ones (see tests/notebook_compare.py) stay as they are stored, so a second run, and a run on
another machine, changes no byte. A notebook with a fault is reported and its file is left alone; so is one that
declares a need, such as PyTorch, that is not installed.
"""

import argparse
import copy
import hashlib
import json
import os
import re
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import nbformat
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from notebook_compare import (  # noqa: E402
    PICTURE,
    RAISES,
    compare_outputs,
    kernel_environment,
    locked_version,
    merge_streams,
    missing_needs,
    needs_of,
    plain_traceback,
    stored_problems,
    tags_of,
)

CHAPTERS = ROOT / "chapters"
CELL_TIMEOUT = 300
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}
KEPT_CELL_METADATA = ("mystnb", "tags")
CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class NotebookError(Exception):
    """A notebook that can not be stored, and what to do about it."""


# Canonical form


def parsed(text):
    """Return the notebook in the text of a file."""
    try:
        content = json.loads(text)
        if content["nbformat"] == 4 and isinstance(content["cells"], list):
            return nbformat.v4.to_notebook(content)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise NotebookError(f"it is not a notebook ({error!r}): restore the file") from error
    raise NotebookError("it is not a notebook of format 4: open it in Jupyter and save it")


def canonical(notebook):
    """Return the notebook with all that is accidental removed; what it shows stays."""
    ids = cell_ids(notebook.cells)
    clean = nbformat.from_dict(
        {
            "cells": [canonical_cell(cell, name) for cell, name in zip(notebook.cells, ids, strict=True)],
            "metadata": NOTEBOOK_METADATA | declared_needs(notebook),
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )
    try:
        nbformat.validate(clean)
    except nbformat.ValidationError as error:
        raise NotebookError(f"it is not a valid notebook: {error.message}") from error
    return clean


def declared_needs(notebook):
    """Return the metadata that says what a notebook needs beyond the lock."""
    needs = needs_of(notebook)
    return {"labkit": {"needs": needs}} if needs else {}


def canonical_text(text):
    """Return the one canonical form of the text of a notebook file."""
    return written(canonical(parsed(text)))


def written(notebook):
    """Return the text of the file of a notebook."""
    return nbformat.v4.writes(copy.deepcopy(notebook), sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def canonical_cell(cell, name):
    """Return a cell with its content and the metadata that the book uses."""
    kept = {key: cell.metadata[key] for key in KEPT_CELL_METADATA if cell.get("metadata", {}).get(key)}
    clean = {"cell_type": cell.cell_type, "id": name, "metadata": kept, "source": cell.source}
    if cell.get("attachments"):
        clean["attachments"] = cell.attachments
    if cell.cell_type == "code":
        clean["execution_count"] = cell.get("execution_count")
        clean["outputs"] = [canonical_output(output) for output in merge_streams(cell.get("outputs", []))]
    return clean


def canonical_output(output):
    """Return an output without what a front end adds to it."""
    clean = dict(output)
    if "data" in output:
        clean["data"] = {
            kind: "".join(value.split()) if kind == PICTURE else value for kind, value in output["data"].items()
        }
        described = output.get("metadata", {})
        clean["metadata"] = {kind: described[kind] for kind in output["data"] if described.get(kind)}
    return clean


def cell_ids(cells):
    """Return an id for each cell: its own if it has one, else one that follows from its place and source."""
    own = [cell.get("id") or "" for cell in cells]
    valid = [bool(CELL_ID.fullmatch(name)) and name not in own[:place] for place, name in enumerate(own)]
    taken = {name for name, kept in zip(own, valid, strict=True) if kept}
    ids = []
    for place, (cell, name, kept) in enumerate(zip(cells, own, valid, strict=True)):
        ids.append(name if kept else derived_id(f"{place}\n{cell.source}", taken))
        taken.add(ids[-1])
    return ids


def derived_id(seed, taken):
    """Return an id that depends on the seed alone, unless it is taken."""
    name = hashlib.sha256(seed.encode()).hexdigest()[:8]
    return derived_id(f"{seed}\n", taken) if name in taken else name


# Running


def executed(notebook, folder):
    """Return a notebook run from its first cell in a new kernel of this Python."""
    fresh = copy.deepcopy(notebook)
    manager = AsyncKernelManager(
        kernel_name=CURRENT_ENV_KERNEL_NAME, kernel_spec_manager=NbvalKernelspecManager()
    )
    client = NotebookClient(
        fresh,
        km=manager,
        timeout=CELL_TIMEOUT,
        record_timing=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # its warning about TCP is for servers
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        client.execute(env=kernel_environment(os.environ), cleanup_kc=True)
    except CellExecutionError as error:
        raise NotebookError(failure(fresh) or str(error)) from None
    except (CellControlSignal, DeadKernelError) as error:
        raise NotebookError(f"its run did not end: {error}") from None
    return fresh


def failure(notebook):
    """Say which cell raised an error that it does not announce."""
    for number, cell in enumerate(code_cells(notebook), start=1):
        for output in cell.outputs:
            if output.output_type == "error" and RAISES not in tags_of(cell):
                return f"cell {number} raised an error:\n{plain_traceback(output)}"
    return ""


def code_cells(notebook):
    """Return the cells that run."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def refreshed(stored, fresh):
    """Return the stored notebook, with the fresh outputs in those cells where they do not agree."""
    merged = copy.deepcopy(stored)
    pairs = zip(code_cells(merged), code_cells(fresh), strict=True)
    for number, (cell, cell_now) in enumerate(pairs, start=1):
        if compare_outputs(cell.outputs, cell_now.outputs):
            cell.outputs = cell_now.outputs
        cell.execution_count = number
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
    return merged


def store(path):
    """Run one notebook and store it; return whether its file changed."""
    text = path.read_text(encoding="utf-8")
    stored = canonical(parsed(text))
    new = canonical(refreshed(stored, executed(stored, path.parent)))
    problems = stored_problems(new)
    if problems:
        raise NotebookError("\n  ".join(["it is left as it was:", *problems]))
    if written(new) == text:
        return False
    replace(path, written(new))
    return True


def replace(path, text):
    """Write a file whole or not at all, so that a run that is stopped leaves a notebook and not half of one."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="\n", dir=path.parent, delete=False) as file:
        file.write(text)
    try:
        os.chmod(file.name, path.stat().st_mode)
        os.replace(file.name, path)
    except OSError:
        os.unlink(file.name)
        raise


# The command


def notebooks_in(folder):
    """Return the notebooks in a folder, without the copies that editors keep in hidden folders."""
    found = (path for path in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
    return sorted(found)


def found(name):
    """Return the notebooks that a word of the command names: a path, a folder, or a chapter's name."""
    path = Path(name)
    if path.is_dir():
        return notebooks_in(path)
    if path.is_file():
        return [path]
    chapters = [path for path in notebooks_in(CHAPTERS) if name in (path.stem, path.name)]
    if not chapters:
        known = ", ".join(path.stem for path in notebooks_in(CHAPTERS))
        raise NotebookError(f"there is no such notebook; there are {known or 'none'}")
    return chapters


def check(path):
    """Say whether a file is canonical; return whether it is."""
    text = path.read_text(encoding="utf-8")
    good = text == canonical_text(text)
    print(f"{shown(path)}: {'canonical' if good else 'not canonical: run make notebooks'}")
    return good


def run(path):
    """Run a notebook, store it, and say whether that changed the file, or what is missing to run it."""
    missing = missing_needs(parsed(path.read_text(encoding="utf-8")))
    if missing:
        print(f"{shown(path)}: left alone, {missing}", flush=True)
        return True
    print(f"{shown(path)}: {'stored' if store(path) else 'unchanged'}", flush=True)
    return True


def shown(path):
    """Return a path as a reader of the repository knows it."""
    path = Path(path).resolve()
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def require_locked_matplotlib():
    """Stop where another matplotlib would draw every figure anew."""
    locked = locked_version("matplotlib", (ROOT / "requirements.txt").read_text(encoding="utf-8"))
    installed = metadata.version("matplotlib")
    if installed != locked:
        raise NotebookError(f"figures are stored with {locked}, here is {installed}: install requirements.txt")


def main(arguments=None):
    """Run the command and return its exit status: 1 if any notebook has a fault."""
    parser = argparse.ArgumentParser(description="Run the book's notebooks and store their outputs.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a chapter's name or path (default: all)")
    parser.add_argument("--check", action="store_true", help="say which files are not canonical, run nothing")
    options = parser.parse_args(arguments)
    good = True
    try:
        name = "matplotlib"
        if not options.check:
            require_locked_matplotlib()
        for name in options.names or [CHAPTERS]:
            for path in found(name):
                good = attempt(check if options.check else run, path) and good
    except NotebookError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    return 0 if good else 1


def attempt(act, path):
    """Do one thing with one notebook; a fault is reported, and the next notebook has its turn."""
    try:
        return act(path)
    except NotebookError as error:
        print(f"{shown(path)}: {error}", file=sys.stderr)
        return False


if __name__ == "__main__":
    sys.exit(main())
