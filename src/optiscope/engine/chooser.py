"""Which tier runs a batch of lanes: stacked, then grouped, then single; what was proved once is remembered.

A verdict holds for the optimizer, its arguments, the versions and the kind of problem, and is kept with its evidence.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from ..errors import InputError, reason_of
from ..identity import identity_json
from ..provenance import version_of
from ..record import Batch, TraceSpec
from ..spec import Run
from .calling import Calling, calling
from .chunks import lanes_together
from .lane_log import LaneLog, trace_bytes
from .lanes import TIERS
from .proof import Trust, believed, prove, run_tier
from .shares import pieces
from .single import OnEvent, run_single

LEAST_LANES = 4  # below, the plain loop is as fast
# Numbers of a stacked parameter: with gradient and state they should stay in a processor's cache. Beyond it a lane-step
# costs up to twice as much; far below it, a step's fixed cost is spread over too few lanes.
CACHED_NUMBERS = 65_536
# What this process compared under each verdict; worker processes are handed the verdicts, batch by batch.
_TRUST: dict[tuple[str, type], Trust] = {}
NETWORK_LANES = 32  # of a network, where a tier is asked for instead of chosen


@dataclass(frozen=True)
class Verdict:
    """Which tier an optimizer may use, what was seen of each tier that was tried, and for how many steps it holds.

    `ways` are the steps in which the optimizer may call a function for the first time.
    """

    tier: str
    evidence: dict[str, str]
    steps: int = 0
    ways: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For the store."""
        return asdict(self)


class Verdicts:
    """The verdicts so far, by key; a store may hold them, too."""

    def __init__(self, known: Mapping[str, Verdict | dict[str, Any]] | None = None):
        self.by_key = {k: v if isinstance(v, Verdict) else Verdict(**v) for k, v in (known or {}).items()}
        self.fresh: dict[str, Verdict] = {}

    def add(self, key: str, verdict: Verdict) -> None:
        """Remember one."""
        self.by_key[key] = self.fresh[key] = verdict


def batches(
    runs: Sequence[Run], trace: TraceSpec, memory: int, jobs: int, device: str = "cpu", engine: str = "auto"
) -> Iterator[list[Run]]:
    """Cut runs into batches whose lanes may go together, each within `memory` bytes; runs that may not, one by one."""
    # By object first: hashing three specs for each of a million runs takes longer than running them.
    families: dict[tuple[Any, ...], list[Run]] = {}
    for one in runs:
        family = (id(one.problem), id(one.optimizer), id(one.schedule), one.steps, one.dtype)
        families.setdefault(family, []).append(one)
    together: dict[Hashable, list[Run]] = {}
    for members in families.values():
        kind = _lane_kind(members[0])
        if kind is None:
            yield from cells(members) if trace.which == "best" else ([one] for one in members)
        else:
            together.setdefault(kind, []).extend(members)
    for lanes, shares in zip(together.values(), pieces(list(together.values()), jobs), strict=True):
        fit = memory // trace_bytes(lanes[0], trace)
        if not lanes[0].problem.is_function:
            fit = lanes_together(lanes, fit, device) if engine == "auto" else min(fit, NETWORK_LANES)
        elif device == "cpu":
            fit = min(fit, CACHED_NUMBERS // lanes[0].problem.dim)
        least = LEAST_LANES if lanes[0].problem.is_function else 1
        count = max(math.ceil(len(lanes) / max(least, fit)), min(shares, math.ceil(len(lanes) / LEAST_LANES)))
        size = math.ceil(len(lanes) / count)
        if trace.which == "best":
            yield from _packed(cells(lanes), size)
        else:
            yield from (lanes[first : first + size] for first in range(0, len(lanes), size))


def cells(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """Runs of one problem, optimizer, schedule, horizon and dtype: what the best is the best of."""
    found: dict[Hashable, list[Run]] = {}
    for one in runs:
        found.setdefault((one.problem, one.optimizer, one.schedule, one.steps, one.dtype), []).append(one)
    yield from found.values()


def _packed(pieces: Iterable[list[Run]], size: int) -> Iterator[list[Run]]:
    """Whole pieces into batches of about `size` runs."""
    batch: list[Run] = []
    for piece in pieces:
        if batch and len(batch) + len(piece) > size:
            yield batch
            batch = []
        batch += piece
    if batch:
        yield batch


def _lane_kind(run: Run) -> Hashable | None:
    """What lanes of one batch have in common; None for a run that cannot share one."""
    if run.problem.layout == "sparse" or run.optimizer.groups:
        return None
    if run.problem.task is not None and run.problem.task.training is not None:
        return None
    if calling(run) is not Calling.PLAIN:
        return None
    stock = _stock(run)
    return (
        run.problem, run.optimizer.path, run.optimizer.version, _switches(run, stock), run.schedule.kind == "adaptive",
        run.steps, run.dtype,
        "" if run.problem.is_function else (run.schedule.interval, run.schedule.evaluated(run.problem)),
    )  # fmt: skip


def _stock(run: Run) -> torch.optim.Optimizer:
    shape = (2,) if run.problem.is_function and run.problem.layout != "matrix" else (2, 2)
    return run.optimizer.build([torch.nn.Parameter(torch.zeros(shape))], run.lr)


def _switches(run: Run, stock: torch.optim.Optimizer) -> str:
    """What decides which lines of a step run: switches, what is zero, and all that the group does not hold by lane."""
    group = {key: _switch(value) for key, value in stock.param_groups[0].items() if key != "params"}
    return identity_json(group=group, outside={k: v for k, v in run.optimizer.arguments.items() if k not in group})


def _switch(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return str([_switch(part) for part in value])
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
        return "zero" if value == 0 else "number"
    return repr(value)


def verdict_key(runs: Sequence[Run], engine: str, device: str) -> str | None:
    """What the verdict that a batch goes by holds for; None where there is no choice, and so no verdict.

    It holds for optimizer, versions, problem (it may mix lanes, too), dtype, device and schedule kind.
    Of the optimizer: class, switches, and the names of the arguments that vary by lane. Not their values: lanes of one
    batch agree in switches alone and a few of them are proved for all, so a verdict for each setting would claim more
    than was seen, and a search of 64 settings would be proved anew and store 64 verdicts whenever it draws anew.
    """
    if engine != "auto" or len(runs) < LEAST_LANES or _lane_kind(runs[0]) is None:
        return None
    run, package = runs[0], runs[0].optimizer.path.partition(".")[0]
    specs = {id(one.optimizer): one.optimizer for one in runs}.values()
    settings = [{(name, repr(value)) for name, value in one.arguments.items()} for one in specs]
    varied = {name for own in settings for name, _ in own ^ settings[0]}
    return identity_json(
        optimizer=run.optimizer.path, version=run.optimizer.version, switches=_switches(run, _stock(run)),
        varied=sorted(varied), torch=torch.__version__, package=f"{package} {version_of(package)}",
        problem=run.problem.identity, dtype=run.dtype, device=device.partition(":")[0],
        adaptive=run.schedule.kind == "adaptive",
    )  # fmt: skip


def run_batch(
    runs: Sequence[Run], engine: str, trace: TraceSpec, device: str, purpose: str, key: str, verdicts: Verdicts,
    on_event: OnEvent | None = None,
) -> Batch:  # fmt: skip
    """A batch in the tier asked for, or in the fastest one that is proved right."""
    if engine in TIERS:
        return _told(_in_tier(runs, engine, trace, device, purpose, key), runs, on_event)
    held = verdict_key(runs, engine, device)
    known = None if held is None else verdicts.by_key.get(held)
    if held is None or (known and known.tier == "single"):
        return _singly(runs, trace, device, purpose, key, on_event)
    begin = time.perf_counter()
    # By the class, too: one that was defined anew in a session has the name of the old one.
    trust = _TRUST.setdefault((held, runs[0].optimizer.resolved), Trust())
    log = believed(runs, known.tier, known.steps, known.ways, trust, trace, device) if known else None
    if log is None:
        # Nothing known, or the optimizer went ways that the proof had not seen.
        proof = prove(runs, trace, device)
        verdicts.add(held, Verdict(proof.tier, proof.evidence, proof.steps, proof.ways))
        if proof.log is None:
            return _singly(runs, trace, device, purpose, key, on_event)
        log, begin = proof.log, time.perf_counter() - proof.wall_s
    trust.add(runs)
    tier, wall_s = verdicts.by_key[held].tier, time.perf_counter() - begin
    return _told(log.batch(tier=tier, device=device, purpose=purpose, provenance_id=key, wall_s=wall_s), runs, on_event)


def _singly(
    runs: Sequence[Run], trace: TraceSpec, device: str, purpose: str, key: str, on_event: OnEvent | None
) -> Batch:
    return Batch.of([run_single(one, trace, device, purpose, key, on_event) for one in runs])


def _told(batch: Batch, runs: Sequence[Run], on_event: OnEvent | None) -> Batch:
    """Lanes report their events once the batch is finished."""
    if on_event is not None:
        replay(batch, {one.run_id: one for one in runs}, on_event)
    return batch


def replay(batch: Batch, by_id: Mapping[str, Run], on_event: OnEvent) -> None:
    """Report the events of finished runs."""
    for run_id, events in zip(batch.runs["run_id"].to_pylist(), batch.runs["events"].to_pylist(), strict=True):
        for event in json.loads(events):
            on_event(by_id[run_id], event)


def _why(error: Exception) -> str:
    """What lanes cannot do with a network, where torch's words are advice to those who write `vmap` themselves."""
    reason = reason_of(error)
    if "running_mean" in reason:
        return "its batch norm keeps running statistics, and each run has its own"
    return "it draws random numbers, and each run has its own" if "randomness" in reason else reason


def _in_tier(runs: Sequence[Run], tier: str, trace: TraceSpec, device: str, purpose: str, key: str) -> Batch:
    if _lane_kind(runs[0]) is None:
        raise InputError(
            f"engine={tier!r} runs dense problems under optimizers whose step takes no closure and no graph; "
            f'{runs[0].optimizer.name} on {runs[0].problem.name} needs engine="single" or "auto"'
        )
    begin = time.perf_counter()
    log = LaneLog(runs, trace)
    try:
        run_tier(runs, tier, log, device)
    except Exception as error:  # other people's code, in a tier that it was not written for
        who = f"{runs[0].optimizer.name} on {runs[0].problem.name}"
        raise InputError(f'engine={tier!r} cannot run {who}: {_why(error)}; use engine="auto" or "single"') from error
    return log.batch(tier=tier, device=device, purpose=purpose, provenance_id=key, wall_s=time.perf_counter() - begin)
