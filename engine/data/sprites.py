"""Sprites: one white or colored shape on black, after dSprites (Matthey et al. 2017).

The factors and their order are those of dSprites. There, 40 orientations are spread over a
turn with both ends counted, so that the first and the last are the same; here they differ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.data.drawing import (
    check_size,
    column,
    coverage,
    hues,
    in_chunks,
    pixel_centers,
    spread,
    turns,
)
from engine.data.factors import Factor, check

SHAPES = ("square", "ellipse", "heart")
#: A turn by one part in so many leaves the shape as it is, so those angles look the same.
SYMMETRY = (4, 2, 1)
ANGLES = 40
HUES = 10
#: Centers lie this far from the edges, in widths of the picture: no shape is ever cut.
_MARGIN = 0.225
_RADII = spread(0.105, 0.21, 6)
_PLACES = spread(_MARGIN, 1 - _MARGIN, 32)
_COS, _SIN = turns([2 * math.pi * k / ANGLES for k in range(ANGLES)])
_FACTORS = (
    Factor("shape", "Shape", len(SHAPES), "category"),
    Factor("scale", "Size", len(_RADII), "ordered"),
    Factor("angle", "Angle", ANGLES, "circular"),
    Factor("x", "Position, across", len(_PLACES), "ordered"),
    Factor("y", "Position, down", len(_PLACES), "ordered"),
)
_HUE = Factor("hue", "Hue", HUES, "circular")


def _square(u: Tensor, v: Tensor) -> Tensor:
    return torch.maximum(u.abs(), v.abs()) - 0.68


def _ellipse(u: Tensor, v: Tensor) -> Tensor:
    """First-order distance: exact on the edge, where alone it matters."""
    a, b = u / 0.95, v / 0.55
    level = (a * a + b * b).sqrt()
    a, b = a / 0.95, b / 0.55
    slope = (a * a + b * b).sqrt().clamp_(min=1e-6)
    return level * (level - 1) / slope


def _heart(u: Tensor, v: Tensor) -> Tensor:
    """A square on its tip with a half disc on each upper side; its centroid is the origin."""
    side, tip = 0.95, 0.882
    across, up = u.abs(), tip - v
    radius, middle = side / 2, side / math.sqrt(8)
    dx, dy = across - middle, up - 3 * middle
    lobe = (dx * dx + dy * dy).sqrt() - radius
    # Below the line through the lobes' centers the nearest edge is the slope to the tip.
    slope = (across - up) * math.sqrt(0.5)
    return torch.where(across + up > 4 * middle, lobe, slope)


_DISTANCES = (_square, _ellipse, _heart)


@dataclass(frozen=True)
class Sprites:
    """The set.

    Attributes:
        size: side in pixels, 16 to 256.
        colored: three channels and a tenfold hue as the last factor.
        binary: pixels are 0 or 1, as in dSprites; steps that move no pixel's center over the
            edge then give equal pictures.
    """

    size: int = 32
    colored: bool = False
    binary: bool = False
    name = "sprites"
    title = "Sprites"

    def __post_init__(self) -> None:
        check_size(self.size)

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Shape, size, angle and position, and the hue if colored."""
        return (*_FACTORS, _HUE) if self.colored else _FACTORS

    @property
    def channels(self) -> int:
        """3 if colored, else 1."""
        return 3 if self.colored else 1

    def render(self, codes: Tensor) -> Tensor:
        """Float32 ``(n, channels, size, size)`` of int64 ``(n, factors)``; see ``FactorSet``."""
        check(self, codes)
        return in_chunks(self._draw, codes, self.channels, self.size)

    def _draw(self, codes: Tensor) -> Tensor:
        across, down = pixel_centers(self.size)
        inside = torch.empty(len(codes), self.size, self.size)
        for shape, distance in enumerate(_DISTANCES):
            rows = (codes[:, 0] == shape).nonzero().squeeze(1)
            if len(rows) == 0:
                continue
            _, scale, angle, x, y = codes[rows, :5].unbind(1)
            radius = column(_RADII[scale])
            right, below = (
                (across - column(_PLACES[x])) / radius,
                (down - column(_PLACES[y])) / radius,
            )
            cos, sin = column(_COS[angle]), column(_SIN[angle])
            u, v = right * cos + below * sin, below * cos - right * sin
            inside[rows] = coverage(distance(u, v).mul_(radius), self.size)
        if self.binary:
            inside = (inside >= 0.5).float()
        ink = inside[:, None]
        return ink * hues(HUES)[codes[:, 5], :, None, None] if self.colored else ink
