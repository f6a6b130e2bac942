"""Data from a folder on disk: the IDX files in which MNIST and its relatives come. Imports errors, NumPy and torch."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import TensorDataset

from .errors import InputError

# The third byte of a file says what its numbers are; they are big-endian.
_KINDS = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | os.PathLike[str]) -> torch.Tensor:
    """The tensor of an IDX file, compressed by gzip or not: two zero bytes, kind, dimensions, sizes, then the numbers.

    Raises InputError for a file that is missing, is no IDX file, or ends too soon or too late.

    The format: LeCun, Cortes, Burges, The MNIST database of handwritten digits.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
        data = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise InputError(f"cannot read {str(path)!r}: its compression is broken: {error}") from error
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _KINDS:
        raise InputError(f"{str(path)!r} is no IDX file: it must begin with 00 00 and a kind, got {data[:4].hex(' ')}")
    kind, first = np.dtype(_KINDS[data[2]]), 4 + 4 * data[3]
    if len(data) < first:
        raise InputError(f"{str(path)!r} is cut off: it has {data[3]} dimensions, but ends before their sizes")
    shape = tuple(np.frombuffer(data, ">u4", data[3], 4).tolist())
    wanted = math.prod(shape) * kind.itemsize
    if len(data) - first != wanted:
        raise InputError(
            f"{str(path)!r} is {'cut off' if len(data) - first < wanted else 'too long'}: shape {shape} takes {wanted} "
            f"bytes, got {len(data) - first}"
        )
    numbers = np.frombuffer(data, kind, math.prod(shape), first).reshape(shape)
    return torch.from_numpy(numbers.astype(kind.newbyteorder("=")))


class IdxFolder(TensorDataset):
    """Images and labels of a folder as torchvision lays out MNIST, FashionMNIST, KMNIST or QMNIST.

    The folder itself, its `raw` or `NAME/raw` holds `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, or with
    `train=False` the two that begin with `t10k`; each may end in `.gz`. Images are float32 from 0 to 1, shape
    (N, 1, H, W), labels int64, shape (N,).

    Raises InputError for files that are missing or broken, or that do not belong together.
    """

    def __init__(self, folder: str | os.PathLike[str], train: bool = True):
        if not isinstance(folder, (str, os.PathLike)):
            raise InputError(f"a folder of IDX files is a path, got {folder!r}")
        part = "train" if train else "t10k"
        images_file, labels_file = _pair(Path(folder), f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte")
        images, labels = read_idx(images_file), read_idx(labels_file)
        for tensor, dimensions, path in ((images, 3, images_file), (labels, 1, labels_file)):
            if tensor.dim() != dimensions or tensor.dtype != torch.uint8:
                raise InputError(
                    f"{str(path)!r} must have {dimensions} dimensions of bytes, got {tensor.dim()} of {tensor.dtype}"
                )
        if len(images) != len(labels):
            raise InputError(f"{str(folder)!r} has {len(images)} images in {part}, but {len(labels)} labels")
        super().__init__(images.unsqueeze(1).float() / 255, labels.long())


def _pair(folder: Path, *names: str) -> list[Path]:
    """The files of these names, all in one place."""
    if not folder.is_dir():
        raise InputError(f"there is no folder {str(folder)!r}")
    places = []
    for place in (folder, folder / "raw", *sorted(folder.glob("*/raw"))):
        found = [[path for path in (place / name, place / f"{name}.gz") if path.exists()] for name in names]
        if all(found):
            places.append([paths[0] for paths in found])
    if not places:
        raise InputError(
            f"{str(folder)!r} has no {' and '.join(names)} (.gz or not), nor has raw or a folder's raw within it"
        )
    if len(places) > 1:
        several = ", ".join(repr(str(paths[0].parent)) for paths in places)
        raise InputError(f"{str(folder)!r} holds several data sets: name one of {several}")
    return places[0]
