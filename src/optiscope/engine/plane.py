"""The weights' paths of several runs of one network, seen in a plane, and the true loss on that plane.

The plane is spanned by the two principal components of all the paths together, or by two random directions whose
filters are as long as the network's own (H. Li et al. 2018, Visualizing the Loss Landscape of Neural Nets,
arXiv:1712.09913).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from ..errors import InputError, nearest
from ..record import TraceSpec
from ..spec import Run
from ..streams import torch_generator
from .check import check_runs
from .instance import Instance, NetworkInstance
from .single import run_single

DIRECTIONS = ("pca", "random")
_MARGIN = 0.18  # room around the paths, as a share of their extent


@dataclass(frozen=True)
class Plane:
    """What `loss_plane` found: two frames, and the share of the paths' variance that each direction holds.

    `landscape` has x, y, loss on a grid; `paths` has run_id, optimizer, step, x, y, `loss` at the weights themselves
    and `loss_projected` at their place in the plane. The two differ where the weights lie off the plane.
    """

    landscape: pd.DataFrame
    paths: pd.DataFrame
    explained: tuple[float, float]
    directions: str


def loss_plane(
    runs: Sequence[Run], *, every: int = 10, resolution: tuple[int, int] = (31, 31), directions: str = "pca",
    examples: int = 256,
) -> Plane:  # fmt: skip
    """Run each, keep its weights every so many steps, and measure the loss on the plane of their paths.

    All losses are taken on the same `examples` training examples, drawn from the runs' seed, in evaluation mode.

    Raises InputError for runs of several problems or seeds, of a test function, or for unknown directions.
    """
    if directions not in DIRECTIONS:
        raise InputError(
            f"directions must be one of {', '.join(DIRECTIONS)}, got {directions!r}{nearest(directions, DIRECTIONS)}"
        )
    chosen = list(runs)
    if every < 1 or examples < 1 or min(resolution) < 2:
        raise InputError(f"every and examples must be >= 1, resolution >= 2, got {every}, {examples}, {resolution}")
    if not chosen or chosen[0].problem.is_function or len({(one.problem, one.seed) for one in chosen}) > 1:
        raise InputError("a plane of weights needs runs of one network from one seed: they start at the same weights")
    check_runs(chosen)
    watches = []
    for one in chosen:
        watch = _Pathfinder(every)
        run_single(one, TraceSpec(every=0, norms=False), watch=watch)
        watch.close()
        watches.append(watch)
    points = torch.cat([torch.stack(watch.points) for watch in watches])
    finite = torch.isfinite(points).all(dim=1)
    if not bool(finite.any()):
        raise InputError("no run has finite weights: there is no plane through their paths")
    instance = watches[0].instance
    if directions == "pca":
        centre, axes, explained = _principal(points[finite])
    else:
        centre = watches[0].points[-1]
        axes, explained = _random(instance, centre, chosen[0].seed), (float("nan"), float("nan"))
    places = (points - centre) @ torch.linalg.pinv(axes)
    if directions == "pca" and float(places[finite][-1, 0]) < 0:
        axes, places = -axes, -places  # of either sign; the last path ends on the right
    measure = _Measure(instance, examples, chosen[0].seed)
    rows = []
    start = 0
    for one, watch in zip(chosen, watches, strict=True):
        for step, point, place in zip(watch.steps, watch.points, places[start:], strict=False):
            if bool(torch.isfinite(point).all()):
                rows.append((one.run_id, one.optimizer.name, step, *place.tolist(), measure(point),
                             measure(centre + place @ axes)))  # fmt: skip
        start += len(watch.points)
    paths = pd.DataFrame(rows, columns=["run_id", "optimizer", "step", "x", "y", "loss", "loss_projected"])
    return Plane(_grid(paths, centre, axes, measure, resolution), paths, explained, directions)


class _Pathfinder:
    """A watch that keeps the weights, flat, in float64."""

    def __init__(self, every: int):
        self._every = every
        self.steps: list[int] = [0]
        self.points: list[torch.Tensor] = []

    def begin(self, instance: Instance, optimizer: torch.optim.Optimizer) -> None:
        assert isinstance(instance, NetworkInstance)
        self.instance, self._step = instance, 0
        self.points.append(self._now())

    def before(self, step: int) -> None:
        """Nothing: the weights are those of the step before."""

    def after(self, step: int) -> None:
        self._step = step
        if step % self._every == 0:
            self.steps.append(step)
            self.points.append(self._now())

    def close(self) -> None:
        """Keep the last weights, too."""
        if self.steps[-1] != self._step:
            self.steps.append(self._step)
            self.points.append(self._now())

    def _now(self) -> torch.Tensor:
        return parameters_to_vector(self.instance.parameters).detach().double().cpu().clone()


class _Measure:
    """The loss of a network at any weights, on examples drawn once."""

    def __init__(self, instance: NetworkInstance, examples: int, seed: int):
        self._instance = instance
        self._some, self._wanted = instance.draw(examples, torch_generator(seed, "plane"))
        instance.module.eval()

    @torch.no_grad()
    def __call__(self, weights: torch.Tensor) -> float:
        vector_to_parameters(weights.to(self._instance.parameters[0]), self._instance.parameters)
        return float(self._instance.loss_on(self._some, self._wanted))


def _principal(points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, tuple[float, float]]:
    """Centre, two directions as rows, and their shares of the variance."""
    centre = points.mean(dim=0)
    _, values, rows = torch.linalg.svd(points - centre, full_matrices=False)
    if len(values) < 2 or float(values[0]) == 0:
        raise InputError("the weights do not move: there is no plane through their paths")
    shares = values.square() / values.square().sum()
    return centre, rows[:2], (float(shares[0]), float(shares[1]))


def _random(instance: NetworkInstance, centre: torch.Tensor, seed: int) -> torch.Tensor:
    """Two random directions, each filter as long as the network's own; biases and scales stay as they are."""
    generator = torch_generator(seed, "directions")
    axes = []
    for _ in range(2):
        parts, first = [], 0
        for parameter in instance.parameters:
            own = centre[first : first + parameter.numel()].reshape(parameter.shape)
            first += parameter.numel()
            if own.dim() < 2:
                parts.append(torch.zeros(own.numel(), dtype=torch.float64))
                continue
            drawn = torch.randn(own.shape, generator=generator, dtype=torch.float64)
            lengths = drawn.flatten(1).norm(dim=1).clamp_min(1e-12)
            drawn = drawn.flatten(1) * (own.flatten(1).norm(dim=1) / lengths)[:, None]
            parts.append(drawn.reshape(-1))
        axes.append(torch.cat(parts))
    return torch.stack(axes)


def _grid(
    paths: pd.DataFrame, centre: torch.Tensor, axes: torch.Tensor, measure: _Measure, resolution: tuple[int, int]
) -> pd.DataFrame:
    sides = []
    for name, count in zip(("x", "y"), resolution, strict=True):
        low, high = float(paths[name].min()), float(paths[name].max())
        room = _MARGIN * (high - low) or 1.0
        sides.append(np.linspace(low - room, high + room, count))
    x, y = (side.ravel() for side in np.meshgrid(*sides))
    places = torch.from_numpy(np.stack([x, y], axis=1))
    return pd.DataFrame({"x": x, "y": y, "loss": [measure(centre + place @ axes) for place in places]})
