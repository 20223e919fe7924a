"""Every test function against central differences, against automatic differentiation, and against its constants."""

import numpy as np
import pytest
import tensorflow as tf
from every_problem import PROBLEMS, each_problem

from labkit import data, problems

RNG = np.random.default_rng(0)


def central_differences(problem, theta, step=1e-6):
    offsets = step * np.eye(len(theta))
    return (problem.value(theta + offsets) - problem.value(theta - offsets)) / (2 * step)


@each_problem
def test_gradient_agrees_with_central_differences(problem):
    for theta in RNG.normal(size=(5, len(problem.start))):
        np.testing.assert_allclose(problem.gradient(theta), central_differences(problem, theta), rtol=1e-5, atol=1e-4)


@each_problem
def test_tensorflow_differentiates_value_to_the_same_gradient(problem):
    theta = RNG.normal(size=(4, len(problem.start)))
    variable = tf.Variable(theta)
    with tf.GradientTape() as tape:
        loss = problem.value(variable)
    np.testing.assert_allclose(loss, problem.value(theta), rtol=1e-12)
    np.testing.assert_allclose(tape.gradient(loss, variable), problem.gradient(theta), rtol=1e-9, atol=1e-9)


@each_problem
def test_runs_along_leading_axes_keep_to_themselves(problem):
    theta = RNG.normal(size=(2, 3, len(problem.start)))
    assert problem.value(theta).shape == (2, 3)
    np.testing.assert_allclose(problem.value(theta)[1, 2], problem.value(theta[1, 2]), rtol=1e-12)
    np.testing.assert_allclose(problem.gradient(theta)[1, 2], problem.gradient(theta[1, 2]), rtol=1e-9, atol=1e-12)


@each_problem
def test_minimiser_is_stationary_and_lowest(problem):
    assert np.linalg.norm(problem.gradient(problem.minimiser)) < 1e-10 * max(1, problem.L or 1, abs(problem.minimum))
    nearby = problem.minimiser + RNG.normal(size=(200, len(problem.start)))
    assert np.all(problem.value(nearby) >= problem.minimum - 1e-9 * abs(problem.minimum))


@each_problem
def test_float32_stays_float32(problem):
    theta = problem.start.astype(np.float32)
    assert problem.value(theta).dtype == problem.gradient(theta).dtype == np.float32
    assert problem.value(tf.constant(theta)).dtype == tf.float32


@pytest.mark.parametrize("problem", [p for p in PROBLEMS.values() if p.L], ids=[k for k, p in PROBLEMS.items() if p.L])
def test_gradient_changes_at_most_L_and_at_least_mu_times_as_fast_as_theta(problem):
    a, b = RNG.normal(size=(2, 100, len(problem.start)))
    ratio = np.linalg.norm(problem.gradient(a) - problem.gradient(b), axis=-1) / np.linalg.norm(a - b, axis=-1)
    assert np.all(ratio <= problem.L * (1 + 1e-9)) and np.all(ratio >= (problem.mu or 0) * (1 - 1e-9))


def test_known_constants():
    assert (problems.ravine().L, problems.ravine().mu, problems.ravine().kappa) == (20, 1, 20)
    assert problems.rosenbrock().minimum == 0
    assert problems.rosenbrock().kappa is None
    assert problems.saddle().minimum == pytest.approx(-0.25)
    assert problems.double_well().minimum == pytest.approx(-0.3524, abs=1e-4)
    worst = problems.nesterov_worst(100)
    assert worst.L == 1 and worst.start.shape == (201,)
    assert worst.minimum == pytest.approx(-1 / 8 * 201 / 202)


def test_least_squares_without_enough_data_is_not_strongly_convex():
    assert problems.least_squares(np.ones((2, 3)), np.ones(2)).mu is None


def test_diabetes_is_the_data_it_says():
    X, y, names = data.diabetes()
    assert X.shape == (442, 10) and y.shape == (442,) and len(names) == 10
    assert (y.min(), y.max()) == (25, 346)
    scaled = data.standardize(X)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-12)
    assert np.all(data.with_intercept(X)[:, 0] == 1)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: problems.quadratic([[1.0, 2.0], [0.0, 1.0]]), r"hessian must be symmetric, got an array of shape"),
    (lambda: problems.quadratic([1.0, -1.0]), r"hessian must be positive semi-definite; its eigenvalues are \[-1"),
    (lambda: problems.quadratic([0.0, 0.0]), "hessian must be positive semi-definite"),
    (lambda: problems.quadratic(np.ones((2, 3))), r"hessian.shape must be \(d,\) or \(d, d\), got \(2, 3\)"),
    (lambda: problems.quadratic([]), r"hessian.shape must be non-empty, got \(0,\)"),
    (lambda: problems.quadratic([1.0, np.nan]), r"hessian must be finite \(1 of 2 entries"),
    (lambda: problems.quadratic([1.0, 2.0], minimiser=[0.0]), r"minimiser.shape must be \(2,\), got \(1,\)"),
    (lambda: problems.quadratic([1.0, 2.0], start=[[0.0, 0.0]]), "start.ndim must be 1"),
    (lambda: problems.quadratic("steep"), "hessian must be made of real numbers, got 'steep'"),
    (lambda: problems.quadratic([[1.0], [1.0, 2.0]]), "hessian must be made of real numbers"),
    (lambda: problems.double_well(0.5), "tilt must be above 0 and below .*, got 0.5"),
    (lambda: problems.nesterov_worst(0), "t must be a whole number of at least 1, got 0"),
    (lambda: problems.nesterov_worst(2, L=-1.0), "L must be positive and finite, got -1.0"),
    (lambda: problems.least_squares(np.ones((5, 2)), np.ones((5, 1))), r"y.ndim must be 1 \(its shape is \(5, 1\)\)"),
    (lambda: problems.least_squares(np.ones(5), np.ones(5)), r"X.ndim must be 2 \(its shape is \(5,\)\), got 1"),
    (lambda: problems.least_squares(np.ones((5, 2)), np.ones(4)), r"y.shape must be \(5,\), one target for each row"),
    (lambda: problems.least_squares(np.ones((0, 2)), np.ones(0)), r"X.shape must be non-empty, got \(0, 2\)"),
    (lambda: problems.least_squares(np.full((3, 2), np.nan), np.ones(3)), r"X must be finite \(6 of 6 entries"),
    (lambda: problems.least_squares(np.ones((3, 2)), [1.0, np.inf, 2.0]), r"y must be finite \(1 of 3 entries"),
    (lambda: data.standardize(np.ones((3, 2))), "X must be free of constant columns; column 0 is constant"),
    (lambda: data.with_intercept(np.ones(3)), "X.ndim must be 2"),
])
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
