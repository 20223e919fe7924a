"""The hidden side of the homework: for each question the inputs, and the reference to compare with.

Nothing of this file goes to the students, and nothing of it enters the sandbox but one input at a time. A case is a
dict of arguments; ``rng`` is seeded, so every student gets the same cases.
"""

import numpy as np

from labkit.grading.assignment import Assignment, Function, Text, Value


def gd_step(theta, grad, learning_rate):
    return theta - learning_rate * grad


def gd_cases(rng):
    return [{"theta": rng.normal(size=shape), "grad": scale * rng.normal(size=shape), "learning_rate": rate}
            for shape, scale, rate in [((3,), 1, 0.1), ((2, 3), 1e8, 1e-6), ((1,), 1e-8, 1e7), ((5,), 0, 0.5)]]


def momentum_path(curvatures, start, learning_rate, momentum, steps):
    path, velocity = [start], 0 * start
    for _ in range(steps):
        velocity = momentum * velocity - learning_rate * curvatures * path[-1]
        path.append(path[-1] + velocity)
    return np.array(path)


def momentum_cases(rng):
    return [{"curvatures": rng.uniform(0.1, 10, size=n), "start": rng.normal(size=n), "learning_rate": rate,
             "momentum": beta, "steps": steps}
            for n, rate, beta, steps in [(2, 0.1, 0.9, 20), (1, 0.01, 0.0, 5), (3, 0.05, 0.5, 1), (2, 0.1, 0.99, 0)]]


def adam_step(theta, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon):
    m, v = beta_1 * m + (1 - beta_1) * grad, beta_2 * v + (1 - beta_2) * grad**2
    step = m / (1 - beta_1**t) / (np.sqrt(v / (1 - beta_2**t)) + epsilon)
    return theta - learning_rate * step, m, v


def adam_cases(rng):
    """First steps and later ones, and gradients from 1e-8 to 1e8: near 1 a misplaced epsilon would not be seen."""
    cases = []
    for shape, scale, t, rate in [((3,), 1, 1, 0.1), ((2, 2), 1e-8, 1, 0.5), ((3,), 1e8, 7, 0.1), ((1,), 1, 3, 0.01)]:
        m = scale * rng.normal(size=shape) if t > 1 else np.zeros(shape)
        v = scale**2 * rng.uniform(0.5, 2, size=shape) if t > 1 else np.zeros(shape)
        cases.append({"theta": rng.normal(size=shape), "grad": scale * rng.normal(size=shape), "m": m, "v": v, "t": t,
                      "learning_rate": rate, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7})
    return cases


def cross_entropy(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]
    return losses.mean()


def cross_entropy_cases(rng):
    return [{"logits": scale * rng.normal(size=(n, k)), "labels": rng.integers(k, size=n)}
            for n, k, scale in [(4, 3, 1), (1, 2, 10), (6, 5, 1000), (3, 10, 1e-3)]]


ASSIGNMENT = Assignment("From gradient descent to Adam", [
    Function("gd_step", 2, gd_step, gd_cases, title="One step of gradient descent"),
    Value("rate_limit", 1, 0.08, title="The limit of the rate"),
    Function("momentum_path", 3, momentum_path, momentum_cases, title="Momentum"),
    Function("adam_step", 4, adam_step, adam_cases, title="One step of Adam"),
    Function("cross_entropy", 3, cross_entropy, cross_entropy_cases, title="Cross-entropy from logits"),
    Text("why_correct", 3, title="In your own words", rubric="see rubric.md"),
])
