"""Losses as small multiples: value, and beneath it gradient, against the prediction. Frame in, Figure out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, MultipleLocator

from ..errors import InputError
from .checks import need, need_finite
from .panels import dress, room, root_of
from .picture import describe
from .strokes import mark_lone
from .style import Look, Theme, looks_of, theme_of

COLUMNS = ("loss", "quantity", "target", "prediction", "value", "gradient")
MOST = 4  # more curves than this are no longer told apart in a panel
_ACROSS = 3
_VALUES = (-0.9, 4.5)  # all panels alike: a curve that leaves is steeper or higher than its neighbours
_GRADIENTS = (-2.3, 2.3)
_FLAT = 1e-2  # a gradient below this is called flat, and the key of the picture says so
_DASHES: tuple[tuple[float, ...], ...] = ((), (6.0, 1.8), (1.8, 1.6), (6.0, 1.6, 1.6, 1.6))

# Inches: what a panel is made of, from its title down to the name of its axis.
_WIDTH, _LEFT, _GAP, _RIGHT = 7.2, 0.44, 0.3, 0.1
_HEAD, _VALUE, _BETWEEN, _GRADIENT, _FOOT = 0.39, 0.86, 0.09, 0.62, 0.4
_FAMILY, _TOP = 0.36, 0.48


def loss_curves(frame: pd.DataFrame, *, theme: str = "light", ax: Axes | None = None) -> Figure:
    """Value and gradient of each loss against the prediction, a pair of panels a loss, all with the same heights.

    Takes the columns loss, quantity (what the prediction is), target, prediction, value, gradient; with a column
    family, the panels come in groups under its names. One line a target, named in its colour under the title. A bar
    along the bottom, in a line's colour, is as long as that line is flat: nothing is learnt there. In the place of an
    `ax` of yours, if you give one of a grid.

    Raises InputError for a frame that is empty, lacks a column, has a prediction that is no finite number or no finite
    value, or more than four targets for one loss.
    """
    look = theme_of(theme)
    need(frame, "loss", COLUMNS, why="sample the losses first")
    need_finite(frame, "loss", ("prediction",), every=True)
    need_finite(frame, "loss", ("value",))
    families = frame["family"] if "family" in frame else pd.Series("", index=frame.index)
    groups = [
        (str(family), [rows for _, rows in part.groupby("loss", sort=False)])
        for family, part in frame.groupby(families, sort=False)
    ]
    cell = _HEAD + _VALUE + _BETWEEN + _GRADIENT + _FOOT
    height = _TOP + sum((_FAMILY if family else 0) + cell * math.ceil(len(part) / _ACROSS) for family, part in groups)
    figure = room(ax, _WIDTH, height, look)
    _key(figure, look, height)
    top = height - _TOP
    for family, part in groups:
        if family:
            _heading(figure, family, (top - 0.2) / height, look)
            top -= _FAMILY
        for i, rows in enumerate(part):
            row, column = divmod(i, _ACROSS)
            _panel(figure, rows, top - row * cell, column, height, look)
        top -= cell * math.ceil(len(part) / _ACROSS)
    names = [str(name) for name in dict.fromkeys(frame["loss"])]
    flat = [name for name in names if (frame.loc[frame["loss"] == name, "gradient"].abs() < _FLAT).mean() > 0.25]
    return describe(
        root_of(figure), f"Value and gradient of {len(names)} losses against the prediction: {', '.join(names)}.",
        f"Flat over more than a quarter of the range: {', '.join(flat)}." if flat else "",
    )  # fmt: skip


def _panel(figure: Figure, rows: pd.DataFrame, top: float, column: int, height: float, theme: Theme) -> None:
    wide = (_WIDTH - _LEFT - _RIGHT - (_ACROSS - 1) * _GAP) / _ACROSS
    left = (_LEFT + column * (wide + _GAP)) / _WIDTH
    value_at = top - _HEAD - _VALUE
    gradient_at = value_at - _BETWEEN - _GRADIENT
    value = figure.add_axes((left, value_at / height, wide / _WIDTH, _VALUE / height))
    gradient = figure.add_axes((left, gradient_at / height, wide / _WIDTH, _GRADIENT / height), sharex=value)
    lines = [(str(target), part) for target, part in rows.groupby("target", sort=False)]
    name = str(rows["loss"].iloc[0])
    if len(lines) > MOST:
        raise InputError(f"{name} has {len(lines)} targets: at most {MOST} curves fit a panel")
    looks = _looks(theme)
    for ax, key, limits in ((value, "value", _VALUES), (gradient, "gradient", _GRADIENTS)):
        dress(ax, theme)
        ax.set_gid(key)
        ax.axhline(0, color=theme.muted, lw=0.7, zorder=1.5)
        for (_, part), style, dash in zip(lines, looks, _DASHES, strict=False):
            _curve(ax, part, key, style, dash)
        ax.set_ylim(*limits)
        ax.tick_params(labelsize=7.5, pad=2)
        ax.yaxis.set_major_locator(MultipleLocator(2))
        if column:
            ax.tick_params(labelleft=False)
    _flat_bars(gradient, lines, looks)
    value.tick_params(labelbottom=False, length=0)
    least, most = float(rows["prediction"].min()), float(rows["prediction"].max())
    gradient.set_xlim(*(least, most) if most > least else (least - 0.5, most + 0.5))
    gradient.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], min_n_ticks=3))
    gradient.set_xlabel(str(rows["quantity"].iloc[0]), fontsize=7.5, color=theme.muted, labelpad=1.5)
    if not column:
        value.set_ylabel("value", fontsize=7.5, color=theme.muted, labelpad=2)
        gradient.set_ylabel("gradient", fontsize=7.5, color=theme.muted, labelpad=2)
        figure.align_ylabels([value, gradient])
    _titles(value, name, [target for target, _ in lines], looks, theme)


def _curve(ax: Axes, part: pd.DataFrame, key: str, style: Look, dash: tuple[float, ...]) -> None:
    part = part.sort_values("prediction", kind="stable")
    linestyle = (0, tuple(piece / 1.8 for piece in dash)) if dash else "solid"
    ax.plot(
        part["prediction"], part[key], color=style.color, lw=1.8, linestyle=linestyle, zorder=3,
        solid_capstyle="butt", dash_capstyle="butt",
    )  # fmt: skip
    mark_lone(ax, part["prediction"], part[key], style.color)


def _flat_bars(ax: Axes, lines: Sequence[tuple[str, pd.DataFrame]], looks: Sequence[Look]) -> None:
    """A bar along the bottom for each line, as long as the line is flat."""
    thick = 0.09 * (_GRADIENTS[1] - _GRADIENTS[0])
    for i, ((_, part), look) in enumerate(zip(lines, looks, strict=False)):
        part = part.sort_values("prediction", kind="stable")
        at, slope = part["prediction"].to_numpy(float), part["gradient"].to_numpy(float)
        edges = np.flatnonzero(np.diff(np.r_[False, np.abs(slope) < _FLAT, False].astype(int)))
        for first, last in zip(edges[::2], edges[1::2] - 1, strict=True):
            before, after = slope[max(first - 1, 0)], slope[min(last + 1, len(slope) - 1)]
            if before * after >= 0 or first == 0 or last == len(slope) - 1:  # else it is a minimum passed by
                corner = (at[first], _GRADIENTS[0] + i * thick)
                ax.add_patch(
                    Rectangle(corner, at[last] - at[first], thick, color=look.color, alpha=0.45, lw=0, gid="flat")
                )


def _titles(ax: Axes, name: str, targets: Sequence[str], looks: Sequence[Look], theme: Theme) -> None:
    """The name of the loss, and beneath it its targets one after another, each in the colour of its line."""
    over = {"xycoords": "axes fraction", "textcoords": "offset points", "annotation_clip": False}
    size = 9 if len(name) < 26 else 7.6
    ax.annotate(
        name, (0, 1), xytext=(0, 15), fontsize=size, fontweight="bold", color=theme.ink, va="bottom", gid="name", **over
    )  # fmt: skip
    before = ax.annotate(targets[0], (0, 1), xytext=(0, 4), fontsize=7.5, color=looks[0].ink, va="bottom", **over)
    for target, look in zip(targets[1:], looks[1:], strict=False):
        over["xycoords"] = before
        before = ax.annotate(target, (1, 0), xytext=(8, 0), fontsize=7.5, color=look.ink, va="bottom", **over)


def _looks(theme: Theme) -> list[Look]:
    """Okabe and Ito's hues in an order that is told apart best: blue, vermillion, green, orange."""
    return looks_of(("Adam", "SGD", "RMSprop", "Momentum"), theme.name)


def _heading(figure: Figure, family: str, at: float, theme: Theme) -> None:
    words = family[:1].upper() + family[1:]
    left = 0.06 / _WIDTH
    figure.text(left, at, words, fontsize=10.5, color=theme.ink, va="center", fontweight="bold", gid="family")


def _key(figure: Figure, theme: Theme, height: float) -> None:
    words = (
        "Above: value of the loss. Below: its gradient. Both against the prediction, one line a target.\n"
        f"A bar along the bottom: the line of its colour is flat there (gradient under {_FLAT:g})."
    )
    figure.text(
        0.06 / _WIDTH, 1 - 0.08 / height, words, fontsize=8, color=theme.muted, va="top", linespacing=1.4, gid="key",
    )  # fmt: skip
