"""Sequences of symbols, learnt by small transformers: sums modulo a prime, and the characters of a text."""

from __future__ import annotations

import functools
from importlib.resources import files

import numpy as np
import torch
from torch.utils.data import TensorDataset

from ....errors import InputError
from ....spec import Problem
from ....streams import uniform
from ....task import Data
from ...losses import class_criterion
from .shared import Loss, accuracy, at_least, split, supervised, training_count, within
from .transformer import Transformer

STRIDE = 8  # characters from one training window to the next
PARTS = 10  # of the text, one of which is kept apart


def modular_addition(
    *, modulus: int = 31, share: float = 0.5, width: int = 32, loss: Loss = "CrossEntropyLoss"
) -> Problem:
    """(a + b) mod `modulus` from a table of which `share` is shown, full batch, by a transformer of one block.

    What is shown is soon known by heart. That the rest follows comes much later, if weights decay: try
    `AdamW(weight_decay=2.0)`; this is what is called grokking.
    """
    at_least("modular-addition", "modulus", modulus, 3)
    within("modular-addition", "share", share, 0.05, 0.95)
    _heads("modular-addition", width)
    make = functools.partial(Transformer, modulus, 2, width, 4, 1, causal=False, norm=False, last_only=True)
    return supervised(
        "modular-addition", make, functools.partial(_sums, modulus, float(share)),
        class_criterion(loss, "modular-addition", modulus), training=training_count(modulus**2, 1 - share),
        default_steps=1000, evaluate_every=25, measures={"accuracy": accuracy},
        what=f"a transformer of one block on sums modulo {modulus}",
        source="Power, Burda, Edwards, Babuschkin, Misra 2022, Grokking, arXiv:2201.02177",
    )  # fmt: skip


def char_transformer(
    *, context: int = 32, width: int = 48, batch_size: int = 32, loss: Loss = "CrossEntropyLoss"
) -> Problem:
    """The next character of a lecture on optimisation, which ships with this package, by a transformer of two blocks.

    A window of `context` characters begins every 8; one tenth of the text, in one piece that the seed chooses, is for
    validation.
    """
    at_least("char-transformer", "context", context, 2)
    _heads("char-transformer", width)
    characters = sorted(set(lecture()))
    training = len(_windows(context, 0)[0])
    return supervised(
        "char-transformer", functools.partial(Transformer, len(characters), context, width, 4, 2),
        functools.partial(_text, context), class_criterion(loss, "char-transformer", len(characters)),
        training=training, batch_size=batch_size, default_steps=400, measures={"accuracy": accuracy},
        what=f"a transformer of two blocks on the next of {len(characters)} characters",
        source="Vaswani et al. 2017, Attention is all you need, arXiv:1706.03762; the text is this package's own",
    )  # fmt: skip


@functools.cache
def lecture() -> str:
    """The text that ships with the package: a lecture on optimisation, in plain ASCII."""
    return (files("optiscope") / "data" / "lecture.txt").read_text(encoding="ascii")


def _heads(problem: str, width: int) -> None:
    at_least(problem, "width", width, 4)
    if width % 4:
        raise InputError(f"{problem}: width must be a multiple of its 4 heads, got {width}")


def _sums(modulus: int, share: float, seed: int) -> Data:
    terms = np.stack(np.divmod(np.arange(modulus**2), modulus), axis=1)
    return split((torch.from_numpy(terms), torch.from_numpy(terms.sum(1) % modulus)), seed, 1 - share)


def _text(context: int, seed: int) -> Data:
    training, validation = _windows(context, int(uniform(seed, "split", 0, 1)[0] * PARTS))
    return Data(*(TensorDataset(windows[:, :-1], windows[:, 1:]) for windows in (training, validation)))


@functools.cache
def _windows(context: int, held: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Windows of context + 1 characters: for training, as many whatever is held; and of the part that is held."""
    text = lecture()
    numbers = {character: number for number, character in enumerate(sorted(set(text)))}
    codes = torch.tensor([numbers[character] for character in text])
    size = len(codes) // PARTS
    if context >= size:
        raise InputError(f"char-transformer: context must be below {size}, a tenth of the text, got {context}")
    # As a ring, the text without one part is a piece, and has as many windows whichever part is held.
    rest = torch.cat([codes[(held + 1) * size : PARTS * size], codes[: held * size]])
    part = codes[held * size : (held + 1) * size]
    return rest.unfold(0, context + 1, STRIDE), part.unfold(0, context + 1, context)
