"""The stored notebooks of the book, checked without running them."""

import notebooks
import pytest
from notebook_compare import mark_problems, stored_problems, texts_of

WIDTH = 88  # characters that fit beside both side bars in a window of 1280 pixels

ALL = notebooks.notebooks_in(notebooks.CHAPTERS)

pytestmark = pytest.mark.parametrize("path", ALL, ids=[path.stem for path in ALL])


def test_no_cell_has_a_mark_that_switches_its_check_off(path):
    cells = notebooks.parsed(path.read_text(encoding="utf-8")).cells
    assert [problem for cell in cells for problem in mark_problems(cell)] == []


def test_nothing_stored_has_a_fault(path):
    assert stored_problems(notebooks.parsed(path.read_text(encoding="utf-8"))) == []


def test_the_file_is_canonical(path):
    text = path.read_bytes().decode("utf-8")
    assert text == notebooks.canonical_text(text), f"run make notebooks, or tools/notebooks.py {path.stem}"


def test_code_and_printed_lines_fit_the_page(path):
    cells = notebooks.parsed(path.read_text(encoding="utf-8")).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    printed = [text for cell in code for output in cell.outputs for text in texts_of(output)]
    texts = [cell.source for cell in code] + printed
    assert [line for text in texts for line in text.splitlines() if len(line) > WIDTH] == []
