"""Parameter sets: the shapes of real networks, and two extremes, as tensors with gradients and no network around them.

A set that is too large for a machine or a minute is trimmed: every tensor keeps its place and its columns, and has
fewer rows. The number of tensors, which is what a step pays for besides the bytes, stays as it is.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..errors import InputError, UnknownName

Shape = tuple[int, ...]


@dataclass(frozen=True, repr=False)
class ParameterSet:
    """Shapes under a name; `divisor` says by how much their rows were trimmed, 1 where they were not."""

    name: str
    shapes: tuple[Shape, ...]
    note: str = ""
    divisor: int = 1

    def __str__(self) -> str:
        return self.name if self.divisor == 1 else f"{self.name}/{self.divisor}"

    def __repr__(self) -> str:
        return f"ParameterSet({str(self)!r}, {self.count:,} in {len(self.shapes)})"

    @property
    def count(self) -> int:
        """How many parameters."""
        return sum(math.prod(shape) for shape in self.shapes)

    def trimmed(self, divisor: int) -> ParameterSet:
        """The set with a `divisor`-th of each tensor's rows, at least one.

        >>> str(one_huge().trimmed(16)), one_huge().trimmed(16).count
        ('one-huge/16', 4194304)
        """
        if divisor < 1:
            raise InputError(f"a set is trimmed by a divisor >= 1, got {divisor}")
        shapes = tuple((max(1, shape[0] // divisor), *shape[1:]) for shape in self.shapes)
        return replace(self, shapes=shapes, divisor=self.divisor * divisor)

    def matrices(self) -> ParameterSet:
        """Only the matrices, for an optimizer that takes nothing else."""
        shapes = tuple(shape for shape in self.shapes if len(shape) == 2 and min(shape) > 1)
        if not shapes:
            raise InputError(f"the set {self.name!r} has no matrices")
        return replace(self, name=f"{self.name}-matrices", shapes=shapes)

    def fitted(self, room: float, bytes_a_parameter: float) -> ParameterSet:
        """The set, halved until its tensors, gradients and state take no more than `room` bytes."""
        small = self
        while small.count * bytes_a_parameter > room and small.divisor < 2**20:
            small = self.trimmed(2 * small.divisor // self.divisor)
        return small

    def make(self, device: str = "cpu", dtype: torch.dtype = torch.float32, seed: int = 0) -> list[torch.nn.Parameter]:
        """The parameters, from a normal distribution of deviation 0.02, each with a dense gradient of deviation 1."""
        generator = torch.Generator(device).manual_seed(seed)
        made = []
        for shape in self.shapes:
            value, grad = (torch.randn(shape, generator=generator, device=device, dtype=dtype) for _ in range(2))
            parameter = torch.nn.Parameter(value.mul_(0.02))
            parameter.grad = grad
            made.append(parameter)
        return made


def demo_cnn() -> ParameterSet:
    """The lesson's CNN on images of 224×224: 47.8 million parameters, nearly all of them in one matrix."""
    from ..catalogues.problems.learning.networks import demo_cnn as network

    with torch.device("meta"):
        shapes = tuple(tuple(parameter.shape) for parameter in network(224, 101).parameters())
    return ParameterSet("demo-cnn", shapes, "five weights and their biases, one of them very large")


def resnet50() -> ParameterSet:
    """The shapes of ResNet-50 (He, Zhang, Ren, Sun 2015, arXiv:1512.03385): 25.6 million parameters in 161 tensors."""
    shapes: list[Shape] = [(64, 3, 7, 7), (64,), (64,)]
    inputs = 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            for out, into, side in ((width, inputs, 1), (width, width, 3), (4 * width, width, 1)):
                shapes += [(out, into, side, side), (out,), (out,)]
            if block == 0:  # the short cut, where the number of channels changes
                shapes += [(4 * width, inputs, 1, 1), (4 * width,), (4 * width,)]
            inputs = 4 * width
    return ParameterSet("resnet50", (*shapes, (1000, inputs), (1000,)), "convolutions and batch norms")


def gpt2_small() -> ParameterSet:
    """The shapes of GPT-2 small (Radford et al. 2019): 124 million parameters in 148 tensors, output tied to input."""
    width = 768
    block: list[Shape] = [
        (width,), (width,), (width, 3 * width), (3 * width,), (width, width), (width,),
        (width,), (width,), (width, 4 * width), (4 * width,), (4 * width, width), (width,),
    ]  # fmt: skip
    shapes: list[Shape] = [(50257, width), (1024, width), *(12 * block), (width,), (width,)]
    return ParameterSet("gpt2-small", tuple(shapes), "large matrices, an embedding, layer norms")


def many_tiny() -> ParameterSet:
    """A thousand vectors of 64 numbers: what a step costs besides its bytes."""
    return ParameterSet("many-tiny", ((64,),) * 1000, "1,000 vectors of 64 numbers")


def one_huge() -> ParameterSet:
    """One matrix of 67 million numbers: what a step costs by its bytes alone."""
    return ParameterSet("one-huge", ((8192, 8192),), "one matrix")


SETS: dict[str, Callable[[], ParameterSet]] = {
    "demo-cnn": demo_cnn,
    "resnet50": resnet50,
    "gpt2-small": gpt2_small,
    "many-tiny": many_tiny,
    "one-huge": one_huge,
}


def parameter_set(name: str, divisor: int = 1) -> ParameterSet:
    """A set by its name, trimmed. Raises UnknownName."""
    if name not in SETS:
        raise UnknownName("parameter set", name, SETS)
    made = SETS[name]()
    return made if divisor == 1 else made.trimmed(divisor)


def single(count: int) -> ParameterSet:
    """One matrix of about `count` numbers, its sides powers of ten as near to each other as they come."""
    rows = 10 ** (round(math.log10(count)) // 2)
    return ParameterSet(f"single-{count:.0e}".replace("+0", ""), ((rows, max(1, count // rows)),), "one matrix")


def available_bytes(device: str = "cpu") -> int:
    """Memory that is free on the device."""
    if torch.device(device).type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # not Linux
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
