r"""Learning-rate schedules in NumPy: the rate as a function of the step.

A schedule is an immutable value that is called with the step, counted from 0, and stands where an optimizer takes a
``learning_rate``::

    optimizer = GradientDescent(learning_rate=CosineDecay(initial_learning_rate=0.1, decay_steps=1000))

The step is a number or an array of them, zero or positive. The rate is a float64, or an array: the axes of the step
come first, then those of the schedule's own rate, which may be an array with one rate for each run. So a schedule
over ``np.arange(1000)`` with 8 initial rates gives the shape (1000, 8). ``shape`` is that of the rate at one step.

Each is called once a *step*, that is once a batch, as in Keras and optax. PyTorch's schedulers count what calls them,
mostly epochs. Two schedules with the same numbers are equal and have the same hash.

In the formulas t is the step and :math:`\alpha_t` the learning rate there, in units of theta per unit of gradient.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labkit import _checks

__all__ = [
    "ConstantRate", "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay", "LinearWarmup",
    "OneCycle", "PiecewiseConstantDecay", "PolynomialDecay", "StepDecay",
]


class Schedule:
    """Base of the schedules: what each of them knows about its runs."""

    @property
    def shape(self):
        """The shape of the rate at one step: () for one run, (64,) for 64 runs."""
        return np.shape(self(0))

    @property
    def ndim(self):
        """The number of axes of the rate at one step."""
        return len(self.shape)

    def _set(self, **checked):
        for name, value in checked.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True, kw_only=True)
class ConstantRate(Schedule):
    r"""The same rate at every step: :math:`\alpha_t = \alpha`. Good for what stands behind a warm-up.

    Parameters
    ----------
    learning_rate : float or array
        The rate :math:`\alpha`, positive.

    Raises
    ------
    ValueError
        If the rate is not positive and finite; when called, if the step is negative or not finite.

    Notes
    -----
    ``optax.constant_schedule``. Keras and PyTorch take the number itself.

    References
    ----------
    H. Robbins, S. Monro (1951), A stochastic approximation method, Annals of Mathematical Statistics 22(3), 400-407,
    whose condition for noisy gradients, a finite sum of the squared rates, it does not meet.
    """

    learning_rate: float

    def __post_init__(self):
        self._set(learning_rate=_checks.rates("learning_rate", self.learning_rate))

    def __call__(self, step):
        """Return the rate at a step, or at an array of steps."""
        rate, t = _rate_and_step(self.learning_rate, step)
        return rate + 0 * t


@dataclass(frozen=True, kw_only=True)
class StepDecay(Schedule):
    r"""A staircase: after every so many steps the rate is multiplied by a factor.

    .. math:: \alpha_t = \alpha\, q^{\lfloor t / s \rfloor}

    Parameters
    ----------
    learning_rate : float or array
        The first rate :math:`\alpha`, positive.
    factor : float
        The factor q, positive; below 1 it is a decay.
    every : int
        The length s of a stair in steps, at least 1.

    Raises
    ------
    ValueError
        If a parameter is out of range; when called, if the step is negative or not finite.

    Notes
    -----
    ``torch.optim.lr_scheduler.StepLR(step_size=every, gamma=factor)``. In Keras and optax it is an exponential decay
    with ``staircase=True``.

    References
    ----------
    C. Szegedy et al. (2015), Going deeper with convolutions, CVPR, Section 6: 4% less every 8 epochs.

    Examples
    --------
    >>> import numpy as np
    >>> StepDecay(learning_rate=1.0, factor=0.5, every=2)(np.arange(6))
    array([1.  , 1.  , 0.5 , 0.5 , 0.25, 0.25])
    """

    learning_rate: float
    factor: float
    every: int

    def __post_init__(self):
        self._set(learning_rate=_checks.rates("learning_rate", self.learning_rate),
                  factor=_checks.positive("factor", self.factor), every=_checks.count("every", self.every))

    def __call__(self, step):
        """Return the rate at a step, or at an array of steps."""
        rate, t = _rate_and_step(self.learning_rate, step)
        return rate * self.factor ** np.floor(t / self.every)


@dataclass(frozen=True, kw_only=True)
class PiecewiseConstantDecay(Schedule):
    r"""A list of rates, and the steps at which one takes over from the other.

    .. math:: \alpha_t = v_j \quad\text{for}\quad b_j < t \le b_{j+1}

    Here :math:`b_1 < \dots < b_m` are the boundaries, with :math:`b_0 = -\infty` and :math:`b_{m+1} = \infty`, and
    :math:`v_0, \dots, v_m` the values. **At a boundary the old rate still holds**, as in Keras.

    Parameters
    ----------
    boundaries : sequence of m numbers
        Steps, each above the one before; at least one.
    values : sequence of m + 1 numbers
        Rates, positive.

    Raises
    ------
    ValueError
        If a parameter is out of range, or there is not one value more than boundaries; when called, if the step is
        negative or not finite.

    Notes
    -----
    As ``keras.optimizers.schedules.PiecewiseConstantDecay``. ``torch.optim.lr_scheduler.MultiStepLR`` and
    ``optax.piecewise_constant_schedule`` take factors instead of rates, and change the rate *at* the boundary, one
    step before Keras.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun (2016), Deep residual learning for image recognition, CVPR, Section 4.2.
    """

    boundaries: tuple
    values: tuple

    def __post_init__(self):
        self._set(boundaries=_checks.boundaries("boundaries", self.boundaries),
                  values=_checks.rates("values", self.values))
        if np.shape(self.values) != (len(self.boundaries) + 1,):
            _checks.fail("values.shape", np.shape(self.values),
                         f"({len(self.boundaries) + 1},), one more than the boundaries")

    def __call__(self, step):
        """Return the rate at a step, or at an array of steps."""
        return np.asarray(self.values)[np.searchsorted(self.boundaries, _checks.step(step))]


@dataclass(frozen=True, kw_only=True)
class ExponentialDecay(Schedule):
    r"""Exponential decay: the same share is lost in equal times.

    .. math:: \alpha_t = \alpha_0\, q^{\,t/s}

    With ``staircase=True`` the exponent is rounded down, which makes it a :class:`StepDecay`. The rates of all steps
    together sum up to a finite number, so a run may stand still before it arrives.

    Parameters
    ----------
    initial_learning_rate : float or array
        The rate :math:`\alpha_0` at step 0, positive.
    decay_steps : int
        The time s in which the rate is multiplied once, in steps, at least 1.
    decay_rate : float
        The factor q, positive; below 1 it is a decay.
    staircase : bool, default False

    Raises
    ------
    ValueError
        If a parameter is out of range; when called, if the step is negative or not finite.

    Notes
    -----
    As ``keras.optimizers.schedules.ExponentialDecay`` and ``optax.exponential_decay``. The ``gamma`` of
    ``torch.optim.lr_scheduler.ExponentialLR`` is :math:`q^{1/s}`.

    References
    ----------
    C. Szegedy et al. (2016), Rethinking the Inception architecture for computer vision, CVPR, Section 8.
    """

    initial_learning_rate: float
    decay_steps: int
    decay_rate: float
    staircase: bool = False

    def __post_init__(self):
        self._set(initial_learning_rate=_checks.rates("initial_learning_rate", self.initial_learning_rate),
                  decay_steps=_checks.count("decay_steps", self.decay_steps),
                  decay_rate=_checks.positive("decay_rate", self.decay_rate),
                  staircase=_checks.flag("staircase", self.staircase))

    def __call__(self, step):
        """Return the rate at a step, or at an array of steps."""
        rate, t = _rate_and_step(self.initial_learning_rate, step)
        times = t / self.decay_steps
        return rate * self.decay_rate ** (np.floor(times) if self.staircase else times)


@dataclass(frozen=True, kw_only=True)
class InverseTimeDecay(Schedule):
    r"""Decay with one over the time: the classical rate that still converges on noisy gradients.

    .. math:: \alpha_t = \frac{\alpha_0}{1 + q\, t/s}

    With ``staircase=True``, t/s is rounded down. The rates of all steps sum up to infinity and their squares do not:
    far enough to arrive anywhere, small enough for the noise to average out.

    Parameters
    ----------
    initial_learning_rate : float or array
        The rate :math:`\alpha_0` at step 0, positive.
    decay_steps : int
        The unit of time s in steps, at least 1.
    decay_rate : float
        How fast the rate falls, q, zero or positive: after s/q steps it is half the first.
    staircase : bool, default False

    Raises
    ------
    ValueError
        If a parameter is out of range; when called, if the step is negative or not finite.

    Notes
    -----
    As ``keras.optimizers.schedules.InverseTimeDecay``. PyTorch has none of its own (a ``LambdaLR`` does it), nor has
    optax.

    References
    ----------
    H. Robbins, S. Monro (1951), A stochastic approximation method, Annals of Mathematical Statistics 22(3), 400-407.
    """

    initial_learning_rate: float
    decay_steps: int
    decay_rate: float
    staircase: bool = False

    def __post_init__(self):
        self._set(initial_learning_rate=_checks.rates("initial_learning_rate", self.initial_learning_rate),
                  decay_steps=_checks.count("decay_steps", self.decay_steps),
                  decay_rate=_checks.not_negative("decay_rate", self.decay_rate),
                  staircase=_checks.flag("staircase", self.staircase))

    def __call__(self, step):
        """Return the rate at a step, or at an array of steps."""
        rate, t = _rate_and_step(self.initial_learning_rate, step)
        times = t / self.decay_steps
        return rate / (1 + self.decay_rate * (np.floor(times) if self.staircase else times))


@dataclass(frozen=True, kw_only=True)
class PolynomialDecay(Schedule):
    r"""From one rate to another in a fixed number of steps, along a power of the time that is left.

    .. math:: \alpha_t = \alpha_e + (\alpha_0 - \alpha_e) \Big( 1 - \frac{\min(t, s)}{s} \Big)^p

    With ``cycle=True`` the end is moved instead of held: s becomes :math:`s \lceil t/s \rceil` (at t = 0, s), so that
    past s the rate jumps up and falls again.

    Parameters
    ----------
    initial_learning_rate : float or array
        The rate :math:`\alpha_0` at step 0, positive.
    decay_steps : int
        The number s of steps until the end, at least 1.
    end_learning_rate : float, default 0.0001
        The rate :math:`\alpha_e` at the end, zero or positive.
    power : float, default 1.0
        The exponent p, positive; 1 is a straight line.
    cycle : bool, default False

    Raises
    ------
    ValueError
        If a parameter is out of range; when called, if the step is negative or not finite.

    Notes
    -----
    As ``keras.optimizers.schedules.PolynomialDecay`` and, without cycles, ``optax.polynomial_schedule``.
    ``torch.optim.lr_scheduler.PolynomialLR`` ends at 0 always.

    References
    ----------
    L.-C. Chen et al. (2018), DeepLab, IEEE TPAMI 40(4), 834-848, Section 4.1 (the "poly" policy).
    """

    initial_learning_rate: float
    decay_steps: int
    end_learning_rate: float = 0.0001
    power: float = 1.0
    cycle: bool = False

    def __post_init__(self):
        self._set(initial_learning_rate=_checks.rates("initial_learning_rate", self.initial_learning_rate),
                  decay_steps=_checks.count("decay_steps", self.decay_steps),
                  end_learning_rate=_checks.not_negative("end_learning_rate", self.end_learning_rate),
                  power=_checks.positive("power", self.power), cycle=_checks.flag("cycle", self.cycle))

    def __call__(self, step):
        """Return the rate at a step, or at an array of steps."""
        rate, t = _rate_and_step(self.initial_learning_rate, step)
        end = self.decay_steps
        if self.cycle:
            end = end * np.maximum(1, np.ceil(t / end))
        left = 1 - np.minimum(t, end) / end
        return self.end_learning_rate + (rate - self.end_learning_rate) * left**self.power


@dataclass(frozen=True, kw_only=True)
class CosineDecay(Schedule):
    r"""Half a cosine: slow at the start, fast in the middle, slow at the end.

    .. math:: \alpha_t = \alpha_0 \Big[ a + (1 - a)\, \tfrac12 \Big( 1 + \cos \frac{\pi \min(t, s)}{s} \Big) \Big]

    Parameters
    ----------
    initial_learning_rate : float or array
        The rate :math:`\alpha_0` at step 0, positive.
    decay_steps : int
        The number s of steps until the end, at least 1.
    alpha : float, default 0.0
        The share a of the first rate that is left at the end, from 0 to 1. It is no learning rate, whatever its name.

    Raises
    ------
    ValueError
        If a parameter is out of range; when called, if the step is negative or not finite.

    Notes
    -----
    As ``keras.optimizers.schedules.CosineDecay``, whose warm-up is here :class:`LinearWarmup`, and
    ``optax.cosine_decay_schedule``. ``torch.optim.lr_scheduler.CosineAnnealingLR`` takes the end as a rate
    (``eta_min``), and past the end its rate rises again.

    References
    ----------
    I. Loshchilov, F. Hutter (2017), SGDR: stochastic gradient descent with warm restarts, ICLR, Eq. 5.
    """

    initial_learning_rate: float
    decay_steps: int
    alpha: float = 0.0

    def __post_init__(self):
        self._set(initial_learning_rate=_checks.rates("initial_learning_rate", self.initial_learning_rate),
                  decay_steps=_checks.count("decay_steps", self.decay_steps),
                  alpha=_checks.share("alpha", self.alpha))

    def __call__(self, step):
        """Return the rate at a step, or at an array of steps."""
        rate, t = _rate_and_step(self.initial_learning_rate, step)
        return rate * _cosine(1, self.alpha, np.minimum(t, self.decay_steps) / self.decay_steps)


@dataclass(frozen=True, kw_only=True)
class CosineDecayRestarts(Schedule):
    r"""Half a cosine again and again, each time longer and lower.

    .. math:: \alpha_t = \alpha_0 \Big[ a + (1 - a)\, m^j\, \tfrac12 \Big( 1 + \cos \frac{\pi (t - t_j)}{s_j} \Big)
              \Big], \qquad s_j = s\, r^j, \quad t_j = \sum_{i<j} s_i, \quad t_j \le t < t_{j+1}

    Here j counts the restarts so far, :math:`t_j` is the step of the last one and :math:`s_j` the length of the
    cycle that it began.

    Parameters
    ----------
    initial_learning_rate : float or array
        The rate :math:`\alpha_0` at step 0, positive.
    first_decay_steps : int
        The length s of the first cycle in steps, at least 1.
    t_mul : float, default 2.0
        The factor r between the lengths of neighbouring cycles, at least 1.
    m_mul : float, default 1.0
        The factor m between their heights, positive.
    alpha : float, default 0.0
        The share a of the first rate that is always left, from 0 to 1.

    Raises
    ------
    ValueError
        If a parameter is out of range; when called, if the step is negative or not finite.

    Notes
    -----
    As ``keras.optimizers.schedules.CosineDecayRestarts``, except that there a restart can come one step late, because
    the logarithm that counts the cycles is rounded: with ``t_mul=1.1`` after 10 steps, the one at step 21.
    ``torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`` has whole factors ``T_mult`` and no ``m_mul``;
    ``optax.sgdr_schedule`` takes each cycle by itself.

    References
    ----------
    I. Loshchilov, F. Hutter (2017), SGDR: stochastic gradient descent with warm restarts, ICLR, Eq. 5.
    """

    initial_learning_rate: float
    first_decay_steps: int
    t_mul: float = 2.0
    m_mul: float = 1.0
    alpha: float = 0.0

    def __post_init__(self):
        self._set(initial_learning_rate=_checks.rates("initial_learning_rate", self.initial_learning_rate),
                  first_decay_steps=_checks.count("first_decay_steps", self.first_decay_steps),
                  t_mul=_checks.growth("t_mul", self.t_mul), m_mul=_checks.positive("m_mul", self.m_mul),
                  alpha=_checks.share("alpha", self.alpha))

    def __call__(self, step):
        """Return the rate at a step, or at an array of steps."""
        rate, t = _rate_and_step(self.initial_learning_rate, step)
        t = t / self.first_decay_steps  # in lengths of the first cycle
        if self.t_mul == 1:
            restarts = np.floor(t)
            done = t - restarts
        else:
            # t lies in cycle j if r^j <= 1 + t (r - 1) < r^(j+1). The small number undoes the rounding of the logarithm
            # at a restart.
            restarts = np.floor(np.log(1 + t * (self.t_mul - 1)) / np.log(self.t_mul) + 1e-9)
            length = self.t_mul**restarts
            done = (t - (length - 1) / (self.t_mul - 1)) / length
        return rate * (self.alpha + (1 - self.alpha) * self.m_mul**restarts * _cosine(1, 0, done))


@dataclass(frozen=True, kw_only=True)
class LinearWarmup(Schedule):
    r"""A ramp from 0 up to the first rate of another schedule, and then that schedule.

    .. math:: \alpha_t = \begin{cases} \beta_0\, t/w & t < w \\ \beta_{t-w} & t \ge w \end{cases}

    Here :math:`\beta_t` is the rate of the other schedule, which counts its steps from the end of the ramp, and w the
    length of the ramp. At step 0 the rate is 0, so the first update changes nothing but the optimizer's memory.

    Parameters
    ----------
    steps : int
        The length w of the ramp in steps, at least 1.
    then : schedule
        A schedule of this module, or any callable of the step, which it is given as a float. For a constant rate:
        :class:`ConstantRate`.

    Raises
    ------
    ValueError
        If a parameter is out of range; when called, if the step is negative or not finite.

    Notes
    -----
    Before a :class:`CosineDecay` it is ``keras.optimizers.schedules.CosineDecay`` with ``initial_learning_rate=0``,
    ``warmup_steps=steps`` and ``warmup_target`` the first rate; Keras has it for no other schedule. In PyTorch:
    ``LinearLR`` and then another in a ``SequentialLR``; ``LinearLR`` begins at a third of the rate unless told
    otherwise. In optax: ``linear_schedule`` and ``join_schedules``.

    References
    ----------
    P. Goyal et al. (2017), Accurate, large minibatch SGD: training ImageNet in 1 hour, arXiv:1706.02677, Section 2.2.
    """

    steps: int
    then: Callable

    def __post_init__(self):
        self._set(steps=_checks.count("steps", self.steps), then=_checks.schedule("then", self.then))

    def __call__(self, step):
        """Return the rate at a step, or at an array of steps."""
        step = _checks.step(step)
        first, t = _rate_and_step(self.then(0.0), step)
        return np.where(t < self.steps, first * t / self.steps, self.then(np.maximum(step - self.steps, 0)))[()]


@dataclass(frozen=True, kw_only=True)
class OneCycle(Schedule):
    r"""One cycle: along half a cosine up to a large rate, along another down to almost nothing.

    .. math:: \alpha_t = \begin{cases} c(\alpha_{\max}/d,\; \alpha_{\max},\; t/u) & t \le u \\
              c\big(\alpha_{\max},\; \alpha_{\max}/(d e),\; (t-u)/(n-1-u)\big) & u < t \le n - 1 \end{cases}, \qquad
              u = p\,n - 1, \quad c(a, b, x) = b + (a - b)\, \tfrac12 (1 + \cos \pi x)

    Here n is the number of steps, u the step of the largest rate and c(a, b, x) the way from a to b along half a
    cosine. The first rate is :math:`\alpha_{\max}/d`, and the last, at step n - 1, is :math:`\alpha_{\max}/(d e)`; it
    is held from there on.

    Parameters
    ----------
    max_learning_rate : float or array
        The largest rate :math:`\alpha_{\max}`, positive.
    steps : int
        The number n of steps, above 1/p.
    pct_start : float, default 0.3
        The share p of the steps in which the rate rises, above 0 and below 1.
    div_factor : float, default 25.0
        How many times the first rate goes into the largest, d, positive.
    final_div_factor : float, default 10000.0
        How many times the last rate goes into the first, e, positive.

    Raises
    ------
    ValueError
        If a parameter is out of range; when called, if the step is negative or not finite.

    Notes
    -----
    The rates of ``torch.optim.lr_scheduler.OneCycleLR`` with its defaults (two phases, cosine); that one also moves the
    momentum, which this does not, and raises past the last step. ``optax.cosine_onecycle_schedule`` reaches its largest
    rate one step later, at the whole part of p n, and its last at step n. Keras has none.

    References
    ----------
    L. N. Smith, N. Topin (2019), Super-convergence: very fast training of neural networks using large learning rates,
    SPIE 11006, 1100612 (arXiv:1708.07120).
    """

    max_learning_rate: float
    steps: int
    pct_start: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4

    def __post_init__(self):
        self._set(max_learning_rate=_checks.rates("max_learning_rate", self.max_learning_rate),
                  steps=_checks.count("steps", self.steps),
                  pct_start=_checks.inner_share("pct_start", self.pct_start),
                  div_factor=_checks.positive("div_factor", self.div_factor),
                  final_div_factor=_checks.positive("final_div_factor", self.final_div_factor))
        if self.pct_start * self.steps <= 1:
            _checks.fail("steps", self.steps, f"above 1 / pct_start = {1 / self.pct_start:.4g}, for the rate to rise")

    def __call__(self, step):
        """Return the rate at a step, or at an array of steps."""
        highest, t = _rate_and_step(self.max_learning_rate, step)
        first, last = highest / self.div_factor, highest / self.div_factor / self.final_div_factor
        top, end = self.pct_start * self.steps - 1, self.steps - 1
        rise = _cosine(first, highest, t / top)
        fall = _cosine(highest, last, (np.minimum(t, end) - top) / (end - top))
        return np.where(t <= top, rise, fall)[()]


def _rate_and_step(rate, step):
    """Return both as arrays, with an axis of length 1 behind those of the step for each axis of the rate."""
    rate, step = np.asarray(rate, np.float64), _checks.step(step)
    return rate, step.reshape(step.shape + (1,) * rate.ndim)


def _cosine(start, end, share):
    """The way from start to end along half a cosine, of which a share is done."""
    return end + (start - end) * (1 + np.cos(np.pi * share)) / 2
