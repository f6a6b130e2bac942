"""What a picture asks of its frames, and who is drawn where there are more than it has room for. pandas and NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InputError


def need(frame: pd.DataFrame, name: str, columns: Sequence[str], why: str = "") -> None:
    """Raise InputError where the frame is empty or lacks one of the columns."""
    missing = [column for column in columns if column not in frame]
    if missing:
        reason = f"; {why}" if why else ""
        raise InputError(
            f"the {name} frame lacks the columns {', '.join(missing)}{reason}; "
            f"it has: {', '.join(map(str, frame.columns)) or 'none'}"
        )
    if frame.empty:
        raise InputError(f"the {name} frame is empty: nothing to draw")


def need_finite(
    frame: pd.DataFrame, name: str, columns: Sequence[str], *, every: bool = False, above: float = -math.inf
) -> None:  # fmt: skip
    """Raise InputError unless some row holds finite numbers in all of the columns; with `every`, unless each row does.

    Numbers that are not greater than `above` count as none.
    """
    values = np.column_stack([frame[column].to_numpy(float) for column in columns])
    good = np.isfinite(values) & (values > above)
    bound = f" > {above:g}" if math.isfinite(above) else ""
    if every and not good.all():
        row, column = np.argwhere(~good)[0]
        raise InputError(
            f"each {columns[column]} of the {name} frame must be a finite number{bound}, got {values[row, column]:g} "
            f"in row {row} of {len(frame)}"
        )
    if not good.all(axis=1).any():
        raise InputError(f"no row of the {name} frame has a finite {' and '.join(columns)}{bound}: nothing to draw")


def need_once(frame: pd.DataFrame, name: str, keys: Sequence[str]) -> None:
    """Raise InputError where two rows agree in all of the keys."""
    twice = frame.duplicated(list(keys))
    if twice.any():
        first = ", ".join(str(frame[key].iloc[int(np.argmax(twice))]) for key in keys)
        raise InputError(f"the {name} frame must have one row for each {' and '.join(keys)}, got several of {first}")


def need_flat(frame: pd.DataFrame, name: str) -> None:
    """Raise InputError where the points have more than the two coordinates of a map."""
    if "x2" in frame and frame["x2"].notna().any():
        count = sum(str(column)[:1] == "x" and str(column)[1:].isdigit() for column in frame.columns)
        raise InputError(
            f"a map needs a problem of two dimensions, and the points of the {name} frame have {count}: "
            "the first two alone are not where it is"
        )


def standing(frame: pd.DataFrame, by: str, value: str, within: Sequence[str] = ()) -> pd.Series:
    """The mean place of each competitor by its median in a column, least first, over the groups named by `within`."""
    values = frame[value].where(frame[value].notna(), math.inf)
    medians = values.groupby([*(frame[key] for key in within), frame[by]], sort=False).median()
    ranks = medians.groupby(level=list(range(len(within)))).rank() if within else medians.rank()
    return ranks.groupby(level=-1, sort=False).mean()


def choose(scores: pd.Series, most: int, word: str) -> tuple[list[Any], str]:
    """The competitors that there is room for, least score first to be taken, in their order; and what to say of it.

    >>> choose(pd.Series({"a": 3.0, "b": 1.0, "c": 2.0}), 2, "lowest")
    (['b', 'c'], 'the 2 lowest of 3')
    >>> choose(pd.Series({"a": 3.0}), 2, "lowest")
    (['a'], '')
    """
    if len(scores) <= most:
        return list(scores.index), ""
    kept = set(scores.fillna(math.inf).sort_values(kind="stable").index[:most])
    return [name for name in scores.index if name in kept], f"the {most} {word} of {len(scores)}"
