r"""Methods that use curvature: Newton's method, and BFGS, which learns the curvature from the gradients it sees.

They are here for comparison with the update rules: few steps, each dear. A Newton step in d parameters costs of the
order of :math:`d^3` operations, a BFGS step :math:`d^2`, a step of gradient descent d.
"""

import numpy as np

from labkit import _checks
from labkit.results import Trajectory

__all__ = ["minimize_bfgs", "minimize_newton"]

SUFFICIENT = 1e-4  # Armijo's constant: the share of the decrease a straight line promises that a step must bring
CURVATURE = 0.9  # Wolfe's constant: the share of the slope at the start that may be left at the end of a step
TRIALS = 60  # halvings before a line search gives up: past 53 a float64 does not change any more


def minimize_newton(problem, theta0, *, steps, tolerance=None, line_search=True):
    r"""Newton's method: go to the lowest point of the parabola that fits at the present point.

    .. math:: \theta_{t+1} = \theta_t - s_t \, H_t^{-1} \nabla f(\theta_t), \qquad H_t = \nabla^2 f(\theta_t)

    With ``line_search=False`` the length :math:`s_t` is 1 at every step: the pure method, which doubles the number of
    right digits at each step near a minimum, and goes to saddles and maxima as gladly as to minima. With
    ``line_search=True`` every step goes down: the eigenvalues of :math:`H_t` are replaced by their absolute values, and
    :math:`s_t` is the first of 1, 1/2, 1/4, ... that satisfies Armijo's condition along the direction :math:`p_t`:

    .. math:: f(\theta_t + s p_t) \le f(\theta_t) + 10^{-4}\, s\, \nabla f(\theta_t)^\top p_t

    In directions of no curvature (eigenvalues below :math:`10^{-12}` of the largest) it does not move.

    Parameters
    ----------
    problem : Problem
        Of ``labkit.problems``, or anything with ``value``, ``gradient`` and ``start``. Where it has no ``hessian``,
        the Hessian comes from central differences of the gradient.
    theta0 : array, shape (d,)
        The start, not changed. Integers become float64; float32 stays float32.
    steps : int
        Largest number of steps, at least 1.
    tolerance : float, optional
        Stop once :math:`\lVert\nabla f\rVert` is at or below this.
    line_search : bool, default True
        Whether to make sure that each step goes down.

    Returns
    -------
    Trajectory
        Shorter than ``steps`` where the tolerance was reached, or where no step goes down any more.

    Raises
    ------
    ValueError
        If an argument is out of range; it names the argument, its value and what is allowed.

    References
    ----------
    J. Nocedal, S. J. Wright (2006), Numerical Optimization, 2nd ed., Springer, Sections 3.1, 3.3 and 3.4. Absolute
    eigenvalues: Y. N. Dauphin et al. (2014), NeurIPS, arXiv:1406.2572.
    """
    line_search = _checks.flag("line_search", line_search)

    def next_theta(theta, grad, memory):
        direction = -_solve(_hessian(problem, theta), grad, positive=line_search)
        if not line_search:
            return theta + direction, memory
        return _backtrack(problem, theta, grad, direction), memory

    return _run(problem, theta0, next_theta, steps, tolerance)


def minimize_bfgs(problem, theta0, *, steps, tolerance=None):
    r"""BFGS: Newton's method with an inverse Hessian :math:`B_t` that is built from the changes of the gradient.

    .. math:: \theta_{t+1} = \theta_t + d_t, \qquad d_t = - s_t B_t \nabla f(\theta_t), \qquad
              y_t = \nabla f(\theta_{t+1}) - \nabla f(\theta_t)

    .. math:: B_{t+1} = (I - r_t d_t y_t^\top) \, B_t \, (I - r_t y_t d_t^\top) + r_t d_t d_t^\top, \qquad
              r_t = \frac{1}{y_t^\top d_t}

    :math:`B_0` is the identity; before the first update it is scaled by :math:`y_0^\top d_0 / y_0^\top y_0`. The
    length :math:`s_t` satisfies the (weak) Wolfe conditions with the constants 0.0001 and 0.9: the step goes down by
    enough, and the slope along it has become flatter by enough, so that :math:`y_t^\top d_t > 0`. It is found by
    doubling from 1, then bisection.

    Parameters
    ----------
    problem : Problem
        Of ``labkit.problems``, or anything with ``value``, ``gradient`` and ``start``.
    theta0 : array, shape (d,)
        The start, not changed. Integers become float64; float32 stays float32.
    steps : int
        Largest number of steps, at least 1.
    tolerance : float, optional
        Stop once :math:`\lVert\nabla f\rVert` is at or below this.

    Returns
    -------
    Trajectory
        Shorter than ``steps`` where the tolerance was reached, or where no step goes down any more.

    Raises
    ------
    ValueError
        If an argument is out of range; it names the argument, its value and what is allowed.

    References
    ----------
    J. Nocedal, S. J. Wright (2006), Numerical Optimization, 2nd ed., Springer, Algorithm 6.1, equations (6.17) and
    (6.20). Line search: A. S. Lewis, M. L. Overton (2013), Mathematical Programming 141, 135-163, Algorithm 2.6.
    """

    def next_theta(theta, grad, inverse):
        unit = np.eye(len(theta), dtype=theta.dtype)
        new = _wolfe(problem, theta, grad, -(unit if inverse is None else inverse) @ grad)
        d, y = new - theta, problem.gradient(new) - grad
        if not y @ d > 0:  # at the limit of rounding: keep what is known
            return new, inverse
        if inverse is None:
            inverse = (y @ d) / (y @ y) * unit
        left = unit - np.outer(d, y) / (y @ d)
        return new, left @ inverse @ left.T + np.outer(d, d) / (y @ d)

    return _run(problem, theta0, next_theta, steps, tolerance)


def _run(problem, theta0, next_theta, steps, tolerance):
    """The loop around a method; next_theta takes theta, its gradient and a memory, and gives theta and memory."""
    steps, tolerance = _checks.count("steps", steps), _checks.tolerance("tolerance", tolerance)
    theta = _checks.finite("theta0", theta0)
    if theta.shape != problem.start.shape:
        _checks.fail("theta0.shape", theta.shape, f"{problem.start.shape}")
    theta, memory, path, losses, norms = theta.copy(), None, [], [], []
    with np.errstate(all="ignore"):  # divergence is a result here, not a warning
        while True:
            grad = problem.gradient(theta)
            path.append(theta)
            losses.append(problem.value(theta))
            norms.append(np.linalg.norm(grad))
            if len(path) > steps or (tolerance is not None and norms[-1] <= tolerance):
                break
            new, memory = next_theta(theta, grad, memory)
            if np.array_equal(new, theta):
                break
            theta = new
    return Trajectory(theta=np.array(path), loss=np.array(losses), gradient_norm=np.array(norms))


def _hessian(problem, theta):
    """The Hessian at theta: the problem's own, or central differences of its gradient."""
    if getattr(problem, "hessian", None) is not None:
        return problem.hessian(theta)
    reach = np.finfo(theta.dtype).eps ** (1 / 3) * np.maximum(1, np.abs(theta))
    there, back = theta + np.diag(reach), theta - np.diag(reach)
    rows = (problem.gradient(there) - problem.gradient(back)) / (2 * reach[:, None])
    return (rows + rows.T) / 2


def _solve(hessian, grad, positive):
    """Return the inverse of the Hessian times the gradient; with positive, of its eigenvalues' absolute values."""
    if not np.all(np.isfinite(hessian)):
        return np.full_like(grad, np.nan)
    curvatures, axes = np.linalg.eigh(hessian)
    used = np.abs(curvatures) > 1e-12 * np.abs(curvatures).max()
    curvatures, axes = curvatures[used], axes[:, used]
    return axes @ (axes.T @ grad / (np.abs(curvatures) if positive else curvatures))


def _backtrack(problem, theta, grad, direction):
    """Return the first point of 1, 1/2, 1/4, ... of the way that is low enough (Armijo), or theta if none is."""
    value, slope = problem.value(theta), grad @ direction
    for halvings in range(TRIALS):
        length = 0.5**halvings
        new = theta + length * direction
        if problem.value(new) <= value + SUFFICIENT * length * slope:
            return new
    return theta


def _wolfe(problem, theta, grad, direction):
    """Return a point that is low enough and where the slope is flat enough (Wolfe), or theta if none is found."""
    value, slope = problem.value(theta), grad @ direction
    low, high, length = 0.0, np.inf, 1.0
    for _ in range(TRIALS):
        new = theta + length * direction
        if not problem.value(new) <= value + SUFFICIENT * length * slope:
            high = length
        elif problem.gradient(new) @ direction < CURVATURE * slope:
            low = length
        else:
            return new
        length = 2 * low if high == np.inf else (low + high) / 2
    return theta
