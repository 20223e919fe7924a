"""The autograder's folder is complete, and what runs in it gives Gradescope's results."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from labkit.grading import gradescope
from labkit.grading.results import GradingError, Mark, Report, Submission

ASSIGNMENT = """
from labkit.grading.assignment import Assignment, Text, Value
ASSIGNMENT = Assignment("Homework 1", [Value("x", 2, 3.0), Text("why", 5, title="Why so?")])
"""
# Stands in for the grader: what it was given, told as feedback.
ENGINE = """
import os
from labkit.grading.results import GradingError, Mark, Report

def grade(assignment, submissions, solution, *, sandbox, workers, progress):
    one, = submissions
    if one.path is not None and one.path.read_text() == "broken":
        raise GradingError("the solution does not get full marks")
    said = f"{solution.name} {sandbox} {one.path and one.path.name} {one.problem}"
    return [Report(one, "graded, 1 cell failed", (Mark("x", 1.5, 2.0, said), Mark("why", None, 5.0, "", "so")), ("n",))]
"""


@pytest.fixture(scope="module")
def autograder(tmp_path_factory):
    """The folder for Gradescope, with a stand-in for the engine, which the tests of the engine are about."""
    pytest.importorskip("labkit.grading.assignment")
    folder = tmp_path_factory.mktemp("gradescope")
    (folder / "ASSIGNMENT.py").write_text(ASSIGNMENT)
    (folder / "solution.ipynb").write_text("{}")
    files = gradescope.write_autograder(folder / "ASSIGNMENT.py", folder / "solution.ipynb", folder / "out")
    assert set(files) == {path for path in (folder / "out").rglob("*") if path.is_file()}
    assert {path.name for path in folder.iterdir()} == {"ASSIGNMENT.py", "solution.ipynb", "out"}
    return folder / "out"


def test_the_folder_is_complete(autograder):
    names = {str(path.relative_to(autograder)) for path in autograder.rglob("*")}
    assert {"setup.sh", "run_autograder", "README.txt", "requirements.txt", "assignment.py", "source.ipynb",
            "labkit/__init__.py", "labkit/grading/gradescope.py"} <= names
    assert not any("__pycache__" in name for name in names)
    assert os.access(autograder / "run_autograder", os.X_OK) and os.access(autograder / "setup.sh", os.X_OK)
    assert (autograder / "assignment.py").read_text() == ASSIGNMENT


def test_the_libraries_are_those_of_labkit_in_the_versions_that_are_installed(autograder):
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert list(gradescope.LIBRARIES) == [re.match(r"[\w-]+", line)[0] for line in project["dependencies"]]
    lines = (autograder / "requirements.txt").read_text().splitlines()
    assert [line.partition("==")[0] for line in lines] == list(gradescope.LIBRARIES)
    assert all(re.fullmatch(r"[a-z-]+==[0-9][\w.]*", line) for line in lines)


@pytest.mark.parametrize("name", ["setup.sh", "run_autograder"])
def test_the_scripts_are_valid(autograder, name):
    assert subprocess.run(["bash", "-n", autograder / name], capture_output=True).stderr == b""


def test_what_is_not_protected_is_said(autograder):
    readme, setup = (autograder / "README.txt").read_text(), (autograder / "setup.sh").read_text()
    for text in ("Homework 1", "What is protected", "nobody", "network is open", "Why so?"):
        assert text in readme
    assert 'chmod -R go-rwx "$root/source"' in setup and 'chown -R root:root "$root/source"' in setup


@pytest.fixture
def run(autograder, tmp_path):
    """Runs ``run_autograder`` in folders like Gradescope's, and returns its process and its results."""
    root = tmp_path / "autograder"
    shutil.copytree(autograder, root / "source")
    (root / "source" / "labkit" / "grading" / "engine.py").write_text(ENGINE)
    (root / "results").mkdir()
    (root / "results" / "results.json").write_text("old")

    def go(**files):
        for name, content in files.items():
            path = root / "submission" / f"{name}.ipynb"
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
        (root / "submission").mkdir(exist_ok=True)
        (root / "submission" / "labkit.py").write_text("raise SystemExit('a student wrote this')")
        environment = {"AUTOGRADER_ROOT": str(root), "AUTOGRADER_PYTHON": sys.executable, "PATH": os.environ["PATH"],
                       "AUTOGRADER_UNPROTECTED": "1"}
        done = subprocess.run([root / "source" / "run_autograder"], env=environment, cwd=root / "submission",
                              capture_output=True, text=True)
        results = root / "results" / "results.json"
        assert all((root / name).stat().st_mode & 0o777 == 0o700 for name in ("source", "results"))
        return done, json.loads(results.read_text()) if results.exists() else None

    return go


def test_a_submission_gets_results(run):
    done, results = run(hw="{}")
    assert done.returncode == 0, done.stderr
    sandbox = "none" if "Without a sandbox" in done.stdout else "bwrap"
    shown = {"visibility": "visible", "output_format": "text"}
    assert results == shown | {
        "score": 1.5, "output": "graded, 1 cell failed\nn", "stdout_visibility": "hidden", "tests": [
            shown | {"name": "x", "name_format": "text", "score": 1.5, "max_score": 2.0,
                     "output": f"source.ipynb {sandbox} hw.ipynb "},
            shown | {"name": "why", "name_format": "text",
                     "output": "Marked by hand, 5 points; they are not in this score.\nYour answer:\nso"}]}


def test_a_submission_of_two_notebooks_is_told_so(run):
    _, results = run(a="{}", b="{}")
    assert "None 2 notebooks: a.ipynb, b.ipynb" in results["tests"][0]["output"]


def test_an_error_of_the_teacher_gives_nobody_a_zero(run):
    done, results = run(hw="broken")
    assert done.returncode == 1 and results is None
    assert "error: the solution does not get full marks" in done.stderr


@pytest.mark.parametrize(("works", "nobody", "allowed", "kind"), [
    (True, None, "", "bwrap"), (False, "nobody", "", "none"), (False, None, "1", "none"), (False, None, "", None)])
def test_without_a_sandbox_it_is_never_silent(monkeypatch, capsys, works, nobody, allowed, kind):
    sandbox = pytest.importorskip("labkit.grading.sandbox")
    monkeypatch.setattr(sandbox, "nobody", lambda: nobody)
    monkeypatch.setenv("AUTOGRADER_UNPROTECTED", allowed)

    class Sandboxes:
        def __init__(self, kind, limits):
            assert kind == "bwrap"

        def __enter__(self):
            if not works:
                raise GradingError("there is no bwrap on this machine\nhow to install it")

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(sandbox, "Sandboxes", Sandboxes)
    if kind is None:
        with pytest.raises(GradingError, match="there is no bwrap on this machine\nand submissions can not run as"):
            gradescope.sandbox_here()
        return
    assert gradescope.sandbox_here() == kind
    said = capsys.readouterr().out
    assert (sandbox.unprotected() in said and "there is no bwrap" in said) == (not works)


def test_results_are_cut_and_have_nothing_invisible():
    report = Report(Submission("s", None), "graded", (Mark("q\u202e", 0.0, 1.0, "x" * 50_000, "\x00"),), ("\u202e",))
    results = gradescope.as_results(report)
    test, = results["tests"]
    assert len(test["output"]) < 21_000 and "[cut here" in test["output"] and test["name"] == "q\\u202e"
    assert results["output"] == "graded\n\\u202e" and json.dumps(results).isascii()


@pytest.mark.parametrize("wrong", ["filled", "source", "assignment", "file"])
def test_the_autograder_is_not_written_over_something_or_from_nothing(tmp_path, wrong):
    pytest.importorskip("labkit.grading.assignment")
    (tmp_path / "ASSIGNMENT.py").write_text("" if wrong == "assignment" else ASSIGNMENT)
    if wrong != "source":
        (tmp_path / "source.ipynb").write_text("{}")
    out = tmp_path / "out"
    if wrong == "filled":
        out.mkdir()
        (out / "mine").write_text("")
    if wrong == "file":
        out.write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(GradingError):
        gradescope.write_autograder(tmp_path / "ASSIGNMENT.py", tmp_path / "source.ipynb", out)
    assert sorted(tmp_path.rglob("*")) == before
