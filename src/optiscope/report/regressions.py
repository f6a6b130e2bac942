"""Two saved runs side by side, as one Markdown page: what got slower, what converges later, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import InputError
from ..metrics import escape_markdown, number, to_markdown
from ..metrics.regression import convergence_verdicts, timing_verdicts
from ..timings import MACHINE, SavedRun

BAD = {"slower", "later"}


@dataclass(frozen=True)
class Compared:
    """The page, and how many benchmarks regressed."""

    page: str
    regressions: int


def compare_saved(a: SavedRun, b: SavedRun, threshold: float) -> Compared:
    """Timings and convergence of two saved runs; machines that differ are compared in units of the reference step.

    Raises InputError where they have no benchmark in common, or differ in machine and lack a reference step.
    """
    alike = a.same_machine(b)
    reference = None if alike else _references(a, b)
    one, other = (run.frame() for run in (a, b))
    # Convergence is judged by its steps, and a suite that times two arms by the ratio that it recorded.
    table = timing_verdicts(one, other, threshold=threshold, reference=reference)
    if table.empty:
        raise InputError(f"{a.path} and {b.path} have no benchmark in common")
    blocks = [f"A: {escape_markdown(a.label)}", f"B: {escape_markdown(b.label)}"]
    blocks.append(_machines(a, b, alike, threshold))
    blocks += _timings(table, threshold)
    only = [
        f"{len(set(x['name']) - set(y['name']))} only in {side}"
        for x, y, side in ((one, other, "A"), (other, one, "B"))
    ]
    blocks.append(f"{len(table)} benchmarks in both, {', '.join(only)}.")
    worse = int((table["verdict"] == "slower").sum())
    converged = [run.convergence() for run in (a, b)]
    if all(len(frame) for frame in converged):
        part, later = _convergence(*converged)
        blocks, worse = [*blocks, *part], worse + later
    return _compared(blocks, worse)


def compare_convergence(a: pd.DataFrame, b: pd.DataFrame, labels: tuple[str, str]) -> Compared:
    """Convergence alone, from frames of `paired_steps`. Raises InputError where they have no cell in common."""
    part, later = _convergence(a, b)
    return _compared([f"A: {escape_markdown(labels[0])}", f"B: {escape_markdown(labels[1])}", *part], later)


def _compared(blocks: list[str], worse: int) -> Compared:
    verdict = "**No regression.**" if not worse else f"**{worse} regression{'s' if worse > 1 else ''}.**"
    return Compared("\n\n".join(["# B against A", verdict, *blocks]) + "\n", worse)


def _shared(a: SavedRun, b: SavedRun) -> dict[str, tuple[list[float], list[float]]]:
    """Seconds of the reference step in A and in B, of each device that both measured."""
    one, other = (run.harness.get("reference") or {} for run in (a, b))
    return {device: (one[device]["seconds"], other[device]["seconds"]) for device in one if device in other}


def _references(a: SavedRun, b: SavedRun) -> dict[str, tuple[list[float], list[float]]]:
    shared = _shared(a, b)
    if not shared:
        raise InputError(
            f"{a.path} and {b.path} are of different machines, and at least one lacks the reference step by which "
            "they could be compared: save both with pytest --benchmark"
        )
    return shared


def _machines(a: SavedRun, b: SavedRun, alike: bool, threshold: float) -> str:
    if alike:
        text = "Both ran on the same kind of machine with as many threads: times are compared as they are."
        drift = [
            f"{device}: {1e3 * np.median(one):.3g} ms → {1e3 * np.median(other):.3g} ms"
            for device, (one, other) in _shared(a, b).items()
            if abs(np.log(np.median(other) / np.median(one))) > np.log(1 + threshold)
        ]
        if drift:
            text += (
                f" But the reference AdamW step took another time in B than in A ({'; '.join(drift)}): the machine "
                "itself was not what it was, or torch is not. Repeat both before you believe a verdict."
            )
        return escape_markdown(text)
    differ = [
        f"{key} {a.facts.get(key, 'none')} → {b.facts.get(key, 'none')}"
        for key in MACHINE
        if a.facts.get(key) != b.facts.get(key)
    ]
    medians = [
        f"{device}: {1e3 * np.median(one):.3g} ms → {1e3 * np.median(other):.3g} ms"
        for device, (one, other) in _references(a, b).items()
    ]
    return escape_markdown(
        f"The machines differ ({'; '.join(differ)}). Each time is divided by the reference AdamW step that was "
        f"measured in the same run ({'; '.join(medians)}); the ratio is that of the quotients. A kernel that suits one "
        "processor and not the other still shows as a difference: read such a verdict as a hint."
    )


def _timings(table: pd.DataFrame, threshold: float) -> list[str]:
    shown = pd.DataFrame(
        {
            "Benchmark": table["name"].str.removeprefix("bench/"),
            "A ms": 1e3 * table["a_s"], "B ms": 1e3 * table["b_s"], "B / A": table["ratio"],
            "95% interval": [
                "–" if np.isnan(low) else f"{number(low)} … {number(high)}"
                for low, high in zip(table["low"], table["high"], strict=True)
            ],
            "Verdict": table["verdict"],
        }
    )  # fmt: skip
    news = shown[table["verdict"].isin(["slower", "faster"])]
    counts = ", ".join(f"{count} {name}" for name, count in table["verdict"].value_counts().items())
    return [
        "## Time",
        f"{counts}.",
        to_markdown(news) if len(news) else "Nothing is slower or faster.",
        (
            f"slower: the whole interval lies above a ratio of {1 + threshold:g}; faster: below its inverse; same: "
            "between the two; unclear: it crosses one of them. The interval is a bootstrap of the ratio of medians "
            "over rounds. one reading: the benchmark has a single round, and is not judged."
        ),
        "<details>\n<summary>every benchmark</summary>",
        to_markdown(shown),
        "</details>",
    ]


def _convergence(a: pd.DataFrame, b: pd.DataFrame) -> tuple[list[str], int]:
    table = convergence_verdicts(a, b)
    if table.empty:
        raise InputError("the two have no problem, optimizer, schedule and seed in common")
    changed = table[table["verdict"].isin(["later", "sooner"])]
    lines = [f"- {escape_markdown(in_words(row))}" for _, row in changed.iterrows()]
    shown = pd.DataFrame(
        {
            "Problem": table["problem"], "Optimizer": table["optimizer"], "Schedule": table["schedule"],
            "Target": [f"{one} {number(level)}" for one, level in zip(table["metric"], table["target"], strict=True)],
            "Seeds": table["seeds"], "A steps": table["a_median"], "B steps": table["b_median"],
            "B / A": table["ratio"],
            "p": table["p"], "p (Holm)": table["p_holm"], "Verdict": table["verdict"],
        }
    )  # fmt: skip
    blocks = [
        "## Convergence",
        "\n".join(lines) if lines else "Indistinguishable, cell by cell.",
        to_markdown(shown),
        (
            "Steps to the hardest target that more than half of the seeds of a side met; the same seeds on both sides. "
            "p: Wilcoxon's signed-rank test over them, exact, two-sided; corrected by Holm for the number of cells. A "
            "miss "
            "counts as infinite (never)."
        ),
    ]
    return blocks, int((table["verdict"] == "later").sum())


def in_words(row: pd.Series) -> str:
    """`Adam + constant on rosenbrock: worse by a factor of 1.3 in steps to gap 1e-6, p = 0.002 (12 seeds)`."""
    worse = row["ratio"] > 1
    factor = row["ratio"] if worse else 1 / row["ratio"] if row["ratio"] else float("inf")
    size = f"by a factor of {number(float(factor))}" if np.isfinite(factor) else "it is missed on one side"
    return (
        f"{row['optimizer']} + {row['schedule']} on {row['problem']}: {'worse' if worse else 'better'} {size} in steps "
        f"to {row['metric']} {number(float(row['target']))}, p = {number(float(row['p_holm']))} ({row['seeds']} seeds)"
    )
