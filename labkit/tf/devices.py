"""Which device a run uses: a GPU when TensorFlow sees one, else the CPU."""

import tensorflow as tf


def default():
    """Name of the device that runs use: '/GPU:0' or '/CPU:0'."""
    return "/GPU:0" if tf.config.list_logical_devices("GPU") else "/CPU:0"


def describe():
    """The devices that TensorFlow sees, in words, for a person to read (it differs between machines)."""
    found = [f"{len(tf.config.list_logical_devices(kind))} {kind}" for kind in ("GPU", "CPU")]
    return f"TensorFlow {tf.__version__} sees {' and '.join(found)}; runs use {default()}"
