"""Formulas that are printed in textbooks and listings and are wrong: each is off by a known amount.

Each wrong formula stands here in a few lines of plain Python; the right rule is the package's, in both columns. A rule
that slid back into one of them would fail here by a wide margin.
"""

import math

import numpy as np
import pytest
from columns import COLUMNS

each_column = pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)


def steps_of(column, rule, grads):
    """The lengths of the steps that a rule takes on a row of gradients of one parameter."""
    theta = column.array([0.0])
    state, steps = rule.init(theta), []
    for grad in grads:
        new, state = rule.update(column.array([float(grad)]), state, theta)
        steps.append(abs(float(new[0]) - float(theta[0])))
        theta = new
    return np.array(steps)


def means(grads, beta_1=0.9, beta_2=0.999):
    """Adam's step number and its two running means, step after step."""
    m = v = 0.0
    for t, g in enumerate(grads, start=1):
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g * g
        yield t, m, v


@each_column
def test_dividing_by_one_plus_the_root_depends_on_the_scale_of_the_loss(column):
    """g / (1 + sqrt(v)) instead of m_hat / (sqrt(v_hat) + epsilon), v updated after use."""
    def wrong_iterations(scale):
        x, v, count = 1.0, 0.0, 0
        while abs(x) >= 0.01 and count < 20_000:
            g = scale * x
            x -= 0.01 * g / (1 + math.sqrt(v))
            v = 0.999 * v + 0.001 * g * g
            count += 1
        return count

    def right_iterations(scale):
        theta = column.array([1.0])
        rule = column.optimizers.Adam(learning_rate=0.01, epsilon=1e-12)
        state, count = rule.init(theta), 0
        while abs(float(theta[0])) >= 0.01:
            theta, state = rule.update(theta * scale, state, theta)
            count += 1
        return count

    assert [wrong_iterations(scale) for scale in (1e-4, 1e-2)] == [20_000, 20_000]  # not there yet
    assert [wrong_iterations(scale) for scale in (1.0, 300.0, 1e4)] == [550, 60, 10_078]
    assert abs(1.0 - 0.01 * 1e4) == 99.0  # the first iterate at a scale of 1e4, where v is still 0
    assert [right_iterations(scale) for scale in (1e-4, 1.0, 1e4)] == [213, 213, 213]


@each_column
@pytest.mark.parametrize(("beta_2", "first_step"), [(0.999, 0.00316), (0.99, 0.03162)])
def test_swapped_betas_make_the_first_step_tiny(column, beta_2, first_step):
    """The square is averaged with beta_1 and the gradient with beta_2, and nothing is corrected."""
    _, m, v = next(means([1.0], beta_1=beta_2, beta_2=0.9))
    assert m / math.sqrt(v) == pytest.approx(first_step, rel=2e-3)
    right = steps_of(column, column.optimizers.Adam(learning_rate=1.0, beta_2=beta_2), [1.0])
    assert right[0] == pytest.approx(1.0, abs=1e-6)


WRONG_RATES = {
    # with corrected means, a rate that is corrected again, upside down and without the root
    "twice": lambda t, m, v: (1 - 0.9**t) / (1 - 0.999**t) * (m / (1 - 0.9**t)) / math.sqrt(v / (1 - 0.999**t)),
    # the same rate with the means as they are
    "upside-down": lambda t, m, v: (1 - 0.9**t) / (1 - 0.999**t) * m / math.sqrt(v),
}


@each_column
@pytest.mark.parametrize(("name", "lengths"), [
    ("twice", {1: 100, 2: 95.0, 10: 65.4, 100: 10.5, 1000: 1.58}),
    ("upside-down", {1: 316.2, 2: 403.9, 10: 427.1, 100: 34.0, 1000: 1.99}),
])
def test_a_rate_with_the_corrections_upside_down_is_hundreds_of_times_too_long(column, name, lengths):
    steps = [WRONG_RATES[name](t, m, v) for t, m, v in means([1.0] * 1000)]
    for t, length in lengths.items():
        assert steps[t - 1] == pytest.approx(length, rel=5e-3)
    right = steps_of(column, column.optimizers.Adam(learning_rate=1.0), [1.0] * 100)
    np.testing.assert_allclose(right, 1.0, atol=1e-5)


@each_column
def test_moments_that_are_not_stored_leave_sign_descent(column):
    """m and v are computed from zeros at every step; only the corrections know the step."""
    def length(t):
        m, v = 0.1, 0.001  # one gradient of 1
        return m / (1 - 0.9**t) / math.sqrt(v / (1 - 0.999**t))

    for t, expected in {1: 1.0, 10: 0.484, 100: 0.976, 1000: 2.515, 10**6: 3.162}.items():
        assert length(t) == pytest.approx(expected, rel=1e-3)
    right = steps_of(column, column.optimizers.Adam(learning_rate=1.0), [1.0] * 100)
    np.testing.assert_allclose(right, 1.0, atol=1e-5)
    # A stored mean averages signs that alternate away; sign descent cannot.
    alternating = steps_of(column, column.optimizers.Adam(learning_rate=1.0), [1.0, -1.0] * 50)
    assert alternating[-1] < 0.06 < length(100)


@each_column
def test_rmsprop_on_the_unsquared_gradient_blows_up_where_signs_change(column):
    """The running mean of the gradient, where that of its square belongs."""
    def wrong_steps(grads, rho=0.9):
        mean = 0.0
        for g in grads:
            mean = rho * mean + (1 - rho) * g
            yield g / mean, mean

    alternating = [1.0, -1.0] * 100
    wrong = list(wrong_steps(alternating))
    assert abs(wrong[-1][0]) == pytest.approx(19.0, rel=1e-6)
    rule = column.optimizers.RMSprop(learning_rate=1.0)
    assert steps_of(column, rule, alternating)[-1] == pytest.approx(1.0, abs=1e-6)
    # On noise the mean comes near 0, and in 36% of the steps it has the other sign than the gradient.
    noise = np.random.default_rng(0).normal(size=20_000)
    wrong = list(wrong_steps(noise))
    assert np.mean([mean * g < 0 for (_, mean), g in zip(wrong, noise)]) == pytest.approx(0.36, abs=0.01)
    assert max(abs(step) for step, _ in wrong) > 1e4
    assert steps_of(column, rule, noise[:200]).max() < 4  # sqrt(1 / (1 - rho)) = 3.16 and the noise below it


@each_column
@pytest.mark.parametrize("m", [10, 1000])
def test_a_one_sample_gradient_divided_by_the_number_of_samples_is_too_small(column, m):
    """The gradient of one of m samples estimates that of the mean loss as it is; a further 1/m is wrong."""
    rng = np.random.default_rng(0)
    X, target = rng.normal(size=(m, 2)), np.array([3.0, -2.0])
    y, theta = X @ target, np.zeros(2)
    one_sample = 2 * X * (X @ theta - y)[:, None]  # a row for each sample
    full = 2 / m * X.T @ (X @ theta - y)
    np.testing.assert_allclose(one_sample.mean(axis=0), full, rtol=1e-12)
    np.testing.assert_allclose((one_sample / m).mean(axis=0) / full, 1 / m, rtol=1e-12)

    rule = column.optimizers.GradientDescent(learning_rate=0.01)
    errors = []
    for divisor in (1, m):
        theta = column.array(np.zeros(2))
        state = rule.init(theta)
        for k in rng.integers(m, size=1000):
            x = X[k]
            grad = 2 * x * (x @ np.asarray(theta) - y[k]) / divisor
            theta, state = rule.update(column.array(grad), state, theta)
        errors.append(np.linalg.norm(np.asarray(theta) - target))
    assert errors[0] < 0.03
    assert errors[1] / np.linalg.norm(target) > {10: 0.5, 1000: 0.97}[m]  # it has hardly left the start
