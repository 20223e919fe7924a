"""Learning-rate schedules: the formula, Keras, PyTorch's one cycle, the other column, runs, and bad input."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from columns import COLUMNS
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import problems
from labkit.reference import schedules as REFERENCE
from labkit.tf import schedules as TENSORFLOW
from labkit.tf import training as tf_training

SCHEDULES = {"numpy": REFERENCE, "tensorflow": TENSORFLOW}
each_column = pytest.mark.parametrize("column", SCHEDULES.values(), ids=SCHEDULES)
N = 60
STEPS = np.arange(3 * N)

CASES = {
    "constant": ("ConstantRate", {"learning_rate": 0.3}),
    "step": ("StepDecay", {"learning_rate": 0.3, "factor": 0.5, "every": 7}),
    "piecewise": ("PiecewiseConstantDecay", {"boundaries": [10, 25.5, 40], "values": [0.3, 0.2, 0.1, 0.05]}),
    "exponential": ("ExponentialDecay", {"initial_learning_rate": 0.3, "decay_steps": 7, "decay_rate": 0.9}),
    "exponential, stairs": ("ExponentialDecay", {"initial_learning_rate": 0.3, "decay_steps": 7, "decay_rate": 0.9,
                                                 "staircase": True}),
    "inverse time": ("InverseTimeDecay", {"initial_learning_rate": 0.3, "decay_steps": 7, "decay_rate": 0.9}),
    "inverse time, stairs": ("InverseTimeDecay", {"initial_learning_rate": 0.3, "decay_steps": 7, "decay_rate": 0.9,
                                                  "staircase": True}),
    "polynomial": ("PolynomialDecay", {"initial_learning_rate": 0.3, "decay_steps": N}),
    "polynomial, bent": ("PolynomialDecay", {"initial_learning_rate": 0.3, "decay_steps": N, "power": 0.7,
                                             "end_learning_rate": 0.01}),
    "polynomial, cycles": ("PolynomialDecay", {"initial_learning_rate": 0.3, "decay_steps": 20, "power": 2.0,
                                               "cycle": True}),
    "cosine": ("CosineDecay", {"initial_learning_rate": 0.3, "decay_steps": N}),
    "cosine, floor": ("CosineDecay", {"initial_learning_rate": 0.3, "decay_steps": N, "alpha": 0.1}),
    "restarts": ("CosineDecayRestarts", {"initial_learning_rate": 0.3, "first_decay_steps": 10}),
    "restarts, equal": ("CosineDecayRestarts", {"initial_learning_rate": 0.3, "first_decay_steps": 10, "t_mul": 1.0,
                                                "m_mul": 0.8, "alpha": 0.1}),
    "restarts, 1.5": ("CosineDecayRestarts", {"initial_learning_rate": 0.3, "first_decay_steps": 10, "t_mul": 1.5,
                                              "m_mul": 0.5, "alpha": 0.2}),
    "one cycle": ("OneCycle", {"max_learning_rate": 0.3, "steps": N}),
    "one cycle, early": ("OneCycle", {"max_learning_rate": 0.3, "steps": N, "pct_start": 0.123, "div_factor": 3.0,
                                      "final_div_factor": 7.0}),
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def make(column, case, **changes):
    """The schedule of a case; "warm" puts a warm-up of so many steps in front."""
    warm = changes.pop("warm", None)
    schedule = getattr(column, case[0])(**{**case[1], **changes})
    return column.LinearWarmup(steps=warm, then=schedule) if warm else schedule


def first_rate(case):
    """The name of the field that may be an array; None where there is none."""
    names = {"learning_rate", "initial_learning_rate", "max_learning_rate"} & set(case[1])
    return names.pop() if names else None


# The formulas, as loops over the steps

def constant(t):
    return 0.3


def staircase(t):
    rate = 0.3
    for _ in range(t // 7):
        rate *= 0.5
    return rate


def piecewise(t):
    return 0.3 if t <= 10 else 0.2 if t <= 25 else 0.1 if t <= 40 else 0.05


def polynomial(t):
    return 0.3 - (0.3 - 0.0001) * t / N if t < N else 0.0001


def polynomial_cycles(t):
    start = 20 * max(0, math.ceil(t / 20) - 1)  # the cycle that t ends in
    end = start + 20
    return 0.0001 + (0.3 - 0.0001) * ((end - t) / end) ** 2


def cosine(t):
    return 0.3 * math.cos(math.pi / 2 * min(t, N) / N) ** 2


def restarts(t, length=10, t_mul=2, m_mul=1, alpha=0):
    height = 1.0
    while t >= length:
        t, length, height = t - length, length * t_mul, height * m_mul
    return 0.3 * (alpha + (1 - alpha) * height * math.cos(math.pi / 2 * t / length) ** 2)


def one_cycle(t, total=N, pct_start=0.3, div_factor=25.0, final_div_factor=1e4):
    """As PyTorch's OneCycleLR: phases that end at given steps, and annealing between two rates."""
    def anneal(start, end, share):
        return end + (start - end) / 2 * (math.cos(math.pi * share) + 1)

    initial = 0.3 / div_factor
    phases = [(pct_start * total - 1, initial, 0.3), (total - 1, 0.3, initial / final_div_factor)]
    start_step = 0.0
    for end_step, start_rate, end_rate in phases:
        if t <= end_step:
            return anneal(start_rate, end_rate, (t - start_step) / (end_step - start_step))
        start_step = end_step
    return initial / final_div_factor  # PyTorch raises here


FORMULAS = {
    "constant": constant, "step": staircase, "piecewise": piecewise,
    "exponential": lambda t: 0.3 * math.exp(math.log(0.9) * t / 7),
    "exponential, stairs": lambda t: 0.3 * math.exp(math.log(0.9) * (t // 7)),
    "inverse time": lambda t: 2.1 / (7 + 0.9 * t), "inverse time, stairs": lambda t: 0.3 / (1 + 0.9 * (t // 7)),
    "polynomial": polynomial, "polynomial, cycles": polynomial_cycles,
    "polynomial, bent": lambda t: 0.01 + 0.29 * max(0.0, 1 - t / N) ** 0.7,
    "cosine": cosine, "cosine, floor": lambda t: 0.03 + 0.9 * cosine(t),
    "restarts": restarts, "restarts, equal": lambda t: restarts(t, 10, 1, 0.8, 0.1),
    "restarts, 1.5": lambda t: restarts(t, 10, 1.5, 0.5, 0.2),
    "one cycle": one_cycle, "one cycle, early": lambda t: one_cycle(t, N, 0.123, 3.0, 7.0),
}


@each_column
@pytest.mark.parametrize("name", CASES)
def test_the_rates_are_their_formula(column, name):
    expected = [FORMULAS[name](t) for t in STEPS.tolist()]
    np.testing.assert_allclose(make(column, CASES[name])(STEPS), expected, rtol=1e-12, atol=1e-15)


@each_column
@pytest.mark.parametrize("name", CASES)
def test_a_warm_up_in_front_of_any(column, name):
    schedule = make(column, CASES[name], warm=8)
    expected = [FORMULAS[name](0) * t / 8 if t < 8 else FORMULAS[name](t - 8) for t in STEPS.tolist()]
    np.testing.assert_allclose(schedule(STEPS), expected, rtol=1e-12, atol=1e-15)
    assert float(schedule(0)) == 0


@each_column
def test_ends_are_reached_exactly(column):
    assert float(make(column, CASES["cosine"])(N)) == 0
    assert float(make(column, CASES["polynomial"])(10 * N)) == 0.0001
    assert float(make(column, CASES["polynomial, bent"])(N)) == 0.01
    assert float(make(column, CASES["one cycle"])(0)) == pytest.approx(0.3 / 25, rel=1e-15)
    assert float(make(column, CASES["one cycle"])(17)) == 0.3
    assert float(make(column, CASES["one cycle"])(N - 1)) == pytest.approx(0.3 / 25 / 1e4, rel=1e-9)


@each_column
@settings(deadline=None, max_examples=30)
@given(t_mul=st.sampled_from([1.0, 1.1, 1.3, 1.5, 2.0, 3.0, 5.0, 10.0]), first=st.integers(1, 12))
def test_every_restart_is_at_its_step(column, t_mul, first):
    """The logarithm that counts the cycles is rounded, and log 243 / log 3 comes out below 5."""
    schedule = column.CosineDecayRestarts(initial_learning_rate=1.0, first_decay_steps=first, t_mul=t_mul)
    starts = np.cumsum(first * t_mul ** np.arange(8))
    starts = np.round(starts[np.abs(starts - np.round(starts)) < 1e-7])  # those that fall on a step
    np.testing.assert_allclose(schedule(starts), 1, atol=1e-12)


@each_column
def test_keras_can_restart_one_step_late(column):
    options = {"initial_learning_rate": 1.0, "first_decay_steps": 10, "t_mul": 1.1}
    theirs = keras.optimizers.schedules.CosineDecayRestarts(**options)
    assert float(theirs(21)) < 0.01 < 0.9 < float(theirs(22))
    np.testing.assert_allclose(column.CosineDecayRestarts(**options)(21), 1, rtol=1e-12)


# Keras, at its own precision turned up to float64

KERAS = ["piecewise", "exponential", "exponential, stairs", "inverse time", "inverse time, stairs", "polynomial",
         "polynomial, bent", "polynomial, cycles", "cosine", "cosine, floor", "restarts", "restarts, equal",
         "restarts, 1.5"]


def rates_of_keras(name, convert=lambda number: number):
    options = {"end_learning_rate": 0.0001, **CASES[name][1]} if "polynomial" in name else CASES[name][1]
    schedule = getattr(keras.optimizers.schedules, CASES[name][0])(**{
        field: convert(value) if isinstance(value, float) else value for field, value in options.items()})
    return [float(schedule(t)) for t in STEPS.tolist()]


@each_column
@pytest.mark.parametrize("name", KERAS)
def test_keras_has_the_same_rates_in_float32(column, name):
    np.testing.assert_allclose(make(column, CASES[name])(STEPS), rates_of_keras(name), rtol=5e-6, atol=1e-6)


@each_column
@pytest.mark.parametrize("name", [name for name in KERAS if name != "piecewise"])  # it keeps its rates in float32
def test_keras_has_the_same_rates_in_float64(column, name, float64):
    expected = rates_of_keras(name, np.float64)  # Keras would round Python's floats to float32
    np.testing.assert_allclose(make(column, CASES[name])(STEPS), expected, rtol=1e-12, atol=1e-14)


@each_column
def test_keras_warms_up_a_cosine_alike(column, float64):
    theirs = keras.optimizers.schedules.CosineDecay(np.float64(0.0), N, alpha=0.1, warmup_target=np.float64(0.3),
                                                    warmup_steps=8)
    ours = make(column, CASES["cosine, floor"], warm=8)
    np.testing.assert_allclose(ours(STEPS), [float(theirs(t)) for t in STEPS.tolist()], rtol=1e-7, atol=1e-9)


def test_the_defaults_are_those_of_keras():
    for name in ("ExponentialDecay", "InverseTimeDecay", "PolynomialDecay", "CosineDecay", "CosineDecayRestarts"):
        options = {"initial_learning_rate": 0.5, "decay_rate": 0.5, "decay_steps": 9, "first_decay_steps": 9}
        for column in SCHEDULES.values():
            ours = getattr(column, name)
            mine = ours(**{key: value for key, value in options.items() if key in ours.__dataclass_fields__})
            theirs = getattr(keras.optimizers.schedules, name)(
                **{key: value for key, value in options.items() if key in ours.__dataclass_fields__})
            for key, value in theirs.get_config().items():
                if hasattr(mine, key):
                    assert getattr(mine, key) == value, (name, key)


# The columns, kinds of steps, and runs

@each_case
@pytest.mark.parametrize("warm", [None, 8], ids=["cold", "warm"])
def test_the_two_columns_agree(case, warm):
    far = np.concatenate([STEPS, [10**3, 10**5, 10**6]])
    ours, theirs = (make(column, case, warm=warm)(far) for column in SCHEDULES.values())
    assert ours.dtype == theirs.numpy().dtype == np.float64 and ours.shape == theirs.shape == far.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)


@settings(deadline=None, max_examples=60)
@given(rate=st.floats(1e-8, 1e8), length=st.integers(4, 500), factor=st.floats(0.01, 2.0), share=st.floats(0.0, 1.0),
       t_mul=st.floats(1.0, 4.0), power=st.floats(0.1, 4.0), step=st.integers(0, 2000))
def test_the_two_columns_agree_everywhere(rate, length, factor, share, t_mul, power, step):
    pairs = [[
        column.StepDecay(learning_rate=rate, factor=factor, every=length),
        column.ExponentialDecay(initial_learning_rate=rate, decay_steps=length, decay_rate=factor),
        column.InverseTimeDecay(initial_learning_rate=rate, decay_steps=length, decay_rate=factor),
        column.PolynomialDecay(initial_learning_rate=rate, decay_steps=length, end_learning_rate=rate * share,
                               power=power),
        column.CosineDecay(initial_learning_rate=rate, decay_steps=length, alpha=share),
        column.CosineDecayRestarts(initial_learning_rate=rate, first_decay_steps=length, t_mul=t_mul, m_mul=factor,
                                   alpha=share),
        column.OneCycle(max_learning_rate=rate, steps=length, pct_start=0.26 + share / 2),
    ] for column in SCHEDULES.values()]
    for ours, theirs in zip(*pairs):
        np.testing.assert_allclose(ours(step), theirs(step), rtol=1e-9, atol=1e-9 * rate, err_msg=repr(ours))


@each_column
@each_case
def test_a_step_is_a_number_or_an_array(column, case):
    schedule = make(column, case)
    rates = np.array(schedule(STEPS))
    for kind in (int, np.int64, np.int32, float):
        rate = schedule(kind(5))
        assert rate.shape == () and float(rate) == pytest.approx(rates[5], rel=1e-14)
    np.testing.assert_allclose(schedule(STEPS.reshape(2, -1)), rates.reshape(2, -1), rtol=1e-14)
    np.testing.assert_allclose(schedule(list(range(4))), rates[:4], rtol=1e-14)
    if column is TENSORFLOW:
        for dtype in (tf.int32, tf.int64, tf.float32):
            np.testing.assert_allclose(schedule(tf.constant(STEPS, dtype)), rates, rtol=1e-14)


@each_column
@each_case
@pytest.mark.parametrize("warm", [None, 8], ids=["cold", "warm"])
def test_an_array_of_rates_gives_each_run_its_own(column, case, warm):
    field = first_rate(case)
    if field is None:
        assert make(column, case, warm=warm).shape == () and make(column, case, warm=warm).ndim == 0
        return
    rates = np.array([[0.1, 0.2, 0.3], [1.0, 2.0, 3.0]])
    together = make(column, case, warm=warm, **{field: rates})
    assert together.shape == (2, 3) and together.ndim == 2
    assert together(5).shape == (2, 3) and together(STEPS).shape == (len(STEPS), 2, 3)
    for index, rate in np.ndenumerate(rates):
        alone = make(column, case, warm=warm, **{field: rate})
        np.testing.assert_allclose(np.array(together(STEPS))[(..., *index)], alone(STEPS), rtol=1e-14)


@each_case
@pytest.mark.parametrize("warm", [None, 8], ids=["cold", "warm"])
def test_schedules_compile(case, warm):
    schedule = make(TENSORFLOW, case, warm=warm)
    compiled = tf.function(schedule, jit_compile=True)
    np.testing.assert_allclose(compiled(tf.constant(STEPS)), make(REFERENCE, case, warm=warm)(STEPS),
                               rtol=1e-12, atol=1e-15)
    assert compiled(tf.constant(5, tf.int64)).shape == ()


# As learning rates

@pytest.mark.parametrize("name", sorted(COLUMNS))
@each_case
@pytest.mark.parametrize("warm", [None, 8], ids=["cold", "warm"])
def test_a_schedule_is_a_learning_rate(name, case, warm):
    schedule, column, problem = make(SCHEDULES[name], case, warm=warm), COLUMNS[name], problems.quadratic([1.0, 5.0])
    rule = column.optimizers.GradientDescent(learning_rate=schedule)
    run = column.training.minimize(problem, rule, problem.start, steps=20)
    theta, path = problem.start, [problem.start]
    for t in range(20):
        theta = theta - float(schedule(t)) * problem.gradient(theta)
        path.append(theta)
    np.testing.assert_allclose(run.theta, path, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_a_schedule_of_several_runs_is_a_learning_rate(name):
    column, problem = COLUMNS[name], problems.quadratic([1.0, 5.0])
    rates = [0.1, 0.2]
    together, *alone = (column.training.minimize(
        problem, column.optimizers.GradientDescent(
            learning_rate=SCHEDULES[name].CosineDecay(initial_learning_rate=rate, decay_steps=20)),
        start, steps=20) for rate, start in [(rates, np.ones((2, 2))), (0.1, np.ones(2)), (0.2, np.ones(2))])
    for k in range(2):
        np.testing.assert_allclose(together.theta[:, k], alone[k].theta, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_the_type_of_theta_stays(name):
    column, problem = COLUMNS[name], problems.ravine()
    rule = column.optimizers.GradientDescent(learning_rate=make(SCHEDULES[name], CASES["cosine"]))
    assert column.training.minimize(problem, rule, np.ones(2, "f"), steps=3).theta.dtype == np.float32


@each_column
@each_case
@pytest.mark.parametrize("warm", [None, 8], ids=["cold", "warm"])
def test_equal_schedules_are_equal_and_immutable(column, case, warm):
    one, same = make(column, case, warm=warm), make(column, case, warm=warm)
    assert one == same and hash(one) == hash(same) and one is not same
    assert one != make(column, case, warm=9)
    field = first_rate(case)
    if field:
        assert one != make(column, case, warm=warm, **{field: 0.25})
        rates = np.array([0.1, 0.2])
        several = make(column, case, warm=warm, **{field: rates})
        assert several == make(column, case, warm=warm, **{field: [0.1, 0.2]})
        assert hash(several) == hash(make(column, case, warm=warm, **{field: (0.1, 0.2)}))
        rates[:] = 9
        assert np.max(several(8)) < 1
        with pytest.raises(AttributeError):
            setattr(make(column, case), field, 1.0)
    with pytest.raises(TypeError):
        getattr(column, case[0])(*case[1].values())  # keyword-only


def test_an_equal_schedule_compiles_nothing_anew():
    problem = problems.ravine()

    def run(**options):
        schedule = TENSORFLOW.LinearWarmup(steps=3, then=TENSORFLOW.CosineDecay(**options))
        rule = COLUMNS["tensorflow"].optimizers.GradientDescent(learning_rate=schedule)
        tf_training.minimize(problem, rule, problem.start, steps=5)
        return tf_training._compiled.cache_info().misses

    before = run(initial_learning_rate=0.01, decay_steps=5)
    assert run(initial_learning_rate=0.01, decay_steps=5) == before
    assert run(initial_learning_rate=0.02, decay_steps=5) == before + 1


# Bad input

POSITIVE = "a number that is positive and finite, got"
BAD_RATES = [0, -0.1, np.nan, np.inf, "fast", None, True, [], [0.1, -0.1], [[0.1], [0.1, 0.2]], 1j, lambda step: 0.1]
BAD_COUNTS = [0, -3, 2.5, 5.0, True, "ten", None]
NOT_POSITIVE = [0, -1.0, np.nan, np.inf, "half", None, True, [0.5]]
NOT_SHARES = [-0.1, 1.1, np.nan, "half", None, True, [0.5]]
NOT_FLAGS = [0, 1, "yes", None]
RATE = r"positive and finite \(a number or an array of numbers\), got"
COUNT = "a whole number of at least 1, got"

BAD = [
    *[(name, first_rate(case), RATE, BAD_RATES) for name, case in CASES.items() if first_rate(case)],
    ("step", "factor", POSITIVE, NOT_POSITIVE),
    ("step", "every", COUNT, BAD_COUNTS),
    ("piecewise", "boundaries", "a list of steps, zero or positive, finite, each above the one before, got",
     [[], 3, [1, 1, 2], [2, 1, 3], [-1, 0, 1], [0, 1, np.inf], [[1, 2, 3]], "abc", None]),
    ("piecewise", "values", RATE, [[0.1, 0.2, 0.3, 0], [0.1, -0.2, 0.3, 0.4], [np.nan] * 4, "abcd", None]),
    *[(name, "decay_steps", COUNT, BAD_COUNTS) for name in ("exponential", "inverse time", "polynomial", "cosine")],
    ("exponential", "decay_rate", POSITIVE, NOT_POSITIVE),
    ("inverse time", "decay_rate", "a number that is zero or positive, and finite, got",
     [-0.1, np.nan, np.inf, "half", None, True, [0.5]]),
    *[(name, "staircase", "True or False, got", NOT_FLAGS) for name in ("exponential", "inverse time")],
    ("polynomial", "end_learning_rate", "a number that is zero or positive, and finite, got",
     [-0.1, np.nan, np.inf, "low", None, True, [0.5]]),
    ("polynomial", "power", POSITIVE, NOT_POSITIVE),
    ("polynomial", "cycle", "True or False, got", NOT_FLAGS),
    *[(name, "alpha", "a number from 0 to 1, got", NOT_SHARES) for name in ("cosine", "restarts")],
    ("restarts", "first_decay_steps", COUNT, BAD_COUNTS),
    ("restarts", "t_mul", "a finite number of at least 1, got", [0.5, 0, -1, np.nan, np.inf, "two", None, True]),
    ("restarts", "m_mul", POSITIVE, NOT_POSITIVE),
    ("one cycle", "steps", COUNT, BAD_COUNTS),
    ("one cycle", "steps", r"above 1 / pct_start = 3.333, for the rate to rise, got", [1, 3]),
    ("one cycle", "pct_start", "a number above 0 and below 1, got", [0, 1, *NOT_SHARES]),
    ("one cycle", "div_factor", POSITIVE, NOT_POSITIVE),
    ("one cycle", "final_div_factor", POSITIVE, NOT_POSITIVE),
]


@each_column
@pytest.mark.parametrize(("name", "field", "allowed", "value"),
                         [(name, field, allowed, value) for name, field, allowed, values in BAD for value in values])
def test_a_bad_field_is_named(column, name, field, allowed, value):
    with pytest.raises(ValueError, match=f"^{field} must be {allowed}"):
        make(column, CASES[name], **{field: value})


@each_column
def test_a_bad_warm_up_is_named(column):
    then = make(column, CASES["cosine"])
    for steps in BAD_COUNTS:
        with pytest.raises(ValueError, match=f"^steps must be {COUNT}"):
            column.LinearWarmup(steps=steps, then=then)
    for value in (0.1, None, "cosine", column.CosineDecay):
        with pytest.raises(ValueError, match=r"^then must be a schedule \(a callable of the step\), got"):
            column.LinearWarmup(steps=3, then=value)


@each_column
def test_values_that_do_not_fit_the_boundaries_are_named(column):
    for values in ([0.1], [0.1, 0.2, 0.3], 0.1, [[0.1, 0.2]]):
        with pytest.raises(ValueError, match=r"^values.shape must be \(2,\), one more than the boundaries, got"):
            column.PiecewiseConstantDecay(boundaries=[5], values=values)


@each_column
@each_case
@pytest.mark.parametrize("warm", [None, 8], ids=["cold", "warm"])
def test_a_bad_step_is_named(column, case, warm):
    schedule = make(column, case, warm=warm)
    for step in (-1, np.nan, np.inf, [0, -1], "first", None, True):
        with pytest.raises(ValueError, match="^step must be zero or positive, and finite"):
            schedule(step)
    if column is TENSORFLOW:
        with pytest.raises(ValueError, match="^step must be zero or positive, and finite"):
            schedule(tf.constant(-1))


def test_a_schedule_of_the_other_column_says_so_when_compiled():
    with pytest.raises(ValueError, match="inside a tf.function use labkit.tf.schedules"):
        tf.function(make(REFERENCE, CASES["cosine"]))(tf.constant(3))


@each_column
def test_a_callable_can_follow_a_warm_up(column):
    schedule = column.LinearWarmup(steps=2, then=lambda step: 0.5 / (step + 1))
    np.testing.assert_allclose(schedule(np.arange(5)), [0, 0.25, 0.5, 0.25, 0.5 / 3])
    in_front = column.LinearWarmup(steps=2, then=column.LinearWarmup(steps=2, then=lambda step: 1.0 + 0 * step))
    np.testing.assert_allclose(in_front(np.arange(6)), [0, 0, 0, 0.5, 1, 1])
