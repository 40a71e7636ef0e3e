"""The values of one curve, kept as they grow, and thinned for drawing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


class Series:
    """One named curve. Appending is amortized O(1); x is expected to grow."""

    def __init__(self, key: str, title: str, unit: str = "", decimals: int | None = None) -> None:
        self.key = key
        self.title = title
        self.unit = unit
        self.decimals = decimals
        self._x = np.empty(256)
        self._y = np.empty(256)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def x(self) -> Values:
        """Positions (N,), a view that is valid until the next change."""
        return self._x[: self._count]

    @property
    def y(self) -> Values:
        """Values (N,), NaN where one is missing; a view that is valid until the next change."""
        return self._y[: self._count]

    def append(self, x: float, y: float) -> None:
        """Add one value at the end."""
        if self._count == len(self._x):
            self._x = np.concatenate([self._x, np.empty_like(self._x)])
            self._y = np.concatenate([self._y, np.empty_like(self._y)])
        self._x[self._count] = x
        self._y[self._count] = y
        self._count += 1

    def replace(self, x: object, y: object) -> None:
        """Take over all values at once; ValueError when lengths differ."""
        new_x, new_y = np.array(x, np.float64).ravel(), np.array(y, np.float64).ravel()
        if new_x.shape != new_y.shape:
            raise ValueError(f"curve {self.key}: {len(new_x)} positions for {len(new_y)} values")
        self._count = len(new_x)
        room = max(self._count, 256)
        self._x, self._y = np.empty(room), np.empty(room)
        self._x[: self._count], self._y[: self._count] = new_x, new_y

    def clear(self) -> None:
        """Forget all values."""
        self._count = 0

    def last(self) -> float | None:
        """The newest value that is a number."""
        good = np.flatnonzero(np.isfinite(self.y))
        return float(self._y[good[-1]]) if good.size else None

    def nearest(self, x: float) -> int | None:
        """Index of the value closest to ``x``; None when there are no values."""
        if not self._count:
            return None
        right = min(int(np.searchsorted(self.x, x)), self._count - 1)
        left = max(right - 1, 0)
        return left if x - self._x[left] <= self._x[right] - x else right


def logarithms(y: Values) -> Values:
    """log10 of ``y``, NaN (a gap in the curve) where it is not positive."""
    out = np.full(y.shape, np.nan)
    np.log10(y, out=out, where=y > 0)
    return out


def thinned(x: Values, y: Values, columns: int) -> tuple[Values, Values]:
    """At most about ``4 * columns`` of the points, which look the same on ``columns`` pixels.

    Each stretch of points keeps its first, lowest, highest and last one in order, so no spike is
    lost; missing values stay gaps unless a whole stretch has others.
    """
    if len(x) <= 4 * columns:
        return x, y
    size = len(x) // columns
    whole = size * columns
    block = y[:whole].reshape(columns, size)
    low = np.argmin(np.where(np.isnan(block), np.inf, block), axis=1)
    high = np.argmax(np.where(np.isnan(block), -np.inf, block), axis=1)
    start = np.arange(columns) * size
    picks = np.stack([start, start + low, start + high, start + size - 1], axis=1)
    picks = np.concatenate([np.sort(picks, axis=1).ravel(), np.arange(whole, len(x))])
    picks = np.unique(picks)
    return x[picks], y[picks]
