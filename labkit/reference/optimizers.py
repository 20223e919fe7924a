r"""Update rules in NumPy.

An optimizer is an immutable value of hyper-parameters with two pure methods::

    state = optimizer.init(theta)
    theta, state = optimizer.update(grad, state, theta)

``theta`` and ``grad`` are arrays of one shape. Nothing is changed in place. A learning rate is a positive number,
a callable of the step (0, 1, 2, ...), or an array whose axes are leading axes of ``theta``: with 64 rates and a
``theta`` of shape (64, d), 64 runs go on side by side. All other hyper-parameters are plain numbers.

In the formulas :math:`\theta_t` are the parameters after t updates, :math:`g_t` is the gradient at
:math:`\theta_{t-1}`, :math:`\alpha` the learning rate, and every product, quotient, power and root of vectors is taken
entry by entry. Averages start at 0 unless said otherwise.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from labkit import _checks

__all__ = [
    "SGD", "AMSGrad", "Adagrad", "Adam", "AdamW", "ClipByNorm", "ClipByValue", "GradientDescent", "L2Penalty",
    "Momentum", "Nesterov", "PolyakAverage", "RMSprop", "WeightDecay", "in_blocks",
]


class Optimizer:
    """Base of the rules: checks the hyper-parameters, which are the fields."""

    elementwise = True  # whether each entry of theta is updated without a look at the others

    def __post_init__(self):
        _checks.hyper_parameters(self)


class GradientDescentState(NamedTuple):
    """What gradient descent remembers: the number of updates made so far."""

    count: int


@dataclass(frozen=True, kw_only=True, eq=False)
class GradientDescent(Optimizer):
    r"""Gradient descent: a step against the gradient.

    .. math:: \theta_{t+1} = \theta_t - \alpha \nabla f(\theta_t)

    On mini-batch gradients the same rule is stochastic gradient descent; ``SGD`` is a second name for it.

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

    def init(self, theta):
        """Return the state before the first update."""
        return GradientDescentState(count=0)

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        _checks.gradient(grad, theta)
        alpha = rate_at(self.learning_rate, state.count, theta)
        return theta - alpha * grad, GradientDescentState(count=state.count + 1)


SGD = GradientDescent  # the same rule; the name says that its gradients come from mini-batches


class MomentumState(NamedTuple):
    """What momentum remembers: the number of updates, and the velocity, of theta's shape."""

    count: int
    velocity: np.ndarray


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
        run; a callable is given the step, from 0.
    momentum : float, default 0.9
        The share :math:`\mu` of the velocity that is kept, at least 0 and below 1; no unit.
    rate_inside : bool, default True
        Whether the velocity contains the rate.

    Raises
    ------
    ValueError
        If a hyper-parameter is out of range; from ``update``, if ``grad`` and ``theta`` differ in shape or type.

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
        return MomentumState(count=0, velocity=np.zeros_like(theta))

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        _checks.gradient(grad, theta)
        alpha = rate_at(self.learning_rate, state.count, theta)
        if self.rate_inside:
            v = self.momentum * state.velocity - alpha * grad
            theta = theta + v
        else:
            v = self.momentum * state.velocity + grad
            theta = theta - alpha * v
        return theta, MomentumState(count=state.count + 1, velocity=v)


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
        run; a callable is given the step, from 0.
    momentum : float, default 0.9
        The share :math:`\mu` of the velocity that is kept, at least 0 and below 1; no unit.
    rate_inside : bool, default True
        Whether the velocity contains the rate.

    Raises
    ------
    ValueError
        If a hyper-parameter is out of range; from ``update``, if ``grad`` and ``theta`` differ in shape or type.

    Notes
    -----
    ``keras.optimizers.SGD(nesterov=True)`` is ``rate_inside=True``; ``torch.optim.SGD(nesterov=True)`` and
    ``optax.sgd(nesterov=True)`` are ``rate_inside=False``.

    References
    ----------
    Y. Nesterov (1983), Soviet Mathematics Doklady 27(2), 372-376. The form with a velocity: I. Sutskever, J. Martens,
    G. Dahl, G. Hinton (2013), ICML, equations (3) and (4).
    """

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        _checks.gradient(grad, theta)
        alpha = rate_at(self.learning_rate, state.count, theta)
        if self.rate_inside:
            v = self.momentum * state.velocity - alpha * grad
            theta = theta + self.momentum * v - alpha * grad
        else:
            v = self.momentum * state.velocity + grad
            theta = theta - alpha * (grad + self.momentum * v)
        return theta, MomentumState(count=state.count + 1, velocity=v)


class AdagradState(NamedTuple):
    """What Adagrad remembers: the number of updates, and the sum of squared gradients, of theta's shape."""

    count: int
    total: np.ndarray


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
        as that. An array gives one rate to each run; a callable is given the step, from 0.
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
        If a hyper-parameter is out of range; from ``update``, if ``grad`` and ``theta`` differ in shape or type.

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
        return AdagradState(count=0, total=np.full_like(theta, self.initial_accumulator_value))

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        _checks.gradient(grad, theta)
        alpha = rate_at(self.learning_rate, state.count, theta)
        total = state.total + grad**2
        root = np.sqrt(total + self.epsilon) if self.epsilon_inside else np.sqrt(total) + self.epsilon
        return theta - alpha * grad / root, AdagradState(count=state.count + 1, total=total)


class RMSpropState(NamedTuple):
    """What RMSprop remembers: updates made, averages of square and (if centred) gradient, and the velocity."""

    count: int
    square: np.ndarray
    mean: np.ndarray | tuple
    velocity: np.ndarray


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
        The rate :math:`\alpha`, positive, in units of theta. An array gives one rate to each run; a callable is given
        the step, from 0.
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
        If a hyper-parameter is out of range; from ``update``, if ``grad`` and ``theta`` differ in shape or type.

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
        zeros = np.zeros_like(theta)
        return RMSpropState(count=0, square=zeros, mean=zeros if self.centered else (), velocity=zeros)

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        _checks.gradient(grad, theta)
        alpha = rate_at(self.learning_rate, state.count, theta)
        square = spread = self.rho * state.square + (1 - self.rho) * grad**2
        mean = ()
        if self.centered:
            mean = self.rho * state.mean + (1 - self.rho) * grad
            spread = np.maximum(square - mean**2, 0)
        root = np.sqrt(spread + self.epsilon) if self.epsilon_inside else np.sqrt(spread) + self.epsilon
        if self.rate_inside:
            u = self.momentum * state.velocity + alpha * grad / root
            theta = theta - u
        else:
            u = self.momentum * state.velocity + grad / root
            theta = theta - alpha * u
        return theta, RMSpropState(count=state.count + 1, square=square, mean=mean, velocity=u)


class AdamState(NamedTuple):
    """What Adam remembers: updates made, and running means of gradient and squared gradient, of theta's shape."""

    count: int
    m: np.ndarray
    v: np.ndarray


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
        long as that. An array gives one rate to each run; a callable is given the step, from 0.
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
        If a hyper-parameter is out of range; from ``update``, if ``grad`` and ``theta`` differ in shape or type.

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
        return AdamState(count=0, m=np.zeros_like(theta), v=np.zeros_like(theta))

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        _checks.gradient(grad, theta)
        t = state.count + 1
        m = self.beta_1 * state.m + (1 - self.beta_1) * grad
        v = self.beta_2 * state.v + (1 - self.beta_2) * grad**2
        return theta - self.step(t, m, v), AdamState(count=t, m=m, v=v)

    def step(self, t, m, v):
        """Return what update t, counted from 1, takes away from theta, given the two running means."""
        alpha = rate_at(self.learning_rate, t - 1, m)
        c_1, c_2 = (1 - self.beta_1**t, 1 - self.beta_2**t) if self.bias_correction else (1.0, 1.0)
        if self.epsilon_hat:
            return alpha * (c_2**0.5 / c_1) * m / (np.sqrt(v) + self.epsilon)
        return alpha / c_1 * m / (np.sqrt(v / c_2) + self.epsilon)


class AMSGradState(NamedTuple):
    """What AMSGrad remembers: Adam's state, and the largest mean of squares so far, of theta's shape."""

    count: int
    m: np.ndarray
    v: np.ndarray
    v_max: np.ndarray


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
        The rate :math:`\alpha`, positive, in units of theta. An array gives one rate to each run; a callable is given
        the step, from 0.
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
        If a hyper-parameter is out of range; from ``update``, if ``grad`` and ``theta`` differ in shape or type.

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
        return AMSGradState(*super().init(theta), v_max=np.zeros_like(theta))

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        _checks.gradient(grad, theta)
        t = state.count + 1
        m = self.beta_1 * state.m + (1 - self.beta_1) * grad
        v = self.beta_2 * state.v + (1 - self.beta_2) * grad**2
        v_max = np.maximum(state.v_max, v)
        return theta - self.step(t, m, v_max), AMSGradState(count=t, m=m, v=v, v_max=v_max)


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
        The rate :math:`\alpha`, positive, in units of theta. An array gives one rate to each run; a callable is given
        the step, from 0.
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
        If a hyper-parameter is out of range; from ``update``, if ``grad`` and ``theta`` differ in shape or type.

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
        alpha = rate_at(self.learning_rate, state.count, theta)
        after_adam, new_state = super().update(grad, state, theta)
        return after_adam - alpha * self.weight_decay * theta, new_state


@dataclass(frozen=True, eq=False)
class Wrapper(Optimizer):
    """Base of the wrappers: a rule around another rule, whose learning rate and state it takes over."""

    rule: Optimizer

    def __post_init__(self):
        _checks.rule("rule", self.rule, "labkit.reference.optimizers")
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
        return self.rule.update(np.clip(grad, -self.limit, self.limit), state, theta)


@dataclass(frozen=True, eq=False)
class ClipByNorm(Wrapper):
    r"""Shorten a gradient that is too long, and keep its direction, before a rule sees it.

    .. math:: g_t \to g_t \frac{c}{\max(\lVert g_t\rVert, c)}

    The Euclidean norm is over the whole of theta, for each run by itself: leading axes count runs if the learning rate
    has them. To clip many starts under one rate run by run, give the rate an axis, as in ``learning_rate=[0.1]``.

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
        ``grad`` and ``theta`` differ in shape or type.

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
        _checks.gradient(grad, theta)
        runs = np.ndim(rate_now(self.learning_rate, state.count))
        norm = np.sqrt(np.sum(grad**2, axis=tuple(range(runs, grad.ndim)), keepdims=True))
        return self.rule.update(grad * (self.limit / np.maximum(norm, self.limit)), state, theta)


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
        ``grad`` and ``theta`` differ in shape or type.

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
        _checks.gradient(grad, theta)
        return self.rule.update(grad + self.strength * theta, state, theta)


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
        If ``rule`` is not a rule of this column, or the decay is negative or not finite; from ``update``, if ``grad``
        and ``theta`` differ in shape or type.

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
        alpha = rate_at(self.learning_rate, state.count, theta)
        after_rule, new_state = self.rule.update(grad, state, theta)
        return after_rule - alpha * self.weight_decay * theta, new_state


class PolyakAverageState(NamedTuple):
    """What averaging remembers: updates made, the state of the rule inside, and the mean, of theta's shape."""

    count: int
    inner: tuple
    mean: np.ndarray


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
        return PolyakAverageState(count=0, inner=self.rule.init(theta), mean=theta.copy())

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        theta, inner = self.rule.update(grad, state.inner, theta)
        t = state.count + 1
        share = 1 / max(t - self.start, 1)
        mean = theta if share == 1 else (1 - share) * state.mean + share * theta
        return theta, PolyakAverageState(count=t, inner=inner, mean=mean)

    def average(self, state):
        """Return the mean of theta that a state holds."""
        return state.mean


def in_blocks(rule, size=2**14):
    r"""Return a rule that does the same as another, block after block of a long vector, and so several times faster.

    A rule on a vector of millions writes each intermediate result to memory and reads it back. On a block that fits
    into the processor's cache it does not have to, and nothing else changes: the results are equal to the last bit.

    Parameters
    ----------
    rule : update rule
        A rule that updates each entry of theta by itself, with one learning rate: not ``ClipByNorm``.
    size : int, default 16384
        Entries in a block, at least 1.

    Returns
    -------
    update rule
        For ``theta`` of shape (d,).

    Raises
    ------
    ValueError
        If the rule mixes entries or has an array of rates, or the size is not a whole number of at least 1; from
        ``update``, if theta is not a vector, or ``grad`` and ``theta`` differ in shape or type.
    """
    return _InBlocks(rule, size)


@dataclass(frozen=True, eq=False)
class _InBlocks(Wrapper):
    """The rule that ``in_blocks`` returns."""

    size: int

    def __post_init__(self):
        super().__post_init__()
        if not self.elementwise:
            _checks.fail("rule", self.rule, "one that updates each entry of theta by itself")
        if not callable(self.learning_rate) and np.ndim(self.learning_rate):
            _checks.fail("learning_rate", self.learning_rate, "one number for the whole vector")

    def update(self, grad, state, theta):
        """Return theta after one step, and the new state."""
        _checks.gradient(grad, theta)
        _checks.one_axis("theta", theta)
        if theta.size <= self.size:
            return self.rule.update(grad, state, theta)
        new_theta, new_state = np.empty_like(theta), _each(np.empty_like, state)
        for start in range(0, theta.size, self.size):
            block = slice(start, start + self.size)
            theta_here, state_here = self.rule.update(grad[block], _each(_cut(block), state), theta[block])
            new_theta[block] = theta_here
            new_state = _each(_put(block), new_state, state_here)
        return new_theta, new_state


def _each(function, *states):
    """Apply a function to the parts of states of one structure: arrays and counts, also inside states inside."""
    if isinstance(states[0], tuple):
        parts = [_each(function, *parts) for parts in zip(*states)]
        return type(states[0])(*parts) if parts else ()
    return function(*states)


def _cut(block):
    """Return a function that takes a block out of an array, and leaves a count alone."""
    return lambda whole: whole[block] if np.ndim(whole) else whole


def _put(block):
    """Return a function that puts a block into an array and returns the array; a count it takes over."""

    def put(whole, part):
        if np.ndim(part) == 0:
            return part
        whole[block] = part
        return whole

    return put


def rate_now(learning_rate, step):
    """Return the rate of a step, which a schedule is asked for."""
    return learning_rate(step) if callable(learning_rate) else learning_rate


def rate_at(learning_rate, step, theta):
    """Return the rate of a step, shaped to multiply a gradient of theta's shape without changing its type."""
    rate = rate_now(learning_rate, step)
    if isinstance(rate, float):
        return float(rate)  # a Python number takes the type of what it multiplies; NumPy's float64 would not
    rate = np.asarray(rate, dtype=theta.dtype)
    _checks.leading_axes("learning_rate", rate, "theta", theta)
    return rate.reshape(rate.shape + (1,) * (theta.ndim - rate.ndim))
