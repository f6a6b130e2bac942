"""The column beside the map: who races at which rate, the gap now, and at the end the ranking and the verdict.

Two layouts share the artists: the racing one in the order given, and the final one ranked. Positions are in inches
from the lower left of the figure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from .competitors import LEAST_GAP, Competitor, rank
from .style import Theme
from .swift import Stamp

_SWATCH = 0.24
_INDENT = 0.33
_EVERY = 4  # frames between two readings: at twenty a second nobody could read them


def scheduled(competitors: Sequence[Competitor]) -> bool:
    """Whether any competitor has a schedule worth a mention, for which the column must be wider."""
    return any(" · " in competitor.rate for competitor in competitors)


class Table:
    """The artists of the column within a box (left, bottom, right, top), in inches."""

    def __init__(
        self, figure: Figure, box: tuple[float, float, float, float], competitors: Sequence[Competitor],
        floor: float, minima: bool, lost: bool, theme: Theme,
    ):  # fmt: skip
        self.figure, self.competitors, self.theme = figure, competitors, theme
        self.left, self.bottom, self.right, self.top = box
        known = math.isfinite(floor)
        self.ranking = rank(competitors, known=known)
        self.word = "gap" if known else "loss"
        self.height = min(0.37, (self.top - self.bottom - 1.13) / len(competitors))
        self.zoom = min(max(self.height / 0.29, 0.82), 1.0)
        # A schedule needs the line of the rate to itself; the number then stands beside the name.
        self.beside = scheduled(competitors)
        self._final: bool | None = None
        self._digits: dict = {}
        self.header = self._text(self.left, self.top - 0.11, "", 8, theme.muted, spell=True)
        self.heading = self._text(self.right, self.top - 0.11, self.word, 8, theme.muted, ha="right")
        self.rows = [self._row(competitor) for competitor in competitors]
        self.verdict = self._text(self.left, self.bottom + 0.3, "", 8.5, theme.ink, va="bottom", linespacing=1.35)
        self.verdict.set_gid("verdict")
        key = "○ start" + ("   ★ minimum" if minima else "") + ("   ✖ lost" if lost else "")
        self._text(self.left, self.bottom, key, 7.5, theme.muted, va="bottom").set_animated(False)

    @property
    def fixed(self) -> list:
        """What stands still as long as the layout does."""
        return [artist for swatch, name, rate, _ in self.rows for artist in (swatch, name, rate)] + [self.heading]

    @property
    def artists(self) -> list:
        """What changes with the frame."""
        return [self.header, self.verdict, *(gap for *_, gap in self.rows)]

    def place(self, times) -> None:
        """Take the times of all frames."""
        self.times = times

    def arrange(self, *, final: bool) -> None:
        """Put the rows in racing or in final order."""
        if final == self._final:
            return
        self._final = final
        order = self.ranking if final else [(0, i) for i in range(len(self.competitors))]
        for row, (place, i) in enumerate(order):
            competitor = self.competitors[i]
            swatch, name, rate, gap = self.rows[i]
            y = self.top - 0.26 - row * self.height
            swatch.set_data([self.left, self.left + _SWATCH], [y - 0.08, y - 0.08])
            second = y - 0.23 * self.zoom
            name.set_position((self.left + _INDENT, y))
            words = f"{place}. {competitor.label}" if final else competitor.label
            name.set_text(self._fit(words, name, room=0.5 * self.beside))
            rate.set_position((self.left + _INDENT, second))
            gap.set_position((self.right, y - 0.1 if self.beside else second))
        self.heading.set_text(f"final {self.word}" if final else self.word)
        self.verdict.set_text(self._verdict() if final else "")

    def reading(self, frame: int) -> int:
        """The frame at which the numbers shown in a frame were read."""
        return frame if frame == len(self.times) - 1 else frame // _EVERY * _EVERY

    def update(self, frame: int) -> None:
        """Set the step and the gaps to a frame."""
        final = frame == len(self.times) - 1
        time = self.times[self.reading(frame)]
        self.header.set_text(f"after {time:.0f} steps" if final else f"step {math.floor(time)}")
        for competitor, (*_, gap) in zip(self.competitors, self.rows, strict=True):
            lost = competitor.fate and time >= competitor.last
            word = "✖" if self.beside else competitor.fate
            gap.set_text(f"{word} at {competitor.last:.0f}" if lost else self._number(competitor.at(time)[1]))

    def _verdict(self) -> str:
        lost = [competitor for competitor in self.competitors if competitor.fate]
        if len(lost) == len(self.competitors):
            return "none reached\nthe last step"
        first = [self.competitors[i].short for place, i in self.ranking if place == 1]
        names = ", ".join(first[:2]) + (f" and {len(first) - 2} more" if len(first) > 2 else "")
        lines = ["lowest loss at the end:", self._fit(names, self.verdict, room=-_INDENT)]
        if len(self.competitors) == 1:
            lines = []
        if lost:
            lines.append(f"{len(lost)} of {len(self.competitors)} lost on the way")
        return "\n".join(lines)

    def _number(self, value: float) -> str:
        if self.word == "gap" and abs(value) < LEAST_GAP:
            return "<1e-16" if value else "0"
        if self.word == "loss" or 0.01 <= value < 1000:
            return f"{value:.3g}" if self.word == "loss" else f"{value:.2g}" if value < 100 else f"{value:.0f}"
        digits, exponent = f"{value:.1e}".split("e")
        return f"{digits}e{int(exponent)}"

    def _row(self, competitor: Competitor) -> tuple[Line2D, Text, Text, Text]:
        look = competitor.look
        swatch = Line2D(
            [], [], color=look.color, lw=2.4, linestyle=look.linestyle(2.4), dash_capstyle="butt", animated=True,
            transform=self.figure.dpi_scale_trans, gid=f"swatch:{competitor.run_id}",
        )  # fmt: skip
        self.figure.add_artist(swatch)
        name = self._text(0, 0, competitor.label, 8.5 * self.zoom, look.ink, va="top", fontweight="bold")
        rate = self._text(0, 0, competitor.rate, 7.5 * self.zoom, self.theme.muted)
        gap = self._text(0, 0, "", 7.5 * self.zoom, self.theme.ink, ha="right", spell=True, pictures=self._digits)
        gap.set_gid(f"final:{competitor.run_id}")
        rate.set_gid(f"rate:{competitor.run_id}")
        rate.set_text(self._fit(competitor.rate, rate, room=0.0 if self.beside else 0.4))
        return swatch, name, rate, gap

    def _fit(self, words: str, text: Text, room: float = 0.0) -> str:
        """The words, cut with an ellipsis where they are too long for the column."""
        limit = (self.right - self.left - _INDENT - room) * self.figure.dpi
        renderer = self.figure.canvas.get_renderer()  # pyright: ignore[reportAttributeAccessIssue]
        cut = words
        while len(cut) > 1:
            text.set_text(cut if cut == words else cut.rstrip() + "…")
            if text.get_window_extent(renderer).width <= limit:
                break
            cut = cut[:-1]
        return text.get_text()

    def _text(self, x: float, y: float, words: str, size: float, color: str, **more) -> Text:
        text = Stamp(
            x, y, words, fontsize=size, color=color, transform=self.figure.dpi_scale_trans, animated=True, **more
        )
        self.figure.add_artist(text)
        return text
