"""Other right ways to write the answers on losses: reshaped, folded, in place on copies, in TensorFlow."""

import numpy as np
import tensorflow as tf


def mse_in_tensorflow(prediction, y):
    guess = tf.convert_to_tensor(prediction)
    with tf.GradientTape() as tape:
        tape.watch(guess)
        value = tf.reduce_mean(tf.square(tf.reshape(guess, [-1]) - tf.reshape(y, [-1])))
    return value, tape.gradient(value, guess)


def mse_in_tensorflow_in_single_precision(prediction, y):
    prediction = tf.cast(prediction, tf.float32)
    return mse_in_tensorflow(prediction, tf.cast(y, tf.float32))


def mse_with_the_target_reshaped(prediction, y):
    difference = prediction - y.reshape(prediction.shape)
    return [(difference**2).sum() / len(y), difference * 2 / len(y)]


def mse_in_place_on_copies(prediction, y):
    difference = prediction.copy()
    difference -= y.reshape(difference.shape)
    return np.dot(difference.ravel(), difference.ravel()) / y.size, difference / (y.size / 2)


def huber_in_tensorflow(prediction, y, delta):
    r = tf.constant(prediction - y)
    near = tf.clip_by_value(r, -delta, delta)
    return tf.reduce_mean(near * r - near**2 / 2), near / len(y)


def huber_as_on_the_page(prediction, y, delta):
    near = np.clip(prediction - y, -delta, delta)
    return np.mean(near * (prediction - y) - near**2 / 2), near / len(y)


def huber_with_masks(prediction, y, delta):
    r = prediction - y
    far = np.abs(r) >= delta
    value, slope = 0.5 * r**2, r.copy()
    value[far] = delta * np.abs(r[far]) - 0.5 * delta**2
    slope[far] = delta * np.sign(r[far])
    return value.mean(), slope / r.size


def huber_in_a_loop(prediction, y, delta):
    total, slopes = 0.0, []
    for a, b in zip(prediction, y):
        size = abs(a - b)
        total += 0.5 * (a - b) ** 2 if size < delta else delta * (size - 0.5 * delta)
        slopes.append(max(-delta, min(delta, a - b)) / len(y))
    return total / len(y), slopes


def binary_in_tensorflow(logits, y):
    value = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y, logits))
    return value, (tf.sigmoid(tf.constant(logits)) - y) / len(y)


def binary_in_tensorflow_with_the_tape(logits, y):
    z = tf.convert_to_tensor(logits)
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=z))
    return value, tape.gradient(value, z)


def binary_with_the_size_of_the_logit(logits, y):
    value = np.maximum(logits, 0) - y * logits + np.log1p(np.exp(-np.abs(logits)))
    return value.mean(), (1 / (1 + np.exp(-logits)) - y) / y.size


def binary_in_two_halves(logits, y):
    value = np.mean(y * np.logaddexp(0, -logits) + (1 - y) * np.logaddexp(0, logits))
    return value, (0.5 * (1 + np.tanh(logits / 2)) - y) / len(logits)


def crossentropy_in_tensorflow(logits, classes, smoothing):
    n, k = logits.shape
    target = (1 - smoothing) * tf.one_hot(classes, k, dtype=tf.float64) + smoothing / k
    value = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(target, logits))
    return value, (tf.nn.softmax(tf.constant(logits)) - target) / n


def crossentropy_in_tensorflow_with_the_tape(logits, classes, smoothing):
    z, k = tf.convert_to_tensor(logits), logits.shape[1]
    target = (1 - smoothing) * tf.one_hot(classes, k, dtype=tf.float64) + smoothing / k
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = -tf.reduce_mean(tf.reduce_sum(target * tf.nn.log_softmax(z), axis=1))
    return value, tape.gradient(value, z)


def crossentropy_by_picking(logits, classes, smoothing):
    n, k = logits.shape
    z = logits - np.max(logits, axis=-1)[:, None]
    total = np.log(np.sum(np.exp(z), axis=-1))
    hard, even = total - z[np.arange(n), classes], total - z.mean(axis=-1)
    slope = np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True) - smoothing / k
    slope[np.arange(n), classes] -= 1 - smoothing
    return np.mean((1 - smoothing) * hard + smoothing * even), slope / n


def crossentropy_row_by_row(logits, classes, smoothing):
    value, slopes, (n, k) = 0.0, [], logits.shape
    for z, true_class in zip(logits, classes):
        target = np.full(k, smoothing / k)
        target[true_class] += 1 - smoothing
        log_q = z - np.logaddexp.reduce(z)
        value -= target @ log_q / n
        slopes.append((np.exp(log_q) - target) / n)
    return value, slopes


def squared_hinge_in_tensorflow(logits, signs):
    gap = tf.nn.relu(1 - signs * tf.constant(logits))
    return tf.reduce_mean(gap**2), -2 * signs * gap / len(signs)


def squared_hinge_with_a_mask(logits, signs):
    margin = signs * logits
    short = margin < 1
    return np.mean(short * (1 - margin) ** 2), 2 * short * (logits - signs) / len(logits)


def squared_hinge_in_place_on_copies(logits, signs):
    gap = np.array(logits)
    gap *= -signs
    gap += 1
    gap[gap < 0] = 0
    return gap @ gap / gap.size, signs * gap * (-2 / gap.size)


VARIANTS = {
    "q2": [mse_in_tensorflow, mse_in_tensorflow_in_single_precision, mse_with_the_target_reshaped,
           mse_in_place_on_copies],
    "q3": [huber_in_tensorflow, huber_as_on_the_page, huber_with_masks, huber_in_a_loop],
    "q4": [binary_in_tensorflow, binary_in_tensorflow_with_the_tape, binary_with_the_size_of_the_logit,
           binary_in_two_halves],
    "q5": [crossentropy_in_tensorflow, crossentropy_in_tensorflow_with_the_tape, crossentropy_by_picking,
           crossentropy_row_by_row],
    "q6": [squared_hinge_in_tensorflow, squared_hinge_with_a_mask, squared_hinge_in_place_on_copies],
}
