"""What the renderers share: pixel grids, coverage by signed distance, evenly spaced hues.

Whatever is worked out per pixel uses only sums, products, quotients, square roots and
comparisons of float32, which are rounded the same wherever a picture stands in its batch;
sines and the like go into small tables first. So equal codes give equal bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.method import BadInput

#: Float32 numbers that a chunk of pictures may fill, so that it stays in a core's cache.
_CHUNK = 1 << 16
MIN_SIZE, MAX_SIZE = 16, 256


def check_size(size: int, most: int = MAX_SIZE) -> None:
    """``BadInput`` (field ``size``) unless pictures of that side can be drawn."""
    if not MIN_SIZE <= size <= most:
        raise BadInput(f"size is {size}; it must be {MIN_SIZE} to {most} pixels", "size")


@cache
def pixel_centers(size: int) -> tuple[Tensor, Tensor]:
    """Across ``(1, 1, size)`` and down ``(1, size, 1)``: centers in units of the picture."""
    centers = (torch.arange(size) + 0.5) / size
    return centers.reshape(1, 1, size), centers.reshape(1, size, 1)


def coverage(distance: Tensor, size: int) -> Tensor:
    """The part of each pixel inside a shape; in place.

    Args:
        distance: signed distance of each pixel's center to the edge, negative inside, in
            units of the picture.
        size: side of the picture in pixels.
    """
    return distance.mul_(-size).add_(0.5).clamp_(0, 1)


def column(values: Tensor) -> Tensor:
    """One number per picture, ``(n,)``, shaped to meet ``(n, height, width)``."""
    return values.reshape(-1, 1, 1)


def table(values: list[float]) -> Tensor:
    """What each value of a factor means, float32, computed in double precision."""
    return torch.tensor(values, dtype=torch.float64).float()


def spread(low: float, high: float, count: int) -> Tensor:
    """``count`` even steps from ``low`` to ``high``, both included, float32."""
    return torch.linspace(low, high, count, dtype=torch.float64).float()


def turns(angles: list[float]) -> tuple[Tensor, Tensor]:
    """Cosine and sine of angles in radians, float32."""
    return table([math.cos(a) for a in angles]), table([math.sin(a) for a in angles])


def in_chunks(draw: Callable[[Tensor], Tensor], codes: Tensor, channels: int, size: int) -> Tensor:
    """``draw`` applied to some rows of ``codes`` at a time: ``(n, channels, size, size)``."""
    pictures = torch.empty(len(codes), channels, size, size)
    rows = max(1, _CHUNK // (size * size))
    for start in range(0, len(codes), rows):
        pictures[start : start + rows] = draw(codes[start : start + rows])
    return pictures


@cache
def hues(count: int) -> Tensor:
    """``count`` vivid colors around the circle of hues, float32 ``(count, 3)``, red first.

    The steps are even along the circle's path through Oklab (Ottosson 2020), so that neighbors
    look equally different; even steps of HSV hold several greens that look alike.
    """
    fine = np.linspace(0, 1, 3601)
    path = _oklab(_saturated(fine))
    steps = np.sqrt((np.diff(path, axis=0) ** 2).sum(1))
    length = np.concatenate([[0], np.cumsum(steps)])
    chosen = np.interp(np.arange(count) / count * length[-1], length, fine)
    return torch.from_numpy(_saturated(chosen).astype(np.float32))


def _saturated(hue: NDArray[np.float64]) -> NDArray[np.float64]:
    """HSV colors of full saturation and value, ``(n, 3)``, of hues in turns."""
    away = np.abs((hue[:, None] * 6 - np.array([0, 2, 4]) + 3) % 6 - 3)
    rgb: NDArray[np.float64] = np.clip(2 - away, 0, 1)
    return rgb


def _oklab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lightness, a and b of Oklab, ``(n, 3)``, of sRGB colors ``(n, 3)``."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    lab: NDArray[np.float64] = np.cbrt(linear @ to_cones.T) @ to_lab.T
    return lab
