"""tools/notebooks.py stores what a run gives, in one form, and touches nothing without need."""

import json
import sys

import nbformat
import notebooks
import pytest
from notebook_plugin import Figures


def cell(source, **fields):
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source,
        **fields,
    }


def page(*cells, **metadata):
    return {"nbformat_minor": 4, "nbformat": 4, "metadata": metadata, "cells": list(cells)}


VOLATILE = page(
    {"cell_type": "markdown", "metadata": {"collapsed": True}, "source": ["# Größe\n", "\n", "text"]},
    cell(
        ["value = 0.1234567\n", "print(value)"],
        execution_count=9,
        id="kept-id",
        metadata={"execution": {"iopub.status.busy": "2026-01-01T00:00:00Z"}, "tags": [], "scrolled": False},
        outputs=[
            {"output_type": "stream", "name": "stdout", "text": ["0.12345"]},
            {"output_type": "stream", "name": "stdout", "text": ["68\n"]},
        ],
    ),
    cell("value", id="kept-id", metadata={"tags": ["hide-input"], "jupyter": {"source_hidden": True}}),
    widgets={"state": {}},
    language_info={"name": "python", "version": "3.1"},
)


@pytest.fixture
def stored(tmp_path):
    """Return a function that puts a notebook into a file, as a careless editor writes it."""
    figures = Figures("strict")
    if not figures.comparable:
        pytest.skip(figures.headline)

    def write(notebook, name="page.ipynb"):
        path = tmp_path / name
        path.write_text(json.dumps(notebook, indent=3), encoding="utf-8")
        return path

    return write


def test_a_second_run_changes_no_byte(stored, capsys):
    path = stored(VOLATILE)
    assert notebooks.main([str(path)]) == 0
    first = path.read_bytes()
    assert notebooks.main([str(path.parent)]) == 0
    assert path.read_bytes() == first
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["stored", "unchanged"]
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_outputs_that_agree_stay_and_others_are_replaced(stored):
    path = stored(VOLATILE)
    notebooks.main([str(path)])
    first, second = notebooks.code_cells(notebooks.parsed(path.read_text(encoding="utf-8")))
    assert first.outputs[0].text == "0.1234568\n"  # the run prints 0.1234567
    assert second.outputs[0].data["text/plain"] == "0.1234567"
    assert [first.execution_count, second.execution_count, second.outputs[0].execution_count] == [1, 2, 2]


def test_the_canonical_form_has_nothing_accidental():
    text = notebooks.canonical_text(json.dumps(VOLATILE))
    found = json.loads(text)
    assert text == json.dumps(found, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    assert "Größe" in text
    assert found["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "pygments_lexer": "ipython3"},
    }
    assert [found["nbformat"], found["nbformat_minor"]] == [4, 5]
    assert [each["metadata"] for each in found["cells"]] == [{}, {}, {"tags": ["hide-input"]}]
    ids = [each["id"] for each in found["cells"]]
    assert ids[1] == "kept-id" and len(set(ids)) == 3
    assert notebooks.canonical_text(text) == text
    nbformat.validate(nbformat.from_dict(found))


def test_derived_ids_do_not_take_an_id_that_a_later_cell_has():
    blank = notebooks.canonical(notebooks.parsed(json.dumps(page(cell("1"), cell("2")))))
    taken = blank.cells[0].id
    ids = notebooks.cell_ids(notebooks.parsed(json.dumps(page(cell("1"), cell("2", id=taken)))).cells)
    assert ids[1] == taken and ids[0] != taken


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([cell("1 / 0")], "cell 1 raised an error"),
        ([cell("import sys"), cell("print('careful', file=sys.stderr)")], "cell 2: it stores stderr: careful"),
        ([cell("object()")], "cell 1: it stores an object's address"),
        ([cell("# NBVAL_SKIP\nprint(1)")], "cell 1: it has the mark NBVAL_SKIP"),
    ],
)
def test_a_notebook_with_a_fault_is_left_alone(stored, capsys, cells, words):
    path = stored(page(*cells))
    before = path.read_bytes()
    assert notebooks.main([str(path)]) == 1
    assert path.read_bytes() == before
    assert words in capsys.readouterr().err


def test_a_notebook_that_needs_what_is_not_installed_is_left_alone(stored, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    path = stored(page(cell("1 / 0"), labkit={"needs": ["torch"]}))
    before = path.read_bytes()
    assert notebooks.main([str(path)]) == 0
    assert path.read_bytes() == before
    assert 'page.ipynb: left alone, needs torch: pip install -e ".[pytorch]"' in capsys.readouterr().out


@pytest.mark.parametrize("declared", [{"needs": ["sys"]}, {"needs": "torch"}, {"needs": None}, ["torch"], {}])
def test_the_canonical_form_keeps_no_other_need(declared):
    text = notebooks.canonical_text(json.dumps(page(cell("1"), labkit=declared)))
    assert "labkit" not in json.loads(text)["metadata"]


def test_the_canonical_form_keeps_a_need_in_one_place():
    text = notebooks.canonical_text(json.dumps(page(cell("1"), labkit={"needs": ["torch", "sys"], "more": 1})))
    assert json.loads(text)["metadata"]["labkit"] == {"needs": ["torch"]}
    assert notebooks.canonical_text(text) == text


def test_one_fault_does_not_stop_the_others(stored, capsys):
    stored(page(cell("1 / 0")), "a.ipynb")
    path = stored(page(cell("print(1)")), "b.ipynb")
    assert notebooks.main([str(path.parent)]) == 1
    assert json.loads(path.read_text(encoding="utf-8"))["cells"][0]["execution_count"] == 1
    assert "b.ipynb: stored" in capsys.readouterr().out


def test_an_announced_error_is_stored(stored):
    path = stored(page(cell("1 / 0", metadata={"tags": ["raises-exception"]})))
    assert notebooks.main([str(path)]) == 0
    assert json.loads(path.read_text(encoding="utf-8"))["cells"][0]["outputs"][0]["ename"] == "ZeroDivisionError"
    before = path.read_bytes()
    assert notebooks.main([str(path)]) == 0
    assert path.read_bytes() == before


def test_check_says_which_files_are_not_canonical_and_runs_nothing(tmp_path, capsys):
    path = tmp_path / "page.ipynb"
    path.write_text(json.dumps(VOLATILE), encoding="utf-8")
    assert notebooks.main(["--check", str(path)]) == 1
    assert "page.ipynb: not canonical" in capsys.readouterr().out
    path.write_text(notebooks.canonical_text(json.dumps(VOLATILE)), encoding="utf-8")
    assert notebooks.main(["--check", str(path)]) == 0
    assert "page.ipynb: canonical" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"nbformat": 3, "worksheets": []}', '{"nbformat": 4, "cells": [1]}'])
def test_a_file_that_is_no_notebook_is_named(tmp_path, capsys, text):
    path = tmp_path / "page.ipynb"
    path.write_text(text, encoding="utf-8")
    assert notebooks.main(["--check", str(path)]) == 1
    assert "page.ipynb: it is not a" in capsys.readouterr().err


def test_an_unknown_name_is_named(capsys):
    assert notebooks.main(["--check", "99_nothing"]) == 1
    assert "99_nothing: there is no such notebook" in capsys.readouterr().err
