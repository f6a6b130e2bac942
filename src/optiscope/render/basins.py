"""Basins of attraction: which minimum each start reaches, by optimizer, and how soon. Frame in, Figure out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..errors import InputError, shown
from ..metrics.basins import DIVERGED
from .checks import choose, need, need_finite
from .panels import dress, name_panel, panels, say_chosen
from .picture import describe
from .style import Look, Theme, looks_of, short_name, theme_of

PANELS = 9  # maps that are still read beside each other
MOST = 8  # minima that are told apart by colour
# Blue, vermillion, green, orange first: the four that differ most.
_HUES = ("Adam", "SGD", "RMSprop", "Momentum", "Nesterov", "AdamW", "Adadelta", "Adagrad")
_TINT, _SHADE = 0.62, 0.62  # how far the quickest are from their hue towards white, the slowest towards black


def basins(
    frame: pd.DataFrame, minima: Sequence[tuple[float, ...]], *, title: str = "", theme: str = "light",
    ax: Axes | None = None,
) -> Figure:  # fmt: skip
    """A map of starts for each optimizer: the colour says which minimum is reached, the shade after how many steps.

    Takes the columns optimizer, x, y, basin, steps, as `metrics.basins` gives them, each optimizer on a regular grid of
    starts; with a column lr it is named. `title` stands above, and says of which function. Stars mark the minima in
    their colours. Grey starts end nowhere within the steps, black ones (white on dark paper) diverge. Of more than nine
    optimizers those that arrive most often are drawn, and the picture says so.

    Raises InputError for a frame that is empty or lacks a column, starts that are no grid, more than eight minima, or
    minima that are not pairs of finite coordinates.
    """
    look = theme_of(theme)
    need(frame, "basins", ("optimizer", "x", "y", "basin", "steps"), why="make it with metrics.basins")
    if not 1 <= len(minima) <= MOST:
        raise InputError(f"basins tell 1 to {MOST} minima apart, got {len(minima)}")
    places = [np.asarray(one, float) for one in minima]
    if any(place.shape != (2,) or not np.isfinite(place).all() for place in places):
        raise InputError(f"a map shows minima of two finite coordinates, got {shown(list(minima))}")
    need_finite(frame, "basins", ("x", "y", "basin"), every=True)
    share = (frame["basin"] >= 0).groupby(frame["optimizer"].astype(str), sort=False).mean()
    names, chosen = choose(-share, PANELS, "that arrive most often")
    hues = looks_of(_HUES[: len(minima)], theme)
    reached = frame["steps"].to_numpy(float)
    reached = reached[np.isfinite(reached)]
    span = (float(np.quantile(reached, 0.01)), float(np.quantile(reached, 0.99))) if len(reached) else (1.0, 10.0)
    span = (max(span[0], 1.0), max(span[1], span[0] * 1.5, 2.0))
    titles = [_title(name, frame[frame["optimizer"] == name]) for name in names]
    across = 2 if len(names) in (2, 4) else 3
    figure, axes = panels(titles, look, across=across, height=3.35 if across == 2 else 2.35, ax=ax)
    for name, panel in zip(names, axes, strict=True):
        _map(panel, frame[frame["optimizer"] == name], np.asarray(minima, float), hues, span, look)
    say_chosen(figure, axes[0], f"{chosen} optimizers" * bool(chosen), look, ax, title)
    if across == 3:
        for panel in axes:
            name_panel(panel, panel.get_title(loc="left"), look, 7)
    if ax is None:
        _key(figure, hues, span, look, len(minima))
    shares = [f"{short_name(name)} reaches one from {_share(frame[frame['optimizer'] == name])}" for name in names]
    return describe(
        figure, f"{title}{': which' if title else 'Which'} of {len(minima)} minima each start reaches, coloured by "
        "minimum and shaded by steps.",
        f"{'; '.join(shares)} of the starts.",
    )  # fmt: skip


def _title(name: str, rows: pd.DataFrame) -> str:
    rate = f" · lr {rows['lr'].iloc[0]:.2g}" if "lr" in rows and rows["lr"].nunique() == 1 else ""
    return f"{short_name(name)}{rate} · {_share(rows)} arrive"


def _share(rows: pd.DataFrame) -> str:
    """How many reach a minimum; all only where it is all."""
    share = float((rows["basin"] >= 0).mean())
    return f"{share:.0%}" if share in (0.0, 1.0) else f"{min(max(share, 0.001), 0.999):.1%}"


def _map(
    ax: Axes, rows: pd.DataFrame, minima: np.ndarray, hues: Sequence[Look], span: tuple[float, float], theme: Theme
) -> None:
    x, y = np.unique(rows["x"]), np.unique(rows["y"])
    if len(rows) != len(x) * len(y) or len(x) < 2 or len(y) < 2:
        raise InputError(
            f"the starts of {rows['optimizer'].iloc[0]} are no regular grid: {len(rows)} of {len(x)} x and {len(y)} y"
        )
    ordered = rows.sort_values(["y", "x"])
    basin = ordered["basin"].to_numpy(int).reshape(len(y), len(x))
    steps = ordered["steps"].to_numpy(float).reshape(len(y), len(x))
    half = (x[1] - x[0]) / 2, (y[1] - y[0]) / 2
    picture = _colors(basin, steps, hues, span, theme)
    extent = (x[0] - half[0], x[-1] + half[0], y[0] - half[1], y[-1] + half[1])
    ax.imshow(picture, origin="lower", extent=extent, interpolation="nearest", aspect="auto", zorder=1)
    ax.grid(False)
    for (at_x, at_y), hue in zip(minima, hues, strict=True):
        ax.plot(at_x, at_y, marker="*", ms=15, mfc=hue.color, mec="white", mew=1.3, zorder=3, gid="minimum")
    ax.set_xlim(extent[:2])
    ax.set_ylim(extent[2:])


def _colors(
    basin: np.ndarray, steps: np.ndarray, hues: Sequence[Look], span: tuple[float, float], theme: Theme
) -> np.ndarray:
    """Colours of all starts, (rows, columns, 3)."""
    none = np.array(to_rgb(theme.muted)) * 0.45 + np.array(to_rgb(theme.paper)) * 0.55
    picture = np.broadcast_to(none, (*basin.shape, 3)).copy()
    picture[basin == DIVERGED] = to_rgb(theme.ink)
    low, high = math.log(span[0]), math.log(span[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        late = np.clip((np.log(np.maximum(steps, 1.0)) - low) / (high - low), 0.0, 1.0)
    for number, hue in enumerate(hues):
        here = basin == number
        picture[here] = _shaded(hue.color, late[here])
    return picture


def _shaded(color: str, late: np.ndarray) -> np.ndarray:
    """A hue from light (0, soon) over itself to dark (1, late), (n, 3)."""
    own = np.array(to_rgb(color))
    light, dark = own + _TINT * (1 - own), own * (1 - _SHADE)
    late = np.asarray(late, float)[:, None]
    return np.where(late < 0.5, light + 2 * late * (own - light), own + (2 * late - 1) * (dark - own))


def _key(figure: Figure, hues: Sequence[Look], span: tuple[float, float], theme: Theme, count: int) -> None:
    """What shades and greys mean, in a strip below the panels."""
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + 0.55)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(rect=(0, 0.5 / (height + 0.55), 1, 1 - 0.5 / (height + 0.55)))  # type: ignore[call-arg]
    ax = figure.add_axes((0.06, 0.02, 0.9, 0.42 / (height + 0.55)))
    dress(ax, theme)
    ax.set_axis_off()
    ax.set(xlim=(0, 9), ylim=(0, 1))
    late = np.linspace(0, 1, 60)
    each = 0.6 / count
    for i, hue in enumerate(hues):
        strip = _shaded(hue.color, late)[None]
        low = 0.25 + each * (count - 1 - i)
        ax.imshow(strip, extent=(2.0, 4.4, low, low + each * 0.9), aspect="auto", interpolation="nearest")
    ax.set(xlim=(0, 9), ylim=(0, 1))
    words = {"fontsize": 8, "color": theme.muted, "va": "center"}
    ax.text(1.92, 0.55, f"arrives after {span[0]:.0f}", ha="right", **words)
    ax.text(4.48, 0.55, f"{span[1]:.0f} steps", **words)
    none = tuple(np.array(to_rgb(theme.muted)) * 0.45 + np.array(to_rgb(theme.paper)) * 0.55)
    for x, color, label in ((5.9, none, "reaches none"), (7.6, theme.ink, "diverges")):
        ax.add_patch(Rectangle((x, 0.3), 0.22, 0.5, fc=color, ec=theme.muted, lw=0.5))
        ax.text(x + 0.3, 0.55, label, **words)
