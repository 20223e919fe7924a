"""Test functions: value, gradient by hand, minimiser, and the constants that say how hard they are.

``value`` takes NumPy arrays and TensorFlow tensors alike, of shape (..., d), and gives shape (...); TensorFlow
differentiates it by itself. ``gradient`` is worked out by hand, for NumPy.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labkit import _checks

__all__ = [
    "Problem", "double_well", "least_squares", "nesterov_worst", "quadratic", "ravine", "rosenbrock", "saddle",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    r"""A function to be minimised.

    Attributes
    ----------
    name : str
    value : callable
        :math:`f(\theta)`, from shape (..., d) to shape (...); NumPy or TensorFlow.
    gradient : callable
        :math:`\nabla f(\theta)`, from shape (..., d) to shape (..., d); NumPy.
    start : array, shape (d,)
        Where the book starts its runs.
    minimiser : array, shape (d,)
        A global minimiser.
    L : float or None
        Largest curvature: the gradient changes at most L times as fast as theta. None where there is no such bound.
    mu : float or None
        Smallest curvature, where it is positive everywhere. None for a function that is not strongly convex.
    hessian : callable or None
        :math:`\nabla^2 f(\theta)`, from shape (..., d) to shape (..., d, d); NumPy. None where it is not worked out.
    """

    name: str
    value: Callable
    gradient: Callable
    start: np.ndarray
    minimiser: np.ndarray
    L: float | None = None
    mu: float | None = None
    hessian: Callable | None = None

    @property
    def minimum(self):
        """The smallest value."""
        return float(self.value(self.minimiser))

    @property
    def kappa(self):
        r"""The condition number :math:`\kappa = L/\mu`; None where it has none."""
        return None if self.mu is None else self.L / self.mu


def quadratic(hessian, minimiser=None, start=None, name="quadratic"):
    r"""A convex quadratic bowl, :math:`f(\theta) = \tfrac12 (\theta-\theta^*)^\top H (\theta-\theta^*)`.

    Parameters
    ----------
    hessian : array, shape (d,) or (d, d)
        The matrix :math:`H`, or its diagonal. Symmetric, with no negative eigenvalue and at least one positive.
    minimiser, start : array, shape (d,), optional
        Default: the origin, and a vector of ones.
    name : str

    Raises
    ------
    ValueError
        If the matrix is not finite, square, symmetric or convex, or the vectors do not fit it.
    """
    matrix = _checks.finite("hessian", hessian)
    if matrix.ndim == 1:
        matrix = np.diag(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        _checks.fail("hessian.shape", matrix.shape, "(d,) or (d, d)")
    if not np.allclose(matrix, matrix.T, rtol=1e-12, atol=0):
        _checks.fail("hessian", matrix, "symmetric")
    curvatures = np.linalg.eigvalsh(matrix)
    rounding = 1e-12 * abs(curvatures[-1])
    if curvatures[-1] <= 0 or curvatures[0] < -rounding:
        _checks.fail("hessian", matrix, f"positive semi-definite; its eigenvalues are {curvatures.tolist()}")
    centre = _vector("minimiser", np.zeros(len(matrix)) if minimiser is None else minimiser, len(matrix))
    start = _vector("start", np.ones(len(matrix)) if start is None else start, len(matrix))

    def value(theta):
        offset, matrix_ = theta - _like(theta, centre), _like(theta, matrix)
        return _xp(theta).sum(offset * _xp(theta).matmul(offset, matrix_), axis=-1) / 2

    def gradient(theta):
        return (theta - _like(theta, centre)) @ _like(theta, matrix)

    return Problem(
        name=name, value=value, gradient=gradient, start=start, minimiser=centre, hessian=_everywhere(matrix),
        L=float(curvatures[-1]), mu=float(curvatures[0]) if curvatures[0] > rounding else None,
    )


def ravine():
    r"""The quadratic that every optimizer of this book is drawn on: :math:`f = \tfrac12 (x^2 + 20 y^2)`.

    Its condition number is 20: a long valley along x with steep walls along y.
    """
    return quadratic([1.0, 20.0], start=[-9.0, 1.5], name="ravine")


def rosenbrock():
    r"""Rosenbrock's banana, :math:`f = (1-x)^2 + 100 (y-x^2)^2`: a curved valley, minimum 0 at (1, 1).

    Source: H. H. Rosenbrock (1960), The Computer Journal 3(3), 175-184.
    """

    def value(theta):
        x, y = theta[..., 0], theta[..., 1]
        return (1 - x) ** 2 + 100 * (y - x**2) ** 2

    def gradient(theta):
        x, y = theta[..., 0], theta[..., 1]
        return np.stack([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)], axis=-1)

    def hessian(theta):
        x, y = theta[..., 0], theta[..., 1]
        return _symmetric(2 - 400 * (y - 3 * x**2), -400 * x, np.full_like(y, 200))

    return Problem(name="Rosenbrock", value=value, gradient=gradient, hessian=hessian,
                   start=np.array([-1.2, 1.0]), minimiser=np.array([1.0, 1.0]))


def double_well(tilt=0.1):
    r"""Two wells in one dimension, :math:`f = x^4/4 - x^2/2 + c\,x` with tilt c: the left one is deeper.

    The tilt must lie above 0 and below :math:`2/(3\sqrt3) \approx 0.385`, past which there is one well only.
    """
    if not 0 < tilt < 2 / 27**0.5:
        _checks.fail("tilt", tilt, "above 0 and below 2/sqrt(27), about 0.385")

    def value(theta):
        x = theta[..., 0]
        return x**4 / 4 - x**2 / 2 + tilt * x

    def gradient(theta):
        return theta**3 - theta + tilt

    def hessian(theta):
        return 3 * theta[..., None] ** 2 - 1

    lowest = np.roots([1.0, 0.0, -1.0, tilt]).real.min()
    return Problem(name="double well", value=value, gradient=gradient, hessian=hessian,
                   start=np.array([1.5]), minimiser=np.array([lowest]))


def saddle():
    r"""A saddle at the origin between two minima, :math:`f = x^2 - y^2 + y^4`; minima at :math:`y = \pm 1/\sqrt2`."""

    def value(theta):
        x, y = theta[..., 0], theta[..., 1]
        return x**2 - y**2 + y**4

    def gradient(theta):
        x, y = theta[..., 0], theta[..., 1]
        return np.stack([2 * x, 4 * y**3 - 2 * y], axis=-1)

    def hessian(theta):
        x, y = theta[..., 0], theta[..., 1]
        return _symmetric(np.full_like(x, 2), np.zeros_like(x), 12 * y**2 - 2)

    return Problem(name="saddle", value=value, gradient=gradient, hessian=hessian,
                   start=np.array([1.0, 0.0]), minimiser=np.array([0.0, 0.5**0.5]))


def nesterov_worst(t, L=1.0):
    r"""Nesterov's worst function for t steps: a chain of 2t + 1 coordinates that information crosses one by one.

    .. math:: f(\theta) = \tfrac{L}{4} \Big( \tfrac12 \big[ \theta_1^2
              + \textstyle\sum_{i<n} (\theta_i - \theta_{i+1})^2 + \theta_n^2 \big] - \theta_1 \Big), \quad n = 2t + 1

    Each method that moves in the span of the gradients it has seen, started at 0, satisfies
    :math:`f(\theta_t) - f^* \ge 3 L \lVert\theta^*\rVert^2 / (32 (t+1)^2)`.

    Source: Y. Nesterov (2004), Introductory Lectures on Convex Optimization, Theorem 2.1.7.
    """
    t = _checks.count("t", t)
    if not 0 < L < np.inf:
        _checks.fail("L", L, "positive and finite")
    n = 2 * t + 1
    chain = L / 4 * (2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1))
    minimiser = 1 - np.arange(1, n + 1) / (n + 1)
    bowl = quadratic(chain, minimiser=minimiser, start=np.zeros(n), name="Nesterov's worst function")
    floor = -L / 8 * n / (n + 1)  # the smallest value

    return Problem(name=bowl.name, value=lambda theta: bowl.value(theta) + floor, gradient=bowl.gradient,
                   start=bowl.start, minimiser=minimiser, L=float(L), mu=bowl.mu, hessian=bowl.hessian)


def least_squares(X, y):
    r"""Linear regression: the mean squared error :math:`f(\theta) = \tfrac1n \lVert X\theta - y \rVert^2`.

    There is no factor 1/2, as in ``keras.losses.MeanSquaredError``, so :math:`\nabla f = \tfrac2n X^\top (X\theta-y)`.

    Parameters
    ----------
    X : array, shape (n, d)
        One sample a row. For an intercept, add a column of ones.
    y : array, shape (n,)
        Targets. A column of shape (n, 1) is an error: it would broadcast against (n,) to (n, n).

    Raises
    ------
    ValueError
        If a shape does not fit, or an entry is nan or infinite, or there is no sample.
    """
    X, y = _checks.finite("X", X, ndim=2), _checks.finite("y", y, ndim=1)
    if len(X) != len(y):
        _checks.fail("y.shape", y.shape, f"({len(X)},), one target for each row of X")
    n, d = X.shape
    curvatures = np.linalg.eigvalsh(2 / n * X.T @ X)
    rounding = 1e-12 * curvatures[-1]

    def value(theta):
        xp = _xp(theta)
        residual = xp.matmul(theta, _like(theta, X.T)) - _like(theta, y)
        return xp.mean(residual**2, axis=-1)

    def gradient(theta):
        return 2 / n * (theta @ _like(theta, X.T) - _like(theta, y)) @ _like(theta, X)

    return Problem(
        name="least squares", value=value, gradient=gradient, start=np.zeros(d),
        minimiser=np.linalg.lstsq(X, y, rcond=None)[0], hessian=_everywhere(2 / n * X.T @ X),
        L=float(curvatures[-1]), mu=float(curvatures[0]) if curvatures[0] > rounding else None,
    )


def _vector(name, value, d):
    vector = _checks.finite(name, value, ndim=1)
    if len(vector) != d:
        _checks.fail(f"{name}.shape", vector.shape, f"({d},)")
    return vector


def _everywhere(matrix):
    """The Hessian of a quadratic: one matrix at every theta, in theta's type."""
    return lambda theta: np.broadcast_to(_like(theta, matrix), theta.shape[:-1] + matrix.shape).copy()


def _symmetric(xx, xy, yy):
    """Matrices of shape (..., 2, 2) from their entries, of shape (...)."""
    return np.stack([np.stack([xx, xy], axis=-1), np.stack([xy, yy], axis=-1)], axis=-2)


def _xp(theta):
    """The array functions that belong to theta: NumPy's, or TensorFlow's under NumPy's names."""
    if isinstance(theta, np.ndarray):
        return np
    import tensorflow.experimental.numpy as tnp  # only a caller with a tensor pays for it

    return tnp


def _like(theta, constant):
    """A constant in theta's type, so that float32 stays float32."""
    return constant.astype(getattr(theta.dtype, "as_numpy_dtype", theta.dtype))
