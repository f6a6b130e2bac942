"""Costs as one matrix a setting: who competes against whom, on which seeds. Imports pandas and NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import InputError
from .cells import group_codes, grouped_quantile, numbers, require


@dataclass(frozen=True)
class Block:
    """One setting: `values` has a row a competitor and a column a pair (a seed), NaN where it was not run.

    `rows` are the competitors' numbers among all `Blocks.names`; `setting` has the values of the columns of `within`.
    """

    setting: dict[str, Any]
    rows: NDArray[np.intp]
    values: NDArray[np.float64]

    def medians(self) -> NDArray[np.float64]:
        """The median of each row, infinite as soon as an infinite value weighs in."""
        row, column = np.nonzero(~np.isnan(self.values))
        return grouped_quantile(self.values[row, column], row.astype(np.intp), len(self.rows), 0.5)


@dataclass(frozen=True)
class Blocks:
    """All settings of a frame, and the names of all who compete in any."""

    names: list[Any]
    blocks: list[Block]

    def __iter__(self) -> Iterator[Block]:
        return iter(self.blocks)

    def leader(self) -> int:
        """Who has the least mean rank by medians over the settings, absence being worst; the first of equals."""
        total = np.zeros(len(self.names))
        for block in self.blocks:
            ranks = np.full(len(self.names), float(len(self.names)))
            ranks[block.rows] = average_rank(block.medians())
            total += ranks
        return int(np.argmin(total))

    def place(self, name: Any) -> int:
        """The number of a competitor. Raises InputError for a name that is none of them."""
        if name not in self.names:
            raise InputError(f"nobody is called {name!r}; who competes: {', '.join(map(str, self.names))}")
        return self.names.index(name)


def blocks_of(frame: pd.DataFrame, value: str, by: str, within: Sequence[str], pairs: Sequence[str]) -> Blocks:
    """The frame as blocks; NaN counts as infinite.

    Raises InputError where a column is missing, or where a competitor has two values for one pair.
    """
    require(frame, (*within, by, *pairs, value), "costs")
    number = numbers(frame, value)
    number = np.where(np.isnan(number), np.inf, number)
    setting, settings = group_codes(frame, within)
    who, names = group_codes(frame, (by,))
    pair, seeds = group_codes(frame, pairs)
    order = np.argsort(setting, kind="stable")
    ends = np.cumsum(np.bincount(setting, minlength=len(settings)))
    found = []
    for i, rows in enumerate(np.split(order, ends[:-1]) if len(settings) else []):
        own, row = _numbered(who[rows], len(names))
        columns, column = _numbered(pair[rows], len(seeds))
        if np.bincount(row * len(columns) + column).max(initial=0) > 1:
            raise InputError(
                f"{names[by].iloc[own[row[0]]]!r} or another has several runs of one {' and '.join(pairs)} in a "
                "setting: keep one (shown_runs), or name what tells them apart in pairs"
            )
        values = np.full((len(own), len(columns)), np.nan)
        values[row, column] = number[rows]
        found.append(Block(settings.iloc[i].to_dict(), own.astype(np.intp), values))
    return Blocks(names[by].tolist(), found)


def _numbered(codes: NDArray[np.intp], count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The codes that are there, in order, and for each its place among them: `np.unique`, without sorting."""
    there = np.zeros(count, dtype=bool)
    there[codes] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[codes]


def average_rank(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1 for the least along the last axis; equal values, infinite ones too, share the mean of their places.

    >>> average_rank(np.array([0.5, np.inf, 0.1, np.inf]))
    array([2. , 3.5, 1. , 3.5])
    """
    shape = values.shape
    flat = values.reshape(-1, shape[-1]) if values.size else values.reshape(0, max(shape[-1], 1))
    order = np.argsort(flat, axis=1, kind="stable")
    ordered = np.take_along_axis(flat, order, axis=1)
    fresh = np.ones(flat.shape, dtype=bool)
    fresh[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    # Runs of equal values, numbered over all rows: the mean of first and last place stands for each.
    run = np.cumsum(fresh.ravel()) - 1
    place = np.broadcast_to(np.arange(1.0, flat.shape[1] + 1), flat.shape).ravel()
    mean = np.bincount(run, weights=place) / np.bincount(run) if run.size else place
    ranks = np.empty(flat.shape)
    np.put_along_axis(ranks, order, mean[run].reshape(flat.shape), axis=1)
    return ranks.reshape(shape)
