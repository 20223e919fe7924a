"""Every check accepts what is right, in every form, and names what is wrong."""

import ast
import contextlib
import importlib
import inspect
import io
import json
import re

import numpy as np
import pytest
import tensorflow as tf
from pages import CHAPTERS

import labkit.exercises
from labkit.exercises._kinds import CORRECT, NOT_ATTEMPTED, NOT_YET, WIDTH, Choice, Code, Numbers, Outcome, Wrong

MODULES = {name: importlib.import_module(f"labkit.exercises.{name}") for name in labkit.exercises.__all__}
EXERCISES = {f"{name}.{q}": getattr(module, q) for name, module in MODULES.items() for q in module.__all__}
VARIANTS = {f"{name}.{q}": functions for name in MODULES
            for q, functions in importlib.import_module(f"exercise_variants.{name}").VARIANTS.items()}
FUNCTIONS = {name: exercise for name, exercise in EXERCISES.items() if isinstance(exercise, Code)}

each_exercise = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
each_function = pytest.mark.parametrize("exercise", FUNCTIONS.values(), ids=FUNCTIONS)
each_module = pytest.mark.parametrize("name", MODULES)


def known(what):
    """Every known wrong answer, or every variant, of every exercise."""
    return [pytest.param(exercise, item, id=f"{name}-{k}") for name, exercise in EXERCISES.items()
            for k, item in enumerate(getattr(exercise, what, ()))]


# What is right


@each_exercise
def test_the_solution_is_correct(exercise):
    outcome = exercise.grade(exercise.answer)
    assert outcome.state == CORRECT, str(outcome)
    assert exercise.note in outcome.message


@pytest.mark.parametrize(("exercise", "other"), known("also"))
def test_what_is_right_as_well_is_correct_and_says_how_it_differs(exercise, other):
    outcome = exercise.grade(other.answer)
    assert outcome.state == CORRECT and outcome.message.startswith(other.message)


@pytest.mark.parametrize(("name", "function"), [pytest.param(name, function, id=f"{name}-{function.__name__}")
                                                for name, functions in VARIANTS.items() for function in functions])
def test_another_way_to_write_it_is_correct(name, function):
    outcome = EXERCISES[name].grade(function)
    assert outcome.state == CORRECT, str(outcome)


def test_every_function_has_a_variant_in_tensorflow():
    without = [name for name in FUNCTIONS if not any("tensorflow" in f.__name__ for f in VARIANTS.get(name, ()))]
    assert without == []


@each_function
def test_results_may_be_tensors(exercise):
    assert exercise.grade(returning(exercise, tf.convert_to_tensor)).state == CORRECT


@each_function
def test_results_may_be_lists(exercise):
    assert exercise.grade(returning(exercise, lambda value: np.asarray(value).tolist())).state == CORRECT


# What is wrong


@pytest.mark.parametrize(("exercise", "wrong"), known("wrong"))
def test_a_known_mistake_is_named(exercise, wrong):
    assert exercise.grade(wrong.answer) == (NOT_YET, wrong.message)


@each_function
def test_some_mistakes_are_known(exercise):
    assert len(exercise.wrong) >= 3


@each_function
def test_a_function_that_changes_its_arguments_is_told_so(exercise):
    def careless(*arguments):
        result = exercise.answer(*arguments)
        for argument in arguments:
            if isinstance(argument, np.ndarray):
                argument += 1
        return result

    arrays = any(isinstance(value, np.ndarray) for case in exercise.cases() for value in case.values())
    outcome = exercise.grade(careless)
    assert outcome.state == (NOT_YET if arrays else CORRECT)
    assert ("in place" in outcome.message) == arrays


@each_function
def test_a_small_error_is_not_overlooked(exercise):
    outcome = exercise.grade(returning(exercise, lambda value: np.asarray(value) * (1 + 1e-6) + 1e-300))
    assert outcome.state == NOT_YET
    assert "case 1 of" in outcome.message and "expected" in outcome.message and "got" in outcome.message


@each_function
def test_a_wrong_shape_is_named(exercise):
    outcome = exercise.grade(returning(exercise, lambda value: np.asarray(value)[np.newaxis]))
    assert outcome.state == NOT_YET and "has the shape (1," in outcome.message


@each_function
def test_an_error_is_told_with_its_inputs(exercise):
    def broken(*arguments):
        raise ZeroDivisionError("division by zero")

    outcome = exercise.grade(broken)
    assert outcome.state == NOT_YET and "ZeroDivisionError: division by zero" in outcome.message
    assert all(f"\n  {name} = " in outcome.message for name in exercise.cases()[0])


@each_function
def test_text_is_no_number(exercise):
    outcome = exercise.grade(returning(exercise, str))
    assert outcome.state == NOT_YET and "must be a number or an array" in outcome.message


@each_function
def test_a_result_instead_of_a_function_is_told_so(exercise):
    outcome = exercise.grade(3.0)
    assert outcome.state == NOT_YET and f"check({exercise.answer.__name__})" in outcome.message


# What is not attempted


@each_exercise
def test_a_gap_is_not_attempted(exercise):
    for gap in (..., None):
        assert exercise.grade(gap).state == NOT_ATTEMPTED


@each_function
def test_an_empty_function_is_not_attempted(exercise):
    def gap(*arguments):
        ...

    def refusal(*arguments):
        raise NotImplementedError

    def ellipsis(*arguments):
        return ... if len(exercise.outputs) == 1 else (...,) * len(exercise.outputs)

    for function in (gap, refusal, ellipsis):
        assert exercise.grade(function).state == NOT_ATTEMPTED


# Hints, solutions, text


@each_exercise
def test_hints_come_one_after_another_and_can_be_asked_for(exercise, capsys):
    count = len(exercise.hints)
    assert 1 <= count <= 3
    exercise._shown = 0
    for number in [*range(1, count + 1), count]:
        exercise.hint()
        assert capsys.readouterr().out.startswith(f"Hint {number} of {count}: ")
    exercise.hint(1)
    assert capsys.readouterr().out.startswith("Hint 1 of")
    for wrong in (0, count + 1, "1", True):
        with pytest.raises(ValueError, match=f"number must be a whole number from 1 to {count}"):
            exercise.hint(wrong)


@each_exercise
def test_the_solution_can_be_shown(exercise, capsys):
    exercise.solution()
    shown = capsys.readouterr().out
    if isinstance(exercise, Code):
        assert shown.rstrip() == inspect.getsource(exercise.answer).rstrip()
        return
    assert all(len(line) <= WIDTH for line in shown.splitlines())
    letters = {**exercise.true, **exercise.false} if isinstance(exercise, Choice) else {}
    assert all(f"{letter} is " in shown for letter in letters)


@each_exercise
def test_what_a_check_prints_is_narrow_and_the_same_each_time(exercise, capsys):
    answers = [exercise.answer, ..., *(wrong.answer for wrong in getattr(exercise, "wrong", ()))]
    printed = []
    for _ in range(2):
        for answer in answers:
            exercise.check(answer)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert all(len(line) <= WIDTH for line in printed[0].splitlines())


@each_exercise
def test_messages_are_sentences(exercise):
    texts = [*exercise.hints, *(item.message for item in getattr(exercise, "wrong", ()))]
    assert all(text[-1] in ".?:" and text.isascii() for text in texts)
    assert len({item.message for item in getattr(exercise, "wrong", ())}) == len(getattr(exercise, "wrong", ()))


@each_exercise
def test_it_knows_its_name(exercise):
    assert EXERCISES[exercise.name] is exercise and repr(exercise) == f"{exercise.name}: {exercise.title}"


# The kinds


NUMBER = Numbers(name="x.q1", title="two", answer=(1.0, 2.0), because="so.", wrong=(Wrong((2.0, 1.0), "turned."),),
                 hints=("think.",))


@pytest.mark.parametrize(("answer", "message"), [
    ((1, 2.5), "number 2 of 2 is too large."), ((0.5, 2), "number 1 of 2 is too small."), ((2, 1), "turned."),
    (1.0, "the answer must be 2 numbers, such as (1.5, 1.5), got one."),
    ("one", "the answer must be 2 numbers, such as (1.5, 1.5), got 'one'."),
    ((1j, 2), "the answer must be 2 numbers"), ((True, False), "the answer must be 2 numbers"),
    ((np.nan, 2.0), "number 1 of 2 is not finite."), ((1.0, np.inf), "number 2 of 2 is not finite."),
])
def test_numbers_say_what_is_wrong_with_them(answer, message):
    outcome = NUMBER.grade(answer)
    assert outcome.state == NOT_YET and outcome.message.startswith(message)


@pytest.mark.parametrize("answer", [(1, 2), [1.0, 2.0], np.array([1.0, 2.0]), tf.constant([1.0, 2.0])])
def test_numbers_may_be_of_any_kind(answer):
    assert NUMBER.grade(answer).state == CORRECT


def test_a_decimal_comma_is_told_so():
    one = Numbers(name="x.q3", title="one", answer=0.1, because="so.", hints=("think.",))
    said = "the answer must be a number, got a list of 2. Write 0.1 with a point: 0,1 are two numbers."
    assert one.grade((0, 1)).message == said
    assert NUMBER.grade([1.0, 2.0, 3.0]).message.endswith("got a list of 3.")


@pytest.mark.parametrize("answer", [(..., 2.0), [..., ...], ...])
def test_one_gap_is_a_gap(answer):
    assert NUMBER.grade(answer).state == NOT_ATTEMPTED


CHOICE = Choice(name="x.q2", title="which", true={"a": "it is.", "c": "too."}, false={"b": "is not."},
                hints=("think.",))


@pytest.mark.parametrize(("answer", "message"), [
    ("b", "b is not true: is not."), ("a", "what you chose is true; one more is true."), ("abc", "b is not true"),
    ("d", "the letters are a to c, got d."), (3, "the answer must be letters"), ([1], "the answer must be letters"),
    ([], "2 more are true."),
])
def test_choices_say_what_is_wrong_with_them(answer, message):
    outcome = CHOICE.grade(answer)
    assert outcome.state == NOT_YET and outcome.message.startswith(message)


@pytest.mark.parametrize("answer", ["ac", "ca", "A, C", ["a", "c"], {"c", "a"}, ("a", "C")])
def test_choices_may_be_written_in_many_ways(answer):
    assert CHOICE.grade(answer).state == CORRECT


def test_outcomes_are_wrapped_and_keep_their_lines():
    text = str(Outcome(NOT_YET, "word " * 40 + "\n  theta = [1, 2]"))
    assert text.startswith("Not yet: word") and text.endswith("\n  theta = [1, 2]")
    assert all(len(line) <= WIDTH for line in text.splitlines())


def test_an_unknown_module_is_named():
    with pytest.raises(AttributeError, match="'labkit.exercises' has no attribute 'adamm'; it has adam, decay"):
        labkit.exercises.adamm  # noqa: B018


# The notebooks


def tagged(name):
    """The cells of the notebook that hold an exercise: name of the exercise to source."""
    notebook = json.loads((CHAPTERS / "exercises" / f"{name}.ipynb").read_text(encoding="utf-8"))
    return {tag: "".join(cell["source"]) for cell in notebook["cells"] for tag in cell["metadata"].get("tags", [])
            if re.fullmatch(rf"{name}\.q\d+", tag)}


def code(name):
    notebook = json.loads((CHAPTERS / "exercises" / f"{name}.ipynb").read_text(encoding="utf-8"))
    return [(cell["metadata"].get("tags", []), "".join(cell["source"])) for cell in notebook["cells"]
            if cell["cell_type"] == "code"]


@each_module
def test_the_notebook_has_every_exercise_once_and_in_order(name):
    assert list(tagged(name)) == [f"{name}.{q}" for q in MODULES[name].__all__]
    assert len(tagged(name)) >= 5


@each_module
def test_a_gap_is_like_the_solution_and_is_checked(name):
    for full, source in tagged(name).items():
        exercise, tree = EXERCISES[full], ast.parse(source)
        gap, check = tree.body
        assert ast.unparse(check).startswith(f"{full}.check(")
        assert f"# {full}.hint()" in source and f"# {full}.solution()" in source
        if isinstance(exercise, Code):
            solution = ast.parse(inspect.getsource(exercise.answer)).body[0]
            assert isinstance(gap, ast.FunctionDef) and gap.name == solution.name
            assert [a.arg for a in gap.args.args] == [a.arg for a in solution.args.args]
        assert ast.unparse(check.value.args[0]) == (gap.name if isinstance(exercise, Code) else gap.targets[0].id)


@each_module
def test_statements_and_letters_agree(name):
    text = " ".join("".join(cell["source"]) for cell in json.loads(
        (CHAPTERS / "exercises" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"])
    sections = dict(re.findall(r"## Exercise (\d+)(.*?)(?=## |\Z)", text, re.S))
    for q in MODULES[name].__all__:
        if isinstance(exercise := getattr(MODULES[name], q), Choice):
            letters = re.findall(r"^- \*\*([a-z])\.\*\* ", sections[q[1:]], re.M)
            assert letters == sorted({**exercise.true, **exercise.false})


@each_module
def test_the_notebook_filled_with_solutions_is_all_correct(name):
    namespace = {}
    for tags, source in code(name):
        for full in set(tags) & set(EXERCISES):
            source = filled(source, full)
        source = source.replace('sys.path.insert(0, "../..")', "")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(source, f"{name}.ipynb", "exec"), namespace)
        if set(tags) & set(EXERCISES):
            assert printed.getvalue().startswith("Correct: "), f"{tags}: {printed.getvalue()}"


def filled(source, full):
    """The source of a cell with the solution in its gap."""
    exercise, check = EXERCISES[full], source[source.index(f"{full}.check("):]
    if isinstance(exercise, Code):
        return f"{inspect.getsource(exercise.answer)}\n\n{check}"
    return f"{ast.parse(source).body[0].targets[0].id} = {exercise.answer!r}\n{check}"


def returning(exercise, convert):
    """The solution, with each output converted."""
    def function(*arguments):
        result = exercise.answer(*arguments)
        return tuple(map(convert, result)) if len(exercise.outputs) > 1 else convert(result)

    return function
