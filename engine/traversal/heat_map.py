"""A matrix of shares as a picture: rows and columns named, every entry a color and a number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from engine.traversal.canvas import WHITE, Canvas, Color, words

GROUND: Color = (21, 26, 33)
TEXT: Color = (163, 175, 191)
FAINT: Color = (84, 96, 112)
LOW, HIGH = np.array([27.0, 33.0, 42.0]), np.array([92.0, 207.0, 190.0])
#: Side of an entry, and the gap between two, in pixels.
ENTRY, GAP = 30, 1
#: Size of all letters: a map is shown at two thirds of its size in a small window, and is to be
#: read there. Width of one, about; what a title needs. Height of a line of titles.
LETTERS, _LETTER, LINE = 15, 8, 24


def heat_map(
    shares: Tensor,
    rows: Sequence[str],
    columns: Sequence[str],
    dead: Sequence[bool] = (),
    *,
    down: str = "",
    across: str = "",
) -> Tensor:
    """``shares`` (r, c) in [0, 1] as a picture (3, H, W) in [0, 1], entries in percent.

    Args:
        rows, columns: titles; the columns' are to be short.
        dead: which columns are drawn faint.
        down, across: what the rows are, and the columns; they stand beside and above the titles.
    """
    count, wide = shares.shape
    left = 12 + max(_LETTER * len(title) for title in (*rows, f"{down} "))
    above = LINE if across else 0
    top = above + LINE
    height, width = top + count * (ENTRY + GAP), left + wide * (ENTRY + GAP)
    canvas: Canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = GROUND
    values = shares.detach().cpu().float().clamp(0, 1).numpy()
    for row in range(count):
        y = top + row * (ENTRY + GAP)
        middle = y + ENTRY / 2
        words(canvas, rows[row], left - 8, middle, size=LETTERS, color=TEXT, anchor="rm")
        for column in range(wide):
            x = left + column * (ENTRY + GAP)
            gone = bool(dead) and dead[column]
            share = 0.0 if gone else float(values[row, column])
            canvas[y : y + ENTRY, x : x + ENTRY] = LOW * (1 - share) + HIGH * share
            color = FAINT if gone or share < 0.03 else WHITE
            text = f"{100 * values[row, column]:.0f}"
            words(canvas, text, x + ENTRY / 2, middle, size=LETTERS, color=color, anchor="mm")
    middle = above + LINE / 2
    words(canvas, down, left - 8, middle, size=LETTERS, color=WHITE, anchor="rm")
    words(canvas, across, (left + width) / 2, LINE / 2, size=LETTERS, color=WHITE, anchor="mm")
    for column in range(wide):
        center = left + column * (ENTRY + GAP) + ENTRY / 2
        gone = bool(dead) and dead[column]
        color = FAINT if gone else TEXT
        words(canvas, columns[column], center, middle, size=LETTERS, color=color, anchor="mm")
    return torch.from_numpy(canvas).permute(2, 0, 1).float() / 255
