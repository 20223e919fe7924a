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
        runs = self.loss.shape[1:]
        what = f"{int(np.prod(runs))} runs of {self.steps} steps" if runs else f"{self.steps} steps"
        if runs:
            return f"Trajectory({what})"
        end = "" if self.diverged_at is None else f", diverged at step {self.diverged_at}"
        return f"Trajectory({what}, loss {self.loss[0]:.4g} -> {self.loss[-1]:.4g}{end})"


def _first(mask):
    """Index of the first True along the steps: an int or None for one run, an array with -1 for several."""
    index = np.where(mask.any(axis=0), mask.argmax(axis=0), -1)
    if index.ndim:
        return index
    return None if index < 0 else int(index)
