"""The page of saved benchmark runs: what a step, an iteration, a schedule cost here, with the arithmetic. No torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median

import pandas as pd
from matplotlib.figure import Figure

from ..errors import StoreError
from ..metrics import escape_markdown, to_markdown
from ..render.scaling import iteration_shares, lane_scaling, step_scaling
from ..render.timings import roofline, step_times, time_and_state
from ..timings import SavedRun
from .benchmark_tables import (
    COLUMNS,
    convergence_table,
    rows_of,
    scheduler_table,
    step_table,
    suite_table,
    training_table,
)  # fmt: skip
from .tables import write_text


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


SIZES_TO_DRAW = 3  # of two nobody sees how a cost grows
OPTIMIZERS_TO_DRAW = 3  # of two, time against memory is a line
DRAWN = ("step", "scaling", "training", "lanes")  # suites with a picture for each device

HEAD = """# Benchmarks

Made by `optiscope benchmarks` from what `pytest --benchmark` saved: of each machine the newest run of a whole
selection, or, where there is none, the newest figures of all its runs. Figures of two machines are not to be set side
by side as they are; `optiscope compare` does it by the reference step."""


def machine_section(run: SavedRun, pictures: dict[str, tuple[str, str]]) -> list[str]:
    """The section of one machine; `pictures` maps a name to its path and the words for those who cannot see it."""

    def picture(*names: str) -> list[str]:
        """These pictures of every device, the processor's first."""
        own = [found for device in devices for name in names if (found := _named(name, device)) in pictures]
        return [f"![{escape_markdown(pictures[name][1])}]({pictures[name][0]})" for name in own]

    devices = _devices(rows_of(run, group) for group in DRAWN)
    blocks = [f"## {escape_markdown(_title(run))}", to_markdown(_facts(run)), *_bandwidth(run)]
    steps = rows_of(run, "step")
    if len(steps):
        blocks += ["### Optimizer step", *picture("steps", "state", "roofline")]
        widest = {_widest(steps[steps["device"] == device]) for device in steps["device"].unique()}
        for name, rows in steps.groupby("where", sort=False):
            table, words = to_markdown(step_table(rows)), escape_markdown(str(name))
            if name in widest or (rows["divisor"].iloc[0] == 1 and rows["device"].iloc[0] == "cpu"):
                blocks += [f"#### {words}", table]
            else:
                blocks += [f"<details>\n<summary>{words}</summary>", table, "</details>"]
        blocks += [escape_markdown(COLUMNS), *_arithmetic(run, steps)]
    scaling = picture("scaling")
    if scaling:
        blocks += ["### Step by number of parameters", *scaling]
    for group, heading, table, name, words in _PARTS:
        rows = rows_of(run, group)
        if len(rows):
            blocks += [f"### {heading}", *picture(name), to_markdown(table(rows)), words]
    lanes = rows_of(run, "lanes")
    if len(lanes):
        blocks += ["### Lanes", *picture("lanes")]
    own = suite_table(run.figures())
    if len(own):
        blocks += ["### The suite itself", to_markdown(own), SUITE]
    return blocks


def _devices(suites: Iterable[pd.DataFrame]) -> list[str]:
    """The devices that anything was timed on, the processor first."""
    found = {str(name) for rows in suites if "device" in rows for name in rows["device"].dropna().unique()}
    return ["cpu", *sorted(found - {"cpu"})]


def _named(name: str, device: str) -> str:
    """The file of a picture: the processor's has the plain name."""
    return name if device == "cpu" else f"{name}_{device.replace(':', '')}"


def _widest(steps: pd.DataFrame) -> str:
    """Where most optimizers were timed, of these rows."""
    return str(steps.groupby("where", sort=False)["optimizer"].nunique().idxmax())


SUITE = (
    "Ratios of two arms in one run, of which more is better; overheads, of recording, of the harness and of a frame's "
    "peak memory, as what they add to the bare thing; and gigabytes that a process reached."
)


def _title(run: SavedRun) -> str:
    return " · ".join(filter(None, (run.facts.get("gpu"), f"{run.facts['cpu']}, {run.facts['cores']} cores")))


def _facts(run: SavedRun) -> pd.DataFrame:
    facts, harness = run.facts, run.harness
    rows = {
        "File": f"{run.path.parent.name}/{', '.join(run.files or (run.path.name,))}",
        "Made": run.made[:16].replace("T", " "),
        "Selection": f"{'parts' if len(run.files) > 1 else harness['level']}, {harness['seconds'] / 60:.1f} minutes",
        "Commit": ", ".join(run.commits or (run.commit,)),
        "Processor": facts.get("cpu_model") or facts["cpu"],
        "Threads": facts["threads"], "Memory": f"{facts['memory_gb']} GB", "System": facts["system"],
        "GPU": f"{facts['gpu']}, driver {facts['driver']}" if facts.get("gpu") else "none",
        "torch, Python": f"{facts['torch']}, {facts['python']}",
        "Load before, after": ", ".join("–" if one is None else f"{one:.2f}" for one in
                                        (harness["load_before"], harness["load_after"])),
    }  # fmt: skip
    beside = harness.get("beside", {})
    for device, one in harness["reference"].items():
        between = f", {1e3 * median(beside[device]):.3g} ms between benchmarks" if device in beside else ""
        what = f"{1e3 * one['median']:.3g} ms before and after all{between} ({one['what']})"
        rows[f"Reference step, {device}"] = what
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
            (f"At the beginning, with {one['threads']} thread{'s' if one['threads'] > 1 else ''}. What else a machine "
            "does comes and goes: each step is held against a short probe of its own, over as many bytes, right before "
            "and after it. One that claims more than both kernels ever reached over as many is an error, no figure."),
        ]  # fmt: skip
    return blocks


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
            f"update's.{_beyond(row['share_of_copy'], str(device))}"
        )
    return blocks


def _beyond(share: float, device: str) -> str:
    """Why a share of a copy above 1 is none of what moves, on a processor."""
    if share <= 1 or device != "cpu":
        return ""
    return (
        " That copy moved half as many bytes again, for it first fetches the lines that it overwrites: of all that it "
        f"moved, the step reaches {share / 1.5:.0%}."
    )


_PARTS: tuple[tuple[str, str, Callable[[pd.DataFrame], pd.DataFrame], str, str], ...] = (
    (
        "training", "Training", training_table, "iterations",
        (
            "ms: a whole iteration, nothing synchronised within it, the median of the rounds. ±: half their "
            "interquartile range, as a share of that median. forward, backward, step: timed apart, the device "
            "synchronised after each, so that they need not add up to the whole. optimizer: its part of those, "
            "`zero_grad` included. LBFGS, Muon and SparseAdam are left out: the first calls forward and backward from "
            "its step, the others take matrices and sparse gradients only."
        ),
    ),
    (
        "convergence", "Convergence", convergence_table, "",
        ("Medians over seeds at the rate that a search found at this horizon, to the hardest target that half of the "
        "seeds met; a miss counts as infinite. A network's target is looked for at its evaluations. Seconds: those "
        "steps at the pace of the plain loop, evaluation off the clock."),
    ),
    (
        "scheduler", "Schedulers", scheduler_table, "",
        "A training step is one of `digits-mlp` with AdamW, in the same run.",
    ),
)  # fmt: skip


def _probes(run: SavedRun, timed: pd.DataFrame, device: str) -> pd.DataFrame:
    """The probes of a run as the roofline takes them: those of its beginning, and those beside each step."""
    first = pd.DataFrame(run.harness["bandwidth"][device]["probes"])
    parts = [first.assign(working_set_bytes=2 * first["bytes"], gb_per_s=first["best"])]
    for kernel in ("copy", "update"):
        beside = timed["gb_per_s"] / timed[f"share_of_{kernel}"]
        # A smaller working set than the least that is probed was held against that one.
        touched = timed["working_set_bytes"].clip(lower=2.0 * first["bytes"].min())
        parts.append(pd.DataFrame({"kernel": kernel, "working_set_bytes": touched, "gb_per_s": beside}))
    return pd.concat(parts, ignore_index=True)[["kernel", "working_set_bytes", "gb_per_s"]]


def _pictures(run: SavedRun) -> dict[str, tuple[Figure, str]]:
    """The pictures that the run has the data for, by file name, with words for those who cannot see them."""
    found: dict[str, tuple[Figure, str]] = {}
    suites = [rows_of(run, group) for group in DRAWN]
    for device in _devices(suites):
        own = _of_device(run, device, *(_on(rows, device) for rows in suites))
        found |= {_named(name, device): drawn for name, drawn in own.items()}
    return found


def _on(rows: pd.DataFrame, device: str) -> pd.DataFrame:
    """The rows of one device; what says none was timed on the processor."""
    if "device" not in rows:
        return rows if device == "cpu" else rows.iloc[:0]
    return rows[rows["device"].fillna("cpu") == device]


def _of_device(
    run: SavedRun, device: str, steps: pd.DataFrame, scaling: pd.DataFrame, training: pd.DataFrame, lanes: pd.DataFrame
) -> dict[str, tuple[Figure, str]]:
    found: dict[str, tuple[Figure, str]] = {}
    place = "" if device == "cpu" else f", {device}"
    if len(steps):
        widest = _widest(steps)
        rows = steps[steps["where"] == widest]
        found["steps"] = step_times(rows), f"Time of a step by optimizer and implementation, on {widest}"
        if rows["optimizer"].nunique() >= OPTIMIZERS_TO_DRAW:
            words = f"Time of a step against the state that the optimizer keeps, on {widest}"
            found["state"] = time_and_state(rows), words
        timed = pd.concat([steps, scaling])
        timed = timed[timed["gb_per_s"].notna()]
        if device in run.harness["bandwidth"] and len(timed):
            found["roofline"] = (
                roofline(timed, _probes(run, timed, device)),
                f"GB/s of each step beneath what copies and updates reach{place}",
            )
    if len(scaling) and scaling["parameters"].nunique() >= SIZES_TO_DRAW:
        copy = run.harness["bandwidth"].get(device, {}).get("copy_gb_per_s")
        found["scaling"] = (
            step_scaling(scaling, copy_gb_per_s=copy),
            f"Time of a step against the number of parameters{place}",
        )
    if len(training):
        found["iterations"] = (
            iteration_shares(training),
            f"Shares of an iteration: optimizer, backward, forward, batch{place}",
        )
    if len(lanes):
        found["lanes"] = (
            lane_scaling(lanes),
            f"Time a lane and step against the number of lanes, beside the plain loop{place}",
        )
    return found
