"""What the engine makes of notebooks that mean well: finding answers, comparing them, stopping at a wrong solution."""
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sandboxed
from sandboxed import ADAM, ALL, ASSIGNMENT, BEST, GD, GOOD, WHY, feedback, notebook, points, submissions

from labkit.grading import engine
from labkit.grading.assignment import Assignment, Function, Text, Value, load
from labkit.grading.engine import Limits, difference, grade
from labkit.grading.results import GradingError, Report, Submission
from labkit.grading.worker import Unsupported, decode, encode, python_of

STUB = 'def gd_step(theta, grad, learning_rate):\n    """One step."""\n    ...\n'
GIVEN = ADAM.replace(ADAM[ADAM.index("    ### BEGIN"):ADAM.index("    return theta, m, v")], "    ...\n")
FULL = {**ALL, "why": None}

NOTEBOOKS = {  # cells, and what they get
    "plain": (GOOD, FULL),
    "order": ((WHY, BEST, ADAM, GD), FULL),
    "import at the end": ((GD.replace("import numpy as np\n", ""), "best_rate = float(np.array(0.25))", ADAM, WHY,
                           "import numpy as np"), FULL),
    "needs a later cell": (("assert np.allclose(gd_step(1., 1., 1.), 0.)", *GOOD), FULL),
    "twice": ((*GOOD, GD, ADAM), FULL),
    "stub first": ((STUB, *GOOD), FULL),
    "stub last": ((*GOOD, STUB), FULL),
    "given lines and more": ((GD, GIVEN, ADAM, BEST, WHY), FULL),
    "wrong, then the solution's": ((GD.replace("-", "+"), *GOOD), FULL),
    "given lines last": ((*GOOD, GIVEN), FULL),
    "pass last": ((*GOOD, STUB.replace("...", "pass")), FULL),
    "error last": ((*GOOD, STUB.replace("...", "raise NotImplementedError('later')")), FULL),
    "value stub last": ((*GOOD, "best_rate = ...", "why = ..."), FULL),
    "stub alone": ((STUB, *GOOD[1:], "import numpy as np"), {**FULL, "gd_step": 0.0}),
    "given lines alone": ((GD, GIVEN, BEST, WHY), {**FULL, "adam_step": 0.0}),
    "value stub alone": ((GD, ADAM, "best_rate = ...", WHY), {**FULL, "best_rate": 0.0}),
    "last answer counts": ((*GOOD, "best_rate = 0.5"), {**FULL, "best_rate": 0.0}),
    "failing test after an answer": ((GD + "\nassert False, 'mine'", ADAM, BEST, WHY), FULL),
    "missing": ((GD, BEST), {**FULL, "adam_step": 0.0, "why": 0.0}),
    "no function": (("gd_step = 7", "import numpy as np", ADAM, BEST, WHY), {**FULL, "gd_step": 0.0}),
    "other arguments": (("import numpy as np", "def gd_step(a, b, c): return a - c * b", ADAM, BEST, WHY),
                        {**FULL, "gd_step": 0.0}),
    "right on one case": ((GD.replace("theta - learning_rate", "theta - 0.1"), ADAM, BEST, WHY),
                          {**FULL, "gd_step": 0.0}),
    "no string": ((GD, ADAM, BEST, "why = 3"), {**FULL, "why": 0.0}),
    "blank": ((GD, ADAM, BEST, "why = '  '"), {**FULL, "why": 0.0}),
    "magics": (("%matplotlib inline\n!pip install x\nfiles = !ls\n?print\nprint?\n"
                "get_ipython().run_line_magic('a', 'b')\nif True:\n    %time z = 3\nassert z == 3",
                "%%time\n" + GD, "%%bash\nrm -rf x", ADAM, "%load_ext x\nx = (7\n  % 4)\ndisplay(x)", BEST, WHY), FULL),
    "plots": (("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('$x^2$')\nplt.savefig('a.png')\n"
               "plt.show()", *GOOD), FULL),
    "labkit": (("from labkit import data, plotting, problems\n"
                "from labkit.reference import losses, optimizers, training\n"
                "from labkit.reference.optimizers import Adam\n"
                "import inspect\nfrom dataclasses import dataclass\n@dataclass\nclass D:\n    x: int = 1\n"
                "assert inspect.getsource(D)", *GOOD), FULL),
    "subprocess": (("import subprocess, sys, multiprocessing, tempfile, zipfile\n"
                    "assert subprocess.run(['ls', '/'], capture_output=True).returncode == 0\n"
                    "with multiprocessing.get_context('fork').Pool(2) as pool: assert pool.map(abs, [-1]) == [1]",
                    *GOOD), FULL),
    "lists": ((GD.replace("return theta", "return list(theta").replace("* grad", "* grad)"), ADAM, BEST, WHY), FULL),
    "single": ((GD.replace("return theta - learning_rate * grad",
                           "return np.float32(theta) - np.float32(learning_rate * grad)"), ADAM, BEST, WHY), FULL),
    "old format": (GOOD, FULL),
    "no metadata": (GOOD, FULL),
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Reports by name of one batch."""
    sandboxed.need_bubblewrap()
    folder = tmp_path_factory.mktemp("engine")
    work = submissions(folder, {name: cells for name, (cells, _) in NOTEBOOKS.items()})
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": [cell]} for cell in GOOD]}], "nbformat": 3}
    (folder / "old format" / "work.ipynb").write_text(json.dumps(old))
    bare = {"cells": [{"cell_type": "markdown"}, *({"cell_type": "code", "source": cell} for cell in GOOD)]}
    (folder / "no metadata" / "work.ipynb").write_text("\ufeff" + json.dumps(bare), "utf-8")
    solution = notebook(folder / "solution.ipynb", *GOOD)
    return {report.submission.student: report for report in grade(ASSIGNMENT, work, solution)}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_marks(graded, name):
    report = graded[name]
    assert points(report) == NOTEBOOKS[name][1], (report.notes, feedback(report))


@pytest.mark.parametrize("name, question, said", [
    ("plain", "gd_step", "right on all 3 cases"), ("plain", "best_rate", "right"),
    ("plain", "why", "to be marked by hand"),
    ("missing", "adam_step", "there is no `adam_step` in the notebook"),
    ("missing", "why", "there is no `why` in the notebook"),
    ("no function", "gd_step", "`gd_step` is not a function"),
    ("other arguments", "gd_step", "right on 0 of 3 cases; the first failure: "
                                   "it does not take the arguments theta, grad, learning_rate"),
    ("right on one case", "gd_step", "right on 1 of 3 cases; the first failure: it gave a wrong value"),
    ("stub alone", "gd_step", "right on 0 of 3 cases; the first failure: it gave None"),
    ("value stub alone", "best_rate", "`best_rate` is not filled in"),
    ("last answer counts", "best_rate", "it is a wrong value"),
    ("no string", "why", "`why` is not a string"), ("blank", "why", "`why` is empty"),
])
def test_feedback(graded, name, question, said):
    assert feedback(graded[name])[question] == said


def test_the_status_counts_the_cells_that_failed_and_a_note_names_each(graded):
    report = graded["failing test after an answer"]
    assert report.status == "graded, 1 cell failed"
    assert report.notes == ("code cell 1, line 8 raised AssertionError: mine",)
    assert graded["plain"].status == graded["needs a later cell"].status == graded["magics"].status == "graded"


def test_a_text_is_kept_for_whoever_marks_it(graded):
    assert graded["plain"].marks[-1].answer == "It is 1 / L." and not graded["plain"].complete


# ---- the solution is graded first


def wrong(folder, assignment=ASSIGNMENT, cells=GOOD, **options):
    sandboxed.need_bubblewrap()
    with pytest.raises(GradingError) as caught:
        grade(assignment, [], notebook(folder / "solution.ipynb", *cells), **options)
    return str(caught.value)


def test_a_solution_that_is_wrong_stops_everything_and_the_teacher_sees_why(tmp_path):
    said = wrong(tmp_path, cells=[GD.replace("-", "+"), ADAM, "best_rate = 0.3"])
    assert "must get all points" in said and "gd_step: right on 0 of 3 cases" in said and "expected array([" in said
    assert "best_rate: it is a wrong value (expected 0.25, got 0.3)" in said and "adam_step" not in said


def test_a_solution_with_an_error_tells_its_text(tmp_path):
    said = wrong(tmp_path, cells=[GD.replace("return", "raise KeyError('mine')\n    return"), ADAM, BEST])
    assert "it raised KeyError: 'mine'" in said


@pytest.mark.parametrize("content, said", [(None, "no ordinary file"), ("{", "not JSON"), ("{}", "no list of cells")])
def test_a_solution_that_is_no_notebook_is_told(tmp_path, content, said):
    if content is not None:
        (tmp_path / "solution.ipynb").write_text(content)
    with pytest.raises(GradingError, match=said):
        grade(ASSIGNMENT, [], tmp_path / "solution.ipynb")


@pytest.mark.parametrize("cases, expected, said", [
    (lambda rng: 1 / 0, abs, "cases of f fails with ZeroDivisionError"), (lambda rng: [], abs, "at least one case"),
    (lambda rng: [3], abs, "case 1 of f must be a dict"), (lambda rng: [{"x": 1j}], abs, "case 1 of f must be made of"),
    (lambda rng: [{"x": -1}], lambda x: 1 / 0, "expected of f fails on case 1 of f with ZeroDivisionError"),
    (lambda rng: [{"x": -1}], lambda x: 1j, "expected of f on case 1 must be made of"),
])
def test_a_question_that_cannot_be_asked_is_told(tmp_path, cases, expected, said):
    solution = notebook(tmp_path / "solution.ipynb", *GOOD)
    with pytest.raises(GradingError, match=said):
        grade(Assignment("A", [Function("f", 1, expected, cases)]), [], solution)


def test_hidden_inputs_depend_on_the_seed_and_the_name_alone():
    def inputs(*questions, seed=0):
        tests = [engine._Test(question, seed) for question in questions]
        return {test.question.name: repr(test.inputs) for test in tests}

    gd, adam = ASSIGNMENT.questions[:2]
    assert inputs(gd, adam) == inputs(adam, gd) == inputs(gd) | inputs(adam)
    assert inputs(gd) != inputs(gd, seed=1)


def test_the_reference_gets_copies():
    def spoil(x):
        x *= 0
        return x

    test = engine._Test(Function("f", 1, spoil, lambda rng: [{"x": np.ones(2)}]), 0)
    assert decode(test.inputs[0])["x"].tolist() == [1.0, 1.0]


def test_too_little_time_in_all_keeps_what_was_marked(tmp_path):
    sandboxed.need_bubblewrap()
    slow = GD.replace("    ### BEGIN SOLUTION", "    import time; time.sleep(0.7)")
    work = submissions(tmp_path, {"slow": [BEST, WHY, slow, ADAM], "quick": GOOD})
    reports = grade(ASSIGNMENT, work, notebook(tmp_path / "solution.ipynb", *GOOD), limits=Limits(total=1.5))
    assert reports[0].status == "stopped: the notebook took more than 1.5 s in all"
    assert points(reports[0]) == {"gd_step": 0.0, "adam_step": 0.0, "best_rate": 1.0, "why": None}
    assert points(reports[1]) == FULL


def test_a_notebook_that_breaks_again_and_again_is_stopped(tmp_path):
    sandboxed.need_bubblewrap()
    work = submissions(tmp_path, {"breaks": ["import os; os._exit(0)"] * 30, "good": GOOD})
    reports = grade(ASSIGNMENT, work, notebook(tmp_path / "solution.ipynb", *GOOD))
    assert reports[0].status == "stopped: the notebook broke more than 20 times" and reports[0].total == 0
    assert points(reports[1]) == FULL


def test_progress_goes_to_the_standard_error(tmp_path, capsys):
    sandboxed.need_bubblewrap()
    solution = notebook(tmp_path / "solution.ipynb", *GOOD)
    assert grade(ASSIGNMENT, [Submission("a", None)], solution, progress=True, workers=1)[0].status == "no notebook"
    out, err = capsys.readouterr()
    assert out == "" and "1/1" in err


@pytest.mark.parametrize("workers", [0, -1, 1.5, True])
def test_workers_must_be_a_number(tmp_path, workers):
    with pytest.raises(GradingError, match="workers must be a positive integer"):
        grade(ASSIGNMENT, [], tmp_path / "solution.ipynb", workers=workers)


@pytest.mark.slow
def test_tensorflow(tmp_path):
    """Tensors as answers, XLA, AutoGraph and Keras in a forked child, and again after a cell that had to be ended."""
    sandboxed.need_bubblewrap()
    cells = ["import labkit.tf\nimport tensorflow as tf\nimport keras", """
@tf.function(jit_compile=True)
def step(theta, grad, rate):
    return theta - rate * grad

def gd_step(theta, grad, learning_rate):
    return step(tf.constant(theta, tf.float32), tf.constant(grad, tf.float32), tf.constant(learning_rate, tf.float32))
""", "import os; os._exit(0)", """
@tf.function
def count(n):
    s = tf.constant(0.0)
    for i in tf.range(n):
        if s < 3.0:
            s += 1.0
    return s
best_rate = count(5) / 12
theta = tf.Variable([1.0, 2.0])
optimizer = keras.optimizers.Adam(0.1)
optimizer.apply([tf.constant([1.0, 1.0])], [theta])
moved = theta
""", "import numpy as np", ADAM, WHY]
    assignment = replace(ASSIGNMENT, questions=(*ASSIGNMENT.questions, Value("moved", 1, [0.9, 1.9])))
    work = submissions(tmp_path, {"tensorflow": cells})
    solution = notebook(tmp_path / "solution.ipynb", *GOOD, "moved = [0.9, 1.9]")
    report = grade(assignment, work, solution, limits=Limits(cell=60, call=60, total=300))[0]
    assert points(report) == {**FULL, "moved": 1.0}, (report.notes, feedback(report))
    assert report.notes == ("code cell 3 was left out: it ended the program",)


# ---- comparing


@pytest.mark.parametrize("answer, expected", [
    (1, 1.0), (1.0, 1), (np.float64(1), 1), (np.array(1.0), 1), (np.int8(1), 1.0), (1.0 + 1e-9, 1.0), (0.0, 1e-13),
    (True, True), (np.True_, True), (np.array([True]), np.array([True])), ("a ", " a\n"), (None, None),
    (np.ones(2), np.ones(2)), ([1, 1], np.ones(2)), (((1, 2), (3, 4)), np.array([[1, 2], [3, 4]])),
    ((np.ones(2), 3), [np.ones(2), 3.0]), (np.ones(2), (1.0, 1.0)), (np.ones((2, 2)), [np.ones(2), np.ones(2)]),
    (math.nan, math.nan), (np.array([math.nan, 1]), np.array([math.nan, 1])), (math.inf, math.inf), ([], np.zeros(0)),
    (np.float32(0.1), 0.1), (np.array([0.1, 1.0], "float32"), [0.1, 1.0]), (np.zeros((0, 3)), np.zeros((0, 3))),
    (np.array([1e-7, 1], "float32"), np.array([0.0, 1])), ({"a": 1, "b": [2]}, {"b": [2], "a": 1}), ([], []),
    (2**60, float(2**60)),
])
def test_right(answer, expected):
    assert difference(decode(encode(answer)), decode(encode(expected)), 1e-6, 1e-12) is None


@pytest.mark.parametrize("answer, expected, said", [
    (1.00001, 1.0, "a wrong value"), (math.nan, 1.0, "NaN or infinity"), (1.0, math.nan, "a wrong value"),
    (math.inf, -math.inf, "a wrong value"), (math.inf, 1.0, "NaN or infinity"), (10**300, 1.0, "a wrong value"),
    (True, 1, "True or False, where numbers are right"), (1, True, "no True or False, which is right"),
    (np.ones(2), True, "an array of the wrong shape"), (np.ones(1), 1.0, "an array of the wrong shape"),
    (1.0, np.ones(1), "an array of the wrong shape"), (np.ones((2, 1)), np.ones(2), "an array of the wrong shape"),
    (np.ones(3), np.ones(2), "an array of the wrong shape"), ([1, [2]], np.ones(2), "an array of the wrong shape"),
    (np.zeros((3, 0)), np.zeros((0, 3)), "an array of the wrong shape"), ("1", 1.0, "something else than a number"),
    (["1"], np.ones(1), "something else than a number"), (None, 1.0, "None"), (1, None, "a wrong value"),
    (1, "1", "something else than a string"), ("b", "a", "a wrong string"), ((1, 2), (1, 3), "a wrong value"),
    ((1,), (1, 2), "the wrong number of values"), (1.0, (1.0,), "the wrong number of values"),
    ({"a": 1}, {"b": 1}, "something else than a dict"), ([1], {"a": 1}, "something else than a dict"),
    (np.float16(0.1), 0.1, "a wrong value"), (np.float32(0.1001), 0.1, "a wrong value"), ("", 1.0, "something else"),
    ([None], np.ones(1), "something else than a number"), (1j, 1.0, "a complex, which is none of the types"),
    (np.array(["a"]), 1.0, "a value of some other type"), (10**400, 1.0, "a huge integer"), ({}, 1.0, "something else"),
    (object(), 1.0, "an object, which"), ({1: 2}, 1.0, "a dict"), (1e-6, 0.0, "a wrong value"), (b"a", "a", "a bytes"),
    (np.array([0.001], "float32"), np.array([0.0]), "a wrong value"),
])
def test_wrong(answer, expected, said):
    assert difference(decode(encode(answer)), decode(encode(expected)), 1e-6, 1e-12).startswith(said)


def test_an_expected_value_inside_of_a_list_of_many_is_found_wrong():
    right = [np.ones(2), "a", 3]
    for number, wrong in enumerate([np.zeros(2), "b", 4]):
        assert difference([*right[:number], wrong, *right[number + 1:]], right, 1e-6, 1e-12)


@pytest.mark.parametrize("value", [
    0.1, -0.0, 5e-324, 1.7976931348623157e308, math.inf, 2**1023, "ä\x00\ud800", None, True, [1, (2, [3])],
    {"a": [np.ones((2, 0))]}, np.array(0.1, "float32"), np.arange(4, dtype="uint8").reshape(2, 2), np.array([True]),
    np.array([2**64 - 1], "uint64"), np.arange(6.0)[::-2], np.array([1.0], ">f8"),
])
def test_values_survive_json(value):
    def same(a, b):
        return type(a) is type(b) and repr(a) == repr(b)

    assert same(decode(json.loads(json.dumps(encode(value)))), value) or value.dtype.byteorder == ">"


@pytest.mark.parametrize("message", [
    {}, {"a": 1}, {"list": 1}, {"list": [], "tuple": []}, {"dict": [[1, 2]]}, {"dict": [["a"]]}, {"dict": ["ab"]},
    [1], [], {"unsupported": 1}, {"array": [1], "shape": [1]}, {"array": [1], "shape": [1], "dtype": "object"},
    {"array": [1], "shape": [1], "dtype": ["f"]}, {"array": ["1"], "shape": [1], "dtype": "float64"},
    {"array": [1.5], "shape": [1], "dtype": "int64"}, {"array": [True], "shape": [1], "dtype": "int64"},
    {"array": [1], "shape": [1], "dtype": "bool"}, {"array": [[1]], "shape": [1], "dtype": "int64"},
    {"array": [300], "shape": [1], "dtype": "uint8"}, {"array": [1], "shape": [2], "dtype": "int64"},
    {"array": [], "shape": [-1], "dtype": "float64"}, {"array": [], "shape": [0, 2**31, 2**31, 2**31], "dtype": "bool"},
    {"array": [1.0], "shape": [1] * 65, "dtype": "float64"}, {"array": [], "shape": [True], "dtype": "bool"},
    {"array": [1.0], "shape": [1], "dtype": "float64", "more": 1}, {"array": "ab", "shape": [2], "dtype": "float64"},
])
def test_a_message_that_encode_cannot_have_written_is_refused(message):
    with pytest.raises(ValueError):
        decode(message)


def test_nesting_has_an_end():
    value = message = []
    for _ in range(200):
        value, message = [value], {"list": [message]}
    assert "deeply nested" in repr(encode(value))
    with pytest.raises(ValueError):
        decode(message)


def test_what_cannot_be_an_answer_says_its_type_only():
    class Hostile:
        def __getattribute__(self, name):
            raise AssertionError(name)

    class Number(float):
        pass

    for value, kind in [(Hostile(), "Hostile"), (Number(1), "Number"), (np.ones(1).view(np.matrix), "matrix"),
                        (np.array([None]), "array of object"), (np.ma.ones(1), "MaskedArray"), (..., "ellipsis")]:
        decoded = decode(encode(value))
        assert isinstance(decoded, Unsupported) and decoded.kind == kind


@pytest.mark.parametrize("source, python", [
    ("x = 7 % 4", "x = 7 % 4"), ("s = '''\n%a\n!b\n'''", "s = '''\n%a\n!b\n'''"), ("%a\nx = 1", "pass\nx = 1"),
    ("for i in x:\n    !ls {i}", "for i in x:\n    pass"), ("a, b = !ls", "a, b = None"), ("%%html\n<b>", ""),
    ("%%time\nx = 1", "\nx = 1"), ("%time x = 1", "x = 1"), ("%timeit -n 3 f()", "pass"), ("np.sum??", "pass"),
    ("", ""), ("x = %time f()", "x = None"), ("%%", ""),
])
def test_magics_leave_no_trace(source, python):
    assert python_of(source) == python


# ---- assignments


T = [Text("a", 1)]


@pytest.mark.parametrize("make, said", [
    (lambda: Text("a b", 1), "name must be a Python name, got 'a b'"), (lambda: Text("for", 1), "name must be"),
    (lambda: Text(3, 1), "name must be"),
    (lambda: Text("a", 0), "points of a must be a finite number, positive, got 0"),
    (lambda: Text("a", math.inf), "points of a"), (lambda: Text("a", "1"), "points of a"),
    (lambda: Text("a", True), "points of a"),
    (lambda: Value("a", 1, 2, rtol=-1), "rtol of a must be a finite number, zero"),
    (lambda: Value("a", 1, 2, atol=math.nan), "atol of a"),
    (lambda: Function("a", 1, 3, abs), "expected of a must be callable"),
    (lambda: Function("a", 1, abs, []), "cases of a must be callable"), (lambda: Assignment("", T), "title must be"),
    (lambda: Assignment("A", []), "questions must hold at least one"),
    (lambda: Assignment("A", [3]), "questions must be"),
    (lambda: Assignment("A", T * 2), "questions must have names that differ, got a more than once"),
    (lambda: Assignment("A", T, seed=-1), "seed must be"), (lambda: Assignment("A", T, seed=True), "seed must be"),
    (lambda: Assignment("A", T, hidden=["/etc"]), "hidden must hold paths that begin with labkit/"),
    (lambda: Assignment("A", T, hidden=["labkit/../x"]), "hidden must hold paths"),
    (lambda: Limits(cell=0), "cell must be a positive number, got 0"), (lambda: Limits(memory=-1), "memory must be"),
])
def test_a_wrong_assignment_is_told(make, said):
    with pytest.raises(ValueError) as caught:
        make()
    assert said in str(caught.value)


@pytest.mark.parametrize("text, said", [
    (None, "is not there"), ("1 / 0", "fails with ZeroDivisionError"), ("x = (", "fails with SyntaxError"),
    ("x = 1", "must define ASSIGNMENT = Assignment.*missing"), ("ASSIGNMENT = 3", "ASSIGNMENT is 3"),
])
def test_a_file_without_an_assignment_is_told(tmp_path, text, said):
    if text is not None:
        (tmp_path / "ASSIGNMENT.py").write_text(text)
    with pytest.raises(GradingError, match=said):
        load(tmp_path / "ASSIGNMENT.py")


def test_an_assignment_is_loaded_from_its_file(tmp_path):
    shutil.copy(Path(sandboxed.__file__), tmp_path / "ASSIGNMENT.py")
    assignment = load(tmp_path / "ASSIGNMENT.py")
    assert [question.name for question in assignment.questions] == ["gd_step", "adam_step", "best_rate", "why"]
    assert assignment.out_of == 8 and assignment.path == (tmp_path / "ASSIGNMENT.py").resolve()


def test_reports_are_plain_values(graded):
    for report in graded.values():
        assert isinstance(report, Report) and isinstance(report.marks, tuple) and isinstance(report.notes, tuple)
        assert all(type(mark.points) in (float, type(None)) and type(mark.feedback) is str for mark in report.marks)
