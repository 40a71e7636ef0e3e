"""From values to pixels: the rectangle of a plot, its ranges, and lines through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPolygonF

from widgets.curves.series import Values


@dataclass(frozen=True)
class Frame:
    """A rectangle in view pixels that shows ``x`` and ``y``; y grows upwards."""

    area: QRectF
    x: tuple[float, float] = (0.0, 1.0)
    y: tuple[float, float] = (0.0, 1.0)

    def column(self, x: float) -> float:
        """Where a position lies, in view pixels."""
        share = (x - self.x[0]) / (self.x[1] - self.x[0])
        return self.area.left() + share * self.area.width()

    def row(self, y: float) -> float:
        """Where a value lies, in view pixels."""
        return self.area.bottom() - (y - self.y[0]) / (self.y[1] - self.y[0]) * self.area.height()

    def position(self, column: float) -> float:
        """The position at a view pixel."""
        share = (column - self.area.left()) / max(self.area.width(), 1.0)
        return self.x[0] + share * (self.x[1] - self.x[0])

    def lines(self, x: Values, y: Values) -> list[QPolygonF]:
        """Polylines through the points (N,), (N,), interrupted where a value is missing.

        A value that stands alone becomes a line of no length, to be drawn as a dot.
        """
        good = np.isfinite(x) & np.isfinite(y)
        if not good.any():
            return []
        with np.errstate(invalid="ignore"):
            columns = self.column(x)  # type: ignore[arg-type]
            rows = self.row(y)  # type: ignore[arg-type]
        edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]])))
        found = []
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            points = zip(columns[start:stop].tolist(), rows[start:stop].tolist(), strict=True)
            line = [QPointF(column, row) for column, row in points]
            found.append(QPolygonF(line if len(line) > 1 else line * 2))
        return found
