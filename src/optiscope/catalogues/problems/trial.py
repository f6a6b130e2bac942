"""One batch of somebody's own network, data and loss, tried before anything runs; one line for what does not fit."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter
from torch.utils.data import TensorDataset, default_collate

from ...errors import InputError, reason_of
from ...seeding import OwnRandom
from ...task import Data
from ..losses import Criterion
from .fingerprint import without_addresses
from .learning.shared import accuracy

_COLUMNS = {"loss", "step", "lr_t", "grad_norm", "update_norm", "run_id", "val_loss"}


@dataclass(frozen=True)
class Tried:
    """What the trial of a batch has shown: the metrics, and what the network and the data are told by."""

    measures: dict[str, Callable[..., Any]]
    network: tuple[Any, ...]
    data: list[Any]


def try_out(
    problem: str, build: Any, data: Data, criterion: Criterion, batch_size: int,
    metrics: Mapping[str, Callable[[Any, Any], Any]] | None,
) -> Tried:  # fmt: skip
    """Build the network and try a batch, an epoch's last batch, and a batch of the validation set.

    Raises InputError, in one line, for whatever does not fit.
    """
    module = built(problem, build)
    inputs, targets = batch_of(problem, data.train, range(batch_size))
    output = tried(problem, module, inputs)
    fits(problem, criterion, output, targets)
    _forgets(problem, criterion, output, targets)
    _trains(problem, module)
    _extremes(problem, criterion, output, targets, data.train)
    rest = size_of(problem, data.train) % batch_size
    if rest:
        what = f"the last batch of an epoch, of {rest} example{'s' * (rest > 1)}: the network refuses it"
        tried(problem, module, inputs[:rest], what, "another batch_size may leave none, or more")
    measures = measures_of(problem, metrics, output, targets)
    contents = [_contents(problem, data.train, (inputs, targets))]
    if data.validation is not None:
        some = range(min(batch_size, size_of(problem, data.validation)))
        held, wanted = batch_of(f"{problem}: validation", data.validation, some)
        module.eval()
        judged = tried(problem, module, held, "validation: the network refuses an input of shape {shape}")
        fits(f"{problem}: validation", criterion, judged, wanted)
        _extremes(f"{problem}: validation", criterion, judged, wanted, data.validation)
        contents.append(_contents(problem, data.validation, (held, wanted)))
    return Tried(measures, _network(module), contents)


def size_of(problem: str, dataset: Any) -> int:
    """The number of examples. Raises InputError for what has no length, or none."""
    if not (hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")):
        what = type(dataset).__name__
        raise InputError(f"{problem}: a dataset must have a length and items by number, got {what}")
    try:
        count = len(dataset)
    except Exception as error:  # somebody's dataset
        raise InputError(f"{problem}: the dataset's length fails: {reason_of(error)}") from error
    if not count:
        raise InputError(f"{problem}: the dataset is empty")
    return count


def batch_of(problem: str, dataset: Any, chosen: Iterable[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and targets of some examples. Raises InputError for items that make none."""
    items = []
    wants = f"{problem}: each item of the dataset must be a pair (input, target)"
    for i in chosen:
        try:
            items.append(dataset[i])
        except Exception as error:  # somebody's dataset
            raise InputError(f"{problem}: an item of the dataset fails: {reason_of(error)}") from error
    for item in items:
        if not isinstance(item, (tuple, list)):
            raise InputError(f"{wants}, got {type(item).__name__}")
        if len(item) != 2:
            raise InputError(f"{wants}, got {len(item)} things")
    try:
        inputs, targets = default_collate(items)
    except (TypeError, RuntimeError) as error:
        kinds = " and ".join(type(part).__name__ for part in items[0])
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{wants} of tensors, arrays or numbers of one shape, got {kinds}: {reason}") from error
    for part, what in ((inputs, "input"), (targets, "target")):
        if not isinstance(part, torch.Tensor):
            raise InputError(f"{wants} of tensors, arrays or numbers, got an {what} of {type(part).__name__}")
    return inputs, targets


def built(problem: str, build: Any) -> nn.Module:
    """The network. Raises InputError where it cannot be built, or is not whole."""
    if isinstance(build, nn.Module):
        raise InputError(
            f"{problem}: give what builds the network, its class or a function, not a network: each run starts anew"
        )
    if not callable(build):
        raise InputError(f"a network is built by a class or a function, got {build!r}")
    try:
        module = build()
    except Exception as error:  # somebody's function
        what = "it must be built without arguments" if _needs_arguments(build) else "building the network fails"
        raise InputError(f"{problem}: {what}: {reason_of(error)}") from error
    if not isinstance(module, nn.Module):
        raise InputError(f"{problem}: {name_of(build)} must give a torch.nn.Module, got {type(module).__name__}")
    lazy = [name for name, one in module.named_parameters() if isinstance(one, UninitializedParameter)]
    if lazy:
        raise InputError(
            f"{problem}: {lazy[0]} has no shape yet: give lazy layers their sizes, or call the network once in build"
        )
    return module


def _needs_arguments(build: Any) -> bool:
    try:
        inspect.signature(build).bind()
    except TypeError:
        return True
    except ValueError:  # written in C: it does not tell
        return False
    return False


def tried(
    problem: str, module: nn.Module, inputs: torch.Tensor, what: str = "the network refuses an input of shape {shape}",
    remedy: str = "",
) -> Any:  # fmt: skip
    """The output of a batch. Raises InputError, with what the network says, where it refuses it."""
    with torch.no_grad():
        try:
            return module(inputs.float() if inputs.is_floating_point() else inputs)
        except Exception as error:  # whatever a network raises, it is the input that it refuses
            said = f"{problem}: {what.format(shape=tuple(inputs.shape))}: {reason_of(error)}"
            raise InputError(f"{said}; {remedy}" if remedy else said) from error


def _trains(problem: str, module: nn.Module) -> None:
    parameters = list(module.parameters())
    if not parameters:
        raise InputError(f"{problem}: the network has no parameters: there is nothing to train")
    if not any(parameter.requires_grad for parameter in parameters):
        raise InputError(f"{problem}: every parameter is frozen (requires_grad=False): there is nothing to train")


def _extremes(problem: str, criterion: Criterion, output: torch.Tensor, target: torch.Tensor, dataset: Any) -> None:
    """The same check with the least and the greatest class there is in a tensor of targets: a batch may miss them."""
    if not isinstance(dataset, TensorDataset) or target.is_floating_point() or target.dtype == torch.bool:
        return
    whole = dataset.tensors[1]
    rows = whole.reshape(len(whole), -1)
    if len(rows) == len(target) or not rows.numel():
        return
    for row in (rows.amin(1).argmin(), rows.amax(1).argmax()):
        fits(problem, criterion, output, torch.cat([whole[row].unsqueeze(0), target[1:]]))


def _network(module: nn.Module) -> tuple[Any, ...]:
    """What tells a network from another besides the code that builds it: its text, its shapes, its layers' code."""
    tensors = [*module.named_parameters(), *module.named_buffers()]
    shapes = [(name, tuple(tensor.shape), str(tensor.dtype), tensor.requires_grad) for name, tensor in tensors]
    classes = {f"{type(one).__module__}.{type(one).__qualname__}": type(one) for one in module.modules()}
    return without_addresses(repr(module)), shapes, sorted(classes.items())


def _contents(problem: str, dataset: Any, batch: tuple[torch.Tensor, torch.Tensor]) -> Any:
    """What tells data from other data: the tensors; else the length and a batch, or its shapes where it is random."""
    if isinstance(dataset, TensorDataset):
        return dataset.tensors
    again = batch_of(problem, dataset, range(len(batch[0])))
    same = all(torch.equal(a, b) for a, b in zip(batch, again, strict=True))
    return len(dataset), [part if same else (tuple(part.shape), str(part.dtype)) for part in batch]


def fits(problem: str, criterion: Criterion, output: Any, target: torch.Tensor) -> None:
    """Raises InputError where the loss does not fit a batch's outputs and targets."""
    if not isinstance(output, torch.Tensor):
        raise InputError(f"{problem}: the network must give a tensor, got {type(output).__name__}")
    same_dtype = target.to(output.dtype) if target.is_floating_point() else target
    beside = f"output of shape {tuple(output.shape)}, target of shape {tuple(target.shape)}"
    if not criterion.loss.parts and output.shape[:1] != target.shape[:1]:
        raise InputError(f"{problem}: the output must have one row an example: {beside}")
    if not criterion.loss.parts and _broadcasts(criterion, output.detach(), same_dtype):
        raise InputError(f"{problem}: the loss compares every output with every target: give them one shape ({beside})")
    try:
        criterion.check(output, same_dtype)
    except InputError as error:
        raise InputError(f"{problem}: {error} ({beside})") from error


def _forgets(problem: str, criterion: Criterion, output: torch.Tensor, target: torch.Tensor) -> None:
    """Raises InputError for a loss that remembers its calls: all runs share it, and would run into each other."""
    if criterion.loss.parts:  # of torch, which keeps nothing
        return
    wanted = target.to(output.dtype) if target.is_floating_point() else target
    values = []
    for _ in range(2):
        with torch.no_grad(), OwnRandom(0, "loss"):
            values.append(criterion(output, wanted))
    if not torch.equal(*values) and torch.isfinite(torch.stack(values)).all():
        raise InputError(
            f"{problem}: the loss gives another value each time it is called with the same output and target: it must "
            "keep nothing from one call to the next"
        )


def _broadcasts(criterion: Criterion, output: torch.Tensor, target: torch.Tensor) -> bool:
    """Whether a loss of one's own makes a table of N by N from (N, 1) and (N,): its value then hangs on the shape."""
    if output.shape == target.shape or output.numel() != target.numel() or not target.is_floating_point():
        return False
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own words about it come too early, or not at all
        try:
            given, reshaped = criterion(output, target), criterion(output.reshape(target.shape), target)
            return not torch.allclose(given, reshaped, rtol=1e-4, equal_nan=True)
        except Exception:  # a loss that takes this very shape apart means it
            return False


def measures_of(
    problem: str, metrics: Mapping[str, Callable[..., Any]] | None, output: Any, target: torch.Tensor
) -> dict[str, Callable[..., Any]]:
    """The metrics of a problem: those given, else accuracy where there are classes. Raises InputError."""
    if metrics is None:
        classes = not target.is_floating_point() and output.shape == (*output.shape[:2], *target.shape[1:])
        return {"accuracy": accuracy} if classes and output.dim() == target.dim() + 1 else {}
    if not isinstance(metrics, Mapping):
        raise InputError(f"{problem}: metrics maps names to functions of (output, target), got {metrics!r}")
    for key, measure in metrics.items():
        if not str(key).isidentifier() or key in _COLUMNS:
            raise InputError(f"{problem}: a metric's name must be a word, and none of {sorted(_COLUMNS)}, got {key!r}")
        try:
            float(measure(output, target))
        except Exception as error:  # somebody's own function
            reason = reason_of(error)
            raise InputError(f"{problem}: metric {key!r} must give one number: {reason}") from error
    return dict(metrics)


def name_of(build: Any) -> str:
    """The name of a class or function; `network` where it has none."""
    found = build.func if isinstance(build, functools.partial) else build
    name = getattr(found, "__name__", type(found).__name__)
    return "network" if name == "<lambda>" or inspect.ismodule(found) else name
