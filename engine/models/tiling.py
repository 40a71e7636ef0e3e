"""Evaluate a picture-to-picture function tile by tile, blended over an overlap.

Memory then depends on the tile, not on the picture. Weights fall linearly to the tile's
edge, so that seams vanish; with an overlap of at least the receptive field's half, the
result in a tile's middle is the same as of the whole picture.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def starts(length: int, tile: int, overlap: int) -> list[int]:
    """First pixels of tiles that cover ``length``, the last one flush with the end."""
    if length <= tile:
        return [0]
    stride = tile - overlap
    count = -(-(length - tile) // stride)
    return [min(i * stride, length - tile) for i in range(count + 1)]


def tiled(
    function: Callable[[Tensor], Tensor], x: Tensor, tile: int = 512, overlap: int = 64
) -> Tensor:
    """``function(x)`` for ``x`` of shape ``(batch, channel, height, width)``.

    Args:
        function: keeps the shape of what it gets.
        tile: side of a tile in pixels; more than twice ``overlap``.
        overlap: pixels that neighbors share.
    """
    if tile <= 2 * overlap:
        raise ValueError(f"tile {tile} must be more than twice the overlap {overlap}")
    height, width = x.shape[-2:]
    if height <= tile and width <= tile:
        return function(x)
    total = torch.zeros_like(x)
    weight = x.new_zeros(height, width)
    for top in starts(height, tile, overlap):
        for left in starts(width, tile, overlap):
            part = x[..., top : top + tile, left : left + tile]
            h, w = part.shape[-2:]
            ramp = _ramp(h, overlap, x)[:, None] * _ramp(w, overlap, x)[None, :]
            total[..., top : top + h, left : left + w] += ramp * function(part)
            weight[top : top + h, left : left + w] += ramp
    return total / weight


def _ramp(length: int, overlap: int, like: Tensor) -> Tensor:
    """Rises from 1/(overlap+1) to 1 over the overlap, and falls again."""
    up = torch.arange(1, length + 1, dtype=like.dtype, device=like.device) / (overlap + 1)
    return torch.minimum(up, up.flip(0)).clamp(max=1.0)
