"""Rules as Keras optimizers: the same steps, in fit, with schedules and callbacks, saved, distributed, in float16."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from labkit.reference import optimizers as numpy_optimizers
from labkit.tf import as_keras, schedules
from labkit.tf import optimizers as o

RULES = {
    "GradientDescent": o.GradientDescent(learning_rate=0.1),
    "Momentum": o.Momentum(learning_rate=0.1),
    "Nesterov-rate-outside": o.Nesterov(learning_rate=0.1, rate_inside=False),
    "Adagrad": o.Adagrad(learning_rate=0.1),
    "RMSprop": o.RMSprop(learning_rate=0.1),
    "RMSprop-all": o.RMSprop(learning_rate=0.1, momentum=0.5, centered=True, rate_inside=False, epsilon_inside=False),
    "Adam": o.Adam(learning_rate=0.1),
    "Adam-epsilon-hat": o.Adam(learning_rate=0.1, epsilon_hat=True),
    "AMSGrad": o.AMSGrad(learning_rate=0.1),
    "AdamW": o.AdamW(learning_rate=0.1),
    "ClipByValue": o.ClipByValue(o.Momentum(learning_rate=0.1), 0.5),
    "ClipByNorm": o.ClipByNorm(o.Momentum(learning_rate=0.1), 0.5),
    "L2Penalty": o.L2Penalty(o.Momentum(learning_rate=0.1), 0.5),
    "WeightDecay": o.WeightDecay(o.Momentum(learning_rate=0.1), 0.5),
    "PolyakAverage": o.PolyakAverage(o.Momentum(learning_rate=0.1), 3),
    "nested": o.WeightDecay(o.PolyakAverage(o.ClipByNorm(o.L2Penalty(o.AMSGrad(learning_rate=0.1), 0.1), 0.5)), 0.1),
    "schedule": o.Adam(learning_rate=schedules.ExponentialDecay(
        initial_learning_rate=0.1, decay_steps=5, decay_rate=0.5)),
    "warm-up": o.WeightDecay(o.Momentum(learning_rate=schedules.LinearWarmup(
        steps=4, then=schedules.PiecewiseConstantDecay(boundaries=[3, 6], values=[0.1, 0.05, 0.01]))), 0.1),
}
each_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
X = np.random.default_rng(0).normal(size=(64, 3))
Y = np.tanh(X @ np.random.default_rng(1).normal(size=(3, 1)))


def network(**options):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(1)],
                            **options)


def compiled(rule, **options):
    model = network()
    model.compile(as_keras(rule, **options), loss="mse")
    return model


def fit(model, epochs=2, **options):
    return model.fit(X, Y, **{"epochs": epochs, "batch_size": 16, "shuffle": False, "verbose": 0} | options).history


@each_rule
def test_the_steps_are_those_of_the_rule(float64, rule):
    rng = np.random.default_rng(0)
    theta = [tf.constant(rng.normal(size=shape)) for shape in ((2, 3), (4,), ())]
    optimizer, variables = as_keras(rule), [keras.Variable(x) for x in theta]
    state = rule.init(theta)
    for _ in range(20):
        grads = [tf.constant(rng.normal(size=x.shape)) for x in theta]
        theta, state = rule.update(grads, state, theta)
        optimizer.apply(grads, variables)
        for ours, theirs in zip(theta, variables):
            np.testing.assert_allclose(theirs.numpy(), ours, rtol=1e-12, atol=1e-13)
    for k, variable in enumerate(variables):
        kept = optimizer.rule_state(variable)
        assert int(kept.count) == 20
        for part, ours in zip(tf.nest.flatten(kept), tf.nest.flatten(_of_leaf(state, k)), strict=True):
            np.testing.assert_allclose(part, ours, rtol=1e-12, atol=1e-13)


def _of_leaf(state, k):
    """The state of a rule on a list of tensors, for one of them."""
    if isinstance(state, list):
        return state[k]
    return type(state)(*(_of_leaf(part, k) for part in state)) if hasattr(state, "_fields") else state


@pytest.mark.parametrize("name", ["Momentum", "nested", "schedule"])
def test_fit_is_the_loop_written_by_hand(float64, name):
    rule = RULES[name]
    by_hand, model = network(), compiled(rule)
    fit(model, epochs=3)
    theta = [tf.convert_to_tensor(v) for v in by_hand.trainable_variables]
    state = rule.init(theta)
    for _ in range(3):
        for k in range(0, 64, 16):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((by_hand(X[k:k + 16]) - Y[k:k + 16]) ** 2)
            theta, state = rule.update(tape.gradient(loss, by_hand.trainable_variables), state, theta)
            for variable, value in zip(by_hand.trainable_variables, theta):
                variable.assign(value)
    for ours, theirs in zip(by_hand.trainable_variables, model.trainable_variables):
        np.testing.assert_allclose(theirs.numpy(), ours.numpy(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["GradientDescent", "RMSprop-all", "AMSGrad", "warm-up"])
def test_fit_lowers_the_loss(name):
    rule = RULES[name]
    losses = fit(compiled(rule), epochs=5)["loss"]
    assert losses[-1] < losses[0]


def test_the_average_can_be_asked_for():
    rule = o.PolyakAverage(o.Adam(learning_rate=0.1))
    model = compiled(rule)
    fit(model, epochs=1, batch_size=64)
    for variable in model.trainable_variables:  # after one step the mean is theta itself
        np.testing.assert_array_equal(rule.average(model.optimizer.rule_state(variable)), variable.numpy())
    fit(model, epochs=1)
    variable = model.trainable_variables[0]
    assert not np.allclose(rule.average(model.optimizer.rule_state(variable)), variable.numpy())


# ---- learning rates


@pytest.mark.parametrize("schedule", [
    lambda step: 0.1 / (1 + tf.cast(step, tf.float32)),
    keras.optimizers.schedules.InverseTimeDecay(0.1, 1, 1.0),
    schedules.InverseTimeDecay(initial_learning_rate=0.1, decay_steps=1, decay_rate=1.0),
], ids=["function", "keras", "labkit"])
def test_schedules_are_asked_at_each_step(schedule):
    model = compiled(o.GradientDescent(learning_rate=schedule))
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1)
    fit(model, epochs=1)  # four batches
    assert float(model.optimizer.learning_rate) == pytest.approx(0.02)
    with pytest.raises(TypeError, match="LearningRateSchedule"):
        model.optimizer.learning_rate = 0.5


def test_callbacks_set_the_rate():
    model = compiled(o.WeightDecay(o.Adam(learning_rate=0.1), 0.01))
    fit(model, epochs=3, callbacks=[keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 * 0.5**epoch)])
    assert float(model.optimizer.learning_rate) == pytest.approx(0.025)
    before = [v.numpy() for v in model.trainable_variables]
    model.optimizer.learning_rate = 1e-30
    fit(model, epochs=1)
    for a, b in zip(before, model.trainable_variables):
        np.testing.assert_allclose(a, b.numpy(), atol=1e-20)


def test_a_plateau_lowers_the_rate():
    model = compiled(o.GradientDescent(learning_rate=1e-8))
    fit(model, epochs=4, callbacks=[keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=1, min_delta=1.0)])
    assert float(model.optimizer.learning_rate) < 1e-8


# ---- files


@each_rule
def test_a_rule_comes_back_from_its_description(rule):
    again = keras.optimizers.deserialize(keras.optimizers.serialize(as_keras(rule)))
    assert repr(again.rule) == repr(rule)


@pytest.mark.parametrize("name", ["RMSprop-all", "nested", "warm-up"])
def test_a_model_saved_and_loaded_goes_on_as_if_nothing_had_happened(tmp_path, name):
    rule = RULES[name]
    model = compiled(rule)
    fit(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert repr(loaded.optimizer.rule) == repr(rule)
    assert int(loaded.optimizer.iterations) == 8
    for a, b in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert fit(model) == fit(loaded)
    for a, b in zip(model.trainable_variables, loaded.trainable_variables):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_a_rate_that_a_callback_has_set_is_saved(tmp_path):
    model = compiled(o.Adam(learning_rate=0.1))
    fit(model, epochs=1)
    model.optimizer.learning_rate = 0.0625
    model.save(tmp_path / "model.keras")
    assert float(keras.models.load_model(tmp_path / "model.keras").optimizer.learning_rate) == 0.0625


def test_options_of_keras_are_kept():
    optimizer = as_keras(o.ClipByNorm(o.Adam(), 2.0), name="ours", use_ema=True, gradient_accumulation_steps=2)
    again = type(optimizer).from_config(optimizer.get_config())
    assert (again.name, again.use_ema, again.gradient_accumulation_steps) == ("ours", True, 2)
    assert again.global_clipnorm == 2.0 and repr(again.rule) == repr(optimizer.rule)
    clipped = as_keras(o.Adam(), global_clipnorm=3.0)
    assert type(clipped).from_config(clipped.get_config()).global_clipnorm == 3.0


def test_keras_schedules_and_registered_functions_are_saved(tmp_path):
    decay = keras.optimizers.schedules.CosineDecay(0.1, 10)
    model = compiled(o.Adam(learning_rate=decay))
    fit(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert float(loaded.optimizer.learning_rate) == pytest.approx(float(decay(8)))


def test_an_unknown_rule_in_a_file_is_named():
    config = as_keras(o.Adam()).get_config()
    config["rule"]["labkit"] = "Eve"
    with pytest.raises(ValueError, match="rule must be one of .*Adam.*, got 'Eve'"):
        type(as_keras(o.Adam())).from_config(config)


# ---- gradients of other kinds, replicas, half precision


def test_gradients_are_accumulated(float64):
    variable = keras.Variable(np.array([1.0, 2.0]))
    optimizer = as_keras(o.Adam(learning_rate=0.1), gradient_accumulation_steps=2)
    rule, theta = o.Adam(learning_rate=0.1), tf.constant([1.0, 2.0], tf.float64)
    state = rule.init(theta)
    rng = np.random.default_rng(0)
    for _ in range(3):
        pair = rng.normal(size=(2, 2))
        for grad in pair:
            optimizer.apply([tf.constant(grad)], [variable])
        theta, state = rule.update(tf.constant(pair.mean(axis=0)), state, theta)
    np.testing.assert_allclose(variable.numpy(), theta, rtol=1e-12)


def test_sparse_gradients_are_taken_as_dense_ones():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Embedding(5, 3), keras.layers.Flatten(),
                              keras.layers.Dense(1)])
    model.compile(as_keras(o.Adam(learning_rate=0.1)), loss="mse")
    words = np.array([[0, 1], [2, 3]] * 8)
    losses = model.fit(words, words.sum(axis=1)[:, None], epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_mixed_float16_scales_the_loss():
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        model = compiled(o.ClipByNorm(o.AdamW(learning_rate=0.05), 1.0))
        losses = fit(model, epochs=8)["loss"]
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert all(v.dtype == "float32" for v in model.trainable_variables)
    assert losses[-1] < losses[0]


def test_a_loss_scale_changes_no_step_and_saves(tmp_path):
    plain, scaled = compiled(o.Adam(learning_rate=0.1)), network()
    scaled.compile(keras.optimizers.LossScaleOptimizer(as_keras(o.Adam(learning_rate=0.1)), 2.0**10), loss="mse")
    fit(plain), fit(scaled)
    for a, b in zip(plain.trainable_variables, scaled.trainable_variables):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-5)
    scaled.save(tmp_path / "model.keras")
    assert repr(keras.models.load_model(tmp_path / "model.keras").optimizer.inner_optimizer.rule) == repr(
        plain.optimizer.rule)


REPLICAS = """
import labkit.tf
import keras, numpy as np, tensorflow as tf
from labkit.tf import as_keras, optimizers as o, schedules

tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0],
                                           [tf.config.LogicalDeviceConfiguration()] * 2)
keras.config.set_floatx("float64")
strategy = tf.distribute.MirroredStrategy(["/CPU:0", "/CPU:1"])
assert strategy.num_replicas_in_sync == 2
X = np.random.default_rng(0).normal(size=(64, 3))
Y = np.tanh(X.sum(axis=1, keepdims=True))

def trained(scope, rule):
    with scope:
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(1)])
        model.compile(as_keras(rule), loss="mse")
    model.fit(X, Y, epochs=3, batch_size=16, shuffle=False, verbose=0)
    return model

for rule in (o.PolyakAverage(o.Adam(learning_rate=0.1)),
             o.ClipByNorm(o.Adagrad(learning_rate=0.1), 1e3),
             o.WeightDecay(o.Nesterov(learning_rate=schedules.StepDecay(learning_rate=0.1, factor=0.5, every=4)), 0.1)):
    one, two = trained(tf.distribute.get_strategy().scope(), rule), trained(strategy.scope(), rule)
    for a, b in zip(one.trainable_variables, two.trainable_variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-12)
        assert np.ptp(a.numpy()) > 0 or a.shape == (1,)
    for a, b in zip(one.optimizer.variables, two.optimizer.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-12)
print("replicas agree")
"""


def test_two_replicas_do_what_one_does():
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", REPLICAS], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "PYTHONPATH": str(root)})
    assert "replicas agree" in done.stdout, done.stderr[-3000:]


# ---- bad input


@pytest.mark.parametrize("rule", [
    o.Flattened(o.Adam()), o.Flattened(o.ClipByNorm(o.Adam(), 1.0)), o.L2Penalty(o.ClipByNorm(o.Adam(), 1.0), 0.1),
    o.ClipByNorm(o.ClipByNorm(o.Adam(), 1.0), 2.0), o.ClipByNorm(o.Flattened(o.Adam()), 1.0),
], ids=repr)
def test_what_cannot_be_done_variable_by_variable_is_named(rule):
    with pytest.raises(ValueError, match="rule must be one that updates each entry of theta by itself, or a Clip"):
        as_keras(rule)


def test_other_bad_input_is_named():
    for wrong in ("adam", None, o.Adam, keras.optimizers.Adam(), numpy_optimizers.Adam()):
        with pytest.raises(ValueError, match="rule must be a rule of labkit.tf.optimizers, got"):
            as_keras(wrong)
    with pytest.raises(ValueError, match="learning_rate must be one number, or a schedule, got an array of shape"):
        as_keras(o.Adam(learning_rate=[0.1, 0.2]))
    with pytest.raises(ValueError, match="global_clipnorm must be None where the rule clips by norm, got 1.0"):
        as_keras(o.ClipByNorm(o.Adam(), 1.0), global_clipnorm=1.0)
