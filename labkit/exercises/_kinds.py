"""The kinds of exercise: a function to write, numbers to find, statements to choose."""

import copy
import inspect
import textwrap
import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

NOT_ATTEMPTED, NOT_YET, CORRECT = "Not attempted", "Not yet", "Correct"
WIDTH = 88  # of what is printed: a page shows so much without a scroll bar
BLANK = "replace the ... by your answer, then run this cell again."


class Outcome(NamedTuple):
    """What a check found: one of the three states, and a sentence or more."""

    state: str
    message: str

    def __str__(self):
        paragraphs = f"{self.state}: {self.message}".split("\n")
        return "\n".join(textwrap.fill(line, WIDTH, subsequent_indent="  " if line.startswith("  ") else "")
                         for line in paragraphs)


class Wrong(NamedTuple):
    """A known wrong answer, and the message that names the mistake."""

    answer: object
    message: str


@dataclass(eq=False, repr=False, kw_only=True)
class Exercise:
    """What every kind of exercise has.

    Attributes
    ----------
    name : str
        As it is called: ``"adam.q2"``.
    title : str
        A few words.
    hints : tuple of str
        One to three, each says more than the one before.
    note : str
        What ``Correct`` adds: what the answer is good for, or what to notice in it.
    """

    name: str
    title: str
    hints: tuple
    note: str = ""

    def __post_init__(self):
        self._shown = 0

    def __repr__(self):
        return f"{self.name}: {self.title}"

    def grade(self, answer):
        """Return the ``Outcome`` of an answer; prints nothing."""
        raise NotImplementedError

    def check(self, answer):
        """Print whether the answer is right and, if it is not, why."""
        print(self.grade(answer))

    def hint(self, number=None):
        """Print the next hint, or the hint with this number, from 1."""
        if number is None:
            number = self._shown = min(self._shown + 1, len(self.hints))
        if isinstance(number, bool) or number not in range(1, len(self.hints) + 1):
            raise ValueError(f"number must be a whole number from 1 to {len(self.hints)}, got {number!r}")
        print(textwrap.fill(f"Hint {number} of {len(self.hints)}: {self.hints[number - 1]}", WIDTH))

    def solution(self):
        """Print a solution."""
        print(self._solution_text().rstrip())

    def _correct(self, more=""):
        return Outcome(CORRECT, " ".join(part for part in (more, self.note) if part) or "well done.")


@dataclass(eq=False, repr=False, kw_only=True)
class Code(Exercise):
    """A function to write; it is compared with the solution on every case.

    The function is called with its arguments by position, in the order of the solution's. It may be written with NumPy
    or with TensorFlow, and may return arrays, tensors or numbers. Results in float32 are compared to four digits, all
    others to ``rtol``.

    Attributes
    ----------
    answer : function
        The solution, named as in the notebook; its source is what ``solution`` prints.
    outputs : tuple of str
        What the function returns, for the messages; one name means that it returns no tuple.
    cases : function
        Makes the list of cases, each a dict of arguments. Seeded, so that a check says the same each time.
    wrong : tuple of Wrong
        Functions with a known mistake. An answer that agrees with one on every case gets its message.
    also : tuple of Wrong
        Functions that differ from the solution and are right as well; the message is added to ``Correct``.
    rtol : float
        Relative tolerance, of the largest entry of an output.
    """

    answer: object
    outputs: tuple
    cases: object
    wrong: tuple = ()
    also: tuple = ()
    rtol: float = 1e-9

    def grade(self, answer):
        if answer is None or answer is ...:
            return Outcome(NOT_ATTEMPTED, BLANK)
        if not callable(answer):
            return Outcome(NOT_YET, f"pass the function itself, without calling it: check({self.answer.__name__}).")
        cases = self.cases()
        tried = []
        for number, case in enumerate(cases, start=1):
            try:
                tried.append(self._call(answer, case))
            except NotImplementedError:
                return Outcome(NOT_ATTEMPTED, BLANK)
            except _Unfit as unfit:
                if unfit.blank and number == 1:
                    return Outcome(NOT_ATTEMPTED, "your function returns nothing. Replace the ... by your code; a "
                                                  "function that computes something needs a return.")
                return Outcome(NOT_YET, f"{unfit} {self._told(number, case)}")
            except Exception as error:
                return Outcome(NOT_YET, f"your function raised {_reason(error)}. {self._told(number, case)}")
        return self._compare(cases, tried)

    def results(self, function):
        """Return what a function gives on every case: a list of tuples of arrays."""
        return [self._call(function, case).values for case in self.cases()]

    def _compare(self, cases, tried):
        right = self.results(self.answer)
        for message, function in [("", None), *((other.message, other.answer) for other in self.also)]:
            expected = right if function is None else self.results(function)
            if all(map(self._agree, (call.values for call in tried), expected)):
                for number, (case, call) in enumerate(zip(cases, tried), start=1):
                    if call.changed:
                        return Outcome(NOT_YET, f"the values are right, but your function changes its argument "
                                                f"{call.changed} in place, and so the caller's array. "
                                                f"{self._told(number, case)}")
                return self._correct(message)
        for function, message in self.wrong:
            if all(map(self._agree, (call.values for call in tried), self.results(function))):
                return Outcome(NOT_YET, message)
        number = next(i for i, call in enumerate(tried) if not self._agree(call.values, right[i]))
        return Outcome(NOT_YET, self._difference(number, cases[number], tried[number].values, right[number]))

    def _call(self, function, case):
        given = copy.deepcopy(case)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            returned = function(*given.values())
            values = _arrays(returned, self.outputs)
        changed = [name for name, value in given.items()
                   if isinstance(value, np.ndarray) and not np.array_equal(value, case[name], equal_nan=True)]
        return _Call(values, changed[0] if changed else "")

    def _agree(self, got, expected):
        return all(_close(a, b, self.rtol) for a, b in zip(got, expected))

    def _told(self, number, case):
        inputs = "".join(f"\n  {name} = {_shown(value)}" for name, value in case.items())
        return f"That was case {number} of {len(self.cases())}, with{inputs}"

    def _difference(self, index, case, got, expected):
        for name, a, b in zip(self.outputs, got, expected):
            if a.shape != b.shape:
                return f"{name} has the shape {a.shape}, and should have {b.shape}. {self._told(index + 1, case)}"
            if not _close(a, b, self.rtol):
                digits = 6 if _shown(a) != _shown(b) else 15
                return (f"{name} is not right. {self._told(index + 1, case)}\n"
                        f"expected {_shown(b, digits)}\ngot      {_shown(a, digits)}")
        raise AssertionError("the outputs agree")

    def _solution_text(self):
        return inspect.getsource(self.answer)


@dataclass(eq=False, repr=False, kw_only=True)
class Numbers(Exercise):
    """One number or several to find, by reading off, by hand, or by experiment.

    Attributes
    ----------
    answer : float or tuple of float
        The solution.
    wrong : tuple of Wrong
        Numbers that a known mistake leads to.
    rtol, atol : float
        Tolerances: how far off an answer may be.
    because : str
        What ``solution`` prints after the numbers.
    """

    answer: object
    because: str
    wrong: tuple = ()
    rtol: float = 1e-3
    atol: float = 0.0

    def grade(self, answer):
        expected = np.asarray(self.answer, float)
        if _blank(answer):
            return Outcome(NOT_ATTEMPTED, BLANK)
        try:
            got = _numbers(answer)
        except (TypeError, ValueError):
            return Outcome(NOT_YET, f"the answer must be {self._wanted()}, got {_short(repr(answer))}.")
        if got.shape != expected.shape:
            comma = " Write 0.1 with a point: 0,1 are two numbers." if expected.ndim < got.ndim else ""
            return Outcome(NOT_YET, f"the answer must be {self._wanted()}, got a list of {got.size}.{comma}" if got.ndim
                           else f"the answer must be {self._wanted()}, got one.")
        if np.allclose(got, expected, rtol=self.rtol, atol=self.atol):
            return self._correct()
        for value, message in self.wrong:
            if np.allclose(got, np.asarray(value, float), rtol=self.rtol, atol=self.atol):
                return Outcome(NOT_YET, message)
        return Outcome(NOT_YET, self._direction(got, expected))

    def _wanted(self):
        size = np.size(self.answer)
        return "a number" if np.ndim(self.answer) == 0 else f"{size} numbers, such as ({', '.join(['1.5'] * size)})"

    def _direction(self, got, expected):
        flat, far = np.atleast_1d(got), ~np.isclose(got, expected, rtol=self.rtol, atol=self.atol)
        k = int(np.argmax(np.atleast_1d(far)))
        which = "your number" if got.ndim == 0 else f"number {k + 1} of {flat.size}"
        if not np.isfinite(flat[k]):
            return f"{which} is not finite."
        return f"{which} is too {'large' if flat[k] > np.atleast_1d(expected)[k] else 'small'}."

    def _solution_text(self):
        numbers = ", ".join(f"{value:.6g}" for value in np.atleast_1d(self.answer))
        return textwrap.fill(f"{numbers}. {self.because}", WIDTH)


@dataclass(eq=False, repr=False, kw_only=True)
class Choice(Exercise):
    """Statements, of which the true ones are to be chosen.

    Attributes
    ----------
    true, false : dict
        Letter to the reason why the statement is true, or false. The statements stand in the notebook.
    """

    true: dict
    false: dict

    @property
    def answer(self):
        return "".join(sorted(self.true))

    def grade(self, answer):
        letters = sorted({**self.true, **self.false})
        if _blank(answer) or (isinstance(answer, str) and not answer.strip()):
            return Outcome(NOT_ATTEMPTED, "put the letters of the true statements between the quotation marks.")
        try:
            chosen = {letter for part in answer for letter in part.lower() if letter.isalpha()}
        except (AttributeError, TypeError):
            return Outcome(NOT_YET, f'the answer must be letters, such as "ab", got {_short(repr(answer))}.')
        if unknown := sorted(chosen - set(letters)):
            return Outcome(NOT_YET, f"the letters are {letters[0]} to {letters[-1]}, got {', '.join(unknown)}.")
        for letter in sorted(chosen & set(self.false)):
            return Outcome(NOT_YET, f"{letter} is not true: {self.false[letter]}")
        if missing := len(set(self.true) - chosen):
            more = "one more is" if missing == 1 else f"{missing} more are"
            return Outcome(NOT_YET, f"{'what you chose is true; ' if chosen else ''}{more} true.")
        return self._correct()

    def _solution_text(self):
        lines = [f"{letter} is {word}: {why}" for word, reasons in (("true", self.true), ("false", self.false))
                 for letter, why in reasons.items()]
        return "\n".join(textwrap.fill(line, WIDTH, subsequent_indent="  ") for line in sorted(lines))


class _Call(NamedTuple):
    values: tuple
    changed: str


class _Unfit(Exception):
    """What a function returned is not of the right kind."""

    def __init__(self, message, blank=False):
        super().__init__(message)
        self.blank = blank


def _arrays(returned, names):
    """Return the outputs as a tuple of arrays of real numbers."""
    if returned is None or returned is ...:
        raise _Unfit("your function returns nothing.", blank=True)
    if len(names) > 1:
        if not isinstance(returned, tuple | list) or len(returned) != len(names):
            count = f"{len(returned)} values" if isinstance(returned, tuple | list) else "one value"
            raise _Unfit(f"your function returns {count}, and should return {len(names)}: {', '.join(names)}.")
        if all(value is None or value is ... for value in returned):
            raise _Unfit("your function returns nothing.", blank=True)
    else:
        returned = (returned,)
    return tuple(_real(name, value) for name, value in zip(names, returned))


def _real(name, value):
    try:
        return _numbers(value)
    except (TypeError, ValueError):
        raise _Unfit(f"{name} must be a number or an array, got {_short(repr(value))}.") from None


def _numbers(value):
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise TypeError
    return array if array.dtype == np.float32 else array.astype(float)


def _close(got, expected, rtol):
    if got.shape != expected.shape:
        return False
    if got.dtype == np.float32:
        rtol = max(rtol, 1e-4)
    finite = np.abs(expected[np.isfinite(expected)])
    return np.allclose(got, expected, rtol=rtol, atol=1e-6 * rtol * finite.max(initial=0.0), equal_nan=True)


def _blank(answer):
    return answer is None or answer is ... or isinstance(answer, tuple | list) and any(a is ... for a in answer)


def _shown(value, digits=6):
    if callable(value):
        return value.__name__
    if isinstance(value, np.ndarray):
        if value.ndim == 0:
            return f"{value[()]:.{digits + 1}g}"
        text = np.array2string(value, precision=digits, threshold=20, separator=", ").replace("\n", "\n    ")
        return text
    return repr(value)


def _reason(error):
    text = str(error).strip()
    if text.startswith("in user code:"):  # TensorFlow puts the files and lines of its trace in front
        return _short(text.splitlines()[-1].strip())
    return _short(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def _short(text, most=200):
    text = " ".join(text.split())
    return text if len(text) <= most else text[:most - 3] + "..."
