"""The proof that lanes give the plain loop's result, so that an optimizer is fast or exact, and never fast and wrong.

A few lanes spread over the batch run beside the plain loop. A tier stands where all of this holds:

    beside      their losses equal the plain loop's to the bit; or, where the problem itself sums in another order in
                lanes (its losses at the start differ already), within 1e-9 relative. Differences at rounding level
                that the optimizer makes are not let through: where a landscape is chaotic they grow to anything.
                Nor is a stacked optimizer that calls a function (a cube root) which rounds otherwise in vectors, unless
                the lanes, of few numbers each, are given to the scalar kernel as they are alone.
    how long    for 30 steps, and 30 beyond the last step at which a stacked optimizer called a function for the first
                time: a way through its code that nobody compared proves nothing. Two of the lanes to the end of the
                run, since what was called before may be called with other numbers late. A proof of n steps holds
                for n steps at most.
    company     also in the company of a lane that is far off and of one that is not finite: no lane touches another.
    networks    are compared for 20 steps, within 1e-5 in float32: their products are summed in another order in lanes,
                and what rounding has grown to at the end of a training tells nothing of the optimizer; nor does it at a
                rate above the batch's middle one, where it may take a few steps. Updates do: three of the lanes, that
                of the highest rate among them, have a shadow to the end of the run, a plain optimizer that is given the
                lane's weights and gradients at each step and must make the same of them.
    no chance   nothing was drawn from a global generator: lanes would share what each run draws from its own seed.

A verdict that is remembered is taken on trust for what this process compared: arguments, schedules, starts, and rates
between the least and the greatest. A batch that holds anything else has one lane more compared, to its end.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import OptiscopeError
from ..record import TraceSpec
from ..seeding import OwnRandom
from ..spec import Run
from .lane_log import LaneLog
from .lanes import TIERS, Lanes, run_lanes
from .shadow import Shadow, calm_lanes, lowest_to_highest, shadows_of, told
from .single import run_single

PROOF_STEPS = 30
TO_THE_END = 2  # lanes
TOLERANCE = 1e-9
NETWORK_STEPS = 20  # beyond, rounding in float32 may have grown to anything
NETWORK_TOLERANCE = 1e-5  # in float32, and in the shorter formats
# Where the company starts, in every coordinate: one that makes giant steps, and one whose loss is not finite.
COMPANY = (1e3, 1e200)


class LanesShareRandomness(OptiscopeError):
    """An optimizer draws random numbers: each run has its own, lanes would share them."""


@dataclass
class Proof:
    """What came of it: the tier, what each tier showed, the steps it holds for, and the batch's log unless single.

    `ways` are the steps in which a function may be called for the first time, because 30 beyond it were compared.
    """

    tier: str
    evidence: dict[str, str]
    steps: int
    ways: int = 0
    log: LaneLog | None = None
    wall_s: float = 0.0


def prove(runs: Sequence[Run], trace: TraceSpec, device: str) -> Proof:
    """Run the batch in the fastest tier that is proved right. Single is nobody's to prove: then there is no log."""
    network = not runs[0].problem.is_function
    probe = calm_lanes(runs, _spread(runs)) if network else _spread(runs)
    beside = _Beside([runs[i] for i in probe], device)
    evidence: dict[str, str] = {}
    for tier in TIERS:
        begin = time.perf_counter()
        log = LaneLog(runs, trace, probe)
        shadows = shadows_of(runs, lowest_to_highest(runs)) if network else []
        try:
            lanes = run_tier(runs, tier, log, device, shadows)
            wall_s = time.perf_counter() - begin
        except Exception as error:
            # What a tier cannot run, the next one may; the plain loop has the last word and records its own errors.
            evidence[tier] = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
            continue
        rows = np.array(log.probed)
        ways = min(max(lanes.newest_way + 1 + PROOF_STEPS, NETWORK_STEPS if network else 0), runs[0].steps)
        steps = min(NETWORK_STEPS, runs[0].steps) if network else ways
        to_end = [] if network else _longest(rows)[:TO_THE_END]
        seen = _Seen(runs[0])
        for i in range(len(probe)):
            short = tier == "grouped" and not network
            own = runs[0].steps if i in to_end else min(PROOF_STEPS, steps) if short else steps
            seen.compare(rows[:, i], beside.losses(i, own)[: len(rows)])  # fewer where all lanes have ended
        compared = min(PROOF_STEPS, steps) if tier == "grouped" else steps
        horizon = f"{compared} of {runs[0].steps}" if network and compared < runs[0].steps else f"{compared}"
        evidence[tier] = f"{seen} over {horizon} steps of {len(probe)} lanes"
        if to_end:
            evidence[tier] += f", {len(to_end)} of them over all {runs[0].steps}"
        fault = ""
        if network:
            evidence[tier] += f", {told(shadows)}"
            if not all(one.right for one in shadows):
                fault = "the plain optimizer makes something else of the same gradients"
        elif lanes.loose:
            fault = f"{lanes.loose} does not round alike for one lane and for many"
        if seen.right and not fault:
            fault = beside.company(tier)
        if seen.right and not fault:
            holds = max(one.steps for one in shadows) if network else runs[0].steps
            return Proof(tier, evidence, holds, ways, log, wall_s)
        evidence[tier] += f"; {fault}" if fault else ""
    return Proof("single", evidence, runs[0].steps)


def believed(
    runs: Sequence[Run], tier: str, steps: int, ways: int, trust: Trust, trace: TraceSpec, device: str
) -> LaneLog | None:
    """The batch in a tier proved before for so many steps; None where it went beyond what the proof saw.

    Where it holds what nobody compared yet, one of its lanes is run beside the plain loop, to the end.
    """
    if runs[0].steps > steps:
        return None
    network = not runs[0].problem.is_function
    unseen = trust.unseen(runs)
    shadows = shadows_of(runs, unseen[:TO_THE_END]) if network else []
    probe = [] if network else unseen
    log = LaneLog(runs, trace, probe)
    try:
        lanes = run_tier(runs, tier, log, device, shadows)
    except Exception:  # a lane that diverged may end what was proved without one: to be proved again
        return None
    if (tier == "stacked" and lanes.newest_way >= ways) or not all(one.right for one in shadows):
        return None
    if network:
        return log
    if lanes.loose:
        return None
    if probe:
        rows = np.array(log.probed)
        i = _longest(rows)[0]
        seen = _Seen(runs[0])
        seen.compare(rows[:, i], _Beside([runs[probe[i]]], device).losses(0, runs[0].steps)[: len(rows)])
        if not seen.right:
            return None
    return log


class Trust:
    """What was compared under one verdict: the settings of its batches, and their least and greatest rate."""

    def __init__(self) -> None:
        self._settings: set[tuple[str, ...]] = set()
        self._low, self._high = math.inf, 0.0

    def unseen(self, runs: Sequence[Run]) -> list[int]:
        """Some lanes, in order, of a setting or at a rate that was not there yet; none where everything was."""
        found = {i for setting, i in _settings(runs).items() if setting not in self._settings}
        by_rate = sorted(range(len(runs)), key=lambda i: runs[i].lr)
        found |= {by_rate[0]} if runs[by_rate[0]].lr < self._low else set()
        found |= {by_rate[-1]} if runs[by_rate[-1]].lr > self._high else set()
        some = sorted(found)
        return some[:: max(1, math.ceil(len(some) / 5))]

    def add(self, runs: Sequence[Run]) -> None:
        """A batch of which lanes were compared, or which held nothing new."""
        self._settings.update(_settings(runs))
        rates = [one.lr for one in runs]
        self._low, self._high = min(self._low, *rates), max(self._high, *rates)


def _settings(runs: Sequence[Run]) -> dict[tuple[str, ...], int]:
    """Optimizer, schedule and kind of start, each with the first lane that has it."""
    starts = ((one.start if one.start.__class__ is str else "point") for one in runs)
    # By object first: a batch has many lanes and few specs.
    first: dict[tuple[Any, ...], int] = {}
    for i, (one, start) in enumerate(zip(runs, starts, strict=True)):
        first.setdefault((id(one.optimizer), id(one.schedule), start), i)
    return {
        (runs[i].optimizer.identity, runs[i].schedule.identity, start): i
        for (_, _, start), i in reversed(first.items())
    }  # fmt: skip


def _longest(rows: np.ndarray) -> list[int]:
    """Columns of losses, shape (steps + 1, lanes): those that stayed finite longest first, of these the lowest."""
    lived = np.isfinite(rows).cumprod(axis=0).sum(axis=0)
    return np.lexsort((np.arange(rows.shape[1]), rows[lived.max() - 1], -lived)).tolist() if lived.max() else [0]


def run_tier(
    runs: Sequence[Run], tier: str, log: LaneLog, device: str, shadows: Sequence[Shadow] = ()
) -> Lanes:  # fmt: skip
    """`run_lanes` on its own randomness. Raises LanesShareRandomness where any was used."""
    with OwnRandom(0, "lanes", device) as own:
        lanes = run_lanes(runs, tier, log, device, shadows=shadows)
        if own.drawn():
            raise LanesShareRandomness("it draws random numbers, and each run has its own")
    return lanes


def _misbehaving(run: Run, far: float) -> Run:
    """A lane that is far off, or soon not finite."""
    if run.problem.is_function:
        return replace(run, start=(far,) * run.problem.dim)
    return replace(run, lr=run.lr * far)


def _spread(runs: Sequence[Run]) -> list[int]:
    """First, middle and last of the batch, and the lanes of the lowest and the highest rate."""
    by_rate = sorted(range(len(runs)), key=lambda i: runs[i].lr)
    return sorted({0, len(runs) // 2, len(runs) - 1, by_rate[0], by_rate[-1]})


class _Beside:
    """The plain loop for the probed lanes, each run as far as anybody asks."""

    def __init__(self, runs: Sequence[Run], device: str):
        # A lane that met its target goes on being computed: the comparison goes on, too.
        self._runs, self._device = [replace(one, target=None) for one in runs], device
        self._known: dict[int, np.ndarray] = {}

    def losses(self, i: int, steps: int) -> np.ndarray:
        """The first losses of the plain loop, shape (steps + 1,), NaN from where it ended."""
        steps = min(steps, self._runs[i].steps)
        if len(self._known.get(i, ())) < steps + 1:
            record = run_single(self._runs[i], TraceSpec(norms=False), self._device, first=steps)
            losses = np.full(steps + 1, np.nan)
            found = record.trace.get("loss", np.empty(0))
            losses[: len(found)] = found
            self._known[i] = losses
        return self._known[i][: steps + 1]

    def company(self, tier: str) -> str:
        """What is wrong with the probed lanes beside lanes that misbehave; empty where they do not notice."""
        network = not self._runs[0].problem.is_function
        steps = min(NETWORK_STEPS if network else PROOF_STEPS, self._runs[0].steps)
        for count in range(len(COMPANY), 0, -1):
            own = list(self._runs)
            others = [_misbehaving(own[-1], far) for far in COMPANY[:count]]
            log = LaneLog([*own, *others], TraceSpec(every=0, norms=False), range(len(own)))
            try:
                run_lanes([*own, *others], tier, log, self._device, steps)
            except Exception:  # it cannot run beside such a lane, and says so; so it will in a batch that holds one
                continue
            rows = np.array(log.probed)
            seen = _Seen(own[0])
            for i in range(len(own)):
                seen.compare(rows[:, i], self.losses(i, steps)[: len(rows)])
            return "" if seen.right else f"beside lanes that are far off, {seen}"
        return ""


class _Seen:
    """The worst of several comparisons of a lane with the plain loop."""

    def __init__(self, run: Run) -> None:
        self.worst = 0.0
        # Networks are multiplied out by other kernels in lanes, to the last bits of their numbers.
        self._network = not run.problem.is_function
        self._tolerance = TOLERANCE if run.dtype == "float64" or not self._network else NETWORK_TOLERANCE
        self._same_problem = not self._network

    def compare(self, lane: np.ndarray, plain: np.ndarray) -> None:
        """Add one lane: its losses, and as many of the plain loop's, NaN from where that ended."""
        self.worst = max(self.worst, difference(lane, plain))
        self._same_problem &= bool(lane[0] == plain[0] or not math.isfinite(plain[0]))

    @property
    def right(self) -> bool:
        """Equal to the bit; or nearly, where the problem itself is not computed to the same bit."""
        return self.worst == 0 or (self.worst <= self._tolerance and not self._same_problem)

    def __str__(self) -> str:
        return f"worst relative difference {self.worst:.3g}"


def difference(lane: np.ndarray, plain: np.ndarray) -> float:
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
