"""The networks of the learning problems: plain `torch.nn` modules. Imports torch only.

Nothing in a `forward` depends on the values of its input, so that what holds for one network holds for many of them
stacked; only the residual network's batch normalisation writes to buffers.
"""

from __future__ import annotations

import itertools

import torch
from torch import nn


def demo_cnn(image_size: int, classes: int) -> nn.Module:
    """The lesson's CNN: two convolutions with pooling, three linear layers; 47.8 million weights at 224×224."""
    side = ((image_size - 2) // 2 - 2) // 2
    return nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * side * side, 256), nn.ReLU(),
        nn.Linear(256, 128), nn.ReLU(),
        nn.Linear(128, classes),
    )  # fmt: skip


def logistic() -> nn.Module:
    """One linear layer from the 64 pixels of an 8×8 image to 10 classes."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


def mlp(width: int, dropout: float) -> nn.Module:
    """Two hidden layers for 8×8 images, each with ReLU, and with dropout where its share is not 0."""
    layers: list[nn.Module] = [nn.Flatten()]
    for size in (64, width):
        layers += [nn.Linear(size, width), nn.ReLU(), *([nn.Dropout(dropout)] if dropout else [])]
    return nn.Sequential(*layers, nn.Linear(width, 10))


def digits_cnn() -> nn.Module:
    """A small CNN for 8×8 images: two padded convolutions with pooling, one linear layer; 6,090 weights."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 2 * 2, 10),
    )  # fmt: skip


def autoencoder(code: int) -> nn.Module:
    """64 numbers through layers of 32, `code`, 32, and back to 64."""
    return nn.Sequential(
        nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, code),
        nn.Linear(code, 32), nn.ReLU(), nn.Linear(32, 64),
    )  # fmt: skip


class Residual(nn.Module):
    """Two 3×3 convolutions with batch normalisation, added to the input: ReLU(x + f(x)).

    Where channels or stride change, the input passes a 1×1 convolution with batch normalisation first.
    """

    def __init__(self, channels: int, out: int, stride: int = 1):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, out, 3, stride, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(),
            nn.Conv2d(out, out, 3, padding=1, bias=False), nn.BatchNorm2d(out),
        )  # fmt: skip
        self.skip: nn.Module = nn.Identity()
        if stride != 1 or out != channels:
            self.skip = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (N, channels, H, W) to (N, out, H / stride, W / stride)."""
        return torch.relu(self.skip(x) + self.body(x))


def resnet(width: int) -> nn.Module:
    """A residual network for 8×8 images: `width` channels, then twice that at half the size, then their means."""
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        Residual(width, width), Residual(width, 2 * width, stride=2), Residual(2 * width, 2 * width),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2 * width, 10),
    )  # fmt: skip


def signal_cnn(width: int, kinds: int) -> nn.Module:
    """A one-dimensional CNN: two convolutions over time with pooling, and the mean over what is left of it."""
    return nn.Sequential(
        nn.Conv1d(1, width, 7, padding=3), nn.ReLU(), nn.MaxPool1d(2),
        nn.Conv1d(width, 2 * width, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(2 * width, kinds),
    )  # fmt: skip


def deep_linear(width: int, depth: int) -> nn.Module:
    """`depth` linear layers of `width`, with nothing between them and no bias: their product is what they compute."""
    return nn.Sequential(*(nn.Linear(width, width, bias=False) for _ in range(depth)))


class Factors(nn.Module):
    """A matrix as a product: entry (i, j) is the inner product of row i of one table and row j of another."""

    def __init__(self, rows: int, columns: int, rank: int):
        super().__init__()
        self.rows, self.columns = nn.Embedding(rows, rank), nn.Embedding(columns, rank)
        for table in (self.rows, self.columns):
            nn.init.normal_(table.weight, std=0.3)

    def forward(self, pairs: torch.Tensor) -> torch.Tensor:
        """Pairs of indices, shape (N, 2), to entries, shape (N,)."""
        return (self.rows(pairs[:, 0]) * self.columns(pairs[:, 1])).sum(-1)


class Differentiated(nn.Module):
    """u(x) = (1 - x²) n(x), n an MLP with tanh, together with -u''(x): both zero-boundary and exact.

    The first two derivatives go forward through the layers beside the values, so that the output is a plain
    expression of the weights, and one backward pass is all that training takes.
    """

    def __init__(self, width: int, depth: int):
        super().__init__()
        sizes = [1, *[width] * depth]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.last = nn.Linear(width, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Points, shape (N, 1), to u and -u'', shape (N, 2)."""
        n, first, second = x, torch.ones_like(x), torch.zeros_like(x)
        for layer in self.hidden:
            z, dz, ddz = layer(n), first @ layer.weight.T, second @ layer.weight.T  # type: ignore[operator]
            n = torch.tanh(z)
            slope = 1 - n * n
            first, second = slope * dz, slope * ddz - 2 * n * slope * dz * dz
        n, first, second = self.last(n), self.last(first), self.last(second)
        return torch.cat([(1 - x * x) * n, 2 * n + 4 * x * first - (1 - x * x) * second], dim=1)
