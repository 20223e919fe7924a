"""Fits and range tests in both columns: agreement, batches, Keras, divergence, progress, and bad input."""

import warnings
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

import labkit.reference
import labkit.tf
from labkit import data, problems
from labkit.tf import training as tf_training

COLUMNS = {"numpy": labkit.reference, "tensorflow": labkit.tf}
each_column = pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)

BLOBS = np.random.default_rng(0)
CLASSES = BLOBS.integers(3, size=50)
POINTS = BLOBS.normal(size=(3, 4))[CLASSES] + 0.7 * BLOBS.normal(size=(50, 4))


def gradient_descent(column, rate=0.1):
    return column.optimizers.GradientDescent(learning_rate=rate)


def network(column, activation="tanh"):
    return column.models.MultilayerPerceptron((4, 8, 3), activation)


def fit(column, optimizer=None, X=POINTS, y=CLASSES, model=None, **options):
    return column.training.fit(model or network(column), optimizer or gradient_descent(column), X, y,
                               **{"epochs": 2, "batch_size": 16, **options})


def by_hand(optimizer, batches, model=None, theta0=None, X=POINTS, y=CLASSES):
    """The loop over given batches, with the reference's gradient; a batch of its own length divides by that length."""
    model = model or network(labkit.reference)
    theta = model.init(0) if theta0 is None else theta0
    state = optimizer.init(theta)
    for batch in batches:
        theta, state = optimizer.update(model.gradient(theta, X[batch], y[batch]), state, theta)
    return theta


def assert_near(ours, theirs, tolerance=1e-12):
    """Nearer than the tolerance, relative to the largest entry."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    assert np.max(np.abs(ours - theirs)) <= tolerance * np.max(np.abs(theirs))


@pytest.mark.parametrize("steps", [100, 1000])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("rule", ["GradientDescent", "Momentum", "Adam"])
def test_the_two_columns_agree(rule, activation, steps):
    """Rates at which a fit goes down smoothly: along a chaotic path every rounding would double again and again."""
    rate = {"GradientDescent": 0.05, "Momentum": 0.005, "Adam": 0.001}[rule]
    ours, theirs = (fit(column, getattr(column.optimizers, rule)(learning_rate=rate), model=network(column, activation),
                        epochs=steps // 4) for column in COLUMNS.values())  # 16 + 16 + 16 + 2: four steps an epoch
    assert ours.epochs == theirs.epochs == steps // 4
    assert ours.loss[-1] < 0.9 * ours.loss[0]
    assert_near(ours.theta, theirs.theta)
    assert_near(ours.loss, theirs.loss)


@each_column
@pytest.mark.parametrize("make", [
    lambda c: (c.models.LinearRegression(4), POINTS[:, 0] - POINTS[:, 1]),
    lambda c: (c.models.LogisticRegression(4), CLASSES % 2),
    lambda c: (c.models.SoftmaxRegression(4, 3), CLASSES),
    lambda c: (c.models.MultilayerPerceptron((4, 5, 2), loss_function=c.losses.MeanSquaredError()), POINTS[:, :2]),
], ids=["linear", "logistic", "softmax", "perceptron with real targets"])
def test_every_model_can_be_fitted(column, make):
    model, y = make(column)
    history = fit(column, model=model, y=y, epochs=20)
    reference, _ = make(labkit.reference)
    batches = [batch for epoch in data.minibatches(50, 16, 20, seed=0) for batch in epoch]
    assert_near(history.theta, by_hand(gradient_descent(labkit.reference), batches, reference, y=y))
    np.testing.assert_allclose(history.loss[0], reference.loss(reference.init(0), POINTS, y), rtol=1e-12)
    np.testing.assert_allclose(history.loss[-1], reference.loss(history.theta, POINTS, y), rtol=1e-10)
    assert history.loss.shape == (21,) and history.loss[-1] < history.loss[0]


@each_column
@pytest.mark.parametrize("batch_size", [1, 7, 16, 25, 49, 50])
def test_a_fit_is_the_loop_written_by_hand(column, batch_size):
    """7, 16 and 49 leave a short batch; its gradient is the mean over its own samples."""
    orders = np.random.default_rng(3)
    batches = []
    for _ in range(2):
        order = orders.permutation(50)
        batches += [order[k:k + batch_size] for k in range(0, 50, batch_size)]
    history = fit(column, batch_size=batch_size, seed=3, theta0=network(column).init(0))
    assert_near(history.theta, by_hand(gradient_descent(labkit.reference), batches))


@each_column
def test_a_short_batch_is_divided_by_its_own_size(column):
    """One sample is left over: a mean over 4 instead of 1 would move theta a quarter as far."""
    model, X, y = column.models.LinearRegression(1), np.ones((5, 1)), np.array([1.0, 1.0, 1.0, 1.0, 9.0])
    history = fit(column, gradient_descent(column, 0.25), X, y, model, epochs=1, batch_size=4, theta0=[0.0, 0.0])
    order, theta = np.random.default_rng(0).permutation(5), 0.0
    for batch in (order[:4], order[4:]):
        theta += 0.25 * 2 * np.mean(y[batch] - 2 * theta)  # weight and bias stay equal: the prediction is 2 theta
    np.testing.assert_allclose(history.theta, [theta, theta], rtol=1e-14)


@each_column
def test_an_epoch_visits_every_sample_once(column):
    """The gradient of a sum over errors of 1e3 and more has one sign, so the counts can be read off theta."""
    n, epochs = 23, 3
    model = column.models.LinearRegression(n, loss_function=column.losses.MeanAbsoluteError(reduction="sum"))
    history = fit(column, gradient_descent(column, 1.0), np.eye(n), np.full(n, 1e3), model, epochs=epochs, batch_size=5)
    np.testing.assert_array_equal(history.theta, [epochs] * n + [epochs * n])


@each_column
@pytest.mark.parametrize("batch_size", [50, 51, 5000])
def test_a_batch_of_all_samples_is_full_batch_descent(column, batch_size):
    model = network(labkit.reference)

    class Problem:
        start = model.init(0)
        value = staticmethod(lambda theta: model.loss(theta, POINTS, CLASSES))
        gradient = staticmethod(lambda theta: model.gradient(theta, POINTS, CLASSES))

    path = labkit.reference.training.minimize(Problem, gradient_descent(labkit.reference), Problem.start, steps=30)
    history = fit(column, batch_size=batch_size, epochs=30, seed=0)
    assert_near(history.theta, path.theta[-1])
    assert_near(history.loss, path.loss)


@each_column
def test_minimize_takes_the_loss_of_a_model(column):
    model = network(column)

    class Problem:
        start = model.init(0)
        value = staticmethod(lambda theta: model.loss(theta, POINTS, CLASSES))
        gradient = staticmethod(lambda theta: model.gradient(theta, POINTS, CLASSES))

    path = column.training.minimize(Problem, gradient_descent(column), Problem.start, steps=10)
    assert_near(path.theta[-1], fit(column, batch_size=50, epochs=10).theta)


@each_column
def test_the_seed_draws_the_order_and_the_start(column):
    first, again, other = (fit(column, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.theta, again.theta)
    np.testing.assert_array_equal(first.loss, again.loss)
    assert first.loss[0] != other.loss[0]
    start = network(column).init(7)
    same_start = [fit(column, seed=seed, theta0=start) for seed in (1, 2)]
    assert same_start[0].loss[0] == same_start[1].loss[0]
    assert not np.array_equal(same_start[0].theta, same_start[1].theta)


def keras_network(model, theta, dtype):
    """The same network of Keras's layers, with the same weights."""
    layers = [keras.layers.Dense(8, "tanh", dtype=dtype), keras.layers.Dense(3, dtype=dtype)]
    stack = keras.Sequential([keras.Input((4,), dtype=dtype), *layers])
    for layer, pair in zip(layers, model.unpack(theta)):
        layer.set_weights([np.asarray(part) for part in pair])
    return stack


@each_column
@pytest.mark.parametrize("ours", ["GradientDescent", "Momentum", "Nesterov", "Adam"])
def test_keras_on_the_same_batches_ends_at_the_same_weights(float64, column, ours):
    """Keras's rules, in Keras's conventions; its layers, gradients from the tape, its float64."""
    rule, theirs = {
        "GradientDescent": (lambda o: o.GradientDescent(learning_rate=0.1), lambda k: k.SGD(np.float64(0.1))),
        "Momentum": (lambda o: o.Momentum(learning_rate=0.05), lambda k: k.SGD(np.float64(0.05), np.float64(0.9))),
        "Nesterov": (lambda o: o.Nesterov(learning_rate=0.05),
                     lambda k: k.SGD(np.float64(0.05), np.float64(0.9), nesterov=True)),
        "Adam": (lambda o: o.Adam(learning_rate=0.01, epsilon_hat=True),
                 lambda k: k.Adam(np.float64(0.01), np.float64(0.9), np.float64(0.999), np.float64(1e-7))),
    }[ours]
    model = network(column)
    stack = keras_network(model, model.init(5), "float64")
    optimizer = theirs(keras.optimizers)
    optimizer.build(stack.trainable_variables)
    for batch in (batch for epoch in data.minibatches(50, 16, 5, seed=5) for batch in epoch):
        with tf.GradientTape() as tape:
            errors = tf.nn.sparse_softmax_cross_entropy_with_logits(CLASSES[batch], stack(POINTS[batch]))
            loss = tf.reduce_mean(errors)
        optimizer.apply(tape.gradient(loss, stack.trainable_variables))
    weights = np.concatenate([variable.numpy().ravel() for variable in stack.trainable_variables])
    assert_near(fit(column, rule(column.optimizers), epochs=5, seed=5).theta, weights)


@each_column
def test_keras_train_on_batch_ends_nearby(column):
    """In float32, as Keras trains by default."""
    stack = keras_network(network(column), network(column).init(0), "float32")
    stack.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for batch in (batch for epoch in data.minibatches(50, 16, 2) for batch in epoch):
        stack.train_on_batch(POINTS[batch].astype("f"), CLASSES[batch])
    weights = np.concatenate([variable.numpy().ravel() for variable in stack.trainable_variables])
    assert_near(fit(column).theta.astype("f"), weights, 1e-5)


@each_column
@pytest.mark.parametrize("rule", ["GradientDescent", "Adam"])
@pytest.mark.parametrize("batch_size", [16, 50])
def test_many_rates_are_one_fit(column, rule, batch_size):
    rates = np.array([[0.001, 0.01], [0.03, 0.1]])
    kind = getattr(column.optimizers, rule)
    together = fit(column, kind(learning_rate=rates), batch_size=batch_size, epochs=5)
    assert together.theta.shape == (2, 2, network(column).size) and together.loss.shape == (6, 2, 2)
    for run in np.ndindex(2, 2):
        alone = fit(column, kind(learning_rate=rates[run]), batch_size=batch_size, epochs=5)
        assert_near(together.theta[run], alone.theta)
        assert_near(together.loss[:, *run], alone.loss)


@each_column
def test_many_starts_are_one_fit(column):
    starts = np.stack([network(column).init(seed) for seed in range(3)])
    together = fit(column, theta0=starts)
    for start, theta in zip(starts, together.theta):
        assert_near(theta, fit(column, theta0=start).theta)
    one_rate_each = fit(column, gradient_descent(column, [0.1, 0.1, 0.1]), theta0=starts)
    assert_near(one_rate_each.theta, together.theta)


@each_column
def test_a_schedule_counts_batches(column):
    seen = lambda step: 0.1 / (1.0 + 1.0 * step) if not tf.is_tensor(step) else 0.1 / (1.0 + tf.cast(step, tf.float64))  # noqa: E731
    history = fit(column, gradient_descent(column, seen), theta0=network(column).init(0))
    model, batches = network(labkit.reference), data.minibatches(50, 16, 2)
    theta = model.init(0)
    for step, batch in enumerate(batch for epoch in batches for batch in epoch):
        theta = theta - 0.1 / (1 + step) * model.gradient(theta, POINTS[batch], CLASSES[batch])
    assert_near(history.theta, theta)


@each_column
def test_nothing_is_changed_in_place(column):
    given = [POINTS.copy(), CLASSES.copy(), network(column).init(0)]
    copies = [array.copy() for array in given]
    history = fit(column, X=given[0], y=given[1], theta0=given[2])
    history.theta[...] = 7
    for array, copy in zip(given, copies):
        np.testing.assert_array_equal(array, copy)


@each_column
def test_the_type_of_a_fit_is_that_of_its_start(column):
    start = network(column).init(0)
    for theta0, X, expected in [(None, POINTS, "float64"), (None, POINTS.astype("f"), "float32"),
                                (start.astype("f"), POINTS, "float32"), (start, POINTS.astype("f"), "float64")]:
        history = fit(column, X=X, theta0=theta0)
        assert history.theta.dtype == history.loss.dtype == expected
    assert fit(column, X=np.round(POINTS).astype(int)).theta.dtype == np.float64


@each_column
def test_a_diverging_fit_says_so_and_warns_nothing(column):
    X, y = POINTS, POINTS[:, 0]
    model = column.models.LinearRegression(4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = fit(column, gradient_descent(column, 1e3), X, y, model, epochs=60)
        several = fit(column, gradient_descent(column, [0.01, 1e3]), X, y, model, epochs=60)
    epoch = history.diverged_at
    assert np.isfinite(history.loss[epoch - 1]) and not np.isfinite(history.loss[epoch])
    assert f"diverged at epoch {epoch}" in repr(history)
    assert several.diverged_at.tolist() == [-1, epoch] and repr(several) == "History(2 runs of 60 epochs)"
    calm = fit(column, X=X, y=y, model=model)
    assert calm.diverged_at is None and "diverged" not in repr(calm)


def test_a_new_rate_start_seed_or_data_compile_nothing_anew():
    fit(labkit.tf)
    before = tf_training._compiled_fit.cache_info().misses
    fit(labkit.tf, gradient_descent(labkit.tf, 0.2), X=POINTS + 1, seed=5)
    fit(labkit.tf, y=2 - CLASSES, theta0=network(labkit.tf).init(9), model=network(labkit.tf))
    assert tf_training._compiled_fit.cache_info().misses == before
    fit(labkit.tf, gradient_descent(labkit.tf, [0.1, 0.2]))
    assert tf_training._compiled_fit.cache_info().misses == before + 1


# Lengths that one call of a program covers, that hundredths divide, and that leave a rest.
@each_column
@pytest.mark.parametrize("epochs", [1, 3, 200, 250])
def test_progress_changes_no_number_of_a_fit(column, epochs, capfd):
    silent = fit(column, epochs=epochs)
    assert capfd.readouterr() == ("", "")
    shown = fit(column, epochs=epochs, progress=True)
    out, err = capfd.readouterr()
    assert out == "" and f"{epochs}/{epochs}" in err
    np.testing.assert_array_equal(shown.theta, silent.theta)
    np.testing.assert_array_equal(shown.loss, silent.loss)


@each_column
@pytest.mark.parametrize(("steps", "tolerance"), [(1, None), (99, None), (250, None), (250, 1e-3), (250, 1e9)])
@pytest.mark.parametrize("rule", ["GradientDescent", "Adam"])
def test_progress_changes_no_number_of_a_minimisation(column, rule, steps, tolerance, capfd):
    problem, optimizer = problems.ravine(), getattr(column.optimizers, rule)(learning_rate=0.05)
    options = {"steps": steps, "tolerance": tolerance}
    silent = column.training.minimize(problem, optimizer, problem.start, **options)
    assert capfd.readouterr() == ("", "")
    shown = column.training.minimize(problem, optimizer, problem.start, **options, progress=True)
    out, err = capfd.readouterr()
    assert out == "" and f"{silent.steps}/{steps}" in err
    for name in ("theta", "loss", "gradient_norm"):
        np.testing.assert_array_equal(getattr(shown, name), getattr(silent, name))


@pytest.mark.parametrize(("loop", "length", "calls"), [
    ("minimize", 1, 1), ("minimize", 101, 51), ("minimize", 250, 84), ("fit", 250, 84)])
def test_a_run_is_one_call_of_its_program_and_with_progress_as_many_as_hundredths(loop, length, calls, monkeypatch):
    called, call = [], tf_training.call
    monkeypatch.setattr(tf_training, "call", lambda program, *inputs: called.append(1) or call(program, *inputs))
    for progress, expected in ((False, 1), (True, calls)):
        called.clear()
        if loop == "fit":
            fit(labkit.tf, epochs=length, progress=progress)
        else:
            tf_training.minimize(problems.ravine(), gradient_descent(labkit.tf, 0.01), [1.0, 1.0], steps=length,
                                 progress=progress)
        assert len(called) == expected


@each_column
def test_a_history_draws_itself(column):
    import matplotlib.pyplot as plt

    history = fit(column)
    ax = history.plot(color="black")
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), history.loss)
    assert ax.get_xlabel() == "epoch" and ax.get_ylabel() == "loss"
    assert repr(history) == f"History(2 epochs, loss {history.loss[0]:.4g} -> {history.loss[-1]:.4g})"
    plt.close("all")


# The range test


@each_column
def test_a_range_test_turns_at_two_over_L(column):
    """One curvature: the loss falls as long as the rate is below 2/L, and not one step longer."""
    problem = problems.quadratic([10.0])
    found = column.training.range_test(problem, gradient_descent(column), low=1e-3, high=10, steps=200)
    np.testing.assert_allclose(found.learning_rate, np.geomspace(1e-3, 10, 200))
    assert found.turned_at == found.learning_rate[found.learning_rate > 2 / problem.L][0]
    assert f"turned at {found.turned_at:.4g}" in repr(found)


@each_column
def test_a_range_test_is_the_loop_written_by_hand(column):
    problem, theta, losses = problems.ravine(), problems.ravine().start, []
    rates = np.geomspace(1e-4, 0.5, 20)
    for rate in rates:
        losses.append(problem.value(theta))
        theta = theta - rate * problem.gradient(theta)
    found = column.training.range_test(problem, gradient_descent(column), low=1e-4, high=0.5, steps=20, smoothing=0.5)
    np.testing.assert_allclose(found.loss, losses, rtol=1e-12)
    means = [np.average(losses[:t + 1], weights=0.5 ** np.arange(t, -1, -1.0)) for t in range(20)]
    np.testing.assert_allclose(found.smoothed, means, rtol=1e-12)


@each_column
@pytest.mark.parametrize("seed", range(3))
def test_a_range_test_on_mini_batches_finds_the_limit(column, seed):
    """The noise of the batches keeps the steep direction alive, so the turn is near 2/L also with many curvatures."""
    made = data.synthetic_regression(500, 10)
    limit = 2 / np.linalg.eigvalsh(2 / 500 * made.X.T @ made.X)[-1]
    found = column.training.range_test(column.models.LinearRegression(10), gradient_descent(column), made.X, made.y,
                                       low=1e-4, high=4, steps=111, smoothing=0.9, seed=seed)
    assert found.turned_at == pytest.approx(limit, rel=0.25)
    first = next(data.minibatches(500, 32, 1, seed))[0]
    assert found.loss[0] == pytest.approx(np.mean(made.y[first] ** 2), rel=1e-12)


@pytest.mark.parametrize("rule", ["GradientDescent", "Adam"])
def test_range_tests_agree(rule):
    ours, theirs = (column.training.range_test(network(column), getattr(column.optimizers, rule)(), POINTS, CLASSES,
                                               low=1e-5, high=1e-1, steps=60, batch_size=16)
                    for column in COLUMNS.values())
    np.testing.assert_allclose(ours.loss, theirs.loss, rtol=1e-11)
    assert ours.turned_at == theirs.turned_at


@each_column
def test_a_range_test_looks_inside_a_wrapper(column):
    problem, bare = problems.quadratic([10.0]), gradient_descent(column)
    wrapped = column.optimizers.ClipByNorm(column.optimizers.ClipByValue(bare, limit=1e99), limit=1e99)
    options = {"low": 1e-3, "high": 10, "steps": 50}
    found = column.training.range_test(problem, wrapped, **options)
    np.testing.assert_allclose(found.loss, column.training.range_test(problem, bare, **options).loss, rtol=1e-12)
    assert bare.learning_rate == 0.1 and wrapped.learning_rate == 0.1


@each_column
def test_a_range_test_that_diverges_warns_nothing(column):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = column.training.range_test(problems.ravine(), gradient_descent(column), low=1, high=1e9, steps=100)
        assert not np.isfinite(found.loss[-1]) and found.turned_at == found.learning_rate[0]
    falling = column.training.range_test(problems.ravine(), gradient_descent(column), low=1e-9, high=1e-8, steps=5)
    assert falling.turned_at is None and "still falling" in repr(falling)


@each_column
def test_a_range_test_draws_itself(column):
    import matplotlib.pyplot as plt

    found = column.training.range_test(problems.quadratic([10.0]), gradient_descent(column), low=1e-3, high=1e3)
    ax = found.plot()
    drawn = ax.lines[0].get_ydata()
    assert np.nanmax(drawn) < 100 * found.smoothed[0] and np.isnan(drawn[-1])
    assert ax.lines[1].get_xdata()[0] == found.turned_at
    plt.close("all")


# Bad input


@each_column
@pytest.mark.parametrize(("options", "message"), [
    ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
    ({"epochs": 1.5}, "epochs must be a whole number of at least 1, got 1.5"),
    ({"epochs": True}, "epochs must be a whole number of at least 1, got True"),
    ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
    ({"batch_size": None}, "batch_size must be a whole number of at least 1, got None"),
    ({"seed": -1}, "seed must be a whole number that is zero or positive, got -1"),
    ({"seed": None}, "seed must be a whole number that is zero or positive, got None"),
    ({"progress": 1}, "progress must be True or False, got 1"),
    ({"theta0": np.ones(3)}, r"theta0.shape must be \(67,\) or \(..., 67\), got \(3,\)"),
    ({"theta0": np.full(67, np.inf)}, r"theta0 must be finite \(67 of 67"),
    ({"theta0": "start"}, "theta0 must be made of real numbers, got 'start'"),
    ({"X": POINTS[:, :2]}, r"X.shape must be \(n, 4\), got \(50, 2\)"),
    ({"X": POINTS[0]}, r"X.ndim must be 2 \(its shape is \(4,\)\), got 1"),
    ({"X": POINTS[:0], "y": CLASSES[:0]}, r"X.shape must be non-empty, got \(0, 4\)"),
    ({"X": np.where(POINTS > 2, np.nan, POINTS)}, "X must be finite"),
    ({"X": "points"}, "X must be made of real numbers"),
    ({"y": CLASSES[:, None]}, r"y.shape must be \(50,\), one class for each row of X, got \(50, 1\)"),
    ({"y": CLASSES + 1}, "y must be made of classes, whole numbers from 0 to 2"),
    ({"y": CLASSES * 1.0}, "y must be made of classes, whole numbers from 0 to 2"),
    ({"model": "perceptron"}, "model must be a model of labkit.*models, got 'perceptron'"),
    ({"optimizer": "Adam"}, "optimizer must be a rule of labkit.*optimizers, got 'Adam'"),
])
def test_bad_input_is_named(column, options, message):
    with pytest.raises(ValueError, match=message):
        fit(column, **options)


@each_column
def test_rates_that_do_not_fit_the_starts_are_named(column):
    with pytest.raises(ValueError, match=r"learning_rate.shape must be one that fits the runs of theta0, \(3,\)"):
        fit(column, gradient_descent(column, [0.1, 0.2]), theta0=np.ones((3, 67)))


def test_values_of_the_other_column_are_refused():
    for column, other in (COLUMNS.values(), reversed(COLUMNS.values())):
        with pytest.raises(ValueError, match="model must be a model of labkit"):
            fit(column, model=network(other))
        with pytest.raises(ValueError, match="optimizer must be a rule of labkit"):
            fit(column, gradient_descent(other))
        with pytest.raises(ValueError, match="optimizer must be a rule of labkit"):
            column.training.range_test(problems.ravine(), gradient_descent(other))
        with pytest.raises(ValueError, match="objective must be a problem of labkit.problems or a model"):
            column.training.range_test(network(other), gradient_descent(column), POINTS, CLASSES)


@each_column
@pytest.mark.parametrize(("options", "message"), [
    ({"low": 0.0}, "low must be a number that is positive and finite, got 0.0"),
    ({"high": np.inf}, "high must be a number that is positive and finite, got inf"),
    ({"low": 1.0, "high": 0.5}, "high must be above low, 1.0, got 0.5"),
    ({"steps": 1}, "steps must be a whole number of at least 2, got 1"),
    ({"smoothing": 1.0}, "smoothing must be a number that is at least 0 and below 1, got 1.0"),
    ({"theta0": np.ones((2, 2))}, r"theta0.ndim must be 1 \(its shape is \(2, 2\)\), got 2"),
    ({"theta0": np.ones(3)}, r"theta0.shape must be \(2,\) or"),
    ({"X": POINTS}, "X and y must be None for a problem"),
    ({"objective": "ravine"}, "objective must be a problem of labkit.problems or a model"),
])
def test_bad_input_of_a_range_test_is_named(column, options, message):
    arguments = {"objective": problems.ravine(), "optimizer": gradient_descent(column), **options}
    with pytest.raises(ValueError, match=message):
        column.training.range_test(**arguments)


@each_column
@pytest.mark.parametrize(("options", "message"), [
    ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
    ({"seed": -1}, "seed must be a whole number"),
    ({"y": CLASSES + 1}, "y must be made of classes"),
    ({"y": None}, "y.shape must be"),
])
def test_bad_data_of_a_range_test_are_named(column, options, message):
    with pytest.raises(ValueError, match=message):
        column.training.range_test(network(column), gradient_descent(column), **{"X": POINTS, "y": CLASSES, **options})


def test_fields_of_a_rule_are_left_alone_by_a_range_test():
    rule = gradient_descent(labkit.reference, 0.3)
    labkit.reference.training.range_test(problems.ravine(), rule)
    assert rule.learning_rate == 0.3 == replace(rule).learning_rate


@each_column
def test_tune_fits_with_every_rate_and_seed(column):
    rates = np.array([0.01, 0.3, 1e3])
    sweep = column.training.tune(network(column), lambda rate: gradient_descent(column, rate), POINTS, CLASSES,
                                 epochs=3, batch_size=16, rates=rates, seeds=[4, 7])
    assert sweep.loss.shape == (2, 3)
    for row, seed in zip(sweep.loss, [4, 7]):
        for loss, rate in zip(row[:2], rates):
            assert_near(loss, fit(column, gradient_descent(column, rate), epochs=3, seed=seed).loss[-1])
    np.testing.assert_array_equal(sweep.mean, sweep.loss.mean(axis=0))
    assert sweep.best == 0.3 and not sweep.at_edge
    assert repr(sweep) == "RateSweep(3 rates, 2 seeds, best 0.3)"


def test_the_grid_of_the_book():
    for column in COLUMNS.values():
        np.testing.assert_allclose(column.training.RATES[[0, 3, 15]], [1e-4, 1e-3, 10])
        assert len(column.training.RATES) == 16 and not column.training.RATES.flags.writeable


@each_column
def test_a_rate_that_diverges_with_one_seed_is_not_the_best(column):
    """The straight line has a border 2/L, so the two large rates leave the numbers, and say so by an infinite loss."""
    model = column.models.LinearRegression(4)
    sweep = column.training.tune(model, lambda rate: gradient_descent(column, rate), POINTS, POINTS[:, 0], epochs=200,
                                 rates=[1e-3, 1e3, 1e4], seeds=range(2))
    assert np.isinf(sweep.loss[:, 1:]).all()
    assert sweep.best == 1e-3 and sweep.at_edge
    nothing = replace(sweep, loss=np.full((2, 3), np.inf))
    assert nothing.best is None and not nothing.at_edge
    assert repr(nothing) == "RateSweep(3 rates, 2 seeds, no rate kept the loss finite)"


@each_column
@pytest.mark.parametrize(("wrong", "message"), [
    ({"rates": []}, r"rates.shape must be non-empty"),
    ({"rates": [[0.1, 0.2]]}, r"rates.ndim must be 1"),
    ({"rates": [0.1, -1.0]}, r"learning_rate must be positive"),
    ({"rates": [0.1, np.nan]}, r"rates must be finite"),
    ({"seeds": []}, r"seeds must be non-empty"),
    ({"seeds": [0.5]}, r"seed must be"),
    ({"rule": "Adam"}, r"rule must be a function from a learning rate to an optimizer, got 'Adam'"),
    ({"rule": "one"}, r"rule\(rates\) must be an optimizer whose rates have the shape \(2,\), got \(\)"),
    ({"epochs": 0}, r"epochs must be"),
])
def test_tune_names_what_is_wrong(column, wrong, message):
    options = {"rule": lambda rate: gradient_descent(column, rate), "rates": [0.1, 0.2], "epochs": 1, **wrong}
    if options["rule"] == "one":
        options["rule"] = lambda rate: gradient_descent(column)
    rule = options.pop("rule")
    with pytest.raises(ValueError, match=message):
        column.training.tune(network(column), rule, POINTS, CLASSES, **options)
