"""Each claim that a page takes up keeps its evidence: a cell that carries its code as a tag and asserts something."""

import pytest
from pages import CHAPTERS, CODE, cells, evidence

# R: errata of the sources; P: published results. Both are numbered as in the ledger of the book.
EVIDENCE = {
    "01_gradient_descent": ["R01", "R06", "R18", "R19", "R20", "R21", "R33", "R35", "R37", "R38", "R39", "R48", "R59",
                            "P01", "P05"],
    "02_momentum": ["R22", "P02", "P03", "P04"],
    "03_sgd": ["R02", "R03", "R04", "R07", "R30", "R31", "R32", "R36", "R48", "R60", "R62",
               "P06", "P07", "P08", "P15", "P18"],
    "04_learning_rate_decay": ["R40", "R41", "R42", "R43", "R44", "P17"],
    "05_rmsprop": ["R12", "R26", "R28", "R29", "R44", "R45", "R65"],
    "06_adam": ["R08", "R09", "R10", "R11", "R14", "R15", "R16", "R17", "R22", "R23", "R24", "R25", "R27", "R52", "R68",
                "P09", "P10", "P11", "P14", "P16", "P19"],
    "07_losses": ["R38", "R55", "R56", "R57", "R61"],
    "08_regularization": ["R50", "R51", "R52", "R53"],
    "09_tuning": ["R46", "R47", "R49", "R54", "R64", "P12", "P13"],
    "10_scaling": ["R58", "R63", "R64", "P20"],
    "11_faq": ["R13", "R18", "R25", "R30", "R34", "R38", "R43", "R46", "R50", "R51", "R53", "R54", "R63", "R64", "R66",
               "R67"],
    "a1_pytorch": ["R05", "R57", "R60", "R61"],
}


@pytest.mark.parametrize(("name", "code"), [(name, code) for name, codes in EVIDENCE.items() for code in codes])
def test_a_cell_asserts(name, code):
    assert code in evidence(name), f"no code cell of {name} with the tag {code} asserts anything"


@pytest.mark.parametrize("name", EVIDENCE)
def test_a_box_names_only_claims_that_have_evidence(name):
    boxes = [line for cell in cells(name, "markdown") for line in cell["source"] if "What the sources say" in line]
    named = set(CODE.findall(" ".join(boxes)))
    assert named and named <= evidence(name)
    errata = {code for code in EVIDENCE[name] if code.startswith("R")}
    assert errata <= named, f"no box of {name} takes up {sorted(errata - named)}"


def test_every_page_is_listed():
    assert {path.stem for path in CHAPTERS.glob("*.ipynb")} == set(EVIDENCE)
