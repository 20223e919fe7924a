"""Every page of the course has the parts that CONTRIBUTING.md asks for."""

import re
from collections import Counter

import pytest
from pages import CHAPTERS, cells, prose

PAGES = [path.stem for path in sorted(CHAPTERS.glob("*.ipynb")) if path.stem[:2].isdigit()]
each_page = pytest.mark.parametrize("name", PAGES)


def figures(name):
    """The names of the figures, and of each the number of pictures that its cell stores."""
    return {cell["metadata"]["mystnb"]["figure"]["name"]:
            sum("image/png" in output.get("data", {}) for output in cell["outputs"])
            for cell in cells(name, "code") if "figure" in cell["metadata"].get("mystnb", {})}


@each_page
def test_it_begins_with_a_title_aims_and_what_it_takes(name):
    opening = "".join(cells(name, "markdown")[0]["source"])
    assert opening.startswith("# ") and len(re.findall(r"^# ", prose(name), re.M)) == 1
    assert "**After this page you can**" in opening
    assert "minutes to read" in opening and "You need" in opening


@each_page
def test_the_setup_cell_comes_first_and_finds_labkit(name):
    setup = "".join(cells(name, "code")[0]["source"])
    assert 'sys.path.insert(0, "..")' in setup and "plotting.use_book_style()" in setup


@each_page
def test_the_reader_is_asked_to_predict(name):
    assert len(re.findall(r"^\*\*Predict\b", prose(name), re.M)) >= 3


@each_page
def test_it_has_five_figures_with_one_picture_each(name):
    pictures = figures(name)
    assert len(pictures) >= 5 and set(pictures.values()) == {1}


def test_no_two_figures_share_a_name():
    names = Counter(figure for name in PAGES for figure in figures(name))
    assert [figure for figure, count in names.items() if count > 1] == []


@each_page
def test_it_ends_with_questions_a_summary_and_references(name):
    text = prose(name)
    assert text.count("<details>") == text.count("</details>") == 3
    headings = re.findall(r"^## (.+)$", text, re.M)
    for part in ("Three quick questions", "Summary", "References"):
        assert part in headings, f"{name} has no section {part!r}, only {headings}"
    assert "```{bibliography}" in text


@each_page
def test_each_citation_stands_in_the_list_of_references(name):
    known = set(re.findall(r"^@\w+\{(\w+),", (CHAPTERS.parent / "references.bib").read_text(encoding="utf-8"), re.M))
    cited = {key.strip() for keys in re.findall(r"\{cite:\w+\}`([^`]+)`", prose(name)) for key in keys.split(",")}
    assert cited and cited <= known
