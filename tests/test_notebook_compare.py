"""When outputs agree, and which faults a stored notebook shows: many small cases, no kernel."""

import base64
import io
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notebook_compare import (
    WORST_TILE_RMS,
    compare_outputs,
    compare_pictures,
    compare_text,
    kernel_environment,
    locked_version,
    merge_streams,
    numbers_agree,
    stored_problems,
    tokens,
    worst_tile,
)
from PIL import Image

# Text

AGREE = [
    ("loss 0.2231", "loss 0.2232"),  # one unit of the fourth digit
    ("loss 0.22313016", "loss 0.22313101"),  # noise in the sixth
    ("loss 9.999", "loss 10.00"),  # a carry
    ("loss  9.999", "loss 10.000"),  # a carry, and the padding it changes
    ("x = -9.999", "x =-10.000"),
    ("[ 9.999  1.5  ]", "[10.000  1.5  ]"),
    ("0.124", "0.1241"),  # zeros at the end are dropped
    ("1", "0.9999"),
    ("0.3", "0.30000000000000004"),
    ("1.234e-05", "1.235e-05"),
    ("-1.234", "-1.235"),
    ("1.234s", "1.235s"),
    ("93.33%", "93.34%"),
    ("(0.1234, 5)", "(0.1235, 5)"),
    ("same", "same\n"),
    ("a   b", "a b"),
]

DIFFER = [
    ("loss 0.223", "loss 0.224"),  # three digits are exact
    ("loss 0.2231", "loss 0.2241"),  # the third digit
    ("loss 0.2231", "loss 0.2233"),  # two units of the fourth
    ("loss 0.22313016", "loss 0.22314016"),  # the fifth digit, where more are written
    ("47", "48"),
    ("1000", "1001"),
    ("ends at 1000.", "ends at 1001."),
    ("[1000. 2.]", "[1001. 2.]"),
    ("1,000,000", "1,000,001"),
    ("47", "47.0"),
    ("1", "1.0"),
    ("2.2e-16", "2.3e-16"),
    ("1e-16", "1e-17"),
    ("1e-3", "1e-4"),
    ("1.234e-05", "1.234e-06"),
    ("-1.234", "1.234"),
    ("1.234", "-1.234"),
    ("+1.234", "-1.234"),
    ("1e+03", "1e-03"),
    ("nan", "0.1234"),
    ("inf", "-inf"),
    ("inf", "nan"),
    ("-0.0000", "0.0000"),
    ("beta_1", "beta_2"),
    ("beta_1234", "beta_1235"),
    ("P01", "P02"),
    ("x1234.5", "x1235.5"),
    ("float64", "float32"),
    ("(200, 5)", "(200, 6)"),
    ("steps 1-3", "steps 1-4"),
    ("steps 1-3", "steps 1 3"),
    ("well-known", "well known"),
    ("Converges", "converges"),
    ("converges.", "converges"),
    ("a b", "ab"),
    ("1 2", "12"),
    ("1.234 1.234", "1.234"),
    ("one\ntwo", "one"),
    ("one", "one\n\ntwo"),
    ("", "one"),
    ("损失 0.12", "损失 0.13"),
    ("\u22121.234", "1.234"),
]


@pytest.mark.parametrize(("stored", "fresh"), AGREE)
def test_rounding_is_no_difference(stored, fresh):
    assert compare_text(stored, fresh) == []
    assert compare_text(fresh, stored) == []


@pytest.mark.parametrize(("stored", "fresh"), DIFFER)
def test_a_change_is_a_difference(stored, fresh):
    assert compare_text(stored, fresh)
    assert compare_text(fresh, stored)


def test_a_difference_is_told_in_words():
    assert compare_text("step 3\nloss 0.123", "step 3\nloss 0.125") == [
        "line 2: '0.123' became '0.125': stored 'loss 0.123', now 'loss 0.125'"
    ]
    assert compare_text("one", "one\ntwo") == ["1 lines were stored, and there are now 2", "line 2: 'two' was added"]
    assert compare_text("a\n" * 9, "b\n" * 9)[5:] == ["and more"]


def test_a_digit_in_a_name_is_no_number():
    assert tokens("beta_1=0.9 (P01)") == [
        ("word", "beta_1"),
        ("other", "="),
        ("number", "0.9"),
        ("blank", " "),
        ("other", "("),
        ("word", "P01"),
        ("other", ")"),
    ]
    assert tokens("1.e-05 x -2") == [
        ("number", "1.e-05"),
        ("blank", " "),
        ("word", "x"),
        ("other", "-"),
        ("number", "2"),
    ]


@st.composite
def written_numbers(draw, fewest=4, most=9):
    """Draw a number as a list of its significant digits, and where its point stands."""
    count = draw(st.integers(fewest, most))
    first = draw(st.integers(1, 9))
    rest = draw(st.lists(st.integers(0, 9), min_size=count - 1, max_size=count - 1))
    return [first, *rest], draw(st.integers(-3, count - 1))


def shown(found, point):
    """Write digits with a point after the first `point` of them."""
    figures = "".join(map(str, found))
    return f"0.{'0' * -point}{figures}" if point <= 0 else f"{figures[:point]}.{figures[point:]}"


@settings(deadline=None)
@given(written_numbers(), st.integers(0, 2), st.integers(1, 9))
def test_any_change_in_the_first_three_digits_is_a_difference(number, place, step):
    found, point = number
    changed = list(found)
    changed[place] = (changed[place] + step) % 10
    assert not numbers_agree(shown(found, point), shown(changed, point))


@settings(deadline=None)
@given(written_numbers(most=7), st.sampled_from([1, -1]))
def test_one_unit_of_the_last_digit_is_no_difference(number, step):
    found, point = number
    value = int("".join(map(str, found))) + step
    changed = [int(figure) for figure in str(value).rjust(len(found), "0")][-len(found) :]
    if 10 ** (len(found) - 1) <= value < 10 ** len(found):
        assert numbers_agree(shown(found, point), shown(changed, point))


@settings(deadline=None)
@given(st.integers(0, 10**12), st.integers(1, 9))
def test_any_change_of_an_integer_is_a_difference(number, step):
    assert not numbers_agree(str(number), str(number + step))


@settings(deadline=None)
@given(written_numbers(fewest=1, most=3), written_numbers(fewest=1, most=3))
def test_numbers_with_few_digits_agree_only_if_they_are_the_same(one, other):
    assert numbers_agree(shown(*one), shown(*other)) == (shown(*one) == shown(*other))


@settings(deadline=None)
@given(st.text(max_size=60))
def test_a_text_agrees_with_itself(text):
    assert compare_text(text, text) == []


# Outputs


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def shown_data(data, kind="display_data", metadata=None):
    return {"output_type": kind, "data": data, "metadata": metadata or {}}


def error(evalue="too large", traceback=("Cell In[1], line 1", "ValueError: too large")):
    return {"output_type": "error", "ename": "ValueError", "evalue": evalue, "traceback": list(traceback)}


def picture(pixels):
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode()


PAPER = np.full((40, 60, 4), 255, dtype=np.uint8)


def test_pieces_of_one_stream_are_one():
    pieces = [stream("a"), stream("b\n"), stream("oh", "stderr"), stream("c")]
    assert merge_streams(pieces) == [stream("ab\n"), stream("oh", "stderr"), stream("c")]
    assert pieces[0] == stream("a")
    assert compare_outputs([stream(["a\n", "b\n"])], [stream("a\n"), stream("b\n")]) == []


@pytest.mark.parametrize(
    ("stored", "fresh", "words"),
    [
        ([], [stream("a")], "no output is stored"),
        ([stream("a")], [], "an output is stored, and the cell gives none"),
        ([stream("a")], [stream("a", "stderr")], "other outputs: stored stdout; now stderr"),
        ([stream("a"), error()], [error(), stream("a")], "another order"),
        ([shown_data({"text/plain": "1"})], [shown_data({"text/plain": "1"}, "execute_result")], "other outputs"),
        ([shown_data({"text/plain": "1"})], [shown_data({"text/plain": "1", "text/html": "1"})], "text/html"),
        ([shown_data({"text/html": "<b>47</b>"})], [shown_data({"text/html": "<b>48</b>"})], "'47' became '48'"),
        ([shown_data({"text/latex": "x"})], [shown_data({"text/latex": "y"})], "'x' became 'y'"),
        ([shown_data({"a/b": {"c": 1}})], [shown_data({"a/b": {"c": 2}})], "a/b differs"),
        ([error()], [error("too small")], "'large' became 'small'"),
        ([error()], [error(traceback=["Cell In[1], line 2", "ValueError: too large"])], "'1' became '2'"),
        ([stream("a\n"), error()], [stream("b\n"), error()], "output 1 (stdout): line 1"),
        (
            [shown_data({"text/plain": "<Figure size 800x600 with 1 Axes>"})],
            [shown_data({"text/plain": "<Figure size 800x600 with 2 Axes>"})],
            "'1' became '2'",
        ),
    ],
)
def test_outputs_that_differ_are_told_apart(stored, fresh, words):
    (found,) = compare_outputs(stored, fresh)
    assert words in found


def test_the_colours_of_a_traceback_do_not_count():
    coloured = error(traceback=["\x1b[31mCell In[1], line 1\x1b[39m", "ValueError: too large"])
    assert compare_outputs([error()], [coloured]) == []


def test_the_shown_size_of_a_figure_counts():
    stored = shown_data({"image/png": picture(PAPER)}, metadata={"image/png": {"width": 30, "height": 20}})
    fresh = shown_data({"image/png": picture(PAPER)}, metadata={"image/png": {"width": 60, "height": 40}})
    assert "metadata of image/png" in compare_outputs([stored], [fresh])[0]
    assert compare_outputs([stored], [fresh], figures=False) == []


def test_without_figures_only_their_presence_counts():
    stored, fresh = shown_data({"image/png": picture(PAPER)}), shown_data({"image/png": picture(PAPER // 2)})
    assert compare_outputs([stored], [fresh], figures=False) == []
    assert compare_outputs([stored], [stream("a")], figures=False)


# Pictures


@pytest.mark.parametrize("row", [0, 20, 39])
@pytest.mark.parametrize("column", [0, 30, 59])
def test_one_pixel_passes_and_two_fail_wherever_they_are(row, column):
    one, two = PAPER.copy(), PAPER.copy()
    one[row, column] = 0
    two[row, column] = two[row - 1 if row else 1, column] = 0
    assert compare_pictures(picture(PAPER), picture(one)) == []
    assert "looks different" in compare_pictures(picture(PAPER), picture(two))[0]


@settings(deadline=None)
@given(st.integers(0, 34), st.integers(0, 54))
def test_what_a_mark_counts_does_not_depend_on_its_place(row, column):
    marked = PAPER.astype(float)
    marked[row : row + 6, column : column + 6] = 0
    found, left, top = worst_tile(PAPER.astype(float), marked)
    assert found == pytest.approx(255 * 6 / 16)
    assert left <= column and top <= row


def test_a_surface_whose_shade_moves_a_little_is_seen():
    surface = np.full((200, 200, 4), 200, dtype=np.uint8)
    darker = surface.copy()
    darker[50:150, 50:150, :3] -= 6
    assert worst_tile(surface.astype(float), darker.astype(float))[0] < WORST_TILE_RMS
    assert "64 x 64" in compare_pictures(picture(surface), picture(darker))[0]


def test_pictures_smaller_than_a_tile_are_compared():
    small = PAPER[:5, :3].copy()
    changed = small.copy()
    changed[2:4, 1] = 0
    assert compare_pictures(picture(small), picture(small)) == []
    assert compare_pictures(picture(small), picture(changed))


def test_pictures_of_other_sizes_differ():
    assert compare_pictures(picture(PAPER), picture(PAPER[:39])) == [
        "the figure was 60 x 40 pixels and is now 60 x 39"
    ]


# Stored notebooks


def code(source="1", count=1, outputs=(), **metadata):
    return {
        "cell_type": "code",
        "source": source,
        "execution_count": count,
        "outputs": list(outputs),
        "metadata": metadata,
    }


ALT = {"image": {"alt": "an empty picture"}}
FIGURE = shown_data({"image/png": picture(PAPER), "text/plain": "<Figure>"})


@pytest.mark.parametrize(
    "cell",
    [
        code(outputs=[stream("a")]),
        code(outputs=[error()], tags=["raises-exception"]),
        code(outputs=[FIGURE], mystnb=ALT),
        code(outputs=[{**shown_data({"text/plain": "1"}, "execute_result"), "execution_count": 1}]),
        code(tags=["hide-input"]),
        code(outputs=[stream("see https://example.org/home/page and a/tmp/b")]),
        code("print('nbval is a tool')"),
    ],
)
def test_a_good_cell_has_no_problem(cell):
    assert stored_problems({"cells": [cell]}) == []


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (code(count=None), "never executed"),
        (code(count=2), "execution count is 2, in order it is 1"),
        (code("  \n"), "no source"),
        (code(["# NBVAL_", "SKIP\n"]), "mark NBVAL_SKIP"),
        (code("1  # nbval_ignore_output"), "mark nbval_ignore_output"),
        (code("# NBVAL_CHECK_OUTPUT"), "mark NBVAL_CHECK_OUTPUT"),
        (code("# NBVAL_RAISES_EXCEPTION"), "mark NBVAL_RAISES_EXCEPTION"),
        (code("# PYTEST_VALIDATE_IGNORE_OUTPUT"), "mark PYTEST_VALIDATE_IGNORE_OUTPUT"),
        (code(tags=["nbval-skip"]), "mark nbval-skip"),
        (code(tags=["nbval-raises-exception"]), "mark nbval-raises-exception"),
        (code(tags=["pytest-validate-ignore-output"]), "mark pytest-validate-ignore-output"),
        (code(tags=["skip-execution"]), "mark skip-execution"),
        (code(outputs=[stream("Warning: overflow", "stderr")]), "stores stderr: Warning: overflow"),
        (code(outputs=[error()]), "stores the error ValueError: too large"),
        (code(tags=["raises-exception"]), "stores no error"),
        (
            code(outputs=[error(traceback=["File ~/labkit/a.py:3, in f(x)"])], tags=["raises-exception"]),
            "file of the machine",
        ),
        (code(outputs=[{"output_type": "update_display_data", "data": {}, "metadata": {}}]), "unknown type"),
        (code(outputs=[shown_data({"image/svg+xml": "<svg/>"})]), "stores image/svg"),
        (code(outputs=[shown_data({"image/jpeg": "/9j/"})]), "stores image/jpeg"),
        (code(outputs=[shown_data({"text/html": "<img src='a.png'>"})]), "picture inside HTML"),
        (code(outputs=[FIGURE]), "no alt text"),
        (code(outputs=[FIGURE], mystnb={"image": {"alt": " "}}), "no alt text"),
        (code(outputs=[shown_data({"image/png": "bm90IGEgcG5n"})], mystnb=ALT), "can not be read"),
        (code(outputs=[stream("<object at 0x7f00>")]), "object's address"),
        (code(outputs=[shown_data({"text/html": "<lambda> at 0x7f00"})]), "object's address"),
        (code(outputs=[stream("loaded /home/ann/data.csv")]), "path of the machine"),
        (code(outputs=[stream("1/9\r2/9")]), "progress bar"),
        (
            code(outputs=[{**shown_data({"text/plain": "1"}, "execute_result"), "execution_count": 9}]),
            "result has the execution count 9",
        ),
    ],
)
def test_a_fault_is_named_with_its_cell(cell, words):
    problems = stored_problems({"cells": [{"cell_type": "markdown", "source": "a", "metadata": {}}, cell]})
    assert len(problems) == 1
    assert problems[0].startswith("cell 1: ")
    assert words in problems[0]


def test_a_mark_in_prose_is_found():
    prose = {"cell_type": "markdown", "source": "a", "metadata": {"tags": ["nbval-skip"]}}
    assert stored_problems({"cells": [code(), prose]}) == [
        "markdown cell after cell 1: it has the mark nbval-skip: every output is checked, remove the mark"
    ]


# The kernel


def test_the_shell_does_not_reach_the_outputs():
    environment = kernel_environment(
        {"PATH": "a", "MPLBACKEND": "agg", "COLUMNS": "40", "PYTEST_CURRENT_TEST": "b", "PYTHONHASHSEED": "7"}
    )
    assert environment.pop("MATPLOTLIBRC").endswith(os.path.join("mpl-data", "matplotlibrc"))
    assert environment == {
        "PATH": "a",
        "PYTHONHASHSEED": "0",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",
    }


def test_a_developer_may_choose_onednn():
    assert kernel_environment({"TF_ENABLE_ONEDNN_OPTS": "1"})["TF_ENABLE_ONEDNN_OPTS"] == "1"


def test_the_locked_version_is_read_from_the_lock():
    assert locked_version("matplotlib", "a==1\nmatplotlib==3.11.2\nmatplotlib-inline==0.2\n") == "3.11.2"
    with pytest.raises(ValueError, match="pins no version of matplotlib"):
        locked_version("matplotlib", "matplotlib-inline==0.2\n")
