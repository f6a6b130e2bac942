"""Whether one saved run is slower than another: verdicts that know the spread. Imports pandas and NumPy.

Three things move a median from one run to the next, besides what one looks for. Its rounds scatter: a bootstrap over
them says how much. The machine drifts: the reference step, measured all through each run, says by what factor. And
what is left scatters from benchmark to benchmark, for other work on the machine met the one and not the other: most
benchmarks are taken to be unchanged, and how far their ratios lie apart says how much.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InputError
from .cells import require

RESAMPLES = 2000
# The two one-sided tests at 5% that "slower" and "same" are (Schuirmann 1987).
LEVELS = (0.05, 0.95)
ENOUGH = 10  # benchmarks, to tell how much runs scatter
TO_SIGMA = 1.4826  # from a median absolute deviation to a standard deviation
TIMING_COLUMNS = ("name", "a_s", "b_s", "ratio", "low", "high", "rounds_a", "rounds_b", "verdict", "scatter")
FIGURE_COLUMNS = ("name", "figure", "kind", "a", "b", "worse_by", "low", "high", "readings", "verdict")
Readings = Mapping[str, tuple[Sequence[float], Sequence[float]]]


@dataclass(frozen=True)
class Drift:
    """The reference step's median seconds in A and in B, and B's over A's with its 90% interval."""

    a_s: float
    b_s: float
    ratio: float
    low: float
    high: float

    @property
    def shown(self) -> bool:
        """Whether the interval leaves out 1."""
        return self.low > 1 or self.high < 1


def drift(a: Sequence[float], b: Sequence[float], *, seed: int = 0) -> Drift:
    """How much slower B's machine was than A's, from readings of the reference step in each run.

    >>> drift([1.0, 1.0, 1.0], [2.0, 2.0, 2.0])
    Drift(a_s=1.0, b_s=2.0, ratio=2.0, low=2.0, high=2.0)
    """
    rng = np.random.default_rng(seed)
    one, other = (np.asarray(values, dtype=float) for values in (a, b))
    low, high = np.quantile(_medians(other, rng) / _medians(one, rng), LEVELS)
    a_s, b_s = float(np.median(one)), float(np.median(other))
    return Drift(a_s, b_s, b_s / a_s, float(low), float(high))


def timing_verdicts(
    a: pd.DataFrame, b: pd.DataFrame, *, threshold: float = 0.15, reference: Readings | None = None,
    divide: Collection[str] | None = None, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Each benchmark that both frames hold: `ratio` is B's median seconds over A's, `low` to `high` its 90% interval.

    With `reference` (device → seconds of the reference step in A and in B) each side is first divided by the median of
    its own, whose spread then counts too; with `divide`, on those devices alone. `slower`: the interval lies above
    1 + threshold; `faster`: below 1 / (1 + threshold); `same`: between the two; `unclear`: it crosses one of them. A
    run with a single round has no spread: it is held against twice the threshold, and is `one reading` unless it is
    `slower` or `faster` than that.

    The interval is a bootstrap over rounds, widened by `scatter`: the standard deviation of the logarithms that the
    ratios of all benchmarks have beyond what their rounds say, from the median absolute deviation about their median.
    Of fewer than `ENOUGH` benchmarks it cannot be told; then it is that of the single readings of the reference, or 0.

    Raises InputError for a threshold that is not above 0, or a device without a reference.
    """
    if not threshold > 0:
        raise InputError(f"threshold must be > 0 (0.15 is 15%), got {threshold}")
    for frame in (a, b):
        require(frame, ("name", "data", "median_s"), "timings")
    rng = np.random.default_rng(seed)
    rows, resampled = [], []
    for row in a.merge(b, on="name", suffixes=("_a", "_b")).to_dict("records"):
        one, other = (np.asarray(row[f"data_{side}"], dtype=float) for side in "ab")
        ratio, factor = row["median_s_b"] / row["median_s_a"], np.ones(RESAMPLES)
        device = str(row["device_a"]).partition(":")[0] if isinstance(row.get("device_a"), str) else "cpu"
        if reference is not None and (divide is None or device in divide):
            mine, theirs = _reference(reference, row["name"], device)
            ratio *= float(np.median(mine) / np.median(theirs))
            factor = _medians(mine, rng) / _medians(theirs, rng)
        resampled.append((np.log(_medians(other, rng) / _medians(one, rng)), np.log(factor)))
        rows.append((row["name"], row["median_s_a"], row["median_s_b"], ratio, len(one), len(other)))
    many = [min(row[4:]) > 1 for row in rows]
    told = [(np.log(row[3]), own) for row, (own, _), more in zip(rows, resampled, many, strict=True) if more]
    scatter = _scatter(told, reference)
    found = []
    for (name, a_s, b_s, ratio, *rounds), (own, divided), more in zip(rows, resampled, many, strict=True):
        logs = own + divided + scatter * rng.standard_normal(RESAMPLES)
        low, high = (float(value) for value in np.exp(np.quantile(logs, LEVELS)))
        verdict = _verdict(low, high, threshold if more else 2 * threshold, ("slower", "faster"))
        if not more:
            low, high = np.nan, np.nan
            verdict = verdict if verdict in ("slower", "faster") else "one reading"
        found.append((name, a_s, b_s, ratio, low, high, *rounds, verdict, scatter))
    return pd.DataFrame(found, columns=list(TIMING_COLUMNS)).sort_values("ratio", ascending=False, ignore_index=True)


def _scatter(logs: Sequence[tuple[float, np.ndarray]], reference: Readings | None) -> float:
    """What ratios of runs scatter beyond what the rounds say."""
    if len(logs) >= ENOUGH:
        middles = np.array([middle for middle, _ in logs])
        within = float(np.median([own.var() for _, own in logs]))
        return float(np.sqrt(max(0.0, _sigma(middles) ** 2 - within)))
    waver = [sum(_sigma(np.log(np.asarray(side, dtype=float))) ** 2 for side in pair) for pair in
             (reference or {}).values()]  # fmt: skip
    return float(np.sqrt(max(waver, default=0.0)))


def _sigma(values: np.ndarray) -> float:
    """A standard deviation that a few outliers do not move."""
    return TO_SIGMA * float(np.median(np.abs(values - np.median(values))))


def agreement(table: pd.DataFrame, within: float = 0.1) -> tuple[int, int]:
    """Of the benchmarks with more than one reading: how many have a ratio of at most 1 + within either way; and all.

    >>> agreement(pd.DataFrame({"ratio": [1.05, 0.8, 3.0], "rounds_a": [9, 9, 1], "rounds_b": 9}))
    (1, 2)
    """
    ratios = table.loc[table[["rounds_a", "rounds_b"]].min(axis=1) > 1, "ratio"].to_numpy(float)
    return int((np.abs(np.log(ratios)) <= np.log1p(within)).sum()), len(ratios)


def figure_verdicts(
    a: Sequence[Mapping[str, Any]], b: Sequence[Mapping[str, Any]], *, threshold: float = 0.15, seed: int = 0
) -> pd.DataFrame:
    """Each figure that both sides recorded: `worse_by` is the factor by which B's is worse, `low` to `high` as above.

    The rows are those of `timings.figures_of`. Where both sides have readings of a ratio, a bootstrap over them decides
    as it does for times: `worse`, `better`, `same` or `unclear`. A single reading is set against the threshold as it
    is, and a ratio's against twice the threshold, since nothing tells how much it scatters. What differs by no more
    than its `slack` is the same.

    Raises InputError for a threshold that is not above 0.
    """
    if not threshold > 0:
        raise InputError(f"threshold must be > 0 (0.15 is 15%), got {threshold}")
    rng = np.random.default_rng(seed)
    others = {(row["name"], row["figure"]): row for row in b}
    found = []
    for one in a:
        other = others.get((one["name"], one["figure"]))
        if other is None:
            continue
        sign = -1.0 if one["more_is_better"] else 1.0
        worst, best = (one, other) if one["more_is_better"] else (other, one)
        worse_by = _quotient(worst["value"], best["value"])
        low = high = np.nan
        readings = min(len(one["data"]), len(other["data"])) or 1
        if abs(other["value"] - one["value"]) <= one["slack"]:
            verdict = "same"
        elif readings > 1:
            both = (np.asarray(side["data"], dtype=float) for side in (other, one))
            top, bottom = (_medians(values, rng) for values in both)
            low, high = (float(value) for value in np.quantile((top / bottom) ** sign, LEVELS))
            verdict = _verdict(low, high, threshold, ("worse", "better"))
        else:
            wide = 2 * threshold if one["kind"] == "ratio" else threshold
            verdict = _verdict(worse_by, worse_by, wide, ("worse", "better"))
        found.append((one["name"], one["figure"], one["kind"], one["value"], other["value"], worse_by, low, high,
                      readings, verdict))  # fmt: skip
    return pd.DataFrame(found, columns=list(FIGURE_COLUMNS)).sort_values("worse_by", ascending=False, ignore_index=True)


def _quotient(top: float, bottom: float) -> float:
    """Infinite for something against nothing, and 1 for nothing against nothing."""
    return top / bottom if bottom else float("inf") if top else 1.0


def _reference(reference: Readings, name: str, device: str) -> tuple[np.ndarray, np.ndarray]:
    if device not in reference:
        raise InputError(f"{name} ran on {device}, and the reference step was not measured there on both machines")
    mine, theirs = reference[device]
    return np.asarray(mine, dtype=float), np.asarray(theirs, dtype=float)


def _medians(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Medians of resamples."""
    return np.median(values[rng.integers(len(values), size=(RESAMPLES, len(values)))], axis=1)


def _verdict(low: float, high: float, threshold: float, words: tuple[str, str]) -> str:
    roof, floor = 1 + threshold, 1 / (1 + threshold)
    if low > roof:
        return words[0]
    if high < floor:
        return words[1]
    return "same" if floor <= low and high <= roof else "unclear"
