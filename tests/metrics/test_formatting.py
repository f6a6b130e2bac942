import csv
import io

import numpy as np
import pandas as pd
import pytest

from optiscope.metrics import escape_latex, number, to_csv, to_latex, to_markdown

INF, NAN = float("inf"), float("nan")
NASTY = "<script>alert(1)</script> a|b `c` *d* [e](f) $g$ \\h &i; _j_ 5% #k {l} ^m ~n\nnext"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (1.0, "1"), (1234.5, "1230"), (0.1, "0.1"), (0.123456, "0.123"), (1e-3, "0.001"),
        (0.00012345, "1.23e-4"), (1e-8, "1e-8"), (99999.0, "100000"), (123456.0, "1.23e5"), (-0.5, "-0.5"),
        (12345, "12345"), (np.int64(7), "7"), (INF, "never"), (-INF, "never"), (NAN, "–"), (None, "–"), (pd.NA, "–"),
        (True, "yes"), ("x", "x"),
    ],
)  # fmt: skip
def test_numbers(value, text):
    assert number(value) == text


def test_a_markdown_table_has_as_many_pipes_in_each_row_and_no_tag():
    table = to_markdown(pd.DataFrame({NASTY: [NASTY, "x"], "y": [1.0, INF]}))
    assert {line.count("|") for line in table.splitlines()} == {3}
    assert "<" not in table
    assert "&lt;script&gt;" in table
    assert "\\`c\\`" in table


def test_words_for_infinity_by_column_and_the_caption():
    frame = pd.DataFrame({"loss": [INF], "steps": [INF]})
    table = to_markdown(frame, infinite={"loss": "diverged"}, caption="never: half missed")
    assert table.splitlines()[2].split() == ["|", "diverged", "|", "never", "|"]
    assert table.endswith("\n\nnever: half missed")


def test_the_best_of_each_group_is_bold_and_infinity_never():
    frame = pd.DataFrame({"p": ["a", "a", "b", "b"], "v": [2.0, 1.0, INF, 5.0]})
    lines = to_markdown(frame, best={"v": "min"}, by=["p"]).splitlines()[2:]
    assert ["**" in line for line in lines] == [False, True, False, True]
    assert "**2**" in to_markdown(frame, best={"v": "max"}, by=["p"])


def test_nothing_is_bold_where_all_are_equal():
    assert "**" not in to_markdown(pd.DataFrame({"v": [1.0, 1.0]}), best={"v": "min"})
    assert "**1**" in to_markdown(pd.DataFrame({"v": [1.0, INF]}), best={"v": "min"})


def test_empty_frames_say_so():
    assert to_markdown(pd.DataFrame()) == "*No rows.*"
    assert to_markdown(pd.DataFrame({"a": []})) == "*No rows.*"


def test_csv_gives_the_same_numbers_back():
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"name": [NASTY, "a,b", '"q"', "x"], "v": [INF, NAN, 0.1, 1e-300], "w": generator.normal(size=4)}
    )
    back = pd.read_csv(io.StringIO(to_csv(frame)))
    # Some releases of pandas read the last bit wrongly; Python's own float does not.
    pd.testing.assert_frame_equal(back, frame, rtol=1e-15, check_dtype=False)
    assert [float(row["w"]) for row in csv.DictReader(io.StringIO(to_csv(frame)))] == frame["w"].tolist()


def test_latex_escapes_what_latex_would_obey():
    text = to_latex(pd.DataFrame({"a_b": ["50% & {x} #1 $y$ ^z ~t \\input"]}), caption="c_d", label="tab:x")
    assert r"50\% \& \{x\} \#1 \$y\$ \textasciicircum{}z \textasciitilde{}t \textbackslash{}input" in text
    assert r"a\_b" in text
    assert r"\caption{c\_d}" in text
    assert r"\label{tab:x}" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1


def test_a_name_with_a_line_break_stays_in_its_cell():
    assert escape_latex("a\nb") == "a b"
    assert "a b" in to_markdown(pd.DataFrame({"x": ["a\nb"]}))


def test_long_latex_tables_break_across_pages():
    assert r"\begin{longtable}" in to_latex(pd.DataFrame({"x": range(50)}), caption="many")
