"""What an assignment is made of; a file ``ASSIGNMENT.py`` builds one with these and calls it ``ASSIGNMENT``."""

import keyword
import math
import runpy
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from labkit.grading.results import GradingError

# What a student could copy an answer from. A submission finds a stand-in there, which imports and refuses to be called.
DEFAULT_HIDDEN = (
    "labkit/exercises",
    "labkit/grading",
    "labkit/reference/optimizers.py",
    "labkit/tf/keras_adapter.py",
    "labkit/tf/optimizers.py",
)


@dataclass(frozen=True)
class Question:
    """A name that a notebook has to define, and the points that it is worth; use one of its kinds.

    Raises
    ------
    ValueError
        If the name is no identifier or the points are not positive and finite.
    """

    name: str
    points: float

    def __post_init__(self):
        if not (isinstance(self.name, str) and self.name.isidentifier() and not keyword.iskeyword(self.name)):
            raise ValueError(f"name must be a Python name, got {self.name!r}")
        self._number("points", positive=True)

    def _number(self, argument, positive=False):
        value, allowed = getattr(self, argument), "positive" if positive else "zero or more"
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not (number and (value > 0 if positive else value >= 0)):
            raise ValueError(f"{argument} of {self.name} must be a finite number, {allowed}, got {value!r}")


@dataclass(frozen=True)
class Compared(Question):
    """A question whose answer is compared with what is expected, within tolerances."""

    expected: Any
    rtol: float = field(default=1e-6, kw_only=True)
    atol: float = field(default=1e-12, kw_only=True)
    title: str | None = field(default=None, kw_only=True)

    def __post_init__(self):
        super().__post_init__()
        self._number("rtol")
        self._number("atol")


@dataclass(frozen=True)
class Function(Compared):
    """A function, called with hidden inputs; all points go to one that is right on all of them.

    Parameters
    ----------
    name : str
        What the function is called in the notebook.
    points : float
        Its worth.
    expected : callable
        The reference. It is called with a copy of each case, in the grader's own process.
    cases : callable
        ``cases(rng)`` gives the inputs: a list of dicts from the name of an argument to a number, string, bool, None,
        array, or list, tuple or dict of these. ``rng`` is a ``numpy.random.Generator`` that the assignment's seed and
        the name of the question settle.
    rtol, atol : float
        An answer counts as right within ``atol + rtol * |expected|``. An answer in single precision is given at least
        ``rtol=1e-4`` and 1e-6 of the largest number expected, so choose cases where mistakes show above that.
    title : str, optional
        A few words for whoever reads the assignment; the gradebook has the name, Gradescope the title of a ``Text``.
    """

    cases: Any

    def __post_init__(self):
        super().__post_init__()
        for argument in ("expected", "cases"):
            if not callable(getattr(self, argument)):
                raise ValueError(f"{argument} of {self.name} must be callable, got {getattr(self, argument)!r}")


@dataclass(frozen=True)
class Value(Compared):
    """A variable: a number, a string, a bool, an array, or a list or tuple of these.

    ``rtol``, ``atol`` and ``title`` are as for a ``Function``. A string has to agree but for blanks at its ends.
    """


@dataclass(frozen=True)
class Text(Question):
    """A variable with a string, which is marked by hand; ``rubric`` is a note to whoever marks it, and is not shown."""

    title: str | None = field(default=None, kw_only=True)
    rubric: str = field(default="", kw_only=True)


@dataclass(frozen=True)
class Assignment:
    """The questions of one notebook.

    Parameters
    ----------
    title : str
        What the reports call it.
    questions : sequence of Function, Value and Text
        In the order of the reports; no two with one name.
    seed : int
        Settles the hidden inputs.
    tensorflow : bool
        Whether every submission needs TensorFlow. It is loaded anyway for a submission that mentions it.
    hidden : sequence of str
        The files and folders of labkit that hold answers, such as ``labkit/reference/optimizers.py``.
    path : Path, optional
        The file that it comes from, which no submission may be able to read; ``load`` fills it in.
    """

    title: str
    questions: tuple
    seed: int = field(default=0, kw_only=True)
    tensorflow: bool = field(default=False, kw_only=True)
    hidden: tuple = field(default=DEFAULT_HIDDEN, kw_only=True)
    path: Path | None = field(default=None, kw_only=True, compare=False)

    def __post_init__(self):
        if not (isinstance(self.title, str) and self.title.strip()):
            raise ValueError(f"title must be some words, got {self.title!r}")
        object.__setattr__(self, "questions", tuple(self.questions))
        object.__setattr__(self, "hidden", tuple(self.hidden))
        for question in self.questions:
            if not isinstance(question, (Function, Value, Text)):
                raise ValueError(f"questions must be Function, Value or Text, got {question!r}")
        if not self.questions:
            raise ValueError("questions must hold at least one, got none")
        twice = [name for name, count in Counter(q.name for q in self.questions).items() if count > 1]
        if twice:
            raise ValueError(f"questions must have names that differ, got {', '.join(twice)} more than once")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(f"seed must be an integer, zero or more, got {self.seed!r}")
        for name in self.hidden:
            if not isinstance(name, str) or not name.startswith("labkit/") or ".." in name.split("/"):
                raise ValueError(f"hidden must hold paths that begin with labkit/, got {name!r}")

    @property
    def out_of(self):
        """The points that there are."""
        return sum(question.points for question in self.questions)


def load(path):
    """Return the ``ASSIGNMENT`` that a Python file defines.

    Raises
    ------
    GradingError
        If there is no such file, it fails, or it defines no assignment.
    """
    path = Path(path)
    if not path.is_file() or path.suffix == ".ipynb":
        found = "that is a notebook" if path.is_file() else "that is a folder" if path.is_dir() else "it is not there"
        raise GradingError(f"the assignment must be a Python file, such as assignment.py, got {path}: {found}")
    try:
        defined = runpy.run_path(str(path), run_name="assignment")
    except Exception as error:
        raise GradingError(f"the assignment {path} fails with {type(error).__name__}: {error}") from error
    assignment = defined.get("ASSIGNMENT")
    if not isinstance(assignment, Assignment):
        raise GradingError(f"the assignment {path} must define ASSIGNMENT = Assignment(title, questions), "
                           f"and ASSIGNMENT is {'missing' if assignment is None else repr(assignment)}")
    return replace(assignment, path=path.resolve())
