"""The stored notebooks of the book, checked without running them."""

import json

import notebooks
import pytest
from notebook_compare import mark_problems, stored_problems, texts_of

WIDTH = 88  # characters that fit beside both side bars in a window of 1280 pixels

ALL = notebooks.notebooks_in(notebooks.CHAPTERS)

each_notebook = pytest.mark.parametrize("path", ALL, ids=[path.stem for path in ALL])


def test_only_the_page_on_pytorch_may_be_skipped_and_only_for_want_of_it():
    metadata = {path.stem: json.loads(path.read_text(encoding="utf-8"))["metadata"] for path in ALL}
    declared = {name: found["labkit"] for name, found in metadata.items() if "labkit" in found}
    assert declared == {"a1_pytorch": {"needs": ["torch"]}}


@each_notebook
def test_no_cell_has_a_mark_that_switches_its_check_off(path):
    cells = notebooks.parsed(path.read_text(encoding="utf-8")).cells
    assert [problem for cell in cells for problem in mark_problems(cell)] == []


@each_notebook
def test_nothing_stored_has_a_fault(path):
    assert stored_problems(notebooks.parsed(path.read_text(encoding="utf-8"))) == []


@each_notebook
def test_the_file_is_canonical(path):
    text = path.read_bytes().decode("utf-8")
    assert text == notebooks.canonical_text(text), f"run make notebooks, or tools/notebooks.py {path.stem}"


@each_notebook
def test_code_and_printed_lines_fit_the_page(path):
    cells = notebooks.parsed(path.read_text(encoding="utf-8")).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    printed = [text for cell in code for output in cell.outputs for text in texts_of(output)]
    texts = [cell.source for cell in code] + printed
    assert [line for text in texts for line in text.splitlines() if len(line) > WIDTH] == []
