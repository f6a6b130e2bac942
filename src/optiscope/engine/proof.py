"""The proof that lanes give the plain loop's result, so that an optimizer is fast or exact, and never fast and wrong.

A few lanes spread over the batch run beside the plain loop. A tier stands where all of this holds:

    beside      their losses equal the plain loop's to the bit; or, where the problem itself sums in another order in
                lanes (its losses at the start differ already), within 1e-9 relative. Differences at rounding level
                that the optimizer makes are not let through: where a landscape is chaotic they grow to anything.
                Nor is a stacked optimizer that calls a function (a cube root) which rounds otherwise in vectors, unless
                the lanes, of few numbers each, are given to the scalar kernel as they are alone.
    how long    for 30 steps, and 30 beyond the last step at which a stacked optimizer called a function for the first
                time: a way through its code that nobody compared proves nothing. Grouped: one lane, to the end.
    company     also in the company of a lane that is far off and of one that is not finite: no lane touches another.
    networks    are compared for 20 steps, within 1e-5 in float32: their products are summed in another order in lanes.
    no chance   nothing was drawn from a global generator: lanes would share what each run draws from its own seed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import OptiscopeError
from ..record import TraceSpec
from ..seeding import OwnRandom
from ..spec import Run
from .lane_log import LaneLog
from .lanes import TIERS, Lanes, run_lanes
from .single import run_single

PROOF_STEPS = 30
TOLERANCE = 1e-9
NETWORK_STEPS = 20  # beyond, rounding in float32 may have grown to anything
NETWORK_TOLERANCE = 1e-5  # in float32, and in the shorter formats
# Where the company starts, in every coordinate: one that makes giant steps, and one whose loss is not finite.
COMPANY = (1e3, 1e200)


class LanesShareRandomness(OptiscopeError):
    """An optimizer draws random numbers: each run has its own, lanes would share them."""


@dataclass
class Proof:
    """What came of it: the tier, what each tier showed, the steps it holds for, and the batch's log unless single."""

    tier: str
    evidence: dict[str, str]
    steps: int
    log: LaneLog | None = None
    wall_s: float = 0.0


def prove(runs: Sequence[Run], trace: TraceSpec, device: str) -> Proof:
    """Run the batch in the fastest tier that is proved right. Single is nobody's to prove: then there is no log."""
    probe = _spread(runs)
    beside = _Beside([runs[i] for i in probe], device)
    evidence: dict[str, str] = {}
    for tier in TIERS:
        begin = time.perf_counter()
        log = LaneLog(runs, trace, probe)
        try:
            lanes = run_tier(runs, tier, log, device)
            wall_s = time.perf_counter() - begin
        except Exception as error:
            # What a tier cannot run, the next one may; the plain loop has the last word and records its own errors.
            evidence[tier] = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
            continue
        rows = np.array(log.probed)
        network = not runs[0].problem.is_function
        steps = min(NETWORK_STEPS if network else lanes.newest_way + 1 + PROOF_STEPS, runs[0].steps)
        seen = _Seen(runs[0])
        for i in range(len(probe)):
            short = tier == "grouped" and i != len(probe) // 2
            seen.compare(rows[:, i], beside.losses(i, min(PROOF_STEPS, steps) if short else steps))
        evidence[tier] = f"{seen} over {steps} steps of {len(probe)} lanes"
        fault = ""
        if network and tier == "stacked" and lanes.newest_way >= steps:
            fault = f"it goes a new way at step {lanes.newest_way}, where networks are not compared any more"
        elif lanes.loose and not network:
            fault = f"{lanes.loose} does not round alike for one lane and for many"
        if seen.right and not fault:
            fault = beside.company(tier)
        if seen.right and not fault:
            return Proof(tier, evidence, steps, log, wall_s)
        evidence[tier] += f"; {fault}" if fault else ""
    return Proof("single", evidence, runs[0].steps)


def believed(runs: Sequence[Run], tier: str, steps: int, trace: TraceSpec, device: str) -> LaneLog | None:
    """The batch in a tier proved before for so many steps; None where it went a way that the proof did not see."""
    log = LaneLog(runs, trace)
    try:
        lanes = run_tier(runs, tier, log, device)
    except Exception:  # a lane that diverged may end what was proved without one: to be proved again
        return None
    network = not runs[0].problem.is_function
    if network:
        return log if tier == "grouped" or lanes.newest_way < steps else None
    return log if lanes.newest_way < steps and not lanes.loose else None


def run_tier(runs: Sequence[Run], tier: str, log: LaneLog, device: str) -> Lanes:
    """`run_lanes` on its own randomness. Raises LanesShareRandomness where any was used."""
    with OwnRandom(0, "lanes", device) as own:
        lanes = run_lanes(runs, tier, log, device)
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
        self._runs, self._device = runs, device
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
                seen.compare(rows[:, i], self.losses(i, steps))
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
