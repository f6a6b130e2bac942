"""What the lanes leave behind: summaries, and traces where they are kept. Blocks of steps, columns of NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from ..record import RunRecord, Status, TraceSpec, runs_row
from ..spec import Run
from .lane_table import LaneTable
from .recorder import point_columns

BLOCK = 64  # steps looked at together; summaries cost a few passes over a block


class LaneLog:
    """Collects the states of a batch. `probe` lanes keep their losses whole, for the proof against the plain loop."""

    def __init__(self, runs: Sequence[Run], trace: TraceSpec, probe: Sequence[int] = ()):
        self.runs, self.trace = runs, trace
        lanes, self.steps, dim = len(runs), runs[0].steps, runs[0].problem.dim
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
        self.bad_value = np.full(lanes, np.nan)
        self.latest = self._losses[0]
        self.events: dict[int, list[dict[str, Any]]] = {}
        self._rates: list[np.ndarray] = []
        self._lane_setting: np.ndarray = np.zeros(lanes, dtype=np.int64)
        self._varied = False
        if self._full:
            self._positions = np.full((self.steps + 1, lanes, dim), np.nan)
            self._gradients = np.full((self.steps + 1, lanes, dim), np.nan) if trace.norms else None
        self.probe = np.array(sorted(probe), dtype=np.int64)
        self.probed: list[np.ndarray] = []
        self.adaptive_lanes = False
        self.logged = -1

    @property
    def all_ended(self) -> bool:
        """Whether no lane is finite any more, as far as has been looked."""
        return bool(self.ended.all())

    def state(self, step: int, loss: torch.Tensor, points: Callable[[], torch.Tensor], table: LaneTable) -> None:
        """The state after `step` steps."""
        row = step - self._first_row
        if row == len(self._losses):
            self._look(row)
            self._first_row, row = step, 0
        self._losses[row] = loss.numpy() if loss.device.type == "cpu" and loss.dtype == torch.float64 else (
            loss.double().cpu().numpy()
        )  # fmt: skip
        self.latest = self._losses[row]
        self.logged = step
        if len(self.probe):
            self.probed.append(self._losses[row, self.probe].copy())
        if self._full:
            self._positions[step] = points().double().cpu().numpy()
        self._lane_setting = table._lane_setting
        self._varied |= bool(self._rates) and self._rates[-1] is not table.rates
        self._rates.append(table.rates)
        if step == self.steps:
            self._look(row + 1)

    def gradient(self, step: int, gradients: Callable[[], torch.Tensor]) -> None:
        """The gradient that the step from `step` uses."""
        if self._full and self._gradients is not None:
            self._gradients[step] = gradients().double().cpu().numpy()

    def changes(self, step: int, changes: Sequence[tuple[int, float, float]]) -> None:
        """Changes of rate that an adaptive schedule made."""
        for lane, before, after in changes:
            # A lane that has ended has no more to say.
            if np.isfinite(self.latest[lane]) and not self.ended[lane]:
                self.events.setdefault(lane, []).append({"step": step, "kind": "lr", "from": before, "to": after})

    def _look(self, rows: int) -> None:
        """Take the block's first `rows` rows into the summaries."""
        block = self._losses[:rows]
        finite = np.isfinite(block)
        alive = ~self.ended
        if finite.all() and alive.all():
            count = np.full(self.lanes, rows)
        else:
            bad = ~finite
            count = np.where(bad.any(axis=0), bad.argmax(axis=0), rows) * alive
            stopped = alive & (count < rows)
            self.bad_value[stopped] = block[count[stopped], np.nonzero(stopped)[0]]
            block = np.where(np.arange(rows)[:, None] < count, block, np.inf)
            self.ended |= stopped
        lanes = np.arange(self.lanes)
        if self._first_row == 0:
            self.start = np.where(count > 0, block[0], np.nan)
        at = block.argmin(axis=0)
        lowest = block[at, lanes]
        better = lowest < self.best
        self.best = np.where(better, lowest, self.best)
        self.best_step = np.where(better, at + self._first_row, self.best_step)
        some = count > 0
        self.final = np.where(some, block[np.maximum(count - 1, 0), lanes], self.final)
        self.last = np.where(some, self._first_row + count - 1, self.last)

    # -- as records ---------------------------------------------------------------------------------------------

    def records(self, *, tier: str, device: str, purpose: str, provenance_id: str, wall_s: float) -> list[RunRecord]:
        """One record a lane; `wall_s` is shared out evenly, since only the single tier times one run."""
        return [
            self._record(lane, tier, device, purpose, provenance_id, wall_s / self.lanes) for lane in range(self.lanes)
        ]

    def _record(self, lane: int, tier: str, device: str, purpose: str, provenance_id: str, wall_s: float) -> RunRecord:
        run, last = self.runs[lane], int(self.last[lane])
        events = self.events.get(lane, [])
        diverged = bool(self.ended[lane])
        if not diverged and self._never_acts(lane, run):
            rate = self._rate(lane, 0)
            text = f"{run.schedule.name} never acts within {run.steps} steps: the rate stays {rate:g}"
            events = [*events, {"step": 0, "kind": "note", "text": text}]
        if diverged:
            text = f"the loss is {self.bad_value[lane]} at step {last + 1}"
            events = [*events, {"step": last + 1, "kind": "diverged", "text": text}]
        row = runs_row(
            run, engine=tier, device=device, purpose=purpose,
            status=Status.DIVERGED if diverged else Status.MAX_STEPS,
            losses={
                "loss_start": float(self.start[lane]),
                "loss_final": float(self.final[lane]),
                "loss_best": float(self.best[lane]) if last >= 0 else float("nan"),
                "step_best": int(self.best_step[lane]),
                "steps_done": max(0, last),
                "grad_evals": min(run.steps, last + 2) if diverged else run.steps,
                "wall_s": wall_s,
            },
            events=events, provenance_id=provenance_id,
        )  # fmt: skip
        return RunRecord(row, self._columns(lane, last) if self._full and last >= 0 else {})

    def _rate(self, lane: int, step: int) -> float:
        return float(self._rates[step][self._lane_setting[lane]])

    def _never_acts(self, lane: int, run: Run) -> bool:
        if run.schedule.name == "constant" or run.schedule.kind == "adaptive":
            return False
        if not self._varied:
            return True
        setting = self._lane_setting[lane]
        return all(rates[setting] == self._rates[0][setting] for rates in self._rates[: self.steps])

    def _columns(self, lane: int, last: int) -> dict[str, np.ndarray]:
        rows = np.unique(np.append(np.arange(0, last + 1, self.trace.every), last))
        setting = self._lane_setting[lane]
        rates = np.array([self._rates[k][setting] for k in rows]) if self._varied else np.full(
            len(rows), self._rates[0][setting]
        )  # fmt: skip
        columns = {"step": rows, "loss": self._losses[rows, lane], "lr_t": rates}
        gradients = self._gradients[:, lane] if self._gradients is not None else self._positions[:, lane]
        columns |= point_columns(self._positions[:, lane], gradients, rows, self.trace.norms)
        return columns


def trace_bytes(run: Run, trace: TraceSpec) -> int:
    """Bytes that one lane needs in a log and in its lanes: what the chunks are cut to."""
    dim = run.problem.dim
    per_step = 8 * (1 + 2 * dim) if trace.every else 0
    return 8 * BLOCK + per_step * (run.steps + 1) + 8 * 24 * dim + 4096
