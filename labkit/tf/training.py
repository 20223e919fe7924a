"""Runs in TensorFlow: the loop around an update rule, compiled as one program."""

from functools import lru_cache

import tensorflow as tf

from labkit import _checks
from labkit.reference.training import starts
from labkit.results import Trajectory

__all__ = ["Trajectory", "minimize"]


def minimize(problem, optimizer, theta0, *, steps, tolerance=None):
    r"""Follow an update rule on a problem; the gradient comes from automatic differentiation.

    The whole loop is one compiled program. Rates, start and tolerance are its inputs: changing them compiles
    nothing anew. It runs on a GPU where TensorFlow sees one.

    Parameters
    ----------
    problem : Problem
        Of ``labkit.problems``, or anything with ``value`` for tensors of shape (..., d), and ``start``.
    optimizer : update rule
        A value of ``labkit.tf.optimizers``.
    theta0 : array, shape (d,) or (..., d)
        The start, not changed; leading axes count runs. Integers become float64; float32 stays float32.
    steps : int
        Number of updates, at least 1.
    tolerance : float, optional
        Stop early once :math:`\lVert\nabla f\rVert` is at or below this in every run.

    Returns
    -------
    Trajectory
        Of NumPy arrays, with ``diverged_at`` set if the run left the finite numbers.

    Raises
    ------
    ValueError
        If an argument is out of range; it names the argument, its value and what is allowed.
    """
    steps = _checks.count("steps", steps)
    tolerance = _checks.tolerance("tolerance", tolerance)
    if not hasattr(optimizer, "__tf_flatten__"):
        _checks.fail("optimizer", optimizer, "a rule of labkit.tf.optimizers")
    theta = tf.constant(starts(problem, optimizer, theta0))
    stop_at = tf.constant(-1.0 if tolerance is None else tolerance, theta.dtype)  # no norm is below -1
    fixed, numbers = optimizer.__tf_flatten__()
    specs = tuple(tf.TensorSpec.from_tensor(x) for x in (stop_at, theta, *numbers))
    last, path, losses, norms = _compiled(problem, type(optimizer), fixed, specs, steps)(stop_at, theta, *numbers)
    made = slice(int(last) + 1)
    return Trajectory(theta=path.numpy()[made], loss=losses.numpy()[made], gradient_norm=norms.numpy()[made])


@lru_cache(maxsize=128)
def _compiled(problem, kind, fixed, specs, steps):
    """Compile the loop for one problem, one kind of rule, and inputs of these shapes and types."""

    @tf.function(jit_compile=True)
    def run(stop_at, theta, *numbers):
        optimizer = kind.__tf_unflatten__(fixed, numbers)
        loss, grad = value_and_gradient(problem.value, theta)
        norm = tf.norm(grad, axis=-1)
        path, losses, norms = (_record(steps + 1, x) for x in (theta, loss, norm))
        state, step = optimizer.init(theta), tf.constant(0)
        while step < steps and not tf.reduce_all(norm <= stop_at):
            theta, state = optimizer.update(grad, state, theta)
            loss, grad = value_and_gradient(problem.value, theta)
            norm = tf.norm(grad, axis=-1)
            step += 1
            path, losses, norms = path.write(step, theta), losses.write(step, loss), norms.write(step, norm)
        return step, path.stack(), losses.stack(), norms.stack()

    return run.get_concrete_function(*specs)  # traced here, so TensorFlow has no call to count as retracing


def _record(length, first):
    """An array of tensors that grows along the steps."""
    return tf.TensorArray(first.dtype, length, element_shape=first.shape, clear_after_read=False).write(0, first)


def value_and_gradient(value, theta):
    """Return value(theta) and its gradient; runs along leading axes keep to themselves."""
    with tf.GradientTape() as tape:
        tape.watch(theta)
        loss = value(theta)
    return loss, tape.gradient(loss, theta)
