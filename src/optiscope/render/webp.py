"""Animated WebP without loss: Pillow compresses what changed in each frame, and this file puts the frames together.

The container is RFC 9649's: a header, the loop, and one ANMF chunk a frame, laid over the frames before.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from .gif import changed_box

_OPAQUE = np.array(0xFF000000, "<u4")
_EFFORT = {"lossless": True, "quality": 20, "method": 2, "exact": False}


def write_webp(path: Path, timed: Iterator[tuple[np.ndarray, float]], loop: int) -> None:
    """Write packed frames with their seconds as one animated WebP."""
    before = None
    clock = spent = 0.0
    with open(path, "xb") as file:
        for now, seconds in timed:
            clock += seconds * 1000
            delay = round(clock - spent)
            spent += delay
            opaque = (now | _OPAQUE).view(np.uint8).reshape(*now.shape, 4)
            if before is None:
                height, width = now.shape
                extended = struct.pack("<B3x", 0b10010) + _three(width - 1) + _three(height - 1)
                file.write(b"RIFF\0\0\0\0WEBP" + _chunk(b"VP8X", extended))
                file.write(_chunk(b"ANIM", struct.pack("<IH", 0xFFFFFFFF, loop)))
                left = top = 0
            else:
                changed = now != before
                top, bottom, left, right = changed_box(changed)
                top, left = top // 2 * 2, left // 2 * 2  # the format counts corners in pairs of pixels
                opaque = opaque[top:bottom, left:right]
                opaque[~changed[top:bottom, left:right]] = 0
            head = _three(left // 2) + _three(top // 2) + _three(opaque.shape[1] - 1) + _three(opaque.shape[0] - 1)
            file.write(_chunk(b"ANMF", head + _three(delay) + b"\0" + _bitstream(opaque)))
            before = now
        size = file.tell() - 8
        file.seek(4)
        file.write(struct.pack("<I", size))


def _bitstream(pixels: np.ndarray) -> bytes:
    """The image chunk that Pillow makes of the pixels, without its own header."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "webp", **_EFFORT)
    data = buffer.getvalue()
    at = data.index(b"VP8L")
    size = struct.unpack_from("<I", data, at + 4)[0]
    return data[at : at + 8 + size + size % 2]


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _three(number: int) -> bytes:
    return struct.pack("<I", number)[:3]
