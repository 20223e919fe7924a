"""A pytest plugin that makes nbval strict.

nbval finds the notebooks, makes a test of each code cell and keeps a kernel for each notebook. Left alone it
passes changed pictures, cells that were never run, stored warnings, and outputs in another order, and it obeys
marks that switch it off. So the run of a cell and the judgement of its outputs are replaced here, by
`notebook_compare`; nbval's marks, its sanitising and its list of skipped fields have no say. One thing skips a
notebook, and always the whole of it: a module that it declares and that is not installed (`EXTRAS`).

Methods are replaced and not classes, since nbval names its classes in its own calls of `super`.
"""

import copy
import os
import time
from functools import cached_property
from importlib import metadata
from pathlib import Path
from queue import Empty

import nbformat
import nbval.kernel
import pytest
from nbval.plugin import IPyNbCell, IPyNbFile
from notebook_compare import (
    PICTURE,
    RAISES,
    cell_problems,
    compare_outputs,
    joined,
    kernel_environment,
    locked_version,
    merge_streams,
    missing_needs,
    plain_traceback,
    tags_of,
)

LOCK = Path(__file__).resolve().parent.parent / "requirements.txt"
SHOWN_SOURCE_LINES = 6


class CellFailed(Exception):
    """What is wrong with a cell, as a list of sentences."""


class NoOutput(Exception):
    """The kernel gave no answer: it died, or ran for too long."""


# Options


def pytest_addoption(parser):
    """Add the option that says what to do where figures can not be compared."""
    parser.getgroup("notebooks").addoption(
        "--figures",
        choices=("strict", "skip"),
        default="strict",
        help="strict: compare the figures of notebooks, which needs the locked matplotlib (default). "
        "skip: compare their text alone where matplotlib is another one.",
    )


def pytest_configure(config):
    """Replace what nbval does with a cell."""
    config.stash[FIGURES] = Figures(config.getoption("figures"))
    nbval.kernel.start_new_kernel = start_kernel
    IPyNbFile.setup = setup_notebook
    IPyNbCell.__init__ = make_cell
    IPyNbCell.runtest = run_cell
    IPyNbCell.compare_outputs = compare_cell
    IPyNbCell.repr_failure = report_failure


def pytest_report_header(config):
    """Say whether figures are compared: a run that does not compare them must not look like one that does."""
    return config.stash[FIGURES].headline


def pytest_terminal_summary(terminalreporter, config):
    """Say it at the end too, where -q shows no head."""
    if not config.stash[FIGURES].comparable:
        terminalreporter.write_line(config.stash[FIGURES].headline, yellow=True)


class Figures:
    """Whether figures can be compared here: they look the same only with one and the same matplotlib."""

    def __init__(self, option, locked=None, installed=None):
        self.option = option
        self.locked = locked or locked_version("matplotlib", LOCK.read_text(encoding="utf-8"))
        self.installed = installed or metadata.version("matplotlib")

    @cached_property
    def comparable(self):
        """Whether the installed matplotlib is the locked one."""
        return self.locked == self.installed

    @cached_property
    def headline(self):
        """One line for the head of the report."""
        if self.comparable:
            return f"figures: compared (matplotlib {self.installed})"
        here = f"matplotlib is {self.installed}, the lock has {self.locked}"
        if self.option == "skip":
            return f"figures: NOT compared, text alone ({here})"
        return f"figures: can not be compared, cells with a figure fail ({here})"

    @cached_property
    def problem(self):
        """What a cell with a figure is told, or ''."""
        if self.comparable or self.option == "skip":
            return ""
        return (
            f"its figure can be compared with matplotlib {self.locked} alone, here is {self.installed}: "
            "install requirements.txt, or use --figures=skip to compare text alone"
        )


FIGURES = pytest.StashKey[Figures]()


# Running


_start_new_kernel = nbval.kernel.start_new_kernel
_make_cell = IPyNbCell.__init__
_setup_notebook = IPyNbFile.setup


def start_kernel(startup_timeout=60, kernel_name="python", **options):
    """Start a kernel in the environment in which the outputs were stored."""
    return _start_new_kernel(
        startup_timeout=startup_timeout,
        kernel_name=kernel_name,
        env=kernel_environment(os.environ),
        extra_arguments=["--HistoryManager.hist_file=:memory:"],  # kernels that run at once would share a file
        **options,
    )


def setup_notebook(self):
    """Start a kernel for a notebook, or skip all of its cells where what it declares is not installed."""
    reason = missing_needs(self.nb)
    if reason:
        pytest.skip(reason)
    _setup_notebook(self)


def make_cell(self, name, parent, cell_num, cell, options):
    """Count cells from 1, so that `Cell 4` is the cell that a reader sees as `[4]`."""
    _make_cell(self, f"Cell {cell_num + 1}", parent, cell_num + 1, cell, options)


def run_cell(self):
    """Run one cell, whatever marks it has, and fail with every fault of what is stored and what came out."""
    problems = cell_problems(self.cell, self.cell_num)
    try:
        fresh = fresh_outputs(self.parent.kernel, self.cell.source, self.config.option.nbval_cell_timeout)
    except NoOutput as error:
        problems.append(str(error))
    else:
        problems += fresh_problems(fresh, self.cell)
        problems += self.compare_outputs(fresh, self.cell.outputs)
    if problems:
        raise CellFailed(problems)


def fresh_outputs(kernel, source, timeout):
    """Run source in a kernel and return its outputs in the order in which they came."""
    if not kernel.is_alive():
        raise NoOutput("it was not run, since the kernel ended in a cell before it")
    asked = kernel.kc.execute(source, store_history=True, allow_stdin=False, stop_on_error=False)
    latest = time.monotonic() + timeout
    outputs = []
    while True:
        if time.monotonic() > latest:
            kernel.stop()
            raise NoOutput(f"it ran for more than {timeout:g} seconds (--nbval-cell-timeout)")
        try:
            message = kernel.kc.get_iopub_msg(timeout=1)
        except Empty:
            if not kernel.is_alive():
                raise NoOutput("the kernel died while it ran") from None
            continue
        if message["parent_header"].get("msg_id") != asked:
            continue
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return outputs
        outputs = with_message(outputs, message)


def with_message(outputs, message):
    """Return the outputs after one message of the kernel."""
    kind = message["msg_type"]
    if kind in ("status", "execute_input") or kind.startswith("comm"):
        return outputs
    if kind == "clear_output":
        return []
    try:
        return [*outputs, nbformat.v4.output_from_msg(message)]
    except ValueError:
        # Kept, so that the comparison names it: what is not known is not dropped.
        return [*outputs, nbformat.NotebookNode(output_type=kind, data={}, metadata={})]


# Judging


def fresh_problems(fresh, cell):
    """Return what is wrong with fresh outputs, whatever is stored."""
    problems = []
    for output in merge_streams(fresh):
        if output["output_type"] == "stream" and output["name"] != "stdout":
            problems.append(f"it wrote to {output['name']}: {joined(output['text']).strip()}")
        if output["output_type"] == "error" and RAISES not in tags_of(cell):
            problems.append(f"it raised an error that is not announced:\n{plain_traceback(output)}")
    return problems


def compare_cell(self, test, ref, skip_compare=None):
    """Return every difference between fresh and stored outputs; nothing is skipped."""
    figures = self.config.stash[FIGURES]
    problems = compare_outputs(copy.deepcopy(ref), test, figures=figures.comparable)
    if figures.problem and any(PICTURE in output.get("data", {}) for output in [*test, *ref]):
        problems.append(figures.problem)
    return problems


def report_failure(self, excinfo):
    """Show the cell, the first lines of its source, and what is wrong with it."""
    if not isinstance(excinfo.value, CellFailed):
        return f"Cell {self.cell_num} could not be checked: {excinfo.value!r}"
    lines = self.cell.source.splitlines()
    shown = lines[:SHOWN_SOURCE_LINES] + ["..."] * (len(lines) > SHOWN_SOURCE_LINES)
    problems = excinfo.value.args[0]
    return "\n".join(
        [f"{self.path.name}, cell {self.cell_num}"]
        + [f"    | {line}" for line in shown]
        + [f"  * {problem}" for problem in problems]
    )
