"""Stroke digits: the digits 0 to 9 written with a round pen, in several hands."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.data.digit_shapes import piece_counts, pieces
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
from engine.data.held import Held

HANDS = 32
HUES = 10
_SLANTS = spread(-0.3, 0.3, 5)
#: Half the width of the stroke, and the height of a digit, in heights of the picture.
_RADII = spread(0.026, 0.07, 5)
_HEIGHTS = spread(0.4, 0.68, 9)
_COS, _SIN = turns([math.radians(a) for a in range(-40, 41, 10)])
_PIECES = piece_counts()
_FACTORS = (
    Factor("class", "Digit", 10, "category"),
    Factor("slant", "Slant", len(_SLANTS), "ordered"),
    Factor("thickness", "Thickness of the stroke", len(_RADII), "ordered"),
    Factor("jitter", "Hand", HANDS, "category"),
    Factor("rotation", "Rotation", len(_COS), "ordered"),
    Factor("scale", "Size", len(_HEIGHTS), "ordered"),
)
_HUE = Factor("hue", "Hue", HUES, "circular")


@dataclass(frozen=True)
class StrokeDigits:
    """The set: white or colored ink on black.

    Hand 0 writes the plain form; the others move the points that the strokes run through.

    Attributes:
        size: side in pixels, 16 to 256.
        colored: three channels and a tenfold hue as the last factor.
    """

    size: int = 32
    colored: bool = False
    name = "stroke-digits"
    title = "Stroke digits"

    def __post_init__(self) -> None:
        check_size(self.size)

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Digit, slant, thickness, hand, rotation and size, and the hue if colored."""
        return (*_FACTORS, _HUE) if self.colored else _FACTORS

    @property
    def channels(self) -> int:
        """3 if colored, else 1."""
        return 3 if self.colored else 1

    def render(self, codes: Tensor) -> Tensor:
        """Float32 ``(n, channels, size, size)`` of int64 ``(n, factors)``; see ``FactorSet``."""
        check(self, codes)
        # Digits of as many pieces side by side, so that few chunks wait for an 8.
        order = _PIECES[codes[:, 0]].argsort()
        pictures = torch.empty(len(codes), self.channels, self.size, self.size)
        pictures[order] = in_chunks(self._draw, codes[order], self.channels, self.size)
        return pictures

    def _draw(self, codes: Tensor) -> Tensor:
        digit, slant, thickness, hand, rotation, scale = codes[:, :6].unbind(1)
        most = int(_PIECES[digit].max())
        x, y = pieces(HANDS)[digit, hand, :most].reshape(-1, most, 2, 2).unbind(-1)
        height = column(_HEIGHTS[scale])
        x, y = (x - column(_SLANTS[slant]) * y) * height, y * height
        cos, sin = column(_COS[rotation]), column(_SIN[rotation])
        x, y = x * cos - y * sin + 0.5, x * sin + y * cos + 0.5
        distance = _nearest(x, y, self.size) - column(_RADII[thickness])
        ink = coverage(distance, self.size)[:, None]
        return ink * hues(HUES)[codes[:, 6], :, None, None] if self.colored else ink


def upright(size: int = 32) -> Held:
    """The digits of one pen and one size, not turned: as much as two latents can hold."""
    return Held(StrokeDigits(size), {"thickness": 3, "rotation": 4, "scale": 7})


def _nearest(x: Tensor, y: Tensor, size: int) -> Tensor:
    """Distance of every pixel to the nearest of straight pieces: ``(n, size, size)``.

    Args:
        x: across, ``(n, pieces, 2)``: where each starts and ends.
        y: down, likewise.
        size: side of the picture in pixels.
    """
    across, down = pixel_centers(size)
    long_x, long_y = x[..., 1] - x[..., 0], y[..., 1] - y[..., 0]
    length = (long_x * long_x + long_y * long_y).clamp_(min=1e-9)
    nearest = torch.full((len(x), size, size), math.inf)
    for k in range(x.shape[1]):
        right, below = across - column(x[:, k, 0]), down - column(y[:, k, 0])
        dx, dy, square = column(long_x[:, k]), column(long_y[:, k]), column(length[:, k])
        part = (right * dx / square + below * dy / square).clamp_(0, 1)
        away_x, away_y = right - part * dx, below - part.mul_(dy)
        torch.minimum(nearest, away_x.square_().add_(away_y.square_()), out=nearest)
    return nearest.sqrt_()
