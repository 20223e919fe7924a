"""Exercises on RMSprop and Adagrad (chapter 5)."""

import numpy as np

from labkit.exercises._kinds import Choice, Code, Numbers, Wrong

__all__ = ["q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8"]


def lengths(name, t):
    """The step lengths in the figure of exercise 1, of Adagrad or RMSprop."""
    t = np.asarray(t, float)
    return 0.2 / np.sqrt(t) if name == "Adagrad" else 0.02 / np.sqrt(1 - 0.96**t)


q1 = Numbers(
    name="rmsprop.q1", title="two optimizers in one figure",
    answer=(0.2, 0.02, 0.96), rtol=0.01,
    because="Adagrad's first step is one rate long, 0.2. RMSprop's steps settle at one rate, 0.02. Its first one is "
            "0.1, five times as long, so 1 over the root of 1 - rho is 5, and 1 - rho is 1/25.",
    wrong=(
        Wrong((0.2, 0.1, 0.96),
              "0.1 is RMSprop's first step. It is longer than a rate, since v starts at 0. Where does the step "
              "settle?"),
        Wrong((0.02, 0.02, 0.96),
              "0.02 is Adagrad's step at t = 100. By then its sum has 100 terms. At which step has it only one?"),
        Wrong((0.2, 0.02, 0.8), "a square is missing in rho: the first step is 1 over the root of 1 - rho."),
        Wrong((0.2, 0.02, 0.04), "0.04 is 1 - rho, the weight of the new square. rho is the weight of the old mean."),
        Wrong((0.2, 0.02, 0.2), "0.2 is the root of 1 - rho. Square it, and solve for rho."),
        Wrong((0.2, 0.02, 5), "5 is the first step over the rate. It is 1 over the root of 1 - rho: solve for rho."),
        Wrong((0.2, 0.02, 25), "25 is 1 over 1 - rho. Solve for rho."),
        Wrong((0.02, 0.2, 0.96), "the two rates are swapped. Adagrad's steps are those that go on falling."),
    ),
    hints=("With a constant gradient g, what is the divisor of each method in the first step? And after very many?",
           "Adagrad divides by |g| in the first step. RMSprop divides by |g| times the root of 1 - rho in the first, "
           "and by |g| after many.",
           "The ratio of RMSprop's first step to its last is 1 over the root of 1 - rho. Solve for rho."),
    note="the gradient of 5 plays no part: it drops out of every step.",
)


def adagrad(start, gradients, learning_rate, initial_accumulator_value, epsilon):
    total = initial_accumulator_value
    path = [start]
    for g in gradients:
        total = total + g**2
        path.append(path[-1] - learning_rate * g / np.sqrt(total + epsilon))
    return np.array(path)


def _adagrad(square=np.square, total="sum", first=True, divisor=lambda G, e: np.sqrt(G + e), sign=-1, late=False,
             shared=False, drop=slice(None)):
    """Return a version of ``adagrad`` with one thing changed."""
    def walk(start, gradients, learning_rate, initial_accumulator_value, epsilon):
        value = initial_accumulator_value if first else 0.0
        G, path = np.full(np.shape(start), value), [start]
        for t, g in enumerate(gradients, start=1):
            old, now = G, np.sum(square(g)) if shared else square(g)
            G = {"newest": value + now, "again": G + now + (value if t > 1 else 0),
                 "running": 0.9 * G + 0.1 * now}.get(total, G + now)
            used = old if late else G / t if total == "mean" else G
            path.append(path[-1] + sign * learning_rate * g / divisor(used, epsilon))
        return np.array(path)[drop]

    return walk


def _by_the_clock(start, gradients, learning_rate, initial_accumulator_value, epsilon):
    t = np.arange(1, len(gradients) + 1).reshape(-1, *[1] * np.ndim(start))
    return np.concatenate([[start], start - np.cumsum(learning_rate * gradients / np.sqrt(t), axis=0)])


def _in_place(*given):
    path = adagrad(*given)
    return np.stack([path[-1]] * len(path))


def _streams():
    """Streams of gradients from 1e-8 to 1e8, some of them zero; parameters from 0-d to 2-d."""
    rng = np.random.default_rng(5)
    cases = []
    for shape, scale, steps, (rate, first, epsilon) in [
        ((2,), 1.0, 4, (0.5, 0.1, 1e-7)),
        ((), 1.0, 3, (0.1, 0.0, 1e-3)),
        ((3,), 1e-8, 5, (0.5, 0.0, 1e-7)),
        ((2, 2), 1e8, 3, (0.02, 0.1, 1e-7)),
        ((2,), 0.1, 6, (1.0, 0.5, 0.01)),
        ((3,), 1.0, 1, (0.3, 0.2, 1e-8)),
    ]:
        gradients = scale * rng.normal(size=(steps, *shape))
        if steps > 4:
            gradients[:3, 0] = 0.0
        cases.append({"start": np.asarray(rng.normal(size=shape)), "gradients": gradients, "learning_rate": rate,
                      "initial_accumulator_value": first, "epsilon": epsilon})
    return cases


q2 = Code(
    name="rmsprop.q2", title="Adagrad on a stream of gradients",
    answer=adagrad, outputs=("path",), cases=_streams,
    wrong=(
        Wrong(_adagrad(square=lambda g: g),
              "G adds up the gradients, not their squares: opposite signs cancel, and a negative sum has no root."),
        Wrong(_adagrad(square=lambda g: g, divisor=lambda G, e: G + e),
              "this divides by the sum of the gradients themselves: opposite signs cancel in it, and a step may go "
              "uphill. Add up the squares, and divide by the root."),
        Wrong(_adagrad(square=np.abs), "G adds up the sizes of the gradients, not their squares."),
        Wrong(_adagrad(square=np.abs, divisor=lambda G, e: G + e),
              "this divides by the sum of the sizes. Adagrad divides by the root of the sum of the squares: for "
              "equal gradients its steps fall like one over the root of t, not like 1/t."),
        Wrong(_adagrad(total="mean"),
              "you divide by the root of the mean of the squares. Adagrad's is their sum: that is why its steps "
              "shrink."),
        Wrong(_adagrad(total="running"),
              "G is a running mean that forgets, as in RMSprop. Adagrad forgets nothing: it adds up."),
        Wrong(_adagrad(total="newest"), "G holds the newest square only. Keep the sum from step to step."),
        Wrong(_adagrad(total="again"),
              "the initial value is added at every step. It is the start of the sum, and is added once."),
        Wrong(_adagrad(first=False), "the initial value of the sum is not used: G_0 is initial_accumulator_value."),
        Wrong(_adagrad(late=True),
              "the sum is used before the newest square is added. G_t holds g_t^2 already when it divides g_t."),
        Wrong(_adagrad(shared=True), "all parameters share one sum. Each has its own: add up entry by entry."),
        Wrong(_adagrad(divisor=lambda G, e: G + e), "the root is missing: divide by the root of G + epsilon."),
        Wrong(_adagrad(divisor=lambda G, e: np.sqrt(G) + e),
              "epsilon is added to the root. On this page, as in Keras, it stands inside, added to G."),
        Wrong(_adagrad(divisor=lambda G, e: np.sqrt(G)),
              "epsilon is missing. Where the sum starts at 0 and all gradients so far were 0, this gives 0 / 0."),
        Wrong(_adagrad(sign=1), "the sign is wrong: these steps go uphill."),
        Wrong(_by_the_clock,
              "this rate falls with the clock, like one over the root of t. Adagrad's falls with the squared "
              "gradients, for each parameter by its own."),
        Wrong(_in_place,
              "all points are the last one: theta -= ... changes the one array that stands in the list each time. "
              "Write theta = theta - ..., which makes a new one."),
        Wrong(_adagrad(drop=slice(1, None)),
              "the start is missing: the path has one point more than there are gradients."),
        Wrong(_adagrad(drop=slice(None, -1)),
              "the last point is missing: the path has one point more than there are gradients."),
        Wrong(_adagrad(drop=-1), "only the last point is returned. Return all of them, start included."),
    ),
    hints=("Two things live on from step to step: theta and G. Begin with theta = start and G = the initial value.",
           "In the loop over the gradients first add g**2 to G, then take the step, then append theta to the path.",
           "theta = theta - learning_rate * g / np.sqrt(G + epsilon). Write theta = ... and not theta -= ..., which "
           "would change the caller's start."),
)


def rmsprop_step(theta, grad, v, learning_rate, rho, epsilon):
    v = rho * v + (1 - rho) * grad**2
    theta = theta - learning_rate * grad / np.sqrt(v + epsilon)
    return theta, v


def _rmsprop(square=np.square, mean=lambda v, s, r: r * v + (1 - r) * s, divisor=lambda v, e: np.sqrt(v + e), sign=-1,
             late=False, keep=lambda old, v, e: v, top=lambda g: g, rate=lambda a, r: a, beside=lambda e: 0.0):
    """Return a version of ``rmsprop_step`` with one thing changed."""
    def step(theta, grad, v, learning_rate, rho, epsilon):
        old, v = v, mean(v, square(grad), rho)
        used = old if late else v
        moved = theta + sign * rate(learning_rate, rho) * top(grad) / divisor(used, epsilon) + beside(epsilon)
        return moved, keep(old, v, epsilon)

    return step


def _step_cases():
    """First steps and later ones; gradients from 1e-8 to 1e8, one of them zero; 0-d to 2-d."""
    rng = np.random.default_rng(15)
    cases = []
    for shape, scale, first, (rate, rho, epsilon) in [
        ((3,), 1.0, False, (0.1, 0.9, 1e-7)),
        ((), 1.0, True, (0.01, 0.99, 1e-8)),
        ((3,), 1e-8, True, (0.1, 0.9, 1e-7)),
        ((2, 3), 1e8, True, (0.5, 0.8, 1e-7)),
        ((2, 2), 1e-4, False, (0.02, 0.5, 1e-8)),
        ((2,), 0.1, False, (1.0, 0.95, 0.01)),
        ((), 1e8, False, (0.3, 0.999, 1e-7)),
    ]:
        cases.append({"theta": np.asarray(rng.normal(size=shape)), "grad": np.asarray(scale * rng.normal(size=shape)),
                      "v": np.zeros(shape) if first else np.asarray(scale**2 * rng.uniform(0.5, 2, size=shape)),
                      "learning_rate": rate, "rho": rho, "epsilon": epsilon})
    cases[2]["grad"][0] = 0.0
    return cases


q3 = Code(
    name="rmsprop.q3", title="one step of RMSprop",
    answer=rmsprop_step, outputs=("theta", "v"), cases=_step_cases,
    wrong=(
        Wrong(_rmsprop(square=lambda g: g),
              "v is the mean of the gradient, not of its square: use grad**2. A negative mean has no root."),
        Wrong(_rmsprop(square=lambda g: g, divisor=lambda v, e: v + e),
              "this divides by a running mean of the gradient itself, as in one of the sources. Where signs change "
              "it is near 0, and where it has the other sign than the gradient the step goes uphill. Use the "
              "square, and the root."),
        Wrong(_rmsprop(square=np.abs), "v is the mean of the gradient's size, not of its square: use grad**2."),
        Wrong(_rmsprop(square=np.abs, divisor=lambda v, e: v + e),
              "this divides by the mean of the gradient's size. RMSprop divides by the root of the mean of its "
              "square."),
        Wrong(_rmsprop(divisor=lambda v, e: v + e),
              "the root is missing: with the square below, the step depends on the scale of the loss."),
        Wrong(_rmsprop(divisor=lambda v, e: np.sqrt(v) + e),
              "epsilon is added to the root. That is PyTorch's convention; here, as in Keras, epsilon stands "
              "inside the root."),
        Wrong(_rmsprop(divisor=lambda v, e: np.sqrt(v)),
              "epsilon is missing. Without it, a gradient of zero gives 0 / 0, and tiny gradients give full steps."),
        Wrong(_rmsprop(divisor=lambda v, e: 1 + np.sqrt(v)),
              "there is a 1 in the divisor. With it the scale of the loss matters again. Only a tiny epsilon "
              "belongs there, inside the root."),
        Wrong(_rmsprop(mean=lambda v, s, r: (1 - r) * v + r * s),
              "rho and 1 - rho are swapped: rho is how much of the old mean is kept."),
        Wrong(_rmsprop(mean=lambda v, s, r: r * v + s),
              "the new square has no weight: it counts 1 - rho, so that the two weights add up to 1."),
        Wrong(_rmsprop(mean=lambda v, s, r: v + (1 - r) * s),
              "the old mean is not multiplied by rho, so this sum only grows."),
        Wrong(_rmsprop(mean=lambda v, s, r: v + s),
              "this is Adagrad: v adds up all squares and forgets nothing. Take the running mean with rho."),
        Wrong(_rmsprop(mean=lambda v, s, r: (1 - r) * s),
              "the old mean is not used: v is rho times the old v, plus the share of the new square."),
        Wrong(_rmsprop(late=True), "the old v is in the divisor. Update v first, then take the step with the new one."),
        Wrong(_rmsprop(keep=lambda old, v, e: old),
              "the step is right, but the old v is returned, so the next step would forget this gradient. Return "
              "the new one."),
        Wrong(_rmsprop(keep=lambda old, v, e: np.sqrt(v)),
              "the step is right, but the root of v is returned. The next step needs the mean of the squares "
              "itself."),
        Wrong(_rmsprop(keep=lambda old, v, e: v + e),
              "the step is right, but the returned v contains epsilon, and would gather one in every step. Add "
              "epsilon in the divisor only."),
        Wrong(_rmsprop(keep=lambda old, v, e: np.sqrt(v + e)),
              "the step is right, but the divisor is returned in place of v. The next step needs the mean of the "
              "squares itself."),
        Wrong(_rmsprop(square=lambda g: 2 * g), "the gradient is doubled, not squared: use grad**2."),
        Wrong(_rmsprop(square=lambda g: np.sum(g**2)),
              "all parameters share one mean: the squares are summed up. Each has its own, entry by entry."),
        Wrong(_rmsprop(rate=lambda a, r: a * r),
              "the rate is multiplied by rho. rho is the memory of the mean of squares; it does not decay the "
              "rate."),
        Wrong(_rmsprop(divisor=lambda v, e: np.sqrt(v), beside=lambda e: e),
              "epsilon is added to theta: brackets are missing. It belongs in the divisor, inside the root."),
        Wrong(_rmsprop(sign=1), "the sign is wrong: this step goes uphill. Subtract it from theta."),
        Wrong(_rmsprop(top=np.sign),
              "the sign of the gradient stands on top. It is the gradient itself that is divided."),
        Wrong(_rmsprop(top=lambda g: 1.0),
              "the gradient on top is missing: only the rate is divided, so every step goes the same way."),
    ),
    hints=("Two lines: first the new v, from the old v and the square of the gradient; then the step, with the new v.",
           "v = rho * v + (1 - rho) * grad**2. The divisor is the root of v + epsilon.",
           "theta - learning_rate * grad / np.sqrt(v + epsilon). Write v = ... and not v *= ..., which would change "
           "the caller's array."),
    note="one array beside theta is all that RMSprop remembers.",
)


def momentum_step(theta, grad, v, u, learning_rate, rho, momentum, epsilon):
    v = rho * v + (1 - rho) * grad**2
    u = momentum * u + learning_rate * grad / np.sqrt(v + epsilon)
    return theta - u, v, u


def _momentum(velocity=lambda u, a, d, b: b * u + a * d, move=lambda u, a, d, b: -u, keep_v=True, keep_u=True,
              late=False, outside=False, swapped=False, stale=False):
    """Return a version of ``momentum_step`` with one thing changed."""
    def step(theta, grad, v, u, learning_rate, rho, momentum, epsilon):
        if swapped:
            rho, momentum = momentum, rho
        old_v, old_u = v, u
        v = rho * v + (1 - rho) * grad**2
        used = old_v if late else v
        d = grad / (np.sqrt(used) + epsilon if outside else np.sqrt(used + epsilon))
        u = velocity(u, learning_rate, d, momentum)
        moved = theta + move(old_u if stale else u, learning_rate, d, momentum)
        return moved, v if keep_v else old_v, u if keep_u else old_u

    return step


def _raw_velocity(theta, grad, v, u, learning_rate, rho, momentum, epsilon):
    v = rho * v + (1 - rho) * grad**2
    u = momentum * u + learning_rate * grad
    return theta - u / np.sqrt(v + epsilon), v, u


def _raw_velocity_without_rate(theta, grad, v, u, learning_rate, rho, momentum, epsilon):
    v = rho * v + (1 - rho) * grad**2
    u = momentum * u + grad
    return theta - learning_rate * u / np.sqrt(v + epsilon), v, u


def _old_velocity_divided(theta, grad, v, u, learning_rate, rho, momentum, epsilon):
    v = rho * v + (1 - rho) * grad**2
    u = (momentum * u + learning_rate * grad) / np.sqrt(v + epsilon)
    return theta - u, v, u


def _square_of_velocity(theta, grad, v, u, learning_rate, rho, momentum, epsilon):
    u = momentum * u + grad
    v = rho * v + (1 - rho) * u**2
    return theta - learning_rate * u / np.sqrt(v + epsilon), v, u


def _with_velocity():
    """The cases of a step, with a velocity and a momentum."""
    rng = np.random.default_rng(25)
    return [{"theta": c["theta"], "grad": c["grad"], "v": c["v"],
             "u": np.asarray(c["learning_rate"] * rng.normal(size=np.shape(c["theta"])) * np.any(c["v"] > 0)),
             "learning_rate": c["learning_rate"], "rho": c["rho"], "momentum": b, "epsilon": c["epsilon"]}
            for c, b in zip(_step_cases(), [0.9, 0.5, 0.9, 0.99, 0.7, 0.8, 0.0])]


q4 = Code(
    name="rmsprop.q4", title="RMSprop with momentum",
    answer=momentum_step, outputs=("theta", "v", "u"), cases=_with_velocity,
    wrong=(
        Wrong(_momentum(lambda u, a, d, b: b * u + d, lambda u, a, d, b: -a * u),
              "the rate stands outside the velocity, as in PyTorch. Here u contains the rate already, as in Keras."),
        Wrong(_momentum(move=lambda u, a, d, b: -a * u),
              "the rate is there twice: once in the velocity and once before it."),
        Wrong(_momentum(lambda u, a, d, b: b * u + d), "the rate is missing."),
        Wrong(_raw_velocity,
              "the order is turned round: the velocity adds up raw gradients, and the sum is divided. Divide each "
              "gradient first, then add it to the velocity."),
        Wrong(_raw_velocity_without_rate,
              "the order is turned round: u adds up raw gradients, and the rate and the root come after it. Here "
              "each gradient is multiplied by the rate and divided by the root first."),
        Wrong(_old_velocity_divided,
              "the old velocity is divided by the root too. Only the new gradient is: the old ones in the velocity "
              "were divided in their own steps."),
        Wrong(_square_of_velocity,
              "the order is turned round: v is made from the velocity. It is the mean of the squared gradients, "
              "and the velocity comes after the division."),
        Wrong(_momentum(move=lambda u, a, d, b: u), "the sign is wrong: the velocity is subtracted from theta."),
        Wrong(_momentum(lambda u, a, d, b: b * u - a * d, lambda u, a, d, b: u),
              "your u has the opposite sign of the page's: here the scaled gradient is added to the velocity, and "
              "the velocity is subtracted from theta."),
        Wrong(_momentum(lambda u, a, d, b: b * u + (1 - b) * a * d),
              "the new part of the velocity is multiplied by 1 - momentum. In this velocity it has the full "
              "weight."),
        Wrong(_momentum(lambda u, a, d, b: b * (u + a * d)),
              "the new part of the velocity is multiplied by the momentum too. Only the old velocity is."),
        Wrong(_momentum(lambda u, a, d, b: u + a * d),
              "the old velocity is not multiplied by the momentum, so it forgets nothing."),
        Wrong(_momentum(lambda u, a, d, b: a * d), "the old velocity is not used: this is RMSprop without momentum."),
        Wrong(_momentum(move=lambda u, a, d, b: -b * u - a * d),
              "this step looks ahead, as Nesterov's does. Here theta just loses the new u."),
        Wrong(_momentum(move=lambda u, a, d, b: -u - a * d),
              "the new gradient is counted twice: in u, and beside it. u contains it already."),
        Wrong(_momentum(stale=True), "theta moves by the old velocity. Update u first, then subtract the new one."),
        Wrong(_momentum(keep_u=False), "theta is right, but the old u is returned. Return the new one."),
        Wrong(_momentum(keep_v=False), "theta is right, but the old v is returned. Return the new one."),
        Wrong(_momentum(keep_v=False, keep_u=False),
              "theta is right, but the old v and u are returned. Return the new ones."),
        Wrong(_momentum(late=True), "the old v is in the divisor. Update v first."),
        Wrong(_momentum(outside=True), "epsilon is added to the root. Here it stands inside."),
        Wrong(_momentum(swapped=True), "rho and momentum are swapped: rho belongs to v, momentum to u."),
    ),
    hints=("Three lines: v as before, then u, then theta. The scaled gradient is d = grad / root of (v + epsilon).",
           "The rate stands inside the velocity: u = momentum * u + learning_rate * d.",
           "The new theta is theta - u, with the new u. Return theta, v and u, all three new."),
    note="with momentum 0 it is the step of exercise 3.",
)


def centered_step(theta, grad, v, mean, learning_rate, rho, epsilon):
    v = rho * v + (1 - rho) * grad**2
    mean = rho * mean + (1 - rho) * grad
    theta = theta - learning_rate * grad / np.sqrt(v - mean**2 + epsilon)
    return theta, v, mean


def _centered(spread=lambda v, m, old: v - m**2, second=lambda g: g, divisor=lambda s, e: np.sqrt(s + e),
              top=lambda g, m: g, keep=(True, True), weight=True, sign=-1):
    """Return a version of ``centered_step`` with one thing changed."""
    def step(theta, grad, v, mean, learning_rate, rho, epsilon):
        old_v, old_mean = v, mean
        v = rho * v + (1 - rho) * grad**2
        mean = rho * mean + (1 - rho if weight else 1) * second(grad)
        theta = theta + sign * learning_rate * top(grad, mean) / divisor(spread(v, mean, old_mean), epsilon)
        return theta, v if keep[0] else old_v, mean if keep[1] else old_mean

    return step


def _deviations(theta, grad, v, mean, learning_rate, rho, epsilon):
    mean = rho * mean + (1 - rho) * grad
    v = rho * v + (1 - rho) * (grad - mean) ** 2
    return theta - learning_rate * grad / np.sqrt(v + epsilon), v, mean


def _variance_kept(theta, grad, v, mean, learning_rate, rho, epsilon):
    theta, v, mean = centered_step(theta, grad, v, mean, learning_rate, rho, epsilon)
    return theta, v - mean**2, mean


def _with_mean():
    """The cases of a step, with a mean whose square is well below v."""
    rng = np.random.default_rng(35)
    return [{"theta": c["theta"], "grad": c["grad"], "v": c["v"],
             "mean": np.asarray(np.sqrt(c["v"]) * rng.uniform(-0.6, 0.6, size=np.shape(c["theta"]))),
             "learning_rate": c["learning_rate"], "rho": c["rho"], "epsilon": c["epsilon"]} for c in _step_cases()]


q5 = Code(
    name="rmsprop.q5", title="the centred variant",
    answer=centered_step, outputs=("theta", "v", "mean"), cases=_with_mean,
    wrong=(
        Wrong(_centered(lambda v, m, old: v + m**2),
              "the sign in the divisor is wrong: the variance is the mean of the squares minus the square of the "
              "mean."),
        Wrong(_centered(lambda v, m, old: m**2 - v),
              "the variance is turned round: it is the mean of the squares minus the square of the mean. The other "
              "way it is negative, and has no root."),
        Wrong(_centered(lambda v, m, old: v), "the mean is not subtracted: this is the step without centring."),
        Wrong(_centered(lambda v, m, old: v - m),
              "the mean is subtracted, and not its square. The units tell: v is a squared gradient."),
        Wrong(_centered(lambda v, m, old: v - old**2),
              "the old mean is in the divisor. Update it first, then subtract the square of the new one."),
        Wrong(_centered(second=np.square), "mean is the mean of the gradient itself, not of its square."),
        Wrong(_centered(second=np.abs), "mean is the mean of the gradient with its sign, without an absolute value."),
        Wrong(_centered(weight=False), "in the mean of the gradient the new one has no weight: it counts 1 - rho."),
        Wrong(_centered(divisor=lambda s, e: np.sqrt(s) + e), "epsilon is added to the root. Here it stands inside."),
        Wrong(_centered(divisor=lambda s, e: np.sqrt(s)),
              "epsilon is missing. For a steady gradient the variance is 0, and epsilon alone limits the step."),
        Wrong(_centered(divisor=lambda s, e: s + e),
              "the root is missing: divide by the root of the variance plus epsilon."),
        Wrong(_centered(top=lambda g, m: m),
              "the mean of the gradient stands on top, as in Adam. Here it is the gradient of this step."),
        Wrong(_centered(top=lambda g, m: g - m),
              "the mean is subtracted from the gradient on top. Only the divisor is centred."),
        Wrong(_deviations,
              "v is made from the gradient minus its mean. Here v stays the mean of the squared gradients, and the "
              "square of the mean is subtracted in the divisor."),
        Wrong(_variance_kept,
              "theta is right, but the variance is returned in place of v. The next step needs the mean of the "
              "squares itself."),
        Wrong(_centered(keep=(False, True)), "theta is right, but the old v is returned. Return the new one."),
        Wrong(_centered(keep=(True, False)), "theta is right, but the old mean is returned. Return the new one."),
        Wrong(_centered(keep=(False, False)),
              "theta is right, but the old v and mean are returned. Return the new ones."),
        Wrong(_centered(sign=1), "the sign is wrong: this step goes uphill."),
    ),
    hints=("There are two running means with the same rho: v of the squared gradient, and mean of the gradient.",
           "The divisor is the root of v - mean**2 + epsilon, with the new v and the new mean.",
           "v = rho * v + (1 - rho) * grad**2 and mean = rho * mean + (1 - rho) * grad. On top stands grad itself."),
)


def rare_step(k, rho):
    return np.sqrt((1 - rho**k) / (1 - rho))


q6 = Code(
    name="rmsprop.q6", title="a gradient that is rare",
    answer=rare_step, outputs=("length",),
    cases=lambda: [{"k": k, "rho": rho} for k, rho in
                   [(2, 0.9), (10, 0.9), (1, 0.9), (100, 0.99), (5, 0.5), (100, 0.9), (1000, 0.999)]],
    wrong=(
        Wrong(lambda k, r: 1 / np.sqrt(1 - r),
              "this is the very first step, or the limit for a very long silence. The squares of earlier visits "
              "are still in v: add them up."),
        Wrong(lambda k, r: (1 - r**k) / (1 - r), "the root is missing: the divisor is the root of v."),
        Wrong(lambda k, r: np.sqrt((1 - r) / (1 - r**k)), "this is the inverse: the root of v stands below in a step."),
        Wrong(lambda k, r: 1 / np.sqrt(1 - r**k), "the weight 1 - rho of each new square is missing."),
        Wrong(lambda k, r: np.sqrt(1 - r**k),
              "the weight 1 - rho of each new square is missing: with it v is smaller, and the step longer."),
        Wrong(lambda k, r: np.sqrt(k),
              "this is the limit as rho goes to 1, where v is the plain mean over k steps. For a smaller rho, "
              "weigh each square by its age."),
        Wrong(lambda k, r: 1.0,
              "one rate is right for a gradient in every step. Between two visits v shrinks, so the step is "
              "longer."),
        Wrong(lambda k, r: np.sqrt((1 - r ** (k - 1)) / (1 - r)),
              "the age is one too small: from one visit to the next the old squares are multiplied by rho k times, "
              "the last time at the visit itself."),
        Wrong(lambda k, r: np.sqrt((1 - r ** (k + 1)) / (1 - r)),
              "the age is one too large: from one visit to the next the old squares are multiplied by rho k times."),
        Wrong(lambda k, r: np.sqrt((1 - r**k) / (1 - r) / r ** (k - 1)),
              "this divides by v as it was before the visit. The new square is in v already when it divides."),
        Wrong(lambda k, r: 1 / np.sqrt((1 - r) * (1 + r**k)),
              "only the last visit before is counted. All visits count: they are a geometric series."),
    ),
    hints=("At a visit v is (1 - rho) g^2 times a sum: 1 for this visit, and something for each visit before.",
           "A visit k steps ago weighs rho^k, one 2 k steps ago rho^(2k), and so on. The sum is 1 / (1 - rho^k).",
           "So v = (1 - rho) g^2 / (1 - rho^k). The length is |g| over the root of v."),
    note="with rho = 0.9 a gradient in every tenth step gets steps of 2.55 rates, one in every hundredth 3.16.",
)


def hovering(learning_rate, curvature, epsilon):
    return max(learning_rate / 2 - epsilon / curvature, 0.0)


q7 = Code(
    name="rmsprop.q7", title="hovering, with epsilon outside",
    answer=hovering, outputs=("distance",),
    cases=lambda: [{"learning_rate": a, "curvature": L, "epsilon": e} for a, L, e in [
        (0.1, 2.0, 0.02), (0.01, 1.0, 1e-3), (0.01, 1.0, 1e-8), (0.3, 0.5, 0.01), (0.001, 20.0, 1e-3), (0.02, 1.0, 0.1),
        (1e-8, 0.1, 1e-7)]],
    wrong=(
        Wrong(lambda a, L, e: np.sqrt(max(a**2 / 4 - e / L**2, 0)),
              "this is the page's distance, with epsilon inside the root. Outside, the divisor is L a + epsilon: "
              "set up the balance again."),
        Wrong(lambda a, L, e: a / 2 - e / L,
              "this is negative where the rate is small. A distance is not: there RMSprop does not hover, it "
              "arrives."),
        Wrong(lambda a, L, e: abs(a / 2 - e / L),
              "where the balance has a negative solution there is no hovering, and the distance is 0."),
        Wrong(lambda a, L, e: a / 2, "epsilon is not used: this is right for epsilon = 0 only."),
        Wrong(lambda a, L, e: max(a - e / L, 0),
              "a jump goes from one side to the other, so its length is twice the distance."),
        Wrong(lambda a, L, e: a - e / L,
              "a jump goes from one side to the other, so its length is twice the distance. And a distance is not "
              "negative."),
        Wrong(lambda a, L, e: a,
              "a jump goes from one side to the other, so its length is twice the distance. And epsilon shortens "
              "it."),
        Wrong(lambda a, L, e: a / 2 + e / L,
              "the sign is wrong: epsilon makes the divisor larger, and so the steps shorter."),
        Wrong(lambda a, L, e: max(a / 2 - e, 0),
              "the curvature is missing: epsilon is in the unit of a gradient, not of a distance."),
        Wrong(lambda a, L, e: max(a / 2 - e * L, 0),
              "the curvature is on the wrong side: a gradient over the curvature is a distance."),
        Wrong(lambda a, L, e: max((a - e / L) / 2, 0),
              "epsilon / L is halved, and it should not be: solve rate * L / (L a + epsilon) = 2 for a again."),
        Wrong(lambda a, L, e: max(a / 2 - np.sqrt(e) / L, 0),
              "there is a root too many: epsilon stands outside the root."),
    ),
    hints=("In the balance v = (L a)^2, where a is the distance. How long is a step, and how long a jump to -a?",
           "rate * L a / (L a + epsilon) = 2 a. Solve for a.",
           "a = rate / 2 - epsilon / L. What if that is negative? Then there is no hovering."),
    note="for an epsilon far below the rate times the curvature it is half a rate, as with epsilon inside.",
)

q8 = Choice(
    name="rmsprop.q8", title="why, in words",
    true={"a": "it is alpha over the root of G + epsilon, and G adds up squares, so it never becomes smaller.",
          "c": "the less v moves between two mini-batches, the more exactly they share one divisor, and gradients with "
               "one divisor cancel in the sum, as in SGD.",
          "e": "inside, the divisor of small gradients is the root of epsilon, 1e-4, so the step is 1% of a rate; "
               "outside it is 99%. Near 1 epsilon hardly counts in either place."},
    false={"b": "v starts at 0 and is too small at first, and it divides: the first step is 1 over the root of 1 - rho "
                "in rates, 3.16 for rho = 0.9.",
           "d": "the size of the gradient is divided away, so the steps do not become short. It ends up jumping across "
                "the minimum, about half a rate away.",
           "f": "scaling single parameters helps where the valley runs along an axis. At 45 degrees both parameters "
                "get the same scale, and the valley stays narrow."},
    hints=("For each statement write down the divisor: at the first step, after many steps, near the minimum.",
           "Put numbers in: g = 1 and g = 1e-6 for epsilon, rho = 0.9 for the first step.",
           "Three of the six are true."),
    note="now say each of them in your own words, and compare with solution().",
)
