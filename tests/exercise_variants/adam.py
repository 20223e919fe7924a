"""Other right ways to write the answers on Adam: in place on copies, in TensorFlow, folded."""

import numpy as np
import tensorflow as tf


def adam_in_place_on_copies(theta, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon):
    theta, m, v = np.array(theta), np.array(m), np.array(v)
    m *= beta_1
    m += (1 - beta_1) * grad
    v *= beta_2
    v += (1 - beta_2) * grad * grad
    theta -= learning_rate * (m / (1 - beta_1**t)) / ((v / (1 - beta_2**t)) ** 0.5 + epsilon)
    return [theta, m, v]


def adam_folded(theta, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon):
    m, v = m + (1 - beta_1) * (grad - m), v + (1 - beta_2) * (grad**2 - v)
    root = np.sqrt(1 - beta_2**t)
    return theta - learning_rate * root / (1 - beta_1**t) * m / (np.sqrt(v) + epsilon * root), m, v


def adam_in_tensorflow(theta, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * grad
    v = beta_2 * v + (1 - beta_2) * tf.square(grad)
    m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
    return theta - learning_rate * m_hat / (tf.sqrt(v_hat) + epsilon), m, v


def adam_in_tensorflow_in_single_precision(theta, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon):
    theta, grad, m, v = (tf.cast(x, tf.float32) for x in (theta, grad, m, v))
    m, v = beta_1 * m + (1 - beta_1) * grad, beta_2 * v + (1 - beta_2) * grad**2
    return theta - learning_rate * m / (1 - beta_1**t) / (tf.sqrt(v / (1 - beta_2**t)) + epsilon), m, v


compiled_adam_in_tensorflow = tf.function(adam_in_tensorflow)
compiled_adam_in_tensorflow.__name__ = "compiled_adam_in_tensorflow"


def run_in_tensorflow(gradient, start, steps, learning_rate, beta_1, beta_2, epsilon):
    theta, m, v = tf.Variable(start), tf.zeros_like(start), tf.zeros_like(start)
    path = [theta.numpy()]
    for t in range(1, steps + 1):
        moved, m, v = adam_in_tensorflow(theta.numpy(), gradient(theta.numpy()), m, v, t, learning_rate, beta_1, beta_2,
                                         epsilon)
        theta.assign(moved)
        path.append(theta.numpy())
    return tf.stack(path)


def too_long_in_tensorflow(t, beta_1, beta_2):
    beta_1, beta_2 = tf.constant([beta_1, beta_2], tf.float64)
    return (1 - beta_1**t) / tf.sqrt(1 - beta_2**t)


def coasting_in_tensorflow(beta_1, beta_2):
    beta_2 = tf.constant(beta_2, tf.float64)
    return (1 - beta_1) / tf.sqrt(1 - beta_2) / (1 - beta_1 / tf.sqrt(beta_2))


def coasting_by_simulation(beta_1, beta_2):
    k = np.arange(5000)
    return np.sum(beta_1**k * (1 - beta_1) / np.sqrt(beta_2**k * (1 - beta_2)))


def adamw_shrunk_first_in_tensorflow(theta, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon, weight_decay):
    after, m, v = adam_in_tensorflow(theta, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon)
    return after - theta + theta * (1 - learning_rate * weight_decay), m, v


VARIANTS = {
    "q2": [adam_in_place_on_copies, adam_folded, adam_in_tensorflow, adam_in_tensorflow_in_single_precision,
           compiled_adam_in_tensorflow],
    "q3": [run_in_tensorflow],
    "q4": [too_long_in_tensorflow],
    "q5": [coasting_in_tensorflow, coasting_by_simulation],
    "q6": [adamw_shrunk_first_in_tensorflow],
}
