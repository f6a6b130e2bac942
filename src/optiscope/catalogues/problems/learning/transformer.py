"""A small transformer, in plain operations: token and position embeddings, blocks of attention and an MLP, a linear
layer to the vocabulary. Imports torch only.
"""

from __future__ import annotations

import math

import torch
from torch import nn


class Attention(nn.Module):
    """Softmax attention of `heads` heads; with `causal`, a place sees itself and what stands before it."""

    def __init__(self, width: int, heads: int, length: int, causal: bool):
        super().__init__()
        self.heads = heads
        # A key's bias would have no effect: softmax does not see what all its inputs share.
        self.inward = nn.Linear(width, 3 * width, bias=False)
        self.outward = nn.Linear(width, width)
        later = torch.ones(length, length, dtype=torch.bool).triu(1) if causal else torch.zeros(length, length).bool()
        self.register_buffer("hidden", later, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (N, length, width) to the same."""
        n, length, width = x.shape
        split = self.inward(x).reshape(n, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = split[0], split[1], split[2]
        scores = query @ key.transpose(-2, -1) / math.sqrt(width // self.heads)
        seen = scores.masked_fill(self.hidden, -math.inf).softmax(-1) @ value  # type: ignore[arg-type]
        return self.outward(seen.transpose(1, 2).reshape(n, length, width))


class Block(nn.Module):
    """x + attention, then x + MLP, each of a layer-normalised x where `norm` says so."""

    def __init__(self, width: int, heads: int, length: int, causal: bool, norm: bool):
        super().__init__()
        self.first: nn.Module = nn.LayerNorm(width) if norm else nn.Identity()
        self.second: nn.Module = nn.LayerNorm(width) if norm else nn.Identity()
        self.attention = Attention(width, heads, length, causal)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (N, length, width) to the same."""
        x = x + self.attention(self.first(x))
        return x + self.mlp(self.second(x))


class Transformer(nn.Module):
    """Scores of the `vocabulary` at each place, or, with `last_only`, at the last one."""

    def __init__(
        self, vocabulary: int, length: int, width: int, heads: int, depth: int, *,
        causal: bool = True, norm: bool = True, last_only: bool = False,
    ):  # fmt: skip
        super().__init__()
        self.last_only = last_only
        self.token, self.place = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        for table in (self.token, self.place):
            nn.init.normal_(table.weight, std=1 / math.sqrt(width))
        self.blocks = nn.Sequential(*(Block(width, heads, length, causal, norm) for _ in range(depth)))
        self.norm: nn.Module = nn.LayerNorm(width) if norm else nn.Identity()
        self.scores = nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens, shape (N, length), to scores: (N, vocabulary, length), or (N, vocabulary) with `last_only`."""
        x = self.norm(self.blocks(self.token(tokens) + self.place.weight))
        return self.scores(x[:, -1]) if self.last_only else self.scores(x).transpose(1, 2)
