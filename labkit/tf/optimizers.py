r"""Update rules in TensorFlow, with the names and the interface of ``labkit.reference.optimizers``.

``theta`` and ``grad`` are tensors, or nests (lists, tuples, dicts) of tensors of the same structure. A rule is a
value that ``tf.function`` understands: its numbers travel as tensors, so a new rate needs no new trace.
"""

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from labkit import _checks


class Optimizer:
    """Base of the rules: tells TensorFlow which parts of a rule are numbers and which are fixed."""

    def __tf_flatten__(self):
        values = [getattr(self, field.name) for field in fields(self)]
        fixed = tuple(value if callable(value) else None for value in values)
        numbers = tuple(tf.convert_to_tensor(value, tf.float64) for value in values if not callable(value))
        return fixed, numbers

    @classmethod
    def __tf_unflatten__(cls, fixed, numbers):
        rule, numbers = object.__new__(cls), iter(numbers)  # without the checks: they cannot see inside a trace
        for field, value in zip(fields(cls), fixed):
            object.__setattr__(rule, field.name, next(numbers) if value is None else value)
        return rule


class GradientDescentState(NamedTuple):
    """What gradient descent remembers: the number of updates made so far."""

    count: tf.Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class GradientDescent(Optimizer):
    r"""Gradient descent: a step against the gradient.

    .. math:: \theta_{t+1} = \theta_t - \alpha \nabla f(\theta_t)

    On mini-batch gradients the same rule is stochastic gradient descent.

    Parameters
    ----------
    learning_rate : float, array or callable, default 0.01
        The rate :math:`\alpha`, positive, in units of theta per unit of gradient. An array gives one rate to each
        run: its axes are leading axes of every tensor in theta. A callable is given the step, an integer tensor
        from 0.

    Raises
    ------
    ValueError
        If the rate is not positive and finite; from ``update``, if ``grad`` and ``theta`` differ in structure,
        shape or type.

    Notes
    -----
    The same update as ``keras.optimizers.SGD``, ``torch.optim.SGD`` and ``optax.sgd`` without momentum.

    References
    ----------
    A. Cauchy (1847), Comptes Rendus 25, 536-538.
    """

    learning_rate: float = 0.01

    def __post_init__(self):
        object.__setattr__(self, "learning_rate", _checks.rate("learning_rate", self.learning_rate))

    def init(self, theta):
        """Return the state before the first update."""
        return GradientDescentState(count=tf.constant(0, tf.int64))

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        tf.nest.map_structure(_checks.gradient, grad, theta)
        rate = self.learning_rate(state.count) if callable(self.learning_rate) else self.learning_rate
        theta = tf.nest.map_structure(lambda p, g: p - rate_like(rate, p) * g, theta, grad)
        return theta, GradientDescentState(count=state.count + 1)


def rate_like(rate, theta):
    """Return a rate in theta's type, shaped to multiply a gradient of theta's shape."""
    rate = tf.cast(tf.convert_to_tensor(rate if tf.is_tensor(rate) else np.asarray(rate)), theta.dtype)
    _checks.leading_axes("learning_rate", rate, "theta", theta)
    return tf.reshape(rate, rate.shape + (1,) * (theta.shape.rank - rate.shape.rank))
