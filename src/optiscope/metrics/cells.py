"""What every statistic shares: which columns make a cell, what a failed run is worth, quantiles that know infinity.

Imports pandas and NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..record import RUNS_COLUMNS, Status

# Only runs that agree in all of these may be set against each other.
SETTING = ("problem", "start", "steps", "dtype", "device")
CELL = ("problem", "optimizer", "schedule")
KEY = (*SETTING, "optimizer", "schedule")
TEXTS = ("hyperparameters", "purpose", "status", "engine")  # further columns of few words


def require(frame: pd.DataFrame, columns: Iterable[str], what: str) -> None:
    """Raises InputError, naming what is missing, unless `frame` has all `columns`."""
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise InputError(f"the {what} frame lacks {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}")


class Checked(pd.DataFrame):
    """A runs frame that `one_row_a_run` has looked over, with a fresh index; whatever is taken from it is a plain one.

    Statistics hand it to each other, so that a million `run_id` are not looked at by each.
    """

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def rows(self, which: NDArray[np.bool_] | pd.Series) -> Checked:
        """Those rows: what is true of all runs is true of some."""
        return Checked(self[which].reset_index(drop=True))


def prepared(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs frame made ready for several statistics: looked over, and its columns of text as categories.

    Every statistic takes it as it takes the frame itself and gives the same, without looking it over again: of a
    million runs that saves a third of the time. It is to be read and not written into.

    Raises InputError as every statistic does: a fixed column is missing, a `run_id` has two different rows.
    """
    return as_categories(one_row_a_run(runs), (*KEY, *TEXTS))


def one_row_a_run(runs: pd.DataFrame) -> Checked:
    """The runs frame with a fresh index, and with rows that are equal in every column taken as one.

    Raises:
        InputError: a fixed column is missing, one `run_id` has two different rows, or a setting holds runs that end
            at a target beside runs that end at another or at none.
    """
    if isinstance(runs, Checked):
        return runs
    if runs.empty:
        runs = runs.reindex(columns=list(dict.fromkeys([*RUNS_COLUMNS, *runs.columns])))
    require(runs, RUNS_COLUMNS, "runs")
    if runs["run_id"].duplicated().any():
        runs = runs.drop_duplicates()
        twice = runs.loc[runs["run_id"].duplicated(), "run_id"].unique()
        if len(twice):
            raise InputError(
                f"{len(twice)} run_id(s) have rows that differ, {twice[0]} among them; "
                "keep one row a run: runs.drop_duplicates('run_id')"
            )
    _one_target(runs)
    return Checked(runs.reset_index(drop=True))


def _one_target(runs: pd.DataFrame) -> None:
    """A run that stops where it is good enough has another final loss, cost and time than one that goes on."""
    if "target" not in runs.columns or runs["target"].isna().all():
        return
    # Tuning looks at whole runs, whatever target the results end at.
    alike = [*SETTING, "purpose"]
    settings, kinds = group_codes(runs, alike)[1], group_codes(runs, (*alike, "target"))[1]
    if len(kinds) > len(settings):
        first = kinds[kinds.duplicated(alike, keep=False)].iloc[:2]
        ends = " and ".join("at no target" if pd.isna(end) else f"at the target {end:g}" for end in first["target"])
        raise InputError(
            f"{first['problem'].iloc[0]}: runs that end {ends} cannot be compared: "
            "keep one kind, such as runs[runs['target'].isna()]"
        )


def failed(runs: pd.DataFrame) -> NDArray[np.bool_]:
    """True where a run diverged or stopped on an error."""
    return runs["status"].isin([Status.DIVERGED, Status.ERROR]).to_numpy(bool)


def numbers(frame: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """A column as float64, NaN where it is empty or absent."""
    if column not in frame.columns:
        return np.full(len(frame), np.nan)
    return pd.to_numeric(frame[column]).to_numpy(np.float64, na_value=np.nan)


def as_categories(frame: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """The frame with its columns of text as categories: a million rows are grouped, taken and kept at a fraction."""
    kinds = {name: frame[name].dtype for name in columns}
    texts = [
        name for name, kind in kinds.items()
        if not (pd.api.types.is_numeric_dtype(kind) or isinstance(kind, pd.CategoricalDtype))
    ]  # fmt: skip
    done = frame.astype(dict.fromkeys(texts, "category"))
    return Checked(done) if isinstance(frame, Checked) else done


def competitors(frame: pd.DataFrame) -> pd.Categorical:
    """Who competes: optimizer and schedule as one name, `SGD + StepLR`."""
    codes, keys = group_codes(frame, ("optimizer", "schedule"))
    names = (keys["optimizer"].astype(str) + " + " + keys["schedule"].astype(str)).tolist()
    return pd.Categorical.from_codes(codes, categories=pd.Index(names, dtype=str))


def setting_names(table: pd.DataFrame) -> dict[tuple, str]:
    """A name for each setting of a table: the problem, with whatever tells it from another setting of the same."""
    rows = table[list(SETTING)].drop_duplicates()
    names = {}
    for row in rows.itertuples(index=False):
        same = rows[rows["problem"] == row.problem]
        parts = [f"{name}={getattr(row, name)}" for name in SETTING[1:] if same[name].nunique() > 1]
        names[tuple(row)] = f"{row.problem} ({', '.join(parts)})" if parts else str(row.problem)
    return names


def final_loss(runs: pd.DataFrame) -> NDArray[np.float64]:
    """The final loss that statistics use: infinite for a run that diverged, failed, ended on NaN or left the domain."""
    loss = numbers(runs, "loss_final")
    return np.where(failed(runs) | np.isnan(loss) | left_domain(loss, numbers(runs, "loss_floor")), np.inf, loss)


def left_domain(loss: NDArray[np.float64], floor: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a loss lies below the least one known, by more than rounding.

    Some functions (eggholder, Schwefel, McCormick, Michalewicz) go lower outside the bounds of their minimum:
    a run that ends there has left the problem, and has not solved it.
    """
    with np.errstate(invalid="ignore"):
        return loss < floor - 1e-9 * np.maximum(1.0, np.abs(floor))


def group_codes(frame: pd.DataFrame, by: Sequence[str]) -> tuple[NDArray[np.intp], pd.DataFrame]:
    """The number of each row's group, and the groups' keys as a frame sorted by `by`; categories become plain."""
    require(frame, by, "given")
    # A number for each column, and one out of all: many times as fast as grouping a million rows by eight texts.
    codes, count = np.zeros(len(frame), dtype=np.int64), 1
    for name in by:
        own, values = _numbered(frame[name])
        codes = codes * values + own
        count *= values
        if count > 1 << 40:
            codes, count = _renumbered(codes, count)
    codes, count = _renumbered(codes, count)
    first = np.zeros(count, dtype=np.intp)
    first[codes[::-1]] = np.arange(len(frame))[::-1]
    keys = frame[list(by)].iloc[first].reset_index(drop=True)
    plain = {name: kind.categories.dtype for name, kind in keys.dtypes.items() if isinstance(kind, pd.CategoricalDtype)}
    return codes.astype(np.intp), keys.astype(plain)


def _numbered(column: pd.Series) -> tuple[NDArray[np.int64], int]:
    """A number for each value, in the values' order, those that are missing last; and how many there may be."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, most = column.cat.codes.to_numpy(np.int64), len(column.cat.categories)
        return np.where(codes < 0, most, codes), most + 1
    codes, values = pd.factorize(column, sort=True, use_na_sentinel=False)
    return codes.astype(np.int64), len(values)


def _renumbered(codes: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], int]:
    """The codes 0 … count - 1 without those that are not there, in order; and how many are."""
    if count > 4 * len(codes) + 1000:
        codes, found = pd.factorize(codes, sort=True)
        return codes.astype(np.int64), len(found)
    there = np.zeros(count, dtype=bool)
    there[codes] = True
    return (np.cumsum(there) - 1)[codes], int(there.sum())


def grouped_quantile(values: ArrayLike, codes: NDArray[np.intp], groups: int, q: float) -> NDArray[np.float64]:
    """Quantile q of each group, linear between neighbours, infinite as soon as the upper neighbour weighs in.

    NaN counts as infinite, so that nothing missing is averaged away; a group without rows is NaN. Plain interpolation
    would give NaN between two infinities, and `0 * inf` on an exact hit (Hyndman and Fan 1996, type 7, otherwise;
    10.2307/2684934).

    >>> grouped_quantile([1.0, 3.0, float("inf"), 2.0], np.array([0, 0, 0, 1]), 2, 0.5)
    array([3., 2.])
    """
    return _grouped_quantiles(values, codes, groups, (q,))[0]


def median_iqr(values: ArrayLike, codes: NDArray[np.intp], groups: int) -> list[NDArray[np.float64]]:
    """Median, lower and upper quartile of each group; see `grouped_quantile`."""
    return _grouped_quantiles(values, codes, groups, (0.5, 0.25, 0.75))


def _grouped_quantiles(
    values: ArrayLike, codes: NDArray[np.intp], groups: int, levels: Sequence[float]
) -> list[NDArray[np.float64]]:
    numbers = np.asarray(values, dtype=np.float64)
    numbers = np.where(np.isnan(numbers), np.inf, numbers)
    counts = np.bincount(codes, minlength=groups)
    some = counts > 0
    ordered = _sorted_within(numbers, codes, counts)
    first = (np.cumsum(counts) - counts)[some]
    found = []
    for q in levels:
        position = q * (counts[some] - 1)
        below = np.floor(position).astype(np.intp)
        low, high = ordered[first + below], ordered[first + np.ceil(position).astype(np.intp)]
        weight = position - below
        out = np.full(groups, np.nan)
        with np.errstate(invalid="ignore"):
            out[some] = np.where((weight == 0) | (low == high), low, low + (high - low) * weight)
        found.append(out)
    return found


def _sorted_within(
    values: NDArray[np.float64], codes: NDArray[np.intp], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The values by group, each group's in order. NaN is not among them."""
    widest = int(counts.max(initial=0))
    if widest * len(counts) > 4 * len(values) + 1000:
        return values[np.lexsort((values, codes))]  # one group is much larger than most
    # A row a group, filled up with infinity: short rows are sorted many times as fast as pairs of keys.
    order = np.argsort(codes, kind="stable")
    row = codes[order]
    column = np.arange(len(values)) - (np.cumsum(counts) - counts)[row]
    table = np.full((len(counts), widest), np.inf)
    table[row, column] = values[order]
    table.sort(axis=1)
    return table[np.arange(widest) < counts[:, None]]


def observed_interval(values: NDArray[Any], confidence: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """The ends of the middle `confidence` of each column, each an observed value: infinities allow no average.

    >>> low, high = observed_interval(np.arange(100.0)[:, None], 0.9)
    >>> low.tolist(), high.tolist()
    ([4.0], [94.0])
    """
    count, outside = len(values), (1 - confidence) / 2
    # The inverse of the distribution function; a rounding error of q * n is no further value.
    ends = [max(math.ceil(q * count - 1e-9) - 1, 0) for q in (outside, 1 - outside)]
    low, high = ends
    # Two partitions, each about one place, are several times as fast as one about two.
    ordered = np.partition(np.ascontiguousarray(values.T), low, axis=1)
    if low == high:
        return ordered[:, low], ordered[:, low]
    return ordered[:, low], np.partition(ordered[:, low + 1 :], high - low - 1, axis=1)[:, high - low - 1]
