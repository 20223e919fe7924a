"""The students' notebook from the teacher's: solutions out, and nothing of them left anywhere.

The teacher writes one notebook. What stands between the markers (they are nbgrader's) is the solution:

    def step(theta, grad, rate):
        ### BEGIN SOLUTION
        return theta - rate * grad
        ### END SOLUTION

A cell with the tag ``instructor-only`` is for the teacher alone. :func:`make_student` takes both out.
"""

import base64
import difflib
import hashlib
import io
import json
import os
import re
import tokenize
import unicodedata
import warnings
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT
from dataclasses import dataclass
from pathlib import Path

from labkit.grading._files import visible, write
from labkit.grading.results import GradingError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
HERE = {"code": "...  # your code here", "markdown": "*Your answer here.*"}
REMOVED = "instructor-only"
COMMON = 3  # tokens; a line with no more says nothing: `return theta`, `else:`, `x = 0`

WORDS = {"BEGIN": (), "START": (), "END": ("ENDS", "ENDE", "ENDD", "EDN", "NED", "ND", "EN"), "STOP": ()}
TWO_WORDS = re.compile(r"[\W_]*[A-Za-z]+[ \t]+[A-Za-z]+([ \t]+[A-Za-z]+)?[\W_]*")  # no Python, but for `del x`
HIDDEN = ("HIDDENTESTS", "MARKSCHEME")
PLAIN_TAG = re.compile(r"[A-Za-z0-9_-]{1,50}")
CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
TOKEN = re.compile(r"[^\W\d]\w*|\d[\w.]*|[^\w\s]")
PYTHON_MAGICS = re.compile(r"%%(time|timeit|capture|prun)\b")
MAGIC = re.compile(r"^([ \t]*)(?:[%!?]|[\w.]+\?{1,2}[ \t]*$|\w+[ \t]*=[ \t]*[%!]).*", re.MULTILINE)


@dataclass(frozen=True)
class Handout:
    """What was made: the file, how many solutions were taken out, and how many cells with the teacher's tag."""

    path: Path
    solutions: int
    removed: int


@dataclass(frozen=True)
class Line:
    """A line of a solution and where it stands, both counted from 1."""

    cell: int
    number: int
    text: str


def make_student(source, out):
    """Write the notebook that students get, and return a :class:`Handout`.

    - Each block between ``### BEGIN SOLUTION`` and ``### END SOLUTION``, in a code or a Markdown cell, becomes one
      line: ``...  # your code here``, or ``*Your answer here.*``.
    - Cells with the tag ``instructor-only`` go.
    - Outputs and execution counts go, and so does all metadata except the kernel's name, the language, and plain tags
      (letters, digits, ``-`` and ``_``). Cell ids stay; a cell without one gets an id that follows from its new text.

    What looks like a marker or like the tag, but is not spelt exactly so, is an error, since a slip would hand out a
    solution. Markers of hidden tests are errors too: hidden tests belong in the assignment's file.

    Then nothing of a solution may be left. Each line of a solution is split into tokens (names, numbers, signs; space
    does not count), a comment behind code being a line of its own. A line of three tokens or fewer is too common to
    tell anything and is not counted. Every other line must not stand anywhere in the result: in no cell, comment,
    Markdown, tag, cell id, metadata or attachment, also when it is wrapped or indented otherwise there. Text in
    pictures is not read, and cells with the teacher's tag are not solutions: their lines may stand elsewhere.

    Parameters
    ----------
    source : path
        The teacher's notebook.
    out : path
        The students' notebook; it is replaced whole. It must not be the source, under whatever name.

    Raises
    ------
    GradingError
        With the cell and the line, if anything of the above does not hold, there is no solution to take out, or a
        cell of the result is no valid Python.
    """
    source, out = Path(source), Path(out)
    if out.is_dir():
        raise GradingError(f"the students' notebook must be a file, got the folder {str(out)!r}")
    if out.exists() and source.exists() and os.path.samefile(source, out):
        raise GradingError(f"the students' notebook would replace its source {str(source)!r}: give another name")
    notebook = read(source)
    cells, solution, blocks, removed = [], [], 0, 0
    for place, cell in enumerate(notebook["cells"], start=1):
        stripped, lines, taken = without_solutions(cell, place)
        solution += lines
        if REMOVED in tags(cell, place):
            removed += 1
            continue
        blocks += taken
        cells.append((place, clean(stripped, cell, place)))
    if not blocks:
        raise GradingError(f"there is no solution in {str(source)!r}: put {BEGIN!r} and {END!r} around each")
    identify([cell for _, cell in cells])
    result = {"cells": [cell for _, cell in cells], "metadata": kernel(notebook), "nbformat": 4, "nbformat_minor": 5}
    for place, cell in cells:
        check_python(cell, place)
    check_leaks(solution, texts(cells, result["metadata"]))
    write(out, json.dumps(result, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    return Handout(out, blocks, removed)


# Reading


def read(path):
    """The notebook in a file, its sources as one text each."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8-sig"))
        json.dumps(notebook, ensure_ascii=False).encode("utf-8")  # half a character, as \ud800 is, can not be written
    except OSError as error:
        raise GradingError(f"the notebook {str(path)!r} can not be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise GradingError(f"{str(path)!r} is not a notebook: {error}") from error
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4 or not isinstance(notebook.get("cells"), list):
        raise GradingError(f"{str(path)!r} is not a notebook of format 4: open it in Jupyter and save it")
    return notebook | {"cells": [read_cell(cell, place) for place, cell in enumerate(notebook["cells"], start=1)]}


def read_cell(cell, place):
    """A cell with its source as one text, whose lines end in a newline alone."""
    source = cell.get("source") if isinstance(cell, dict) else None
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str) or cell.get("cell_type") not in ("code", "markdown", "raw"):
        raise GradingError(f"cell {place} is not a code, Markdown or raw cell with a source")
    if not isinstance(cell.get("metadata", {}), dict):
        raise GradingError(f"cell {place}: its metadata must be an object")
    return cell | {"source": source.replace("\r\n", "\n").replace("\r", "\n")}


def tags(cell, place):
    """The tags of a cell, none of them nearly the teacher's tag."""
    found = cell.get("metadata", {}).get("tags", [])
    if not isinstance(found, list) or not all(isinstance(tag, str) for tag in found):
        raise GradingError(f"cell {place}: its tags must be a list of texts, got {found!r}")
    for tag in [*found, *cell.get("metadata", {})]:
        letters = re.sub(r"[^a-z]", "", plain(tag).lower())
        near = max(alike(letters, word) for word in ("instructoronly", "instructorsonly", "onlyinstructor"))
        if near >= 0.85 and (tag != REMOVED or tag not in found):
            raise GradingError(f"cell {place} has the tag {tag!r}: if it is for the teacher alone, "
                               f"its tags must hold {REMOVED!r}, spelt so")
    return found


# Solutions


def without_solutions(cell, place):
    """The source of a cell without its solutions, the lines of these, and how many they are."""
    kept, lines, begun, blocks = [], [], None, 0
    for number, text in enumerate(cell["source"].split("\n"), start=1):
        marker = marker_of(text, cell["cell_type"], place, number)
        if marker == BEGIN:
            if begun is not None:
                refuse(place, number, text, f"a solution begins inside the one that began in line {begun}")
            begun, indent = number, text[: len(text) - len(text.lstrip())]
        elif marker == END:
            if begun is None:
                refuse(place, number, text, "a solution ends that did not begin")
            if not any(line.number > begun and line.cell == place for line in lines):
                refuse(place, number, text, f"there is nothing in the solution that began in line {begun}")
            kept.append(indent + HERE[cell["cell_type"]])
            begun, blocks = None, blocks + 1
        elif begun is None:
            kept.append(text)
        elif text.strip():
            lines.append(Line(place, number, text))
    if begun is not None:
        refuse(place, begun, cell["source"].split("\n")[begun - 1], f"this solution has no {END!r} in its cell")
    if blocks and cell["source"].startswith("%%") and not PYTHON_MAGICS.match(cell["source"]):
        refuse(place, 1, kept[0], "a solution in a cell that is not Python can not be taken out")
    return "\n".join(kept), lines, blocks


def marker_of(text, kind, place, number):
    """The marker that a line is, or None; an error where it only looks like one."""
    if text.strip() in (BEGIN, END) and kind in HERE:
        return text.strip()
    near = nearly(text, kind)
    if near in HIDDEN:
        refuse(place, number, text, "hidden tests are not for this notebook: they belong in the assignment's file "
                                    "as the cases of a Function, where no student's program can read them")
    if near:
        refuse(place, number, text, f"markers stand alone in a line of a code or Markdown cell, spelt {BEGIN!r} and "
                                    f"{END!r}")
    return None


def nearly(text, kind):
    """What a line marks, if it looks as if it marked something."""
    text = plain(text)
    comment = re.search(r"#.*", text)
    words = re.findall(r"[A-Z]+", (comment.group() if comment else text).upper())
    if not comment and (len(words) > 3 or (kind == "code" and not TWO_WORDS.fullmatch(text))):
        return None  # prose, or a name in code such as end_solution
    for first in WORDS:
        for what in ("SOLUTION", *HIDDEN):
            if begins_like(words, first, what):
                return what
    return None


def begins_like(words, first, what):
    """Whether words begin like ``BEGIN SOLUTION``, in either order, spelt more or less so, in one word or several."""
    for count in (2, 3):
        one, *others = words[:count] or [""]
        if others and len(words) >= count and word_like(one, first) and alike("".join(others), what) >= 0.8:
            return True
        if others and len(words) == count == 2 and alike(one, what) >= 0.8 and word_like(others[0], first):
            return True
    return bool(words) and alike(words[0], first + what) >= 0.86


def word_like(word, wanted):
    """Whether a word is BEGIN or END with perhaps one slip, or another word of the kind without any."""
    close = wanted == "BEGIN" and (alike(word, wanted) >= 0.75 or sorted(word) == sorted(wanted))
    return word == wanted or close or word in WORDS[wanted]


def alike(one, other):
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def plain(text):
    """The text in its compatibility form, without invisible characters: full-width signs become plain ones."""
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")


def refuse(place, number, text, why):
    raise GradingError(f"cell {place}, line {number}: {why}: {visible(text.strip())!r}")


# The result


def clean(source, cell, place):
    """A cell with nothing but its source, its plain tags, and the attachments that it shows."""
    kept = [tag for tag in tags(cell, place) if PLAIN_TAG.fullmatch(tag)]
    made = {"cell_type": cell["cell_type"], "metadata": {"tags": kept} if kept else {}, "source": source}
    if isinstance(cell.get("id"), str) and CELL_ID.fullmatch(cell["id"]):
        made["id"] = cell["id"]
    attached = cell["attachments"] if isinstance(cell.get("attachments"), dict) else {}
    shown = {name: content for name, content in attached.items() if f"attachment:{name}" in source}
    if shown and cell["cell_type"] != "code":
        made["attachments"] = shown
    if cell["cell_type"] == "code":
        made |= {"execution_count": None, "outputs": []}
    return made


def identify(cells):
    """Give an id to each cell that has none of its own."""
    taken = set()
    for place, cell in enumerate(cells):
        name, seed = cell.get("id"), f"{place}\n{cell['source']}"
        while name is None or name in taken:  # from the new text: an id must not tell of the old one
            name = hashlib.sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()[:8]
            seed += "\n"
        cell["id"] = name
        taken.add(name)


def kernel(notebook):
    """The metadata that says with what a notebook runs."""
    metadata = notebook.get("metadata") if isinstance(notebook.get("metadata"), dict) else {}
    kept = {}
    for part, names in (("kernelspec", ("display_name", "language", "name")), ("language_info", ("name",))):
        stored = metadata.get(part) if isinstance(metadata.get(part), dict) else {}
        values = {name: stored[name] for name in names if isinstance(stored.get(name), str)}
        if values:
            kept[part] = values
    return kept


def check_python(cell, place):
    """Raise unless a code cell is valid Python; lines for IPython count as ``pass``."""
    source = cell["source"]
    if cell["cell_type"] != "code" or (source.startswith("%%") and not PYTHON_MAGICS.match(source)):
        return
    error = syntax_error(source)
    if error and (error := syntax_error(MAGIC.sub(r"\1pass", source))):
        text = source.split("\n")[min(error.lineno or 1, source.count("\n") + 1) - 1]
        refuse(place, error.lineno or 1, text, f"this line of the result is no valid Python ({error.msg})")


def syntax_error(source):
    """The error that Python finds in a text, or None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "<cell>", "exec", PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError) as error:
        return SyntaxError(str(error))


# What is left


def texts(cells, metadata):
    """Each text of the result with the place where it stands."""
    found = [("the notebook's metadata", text) for text in strings(metadata)]
    for place, cell in cells:
        found += [(f"cell {place}", cell["source"]), (f"the id of cell {place}", cell["id"])]
        found += [(f"a tag of cell {place}", tag) for tag in cell["metadata"].get("tags", [])]
        for text in strings(cell.get("attachments", {})):
            found += [(f"an attachment of cell {place}", text), (f"an attachment of cell {place}", decoded(text))]
    return found


def strings(value):
    """All texts within a value of JSON, names included."""
    if isinstance(value, dict):
        return [text for key, inner in value.items() for text in [key, *strings(inner)]]
    if isinstance(value, list):
        return [text for inner in value for text in strings(inner)]
    return [value] if isinstance(value, str) else []


def decoded(text):
    """The text that stands in base64, as attachments do, as far as it is text."""
    try:
        return base64.b64decode(text).decode("utf-8", "ignore")
    except ValueError:
        return ""


def check_leaks(solution, places):
    """Raise if a line of a solution that tells anything stands in one of the places."""
    haystacks = [(place, text, spaced(text)) for place, text in places]
    for line in solution:
        for part in parts(line.text):
            wanted = spaced(part)
            if len(TOKEN.findall(part)) <= COMMON:
                continue
            for place, text, tokens in haystacks:
                if wanted in tokens:
                    where = f"{place}, line {line_of(wanted, text)}" if place.startswith("cell") else place
                    refuse(line.cell, line.number, line.text,
                           f"this line of a solution also stands in {where}; change one of the two")


def spaced(text):
    """The tokens of a text, each between two spaces."""
    joined = plain(text).replace("\\\n", " ")
    return f" {' '.join(TOKEN.findall(joined))} "


def line_of(wanted, text):
    """The first line up to which a text holds the tokens."""
    lines = text.split("\n")
    return next(number for number in range(1, len(lines) + 1) if wanted in spaced("\n".join(lines[:number])))


def parts(text):
    """A line, and where it has a comment, its code and its comment by themselves."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text.strip()).readline))
        start = next((token.start[1] for token in tokens if token.type == tokenize.COMMENT), -1)
    except (tokenize.TokenError, SyntaxError):  # a line of a longer statement, or Markdown
        start = text.strip().find("#")
    if start < 0:
        return [text]
    return [text.strip()[:start], text.strip()[start + 1:]]
