"""The column beside the map: who races at which rate, the gap now, and at the end the ranking and the verdict.

Two layouts share the artists: the racing one in the order given, and the final one ranked. Positions are in inches
from the lower left of the figure.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from .competitors import LEAST_GAP, Competitor, rank
from .race_map import signs
from .style import Theme
from .swift import Stamp
from .words import cut_apart

_SWATCH = 0.24
_INDENT = 0.33
_EVERY = 4  # frames between two readings: at twenty a second nobody could read them
_LINE = 0.15  # the height of a line of the key
_LONG, _FITS = 14, 15  # letters of a label that asks for a wider column, and that this one holds
_LEFT = "left domain"
_BOUND = " †"
# How a run ended, the longer way first; what diverged, failed or left says so in its number's place.
_ENDINGS = {
    "solved": ("solved, step {}", "solved, {}", "solved"),
    "oscillating": ("oscillates from {}", "oscillates, {}", "oscillates"),
    "saddle": ("at a saddle, {}", "saddle, {}", "saddle"),
    "wrong basin": ("wrong basin, {}", "wrong basin"),
    "stuck": ("stuck from {}", "stuck, {}", "stuck"),
    "running away": ("runs away from {}", "runs away, {}", "runs away"),
    "out of budget": ("out of budget",),
    "diverged": (), "failed": (), "left the domain": (),
}  # fmt: skip


def scheduled(competitors: Sequence[Competitor]) -> bool:
    """Whether any competitor has a schedule worth a mention, for which the column must be wider."""
    return any(" · " in competitor.rate for competitor in competitors)


def column_width(competitors: Sequence[Competitor]) -> float:
    """Inches that the column needs: more where a row has a schedule to name, or a fate beside the rate."""
    wide, odd = scheduled(competitors), any(competitor.fate or competitor.left for competitor in competitors)
    longest = max(len(competitor.label) for competitor in competitors)
    if longest > _LONG:
        return min(2.3 + 0.1 * max(longest - _FITS, 0), 2.6) if not wide else 2.6
    return 2.2 if wide and odd else 2.0


class Table:
    """The artists of the column within a box (left, bottom, right, top), in inches."""

    def __init__(
        self, figure: Figure, box: tuple[float, float, float, float], competitors: Sequence[Competitor],
        floor: float, minima: bool, marks: np.ndarray, theme: Theme, endings: Sequence[tuple[str, int]] = (),
    ):  # fmt: skip
        self.figure, self.competitors, self.theme = figure, competitors, theme
        self.left, self.bottom, self.right, self.top = box
        known = math.isfinite(floor)
        self.ranking = rank(competitors, known=known)
        self.word = "gap" if known else "loss"
        self.finished = any(not competitor.fate for competitor in competitors)
        key = _key(competitors, minima=minima, marks=marks)
        above = self.bottom + (len(key) - 1) * _LINE
        self.verdict = self._text(self.left, above + 0.3, "", 8.5, theme.ink, va="bottom", linespacing=1.35)
        self.verdict.set_gid("verdict")
        lines = max(self._verdict().count("\n") + 1, 4)
        self.height = min(0.37, (self.top - above - 0.79 - 0.165 * lines) / max(len(competitors) - 1, 1))
        self.zoom = min(max(self.height / 0.29, 0.82), 1.0)
        # A schedule needs the line of the rate to itself; the number then stands beside the name.
        self.beside = scheduled(competitors)
        self._final: bool | None = None
        self._digits: dict = {}
        self.header = self._text(self.left, self.top - 0.11, "", 8, theme.muted, spell=True)
        self.heading = self._text(self.right, self.top - 0.11, self.word, 8, theme.muted, ha="right")
        self.rows = [self._row(competitor) for competitor in competitors]
        self.endings = [self._ending(i, *ending) for i, ending in enumerate(endings)]
        for i, line in enumerate(reversed(key)):
            text = self._text(self.left, self.bottom + i * _LINE, line, 7.5, theme.muted, va="bottom")
            text.set(animated=False, gid=f"key:{i}")

    @property
    def fixed(self) -> list:
        """What stands still as long as the layout does."""
        rows = [artist for swatch, name, rate, _ in self.rows for artist in (swatch, name, rate)]
        return [*rows, *self.endings, self.heading]

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
            # Where nobody reached the end, nobody has a place.
            sign = f"{place}. " if final and self.finished else ""
            # At the end the number goes up beside the name, and how the run ended takes its place.
            up = self.beside or (final and bool(self.endings) and bool(self.endings[i].get_text()))
            name.set_text(sign + self._label(i, sign, name, self._room(competitor, gap) if up else 0.0))
            rate.set_position((self.left + _INDENT, second))
            gap.set_position((self.right, y - 0.1 if up else second))
            if self.endings:
                self.endings[i].set_position((self.right, second))
                self.endings[i].set_visible(final)
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
            gap.set_text(self._fate(competitor) if lost else self._number(competitor.at(time)[1]))

    def _verdict(self) -> str:
        count = len(self.competitors)
        fates = Counter(competitor.fate for competitor in self.competitors if competitor.fate)
        left, lost = sum(competitor.left for competitor in self.competitors), fates.total()
        if lost == count:
            return "none reached\nthe last step"
        if lost + left == count:
            return "none ended\nwithin the domain"
        first = [self.competitors[i].short for place, i in self.ranking if place == 1]
        lines = ["lowest loss at the end:", self._fit(", ".join(first[:2]), self.verdict, room=-_INDENT)]
        lines += [f"and {len(first) - 2} more"] * (len(first) > 2)
        if count == 1:
            lines = []
        lines += [f"{n} of {count} {'failed' if fate == 'error' else fate}" for fate, n in fates.items()]
        if left:
            lines.append(f"{left} of {count} left the domain")
        return "\n".join(lines)

    def _fate(self, competitor: Competitor) -> str:
        return f"✖ step {competitor.broke}" if self.beside else f"{competitor.fate} at step {competitor.broke}"

    def _number(self, value: float) -> str:
        if math.isnan(value):
            return _LEFT
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
        room = 0.0 if self.beside else self._room(competitor, gap)
        sign = _BOUND if competitor.on_bound else ""
        rate.set_text(self._fit(competitor.rate, rate, room, sign))
        return swatch, name, rate, gap

    def _ending(self, i: int, verdict: str, step: int) -> Text:
        """How a run ended, in as many words as there is room for beside its rate; none where its number says it."""
        competitor, (_, _, rate, _) = self.competitors[i], self.rows[i]
        text = self._text(0, 0, "", 7.5 * self.zoom, self.theme.ink, ha="right")
        text.set_gid(f"ending:{competitor.run_id}")
        if competitor.fate or competitor.left:
            return text
        room = self.right - self.left - _INDENT - self._width(rate.get_text(), rate) - 0.06
        for words in _ENDINGS[verdict]:
            if self._width(words.format(step), text) <= room:
                return text
        text.set_text("")
        return text

    def _room(self, competitor: Competitor, gap: Text) -> float:
        """Inches that the longest of its numbers and words takes, with a little air."""
        longest = self._fate(competitor) if competitor.fate else _LEFT if competitor.left else "0" * 6
        return self._width(longest, gap) + 0.06

    def _label(self, i: int, before: str, text: Text, room: float) -> str:
        """The label of a competitor, cut to the column after the words before it so that no other one is cut alike."""
        limit = self.right - self.left - _INDENT - room
        labels = [competitor.label for competitor in self.competitors]
        return cut_apart(labels, lambda words: self._width(before + words, text) <= limit)[i]

    def _fit(self, words: str, text: Text, room: float = 0.0, sign: str = "") -> str:
        """The words and their sign, the words cut with an ellipsis where they are too long for the column."""
        limit = self.right - self.left - _INDENT - room
        cut = words
        while len(cut) > 1:
            fitted = (cut if cut == words else cut.rstrip() + "…") + sign
            if self._width(fitted, text) <= limit:
                break
            cut = cut[:-1]
        return text.get_text()

    def _width(self, words: str, text: Text) -> float:
        """Inches that a text takes with these words, which it keeps."""
        text.set_text(words)
        renderer = self.figure.canvas.get_renderer()  # pyright: ignore[reportAttributeAccessIssue]
        return text.get_window_extent(renderer).width / self.figure.dpi

    def _text(self, x: float, y: float, words: str, size: float, color: str, **more) -> Text:
        text = Stamp(
            x, y, words, fontsize=size, color=color, transform=self.figure.dpi_scale_trans, animated=True, **more
        )
        self.figure.add_artist(text)
        return text


def _key(competitors: Sequence[Competitor], *, minima: bool, marks: np.ndarray) -> list[str]:
    """What the signs of the picture mean, line by line; only those that it holds."""
    bound = ["† bound of the search"] * any(competitor.on_bound for competitor in competitors)
    lines = [*signs(set(marks.ravel().tolist()), minima=minima), bound]
    return ["   ".join(line) for line in lines if line]
