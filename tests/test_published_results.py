"""Published results, under the conditions their authors state. The numbers P01, P05 are those of the ledger."""

import numpy as np
import pytest
from columns import COLUMNS

from labkit import problems

each_column = pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)


def descend(column, problem, rate, steps):
    return column.training.minimize(problem, column.optimizers.GradientDescent(learning_rate=rate), problem.start,
                                    steps=steps)


@each_column
@pytest.mark.parametrize(("rate", "factor"), [(2 / (100 + 1), 1 - 2 / (100 + 1)), (1 / 100, 1 - 1 / 100)])
def test_p01_contraction_on_quadratics(column, rate, factor):
    """Nesterov (2004), Theorem 2.1.15 and its remarks: iterates contract by a fixed factor, the loss by its square."""
    run = descend(column, problems.quadratic([1.0, 100.0]), rate, 200)
    distance = np.linalg.norm(run.theta, axis=-1)
    assert (distance[-1] / distance[-2]) == pytest.approx(factor, rel=1e-9)
    assert run.loss[-1] / run.loss[-2] == pytest.approx(factor**2, rel=1e-9)


@each_column
def test_p01_divergence_just_past_two_over_L(column):
    final = [descend(column, problems.quadratic([1.0, 10.0]), c / 10, 2000).loss[-1] for c in (1.99, 2.0, 2.01)]
    assert final[0] < 1e-8
    assert final[1] == pytest.approx(5.0)  # the steep coordinate flips between +1 and -1 for ever
    assert final[2] > 1e8


@each_column
def test_p05_no_first_order_method_beats_the_lower_bound(column):
    """Nesterov (2004), Theorem 2.1.7: n = 2t + 1, start at 0."""
    t = 100
    problem = problems.nesterov_worst(t)
    bound = 3 * problem.L * np.sum(problem.minimiser**2) / (32 * (t + 1) ** 2)
    gap = descend(column, problem, 1 / problem.L, t).loss[-1] - problem.minimum
    assert bound == pytest.approx(6.1e-4, rel=0.02)
    assert gap == pytest.approx(9.3e-3, rel=0.02)
    assert gap > bound
