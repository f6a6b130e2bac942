"""Which tier runs a batch of lanes: stacked, then grouped, then single, and the proof that the choice is right.

A few lanes spread over the batch run beside the plain loop for their first steps; the tier stands where they are equal
to the bit or within 1e-9 relative, else the next is taken. So an optimizer never seen before is fast or exact, and
never fast and wrong. A verdict is remembered for the optimizer, its arguments, the versions and the kind of problem,
with its evidence.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from ..errors import InputError, OptiscopeError
from ..provenance import version_of
from ..record import Batch, TraceSpec
from ..spec import Run, identity_json
from .lane_log import LaneLog, trace_bytes
from .lanes import TIERS, run_lanes
from .shares import pieces
from .single import OnEvent, needs_closure, run_single

PROOF_STEPS = 30
TOLERANCE = 1e-9
LEAST_LANES = 4  # below, the plain loop is as fast


@dataclass(frozen=True)
class Verdict:
    """Which tier an optimizer may use, and what was seen: the worst relative difference of each tier that was tried."""

    tier: str
    evidence: dict[str, str]

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
    for lanes, count in zip(together.values(), pieces(list(together.values()), jobs), strict=True):
        fit = max(1, memory // trace_bytes(lanes[0], trace))
        size = min(fit, max(LEAST_LANES, math.ceil(len(lanes) / count)))
        whole = [[one] for one in lanes] if trace.which == "all" else list(cells(lanes))
        yield from _packed(whole, size)


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
    # The class, not the arguments: those may differ by lane, but for switches and for what is zero.
    shape = (2, 2) if run.problem.layout == "matrix" else (2,)
    stock = run.optimizer.build([torch.nn.Parameter(torch.zeros(shape))], run.lr)
    if needs_closure(stock):
        return None
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


def verdict_keys(runs: Sequence[Run], engine: str, device: str) -> list[str]:
    """Keys of the verdicts that a batch goes by: one for each optimizer setting in it."""
    if engine != "auto" or len(runs) < LEAST_LANES:
        return []
    return [verdict_key(one, device) for one in {one.optimizer: one for one in runs}.values()]


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
    keys = verdict_keys(runs, engine, device)
    known = {verdicts.by_key[k].tier for k in keys if k in verdicts.by_key}
    if len(known) == 1 and all(k in verdicts.by_key for k in keys):
        tier = known.pop()
        if tier == "single":
            return _singly(runs, trace, device, purpose, key, on_event)
        return _told(_in_tier(runs, tier, trace, device, purpose, key), runs, on_event)
    return _proved(runs, trace, device, purpose, key, verdicts, keys, on_event)


def _proved(
    runs: Sequence[Run], trace: TraceSpec, device: str, purpose: str, key: str, verdicts: Verdicts, keys: list[str],
    on_event: OnEvent | None,
) -> Batch:  # fmt: skip
    probe = sorted({0, len(runs) // 2, len(runs) - 1})
    plain = [_plain_losses(runs[i], device) for i in probe]
    evidence: dict[str, str] = {}
    for tier in TIERS:
        begin = time.perf_counter()
        log = LaneLog(runs, trace, probe)
        try:
            run_lanes(runs, tier, log, device)
        except Exception as error:
            # What a tier cannot run, the next one may; the plain loop has the last word and records its own errors.
            evidence[tier] = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
            continue
        worst = max(_difference(np.array([row[i] for row in log.probed]), losses) for i, losses in enumerate(plain))
        evidence[tier] = f"worst relative difference {worst:.3g} over {PROOF_STEPS} steps of {len(probe)} lanes"
        if worst <= TOLERANCE:
            for one in keys:
                verdicts.add(one, Verdict(tier, evidence))
            wall_s = time.perf_counter() - begin
            batch = log.batch(tier=tier, device=device, purpose=purpose, provenance_id=key, wall_s=wall_s)
            return _told(batch, runs, on_event)
    for one in keys:
        verdicts.add(one, Verdict("single", evidence))
    return _singly(runs, trace, device, purpose, key, on_event)


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
            f"engine={tier!r} runs test functions under optimizers without closure; {runs[0].optimizer.name} on "
            f'{runs[0].problem.name} needs engine="single" or "auto"'
        )
    begin = time.perf_counter()
    log = LaneLog(runs, trace)
    try:
        run_lanes(runs, tier, log, device)
    except OptiscopeError as error:
        raise InputError(f"engine={tier!r} cannot run {runs[0].optimizer.name}: {error}") from error
    return log.batch(tier=tier, device=device, purpose=purpose, provenance_id=key, wall_s=time.perf_counter() - begin)


def _plain_losses(run: Run, device: str) -> np.ndarray:
    """The first losses of the plain loop, NaN from where it ended."""
    record = run_single(run, TraceSpec(norms=False), device, first=PROOF_STEPS)
    losses = np.full(min(PROOF_STEPS, run.steps) + 1, np.nan)
    found = record.trace.get("loss", np.empty(0))
    losses[: len(found)] = found
    return losses


def _difference(lane: np.ndarray, plain: np.ndarray) -> float:
    """The worst relative difference; infinite where one ended and the other did not."""
    both = np.full(len(plain), np.nan)
    both[: min(len(lane), len(plain))] = lane[: len(plain)]
    both[~np.isfinite(both)] = np.nan
    ended = np.isnan(both).argmax() if np.isnan(both).any() else len(both)
    plain_ended = np.isnan(plain).argmax() if np.isnan(plain).any() else len(plain)
    if ended != plain_ended:
        return math.inf
    a, b = both[:ended], plain[:ended]
    scale = np.maximum(np.abs(a), np.abs(b))
    return float(np.max(np.abs(a - b) / np.where(scale > 0, scale, 1.0), initial=0.0))
