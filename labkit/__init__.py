"""Optimizers of deep learning, written twice: NumPy to read, TensorFlow to run.

``labkit.reference`` holds the NumPy column, ``labkit.tf`` the TensorFlow column; both have the same public
names. Submodules load when they are first touched, so ``import labkit`` costs what ``import numpy`` costs and
loads neither TensorFlow nor matplotlib.
"""

from importlib import import_module

__version__ = "0.1.0"

_SUBMODULES = frozenset({"data", "exercises", "plotting", "problems", "reference", "tf"})

__all__ = ["__version__", "data", "exercises", "plotting", "problems", "reference", "tf"]


def __getattr__(name):
    if name in _SUBMODULES:
        return import_module(f"labkit.{name}")
    raise AttributeError(f"module 'labkit' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__():
    return sorted(__all__)
