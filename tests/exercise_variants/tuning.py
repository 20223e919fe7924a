"""Other right ways to write the answers on tuning: with masks, in place on copies, in closed form, in TensorFlow."""

import numpy as np
import tensorflow as tf


def log_scale_in_tensorflow(u, low, high):
    return tf.exp(np.log(low) + u * (np.log(high) - np.log(low)))


def log_scale_in_tensorflow_in_single_precision(u, low, high):
    return low * tf.pow(high / low, tf.cast(u, tf.float32))


def log_scale_with_exponents(u, low, high):
    a, b = np.log10([low, high])
    return 10 ** ((1 - u) * a + u * b)


def log_scale_as_a_weighted_geometric_mean(u, low, high):
    return low ** (1 - u) * high**u


def stop_in_tensorflow(losses, patience):
    losses = tf.where(tf.math.is_nan(losses), tf.constant(np.inf, tf.float64), losses)
    for epoch in range(len(losses)):
        best = tf.argmin(losses[:epoch + 1])
        if epoch - best >= patience:
            break
    return tf.constant(epoch), best


def stop_with_a_counter(losses, patience):
    best, lowest, waited = 0, float("inf"), 0
    for epoch, loss in enumerate(losses):
        if loss < lowest:
            best, lowest, waited = epoch, loss, 0
        elif epoch > 0:
            waited += 1
        if waited == patience:
            return epoch, best
    return len(losses) - 1, best


def stop_with_a_while(losses, patience):
    seen = np.nan_to_num(np.array(losses), nan=np.inf)
    epoch = 0
    while epoch + 1 < len(seen) and epoch - int(np.argmin(seen[:epoch + 1])) < patience:
        epoch += 1
    return [epoch, int(np.argmin(seen[:epoch + 1]))]


def report_in_tensorflow(training, validation, test):
    mean = tf.reduce_mean(validation, axis=1)
    chosen = tf.argmin(tf.where(tf.math.is_nan(mean), np.inf * tf.ones_like(mean), mean))
    return chosen, tf.reduce_mean(tf.constant(test)[chosen])


def report_with_nanargmin(training, validation, test):
    chosen = np.nanargmin(validation.mean(axis=1))
    return chosen, test.mean(axis=1)[chosen]


def report_with_a_mask(training, validation, test):
    rows = np.flatnonzero(np.isfinite(validation).all(axis=1))
    chosen = rows[np.argmin(validation[rows].sum(axis=1))]
    return int(chosen), float(np.mean(test[chosen]))


def halving_in_tensorflow(score, first, factor):
    score = tf.where(tf.math.is_nan(score), np.inf * tf.ones_like(score), score)
    alive, paid, before, t = tf.range(score.shape[1]), 0, 0, first
    while len(alive) > 1:
        paid += len(alive) * (t - before)
        order = tf.argsort(tf.gather(score[t], alive), stable=True)
        alive = tf.gather(alive, order[:max(1, len(alive) // factor)])
        before, t = t, t * factor
    return alive[0], paid


def halving_as_on_the_page(score, first, factor):
    rungs = [first * factor**i for i in range(len(score)) if first * factor**i < len(score)]
    alive, paid, before = np.arange(score.shape[1]), 0, 0
    for t in rungs:
        if len(alive) == 1:
            break
        paid, before = paid + len(alive) * (t - before), t
        alive = alive[np.argsort(score[t, alive], kind="stable")[:max(1, len(alive) // factor)]]
    return int(alive[0]), paid


def halving_with_sorted(score, first, factor):
    running, paid, rung, last = list(range(score.shape[1])), 0, first, 0
    while len(running) > 1:
        paid += (rung - last) * len(running)
        running = sorted(running, key=lambda j: (np.isnan(score[rung, j]), score[rung, j], j))
        running, last, rung = running[:len(running) // factor or 1], rung, rung * factor
    return running[0], paid


def cross_validate_in_tensorflow(X, y, k, strength):
    n, d = X.shape
    ends = np.cumsum([n // k + (j < n % k) for j in range(k)])
    errors = []
    for start, end in zip([0, *ends[:-1]], ends):
        train = tf.concat([X[:start], X[end:]], axis=0)
        target = tf.concat([y[:start], y[end:]], axis=0)
        mean, variance = tf.nn.moments(train, axes=[0])
        Z, level = (train - mean) / tf.sqrt(variance), tf.reduce_mean(target)
        m = end - start - n
        matrix = tf.transpose(Z) @ Z / -m + strength * tf.eye(d, dtype=tf.float64)
        weights = tf.linalg.solve(matrix, tf.transpose(Z) @ (target - level)[:, None] / -m)[:, 0]
        prediction = tf.linalg.matvec((X[start:end] - mean) / tf.sqrt(variance), weights) + level
        errors.append(tf.reduce_mean((prediction - y[start:end]) ** 2))
    return tf.reduce_mean(tf.stack(errors))


def cross_validate_with_a_column_of_ones(X, y, k, strength):
    errors, n = 0.0, len(y)
    for judge in np.array_split(range(n), k):
        train = np.setdiff1d(np.arange(n), judge)
        Z = (X - X[train].mean(axis=0)) / X[train].std(axis=0)
        Z = np.column_stack([np.ones(n), Z])
        penalty = len(train) * strength * np.diag([0.0] + [1.0] * X.shape[1])
        theta = np.linalg.inv(Z[train].T @ Z[train] + penalty) @ Z[train].T @ y[train]
        errors += np.mean((Z[judge] @ theta - y[judge]) ** 2) / k
    return errors


def cross_validate_with_stacked_rows(X, y, k, strength):
    errors = []
    for mask in (np.isin(np.arange(len(y)), fold) for fold in np.array_split(np.arange(len(y)), k)):
        A, b = X[~mask], y[~mask]
        middle, spread = A.mean(0), A.std(0)
        below = np.sqrt(strength * len(b)) * np.eye(X.shape[1])
        w = np.linalg.lstsq(np.vstack([(A - middle) / spread, below]),
                            np.append(b - b.mean(), np.zeros(X.shape[1])), rcond=None)[0]
        errors.append(np.square((X[mask] - middle) / spread @ w + b.mean() - y[mask]).mean())
    return sum(errors) / k


def shown_in_tensorflow(k, error, width):
    return tf.constant(error, tf.float64) - width + 2 * width / (k + 1)


def shown_from_the_lower_end(k, error, width):
    return (error - width) + 2 * width / (k + 1)


VARIANTS = {
    "q2": [log_scale_in_tensorflow, log_scale_in_tensorflow_in_single_precision, log_scale_with_exponents,
           log_scale_as_a_weighted_geometric_mean],
    "q3": [stop_in_tensorflow, stop_with_a_counter, stop_with_a_while],
    "q4": [report_in_tensorflow, report_with_nanargmin, report_with_a_mask],
    "q5": [halving_in_tensorflow, halving_as_on_the_page, halving_with_sorted],
    "q6": [cross_validate_in_tensorflow, cross_validate_with_a_column_of_ones, cross_validate_with_stacked_rows],
    "q7": [shown_in_tensorflow, shown_from_the_lower_end],
}
