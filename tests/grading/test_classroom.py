"""The classroom's README, step by step: the students' notebook, thirty submissions, a gradebook, marks by hand."""

import csv
import importlib.util
import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from sandboxed import need_bubblewrap

from labkit.grading.__main__ import main

CLASSROOM = Path(__file__).resolve().parent.parent.parent / "classroom"
SOURCE, ASSIGNMENT = CLASSROOM / "homework" / "source.ipynb", CLASSROOM / "homework" / "assignment.py"


def imported(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = imported(CLASSROOM / "make_submissions.py")


def read(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def name_of(row):
    """The student's name without the apostrophe that keeps a formula from running."""
    return row["student"].removeprefix("'")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which the commands of the README were run, up to the first gradebook."""
    need_bubblewrap()
    folder = tmp_path_factory.mktemp("class")
    sys_argv, sys.argv = sys.argv, ["make_submissions.py", str(folder / "submissions")]
    try:
        MAKER.main()
    finally:
        sys.argv = sys_argv
    assert grade(folder) == 0
    return folder


def grade(folder, *more):
    return main(["grade", str(folder / "submissions"), str(ASSIGNMENT), str(folder / "gradebook"),
                 "--solution", str(SOURCE), *more]) or 0


def test_the_students_notebook_has_gaps_and_no_solution(tmp_path):
    main(["student", str(SOURCE), str(tmp_path / "homework.ipynb")])
    text = (tmp_path / "homework.ipynb").read_text(encoding="utf-8")
    cells = json.loads(text)["cells"]
    assert sum("your code here" in "".join(cell["source"]) for cell in cells) == 6
    for secret in ("SOLUTION", "m_hat = ", "For the teacher", "0.0316"):
        assert secret not in text


def test_there_are_thirty_submissions_and_each_gets_a_row(folder):
    rows = read(folder / "gradebook" / "grades.csv")
    assert len(rows) == len(MAKER.EXPECTED) == 30
    assert {name_of(row) for row in rows} == set(MAKER.EXPECTED)


@pytest.mark.parametrize("student", MAKER.EXPECTED)
def test_the_points_are_those_that_the_maker_expects(folder, student):
    [row] = [row for row in read(folder / "gradebook" / "grades.csv") if name_of(row) == student]
    assert tuple(float(row[name]) for name in MAKER.QUESTIONS) == MAKER.EXPECTED[student], row["status"]


def test_every_student_gets_a_page_of_feedback(folder):
    pages = list((folder / "gradebook" / "feedback").glob("*.html"))
    assert len(pages) == 30
    assert not any("<script" in page.read_text(encoding="utf-8") for page in pages)


def test_marks_by_hand_are_merged(folder, tmp_path):
    manual = folder / "gradebook" / "manual.csv"
    rows = read(manual)
    assert {row["question"] for row in rows} == {"why_correct"}
    for row in rows:
        row["score"] = "2.5" if name_of(row) == "ada" else "1"
    filled = tmp_path / "manual.csv"
    with open(filled, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    few = tmp_path / "few"
    few.mkdir()
    for name in ("ada", "bela"):
        (few / f"{name}.ipynb").write_bytes((folder / "submissions" / f"{name}.ipynb").read_bytes())
    only = [row for row in rows if name_of(row) in ("ada", "bela")]
    with open(filled, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(only)
    main(["grade", str(few), str(ASSIGNMENT), str(tmp_path / "out"), "--solution", str(SOURCE),
          "--manual", str(filled)])
    assert [(row["student"], float(row["total"])) for row in read(tmp_path / "out" / "grades.csv")] == [
        ("ada", 15.5), ("bela", 14.0)]


def test_the_readme_names_files_and_commands_that_exist():
    text = (CLASSROOM / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\.venv/bin/python (.+?)(?<!\\)$", text.replace("\\\n", " "), re.M)
    assert len(commands) == 5
    for command in commands:
        words = shlex.split(command)
        assert words[0] == "classroom/make_submissions.py" or words[:2] == ["-m", "labkit.grading"]
        for word in words:
            assert not word.startswith("classroom/") or (CLASSROOM.parent / word).exists()


def test_the_plan_names_exercises_that_exist():
    import labkit.exercises

    text = (CLASSROOM / "lesson_plan.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+)`", text))
    assert named == set(labkit.exercises.__all__)
