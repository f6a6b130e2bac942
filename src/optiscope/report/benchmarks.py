"""The page of saved benchmark runs: what a step, an iteration, a schedule cost here, with the arithmetic. No torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..errors import StoreError
from ..metrics import escape_markdown, number, to_markdown
from ..render.scaling import iteration_shares, lane_scaling, step_scaling
from ..render.timings import roofline, step_times, time_and_state
from ..timings import SavedRun
from .tables import write_text

COLUMNS = (
    "ms: median of the rounds, each a block of steps. ±: half the interquartile range, as a share of the median. ns: a "
    "parameter. GB/s: the bytes that the algorithm must move, over the time. of a copy, of an update: those over "
    "what b = a and a += b of as many bytes reached in the same run; a copy also fetches the lines that it "
    "overwrites, which is not counted, so that a step, itself an update, may reach more. state B, peak B: bytes a "
    "parameter, of the optimizer's state and of the most that it held beyond parameters and gradients, in a process "
    "of its own. launches, events: kernels of a step, and its time by CUDA's events. compile: the first step, which "
    "compiles. –: not measured."
)


def write_benchmarks(results: str | os.PathLike[str], runs: Sequence[SavedRun]) -> list[Path]:
    """Write `benchmarks.md` into `results`, and the pictures of each machine beside its saved runs.

    Raises StoreError where a file cannot be written.
    """
    results = Path(results)
    written, blocks = [], [HEAD]
    for run in runs:
        pictures = _pictures(run)
        folder = results / "benchmarks" / run.path.parent.name
        shown = {}
        for name, (figure, _) in pictures.items():
            path = folder / f"{name}.png"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                figure.savefig(path, dpi=100, metadata={"Software": None})
            except OSError as error:
                raise StoreError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
            shown[name] = path.relative_to(results).as_posix()
            written.append(path)
        blocks += machine_section(run, {name: (shown[name], pictures[name][1]) for name in pictures})
    return [write_text(results / "benchmarks.md", "\n\n".join(blocks) + "\n"), *written]


HEAD = """# Benchmarks

Made by `optiscope benchmarks` from what `pytest --benchmark` saved: of each machine the newest run of a whole
selection. Figures of two machines are not to be set side by side as they are; `optiscope compare` does it by the
reference step."""


def machine_section(run: SavedRun, pictures: dict[str, tuple[str, str]]) -> list[str]:
    """The section of one machine; `pictures` maps a name to its path and the words for those who cannot see it."""

    def picture(name: str) -> list[str]:
        return [f"![{escape_markdown(pictures[name][1])}]({pictures[name][0]})"] if name in pictures else []

    blocks = [f"## {escape_markdown(_title(run))}", to_markdown(_facts(run)), *_bandwidth(run)]
    steps = _of(run, "step")
    if len(steps):
        blocks += ["### Optimizer step", *picture("steps"), *picture("state"), *picture("roofline")]
        widest = steps.groupby("where", sort=False)["optimizer"].nunique().idxmax()
        for name, rows in steps.groupby("where", sort=False):
            table, words = to_markdown(step_table(rows)), escape_markdown(str(name))
            if name == widest or rows["divisor"].iloc[0] == 1:
                blocks += [f"#### {words}", table]
            else:
                blocks += [f"<details>\n<summary>{words}</summary>", table, "</details>"]
        blocks += [escape_markdown(COLUMNS), *_arithmetic(run, steps)]
    if len(_of(run, "scaling")):
        blocks += ["### Step by number of parameters", *picture("scaling")]
    for group, heading, table, name, words in _PARTS:
        rows = _of(run, group)
        if len(rows):
            blocks += [f"### {heading}", *picture(name), to_markdown(table(rows)), words]
    lanes = _of(run, "lanes")
    if len(lanes):
        blocks += ["### Lanes", *picture("lanes")]
    own = [one for one in run.benchmarks if one["group"] in SUITE]
    if own:
        blocks += ["### The suite itself", to_markdown(suite_table(own)), "Each a ratio of two arms in one run."]
    return blocks


SUITE = ("lanes", "recording", "encoding", "store", "jobs", "lanes_jax")


def _title(run: SavedRun) -> str:
    return " · ".join(filter(None, (run.facts.get("gpu"), f"{run.facts['cpu']}, {run.facts['cores']} cores")))


def _facts(run: SavedRun) -> pd.DataFrame:
    facts, harness = run.facts, run.harness
    rows = {
        "File": f"{run.path.parent.name}/{run.path.name}", "Made": run.made[:16].replace("T", " "),
        "Selection": f"{harness['level']}, {harness['seconds'] / 60:.1f} minutes",
        "Commit": f"{facts['commit'][:12]}{' (dirty)' if facts['dirty'] else ''}",
        "Threads": facts["threads"], "Memory": f"{facts['memory_gb']} GB", "System": facts["system"],
        "GPU": f"{facts['gpu']}, driver {facts['driver']}" if facts.get("gpu") else "none",
        "torch, Python": f"{facts['torch']}, {facts['python']}",
        "Load before, after": ", ".join("–" if one is None else f"{one:.2f}" for one in
                                        (harness["load_before"], harness["load_after"])),
    }  # fmt: skip
    for device, one in harness["reference"].items():
        rows[f"Reference step, {device}"] = f"{1e3 * one['median']:.3g} ms ({one['what']})"
    return pd.DataFrame({"Fact": rows.keys(), "Value": [str(value) for value in rows.values()]})


def _bandwidth(run: SavedRun) -> list[str]:
    blocks = []
    for device, one in run.harness["bandwidth"].items():
        table = pd.DataFrame(
            [
                {"Kernel": {"copy": "copy, b = a", "update": "update, a += b"}[probe["kernel"]],
                 "Two buffers, MB": 2 * probe["bytes"] / 1e6, "GB/s": probe["median"], "Best": probe["best"]}
                for probe in sorted(one["probes"], key=lambda probe: (probe["kernel"], probe["bytes"]))
            ]
        )  # fmt: skip
        blocks += [
            f"### Memory bandwidth, {device}", to_markdown(table),
            (f"The copy bandwidth that steps are held against is that of the largest buffers, "
            f"{one['copy_gb_per_s']:.3g} "
            f"GB/s with {one['threads']} thread{'s' if one['threads'] > 1 else ''}. A step that claims more than "
            "both kernels reached over as many bytes is an error, and no figure."),
        ]  # fmt: skip
    return blocks


def step_table(rows: pd.DataFrame) -> pd.DataFrame:
    """The step suite's rows with readable columns, fastest first."""
    rows = rows.sort_values("median_s")

    def column(name: str, scale: float = 1.0) -> pd.Series:
        return rows[name].astype(float) * scale if name in rows else pd.Series(np.nan, rows.index)

    shown = pd.DataFrame(
        {
            "Optimizer": rows["optimizer"], "Implementation": rows["implementation"], "ms": 1e3 * rows["median_s"],
            "±": [f"{50 * (high - low) / middle:.0f}%" for low, middle, high in
                  zip(rows["q25_s"], rows["median_s"], rows["q75_s"], strict=True)],
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
    steps = _of(run, "step")
    steps = steps[(steps["dtype"] == "float32") & (steps["implementation"] != "compile")]
    untrimmed = steps[(steps["divisor"] == 1) & (steps["tensors"] > 10) & (steps["parameters"] > 1e6)]
    rows = untrimmed[untrimmed["device"] == untrimmed["device"].iloc[-1]]
    return f"{to_markdown(step_table(rows).drop(columns='±'))}\n\n{rows['where'].iloc[0]}."


def _arithmetic(run: SavedRun, steps: pd.DataFrame) -> list[str]:
    """AdamW on the largest set, written out."""
    rows = steps[(steps["optimizer"] == "AdamW") & steps["gb_per_s"].notna() & (steps["dtype"] == "float32")]
    blocks = []
    for device, mine in rows.groupby("device"):
        row = mine.sort_values(["parameters", "median_s"], ascending=[False, True]).iloc[0]
        total = row["bytes_per_parameter"] * row["parameters"]
        blocks.append(
            f"The arithmetic, for AdamW `{row['implementation']}` on `{row['set']}` ({device}): {row['arithmetic']}. "
            f"{row['bytes_per_parameter']:.4g} bytes × {row['parameters']:,.0f} parameters = {total / 1e9:.3g} GB; in "
            f"{1e3 * row['median_s']:.3g} ms that is {row['gb_per_s']:.3g} GB/s, {row['share_of_copy']:.0%} of the "
            f"{row['copy_gb_per_s']:.3g} GB/s of a copy over as many bytes, and {row['share_of_update']:.0%} of an "
            "update's."
        )
    return blocks


def training_table(rows: pd.DataFrame) -> pd.DataFrame:
    """The training suite's rows with readable columns."""
    return pd.DataFrame(
        {
            "Problem": rows["problem"], "Optimizer": rows["optimizer"], "Device": rows["device"],
            "Parameters": rows["parameters"], "Batch": rows["batch_size"], "Samples/s": rows["samples_per_s"],
            "ms": 1e3 * rows["median_s"], "forward ms": 1e3 * rows["forward_s"], 
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


def suite_table(benchmarks: Sequence[dict]) -> pd.DataFrame:
    """Every ratio that the suite recorded of itself."""
    rows = [
        {"Benchmark": one["name"].removeprefix("test_"), "Ratio of": key.removeprefix("ratio_").replace("_", " "),
         "×": float(value)}
        for one in benchmarks
        for key, value in one["extra_info"].items()
        if key.startswith("ratio") or key.endswith("_ratio")
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["Benchmark", "Ratio of", "×"])


_PARTS: tuple[tuple[str, str, Callable[[pd.DataFrame], pd.DataFrame], str, str], ...] = (
    (
        "training", "Training", training_table, "iterations",
        ("ms: a whole iteration, nothing synchronised within it. forward, backward, step: timed apart, the device "
        "synchronised after each. optimizer: its part of those, `zero_grad` included."),
    ),
    (
        "convergence", "Convergence", convergence_table, "",
        ("Medians over seeds at the rate that a search found at this horizon, to the hardest target that half of the "
        "seeds met; a miss counts as infinite. Seconds: those steps at the pace of the plain loop, evaluation off the "
        "clock."),
    ),
    (
        "scheduler", "Schedulers", scheduler_table, "",
        "A training step is one of `digits-mlp` with AdamW, in the same run.",
    ),
)  # fmt: skip


def _pictures(run: SavedRun) -> dict[str, tuple[Figure, str]]:
    """The pictures that the run has the data for, by file name, with words for those who cannot see them."""
    steps, scaling, training, lanes = (_of(run, group) for group in ("step", "scaling", "training", "lanes"))
    found: dict[str, tuple[Figure, str]] = {}
    if len(steps):
        widest = steps.groupby("where", sort=False)["optimizer"].nunique().idxmax()
        rows = steps[steps["where"] == widest]
        found["steps"] = step_times(rows), f"Time of a step by optimizer and implementation, on {widest}"
        found["state"] = time_and_state(rows), f"Time of a step against the state that the optimizer keeps, on {widest}"
        timed = pd.concat([steps, scaling])
        device = str(rows["device"].iloc[0])
        timed = timed[timed["gb_per_s"].notna() & (timed["device"] == device)]
        if device in run.harness["bandwidth"] and len(timed):
            probes = pd.DataFrame(run.harness["bandwidth"][device]["probes"])
            found["roofline"] = roofline(timed, probes), "GB/s of each step beneath what copies and updates reach"
    if len(scaling):
        copy = run.harness["bandwidth"].get("cpu", {}).get("copy_gb_per_s")
        mine = scaling[scaling["device"] == "cpu"]
        found["scaling"] = step_scaling(mine, copy_gb_per_s=copy), "Time of a step against the number of parameters"
    if len(training):
        found["iterations"] = (
            iteration_shares(training[training["device"] == training["device"].iloc[-1]]),
            ("Shares of an iteration: optimizer, backward, forward, batch"),
        )
    if len(lanes):
        found["lanes"] = lane_scaling(lanes), "Time a lane and step against the number of lanes, beside the plain loop"
    return found


def _of(run: SavedRun, group: str) -> pd.DataFrame:
    """The rows of one suite; of the step suite with `where`, the set, device and precision in words."""
    rows = run.frame(group)
    if group == "step" and len(rows):
        rows = rows[rows["ns_per_parameter"].notna()] if "ns_per_parameter" in rows else rows.iloc[:0]
        where = [
            f"{name}, {count:,} parameters in {tensors} tensor{'s' if tensors > 1 else ''}, {device}, {dtype}"
            for name, count, tensors, device, dtype in
            zip(rows["set"], rows["parameters"], rows["tensors"], rows["device"], rows["dtype"], strict=True)
        ]  # fmt: skip
        rows = rows.assign(where=where)
    return rows


def _percent(share: float) -> str:
    return "–" if share is None or np.isnan(share) else f"{share:.0%}"
