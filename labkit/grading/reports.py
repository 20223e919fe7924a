"""The marks on paper: tables for a spreadsheet or a learning platform, and a page of feedback for each student.

Names, answers and messages come from students. In a table a cell that begins like a formula would be run by the
spreadsheet of whoever opens it, so text is written by these rules:

- :func:`name_cell`, for names, can be undone. A backslash is doubled; a character that controls, hides or turns text
  becomes an escape such as ``\\x0a`` or ``\\u202e``; where the first character that shows is one of ``= + - @``, also
  full-width, or an apostrophe, an apostrophe is put in front. :func:`name_of` undoes it.
  In ``manual.csv``, which is read again, a name that a spreadsheet would turn into a number, a date or a truth value,
  such as ``007`` or ``mar12``, gets the apostrophe too.
- :func:`text_cell`, for answers and messages, shows a new line as ``⏎``, drops the other characters of that kind, puts
  the same apostrophe in front, and cuts what is too long for a cell.
- A semicolon before a formula gets an escape, or an apostrophe behind it: a spreadsheet that expects semicolons takes
  it for the end of a cell, whatever the quotes say.

Numbers stay numbers. Tables are UTF-8, with the mark at the beginning by which Excel knows it (``utf-8-sig`` in
Python); those for Canvas and Moodle have no mark, since the names of their columns must stand first.
"""

import base64
import csv
import hashlib
import html
import io
import math
import os
import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from labkit.grading._files import JOINERS, by_name, code, invisible, plain_number, visible, write
from labkit.grading.results import GradingError

LONGEST_CELL = 30_000  # characters; Excel's limit is 32,767
LONGEST_ANSWER = 20_000  # characters of an answer on a page
MOST_NOTES, LONGEST_NOTE = 100, 2000
LINE = "⏎"
FORMATS = ("canvas", "moodle")
MANUAL = ("student", "question", "out_of", "answer", "score", "comment")
OWN_COLUMNS = ("student", "total", "status")
FORMULA = "=+-@"
AFTER_SEMICOLON = re.compile(r';(?=[\s"]*[=+\-@＝＋－＠])')
SCORE = re.compile(r"[0-9]{1,9}([.,][0-9]{0,30})?|[.,][0-9]{1,30}", re.ASCII)
MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
NUMERIC, DATED = r"(?=.*\d)[\d\s.,:/%()$€£e+-]*([ap]m?)?", r"[\d\s./-]*"
REFORMATTED = re.compile(rf"{NUMERIC}|true|false|\d{DATED}({MONTHS})[a-z]*{DATED}|({MONTHS})[a-z]*[\s./-]*\d{DATED}",
                         re.IGNORECASE)
DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])")  # names that Windows keeps for itself


@dataclass(frozen=True)
class Gradebook:
    """What was written: the files, in the order of their names, what the teacher should know, and the final reports."""

    files: tuple
    notes: tuple
    reports: tuple


@dataclass(frozen=True)
class Score:
    """A line of ``manual.csv``: the score (None where there is none yet), a comment, and the answer that was read."""

    score: float | None
    comment: str
    answer: str
    line: int


def write_gradebook(reports, out, *, manual=None, format=None, title="Grades"):
    """Write the marks of all students into a folder and return a :class:`Gradebook`.

    - ``grades.csv``: a line for each student, a column for each question (empty until it is marked), the total so far,
      what it is out of, the state of the submission.
    - ``manual.csv``: a line for each answer that is marked by hand. Put numbers into ``score`` and text into
      ``comment``, then pass the file as ``manual``: scores and comments are merged, and stay in the file.
    - ``feedback/NAME.html``: a page for each student, and ``index.html``, which leads to them.
    - ``canvas.csv`` or ``moodle.csv``, if asked for: what Canvas imports as a gradebook, and Moodle as the grading
      worksheet of an assignment. A grade stays empty there until all questions are marked.

    Each file is replaced whole. Pages of students who are no longer there are left alone.

    Parameters
    ----------
    reports : list of Report
        One for each student.
    out : path
        The folder; it is made where it does not exist.
    manual : path, optional
        A ``manual.csv`` with scores. Its columns may be in any order, separated by commas or by semicolons, with
        decimal points or commas.
    format : str, optional
        ``"canvas"`` or ``"moodle"``.
    title : str
        The assignment's title; for Canvas the name of the column, best with Canvas's number: ``Homework 1 (4711)``.

    Raises
    ------
    GradingError
        If two reports are of one student; if a line of ``manual`` names an unknown student or question, or its score is
        no number from 0 to the points that there are; if ``manual.csv`` in the folder holds marks and was not passed as
        ``manual``, since they would be lost.
    """
    if format is not None and format not in FORMATS:
        raise GradingError(f"format must be one of {', '.join(map(repr, FORMATS))}, got {format!r}")
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise GradingError(f"the gradebook must be a folder, got the file {str(out)!r}")
    reports = sorted(reports, key=lambda report: by_name(report.submission.student))
    questions = questions_of(reports)
    keep_marks(out / "manual.csv", manual)
    scores = read_manual(manual, reports, questions) if manual is not None else {}
    notes = changed_answers(reports, scores)
    awaited = {mark.question for report in reports for mark in report.marks if by_hand(mark)}
    reports = tuple(merged(report, scores) for report in reports)
    files = {"grades.csv": table(grades(reports, questions)),
             "manual.csv": table(manual_rows(reports, scores, awaited))}
    if format:
        rows, more = {"canvas": canvas, "moodle": moodle}[format](reports, sum(questions.values()), title)
        files[f"{format}.csv"] = table(rows, mark=False)
        notes += more
    names = slugs([report.submission.student for report in reports])
    for report, name in zip(reports, names):
        files[f"feedback/{name}.html"] = page(report, questions, title)
    files["index.html"] = index(reports, names, questions, title)
    for name, content in files.items():
        write(out / name, content)
    return Gradebook(tuple(out / name for name in sorted(files)), tuple(notes), reports)


def check_before(submissions, out, *, manual=None):
    """Raise now what :func:`write_gradebook` would raise only after everything was graded.

    Parameters
    ----------
    submissions : list of Submission
        Whom the reports will be about.
    out, manual : path
        As for :func:`write_gradebook`.

    Raises
    ------
    GradingError
        If the folder is none, marks in it would be lost, or ``manual`` can not be read or names an unknown student.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise GradingError(f"the gradebook must be a folder, got the file {str(out)!r}")
    keep_marks(out / "manual.csv", manual)
    students = {submission.student for submission in submissions}
    for number, row in lines_of(manual) if manual is not None else ():
        known_student(row["student"], students, f"{str(manual)!r}, line {number}")


def questions_of(reports):
    """The points of each question, in the order in which the reports have them."""
    names = [report.submission.student for report in reports]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise GradingError(f"there are several reports of {', '.join(map(visible, twice))}")
    questions = {}
    for report in reports:
        for mark in report.marks:
            questions.setdefault(mark.question, mark.out_of)
    return questions


def by_hand(mark):
    """Whether a mark is given by hand: it is awaited, or it has an answer to read."""
    return mark.points is None or mark.answer is not None


# Cells of a table


def formula(text):
    """Whether a spreadsheet might take a text for a formula, or would lose its first apostrophe."""
    shown = "".join(c for c in text if not invisible(c) and c not in JOINERS).lstrip()
    return bool(shown) and (unicodedata.normalize("NFKC", shown[0])[:1] in tuple(FORMULA) or shown[0] == "'")


def name_cell(name, reread=False):
    """A name as a cell, in a way that :func:`name_of` undoes; ``reread`` if a spreadsheet must not reformat it."""
    text = visible(name.replace("\\", "\\\\"))
    text = AFTER_SEMICOLON.sub(lambda _: code(";"), text)
    return f"'{text}" if formula(text) or (reread and REFORMATTED.fullmatch(text[:100])) else text


def name_of(cell):
    """The name that :func:`name_cell` wrote."""
    text = cell[1:] if cell.startswith("'") else cell
    return re.sub(r"\\(\\|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})",
                  lambda match: "\\" if match[1] == "\\" else chr(int(match[1][1:], 16)), text)


def text_cell(text):
    """A text as a cell: one line, no formula, not too long."""
    ending = f" [cut: {len(text)} characters]" if len(text) > LONGEST_CELL else ""
    text = re.sub(r"\r\n?|[\n\u2028\u2029]", LINE, text[:LONGEST_CELL]).replace(LINE, f" {LINE} ")[:LONGEST_CELL]
    text = "".join(c for c in text if not invisible(c)) + ending
    text = AFTER_SEMICOLON.sub(";'", text)
    return f"'{text}" if formula(text) else text


def comment_of(cell):
    """The comment in a cell; the new lines that :func:`text_cell` shows are new lines again."""
    text = cell[1:] if cell.startswith("'") else cell
    return re.sub(rf" ?{LINE} ?", "\n", text.replace("\r\n", "\n")).strip()


def table(rows, mark=True):
    """Rows of cells as the bytes of a CSV file."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n").writerows(rows)
    return file.getvalue().encode("utf-8-sig" if mark else "utf-8")


# grades.csv and manual.csv


def grades(reports, questions):
    """The rows of ``grades.csv``."""
    columns = [f"{name} (question)" if name in OWN_COLUMNS else name_cell(name) for name in questions]
    yield ["student", *columns, "total", "out of", "status"]
    for report in reports:
        points = {mark.question: mark.points for mark in report.marks if mark.points is not None}
        yield [name_cell(report.submission.student),
               *(plain_number(points[name]) if name in points else "" for name in questions),
               plain_number(report.total), plain_number(sum(questions.values())), text_cell(state(report))]


def state(report):
    """The status of a report, and what is still to be marked."""
    waiting = [mark.question for mark in report.marks if mark.points is None]
    return report.status + (f"; to be marked by hand: {', '.join(waiting)}" if waiting else "")


def manual_rows(reports, scores, awaited):
    """The rows of ``manual.csv``."""
    yield list(MANUAL)
    for report in reports:
        for mark in report.marks:
            given = scores.get((report.submission.student, mark.question))
            if mark.question in awaited and (by_hand(mark) or given):
                score = plain_number(given.score) if given and given.score is not None else ""
                yield [name_cell(report.submission.student, reread=True), name_cell(mark.question),
                       plain_number(mark.out_of),
                       text_cell(mark.answer or ""), score, text_cell(given.comment if given else "")]


def lines_of(path):
    """The lines of a ``manual.csv`` as (number, dictionary); it is read as Excel and others may have saved it."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig", errors="strict")
    except OSError as error:
        raise GradingError(f"{str(path)!r} can not be read: {error.strerror}") from error
    except ValueError as error:
        raise GradingError(f"{str(path)!r} is not in UTF-8: save it again as CSV UTF-8") from error
    first = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=max(",;\t", key=first.count))
    rows, began = [], 1
    try:
        for row in reader:
            rows.append((began, row))
            began = reader.line_num + 1
    except csv.Error as error:
        raise GradingError(f"{str(path)!r}, line {began}: {error}") from error
    header = [name.strip().casefold() for name in rows[0][1]] if rows else []
    missing = [name for name in ("student", "question", "score") if name not in header]
    if missing:
        raise GradingError(f"{str(path)!r}, line 1: there is no column {' and no '.join(map(repr, missing))}")
    for number, row in rows[1:]:
        if len(row) > len(header):  # 2,5 without quotation marks would be read as 2
            raise GradingError(f"{str(path)!r}, line {number}: there are {len(row)} cells, and the first line has "
                               f"{len(header)}: a comma inside of a cell, as in 2,5, needs quotation marks around it")
    return [(number, dict(zip(header, row + [""] * len(header))))
            for number, row in rows[1:] if any(map(str.strip, row))]


def keep_marks(stored, manual):
    """Raise if a ``manual.csv`` holds marks that would be lost."""
    if not stored.exists() or (manual is not None and Path(manual).exists() and os.path.samefile(stored, manual)):
        return
    try:
        marked = any(row["score"].strip() or row.get("comment", "").strip() for _, row in lines_of(stored))
    except GradingError as error:
        raise GradingError(f"a file that may hold marks would be replaced, move it away: {error}") from error
    if marked:
        raise GradingError(f"{str(stored)!r} holds marks that would be lost: "
                           f"pass it with --manual {str(stored)!r}, or move it away")


def read_manual(path, reports, questions):
    """The scores in a ``manual.csv``, by student and question."""
    students = {report.submission.student: report for report in reports}
    awaited = {mark.question for report in reports for mark in report.marks if by_hand(mark)}
    scores = {}
    for number, row in lines_of(path):
        place = f"{str(path)!r}, line {number}"
        student, question = known_student(row["student"], students, place), name_of(row["question"].strip())
        if question not in questions:
            raise GradingError(f"{place}: unknown question {visible(question)!r}; there are {', '.join(questions)}")
        if (student, question) in scores:
            first = scores[student, question].line
            raise GradingError(f"{place}: {visible(student)}, {question} stands in line {first} already")
        score = number_of(row["score"].strip(), questions[question], place)
        if score is not None and question not in awaited:
            raise GradingError(f"{place}: {question} is not marked by hand, so its score must be empty")
        if score is not None and not any(mark.question == question for mark in students[student].marks):
            raise GradingError(f"{place}: {visible(student)} has no mark for {question} ({students[student].status})")
        comment = comment_of(row.get("comment", ""))
        scores[student, question] = Score(score, comment, row.get("answer", ""), number)
    return scores


def known_student(cell, students, place):
    """The student whom a cell names, as it was written or with the space around it lost."""
    for text in (cell, cell.strip()):
        for name in (name_of(text), text):
            if name in students:
                return name
    raise GradingError(f"{place}: unknown student {visible(cell)!r}; the names must stay as they were written")


def number_of(cell, out_of, place):
    """The score in a cell, None where it is empty."""
    if not cell:
        return None
    score = float(cell.replace(",", ".")) if SCORE.fullmatch(cell) else math.nan
    if not 0 <= score <= out_of:
        allowed = f"a number from 0 to {plain_number(out_of)}"
        raise GradingError(f"{place}: the score must be {allowed}, got {visible(cell)!r}")
    return score


def merged(report, scores):
    """A report with the scores and comments that were given by hand."""
    marks = []
    for mark in report.marks:
        given = scores.get((report.submission.student, mark.question))
        if given and given.score is not None:  # what was said of an answer that nobody had read goes
            mark = replace(mark, points=given.score, feedback="" if mark.points is None else mark.feedback)
        if given and given.comment:
            mark = replace(mark, feedback="\n".join(filter(None, [mark.feedback, given.comment])))
        marks.append(mark)
    return replace(report, marks=tuple(marks))


def changed_answers(reports, scores):
    """A note for each score whose answer is no longer the one that was read."""
    notes = []
    for report in reports:
        for mark in report.marks:
            given = scores.get((report.submission.student, mark.question))
            read = given.answer if given and given.score is not None else ""
            if read and squeezed(read) != squeezed(text_cell(mark.answer or "")):
                notes.append(f"{visible(report.submission.student)}, {mark.question}: the answer is not the one that "
                             "was marked; the score was kept")
    return notes


def squeezed(text):
    return "".join(text.split())


# Canvas and Moodle


def canvas(reports, out_of, title):
    """The rows that Canvas imports, and what the teacher should know."""
    rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", text_cell(title)],
            ["Points Possible", "", "", "", "", plain_number(out_of)]]
    for report in reports:
        name = re.sub("points possible", "points_possible", report.submission.student, flags=re.IGNORECASE)
        rows.append([name_cell(name), text_cell(report.submission.ids.get("canvas", "")), "", "", "", grade(report)])
    return rows, import_notes(reports, "canvas")


MOODLE = ("Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade", "Grade can be changed",
          "Last modified (submission)", "Last modified (grade)", "Feedback comments")


MOODLE_SAYS = ("moodle.csv: upload it with Moodle set to English, whose names of columns it has, and allow updating "
               "records that have been modified more recently in Moodle than in the spreadsheet")


def moodle(reports, out_of, title):
    """The rows of Moodle's grading worksheet, and what the teacher should know; its comments are HTML."""
    rows = [list(MOODLE)]
    for report in reports:
        number = report.submission.ids.get("moodle")
        rows.append([text_cell(f"Participant {number}") if number else "", name_cell(report.submission.student), "", "",
                     grade(report), plain_number(out_of), "Yes", "-", "-", text_cell(moodle_comment(report))])
    return rows, [MOODLE_SAYS, *import_notes(reports, "moodle")]


def grade(report):
    """The total for a learning platform: empty until it is final."""
    return plain_number(report.total) if report.marks and report.complete else ""


def moodle_comment(report):
    """The feedback on all questions as one text of HTML."""
    lines = [f"{mark.question}: {points_of(mark)} of {plain_number(mark.out_of)}"
             + (f". {mark.feedback}" if mark.feedback else "") for mark in report.marks]
    return "<br>".join(shown(line).replace("\n", "<br>") for line in [state(report), *lines])


def import_notes(reports, platform):
    """What is missing for the platform."""
    notes = []
    for report in reports:
        name = visible(report.submission.student)
        if not report.submission.ids.get(platform):
            notes.append(f"{platform}.csv: {name} has no number of {platform.title()} in the file's name; "
                         "the platform may not find the student")
        if not grade(report):
            notes.append(f"{platform}.csv: the grade of {name} is empty ({visible(state(report))})")
    return notes


# Pages


STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #ffffff; --soft: #f2f2f2; --line: #8c8c8c; --link: #0b57a4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --paper: #16181b; --soft: #24272c; --line: #7d838b; --link: #8ab8f0; }
}
body { margin: 2rem auto; max-width: 46rem; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif;
       color: var(--ink); background: var(--paper); overflow-wrap: anywhere; }
h1, h2 { line-height: 1.2; }
a { color: var(--link); }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; font-weight: bold; padding-bottom: .3rem; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
pre { background: var(--soft); padding: .6rem; white-space: pre-wrap; font: .9rem/1.4 ui-monospace, monospace; }
.text { white-space: pre-wrap; }
@media print {
  :root { --ink: #000000; --paper: #ffffff; --soft: #ffffff; --link: #000000; }
  body { margin: 0; max-width: none; }
  pre { border: 1px solid var(--line); }
  section, tr { break-inside: avoid; }
}
"""
POLICY = ("default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-"
          + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode() + "'")


def shown(text):
    """A text for a page: escaped, with invisible characters made visible, new lines and tabs kept."""
    return html.escape(visible(text.replace("\r\n", "\n"), keep="\n\t"))


def name_shown(text):
    """A name for a page; what its letters do to the direction of the text ends with it."""
    return f"<bdi>{html.escape(visible(text)) or '(no name)'}</bdi>"


def points_of(mark):
    return "to be marked by hand" if mark.points is None else plain_number(mark.points)


def document(heading, title, body):
    """A page that needs nothing else, runs nothing and asks nobody for anything."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{html.escape(POLICY)}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(visible(title))}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{heading}</h1>
{body}
</main>
</body>
</html>
"""


def page(report, questions, title):
    """The page of one student."""
    student, out_of = report.submission.student, plain_number(sum(questions.values()))
    so_far = "" if report.complete else " so far"
    rows = "".join(f'<tr><th scope="row">{shown(mark.question)}</th><td class="number">{points_of(mark)}</td>'
                   f'<td class="number">{plain_number(mark.out_of)}</td></tr>\n' for mark in report.marks)
    body = [f"<p>{name_shown(student)}</p>",
            f"<p><strong>{plain_number(report.total)} of {out_of} points{so_far}.</strong> "
            f'<span class="text">{shown(state(report))}</span></p>',
            f"<table>\n<caption>Points</caption>\n<thead><tr><th scope=\"col\">Question</th>"
            f'<th scope="col" class="number">Points</th><th scope="col" class="number">Out of</th></tr></thead>\n'
            f"<tbody>\n{rows}</tbody>\n</table>" if rows else ""]
    body += [question_section(mark) for mark in report.marks if mark.feedback or mark.answer is not None]
    if report.notes:
        told = list(report.notes[:MOST_NOTES])
        told += [f"and {len(report.notes) - MOST_NOTES} more"] if len(report.notes) > MOST_NOTES else []
        notes = "".join(f'<li class="text">{shown(cut(note, LONGEST_NOTE))}</li>\n' for note in told)
        body.append(f"<section>\n<h2>Notes</h2>\n<ul>\n{notes}</ul>\n</section>")
    return document(shown(title), f"{title}: {student}", "\n".join(filter(None, body)))


def question_section(mark):
    """What is said of one question, and the answer in the student's words."""
    parts = [f"<h2>{shown(mark.question)}</h2>"]
    if mark.feedback:
        parts.append(f'<p class="text">{shown(cut(mark.feedback, LONGEST_ANSWER))}</p>')
    if mark.answer is not None:
        parts.append(f'<h3>Answer</h3>\n<pre dir="auto" tabindex="0">{shown(cut(mark.answer, LONGEST_ANSWER))}</pre>')
    return "<section>\n" + "\n".join(parts) + "\n</section>"


def cut(text, longest):
    """A text that is not too long, with a note of what is missing."""
    return text if len(text) <= longest else f"{text[:longest]}\n[cut here: the whole has {len(text)} characters]"


def index(reports, names, questions, title):
    """The page that leads to the others."""
    out_of = plain_number(sum(questions.values()))
    rows = "".join(
        f'<tr><th scope="row"><a href="feedback/{quote(name)}.html">{name_shown(report.submission.student)}</a></th>'
        f'<td class="number">{plain_number(report.total)}</td><td class="text">{shown(state(report))}</td></tr>\n'
        for report, name in zip(reports, names))
    body = (f'<table>\n<caption>Students: {len(reports)}. Points: {out_of}.</caption>\n<thead><tr>'
            '<th scope="col">Student</th><th scope="col" class="number">Points</th><th scope="col">State</th></tr>'
            f"</thead>\n<tbody>\n{rows}</tbody>\n</table>")
    return document(shown(title), title, body)


def slugs(students):
    """A file name for each student: safe on every system, and unique also where case does not count.

    A name of plain small letters, digits and hyphens is kept; any other gets eight digits of its hash, so that the file
    of a student has the same name whoever else is in the course.
    """
    taken, names = {name for name in students if slug(name) == name}, []
    for student in students:
        name, length = slug(student), 8
        if name != student:
            digest = hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()
            while (candidate := f"{name}-{digest[:length]}") in taken:
                length += 8
            name = candidate
            taken.add(name)
        names.append(name)
    return names


def slug(student):
    """The plain letters of a name."""
    ascii_only = unicodedata.normalize("NFKD", student).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")[:60].strip("-") or "student"
    return f"student-{name}" if DEVICES.fullmatch(name) else name
