"""The TensorFlow column: the same names as ``labkit.reference``, on tensors, compiled."""

from labkit.tf._quiet import import_tensorflow

import_tensorflow()

from labkit.tf import devices, optimizers, training  # noqa: E402

__all__ = ["devices", "optimizers", "training"]
