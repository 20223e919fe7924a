"""The NumPy column: short reference code, one array at a time, to be read beside the formulas."""

from labkit.reference import losses, models, optimizers, schedules, second_order, training

__all__ = ["losses", "models", "optimizers", "schedules", "second_order", "training"]
