"""Draws strips: one row of pictures for each direction, and what the direction changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.traversal.canvas import Canvas, Color, fitting, frame, words

GROUND: Color = (21, 26, 33)
TEXT: Color = (163, 175, 191)
ACCENT: Color = (92, 207, 190)
#: Room for a row's title, for its numbers' sake in pixels; gaps between pictures and rows.
LABEL, GAP = 184, 2
#: Shown side of a picture: small ones are enlarged by whole numbers up to it. Where there are more
#: than MANY rows, up to half of it.
TILE, MANY = 64, 8
#: Size of a title, and room beside it; smaller where a row is low. A sheet
#: is shown at two thirds of its size in a small window, and is to be read there.
LETTERS, MARGIN = 18, 8
#: Width of the color of a row, and its distance from the rows beside it.
TAG = 4
#: Where the map of changes stands apart.
APART = 12
#: Colors of a change, from none to the largest of a sheet.
HEAT = np.array([[13, 17, 28], [84, 32, 109], [187, 55, 84], [249, 142, 8], [252, 255, 200]], float)


@dataclass(frozen=True)
class Layout:
    """Where things are on a sheet of strips.

    Attributes:
        rows, columns: of pictures.
        side: shown side of a picture.
        changes: whether a map of changes ends each row.
    """

    rows: int
    columns: int
    side: int
    changes: bool

    @property
    def width(self) -> int:
        """Of the sheet, in pixels."""
        tail = APART + self.side if self.changes else 0
        return LABEL + self.columns * (self.side + GAP) + tail

    @property
    def height(self) -> int:
        """Of the sheet, in pixels."""
        return self.rows * (self.side + GAP)

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Left and top of a picture."""
        return LABEL + column * (self.side + GAP), row * (self.side + GAP)

    def found(self, x: float, y: float) -> tuple[int, int] | None:
        """Row and column of the picture under a pixel; None beside them."""
        row, column = int(y // (self.side + GAP)), int((x - LABEL) // (self.side + GAP))
        inside = x >= LABEL and y >= 0 and row < self.rows and column < self.columns
        return (row, column) if inside else None

    def along(self, x: float) -> float:
        """How far along a row a pixel is: -1 in the middle of its first picture, 1 of its last."""
        share = (x - LABEL - self.side / 2) / ((self.columns - 1) * (self.side + GAP))
        return max(-1.0, min(1.0, 2 * share - 1))

    def held_to(self, x: float) -> int:
        """The column that is nearest to a pixel, also beyond the ends of a row."""
        return round((self.along(x) + 1) / 2 * (self.columns - 1))


def layout(rows: int, columns: int, size: int, *, changes: bool = True) -> Layout:
    """The layout of pictures that have ``size`` pixels a side."""
    side = TILE if rows <= MANY else TILE // 2
    return Layout(rows, columns, size * max(1, side // size), changes)


def sheet(
    pictures: Tensor, titles: list[str], empty: Tensor | None = None, *, changes: bool = True
) -> Canvas:
    """Rows of pictures (rows, columns, C, H, W) with their titles, and with the map of changes.

    A map of changes is the mean distance of a row's pictures from the one in its middle, in
    shares of the largest on the sheet. Places that are ``empty`` (rows, columns) stay so, and a
    row with one has no such map.
    """
    rows, columns = pictures.shape[:2]
    place = layout(rows, columns, pictures.shape[-1], changes=changes)
    if empty is None:
        empty = torch.zeros(rows, columns, dtype=torch.bool)
    canvas = np.empty((place.height, place.width, 3), np.uint8)
    canvas[:] = GROUND
    shown = as_bytes(pictures.flatten(0, 1))
    factor = place.side // pictures.shape[-1]
    shown = shown.repeat(factor, 1).repeat(factor, 2)
    heats = _heats(pictures, ~empty.any(1)) if changes else None
    for row in range(rows):
        for column in range(columns):
            if not empty[row, column]:
                left, top = place.corner(row, column)
                picture = shown[row * columns + column]
                canvas[top : top + place.side, left : left + place.side] = picture
        if heats is not None and not empty[row].any():
            left, top = place.corner(row, columns)
            left += APART - GAP
            heat = heats[row].repeat(factor, 0).repeat(factor, 1)
            canvas[top : top + place.side, left : left + place.side] = heat
        title = titles[row] if row < len(titles) else ""
        middle = row * (place.side + GAP) + place.side / 2
        lines = title.split("\n")
        most = min(LETTERS, place.side // max(2, len(lines)) - 4)
        for number, text in enumerate(lines):
            size = fitting(text, LABEL - 2 * MARGIN, most)
            offset = (number - (len(lines) - 1) / 2) * (most + 5)
            words(canvas, text, MARGIN, middle + offset, size=size, color=TEXT, anchor="lm")
    return canvas


def mark(canvas: Canvas, place: Layout, row: int, column: int, color: Color = ACCENT) -> None:
    """A frame around a picture of a sheet."""
    if 0 <= row < place.rows and 0 <= column < place.columns:
        left, top = place.corner(row, column)
        for inset in (0, 1):
            right, bottom = left + place.side - 1 - inset, top + place.side - 1 - inset
            frame(canvas, left + inset, top + inset, right, bottom, color)


def tag(canvas: Canvas, place: Layout, row: int, color: Color) -> None:
    """The color in which a row is drawn elsewhere, at its left edge."""
    _, top = place.corner(row, 0)
    canvas[top + TAG : top + place.side - TAG, :TAG] = color


def as_bytes(pictures: Tensor) -> Canvas:
    """Pictures (n, C, H, W) in [0, 1] as (n, H, W, 3) uint8."""
    colored = pictures[:, :3].expand(-1, 3, -1, -1).clamp(0, 1)
    return (colored * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def _heats(pictures: Tensor, whole: Tensor) -> Canvas:
    """The map of changes of each row, (rows, H, W, 3); only those of ``whole`` rows count."""
    middle = pictures[:, pictures.shape[1] // 2 : pictures.shape[1] // 2 + 1]
    apart = (pictures - middle).abs().mean((1, 2)) * whole[:, None, None].to(pictures)
    changed = apart.cpu().numpy()
    share = changed / max(float(changed.max()), 1e-6) * (len(HEAT) - 1)
    below = np.minimum(share.astype(int), len(HEAT) - 2)
    part = (share - below)[..., None]
    heat: Canvas = (HEAT[below] * (1 - part) + HEAT[below + 1] * part).astype(np.uint8)
    return heat
