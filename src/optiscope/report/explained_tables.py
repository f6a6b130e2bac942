"""The tables behind `explained`: of each question every row, the tables for reading, and else a reason. No torch.

Each function gives (every row, ((name, table for reading), …), reason); the reason is for where there is no table.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from .page.evidence import Evidence

Tables = tuple[pd.DataFrame, tuple[tuple[str, pd.DataFrame], ...], str]

MOST_COLUMNS = 12  # schedules side by side
MOST_MET = 8  # pairs whose every meeting is told
BUDGETS = (1, 4, 16, 64, 256)


def variance(evidence: Evidence, shares: pd.DataFrame) -> Tables:
    """Effects and their shares, greatest first, of each group's results and of its search."""
    if shares.empty:
        return _none("on", "of", "effect", "share", "total")
    rows = shares.assign(on=[evidence.groups[i].name for i in shares["group"]])
    shown = []
    for key, own in rows.groupby(["group", "of"], sort=False):
        table = pd.DataFrame(
            {
                "Effect": own["effect"].str.replace(":", " × ").replace("higher", "three or more"),
                "Share": [_percent(share) for share in own["share"]],
                "In all": [_percent(share) for share in own["total"]],
            }
        )
        shown.append((f"{own['on'].iloc[0]} ({key[1]})", table))  # type: ignore[index]
    return rows[["on", "of", "effect", "share", "total"]], tuple(shown), ""


def gains(evidence: Evidence, each: pd.DataFrame, medians: pd.DataFrame) -> Tables:
    """The gain of each schedule in each setting; for reading, optimizers by schedules."""
    if medians.empty:
        return _none("problem", "optimizer", "schedule", "cost", "cost_constant", "gain", reason=(
            "no optimizer ran with a constant rate and with another schedule"))  # fmt: skip
    if medians["schedule"].nunique() <= MOST_COLUMNS:
        wide = medians.pivot(index="optimizer", columns="schedule", values="gain")
        table = wide.map(_signed).rename_axis(index="Optimizer", columns=None).reset_index()
    else:
        table = medians.sort_values("gain", ascending=False, kind="stable")
        table = pd.DataFrame(
            {"Optimizer": table["optimizer"], "Schedule": table["schedule"], "Gain": table["gain"].map(_signed)}
        )
    return _named(evidence, each), (("", table),), ""


def robustness(evidence: Evidence, bands: pd.DataFrame) -> Tables:
    """The band of good rates of each cell; for reading, by optimizer, the widest first."""
    if bands.empty:
        return _none("problem", "optimizer", "schedule", "decades", reason="no cell was run at several rates")
    shown = []
    for name, own in _by_group(evidence, bands):
        decades = own.groupby("optimizer")["decades"]
        table = pd.DataFrame(
            {
                "Decades": decades.median(), "Quartiles": _span(decades.quantile(0.25), decades.quantile(0.75)),
                "Open": own["open"].ne("").groupby(own["optimizer"]).mean().map(_percent), "Cells": decades.size(),
            }
        )  # fmt: skip
        table = table.sort_values("Decades", ascending=False, kind="stable")
        shown.append((name, table.rename_axis("Optimizer").reset_index()))
    return _named(evidence, bands), tuple(shown), ""


def areas(evidence: Evidence, profile: pd.DataFrame, ecdf: pd.DataFrame) -> Tables:
    """Areas under the performance profile and under the ECDF of targets, by pair, the most solved first."""
    if profile.empty or ecdf.empty:
        return _none("on", "optimizer", "schedule", "profile", "targets", "met", reason="no problem has a target")
    keys = ["group", "optimizer", "schedule"]
    one = profile.drop_duplicates(keys)[[*keys, "area", "instances"]].rename(columns={"area": "profile"})
    two = ecdf.groupby(keys, sort=False).agg(targets=("area", "first"), met=("share", "max")).reset_index()
    rows = one.merge(two, on=keys).sort_values(["group", "targets"], ascending=[True, False], kind="stable")
    rows = rows.assign(on=[evidence.groups[i].name for i in rows["group"]])
    shown = []
    for name, own in rows.groupby("on", sort=False):
        columns = {"Targets": "targets", "Profile": "profile"}
        table = pd.DataFrame({"Pair": own["optimizer"] + " + " + own["schedule"]})
        table = table.assign(**{title: own[column] for title, column in columns.items()}, Met=own["met"].map(_percent))
        shown.append((str(name), table))
    columns = ["on", "optimizer", "schedule", "profile", "targets", "met", "instances"]
    return rows[columns], tuple(shown), ""


def wins(evidence: Evidence, rates: pd.DataFrame) -> Tables:
    """Win rates of each pair against each other; for reading, of groups that are small enough for it.

    Every row is a meeting, once: the other one's rate is what this one's leaves of 1, for a tie is half a win.
    """
    columns = ("on", "competitor", "other", "win_rate", "tie_rate", "pairs", "settings")
    if rates.empty:
        return _none(*columns, reason="nobody met anybody")
    shown, kept = [], []
    for i, group in enumerate(evidence.groups):
        own, order = rates[rates["group"] == i], list(group.ranking["competitor"])
        place = {name: k for k, name in enumerate(order)}
        once = own["competitor"].map(place) < own["other"].map(place)
        kept.append(own[once].round(4).assign(on=group.name))
        if own.empty or len(order) > MOST_MET:
            continue
        wide = own.pivot(index="competitor", columns="other", values="win_rate").reindex(index=order, columns=order)
        # Numbered, for names as heads of columns would be wider than any page.
        table = wide.map(_percent).set_axis([str(k + 1) for k in range(len(order))], axis=1).reset_index(drop=True)
        table.insert(0, "Pair", [f"{k + 1}: {name}" for k, name in enumerate(order)])
        shown.append((group.name, table))
    every = pd.concat(kept, ignore_index=True)[list(columns)]
    return every, tuple(shown), "" if shown else f"more than {MOST_MET} pairs met: wins.csv and report.html have all"


def budget(evidence: Evidence, best: pd.DataFrame) -> Tables:
    """The best of k trials of each cell, at few k; for reading, mean ranks over settings, best at the most trials."""
    columns = ("problem", "optimizer", "schedule", "k", "trials", "median", "median_low", "median_high")
    if best.empty:
        return _none(*columns, reason="no cell had several trials of a search")
    shown, kept = [], []
    for name, own in _by_group(evidence, best):
        ks = _budgets(own)
        own = own[own["k"].isin(ks)]
        kept.append(own)
        rank = own.groupby(["setting", "k"])["median"].rank()
        pair = own["optimizer"] + " + " + own["schedule"]
        table = rank.groupby([pair, own["k"]]).mean().unstack()
        if len(table) < 2:
            continue
        table = table.sort_values(list(table.columns)[::-1], kind="stable")
        table.columns = [f"{k} trial{'s' * (k != 1)}" for k in table.columns]
        shown.append((name, table.rename_axis("Pair").reset_index()))
    rows = _named(evidence, pd.concat(kept, ignore_index=True)) if kept else best[:0]
    return rows, tuple(shown), "one pair was searched for: there are no ranks"


def _budgets(best: pd.DataFrame) -> list[int]:
    """Few numbers of trials that every pool has: the nearest ones to powers of four, and the most."""
    there = best.groupby("k").size()
    common = [int(k) for k in there.index[there == there.iloc[0]]]  # nobody lacks the least one
    nearest = [min(common, key=lambda k, of=wanted: abs(k - of)) for wanted in BUDGETS if wanted <= common[-1]]
    return sorted({*nearest, common[-1]})


def _by_group(evidence: Evidence, frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The rows of a frame with a column `setting`, by group, of those competitors that met in it."""
    pair = frame["optimizer"] + " + " + frame["schedule"]
    found = []
    for group in evidence.groups:
        here = frame["setting"].isin(np.unique(evidence.setting_of(group.costs)))
        own = frame[here & pair.isin(group.ranking["competitor"])]
        if len(own):
            found.append((group.name, own))
    return found


def _named(evidence: Evidence, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the name of each setting for its number."""
    names = list(evidence.settings.values())
    table = frame.drop(columns="setting")
    table.insert(0, "problem", [names[i] for i in frame["setting"]])
    return table


def _none(*columns: str, reason: str = "there are no results") -> Tables:
    return pd.DataFrame(columns=list(columns)), (), reason


def _percent(share: float) -> str:
    return "–" if share != share else f"{100 * share:.0f}%"


def _signed(gain: float) -> str:
    return "–" if gain != gain else f"{round(gain, 2) + 0.0:+.2f}" if np.isfinite(gain) else "failed"


def _span(low: pd.Series, high: pd.Series) -> pd.Series:
    return pd.Series([f"{a:.2g} … {b:.2g}" for a, b in zip(low, high, strict=True)], index=low.index)
