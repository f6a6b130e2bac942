"""A `float` that carries one value per lane, and the function mode that lets torch's stock optimizers take it.

An optimizer reads `lr` from its `param_groups`, computes with it in Python and hands it to torch as an operand,
`alpha=`, `value=` or `fill_value`. `LaneFloat` does the arithmetic lane by lane; `LaneMode`, around `optimizer.step()`,
rewrites the calls that receive one into the tensor form that broadcasts along the lane axis, the first one.

The hidden float is NaN: where C code reads it all the same, the result is poisoned instead of wrong.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from ..errors import OptiscopeError


class LanesDisagree(OptiscopeError):
    """An optimizer branches on a value that differs between lanes: they cannot take one step together."""


class LaneFloat(float):
    """One float64 per lane behind the face of a float.

    `values` holds the distinct ones, shape (distinct,); `index` says which is each lane's, shape (lanes,), or None
    where every lane has its own. Lanes that share all hyperparameters share the arithmetic, too.
    """

    __slots__ = ("_columns", "index", "values")
    values: np.ndarray
    index: np.ndarray | None

    def __new__(cls, values: np.ndarray, index: np.ndarray | None = None) -> LaneFloat:
        """A new one; its value as a plain float is NaN."""
        self = super().__new__(cls, float("nan"))
        self.values, self.index, self._columns = values, index, {}
        return self

    def by_lane(self) -> np.ndarray:
        """One value a lane, shape (lanes,)."""
        return self.values if self.index is None else self.values[self.index]

    def column(self, like: torch.Tensor, dims: int) -> torch.Tensor:
        """The values as a tensor of shape (lanes, 1, …) with `dims` dimensions, dtype and device of `like`."""
        dims = max(dims, 2)
        key = (dims, like.dtype, like.device)
        found = self._columns.get(key)
        if found is None:
            found = torch.from_numpy(self.by_lane()).to(like.device, like.dtype).reshape(-1, *[1] * (dims - 1))
            self._columns[key] = found
        return found

    def __reduce__(self) -> Any:
        return LaneFloat, (self.values, self.index)

    def __deepcopy__(self, memo: Any) -> LaneFloat:
        return LaneFloat(self.values.copy(), self.index)

    def __repr__(self) -> str:
        return f"LaneFloat({self.values!r}, {self.index!r})"

    def __hash__(self) -> int:
        return id(self)

    def __bool__(self) -> bool:
        return _agreed(self.values != 0)

    def __neg__(self) -> LaneFloat:
        return LaneFloat(-self.values, self.index)

    def __pos__(self) -> LaneFloat:
        return self

    def __abs__(self) -> LaneFloat:
        return LaneFloat(np.abs(self.values), self.index)


def _agreed(flags: np.ndarray) -> bool:
    first = bool(flags.flat[0])
    if (flags != first).any():
        raise LanesDisagree("the optimizer branches on a value that differs between lanes")
    return first


def _power(base: Any, exponent: Any) -> np.ndarray:
    """Python's own power, value by value: NumPy's differs from it in the last bit."""
    pairs = np.broadcast(np.asarray(base, float), np.asarray(exponent, float))
    return np.array([_float_power(b, e) for b, e in pairs])


def _float_power(base: float, exponent: float) -> float:
    try:
        result = float(base) ** float(exponent)
    except (OverflowError, ZeroDivisionError):
        return math.inf
    return result if isinstance(result, float) else math.nan


def _apply(function: Callable[[Any, Any], Any], left: Any, right: Any) -> tuple[Any, np.ndarray | None]:
    """The function on what both lane floats have in common: the distinct values, or else every lane."""
    if not isinstance(right, LaneFloat):
        return function(left.values, right), left.index
    if not isinstance(left, LaneFloat):
        return function(left, right.values), right.index
    if left.index is right.index:
        return function(left.values, right.values), left.index
    return function(left.by_lane(), right.by_lane()), None


def _install() -> None:
    """Give LaneFloat the arithmetic and comparisons of a float."""
    arithmetic: dict[str, Callable[[Any, Any], Any]] = {
        "add": operator.add, "sub": operator.sub, "mul": operator.mul, "truediv": operator.truediv, "pow": _power,
    }  # fmt: skip

    def binary(function: Callable[[Any, Any], Any], swapped: bool) -> Callable[[Any, Any], Any]:
        def method(self: LaneFloat, other: Any) -> Any:
            if isinstance(other, torch.Tensor):
                return NotImplemented  # the tensor's own reflected operator comes next, under the mode
            # Diverging lanes overflow and make NaN on purpose; a warning a step helps nobody.
            with np.errstate(all="ignore"):
                return LaneFloat(*_apply(function, other, self) if swapped else _apply(function, self, other))

        return method

    def comparison(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], bool]:
        return lambda self, other: _agreed(np.asarray(_apply(function, self, other)[0]))

    for name, function in arithmetic.items():
        setattr(LaneFloat, f"__{name}__", binary(function, False))
        setattr(LaneFloat, f"__r{name}__", binary(function, True))
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        setattr(LaneFloat, f"__{name}__", comparison(getattr(operator, name)))


_install()


# On the CPU these take the vector kernel for whole vectors and the scalar one for the rest, and the two round apart.
_POWERS = frozenset({
    torch.pow, torch.Tensor.pow, torch.Tensor.pow_, torch.Tensor.__pow__, torch.Tensor.__ipow__,
})  # fmt: skip
_LOOSE = _POWERS | frozenset({
    torch.Tensor.__rpow__, torch.float_power, torch.sigmoid, torch.Tensor.sigmoid, torch.Tensor.sigmoid_, torch.atan2,
    torch.Tensor.atan2, torch.Tensor.atan2_, torch.hypot, torch.nn.functional.softplus,
})  # fmt: skip


FEW = 3  # numbers of a lane up to which a plain loop stays within the scalar kernels, whatever the processor's vectors
# Vectors need numbers side by side: on numbers that lie apart these take the scalar kernel throughout.
_SCALAR: dict[Any, Callable[..., torch.Tensor]] = {
    **dict.fromkeys((torch.pow, torch.Tensor.pow, torch.Tensor.pow_, torch.Tensor.__pow__), torch.pow),
    **dict.fromkeys((torch.sigmoid, torch.Tensor.sigmoid, torch.Tensor.sigmoid_), torch.sigmoid),
    torch.nn.functional.softplus: torch.nn.functional.softplus,
}


def _exact_power(func: Any, args: tuple[Any, ...]) -> bool:
    """Whether torch computes the power by products and roots, the same in every kernel."""
    return func in _POWERS and type(args[-1]) in (int, float) and args[-1] in (-2, -1, -0.5, 0, 0.5, 1, 2, 3)


class LaneMode(TorchFunctionMode):
    """Around a stock optimizer's step: calls that receive a LaneFloat act on each lane with its own value."""

    def __init__(self, lanes: int):
        super().__init__()
        self.lanes = lanes
        self.step = 0
        self.first_seen: dict[Any, int] = {}  # the step at which each function was first called
        self._known: dict[Any, bool] = {}  # the same, with whether it may be loose: one look a call
        self.loose = ""  # a function called whose last bit depends on how many numbers it is given

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Hand every call through, but for those that need the tensor form."""
        loose = self._known.get(func)
        if loose is None:
            loose = self._known[func] = func in _LOOSE
            self.first_seen[func] = self.step
        if loose and not _exact_power(func, args):
            if (exact := self._as_few(func, args, kwargs)) is not None:
                return exact
            self.loose = func.__name__
        if kwargs:
            for value in kwargs.values():
                if value.__class__ is LaneFloat:
                    return self._rewritten(func, args, kwargs)
        for value in args:
            if value.__class__ is LaneFloat:
                return self._rewritten(func, args, kwargs or {})
        if func is torch.Tensor.item and args[0].numel() == self.lanes > 1:
            return LaneFloat(args[0].detach().reshape(-1).double().cpu().numpy().copy())
        return func(*args, **kwargs) if kwargs else func(*args)

    def _as_few(self, func: Any, args: tuple[Any, ...], kwargs: Any) -> torch.Tensor | None:
        """What the scalar kernel gives, which is what a lane of few numbers gets alone; None for other calls."""
        target, *numbers = args
        if kwargs or func not in _SCALAR or any(type(number) not in (int, float) for number in numbers):
            return None
        if not isinstance(target, torch.Tensor) or target.device.type != "cpu" or target.requires_grad:
            return None
        if target.numel() > FEW * self.lanes:
            return None
        apart = target.new_empty((*target.shape, 2))[..., 0].copy_(target)
        result = _SCALAR[func](apart, *numbers)
        return target.copy_(result) if _in_place(func.__name__) else torch.empty_like(target).copy_(result)

    def _rewritten(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = func.__name__
        if name in _FILLS:
            return _filled(func, name, args, kwargs)
        tensors = [a for a in args if isinstance(a, torch.Tensor)]
        if not tensors:
            tensors = [value for value in kwargs.values() if isinstance(value, torch.Tensor)]
        like = max(tensors, key=lambda tensor: tensor.dim())
        dims = like.dim()
        # Torch computes with `alpha` and `value` in the widest of the operands' formats.
        wide = max(tensors, key=lambda tensor: (tensor.dim() > 0, tensor.dtype.itemsize))
        scale = kwargs.get("alpha", kwargs.get("value"))
        if isinstance(scale, LaneFloat):
            rest = {key: value for key, value in kwargs.items() if key not in ("alpha", "value")}
            return _scaled(name, args, rest, scale.column(wide, dims))
        operands = args[2:]
        if operands and args[1].__class__ is LaneFloat and isinstance(operands[0], torch.Tensor):
            # The old order, `add_(alpha, other)` and `addcdiv_(value, …)`, which torch still takes.
            return _scaled(name, (args[0], *operands), kwargs, args[1].column(wide, dims))
        fresh = tuple(a.column(like, dims) if a.__class__ is LaneFloat else a for a in args)
        kwargs = {key: v.column(like, dims) if v.__class__ is LaneFloat else v for key, v in kwargs.items()}
        target = args[0]
        if _in_place(name) and isinstance(target, torch.Tensor) and target.numel() == 1 < self.lanes:
            # A scalar of the optimizer's state that becomes one a lane (NAdam's running product).
            target.data = _out_of_place(name)(target.detach(), *fresh[1:], **kwargs)
            return target
        return func(*fresh, **kwargs)


_FILLS = frozenset({"full_like", "full", "fill_", "new_full", "tensor", "as_tensor", "scalar_tensor", "new_tensor"})


def _filled(func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
    """Fill with one value a lane: the first axis is the lanes'."""
    fill = next(a for a in (*args, *kwargs.values()) if a.__class__ is LaneFloat)
    rest = {key: value for key, value in kwargs.items() if value.__class__ is not LaneFloat}
    if name == "full_like":
        return torch.empty_like(args[0], **rest).copy_(fill.column(args[0], args[0].dim()))
    if name == "fill_":
        return args[0].copy_(fill.column(args[0], args[0].dim()))
    dtype, device = rest.get("dtype") or torch.float64, rest.get("device") or "cpu"
    column = fill.column(torch.empty(0, dtype=dtype, device=device), 2)
    if name in ("full", "new_full") and args[-2 if args[-1].__class__ is LaneFloat else -1] not in (
        (),
        [],
        torch.Size(),
    ):
        raise LanesDisagree(f"torch.{name} of a shape without a lane axis cannot take one value a lane")
    return column.clone()


def _scaled(name: str, args: tuple[Any, ...], rest: dict[str, Any], scale: torch.Tensor) -> Any:
    """`alpha=` and `value=` as factors of their own; the order of roundings is that of torch's scalar kernels,
    which on a GPU is another one than on a CPU.
    """
    in_place = _in_place(name)
    base = name.strip("_") if name.startswith("__") else name.rstrip("_")
    target, *operands = args
    if base in ("add", "sub", "iadd", "isub"):
        factor = -scale if base in ("sub", "isub") else scale
        operand = operands[0] if isinstance(operands[0], torch.Tensor) else torch.as_tensor(operands[0]).to(target)
        return target.addcmul_(operand, factor) if in_place else torch.addcmul(target, operand, factor, **rest)
    if base in ("addcmul", "addcdiv"):
        if target.device.type != "cpu":  # there the factor comes last
            inner = operands[0] * operands[1] if base == "addcmul" else operands[0] / operands[1]
            return target.addcmul_(inner, scale) if in_place else torch.addcmul(target, inner, scale, **rest)
        first = operands[0] * scale
        function = getattr(torch.Tensor, f"{base}_") if in_place else getattr(torch, base)
        return function(target, first, operands[1], **rest)
    raise LanesDisagree(f"torch.{name} cannot take one alpha or value a lane")


def _in_place(name: str) -> bool:
    return (name.endswith("_") and not name.endswith("__")) or (name.startswith("__i") and name != "__invert__")


def _out_of_place(name: str) -> Callable[..., torch.Tensor]:
    base = name.strip("_")
    return getattr(torch, base[1:] if name.startswith("__i") else base)
