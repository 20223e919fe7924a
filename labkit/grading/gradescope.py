"""An autograder for Gradescope, and what it does there.

:func:`write_autograder` makes the folder; in Gradescope's container ``run_autograder`` starts this module, which grades
``/autograder/submission`` and writes ``/autograder/results/results.json``.
"""

import json
import os
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import labkit
from labkit.grading._files import plain_number, visible, write
from labkit.grading.results import GradingError
from labkit.grading.submissions import of_one

LIBRARIES = ("keras", "matplotlib", "numpy", "scikit-learn", "tensorflow", "tqdm")  # what labkit needs
PYTHONS = ("3.13", "3.12", "3.11")
ASSIGNMENT, SOURCE = "assignment.py", "source.ipynb"
UNPROTECTED = "AUTOGRADER_UNPROTECTED"
LONGEST = 20_000  # characters of one output

SETUP = """\
#!/usr/bin/env bash
# Gradescope runs this once, as root, when the autograder is uploaded.
set -euo pipefail
root="${{AUTOGRADER_ROOT:-/autograder}}"
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends bubblewrap

python=""
for version in {pythons}; do
    if "python$version" -c "import ensurepip, venv" 2>/dev/null ||
            apt-get install -y --no-install-recommends "python$version" "python$version-venv"; then
        python="python$version"
        break
    fi
done
if [ -z "$python" ]; then
    echo "no Python of {pythons}: choose a newer base image, such as Ubuntu 24.04" >&2
    exit 1
fi
"$python" -m venv "$root/venv"
"$root/venv/bin/python" -m pip install --no-cache-dir -r "$root/source/requirements.txt"

# A student's program runs as nobody: it can use the libraries, and can not read the hidden tests and the solution.
chmod 755 "$root" "$root/venv"
chown -R root:root "$root/source"
chmod -R go-rwx "$root/source"
"""

RUN = """\
#!/usr/bin/env bash
# Gradescope runs this for each submission. The folder and the Python can be others, to try it on your own machine:
# AUTOGRADER_ROOT=/tmp/try AUTOGRADER_PYTHON=python3 ./run_autograder
set -u
export AUTOGRADER_ROOT="${AUTOGRADER_ROOT:-/autograder}"
cd "$AUTOGRADER_ROOT/source" || exit 1
PYTHONPATH="$AUTOGRADER_ROOT/source" exec "${AUTOGRADER_PYTHON:-$AUTOGRADER_ROOT/venv/bin/python}" \\
    -m labkit.grading.gradescope
"""

README = """\
An autograder for Gradescope: {title}
{line}

1. Zip what is in this folder, not the folder itself: setup.sh must lie at the top.
2. Programming assignment, Configure Autograder: upload the zip file. Base image: Ubuntu 24.04, or 22.04.
3. Test Autograder with your own notebook, which gets full marks, and with the students' one.

A student hands in one notebook. Your solution is graded first, each time; where it does not get full marks nothing is
graded, and Gradescope says that the autograder failed.
{by_hand}
What is protected
-----------------
run_autograder first tries bubblewrap, a sandbox without network in which the hidden tests do not exist. Containers
seldom allow it. Then it runs the notebook without a sandbox, and says so in the output that you see. In both cases
marks are decided outside of the student's program, and limits of time and memory hold. Without a sandbox:

- The hidden tests, the solution and labkit's own answers can be read by root alone, and the notebook runs as nobody:
  it can not read them, nor the results, nor replace the grader. This rests on the container's user accounts alone.
- The network is open as far as Gradescope leaves it open: a program can send out the inputs of the hidden tests that it
  is called with, or fetch an answer.
- A program can leave others behind, fill the disk or the memory of the container, and so spoil its own grading. Each
  submission has a container of its own, so no other is touched.
- If the container does not run as root, or nobody can not use its Python, nothing is graded, unless you set
  AUTOGRADER_UNPROTECTED=1 in run_autograder. Then there is no protection at all.

Files
-----
setup.sh          run once; installs Python, bubblewrap, and the libraries in requirements.txt
run_autograder    run for each submission
{assignment:<18}the questions and the hidden tests
{source:<18}your solution
labkit/           the grader
"""

BY_HAND = """
These questions are marked by hand; the autograder shows the answer and gives no points: {names}.
Add them in Gradescope as questions that are graded manually.
"""


def write_autograder(assignment, source, out):
    """Write the folder of an autograder for Gradescope and return its files.

    Parameters
    ----------
    assignment : path
        The Python file with the questions and the hidden tests. It may import labkit and the libraries, nothing else.
    source : path
        The teacher's notebook.
    out : path
        A folder that does not exist, or is empty.

    Raises
    ------
    GradingError
        If one of these is not so, or a library that labkit needs is not installed here.
    """
    from labkit.grading.assignment import load

    source, out = Path(source), Path(out)
    loaded = load(assignment)
    if not source.is_file():
        raise GradingError(f"the solution must be a notebook, {str(source)!r} is not there")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise GradingError(f"the autograder's folder must be new or empty, got {str(out)!r}")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".autograder-") as made:
        folder = Path(made) / "autograder"
        shutil.copytree(Path(labkit.__file__).parent, folder / "labkit", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copyfile(assignment, folder / ASSIGNMENT)
        shutil.copyfile(source, folder / SOURCE)
        write(folder / "requirements.txt", requirements())
        write(folder / "setup.sh", SETUP.format(pythons=" ".join(pythons())), mode=0o755)
        write(folder / "run_autograder", RUN, mode=0o755)
        write(folder / "README.txt", readme(loaded))
        os.replace(folder, out)
    return tuple(sorted(path for path in out.rglob("*") if path.is_file()))


def requirements():
    """The installed versions of what labkit needs, one to a line; a mark of a local build, as in 2.8+cpu, goes."""
    try:
        return "".join(f"{name}=={metadata.version(name).partition('+')[0]}\n" for name in LIBRARIES)
    except metadata.PackageNotFoundError as error:
        raise GradingError(f"{error.name} is not installed here, so its version is not known") from error


def pythons():
    """The versions of Python to look for: that of this machine, then the others."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    return [own, *(version for version in PYTHONS if version != own)]


def readme(assignment):
    """What the teacher has to know."""
    title = visible(assignment.title)
    names = [question.title or question.name for question in assignment.questions if type(question).__name__ == "Text"]
    return README.format(title=title, line="=" * (len(title) + 31), assignment=ASSIGNMENT, source=SOURCE,
                         by_hand=BY_HAND.format(names=", ".join(names)) if names else "")


# In the container


def main(root=None):
    """Grade the submission in Gradescope's folders and return the exit status.

    After an error that is the teacher's to mend there are no results, so that Gradescope says that the autograder
    failed, and nobody gets a zero.
    """
    root = Path(root or os.environ.get("AUTOGRADER_ROOT", "/autograder"))
    results = root / "results" / "results.json"
    results.unlink(missing_ok=True)
    try:
        keep_to_root(root)
        report, kind = graded(root)
    except GradingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    write(results, json.dumps(as_results(report), indent=1) + "\n")
    print(f"graded with the sandbox {kind}: {visible(report.status)}")
    return 0


def keep_to_root(root):
    """Close the folders that a student's program has no business in; setup.sh did so, unless somebody undid it."""
    (root / "results").mkdir(exist_ok=True)
    for name in ("source", "results"):
        (root / name).chmod(0o700)


def graded(root):
    """The report on the submission, and the kind of sandbox it was made in."""
    from labkit.grading import engine
    from labkit.grading.assignment import load

    assignment = load(root / "source" / ASSIGNMENT)
    kind = sandbox_here()
    submission = of_one("submission", root / "submission")
    reports = engine.grade(assignment, [submission], root / "source" / SOURCE, sandbox=kind, workers=1, progress=False)
    return reports[0], kind


def sandbox_here():
    """``bwrap`` where it works, else ``none``, and then it says what is not protected.

    Without both a sandbox and the user nobody a submission could write its own results, so that is an error.
    """
    from labkit.grading import sandbox

    try:
        with sandbox.Sandboxes("bwrap", sandbox.Limits()):
            return "bwrap"
    except GradingError as error:
        first = str(error).split("\n")[0]
    if sandbox.nobody() is None and os.environ.get(UNPROTECTED) != "1":
        raise GradingError(f"{first}\nand submissions can not run as the user nobody, since this container does not "
                           f"run as root, or nobody can not use its Python. {UNPROTECTED}=1 grades all the same")
    print(f"{first}\n\n{sandbox.unprotected()}\n")
    return "none"


def as_results(report):
    """A report in Gradescope's format; what is marked by hand has no score there."""
    whole = [report.status, *report.notes]
    return {"score": report.total, "output": cut("\n".join(whole)), "output_format": "text", "visibility": "visible",
            "stdout_visibility": "hidden", "tests": [as_test(mark) for mark in report.marks]}


def as_test(mark):
    """The mark of one question."""
    test = {"name": visible(mark.question), "name_format": "text", "output_format": "text", "visibility": "visible"}
    if mark.points is None:
        said = [f"Marked by hand, {plain_number(mark.out_of)} points; they are not in this score."]
    else:
        said = [mark.feedback] if mark.feedback else []
        test |= {"score": mark.points, "max_score": mark.out_of}
    if mark.answer is not None:
        said += ["Your answer:", mark.answer]
    return test | {"output": cut("\n".join(said))}


def cut(text):
    """A text for a page of Gradescope: no longer than a page should be, and without what turns or hides text."""
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}\n[cut here: the whole has {len(text)} characters]"
    return visible(text, keep="\n\t")


if __name__ == "__main__":
    sys.exit(main())
