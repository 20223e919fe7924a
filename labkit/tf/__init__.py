"""The TensorFlow column: the same names as ``labkit.reference``, on tensors, compiled."""

from labkit.tf._quiet import import_tensorflow

import_tensorflow()

from labkit.tf import devices, losses, models, optimizers, schedules, training  # noqa: E402
from labkit.tf.keras_adapter import as_keras  # noqa: E402

__all__ = ["as_keras", "devices", "losses", "models", "optimizers", "schedules", "training"]
