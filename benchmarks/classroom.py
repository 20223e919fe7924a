"""How long a teacher and a student wait: ``python benchmarks/classroom.py`` prints the table.

Grading is measured by the clock on the wall, as a teacher does, on all cores; a check in a notebook by processor time.
"""

import importlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

import labkit.exercises
from labkit.grading.assignment import load
from labkit.grading.engine import grade
from labkit.grading.submissions import collect

CLASSROOM = Path(__file__).resolve().parent.parent / "classroom"
sys.path.insert(0, str(CLASSROOM))

from make_submissions import changed, notebook, solution_cells  # noqa: E402

SOURCE = CLASSROOM / "homework" / "source.ipynb"
IN_TENSORFLOW = "import tensorflow as tf\n    return tf.constant(theta) - tf.constant(learning_rate, tf.float64) * grad"


def seconds_to_grade(text, students=30):
    """Wall time to grade a class whose members all hand in this notebook."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(students):
            Path(folder, f"student {number:02}.ipynb").write_text(text, encoding="utf-8")
        start = time.perf_counter()
        reports = grade(load(CLASSROOM / "homework" / "assignment.py"), collect(Path(folder)), SOURCE, progress=True)
        took = time.perf_counter() - start
    points = {report.total for report in reports}
    if points != {13.0}:  # all but the question that is marked by hand
        raise SystemExit(f"the submissions should all get 13 points, got {sorted(points)}")
    return took


def slowest_check(repeats=5):
    """Processor time of the slowest check of all exercises, with a right or a known wrong answer, and its name."""
    times = {}
    for name in labkit.exercises.__all__:
        module = importlib.import_module(f"labkit.exercises.{name}")
        for exercise in (getattr(module, q) for q in module.__all__):
            for answer in (exercise.answer, *(wrong.answer for wrong in getattr(exercise, "wrong", ()))):
                exercise.grade(answer)
                spent = []
                for _ in range(repeats):
                    start = time.process_time()
                    exercise.grade(answer)
                    spent.append(time.process_time() - start)
                times[exercise.name] = max(times.get(exercise.name, 0.0), statistics.median(spent))
    name = max(times, key=times.get)
    return times[name], name


def main():
    check, name = slowest_check()
    in_tensorflow = changed("return theta - learning_rate * grad", IN_TENSORFLOW)
    rows = [("30 submissions, NumPy", seconds_to_grade(notebook(solution_cells())), 20.0),
            ("30 submissions, TensorFlow", seconds_to_grade(in_tensorflow), 90.0),
            (f"the slowest check in a notebook ({name})", check, 0.05)]
    for what, seconds, target in rows:
        print(f"{what:50} {seconds:8.3g} s, target {target:g} s: {'reached' if seconds <= target else 'missed'}")


if __name__ == "__main__":
    main()
