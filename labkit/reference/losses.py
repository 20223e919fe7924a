r"""Losses, penalties and the proximal step of the L1 penalty, in NumPy: value and gradient.

A loss is an immutable value with two pure methods::

    value = loss.value(prediction, target)
    slope = loss.gradient(prediction, target)      # with respect to the prediction

**The prediction comes first**, as in PyTorch and optax; Keras has the target first. The loss computes in the type of
the prediction.

**Leading axes of the prediction count runs.** The target is data and has no such axes: with a target of shape (n,), a
prediction of shape (64, n) holds 64 runs, and the value has shape (64,). The last axes of the prediction must be the
shape of the target, so (n,) against (n, 1) is an error and never a table of n times n differences. A single number as
target makes each entry of the prediction a run: that is how to draw a loss as a curve.

**Reduction.** ``"mean"`` divides the sum by the number of samples; where a sample has several entries (a target of
shape (n, k) in a regression), by the number of entries. ``"sum"`` divides by nothing: its gradient is n times as large,
and so is its curvature, so it needs a learning rate n times as small.

A target that holds nan or infinity is an error. A prediction that does is a run that has diverged: its value is not
finite, and nothing is raised.
"""

from dataclasses import dataclass

import numpy as np

from labkit import _checks

__all__ = [
    "L1", "L2", "BinaryCrossentropy", "CategoricalCrossentropy", "Hinge", "Huber", "KLDivergence",
    "MeanAbsoluteError", "MeanSquaredError", "soft_threshold",
]


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Base of the losses: checks, and the sum or the mean over the samples of each run."""

    reduction: str = "mean"

    def __post_init__(self):
        _checks.one_of("reduction", self.reduction, ("mean", "sum"))

    def value(self, prediction, target):
        """Return the loss of each run; its shape is that of the leading axes of prediction."""
        prediction, target = self._prepare(prediction, target)
        samples = self._samples(prediction, target)
        data = tuple(range(prediction.ndim - target.ndim, samples.ndim))  # behind the axes of the runs
        return samples.mean(axis=data) if self.reduction == "mean" else samples.sum(axis=data)

    def gradient(self, prediction, target):
        """Return the gradient of the value with respect to the prediction, in the shape of the prediction."""
        prediction, target = self._prepare(prediction, target)
        slopes = self._slopes(prediction, target)
        return slopes / self._count(target) if self.reduction == "mean" else slopes

    def _prepare(self, prediction, target):
        prediction, target = _checks.as_floats("prediction", prediction), _checks.finite("target", target)
        _checks.trailing_axes(target, prediction)
        self._check_values(target)
        return prediction, target.astype(prediction.dtype)

    def _check_values(self, target):
        """Raise if the target holds values that this loss has no meaning for."""

    def _count(self, target):
        return target.size


@dataclass(frozen=True, kw_only=True)
class MeanSquaredError(Loss):
    r"""Mean squared error: the loss of regression.

    .. math:: f(\hat y) = \frac1n \sum_{i=1}^n (\hat y_i - y_i)^2, \qquad
              \frac{\partial f}{\partial \hat y_i} = \frac2n (\hat y_i - y_i)

    Here :math:`\hat y` is the prediction, :math:`y` the target and n the number of entries. There is no factor 1/2.
    The curvature in each prediction is :math:`2/n`, the same everywhere. The slope grows with the error without
    bound, so a single outlier can outweigh all other samples.

    It is the negative log-likelihood of targets that are normally distributed around the prediction with a constant
    variance, up to scale and a constant.

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"
        The mean or the sum over all entries of the target.

    Raises
    ------
    ValueError
        If the reduction is another; from ``value`` and ``gradient``, if the target is empty, holds nan or infinity,
        or has not the shape of the trailing axes of the prediction.

    Notes
    -----
    The prediction, of shape ``(..., *target.shape)``, is in the units of the target; the value is in their square.
    As ``keras.losses.MeanSquaredError`` and ``torch.nn.MSELoss``; ``optax.squared_error`` has no reduction, and
    ``optax.l2_loss`` has a factor 1/2. With ``reduction="sum"`` Keras still takes the mean over the last axis,
    PyTorch does not, and neither do we.

    References
    ----------
    C. M. Bishop (2006), Pattern Recognition and Machine Learning, Section 1.2.5.

    Examples
    --------
    >>> import numpy as np
    >>> MeanSquaredError().gradient(np.array([1.0, 4.0]), np.array([1.0, 2.0]))
    array([0., 2.])
    """

    def _samples(self, prediction, target):
        return (prediction - target) ** 2

    def _slopes(self, prediction, target):
        return 2 * (prediction - target)


@dataclass(frozen=True, kw_only=True)
class MeanAbsoluteError(Loss):
    r"""Mean absolute error: regression that one outlier cannot bend far.

    .. math:: f(\hat y) = \frac1n \sum_{i=1}^n |\hat y_i - y_i|, \qquad
              \frac{\partial f}{\partial \hat y_i} = \frac1n \operatorname{sign}(\hat y_i - y_i)

    Here :math:`\hat y` is the prediction, :math:`y` the target and n the number of entries. The slope does not shrink
    near the minimum, so a constant learning rate ends in a zigzag about it. The curvature is 0, except at
    :math:`\hat y_i = y_i`, where there is none; the gradient there is 0, one of the subgradients.

    It is the negative log-likelihood of targets with a Laplace distribution around the prediction. The best constant
    prediction is the median, where that of the squared error is the mean.

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"
        The mean or the sum over all entries of the target.

    Raises
    ------
    ValueError
        If the reduction is another; from ``value`` and ``gradient``, if the target is empty, holds nan or infinity,
        or has not the shape of the trailing axes of the prediction.

    Notes
    -----
    The prediction, of shape ``(..., *target.shape)``, is in the units of the target, and so is the value.
    As ``keras.losses.MeanAbsoluteError`` and ``torch.nn.L1Loss``. With ``reduction="sum"`` Keras still takes the mean
    over the last axis.

    References
    ----------
    S. Boyd, L. Vandenberghe (2004), Convex Optimization, Sections 6.1 and 7.1.
    """

    def _samples(self, prediction, target):
        return np.abs(prediction - target)

    def _slopes(self, prediction, target):
        return np.sign(prediction - target)


@dataclass(frozen=True, kw_only=True)
class Huber(Loss):
    r"""Huber's loss: squared for small errors, absolute for large ones.

    .. math:: f(\hat y) = \frac1n \sum_{i=1}^n h(\hat y_i - y_i), \qquad
              h(r) = \begin{cases} \tfrac12 r^2 & |r| \le \delta \\
                                   \delta\,(|r| - \tfrac12 \delta) & |r| > \delta \end{cases}, \qquad
              h'(r) = \min(\max(r, -\delta), \delta)

    Here :math:`\hat y` is the prediction, :math:`y` the target, n the number of entries, r an error and
    :math:`\delta` the size beyond which an error counts as an outlier. The slope is the error, clipped; the curvature
    in each prediction is 1/n up to :math:`\delta`, and 0 beyond.

    It is the negative log-likelihood of noise that is normal in the middle with the tails of a Laplace distribution:
    the least informative one for data of which a share is contaminated.

    Parameters
    ----------
    delta : float, default 1.0
        Positive, in the units of the target.
    reduction : {"mean", "sum"}, default "mean"
        The mean or the sum over all entries of the target.

    Raises
    ------
    ValueError
        If delta is not positive and finite, or the reduction is another; from ``value`` and ``gradient``, if the
        target is empty, holds nan or infinity, or has not the shape of the trailing axes of the prediction.

    Notes
    -----
    The prediction, of shape ``(..., *target.shape)``, is in the units of the target; the value is in their square.
    As ``keras.losses.Huber``, ``torch.nn.HuberLoss`` and ``optax.huber_loss`` (which has no reduction).
    ``torch.nn.SmoothL1Loss`` is this one divided by delta. For small errors it is *half* the squared error. With
    ``reduction="sum"`` Keras still takes the mean over the last axis.

    References
    ----------
    P. J. Huber (1964), Robust estimation of a location parameter, Annals of Mathematical Statistics 35(1), 73-101.
    """

    delta: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "delta", _checks.positive("delta", self.delta))

    def _samples(self, prediction, target):
        size = np.abs(prediction - target)
        near = np.minimum(size, self.delta)
        return near**2 / 2 + self.delta * (size - near)

    def _slopes(self, prediction, target):
        return np.clip(prediction - target, -self.delta, self.delta)


@dataclass(frozen=True, kw_only=True)
class Hinge(Loss):
    r"""Hinge loss: a classifier into -1 and +1 with a margin.

    .. math:: f(z) = \frac1n \sum_{i=1}^n \max(0,\, 1 - y_i z_i), \qquad
              \frac{\partial f}{\partial z_i} = \begin{cases} -y_i/n & y_i z_i < 1 \\ 0 & y_i z_i \ge 1 \end{cases}

    Here z is the prediction, any real number, whose sign is the class; :math:`y_i \in \{-1, +1\}` is the target and n
    the number of entries. A sample that is right by a margin of 1 has no loss and no say. The curvature is 0, except
    at the corner :math:`y_i z_i = 1`; the gradient there is 0, one of the subgradients.

    It comes from no likelihood: it is the loss of the support vector machine, the smallest convex function above the
    count of errors that has slope -1 at 0.

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"
        The mean or the sum over all entries of the target.

    Raises
    ------
    ValueError
        If the reduction is another; from ``value`` and ``gradient``, if the target is empty, holds anything but -1
        and 1, or has not the shape of the trailing axes of the prediction.

    Notes
    -----
    Prediction, of shape ``(..., *target.shape)``, and value have no units.
    As ``optax.hinge_loss`` (which has no reduction) and ``keras.losses.Hinge``, except that Keras silently turns
    targets 0 and 1 into -1 and 1, that its gradient at the corner is :math:`-y_i/n`, and that with
    ``reduction="sum"`` it still takes the mean over the last axis. PyTorch's ``HingeEmbeddingLoss`` is another loss.

    References
    ----------
    C. Cortes, V. Vapnik (1995), Support-vector networks, Machine Learning 20(3), 273-297.
    """

    def _check_values(self, target):
        _checks.signs(target)

    def _samples(self, prediction, target):
        return np.maximum(0, 1 - target * prediction)

    def _slopes(self, prediction, target):
        return -target * (target * prediction < 1)


@dataclass(frozen=True, kw_only=True)
class BinaryCrossentropy(Loss):
    r"""Binary cross-entropy **from logits**: yes or no, with a probability.

    The prediction is the LOGIT z, any real number, **not a probability**. The probability of "yes" is
    :math:`\sigma(z) = 1/(1 + e^{-z})`; the loss takes that step itself, because only then does it stay exact for large
    :math:`|z|`.

    .. math:: f(z) = -\frac1n \sum_{i=1}^n \big[ y_i \log \sigma(z_i) + (1 - y_i) \log \sigma(-z_i) \big], \qquad
              \frac{\partial f}{\partial z_i} = \frac1n \big( \sigma(z_i) - y_i \big)

    Here :math:`y_i` is the target, a probability from 0 to 1 (mostly 0 or 1), and n the number of entries. The
    curvature in each logit is :math:`\sigma(z_i)\,\sigma(-z_i)/n`, at most :math:`1/(4n)`. A confident wrong answer
    keeps a slope of nearly 1/n; the squared error of :math:`\sigma(z)` has next to none there.

    It is the negative log-likelihood of targets that are drawn from a Bernoulli distribution.

    Label smoothing s replaces :math:`y_i` by :math:`(1 - s)\,y_i + s/2`, so no logit is pushed to infinity.

    Parameters
    ----------
    label_smoothing : float, default 0.0
        The share s, from 0 up to, not including, 1.
    reduction : {"mean", "sum"}, default "mean"
        The mean or the sum over all entries of the target.

    Raises
    ------
    ValueError
        If the smoothing or the reduction is out of range; from ``value`` and ``gradient``, if the target is empty,
        holds anything outside 0 to 1, or has not the shape of the trailing axes of the prediction.

    Notes
    -----
    Logits, of shape ``(..., *target.shape)``, have no units; the value is in nats.
    As ``keras.losses.BinaryCrossentropy(from_logits=True)``, whose own default expects probabilities: fed with logits
    it raises nothing and returns a wrong number. As ``torch.nn.BCEWithLogitsLoss``, which has no label smoothing, and
    ``optax.sigmoid_binary_cross_entropy``, which has no reduction. With ``reduction="sum"`` Keras still takes the mean
    over the last axis. The loss and its slope are added up from terms of one sign, so that they keep their leading
    digits where 1 - 1 would lose them.

    References
    ----------
    C. M. Bishop (2006), Pattern Recognition and Machine Learning, Eq. 4.90 and 4.91.
    C. Szegedy et al. (2016), Rethinking the Inception architecture for computer vision, CVPR, Section 7 (smoothing).

    Examples
    --------
    >>> import numpy as np
    >>> round(float(BinaryCrossentropy().value(np.array([-1000.0]), np.array([1.0]))), 4)
    1000.0
    """

    label_smoothing: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "label_smoothing", _checks.fraction("label_smoothing", self.label_smoothing))

    def _check_values(self, target):
        _checks.fractions(target)

    def _samples(self, prediction, target):
        y = self._smooth(target)
        return y * np.logaddexp(0, -prediction) + (1 - y) * np.logaddexp(0, prediction)

    def _slopes(self, prediction, target):
        y = self._smooth(target)
        return (1 - y) * _sigmoid(prediction) - y * _sigmoid(-prediction)

    def _smooth(self, target):
        return (1 - self.label_smoothing) * target + self.label_smoothing / 2


class _FromLogits(Loss):
    """What the losses on a row of logits share: the last axis is the classes, the samples are the axis before it."""

    def _count(self, target):
        return len(target)


@dataclass(frozen=True, kw_only=True)
class CategoricalCrossentropy(_FromLogits):
    r"""Categorical cross-entropy **from logits**: one of k classes, with a probability for each.

    The prediction is a row of k LOGITS, any real numbers, **not probabilities**. The probabilities are
    :math:`q_j = e^{z_j} / \sum_l e^{z_l}` (softmax); the loss takes that step itself. Applying softmax before it is a
    common mistake that raises nothing: it makes the loss flat.

    .. math:: f(z) = -\frac1n \sum_{i=1}^n \sum_{j=1}^k p_{ij} \log q_{ij}, \qquad
              \frac{\partial f}{\partial z_{ij}} = \frac1n ( q_{ij} - p_{ij} )

    Here :math:`p_{ij}` is the target probability of class j for sample i, :math:`q_{ij}` the predicted one, n the
    number of samples and k the number of classes. The order matters: cross-entropy is not symmetric. Its curvature,
    :math:`(\operatorname{diag}(q_i) - q_i q_i^\top)/n` for one sample, is at most 1/(2n), and 0 along the direction
    that adds the same number to all logits.

    It is the negative log-likelihood of targets that are drawn from a categorical distribution.

    Label smoothing s replaces :math:`p_{ij}` by :math:`(1 - s)\,p_{ij} + s/k`.

    The logits have shape (..., n, k). **The number of axes of the target says what it is**: one axis, of integers,
    holds class indices from 0 to k - 1; two axes, of shape (n, k), hold probabilities, one row a sample (one-hot rows
    are such). Any other combination is an error, floats of shape (n,) included. One sample is a row of shape (1, k).

    Parameters
    ----------
    label_smoothing : float, default 0.0
        The share s, from 0 up to, not including, 1.
    reduction : {"mean", "sum"}, default "mean"
        The mean or the sum over the n samples; the classes are always summed.

    Raises
    ------
    ValueError
        If the smoothing or the reduction is out of range; from ``value`` and ``gradient``, if the target is empty,
        is neither of the two kinds, has an index outside 0 to k - 1 or a row that is no probability distribution (it
        may be off by 1e-5), or does not fit the trailing axes of the prediction.

    Notes
    -----
    Logits have no units; the value is in nats.
    As ``keras.losses.CategoricalCrossentropy(from_logits=True)`` for probabilities and
    ``keras.losses.SparseCategoricalCrossentropy(from_logits=True)`` for indices; Keras's default expects
    probabilities. ``torch.nn.CrossEntropyLoss`` takes both kinds of target, always from logits, with the classes
    on the *second* axis. optax: ``softmax_cross_entropy`` and ``softmax_cross_entropy_with_integer_labels``, without
    reduction.

    References
    ----------
    C. M. Bishop (2006), Pattern Recognition and Machine Learning, Eq. 4.108 and 4.109.
    C. Szegedy et al. (2016), Rethinking the Inception architecture for computer vision, CVPR, Section 7 (smoothing).

    Examples
    --------
    >>> import numpy as np
    >>> float(CategoricalCrossentropy().value(np.array([[1000.0, 0.0, -1000.0]]), np.array([2])))
    2000.0
    """

    label_smoothing: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "label_smoothing", _checks.fraction("label_smoothing", self.label_smoothing))

    def _prepare(self, prediction, target):
        prediction, target = _checks.as_floats("prediction", prediction), _checks.entries("target", target)
        _checks.class_axes(target, prediction)
        classes = prediction.shape[-1]
        if target.ndim == 1:
            _checks.class_indices(target, classes)
            target = np.eye(classes)[target]
        else:
            target = _checks.finite("target", target)
            _checks.distributions(target)
        target = (1 - self.label_smoothing) * target + self.label_smoothing / classes
        return prediction, target.astype(prediction.dtype)

    def _samples(self, prediction, target):
        return -np.sum(target * _log_softmax(prediction), axis=-1)

    def _slopes(self, prediction, target):
        return np.exp(_log_softmax(prediction)) - target


@dataclass(frozen=True, kw_only=True)
class KLDivergence(_FromLogits):
    r"""Kullback-Leibler divergence of predicted from target distribution, **from logits**.

    The prediction is a row of k LOGITS, **not probabilities** and not their logarithms (though
    logarithms of probabilities are logits too, of just these probabilities). The predicted probabilities are
    :math:`q_j = e^{z_j} / \sum_l e^{z_l}` (softmax).

    .. math:: f(z) = \frac1n \sum_{i=1}^n \sum_{j=1}^k p_{ij} \log \frac{p_{ij}}{q_{ij}}, \qquad
              \frac{\partial f}{\partial z_{ij}} = \frac1n ( q_{ij} - p_{ij} )

    Here :math:`p_{ij}` is the target probability of class j for sample i, with :math:`0 \log 0 = 0`, n the number of
    samples and k the number of classes. It is the cross-entropy less the entropy of the target, which no prediction
    changes: gradient and curvature are those of :class:`CategoricalCrossentropy`, but the smallest value is 0. It is
    not symmetric in p and q.

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"
        The mean or the sum over the n samples; the classes are always summed.

    Raises
    ------
    ValueError
        If the reduction is another; from ``value`` and ``gradient``, if the target is not of shape (n, k) with rows
        that are probability distributions (they may be off by 1e-5), or does not fit logits of shape (..., n, k).

    Notes
    -----
    Logits have no units; the value is in nats.
    ``keras.losses.KLDivergence`` takes probabilities, and clips them at 1e-7. ``torch.nn.KLDivLoss`` takes
    log-probabilities; its default reduction divides by n k instead of n (``"batchmean"`` is ours).
    ``optax.losses.kl_divergence`` takes log-probabilities, without reduction.

    References
    ----------
    S. Kullback, R. A. Leibler (1951), On information and sufficiency, Annals of Mathematical Statistics 22(1), 79-86.
    """

    def _prepare(self, prediction, target):
        target = _checks.finite("target", target, ndim=2)
        return super()._prepare(prediction, target)

    def _check_values(self, target):
        _checks.distributions(target)

    def _samples(self, prediction, target):
        log_target = np.log(np.where(target > 0, target, 1))  # 0 log 0 = 0
        return np.sum(target * (log_target - _log_softmax(prediction)), axis=-1)

    def _slopes(self, prediction, target):
        return np.exp(_log_softmax(prediction)) - target


def _sigmoid(z):
    """1 / (1 + exp(-z)), with the exponential of nothing positive, so that nothing can overflow."""
    small = np.exp(-np.abs(z))
    return np.where(z < 0, small, 1) / (1 + small)


def _log_softmax(logits):
    """The logarithm of softmax. Taking off the largest logit changes no probability, and nothing can overflow."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))


@dataclass(frozen=True, kw_only=True)
class L1:
    r"""L1 penalty (lasso): pulls every parameter to 0 with the same force, so that many become exactly 0.

    .. math:: r(\theta) = \lambda \lVert\theta\rVert_1 = \lambda \sum_i |\theta_i|, \qquad
              \nabla r(\theta) = \lambda \operatorname{sign}(\theta)

    Here :math:`\lambda` is the strength. At :math:`\theta_i = 0` the gradient is taken as 0, one of the subgradients. A
    method that follows this gradient hovers about 0; :func:`soft_threshold` reaches it.

    It is the negative logarithm of a Laplace distribution, as the prior of theta.

    Parameters
    ----------
    strength : float or array
        Zero or positive, in units of loss per unit of theta. The axes of an array are leading axes of theta: one
        strength a run.

    Raises
    ------
    ValueError
        If the strength is negative or not finite; from ``value`` and ``gradient``, if its axes are not leading axes
        of theta, or theta is not made of real numbers.

    Notes
    -----
    theta has shape (..., d), and the value shape (...). As ``keras.regularizers.L1``; neither PyTorch nor optax has it.

    References
    ----------
    R. Tibshirani (1996), Regression shrinkage and selection via the lasso, JRSS B 58(1), 267-288.
    """

    strength: float

    def __post_init__(self):
        object.__setattr__(self, "strength", _checks.strengths("strength", self.strength))

    def value(self, theta):
        """Return the penalty of each run: theta has shape (..., d), the penalty shape (...)."""
        theta = _theta(theta)
        return np.sum(_per_run("strength", self.strength, theta) * np.abs(theta), axis=-1)

    def gradient(self, theta):
        """Return the gradient of the penalty, in the shape of theta."""
        theta = _theta(theta)
        return _per_run("strength", self.strength, theta) * np.sign(theta)


@dataclass(frozen=True, kw_only=True)
class L2:
    r"""L2 penalty (ridge): pulls every parameter to 0 with a force proportional to it.

    .. math:: r(\theta) = \frac\lambda2 \lVert\theta\rVert_2^2 = \frac\lambda2 \sum_i \theta_i^2, \qquad
              \nabla r(\theta) = \lambda \theta

    Here :math:`\lambda` is the strength. **The factor 1/2 is part of it**, so the gradient is :math:`\lambda \theta`
    and the curvature :math:`\lambda`.

    It is the negative logarithm of a normal distribution with variance :math:`1/\lambda`, as the prior of theta.

    Parameters
    ----------
    strength : float or array
        Zero or positive, in units of loss per squared unit of theta. The axes of an array are leading axes of theta:
        one strength a run.

    Raises
    ------
    ValueError
        If the strength is negative or not finite; from ``value`` and ``gradient``, if its axes are not leading axes
        of theta, or theta is not made of real numbers.

    Notes
    -----
    theta has shape (..., d), and the value shape (...). ``keras.regularizers.L2`` has no factor 1/2: its ``l2`` is half
    our strength. The ``weight_decay`` of ``torch.optim.SGD`` is our strength.

    References
    ----------
    A. E. Hoerl, R. W. Kennard (1970), Ridge regression, Technometrics 12(1), 55-67.
    """

    strength: float

    def __post_init__(self):
        object.__setattr__(self, "strength", _checks.strengths("strength", self.strength))

    def value(self, theta):
        """Return the penalty of each run: theta has shape (..., d), the penalty shape (...)."""
        theta = _theta(theta)
        return np.sum(_per_run("strength", self.strength, theta) * theta**2, axis=-1) / 2

    def gradient(self, theta):
        """Return the gradient of the penalty, in the shape of theta."""
        theta = _theta(theta)
        return _per_run("strength", self.strength, theta) * theta


def soft_threshold(theta, amount):
    r"""Move every parameter toward 0 by an amount, and stop at 0: the proximal step of the L1 penalty.

    .. math:: S_a(v) = \operatorname{sign}(v) \max(|v| - a,\, 0)
              = \operatorname*{arg\,min}_x \; \tfrac12 (x - v)^2 + a |x|

    Here v is a parameter and a the amount. A step of gradient descent with rate :math:`\alpha` followed by this
    one with :math:`a = \alpha \lambda` minimises a loss with an L1 penalty of strength :math:`\lambda` (ISTA), and its
    zeros are exact.

    Parameters
    ----------
    theta : array, shape (..., d)
        Not changed.
    amount : float or array
        Zero or positive, in the units of theta. The axes of an array are leading axes of theta.

    Returns
    -------
    array, shape (..., d)
        Of theta's type.

    Raises
    ------
    ValueError
        If the amount is negative or not finite, or its axes are not leading axes of theta.

    Notes
    -----
    As ``tf.raw_ops.ResourceApplyProximalGradientDescent`` after its gradient step. PyTorch has
    ``torch.nn.functional.softshrink``; Keras ``keras.ops.soft_shrink``; optax none.

    References
    ----------
    I. Daubechies, M. Defrise, C. De Mol (2004), An iterative thresholding algorithm for linear inverse problems with a
    sparsity constraint, Communications on Pure and Applied Mathematics 57(11), 1413-1457.

    Examples
    --------
    >>> import numpy as np
    >>> soft_threshold(np.array([3.0, 0.5, -2.0]), 1.0)
    array([ 2.,  0., -1.])
    """
    theta = _theta(theta)
    amount = _per_run("amount", _checks.strengths("amount", amount), theta)
    return np.sign(theta) * np.maximum(np.abs(theta) - amount, 0)


def _theta(theta):
    theta = _checks.as_floats("theta", theta)
    if theta.ndim == 0:
        _checks.fail("theta.shape", theta.shape, "(d,) or (..., d)")
    return theta


def _per_run(name, value, theta):
    """Return a strength in theta's type, shaped to multiply theta; its axes are leading axes of theta."""
    value = np.asarray(value, theta.dtype)
    _checks.leading_axes(name, value, "theta", theta)
    return value.reshape(value.shape + (1,) * (theta.ndim - value.ndim))
