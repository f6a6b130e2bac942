"""What several test functions share: argument checks, starts, a square root that keeps gradients finite, constants.

Floor 1: imports `errors` and torch only.

The losses of this package are evaluated on one point `(dim,)` and on a batch of lanes `(lanes, dim)`, and both must
agree to the bit, gradients included. So they use elementwise operations, `unbind(-1)` and `sum(-1)`, never matmul,
einsum or a norm, whose kernels choose an order of summation by the size of the batch.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any

import torch
from torch import Tensor

from ...errors import InputError, shown

SURVEY = (
    "M. Jamil & X.-S. Yang (2013), A literature survey of benchmark functions for global optimisation problems, "
    "Int. J. Mathematical Modelling and Numerical Optimisation 4(2):150-194, arXiv:1308.4008"
)


MOST_DIMENSIONS = 1_000_000  # a start is a tuple of so many numbers


def check_dim(name: str, dim: Any, *, least: int = 1, multiple: int = 1) -> None:
    """Raises InputError where `dim` is not an integer from `least` to MOST_DIMENSIONS that `multiple` divides."""
    wanted = f"a multiple of {multiple}" if multiple > 1 else f"an integer >= {least}"
    if isinstance(dim, bool) or not isinstance(dim, int) or dim < least or dim % multiple:
        raise InputError(f"{name}: dim must be {wanted}, got {shown(dim)}")
    if dim > MOST_DIMENSIONS:
        raise InputError(f"{name}: dim must be at most {MOST_DIMENSIONS}, got {shown(dim)}")


def repeated(values: tuple[float, ...], dim: int) -> tuple[float, ...]:
    """The values over and over, `dim` of them.

    >>> repeated((-1.2, 1.0), 3)
    (-1.2, 1.0, -1.2)
    """
    return tuple(itertools.islice(itertools.cycle(values), dim))


def coordinates(p: Tensor) -> tuple[Tensor, ...]:
    """The coordinates of a point or of each lane's, shape `(...)` each: `p.unbind(-1)`.

    Taken along the first axis where there are lanes: lanes lie side by side in memory, so that the gradients are put
    together by copying rows, where unbinding the last axis would weave them and unweave them again.
    """
    return p.unbind(-1) if p.dim() < 2 else p.movedim(-1, 0).unbind(0)


def root(square: Tensor) -> Tensor:
    """Square root of a tensor >= 0 whose gradient at 0 is 0, where autograd alone gives infinity times 0 = NaN.

    The clamp passes no gradient on below the smallest normal number, whose own root vanishes beside any other term.
    """
    return square.clamp_min(torch.finfo(square.dtype).tiny).sqrt()


def index(p: Tensor) -> Tensor:
    """Numbers 1 … dim of the coordinates, shape `(dim,)`, in the point's dtype and on its device."""
    return torch.arange(1, p.shape[-1] + 1, dtype=p.dtype, device=p.device)


@functools.lru_cache(maxsize=256)
def constant(values: tuple[Any, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """A tensor of these numbers, made once: copying to an accelerator at each step would wait for it."""
    # A tensor born in inference mode could never be used under autograd afterwards.
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=torch.float64).to(device=device, dtype=dtype)
