"""What a run leaves behind, the same for both columns: NumPy arrays, with the steps along the first axis."""

from dataclasses import dataclass

import numpy as np

from labkit import _checks


@dataclass(frozen=True, eq=False, repr=False)
class Trajectory:
    """The path of one run of ``minimize``, or of several runs side by side.

    Attributes
    ----------
    theta : array, shape (steps + 1, ..., d)
        Parameters before the first step and after each; axes in the middle count the runs.
    loss : array, shape (steps + 1, ...)
        The value of the objective there.
    gradient_norm : array, shape (steps + 1, ...)
        The Euclidean norm of the gradient there.
    """

    theta: np.ndarray
    loss: np.ndarray
    gradient_norm: np.ndarray

    @property
    def steps(self):
        """Number of updates made."""
        return len(self.loss) - 1

    @property
    def diverged_at(self):
        """First step at which theta, loss or gradient is not finite; None where there is none.

        For several runs: an integer array, with -1 where there is none.
        """
        broken = ~(np.isfinite(self.loss) & np.isfinite(self.gradient_norm) & np.isfinite(self.theta).all(axis=-1))
        return _first(broken)

    def steps_to(self, *, loss=None, gradient_norm=None):
        """First step at which the loss, or the gradient norm, is at or below a threshold; None where there is none.

        For several runs: an integer array, with -1 where there is none.
        """
        if (loss is None) == (gradient_norm is None):
            _checks.fail("steps_to", {"loss": loss, "gradient_norm": gradient_norm}, "given exactly one threshold")
        return _first(self.loss <= loss if gradient_norm is None else self.gradient_norm <= gradient_norm)

    def plot(self, ax=None, *, minimum=0.0, **line):
        """Draw the loss above ``minimum`` against the step, on a logarithmic scale; return the axes."""
        from labkit import plotting

        return plotting.loss_curve(self, ax=ax, minimum=minimum, **line)

    def __repr__(self):
        return f"Trajectory({_told(self, self.steps, 'step')})"


@dataclass(frozen=True, eq=False, repr=False)
class History:
    """What one run of ``fit`` leaves, or several runs side by side.

    Attributes
    ----------
    theta : array, shape (..., d)
        Parameters after the last epoch; axes in front count the runs.
    loss : array, shape (epochs + 1, ...)
        The loss on all samples before the first epoch and after each.
    """

    theta: np.ndarray
    loss: np.ndarray

    @property
    def epochs(self):
        """Number of times that every sample was visited."""
        return len(self.loss) - 1

    @property
    def diverged_at(self):
        """First epoch after which the loss is not finite, or theta at the end; None where there is none.

        For several runs: an integer array, with -1 where there is none.
        """
        broken = ~np.isfinite(self.loss)
        broken[-1] |= ~np.isfinite(self.theta).all(axis=-1)
        return _first(broken)

    def plot(self, ax=None, *, minimum=0.0, **line):
        """Draw the loss above ``minimum`` against the epoch, on a logarithmic scale; return the axes."""
        from labkit import plotting

        ax = plotting.loss_curve(self, ax=ax, minimum=minimum, **line)
        ax.set(xlabel="epoch", ylabel="loss above its minimum" if minimum else "loss")
        return ax

    def __repr__(self):
        return f"History({_told(self, self.epochs, 'epoch')})"


@dataclass(frozen=True, eq=False, repr=False)
class RateRange:
    """What a learning-rate range test leaves: the loss while the rate grows.

    Attributes
    ----------
    learning_rate : array, shape (steps,)
        The rate of each step, each the same multiple of the one before.
    loss : array, shape (steps,)
        The loss before each step: of the step's mini-batch, or of the whole problem.
    smoothed : array, shape (steps,)
        The running mean of the loss, in which older losses weigh less.
    """

    learning_rate: np.ndarray
    loss: np.ndarray
    smoothed: np.ndarray

    @property
    def turned_at(self):
        """The rate at which the smoothed loss was lowest: the step with this rate was the first to make it worse.

        None where the loss was still falling at the end.
        """
        finite = np.isfinite(self.smoothed)
        lowest = int(np.argmin(np.where(finite, self.smoothed, np.inf)))
        return None if lowest == len(self.smoothed) - 1 or not finite.any() else float(self.learning_rate[lowest])

    def plot(self, ax=None, **line):
        """Draw the smoothed loss against the rate, both on logarithmic scales; return the axes."""
        from labkit import plotting

        return plotting.rate_range(self, ax=ax, **line)

    def __repr__(self):
        turned = "the loss was still falling" if self.turned_at is None else f"the loss turned at {self.turned_at:.4g}"
        return f"RateRange({self.learning_rate[0]:.4g} -> {self.learning_rate[-1]:.4g}, {turned})"


@dataclass(frozen=True, eq=False, repr=False)
class RateSweep:
    """What ``tune`` leaves: how far a fit came with each of several learning rates and seeds.

    Attributes
    ----------
    rates : array, shape (k,)
        The learning rates that were tried.
    loss : array, shape (seeds, k)
        The loss on all samples after the last epoch; infinite where the run left the finite numbers.
    """

    rates: np.ndarray
    loss: np.ndarray

    @property
    def mean(self):
        """The mean of the loss over the seeds, shape (k,)."""
        return self.loss.mean(axis=0)

    @property
    def best(self):
        """The rate with the smallest mean; None where no rate has a finite one."""
        mean = self.mean
        return float(self.rates[np.argmin(mean)]) if np.isfinite(mean).any() else None

    @property
    def at_edge(self):
        """Whether the best rate is the smallest or the largest that was tried, so that a better one may lie outside."""
        return self.best in (self.rates.min(), self.rates.max())

    def __repr__(self):
        best = "no rate kept the loss finite" if self.best is None else f"best {self.best:.4g}"
        return f"RateSweep({len(self.rates)} rates, {len(self.loss)} seeds, {best})"


def _told(run, count, unit):
    """A run in a few words: how long, from which loss to which, and where it diverged; several runs only how many."""
    runs = run.loss.shape[1:]
    if runs:
        return f"{int(np.prod(runs))} runs of {count} {unit}s"
    end = "" if run.diverged_at is None else f", diverged at {unit} {run.diverged_at}"
    return f"{count} {unit}s, loss {run.loss[0]:.4g} -> {run.loss[-1]:.4g}{end}"


def _first(mask):
    """Index of the first True along the steps: an int or None for one run, an array with -1 for several."""
    index = np.where(mask.any(axis=0), mask.argmax(axis=0), -1)
    if index.ndim:
        return index
    return None if index < 0 else int(index)
