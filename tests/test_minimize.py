"""Whole runs in both columns: agreement, divergence, stopping, and bad input."""

import warnings

import numpy as np
import pytest
from columns import COLUMNS, NumpyColumn, TensorflowColumn

from labkit import problems
from labkit.tf import training as tf_training

each_column = pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)


def run(column, problem, rate, theta0=None, **options):
    optimizer = column.optimizers.GradientDescent(learning_rate=rate)
    theta0 = problem.start if theta0 is None else theta0
    return column.training.minimize(problem, optimizer, theta0, **{"steps": 100, **options})


@pytest.mark.parametrize("steps", [100, 1000])
@pytest.mark.parametrize(("make", "rate"), [
    (problems.ravine, 0.09), (problems.rosenbrock, 1e-3), (problems.double_well, 0.05), (problems.saddle, 0.1),
    (lambda: problems.nesterov_worst(20), 1.0),
])
def test_the_two_columns_agree(make, rate, steps):
    problem = make()
    ours, theirs = run(NumpyColumn, problem, rate, steps=steps), run(TensorflowColumn, problem, rate, steps=steps)
    for name in ("theta", "loss", "gradient_norm"):
        a, b = getattr(ours, name), getattr(theirs, name)
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


@each_column
def test_a_run_is_the_loop_written_by_hand(column):
    problem, theta, path = problems.ravine(), problems.ravine().start, []
    for _ in range(11):
        path.append(theta)
        theta = theta - 0.05 * problem.gradient(theta)
    result = run(column, problem, 0.05, steps=10)
    path = np.array(path)
    np.testing.assert_allclose(result.theta, path, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(result.loss, problem.value(path), rtol=1e-12)
    np.testing.assert_allclose(result.gradient_norm, np.linalg.norm(problem.gradient(path), axis=-1), rtol=1e-12)
    assert result.steps == 10


@each_column
def test_many_rates_are_one_run(column):
    problem, rates = problems.ravine(), np.linspace(0.01, 0.09, 7)
    together = run(column, problem, rates)
    assert together.theta.shape == (101, 7, 2) and together.loss.shape == together.gradient_norm.shape == (101, 7)
    for k, rate in enumerate(rates):
        np.testing.assert_allclose(together.theta[:, k], run(NumpyColumn, problem, rate).theta, rtol=1e-11, atol=1e-14)


@each_column
def test_many_starts_are_one_run(column):
    starts = np.linspace(-2, 2, 5)[:, None]
    together = run(column, problems.double_well(), 0.05, starts, steps=2000)
    assert together.theta.shape == (2001, 5, 1)
    assert set(np.sign(together.theta[-1, :, 0])) == {-1, 1}


@each_column
def test_a_diverging_run_says_so_and_warns_nothing(column):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = run(column, problems.ravine(), 1.0, steps=500)
        assert np.isfinite(result.loss[result.diverged_at - 1])
        assert not np.isfinite(result.loss[result.diverged_at])
        assert f"diverged at step {result.diverged_at}" in repr(result)
        several = run(column, problems.ravine(), [0.01, 1.0], steps=500)
        assert several.diverged_at.tolist() == [-1, result.diverged_at]
    assert run(column, problems.ravine(), 0.01).diverged_at is None


@each_column
def test_the_tolerance_stops_a_run(column):
    free, stopped = (run(column, problems.ravine(), 0.05, steps=1000, tolerance=t) for t in (None, 1e-6))
    assert free.steps == 1000
    assert stopped.steps == free.steps_to(gradient_norm=1e-6) == stopped.steps_to(gradient_norm=1e-6)
    np.testing.assert_array_equal(stopped.theta, free.theta[:stopped.steps + 1])
    both = run(column, problems.ravine(), [0.05, 0.01], steps=5000, tolerance=1e-6)
    assert np.all(both.gradient_norm[-1] <= 1e-6) and both.steps_to(gradient_norm=1e-6).shape == (2,)


@each_column
def test_zero_tolerance_stops_only_where_the_gradient_is_zero(column):
    assert run(column, problems.ravine(), 0.05, np.zeros(2), tolerance=0.0).steps == 0
    assert run(column, problems.ravine(), 0.05, np.zeros(2)).steps == 100


@each_column
@pytest.mark.parametrize("steps", [1, 3])
def test_a_schedule_needs_a_rate_for_each_step_and_no_more(column, steps):
    rates, asked = [0.05, 0.04, 0.03], set()

    def schedule(step):
        if column is TensorflowColumn:  # a step inside a program has no value
            return column.array(rates[:steps])[step]
        asked.add(step)
        return rates[:steps][step]

    result = run(column, problems.ravine(), schedule, steps=steps)
    assert asked == (set() if column is TensorflowColumn else set(range(steps)))
    np.testing.assert_allclose(result.theta[1], run(column, problems.ravine(), 0.05, steps=1).theta[1], rtol=1e-15)


@each_column
def test_a_run_ends_at_a_gradient_of_exactly_the_tolerance(column):
    for tolerance, steps in ((2.0, 0), (np.nextafter(2.0, 0), 1)):
        assert run(column, problems.quadratic([1.0]), 0.1, [2.0], tolerance=tolerance).steps == steps


@each_column
def test_the_start_is_left_alone(column):
    start = np.array([1.0, 1.0])
    result = run(column, problems.ravine(), 0.05, start)
    assert start.tolist() == [1.0, 1.0]
    result.theta[0] = 7
    assert start.tolist() == [1.0, 1.0]


@each_column
def test_integers_become_floats_and_float32_stays(column):
    assert run(column, problems.ravine(), 0.05, [1, 1]).theta.dtype == np.float64
    single = run(column, problems.ravine(), 0.05, np.ones(2, np.float32))
    assert single.theta.dtype == single.loss.dtype == single.gradient_norm.dtype == np.float32


def test_a_new_rate_start_or_tolerance_compiles_nothing_anew():
    problem = problems.ravine()
    run(TensorflowColumn, problem, 0.01)
    before = tf_training._compiled.cache_info().misses
    for rate, start, tolerance in [(0.02, [1.0, 1.0], None), (0.03, [2.0, 1.0], 1e-3), (1.0, [1.0, 2.0], 1e-9)]:
        run(TensorflowColumn, problem, rate, start, tolerance=tolerance)
    assert tf_training._compiled.cache_info().misses == before
    run(TensorflowColumn, problem, [0.01, 0.02])
    assert tf_training._compiled.cache_info().misses == before + 1


@each_column
def test_steps_to_finds_the_first_step(column):
    result = run(column, problems.ravine(), 0.05)
    k = result.steps_to(loss=1.0)
    assert result.loss[k] <= 1.0 < result.loss[k - 1]
    assert result.steps_to(loss=-1.0) is None
    with pytest.raises(ValueError, match="exactly one threshold"):
        result.steps_to()


@each_column
@pytest.mark.parametrize(("options", "message"), [
    ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
    ({"steps": -5}, "steps must be a whole number of at least 1, got -5"),
    ({"steps": 2.5}, "steps must be a whole number of at least 1, got 2.5"),
    ({"steps": True}, "steps must be a whole number of at least 1, got True"),
    ({"theta0": [np.nan, 1.0]}, r"theta0 must be finite \(1 of 2 entries are nan or infinite\)"),
    ({"theta0": []}, r"theta0.shape must be non-empty, got \(0,\)"),
    ({"theta0": 1.0}, r"theta0.shape must be \(2,\) or \(..., 2\), got \(\)"),
    ({"theta0": [1.0, 1.0, 1.0]}, r"theta0.shape must be \(2,\) or \(..., 2\), got \(3,\)"),
    ({"theta0": [[1.0], [1.0]]}, r"theta0.shape must be \(2,\) or \(..., 2\), got \(2, 1\)"),
    ({"theta0": "here"}, "theta0 must be made of real numbers, got 'here'"),
    ({"tolerance": -1.0}, "tolerance must be None, or a number that is zero or positive, got -1.0"),
    ({"tolerance": np.nan}, "tolerance must be None, or a number that is zero or positive, got nan"),
    ({"tolerance": "small"}, "tolerance must be None, or a number that is zero or positive, got 'small'"),
])
def test_bad_input_is_named(column, options, message):
    with pytest.raises(ValueError, match=message):
        run(column, problems.ravine(), 0.05, **options)


@each_column
def test_rates_that_do_not_fit_the_starts_are_named(column):
    with pytest.raises(ValueError, match=r"learning_rate.shape must be one that fits the runs of theta0, \(3,\)"):
        run(column, problems.ravine(), [0.1, 0.2], np.ones((3, 2)))


@pytest.mark.parametrize("column, other", [(NumpyColumn, TensorflowColumn), (TensorflowColumn, NumpyColumn)])
def test_a_rule_of_the_other_column_is_refused(column, other):
    rule = other.optimizers.GradientDescent()
    for wrong in (rule, "GradientDescent"):
        with pytest.raises(ValueError, match="optimizer must be a rule of labkit"):
            column.training.minimize(problems.ravine(), wrong, [1.0, 1.0], steps=1)
