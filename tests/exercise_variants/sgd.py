"""Other right ways to write the answers on SGD: sample by sample, in TensorFlow, by counting all batches."""

from itertools import combinations, product

import numpy as np
import tensorflow as tf

from labkit import data


def gradient_sample_by_sample(theta, X, y, batch):
    total = np.zeros_like(theta)
    for i in batch:
        total += 2 * (X[i] @ theta - y[i]) * X[i]
    return total / len(batch)


def gradient_as_a_mean_of_products(theta, X, y, batch):
    errors = y[batch] - X[batch] @ theta
    return np.mean(-2 * errors[:, None] * X[batch], axis=0)


def gradient_by_a_tape_in_tensorflow(theta, X, y, batch):
    theta = tf.Variable(theta)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((tf.linalg.matvec(X[batch], theta) - y[batch]) ** 2)
    return tape.gradient(loss, theta)


def gradient_in_tensorflow_in_single_precision(theta, X, y, batch):
    theta, rows, targets = (tf.cast(x, tf.float32) for x in (theta, X[batch], y[batch]))
    return 2 * tf.linalg.matvec(rows, tf.linalg.matvec(rows, theta) - targets, transpose_a=True) / len(batch)


def loop_of_the_page(X, y, start, alpha, batch_size, epochs, seed):
    path = [start]
    for batches in data.minibatches(len(y), batch_size, epochs, seed):
        for b in batches:
            g = 2 / len(b) * (path[-1] @ X[b].T - y[b]) @ X[b]
            path.append(path[-1] - alpha * g)
    return np.array(path)


def loop_over_shuffled_copies(X, y, start, alpha, batch_size, epochs, seed):
    rng, theta, path = np.random.default_rng(seed), np.array(start), [np.array(start)]
    for _ in range(epochs):
        order = np.arange(len(y))
        rng.shuffle(order)
        rows, targets = X[order], y[order]
        while len(targets):
            theta -= alpha * gradient_sample_by_sample(theta, rows, targets, range(min(batch_size, len(targets))))
            rows, targets = rows[batch_size:], targets[batch_size:]
            path.append(theta.copy())
    return path


def loop_in_tensorflow(X, y, start, alpha, batch_size, epochs, seed):
    theta, path, rng = tf.Variable(start), [start], np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(len(y))
        for k in range(int(np.ceil(len(y) / batch_size))):
            batch = order[k * batch_size:(k + 1) * batch_size]
            theta.assign_sub(alpha * gradient_by_a_tape_in_tensorflow(theta.numpy(), X, y, batch))
            path.append(theta.numpy())
    return tf.stack(path)


def noise_by_counting_all_batches(each, B):
    def mean_square(batches):
        return np.mean([np.sum((each[list(b)].mean(axis=0) - each.mean(axis=0)) ** 2) for b in batches])

    numbers = range(len(each))
    return mean_square(product(numbers, repeat=B)), mean_square(combinations(numbers, B))


def noise_by_the_trace(each, B):
    Sigma = np.atleast_2d(np.cov(each, rowvar=False, bias=True))
    return [np.trace(Sigma) / B, np.trace(Sigma) / B * (1 - (B - 1) / (len(each) - 1))]


def noise_in_tensorflow(each, B):
    n, variance = len(each), tf.reduce_sum(tf.math.reduce_variance(each, axis=0)) / B
    return variance, variance * (n - B) / (n - 1)


def mean_square_in_a_loop(t, theta_0, alpha, mu, sigma, B):
    square = theta_0**2
    for _ in range(t):
        square = (1 - alpha * mu) ** 2 * square + (alpha * sigma) ** 2 / B
    return square


def mean_square_as_a_sum(t, theta_0, alpha, mu, sigma, B):
    keep = 1 - alpha * mu
    return (keep**t * theta_0) ** 2 + sum((alpha * keep**k) ** 2 for k in range(t)) * sigma**2 / B


def mean_square_in_tensorflow(t, theta_0, alpha, mu, sigma, B):
    square = tf.constant(float(theta_0) ** 2, tf.float64)
    for _ in range(t):
        square = (1 - alpha * mu) ** 2 * square + alpha**2 * sigma**2 / B
    return square


def rate_by_the_largest(alpha, B, new_B, noise_scale):
    largest = alpha * (B + noise_scale) / B
    return largest * new_B / (new_B + noise_scale)


def rate_in_tensorflow(alpha, B, new_B, noise_scale):
    B, new_B = tf.constant([B, new_B], tf.float64)
    return alpha * (1 + noise_scale / B) / (1 + noise_scale / new_B)


VARIANTS = {
    "q2": [gradient_sample_by_sample, gradient_as_a_mean_of_products, gradient_by_a_tape_in_tensorflow,
           gradient_in_tensorflow_in_single_precision],
    "q3": [loop_of_the_page, loop_over_shuffled_copies, loop_in_tensorflow],
    "q4": [noise_by_counting_all_batches, noise_by_the_trace, noise_in_tensorflow],
    "q6": [mean_square_in_a_loop, mean_square_as_a_sum, mean_square_in_tensorflow],
    "q7": [rate_by_the_largest, rate_in_tensorflow],
}
