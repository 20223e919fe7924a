"""Exercises on tuning (chapter 9)."""

import math

import numpy as np

from labkit.exercises._kinds import Choice, Code, Numbers, Wrong

__all__ = ["q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8"]

q1 = Numbers(
    name="tuning.q1", title="the cliff and the curvature",
    answer=(0.36, 5.54), rtol=0.13,
    because="The last dot below the dashed line stands at 0.355, the next one at 0.387. On a quadratic the border is "
            "2 / L, so L is about 2 / 0.36.",
    wrong=(
        Wrong((0.6, 3.33), "the axis is logarithmic: half the way from 0.1 to 1 is not 0.55 but the root of 0.1, 0.32. "
                           "Use the small marks."),
        Wrong((0.36, 2.78), "the first number is right. The border is 2 / L, not 1 / L."),
        Wrong((0.36, 0.18), "the first number is right. The border is 2 / L, so L is 2 divided by it: the larger the "
                            "curvature, the lower the border."),
        Wrong((0.36, 0.72), "the first number is right. The border is 2 / L, so L is 2 divided by it, not 2 times it."),
        Wrong((5.54, 0.36), "you have them in the wrong order: the border comes first, then L."),
    ),
    hints=("Above the border the walk grows, and the loss ends higher than it began.",
           "Find where the dots leave the floor and cross the dashed line. The small marks between 0.1 and 1 stand at "
           "0.2, 0.3 and so on.",
           "On a quadratic gradient descent is stable for rates below 2 / L. Solve that for L."),
    note="the curvature came out of a sweep, without any second derivative.",
)


def on_log_scale(u, low, high):
    return low * (high / low) ** u


def _log_scale_cases():
    """A grid, random draws, one number; ranges that span less than one factor of ten, and nine."""
    rng = np.random.default_rng(9)
    return [{"u": np.linspace(0, 1, 6), "low": 1e-4, "high": 10.0},
            {"u": rng.uniform(size=5), "low": 1e-3, "high": 0.3},
            {"u": rng.uniform(size=(2, 3)), "low": 0.5, "high": 4.0},
            {"u": np.array(0.5), "low": 1e-9, "high": 1.0},
            {"u": rng.uniform(size=4), "low": 2.0, "high": 50.0}]


q2 = Code(
    name="tuning.q2", title="on a logarithmic scale",
    answer=on_log_scale, outputs=("values",), cases=_log_scale_cases,
    wrong=(
        Wrong(lambda u, low, high: low + u * (high - low),
              "this scale is linear: most values come out near the upper end. Rates act by their ratio, so equal steps "
              "of u must be equal factors."),
        Wrong(lambda u, low, high: 10.0 ** (low + u * (high - low)),
              "low and high are used as exponents of 10. They are the values at the two ends: take their logarithms "
              "first."),
        Wrong(lambda u, low, high: np.exp(low + u * (high - low)),
              "low and high are used as exponents of e. They are the values at the two ends: take their logarithms "
              "first."),
        Wrong(lambda u, low, high: np.log10(low) + u * (np.log10(high) - np.log10(low)),
              "these are the exponents, evenly spaced. The values are 10 to the power of them."),
        Wrong(lambda u, low, high: np.log(low) + u * (np.log(high) - np.log(low)),
              "these are the natural logarithms of the values, evenly spaced. Take the exponential of them."),
        Wrong(lambda u, low, high: 10.0 ** (np.log(low) + u * (np.log(high) - np.log(low))),
              "two bases are mixed: the exponents come from np.log, which has the base e, and 10 is raised to them. "
              "Use one base for both."),
        Wrong(lambda u, low, high: np.exp(np.log10(low) + u * (np.log10(high) - np.log10(low))),
              "two bases are mixed: the exponents come from np.log10, and e is raised to them. Use one base for both."),
        Wrong(lambda u, low, high: high * (low / high) ** u,
              "the scale is upside down: u = 0 must give low, and u = 1 must give high."),
        Wrong(lambda u, low, high: low * high**u, "at u = 1 this is low * high. What factor leads from low to high?"),
        Wrong(lambda u, low, high: high**u, "at u = 0 this is 1, whatever low is. It must begin at low."),
        Wrong(lambda u, low, high: low + (high / low) ** u, "the factor is added to low. It must multiply it."),
        Wrong(lambda u, low, high: (high / low) ** u, "this is the factor from low to the value. Multiply low by it."),
        Wrong(lambda u, low, high: 10.0 ** np.round(np.log10(low) + u * (np.log10(high) - np.log10(low))),
              "the exponents are rounded, so only powers of ten come out. All values between low and high are wanted."),
        Wrong(lambda u, low, high: low + (high - low) * np.log10(1 + 9 * u),
              "the logarithm is taken of u, and the scale between low and high has stayed linear. Take the logarithms "
              "of low and high instead, and move evenly between them."),
        Wrong(lambda u, low, high: low + (high - low) * u**2,
              "a square crowds the values at the lower end, but equal steps of u are still not equal factors."),
        Wrong(lambda u, low, high: low + (high - low) * 10.0 ** (-5 * (1 - u)),
              "the differences to low are on a logarithmic scale, not the values themselves."),
    ),
    hints=("Half the way, at u = 0.5, must come the value that is as many times low as high is times it.",
           "Take the logarithms of low and high, move evenly from one to the other, and undo the logarithm at the end.",
           "The factor from low to high is high / low. At u the factor is (high / low)**u."),
    note="with u = np.linspace(0, 1, 16) it makes the grid of the book; with random u it proposes for random search.",
)


def stop_at(losses, patience):
    best, lowest = 0, np.inf
    for epoch, loss in enumerate(losses):
        if loss < lowest:  # never true for nan
            best, lowest = epoch, loss
        elif epoch - best >= patience:
            break
    return epoch, best


def _stopper(*, extra=0, ties=False, rises=False, total=False, page=False, shift=0, which="best", nan_good=False,
             never=False, drops=False, beyond=False):
    """Return a version of ``stop_at`` with one thing changed."""
    def stop(losses, patience):
        best, lowest, bad = 0, losses[0] if page else np.inf, 0
        for epoch, loss in enumerate(losses):
            before = losses[epoch - 1] if rises and epoch else lowest
            better = loss < before or (ties and loss == before) or (nan_good and np.isnan(loss))
            if better if drops else loss < lowest or (better and not rises):
                best, lowest = epoch, loss
            if better and not total:
                bad = 0
            elif not better and epoch:
                bad += 1
                if bad >= patience + extra and not never:
                    break
        else:
            epoch += beyond
        found = {"best": best, "last": epoch, "whole": int(np.nanargmin(losses)),
                 "argmin": int(np.argmin(losses[:epoch + 1])), "value": lowest, "back": epoch - patience}[which]
        return epoch + shift, found + shift

    return stop


def _poisoned(losses, patience):
    best = 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < np.min(losses[:epoch]):
            best = epoch
        elif epoch - best >= patience:
            break
    return epoch, best


def _argmin_always(losses, patience):
    for epoch in range(len(losses)):
        best = int(np.argmin(losses[:epoch + 1]))
        if epoch - best >= patience:
            break
    return epoch, best


def _swapped(losses, patience):
    return stop_at(losses, patience)[::-1]


def _without_nan(losses, patience):
    return stop_at(losses[~np.isnan(losses)], patience)


def _until_nan(losses, patience):
    best = 0
    for epoch, loss in enumerate(losses):
        if np.isnan(loss):
            break
        if loss < losses[best]:
            best = epoch
        elif epoch - best >= patience:
            break
    return epoch, best


_STOP_MISTAKES = (
    (dict(extra=1), "it stops one epoch late: as soon as `patience` epochs in a row were no improvement, that is the "
                    "end."),
    (dict(extra=-1), "it stops one epoch early: the epoch with the best loss does not count as one without "
                     "improvement."),
    (dict(rises=True), "each loss is compared with the one before. An improvement is a loss below the best so far; a "
                       "curve that goes up and down would never stop."),
    (dict(total=True), "all epochs without improvement are counted. The count begins anew after each improvement: only "
                       "those in a row matter."),
    (dict(ties=True), "an equal loss is taken for an improvement. Only a lower one is."),
    (dict(which="last"), "the second number is the epoch at which it stopped. Early stopping goes back to the "
                         "parameters of the best epoch."),
    (dict(which="value"), "the second number is the lowest loss. Asked for is its epoch."),
    (dict(shift=1), "the epochs are counted from 1. Here the first one has the number 0."),
    (dict(beyond=True), "where the patience does not run out, the number of losses is returned. The last epoch has the "
                        "number one below that."),
    (dict(never=True), "it never stops: after `patience` epochs in a row without improvement, leave the loop."),
)


def _stop_mistakes(more="", **page):
    """Each common mistake, also of someone who begins with the first loss as the lowest."""
    return tuple(Wrong(_stopper(**mistake, **page), message + more) for mistake, message in _STOP_MISTAKES)


def _stop_cases():
    """Clean curves and bumpy ones, ties, curves that never stop; nan at the start, in the middle, at the end."""
    nan = np.nan
    bumpy = np.abs(np.linspace(-1, 0.7, 30)) + 0.15 * np.random.default_rng(19).normal(size=30)
    return [{"losses": np.array([5.0, 4, 3, 3.5, 3.2, 3.4, 2, 1, 0.5]), "patience": 3},
            {"losses": np.array([5.0, 4, 4.5, 4.2, 3, 3.3, 3.1, 3.4, 2]), "patience": 3},
            {"losses": np.array([5.0, 4, 4, 4, 4, 3]), "patience": 2},
            {"losses": np.array([3.0, 2, 1, 0.5]), "patience": 1},
            {"losses": np.array([3.0, 2, 2.5, 1, 0.5]), "patience": 1},
            {"losses": np.round(bumpy, 2), "patience": 4},
            {"losses": np.array([3.0, 2, nan, 1, 1.5, nan, 1.2, 0.1]), "patience": 3},
            {"losses": np.array([nan, 3, 2, 4, 5, 1]), "patience": 2},
            {"losses": np.array([2.0, 1, nan, nan, nan, 0.5]), "patience": 10},
            {"losses": np.array([2.0, 1, nan, nan, nan, 0.5]), "patience": 3}]


q3 = Code(
    name="tuning.q3", title="early stopping",
    answer=stop_at, outputs=("stopped", "best"), cases=_stop_cases,
    wrong=(
        *_stop_mistakes(),
        *_stop_mistakes(" Besides, a nan at the start stays the best for ever: nothing is smaller than nan.",
                        page=True),
        Wrong(_stopper(rises=True, drops=True), "each loss is compared with the one before, and the last epoch that "
                                                "was better than its neighbour is called the best. Compare with the "
                                                "lowest loss so far."),
        Wrong(_swapped, "the two numbers are swapped: the epoch at which it stops comes first."),
        Wrong(_stopper(page=True), "this is right unless the first loss is nan. No loss is smaller than nan, so the "
                                   "first epoch stays the best for ever. What can the lowest loss begin with?"),
        Wrong(_stopper(nan_good=True), "nan is taken for an improvement. It is none: an epoch with nan counts as one "
                                       "without improvement."),
        Wrong(_stopper(which="argmin"), "the stop is right, but np.argmin takes nan for the smallest number. Look for "
                                        "the lowest loss among the others."),
        Wrong(_argmin_always, "np.argmin takes nan for the smallest number, so nan becomes the best and is waited for. "
                              "Look for the lowest loss among the others."),
        Wrong(_poisoned, "the minimum of numbers with a nan among them is nan, and nothing is below nan: after the "
                         "first nan there is no improvement any more. Leave nan out of the minimum."),
        Wrong(_stopper(which="whole"), "the second number looks into the future: the best epoch is that among the "
                                       "epochs that were run, not among all."),
        Wrong(_stopper(which="back"), "the second number is `patience` epochs before the end. That holds only when the "
                                      "patience has run out, not when the losses are at their end."),
        Wrong(_without_nan, "nan is left out of the list, so the epochs after it have new numbers, and epochs with nan "
                            "are not counted. Keep them in, as epochs without improvement."),
        Wrong(_until_nan, "the run stops at the first nan. Here a nan is an epoch without improvement, and the run "
                          "goes on while there is patience."),
    ),
    hints=("Two things live on from epoch to epoch: the lowest loss so far, and its epoch. What can they begin with?",
           "The number of epochs since the best one is epoch - best. When is it time to break?",
           "Begin with the lowest loss np.inf: `loss < np.inf` is true for every finite loss and false for nan."),
    note="every comparison with nan is false, so the side on which nan stands decides whether it wins or loses.",
)


def choose_and_report(training, validation, test):
    mean = validation.mean(axis=1)  # nan where a run has failed
    chosen = np.argmin(np.where(np.isnan(mean), np.inf, mean))
    return chosen, test[chosen].mean()


def _judged(judge="validation", table="test", score=np.mean, told=np.mean, failed=np.inf, highest=False):
    """Return a version of ``choose_and_report`` with one thing changed."""
    def choose(training, validation, test):
        tables = {"training": training, "validation": validation, "test": test}
        scores = np.array([score(row) for row in tables[judge]])
        if failed is not None:
            scores = np.where(np.isnan(scores), -np.inf if highest else failed, scores)
        chosen = np.argmax(scores) if highest else np.argmin(scores)
        return chosen, told(tables[table][chosen])

    return choose


def _lucky_run(training, validation, test):
    chosen, seed = np.unravel_index(np.nanargmin(validation), validation.shape)
    return chosen, test[chosen, seed]


def _lucky_seed(training, validation, test):
    chosen = choose_and_report(training, validation, test)[0]
    return chosen, test[chosen, np.argmin(validation[chosen])]


def _column(training, validation, test):
    chosen = np.nanargmin(validation.mean(axis=0))
    return chosen, test[:, chosen].mean()


def _all_settings(training, validation, test):
    return choose_and_report(training, validation, test)[0], np.nanmean(test)


def _best_test(training, validation, test):
    return choose_and_report(training, validation, test)[0], np.nanmin(test.mean(axis=1))


def _report_cases():
    """Errors of several settings with several seeds; in some a run has failed."""
    rng = np.random.default_rng(29)
    cases = []
    for settings, seeds, failed in [(4, 3, []), (6, 5, [(2, 1)]), (5, 4, [(0, 0), (3, 2)]),
                                    (8, 3, [(5, 0), (5, 1)]), (12, 5, [(1, 4)]), (3, 2, [])]:
        level = rng.uniform(0.04, 0.06, size=(settings, 1))
        validation, test = level * rng.uniform(0.5, 1.5, size=(2, settings, seeds))
        training = 0.1 * rng.uniform(0.2, 0.8, size=(settings, seeds))
        for table in (training, validation, test):
            for setting, seed in failed:
                table[setting, seed] = np.nan
        cases.append({"training": training, "validation": validation, "test": test})
    tempting = {"training": np.array([[0.1, 0.1], [0.2, np.nan], [0.3, 0.3]]),
                "validation": np.array([[0.3, 0.3], [0.01, np.nan], [0.2, 0.24]]),
                "test": np.array([[0.31, 0.33], [0.02, np.nan], [0.25, 0.27]])}
    uneven = {"training": np.array([[0.02, 0.03, 0.05], [0.04, 0.06, 0.05]]),
              "validation": np.array([[0.1, 0.11, 0.4], [0.15, 0.16, 0.18]]),
              "test": np.array([[0.12, 0.13, 0.41], [0.14, 0.17, 0.21]])}
    return [*cases, tempting, uneven]


q4 = Code(
    name="tuning.q4", title="choose and report",
    answer=choose_and_report, outputs=("chosen", "reported"), cases=_report_cases,
    wrong=(
        Wrong(_judged(judge="training"), "the training error has chosen. It says how well a setting fits what it has "
                                         "seen; let the validation error choose."),
        Wrong(_judged(judge="training", failed=None), "the training error has chosen, and nan counts as the smallest "
                                                      "number. Let the validation error choose, and treat nan as the "
                                                      "worst."),
        Wrong(_judged(judge="test"), "the test error has chosen. Then it is no test any more: what chooses cannot "
                                     "judge. Let the validation error choose."),
        Wrong(_judged(judge="test", failed=None), "the test error has chosen, and nan counts as the smallest number. "
                                                  "Let the validation error choose, and treat nan as the worst."),
        Wrong(_judged(table="validation"), "the number that chose is reported. The winner owes a part of it to luck; "
                                           "report the test error of the same setting."),
        Wrong(_judged(table="validation", failed=None), "the number that chose is reported, and nan counts as the "
                                                        "smallest number. Report the test error, and treat nan as the "
                                                        "worst."),
        Wrong(_judged(table="training"), "the training error is reported. Report the test error."),
        Wrong(_judged(failed=None), "where a run has failed, its setting is chosen: np.argmin takes nan for the "
                                    "smallest number, and as 0 it would be the smallest, too. Treat it as the worst."),
        Wrong(_judged(score=lambda row: np.nan_to_num(row).mean()),
              "nan has become 0 before the mean was taken, so a failed run makes its setting look better. Treat the "
              "setting as the worst."),
        Wrong(_column, "the mean runs over the settings, and a seed is chosen. One row is one setting: take the mean "
                       "along axis 1."),
        Wrong(_judged(score=np.nanmean, told=np.nanmean),
              "the failed runs are left out of the means. A setting that fails for one seed is not a good one: it "
              "cannot be chosen."),
        Wrong(_judged(score=np.nanmean), "the failed runs are left out of the mean that chooses. A setting that fails "
                                         "for one seed is not a good one: it cannot be chosen."),
        Wrong(_judged(score=np.min), "each setting is judged by its luckiest seed. Judge it by its mean over the "
                                     "seeds."),
        Wrong(_judged(score=np.min, told=np.min), "each setting is judged and reported by its luckiest seed. The best "
                                                  "of several seeds is not what the next run will give: take means."),
        Wrong(_judged(told=np.min), "the setting is right, but its best seed is reported. The best of several seeds is "
                                    "not what the next run will give: report the mean."),
        Wrong(_judged(told=np.max), "the setting is right, but its worst seed is reported. Report the mean."),
        Wrong(_judged(score=np.median, told=np.median), "medians choose and are reported. That can be done, but asked "
                                                        "for are means."),
        Wrong(_judged(score=np.median), "the median over the seeds has chosen. That can be done, but asked for is the "
                                        "mean."),
        Wrong(_judged(told=np.median), "the median over the seeds is reported. That can be done, but asked for is the "
                                       "mean."),
        Wrong(_lucky_run, "the single best run of the whole table has chosen and is reported. A seed is not a setting: "
                          "judge each row by its mean."),
        Wrong(_lucky_seed, "the setting is right, but the report is the test error of the seed that looked best in "
                           "validation. Report the mean over all seeds."),
        Wrong(_all_settings, "the setting is right, but the report is the mean over all settings. Report that of the "
                             "chosen one."),
        Wrong(_best_test, "the setting is right, but the lowest mean test error of all settings is reported. Report "
                          "that of the chosen one."),
        Wrong(_judged(highest=True), "the setting with the highest error is chosen. Errors are to be small."),
    ),
    hints=("Three questions: which table chooses, what is the number of a setting, and what becomes of nan?",
           "Take the mean over the seeds, axis=1. It is nan where a run has failed: put np.inf there, then np.argmin.",
           "Report the mean of the chosen row of the test table."),
    note="the training table was not needed at all: it neither chooses nor judges.",
)


def halving(score, first, factor):
    alive, paid, before, t = np.arange(score.shape[1]), 0, 0, first
    while len(alive) > 1:
        paid += len(alive) * (t - before)
        now = np.where(np.isnan(score[t, alive]), np.inf, score[t, alive])
        best = np.argsort(now, kind="stable")[:max(1, len(alive) // factor)]
        alive, before, t = alive[best], t, factor * t
    return alive[0], paid


def _halver(*, worst=False, nan=np.inf, late_ties=False, restart=False, after=False, future=False, glance=False,
            position=False, up=False, even=False, full=False, once=False,
            turned=False, lost=False, nearest=False, few=False):
    """Return a version of ``halving`` with one thing changed."""
    def halve(score, first, factor):
        alive, paid, before, t, place, end = np.arange(score.shape[1]), 0, 0, first, 0, len(score) - 1
        while len(alive) >= (factor if few else 2):
            row = score[end if future else first if glance else t, alive]
            now = np.where(np.isnan(row), -np.inf if worst else nan, row)
            order = np.argsort(-now if worst else now, kind="stable")
            if late_ties:
                order = len(alive) - 1 - np.argsort(now[::-1], kind="stable")
            if turned:
                order = np.argsort(row)[::-1]
            share = len(alive) / factor
            left = max(1, math.ceil(share) if up else round(share) if nearest else math.floor(share))
            paid += (left if after else len(alive)) * (t if restart else t - before)
            place, alive, before = order[0], order[:left] if lost else alive[order[:left]], t
            t = min(t + first if even else factor * t, end)
            if once:
                break
        return (place if position else alive[0]), paid + (end - before if full else 0)

    return halve


def _full_runs(score, first, factor):
    last = np.where(np.isnan(score[-1]), np.inf, score[-1])
    return np.argmin(last), score.shape[1] * (len(score) - 1)


def _halving_cases():
    """Curves that cross; factors 2 to 4, numbers that they do not divide; ties; nan."""
    rng = np.random.default_rng(39)
    cases = []
    for settings, steps, first, factor in [(9, 18, 2, 3), (8, 12, 1, 2), (27, 81, 3, 3), (11, 30, 2, 2), (5, 10, 2, 4),
                                           (20, 27, 1, 3)]:
        start, speed = rng.uniform(1, 5, size=settings), rng.uniform(0, 3, size=settings)
        curves = start * np.exp(-speed * np.linspace(0, 1, steps + 1)[:, None])
        cases.append({"score": curves + 0.3 * rng.uniform(size=curves.shape), "first": first, "factor": factor})
    failed = cases[0]["score"].copy()
    failed[2:, [1, 4]] = np.nan
    failed[5:, np.argmin(failed[2, [0, 2, 3, 5, 6, 7, 8]])] = np.nan
    small = np.array([[1.0, 1, 1], [0.5, np.nan, 0.5], [0.4, np.nan, 0.2]])
    return [*cases, {"score": np.round(cases[1]["score"]), "first": 1, "factor": 2},
            {"score": failed, "first": 2, "factor": 3}, {"score": small, "first": 1, "factor": 3}]


q5 = Code(
    name="tuning.q5", title="successive halving",
    answer=halving, outputs=("survivor", "paid"), cases=_halving_cases,
    wrong=(
        Wrong(_halver(worst=True), "the worst are kept and the best are stopped: sort from low to high, and keep the "
                                   "first ones."),
        Wrong(_halver(turned=True), "the worst are kept, nan first of all: sort from low to high, and keep the first "
                                    "ones. argsort puts nan last."),
        Wrong(_halver(nan=-np.inf), "nan is taken for the best loss, as it also would be if it became 0. A run that "
                                    "has failed must come last."),
        Wrong(_halver(late_ties=True), "of settings with equal losses those with the higher number are kept. Keep "
                                       "those with the lower number."),
        Wrong(_halver(position=True), "the survivor is told by its place among those that were still running. Keep the "
                                      "numbers of the settings through all rounds."),
        Wrong(_halver(lost=True), "after the first round the numbers of the settings are lost: argsort gives places "
                                  "among those that still run. Take alive[places]."),
        Wrong(_halver(nearest=True), "the number to keep is rounded to the nearest. Here it is rounded down, but at "
                                     "least 1."),
        Wrong(_halver(few=True), "it ends when fewer than `factor` are left. Go on until one is left."),
        Wrong(_halver(up=True), "the number to keep is rounded up. Here it is rounded down, but at least 1."),
        Wrong(_halver(future=True), "the settings are judged by their losses at the end of the table. In a real search "
                                    "those steps have not been taken yet: judge at the rung."),
        Wrong(_halver(glance=True), "each round is judged by the losses at the first rung. Use the losses at the rung "
                                    "that has just been reached."),
        Wrong(_halver(even=True), "the rungs grow by equal steps. Each is `factor` times the one before."),
        Wrong(_halver(restart=True), "the survivor is right, but all steps up to each rung are paid anew. A run that "
                                     "goes on is continued: it pays only for the new steps."),
        Wrong(_halver(after=True), "the survivor is right, but only those that are kept are paid for. All who run to "
                                   "the rung have cost their steps, also those that are stopped there."),
        Wrong(_halver(full=True), "the survivor is right, but its last steps, to the end of the table, are paid for as "
                                  "well. Asked for is the cost until one is left."),
        Wrong(_halver(once=True), "only one round is done. Go on until one is left."),
        Wrong(_full_runs, "this runs all settings to the end. That is what halving avoids."),
    ),
    hints=("What lives on from round to round: the numbers of the settings that still run, the last rung, and the "
           "steps paid so far.",
           "Each round: pay for everyone who runs from the last rung to this one, sort by score[t], keep the first "
           "len // factor, at least one.",
           "alive[np.argsort(score[t, alive], kind=\"stable\")[:keep]] keeps the numbers of the settings; argsort puts "
           "nan last."),
    note="27 settings with the rungs 3, 9, 27 cost 189 steps, as on the page; 27 runs of 81 steps would cost 2187.",
)


def cross_validate(X, y, k, strength):
    errors = []
    for judge in np.array_split(np.arange(len(y)), k):
        X_train, y_train = np.delete(X, judge, axis=0), np.delete(y, judge)
        mean, deviation = X_train.mean(axis=0), X_train.std(axis=0)
        Z, level = (X_train - mean) / deviation, y_train.mean()
        matrix = Z.T @ Z / len(y_train) + strength * np.eye(X.shape[1])
        weights = np.linalg.solve(matrix, Z.T @ (y_train - level) / len(y_train))
        prediction = (X[judge] - mean) / deviation @ weights + level
        errors.append(np.mean((prediction - y[judge]) ** 2))
    return np.mean(errors)


def _parted(n, k, how):
    """Pairs of training and judging points; ``how`` names a mistake."""
    points, small, large = np.arange(n), n // k, -(-n // k)
    for j, block in enumerate(np.array_split(points, k)):
        judge = {"overlap": points[j * small:j * small + large], "cut": points[j * small:(j + 1) * small],
                 "thrown": points[j * small:(j + 1) * small], "ceiling": points[j * large:(j + 1) * large],
                 "last": points[j * small:n if j == k - 1 else (j + 1) * small],
                 "every": points[j::k], "longer": points[block[0]:block[-1] + 2]}.get(how, block)
        train = points if how == "all" else np.delete(points[:k * small] if how == "thrown" else points, judge)
        yield (judge, train) if how == "swapped" else (train, judge)


def _validated(*, how="blocks", scale="train", level="train", weigh=np.mean, judged="judge", per_sample=True, times=1,
               error=lambda r: np.mean(r**2), centred=True, divided=True, ddof=0, penalty=False):
    """Return a version of ``cross_validate`` with one thing changed."""
    def validate(X, y, k, strength):
        errors, sizes = [], []
        for train, judge in _parted(len(y), k, how):
            parts = {"train": train, "judge": judge, "all": np.arange(len(y))}
            mean = X[parts["all" if scale == "all" else "train"]].mean(axis=0) if centred else 0.0
            spread = X[parts["all" if scale in ("all", "spread") else "train"]].std(axis=0, ddof=ddof)
            deviation = spread if divided else 1.0
            middle = y[parts[level]].mean() if level in parts else 0.0
            Z, m = (X[train] - mean) / deviation, {True: len(train), False: 1, "n": len(y)}[per_sample]
            matrix = Z.T @ Z / m + times * strength * np.eye(X.shape[1])
            weights = np.linalg.solve(matrix, Z.T @ (y[train] - middle) / m)
            seen = parts[judged]
            if scale == "own":
                mean, deviation = X[seen].mean(axis=0), X[seen].std(axis=0)
            elif scale == "raw":
                mean, deviation = 0.0, 1.0
            r = (X[seen] - mean) / deviation @ weights + middle - y[seen]
            errors.append(error(r) + penalty * strength * weights @ weights)
            sizes.append(len(seen))
        return np.average(errors, weights=sizes) if weigh == "pooled" else weigh(errors)

    return validate


def _cv_cases():
    """Features of very different size and place; numbers of points that k does not divide."""
    rng = np.random.default_rng(49)
    cases = []
    for n, d, k, strength in [(12, 2, 3, 0.1), (14, 3, 4, 1.0), (7, 1, 2, 0.01)]:
        Z = rng.normal(size=(n, d))
        y = Z @ rng.normal(size=d) + 5 + 0.5 * rng.normal(size=n)
        cases.append({"X": 10.0 ** rng.integers(-2, 3, size=d) * (Z + rng.normal(size=d)), "y": y, "k": k,
                      "strength": strength})
    return cases


q6 = Code(
    name="tuning.q6", title="cross-validation without a leak",
    answer=cross_validate, outputs=("error",), cases=_cv_cases,
    wrong=(
        Wrong(_validated(scale="all"), "the means and deviations of the features come from all points, those of the "
                                       "judging fold included: a leak. Scaling is part of training, so the training "
                                       "folds alone decide it."),
        Wrong(_validated(level="all"), "the mean target comes from all points, those of the judging fold included: a "
                                       "leak. Take it from the training folds."),
        Wrong(_validated(scale="all", level="all"), "scaling and mean target come from all points, those of the "
                                                    "judging fold included: a leak. Take both from the training "
                                                    "folds."),
        Wrong(_validated(scale="spread"), "the deviations of the features come from all points, those of the judging "
                                          "fold included: a leak. Take them from the training folds."),
        Wrong(_validated(scale="spread", per_sample=False), "the features are scaled with all points, a leak. Besides, "
                                                            "the penalty is added to a sum over the points, and "
                                                            "should be added to their mean."),
        Wrong(_validated(scale="all", per_sample=False), "scaling uses all points, those of the judging fold included: "
                                                         "a leak. Besides, the penalty is added to a sum over the "
                                                         "points, and should be added to their mean."),
        Wrong(_validated(scale="own"), "the judging fold is scaled by its own means and deviations. A model is used "
                                       "with the scaling that it was trained with."),
        Wrong(_validated(scale="raw"), "the judging fold is not scaled, but the weights belong to scaled features: "
                                       "scale it with the numbers of the training folds."),
        Wrong(_validated(how="all"), "the judging fold is in the training part as well. Then it judges what it has "
                                     "helped to make: leave it out."),
        Wrong(_validated(judged="train"), "the error is that on the training folds. Judge on the fold that was left "
                                          "out."),
        Wrong(_validated(how="swapped"), "one fold trains and the others judge. It is the other way round: train on "
                                         "k - 1 folds, judge on the one left out."),
        Wrong(_validated(how="overlap"), "where k does not divide n, the folds overlap, and some points judge twice. "
                                         "Each point must be in exactly one fold."),
        Wrong(_validated(how="longer"), "each fold is one point too long and reaches into the next. The end of a slice "
                                        "is not included."),
        Wrong(_validated(how="cut"), "where k does not divide n, the last points are in no fold and never judge. The "
                                     "first n % k folds get one point more."),
        Wrong(_validated(how="thrown"), "where k does not divide n, the last points are used nowhere. The first n % k "
                                        "folds get one point more."),
        Wrong(_validated(how="last"), "where k does not divide n, the whole rest goes into the last fold. The first "
                                      "n % k folds get one point more."),
        Wrong(_validated(how="ceiling"), "where k does not divide n, the last fold is much smaller than the others. "
                                         "The sizes differ by 1 at most: the first n % k folds get one point more."),
        Wrong(_validated(how="every"), "every k-th point is in one fold. That can be done, but asked for are blocks "
                                       "of neighbours."),
        Wrong(_validated(level="none"), "the mean target is missing from the prediction. Features with the mean 0 "
                                        "cannot explain it."),
        Wrong(_validated(centred=False), "the features are divided by their deviations, but their means are not taken "
                                         "off."),
        Wrong(_validated(divided=False), "the means of the features are taken off, but they are not divided by their "
                                         "deviations."),
        Wrong(_validated(centred=False, divided=False), "the features are not scaled at all."),
        Wrong(_validated(ddof=1), "the deviations divide by m - 1. Asked for are those that divide by m, as np.std "
                                  "does by default."),
        Wrong(_validated(per_sample=False), "the penalty is added to a sum over the points. Here it is added to their "
                                            "mean: divide Z^T Z and Z^T y by the number of training points."),
        Wrong(_validated(per_sample="n"), "the mean over the training points divides by their number m, not by that of "
                                          "all points."),
        Wrong(_validated(times=0.5), "the penalty is half as strong as asked for: both terms are squares, so their "
                                     "derivatives both have a 2, and it cancels."),
        Wrong(_validated(times=2), "the penalty is twice as strong as asked for: both terms are squares, so their "
                                   "derivatives both have a 2, and it cancels."),
        Wrong(_validated(times=0), "the penalty is missing."),
        Wrong(_validated(weigh=np.sum), "this is the sum of the k errors. Take their mean."),
        Wrong(_validated(weigh=min), "this is the lowest of the k errors. Take their mean: one lucky fold says "
                                     "little."),
        Wrong(_validated(weigh=lambda errors: errors[-1]), "this is the error of the last fold alone. Take the mean "
                                                           "of all k."),
        Wrong(_validated(weigh=lambda errors: errors[0]), "this is the error of the first fold alone. Take the mean "
                                                          "of all k."),
        Wrong(_validated(weigh="pooled"), "all points weigh the same here. That can be done, but asked for is the mean "
                                          "of the k errors, in which small folds weigh as much as large ones."),
        Wrong(_validated(error=lambda r: np.sum(r**2)), "the error of a fold is the mean of its squared errors, not "
                                                        "their sum."),
        Wrong(_validated(error=lambda r: np.sqrt(np.mean(r**2))), "the error of a fold is the mean squared error, "
                                                                  "without a root."),
        Wrong(_validated(error=lambda r: np.mean(np.abs(r))), "the error of a fold is the mean of the squares of what "
                                                              "is missing, not of the sizes."),
        Wrong(_validated(penalty=True), "the penalty is part of the error. It belongs to training; judge by the "
                                        "squared error alone."),
    ),
    hints=("One loop over the folds. np.array_split(np.arange(n), k) gives them, np.delete takes a fold out.",
           "All that is estimated comes from the training folds: means, deviations, the mean target, the weights. Only "
           "then comes the fold that judges.",
           "weights = np.linalg.solve(Z.T @ Z / m + strength * np.eye(d), Z.T @ (y - level) / m), with m training "
           "points; the prediction is scaled features @ weights + level."),
    note="everything that is estimated belongs to training, also what looks like mere preparation.",
)


def shown(k, error, width):
    return error - width * (k - 1) / (k + 1)


q7 = Code(
    name="tuning.q7", title="the best of k",
    answer=shown, outputs=("mean",),
    cases=lambda: [{"k": k, "error": error, "width": width} for k, error, width in
                   [(2, 0.03, 0.01), (1, 0.1, 0.02), (3, 0.5, 0.3), (10, 0.03, 0.02), (64, 0.1, 0.05), (1000, 2, 1)]],
    wrong=(
        Wrong(lambda k, error, width: error, "this is what the winner has, not what it shows. The lowest of k noisy "
                                             "numbers lies below their mean."),
        Wrong(lambda k, error, width: error - width, "this is the lowest number that the noise allows. The best of k "
                                                     "comes near it only for large k."),
        Wrong(lambda k, error, width: error + width * (k - 1) / (k + 1), "this is the mean of the highest of k. The "
                                                                         "winner has the lowest."),
        Wrong(lambda k, error, width: error - width / (k + 1), "this comes nearer to the true error, the more settings "
                                                               "there are. It must go down to error - width."),
        Wrong(lambda k, error, width: error - width + width / (k + 1), "for k = 1 there is no choice and no luck: the "
                                                                       "true error must come out. The noise spans an "
                                                                       "interval of 2 width."),
        Wrong(lambda k, error, width: error - width * (1 - 1 / k), "for k = 2 this is a quarter of the interval above "
                                                                   "its lower end. The lower of two uniform numbers "
                                                                   "lies, on average, at a third."),
        Wrong(lambda k, error, width: error - width + 2 * width / k, "for k = 2 this is the true error, but the lower "
                                                                     "of two numbers lies below it."),
        Wrong(lambda k, error, width: error - width / np.sqrt(k), "the root of k belongs to the mean of k numbers. "
                                                                  "Here the lowest is taken, and the more there are, "
                                                                  "the lower it is."),
        Wrong(lambda k, error, width: width * (k - 1) / (k + 1), "this is how much too good the winner looks. Asked "
                                                                 "for is the number that it shows."),
        Wrong(lambda k, error, width: -width * (k - 1) / (k + 1), "this is the mean lowest noise. Add it to the true "
                                                                  "error."),
        Wrong(lambda k, error, width: error - 2 * width * (k - 1) / (k + 1), "the noise reaches width to each side, "
                                                                             "not 2 width: no number lies below "
                                                                             "error - width."),
        Wrong(lambda k, error, width: error - width / 2 * (k - 1) / (k + 1), "the noise reaches width to each side, "
                                                                             "not half of it: for many settings the "
                                                                             "lowest comes near error - width."),
        Wrong(lambda k, error, width: error - width * (1 - 2 * 0.5 ** (1 / k)) * -1,
              "this is not the mean of the lowest of k but its median. Asked for is the mean."),
    ),
    hints=("The lowest of k is above x exactly when all k are above x. How probable is that for one, and for all?",
           "Measure from the lower end in units of the whole interval: u = (x - error + width) / (2 width). The lowest "
           "of k is above u with the probability (1 - u)^k.",
           "The mean of u is the integral of that probability from 0 to 1, which is 1 / (k + 1). Now turn u back into "
           "an error."),
    note="two settings gain a third of the width by luck alone, 64 settings 97% of it.",
)

q8 = Choice(
    name="tuning.q8", title="why, in words",
    true={"a": "rates only change the walk, so all walk on the same landscape; penalties change what is minimised.",
          "c": "the lowest point may lie outside what was tried.",
          "f": "what a seed does to both cancels in the difference, so the noise of the difference is smaller."},
    false={"b": "if both matter equally, the grid covers the square more evenly; random draws leave holes. They win "
                "where one of the two hardly matters.",
           "d": "the networks have not seen the images, but the choice has: the lowest of ten noisy numbers is too "
                "good.",
           "e": "halving assumes that who leads early leads late. Where curves cross, it can stop the best setting in "
                "the first round, without any noise."},
    hints=("For each statement ask two things: what proposes, and what judges?",
           "For random search and for halving the page has one case that speaks for them and one against.",
           "Three of the six are true."),
    note="now say each of them in your own words, and compare with solution().",
)
