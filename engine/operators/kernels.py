"""Blur kernels: float64 ``(height, width)`` of odd sizes, not negative, summing to one."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.method import BadInput

MAX_SIGMA = 50.0
MAX_LENGTH = 401.0


def gaussian_kernel(sigma: float, radius: int | None = None) -> Tensor:
    """A Gaussian of standard deviation ``sigma`` pixels, cut at ``radius`` (default 4 sigma).

    ``sigma`` 0 is the single pixel. ``BadInput`` (field ``sigma``) outside 0 to 50.
    """
    if not 0 <= sigma <= MAX_SIGMA:
        raise BadInput(f"blur sigma is {sigma:g} px; it must be 0 to {MAX_SIGMA:g}", "sigma")
    if radius is None:
        radius = math.ceil(4 * sigma)
    if sigma == 0:
        line = torch.zeros(2 * radius + 1, dtype=torch.float64)
        line[radius] = 1.0
    else:
        offset = torch.arange(-radius, radius + 1, dtype=torch.float64)
        line = torch.exp(-0.5 * (offset / sigma) ** 2)
        line /= line.sum()
    return torch.outer(line, line)


def motion_kernel(length: float, angle: float) -> Tensor:
    """The trace of a point that moves steadily along a straight line while the shutter is open.

    ``length`` is in pixels, end to end (1 is no blur); ``angle`` is in radians,
    counter-clockwise from the horizontal. The line is drawn with linear interpolation, so
    the kernel changes smoothly with both. ``BadInput`` (field ``length``) outside 1 to 401.
    """
    if not 1 <= length <= MAX_LENGTH:
        raise BadInput(f"blur length is {length:g} px; it must be 1 to {MAX_LENGTH:g}", "length")
    if not math.isfinite(angle):
        raise BadInput(f"blur angle is {angle}; it must be a finite number of radians", "angle")
    reach = (length - 1) / 2
    count = max(1, math.ceil(16 * (length - 1)))
    # Midpoints of equal stretches of the line: symmetric about the center by construction.
    t = reach * ((2 * torch.arange(count, dtype=torch.float64) + 1) / count - 1)
    # Rows run downward, so a counter-clockwise angle has a negative row step.
    column, row = math.cos(angle) * t, -math.sin(angle) * t
    # A trace of less than a millionth of a pixel across is a straight row or column.
    width = math.ceil(abs(math.cos(angle)) * reach - 1e-6)
    height = math.ceil(abs(math.sin(angle)) * reach - 1e-6)
    rows = torch.arange(-height, height + 1, dtype=torch.float64)
    columns = torch.arange(-width, width + 1, dtype=torch.float64)
    weight_row = (1 - (row[:, None] - rows).abs()).clamp(min=0)
    weight_column = (1 - (column[:, None] - columns).abs()).clamp(min=0)
    kernel = weight_row.mT @ weight_column
    return kernel / kernel.sum()
