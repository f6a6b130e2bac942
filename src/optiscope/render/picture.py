"""What the drawings give back: a Still (a matplotlib Figure) or a Film. Both say what they show, and show themselves.

`alt` is the text for those who do not see the picture: what is shown, and who did best. `save_picture` writes it beside
the file, and pages take it from there.
"""

from __future__ import annotations

import base64
import html
import io
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..errors import InputError
from .encode import encode

DPI = 100


class Still(Figure):
    """A Figure with `alt`, the words for those who do not see it; in a notebook it shows itself."""

    alt = ""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **({"dpi": DPI} | kwargs))
        FigureCanvasAgg(self)

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", metadata={"Software": None})
        return buffer.getvalue()


class Scene(Protocol):
    """A figure whose artists can be set to a frame, and painted."""

    figure: Figure
    colors: list[str]  # what the palette of a GIF must hold to the bit

    def update(self, frame: int) -> None:
        """Set all artists to a frame."""
        ...

    def paint(self, frame: int) -> np.ndarray:
        """The pixels of a frame, (height, width, 4): a view that the next call may overwrite."""
        ...


class Film:
    """A film of optimizers at work: iterate over its frames, look at one, or save it.

    `times` holds the step, between steps too, that each frame shows; `alt` says what is shown and who did best. In a
    notebook it plays.
    """

    def __init__(
        self, compose: Callable[[], Scene], times: np.ndarray, seconds: float, hold: float, alt: str = ""
    ):  # fmt: skip
        if seconds <= 0 or hold < 0:
            raise InputError(f"seconds must be > 0 and hold >= 0, got {seconds} and {hold}")
        self.times, self.seconds, self.hold, self.alt = times, seconds, hold, alt
        self._compose = compose
        self._scene: Scene | None = None

    def __len__(self) -> int:
        """The number of frames."""
        return len(self.times)

    def frames(self) -> Iterator[np.ndarray]:
        """Every frame in order, (height, width, 3) of uint8, one at a time."""
        return (self.frame(i) for i in range(len(self)))

    def frame(self, i: int) -> np.ndarray:
        """One frame, (height, width, 3) of uint8; negative numbers count from the end."""
        return self._pixels(i)[..., :3].copy()

    def still(self, i: int = -1) -> Figure:
        """A frame, by default the last one with the verdict, as a Figure of its own."""
        scene = self._compose()
        scene.update(self._place(i))
        for artist in scene.figure.findobj():
            artist.set_animated(False)
        scene.figure.alt = self.alt  # type: ignore[attr-defined]
        return scene.figure

    def figure_at(self, i: int) -> Figure:
        """The film's own Figure, set to a frame, for other animation machinery; the next call changes it."""
        self._shared().update(self._place(i))
        return self._shared().figure

    def save(self, path: str | Path, frame: int = -1) -> Path:
        """Write the film as .gif, .webp or .mp4, or one frame of it (the last by default) as .png.

        Raises InputError where that cannot be.
        """
        suffix = Path(path).suffix.lower()
        picks = sorted({round(i) for i in np.linspace(0, len(self) - 1, 5)})
        samples = [self._pixels(i).copy() for i in picks] if suffix == ".gif" else None
        frames = (self._pixels(i) for i in ([self._place(frame)] if suffix == ".png" else range(len(self))))
        colors = self._shared().colors
        return encode(path, frames, fps=len(self) / self.seconds, hold=self.hold, samples=samples, colors=colors)

    def _pixels(self, i: int) -> np.ndarray:
        return self._shared().paint(range(len(self))[i])

    def _place(self, i: int) -> int:
        if not -len(self) <= i < len(self):
            raise InputError(f"the film has frames 0 to {len(self) - 1}, or -1 for the last; got {i}")
        return range(len(self))[i]

    def _shared(self) -> Scene:
        if self._scene is None:
            self._scene = self._compose()
        return self._scene

    def _repr_png_(self) -> bytes:
        from PIL import Image

        buffer = io.BytesIO()
        Image.fromarray(self.frame(-1)).save(buffer, "png")
        return buffer.getvalue()

    def _repr_html_(self) -> str:
        with tempfile.TemporaryDirectory() as folder:
            film = self.save(Path(folder) / "film.gif").read_bytes()
        data = base64.b64encode(film).decode()
        return f'<img alt="{html.escape(self.alt)}" src="data:image/gif;base64,{data}">'


def alt_text(picture: Figure | Film) -> str:
    """The words that a drawing gave to its picture; empty for a Figure of somebody else's."""
    return str(getattr(picture, "alt", ""))


def lowest_of(ends: Mapping[str, float], least: float = 0.0) -> str:
    """Who ends lowest, and where, in words; those whose ends are told alike are told together.

    Ends of `least` and below are no different to the eye, and a tie.

    >>> lowest_of({"SGD": 0.2, "Adam": 0.0}), lowest_of({"SGD": 0.101, "Adam": 0.1, "Rprop": 3.0})
    ('Adam ends lowest, at 0', 'SGD and Adam end lowest, at 0.1')
    """
    finite = {name: end for name, end in ends.items() if math.isfinite(end)}
    if not finite:
        return "none ends on a finite loss"
    low = min(finite.values())
    at = f"{low:.2g}"
    first = [name for name, end in finite.items() if f"{end:.2g}" == at or low <= end <= least]
    if len(first) == 1:
        return f"{first[0]} ends lowest, at {at}"
    where = at if len({f"{finite[name]:.2g}" for name in first}) == 1 else f"{least:.0e} or less".replace("e-0", "e-")
    return f"{', '.join(first[:-1])} and {first[-1]} end lowest, at {where}"


def describe(figure: Figure, *sentences: str) -> Figure:
    """Give a Figure its words."""
    figure.alt = " ".join(filter(None, sentences))  # type: ignore[attr-defined]
    return figure


def save_picture(picture: Figure | Film, path: Path, frame: int = -1) -> Path:
    """Write a picture, and its words beside it as NAME.alt.txt; the same picture gives the same bytes.

    Of a film and a .png, `frame` says which one. Raises InputError for a suffix that the picture cannot have.
    """
    if isinstance(picture, Film):
        picture.save(path, frame)
    elif path.suffix.lower() in (".gif", ".webp", ".mp4"):
        raise InputError(f"{path.name!r} is a film's name, and this picture stands still: give it .png, .svg or .pdf")
    else:
        still = {"Software": None} if path.suffix.lower() == ".png" else {"Date": None}
        picture.savefig(path, dpi="figure" if isinstance(picture, Still) else DPI, metadata=still)
    path.with_suffix(".alt.txt").write_text(alt_text(picture) + "\n", encoding="utf-8", newline="\n")
    return path
