"""The stored pages as the tests read them: their cells, their prose, and the claims that they give evidence for."""

import ast
import json
import re
from functools import cache
from pathlib import Path

CHAPTERS = Path(__file__).parent.parent / "chapters"
CODE = re.compile(r"\b[RP]\d\d\b")  # R: errata of the sources; P: published results


@cache
def notebook(name):
    return json.loads((CHAPTERS / f"{name}.ipynb").read_text(encoding="utf-8"))


def cells(name, kind):
    return [cell for cell in notebook(name)["cells"] if cell["cell_type"] == kind]


def prose(name):
    return "\n\n".join("".join(cell["source"]) for cell in cells(name, "markdown"))


def asserts_something(source):
    return any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(source)))


def evidence(name):
    """The codes that stand on an asserting code cell of a page."""
    return {tag for cell in cells(name, "code") if asserts_something("".join(cell["source"]))
            for tag in cell["metadata"].get("tags", []) if CODE.fullmatch(tag)}
