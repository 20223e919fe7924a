r"""Losses, penalties and the proximal step of the L1 penalty in TensorFlow.

The names, formulas, shapes and errors of ``labkit.reference.losses``; there each is explained. The prediction comes
first, leading axes of the prediction count runs, and cross-entropies are computed **from logits**. Gradients come
from automatic differentiation, so ``value`` can stand in any function that TensorFlow differentiates or compiles.

Shapes and types are always checked. The entries of a target are checked where they are known: in eager code, and for
constants in a ``tf.function``. For a target that is an argument of a compiled function they are not known, so there a
class index out of range or a nan goes unnoticed: check such data before.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from labkit import _checks

__all__ = [
    "L1", "L2", "BinaryCrossentropy", "CategoricalCrossentropy", "Hinge", "Huber", "KLDivergence",
    "MeanAbsoluteError", "MeanSquaredError", "soft_threshold",
]


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Base of the losses: checks, the sum or the mean over the samples of each run, and the gradient."""

    reduction: str = "mean"

    def __post_init__(self):
        _checks.one_of("reduction", self.reduction, ("mean", "sum"))

    def value(self, prediction, target):
        """Return the loss of each run; its shape is that of the leading axes of prediction."""
        prediction, target = self._prepare(prediction, target)
        return self._reduced(prediction, target)

    def gradient(self, prediction, target):
        """Return the gradient of the value with respect to the prediction, in the shape of the prediction."""
        prediction, target = self._prepare(prediction, target)
        with tf.GradientTape() as tape:
            tape.watch(prediction)
            value = self._reduced(prediction, target)
        return tape.gradient(value, prediction)

    def _reduced(self, prediction, target):
        samples = self._samples(prediction, target)
        data = list(range(prediction.shape.rank - target.shape.rank, samples.shape.rank))  # behind the axes of the runs
        return (tf.reduce_mean if self.reduction == "mean" else tf.reduce_sum)(samples, axis=data)

    def _prepare(self, prediction, target):
        prediction, (target, known) = _floats("prediction", prediction), _data("target", target)
        if known is not None:
            _checks.finite("target", known)
        _checks.trailing_axes(target, prediction)
        if known is not None:
            self._check_values(known)
        return prediction, tf.cast(target, prediction.dtype)

    def _check_values(self, target):
        """Raise if the target, a NumPy array, holds values that this loss has no meaning for."""
        return  # AutoGraph cannot read a function that is a docstring only


@dataclass(frozen=True, kw_only=True)
class MeanSquaredError(Loss):
    r"""Mean squared error.

    .. math:: f(\hat y) = \frac1n \sum_{i=1}^n (\hat y_i - y_i)^2

    Here :math:`\hat y` is the prediction, of shape ``(..., *target.shape)``, :math:`y` the target and n the number of
    its entries. Parameters, errors, units, sources and the conventions of other libraries:
    :class:`labkit.reference.losses.MeanSquaredError`.
    """

    def _samples(self, prediction, target):
        return tf.math.squared_difference(prediction, target)


@dataclass(frozen=True, kw_only=True)
class MeanAbsoluteError(Loss):
    r"""Mean absolute error.

    .. math:: f(\hat y) = \frac1n \sum_{i=1}^n |\hat y_i - y_i|

    Here :math:`\hat y` is the prediction, of shape ``(..., *target.shape)``, :math:`y` the target and n the number of
    its entries. Parameters, errors, units, sources and the conventions of other libraries:
    :class:`labkit.reference.losses.MeanAbsoluteError`.
    """

    def _samples(self, prediction, target):
        return tf.abs(prediction - target)


@dataclass(frozen=True, kw_only=True)
class Huber(Loss):
    r"""Huber's loss: squared up to an error of delta (default 1.0), absolute beyond.

    .. math:: f(\hat y) = \frac1n \sum_{i=1}^n h(\hat y_i - y_i), \qquad
              h(r) = \begin{cases} \tfrac12 r^2 & |r| \le \delta \\
                                   \delta\,(|r| - \tfrac12 \delta) & |r| > \delta \end{cases}

    Here :math:`\hat y` is the prediction, of shape ``(..., *target.shape)``, :math:`y` the target, n the number of its
    entries and r an error. Parameters, errors, units, sources and the conventions of other libraries:
    :class:`labkit.reference.losses.Huber`.
    """

    delta: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "delta", _checks.positive("delta", self.delta))

    def _samples(self, prediction, target):
        delta = tf.constant(self.delta, prediction.dtype)
        size = tf.abs(prediction - target)
        near = tf.minimum(size, delta)  # not tf.where: its gradient is nan where the branch not taken overflows
        return near * near / 2 + delta * (size - near)


@dataclass(frozen=True, kw_only=True)
class Hinge(Loss):
    r"""Hinge loss, for targets -1 and +1.

    .. math:: f(z) = \frac1n \sum_{i=1}^n \max(0,\, 1 - y_i z_i)

    Here z is the prediction, of shape ``(..., *target.shape)``, :math:`y_i \in \{-1, +1\}` the target and n the number
    of its entries. Parameters, errors, units, sources and the conventions of other libraries:
    :class:`labkit.reference.losses.Hinge`.
    """

    def _check_values(self, target):
        _checks.signs(target)

    def _samples(self, prediction, target):
        return tf.nn.relu(1 - target * prediction)


@dataclass(frozen=True, kw_only=True)
class BinaryCrossentropy(Loss):
    r"""Binary cross-entropy **from logits, not from probabilities**.

    .. math:: f(z) = -\frac1n \sum_{i=1}^n \big[ y_i \log \sigma(z_i) + (1 - y_i) \log \sigma(-z_i) \big]

    Here z is the prediction, a logit, of shape ``(..., *target.shape)``, :math:`\sigma(z) = 1/(1 + e^{-z})`,
    :math:`y_i` the target, from 0 to 1, which label smoothing s (default 0.0) replaces by :math:`(1 - s)\,y_i + s/2`,
    and n the number of its entries. Parameters, errors, units, sources and the conventions of other libraries:
    :class:`labkit.reference.losses.BinaryCrossentropy`.
    """

    label_smoothing: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "label_smoothing", _checks.fraction("label_smoothing", self.label_smoothing))

    def _check_values(self, target):
        _checks.fractions(target)

    def _samples(self, prediction, target):
        y = target * (1 - self.label_smoothing) + self.label_smoothing / 2
        # tf.nn.sigmoid_cross_entropy_with_logits is as stable, but its gradient takes 1 from 1 and loses small slopes
        return y * tf.nn.softplus(-prediction) + (1 - y) * tf.nn.softplus(prediction)


@dataclass(frozen=True, kw_only=True)
class CategoricalCrossentropy(Loss):
    r"""Categorical cross-entropy **from logits, not from probabilities**.

    .. math:: f(z) = -\frac1n \sum_{i=1}^n \sum_{j=1}^k p_{ij} \log q_{ij}, \qquad
              q_{ij} = \frac{e^{z_{ij}}}{\sum_{l=1}^k e^{z_{il}}}

    Here z is the prediction, logits of shape (..., n, k), for n samples and k classes, and :math:`p_{ij}` the target
    probability of class j, which label smoothing s (default 0.0) replaces by :math:`(1 - s)\,p_{ij} + s/k`.
    **The number of axes of the target says what it is**: one axis, of integers, holds class indices from 0 to k - 1;
    two axes, (n, k), hold probabilities. Parameters, errors, units, sources and the conventions of other libraries:
    :class:`labkit.reference.losses.CategoricalCrossentropy`.
    """

    label_smoothing: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "label_smoothing", _checks.fraction("label_smoothing", self.label_smoothing))

    def _prepare(self, prediction, target):
        prediction, (target, known) = _floats("prediction", prediction), _data("target", target)
        _checks.class_axes(target, prediction)
        classes = prediction.shape[-1]
        if target.shape.rank == 1:
            if known is not None:
                _checks.class_indices(known, classes)
            target = tf.one_hot(target, classes, dtype=prediction.dtype)
        else:
            if known is not None:
                _checks.distributions(_checks.finite("target", known))
            target = tf.cast(target, prediction.dtype)
        return prediction, target * (1 - self.label_smoothing) + self.label_smoothing / classes

    def _samples(self, prediction, target):
        return -tf.reduce_sum(target * tf.nn.log_softmax(prediction), axis=-1)


@dataclass(frozen=True, kw_only=True)
class KLDivergence(Loss):
    r"""Kullback-Leibler divergence of predicted from target distribution, **from logits, not from probabilities**.

    .. math:: f(z) = \frac1n \sum_{i=1}^n \sum_{j=1}^k p_{ij} \log \frac{p_{ij}}{q_{ij}}, \qquad
              q_{ij} = \frac{e^{z_{ij}}}{\sum_{l=1}^k e^{z_{il}}}

    Here z is the prediction, logits of shape (..., n, k), for n samples and k classes, and :math:`p_{ij}` the target
    probability of class j for sample i, with :math:`0 \log 0 = 0`. Parameters, errors, units, sources and the
    conventions of other libraries: :class:`labkit.reference.losses.KLDivergence`.
    """

    def _prepare(self, prediction, target):
        target, known = _data("target", target)
        if known is not None:
            _checks.finite("target", known, ndim=2)
        elif target.shape.rank != 2:
            _checks.fail("target.ndim", target.shape.rank, f"2 (its shape is {tuple(target.shape)})")
        return super()._prepare(prediction, target)

    def _check_values(self, target):
        _checks.distributions(target)

    def _samples(self, prediction, target):
        return tf.reduce_sum(tf.math.xlogy(target, target) - target * tf.nn.log_softmax(prediction), axis=-1)


def _floats(name, value):
    """Return value as a tensor of floats; integers become float64, as in NumPy."""
    if not tf.is_tensor(value):
        return tf.convert_to_tensor(_checks.as_floats(name, value))
    value = tf.convert_to_tensor(value)  # a variable becomes its value
    if value.dtype.is_integer:
        return tf.cast(value, tf.float64)
    if not value.dtype.is_floating:
        _checks.fail(name, value, "made of real numbers")
    return value


def _data(name, value):
    """Return value as a tensor, and as a NumPy array where its entries are known: eager, or a constant."""
    if not tf.is_tensor(value):
        known = _checks.entries(name, value)
        return tf.convert_to_tensor(known), known
    value = tf.convert_to_tensor(value)  # a variable becomes its value
    if not (value.dtype.is_floating or value.dtype.is_integer):
        _checks.fail(name, value, "made of real numbers")
    return value, tf.get_static_value(value)


@dataclass(frozen=True, kw_only=True)
class L1:
    r"""L1 penalty (lasso).

    .. math:: r(\theta) = \lambda \lVert\theta\rVert_1

    Here :math:`\lambda` is the strength: a number, or an array whose axes are leading axes of :math:`\theta`, which has
    shape (..., d). Units, errors, sources and the conventions of other libraries: :class:`labkit.reference.losses.L1`.
    """

    strength: float

    def __post_init__(self):
        object.__setattr__(self, "strength", _checks.strengths("strength", self.strength))

    def value(self, theta):
        """Return the penalty of each run: theta has shape (..., d), the penalty shape (...)."""
        theta = _theta(theta)
        return tf.reduce_sum(_per_run("strength", self.strength, theta) * tf.abs(theta), axis=-1)

    def gradient(self, theta):
        """Return the gradient of the penalty, in the shape of theta."""
        theta = _theta(theta)
        return _per_run("strength", self.strength, theta) * tf.sign(theta)


@dataclass(frozen=True, kw_only=True)
class L2:
    r"""L2 penalty (ridge); **the factor 1/2 is part of it**, where ``keras.regularizers.L2`` has none.

    .. math:: r(\theta) = \frac\lambda2 \lVert\theta\rVert_2^2

    Here :math:`\lambda` is the strength: a number, or an array whose axes are leading axes of :math:`\theta`, which has
    shape (..., d). Units, errors, sources and the conventions of other libraries: :class:`labkit.reference.losses.L2`.
    """

    strength: float

    def __post_init__(self):
        object.__setattr__(self, "strength", _checks.strengths("strength", self.strength))

    def value(self, theta):
        """Return the penalty of each run: theta has shape (..., d), the penalty shape (...)."""
        theta = _theta(theta)
        return tf.reduce_sum(_per_run("strength", self.strength, theta) * tf.square(theta), axis=-1) / 2

    def gradient(self, theta):
        """Return the gradient of the penalty, in the shape of theta."""
        theta = _theta(theta)
        return _per_run("strength", self.strength, theta) * theta


def soft_threshold(theta, amount):
    r"""Move every parameter toward 0 by an amount, and stop at 0: the proximal step of the L1 penalty.

    .. math:: S_a(v) = \operatorname{sign}(v) \max(|v| - a,\, 0)

    Here v is a parameter, an entry of theta of shape (..., d), and a the amount: a number, or an array or tensor whose
    axes are leading axes of theta. What it is for, errors, sources: :func:`labkit.reference.losses.soft_threshold`.
    """
    theta = _theta(theta)
    if not tf.is_tensor(amount):
        _checks.strengths("amount", amount)
    elif tf.get_static_value(amount) is not None:  # None inside a tf.function
        _checks.strengths("amount", tf.get_static_value(amount))
    return tf.sign(theta) * tf.maximum(tf.abs(theta) - _per_run("amount", amount, theta), 0)


def _theta(theta):
    theta = _floats("theta", theta)
    if theta.shape.rank == 0:
        _checks.fail("theta.shape", (), "(d,) or (..., d)")
    return theta


def _per_run(name, value, theta):
    """Return a strength in theta's type, shaped to multiply theta; its axes are leading axes of theta."""
    value = tf.cast(value if tf.is_tensor(value) else np.asarray(value, np.float64), theta.dtype)
    _checks.leading_axes(name, value, "theta", theta)
    return tf.reshape(value, value.shape + (1,) * (theta.shape.rank - value.shape.rank))
