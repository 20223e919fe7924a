"""An example of every test function, for the tests that hold for all of them."""

import numpy as np
import pytest

from labkit import data, problems

RNG = np.random.default_rng(0)
PROBLEMS = {
    "quadratic": problems.quadratic([[3.0, 1.0], [1.0, 2.0]], minimiser=[1.0, -1.0]),
    "ravine": problems.ravine(),
    "rosenbrock": problems.rosenbrock(),
    "double_well": problems.double_well(),
    "saddle": problems.saddle(),
    "nesterov_worst": problems.nesterov_worst(3, L=2.0),
    "least_squares": problems.least_squares(RNG.normal(size=(20, 3)), RNG.normal(size=20)),
    "diabetes": problems.least_squares(data.with_intercept(data.standardize(data.diabetes().X)), data.diabetes().y),
}
each_problem = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
