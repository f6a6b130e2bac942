"""The recommendation in plain words: what to use, how sure that is, what it costs, where it fails. Imports metrics.

Who leads has the least interquartile mean of the shortfall: the share of the way from the start to the last target that
the middle half of its runs left undone, over all settings in which the same competitors met. How sure that is, is read
off the chance of each other one to beat it on a run: whoever's interval reaches one half is not told apart. Where seeds
are so few that no test in any setting could tell two apart, only ranks over the settings can.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
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
BLIND = (
    "With so few seeds no test could tell any two apart in any setting, and there are too few settings for their ranks "
    "to do it."
)


@dataclass(frozen=True)
class Fact:
    """A figure of a verdict and the words around it; `runs` says which rows of the page's runs stand behind it.

    Each of `runs` maps columns to a value or a list of them, and `part` to a number of `Evidence.parts`.
    """

    words: str
    runs: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Recommendation:
    """What a page says first, of one group of settings."""

    kind: str
    optimizer: str
    schedule: str
    level: int
    sentences: tuple[Fact, ...]
    pairs: int
    rivals: tuple[str, ...]
    cost: tuple[Fact, ...]
    fails: tuple[Fact, ...]
    default: Fact = Fact("")  # what needs no search, in a sentence
    part: int = 0  # its group's number
    blind: bool = False  # nothing could have told it from the others

    @property
    def summary(self) -> str:
        """The sentences as one text."""
        return "".join(one.words for one in self.sentences)

    @property
    def untuned(self) -> str:
        """What needs no search, in a sentence; empty where nobody ran without one."""
        return self.default.words

    @property
    def confidence(self) -> str:
        """The level as a word."""
        return CONFIDENCE[self.level][0]

    @property
    def reason(self) -> str:
        """What the level means."""
        if self.pairs < 2:
            return "Nothing else ran under the same conditions."
        return BLIND if self.blind else CONFIDENCE[self.level][1]


def recommendations(evidence: Evidence) -> list[Recommendation]:
    """One for each group that has a competitor whose middle runs did not all fail."""
    groups = enumerate(evidence.groups)
    return [_of(evidence, i, group) for i, group in groups if np.isfinite(group.ranking["iqm"].iloc[0])]


def _of(evidence: Evidence, number_of: int, group: Group) -> Recommendation:
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
    blind = level < 3 and not _could_tell(group)
    level = 0 if blind else level
    own = evidence.table[evidence.table["competitor"] == first["competitor"]]
    inside = evidence.setting_of(group.costs)
    own = own[own["setting"].isin(inside)]
    return Recommendation(
        group.name, str(first["optimizer"]), str(first["schedule"]), level if len(others) else 0,
        (*_summary(group, number_of, first, others), *_against(number_of, first, others)), len(table), rivals,
        tuple(_costs(evidence, number_of, own)), tuple(_fails(evidence, own)), _untuned(evidence, number_of),
        number_of, blind,
    )  # fmt: skip


def _could_tell(group: Group) -> bool:
    """Whether a test on the seeds of some setting could be significant, corrected for so many competitors."""
    seeds = group.costs.groupby(list(metrics.SETTING), observed=True)["seed"].nunique()
    return any(metrics.choose_test(int(n), len(group.ranking)) != "none" for n in seeds)


def _summary(group: Group, number_of: int, first: pd.Series, others: pd.DataFrame) -> list[Fact]:
    where = f"{group.settings} setting{'s' * (group.settings != 1)}"
    missing = f" (of {group.of}; the others had other competitors)" if group.of > group.settings else ""
    everybody = ({"part": number_of},)
    if others.empty:
        return [Fact(f"The only pair that ran, on {where}{missing}", everybody), Fact(".")]
    second = others.iloc[0]
    seeds = group.costs["seed"].nunique()
    told = f"Best of {len(others) + 1} pairs on {where}{missing}, at {seeds} seed{'s' * (seeds != 1)}"
    return [
        Fact(told, everybody),
        Fact(": "),
        Fact(f"its middle runs left {_share(first)} of the way to the last target undone", _of_pair(number_of, first)),
        Fact("; "),
        Fact(f"{second['competitor']} left {_share(second)}", _of_pair(number_of, second)),
        Fact("."),
    ]


def _of_pair(number_of: int, *rows: pd.Series) -> tuple[Mapping[str, Any], ...]:
    return ({"part": number_of, "competitor": [str(row["competitor"]) for row in rows]},)


def _against(number_of: int, first: pd.Series, others: pd.DataFrame) -> list[Fact]:
    """Who wins most of its runs against the first all the same: another measure, another order."""
    ahead = others[others["beats_low"] > 0.5]
    if ahead.empty:
        return []
    most = ahead.loc[ahead["beats_probability"].idxmax()]
    more = f", and {len(ahead) - 1} more win most of theirs" if len(ahead) > 1 else ""
    won = f"it wins {_percent(most['beats_probability'])} of them"
    ranks = f"its mean rank is {number(round(float(most['rank']), 1))}, not {number(round(float(first['rank']), 1))}"
    both = _of_pair(number_of, first, most)
    rest = ahead[ahead["competitor"] != most["competitor"]]
    return [
        Fact(f" Yet run against run {most['competitor']} is ahead: "), Fact(won, both),
        Fact(more, _of_pair(number_of, *(row for _, row in rest.iterrows()))), Fact("; "), Fact(ranks, both), Fact("."),
    ]  # fmt: skip


def _untuned(evidence: Evidence, number_of: int) -> Fact:
    rows = evidence.untuned[evidence.untuned["group"] == number_of]
    if rows.empty:
        return Fact("")
    best = rows.iloc[0]
    return Fact(
        f"Without any search: {best['optimizer']} at its default, constant rate left {_share(best)}, the least of "
        f"{len(rows)} optimizers.",
        ({"settings": number_of, "untuned": 1, "optimizer": str(best["optimizer"])},),
    )


def _share(row: pd.Series) -> str:
    if not np.isfinite(row["iqm"]):
        return "all (they failed)"
    known = bool(np.isfinite([row["low"], row["high"]]).all())
    return _percent(row["iqm"]) + (f" ({_percent(row['low'])} to {_percent(row['high'])})" if known else "")


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _costs(evidence: Evidence, number_of: int, own: pd.DataFrame) -> list[Fact]:
    """Time a step where runs were timed, memory where it is known; and steps to the hardest target that anybody met."""
    facts, times, ratios = [], [], []
    pair = _of_pair(number_of, own.iloc[0])
    here = evidence.memory[evidence.memory["setting"].isin(own["setting"])]
    shares = here.loc[here["optimizer"].isin(own["optimizer"]), "state_share"]
    if len(shares):
        share = float(shares.median())
        words = f"a state of {share:.2g} times the parameters' own bytes" if share else "no state beside the parameters"
        facts.append(Fact(words, pair))
    for row in own.to_dict("records"):
        here = evidence.table[evidence.table["setting"] == row["setting"]]
        if row["engine"] == "single" and np.isfinite(row["ms_per_step"]):
            times.append(row["ms_per_step"])
            cheapest = here.loc[here["engine"] == "single", "ms_per_step"].min()
            ratios.append(row["ms_per_step"] / cheapest if cheapest > 0 else 1.0)
        if 0 < row["steps_to_target"] < np.inf:
            steps = f"{number(row['steps_to_target'])} step{'s' * (row['steps_to_target'] != 1)}"
            words = f"{_name(evidence, row)}: {steps} to {target_name(row['metric'], row['target'])}"
            facts.append(Fact(words, _at(row)))
    of, lead = "pair", ""
    timed = pair
    if not times:  # its runs shared their clock in lanes; the optimizer may have been timed elsewhere
        times, ratios = _alone(evidence, own)
        of, lead = "optimizer", f"{own['optimizer'].iloc[0]} timed alone: "
        alone = {"optimizer": str(own["optimizer"].iloc[0]), "engine": "single", "purpose": "result"}
        timed = ({"settings": number_of, **alone},)
    if times:
        low, high = number(min(times)), number(max(times))
        versus = f", up to {max(ratios):.2g} times the cheapest {of}" if max(ratios) >= 1.05 else f", the cheapest {of}"
        facts.insert(0, Fact(f"{lead}{low if low == high else f'{low} to {high}'} ms a step{versus}", timed))
    return facts


def _at(row: Mapping[Hashable, Any]) -> tuple[Mapping[str, Any], ...]:
    """The runs of a pair in one setting, at the rate that is shown."""
    return ({"setting": int(row["setting"]), "competitor": str(row["competitor"]), "shown": 1},)


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


def _name(evidence: Evidence, row: Mapping[Hashable, Any]) -> str:
    return evidence.settings[tuple(row[key] for key in metrics.SETTING)]


def _fails(evidence: Evidence, own: pd.DataFrame) -> list[Fact]:
    """Settings in which it lost runs, missed the target that others met, or came out worse by a test."""
    facts = []
    for row in own.to_dict("records"):
        parts, runs = [], _at(row)
        here = evidence.table[evidence.table["setting"] == row["setting"]]
        lost = int(row["diverged"] + row["errors"])
        if lost:
            parts.append(f"{lost} of {int(row['runs'])} runs diverged or failed")
        if row["rank"] > 1:
            better = here[here["rank"] == 1].iloc[0]
            parts.append(f"worse than {better['competitor']} by a test")
            runs += _at(better.to_dict())
        if row["success_rate"] < 0.5:
            met = here["success_rate"].max()
            target = target_name(row["metric"], row["target"])
            if met > row["success_rate"]:
                others = f"the best pair did in {_percent(met)}"
            else:
                others = "nobody did better" if met else "nobody met it"
            parts.append(f"met {target} in {_percent(row['success_rate'])} of runs; {others}")
        if parts:
            facts.append(Fact(f"{_name(evidence, row)}: {'; '.join(parts)}", runs))
    return facts
