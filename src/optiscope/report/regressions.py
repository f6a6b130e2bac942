"""Two saved runs side by side, as one Markdown page: what got slower, larger or later, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import InputError
from ..metrics import escape_markdown, number, to_markdown
from ..metrics.regression import convergence_verdicts
from ..metrics.slower import Drift, agreement, drift, figure_verdicts, timing_verdicts
from ..timings import SavedRun

# Suites whose benchmarks do the same work in every selection; of the others sizes, seeds or searches differ.
SAME_WORK = ("step", "scaling", "training", "scheduler", "harness")


@dataclass(frozen=True)
class Compared:
    """The page, and how many benchmarks regressed."""

    page: str
    regressions: int


def compare_saved(a: SavedRun, b: SavedRun, threshold: float) -> Compared:
    """Times, ratios, memory and convergence of two saved runs.

    Times of machines that differ, or of one that drifted, are compared in units of the reference step.

    Raises InputError where they have no benchmark in common, or differ in machine and lack a reference step.
    """
    readings = _shared(a, b)
    differ = a.differences(b)
    if differ and not readings:
        raise InputError(
            f"{a.path} and {b.path} are of different machines, and at least one lacks the reference step by which "
            "they could be compared: save both with pytest --benchmark"
        )
    drifts = {device: drift(*pair) for device, pair in readings.items()}
    divide = set(drifts) if differ else {device for device, one in drifts.items() if one.shown and _one_torch(a, b)}
    one, other = (run.frame() for run in (a, b))
    levels = [str(run.harness["level"]) for run in (a, b)]
    alike = levels[0] == levels[1]
    if not alike:
        one, other = (frame[frame["group"].isin(SAME_WORK)] for frame in (one, other))
    # Convergence is judged by its steps, and a suite that times two arms by the ratio that it recorded.
    table = timing_verdicts(one, other, threshold=threshold, reference=readings, divide=None if differ else divide)
    if table.empty:
        raise InputError(f"{a.path} and {b.path} have no benchmark in common{'' if alike else _unlike(levels)}")
    blocks = [f"A: {escape_markdown(a.label)}", f"B: {escape_markdown(b.label)}"]
    blocks.append(escape_markdown(_machines(a, b, drifts, divide)))
    if not alike:
        blocks.append(f"Not all is compared{_unlike(levels)}.")
    blocks += _timings(table, threshold)
    only = [
        f"{len(set(x['name']) - set(y['name']))} only in {side}"
        for x, y, side in ((one, other, "A"), (other, one, "B"))
    ]
    blocks.append(f"{len(table)} benchmarks in both, {', '.join(only)}.")
    worse = int((table["verdict"] == "slower").sum())
    told = set(table["name"])
    ours, theirs = ([row for row in run.figures() if alike or row["name"] in told] for run in (a, b))
    figures = figure_verdicts(ours, theirs, threshold=threshold)
    if len(figures):
        blocks += _figures(figures, threshold)
        worse += int((figures["verdict"] == "worse").sum())
    converged = [run.convergence() for run in (a, b)]
    if alike and all(len(frame) for frame in converged):
        part, later = _convergence(*converged)
        blocks, worse = [*blocks, *part], worse + later
    unclear = int((table["verdict"] == "unclear").sum())
    untold = f"; of {len(table)} times {unclear} could not be told" if unclear else ""
    return _compared(blocks, worse, untold)


def compare_convergence(a: pd.DataFrame, b: pd.DataFrame, labels: tuple[str, str]) -> Compared:
    """Convergence alone, from frames of `paired_steps`. Raises InputError where they have no cell in common."""
    part, later = _convergence(a, b)
    return _compared([f"A: {escape_markdown(labels[0])}", f"B: {escape_markdown(labels[1])}", *part], later)


def _compared(blocks: list[str], worse: int, untold: str = "") -> Compared:
    found = f"{worse} regression{'s' if worse > 1 else ''}" if worse else f"No regression{' shown' if untold else ''}"
    verdict = f"**{found}{untold}.**"
    return Compared("\n\n".join(["# B against A", verdict, *blocks]) + "\n", worse)


def _unlike(levels: list[str]) -> str:
    """Why two selections are not compared as a whole."""
    return (
        f": A is a {levels[0]} selection and B a {levels[1]} one, and only the suites {', '.join(SAME_WORK)} do the "
        "same work in both"
    )


def _shared(a: SavedRun, b: SavedRun) -> dict[str, tuple[list[float], list[float]]]:
    """Seconds of the reference step in A and in B, of each device that both measured."""
    one, other = (run.reference(a.beside and b.beside) for run in (a, b))
    return {device: (one[device], other[device]) for device in one if device in other}


def _one_torch(a: SavedRun, b: SavedRun) -> bool:
    """Whether the reference step, which is torch's, is the same code in both."""
    return a.facts["torch"] == b.facts["torch"]


def _machines(a: SavedRun, b: SavedRun, drifts: dict[str, Drift], divide: set[str]) -> str:
    differ = a.differences(b)
    told = "; ".join(
        f"{device}: {1e3 * one.a_s:.3g} ms → {1e3 * one.b_s:.3g} ms, a factor of {number(one.ratio)}, "
        f"{number(one.low)} … {number(one.high)}"
        for device, one in drifts.items()
    )
    if differ:
        words = "; ".join(f"{key} {mine} → {theirs}" for key, (mine, theirs) in differ.items())
        return (
            f"The machines differ ({words}). Each time is divided by the reference AdamW step that was measured in the "
            f"same run ({told}); the ratio is that of the quotients. A kernel that suits one processor and not the "
            "other still shows as a difference: read such a verdict as a hint."
        )
    text = "Both ran on the same kind of machine with as many threads"
    if not drifts:
        return f"{text}: times are compared as they are. At least one lacks the reference step: drift cannot be told."
    if divide:
        return (
            f"{text}, but the reference AdamW step took another time in B than in A ({told}): the machine drifted. "
            f"Each time on {' and '.join(sorted(divide))} is divided by the reference step of its own run."
        )
    if not _one_torch(a, b):
        return (
            f"{text}. torch differs ({a.facts['torch']} → {b.facts['torch']}), and with it the reference AdamW step "
            f"({told}): drift cannot be told from it, and times are compared as they are."
        )
    return f"{text}, and no drift is shown by the reference AdamW step ({told}): times are compared as they are."


def _timings(table: pd.DataFrame, threshold: float) -> list[str]:
    shown = pd.DataFrame(
        {
            "Benchmark": table["name"].str.removeprefix("bench/"),
            "A ms": 1e3 * table["a_s"], "B ms": 1e3 * table["b_s"], "B / A": table["ratio"],
            "90% interval": _intervals(table), "Verdict": table["verdict"],
        }
    )  # fmt: skip
    news = shown[table["verdict"].isin(["slower", "faster"])]
    near, judged = agreement(table)
    raw, _ = agreement(table.assign(ratio=table["b_s"] / table["a_s"]))
    undivided = "" if raw == near else f" ({raw} before they are divided by the reference step)"
    scatter = table["scatter"].iloc[0]
    noisy = (
        ""
        if scatter <= np.log1p(threshold)
        else f" That is more than the threshold of {threshold:.0%}: repeat both on a quieter machine."
    )
    wide = (
        f"Beyond what their rounds say, the ratios scatter by a factor of {number(float(np.exp(scatter)))} from "
        f"benchmark to benchmark, and each interval is wider by that.{noisy}"
        if scatter
        else "The ratios scatter no more than their rounds say."
    )
    return [
        "## Time",
        f"{_counts(table)}.",
        f"Medians agree within 10% for {near} of {judged} benchmarks{undivided}. {wide}",
        to_markdown(news) if len(news) else "Nothing is slower or faster.",
        (
            f"slower: the whole interval lies above a ratio of {1 + threshold:g}; faster: below its inverse; same: "
            "between the two; unclear: it crosses one of them. The interval is a bootstrap of the ratio of medians "
            "over rounds, wider by what runs scatter. one reading: the benchmark has a single round, and "
            f"differs by no more than {2 * threshold:.0%} and that scatter."
        ),
        "<details>\n<summary>every benchmark</summary>",
        to_markdown(shown),
        "</details>",
    ]


def _figures(table: pd.DataFrame, threshold: float) -> list[str]:
    """Ratios of one run and memory: a slow machine slows both arms, so that nothing is divided here."""
    worse = [number(float(value), infinite="∞") for value in table["worse_by"]]
    shown = pd.DataFrame(
        {
            "Benchmark": table["name"].str.removeprefix("bench/"), "Figure": table["figure"].str.replace("_", " "),
            "A": table["a"], "B": table["b"], "Worse by": worse, "90% interval": _intervals(table),
            "Readings": table["readings"], "Verdict": table["verdict"],
        }
    )  # fmt: skip
    news = shown[table["verdict"].isin(["worse", "better"])]
    return [
        "## Ratios and memory",
        f"{_counts(table)}.",
        to_markdown(news) if len(news) else "Nothing is worse or better.",
        (
            "Worse by: above 1 B is worse, be it a ratio that fell, or an overhead or memory that grew. With several "
            f"readings the whole interval must lie above {1 + threshold:g}. A single one is set against that as it is, "
            f"and a ratio's against {1 + 2 * threshold:g}, for nothing tells how much it scatters. Differences of "
            "memory below a megabyte of a step, and 0.02 GB of a process, are no difference."
        ),
        "<details>\n<summary>every figure</summary>",
        to_markdown(shown),
        "</details>",
    ]


def _counts(table: pd.DataFrame) -> str:
    return ", ".join(f"{count} {name}" for name, count in table["verdict"].value_counts().items())


def _intervals(table: pd.DataFrame) -> list[str]:
    return [
        "–" if np.isnan(low) else f"{number(low)} … {number(high)}"
        for low, high in zip(table["low"], table["high"], strict=True)
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
            "A lr": table["a_lr"], "B lr": table["b_lr"],
            "Target": [f"{one} {number(level)}" for one, level in zip(table["metric"], table["target"], strict=True)],
            "Seeds": table["seeds"], "A steps": table["a_median"], "B steps": table["b_median"],
            "B / A": table["ratio"],
            "Could show": [
                "nothing" if np.isinf(factor) else f"×{number(factor)}" for factor in table["detectable"].astype(float)
            ],
            "p": table["p"], "p (Holm)": table["p_holm"], "Verdict": table["verdict"],
        }
    )  # fmt: skip
    blocks = [
        "## Convergence",
        "\n".join(lines) if lines else "Indistinguishable, cell by cell.",
        to_markdown(shown),
        (
            "Steps to the hardest target that more than half of the seeds of a side met; the same seeds on both sides, "
            "each at the rate that its own search found. A network's target is looked for at its evaluations, and its "
            "steps are theirs. p: Wilcoxon's signed-rank test over the seeds, exact, two-sided; corrected by Holm for "
            "the number of cells. Could show: the factor that so many seeds, scattering as they do, would have shown "
            "with a power of 0.8. too few seeds: no outcome on those that differ could have passed the correction. A "
            "miss counts as infinite (never)."
        ),
    ]
    return blocks, int((table["verdict"] == "later").sum())


def in_words(row: pd.Series) -> str:
    """`Adam + constant on rosenbrock: worse by a factor of 1.3 in steps to gap 1e-6, p = 0.002 …`."""
    target = f"{row['metric']} {number(float(row['target']))}"
    ratio = float(row["ratio"])
    if np.isinf(ratio):
        size = f"worse, the median seed no longer reaches {target}"
    elif not ratio:
        size = f"better, the median seed now reaches {target}, which it missed"
    else:
        size = (
            f"{'worse' if ratio > 1 else 'better'} by a factor of {number(max(ratio, 1 / ratio))} in steps to {target}"
        )
    return (
        f"{row['optimizer']} + {row['schedule']} on {row['problem']}: {size}, p = {number(float(row['p_holm']))} "
        f"after Holm's correction ({row['seeds']} seeds)"
    )
