"""The NumPy column: short reference code, one array at a time, to be read beside the formulas."""

from labkit.reference import optimizers, training

__all__ = ["optimizers", "training"]
