"""How each schedule is built: torch's own arguments, and defaults that scale with the run.

Each builder is `(optimizer, steps, **arguments) -> LRScheduler or None`; the optimizer's `lr` is the peak. `steps` is
the number of times the schedule will step. Imports spec, syntax and errors only; torch where it is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ..errors import InputError
from ..syntax import import_path

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


def constant(optimizer: Optimizer, steps: int) -> None:
    """No schedule: the rate stays."""


def lambda_lr(optimizer: Optimizer, steps: int, *, lr_lambda: str | Callable[[int], float] | None = None) -> Any:
    """`lr * lr_lambda(k)`; by default `1 / sqrt(1 + 15 k / steps)`, which ends at a quarter."""
    from torch.optim.lr_scheduler import LambdaLR

    def decay(k: int) -> float:
        """1 / sqrt(1 + 15 k / steps)"""
        return 1.0 / math.sqrt(1.0 + 15.0 * k / steps)

    return LambdaLR(optimizer, _function(lr_lambda) or decay)


def multiplicative_lr(
    optimizer: Optimizer, steps: int, *, lr_lambda: str | Callable[[int], float] | None = None
) -> Any:
    """The rate times `lr_lambda(k)` at every step; by default the constant that ends at a hundredth."""
    from torch.optim.lr_scheduler import MultiplicativeLR

    gamma = 0.01 ** (1.0 / steps)

    def same(k: int) -> float:
        """0.01 ** (1 / steps)"""
        return gamma

    return MultiplicativeLR(optimizer, _function(lr_lambda) or same)


def step_lr(optimizer: Optimizer, steps: int, *, step_size: int | None = None, gamma: float = 0.1) -> Any:
    """Times `gamma` every `step_size` (a third of the run)."""
    from torch.optim.lr_scheduler import StepLR

    size = math.ceil(steps / 3) if step_size is None else _positive("step_size", step_size)
    return StepLR(optimizer, size, _factor("gamma", gamma))


def multi_step_lr(
    optimizer: Optimizer, steps: int, *, milestones: Sequence[int] | None = None, gamma: float = 0.1
) -> Any:
    """Times `gamma` at each milestone (half and three quarters of the run)."""
    from torch.optim.lr_scheduler import MultiStepLR

    given = [steps // 2, steps * 3 // 4] if milestones is None else [_positive("milestones", k) for k in milestones]
    return MultiStepLR(optimizer, given, _factor("gamma", gamma))


def constant_lr(optimizer: Optimizer, steps: int, *, factor: float = 1 / 3, total_iters: int | None = None) -> Any:
    """`factor * lr` for `total_iters` (a tenth of the run), then `lr`."""
    from torch.optim.lr_scheduler import ConstantLR

    return ConstantLR(optimizer, factor, _tenth(steps) if total_iters is None else total_iters)


def linear_lr(
    optimizer: Optimizer, steps: int, *, start_factor: float = 1 / 3, end_factor: float = 1.0,
    total_iters: int | None = None,
) -> Any:  # fmt: skip
    """From `start_factor * lr` to `end_factor * lr`: up within a tenth of the run, down within the whole of it."""
    from torch.optim.lr_scheduler import LinearLR

    if total_iters is None:
        total_iters = steps if end_factor < start_factor else _tenth(steps)
    return LinearLR(optimizer, start_factor, end_factor, total_iters)


def exponential_lr(optimizer: Optimizer, steps: int, *, gamma: float | None = None) -> Any:
    """Times `gamma` at every step (by default the one that ends at a hundredth)."""
    from torch.optim.lr_scheduler import ExponentialLR

    return ExponentialLR(optimizer, 0.01 ** (1.0 / steps) if gamma is None else _factor("gamma", gamma))


def cosine_annealing_lr(
    optimizer: Optimizer, steps: int, *, T_max: int | None = None, eta_min: float = 0.0
) -> Any:  # fmt: skip
    """Half a cosine from `lr` to `eta_min` within `T_max` (the run)."""
    from torch.optim.lr_scheduler import CosineAnnealingLR

    return CosineAnnealingLR(optimizer, steps if T_max is None else _positive("T_max", T_max), eta_min)


def cosine_annealing_warm_restarts(
    optimizer: Optimizer, steps: int, *, T_0: int | None = None, T_mult: int = 1, eta_min: float = 0.0
) -> Any:
    """Cosines that start again, every `T_0` (a quarter of the run)."""
    from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

    return CosineAnnealingWarmRestarts(optimizer, math.ceil(steps / 4) if T_0 is None else T_0, T_mult, eta_min)


def polynomial_lr(optimizer: Optimizer, steps: int, *, total_iters: int | None = None, power: float = 1.0) -> Any:
    """`lr * (1 - k / total_iters) ** power`; `total_iters` is the run."""
    from torch.optim.lr_scheduler import PolynomialLR

    return PolynomialLR(optimizer, steps if total_iters is None else _positive("total_iters", total_iters), power)


def one_cycle_lr(
    optimizer: Optimizer, steps: int, *, total_steps: int | None = None, epochs: int | None = None,
    steps_per_epoch: int | None = None, pct_start: float = 0.3, anneal_strategy: Literal["cos", "linear"] = "cos",
    cycle_momentum: bool | None = None, base_momentum: float = 0.85, max_momentum: float = 0.95,
    div_factor: float = 25.0, final_div_factor: float = 1e4, three_phase: bool = False,
) -> Any:  # fmt: skip
    """Up to `lr` and far down again within `total_steps` (the run).

    Momentum cycles only where the optimizer has some, else plain SGD would be turned into momentum SGD.
    """
    from torch.optim.lr_scheduler import OneCycleLR

    end = one_cycle_end({"total_steps": total_steps, "epochs": epochs, "steps_per_epoch": steps_per_epoch}) or steps
    if end < steps:
        raise InputError(f"OneCycleLR ends after {end} steps and cannot go on; the run has {steps}")
    return OneCycleLR(
        optimizer, [group["lr"] for group in optimizer.param_groups], end, pct_start=pct_start,
        anneal_strategy=anneal_strategy, base_momentum=base_momentum, max_momentum=max_momentum,
        cycle_momentum=_has_momentum(optimizer) if cycle_momentum is None else cycle_momentum,
        div_factor=div_factor, final_div_factor=final_div_factor, three_phase=three_phase,
    )  # fmt: skip


def cyclic_lr(
    optimizer: Optimizer, steps: int, *, base_lr: float | None = None, step_size_up: int | None = None,
    step_size_down: int | None = None, mode: Literal["triangular", "triangular2", "exp_range"] = "triangular",
    gamma: float = 1.0, cycle_momentum: bool | None = None, base_momentum: float = 0.8, max_momentum: float = 0.9,
) -> Any:  # fmt: skip
    """Between `base_lr` (a tenth of `lr`) and `lr`, `step_size_up` (a tenth of the run) each way."""
    from torch.optim.lr_scheduler import CyclicLR

    rates = [group["lr"] for group in optimizer.param_groups]
    return CyclicLR(
        optimizer, [rate / 10 for rate in rates] if base_lr is None else base_lr, rates,
        step_size_up=_tenth(steps) if step_size_up is None else _positive("step_size_up", step_size_up),
        step_size_down=step_size_down, mode=mode, gamma=_factor("gamma", gamma), base_momentum=base_momentum,
        max_momentum=max_momentum,
        cycle_momentum=_has_momentum(optimizer) if cycle_momentum is None else cycle_momentum,
    )  # fmt: skip


def reduce_lr_on_plateau(
    optimizer: Optimizer, steps: int, *, mode: Literal["min", "max"] = "min", factor: float = 0.1,
    patience: int | None = None, threshold: float = 1e-4, threshold_mode: Literal["rel", "abs"] = "rel",
    cooldown: int = 0, min_lr: float = 0.0, eps: float = 1e-8,
) -> Any:  # fmt: skip
    """Times `factor` once what it monitors has not improved for `patience` (a twentieth of the run)."""
    from torch.optim.lr_scheduler import ReduceLROnPlateau

    if patience is None:
        patience = max(2, steps // 20)
    for name, value in (("patience", patience), ("cooldown", cooldown)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise InputError(f"{name} must be a whole number >= 0, got {value!r}")
    factor = _factor("factor", factor)
    return ReduceLROnPlateau(optimizer, mode, factor, patience, threshold, threshold_mode, cooldown, min_lr, eps)


def sequential_lr(
    optimizer: Optimizer, steps: int, *, schedulers: Sequence[str] | None = None,
    milestones: Sequence[int] | None = None,
) -> Any:  # fmt: skip
    """One schedule after another, in call syntax, each scaled to its own stretch; a warm-up and a decay by default."""
    from torch.optim.lr_scheduler import SequentialLR

    _listed(schedulers)
    if schedulers is None:
        schedulers = (f"LinearLR(total_iters={_tenth(steps)})", "ExponentialLR")
    if milestones is None:
        milestones = default_milestones(len(schedulers), steps)
    edges = [0, *milestones, max(steps, milestones[-1] + 1 if milestones else 1)]
    if len(edges) != len(schedulers) + 1:
        raise InputError(f"SequentialLR of {len(schedulers)} schedulers needs {len(schedulers) - 1} milestones")
    parts = [
        _part(text, optimizer, max(1, stop - start))
        for text, start, stop in zip(schedulers, edges, edges[1:], strict=False)
    ]
    if len(parts) == 1:
        return parts[0]
    return SequentialLR(optimizer, parts, list(milestones))


def chained_scheduler(
    optimizer: Optimizer,
    steps: int,
    *,
    schedulers: Sequence[str] = ("LinearLR(start_factor=1.0, end_factor=0.1)", "StepLR(gamma=0.5)"),
) -> Any:
    """The product of several schedules, each given in call syntax."""
    from torch.optim.lr_scheduler import ChainedScheduler

    _listed(schedulers)
    return ChainedScheduler([_part(text, optimizer, steps) for text in schedulers], optimizer=optimizer)


def warmup_cosine(
    optimizer: Optimizer, steps: int, *, warmup: float = 0.1, start_factor: float = 0.01, eta_min: float = 0.0
) -> Any:
    """Linear from `start_factor * lr` during the share `warmup` of the run, then a cosine to `eta_min`."""
    from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

    first = _share("warmup", warmup, steps)
    if first >= steps:
        return LinearLR(optimizer, start_factor, 1.0, max(1, steps))
    rise = LinearLR(optimizer, start_factor, 1.0, first)
    return SequentialLR(optimizer, [rise, CosineAnnealingLR(optimizer, steps - first, eta_min)], [first])


def wsd(optimizer: Optimizer, steps: int, *, warmup: float = 0.1, decay: float = 0.2) -> Any:
    """Warm-up, stable, decay: linear up, flat, linear to zero; `warmup` and `decay` are shares of the run."""
    from torch.optim.lr_scheduler import LambdaLR

    up, down = _share("warmup", warmup, steps), _share("decay", decay, steps)
    if up + down > max(steps, 2):
        raise InputError(f"wsd: warmup={warmup} and decay={decay} together exceed the run")
    return LambdaLR(optimizer, lambda k: max(0.0, min(1.0, (k + 1) / up, (steps - k) / down)))


def one_cycle_end(given: Mapping[str, Any]) -> int | None:
    """The end that OneCycleLR's own arguments give, None where they give none."""
    if given.get("total_steps") is not None:
        return int(given["total_steps"])
    if given.get("epochs") is not None and given.get("steps_per_epoch") is not None:
        return int(given["epochs"] * given["steps_per_epoch"])
    return None


def _part(text: str, optimizer: Optimizer, steps: int) -> LRScheduler:
    from .schedules import schedule_from_text  # the parts are named in the catalogue that names this builder

    spec = schedule_from_text(text)
    if spec.kind == "adaptive":
        raise InputError(f"{spec.name} looks at the loss and cannot be a part of another schedule")
    part = spec.factory(optimizer, steps)
    if part is None:
        from torch.optim.lr_scheduler import ConstantLR

        return ConstantLR(optimizer, 1.0, 1)
    return part


def _function(value: str | Callable[[int], float] | None) -> Callable[[int], float] | None:
    return import_path(value) if isinstance(value, str) else value


def _has_momentum(optimizer: Optimizer) -> bool:
    return any("betas" in group or group.get("momentum", 0) for group in optimizer.param_groups)


def _positive(name: str, value: int) -> int:
    if not isinstance(value, int) or value < 1:
        raise InputError(f"{name} must be a whole number >= 1, got {value!r}")
    return value


def _factor(name: str, value: float) -> float:
    """Raises InputError for a factor under which a rate would turn negative, and the run climb."""
    if isinstance(value, (int, float)) and not value >= 0:  # what is no number at all, torch refuses
        raise InputError(f"{name} must be a number >= 0, got {value!r}")
    return value


def _listed(schedulers: Any) -> None:
    """Raises InputError where parts are given that are no list of texts."""
    if schedulers is not None and (isinstance(schedulers, str) or not schedulers):
        raise InputError(f'schedulers must be a list of schedules, ["LinearLR", "StepLR"], got {schedulers!r}')


def _tenth(steps: int) -> int:
    return max(1, steps // 10)


def default_milestones(parts: int, steps: int) -> list[int]:
    """Where SequentialLR goes from part to part: after a tenth of the run for two parts, evenly for more."""
    return [_tenth(steps)] if parts == 2 else [max(1, steps * k // parts) for k in range(1, parts)]


def _share(name: str, share: float, steps: int) -> int:
    if not 0 <= share <= 1:
        raise InputError(f"{name} is a share of the run: it must be between 0 and 1, got {share!r}")
    return max(1, round(share * steps))
