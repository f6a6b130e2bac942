"""Paths of a network's weights in a plane, contours of the true loss on it, and how far the plane can be trusted."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from ..errors import InputError
from .checks import need, need_finite
from .ends import label_ends
from .panels import dress, name_axes, say_blank
from .picture import Still, describe
from .race_map import Landscape
from .strokes import mark_lone
from .style import Look, Theme, looks_of, short_name, theme_of

MOST = 6
_LEVELS = 14


def weight_plane(
    landscape: pd.DataFrame, paths: pd.DataFrame, explained: tuple[float, float] = (math.nan, math.nan), *,
    theme: str = "light", ax: Axes | None = None,
) -> Figure:  # fmt: skip
    """Paths in a plane of weights over contours of the loss there; beside it each path's true and projected loss.

    Takes what `engine.plane.loss_plane` gives: a landscape of x, y, loss; paths of optimizer, step, x, y, loss,
    loss_projected; and the share of the paths' variance along each axis, NaN for random directions. Where the true loss
    of a path (solid) and the loss at its place in the plane (dashed) part, the weights lie off the plane, and the
    contours beneath the path are not what it saw. In an `ax` of yours there is the plane alone.

    Raises InputError for a frame that is empty or lacks a column, more than six optimizers, one of them without a
    finite place, or a loss that is not positive.
    """
    look = theme_of(theme)
    need(paths, "paths", ("optimizer", "step", "x", "y", "loss", "loss_projected"), why="make it with loss_plane")
    ground = Landscape(landscape)
    names = list(dict.fromkeys(paths["optimizer"].astype(str)))
    if len(names) > MOST:
        raise InputError(f"a plane of weights shows at most {MOST} optimizers, got {len(names)}")
    for name in names:
        need_finite(paths[paths["optimizer"].astype(str) == name], f"paths' {name}", ("step", "x", "y"))
    if not (ground.loss[np.isfinite(ground.loss)] > 0).all():
        raise InputError("the contours are of the loss's logarithm: it must be > 0 all over the plane")
    styles = looks_of(names, theme)
    if ax is None:
        figure: Figure = Still(figsize=(7.2, 4.7), facecolor=look.paper)
        ax = figure.add_axes((0.075, 0.105, 0.53, 0.86))
        _losses(figure, paths, names, styles, look)
    else:
        figure = ax.get_figure(root=True)  # type: ignore[assignment]
    _plane(ax, ground, paths, names, styles, explained, look)
    ends = paths.sort_values("step").groupby("optimizer", sort=False).tail(1).set_index("optimizer")["loss"]
    ends = ends[np.isfinite(ends)]
    known = paths[np.isfinite(paths[["loss", "loss_projected"]]).all(axis=1) & (paths["loss"] > 0)]
    off = np.abs(np.log(known["loss_projected"] / known["loss"])).groupby(known["optimizer"]).max()
    apart = f"True and projected loss differ most for {short_name(str(off.idxmax()))}" if len(off) else ""
    shares = "" if math.isnan(explained[0]) else f", which holds {sum(explained):.0%} of their variance"
    return describe(
        figure, f"The weights' paths of {', '.join(map(short_name, names))} in one plane{shares}, over the true loss.",
        f"{short_name(str(ends.idxmin()))} ends lowest, at {ends.min():.2g}." if len(ends) else "No loss is finite.",
        f"{apart}: {np.exp(off.max()):.1f} times." if apart else "",
    )  # fmt: skip


def _plane(
    ax: Axes, ground: Landscape, paths: pd.DataFrame, names: list[str], styles: list[Look],
    explained: tuple[float, float], theme: Theme,
) -> None:  # fmt: skip
    ax.set(xlim=(ground.low[0], ground.high[0]), ylim=(ground.low[1], ground.high[1]))
    loss = ground.loss
    low, high = float(np.nanmin(loss)), float(np.nanmax(loss[np.isfinite(loss)]))
    if high > low * (1 + 1e-9):
        levels = np.geomspace(low, high, _LEVELS)
        ramp = LinearSegmentedColormap.from_list("ramp", theme.ramp)
        ax.contourf(ground.x, ground.y, loss, levels, cmap=ramp, norm=LogNorm(low, high), zorder=0)
        lines = ax.contour(
            ground.x, ground.y, loss, levels[1:-1], colors=[theme.contour], linewidths=0.6, alpha=0.75, zorder=1
        )  # fmt: skip
        ax.clabel(lines, levels[2:-1:3], fmt=lambda value: f"{value:.2g}", fontsize=6.5, inline_spacing=3)
    ax.tick_params(length=2.5, width=0.6, labelsize=7, colors=theme.muted, pad=2)
    for spine in ax.spines.values():
        spine.set(color=theme.muted, linewidth=0.7)
    for name, style in zip(names, styles, strict=True):
        own = paths[paths["optimizer"] == name].sort_values("step")
        ax.plot(own["x"], own["y"], color=theme.halo, lw=3.8, alpha=0.85, zorder=3)
        ax.plot(own["x"], own["y"], color=style.color, lw=1.9, marker="o", ms=2.6, zorder=4, gid=f"path:{name}",
                linestyle=style.linestyle(1.9))  # fmt: skip
        there = own[np.isfinite(own[["x", "y"]].to_numpy(float)).all(axis=1)]
        ax.plot(
            there["x"].iloc[-1:], there["y"].iloc[-1:], "o", ms=9, color=style.color, mec=theme.halo, mew=1.3, zorder=5
        )
    placed = paths[np.isfinite(paths[["step", "x", "y"]].to_numpy(float)).all(axis=1)]
    first = placed.sort_values("step").iloc[0]
    ax.plot(first["x"], first["y"], "o", ms=10, mfc="none", mec=theme.ink, mew=1.4, zorder=6, gid="start")
    for axis, share, number in ((ax.set_xlabel, explained[0], 1), (ax.set_ylabel, explained[1], 2)):
        told = f"random direction {number}, filters normalised"
        if not math.isnan(share):
            told = f"principal component {number}: {share:.0%} of the variance"
        axis(told, fontsize=8, color=theme.muted, labelpad=2)


def _losses(figure: Figure, paths: pd.DataFrame, names: list[str], styles: list[Look], theme: Theme) -> None:
    """One small panel a path: its true loss, and the loss at its place in the plane."""
    every = paths[["loss", "loss_projected"]].to_numpy(float)
    every = every[np.isfinite(every) & (every > 0)]
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.1, 1.0)
    known = paths["step"].to_numpy(float)
    last = max(float(known[np.isfinite(known)].max()), 1.0)
    room, gap = 0.8, 0.035
    height = (room - gap * (len(names) - 1)) / len(names)
    top = 0.905
    figure.legend(
        [Line2D([], [], color=theme.ink, lw=2), Line2D([], [], color=theme.ink, lw=1.3, linestyle=(0, (3, 2)))],
        ["true loss", "at its place in the plane"], loc="upper left", bbox_to_anchor=(0.645, 0.995), ncols=2,
        frameon=False, fontsize=7.5, labelcolor=theme.ink, handlelength=1.8, columnspacing=1.0, borderpad=0,
    )  # fmt: skip
    for i, (name, style) in enumerate(zip(names, styles, strict=True)):
        ax = figure.add_axes((0.675, top - (i + 1) * height - i * gap, 0.205, height))
        dress(ax, theme)
        own = paths[paths["optimizer"] == name].sort_values("step")
        ax.plot(own["step"], own["loss"], color=style.color, lw=2.0, gid=f"true:{name}")
        ax.plot(own["step"], own["loss_projected"], color=theme.ink, lw=1.2, linestyle=(0, (3, 2)), gid=f"seen:{name}")
        mark_lone(ax, own["step"], own["loss"], style.color)
        mark_lone(ax, own["step"], own["loss_projected"], theme.ink, 3.0)
        if not np.isfinite(own[["loss", "loss_projected"]].to_numpy(float)).any():
            say_blank(ax, f"{short_name(name)}: no finite loss", theme)
        ax.set_yscale("log")
        ax.set(xlim=(0, last), ylim=(low / 1.5, high * 1.5))
        ax.yaxis.set_major_locator(LogLocator(numticks=4))
        ax.yaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        ax.tick_params(labelsize=7, length=2.5, labelbottom=i == len(names) - 1)
        ending = float(own["loss"].iloc[-1])
        if math.isfinite(ending) and ending > 0:
            label_ends(ax, [(last, ending, short_name(name), style.ink)], size=8, gap=4)
        name_axes(ax, theme, "step" if i == len(names) - 1 else "")
