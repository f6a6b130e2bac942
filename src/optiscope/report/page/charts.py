"""The frames that a page draws: what `metrics` says of the evidence, cut to what a reader can see. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from ... import metrics
from ...errors import InputError
from ...metrics.cells import group_codes
from ...render.bands import LOST, lined_up, quantile
from ..schedules import one_of_each_schedule
from .evidence import Evidence
from .extras import momenta

BAND_POINTS = 120
BAND_ROWS = 150_000
SCHEDULE_POINTS = 400  # a stair keeps its edge
BUDGETS = 30
POINTS = 80
BAND_COLUMNS = ("step", "low", "mid", "high")
RATE = ("setting", "optimizer", "schedule", "lr")


def chart_frames(
    evidence: Evidence, names: Sequence[str] | None = None
) -> tuple[dict[str, pd.DataFrame], dict[str, str]]:
    """The frames by name, all or those asked for, and for those that cannot be made the reason in a sentence.

    Each is made once of the same evidence.
    """
    makers: dict[str, Callable[[Evidence], pd.DataFrame]] = {
        "board": _board, "overall": _overall, "winners": _winners, "rates": _rates, "robustness": _robustness,
        "gains": _gains, "median_gains": _median_gains, "budget": _budget, "profile": _profile, "ecdf": _ecdf,
        "wins": _wins,
        "variance": _variance, "bands": _bands, "schedules": _schedules, "momenta": _momenta,
        "untuned": lambda own: own.untuned,
    }  # fmt: skip
    frames, missing = {}, {}
    for name in makers if names is None else names:
        if name not in evidence.charts:
            try:
                evidence.charts[name] = makers[name](evidence), ""
            except InputError as error:
                # What a statistic cannot be taken of, it says itself; the reader is told in the section's place.
                evidence.charts[name] = pd.DataFrame(), str(error)
        frames[name], reason = evidence.charts[name]
        if reason:
            missing[name] = reason
    return frames, missing


def _board(evidence: Evidence) -> pd.DataFrame:
    """The comparison, one row a setting and pair, with its place."""
    table = evidence.table
    if table.empty:
        return table
    judged = evidence.costs.drop_duplicates(list(metrics.SETTING))[[*metrics.SETTING, "judged_by"]]
    table = table.merge(judged, on=list(metrics.SETTING), how="left")
    floor = table["loss_floor"].fillna(0.0)
    accuracy = (table["judged_by"] == "error").to_numpy(bool)
    for name, loss, share in (("final", "", ""), ("low", "_q25", "_q25"), ("high", "_q75", "_q75")):
        gap = table[f"loss_final{loss}"].astype(float) - floor
        table[name] = gap.mask(accuracy, table[f"accuracy_final{share}"].astype(float))
    table["lost"] = table["diverged"] + table["errors"]
    alone = table["engine"] == "single"
    table["wall_s"], table["ms_per_step"] = table["wall_s"].where(alone), table["ms_per_step"].where(alone)
    table = table.merge(evidence.memory, on=["setting", "optimizer"], how="left")
    wanted = (
        "setting", "optimizer", "schedule", "lr", "edge", "chosen_on", "trials", "seeds", "runs", "rank", "tied",
        "test", "detectable", "unit", "judged_by", "final", "low", "high", "metric", "target", "success_rate", "ert",
        "steps_to_target", "lost", "ended", "wall_s", "ms_per_step", "state_bytes", "state_share",
    )  # fmt: skip
    return table[[name for name in wanted if name in table]].sort_values(
        ["setting", "rank"], kind="stable", ignore_index=True
    )


def _overall(evidence: Evidence) -> pd.DataFrame:
    """The ranking of each group and of each part of one, by the number of the part."""
    parts = []
    for i, group in enumerate(evidence.parts.groups):
        inside = evidence.table[evidence.table["setting"].isin(evidence.setting_of(group.costs))]
        inside = inside[inside["competitor"].isin(group.ranking["competitor"])]
        own = inside.groupby("competitor")
        alone = inside.where(inside["engine"] == "single")
        extra = pd.DataFrame(
            {"ms_per_step": alone.groupby("competitor")["ms_per_step"].median(), "success": own["success_rate"].mean()}
        )
        here = evidence.memory[evidence.memory["setting"].isin(inside["setting"])]
        extra["state_share"] = own["optimizer"].first().map(here.groupby("optimizer")["state_share"].median())
        parts.append(group.ranking.join(extra, on="competitor").assign(part=i))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _winners(evidence: Evidence) -> pd.DataFrame:
    """Who won each setting, the test that places rest on there, and what its seeds could have shown."""
    if evidence.table.empty:
        return pd.DataFrame()
    won = metrics.ranking(evidence.table)
    won = won.assign(setting=evidence.setting_of(won), optimizer=won["winner"])
    return won[
        ["setting", "optimizer", "schedule", "lr", "judged_by", "final", "seeds", "competitors", "tied", "solved",
         "runner_up", "runner_up_final", "test", "detectable", "unit"]
    ].sort_values("setting", ignore_index=True)  # fmt: skip


def _rates(evidence: Evidence) -> pd.DataFrame:
    curves = metrics.lr_curves(evidence.runs.drop(columns="competitor"))
    curves = curves.assign(setting=evidence.setting_of(curves))
    curves = curves[curves["setting"] >= 0]
    many = curves.groupby(["setting", "optimizer", "schedule"])["lr"].transform("size") > 1
    return curves.loc[many, [*RATE, "judged_by", "cost", "low", "high", "runs", "lost", "purpose"]]


def _robustness(evidence: Evidence) -> pd.DataFrame:
    curves = _rates(evidence)
    return metrics.lr_robustness(curves, by=RATE[:3]) if len(curves) else curves


def _gains(evidence: Evidence) -> pd.DataFrame:
    gains = metrics.schedule_gains(evidence.costs)
    return gains.assign(setting=evidence.setting_of(gains))[
        ["setting", "optimizer", "schedule", "cost", "cost_constant", "gain"]
    ]


def _median_gains(evidence: Evidence) -> pd.DataFrame:
    return metrics.median_gains(metrics.schedule_gains(evidence.costs))


def _budget(evidence: Evidence) -> pd.DataFrame:
    trials = metrics.trials(evidence.runs.drop(columns="competitor"))
    if trials.empty:
        return trials
    trials = trials.assign(setting=evidence.setting_of(trials))
    trials = trials[trials["setting"] >= 0]
    most = int(trials.groupby(list(RATE[:3])).size().max()) if len(trials) else 0
    if most < 2:
        return pd.DataFrame()
    ks = sorted({round(k) for k in np.geomspace(1, most, BUDGETS)})
    best = metrics.expected_best(trials, ks, by=RATE[:3], resamples=400)
    return best[[*RATE[:3], "k", "trials", "median", "median_low", "median_high"]]


def _profile(evidence: Evidence) -> pd.DataFrame:
    return _by_group(evidence, lambda hits: metrics.performance_profile(hits, points=POINTS))


def _ecdf(evidence: Evidence) -> pd.DataFrame:
    return _by_group(evidence, lambda hits: metrics.target_ecdf(hits, points=POINTS))


def _by_group(evidence: Evidence, curve: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    hits, parts = evidence.hits, []
    here = evidence.setting_of(hits) if len(hits) else np.empty(0)
    for i, group in enumerate(evidence.groups):
        inside = np.isin(here, evidence.setting_of(group.costs)) & hits["competitor"].isin(group.ranking["competitor"])
        if inside.any():
            names = group.ranking[["competitor", "optimizer", "schedule"]]
            parts.append(curve(hits[inside]).merge(names, on="competitor").drop(columns="competitor").assign(group=i))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _wins(evidence: Evidence) -> pd.DataFrame:
    parts = [metrics.win_rates(group.costs).assign(group=i) for i, group in enumerate(evidence.groups)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _variance(evidence: Evidence) -> pd.DataFrame:
    """What explains the order of runs within a problem: of the results at their own rates, and of the search."""
    parts = []
    search = evidence.runs[evidence.runs["purpose"] == "tuning"].drop(columns="competitor")
    searched = metrics.costs(search) if len(search) else search
    for i, group in enumerate(evidence.groups):
        factors = ("problem", "optimizer", "schedule", "seed")
        parts.append(_shares(group.costs, factors).assign(group=i, of="results, each at its own rate"))
        own = searched[searched["problem"].isin(group.costs["problem"])] if len(searched) else searched
        # An extended grid has rates of its own for each problem: only those that all have in common may stay.
        if len(own) and own["lr"].nunique() > 1:
            try:
                parts.append(_shares(own, (*factors, "lr")).assign(group=i, of="the search, over all rates"))
            except InputError:
                continue  # no grid: a random search has no levels in common
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _shares(costs: pd.DataFrame, factors: tuple[str, ...]) -> pd.DataFrame:
    return metrics.variance_shares(costs, factors, within=("problem",))[["effect", "share", "total"]]


def _bands(evidence: Evidence) -> pd.DataFrame:
    """Median and quartiles over seeds by step, of the gap or loss and of each metric, one line a setting and pair."""
    trace, parts = evidence.trace, []
    if trace.empty:
        return pd.DataFrame()
    plain = {"run_id", "step", "lr_t", "grad_norm", "update_norm", "x0", "x1", "x2"}
    measured = [name for name in trace.columns if name not in plain and not name.startswith("lr_group")]
    shown = evidence.shown.assign(setting=evidence.setting_of(evidence.shown))
    lines = len(shown.groupby(["setting", "optimizer", "schedule"])) * len(measured)
    most = int(np.clip(BAND_ROWS // max(lines, 1), 30, BAND_POINTS))
    # Plain columns, each run's rows side by side: thousands of lines are cut out of them.
    codes, ids = pd.factorize(trace["run_id"])
    order = np.argsort(codes, kind="stable")
    own_rows = np.split(np.arange(len(codes)), np.cumsum(np.bincount(codes, minlength=len(ids)))[:-1])
    every = trace["step"].to_numpy(float)[order]
    columns = {name: trace[name].to_numpy(float)[order] for name in measured}
    place = pd.Index(ids).get_indexer(pd.Index(shown["run_id"]))
    lost = shown["status"].astype(str).isin(LOST).to_numpy(bool)
    floors = shown["loss_floor"].to_numpy(float)
    line, keys = group_codes(shown, ["setting", "optimizer", "schedule"])
    for key, members in zip(keys.itertuples(index=False, name=None), _members(line, len(keys)), strict=True):
        runs = place[members]
        # Who has no trace is a run all the same: a lost one counts.
        rows = [own_rows[run] if run >= 0 else np.empty(0, np.intp) for run in runs]
        who = np.repeat(np.arange(len(runs)), [len(own) for own in rows])
        taken = np.concatenate(rows)
        for name, column in columns.items():
            values = column[taken]
            # A metric is measured now and then; a loss that is no number is news.
            there = slice(None) if name == "loss" else ~np.isnan(values)
            if np.isnan(values).all():
                continue
            steps, lines = lined_up(who[there], every[taken][there], values[there], lost[members], loss=name == "loss")
            if name == "loss":
                floor = floors[members]
                lines = lines - (np.nanmin(floor) if not np.isnan(floor).all() else 0.0)
            kept = spread(len(steps), most)
            levels = [quantile(lines, share)[kept] for share in (0.25, 0.5, 0.75)]
            parts.append((np.stack([steps[kept], *levels]), (*key, name)))
    if not parts:
        return pd.DataFrame()
    whole = pd.DataFrame(np.concatenate([numbers for numbers, _ in parts], axis=1).T, columns=list(BAND_COLUMNS))
    many = [numbers.shape[1] for numbers, _ in parts]
    for i, name in enumerate(("setting", "optimizer", "schedule", "metric")):
        whole[name] = np.repeat(np.array([key[i] for _, key in parts], dtype=object), many)
    return whole.astype({"setting": np.int64})


def _members(codes: np.ndarray, groups: int) -> list[np.ndarray]:
    """The rows of each group, in order."""
    return np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes, minlength=groups))[:-1])


def spread(count: int, most: int = BAND_POINTS) -> np.ndarray:
    """Places of at most `most` rows out of `count`: the first ones close together, and the last."""
    if count <= most:
        return np.arange(count)
    near = np.geomspace(1, count, most // 2)
    even = np.linspace(0, count - 1, most // 2)
    return np.unique(np.concatenate([near - 1, even]).round().astype(np.intp).clip(0, count - 1))


def _schedules(evidence: Evidence) -> pd.DataFrame:
    trace = evidence.trace
    if trace.empty or not len(evidence.shown):
        return pd.DataFrame()
    return _thinned(one_of_each_schedule(evidence.shown, trace))


def _momenta(evidence: Evidence) -> pd.DataFrame:
    return _thinned(momenta(evidence))


def _thinned(curves: pd.DataFrame) -> pd.DataFrame:
    kept = [part.iloc[spread(len(part), SCHEDULE_POINTS)] for _, part in curves.groupby("schedule", sort=False)]
    return pd.concat(kept, ignore_index=True) if kept else curves
