"""The ledger: every topic, error, listing and lost formula of the sources, with a link to where the book shows it.

The directive `{ledger} errata` (or `topics`, `listings`, `formulas`) writes the entries of `chapters/ledger.yml` into a
page. A cell with the tag R19 can be linked to as `PAGE.html#R19`, and an erratum links to every cell that carries its
code. An entry whose cell, page or section is not there is a warning, which fails the build.
"""
import json
import re
from functools import cache
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)
CODE = re.compile(r"[RP]\d\d")


@cache
def ledger(folder):
    """The entries, by kind."""
    return yaml.safe_load((Path(folder) / "ledger.yml").read_text(encoding="utf-8"))


@cache
def page(folder, name):
    """Title, headings and codes of a page: the codes are those that its code cells carry as tags."""
    path = Path(folder) / f"{name}.ipynb"
    if path.is_file():
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        tags = {tag for cell in cells if cell["cell_type"] == "code" for tag in cell["metadata"].get("tags", [])}
    else:
        text, tags = path.with_suffix(".md").read_text(encoding="utf-8"), set()
    headings = re.findall(r"^#{1,3} (.+)$", text, re.M)
    return headings[0], headings[1:], {tag for tag in tags if CODE.fullmatch(tag)}


def evidence(folder, code):
    """The pages that have a cell with this code, in the order of the book."""
    return [path.stem for path in sorted(Path(folder).glob("*.ipynb")) if code in page(folder, path.stem)[2]]


def anchor_cells(app, doctree):
    """Give the first cell of a page that carries a code the code as its anchor."""
    seen = set()
    for cell in doctree.findall(nodes.container):
        for code in re.findall(r"\btag_([RP]\d\d)\b", " ".join(cell["classes"])):
            if code not in seen:
                cell["ids"].append(code)
                seen.add(code)


class Ledger(SphinxDirective):
    """Writes the entries of one kind."""

    required_arguments = 1

    def run(self):
        self.folder = str(Path(self.env.doc2path(self.env.docname)).parent)
        self.env.note_dependency(str(Path(self.folder) / "ledger.yml"))
        entries = ledger(self.folder)
        return getattr(self, self.arguments[0])(entries[self.arguments[0]])

    def errata(self, entries):
        """One paragraph each: code, what is said, the verdict, what holds, and where it is shown."""
        listed = nodes.bullet_list(classes=["ledger"])
        for entry in entries:
            code = entry["code"]
            said = nodes.paragraph("", "", nodes.strong(code, code), nodes.Text(f" ({self.sources(entry)}). "),
                                   *self.words(entry["claim"]), nodes.Text(" "),
                                   nodes.strong("", entry["verdict"].capitalize() + ":"), nodes.Text(" "),
                                   *self.words(entry["truth"]), nodes.Text(" "))
            names = evidence(self.folder, code)
            if not names:
                self.complain(f"no code cell carries the tag {code}")
            said += [nodes.Text("("), *self.listed([self.link(name, code) for name in names]), nodes.Text(")")]
            listed += nodes.list_item("", said, ids=[f"ledger-{code}"])
        return [listed]

    def topics(self, entries):
        """A table: topic, source, and the section that teaches it."""
        return [self.table(("", "topic", "source", "taught in"), (6, 44, 12, 38), [
            [[nodes.Text(str(entry["id"]))], self.words(entry["topic"]),
             [nodes.Text(f"{self.sources(entry)}, {entry['section']}")], self.taught(entry)] for entry in entries])]

    def listings(self, entries):
        """A table: listing, what happens, where it is made right."""
        return [self.table(("listing", "as printed", "made right in"), (20, 45, 35), [
            [self.words(entry["listing"]), self.words(entry["fails"]), self.taught(entry)] for entry in entries])]

    def formulas(self, entries):
        """A table: formula that was lost, where it stands now."""
        return [self.table(("lost formula", "source", "supplied in"), (30, 20, 50), [
            [self.words(entry["formula"]), [nodes.Text(self.sources(entry))], self.taught(entry)]
            for entry in entries])]

    def sources(self, entry):
        numbers = entry["source"] if isinstance(entry["source"], list) else [entry["source"]]
        return ("source " if len(numbers) == 1 else "sources ") + ", ".join(map(str, numbers))

    def words(self, text):
        """Inline Markdown as nodes."""
        found, messages = self.parse_inline(text)
        return [*found, *messages]

    def taught(self, entry):
        if "out_of_scope" in entry:
            return [nodes.emphasis("", "not in this book: "), *self.words(entry["out_of_scope"])]
        return self.listed([self.section(*place.split("#", 1)) for place in entry["where"]])

    def listed(self, links):
        """Links in a row, with commas between them."""
        return [part for link in links for part in (link, nodes.Text(", "))][:-1]

    def link(self, name, anchor, heading=""):
        """A link to an anchor of a page beside this one: "page 3", or "3: heading"; pages of the appendix by title."""
        number = str(int(name[:2])) if name[:2].isdigit() else ""
        title = page(self.folder, name)[0]
        text = f"{number or title}: {heading}" if heading else f"page {number}" if number else title
        return nodes.reference("", "", *self.words(text), internal=True, refuri=f"{name}.html#{anchor}")

    def section(self, name, heading):
        try:
            _, headings, _ = page(self.folder, name)
        except OSError:
            self.complain(f"there is no page {name}")
            return nodes.Text(name)
        if heading not in headings:
            self.complain(f"{name} has no section {heading!r}")
        return self.link(name, nodes.make_id(re.sub(r"[$`*\\]", "", heading)), heading)

    def complain(self, words):
        logger.warning("ledger: %s", words, location=self.get_location())

    def table(self, heads, widths, rows):
        """A table of nodes, each cell a list of inline nodes."""
        group = nodes.tgroup(cols=len(heads))
        group += [nodes.colspec(colwidth=width) for width in widths]
        row = [nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *cell)) for cell in cells))
               for cells in [[[nodes.Text(head)] for head in heads], *rows]]
        group += [nodes.thead("", row[0]), nodes.tbody("", *row[1:])]
        return nodes.table("", group, classes=["colwidths-given", "ledger"])


def setup(app):
    app.add_directive("ledger", Ledger)
    app.connect("doctree-read", anchor_cells)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
