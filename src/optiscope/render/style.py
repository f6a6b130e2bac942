"""One style for every picture: a fixed colour and dash for each optimizer, and two themes. Imports nothing but the
standard library.

The hues are those of Okabe and Ito (2008), told apart by people who see fewer colours; the dash says the same once
more, for print in grey and for lines that overlap.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import InputError, nearest


@dataclass(frozen=True)
class Theme:
    """Everything in a picture that is no optimizer: papers, inks, and the ramp of the map from valley to hill."""

    name: str
    paper: str
    ink: str
    muted: str
    grid: str
    halo: str
    contour: str
    ramp: tuple[str, ...]
    star: str


@dataclass(frozen=True)
class Look:
    """How an optimizer looks: its line's `color`, the `ink` of its name on the theme's paper, its `dash` in points."""

    color: str
    ink: str
    dash: tuple[float, ...]

    def linestyle(self, linewidth: float) -> Any:
        """The dash as matplotlib's `linestyle`, of the same length whatever the line's width.

        >>> style_of("SGD").linestyle(2.0), style_of("Momentum").linestyle(2.0)
        ('solid', (0, (3.5, 1.3)))
        """
        return (0, tuple(part / linewidth for part in self.dash)) if self.dash else "solid"


THEMES = {
    "light": Theme(
        name="light", paper="#ffffff", ink="#1b2026", muted="#59636e", grid="#e3e7eb", halo="#ffffff",
        contour="#5d7186", ramp=("#fbfcfd", "#e9eef3", "#d3dde6", "#b9c8d6", "#9fb2c4", "#879db2"), star="#ffd84d",
    ),
    "dark": Theme(
        name="dark", paper="#12161b", ink="#eef1f4", muted="#9aa5b1", grid="#2a3139", halo="#0b0e12",
        contour="#7d90a5", ramp=("#10141a", "#18202a", "#222d3a", "#2e3b4b", "#3b4b5e", "#4a5c71"), star="#ffd84d",
    ),
}  # fmt: skip

# hue -> (line, ink) on light paper, (line, ink) on dark paper. Okabe and Ito's yellow and sky blue vanish on white, and
# their black and blue on black, so each theme moves those along their own hue.
_HUES = {
    "vermillion": (("#d55e00", "#b34f00"), ("#ff7f3f", "#ff9159")),
    "blue": (("#0072b2", "#0072b2"), ("#4a9be8", "#6bb0f0")),
    "green": (("#009e73", "#007a59"), ("#1fc296", "#37d0a6")),
    "orange": (("#e69f00", "#946600"), ("#f5b02e", "#f5b02e")),
    "purple": (("#c4639a", "#a8467d"), ("#e59ac6", "#e59ac6")),
    "black": (("#16181b", "#16181b"), ("#f4f6f8", "#f4f6f8")),
    "sky": (("#3a9fdc", "#1f75aa"), ("#8ed4ff", "#8ed4ff")),
    "yellow": (("#b5a300", "#766a00"), ("#f0e442", "#f0e442")),
}
_DASHES: dict[str, tuple[float, ...]] = {
    "solid": (),
    "dashed": (7.0, 2.6),
    "dotted": (2.4, 2.2),
    "dashdot": (8.0, 2.4, 2.2, 2.4),
    "long": (14.0, 3.0),
    "dashdotdot": (8.0, 2.2, 2.2, 2.2, 2.2, 2.2),
}
_KNOWN = {
    "sgd": ("vermillion", "solid"),
    "momentum": ("orange", "dashed"),
    "nesterov": ("purple", "dashdot"),
    "adam": ("blue", "solid"),
    "rmsprop": ("green", "dashed"),
    "adagrad": ("black", "dotted"),
    "adadelta": ("yellow", "long"),
    "adamw": ("sky", "dashdot"),
    "amsgrad": ("blue", "dashed"),
    "adamax": ("sky", "solid"),
    "nadam": ("purple", "solid"),
    "radam": ("green", "solid"),
    "adafactor": ("black", "solid"),
    "asgd": ("vermillion", "dashed"),
    "lbfgs": ("orange", "solid"),
    "muon": ("purple", "long"),
    "rprop": ("black", "dashdot"),
    "sparseadam": ("sky", "dotted"),
}
_ALSO = {"nag": "nesterov", "sgdm": "momentum"}
_CALL = re.compile(r"(?:[A-Za-z_]\w*\.)*([^(.]+?)\s*(?:\((.*)\))?", re.DOTALL)


def theme_of(name: str) -> Theme:
    """The theme of that name; raises InputError for any but "light" and "dark"."""
    if name not in THEMES:
        raise InputError(f"theme must be one of {', '.join(THEMES)}, got {name!r}{nearest(str(name), THEMES)}")
    return THEMES[name]


def short_name(optimizer: str) -> str:
    """The name a picture has room for: the calls that a named setting spells by its name, others by their class.

    A call of SGD with any other momentum is neither: it keeps its arguments.

    >>> short_name("SGD(momentum=0.9, nesterov=True)"), short_name("pytorch_optimizer.Lion(betas=(0.9, 0.99))")
    ('Nesterov', 'Lion')
    >>> short_name("SGD(momentum=0.9, dampening=0.1)")
    'SGD(momentum=0.9, dampening=0.1)'
    """
    name, arguments = _split(optimizer)
    method = _method(name, arguments)
    if method == name or _is_usual(arguments):
        return method
    return f"{name}({arguments.replace(',', ', ')})" if name.lower() == "sgd" else name


def _method(name: str, arguments: str) -> str:
    """The family that a call belongs to, which gives it its colour."""
    if name.lower() == "sgd" and re.search(r"nesterov=True", arguments):
        return "Nesterov"
    if name.lower() == "sgd" and re.search(r"momentum=0*\.?0*[1-9]", arguments):
        return "Momentum"
    if name.lower() == "adam" and re.search(r"amsgrad=True", arguments):
        return "AMSGrad"
    return name


def style_of(optimizer: str, theme: str = "light") -> Look:
    """The look of an optimizer, by its name or its call: the same in every picture and every process.

    Every class of `torch.optim` has a pair of colour and dash to itself; the usual calls (`SGD(momentum=0.9)`) share
    the look of the method they spell. Any other call keeps its class's colour with a dash of its own, and a name never
    heard of gets both by a hash.

    >>> style_of("SGD(momentum=0.9)") == style_of("Momentum") != style_of("SGD")
    True
    """
    hue, dash = _pair(optimizer)
    line, ink = _HUES[hue][theme_of(theme).name == "dark"]
    return Look(line, ink, _DASHES[dash])


def looks_of(optimizers: Iterable[str], theme: str = "light") -> list[Look]:
    """The looks of all competitors of one picture, in order, no two alike while pairs last.

    A competitor whose look is taken keeps its colour and gets the next free dash, then the next free pair.
    """
    taken: dict[tuple[str, str], int] = {}
    dark = theme_of(theme).name == "dark"
    looks = []
    for name in optimizers:
        hue, dash = _pair(name)
        hues, dashes = list(_HUES), list(_DASHES)
        order = [
            (hues[(hues.index(hue) + i) % len(hues)], dashes[(dashes.index(dash) + j) % len(dashes)])
            for i in range(len(hues))
            for j in range(len(dashes))
        ]
        pair = next((pair for pair in order if pair not in taken), (hue, dash))
        taken[pair] = 1
        line, ink = _HUES[pair[0]][dark]
        looks.append(Look(line, ink, _DASHES[pair[1]]))
    return looks


def _split(optimizer: str) -> tuple[str, str]:
    match = _CALL.fullmatch(str(optimizer).strip())
    if match is None:
        return str(optimizer), ""
    return match.group(1), re.sub(r"\s+", "", match.group(2) or "")


def _pair(optimizer: str) -> tuple[str, str]:
    name, arguments = _split(optimizer)
    method = _method(name, arguments).lower()
    method = _ALSO.get(method, method)
    if method in _KNOWN and _is_usual(arguments):
        return _KNOWN[method]
    # crc32 and not hash(): the latter differs from one process to the next.
    code = zlib.crc32(f"{name.lower()}({arguments})".encode())
    if method in _KNOWN:
        hue, own = _KNOWN[method]
        others = [dash for dash in _DASHES if dash != own]
        return hue, others[code % len(others)]
    hues, dashes = list(_HUES), list(_DASHES)
    hue = hues[zlib.crc32(name.lower().encode()) % len(hues)]
    return hue, dashes[code // len(hues) % len(dashes)]


def _is_usual(arguments: str) -> bool:
    """Whether a call without arguments, or the one of a named setting, has these."""
    usual = ([""], ["momentum=0.9"], ["amsgrad=True"], ["momentum=0.9", "nesterov=True"])
    return sorted(arguments.split(",")) in usual
