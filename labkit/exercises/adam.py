"""Exercises on Adam (chapter 6)."""

import numpy as np

from labkit.exercises._kinds import Choice, Code, Numbers, Wrong

__all__ = ["q1", "q2", "q3", "q4", "q5", "q6", "q7"]

q1 = Numbers(
    name="adam.q1", title="the first step",
    answer=0.1,
    because="At t = 1 both corrections undo the averaging: m_hat = g and v_hat = g^2, so the step is rate * g / |g|.",
    wrong=(
        Wrong(0.002, "0.1 times 0.02 is the step of gradient descent. Adam divides by the root of v_hat."),
        Wrong(0.1 * 0.1 / np.sqrt(0.001), "this is the step without bias correction: m_1 = 0.1 g over the root of "
                                          "v_1 = 0.001 g^2. Divide m by 1 - beta_1^t and v by 1 - beta_2^t first."),
        Wrong(0.01, "you corrected v and not m: m_hat is m_1 / (1 - 0.9) = g, not 0.1 g."),
        Wrong(-0.1, "the question is for a length, and that has no sign."),
    ),
    hints=("Write down m_1 and v_1, starting from zero, and then m_hat and v_hat.",
           "m_hat = 0.1 g / (1 - 0.9), and v_hat = 0.001 g^2 / (1 - 0.999).",
           "The step is rate * m_hat / (root of v_hat + epsilon). With m_hat = g and v_hat = g^2, what is left of g?"),
    note="the size of the gradient drops out, only its sign is left.",
)


def adam_step(theta, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * grad
    v = beta_2 * v + (1 - beta_2) * grad**2
    m_hat = m / (1 - beta_1**t)
    v_hat = v / (1 - beta_2**t)
    theta = theta - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)
    return theta, m, v


def _adam_variant(*, correct_m=True, correct_v=True, shift=0, root="outside", sign=-1, keep=(True, True), power=2,
                  raw=False, swapped=False, unscaled=False, corrected_state=False):
    """Return a version of ``adam_step`` with one thing changed."""
    def step(theta, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon):
        if swapped:
            beta_1, beta_2 = beta_2, beta_1
        old_m, old_v, t = m, v, t + shift
        weight_1, weight_2 = (1, 1) if unscaled else (1 - beta_1, 1 - beta_2)
        power_of_grad = np.abs(grad) ** power * (np.sign(grad) if raw else 1)
        m, v = beta_1 * m + weight_1 * grad, beta_2 * v + weight_2 * power_of_grad
        m_hat = m / (1 - np.float64(beta_1) ** t) if correct_m else m
        v_hat = v / (1 - np.float64(beta_2) ** t) if correct_v else v
        below = {"outside": lambda: np.sqrt(v_hat) + epsilon, "inside": lambda: np.sqrt(v_hat + epsilon),
                 "none": lambda: v_hat + epsilon, "left out": lambda: np.sqrt(v_hat)}[root]()
        if corrected_state:
            m, v = m_hat, v_hat
        return theta + sign * learning_rate * m_hat / below, m if keep[0] else old_m, v if keep[1] else old_v

    return step


def _folded(theta, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon):
    m, v = beta_1 * m + (1 - beta_1) * grad, beta_2 * v + (1 - beta_2) * grad**2
    rate = learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return theta - rate * m / (np.sqrt(v) + epsilon), m, v


def _step_cases():
    """First steps and later ones; gradients from 1e-8 to 1e8; 0-d to 2-d."""
    rng = np.random.default_rng(6)
    cases = []
    for shape, scale, t, (rate, beta_1, beta_2, epsilon) in [
        ((3,), 1.0, 1, (0.1, 0.9, 0.999, 1e-7)),
        ((), 1.0, 1, (0.01, 0.9, 0.99, 1e-8)),
        ((3,), 1e-8, 1, (0.1, 0.9, 0.999, 1e-7)),
        ((2, 3), 1e8, 1, (0.5, 0.8, 0.95, 1e-7)),
        ((3,), 1.0, 7, (0.1, 0.9, 0.999, 1e-7)),
        ((2, 2), 1e-6, 40, (0.02, 0.5, 0.9, 1e-3)),
        ((), 1e8, 1000, (0.3, 0.9, 0.999, 1e-7)),
    ]:
        grad, mean = scale * rng.normal(size=(2, *shape))
        cases.append({"theta": np.asarray(rng.normal(size=shape)), "grad": np.asarray(grad),
                      "m": np.asarray(mean) if t > 1 else np.zeros(shape),
                      "v": np.asarray(scale**2 * rng.uniform(0.5, 2, size=shape)) if t > 1 else np.zeros(shape), "t": t,
                      "learning_rate": rate, "beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon})
    return cases


q2 = Code(
    name="adam.q2", title="one step of Adam",
    answer=adam_step, outputs=("theta", "m", "v"), cases=_step_cases,
    wrong=(
        Wrong(_adam_variant(correct_m=False, correct_v=False),
              "the bias correction is missing. Early on m and v are too small: divide m by 1 - beta_1^t and v by "
              "1 - beta_2^t before the step."),
        Wrong(_adam_variant(correct_v=False), "m is corrected and v is not: divide v by 1 - beta_2^t as well."),
        Wrong(_adam_variant(correct_m=False), "v is corrected and m is not: divide m by 1 - beta_1^t as well."),
        Wrong(_adam_variant(shift=1), "t is one too large. It counts from 1 and is passed in so: use it as it is, "
                                      "without adding 1."),
        Wrong(_adam_variant(shift=-1), "t is one too small. The first step has t = 1, and 1 - beta^0 is zero."),
        Wrong(_adam_variant(root="inside"), "epsilon stands inside the root. It is added to the root of v_hat, not to "
                                            "v_hat; where gradients are small, that is a large difference."),
        Wrong(_adam_variant(root="none"), "the root is missing: divide by the root of v_hat, plus epsilon. With "
                                          "the square below, the step depends on the unit."),
        Wrong(_adam_variant(root="left out"), "epsilon is missing. Without it, a gradient of zero gives 0 / 0, and "
                                              "tiny gradients give full steps."),
        Wrong(_adam_variant(sign=1), "the sign is wrong: this step goes uphill. Subtract it from theta."),
        Wrong(_adam_variant(power=1), "v is the mean of the gradient's size, not of its square: use grad**2."),
        Wrong(_adam_variant(power=1, raw=True), "v is the mean of the gradient, not of its square: use grad**2."),
        Wrong(_adam_variant(swapped=True), "the betas are swapped: beta_1 belongs to m, beta_2 to v."),
        Wrong(_adam_variant(unscaled=True), "the new gradient has no weight: m = beta_1 m + (1 - beta_1) grad, and "
                                            "v in the same way."),
        Wrong(_adam_variant(keep=(False, False)), "the step is right, but the old m and v are returned, so the next "
                                                  "step would forget this gradient. Return the new ones."),
        Wrong(_adam_variant(keep=(False, True)), "the old m is returned. Return the new one."),
        Wrong(_adam_variant(keep=(True, False)), "the old v is returned. Return the new one."),
        Wrong(_adam_variant(corrected_state=True), "m_hat and v_hat are returned in place of m and v. The corrections "
                                                   "are for this step only; the averages go on uncorrected."),
    ),
    also=(Wrong(_folded, "epsilon is added to the uncorrected root, as in Keras."),),
    hints=("Four lines come before the step: m, v, m_hat, v_hat. Return theta, and the m and v that are not corrected.",
           "m = beta_1 m + (1 - beta_1) grad; v is the same with beta_2 and grad**2. Then m_hat = m / (1 - beta_1**t).",
           "theta - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon). Write m = ... and not m *= ..., which would "
           "change the caller's array."),
)


def run_adam(gradient, start, steps, learning_rate, beta_1, beta_2, epsilon):
    theta, m, v = start, 0.0 * start, 0.0 * start
    path = [theta]
    for t in range(1, steps + 1):
        theta, m, v = adam_step(theta, gradient(theta), m, v, t, learning_rate, beta_1, beta_2, epsilon)
        path.append(theta)
    return np.array(path)


def _runner(step=adam_step, first=1, forget=False, drop=slice(None), stale=False):
    """Return a version of ``run_adam`` with one thing changed."""
    def run(gradient, start, steps, learning_rate, beta_1, beta_2, epsilon):
        theta, m, v = start, 0.0 * start, 0.0 * start
        path, grad = [theta], gradient(start)
        for t in range(first, steps + first):
            if not stale:
                grad = gradient(theta)
            theta, m, v = step(theta, grad, 0 * m if forget else m, 0 * v if forget else v, t, learning_rate, beta_1,
                               beta_2, epsilon)
            path.append(theta)
        return np.array(path)[drop]

    return run


def valley_gradient(theta):
    return np.array([1.0, 10.0]) * theta


def cosh_gradient(theta):
    return np.sinh(theta)


def _run_cases():
    common = {"learning_rate": 0.1, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
    return [{"gradient": valley_gradient, "start": np.array([1.0, 1.0]), "steps": 20, **common},
            {"gradient": cosh_gradient, "start": np.array(2.0), "steps": 30, **common, "beta_2": 0.9},
            {"gradient": valley_gradient, "start": np.array([-3.0, 0.5]), "steps": 1, **common, "epsilon": 0.1}]


q3 = Code(
    name="adam.q3", title="a whole run of Adam",
    answer=run_adam, outputs=("path",), cases=_run_cases,
    wrong=(
        Wrong(_runner(drop=slice(1, None)), "the start is missing: the path has steps + 1 points, the first is start."),
        Wrong(_runner(drop=slice(None, -1)), "the last point is missing: the path has steps + 1 points."),
        Wrong(_runner(drop=-1), "only the last point is returned. Return all of them, start included."),
        Wrong(_runner(first=0), "t begins at 0, and 1 - beta^0 is zero. Let it begin at 1."),
        Wrong(_runner(first=2), "t begins at 2. The first step has t = 1."),
        Wrong(_runner(forget=True), "m and v are zero again at every step. Keep what the last step returned."),
        Wrong(_runner(stale=True), "the gradient is taken at the start only. Take it at the theta of each step."),
        Wrong(_runner(_adam_variant(correct_m=False, correct_v=False)), "the bias correction is missing."),
        Wrong(_runner(_adam_variant(root="inside")), "epsilon stands inside the root."),
        Wrong(_runner(_adam_variant(sign=1)), "the sign is wrong: this run goes uphill."),
    ),
    also=(Wrong(_runner(_folded), "epsilon is added to the uncorrected root, as in Keras."),),
    hints=("Three things live on from step to step: theta, m and v. Begin with zeros, shaped as start, for m and v.",
           "Loop over t from 1 to steps; ask for gradient(theta) inside the loop; append theta after each step.",
           "The path holds start first, so it has steps + 1 entries: return np.array(path)."),
)


def too_long(t, beta_1, beta_2):
    return (1 - beta_1**t) / np.sqrt(1 - beta_2**t)


q4 = Code(
    name="adam.q4", title="what the correction is worth",
    answer=too_long, outputs=("ratio",),
    cases=lambda: [{"t": t, "beta_1": b1, "beta_2": b2} for t, b1, b2 in
                   [(1, 0.9, 0.999), (2, 0.9, 0.999), (10, 0.9, 0.99), (3, 0.5, 0.5), (1000, 0.9, 0.999)]],
    wrong=(
        Wrong(lambda t, b1, b2: np.sqrt(1 - b2**t) / (1 - b1**t), "this is the inverse. Uncorrected over corrected is "
                                                                  "asked for: the step without correction is on top."),
        Wrong(lambda t, b1, b2: (1 - b1**t) / (1 - b2**t), "the root is missing: the step divides by the root of v."),
        Wrong(lambda t, b1, b2: 1 - b1**t, "this is the effect on m alone. v is too small too, and its root divides."),
        Wrong(lambda t, b1, b2: 1 / np.sqrt(1 - b2**t), "this is the effect on v alone. m is too small as well."),
        Wrong(lambda t, b1, b2: (1 - b1) / np.sqrt(1 - b2), "this is right at t = 1 only. After t equal gradients "
                                                            "m = (1 - beta_1^t) g."),
        Wrong(lambda t, b1, b2: b1**t / np.sqrt(b2**t), "beta^t is what the start still weighs, and the start is zero. "
                                                        "The gradients weigh the rest, 1 - beta^t."),
    ),
    hints=("With a constant gradient g, what are m and v after t steps? Sum the geometric series.",
           "m_t = (1 - beta_1^t) g and v_t = (1 - beta_2^t) g^2.",
           "The corrected step has m_hat / root of v_hat = g / |g|. Divide the uncorrected one by it."),
    note="with the defaults the first step is 3.16 times too long without the correction, and the tenth 6.5 times.",
)


def coasting(beta_1, beta_2):
    return (1 - beta_1) / np.sqrt(1 - beta_2) / (1 - beta_1 / np.sqrt(beta_2))


q5 = Code(
    name="adam.q5", title="one lone gradient",
    answer=coasting, outputs=("distance",),
    cases=lambda: [{"beta_1": b1, "beta_2": b2} for b1, b2 in [(0.9, 0.999), (0.9, 0.99), (0.5, 0.9), (0.0, 0.9999)]],
    wrong=(
        Wrong(lambda b1, b2: (1 - b1) / np.sqrt(1 - b2), "this is the first step alone. m is not zero after it: the "
                                                         "parameter coasts on, and all these steps are to be added."),
        Wrong(lambda b1, b2: 1 / np.sqrt(1 - b2), "v was held fixed. It shrinks by beta_2 in each step too, and that "
                                                  "makes the later steps longer."),
        Wrong(lambda b1, b2: (1 - b1) / np.sqrt(1 - b2) / (1 - b1 / b2),
              "a root is missing: from step to step, m shrinks by beta_1 and the root of v by the root of beta_2."),
        Wrong(lambda b1, b2: (1 - b1) / np.sqrt(1 - b2) / (1 - np.sqrt(b2) / b1) if b1 else np.inf,
              "the ratio of the series is upside down: m is on top, so it is beta_1 over the root of beta_2."),
        Wrong(lambda b1, b2: (1 - b1) / np.sqrt(1 - b2) * b1 / np.sqrt(b2) / (1 - b1 / np.sqrt(b2)),
              "the first step, at the time of the gradient itself, is left out of the sum."),
        Wrong(lambda b1, b2: 1 / (1 - b1 / np.sqrt(b2)), "the first step is not 1: the corrections are 1 by now, so "
                                                         "m = (1 - beta_1) g and v = (1 - beta_2) g^2."),
    ),
    hints=("After a long silence, what are m, v and the step at the moment of the lone gradient? And k steps later?",
           "k steps later m = beta_1^k (1 - beta_1) g and v = beta_2^k (1 - beta_2) g^2.",
           "The steps are a geometric series with the ratio beta_1 / root of beta_2."),
    note="with the usual betas one lone gradient moves its parameter by 31.8 rates, whatever its size.",
)


def adamw_step(theta, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon, weight_decay):
    after, m, v = adam_step(theta, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon)
    return after - learning_rate * weight_decay * theta, m, v


def _decayed(where):
    def step(theta, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon, weight_decay):
        options = (learning_rate, beta_1, beta_2, epsilon)
        if where == "gradient":
            return adam_step(theta, grad + weight_decay * theta, m, v, t, *options)
        after, m, v = adam_step(theta, grad, m, v, t, *options)
        decay = {"no rate": weight_decay * theta, "after": learning_rate * weight_decay * after,
                 "grows": -learning_rate * weight_decay * theta, "forgotten": 0.0}[where]
        return after - decay, m, v

    return step


q6 = Code(
    name="adam.q6", title="weight decay, decoupled",
    answer=adamw_step, outputs=("theta", "m", "v"),
    cases=lambda: [{**case, "weight_decay": decay} for case, decay in
                   zip(_step_cases(), [0.1, 0.5, 0.004, 0.1, 1, 0.3, 2])],
    wrong=(
        Wrong(_decayed("gradient"), "the decay is added to the gradient. That is an L2 penalty: it passes through m "
                                    "and v, and the root divides it away. Subtract it from theta instead."),
        Wrong(_decayed("no rate"), "the decay misses the rate: it is learning_rate * weight_decay * theta."),
        Wrong(_decayed("after"), "the decay is taken from theta after Adam's step. It is taken from the theta before."),
        Wrong(_decayed("grows"), "the sign of the decay is wrong: theta grows."),
        Wrong(_decayed("forgotten"), "this is Adam without weight decay."),
    ),
    hints=("Take your step of Adam as it is, with the gradient of the loss alone.",
           "Keep the old theta: the decay is learning_rate * weight_decay * old theta.",
           "theta_new = (what Adam gives) - learning_rate * weight_decay * theta."),
)

q7 = Choice(
    name="adam.q7", title="why, in words",
    true={"b": "m and v both scale: m_hat by 1000, and the root of v_hat by 1000.",
          "d": "where the gradient was always zero m = v = 0, and 0 / (0 + epsilon) is 0, but 0 / 0 is not a number.",
          "e": "both averages start at zero, and v, with the larger beta, is further from its mean than m."},
    false={"a": "the step has the length of about one rate for gradients of any size; it becomes short only where "
                "the signs of successive gradients cancel in m.",
           "c": "each parameter has a v of its own, so the direction changes: that is what tells Adam from momentum.",
           "f": "there are gradients in one dimension, rare and large ones, on which Adam goes the wrong way for good; "
                "AMSGrad was made for them."},
    hints=("Put constant gradients into the formula; then gradients with alternating signs.",
           "Multiply every gradient by 1000 and follow the factor through m, v and the step.",
           "Three of the six are true."),
    note="now say each of them in your own words, and compare with solution().",
)
