"""What a budget or a device leaves of each group of settings: the leaderboard's filters, each with figures of its own.

Imports NumPy and pandas.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from ... import metrics

if TYPE_CHECKING:
    from .evidence import Group


@dataclass(frozen=True)
class Choice:
    """A budget and a device that may be asked of a group, None for all, and the number of the part that they leave."""

    group: int
    steps: int | None
    device: str | None
    part: int


@dataclass(frozen=True)
class Parts:
    """The whole groups in their order, then what is left of them; choices that leave the same settings share a part."""

    groups: tuple[Group, ...]
    choices: tuple[Choice, ...]


def parts_of(groups: Sequence[Group]) -> Parts:
    """The parts of all groups. Everybody of a group is in every part of it: they met in each of its settings."""
    parts, choices = list(groups), []
    for number, group in enumerate(groups):
        settings = group.costs[list(metrics.SETTING)].drop_duplicates()
        found: dict[frozenset, int] = {_keys(settings): number}
        budgets = [None, *sorted(int(steps) for steps in settings["steps"].unique())]
        devices = [None, *sorted(str(device) for device in settings["device"].unique())]
        for steps, device in itertools.product(budgets, devices):
            own = _cut(settings, steps, device)
            if own.empty:
                continue
            key = _keys(own)
            if key not in found:
                found[key] = len(parts)
                words = [f"{steps:,} steps" if steps is not None else "", device or ""]
                name = ", ".join(filter(None, [group.name, *words]))
                costs = _cut(group.costs, steps, device).reset_index(drop=True)
                parts.append(replace(group, name=name, costs=costs))
            choices.append(Choice(number, steps, device, found[key]))
    return Parts(tuple(parts), tuple(choices))


def _cut(frame: pd.DataFrame, steps: int | None, device: str | None) -> pd.DataFrame:
    if steps is not None:
        frame = frame[frame["steps"] == steps]
    return frame if device is None else frame[frame["device"].astype(str) == device]


def _keys(settings: pd.DataFrame) -> frozenset:
    return frozenset(settings.itertuples(index=False, name=None))
