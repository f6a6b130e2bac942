"""The recommendation in plain words: what to use, how sure that is, what it costs, where it fails. Imports metrics.

Who leads has the least interquartile mean of the shortfall: the share of the way from the start to the last target that
the middle half of its runs left undone, over all settings in which the same competitors met. How sure that is, is read
off the chance of each other one to beat it on a run: whoever's interval reaches one half is not told apart.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ... import metrics
from ...metrics import number
from ..tables import target_name
from .evidence import Evidence, Group

CONFIDENCE = {
    3: ("strong", "Every other one is less likely than not to beat it, and lies beyond the critical difference."),
    2: ("fair", "Every other is less likely than not to beat it; by mean ranks over so few settings, some are near."),
    1: ("weak", "Some others cannot be told from it with these runs."),
    0: ("none", "Most others cannot be told from it with these runs: take it as a place to begin."),
}


@dataclass(frozen=True)
class Fact:
    """A figure of a verdict and the words around it; `where` names the setting whose runs stand behind it, or None."""

    words: str
    setting: int | None = None


@dataclass(frozen=True)
class Recommendation:
    """What a page says first, of one group of settings."""

    kind: str
    optimizer: str
    schedule: str
    level: int
    summary: str
    pairs: int
    rivals: tuple[str, ...]
    cost: tuple[Fact, ...]
    fails: tuple[Fact, ...]
    untuned: str = ""  # what needs no search, in a sentence

    @property
    def confidence(self) -> str:
        """The level as a word."""
        return CONFIDENCE[self.level][0]

    @property
    def reason(self) -> str:
        """What the level means."""
        return CONFIDENCE[self.level][1] if self.pairs > 1 else "Nothing else ran under the same conditions."


def recommendations(evidence: Evidence) -> list[Recommendation]:
    """One for each group that has a competitor whose middle runs did not all fail."""
    return [_of(evidence, group) for group in evidence.groups if np.isfinite(group.ranking["iqm"].iloc[0])]


def _of(evidence: Evidence, group: Group) -> Recommendation:
    table = group.ranking
    first, others = table.iloc[0], table.iloc[1:]
    reach = ~(others["beats_high"] < 0.5)
    rivals = tuple(others.loc[reach, "competitor"])
    if len(rivals) > len(others) / 2:
        level = 0
    elif len(rivals):
        level = 1
    else:
        level = 3 if abs(others["rank"] - first["rank"]).min() > first["cd"] else 2
    own = evidence.table[evidence.table["competitor"] == first["competitor"]]
    inside = evidence.setting_of(group.costs)
    own = own[own["setting"].isin(inside)]
    return Recommendation(
        group.name, str(first["optimizer"]), str(first["schedule"]), level if len(others) else 0,
        _summary(group, first, others) + _against(first, others), len(table), rivals, tuple(_costs(evidence, own)),
        tuple(_fails(evidence, own)), _untuned(evidence, group),
    )  # fmt: skip


def _summary(group: Group, first: pd.Series, others: pd.DataFrame) -> str:
    where = f"{group.settings} setting{'s' * (group.settings != 1)}"
    missing = f" (of {group.of}; the others had other competitors)" if group.of > group.settings else ""
    if others.empty:
        return f"The only pair that ran, on {where}{missing}."
    second = others.iloc[0]
    seeds = group.costs["seed"].nunique()
    return (
        f"Best of {len(others) + 1} pairs on {where}{missing}, at {seeds} seed{'s' * (seeds != 1)}: its middle runs "
        f"left {_share(first)} of the way to the last target undone; {second['competitor']} left {_share(second)}."
    )


def _against(first: pd.Series, others: pd.DataFrame) -> str:
    """Who wins most of its runs against the first all the same: another measure, another order."""
    ahead = others[others["beats_low"] > 0.5]
    if ahead.empty:
        return ""
    most = ahead.loc[ahead["beats_probability"].idxmax()]
    more = f", and {len(ahead) - 1} more win most of theirs" if len(ahead) > 1 else ""
    return (
        f" Yet run against run {most['competitor']} is ahead: it wins {_percent(most['beats_probability'])} of them"
        f"{more}; its mean rank is {number(round(float(most['rank']), 1))}, not "
        f"{number(round(float(first['rank']), 1))}."
    )


def _untuned(evidence: Evidence, group: Group) -> str:
    number_of = [one.name for one in evidence.groups].index(group.name)
    rows = evidence.untuned[evidence.untuned["group"] == number_of]
    if rows.empty:
        return ""
    best = rows.iloc[0]
    return (
        f"Without any search: {best['optimizer']} at its default, constant rate left {_share(best)}, the least of "
        f"{len(rows)} optimizers."
    )


def _share(row: pd.Series) -> str:
    if not np.isfinite(row["iqm"]):
        return "all (they failed)"
    known = bool(np.isfinite([row["low"], row["high"]]).all())
    return _percent(row["iqm"]) + (f" ({_percent(row['low'])} to {_percent(row['high'])})" if known else "")


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _costs(evidence: Evidence, own: pd.DataFrame) -> list[Fact]:
    """Time a step where runs were timed, memory where it is known; and steps to the hardest target that anybody met."""
    facts, times, ratios = [], [], []
    here = evidence.memory[evidence.memory["setting"].isin(own["setting"])]
    shares = here.loc[here["optimizer"].isin(own["optimizer"]), "state_share"]
    if len(shares):
        share = float(shares.median())
        words = f"a state of {share:.2g} times the parameters' own bytes" if share else "no state beside the parameters"
        facts.append(Fact(words))
    for row in own.to_dict("records"):
        here = evidence.table[evidence.table["setting"] == row["setting"]]
        if row["engine"] == "single" and np.isfinite(row["ms_per_step"]):
            times.append(row["ms_per_step"])
            cheapest = here.loc[here["engine"] == "single", "ms_per_step"].min()
            ratios.append(row["ms_per_step"] / cheapest if cheapest > 0 else 1.0)
        if 0 < row["steps_to_target"] < np.inf:
            steps = f"{number(row['steps_to_target'])} step{'s' * (row['steps_to_target'] != 1)}"
            words = f"{_name(evidence, row)}: {steps} to {target_name(row['metric'], row['target'])}"
            facts.append(Fact(words, int(row["setting"])))
    of, lead = "pair", ""
    if not times:  # its runs shared their clock in lanes; the optimizer may have been timed elsewhere
        times, ratios = _alone(evidence, own)
        of, lead = "optimizer", f"{own['optimizer'].iloc[0]} timed alone: "
    if times:
        low, high = number(min(times)), number(max(times))
        versus = f", up to {max(ratios):.2g} times the cheapest {of}" if max(ratios) >= 1.05 else f", the cheapest {of}"
        facts.insert(0, Fact(f"{lead}{low if low == high else f'{low} to {high}'} ms a step{versus}"))
    return facts


def _alone(evidence: Evidence, own: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Milliseconds of a step of the pair's optimizer in runs that went one by one, whatever their rate and schedule.

    One a setting that has such runs, with the ratio to the cheapest optimizer there.
    """
    runs = evidence.results
    runs = runs[(runs["engine"] == "single") & (runs["steps_done"] > 0) & runs["wall_s"].notna()]
    keys = [*metrics.SETTING, "optimizer"]
    ms = (1e3 * runs["wall_s"] / runs["steps_done"]).groupby([runs[key] for key in keys], observed=True).median()
    times, ratios = [], []
    for row in own.to_dict("records"):
        setting = tuple(row[key] for key in metrics.SETTING)
        if (*setting, row["optimizer"]) in ms.index:
            times.append(float(ms[(*setting, row["optimizer"])]))
            ratios.append(times[-1] / float(ms[setting].min()))
    return times, ratios


def _name(evidence: Evidence, row: dict[Hashable, Any]) -> str:
    return evidence.settings[tuple(row[key] for key in metrics.SETTING)]


def _fails(evidence: Evidence, own: pd.DataFrame) -> list[Fact]:
    """Settings in which it lost runs, missed the target that others met, or came out worse by a test."""
    facts = []
    for row in own.to_dict("records"):
        parts = []
        lost = int(row["diverged"] + row["errors"])
        if lost:
            parts.append(f"{lost} of {int(row['runs'])} runs diverged or failed")
        if row["rank"] > 1:
            here = evidence.table[evidence.table["setting"] == row["setting"]]
            parts.append(f"worse than {here.loc[here['rank'] == 1, 'competitor'].iloc[0]} by a test")
        if row["success_rate"] < 0.5:
            met = evidence.table.loc[evidence.table["setting"] == row["setting"], "success_rate"].max()
            target = target_name(row["metric"], row["target"])
            if met > row["success_rate"]:
                others = f"the best pair did in {_percent(met)}"
            else:
                others = "nobody did better" if met else "nobody met it"
            parts.append(f"met {target} in {_percent(row['success_rate'])} of runs; {others}")
        if parts:
            facts.append(Fact(f"{_name(evidence, row)}: {'; '.join(parts)}", int(row["setting"])))
    return facts
