"""Runs in TensorFlow: the loops around an update rule, each compiled as one program."""

from functools import lru_cache

import numpy as np
import tensorflow as tf

from labkit import _checks, _runs, data
from labkit._runs import RATES
from labkit.results import History, RateRange, RateSweep, Trajectory
from labkit.tf._quiet import call
from labkit.tf.models import Model

__all__ = ["RATES", "History", "RateRange", "RateSweep", "Trajectory", "fit", "minimize", "range_test", "tune"]


def minimize(problem, optimizer, theta0, *, steps, tolerance=None, progress=False):
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
    progress : bool, default False
        Show a bar on stderr (a widget in a notebook) that counts the steps. The program then holds a hundredth of the
        steps and is called again and again; no number changes.

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
    progress = _checks.flag("progress", progress)
    _checks.rule("optimizer", optimizer, "labkit.tf.optimizers", tensorflow=True)
    theta = tf.constant(_runs.starts(len(problem.start), _rate_axes(optimizer), theta0))
    stop_at = tf.constant(-1.0 if tolerance is None else tolerance, theta.dtype)  # no norm is below -1
    fixed, numbers = optimizer.__tf_flatten__()
    state, chunk = optimizer.init(theta), _chunk(steps, progress)
    specs = _specs((tf.constant(0), stop_at, theta, state, numbers))
    program = _compiled(problem, type(optimizer), fixed, specs, chunk)
    pieces = []
    with _runs.progress_bar(steps, "step", progress) as bar:
        for start in range(0, steps, chunk):
            todo = min(chunk, steps - start)
            made, theta, state, *records = call(program, tf.constant(todo), stop_at, theta, state, numbers)
            made = int(made)
            # A piece begins where the one before ended; that entry is in the record already.
            pieces.append([record.numpy()[1 if start else 0:made + 1] for record in records])
            bar.update(made)
            if made < todo:
                break
    path, losses, norms = pieces[0] if len(pieces) == 1 else map(np.concatenate, zip(*pieces))
    return Trajectory(theta=path, loss=losses, gradient_norm=norms)


@lru_cache(maxsize=128)
def _compiled(problem, kind, fixed, specs, steps):
    """Compile the loop for one problem, one kind of rule, and inputs of these shapes and types."""

    @tf.function(jit_compile=True)
    def run(todo, stop_at, theta, state, numbers):
        optimizer = kind.__tf_unflatten__(fixed, numbers)
        loss, grad = value_and_gradient(problem.value, theta)
        norm = tf.norm(grad, axis=-1)
        path, losses, norms = (_record(steps + 1, x) for x in (theta, loss, norm))
        step = tf.constant(0)
        while step < todo and not tf.reduce_all(norm <= stop_at):
            theta, state = optimizer.update(grad, state, theta)
            loss, grad = value_and_gradient(problem.value, theta)
            norm = tf.norm(grad, axis=-1)
            step += 1
            path, losses, norms = path.write(step, theta), losses.write(step, loss), norms.write(step, norm)
        return step, theta, state, path.stack(), losses.stack(), norms.stack()

    return run.get_concrete_function(*specs)  # traced here, so TensorFlow has no call to count as retracing


def fit(model, optimizer, X, y, *, epochs, batch_size=32, seed=0, theta0=None, progress=False):
    r"""Fit a model to data, one mini-batch at a time.

    .. math:: \theta_{t+1} = \mathrm{update}\big(\nabla f_{B_t}(\theta_t),\, \theta_t\big)

    Here :math:`f_{B_t}` is the loss on the mini-batch :math:`B_t`. Each epoch puts the samples in a new random order
    and cuts it into batches, so it visits every sample once. The last batch is shorter where ``batch_size`` does not
    divide n, the number of samples, and its mean is over its own samples.

    All epochs are one compiled program. Rates, data, start and the order of the samples are its inputs: only a new
    shape compiles anew. It runs on a GPU where TensorFlow sees one.

    Parameters
    ----------
    model : model
        A value of ``labkit.tf.models``.
    optimizer : update rule
        A value of ``labkit.tf.optimizers``. A schedule counts mini-batches, from 0, not epochs. Rates with axes
        are several runs at once, all on the same batches.
    X : array, shape (n, d_in)
        One sample a row.
    y : array, shape (n,) or (n, outputs)
        Targets: real numbers, or classes from 0.
    epochs : int
        How often every sample is visited, at least 1.
    batch_size : int, default 32
        Samples in a mini-batch. With n or more each step is on all samples, in their own order.
    seed : int, default 0
        Draws the orders, as ``labkit.data.minibatches`` does, and, where ``theta0`` is None, the start.
    theta0 : array, shape (d,) or (..., d), optional
        The start, not changed; leading axes count runs. Default: ``model.init(seed)`` in the type of X. The run is in
        the type of ``theta0``, float64 for integers.
    progress : bool, default False
        Show a bar on stderr (a widget in a notebook) that counts the epochs. The program then holds a hundredth of
        the epochs and is called again and again; no number changes.

    Returns
    -------
    History
        Of NumPy arrays, with ``diverged_at`` set if the run left the finite numbers. A run that diverges raises and
        warns nothing.

    Raises
    ------
    ValueError
        If an argument is out of range, or X, y or ``theta0`` is empty, not finite, or does not fit the model; it names
        the argument, its value and what is allowed.

    Notes
    -----
    As ``keras.Model.fit(X, y, batch_size, epochs)``, which shuffles with a generator of its own, also when a batch
    holds all samples. Keras records the mean of the losses on the batches *during* an epoch; here it is the loss on all
    samples *after* it.
    """
    _runs.check_model(model, Model)
    _checks.rule("optimizer", optimizer, "labkit.tf.optimizers", tensorflow=True)
    epochs, batch_size = _checks.count("epochs", epochs), _checks.count("batch_size", batch_size)
    progress = _checks.flag("progress", progress)
    theta = tf.constant(_runs.model_starts(model, _rate_axes(optimizer), X, seed, theta0))
    X, target = map(tf.constant, model.data(X, y, theta.dtype.as_numpy_dtype))
    orders = _orders(len(X), batch_size, epochs, seed)
    fixed, numbers = optimizer.__tf_flatten__()
    state, chunk = optimizer.init(theta), _chunk(epochs, progress)
    pieces = []
    with _runs.progress_bar(epochs, "epoch", progress) as bar:
        for start in range(0, epochs, chunk):
            todo = min(chunk, epochs - start)
            order = np.resize(orders[start:start + todo], (chunk, orders.shape[1]))  # the last piece may be shorter
            inputs = (tf.constant(todo), tf.constant(order), X, target, theta, state, numbers)
            program = _compiled_fit(model, type(optimizer), fixed, _specs(inputs), batch_size)
            losses, theta, state = call(program, *inputs)
            pieces.append(losses.numpy()[1 if start else 0:todo + 1])  # where a piece begins, the one before ended
            bar.update(todo)
    return History(theta=theta.numpy(), loss=np.concatenate(pieces))


@lru_cache(maxsize=128)
def _compiled_fit(model, kind, fixed, specs, batch_size):
    """Compile the loops over epochs and mini-batches for one model, one kind of rule, and inputs of these shapes.

    All shapes must be known, so a short batch at the end of an epoch stands behind the loop over the full ones.
    """

    epochs, n = specs[1].shape
    batch_size = min(batch_size, n)
    rest = n % batch_size

    @tf.function(jit_compile=True)
    def run(todo, orders, X, target, theta, state, numbers):
        optimizer = kind.__tf_unflatten__(fixed, numbers)

        def step(theta, state, X, target):
            return optimizer.update(model._gradient(theta, X, target), state, theta)

        losses = _record(epochs + 1, model._loss(theta, X, target))
        epoch = tf.constant(0)
        while epoch < todo:
            # One gather an epoch and slices of its result take half the time of one gather a batch.
            shuffled = tf.gather(X, orders[epoch]), tf.gather(target, orders[epoch])
            for batch in tf.range(n // batch_size):
                theta, state = step(theta, state, *(_rows(x, batch * batch_size, batch_size) for x in shuffled))
            if rest:
                theta, state = step(theta, state, *(x[-rest:] for x in shuffled))
            epoch += 1
            losses = losses.write(epoch, model._loss(theta, X, target))
        return losses.stack(), theta, state

    return run.get_concrete_function(*specs)


def tune(model, rule, X, y, *, epochs, batch_size=32, rates=RATES, seeds=range(5)):
    r"""Fit a model with each of several learning rates and several seeds, and say which rate came lowest.

    .. math:: \alpha^* = \arg\min_{\alpha} \frac1S \sum_{s} f(\theta^{(\alpha, s)})

    Here :math:`\theta^{(\alpha, s)}` is where the fit with the rate :math:`\alpha` and the seed s ends, and S is the
    number of seeds. A seed draws the start and the order of the samples, the same for every rate. A rate that
    diverged with one seed cannot be the best one. All rates run at once, in one program that is
    compiled for the first seed only.

    Parameters
    ----------
    model : model
        A value of ``labkit.tf.models``.
    rule : callable
        Makes an update rule from an array of learning rates, such as ``lambda rate: Adam(learning_rate=rate)``.
    X, y : array
        The data, as for ``fit``.
    epochs, batch_size : int
        As for ``fit``.
    rates : array, shape (k,)
        The grid. Default: 16 rates from 1e-4 to 10, three to a factor of ten.
    seeds : iterable of int, default 0 to 4
        A fresh choice of seeds should show how good the best rate is: on these it looks a little better than it is.

    Returns
    -------
    RateSweep

    Raises
    ------
    ValueError
        If an argument is out of range; it names the argument, its value and what is allowed.
    """

    def last_loss(optimizer, seed):
        return fit(model, optimizer, X, y, epochs=epochs, batch_size=batch_size, seed=seed).loss[-1]

    return _runs.tune(last_loss, rule, rates, seeds)


def range_test(objective, optimizer, X=None, y=None, *, low=1e-6, high=10.0, steps=100, batch_size=32, seed=0,
               theta0=None, smoothing=0.0):
    r"""Let the learning rate grow from step to step, and see where the loss turns.

    .. math:: \alpha_t = \alpha_0 \left(\frac{\alpha_{T-1}}{\alpha_0}\right)^{t/(T-1)}, \qquad
              s_t = \frac{(1 - \beta) \sum_{i \le t} \beta^{t-i} f_i}{1 - \beta^{t+1}}

    Here :math:`\alpha_0` is ``low``, :math:`\alpha_{T-1}` is ``high``, T is ``steps``; :math:`f_i` is the loss before
    step i, :math:`\beta` is ``smoothing`` and :math:`s_t` the smoothed loss. On a quadratic with one curvature L
    gradient descent turns at the first rate above :math:`2/L`. With several curvatures, L the largest, the steepest
    direction has almost vanished by then and has to grow again first, so the turn comes later, the more so the more
    steps there are. The noise of mini-batches keeps it alive.

    Parameters
    ----------
    objective : Problem or model
        Of ``labkit.problems`` (then without X and y), or of ``labkit.tf.models``.
    optimizer : update rule
        A value of ``labkit.tf.optimizers``; its own rate is not used.
    X, y : array
        The data of a model, as for ``fit``.
    low, high : float, default 1e-6 and 10.0
        The first and the last rate, positive.
    steps : int, default 100
        Number of rates, at least 2.
    batch_size, seed : int, default 32 and 0
        For a model: mini-batches as in ``fit``, without the short ones.
    theta0 : array, shape (d,), optional
        The start. Default: the problem's ``start``, or ``model.init(seed)``.
    smoothing : float, default 0.0
        From 0 up to, not including, 1: how much of the running mean is the past. Small batches need it: 0.9 averages
        about ten steps, and finds the turn that much later.

    Returns
    -------
    RateRange

    Raises
    ------
    ValueError
        If an argument is out of range; it names the argument, its value and what is allowed.

    References
    ----------
    L. N. Smith (2017), Cyclical learning rates for training neural networks, WACV, Section 3.3 (there the rate grows
    by a constant amount, not by a constant factor).
    """
    _checks.rule("optimizer", optimizer, "labkit.tf.optimizers", tensorflow=True)
    rates, smoothing = _runs.growing_rates(low, high, steps), _checks.fraction("smoothing", smoothing)
    if isinstance(objective, Model):
        theta = _runs.model_starts(objective, (), X, seed, theta0)
        X, target = map(tf.constant, objective.data(X, y, theta.dtype))
        batches = _runs.full_batches(len(X), batch_size, steps, seed).astype(np.int32)
        inputs = (tf.constant(batches), X, target)
    else:
        _runs.check_problem(objective, X, y)
        theta = _runs.starts(len(objective.start), (), objective.start if theta0 is None else theta0)
        inputs = ()
    _checks.one_axis("theta0", theta)
    fixed, numbers = optimizer.__tf_flatten__()
    inputs = (tf.constant(theta), tf.constant(rates), numbers, inputs)
    losses = call(_compiled_range(objective, type(optimizer), fixed, _specs(inputs)), *inputs).numpy()
    return RateRange(learning_rate=rates, loss=losses, smoothed=_runs.smoothed(losses, smoothing))


@lru_cache(maxsize=128)
def _compiled_range(objective, kind, fixed, specs):
    """Compile the range test of one objective and one kind of rule, for inputs of these shapes."""
    steps = specs[1].shape[0]

    @tf.function(jit_compile=True)
    def run(theta, rates, numbers, batches):
        optimizer = _runs.with_schedule(kind.__tf_unflatten__(fixed, numbers), lambda step: tf.gather(rates, step))
        losses = tf.TensorArray(theta.dtype, steps, element_shape=())
        state = optimizer.init(theta)
        for step in tf.range(steps):
            value = _value_at(objective, batches, step)
            loss, grad = value_and_gradient(value, theta)
            losses = losses.write(step, loss)
            theta, state = optimizer.update(grad, state, theta)
        return losses.stack()

    return run.get_concrete_function(*specs)


def _value_at(objective, batches, step):
    """The function to be minimised at a step: a problem, or a model on the mini-batch of the step."""
    if not batches:
        return objective.value
    order, X, target = batches
    chosen = tf.gather(order, step)
    return lambda theta: objective._loss(theta, tf.gather(X, chosen), tf.gather(target, chosen))


def _rate_axes(optimizer):
    return _runs.rate_axes(optimizer, tf.constant(0, tf.int64))


def _chunk(length, progress):
    """How many steps or epochs one call of a program makes: all, or a hundredth where progress is to be seen."""
    return -(-length // 100) if progress else length


def _orders(n, batch_size, epochs, seed):
    """The order of the samples in each epoch, shape (epochs, n)."""
    return np.array(list(data._orders(n, batch_size, epochs, seed)), np.int32)


def _specs(inputs):
    """The shapes and types of tensors, which say whether a program that was compiled fits them."""
    return tf.nest.map_structure(tf.TensorSpec.from_tensor, inputs)


def _rows(x, start, length):
    """As many rows of a tensor, from a start that only the running program knows."""
    return tf.slice(x, [start] + [0] * (x.shape.rank - 1), [length, *x.shape[1:]])


def _record(length, first):
    """An array of tensors that grows along the steps."""
    return tf.TensorArray(first.dtype, length, element_shape=first.shape, clear_after_read=False).write(0, first)


def value_and_gradient(value, theta):
    """Return value(theta) and its gradient; runs along leading axes keep to themselves."""
    with tf.GradientTape() as tape:
        tape.watch(theta)
        loss = value(theta)
    return loss, tape.gradient(loss, theta)
