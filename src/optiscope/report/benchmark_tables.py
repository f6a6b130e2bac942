"""The rows of a saved benchmark run as tables to be read: readable columns, fastest first. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..metrics import number, to_markdown
from ..timings import SavedRun

COLUMNS = (
    "ms: median of the rounds, each a block of steps. ±: half the interquartile range, as a share of the median. ns: a "
    "parameter. GB/s: the bytes that the algorithm must move, over the time. of a copy, of an update: those over "
    "what b = a and a += b of as many bytes reached right before and after. On a processor a copy first fetches the "
    "lines that it overwrites, and so moves three bytes for the two that are counted: a step, which overwrites what it "
    "has read, is expected up to 150% of it there, and the update, which does so too, is the closer measure. More than "
    "that, and more than 100% of an update, means that memory gave more while the step was timed than before and "
    "after; more than the best of both kernels in the whole run is an error. state B, peak B: "
    "bytes a parameter, of the optimizer's state and of the most that it held beyond parameters and gradients, in a "
    "process of its own. launches: calls to CUDA that launch a kernel, as torch's profiler counts them, of one step. "
    "events: the time of the same blocks by CUDA's events. compile: the first step, which compiles. –: not measured."
)


def rows_of(run: SavedRun, group: str) -> pd.DataFrame:
    """The rows of one suite; of the step suite with `where`, the set, device and precision in words."""
    rows = run.frame(group)
    if group == "step" and len(rows):
        rows = rows[rows["ns_per_parameter"].notna()] if "ns_per_parameter" in rows else rows.iloc[:0]
        where = [
            # A benchmark that failed has none of these, and so the columns are floats.
            f"{name}, {count:,.0f} parameters in {tensors:.0f} tensor{'s' if tensors > 1 else ''}, {device}, {dtype}"
            for name, count, tensors, device, dtype in
            zip(rows["set"], rows["parameters"], rows["tensors"], rows["device"], rows["dtype"], strict=True)
        ]  # fmt: skip
        rows = rows.assign(where=where)
    return rows


def step_table(rows: pd.DataFrame) -> pd.DataFrame:
    """The step suite's rows with readable columns, fastest first."""
    rows = rows.sort_values("median_s")
    if "peak_bytes_per_parameter" in rows:  # of older files: what the heap had left over was not counted
        possible = rows["peak_bytes_per_parameter"] >= rows["state_bytes_per_parameter"]
        rows = rows.assign(peak_bytes_per_parameter=rows["peak_bytes_per_parameter"].where(possible))

    def column(name: str, scale: float = 1.0) -> pd.Series:
        return rows[name].astype(float) * scale if name in rows else pd.Series(np.nan, rows.index)

    shown = pd.DataFrame(
        {
            "Optimizer": rows["optimizer"], "Implementation": rows["implementation"], "ms": 1e3 * rows["median_s"],
            "±": _spreads(rows),
            "ns": column("ns_per_parameter"), "GB/s": column("gb_per_s"),
            "of a copy": [_percent(share) for share in column("share_of_copy")],
            "of an update": [_percent(share) for share in column("share_of_update")],
            "state B": column("state_bytes_per_parameter"), "peak B": column("peak_bytes_per_parameter"),
            "launches": column("kernel_launches"), "events ms": column("event_s", 1e3),
            "compile s": column("compile_s"),
        }
    )  # fmt: skip
    empty = [name for name in ("launches", "events ms", "compile s", "peak B") if shown[name].isna().all()]
    return shown.drop(columns=empty)


def short_table(run: SavedRun) -> str:
    """The few rows of the README: the largest set that the step suite has in float32 on one device, in Markdown."""
    steps = rows_of(run, "step")
    steps = steps[(steps["dtype"] == "float32") & (steps["implementation"] != "compile")]
    untrimmed = steps[(steps["divisor"] == 1) & (steps["tensors"] > 10) & (steps["parameters"] > 1e6)]
    rows = untrimmed[untrimmed["device"] == untrimmed["device"].iloc[-1]]
    return f"{to_markdown(step_table(rows).drop(columns='±'))}\n\n{rows['where'].iloc[0]}."


def training_table(rows: pd.DataFrame) -> pd.DataFrame:
    """The training suite's rows with readable columns."""
    return pd.DataFrame(
        {
            "Problem": rows["problem"], "Optimizer": rows["optimizer"], "Device": rows["device"],
            "Parameters": rows["parameters"], "Batch": rows["batch_size"], "Samples/s": rows["samples_per_s"],
            "ms": 1e3 * rows["median_s"], "±": _spreads(rows), "forward ms": 1e3 * rows["forward_s"], 
            "backward ms": 1e3 * rows["backward_s"],
            "step ms": 1e3 * rows["step_s"], "optimizer": [_percent(share) for share in rows["optimizer_share"]],
        }
    )  # fmt: skip


def convergence_table(rows: pd.DataFrame) -> pd.DataFrame:
    """The convergence suite's rows, at the hardest target that half of the seeds of the cell met."""
    shown = []
    for row in rows.to_dict("records"):
        met = [one for one in row["targets"] if one["median_steps"] is not None]
        hardest = met[-1] if met else {}
        shown.append(
            {
                "Problem": row["problem"], "Optimizer": row["optimizer"], "Schedule": row["schedule"],
                "lr": f"{number(row['lr'])}{' (edge)' if row['lr_edge'] else ''}", "Seeds": len(row["seeds"]),
                "Target": f"{hardest['metric']} {number(hardest['target'])}" if met else "none met",
                "Steps": hardest.get("median_steps"), "Seconds": hardest.get("median_s"),
                "Success": _percent(hardest["success_rate"]) if met else "–", "µs/step": row["us_per_step"],
            }
        )  # fmt: skip
    return pd.DataFrame(shown)


def scheduler_table(rows: pd.DataFrame) -> pd.DataFrame:
    """The schedulers, dearest first."""
    rows = rows.sort_values("us_per_step", ascending=False)
    share = [f"{100 * value:.2g}%" for value in rows["share_of_training_step"]]
    return pd.DataFrame({"Scheduler": rows["schedule"], "µs": rows["us_per_step"], "of a training step": share})


def suite_table(figures: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Every ratio that the suite recorded of itself, and the memory of its processes; rows of `SavedRun.figures`."""
    rows = [
        {"Benchmark": one["name"].rpartition("::")[2].removeprefix("test_"), "Value": _value(one),
         "Figure": "ratio of its two arms" if one["figure"] == "ratio" else words}
        for one in figures
        for words in [one["figure"].removesuffix("_gb").replace("_", " ")]
        if one["kind"] == "ratio" or one["figure"].endswith("_gb")
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["Benchmark", "Figure", "Value"])


def _value(one: dict[str, Any]) -> str:
    """A figure with its unit; of an overhead what it adds, for 1.003 times would read as nothing.

    >>> _value({"figure": "overhead", "more_is_better": False, "value": 1.0034})
    '+0.34%'
    >>> _value({"figure": "ratio", "more_is_better": True, "value": 12.3})
    '12.3 ×'
    """
    value, name = float(one["value"]), str(one["figure"])
    if name.endswith("_gb"):
        return f"{number(value)} GB"
    if one["more_is_better"]:
        return f"{number(value)} ×"
    return f"{'+' if value >= 1 else ''}{number(100 * (value - 1))}%"


def _spreads(rows: pd.DataFrame) -> list[str]:
    """Half the interquartile range over rounds, as a share of the median."""
    return [
        f"{50 * (high - low) / middle:.0f}%"
        for low, middle, high in zip(rows["q25_s"], rows["median_s"], rows["q75_s"], strict=True)
    ]


def _percent(share: float) -> str:
    return "–" if share is None or np.isnan(share) else f"{share:.0%}"
