"""The command line of the grader: ``python -m labkit.grading --help``."""

import argparse
import sys
from pathlib import Path

from labkit.grading import gradescope, reports, student, submissions
from labkit.grading._files import visible
from labkit.grading.results import GradingError

ABOUT = """\
Grade a folder of notebooks that are not trusted.

  1. python -m labkit.grading student SOURCE.ipynb OUT.ipynb
         takes the solutions out of your notebook; OUT.ipynb is what students get
  2. python -m labkit.grading grade SUBMISSIONS/ ASSIGNMENT.py OUT/ --solution SOURCE.ipynb
         grades what they hand in; begin with OUT/index.html
  3. put scores into OUT/manual.csv, and grade again with --manual OUT/manual.csv
"""

SUBMISSIONS = """\
SUBMISSIONS holds NAME.ipynb, or NAME/ with one notebook in it, for each student; what Canvas and Moodle let you
download is known, once it is unpacked. The solution is graded first, and nothing else is unless it gets full marks.
"""


MOST = 20  # students of whom the summary says what went wrong
NEW_LINE = "\n"  # how to install what is missing takes several lines; all other errors are one


def main(arguments=None):
    """Run one command and return the exit status: 0, 2 after an error that is told in plain words, 130 after Ctrl-C."""
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except GradingError as error:
        print(f"error: {visible(str(error), keep=NEW_LINE)}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error.strerror or error}: {visible(str(error.filename or ''))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: what was not finished was not written", file=sys.stderr)
        return 130
    return 0


def parser():
    """The parser of the three commands."""
    made = argparse.ArgumentParser(prog="python -m labkit.grading", description=ABOUT, allow_abbrev=False,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = made.add_subparsers(required=True, metavar="COMMAND", dest="command")
    add_student(commands)
    add_grade(commands)
    add_gradescope(commands)
    return made


def add_student(commands):
    """``student SOURCE OUT``."""
    command = commands.add_parser(
        "student", help="make the students' notebook from yours", allow_abbrev=False,
        description="Replace what stands between '### BEGIN SOLUTION' and '### END SOLUTION', drop cells with the tag "
                    "'instructor-only', outputs and metadata, and make sure that no line of a solution is left.")
    command.add_argument("source", metavar="SOURCE.ipynb", type=Path, help="your notebook, with the solutions")
    command.add_argument("out", metavar="OUT.ipynb", type=Path, help="the students' notebook, to be written")
    command.set_defaults(run=run_student)


def add_grade(commands):
    """``grade SUBMISSIONS ASSIGNMENT OUT --solution SOURCE``."""
    command = commands.add_parser("grade", help="grade a folder of submissions into a gradebook", epilog=SUBMISSIONS,
                                  description="Grade a folder of submissions, each in a sandbox of its own.",
                                  allow_abbrev=False)
    command.add_argument("submissions", metavar="SUBMISSIONS", type=Path, help="the folder of submissions")
    command.add_argument("assignment", metavar="ASSIGNMENT.py", type=Path, help="the questions and the hidden tests")
    command.add_argument("out", metavar="OUT", type=Path, help="the folder of the gradebook, made where there is none")
    command.add_argument("--solution", metavar="SOURCE.ipynb", type=Path, required=True, help="your own notebook")
    command.add_argument("--manual", metavar="OUT/manual.csv", type=Path, help="scores of answers marked by hand")
    command.add_argument("--format", choices=reports.FORMATS, help="also write a file to import there")
    command.add_argument("--sandbox", choices=("bwrap", "none"), default="bwrap",
                         help="none: no protection at all (default: bwrap, bubblewrap)")
    command.add_argument("--workers", metavar="N", type=whole, help="submissions at a time")
    command.add_argument("--cell-seconds", metavar="S", type=positive, help="time for one cell (default: 10)")
    command.add_argument("--call-seconds", metavar="S", type=positive, help="time for one call in a test (default: 5)")
    command.add_argument("--total-seconds", metavar="S", type=positive, help="time for one notebook (default: 120)")
    command.add_argument("--memory-gib", metavar="G", type=positive, help="memory for one notebook (default: 2)")
    command.set_defaults(run=run_grade)


def add_gradescope(commands):
    """``gradescope ASSIGNMENT SOURCE OUT``."""
    command = commands.add_parser("gradescope", help="make the folder of an autograder for Gradescope",
                                  description="Write what Gradescope needs to grade with this program; zip what is in "
                                              "the folder, not the folder. Read its README.txt first.",
                                  allow_abbrev=False)
    command.add_argument("assignment", metavar="ASSIGNMENT.py", type=Path, help="the questions and the hidden tests")
    command.add_argument("source", metavar="SOURCE.ipynb", type=Path, help="your notebook, with the solutions")
    command.add_argument("out", metavar="OUT", type=Path, help="the folder to be written, new or empty")
    command.set_defaults(run=run_gradescope)


def positive(text):
    """An argument that is a positive, finite number."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a positive number, got {text!r}")
    return number


def whole(text):
    """An argument that is a whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return number


def run_student(options):
    """Make the students' notebook."""
    made = student.make_student(options.source, options.out)
    print(f"{made.path}: {counted(made.solutions, 'solution')} taken out, "
          f"{counted(made.removed, 'instructor-only cell')} removed")


def run_grade(options):
    """Grade the submissions, write the gradebook, and sum up."""
    from labkit.grading import engine, sandbox  # NumPy is not needed to take solutions out of a notebook
    from labkit.grading.assignment import load

    found = submissions.collect(options.submissions)
    check_places(options)
    reports.check_before(found, options.out, manual=options.manual)
    if options.sandbox == "none":
        print(sandbox.unprotected().rstrip(), file=sys.stderr)
    assignment = load(options.assignment)
    graded = engine.grade(assignment, found, options.solution, sandbox=options.sandbox, workers=options.workers,
                          limits=limits(sandbox.Limits, options), progress=sys.stderr.isatty())
    book = reports.write_gradebook(graded, options.out, manual=options.manual, format=options.format,
                                   title=assignment.title)
    for note in book.notes:
        print(note, file=sys.stderr)
    print(summary(book, options.out))


def limits(kind, options):
    """The engine's limits, with those that were asked for."""
    asked = {"cell": options.cell_seconds, "call": options.call_seconds, "total": options.total_seconds,
             "memory": options.memory_gib and int(options.memory_gib * 2**30)}
    return kind(**{name: value for name, value in asked.items() if value is not None})


def check_places(options):
    """Raise if the gradebook would lie among the submissions, where the next run would take it for a student."""
    folder, out = options.submissions.resolve(), options.out.resolve()
    if out == folder or folder in out.parents:
        raise GradingError(f"the gradebook {str(options.out)!r} must not be inside of the folder of submissions")
    if not options.solution.is_file():
        raise GradingError(f"the solution must be a notebook, {str(options.solution)!r} is not there")


def summary(book, out):
    """What was graded, in a few lines."""
    whole = sum(report.status == "graded" for report in book.reports)
    partly = [report for report in book.reports if report.status != "graded"]
    lines = [f"{counted(len(book.reports), 'submission')}, {whole} of them graded without trouble"]
    lines += [f"  {visible(report.submission.student)}: {visible(report.status)}" for report in partly[:MOST]]
    lines += [f"  and {len(partly) - MOST} more"] if len(partly) > MOST else []
    waiting = {}
    for report in book.reports:
        for mark in report.marks:
            if mark.points is None:
                waiting[mark.question] = waiting.get(mark.question, 0) + 1
    if waiting:
        each = ", ".join(f"{visible(name)}: {count}" for name, count in waiting.items())
        lines.append(f"{counted(sum(waiting.values()), 'answer')} to be marked by hand ({each}): fill in "
                     f"{out / 'manual.csv'}, then add --manual {out / 'manual.csv'}")
    lines.append(f"the gradebook is {out / 'grades.csv'}; {out / 'index.html'} leads to the feedback")
    lines += [f"to import: {path}" for path in book.files if path.stem in reports.FORMATS]
    return "\n".join(lines)


def run_gradescope(options):
    """Make the folder for Gradescope."""
    files = gradescope.write_autograder(options.assignment, options.source, options.out)
    print(f"{options.out}: {counted(len(files), 'file')} written; read {options.out / 'README.txt'}")


def counted(number, what):
    """``1 student``, ``2 students``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


if __name__ == "__main__":
    sys.exit(main())
