"""Data for the experiments: real data that ships with scikit-learn, so nothing is downloaded."""

from typing import NamedTuple

import numpy as np

from labkit import _checks


class Regression(NamedTuple):
    """Samples and targets of a regression."""

    X: np.ndarray
    y: np.ndarray
    names: tuple


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
