"""What runs of both columns share: their starts, the order of their data, and the bar that shows progress."""

import copy
import warnings
from contextlib import nullcontext

import numpy as np

from labkit import _checks, data
from labkit.results import RateSweep

RATES = np.logspace(-4, 1, 16)  # three to a factor of ten: the grid of every comparison in the book
RATES.flags.writeable = False


def rate_axes(optimizer, first_step):
    """The shape of a rule's rate, one axis for each axis of runs; a schedule is asked at its first step."""
    rate = optimizer.learning_rate
    return np.asarray(rate(first_step) if callable(rate) else rate).shape


def starts(d, runs, theta0):
    """Return a copy of the start for every run: the axes of the learning rate come before the axis of theta0."""
    theta0 = _checks.finite("theta0", theta0)
    _checks.last_axis("theta0", theta0, d)
    try:
        shape = np.broadcast_shapes(runs, theta0.shape[:-1]) + theta0.shape[-1:]
    except ValueError:
        _checks.fail("learning_rate.shape", runs, f"one that fits the runs of theta0, {theta0.shape[:-1]}")
    return np.broadcast_to(theta0, shape).copy()


def model_starts(model, runs, X, seed, theta0):
    """Return the start of a model for every run: theta0, or what the model draws, in the type of X."""
    seed = _checks.whole("seed", seed)
    if theta0 is None:
        theta0 = model.init(seed).astype(_checks.as_floats("X", X).dtype)
    return starts(model.size, runs, theta0)


def check_model(model, kind):
    """Raise unless a model is of one column; kind is the base class of that column's models."""
    if not isinstance(model, kind):
        _checks.fail("model", model, f"a model of {kind.__module__}")


def check_problem(problem, X, y):
    """Raise unless problem has what a run needs, and comes without data of its own."""
    if not all(hasattr(problem, part) for part in ("value", "start")):
        _checks.fail("objective", problem, "a problem of labkit.problems or a model of the same column")
    if X is not None or y is not None:
        _checks.fail("X and y", "data", "None for a problem, which holds its data")


def growing_rates(low, high, steps):
    """Return the rates of a range test, from low to high, each the same multiple of the one before."""
    low, high = _checks.positive("low", low), _checks.positive("high", high)
    if not low < high:
        _checks.fail("high", high, f"above low, {low}")
    return np.geomspace(low, high, _checks.count("steps", steps, least=2))


def tune(last_loss, rule, rates, seeds):
    """Fit with every rate at once, seed after seed; ``last_loss(optimizer, seed)`` fits."""
    rates = _checks.finite("rates", rates, ndim=1)
    if not callable(rule):
        _checks.fail("rule", rule, "a function from a learning rate to an optimizer")
    seeds = list(seeds)
    if not seeds:
        _checks.fail("seeds", seeds, "non-empty")
    losses = [last_loss(rule(rates), seed) for seed in seeds]
    for loss in losses:
        if loss.shape != rates.shape:
            _checks.fail("rule(rates)", loss.shape, f"an optimizer whose rates have the shape {rates.shape}")
    last = np.array(losses, np.float64)
    return RateSweep(rates=rates, loss=np.where(np.isfinite(last), last, np.inf))


def with_schedule(rule, schedule):
    """Return a copy of a rule, or of a wrapped rule, that asks this schedule for its rate."""
    rule = copy.copy(rule)
    if hasattr(rule, "rule"):
        object.__setattr__(rule, "rule", with_schedule(rule.rule, schedule))
    else:
        object.__setattr__(rule, "learning_rate", schedule)
    return rule


def full_batches(n, batch_size, steps, seed):
    """Return the indices of as many mini-batches as there are steps, all of one length: shape (steps, length)."""
    length = min(_checks.count("batch_size", batch_size), n)
    epochs = -(-steps // (n // length))
    batches = [batch for epoch in data.minibatches(n, length, epochs, seed) for batch in epoch if len(batch) == length]
    return np.array(batches[:steps])


def smoothed(losses, beta):
    """Return the running mean of losses in which each step back counts beta times as much."""
    means, total, weight = np.empty_like(losses), 0.0, 0.0
    with np.errstate(all="ignore"):  # a run that diverged
        for step, loss in enumerate(losses):
            total, weight = beta * total + loss, beta * weight + 1
            means[step] = total / weight
    return means


def progress_bar(total, unit, shown):
    """Return a context with an ``update`` that counts; it draws a bar of tqdm if shown, else nothing."""
    if not shown:
        return nullcontext(_Silent())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tqdm warns where a notebook has no widgets; it then writes text
        from tqdm.auto import tqdm
    return tqdm(total=total, unit=unit)


class _Silent:
    def update(self, count=1):
        """Count, and show nothing."""
