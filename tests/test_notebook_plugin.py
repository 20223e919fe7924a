"""Corrupted notebooks must fail in a real run, each at the right cell and for the right reason.

One small notebook is run and stored once. Every case below is a copy of it with one change, and all copies are
checked by one pytest in a folder of their own, with the options of the project. The verdicts are read from its
report.
"""

import base64
import copy
import importlib.util
import io
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import nbformat
import notebooks
import numpy as np
import pytest
from notebook_compare import PICTURE, worst_tile
from notebook_plugin import Figures, NoOutput, fresh_outputs
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent

SETUP, NUMBER, SLOPE, SENTENCE, STEPS, ARRAY, FIGURE, RESULT = range(1, 9)
ALL = set(range(1, 9))

DRAW = """\
figure, axes = plt.subplots(figsize=(4, 3), layout="constrained")
axes.plot(x, np.cos(x), color="C0")
axes.set_xticks([0, 1, 2, 3])
axes.set(xlabel="step", ylabel="loss", title="A cosine")
plt.show()"""

SOURCES = {
    SETUP: """\
import matplotlib.pyplot as plt
import numpy as np
%config InlineBackend.figure_formats = ["retina"]
x = np.linspace(0, 3, 61)""",
    NUMBER: 'print(f"loss {np.exp(-1.5):.6f}")\nprint(f"rate {0.12:.2f}")',
    SLOPE: 'print(f"slope {-np.sqrt(2):.4f}")',
    SENTENCE: 'print("Gradient descent converges.")',
    STEPS: 'print("steps:", x.size * 20)',
    ARRAY: "print(np.round(np.exp(x[:40:8]), 4))",
    FIGURE: DRAW,
    RESULT: 'print("the ratio is")\nfloat(np.round(np.pi, 6))',
}

# The figure with one thing changed, drawn again by matplotlib
REDRAWN = {
    "curve": ("np.cos(x)", "0.99 * np.cos(x)"),
    "colour": ('color="C0"', 'color="C1"'),
    "title": ("A cosine", "A cosines"),
    "digit": ("set_xticks([0, 1, 2, 3])", 'set_xticks([0, 1, 2, 3], ["0", "1", "2", "8"])'),
    "thin digit": ("set_xticks([0, 1, 2, 3])", 'set_xticks([0, 1, 2, 3], ["0", "7", "2", "3"])'),
    "letter": ('xlabel="step"', 'xlabel="stop"'),
    "size": ("figsize=(4, 3)", "figsize=(4, 3.1)"),
}


# Changes of the stored notebook


def text(number, old, new):
    """Change words in the first stored output of a cell."""

    def change(notebook, _):
        output = outputs_of(notebook, number)[0]
        assert old in output.text
        output.text = output.text.replace(old, new)

    return change


def result(old, new):
    """Change the stored result of the last cell."""

    def change(notebook, _):
        data = outputs_of(notebook, RESULT)[1].data
        assert old in data["text/plain"]
        data["text/plain"] = data["text/plain"].replace(old, new)

    return change


def outputs(number, act):
    """Change the list of stored outputs of a cell."""

    def change(notebook, _):
        cell = cell_of(notebook, number)
        cell.outputs = act(cell.outputs)

    return change


def cell(number, act):
    """Change a cell itself."""

    def change(notebook, _):
        act(cell_of(notebook, number))

    return change


def source(number, line):
    """Add a line to what a cell runs, and store nothing new."""
    return cell(number, lambda found: found.update(source=f"{found.source}\n{line}"))


def redrawn(name):
    """Store the figure as matplotlib draws it with one thing changed."""

    def change(notebook, variants):
        outputs_of(notebook, FIGURE)[:] = copy.deepcopy(variants[name])

    return change


def repainted(act):
    """Change the pixels of the stored figure."""

    def change(notebook, _):
        data = outputs_of(notebook, FIGURE)[0].data
        data[PICTURE] = encoded(act(decoded(data[PICTURE])))

    return change


def swap_counts(notebook, _):
    first, second = cell_of(notebook, SENTENCE), cell_of(notebook, STEPS)
    first.execution_count, second.execution_count = second.execution_count, first.execution_count


def empty_all(notebook, _):
    for found in notebooks.code_cells(notebook):
        found.outputs = []


def never_executed(found):
    found.execution_count = None
    found.outputs = []


def as_svg(found):
    data = found.outputs[0].data
    data["image/svg+xml"] = "<svg xmlns='http://www.w3.org/2000/svg'/>"
    del data[PICTURE]


def without_alternative_text(found):
    del found.metadata["mystnb"]


def tagged(name):
    return lambda found: found.metadata.update(tags=[name])


def stream(name, words):
    return nbformat.v4.new_output("stream", name=name, text=words)


STORED_ERROR = nbformat.v4.new_output(
    "error", ename="ValueError", evalue="too large", traceback=["ValueError: too large"]
)


def split(stored):
    lines = stored[0].text.splitlines(keepends=True)
    assert len(lines) > 1
    return [stream("stdout", line) for line in lines]


def flip_one_pixel(pixels):
    """Turn the whitest pixel beside a drawn one into black: the most that one pixel can change."""
    row, column = np.argwhere(pixels[..., :3].min(axis=2) == 0)[0]
    pixels[row - 1, column, :3] = 255 - pixels[row - 1, column, :3]
    return pixels


def shake_edges(pixels):
    """Move every pixel that is neither paper nor full ink by eight levels, up or down."""
    colours = pixels[..., :3].astype(int)
    edge = (colours.min(axis=2) < 250) & (colours.max(axis=2) > 5)
    steps = np.random.default_rng(0).choice([-8, 8], size=(edge.sum(), 1))
    colours[edge] = np.clip(colours[edge] + steps, 0, 255)
    pixels[..., :3] = colours
    return pixels


# name: (change, the cells that must fail, what the report must say)
CORRUPTED = {
    "changed third digit": (text(NUMBER, "0.223130", "0.224130"), {NUMBER}, "'0.224130' became '0.223130'"),
    "changed short number": (text(NUMBER, "0.12", "0.13"), {NUMBER}, "line 2: '0.13' became '0.12'"),
    "changed sign": (text(SLOPE, "-1.41", "1.41"), {SLOPE}, "slope 1.41.*slope -1.41"),
    "changed word": (text(SENTENCE, "converges", "diverges"), {SENTENCE}, "'diverges' became 'converges'"),
    "changed full stop": (text(SENTENCE, "s.", "s!"), {SENTENCE}, "'!' became '.'"),
    "changed integer": (text(STEPS, "1220", "1221"), {STEPS}, "'1221' became '1220'"),
    "changed array entry": (text(ARRAY, "2.2255", "2.2355"), {ARRAY}, "'2.2355' became '2.2255'"),
    "changed result": (result("3.141593", "3.151593"), {RESULT}, "'3.151593' became '3.141593'"),
    "missing output": (outputs(STEPS, lambda stored: []), {STEPS}, "no output is stored, and the cell gives one"),
    "added output": (
        outputs(SETUP, lambda stored: [stream("stdout", "ready\n")]),
        {SETUP},
        "an output is stored, and the cell gives none",
    ),
    "added line": (text(STEPS, "1220\n", "1220\ndone\n"), {STEPS}, "'done' is missing"),
    "missing one of two outputs": (outputs(RESULT, lambda stored: stored[:1]), {RESULT}, "gives other outputs"),
    "swapped output order": (outputs(RESULT, lambda stored: stored[::-1]), {RESULT}, "stand in another order"),
    "emptied outputs of all cells": (empty_all, ALL - {SETUP}, "no output is stored"),
    "never executed cell": (cell(STEPS, never_executed), {STEPS}, "never executed"),
    "never executed setup": (cell(SETUP, never_executed), {SETUP}, "never executed"),
    "executed out of order": (swap_counts, {SENTENCE, STEPS}, "execution count is"),
    "wrong execution count": (
        cell(STEPS, lambda found: found.update(execution_count=17)),
        {STEPS},
        "execution count is 17, in order it is 5",
    ),
    "stored stderr": (
        outputs(STEPS, lambda stored: [*stored, stream("stderr", "RuntimeWarning: overflow\n")]),
        {STEPS},
        "stores stderr: RuntimeWarning: overflow",
    ),
    "stored stderr that comes again": (
        cell(
            SETUP,
            lambda found: found.update(
                source=f"{found.source}\nimport sys\nprint('careful', file=sys.stderr)",
                outputs=[stream("stderr", "careful\n")],
            ),
        ),
        {SETUP},
        "stores stderr: careful",
    ),
    "fresh stderr": (source(SETUP, "import sys; print('careful', file=sys.stderr)"), {SETUP}, "wrote to stderr"),
    "fresh stderr of compiled code": (
        source(SETUP, "import os, time; os.write(2, b'careful'); time.sleep(0.5)"),
        {SETUP},
        "wrote to stderr",
    ),
    "stored traceback": (
        outputs(STEPS, lambda stored: [*stored, STORED_ERROR]),
        {STEPS},
        "stores the error ValueError: too large",
    ),
    "fresh error": (source(STEPS, "1 / 0"), {STEPS}, "error that is not announced.*ZeroDivisionError"),
    "announced error that does not come": (cell(STEPS, tagged("raises-exception")), {STEPS}, "stores no error"),
    "kernel that dies": (
        source(STEPS, "import os; os._exit(1)"),
        {STEPS, ARRAY, FIGURE, RESULT},
        "the kernel died while it ran",
    ),
    "changed curve": (redrawn("curve"), {FIGURE}, "figure looks different"),
    "changed colour": (redrawn("colour"), {FIGURE}, "figure looks different"),
    "changed title": (redrawn("title"), {FIGURE}, "figure looks different"),
    "changed digit on an axis": (redrawn("digit"), {FIGURE}, "figure looks different"),
    "changed thin digit on an axis": (redrawn("thin digit"), {FIGURE}, "figure looks different"),
    "changed letter on an axis": (redrawn("letter"), {FIGURE}, "figure looks different"),
    "figure of another size": (redrawn("size"), {FIGURE}, "pixels and is now"),
    "figure missing": (outputs(FIGURE, lambda stored: []), {FIGURE}, "no output is stored"),
    "figure without alt text": (cell(FIGURE, without_alternative_text), {FIGURE}, "no alt text"),
    "figure as SVG": (cell(FIGURE, as_svg), {FIGURE}, "stores image/svg"),
    "stored address": (
        text(SENTENCE, "Gradient", "<object at 0x7f12ab> Gradient"),
        {SENTENCE},
        "object's address",
    ),
    "comment that ignores the output": (source(STEPS, "# NBVAL_IGNORE_OUTPUT"), {STEPS}, "mark NBVAL_IGNORE"),
    "old comment that ignores the output": (
        source(STEPS, "# PYTEST_VALIDATE_IGNORE_OUTPUT"),
        {STEPS},
        "mark PYTEST_VALIDATE",
    ),
    "comment that skips": (source(STEPS, "# NBVAL_SKIP"), {STEPS}, "mark NBVAL_SKIP"),
    "tag that ignores the output": (cell(STEPS, tagged("nbval-ignore-output")), {STEPS}, "mark nbval-ignore"),
    "tag that skips": (cell(STEPS, tagged("nbval-skip")), {STEPS}, "mark nbval-skip"),
    "tag that skips the run": (cell(STEPS, tagged("skip-execution")), {STEPS}, "mark skip-execution"),
    "mark that hides a change": (
        cell(
            STEPS,
            lambda found: found.update(
                source=f"# NBVAL_SKIP\n{found.source}", outputs=[stream("stdout", "steps: 1221\n")]
            ),
        ),
        {STEPS},
        "'1221' became '1220'",
    ),
}

HARMLESS = {
    "untouched": lambda notebook, _: None,
    "run by this Python and without the settings of the shell": source(
        SETUP,
        f"import os, sys; assert sys.executable == {sys.executable!r} and 'PYTEST_CURRENT_TEST' not in os.environ",
    ),
    "last-digit noise": text(NUMBER, "0.223130", "0.223131"),
    "last-digit noise of an array": text(ARRAY, "2.2255", "2.2256"),
    "last-digit noise of a result": result("3.141593", "3.141592"),
    "stream split in two": outputs(NUMBER, split),
    "figure encoded again": repainted(lambda pixels: pixels),
    "anti-aliasing noise at every edge": repainted(shake_edges),
    "one pixel flipped": repainted(flip_one_pixel),
}


# Building and checking


def built(sources):
    """Return a notebook that was run, from a list of sources."""
    cells = [nbformat.v4.new_markdown_cell("# A small page")]
    for words in sources:
        cells.append(nbformat.v4.new_code_cell(words))
        if "plt.show" in words:
            cells[-1].metadata["mystnb"] = {"image": {"alt": "a cosine from 0 to 3"}}
    blank = notebooks.canonical(nbformat.v4.new_notebook(cells=cells))
    return notebooks.canonical(notebooks.refreshed(blank, notebooks.executed(blank, ROOT)))


def cell_of(notebook, number):
    return notebooks.code_cells(notebook)[number - 1]


def outputs_of(notebook, number):
    return cell_of(notebook, number).outputs


def decoded(picture):
    with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
        return np.array(image.convert("RGBA"))


def encoded(pixels):
    """Return pixels as PNG with another compression than matplotlib's."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", compress_level=1)
    return base64.b64encode(file.getvalue()).decode()


def file_name(case):
    return case.replace(" ", "_") + ".ipynb"


@pytest.fixture(scope="session")
def drawn():
    """Return the small notebook as it is stored, and the outputs of the figure drawn otherwise."""
    figures = Figures("strict")
    if not figures.comparable:
        pytest.skip(figures.headline)
    variants = [DRAW.replace(old, new) for old, new in REDRAWN.values()]
    assert DRAW not in variants
    whole = built([*SOURCES.values(), *variants])
    added = notebooks.code_cells(whole)[len(SOURCES) :]
    whole.cells = whole.cells[: -len(variants)]
    return whole, {name: found.outputs for name, found in zip(REDRAWN, added, strict=True)}


@pytest.fixture(scope="session")
def verdicts(drawn, tmp_path_factory):
    """Check all copies in one run of pytest; return for each the messages of its cells, '' where one passed."""
    folder = tmp_path_factory.mktemp("notebooks")
    stored, variants = drawn
    changes = {name: change for name, (change, *_) in CORRUPTED.items()} | HARMLESS
    for name, change in changes.items():
        notebook = copy.deepcopy(stored)
        change(notebook, variants)
        (folder / file_name(name)).write_text(notebooks.written(notebook), encoding="utf-8")
    return checked(folder)


def checked(folder, *options):
    """Run pytest on the notebooks of a folder, as the project configures it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    report = folder / "report.xml"
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "notebook_plugin", "-p", "no:cacheprovider"),
        *("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder), f"--junitxml={report}"),
        *("-n", "2"),
        *options,
        str(folder),
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        faults = [element for element in case if element.tag in ("failure", "error", "skipped")]
        number = int(case.get("name").removeprefix("Cell "))
        message = "\n".join(f"{fault.tag}\n{fault.text}" for fault in faults)
        found.setdefault(case.get("classname"), {})[number] = message
    return found


@pytest.mark.parametrize("case", CORRUPTED)
def test_a_corrupted_notebook_fails_at_its_cell_and_says_why(case, verdicts):
    _, cells, reason = CORRUPTED[case]
    verdict = verdicts[file_name(case)]
    failed = {number: message for number, message in verdict.items() if message}
    assert set(verdict) == ALL
    assert set(failed) == cells
    first = failed[min(cells)]
    assert first.startswith("failure\n")
    assert re.search(reason, first, re.DOTALL), first
    assert f"cell {min(cells)}\n" in first
    assert f"| {SOURCES[min(cells)].splitlines()[0]}" in first or "| # NBVAL_SKIP" in first


@pytest.mark.parametrize("case", HARMLESS)
def test_a_harmless_variation_passes(case, drawn, verdicts):
    assert verdicts[file_name(case)] == dict.fromkeys(ALL, "")


@pytest.mark.parametrize("case", ["figure encoded again", "anti-aliasing noise at every edge", "one pixel flipped"])
def test_a_harmless_figure_is_another_file(case, drawn):
    stored, variants = drawn
    changed = copy.deepcopy(stored)
    HARMLESS[case](changed, variants)
    assert outputs_of(changed, FIGURE)[0].data[PICTURE] != outputs_of(stored, FIGURE)[0].data[PICTURE]


def test_the_figures_have_twice_the_resolution_of_the_screen(drawn):
    output = outputs_of(drawn[0], FIGURE)[0]
    height, width, _ = decoded(output.data[PICTURE]).shape
    assert output.metadata[PICTURE] == {"height": height // 2, "width": width // 2}


def test_noise_and_change_are_far_apart(drawn):
    stored, variants = drawn
    picture = decoded(outputs_of(stored, FIGURE)[0].data[PICTURE]).astype(float)
    noise = [worst_tile(picture, act(picture.copy()))[0] for act in (shake_edges, flip_one_pixel)]
    change = [
        worst_tile(picture, decoded(found[0].data[PICTURE]).astype(float))[0]
        for name, found in variants.items()
        if name != "size"
    ]
    assert max(noise) < 14
    assert min(change) > 28


# A declared need


MISSING = "import sys; sys.modules['torch'] = None"
NEEDS = {  # name: (what the metadata declares, whether the cells are skipped where there is no torch)
    "need of torch": ({"needs": ["torch"]}, True),
    "need of another module": ({"needs": ["no_such_module"]}, False),
    "need in another place": ({"torch": ["needs"]}, False),
    "need that is a word": ({"needs": "torch"}, False),
    "no need": (None, False),
}


@pytest.fixture(scope="session")
def verdicts_on_needs(drawn, tmp_path_factory):
    """Check a notebook with a fault, once for each declaration, where torch is missing and where it is installed."""
    found = {}
    for installed in (False, True):
        folder = tmp_path_factory.mktemp("needs")
        (folder / "conftest.py").write_text("" if installed else MISSING, encoding="utf-8")
        if installed and importlib.util.find_spec("torch") is None:  # a module of that name is enough
            (folder / "conftest.py").write_text(f"import sys; sys.path.insert(0, {str(folder)!r})", encoding="utf-8")
            (folder / "torch.py").write_text("", encoding="utf-8")
        for name, (declared, _) in NEEDS.items():
            notebook = copy.deepcopy(drawn[0])
            text(NUMBER, "0.223130", "0.224130")(notebook, None)
            if declared is not None:
                notebook.metadata["labkit"] = declared
            (folder / file_name(name)).write_text(notebooks.written(notebook), encoding="utf-8")
        found[installed] = checked(folder)
    return found


@pytest.mark.parametrize("case", NEEDS)
@pytest.mark.parametrize("installed", [False, True], ids=["torch missing", "torch installed"])
def test_only_a_declared_need_that_is_missing_skips_and_then_the_whole_notebook(case, installed, verdicts_on_needs):
    verdict = verdicts_on_needs[installed][file_name(case)]
    assert set(verdict) == ALL
    if NEEDS[case][1] and not installed:
        assert all(message.startswith("skipped\n") for message in verdict.values())
        assert all('needs torch: pip install -e ".[pytorch]"' in message for message in verdict.values())
    else:
        assert {number for number, message in verdict.items() if message} == {NUMBER}
        assert verdict[NUMBER].startswith("failure\n")


# The plugin's parts


def test_another_matplotlib_is_named_and_never_passes_in_silence():
    strict = Figures("strict", locked="3.11.2", installed="3.10.0")
    skip = Figures("skip", locked="3.11.2", installed="3.10.0")
    same = Figures("skip", locked="3.11.2", installed="3.11.2")
    assert not strict.comparable and "3.10.0" in strict.problem and "--figures=skip" in strict.problem
    assert not skip.comparable and skip.problem == "" and "NOT compared" in skip.headline
    assert same.comparable and same.problem == "" and "figures: compared" in same.headline


class EndlessKernel:
    """Stands for a kernel that writes for ever."""

    def __init__(self):
        self.alive = True
        self.kc = SimpleNamespace(execute=lambda *_, **__: "asked", get_iopub_msg=self.message)

    def message(self, timeout):
        content = {"name": "stdout", "text": "."}
        return {"parent_header": {"msg_id": "asked"}, "msg_type": "stream", "content": content}

    def is_alive(self):
        return self.alive

    def stop(self):
        self.alive = False


def test_a_cell_that_does_not_end_is_stopped_and_the_cells_after_it_fail_at_once():
    kernel = EndlessKernel()
    with pytest.raises(NoOutput, match="more than 0 seconds"):
        fresh_outputs(kernel, "while True: print('.')", timeout=0)
    with pytest.raises(NoOutput, match="it was not run"):
        fresh_outputs(kernel, "1", timeout=0)
