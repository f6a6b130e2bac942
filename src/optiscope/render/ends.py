"""Names at the ends of curves, moved apart where they would overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text

_LINE = 1.45  # the height of a line of words, in font sizes
# To the middle of the name's left side: to its own middle, a line would run through the names between.
_LEADER = {"arrowstyle": "-", "lw": 0.6, "shrinkA": 1, "shrinkB": 3, "relpos": (0.0, 0.5)}


def label_ends(
    ax: Axes, ends: Sequence[tuple[float, float, str, str]], *, size: float = 8.0, gap: float = 7.0,
    in_layout: bool = False,
) -> list[Text]:  # fmt: skip
    """Write a name to the right of each end (x, y, words, colour), in data units; the axes' limits must stand.

    A name that would cover another moves up or down, and then a thin line leads to it. The names keep the order of
    their ends. Space to the right of the axes is the caller's to leave, or, `in_layout`, the layout engine's: it may
    then move the axes, so that names which had to move lie a little off.
    """
    if not ends:
        return []
    pixels = ax.figure.dpi / 72  # type: ignore[union-attr]
    low, high = ax.get_window_extent().y0, ax.get_window_extent().y1
    places = ax.transData.transform(np.array([(x, y) for x, y, _, _ in ends], float))
    wanted = np.clip(places[:, 1], low, high)
    heights = np.array([_LINE * size * pixels * (1 + words.count("\n")) for _, _, words, _ in ends])
    order = np.argsort(wanted, kind="stable")
    settled = np.empty(len(ends))
    settled[order] = _apart(wanted[order], heights[order], low, high)
    texts = []
    for (x, y, words, color), at, here in zip(ends, settled, places[:, 1], strict=True):
        up = (at - here) / pixels
        moved = abs(up) > 0.5 * size
        texts.append(ax.annotate(
            words, (x, y), xytext=(gap + (5 if moved else 0), up), textcoords="offset points", fontsize=size,
            color=color, va="center", fontweight="bold", annotation_clip=False,
            arrowprops=_LEADER | {"color": color} if moved else None,
        ))  # fmt: skip
        texts[-1].set_in_layout(in_layout)
    return texts


def _apart(wanted: np.ndarray, heights: np.ndarray, low: float, high: float) -> np.ndarray:
    """Centres in the same order, none nearer than the heights ask, as near to `wanted` as that leaves room for.

    >>> _apart(np.array([1.0, 1.0]), np.array([2.0, 2.0]), 0.0, 10.0).tolist()
    [1.0, 3.0]
    """
    settled = wanted.astype(float).copy()
    settled[0] = max(settled[0], low + heights[0] / 2)
    for i in range(1, len(settled)):
        settled[i] = max(settled[i], settled[i - 1] + (heights[i - 1] + heights[i]) / 2)
    roof = high - heights[-1] / 2
    for i in range(len(settled) - 1, -1, -1):
        settled[i] = min(settled[i], roof)
        roof = settled[i] - (heights[i - 1] + heights[i]) / 2 if i else roof
    return settled
