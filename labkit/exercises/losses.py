"""Exercises on loss functions (chapter 7)."""

import numpy as np

from labkit.exercises._kinds import Choice, Code, Numbers, Wrong

__all__ = ["q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8"]

q1 = Numbers(
    name="losses.q1", title="three curves, two centres",
    answer=(3.2, 0.8), atol=0.2,
    because="A, with a rounded bottom and straight sides, is Huber's error. B, a parabola, is the squared error: it is "
            "smallest at the mean. C, straight pieces with corners, is the absolute error: smallest at the median.",
    wrong=(
        Wrong((0.8, 3.2), "you have them the wrong way round: the squared error is smallest at the mean, the absolute "
                          "error at the median."),
        Wrong((1.4, 0.8), "the median is right. For the mean you took the minimum of A, which is straight far away: "
                          "that is Huber's error. The mean belongs to the parabola."),
        Wrong((3.2, 1.4), "the mean is right. For the median you took the minimum of A, which is rounded at the "
                          "bottom: that is Huber's error. The median belongs to the curve with corners."),
    ),
    hints=("First name the three curves. Which one is curved everywhere, and which one has corners?",
           "At the best c the pulls cancel. For which loss is that the mean, and for which the median?",
           "The mean is where B is lowest, the median is where C is lowest."),
    note="the large numbers draw the mean far above the median; Huber's minimum lies in between.",
)


def mse(prediction, y):
    r = np.ravel(prediction) - np.ravel(y)
    gradient = 2 * r / r.size
    return np.mean(r**2), gradient.reshape(np.shape(prediction))


def _mse_variant(*, value=1.0, slope=1.0, root=False, reduction=np.mean, sum_gradient=False, like="prediction"):
    """Return a version of ``mse`` with one thing changed."""
    def function(prediction, y):
        r = np.ravel(prediction) - np.ravel(y)
        gradient = 2 * slope * r / (1 if sum_gradient else r.size)
        shape = {"prediction": np.shape(prediction), "y": np.shape(y), "flat": r.shape}[like]
        found = value * reduction(r**2)
        return np.sqrt(found) if root else found, gradient.reshape(shape)

    return function


def _broadcast(count=len, value=np.mean, factor=1):
    """Return a version of ``mse`` that makes a table of a column and a vector."""
    def function(prediction, y):
        table = prediction - y
        return factor * value(table**2), 2 * factor * table / count(table)

    return function


def _mse_cases():
    """Vectors and columns, in every combination; errors from 1e-8 to 1e8."""
    rng = np.random.default_rng(7)
    cases = []
    for n, scale, first, second in [(5, 1, (-1,), (-1,)), (4, 1, (-1, 1), (-1,)), (3, 1e8, (-1,), (-1, 1)),
                                    (6, 1e-8, (-1, 1), (-1, 1)), (1, 1, (-1,), (-1,))]:
        prediction, y = scale * rng.normal(size=(2, n))
        cases.append({"prediction": prediction.reshape(first), "y": y.reshape(second)})
    return cases


q2 = Code(
    name="losses.q2", title="squared error, vector or column",
    answer=mse, outputs=("value", "gradient"), cases=_mse_cases,
    wrong=(
        Wrong(_broadcast(np.size), "this is right while both shapes are equal. With (n,) against (n, 1) the difference "
                                 "is a table of n x n numbers: every prediction minus every target. Bring both to one "
                                 "shape first."),
        Wrong(_broadcast(), "a column minus a vector is a table of n x n numbers, every prediction minus every target, "
                            "and the mean then runs over all of them. Bring both to one shape first."),
        Wrong(_broadcast(lambda table: 1, np.sum), "this is the sum of the squared errors, not their mean. And look at "
                                                   "the shapes: a column minus a vector is a table of n x n numbers."),
        Wrong(_broadcast(factor=0.5), "this is half the mean squared error; the page has no 1/2 here. And look at the "
                                      "shapes: a column minus a vector is a table of n x n numbers."),
        Wrong(_mse_variant(reduction=np.sum, sum_gradient=True), "this is the sum of the squared errors. The mean also "
                                                                 "divides by n, in the value and in the gradient."),
        Wrong(_mse_variant(reduction=np.sum), "the gradient is that of the mean, but the value is a sum: divide it "
                                              "by n."),
        Wrong(_mse_variant(sum_gradient=True), "the value is a mean and the gradient is not. Each prediction has its "
                                               "share of 1 / n in the mean, so its slope has it too."),
        Wrong(_mse_variant(value=0.5, slope=0.5), "this is half the mean squared error, in value and gradient. The "
                                                  "page has no 1/2 here, and so a 2 in the gradient."),
        Wrong(_mse_variant(value=0.5), "the value is half of what it should be. The gradient is right, and belongs to "
                                       "the mean without a 1/2."),
        Wrong(_mse_variant(slope=0.5), "the gradient is half of what it should be: what is the derivative of r^2?"),
        Wrong(_mse_variant(slope=-1), "the sign of the gradient is wrong: a prediction that is too large must have a "
                                      "positive slope, so that a step against it makes it smaller."),
        Wrong(_mse_variant(root=True), "this value is the root of the mean squared error. Leave the root away."),
        Wrong(_mse_variant(like="flat"), "the numbers are right, but the gradient comes as a vector also where the "
                                         "prediction is a column. Give it the shape of the prediction."),
        Wrong(_mse_variant(like="y"), "the numbers are right, but the gradient has the shape of the targets. It is a "
                                      "gradient with respect to the prediction, so it has the shape of that."),
    ),
    hints=("What is the shape of a column minus a vector? Try it with three numbers.",
           "Make both flat before you subtract: np.ravel, or reshape(-1). Then it is the formula of the page.",
           "The gradient is 2 r / n. Bring it back to the shape of the prediction at the end: reshape."),
    note="with the broadcast, perfect predictions would have a loss of twice the variance of the targets.",
)


def huber(prediction, y, delta):
    r = prediction - y
    size = np.abs(r)
    value = np.where(size <= delta, r**2 / 2, delta * (size - delta / 2))
    return np.mean(value), np.clip(r, -delta, delta) / len(r)


def _huber_variant(near=lambda r, d: r**2 / 2, far=lambda r, d: d * (np.abs(r) - d / 2),
                   slope=lambda r, d: np.clip(r, -d, d), reduction=np.mean, share=True, turned=False, size=np.abs):
    """Return a version of ``huber`` with one thing changed."""
    def function(prediction, y, delta):
        r = prediction - y
        inside = (size(r) <= delta) != turned
        value = np.where(inside, near(r, delta), far(r, delta))
        return reduction(value), slope(r, delta) / (len(r) if share else 1)

    return function


def _piecewise(near, far):
    """The slope that is ``near * r`` inside and ``far(delta) * sign`` outside."""
    return lambda r, d: np.where(np.abs(r) <= d, near * r, far(d) * np.sign(r))


def _huber_cases():
    """Several borders, residuals on both sides of them and far away."""
    rng = np.random.default_rng(17)
    cases = []
    for n, scale, delta in [(8, 3.0, 1.5), (6, 1.0, 0.5), (1, 1e8, 2.0), (5, 1e-8, 1.0), (7, 1e-8, 1e-8)]:
        prediction, y = scale * rng.normal(size=(2, n))
        cases.append({"prediction": prediction, "y": y, "delta": delta})
    border = {"prediction": np.array([2.0, -2.0, 0.0, 5.0]), "y": np.array([0.0, 0.0, 0.0, 1.0]), "delta": 2.0}
    return [*cases, border]


q3 = Code(
    name="losses.q3", title="Huber's loss",
    answer=huber, outputs=("value", "gradient"), cases=_huber_cases,
    wrong=(
        Wrong(_huber_variant(reduction=np.sum, share=False), "this is the sum over the samples. Take the mean, in the "
                                                             "value and in the gradient."),
        Wrong(_huber_variant(reduction=np.sum), "the value is a sum over the samples; take the mean, as the gradient "
                                                "already does."),
        Wrong(_huber_variant(share=False), "the gradient misses the 1 / n that the mean brings."),
        Wrong(_huber_variant(near=lambda r, d: r**2), "the two pieces do not meet: at |r| = delta the inner one is "
                                                      "delta^2, the outer one half of that. There is a 1/2 inside."),
        Wrong(_huber_variant(near=lambda r, d: r**2, slope=_piecewise(2, lambda d: d)),
              "the inner piece misses its 1/2, in the value and in the slope. So neither meets the outer piece at "
              "|r| = delta."),
        Wrong(_huber_variant(far=lambda r, d: d * np.abs(r)), "the two pieces do not meet: at |r| = delta the inner "
                                                              "one is half of the outer one. Which constant must be "
                                                              "taken off outside?"),
        Wrong(_huber_variant(far=lambda r, d: d * (np.abs(r) - 0.5)), "the constant outside is right for delta = 1 "
                                                                      "only. Choose it so that the pieces meet at "
                                                                      "|r| = delta for every delta."),
        Wrong(_huber_variant(far=lambda r, d: np.abs(r) - d / 2), "delta is missing in front of the outer piece: its "
                                                                  "slope must be delta there, as that of r^2 / 2 is at "
                                                                  "the border."),
        Wrong(_huber_variant(far=lambda r, d: np.abs(r) - d / 2, slope=_piecewise(1, lambda d: 1)),
              "delta is missing outside, in the value and in the slope. So the slope jumps at the border, from delta "
              "to 1."),
        Wrong(_huber_variant(far=lambda r, d: np.abs(r) - 0.5, slope=_piecewise(1, lambda d: 1)),
              "outside this is right for delta = 1 only. In general the slope there is delta, and the constant is such "
              "that the pieces meet."),
        Wrong(_huber_variant(far=lambda r, d: d * (r - d / 2)), "the size of the residual is missing outside: a "
                                                                "residual far below zero gets a negative loss."),
        Wrong(_huber_variant(near=lambda r, d: r**2, far=lambda r, d: 2 * d * (np.abs(r) - d / 2),
                             slope=lambda r, d: 2 * np.clip(r, -d, d)),
              "value and gradient are twice as large as on the page: near zero this is r^2, and it should be r^2 / 2."),
        Wrong(_huber_variant(near=lambda r, d: r**2 / 2 / d, far=lambda r, d: np.abs(r) - d / 2,
                             slope=lambda r, d: np.clip(r, -d, d) / d),
              "everything is divided by delta. That form exists, some call it the smooth absolute error, but near zero "
              "Huber's loss is r^2 / 2 for every delta."),
        Wrong(_huber_variant(slope=lambda r, d: r), "the slope is not clipped: beyond delta a sample pulls with delta, "
                                                    "and no harder."),
        Wrong(_huber_variant(slope=_piecewise(1, lambda d: 1)), "the slope outside is 1. It is delta there: the "
                                                                "derivative of delta |r|."),
        Wrong(_huber_variant(slope=lambda r, d: np.clip(np.abs(r), -d, d)), "the slope has lost its sign: where the "
                                                                            "prediction is too small, it is negative."),
        Wrong(_huber_variant(slope=lambda r, d: -np.clip(r, -d, d)), "the sign of the gradient is wrong: a prediction "
                                                                     "that is too large must have a positive slope."),
        Wrong(_huber_variant(far=lambda r, d: d * (np.abs(r) - d)), "the two pieces do not meet: the outer one is 0 at "
                                                                    "|r| = delta, and the inner one is delta^2 / 2."),
        Wrong(_huber_variant(size=lambda r: r), "the value asks whether r is beyond delta, not whether |r| is: large "
                                                "negative residuals are still squared."),
        Wrong(_huber_variant(size=lambda r: r, slope=lambda r, d: np.where(r <= d, r, d)),
              "you ask whether r is beyond delta, not whether |r| is: large negative residuals are still squared, and "
              "pull without limit."),
        Wrong(_huber_variant(near=lambda r, d: r**2, far=lambda r, d: r**2, slope=lambda r, d: 2 * r),
              "this is the mean squared error. Beyond delta Huber's loss is straight."),
        Wrong(_huber_variant(near=lambda r, d: np.abs(r), far=lambda r, d: np.abs(r), slope=lambda r, d: np.sign(r)),
              "this is the mean absolute error. Within delta Huber's loss is squared."),
        Wrong(_huber_variant(turned=True), "the pieces are swapped: squared is for residuals up to delta, straight for "
                                           "those beyond."),
    ),
    hints=("np.where(condition, a, b) takes a where the condition holds and b elsewhere. Or look how the page does it "
           "with np.clip.",
           "Check the joint: at |r| = delta both pieces must be delta^2 / 2, and both slopes delta.",
           "Outside it is delta * (|r| - delta / 2). The slope is the residual, clipped to -delta ... delta, over n."),
    note="a sample with a residual of 1e8 pulls no harder than one with a residual of delta.",
)


def binary_crossentropy(logits, y):
    value = np.mean(y * np.logaddexp(0, -logits) + (1 - y) * np.logaddexp(0, logits))
    probability = np.exp(-np.logaddexp(0, -logits))  # the sigmoid, without overflow
    return value, (probability - y) / len(y)


def _sigmoid(z):
    return np.exp(-np.logaddexp(0, -z))


def _overflowing(z):
    return np.exp(z) / (1 + np.exp(z))


def _bce(p, y):
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def _bce_value(z, y):
    return binary_crossentropy(z, y)[0]


def _bce_variant(value=_bce_value, slope=None):
    """Return a version of ``binary_crossentropy`` with another value or slope; each is a function of z and y."""
    return lambda logits, y: (value(logits, y), (slope or _bce_slope)(logits, y))


def _cut(smallest, slope_too):
    def kept(z):
        return np.clip(_sigmoid(z), smallest, 1 - smallest)

    def value(z, y):
        return _bce(kept(z), y)

    return _bce_variant(value, lambda z, y: (kept(z) - y) / len(y)) if slope_too else _bce_variant(value)


def _nudged(nudge):
    def value(z, y):
        p = _sigmoid(z)
        return -np.mean(y * np.log(p + nudge) + (1 - y) * np.log(1 - p + nudge))

    return _bce_variant(value)


def _naive_value(z, y):
    return _bce(_sigmoid(z), y)


def _bce_slope(z, y):
    return (_sigmoid(z) - y) / len(y)


def _sigmoid_slope(z):
    return _sigmoid(z) * (1 - _sigmoid(z))


_OVERFLOW = " Besides, log 0 or an overflow comes out where the model is very sure: compute from the logits."
_BCE_MISTAKES = (  # what becomes of the value, the slope, the message
    (lambda value, n: value, lambda z, y: _bce_slope(z, y) * _sigmoid_slope(z),
     "the gradient has a factor sigma' too many. The derivative of the logarithm brings 1 / sigma and cancels it: that "
     "is why a sure mistake still pulls."),
    (lambda value, n: value, lambda z, y: _bce_slope(z, y) / _sigmoid_slope(z),
     "this gradient is with respect to the probability. With respect to the logit, the chain rule brings a factor "
     "sigma' = sigma (1 - sigma), and something cancels."),
    (lambda value, n: n * value, lambda z, y: _sigmoid(z) - y,
     "this is the sum over the samples. Take the mean, in the value and in the gradient."),
    (lambda value, n: n * value, _bce_slope, "the value is a sum over the samples; take the mean."),
    (lambda value, n: value, lambda z, y: _sigmoid(z) - y, "the gradient misses the 1 / n that the mean brings."),
    (lambda value, n: -value, _bce_slope,
     "the value has the wrong sign. The logarithm of a probability is negative, and a loss is minus that."),
    (lambda value, n: value, lambda z, y: (y - _sigmoid(z)) / len(y),
     "the sign of the gradient is wrong: where the probability is above the target, the slope is positive."),
    (lambda value, n: value / np.log(2), _bce_slope,
     "the value is in bits, with logarithms of base 2. The page uses the natural logarithm."),
    (lambda value, n: value / np.log(10), _bce_slope,
     "the value has logarithms of base 10. The page uses the natural logarithm, np.log."),
)


def _bce_mistakes(base, more=""):
    """Each common mistake, made by someone who computes the value with ``base``."""
    return tuple(Wrong(_bce_variant(lambda z, y, change=change: change(base(z, y), len(y)), slope), message + more)
                 for change, slope, message in _BCE_MISTAKES)


def _two_exponentials(z, y):
    return np.mean(y * np.log(1 + np.exp(-z)) + (1 - y) * np.log(1 + np.exp(z)))


def _bce_cases():
    """Logits of ordinary size, soft targets, and logits of 40 and of 1000 on the right and on the wrong side."""
    rng = np.random.default_rng(27)
    return [{"logits": 2 * rng.normal(size=6), "y": np.array([1.0, 0, 0, 1, 1, 0])},
            {"logits": rng.normal(size=5), "y": rng.uniform(size=5)},
            {"logits": np.array([0.3]), "y": np.array([1.0])},
            {"logits": 1e-8 * rng.normal(size=4), "y": np.array([0.0, 1, 0.5, 1])},
            {"logits": np.array([40.0, -40, 40, -40]), "y": np.array([0.0, 1, 1, 0])},
            {"logits": np.array([1000.0, -1000, 1000, -1000, 0]), "y": np.array([0.0, 1, 1, 0, 1])}]


q4 = Code(
    name="losses.q4", title="two classes, from logits",
    answer=binary_crossentropy, outputs=("value", "gradient"), cases=_bce_cases,
    wrong=(
        Wrong(_bce_variant(lambda z, y: _bce(_sigmoid(z), y)),
              "this is right for ordinary logits. Where the model is very sure, the probability is rounded to 0 or 1, "
              "and log 0 or 0 * log 0 comes out. Take the logarithm by algebra first: what is log sigma(z)?"),
        Wrong(_bce_variant(_two_exponentials), "this holds at a logit of 40, but exp(1000) is larger than any number "
                                               "of the computer. np.logaddexp(0, z) is log(1 + exp(z)) without that "
                                               "accident."),
        Wrong(_bce_variant(lambda z, y: _bce(_sigmoid(z), y), lambda z, y: (_overflowing(z) - y) / len(y)),
              "this is right for ordinary logits. Where they are large, exp(z) overflows, and where the model is very "
              "sure the probability is rounded to 1, and log 0 comes out. Take the logarithm by algebra first, and let "
              "no exponent be large."),
        Wrong(_bce_variant(slope=lambda z, y: (_overflowing(z) - y) / len(y)),
              "the value is right everywhere. In the gradient exp(z) / (1 + exp(z)) is infinity by infinity for a "
              "large logit: divide both by exp(z)."),
        *(Wrong(_cut(smallest, too), f"the probabilities are cut off at {smallest:g}, as some libraries do. That hides "
                                     "the log 0, but the value is wrong where the model is sure and wrong"
                                     f"{', and so is the slope where it is right' if too else ''}. Compute it from the "
                                     "logits.")
          for smallest in (1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-15) for too in (False, True)[:1 + (smallest > 1e-15)]),
        *(Wrong(_nudged(nudge), f"the {nudge:g} inside the logarithm hides the log 0, but it changes the value. "
                                "Compute it from the logits, without a probability in between.")
          for nudge in (1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-15)),
        *_bce_mistakes(_bce_value),
        *_bce_mistakes(_naive_value, _OVERFLOW),
        Wrong(_bce_variant(lambda z, y: np.mean(np.where(y == 1, np.logaddexp(0, -z), np.logaddexp(0, z)))),
              "a target that is not 1 is taken for 0. Targets may lie in between: then both terms count."),
        Wrong(_bce_variant(lambda z, y: np.mean(np.where(y == 1, -np.log(_sigmoid(z)), -np.log(1 - _sigmoid(z))))),
              "a target that is not 1 is taken for 0. Targets may lie in between: then both terms count." + _OVERFLOW),
        Wrong(_bce_variant(lambda z, y: np.mean(y * np.logaddexp(0, -z))),
              "the second half is missing from the value: a sample with y = 0 costs nothing, however sure the model "
              "is of class 1."),
        Wrong(_bce_variant(lambda z, y: np.mean(y * np.logaddexp(0, z) + (1 - y) * np.logaddexp(0, -z))),
              "in the value the classes are swapped: a logit far above zero should cost nothing when y = 1."),
        Wrong(_bce_variant(lambda z, y: _bce(z, y)), "the value takes the logits for probabilities: a logit can be any "
                                                     "number, and the logarithm of a negative one does not exist. The "
                                                     "sigmoid is missing."),
        Wrong(_bce_variant(lambda z, y: _bce_value(_sigmoid(z), y), lambda z, y: _bce_slope(_sigmoid(z), y)),
              "the sigmoid is applied twice: a probability is given where a logit is expected. Then no loss is near "
              "zero, however good the prediction."),
        Wrong(_bce_variant(lambda z, y: _bce_value(_sigmoid(z), y),
                           lambda z, y: _bce_slope(_sigmoid(z), y) * _sigmoid_slope(z)),
              "the sigmoid is applied twice: a probability is given where a logit is expected. The gradient passes "
              "through both, and where the model is sure and wrong it is nearly zero."),
        Wrong(_bce_variant(lambda z, y: _bce_value(_sigmoid(z), y)),
              "in the value the sigmoid is applied twice: a probability is given where a logit is expected."),
        Wrong(_bce_variant(lambda z, y: _bce(y, _sigmoid(z))), "the two arguments are swapped: this takes the "
                                                               "logarithm of the targets. It belongs on the "
                                                               "prediction."),
        Wrong(_bce_variant(lambda z, y: np.mean((_sigmoid(z) - y) ** 2),
                           lambda z, y: 2 * _bce_slope(z, y) * _sigmoid_slope(z)),
              "this is the squared error of the probability. It is deaf where the model is sure and wrong; the "
              "cross-entropy takes logarithms."),
    ),
    hints=("Write -log sigma(z) and -log sigma(-z) without a sigmoid: sigma(z) = 1 / (1 + exp(-z)).",
           "-log sigma(z) = log(1 + exp(-z)), and np.logaddexp(0, -z) computes it without overflow.",
           "The value is the mean of y * logaddexp(0, -z) + (1 - y) * logaddexp(0, z), the gradient is "
           "(sigma(z) - y) / n."),
    note="a sample with z = 1000 and y = 0 costs 1000, and its slope is 1 / n: it still says which way to go.",
)


def crossentropy(logits, classes, smoothing):
    n, k = logits.shape
    target = (1 - smoothing) * np.eye(k)[classes] + smoothing / k
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_q = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -np.sum(target * log_q) / n, (np.exp(log_q) - target) / n


def _log_softmax(z, axis=1):
    shifted = z - z.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def _softmax(z):
    return np.exp(_log_softmax(z))


def _smooth(one_hot, s):
    return (1 - s) * one_hot + s / one_hot.shape[1]


def _ce_variant(*, log_q=_log_softmax, q=None, target=_smooth, share=True, value=lambda p, log_q: -np.sum(p * log_q),
                slope=lambda p, q: q - p, slope_target=None, slope_log_q=None):
    """Return a version of ``crossentropy`` with one thing changed."""
    def function(logits, classes, smoothing):
        n, k = logits.shape
        one_hot = np.eye(k)[classes]
        p, found = target(one_hot, smoothing), log_q(logits)
        predicted = q(logits) if q else np.exp((slope_log_q or log_q)(logits))
        p_slope = slope_target(one_hot, smoothing) if slope_target else p
        shares = share if isinstance(share, tuple) else (share, share)
        if slope is None:  # through a second softmax
            q_once, change = _softmax(logits), predicted - p
            back = q_once * (change - np.sum(q_once * change, axis=1, keepdims=True))
            return value(p, found) / n, back / n
        return value(p, found) / (n if shares[0] else 1), slope(p_slope, predicted) / (n if shares[1] else 1)

    return function


def _unshifted(z):
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def _naive_softmax(z, axis=1):
    return np.exp(z) / np.exp(z).sum(axis=axis, keepdims=True)


def _whole_shift(z):
    return _unshifted(z - z.max())


_HARD_EDGES = " Besides, log 0 or an overflow comes out for large logits: shift them, then take the logarithm."
_CE_MISTAKES = (
    (dict(share=False), "this is the sum over the samples. Take the mean, in the value and in the gradient."),
    (dict(share=(False, True)), "the value is a sum over the samples; take the mean."),
    (dict(share=(True, False)), "the gradient misses the 1 / n that the mean brings."),
    (dict(value=lambda p, log_q: -np.mean(p * log_q) * len(p)),
     "the value is a mean over samples and classes. Sum over the classes, and take the mean over the samples only."),
    (dict(value=lambda p, log_q: np.sum(p * log_q)),
     "the value has the wrong sign: it is minus the sum of p log q, and cannot be negative."),
    (dict(slope=lambda p, q: p - q),
     "the sign of the gradient is wrong: where q is above the target, the slope is positive."),
    (dict(value=lambda p, log_q: -np.sum(p * log_q) / np.log(2)),
     "the value is in bits, with logarithms of base 2. The page uses the natural logarithm."),
    (dict(slope=lambda p, q: (q - p) * q * (1 - q)),
     "the gradient has a factor q (1 - q) too many. It is with respect to the logits, and there the derivative of the "
     "logarithm has cancelled that of the softmax."),
    (dict(target=lambda t, s: t), "the labels are not smoothed, in the value and in the gradient."),
    (dict(target=lambda t, s: (1 - s) * t + s / (t.shape[1] - 1) * (1 - t)),
     "the share s is given to the k - 1 wrong classes only. On the page it is spread over all k, the true one too."),
    (dict(target=lambda t, s: (1 - s) * t + s / t.shape[1] * (1 - t)),
     "the smoothed labels do not sum to 1: the true class gets its part s / k as well."),
)


def _ce_mistakes(more="", **soft):
    """Each common mistake, made by someone who computes the softmax as ``soft`` says."""
    return tuple(Wrong(_ce_variant(**soft, **change), message + more) for change, message in _CE_MISTAKES)


def _ce_cases():
    """No smoothing and some; up to ten classes; rows far apart, and logits of 1000."""
    rng = np.random.default_rng(37)
    cases = [{"logits": scale * rng.normal(size=(n, k)), "classes": rng.integers(k, size=n), "smoothing": s}
             for n, k, scale, s in [(4, 3, 2.0, 0.0), (3, 5, 1.0, 0.1), (1, 2, 1.0, 0.3), (6, 10, 1e-8, 0.05),
                                    (5, 5, 1.0, 0.2)]]
    sure = {"logits": np.array([[0.0, 25, 28], [0, 30, 34.5]]), "classes": np.array([0, 2]), "smoothing": 0.1}
    apart = {"logits": np.array([[300.0, 299, 298], [-500, -501, -499]]), "classes": np.array([0, 1]), "smoothing": 0.1}
    huge = {"logits": np.array([[1000.0, 0, -1000], [0, 1000, 999]]), "classes": np.array([2, 1]), "smoothing": 0.2}
    return [*cases, sure, apart, huge]


q5 = Code(
    name="losses.q5", title="many classes, from logits",
    answer=crossentropy, outputs=("value", "gradient"), cases=_ce_cases,
    wrong=(
        Wrong(_ce_variant(log_q=lambda z: _log_softmax(z, axis=0)),
              "the softmax runs down the columns, over the samples. Each row is one sample: its probabilities, along "
              "the last axis, must have the sum 1."),
        Wrong(_ce_variant(log_q=lambda z: np.log(np.exp(_log_softmax(z, axis=0))),
                          q=lambda z: np.exp(_log_softmax(z, axis=0))),
              "the softmax runs down the columns, over the samples. Each row is one sample. Besides, a probability may "
              "be rounded to 0, and its logarithm is infinite: take it before the division."),
        Wrong(_ce_variant(log_q=lambda z: z - z.max() - np.log(np.exp(z - z.max()).sum())),
              "the softmax divides by the sum over the whole table. Each row is one sample and needs its own sum: axis "
              "and keepdims."),
        Wrong(_ce_variant(log_q=lambda z: np.log(_naive_softmax(z, axis=0)), q=lambda z: _naive_softmax(z, axis=0)),
              "the softmax runs down the columns, over the samples, and exp(1000) overflows. Each row is one sample: "
              "its probabilities must have the sum 1."),
        Wrong(_ce_variant(log_q=lambda z: np.log(_naive_softmax(z, axis=None)),
                          q=lambda z: _naive_softmax(z, axis=None)),
              "the softmax divides by the sum over the whole table, and exp(1000) overflows. Each row is one sample "
              "and needs its own sum: axis and keepdims."),
        Wrong(_ce_variant(log_q=lambda z: np.log(_naive_softmax(z)), q=_naive_softmax),
              "this is right for ordinary logits, but exp(1000) is infinite, and infinity by infinity is nan. Softmax "
              "does not change when the same number is taken off all logits of a row."),
        Wrong(_ce_variant(log_q=_unshifted, q=_naive_softmax),
              "this is right for ordinary logits, but exp(1000) is infinite, in the sum and in the softmax. Take the "
              "largest logit of the row off first."),
        Wrong(_ce_variant(log_q=_unshifted),
              "this is right for ordinary logits, but exp(1000) in the sum is infinite. Take the largest logit of the "
              "row off first."),
        Wrong(_ce_variant(log_q=lambda z: np.log(_softmax(z)), q=_softmax),
              "nothing overflows any more, but a probability far below the others is rounded to 0, and its logarithm "
              "is infinite. Take the logarithm before the division, not after."),
        Wrong(_ce_variant(log_q=_whole_shift), "the largest logit of the whole table is taken off. In a row far below "
                                               "it all exponentials become 0. Take off the largest of each row."),
        Wrong(_ce_variant(log_q=lambda z: np.log(_naive_softmax(z - z.max())), q=lambda z: _naive_softmax(z - z.max())),
              "the largest logit of the whole table is taken off, and a row far below it is left with 0 / 0. Take off "
              "the largest of each row."),
        Wrong(_ce_variant(log_q=lambda z: _log_softmax(_softmax(z))),
              "the softmax is applied twice: probabilities are given where logits are expected. Then no loss is near "
              "zero, however good the prediction."),
        Wrong(_ce_variant(log_q=lambda z: _log_softmax(_softmax(z)), slope_log_q=_log_softmax),
              "in the value the softmax is applied twice: probabilities are given where logits are expected."),
        Wrong(_ce_variant(log_q=lambda z: _log_softmax(_softmax(z)), slope=None),
              "the softmax is applied twice: probabilities are given where logits are expected. The gradient passes "
              "through both, and where the model is sure and wrong it is nearly zero."),
        *(Wrong(_ce_variant(log_q=lambda z, nudge=nudge: np.log(_softmax(z) + nudge), slope_log_q=_log_softmax),
                f"the {nudge:g} inside the logarithm hides the log 0, but it changes the value. Take the logarithm "
                "before the division, then nothing has to be hidden.") for nudge in (1e-7, 1e-8, 1e-9, 1e-10, 1e-12,
                                                                                              1e-15)),
        *(Wrong(_ce_variant(log_q=lambda z, low=low: np.log(np.clip(_softmax(z), low, 1)), slope_log_q=_log_softmax),
                f"the probabilities are cut off at {low:g}. That hides the log 0, but the value is wrong where the "
                "model is sure and wrong. Take the logarithm before the division.")
          for low in (1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-15)),
        *_ce_mistakes(),
        *_ce_mistakes(_HARD_EDGES, log_q=lambda z: np.log(_naive_softmax(z)), q=_naive_softmax),
        *_ce_mistakes(" Besides, the logarithm of a probability that is rounded to 0 is infinite: take it before the "
                      "division.", log_q=lambda z: np.log(_softmax(z)), q=_softmax),
        Wrong(_ce_variant(value=lambda p, log_q: -np.mean(p * log_q) * len(p),
                          slope=lambda p, q: (q - p) / p.shape[1]),
              "value and gradient are divided by the number of classes too. Sum over the classes, and take the mean "
              "over the samples only."),
        Wrong(_ce_variant(value=lambda p, log_q: -np.sum(p * log_q) / np.log(10)),
              "the value has logarithms of base 10. The page uses the natural logarithm, np.log."),
        Wrong(_ce_variant(value=lambda p, log_q: -np.sum(np.exp(log_q) * np.log(p))),
              "target and prediction are swapped in the value: the logarithm stands on the prediction, and the target "
              "is the weight in front."),
        Wrong(_ce_variant(value=lambda p, log_q: np.sum(p * (np.log(p) - log_q))),
              "the value is the KL divergence: the entropy of the target is taken off, and the cross-entropy keeps "
              "it. Besides, a target of 0 gives 0 * log 0."),
        Wrong(_ce_variant(value=lambda p, log_q: np.sum(np.where(p > 0, p * (np.log(p) - log_q), 0))),
              "the value is the KL divergence: the entropy of the target is taken off. The gradient is the same, but "
              "the cross-entropy keeps the entropy in its value."),
        Wrong(_ce_variant(slope_target=lambda t, s: t), "the value is right, but the gradient takes the labels before "
                                                        "smoothing."),
        Wrong(_ce_variant(target=lambda t, s: t, slope_target=_smooth), "the gradient is right, but the value takes "
                                                                        "the labels before smoothing."),
        Wrong(_ce_variant(target=lambda t, s: t + s / t.shape[1]), "the smoothed labels sum to more than 1: what is "
                                                                   "spread must be taken from the true class first."),
        Wrong(_ce_variant(target=lambda t, s: np.where(t > 0, 1, s / t.shape[1])),
              "the smoothed labels sum to more than 1: the true class has kept its 1."),
        Wrong(_ce_variant(target=lambda t, s: (1 - s) * t + s), "the smoothed labels do not sum to 1: the share s is "
                                                                "divided among the k classes."),
        Wrong(_ce_variant(target=lambda t, s: (1 - s) * t), "a share s is taken from the true class, and nobody gets "
                                                            "it: spread it evenly over all k."),
    ),
    hints=("Three parts: the targets (one-hot rows, then smoothed), log q by the formula with the largest logit m, and "
           "then value and gradient.",
           "np.eye(k)[classes] gives the one-hot rows. Take off logits.max(axis=1, keepdims=True) before any "
           "exponential.",
           "log q = shifted - log(sum of exp(shifted) in the row). The value is minus the sum of target * log q, over "
           "n; the gradient is (q - target) / n."),
    note="a softmax too many would pass unnoticed: it learns something, but no loss of ten classes gets below 1.46.",
)


def squared_hinge(logits, signs):
    gap = np.maximum(0, 1 - signs * logits)
    return np.mean(gap**2), -2 * signs * gap / len(signs)


def _hinge_variant(*, gap=lambda z, s: np.maximum(0, 1 - s * z), value=lambda g: np.mean(g**2),
                   slope=lambda s, g: -2 * s * g, share=True, labels=lambda s: s):
    """Return a version of ``squared_hinge`` with one thing changed."""
    def function(logits, signs):
        s = labels(signs)
        g = gap(logits, s)
        return value(g), slope(s, g) / (len(s) if share else 1)

    return function


def _hinge_cases():
    rng = np.random.default_rng(47)
    cases = [{"logits": scale * rng.normal(size=n), "signs": rng.choice([-1.0, 1.0], size=n)}
             for n, scale in [(8, 1.5), (5, 0.3), (6, 1e8), (7, 1e-8)]]
    return [*cases, {"logits": np.array([1.0, -1, 0, 2, -2]), "signs": np.array([1.0, -1, -1, -1, -1])}]


q6 = Code(
    name="losses.q6", title="the hinge, squared",
    answer=squared_hinge, outputs=("value", "gradient"), cases=_hinge_cases,
    wrong=(
        Wrong(_hinge_variant(labels=lambda s: (s + 1) / 2),
              "the classes are taken as 0 and 1. With s = 0 the margin s z is always 0, and that class never pulls. "
              "They come as -1 and +1 here: use them as they are."),
        Wrong(_hinge_variant(labels=lambda s: 2 * s - 1), "the classes are taken for 0 and 1 and turned into -1 and "
                                                          "+1. They come as -1 and +1 already."),
        Wrong(_hinge_variant(gap=lambda z, s: np.maximum(0, -s * z)),
              "the margin is missing: being right is not enough, the hinge wants s z to be at least 1."),
        Wrong(_hinge_variant(gap=lambda z, s: 1 - s * z),
              "without the maximum this is the squared error of z and s. It also pulls back at samples that are far "
              "on the right side; the hinge asks for nothing more there."),
        Wrong(_hinge_variant(gap=lambda z, s: np.maximum(0, 1 + s * z), slope=lambda s, g: 2 * s * g),
              "the sign of the margin is wrong: s z is positive where the decision is right, and the loss must fall "
              "there."),
        Wrong(_hinge_variant(gap=lambda z, s: np.maximum(0, 1 - z)), "the class is missing from the margin: it is "
                                                                     "s z, not z."),
        Wrong(_hinge_variant(value=np.mean, slope=lambda s, g: -s * (g > 0)), "this is the plain hinge. Square it, and "
                                                                              "take the derivative again."),
        Wrong(_hinge_variant(slope=lambda s, g: -s * (g > 0)), "the value is squared, but the gradient is that of the "
                                                               "plain hinge. What is the derivative of u^2?"),
        Wrong(_hinge_variant(slope=lambda s, g: -2 * s * (g > 0)), "the gradient misses a factor: the derivative of "
                                                                   "u^2 is 2 u, not 2."),
        Wrong(_hinge_variant(value=np.mean), "the gradient is that of the squared hinge, but the value is "
                                             "not squared."),
        Wrong(_hinge_variant(value=lambda g: np.mean(g) ** 2), "the mean is squared. Square first, for each sample, "
                                                               "then take the mean."),
        Wrong(_hinge_variant(value=lambda g: np.sum(g**2), share=False), "this is the sum over the samples. Take the "
                                                                         "mean, in the value and in the gradient."),
        Wrong(_hinge_variant(value=lambda g: np.sum(g**2)), "the value is a sum over the samples; take the mean."),
        Wrong(_hinge_variant(share=False), "the gradient misses the 1 / n that the mean brings."),
        Wrong(_hinge_variant(slope=lambda s, g: -s * g), "the gradient is half of what it should be: the square brings "
                                                         "a 2."),
        Wrong(_hinge_variant(value=lambda g: np.mean(g**2) / 2, slope=lambda s, g: -s * g),
              "value and gradient are half of what is asked for: there is no 1/2 in front here."),
        Wrong(_hinge_variant(slope=lambda s, g: 2 * s * g), "the sign of the gradient is wrong: the inner derivative "
                                                            "of 1 - s z is -s."),
        Wrong(_hinge_variant(slope=lambda s, g: -2 * g), "the inner derivative of 1 - s z is -s, not -1: samples of "
                                                         "the class -1 are to be pushed the other way."),
        Wrong(_hinge_variant(slope=lambda s, g: 2 * g), "the inner derivative is missing from the gradient: 1 - s z "
                                                        "has the derivative -s."),
    ),
    hints=("Call the gap u = max(0, 1 - s z). The value is the mean of u^2. Where is the derivative of u with respect "
           "to z not zero?",
           "The chain rule: 2 u times the derivative of u, which is -s where the margin is below 1. Where it is above, "
           "u is 0 anyway.",
           "The gradient is -2 s u / n."),
    note="unlike the hinge's, this slope has no jump: its curvature is 2 / n below the margin 1, and 0 above.",
)

q7 = Numbers(
    name="losses.q7", title="the order, by hand",
    answer=(0.5919, 0.0915), rtol=0.004, atol=0.0006,
    because="H(p, q) = -0.8 log 0.6 - 0.2 log 0.4 = 0.5919. The target has the entropy H(p) = 0.5004, and the rest is "
            "KL(p || q) = 0.8 log(0.8 / 0.6) + 0.2 log(0.2 / 0.4) = 0.0915.",
    wrong=(
        Wrong((0.7777, 0.1046), "both are the wrong way round: the target p is the weight in front, the logarithm "
                                "stands on the prediction q."),
        Wrong((0.5919, 0.1046), "the cross-entropy is right. The second number is KL(q || p); in KL(p || q) the target "
                                "p is the weight in front."),
        Wrong((0.7777, 0.0915), "the divergence is right. The first number is H(q, p); in H(p, q) the logarithm stands "
                                "on the prediction q."),
        Wrong((0.8539, 0.1320), "these are bits, with logarithms of base 2. Take the natural logarithm."),
        Wrong((0.2571, 0.0397), "these have logarithms of base 10. Take the natural logarithm."),
        Wrong((-0.5919, 0.0915), "the sign of the first number is wrong: a cross-entropy is never negative."),
        Wrong((0.5919, -0.0915), "the sign of the second number is wrong: the divergence is never negative. It is the "
                                 "cross-entropy less the entropy of p."),
        Wrong((0.0915, 0.5919), "you have the two in the wrong order: the cross-entropy comes first."),
        Wrong((0.5919, 0.5004), "the second number is the entropy H(p). The divergence is what the cross-entropy has "
                                "above it."),
        Wrong((0.5919, 0.5919), "the two are equal for one-hot targets only. Here the entropy of p is not zero."),
        Wrong((0.5108, 0.5108), "this is -log q of the first class alone. The target is not one-hot: both classes "
                                "have a term."),
    ),
    hints=("Which of the two rows is the weight in front, and which one stands in the logarithm?",
           "H(p, q) = -0.8 log 0.6 - 0.2 log 0.4, with the natural logarithm.",
           "KL(p || q) = H(p, q) - H(p), where H(p) = -0.8 log 0.8 - 0.2 log 0.2."),
    note="no model can get below H(p) = 0.5004 on this target, so the loss is already close to its best.",
)

q8 = Choice(
    name="losses.q8", title="why, in words",
    true={"a": "the slope of the absolute error does not shrink near the minimum, so the steps keep their length.",
          "c": "they differ by the entropy of the target, which does not depend on the model: the slopes are equal.",
          "f": "as logits, probabilities differ by 1 at most, but the largest may still be that of the right class."},
    false={"b": "behind a sigmoid the squared error is flat also where the model is sure and wrong: the slope has "
                "the factor sigma (1 - sigma).",
           "d": "a bounded pull at a long lever is still strong. Huber's loss protects against wrong targets, not "
                "against wrong inputs.",
           "e": "one sure mistake costs more than many unsure right answers, so a model that is always right can have "
                "the higher cross-entropy."},
    hints=("For each statement ask: what does the slope do, near the minimum, far away, on the wrong side?",
           "Some of the statements have a counterexample on the page, with numbers.",
           "Three of the six are true."),
    note="now say each of them in your own words, and compare with solution().",
)
