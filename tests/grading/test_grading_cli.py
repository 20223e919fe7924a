"""The command line: what it calls, prints and answers; the engine is a stand-in, its own tests run the real one."""

import csv
import dataclasses
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from labkit import grading
from labkit.grading import __main__ as cli
from labkit.grading.results import GradingError, Mark, Report

ROOT = Path(__file__).parents[2]


@dataclasses.dataclass(frozen=True)
class Limits:
    cell: float = 10.0
    call: float = 5.0
    total: float = 120.0
    memory: int | None = None


@pytest.fixture
def engine(monkeypatch):
    """A grader that gives one point of two, and remembers what it was called with."""
    calls = []

    def grade(assignment, submissions, solution, **options):
        calls.append((assignment, [one.student for one in submissions], solution, options))
        return [Report(one, one.problem or "graded", () if one.problem else
                       (Mark("q1", 1.0, 2.0), Mark("why", None, 5.0, answer="because"))) for one in submissions]

    fakes = {"engine": {"grade": grade}, "sandbox": {"Limits": Limits, "unprotected": lambda: "All is open.\n"},
             "assignment": {"load": lambda path: types.SimpleNamespace(title="Homework 1", path=path)}}
    for name, content in fakes.items():
        module = types.ModuleType(f"labkit.grading.{name}")
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(grading, name, module, raising=False)
    return calls


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two submissions, an assignment and a solution, in the folder where the command runs."""
    (tmp_path / "in").mkdir()
    for name in ("ann.ipynb", "bob.ipynb", "carl.pdf"):
        (tmp_path / "in" / name).write_text("{}")
    (tmp_path / "ASSIGNMENT.py").write_text("")
    (tmp_path / "source.ipynb").write_text("{}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


GRADE = ["grade", "in", "ASSIGNMENT.py", "out", "--solution", "source.ipynb"]


def test_grade_writes_a_gradebook_and_sums_up(engine, folder, capsys):
    assert cli.main(GRADE) == 0
    assert capsys.readouterr() == (
        "3 submissions, 2 of them graded without trouble\n"
        "  carl: no notebook: carl.pdf\n"
        "2 answers to be marked by hand (why: 2): fill in out/manual.csv, then add --manual out/manual.csv\n"
        "the gradebook is out/grades.csv; out/index.html leads to the feedback\n", "")
    (assignment, students, solution, options), = engine
    assert (assignment.path, solution) == (Path("ASSIGNMENT.py"), Path("source.ipynb"))
    assert students == ["ann", "bob", "carl"]
    assert options == {"sandbox": "bwrap", "workers": None, "limits": Limits(), "progress": False}
    assert {path.name for path in (folder / "out").iterdir()} == {"feedback", "grades.csv", "index.html", "manual.csv"}


def test_scores_by_hand_are_merged(engine, folder, capsys):
    cli.main(GRADE)
    path = folder / "out" / "manual.csv"
    path.write_text(path.read_text(encoding="utf-8-sig").replace("because,,", "because,4,"))
    assert cli.main(GRADE) == 2
    assert "holds marks that would be lost" in capsys.readouterr().err and len(engine) == 1
    assert cli.main([*GRADE, "--manual", "out/manual.csv", "--format", "canvas"]) == 0
    said = capsys.readouterr()
    assert "by hand" not in said.out and said.out.endswith("to import: out/canvas.csv\n")
    assert said.err.count("\n") == 4 and "ann has no number of Canvas" in said.err
    with open(folder / "out" / "grades.csv", encoding="utf-8-sig", newline="") as file:
        assert [row["total"] for row in csv.DictReader(file)] == ["5", "5", "0"]


def test_limits_and_the_sandbox_are_passed_on(engine, folder, capsys):
    assert cli.main([*GRADE, "--sandbox", "none", "--workers", "3", "--cell-seconds", "1.5", "--call-seconds", "2",
                     "--total-seconds", "60", "--memory-gib", "0.5"]) == 0
    assert engine[0][3] == {"sandbox": "none", "workers": 3, "progress": False,
                            "limits": Limits(cell=1.5, call=2.0, total=60.0, memory=2**29)}
    assert capsys.readouterr().err == "All is open.\n"


@pytest.mark.parametrize(("change", "said"), [
    ({1: "missing"}, "the folder of submissions must be a folder, got 'missing'"),
    ({3: "in/out"}, "must not be inside of the folder of submissions"),
    ({3: "in"}, "must not be inside of the folder of submissions"),
    ({3: "ASSIGNMENT.py"}, "the gradebook must be a folder"),
    ({5: "missing.ipynb"}, "'missing.ipynb' is not there"),
    ({6: "--manual", 7: "missing.csv"}, "'missing.csv' can not be read"),
])
def test_an_error_is_a_line_and_comes_before_grading(engine, folder, capsys, change, said):
    arguments = dict(enumerate(GRADE)) | change
    assert cli.main([arguments[place] for place in sorted(arguments)]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("error: ") and err.count("\n") == 1 and said in err and out == "" and not engine


def test_what_the_engine_refuses_is_told_without_a_traceback(engine, folder, capsys, monkeypatch):
    def grade(*_, **__):
        raise GradingError("there is no bwrap.\nTo install it:\n    apt install \x1b[31mbubblewrap")

    monkeypatch.setattr(sys.modules["labkit.grading.engine"], "grade", grade)
    assert cli.main(GRADE) == 2
    assert capsys.readouterr().err == ("error: there is no bwrap.\nTo install it:\n    apt install "
                                       "\\x1b[31mbubblewrap\n")
    assert not (folder / "out").exists()


def test_a_disk_that_can_not_be_written_is_a_line(engine, folder, capsys):
    (folder / "out").write_text("")
    assert cli.main([*GRADE[:3], "out/deeper", *GRADE[4:]]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_the_summary_is_short(engine, folder, capsys):
    for number in range(50):
        (folder / "in" / f"x{number}.pdf").write_text("")
    assert cli.main(GRADE) == 0
    said = capsys.readouterr().out
    assert "53 submissions, 2 of them" in said and "  and 31 more\n" in said and said.count("\n") < 30


def test_names_do_nothing_in_a_terminal(engine, folder, capsys):
    (folder / "in" / "\x1b[2Jeve.pdf").write_text("")
    assert cli.main(GRADE) == 0
    assert "  \\x1b[2Jeve: no notebook: \\x1b[2Jeve.pdf\n" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [
    [], ["grade"], ["grade", "in", "a", "out"], [*GRADE, "--workers", "0"], [*GRADE, "--cell-seconds", "nan"],
    [*GRADE, "--cell-seconds", "-1"], [*GRADE, "--memory-gib", "much"], [*GRADE, "--sandbox", "docker"],
    [*GRADE, "--format", "excel"], [*GRADE, "--sand", "none"], ["mark"],
])
def test_wrong_arguments_are_refused(engine, folder, capsys, arguments):
    with pytest.raises(SystemExit) as error:
        cli.main(arguments)
    assert error.value.code == 2 and "usage:" in capsys.readouterr().err and not engine


@pytest.mark.parametrize(("command", "words"), [
    ([], ("student", "grade", "gradescope", "--manual OUT/manual.csv")),
    (["student"], ("### BEGIN SOLUTION", "instructor-only")),
    (["grade"], ("--solution", "--cell-seconds", "bubblewrap", "NAME.ipynb", "Moodle")),
    (["gradescope"], ("README.txt", "ASSIGNMENT.py")),
])
def test_help_says_what_there_is(capsys, command, words):
    with pytest.raises(SystemExit) as stop:
        cli.main([*command, "--help"])
    said = capsys.readouterr().out
    assert stop.value.code == 0 and all(word in said for word in words)


def test_the_students_notebook_by_the_real_program(tmp_path):
    cell = {"cell_type": "code", "metadata": {}, "source": "### BEGIN SOLUTION\nx = 1 + 1\n### END SOLUTION"}
    (tmp_path / "source.ipynb").write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": [cell]}))

    def run(*arguments):
        return subprocess.run([sys.executable, "-m", "labkit.grading", "student", *arguments], cwd=tmp_path,
                              capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})

    done = run("source.ipynb", "out.ipynb")
    assert (done.returncode, done.stdout, done.stderr) == (
        0, "out.ipynb: 1 solution taken out, 0 instructor-only cells removed\n", "")
    done = run("out.ipynb", "again.ipynb")
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.startswith("error: there is no solution in ")
    assert run("source.ipynb", "source.ipynb").returncode == 2


def test_an_interrupted_run_says_so_in_one_line(monkeypatch, capsys, tmp_path):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("labkit.grading.student.make_student", interrupted)
    assert cli.main(["student", str(tmp_path / "a.ipynb"), str(tmp_path / "b.ipynb")]) == 130
    assert capsys.readouterr().err == "interrupted: what was not finished was not written\n"
