"""What the tests of grading share: notebooks from lists of cells, an assignment, and whether there is a sandbox."""
import json
import os

import numpy as np
import pytest

from labkit.grading.assignment import Assignment, Function, Text, Value
from labkit.grading.results import GradingError, Submission
from labkit.grading.sandbox import Limits, Sandboxes

GD = """\
import numpy as np

def gd_step(theta, grad, learning_rate):
    ### BEGIN SOLUTION
    return theta - learning_rate * grad
    ### END SOLUTION
"""
ADAM = """\
def adam_step(theta, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * grad
    v = beta_2 * v + (1 - beta_2) * grad**2
    ### BEGIN SOLUTION
    m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
    theta = theta - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)
    ### END SOLUTION
    return theta, m, v
"""
BEST = "best_rate = 0.25"
WHY = "why = 'It is 1 / L.'"
GOOD = (GD, ADAM, BEST, WHY)
ALL = {"gd_step": 2.0, "adam_step": 3.0, "best_rate": 1.0}


def gd_step(theta, grad, learning_rate):
    return theta - learning_rate * grad


def adam_step(theta, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon):
    m, v = beta_1 * m + (1 - beta_1) * grad, beta_2 * v + (1 - beta_2) * grad**2
    return theta - learning_rate * (m / (1 - beta_1**t)) / (np.sqrt(v / (1 - beta_2**t)) + epsilon), m, v


def gd_cases(rng):
    return [dict(theta=rng.normal(size=3), grad=rng.normal(size=3), learning_rate=0.1 * k) for k in (1, 2, 3)]


def adam_cases(rng):
    def normal():
        return rng.normal(size=2)

    return [dict(theta=normal(), grad=normal(), m=normal(), v=normal()**2, t=t, learning_rate=0.1, beta_1=0.9,
                 beta_2=0.999, epsilon=1e-3) for t in (1, 2, 10)]


ASSIGNMENT = Assignment("Optimizers", [
    Function("gd_step", 2, gd_step, gd_cases), Function("adam_step", 3, adam_step, adam_cases),
    Value("best_rate", 1, 0.25), Text("why", 2)])


def notebook(path, *cells):
    """Write a notebook of code cells; return its path."""
    written = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": [], "execution_count": None}
               for cell in cells]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": written, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), "utf-8")
    return path


def submissions(folder, table):
    """A submission for each row of ``{name: cells}``."""
    return [Submission(name, notebook(folder / name / "work.ipynb", *cells)) for name, cells in table.items()]


def points(report):
    """What each question got."""
    return {mark.question: mark.points for mark in report.marks}


def feedback(report):
    """What is said of each question."""
    return {mark.question: mark.feedback for mark in report.marks}


def need_bubblewrap():
    """Skip where bubblewrap cannot run, unless REQUIRE_BWRAP insists on it."""
    try:
        with Sandboxes("bwrap", Limits()):
            pass
    except GradingError as error:
        if os.environ.get("REQUIRE_BWRAP") == "1":
            raise
        pytest.skip(str(error).split("\n")[0])
