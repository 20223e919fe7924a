"""A folder of submissions becomes a list of students, whoever filled the folder."""

import os
import unicodedata

import pytest

from labkit.grading import submissions
from labkit.grading.results import GradingError
from labkit.grading.submissions import collect, of_one


def fill(folder, *names, content="{}"):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def found(folder):
    """What each student has: the notebook from the folder on, or the problem."""
    return {one.student: str(one.path.relative_to(folder)) if one.path else one.problem for one in collect(folder)}


def test_a_student_is_a_file_or_a_folder_sorted_by_name(tmp_path):
    fill(tmp_path, "zoe.ipynb", "Bob/final version.ipynb", "ann.ipynb", "dirk.b/week 1/hw.IPYNB", "ann.pdf")
    assert found(tmp_path) == {"ann": "ann.ipynb", "Bob": "Bob/final version.ipynb",
                               "dirk.b": "dirk.b/week 1/hw.IPYNB", "zoe": "zoe.ipynb"}
    assert [one.student for one in collect(tmp_path)] == ["ann", "Bob", "dirk.b", "zoe"]
    assert all(one.ids == {} and not one.problem for one in collect(tmp_path))


def test_what_an_editor_or_a_file_manager_leaves_is_nobodys(tmp_path):
    fill(tmp_path, "ann/hw.ipynb", "ann/.ipynb_checkpoints/hw-checkpoint.ipynb", "ann/__MACOSX/._hw.ipynb",
         "ann/.x.ipynb", "__MACOSX/bob/hw.ipynb", ".hidden.ipynb", ".git/x.ipynb", "Thumbs.db", "desktop.ini")
    assert found(tmp_path) == {"ann": "ann/hw.ipynb"}


@pytest.mark.parametrize(("names", "problem"), [
    (["ann/a.ipynb", "ann/b/c.ipynb"], "2 notebooks: a.ipynb, b/c.ipynb"),
    (["ann.ipynb", "ann/b.ipynb"], "2 notebooks: ann.ipynb, b.ipynb"),
    ([f"ann/{letter}.ipynb" for letter in "abcdefg"],
     "7 notebooks: a.ipynb, b.ipynb, c.ipynb, d.ipynb, e.ipynb, ..."),
    (["ann/report.pdf"], "no notebook"),
    (["ann.pdf"], "no notebook: ann.pdf"),
])
def test_a_student_without_exactly_one_notebook_has_a_problem(tmp_path, names, problem):
    assert found(fill(tmp_path, *names)) == {"ann": problem}
    assert collect(tmp_path)[0].path is None


def test_links_are_refused_wherever_they_lead(tmp_path):
    folder = fill(tmp_path / "in", "bob.ipynb", "dan/mine.ipynb")
    fill(tmp_path, "outside.ipynb", "elsewhere/x.ipynb")
    (folder / "ann.ipynb").symlink_to(folder / "bob.ipynb")
    (folder / "carl").symlink_to(tmp_path / "elsewhere")
    (folder / "dan" / "more").symlink_to(tmp_path / "elsewhere")
    (folder / "eve").mkdir()
    (folder / "eve" / "hw.ipynb").symlink_to("../../outside.ipynb")
    (folder / "fay.ipynb").symlink_to("nowhere")
    assert found(folder) == {
        "ann": "a link, not a file: ann.ipynb", "bob": "bob.ipynb", "carl": "a link, not a file: carl",
        "dan": "dan/mine.ipynb", "eve": "a link, not a file: hw.ipynb", "fay": "a link, not a file: fay.ipynb"}


def test_what_is_no_plain_file_or_too_large_is_never_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(submissions, "LARGEST", 20)
    fill(tmp_path, "ann.ipynb", content="x" * 20)
    fill(tmp_path, "bob.ipynb", content="x" * 21)
    os.mkfifo(tmp_path / "carl.ipynb")
    assert found(tmp_path) == {"ann": "ann.ipynb", "bob": "larger than 0 MB: bob.ipynb",
                               "carl": "not a plain file: carl.ipynb"}
    monkeypatch.undo()
    assert submissions.LARGEST == 20e6


def test_names_that_only_look_the_same_are_two_students(tmp_path):
    names = ["Ann", "ann", unicodedata.normalize("NFC", "José"), unicodedata.normalize("NFD", "José"), "=1+1", "a\nb"]
    fill(tmp_path, *(f"{name}.ipynb" for name in names))
    if len(list(tmp_path.iterdir())) < len(names):
        pytest.skip("this file system takes them for one name")
    assert sorted(found(tmp_path)) == sorted(names)


def test_moodles_folders_and_files_give_the_name_and_the_number(tmp_path):
    fill(tmp_path, "Ann van Lee_123_assignsubmission_file_/hw.ipynb", "Bob_O_77_assignsubmission_file/hw.ipynb",
         "Ann van Lee_123_assignsubmission_onlinetext_/onlinetext.html", "Carl_5_assignsubmission_file_my_hw.ipynb")
    assert [(one.student, one.ids, one.path.name) for one in collect(tmp_path)] == [
        ("Ann van Lee", {"moodle": "123"}, "hw.ipynb"), ("Bob_O", {"moodle": "77"}, "hw.ipynb"),
        ("Carl", {"moodle": "5"}, "Carl_5_assignsubmission_file_my_hw.ipynb")]


@pytest.mark.parametrize(("names", "result"), [
    (["leeann_12345_678910_hw1.ipynb"], "leeann_12345_678910_hw1.ipynb"),
    (["leeann_LATE_12345_678910_my_hw1.ipynb"], "leeann_LATE_12345_678910_my_hw1.ipynb"),
    (["leeann_12345_1_hw.ipynb", "leeann_12345_2_hw-1.ipynb", "leeann_LATE_12345_3_hw-10.ipynb",
      "leeann_12345_4_hw-2.ipynb"], "leeann_LATE_12345_3_hw-10.ipynb"),
    (["leeann_12345_1_hw.ipynb", "leeann_12345_2_other-1.ipynb"], "2 notebooks: hw.ipynb, other-1.ipynb"),
    (["leeann_12345_1_hw-1.ipynb", "leeann_12345_2_hw-1.ipynb"], "2 notebooks: hw-1.ipynb, hw-1.ipynb"),
    (["leeann_12345_1_hw.ipynb", "leeann_12345_2_data.csv"], "leeann_12345_1_hw.ipynb"),
    (["leeann_12345_1_hw.pdf"], "no notebook: leeann_12345_1_hw.pdf"),
])
def test_canvas_gives_the_number_and_the_last_of_what_was_handed_in_again(tmp_path, names, result):
    assert found(fill(tmp_path, *names)) == {"leeann": result}
    assert collect(tmp_path)[0].ids == {"canvas": "12345"}


def test_a_problem_of_the_last_one_is_not_hidden_by_the_one_before(tmp_path, monkeypatch):
    monkeypatch.setattr(submissions, "LARGEST", 20)
    fill(tmp_path, "leeann_1_1_hw.ipynb")
    fill(tmp_path, "leeann_1_2_hw-1.ipynb", content="x" * 30)
    assert found(tmp_path) == {"leeann": "larger than 0 MB: hw-1.ipynb"}


def test_students_of_one_name_are_told_apart_by_their_number(tmp_path):
    fill(tmp_path, "Ann_1_assignsubmission_file_/a.ipynb", "Ann_2_assignsubmission_file_/a.ipynb",
         "Ann (moodle 1)_3_assignsubmission_file_/a.ipynb")
    names = [one.student for one in collect(tmp_path)]
    assert len(set(names)) == 3 and "Ann (moodle 2)" in names


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir(), lambda p: p.write_text("zip"),
                                  lambda p: fill(p, ".hidden.ipynb")], ids=["missing", "empty", "a file", "hidden"])
def test_a_folder_without_submissions_is_an_error(tmp_path, make):
    make(tmp_path / "in")
    with pytest.raises(GradingError, match="submissions"):
        collect(tmp_path / "in")


def test_one_students_folder(tmp_path):
    fill(tmp_path, "a/hw.ipynb", "b.txt", "submission_metadata.json")
    assert of_one("submission", tmp_path).path == tmp_path / "a/hw.ipynb"
    assert of_one("submission", fill(tmp_path, "c.ipynb")).problem == "2 notebooks: a/hw.ipynb, c.ipynb"
