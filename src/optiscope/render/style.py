"""One style for every picture: a fixed colour and dash for each optimizer, and two themes. Imports nothing but the
standard library.

The hues are those of Okabe and Ito (2008), told apart by people who see fewer colours; the dash says the same once
more, for print in grey and for lines that overlap. Only in a picture of several schedules the dash is the schedule's,
and solid is the constant rate.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
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

    @property
    def ink_share(self) -> float:
        """The share of its way that the line covers. Whatever covers less is drawn on top, so that both are seen.

        >>> style_of("SGD").ink_share, Look("#000000", "#000000", (6.0, 2.0)).ink_share
        (1.0, 0.75)
        """
        return sum(self.dash[::2]) / sum(self.dash) if self.dash else 1.0


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
PLAIN = ("constant", "none", "nan")  # schedules that need no mention, and a solid line
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


def full_name(optimizer: str) -> str:
    """The call with its arguments, without the module; a named setting by its name.

    >>> full_name("torch.optim.Adam(eps=1e-05,lr=1)"), full_name("SGD(momentum=0.9)")
    ('Adam(eps=1e-05, lr=1)', 'Momentum')
    """
    name, arguments = _split(optimizer)
    if not arguments or (_is_usual(arguments) and _method(name, arguments) != name):
        return _method(name, arguments)
    return f"{name}({arguments.replace(',', ', ')})"


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


def looks_of(optimizers: Iterable[str], theme: str = "light", schedules: Sequence[str] | None = None) -> list[Look]:
    """The looks of all competitors of one picture, in order, no two alike while pairs last.

    A competitor whose look is taken keeps its colour and gets the next free dash, then the next free pair. Where
    `schedules` (one for each of the optimizers) are several, the colour is the optimizer's and the dash the schedule's:
    solid for the constant rate, then one dash for each schedule in order; an optimizer whose colour is taken gets the
    next free one.

    >>> looks = looks_of(["SGD", "SGD", "RMSprop"], schedules=["StepLR", "constant", "constant"])
    >>> [look.dash for look in looks], looks[0].color == looks[1].color
    ([(7.0, 2.6), (), ()], True)
    """
    names = list(optimizers)
    if schedules is not None and len(set(schedules)) > 1:
        wanted = _by_schedule(names, schedules)
    else:
        wanted = [_pair(name) for name in names]
    dark = theme_of(theme).name == "dark"
    hues, dashes = list(_HUES), list(_DASHES)
    spoken = set(wanted)
    taken: set[tuple[str, str]] = set()
    looks = []
    for hue, dash in wanted:
        order = [
            (hues[(hues.index(hue) + i) % len(hues)], dashes[(dashes.index(dash) + j) % len(dashes)])
            for i in range(len(hues))
            for j in range(len(dashes))
        ]
        free = [pair for pair in order if pair not in taken]
        # What another one is known by is the last to be lent.
        pair = next((pair for pair in free if pair == (hue, dash) or pair not in spoken), (free or order)[0])
        taken.add(pair)
        line, ink = _HUES[pair[0]][dark]
        looks.append(Look(line, ink, _DASHES[pair[1]]))
    return looks


def looks_of_schedules(optimizer: str, schedules: Sequence[str], theme: str = "light") -> list[Look]:
    """The looks of one optimizer's schedules, where they are the competitors: a hue and a dash for each.

    The constant rate keeps the optimizer's own hue, solid; the others take the hues in turn.

    >>> looks = looks_of_schedules("Adam", ["StepLR", "constant", "OneCycleLR"])
    >>> looks[1] == style_of("Adam"), len({look.color for look in looks})
    (True, 3)
    """
    dark = theme_of(theme).name == "dark"
    own = _pair(optimizer)[0]
    # Neighbours in the list differ much; vermillion, blue and green first.
    others = iter([hue for hue in _HUES if hue != own] * (len(schedules) // len(_HUES) + 1) + [own])
    dashes = list(_DASHES.values())
    looks = []
    for i, schedule in enumerate(schedules):
        plain = schedule in PLAIN
        line, ink = _HUES[own if plain else next(others)][dark]
        looks.append(Look(line, ink, () if plain else dashes[1 + i % (len(dashes) - 1)]))
    return looks


def _by_schedule(names: Sequence[str], schedules: Sequence[str]) -> list[tuple[str, str]]:
    """A hue for each optimizer and a dash for each schedule, while there are so many."""
    methods = list(dict.fromkeys(names))
    own = {name: _pair(name)[0] for name in methods}
    hues: dict[str, str] = {}
    for name in methods:
        if own[name] not in hues.values():
            hues[name] = own[name]
    for name in methods:
        if name not in hues:
            hues[name] = next((hue for hue in _HUES if hue not in hues.values()), own[name])
    solid, *others = _DASHES
    moving = [schedule for schedule in dict.fromkeys(schedules) if schedule not in PLAIN]
    dashes = {schedule: others[i % len(others)] for i, schedule in enumerate(moving)}
    return [(hues[name], dashes.get(schedule, solid)) for name, schedule in zip(names, schedules, strict=True)]


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
    # The ellipsis is that of a search, whose trials differ in what it stands for.
    usual = ([""], ["…"], ["momentum=0.9"], ["amsgrad=True"], ["momentum=0.9", "nesterov=True"])
    return sorted(arguments.split(",")) in usual
