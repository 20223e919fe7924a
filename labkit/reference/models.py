r"""Models in NumPy, with their gradients worked out by hand.

The parameters of a model are one vector ``theta``, as in the mathematics; ``unpack`` shows the layers in it. Leading
axes of ``theta`` count runs: 64 sets of parameters of shape (64, d) give 64 losses at once. The data have no such
axes, all runs see the same. They are brought to the type of ``theta``.

Every model has ``init``, ``unpack``, ``predict``, ``loss`` and ``gradient``, classifiers also ``accuracy``.
"""

import math
from dataclasses import KW_ONLY, dataclass

import numpy as np

from labkit import _checks, _models
from labkit.reference import losses

ROWS = 128  # a perceptron predicts for so many samples at a time


class Model(_models.Model):
    """Base of the models of this column."""

    def _as_theta(self, theta):
        theta = _checks.as_floats("theta", theta)
        _checks.last_axis("theta", theta, self.size)
        return theta

    def _split(self, theta):
        parts, end = [], 0
        for shape in (shape for layer in self._shapes for shape in layer):
            start, end = end, end + math.prod(shape)
            parts.append(theta[..., start:end].reshape(theta.shape[:-1] + shape))
        return list(zip(parts[::2], parts[1::2]))

    def _loss(self, theta, X, target):
        return self.loss_function.value(self._predict(theta, X), target)


@dataclass(frozen=True)
class LinearRegression(_models.LinearModel, Model):
    r"""Linear regression: a weighted sum of the features.

    .. math:: \hat y_i = x_i^\top w + b, \qquad
              \nabla_w f = X^\top \delta, \quad \nabla_b f = \textstyle\sum_i \delta_i, \quad
              \delta_i = \partial f / \partial \hat y_i

    Here :math:`x_i` is row i of X, w the weights, b the bias, f the loss. theta is w followed by b.

    Parameters
    ----------
    features : int
        Columns of X.
    loss_function : loss, default MeanSquaredError()
        MeanSquaredError, MeanAbsoluteError, Huber, or Hinge (a linear classifier; targets -1 and +1), of
        ``labkit.reference.losses``.

    Raises
    ------
    ValueError
        If ``features`` is not a whole number of at least 1 or the loss function is none of these. From the methods, if
        X is not a finite (n, features), y not a finite (n,), or theta not (..., features + 1).

    Notes
    -----
    The model of ``keras.layers.Dense(1)`` and ``torch.nn.Linear(features, 1)``, without their last axis of length 1.
    Theirs start at random; this one starts at zero, since its loss is convex.

    Examples
    --------
    >>> model = LinearRegression(2)
    >>> float(model.loss(np.array([1.0, 2.0, 0.5]), X=[[1.0, 1.0]], y=[3.0]))
    0.25
    """

    features: int
    _: KW_ONLY
    loss_function: object = losses.MeanSquaredError()

    def __post_init__(self):
        _checks.count("features", self.features)
        self._check_loss(losses, (*_models.REAL_LOSSES, "Hinge"))

    def _predict(self, theta, X):
        [(weights, bias)] = self._split(theta)
        return weights @ X.T + bias[..., np.newaxis]

    def _gradient(self, theta, X, target):
        delta = self.loss_function.gradient(self._predict(theta, X), target)
        return np.concatenate([delta @ X, delta.sum(axis=-1, keepdims=True)], axis=-1)


@dataclass(frozen=True)
class LogisticRegression(_models.LogisticModel, LinearRegression):
    r"""Logistic regression: linear regression on the logarithm of the odds of class 1.

    .. math:: z_i = x_i^\top w + b, \qquad P(y_i = 1) = \frac{1}{1 + e^{-z_i}}, \qquad
              \nabla_w f = X^\top \delta, \quad \nabla_b f = \textstyle\sum_i \delta_i, \quad
              \delta_i = \partial f / \partial z_i

    Here :math:`x_i` is row i of X, w the weights, b the bias, :math:`z_i` the logit, f the loss. theta is w followed by
    b. ``predict`` returns logits.

    Parameters
    ----------
    features : int
        Columns of X.
    loss_function : loss, default BinaryCrossentropy()
        A BinaryCrossentropy of ``labkit.reference.losses``.

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
        X, y = self.data(X, y, theta.dtype)
        return np.mean((self._predict(theta, X) > 0) == y, axis=-1, dtype=theta.dtype)


@dataclass(frozen=True)
class SoftmaxRegression(_models.SoftmaxModel, Model):
    r"""Softmax regression: logistic regression for several classes.

    .. math:: z_i = x_i^\top W + b, \qquad P(y_i = k) = \frac{e^{z_{ik}}}{\sum_j e^{z_{ij}}}, \qquad
              \nabla_W f = X^\top \Delta, \quad \nabla_b f = \textstyle\sum_i \Delta_i, \quad
              \Delta_{ik} = \partial f / \partial z_{ik}

    Here :math:`x_i` is row i of X, W the weights, b the biases, :math:`z_i` the logits, f the loss, and j and k count
    classes. theta is W, row by row, followed by b. ``predict`` returns logits.

    Parameters
    ----------
    features : int
        Columns of X.
    classes : int
        At least 2.
    loss_function : loss, default CategoricalCrossentropy()
        A CategoricalCrossentropy of ``labkit.reference.losses``.

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
        return X @ weights + bias[..., np.newaxis, :]

    def _gradient(self, theta, X, target):
        delta = self.loss_function.gradient(self._predict(theta, X), target)
        return _flatten([X.T @ delta, delta.sum(axis=-2)], theta)


@dataclass(frozen=True)
class MultilayerPerceptron(_models.PerceptronModel, Model):
    r"""A multilayer perceptron: layers of weighted sums, each followed by a bend, except the last.

    .. math:: a_0 = X, \qquad z_l = a_{l-1} W_l + b_l, \qquad a_l = \phi(z_l) \; (l < m), \qquad \hat y = z_m

    Backpropagation goes through the layers from the last to the first. With :math:`\delta_l = \partial f/\partial z_l`,

    .. math:: \delta_m = \frac{\partial f}{\partial \hat y}, \qquad
              \nabla_{W_l} f = a_{l-1}^\top \delta_l, \qquad
              \nabla_{b_l} f = \textstyle\sum_i (\delta_l)_i, \qquad
              \delta_{l-1} = (\delta_l W_l^\top) \odot \phi'(z_{l-1})

    Here m is the number of layers of weights, :math:`W_l` and :math:`b_l` are the weights and biases of layer l,
    :math:`a_l` its output with one row a sample, :math:`\phi` the activation, :math:`\odot` the product entry by
    entry, i counts samples, f is the loss.

    Parameters
    ----------
    sizes : tuple of int, default (64, 128, 10)
        Units of each layer, from the inputs (columns of X) to the outputs; at least two numbers.
    activation : {"tanh", "relu"}, default "tanh"
        :math:`\phi`. The slope of ReLU at 0 is taken as 0, as in TensorFlow and PyTorch.
    loss_function : loss, default CategoricalCrossentropy()
        CategoricalCrossentropy (y holds n classes), or MeanSquaredError, MeanAbsoluteError or Huber (y has the shape
        (n, outputs)), of ``labkit.reference.losses``.

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
        # In blocks of rows: what lies between two layers stays in the cache, and no small product goes to many threads.
        blocks = np.split(X, range(ROWS, len(X), ROWS))
        return np.concatenate([self._forward(self._split(theta), block)[-1] for block in blocks], axis=-2)

    def _forward(self, layers, X):
        """Return what each layer puts out: a_0 = X, a_1, ..., and the prediction."""
        outputs = [X]
        for weights, bias in layers:
            z = outputs[-1] @ weights + bias[..., np.newaxis, :]
            outputs.append(z if len(outputs) == len(layers) else self._bend(z))
        return outputs

    def _bend(self, z):
        return np.tanh(z) if self.activation == "tanh" else np.maximum(z, 0)

    def _slope(self, a):
        """Return phi'(z), told from a = phi(z)."""
        return 1 - a**2 if self.activation == "tanh" else a > 0

    def _gradient(self, theta, X, target):
        layers = self._split(theta)
        *inputs, prediction = self._forward(layers, X)
        delta = self.loss_function.gradient(prediction, target)  # delta_m = df/dz_m
        parts = []
        for l in reversed(range(len(layers))):  # noqa: E741
            parts = [_transposed(inputs[l]) @ delta, delta.sum(axis=-2), *parts]  # a_{l-1}^T delta_l, sum of delta_l
            if l > 0:
                weights, _ = layers[l]
                delta = delta @ _transposed(weights) * self._slope(inputs[l])  # delta_{l-1}
        return _flatten(parts, theta)


def _share_of_hits(model, theta, X, y):
    theta = model._as_theta(theta)
    X, target = model.data(X, y, theta.dtype)
    hits = model._predict(theta, X).argmax(axis=-1) == target.argmax(axis=-1)
    return np.mean(hits, axis=-1, dtype=theta.dtype)


def _transposed(matrices):
    return np.swapaxes(matrices, -1, -2)


def _flatten(parts, theta):
    """Put the gradients of the layers one after another, as theta is."""
    return np.concatenate([part.reshape(theta.shape[:-1] + (-1,)) for part in parts], axis=-1)
