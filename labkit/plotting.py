"""Figures: one look, and one colour and line style per optimizer in the whole book."""

from importlib.resources import as_file, files

import matplotlib.pyplot as plt
import numpy as np

from labkit import _checks

# Okabe and Ito's colours, darkened where a thin line on white needs it. Line styles repeat the difference for
# readers who see no colours.
LINES = {
    "gradient descent": {"color": "#0072B2", "linestyle": "-"},
    "SGD": {"color": "#2A93D5", "linestyle": ":"},
    "momentum": {"color": "#D55E00", "linestyle": "--"},
    "Nesterov": {"color": "#B07A00", "linestyle": "-."},
    "Adagrad": {"color": "#8C8C00", "linestyle": (0, (5, 1))},
    "RMSprop": {"color": "#009E73", "linestyle": (0, (3, 1, 1, 1))},
    "Adam": {"color": "#B5478B", "linestyle": "-"},
    "AMSGrad": {"color": "#7A1F5C", "linestyle": "--"},
    "AdamW": {"color": "#5B3FA0", "linestyle": "-."},
    "Newton": {"color": "#333333", "linestyle": "-"},
    "BFGS": {"color": "#777777", "linestyle": "--"},
}


def use_book_style():
    """Give every later figure the look of the book, at twice the screen's resolution in a notebook."""
    with as_file(files("labkit") / "book.mplstyle") as style:  # labkit may lie in a zip file
        plt.style.use(style)
    try:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("retina", bbox_inches=None)  # None: the size never depends on the text inside
    except (ImportError, AttributeError):  # not in a notebook
        pass


def line_of(optimizer):
    """Return colour, line style and label of an optimizer, as keywords for ``ax.plot``."""
    if optimizer not in LINES:
        _checks.fail("optimizer", optimizer, f"one of {', '.join(LINES)}")
    return {**LINES[optimizer], "label": optimizer}


def rate_colors(n):
    """Return n colours from dark (small rate) to bright (large rate), told apart by brightness alone."""
    return plt.get_cmap("plasma")(np.linspace(0.05, 0.62, _checks.count("n", n)))


def contours(problem, xlim, ylim, ax=None, levels=14):
    """Draw the level lines of a problem with two parameters, evenly spaced in the root of the loss; return the axes.

    Parameters
    ----------
    problem : Problem
        With two parameters; a star marks its minimiser.
    xlim, ylim : pair of float
        The part of the plane that is drawn.
    ax : matplotlib axes, optional
        Where to draw. Default: a new figure.
    levels : int, default 14
        Number of lines.
    """
    ax = ax or plt.subplots()[1]
    x, y = np.meshgrid(np.linspace(*xlim, 201), np.linspace(*ylim, 201))
    height = problem.value(np.stack([x, y], axis=-1))
    low, high = height.min(), height.max()
    ax.contour(x, y, height, levels=low + (high - low) * np.linspace(0, 1, levels) ** 2,
               colors="#B8B8B8", linewidths=0.8, linestyles="solid")
    ax.plot(*problem.minimiser, marker="*", color="#222222", markersize=11, linestyle="none", zorder=5)
    ax.set(xlim=xlim, ylim=ylim, xlabel=r"$\theta_1$", ylabel=r"$\theta_2$")
    ax.grid(False)
    return ax


def path(trajectory, ax, **line):
    """Draw the path of a run in the plane of its two parameters, a dot a step; return the axes.

    Parameters
    ----------
    trajectory : Trajectory
        Of a problem with two parameters.
    ax : matplotlib axes
        Where to draw, such as what ``contours`` returns.
    **line
        Keywords of ``ax.plot``.
    """
    x, y = trajectory.theta[..., 0], trajectory.theta[..., 1]
    ax.plot(x, y, **{"marker": "o", "markersize": 3, "linewidth": 1.2, **line})
    return ax


def loss_curve(trajectory, ax=None, minimum=0.0, **line):
    """Draw the loss above a minimum against the step, on a logarithmic scale; return the axes.

    Parameters
    ----------
    trajectory : Trajectory or History
        What is not positive, or infinite, is left out.
    ax : matplotlib axes, optional
        Where to draw. Default: a new figure.
    minimum : float, default 0.0
        What is taken away from the loss.
    **line
        Keywords of ``ax.plot``.
    """
    ax = ax or plt.subplots()[1]
    gap = trajectory.loss - minimum
    ax.semilogy(np.where((gap > 0) & (gap < 1e100), gap, np.nan), **line)  # a logarithmic axis ends near 1e308
    ax.set(xlabel="step $t$", ylabel="loss above its minimum")
    return ax


def band(curves, ax=None, x=None, **line):
    """Draw the median of several runs as a line, with a band from the lowest to the highest; return the axes.

    Parameters
    ----------
    curves : array, shape (runs, points)
        One run in each row.
    ax : matplotlib axes, optional
        Where to draw. Default: a new figure.
    x : array, shape (points,), optional
        Where the points stand. Default: 0, 1, 2 and so on.
    **line
        Keywords of ``ax.plot``, such as ``plotting.line_of("Adam")``.
    """
    curves = _checks.as_floats("curves", curves)
    if curves.ndim != 2 or not curves.size:
        _checks.fail("curves.shape", curves.shape, "(runs, points)")
    x = np.arange(curves.shape[1]) if x is None else np.asarray(x)
    if x.shape != curves.shape[1:]:
        _checks.fail("x.shape", x.shape, f"{curves.shape[1:]}, one for each point")
    ax = ax or plt.subplots()[1]
    drawn, = ax.plot(x, np.median(curves, axis=0), **line)
    ax.fill_between(x, curves.min(axis=0), curves.max(axis=0), color=drawn.get_color(), alpha=0.2, linewidth=0)
    return ax


def rate_range(found, ax=None, **line):
    """Draw the smoothed loss of a range test against the learning rate, both logarithmic; return the axes.

    Parameters
    ----------
    found : RateRange
        What ``range_test`` returns. A dotted line marks the rate at which the loss turned.
    ax : matplotlib axes, optional
        Where to draw. Default: a new figure.
    **line
        Keywords of ``ax.plot``.
    """
    ax = ax or plt.subplots()[1]
    loss = found.smoothed
    # What lies far above the start is a run that has diverged; it would press the rest flat.
    ax.loglog(found.learning_rate, np.where((loss > 0) & (loss < 100 * loss[0]), loss, np.nan), **line)
    if found.turned_at is not None:
        ax.axvline(found.turned_at, color="#777777", linewidth=1, linestyle=":")
    ax.set(xlabel=r"learning rate $\alpha$", ylabel="smoothed loss")
    return ax
