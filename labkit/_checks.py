"""Checks of arguments. Both columns call these, so wrong input gives the same message in both.

Every failure is a ``ValueError`` that names the argument, its value and what is allowed.
"""

from dataclasses import fields
from numbers import Integral

import numpy as np


def fail(name, value, allowed):
    """Raise the one kind of error that this package raises for bad input."""
    raise ValueError(f"{name} must be {allowed}, got {_short(value)}")


def _short(value):
    if hasattr(value, "shape") and hasattr(value, "dtype") and len(value.shape):  # a schedule has a shape too
        return f"an array of shape {tuple(value.shape)} and type {np.dtype(_dtype(value)).name}: {_values(value)}"
    return repr(value)


def _dtype(value):
    return getattr(value.dtype, "as_numpy_dtype", value.dtype)  # a TensorFlow type knows its NumPy twin


def _values(value):
    if hasattr(value, "graph"):  # a tensor inside a tf.function that is being traced
        return "its values are not known here"
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


def count(name, value, least=1):
    """Return a whole number of at least 1, or of at least another number."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        fail(name, value, f"a whole number of at least {least}")
    return int(value)


def tolerance(name, value):
    """Return a threshold that is zero or positive; None means that there is no threshold."""
    if value is None:
        return None
    number = as_floats(name, value, "None, or a number that is zero or positive")
    if number.ndim or not number >= 0 or np.isinf(number):
        fail(name, value, "None, or a number that is zero or positive")
    return float(number)


def sizes(name, value):
    """Return the units of each layer as a tuple of at least two whole numbers."""
    listed = isinstance(value, (tuple, list)) and len(value) >= 2
    if not listed or any(isinstance(n, bool) or not isinstance(n, Integral) or n < 1 for n in value):
        fail(name, value, "a tuple of at least two whole numbers of at least 1")
    return tuple(int(n) for n in value)


def last_axis(name, value, d):
    """Raise unless value, an array or a tensor, has the shape (d,) or (..., d)."""
    shape = tuple(value.shape)
    if not shape or shape[-1] != d:
        fail(f"{name}.shape", shape, f"({d},) or (..., {d})")


def fraction(name, value):
    """Return a number that is at least 0 and below 1, as decay rates of averages are."""
    return _number(name, value, "a number that is at least 0 and below 1", lambda x: 0 <= x < 1)


def positive(name, value):
    """Return a number that is positive and finite."""
    return _number(name, value, "a number that is positive and finite", lambda x: 0 < x < np.inf)


def not_negative(name, value):
    """Return a number that is zero or positive, and finite."""
    return _number(name, value, "a number that is zero or positive, and finite", lambda x: 0 <= x < np.inf)


def _number(name, value, allowed, holds):
    number = as_floats(name, value, allowed)
    if number.ndim or not holds(number):
        fail(name, value, allowed)
    return float(number)  # NumPy's scalars are not for arithmetic here: a float64 would turn float32 into float64


def flag(name, value):
    """Return True or False; 0 and 1 are numbers, not answers."""
    if not isinstance(value, (bool, np.bool_)):
        fail(name, value, "True or False")
    return bool(value)


def whole(name, value):
    """Return a whole number that is zero or positive."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 0:
        fail(name, value, "a whole number that is zero or positive")
    return int(value)


HYPER_PARAMETERS = {
    "learning_rate": rate, "momentum": fraction, "rho": fraction, "beta_1": fraction, "beta_2": fraction,
    "epsilon": not_negative, "initial_accumulator_value": not_negative, "weight_decay": not_negative,
    "strength": not_negative, "limit": positive, "start": whole, "size": count,
    "rate_inside": flag, "epsilon_inside": flag, "epsilon_hat": flag, "bias_correction": flag, "centered": flag,
}


def hyper_parameters(rule):
    """Check each field of an update rule whose name is known here, and store it as a plain number."""
    for field in fields(rule):
        if field.name in HYPER_PARAMETERS:
            value = HYPER_PARAMETERS[field.name](field.name, getattr(rule, field.name))
            object.__setattr__(rule, field.name, value)


def rule(name, value, column, tensorflow=False):
    """Raise unless value is an update rule of one column: it has init and update, and TensorFlow's a flat form."""
    is_rule = all(hasattr(value, part) for part in ("init", "update", "learning_rate")) and not isinstance(value, type)
    if not is_rule or hasattr(value, "__tf_flatten__") != tensorflow:
        fail(name, value, f"a rule of {column}")


def one_axis(name, value):
    """Raise unless value, an array or a tensor, is a vector."""
    if len(value.shape) != 1:
        fail(f"{name}.ndim", len(value.shape), f"1 (its shape is {tuple(value.shape)})")


def one_of(name, value, options):
    """Return value if it is one of the options."""
    if not any(value is option or (isinstance(value, type(option)) and value == option) for option in options):
        fail(name, value, f"one of {', '.join(map(repr, options))}")
    return value


def strengths(name, value):
    """Return a strength, zero or positive, as a float or as nested tuples: equal values compare equal."""
    allowed = "zero or positive, and finite (a number or an array of numbers)"
    array = as_floats(name, value, allowed)
    if not (array.size and np.all(np.isfinite(array)) and np.all(array >= 0)):
        fail(name, value, allowed)
    return _tuples(array.tolist())


def _tuples(nested):
    return tuple(map(_tuples, nested)) if isinstance(nested, list) else nested


def entries(name, value):
    """Return value as a NumPy array of numbers of any kind; ragged lists, words and None fail."""
    try:
        array = np.asarray(value)
    except ValueError:  # ragged nested lists
        array = np.asarray(None)
    if array.dtype.kind not in "iuf":
        fail(name, value, "made of real numbers")
    return array


def trailing_axes(target, prediction):
    """Raise unless the shape of target is that of the last axes of prediction; an unknown length (None) fits any."""
    data, shape = tuple(target.shape), tuple(prediction.shape)
    last = shape[max(0, len(shape) - len(data)):]
    if len(last) != len(data) or any(a != b for a, b in zip(data, last) if None not in (a, b)):
        fail("target.shape", data, f"the trailing axes of prediction, whose shape is {shape} (leading axes count runs)")


def class_axes(target, prediction):
    """Raise unless target is integers (n,), or probabilities (n, k), for a prediction of logits (..., n, k)."""
    data, shape = tuple(target.shape), tuple(prediction.shape)
    kind = np.dtype(_dtype(target)).kind
    if len(data) not in (1, 2) or (len(data) == 1 and kind not in "iu"):
        fail("target", target, "class indices (integers of shape (n,)) or probabilities (of shape (n, k))")
    if len(data) == 2:
        return trailing_axes(target, prediction)
    if len(shape) < 2 or (shape[-2] != data[0] and None not in (shape[-2], data[0])):
        fail("target.shape", data, f"(n,) for logits of shape (..., n, k); the prediction has shape {shape}")


def class_indices(target, classes):
    """Raise unless all class indices lie from 0 to classes - 1."""
    if target.size == 0:
        fail("target.shape", target.shape, "non-empty")
    if target.min() < 0 or target.max() >= classes:
        fail("target", target, f"made of class indices from 0 to {classes - 1}")


def signs(target):
    """Raise unless every entry is -1 or 1."""
    if not np.all(np.abs(target) == 1):
        fail("target", target, "made of -1 and 1")


def fractions(target):
    """Raise unless every entry lies from 0 to 1."""
    if not np.all((target >= 0) & (target <= 1)):
        fail("target", target, "made of probabilities, from 0 to 1")


def distributions(target):
    """Raise unless every row is a probability distribution; its sum may be off by rounding (1e-5)."""
    fractions(target)
    off = np.abs(np.sum(target, axis=-1, dtype=np.float64) - 1)
    if np.any(off > 1e-5):
        fail("target", target, f"made of rows that sum to 1; one is off by {off.max():.4g}")


def rates(name, value):
    """Return a positive rate, or an array of them, as a float or as nested tuples: equal values compare equal."""
    allowed = "positive and finite (a number or an array of numbers)"
    array = as_floats(name, value, allowed)
    if not (array.size and np.all(np.isfinite(array)) and np.all(array > 0)):
        fail(name, value, allowed)
    return _tuples(array.tolist())


def share(name, value):
    """Return a number from 0 to 1, both included."""
    return _number(name, value, "a number from 0 to 1", lambda x: 0 <= x <= 1)


def inner_share(name, value):
    """Return a number between 0 and 1, neither included."""
    return _number(name, value, "a number above 0 and below 1", lambda x: 0 < x < 1)


def growth(name, value):
    """Return a finite factor of at least 1."""
    return _number(name, value, "a finite number of at least 1", lambda x: 1 <= x < np.inf)


def boundaries(name, value):
    """Return steps, at least one, zero or positive and strictly increasing, as a tuple."""
    allowed = "a list of steps, zero or positive, finite, each above the one before"
    array = as_floats(name, value, allowed)
    if array.ndim != 1 or not array.size or not np.all(np.isfinite(array)):
        fail(name, value, allowed)
    if array[0] < 0 or np.any(np.diff(array) <= 0):
        fail(name, value, allowed)
    return tuple(array.tolist())


def schedule(name, value):
    """Return a callable of the step; a class is none, and neither is a number."""
    if not callable(value) or isinstance(value, type):
        fail(name, value, "a schedule (a callable of the step)")
    return value


def step(value):
    """Return a step, or an array of steps, as an array of floats."""
    allowed = "zero or positive, and finite (a number or an array of numbers)"
    if hasattr(value, "graph"):  # a tensor inside a tf.function that is being traced
        fail("step", value, "a number or an array; inside a tf.function use labkit.tf.schedules")
    array = as_floats("step", value, allowed)
    if not (np.all(array >= 0) and np.all(np.isfinite(array))):
        fail("step", value, allowed)
    return array.astype(np.float64)
