"""Published results, under the conditions their authors state; P01 to P20 are their numbers in the book's ledger.

Each test names its source and compares with the value that the claim predicts. A tolerance that is not rounding is
explained beside it.
"""

from math import gamma, lgamma, pi, sin, sqrt

import numpy as np
import pytest
import tensorflow as tf
from columns import COLUMNS, NumpyColumn, TensorflowColumn
from scipy.sparse.linalg import LinearOperator, eigsh

import labkit.reference
import labkit.tf
from labkit import problems

each_column = pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)


def descend(column, problem, rule, steps, theta0=None):
    return column.training.minimize(problem, rule, problem.start if theta0 is None else theta0, steps=steps)


def slope(run, problem, first, last):
    """Factor per step by which the distance to the minimiser falls between two steps."""
    distance = np.linalg.norm(run.theta - problem.minimiser, axis=-1)
    return (distance[last] / distance[first]) ** (1 / (last - first))


def walk(rule, gradient, theta, steps, project=lambda theta: theta):
    """Follow a NumPy rule on gradients that depend on the step, counted from 1; yields theta after each step."""
    state = rule.init(theta)
    for t in range(1, steps + 1):
        theta, state = rule.update(gradient(t, theta), state, theta)
        theta = project(theta)
        yield theta


@each_column
@pytest.mark.parametrize(("rate", "factor"), [(2 / (100 + 1), 1 - 2 / (100 + 1)), (1 / 100, 1 - 1 / 100)])
def test_p01_contraction_on_quadratics(column, rate, factor):
    """Nesterov (2004), Theorem 2.1.15 and its remarks: iterates contract by a fixed factor, the loss by its square."""
    problem = problems.quadratic([1.0, 100.0])
    run = descend(column, problem, column.optimizers.GradientDescent(learning_rate=rate), 200)
    assert slope(run, problem, 199, 200) == pytest.approx(factor, rel=1e-9)
    assert run.loss[-1] / run.loss[-2] == pytest.approx(factor**2, rel=1e-9)


@each_column
def test_p01_divergence_just_past_two_over_L(column):
    rule = column.optimizers.GradientDescent(learning_rate=np.array([0.199, 0.2, 0.201]))
    final = descend(column, problems.quadratic([1.0, 10.0]), rule, 2000).loss[-1]
    assert final[0] < 1e-8
    assert final[1] == pytest.approx(5.0)  # the steep coordinate flips between +1 and -1 for ever
    assert final[2] > 1e8


def heavy_ball(column, problem, factor=1.0):
    root_kappa = sqrt(problem.kappa)
    rate, momentum = 4 / (sqrt(problem.L) + sqrt(problem.mu)) ** 2, ((root_kappa - 1) / (root_kappa + 1)) ** 2
    if factor != 1.0:  # relative to the border of stability
        rate = factor * 2 * (1 + momentum) / problem.L
    return column.optimizers.Momentum(learning_rate=rate, momentum=momentum)


@each_column
def test_p02_heavy_ball_rate(column):
    """Polyak (1964): the rate (sqrt(kappa)-1)/(sqrt(kappa)+1) is asymptotic. At the optimum the root is double, so the
    distance is t times the power, and the measured factor lies above by about 1/t: hence half a percent."""
    problem = problems.quadratic(np.linspace(1, 100, 20))
    run = descend(column, problem, heavy_ball(column, problem), 200)
    assert slope(run, problem, 150, 200) == pytest.approx(9 / 11, rel=0.01)
    assert slope(run, problem, 0, 10) > 9 / 11  # the bound without the factor t is violated early


@each_column
def test_p02_heavy_ball_is_stable_up_to_two_times_one_plus_beta_over_L(column):
    """Goh (2017), Why momentum really works: the border is 2(1 + beta)/L."""
    problem = problems.quadratic(np.linspace(1, 100, 20))
    inside = descend(column, problem, heavy_ball(column, problem, 0.99), 3000)
    outside = descend(column, problem, heavy_ball(column, problem, 1.01), 3000)
    assert inside.loss[-1] < 1e-6 * inside.loss[0]
    assert outside.loss[-1] > 1e6 * outside.loss[0]


@each_column
@pytest.mark.parametrize(("rate", "momentum", "factor"), [
    (1 / 100, 9 / 11, 1 - 1 / 10),
    (4 / 301, (sqrt(301) - 2) / (sqrt(301) + 2), 1 - 2 / sqrt(301)),
])
def test_p03_nesterov_on_quadratics(column, rate, momentum, factor):
    """Lessard, Recht, Packard (2016), Proposition 1 and Table 1: spectral rates; double roots again, hence 1%."""
    problem = problems.quadratic(np.linspace(1, 100, 20))
    rule = column.optimizers.Nesterov(learning_rate=rate, momentum=momentum)
    run = descend(column, problem, rule, 250)
    assert slope(run, problem, 150, 250) == pytest.approx(factor, rel=0.01)


def test_p04_heavy_ball_can_cycle_on_a_convex_function():
    """Lessard, Recht, Packard (2016), equation (4.11): strongly convex, kappa = 25, and a cycle of length 3."""
    def gradient(t, x):
        return np.where(x < 1, 25 * x, np.where(x < 2, x + 24, 25 * x - 24))

    start = np.array([3.3])
    ball = NumpyColumn.optimizers.Momentum(learning_rate=1 / 9, momentum=4 / 9)
    *_, a, b, c = walk(ball, gradient, start, 3000)
    cycle = np.sort([a[0], b[0], c[0]])
    np.testing.assert_allclose(cycle, np.array([-2208, 792, 2592]) / 1225, rtol=1e-12)
    *_, end = walk(NumpyColumn.optimizers.GradientDescent(learning_rate=1 / 25), gradient, start, 3000)
    assert abs(end[0]) < 1e-12


@each_column
def test_p05_no_first_order_method_beats_the_lower_bound(column):
    """Nesterov (2004), Theorem 2.1.7: n = 2t + 1, start at 0."""
    t = 100
    problem = problems.nesterov_worst(t)
    bound = 3 * problem.L * np.sum(problem.minimiser**2) / (32 * (t + 1) ** 2)
    rules = [column.optimizers.GradientDescent(learning_rate=1 / problem.L),
             column.optimizers.Nesterov(learning_rate=1 / problem.L, momentum=0.95)]
    gaps = [descend(column, problem, rule, t).loss[-1] - problem.minimum for rule in rules]
    assert bound == pytest.approx(6.1e-4, rel=0.02)
    assert gaps[0] == pytest.approx(9.3e-3, rel=0.02)
    assert min(gaps) > bound and gaps[1] < gaps[0]


def test_p06_one_over_t_gives_variance_one_over_t():
    """Robbins, Monro (1951); Bottou, Curtis, Nocedal (2018), Theorem 4.7. 20,000 runs: the variance is known to 1%."""
    rng = np.random.default_rng(0)
    rule = NumpyColumn.optimizers.GradientDescent(learning_rate=lambda step: 1 / (step + 1))
    *_, theta = walk(rule, lambda t, x: x + rng.normal(size=x.shape), np.ones((20_000, 1)), 1000)
    assert theta.var() == pytest.approx(1e-3, rel=0.04)


def test_p07_the_wrong_constant_in_one_over_t():
    """Nemirovski, Juditsky, Lan, Shapiro (2009), Section 2.1: f = x^2/10, rate 1/t, no noise at all."""
    def closed_form(j):
        return np.exp(lgamma(j - 0.2) - lgamma(j)) / gamma(0.8)

    rule = NumpyColumn.optimizers.GradientDescent(learning_rate=lambda step: 1 / (step + 1))
    path = [1.0] + [x[0] for x in walk(rule, lambda t, x: x / 5, np.array([1.0]), 5000)]
    for j in (10, 100, 5000):
        assert path[j - 1] == pytest.approx(closed_form(j), rel=1e-10)
        assert path[j - 1] > 0.8 * j**-0.2
    assert closed_form(10**9) == pytest.approx(0.01361, rel=1e-3)


@pytest.mark.parametrize(("alpha", "batch"), [(0.5, 1), (0.5, 4), (0.1, 1)])
def test_p08_noise_floor(alpha, batch):
    """Stationary variance of the AR(1) process that SGD is on a parabola; 20,000 runs: known to 1%."""
    rng = np.random.default_rng(0)
    rule = NumpyColumn.optimizers.GradientDescent(learning_rate=alpha)
    *_, theta = walk(rule, lambda t, x: x + rng.normal(size=x.shape) / sqrt(batch), np.zeros((20_000, 1)), 300)
    assert theta.var() == pytest.approx(alpha / (batch * (2 - alpha)), rel=0.04)


def test_p09_adam_fails_where_amsgrad_does_not():
    """Reddi, Kale, Kumar (2018), Theorem 1: C = 4; Adam goes to the worst point, +1."""
    C, steps = 4.0, 30_000
    options = {"learning_rate": lambda step: 0.1 / sqrt(step + 1), "beta_1": 0.0, "beta_2": 1 / (1 + C**2),
               "epsilon": 0.0, "bias_correction": False}
    slopes = np.where(np.arange(1, steps + 1) % 3 == 1, C, -1.0)

    def run(rule):
        points = walk(rule, lambda t, x: np.array([slopes[t - 1]]), np.zeros(1), steps, lambda x: np.clip(x, -1, 1))
        path = np.array([0.0, *(x[0] for x in points)])
        return path[-1], np.mean(slopes * (path[:-1] + 1))  # regret against the best point, -1

    adam, regret = run(NumpyColumn.optimizers.Adam(**options))
    amsgrad, small_regret = run(NumpyColumn.optimizers.AMSGrad(**options))
    assert adam == pytest.approx(1.0, abs=0.01) and regret == pytest.approx((2 * C - 4) / 3, rel=0.01)
    assert amsgrad < -0.99 and small_regret < 0.05


def test_p10_adam_fails_on_the_synthetic_example():
    """Reddi, Kale, Kumar (2018), Section 5: betas (0.9, 0.99), a million steps, rate 0.5/sqrt(t)."""
    def run(name):
        schedule = lambda step: 0.5 / tf.sqrt(tf.cast(step + 1, tf.float64))  # noqa: E731
        rule = getattr(TensorflowColumn.optimizers, name)(learning_rate=schedule, beta_1=0.9, beta_2=0.99)

        @tf.function(jit_compile=True)
        def whole(theta):
            state = rule.init(theta)
            for t in tf.range(1_000_000):
                grad = tf.where(t % 101 == 0, tf.constant([1010.0], tf.float64), tf.constant([-10.0], tf.float64))
                theta, state = rule.update(grad, state, theta)
                theta = tf.clip_by_value(theta, -1.0, 1.0)
            return theta

        return float(whole(tf.zeros(1, tf.float64))[0])

    assert run("Adam") > 0.99
    assert run("AMSGrad") < -0.99


def test_p11_marginal_value_of_adaptive_methods():
    """Wilson et al. (2017), Section 3.3: a separable problem that Adam fits and misclassifies. (Choi et al. (2019) are
    the counterweight, P16: with epsilon tuned too, Adam can do whatever momentum does.)"""
    n, share = 100, 0.6
    y = np.where(np.arange(n) < share * n, 1.0, -1.0)
    X = np.zeros((n, 3 + 5 * n))
    X[:, 0], X[:, 1:3] = y, 1.0
    for i in range(n):
        X[i, 3 + 5 * i:3 + 5 * i + (1 if y[i] > 0 else 5)] = 1.0
    problem = problems.least_squares(X, y)

    def test_error(rule):  # a fresh sample shares only the first three features with the data
        end = descend(NumpyColumn, problem, rule, 2000)
        assert end.loss[-1] < 0.05  # both fit the training data
        predicted = np.sign(np.stack([y, np.ones(n), np.ones(n)], axis=1) @ end.theta[-1, :3])
        return np.mean(predicted != y)

    assert test_error(NumpyColumn.optimizers.GradientDescent(learning_rate=1 / problem.L)) == 0.0
    assert test_error(NumpyColumn.optimizers.Adam(learning_rate=1e-3)) == pytest.approx(1 - share)




def sharpness(gradient, theta, scale=None, h=1e-4):
    """Largest eigenvalue of the Hessian by central differences of the gradient; with `scale`, of D^-1/2 H D^-1/2."""
    root = np.ones_like(theta) if scale is None else 1 / np.sqrt(scale)

    def product(v):
        v = root * v.ravel()
        step = h / np.linalg.norm(v)
        return root * (gradient(theta + step * v) - gradient(theta - step * v)) / (2 * step)

    operator = LinearOperator((theta.size, theta.size), matvec=product, dtype=np.float64)
    return float(eigsh(operator, k=1, which="LA", tol=1e-3, return_eigenvectors=False)[0])


@pytest.mark.slow
@pytest.mark.parametrize("eta", [0.04, 0.06, 0.08])
def test_p12_edge_of_stability(eta):
    """Cohen et al. (2021): full-batch gradient descent trains until the sharpness hovers at 2/eta."""
    problem, gradient = network_problem()
    run = descend(TensorflowColumn, problem, TensorflowColumn.optimizers.GradientDescent(learning_rate=eta), 20_000)
    start = sharpness(gradient, run.theta[0])
    late = [sharpness(gradient, run.theta[k]) for k in range(15_000, 20_001, 1_000)]
    assert start < 0.9 * 2 / eta
    assert np.mean(late) * eta / 2 == pytest.approx(1.0, abs=0.04)
    assert run.loss[-1] < run.loss[0] / 2


@pytest.mark.slow
def test_p13_adaptive_edge_of_stability():
    """Cohen et al. (2022): for Adam the preconditioned sharpness goes to (2 + 2 beta_1) / ((1 - beta_1) eta)."""
    eta, steps = 1e-3, 6_000
    problem, gradient = network_problem()
    adam = TensorflowColumn.optimizers.Adam(learning_rate=eta)
    run = descend(TensorflowColumn, problem, adam, steps)
    v = np.zeros_like(run.theta[0])
    ratios = []
    for t in range(steps):  # Adam's second moment, from the recorded path
        g = gradient(run.theta[t])
        v = adam.beta_2 * v + (1 - adam.beta_2) * g**2
        if t >= steps - 2000 and t % 400 == 0:
            scale = np.sqrt(v / (1 - adam.beta_2 ** (t + 1))) + adam.epsilon
            ratios.append(sharpness(gradient, run.theta[t], scale) * eta * (1 - adam.beta_1) / (2 + 2 * adam.beta_1))
    assert np.median(ratios) == pytest.approx(1.0, abs=0.1)


def network_problem():
    """Twenty points and a tanh network, as a problem for both columns, and its gradient."""
    x = np.linspace(-1, 1, 20)[:, None]
    y = np.sin(6 * x)
    sizes = (1, 50, 50, 1)
    model = labkit.reference.models.MultilayerPerceptron(
        sizes, "tanh", loss_function=labkit.reference.losses.MeanSquaredError())
    twin = labkit.tf.models.MultilayerPerceptron(sizes, "tanh", loss_function=labkit.tf.losses.MeanSquaredError())
    theta = model.init(0)
    assert theta.size == 2701
    problem = problems.Problem(name="network", value=lambda theta: twin.loss(theta, x, y), start=theta,
                               gradient=lambda theta: model.gradient(theta, x, y), minimiser=theta)
    return problem, problem.gradient


@each_column
@pytest.mark.parametrize("strength", [1e-4, 1e-2, 1.0])
def test_p14_decoupled_weight_decay(column, strength):
    """Loshchilov, Hutter (2019): with no gradient, Adam with L2 moves by the rate whatever the strength."""
    theta = np.array([2.0, -0.5])
    zero, start = column.array(np.zeros(2)), column.array(theta)
    coupled = column.optimizers.L2Penalty(column.optimizers.Adam(learning_rate=1e-3), strength)
    decoupled = column.optimizers.AdamW(learning_rate=1e-3, weight_decay=strength)
    moved, _ = coupled.update(zero, coupled.init(start), start)
    np.testing.assert_allclose(theta - moved, 1e-3 * np.sign(theta), rtol=0.01)
    moved, _ = decoupled.update(zero, decoupled.init(start), start)
    np.testing.assert_allclose(theta - moved, 1e-3 * strength * theta, rtol=1e-9)


def test_p15_gradient_noise_scale():
    """McCandlish et al. (2018), Appendix A.1: two batch sizes give an unbiased estimate of tr(Sigma)/|G|^2."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10_000, 5))
    y = X @ rng.normal(size=5) + 0.5 * rng.normal(size=10_000)
    theta = np.full(5, 0.1)
    each = 2 * (X @ theta - y)[:, None] * X
    mean = each.mean(axis=0)
    exact = each.var(axis=0).sum() / (mean @ mean)

    def squared_norm(batch):  # drawn with replacement, so the samples are independent
        picks = rng.integers(len(X), size=(4000, batch))
        return np.mean(np.sum(each[picks].mean(axis=1) ** 2, axis=1))

    small, big = squared_norm(4), squared_norm(64)
    signal, noise = (64 * big - 4 * small) / 60, (small - big) / (1 / 4 - 1 / 64)
    assert noise / signal == pytest.approx(exact, rel=0.05)


def test_p16_inclusion_of_optimizer_families():
    """Choi et al. (2019): SGD is in Momentum, Momentum is in Adam and in RMSprop with momentum, with epsilon tuned."""
    optimizers = NumpyColumn.optimizers
    problem, rate, momentum, epsilon = problems.rosenbrock(), 1e-4, 0.9, 1e8

    def ends(rule):
        return descend(NumpyColumn, problem, rule, 300).theta[-1]

    plain = ends(optimizers.GradientDescent(learning_rate=rate))
    np.testing.assert_array_equal(ends(optimizers.Momentum(learning_rate=rate, momentum=0.0)), plain)

    ball = ends(optimizers.Momentum(learning_rate=rate, momentum=momentum))
    scheduled = optimizers.Adam(
        beta_1=momentum, epsilon=epsilon,
        learning_rate=lambda step: rate * epsilon * (1 - momentum ** (step + 1)) / (1 - momentum))
    rms = optimizers.RMSprop(learning_rate=rate * epsilon, momentum=momentum, epsilon=epsilon, epsilon_inside=False)
    constant = optimizers.Adam(beta_1=momentum, epsilon=epsilon, learning_rate=rate * epsilon / (1 - momentum))
    np.testing.assert_allclose(ends(scheduled), ball, atol=1e-6)
    np.testing.assert_allclose(ends(rms), ball, atol=1e-6)
    assert np.abs(ends(constant) - ball).max() > 1e-2  # the correction of m must be undone by the schedule


def test_p17_learning_rate_range_test():
    """Smith (2017): ramp the rate; on a quadratic the loss of gradient descent turns at 2/L, at the next rate tried."""
    problem, steps = problems.quadratic([4.0]), 60
    for column in COLUMNS.values():
        found = column.training.range_test(problem, column.optimizers.GradientDescent(), low=0.02, high=1.0,
                                           steps=steps)
        assert 2 / problem.L < found.turned_at < 2 / problem.L * 50 ** (2 / (steps - 1))


def test_p18_linear_scaling_rule():
    """Goyal et al. (2017), Section 2.1: k small steps are about one step of k times the rate, with an error of second
    order in the rate."""
    X, y = np.random.default_rng(0).normal(size=(2, 50, 3))[0], np.arange(50.0) / 50
    problem, k = problems.least_squares(X, y), 8

    def error(rate):
        small = descend(NumpyColumn, problem, NumpyColumn.optimizers.GradientDescent(learning_rate=rate), k)
        big = descend(NumpyColumn, problem, NumpyColumn.optimizers.GradientDescent(learning_rate=k * rate), 1)
        return np.linalg.norm(small.theta[-1] - big.theta[-1])

    assert error(2e-5) / error(1e-5) == pytest.approx(4.0, rel=1e-3)


@each_column
def test_p19_step_bounds_of_adam(column):
    """Kingma, Ba (2015), Section 2.1: the first step is the rate; after a long silence (1-b1)/sqrt(1-b2) of it."""
    rule = column.optimizers.Adam(learning_rate=0.01, epsilon=0.0)
    theta = column.array(np.zeros(3))
    grad = column.array(np.array([1e-6, -3.0, 1e4]))
    first, state = rule.update(grad, rule.init(theta), theta)
    np.testing.assert_allclose(first, -0.01 * np.sign(grad), rtol=1e-12)
    silent = type(state)(count=state.count + 100_000, m=theta, v=theta)  # where a long run of zeros leads
    after, _ = rule.update(grad, silent, theta)
    np.testing.assert_allclose(np.abs(after) / 0.01, (1 - 0.9) / sqrt(1 - 0.999), rtol=1e-6)


@pytest.mark.parametrize(("delay", "border"), [(0, 2.0), (1, 1.0), (2, 0.618), (5, 0.2846), (10, 0.1494)])
def test_p20_delayed_gradients_have_a_smaller_border(delay, border):
    """A gradient that is tau steps old: the largest stable rate times L is 2 sin(pi / (2 (2 tau + 1)))."""
    assert 2 * sin(pi / (2 * (2 * delay + 1))) == pytest.approx(border, rel=1e-3)
    ends = {}
    for factor in (0.99, 1.01):
        x = [1.0] * (delay + 1)
        for _ in range(20_000):
            x.append(x[-1] - factor * border * x[-1 - delay])
            if abs(x[-1]) > 1e100:
                break
        ends[factor] = max(abs(value) for value in x[-50:])
    assert ends[0.99] < 1e-3 and ends[1.01] > 1e3
