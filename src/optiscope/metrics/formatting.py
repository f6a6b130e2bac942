"""A frame as text: Markdown (by tabulate), CSV, LaTeX (by jinja2). Imports pandas and NumPy.

Markdown and LaTeX are for reading: three significant digits, words for infinity and for what is missing. CSV is for
computing: every digit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
import pandas as pd

Infinite = str | Mapping[str, str]

# A character reference for the pipe, not `\|`: it survives every Markdown dialect's table parser.
_MARKDOWN = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "\\": "\\\\"} | {mark: f"\\{mark}" for mark in "`*[]~$"}
)
_LATEX = str.maketrans(
    {mark: f"\\{mark}" for mark in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "…": r"\ldots{}", "–": "--"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "≤": r"$\le$", "≥": r"$\ge$", "→": r"$\to$"}
)


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is: no tag, no emphasis, no code, no cell border, one line.

    >>> escape_markdown("a|b <script>")
    'a&#124;b &lt;script&gt;'
    """
    flat = " ".join(str(text).split()).translate(_MARKDOWN)
    # An underscore inside a word is no emphasis, and `weight_decay` reads better bare.
    return re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", flat)


def escape_latex(text: str) -> str:
    r"""Text that LaTeX sets as it is, on one line.

    >>> print(escape_latex("weight_decay 5%"))
    weight\_decay 5\%
    """
    return " ".join(str(text).split()).translate(_LATEX)


def number(value: Any, *, infinite: str = "never", missing: str = "–") -> str:
    """A value in three significant digits; integers in full, text as it is.

    >>> [number(value) for value in (1234.5, 0.00012345, 500, float("inf"))]
    ['1230', '1.23e-4', '500', 'never']
    """
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, Integral):
        return str(int(value))
    if value is None or value is pd.NA or value is pd.NaT:
        return missing
    if not isinstance(value, Real):
        return str(value)
    value = float(value)
    if np.isnan(value):
        return missing
    if np.isinf(value):
        return infinite
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{float(f'{value:.2e}'):g}"
    digits, _, exponent = f"{value:.2e}".partition("e")
    return f"{float(digits):g}e{int(exponent)}"


def to_markdown(
    frame: pd.DataFrame, *, caption: str = "", infinite: Infinite = "never", missing: str = "–",
    best: Mapping[str, Literal["min", "max"]] | None = None, by: Sequence[str] = (), most: int | None = None,
) -> str:  # fmt: skip
    """The frame as a Markdown table, escaped; a frame without rows says so.

    Args:
        frame: what to show; its index is not shown.
        caption: a line of Markdown under the table, where the meaning of a word such as "never" belongs.
        infinite: what stands for an infinite number, for all columns or by column.
        missing: what stands for NaN.
        best: columns whose least or greatest finite number is set in bold.
        by: columns that name the groups within which `best` looks; none: the whole table.
        most: how many rows are shown, the first ones; `best` looks at all. None: every row.
    """
    if not len(frame.columns) or frame.empty:
        return "\n\n".join(filter(None, ["*No rows.*", caption]))
    text = _cells(frame.head(len(frame) if most is None else most), infinite, missing).map(escape_markdown)
    for name, which in (best or {}).items():
        values = pd.to_numeric(frame[name]).where(np.isfinite(pd.to_numeric(frame[name])))
        groups = values.groupby([frame[key] for key in by], dropna=False) if by else None
        ideal = groups.transform(which) if groups is not None else getattr(values, which)()
        winners = values.notna() & (values == ideal)
        if winners.all():
            continue  # equal all the way down: nothing stands out
        winners = winners.loc[text.index]
        text.loc[winners, name] = "**" + text.loc[winners, name] + "**"
    text.columns = [escape_markdown(str(name)) for name in text.columns]
    table = text.to_markdown(index=False, tablefmt="pipe", disable_numparse=True, colalign=_aligned(frame))
    return "\n\n".join(filter(None, [table, caption]))


def to_csv(frame: pd.DataFrame) -> str:
    """The frame as CSV with every digit, `inf` for infinity and an empty field for what is missing.

    A number is written in the fewest digits that read back as the same float.
    """
    return frame.to_csv(index=False, lineterminator="\n")


def to_latex(
    frame: pd.DataFrame, *, caption: str = "", label: str = "", infinite: Infinite = "never", missing: str = "–"
) -> str:
    r"""The frame as a LaTeX table, escaped; over 40 rows it is a longtable.

    Needs `\usepackage{booktabs}` (and `longtable`), as its first line says. See `to_markdown` for the arguments.
    """
    text = _cells(frame, infinite, missing).map(escape_latex)
    text.columns = [escape_latex(str(name)) for name in frame.columns]
    long = len(frame) > 40
    body = text.to_latex(
        index=False, escape=False, longtable=long, caption=escape_latex(caption) or None, label=label or None,
        column_format="".join("r" if side == "right" else "l" for side in _aligned(frame)),
    )  # fmt: skip
    return f"% needs \\usepackage{{booktabs}}{' and {longtable}' if long else ''}\n{body}"


def _cells(frame: pd.DataFrame, infinite: Infinite, missing: str) -> pd.DataFrame:
    """Every cell as text, in a fresh index shared with nobody."""
    columns = {}
    for name in frame.columns:
        word = infinite if isinstance(infinite, str) else infinite.get(str(name), "never")
        columns[name] = [number(value, infinite=word, missing=missing) for value in frame[name]]
    return pd.DataFrame(columns, index=frame.index, columns=frame.columns, dtype=object)


def _aligned(frame: pd.DataFrame) -> list[str]:
    return ["right" if pd.api.types.is_numeric_dtype(frame[name]) else "left" for name in frame.columns]
