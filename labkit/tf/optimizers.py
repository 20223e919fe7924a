r"""Update rules in TensorFlow, with the names and the interface of ``labkit.reference.optimizers``.

``theta`` and ``grad`` are tensors, or nests (lists, tuples, dicts) of tensors of the same structure. A rule is a
value that ``tf.function`` understands: its numbers travel as tensors, so a new rate needs no new trace.

In the formulas :math:`\theta_t` are the parameters after t updates, :math:`g_t` is the gradient at
:math:`\theta_{t-1}`, :math:`\alpha` the learning rate, and every product, quotient, power and root of vectors is taken
entry by entry. Averages start at 0 unless said otherwise.
"""

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from labkit import _checks

__all__ = [
    "SGD", "AMSGrad", "Adagrad", "Adam", "AdamW", "ClipByNorm", "ClipByValue", "Flattened", "GradientDescent",
    "L2Penalty", "Momentum", "Nesterov", "PolyakAverage", "RMSprop", "WeightDecay",
]

_NUMBER = "number"  # stands in the fixed part of a rule for a number, which travels as a tensor


class Optimizer:
    """Base of the rules: checks the hyper-parameters, and tells TensorFlow which of them are numbers."""

    elementwise = True  # whether each entry of theta is updated without a look at the others

    def __post_init__(self):
        _checks.hyper_parameters(self)

    def __tf_flatten__(self):
        fixed, numbers = [], []
        for field in fields(self):
            value = getattr(self, field.name)
            if hasattr(value, "__tf_flatten__"):  # a rule inside, or a schedule: its numbers join ours
                inside, parts = value.__tf_flatten__()
                fixed.append((type(value), inside, len(parts)))
                numbers.extend(parts)
            elif callable(value) or isinstance(value, bool):
                fixed.append(value)
            else:
                fixed.append(_NUMBER)
                numbers.append(tf.convert_to_tensor(value, tf.float64))
        return tuple(fixed), tuple(numbers)

    @classmethod
    def __tf_unflatten__(cls, fixed, numbers):
        rule, numbers = object.__new__(cls), list(numbers)  # without the checks: they cannot see inside a trace
        for field, value in zip(fields(cls), fixed):
            if isinstance(value, tuple):
                kind, inside, count = value
                parts, numbers = numbers[:count], numbers[count:]
                value = kind.__tf_unflatten__(inside, tuple(parts))
            elif isinstance(value, str):
                value = numbers.pop(0)
            object.__setattr__(rule, field.name, value)
        return rule


class GradientDescentState(NamedTuple):
    """What gradient descent remembers: the number of updates made so far."""

    count: tf.Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class GradientDescent(Optimizer):
    r"""Gradient descent: a step against the gradient.

    .. math:: \theta_{t+1} = \theta_t - \alpha \nabla f(\theta_t)

    On mini-batch gradients the same rule is stochastic gradient descent; ``SGD`` is a second name for it.

    Parameters
    ----------
    learning_rate : float, array or callable, default 0.01
        The rate :math:`\alpha`, positive, in units of theta per unit of gradient. An array gives one rate to each
        run: its axes are leading axes of every tensor in theta. A callable is given the step, an integer tensor from 0.

    Raises
    ------
    ValueError
        If the rate is not positive and finite; from ``update``, if
        ``grad`` and ``theta`` differ in structure, shape or type.

    Notes
    -----
    The same update as ``keras.optimizers.SGD``, ``torch.optim.SGD`` and ``optax.sgd`` without momentum. Keras has
    the same default rate, PyTorch 0.001, optax none.

    References
    ----------
    A. Cauchy (1847), Comptes Rendus 25, 536-538.
    """

    learning_rate: float = 0.01

    def init(self, theta):
        """Return the state before the first update."""
        return GradientDescentState(count=_zero())

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        tf.nest.map_structure(_checks.gradient, grad, theta)
        rate = rate_now(self.learning_rate, state.count)
        theta = tf.nest.map_structure(lambda p, g: p - rate_like(rate, p) * g, theta, grad)
        return theta, GradientDescentState(count=state.count + 1)


SGD = GradientDescent  # the same rule; the name says that its gradients come from mini-batches


class MomentumState(NamedTuple):
    """What momentum remembers: the number of updates, and the velocity, a nest like theta."""

    count: tf.Tensor
    velocity: Any


@dataclass(frozen=True, kw_only=True, eq=False)
class Momentum(Optimizer):
    r"""Gradient descent with momentum (Polyak's heavy ball): the step remembers the steps before it.

    .. math:: v_t = \mu v_{t-1} - \alpha g_t, \qquad \theta_t = \theta_{t-1} + v_t

    With ``rate_inside=False`` the rate stands outside the velocity:

    .. math:: v_t = \mu v_{t-1} + g_t, \qquad \theta_t = \theta_{t-1} - \alpha v_t

    At a constant rate the two give the same steps. After a change of the rate they differ: inside, the velocity
    still holds steps of the old size; outside, the new rate applies to the whole velocity at once.

    Parameters
    ----------
    learning_rate : float, array or callable, default 0.01
        The rate :math:`\alpha`, positive, in units of theta per unit of gradient. An array gives one rate to each
        run: its axes are leading axes of every tensor in theta. A callable is given the step, an integer tensor from 0.
    momentum : float, default 0.9
        The share :math:`\mu` of the velocity that is kept, at least 0 and below 1; no unit.
    rate_inside : bool, default True
        Whether the velocity contains the rate.

    Raises
    ------
    ValueError
        If a hyper-parameter is out of range; from ``update``, if
        ``grad`` and ``theta`` differ in structure, shape or type.

    Notes
    -----
    ``keras.optimizers.SGD(momentum=)`` is ``rate_inside=True`` (its default momentum is 0);
    ``torch.optim.SGD(momentum=)`` and ``optax.sgd(momentum=)`` are ``rate_inside=False``.

    References
    ----------
    B. T. Polyak (1964), USSR Computational Mathematics and Mathematical Physics 4(5), 1-17, equation (9).
    """

    learning_rate: float = 0.01
    momentum: float = 0.9
    rate_inside: bool = True

    def init(self, theta):
        """Return the state before the first update."""
        return MomentumState(count=_zero(), velocity=_zeros_like(theta))

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        tf.nest.map_structure(_checks.gradient, grad, theta)
        rate = rate_now(self.learning_rate, state.count)
        inside = self.rate_inside
        push = tf.nest.map_structure(lambda g: -rate_like(rate, g) * g, grad) if inside else grad
        velocity = tf.nest.map_structure(lambda v, x: like(self.momentum, x) * v + x, state.velocity, push)
        step = tf.nest.map_structure(self.step, velocity, push)
        theta = tf.nest.map_structure(lambda p, s: p + s if inside else p - rate_like(rate, p) * s, theta, step)
        return theta, MomentumState(count=state.count + 1, velocity=velocity)

    def step(self, velocity, push):
        """Return the direction to go, given the new velocity and what was just added to it."""
        return velocity


@dataclass(frozen=True, kw_only=True, eq=False)
class Nesterov(Momentum):
    r"""Nesterov's accelerated gradient: momentum that looks one step ahead.

    .. math:: v_t = \mu v_{t-1} - \alpha g_t, \qquad \theta_t = \theta_{t-1} + \mu v_t - \alpha g_t

    Here theta is the point ahead, :math:`\theta = x + \mu v`, at which the gradient is taken; the position x itself,
    which moves by v, does not occur. With ``rate_inside=False``:

    .. math:: v_t = \mu v_{t-1} + g_t, \qquad \theta_t = \theta_{t-1} - \alpha (g_t + \mu v_t)

    Parameters
    ----------
    learning_rate : float, array or callable, default 0.01
        The rate :math:`\alpha`, positive, in units of theta per unit of gradient. An array gives one rate to each
        run: its axes are leading axes of every tensor in theta. A callable is given the step, an integer tensor from 0.
    momentum : float, default 0.9
        The share :math:`\mu` of the velocity that is kept, at least 0 and below 1; no unit.
    rate_inside : bool, default True
        Whether the velocity contains the rate.

    Raises
    ------
    ValueError
        If a hyper-parameter is out of range; from ``update``, if
        ``grad`` and ``theta`` differ in structure, shape or type.

    Notes
    -----
    ``keras.optimizers.SGD(nesterov=True)`` is ``rate_inside=True``; ``torch.optim.SGD(nesterov=True)`` and
    ``optax.sgd(nesterov=True)`` are ``rate_inside=False``.

    References
    ----------
    Y. Nesterov (1983), Soviet Mathematics Doklady 27(2), 372-376. The form with a velocity: I. Sutskever, J. Martens,
    G. Dahl, G. Hinton (2013), ICML, equations (3) and (4).
    """

    def step(self, velocity, push):
        """Return the direction to go, given the new velocity and what was just added to it."""
        return like(self.momentum, velocity) * velocity + push


class AdagradState(NamedTuple):
    """What Adagrad remembers: the number of updates, and the sum of squared gradients, a nest like theta."""

    count: tf.Tensor
    total: Any


@dataclass(frozen=True, kw_only=True, eq=False)
class Adagrad(Optimizer):
    r"""Adagrad: each entry has its own rate, which shrinks with the squared gradients seen so far.

    .. math:: G_t = G_{t-1} + g_t^2, \quad G_0 = a, \qquad
              \theta_t = \theta_{t-1} - \frac{\alpha}{\sqrt{G_t + \varepsilon}}\, g_t

    With ``epsilon_inside=False`` the divisor is :math:`\sqrt{G_t} + \varepsilon`.

    Parameters
    ----------
    learning_rate : float, array or callable, default 0.001
        The rate :math:`\alpha`, positive, in units of theta: with a = 0 the first step of each entry is about as long
        as that. An array gives one rate to each
        run: its axes are leading axes of every tensor in theta. A callable is given the step, an integer tensor from 0.
    initial_accumulator_value : float, default 0.1
        The start a of the sum, zero or positive, in units of the squared gradient.
    epsilon : float, default 1e-7
        Keeps the divisor away from 0; zero or positive, in units of the squared gradient inside the root, of the
        gradient outside. With 0, an entry whose gradient was always 0 becomes nan.
    epsilon_inside : bool, default True
        Whether epsilon is added under the root.

    Raises
    ------
    ValueError
        If a hyper-parameter is out of range; from ``update``, if
        ``grad`` and ``theta`` differ in structure, shape or type.

    Notes
    -----
    ``keras.optimizers.Adagrad`` and ``optax.adagrad`` have these defaults. ``torch.optim.Adagrad`` has epsilon
    outside the root, ``epsilon=1e-10``, ``initial_accumulator_value=0`` and the rate 0.01.

    References
    ----------
    J. Duchi, E. Hazan, Y. Singer (2011), Journal of Machine Learning Research 12, 2121-2159, Figure 1 (diagonal form).
    """

    learning_rate: float = 0.001
    initial_accumulator_value: float = 0.1
    epsilon: float = 1e-7
    epsilon_inside: bool = True

    def init(self, theta):
        """Return the state before the first update."""
        total = tf.nest.map_structure(
            lambda p: tf.zeros_like(p) + like(self.initial_accumulator_value, p), theta)
        return AdagradState(count=_zero(), total=total)

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        tf.nest.map_structure(_checks.gradient, grad, theta)
        rate = rate_now(self.learning_rate, state.count)
        total = tf.nest.map_structure(lambda s, g: s + tf.square(g), state.total, grad)
        theta = tf.nest.map_structure(
            lambda p, g, s: p - rate_like(rate, p) * g / _root(s, self.epsilon, self.epsilon_inside),
            theta, grad, total)
        return theta, AdagradState(count=state.count + 1, total=total)


class RMSpropState(NamedTuple):
    """What RMSprop remembers: updates made, means of square and (if centred) gradient, and the velocity."""

    count: tf.Tensor
    square: Any
    mean: Any
    velocity: Any


@dataclass(frozen=True, kw_only=True, eq=False)
class RMSprop(Optimizer):
    r"""RMSprop: divide the gradient by the root of a running mean of its square.

    .. math:: v_t = \rho v_{t-1} + (1-\rho) g_t^2, \qquad
              \theta_t = \theta_{t-1} - \frac{\alpha}{\sqrt{v_t + \varepsilon}}\, g_t

    With ``epsilon_inside=False`` the divisor is :math:`\sqrt{v_t} + \varepsilon`. With ``centered=True`` the variance
    :math:`v_t - \bar g_t^2` stands in place of :math:`v_t`, where
    :math:`\bar g_t = \rho \bar g_{t-1} + (1-\rho) g_t`; rounding below 0 is cut off. With a momentum :math:`\mu > 0`
    the scaled gradients :math:`d_t = g_t / \sqrt{v_t + \varepsilon}` gather in a velocity:

    .. math:: u_t = \mu u_{t-1} + \alpha d_t, \qquad \theta_t = \theta_{t-1} - u_t

    and with ``rate_inside=False``: :math:`u_t = \mu u_{t-1} + d_t`, :math:`\theta_t = \theta_{t-1} - \alpha u_t`.

    Parameters
    ----------
    learning_rate : float, array or callable, default 0.001
        The rate :math:`\alpha`, positive, in units of theta. An array gives one rate to each
        run: its axes are leading axes of every tensor in theta. A callable is given the step, an integer tensor from 0.
    rho : float, default 0.9
        The share :math:`\rho` of the running means that is kept, at least 0 and below 1.
    momentum : float, default 0.0
        The share :math:`\mu` of the velocity that is kept, at least 0 and below 1.
    epsilon : float, default 1e-7
        Keeps the divisor away from 0; zero or positive, in units of the squared gradient inside the root, of the
        gradient outside. With 0, an entry whose gradient was always 0 becomes nan.
    centered : bool, default False
        Whether to divide by the root of the variance.
    epsilon_inside : bool, default True
        Whether epsilon is added under the root. It matters for gradients near the root of epsilon and below.
    rate_inside : bool, default True
        Whether the velocity contains the rate.

    Raises
    ------
    ValueError
        If a hyper-parameter is out of range; from ``update``, if
        ``grad`` and ``theta`` differ in structure, shape or type.

    Notes
    -----
    ``keras.optimizers.RMSprop`` has these defaults. ``optax.rmsprop`` is the same with ``epsilon=1e-8``
    (``eps_in_sqrt=False`` moves it outside). ``torch.optim.RMSprop`` is ``epsilon_inside=False, rate_inside=False``
    with ``rho=0.99, epsilon=1e-8`` and the rate 0.01.

    References
    ----------
    T. Tieleman, G. Hinton (2012), Neural Networks for Machine Learning, Lecture 6.5, Coursera. Centred, with momentum:
    A. Graves (2013), arXiv:1308.0850, equations (38) to (41).
    """

    learning_rate: float = 0.001
    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7
    centered: bool = False
    epsilon_inside: bool = True
    rate_inside: bool = True

    def init(self, theta):
        """Return the state before the first update."""
        mean = _zeros_like(theta) if self.centered else ()
        return RMSpropState(count=_zero(), square=_zeros_like(theta), mean=mean, velocity=_zeros_like(theta))

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        tf.nest.map_structure(_checks.gradient, grad, theta)
        rate = rate_now(self.learning_rate, state.count)
        square = spread = _mean(self.rho, state.square, tf.nest.map_structure(tf.square, grad))
        mean = ()
        if self.centered:
            mean = _mean(self.rho, state.mean, grad)
            spread = tf.nest.map_structure(lambda s, a: tf.maximum(s - tf.square(a), 0), square, mean)
        inside = self.rate_inside
        push = tf.nest.map_structure(lambda g, s: g / _root(s, self.epsilon, self.epsilon_inside), grad, spread)
        if inside:
            push = tf.nest.map_structure(lambda x: rate_like(rate, x) * x, push)
        velocity = tf.nest.map_structure(lambda u, x: like(self.momentum, x) * u + x, state.velocity, push)
        theta = tf.nest.map_structure(lambda p, u: p - (u if inside else rate_like(rate, p) * u), theta, velocity)
        return theta, RMSpropState(count=state.count + 1, square=square, mean=mean, velocity=velocity)


class AdamState(NamedTuple):
    """What Adam remembers: updates made, and running means of gradient and squared gradient, nests like theta."""

    count: tf.Tensor
    m: Any
    v: Any


@dataclass(frozen=True, kw_only=True, eq=False)
class Adam(Optimizer):
    r"""Adam: momentum divided by the root of a running mean of the squared gradient, both corrected for their start.

    .. math:: m_t = \beta_1 m_{t-1} + (1-\beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1-\beta_2) g_t^2

    .. math:: \hat m_t = \frac{m_t}{1-\beta_1^t}, \quad \hat v_t = \frac{v_t}{1-\beta_2^t}, \qquad
              \theta_t = \theta_{t-1} - \alpha \frac{\hat m_t}{\sqrt{\hat v_t} + \varepsilon}

    This is Algorithm 1 of the paper. It is the default because it is the formula that is taught, and because its
    epsilon is compared with the corrected root, so that it means the same at every step. With ``epsilon_hat=True``
    the corrections go into the rate, and epsilon is compared with the uncorrected root (end of the paper's Section 2):

    .. math:: \theta_t = \theta_{t-1} - \alpha \frac{\sqrt{1-\beta_2^t}}{1-\beta_1^t}
              \frac{m_t}{\sqrt{v_t} + \hat\varepsilon}

    The two agree for :math:`\hat\varepsilon = \varepsilon \sqrt{1-\beta_2^t}`: with the same number, epsilon counts
    32 times as much at the first step. Where gradients are far larger than epsilon there is no difference to see.

    Parameters
    ----------
    learning_rate : float, array or callable, default 0.001
        The rate :math:`\alpha`, positive, in units of theta: while the gradient keeps its sign, a step is about as
        long as that. An array gives one rate to each
        run: its axes are leading axes of every tensor in theta. A callable is given the step, an integer tensor from 0.
    beta_1 : float, default 0.9
        The share :math:`\beta_1` of the mean of gradients that is kept, at least 0 and below 1.
    beta_2 : float, default 0.999
        The share :math:`\beta_2` of the mean of squares that is kept, at least 0 and below 1.
    epsilon : float, default 1e-7
        Keeps the divisor away from 0; zero or positive, in units of the gradient. With 0, an entry whose gradient was
        always 0 becomes nan.
    epsilon_hat : bool, default False
        Whether epsilon is the paper's epsilon-hat.
    bias_correction : bool, default True
        Whether the means are corrected; without, :math:`\hat m_t = m_t` and :math:`\hat v_t = v_t`.

    Raises
    ------
    ValueError
        If a hyper-parameter is out of range; from ``update``, if
        ``grad`` and ``theta`` differ in structure, shape or type.

    Notes
    -----
    ``keras.optimizers.Adam`` has these numbers as defaults and is ``epsilon_hat=True``. ``torch.optim.Adam`` and
    ``optax.adam`` are Algorithm 1 with ``epsilon=1e-8``. ``weight_decay=`` of ``torch.optim.Adam`` is an L2 penalty,
    here ``L2Penalty``; that of ``keras.optimizers.Adam`` is decoupled, here ``AdamW``.

    References
    ----------
    D. P. Kingma, J. Ba (2015), ICLR, arXiv:1412.6980, Algorithm 1 and Section 2.
    """

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    epsilon_hat: bool = False
    bias_correction: bool = True

    def init(self, theta):
        """Return the state before the first update."""
        return AdamState(count=_zero(), m=_zeros_like(theta), v=_zeros_like(theta))

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        m, v = self.means(grad, state, theta)
        return self.move(theta, state.count, m, v), AdamState(count=state.count + 1, m=m, v=v)

    def means(self, grad, state, theta):
        """Return the running means after one more gradient."""
        tf.nest.map_structure(_checks.gradient, grad, theta)
        return (_mean(self.beta_1, state.m, grad),
                _mean(self.beta_2, state.v, tf.nest.map_structure(tf.square, grad)))

    def move(self, theta, count, m, v):
        """Return theta after the update that follows ``count`` others, given the two running means."""
        rate, t = rate_now(self.learning_rate, count), tf.cast(count + 1, tf.float64)
        c_1, c_2 = (1 - self.beta_1**t, 1 - self.beta_2**t) if self.bias_correction else (1.0, 1.0)

        def moved(p, m, v):
            alpha, epsilon = rate_like(rate, p), like(self.epsilon, p)
            if self.epsilon_hat:
                return p - alpha * like(c_2**0.5 / c_1, p) * m / (tf.sqrt(v) + epsilon)
            # Algorithm 1 with both sides of the quotient times the root of c_2: one division an entry instead of two
            return p - alpha * like(c_2**0.5 / c_1, p) * m / (tf.sqrt(v) + epsilon * like(c_2**0.5, p))

        return tf.nest.map_structure(moved, theta, m, v)


class AMSGradState(NamedTuple):
    """What AMSGrad remembers: Adam's state, and the largest mean of squares so far, a nest like theta."""

    count: tf.Tensor
    m: Any
    v: Any
    v_max: Any


@dataclass(frozen=True, kw_only=True, eq=False)
class AMSGrad(Adam):
    r"""AMSGrad: Adam that divides by the largest mean of squares so far, so that no entry's rate ever grows again.

    .. math:: m_t = \beta_1 m_{t-1} + (1-\beta_1) g_t, \quad v_t = \beta_2 v_{t-1} + (1-\beta_2) g_t^2, \quad
              v^{\max}_t = \max(v^{\max}_{t-1}, v_t)

    .. math:: \theta_t = \theta_{t-1} - \alpha \frac{m_t / (1-\beta_1^t)}
              {\sqrt{v^{\max}_t / (1-\beta_2^t)} + \varepsilon}

    The maximum is over the uncorrected means. ``epsilon_hat=True`` and ``bias_correction=False`` act as in ``Adam``;
    the paper has no bias correction.

    Parameters
    ----------
    learning_rate : float, array or callable, default 0.001
        The rate :math:`\alpha`, positive, in units of theta. An array gives one rate to each
        run: its axes are leading axes of every tensor in theta. A callable is given the step, an integer tensor from 0.
    beta_1 : float, default 0.9
        The share :math:`\beta_1` of the mean of gradients that is kept, at least 0 and below 1.
    beta_2 : float, default 0.999
        The share :math:`\beta_2` of the mean of squares that is kept, at least 0 and below 1.
    epsilon : float, default 1e-7
        Keeps the divisor away from 0; zero or positive, in units of the gradient. With 0, an entry whose gradient was
        always 0 becomes nan.
    epsilon_hat : bool, default False
        Whether epsilon is compared with the uncorrected root; see ``Adam``.
    bias_correction : bool, default True
        Whether the means are corrected for their start.

    Raises
    ------
    ValueError
        If a hyper-parameter is out of range; from ``update``, if
        ``grad`` and ``theta`` differ in structure, shape or type.

    Notes
    -----
    ``keras.optimizers.Adam(amsgrad=True)`` is ``epsilon_hat=True``; ``torch.optim.Adam(amsgrad=True)`` is this default
    with ``epsilon=1e-8``. ``optax.amsgrad`` takes the maximum over the corrected means, another rule while the
    corrections matter, unless it is built with ``bias_correction_nu=False``, which corrects v not at all.

    References
    ----------
    S. J. Reddi, S. Kale, S. Kumar (2018), ICLR, Algorithm 2.
    """

    def init(self, theta):
        """Return the state before the first update."""
        return AMSGradState(*super().init(theta), v_max=_zeros_like(theta))

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        m, v = self.means(grad, state, theta)
        v_max = tf.nest.map_structure(tf.maximum, state.v_max, v)
        theta = self.move(theta, state.count, m, v_max)
        return theta, AMSGradState(count=state.count + 1, m=m, v=v, v_max=v_max)


@dataclass(frozen=True, kw_only=True, eq=False)
class AdamW(Adam):
    r"""AdamW: Adam whose weight decay does not pass through the means (decoupled decay).

    .. math:: \theta_t = \theta_{t-1} - \alpha \frac{\hat m_t}{\sqrt{\hat v_t} + \varepsilon}
              - \alpha \lambda \theta_{t-1}

    with :math:`\hat m_t`, :math:`\hat v_t` as in ``Adam``. An L2 penalty instead (``L2Penalty(Adam(...), strength)``)
    adds :math:`\lambda\theta` to the gradient, where the division by the root takes most of its size away.

    Parameters
    ----------
    learning_rate : float, array or callable, default 0.001
        The rate :math:`\alpha`, positive, in units of theta. An array gives one rate to each
        run: its axes are leading axes of every tensor in theta. A callable is given the step, an integer tensor from 0.
    beta_1 : float, default 0.9
        The share :math:`\beta_1` of the mean of gradients that is kept, at least 0 and below 1.
    beta_2 : float, default 0.999
        The share :math:`\beta_2` of the mean of squares that is kept, at least 0 and below 1.
    epsilon : float, default 1e-7
        Keeps the divisor away from 0; zero or positive, in units of the gradient. With 0, an entry whose gradient was
        always 0 becomes nan.
    epsilon_hat : bool, default False
        Whether epsilon is compared with the uncorrected root; see ``Adam``.
    bias_correction : bool, default True
        Whether the means are corrected for their start.
    weight_decay : float, default 0.004
        The decay :math:`\lambda`, zero or positive, per unit of :math:`\alpha`.

    Raises
    ------
    ValueError
        If a hyper-parameter is out of range; from ``update``, if
        ``grad`` and ``theta`` differ in structure, shape or type.

    Notes
    -----
    The decay is multiplied by the rate, as in ``keras.optimizers.AdamW`` (the same default; ``epsilon_hat=True``),
    ``torch.optim.AdamW`` (0.01) and ``optax.adamw`` (0.0001). The paper multiplies it by the schedule's factor alone.

    References
    ----------
    I. Loshchilov, F. Hutter (2019), ICLR, arXiv:1711.05101, Algorithm 2.
    """

    weight_decay: float = 0.004

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        after_adam, new_state = super().update(grad, state, theta)
        return _decayed(after_adam, self, state.count, theta), new_state


@dataclass(frozen=True, eq=False)
class Wrapper(Optimizer):
    """Base of the wrappers: a rule around another rule, whose learning rate and state it takes over."""

    rule: Optimizer

    def __post_init__(self):
        _checks.rule("rule", self.rule, "labkit.tf.optimizers", tensorflow=True)
        super().__post_init__()

    @property
    def learning_rate(self):
        """The learning rate of the rule inside."""
        return self.rule.learning_rate

    @property
    def elementwise(self):
        """Whether each entry of theta is updated without a look at the others."""
        return getattr(self.rule, "elementwise", False)

    def init(self, theta):
        """Return the state before the first update: that of the rule inside."""
        return self.rule.init(theta)


@dataclass(frozen=True, eq=False)
class ClipByValue(Wrapper):
    r"""Cut each entry of the gradient to an interval before a rule sees it.

    .. math:: g_t \to \min(\max(g_t, -c), c)

    Parameters
    ----------
    rule : update rule
        The rule that is given the clipped gradient.
    limit : float
        The limit :math:`c`, positive, in units of the gradient.

    Raises
    ------
    ValueError
        If ``rule`` is not a rule of this column, or the limit is not positive and finite.

    Notes
    -----
    ``clipvalue=`` of any Keras optimizer, ``torch.nn.utils.clip_grad_value_``, ``optax.clip``. It changes the direction
    of the gradient; ``ClipByNorm`` keeps it.

    References
    ----------
    T. Mikolov (2012), Statistical language models based on neural networks, thesis, Brno, Section 3.3.
    """

    limit: float

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        tf.nest.map_structure(_checks.gradient, grad, theta)
        grad = tf.nest.map_structure(
            lambda g: tf.clip_by_value(g, -like(self.limit, g), like(self.limit, g)), grad)
        return self.rule.update(grad, state, theta)


@dataclass(frozen=True, eq=False)
class ClipByNorm(Wrapper):
    r"""Shorten a gradient that is too long, and keep its direction, before a rule sees it.

    .. math:: g_t \to g_t \frac{c}{\max(\lVert g_t\rVert, c)}

    The Euclidean norm is over all tensors of the nest, for each run by itself: leading axes count runs if the
    learning rate has them. To clip many starts under one rate run by run, give the rate an axis, as in
    ``learning_rate=[0.1]``.

    Parameters
    ----------
    rule : update rule
        The rule that is given the clipped gradient.
    limit : float
        The largest norm :math:`c`, positive, in units of the gradient.

    Raises
    ------
    ValueError
        If ``rule`` is not a rule of this column, or the limit is not positive and finite; from ``update``, if
        ``grad`` and
        ``theta`` differ in structure, shape or type.

    Notes
    -----
    ``global_clipnorm=`` of any Keras optimizer (``clipnorm=`` clips each variable by itself);
    ``optax.clip_by_global_norm``; ``torch.nn.utils.clip_grad_norm_``, which adds 1e-6 to the norm.

    References
    ----------
    R. Pascanu, T. Mikolov, Y. Bengio (2013), ICML, Algorithm 1.
    """

    limit: float
    elementwise = False

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        tf.nest.map_structure(_checks.gradient, grad, theta)
        rate = rate_now(self.learning_rate, state.count)
        squares = [
            tf.reduce_sum(tf.square(g), axis=list(range(_runs(rate, g), len(g.shape)))) for g in tf.nest.flatten(grad)]
        norm = tf.sqrt(tf.add_n([like(square) for square in squares]))
        factor = like(self.limit) / tf.maximum(norm, like(self.limit))
        grad = tf.nest.map_structure(lambda g: g * rate_like(factor, g), grad)
        return self.rule.update(grad, state, theta)


@dataclass(frozen=True, eq=False)
class L2Penalty(Wrapper):
    r"""Add the gradient of a squared penalty to the gradient that a rule sees.

    .. math:: g_t \to g_t + \lambda \theta_{t-1}

    That is the gradient of :math:`f(\theta) + \tfrac{\lambda}{2} \lVert\theta\rVert^2`. Under gradient descent it is
    the same as ``WeightDecay``; under a rule that divides by the size of gradients it is not.

    Parameters
    ----------
    rule : update rule
        The rule that is given the penalised gradient.
    strength : float
        The strength :math:`\lambda`, zero or positive, in units of gradient per unit of theta.

    Raises
    ------
    ValueError
        If ``rule`` is not a rule of this column, or the strength is negative or not finite; from ``update``, if
        ``grad`` and
        ``theta`` differ in structure, shape or type.

    Notes
    -----
    ``weight_decay=`` of ``torch.optim.SGD``, ``Adam``, ``RMSprop`` and ``Adagrad``; ``optax.add_decayed_weights``
    before the rule. In Keras, ``keras.regularizers.L2(strength / 2)`` on the weights: there is no half in its penalty.

    References
    ----------
    A. E. Hoerl, R. W. Kennard (1970), Technometrics 12(1), 55-67.
    """

    strength: float

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        tf.nest.map_structure(_checks.gradient, grad, theta)
        grad = tf.nest.map_structure(lambda g, p: g + like(self.strength, p) * p, grad, theta)
        return self.rule.update(grad, state, theta)


@dataclass(frozen=True, eq=False)
class WeightDecay(Wrapper):
    r"""Let theta shrink by itself, next to what a rule does (decoupled weight decay).

    .. math:: \theta_t = U(\theta_{t-1}, g_t) - \alpha \lambda \theta_{t-1}

    where U is the update of the rule inside and :math:`\alpha` its learning rate. The rule does not see the decay.

    Parameters
    ----------
    rule : update rule
        The rule whose update is U.
    weight_decay : float
        The decay :math:`\lambda`, zero or positive, per unit of :math:`\alpha`.

    Raises
    ------
    ValueError
        If ``rule`` is not a rule of this column, or the decay is negative or not finite; from ``update``, if
        ``grad`` and ``theta`` differ in structure, shape or type.

    Notes
    -----
    ``weight_decay=`` of any Keras optimizer and of ``torch.optim.AdamW``; ``optax.add_decayed_weights`` after the rule.
    ``WeightDecay(Adam(...), x)`` is ``AdamW(..., weight_decay=x)``.

    References
    ----------
    I. Loshchilov, F. Hutter (2019), ICLR, arXiv:1711.05101, Algorithms 1 and 2.
    """

    weight_decay: float

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        after_rule, new_state = self.rule.update(grad, state, theta)
        return _decayed(after_rule, self, state.count, theta), new_state


class PolyakAverageState(NamedTuple):
    """What averaging remembers: updates made, the state of the rule inside, and the mean, a nest like theta."""

    count: tf.Tensor
    inner: Any
    mean: Any


@dataclass(frozen=True, eq=False)
class PolyakAverage(Wrapper):
    r"""Keep the running mean of theta next to a rule, which goes its own way.

    .. math:: \bar\theta_t = \Big(1 - \frac1k\Big) \bar\theta_{t-1} + \frac1k \theta_t, \qquad k = \max(t - s, 1)

    So :math:`\bar\theta_t` is the mean of :math:`\theta_{s+1}, \dots, \theta_t`, and :math:`\theta_t` itself before
    there is any. Ask for it with ``average(state)``.

    Parameters
    ----------
    rule : update rule
        The rule that moves theta.
    start : int, default 0
        The number s of updates that are left out of the mean, zero or positive.

    Raises
    ------
    ValueError
        If ``rule`` is not a rule of this column, or ``start`` is not a whole number that is zero or positive.

    Notes
    -----
    ``torch.optim.swa_utils.AveragedModel`` keeps the same mean. ``use_ema=`` of any Keras optimizer and ``optax.ema``
    keep an exponential one.

    References
    ----------
    B. T. Polyak, A. B. Juditsky (1992), SIAM Journal on Control and Optimization 30(4), 838-855.
    """

    start: int = 0

    def init(self, theta):
        """Return the state before the first update."""
        return PolyakAverageState(
            count=_zero(), inner=self.rule.init(theta), mean=tf.nest.map_structure(tf.identity, theta))

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        theta, inner = self.rule.update(grad, state.inner, theta)
        count = state.count + 1
        share = 1 / tf.maximum(tf.cast(count, tf.float64) - like(self.start), 1)
        mean = tf.nest.map_structure(
            lambda a, p: tf.where(share == 1, p, like(1 - share, p) * a + like(share, p) * p), state.mean, theta)
        return theta, PolyakAverageState(count=count, inner=inner, mean=mean)

    def average(self, state):
        """Return the mean of theta that a state holds."""
        return state.mean


@dataclass(frozen=True, eq=False)
class Flattened(Wrapper):
    r"""Let a rule work on one long vector, joined from all tensors of a nest.

    .. math:: (\theta^1_t, \dots, \theta^n_t) = \mathrm{split}\,
              U\big(\mathrm{join}(\theta^1_{t-1}, \dots, \theta^n_{t-1}),\, \mathrm{join}(g^1_t, \dots, g^n_t)\big)

    where U is the update of the rule inside and :math:`\theta^1, \dots, \theta^n` are the tensors of the nest. The
    state holds vectors, of shape (d,), d entries in the whole nest. Where the learning rate has axes, they stay in
    front, and the vectors have shape (..., d).

    It is for nests of many small tensors, up to a few thousand entries each, where starting an operation costs more
    than doing it. Large tensors are faster as they are, since joining and splitting them copies them; and a model
    that keeps its parameters in one vector, as those of this package do, has nothing to join.

    Parameters
    ----------
    rule : update rule
        The rule that is given the vector.

    Raises
    ------
    ValueError
        If ``rule`` is not a rule of this column; from ``init`` and ``update``, if the tensors differ in type, or
        ``grad`` and ``theta`` in structure, shape or type.

    Notes
    -----
    Of the kind of ``optax.flatten``, and of the ``foreach`` and ``fused`` forms in PyTorch. Keras has none.

    References
    ----------
    The idea is that of ``optax.flatten``.
    """

    elementwise = False  # it needs all tensors at once

    def init(self, theta):
        """Return the state before the first update."""
        return self.rule.init(self._join(theta, 0))

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        tf.nest.map_structure(_checks.gradient, grad, theta)
        count = state.count
        vector, state = self.rule.update(self._join(grad, count), state, self._join(theta, count))
        leaves = tf.nest.flatten(theta)
        lengths = [_length(leaf, vector) for leaf in leaves]
        parts = [tf.reshape(part, leaf.shape) for part, leaf in zip(tf.split(vector, lengths, axis=-1), leaves)]
        return tf.nest.pack_sequence_as(theta, parts), state

    def _join(self, nest, count):
        """Join the tensors of a nest along one axis, behind the axes of the learning rate."""
        rate, leaves = rate_now(self.learning_rate, count), tf.nest.flatten(nest)
        for leaf in leaves:
            if leaf.dtype != leaves[0].dtype:
                _checks.fail("theta.dtype", [leaf.dtype.name for leaf in leaves], "one type for all tensors")
        return tf.concat([tf.reshape(leaf, (*leaf.shape[:_runs(rate, leaf)], -1)) for leaf in leaves], axis=-1)


def rate_now(learning_rate, step):
    """Return the rate of a step, which a schedule is asked for."""
    return learning_rate(step) if callable(learning_rate) else learning_rate


def rate_like(rate, theta):
    """Return a rate in theta's type, shaped to multiply a gradient of theta's shape."""
    rate = tf.cast(tf.convert_to_tensor(rate if tf.is_tensor(rate) else np.asarray(rate)), theta.dtype)
    trailing = len(theta.shape) - _runs(rate, theta)
    return tf.reshape(rate, rate.shape + (1,) * trailing)


def like(number, theta=None):
    """Return a number in theta's type, or as float64. (``tf.cast`` alone would round a Python float to float32.)"""
    number = tf.convert_to_tensor(number, tf.float64) if isinstance(number, (int, float)) else number
    return tf.cast(number, tf.float64 if theta is None else theta.dtype)


def _runs(rate, theta):
    """How many leading axes of theta count runs: as many as the rate has."""
    rate = rate if tf.is_tensor(rate) else np.asarray(rate)
    _checks.leading_axes("learning_rate", rate, "theta", theta)
    return len(rate.shape)


def _zero():
    return tf.constant(0, tf.int64)


def _zeros_like(theta):
    return tf.nest.map_structure(tf.zeros_like, theta)


def _mean(keep, old, new):
    """A running mean, after one more value."""
    return tf.nest.map_structure(lambda a, x: like(keep, x) * a + like(1 - keep, x) * x, old, new)


def _root(square, epsilon, inside):
    """The root of a square, kept away from 0 by epsilon inside the root or outside."""
    epsilon = like(epsilon, square)
    return tf.sqrt(square + epsilon) if inside else tf.sqrt(square) + epsilon


def _decayed(after, rule, count, before):
    """Take from theta after an update the share of theta before it that weight decay says."""
    rate = rate_now(rule.learning_rate, count)
    return tf.nest.map_structure(
        lambda q, p: q - rate_like(rate, p) * like(rule.weight_decay, p) * p, after, before)


def _length(leaf, vector):
    """How many entries of a vector, for each run, come from a tensor."""
    return int(np.prod(leaf.shape[len(vector.shape) - 1:]))
