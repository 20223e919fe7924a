"""Other right ways to write the answers on RMSprop and Adagrad: in place on copies, in TensorFlow, folded."""

import numpy as np
import tensorflow as tf


def adagrad_with_cumsum(start, gradients, learning_rate, initial_accumulator_value, epsilon):
    total = initial_accumulator_value + np.cumsum(gradients**2, axis=0)
    steps = learning_rate * gradients / np.sqrt(total + epsilon)
    return np.concatenate([start[np.newaxis], start - np.cumsum(steps, axis=0)])


def adagrad_in_place_on_copies(start, gradients, learning_rate, initial_accumulator_value, epsilon):
    theta, total = np.array(start), np.full_like(start, initial_accumulator_value)
    path = [theta.copy()]
    for g in gradients:
        total += g * g
        theta -= learning_rate * (total + epsilon) ** -0.5 * g
        path.append(theta.copy())
    return path


def adagrad_in_tensorflow(start, gradients, learning_rate, initial_accumulator_value, epsilon):
    theta, total = tf.Variable(start), tf.Variable(tf.zeros_like(start) + initial_accumulator_value)
    path = [theta.numpy()]
    for g in gradients:
        total.assign_add(tf.square(g))
        theta.assign_sub(learning_rate * g / tf.sqrt(total + epsilon))
        path.append(theta.numpy())
    return tf.stack(path)


def rmsprop_in_place_on_copies(theta, grad, v, learning_rate, rho, epsilon):
    theta, v = np.array(theta), np.array(v)
    v *= rho
    v += (1 - rho) * grad * grad
    theta -= learning_rate * grad * (v + epsilon) ** -0.5
    return [theta, v]


def rmsprop_folded(theta, grad, v, learning_rate, rho, epsilon):
    v = v + (1 - rho) * (grad**2 - v)
    return theta - learning_rate * np.divide(grad, np.sqrt(epsilon + v)), v


def rmsprop_in_tensorflow(theta, grad, v, learning_rate, rho, epsilon):
    v = rho * v + (1 - rho) * tf.square(grad)
    return theta - learning_rate * grad * tf.math.rsqrt(v + epsilon), v


def rmsprop_in_tensorflow_in_single_precision(theta, grad, v, learning_rate, rho, epsilon):
    theta, grad, v = (tf.cast(x, tf.float32) for x in (theta, grad, v))
    v = rho * v + (1 - rho) * grad**2
    return theta - learning_rate * grad / tf.sqrt(v + epsilon), v


compiled_rmsprop_in_tensorflow = tf.function(rmsprop_in_tensorflow)
compiled_rmsprop_in_tensorflow.__name__ = "compiled_rmsprop_in_tensorflow"


def momentum_outside_and_back(theta, grad, v, u, learning_rate, rho, momentum, epsilon):
    v = rho * v + (1 - rho) * grad**2
    w = momentum * (u / learning_rate) + grad / np.sqrt(v + epsilon)
    return theta - learning_rate * w, v, learning_rate * w


def momentum_in_tensorflow(theta, grad, v, u, learning_rate, rho, momentum, epsilon):
    v = rho * v + (1 - rho) * tf.square(grad)
    u = momentum * u + learning_rate * grad / tf.sqrt(v + epsilon)
    return theta - u, v, u


def centered_not_below_zero(theta, grad, v, mean, learning_rate, rho, epsilon):
    v, mean = v + (1 - rho) * (grad**2 - v), mean + (1 - rho) * (grad - mean)
    return theta - learning_rate * grad / np.sqrt(np.maximum(v - mean**2, 0) + epsilon), v, mean


def centered_in_tensorflow(theta, grad, v, mean, learning_rate, rho, epsilon):
    v = rho * v + (1 - rho) * tf.square(grad)
    mean = rho * mean + (1 - rho) * grad
    return theta - learning_rate * grad / tf.sqrt(v - tf.square(mean) + epsilon), v, mean


def rare_step_by_simulation(k, rho):
    v = 0.0
    for t in range(k * int(np.ceil(30 / (k * (1 - rho)))) + 1):
        v = rho * v + (1 - rho) * (t % k == 0)
    return 1 / np.sqrt(v)


def rare_step_by_a_sum(k, rho):
    return np.sqrt(np.sum(rho ** np.arange(k)))


def rare_step_in_tensorflow(k, rho):
    rho = tf.constant(rho, tf.float64)
    return tf.sqrt((1 - rho**k) / (1 - rho))


def hovering_with_a_branch(learning_rate, curvature, epsilon):
    if learning_rate * curvature <= 2 * epsilon:
        return 0
    return (learning_rate * curvature - 2 * epsilon) / (2 * curvature)


def hovering_in_tensorflow(learning_rate, curvature, epsilon):
    return tf.nn.relu(tf.constant(learning_rate / 2 - epsilon / curvature, tf.float64))


VARIANTS = {
    "q2": [adagrad_with_cumsum, adagrad_in_place_on_copies, adagrad_in_tensorflow],
    "q3": [rmsprop_in_place_on_copies, rmsprop_folded, rmsprop_in_tensorflow,
           rmsprop_in_tensorflow_in_single_precision, compiled_rmsprop_in_tensorflow],
    "q4": [momentum_outside_and_back, momentum_in_tensorflow],
    "q5": [centered_not_below_zero, centered_in_tensorflow],
    "q6": [rare_step_by_simulation, rare_step_by_a_sum, rare_step_in_tensorflow],
    "q7": [hovering_with_a_branch, hovering_in_tensorflow],
}
