"""Figures: their look is one, and each optimizer keeps its line."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

from labkit import plotting, problems  # noqa: E402
from labkit.reference import optimizers, training  # noqa: E402


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_no_two_optimizers_share_a_line():
    lines = [(line["color"], str(line["linestyle"])) for line in plotting.LINES.values()]
    assert len(set(lines)) == len({color for color, _ in lines}) == len(plotting.LINES)


def relative_luminance(color):
    channels = np.array(matplotlib.colors.to_rgb(color))
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("color", [line["color"] for line in plotting.LINES.values()]
                         + [tuple(c[:3]) for c in plotting.rate_colors(5)], ids=str)
def test_every_line_stands_out_from_white(color):
    assert 1.05 / (relative_luminance(color) + 0.05) >= 3  # the contrast that WCAG asks of graphics


def test_line_of_an_unknown_optimizer_is_named():
    assert plotting.line_of("Adam")["label"] == "Adam"
    with pytest.raises(ValueError, match="optimizer must be one of gradient descent, .*, got 'adam'"):
        plotting.line_of("adam")


def test_a_run_draws_itself():
    problem = problems.ravine()
    run = training.minimize(problem, optimizers.GradientDescent(learning_rate=0.05), problem.start, steps=20)
    ax = run.plot(label="0.05")
    assert ax.get_yscale() == "log" and len(ax.lines[0].get_xdata()) == 21
    ax = plotting.path(run, plotting.contours(problem, (-10, 2), (-2, 2)))
    np.testing.assert_array_equal(ax.lines[-1].get_xdata(), run.theta[:, 0])


def test_a_diverged_run_can_be_drawn():
    problem = problems.ravine()
    run = training.minimize(problem, optimizers.GradientDescent(learning_rate=1.0), problem.start, steps=500)
    assert np.isfinite(run.plot().get_ylim()).all()


def test_the_style_can_be_used_outside_a_notebook():
    with plt.rc_context():
        plotting.use_book_style()
        assert plt.rcParams["figure.constrained_layout.use"]


def test_a_band_is_the_median_between_the_lowest_and_the_highest():
    curves = np.array([[3.0, 1.0], [1.0, 0.0], [2.0, 5.0]])
    ax = plotting.band(curves, x=[10, 20], **plotting.line_of("Adam"))
    line, area = ax.lines[0], ax.collections[0].get_paths()[0].vertices
    np.testing.assert_array_equal(line.get_xydata(), [[10, 2], [20, 1]])
    assert line.get_label() == "Adam"
    for x, low, high in [(10, 1, 3), (20, 0, 5)]:
        heights = area[area[:, 0] == x][:, 1]
        assert (heights.min(), heights.max()) == (low, high)


@pytest.mark.parametrize(("curves", "x", "message"), [
    ([1.0, 2.0], None, r"curves.shape must be \(runs, points\), got \(2,\)"),
    (np.empty((0, 3)), None, r"curves.shape must be \(runs, points\), got \(0, 3\)"),
    ([[1.0, 2.0]], [1.0], r"x.shape must be \(2,\), one for each point, got \(1,\)"),
    ([["a"]], None, r"curves must be made of real numbers"),
])
def test_a_band_names_what_is_wrong(curves, x, message):
    with pytest.raises(ValueError, match=message):
        plotting.band(curves, x=x)
