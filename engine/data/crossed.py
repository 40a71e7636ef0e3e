"""Pictures kept in a table, one for every combination of their factors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.method import BadInput


class Crossed:
    """Finds the row of a code in a table that holds every combination once, in any order.

    Args:
        classes: whole numbers ``(rows, factors)``, each factor's from 0.
        name: of the file, for the error.

    Attributes:
        values: how many values each factor has.

    Raises:
        BadInput: (field ``data``) a combination is missing or there twice.
    """

    def __init__(self, classes: NDArray[Any], name: str) -> None:
        if classes.ndim != 2 or classes.dtype.kind not in "iu" or classes.size == 0:
            raise BadInput(f"data: the factors of {name} are not a table of whole numbers", "data")
        self.values = tuple(int(v) + 1 for v in classes.max(axis=0))
        count = math.prod(self.values)
        if len(classes) != count or classes.min() < 0:
            raise BadInput(
                f"data: {name} has {len(classes)} pictures; its factors combine to {count}", "data"
            )
        strides = [math.prod(self.values[k + 1 :]) for k in range(len(self.values))]
        at = classes.astype(np.int64) @ np.array(strides)
        rows = np.full(count, -1)
        rows[at] = np.arange(count)
        if rows.min() < 0:
            raise BadInput(f"data: {name} has a combination of factors twice", "data")
        self._strides = torch.tensor(strides)
        self._rows = torch.from_numpy(rows)

    def rows(self, codes: Tensor) -> Tensor:
        """The row of each code, int64 ``(n, factors)``, among all factors: int64 ``(n,)``."""
        return self._rows[(codes * self._strides).sum(1)]


def check_reduction(full: int, size: int) -> None:
    """``BadInput`` (field ``size``) unless ``full`` is a small multiple of ``size``."""
    allowed = [full // k for k in (1, 2, 4) if full % k == 0]
    if size not in allowed:
        listed = ", ".join(map(str, allowed))
        raise BadInput(f"size is {size}; pictures of {full} pixels come at {listed}", "size")


def reduced(pictures: Tensor, size: int) -> Tensor:
    """``(n, channels, side, side)`` as means over squares of pixels, at ``size`` a side.

    Halved step by step with plain sums, so that a picture has the same bits in any batch.
    """
    while pictures.shape[-1] > size:
        rows = pictures[:, :, ::2] + pictures[:, :, 1::2]
        pictures = (rows[..., ::2] + rows[..., 1::2]) / 4
    return pictures
