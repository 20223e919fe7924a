"""The gradebook says what the reports say, and nothing that a student wrote does anything in it."""

import base64
import csv
import hashlib
import html.parser
import re
import unicodedata

import pytest

from labkit.grading import reports
from labkit.grading.reports import check_before, name_cell, name_of, text_cell, write_gradebook
from labkit.grading.results import GradingError, Mark, Report, Submission

NAMES = [
    "=cmd|'/C calc'!A0", "+1", "-1", "@SUM(A1)", " =1+1", "\t=1", "\n=1", "\u200b=1", "\u00a0=1", "\u3000=1", "＝1+1",
    "＋1", "－1", "＠x", "﹦1", "'ann", "''", "'=1", "a;=1", 'a; "=1', "a;b", "<script>alert(1)</script>",
    "a\nb", "a\r\nb", "a b", "\u202egnp.exe", "\u2067x\u2069", "x" * 300, "..", ".", "CON", "con", "nul.txt", "Ann",
    "ann", "ANN", "a/b", "a\\b", "a\\x0ab", "\\", "José",
    unicodedata.normalize("NFD", "José"), "", "李雷", "نور", "Ann, Lee", 'Ann "A" Lee',
    "\x00", "\udc80", "می\u200cخواهم", "&amp;", "{{7*7}}", "total", "Points Possible", "a⏎b", "😀", "\U000e0041",
]
FORMULA = tuple("=+-@＝＋－＠\t\r")


ONE = (Mark("q1", 1.0, 2.0),)


def report(student="ann", marks=ONE, status="graded", notes=(), **ids):
    return Report(Submission(student, None, ids=ids), status, tuple(marks), tuple(notes))


def rows(path, encoding="utf-8-sig"):
    with open(path, encoding=encoding, newline="") as file:
        return list(csv.DictReader(file))


def test_grades_have_a_row_for_each_student_and_a_column_for_each_question(tmp_path):
    book = write_gradebook([
        report("zoe", [Mark("q1", 0.0, 2.0), Mark("why", None, 5.0, answer="so")], "graded, 2 cells failed"),
        report("Bob", [Mark("q1", 1 / 3, 2.0), Mark("why", 0.0, 5.0)]),
        report("ann", [], "not a notebook: truncated"),
    ], tmp_path)
    head = {"out of": "7"}
    assert rows(tmp_path / "grades.csv") == [
        {"student": "ann", "q1": "", "why": "", "total": "0", "status": "not a notebook: truncated"} | head,
        {"student": "Bob", "q1": "0.333333", "why": "0", "total": "0.333333", "status": "graded"} | head,
        {"student": "zoe", "q1": "0", "why": "", "total": "0",
         "status": "graded, 2 cells failed; to be marked by hand: why"} | head,
    ]
    assert (tmp_path / "grades.csv").read_bytes().startswith(b"\xef\xbb\xbfstudent,q1,why,total,out of,status\r\n")
    assert rows(tmp_path / "manual.csv") == [
        {"student": "zoe", "question": "why", "out_of": "5", "answer": "so", "score": "", "comment": ""}]
    assert set(book.files) == {path for path in tmp_path.rglob("*") if path.is_file()} and not book.notes


def test_a_second_run_writes_the_same_bytes(tmp_path):
    made = [report("b", notes=["cell 3: NameError"]), report("a"), report("=c", [Mark("q1", None, 2.0, answer="x")])]
    write_gradebook(made, tmp_path / "1", format="moodle")
    write_gradebook(made[::-1], tmp_path / "2", format="moodle")
    write_gradebook(made, tmp_path / "1", format="moodle")
    one, two = ({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
                for folder in (tmp_path / "1", tmp_path / "2"))
    assert one == two


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_no_formula_and_comes_back(name):
    cell = name_cell(name)
    assert name_of(cell) == name
    assert not cell.lstrip(" \u00a0\u3000\u200c\u200d").startswith((*FORMULA, "﹦"))
    assert not re.search(r';[\s"]*[=+\-@]', cell) and not re.search(r"[\x00-\x1f\x7f\u202a-\u202e\u200b]", cell)
    cell.encode("utf-8")


def test_no_two_names_have_one_cell():
    assert len(set(map(name_cell, NAMES))) == len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("name", ["007", "1e5", "1.5", "3/4", "12:30", "mar12", "12 March", "Dec-1", "1-sep-20", "true",
                                  "FALSE", "5%", "(3)", "2024-01-02", " 7 "])
def test_a_name_that_a_spreadsheet_would_turn_into_something_else_is_held(name, tmp_path):
    made = [report(name, [Mark("why", None, 1.0, answer="x")])]
    write_gradebook(made, tmp_path)
    assert rows(tmp_path / "manual.csv")[0]["student"] == f"'{name}"
    assert rows(tmp_path / "grades.csv")[0]["student"] == name
    marked(tmp_path / "manual.csv", lambda row: "1")
    assert write_gradebook(made, tmp_path, manual=tmp_path / "manual.csv").reports[0].total == 1


@pytest.mark.parametrize("name", ["ann", "abc123", "marie", "may", "e", "a1", "3 Ann", "decker", "Mary 2nd", "..", ""])
def test_other_names_stay_as_they_are(name):
    assert name_cell(name, reread=True) == name


@pytest.mark.parametrize("text", [*NAMES, "x\n=1", "x\r=1", "a;\u202e=1", "\u202e=1", "long" * 20_000])
def test_an_answer_is_one_line_and_no_formula(text):
    cell = text_cell(text)
    assert not cell.lstrip().startswith((*FORMULA, "﹦")) and not re.search(r"[\x00-\x1f\x7f\u202a-\u202e]", cell)
    assert not re.search(r';[\s"]*[=+\-@]', cell) and len(cell) < 32_767
    cell.encode("utf-8")


def test_numbers_stay_numbers(tmp_path):
    write_gradebook([report(marks=[Mark("q1", 0.1 + 0.2, 1.0), Mark("q2", 2.0, 2.0), Mark("q3", -0.0, 1e6)])], tmp_path)
    row, = rows(tmp_path / "grades.csv")
    assert [row[name] for name in ("q1", "q2", "q3", "total", "out of")] == ["0.3", "2", "0", "2.3", "1000003"]


def test_a_question_may_be_called_like_a_column(tmp_path):
    write_gradebook([report(marks=[Mark("total", 1.0, 2.0), Mark("=1", 0.5, 1.0)])], tmp_path)
    row, = rows(tmp_path / "grades.csv")
    assert row["total (question)"] == "1" and row["'=1"] == "0.5" and row["total"] == "1.5"


# Marks by hand

HOSTILE = [report(name, [Mark("q1", 1.0, 1.0), Mark("why", None, 2.5, answer=name * 2)]) for name in NAMES]


def marked(path, score=lambda row: row["score"], comment=lambda row: row["comment"], **options):
    """Write a file of marks again, as somebody does in a spreadsheet."""
    table = rows(path)
    with open(path, "w", encoding=options.pop("encoding", "utf-8-sig"), newline="") as file:
        writer = csv.DictWriter(file, table[0].keys(), **options)
        writer.writeheader()
        writer.writerows(row | {"score": score(row), "comment": comment(row)} for row in table)


@pytest.mark.parametrize("options", [{}, {"encoding": "utf-8"}, {"delimiter": ";"}, {"delimiter": "\t"},
                                     {"lineterminator": "\n", "quoting": csv.QUOTE_ALL}])
def test_scores_come_back_to_hostile_names_whoever_saves_the_file(tmp_path, options):
    write_gradebook(HOSTILE, tmp_path)
    scores = {name_cell(name, reread=True): place % 5 / 2 for place, name in enumerate(NAMES)}
    marked(tmp_path / "manual.csv", lambda row: str(scores[row["student"]]), lambda row: "- good\n=1", **options)
    for _ in range(2):  # the marks stay in the file
        book = write_gradebook(HOSTILE, tmp_path, manual=tmp_path / "manual.csv")
        assert not book.notes
        assert {one.submission.student: one.total for one in book.reports} == {
            name: 1 + place % 5 / 2 for place, name in enumerate(NAMES)}
        assert all(one.marks[1].feedback == "- good\n=1" for one in book.reports)
        assert {row["comment"] for row in rows(tmp_path / "manual.csv")} == {"'- good ⏎ =1"}
    assert all(row["why"] for row in rows(tmp_path / "grades.csv"))


def test_some_scores_may_be_missing_and_have_decimal_commas(tmp_path):
    two = [report(name, [Mark("why", None, 2.5, answer="x")]) for name in ("ann", "bob", "carl")]
    write_gradebook(two, tmp_path)
    marked(tmp_path / "manual.csv", lambda row: {"ann": " 1,5 ", "bob": "", "carl": ".25"}[row["student"]])
    book = write_gradebook(two, tmp_path, manual=tmp_path / "manual.csv")
    assert [one.marks[0].points for one in book.reports] == [1.5, None, 0.25]


HEADER = "student,question,score\n"


@pytest.mark.parametrize(("content", "said"), [
    (HEADER + "ann,why,1\neve,why,1\n", "line 3: unknown student 'eve'"),
    (HEADER + '"ann",why,1\n\n"bob\n",why,1\n', "line 4: unknown student"),
    (HEADER + "ann,how,1\n", "line 2: unknown question 'how'"),
    (HEADER + "ann,q1,1\n", "line 2: q1 is not marked by hand"),
    (HEADER + "ann,why,1\nann,why,2\n", "line 3: ann, why stands in line 2 already"),
    (HEADER + "carl,why,1\n", "line 2: carl has no mark for why"),
    *((HEADER + f"ann,why,{score}\n", "line 2: the score must be a number from 0 to 2.5")
      for score in ("3", "-1", "2.51", "nan", "inf", "1e0", "one", "1_0", "１", "'1", "=1", "0x1", ".", "1.2.3")),
    (HEADER + "ann,why,2,5\n", "line 2: there are 4 cells, and the first line has 3: a comma inside of a cell"),
    ("student,score\nann,1\n", "line 1: there is no column 'question'"),
    ("", "line 1: there is no column 'student'"),
    (HEADER + 'ann,why,"1\n', "line 2"),
])
def test_marks_that_fit_nowhere_are_refused_with_their_line(tmp_path, content, said):
    made = [report("ann", [Mark("q1", 1.0, 1.0), Mark("why", None, 2.5, answer="x")]), report("carl", [])]
    (tmp_path / "marks.csv").write_text(content)
    with pytest.raises(GradingError, match=re.escape(said)) as error:
        write_gradebook(made, tmp_path / "out", manual=tmp_path / "marks.csv")
    assert "marks.csv" in str(error.value) and not (tmp_path / "out").exists()


def test_a_file_in_another_encoding_or_none_is_refused(tmp_path):
    (tmp_path / "marks.csv").write_bytes("student,question,score\nJosé,why,1".encode("cp1252"))
    with pytest.raises(GradingError, match="CSV UTF-8"):
        write_gradebook([report()], tmp_path, manual=tmp_path / "marks.csv")
    with pytest.raises(GradingError, match="can not be read"):
        write_gradebook([report()], tmp_path, manual=tmp_path / "missing.csv")


@pytest.mark.parametrize("mark", [{"score": lambda row: "0"}, {"comment": lambda row: "good"}])
def test_marks_are_never_overwritten(tmp_path, mark):
    made = [report("ann", [Mark("why", None, 2.0, answer="x")])]
    write_gradebook(made, tmp_path)
    write_gradebook(made, tmp_path)  # nothing to lose yet
    marked(tmp_path / "manual.csv", **mark)
    before = (tmp_path / "manual.csv").read_bytes()
    (tmp_path / "other.csv").write_text(HEADER + "ann,why,1\n")
    for manual in (None, tmp_path / "other.csv"):
        with pytest.raises(GradingError, match="--manual"):
            check_before([made[0].submission], tmp_path, manual=manual)
        with pytest.raises(GradingError, match="--manual"):
            write_gradebook(made, tmp_path, manual=manual)
    assert (tmp_path / "manual.csv").read_bytes() == before
    (tmp_path / "manual.csv").write_text("not a table of marks")
    with pytest.raises(GradingError, match="move it away"):
        write_gradebook(made, tmp_path)


def test_an_answer_that_changed_since_it_was_marked_is_told(tmp_path):
    first, second = ([report("ann", [Mark("why", None, 2.0, answer=answer)])] for answer in ("a\nb", "c"))
    write_gradebook(first, tmp_path)
    marked(tmp_path / "manual.csv", lambda row: "1")
    assert write_gradebook(first, tmp_path, manual=tmp_path / "manual.csv").notes == ()
    note, = write_gradebook(second, tmp_path, manual=tmp_path / "manual.csv").notes
    assert note.startswith("ann, why: the answer is not the one")


def test_what_can_be_told_before_grading_is(tmp_path):
    (tmp_path / "marks.csv").write_text(HEADER + "eve,why,1\n")
    with pytest.raises(GradingError, match="line 2: unknown student 'eve'"):
        check_before([Submission("ann", None)], tmp_path / "out", manual=tmp_path / "marks.csv")
    check_before([Submission("eve", None)], tmp_path / "out", manual=tmp_path / "marks.csv")
    with pytest.raises(GradingError, match="must be a folder"):
        check_before([], tmp_path / "marks.csv")


def test_two_reports_of_one_student_are_refused(tmp_path):
    with pytest.raises(GradingError, match="several reports of ann"):
        write_gradebook([report("ann"), report("ann")], tmp_path)


# Canvas and Moodle


def test_canvas_gets_its_columns(tmp_path):
    made = [report("leeann", [Mark("q1", 1.5, 2.0)], canvas="12345"),
            report("bob", [Mark("q1", None, 2.0, answer="")], canvas="7"),
            report("Points Possible", [Mark("q1", 0.0, 2.0)]), report("=x", [], "no notebook", canvas="8")]
    book = write_gradebook(made, tmp_path, format="canvas", title="Homework 1 (4711)")
    assert (tmp_path / "canvas.csv").read_text(encoding="utf-8").splitlines() == [
        "Student,ID,SIS User ID,SIS Login ID,Section,Homework 1 (4711)", "Points Possible,,,,,2",
        "'=x,8,,,,", "bob,7,,,,", "leeann,12345,,,,1.5", "points_possible,,,,,0"]
    assert len(book.notes) == 3 and any("Points Possible has no number of Canvas" in note for note in book.notes)
    assert any("the grade of bob is empty" in note for note in book.notes)


def test_moodle_gets_its_worksheet(tmp_path):
    marks = [Mark("q1", 1.5, 2.0, "right on 3 of 4 <cases>\nwrong shape"), Mark("q2", 1.0, 1.0)]
    book = write_gradebook([report("Ann Lee", marks, moodle="123"), report("bob", marks)], tmp_path, format="moodle")
    ann, bob = rows(tmp_path / "moodle.csv", "utf-8")
    assert list(ann) == ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade",
                         "Grade can be changed", "Last modified (submission)", "Last modified (grade)",
                         "Feedback comments"]
    assert (ann["Identifier"], ann["Full name"], ann["Grade"], ann["Maximum Grade"]) == (
        "Participant 123", "Ann Lee", "2.5", "3")
    assert ann["Feedback comments"] == ("graded<br>q1: 1.5 of 2. right on 3 of 4 &lt;cases&gt;<br>wrong shape<br>"
                                        "q2: 1 of 1")
    assert bob["Identifier"] == "" and len(book.notes) == 2
    assert "set to English" in book.notes[0] and "bob has no number of Moodle" in book.notes[1]


def test_another_format_is_refused(tmp_path):
    with pytest.raises(GradingError, match="'canvas', 'moodle', got 'excel'"):
        write_gradebook([report()], tmp_path, format="excel")


# Pages


class Reader(html.parser.HTMLParser):
    """The tags, the attributes and the text of a page."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], "", []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, "each tag is closed in its turn"

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("nasty", ["<script>alert(1)</script>", "</pre><img src=x onerror=alert(1)>", '" onload="x',
                                   "]]>", "<!--", "&lt;b&gt;", "<style>*{}</style>", "\u202e\x00\ud800"])
def test_nothing_that_a_student_writes_becomes_part_of_a_page(tmp_path, nasty):
    plain = report("name", [Mark("q1", None, 1.0, "said", "answer")], "graded", ["note"])
    write_gradebook([plain], tmp_path / "1")
    hostile = report(nasty, [Mark("q1", None, 1.0, nasty, nasty)], nasty, [nasty])
    write_gradebook([hostile], tmp_path / "2", title=nasty)
    for name in ("feedback/*.html", "index.html"):
        (one,), (two,) = (list(path.glob(name)) for path in (tmp_path / "1", tmp_path / "2"))
        one, two = Reader(one), Reader(two)
        assert one.tags == two.tags and not one.open and not two.open
        assert {name for name, _ in one.attributes} == {name for name, _ in two.attributes}
        assert reports.visible(nasty, keep="\n\t") in two.text


def test_a_page_asks_for_nothing_and_runs_nothing(tmp_path):
    write_gradebook([report("ann", [Mark("q1", 1.0, 2.0, "fine", "x")], notes=["cell 3: NameError"])], tmp_path)
    for path in (tmp_path / "index.html", tmp_path / "feedback" / "ann.html"):
        page, source = Reader(path), path.read_text()
        assert not {"script", "link", "img", "iframe", "form", "object"} & set(page.tags)
        assert "url(" not in source and "@import" not in source and "http:" not in source and "https:" not in source
        assert "default-src &#x27;none&#x27;" in source and "unsafe" not in source
        assert page.tags[0] == "html" and ("lang", "en") in page.attributes and "main" in page.tags
        assert "caption" in page.tags and ("scope", "row") in page.attributes and ("scope", "col") in page.attributes
        assert "prefers-color-scheme: dark" in source and "@media print" in source and "<title>" in source


def test_the_policy_knows_the_style(tmp_path):
    write_gradebook([report("ann")], tmp_path)
    source = (tmp_path / "index.html").read_text()
    style = re.search(r"<style>(.*?)</style>", source, re.DOTALL)[1]
    assert f"sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}" in source


def test_a_page_says_all_that_the_report_says(tmp_path):
    marks = [Mark("q1", 1.5, 2.0, "right on 3 of 4 cases"), Mark("why", None, 5.0, "", "first line\nsecond")]
    one = report("Ann Lee", marks, "graded, 1 cell failed", ["cell 3: NameError: x"])
    write_gradebook([one], tmp_path, title="HW 1")
    path, = (tmp_path / "feedback").iterdir()
    said = Reader(path).text
    for text in ("HW 1", "Ann Lee", "1.5 of 7 points so far", "graded, 1 cell failed", "right on 3 of 4 cases",
                 "to be marked by hand", "first line\nsecond", "cell 3: NameError: x"):
        assert text in said


def test_a_long_answer_is_cut_with_a_note(tmp_path):
    answer = "x" * 4_000_000
    write_gradebook([report("ann", [Mark("why", None, 1.0, answer=answer)])], tmp_path)
    source = (tmp_path / "feedback" / "ann.html").read_text()
    assert "[cut here: the whole has 4000000 characters]" in source and len(source) < 30_000
    assert rows(tmp_path / "manual.csv")[0]["answer"].endswith("[cut: 4000000 characters]")
    marked(tmp_path / "manual.csv", lambda row: "1")
    write_gradebook([report("ann", [Mark("why", None, 1.0, answer=answer)])], tmp_path, manual=tmp_path / "manual.csv")


def test_a_flood_of_notes_is_cut_with_a_note(tmp_path):
    write_gradebook([report("ann", notes=["x" * 5000] * 300)], tmp_path)
    source = (tmp_path / "feedback" / "ann.html").read_text()
    assert "and 200 more" in source and "[cut here" in source and len(source) < 250_000


def test_file_names_are_safe_and_unique_and_linked(tmp_path):
    write_gradebook([report(name) for name in NAMES], tmp_path)
    names = [path.name for path in (tmp_path / "feedback").iterdir()]
    assert len(names) == len(NAMES) == len({name.casefold() for name in names})
    assert all(re.fullmatch(r"[a-z0-9-]{1,80}\.html", name) for name in names) and "ann.html" in names
    assert not {"con.html", "nul.html"} & set(names)
    links = {value for name, value in Reader(tmp_path / "index.html").attributes if name == "href"}
    assert links == {f"feedback/{name}" for name in names}


def test_a_files_name_does_not_depend_on_the_others():
    assert reports.slugs(["Ann"])[0] in reports.slugs(["ANN", "ann", "Ann", "zoe"])
    assert len(set(reports.slugs(["Ann", *reports.slugs(["Ann"])]))) == 2  # a student called like another's file


def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch):
    write_gradebook([report("ann")], tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("labkit.grading._files.os.replace", full)
    with pytest.raises(OSError, match="space"):
        write_gradebook([report("bob")], tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
