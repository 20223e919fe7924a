"""The stored notebooks of the book, checked without running them."""

import notebooks
import pytest
from notebook_compare import mark_problems, stored_problems

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
