"""Docstrings as they stand: an initial at the start of a line ("A. Cauchy") is a name, not the head of a list."""
import re

INITIAL = re.compile(r"^(\s*)([A-Z]\. )")


def escape_initials(app, what, name, obj, options, lines):
    """Escape initials in the lines of a docstring, in place, as autodoc wants it."""
    lines[:] = [INITIAL.sub(r"\1\\\2", line) for line in lines]


def setup(app):
    app.connect("autodoc-process-docstring", escape_initials)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
