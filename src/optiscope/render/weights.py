"""Paths of a network's weights in a plane, contours of the true loss on it, and how far the plane can be trusted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..errors import InputError
from .checks import need, need_finite
from .ends import label_ends
from .labels import place
from .panels import decades, dress, name_axes, say_blank
from .picture import Still, describe, lowest_of
from .race_map import Landscape
from .strokes import mark_lone
from .style import Look, Theme, looks_of, short_name, theme_of

MOST = 6
_LEVELS = 14
_CLEAR = 22.0  # pixels that a contour's number keeps from paths and edges


def weight_plane(
    landscape: pd.DataFrame, paths: pd.DataFrame, explained: tuple[float, float] = (math.nan, math.nan), *,
    title: str = "", theme: str = "light", ax: Axes | None = None,
) -> Figure:  # fmt: skip
    """Paths in a plane of weights over contours of the loss there; beside it each path's true and projected loss.

    Takes what `engine.plane.loss_plane` gives: a landscape of x, y, loss; paths of optimizer, step, x, y, loss,
    loss_projected; and the share of the paths' variance along each axis, NaN for random directions. Where the true loss
    of a path (solid) and the loss at its place in the plane (dashed) part, the weights lie off the plane, and the
    contours beneath the path are not what it saw. `title` says of which network, and stands above both.
    In an `ax` of yours there is the plane alone.

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
        head = 0.3 if title else 0.0
        whole = Still(figsize=(7.2, 4.7 + head), facecolor=look.paper)
        figure: Any = whole
        if title:
            whole.text(0.014, 1 - 0.1 / (4.7 + head), title, fontsize=12, fontweight="bold", color=look.ink, va="top")
            share = head / (4.7 + head)
            parts: Any = whole.subfigures(2, 1, height_ratios=[share, 1 - share], hspace=0)
            figure = parts[1]
            for part in parts:
                part.patch.set_alpha(0.0)
        plane: Any = figure.add_axes((0.075, 0.105, 0.53, 0.86))
        _losses(figure, paths, names, styles, look)
        figure = whole
    else:
        figure, plane = ax.get_figure(root=True), ax
    _plane(plane, ground, paths, names, styles, explained, look)
    ends = {
        short_name(str(name)): float(own["loss"].iloc[-1])
        for name, own in paths.sort_values("step").groupby("optimizer", sort=False)
    }
    known = paths[np.isfinite(paths[["loss", "loss_projected"]]).all(axis=1) & (paths["loss"] > 0)]
    off = np.abs(np.log(known["loss_projected"] / known["loss"])).groupby(known["optimizer"]).max()
    apart = f"True and projected loss differ most for {short_name(str(off.idxmax()))}" if len(off) else ""
    shares = "" if math.isnan(explained[0]) else f", which holds {sum(explained):.0%} of their variance"
    return describe(
        figure, f"{title}{': the' if title else 'The'} weights' paths of {', '.join(map(short_name, names))} in one "
        f"plane{shares}, over the true loss.",
        f"{lowest_of(ends)}.",
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
        walked = paths[["x", "y"]].to_numpy(float)
        spots = _free_spots(ax, lines, levels[2:-1:3], walked[np.isfinite(walked).all(axis=1)])
        if spots:
            ax.clabel(
                lines, levels[2:-1:3], fmt=lambda value: f"{value:.2g}", fontsize=6.5, inline_spacing=3, manual=spots
            )
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
    _name_heads(ax, placed, names, styles, theme)
    first = placed.sort_values("step").iloc[0]
    ax.plot(first["x"], first["y"], "o", ms=10, mfc="none", mec=theme.ink, mew=1.4, zorder=6, gid="start")
    for axis, share, number in ((ax.set_xlabel, explained[0], 1), (ax.set_ylabel, explained[1], 2)):
        told = f"random direction {number}, filters normalised"
        if not math.isnan(share):
            told = f"principal component {number}: {share:.0%} of the variance"
        axis(told, fontsize=8, color=theme.muted, labelpad=2)


def _free_spots(
    ax: Axes, lines: QuadContourSet, levels: np.ndarray, walked: np.ndarray
) -> list[tuple[float, float]]:  # fmt: skip
    """A place for a number on each of some contours, as far as can be from the paths, the edges and each other."""
    taken = ax.transData.transform(walked)
    view = ax.get_window_extent()
    spots = []
    for level, segments in zip(lines.levels, lines.allsegs, strict=True):
        if level not in levels or not any(len(part) for part in segments):
            continue
        points = np.concatenate([part for part in segments if len(part)])
        pixels = ax.transData.transform(points)
        inner = np.minimum(pixels - view.min, view.max - pixels).min(axis=1)
        away = np.sqrt(((pixels[:, None] - taken[None]) ** 2).sum(axis=2)).min(axis=1, initial=np.inf)
        room = np.minimum(away, inner)
        best = int(room.argmax())
        if room[best] > _CLEAR:
            spots.append((float(points[best, 0]), float(points[best, 1])))
            taken = np.concatenate([taken, pixels[best : best + 1]])
    return spots


def _name_heads(ax: Axes, paths: pd.DataFrame, names: list[str], styles: list[Look], theme: Theme) -> None:
    """A name beside each path's end, over no other one and over as little of the paths as can be."""
    canvas: Any = ax.get_figure(root=True).canvas  # type: ignore[union-attr]
    if not hasattr(canvas, "get_renderer"):
        canvas = FigureCanvasAgg(canvas.figure)  # only to measure words
    renderer = canvas.get_renderer()
    ordered = paths.sort_values("step")
    heads = [ordered[ordered["optimizer"] == name][["x", "y"]].to_numpy(float)[-1] for name in names]
    texts = []
    for name, style, head in zip(names, styles, heads, strict=True):
        plate = {"boxstyle": "round,pad=0.22", "fc": theme.paper, "ec": style.color, "lw": 0.8}
        texts.append(ax.annotate(
            short_name(name), head, xytext=(0, 0), textcoords="offset pixels", fontsize=8, fontweight="bold",
            color=style.ink, ha="center", va="center", bbox=plate, zorder=8, gid=f"name:{name}",
            arrowprops={"arrowstyle": "-", "color": style.ink, "lw": 0.8, "shrinkA": 0, "shrinkB": 4},
        ))  # fmt: skip
    sizes = []
    for text in texts:
        text.update_bbox_position_size(renderer)
        box = text.get_bbox_patch().get_window_extent(renderer)
        sizes.append([box.width, box.height])
    anchors = ax.transData.transform(np.array(heads))
    view = ax.get_window_extent()
    walked = paths[["x", "y"]].to_numpy(float)
    clutter = ax.transData.transform(walked[np.isfinite(walked).all(axis=1)])
    bounds = (view.x0 + 2, view.y0 + 2, view.x1 - 2, view.y1 - 2)
    centers = place(anchors[None], np.array(sizes), bounds, clutter)[0]
    for text, center, anchor in zip(texts, centers, anchors, strict=True):
        text.set_position(tuple(center - anchor))


def _losses(figure: Any, paths: pd.DataFrame, names: list[str], styles: list[Look], theme: Theme) -> None:
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
        decades(ax.yaxis, 4)
        ax.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        ax.tick_params(labelsize=7, length=2.5, labelbottom=i == len(names) - 1)
        ending = float(own["loss"].iloc[-1])
        if math.isfinite(ending) and ending > 0:
            label_ends(ax, [(last, ending, short_name(name), style.ink)], size=8, gap=4)
        name_axes(ax, theme, "step" if i == len(names) - 1 else "")
