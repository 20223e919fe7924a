"""The ledger of the sources is complete, and each of its entries leads to something that is there and checked."""

import re

import pytest
import yaml
from pages import CHAPTERS, evidence, prose

LEDGER = yaml.safe_load((CHAPTERS / "ledger.yml").read_text(encoding="utf-8"))


def headings(name):
    return re.findall(r"^#{2,3} (.+)$", prose(name), re.M)


def test_it_has_every_topic_erratum_listing_and_formula():
    assert [entry["id"] for entry in LEDGER["topics"]] == list(range(1, 152))
    assert [entry["code"] for entry in LEDGER["errata"]] == [f"R{number:02}" for number in range(1, 69)]
    assert len(LEDGER["listings"]) == 11 and len(LEDGER["formulas"]) == 12


def test_verdicts_and_sources():
    assert {entry["verdict"] for entry in LEDGER["errata"]} == {"right", "incomplete", "wrong"}
    for kind in ("topics", "errata", "listings", "formulas"):
        for entry in LEDGER[kind]:
            sources = entry["source"] if isinstance(entry["source"], list) else [entry["source"]]
            assert sources and set(sources) <= {1, 2, 3, 4, 5}, entry


@pytest.mark.parametrize("entry", LEDGER["errata"], ids=lambda entry: entry["code"])
def test_a_cell_with_the_code_of_an_erratum_asserts(entry):
    assert any(entry["code"] in evidence(path.stem) for path in CHAPTERS.glob("*.ipynb"))


@pytest.mark.parametrize("kind", ["topics", "listings", "formulas"])
def test_each_place_is_a_section_of_a_page(kind):
    for entry in LEDGER[kind]:
        assert ("where" in entry) != ("out_of_scope" in entry), entry
        for place in entry.get("where", []):
            name, heading = place.split("#", 1)
            assert heading in headings(name), f"{name} has no section {heading!r}: {entry}"


def test_what_is_out_of_scope_has_a_reference():
    out = [entry for entry in LEDGER["topics"] if "out_of_scope" in entry]
    assert out and all("{cite:" in entry["out_of_scope"] for entry in out)
