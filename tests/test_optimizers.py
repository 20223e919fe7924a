"""Update rules: the formula, the interface, the other column, Keras, and bad input."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from columns import COLUMNS
from hypothesis import given, settings
from hypothesis import strategies as st

each_column = pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
rates = st.floats(1e-6, 1e3)
scales = st.sampled_from([1e-8, 1e-4, 1.0, 1e4, 1e8])


@each_column
@settings(deadline=None)
@given(rate=rates, scale=scales, size=st.integers(1, 5), seed=st.integers(0, 99))
def test_gradient_descent_is_its_formula(column, rate, scale, size, seed):
    rng = np.random.default_rng(seed)
    theta, grad = rng.normal(size=size), scale * rng.normal(size=size)
    rule = column.optimizers.GradientDescent(learning_rate=rate)
    new, state = rule.update(column.array(grad), rule.init(column.array(theta)), column.array(theta))
    np.testing.assert_allclose(new, theta - rate * grad, rtol=1e-15)
    assert int(state.count) == 1


@settings(deadline=None, max_examples=20)
@given(rate=rates, scale=scales, seed=st.integers(0, 99))
def test_keras_takes_the_same_step(rate, scale, seed):
    rng = np.random.default_rng(seed)
    theta, grad = rng.normal(size=3).astype("f"), (scale * rng.normal(size=3)).astype("f")
    variable = keras.Variable(theta)
    keras.optimizers.SGD(learning_rate=rate).apply([tf.constant(grad)], [variable])
    rule = COLUMNS["numpy"].optimizers.GradientDescent(learning_rate=rate)
    ours, _ = rule.update(grad, rule.init(theta), theta)
    np.testing.assert_allclose(ours, variable.numpy(), rtol=1e-6, atol=1e-6 * rate * scale)


def test_the_default_rate_is_that_of_keras():
    assert float(keras.optimizers.SGD().learning_rate) == pytest.approx(0.01)
    for column in COLUMNS.values():
        assert column.optimizers.GradientDescent().learning_rate == 0.01


@each_column
def test_update_changes_nothing_in_place(column):
    theta, grad = np.ones(3), np.ones(3)
    rule = column.optimizers.GradientDescent()
    rule.update(column.array(grad), rule.init(column.array(theta)), column.array(theta))
    assert np.all(theta == 1) and np.all(grad == 1)


@each_column
def test_a_rule_is_an_immutable_value(column):
    rate = np.array([0.1, 0.2])
    rule = column.optimizers.GradientDescent(learning_rate=rate)
    rate[:] = 9
    np.testing.assert_array_equal(rule.learning_rate, [0.1, 0.2])
    with pytest.raises(ValueError):
        rule.learning_rate[0] = 9
    with pytest.raises(AttributeError):
        rule.learning_rate = 9
    with pytest.raises(TypeError):
        column.optimizers.GradientDescent(0.1)  # keyword-only


@each_column
def test_an_array_of_rates_gives_each_run_its_own(column):
    theta, grad = np.ones((2, 3)), np.ones((2, 3))
    rule = column.optimizers.GradientDescent(learning_rate=[0.1, 0.5])
    new, _ = rule.update(column.array(grad), rule.init(column.array(theta)), column.array(theta))
    np.testing.assert_allclose(new, [[0.9] * 3, [0.5] * 3])


@each_column
def test_a_schedule_is_asked_at_every_step(column):
    rule = column.optimizers.GradientDescent(learning_rate=lambda step: 1.0 if int(step) == 0 else 0.25)
    theta = column.array([4.0])
    state = rule.init(theta)
    theta, state = rule.update(theta, state, theta)
    assert float(theta[0]) == 0.0
    theta, state = rule.update(column.array([4.0]), state, theta)
    assert float(theta[0]) == -1.0


@each_column
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_type_of_theta_stays(column, dtype):
    theta = column.array([1.0, 2.0], dtype)
    rule = column.optimizers.GradientDescent(learning_rate=0.1)
    new, _ = rule.update(theta, rule.init(theta), theta)
    assert new.dtype == theta.dtype


def test_tensorflow_takes_nests_of_tensors():
    rule = COLUMNS["tensorflow"].optimizers.GradientDescent(learning_rate=[0.5, 1.0])
    theta = {"weights": tf.ones((2, 3, 4)), "bias": tf.ones((2, 4))}
    new, _ = rule.update(theta, rule.init(theta), theta)
    assert new["weights"].shape == (2, 3, 4)
    np.testing.assert_allclose(new["bias"], [[0.5] * 4, [0.0] * 4])
    np.testing.assert_allclose(new["weights"][0], 0.5)


@each_column
@pytest.mark.parametrize("rate", [0, 0.0, -0.1, np.nan, np.inf, "fast", None, True, [], [0.1, -0.1],
                                  [[0.1], [0.1, 0.2]], 1j], ids=repr)
def test_a_bad_rate_is_named(column, rate):
    with pytest.raises(ValueError, match="learning_rate must be positive and finite") as error:
        column.optimizers.GradientDescent(learning_rate=rate)
    assert "got" in str(error.value)


@each_column
@pytest.mark.parametrize(("grad", "theta", "message"), [
    (np.ones(3), np.ones((3, 1)), r"grad.shape must be the shape of theta, \(3, 1\), got \(3,\)"),
    (np.ones((3, 1)), np.ones(3), r"grad.shape must be the shape of theta, \(3,\), got \(3, 1\)"),
    (np.ones(1), np.ones(3), "grad.shape must be"),
    (np.ones(3, "f"), np.ones(3), "grad.dtype must be the type of theta, float64, got 'float32'"),
    (np.ones(3, int), np.ones(3, int), "theta.dtype must be a floating-point type, got 'int64'"),
])
def test_a_gradient_that_does_not_fit_is_named(column, grad, theta, message):
    rule = column.optimizers.GradientDescent()
    with pytest.raises(ValueError, match=message):
        rule.update(column.array(grad), rule.init(column.array(theta)), column.array(theta))


@each_column
@pytest.mark.parametrize("rate", [[0.1, 0.1, 0.1], [[0.1], [0.1]], [[[0.1]]]])
def test_rates_that_do_not_fit_theta_are_named(column, rate):
    rule = column.optimizers.GradientDescent(learning_rate=rate)
    theta = column.array(np.ones((2, 5)) if np.ndim(rate) != 2 else np.ones((3, 5)))
    with pytest.raises(ValueError, match="learning_rate.shape must be the leading axes of theta"):
        rule.update(theta, rule.init(theta), theta)
