"""Six hair styles of the pixel faces: what lies behind the head and what lies on it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.data.face_parts import Head, box, ellipse

STYLES = ("short", "swept", "long", "curly", "mohawk", "bun")
#: Centers of the curls, across and down, in the units of ``face_parts``.
_CURLS = (
    (0.0, -9.6), (-4.2, -8.6), (4.2, -8.6), (-7.3, -5.4), (7.3, -5.4), (-8.4, -1.2), (8.4, -1.2),
    (-7.8, 2.6), (7.8, 2.6),
)  # fmt: skip


def paint_behind(head: Head, style: int, color: Tensor) -> None:
    """What of the hair is behind the head."""
    dark = color * 0.7
    if style == 2:
        head.fill(box(head.x, head.y - 1.2, head.half + 2.3, 11.6, 6.0), dark)
    elif style == 3:
        head.fill(_curls(head, len(_CURLS), 1.0, 3.2), dark)
    elif style == 5:
        top = head.near(4.0, -14.5, -8.0)
        top.fill(ellipse(top.x, top.y + 11.2, 3.3, 2.6), dark)
        top.fill(ellipse(top.x + 0.4, top.y + 11.6, 2.2, 1.7), color)


def paint_on(head: Head, style: int, color: Tensor) -> None:
    """What of the hair covers the head, and the shade on it."""
    head = head.near(12.5, -14.5, 6.5)
    x, y = head.x, head.y
    cap = head.outline() - 0.9
    if style == 0:
        hair = torch.maximum(cap, y + 6.2 - 0.07 * x * x)
    elif style == 1:
        hairline = y + 5.2 - 0.42 * x - 0.03 * x * x
        hair = torch.maximum(cap - 0.8, torch.maximum(hairline, y + 1.0))
    elif style == 2:
        # A parting in the middle: the hairline is lowest at the sides.
        hair = torch.maximum(cap - 0.4, y + 8.4 - 1.15 * x.abs())
        hair = torch.maximum(hair, y - 6.0)
    elif style == 3:
        hair = torch.maximum(cap - 0.6, y + 5.8 - 0.03 * x * x)
        hair = torch.minimum(hair, _curls(head, 5, 0.9, 2.5))
    elif style == 4:
        hair = torch.maximum(box(x, y + 9.6, 2.3, 4.4, 1.6), y + 5.9)
    else:
        hair = torch.maximum(cap, y + 6.6 - 0.085 * x * x)
    head.fill(hair, color)
    head.fill(torch.maximum(hair, head.unlit()), color * 0.72)


def _curls(head: Head, count: int, apart: float, radius: float) -> Tensor:
    """Distance to the first ``count`` curls, round ones."""
    nearest = torch.full_like(head.x, math.inf)
    for across, down in _CURLS[:count]:
        x, y = head.x - across * apart, head.y - down
        nearest = torch.minimum(nearest, x * x + y * y)
    return nearest.sqrt() - radius
