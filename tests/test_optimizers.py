"""Update rules: the formula, the interface, the other column, Keras, and bad input."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from columns import COLUMNS, NumpyColumn, TensorflowColumn
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import problems
from labkit.reference.optimizers import in_blocks
from labkit.tf import training as tf_training

each_column = pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)

# The rules and their variants. The rates are such that 1,000 steps on Rosenbrock's function are a calm run: where
# a rule bounces about the valley by sign alone, as RMSprop does with a small epsilon, rounding grows until the two
# columns part, and a comparison would say nothing about the formulas.
RULES = {
    "GradientDescent": ("GradientDescent", {"learning_rate": 1e-3}),
    "Momentum": ("Momentum", {"learning_rate": 2e-4}),
    "Momentum-rate-outside": ("Momentum", {"learning_rate": 2e-4, "rate_inside": False}),
    "Nesterov": ("Nesterov", {"learning_rate": 2e-4}),
    "Nesterov-rate-outside": ("Nesterov", {"learning_rate": 2e-4, "rate_inside": False}),
    "Adagrad": ("Adagrad", {"learning_rate": 0.1}),
    "Adagrad-epsilon-outside": ("Adagrad", {"learning_rate": 0.1, "epsilon_inside": False}),
    "RMSprop": ("RMSprop", {"learning_rate": 1e-4}),
    "RMSprop-epsilon-outside": ("RMSprop", {"epsilon": 1.0, "epsilon_inside": False}),
    "RMSprop-centered": ("RMSprop", {"learning_rate": 2e-3, "epsilon": 10.0, "centered": True}),
    "RMSprop-momentum": ("RMSprop", {"momentum": 0.9, "epsilon": 10.0}),
    "RMSprop-rate-outside": ("RMSprop", {"momentum": 0.9, "epsilon": 3.0, "rate_inside": False,
                                         "epsilon_inside": False}),
    "RMSprop-all": ("RMSprop", {"learning_rate": 2e-3, "epsilon": 10.0, "centered": True, "momentum": 0.5,
                                "rate_inside": False}),
    "Adam": ("Adam", {"learning_rate": 0.01}),
    "Adam-epsilon-hat": ("Adam", {"learning_rate": 0.01, "epsilon_hat": True}),
    "Adam-uncorrected": ("Adam", {"learning_rate": 0.01, "bias_correction": False}),
    "AMSGrad": ("AMSGrad", {"learning_rate": 0.01}),
    "AMSGrad-epsilon-hat": ("AMSGrad", {"learning_rate": 0.01, "epsilon_hat": True}),
    "AdamW": ("AdamW", {"learning_rate": 0.01, "weight_decay": 0.1}),
    "AdamW-epsilon-hat": ("AdamW", {"learning_rate": 0.01, "weight_decay": 0.1, "epsilon_hat": True}),
}
each_rule = pytest.mark.parametrize(("name", "options"), RULES.values(), ids=RULES)

BAD_FRACTION = "a number that is at least 0 and below 1"
BAD_SIZE = "a number that is zero or positive, and finite"
HYPER_PARAMETERS = {
    "momentum": (BAD_FRACTION, [-0.1, 1.0, 2, np.nan, np.inf, "high", None, True, [0.9]]),
    "rho": (BAD_FRACTION, [-0.1, 1.0, np.nan, "high", None, True, [0.9]]),
    "beta_1": (BAD_FRACTION, [-0.1, 1.0, np.nan, "high", None, True, [0.9]]),
    "beta_2": (BAD_FRACTION, [-0.1, 1.0, 1.5, np.nan, "high", None, True, [0.999]]),
    "epsilon": (BAD_SIZE, [-1e-7, np.nan, np.inf, "small", None, True, [1e-7]]),
    "initial_accumulator_value": (BAD_SIZE, [-0.1, np.nan, np.inf, "small", None, True, [0.1]]),
    "weight_decay": (BAD_SIZE, [-0.1, np.nan, np.inf, "small", None, True, [0.1]]),
    **{name: ("True or False", [0, 1, 1.0, "yes", None, [True]])
       for name in ("rate_inside", "epsilon_inside", "epsilon_hat", "bias_correction", "centered")},
}


def make(column, name, options):
    return getattr(column.optimizers, name)(**options)


def follow(column, rule, theta, grads):
    """The thetas after each of the given gradients, in one column."""
    theta = column.array(theta)
    state, path = rule.init(theta), []
    for grad in grads:
        theta, state = rule.update(column.array(grad), state, theta)
        path.append(np.asarray(theta))
    return np.array(path)


# ---- the formulas, once more, for one number and in plain Python


def mean_of(keep, values):
    """The running mean that starts at 0, as its closed form."""
    return (1 - keep) * math.fsum(keep ** (len(values) - 1 - i) * x for i, x in enumerate(values))


def momentum_path(x, grads, learning_rate, momentum=0.9, rate_inside=True, ahead=False):
    velocity = 0.0
    for g in grads:
        velocity = momentum * velocity + g  # at a constant rate it does not matter where the rate stands
        x -= learning_rate * (g + momentum * velocity if ahead else velocity)
        yield x


def adagrad_path(x, grads, learning_rate, initial_accumulator_value=0.1, epsilon=1e-7, epsilon_inside=True):
    for t in range(1, len(grads) + 1):
        total = initial_accumulator_value + math.fsum(g * g for g in grads[:t])
        root = math.sqrt(total + epsilon) if epsilon_inside else math.sqrt(total) + epsilon
        x -= learning_rate * grads[t - 1] / root
        yield x


def rmsprop_path(x, grads, learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False,
                 epsilon_inside=True, rate_inside=True):
    velocity = 0.0
    for t in range(1, len(grads) + 1):
        spread = mean_of(rho, [g * g for g in grads[:t]])
        if centered:
            spread = max(spread - mean_of(rho, grads[:t]) ** 2, 0.0)
        root = math.sqrt(spread + epsilon) if epsilon_inside else math.sqrt(spread) + epsilon
        velocity = momentum * velocity + grads[t - 1] / root
        x -= learning_rate * velocity
        yield x


def adam_path(x, grads, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7, epsilon_hat=False,
              bias_correction=True, weight_decay=0.0, largest=False):
    highest = 0.0
    for t in range(1, len(grads) + 1):
        m, v = mean_of(beta_1, grads[:t]), mean_of(beta_2, [g * g for g in grads[:t]])
        highest = max(highest, v)
        v = highest if largest else v
        c_1, c_2 = (-math.expm1(t * math.log(b)) if b else 1.0 for b in (beta_1, beta_2))
        if not bias_correction:
            c_1 = c_2 = 1.0
        if epsilon_hat:
            epsilon_now = epsilon / math.sqrt(c_2)  # the paper's own relation between its two forms
        else:
            epsilon_now = epsilon
        x -= learning_rate * (m / c_1 / (math.sqrt(v / c_2) + epsilon_now) + weight_decay * x)
        yield x


PATHS = {
    "GradientDescent": lambda x, grads, learning_rate: momentum_path(x, grads, learning_rate, momentum=0.0),
    "Momentum": momentum_path,
    "Nesterov": lambda x, grads, **options: momentum_path(x, grads, ahead=True, **options),
    "Adagrad": adagrad_path,
    "RMSprop": rmsprop_path,
    "Adam": adam_path,
    "AMSGrad": lambda x, grads, **options: adam_path(x, grads, largest=True, **options),
    "AdamW": adam_path,
}
DRAWN = {
    "learning_rate": st.floats(1e-6, 1e2), "momentum": st.floats(0, 0.99), "rho": st.floats(0.1, 0.999),
    "beta_1": st.floats(0, 0.99), "beta_2": st.floats(0, 0.9999), "epsilon": st.sampled_from([1e-12, 1e-7, 1e-3, 1.0]),
    "initial_accumulator_value": st.sampled_from([0.0, 0.1, 3.0]), "weight_decay": st.sampled_from([0.0, 0.004, 0.1]),
}


@each_column
@each_rule
@settings(deadline=None, max_examples=15)
@given(data=st.data(), scale=st.sampled_from([1e-8, 1e-4, 1.0, 1e4, 1e8]), seed=st.integers(0, 99),
       shape=st.sampled_from([(), (1,), (4,), (2, 3), (2, 1, 2)]))
def test_a_rule_is_its_formula(column, name, options, data, scale, seed, shape):
    fields = column.optimizers.__dict__[name].__dataclass_fields__
    options = options | {key: data.draw(DRAWN[key], label=key) for key in fields if key in DRAWN}
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=shape) if name == "AdamW" else np.zeros(shape)
    grads = scale * rng.normal(size=(5, *shape))
    path = follow(column, make(column, name, options), theta, grads)
    for index in np.ndindex(shape):
        expected = list(PATHS[name](float(theta[index]), [float(g[index]) for g in grads], **options))
        np.testing.assert_allclose([p[index] for p in path], expected, rtol=1e-9, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize("steps", [100, 1000])
@each_rule
def test_the_two_columns_agree(name, options, steps):
    problem = problems.rosenbrock()
    ours, theirs = (column.training.minimize(problem, make(column, name, options), problem.start, steps=steps)
                    for column in (NumpyColumn, TensorflowColumn))
    assert ours.theta.dtype == theirs.theta.dtype == np.float64
    difference = np.linalg.norm(ours.theta[-1] - theirs.theta[-1]) / np.linalg.norm(ours.theta[-1])
    assert difference <= 1e-12
    assert ours.loss[-1] < 0.9 * ours.loss[0]  # it went somewhere


@each_rule
@settings(deadline=None, max_examples=10)
@given(scale=st.sampled_from([1e-8, 1e-4, 1.0, 1e4, 1e8]), seed=st.integers(0, 99),
       dtype=st.sampled_from(["float32", "float64"]))
def test_the_two_columns_agree_at_every_scale_and_in_their_states(name, options, scale, seed, dtype):
    rng = np.random.default_rng(seed)
    theta, grads = rng.normal(size=(2, 3)).astype(dtype), (scale * rng.normal(size=(4, 2, 3))).astype(dtype)
    rules = [make(column, name, options) for column in (NumpyColumn, TensorflowColumn)]
    ours, theirs = theta, tf.constant(theta)
    state, their_state = rules[0].init(ours), rules[1].init(theirs)
    for grad in grads:
        ours, state = rules[0].update(grad, state, ours)
        theirs, their_state = rules[1].update(tf.constant(grad), their_state, theirs)
    rtol = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(theirs, ours, rtol=rtol, atol=rtol * np.abs(ours).max())
    assert state._fields == their_state._fields and state.count == int(their_state.count) == 4
    for a, b in zip(state[1:], their_state[1:]):
        np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol * (np.abs(a).max() if len(a) else 0))


# ---- Keras

N = np.float64  # Keras rounds a Python float to float32 on its way, and leaves NumPy's alone
KERAS = {
    "GradientDescent": (lambda: keras.optimizers.SGD(N(1e-3)), {"learning_rate": 1e-3}),
    "Momentum": (lambda: keras.optimizers.SGD(N(2e-4), momentum=N(0.9)), {"learning_rate": 2e-4}),
    "Nesterov": (lambda: keras.optimizers.SGD(N(2e-4), momentum=N(0.9), nesterov=True), {"learning_rate": 2e-4}),
    "Adagrad": (lambda: keras.optimizers.Adagrad(N(0.1), N(0.1), N(1e-7)), {"learning_rate": 0.1}),
    "RMSprop": (lambda: keras.optimizers.RMSprop(N(1e-4), N(0.9), epsilon=N(1e-7)), {"learning_rate": 1e-4}),
    "RMSprop-centered": (
        lambda: keras.optimizers.RMSprop(N(2e-3), N(0.9), N(0.5), epsilon=N(10), centered=True),
        {"learning_rate": 2e-3, "momentum": 0.5, "epsilon": 10.0, "centered": True}),
    "Adam": (lambda: keras.optimizers.Adam(N(0.01), N(0.9), N(0.999), N(1e-7)),
             {"learning_rate": 0.01, "epsilon_hat": True}),
    "AMSGrad": (lambda: keras.optimizers.Adam(N(0.01), N(0.9), N(0.999), N(1e-7), amsgrad=True),
                {"learning_rate": 0.01, "epsilon_hat": True}),
    "AdamW": (lambda: keras.optimizers.AdamW(N(0.01), N(0.1), N(0.9), N(0.999), N(1e-7)),
              {"learning_rate": 0.01, "weight_decay": 0.1, "epsilon_hat": True}),
}


@pytest.mark.parametrize("steps", [100, 1000])
@pytest.mark.parametrize("name", KERAS)
def test_keras_goes_the_same_way(float64, name, steps):
    make_keras, options = KERAS[name]
    problem, optimizer = problems.rosenbrock(), make_keras()
    variable = keras.Variable(problem.start, dtype="float64")
    optimizer.build([variable])

    @tf.function
    def run():
        for _ in tf.range(steps):
            with tf.GradientTape() as tape:
                loss = problem.value(variable.value)
            optimizer.apply([tape.gradient(loss, variable.value)], [variable])

    run()
    rule = make(NumpyColumn, name.split("-")[0], options)
    ours = NumpyColumn.training.minimize(problem, rule, problem.start, steps=steps).theta[-1]
    assert np.linalg.norm(ours - variable.numpy()) / np.linalg.norm(ours) <= 1e-12


@settings(deadline=None, max_examples=20)
@given(name=st.sampled_from(sorted(KERAS)), scale=st.sampled_from([1e-8, 1e-4, 1.0, 1e4, 1e8]),
       seed=st.integers(0, 99))
def test_keras_takes_the_same_steps_at_every_scale(name, scale, seed):
    make_keras, options = KERAS[name]
    rng = np.random.default_rng(seed)
    theta, grads = rng.normal(size=3).astype("f"), (scale * rng.normal(size=(3, 3))).astype("f")
    variable, optimizer = keras.Variable(theta), make_keras()
    for grad in grads:
        optimizer.apply([tf.constant(grad)], [variable])
    ours = follow(NumpyColumn, make(NumpyColumn, name.split("-")[0], options), theta, grads)[-1]
    step = np.abs(ours - theta).max()
    np.testing.assert_allclose(ours, variable.numpy(), rtol=2e-6, atol=1e-4 * step)


@pytest.mark.parametrize(("gradient", "algorithm_1", "with_hat"), [(1e-5, 0.990, 0.760), (1e-6, 0.909, 0.240)])
@each_column
def test_the_two_epsilons_of_adam_differ_at_the_first_step(column, gradient, algorithm_1, with_hat):
    for epsilon_hat, expected in ((False, algorithm_1), (True, with_hat)):
        rule = column.optimizers.Adam(learning_rate=1.0, epsilon_hat=epsilon_hat)
        assert -follow(column, rule, [0.0], [[gradient]]).item() == pytest.approx(expected, abs=6e-4)


@each_column
def test_epsilon_inside_and_outside_the_root_of_rmsprop_differ(column):
    for inside, expected in ((True, 0.315), (False, 3.15)):
        rule = column.optimizers.RMSprop(learning_rate=1.0, epsilon_inside=inside)
        step = -follow(column, rule, [0.0], [[1e-4]]).item()
        assert step == pytest.approx(expected if not inside else 1e-4 / (1e-9 + 1e-7) ** 0.5, rel=6e-3)
        assert step == pytest.approx(expected, rel=6e-3)


@each_column
def test_where_the_rate_stands_matters_when_it_changes(column):
    def rate(step):
        return tf.where(step < 5, 1.0, 0.1) if column is TensorflowColumn else (1.0 if step < 5 else 0.1)

    grads = np.ones((6, 1))
    for inside, expected in ((True, 0.9 * 4.0951 + 0.1), (False, 0.1 * (0.9 * 4.0951 + 1))):
        path = follow(column, column.optimizers.Momentum(learning_rate=rate, rate_inside=inside), [0.0], grads)
        assert path[4, 0] - path[5, 0] == pytest.approx(expected, rel=1e-6)


def test_the_defaults_are_those_of_keras():
    for column in COLUMNS.values():
        o = column.optimizers
        assert o.SGD is o.GradientDescent
        k = keras.optimizers
        for rule, optimizer in ((o.GradientDescent(), k.SGD()), (o.Adagrad(), k.Adagrad()), (o.RMSprop(), k.RMSprop()),
                                (o.Adam(), k.Adam()), (o.AMSGrad(), k.Adam(amsgrad=True)), (o.AdamW(), k.AdamW())):
            config = optimizer.get_config()
            for field in rule.__dataclass_fields__:
                if field in config:
                    assert getattr(rule, field) == pytest.approx(config[field]), (rule, field)
        assert o.Momentum().learning_rate == o.Nesterov().learning_rate == 0.01
        assert o.Momentum().momentum == o.Nesterov().momentum == 0.9
        assert o.Momentum().rate_inside and o.RMSprop().epsilon_inside and o.RMSprop().rate_inside
        assert o.Adagrad().epsilon_inside and o.Adam().bias_correction and not o.Adam().epsilon_hat


# ---- the interface


@each_column
@each_rule
def test_update_changes_nothing_in_place(column, name, options):
    rule = make(column, name, options)
    theta, grad = column.array(np.ones(3)), column.array(np.full(3, 2.0))
    state = rule.init(theta)
    before = [np.array(x) for x in tf.nest.flatten((theta, grad, state))]
    first = rule.update(grad, state, theta)
    again = rule.update(grad, state, theta)
    rule.update(grad, first[1], first[0])
    for a, b in zip(before, tf.nest.flatten((theta, grad, state))):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(tf.nest.flatten(first), tf.nest.flatten(again)):
        np.testing.assert_array_equal(a, b)


@each_column
@each_rule
def test_a_rule_is_an_immutable_value(column, name, options):
    rate = np.array([0.1, 0.2])
    rule = make(column, name, options | {"learning_rate": rate})
    rate[:] = 9
    np.testing.assert_array_equal(rule.learning_rate, [0.1, 0.2])
    with pytest.raises(ValueError):
        rule.learning_rate[0] = 9
    with pytest.raises(AttributeError):
        rule.learning_rate = 9
    with pytest.raises(TypeError):
        getattr(column.optimizers, name)(0.1)  # keyword-only


@each_column
@each_rule
def test_an_array_of_rates_gives_each_run_its_own(column, name, options):
    rng = np.random.default_rng(0)
    theta, grads, rates = rng.normal(size=(2, 3)), rng.normal(size=(4, 2, 3)), [0.1, 0.5]
    together = follow(column, make(column, name, options | {"learning_rate": rates}), theta, grads)
    for k, rate in enumerate(rates):
        alone = follow(column, make(column, name, options | {"learning_rate": rate}), theta[k], grads[:, k])
        np.testing.assert_allclose(together[:, k], alone, rtol=1e-14, atol=1e-15)


@each_column
@each_rule
def test_a_schedule_is_asked_at_every_step(column, name, options):
    rates, asked = [0.5, 0.25, 0.125], []

    def schedule(step):
        asked.append(int(step))
        return rates[int(step)]

    grads = np.array([[1.0], [-2.0], [0.5]])
    path = follow(column, make(column, name, options | {"learning_rate": schedule}), [1.0], grads)
    assert sorted(set(asked)) == [0, 1, 2]
    unit = follow(column, make(column, name, options | {"learning_rate": 0.5}), [1.0], grads)
    np.testing.assert_allclose(path[0], unit[0], rtol=1e-15)
    assert path[1, 0] != unit[1, 0]


@each_column
@each_rule
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_type_of_theta_stays(column, name, options, dtype):
    theta = column.array([1.0, 2.0], dtype)
    rule = make(column, name, options)
    new, state = rule.update(theta, rule.init(theta), theta)
    new, state = rule.update(new, state, new)
    for array in (new, *(x for x in state[1:] if len(x))):
        assert array.dtype == theta.dtype and array.shape == theta.shape


@each_rule
def test_tensorflow_takes_nests_of_tensors(name, options):
    rng = np.random.default_rng(0)
    theta = {"weights": rng.normal(size=(2, 3, 4)), "bias": [rng.normal(size=(2, 4))]}
    grad = {"weights": rng.normal(size=(2, 3, 4)), "bias": [rng.normal(size=(2, 4))]}
    rule = make(TensorflowColumn, name, options | {"learning_rate": [0.5, 1.0]})
    new, grads = (tf.nest.map_structure(tf.constant, nest) for nest in (theta, grad))
    state = rule.init(new)
    for _ in range(2):
        new, state = rule.update(grads, state, new)
    for k, leaf in enumerate(tf.nest.flatten(theta)):
        alone = follow(NumpyColumn, make(NumpyColumn, name, options | {"learning_rate": [0.5, 1.0]}), leaf,
                       [tf.nest.flatten(grad)[k]] * 2)
        np.testing.assert_allclose(tf.nest.flatten(new)[k], alone[-1], rtol=1e-12)


@each_rule
def test_new_numbers_compile_nothing_anew(name, options):
    problem = problems.ravine()
    fields = TensorflowColumn.optimizers.__dict__[name].__dataclass_fields__
    new = {"learning_rate": 0.02, "momentum": 0.3, "rho": 0.7, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.2,
           "initial_accumulator_value": 0.5, "weight_decay": 0.03}
    new = options | {key: value for key, value in new.items() if key in fields}
    tf_training.minimize(problem, make(TensorflowColumn, name, options), [1.0, 1.0], steps=3)
    before = tf_training._compiled.cache_info().misses
    theirs = tf_training.minimize(problem, make(TensorflowColumn, name, new), [1.0, 1.0], steps=3)
    assert tf_training._compiled.cache_info().misses == before
    ours = NumpyColumn.training.minimize(problem, make(NumpyColumn, name, new), [1.0, 1.0], steps=3)
    np.testing.assert_allclose(theirs.theta, ours.theta, rtol=1e-13, atol=1e-15)


@each_rule
def test_a_rule_goes_through_tf_function_as_an_argument(name, options):
    rule = make(TensorflowColumn, name, options)
    theta = tf.constant([1.0, -2.0], tf.float64)
    compiled = tf.function(lambda rule, g, s, p: rule.update(g, s, p), jit_compile=True)
    new, state = compiled(rule, theta, rule.init(theta), theta)
    expected, expected_state = rule.update(theta, rule.init(theta), theta)
    np.testing.assert_allclose(new, expected, rtol=1e-14)
    for a, b in zip(tf.nest.flatten(state), tf.nest.flatten(expected_state)):
        np.testing.assert_allclose(a, b, rtol=1e-14)
    compiled(make(TensorflowColumn, name, options | {"learning_rate": 0.5}), theta, state, theta)
    assert compiled.experimental_get_tracing_count() == 1


@each_column
@each_rule
def test_a_nan_gradient_makes_theta_nan_and_raises_nothing(column, name, options):
    path = follow(column, make(column, name, options), [1.0, 1.0], [[1.0, np.nan], [1.0, 1.0]])
    assert np.isnan(path[:, 1]).tolist()[0] and np.isfinite(path[:, 0]).all()


@each_column
@each_rule
def test_a_zero_gradient_moves_nothing(column, name, options):
    options = options | ({"weight_decay": 0.0} if name == "AdamW" else {})
    np.testing.assert_array_equal(follow(column, make(column, name, options), [1.0, 2.0], np.zeros((3, 2))),
                                  [[1.0, 2.0]] * 3)


# ---- bad input


@each_column
@pytest.mark.parametrize("rate", [0, 0.0, -0.1, np.nan, np.inf, "fast", None, True, [], [0.1, -0.1],
                                  [[0.1], [0.1, 0.2]], 1j], ids=repr)
def test_a_bad_rate_is_named(column, rate):
    for name in dict(RULES.values()):
        with pytest.raises(ValueError, match="learning_rate must be positive and finite") as error:
            getattr(column.optimizers, name)(learning_rate=rate)
        assert "got" in str(error.value)


@each_column
@pytest.mark.parametrize(("key", "value"), [(k, v) for k, (_, values) in HYPER_PARAMETERS.items() for v in values],
                         ids=lambda x: repr(x))
def test_a_bad_hyper_parameter_is_named(column, key, value):
    rules = [getattr(column.optimizers, name) for name in sorted(dict(RULES.values()))]
    rules = [rule for rule in rules if key in rule.__dataclass_fields__]
    assert rules
    for rule in rules:
        with pytest.raises(ValueError) as error:
            rule(**{key: value})
        assert str(error.value) == f"{key} must be {HYPER_PARAMETERS[key][0]}, got {value!r}"


@each_column
@each_rule
@pytest.mark.parametrize(("grad", "theta", "message"), [
    (np.ones(3), np.ones((3, 1)), r"grad.shape must be the shape of theta, \(3, 1\), got \(3,\)"),
    (np.ones((3, 1)), np.ones(3), r"grad.shape must be the shape of theta, \(3,\), got \(3, 1\)"),
    (np.ones(1), np.ones(3), "grad.shape must be"),
    (np.ones(3, "f"), np.ones(3), "grad.dtype must be the type of theta, float64, got 'float32'"),
    (np.ones(3, int), np.ones(3, int), "theta.dtype must be a floating-point type, got 'int64'"),
])
def test_a_gradient_that_does_not_fit_is_named(column, name, options, grad, theta, message):
    rule = make(column, name, options)
    with pytest.raises(ValueError, match=message):
        rule.update(column.array(grad), rule.init(column.array(theta)), column.array(theta))


@each_column
@each_rule
@pytest.mark.parametrize("rate", [[0.1, 0.1, 0.1], [[0.1], [0.1]], [[[0.1]]]])
def test_rates_that_do_not_fit_theta_are_named(column, name, options, rate):
    rule = make(column, name, options | {"learning_rate": rate})
    theta = column.array(np.ones((2, 5)) if np.ndim(rate) != 2 else np.ones((3, 5)))
    with pytest.raises(ValueError, match="learning_rate.shape must be the leading axes of theta"):
        rule.update(theta, rule.init(theta), theta)


# ---- in blocks (NumPy)


@each_rule
@pytest.mark.parametrize(("length", "size"), [(1, 4), (10, 4), (12, 4), (10, 1), (7, 100)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blocks_give_the_same_to_the_last_bit(name, options, length, size, dtype):
    rng = np.random.default_rng(1)
    plain = make(NumpyColumn, name, options)
    blocks = in_blocks(plain, size=size)
    theta = rng.normal(size=length).astype(dtype)
    a = b = (theta, plain.init(theta))
    for _ in range(3):
        grad = rng.normal(size=length).astype(dtype)
        a, b = plain.update(grad, a[1], a[0]), blocks.update(grad, b[1], b[0])
    assert type(a[1]) is type(b[1]) and a[1].count == b[1].count == 3
    for x, y in zip((a[0], *a[1]), (b[0], *b[1])):
        np.testing.assert_array_equal(x, y)
    assert b[0].dtype == dtype


@pytest.mark.parametrize(("length", "blocks"), [(1, [1]), (3, [3]), (4, [4]), (5, [4, 1]), (10, [4, 4, 2])])
def test_a_block_is_a_stretch_of_theta_of_at_most_the_size(length, blocks):
    seen, zeros = [], np.zeros(length)

    class Spy(NumpyColumn.optimizers.GradientDescent):
        def update(self, grad, state, theta):
            seen.append(len(theta))
            return super().update(grad, state, theta)

    rule = in_blocks(Spy(), size=4)
    rule.update(zeros, rule.init(zeros), zeros)
    assert seen == blocks


def test_blocks_take_wrappers_and_schedules_and_run():
    o, problem = NumpyColumn.optimizers, problems.nesterov_worst(20)
    plain = o.PolyakAverage(o.WeightDecay(o.L2Penalty(o.ClipByValue(o.RMSprop(
        learning_rate=lambda step: 0.1 / (1 + step), centered=True), 0.2), 0.01), 0.1), start=3)
    a, b = (NumpyColumn.training.minimize(problem, rule, problem.start, steps=50)
            for rule in (plain, in_blocks(plain, size=8)))
    np.testing.assert_array_equal(a.theta, b.theta)


def test_what_blocks_cannot_do_is_named():
    o = NumpyColumn.optimizers
    for rule in (o.ClipByNorm(o.Adam(), 1.0), o.WeightDecay(o.ClipByNorm(o.Adam(), 1.0), 0.1)):
        with pytest.raises(ValueError, match="rule must be one that updates each entry of theta by itself, got"):
            in_blocks(rule)
    with pytest.raises(ValueError, match="learning_rate must be one number for the whole vector, got an array"):
        in_blocks(o.Adam(learning_rate=[0.1, 0.2]))
    with pytest.raises(ValueError, match="size must be a whole number of at least 1, got 0"):
        in_blocks(o.Adam(), size=0)
    with pytest.raises(ValueError, match="rule must be a rule of labkit.reference.optimizers, got 'Adam'"):
        in_blocks("Adam")
    rule, theta = in_blocks(o.Adam()), np.ones((2, 3))
    with pytest.raises(ValueError, match=r"theta.ndim must be 1 \(its shape is \(2, 3\)\), got 2"):
        rule.update(theta, rule.init(theta), theta)
    with pytest.raises(ValueError, match=r"grad.shape must be the shape of theta, \(2,\), got \(1,\)"):
        rule.update(np.ones(1), rule.init(np.ones(2)), np.ones(2))
