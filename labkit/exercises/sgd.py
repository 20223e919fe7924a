"""Exercises on stochastic gradient descent and mini-batches (chapter 3)."""

import numpy as np

from labkit.exercises._kinds import Choice, Code, Numbers, Wrong

__all__ = ["q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8"]

q1 = Numbers(
    name="sgd.q1", title="counting",
    answer=(2820, 96, 720_000), rtol=0.0, atol=0.01,
    because="60,000 / 256 = 234.4, so an epoch has 235 steps, and 12 epochs have 2,820. The last batch has what 234 "
            "full ones leave over, 60,000 - 59,904 = 96. An epoch costs 60,000 sample gradients.",
    wrong=(
        Wrong((2808, 96, 720_000), "you rounded down, and so dropped the last batch of each epoch. It is short, but it "
                                   "is a step too."),
        Wrong((2813, 96, 720_000), "you rounded up once, at the end. Each epoch ends with a short batch of its own: "
                                   "round up for one epoch, then multiply."),
        Wrong((2813, 128, 720_000), "you cut all 720,000 visits in one go. Each epoch is cut on its own, and ends with "
                                    "a short batch of its own."),
        Wrong((2812.5, 96, 720_000), "half a step does not exist. How many steps has one epoch?"),
        Wrong((2820, 160, 720_000), "160 is what the last batch lacks to 256. How many samples are left for it?"),
        Wrong((2820, 96, 721_920), "you count every batch as a full one. Every sample is visited once in an epoch."),
        Wrong((12, 96, 720_000), "12 is the number of epochs. A step is one update, and an epoch has many of them."),
        Wrong((12, 96, 3072), "you take an epoch for a step. An epoch is one pass over all 60,000 samples."),
        Wrong((235, 96, 60_000), "this is one epoch. The run has 12."),
        Wrong((235, 96, 720_000), "235 is the number of steps of one epoch. The run has 12 epochs."),
        Wrong((2820, 96, 60_000), "60,000 sample gradients are the price of one epoch. The run has 12."),
        Wrong((2820, 96, 2820), "you count a step as one sample gradient. A step on a batch of B samples costs B."),
        Wrong((2820, 0, 720_000), "256 does not divide 60,000, so something is left for the last batch."),
    ),
    hints=("Begin with one epoch: how often does 256 fit into 60,000, and what is left over?",
           "234 full batches are 59,904 samples; the rest makes one more, short batch.",
           "235 steps an epoch times 12; the rest of the division; 60,000 samples times 12."),
    note="the price does not depend on the batch size: it is 720,000 with any.",
)


def batch_gradient(theta, X, y, batch):
    errors = X[batch] @ theta - y[batch]
    return 2 / len(batch) * X[batch].T @ errors


def _gradient(factor=lambda size, n: 2 / size, sign=1, chosen=lambda batch, n: batch):
    """Return a version of ``batch_gradient`` with one thing changed."""
    def gradient(theta, X, y, batch):
        used = chosen(batch, len(y))
        return sign * factor(len(used), len(y)) * X[used].T @ (X[used] @ theta - y[used])

    return gradient


def _gradient_cases():
    """Batches of one sample, of some and of all; gradients from 1e-8 to 1e8."""
    rng = np.random.default_rng(3)
    cases = []
    for n, d, batch, scale in [(8, 3, [5, 0, 2, 7], 1.0), (6, 2, [4], 1.0), (5, 2, [3, 1, 4, 0, 2], 1.0),
                               (9, 1, [8, 2, 7, 3], 1e4), (7, 4, [6, 5], 1e-4)]:
        X = scale * rng.normal(size=(n, d))
        cases.append({"theta": rng.normal(size=d), "X": X, "y": scale * rng.normal(size=n), "batch": np.array(batch)})
    return cases


q2 = Code(
    name="sgd.q2", title="the gradient of a mini-batch",
    answer=batch_gradient, outputs=("gradient",), cases=_gradient_cases,
    wrong=(
        Wrong(_gradient(lambda size, n: 1 / size), "it is half of what it should be: the loss on a sample is the "
                                                   "square of its error, without a factor 1/2."),
        Wrong(_gradient(lambda size, n: 2), "this is the sum over the batch. Take the mean, or the rate means "
                                            "something else for each batch size."),
        Wrong(_gradient(lambda size, n: 1), "this is the sum over the batch, and the factor 2 is missing."),
        Wrong(_gradient(lambda size, n: 2 / n), "you divide by all n samples. The mean is over the batch: on average "
                                                "yours is B / n of the gradient, and the more data, the worse."),
        Wrong(_gradient(lambda size, n: 1 / n), "you divide by all n samples where the mean is over the batch, and the "
                                                "factor 2 of the square is missing."),
        Wrong(_gradient(lambda size, n: 2 / size**2), "you divide by the size of the batch twice: once is a mean."),
        Wrong(_gradient(lambda size, n: 2 / size / n), "you divide by the size of the batch, and by n as well. The "
                                                       "first is enough: it makes the mean."),
        Wrong(lambda theta, X, y, batch: batch_gradient(theta, X, y, batch) * len(batch) / len(theta),
              "you divide by the number of parameters. The mean is over the samples of the batch."),
        Wrong(_gradient(sign=-1), "the sign is wrong: the error is the prediction minus the target. Turned round, the "
                                  "step that subtracts this goes uphill."),
        Wrong(_gradient(lambda size, n: 1 / size, sign=-1), "the error is turned round, target minus prediction, and "
                                                            "the factor 2 is missing."),
        Wrong(_gradient(chosen=lambda batch, n: np.arange(n)), "this is the gradient on all the data. Which samples "
                                                               "it is of is the whole difference: use batch."),
        Wrong(_gradient(chosen=lambda batch, n: np.arange(len(batch))),
              "you took the first rows, as many as the batch has. Batch holds the numbers of the rows to take."),
        Wrong(lambda theta, X, y, batch: 2 * np.mean(X[batch] @ theta - y[batch]),
              "this is the mean error, one number. Multiply each error by the features of its sample before the mean "
              "over the samples is taken."),
        Wrong(lambda theta, X, y, batch: 2 * np.mean(X[batch] @ theta - y[batch]) * X[batch].mean(axis=0),
              "this multiplies two means. Multiply first, each error by the features of its sample, and take the mean "
              "of the products."),
    ),
    hints=("X[batch] has the rows of the batch, y[batch] its targets. What are the errors of the predictions?",
           "One sample has the gradient 2 * error * x. Sum them with X[batch].T @ errors.",
           "2 / len(batch) * X[batch].T @ (X[batch] @ theta - y[batch])."),
    note="with the numbers of all samples in batch (case 3) it is the full gradient.",
)


def run_sgd(X, y, start, alpha, batch_size, epochs, seed):
    rng, path = np.random.default_rng(seed), [start]
    for _ in range(epochs):
        order = rng.permutation(len(y))
        for first in range(0, len(y), batch_size):
            batch = order[first:first + batch_size]
            path.append(path[-1] - alpha * batch_gradient(path[-1], X, y, batch))
    return np.array(path)


def _cut(order, size):
    return [order[first:first + size] for first in range(0, len(order), size)]


def _loop(draw=None, scale=lambda length, size, n: 1, gradient=batch_gradient, sign=-1, keep=slice(None), stale=False,
          every_epoch=False, full_batches=False, shared=False):
    """Return a version of ``run_sgd``; ``draw`` gets the generator, n, the batch size and the epochs."""
    draw = draw or (lambda rng, n, size, epochs: [_cut(rng.permutation(n), size) for _ in range(epochs)])

    def walk(X, y, start, alpha, batch_size, epochs, seed):
        theta, path, rng = start, [start], np.random.default_rng(seed)
        for batches in draw(rng, len(y), batch_size, epochs):
            begin = theta
            for batch in batches:
                if full_batches and len(batch) < batch_size:
                    continue
                g = gradient(begin if stale else theta, X, y, batch) * scale(len(batch), batch_size, len(y))
                theta = theta + sign * alpha * g
                path += [] if every_epoch else [theta]
            path += [theta] if every_epoch else []
        return np.array([theta] * len(path) if shared else path)[keep]

    return walk


def _fresh(pick):
    """Draw each batch by itself: ``pick`` gets the generator, n and the batch size."""
    return lambda rng, n, size, epochs: [[pick(rng, n, size) for _ in range(-(-n // size))] for _ in range(epochs)]


def _shuffled_on(rng, n, size, epochs):
    order, cut = np.arange(n), []
    for _ in range(epochs):
        order = rng.permutation(order)
        cut.append(_cut(order, size))
    return cut


def _unpaired(theta, X, y, batch):
    return 2 / len(batch) * X[batch].T @ (X[batch] @ theta - y[:len(batch)])


def _on_all(theta, X, y, batch):
    return batch_gradient(theta, X, y, np.arange(len(y)))


def _loop_cases():
    rng = np.random.default_rng(5)
    cases = []
    for n, d, scale, (alpha, size, epochs, seed) in [
        (7, 2, 1.0, (0.05, 3, 2, 0)), (6, 3, 1.0, (0.1, 1, 1, 1)), (10, 2, 1.0, (0.2, 4, 3, 2)),
        (5, 1, 1.0, (0.1, 8, 2, 3)), (6, 2, 1.0, (0.05, 2, 2, 4)), (5, 2, 1e4, (1e-9, 2, 2, 5)),
    ]:
        cases.append({"X": scale * rng.normal(size=(n, d)), "y": scale * rng.normal(size=n),
                      "start": rng.normal(size=d), "alpha": alpha, "batch_size": size, "epochs": epochs, "seed": seed})
    return cases


_CUT = "Shuffle once an epoch, and cut the list into pieces."

q3 = Code(
    name="sgd.q3", title="the loop",
    answer=run_sgd, outputs=("path",), cases=_loop_cases,
    wrong=(
        Wrong(_loop(lambda rng, n, size, epochs: [_cut(rng.permutation(n), size)] * epochs),
              "every epoch has the same order. Shuffle at the start of each epoch, with one generator that is made "
              "before the first: made anew from the seed, it repeats itself."),
        Wrong(_loop(lambda rng, n, size, epochs: [_cut(np.arange(n), size)] * epochs),
              "nothing is shuffled: the samples come in the order of the rows in every epoch."),
        Wrong(_loop(lambda rng, n, size, epochs: [_cut(rng.integers(n, size=n), size) for _ in range(epochs)]),
              "the samples of an epoch are drawn with replacement, so some come twice and others not at all. Shuffle: "
              "then every sample is visited once."),
        Wrong(_loop(_fresh(lambda rng, n, size: rng.permutation(n)[:size])),
              "each step shuffles all samples again and takes the first of them, so an epoch visits some samples twice "
              "and others not at all. " + _CUT),
        Wrong(_loop(_fresh(lambda rng, n, size: rng.integers(n, size=size))),
              "each batch is drawn by itself, with replacement: an epoch does not visit every sample once. " + _CUT),
        Wrong(_loop(_fresh(lambda rng, n, size: rng.choice(n, min(n, size), replace=False))),
              "each batch is drawn by itself: within an epoch a sample can come in two batches or in none. " + _CUT),
        Wrong(_loop(lambda rng, n, size, epochs: [[rng.permutation(n)[:size]] for _ in range(epochs)]),
              "you make one step an epoch. An epoch is a pass over all samples: go through the shuffled list to its "
              "end."),
        Wrong(_loop(full_batches=True), "the short batch at the end of an epoch is dropped, and its samples with it. "
                                        "Take a step on it too."),
        Wrong(_loop(scale=lambda length, size, n: length / size),
              "the sum over a short batch is divided by the batch size that was asked for. Divide it by the number of "
              "samples that are in it."),
        Wrong(_loop(gradient=_on_all), "each step takes the gradient on all the data, so nothing here is stochastic: "
                                       "this is gradient descent, and every step costs n sample gradients."),
        Wrong(_loop(scale=lambda length, size, n: length), "the gradients of a batch are summed up. Take their mean."),
        Wrong(_loop(scale=lambda length, size, n: length / n),
              "the sum over a batch is divided by all n samples. Divide it by the number of samples in the batch."),
        Wrong(_loop(scale=lambda length, size, n: 1 / n),
              "the mean over a batch is divided by n once more. Then the rate is in truth n times smaller."),
        Wrong(_loop(scale=lambda length, size, n: 0.5),
              "every step is half as long as it should be: the square of an error brings a factor 2."),
        Wrong(_loop(gradient=_unpaired), "you take the rows of X in the shuffled order, but the first targets as they "
                                         "stand, so a sample meets the target of another one."),
        Wrong(_loop(stale=True), "all gradients of an epoch are taken at its first point. Step at once, and take the "
                                 "next gradient at the new point."),
        Wrong(_loop(sign=1), "the sign is wrong: this walk goes uphill."),
        Wrong(_loop(keep=slice(1, None)), "the start is missing: the first point of the path is start."),
        Wrong(_loop(keep=slice(None, -1)), "the last point is missing: start, and one point for each step."),
        Wrong(_loop(keep=-1), "only the last point is returned. Return all of them, start included."),
        Wrong(_loop(shared=True), "all points of your path are the last one. You changed one array in place and listed "
                                  "it again and again: make a new array in each step."),
        Wrong(_loop(every_epoch=True), "you return a point for each epoch. Return one for each step."),
    ),
    also=(
        Wrong(_loop(_shuffled_on), "you shuffle the list of the last epoch on, not a new one; that is as random."),
        Wrong(_loop(lambda rng, n, size, epochs: [_cut(rng.choice(n, n, replace=False), size) for _ in range(epochs)]),
              "you shuffle with choice, which gives other orders than permutation; they are as random."),
    ),
    hints=("Two loops: one over the epochs, and in it one over the batches. The generator is made before both.",
           "order = rng.permutation(len(y)) at the start of an epoch; order[first:first + batch_size] for first = 0, "
           "batch_size, and so on. The last piece is shorter by itself.",
           "In the inner loop append path[-1] - alpha * batch_gradient(path[-1], X, y, batch)."),
)


def noise(each, B):
    n = len(each)
    spread = np.sum(each.var(axis=0))
    return spread / B, spread / B * (n - B) / (n - 1)


def _noise(by=lambda B: B, spread=lambda each: np.sum(each.var(axis=0)), factor=lambda n, B: (n - B) / (n - 1),
           root=False, swapped=False):
    """Return a version of ``noise`` with one thing changed."""
    def variance(each, B):
        drawn = spread(np.asarray(each)) / by(B)
        both = drawn, drawn * factor(len(each), B)
        both = both[::-1] if swapped else both
        return tuple(np.sqrt(both)) if root else both

    return variance


def _noise_cases():
    rng = np.random.default_rng(7)
    mixed = np.array([[1.0, 0.8], [0.0, 0.5]])
    return [{"each": np.array([[1.0, 0.0], [3.0, -2.0], [2.0, 2.0], [6.0, 4.0]]), "B": 2},
            {"each": rng.normal(size=(6, 3)) + 2, "B": 3}, {"each": rng.normal(size=(8, 2)) @ mixed, "B": 1},
            {"each": 1e8 * rng.normal(size=(5, 1)), "B": 4}, {"each": 1e-8 * rng.normal(size=(7, 2)), "B": 3}]


q4 = Code(
    name="sgd.q4", title="how noisy",
    answer=noise, outputs=("with_replacement", "without"), cases=_noise_cases,
    wrong=(
        Wrong(_noise(lambda B: 1), "the batch size is missing: either way the mean of more samples is less noisy."),
        Wrong(_noise(lambda B: 1 / B), "your variance grows with B. The mean of more samples is less noisy."),
        Wrong(_noise(lambda B: B**0.5), "you divide by the root of B. That is how the typical error falls, the root of "
                                        "the variance; the variance itself falls faster."),
        Wrong(_noise(lambda B: B**2), "you divide by B twice. In the mean of B independent draws each has the weight "
                                      "1/B, so it brings 1/B^2 of its variance; but there are B of them."),
        Wrong(_noise(root=True), "this is the typical error. The question is for its square, the variance."),
        Wrong(_noise(spread=lambda each: each.var(axis=0).mean()),
              "you take the mean over the parameters. The squared length of a vector is the sum over its entries: sum "
              "the variances, as the trace does."),
        Wrong(_noise(spread=lambda each: each.var() * each.shape[1]),
              "you take the variance around one common mean of all entries. Each parameter has a mean of its own: "
              "axis=0."),
        Wrong(_noise(spread=lambda each: each.var()), "you take the variance of all entries together. Take that of "
                                                      "each parameter around its own mean, axis=0, and sum them."),
        Wrong(_noise(spread=lambda each: np.sum(each.var(axis=0, ddof=1))),
              "you divide by n - 1 in the variance. The n samples are all there are, no sample of something larger, so "
              "divide by n."),
        Wrong(_noise(spread=lambda each: np.sum(np.cov(each.T, bias=True))),
              "you sum all entries of the covariance matrix. The trace is the sum of its diagonal alone."),
        Wrong(_noise(spread=lambda each: np.mean(np.sum(each**2, axis=1))),
              "this is the mean squared length. Take the mean of the gradients away first: only what deviates from it "
              "is noise."),
        Wrong(_noise(factor=lambda n, B: 1), "without replacement the noise is smaller: whoever was drawn cannot come "
                                             "again. At B = n it must be zero."),
        Wrong(_noise(factor=lambda n, B: (n - B) / n), "nearly: a batch of one sample is as noisy with replacement as "
                                                       "without, so the factor must be 1 at B = 1."),
        Wrong(_noise(factor=lambda n, B: (n - 1) / (n - B)), "the factor is upside down. Without replacement the noise "
                                                             "is smaller."),
        Wrong(_noise(factor=lambda n, B: ((n - B) / (n - 1)) ** 0.5), "the root of the factor belongs to the typical "
                                                                      "error; the variance has the factor itself."),
        Wrong(lambda each, B: (each.var(axis=0) / B, each.var(axis=0) / B * (len(each) - B) / (len(each) - 1)),
              "you return a variance for each parameter. The squared length of a vector is the sum over its entries."),
        Wrong(_noise(swapped=True), "the two are swapped: with replacement comes first."),
    ),
    hints=("First the trace of Sigma: the variance of every column of the array, all summed up.",
           "With replacement the variance is trace / B. At B = n, without replacement, it must come to zero.",
           "np.sum(each.var(axis=0)) / B, and the same times (n - B) / (n - 1)."),
    note="for B = 1 (case 3) the two agree: a single draw knows nothing of replacement.",
)


def floor_of_a_run():
    """The mean of theta^2 over the 10,000 runs of exercise 5, at the start and after 1 to 39 steps."""
    rng = np.random.default_rng(8)
    theta, squares = np.full(10_000, 10.0), []
    for _ in range(40):
        squares.append(np.mean(theta**2))
        theta = theta - 0.4 * (theta + 2 * rng.normal(size=10_000))
    return np.array(squares)


q5 = Numbers(
    name="sgd.q5", title="the noise floor",
    answer=(4.0, 20.0), rtol=0.09,
    because="The curve levels off at 1, so 0.4 sigma^2 / (2 - 0.4) = 1 and sigma^2 = 4. The floor is in proportion to "
            "1/B: a twentieth of it takes 20 samples.",
    wrong=(
        Wrong((5.0, 20), "you used the formula for small rates, alpha sigma^2 / 2. At 0.4 the rate is not small: use "
                         "the full one, with 2 - alpha mu."),
        Wrong((2.0, 20), "that is sigma. The question is for its square, the variance."),
        Wrong((1.0, 20), "1 is the floor itself, the mean of theta^2. Solve the formula of the floor for sigma^2."),
        Wrong((2.5, 20), "you divided the floor by the rate alone. Where is the factor 2 - alpha mu?"),
        Wrong((0.25, 20), "0.25 is the floor for sigma^2 = 1. Which sigma^2 brings it to what you read off?"),
        Wrong((4.0, 400), "sigma^2 is right. The mean of theta^2 falls as 1/B; it is the typical distance, its root, "
                          "that falls as one over the root of B."),
        Wrong((4.0, 20**0.5), "sigma^2 is right. The floor falls as 1/B, not as 1/B^2."),
        Wrong((4.0, 0.05), "sigma^2 is right. You need more samples in a batch, not fewer: the floor falls as 1/B."),
    ),
    hints=("Read off the height at which the curve levels off. It is the mean of theta^2 in the long run.",
           "The floor is alpha sigma^2 / (B mu (2 - alpha mu)). Everything but sigma^2 is known.",
           "The floor is 1, so sigma^2 = (2 - 0.4) / 0.4. To come from 1 to 0.05 it must fall by the factor 20."),
    note="a smaller rate would do as well: the floor is 0.05 at alpha = 0.0247, a sixteenth of 0.4.",
)


def mean_square(t, theta_0, alpha, mu, sigma, B):
    left = (1 - alpha * mu) ** (2 * t)
    floor = alpha * sigma**2 / (B * mu * (2 - alpha * mu))
    return left * theta_0**2 + (1 - left) * floor


def _mean_square(start=1, noises=0, power=2, fresh=lambda alpha, sigma, B: alpha**2 * sigma**2 / B, lone=False):
    """Return a version of ``mean_square``, as the sum that it is, with one thing changed."""
    def sum_up(t, theta_0, alpha, mu, sigma, B):
        factor = abs(1 - alpha * mu) ** power
        ages = np.arange(1 if lone and t else max(t + noises, 0))
        return start * factor**t * theta_0**2 + np.sum(factor**ages) * fresh(alpha, sigma, B)

    return sum_up


def _mixed(floor=lambda alpha, mu, sigma, B: alpha * sigma**2 / (B * mu * (2 - alpha * mu)), shares=None):
    """Return a version of ``mean_square`` with another floor, or other shares of start and floor."""
    def mix(t, theta_0, alpha, mu, sigma, B):
        left = (1 - alpha * mu) ** (2 * t)
        of_start, of_floor = shares(left) if shares else (left, 1 - left)
        return of_start * theta_0**2 + of_floor * floor(alpha, mu, sigma, B)

    return mix


q6 = Code(
    name="sgd.q6", title="on the way to the floor",
    answer=mean_square, outputs=("mean_square",),
    cases=lambda: [{"t": t, "theta_0": theta, "alpha": alpha, "mu": mu, "sigma": sigma, "B": B}
                   for t, theta, alpha, mu, sigma, B in
                   [(5, 3.0, 0.1, 1.0, 2.0, 4), (1, 2.0, 0.3, 2.0, 0.5, 1), (20, -1.5, 0.02, 3.0, 1.5, 16),
                    (3, 0.0, 0.5, 1.0, 3.0, 2), (6, 1.0, 0.9, 2.1, 0.3, 9), (2, 1e8, 0.2, 0.5, 1e-8, 3),
                    (0, 2.5, 0.4, 1.0, 1.0, 2), (500, 4.0, 0.1, 1.0, 2.0, 8)]],
    wrong=(
        Wrong(_mixed(shares=lambda left: (0, 1)),
              "this is the floor, which is reached in the long run. The question is for the mean after t steps, when "
              "the start is not forgotten yet."),
        Wrong(_mixed(shares=lambda left: (left, 0)),
              "this is a walk without noise. Every step adds alpha^2 sigma^2 / B, and later steps shrink it."),
        Wrong(_mixed(shares=lambda left: (left, 1)),
              "the whole floor is in it from the first step on. At t = 0 there is no noise yet: the noises of t steps "
              "are a finite geometric series."),
        Wrong(_mixed(lambda alpha, mu, sigma, B: alpha * sigma**2 / (2 * B * mu)),
              "you used the floor for small rates. Keep 2 - alpha mu, which makes it hold for all rates up to the "
              "border."),
        Wrong(_mean_square(start=0), "the start is missing: its square shrinks by (1 - alpha mu)^2 in each step."),
        Wrong(_mixed(shares=lambda left: (left**0.5, 1 - left**0.5)),
              "your share of the start shrinks by 1 - alpha mu in a step. That is how the distance shrinks; the "
              "question is for its square."),
        Wrong(_mean_square(power=1), "the distance shrinks by 1 - alpha mu in a step, so its square, and that of each "
                                     "noise, shrinks by the square of it."),
        Wrong(lambda t, theta_0, alpha, mu, sigma, B:
              (1 - alpha * mu) ** (2 * t) * theta_0**2 + t * alpha**2 * sigma**2 / B,
              "all t noises are in it at their full size. A noise shrinks in every later step, as the distance does."),
        Wrong(lambda t, theta_0, alpha, mu, sigma, B:
              mean_square(t, 0.0, alpha, mu, sigma, B) + (1 - alpha * mu) ** (2 * t) * theta_0,
              "the start enters as it is. The question is for a mean of squares: square it."),
        Wrong(_mean_square(lone=True), "one noise only is in it. Each of the t steps adds one, and all later steps "
                                       "shrink it."),
        Wrong(_mean_square(noises=1), "one noise too many: t steps bring t noises, 0 to t - 1 steps old."),
        Wrong(_mean_square(noises=-1), "one noise is missing: t steps bring t noises, 0 to t - 1 steps old."),
        Wrong(_mean_square(fresh=lambda alpha, sigma, B: alpha * sigma**2 / B),
              "a step adds the noise times alpha, and the variance of that has alpha squared."),
        Wrong(_mean_square(fresh=lambda alpha, sigma, B: sigma**2 / B),
              "a step adds the noise times alpha, but your noise is without the rate."),
        Wrong(_mean_square(fresh=lambda alpha, sigma, B: alpha**2 * sigma / B),
              "sigma is a standard deviation. The variance is its square."),
        Wrong(_mean_square(fresh=lambda alpha, sigma, B: alpha**2 * sigma**2),
              "the batch size is missing: the noise of a mean of B samples has the variance sigma^2 / B."),
        Wrong(_mean_square(fresh=lambda alpha, sigma, B: alpha**2 * sigma**2 * B),
              "more samples mean less noise: the variance is sigma^2 / B."),
        Wrong(_mean_square(fresh=lambda alpha, sigma, B: alpha**2 * sigma**2 / B**0.5),
              "the variance falls as 1/B. What falls with the root of B is the standard deviation."),
        Wrong(_mean_square(fresh=lambda alpha, sigma, B: alpha**2 * sigma**2 / B**2),
              "the variance of the mean of B independent samples is sigma^2 / B, not over B^2."),
    ),
    hints=("From one step to the next: the mean of theta^2 is multiplied by (1 - alpha mu)^2, and alpha^2 sigma^2 / B "
           "is added. A loop over t steps is a right answer.",
           "The noise that is k steps old has shrunk by (1 - alpha mu)^(2k). Sum k = 0 to t - 1: a geometric series.",
           "The start keeps the share (1 - alpha mu)^(2t), and the floor has the rest, one minus this share."),
    note="start and floor are mixed, a share of the one and the rest of the other. Case 8 stands on the floor.",
)


def scaled_rate(alpha, B, new_B, noise_scale):
    return alpha * (1 + noise_scale / B) / (1 + noise_scale / new_B)


q7 = Code(
    name="sgd.q7", title="another batch size",
    answer=scaled_rate, outputs=("rate",),
    cases=lambda: [{"alpha": alpha, "B": B, "new_B": new_B, "noise_scale": scale} for alpha, B, new_B, scale in
                   [(0.1, 32, 128, 100.0), (0.02, 1, 8, 5000.0), (0.5, 256, 1024, 10.0), (0.3, 64, 16, 40.0),
                    (1e-4, 100, 400, 100.0)]],
    wrong=(
        Wrong(lambda alpha, B, new_B, scale: alpha * new_B / B,
              "this is the linear scaling rule. It is right as long as both batches are small against the noise scale; "
              "case 3 is far from that."),
        Wrong(lambda alpha, B, new_B, scale: alpha * B / new_B,
              "this is the linear scaling rule, upside down: a larger batch is less noisy, so it stands a larger rate. "
              "And the rule holds only far below the noise scale."),
        Wrong(lambda alpha, B, new_B, scale: alpha * (new_B / B) ** 0.5,
              "this scales by the root. For one step on a quadratic loss the page has a formula, which also says where "
              "the growth ends."),
        Wrong(lambda alpha, B, new_B, scale: alpha * (1 + scale / new_B) / (1 + scale / B),
              "upside down: a larger batch is less noisy, so it stands a larger rate."),
        Wrong(lambda alpha, B, new_B, scale: alpha / (1 + scale / new_B),
              "you took alpha for the largest rate, that of exact steps. It is the best rate at the batch size B: work "
              "out the largest one from it first."),
        Wrong(lambda alpha, B, new_B, scale: alpha * (1 + scale / B),
              "this is the largest rate, that of exact steps. Now bring it to the new batch size."),
        Wrong(lambda alpha, B, new_B, scale: alpha * (1 + B / scale) / (1 + new_B / scale),
              "the quotient in the bracket is upside down: it is the noise scale over the batch size."),
        Wrong(lambda alpha, B, new_B, scale: alpha * (1 + new_B / scale) / (1 + B / scale),
              "the quotient in the bracket is upside down, and the two brackets have changed places: your rate would "
              "grow with the batch without end."),
        Wrong(lambda alpha, B, new_B, scale: alpha,
              "this is the old rate. It belongs to the old batch size: a larger batch stands a larger one."),
    ),
    hints=("Write the page's formula for the best rate of one step twice, once for B and once for new_B.",
           "alpha = alpha_max / (1 + noise_scale / B). Solve it for alpha_max.",
           "Divide alpha_max = alpha (1 + noise_scale / B) by 1 + noise_scale / new_B."),
    note="in case 2, far below the noise scale, the rate grows by 7.99 for 8 times the batch: that is the linear "
         "scaling rule. In case 3, far above it, it grows by 1.03 for 4 times the batch.",
)

q8 = Choice(
    name="sgd.q8", title="why, in words",
    true={"b": "the variance falls as 1/B, to a quarter, and the typical error is its root.",
          "d": "then the gradient of every sample is zero at the minimum, so there the noise is zero too, and the "
               "floor with it.",
          "e": "each step is for twice the samples, and an epoch visits every sample once with any batch size."},
    false={"a": "it is unbiased: over all draws its mean is the full gradient. It is noisy, which is another thing.",
           "c": "the update of SGD and of gradient descent is the same. The gradient on all the data is exact, so "
                "nothing is random.",
           "f": "each of its steps is 10,000 times cheaper, but a further digit costs it about ten times as much as "
                "all before, while gradient descent gains a fixed factor with each step."},
    hints=("For a and b: what is the mean of a mini-batch gradient over many draws, and what is its variance?",
           "For d and f look at the race on the page, and at what it says about data without noise.",
           "Three of the six are true."),
    note="now say each of them in your own words, and compare with solution().",
)
