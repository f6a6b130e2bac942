"""Whether one run converges later than another: a paired test over seeds. Imports pandas and NumPy.

Where the seeds cannot tell, the verdict says so.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from .cells import KEY, require
from .rates import shown_rates
from .significance import holm, signed_rank_p, smallest_detectable, spread_of
from .targets import difficulty, steps_to_target, targets_for

CELL = ["problem", "optimizer", "schedule", "horizon"]
CONVERGENCE_COLUMNS = (
    *CELL, "a_lr", "b_lr", "metric", "target", "seeds", "a_median", "b_median", "ratio", "detectable", "p", "p_holm",
    "verdict",
)  # fmt: skip


def paired_steps(runs: pd.DataFrame, trace: pd.DataFrame | None) -> pd.DataFrame:
    """Steps to each target of a study's results at `shown_rates`, one row a cell, target and seed, for the verdicts."""
    results = runs[runs["purpose"] == "result"]
    shown = results.merge(shown_rates(runs)[[*KEY, "lr"]], on=[*KEY, "lr"])
    hits = steps_to_target(shown, trace, targets_for(results))
    horizon, rates = (dict(zip(shown["run_id"], shown[name], strict=True)) for name in ("steps", "lr"))
    frame = hits.assign(horizon=hits["run_id"].map(horizon), lr=hits["run_id"].map(rates), steps=hits["step"])
    return frame[[*CELL, "lr", "metric", "target", "seed", "steps"]]


def convergence_verdicts(a: pd.DataFrame, b: pd.DataFrame, *, alpha: float = 0.05) -> pd.DataFrame:
    """Each cell that both frames hold, by the seeds that both have, at the hardest target that most of either met.

    `ratio` is the median over seeds of B's steps over A's; a miss is infinite, and two misses are equal. `p` is that of
    Wilcoxon's signed-rank test, exact, two-sided, on the logarithms; `p_holm` is corrected for the number of cells
    (Holm 1979). `later` and `sooner` need `p_holm` < alpha; all else is `indistinguishable`, or, where so few seeds
    differ that no outcome could pass the first step of the correction, `too few seeds`. `detectable` is the factor that
    so many seeds, scattering as they do, show with a power of 0.8 at that step. Each side ran at its own tuned rate.

    Returns:
        `CONVERGENCE_COLUMNS`, worst first. Raises InputError for a frame without its columns.
    """
    for frame in (a, b):
        require(frame, (*CELL, "lr", "metric", "target", "seed", "steps"), "convergence")
    both = a.merge(b, on=[*CELL, "metric", "target", "seed"], suffixes=("_a", "_b"))
    rows, cells = [], both.groupby(CELL, sort=True)
    first_step = alpha / max(1, cells.ngroups)
    for cell, levels in cells:
        target = _hardest(levels)
        one, other = (np.maximum(target[f"steps_{side}"].to_numpy(float), 1.0) for side in "ab")
        # Two misses are no difference: inf - inf would be none, too, but not a number.
        with np.errstate(invalid="ignore"):
            logs = np.where(np.isinf(one) & np.isinf(other), 0.0, np.log(other) - np.log(one))
        middle = np.sort(logs)[(len(logs) - 1) // 2 : len(logs) // 2 + 1]
        ratio = float(np.exp(middle.mean())) if np.isfinite(middle).all() else float(np.exp(middle[-1]))
        a_median, b_median = (float(np.quantile(steps, 0.5, method="higher")) for steps in (one, other))
        first = target.iloc[0]
        detectable = float(np.exp(smallest_detectable(spread_of(logs), len(logs), first_step)))
        rows.append((*cell, first["lr_a"], first["lr_b"], first["metric"], first["target"], len(target), a_median,
                     b_median, ratio, detectable, float(signed_rank_p(logs, exact=len(logs))),
                     int((logs != 0).sum())))  # fmt: skip
    table = pd.DataFrame(rows, columns=[*CONVERGENCE_COLUMNS[:-2], "differing"])
    table["p_holm"] = holm(table["p"].to_numpy(float))
    able = 2.0 ** (1 - table["differing"].to_numpy(float)) < first_step
    told = np.where(table["ratio"] > 1, "later", "sooner")
    quiet = np.where(able | (table["differing"] == 0), "indistinguishable", "too few seeds")
    table["verdict"] = np.where((table["p_holm"] < alpha) & (table["ratio"] != 1), told, quiet)
    return table[list(CONVERGENCE_COLUMNS)].sort_values("ratio", ascending=False, ignore_index=True)


def _hardest(levels: pd.DataFrame) -> pd.DataFrame:
    """The rows of the hardest target that more than half of the seeds of a side met; else of the easiest."""
    ranked = levels.assign(level=difficulty(levels)).sort_values("level")
    groups = [rows for _, rows in ranked.groupby("level", sort=True)]
    # The same rule as for medians: where just half of the seeds missed, the median is infinite.
    met = [rows for rows in groups if max(np.isfinite(rows[f"steps_{side}"]).mean() for side in "ab") > 0.5]
    return (met or groups[:1])[-1]
