"""The front page: its numbers are those of the page that it takes them from, and its map has every page."""

import re
from pathlib import Path

import yaml
from pages import cells

ROOT = Path(__file__).parent.parent
INTRO = (ROOT / "intro.md").read_text(encoding="utf-8")


def printed(name):
    return "\n".join("".join(output.get("text", "")) for cell in cells(name, "code") for output in cell["outputs"])


def test_the_taste_has_the_numbers_of_the_page_on_adam():
    taste = INTRO[INTRO.index("## A taste"):INTRO.index("## The pages")]
    outputs = printed("06_adam")
    assert taste.count("0.2366") == outputs.count("loss after 3,000 steps: 0.2366") - 1 == 2
    assert "320 of 2,410" in taste and "320 of 2410" in outputs


def test_the_map_has_every_page_of_the_course_in_its_order():
    course = [entry["file"] for part in yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))["parts"]
              if part.get("numbered") for entry in part["chapters"]]
    drawn = re.findall(r'href="(chapters/\w+)\.html".*?>(\d+) ', (ROOT / "_ext" / "map.html").read_text())
    assert [int(number) for _, number in sorted(drawn)] == list(range(1, len(course) + 1))
    assert sorted(page for page, _ in drawn) == course
