"""The playground: its rules walk as labkit's do, its presets show what they claim, and everybody can use it."""
import dataclasses
import itertools
import json
import math
import random
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from browser import HTML
from matplotlib.colors import to_rgb

from labkit import plotting, problems
from labkit.reference import optimizers

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "_static" / "playground"
SCRIPTS = [FOLDER / "rules.js", FOLDER / "playground.js"]
PAGE = "chapters/playground.html"
SMALL = ["chapters/01_gradient_descent.html", "chapters/02_momentum.html", "chapters/06_adam.html"]
PHONE = {"width": 390, "height": 844}

RULES = ["GradientDescent", "Momentum", "Nesterov", "Adagrad", "RMSprop", "Adam", "AMSGrad", "AdamW"]
STEPS = 200
needs_book = pytest.mark.skipif(not (HTML / PAGE).is_file(), reason="the book is not built: run `make book`")
each_rule = pytest.mark.parametrize("rule", RULES)


# The surfaces in Python: labkit's own, and two that labkit makes from a line.

def rare_gradients():
    """The example of Reddi, Kale and Kumar as the page on Adam has it: 4 in every third step, else -1."""
    return problems.Problem(name="rare", value=lambda theta: 2 / 3 * theta[..., 0], gradient=None,
                            start=np.zeros(1), minimiser=-np.ones(1))


SURFACES = {
    "ravine": problems.ravine(), "rosenbrock": problems.rosenbrock(), "double_well": problems.double_well(),
    "saddle": problems.saddle(), "noisy_quadratic": problems.quadratic([1.0, 1.0], start=[-4.0, 3.0]),
    "rare_gradients": rare_gradients(),
}
# Where a walk of small steps stays away from sign changes that would blow up rounding.
STARTS = {"ravine": [-9.0, 1.5], "rosenbrock": [-1.2, 1.0], "double_well": [1.5], "saddle": [1.0, 0.3],
          "noisy_quadratic": [-4.0, 3.0], "rare_gradients": [0.0]}


def uniforms(seed):
    """mulberry32, in Python."""
    a, mask = seed, 2**32 - 1
    while True:
        a = (a + 0x6D2B79F5) & mask
        t = ((a ^ a >> 15) * (a | 1)) & mask
        t ^= (t + (t ^ t >> 7) * (t | 61)) & mask
        yield ((t ^ t >> 14) & mask) / 2**32


def normals(seed, steps, d):
    u = uniforms(seed)
    draw = [math.sqrt(-2 * math.log(1 - next(u))) * math.cos(2 * math.pi * next(u)) for _ in range(steps * d)]
    return np.reshape(draw, (steps, d))


class NoSquare:
    """The wrong rule of the page on RMSprop: the running mean of the gradients is the divisor."""

    def __init__(self, *, learning_rate, rho, momentum=0.0, **others):
        self.learning_rate, self.rho, self.momentum = learning_rate, rho, momentum

    def init(self, theta):
        return np.zeros_like(theta), np.zeros_like(theta)

    def update(self, grad, state, theta):
        mean = self.rho * state[0] + (1 - self.rho) * grad
        velocity = self.momentum * state[1] + self.learning_rate * grad / mean
        return theta - velocity, (mean, velocity)


def walk(rule, options, surface, start, noise, seed):
    """The same walk with labkit's rule; returns the points and the last state."""
    options = dict(options)
    optimizer = (getattr(optimizers, rule) if options.pop("square", True) else NoSquare)(**options)
    problem, theta = SURFACES[surface], np.array(start)
    state, path = optimizer.init(theta), [theta]
    draws = noise * normals(seed, STEPS, len(start))
    for t in range(STEPS):
        gradient = (np.array([4.0 if t % 3 == 0 else -1.0]) if surface == "rare_gradients"
                    else problem.gradient(theta))
        theta, state = optimizer.update(gradient + draws[t], state, theta)
        if surface == "rare_gradients":
            theta = np.clip(theta, -1.0, 1.0)
        path.append(theta)
    return np.array(path), state


def variants(rule):
    """Every switch both ways, with numbers that are not the defaults, and an epsilon whose place can be seen."""
    numbers = {
        "GradientDescent": {}, "Momentum": {"momentum": 0.8}, "Nesterov": {"momentum": 0.8},
        "Adagrad": {"initial_accumulator_value": 0.3, "epsilon": 1e-2},
        "RMSprop": {"rho": 0.95, "epsilon": 1e-2}, "Adam": {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-2},
    }
    numbers["AMSGrad"], numbers["AdamW"] = numbers["Adam"], {**numbers["Adam"], "weight_decay": 0.3}
    switches = {
        "Momentum": ["rate_inside"], "Nesterov": ["rate_inside"], "Adagrad": ["epsilon_inside"],
        "RMSprop": ["centered", "epsilon_inside", "rate_inside"],
        "Adam": ["epsilon_hat", "bias_correction"], "AMSGrad": ["epsilon_hat", "bias_correction"],
        "AdamW": ["epsilon_hat", "bias_correction"],
    }.get(rule, [])
    found = [{**numbers[rule], **dict(zip(switches, values))}
             for values in itertools.product([True, False], repeat=len(switches))]
    if rule == "RMSprop":
        found += [{**options, "momentum": 0.5} for options in found]
        found += [{**numbers[rule], "square": False}, {**numbers[rule], "square": False, "momentum": 0.5}]
    return [{"learning_rate": 2e-4 if rule in ("GradientDescent", "Momentum", "Nesterov") else 2e-3, **options}
            for options in found]


def cases(rule):
    return [{"rule": rule, "options": options, "surface": surface, "start": STARTS[surface], "noise": noise, "seed": 7}
            for options in variants(rule) for surface in SURFACES for noise in (0, 0.1)]


@pytest.fixture(scope="module")
def scripts(browser):
    """An empty page with the scripts."""
    page = browser.new_page()
    for path in SCRIPTS:
        page.add_script_tag(path=path)
    yield page
    page.close()


WALK = """cases => cases.map(({rule, options, surface, ...walk}) => {
    const run = BookRules.minimize(BookRules.surfaces[surface], rule, options, {steps: 200, ...walk})
    return {theta: run.theta, state: run.state.at(-1), diverged: run.diverged_at}
})"""


@each_rule
def test_each_rule_walks_as_in_labkit_on_each_surface_with_each_switch(scripts, rule):
    all_cases, worst = cases(rule), 0.0
    for case, found in zip(all_cases, scripts.evaluate(WALK, all_cases)):
        path, state = walk(**case)
        theta = np.array(found["theta"])
        assert found["diverged"] is None and theta.shape == path.shape == (STEPS + 1, len(case["start"])), case
        assert np.ptp(path, axis=0).max() > 1e-3, f"it hardly moves: {case}"
        difference = np.abs(theta - path).max() / np.abs(path).max()
        assert difference < 1e-12, (case, difference)
        worst = max(worst, difference)
        for name, value in getattr(state, "_asdict", dict)().items():
            if isinstance(value, np.ndarray):
                np.testing.assert_allclose(found["state"][name], value, rtol=1e-10, atol=1e-13, err_msg=str(case))
            elif value != ():
                assert found["state"][name] == value == STEPS
    print(f"{rule}: {len(all_cases)} walks, worst difference {worst:.1e}")


@each_rule
def test_each_switch_changes_the_walk_or_the_state(scripts, rule):
    """Otherwise the comparison above would say nothing about it."""
    one, *others = variants(rule)
    for key in {key for options in others for key, value in options.items() if isinstance(value, bool)}:
        other = {**one, key: not one.get(key, True)}
        both = [{"rule": rule, "options": options, "surface": "ravine", "start": [-9, 1.5], "noise": 0, "seed": 0}
                for options in (one, other)]
        first, second = scripts.evaluate(WALK, both)
        assert first["theta"] != second["theta"] or first["state"] != second["state"], (one, other)


def test_a_variance_that_rounds_below_zero_is_cut_off(scripts):
    least, finite = scripts.evaluate("""() => {
        const {defaults, init, update} = BookRules.rules.RMSprop
        const o = {...defaults, centered: true, epsilon_inside: false}
        const same = Array.from({length: 50}, (_, i) => 0.1 + i / 7)        // gradients that never change
        let theta = same, state = init(theta, o), least = 0
        for (let t = 0; t < 500; t++) {
            [theta, state] = update(same, state, theta, o)
            least = Math.min(least, ...state.square.map((s, i) => s - state.mean[i] ** 2))
        }
        return [least, theta.every(Number.isFinite)]
    }""")
    assert -1e-12 < least < 0 and finite


def test_the_defaults_are_those_of_labkit(scripts):
    ours = scripts.evaluate("Object.fromEntries(Object.entries(BookRules.rules).map(([k, r]) => [k, r.defaults]))")
    assert list(ours) == RULES
    assert ours["RMSprop"].pop("square") is True
    for rule, defaults in ours.items():
        assert defaults == {field.name: field.default for field in dataclasses.fields(getattr(optimizers, rule))}


def test_the_surfaces_are_those_of_labkit(scripts):
    ours = scripts.evaluate("BookRules.surfaces")
    assert set(ours) == set(SURFACES)
    rng = np.random.default_rng(0)
    for name, problem in SURFACES.items():
        assert ours[name]["start"] == problem.start.tolist()
        np.testing.assert_allclose(ours[name]["minimiser"], problem.minimiser, atol=1e-14)
        assert ours[name].get("L") == problem.L
        points = rng.uniform(-2, 2, size=(50, len(problem.start)))
        values = scripts.evaluate("([name, points]) => points.map(BookRules.surfaces[name].value)",
                                  [name, points.tolist()])
        np.testing.assert_allclose(values, problem.value(points), rtol=1e-13, atol=1e-13)


def test_the_noise_is_what_its_seed_says(scripts):
    for seed in (0, 1, 7, 9999):
        drawn = scripts.evaluate("s => { const u = BookRules.uniforms(s); return Array.from({length: 1000}, u) }", seed)
        assert drawn == list(itertools.islice(uniforms(seed), 1000))
        rows = np.array(scripts.evaluate("s => BookRules.normals(s, 2000, 2)", seed))
        np.testing.assert_allclose(rows, normals(seed, 2000, 2), rtol=1e-12, atol=1e-14)
        assert np.abs(rows.mean(axis=0)).max() < 0.1 and np.abs(rows.std(axis=0) - 1).max() < 0.1
        assert abs(np.corrcoef(rows.T)[0, 1]) < 0.1


def test_a_walk_that_leaves_the_numbers_ends_there(scripts):
    run = scripts.evaluate("BookRules.minimize(BookRules.surfaces.rosenbrock, 'GradientDescent', {learning_rate: 1})")
    assert 0 < run["diverged_at"] == len(run["theta"]) < 20 and np.isfinite(run["theta"]).all()
    assert len(run["loss"]) == len(run["theta"]) == len(run["grad"]) + 1


def test_each_optimizer_has_the_colour_and_the_line_of_the_book(scripts):
    dashes = {"-": "", "--": "7 4", "-.": "8 3 2 3", (0, (5, 1)): "10 2", (0, (3, 1, 1, 1)): "6 2 2 2"}
    for rule, (name, color, dash) in scripts.evaluate("BookPlayground.LINES").items():
        line = plotting.line_of(name)
        assert (color, dash) == (line["color"], dashes[line["linestyle"]]), rule
    rates = [to_rgb(color) for color in scripts.evaluate("BookPlayground.RATES")]
    np.testing.assert_allclose(rates, plotting.rate_colors(9)[:, :3], atol=0.003)
    one = {"rule": "Adam", "options": {}}
    off = {"rule": "Adam", "options": {"bias_correction": False}}
    first, second = scripts.evaluate("runs => BookPlayground.styles(runs)", [one, off])
    assert first["color"] == plotting.line_of("Adam")["color"] != second["color"]
    pair = scripts.evaluate("runs => BookPlayground.styles(runs)", [one, {"rule": "Nesterov", "options": {}}, one])
    assert pair[0]["color"] == pair[2]["color"] and pair[0]["dash"] != pair[2]["dash"]


# The address

def read(scripts, address):
    return scripts.evaluate("a => BookPlayground.parse(a)", address)


def written(scripts, address):
    return scripts.evaluate("a => BookPlayground.format(BookPlayground.parse(a))", address)


FULL_ADDRESS = ("s=noisy_quadratic&start=-4.5,2.25&steps=321&noise=1.5&seed=12"
                "&run=RMSprop,centered:on,epsilon:0.001,learning_rate:0.03,rho:0.95"
                "&run=Adam,beta_2:0.99,bias_correction:off,learning_rate:0.5&run=GradientDescent,learning_rate:0.05")


def test_the_address_holds_the_state(scripts):
    assert written(scripts, f"#{FULL_ADDRESS}") == FULL_ADDRESS
    state = read(scripts, f"https://example.org/book/playground.html#{FULL_ADDRESS}")
    assert state["surface"] == "noisy_quadratic" and state["start"] == [-4.5, 2.25] and state["steps"] == 321
    assert (state["noise"], state["seed"]) == (1.5, 12)
    assert [run["rule"] for run in state["runs"]] == ["RMSprop", "Adam", "GradientDescent"]
    assert state["runs"][1]["options"] == {"learning_rate": 0.5, "beta_2": 0.99, "bias_correction": False}
    encoded = FULL_ADDRESS.replace(",", "%2C").replace(":", "%3A")          # as a mail program may write it
    assert written(scripts, f"#{encoded}") == FULL_ADDRESS


@each_rule
def test_each_variant_survives_the_address(scripts, rule):
    for options in variants(rule):
        state = {"surface": "ravine", "start": [-9, 1.5], "steps": 100, "noise": 0, "seed": 0,
                 "runs": [{"rule": rule, "options": options}]}
        back = scripts.evaluate("s => BookPlayground.parse('#' + BookPlayground.format(s))", state)
        defaults = scripts.evaluate("rule => BookRules.rules[rule].defaults", rule)
        assert back["runs"] == [{"rule": rule, "options": {k: v for k, v in options.items() if v != defaults[k]}}]
        assert back == {**state, "runs": back["runs"]}


BROKEN = ["", "#", "#s", "#s=", "#s=nowhere", "#s=__proto__", "#s=constructor&run=toString", "#s=ravine&start=",
          "#s=ravine&start=1", "#s=ravine&start=nan,1", "#s=ravine&start=1e999,0", "#s=ravine&start=99,0",
          "#s=ravine&steps=0", "#s=ravine&steps=1e9", "#s=ravine&steps=10.5", "#s=ravine&noise=-1", "#s=ravine&seed=x",
          "#s=ravine&run=", "#s=ravine&run=Sgd", "#s=ravine&run=__proto__", "#s=ravine&run=Adam,__proto__:1",
          "#s=ravine&run=Adam,learning_rate:0", "#s=ravine&run=Adam,learning_rate:Infinity", "#s=%E0%A4%A",
          "#s=ravine&run=Adam,beta_1:1", "#s=ravine&run=Adam,beta_1:-0.1", "#s=ravine&run=Adam,bias_correction:maybe",
          "#s=ravine&run=Adam,,,::,learning_rate", "#s=ravine" + 50 * "&run=Adam", "#&&&===", "#s=ravine&start=1,2,3"]


def check_state(state):
    assert state["surface"] in SURFACES and len(state["start"]) == len(SURFACES[state["surface"]].start)
    assert np.isfinite(state["start"]).all() and np.abs(state["start"]).max() <= 10
    assert 10 <= state["steps"] <= 1000 and 0 <= state["noise"] <= 10 and 0 <= state["seed"] <= 9999
    assert 1 <= len(state["runs"]) <= 8
    for run in state["runs"]:
        assert run["rule"] in RULES
        options = {key: value for key, value in run["options"].items() if key != "square"}
        getattr(optimizers, run["rule"])(**options)             # raises where labkit would refuse it


def test_a_broken_address_is_read_as_far_as_it_goes(scripts):
    dice = random.Random(0)
    letters = "s=ravine&start-9,1.5run:AdamlingotesRMSprop%#_0123456789\u00e9\u6f22\U0001f600\\\"'<>"
    garbled = ["#" + "".join(dice.choices(letters, k=dice.randrange(60))) for _ in range(300)]
    for cut in range(0, len(FULL_ADDRESS), 3):
        spot = dice.randrange(len(FULL_ADDRESS))
        garbled.append("#" + FULL_ADDRESS[:cut])
        garbled.append("#" + FULL_ADDRESS[:spot] + dice.choice(letters) + FULL_ADDRESS[spot + 1:])
    for address in [*BROKEN, *garbled]:
        state = read(scripts, address)
        check_state(state)
        again = scripts.evaluate("s => BookPlayground.parse('#' + BookPlayground.format(s))", state)
        assert again == state, address


@needs_book
@pytest.mark.parametrize("address", ["#s=nowhere", "#s=%E0%A4%A", "#s=__proto__&run=Adam,epsilon:-1", "#s=\"'<i>"])
def test_the_page_opens_with_a_broken_address(open_page, site, address):
    page = open_page(f"{site}/{PAGE}{address}")
    assert page.locator(".pg-path").count() == 1 and "100 steps on the surface “ravine”" in status(page)
    assert page.wrong == []


# The presets: each number of their text is asserted

@cache
def presets():
    """Title, state and text of each, from the page's source."""
    source = (ROOT / "chapters" / "playground.md").read_text(encoding="utf-8")
    found = re.findall(r"^:::\{preset\} (.+)\n:state: (.+)\n\n((?:.|\n)+?)\n:::$", source, re.M)
    return {title: (state, " ".join(text.split())) for title, state, text in found}


def numbers(text):
    """The numbers in a text, without those of references, of indices and of the name of the limit."""
    text = re.sub(r"\{doc\}`[^`]*`|_\d|2/L", " ", text)
    return set(re.findall(r"-?\d+(?:\.\d+)?(?:/\d+)?", text.replace("$", " ").replace("(-", " -")))


def run_preset(scripts, title, **changes):
    """The runs of a preset, with another start or other options where asked."""
    state = read(scripts, "#" + presets()[title][0]) | changes
    runs = scripts.evaluate("""s => s.runs.map(({rule, options}) =>
        BookRules.minimize(BookRules.surfaces[s.surface], rule, options, s))""", state)
    for run in runs:
        for key in ("theta", "loss", "grad"):
            run[key] = np.array(run[key])
        run["steps"] = np.diff(run["theta"], axis=0)
    return state, runs


def rounds(value, text):
    """Whether a value is what the text says, to the digits of the text."""
    digits = len(text.partition(".")[2])
    return math.isclose(value, float(text), abs_tol=0.5 * 10.0**-digits * (1 + 1e-9))


def rates(state):
    return {str(run["options"]["learning_rate"]) for run in state["runs"]}


def limit(scripts):
    state, (below, at, above) = run_preset(scripts, "The limit 2/L")
    across = [np.abs(run["theta"][:, 1]) for run in (below, at, above)]
    for run in (below, at, above):
        assert np.all(run["theta"][1:, 1] * run["theta"][:-1, 1] < 0)       # it jumps across at each step
    assert np.all(np.diff(across[0]) < 0) and np.ptp(across[1]) < 1e-12 and np.all(np.diff(across[2]) > 0)
    assert problems.ravine().L == 20 and 2 / 20 == 0.1
    assert below["loss"][-1] < 0.03 and above["loss"][-1] > above["loss"][0]
    return {"20", "0.1", *rates(state)}


def two_points(scripts):
    state, (run,) = run_preset(scripts, "Two points for ever")
    assert state["runs"][0]["options"]["learning_rate"] == 2 / problems.ravine().L == 0.1
    assert np.array_equal(run["theta"][:, 1], np.resize([1.5, -1.5], 101)) and abs(run["theta"][-1, 0]) < 1e-3
    assert rounds(run["loss"][-1], "22.5") and 1 - 0.1 * 20 == -1
    return {"1", "0.1", "20", "-1", "1.5", "-1.5", "0", "22.5"}


def memory(scripts):
    state, (none, some, much) = run_preset(scripts, "Too much memory")
    assert [run["options"]["momentum"] for run in state["runs"]] == [0, 0.6, 0.95]
    assert rounds(much["theta"][:, 0].max(), "5.7") and none["theta"][:, 0].max() < 0
    assert much["loss"][-1] > none["loss"][-1] and rounds(none["loss"][-1] / some["loss"][-1], "89")
    return {"0", "0.6", "0.95", "5.7", "89"}


def curved(scripts):
    state, (descent, momentum) = run_preset(scripts, "The curved valley")
    for run in (descent, momentum):                     # on the floor y is near x^2
        assert np.abs(run["theta"][40:, 1] - run["theta"][40:, 0] ** 2).max() < 0.1
    assert descent["theta"][-1, 0] < 0 and rounds(descent["loss"][-1], "2.28")
    assert np.linalg.norm(momentum["theta"][-1] - 1) < 0.1 and rounds(momentum["loss"][-1], "0.0018")
    assert state["steps"] == 500
    return {"500", "2.28", "0.0018", *rates(state)}


def wells(scripts):
    _, (run,) = run_preset(scripts, "The worse well")
    left, hill, right = sorted(np.roots([1, 0, -1, 0.1]).real)
    value = problems.double_well().value
    assert value(np.array([left])) < value(np.array([right])) - 0.1
    assert rounds(right, "0.946") and rounds(run["theta"][-1, 0], "0.946") and rounds(hill, "0.101")
    for start, end in ((0.102, right), (0.1, left), (-1.5, left)):
        _, (moved,) = run_preset(scripts, "The worse well", start=[start], steps=1000)
        assert abs(moved["theta"][-1, 0] - end) < 1e-3
    return {"0.946", "0.101", "401"}                    # 401 is asserted on page 1


def saddle(scripts):
    state, (descent, momentum) = run_preset(scripts, "Slow at a saddle")
    assert state["start"] == [1, 1e-6]
    assert np.sum(np.abs(descent["loss"]) < 0.01) == 53
    assert [int(np.argmax(run["loss"] < -0.2499)) for run in (descent, momentum)] == [82, 64]
    for run in run_preset(scripts, "Slow at a saddle", start=[1, 0], steps=1000)[1]:
        assert np.all(run["theta"][:, 1] == 0) and abs(run["loss"][-1]) < 1e-12
    return {"53", "0.01", "82", "-0.2499", "64", "0"}


def floor(scripts):
    state, (small, large) = run_preset(scripts, "The noise floor")
    assert state["noise"] == 2 and [run["options"]["learning_rate"] for run in state["runs"]] == [0.03, 0.3]
    means = [run["loss"][300:].mean() for run in (large, small)]
    assert rounds(means[0], "0.73") and rounds(means[1], "0.047")
    for run in (large, small):                          # no fall any more: the two quarters of the half are alike
        assert 0.5 < run["loss"][300:450].mean() / run["loss"][450:].mean() < 2
    for seed in range(1, 20):
        means = [run["loss"][300:].mean() for run in run_preset(scripts, "The noise floor", seed=seed)[1]]
        assert 0.5 < means[1] < 1 and 0.025 < means[0] < 0.1
    return {"2", "0.73", "0.3", "0.047"}


def no_square(scripts):
    state, (right, wrong) = run_preset(scripts, "RMSprop without the square")
    assert state["steps"] == 80 and np.all(wrong["grad"][:, 0] < 0) and np.all(wrong["steps"][:, 0] < 0)
    assert rounds(wrong["theta"][-1, 0], "-8.76") and abs(wrong["theta"][-1, 1]) < 1e-6
    assert np.linalg.norm(right["theta"][-1]) < 0.03
    assert 3 * 0.05 < np.abs(right["steps"]).max() < 3.17 * 0.05
    return {"80", "-8.76", "3.17"}


def no_correction(scripts):
    _, (right, wrong) = run_preset(scripts, "Without bias correction")
    assert np.allclose(np.abs(right["steps"][0]), 0.2, rtol=1e-6)
    assert all(rounds(step / 0.2, "3.16") for step in np.abs(wrong["steps"][0]))
    assert rounds(np.abs(wrong["steps"]).max() / 0.2, "5.65") and rounds(wrong["theta"][:, 0].max(), "3.38")
    assert right["theta"][:, 0].max() < 0.2
    return {"0.2", "3.16", "5.65", "3.38", "0"}


def rare(scripts):
    state, (adam, amsgrad, descent) = run_preset(scripts, "Where Adam fails")
    assert adam["grad"][:6, 0].tolist() == [4, -1, -1, 4, -1, -1] and np.isclose((4 - 1 - 1) / 3, 2 / 3)
    assert adam["theta"][-1, 0] > 0.999
    assert all(run["theta"][-1, 0] < -0.95 for run in (amsgrad, descent))
    usual = [{"rule": "Adam", "options": {"learning_rate": 0.02}}]
    _, (adam,) = run_preset(scripts, "Where Adam fails", runs=usual, steps=500)
    assert adam["theta"][300, 0] < -0.9 and adam["theta"][-1, 0] < -0.99
    fields = {field.name: field.default for field in dataclasses.fields(optimizers.Adam)}
    assert (fields["beta_1"], fields["beta_2"]) == (0.9, 0.999)
    return {"4", "-1", "2/3", "1", "0.05", "0.9", "0.999"}


def seven(scripts):
    from labkit.reference.training import RATES, minimize

    state, runs = run_preset(scripts, "Seven rules")
    assert [run["rule"] for run in state["runs"]] == [rule for rule in RULES if rule != "AMSGrad"]
    valley = problems.ravine()
    for run in state["runs"]:
        tried = minimize(valley, getattr(optimizers, run["rule"])(learning_rate=RATES), valley.start, steps=100)
        mean = np.where(np.isfinite(tried.loss).all(axis=0), tried.loss.mean(axis=0), np.inf)
        assert math.isclose(run["options"]["learning_rate"], RATES[mean.argmin()], rel_tol=0.005)
    end = {run["rule"]: found["loss"][-1] for run, found in zip(state["runs"], runs)}
    moved = {run["rule"]: found["loss"][-1]
             for run, found in zip(state["runs"], run_preset(scripts, "Seven rules", start=[-3, 3.5])[1])}
    assert end["Momentum"] < 0.6 * end["GradientDescent"] and end["AdamW"] < 0.6 * end["Adam"]
    assert moved["Momentum"] > 2 * moved["GradientDescent"] and moved["AdamW"] > 2 * moved["Adam"]
    return {"100", "-3", "3.5"}


CLAIMS = {"The limit 2/L": limit, "Two points for ever": two_points, "Too much memory": memory,
          "The curved valley": curved, "The worse well": wells, "Slow at a saddle": saddle, "The noise floor": floor,
          "RMSprop without the square": no_square, "Without bias correction": no_correction, "Where Adam fails": rare,
          "Seven rules": seven}


@pytest.mark.parametrize("title", CLAIMS)
def test_a_preset_shows_what_its_text_says(scripts, title):
    state, text = presets()[title]
    assert written(scripts, f"#{state}") == state           # so that its button can tell that it is shown
    assert numbers(text) - CLAIMS[title](scripts) == set()
    assert re.search(r"\{doc\}`[^`<]+<\d\d_\w+>`", text), "no page is named that explains it"


def test_each_preset_has_its_claims():
    assert list(presets()) == list(CLAIMS)


# The page

@pytest.fixture
def shown(open_page):
    """Opens the page, or another one, and waits for the script."""
    if not (HTML / PAGE).is_file():
        pytest.skip("the book is not built: run `make book`")

    def opened(name=PAGE, **options):
        page = open_page(name, **options)
        page.locator("div.playground .pg-map").first.wait_for()
        return page

    return opened


def address(page):
    """The state in the address, once the hand has rested."""
    page.wait_for_timeout(450)
    return page.evaluate("location.hash").removeprefix("#")


def state_of(page):
    return page.evaluate("BookPlayground.parse(location.hash)")


def status(page):
    return page.locator(".playground [role=status]").inner_text()


def test_every_preset_can_be_shown_and_says_what_to_look_at(shown):
    page = shown()
    chips = page.locator(".pg-chip")
    assert chips.all_inner_texts() == list(CLAIMS)
    for title, (state, _) in presets().items():
        chip = page.get_by_role("button", name=title, exact=True)
        chip.click()
        assert chip.get_attribute("aria-pressed") == "true"
        assert page.locator(".pg-chip[aria-pressed=true]").count() == 1
        assert address(page) == state
        entry = page.locator(".pg-preset", has=page.get_by_role("link", name=title, exact=True))
        assert page.locator(".pg-note").inner_text() in entry.inner_text()
        assert page.locator(".pg-note a").count() >= 1 and page.locator(".pg-note .katex-error").count() == 0
        names = [run["rule"] for run in state_of(page)["runs"]]
        assert len(names) == page.locator(".pg-run[aria-pressed]").count() == page.locator(".pg-walker").count()
    assert page.wrong == []


def test_the_link_of_a_preset_shows_it_and_back_goes_back(shown):
    page = shown()
    first = status(page)
    page.locator(".pg-preset a", has_text="Slow at a saddle").click()
    page.wait_for_function("document.querySelector('.playground [role=status]').innerText.includes('saddle')")
    assert page.locator(".pg-chip[aria-pressed=true]").inner_text() == "Slow at a saddle"
    assert page.locator(".pg-map").first.bounding_box()["y"] < 900          # it is in sight
    page.go_back()
    page.wait_for_timeout(100)
    assert page.url.endswith(PAGE) and first and page.wrong == []


def test_the_drawing_is_where_the_numbers_are(shown):
    """The walker of a run stands at its last point, by the axes of the map."""
    page = shown(f"{PAGE}#s=ravine&start=-9,1.5&steps=40&run=GradientDescent,learning_rate:0.03")
    end = page.evaluate("""BookRules.minimize(BookRules.surfaces.ravine, "GradientDescent", {learning_rate: 0.03},
        {steps: 40}).theta.at(-1)""")
    marks = page.evaluate("""() => {
        const map = document.querySelector('.pg-map svg'), at = e => e.getBoundingClientRect()
        const ticks = [...map.querySelectorAll('.pg-axes path')].map(at)
        const texts = [...map.querySelectorAll('.pg-axes text')].map(e => e.textContent.replace('\u2212', '-'))
        const walker = at(map.querySelector('.pg-walker')), ring = at(document.querySelector('.pg-handle'))
        const middle = r => [r.x + r.width / 2, r.y + r.height / 2]
        return {ticks: ticks.map(middle), texts, walker: middle(walker), ring: middle(ring)}
    }""")
    known = [(float(text), spot) for text, spot in zip(marks["texts"], marks["ticks"]) if re.fullmatch(r"-?\d+", text)]
    across = [(value, x) for value, (x, y) in known if y == max(spot[1] for _, spot in known)]
    up = [(value, y) for value, (x, y) in known if x == min(spot[0] for _, spot in known)]
    for point, spot in ((end, marks["walker"]), ([-9, 1.5], marks["ring"])):
        for value, pixel, scale in ((point[0], spot[0], across), (point[1], spot[1], up)):
            slope, shift = np.polyfit(*zip(*scale), 1)
            assert abs(slope * value + shift - pixel) < 1.5
    assert page.locator(".pg-path").count() == 1 and page.locator(".pg-level").count() == 1


def test_a_click_and_a_drag_set_the_start(shown):
    page = shown(f"{PAGE}#s=ravine&start=-9,1.5&steps=40&run=Adam,learning_rate:0.5")
    box = page.locator(".pg-map > svg").bounding_box()
    page.mouse.click(box["x"] + 48 + (box["width"] - 64) * 10 / 17, box["y"] + 10 + (box["height"] - 46) / 4)
    address(page)
    np.testing.assert_allclose(state_of(page)["start"], [0, 2], atol=0.05)
    assert float(page.get_by_label("start θ₁, as a number").input_value()) == state_of(page)["start"][0]
    ring = page.locator(".pg-handle").bounding_box()
    x, y = ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y + 20, steps=4)
    page.mouse.up()
    page.mouse.move(x - 100, y, steps=2)                    # let go: it stays
    address(page)
    start = state_of(page)["start"]
    np.testing.assert_allclose(start, [30 / (box["width"] - 64) * 17, 2 - 20 / (box["height"] - 46) * 8], atol=0.1)
    page.mouse.click(box["x"] + 5, box["y"] + 5)            # on the axis: the nearest point of the map
    address(page)
    assert state_of(page)["start"] == [-10, 4] and page.wrong == []


def test_a_finger_can_do_it_too(shown):
    page = shown(f"{PAGE}#s=double_well&start=1.5&steps=100&run=GradientDescent,learning_rate:0.05",
                 viewport=PHONE, has_touch=True, is_mobile=True)
    page.locator(".pg-map").scroll_into_view_if_needed()
    box = page.locator(".pg-map > svg").bounding_box()
    page.touchscreen.tap(box["x"] + 48 + (box["width"] - 64) / 4, box["y"] + box["height"] / 2)
    address(page)
    assert abs(state_of(page)["start"][0] + 1.75 / 2) < 0.05 and "ends at −1.05" in status(page)
    for target in page.locator(".pg-handle, .playground button:visible, .playground select").all():
        assert target.bounding_box()["height"] >= 35
    assert page.locator(".pg-handle").bounding_box()["width"] >= 44
    assert page.wrong == []


def focused(page):
    return page.evaluate("""() => {
        const e = document.activeElement, style = getComputedStyle(e)
        return {key: e.dataset.key || e.className, inside: !!e.closest('.playground'),
                outline: [style.outlineStyle, parseFloat(style.outlineWidth)]}
    }""")


def test_the_keyboard_reaches_everything_and_its_place_is_seen(shown):
    page = shown()
    page.evaluate("document.querySelector('.pg-chip').focus()")
    wanted = set(page.eval_on_selector_all(".playground :is(button, input, select, .pg-handle):not(:disabled)",
                                           "all => all.map(e => e.dataset.key || e.className)"))
    seen = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        here = focused(page)
        if not here["inside"]:
            break
        seen.add(here["key"])
        assert here["outline"][0] == "solid" and here["outline"][1] >= 2, here
    assert wanted - seen <= {"preset0"}                     # where it began


def test_arrow_keys_move_the_start_and_the_sliders(shown):
    page = shown(f"{PAGE}#s=ravine&start=-9,1.5&steps=40&run=Adam,learning_rate:0.5")
    page.locator(".pg-handle").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    address(page)
    np.testing.assert_allclose(state_of(page)["start"], [-9 + 0.17, 1.5 + 0.08 - 0.8], atol=1e-9)
    assert "−8.83" in page.locator(".pg-handle").get_attribute("aria-label")
    rate = page.get_by_label("learning rate α", exact=True)
    rate.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    address(page)
    assert 0.5 < state_of(page)["runs"][0]["options"]["learning_rate"] < 0.55
    assert focused(page)["key"] == "learning_rate"          # drawing anew takes no focus away
    page.get_by_label("start θ₂, as a number").fill("-2.5")
    assert address(page).startswith("s=ravine&start=-8.83,-2.5&")
    page.get_by_label("start θ₂, as a number").fill("99")   # not on the map
    assert page.get_by_label("start θ₂, as a number").get_attribute("aria-invalid") == "true"
    assert "-2.5" in address(page)
    page.keyboard.press("Tab")
    assert page.get_by_label("start θ₂, as a number").input_value() == "-2.5"
    assert page.wrong == []


def test_runs_can_be_added_changed_and_removed_by_keyboard(shown):
    page = shown(f"{PAGE}#s=ravine&start=-9,1.5&steps=40&run=Adam,learning_rate:0.5")
    page.get_by_role("button", name="+ Add a run").focus()
    page.keyboard.press("Enter")
    assert focused(page)["key"] == "add"
    assert page.locator(".pg-run[aria-pressed]").count() == 2
    page.get_by_label("correct the start of the means").focus()
    page.keyboard.press("Space")
    assert focused(page)["key"] == "bias_correction"
    assert address(page).endswith("&run=Adam,learning_rate:0.5&run=Adam,bias_correction:off,learning_rate:0.5")
    assert page.locator(".pg-run[aria-pressed=true]").inner_text() == "Adam, no correction"
    rule = page.get_by_label("rule", exact=True)
    rule.focus()
    rule.select_option("RMSprop")
    assert focused(page)["key"] == "rule"
    assert page.get_by_label("square the gradients (off is wrong)").is_checked()
    assert address(page).endswith("&run=Adam,learning_rate:0.5&run=RMSprop,learning_rate:0.5")
    page.locator(".pg-run").first.focus()
    page.keyboard.press("Enter")
    assert focused(page)["key"] == "run0" and page.get_by_label("memory of the mean β₁", exact=True).count() == 1
    for _ in range(6):
        page.get_by_role("button", name="+ Add a run").click()
    assert page.get_by_role("button", name="+ Add a run").is_disabled()     # eight of them
    for left in range(7, 0, -1):
        page.get_by_role("button", name="Remove this run").click()
        assert page.locator(".pg-run[aria-pressed]").count() == left
    assert page.get_by_role("button", name="Remove this run").is_disabled()
    assert page.wrong == []


def test_every_control_has_a_name(shown):
    page = shown(f"{PAGE}#s=ravine&start=-9,1.5&steps=40&run=RMSprop,learning_rate:0.1")
    for name in ("chapters/playground.html", *SMALL):
        if name != PAGE:
            page = shown(name)
        names = page.eval_on_selector_all(".playground :is(button, input, select, .pg-handle, [role=img])", """all =>
            all.map(e => e.getAttribute('aria-label') || [...(e.labels || [])].map(l => l.innerText).join(' ')
                || e.innerText || '').map(name => name.trim())""")
        assert names and all(names)
        assert page.locator(".playground fieldset > legend, .playground fieldset[aria-label]").count() >= 1
    assert page.locator(".playground [role=status]").count() == 1


def test_the_words_say_what_happened(shown):
    page = shown(f"{PAGE}#s=rosenbrock&steps=100&run=GradientDescent,learning_rate:0.01&run=Adam,learning_rate:0.1")
    words = status(page)
    assert re.search(r"Gradient descent leaves the range of numbers at step \d+\.", words)
    assert re.search(r"Adam ends at \(.+, .+\) with the loss .+\.", words) and "100 steps" in words
    page.get_by_label("learning rate α, as a number").fill("0.001")
    page.wait_for_function("!document.querySelector('.playground [role=status]').innerText.includes('leaves')")
    assert "Gradient descent ends at" in status(page)
    page.locator(".pg-chip").first.click()
    page.wait_for_function("document.querySelector('.playground [role=status]').innerText.includes('ravine')")
    assert "α = 0.102 ends at (−0.122, 7.2) with the loss 519, which is higher than at the start" in status(page)


def test_the_step_can_be_moved_and_played(shown):
    page = shown()
    slide = page.get_by_label("step", exact=True)
    slide.focus()
    page.keyboard.press("Home")
    assert page.locator("output").inner_text() == "0 of 40"
    page.keyboard.press("ArrowRight")
    assert slide.get_attribute("aria-valuetext") == "step 1 of 40"
    page.get_by_role("button", name="Play").click()
    assert page.locator(".pg-play").inner_text() == "Stop"
    page.wait_for_function("parseInt(document.querySelector('output').innerText) > 3")
    page.locator(".pg-play").click()
    stopped = page.locator("output").inner_text()
    page.wait_for_timeout(300)
    assert page.locator("output").inner_text() == stopped and page.locator(".pg-play").inner_text() == "Play"
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('output').innerText === '40 of 40'")
    page.wait_for_function("document.querySelector('.pg-play').innerText === 'Play'")
    assert page.wrong == []


def test_whoever_asks_for_less_motion_sees_none(shown):
    page = shown(reduced_motion="reduce")
    assert not page.locator(".pg-play").is_visible()
    before = page.locator(".pg-map").inner_html()
    page.wait_for_timeout(500)
    assert page.locator(".pg-map").inner_html() == before
    page.get_by_label("step", exact=True).focus()
    page.keyboard.press("Home")                             # by hand it still moves
    assert page.locator("output").inner_text() == "0 of 40"
    moving = page.eval_on_selector_all(".playground, .playground *", """all => all.map(e => getComputedStyle(e))
        .filter(s => s.animationName !== 'none' || parseFloat(s.transitionDuration) > 0).length""")
    assert moving == 0 and page.wrong == []


def test_the_link_can_be_copied_and_opens_the_same(shown, site):
    page = shown(f"{PAGE}#{FULL_ADDRESS}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    page.wait_for_function("document.querySelector('.playground [role=status]').innerText === 'The link is copied.'")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{site}/{PAGE}#{FULL_ADDRESS}"
    other = shown(copied)
    assert other.locator(".pg-map").inner_html() == page.locator(".pg-map").inner_html()
    assert other.get_by_label("seed of the noise, as a number").input_value() == "12"
    assert page.wrong == other.wrong == []


def test_without_a_clipboard_the_link_is_shown(shown):
    page = shown()
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    asked = []
    page.on("dialog", lambda dialog: (asked.append((dialog.type, dialog.default_value)), dialog.dismiss()))
    page.get_by_role("button", name="Copy link").click()
    page.wait_for_timeout(100)
    assert asked == [("prompt", f"{page.url.split('#')[0]}#{presets()['The limit 2/L'][0]}")] and page.wrong == []


def test_it_works_from_the_disk(shown):
    page = shown((HTML / PAGE).resolve().as_uri() + f"#{FULL_ADDRESS}")
    assert page.locator(".pg-walker").count() == 3
    page.locator(".pg-chip", has_text="The worse well").click()
    assert address(page) == presets()["The worse well"][0]
    page.locator(".pg-handle").focus()
    page.keyboard.press("Shift+ArrowLeft")
    page.wait_for_function("document.querySelector('.playground [role=status]').innerText.includes('from 1.15')")
    assert page.wrong == [] and all(url.startswith(("file://", "data:")) for url in page.asked)


def test_nothing_is_asked_for_after_the_page_is_there(shown):
    page = shown()
    page.wait_for_load_state("networkidle")
    asked = len(page.asked)
    for chip in page.locator(".pg-chip").all():
        chip.click()
    page.get_by_label("surface", exact=True).select_option("saddle")
    page.wait_for_timeout(500)
    asked = [url for url in page.asked[asked:] if not url.endswith((".woff2", "favicon.svg"))]
    assert asked == [] and page.wrong == []             # but for the fonts of formulas and the icon of the tab


@pytest.mark.parametrize("name", [PAGE, *SMALL])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_phone_does_not_scroll_sideways(shown, name, mode):
    page = shown(name, viewport=PHONE, color_scheme=mode)
    eight = "s=ravine&start=-9,1.5&steps=40" + "".join(f"&run={rule},learning_rate:0.0123" for rule in RULES)
    for state in [eight, *(state for state, _ in presets().values())] if name == PAGE else [""]:
        page.evaluate("hash => { location.hash = hash }", state)
        page.wait_for_timeout(50)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
        outside = page.eval_on_selector_all(".playground *:not(.pg-chips *, svg *)", """all => all
            .filter(e => e.getClientRects().length && e.getBoundingClientRect().right > innerWidth)
            .map(e => e.outerHTML.slice(0, 90))""")
        assert outside == []
        letters = page.eval_on_selector_all(".playground svg text", """all => all.filter(e => e.getClientRects().length)
            .map(e => parseFloat(getComputedStyle(e).fontSize) * Math.hypot(e.getScreenCTM().a, e.getScreenCTM().b))""")
        assert min(letters) >= 12
    assert page.wrong == []


def luminance(color):
    channels = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]


def contrast(one, other):
    low, high = sorted(luminance([c / 255 for c in color]) for color in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_words_and_lines_stand_out(shown, mode):
    page = shown(color_scheme=mode)
    pairs = page.evaluate("""() => {
        const rgb = text => text.match(/[0-9.]+/g).map(Number)
        const below = e => {
            for (; e; e = e.parentElement) {
                const color = rgb(getComputedStyle(e).backgroundColor)
                if (color.length < 4 || color[3] === 1) return color
            }
            return [255, 255, 255]
        }
        const words = document.querySelectorAll(
            '.playground :is(p, button, label, legend, strong, span, output, a, select, input[type=number])')
        const axes = document.querySelectorAll('.pg-axes text')
        return [...Array.from(words).filter(e => e.innerText || e.value).map(e =>
                [e.outerHTML.slice(0, 60), rgb(getComputedStyle(e).color), below(e)]),
            ...Array.from(axes).map(e => ['axis', rgb(getComputedStyle(e).fill), [255, 255, 255]])]
    }""")
    assert len(pairs) > 50
    faint = [(what, round(contrast(color[:3], ground[:3]), 2)) for what, color, ground in pairs
             if contrast(color[:3], ground[:3]) < 4.5]
    assert faint == []
    lines = page.evaluate("[...Object.values(BookPlayground.LINES).map(l => l[1]), ...BookPlayground.RATES, '#777777']")
    for color in lines:
        assert contrast([255 * c for c in to_rgb(color)], [255, 255, 255]) >= 3, color
    edges = page.evaluate("""[...document.querySelectorAll('.pg-chip, .pg-dial input[type=number]')].map(e =>
        [getComputedStyle(e).borderTopColor, getComputedStyle(document.body).backgroundColor])""")
    for edge, ground in edges:
        edge, ground = ([float(c) for c in re.findall(r"[0-9.]+", color)[:3]] for color in (edge, ground))
        assert contrast(edge, ground) >= 3


def test_a_change_of_the_theme_is_followed(shown):
    page = shown(color_scheme="light")
    look = "getComputedStyle(document.querySelector('.pg-chip')).backgroundColor"
    before = page.evaluate(look)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert page.evaluate(look) != before
    assert page.evaluate(look.replace("chip", "sheet")) == "rgb(255, 255, 255)"


# The small ones

@pytest.mark.parametrize("name", SMALL)
def test_a_small_playground_opens_the_page(shown, name):
    page = shown(name)
    box = page.locator("div.playground")
    assert box.count() == 1
    walks = box.locator(".pg-walker").count()
    assert walks in (1, 2) and walks == box.locator(".pg-runs > span").count() == status(page).count(" ends ")
    order = page.evaluate("""() => {
        const before = (a, b) => !!(a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING)
        const box = document.querySelector('div.playground')
        return [before(document.querySelector('article h1'), box), before(box, document.querySelector('article .cell')),
                before(box, document.querySelector('article h2'))]
    }""")
    assert order == [True, True, True]
    assert 1 <= box.locator("input[type=range]").count() <= 2
    said = status(page)
    for slider in box.locator("input[type=range]").all():
        slider.focus()
        for _ in range(8):
            page.keyboard.press("ArrowRight")
    page.wait_for_function("said => document.querySelector('.playground [role=status]').innerText !== said", arg=said)
    assert "#s=" not in page.url                            # the page's own address is left alone
    end = status(page).split(" ends ")[-1]
    link = box.get_by_role("link", name="Open in the playground")
    state = link.get_attribute("href").partition("#")[2]
    link.click()
    page.wait_for_url(f"**/{PAGE}#*")
    assert address(page) == state and end in status(page)   # the same walk, in full
    assert page.wrong == []


def test_the_small_ones_begin_as_their_pages_do(shown):
    """The first states are walks of the pages: the same valley, start and number of steps."""
    for name, steps in zip(SMALL, (40, 40, 60)):
        page = shown(name)
        state = page.evaluate("BookPlayground.parse('#' + document.querySelector('div.playground').dataset.state)")
        assert (state["surface"], state["start"], state["steps"]) == ("ravine", [-9, 1.5], steps)


def test_the_answers_to_the_small_ones(scripts):
    """What they ask has an answer on the map: the limit, the overshoot, the first step along the diagonal."""
    def run(rule, **options):
        return scripts.evaluate("([rule, o]) => BookRules.minimize(BookRules.surfaces.ravine, rule, o, {steps: 40})",
                                [rule, options])

    arrives = [run("GradientDescent", learning_rate=rate)["loss"][-1] < 0.1 for rate in (0.03, 0.08, 0.095, 0.101)]
    assert arrives == [False, True, True, False]
    walks = [run("Momentum", learning_rate=0.03, momentum=beta) for beta in (0.0, 0.3, 0.6, 0.95)]
    ends = [walk["loss"][-1] for walk in walks]
    assert ends[0] > ends[1] > ends[2] < ends[3] and max(walks[3]["theta"])[0] > 5
    for rate in (0.1, 0.5, 2.0):
        first = np.diff(run("Adam", learning_rate=rate)["theta"][:2], axis=0)[0]
        np.testing.assert_allclose(first, [rate, -rate], rtol=1e-6)


def test_the_notebooks_know_nothing_of_it():
    for name in SMALL:
        cells = json.loads((ROOT / name.replace(".html", ".ipynb")).read_text(encoding="utf-8"))["cells"]
        assert "playground" not in "".join("".join(cell["source"]) for cell in cells).lower()


# The files

@needs_book
def test_only_pages_with_a_playground_load_it():
    for path in HTML.rglob("*.html"):
        name = path.relative_to(HTML).as_posix()
        text = path.read_text(encoding="utf-8")
        tags = re.findall(r"<script[^>]*playground/[^>]*>", text)
        if name in (PAGE, *SMALL):
            assert [re.search(r"playground/(\w+)\.js", tag)[1] for tag in tags] == ["rules", "playground"]
            assert all("defer" in tag and "module" not in tag for tag in tags)
            assert text.count("playground.css") == 1
        elif "_static" not in path.parts:
            assert tags == [] and "playground.css" not in text, name


def test_the_scripts_are_small_and_plain():
    source = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    assert sum(path.stat().st_size for path in SCRIPTS) < 40_000
    assert sorted(FOLDER.glob("*.js")) == sorted(SCRIPTS)
    for word in ("fetch(", "XMLHttpRequest", "import ", "import(", "export ", "eval(", "innerHTML", "http:", "https:"):
        assert word not in source.replace("http://www.w3.org/2000/svg", ""), word
    style = (FOLDER / "playground.css").read_text(encoding="utf-8")
    assert not re.search(r"url\(|@import|transition|animation", style)


@needs_book
def test_without_a_script_the_page_can_still_be_read(open_page):
    page = open_page(PAGE, java_script_enabled=False)
    assert "needs JavaScript" in page.locator(".playground noscript").inner_text()
    assert page.locator(".pg-preset").count() == len(CLAIMS)
    for name in SMALL:
        page = open_page(name, java_script_enabled=False)
        link = page.get_by_role("link", name="Open the playground")
        assert link.get_attribute("href") == "playground.html"
