"""Portable notebooks: they carry labkit, need no folder, no network and no MyST, and the book's buttons give them."""

import base64
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import textwrap
import zipfile

import nbformat
import portable
import pytest
import run_portable
from bs4 import BeautifulSoup

ADDRESS = "https://github.com/someone/book"
HTML = portable.ROOT / "_build" / "html"
PAGES = {path.relative_to(portable.ROOT).as_posix(): path for path in portable.pages()}
LARGEST = 200_000  # characters of the cell that carries labkit; with one module of exercises it has 84,000

each_page = pytest.mark.parametrize("name", PAGES)
each_built_page = pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.skipif(not (HTML / name).with_suffix(".html").is_file(), reason="not built"))
    for name in PAGES])


def stored(name):
    return json.loads(PAGES[name].read_text(encoding="utf-8"))


def made(name, address=""):
    return json.loads(portable.portable_text(PAGES[name], address))


def source(cell):
    return "".join(cell["source"])


def markdown(notebook):
    return [source(cell) for cell in notebook["cells"] if cell["cell_type"] == "markdown"]


def run_in(folder, program, **environment):
    """Run a program as an isolated Python does, in a folder that has nothing to do with the book."""
    return subprocess.run([sys.executable, "-I", "-c", textwrap.dedent(program)], cwd=folder, text=True,
                          capture_output=True, env=os.environ | {"MPLBACKEND": "Agg"} | environment)


# The wheel


def test_the_wheel_holds_what_notebooks_need_and_no_grading():
    names = zipfile.ZipFile(io.BytesIO(portable.wheel())).namelist()
    assert names[:-4] == sorted(names[:-4]) and all(name.startswith("labkit/") for name in names[:-4])
    assert {"labkit/__init__.py", "labkit/book.mplstyle", "labkit/reference/training.py", "labkit/tf/training.py",
            "labkit/exercises/adam.py"} <= set(names)
    assert not [name for name in names if "grading" in name or "__pycache__" in name]
    assert [name.split("/", 1)[1] for name in names[-4:]] == ["METADATA", "WHEEL", "licenses/LICENSE", "RECORD"]


def test_the_wheel_is_the_same_whenever_and_wherever_it_is_made(tmp_path):
    program = f"""
        import os, sys
        os.umask(0o077)
        sys.path.insert(0, {str(portable.ROOT / "tools")!r})
        import hashlib, portable
        print(hashlib.sha256("".join(portable.carrier()["source"]).encode()).hexdigest())
        """
    found = run_in(tmp_path, program, TZ="Asia/Shanghai", PYTHONHASHSEED="7", SOURCE_DATE_EPOCH="1700000000")
    here = hashlib.sha256(source(portable.carrier()).encode()).hexdigest()
    assert found.stdout.strip() == here, found.stderr
    entries = zipfile.ZipFile(io.BytesIO(portable.wheel())).infolist()
    assert {(entry.date_time, entry.create_system, entry.external_attr) for entry in entries} == {
        ((1980, 1, 1, 0, 0, 0), 3, 0o100644 << 16)}


def test_the_record_of_the_wheel_is_right():
    archive = zipfile.ZipFile(io.BytesIO(portable.wheel()))
    *files, record = archive.namelist()
    rows = archive.read(record).decode().splitlines()
    assert rows.pop() == f"{record},," and len(rows) == len(files)
    for name, row in zip(files, rows):
        data = archive.read(name)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        assert row == f"{name},sha256={digest},{len(data)}"


def test_what_a_notebook_carries_is_small():
    assert len(source(portable.carrier())) < LARGEST


# The cell that carries it


def test_labkit_comes_out_of_the_cell_alone(tmp_path):
    """In an empty folder, isolated: every module, its style sheet and its sources, and also in another process."""
    (tmp_path / "cell.py").write_text(source(portable.carrier()), encoding="utf-8")
    found = run_in(tmp_path, """
        import os, pathlib, subprocess, sys
        before = set(globals())
        for _ in range(2):  # a second run does nothing
            exec(pathlib.Path("cell.py").read_text())
        assert set(globals()) - before == {"_", "before", "carry_labkit", "labkit_folder"}, set(globals()) - before
        wheel = sys.path[0]
        assert sys.path.count(wheel) == 1 and os.listdir(labkit_folder.name) == [os.path.basename(wheel)]

        import pkgutil
        import labkit
        from labkit.exercises import adam
        import labkit.tf
        for module in pkgutil.walk_packages(labkit.__path__, "labkit."):
            __import__(module.name)
        files = [module.__file__ for name, module in sys.modules.items() if name.split(".")[0] == "labkit"]
        assert len(files) > 20 and all(file.startswith(wheel + os.sep) for file in files), files
        assert "labkit.grading" not in sys.modules

        import matplotlib
        labkit.plotting.use_book_style()
        assert matplotlib.rcParams["figure.figsize"] == [7.0, 3.6]
        adam.q2.solution()

        other = [sys.executable, "-c", "import labkit.problems; print(labkit.problems.__file__)"]
        assert subprocess.check_output(other, text=True).startswith(wheel + os.sep)
        print(os.path.dirname(wheel))
        """)
    assert found.returncode == 0 and found.stderr == "", found.stderr
    assert "def adam_step(" in found.stdout
    folder = found.stdout.splitlines()[-1]
    assert os.path.isabs(folder) and not os.path.exists(folder), "it is removed when Python ends"


def test_without_it_the_setup_cell_says_what_to_do(tmp_path):
    found = run_in(tmp_path, f"import sys\n{portable.CARRIED_LINE}")
    assert found.stderr.splitlines()[-1] == "AssertionError: run the cell above first: it brings labkit"


def test_the_cell_reads_well():
    cell = portable.carrier()
    lines = source(cell).splitlines()
    assert lines[0].startswith("#@title ") and cell["metadata"]["cellView"] == "form"
    assert cell["metadata"]["jupyter"] == {"source_hidden": True}
    assert [line for line in lines[:-1] if len(line) > 88] == []
    assert lines[-1].startswith('    carry_labkit("') and not re.search(r"\bpip\b", "\n".join(lines[:-1]))


# The notebooks


@each_page
def test_a_portable_notebook_is_the_stored_one_with_labkit_inside(name):
    old, new = stored(name), made(name)
    nbformat.validate(nbformat.from_dict(new), relax_add_props=False)
    assert new["metadata"] == old["metadata"]
    assert len({cell["id"] for cell in new["cells"]}) == len(new["cells"])
    added = [cell for cell in new["cells"] if cell["id"] not in {cell["id"] for cell in old["cells"]}]
    kept = [cell for cell in new["cells"] if cell not in added]
    setup = [cell for cell in kept if portable.CARRIED_LINE in source(cell)]
    assert added[0] == portable.carrier() and len(setup) == 1
    assert new["cells"].index(setup[0]) == new["cells"].index(added[0]) + 1
    first = [cell for cell in new["cells"] if cell["cell_type"] == "code"][:2]
    assert first == [added[0], setup[0]]
    for before, after in zip(old["cells"], kept, strict=True):
        assert {**before, "source": ""} == {**after, "source": ""}
        if before["cell_type"] == "code" and after is not setup[0]:
            assert before["source"] == after["source"]
    text = json.dumps(new)
    assert 'insert(0, \\"..' not in text and "pip install labkit" not in text


@each_page
@pytest.mark.parametrize("address", ["", ADDRESS])
def test_no_directive_is_left(name, address):
    found = [what for text in markdown(made(name, address)) for what in portable.directives(text)]
    assert found == []


@each_page
def test_links_to_other_pages_lead_to_colab_or_are_text(name):
    assert not re.findall(r"\]\((?!https?://)[^)]*\)", "\n\n".join(markdown(made(name))))
    for target in re.findall(r"\]\(([^)]*)\)", "\n\n".join(markdown(made(name, ADDRESS)))):
        if target.startswith("https://colab"):
            path = target.removeprefix("https://colab.research.google.com/github/someone/book/blob/portable/")
            assert path in PAGES
        else:
            assert target.startswith("https://")


@each_page
def test_captions_stand_below_their_figures(name):
    cells = made(name)["cells"]
    for cell, after in zip(cells, [*cells[1:], None]):
        figure = cell["metadata"].get("mystnb", {}).get("figure", {})
        assert bool(figure) == (after is not None and after["id"] == f"{cell['id']}-caption")
        assert not figure or source(after).startswith("**Figure.** ")


@each_built_page
def test_citations_and_references_say_what_the_book_says(name):
    article = BeautifulSoup((HTML / name).with_suffix(".html").read_text(encoding="utf-8"), "html.parser")
    article = article.select_one("article")
    text = "\n\n".join(markdown(stored(name)))
    roles = [match for match in portable._ROLE_OR_CODE.finditer(text) if match["role"]]
    ours = [portable.citation(match["role"], match["text"]) for match in roles]
    book = [element.get_text() for element in article.select(".bibtex-citation")]
    assert [bare(words) for words in ours] == [bare(words) for words in book]
    listed = "".join(markdown(made(name))).partition("\n## References\n")[2]
    if roles:
        rendered = [re.sub(r"\[([^]]*)\]\(http[^)]*\)|[*\\]", r"\1", line.split(". ", 1)[1])
                    for line in listed.strip().splitlines()]
        entries = [element.p.get_text() for element in article.select("div.citation")]
        assert [bare(words) for words in rendered] == [bare(words) for words in entries]


def bare(words):
    return " ".join(words.translate(str.maketrans("()[];", "    ,", "*\\")).split())


# MyST


@each_page
def test_a_stored_notebook_has_no_myst_but_citations(name):
    """Everything else is plain Markdown: it reads the same in Colab, and needs no translation."""
    found = {what for text in markdown(stored(name)) for what in portable.directives(text)}
    assert found <= set(portable.REWRITTEN)


@pytest.mark.parametrize(("text", "found"), [
    ("```{note}\nwords\n```", ["note"]),
    ("> ```{admonition} Title\n> words\n> ```", ["admonition"]),
    ("````{tab-set}\n```{tab-item} A\nwords\n```\n````", ["tab-set"]),
    ("~~~{figure} a.png\n~~~", ["figure"]),
    (":::{tip}\nwords\n:::", ["tip"]),
    ("::::\nwords\n::::", ["::::"]),
    ("see {cite:p}`goh2017,su2016` and {doc}`the page <06_adam>`", ["cite:p", "doc"]),
    ("a role {ref}`over\na line`", ["ref"]),
    ("(target)=\n# Title", ["(target)="]),
    ("+++", ["+++"]),
    ("% a comment", ["% a comment"]),
    ("words[^1]\n\n[^1]: note", ["[^1]: note", "[^1]", "[^1]"]),
    ("$$\nx\n$$ (eq-one)", ["$$ (eq-one)"]),
    ("`code`{.python}", ["{.python}"]),
    ("| table | {cite:t}`goh2017` |", ["cite:t"]),
])
def test_the_finder_finds(text, found):
    assert portable.directives(text) == found


@pytest.mark.parametrize("text", [
    "plain *words*, a [link](https://a.org), `code`, ``co`de``, `{x}` and `f\"{x}\"`",
    "```python\n{note}`not a role`\n:::\n(a)=\n```",
    "> **What the sources say** (R19).\n\n- a list: of things\n\n<details>\n<summary>?</summary>\nyes\n</details>",
    "$\\frac{a}{b}$ and\n\n$$\n\\begin{aligned} x^{2} &= {y} \\end{aligned}\n$$\n\n| a | b |\n|:--|--:|\n| 1 | 2 |",
    "13% of it, and (brackets) = 3",
])
def test_the_finder_passes_plain_markdown(text):
    assert portable.directives(text) == []
    assert portable.plain(text, set(), "chapters/06_adam.ipynb") == text


def test_what_can_not_be_rewritten_stops_the_build():
    with pytest.raises(portable.PortableError, match="chapters/06_adam.ipynb: note is MyST"):
        portable.plain("```{note}\nwords\n```", set(), "chapters/06_adam.ipynb")
    with pytest.raises(portable.PortableError, match="there is no chapters/06_adan.ipynb"):
        portable.plain("[a](06_adan.ipynb)", set(), "chapters/06_adam.ipynb")
    with pytest.raises(portable.PortableError, match="one line sys.path.insert"):
        portable.portable({"cells": [], "metadata": {}}, "chapters/06_adam.ipynb")


@pytest.mark.parametrize(("text", "words"), [
    ("it rings {cite:p}`goh2017`.", "it rings (Goh, 2017)."),
    ("{cite:t}`goh2017` says", "Goh (2017) says"),
    ("see\n{cite:p}`goyal2017,mccandlish2018`", "see\n(Goyal et al., 2017; McCandlish et al., 2018)"),
    ("{cite:p}`pytorch_rmsprop`", "(PyTorch contributors, n.d.)"),
    ("`{cite:p}` is a role", "`{cite:p}` is a role"),
    ("[the\npage](06_adam.ipynb#bias)", "the\npage"),
    ("([1](../01_gradient_descent.ipynb))", None),
])
def test_citations_and_links(text, words):
    if words is None:
        page, words = "chapters/exercises/adam.ipynb", "(1)"
    else:
        page = "chapters/03_sgd.ipynb"
    assert portable.plain(text, set(), page) == words


def test_a_link_leads_to_colab_once_there_is_an_address():
    page, target = "chapters/exercises/adam.ipynb", portable.colab_address(ADDRESS, "chapters/06_adam.ipynb")
    assert portable.plain("[it](../06_adam.ipynb)", set(), page, ADDRESS) == f"[it]({target})"
    assert portable.plain("[it](../a3_glossary.md)", set(), page, ADDRESS) == "it"  # Colab opens notebooks only


# Addresses


@pytest.mark.parametrize(("url", "environ", "address"), [
    ("", {}, ""),
    (None, {"GITHUB_REPOSITORY": ""}, ""),
    (ADDRESS, {}, ADDRESS),
    (ADDRESS + "/", {"GITHUB_REPOSITORY": "other/fork"}, ADDRESS),
    (ADDRESS + ".git", {}, ADDRESS),
    ("", {"GITHUB_REPOSITORY": "some-one/a.book"}, "https://github.com/some-one/a.book"),
    ("", {"GITHUB_REPOSITORY": "someone/book", "GITHUB_SERVER_URL": "https://github.com"}, ADDRESS),
    ("", {"GITHUB_REPOSITORY": "someone/book", "GITHUB_SERVER_URL": "https://github.school.edu"}, ""),
])
def test_the_repository_is_set_in_one_place(url, environ, address):
    assert portable.repository(url, environ) == address


@pytest.mark.parametrize("url", ["https://gitlab.com/a/b", "github.com/a/b", "https://github.com/a", "a/b"])
def test_an_address_that_colab_can_not_open_is_an_error(url):
    with pytest.raises(ValueError, match="repository.url must be https://github.com/OWNER/NAME"):
        portable.repository(url, {})


def test_launch_buttons_lead_to_the_branch_of_portable_notebooks_or_are_not_there():
    assert portable.theme_options("") == {"repository_url": "", "launch_buttons": {}}
    options = portable.theme_options(ADDRESS)
    assert options["repository_url"] == ADDRESS and options["repository_branch"] == "portable"
    assert portable.colab_address(ADDRESS, "chapters/06_adam.ipynb") == (
        options["launch_buttons"]["colab_url"] + "/github/someone/book/blob/portable/chapters/06_adam.ipynb")
    workflow = (portable.ROOT / ".github" / "workflows" / "publish.yml").read_text(encoding="utf-8")
    assert f"git push --force origin {portable.BRANCH}\n" in workflow and "path: _build/portable\n" in workflow


# The built book


@each_built_page
def test_the_buttons_of_a_page_give_the_portable_notebook(name):
    page = (HTML / name).with_suffix(".html")
    document = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    address = portable.configured_repository()
    served = (page.parent / document.select_one("a.btn-download-source-button")["href"]).resolve()
    assert served == (HTML / "_sources" / name).resolve()
    assert served.read_text(encoding="utf-8") == portable.portable_text(PAGES[name], address)
    launch = [link["href"] for link in document.select("a[href*='colab.research']")]
    assert launch == ([portable.colab_address(address, name)] if address else [])
    assert bool(document.select(".dropdown-launch-buttons")) == bool(address)


@pytest.mark.skipif(not HTML.is_dir(), reason="the book is not built: run `make book`")
def test_pages_and_search_do_not_hold_the_wheel():
    held = [path for pattern in ("*.html", "*.js") for path in HTML.rglob(pattern)
            if "carry_labkit" in path.read_text(encoding="utf-8")]
    assert held == []


@pytest.mark.skipif(not portable.OUT.is_dir(), reason="the book is not built: run `make book`")
def test_the_branch_holds_every_portable_notebook():
    held = {path.relative_to(portable.OUT).as_posix() for path in portable.OUT.rglob("*") if path.is_file()}
    assert held == {*PAGES, "README.md", "LICENSE"}


# The long run


def test_the_environment_of_the_long_run_is_pinned_and_has_no_labkit():
    asked = (portable.ROOT / "requirements-colab.in").read_text(encoding="utf-8")
    lock = (portable.ROOT / "requirements-colab.txt").read_text(encoding="utf-8")
    pins = re.findall(r"^([\w-]+==\S+)$", asked, re.M)
    assert len(pins) == 7 and all(re.search(rf"^{re.escape(pin)}$", lock, re.M) for pin in pins)
    assert not re.search(r"^(labkit|pytest|nbval)\b", lock, re.M)


def test_a_readers_kernel_sees_nothing_of_this_checkout(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(portable.ROOT))
    monkeypatch.setenv("PYTEST_ADDOPTS", str(portable.ROOT))
    environment = run_portable.reader_environment("/home/reader")
    leads = {key for key, value in environment.items() if str(portable.ROOT) in value}
    assert leads <= {"PATH", "PWD", "OLDPWD"} and environment["HOME"] == "/home/reader"


@pytest.mark.parametrize(("program", "refused"), [
    ("socket.create_connection(('192.0.2.1', 80), timeout=1)", True),
    ("urllib.request.urlopen('http://example.org')", True),
    ("socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))", True),
    ("socket.create_connection(socket.create_server(('127.0.0.1', 0)).getsockname())", False),
    ("socket.create_connection(('localhost', socket.create_server(('127.0.0.1', 0)).getsockname()[1]))", None),
])
def test_the_guard_refuses_the_network_and_not_this_machine(tmp_path, program, refused):
    (tmp_path / "sitecustomize.py").write_text(run_portable.GUARD, encoding="utf-8")
    program = f"import socket, urllib.request\n{program}"
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                           env=kept | {"PYTHONPATH": str(tmp_path)})
    assert ("it must need no network" in found.stderr) == bool(refused), found.stderr


def test_the_long_run_compares_every_cell():
    def cell(name, words, source="1"):
        outputs = [nbformat.v4.new_output("stream", name="stdout", text=words)] if words else []
        return nbformat.v4.new_code_cell(source, id=name, outputs=outputs)

    def notebook(*cells):
        return nbformat.v4.new_notebook(cells=list(cells))

    old = notebook(cell("a", "x 0.12345"), cell("b", ""))
    def found(*cells):
        return "; ".join(run_portable.differences(old, notebook(*cells)))

    carrier = cell("labkit", "")
    assert found(carrier, cell("a", "x 0.12346"), cell("b", "")) == ""
    assert found(carrier, cell("a", "x 0.2"), cell("b", "")).startswith("cell 1: stdout")
    assert found(carrier, cell("a", "x 0.12345"), cell("b", "y")).startswith("cell 2: no output is stored")
    assert found(carrier, cell("a", "x 0.12345")) == "it has other cells than the stored notebook"
    assert found(cell("labkit", "!"), *old.cells).startswith("the cell that carries labkit prints")
