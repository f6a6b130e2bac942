"""The tensors that a loss is called with: their kinds and shapes, how to check them, how to draw an example.

A shape is written in letters, `N C ...`: each letter is a size, the same wherever it stands in one loss; `...` and `*`
stand for any sizes. Imports `errors` and `kinds` only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ...errors import InputError
from .kinds import KINDS, Fit, Kind

if TYPE_CHECKING:
    import torch

_SIZES = {"N": 6, "C": 5, "D": 4, "T": 8, "S": 3, "...": (), "*": (6, 5)}


@dataclass(frozen=True)
class Form:
    """One thing that a part may be: a kind of `KINDS`, and its shapes, one for each variant of the loss.

    `when` is the argument, and its value, that the form belongs to.
    """

    kind: str
    shapes: tuple[str, ...]
    when: tuple[str, Any] | None = None

    @property
    def meaning(self) -> Kind:
        """The kind itself."""
        return KINDS[self.kind]

    def fits(self, arguments: Mapping[str, Any]) -> bool:
        """Whether the loss's arguments ask for this form."""
        return self.when is None or arguments.get(self.when[0]) == self.when[1]

    def __str__(self) -> str:
        shapes = " or ".join(dict.fromkeys(pretty(shape) for shape in self.shapes))
        given = f" where {self.when[0]}={self.when[1]}" if self.when else ""
        dtype = "" if self.meaning.dtype == "number" else f", {self.meaning.dtype}"
        return f"{self.meaning.words}{dtype}, shape {shapes}{given}"


@dataclass(frozen=True)
class Part:
    """One argument of the call: its name, the side it comes from, and the forms that it may have."""

    name: str
    side: Literal["output", "target"]
    forms: tuple[Form, ...]

    def __str__(self) -> str:
        return "; or ".join(str(form) for form in self.forms)

    @property
    def brief(self) -> str:
        """Kinds and first shapes alone, for a table."""
        return " or ".join(f"{form.kind} {pretty(form.shapes[0])}" for form in self.forms)


def pretty(shape: str) -> str:
    """A shape as people write it.

    >>> pretty("N C ..."), pretty(""), pretty("*")
    ('(N, C, …)', '()', '(*)')
    """
    return f"({', '.join('…' if letter == '...' else letter for letter in shape.split())})"


def bind(shape: str, given: Sequence[int], sizes: dict[str, Any]) -> bool:
    """Whether a tensor's shape fits; the letters that it settles are put into `sizes`.

    >>> sizes = {}
    >>> bind("N C ...", (8, 3, 2, 2), sizes), sizes
    (True, {'...': (2, 2), 'N': 8, 'C': 3})
    >>> bind("N ...", (8, 5), sizes)
    False
    """
    letters, given = shape.split(), tuple(given)
    for open_end in ("...", "*"):
        if open_end in letters:
            at = letters.index(open_end)
            after = len(letters) - at - 1
            if len(given) < at + after:
                return False
            rest = given[at : len(given) - after]
            if sizes.setdefault(open_end, rest) != rest:
                return False
            letters = letters[:at] + letters[at + 1 :]
            given = given[:at] + given[at + len(rest) :]
    if len(letters) != len(given):
        return False
    return all(
        size == int(letter) if letter.isdigit() else sizes.setdefault(letter, size) == size
        for letter, size in zip(letters, given, strict=True)
    )


def check_parts(
    name: str, parts: Sequence[Part], tensors: Sequence[Any], arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """The sizes of a call that fits. Raises InputError for the first tensor that does not, and says what would."""
    import torch

    forms = []
    for part, tensor in zip(parts, tensors, strict=True):
        if not isinstance(tensor, torch.Tensor):
            raise InputError(f"{name}: {part.name} must be a tensor, got {type(tensor).__name__}")
        allowed = [form for form in part.forms if form.fits(arguments)]
        form = next((form for form in allowed if form.meaning.takes(tensor)), None)
        if form is None:
            what = "; or ".join(str(form) for form in allowed)
            raise InputError(f"{name}: {part.name} must be {what}; got dtype {_dtype(tensor)}")
        if tensor.numel() == 0:
            raise InputError(f"{name}: {part.name} is empty, of shape {tuple(tensor.shape)}")
        forms.append(form)
    _one_dtype(name, parts, tensors)
    variant, sizes = _variant(name, parts, forms, tensors)
    for part, form, tensor in zip(parts, forms, tensors, strict=True):
        fault = form.meaning.fault(tensor.detach(), Fit(sizes, arguments, _class_axis(form.shapes[variant])))
        if fault:
            remedy = f": {form.meaning.remedy}" if form.meaning.remedy else ""
            raise InputError(f"{name}: {part.name} must be {form.meaning.words}, but it {fault}{remedy}")
    return sizes


def draw_parts(
    parts: Sequence[Part], arguments: Mapping[str, Any], generator: torch.Generator, sizes: Mapping[str, Any]
) -> list[torch.Tensor]:
    """A random tensor for each part, float64 or int64: the first form that the arguments ask for, its first shape."""
    full = {**_SIZES, **sizes}
    tensors = []
    for part in parts:
        form = next(form for form in part.forms if form.fits(arguments))
        shape: tuple[int, ...] = ()
        for letter in form.shapes[0].split():
            shape += full[letter] if letter in ("...", "*") else (full[letter],)
        tensors.append(form.meaning.draw(shape, generator, Fit(full, arguments, _class_axis(form.shapes[0]))))
    return tensors


def _variant(
    name: str, parts: Sequence[Part], forms: Sequence[Form], tensors: Sequence[torch.Tensor]
) -> tuple[int, dict[str, Any]]:
    wrong = 0
    for variant in range(len(forms[0].shapes)):
        sizes: dict[str, Any] = {}
        fits = [bind(form.shapes[variant], tensor.shape, sizes) for form, tensor in zip(forms, tensors, strict=True)]
        if all(fits):
            return variant, sizes
        wrong = max(wrong, fits.index(False))
    # The part that no variant gets past is the one to speak of.
    first, given = tuple(tensors[0].shape), tuple(tensors[wrong].shape)
    if wrong and forms[0].shapes == forms[wrong].shapes:
        raise InputError(f"{name}: {parts[wrong].name} must have the shape of {parts[0].name}, {first}, got {given}")
    shapes = " or ".join(dict.fromkeys(pretty(shape) for shape in forms[wrong].shapes))
    beside = f" beside {parts[0].name} of shape {first}" if wrong else ""
    raise InputError(f"{name}: {parts[wrong].name} must have shape {shapes}{beside}, got {given}")


def _one_dtype(name: str, parts: Sequence[Part], tensors: Sequence[torch.Tensor]) -> None:
    first = None
    for part, tensor in zip(parts, tensors, strict=True):
        if not tensor.is_floating_point():
            continue
        first = first or (part, tensor)
        if tensor.dtype != first[1].dtype:
            raise InputError(
                f"{name}: {part.name} is {_dtype(tensor)} and {first[0].name} {_dtype(first[1])}: they must be alike"
            )


def _class_axis(shape: str) -> int | None:
    letters = shape.split()
    if "C" not in letters:
        return None
    at = letters.index("C")
    return at if "..." not in letters[:at] else at - len(letters)


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
