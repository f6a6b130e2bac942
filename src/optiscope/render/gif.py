"""Animated GIF, quickly and small: one palette, and in each frame only the pixels that changed. Imports Pillow, NumPy.

Pillow compresses the pixels; the palette, the differences and the blocks around them are made here, because Pillow
would quantise each frame anew.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.GifImagePlugin import getdata

_CLEAR = 255  # the palette's last place: "as before"
_EXACT = 64  # the most frequent colours, kept to the bit
_WEIGHTS = np.array([1.5, 2.0, 1.2], np.float32)  # how much the eye minds an error in red, green and blue


def pack(frame: np.ndarray) -> np.ndarray:
    """(height, width) of uint32, one number a colour, from (height, width, 3 or 4) of uint8; alpha is dropped."""
    if frame.shape[2] == 3:
        packed = np.empty((*frame.shape[:2], 4), np.uint8)
        packed[..., :3] = frame
    else:
        packed = np.ascontiguousarray(frame)
    return packed.view("<u4")[..., 0] & np.uint32(0xFFFFFF)


def unpack(colors: np.ndarray) -> np.ndarray:
    """The inverse of `pack`, (…, 3) of uint8."""
    return np.stack([colors & 255, colors >> 8 & 255, colors >> 16 & 255], axis=-1).astype(np.uint8)


def changed_box(changed: np.ndarray) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) of what is True, bottom and right excluded; one pixel where nothing is."""
    rows = np.flatnonzero(changed.any(axis=1))
    if not len(rows):
        return 0, 1, 0, 1
    columns = np.flatnonzero(changed[rows[0] : rows[-1] + 1].any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def sample_palette(samples: Sequence[np.ndarray], colors: Sequence[str] = ()) -> np.ndarray:
    """At most 255 colours, (n, 3) of uint8: those asked for, the most frequent, and a median cut of all others."""
    wanted = np.array([int(color[5:7] + color[3:5] + color[1:3], 16) for color in dict.fromkeys(colors)], np.uint32)
    each = [np.unique(pack(sample), return_counts=True) for sample in samples]
    found, where = np.unique(np.concatenate([colors for colors, _ in each]), return_inverse=True)
    counts = np.bincount(where.ravel(), np.concatenate([counts for _, counts in each])).astype(int)
    order = np.lexsort((found, -counts))
    found, counts = found[order], counts[order]
    kept = np.concatenate([wanted, found[:_EXACT] if len(found) > _CLEAR else found])
    kept = kept[np.sort(np.unique(kept, return_index=True)[1])][:_CLEAR]
    rest = ~np.isin(found, kept)
    if rest.any() and len(kept) < _CLEAR:
        # The root of the counts: the edges of a thin line matter more than their share of the pixels.
        times = np.ceil(np.sqrt(counts[rest])).astype(int)
        cloud = Image.fromarray(np.repeat(unpack(found[rest]), times, axis=0)[None])
        cut = cloud.quantize(_CLEAR - len(kept), method=Image.Quantize.MEDIANCUT)
        cut = np.array(cut.getpalette(), np.uint8).reshape(-1, 3)[: _CLEAR - len(kept)]
        return np.concatenate([unpack(kept), cut])
    return unpack(kept)


def write_gif(path: Path, timed: Iterator[tuple[np.ndarray, float]], palette: np.ndarray, loop: int) -> None:
    """Write packed frames with their seconds as one GIF."""
    colors = _Colors(palette)
    table = np.zeros((256, 3), np.uint8)
    table[: len(palette)] = palette
    before = shown = None
    clock = spent = 0.0
    with open(path, "xb") as file:
        for now, seconds in timed:
            # GIF counts in hundredths; what rounding takes from one frame it gives to the next.
            clock += seconds * 100
            delay = min(max(round(clock - spent), 2), 65535)
            spent += delay
            if before is None or shown is None:
                height, width = now.shape
                file.write(b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF7, 0, 0) + table.tobytes())
                if loop != 1:
                    file.write(b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<HB", max(loop - 1, 0), 0))
                shown = colors.index(now)
                corner, part = (0, 0), shown
            else:
                changed = now != before
                top, bottom, left, right = changed_box(changed)
                inside = (slice(top, bottom), slice(left, right))
                mask = changed[inside]
                part = np.full(mask.shape, _CLEAR, np.uint8)
                part[mask] = colors.index(now[inside][mask])
                old = shown[inside]
                part[part == old] = _CLEAR
                np.copyto(old, part, where=part != _CLEAR)
                corner = (left, top)
            image = Image.fromarray(part)
            # 10.4 and not 10: Pillow divides by ten and cuts.
            blocks = getdata(image, corner, transparency=_CLEAR, disposal=1, duration=delay * 10 + 0.4, interlace=0)
            file.writelines(blocks)
            before = now
        file.write(b";")


class _Colors:
    """The nearest place in a palette for any colour, worked out once a colour."""

    def __init__(self, palette: np.ndarray):
        self.palette = palette.astype(np.float32) * _WEIGHTS
        # One place for each of 2**24 colours; pages never touched cost no memory.
        self.known = np.zeros(1 << 24, np.uint16)
        packed = pack(palette[None])[0]
        self.known[packed[::-1]] = np.arange(len(palette), 0, -1)

    def index(self, colors: np.ndarray) -> np.ndarray:
        """Places of the colours, of uint8."""
        places = self.known[colors]
        missing = places == 0
        if missing.any():
            new = np.unique(colors[missing])
            for chunk in np.array_split(new, len(new) // 20000 + 1):
                self.known[chunk] = self._nearest(unpack(chunk)) + 1
            places = self.known[colors]
        return (places - 1).astype(np.uint8)

    def _nearest(self, rgb: np.ndarray) -> np.ndarray:
        wanted = rgb.astype(np.float32) * _WEIGHTS
        # |w - p|² less |w|², which is the same for all p.
        return np.argmin((self.palette**2).sum(axis=1) - 2 * wanted @ self.palette.T, axis=1).astype(np.uint16)
