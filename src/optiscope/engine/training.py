"""The switches of a training step: what `task.Training` asks for, around one network and one optimizer.

The loop calls the same five things as ever (clear, loss, differentiate, limit, update) and looks at the same metrics;
where a problem sets no switch, it never meets this module.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from ..errors import InputError, Refused
from ..seeding import OwnRandom
from ..spec import Problem, Run
from ..streams import torch_generator
from .calling import Calling, calling
from .instance import NetworkInstance

ALIKE = 0.02  # how near 1 or 2 a loss of a batch twice must be to that of the batch; bfloat16 has three digits


class TrainingStep:
    """One run's training step with its switches."""

    def __init__(
        self, run: Run, instance: NetworkInstance, optimizer: torch.optim.Optimizer, device: str,
        differentiate: Callable[[torch.Tensor], Any],
    ):  # fmt: skip
        task = run.problem.task
        assert task is not None
        assert task.training is not None
        self._task, self._switches, self._instance = task, task.training, instance
        self._optimizer, self._backward, self._seed = optimizer, differentiate, run.seed
        self._device, self._kind = device, torch.device(device).type
        self._dtype = getattr(torch, task.training.autocast) if task.training.autocast else None
        self._scaler = torch.amp.GradScaler(self._kind) if self._dtype is torch.float16 else None
        self._summed: bool | None = None
        self._name = run.problem.name
        self._norms: list[torch.Tensor] = []
        self._step = 0
        self._taken = 0
        self._from = math.ceil(task.training.average_from * run.steps) if task.training.average == "swa" else 0
        self.averaged = self._copy()
        if self._scaler is not None:
            optimizer._opt_called = True  # type: ignore[attr-defined]  # the first steps may be skipped: torch would warn
            optimizer.register_step_post_hook(self._count)

    @property
    def limits(self) -> bool:
        """Whether gradients are touched between the backward pass and the update."""
        return bool(self._switches.clip_norm or self._switches.clip_value or self._scaler)

    def clear(self) -> None:
        """`zero_grad`, unless it is to be forgotten."""
        if self._switches.zero_grad == "step":
            self._optimizer.zero_grad()

    def loss(self, step: int) -> torch.Tensor:
        """The loss of the step's batches, each counting by its examples, with its gradient where gradients are on."""
        inputs, targets = self._instance.batch(step)
        size, outputs = self._task.batch_size, []
        total = torch.zeros((), device=inputs.device)
        for some, wanted in zip(inputs.split(size), targets.split(size), strict=True):
            with self._precision():
                value = self._instance.loss_on(some, wanted)
            if len(some) < len(inputs):
                if self._summed is None:
                    self._summed = self._sums(value.detach(), wanted)
                if not self._summed:
                    value = value * (len(some) / len(inputs))
            if torch.is_grad_enabled():
                self._backward(value if self._scaler is None else self._scaler.scale(value))
            total = total + value.detach()
            outputs.append(self._instance.output)
        if len(outputs) > 1 and self._task.batch_metrics:
            self._instance.output = torch.cat([output.detach() for output in outputs])
        self._instance.target = targets
        return total

    def differentiate(self, loss: torch.Tensor) -> None:
        """Nothing: `loss` went backward batch by batch, so that one batch at a time is held."""

    def limit(self, step: int) -> None:
        """Clip the gradient, by norm first."""
        if self._scaler is not None:
            self._scaler.unscale_(self._optimizer)
        parameters = self._instance.parameters
        if self._switches.clip_norm:
            # A step that asks twice (a closure) is recorded once, as its gradient norm is.
            norm = clip_grad_norm_(parameters, self._switches.clip_norm)
            if len(self._norms) <= step:
                self._norms.append(norm)
        if self._switches.clip_value:
            clip_grad_value_(parameters, self._switches.clip_value)

    def update(self, *closure: Any) -> None:
        """The optimizer's step, then the average's."""
        if self._scaler is not None:
            self._scaler.step(self._optimizer)
            self._scaler.update()
        else:
            self._optimizer.step(*closure)
        self._step += 1
        if self.averaged is not None and self._step > self._from:
            self.averaged.update_parameters(self._instance.module)

    def evaluate(self, step: int) -> dict[str, float]:
        """Metrics of the averaged weights, and the gradient noise scale."""
        found = {}
        if self.averaged is not None and int(self.averaged.n_averaged):
            # Running statistics belong to weights that no step ever had: they are taken anew.
            with OwnRandom(self._seed, "evaluation", self._device):
                update_bn(self._instance.training_inputs(), self.averaged)
            found = self._instance.judge(self.averaged)
            found = {f"{self._switches.average}_{name}": value for name, value in found.items()}
        if self._switches.noise_scale:
            found |= self._noise(step, self._switches.noise_scale)
        return found

    def columns(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """`unclipped_norm`, the gradient's norm before it was clipped by norm."""
        if not self._switches.clip_norm:
            return {}
        norms = [*torch.stack(self._norms).double().tolist()] if self._norms else []
        return {"unclipped_norm": np.array([norms[k] if k < len(norms) else math.nan for k in rows])}

    @property
    def skipped(self) -> int:
        """Steps that `GradScaler` left out, because a gradient was not finite."""
        return 0 if self._scaler is None else self._step - self._taken

    def _sums(self, value: torch.Tensor, target: torch.Tensor) -> bool | None:
        """Whether the loss adds up its examples: of a batch twice it is then twice as large. None where it is 0."""
        declared = declared_reduction(self._task.criterion)
        if declared:
            return declared == "sum"
        output = self._instance.output.detach()
        with torch.no_grad(), self._precision():
            twice = self._task.criterion(torch.cat([output, output]), torch.cat([target, target]))
        ratio = float(twice / value)
        if not math.isfinite(ratio):
            return None
        for factor in (1, 2):
            if abs(ratio - factor) < ALIKE:
                return factor == 2
        raise InputError(
            f"{self._name}: accumulate needs a loss that is a mean or a sum over the examples; of a batch twice, it is "
            f"{ratio:.3g} times that of the batch"
        )

    def _precision(self) -> Any:
        if self._dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self._kind, self._dtype)

    def _copy(self) -> AveragedModel | None:
        kind = self._switches.average
        if kind is None:
            return None
        mean = get_ema_multi_avg_fn(self._switches.average_decay) if kind == "ema" else None
        return AveragedModel(self._instance.module, multi_avg_fn=mean)

    def _count(self, *_: Any) -> None:
        self._taken += 1

    def _noise(self, step: int, count: int) -> dict[str, float]:
        """The noise scale from the gradients of some batches drawn anew; the run's own state is as if nobody had."""
        generator = torch_generator(self._seed, f"noise scale {step}")
        trained = [parameter for parameter in self._instance.parameters if parameter.requires_grad]
        buffers = [(buffer, buffer.clone()) for buffer in self._instance.module.buffers()]
        gradients = []
        with OwnRandom(self._seed, "noise scale", self._device):
            for _ in range(count):
                some, wanted = self._instance.draw(self._task.batch_size, generator)
                loss = self._task.criterion(self._instance.module(some), wanted)
                parts = torch.autograd.grad(loss, trained, allow_unused=True)
                gradients.append(torch.cat([part.double().reshape(-1) for part in parts if part is not None]))
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        return gradient_noise(torch.stack(gradients), self._task.batch_size)


def gradient_noise(gradients: torch.Tensor, batch_size: int) -> dict[str, float]:
    """The simple noise scale from gradients of `count` batches, shape (count, weights), against that of all together.

    With b and B examples, E|g_b|² = |G|² + tr(S)/b; two sizes give both unknowns: `grad_signal`, an unbiased estimate
    of |G|²; `grad_noise`, of the trace of the covariance S of one example's gradient; and `noise_scale`, their ratio,
    in examples: the batch size at which noise and signal are equal. Where chance leaves no signal (an estimate that
    is not positive), the ratio means nothing and is NaN.

    McCandlish, Kaplan, Amodei et al. 2018, An empirical model of large-batch training, arXiv:1812.06162, appendix A.
    """
    count = len(gradients)
    small = float(gradients.square().sum(1).mean())
    large = float(gradients.mean(0).square().sum())
    signal = (count * large - small) / (count - 1)
    noise = (small - large) / (1 / batch_size - 1 / (count * batch_size))
    ratio = noise / signal if signal > 0 else math.nan
    return {"noise_scale": ratio, "grad_signal": signal, "grad_noise": noise}


def check_training(run: Run) -> None:
    """Raises InputError for switches that the optimizer of a run cannot be stepped with, or its dtype leaves idle."""
    training = run.problem.task.training if run.problem.task else None
    if training is None:
        return
    if training.autocast and run.dtype != "float32":
        raise InputError(f"{run.problem.name}: autocast lowers float32 only, and the run's dtype is {run.dtype}")
    way = calling(run)
    if way is Calling.GRAPH:
        for name in ("accumulate", "zero_grad", "clip_norm", "clip_value", "autocast"):
            if name in training.set:
                raise Refused(f"{run.optimizer.name} differentiates its gradient again: {name} cannot be used with it")
    if training.autocast == "float16" and way is not Calling.PLAIN:
        raise Refused(
            f'{run.optimizer.name} takes a closure, which GradScaler does not: autocast="float16" cannot be used'
        )


def check_autocast(problem: Problem, device: str) -> None:
    """Raises InputError for a precision that a device cannot train in."""
    training = problem.task.training if problem.task else None
    kind = torch.device(device).type
    if training is None or training.autocast is None:
        return
    if training.autocast == "float16" and kind != "cuda":
        raise InputError(
            f'{problem.name}: autocast="float16" trains on cuda, where GradScaler keeps small gradients, '
            f'not on {kind}; allowed there: "bfloat16"'
        )
    try:
        with torch.autocast(kind, getattr(torch, training.autocast)):
            pass
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{problem.name}: autocast={training.autocast!r} cannot be used on {kind}: {reason}"
        ) from error


def declared_reduction(criterion: Any) -> str:
    """`mean` or `sum` where a loss of torch says so; empty for a loss of one's own, which says nothing."""
    spec = getattr(criterion, "loss", criterion)
    if getattr(spec, "parts", ()):
        return str(spec.arguments.get("reduction", "mean"))
    return str(criterion.reduction) if type(criterion).__module__ == "torch.nn.modules.loss" else ""
