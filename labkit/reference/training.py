"""Runs in NumPy: the loops around an update rule."""

import numpy as np

from labkit import _checks, _runs, data
from labkit._runs import RATES
from labkit.reference.models import Model
from labkit.results import History, RateRange, RateSweep, Trajectory

__all__ = ["RATES", "History", "RateRange", "RateSweep", "Trajectory", "fit", "minimize", "range_test", "tune"]


def minimize(problem, optimizer, theta0, *, steps, tolerance=None, progress=False):
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
    progress : bool, default False
        Show a bar on stderr (a widget in a notebook) that counts the steps. It changes no number.

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
    progress = _checks.flag("progress", progress)
    _checks.rule("optimizer", optimizer, "labkit.reference.optimizers")
    theta = _runs.starts(len(problem.start), _runs.rate_axes(optimizer, 0), theta0)
    path, losses, norms = [], [], []
    state = optimizer.init(theta)
    with np.errstate(all="ignore"), _runs.progress_bar(steps, "step", progress) as bar:  # divergence is a result here
        for step in range(steps + 1):
            grad = problem.gradient(theta)
            path.append(theta)
            losses.append(problem.value(theta))
            norms.append(np.linalg.norm(grad, axis=-1))
            if step == steps or (tolerance is not None and np.all(norms[-1] <= tolerance)):
                break
            theta, state = optimizer.update(grad, state, theta)
            bar.update()
    return Trajectory(theta=np.array(path), loss=np.array(losses), gradient_norm=np.array(norms))


def fit(model, optimizer, X, y, *, epochs, batch_size=32, seed=0, theta0=None, progress=False):
    r"""Fit a model to data, one mini-batch at a time.

    .. math:: \theta_{t+1} = \mathrm{update}\big(\nabla f_{B_t}(\theta_t),\, \theta_t\big)

    Here :math:`f_{B_t}` is the loss on the mini-batch :math:`B_t`. Each epoch puts the samples in a new random order
    and cuts it into batches, so it visits every sample once. The last batch is shorter where ``batch_size`` does not
    divide n, the number of samples, and its mean is over its own samples.

    Parameters
    ----------
    model : model
        A value of ``labkit.reference.models``.
    optimizer : update rule
        A value of ``labkit.reference.optimizers``. A schedule counts mini-batches, from 0, not epochs. Rates with axes
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
        Show a bar on stderr (a widget in a notebook) that counts the epochs. It changes no number.

    Returns
    -------
    History
        With ``diverged_at`` set if the run left the finite numbers. A run that diverges raises and warns nothing.

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
    epochs = _checks.count("epochs", epochs)
    theta, losses = _fitted(model, optimizer, X, y, epochs, batch_size, seed, theta0, progress, range(epochs + 1))
    return History(theta=theta, loss=losses)


def _fitted(model, optimizer, X, y, epochs, batch_size, seed, theta0, progress, looks):
    """Return theta after the last epoch, and the loss on all samples after each of the epochs in ``looks``."""
    _runs.check_model(model, Model)
    _checks.rule("optimizer", optimizer, "labkit.reference.optimizers")
    batch_size, progress = _checks.count("batch_size", batch_size), _checks.flag("progress", progress)
    theta = _runs.model_starts(model, _runs.rate_axes(optimizer, 0), X, seed, theta0)
    X, target = model.data(X, y, theta.dtype)
    state = optimizer.init(theta)
    with np.errstate(all="ignore"), _runs.progress_bar(epochs, "epoch", progress) as bar:
        losses = [model._loss(theta, X, target)] if 0 in looks else []
        for epoch, batches in enumerate(data.minibatches(len(X), batch_size, epochs, seed), start=1):
            for batch in batches:
                grad = model._gradient(theta, X[batch], target[batch])
                theta, state = optimizer.update(grad, state, theta)
            if epoch in looks:
                losses.append(model._loss(theta, X, target))
            bar.update()
    return theta, np.array(losses)


def tune(model, rule, X, y, *, epochs, batch_size=32, rates=RATES, seeds=range(5)):
    r"""Fit a model with each of several learning rates and several seeds, and say which rate came lowest.

    .. math:: \alpha^* = \arg\min_{\alpha} \frac1S \sum_{s} f(\theta^{(\alpha, s)})

    Here :math:`\theta^{(\alpha, s)}` is where the fit with the rate :math:`\alpha` and the seed s ends, and S is the
    number of seeds. A seed draws the start and the order of the samples, the same for every rate. A rate that
    diverged with one seed cannot be the best one.

    Parameters
    ----------
    model : model
        A value of ``labkit.reference.models``.
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
    epochs = _checks.count("epochs", epochs)

    def last_loss(optimizer, seed):
        return _fitted(model, optimizer, X, y, epochs, batch_size, seed, None, False, looks=[epochs])[1][-1]

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
        Of ``labkit.problems`` (then without X and y), or of ``labkit.reference.models``.
    optimizer : update rule
        A value of ``labkit.reference.optimizers``; its own rate is not used.
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
    _checks.rule("optimizer", optimizer, "labkit.reference.optimizers")
    rates, smoothing = _runs.growing_rates(low, high, steps), _checks.fraction("smoothing", smoothing)
    if isinstance(objective, Model):
        theta = _runs.model_starts(objective, (), X, seed, theta0)
        X, target = objective.data(X, y, theta.dtype)
        batches = ((X[batch], target[batch]) for batch in _runs.full_batches(len(X), batch_size, steps, seed))
        value, gradient = objective._loss, objective._gradient
    else:
        _runs.check_problem(objective, X, y)
        theta = _runs.starts(len(objective.start), (), objective.start if theta0 is None else theta0)
        batches, value, gradient = [()] * steps, objective.value, objective.gradient
    optimizer = _runs.with_schedule(optimizer, lambda step: rates[step])
    _checks.one_axis("theta0", theta)
    state, losses = optimizer.init(theta), []
    with np.errstate(all="ignore"):
        for batch in batches:
            losses.append(value(theta, *batch))
            theta, state = optimizer.update(gradient(theta, *batch), state, theta)
    return RateRange(learning_rate=rates, loss=np.array(losses), smoothed=_runs.smoothed(np.array(losses), smoothing))
