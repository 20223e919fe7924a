"""Files that are written whole or not at all, and text that students chose, made safe to look at."""

import os
import tempfile
import unicodedata
from pathlib import Path

JOINERS = "\u200c\u200d"  # Persian, Hindi and emoji need them; they neither hide nor turn anything


def write(path, content, mode=0o644):
    """Write text (as UTF-8) or bytes to a path by way of a temporary file beside it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        content = content.encode("utf-8")
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def invisible(character):
    """Whether a character controls, turns or hides text, or is half of one, as in a file name that is no UTF-8."""
    kind = unicodedata.category(character)
    return kind in ("Cc", "Cs", "Zl", "Zp") or (kind == "Cf" and character not in JOINERS)


def code(character):
    """The escape of a character: ``\\x0a`` for a newline, ``\\u202e`` for the mark that turns text around."""
    number = ord(character)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"


def visible(text, keep=""):
    """The text with an escape for each invisible character, those to be kept apart."""
    return "".join(code(c) if invisible(c) and c not in keep else c for c in text)


def by_name(student):
    """The order of students: by name, whatever the case; then any order, but always the same one."""
    return student.casefold(), student


def plain_number(number):
    """The shortest way to write points: 1, 2.5, 0.333333."""
    return format(round(number, 6) + 0.0, ".12g")  # + 0.0: no minus sign on a zero
