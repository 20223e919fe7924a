"""Exercises on learning-rate decay (chapter 4)."""

import numpy as np

from labkit.exercises._kinds import Choice, Code, Numbers, Wrong

__all__ = ["q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8"]


def stairs(t):
    """The schedule of the figure in exercise 1."""
    return 0.8 * 0.25 ** (np.asarray(t) // 40)


q1 = Numbers(
    name="decay.q1", title="reading a staircase",
    answer=(0.8, 0.25, 40), rtol=0.01,
    because="The first stair is at 0.8 and the second at 0.2, a quarter of it. Each has 40 steps: 0 to 39, 40 to 79 "
            "and so on.",
    wrong=(
        Wrong((0.8, 4, 40),
              "the factor is upside down: the new rate is the old one times the factor, and it is smaller."),
        Wrong((0.8, 0.2, 40), "0.2 is the rate on the second stair. The factor is that rate over the one before."),
        Wrong((0.8, 0.6, 40),
              "0.6 is how much the rate drops. The next drop is smaller: look for what the two drops have in "
              "common, a factor."),
        Wrong((0.8, 0.75, 40), "0.75 is the share that is taken away. The factor says what is left."),
        Wrong((0.8, 0.25, 39), "39 is the last step on the first stair. The first step is 0: count them."),
        Wrong((0.8, 0.25, 3),
              "3 is the number of stairs in the figure. Asked for is the number of steps on one of them."),
        Wrong((0.8, 0.25, 120), "120 steps is the whole figure. Asked for is the length of one stair."),
        Wrong((0.8, 0.25, 80), "80 is where the third stair begins. How many steps lie between two drops?"),
    ),
    hints=("Read the height of each stair, and the steps at which the rate drops.",
           "The factor is the height of one stair over that of the stair before. It is the same for both drops.",
           "The length of a stair is the number of steps from one drop to the next."),
    note="these three numbers are all that a staircase has: by the same rule the rate at t = 130 is 0.8 * 0.25^3.",
)


def exponential(t, initial_learning_rate, decay_steps, decay_rate, staircase):
    power = t // decay_steps if staircase else t / decay_steps
    return initial_learning_rate * decay_rate**power


def _exponential(power=None, shift=0, stairs="as told", rounded=np.floor, scale=None):
    """Return a version of ``exponential`` with one thing changed."""
    def rate(t, initial_learning_rate, decay_steps, decay_rate, staircase):
        staircase = {"as told": staircase, "never": False, "always": True, "turned": not staircase}[stairs]
        times = np.float64(t + shift) / decay_steps
        times = rounded(times) if staircase else times
        if scale:
            return initial_learning_rate * scale(decay_rate, times)
        return initial_learning_rate * np.float64(decay_rate) ** (power(times, t, decay_steps) if power else times)

    return rate


def _again_and_again(t, initial_learning_rate, decay_steps, decay_rate, staircase):
    """Decay the already decayed rate: a loop that multiplies by the factor for step k at every step k."""
    k = np.arange(t + 1)
    return initial_learning_rate * decay_rate ** np.sum(k // decay_steps if staircase else k / decay_steps)


q2 = Code(
    name="decay.q2", title="exponential decay, smooth or in stairs",
    answer=exponential, outputs=("rate",),
    cases=lambda: [{"t": t, "initial_learning_rate": first, "decay_steps": s, "decay_rate": q, "staircase": stairs}
                   for t, first, s, q, stairs in [
                       (30, 0.1, 20, 0.5, False), (30, 0.1, 20, 0.5, True), (0, 0.1, 20, 0.5, False),
                       (0, 0.3, 7, 0.1, True), (45, 0.2, 20, 0.7, True), (19, 0.1, 20, 0.5, True),
                       (20, 0.1, 20, 0.5, True), (3, 0.02, 1, 0.9, False), (3, 0.02, 1, 0.9, True),
                       (4300, 2.0, 430, 0.96, False), (4299, 2.0, 430, 0.96, True)]],
    wrong=(
        Wrong(_exponential(stairs="never"),
              "the staircase is missing: the last argument is not used. Where it is True, t / decay_steps is "
              "rounded down."),
        Wrong(_exponential(stairs="always"),
              "this is always a staircase. Where the last argument is False, t / decay_steps is not rounded."),
        Wrong(_exponential(stairs="turned"), "smooth and staircase are swapped."),
        Wrong(_exponential(shift=1),
              "t is one too large. The first step is 0, and there the rate is the first rate, not yet decayed."),
        Wrong(_exponential(shift=-1), "t is one too small. It counts from 0 and is passed in so: use it as it is."),
        Wrong(_exponential(power=lambda times, t, s: -times), "the sign of the exponent is wrong: this rate grows."),
        Wrong(_exponential(power=lambda times, t, s: t),
              "the factor is applied at every step. decay_rate is the factor for decay_steps steps, not for one."),
        Wrong(_exponential(power=lambda times, t, s: t * s),
              "t is multiplied by decay_steps. How many times does decay_steps go into t?"),
        Wrong(_exponential(power=lambda times, t, s: s / np.float64(t)),
              "the exponent is upside down: it is t over decay_steps."),
        Wrong(_exponential(rounded=np.round),
              "the staircase rounds to the nearest number, so each stair ends half-way. Round down."),
        Wrong(_exponential(rounded=np.ceil), "the staircase rounds up, so the first drop comes at once. Round down."),
        Wrong(_again_and_again,
              "the rate that is already decayed is decayed again. The exponent t / decay_steps holds all decay "
              "since the start: apply it to the first rate, once."),
        Wrong(_exponential(scale=lambda q, times: q * times),
              "decay_rate is multiplied by the exponent. Raise it to that power."),
        Wrong(_exponential(scale=lambda q, times: np.exp(-q * times)),
              "this is exp(-decay_rate * ...). In this schedule decay_rate itself is raised to a power: it is what "
              "is left after decay_steps steps."),
        Wrong(_exponential(scale=lambda q, times: (1 - q) ** times),
              "decay_rate is taken as the share that is lost. It is what is left."),
        Wrong(_exponential(scale=lambda q, times: 1 / (1 + q * times)),
              "this is 1/t decay, another schedule: here equal times bring equal factors."),
    ),
    hints=("The first rate is multiplied by a power of decay_rate. At t = 0 the power must be 0, at t = decay_steps 1.",
           "The power is t / decay_steps; for a staircase it is rounded down. Python's // divides and rounds down.",
           "initial_learning_rate * decay_rate ** (t // decay_steps) is the staircase."),
    note="at the multiples of decay_steps smooth and staircase meet; between them the staircase is higher.",
)


def cosine(t, initial_learning_rate, end_learning_rate, decay_steps):
    share = min(t, decay_steps) / decay_steps
    falling = (1 + np.cos(np.pi * share)) / 2
    return end_learning_rate + (initial_learning_rate - end_learning_rate) * falling


def _cosine(fall=lambda x: (1 + np.cos(np.pi * x)) / 2, mix=lambda a, e, f: e + (a - e) * f, shift=0, shorter=0,
            after="hold"):
    """Return a version of ``cosine`` with one thing changed."""
    def rate(t, initial_learning_rate, end_learning_rate, decay_steps):
        s = decay_steps - shorter
        share = (t + shift) / s if after == "go on" else min(t + shift, s) / s
        if after == "zero" and t > s:
            return 0.0
        return mix(initial_learning_rate, end_learning_rate, fall(share))

    return rate


q3 = Code(
    name="decay.q3", title="a cosine that ends above zero",
    answer=cosine, outputs=("rate",),
    cases=lambda: [{"t": t, "initial_learning_rate": first, "end_learning_rate": last, "decay_steps": s}
                   for t, first, last, s in [
                       (25, 0.1, 0.02, 100), (0, 0.1, 0.02, 100), (50, 0.1, 0.02, 100), (90, 0.1, 0.02, 100),
                       (99, 0.1, 0.02, 100), (100, 0.1, 0.02, 100), (130, 0.1, 0.02, 100), (250, 0.1, 0.02, 100),
                       (1, 2.0, 0.0, 3), (300, 1.0, 0.0, 430), (2, 0.5, 0.4, 7), (5, 1e-3, 1e-6, 9)]],
    wrong=(
        Wrong(_cosine(lambda x: (1 + np.cos(2 * np.pi * x)) / 2),
              "this is a full period: the rate is back at the top at the end. Half a period falls from 1 to -1."),
        Wrong(_cosine(lambda x: np.cos(np.pi / 2 * x)),
              "this is a quarter of a period. It falls steepest at the end; half a cosine, moved up to lie between "
              "1 and 0, is level there."),
        Wrong(_cosine(lambda x: (1 + np.cos(180 * x)) / 2),
              "the cosine is given degrees. np.cos takes radians: half a period is pi, not 180."),
        Wrong(_cosine(lambda x: (1 + np.cos(x)) / 2),
              "pi is missing: t / decay_steps goes from 0 to 1, and half a period of the cosine from 0 to pi."),
        Wrong(_cosine(mix=lambda a, e, f: e + a * f),
              "the end value is added, but the range is not reduced: at t = 0 this gives the sum of both. What "
              "falls is the difference."),
        Wrong(_cosine(mix=lambda a, e, f: a * f), "this ends at 0: the end value is not used."),
        Wrong(_cosine(mix=lambda a, e, f: max(e, a * f)),
              "this falls towards 0 and is cut off at the end value. The whole curve is to lie between the two "
              "rates."),
        Wrong(_cosine(lambda x: 1 + np.cos(np.pi * x)), "the half is missing: 1 + cos goes from 2 to 0."),
        Wrong(_cosine(lambda x: np.cos(np.pi * x)),
              "the cosine goes from 1 to -1, so this falls below the end value. Add 1, and halve."),
        Wrong(_cosine(lambda x: (1 - np.cos(np.pi * x)) / 2), "this rises, from the end value to the first rate."),
        Wrong(_cosine(lambda x: 1 - x), "this is a straight line."),
        Wrong(_cosine(after="go on"), "after decay_steps this rises again. The end value is to be held."),
        Wrong(_cosine(mix=lambda a, e, f: e + a * f, after="go on"),
              "the end value is added, but the range is not reduced: at t = 0 this gives the sum of both. And "
              "after decay_steps it rises again."),
        Wrong(_cosine(mix=lambda a, e, f: a * f, after="go on"),
              "the end value is not used, and after decay_steps this rises again."),
        Wrong(_cosine(after="zero"), "after decay_steps this is 0. The end value is to be held."),
        Wrong(_cosine(shift=1), "t is one too large. The first step is 0, and there the rate is the first rate."),
        Wrong(_cosine(shift=-1), "t is one too small. It counts from 0: use it as it is."),
        Wrong(_cosine(shorter=1), "the end value is reached one step early, at decay_steps - 1."),
    ),
    hints=("First find a curve that falls from 1 to 0 while t goes from 0 to decay_steps, and stays at 0.",
           "The share of the way is t / decay_steps, at most 1. The curve is (1 + cos(pi * share)) / 2.",
           "Where the curve is 1 the rate must be the first one, where it is 0 the last: add to the last rate the "
           "difference of the two times the curve."),
    note="half-way the rate is the mean of the two, and half of the fall happens in the middle third.",
)


def warmed_up(t, length, rate):
    if t < length:
        return rate(0) * t / length
    return rate(t - length)


def straight_line(t):
    return 0.5 - 0.4 * min(t, 50) / 50


def one_over_time(t):
    return 0.03 / (1 + 0.2 * t)


def _warmed(ramp=lambda t, w, rate: rate(0) * t / w, then=lambda t, w, rate: rate(t - w)):
    def warmed(t, length, rate):
        return ramp(t, length, rate) if t < length else then(t, length, rate)

    return warmed


q4 = Code(
    name="decay.q4", title="warm-up in front of any schedule",
    answer=warmed_up, outputs=("rate",),
    cases=lambda: [{"t": t, "length": w, "rate": rate} for w, rate in [(10, straight_line), (4, one_over_time)]
                   for t in (w // 2, 0, 1, w - 1, w, w + 1, w + 8, 100)],
    wrong=(
        Wrong(_warmed(lambda t, w, rate: rate(0) * (t + 1) / w),
              "the ramp is one step ahead: at t = 0 the rate is to be 0. Other texts begin at 1 / length, this "
              "page does not."),
        Wrong(_warmed(lambda t, w, rate: rate(0) * (t + 1) / (w + 1)),
              "the ramp begins above 0, at 1 / (length + 1). At t = 0 the rate is to be 0."),
        Wrong(_warmed(lambda t, w, rate: rate(0) * np.divide(t, w - 1)),
              "the ramp is at the top one step early, at length - 1."),
        Wrong(_warmed(then=lambda t, w, rate: rate(t)),
              "after the ramp the other schedule has lost its first steps: its clock is to start at 0 where the "
              "ramp ends."),
        Wrong(lambda t, w, rate: rate(0) * t / w if t <= w else rate(t),
              "the ramp is right. After it you go on with step t of the other schedule, which then has lost its "
              "first steps: at t = length its step is 0."),
        Wrong(lambda t, w, rate: min(t / w, 1) * rate(t),
              "both run on one clock: the ramp is multiplied by a rate that falls already. The other schedule is "
              "to wait until the ramp ends."),
        Wrong(_warmed(lambda t, w, rate: rate(t) * t / w),
              "the top of the ramp is rate(0). You take rate(t), which falls during the ramp."),
        Wrong(_warmed(then=lambda t, w, rate: rate(t - w + 1)),
              "after the ramp the other schedule is one step ahead: at t = length its step is 0."),
        Wrong(_warmed(then=lambda t, w, rate: rate(max(t - w - 1, 0))),
              "after the ramp the other schedule is one step late: at t = length its step is 0."),
        Wrong(_warmed(lambda t, w, rate: t / w),
              "the ramp goes up to 1. It is to go up to the first rate of the other schedule."),
        Wrong(_warmed(lambda t, w, rate: rate(0) * (1 - t / w)), "the ramp goes down. It is to go up from 0."),
        Wrong(_warmed(lambda t, w, rate: rate(0)),
              "there is no ramp: the rate is held at its first value. It is to rise from 0."),
        Wrong(_warmed(lambda t, w, rate: 0.0), "the rate is 0 for the whole ramp. It is to rise step by step."),
        Wrong(lambda t, w, rate: rate(t), "this is the other schedule without a warm-up."),
        Wrong(_warmed(then=lambda t, w, rate: rate(0)),
              "after the ramp the rate stays at the top. The other schedule is to begin there."),
    ),
    hints=("There are two cases: t < length, and the rest. Where they meet the rate is rate(0).",
           "In the ramp the rate is the share t / length of rate(0).",
           "After the ramp the other schedule begins with its step 0, so ask it for step t - length."),
)


def walk_in_epochs(gradient, start, learning_rate, factor, epochs, batches):
    path = [start]
    for epoch in range(epochs):
        for _ in range(batches):
            path.append(path[-1] - learning_rate * factor**epoch * gradient(path[-1]))
    return np.array(path)


def _walk(power=lambda epoch, batch, batches: epoch, sign=-1, stale=False, drop=slice(None), most=None):
    """Return a version of ``walk_in_epochs`` with one thing changed."""
    def walk(gradient, start, learning_rate, factor, epochs, batches):
        path, grad = [start], gradient(start)
        for epoch in range(epochs):
            for batch in range(batches if most is None else most):
                if not stale:
                    grad = gradient(path[-1])
                path.append(path[-1] + sign * learning_rate * factor ** power(epoch, batch, batches) * grad)
        return np.array(path)[drop]

    return walk


def valley_gradient(theta):
    return np.array([1.0, 20.0]) * theta


def cosh_gradient(theta):
    return np.sinh(theta)


q5 = Code(
    name="decay.q5", title="a factor for each epoch",
    answer=walk_in_epochs, outputs=("path",),
    cases=lambda: [
        {"gradient": gradient, "start": np.array(start), "learning_rate": rate, "factor": factor, "epochs": epochs,
         "batches": batches} for gradient, start, rate, factor, epochs, batches in [
            (valley_gradient, [-9.0, 1.5], 0.04, 0.5, 4, 3), (cosh_gradient, 2.0, 0.2, 0.9, 3, 5),
            (valley_gradient, [1.0, -1.0], 0.09, 0.7, 5, 1), (cosh_gradient, [-1.0, 0.5, 3.0], 0.1, 0.3, 1, 4)]],
    wrong=(
        Wrong(_walk(lambda epoch, batch, batches: epoch * batches + batch),
              "the rate is multiplied by the factor after every step. It is to fall once in an epoch."),
        Wrong(_walk(lambda epoch, batch, batches: epoch * batches + batch + 1),
              "the rate is multiplied by the factor before every step. It is to fall once in an epoch, and not "
              "before the first."),
        Wrong(_walk(lambda epoch, batch, batches: epoch + 1),
              "the rate is multiplied by the factor before the first epoch already. The whole first epoch has the "
              "first rate."),
        Wrong(_walk(lambda epoch, batch, batches: epoch * (epoch + 1) / 2),
              "the rate that is already decayed is decayed again, by factor**epoch. Either multiply the last rate "
              "by the factor, or the first rate by factor**epoch, not both."),
        Wrong(_walk(lambda epoch, batch, batches: min(epoch, 1)),
              "the rate falls once and never again. It is to fall after every epoch."),
        Wrong(_walk(lambda epoch, batch, batches: 0), "the rate never falls: the factor is not used."),
        Wrong(_walk(lambda epoch, batch, batches: -epoch), "the rate grows: it is divided by the factor."),
        Wrong(_walk(lambda epoch, batch, batches: epoch - (batch == 0 and epoch > 0)),
              "the rate falls one step late: the first step of each epoch still has the old one."),
        Wrong(_walk(lambda epoch, batch, batches: epoch + (batch == batches - 1)),
              "the rate falls one step early: the last step of each epoch has the next rate already."),
        Wrong(_walk(lambda epoch, batch, batches: batch),
              "the rate falls with the batch and starts again in each epoch. It is to fall with the epoch."),
        Wrong(lambda *given: walk_in_epochs(*given)[::given[-1]],
              "the steps are right, but only one point of each epoch is returned. Return the point after every "
              "step."),
        Wrong(lambda *given: np.stack([walk_in_epochs(*given)[-1]] * (given[-1] * given[-2] + 1)),
              "all points are the last one: theta -= ... changes the one array that stands in the list each time. "
              "Write theta = theta - ..., which makes a new one."),
        Wrong(_walk(most=1), "there is one step in each epoch. There are to be as many as batches."),
        Wrong(_walk(sign=1), "the sign is wrong: this walk goes uphill."),
        Wrong(_walk(stale=True), "the gradient is taken at the start only. Take it anew at each point."),
        Wrong(_walk(drop=slice(1, None)), "the start is missing: the path has epochs * batches + 1 points."),
        Wrong(_walk(drop=slice(None, -1)), "the last point is missing: the path has epochs * batches + 1 points."),
        Wrong(_walk(drop=-1), "only the last point is returned. Return all of them, start included."),
    ),
    hints=("Use two loops, one in the other: over the epochs, and in each of them over the batches.",
           "A step subtracts rate * gradient(theta). It belongs in the inner loop; the change of the rate does not.",
           "Epoch number k, counted from 0, has the rate learning_rate * factor**k. Write theta = theta - ... and not "
           "theta -= ..., which would change the caller's start."),
    note="a factor that is fine for an epoch freezes the walk when it is applied at every step.",
)


def made_to_measure(t, initial_learning_rate, end_learning_rate, decay_steps, power):
    q = (initial_learning_rate / end_learning_rate) ** (1 / power) - 1
    return initial_learning_rate / (1 + q * t / decay_steps) ** power


def _measured(q=lambda ratio, p: ratio ** (1 / p) - 1, last_power=lambda p: p, time=lambda t, s: t / s):
    def rate(t, initial_learning_rate, end_learning_rate, decay_steps, power):
        ratio = initial_learning_rate / end_learning_rate
        return initial_learning_rate / (1 + q(ratio, power) * time(t, decay_steps)) ** last_power(power)

    return rate


q6 = Code(
    name="decay.q6", title="1/t, made to measure",
    answer=made_to_measure, outputs=("rate",),
    cases=lambda: [{"t": t, "initial_learning_rate": first, "end_learning_rate": last, "decay_steps": s, "power": p}
                   for t, first, last, s, p in [
                       (50, 0.1, 0.01, 100, 1.0), (50, 0.1, 0.01, 100, 0.5), (0, 0.2, 0.05, 30, 0.5),
                       (30, 0.2, 0.05, 30, 0.5), (30, 0.2, 0.05, 30, 0.75), (90, 0.2, 0.05, 30, 1.0),
                       (1, 3.0, 0.003, 5000, 1.0), (5000, 3.0, 0.003, 5000, 0.5)]],
    wrong=(
        Wrong(_measured(lambda ratio, p: ratio - 1, lambda p: 1),
              "the power is not used: with power 0.5 a root is missing."),
        Wrong(_measured(lambda ratio, p: ratio - 1),
              "this q is right for power 1 only: with another power the rate does not come to its end value at "
              "decay_steps. Solve for q again."),
        Wrong(_measured(lambda ratio, p: ratio**p - 1),
              "the power in q is upside down: to undo a power p, take the power 1/p."),
        Wrong(_measured(lambda ratio, p: ratio ** (1 / p)),
              "1 is to be subtracted in q: at decay_steps the bracket is 1 + q, not q."),
        Wrong(_measured(lambda ratio, p: ratio ** (-1 / p) - 1), "the ratio in q is upside down: this rate grows."),
        Wrong(_measured(lambda ratio, p: 1, time=lambda t, s: t),
              "this is the first rate over (1 + t) to the power. It knows neither decay_steps nor the end value: q "
              "and decay_steps are missing."),
        Wrong(_measured(lambda ratio, p: 1), "q is left out, so the rate does not come to its end value."),
        Wrong(_measured(time=lambda t, s: t), "decay_steps is left out, so the rate falls far too fast."),
        Wrong(_measured(time=lambda t, s: (t + 1) / s),
              "t is one too large. It counts from 0, and at t = 0 the rate is the first rate."),
        Wrong(_measured(time=lambda t, s: min(t, s) / s),
              "the end value is held after decay_steps. This schedule goes on falling."),
        Wrong(_measured(time=lambda t, s: t / (s - 1)), "the end value is reached one step early, at decay_steps - 1."),
        Wrong(lambda t, first, last, s, p: first * (last / first) ** (t / s),
              "this is exponential decay: it has the right ends and another way between."),
        Wrong(lambda t, first, last, s, p: first + (last - first) * t / s,
              "this is a straight line: it has the right ends and another way between."),
    ),
    hints=("At t = decay_steps the formula says: end rate = first rate / (1 + q)^p. Solve for q.",
           "(1 + q)^p is the ratio of the first rate to the last. Undo the power first, then the 1.",
           "q = ratio ** (1 / power) - 1. Put it into the formula as it stands."),
    note="to come down by a factor of 100, 1/t needs q = 99, and one over the root of t needs q = 9999.",
)


def best_rates(mean_square, L, sigma, steps):
    rates = []
    for _ in range(steps):
        rate = L * mean_square / (L**2 * mean_square + sigma**2)
        mean_square = (1 - rate * L) ** 2 * mean_square + rate**2 * sigma**2
        rates.append(rate)
    return np.array(rates)


def _best(rate=lambda m, L, s: L * m / (L**2 * m + s**2),
          after=lambda m, a, L, s: (1 - a * L) ** 2 * m + a**2 * s**2, first=lambda m: m, drop=slice(None)):
    """Return a version of ``best_rates`` with one thing changed."""
    def rates(mean_square, L, sigma, steps):
        m, found = first(np.float64(mean_square)), []
        for _ in range(steps + 1):
            found.append(rate(m, L, sigma))
            m = after(m, found[-1], L, sigma)
        return np.array(found[:-1] if drop == slice(None) else found[drop])

    return rates


q7 = Code(
    name="decay.q7", title="the best rate for each step",
    answer=best_rates, outputs=("rates",),
    cases=lambda: [{"mean_square": m, "L": L, "sigma": sigma, "steps": steps} for m, L, sigma, steps in [
        (9.0, 1.0, 1.0, 6), (9.0, 1.0, 1.0, 1), (2.0, 3.0, 0.5, 8), (0.01, 0.2, 4.0, 10), (1e4, 20.0, 3.0, 5)]],
    wrong=(
        Wrong(_best(lambda m, L, s: 2 * L * m / (L**2 * m + s**2)),
              "at this rate the mean square stays as it is: the noise adds what the step takes away. You want it "
              "to become as small as possible, so set the derivative to zero."),
        Wrong(_best(after=lambda m, a, L, s: m),
              "the first rate is right, the others are not: the mean square is smaller after each step. Work it "
              "out anew."),
        Wrong(_best(after=lambda m, a, L, s: (1 - a * L) ** 2 * m),
              "the noise of the step is missing in the new mean square, so the rates fall too fast."),
        Wrong(_best(after=lambda m, a, L, s: (1 - a * L) * m + a**2 * s**2),
              "in the new mean square the factor 1 - rate * L is to be squared."),
        Wrong(_best(after=lambda m, a, L, s: (1 - a * L) ** 2 * m + a * s**2),
              "in the new mean square the rate before the noise is to be squared."),
        Wrong(_best(lambda m, L, s: L * m / (L**2 * m + s), lambda m, a, L, s: (1 - a * L) ** 2 * m + a**2 * s),
              "sigma is a standard deviation; what counts is the variance, its square."),
        Wrong(_best(lambda m, L, s: m / (L * m + s**2)),
              "the powers of L are wrong. Only on a parabola with L = 1 is this right: take the derivative again, "
              "with L."),
        Wrong(_best(lambda m, L, s: 1 / L),
              "this is the best rate without noise. With noise, a step to the bottom would bring the whole kick of "
              "the noise with it."),
        Wrong(_best(first=lambda m: m**2), "the mean square is squared once more. It is given as the mean of theta^2."),
        Wrong(_best(drop=slice(1, None)),
              "the first rate is missing: the list begins with the rate of the first step."),
        Wrong(lambda m, L, s, n: 1 / (L * np.arange(1, n + 1)),
              "this is what the rates are like later on, or after a start infinitely far away. Here the start "
              "counts."),
        Wrong(_best(lambda m, L, s: L * m / s**2),
              "in (1 - rate * L)^2 the term with the square of the rate was lost: it belongs in the derivative "
              "too."),
    ),
    hints=("After a step with the rate a the mean square is (1 - a L)^2 m + a^2 sigma^2. For which a is that smallest?",
           "Its derivative by a is -2 L (1 - a L) m + 2 a sigma^2. Set it to zero and solve for a.",
           "a = L m / (L^2 m + sigma^2). Then work out the new m with this a, and do it again."),
    note="one over a rate is L more than one over the rate before, so these are exactly 1 / (L (t + 1 + c)) with "
         "c = sigma^2 / (L^2 m) and the first m: on a noisy parabola that you know, 1/t decay is the best schedule.",
)

q8 = Choice(
    name="decay.q8", title="why, in words",
    true={"b": "the floor is alpha sigma^2 / (L (2 - alpha L)); as long as alpha L is small, that is proportional to "
               "alpha.",
          "c": "the gradient itself goes to zero there, and so do the steps. There is no floor to get below.",
          "f": "the sum of its squares is infinite, and still the mean loss fell to zero on the noisy parabola: the "
               "conditions are sufficient, not necessary."},
    false={"a": "a step sees one mini-batch, whose noise does not depend on how many samples there are. The gain was "
                "about the same for 100 samples and for 10,000.",
           "d": "the rates that are still to come have a finite sum, the rest of the path budget. However many steps "
                "follow, they cannot cover more than that times the longest gradient.",
           "e": "that is Adagrad. A schedule looks at the clock only, and gives all parameters the same rate."},
    hints=("Why did the constant rate not come to rest? Think of what the gradient was made of.",
           "Sum up all rates of a decay by a fixed factor. Then look up what the page says on 1/sqrt(t+1).",
           "Three of the six are true."),
    note="now say each of them in your own words, and compare with solution().",
)
