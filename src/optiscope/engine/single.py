"""The single tier: a plain torch loop over stock objects. Always right, and the only one whose wall time has a meaning.

    zero_grad, loss, backward, step, scheduler step

and nothing else between them but the recorder's two calls. No clipping and no projection, unless a switch of the
problem asks for it: `training.TrainingStep` then takes the place of the first four.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ..errors import OptiscopeError
from ..record import RunRecord, Status, TraceSpec, run_columns
from ..seeding import OwnRandom
from ..spec import Run
from .calling import Calling, backward, calling
from .clock import Clock
from .closure import Closure
from .events import diverged, event, never_acts, rate_changed
from .for_loop import for_loop
from .groups import RunGroups
from .instance import Instance, NetworkInstance, instantiate, module_of
from .measured import Measured
from .recorder import make_recorder
from .training import TrainingStep
from .watch import Watch, Watched

# On an accelerator each look at a loss waits for the device, so that the loop looks this often, and cuts back later.
DEVICE_LOOK = 50

OnEvent = Callable[[Run, dict[str, Any]], None]


def run_single(
    run: Run, trace: TraceSpec, device: str = "cpu", purpose: str = "result", provenance_id: str = "",
    on_event: OnEvent | None = None, first: int | None = None, watch: Watch | None = None,
) -> RunRecord:  # fmt: skip
    """One run as a record, whole or its `first` steps. An exception of other people's code becomes its status.

    `watch` sees the live optimizer at each step.
    """
    loop = _Loop(run, trace, device, on_event, first)
    loop.watch = watch
    error = ""
    try:
        loop.go()
    except OptiscopeError:
        raise
    except Exception as problem:
        # The loop runs other people's code: what it raises belongs to the record of this run, and ends no other.
        error = f"{type(problem).__name__}: {' '.join(str(problem).split())}"
        loop.note(event("error", loop.step, error))
    return loop.record(purpose, provenance_id, error)


class _Loop:
    """The state of one run while it goes."""

    def __init__(self, run: Run, trace: TraceSpec, device: str, on_event: OnEvent | None, first: int | None):
        self.steps = run.steps if first is None else min(first, run.steps)
        self.run, self.trace, self.device, self._on_event = run, trace, device, on_event
        self.step = 0
        self.events: list[dict[str, Any]] = []
        self.losses: list[Any] = []  # floats, or 0-d tensors not yet looked at
        self.rates: list[float] = []
        self.grad_evals = 0
        self.groups: RunGroups | None = None
        self.training: TrainingStep | None = None
        self.watch: Watch | None = None
        self.measured: Measured | None = None
        self.wall_s = 0.0
        self._one_a_step = True
        self._looked = 0
        self._end_loss = run.end_loss
        self._look_every = 1 if device == "cpu" else DEVICE_LOOK

    def note(self, one: dict[str, Any]) -> None:
        self.events.append(one)
        if self._on_event is not None:
            self._on_event(self.run, one)

    def go(self) -> None:
        with OwnRandom(self.run.seed, "run", self.device):
            self._go()

    def _go(self) -> None:
        run = self.run
        self.instance = instantiate(run, self.device)
        self.way, self.clock = calling(run), Clock(run, self.steps)
        parameters = self.instance.parameters
        ticks = run.schedule.ticks(run.problem, run.steps)
        if run.optimizer.groups:
            self.groups = RunGroups(run, module_of(self.instance), ticks, self.note)
            optimizer, scheduler = self.groups.optimizer, self.groups.scheduler
        else:
            # Of the one small tensor of a function there is nothing to gain from torch's `foreach`, and lanes agree.
            plain = run.problem.is_function and self.device != "cpu"
            optimizer = for_loop(run, parameters) if plain else run.optimizer.build(parameters, run.lr)
            scheduler = run.schedule.factory(optimizer, ticks)
        self.recorder = make_recorder(
            parameters, self.steps, self.trace.every or self.trace.ends, self.trace.norms,
            small=run.problem.is_function, evaluations=self.clock.evaluations,
        )  # fmt: skip
        if self.watch is not None:
            self.watch.begin(self.instance, optimizer)
            self.recorder = Watched(self.recorder, self.watch)
        self.differentiate = backward(self.way, parameters)
        if isinstance(self.instance, NetworkInstance) and run.problem.task and run.problem.task.training:
            for text in run.problem.task.training.told:
                self.note(event("training", 0, text))
            self.training = TrainingStep(run, self.instance, optimizer, self.device, self.differentiate)
        measured = self.measured = Measured(run, self.instance, self.training)
        measured.evaluate(0)
        begin = time.perf_counter()
        try:
            self._steps(self.instance, optimizer, scheduler, measured)
        finally:
            if self.device != "cpu":
                torch.accelerator.synchronize()
            self.wall_s = time.perf_counter() - begin - measured.off_clock
            if self._one_a_step:  # an error half way has had its gradients, too
                self.grad_evals += len(self.losses)
        with torch.no_grad():
            if self._over():
                if self._hit() and self.device == "cpu":  # elsewhere the loop went on, and took them
                    measured.batch(len(self.losses) - 1)
            else:
                self.losses.append((self.training or self.instance).loss(self.steps).detach())
                self.rates.append(optimizer.param_groups[0]["lr"])
                if self.groups is not None:
                    self.groups.write_rates()
                measured.batch(self.steps)
        self._over()
        self._note_idle_schedule(scheduler)
        if self.training is not None and self.training.skipped:
            text = f"GradScaler skipped {self.training.skipped} steps whose gradients were not finite"
            self.note(event("note", self.step, text))

    def _steps(self, instance: Instance, optimizer: torch.optim.Optimizer, scheduler: Any, measured: Measured) -> None:
        run, recorder = self.run, self.recorder
        losses, rates, group = self.losses, self.rates, optimizer.param_groups[0]
        stock: Any = optimizer  # torch types closures as giving floats; LBFGS calls float() on what they give
        zero_grad, loss_at, perturb = optimizer.zero_grad, instance.loss, instance.perturb
        update = stock.step
        noisy = bool(run.problem.noise) or run.problem.layout == "sparse"
        batch_metrics = run.problem.task is not None and bool(run.problem.task.batch_metrics)
        takes_closure, closure_too = self.way is Calling.CLOSURE, self.way is Calling.BOTH
        self._one_a_step = not takes_closure
        differentiate = self.differentiate
        if self.training is not None:
            switched = self.training
            zero_grad, loss_at, differentiate = switched.clear, switched.loss, switched.differentiate
            perturb, update, noisy = switched.limit, switched.update, switched.limits
        clock, evaluations = self.clock, self.clock.evaluations
        look_every, on_cpu = self._look_every, self.device == "cpu"
        end_loss, infinity = self._end_loss, math.inf
        groups = self.groups

        for step in range(self.steps):
            self.step = step
            if groups is not None:
                groups.before(step)
            rates.append(group["lr"])
            if takes_closure:
                closure = Closure(zero_grad, loss_at, differentiate, perturb if noisy else None, step, recorder)
                update(closure)
                self.grad_evals += closure.calls
                value = closure.first.item() if on_cpu else closure.first
                losses.append(value)
                if on_cpu and not end_loss < value < infinity:
                    break
            else:
                zero_grad()
                loss = loss_at(step)
                differentiate(loss)
                # Read before the update: a loss may be a view of the parameters.
                value = loss.item() if on_cpu else loss.detach().clone()
                losses.append(value)
                if on_cpu and not end_loss < value < infinity:
                    break
                if noisy:
                    perturb(step)
                recorder.before(step)
                if closure_too:
                    closure = Closure(zero_grad, loss_at, differentiate, perturb if noisy else None, step)
                    update(closure)
                    self.grad_evals += closure.calls
                else:
                    update()
            if not on_cpu and step % look_every == look_every - 1 and self._over():
                break
            if batch_metrics:
                measured.batch(step)
            recorder.after(step + 1)
            if step + 1 in evaluations:
                measured.evaluate(step + 1)
            if scheduler is not None and clock.ticks(step + 1):
                self._tick(scheduler, optimizer, step, measured)

    def _tick(self, scheduler: Any, optimizer: torch.optim.Optimizer, step: int, measured: Measured) -> None:
        before = optimizer.param_groups[0]["lr"]
        adaptive = isinstance(scheduler, ReduceLROnPlateau)
        scheduler.step(measured.monitored(step, self.losses)) if adaptive else scheduler.step()
        if self.groups is not None:
            self.groups.follow()
        after = optimizer.param_groups[0]["lr"]
        if adaptive and after != before:
            self.note(rate_changed(step + 1, before, after))

    def _over(self) -> bool:
        """Look at the losses not yet looked at; cut the record at the first that is not finite or meets the target."""
        fresh = self.losses[self._looked :]
        if fresh and isinstance(fresh[0], torch.Tensor):
            fresh = torch.stack(fresh).double().tolist()
        self.losses[self._looked :] = fresh
        for offset, value in enumerate(fresh):
            if not self._end_loss < value < math.inf:
                del self.losses[self._looked + offset + 1 :]
                return True
        self._looked = max(0, len(self.losses))
        return bool(self.losses) and not self._end_loss < self.losses[-1] < math.inf

    def _hit(self) -> bool:
        """Whether the last loss, finite, meets the target."""
        return bool(self.losses) and -math.inf < float(self.losses[-1]) <= self._end_loss

    def _note_idle_schedule(self, scheduler: Any) -> None:
        used = self.rates[: self.steps]
        acted = len(set(used)) > 1 or any(one["kind"] == "lr" for one in self.events)
        if scheduler is None or acted or self._bad() or self._hit():
            return
        self.note(never_acts(self.run.schedule.name, self.steps, used[0]))

    def _bad(self) -> bool:
        return not self.losses or not math.isfinite(self.losses[-1])

    def record(self, purpose: str, provenance_id: str, error: str) -> RunRecord:
        """The runs row and the trace, cut at the last finite step."""
        self._over()
        losses = np.array([float(value) for value in self.losses])
        finite = len(losses) if not self._bad() or not len(losses) else len(losses) - 1
        status = Status.ERROR if error else Status.DIVERGED if finite < len(losses) else Status.MAX_STEPS
        if status is Status.MAX_STEPS and self._hit():
            status = Status.TARGET_HIT
        if status is Status.DIVERGED:
            self.note(diverged(finite, losses[-1]))
        losses = losses[:finite]
        nan = math.nan
        best = int(np.argmin(losses)) if finite else 0
        summary = {
            "loss_start": losses[0] if finite else nan,
            "loss_final": losses[-1] if finite else nan,
            "loss_best": losses[best] if finite else nan,
            "step_best": best,
            "steps_done": max(0, finite - 1),
            "grad_evals": self.grad_evals,
            "wall_s": self.wall_s,
        }
        columns = run_columns([self.run])
        row = {name: value[0] if isinstance(value, list) else value for name, value in columns.items()} | {
            **summary,
            "device": self.device,
            "engine": "single",
            "status": str(status),
            "events": json.dumps(self.events),
            "error": error,
            "purpose": purpose,
            "provenance_id": provenance_id,
            **(self.measured.finals(finite) if self.measured is not None else {}),
        }
        return RunRecord(row, self._columns(losses) if finite and self.trace.any else {})

    def _columns(self, losses: np.ndarray) -> dict[str, np.ndarray]:
        rows = self.trace.rows(losses, self.run.problem.floor, self.clock.evaluations)
        columns = {"step": rows, "loss": losses[rows], "lr_t": np.array([float(self.rates[k]) for k in rows])}
        columns |= self.recorder.columns(rows)
        for part in (self.groups, self.training):
            columns |= part.columns(rows) if part is not None else {}
        return columns | (self.measured.columns(rows, len(losses)) if self.measured is not None else {})
