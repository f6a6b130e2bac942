"""The nouns: `Problem`, `OptimizerSpec`, `ScheduleSpec`, `Run`. Data only; torch is imported where a spec is used.

A spec says what to do and never does it; the engine does. Specs compare and hash by identity strings, which hold
names, arguments and `version`, so that a run means the same thing in another process and on another day.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from .checks import check_name, check_point, check_sequence
from .errors import InputError, reason_of, shown
from .groups import check_values, read_groups
from .identity import ByIdentity, identity_json
from .runs import Run, Start, run_ids
from .schedule_spec import ScheduleSpec
from .signatures import check_arguments, why_refused
from .syntax import import_path

if TYPE_CHECKING:
    import torch
    from torch.optim import Optimizer

    from .task import Task

__all__ = ["Layout", "OptimizerSpec", "Problem", "Run", "ScheduleSpec", "Start", "run_ids"]

Layout = Literal["vector", "matrix", "sparse"]


@dataclass(frozen=True, eq=False)
class Problem(ByIdentity):
    """Something to minimise: a function of a point, or a network with its data and loss.

    For a function, `loss(x)` maps `(..., dim)` to `(...)`; `start`, `minimum` are points of `dim` numbers, `bounds`
    is one (low, high) a coordinate, where random starts are drawn and pictures are taken. Nothing stops an optimizer
    from leaving the bounds. `minima` lists every known global minimum and `minimum_value` the loss there.
    `noise` is the standard deviation of the normal noise added to each coordinate of every gradient; the recorded
    loss stays exact. `layout` is how the optimizer sees the point: a vector, a square-ish matrix (Muon), or a
    vector whose gradients come sparse (SparseAdam).

    For a network, `task` holds the parts and `loss` is None. `default_steps` is the length of a run that shows what
    there is to see; a network's targets are those of baselines tuned at it.

    >>> bowl = Problem("bowl", lambda x: x[..., 0]**2 + 10 * x[..., 1]**2,
    ...                start=(3., 2.), minimum=(0., 0.), bounds=((-4., 4.), (-3., 3.)))
    >>> bowl.dim
    2

    Raises InputError where the points and bounds do not fit each other. Change `version` when you change what
    the function computes: stored runs are told apart by names, arguments and version, not by code.
    """

    name: str
    loss: Callable[[torch.Tensor], torch.Tensor] | None = None
    start: tuple[float, ...] = ()
    minimum: tuple[float, ...] | None = None
    bounds: tuple[tuple[float, float], ...] = ()
    _: KW_ONLY
    minima: tuple[tuple[float, ...], ...] = ()
    minimum_value: float | None = None
    formula: str = ""
    source: str = ""
    noise: float = 0.0
    layout: Layout = "vector"
    dtype: str = ""
    task: Task | None = None
    steps_per_epoch: int = 1
    default_steps: int = 500
    metrics: tuple[str, ...] = ()
    version: int = 1

    def __post_init__(self) -> None:
        put = functools.partial(object.__setattr__, self)
        check_name("problem", self.name)
        put("dtype", self.dtype or ("float32" if self.task else "float64"))
        if self.task is not None:
            return
        if self.loss is None:
            raise InputError(f"problem {self.name!r} needs a loss function or a task")
        put("start", check_point(self.name, "start", self.start))
        put(
            "bounds",
            tuple(check_point(self.name, "bounds", pair) for pair in check_sequence(self.name, "bounds", self.bounds)),
        )
        if not self.start:
            raise InputError(f"problem {self.name!r} needs a start: one number a coordinate")
        if self.bounds and len(self.bounds) != self.dim:
            raise InputError(f"problem {self.name!r} has {self.dim} coordinates but {len(self.bounds)} bounds")
        for low, high in self.bounds:
            if not low < high:
                raise InputError(f"problem {self.name!r}: bounds must be low < high, got ({low}, {high})")
        if self.minimum is not None:
            put("minimum", check_point(self.name, "minimum", self.minimum))
            put("minima", self.minima or (self.minimum,))
        elif self.minima:
            put("minimum", self.minima[0])
        if any(len(point) != self.dim for point in self.minima):
            raise InputError(f"problem {self.name!r} has {self.dim} coordinates; a minimum has another number")
        if not self.noise >= 0:
            raise InputError(f"noise must be >= 0, got {self.noise}")

    @classmethod
    def from_module(
        cls, build: Callable[[], torch.nn.Module], dataset: Any, loss: Any, *, name: str = "", batch_size: int = 32,
        validation: float = 0.2, metrics: Mapping[str, Callable[[Any, Any], Any]] | None = None,
        evaluate_every: int = 1, default_steps: int | None = None, version: int = 1,
    ) -> Problem:  # fmt: skip
        """A learning problem from a network, its data and its loss.

        `build()` gives the network: its class, or a function. `dataset` is a `torch.utils.data.Dataset` of pairs
        (input, target), of which the run's seed draws the share `validation` to be kept apart; or a pair of them,
        (training, validation); or a function of the seed that gives either. `loss` is a name with or without
        arguments, an object of `torch.nn`, or a function, called with outputs and targets as they are; it must keep
        nothing from one call to the next.
        `metrics` map a name to a function of outputs and targets: accuracy, where there are classes, unless given;
        they are measured every `evaluate_every` epochs, in evaluation mode, on all of the validation set, which is held
        in memory; each part of the network then returns to the mode that it was in. The name is that of the class,
        with the arguments given.
        Runs are told apart by name, version, and a fingerprint of the code of network, loss and metrics, the
        parameters' shapes, and the data of seed 0 (its tensors, else its length and first batch).

        Raises InputError, in one line, where data, network and loss do not fit: one batch is tried.
        """
        # The one import that points up: the noun is where people look for what makes one.
        from .catalogues.problems.own import problem_from_module

        return problem_from_module(
            build, dataset, loss, name=name, batch_size=batch_size, validation=validation, metrics=metrics,
            evaluate_every=evaluate_every, default_steps=default_steps, version=version,
        )  # fmt: skip

    @property
    def dim(self) -> int:
        """Number of coordinates of a function; 0 for a network."""
        return len(self.start)

    @property
    def is_function(self) -> bool:
        """Whether this is a function of a point (else it is a network)."""
        return self.task is None

    @functools.cached_property
    def identity(self) -> str:
        """What tells this problem from another: name, start, bounds, …, version, switches, code of one's own."""
        parts = {"training": self.task.training, "code": self.task.fingerprint} if self.task else {}
        own = {key: getattr(part, "set", part) for key, part in parts.items() if part}
        return identity_json(
            problem=self.name, start=self.start, bounds=self.bounds, noise=self.noise, layout=self.layout,
            version=self.version, **own,
        )  # fmt: skip

    @functools.cached_property
    def floor(self) -> float:
        """The least loss known: `minimum_value`, else the loss at the minimum, else NaN."""
        if self.minimum_value is not None:
            return self.minimum_value
        if self.minimum is None or self.loss is None:
            return math.nan
        import torch

        try:
            return float(self.loss(torch.tensor(self.minimum, dtype=torch.float64)))
        except Exception as error:  # somebody's function
            reason = reason_of(error)
            raise InputError(f"problem {self.name!r}: its loss fails at its minimum: {reason}") from error


@dataclass(frozen=True, eq=False)
class OptimizerSpec(ByIdentity):
    """A label, a `torch.optim.Optimizer` class (or its import path), and its keyword arguments.

    `groups` maps patterns of parameter names to arguments that those parameters get instead (module `groups` says
    what a pattern may be); `lr_scale` there is a factor of the run's rate, under any schedule, and `frozen_until=k`
    leaves them as they are until k steps are done. In call syntax it is one more argument.

    >>> OptimizerSpec("Momentum", "torch.optim.SGD", {"momentum": 0.9}).arguments["momentum"]
    0.9
    >>> OptimizerSpec("AdamW", "torch.optim.AdamW", groups={"bias, norm": {"weight_decay": 0.0}}).arguments
    {}
    """

    name: str
    cls: type[Optimizer] | str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    source: str = ""
    version: int = 1
    groups: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name("optimizer", self.name)
        if not isinstance(self.cls, (str, type)):
            raise InputError(f"optimizer {self.name!r} needs a class or its import path, got {shown(self.cls)}")
        if not isinstance(self.arguments, Mapping):
            raise InputError(f"optimizer {self.name!r}: arguments are a dict, got {shown(self.arguments)}")
        if "lr" in self.arguments:
            raise InputError(f"lr is an axis of its own, not an argument of {self.name!r}: give lr=…")
        arguments = dict(self.arguments)
        groups = read_groups(self.name, arguments.pop("groups", self.groups))
        object.__setattr__(self, "arguments", arguments)
        object.__setattr__(self, "groups", groups)

    @property
    def path(self) -> str:
        """Import path of the class."""
        return self.cls if isinstance(self.cls, str) else f"{self.cls.__module__}.{self.cls.__qualname__}"

    @functools.cached_property
    def identity(self) -> str:
        """What tells this optimizer from another: class, arguments, groups, version. Its label is a name, no more."""
        # The first pattern that matches wins, so that their order is part of it.
        groups = {"groups": list(self.groups.items())} if self.groups else {}
        return identity_json(
            optimizer=self.path, name=self.name, arguments=dict(self.arguments), version=self.version, **groups
        )

    @functools.cached_property
    def resolved(self) -> type[Optimizer]:
        """The class itself. Raises InputError where the import path leads nowhere or to no optimizer."""
        from torch.optim import Optimizer

        cls = import_path(self.cls) if isinstance(self.cls, str) else self.cls
        if not (isinstance(cls, type) and issubclass(cls, Optimizer)):
            raise InputError(f"{self.path} is not a torch.optim.Optimizer class")
        return cls

    def build(self, parameters: Any, lr: float) -> Optimizer:
        """The stock optimizer on these parameters, or groups of them. Raises InputError for what the class refuses."""
        check_arguments(self.name, self.resolved, self.arguments)
        cls: Any = self.resolved
        try:
            stock: Optimizer = cls(parameters, lr=lr, **self.arguments)
        except Exception as error:  # whatever a constructor raises, it is the arguments that it refuses
            raise InputError(f"{self.name} cannot be built: {why_refused(cls, self.arguments, error)}") from error
        for group in stock.param_groups:
            group.setdefault("lr", lr)  # some have no rate of their own; traces and schedules look for one all the same
        if self.groups:
            check_values(self.name, stock, self.arguments, self.groups)
        return stock

    def with_arguments(self, extra: Mapping[str, Any], label: str) -> OptimizerSpec:
        """Another spec, with further arguments and a label of its own."""
        if not extra:
            return self
        return replace(self, name=label, arguments={**self.arguments, **extra})

    @property
    def default_lr(self) -> float:
        """The class's own default rate. Raises InputError where it has none."""
        parameter = inspect.signature(self.resolved.__init__).parameters.get("lr")
        if parameter is None or not isinstance(parameter.default, (int, float)):
            raise InputError(f"{self.path} has no default lr: give one")
        return float(parameter.default)
