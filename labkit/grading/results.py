"""What grading leaves: plain values, made by the engine and written by the reports."""

from dataclasses import dataclass, field
from pathlib import Path


class GradingError(Exception):
    """Something the teacher has to mend before anything can be graded; its text says how."""


@dataclass(frozen=True)
class Submission:
    """One student's work.

    Attributes
    ----------
    student : str
        The name, as the folder of submissions has it. Not trusted: it may hold anything a file name can.
    path : Path or None
        The notebook; None where there is none to grade.
    problem : str
        Why there is nothing to grade, empty where there is.
    ids : dict
        What the file names of a learning platform carry: ``canvas``, ``moodle``.
    """

    student: str
    path: Path | None
    problem: str = ""
    ids: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Mark:
    """The points of one question; ``points`` is None until somebody has marked it by hand."""

    question: str
    points: float | None
    out_of: float
    feedback: str = ""
    answer: str | None = None


@dataclass(frozen=True)
class Report:
    """The marks of one student, the state of the submission in a few words, and a note for each cell that failed."""

    submission: Submission
    status: str
    marks: tuple = ()
    notes: tuple = ()

    @property
    def total(self):
        """The points so far."""
        return sum(mark.points or 0.0 for mark in self.marks)

    @property
    def out_of(self):
        """The points that there are."""
        return sum(mark.out_of for mark in self.marks)

    @property
    def complete(self):
        """Whether no question waits for a mark by hand."""
        return all(mark.points is not None for mark in self.marks)
