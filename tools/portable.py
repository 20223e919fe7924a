"""Make portable notebooks: each carries labkit inside, and its text is plain Markdown.

    python tools/portable.py [FOLDER]    write all of them into _build/portable, or into another folder

A stored notebook finds labkit in the folder above, and cites with MyST roles. A reader who downloads it, or opens it in
Colab, has neither the folder nor MyST. So what the book offers for download, and what the launch button opens, is made
here from the stored notebook:

* a cell in front of the setup cell holds labkit as a wheel, a zip file that Python imports from. Nothing is installed
  and nothing is fetched: labkit is not on PyPI, and whoever registered the name there would run code on the reader's
  machine;
* citations become text and the bibliography a list, links to other pages lead to Colab or, where the book has no
  address yet, become text, and a figure's caption, which the metadata holds, becomes a cell below it.
"""

import base64
import copy
import hashlib
import io
import json
import lzma
import os
import re
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path, PurePosixPath

import yaml
from pybtex.backends.markdown import Backend
from pybtex.database import parse_file
from pybtex.style.formatting.plain import Style

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = ROOT / "chapters"
OUT = ROOT / "_build" / "portable"
COLAB = "https://colab.research.google.com"
BRANCH = "portable"  # of the repository; the publish workflow puts the portable notebooks there

README = """\
# Portable notebooks

Made by `tools/portable.py` from the notebooks of the branch with the book; every change here is overwritten. Each
notebook carries all that it needs, and runs in Colab as it is. Code: BSD 3-Clause. Text and figures: CC BY 4.0.
"""


class PortableError(Exception):
    """A notebook that can not be made portable, and what to do about it."""


# Addresses


def repository(url="", environ=os.environ):
    """Return the address of the book's repository, or "" where it has none.

    That of `_config.yml` counts first, then the one that GitHub's workflows name.
    """
    if not url and environ.get("GITHUB_SERVER_URL", "https://github.com") == "https://github.com":
        url = environ.get("GITHUB_REPOSITORY") and f"https://github.com/{environ['GITHUB_REPOSITORY']}"
    url = (url or "").removesuffix("/").removesuffix(".git")
    if url and not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", url):
        raise ValueError(f"repository.url must be https://github.com/OWNER/NAME, or empty; got {url!r}")
    return url


def configured_repository():
    """Return what `repository` finds for this checkout."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    return repository(config["repository"]["url"])


def colab_address(address, name):
    """Return where Colab opens a portable notebook: `name` is its path, as in `chapters/06_adam.ipynb`."""
    return f"{COLAB}/github/{address.removeprefix('https://github.com/')}/blob/{BRANCH}/{name}"


def theme_options(address):
    """Return the options of the book's theme that make the launch buttons: none without an address."""
    if not address:
        return {"repository_url": "", "launch_buttons": {}}
    return {"repository_url": address, "repository_branch": BRANCH,
            "launch_buttons": {"colab_url": COLAB}}


# The wheel


def packed_files():
    """Return what goes into the wheel, by name: all of labkit but its grading, which notebooks do not use."""
    names = sorted(path.relative_to(ROOT) for path in (ROOT / "labkit").rglob("*")
                   if path.suffix in (".py", ".mplstyle"))
    return {name.as_posix(): (ROOT / name).read_bytes().replace(b"\r\n", b"\n")
            for name in names if "grading" not in name.parts}


def wheel_name():
    """Return the file name of the wheel."""
    return f"labkit-{_project()['version']}-py3-none-any.whl"


@cache
def _project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@cache
def wheel():
    """Return labkit as a wheel. The same files give the same bytes, whenever and wherever it is made."""
    folder = "-".join(wheel_name().split("-")[:2]) + ".dist-info"
    files = packed_files() | {
        f"{folder}/METADATA": "".join(f"{key}: {value}\n" for key, value in [
            ("Metadata-Version", "2.4"), ("Name", "labkit"), ("Version", _project()["version"]),
            ("Summary", _project()["description"]), ("License-Expression", _project()["license"]),
            ("License-File", "LICENSE"), ("Requires-Python", _project()["requires-python"])]).encode(),
        f"{folder}/WHEEL": b"Wheel-Version: 1.0\nGenerator: labkit\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{folder}/licenses/LICENSE": (ROOT / "LICENSE").read_bytes().replace(b"\r\n", b"\n"),
    }
    rows = [f"{name},sha256={_digest(data)},{len(data)}" for name, data in files.items()]
    files[f"{folder}/RECORD"] = "\n".join([*rows, f"{folder}/RECORD,,", ""]).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o100644 << 16  # as on Unix, also from Windows
            archive.writestr(entry, data)  # stored: the carrier compresses all files as one, a third smaller
    return packed.getvalue()


def _digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


# The cell that carries it

CARRIER = '''\
#@title Run this cell first: it brings labkit, the package of this book
# The last line is labkit itself, as a wheel: a zip file that Python imports from.
# Nothing is installed or fetched; whatever PyPI may have under this name is not ours.
import sys


def carry_labkit(wheel):
    """Put labkit on the path of this Python, and of those that it starts."""
    import base64
    import lzma
    import os
    import tempfile

    global labkit_folder  # it is removed when Python ends
    labkit_folder = tempfile.TemporaryDirectory(
        prefix="labkit-", ignore_cleanup_errors=True)
    path = os.path.join(labkit_folder.name, "{name}")
    with open(path, "wb") as file:
        file.write(lzma.decompress(base64.b64decode(wheel)))
    sys.path.insert(0, path)
    others = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([path, others] if others else [path])

    import labkit  # noqa: F401


if "labkit" not in sys.modules:
    carry_labkit("{wheel}")
'''

SETUP_LINE = re.compile(r'^sys\.path\.insert\(0, "\.\.(?:/\.\.)*"\).*$', re.MULTILINE)
CARRIED_LINE = 'assert "labkit" in sys.modules, "run the cell above first: it brings labkit"'


@cache
def _carrier_source():
    packed = lzma.compress(wheel(), preset=9 | lzma.PRESET_EXTREME)
    return CARRIER.format(name=wheel_name(), wheel=base64.b64encode(packed).decode()).rstrip("\n")


def carrier():
    """Return the cell that carries labkit."""
    # Colab shows the title alone, JupyterLab a bar that unfolds.
    folded = {"cellView": "form", "jupyter": {"source_hidden": True}}
    return {"cell_type": "code", "id": "labkit", "metadata": folded, "source": _lines(_carrier_source()),
            "execution_count": None, "outputs": []}


# Markdown

# What MyST reads and plain Markdown shows as it stands.
_FENCE = re.compile(r"^(?P<quote>[ >]*)(?P<fence>`{3,}|~{3,}|:{3,})(?P<info>.*)$")
_ROLE = r"\{(?P<role>[A-Za-z][\w:.+-]*)\}(?P<ticks>`+)(?P<text>(?:(?!\n\s*\n).)+?)(?P=ticks)(?!`)"
_CODE = r"(?<!`)(?P<open>`+)(?!`)(?:(?!\n\s*\n).)+?(?<!`)(?P=open)(?!`)"
_ROLE_OR_CODE = re.compile(f"{_ROLE}|{_CODE}", re.DOTALL)
_LINE_SYNTAX = re.compile(r"^(?:\([\w.:-]+\)=|\+\+\+.*|%.*|\{[.#][^}]*\}|\[\^[^\]]+\]:.*|:[\w-]+: .*)\s*$",
                          re.MULTILINE)
_INLINE_SYNTAX = re.compile(r"\$\$[ \t]+\([\w.:-]+\)[ \t]*$|\[\^[^\]]+\]|(?<=[`)\]])\{[.#][^}]*\}", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[(?P<words>(?:[^\[\]]|\\.)*)\]\((?P<target>[^()\s:#]+\.(?:ipynb|md))(?:#[^()\s]*)?\)")

# What `plain` rewrites; everything else must not stand in a notebook.
REWRITTEN = ("cite:p", "cite:t", "bibliography")


def directives(source):
    """Return every piece of MyST in the Markdown of a cell: directives and roles by name, all else as it stands."""
    found = []
    for fence, text in blocks(source):
        if fence:
            info = fence["info"].strip()
            if fence["fence"][0] == ":" or info.startswith("{"):
                found.append(re.match(r"\{?([^}\s]*)", info).group(1) or fence["fence"])
        else:
            found += [match["role"] for match in _ROLE_OR_CODE.finditer(text) if match["role"]]
            bare = _ROLE_OR_CODE.sub("``", text)
            found += [match.group().strip() for match in _LINE_SYNTAX.finditer(bare)]
            found += [match.group() for match in _INLINE_SYNTAX.finditer(bare)]
    return found


def blocks(source):
    """Return Markdown in pieces: pairs of a match of the opening fence, or None, and the text with its fences."""
    pieces, lines, fence = [], [], None
    for line in source.splitlines(keepends=True):
        match = _FENCE.match(line.rstrip("\n"))
        if fence is None and match:
            pieces.append((None, "".join(lines)))
            fence, lines = match, [line]
        elif fence is not None and match and not match["info"].strip() and match["fence"].startswith(fence["fence"]):
            pieces.append((fence, "".join([*lines, line])))
            fence, lines = None, []
        else:
            lines.append(line)
    pieces.append((fence, "".join(lines)))
    return [(opened, text) for opened, text in pieces if text]


def plain(source, keys, page, address=""):
    """Return the Markdown of a cell of a page without MyST: `keys` are what the page cites, for its bibliography."""
    unknown = [name for name in directives(source) if name not in REWRITTEN]
    if unknown:
        raise PortableError(f"{page}: {unknown[0]} is MyST, and Colab would show it raw; write plain Markdown")
    written = []
    for fence, text in blocks(source):
        if fence is None:
            text = _ROLE_OR_CODE.sub(lambda match: citation(match["role"], match["text"])
                                     if match["role"] else match.group(), text)
            text = _LINK.sub(lambda match: link(match, page, address), text)
        elif fence["info"].strip() == "{bibliography}":
            text = reference_list(tuple(sorted(keys)))
        written.append(text)
    return "".join(written)


def link(match, page, address):
    """Return a link of a page to another one, for a reader who has only this page."""
    target = os.path.normpath(PurePosixPath(page).parent / match["target"])
    if not (ROOT / target).is_file():
        raise PortableError(f"{page}: there is no {target}")
    if address and target.endswith(".ipynb"):
        return f"[{match['words']}]({colab_address(address, PurePosixPath(target).as_posix())})"
    return match["words"]


# Citations


@cache
def _library():
    return parse_file(str(ROOT / "references.bib"), bib_format="bibtex").entries


def cited(source):
    """Return the keys that a piece of Markdown cites."""
    return {key.strip() for match in _ROLE_OR_CODE.finditer(source) if match["role"] in ("cite:p", "cite:t")
            for key in match["text"].split(",")}


def citation(role, keys):
    """Return a citation as text: "(Goh, 2017; Su et al., 2016)", or "Goh (2017)" where it is part of the sentence."""
    entries = [_library()[key.strip()] for key in keys.split(",")]
    named = sorted((authors(entry), entry.fields.get("year", "n.d.")) for entry in entries)
    if role == "cite:t":
        return ", ".join(f"{names} ({year})" for names, year in named)
    return f"({'; '.join(f'{names}, {year}' for names, year in named)})"


def authors(entry):
    """Return the authors of an entry as a citation names them."""
    names = ["\u00a0".join(str(name) for name in [*person.rich_prelast_names, *person.rich_last_names])
             for person in entry.persons["author"]]
    return f"{names[0]} et al." if len(names) > 2 else " and ".join(names)


class _Markdown(Backend):
    """pybtex's Markdown with the marks escaped that would be read as such, and no others."""

    symbols = {"ndash": "–", "newblock": " ", "nbsp": "\u00a0"}

    def format_str(self, text):
        return re.sub(r"([\\`*_\[\]<>])", r"\\\1", text)


@cache
def reference_list(keys):
    """Return what is cited as a list, in the order and the words of the book's own."""
    entries = Style().format_entries([_library()[key] for key in keys])  # it sorts them too
    return "".join(f"{number}. {entry.text.render(_Markdown())}\n" for number, entry in enumerate(entries, start=1))


# Notebooks


def portable(notebook, page, address=""):
    """Return the portable form of a stored notebook (its JSON); `page` is its path in the repository."""
    keys = {key for cell in notebook["cells"] if cell["cell_type"] == "markdown" for key in cited(_source(cell))}
    setup = [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and SETUP_LINE.search(_source(cell))]
    if len(setup) != 1 or len(SETUP_LINE.findall(_source(setup[0]))) != 1:
        raise PortableError(f'{page}: one cell must have one line sys.path.insert(0, "..")')
    cells = []
    for cell in notebook["cells"]:
        new = copy.deepcopy(cell)
        if cell["cell_type"] == "markdown":
            new["source"] = _lines(plain(_source(cell), keys, page, address))
        if cell is setup[0]:
            new["source"] = _lines(SETUP_LINE.sub(CARRIED_LINE, _source(cell)))
            cells.append(carrier())
        cells.append(new)
        figure = cell["metadata"].get("mystnb", {}).get("figure", {})
        if figure.get("caption"):
            words = plain(figure["caption"], keys, page, address)
            cells.append({"cell_type": "markdown", "id": f"{cell['id']}-caption", "metadata": {},
                          "source": _lines(f"**Figure.** {words}")})
    return {**notebook, "cells": cells}


def _source(cell):
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


def _lines(text):
    return text.splitlines(keepends=True)  # as a notebook file holds it


def portable_text(path, address=""):
    """Return the text of the file of a portable notebook, from the path of the stored one."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return json.dumps(portable(notebook, path.relative_to(ROOT).as_posix(), address),
                      sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def pages():
    """Return the stored notebooks of the book."""
    return sorted(path for path in CHAPTERS.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)


def write_all(folder, address=""):
    """Write every portable notebook into a folder, each at its path in the repository."""
    for path in pages():
        target = Path(folder) / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(portable_text(path, address), encoding="utf-8", newline="\n")
    (Path(folder) / "README.md").write_text(README, encoding="utf-8", newline="\n")
    (Path(folder) / "LICENSE").write_bytes((ROOT / "LICENSE").read_bytes())


def main():
    """Write them, and say how large what they carry is."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    write_all(folder, configured_repository())
    print(f"{len(pages())} notebooks in {folder}; labkit takes {len(_source(carrier())) / 1000:.0f} kB of each")


if __name__ == "__main__":
    main()
