"""A unit of work: runs that are made together, in this process or in another one.

To another process a unit travels as bytes and comes back as an `Answer`: the batch, the verdicts that were new, and
the provenance of the process that ran it, which need not be the one that asked.
"""

from __future__ import annotations

import functools
import pickle
import platform
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from ..errors import InputError, OptiscopeError
from ..provenance import provenance, provenance_id
from ..record import Batch, TraceSpec
from ..spec import Run
from .check import check_device
from .chooser import Verdict, Verdicts, cells, run_batch
from .single import OnEvent

_one_at_a_time = threading.Lock()  # a Dask worker may have several threads; torch's number of threads is for all


@dataclass(frozen=True)
class Settings:
    """What every unit of work needs to know beside its runs."""

    engine: str
    trace: TraceSpec
    device: str
    purpose: str
    provenance_id: str = ""


@dataclass(frozen=True)
class Answer:
    """What came of a unit: finished runs, new verdicts by key, and the facts of the process that made them."""

    batch: Batch
    verdicts: Mapping[str, Verdict]
    facts: dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """A worker's word on why it cannot run a unit: what InputError says in this process."""

    text: str


def do(unit: Sequence[Run], settings: Settings, verdicts: Verdicts, on_event: OnEvent | None = None) -> Batch:
    """Run a unit here."""

    def go(runs: Sequence[Run], trace: TraceSpec, tell: OnEvent | None) -> Batch:
        return run_batch(
            runs, settings.engine, trace, settings.device, settings.purpose, settings.provenance_id, verdicts, tell
        )

    if settings.trace.which != "best":
        return go(unit, settings.trace, on_event)
    # Summaries of all first; what is best is run once more, for its trace.
    summaries = go(unit, TraceSpec(every=0, norms=False), on_event).runs
    names = ("run_id", "status", "loss_final")
    rows = zip(*(summaries[name].to_pylist() for name in names), strict=True)
    badness = {run_id: (status in ("diverged", "error"), loss) for run_id, status, loss in rows}
    best = [min(cell, key=lambda one: badness[one.run_id]) for cell in cells(unit)]
    return Batch(summaries, go(best, replace(settings.trace, which="all"), None).trace)


def pack(unit: Sequence[Run], settings: Settings, known: Mapping[str, Verdict]) -> bytes:
    """A unit as bytes that `answer` understands; functions and classes of a script or a notebook travel by value.

    Raises InputError for a spec that holds what cannot leave this process, such as an open file.
    """
    import cloudpickle

    # Specs once and rows as plain tuples: pickling fifty thousand Run objects takes as long as running them.
    specs: dict[int, Any] = {}
    rows = []
    for one in unit:
        parts = (one.problem, one.optimizer, one.schedule)
        specs.update((id(part), part) for part in parts)
        rows.append((*map(id, parts), one.lr, one.seed, one.start, one.steps, one.dtype, one.target, one.run_id))
    try:
        contents = cloudpickle.dumps((specs, rows, settings, known))
    except Exception as error:  # pickling runs the code of whatever it meets
        culprit = next((part for part in specs.values() if not _travels(part)), unit[0].problem)
        reason = " ".join(str(error).split())
        raise InputError(f"{culprit.name} cannot go to another process: {reason}; jobs=1 runs it here") from error
    return pickle.dumps((_versions(), contents))


def answer(packed: bytes) -> Answer | Refusal:
    """Run a packed unit; called in the worker, on one thread of torch."""
    asked, contents = pickle.loads(packed)
    with _one_at_a_time:
        try:
            _check_versions(asked)
            unit, settings, known = _unpacked(contents)
            torch.set_num_threads(1)
            check_device(settings.device)
            facts = _facts(settings.device)
            verdicts = Verdicts(known)
            batch = do(unit, replace(settings, provenance_id=provenance_id(facts)), verdicts)
        except OptiscopeError as error:
            return Refusal(str(error))
    return Answer(batch, verdicts.fresh, facts)


@functools.cache
def _facts(device: str) -> dict[str, Any]:
    return provenance(device)


def _versions() -> dict[str, str]:
    """What must be the same everywhere: numbers of two versions are no fair comparison, nor do functions travel."""
    from .. import __version__

    python = ".".join(platform.python_version_tuple()[:2])
    return {"optiscope": __version__, "torch": torch.__version__, "python": python}


def _check_versions(asked: Mapping[str, str]) -> None:
    for name, here in _versions().items():
        if here != asked[name]:
            raise InputError(
                f"the worker on {platform.node()} has {name} {here}, the process that asked has {asked[name]}: "
                "install one version everywhere"
            )


def _unpacked(contents: bytes) -> tuple[list[Run], Settings, Mapping[str, Verdict]]:
    try:
        specs, rows, settings, known = pickle.loads(contents)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"the worker on {platform.node()} cannot import what a spec is made of ({error}): install it there, or put "
            "its folder on the worker's PYTHONPATH"
        ) from error
    unit = []
    for problem, optimizer, schedule, *rest, run_id in rows:
        one = Run(specs[problem], specs[optimizer], specs[schedule], *rest)
        one.__dict__["run_id"] = run_id  # made where the run was; making it again costs more than a lane's steps
        unit.append(one)
    return unit, settings, known


def _travels(part: Any) -> bool:
    import cloudpickle

    try:
        cloudpickle.dumps(part)
    except Exception:  # as above: whatever it raises, this one is the culprit
        return False
    return True
