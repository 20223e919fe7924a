"""Exercises on gradient descent and momentum (chapters 1 and 2)."""

import numpy as np

from labkit.exercises._kinds import Choice, Code, Numbers, Wrong

__all__ = ["q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8"]

WALK = 5 * (-0.6) ** np.arange(11)  # of exercise 1: the notebook draws it

q1 = Numbers(
    name="gradient_descent.q1", title="what a walk tells",
    answer=(6.4, 0.3125), rtol=0.05,
    because="The first step leads from 5 to -3, so 1 - 0.25 L = -3/5 and L = 1.6 / 0.25. The border is 2 / L.",
    wrong=(
        Wrong((1.6, 1.25), "you took 0.6 for the factor of a step, and lost its sign: the walk jumps from side to "
                           "side, so 1 - alpha L is negative."),
        Wrong((6.4, 0.15625), "L is right. 1 / L is where one step reaches the minimum; this walk has a larger rate "
                              "than that, and it still closes in. The border is farther up."),
        Wrong((6.4, 12.8), "L is right, but the border of the rate is 2 divided by L, not 2 times L."),
        Wrong((2.4, 2 / 2.4), "you set alpha L equal to 0.6. What multiplies theta in a step is 1 - alpha L."),
        Wrong((0.4, 5.0), "you multiplied by the rate where you should divide: alpha L is 1.6, so L is 1.6 / alpha."),
        Wrong((32.0, 0.0625), "32 is the gradient at the start: the way of 8 divided by the rate. The curvature is the "
                              "gradient divided by theta, L theta = 32."),
    ),
    hints=("Each step multiplies theta by the same number. Read off theta_0 and theta_1, with their signs.",
           "theta_1 / theta_0 = -3 / 5, and that is 1 - alpha L.",
           "1 - 0.25 L = -0.6. Solve it for L; the border is 2 / L."),
    note="the rate 0.25 lies between 1/L = 0.156 and 2/L = 0.3125: that is why the walk changes sides and still closes "
         "in.",
)


# Functions for the cases. They take one point, or an array of independent entries, and TensorFlow's tensors as well.


def valley_value(theta):
    return np.sum(np.array([0.5, 10.0]) * theta**2)


def valley_gradient(theta):
    return np.array([1.0, 20.0]) * theta


def wells_value(theta):
    return np.sum(theta**4 / 4 - theta**2 / 2 + 0.1 * theta)


def wells_gradient(theta):
    return theta**3 - theta + 0.1


def bowl_value(theta):
    return 1.5 * np.sum((theta - 1.5) ** 2)


def bowl_gradient(theta):
    return 3 * (theta - 1.5)


def steep_gradient(theta):
    return 1e6 * theta


def tilted_cubic(theta):
    return np.sum(theta**3) + theta[0] * theta[-1] ** 2 - 2 * theta[0]


def waves(theta):
    return np.sum(np.exp(theta)) * theta[0]


def descend(gradient, start, alpha, steps):
    path = [start]
    for _ in range(steps):
        path.append(path[-1] - alpha * gradient(path[-1]))
    return np.array(path)


def _walker(change=lambda g, alpha: -alpha * g, extra=0, keep=slice(None), stale=False, restart=False, shared=False):
    """Return a version of ``descend`` with one thing changed."""
    def walk(gradient, start, alpha, steps):
        theta, path = np.array(start, dtype=float), [start]
        for _ in range(steps + extra):
            moved = change(np.asarray(gradient(start if stale else theta)), alpha)
            theta = (start if restart else theta) + moved
            path.append(theta)
        return np.array([theta] * len(path) if shared else path)[keep]

    return walk


def _walk_cases():
    """Several starts, rates and counts of steps; no parameter axis, one and two; gradients from 1e-8 to 1e8."""
    return [
        {"gradient": valley_gradient, "start": np.array([-9.0, 1.5]), "alpha": 0.09, "steps": 6},
        {"gradient": wells_gradient, "start": np.array(1.5), "alpha": 0.3, "steps": 5},
        {"gradient": bowl_gradient, "start": np.array([[0.0, 1.0, 4.0], [2.0, -1.0, 1e3]]), "alpha": 0.1, "steps": 3},
        {"gradient": steep_gradient, "start": np.array([120.0, -70.0]), "alpha": 3e-7, "steps": 4},
        {"gradient": valley_gradient, "start": np.array([2e-8, 3e-9]), "alpha": 0.03, "steps": 4},
        {"gradient": valley_gradient, "start": np.array([1.0, 0.5]), "alpha": 0.104, "steps": 1},
    ]


q2 = Code(
    name="gradient_descent.q2", title="the walk",
    answer=descend, outputs=("path",), cases=_walk_cases,
    wrong=(
        Wrong(_walker(lambda g, alpha: alpha * g), "this walk goes uphill: along the gradient the loss grows fastest. "
                                                   "Which sign has the step in the formula?"),
        Wrong(_walker(lambda g, alpha: -alpha * g / np.linalg.norm(g)),
              "the gradient is divided by its length, so every step is alpha long, also next to the minimum. Gradient "
              "descent uses it as it is: where the slope is small, the step is short."),
        Wrong(_walker(lambda g, alpha: -alpha * np.sign(g)),
              "only the sign of the gradient is used. Its size counts too: a flat direction gets a short step."),
        Wrong(_walker(stale=True), "the gradient is taken at the start only. Each step needs the gradient at the point "
                                   "where the walk is now."),
        Wrong(_walker(restart=True), "every step sets out from the start again. It has to set out from the point that "
                                     "the step before has reached."),
        Wrong(_walker(keep=slice(1, None)), "the start is missing: the path has steps + 1 points, the first is start."),
        Wrong(_walker(keep=slice(None, -1)), "the last point is missing: the path has steps + 1 points, with start."),
        Wrong(_walker(keep=-1), "only the last point is returned. Return all of them, start included."),
        Wrong(_walker(extra=1), "that is one step too many: start and steps further points make steps + 1."),
        Wrong(_walker(lambda g, alpha: -(alpha**2) * g), "the rate enters squared. It multiplies the gradient once."),
        Wrong(_walker(lambda g, alpha: -g), "the rate is missing: the step is alpha times the gradient."),
        Wrong(_walker(lambda g, alpha: -alpha * g / 2), "the steps are half as long as they should be. The gradient "
                                                        "that is passed is complete: no further factor belongs to it."),
        Wrong(_walker(shared=True), "all points of your path are the last one. You changed one array in place and "
                                    "listed it again and again: make a new array in each step."),
    ),
    hints=("Begin with a list that holds the start. In each turn of a loop add one point to it.",
           "The new point is the last one minus alpha times the gradient at the last one. Loop steps times.",
           "path = [start]; in the loop path.append(path[-1] - alpha * gradient(path[-1])); then np.array(path)."),
    note="look at the two entries of a point of case 1: the second one changes its sign in every step, as in the first "
         "figure of the page.",
)


def central_difference(f, theta, h):
    slopes = [(f(theta + h * e) - f(theta - h * e)) / (2 * h) for e in np.eye(len(theta))]
    return np.array(slopes)


def _difference(quotient, cumulative=False):
    """Return a version of ``central_difference``; ``quotient`` gets f here, behind and ahead, and h."""
    def gradient(f, theta, h):
        theta, slopes = np.array(theta, dtype=float), []
        for e in np.eye(len(theta)):
            slopes.append(quotient(f(theta), f(theta - h * e), f(theta + h * e), h))
            if cumulative:
                theta = theta - h * e
        return np.array(slopes)

    return gradient


def _difference_cases():
    return [
        {"f": tilted_cubic, "theta": np.array([1.0, -2.0, 0.5]), "h": 0.1},
        {"f": tilted_cubic, "theta": np.array([0.3, 0.8]), "h": 0.01},
        {"f": waves, "theta": np.array([0.2, -1.0, 1.5, 0.4]), "h": 0.5},
        {"f": waves, "theta": np.array([1.2]), "h": 0.25},
        {"f": tilted_cubic, "theta": np.array([2e3, -1e3]), "h": 4.0},
    ]


q3 = Code(
    name="gradient_descent.q3", title="is my gradient right?",
    answer=central_difference, outputs=("slopes",), cases=_difference_cases,
    wrong=(
        Wrong(_difference(lambda here, low, high, h: (high - here) / h),
              "this is the one-sided difference, forward. Its error is of the order h. Step to both sides: then the "
              "error is of the order of h squared."),
        Wrong(_difference(lambda here, low, high, h: (here - low) / h),
              "this is the one-sided difference, backward. Step to both sides."),
        Wrong(_difference(lambda here, low, high, h: (high - here) / (2 * h)),
              "you step to one side only, and divide by 2h. The two points have to be 2h apart."),
        Wrong(_difference(lambda here, low, high, h: high - low), "this is the difference, not the slope: divide it by "
                                                                  "the distance of the two points."),
        Wrong(_difference(lambda here, low, high, h: (high - low) / h),
              "all slopes are twice as large as they should be. How far apart are the two points?"),
        Wrong(_difference(lambda here, low, high, h: (high - low) / 2), "the difference is divided by 2 and not by h."),
        Wrong(_difference(lambda here, low, high, h: (high - low) / 2 * h),
              "a / 2 * h divides by 2 and multiplies by h. Put the 2 * h in brackets."),
        Wrong(_difference(lambda here, low, high, h: high - low / (2 * h)),
              "the division binds tighter than the minus sign: only the second value is divided. Use brackets."),
        Wrong(_difference(lambda here, low, high, h: (low - high) / (2 * h)),
              "the sign is wrong: the value ahead comes first, the value behind is subtracted."),
        Wrong(_difference(lambda here, low, high, h: (high - low) / (2 * h), cumulative=True),
              "an entry that was moved is not put back before the next one is moved, so all but the first slope are "
              "taken at another point than theta."),
        Wrong(lambda f, theta, h: central_difference(f, theta, 1e-6),
              "you use an h of your own, 1e-6. Use the one that is passed."),
        Wrong(lambda f, theta, h: (f(theta + h) - f(theta - h)) / (2 * h),
              "you move all entries of theta at once and get one number, the sum of the slopes, about. Move one "
              "entry at a time: the gradient has one slope for each."),
    ),
    hints=("One slope for each entry of theta, so you need a loop over the entries.",
           "np.eye(len(theta)) has the vectors e_i in its rows: theta + h * e moves one entry and makes a new array.",
           "The slope is (f(theta + h * e) - f(theta - h * e)) / (2 * h). Collect them in one array."),
    note="it asks for 2 d values of f, so it is a check of a gradient and no replacement for it.",
)


def limits(X):
    curvatures = np.linalg.eigvalsh(2 / len(X) * X.T @ X)
    mu, L = curvatures[0], curvatures[-1]
    return L / mu, 2 / L, 2 / (L + mu)


def _limits_variant(kappa=lambda mu, L: L / mu, border=lambda mu, L: 2 / L, rate=lambda mu, L: 2 / (L + mu),
                    factor=lambda n: 2 / n, ends=np.linalg.eigvalsh):
    """Return a version of ``limits`` with one thing changed."""
    def variant(X):
        found = np.sort(ends(factor(len(X)) * X.T @ X))
        mu, L = found[0], found[-1]
        return kappa(mu, L), border(mu, L), rate(mu, L)

    return variant


def _limits_cases():
    rng = np.random.default_rng(1)
    mixed = np.array([[1.0, 0.6, 0.0], [0.0, 1.0, -0.5], [0.0, 0.0, 2.0]])
    return [{"X": np.array([[1.0, 2.0], [1.0, -1.0], [1.0, 0.5], [1.0, 3.0]])},
            {"X": rng.normal(size=(20, 3)) @ mixed}, {"X": 1e4 * rng.normal(size=(7, 2))},
            {"X": 1e-4 * rng.normal(size=(5, 1))}, {"X": rng.normal(size=(12, 2)) @ mixed[:2, :2] * [1, 30]}]


q4 = Code(
    name="gradient_descent.q4", title="known before the first step",
    answer=limits, outputs=("kappa", "border", "rate"), cases=_limits_cases,
    wrong=(
        Wrong(_limits_variant(kappa=lambda mu, L: mu / L), "kappa is upside down: the largest curvature over the "
                                                           "smallest one, so that it is never below 1."),
        Wrong(_limits_variant(kappa=lambda mu, L: (L / mu) ** 0.5),
              "kappa is the root of what it should be: this is the condition number of X. That of the loss belongs to "
              "the Hessian, with X twice in it."),
        Wrong(_limits_variant(border=lambda mu, L: 1 / L), "the border is twice that. At 1/L one step ends at the "
                                                           "bottom of the steepest direction, and beyond it the walk "
                                                           "jumps from side to side and still closes in."),
        Wrong(_limits_variant(border=lambda mu, L: 2 / mu), "your border looks at the flattest direction. The steepest "
                                                            "one is lost first."),
        Wrong(_limits_variant(border=lambda mu, L: L), "your border is a curvature. Rates are limited by 2 divided by "
                                                       "the largest one."),
        Wrong(_limits_variant(rate=lambda mu, L: 1 / L), "1/L is safe, but in the worst case a somewhat larger rate is "
                                                         "better: the one where the factors of the steepest and of "
                                                         "the flattest direction are equally large."),
        Wrong(_limits_variant(rate=lambda mu, L: 1 / mu), "your rate suits the flattest direction alone. With kappa "
                                                          "above 2 it lies beyond the border."),
        Wrong(_limits_variant(rate=lambda mu, L: 2 / (L - mu)), "your rate lies beyond the border 2/L. Set "
                                                                "1 - alpha mu = alpha L - 1 and solve again."),
        Wrong(_limits_variant(rate=lambda mu, L: 1 / (L + mu)), "your rate is half of what it should be. Set "
                                                                "1 - alpha mu = alpha L - 1 and solve it."),
        Wrong(_limits_variant(rate=lambda mu, L: 2 / L), "your rate is the border. There the steepest direction jumps "
                                                         "for ever."),
        Wrong(_limits_variant(factor=lambda n: 1 / n), "both rates are twice too large. The loss of the page is the "
                                                       "mean squared error without a factor 1/2: differentiate it "
                                                       "twice."),
        Wrong(_limits_variant(factor=lambda n: 2), "both rates are too small by the factor n: the loss is a mean over "
                                                   "the samples, so the Hessian is too."),
        Wrong(_limits_variant(factor=lambda n: 1), "your Hessian is the product of X with itself alone. The loss is a "
                                                   "mean over n samples, and a square brings a factor 2."),
        Wrong(_limits_variant(ends=np.diag), "you took the diagonal of the Hessian for its eigenvalues. It is that "
                                             "only where the columns of X are at right angles."),
        Wrong(_limits_variant(ends=lambda H: np.linalg.eigvalsh(H) ** 0.5),
              "you took the root of the curvatures. The eigenvalues of the Hessian, as they are, are the curvatures."),
    ),
    hints=("Work out the Hessian of the mean squared error: it does not depend on y or theta.",
           "H = 2/n X^T X. np.linalg.eigvalsh(H) gives its eigenvalues, the smallest first.",
           "Return L / mu, 2 / L and 2 / (L + mu)."),
    note="not one label was looked at: y moves the minimum, but it changes no curvature.",
)


def exact_rate(H, theta):
    g = H @ theta
    return g @ g / (g @ H @ g)


def _exact_cases():
    rng = np.random.default_rng(2)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    H = turn @ np.diag([0.5, 4.0, 9.0]) @ turn.T
    return [{"H": np.diag([1.0, 20.0]), "theta": np.array([-9.0, 1.5])},
            {"H": (H + H.T) / 2, "theta": rng.normal(size=3)},
            {"H": np.array([[2.0, 1.0], [1.0, 3.0]]), "theta": np.array([1e8, -4e8])},
            {"H": np.array([[0.04]]), "theta": np.array([3.0])},
            {"H": np.array([[5.0, -2.0], [-2.0, 1.0]]), "theta": np.array([1e-8, 2e-8])}]


q5 = Code(
    name="gradient_descent.q5", title="the best rate for one step",
    answer=exact_rate, outputs=("alpha",), cases=_exact_cases,
    wrong=(
        Wrong(lambda H, theta: 1 / np.linalg.eigvalsh(H)[-1], "1/L is the best rate only for a step straight down the "
                                                              "steepest direction. The answer depends on theta."),
        Wrong(lambda H, theta: 2 / (np.linalg.eigvalsh(H)[0] + np.linalg.eigvalsh(H)[-1]),
              "2 / (L + mu) is the best in the worst case. Here theta is known, so one can do better."),
        Wrong(lambda H, theta: 2 * exact_rate(H, theta), "at this rate the loss is again what it was: the parabola "
                                                         "along the step is symmetric, and its lowest point is half "
                                                         "way. Is the factor 1/2 of the loss in your derivation?"),
        Wrong(lambda H, theta: exact_rate(H, theta) / 2, "half as far as it should be. Differentiate the square of "
                                                         "alpha, and remember the factor 1/2 in the loss."),
        Wrong(lambda H, theta: 1 / exact_rate(H, theta), "upside down: this is a curvature, that along the gradient. "
                                                         "In a steep direction the rate must be small."),
        Wrong(lambda H, theta: theta @ theta / (theta @ H @ theta),
              "the step goes along the gradient, not along theta: put g = H theta in the place of theta."),
        Wrong(lambda H, theta: np.linalg.norm(H @ theta) / (H @ theta @ H @ H @ theta),
              "the length of the gradient is to be squared: on top stands g times g."),
        Wrong(lambda H, theta: theta @ H @ theta / np.sum((H @ theta) ** 2),
              "this rate ends nearest to the minimum. The question is for the lowest loss, which is another point."),
        Wrong(lambda H, theta: (H @ theta) @ (H @ theta) / (theta @ H @ theta),
              "this is g times g over theta H theta, of the size of a curvature. Below stands the curvature along g: "
              "g H g."),
    ),
    hints=("Write f(theta - alpha g) as a function of alpha alone. It is a parabola.",
           "f(theta - alpha g) = f(theta) - alpha g.g + alpha^2 / 2 g.Hg, since H theta = g.",
           "Set the derivative by alpha to zero: -g.g + alpha g.Hg = 0."),
    note="it always lies between 1/L and 1/mu. The gradient after such a step stands at right angles to the one "
         "before it, so that a walk of them zigzags.",
)


def descend_until(f, gradient, start, alpha, tolerance, most):
    theta, steps = start.copy(), 0
    g = gradient(theta)
    while np.linalg.norm(g) >= tolerance and steps < most:
        theta, steps = theta - alpha * g, steps + 1
        g = gradient(theta)
    return theta, steps, f(theta)


def _stopper(done=None, step_on=False, blind=False, limit=0, count=0, by_index=False, late=False):
    """Return a version of ``descend_until``; ``done`` gets f, the point here and before, g, alpha, the tolerance."""
    done = done or (lambda f, theta, before, g, alpha, tolerance: np.linalg.norm(g) < tolerance)

    def walk(f, gradient, start, alpha, tolerance, most):
        theta = previous = start
        steps = 0
        while steps < most + limit:
            g = np.asarray(gradient(theta))
            before = previous if steps else None
            stop = done(f, theta, before, g, alpha, tolerance) and not (blind and steps == 0)
            if stop and not step_on:
                break
            previous, theta, steps = theta, theta - alpha * g, steps + 1
            if stop:
                break
        counted = min(steps, most - 1) if by_index else steps + count
        return theta, counted, f(previous if late else theta)

    return walk


def _stop_cases():
    common = {"alpha": 0.09, "tolerance": 0.2, "most": 60}
    wells = {"f": wells_value, "gradient": wells_gradient}
    valley = {"f": valley_value, "gradient": valley_gradient}
    return [{**valley, "start": np.array([-9.0, 1.5]), **common},
            {**wells, "start": np.array([1.5, -0.4, 0.9]), **common, "alpha": 0.3},
            {**valley, "start": np.array([3.0, 2.0]), **common, "tolerance": 5.0, "alpha": 0.04},
            {**valley, "start": np.array([-9.0, 1.5]), **common, "most": 12},
            {**wells, "start": np.array([-2.0]), **common, "alpha": 0.05, "tolerance": 0.5},
            {**valley, "start": np.array([2e-4, 1e-5]), **common},
            {**valley, "start": np.array([4e8, 1e7]), **common, "tolerance": 4e7},
            {"f": bowl_value, "gradient": bowl_gradient, "start": np.array([4.0, -1.0, 2.0, 0.5, 3.0]), "alpha": 0.05,
             "tolerance": 0.5, "most": 60}]


q6 = Code(
    name="gradient_descent.q6", title="when to stop",
    answer=descend_until, outputs=("theta", "steps", "loss"), cases=_stop_cases,
    wrong=(
        Wrong(_stopper(lambda f, theta, before, g, alpha, tolerance: f(theta) < tolerance),
              "you stop when the loss is below the tolerance. How low the loss can get is not known: below 0 at once, "
              "or never. Look at the length of the gradient."),
        Wrong(_stopper(lambda f, theta, before, g, alpha, tolerance:
                       before is not None and np.abs(f(theta) - f(before)) < tolerance),
              "you stop when the loss hardly changes. The rule that is asked for is on the length of the gradient."),
        Wrong(_stopper(lambda f, theta, before, g, alpha, tolerance: alpha * np.linalg.norm(g) < tolerance),
              "you compare the length of the step. With a tiny rate it is small everywhere. Compare the length of the "
              "gradient, without the rate."),
        Wrong(_stopper(lambda f, theta, before, g, alpha, tolerance: np.abs(g).max() < tolerance),
              "you compare the largest entry of the gradient. The rule is on its length, the root of the sum of "
              "squares."),
        Wrong(_stopper(lambda f, theta, before, g, alpha, tolerance: np.abs(g).sum() < tolerance),
              "you add up the sizes of the entries. The length of a vector is the root of the sum of squares."),
        Wrong(_stopper(lambda f, theta, before, g, alpha, tolerance: np.sum(g**2) < tolerance),
              "you compare the square of the length: the root is missing."),
        Wrong(_stopper(lambda f, theta, before, g, alpha, tolerance: np.sqrt(np.mean(g**2)) < tolerance),
              "you take the mean of the squares. The length of a vector has their sum."),
        Wrong(_stopper(lambda f, theta, before, g, alpha, tolerance: np.all(g < tolerance)),
              "you compare the entries with their signs, so a large negative slope counts as small. Take the length."),
        Wrong(_stopper(step_on=True), "one step too many: you see that the gradient is small, and step once more. "
                                         "Look before you step."),
        Wrong(_stopper(blind=True), "the first step is made without a look at the gradient. A start where it is below "
                                    "the tolerance takes 0 steps."),
        Wrong(_stopper(by_index=True), "a walk that comes to its limit has made `most` steps, and you count one less: "
                                       "the index of a loop is one behind the number of its turns."),
        Wrong(_stopper(limit=1), "at the limit you make one step too many: at most `most` steps."),
        Wrong(_stopper(limit=-1), "at the limit you make one step too few: `most` steps are allowed."),
        Wrong(_stopper(limit=80), "the limit is not kept: after `most` steps the walk ends in any case."),
        Wrong(_stopper(count=1), "the count is one too large. Count the steps, not the gradients and not the points."),
        Wrong(_stopper(late=True), "the loss is that of the point before the last. Take it at the theta you return."),
        Wrong(_stopper(lambda *_: False), "the walk never looks at the gradient: it always makes `most` steps."),
    ),
    hints=("np.linalg.norm(g) is the length of the gradient. Which two conditions must hold to go on?",
           "while the length is at least tolerance and steps < most: step, count, and take the gradient anew.",
           "Take the gradient before the loop, and again after each step. Return theta, steps, f(theta)."),
    note="case 3, with a large tolerance, stops at a loss of 3.9. On a strongly convex loss the distance to the "
         "minimum is at most the length of the gradient over mu.",
)


def nesterov_step(gradient, theta, v, alpha, beta):
    v = beta * v - alpha * gradient(theta + beta * v)
    return theta + v, v


def _momentum(ahead=lambda beta: beta, kept=1, weight=lambda beta: 1, sign=-1, move="new", old=False, torch=False,
              library=False):
    """Return a version of ``nesterov_step`` with one thing changed."""
    def step(gradient, theta, v, alpha, beta):
        g = np.asarray(gradient(theta + (0 if library else ahead(beta)) * v))
        new = kept * beta * v + sign * (1 if torch else alpha) * weight(beta) * g
        way = {"new": new, "minus": -new, "old": v}[move]
        if library:
            way = beta * new - alpha * g
        return theta + (alpha if torch else 1) * way, v if old else new

    return step


def _momentum_cases():
    """First steps, with v = 0, and later ones; no parameter axis, one and two; from 1e-8 to 1e8."""
    rng = np.random.default_rng(4)
    cases = []
    for gradient, shape, scale, first, (alpha, beta) in [
        (valley_gradient, (2,), 1.0, False, (0.03, 0.9)),
        (valley_gradient, (2,), 1.0, True, (0.05, 0.6)),
        (wells_gradient, (), 1.0, False, (0.1, 0.5)),
        (bowl_gradient, (2, 3), 1e8, False, (0.2, 0.8)),
        (valley_gradient, (3, 2), 1e-8, False, (0.01, 0.99)),
        (valley_gradient, (2,), 1.0, False, (0.02, 0.0)),
    ]:
        theta, v = scale * rng.normal(size=(2, *shape))
        cases.append({"gradient": gradient, "theta": np.asarray(theta),
                      "v": np.zeros(shape) if first else np.asarray(v), "alpha": alpha, "beta": beta})
    return cases


q7 = Code(
    name="gradient_descent.q7", title="one step with memory",
    answer=nesterov_step, outputs=("theta", "v"), cases=_momentum_cases,
    wrong=(
        Wrong(_momentum(lambda beta: 0), "this is heavy ball: the slope is measured at theta. Nesterov's method "
                                         "measures it ahead, at the point where the old velocity alone would lead."),
        Wrong(_momentum(lambda beta: -beta), "the slope is measured behind: add beta v to theta, do not subtract it."),
        Wrong(_momentum(lambda beta: 1), "the slope is measured too far ahead. Only the share beta of the velocity is "
                                         "kept, so the walker will move by beta v, not by v."),
        Wrong(_momentum(kept=0), "the old velocity is not kept: this is a step of gradient descent from a point ahead. "
                                 "The new v begins with beta times the old one."),
        Wrong(_momentum(old=True), "the step is right, but the old v is returned, so the next step would not know of "
                                   "this one."),
        Wrong(_momentum(move="old"), "theta moves by the old velocity. First make the new one, then move by it."),
        Wrong(_momentum(move="minus"), "the velocity is subtracted from theta. It has its minus sign in it already: "
                                       "add it."),
        Wrong(_momentum(sign=1), "this goes uphill: the gradient enters the velocity with a minus sign."),
        Wrong(_momentum(weight=lambda beta: 1 - beta),
              "the new gradient has the weight 1 - beta, as in a mean. In momentum it has the full weight: the steps "
              "add up, and the effective rate is alpha / (1 - beta)."),
        Wrong(_momentum(torch=True), "the rate multiplies the whole velocity in the move, as in PyTorch. Here it "
                                     "multiplies the gradient alone, so v has another unit there than here."),
        Wrong(lambda gradient, theta, v, alpha, beta: (theta - beta * v - alpha * gradient(theta - beta * v),
                                                       beta * v + alpha * gradient(theta - beta * v)),
              "your velocity has the other sign: it points uphill and is subtracted. That can be done, but the v that "
              "is passed, and the one to return, point the way the walker goes."),
        Wrong(lambda gradient, theta, v, alpha, beta:
              (theta + 2 * beta * v - alpha * gradient(theta + beta * v),
               beta * v - alpha * gradient(theta + beta * v)),
              "the new velocity is added to the point ahead, so beta v is counted twice. The step sets out from theta; "
              "the point ahead is only where the slope is measured."),
        Wrong(lambda gradient, theta, v, alpha, beta:
              (theta + (1 + beta) * (beta * v - alpha * gradient(theta + beta * v)),
               beta * v - alpha * gradient(theta + beta * v)),
              "you return the next point ahead. Return the walker's own point, theta + v."),
        Wrong(_momentum(library=True), "this is the form of the libraries, in which theta stands for the point ahead. "
                                       "Here theta is the walker's own point, as in the first formula of the page."),
    ),
    hints=("Two lines: the new velocity, then the new theta. Return both.",
           "v_new = beta v - alpha times the gradient at theta + beta v. Use the old v in both places.",
           "v = beta * v - alpha * gradient(theta + beta * v), then return theta + v, v."),
    note="with beta = 0 (the last case) it is gradient descent. Take the gradient at theta, and it is heavy ball.",
)

q8 = Choice(
    name="gradient_descent.q8", title="why, in words",
    true={"b": "every gradient is 1000 times as long, and the rate takes that back: alpha g is the same number. So "
               "a rate is worth something only together with the loss that it was found for.",
          "d": "for each factor of e gradient descent takes about kappa / 2 steps, and heavy ball of the order of half "
               "the root of kappa: a hundred times kappa is ten times its root.",
          "f": "with a constant slope the velocity tends to alpha / (1 - beta) times the gradient, ten times alpha."},
    false={"a": "it is unstable, not overfitted: an overfitted model has a low loss on its training data. Lower the "
                "rate.",
           "c": "near 2/L the steepest direction jumps from side to side and hardly shrinks: its factor is near -1. A "
                "start that is off the minimum in this direction then takes very many steps.",
           "e": "a saddle and a plateau have tiny gradients too. On a strongly convex loss one may conclude that the "
                "minimum is near, with mu in the bound."},
    hints=("For b follow the factor through one step. For c put alpha = 1.99 / L into 1 - alpha L.",
           "For d compare 1 - 2 / (kappa + 1) with 1 - 2 / (root of kappa + 1).",
           "Three of the six are true."),
    note="now say each of them in your own words, and compare with solution().",
)
