"""Data for the experiments, and mini-batches. Real data come with scikit-learn, so nothing is downloaded."""

from typing import NamedTuple

import numpy as np

from labkit import _checks


class Regression(NamedTuple):
    """Samples X of shape (n, d), targets y of shape (n,), and names of the d columns."""

    X: np.ndarray
    y: np.ndarray
    names: tuple


class Digits(NamedTuple):
    """Images of digits, one a row, and their classes: X and y for training, X_test and y_test for testing."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


class SyntheticRegression(NamedTuple):
    """Samples X and targets y of a regression that was made up, and the weights it was made with."""

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray


def diabetes():
    """Diabetes progression of 442 patients from ten measurements, in their own units.

    Returns
    -------
    Regression
        X of shape (442, 10), y of shape (442,) (a score from 25 to 346), and the ten column names.

    References
    ----------
    B. Efron, T. Hastie, I. Johnstone, R. Tibshirani (2004), Least angle regression, Annals of Statistics 32(2).
    """
    from sklearn.datasets import load_diabetes

    loaded = load_diabetes(scaled=False)
    return Regression(loaded.data, loaded.target, tuple(loaded.feature_names))


def digits(*, test=0.25, seed=0):
    """Handwritten digits: 1,797 images of 8 x 8 pixels, drawn by 13 people.

    Parameters
    ----------
    test : float, default 0.25
        The share of the images that is held back for testing, above 0 and below 1, rounded to a whole number.
    seed : int, default 0
        Draws which images these are.

    Returns
    -------
    Digits
        X of shape (n, 64), a row holds an image row by row, each pixel from 0 (white) to 1 (black); y of shape (n,),
        the digits from 0 to 9; the same for testing. By default n is 1,348, with 449 images for testing.

    Raises
    ------
    ValueError
        If ``test`` leaves no image for training or for testing, or ``seed`` is not a whole number of at least 0.

    References
    ----------
    E. Alpaydin, C. Kaynak (1998), Optical recognition of handwritten digits, UCI Machine Learning Repository. This
    is its test set, as in scikit-learn.
    """
    from sklearn.datasets import load_digits

    loaded = load_digits()
    n = len(loaded.target)
    held_back = round(_checks.positive("test", test) * n)
    if not 0 < held_back < n:
        _checks.fail("test", test, f"a share that leaves some of the {n} images on either side")
    X, order = loaded.data / 16, np.random.default_rng(_checks.whole("seed", seed)).permutation(n)
    train, held = order[held_back:], order[:held_back]
    return Digits(X[train], loaded.target[train], X[held], loaded.target[held])


def synthetic_regression(n, d, *, noise=0.5, seed=0):
    r"""Made-up linear regression, :math:`y = X w + \sigma \varepsilon`.

    Parameters
    ----------
    n, d : int
        Samples and features.
    noise : float, default 0.5
        The standard deviation :math:`\sigma` of the noise, zero or positive.
    seed : int, default 0
        Entries of X, then of w, then of :math:`\varepsilon` are drawn, in this order, from the standard normal
        distribution with ``numpy.random.default_rng(seed)``.

    Returns
    -------
    SyntheticRegression
        X of shape (n, d), y of shape (n,), and the weights w of shape (d,).

    Raises
    ------
    ValueError
        If n or d is not a whole number of at least 1, the noise is negative, or the seed not a whole number.
    """
    n, d = _checks.count("n", n), _checks.count("d", d)
    noise, rng = _checks.not_negative("noise", noise), np.random.default_rng(_checks.whole("seed", seed))
    X, weights = rng.normal(size=(n, d)), rng.normal(size=d)
    return SyntheticRegression(X, X @ weights + noise * rng.normal(size=n), weights)


def minibatches(n, batch_size, epochs, seed=0):
    """Return the mini-batches of every epoch, as indices of samples.

    Each epoch puts the samples in a new random order and cuts it, so it visits every sample once. The last batch of
    an epoch is shorter where ``batch_size`` does not divide n. Where it is n or more, the only batch of each epoch is
    all samples in their own order: what is summed over all of them needs no shuffling.

    Parameters
    ----------
    n, batch_size, epochs : int
        Samples, samples in a batch, and epochs, each at least 1.
    seed : int, default 0
        The orders are those of ``numpy.random.default_rng(seed).permutation(n)``, called once an epoch.

    Returns
    -------
    iterator
        One item an epoch: the list of its batches, each an integer array.

    Raises
    ------
    ValueError
        If an argument is not a whole number in its range.

    Examples
    --------
    >>> for batches in minibatches(5, 2, epochs=2, seed=0):
    ...     print([batch.tolist() for batch in batches])
    [[2, 4], [3, 0], [1]]
    [[4, 1], [2, 0], [3]]
    """
    n, batch_size, epochs = (_checks.count(*pair) for pair in
                             (("n", n), ("batch_size", batch_size), ("epochs", epochs)))
    orders = _orders(n, batch_size, epochs, _checks.whole("seed", seed))
    return ([order[first:first + batch_size] for first in range(0, n, batch_size)] for order in orders)


def _orders(n, batch_size, epochs, seed):
    """The order in which each epoch visits the samples, one epoch after another."""
    rng = np.random.default_rng(seed)
    return (rng.permutation(n) if batch_size < n else np.arange(n) for _ in range(epochs))


def standardize(X):
    """Return X with every column shifted to mean 0 and scaled to standard deviation 1; X has shape (n, d)."""
    X = _checks.finite("X", X, ndim=2)
    spread = X.std(axis=0)
    if np.any(spread == 0):
        _checks.fail("X", X, f"free of constant columns; column {int(np.argmin(spread))} is constant")
    return (X - X.mean(axis=0)) / spread


def with_intercept(X):
    """Return X with a column of ones in front, so that the first parameter is the intercept."""
    X = _checks.finite("X", X, ndim=2)
    return np.column_stack([np.ones(len(X)), X])
