"""The students' notebook has no solution, nor a line of one; what might hide a slip is refused."""

import base64
import json
import os

import nbformat
import pytest

from labkit.grading.results import GradingError
from labkit.grading.student import make_student

SOLVED = """def step(theta, grad, rate):
    \"\"\"One step.\"\"\"
    ### BEGIN SOLUTION
    moved = theta - rate * grad
    return moved
    ### END SOLUTION"""


def code(source, **more):
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": 3} | more


def text(source, **more):
    return {"cell_type": "markdown", "metadata": {}, "source": source} | more


def write(path, *cells, **metadata):
    path.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))
    return path


@pytest.fixture
def made(tmp_path):
    """Makes the students' notebook from cells and returns it."""
    def make(*cells, **metadata):
        make_student(write(tmp_path / "source.ipynb", *cells, **metadata), tmp_path / "out.ipynb")
        notebook = json.loads((tmp_path / "out.ipynb").read_text())
        nbformat.validate(notebook)
        return notebook
    return make


@pytest.fixture
def refused(tmp_path):
    """The message with which cells are refused; nothing is written."""
    def refuse(*cells, **metadata):
        with pytest.raises(GradingError) as error:
            make_student(write(tmp_path / "source.ipynb", *cells, **metadata), tmp_path / "out.ipynb")
        assert not (tmp_path / "out.ipynb").exists() and "\n" not in str(error.value)
        return str(error.value)
    return refuse


def sources(notebook):
    return ["".join(cell["source"]) for cell in notebook["cells"]]


def test_a_solution_becomes_a_line_at_its_indentation(made):
    markdown = "Why?\n\n### BEGIN SOLUTION\nBecause the curvature bounds it.\n### END SOLUTION\nGo on."
    lines = SOLVED.splitlines(keepends=True)  # Jupyter stores lists of lines
    assert sources(made(code(lines), text(markdown))) == [
        'def step(theta, grad, rate):\n    """One step."""\n    ...  # your code here',
        "Why?\n\n*Your answer here.*\nGo on."]


def test_several_blocks_in_a_cell_and_windows_lines(made):
    block = "### BEGIN SOLUTION\r\n{} = 2 * numbers[0] + 1\r\n### END SOLUTION\r\n"
    assert sources(made(code(block.format("a") + "print('between')\r\n" + block.format("b")))) == [
        "...  # your code here\nprint('between')\n...  # your code here\n"]


def test_cells_for_the_teacher_outputs_and_metadata_go(made, tmp_path):
    stream = {"output_type": "stream", "name": "stdout", "text": "moved = theta - rate * grad"}
    notebook = made(
        code(SOLVED, outputs=[stream], id="step-1",
             metadata={"tags": ["q1", "moved = theta - rate * grad"], "nbgrader": {"solution": True}, "name": "x"}),
        code("assert step(1, 1, 1) == 0", metadata={"tags": ["instructor-only"]}), text("Explain it."),
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3", "secret": "x"},
        language_info={"name": "python", "version": "3.11.7"}, widgets={"state": "moved = theta - rate * grad"})
    first, second = notebook["cells"]
    assert first == {"cell_type": "code", "execution_count": None, "id": "step-1", "metadata": {"tags": ["q1"]},
                     "outputs": [], "source": 'def step(theta, grad, rate):\n    """One step."""\n'
                                              "    ...  # your code here"}
    assert second["source"] == "Explain it." and len(second["id"]) == 8
    assert notebook["metadata"] == {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                                    "language_info": {"name": "python"}}
    before = (tmp_path / "out.ipynb").read_bytes()
    os.replace(tmp_path / "out.ipynb", tmp_path / "first.ipynb")
    make_student(tmp_path / "source.ipynb", tmp_path / "out.ipynb")
    assert (tmp_path / "out.ipynb").read_bytes() == before


def test_ids_are_valid_and_unique(made):
    notebook = made(code(SOLVED, id="a"), text("x", id="a"), text("x", id="no id!"), text("x"))
    ids = [cell["id"] for cell in notebook["cells"]]
    assert ids[0] == "a" and len(set(ids)) == 4 and all(len(name) <= 8 for name in ids)


@pytest.mark.parametrize(("source", "line", "said"), [
    ("x = 1\n### BEGIN SOLUTION\ny = 2", 2, "has no '### END SOLUTION'"),
    ("x = 1\n### END SOLUTION", 2, "did not begin"),
    ("### BEGIN SOLUTION\ny = 2\n### BEGIN SOLUTION\nz = 1\n### END SOLUTION", 3, "inside the one that began"),
    ("### BEGIN SOLUTION\n\n### END SOLUTION", 3, "nothing in the solution"),
    ("### BEGIN HIDDEN TESTS\nassert x\n### END HIDDEN TESTS", 1, "belong in the assignment's file"),
    ("### BEGIN MARK SCHEME", 1, "belong in the assignment's file"),
    ("%%bash\n### BEGIN SOLUTION\nrm -r x y z\n### END SOLUTION", 1, "not Python"),
])
def test_markers_that_do_not_pair_are_refused_with_their_place(refused, source, line, said):
    message = refused(text("first"), code(source))
    assert message.startswith(f"cell 2, line {line}:") and said in message
    assert message.endswith(repr(source.split("\n")[line - 1].strip()))


@pytest.mark.parametrize("kind", [code, text])
@pytest.mark.parametrize("marker", [
    "### Begin Solution", "### begin solution", "## BEGIN SOLUTION", "#### BEGIN SOLUTION", "# BEGIN SOLUTION",
    "###BEGIN SOLUTION", "###  BEGIN SOLUTION", "### BEGIN  SOLUTION", "### BEGIN SOLUTON", "### BEGN SOLUTION",
    "### BEIGN SOLUTION", "### BEGIN SOLUTIONS", "### BEGIN_SOLUTION", "### BEGINSOLUTION", "### SOLUTION BEGIN",
    "### START SOLUTION", "### BEGIN SOLUTION:", "### BEGIN SOLUTION q1", "### EDN SOLUTION", "### END SOLTUION",
    "### ENDSOLUTION", "# END solution", "BEGIN SOLUTION", "###\u00a0BEGIN SOLUTION", "＃＃＃ BEGIN SOLUTION",
    "### BEGIN\u200b SOLUTION", "<!-- ### BEGIN SOLUTION -->", "x = 1  ### BEGIN SOLUTION", "## # BEGIN SOLUTION",
    "### BEGIN HIDDEN TEST", "### begin hidden tests", "### END MARK SCHEME",
])
def test_what_only_looks_like_a_marker_is_refused(refused, kind, marker):
    message = refused(code(SOLVED), kind(f"first\n{marker}\n"))
    assert message.startswith("cell 2, line 2:") and ("markers stand alone" in message or "hidden tests" in message)


@pytest.mark.parametrize("source", [
    "# The solution of the system", "end_solution = solve(a)", "begin, solution = 0, None", "end = solution",
    "# smart solution first", "## Solution", "# A step towards the solution", "print('start')  # the end of it",
])
def test_prose_and_names_are_no_markers(made, source):
    assert sources(made(code(SOLVED), code(source)))[1] == source


def test_prose_in_markdown_is_no_marker(made):
    prose = "## Solution\nWe begin with the solution of a smaller problem.\nThe end solution exists.\n# Step solution"
    assert sources(made(code(SOLVED), text(prose)))[1] == prose


@pytest.mark.parametrize("metadata", [
    {"tags": ["instructor_only"]}, {"tags": ["Instructor-only"]}, {"tags": ["instructors-only"]},
    {"tags": ["instructor only"]}, {"tags": ["instructoronly"]}, {"tags": [" instructor-only"]},
    {"tags": ["intructor-only"]}, {"tags": ["only-instructor"]}, {"tags": "instructor-only"},
    {"instructor-only": True}, {"tags": ["x", "INSTRUCTOR-ONLY"]},
])
def test_a_misspelt_tag_is_refused(refused, metadata):
    message = refused(code(SOLVED), code("secret = 1", metadata=metadata))
    assert message.startswith("cell 2") and "tag" in message


def test_other_tags_are_no_slip(made):
    tags = ["instructions", "hide-input", "remove-cell"]
    assert made(code(SOLVED, metadata={"tags": tags}))["cells"][0]["metadata"] == {"tags": tags}


@pytest.mark.parametrize("cells", [[text("nothing")], [], [code(SOLVED, metadata={"tags": ["instructor-only"]})]])
def test_a_source_without_a_solution_is_refused(refused, cells):
    assert "there is no solution" in refused(*cells)


LEAK = "moved = theta - rate * grad"


@pytest.mark.parametrize(("cell", "where"), [
    (code("x = 1\n" + LEAK), "cell 2, line 2"),
    (code(f"# {LEAK}"), "cell 2, line 1"),
    (code("moved=theta-rate*grad   # it"), "cell 2, line 1"),
    (code("x = 1\nmoved = theta - rate * \\\n    grad"), "cell 2, line 3"),
    (text(f"Write `{LEAK}` here."), "cell 2, line 1"),
    (text("> moved = theta\n- rate * grad"), "cell 2, line 2"),
    (text("![x](attachment:a.txt)", attachments={"a.txt": {"text/plain": base64.b64encode(LEAK.encode()).decode()}}),
     "an attachment of cell 2"),
])
def test_a_line_of_a_solution_that_stands_elsewhere_is_refused_with_both_places(refused, cell, where):
    message = refused(code(SOLVED), cell)
    assert message.startswith("cell 1, line 4: ") and f"also stands in {where};" in message and LEAK in message


def test_a_solution_in_the_metadata_is_refused(refused):
    message = refused(code(SOLVED), kernelspec={"name": "python3", "display_name": LEAK})
    assert "also stands in the notebook's metadata" in message


def test_a_comment_in_a_solution_is_a_line_of_its_own(refused):
    solved = "### BEGIN SOLUTION\nvalue = f(1)[0]  # the trick is to start at one\n### END SOLUTION"
    assert "cell 2, line 1" in refused(code(solved), text("The trick is to; the trick is to start at one!"))
    assert "cell 2, line 1" in refused(code(solved), code("value = f(1)[0]"))


def test_a_line_that_tells_nothing_may_stand_elsewhere(made):
    solved = "def f(x):\n    ### BEGIN SOLUTION\n    if x:\n        y = x\n    else:\n        y = 0\n    return y\n" \
             "    ### END SOLUTION"
    assert "return y" in sources(made(code(solved), code("def g(y):\n    return y")))[1]


def test_an_attachment_that_only_the_solution_shows_goes(made):
    picture = {"a.png": {"image/png": "aGVsbG8="}, "b.png": {"image/png": "aGVsbG8="}}
    source = "![b](attachment:b.png)\n### BEGIN SOLUTION\n![a](attachment:a.png)\n### END SOLUTION"
    cell, = made(text(source, attachments=picture))["cells"]
    assert list(cell["attachments"]) == ["b.png"]


@pytest.mark.parametrize("source", [
    "%matplotlib inline\nimport os", "!ls -l", "%%time\nx = 1", "%%html\n<b>x</b>", "files = !ls", "len?",
    "await thing()", "for _ in range(2):\n    %time f(1)", "x = ('%s'\n     % 3)",
])
def test_what_jupyter_understands_is_valid(made, source):
    assert sources(made(code(SOLVED), code(source)))[1] == source


@pytest.mark.parametrize(("source", "line"), [
    ("x = (1,\ny = 2", 1), ("x = 1\nreturn x", 2), ("if x:", 1),
    ("def f(x):\n  ### BEGIN SOLUTION\n    y = x\n    return y\n  ### END SOLUTION\n    return 2", 3),  # of the result
])
def test_a_result_that_is_no_python_is_refused(refused, source, line):
    message = refused(code(SOLVED), code(source))
    assert message.startswith(f"cell 2, line {line}: ") and "no valid Python" in message


@pytest.mark.parametrize("content", [
    "", "{", "[]", "[" * 100_000, '{"nbformat": 3, "cells": []}', '{"nbformat": 4}', '{"nbformat": 4, "cells": [1]}',
    '{"nbformat": 4, "cells": [{"cell_type": "code", "source": 3}]}',
    '{"nbformat": 4, "cells": [{"cell_type": "html", "source": ""}]}',
    '{"nbformat": 4, "cells": [{"cell_type": "raw", "source": "\\ud800"}]}',
    '{"nbformat": 4, "cells": [{"cell_type": "raw", "source": "", "metadata": 1}]}',
])
def test_what_is_no_notebook_is_refused(tmp_path, content):
    (tmp_path / "source.ipynb").write_text(content)
    with pytest.raises(GradingError, match="notebook|cell 1"):
        make_student(tmp_path / "source.ipynb", tmp_path / "out.ipynb")


def test_the_source_is_never_replaced_under_any_name(tmp_path):
    source = write(tmp_path / "source.ipynb", code(SOLVED))
    before = source.read_bytes()
    (tmp_path / "link.ipynb").symlink_to(source)
    os.link(source, tmp_path / "hard.ipynb")
    for name in ("source.ipynb", "link.ipynb", "hard.ipynb", "../" + tmp_path.name + "/source.ipynb"):
        with pytest.raises(GradingError, match="would replace its source"):
            make_student(source, tmp_path / name)
    with pytest.raises(GradingError, match="folder"):
        make_student(source, tmp_path)
    with pytest.raises(GradingError, match="can not be read"):
        make_student(tmp_path / "missing.ipynb", tmp_path / "out.ipynb")
    assert source.read_bytes() == before


def test_a_refusal_leaves_the_old_file_and_no_other(tmp_path):
    source = write(tmp_path / "source.ipynb", code(SOLVED), text(LEAK))
    (tmp_path / "out.ipynb").write_text("old")
    with pytest.raises(GradingError):
        make_student(source, tmp_path / "out.ipynb")
    assert (tmp_path / "out.ipynb").read_text() == "old" and len(list(tmp_path.iterdir())) == 2


def test_what_was_done_is_told(tmp_path):
    source = write(tmp_path / "source.ipynb", code(SOLVED), code("1", metadata={"tags": ["instructor-only"]}))
    made = make_student(source, tmp_path / "new" / "out.ipynb")
    assert (made.path, made.solutions, made.removed) == (tmp_path / "new" / "out.ipynb", 1, 1)
