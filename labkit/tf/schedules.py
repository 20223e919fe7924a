r"""Learning-rate schedules in TensorFlow, with the names and formulas of ``labkit.reference.schedules``.

A schedule is called with the step, a number, an array or a tensor, from 0, and returns a float64 tensor: the axes of
the step first, then those of its own rate. It can be compiled. Its numbers are constants of the compiled program, so
another schedule compiles anew, and an equal one does not: two schedules with the same numbers are equal and have the
same hash. A step is checked where it is known: in eager code, not inside a ``tf.function``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

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
        return tuple(self(0).shape)

    @property
    def ndim(self):
        """The number of axes of the rate at one step."""
        return len(self.shape)

    def _set(self, **checked):
        for name, value in checked.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True, kw_only=True)
class ConstantRate(Schedule):
    r"""The same rate at every step: :math:`\alpha_t = \alpha`.

    Here :math:`\alpha` is ``learning_rate``, a positive number or an array of them. More in
    :class:`labkit.reference.schedules.ConstantRate`.
    """

    learning_rate: float

    def __post_init__(self):
        self._set(learning_rate=_checks.rates("learning_rate", self.learning_rate))

    def __call__(self, step):
        """Return the rate at a step, or at an array of steps."""
        rate, t = _rate_and_step(self.learning_rate, step)
        return rate + tf.zeros_like(t)


@dataclass(frozen=True, kw_only=True)
class StepDecay(Schedule):
    r"""A staircase.

    .. math:: \alpha_t = \alpha\, q^{\lfloor t / s \rfloor}

    Here :math:`\alpha` is ``learning_rate``, a positive number or an array of them, q the ``factor`` and s ``every``,
    the length of a stair in steps. Ranges, errors, sources and the conventions of other libraries:
    :class:`labkit.reference.schedules.StepDecay`.
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
        return rate * tf.pow(_constant(self.factor), t // self.every)


@dataclass(frozen=True, kw_only=True)
class PiecewiseConstantDecay(Schedule):
    r"""A list of rates, and the steps at which one takes over from the other.

    .. math:: \alpha_t = v_j \quad\text{for}\quad b_j < t \le b_{j+1}

    Here :math:`b_1 < \dots < b_m` are the ``boundaries``, with :math:`b_0 = -\infty` and :math:`b_{m+1} = \infty`, and
    :math:`v_0, \dots, v_m` the ``values``. At a boundary the old rate still holds. Ranges, errors, sources and the
    conventions of other libraries: :class:`labkit.reference.schedules.PiecewiseConstantDecay`.
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
        _, t = _rate_and_step(0.0, step)
        passed = tf.math.count_nonzero(t[..., None] > _constant(self.boundaries), axis=-1)
        return tf.gather(_constant(self.values), passed)


@dataclass(frozen=True, kw_only=True)
class ExponentialDecay(Schedule):
    r"""Exponential decay.

    .. math:: \alpha_t = \alpha_0\, q^{\,t/s}

    Here :math:`\alpha_0` is ``initial_learning_rate``, a positive number or an array of them, s ``decay_steps`` and q
    ``decay_rate``; ``staircase=True`` rounds the exponent down. Ranges, errors, sources and the conventions of other
    libraries: :class:`labkit.reference.schedules.ExponentialDecay`.
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
        times = t // self.decay_steps if self.staircase else t / self.decay_steps
        return rate * tf.pow(_constant(self.decay_rate), times)


@dataclass(frozen=True, kw_only=True)
class InverseTimeDecay(Schedule):
    r"""Decay with one over the time.

    .. math:: \alpha_t = \frac{\alpha_0}{1 + q\, t/s}

    Here :math:`\alpha_0` is ``initial_learning_rate``, a positive number or an array of them, s ``decay_steps`` and q
    ``decay_rate``; ``staircase=True`` rounds t/s down. Ranges, errors, sources and the conventions of other libraries:
    :class:`labkit.reference.schedules.InverseTimeDecay`.
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
        times = t // self.decay_steps if self.staircase else t / self.decay_steps
        return rate / (1 + self.decay_rate * times)


@dataclass(frozen=True, kw_only=True)
class PolynomialDecay(Schedule):
    r"""From one rate to another in a fixed number of steps, along a power of the time that is left.

    .. math:: \alpha_t = \alpha_e + (\alpha_0 - \alpha_e) \Big( 1 - \frac{\min(t, s)}{s} \Big)^p

    Here :math:`\alpha_0` is ``initial_learning_rate``, a positive number or an array of them, s ``decay_steps``,
    :math:`\alpha_e` ``end_learning_rate`` (default 0.0001) and p ``power`` (default 1.0). With ``cycle=True``, s
    becomes :math:`s \lceil t/s \rceil` (at t = 0, s). Ranges, errors, sources and the conventions of other libraries:
    :class:`labkit.reference.schedules.PolynomialDecay`.
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
        end = _constant(self.decay_steps)
        if self.cycle:
            end *= tf.maximum(tf.math.ceil(t / end), 1)
        left = 1 - tf.minimum(t / end, 1)
        return (rate - self.end_learning_rate) * tf.pow(left, self.power) + self.end_learning_rate


@dataclass(frozen=True, kw_only=True)
class CosineDecay(Schedule):
    r"""Half a cosine: slow at the start, fast in the middle, slow at the end.

    .. math:: \alpha_t = \alpha_0 \Big[ a + (1 - a)\, \tfrac12 \Big( 1 + \cos \frac{\pi \min(t, s)}{s} \Big) \Big]

    Here :math:`\alpha_0` is ``initial_learning_rate``, a positive number or an array of them, s ``decay_steps`` and a
    ``alpha`` (default 0.0), the share of the first rate that is left at the end. Ranges, errors, sources and the
    conventions of other libraries: :class:`labkit.reference.schedules.CosineDecay`.
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
        height = 0.5 + 0.5 * tf.cos(math.pi * tf.minimum(t / self.decay_steps, 1))
        return rate * ((1 - self.alpha) * height + self.alpha)


@dataclass(frozen=True, kw_only=True)
class CosineDecayRestarts(Schedule):
    r"""Half a cosine again and again, each time longer and lower.

    .. math:: \alpha_t = \alpha_0 \Big[ a + (1 - a)\, m^j\, \tfrac12 \Big( 1 + \cos \frac{\pi (t - t_j)}{s_j} \Big)
              \Big], \qquad s_j = s\, r^j, \quad t_j = \sum_{i<j} s_i, \quad t_j \le t < t_{j+1}

    Here :math:`\alpha_0` is ``initial_learning_rate``, a positive number or an array of them, s ``first_decay_steps``,
    r ``t_mul`` (default 2.0), m ``m_mul`` (default 1.0), a ``alpha`` (default 0.0), j the number of restarts so far,
    :math:`t_j` the step of the last one and :math:`s_j` the length of its cycle. Ranges, errors, sources and the
    conventions of other libraries: :class:`labkit.reference.schedules.CosineDecayRestarts`.
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
        if self.t_mul == 1:
            restarts = t // self.first_decay_steps
            done = t / self.first_decay_steps - restarts
        else:
            # In lengths of the first cycle, restart j is at (r^j - 1)/(r - 1). The small number undoes rounding there.
            t, more = t / self.first_decay_steps, self.t_mul - 1
            restarts = tf.floor(tf.math.log1p(t * more) / math.log1p(more) + 1e-9)
            length = tf.pow(_constant(self.t_mul), restarts)
            done = ((1 + t * more) / length - 1) / more
        height = tf.pow(_constant(self.m_mul), restarts) * (0.5 + 0.5 * tf.cos(math.pi * done))
        return rate * ((1 - self.alpha) * height + self.alpha)


@dataclass(frozen=True, kw_only=True)
class LinearWarmup(Schedule):
    r"""A ramp from 0 up to the first rate of another schedule, and then that schedule.

    .. math:: \alpha_t = \begin{cases} \beta_0\, t/w & t < w \\ \beta_{t-w} & t \ge w \end{cases}

    Here :math:`\beta_t` is the rate of the schedule ``then`` (of this module, or a callable of a float64 tensor), which
    counts its steps from the end of the ramp, and w is ``steps``, the length of the ramp. Ranges, errors, sources and
    the conventions of other libraries: :class:`labkit.reference.schedules.LinearWarmup`.
    """

    steps: int
    then: Callable

    def __post_init__(self):
        self._set(steps=_checks.count("steps", self.steps), then=_checks.schedule("then", self.then))

    def __call__(self, step):
        """Return the rate at a step, or at an array of steps."""
        _, behind = _rate_and_step(0.0, step)
        first, t = _rate_and_step(self.then(_constant(0.0)), step)
        later = tf.cast(self.then(tf.maximum(behind - self.steps, 0)), tf.float64)
        return tf.where(t < self.steps, first * t / self.steps, later)


@dataclass(frozen=True, kw_only=True)
class OneCycle(Schedule):
    r"""One cycle: along half a cosine up to a large rate, along another down to almost nothing.

    .. math:: \alpha_t = \begin{cases} c(\alpha_{\max}/d,\; \alpha_{\max},\; t/u) & t \le u \\
              c\big(\alpha_{\max},\; \alpha_{\max}/(d e),\; (t-u)/(n-1-u)\big) & u < t \le n - 1 \end{cases}, \qquad
              u = p\,n - 1, \quad c(a, b, x) = b + (a - b)\, \tfrac12 (1 + \cos \pi x)

    Here :math:`\alpha_{\max}` is ``max_learning_rate``, a positive number or an array of them, n ``steps``, p
    ``pct_start`` (default 0.3), d ``div_factor`` (default 25.0), e ``final_div_factor`` (default 10000.0), u the step
    of the largest rate and c(a, b, x) the way from a to b along half a cosine. The last rate is held. Ranges, errors,
    sources and the conventions of other libraries: :class:`labkit.reference.schedules.OneCycle`.
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
        top, end = self.pct_start * self.steps - 1, self.steps - 1
        rising = t <= top
        done = tf.where(rising, 1 - t / top, tf.minimum((t - top) / (end - top), 1))  # 0 at the top, 1 at either end
        bottom = tf.where(rising, highest / self.div_factor, highest / (self.div_factor * self.final_div_factor))
        return bottom + (highest - bottom) * (0.5 + 0.5 * tf.cos(math.pi * done))


def _constant(value):
    return tf.constant(value, tf.float64)


def _rate_and_step(rate, step):
    """Return both as tensors, with an axis of length 1 behind those of the step for each axis of the rate."""
    rate = tf.cast(rate, tf.float64) if tf.is_tensor(rate) else _constant(np.asarray(rate, np.float64))
    if not tf.is_tensor(step):
        step = _constant(_checks.step(step))
    elif tf.get_static_value(step) is not None:  # None inside a tf.function
        _checks.step(tf.get_static_value(step))
    step = tf.cast(step, tf.float64)
    for _ in range(rate.shape.rank):
        step = step[..., None]
    return rate, step
