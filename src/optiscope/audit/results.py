"""Rules about what is compared: seeds, misses, baselines, help that nobody asked for. Imports metrics and pandas."""

from __future__ import annotations

from collections.abc import Iterator

from .. import metrics
from ..metrics.significance import distinct_seeds
from .record import Finding, Record, Setting, breach, class_of, some

ALPHA = 0.05
BASELINES = {"SGD": "torch.optim.SGD", "AdamW": "torch.optim.AdamW"}


def enough_seeds(record: Record) -> Iterator[Finding]:
    """There are seeds enough for a test to tell anybody apart, and they are no copies of each other.

    A report ranks by these tests and calls all else a tie (`metrics.tied_ranks`), so what it claims is shown; where no
    outcome of any test could show a thing, it claims nothing, and this says so.
    """
    for one in record.settings:
        counts = one.shown.groupby("cell")["seed"].nunique()
        if len(counts) > 1 and counts.max() == 1:
            do = f"run {metrics.least_seeds(len(counts))} seeds or more: with fewer no test can show a difference"
            yield breach("warn", one, "one seed: no spread is known, and a difference may be chance", one.shown, do)
        elif _copies(one):
            text = f"all {counts.max()} seeds end alike: they are copies of one run, and the search's too"
            yield breach("warn", one, text, one.shown, 'start = "random", or noise, gives seeds something to change')
        elif len(counts) > 1 and metrics.choose_test(int(counts.max()), len(counts), ALPHA) == "none":
            yield _blind(one, int(counts.max()), len(counts))


def misses(record: Record) -> Iterator[Finding]:
    """Nothing was dropped: every cell has every seed, and every end is a loss or says why not."""
    for one in record.settings:
        wanted = set(one.shown["seed"])
        lacking = {cell: len(wanted - set(own)) for cell, own in one.shown.groupby("cell")["seed"]}
        lacking = {cell: count for cell, count in lacking.items() if count}
        if lacking:
            text = f"{sum(lacking.values())} run(s) are missing of seeds that others have: a miss must be seen"
            yield breach("fail", one, text, lacking, "run every cell on every seed; resume the study")
        ended = one.results["status"] == "max_steps"
        unknown = one.results[ended & one.results["loss_final"].isna()]
        if len(unknown):
            text = "runs ended without a loss and are not called diverged"
            yield breach("fail", one, text, unknown, "run them again: a loss that is no number is a divergence")
        short = one.results[ended & (one.results["steps_done"] < one.results["steps"])]
        if len(short):
            text = "runs stopped before their last step without saying why"
            yield breach("fail", one, text, short, "run them again to the end")
    yield from _holes(record)


def baseline(record: Record) -> Iterator[Finding]:
    """SGD and AdamW, the two that everybody knows, are in every setting where optimizers are compared."""
    for one in record.settings:
        if one.rates["optimizer"].nunique() < 2:
            continue
        there = {class_of(str(name)) for name in one.rates["optimizer"].unique()}
        lacking = [name for name, path in BASELINES.items() if path not in there]
        if lacking:
            level = "fail" if len(lacking) == len(BASELINES) else "warn"
            text = f"no {' and no '.join(lacking)} to compare with"
            yield breach(level, one, text, lacking, f"add {' and '.join(lacking)} under the same search")


def clipping(record: Record) -> Iterator[Finding]:
    """No gradient was clipped; or all of a setting were, and it is said."""
    for one in record.settings:
        told = one.results["events"].fillna("").str.contains("gradients are clipped", regex=False)
        own = one.results["hyperparameters"].fillna("").str.contains("clip", case=False, regex=False)
        clipped = one.results[told | own]
        if clipped.empty:
            continue
        if len(clipped) < len(one.results):
            text = "some gradients were clipped, others not: it is no longer the optimizers that are compared"
            yield breach("fail", one, text, clipped, "clip all of a setting or none")
        else:
            text = "gradients were clipped: what is compared is each optimizer with its clipping"
            yield breach("warn", one, text, clipped, "say so beside the figures, and show the same without clipping")


def _blind(one: Setting, seeds: int, competitors: int) -> Finding:
    """No gap can be claimed; the first two are named, who would be put one above the other."""
    ranked = metrics.median_costs(metrics.costs(one.shown.drop(columns="cell"))).sort_values("cost", kind="stable")
    text = f"no test on {seeds} seeds can tell any of {competitors} apart: all share the first place"
    do = f"run {metrics.least_seeds(competitors)} seeds or more, or claim no difference"
    apart = ranked["cost"].iloc[0] < ranked["cost"].iloc[1]
    return breach("fail" if apart else "warn", one, text, ranked["competitor"].astype(str)[:2].tolist(), do, 2 * seeds)


def _copies(one: Setting) -> bool:
    """Whether every cell ends alike on every seed."""
    if one.shown["seed"].nunique() < 2:
        return False
    table = one.shown.pivot_table(index="cell", columns="seed", values="loss_final", aggfunc="first", dropna=False)
    return distinct_seeds(table.to_numpy(float)).shape[1] == 1


def _holes(record: Record) -> Iterator[Finding]:
    """Pairs of an optimizer and a schedule of a problem that were not run."""
    shown = record.runs[record.runs["purpose"] == "result"]
    if shown.empty:
        return
    for problem, own in shown.groupby("problem", sort=True):
        every = {f"{a} + {b}" for a in own["optimizer"].unique() for b in own["schedule"].unique()}
        lacking = sorted(every - set(own["cell"]))
        if lacking:
            text = f"{len(lacking)} of {len(every)} pairs of optimizer and schedule were not run: {some(lacking)}"
            do = "run them as well, or compare optimizers under one schedule at a time"
            yield breach("warn", str(problem), text, lacking, do)
