"""Who handed in what: a folder, as a person or a learning platform fills it, into a list of submissions."""

import os
import re
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from labkit.grading._files import by_name
from labkit.grading.results import GradingError, Submission

LARGEST = 20 * 1000 * 1000  # bytes; a notebook of this book has less than one million
MOST_NAMED = 5  # notebooks named in a problem
DEEPEST = 8  # folders within a student's folder
NOT_HANDED_IN = ("__macosx", "thumbs.db", "desktop.ini")

MOODLE = re.compile(r"(?P<name>.*)_(?P<id>[0-9]+)_assignsubmission_[a-z]+(_.*)?", re.DOTALL)
CANVAS = re.compile(r"(?P<name>.+?)(_LATE)?_(?P<id>[0-9]+)_[0-9]+_(?P<file>.+)", re.DOTALL)
RESUBMITTED = re.compile(r"(?P<stem>.*?)(-(?P<number>[0-9]{1,9}))?\.ipynb", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """A notebook, or a reason why an entry of the folder has none; ``original`` is the name that the student gave."""

    path: Path
    original: str
    problem: str = ""


def collect(folder):
    """Return one Submission for each student of a folder, sorted by name.

    A student is a file ``NAME.ipynb``, or a folder ``NAME`` with one notebook anywhere in it. Names are compared
    exactly, so two that differ in case or in their Unicode form alone are two students. What platforms make is known:

    - Moodle: ``Full Name_123456_assignsubmission_file_`` (a folder, or the beginning of a file's name);
    - Canvas: ``lastfirst_12345_678910_hw1.ipynb``, with ``_LATE`` behind the name when late. Canvas numbers what is
      handed in again: of ``hw1.ipynb``, ``hw1-1.ipynb`` and ``hw1-2.ipynb`` the highest number wins.

    The number that stands for the student goes into ``ids``; where two students have one name it is put behind the
    name, as in ``Ann Lee (moodle 123456)``.

    A student without exactly one notebook stays in the list, with a problem in place of the path; a notebook that is a
    link (it could lead to another's work, or out of the folder), no plain file, or larger than 20 MB, is such a
    problem too. Hidden files, ``__MACOSX`` and what Windows adds are ignored.

    Parameters
    ----------
    folder : path
        Where the submissions are.

    Raises
    ------
    GradingError
        If the folder is missing, no folder, or empty.
    """
    folder = Path(folder)
    if not folder.is_dir():
        packed = folder.suffix.casefold() in (".zip", ".gz", ".tar", ".tgz", ".7z", ".rar")
        why = (": unpack it first" if packed else ", which is a file") if folder.is_file() else ", which does not exist"
        raise GradingError(f"the folder of submissions must be a folder, got {str(folder)!r}{why}")
    students = {}
    for entry in entries(folder):
        platform, name, number = identity(entry)
        students.setdefault((platform, name, number), []).append(entry)
    if not students:
        raise GradingError(f"there are no submissions in {str(folder)!r}: "
                           "it must hold NAME.ipynb or NAME/anything.ipynb for each student")
    found = [submission(key, listed) for key, listed in students.items()]
    return sorted(told_apart(found), key=lambda one: by_name(one.student))


def entries(folder):
    """The entries of a folder that a student may have handed in, in one order on every machine."""
    try:
        listed = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise GradingError(f"the folder {str(folder)!r} can not be read: {error.strerror}") from error
    return [entry for entry in listed if handed_in(entry.name)]


def handed_in(name):
    """Whether a name is neither hidden (checkpoints are) nor made by a file manager."""
    return not name.startswith(".") and name.casefold() not in NOT_HANDED_IN


def identity(entry):
    """The platform that named an entry ('' where none did), the student's name, and the platform's number."""
    if entry.is_symlink() and not is_notebook(entry.name):
        return "", entry.name, ""
    for platform, pattern in (("moodle", MOODLE), ("canvas", CANVAS)):
        match = pattern.fullmatch(entry.name)
        if match and match["name"].strip() and (platform == "moodle" or not is_folder(entry)):
            return platform, match["name"], match["id"]
    return "", entry.name if is_folder(entry) else Path(entry.name).stem, ""


def is_folder(entry):
    return entry.is_dir(follow_symlinks=False)


def is_notebook(name):
    return name.casefold().endswith(".ipynb")


def submission(key, listed):
    """The Submission of one student from the entries that are theirs."""
    platform, name, number = key
    found = [one for entry in listed for one in notebooks(platform, entry)]
    if platform == "canvas":
        found = last_handed_in(found)
    return chosen(name, found, {platform: number} if platform else {}, without(listed))


def of_one(student, folder):
    """The Submission of a student who has handed in a whole folder: the one notebook anywhere in it."""
    return chosen(student, within(Path(folder)))


def chosen(student, found, ids=None, instead=""):
    """The Submission of a student with these notebooks, of which there should be one."""
    if len(found) == 1:
        return Submission(student, None if found[0].problem else found[0].path, found[0].problem, ids or {})
    names = sorted(one.original for one in found)
    listed = ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")
    problem = f"{len(found)} notebooks: {listed}" if found else f"no notebook{instead}"
    return Submission(student, None, problem, ids or {})


def without(listed):
    """What there is in place of a notebook: files beside it, but not what a folder holds."""
    names = [entry.name for entry in listed if not is_folder(entry)]
    return f": {', '.join(names)}" if names else ""


def notebooks(platform, entry):
    """The notebooks in an entry: itself, or those anywhere in a folder."""
    if is_folder(entry):
        return within(Path(entry.path))
    if entry.is_symlink() and not is_notebook(entry.name):
        return [Found(Path(entry.path), entry.name, f"a link, not a file: {entry.name}")]
    if not is_notebook(entry.name):
        return []
    match = CANVAS.fullmatch(entry.name) if platform == "canvas" else None
    return [checked(Path(entry.path), match["file"] if match else entry.name)]


def within(folder):
    """The notebooks anywhere in a student's folder; links to folders are not followed."""
    found, unreadable, waiting = [], [], [(folder, 0)]
    while waiting:
        place, depth = waiting.pop()
        try:
            listed = sorted((entry for entry in os.scandir(place) if handed_in(entry.name)), key=lambda e: e.name)
        except OSError as error:
            unreadable.append(Found(place, place.name, f"a folder can not be read: {error.strerror}"))
            continue
        waiting += [(Path(entry.path), depth + 1) for entry in listed if is_folder(entry) and depth < DEEPEST]
        found += [checked(Path(entry.path), Path(entry.path).relative_to(folder).as_posix())
                  for entry in listed if is_notebook(entry.name) and not is_folder(entry)]
    return found or unreadable[:1]


def checked(path, original):
    """A notebook, with the problem that it has before anybody opens it."""
    try:
        status = path.lstat()
    except OSError as error:
        return Found(path, original, f"can not be read: {original}: {error.strerror}")
    if stat.S_ISLNK(status.st_mode):
        return Found(path, original, f"a link, not a file: {original}")
    if not stat.S_ISREG(status.st_mode):
        return Found(path, original, f"not a plain file: {original}")
    if status.st_size > LARGEST:
        return Found(path, original, f"larger than {LARGEST // 10**6} MB: {original}")
    return Found(path, original)


def last_handed_in(found):
    """Of files that Canvas numbered because they were handed in again, the last one alone; else all of them."""
    matches = [RESUBMITTED.fullmatch(one.original) for one in found]
    numbers = [int(match["number"] or 0) for match in matches]
    if len({match["stem"] for match in matches}) != 1 or len(set(numbers)) != len(numbers):
        return found
    return [found[numbers.index(max(numbers))]]


def told_apart(submissions):
    """The submissions, with the platform's number behind a name that several students have."""
    while True:
        names = [one.student for one in submissions]
        shared = [bool(one.ids) and names.count(one.student) > 1 for one in submissions]
        if not any(shared):
            return submissions
        submissions = [numbered(one) if again else one for one, again in zip(submissions, shared)]


def numbered(one):
    """A submission with the platform's number behind the name."""
    (platform, number), = one.ids.items()
    return replace(one, student=f"{one.student} ({platform} {number})")
