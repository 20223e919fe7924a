"""Runs in NumPy: the loop around an update rule."""

import numpy as np

from labkit import _checks
from labkit.results import Trajectory

__all__ = ["Trajectory", "minimize"]


def minimize(problem, optimizer, theta0, *, steps, tolerance=None):
    r"""Follow an update rule on a problem.

    Parameters
    ----------
    problem : Problem
        Of ``labkit.problems``, or anything with ``value``, ``gradient`` and ``start``.
    optimizer : update rule
        A value of ``labkit.reference.optimizers``.
    theta0 : array, shape (d,) or (..., d)
        The start, not changed by the run; leading axes count runs. Integers become float64; float32 stays float32.
    steps : int
        Number of updates, at least 1.
    tolerance : float, optional
        Stop early once :math:`\lVert\nabla f\rVert` is at or below this in every run.

    Returns
    -------
    Trajectory
        With ``diverged_at`` set if the run left the finite numbers. A run that diverges raises and warns nothing.

    Raises
    ------
    ValueError
        If an argument is out of range; it names the argument, its value and what is allowed.
    """
    steps = _checks.count("steps", steps)
    tolerance = _checks.tolerance("tolerance", tolerance)
    if not hasattr(optimizer, "update") or hasattr(optimizer, "__tf_flatten__"):
        _checks.fail("optimizer", optimizer, "a rule of labkit.reference.optimizers")
    theta = starts(problem, optimizer, theta0)
    path, losses, norms = [], [], []
    state = optimizer.init(theta)
    with np.errstate(all="ignore"):  # divergence is a result here, not a warning
        for step in range(steps + 1):
            grad = problem.gradient(theta)
            path.append(theta)
            losses.append(problem.value(theta))
            norms.append(np.linalg.norm(grad, axis=-1))
            if step == steps or (tolerance is not None and np.all(norms[-1] <= tolerance)):
                break
            theta, state = optimizer.update(grad, state, theta)
    return Trajectory(theta=np.array(path), loss=np.array(losses), gradient_norm=np.array(norms))


def starts(problem, optimizer, theta0):
    """Return a copy of the start for every run: the axes of the learning rate come before the axis of theta0."""
    theta0 = _checks.finite("theta0", theta0)
    d = len(problem.start)
    if theta0.ndim == 0 or theta0.shape[-1] != d:
        _checks.fail("theta0.shape", theta0.shape, f"({d},) or (..., {d})")
    runs = () if callable(optimizer.learning_rate) else np.shape(optimizer.learning_rate)
    try:
        shape = np.broadcast_shapes(runs, theta0.shape[:-1]) + theta0.shape[-1:]
    except ValueError:
        _checks.fail("learning_rate.shape", runs, f"one that fits the runs of theta0, {theta0.shape[:-1]}")
    return np.broadcast_to(theta0, shape).copy()
