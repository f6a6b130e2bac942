"""The parts of a learning problem: its network, data, loss and metrics. Data only; torch comes where it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Data:
    """What a learning task trains and is judged on: two `torch.utils.data.Dataset`s of (input, target)."""

    train: torch.utils.data.Dataset
    validation: torch.utils.data.Dataset | None = None


@dataclass(frozen=True)
class Task:
    """The parts of a learning problem; the engine puts them together.

    `module()` builds the network; its random initialisation is redirected to the run's own generator.
    `data(seed)` gives the `Data`. `criterion(output, target)` gives the scalar training loss of a batch.
    `batch_metrics` are read off each training batch's output; `validation_metrics` are computed on the validation set
    every `evaluate_every` epochs, off the clock. Both map a name to `(output, target) -> scalar`.
    `check(output, target)` is called once a run, on the first output there is; it raises
    InputError where the loss does not fit.
    """

    module: Callable[[], torch.nn.Module]
    data: Callable[[int], Data]
    criterion: Callable[[Any, Any], torch.Tensor]
    batch_size: int
    batch_metrics: Mapping[str, Callable[[Any, Any], torch.Tensor]] = field(default_factory=dict)
    validation_metrics: Mapping[str, Callable[[Any, Any], torch.Tensor]] = field(default_factory=dict)
    evaluate_every: int = 1
    check: Callable[[Any, Any], None] | None = None
