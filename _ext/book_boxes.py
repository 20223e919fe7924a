"""Boxes that stay plain Markdown: what looks right in Colab gets its colours in the book.

A quotation that begins with **What the sources say** is a box of the class `sources`, a paragraph that begins
with **Predict.** one of the class `predict`. The same classes on an admonition look the same.
"""
from docutils import nodes

OPENINGS = {"what the sources say": "sources", "predict": "predict"}


def opening(paragraph):
    """The class that the bold words at the start of a paragraph stand for, or None."""
    words = [child for child in paragraph.children if child.astext()]       # MyST puts an empty text first
    first = words[0] if words else None
    if isinstance(first, nodes.strong):
        return OPENINGS.get(first.astext().strip(" .:").lower())
    return None


def mark(app, doctree):
    """Give quotations and paragraphs with a known opening their class."""
    for paragraph in doctree.findall(nodes.paragraph):
        kind = opening(paragraph)
        if not kind or isinstance(paragraph.parent, nodes.Admonition):
            continue
        quoted = isinstance(paragraph.parent, nodes.block_quote) and paragraph.parent.index(paragraph) == 0
        box = paragraph.parent if quoted else paragraph
        if kind not in box["classes"]:
            box["classes"] += ["book-box", kind]


def setup(app):
    app.connect("doctree-read", mark)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
