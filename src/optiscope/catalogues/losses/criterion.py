"""The training loss of a learning problem, from any loss of the catalogue or a function.

A network of class scores can be trained by every loss that can be asked about one class out of several. Where a loss
wants something else than raw outputs and class indices, the criterion turns one into the other, always in the same
documented way: `log_softmax` before losses of log-probabilities, a sigmoid before losses of probabilities; one number
a class (1 for the class, 0 else), signs (1, -1) or a list of labels in place of the index.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from .reading import read_loss
from .spec import LossSpec
from .table import LOSSES

if TYPE_CHECKING:
    import torch

# kind of input -> what comes between the network's outputs and the loss; in words, and as a method of a tensor
_BEFORE: dict[str, str] = {
    "logits": "", "scores": "", "values": "", "log-probabilities": "log_softmax", "probabilities": "sigmoid",
    "rates": "exp",
}  # fmt: skip
_TARGETS = {
    "class index": "class index", "values": "one-hot", "soft bits": "one-hot", "bits": "one-hot", "counts": "one-hot",
    "distribution": "one-hot", "signs": "signs", "label list": "label list",
}  # fmt: skip
_FOR_VALUES = {"values", "soft bits", "bits", "counts", "signs"}


@dataclass(frozen=True)
class Criterion:
    """A loss as `Task.criterion` takes it: `(output, target) -> scalar`; of several values, their mean.

    `before` is applied to the outputs, `encoding` to the class indices (module docstring); empty for neither.
    It holds no state of a run and looks at no value, so that it runs under `torch.func.vmap`; `check` looks.
    """

    loss: LossSpec
    before: str = ""
    encoding: str = ""
    _built: dict[Any, Callable[..., Any]] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The loss of a batch."""
        key = (output.dtype, output.device)
        loss = self._built.get(key)
        if loss is None:
            loss = self._built[key] = self.loss.build_like(output)
        value = loss(*self.prepare(output, target))
        return value if value.dim() == 0 else value.mean()

    def prepare(self, output: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the loss itself is called with."""
        import torch

        if self.encoding in ("one-hot", "signs"):
            # Compared and not scattered: the same under vmap, and an index that is no class is left to `check`.
            each = torch.arange(output.shape[1], device=output.device).reshape(-1, *[1] * (output.dim() - 2))
            hot = (target.unsqueeze(1) == each).to(output.dtype)
            target = 2 * hot - 1 if self.encoding == "signs" else hot
        elif self.encoding == "label list":
            target = torch.nn.functional.pad(target.unsqueeze(1), (0, output.shape[1] - 1), value=-1)
        if self.before == "log_softmax":
            output = output.log_softmax(1)
        elif self.before:
            output = getattr(output, self.before)()
        return output, target

    def check(self, output: torch.Tensor, target: torch.Tensor) -> None:
        """Raises InputError where the loss does not fit a batch's outputs and targets, or has no gradient to give.

        Outputs that are not finite pass: that is a run that diverges, and no misfit.
        """
        import torch

        if not torch.isfinite(output).all():
            return

        if self.encoding not in ("", "class index"):
            _check_classes(self.loss, output, target)
        leaf = output.detach().requires_grad_()
        with torch.enable_grad():
            prepared, wanted = self.prepare(leaf, target)
            self.loss.check(prepared, wanted)
            value = self.loss.evaluate(prepared, wanted)
            if not (isinstance(value, torch.Tensor) and value.requires_grad):
                raise InputError(f"{self.loss.label} gives no gradient: it must be made of tensor operations")

    @property
    def formula(self) -> str:
        """The loss and what comes before it, in words."""
        before = f" after {self.before}" if self.before else ""
        target = {"one-hot": " on one-hot targets", "signs": " on targets 1 and -1"}.get(self.encoding, "")
        return f"{self.loss.label}{before}{target}"


def class_criterion(loss: str | LossSpec | Callable[..., Any], problem: str, classes: int) -> Criterion:
    """The criterion of a network with one output a class, shape (N, C, …), and class indices, shape (N, …).

    A function of your own is given the raw outputs and the class indices. `problem` is whom an error speaks of.

    Raises InputError for a loss that asks for something else (pairs, triplets, distances, sequences, variances), and
    for class weights that are not one a class.

    >>> class_criterion("MSELoss", "digits-cnn", 10).formula
    'MSELoss on one-hot targets'
    """
    spec = read_loss(loss)
    if spec.parts:
        spec.check_weight(classes)
    return _made(spec, _of_classes, problem, "a class")


def value_criterion(loss: str | LossSpec | Callable[..., Any], problem: str) -> Criterion:
    """The criterion of a network whose outputs and targets have one shape, and are compared number by number.

    Raises InputError for a loss that asks for something else.

    >>> value_criterion("HuberLoss(delta=0.5)", "autoencoder").formula
    'HuberLoss(delta=0.5)'
    """
    return _made(read_loss(loss), _of_values, problem, "a value")


def _made(spec: LossSpec, make: Callable[[LossSpec], Criterion | None], problem: str, what: str) -> Criterion:
    found = make(spec)
    if found is None:
        names = ", ".join(other.name for other in LOSSES if make(other))
        raise InputError(f"{problem}: {spec.label} compares no output with {what}; losses that do: {names}")
    return found


def _of_classes(spec: LossSpec) -> Criterion | None:
    if not spec.parts:
        return Criterion(spec, encoding="class index")
    output, target = _kinds(spec)
    if output not in _BEFORE or target not in _TARGETS:
        return None
    return Criterion(spec, _BEFORE[output], _TARGETS[target])


def _of_values(spec: LossSpec) -> Criterion | None:
    if not spec.parts:
        return Criterion(spec)
    output, target = _kinds(spec)
    elementwise = all(form.shapes == ("*",) for part in spec.parts for form in part.forms)
    if not elementwise or output not in _BEFORE or target not in _FOR_VALUES:
        return None
    return Criterion(spec, _BEFORE[output])


def _kinds(spec: LossSpec) -> tuple[str, str]:
    """The kinds of input and target, empty unless there is one of each; of several forms, the first."""
    if [part.side for part in spec.parts] != ["output", "target"]:
        return "", ""
    arguments = {**spec.options, **spec.arguments}
    output, target = (next(form.kind for form in part.forms if form.fits(arguments)) for part in spec.parts)
    return output, target


def _check_classes(loss: LossSpec, output: torch.Tensor, target: torch.Tensor) -> None:
    """What an encoding would hide from the loss's own check: targets that are no class indices of these outputs."""
    shape = tuple(output.shape)
    if len(shape) < 2:
        raise InputError(f"{loss.label}: outputs must have one number a class, shape (N, C, …), got {shape}")
    if target.is_floating_point():
        raise InputError(f"{loss.label}: targets must be class indices, int64, got {str(target.dtype)[6:]}")
    wants = shape[:1] + shape[2:]
    if tuple(target.shape) != wants:
        beside = f"targets beside outputs of shape {shape} must have shape {wants}"
        raise InputError(f"{loss.label}: {beside}, got {tuple(target.shape)}")
    wrong = target[(target < 0) | (target >= shape[1])]
    if wrong.numel():
        found = wrong.flatten()[0].item()
        raise InputError(f"{loss.label}: a target is class {found}, but there are {shape[1]} outputs, one a class")
