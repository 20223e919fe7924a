"""Every public name tells what a reader needs: what it does, each argument, and what goes wrong."""

import importlib
import inspect
import re

import pytest

MODULES = [
    "labkit.problems", "labkit.data", "labkit.plotting", "labkit.results", "labkit.tf.devices",
    *(f"labkit.{column}.{name}" for column in ("reference", "tf")
      for name in ("optimizers", "schedules", "losses", "models", "training")),
    "labkit.reference.second_order",
]


def public(module):
    """The names that a module defines, or names in __all__."""
    loaded = importlib.import_module(module)
    names = getattr(loaded, "__all__", None) or [
        name for name, value in vars(loaded).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module]
    return [(f"{module}.{name}", getattr(loaded, name)) for name in names if callable(getattr(loaded, name))]


NAMES = dict(pair for module in MODULES for pair in public(module))
each_name = pytest.mark.parametrize(("name", "thing"), NAMES.items(), ids=list(NAMES))


def documented(doc):
    """The names that stand before a colon in the sections of a docstring."""
    entries = re.findall(r"^(\w+(?:, \w+)*) :", inspect.cleandoc(doc), re.MULTILINE)
    return {name for entry in entries for name in entry.split(", ")}


def arguments(thing):
    return [name for name in inspect.signature(thing).parameters if name not in ("self", "line", "args", "kwargs")]


def text(name, thing):
    """The docstring of a name; a TensorFlow twin that points to its NumPy twin for the rest has that one's too."""
    doc = inspect.getdoc(thing) or ""
    twin = name.replace("labkit.tf.", "labkit.reference.")
    if twin != name and twin in doc:
        doc += "\n\n" + inspect.getdoc(NAMES[twin])
    return doc


@each_name
def test_a_public_name_is_documented(name, thing):
    doc = text(name, thing)
    assert doc and doc.strip().split("\n")[0].endswith((".", ":")), "one sentence first"
    missing = set(arguments(thing)) - documented(doc)
    short = len(arguments(thing)) <= 1 and "\n\n" not in doc  # one argument and one sentence: the sentence says it
    assert not missing or short or missing <= set(re.findall(r"\w+", doc)), f"not described: {sorted(missing)}"


BASES = ("Model",)  # what the models have in common
RULES = {name: thing for name, thing in NAMES.items() if inspect.isclass(thing)
         and re.search(r"\.(optimizers|schedules|losses|models)\.", name) and not name.endswith(BASES)}


@pytest.mark.parametrize(("name", "thing"), RULES.items(), ids=list(RULES))
def test_a_rule_gives_formula_arguments_errors_and_conventions(name, thing):
    doc = text(name, thing)
    assert ".. math::" in doc or ":math:" in doc, "the formula is missing"
    assert set(arguments(thing)) <= documented(doc), "an argument is missing under Parameters"
    for section in ("Parameters", "Raises"):
        assert f"{section}\n---" in doc, f"the section {section} is missing"
    assert "Notes\n---" in doc or "References\n---" in doc, "neither source nor conventions of the libraries"


@pytest.mark.parametrize("name", ["optimizers", "schedules", "losses", "models", "training"])
def test_the_two_columns_have_the_same_public_names(name):
    columns = [{path.rsplit(".", 1)[1] for path, _ in public(f"labkit.{column}.{name}")}
               for column in ("reference", "tf")]
    only_one = {"in_blocks", "Flattened"}  # a long vector in NumPy, many short tensors in TensorFlow
    assert columns[0] - only_one == columns[1] - only_one


TWINS = [(name, NAMES[name.replace(".reference.", ".tf.")]) for name in NAMES
         if ".reference." in name and name.replace(".reference.", ".tf.") in NAMES]


@pytest.mark.parametrize(("name", "twin"), TWINS, ids=[name for name, _ in TWINS])
def test_twins_take_the_same_arguments_and_compare_alike(name, twin):
    ours, theirs = (inspect.signature(thing).parameters.values() for thing in (NAMES[name], twin))
    # A default may be a value of the column; then the two print alike.
    assert [(p.name, p.kind, repr(p.default)) for p in ours] == [(p.name, p.kind, repr(p.default)) for p in theirs]
    ours, theirs = (getattr(thing, "__dataclass_params__", None) for thing in (NAMES[name], twin))
    assert repr(ours) == repr(theirs)  # frozen, and equal by value or by identity
