"""Exercises with instant checks, one module for each chapter that has some.

    from labkit.exercises import adam

    adam.q2.check(my_step)   # says "Not attempted", "Not yet" and why, or "Correct"
    adam.q2.hint()           # up to three, each says more than the one before
    adam.q2.solution()

An answer is passed as an argument: nothing is read from the notebook, and nothing leaves the machine.
"""

from importlib import import_module

__all__ = ["adam", "decay", "gradient_descent", "losses", "rmsprop", "sgd", "tuning"]


def __getattr__(name):
    if name in __all__:
        return import_module(f"labkit.exercises.{name}")
    raise AttributeError(f"module 'labkit.exercises' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__():
    return sorted(__all__)
