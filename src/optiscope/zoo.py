"""The zoo surveyed: which tier each optimizer of `pytorch_optimizer` takes, or in one line why it cannot run.

`optiscope zoo` writes the table. May import floors 0 to 3.
"""

from __future__ import annotations

import importlib.metadata
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .catalogues.zoo import PACKAGE, zoo
from .engine.calling import Calling, try_step
from .engine.check import check_runs
from .engine.chooser import Verdicts, run_batch
from .errors import InputError
from .naming import grid
from .record import TraceSpec
from .spec import OptimizerSpec, Run

if TYPE_CHECKING:
    import pandas as pd

PROBLEMS = ("rosenbrock", "rastrigin")
RATES = (1e-4, 1e-2, 0.3, 3.0)
SEEDS, STEPS = 2, 80
_NEEDS = {Calling.GRAPH: "a gradient with its graph", Calling.CLOSURE: "a closure", Calling.BOTH: "a closure"}


def zoo_runs(optimizer: OptimizerSpec, problem: str) -> list[Run]:
    """The lanes that an optimizer of the zoo is judged on: four rates, two random starts each, 80 steps.

    In float64, or in float32 where the optimizer refuses that. Raises InputError where it refuses both.
    """
    for dtype in ("float64", "float32"):
        runs = grid(problem, optimizer, lr=RATES, seed=range(SEEDS), start="random", steps=STEPS, dtype=dtype)
        try:
            check_runs(runs)
        except InputError as error:
            if dtype == "float32" or "dtype='float32' would do" not in str(error):
                raise
        else:
            break
    return runs


def needs(optimizer: OptimizerSpec) -> str:
    """What it needs beyond a vector of float64, parameters and a rate; empty for the most of them."""
    import inspect

    cls = optimizer.resolved
    rate = "lr" in inspect.signature(cls.__init__).parameters
    found = [] if rate else ["has no rate of its own"]
    ways = (([1], "float64", ""), ([1], "float32", "float32"), ([2], "float64", "matrices"))
    reason = ""
    for dimensions, dtype, need in ways:
        try:
            way = try_step(optimizer, cls, dimensions, dtype, False, 1e-3)
        except Exception as error:  # said in the listing, as the user would hear of it
            reason = reason or " ".join(str(error).split())
            continue
        found += [text for text in (need, _NEEDS.get(way, "")) if text]
        return ", ".join(found)
    return f"cannot run: {reason.partition(' cannot be built: ')[2] or reason}"


def survey(
    optimizers: Sequence[OptimizerSpec] | None = None, progress: Callable[[str], Any] | None = None
) -> pd.DataFrame:
    """One row an optimizer and problem: the tier that `engine="auto"` takes, and the worst difference of each tier.

    Columns `optimizer, problem, dtype, tier, stacked, grouped, note`: what the proof saw in a tier, or why an optimizer
    cannot run. Raises InputError where the package is not installed.
    """
    import pandas as pd

    rows = []
    for optimizer in optimizers if optimizers is not None else zoo():
        if progress is not None:
            progress(optimizer.name)
        for problem in PROBLEMS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # other people's code, and its deprecations
                rows.append({"optimizer": optimizer.name, "problem": problem} | _row(optimizer, problem))
    columns = ["optimizer", "problem", "dtype", "tier", "stacked", "grouped", "note"]
    return pd.DataFrame(rows, columns=columns).fillna("")


def _row(optimizer: OptimizerSpec, problem: str) -> dict[str, str]:
    try:
        runs = zoo_runs(optimizer, problem)
    except InputError as error:
        return {"tier": "cannot run", "note": _brief(str(error))}
    verdicts = Verdicts()
    batch = run_batch(runs, "auto", TraceSpec(every=0, norms=False), "cpu", "result", "", verdicts)
    verdict = next(iter(verdicts.fresh.values()), None)
    tier = batch.runs["engine"].to_pylist()[0]
    errors = sorted({error for error in batch.runs["error"].to_pylist() if error})
    seen = {} if verdict is None else verdict.evidence
    note = "; ".join([*errors[:1], "" if verdict else "its step takes a closure or a graph"]).strip("; ")
    return {"dtype": runs[0].dtype, "tier": tier, **{name: _brief(text) for name, text in seen.items()}, "note": note}


def _brief(text: str) -> str:
    """Evidence as the table holds it: what matters of it, and nothing that a table would break at."""
    text = re.sub(r"^.* cannot run .*?\(.*?gradients are .*?\): ", "", text)
    text = text.removeprefix("pytorch_optimizer.").partition(" cannot be built: ")[2] or text
    steps = r" over [\d of]+ steps of \d+ lanes(, \d+ of them over all \d+)?"
    text = re.sub(rf"worst relative difference (\S+){steps}", r"\1", text)
    return text.replace("worst relative difference ", "").replace("LanesShareRandomness: ", "").replace("|", "/")


def versions() -> str:
    """The versions that a survey holds for."""
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in (PACKAGE, "torch", "optiscope"))


def markdown(frame: pd.DataFrame) -> str:
    """The survey as a page: what it is, how many in each tier, one line an optimizer."""
    counts = frame.groupby("problem")["tier"].value_counts().unstack(fill_value=0)
    order = [tier for tier in ("stacked", "grouped", "single", "cannot run") if tier in counts]
    what = (
        f"Made by `optiscope zoo` with {versions()}. {len(RATES) * SEEDS} lanes a problem: rates "
        f"{', '.join(f'{rate:g}' for rate in RATES)}, {SEEDS} random starts, {STEPS} steps. Stacked and grouped say "
        "the worst relative difference from the plain loop that the proof saw in that tier, or why the tier was left; "
        "an empty field was not tried."
    )
    lines = [
        "# The zoo: which tier each optimizer takes",
        "",
        what,
        "",
        *_table(["problem", *order], ([problem, *map(str, row)] for problem, row in counts[order].T.items())),
        "",
    ]
    columns = ["optimizer", "problem", "tier", "stacked", "grouped", "note"]
    rows = frame.assign(note=frame["note"].where(frame["dtype"] != "float32", "float32; " + frame["note"]))
    lines += _table(columns, rows[columns].itertuples(index=False, name=None))
    return "\n".join(lines) + "\n"


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    body = [f"| {' | '.join(str(cell).strip('; ') for cell in row)} |" for row in rows]
    return [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}", *body]
