"""A problem brought to life for one run: parameters, the loss at a step, metrics. One small interface, two makers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset, default_collate

from ..errors import InputError
from ..seeding import OwnRandom
from ..spec import Problem, Run
from ..streams import normal, torch_generator, uniform
from ..task import Data

EVALUATED_AT_ONCE = 1024  # examples of a validation set that go through a network together
NOISE_BLOCK = 256  # steps of gradient noise drawn at once; no influence on the numbers


class Instance(Protocol):
    """What the loop needs of a problem."""

    parameters: list[torch.nn.Parameter]

    def loss(self, step: int) -> torch.Tensor:
        """The loss at the present parameters, on the data of this step; the same for every call of one step."""
        ...

    def perturb(self, step: int) -> None:
        """Add the gradient noise of this step, if the problem has any."""
        ...

    def batch_metrics(self) -> dict[str, float]:
        """Metrics read off the latest `loss`."""
        ...

    def evaluate(self) -> dict[str, float]:
        """Metrics of the present parameters that need a pass of their own."""
        ...


def instantiate(run: Run, device: str) -> Instance:
    """The instance of a run's problem on a device."""
    return FunctionInstance(run, device) if run.problem.is_function else NetworkInstance(run, device)


def module_of(instance: Instance) -> torch.nn.Module:
    """The network of an instance. Raises InputError for a test function, which has none."""
    if not isinstance(instance, NetworkInstance):
        raise InputError("groups name the parameters of a network; a test function has one point")
    return instance.module


def start_points(problem: Problem, seeds: np.ndarray, start: Any) -> np.ndarray:
    """Start of each seed, shape (seeds, dim), float64."""
    if start == "random":
        low, high = np.array(problem.bounds).T
        return low + (high - low) * uniform(seeds, "start", 0, problem.dim)
    point = problem.start if start == "canonical" else start
    return np.broadcast_to(np.array(point, dtype=np.float64), (len(seeds), problem.dim)).copy()


def matrix_shape(dim: int) -> tuple[int, int]:
    """The most nearly square shape that holds `dim` numbers."""
    rows = next(r for r in range(int(dim**0.5), 0, -1) if dim % r == 0)
    return rows, dim // rows


class FunctionInstance:
    """A point of a test function: one parameter, of shape (dim,), or (rows, columns) for the matrix layout."""

    def __init__(self, run: Run, device: str):
        problem = run.problem
        assert problem.loss is not None
        self._function, self._noise, self._seed, self._layout = problem.loss, problem.noise, run.seed, problem.layout
        self._dim = problem.dim
        point = start_points(problem, np.array([run.seed]), run.start)[0]
        tensor = torch.tensor(point, dtype=getattr(torch, run.dtype), device=device)
        if problem.layout == "matrix":
            tensor = tensor.reshape(matrix_shape(self._dim))
        self.point = torch.nn.Parameter(tensor)
        self.parameters = [self.point]
        self._block = -1
        if problem.layout == "vector":
            # The hot path: no indirection between the loop and the function.
            self.loss = lambda step: self._function(self.point)  # type: ignore[method-assign]

    def loss(self, step: int) -> torch.Tensor:
        """The exact loss at the point."""
        return self._function(self.point.reshape(-1))

    def perturb(self, step: int) -> None:
        """Normal noise on each coordinate of the gradient; sparse layout: the gradient as a sparse tensor."""
        grad = self.point.grad
        assert grad is not None
        if self._noise:
            block, row = divmod(step, NOISE_BLOCK)
            if block != self._block:
                drawn = normal(self._seed, "noise", block * NOISE_BLOCK * self._dim, NOISE_BLOCK * self._dim)
                self._drawn = torch.from_numpy(self._noise * drawn.reshape(NOISE_BLOCK, self._dim)).to(grad)
                self._block = block
            grad.add_(self._drawn[row].reshape(grad.shape))
        if self._layout == "sparse":
            self.point.grad = grad.to_sparse()

    def batch_metrics(self) -> dict[str, float]:
        """A function has no metrics but its loss."""
        return {}

    def evaluate(self) -> dict[str, float]:
        """A function has no metrics but its loss."""
        return {}


@contextlib.contextmanager
def evaluation_mode(module: torch.nn.Module) -> Iterator[None]:
    """Every part in evaluation mode, and afterwards each in the mode that it was in: some keep a part frozen."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


class NetworkInstance:
    """A network, its data and its loss: initialisation, split and order of the batches from the run's seed."""

    def __init__(self, run: Run, device: str):
        task = run.problem.task
        assert task is not None
        self._task, self._device, self._dtype = task, device, getattr(torch, run.dtype)
        with OwnRandom(run.seed, "initialisation"):
            module = task.module()
        self.module = module.to(device=device, dtype=self._dtype)
        self.parameters = list(self.module.parameters())
        self._seed = run.seed
        # What loading draws (some libraries do, the first time) is no part of the training, nor of a watch over it.
        with OwnRandom(run.seed, "data"):
            self._data = data = task.data(run.seed)
        with OwnRandom(run.seed, "validation"):
            self.validation = None if data.validation is None else self._whole(data.validation)
        self._batches = self._stream(data, torch_generator(run.seed, "batches"))
        self._step = -1
        self._check = task.check
        self.output: Any = None

    def _stream(self, data: Data, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        size = self._task.batch_size
        count = len(data.train)  # type: ignore[arg-type]
        if not 1 <= size <= count:
            raise InputError(f"batch_size must be between 1 and the {count} training examples, got {size}")
        if self._task.training is not None:
            # Several batches in one, which the step takes apart: the last of an epoch then has what is left.
            size = min(count, size * self._task.training.accumulate)
        if isinstance(data.train, TensorDataset):
            tensors = [self._place(tensor) for tensor in data.train.tensors]
            while True:
                if size == count:  # one batch holds everything: there is no order to draw
                    yield tensors[0], tensors[1]
                    continue
                order = torch.randperm(count, generator=generator).to(self._device)
                for chosen in order.split(size):
                    yield tensors[0][chosen], tensors[1][chosen]
        loader = DataLoader(data.train, size, shuffle=size < count, generator=generator)
        while True:
            for batch_input, batch_target in loader:
                yield self._place(batch_input), self._place(batch_target)

    def _whole(self, dataset: Dataset) -> tuple[torch.Tensor, torch.Tensor]:
        if isinstance(dataset, TensorDataset):
            return self._place(dataset.tensors[0]), self._place(dataset.tensors[1])
        batches = list(DataLoader(dataset, 256))
        return self._place(torch.cat([b[0] for b in batches])), self._place(torch.cat([b[1] for b in batches]))

    def _place(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self._device, self._dtype if tensor.is_floating_point() else None)

    def loss(self, step: int) -> torch.Tensor:
        """The training loss on the batch of this step."""
        return self.loss_on(*self.batch(step))

    def loss_on(self, some: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """The training loss on a batch; the network's `output` is kept for metrics."""
        self.output = self.module(some)
        self.check_fit(self.output, wanted)
        return self._task.criterion(self.output, wanted)

    def draw(self, count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Input and target of `count` training examples drawn with replacement, apart from the run's batches."""
        chosen = torch.randint(len(self._data.train), (count,), generator=generator)  # type: ignore[arg-type]
        if isinstance(self._data.train, TensorDataset):
            some, wanted = (tensor[chosen] for tensor in self._data.train.tensors[:2])
        else:
            some, wanted = default_collate([self._data.train[int(i)] for i in chosen])
        return self._place(some), self._place(wanted)

    def training_inputs(self) -> Iterator[torch.Tensor]:
        """The inputs of all training examples, batch by batch, in their own order."""
        for batch in DataLoader(self._data.train, self._task.batch_size):
            yield self._place(batch[0])

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and targets of this step; steps are asked for in order, each as often as one likes."""
        if step != self._step:
            self._batch, self._step = next(self._batches), step
            self.target = self._batch[1]
        return self._batch

    def check_fit(self, output: Any, target: Any) -> None:
        """Raises InputError where the loss does not fit the network's first output."""
        if self._check is not None:
            self._check(output, target)
            self._check = None

    def perturb(self, step: int) -> None:
        """The batches are noise enough."""

    @torch.no_grad()
    def batch_metrics(self) -> dict[str, float]:
        """Metrics of the batch that the latest loss was taken on."""
        return {
            name: float(measure(self.output.detach(), self.target))
            for name, measure in self._task.batch_metrics.items()
        }

    def evaluate(self) -> dict[str, float]:
        """Metrics on the validation set, in evaluation mode."""
        return self.judge(self.module)

    @torch.no_grad()
    def judge(self, module: torch.nn.Module) -> dict[str, float]:
        """The same for another network of the same kind, such as one of averaged weights."""
        if self.validation is None or not self._task.validation_metrics:
            return {}
        inputs, targets = self.validation
        # How often somebody looks must not change what the training draws.
        with OwnRandom(self._seed, "evaluation", self._device), evaluation_mode(module):
            parts = [module(some) for some in inputs.split(EVALUATED_AT_ONCE)]
        output = parts[0] if len(parts) == 1 else torch.cat(parts)
        self.check_fit(output, targets)
        return {name: float(measure(output, targets)) for name, measure in self._task.validation_metrics.items()}
