"""What the differences come from: problem, optimizer, schedule, rate or chance. Imports pandas and NumPy."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import InputError
from .blocks import average_rank
from .cells import group_codes, numbers, require

FACTORS = ("problem", "optimizer", "schedule", "lr", "seed")
MOST_CELLS = 50_000_000


def variance_shares(
    frame: pd.DataFrame, factors: Sequence[str] = FACTORS, *, value: str = "cost", noise: Sequence[str] = ("seed",),
    within: Sequence[str] = (), ranks: bool = True, order: int = 2,
) -> pd.DataFrame:  # fmt: skip
    """How much of the variance each factor and each interaction explains, in a balanced factorial; the shares sum to 1.

    Values enter as ranks over all of them, equal ones sharing the mean of their places (Conover, Iman 1981,
    10.1080/00031305.1981.10479327): the logarithm of a cost has no variance once a run has failed, while a rank makes
    of a failure what it is, the worst of all, and depends on no unit. The sums of squares are those of the analysis of
    variance, which in a balanced design do not depend on any order of the factors.

    The frame is cut to a complete factorial: while a combination of levels is missing, the level that lacks the largest
    share of its combinations is left out. `variance_levels` says what is left.

    Args:
        frame: one row a combination, as `costs` gives it; for rates, that of the search's runs.
        factors: the columns to divide the variance between; those with one level explain nothing.
        value: the column whose variance it is.
        noise: factors of chance: all that involves one of them is one effect, named after it.
        within: columns (such as `problem`) within which alone values are ranked, so that they explain nothing.
        ranks: False takes the values as they are, which must be finite.
        order: interactions of more factors than this are one effect, `higher`.

    Returns:
        One row an effect, greatest first: `effect` (`schedule`, `optimizer:schedule`, …), `share`, `sum_squares`, `df`,
        `total` (for a factor: the share of all effects that involve it, noise left out; else NaN).

    Raises:
        InputError: a column is missing, a combination has two rows, a value is not finite where it must be, or nothing
            complete is left.
    """
    require(frame, (*factors, *within, value), "costs")
    place, rows, levels = _complete(frame, factors)
    number = numbers(frame, value)[rows]
    number = np.where(np.isnan(number), np.inf, number)
    if ranks:
        group, _ = group_codes(frame.iloc[rows], within) if within else (np.zeros(len(rows), dtype=np.intp), None)
        number = _ranked(number, group)
    elif not np.isfinite(number).all():
        raise InputError(f"{value} is infinite in {int((~np.isfinite(number)).sum())} rows: only ranks can hold that")
    grid = np.empty(levels["levels"].tolist())
    grid.ravel()[place] = number
    sums = _sums_of_squares(grid - grid.mean())
    total = sum(sums.values())
    effects: dict[str, list[float]] = {}
    involved = dict.fromkeys(factors, 0.0)
    for key, squares in sums.items():
        names = [factors[i] for i in key]
        chance = [name for name in names if name in noise]
        name = chance[0] if chance else ":".join(names) if len(names) <= order else "higher"
        freedom = float(np.prod([grid.shape[i] - 1 for i in key]))
        if not freedom and len(names) > 1:
            continue  # one level interacts with nothing
        effect = effects.setdefault(name, [0.0, 0.0])
        effect[0] += squares
        effect[1] += freedom
        for one in names if not chance else chance[:1]:
            involved[one] += squares
    out = pd.DataFrame([(name, *sums) for name, sums in effects.items()], columns=["effect", "sum_squares", "df"])
    out["share"] = out["sum_squares"] / total if total > 0 else 0.0
    out["total"] = [involved[name] / total if name in involved and total > 0 else np.nan for name in out["effect"]]
    out = out.sort_values("sum_squares", ascending=False, kind="stable", ignore_index=True)
    return out[["effect", "share", "sum_squares", "df", "total"]].astype({"df": "int64"})


def variance_levels(frame: pd.DataFrame, factors: Sequence[str] = FACTORS) -> pd.DataFrame:
    """The complete factorial that `variance_shares` takes: `factor`, `levels`, `of` (how many there were), `kept`."""
    require(frame, factors, "costs")
    _, _, levels = _complete(frame, factors)
    return levels


def _complete(frame: pd.DataFrame, factors: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.intp], pd.DataFrame]:
    """For each row that is left its place in the smaller factorial; those rows; and the levels that are left."""
    codes, names = [], []
    for name in factors:
        code, keys = group_codes(frame, (name,))
        codes.append(code)
        names.append(keys[name].tolist())
    shape = tuple(len(own) for own in names)
    if not len(frame) or int(np.prod([float(n) for n in shape])) > MOST_CELLS:
        raise InputError(
            f"{' × '.join(f'{n} {name}' for n, name in zip(shape, factors, strict=True))} is no factorial to divide: "
            "give rows of one search, in which every combination was run"
        )
    place: NDArray[np.intp] = np.asarray(np.ravel_multi_index(tuple(codes), shape))
    there = np.zeros(int(np.prod(shape)), dtype=bool)
    there[place] = True
    if int(there.sum()) < len(place):
        raise InputError(f"some combination of {', '.join(factors)} has several rows: name what tells them apart")
    kept = _largest(there.reshape(shape))
    if not all(len(own) for own in kept):
        raise InputError(f"no complete factorial of {', '.join(factors)}: every combination of levels must be run")
    wanted = np.zeros(shape, dtype=bool)
    wanted[np.ix_(*kept)] = True
    rows = np.flatnonzero(wanted.ravel()[place])
    # Where each kept row stands in the smaller table.
    small = [np.searchsorted(own, code[rows]) for own, code in zip(kept, codes, strict=True)]
    sizes = tuple(len(own) for own in kept)
    place = np.asarray(np.ravel_multi_index(tuple(small), sizes))
    texts = [", ".join(str(own[i]) for i in left) for own, left in zip(names, kept, strict=True)]
    levels = pd.DataFrame({"factor": list(factors), "levels": sizes, "of": shape, "kept": texts})
    return place, rows, levels


def _largest(there: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """The levels of each axis that are left once those that lack the most combinations are gone, one by one."""
    kept = [np.arange(n) for n in there.shape]
    while there.size and not there.all():
        worst, at = -1.0, (0, 0)
        for axis in range(there.ndim):
            lacking = 1 - there.mean(axis=tuple(i for i in range(there.ndim) if i != axis))
            level = int(np.argmax(lacking))
            if lacking[level] > worst:
                worst, at = float(lacking[level]), (axis, level)
        axis, _ = at
        lacking = 1 - there.mean(axis=tuple(i for i in range(there.ndim) if i != axis))
        gone = np.flatnonzero(lacking >= worst - 1e-12)
        # All that lack as much go together, unless that would leave nothing.
        gone = gone if len(gone) < there.shape[axis] else gone[:1]
        there = np.delete(there, gone, axis=axis)
        kept[axis] = np.delete(kept[axis], gone)
    return kept


def _ranked(values: NDArray[np.float64], group: NDArray[np.intp]) -> NDArray[np.float64]:
    """Ranks within each group."""
    out = np.empty(len(values))
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(np.bincount(group))
    for own in np.split(order, ends[:-1]):
        if len(own):
            out[own] = average_rank(values[own])
    return out


def _sums_of_squares(grid: NDArray[np.float64]) -> dict[tuple[int, ...], float]:
    """The sum of squares of each set of axes, out of the means over the others by inclusion and exclusion."""
    axes = range(grid.ndim)
    raw: dict[tuple[int, ...], float] = {}
    means = {tuple(axes): grid}
    for size in range(grid.ndim, 0, -1):
        for key in itertools.combinations(axes, size):
            if key not in means:
                # From a set with one axis more, so that the large table is read but a few times.
                parent = next(one for one in means if len(one) == size + 1 and set(key) < set(one))
                out = next(i for i, axis in enumerate(parent) if axis not in key)
                means[key] = means[parent].mean(axis=out)
            raw[key] = float((means[key] ** 2).sum()) * grid.size / means[key].size
    sums: dict[tuple[int, ...], float] = {}
    for key in sorted(raw, key=len):
        parts = (part for size in range(1, len(key)) for part in itertools.combinations(key, size))
        sums[key] = max(raw[key] - sum(sums[part] for part in parts), 0.0)
    return sums
