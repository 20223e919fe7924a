"""Other right ways to write the answers on gradient descent and momentum: in place on copies, in TensorFlow, folded."""

import numpy as np
import tensorflow as tf


def walk_in_place_on_copies(gradient, start, alpha, steps):
    theta = np.array(start, dtype=float)
    path = np.empty((steps + 1, *theta.shape))
    path[0] = theta
    for t in range(steps):
        theta -= alpha * np.asarray(gradient(theta))
        path[t + 1] = theta
    return path


def walk_as_a_list_of_lists(gradient, start, alpha, steps):
    theta, path = start, [start.tolist()]
    for _ in range(steps):
        theta = -alpha * gradient(theta) + theta
        path.append(theta.tolist())
    return path


def walk_in_tensorflow(gradient, start, alpha, steps):
    theta = tf.Variable(start)
    path = [tf.identity(theta)]
    for _ in range(steps):
        theta.assign_sub(alpha * gradient(theta.numpy()))
        path.append(tf.identity(theta))
    return tf.stack(path)


def walk_in_tensorflow_in_single_precision(gradient, start, alpha, steps):
    theta = tf.constant(start, tf.float32)
    path = [theta]
    for _ in range(steps):
        theta = theta - alpha * tf.cast(gradient(theta.numpy()), tf.float32)
        path.append(theta)
    return tf.stack(path)


def difference_in_a_loop(f, theta, h):
    slopes = np.zeros_like(theta)
    for i in range(theta.size):
        high, low = theta.copy(), theta.copy()
        high[i] += h
        low[i] -= h
        slopes[i] = 0.5 * (f(high) - f(low)) / h
    return slopes


def difference_in_tensorflow(f, theta, h):
    steps = h * tf.eye(len(theta), dtype=tf.float64)
    return tf.stack([(f((theta + e).numpy()) - f((theta - e).numpy())) / (2 * h) for e in steps])


def limits_by_singular_values(X):
    singular = np.linalg.svd(X, compute_uv=False)
    L, mu = 2 / len(X) * singular[0] ** 2, 2 / len(X) * singular[-1] ** 2
    return [L / mu, 2 / L, 1 / ((L + mu) / 2)]


def limits_by_condition_number(X):
    kappa, L = np.linalg.cond(X) ** 2, 2 / len(X) * np.linalg.norm(X, 2) ** 2
    return kappa, 2 / L, 2 / L / (1 + 1 / kappa)


def limits_in_tensorflow(X):
    found = tf.linalg.eigvalsh(2 / len(X) * tf.matmul(X, X, transpose_a=True))
    return found[-1] / found[0], 2 / found[-1], 2 / (found[0] + found[-1])


def exact_rate_from_values(H, theta):
    """The lowest point of the parabola through three values."""
    g = H @ theta
    unit = 1 / np.linalg.norm(H)
    at = [(theta - a * unit * g) @ H @ (theta - a * unit * g) / 2 for a in (-1, 0, 1)]
    return unit * (at[0] - at[2]) / (2 * (at[0] - 2 * at[1] + at[2]))


def exact_rate_in_tensorflow(H, theta):
    g = tf.linalg.matvec(H, theta)
    return tf.tensordot(g, g, 1) / tf.tensordot(g, tf.linalg.matvec(H, g), 1)


def stop_in_a_for_loop(f, gradient, start, alpha, tolerance, most):
    theta = start.copy()
    for step in range(most + 1):
        g = gradient(theta)
        if np.sqrt(g @ g) < tolerance or step == most:
            return theta, step, f(theta)
        theta -= alpha * g


def stop_in_tensorflow(f, gradient, start, alpha, tolerance, most):
    theta, steps = tf.constant(start), tf.constant(0)
    while steps < most and tf.norm(gradient(theta.numpy())) >= tolerance:
        theta, steps = theta - alpha * gradient(theta.numpy()), steps + 1
    return theta, steps, tf.constant(f(theta.numpy()))


def stop_in_tensorflow_in_single_precision(f, gradient, start, alpha, tolerance, most):
    theta, steps = tf.cast(start, tf.float32), 0
    while steps < most and tf.norm(tf.cast(gradient(theta.numpy()), tf.float32)) >= tolerance:
        theta, steps = theta - alpha * tf.cast(gradient(theta.numpy()), tf.float32), steps + 1
    return theta, steps, np.float32(f(theta.numpy()))


def nesterov_in_place_on_copies(gradient, theta, v, alpha, beta):
    theta, v = np.array(theta), np.array(v)
    v *= beta
    theta += v
    change = -alpha * np.asarray(gradient(theta))
    return theta + change, v + change


def nesterov_in_tensorflow(gradient, theta, v, alpha, beta):
    theta, v = tf.constant(theta), tf.constant(v)
    v = beta * v - alpha * tf.constant(gradient((theta + beta * v).numpy()))
    return theta + v, v


VARIANTS = {
    "q2": [walk_in_place_on_copies, walk_as_a_list_of_lists, walk_in_tensorflow,
           walk_in_tensorflow_in_single_precision],
    "q3": [difference_in_a_loop, difference_in_tensorflow],
    "q4": [limits_by_singular_values, limits_by_condition_number, limits_in_tensorflow],
    "q5": [exact_rate_from_values, exact_rate_in_tensorflow],
    "q6": [stop_in_a_for_loop, stop_in_tensorflow, stop_in_tensorflow_in_single_precision],
    "q7": [nesterov_in_place_on_copies, nesterov_in_tensorflow],
}
