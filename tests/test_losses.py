"""Losses and penalties: the formula, Keras, the gradient, the other column, extreme logits, and bad input."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from columns import COLUMNS
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.reference import losses as REFERENCE
from labkit.tf import losses as TENSORFLOW

each_column = pytest.mark.parametrize("column", [REFERENCE, TENSORFLOW], ids=COLUMNS)
RNG = np.random.default_rng(0)
N, K, RUNS = 6, 4, 3


def softmax(z):
    return np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def rows(p, q):
    """Cross-entropy of each row, from probabilities."""
    return -np.sum(p * np.log(q), axis=-1)


NUMBERS, SIGNS, ANSWERS = RNG.normal(size=N), RNG.choice([-1.0, 1.0], N), RNG.choice([0.0, 1.0], N)
TABLE, SHARES = RNG.normal(size=(N, K)), RNG.uniform(size=(N, K))
CLASSES, ROWS = RNG.integers(K, size=N), softmax(RNG.normal(size=(N, K)))
ONE_HOT = np.eye(K)[CLASSES]

# name, options, target, the loss of every entry or sample as a formula of its own
CASES = {
    "squared": ("MeanSquaredError", {}, NUMBERS, lambda z, y: z**2 - 2 * z * y + y**2),
    "squared, table": ("MeanSquaredError", {}, TABLE, lambda z, y: z**2 - 2 * z * y + y**2),
    "absolute": ("MeanAbsoluteError", {}, NUMBERS, lambda z, y: np.where(z > y, z - y, y - z)),
    "absolute, table": ("MeanAbsoluteError", {}, TABLE, lambda z, y: np.where(z > y, z - y, y - z)),
    "huber": ("Huber", {}, NUMBERS, lambda z, y: np.where(abs(z - y) <= 1, (z - y) ** 2 / 2, abs(z - y) - 0.5)),
    "huber, wide": ("Huber", {"delta": 2.5}, TABLE, lambda z, y: np.where(
        abs(z - y) <= 2.5, (z - y) ** 2 / 2, 2.5 * (abs(z - y) - 1.25))),
    "hinge": ("Hinge", {}, SIGNS, lambda z, y: np.where(y * z < 1, 1 - y * z, 0)),
    "binary": ("BinaryCrossentropy", {}, ANSWERS, lambda z, y: np.where(y == 1, -np.log(sigmoid(z)),
                                                                        -np.log(1 - sigmoid(z)))),
    "binary, shares": ("BinaryCrossentropy", {}, SHARES, lambda z, y: np.log(1 + np.exp(z)) - y * z),
    "binary, smooth": ("BinaryCrossentropy", {"label_smoothing": 0.1}, ANSWERS, lambda z, y: (
        np.log(1 + np.exp(z)) - (0.9 * y + 0.05) * z)),
    "categorical": ("CategoricalCrossentropy", {}, CLASSES, lambda z, y: -np.log(softmax(z))[..., range(N), y]),
    "categorical, rows": ("CategoricalCrossentropy", {}, ROWS, lambda z, y: rows(y, softmax(z))),
    "categorical, smooth": ("CategoricalCrossentropy", {"label_smoothing": 0.2}, CLASSES, lambda z, y: (
        rows(0.8 * ONE_HOT + 0.05, softmax(z)))),
    "categorical, smooth rows": ("CategoricalCrossentropy", {"label_smoothing": 0.2}, ROWS, lambda z, y: (
        rows(0.8 * y + 0.05, softmax(z)))),
    "divergence": ("KLDivergence", {}, ROWS, lambda z, y: np.sum(y * (np.log(y) - np.log(softmax(z))), axis=-1)),
    "divergence, one-hot": ("KLDivergence", {}, ONE_HOT, lambda z, y: rows(y, softmax(z))),
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
each_reduction = pytest.mark.parametrize("reduction", ["mean", "sum"])


def predictions(case, scale=2.0):
    """Predictions of RUNS runs that fit the target of a case; fixed, and away from every corner."""
    shape = case[2].shape if case[0] != "CategoricalCrossentropy" else (N, K)
    return scale * np.random.default_rng(1).normal(size=(RUNS, *shape))


def make(column, case, **options):
    return getattr(column, case[0])(**case[1], **options)


def central_differences(function, z, h=1e-6):
    slopes = np.empty_like(z)
    for index in np.ndindex(z.shape):
        step = np.zeros_like(z)
        step[index] = h
        slopes[index] = (function(z + step) - function(z - step)) / (2 * h)
    return slopes


# Value and gradient

@each_column
@each_case
@each_reduction
def test_the_value_is_its_formula(column, case, reduction):
    z = predictions(case)
    samples = case[3](z, case[2])
    expected = getattr(samples.reshape(RUNS, -1), reduction)(axis=-1)
    value = make(column, case, reduction=reduction).value(z, case[2])
    assert value.shape == (RUNS,)
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-14)


@each_column
@each_case
@each_reduction
def test_the_gradient_is_the_limit_of_differences(column, case, reduction):
    loss, z = make(column, case, reduction=reduction), predictions(case)[0]
    expected = central_differences(lambda z: float(loss.value(z, case[2])), z)
    np.testing.assert_allclose(loss.gradient(z, case[2]), expected, rtol=1e-7, atol=1e-8)


@each_case
@each_reduction
def test_the_gradient_by_hand_is_that_of_the_tape(case, reduction):
    z = tf.constant(predictions(case))
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = make(TENSORFLOW, case, reduction=reduction).value(z, case[2])
    expected = tape.gradient(value, z).numpy()
    for column in (REFERENCE, TENSORFLOW):
        gradient = make(column, case, reduction=reduction).gradient(z.numpy(), case[2])
        np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-15)


@each_case
@each_reduction
@pytest.mark.parametrize(("dtype", "rtol", "atol"), [("float64", 1e-12, 1e-15), ("float32", 2e-6, 5e-7)])
def test_the_two_columns_agree(case, reduction, dtype, rtol, atol):
    for scale in (1e-8, 1.0, 30.0, 1e4):
        z = predictions(case, scale).astype(dtype)
        ours, theirs = (make(column, case, reduction=reduction) for column in (REFERENCE, TENSORFLOW))
        for method in ("value", "gradient"):
            a, b = (getattr(loss, method)(z, case[2]) for loss in (ours, theirs))
            assert a.dtype == b.numpy().dtype == dtype and a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@each_case
def test_the_compiled_value_and_gradient_agree(case):
    loss, z, y = make(TENSORFLOW, case), tf.constant(predictions(case)), tf.constant(case[2])
    compiled = tf.function(lambda z, y: (loss.value(z, y), loss.gradient(z, y)), jit_compile=True)
    for a, b in zip(compiled(z, y), (loss.value(z, y), loss.gradient(z, y))):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


@each_column
@each_case
def test_runs_along_leading_axes_are_separate(column, case):
    loss, z = make(column, case), predictions(case)
    together = np.array(loss.value(z[:, None], case[2])), np.array(loss.gradient(z[:, None], case[2]))
    assert together[0].shape == (RUNS, 1) and together[1].shape == z[:, None].shape
    for k in range(RUNS):
        np.testing.assert_allclose(together[0][k, 0], loss.value(z[k], case[2]), rtol=1e-14)
        np.testing.assert_allclose(together[1][k, 0], loss.gradient(z[k], case[2]), rtol=1e-14)
        assert loss.value(z[k], case[2]).shape == ()


@each_column
@each_case
def test_the_sum_is_the_mean_times_the_number_of_samples(column, case):
    z, y = predictions(case), case[2]
    per_row = case[0] in ("CategoricalCrossentropy", "KLDivergence")
    mean, total = (make(column, case, reduction=reduction) for reduction in ("mean", "sum"))
    for method in ("value", "gradient"):
        np.testing.assert_allclose(getattr(total, method)(z, y),
                                   np.multiply(N if per_row else y.size, getattr(mean, method)(z, y)), rtol=1e-12)


@each_column
def test_the_mean_is_the_default(column):
    for case in CASES.values():
        assert make(column, case) == make(column, case, reduction="mean") != make(column, case, reduction="sum")
        assert hash(make(column, case)) == hash(make(column, case))


@each_column
def test_a_number_as_target_draws_the_loss_as_a_curve(column):
    z = np.linspace(-3, 3, 7)
    np.testing.assert_allclose(column.MeanSquaredError().value(z, 1.0), (z - 1) ** 2)
    np.testing.assert_allclose(column.BinaryCrossentropy().gradient(z, 1.0), sigmoid(z) - 1, rtol=1e-12)
    np.testing.assert_allclose(column.Hinge(reduction="sum").value(z, -1.0), np.maximum(0, 1 + z))


@each_column
def test_the_gradient_at_a_corner_is_zero(column):
    assert np.array(column.MeanAbsoluteError().gradient([2.0], [2.0])).tolist() == [0]
    assert np.array(column.Hinge().gradient([1.0, -1.0], [1.0, -1.0])).tolist() == [0, 0]
    assert np.array(column.L1(strength=1.0).gradient([0.0])).tolist() == [0]
    np.testing.assert_allclose(column.Huber(delta=2.0).gradient([2.0, -2.0], [0.0, 0.0]), [1, -1])  # none here


# Keras: the target comes first, from_logits must be said, and "sum" still means over the last axis

KERAS = {
    "squared, table": lambda **o: keras.losses.MeanSquaredError(**o),
    "absolute, table": lambda **o: keras.losses.MeanAbsoluteError(**o),
    "huber, wide": lambda **o: keras.losses.Huber(delta=2.5, **o),
    "hinge": lambda **o: keras.losses.Hinge(**o),
    "binary": lambda **o: keras.losses.BinaryCrossentropy(from_logits=True, **o),
    "binary, shares": lambda **o: keras.losses.BinaryCrossentropy(from_logits=True, **o),
    "binary, smooth": lambda **o: keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1, **o),
    "categorical": lambda **o: keras.losses.SparseCategoricalCrossentropy(from_logits=True, **o),
    "categorical, rows": lambda **o: keras.losses.CategoricalCrossentropy(from_logits=True, **o),
    "categorical, smooth rows": lambda **o: keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=0.2, **o),
    "divergence": lambda **o: keras.losses.KLDivergence(**o),
}


@each_column
@each_reduction
@pytest.mark.parametrize("name", KERAS)
def test_keras_has_the_same_value_and_gradient(column, name, reduction):
    case = CASES[name]
    z, y = predictions(case)[0], case[2]
    column_of_ones = y.ndim == 1 and name != "categorical"
    theirs, z_keras = KERAS[name](reduction=reduction, dtype="float64"), tf.constant(z)
    with tf.GradientTape() as tape:
        tape.watch(z_keras)
        shown = tf.nn.softmax(z_keras) if name == "divergence" else z_keras
        if column_of_ones:
            shown, y_keras = shown[:, None], y[:, None]
        else:
            y_keras = y
        value = theirs(y_keras, shown)
        if reduction == "sum" and name in ("squared, table", "absolute, table", "huber, wide", "binary, shares"):
            value *= K
    ours = make(column, case, reduction=reduction)
    np.testing.assert_allclose(ours.value(z, y), value, rtol=1e-12)
    np.testing.assert_allclose(ours.gradient(z, y), tape.gradient(value, z_keras), rtol=1e-9, atol=1e-12)


@each_column
@settings(deadline=None, max_examples=25)
@given(smoothing=st.floats(0, 0.99), scale=st.sampled_from([1e-8, 1e-3, 1.0, 1e2]), seed=st.integers(0, 99))
def test_keras_smooths_labels_alike(column, smoothing, scale, seed):
    rng = np.random.default_rng(seed)
    z, classes, answers = scale * rng.normal(size=(5, 3)), rng.integers(3, size=5), rng.integers(2, size=(5, 3))
    ours = column.CategoricalCrossentropy(label_smoothing=smoothing).value(z, classes)
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing, dtype="float64")
    np.testing.assert_allclose(ours, theirs(np.eye(3)[classes], z), rtol=1e-12, atol=1e-13)
    ours = column.BinaryCrossentropy(label_smoothing=smoothing).value(z, answers)
    theirs = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=smoothing, dtype="float64")
    np.testing.assert_allclose(ours, theirs(answers.astype(float), z), rtol=1e-12, atol=1e-13)


# Extreme logits

def both_ways(column):
    """The column as it is, and for TensorFlow compiled as well."""
    def plain(loss, z, y):
        return loss.value(z, y), loss.gradient(z, y)

    if column is REFERENCE:
        return [plain]
    return [plain, lambda loss, z, y: tf.function(plain, jit_compile=True)(loss, tf.constant(z), tf.constant(y))]


@each_column
@pytest.mark.parametrize(("z", "y", "value", "slope"), [
    (1000, 1.0, 0, 0), (-1000, 0.0, 0, 0), (1000, 0.0, 1000, 1), (-1000, 1.0, 1000, -1),
    (1000, 0.25, 750, 0.75), (-1000, 0.25, 250, -0.25), (0, 1.0, np.log(2), -0.5),
    (20, 1.0, np.log1p(np.exp(-20)), -1 / (1 + np.exp(20))), (-20, 0.0, np.log1p(np.exp(-20)), 1 / (1 + np.exp(20))),
])
def test_binary_crossentropy_is_exact_at_extreme_logits(column, z, y, value, slope):
    for evaluate in both_ways(column):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = evaluate(column.BinaryCrossentropy(), np.array([z], "f"), np.array([y], "f"))
        assert float(found[0]) == pytest.approx(value, rel=2e-6, abs=1e-30)
        assert float(found[1][0]) == pytest.approx(slope, rel=2e-6, abs=1e-30)


@each_column
def test_categorical_crossentropy_is_exact_at_extreme_logits(column):
    """R57: softmax written out gives nan here, the loss from logits 2000."""
    z = np.array([[1000, 0, -1000]], "f")
    with np.errstate(all="ignore"):
        assert np.isnan(-np.log(softmax(z))[0]).any()
    q = np.array([[1, 0, 0]])
    for evaluate in both_ways(column):
        for target in range(3):
            p = np.eye(3, dtype="f")[[target]]
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                results = [evaluate(column.CategoricalCrossentropy(), z, np.array([target])),
                           evaluate(column.CategoricalCrossentropy(), z, p), evaluate(column.KLDivergence(), z, p)]
            for value, gradient in results:
                assert float(value) == 1000 * target
                np.testing.assert_array_equal(gradient, q - p)


@each_column
@pytest.mark.parametrize("name", ["MeanSquaredError", "MeanAbsoluteError", "Huber", "Hinge"])
def test_the_other_losses_are_finite_at_extreme_predictions(column, name):
    z, y = np.array([1000, -1000], "f"), np.array([1, 1], "f")
    for evaluate in both_ways(column):
        value, gradient = evaluate(getattr(column, name)(), z, y)
        expected = {"MeanSquaredError": ((999**2 + 1001**2) / 2, [999, -1001]), "MeanAbsoluteError": (1000, [.5, -.5]),
                    "Huber": (999.5, [.5, -.5]), "Hinge": (500.5, [0, -.5])}[name]
        assert float(value) == pytest.approx(expected[0], rel=1e-6)
        np.testing.assert_allclose(gradient, expected[1], rtol=1e-6)


@each_column
@each_case
@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_a_diverged_prediction_raises_nothing(column, case, broken):
    z = predictions(case)
    z[0].flat[0] = broken
    loss = make(column, case)
    with np.errstate(all="ignore"):
        value, gradient = np.array(loss.value(z, case[2])), np.array(loss.gradient(z, case[2]))
    assert np.isfinite(value[1:]).all() and np.isfinite(gradient[1:]).all()  # the other runs do not notice
    if np.isnan(broken):
        assert np.isnan(value[0])


@each_column
def test_huber_has_a_slope_where_the_square_overflows(column):
    assert float(column.Huber().gradient(np.array([1e30], "f"), np.array([0.0], "f"))[0]) == 1


# What is known of the losses

@each_column
def test_crossentropy_is_not_symmetric(column):
    """R57: H(p, q) = H(p) + KL(p, q), and H(q, p) is another number. Logarithms of probabilities are logits."""
    p, q = np.array([[0.7, 0.2, 0.1]]), np.array([[0.5, 0.3, 0.2]])
    entropy = rows(p, p)[0]
    forward = float(column.CategoricalCrossentropy().value(np.log(q), p))
    assert forward == pytest.approx(0.8869, abs=5e-5)
    assert float(column.CategoricalCrossentropy().value(np.log(p), q)) == pytest.approx(1.1217, abs=5e-5)
    assert float(column.KLDivergence().value(np.log(q), p)) == pytest.approx(forward - entropy, rel=1e-12)
    assert float(column.KLDivergence().value(np.log(p), p)) == pytest.approx(0, abs=1e-15)


@each_column
def test_a_confident_wrong_answer_keeps_its_slope(column):
    """R57: at the logit -10 with the answer "yes", and how many steps of rate 0.5 lead from -5 to p > 0.9."""
    def squared(z):
        return column.MeanSquaredError().gradient(sigmoid(z), np.ones(1)) * sigmoid(z) * (1 - sigmoid(z))

    def entropy(z):
        return column.BinaryCrossentropy().gradient(z, np.ones(1))

    wrong = np.array([-10.0])
    slopes = [abs(float(slope(wrong)[0])) for slope in (entropy, squared)]
    assert slopes[0] == pytest.approx(0.99995, abs=5e-6)
    assert slopes[1] == pytest.approx(9.1e-5, abs=5e-7)
    assert slopes[0] / slopes[1] == pytest.approx(11014, abs=0.5)

    def steps(slope):
        z, count = np.array([-5.0]), 0
        while sigmoid(z[0]) <= 0.9:
            z, count = z - 0.5 * np.array(slope(z)), count + 1
        return count

    assert (steps(entropy), steps(squared)) == (32, 238)


@each_column
def test_the_sum_has_a_curvature_n_times_as_large(column):
    """R56: with 1000 samples the largest stable rate of the sum is a thousandth of that of the mean."""
    rng = np.random.default_rng(0)
    X, theta = rng.normal(size=(1000, 3)), rng.normal(size=3)
    y = np.zeros(1000)
    slopes = [X.T @ np.array(column.MeanSquaredError(reduction=r).gradient(X @ theta, y)) for r in ("mean", "sum")]
    np.testing.assert_allclose(slopes[1] / slopes[0], 1000)


@each_column
def test_one_outlier_bends_the_squared_error_only(column):
    """R56: 50 points on y = 2x + 1, one of them moved up by 50."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, 50)
    X, y = np.stack([x, np.ones(50)], axis=1), 2 * x + 1 + 0.1 * rng.normal(size=50)
    y[0] += 50

    def fit(loss):
        theta = np.zeros(2)
        for _ in range(2000):
            theta = theta - 0.2 * X.T @ np.array(loss.gradient(X @ theta, y))
        return theta

    squared, huber = fit(column.MeanSquaredError()), fit(column.Huber())
    assert np.abs(squared - [2, 1]).max() > 0.9
    assert np.abs(huber - [2, 1]).max() < 0.15


# Bad input

@each_column
@pytest.mark.parametrize(("name", "prediction", "target", "message"), [
    ("MeanSquaredError", np.ones(3), np.ones((3, 1)),
     r"target.shape must be the trailing axes of prediction, whose shape is \(3,\) .* got \(3, 1\)"),
    ("MeanSquaredError", np.ones((3, 1)), np.ones(3), r"target.shape must be .* shape is \(3, 1\) .* got \(3,\)"),
    ("MeanAbsoluteError", np.ones((3, 2)), np.ones(3), "target.shape must be"),
    ("Huber", np.ones(3), np.ones(1), "target.shape must be"),
    ("Hinge", np.ones(1), np.ones(3), "target.shape must be"),
    ("BinaryCrossentropy", np.ones((4, 3)), np.ones((2, 3)), "target.shape must be"),
    ("KLDivergence", np.ones((3, 2)), np.full((1, 2), 0.5), "target.shape must be"),
    ("CategoricalCrossentropy", np.ones((3, 2)), np.full((1, 2), 0.5), "target.shape must be"),
    ("CategoricalCrossentropy", np.ones((3, 2)), np.zeros(2, int),
     r"target.shape must be \(n,\) for logits of shape \(..., n, k\); the prediction has shape \(3, 2\), got \(2,\)"),
    ("CategoricalCrossentropy", np.ones(3), np.zeros(3, int), r"target.shape must be \(n,\) for logits"),
    ("CategoricalCrossentropy", np.ones((2, 3)), np.zeros(2), "target must be class indices"),
    ("CategoricalCrossentropy", np.ones((2, 3)), np.zeros(2, bool), "target must be made of real numbers"),
    ("CategoricalCrossentropy", np.ones((2, 3)), [[1.0], [1.0, 2.0]], "target must be made of real numbers, got"),
    ("CategoricalCrossentropy", np.ones((2, 3)), "cats", "target must be made of real numbers, got 'cats'"),
    ("CategoricalCrossentropy", np.ones((2, 3)), np.int64(1), "target must be class indices"),
    ("CategoricalCrossentropy", np.ones((2, 3)), np.zeros((1, 2, 3)), "target must be class indices"),
    ("KLDivergence", np.ones((2, 3)), np.zeros(2), r"target.ndim must be 2 \(its shape is \(2,\)\), got 1"),
    ("MeanSquaredError", np.ones((2, 0)), np.ones(0), r"target.shape must be non-empty, got \(0,\)"),
    ("CategoricalCrossentropy", np.ones((0, 3)), np.ones(0, int), r"target.shape must be non-empty, got \(0,\)"),
    ("CategoricalCrossentropy", np.ones((0, 3)), np.ones((0, 3)), r"target.shape must be non-empty, got \(0, 3\)"),
    ("MeanSquaredError", np.ones(2), [1.0, np.nan], r"target must be finite \(1 of 2 entries are nan or infinite\)"),
    ("BinaryCrossentropy", np.ones(2), [np.inf, 0.0], r"target must be finite \(1 of 2"),
    ("CategoricalCrossentropy", np.ones((1, 2)), [[np.nan, 1.0]], r"target must be finite \(1 of 2"),
    ("KLDivergence", np.ones((1, 2)), [[np.nan, 1.0]], r"target must be finite \(1 of 2"),
    ("Hinge", np.ones(2), [0.0, 1.0], "target must be made of -1 and 1, got an array of shape"),
    ("BinaryCrossentropy", np.ones(2), [-1, 1], "target must be made of probabilities, from 0 to 1, got an array"),
    ("BinaryCrossentropy", np.ones(2), [0.0, 1.01], "target must be made of probabilities"),
    ("CategoricalCrossentropy", np.ones((2, 3)), [0, 3], "target must be made of class indices from 0 to 2, got"),
    ("CategoricalCrossentropy", np.ones((2, 3)), [-1, 2], "target must be made of class indices from 0 to 2, got"),
    ("CategoricalCrossentropy", np.ones((1, 2)), [[0.5, 0.6]], "made of rows that sum to 1; one is off by 0.1, got"),
    ("CategoricalCrossentropy", np.ones((1, 2)), [[1.5, -0.5]], "target must be made of probabilities"),
    ("KLDivergence", np.ones((2, 2)), [[0.5, 0.5], [0.5, 0.4999]], "rows that sum to 1; one is off by 0.0001"),
    ("MeanSquaredError", "here", [1.0], "prediction must be made of real numbers, got 'here'"),
    ("MeanSquaredError", np.ones(1, complex), [1.0], "prediction must be made of real numbers"),
    ("MeanSquaredError", [1.0], "here", "target must be made of real numbers, got 'here'"),
    ("MeanSquaredError", np.ones(2), [[1.0], [1.0, 2.0]], "target must be made of real numbers"),
    ("BinaryCrossentropy", np.ones(2), [True, False], "target must be made of real numbers"),
])
def test_bad_data_is_named(column, name, prediction, target, message):
    loss = getattr(column, name)()
    for evaluate in (loss.value, loss.gradient):
        with pytest.raises(ValueError, match=message):
            evaluate(prediction, target)
    if column is TENSORFLOW and isinstance(prediction, np.ndarray) and isinstance(target, np.ndarray):
        with pytest.raises(ValueError, match=message):
            loss.value(tf.constant(prediction), tf.constant(target))


@each_column
def test_swapped_arguments_raise_where_that_can_be_seen(column):
    """R61: other libraries return a number."""
    z = np.array([2.0, -3.0])
    for name, y in [("Hinge", np.array([1.0, -1.0])), ("BinaryCrossentropy", np.array([1.0, 0.0]))]:
        with pytest.raises(ValueError, match="target must be made of"):
            getattr(column, name)().value(y, z)
    for y in (np.array([1]), np.array([[0.0, 1.0]])):
        with pytest.raises(ValueError):
            column.CategoricalCrossentropy().value(y, z[None])
    with pytest.raises(ValueError, match="target must be made of probabilities"):
        column.KLDivergence().value(np.array([[0.0, 1.0]]), z[None])
    with pytest.raises(ValueError, match="target.shape must be"):
        column.MeanSquaredError().value(z, np.ones((5, 2)))  # runs count in the prediction only


@each_column
@pytest.mark.parametrize(("name", "options", "message"), [
    *[(name, {"reduction": value}, f"reduction must be one of 'mean', 'sum', got {value!r}")
      for name in dict.fromkeys(case[0] for case in CASES.values()) for value in ("none", None, "Mean")],
    *[("Huber", {"delta": value}, "delta must be a number that is positive and finite, got")
      for value in (0, -1.0, np.nan, np.inf, "wide", None, [1.0], True)],
    *[(name, {"label_smoothing": value}, "label_smoothing must be a number that is at least 0 and below 1, got")
      for name in ("BinaryCrossentropy", "CategoricalCrossentropy")
      for value in (-0.1, 1, 1.5, np.nan, "some", None, [0.1], True)],
    *[(name, {"strength": value}, r"strength must be zero or positive, and finite \(a number or an array of numbers\)")
      for name in ("L1", "L2") for value in (-1, np.nan, np.inf, "much", None, [], [0.1, -0.1], [[1.0], [1.0, 2.0]])],
])
def test_bad_options_are_named(column, name, options, message):
    with pytest.raises(ValueError, match=message):
        getattr(column, name)(**options)


@each_column
def test_a_loss_is_an_immutable_value(column):
    loss = column.Huber(delta=np.float32(0.5))
    assert loss == column.Huber(delta=0.5) != column.Huber() and len({loss, column.Huber(delta=0.5)}) == 1
    with pytest.raises(AttributeError):
        loss.delta = 2.0
    with pytest.raises(TypeError):
        column.Huber(2.0)  # keyword-only
    z, y = np.array([3.0, 4.0]), np.array([1, 1])
    loss.value(z, y), loss.gradient(z, y)
    assert z.tolist() == [3, 4] and y.tolist() == [1, 1]


@each_column
def test_integers_become_floats_and_the_type_of_the_prediction_stays(column):
    loss = column.MeanSquaredError()
    assert np.array(loss.value([1, 2], [0, 0])).dtype == np.float64 and float(loss.value([1, 2], [0, 0])) == 2.5
    assert np.array(loss.gradient(np.ones(2, "f"), np.zeros(2))).dtype == np.float32


def test_tensorflow_takes_variables_and_whole_tensors():
    loss = TENSORFLOW.MeanSquaredError()
    assert float(loss.value(tf.Variable([1.0, 3.0]), tf.constant([1, 1]))) == 2
    assert loss.value(tf.constant([1, 3]), tf.constant([1, 1])).dtype == tf.float64
    for wrong in (tf.constant(["a"]), tf.constant([True]), tf.constant([1j])):
        with pytest.raises(ValueError, match="must be made of real numbers"):
            loss.value(wrong, tf.constant([1.0]))
        with pytest.raises(ValueError, match="must be made of real numbers"):
            loss.value(tf.constant([1.0]), wrong)


def test_inside_a_compiled_function_shapes_are_checked_and_constants_too():
    loss, crossentropy = TENSORFLOW.MeanSquaredError(), TENSORFLOW.CategoricalCrossentropy()
    with pytest.raises(ValueError, match="target.shape must be"):
        tf.function(loss.value)(tf.ones(3), tf.ones((3, 1)))
    with pytest.raises(ValueError, match="target must be class indices .* type float32: its values are not known"):
        tf.function(crossentropy.value)(tf.ones((3, 2)), tf.ones(3))
    with pytest.raises(ValueError, match="target.ndim must be 2"):
        tf.function(TENSORFLOW.KLDivergence().value)(tf.ones((3, 2)), tf.ones(3))
    with pytest.raises(ValueError, match="target must be made of class indices from 0 to 1"):
        tf.function(lambda z: crossentropy.value(z, [0, 1, 2]))(tf.ones((3, 2)))
    any_batch = tf.function(loss.value, input_signature=[tf.TensorSpec([None]), tf.TensorSpec([None])])
    assert float(any_batch(tf.constant([1.0, 2.0]), tf.zeros(2))) == 2.5


# Penalties and the proximal step

THETA = RNG.normal(size=(RUNS, 5))


@each_column
@pytest.mark.parametrize("strength", [0.0, 0.3, [0.1, 0.0, 2.0]], ids=repr)
@pytest.mark.parametrize(("name", "norm"), [
    ("L1", lambda theta: np.abs(theta).sum(axis=-1)), ("L2", lambda theta: np.linalg.norm(theta, axis=-1) ** 2 / 2)])
def test_penalties_are_their_formula(column, name, norm, strength):
    penalty = getattr(column, name)(strength=strength)
    np.testing.assert_allclose(penalty.value(THETA), np.asarray(strength) * norm(THETA), rtol=1e-12)
    expected = central_differences(lambda theta: float(np.sum(penalty.value(theta))), THETA)
    np.testing.assert_allclose(penalty.gradient(THETA), expected, rtol=1e-7, atol=1e-8)
    theta = tf.constant(THETA)
    with tf.GradientTape() as tape:
        tape.watch(theta)
        value = getattr(TENSORFLOW, name)(strength=strength).value(theta)
    np.testing.assert_allclose(penalty.gradient(THETA), tape.gradient(value, theta), rtol=1e-12)
    assert np.array(penalty.gradient(THETA.astype("f"))).dtype == np.float32


@each_column
def test_keras_has_no_half_in_its_l2(column):
    theta = THETA[0].astype("f")
    assert float(column.L2(strength=0.3).value(theta)) == pytest.approx(float(keras.regularizers.L2(0.15)(theta)))
    assert float(column.L1(strength=0.3).value(theta)) == pytest.approx(float(keras.regularizers.L1(0.3)(theta)))


@each_column
@pytest.mark.parametrize("amount", [0.0, 0.3, 1.0])
def test_soft_threshold_is_the_minimiser(column, amount):
    grid = np.linspace(-4, 4, 80001)  # holds 0 exactly
    v = np.array([-3.0, -1.0, -0.31, -0.2, 0.0, 0.1, 0.3, 2.5])
    objective = (grid - v[:, None]) ** 2 / 2 + amount * np.abs(grid)
    step = np.array(column.soft_threshold(v, amount))
    np.testing.assert_allclose(step, grid[objective.argmin(axis=-1)], atol=1.01e-4)
    assert np.all(step[np.abs(v) <= amount] == 0)
    assert np.all((step - v)[step != 0] + amount * np.sign(step)[step != 0] == pytest.approx(0, abs=1e-15))
    assert v[0] == -3.0


@each_column
def test_soft_threshold_of_several_runs(column):
    step = np.array(column.soft_threshold(np.ones((2, 3), "f"), [0.25, 2.0]))
    assert step.tolist() == [[0.75] * 3, [0.0] * 3] and step.dtype == np.float32
    assert np.isnan(column.soft_threshold([np.nan, 1.0], 0.1)[0])
    np.testing.assert_allclose(column.soft_threshold([3, -2], 1), [2, -1])


def test_soft_threshold_takes_a_tensor_and_keras_agrees():
    compiled = tf.function(TENSORFLOW.soft_threshold, jit_compile=True)
    theta = tf.constant(THETA)
    np.testing.assert_allclose(compiled(theta, tf.constant(0.5)), REFERENCE.soft_threshold(THETA, 0.5), rtol=1e-12)
    np.testing.assert_allclose(keras.ops.soft_shrink(theta, 0.5), REFERENCE.soft_threshold(THETA, 0.5), rtol=1e-6)
    with pytest.raises(ValueError, match="amount must be zero or positive"):
        TENSORFLOW.soft_threshold(theta, tf.constant(-0.5))


@each_column
def test_bad_arguments_of_penalties_are_named(column):
    for penalty in (column.L1(strength=[0.1, 0.2]), column.L2(strength=[0.1, 0.2])):
        for method in (penalty.value, penalty.gradient):
            with pytest.raises(ValueError, match=r"strength.shape must be the leading axes of theta"):
                method(np.ones((3, 2)))
            with pytest.raises(ValueError, match=r"theta.shape must be \(d,\) or \(..., d\), got \(\)"):
                method(1.0)
            with pytest.raises(ValueError, match="theta must be made of real numbers"):
                method("theta")
    for amount in (-1.0, np.nan, "much", None):
        with pytest.raises(ValueError, match="amount must be zero or positive"):
            column.soft_threshold(np.ones(2), amount)
    with pytest.raises(ValueError, match="amount.shape must be the leading axes of theta"):
        column.soft_threshold(np.ones((2, 3)), [1.0, 2.0, 3.0])
