"""The networks of the learning problems: plain `torch.nn` modules. Imports torch only."""

from __future__ import annotations

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


def digits_cnn() -> nn.Module:
    """A small CNN for 8×8 images: two padded convolutions with pooling, one linear layer; 6,090 weights."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 2 * 2, 10),
    )  # fmt: skip
