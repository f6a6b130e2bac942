"""Words for pictures: cut to the room that there is, and numbers as prose has them. The standard library alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import takewhile

_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def cut(words: str, most: int) -> str:
    """The words, in at most so many letters: what is too long ends in an ellipsis.

    >>> cut("constant", 8), cut("CosineAnnealingLR", 8)
    ('constant', 'CosineA…')
    """
    return words if len(words) <= most else words[: most - 1] + "…"


def cut_apart(labels: Sequence[str], fits: Callable[[str], bool]) -> list[str]:
    """The labels, those that do not fit cut with an ellipsis where it leaves them told apart.

    First goes what all calls of one class begin with, then the end, and where others begin alike, the middle.

    >>> cut_apart(["SGD(momentum=0.5)", "SGD(momentum=0.7)", "Adam"], lambda words: len(words) < 10)
    ['…0.5', '…0.7', 'Adam']
    >>> cut_apart(["SGD(momentum=0.5)", "Adam(betas=(0.9, 0.99))"], lambda words: len(words) < 12)
    ['SGD(moment…', 'Adam(betas…']
    """
    return [_cut_one(label, labels, fits) for label in labels]


def _cut_one(label: str, labels: Sequence[str], fits: Callable[[str], bool]) -> str:
    if fits(label) or len(label) < 3:
        return label
    head = label.split("(")[0] + "("
    kin = [other for other in dict.fromkeys(labels) if other != label and other.startswith(head)]
    rest, dots = label, ""
    if kin and "(" in label:
        # Back to where a word begins: half a number would be another one.
        alike = takewhile(lambda letters: len(set(letters)) == 1, zip(label, *kin, strict=False))
        shared = re.split(r"[^(,= ]*$", "".join(letters[0] for letters in alike))[0]
        rest, dots = label[len(shared) :].removesuffix(")"), "…"
        kin = [other[len(shared) :] for other in kin]
    if fits(dots + rest):
        return dots + rest
    most = next((n for n in range(len(rest) - 1, 0, -1) if fits(dots + rest[:n].rstrip() + "…")), 1)
    if not any(other.startswith(rest[:most]) for other in kin):
        return dots + rest[:most].rstrip() + "…"
    # The last argument whole, if there is room for it and a little more.
    last = len(rest.rsplit(", ", 1)[-1])
    tail = last if last <= most - 2 else most - most // 3
    return dots + rest[: most - tail] + "…" + rest[len(rest) - tail :]


def count_words(count: int) -> str:
    """A number as prose has it: in letters up to twelve.

    >>> count_words(7), count_words(30)
    ('seven', '30')
    """
    return _COUNTS[count] if count < len(_COUNTS) else str(count)
