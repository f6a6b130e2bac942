"""Which tier runs a batch of lanes: stacked, then grouped, then single; what was proved once is remembered.

A verdict holds for the optimizer, its arguments, the versions and the kind of problem, and is kept with its evidence.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from ..errors import InputError
from ..provenance import version_of
from ..record import Batch, TraceSpec
from ..spec import Run, identity_json
from .calling import Calling, calling
from .lane_log import LaneLog, trace_bytes
from .lanes import TIERS
from .proof import believed, prove, run_tier
from .single import OnEvent, run_single

LEAST_LANES = 4  # below, the plain loop is as fast


@dataclass(frozen=True)
class Verdict:
    """Which tier an optimizer may use, what was seen of each tier that was tried, and for how many steps it holds."""

    tier: str
    evidence: dict[str, str]
    steps: int = 0

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


def batches(runs: Sequence[Run], trace: TraceSpec, memory: int, jobs: int) -> Iterator[list[Run]]:
    """Cut runs into batches whose lanes may go together, each within `memory` bytes; runs that may not, one by one."""
    together: dict[Hashable, list[Run]] = {}
    kinds: dict[Any, Hashable] = {}
    for one in runs:
        # By object first: hashing three specs for each of a million runs takes longer than running them.
        family = (id(one.problem), id(one.optimizer), id(one.schedule), one.steps, one.dtype)
        if family not in kinds:
            kinds[family] = _lane_kind(one)
        together.setdefault(kinds[family] if kinds[family] is not None else one, []).append(one)
    for lanes in together.values():
        fit = max(1, memory // trace_bytes(lanes[0], trace))
        size = min(fit, max(LEAST_LANES, math.ceil(len(lanes) / jobs)))
        pieces = [[one] for one in lanes] if trace.which == "all" else list(cells(lanes))
        yield from _packed(pieces, size)


def cells(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """Runs of one problem, optimizer, schedule, horizon and dtype: what the best is the best of."""
    found: dict[Hashable, list[Run]] = {}
    for one in runs:
        found.setdefault((one.problem, one.optimizer, one.schedule, one.steps, one.dtype), []).append(one)
    yield from found.values()


def _packed(pieces: Sequence[list[Run]], size: int) -> Iterator[list[Run]]:
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
    if not run.problem.is_function or run.problem.layout == "sparse":
        return None
    if calling(run) is not Calling.PLAIN:
        return None
    # The class, not the arguments: those may differ by lane, but for switches and for what is zero.
    shape = (2, 2) if run.problem.layout == "matrix" else (2,)
    stock = run.optimizer.build([torch.nn.Parameter(torch.zeros(shape))], run.lr)
    switches = tuple(sorted((key, _switch(value)) for key, value in stock.param_groups[0].items() if key != "params"))
    return (
        run.problem, run.optimizer.path, run.optimizer.version, switches, run.schedule.kind == "adaptive", run.steps,
        run.dtype,
    )  # fmt: skip


def _switch(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return str([_switch(part) for part in value])
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
        return "zero" if value == 0 else "number"
    return repr(value)


def verdict_key(run: Run, device: str) -> str:
    """What a verdict holds for: optimizer, versions, problem (it may mix lanes, too), dtype, device, schedule kind."""
    package = run.optimizer.path.partition(".")[0]
    return identity_json(
        optimizer=run.optimizer.identity, torch=torch.__version__, package=f"{package} {version_of(package)}",
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
    if engine == "single" or len(runs) < LEAST_LANES or _lane_kind(runs[0]) is None:
        return _singly(runs, trace, device, purpose, key, on_event)
    # Every optimizer setting in the batch must have been proved, and all of them the same tier.
    keys = [verdict_key(one, device) for one in {one.optimizer: one for one in runs}.values()]
    known = [verdicts.by_key[k] for k in keys if k in verdicts.by_key]
    log = None
    if len(known) == len(keys) and len({verdict.tier for verdict in known}) == 1:
        if known[0].tier == "single":
            return _singly(runs, trace, device, purpose, key, on_event)
        begin = time.perf_counter()
        log = believed(runs, known[0].tier, min(verdict.steps for verdict in known), trace, device)
    if log is None:
        # Nothing known, or the optimizer went ways that the proof had not seen.
        begin = time.perf_counter()
        proof = prove(runs, trace, device)
        for one in keys:
            verdicts.add(one, Verdict(proof.tier, proof.evidence, proof.steps))
        if proof.log is None:
            return _singly(runs, trace, device, purpose, key, on_event)
        log, begin = proof.log, time.perf_counter() - proof.wall_s
    tier = verdicts.by_key[keys[0]].tier
    wall_s = time.perf_counter() - begin
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


def _in_tier(runs: Sequence[Run], tier: str, trace: TraceSpec, device: str, purpose: str, key: str) -> Batch:
    if _lane_kind(runs[0]) is None:
        raise InputError(
            f"engine={tier!r} runs test functions under optimizers whose step takes no closure and no graph; "
            f"{runs[0].optimizer.name} on "
            f'{runs[0].problem.name} needs engine="single" or "auto"'
        )
    begin = time.perf_counter()
    log = LaneLog(runs, trace)
    try:
        run_tier(runs, tier, log, device)
    except Exception as error:  # other people's code, in a tier that it was not written for
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"engine={tier!r} cannot run {runs[0].optimizer.name}: {reason}") from error
    return log.batch(tier=tier, device=device, purpose=purpose, provenance_id=key, wall_s=time.perf_counter() - begin)
