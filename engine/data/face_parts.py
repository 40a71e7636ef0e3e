"""The parts of a pixel face: where they are and how they are filled.

Lengths are in units of which a picture is ``SPAN`` wide. A head stands at the origin of ``x``
(to the right) and ``y`` (down), which turn with its tilt. Distances are negative inside and
need to be right only within a pixel of an edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.data.drawing import column, pixel_centers, turns

SPAN = 28.0
#: Where the middle of an upright head is; heads turn around the neck, ``NECK`` below it.
CENTER = (14.0, 14.9)
NECK = 8.0
TILTS = [math.radians(a) for a in range(-15, 16, 5)]
INK = torch.tensor([0.10, 0.08, 0.11])
_COS, _SIN = turns(TILTS)
#: Edges fade over this part of a pixel: less than a whole one, for the look of pixel art.
_SOFT = 0.6
_MOUTH = torch.tensor([0.66, 0.15, 0.18])
_WHITE = torch.tensor([0.97, 0.97, 0.94])
#: Half the height of a head and the radius of its corners.
_TALL, _ROUND = 8.9, 6.0


def ellipse(x: Tensor, y: Tensor, wide: Tensor | float, tall: Tensor | float) -> Tensor:
    """To first order, around the origin, with the given half axes."""
    a, b = x / wide, y / tall
    level = (a * a + b * b).sqrt()
    a, b = a / wide, b / tall
    return level * (level - 1) / (a * a + b * b).sqrt().clamp_(min=1e-4)


def box(x: Tensor, y: Tensor, wide: Tensor | float, tall: float, rounded: float) -> Tensor:
    """A rectangle with the given half sides and rounded corners, around the origin."""
    out_x, out_y = x.abs() - (wide - rounded), y.abs() - (tall - rounded)
    inside = torch.maximum(out_x, out_y).clamp_(max=0)
    out_x, out_y = out_x.clamp_(min=0), out_y.clamp_(min=0)
    return (out_x * out_x + out_y * out_y).sqrt() + inside - rounded


def line(
    x: Tensor, y: Tensor, start: tuple[Tensor | float, Tensor | float],
    end: tuple[Tensor | float, Tensor | float], half: float,
) -> Tensor:  # fmt: skip
    """A straight stroke with round ends, ``half`` its width to each side."""
    right, below = x - start[0], y - start[1]
    dx, dy = end[0] - start[0], end[1] - start[1]
    part = ((right * dx + below * dy) / (dx * dx + dy * dy)).clamp_(0, 1)
    right, below = right - part * dx, below - part * dy
    return (right * right + below * below).sqrt() - half


@dataclass
class Head:
    """Pictures on which heads are painted, part by part; painting changes them.

    Attributes:
        canvas: the pictures, or the same window of each, ``(n, 3, height, width)``.
        x, y: where each pixel is on its head, ``(n, height, width)``.
        half: half the width of each head, ``(n, 1, 1)``.
        light: where the light comes from, across and down, ``(n, 1, 1)`` each.
        size: side of a whole picture in pixels.
    """

    canvas: Tensor
    x: Tensor
    y: Tensor
    half: Tensor
    light: tuple[Tensor, Tensor]
    size: int

    @classmethod
    def on(cls, canvas: Tensor, tilt: Tensor, half: Tensor, light: tuple[Tensor, Tensor]) -> Head:
        """Heads on whole pictures, turned by ``TILTS[tilt]``."""
        size = canvas.shape[-1]
        across, down = pixel_centers(size)
        right, below = across * SPAN - CENTER[0], down * SPAN - (CENTER[1] + NECK)
        cos, sin = column(_COS[tilt]), column(_SIN[tilt])
        x, y = right * cos + below * sin, below * cos - right * sin + NECK
        return cls(canvas, x, y, half, light, size)

    def of(self, rows: Tensor) -> Head:
        """Some of the heads, as a copy."""
        light = (self.light[0][rows], self.light[1][rows])
        parts = (self.canvas[rows], self.x[rows], self.y[rows], self.half[rows])
        return Head(*parts, light, self.size)

    def near(self, wide: float, top: float, bottom: float) -> Head:
        """The window that holds everything up to ``wide`` from the middle of every head.

        Args:
            wide: to the left and right, at any tilt.
            top: from here down,
            bottom: to here, where the head is upright.
        """
        pixel = SPAN / self.size
        xs, ys = [], []
        for tilt in (-TILTS[-1], 0.0, TILTS[-1]):
            for u, v in ((a, b - NECK) for a in (-wide, wide) for b in (top, bottom)):
                xs.append(CENTER[0] + u * math.cos(tilt) - v * math.sin(tilt))
                ys.append(CENTER[1] + NECK + u * math.sin(tilt) + v * math.cos(tilt))
        left, right = (max(0, math.floor(min(xs) / pixel) - 1), math.ceil(max(xs) / pixel) + 1)
        above, below = (max(0, math.floor(min(ys) / pixel) - 1), math.ceil(max(ys) / pixel) + 1)
        window = (..., slice(above, below), slice(left, right))
        parts = (self.canvas[window], self.x[window], self.y[window])
        return Head(*parts, self.half, self.light, self.size)

    def fill(self, distance: Tensor, color: Tensor, opacity: float = 1.0) -> None:
        """Cover the inside of a shape with a color, ``(3,)`` or ``(n, 3)``."""
        inside = (distance * (-self.size / SPAN / _SOFT)).add_(0.5).clamp_(0, 1)
        change = color.reshape(-1, 3, 1, 1) - self.canvas
        self.canvas += change.mul_(inside.mul_(opacity)[:, None])

    def outline(self) -> Tensor:
        """Distance to the edge of the bare head, without ears."""
        return box(self.x, self.y, self.half, _TALL, _ROUND)

    def unlit(self) -> Tensor:
        """Distance to the edge of what lies in shade; the light wraps around the head."""
        across, down = self.light
        return -ellipse(self.x - across, self.y - down, self.half + 0.8, _TALL + 1.0)


def paint_bare_head(head: Head, skin: Tensor) -> None:
    """Ears, head and the shade on it."""
    head = head.near(12.5, -10.5, 10.5)
    edge = head.outline()
    ears = ellipse(head.x.abs() - head.half, head.y - 0.6, 1.7, 2.2)
    head.fill(torch.minimum(edge, ears) - 0.9, skin * 0.3)
    head.fill(ears, skin * 0.84)
    head.fill(edge, skin)
    head.fill(torch.maximum(edge, head.unlit()), skin * 0.74)


def paint_features(head: Head, skin: Tensor, mouth: Tensor) -> None:
    """Nose and mouth; ``mouth``, ``(n,)``, is how far its corners rise."""
    head = head.near(4.0, -0.5, 7.5)
    x, y = head.x, head.y
    nose = torch.minimum(
        line(x, y, (0.0, 0.2), (0.0, 2.2), 0.45), line(x, y, (-0.7, 2.4), (0.7, 2.4), 0.5)
    )
    head.fill(nose, skin * 0.62)
    rise = column(mouth)
    bent = rise * (x * x / 9 - 0.5)
    slope = rise * (2 / 9) * x
    lips = (y - 5.3 + bent).abs() / (1 + slope * slope).sqrt() - 0.55
    head.fill(torch.maximum(lips, x.abs() - 3.1), _MOUTH)


def paint_eyes(head: Head, gap: Tensor, size: Tensor, iris: Tensor) -> None:
    """Both eyes, ``gap`` from the middle and ``size`` wide to each side, ``(n,)``."""
    head = head.near(7.5, -4.2, 1.8)
    x, y = head.x.abs() - column(gap), head.y + 1.2
    wide = column(size)
    head.fill(ellipse(x, y, wide + 0.55, wide + 0.3), INK)
    head.fill(ellipse(x, y, wide, wide - 0.2), _WHITE)
    head.fill(ellipse(x, y, wide * 0.68, wide * 0.75), iris)
    head.fill(ellipse(x, y, wide * 0.3, wide * 0.36), INK)


def paint_brows(head: Head, gap: Tensor, lift: Tensor, color: Tensor) -> None:
    """Both brows; ``lift``, ``(n,)``, raises their inner ends and lowers the outer ones."""
    head = head.near(7.5, -7.0, -1.8)
    middle, up = column(gap), column(lift)
    inner, outer = (middle - 1.7, -4.4 - up), (middle + 2.0, -4.4 + 0.6 * up)
    head.fill(line(head.x.abs(), head.y, inner, outer, 0.62), color)


def paint_beard(head: Head, kind: int, color: Tensor) -> None:
    """``kind`` 1 is a mustache, 2 a goatee with one, 3 a full beard."""
    head = head.near(9.5, -1.0, 10.0)
    x, y = head.x, head.y
    if kind == 3:
        side = x / head.half
        cheek = 4.4 - 4.6 * (side * side) * (side * side) - y
        mouth = -ellipse(x, y - 5.3, 3.5, 1.3)
        head.fill(torch.maximum(torch.maximum(head.outline(), cheek), mouth), color)
    if kind == 2:
        head.fill(ellipse(x, y - 7.6, 2.1, 1.6), color)
    head.fill(ellipse(x.abs() - 1.5, y - 3.8 - 0.25 * x.abs(), 1.9, 0.75), color)


def paint_glasses(head: Head, kind: int, gap: Tensor) -> None:
    """``kind`` 1 is round, 2 square, 3 tinted."""
    head = head.near(11.0, -5.0, 3.0)
    across, y, middle = head.x.abs(), head.y + 1.1, column(gap)
    x = across - middle
    lens = box(x, y, 2.7, 2.1, 0.5) if kind == 2 else ellipse(x, y, 2.6, 2.5)
    if kind == 3:
        head.fill(lens, INK, 0.6)
    thin = y.abs() - 0.4
    bridge = torch.maximum(x + 2.4, thin)
    temple = torch.maximum(torch.maximum(2.4 - x, across - head.half - 0.6), thin)
    head.fill(torch.minimum(torch.minimum(bridge, temple), lens.abs() - 0.45), INK)
