"""The two columns under one face, so that one test covers both."""

import numpy as np

import labkit.reference
import labkit.tf


class NumpyColumn:
    optimizers, training = labkit.reference.optimizers, labkit.reference.training

    @staticmethod
    def array(values, dtype=None):
        return np.asarray(values, dtype)


class TensorflowColumn:
    optimizers, training = labkit.tf.optimizers, labkit.tf.training

    @staticmethod
    def array(values, dtype=None):
        import tensorflow as tf

        return tf.constant(np.asarray(values, dtype))


COLUMNS = {"numpy": NumpyColumn, "tensorflow": TensorflowColumn}
