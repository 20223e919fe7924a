"""What a stored notebook must look like, and when a fresh run agrees with it.

Pure functions: nothing here runs a notebook. `notebook_plugin` (the tests) and `tools/notebooks.py` (the
author's command) share them, so that what is stored and what is checked can not drift apart.

Text is compared line by line. Words, signs and punctuation agree exactly; how many blanks stand in a gap
does not count. A number that is written with fewer than four significant digits, and every integer, agrees
exactly: `0.12`, `47`, `2.2e-16`. A number with four digits or more may differ by one unit of its last written
digit, or by `RELATIVE_TOLERANCE` where that is more. So print four digits of what rounding can reach, and do
not print what is rounding alone (`2.2e-16`): assert that it is below `1e-12`, and print that.

Figures are compared as pictures, by the worst tile: averaged over a whole figure, a changed digit on an axis
drowns in the white around it.
"""

import base64
import importlib.util
import io
import re
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path

import numpy as np
from PIL import Image

# TensorFlow differs between processors, thread counts and oneDNN on and off from the sixth digit on. This is
# ten times that, and a hundred times less than one unit of the third digit of any number.
RELATIVE_TOLERANCE = Decimal("1e-5")
FEWEST_DIGITS_WITH_NOISE = 4

# Root mean square over the 16 x 16 pixels and their four channels, which run from 0 to 255. One pixel that
# flips from black to white gives 13.8, and at most 15.9 with its opacity: rounding at an edge stays below 16.
# A changed character gives 18.7 or more ("l" for "I", at 8 points and double resolution), a digit 44 or more.
WORST_TILE_RMS = 16.0
TILE = 16
# A second, wider tile with the same budget of one flipped pixel: it sees a surface whose shade moves a bit.
WIDE_TILE = 64

PICTURE = "image/png"
KNOWN_TYPES = {"stream", "display_data", "execute_result", "error"}
KNOWN_FORMATS = {"text/plain", "text/html", "text/latex", "text/markdown", PICTURE}
RAISES = "raises-exception"

# What a notebook may need beyond the lock, and the extra of pyproject.toml that brings it. A notebook declares it in
# its metadata, `labkit: {needs: [torch]}`; where the module is missing, the notebook is not run. Nothing else may be
# declared, so that the declaration can not switch a check off.
EXTRAS = {"torch": "pytorch"}

_MARK = re.compile(r"\b(NBVAL|PYTEST_VALIDATE)_\w+", re.IGNORECASE)
_MARK_TAG = re.compile(r"(nbval|pytest[-_]validate)\b|skip-execution$", re.IGNORECASE)
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")
_MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|Users|tmp)/\w|[A-Z]:\\Users\\|/site-packages/")
_HTML_PICTURE = re.compile(r"<(?:img|svg|canvas)\b", re.IGNORECASE)
_COLOUR_CODE = re.compile(r"\x1b\[[0-9;]*m")
_TRACEBACK_FILE = re.compile(r"^File .+:\d+", re.MULTILINE)


# The kernel


def kernel_environment(environ):
    """Return the environment in which a notebook runs, whoever starts it.

    A stored output must not depend on what the shell, pytest or the user's matplotlib settings hold.
    """
    reaches_outputs = {"MPLBACKEND", "COLUMNS", "LINES", "JUPYTER_COLUMNS", "FORCE_COLOR", "NO_COLOR"}
    # Under PYTEST_CURRENT_TEST the kernel would not report what compiled code writes to stderr.
    kept = {
        name: value
        for name, value in environ.items()
        if name not in reaches_outputs and not name.startswith("PYTEST_")
    }
    # TensorFlow is silent at import only with both; a developer may ask for oneDNN with 1.
    kept.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kept.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    kept["PYTHONHASHSEED"] = "0"
    matplotlib = importlib.util.find_spec("matplotlib")
    if matplotlib is not None:
        kept["MATPLOTLIBRC"] = str(Path(matplotlib.origin).parent / "mpl-data" / "matplotlibrc")
    return kept


def locked_version(package, lock):
    """Return the version that a lock file pins. Figures look the same with one version of matplotlib alone."""
    found = re.search(rf"^{re.escape(package)}==(\S+)", lock, re.MULTILINE)
    if not found:
        raise ValueError(f"requirements.txt pins no version of {package}: compile the lock again")
    return found.group(1)


# What a notebook needs


def needs_of(notebook):
    """Return the modules beyond the lock that a notebook declares; names that may not be declared do not count."""
    declared = notebook.get("metadata", {}).get("labkit", {})
    names = declared.get("needs", []) if isinstance(declared, dict) else []
    return [name for name in EXTRAS if isinstance(names, list) and name in names]


def missing_needs(notebook):
    """Return why a notebook can not run here, and what to do about it, or '' where all it needs is installed."""
    missing = [name for name in needs_of(notebook) if importlib.util.find_spec(name) is None]
    extras = ",".join(EXTRAS[name] for name in missing)
    return f'needs {", ".join(missing)}: pip install -e ".[{extras}]"' if missing else ""


# Stored notebooks


def stored_problems(notebook):
    """Return every fault that a stored notebook shows without being run, each with its cell."""
    problems = []
    number = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            number += 1
            problems += [f"cell {number}: {problem}" for problem in cell_problems(cell, number)]
        else:
            where = f"{cell['cell_type']} cell after cell {number}"
            problems += [f"{where}: {problem}" for problem in mark_problems(cell)]
    return problems


def cell_problems(cell, number):
    """Return the faults of one stored code cell, the `number`-th from 1, in words that say what to do."""
    problems = mark_problems(cell)
    if not joined(cell["source"]).strip():
        problems.append("it has no source: delete the cell")
    count = cell.get("execution_count")
    if count is None:
        problems.append("it was never executed: run and store the notebook")
    elif count != number:
        problems.append(f"its execution count is {count}, in order it is {number}: run and store the notebook")
    if RAISES in tags_of(cell) and not any(output["output_type"] == "error" for output in cell["outputs"]):
        problems.append(f"it has the tag {RAISES} and stores no error: remove the tag")
    for output in cell["outputs"]:
        problems += output_problems(output, cell)
        if output.get("execution_count", count) != count:
            problems.append(f"its result has the execution count {output['execution_count']}, it has {count}")
    return problems


def mark_problems(cell):
    """Return the marks that would make a checker skip the cell or its outputs. None is allowed."""
    found = [match.group() for match in _MARK.finditer(joined(cell["source"]))]
    found += [tag for tag in tags_of(cell) if _MARK_TAG.match(str(tag))]
    return [f"it has the mark {mark}: every output is checked, remove the mark" for mark in found]


def output_problems(output, cell):
    """Return the faults of one stored output of a cell."""
    kind = output["output_type"]
    if kind not in KNOWN_TYPES:
        return [f"it stores an output of the unknown type {kind}"]
    problems = []
    if kind == "stream" and output["name"] != "stdout":
        problems.append(f"it stores {output['name']}: {_head(joined(output['text']))}; remove the cause")
    if kind == "error":
        problems += _error_problems(output, cell)
    data = output.get("data", {})
    problems += [
        f"it stores {name}, which is not compared: show pictures as PNG, all else as text"
        for name in data
        if name not in KNOWN_FORMATS
    ]
    if PICTURE in data and not alternative_text(cell):
        problems.append("its figure has no alt text: set mystnb.image.alt in the cell's metadata")
    if PICTURE in data:
        problems += _picture_problems(data[PICTURE])
    if _HTML_PICTURE.search(joined(data.get("text/html", ""))):
        problems.append("it stores a picture inside HTML, which is not compared: show it as PNG")
    return problems + _text_problems("\n".join(texts_of(output)))


def _error_problems(output, cell):
    if RAISES not in tags_of(cell):
        name = f"{output['ename']}: {_head(output['evalue'])}"
        return [f"it stores the error {name}; mend the cell, or announce the error with the tag {RAISES}"]
    if _TRACEBACK_FILE.search(plain_traceback(output)):
        return ["its traceback shows a file of the machine: catch the error with try and print it"]
    return []


def _picture_problems(stored):
    try:
        decoded_picture(stored)
    except ValueError as error:
        return [f"its picture can not be read ({error}): run and store the notebook"]
    return []


def _text_problems(text):
    problems = []
    address = _ADDRESS.search(text)
    if address:
        problems.append(f"it stores an object's address ({address.group()}), new in every run: print a value")
    path = _MACHINE_PATH.search(text)
    if path:
        problems.append(f"it stores a path of the machine ({path.group()}...): print the file's name alone")
    if "\r" in text or "\b" in text:
        problems.append("it stores a progress bar: switch it off (verbose=0)")
    return problems


def tags_of(cell):
    """Return the tags of a cell."""
    return cell.get("metadata", {}).get("tags", [])


def alternative_text(cell):
    """Return the text that stands for a cell's figure where the figure is not seen, or ''."""
    image = cell.get("metadata", {}).get("mystnb", {}).get("image", {})
    return str(image.get("alt", "")).strip()


def texts_of(output):
    """Return all text that an output shows."""
    if output["output_type"] == "stream":
        return [joined(output["text"])]
    if output["output_type"] == "error":
        return [output["evalue"], plain_traceback(output)]
    return [joined(value) for name, value in output.get("data", {}).items() if name.startswith("text/")]


def plain_traceback(output):
    """Return a traceback as text, without the codes that colour it."""
    return _COLOUR_CODE.sub("", "\n".join(output["traceback"]))


def joined(text):
    """Return text that a notebook file may hold as a list of lines."""
    return text if isinstance(text, str) else "".join(text)


def _head(text, length=110):
    first = (text.strip().splitlines() or [""])[0]
    return first if len(first) <= length else first[: length - 3] + "..."


# Outputs


def compare_outputs(stored, fresh, figures=True):
    """Return every difference between the stored and the fresh outputs of a cell, in words.

    With `figures=False` that a figure stands there is compared, and not what it shows.
    """
    stored, fresh = merge_streams(stored), merge_streams(fresh)
    kinds, kinds_now = [kind_of(output) for output in stored], [kind_of(output) for output in fresh]
    if kinds != kinds_now:
        return [_kinds_difference(kinds, kinds_now)]
    differences = []
    for number, (old, new) in enumerate(zip(stored, fresh, strict=True), start=1):
        name = f"output {number} ({kind_of(old)})" if len(stored) > 1 else kind_of(old)
        differences += [f"{name}: {difference}" for difference in _compare_output(old, new, figures)]
    return differences


def merge_streams(outputs):
    """Return the outputs with neighbouring pieces of one stream joined: where a stream is cut is chance."""
    merged = []
    for output in outputs:
        previous = merged[-1] if merged else {}
        if output["output_type"] == "stream" and output["name"] == previous.get("name"):
            merged[-1] = {**previous, "text": joined(previous["text"]) + joined(output["text"])}
        else:
            merged.append(output)
    return merged


def kind_of(output):
    """Return in words what an output is; two outputs of different kinds are never compared."""
    kind = output["output_type"]
    if kind == "stream":
        return output["name"]
    if kind == "error":
        return "error"
    name = {"execute_result": "result", "display_data": "display"}.get(kind, kind)
    return f"{name} of {' and '.join(sorted(output['data']))}"


def _kinds_difference(kinds, kinds_now):
    if sorted(kinds) == sorted(kinds_now):
        found = "the outputs stand in another order"
    elif not kinds_now:
        found = "an output is stored, and the cell gives none"
    elif not kinds:
        found = "no output is stored, and the cell gives one"
    else:
        found = "the cell gives other outputs"
    return f"{found}: stored {_listed(kinds)}; now {_listed(kinds_now)}"


def _listed(kinds):
    return ", ".join(kinds) or "nothing"


def _compare_output(stored, fresh, figures):
    kind = stored["output_type"]
    if kind == "stream":
        return compare_text(joined(stored["text"]), joined(fresh["text"]))
    if kind == "error":
        differences = compare_text(_error_line(stored), _error_line(fresh))
        return differences or compare_text(plain_traceback(stored), plain_traceback(fresh))
    differences = []
    for name, value in sorted(stored["data"].items()):
        if name == PICTURE:
            differences += compare_pictures(value, fresh["data"][name]) if figures else []
        elif name.startswith("text/"):
            differences += compare_text(joined(value), joined(fresh["data"][name]))
        elif value != fresh["data"][name]:
            differences.append(f"{name} differs")
    return differences + _compare_metadata(stored, fresh, figures)


def _error_line(output):
    return f"{output['ename']}: {output['evalue']}"


def _compare_metadata(stored, fresh, figures):
    differences = []
    for name in sorted(stored["data"]):
        old, new = stored.get("metadata", {}).get(name, {}), fresh.get("metadata", {}).get(name, {})
        if old != new and (figures or name != PICTURE):
            differences.append(f"the metadata of {name} was {dict(old)} and is now {dict(new)}")
    return differences


# Text

# Signs are not part of a number: `-` is a character of its own, so that `1-3` and `well-known` need no care.
_TOKEN = re.compile(
    r"""(?P<word>[^\W\d]\w*)                     # a digit after a letter belongs to a name: beta_1, float64
      | (?P<number>(?:\d+(?:\.\d+|\.(?=[eE][+-]?\d))?|\.\d+)(?:[eE][+-]?\d{1,3}(?!\w))?)
      | (?P<blank>\s+)
      | (?P<other>.)""",
    re.VERBOSE,
)


def compare_text(stored, fresh):
    """Return the lines of two texts that do not agree, at most five of them."""
    old, new = stored.splitlines(), fresh.splitlines()
    differences = []
    if len(old) != len(new):
        differences.append(f"{len(old)} lines were stored, and there are now {len(new)}")
    for number, (line, line_now) in enumerate(zip_longest(old, new), start=1):
        reason = _line_difference(line, line_now)
        if reason:
            differences.append(f"line {number}: {reason}")
    return differences if len(differences) <= 5 else differences[:5] + ["and more"]


def _line_difference(stored, fresh):
    if stored is None or fresh is None:
        return f"{_head(fresh)!r} was added" if stored is None else f"{_head(stored)!r} is missing"
    old, new = tokens(stored), tokens(fresh)
    shown = f"stored {_head(stored)!r}, now {_head(fresh)!r}"
    for (kind, text), (kind_now, text_now) in zip(old, new, strict=False):
        same = numbers_agree(text, text_now) if kind == kind_now == "number" else text == text_now
        if not same:
            return f"{text!r} became {text_now!r}: {shown}"
    return "" if len(old) == len(new) else shown


def tokens(line):
    """Return a line as (kind, text) pairs: words, numbers, other characters and the gaps between them.

    A gap has no width, and none counts in front of a number, where padding depends on the digits of others.
    """
    found = [(match.lastgroup, match.group()) for match in _TOKEN.finditer(line.rstrip())]
    kept = []
    for place, (kind, text) in enumerate(found):
        after = found[place + 1 : place + 3]
        if kind != "blank":
            kept.append((kind, text))
        elif not _is_number(after[-1:] if after and after[0][1] in "+-" else after[:1]):
            kept.append((kind, " "))
    return kept


def _is_number(found):
    return bool(found) and found[0][0] == "number"


def numbers_agree(stored, fresh):
    """Say whether two unsigned numbers, as written, are the same but for rounding."""
    if stored == fresh:
        return True
    both_integers = stored.isdigit() and fresh.isdigit()
    if both_integers or max(digits(stored), digits(fresh)) < FEWEST_DIGITS_WITH_NOISE:
        return False
    old, new = Decimal(stored), Decimal(fresh)
    # The finer of the two: where trailing zeros are dropped, 0.124 stands for 0.1240.
    unit = Decimal(1).scaleb(min(old.as_tuple().exponent, new.as_tuple().exponent))
    return abs(old - new) <= max(unit, RELATIVE_TOLERANCE * max(old, new))


def digits(number):
    """Return how many significant digits a number is written with."""
    mantissa = re.split("[eE]", number)[0]
    return len(mantissa.replace(".", "").lstrip("0"))


# Pictures


def compare_pictures(stored, fresh):
    """Return the difference of two PNG pictures as a list of none or one sentence."""
    old, new = decoded_picture(stored), decoded_picture(fresh)
    if old.shape != new.shape:
        (height, width), (height_now, width_now) = old.shape[:2], new.shape[:2]
        return [f"the figure was {width} x {height} pixels and is now {width_now} x {height_now}"]
    for side in (TILE, WIDE_TILE):
        limit = WORST_TILE_RMS * TILE / side
        found, x, y = worst_tile(old, new, side)
        if found > limit:
            where = f"worst {side} x {side} pixels {x} from the left and {y} from the top"
            return [f"the figure looks different ({where}: {found:.1f}, allowed {limit:.1f})"]
    return []


def decoded_picture(encoded):
    """Return a PNG, as a notebook stores it, as an array of shape (height, width, 4)."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(joined(encoded))), formats=["PNG"]) as picture:
            return np.asarray(picture.convert("RGBA"), dtype=np.float64)
    except (OSError, ValueError, SyntaxError) as error:
        raise ValueError(f"this is not a PNG picture: {error}") from error


def worst_tile(old, new, side=TILE):
    """Return the largest RMS difference over all tiles of `side` pixels, and the tile's left and top.

    A tile starts at every pixel, so what a change counts does not depend on where the borders of a grid fall,
    and the last rows and columns are covered like all others. Where a picture is smaller than a tile, what is
    outside it counts as equal: one flipped pixel is then as little as elsewhere.
    """
    squares = ((old - new) ** 2).mean(axis=2)
    high, wide = min(side, squares.shape[0]), min(side, squares.shape[1])
    corner = np.zeros((squares.shape[0] + 1, squares.shape[1] + 1))
    corner[1:, 1:] = squares.cumsum(axis=0).cumsum(axis=1)
    sums = corner[high:, wide:] - corner[:-high, wide:] - corner[high:, :-wide] + corner[:-high, :-wide]
    top, left = np.unravel_index(sums.argmax(), sums.shape)
    return float(np.sqrt(max(sums[top, left], 0.0)) / side), int(left), int(top)
