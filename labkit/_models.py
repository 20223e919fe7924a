"""What the models of both columns share: their shapes, their start, and the checks of what they are given.

The arithmetic stands in ``labkit.reference.models`` and ``labkit.tf.models``, in each for itself.
"""

import numpy as np

from labkit import _checks

REAL_LOSSES = ("MeanSquaredError", "MeanAbsoluteError", "Huber")


class Model:
    """A model whose parameters are one vector theta; leading axes of theta count runs.

    Each column adds ``_as_theta``, ``_split``, ``_predict``, ``_loss`` and ``_gradient``, which check nothing, so
    that a run can check its data once and call them at every step.
    """

    @property
    def size(self):
        """The number of parameters, d: the length of theta."""
        return sum(int(np.prod(weights) + np.prod(bias)) for weights, bias in self._shapes)

    def init(self, seed=0):
        """Return the parameters at the start: a NumPy array of shape (d,), float64, the same in both columns.

        Zeros, except for a multilayer perceptron: there ``seed``, a whole number of at least 0, draws the weights.
        """
        _checks.whole("seed", seed)
        return np.zeros(self.size)

    def unpack(self, theta):
        """Return the list of (weights, bias), a pair for each layer; in NumPy these are views of theta.

        Weights have the shape (..., inputs, outputs) and a bias (..., outputs), as in ``keras.layers.Dense``; where
        the output has no axis of its own, as in linear and logistic regression, (..., inputs) and (...). theta holds
        the layers in their order: the weights of each, row by row, then its bias.
        """
        return self._split(self._as_theta(theta))

    def predict(self, theta, X):
        """Return the output for each row of X, of shape (n, d_in).

        The shape is (..., n) for linear and logistic regression, else (..., n, outputs); the axes of the runs come
        first. A classifier returns logits: the logarithm of the odds in logistic regression, else the numbers that
        softmax turns into probabilities.
        """
        theta = self._as_theta(theta)
        return self._predict(theta, self._features(X, _type_of(theta)))

    def loss(self, theta, X, y):
        """Return the loss of the samples X, of shape (n, d_in), with the targets y: one number a run."""
        theta = self._as_theta(theta)
        return self._loss(theta, *self.data(X, y, _type_of(theta)))

    def gradient(self, theta, X, y):
        """Return the gradient of the loss with respect to theta, of theta's shape."""
        theta = self._as_theta(theta)
        return self._gradient(theta, *self.data(X, y, _type_of(theta)))

    def data(self, X, y, dtype):
        """Return X and the target that the loss function takes, both checked and of type ``dtype``."""
        X = self._features(X, dtype)
        return X, self._target(y, len(X)).astype(dtype, copy=False)

    def _features(self, X, dtype):
        X, inputs = _checks.finite("X", X, ndim=2), self._shapes[0][0][0]
        if X.shape[1] != inputs:
            _checks.fail("X.shape", X.shape, f"(n, {inputs})")
        return X.astype(dtype, copy=False)

    def _check_loss(self, losses, names):
        allowed = tuple(getattr(losses, name) for name in names)
        if not isinstance(self.loss_function, allowed):
            _checks.fail("loss_function", self.loss_function, f"a {' or '.join(names)} of {losses.__name__}")


class LinearModel(Model):
    """Linear regression: one real number a sample."""

    @property
    def _shapes(self):
        return (((self.features,), ()),)

    def _target(self, y, n):
        y = _real(y, (n,))
        if type(self.loss_function).__name__ == "Hinge":
            _checks.signs(y)
        return y


class LogisticModel(LinearModel):
    """Logistic regression: one class of two a sample."""

    def _target(self, y, n):
        return _classes(y, n, 2)


class SoftmaxModel(Model):
    """Softmax regression: one class of several a sample."""

    @property
    def _shapes(self):
        return (((self.features, self.classes), (self.classes,)),)

    def _target(self, y, n):
        return one_hot(_classes(y, n, self.classes), self.classes)


class PerceptronModel(Model):
    """A multilayer perceptron: one class of several a sample, or several real numbers."""

    @property
    def _shapes(self):
        return tuple(((inputs, outputs), (outputs,)) for inputs, outputs in zip(self.sizes[:-1], self.sizes[1:]))

    @property
    def _classifies(self):
        return type(self.loss_function).__name__ == "CategoricalCrossentropy"

    def _target(self, y, n):
        outputs = self.sizes[-1]
        return one_hot(_classes(y, n, outputs), outputs) if self._classifies else _real(y, (n, outputs))

    def init(self, seed=0):
        r"""Return the parameters at the start: a NumPy array of shape (d,), float64, the same in both columns.

        For tanh each weight is uniform between :math:`\pm\sqrt{6/(\mathrm{inputs} + \mathrm{outputs})}` of its
        layer (Glorot and Bengio 2010, eq. 16), for ReLU normal with variance :math:`2/\mathrm{inputs}` (He et al.
        2015, eq. 10). Biases are zero. The draws come from ``numpy.random.default_rng(seed)``, layer by layer.
        """
        rng = np.random.default_rng(_checks.whole("seed", seed))
        parts = []
        for (inputs, outputs), _ in self._shapes:
            if self.activation == "tanh":
                limit = np.sqrt(6 / (inputs + outputs))
                weights = rng.uniform(-limit, limit, size=inputs * outputs)
            else:
                weights = rng.normal(scale=np.sqrt(2 / inputs), size=inputs * outputs)
            parts += [weights, np.zeros(outputs)]
        return np.concatenate(parts)


def one_hot(y, classes):
    """Return an array of shape (n, classes) with a one in the column of each sample's class."""
    return np.eye(classes)[y]


def _real(y, shape):
    y = _checks.finite("y", y)
    if y.shape != shape:
        _checks.fail("y.shape", y.shape, f"{shape}, one target for each row of X")
    return y


def _classes(y, n, classes):
    y = np.asarray(y)
    if y.shape != (n,):
        _checks.fail("y.shape", y.shape, f"({n},), one class for each row of X")
    if y.dtype.kind not in "biu" or y.min() < 0 or y.max() >= classes:
        _checks.fail("y", y, f"made of classes, whole numbers from 0 to {classes - 1}")
    return y.astype(np.int64)


def _type_of(theta):
    return getattr(theta.dtype, "as_numpy_dtype", theta.dtype)
