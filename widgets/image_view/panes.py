"""How the stage is divided among the pictures that are seen side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass

from widgets.image_view.viewport import fit_scale

GAP = 2
"""View pixels between two panes."""
STACKING = 0.7
"""Pictures are stacked in one column only where they become larger by more than 1/0.7."""


@dataclass(frozen=True)
class Pane:
    """One rectangle of the stage in whole view pixels, and the key of the picture it shows."""

    key: str
    left: int
    top: int
    width: int
    height: int

    def contains(self, x: float, y: float) -> bool:
        """Whether a point of the stage lies in this pane."""
        return self.left <= x < self.left + self.width and self.top <= y < self.top + self.height

    def border(self, share: float) -> int:
        """The view x that has ``share`` of the pane at its left."""
        return round(self.left + share * self.width)


def arrange(keys: list[str], picture: tuple[float, float], width: int, height: int) -> list[Pane]:
    """Equal panes, in reading order, in the grid that shows the pictures largest.

    ``picture`` is the width and height they share. Equal sizes are what lets all panes share one
    viewport: the same zoom and the same middle.
    """
    if not keys:
        return []
    count = len(keys)

    def cell(columns: int) -> tuple[int, int]:
        rows = math.ceil(count / columns)
        return (
            max((width - GAP * (columns - 1)) // columns, 1),
            max((height - GAP * (rows - 1)) // rows, 1),
        )

    def merit(columns: int) -> float:
        # Pictures compare better next to each other than stacked: stacking must gain a lot.
        return fit_scale(picture, cell(columns)) * (STACKING if columns == 1 < count else 1.0)

    def empty(columns: int) -> int:
        return -count % columns

    # Of grids that show the pictures equally large, the one without holes, then the widest.
    columns = max(range(1, count + 1), key=lambda n: (merit(n), -empty(n), n))
    wide, high = cell(columns)
    return [
        Pane(key, (i % columns) * (wide + GAP), (i // columns) * (high + GAP), wide, high)
        for i, key in enumerate(keys)
    ]
