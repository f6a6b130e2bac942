"""Where the names go: one label beside each moving head, over nobody else, and still from frame to frame.

Everything is in pixels. A label sits in one of a ring of slots around its head. The last frame is placed first and
with most care, since it is the one that stays; then backwards, and a label changes its slot only when it must.
At last the offsets are smoothed in time, so that a change is a glide.
"""

from __future__ import annotations

import numpy as np

_ANGLES = np.deg2rad([0, 180, 30, -30, 150, -150, 90, -90, 60, -60, 120, -120, 15, -15, 165, -165])
_REACHES = np.array([9.0, 20.0, 34.0, 50.0, 70.0, 94.0, 122.0, 154.0, 190.0, 230.0])
_MARGIN = 4.0  # clear space kept between two labels
_LEASH = 7.0  # how far a head may move before its label follows; standing words read better, and make a smaller file
_HEAD = 6.0  # half a head
_GLIDE = 5  # frames to either side over which a change of slot is smoothed
_KEEP = 400.0  # for covering a mark of the map: more than any reach costs, less than covering another label
_CELL = 4.0
_SETTLE = 24.0  # what another slot must save before a label moves of its own accord


def place(
    anchors: np.ndarray, sizes: np.ndarray, bounds: tuple[float, float, float, float], clutter: np.ndarray,
    marks: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """Centres of all labels in all frames.

    `anchors` (frames, n, 2) are the heads, `sizes` (n, 2) the labels' widths and heights, `bounds` is (left, bottom,
    right, top), and `clutter` (m, 2) holds points better left uncovered; `marks` (k, 3) are x, y and radius of what
    must be seen as long as there is any room beside it. Returns an array like `anchors`.
    """
    frames, n, _ = anchors.shape
    reach, angle = (grid.ravel() for grid in np.meshgrid(_REACHES, _ANGLES, indexing="ij"))
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    slots = ring[None] * (sizes[:, None, :] / 2 + reach[None, :, None])
    # Far is worse than its length: a name whose line must be followed over the whole map is as good as lost.
    # A slight liking for the right, then for above, makes quiet pictures alike.
    taste = reach * (1 + reach / 320) + 2.0 * (1 - ring[:, 0]) + 1.0 * (1 - ring[:, 1])
    solver = _Solver(slots, taste, sizes, bounds, clutter, np.empty((0, 3)) if marks is None else marks)
    chosen = np.zeros((frames, n), int)
    chosen[-1] = solver.settle(anchors[-1])
    for frame in range(frames - 2, -1, -1):
        chosen[frame] = chosen[frame + 1]
        if frame >= frames - 1 - _GLIDE or 0 < frame < _GLIDE:
            continue  # the glide must be over before the last frame, and not yet begun in the first
        if frame == _GLIDE or frame == 0:
            chosen[frame] = chosen[_GLIDE] if frame == 0 and frames > _GLIDE else solver.settle(anchors[0])
            continue
        solver.improve(anchors[frame], chosen[frame], every=frame % 10 == 0)
        if frame % 10 == 0 and solver.crowded(anchors[frame], chosen[frame]):
            chosen[frame] = solver.settle(anchors[frame])
    offsets = slots[np.arange(n)[None, :], chosen]
    offsets[:-1] = _smooth(offsets)[:-1]
    low = np.array(bounds[:2]) + sizes / 2
    high = np.array(bounds[2:]) - sizes / 2
    return _leashed(np.clip(anchors + offsets, low, np.maximum(low, high)))


def leaders(anchors: np.ndarray, centers: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lines from the heads to the nearest points of their labels, (…, n, 2, 2), and which are long enough to draw."""
    ends = np.clip(anchors, centers - sizes / 2, centers + sizes / 2)
    far = np.hypot(*np.moveaxis(ends - anchors, -1, 0)) > _REACHES[0] + 4
    return np.stack([anchors, ends], axis=-2), far


def overlaps(centers: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Which labels overlap which, (n, n), nobody himself."""
    over = _both(np.abs(centers[:, None] - centers[None]) < (sizes[:, None] + sizes[None]) / 2)
    np.fill_diagonal(over, False)
    return over


class _Solver:
    def __init__(
        self, slots: np.ndarray, taste: np.ndarray, sizes: np.ndarray, bounds, clutter: np.ndarray, marks: np.ndarray
    ):  # fmt: skip
        self.marks, self.radii = marks[:, :2], marks[:, 2:]
        self.slots, self.taste, self.sizes = slots, taste, sizes
        self.low, self.high = np.array(bounds[:2]), np.array(bounds[2:])
        # Sums over all cells below and left of each: four look-ups count the points in any box.
        cells = np.ceil((self.high - self.low) / _CELL).astype(int) + 1
        counts = np.zeros(cells + 1)
        at = ((clutter - self.low) // _CELL).astype(int).clip(0, cells - 1)
        np.add.at(counts, (at[:, 0] + 1, at[:, 1] + 1), 1)
        self.counts = counts.cumsum(axis=0).cumsum(axis=1)

    def settle(self, anchors: np.ndarray) -> np.ndarray:
        """The slots of one frame from scratch: the best of a few orders, each improved until it stands still."""
        n = len(anchors)
        middle = anchors.mean(axis=0)
        by_height = np.argsort(anchors[:, 1], kind="stable")
        by_distance = np.argsort(-np.hypot(*(anchors - middle).T), kind="stable")
        best, least = np.zeros(n, int), np.inf
        for order in (by_distance, by_height, by_height[::-1], np.arange(n)):
            chosen, total = np.zeros(n, int), 0.0
            placed: list[int] = []
            for label in map(int, order):
                others = np.array(placed, int)
                chosen[label] = int(np.argmin(self.cost(anchors, chosen, label, others, thorough=True)))
                placed.append(label)
            for _ in range(4):
                before, total = chosen.copy(), 0.0
                for label in map(int, order):
                    cost = self.cost(anchors, chosen, label, np.delete(np.arange(n), label), thorough=True)
                    chosen[label] = int(np.argmin(cost))
                    total += float(cost[chosen[label]])
                if (chosen == before).all():
                    break
            if total < least:
                best, least = chosen, total
        return best

    def crowded(self, anchors: np.ndarray, chosen: np.ndarray) -> bool:
        """Whether any two labels overlap."""
        return bool(overlaps(anchors + self.slots[np.arange(len(anchors)), chosen], self.sizes).any())

    def improve(self, anchors: np.ndarray, chosen: np.ndarray, *, every: bool) -> None:
        """Move, in place, the labels that are in the way; and, now and then, those that would do much better."""
        n = len(anchors)
        centers = anchors + self.slots[np.arange(n), chosen]
        half = self.sizes / 2
        wrong = overlaps(centers, self.sizes).any(axis=1)
        wrong |= ~_both((centers - half >= self.low) & (centers + half <= self.high))
        covers = _both(np.abs(anchors[None] - centers[:, None]) < half[:, None] + _HEAD - 2)
        wrong |= covers.any(axis=1) | (self._hidden(centers[:, None], half[:, None]) > 0)[:, 0]
        for label in range(n) if every else np.flatnonzero(wrong).tolist():
            cost = self.cost(anchors, chosen, label, np.delete(np.arange(n), label), thorough=bool(wrong[label]))
            best = int(np.argmin(cost))
            if cost[best] + _SETTLE < cost[chosen[label]]:
                chosen[label] = best

    def cost(
        self, anchors: np.ndarray, chosen: np.ndarray, label: int, others: np.ndarray, *, thorough: bool
    ) -> np.ndarray:
        """What each slot would cost a label, given where the others are."""
        half = self.sizes[label] / 2
        centers = anchors[label] + self.slots[label]
        cost = self.taste.copy()
        outside = np.maximum(self.low - (centers - half), 0) + np.maximum(centers + half - self.high, 0)
        cost += 1e4 * (outside.sum(axis=1) > 0)
        heads = np.abs(anchors[None] - centers[:, None]) - (half + _HEAD)
        cost += 150.0 * _both(heads < 0).sum(axis=1)
        cost += _KEEP * self._hidden(centers, half)
        cost += np.minimum(self._covered(centers - half, centers + half), 40) * 0.8
        if not len(others):
            return cost
        theirs = anchors[others] + self.slots[others, chosen[others]]
        their_half = self.sizes[others] / 2
        near = np.abs(theirs[None] - centers[:, None]) - (half + their_half + _MARGIN)[None]
        cost += 2e3 * _both(near < 0).sum(axis=1)
        if thorough:
            tips = anchors[label] + (centers - anchors[label]) * 0.98
            cost += 90.0 * _crossings(anchors[label], tips, anchors[others], theirs)
            cost += 60.0 * _through(anchors[label], tips, theirs, their_half)
            cost += 60.0 * _through_own(anchors[others], theirs, centers, half)
        return cost

    def _hidden(self, centers: np.ndarray, half: np.ndarray) -> np.ndarray:
        """How many of the marks a label at each of the centres hides, if only in part."""
        apart = np.abs(self.marks - centers[..., None, :]) - (half[..., None, :] + self.radii)
        return _both(apart < 0).sum(axis=-1)

    def _covered(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """How many points of clutter each box covers, to a cell's width."""
        most = np.array(self.counts.shape) - 1
        left, bottom = (((low - self.low) // _CELL).astype(int).clip(0, most)).T
        right, top = (np.ceil((high - self.low) / _CELL).astype(int).clip(0, most)).T
        sums = self.counts
        return sums[right, top] - sums[left, top] - sums[right, bottom] + sums[left, bottom]


def _crossings(start: np.ndarray, tips: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """How many of the segments (starts, ends) each of the segments (start, tips) crosses."""

    def side(a, b, c):
        return (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])

    a, b, c, d = start[None, None], tips[:, None], starts[None], ends[None]
    return ((side(a, b, c) * side(a, b, d) < 0) & (side(c, d, a) * side(c, d, b) < 0)).sum(axis=1)


_ALONG = np.linspace(0.1, 0.95, 7)[:, None]


def _through(start: np.ndarray, tips: np.ndarray, boxes: np.ndarray, half: np.ndarray) -> np.ndarray:
    """How many of the boxes each of the segments (start, tips) runs under, by a few points along it."""
    points = start + (tips[:, None] - start) * _ALONG
    inside = _both(np.abs(points[:, :, None] - boxes[None, None]) < half[None, None])
    return inside.any(axis=1).sum(axis=1)


def _through_own(starts: np.ndarray, ends: np.ndarray, centers: np.ndarray, half: np.ndarray) -> np.ndarray:
    """How many of the segments (starts, ends) run under a box at each of the centres."""
    points = starts[:, None] + (ends - starts)[:, None] * _ALONG[None]
    inside = _both(np.abs(points[None] - centers[:, None, None]) < half)
    return inside.any(axis=2).sum(axis=1)


def _both(flags: np.ndarray) -> np.ndarray:
    """`flags.all(axis=-1)` of pairs, many times as fast."""
    return flags[..., 0] & flags[..., 1]


def _leashed(centers: np.ndarray) -> np.ndarray:
    """The same ways in fewer steps, and the last frame to the pixel."""
    centers = np.round(centers)
    for frame in range(len(centers) - 2, -1, -1):
        near = np.abs(centers[frame] - centers[frame + 1]).max(axis=1) < _LEASH
        centers[frame, near] = centers[frame + 1, near]
    return centers


def _smooth(offsets: np.ndarray) -> np.ndarray:
    """A triangular mean over time, the ends held."""
    kernel = np.r_[np.arange(1, _GLIDE + 1), np.arange(_GLIDE + 1, 0, -1)].astype(float)
    kernel /= kernel.sum()
    padded = np.pad(offsets, ((_GLIDE, _GLIDE), (0, 0), (0, 0)), mode="edge")
    return np.sum([weight * padded[i : i + len(offsets)] for i, weight in enumerate(kernel)], axis=0)
