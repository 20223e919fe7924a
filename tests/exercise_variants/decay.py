"""Other right ways to write the answers on learning-rate decay: in TensorFlow, with loops, folded."""

import numpy as np
import tensorflow as tf


def exponential_with_floor(t, initial_learning_rate, decay_steps, decay_rate, staircase):
    times = t / decay_steps
    if staircase:
        times = np.floor(times)
    return initial_learning_rate * np.exp(times * np.log(decay_rate))


def exponential_in_tensorflow(t, initial_learning_rate, decay_steps, decay_rate, staircase):
    times = tf.constant(t, tf.float64) / decay_steps
    return initial_learning_rate * tf.constant(decay_rate, tf.float64) ** (tf.floor(times) if staircase else times)


def exponential_step_by_step(t, initial_learning_rate, decay_steps, decay_rate, staircase):
    rate = initial_learning_rate
    for step in range(1, t + 1):
        if not staircase:
            rate = rate * decay_rate ** (1 / decay_steps)
        elif step % decay_steps == 0:
            rate = rate * decay_rate
    return rate


def cosine_with_a_branch(t, initial_learning_rate, end_learning_rate, decay_steps):
    if t >= decay_steps:
        return end_learning_rate
    share = (1 + np.cos(np.pi * t / decay_steps)) / 2
    return share * initial_learning_rate + (1 - share) * end_learning_rate


def cosine_squared(t, initial_learning_rate, end_learning_rate, decay_steps):
    share = np.clip(t / decay_steps, 0, 1)
    return end_learning_rate + (initial_learning_rate - end_learning_rate) * np.cos(np.pi * share / 2) ** 2


def cosine_in_tensorflow(t, initial_learning_rate, end_learning_rate, decay_steps):
    share = tf.minimum(tf.constant(t / decay_steps, tf.float64), 1.0)
    half = (initial_learning_rate - end_learning_rate) / 2
    return end_learning_rate + half * (1 + tf.cos(np.pi * share))


def cosine_in_tensorflow_in_single_precision(t, initial_learning_rate, end_learning_rate, decay_steps):
    share = tf.minimum(tf.constant(t / decay_steps, tf.float32), 1.0)
    return end_learning_rate + (initial_learning_rate - end_learning_rate) * (1 + tf.cos(np.pi * share)) / 2


def warmed_up_with_where(t, length, rate):
    return np.where(np.asarray(t) <= length, rate(0) * t / length, rate(max(t - length, 0)))


def warmed_up_in_tensorflow(t, length, rate):
    return tf.where(t < length, tf.constant(rate(0) * t / length), tf.constant(rate(max(t - length, 0))))


def walk_that_multiplies(gradient, start, learning_rate, factor, epochs, batches):
    theta = np.array(start)
    path = [theta.copy()]
    for step in range(1, epochs * batches + 1):
        theta -= learning_rate * gradient(theta)
        path.append(theta.copy())
        if step % batches == 0:
            learning_rate *= factor
    return path


def walk_in_tensorflow(gradient, start, learning_rate, factor, epochs, batches):
    theta = tf.Variable(start)
    path = [theta.numpy()]
    for step in range(epochs * batches):
        theta.assign_sub(learning_rate * factor ** (step // batches) * gradient(theta.numpy()))
        path.append(theta.numpy())
    return tf.stack(path)


def made_to_measure_between_powers(t, initial_learning_rate, end_learning_rate, decay_steps, power):
    a, b = initial_learning_rate ** (-1 / power), end_learning_rate ** (-1 / power)
    return (a + (b - a) * t / decay_steps) ** (-power)


def made_to_measure_in_tensorflow(t, initial_learning_rate, end_learning_rate, decay_steps, power):
    ratio = tf.constant(initial_learning_rate / end_learning_rate, tf.float64)
    return initial_learning_rate / (1 + (ratio ** (1 / power) - 1) * t / decay_steps) ** power


def best_rates_in_one_line(mean_square, L, sigma, steps):
    return 1 / (L * np.arange(1, steps + 1) + sigma**2 / (L * mean_square))


def best_rates_in_tensorflow(mean_square, L, sigma, steps):
    m, rates = tf.constant(mean_square, tf.float64), []
    for _ in range(steps):
        rates.append(L * m / (L**2 * m + sigma**2))
        m = m * sigma**2 / (L**2 * m + sigma**2)
    return tf.stack(rates)


VARIANTS = {
    "q2": [exponential_with_floor, exponential_in_tensorflow, exponential_step_by_step],
    "q3": [cosine_with_a_branch, cosine_squared, cosine_in_tensorflow, cosine_in_tensorflow_in_single_precision],
    "q4": [warmed_up_with_where, warmed_up_in_tensorflow],
    "q5": [walk_that_multiplies, walk_in_tensorflow],
    "q6": [made_to_measure_between_powers, made_to_measure_in_tensorflow],
    "q7": [best_rates_in_one_line, best_rates_in_tensorflow],
}
