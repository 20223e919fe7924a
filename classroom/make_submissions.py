"""Make thirty submissions of the homework, to try the grading without students.

    python classroom/make_submissions.py FOLDER

Half of them are honest: complete, with one of the usual mistakes, half-done, or damaged on the way. The others attack
the grader. ``EXPECTED`` holds the points that each should get for the questions that are graded by machine.
"""

import argparse
import json
import re
from pathlib import Path

SOURCE = Path(__file__).parent / "homework" / "source.ipynb"
QUESTIONS = {"gd_step": 2, "rate_limit": 1, "momentum_path": 3, "adam_step": 4, "cross_entropy": 3}
FULL = tuple(QUESTIONS.values())
NOTHING = (0,) * len(FULL)


def solution_cells():
    """The code cells of the solution, without the markers."""
    cells = json.loads(SOURCE.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return [re.sub(r"^\s*### (BEGIN|END) SOLUTION\n?", "", source, flags=re.M) for source in code]


def notebook(cells):
    """A notebook as a learning platform might hand it over: no outputs, no metadata."""
    return json.dumps({"cells": [{"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [],
                                  "source": source} for source in cells],
                       "metadata": {}, "nbformat": 4, "nbformat_minor": 4})


def changed(old, new):
    """The solution with one piece of code replaced."""
    cells = [source.replace(old, new) for source in solution_cells()]
    if cells == solution_cells():
        raise ValueError(f"the solution does not hold {old!r}")
    return notebook(cells)


def without(*names):
    """The solution without the cells that define these names."""
    return notebook([source for source in solution_cells()
                     if not any(source.startswith((f"def {name}(", f"{name} =")) for name in names)])


def with_cell(source):
    """The solution, and one more cell at the end."""
    return notebook([*solution_cells(), source])


def points(**lost):
    """Full marks, but for the questions that are named."""
    return tuple(lost.get(name, most) for name, most in QUESTIONS.items())


def honest():
    """Name to (text of the file, points)."""
    full, tensorflow = notebook(solution_cells()), "import tensorflow as tf\n    return tf.constant(theta)"
    return {
        "ada": (full, FULL),
        "bela": (full, FULL),
        "chen": (changed("theta - learning_rate * grad", "theta - grad * learning_rate"), FULL),
        "dana (wrong sign)": (changed("theta - learning_rate * g", "theta + learning_rate * g"), points(gd_step=0)),
        "emil (no correction)": (changed("m / (1 - beta_1**t)", "m"), points(adam_step=0)),
        "farid (epsilon inside)": (changed("(v_hat) + epsilon", "(v_hat + epsilon)"), points(adam_step=0)),
        "gita (overflow)": (changed("logits - logits.max(axis=1, keepdims=True)", "logits"), points(cross_entropy=0)),
        "hana (half done)": (without("momentum_path", "cross_entropy", "why_correct"),
                             points(momentum_path=0, cross_entropy=0)),
        "ivan (in place)": (changed("return theta - learning_rate * grad",
                                    "theta -= learning_rate * grad\n    return theta"), FULL),
        "jun (cells copied)": (notebook([*solution_cells(), *solution_cells()[1:3]]), FULL),
        "kim (cells turned round)": (notebook(solution_cells()[::-1]), FULL),
        "lea (one cell raises)": (with_cell("1 / 0"), FULL),
        "mia (one cell does not parse)": (with_cell("def half(:"), FULL),
        "noor (truncated)": (full[:len(full) // 2], NOTHING),
        "olga (empty)": ("", NOTHING),
        "pia (TensorFlow)": (changed("return theta", tensorflow), FULL),
    }


def hostile():
    """Name to (text of the file, points): an attack loses what it broke, and nothing else."""
    bare = [solution_cells()[0]]  # the imports, and no answer
    return {
        "x01 endless": (with_cell("while True: pass"), FULL),
        "x02 endless and deaf": (with_cell(DEAF), FULL),
        "x03 endless function": (with_cell(f"{GD_STEP}    while True: pass"), points(gd_step=0)),
        "x04 leaves": (with_cell("import os\nos._exit(0)"), FULL),
        "x05 fifty processes": (with_cell(FIFTY), FULL),
        "x06 twelve gigabytes": (with_cell("hog = np.ones(12 * 10**9 // 8)"), FULL),
        "x07 fills the disk": (with_cell(FILLS), FULL),
        "x08 floods": (with_cell("for _ in range(10**6): print('x' * 1000)"), FULL),
        "x09 everything is close": (notebook([*bare, f"np.allclose = lambda *a, **k: True\n{GD_STEP}    return theta"]),
                                    NOTHING),
        "x10 equal to everything": (notebook([*bare, EQUAL]), NOTHING),
        "x11 reads the answers": (notebook([*bare, READS]), NOTHING),
        "x12 hostile array": (with_cell(TRAP), points(rate_limit=0)),
        "x13 dials out": (with_cell("import socket\nsocket.create_connection(('192.0.2.1', 80), 1)"), FULL),
        "=x14+cmd()<b>": (with_cell(FORMULA), FULL),
    }


GD_STEP = "def gd_step(theta, grad, learning_rate):\n"

DEAF = """
while True:
    try:
        while True: pass
    except BaseException: pass
"""

FIFTY = """
import os, time
for _ in range(50):
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
"""

FILLS = """
with open("/tmp/fill", "wb") as f:
    while True: f.write(bytes(2**20))
"""

EQUAL = """
class Equal(float):
    def __eq__(self, other): return True
    __hash__ = None

rate_limit = Equal(1.0)
"""

READS = f"""
import labkit.exercises.gradient_descent as answers
import labkit.reference.optimizers as optimizers

{GD_STEP}    return optimizers.GradientDescent(learning_rate=learning_rate).update(grad, None, theta)[0]
"""

TRAP = """
class Trap:
    def __array__(self, *arguments, **options): raise SystemExit
    def __reduce__(self):
        import os
        return os._exit, (0,)

rate_limit = Trap()
"""

FORMULA = """
why_correct = '=HYPERLINK("http://example.org")<script>alert(1)</script>\\n@now'
"""


def submissions():
    """All thirty: name to (text of the file, points of the questions that are graded by machine)."""
    return {**honest(), **hostile()}


EXPECTED = {name: expected for name, (_, expected) in submissions().items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="where to write them; made if it is not there")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, (text, _) in submissions().items():
        (folder / f"{name}.ipynb").write_text(text, encoding="utf-8")
    print(f"{len(EXPECTED)} submissions in {folder}")


if __name__ == "__main__":
    main()
