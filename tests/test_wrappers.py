"""Wrappers around a rule: clipping, penalty, decay, averaging, flattening; alone, in each other, and on bad input."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from columns import COLUMNS, NumpyColumn, TensorflowColumn
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import problems
from labkit.tf import training as tf_training

each_column = pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)

WRAPPED = {
    "ClipByValue": lambda o: o.ClipByValue(o.Adam(learning_rate=0.01), 5.0),
    "ClipByNorm": lambda o: o.ClipByNorm(o.GradientDescent(learning_rate=0.001), 5.0),
    "L2Penalty": lambda o: o.L2Penalty(o.Momentum(learning_rate=2e-4), 0.1),
    "WeightDecay": lambda o: o.WeightDecay(o.Adagrad(learning_rate=0.1), 0.1),
    "PolyakAverage": lambda o: o.PolyakAverage(o.Adam(learning_rate=0.01), start=10),
    "nested": lambda o: o.ClipByNorm(o.PolyakAverage(o.WeightDecay(o.L2Penalty(o.ClipByValue(
        o.AMSGrad(learning_rate=0.01), 4.0), 0.01), 0.1)), 3.0),
}
each_wrapper = pytest.mark.parametrize("make", WRAPPED.values(), ids=WRAPPED)
SIZE = "a number that is zero or positive, and finite"
BAD = {
    "limit": ("ClipByValue", "a number that is positive and finite",
              [0, -1.0, np.nan, np.inf, "low", None, True, [1.0]]),
    "strength": ("L2Penalty", SIZE, [-1.0, np.nan, np.inf, "low", True, [1.0]]),
    "weight_decay": ("WeightDecay", SIZE, [-1.0, np.nan, np.inf, None, [1.0]]),
    "start": ("PolyakAverage", "a whole number that is zero or positive", [-1, 1.5, 2.0, "early", None, True, [1]]),
}


def follow(column, rule, theta, grads):
    """The thetas after each of the given gradients, and the last state, in one column."""
    theta = column.array(theta)
    state, path = rule.init(theta), []
    for grad in grads:
        theta, state = rule.update(column.array(grad), state, theta)
        path.append(np.asarray(theta))
    return np.array(path), state


def random(*shape, seed=0, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=shape)


# ---- what each one does


@each_column
@settings(deadline=None, max_examples=20)
@given(limit=st.floats(1e-3, 1e3), scale=st.sampled_from([1e-8, 1.0, 1e8]), seed=st.integers(0, 99))
def test_clipping_by_value_cuts_each_entry(column, limit, scale, seed):
    theta, grads = random(4, seed=seed), random(3, 4, seed=seed + 1, scale=scale)
    rule = column.optimizers.Momentum(learning_rate=0.1)
    path, _ = follow(column, column.optimizers.ClipByValue(rule, limit), theta, grads)
    expected, _ = follow(column, rule, theta, np.where(np.abs(grads) > limit, np.sign(grads) * limit, grads))
    np.testing.assert_allclose(path, expected, rtol=1e-13)


@each_column
@settings(deadline=None, max_examples=20)
@given(limit=st.floats(1e-3, 1e3), scale=st.sampled_from([1e-8, 1.0, 1e8]), seed=st.integers(0, 99))
def test_clipping_by_norm_shortens_and_keeps_the_direction(column, limit, scale, seed):
    theta, grads = np.zeros((2, 2)), random(3, 2, 2, seed=seed, scale=scale)
    rule = column.optimizers.GradientDescent(learning_rate=1.0)
    path, _ = follow(column, column.optimizers.ClipByNorm(rule, limit), theta, grads)
    for step, grad in zip(np.diff(path, axis=0, prepend=theta[None]), grads):
        norm = np.linalg.norm(grad)
        np.testing.assert_allclose(-step, grad * min(1, limit / norm), rtol=1e-9, atol=1e-12 * np.abs(path).max())


@each_column
def test_a_short_gradient_passes_unchanged_and_a_zero_one_without_a_warning(column):
    o, grads = column.optimizers, np.array([[0.3, 0.4], [0.0, 0.0]])
    for wrapper in (o.ClipByNorm, o.ClipByValue):
        rule = o.Adam(learning_rate=0.1)
        np.testing.assert_array_equal(follow(column, wrapper(rule, 0.7), [1.0, 2.0], grads)[0],
                                      follow(column, rule, [1.0, 2.0], grads)[0])


@each_column
def test_the_norm_is_of_each_run_where_the_rate_has_axes(column):
    o, theta, grads = column.optimizers, np.zeros((3, 2, 2)), random(1, 3, 2, 2)
    for rate in ([1.0, 1.0, 1.0], [1.0]):
        path, _ = follow(column, o.ClipByNorm(o.GradientDescent(learning_rate=rate), 0.1), theta, grads)
        np.testing.assert_allclose(np.linalg.norm(path[0].reshape(3, 4), axis=-1), [0.1] * 3, rtol=1e-14)
    path, _ = follow(column, o.ClipByNorm(o.GradientDescent(learning_rate=1.0), 0.1), theta, grads)
    assert np.linalg.norm(path[0]) == pytest.approx(0.1, rel=1e-14)
    path, _ = follow(column, o.ClipByNorm(o.GradientDescent(learning_rate=lambda step: np.ones(3)), 0.1), theta, grads)
    np.testing.assert_allclose(np.linalg.norm(path[0].reshape(3, 4), axis=-1), [0.1] * 3, rtol=1e-14)


def test_in_tensorflow_the_norm_is_over_all_leaves():
    o = TensorflowColumn.optimizers
    theta = {"a": tf.zeros((2, 3), tf.float64), "b": [tf.zeros((2,), tf.float64)]}
    grad = {"a": tf.constant(random(2, 3)), "b": [tf.constant(random(2, seed=1))]}
    rule = o.ClipByNorm(o.GradientDescent(learning_rate=1.0), 0.1)
    new, _ = rule.update(grad, rule.init(theta), theta)
    expected, _ = tf.clip_by_global_norm(tf.nest.flatten(grad), 0.1)
    for a, b in zip(tf.nest.flatten(new), expected):
        np.testing.assert_allclose(-a, b, rtol=1e-14)
    rule = o.ClipByNorm(o.GradientDescent(learning_rate=[1.0, 1.0]), 0.1)
    new, _ = rule.update(grad, rule.init(theta), theta)
    for k in range(2):
        assert np.linalg.norm([*new["a"][k], new["b"][0][k]]) == pytest.approx(0.1, rel=1e-14)


@each_column
@pytest.mark.parametrize("name", ["Momentum", "RMSprop", "Adam"])
def test_the_penalty_joins_the_gradient_and_the_decay_does_not(column, name):
    o, theta, grads = column.optimizers, random(3), random(4, 3, seed=1)
    rule, plain = getattr(o, name)(learning_rate=0.1), theta
    state = decayed_state = rule.init(column.array(theta))
    decayed = theta
    penalised_path, _ = follow(column, o.L2Penalty(rule, 0.3), theta, grads)
    decayed_path, _ = follow(column, o.WeightDecay(rule, 0.3), theta, grads)
    for t, grad in enumerate(grads):
        plain, state = rule.update(column.array(grad + 0.3 * plain), state, column.array(plain))
        plain = np.asarray(plain)
        moved, decayed_state = rule.update(column.array(grad), decayed_state, column.array(decayed))
        decayed = np.asarray(moved) - 0.1 * 0.3 * decayed
        np.testing.assert_allclose(penalised_path[t], plain, rtol=1e-13)
        np.testing.assert_allclose(decayed_path[t], decayed, rtol=1e-13)
    assert not np.allclose(penalised_path[-1], decayed_path[-1], rtol=1e-3)


@each_column
def test_under_gradient_descent_penalty_and_decay_are_one(column):
    o, theta, grads = column.optimizers, random(3), random(5, 3, seed=1)
    rule = o.GradientDescent(learning_rate=0.1)
    np.testing.assert_allclose(follow(column, o.L2Penalty(rule, 0.3), theta, grads)[0],
                               follow(column, o.WeightDecay(rule, 0.3), theta, grads)[0], rtol=1e-13)


@each_column
def test_adamw_is_adam_with_decay(column):
    o, theta, grads = column.optimizers, random(3), random(5, 3, seed=1)
    a, b = (follow(column, rule, theta, grads)[0] for rule in (
        o.WeightDecay(o.Adam(learning_rate=0.1), 0.3), o.AdamW(learning_rate=0.1, weight_decay=0.3)))
    np.testing.assert_allclose(a, b, rtol=1e-14)


@each_column
def test_decay_follows_the_schedule(column):
    o = column.optimizers
    rates = [0.5, 0.25]
    rule = o.WeightDecay(o.GradientDescent(learning_rate=lambda step: rates[int(step)]), 1.0)
    path, _ = follow(column, rule, [8.0], [[0.0], [0.0]])
    assert path.ravel().tolist() == [4.0, 3.0]


@each_column
@pytest.mark.parametrize("start", [0, 1, 3, 10])
def test_the_average_is_the_mean_of_what_came_after_the_start(column, start):
    o, theta, grads = column.optimizers, random(3), random(6, 3, seed=1)
    rule = o.Momentum(learning_rate=0.1)
    averaged = o.PolyakAverage(rule, start)
    expected, _ = follow(column, rule, theta, grads)
    np.testing.assert_array_equal(averaged.average(averaged.init(column.array(theta))), theta)
    for t in range(1, 7):
        path, state = follow(column, averaged, theta, grads[:t])
        np.testing.assert_array_equal(path, expected[:t])
        mean = expected[start:t].mean(axis=0) if t > start else expected[t - 1]
        np.testing.assert_allclose(averaged.average(state), mean, rtol=1e-13)
        assert int(state.count) == int(state.inner.count) == t


def test_averaging_starts_from_a_copy():
    theta = np.ones(2)
    rule = NumpyColumn.optimizers.PolyakAverage(NumpyColumn.optimizers.Adam())
    state = rule.init(theta)
    theta[:] = 9
    assert rule.average(state).tolist() == [1, 1]


def test_keras_clips_by_the_same_norm():
    grads = random(3, 4, scale=10).astype("f")
    variable = keras.Variable(np.ones(4, "f"))
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9, global_clipnorm=2.0)
    for grad in grads:
        optimizer.apply([tf.constant(grad)], [variable])
    o = NumpyColumn.optimizers
    path, _ = follow(NumpyColumn, o.ClipByNorm(o.Momentum(learning_rate=0.1), 2.0), np.ones(4, "f"), grads)
    np.testing.assert_allclose(path[-1], variable.numpy(), rtol=1e-5)


# ---- flattened (TensorFlow)


@pytest.mark.parametrize("name", ["GradientDescent", "Nesterov", "Adagrad", "RMSprop", "Adam", "AMSGrad", "AdamW"])
@pytest.mark.parametrize("rate", [0.1, [0.1, 0.2], [0.1]])
def test_flattened_is_the_rule_inside(name, rate):
    o = TensorflowColumn.optimizers
    rule = getattr(o, name)(learning_rate=rate)
    theta = {"a": [random(2, 3, 2), random(2, seed=1)], "b": random(2, 5, seed=2)}
    theta = tf.nest.map_structure(tf.constant, theta)
    plain, flat = [theta, rule.init(theta)], [theta, o.Flattened(rule).init(theta)]
    for seed in range(3):
        grad = tf.nest.map_structure(lambda p: tf.constant(random(*p.shape, seed=10 + seed)), theta)  # noqa: B023
        plain = rule.update(grad, plain[1], plain[0])
        flat = o.Flattened(rule).update(grad, flat[1], flat[0])
    tf.nest.assert_same_structure(flat[0], theta)
    for a, b in zip(tf.nest.flatten(plain[0]), tf.nest.flatten(flat[0])):
        np.testing.assert_allclose(a, b, rtol=1e-14)
    if name == "Adam":
        assert flat[1].m.shape == ((2, 12) if isinstance(rate, list) else (24,))


def test_flattened_clips_by_the_norm_of_everything_and_runs():
    o, problem = TensorflowColumn.optimizers, problems.ravine()
    rule = o.ClipByNorm(o.Adam(learning_rate=0.1), 1.0)
    a, b = (tf_training.minimize(problem, r, problem.start, steps=20) for r in (rule, o.Flattened(rule)))
    np.testing.assert_allclose(a.theta, b.theta, rtol=1e-14)


def test_flattened_names_tensors_of_several_types():
    rule = TensorflowColumn.optimizers.Flattened(TensorflowColumn.optimizers.Adam())
    with pytest.raises(ValueError, match=r"theta.dtype must be one type for all tensors, got \['float32', 'float64'\]"):
        rule.init([tf.ones(2), tf.ones(2, tf.float64)])


def test_clipping_by_norm_takes_tensors_of_several_types():
    o = TensorflowColumn.optimizers
    rule, theta = o.ClipByNorm(o.GradientDescent(learning_rate=1.0), 1.0), [tf.zeros(2), tf.zeros(2, tf.float64)]
    new, _ = rule.update([tf.fill([2], 3.0), tf.zeros(2, tf.float64)], rule.init(theta), theta)
    np.testing.assert_allclose(new[0], [-0.5**0.5] * 2, rtol=1e-6)
    assert new[1].dtype == tf.float64


# ---- in whole runs


@pytest.mark.parametrize("steps", [100, 1000])
@each_wrapper
def test_the_two_columns_agree(make, steps):
    problem = problems.rosenbrock()
    ours, theirs = (column.training.minimize(problem, make(column.optimizers), problem.start, steps=steps)
                    for column in (NumpyColumn, TensorflowColumn))
    assert np.linalg.norm(ours.theta[-1] - theirs.theta[-1]) <= 1e-12 * np.linalg.norm(ours.theta[-1])


@each_column
@each_wrapper
def test_a_wrapper_shows_the_rate_inside_and_changes_nothing_in_place(column, make):
    rule = make(column.optimizers)
    inner = rule
    while hasattr(inner, "rule"):
        inner = inner.rule
    assert rule.learning_rate == inner.learning_rate
    theta, grad = column.array(np.ones(3)), column.array(np.full(3, 9.0))
    state = rule.init(theta)
    before = [np.array(x) for x in tf.nest.flatten((theta, grad, state))]
    first, again = rule.update(grad, state, theta), rule.update(grad, state, theta)
    for a, b in zip(before, tf.nest.flatten((theta, grad, state))):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(tf.nest.flatten(first), tf.nest.flatten(again)):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(AttributeError):
        rule.rule = inner


@each_column
@each_wrapper
def test_several_rates_are_several_runs(column, make):
    problem = problems.rosenbrock()

    def with_rate(rate):
        class Changed:
            """The column's optimizers, with another learning rate."""

            def __getattr__(self, name):
                kind = getattr(column.optimizers, name)
                return kind if hasattr(kind, "rule") or "rule" in kind.__dataclass_fields__ else (
                    lambda learning_rate: kind(learning_rate=rate))

        return make(Changed())

    together = column.training.minimize(problem, with_rate([1e-3, 5e-4]), problem.start, steps=50)
    for k, rate in enumerate([1e-3, 5e-4]):
        alone = column.training.minimize(problem, with_rate(rate), problem.start, steps=50)
        np.testing.assert_allclose(together.theta[:, k], alone.theta, rtol=1e-12, atol=1e-14)


def test_new_numbers_compile_nothing_anew():
    o, problem = TensorflowColumn.optimizers, problems.ravine()

    def run(rate, limit, strength, decay, start):
        rule = o.ClipByNorm(o.ClipByValue(o.L2Penalty(o.WeightDecay(o.PolyakAverage(
            o.Adam(learning_rate=rate), start), decay), strength), limit), limit)
        return tf_training.minimize(problem, rule, problem.start, steps=5)

    run(0.1, 1.0, 0.1, 0.1, 0)
    before = tf_training._compiled.cache_info().misses
    changed = run(0.2, 0.5, 0.2, 0.3, 2)
    assert tf_training._compiled.cache_info().misses == before
    assert not np.allclose(changed.theta[-1], run(0.1, 1.0, 0.1, 0.1, 0).theta[-1])
    assert tf_training._compiled.cache_info().misses == before


@each_column
@each_wrapper
def test_a_nan_gradient_makes_theta_nan_and_raises_nothing(column, make):
    path, _ = follow(column, make(column.optimizers), [1.0, 1.0], [[1.0, np.nan]])
    assert np.isnan(path[0, 1])


@each_column
@each_wrapper
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_type_of_theta_stays(column, make, dtype):
    rule, theta = make(column.optimizers), column.array([1.0, 2.0], dtype)
    new, state = rule.update(theta, rule.init(theta), theta)
    new, state = rule.update(new, state, new)
    assert new.dtype == theta.dtype
    assert all(x.dtype == theta.dtype for x in tf.nest.flatten(state) if np.ndim(x))


# ---- bad input


@each_column
@pytest.mark.parametrize(("key", "value"), [(key, value) for key, (_, _, values) in BAD.items() for value in values],
                         ids=repr)
def test_a_bad_hyper_parameter_is_named(column, key, value):
    name, allowed, _ = BAD[key]
    names = ["ClipByValue", "ClipByNorm"] if key == "limit" else [name]
    for name in names:
        with pytest.raises(ValueError) as error:
            getattr(column.optimizers, name)(column.optimizers.Adam(), **{key: value})
        assert str(error.value) == f"{key} must be {allowed}, got {value!r}"


@each_column
def test_what_came_before_the_start_of_an_average_leaves_no_trace(column):
    o = column.optimizers
    rule, theta = o.PolyakAverage(o.GradientDescent(learning_rate=0.5), start=1), column.array([1.0, 2.0])
    state = rule.init(theta)._replace(mean=column.array([np.inf, np.nan]))
    for expected in ([0.5, 1.5], [0.0, 1.0], [-0.25, 0.75]):  # theta, theta, the mean of the last two
        theta, state = rule.update(column.array([1.0, 1.0]), state, theta)
        np.testing.assert_array_equal(rule.average(state), expected)


def test_rules_with_arrays_of_rates_can_be_compared_and_kept_in_sets():
    """They compare by identity: arrays do not say with one word whether they are equal."""
    for column in COLUMNS.values():
        o = column.optimizers
        rules = [getattr(o, name)(learning_rate=[0.1, 0.2]) for name in (
            "GradientDescent", "Momentum", "Nesterov", "Adagrad", "RMSprop", "Adam", "AMSGrad", "AdamW")]
        rules += [o.ClipByValue(rules[0], 1.0), o.ClipByNorm(rules[0], 1.0), o.L2Penalty(rules[0], 1.0),
                  o.WeightDecay(rules[0], 1.0), o.PolyakAverage(rules[0])]
        rules.append(o.in_blocks(o.Adam()) if column is NumpyColumn else o.Flattened(rules[0]))
        again = [type(rule)(**{name: getattr(rule, name) for name in rule.__dataclass_fields__}) for rule in rules]
        assert len({*rules, *again}) == 2 * len(rules)
        assert all(rule != other for rule, other in zip(rules, again))


@pytest.mark.parametrize("name", ["ClipByValue", "ClipByNorm", "L2Penalty", "WeightDecay", "PolyakAverage"])
@pytest.mark.parametrize(("column", "other"), [(NumpyColumn, TensorflowColumn), (TensorflowColumn, NumpyColumn)])
def test_what_is_no_rule_of_the_column_is_named(column, other, name):
    for wrong in ("Adam", None, column.optimizers.Adam, other.optimizers.Adam()):
        with pytest.raises(ValueError, match="rule must be a rule of labkit.*optimizers, got"):
            getattr(column.optimizers, name)(wrong, 1)


@each_column
@each_wrapper
@pytest.mark.parametrize(("grad", "theta", "message"), [
    (np.ones(3), np.ones((3, 1)), r"grad.shape must be the shape of theta, \(3, 1\), got \(3,\)"),
    (np.ones(1), np.ones(3), r"grad.shape must be the shape of theta, \(3,\), got \(1,\)"),
    (np.ones(3, "f"), np.ones(3), "grad.dtype must be the type of theta, float64, got 'float32'"),
])
def test_a_gradient_that_does_not_fit_is_named(column, make, grad, theta, message):
    rule = make(column.optimizers)
    with pytest.raises(ValueError, match=message):
        rule.update(column.array(grad), rule.init(column.array(theta)), column.array(theta))


@each_column
@pytest.mark.parametrize("name", ["ClipByNorm", "WeightDecay"])
def test_rates_that_do_not_fit_theta_are_named(column, name):
    rule = getattr(column.optimizers, name)(column.optimizers.Adam(learning_rate=[[0.1, 0.1]]), 1.0)
    theta = column.array(np.ones(2))
    with pytest.raises(ValueError, match="learning_rate.shape must be the leading axes of theta"):
        rule.update(theta, rule.init(theta), theta)
