"""What the lanes leave behind: summaries, and traces where they are kept. Blocks of steps, columns of NumPy."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..record import Batch, Status, TraceSpec, run_columns, runs_table, trace_table
from ..spec import Run
from .calling import parameter_shapes
from .clock import Clock
from .events import diverged, never_acts, rate_changed
from .lane_ends import LaneEnds
from .lane_table import LaneTable
from .lane_trace import make_trace

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 64  # steps looked at together; summaries cost a few passes over a block


class LaneLog:
    """Collects the states of a batch. `probe` lanes keep their losses whole, for the proof against the plain loop."""

    def __init__(self, runs: Sequence[Run], trace: TraceSpec, probe: Sequence[int] = ()):
        self.runs, self.trace = runs, trace
        lanes, self.steps = len(runs), runs[0].steps
        self.lanes = lanes
        self._full = bool(trace.every)
        rows = self.steps + 1 if self._full else min(BLOCK, self.steps + 1)
        self._losses = np.full((rows, lanes), np.nan)
        self._first_row = 0  # the step that row 0 of the block holds
        self.start = np.full(lanes, np.nan)
        self.final = np.full(lanes, np.nan)
        self.best = np.full(lanes, np.inf)
        self.best_step = np.zeros(lanes, dtype=np.int64)
        self.last = np.full(lanes, -1, dtype=np.int64)  # the last finite step of each lane
        self.ended = np.zeros(lanes, dtype=bool)
        self.hit = np.zeros(lanes, dtype=bool)  # of those that ended, the ones that met their target
        targeted = any(one.target is not None for one in runs)
        self._end_losses = np.array([one.end_loss for one in runs]) if targeted else None
        self.bad_value = np.full(lanes, np.nan)
        self.latest = self._losses[0]
        self.events: dict[int, list[dict[str, Any]]] = {}
        self._rates: list[np.ndarray] = []
        self._lane_setting: np.ndarray = np.zeros(lanes, dtype=np.int64)
        self._evaluations = Clock(runs[0], self.steps).evaluations
        self._kept = make_trace(runs, trace, self._evaluations)
        self._ends = LaneEnds(runs, trace.target, self._end_losses) if trace.ends else None
        self._metrics: dict[str, dict[int, np.ndarray]] = {}  # by name and step, shape (lanes,)
        self._epoch = runs[0].problem.steps_per_epoch
        self._this_epoch: list[np.ndarray] = []  # its losses so far, where a schedule looks at them
        self.probe = np.array(sorted(probe), dtype=np.int64)
        self.probed: list[np.ndarray] = []

    @property
    def all_ended(self) -> bool:
        """Whether every lane is not finite any more or has met its target, as far as has been looked."""
        return bool(self.ended.all())

    def state(self, step: int, loss: torch.Tensor, stacks: Sequence[torch.Tensor], table: LaneTable) -> None:
        """The state after `step` steps."""
        row = step - self._first_row
        if row == len(self._losses):
            self._look(row)
            self._first_row, row = step, 0
        self._losses[row] = loss.numpy() if loss.device.type == "cpu" and loss.dtype == torch.float64 else (
            loss.double().cpu().numpy()
        )  # fmt: skip
        self.latest = self._losses[row]
        if len(self.probe):
            self.probed.append(self._losses[row, self.probe].copy())
        if self._kept is not None:
            self._kept.state(step, stacks)
        if self._ends is not None:
            self._ends.state(step, self.latest, stacks)
        if table.adaptive:
            if step % self._epoch == 0:
                self._this_epoch.clear()
            self._this_epoch.append(self.latest.copy())
        self._lane_setting = table.lane_setting
        self._rates.append(table.rates)
        if step == self.steps:
            self._look(row + 1)

    def gradient(self, step: int, gradients: Callable[[], Sequence[torch.Tensor]]) -> None:
        """The gradient that the step from `step` uses."""
        if self._kept is not None:
            self._kept.gradient(step, gradients)

    def measured(self, step: int, metrics: Mapping[str, np.ndarray]) -> None:
        """A problem's own metrics at this step, shape (lanes,) each."""
        for name, values in metrics.items():
            self._metrics.setdefault(name, {})[step] = values

    def watched(self) -> np.ndarray:
        """What each lane's schedule looks at, shape (lanes,): its mean loss over the epoch so far, or a metric."""
        if self._epoch == 1 and all(one.schedule.monitor == "loss" for one in self.runs):
            return self.latest
        means = [math.fsum(losses) / len(self._this_epoch) for losses in zip(*self._this_epoch, strict=True)]
        latest = {name: found[max(found)] for name, found in self._metrics.items()}
        return np.array([
            means[lane] if one.schedule.monitor == "loss" else latest[one.schedule.monitor][lane]
            for lane, one in enumerate(self.runs)
        ])  # fmt: skip

    def changes(self, step: int, changes: Sequence[tuple[int, float, float]]) -> None:
        """Changes of rate that an adaptive schedule made."""
        for lane, before, after in changes:
            # A lane that has ended has no more to say.
            if np.isfinite(self.latest[lane]) and not self.ended[lane]:
                self.events.setdefault(lane, []).append(rate_changed(step, before, after))

    def _look(self, rows: int) -> None:
        """Take the block's first `rows` rows into the summaries."""
        block = self._losses[:rows]
        finite = np.isfinite(block)
        alive = ~self.ended
        near = None if self._end_losses is None else finite & (block <= self._end_losses)
        if finite.all() and alive.all() and (near is None or not near.any()):
            count = np.full(self.lanes, rows)
        else:
            bad = ~finite
            count = np.where(bad.any(axis=0), bad.argmax(axis=0), rows) * alive
            stopped = alive & (count < rows)
            if near is not None:
                arrived = alive & near.any(axis=0) & (near.argmax(axis=0) < count)
                count = np.where(arrived, near.argmax(axis=0) + 1, count)
                stopped &= ~arrived
                self.hit |= arrived
                self.ended |= arrived
            self.bad_value[stopped] = block[count[stopped], np.nonzero(stopped)[0]]
            block = np.where(np.arange(rows)[:, None] < count, block, np.inf)
            self.ended |= stopped
        lanes = np.arange(self.lanes)
        if self._first_row == 0:
            self.start = np.where(count > 0, block[0], np.nan)
        lowest = block.min(axis=0)
        at = np.zeros(self.lanes, dtype=np.int64)
        for row in range(rows - 1, 0, -1):  # as they lie in memory; argmin along columns takes ten times longer
            np.putmask(at, block[row] == lowest, row)
        np.putmask(at, block[0] == lowest, 0)
        better = lowest < self.best
        self.best = np.where(better, lowest, self.best)
        self.best_step = np.where(better, at + self._first_row, self.best_step)
        some = count > 0
        self.final = np.where(some, block[np.maximum(count - 1, 0), lanes], self.final)
        self.last = np.where(some, self._first_row + count - 1, self.last)

    # -- as tables ----------------------------------------------------------------------------------------------

    def batch(self, *, tier: str, device: str, purpose: str, provenance_id: str, wall_s: float) -> Batch:
        """The finished lanes; `wall_s` is shared out evenly, since only the single tier times one run."""
        last, diverged = self.last, self.ended & ~self.hit
        status = np.where(diverged, str(Status.DIVERGED), np.where(self.hit, str(Status.TARGET_HIT), Status.MAX_STEPS))
        nothing = last < 0
        table = runs_table(run_columns(self.runs) | {
            "device": device,
            "engine": tier,
            "status": status.tolist(),
            "loss_start": self.start,
            "loss_final": self.final,
            "loss_best": np.where(nothing, np.nan, self.best),
            "step_best": self.best_step,
            "steps_done": np.maximum(last, 0),
            "grad_evals": np.where(self.ended, np.minimum(self.steps, last + 1 + diverged), self.steps),
            "wall_s": wall_s / self.lanes,
            "events": self._all_events(),
            "error": "",
            "purpose": purpose,
            "provenance_id": provenance_id,
            **{f"{name}_final": self._last_of(found) for name, found in self._metrics.items()},
        })  # fmt: skip
        if self._ends is not None:
            return Batch(table, self._ends.table([one.run_id for one in self.runs], self._rates, self._lane_setting))
        return Batch(table, self._trace() if self._full else None)

    def _last_of(self, found: Mapping[int, np.ndarray]) -> np.ndarray:
        """The last value of a metric that each lane lived to see."""
        final = np.full(self.lanes, np.nan)
        for step in sorted(found):
            final = np.where(step <= np.maximum(self.last, 0), found[step], final)
        return final

    def _all_events(self) -> list[str] | str:
        """Changes of rate, notes and divergences, by lane, as JSON; one text where no lane has any."""
        events = {lane: list(own) for lane, own in self.events.items()}
        for lane in np.nonzero(self.hit)[0].tolist():
            if own := [event for event in events.pop(lane, ()) if event["step"] <= self.last[lane]]:
                events[lane] = own
        for lane in np.nonzero(self.ended & ~self.hit)[0].tolist():
            events.setdefault(lane, []).append(diverged(int(self.last[lane]) + 1, self.bad_value[lane]))
        # A fixed schedule that never changed the rate, where there is one at all.
        schedules = {id(one.schedule): one.schedule for one in self.runs}
        may_idle = {key for key, one in schedules.items() if one.name != "constant"}
        for lane, one in enumerate(self.runs) if may_idle and self._idle_settings else ():
            setting = self._lane_setting[lane]
            if (
                id(one.schedule) in may_idle
                and lane not in events
                and not self.hit[lane]
                and setting in self._idle_settings
            ):
                events[lane] = [never_acts(one.schedule.name, one.steps, float(self._rates[0][setting]))]
        if not events:
            return "[]"
        texts = ["[]"] * self.lanes
        for lane, own in events.items():
            texts[lane] = json.dumps(own)
        return texts

    @cached_property
    def _idle_settings(self) -> frozenset[int]:
        """The settings whose rate never changed."""
        rates = np.stack(self._rates[: self.steps])
        return frozenset(np.nonzero((rates == rates[0]).all(axis=0))[0].tolist())

    def _trace(self) -> pa.Table | None:
        """Lanes end to end, each up to its last finite step."""
        rows = self.trace.steps(self.steps, self._evaluations)
        whole = np.nonzero(~self.ended)[0]
        pieces = [(whole, rows)] if len(whole) else []
        for lane in np.nonzero(self.ended & (self.last >= 0))[0]:
            pieces.append((np.array([lane]), self.trace.steps(int(self.last[lane]), self._evaluations)))
        if not pieces:
            return None
        columns = [self._columns(lanes, rows) for lanes, rows in pieces]
        for (lanes, rows), piece in zip(pieces, columns, strict=True):
            if self.hit[lanes[0]] and "grad_norm" in piece:  # ended lanes are pieces of their own; it needs none there
                piece["grad_norm"][len(rows) - 1] = np.nan
        return trace_table(
            [self.runs[lane].run_id for lanes, _ in pieces for lane in lanes.tolist()],
            np.concatenate([np.full(len(lanes), len(rows)) for lanes, rows in pieces]),
            {name: np.concatenate([piece[name] for piece in columns]) for name in columns[0]},
        )

    def _columns(self, lanes: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Trace columns of these lanes at these steps, lane after lane."""
        rates = np.stack(self._rates)[rows][:, self._lane_setting[lanes]]
        columns = {
            "step": np.repeat(rows[:, None], len(lanes), axis=1),
            "loss": self._losses[rows][:, lanes],
            "lr_t": rates,
            **(self._kept.columns(lanes, rows) if self._kept is not None else {}),
        }
        nowhere = np.full(self.lanes, np.nan)
        for name, found in self._metrics.items():
            columns[name] = np.stack([found.get(int(k), nowhere)[lanes] for k in rows])
        return {name: column.T.ravel() for name, column in columns.items()}


def trace_bytes(run: Run, trace: TraceSpec) -> int:
    """Bytes that one lane needs in a log and in its lanes: what the chunks are cut to."""
    if not run.problem.is_function:
        # Weights, gradient, two states, a copy of the weights for norms, and as much again for what passes through.
        return (
            8 * BLOCK
            + 64 * (run.steps + 1)
            + 10 * getattr(torch, run.dtype).itemsize * sum(map(math.prod, parameter_shapes(run.problem)))
        )
    dim = run.problem.dim
    per_step = 8 * (1 + 2 * dim) if trace.every else 0
    return 8 * BLOCK + per_step * (run.steps + 1) + 8 * 24 * dim + 4096
