"""Frames into files: .gif, .webp, .mp4 and .png, by the suffix. Imports NumPy, Pillow and, for .mp4, imageio-ffmpeg.

Frames stream: one or two are in memory at a time, however long the film. A file appears under its name only when it is
whole, and the same frames give the same bytes.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import InputError, hint
from .gif import pack, sample_palette, unpack, write_gif
from .webp import write_webp

SUFFIXES = (".gif", ".webp", ".mp4", ".png")
_SAMPLES = 24


LONGEST = 600.0  # seconds that one frame may stay; a GIF's own limit is 655


def encode(
    path: str | Path, frames: Iterable[np.ndarray], *, fps: float = 20.0, durations: Sequence[float] | None = None,
    hold: float = 0.0, loop: int = 0, samples: Sequence[np.ndarray] | None = None, colors: Sequence[str] = (),
) -> Path:  # fmt: skip
    """Write frames, (height, width, 3 or 4) of uint8, as one film; the suffix of `path` says which kind.

    Every frame stays for 1/`fps` seconds, or for its own of `durations` (seconds); the last one `hold` seconds longer.
    `loop` is how often the film is shown, 0 for ever. A .png is the last frame alone.

    A .gif has one palette for all frames. It is drawn from `samples`; without them from frames spread over a list, or
    from the first 24 of an iterator. `colors` (as in "#0072b2") are in it to the bit.

    Returns the path. Raises InputError for an unknown suffix, no frames, frames of several sizes, a path that cannot be
    written, or an .mp4 without the extra that it needs.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        given = f"the suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise InputError(f"{path.name!r} has {given}{hint(suffix, SUFFIXES)} allowed: {', '.join(SUFFIXES)}")
    if not (0 < fps <= 1000 and 0 <= hold <= LONGEST and loop >= 0) or any(
        not 0 < duration <= LONGEST for duration in durations or ()
    ):
        raise InputError(
            f"fps and durations must be > 0, hold and loop >= 0, no frame longer than {LONGEST:g} seconds, got "
            f"fps={fps}, hold={hold}, loop={loop}"
        )
    if suffix == ".gif" and samples is None:
        samples, frames = _spread(frames)
        if not samples:
            raise InputError("there are no frames to write")
    timed = _ahead(_timed(_checked(frames), 1.0 / fps, durations, hold))
    # The suffix stays at the end: ffmpeg chooses the container by it.
    partial = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{suffix}")
    try:
        if suffix == ".gif":
            write_gif(partial, timed, sample_palette(list(_checked(samples or ())), colors), loop)
        elif suffix == ".webp":
            write_webp(partial, timed, loop)
        elif suffix == ".mp4":
            _write_mp4(partial, timed, 1.0 / min(durations) if durations else fps)
        else:
            *_, (last, _) = timed
            Image.fromarray(unpack(last)).save(partial, "png")
        os.replace(partial, path)
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
    return path


def _ahead(timed: Iterator[tuple[np.ndarray, float]]) -> Iterator[tuple[np.ndarray, float]]:
    """The same frames, the next one drawn by a second thread while this one is encoded."""
    with ThreadPoolExecutor(1) as artist:
        coming = artist.submit(next, timed, None)
        while (now := coming.result()) is not None:
            coming = artist.submit(next, timed, None)
            yield now


def _spread(frames: Iterable[np.ndarray]) -> tuple[list[np.ndarray], Iterable[np.ndarray]]:
    """Frames to draw a palette from, and all the frames again."""
    if isinstance(frames, (Sequence, np.ndarray)):
        picks = np.unique(np.linspace(0, max(len(frames) - 1, 0), min(_SAMPLES, len(frames))).round().astype(int))
        return [frames[i] for i in picks], frames
    iterator = iter(frames)
    # Copies, since whoever yields frames may well yield one buffer again and again.
    first = [np.array(frame) for frame in itertools.islice(iterator, _SAMPLES)]
    return first, itertools.chain(first, iterator)


def _checked(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    shape = None
    for frame in frames:
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] not in (3, 4):
            raise InputError(f"a frame must be (height, width, 3) of uint8, got {frame.shape} of {frame.dtype}")
        if shape not in (None, frame.shape):
            raise InputError(f"all frames must have one size, got {frame.shape} after {shape}")
        shape = frame.shape
        yield frame


def _timed(
    frames: Iterator[np.ndarray], each: float, durations: Sequence[float] | None, hold: float
) -> Iterator[tuple[np.ndarray, float]]:
    """Each frame, packed, with its seconds; one is kept back, since the last one must be known as such."""
    own = iter(durations) if durations is not None else itertools.repeat(each)
    waiting: np.ndarray | None = None
    seconds = each
    for frame in frames:
        if waiting is not None:
            yield waiting, seconds
        waiting, seconds = pack(frame), next(own, -1.0)
        if seconds < 0:
            raise InputError(
                f"durations must give one number a frame: there are {len(durations or ())} and more frames"
            )
    if waiting is None:
        raise InputError("there are no frames to write")
    yield waiting, seconds + hold


def _write_mp4(path: Path, timed: Iterator[tuple[np.ndarray, float]], fps: float) -> None:
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise InputError("mp4 needs the extra: pip install optiscope[video]") from error
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        # ffmpeg would say so in the middle of a page of its own.
        raise OSError(f"no folder {str(path.parent)!r} that can be written")
    first, seconds = next(timed)
    height, width = first.shape
    odd = ((0, height % 2), (0, width % 2), (0, 0))  # this pixel format halves both sides
    writer = imageio_ffmpeg.write_frames(
        str(path), (width + width % 2, height + height % 2), pix_fmt_in="rgb24", fps=fps, codec="libx264", quality=8,
        macro_block_size=1, output_params=["-movflags", "+faststart"],
    )  # fmt: skip
    try:
        writer.send(None)
        for frame, shown in itertools.chain([(first, seconds)], timed):
            pixels = np.ascontiguousarray(np.pad(unpack(frame), odd, mode="edge"))
            for _ in range(max(1, round(shown * fps))):
                writer.send(pixels)
    finally:
        writer.close()
