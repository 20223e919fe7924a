r"""Models in TensorFlow, with the names and the parameters of ``labkit.reference.models``; gradients by autodiff.

The parameters of a model are one vector ``theta`` here too, a tensor or an array of shape (..., d) whose leading axes
count runs, so a run in one column continues in the other. The methods return tensors. They work inside
``tf.function`` and under ``tf.GradientTape`` too; there theta may be any tensor, while X and y must be known.

Every model has ``init``, ``unpack``, ``predict``, ``loss`` and ``gradient``, classifiers also ``accuracy``.
"""

from dataclasses import KW_ONLY, dataclass

import numpy as np
import tensorflow as tf

from labkit import _checks, _models
from labkit.tf import losses


class Model(_models.Model):
    """Base of the models of this column."""

    def _as_theta(self, theta):
        if not tf.is_tensor(theta):
            theta = tf.constant(_checks.as_floats("theta", theta))
        if not theta.dtype.is_floating:
            _checks.fail("theta", theta, "made of real numbers")
        _checks.last_axis("theta", theta, self.size)
        return tf.convert_to_tensor(theta)

    def _split(self, theta):
        shapes = [shape for layer in self._shapes for shape in layer]
        # The gradient of a split is a concatenation; that of slices would be a sum of vectors padded with zeros.
        parts = tf.split(theta, [int(np.prod(shape)) for shape in shapes], axis=-1)
        runs = tuple(-1 if length is None else length for length in theta.shape[:-1])
        parts = [tf.reshape(part, runs + shape) for part, shape in zip(parts, shapes)]
        return list(zip(parts[::2], parts[1::2]))

    def _loss(self, theta, X, target):
        return self.loss_function.value(self._predict(theta, X), target)

    def _gradient(self, theta, X, target):
        with tf.GradientTape() as tape:
            tape.watch(theta)
            loss = self._loss(theta, X, target)
        return tape.gradient(loss, theta)


@dataclass(frozen=True)
class LinearRegression(_models.LinearModel, Model):
    r"""Linear regression: a weighted sum of the features.

    .. math:: \hat y_i = x_i^\top w + b

    Here :math:`x_i` is row i of X, w the weights, b the bias. theta is w followed by b.

    Parameters
    ----------
    features : int
        Columns of X.
    loss_function : loss, default MeanSquaredError()
        MeanSquaredError, MeanAbsoluteError, Huber, or Hinge (a linear classifier; targets -1 and +1), of
        ``labkit.tf.losses``.

    Raises
    ------
    ValueError
        If ``features`` is not a whole number of at least 1 or the loss function is none of these. From the methods, if
        X is not a finite (n, features), y not a finite (n,), or theta not (..., features + 1).

    Notes
    -----
    The model of ``keras.layers.Dense(1)`` and ``torch.nn.Linear(features, 1)``, without their last axis of length 1.
    Theirs start at random; this one starts at zero, since its loss is convex.
    """

    features: int
    _: KW_ONLY
    loss_function: object = losses.MeanSquaredError()

    def __post_init__(self):
        _checks.count("features", self.features)
        self._check_loss(losses, (*_models.REAL_LOSSES, "Hinge"))

    def _predict(self, theta, X):
        [(weights, bias)] = self._split(theta)
        return tf.tensordot(weights, X, axes=[[-1], [1]]) + bias[..., tf.newaxis]


@dataclass(frozen=True)
class LogisticRegression(_models.LogisticModel, LinearRegression):
    r"""Logistic regression: linear regression on the logarithm of the odds of class 1.

    .. math:: z_i = x_i^\top w + b, \qquad P(y_i = 1) = \frac{1}{1 + e^{-z_i}}

    Here :math:`x_i` is row i of X, w the weights, b the bias, :math:`z_i` the logit. theta is w followed by b.
    ``predict`` returns logits.

    Parameters
    ----------
    features : int
        Columns of X.
    loss_function : loss, default BinaryCrossentropy()
        A BinaryCrossentropy of ``labkit.tf.losses``.

    Raises
    ------
    ValueError
        As LinearRegression; y holds the classes, whole numbers 0 and 1, of shape (n,).

    Notes
    -----
    The same as ``keras.layers.Dense(1)`` with ``keras.losses.BinaryCrossentropy(from_logits=True)`` or
    ``torch.nn.BCEWithLogitsLoss``, without their last axis of length 1. It starts at zero.

    References
    ----------
    D. R. Cox (1958), The regression analysis of binary sequences, J. R. Stat. Soc. B 20(2), 215-242.
    """

    _: KW_ONLY
    loss_function: object = losses.BinaryCrossentropy()

    def __post_init__(self):
        _checks.count("features", self.features)
        self._check_loss(losses, ("BinaryCrossentropy",))

    def accuracy(self, theta, X, y):
        """Return the share of samples whose class is the one that the logit's sign says, of shape (...)."""
        theta = self._as_theta(theta)
        X, y = self.data(X, y, theta.dtype.as_numpy_dtype)
        return tf.reduce_mean(tf.cast((self._predict(theta, X) > 0) == (y > 0), theta.dtype), axis=-1)


@dataclass(frozen=True)
class SoftmaxRegression(_models.SoftmaxModel, Model):
    r"""Softmax regression: logistic regression for several classes.

    .. math:: z_i = x_i^\top W + b, \qquad P(y_i = k) = \frac{e^{z_{ik}}}{\sum_j e^{z_{ij}}}

    Here :math:`x_i` is row i of X, W the weights, b the biases, :math:`z_i` the logits; j and k count classes. theta is
    W, row by row, followed by b. ``predict`` returns logits.

    Parameters
    ----------
    features : int
        Columns of X.
    classes : int
        At least 2.
    loss_function : loss, default CategoricalCrossentropy()
        A CategoricalCrossentropy of ``labkit.tf.losses``.

    Raises
    ------
    ValueError
        If a size is not a whole number of at least 1 (2 for ``classes``) or the loss function is another. From the
        methods, if X is not a finite (n, features), y does not hold n whole numbers from 0 to classes - 1, or theta
        is not (..., features*classes + classes).

    Notes
    -----
    The same as ``keras.layers.Dense(classes)`` with ``keras.losses.SparseCategoricalCrossentropy(from_logits=True)``
    or ``torch.nn.Linear`` with ``torch.nn.CrossEntropyLoss``. PyTorch stores the weights as (classes, features). It
    starts at zero, since its loss is convex.
    """

    features: int
    classes: int
    _: KW_ONLY
    loss_function: object = losses.CategoricalCrossentropy()

    def __post_init__(self):
        _checks.count("features", self.features)
        _checks.count("classes", self.classes, least=2)
        self._check_loss(losses, ("CategoricalCrossentropy",))

    def accuracy(self, theta, X, y):
        """Return the share of samples whose class has the largest logit, of shape (...)."""
        return _share_of_hits(self, theta, X, y)

    def _predict(self, theta, X):
        [(weights, bias)] = self._split(theta)
        return tf.matmul(X, weights) + bias[..., tf.newaxis, :]


@dataclass(frozen=True)
class MultilayerPerceptron(_models.PerceptronModel, Model):
    r"""A multilayer perceptron: layers of weighted sums, each followed by a bend, except the last.

    .. math:: a_0 = X, \qquad z_l = a_{l-1} W_l + b_l, \qquad a_l = \phi(z_l) \; (l < m), \qquad \hat y = z_m

    Here m is the number of layers of weights, :math:`W_l` and :math:`b_l` are the weights and biases of layer l,
    :math:`a_l` its output with one row a sample, :math:`\phi` the activation.

    Parameters
    ----------
    sizes : tuple of int, default (64, 128, 10)
        Units of each layer, from the inputs (columns of X) to the outputs; at least two numbers.
    activation : {"tanh", "relu"}, default "tanh"
        :math:`\phi`. The slope of ReLU at 0 is taken as 0.
    loss_function : loss, default CategoricalCrossentropy()
        CategoricalCrossentropy (y holds n classes), or MeanSquaredError, MeanAbsoluteError or Huber (y has the shape
        (n, outputs)), of ``labkit.tf.losses``.

    Raises
    ------
    ValueError
        If an argument is none of these. From the methods, if X is not a finite (n, sizes[0]), y is not as above, or
        theta is not (..., d) with d = ``size``.

    Notes
    -----
    The same as a stack of ``keras.layers.Dense`` or ``torch.nn.Linear`` (which stores weights as (outputs, inputs)).
    Keras starts every layer as is done here for tanh; PyTorch draws weights and biases between plus and minus
    :math:`1/\sqrt{\mathrm{inputs}}`.

    References
    ----------
    D. E. Rumelhart, G. E. Hinton, R. J. Williams (1986), Learning representations by back-propagating errors,
    Nature 323, 533-536. X. Glorot, Y. Bengio (2010), Understanding the difficulty of training deep feedforward neural
    networks, AISTATS. K. He, X. Zhang, S. Ren, J. Sun (2015), Delving deep into rectifiers, ICCV.
    """

    sizes: tuple = (64, 128, 10)
    activation: str = "tanh"
    _: KW_ONLY
    loss_function: object = losses.CategoricalCrossentropy()

    def __post_init__(self):
        object.__setattr__(self, "sizes", _checks.sizes("sizes", self.sizes))
        _checks.one_of("activation", self.activation, ("tanh", "relu"))
        self._check_loss(losses, ("CategoricalCrossentropy", *_models.REAL_LOSSES))

    def accuracy(self, theta, X, y):
        """Return the share of samples whose class has the largest logit, of shape (...)."""
        self._check_loss(losses, ("CategoricalCrossentropy",))  # other losses know no classes
        return _share_of_hits(self, theta, X, y)

    def _predict(self, theta, X):
        bend = {"tanh": tf.tanh, "relu": tf.nn.relu}[self.activation]
        *hidden, (last_weights, last_bias) = self._split(theta)
        a = X
        for weights, bias in hidden:
            a = bend(tf.matmul(a, weights) + bias[..., tf.newaxis, :])
        return tf.matmul(a, last_weights) + last_bias[..., tf.newaxis, :]


def _share_of_hits(model, theta, X, y):
    theta = model._as_theta(theta)
    X, target = model.data(X, y, theta.dtype.as_numpy_dtype)
    hits = tf.argmax(model._predict(theta, X), axis=-1) == tf.argmax(target, axis=-1)
    return tf.reduce_mean(tf.cast(hits, theta.dtype), axis=-1)
