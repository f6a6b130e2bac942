"""Frames into text that a page carries: columns of numbers as packed bytes, all else as JSON. Imports pandas and NumPy.

Numbers keep six digits or more, as float64 whose last bits are nought, byte plane by byte plane, so that gzip finds
them alike. What comes out is base64: no name of a user's can end a script element or start one.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

_CUT = 32  # bits of the mantissa's 52 that are dropped: 20 are left, six digits
DRAWN = 40  # dropped of what is only ever drawn: 12 are left, three digits and a half, less than a pixel


def packed(content: bytes) -> str:
    """Bytes, compressed, as base64; the same bytes give the same text at any time."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode("ascii")


def rounded(values: ArrayLike, cut: int = _CUT) -> NDArray[np.float64]:
    """The values to 20 bits of mantissa (52 less `cut`), ties away from nought.

    Whole numbers below 2**20, infinities and NaN stay.

    >>> float(rounded(0.1)), float(rounded(1048575.0)), float(rounded(float("inf")))
    (0.10000002384185791, 1048575.0, inf)
    """
    given = np.array(values, dtype=np.float64)
    bits = given.view(np.uint64)
    near = (bits + np.uint64(1 << (cut - 1))) >> np.uint64(cut) << np.uint64(cut)
    # Rounding the largest up would make infinity of it, and the bits of NaN are nobody's number.
    return np.where(np.isfinite(given) & np.isfinite(near.view(np.float64)), near.view(np.float64), given)


class Numbers:
    """All columns of numbers of a page, one after the other; `add` gives the place that JSON refers to."""

    def __init__(self) -> None:
        self._parts: list[NDArray[np.float64]] = []
        self._size = 0

    def add(self, values: ArrayLike, cut: int = _CUT) -> dict[str, int]:
        """Keep a column; NaN is what is not known."""
        column = rounded(np.asarray(values, dtype=np.float64).ravel(), cut)
        place = {"at": self._size, "n": len(column)}
        self._parts.append(column)
        self._size += len(column)
        return place

    def frame(self, frame: pd.DataFrame, drawn: Sequence[str] = ()) -> dict[str, Any]:
        """A frame as JSON: numbers by their place, texts each once with a code for each row.

        The columns `drawn` are kept as coarsely as a picture can show them.
        """
        held: dict[str, Any] = {}
        for name in frame.columns:
            values = frame[name]
            if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
                column = values.to_numpy(np.float64, na_value=np.nan)
                held[str(name)] = self.add(column, DRAWN if name in drawn else _CUT)
            else:
                codes, texts = pd.factorize(values.astype(object).where(values.notna(), ""))
                held[str(name)] = {"texts": [_plain(text) for text in texts], "codes": self.add(codes)}
        return {"n": len(frame), "columns": held}

    def text(self) -> str:
        """Everything, packed."""
        whole = np.concatenate([np.empty(0), *self._parts]).astype("<f8")
        return packed(whole.view(np.uint8).reshape(-1, 8).T.tobytes())


def packed_json(content: Any) -> str:
    """JSON, packed. What is no finite number has no place in it: it belongs into a column of numbers."""
    return packed(json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float)) and value == value else str(value)
