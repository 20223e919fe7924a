"""Leave out of the pages what nothing in this book uses.

* `fontawesome.js` (1.5 MB): the icons are drawn with the web fonts that the theme's style sheet names.
* Thebe: its script is for live kernels, which the book does not offer; without a kernel address it throws
  an error.

Jupyter Book loads both without asking. Each step here looks for what it removes and does nothing if it is
not there, so a newer theme costs at most the saving; `tests/test_book.py` notices.
"""
import re
from pathlib import Path

from docutils import nodes

FONTAWESOME = re.compile(r'[ \t]*(?:<!-- So that users can add custom icons -->\s*)?'
                         r'<script[^>]*\bsrc="[^"]*/fontawesome\.js[^"]*"[^>]*>\s*</script>\n?')
UNUSED_FILES = ["_static/scripts/fontawesome.js", "_static/scripts/fontawesome.js.LICENSE.txt",
                "_static/sphinx-thebe.js", "_static/sphinx-thebe.css",
                "_static/katex/README.md"]


def drop_thebe_settings(app, doctree, docname):
    """Remove the settings of Thebe that its extension writes at the end of every page."""
    for node in list(doctree.findall(nodes.raw)):
        if "text/x-thebe-config" in node.astext() or node.astext().startswith("<script>kernelName"):
            node.parent.remove(node)


def drop_from_head(app, pagename, templatename, context, doctree):
    """Remove Thebe's script, style and settings from the head of a page, and what stands there twice."""
    def is_thebe(asset):
        body = getattr(asset, "attributes", {}).get("body", "")
        return "thebe" in f"{getattr(asset, 'filename', asset)} {body}".lower()

    for kind in ("script_files", "css_files"):
        kept = {}
        for asset in context.get(kind, []):
            if not is_thebe(asset):
                key = getattr(asset, "filename", asset), str(getattr(asset, "attributes", ""))
                kept.setdefault(key, asset)
        context[kind] = list(kept.values())


def search_from_disk(app):
    """From the disk the search cannot fetch pages for its excerpts; then it shows the titles only."""
    app.add_js_file(None, priority=300, body='if (location.protocol === "file:") {'
                    ' DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false; }')


def drop_from_output(app, exception):
    """Remove the script of the icons from the written pages, and the files that no page asks for any more."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    for page in out.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        lean = FONTAWESOME.sub("", text)
        if lean != text:
            page.write_text(lean, encoding="utf-8", newline="\n")
    for name in UNUSED_FILES:
        (out / name).unlink(missing_ok=True)
    for name in (out / "_static").rglob("*.js.map"):
        name.unlink()


def setup(app):
    app.connect("doctree-resolved", drop_thebe_settings, priority=900)
    app.connect("html-page-context", drop_from_head, priority=900)
    app.connect("builder-inited", search_from_disk)
    app.connect("build-finished", drop_from_output)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
