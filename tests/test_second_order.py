"""Newton's method and BFGS: known counts, convergence, saddles, and bad input; the Hessians of the problems."""

import dataclasses
import warnings

import numpy as np
import pytest
from every_problem import PROBLEMS, each_problem

from labkit import problems
from labkit.reference.second_order import minimize_bfgs, minimize_newton

RNG = np.random.default_rng(0)
METHODS = {
    "newton": minimize_newton,
    "pure newton": lambda *args, **options: minimize_newton(*args, **options, line_search=False),
    "bfgs": minimize_bfgs,
}
each_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def without_hessian(problem):
    return dataclasses.replace(problem, hessian=None)


@each_problem
def test_the_hessian_agrees_with_central_differences_of_the_gradient(problem):
    theta = RNG.normal(size=(4, len(problem.start)))
    hessian = problem.hessian(theta)
    for k, point in enumerate(theta):
        offsets = 1e-6 * np.eye(len(point))
        rows = (problem.gradient(point + offsets) - problem.gradient(point - offsets)) / 2e-6
        np.testing.assert_allclose(hessian[k], rows, rtol=1e-6, atol=1e-5)
        np.testing.assert_array_equal(problem.hessian(point), hessian[k])
    assert problem.hessian(theta.astype("f")).dtype == np.float32
    hessian[:] = 0
    assert problem.hessian(theta).any()  # a fresh array each time


def test_rosenbrock_in_known_counts():
    problem = problems.rosenbrock()
    pure = minimize_newton(problem, [-1.2, 1.0], steps=20, line_search=False)
    assert pure.steps_to(loss=1e-10) in (5, 6)
    assert pure.loss.max() > 1000  # it goes up on its way
    down = minimize_newton(problem, [-1.2, 1.0], steps=50)
    assert np.all(np.diff(down.loss) <= 0) and 10 < down.steps_to(loss=1e-10) < 25
    bfgs = minimize_bfgs(problem, [-1.2, 1.0], steps=100)
    assert np.all(np.diff(bfgs.loss) <= 0) and 28 <= bfgs.steps_to(loss=1e-10) <= 40


@pytest.mark.parametrize("name", ["quadratic", "ravine", "nesterov_worst", "least_squares", "diabetes"])
@pytest.mark.parametrize("line_search", [True, False])
def test_newton_needs_one_step_on_a_quadratic(name, line_search):
    problem = PROBLEMS[name]
    path = minimize_newton(problem, problem.start, steps=1, line_search=line_search).theta
    np.testing.assert_allclose(path[1], problem.minimiser, rtol=1e-9, atol=1e-9)


@each_problem
def test_newton_without_a_hessian_takes_differences_of_the_gradient(problem):
    theta0 = problem.start + 0.1
    a, b = (minimize_newton(p, theta0, steps=3) for p in (problem, without_hessian(problem)))
    np.testing.assert_allclose(a.theta[-1], b.theta[-1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_differences_are_as_wide_as_rounding_asks_for(dtype):
    asked, steep = [], np.array([1.0, 2.0, 3.0], dtype)

    def gradient(theta):
        asked.append(theta)
        return steep * theta

    problem = problems.Problem(name="asked", value=lambda theta: np.sum(steep * theta**2, axis=-1) / 2,
                               gradient=gradient, start=np.zeros(3), minimiser=np.zeros(3))
    theta = np.array([0.5, -100.0, 0.0], dtype)
    minimize_newton(problem, theta, steps=1)
    _, there, back = asked[:3]
    reach = np.finfo(dtype).eps ** (1 / 3) * np.array([1.0, 100.0, 1.0])  # a share of theta, and of 1 near 0
    for points, sign in ((there, 1), (back, -1)):
        np.testing.assert_allclose(points - theta, sign * np.diag(reach), rtol=0.01 if dtype == "float32" else 1e-6)


@each_method
@each_problem
def test_each_method_ends_where_the_gradient_is_zero(method, problem):
    result = method(problem, problem.start + 0.1, steps=300, tolerance=1e-7)
    assert result.gradient_norm[-1] <= 1e-7
    assert result.steps < 60
    assert result.theta.shape == (result.steps + 1, len(problem.start))


@pytest.mark.parametrize("kappa", [10.0, 1e4])
def test_conditioning_does_not_hurt_newton(kappa):
    for method, most in ((minimize_newton, 1), (minimize_bfgs, 40)):
        angle = np.pi / 4
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        problem = problems.quadratic(turn @ np.diag([1.0, kappa]) @ turn.T)
        assert method(problem, [1.0, 2.0], steps=100).steps_to(loss=1e-8) <= most


def test_at_a_saddle_pure_newton_stops_and_the_others_pass():
    problem = problems.saddle()
    pure = minimize_newton(problem, [1.0, 0.1], steps=20, line_search=False)
    np.testing.assert_allclose(pure.theta[-1], [0, 0], atol=1e-12)
    for method in (minimize_newton, minimize_bfgs):
        result = method(problem, [1.0, 0.1], steps=50)
        np.testing.assert_allclose(result.theta[-1], [0, 0.5**0.5], atol=1e-6)


def test_directions_without_curvature_are_left_alone():
    problem = problems.quadratic([2.0, 0.0])
    for line_search in (True, False):
        result = minimize_newton(problem, [1.0, 5.0], steps=2, line_search=line_search)
        np.testing.assert_allclose(result.theta[-1], [0.0, 5.0], atol=1e-14)


def test_no_curvature_is_a_share_of_the_largest():
    for scale in (1e-6, 1.0, 1e6):
        problem = problems.quadratic([scale, 1e-11 * scale, 1e-13 * scale])
        theta = minimize_newton(problem, [1.0, 1.0, 1.0], steps=1).theta[-1]
        np.testing.assert_allclose(theta, [0.0, 0.0, 1.0], atol=1e-12)
    slope = problems.Problem(name="slope", value=lambda theta: theta[..., 0], gradient=np.ones_like,
                             hessian=lambda theta: np.zeros((1, 1)), start=np.zeros(1), minimiser=np.zeros(1))
    assert minimize_newton(slope, [1.0], steps=5).steps == 0  # no curvature at all


def test_the_directions_of_bfgs_are_those_of_the_other_form_of_its_update():
    """The form that updates the Hessian, Nocedal and Wright's (6.19), and solves a system for each direction."""
    problem = problems.rosenbrock()
    path = minimize_bfgs(problem, [-1.2, 1.0], steps=25).theta
    hessian = None
    for before, after in zip(path[:-1], path[1:]):
        grad = problem.gradient(before)
        direction = -grad if hessian is None else np.linalg.solve(hessian, -grad)
        d, y = after - before, problem.gradient(after) - grad
        length = np.linalg.norm(d) / np.linalg.norm(direction)
        np.testing.assert_allclose(d, length * direction, rtol=1e-5)
        if hessian is None:
            assert length < 1
            hessian = (y @ y) / (y @ d) * np.eye(2)
        seen = hessian @ d
        hessian = hessian - np.outer(seen, seen) / (d @ seen) + np.outer(y, y) / (y @ d)


def test_line_search_conditions_hold_at_each_step():
    problem = problems.rosenbrock()
    path = minimize_bfgs(problem, [-1.2, 1.0], steps=25)
    for before, after in zip(path.theta[:-1], path.theta[1:]):
        step, slope = after - before, problem.gradient(before) @ (after - before)
        assert slope < 0
        assert problem.value(after) <= problem.value(before) + 1e-4 * slope * (1 - 1e-9)
        assert problem.gradient(after) @ step >= 0.9 * slope * (1 + 1e-9)
    path = minimize_newton(problem, [-1.2, 1.0], steps=15)
    for before, after in zip(path.theta[:-1], path.theta[1:]):
        slope = problem.gradient(before) @ (after - before)
        assert problem.value(after) <= problem.value(before) + 1e-4 * slope * (1 - 1e-9)


LINE_SEARCHES = {
    "newton": lambda problem, **options: minimize_newton(
        dataclasses.replace(problem, hessian=lambda theta: np.eye(len(theta))), [1.0], **options),
    "bfgs": lambda problem, **options: minimize_bfgs(problem, [1.0], **options),
}
each_line_search = pytest.mark.parametrize("search", LINE_SEARCHES.values(), ids=LINE_SEARCHES)


@each_line_search
def test_a_step_must_bring_a_ten_thousandth_of_what_the_slope_promises(search):
    # On L x^2 / 2 a step of length s against the gradient brings enough where s L is at most 2 (1 - 1e-4).
    for L, length in ((1.9997, 1.0), (1.9999, 0.5), (2.0, 0.5), (3.9994, 0.5), (3.9998, 0.25)):
        path = search(problems.quadratic([[L]]), steps=1).theta
        np.testing.assert_allclose(path[1], [1 - length * L], rtol=1e-12, err_msg=f"L = {L}")


def test_a_bfgs_step_must_leave_at_most_nine_tenths_of_the_slope():
    # On L x^2 / 2 a step of length s against the gradient leaves 1 - s L of the slope.
    for L, length in ((0.1001, 1.0), (0.0999, 2.0), (0.0499, 4.0), (0.0249, 8.0)):
        path = minimize_bfgs(problems.quadratic([[L]]), [1.0], steps=1).theta
        np.testing.assert_allclose(path[1], [1 - length * L], rtol=1e-12, err_msg=f"L = {L}")


@each_line_search
def test_a_step_that_meets_the_conditions_with_equality_is_taken(search):
    edge = problems.Problem(name="edge", value=lambda theta: -1e-4 * (theta[..., 0] - 1),
                            gradient=lambda theta: np.where(theta == 1.0, -1.0, -0.9), start=np.ones(1),
                            minimiser=np.ones(1))
    assert search(edge, steps=1).theta[1] == 2.0


@each_line_search
def test_a_line_search_halves_59_times_and_then_gives_up(search):
    assert search(problems.quadratic([[1.4 * 2.0**59]]), steps=1).steps == 1
    assert search(problems.quadratic([[1.4 * 2.0**60]]), steps=1).steps == 0


@each_method
def test_a_run_that_leaves_the_finite_numbers_says_so_and_warns_nothing(method):
    def value(theta):
        return -np.exp(theta[..., 0]) + 0 * theta[..., 1]

    def gradient(theta):
        return np.stack([-np.exp(theta[..., 0]), 0 * theta[..., 1]], axis=-1)

    endless = problems.Problem(name="endless", value=value, gradient=gradient, start=np.zeros(2), minimiser=np.zeros(2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = method(endless, [400.0, 0.0], steps=1000)
    assert result.steps < 1000 or np.isfinite(result.theta).all()


@each_method
def test_the_start_is_left_alone_and_types_stay(method):
    start = np.array([-1.2, 1.0])
    result = method(problems.rosenbrock(), start, steps=3)
    result.theta[0] = 7
    assert start.tolist() == [-1.2, 1.0]
    assert method(problems.ravine(), [1, 1], steps=1).theta.dtype == np.float64
    single = method(problems.rosenbrock(), start.astype("f"), steps=5)
    assert single.theta.dtype == single.loss.dtype == single.gradient_norm.dtype == np.float32


@each_method
def test_a_run_ends_at_a_gradient_of_exactly_the_tolerance(method):
    problem = problems.quadratic([1.0])
    assert method(problem, [2.0], steps=5, tolerance=2.0).steps == 0
    assert method(problem, [2.0], steps=5, tolerance=np.nextafter(2.0, 0)).steps == 1
    with pytest.raises(TypeError):
        method(problem, [2.0], 5)  # keyword-only


@each_method
def test_a_start_at_the_minimum_stays(method):
    assert method(problems.ravine(), [0.0, 0.0], steps=5).steps == 0
    assert method(problems.ravine(), [0.0, 0.0], steps=5, tolerance=0.0).steps == 0


@each_method
@pytest.mark.parametrize(("options", "message"), [
    ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
    ({"steps": 2.5}, "steps must be a whole number of at least 1, got 2.5"),
    ({"theta0": [np.nan, 1.0]}, r"theta0 must be finite \(1 of 2 entries are nan or infinite\)"),
    ({"theta0": []}, r"theta0.shape must be non-empty, got \(0,\)"),
    ({"theta0": [1.0, 1.0, 1.0]}, r"theta0.shape must be \(2,\), got \(3,\)"),
    ({"theta0": [[1.0, 1.0]]}, r"theta0.shape must be \(2,\), got \(1, 2\)"),
    ({"theta0": "here"}, "theta0 must be made of real numbers, got 'here'"),
    ({"tolerance": -1.0}, "tolerance must be None, or a number that is zero or positive, got -1.0"),
])
def test_bad_input_is_named(method, options, message):
    options = {"theta0": [1.0, 1.0], "steps": 5} | options
    with pytest.raises(ValueError, match=message):
        method(problems.ravine(), options.pop("theta0"), **options)


def test_a_bad_line_search_is_named():
    with pytest.raises(ValueError, match="line_search must be True or False, got 'armijo'"):
        minimize_newton(problems.ravine(), [1.0, 1.0], steps=1, line_search="armijo")
