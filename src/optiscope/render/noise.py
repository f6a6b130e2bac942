"""A race under gradient noise: many seeds as a cloud, the median on top, and the noise floor by rate. A film."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from ..errors import InputError
from .bands import by_step, quantile, with_fates
from .blit import BlitScene
from .checks import need, need_flat
from .clock import clock_axis, frame_times
from .competitors import LEAST_GAP
from .panels import decades, dress, headed, say_blank
from .picture import Film, Still
from .race_map import Landscape
from .strokes import mark_lone
from .style import Look, Theme, looks_of, short_name, theme_of

MOST = 5


def noise(
    landscape: pd.DataFrame, runs: pd.DataFrame, trace: pd.DataFrame, floors: pd.DataFrame, *,
    minima: Sequence[tuple[float, float]] = (), title: str = "", frames: int = 150, seconds: float = 10.0,
    hold: float = 2.5, clock: str = "log", theme: str = "light",
) -> Film:  # fmt: skip
    """Let many seeds of one to five optimizers run over a landscape, and show what rate costs what floor.

    `runs` and `trace` hold the seeds of the race, each optimizer at one rate; `floors` is what `metrics.noise_floor`
    gives. On the map, dots are seeds and lines the median of them; below it the gap, median and quartiles; beside it
    the floor by rate, with a ring at the rate of the race. What diverged is not drawn.

    Raises InputError for a frame that is empty or lacks a column, several problems, points of more than two
    coordinates, more than five optimizers, or one of them without a finite place and loss.
    """
    look = theme_of(theme)
    need(runs, "runs", ("run_id", "optimizer", "lr", "loss_floor"))
    need(trace, "trace", ("run_id", "step", "loss", "x0", "x1"), why="the clouds need a problem of two dimensions")
    need_flat(trace, "trace")
    need(floors, "floors", ("optimizer", "lr", "floor", "q25", "q75"), why="make it with metrics.noise_floor")
    names = list(dict.fromkeys(runs["optimizer"].astype(str)))
    if len(names) > MOST:
        raise InputError(f"clouds of at most {MOST} optimizers are told apart, got {len(names)}")
    if runs["loss_floor"].nunique(dropna=False) > 1:
        raise InputError("the seeds of a race run on one problem, got several loss floors")
    times = frame_times(clock, frames, float(trace["step"].max()))
    ground = Landscape(landscape)
    trace = _broken(trace)
    runs = with_fates(runs, trace)
    clouds = [_Cloud(runs[runs["optimizer"].astype(str) == name], trace) for name in names]
    styles = looks_of(names, theme)

    def compose() -> BlitScene:
        return _compose(ground, clouds, names, styles, floors, minima, title, times, clock, look)

    told = [
        f"{short_name(name)} at lr {one.lr:.2g} ends at a median of {one.levels[1][-1]:.1e} above the minimum"
        for name, one in zip(names, clouds, strict=True)
    ]
    seeds = max(len(one.points) for one in clouds)
    alt = f"{title or 'A race under gradient noise'}: {seeds} seeds as clouds. {'; '.join(told)}."
    return Film(compose, times, seconds, hold, alt)


def _broken(trace: pd.DataFrame) -> pd.DataFrame:
    """The trace, infinite in all three columns from a run's first row on that is no finite place and loss."""
    columns = ["loss", "x0", "x1"]
    trace = trace.sort_values(["run_id", "step"], kind="stable", ignore_index=True)
    bad = ~np.isfinite(trace[columns].to_numpy(float)).all(axis=1)
    lost = pd.Series(bad).groupby(trace["run_id"]).cummax().to_numpy(bool)
    return trace.assign(**{column: np.where(lost, np.inf, trace[column].to_numpy(float)) for column in columns})


class _Cloud:
    """The seeds of one optimizer: (seeds, steps, 2) points, their median, and quartiles of the gap."""

    def __init__(self, runs: pd.DataFrame, trace: pd.DataFrame):
        self.lr = float(runs["lr"].iloc[0])
        self.steps, x = by_step(runs, trace, "x0")
        _, y = by_step(runs, trace, "x1")
        _, loss = by_step(runs, trace, "loss")
        if not np.isfinite(loss).any():
            raise InputError(f"{runs['optimizer'].iloc[0]} has no finite place and loss in the trace: nothing to draw")
        floor = float(runs["loss_floor"].iloc[0])
        gap = np.maximum(loss - (0.0 if math.isnan(floor) else floor), LEAST_GAP)
        self.levels = [quantile(gap, share) for share in (0.25, 0.5, 0.75)]
        self.points = np.stack([x, y], axis=2)
        finite = np.isfinite(self.points).all(axis=2)
        self.points[~finite] = np.nan
        self.middle = np.stack([quantile(x, 0.5), quantile(y, 0.5)], axis=1)

    def at(self, time: float) -> int:
        """The row of the last step that is over."""
        return max(int(np.searchsorted(self.steps, time, side="right")) - 1, 0)


def _compose(
    ground: Landscape, clouds: Sequence[_Cloud], names: Sequence[str], styles: Sequence[Look], floors: pd.DataFrame,
    minima: Sequence[tuple[float, float]], title: str, times: np.ndarray, clock: str, theme: Theme,
) -> BlitScene:  # fmt: skip
    wide, high = 7.2, 5.2
    figure, top = headed(wide, high, title, theme)
    top = _key(figure, top, clouds, names, styles)
    ax = figure.add_axes((0.42 / wide, 1.72 / high, 3.75 / wide, (top - 1.72) / high))
    strip = figure.add_axes((0.42 / wide, 0.42 / high, 3.75 / wide, 0.95 / high))
    side = figure.add_axes((4.85 / wide, 0.42 / high, 2.2 / wide, (top - 0.42 - 0.32) / high))
    ax.set(xlim=(ground.low[0], ground.high[0]), ylim=(ground.low[1], ground.high[1]))
    ground.draw(ax, math.nan, theme)
    for x, y in minima:
        ax.plot(x, y, marker="*", ms=17, mfc=theme.star, mec="#16181b", mew=1.0, zorder=9, gid="minimum")
    _strip(strip, clouds, styles, clock, theme)
    _floors(side, floors, clouds, names, styles, theme)
    moving: list[Artist] = []
    parts = []
    for name, style in zip(names, styles, strict=True):
        (dots,) = ax.plot([], [], "o", ms=3.6, mew=0.3, mec=theme.halo, color=style.color, alpha=0.6, zorder=5)
        (halo,) = ax.plot([], [], color=theme.halo, lw=3.6, alpha=0.85, zorder=6)
        (trail,) = ax.plot([], [], color=style.color, lw=1.9, zorder=7)
        (head,) = ax.plot([], [], "o", ms=8.5, color=style.color, mec=theme.halo, mew=1.3, zorder=8)
        dots.set_gid(f"cloud:{name}")
        trail.set_gid(f"median:{name}")
        parts.append((dots, halo, trail, head))
    for layer in range(4):
        moving += [part[layer] for part in parts]
    if len(minima):
        # Its outline once more over the clouds, or whoever arrives would hide where.
        moving += ax.plot(*np.array(minima).T, linestyle="", marker="*", ms=17, mfc="none", mec="#16181b", mew=1.0)
    (cursor,) = strip.plot([0, 0], [0, 1], color=theme.ink, lw=0.9, alpha=0.75, transform=strip.get_xaxis_transform())
    moving.append(cursor)
    colors = [theme.paper, theme.ink, theme.muted, theme.star, *(one.color for one in styles)]

    def update(frame: int) -> None:
        for one, (dots, halo, trail, head) in zip(clouds, parts, strict=True):
            row = one.at(times[frame])
            dots.set_data(*one.points[:, row].T)
            halo.set_data(*one.middle[: row + 1].T)
            trail.set_data(*one.middle[: row + 1].T)
            head.set_data(*one.middle[row : row + 1].T)
        cursor.set_xdata([times[frame]] * 2)

    return BlitScene(figure, moving, update, colors)


def _key(
    figure: Still, top: float, clouds: Sequence[_Cloud], names: Sequence[str], styles: Sequence[Look]
) -> float:  # fmt: skip
    wide, high = figure.get_size_inches()
    x = 0.12
    for one, name, style in zip(clouds, names, styles, strict=True):
        # The dot is its cloud's colour; words on paper may need a darker one.
        for words, color in (("● ", style.color), (f"{short_name(name)}, lr {one.lr:.2g}", style.ink)):
            text = figure.text(
                x / wide, (top - 0.02) / high, words, fontsize=8.5, color=color, fontweight="bold", va="top"
            )
            x += text.get_window_extent().width / figure.dpi
        x += 0.25
    return top - 0.28


def _strip(ax: Axes, clouds: Sequence[_Cloud], styles: Sequence[Look], clock: str, theme: Theme) -> None:
    dress(ax, theme)
    ax.tick_params(labelsize=7, length=2.5)
    for one, style in zip(clouds, styles, strict=True):
        low, middle, upper = (np.where(np.isfinite(level), level, np.nan) for level in one.levels)
        ax.fill_between(one.steps, low, upper, color=style.color, alpha=0.18, lw=0)
        ax.plot(one.steps, middle, color=style.color, lw=1.6, linestyle=style.linestyle(1.6))
        mark_lone(ax, one.steps, middle, style.color)
    ax.set_yscale("log")
    decades(ax.yaxis, 5)
    last = max(float(one.steps[-1]) for one in clouds) or 1.0
    clock_axis(ax, clock, last, theme)
    ax.set_title("loss − minimum: median and quartiles", fontsize=7.5, color=theme.muted, loc="left", pad=3)


def _floors(
    ax: Axes, floors: pd.DataFrame, clouds: Sequence[_Cloud], names: Sequence[str], styles: Sequence[Look],
    theme: Theme,
) -> None:  # fmt: skip
    dress(ax, theme)
    ax.tick_params(labelsize=7, length=2.5)
    ax.set(xscale="log", yscale="log")
    for one, name, style in zip(clouds, names, styles, strict=True):
        known = np.isfinite(floors["floor"].to_numpy(float)) & np.isfinite(floors["lr"].to_numpy(float))
        rows = floors[(floors["optimizer"] == name) & known & (floors["lr"] > 0)].sort_values("lr")
        if rows.empty:
            continue
        at, level = rows["lr"].to_numpy(float), np.maximum(rows["floor"].to_numpy(float), LEAST_GAP)
        above = np.where(np.isfinite(rows["q75"]), rows["q75"], level)
        below = np.where(np.isfinite(rows["q25"]), np.maximum(rows["q25"], LEAST_GAP), level)
        ax.fill_between(at, below, above, color=style.color, alpha=0.18, lw=0)
        # Where the loss was still falling there is no floor yet: faint.
        still = ~rows["settled"].to_numpy(bool) if "settled" in rows else np.zeros(len(rows), bool)
        first = int(np.argmax(~still)) if (~still).any() else len(rows)
        ax.plot(at[: first + 1], level[: first + 1], color=style.color, lw=1.3, alpha=0.4)
        ax.plot(
            at[first:], level[first:], color=style.color, lw=1.9, linestyle=style.linestyle(1.9), gid=f"floor:{name}"
        )  # fmt: skip
        if math.isfinite(one.lr) and one.lr > 0:
            here = int(np.argmin(np.abs(np.log(at) - math.log(one.lr))))
            ax.plot(at[here], level[here], "o", ms=8, mfc="none", mec=style.color, mew=1.8)
        mark_lone(ax, at, level, style.color)
    if not ax.lines:
        say_blank(ax, "no finite floor", theme)
    for axis, most in ((ax.xaxis, 5), (ax.yaxis, 6)):
        decades(axis, most)
    ax.set_title("noise floor by rate\n(faint: still falling)", fontsize=8, color=theme.muted, loc="left", pad=3)
    ax.set_xlabel("lr", fontsize=7.5, color=theme.muted, labelpad=1)
