"""Grades a folder of submissions: each is run in a sandbox of its own, and judged out here.

A sandbox gets the cells, then the names of variables, then the hidden inputs, one call at a time. What comes back is
JSON, read strictly; the numbers that were expected never leave this process.
"""
import ast
import builtins
import copy
import json
import math
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from labkit.grading.assignment import Function, Text, Value
from labkit.grading.results import GradingError, Mark, Report, Submission
from labkit.grading.sandbox import Gone, Limits, Sandboxes
from labkit.grading.worker import Unsupported, decode, encode

__all__ = ["Limits", "difference", "grade"]

LARGEST = 50 * 2**20  # bytes of a notebook
LONGEST = 20_000  # characters of a text that is marked by hand
NOTES = 50  # of one submission
RESTARTS = 20  # fresh starts of one submission's notebook, after something that broke it
TENSORFLOW = re.compile(r"tensorflow|keras|labkit\.tf|labkit import .*\btf\b")
MATPLOTLIB = re.compile(r"matplotlib|plotting|\.plot\(|plt\.")
BLOCK = re.compile(r"(?ms)^([ \t]*)### BEGIN SOLUTION.*?### END SOLUTION[^\n]*$")
# A student chooses the names of exceptions and types, and could carry a hidden input out in one; only these are told.
TELLABLE = {name for name, kind in vars(builtins).items() if isinstance(kind, type)}
TELLABLE |= {"AxisError", "InvalidArgumentError", "LinAlgError", "NoneType", "OperatorNotAllowedInGraphError",
             "_ArrayMemoryError", "builtin_function_or_method", "ellipsis", "function", "generator", "method", "module",
             "KerasTensor", "SymbolicTensor"}
SAID = {"huge integer", "deeply nested list", "answer that is too large", "array of object", "array of complex128"}


def grade(assignment, submissions, solution, *, sandbox="bwrap", workers=None, limits=None, progress=False):
    """Grade submissions, each in a sandbox of its own; the solution is graded first, and has to get all points.

    Parameters
    ----------
    assignment : Assignment
    submissions : sequence of Submission
    solution : path
        The notebook with the answers.
    sandbox : {"bwrap", "none"}
        ``"none"`` protects nothing; ``labkit.grading.sandbox.unprotected()`` says what that means.
    workers : int, optional
        How many run at once. Default: one for each processor.
    limits : Limits, optional
    progress : bool
        Show a bar on the standard error.

    Returns
    -------
    list of Report
        One for each submission, in their order, whatever they do.

    Raises
    ------
    GradingError
        If the sandbox cannot be had, the reference fails on its own cases, or the solution does not get full marks.
    """
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise GradingError(f"workers must be a positive integer, got {workers!r}")
    limits, submissions, solution = limits or Limits(), list(submissions), Path(solution)
    tests = [_Test(question, assignment.seed) for question in assignment.questions]
    cells = _solution_cells(solution)
    # A submission's path as it is written: one that is a link must not say where the others are refused to lie.
    secret = [Path(os.path.abspath(each.path)) for each in submissions if each.path is not None]
    secret += [path.resolve() for path in (assignment.path, solution) if path is not None]
    with Sandboxes(sandbox, limits, assignment.hidden, secret) as sandboxes:
        batch = _Batch(assignment, tests, sandboxes, _stubs(cells, {q.name for q in assignment.questions}))
        if any(MATPLOTLIB.search(source) for source in cells):
            batch.make_fonts()
        _check_solution(batch, Submission("the solution", solution))
        if any(MATPLOTLIB.search(_text(each)) for each in submissions):
            batch.make_fonts()
        return _in_parallel(batch, submissions, workers or len(os.sched_getaffinity(0)), progress)


def _in_parallel(batch, submissions, workers, progress):
    bar = tqdm(total=len(submissions), disable=not progress, file=sys.stderr, unit="submission")
    with bar, ThreadPoolExecutor(workers) as pool:

        def one(submission):
            report = batch.report(submission)
            bar.update()
            return report

        waiting = [pool.submit(one, submission) for submission in submissions]
        try:
            return [each.result() for each in waiting]
        except BaseException:  # the teacher interrupts: end the sandboxes, so that the threads end too
            for each in waiting:
                each.cancel()
            batch.sandboxes.stop()
            raise


def _check_solution(batch, submission):
    report = batch.report(submission, teacher=True)
    texts = {test.question.name for test in batch.tests if isinstance(test.question, Text)}
    lost = [mark for mark in report.marks if mark.question not in texts and mark.points < mark.out_of]
    if lost or report.status.startswith(("stopped", "not a notebook", "empty")):
        lines = [f"  {mark.question}: {mark.feedback}" for mark in lost]
        notes = [f"  {note}" for note in report.notes]
        raise GradingError("\n".join([f"the solution {submission.path} must get all points before anything is graded "
                                      f"({report.status}):", *lines, *notes]))


# ---- the questions


class _Test:
    """A question with its hidden inputs, and what they must give."""

    def __init__(self, question, seed):
        self.question, self.inputs, self.expected = question, [], []
        self.title = getattr(question, "title", None) or question.name
        if isinstance(question, Value):
            self.expected = [_sayable(question.expected, f"expected of {question.name}")]
        if isinstance(question, Function):
            self._make(question, np.random.default_rng([seed, *question.name.encode("utf-8")]))

    def _make(self, question, rng):
        try:
            cases = list(question.cases(rng))
        except Exception as error:
            raise GradingError(f"cases of {question.name} fails with {type(error).__name__}: {error}") from error
        if not cases:
            raise GradingError(f"cases of {question.name} must give at least one case, got none")
        for number, case in enumerate(cases, 1):
            what = f"case {number} of {question.name}"
            if not isinstance(case, dict) or not case or not all(isinstance(key, str) for key in case):
                raise GradingError(f"{what} must be a dict from names of arguments to values, got {case!r}")
            self.inputs.append(encode(_sayable(dict(case), what)))
            try:
                expected = question.expected(**copy.deepcopy(case))
            except Exception as error:
                raise GradingError(f"expected of {question.name} fails on {what} with "
                                   f"{type(error).__name__}: {error}") from error
            self.expected.append(_sayable(expected, f"expected of {question.name} on case {number}"))

    def wrong(self, number, answer):
        """What is wrong with an answer, or None."""
        return difference(answer, self.expected[number], self.question.rtol, self.question.atol)


def _sayable(value, what):
    """A value as it is after a way through JSON; a GradingError where it cannot take that way."""
    message = encode(value)
    if '"unsupported"' in json.dumps(message):
        raise GradingError(f"{what} must be made of numbers, strings, bools, None, arrays, lists, tuples and dicts, "
                           f"got {value!r:.200}")
    return decode(message)


def difference(answer, expected, rtol, atol):
    """What is wrong with an answer, in a few words that give nothing away; None where it is right.

    The shape must agree; a number and an array without axes are the same, and so are a tuple, a list and an array of
    as many values. A bool is right only where a bool is expected. NaN is right only where NaN is expected.
    """
    if isinstance(answer, Unsupported):
        said = answer.kind if answer.kind in TELLABLE | SAID else "value of some other type"
        return f"{'an' if said[0] in 'aeiouAEIOU' else 'a'} {said}, which is none of the types that can be compared"
    if answer is None and expected is not None:
        return "None"
    if expected is None:
        return None if answer is None else "a wrong value"
    if isinstance(expected, str):
        if not isinstance(answer, str):
            return "something else than a string"
        return None if answer.strip() == expected.strip() else "a wrong string"
    if isinstance(expected, dict):
        if not isinstance(answer, dict) or set(answer) != set(expected):
            return "something else than a dict with the right keys"
        return _first(difference(answer[key], expected[key], rtol, atol) for key in expected)
    if isinstance(expected, (list, tuple)):
        if isinstance(answer, np.ndarray) and answer.ndim:
            answer = [np.asarray(each) for each in answer]
        if not isinstance(answer, (list, tuple)) or len(answer) != len(expected):
            return "the wrong number of values"
        return _first(difference(given, right, rtol, atol) for given, right in zip(answer, expected))
    return _number_difference(answer, np.asarray(expected), rtol, atol)


def _first(faults):
    return next((fault for fault in faults if fault), None)


def _number_difference(answer, expected, rtol, atol):
    try:
        answer = _as_numbers(answer, expected.shape)
        given, right = answer.astype(float), expected.astype(float)
    except _WrongShape:
        return "an array of the wrong shape"
    except (ValueError, TypeError, OverflowError):
        return "something else than a number or an array of numbers"
    if given.size and (answer.dtype == bool) != (expected.dtype == bool):
        return "True or False, where numbers are right" if answer.dtype == bool else "no True or False, which is right"
    if answer.dtype == np.float32:  # which holds seven digits, and where numbers cancel those of the largest
        largest = np.max(np.abs(right[np.isfinite(right)]), initial=0.0)
        rtol, atol = max(rtol, 1e-4), max(atol, 1e-6 * largest)
    if np.isclose(given, right, rtol=rtol, atol=atol, equal_nan=True).all():
        return None
    return "a wrong value" if (np.isfinite(given) | ~np.isfinite(right)).all() else "NaN or infinity"


class _WrongShape(Exception):
    """An answer has another shape than what was expected."""


def _as_numbers(answer, shape):
    """An answer as an array of bools or numbers of a shape; nested lists of numbers count as one."""
    if isinstance(answer, (list, tuple)):
        if not shape or len(answer) != shape[0]:  # before anything is made of what may be a million values
            raise _WrongShape
        return np.stack([_as_numbers(each, shape[1:]) for each in answer]) if answer else np.zeros(shape)
    if not isinstance(answer, (bool, int, float, np.ndarray)):
        raise TypeError("not a number")
    if isinstance(answer, int) and not isinstance(answer, bool):
        answer = float(answer)  # of any size
    if np.shape(answer) != shape:
        raise _WrongShape
    return np.asarray(answer)


# ---- notebooks


@dataclass(frozen=True)
class _Cell:
    number: int
    source: str


def _read(path):
    """The code cells of a notebook, or why it is none: (cells, problem)."""
    try:
        if path.is_symlink() or not path.is_file():
            return [], "not a notebook: no ordinary file"
        if path.stat().st_size > LARGEST:
            return [], f"not a notebook: larger than {LARGEST >> 20} MiB"
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        return [], "not a notebook: not a text file in UTF-8"
    except (OSError, ValueError) as error:
        return [], f"not a notebook: cannot be read ({getattr(error, 'strerror', None) or 'not a path'})"
    if not text.strip():
        return [], "not a notebook: the file is empty"
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError):
        return [], "not a notebook: not JSON, perhaps cut off"
    return _cells(notebook)


def _cells(notebook):
    if not isinstance(notebook, dict):
        return [], "not a notebook: JSON of some other kind"
    cells, sheets = notebook.get("cells"), notebook.get("worksheets")
    if cells is None and isinstance(sheets, list) and sheets and isinstance(sheets[0], dict):
        cells = sheets[0].get("cells")  # the format before 2015
    if not isinstance(cells, list):
        return [], "not a notebook: it has no list of cells"
    sources = [_source(cell) for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    found = [_Cell(number, source) for number, source in enumerate(sources, 1) if source.strip()]
    return found, "" if found else "empty notebook"


def _source(cell):
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def _text(submission):
    cells, _ = _read(submission.path) if submission.path is not None and not submission.problem else ([], "")
    return "\n".join(cell.source for cell in cells)


def _solution_cells(path):
    cells, problem = _read(path.resolve())
    if problem:
        raise GradingError(f"the solution {path} cannot be graded: {problem}")
    return [cell.source for cell in cells]


def _stubs(sources, names):
    """The functions as the students were given them: what stands between the marks of the solution is ``...``."""

    def functions(source):
        try:
            body = ast.parse(source).body
        except SyntaxError:  # a cell with magics
            body = []
        return {ast.unparse(node) for node in body if isinstance(node, ast.FunctionDef) and node.name in names}

    return sorted(set().union(*(functions(BLOCK.sub(r"\1...", source)) - functions(source) for source in sources)))


# ---- one submission


class _Stopped(Exception):
    """Nothing more can be asked of this submission."""


class _Batch:
    """What all submissions have in common."""

    def __init__(self, assignment, tests, sandboxes, stubs):
        self.assignment, self.tests, self.sandboxes, self.stubs = assignment, tests, sandboxes, stubs

    def make_fonts(self):
        try:
            self.sandboxes.make_fonts()
        except Gone:  # it only saves time
            pass

    def report(self, submission, teacher=False):
        """The report of a submission; nothing that a submission does gets out of here as an exception."""
        cells, problem = [], submission.problem
        if not problem:
            cells, problem = _read(submission.path) if submission.path is not None else ([], "no notebook")
        if problem:
            return Report(submission, _plain(problem), tuple(self._lost(test, problem) for test in self.tests))
        run = _Run(self, cells, teacher)
        try:
            status = run.grade()
        except GradingError:
            raise
        except Exception as error:  # a fault of ours must not cost the others their marks
            status = f"stopped: the grader itself failed with {type(error).__name__}"
        finally:
            run.close()
        notes = [run.notes[number] for number in sorted(run.notes)]
        if len(notes) > NOTES:
            notes[NOTES:] = [f"and {len(notes) - NOTES} cells more"]
        marks = [run.marks.get(test.question.name) or self._lost(test, status) for test in self.tests]
        return Report(submission, status, tuple(marks), tuple(notes))

    def _lost(self, test, why):
        return Mark(test.question.name, 0.0, float(test.question.points), f"not graded: {_plain(why)}")


class _Run:
    """One submission: its cells are run, its answers asked for and judged."""

    def __init__(self, batch, cells, teacher):
        self.batch, self.cells, self.teacher, self.limits = batch, cells, teacher, batch.sandboxes.limits
        text = "\n".join(cell.source for cell in cells)
        self.tensorflow = batch.assignment.tensorflow or bool(TENSORFLOW.search(text))
        self.preload = [name for name, wanted in (("tensorflow", self.tensorflow),
                                                  ("matplotlib.pyplot", bool(MATPLOTLIB.search(text)))) if wanted]
        self.sandbox, self.child, self.restarts = None, False, 0
        self.kept, self.notes, self.marks = [], {}, {}
        self.deadline = math.inf

    def grade(self):
        """Fill in the marks; return the status."""
        try:
            self._open()
            self.deadline = time.monotonic() + self.limits.total
            self._run_cells()
            # Variables first: what a function does when it is called must not change them, nor carry inputs into them.
            for test in sorted(self.batch.tests, key=lambda test: isinstance(test.question, Function)):
                judge = self._function if isinstance(test.question, Function) else self._variable
                self.marks[test.question.name] = judge(test)
        except _Stopped as stopped:
            return f"stopped: {stopped}"
        failed = len(self.notes)
        return "graded" if not failed else f"graded, {failed} cell{'s' * (failed > 1)} failed"

    def close(self):
        if self.sandbox is not None:
            self.sandbox.close()

    # -- asking

    def _open(self):
        self.close()
        self.child = False
        try:
            names = [test.question.name for test in self.batch.tests]
            self.sandbox = self.batch.sandboxes.start(self.preload, self.tensorflow, names, self.batch.stubs)
        except Gone as gone:
            self.sandbox = None
            if self.teacher:
                raise GradingError(str(gone)) from None
            raise _Stopped(_plain(str(gone).partition(" (")[0])) from None
        self.child = True

    def _ask(self, request, seconds):
        """Ask the child, which is there; after a Gone it is not."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise _Stopped(f"the notebook took more than {self.limits.total:g} s in all")
        try:
            return self.sandbox.ask(request, min(seconds, left))
        except Gone as gone:
            self.child = False
            if gone.dead:
                self.sandbox.close()
                self.sandbox = None
            raise

    def _ready(self):
        """Have a child that has run all the cells that were good, after one was lost."""
        while not self.child:
            self.restarts += 1
            if self.restarts > RESTARTS:
                raise _Stopped(f"the notebook broke more than {RESTARTS} times")
            self._fresh()
            for cell in list(self.kept):
                try:
                    self._ask({"do": "cell", "number": cell.number, "source": cell.source}, self.limits.cell)
                except Gone as gone:
                    self._leave_out(cell, gone)
                    break

    def _fresh(self):
        if self.sandbox is not None:
            try:
                self.sandbox.fork()
                self.child = True
                return
            except Gone:
                pass
        began = time.monotonic()
        self._open()
        self.deadline += time.monotonic() - began  # loading the libraries has its own limit

    def _leave_out(self, cell, gone):
        self.notes[cell.number] = f"code cell {cell.number} was left out: {_plain(str(gone))}"
        self.kept = [other for other in self.kept if other is not cell]

    # -- the cells

    def _run_cells(self):
        again = [cell for cell in self.cells if self._cell(cell)]
        for cell in again:
            if cell in self.kept:  # and was not lost since
                self.kept.remove(cell)
                self.notes.pop(cell.number, None)
                self._cell(cell)

    def _cell(self, cell):
        """Run a cell; whether it is worth another try after all others, because it misses a name."""
        self._ready()
        try:
            answer = self._ask({"do": "cell", "number": cell.number, "source": cell.source}, self.limits.cell)
        except Gone as gone:
            self._leave_out(cell, gone)
            return False
        self.kept.append(cell)
        if "raised" in answer:
            line = f", line {answer['line']}" if type(answer.get("line")) is int and answer["line"] > 0 else ""
            self.notes[cell.number] = (f"code cell {cell.number}{line} raised {_plain(answer['raised'], 60)}"
                                       f"{_colon(answer.get('text'))}")
        return answer.get("again") is True

    # -- the answers

    def _answer(self, request, seconds):
        """The child's answer: (value, None), or (None, what is wrong with it)."""
        for last in (False, True):
            self._ready()
            began = time.monotonic()
            try:
                answer = self._ask(request, seconds)
                break
            except Gone as gone:  # something that a cell left behind may have ended it, so it has a second try
                if last or time.monotonic() - began > seconds:
                    return None, _plain(str(gone))
        try:
            if "value" in answer:
                return decode(answer["value"]), None
        except (ValueError, RecursionError):
            return None, "it interfered with the grader"
        name = request["name"]
        if "missing" in answer:
            return None, f"there is no `{name}` in the notebook"
        if "not callable" in answer:
            return None, f"`{name}` is not a function"
        if "arguments" in answer:
            return None, f"it does not take the arguments {', '.join(key for key, _ in request['arguments']['dict'])}"
        raised = answer.get("raised")
        detail = _colon(answer.get("text")) if self.teacher else ""
        return None, f"it raised {raised if raised in TELLABLE else 'an exception of its own'}{detail}"

    def _variable(self, test):
        question = test.question
        value, fault = self._answer({"do": "value", "name": question.name}, self.limits.call)
        if isinstance(question, Text):
            return _text_mark(question, value, fault)
        if fault is None and isinstance(value, Unsupported) and value.kind == "ellipsis":
            fault = f"`{question.name}` is not filled in"
        if fault is None:
            fault = test.wrong(0, value)
            if fault and self.teacher:
                fault += f" (expected {test.expected[0]!r:.300}, got {value!r:.300})"
            fault = fault and f"it is {fault}"
        return Mark(question.name, float(question.points) if fault is None else 0.0, float(question.points),
                    fault or "right")

    def _function(self, test):
        question, right, first = test.question, 0, None
        for number, arguments in enumerate(test.inputs):
            request = {"do": "call", "name": question.name, "arguments": arguments}
            value, fault = self._answer(request, self.limits.call)
            if fault is None:
                wrong = test.wrong(number, value)
                fault = wrong and f"it gave {wrong}"
                if fault and self.teacher:
                    fault += (f" (case {number + 1}: {decode(arguments)!r:.300}, expected "
                              f"{test.expected[number]!r:.300}, got {value!r:.300})")
            right += fault is None
            first = first or fault
            if fault and (not self.child or fault.startswith(("there is no", "`"))):
                break  # it broke the notebook, or there is nothing to call
        points, cases = float(question.points), len(test.inputs)
        if first is None:
            return Mark(question.name, points, points, f"right on all {cases} cases" if cases > 1 else "right")
        if first.startswith(("there is no", "`")):
            return Mark(question.name, 0.0, points, first)
        return Mark(question.name, 0.0, points, f"right on {right} of {cases} cases; the first failure: {first}")


def _text_mark(question, value, fault):
    points = float(question.points)
    if fault is None and (not isinstance(value, str) or not value.strip()):
        fault = f"`{question.name}` is empty" if value in ("", None) or isinstance(value, str) else \
            f"`{question.name}` is not a string"
    if fault is not None:
        return Mark(question.name, 0.0, points, fault)
    text = value.encode("utf-8", "replace").decode()
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}\n(cut off: {len(text)} characters)"
    return Mark(question.name, None, points, "to be marked by hand", text)


def _plain(text, most=200):
    """Text from a submission as one short line of characters that can be printed."""
    text = text if isinstance(text, str) else "something"
    text = "".join(c if c.isprintable() else " " for c in text[:4 * most])
    text = re.sub(r"\s+", " ", text.encode("utf-8", "replace").decode()).strip()
    return text if len(text) <= most else text[:most - 3] + "..."


def _colon(text):
    return f": {_plain(text)}" if isinstance(text, str) and text.strip() else ""
