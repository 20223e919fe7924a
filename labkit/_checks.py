"""Checks of arguments. Both columns call these, so wrong input gives the same message in both.

Every failure is a ``ValueError`` that names the argument, its value and what is allowed.
"""

from numbers import Integral

import numpy as np


def fail(name, value, allowed):
    """Raise the one kind of error that this package raises for bad input."""
    raise ValueError(f"{name} must be {allowed}, got {_short(value)}")


def _short(value):
    if hasattr(value, "shape") and len(value.shape):
        return f"an array of shape {tuple(value.shape)} and type {np.dtype(_dtype(value)).name}: {_values(value)}"
    return repr(value)


def _dtype(value):
    return getattr(value.dtype, "as_numpy_dtype", value.dtype)  # a TensorFlow type knows its NumPy twin


def _values(value):
    return np.array2string(np.asarray(value), threshold=6, edgeitems=2, separator=", ").replace("\n", "")


def rate(name, value):
    """Return a rate as a float or a read-only array; a schedule (a callable of the step) as it is.

    The copy keeps an optimizer a value: changing the caller's array later does not change the optimizer.
    """
    if callable(value):
        return value
    allowed = "positive and finite (a number, an array of numbers, or a callable of the step)"
    number = as_floats(name, value, allowed)
    if not (number.size and np.all(np.isfinite(number)) and np.all(number > 0)):
        fail(name, value, allowed)
    if number.ndim == 0:
        return float(number)
    number = number.copy()
    number.flags.writeable = False
    return number


def as_floats(name, value, allowed="made of real numbers"):
    """Return value as a NumPy array of floats (float32 stays float32, integers become float64)."""
    try:
        array = np.asarray(value)
    except ValueError:  # ragged nested lists
        array = np.asarray(None)
    if array.dtype.kind in "iu":
        array = array.astype(np.float64)
    if array.dtype.kind != "f":
        fail(name, value, allowed)
    return array


def finite(name, value, ndim=None):
    """Return value as a finite, non-empty array of floats, with ndim axes where a number is given."""
    array = as_floats(name, value)
    if ndim is not None and array.ndim != ndim:
        fail(f"{name}.ndim", array.ndim, f"{ndim} (its shape is {array.shape})")
    if array.size == 0:
        fail(f"{name}.shape", array.shape, "non-empty")
    bad = np.count_nonzero(~np.isfinite(array))
    if bad:
        fail(name, array, f"finite ({bad} of {array.size} entries are nan or infinite)")
    return array


def gradient(grad, theta):
    """Raise unless grad fits theta, both arrays or both tensors: (n,) never broadcasts against (n, 1)."""
    if np.dtype(_dtype(theta)).kind not in "fV":  # V: bfloat16, which NumPy does not know by itself
        fail("theta.dtype", np.dtype(_dtype(theta)).name, "a floating-point type")
    if tuple(grad.shape) != tuple(theta.shape):
        fail("grad.shape", tuple(grad.shape), f"the shape of theta, {tuple(theta.shape)}")
    if grad.dtype != theta.dtype:
        fail("grad.dtype", np.dtype(_dtype(grad)).name, f"the type of theta, {np.dtype(_dtype(theta)).name}")


def leading_axes(name, value, other_name, other):
    """Raise unless the axes of value are leading axes of other (an axis of length 1 stretches)."""
    shape, leading = tuple(value.shape), tuple(other.shape)[: len(value.shape)]
    if len(shape) != len(leading) or any(a not in (1, b) for a, b in zip(shape, leading)):
        fail(f"{name}.shape", shape, f"the leading axes of {other_name}, whose shape is {tuple(other.shape)}")


def count(name, value):
    """Return a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        fail(name, value, "a whole number of at least 1")
    return int(value)


def tolerance(name, value):
    """Return a threshold that is zero or positive; None means that there is no threshold."""
    if value is None:
        return None
    number = as_floats(name, value, "None, or a number that is zero or positive")
    if number.ndim or not number >= 0 or np.isinf(number):
        fail(name, value, "None, or a number that is zero or positive")
    return float(number)
