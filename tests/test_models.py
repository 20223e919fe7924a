"""Models: prediction, loss, gradient, start, the other column, Keras, and bad input."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import labkit.reference
import labkit.tf

COLUMNS = {"numpy": labkit.reference, "tensorflow": labkit.tf}
each_column = pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)

# name: how to make the model, and what its target is.
MODELS = {
    "linear": (lambda c, r: c.models.LinearRegression(3, loss_function=c.losses.MeanSquaredError(reduction=r)), "real"),
    "linear, absolute": (
        lambda c, r: c.models.LinearRegression(3, loss_function=c.losses.MeanAbsoluteError(reduction=r)), "real"),
    "linear, Huber": (
        lambda c, r: c.models.LinearRegression(3, loss_function=c.losses.Huber(reduction=r, delta=0.5)), "real"),
    "linear, hinge": (lambda c, r: c.models.LinearRegression(3, loss_function=c.losses.Hinge(reduction=r)), "signs"),
    "logistic": (
        lambda c, r: c.models.LogisticRegression(3, loss_function=c.losses.BinaryCrossentropy(reduction=r)), 2),
    "softmax": (
        lambda c, r: c.models.SoftmaxRegression(3, 4, loss_function=c.losses.CategoricalCrossentropy(reduction=r)), 4),
    "tanh": (lambda c, r: perceptron(c, "tanh", c.losses.CategoricalCrossentropy(reduction=r)), 4),
    "relu": (lambda c, r: perceptron(c, "relu", c.losses.CategoricalCrossentropy(reduction=r)), 4),
    "tanh, smoothed": (
        lambda c, r: perceptron(c, "tanh", c.losses.CategoricalCrossentropy(reduction=r, label_smoothing=0.1)), 4),
    "tanh, squared error": (lambda c, r: perceptron(c, "tanh", c.losses.MeanSquaredError(reduction=r)), "reals"),
    "relu, Huber": (lambda c, r: perceptron(c, "relu", c.losses.Huber(reduction=r)), "reals"),
    "one layer": (lambda c, r: c.models.MultilayerPerceptron(
        (3, 4), loss_function=c.losses.CategoricalCrossentropy(reduction=r)), 4),
}
each_model = pytest.mark.parametrize("name", MODELS)
each_reduction = pytest.mark.parametrize("reduction", ["mean", "sum"])


def perceptron(column, activation, loss):
    return column.models.MultilayerPerceptron((3, 5, 6, 4), activation, loss_function=loss)


def example(name, n=7, runs=(), seed=0):
    """Parameters near a random start, samples and targets."""
    rng, kind = np.random.default_rng(seed), MODELS[name][1]
    size = MODELS[name][0](labkit.reference, "mean").size
    y = {"real": lambda: rng.normal(size=n), "reals": lambda: rng.normal(size=(n, 4)),
         "signs": lambda: rng.choice([-1.0, 1.0], size=n)}.get(kind, lambda: rng.integers(kind, size=n))()
    return rng.normal(scale=0.7, size=(*runs, size)), rng.normal(size=(n, 3)), y


def central_differences(f, theta, h=1e-6):
    """The gradient of each run, one parameter after another."""
    steps = h * np.eye(theta.shape[-1])
    return np.stack([(f(theta + step) - f(theta - step)) / (2 * h) for step in steps], axis=-1)


@each_model
@each_reduction
@pytest.mark.parametrize("runs", [(), (2,), (2, 3)], ids=str)
@each_column
def test_the_gradient_is_that_of_the_loss(column, name, reduction, runs):
    model = MODELS[name][0](column, reduction)
    theta, X, y = example(name, runs=runs)
    grad = np.asarray(model.gradient(theta, X, y))
    assert grad.shape == theta.shape
    slopes = central_differences(lambda theta: np.asarray(model.loss(theta, X, y)), theta)
    np.testing.assert_allclose(grad, slopes, rtol=1e-6, atol=1e-7)


@each_model
@each_reduction
@pytest.mark.parametrize("runs", [(), (2, 3)], ids=str)
def test_the_two_columns_agree(name, reduction, runs):
    ours, theirs = (MODELS[name][0](column, reduction) for column in COLUMNS.values())
    theta, X, y = example(name, runs=runs)
    for method in ("loss", "gradient"):
        a, b = getattr(ours, method)(theta, X, y), getattr(theirs, method)(theta, X, y).numpy()
        assert np.shape(a) == b.shape and np.asarray(a).dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(ours.predict(theta, X), theirs.predict(theta, X), rtol=1e-12, atol=1e-13)


@each_model
def test_backpropagation_is_what_the_tape_finds(name):
    ours, theirs = (MODELS[name][0](column, "mean") for column in COLUMNS.values())
    theta, X, y = example(name)
    variable = tf.Variable(theta)
    with tf.GradientTape() as tape:
        loss = theirs.loss(variable, X, y)
    np.testing.assert_allclose(ours.gradient(theta, X, y), tape.gradient(loss, variable), rtol=1e-12, atol=1e-13)


@settings(deadline=None, max_examples=30)
@given(sizes=st.lists(st.integers(1, 6), min_size=2, max_size=5), activation=st.sampled_from(["tanh", "relu"]),
       n=st.integers(1, 6), scale=st.sampled_from([1e-8, 1.0, 1e4]), seed=st.integers(0, 99))
def test_perceptrons_of_any_shape_agree(sizes, activation, n, scale, seed):
    rng = np.random.default_rng(seed)
    ours, theirs = (column.models.MultilayerPerceptron(sizes, activation) for column in COLUMNS.values())
    theta, X, y = rng.normal(size=ours.size), scale * rng.normal(size=(n, sizes[0])), rng.integers(sizes[-1], size=n)
    a, b = ours.gradient(theta, X, y), theirs.gradient(theta, X, y).numpy()
    np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12 * np.abs(a).max() + 1e-300)
    np.testing.assert_allclose(ours.loss(theta, X, y), theirs.loss(theta, X, y), rtol=1e-12, atol=1e-14)


@each_column
@each_model
def test_runs_keep_to_themselves(column, name):
    model = MODELS[name][0](column, "mean")
    theta, X, y = example(name, runs=(2, 3))
    for method in ("loss", "gradient"):
        together = np.asarray(getattr(model, method)(theta, X, y))
        for run in np.ndindex(2, 3):
            np.testing.assert_allclose(together[run], getattr(model, method)(theta[run], X, y), rtol=1e-12, atol=1e-13)


@each_column
@each_model
def test_a_sum_is_n_times_a_mean(column, name):
    theta, X, y = example(name)
    mean, total = (MODELS[name][0](column, reduction) for reduction in ("mean", "sum"))
    np.testing.assert_allclose(total.loss(theta, X, y), y.size * mean.loss(theta, X, y), rtol=1e-12)
    np.testing.assert_allclose(total.gradient(theta, X, y), y.size * mean.gradient(theta, X, y), rtol=1e-12)


@each_column
def test_the_loss_of_linear_regression_by_hand(column):
    model = column.models.LinearRegression(2)
    assert model.size == 3
    theta, X, y = np.array([2.0, -1.0, 0.5]), np.array([[1.0, 0.0], [1.0, 2.0]]), np.array([2.0, 1.0])
    np.testing.assert_allclose(model.predict(theta, X), [2.5, 0.5])
    np.testing.assert_allclose(model.loss(theta, X, y), (0.5**2 + 0.5**2) / 2)
    np.testing.assert_allclose(model.gradient(theta, X, y), [0.0, -1.0, 0.0])


@each_column
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_keras_layers_with_the_same_weights_say_the_same(column, activation):
    model = column.models.MultilayerPerceptron((3, 5, 4), activation)
    theta, X, y = np.random.default_rng(1).normal(size=model.size), *example("tanh")[1:]
    layers = [keras.layers.Dense(5, activation, dtype="float64"), keras.layers.Dense(4, dtype="float64")]
    network = keras.Sequential([keras.Input((3,), dtype="float64"), *layers])
    for layer, pair in zip(layers, model.unpack(theta)):
        layer.set_weights([np.asarray(part) for part in pair])
    np.testing.assert_allclose(model.predict(theta, X), network(X), rtol=1e-12, atol=1e-13)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, network(X))
    np.testing.assert_allclose(model.loss(theta, X, y), loss, rtol=1e-6)  # Keras sums in float32


@each_column
def test_layers_lie_in_theta_one_after_another(column):
    model = column.models.MultilayerPerceptron((2, 3, 1), loss_function=column.losses.MeanSquaredError())
    (w1, b1), (w2, b2) = model.unpack(np.arange(26.0).reshape(2, 13))
    assert model.size == 13
    np.testing.assert_array_equal(w1[0], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(b1, [[6, 7, 8], [19, 20, 21]])
    np.testing.assert_array_equal(w2[1], [[22], [23], [24]])
    np.testing.assert_array_equal(b2, [[12], [25]])
    [(weights, bias)] = column.models.LinearRegression(2).unpack(np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(weights, [[0, 1], [3, 4]])
    np.testing.assert_array_equal(bias, [2, 5])


def test_layers_are_views():
    model, theta = labkit.reference.models.MultilayerPerceptron((2, 3, 1)), np.zeros((2, 13))
    for part in (part for layer in model.unpack(theta) for part in layer):
        assert np.shares_memory(part, theta)


@each_column
@pytest.mark.parametrize(("activation", "spread"), [("tanh", np.sqrt(2 / 300)), ("relu", np.sqrt(2 / 200))])
def test_the_start_of_a_perceptron(column, activation, spread):
    model = column.models.MultilayerPerceptron((200, 100, 50), activation)
    theta = model.init(3)
    assert isinstance(theta, np.ndarray) and theta.dtype == np.float64 and theta.shape == (model.size,)
    (weights, bias), (_, last_bias) = model.unpack(theta)
    assert np.std(weights) == pytest.approx(spread, rel=0.02)
    assert abs(np.mean(weights)) < 4 * spread / np.sqrt(20000)
    if activation == "tanh":
        assert np.sqrt(6 / 300) * 0.999 < np.max(np.abs(weights)) <= np.sqrt(6 / 300)
    assert not np.any(bias) and not np.any(last_bias)
    np.testing.assert_array_equal(theta, model.init(3))
    assert not np.array_equal(theta, model.init(4))


@each_model
def test_both_columns_start_at_the_same_point(name):
    ours, theirs = (MODELS[name][0](column, "mean") for column in COLUMNS.values())
    np.testing.assert_array_equal(ours.init(5), theirs.init(5))


@each_column
def test_convex_models_start_at_zero(column):
    for model in (column.models.LinearRegression(3), column.models.LogisticRegression(3),
                  column.models.SoftmaxRegression(3, 4)):
        np.testing.assert_array_equal(model.init(7), np.zeros(model.size))


@each_column
def test_accuracy_counts_hits(column):
    X = np.array([[1.0], [2.0], [-1.0], [-2.0]])
    logistic = column.models.LogisticRegression(1)
    theta = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_array_equal(logistic.accuracy(theta, X, [1, 0, 0, 0]), [0.75, 0.25, 0.25])
    softmax = column.models.SoftmaxRegression(1, 3)
    theta = np.array([[1.0, 0.0, -1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]])  # weights, then biases
    np.testing.assert_array_equal(softmax.accuracy(theta, X, [0, 0, 2, 1]), [0.75, 0.25])
    layer = column.models.MultilayerPerceptron((1, 3))
    np.testing.assert_array_equal(layer.accuracy(theta, X, [0, 0, 2, 1]), [0.75, 0.25])
    for model, y, expected in ((logistic, [1, 0, 0, 0], 0.75), (softmax, [0, 0, 2, 1], 0.75)):
        one = np.array([1.0, 0.0]) if model is logistic else theta[0]
        assert np.array(model.accuracy(one, X, y)) == expected  # one run, and three axes of runs
        many = np.array(model.accuracy(np.tile(one, (2, 3, 1, 1)), X, y))
        np.testing.assert_array_equal(many, np.full((2, 3, 1), expected))


@each_column
def test_a_regression_has_no_accuracy(column):
    model = column.models.MultilayerPerceptron((3, 4), loss_function=column.losses.MeanSquaredError())
    theta, X, y = example("tanh")
    with pytest.raises(ValueError, match="loss_function must be a CategoricalCrossentropy of labkit"):
        model.accuracy(model.init(), X, y)
    assert not hasattr(column.models.LinearRegression(3), "accuracy")


@each_column
@each_model
def test_float32_stays_and_data_follow_theta(column, name):
    model = MODELS[name][0](column, "mean")
    theta, X, y = example(name)
    for dtype in (np.float32, np.float64):
        for method in ("loss", "gradient"):
            assert np.asarray(getattr(model, method)(theta.astype(dtype), X, y)).dtype == dtype
            assert np.asarray(getattr(model, method)(theta.astype(dtype), X.astype("f"), y)).dtype == dtype


@each_column
def test_integers_and_lists_are_data(column):
    model = column.models.LinearRegression(2)
    np.testing.assert_allclose(model.loss([1, 1, 1], [[1, 2], [3, 4]], [4, 8]), 0.0)


@each_column
@each_model
def test_nothing_is_changed_in_place(column, name):
    model = MODELS[name][0](column, "mean")
    given = example(name)
    copies = [array.copy() for array in given]
    model.gradient(*given)
    model.loss(*given)
    for array, copy in zip(given, copies):
        np.testing.assert_array_equal(array, copy)


@each_column
def test_logits_of_a_thousand_are_no_trouble(column):
    model, X = column.models.SoftmaxRegression(1, 2), np.array([[1000.0], [-1000.0]], "f")
    theta = np.array([1.0, -1.0, 0.0, 0.0], "f")
    np.testing.assert_allclose(model.loss(theta, X, [1, 1]), 1000.0)
    assert np.all(np.isfinite(model.gradient(theta, X, [1, 1])))


@each_column
def test_equal_models_are_equal(column):
    """Programs are kept by model, so an equal one must find them."""
    first, again, other = (column.models.MultilayerPerceptron(sizes) for sizes in ((3, 4, 2), [3, 4, 2], (3, 5, 2)))
    assert first == again and hash(first) == hash(again) and first != other
    read = column.models.MultilayerPerceptron((3, 4, 2), "".join(("ta", "nh")))  # a word that is equal, not the same
    assert read == first
    np.testing.assert_array_equal(read.predict(read.init(0), np.ones((1, 3))),
                                  first.predict(first.init(0), np.ones((1, 3))))
    np.testing.assert_array_equal(read.gradient(read.init(0), np.ones((1, 3)), [0]),
                                  first.gradient(first.init(0), np.ones((1, 3)), [0]))
    with pytest.raises(AttributeError):
        first.sizes = (1, 2)


def test_theta_may_be_a_tensor_inside_a_function():
    model, (theta, X, y) = labkit.tf.models.MultilayerPerceptron((3, 5, 4)), example("tanh")
    theta = model.init(0)
    compiled = tf.function(lambda theta: model.gradient(theta, X, y), jit_compile=True)
    np.testing.assert_allclose(compiled(tf.constant(theta)), model.gradient(theta, X, y), rtol=1e-12, atol=1e-15)


def test_the_number_of_runs_may_be_unknown_inside_a_function():
    model, (_, X, y) = labkit.tf.models.MultilayerPerceptron((3, 5, 4)), example("tanh")
    theta = np.stack([model.init(seed) for seed in range(3)])
    compiled = tf.function(lambda theta: model.loss(theta, X, y),
                           input_signature=[tf.TensorSpec([None, model.size], tf.float64)])
    for runs in (3, 2):
        np.testing.assert_allclose(compiled(theta[:runs]), model.loss(theta[:runs], X, y), rtol=1e-12)


@each_column
@pytest.mark.parametrize(("make", "message"), [
    (lambda c: c.models.LinearRegression(0), "features must be a whole number of at least 1, got 0"),
    (lambda c: c.models.LogisticRegression(2.0), "features must be a whole number of at least 1, got 2.0"),
    (lambda c: c.models.SoftmaxRegression(True, 3), "features must be a whole number of at least 1, got True"),
    (lambda c: c.models.SoftmaxRegression(3, 1), "classes must be a whole number of at least 2, got 1"),
    (lambda c: c.models.MultilayerPerceptron((3,)), r"sizes must be a tuple of at least two whole .* got \(3,\)"),
    (lambda c: c.models.MultilayerPerceptron((3, 0)), r"sizes must be a tuple of at least two whole .* got \(3, 0\)"),
    (lambda c: c.models.MultilayerPerceptron((3, 1.5)), "sizes must be a tuple of at least two whole"),
    (lambda c: c.models.MultilayerPerceptron(5), "sizes must be a tuple of at least two whole .* got 5"),
    (lambda c: c.models.MultilayerPerceptron((3, 4), "sigmoid"),
     "activation must be one of 'tanh', 'relu', got 'sigmoid'"),
    (lambda c: c.models.MultilayerPerceptron((3, 4), None), "activation must be one of 'tanh', 'relu', got None"),
    (lambda c: c.models.LinearRegression(3, loss_function=c.losses.BinaryCrossentropy()),
     "loss_function must be a MeanSquaredError or MeanAbsoluteError or Huber or Hinge of labkit"),
    (lambda c: c.models.LogisticRegression(3, loss_function=c.losses.Hinge()),
     "loss_function must be a BinaryCrossentropy of labkit"),
    (lambda c: c.models.SoftmaxRegression(3, 2, loss_function="mse"),
     "loss_function must be a CategoricalCrossentropy of labkit.* got 'mse'"),
    (lambda c: c.models.MultilayerPerceptron((3, 2), loss_function=c.losses.Hinge()),
     "loss_function must be a CategoricalCrossentropy or MeanSquaredError or MeanAbsoluteError or Huber of labkit"),
    (lambda c: c.models.MultilayerPerceptron().init(-1), "seed must be a whole number that is zero or .* got -1"),
    (lambda c: c.models.LinearRegression(2).init(0.5), "seed must be a whole number that is zero or .* got 0.5"),
])
def test_a_bad_model_is_named(column, make, message):
    with pytest.raises(ValueError, match=message):
        make(column)


def test_a_loss_of_the_other_column_is_refused():
    for column, other in (COLUMNS.values(), reversed(COLUMNS.values())):
        with pytest.raises(ValueError, match=f"loss_function must be .* of {column.__name__}.losses"):
            column.models.LinearRegression(3, loss_function=other.losses.MeanSquaredError())


X3 = np.ones((4, 3))
BAD_DATA = [
    ("linear", {"theta": np.ones(3)}, r"theta.shape must be \(4,\) or \(..., 4\), got \(3,\)"),
    ("linear", {"theta": 1.0}, r"theta.shape must be \(4,\) or \(..., 4\), got \(\)"),
    ("linear", {"theta": "zero"}, "theta must be made of real numbers"),
    ("linear", {"X": np.ones(4)}, r"X.ndim must be 2 \(its shape is \(4,\)\), got 1"),
    ("linear", {"X": np.ones((4, 2))}, r"X.shape must be \(n, 3\), got \(4, 2\)"),
    ("linear", {"X": np.ones((0, 3))}, r"X.shape must be non-empty, got \(0, 3\)"),
    ("linear", {"X": np.full((4, 3), np.nan)}, r"X must be finite \(12 of 12 entries are nan or infinite\)"),
    ("linear", {"X": np.full((4, 3), "a")}, "X must be made of real numbers"),
    ("linear", {"X": X3 * 1j}, "X must be made of real numbers"),
    ("linear", {"y": np.ones((4, 1))}, r"y.shape must be \(4,\), one target for each row of X, got \(4, 1\)"),
    ("linear", {"y": np.ones(3)}, r"y.shape must be \(4,\), one target for each row of X, got \(3,\)"),
    ("linear", {"y": np.array([1, 2, np.inf, 3])}, r"y must be finite \(1 of 4 entries are nan or infinite\)"),
    ("linear, hinge", {"y": np.array([0.0, 1, 0, 1])}, "target must be made of -1 and 1"),
    ("logistic", {"y": np.ones((4, 1), int)}, r"y.shape must be \(4,\), one class for each row of X, got \(4, 1\)"),
    ("logistic", {"y": np.array([0, 1, 2, 1])}, "y must be made of classes, whole numbers from 0 to 1"),
    ("logistic", {"y": np.array([-1, 1, -1, 1])}, "y must be made of classes, whole numbers from 0 to 1"),
    ("logistic", {"y": np.array([0.0, 1, 0, 1])}, "y must be made of classes, whole numbers from 0 to 1, got an array"),
    ("softmax", {"y": np.array([0, 1, 2, 4])}, "y must be made of classes, whole numbers from 0 to 3"),
    ("tanh", {"y": np.array(["0", "1", "2", "3"])}, "y must be made of classes, whole numbers from 0 to 3"),
    ("tanh", {"y": np.zeros((4, 4))}, r"y.shape must be \(4,\), one class for each row of X, got \(4, 4\)"),
    ("tanh, squared error", {"y": np.zeros(4)}, r"y.shape must be \(4, 4\), one target for each row of X, got \(4,\)"),
]


@each_column
@pytest.mark.parametrize(("name", "wrong", "message"), BAD_DATA)
def test_bad_data_are_named(column, name, wrong, message):
    model, (theta, _, y) = MODELS[name][0](column, "mean"), example(name, n=4)
    arguments = {"theta": theta, "X": X3, "y": y, **wrong}
    for method in ("loss", "gradient"):
        with pytest.raises(ValueError, match=message):
            getattr(model, method)(**arguments)
    if "y" not in wrong:
        arguments.pop("y")
        with pytest.raises(ValueError, match=message):
            model.predict(**arguments)


@each_column
def test_a_perceptron_predicts_in_blocks_of_rows(column):
    model = column.models.MultilayerPerceptron((3, 5, 2))
    theta, X = np.stack([model.init(0), model.init(1)]), np.random.default_rng(0).normal(size=(300, 3))
    whole = np.asarray(model.predict(theta, X))
    one_by_one = [np.asarray(model.predict(theta, row[np.newaxis])) for row in X]
    assert whole.shape == (2, 300, 2)
    np.testing.assert_allclose(whole, np.concatenate(one_by_one, axis=1), rtol=1e-12)
