"""What the metrics are computed from: factors and codes of the same pictures, as arrays."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.method import BadInput

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: Values of a discrete code; codebooks have about ten for each code.
MOST_LABELS = 512


def arrays(factors: Tensor, codes: Tensor) -> tuple[Ints, Floats]:
    """Factors (n, f) and codes (n, d) as arrays, once they are fit to be measured.

    Raises:
        BadInput: factors are no integers, a factor has one value only, shapes do not fit, or a
            code is not finite.
    """
    if factors.dtype != torch.int64:
        raise BadInput(f"factors are {factors.dtype}; they must be torch.int64", "factors")
    if factors.ndim != 2 or not factors.numel():
        raise BadInput(f"factors have shape {tuple(factors.shape)}; (n, f) is needed", "factors")
    if codes.ndim != 2 or not codes.numel() or len(codes) != len(factors):
        raise BadInput(
            f"codes have shape {tuple(codes.shape)}; ({len(factors)}, d) is needed", "codes"
        )
    if not codes.isfinite().all():
        raise BadInput("codes: there is one that is not finite", "codes")
    f = factors.cpu().numpy()
    still = np.flatnonzero((f == f[0]).all(0))
    if still.size:
        column = int(still[0])
        raise BadInput(
            f"factors: number {column} is always {f[0, column]}; leave out what does not vary",
            "factors",
        )
    return f, codes.detach().cpu().double().numpy()


def numbered(values: Ints | Floats) -> Ints:
    """Which of the distinct values, 0 and up, each of ``values`` (n,) is."""
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def labeled(codes: Floats) -> list[Ints]:
    """Each of discrete codes (n, d), numbered.

    Raises:
        BadInput: one has so many values that it must be a quantity.
    """
    columns = [numbered(code) for code in codes.T]
    for column, labels in enumerate(columns):
        if labels.max() >= MOST_LABELS:
            raise BadInput(
                f"codes: number {column} has {labels.max() + 1} values; a discrete code has "
                f"{MOST_LABELS} at most",
                "codes",
            )
    return columns


def split(count: int, most: tuple[int, int]) -> tuple[slice, slice]:
    """The rows to learn from and those to be judged on: two thirds and the rest, or ``most``.

    Rows are taken as they come; who draws them draws them at random.
    """
    if count < 3:
        raise BadInput(f"samples are {count}; a metric that learns needs 3 or more", "samples")
    learned = min(most[0], 2 * count // 3)
    return slice(learned), slice(learned, min(count, learned + most[1]))
