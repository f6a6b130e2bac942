"""The strips under the map: the gap of each competitor by step, or its rate, in step with the race.

The lines are whole from the start and shown up to the cursor: a clip box that grows, or, for frames, a copy of the
columns to its left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter
from matplotlib.transforms import Bbox, TransformedBbox

from ..errors import InputError
from .clock import Polyline, clock_axis
from .competitors import LEAST_GAP, Competitor
from .panels import decades
from .style import Theme
from .swift import Swift

_LOST = {"diverged": "diverged", "error": "failed"}


class Strip:
    """The artists of the strip: one line a competitor, and the cursor."""

    def __init__(self, ax: Axes, competitors: Sequence[Competitor], floor: float, clock: str, theme: Theme):
        self.ax, self.competitors, self.theme = ax, competitors, theme
        self.last = max(competitor.last for competitor in competitors)
        clock_axis(ax, clock, self.last, theme)
        self._values(floor)
        self._dress()
        # A line of one point is a dot at the very left, to be seen from the start.
        self.least = 0.015 if any(np.isfinite(competitor.gap).sum() == 1 for competitor in competitors) else 0.0
        self.shown = Bbox.from_extents(0.0, 0.0, 0.0, 1.0)  # in shares of the axes
        window = TransformedBbox(self.shown, ax.transAxes)
        width, height = ax.get_window_extent().size
        self.lines = []
        for competitor in competitors:
            look = competitor.look
            line = Line2D(
                *self._curve(competitor, width, height), color=look.color, lw=1.6, linestyle=look.linestyle(1.6),
                animated=True, dash_capstyle="butt", gid=f"gap:{competitor.run_id}",
            )  # fmt: skip
            if np.isfinite(line.get_ydata()).sum() == 1:
                line.set(marker="o", markersize=4.5)
            ax.add_line(line)
            line.set_clip_box(window)
            self.lines.append(line)
        if words := self._lost_words():
            ax.text(
                0.5, 0.5, words, fontsize=9, color=theme.ink, ha="center", va="center", transform=ax.transAxes,
                gid="lost",
            )  # fmt: skip
        self.cursor = Swift(
            [0, 0], [0, 1], transform=ax.transAxes, color=theme.ink, lw=0.9, alpha=0.75, animated=True, gid="cursor"
        )
        ax.add_line(self.cursor)

    def place(self, times: np.ndarray) -> None:
        """Take the times of all frames."""
        self.shares = self._share(np.stack([times, np.full(len(times), self.ax.get_ylim()[0])], axis=1))[:, 0]

    def update(self, frame: int) -> None:
        """Show the lines up to a frame."""
        share = float(self.shares[frame])
        self.shown.x1 = max(share, self.least) if share < 1 else 1.01  # the last pixel of a line is wider than the axes
        self.cursor.set_data([share, share], [0.0, 1.0])

    def reveal(self) -> None:
        """Show the whole lines."""
        self.shown.x1 = 1.01

    def columns(self, height: int) -> tuple[slice, slice]:
        """The pixels, as rows and columns of the picture, that the shown part of the lines may have drawn to."""
        low = self.ax.transAxes.transform((0.0, 0.0))
        high = self.ax.transAxes.transform((self.shown.x1, 1.0))
        return slice(height - round(high[1]), height - round(low[1])), slice(round(low[0]), round(high[0]))

    def without_steps(self) -> None:
        """Leave the numbers of the steps to the strip below."""
        self.ax.tick_params(labelbottom=False)
        self.ax.set_xlabel("")

    def _lost_words(self) -> str:
        return _all_lost(self.competitors)

    def _name(self, words: str, low: float = 0.03, va: str = "baseline") -> None:
        # In the corner that a falling curve leaves free: beside the axis there is room for the numbers alone.
        self.ax.text(
            0.008, low, words, fontsize=7.5, color=self.theme.muted, transform=self.ax.transAxes, gid="measure", va=va
        )

    def _values(self, floor: float) -> None:
        """The scale of the values, and which of them a competitor draws."""
        ax = self.ax
        known = math.isfinite(floor)
        self._name("loss − minimum" if known else "loss")
        every = np.concatenate([competitor.gap for competitor in self.competitors])
        gaps = every[np.isfinite(every)]  # outside the domain a line is broken
        gaps = gaps if len(gaps) else np.ones(1)
        firsts = np.array([competitor.gap[0] for competitor in self.competitors])
        first = firsts[np.isfinite(firsts)].max(initial=gaps.min())
        positive = gaps[gaps > 0]
        whole = known or bool((gaps > 0).all())
        self.log = bool(len(positive)) and whole and bool(positive.max() > 20 * positive.min())
        if self.log:
            # A method that runs away must not flatten the others: three decades above the start are enough.
            top = min(positive.max(), max(first, LEAST_GAP) * 1e3)
            self.low = min(max(positive.min(), LEAST_GAP), top)
            inches = ax.get_window_extent().height / ax.figure.dpi  # type: ignore[union-attr]
            ax.set_yscale("log")
            ax.set_ylim(self.low / 2.5, max(top, self.low * 10) * 2.5)
            decades(ax.yaxis, min(5, max(2, round(inches / 0.2))))
            ax.yaxis.set_minor_formatter(NullFormatter())
        else:
            top = min(gaps.max(), first + 2 * (first - gaps.min())) if first > gaps.min() else gaps.max()
            room = 0.06 * (top - gaps.min()) or 0.5 * abs(top) or 0.5
            self.low = float(gaps.min())
            ax.set_ylim(self.low - room, top + room)
            ax.yaxis.set_major_locator(MaxNLocator(4))

    def _series(self, competitor: Competitor) -> np.ndarray:
        """What a line shows at each of the competitor's steps."""
        low, high = self.ax.get_ylim()
        return np.clip(competitor.gap, self.low, high * 1e6 if self.log else high + 25 * (high - low))

    def _dress(self) -> None:
        ax, theme = self.ax, self.theme
        ax.set_facecolor(theme.paper)
        ax.grid(True, color=theme.grid, lw=0.7)
        ax.set_axisbelow(True)
        ax.tick_params(length=2.5, width=0.6, labelsize=7, colors=theme.muted, pad=2)
        for side, spine in ax.spines.items():
            spine.set(visible=side in ("left", "bottom"), color=theme.muted, linewidth=0.7)

    def _curve(self, competitor: Competitor, width: float, height: float) -> tuple[np.ndarray, np.ndarray]:
        values = self._series(competitor)
        # Thinned as it is drawn: on the axes' own scales, in shares of the axes.
        shown = self._share(np.stack([competitor.steps, values], axis=1))
        thin = Polyline.thinned(competitor.steps, shown, (1 / width, 1 / height))
        return thin.times, values[np.searchsorted(competitor.steps, thin.times)]

    def _share(self, points: np.ndarray) -> np.ndarray:
        return self.ax.transAxes.inverted().transform(self.ax.transData.transform(points))


class RateStrip(Strip):
    """The rate of each competitor's next step, in step with the race."""

    def _values(self, floor: float) -> None:
        rates = np.concatenate([competitor.lr for competitor in self.competitors])
        rates = rates[np.isfinite(rates)]
        if not len(rates):
            raise InputError("the trace has no lr_t to draw a strip of: run it with a trace")
        self._name("lr", 0.97, va="top")
        self.ax.set_ylim(min(0.0, float(rates.min())), float(rates.max()) * 1.35 or 1.0)  # with room for the name
        self.ax.yaxis.set_major_locator(MaxNLocator(3))

    def _series(self, competitor: Competitor) -> np.ndarray:
        return competitor.lr

    def _lost_words(self) -> str:
        return ""


def _all_lost(competitors: Sequence[Competitor]) -> str:
    """What to say where nobody reached the end; nothing where somebody did."""
    fates = {competitor.fate for competitor in competitors}
    if "" in fates:
        return ""
    return "every run " + " or ".join(word for fate, word in _LOST.items() if fate in fates)
