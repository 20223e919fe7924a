r"""Update rules in NumPy.

An optimizer is an immutable value of hyper-parameters with two pure methods::

    state = optimizer.init(theta)
    theta, state = optimizer.update(grad, state, theta)

``theta`` and ``grad`` are arrays of one shape. Nothing is changed in place. A learning rate is a positive number,
a callable of the step (0, 1, 2, ...), or an array whose axes are leading axes of ``theta``: with 64 rates and a
``theta`` of shape (64, d), 64 runs go on side by side.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from labkit import _checks


class GradientDescentState(NamedTuple):
    """What gradient descent remembers: the number of updates made so far."""

    count: int


@dataclass(frozen=True, kw_only=True, eq=False)
class GradientDescent:
    r"""Gradient descent: a step against the gradient.

    .. math:: \theta_{t+1} = \theta_t - \alpha \nabla f(\theta_t)

    On mini-batch gradients the same rule is stochastic gradient descent.

    Parameters
    ----------
    learning_rate : float, array or callable, default 0.01
        The rate :math:`\alpha`, positive, in units of theta per unit of gradient. An array gives one rate to each
        run; a callable is given the step, from 0.

    Raises
    ------
    ValueError
        If the rate is not positive and finite; from ``update``, if ``grad`` and ``theta`` differ in shape or type.

    Notes
    -----
    The same update as ``keras.optimizers.SGD``, ``torch.optim.SGD`` and ``optax.sgd`` without momentum. Keras has
    the same default rate, PyTorch 0.001, optax none.

    References
    ----------
    A. Cauchy (1847), Comptes Rendus 25, 536-538.

    Examples
    --------
    >>> import numpy as np
    >>> rule = GradientDescent(learning_rate=0.1)
    >>> theta = np.array([1.0, -2.0])
    >>> theta, state = rule.update(2 * theta, rule.init(theta), theta)
    >>> theta
    array([ 0.8, -1.6])
    """

    learning_rate: float = 0.01

    def __post_init__(self):
        object.__setattr__(self, "learning_rate", _checks.rate("learning_rate", self.learning_rate))

    def init(self, theta):
        """Return the state before the first update."""
        return GradientDescentState(count=0)

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        _checks.gradient(grad, theta)
        alpha = rate_at(self.learning_rate, state.count, theta)
        return theta - alpha * grad, GradientDescentState(count=state.count + 1)


def rate_at(learning_rate, step, theta):
    """Return the rate of a step in theta's type, shaped to multiply a gradient of theta's shape."""
    rate = learning_rate(step) if callable(learning_rate) else learning_rate
    rate = np.asarray(rate, dtype=theta.dtype)
    _checks.leading_axes("learning_rate", rate, "theta", theta)
    return rate.reshape(rate.shape + (1,) * (theta.ndim - rate.ndim))
