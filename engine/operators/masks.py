"""Masks of missing pixels: bool ``(height, width)``, true where a pixel is known."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.method import BadInput

Size = tuple[int, int]


def random_mask(size: Size, missing: float, rng: torch.Generator) -> Tensor:
    """Each pixel is missing with equal chance; exactly ``round(missing * pixels)`` are.

    ``rng`` is a CPU generator. ``BadInput`` (field ``missing``) outside 0 to below 1, or if
    no pixel would be left.
    """
    height, width = size
    pixels = height * width
    gone = round(missing * pixels) if 0 <= missing < 1 else pixels
    if gone >= pixels:
        raise BadInput(
            f"missing is {missing:g}; it must be 0 to below 1 and leave a pixel", "missing"
        )
    known = torch.ones(pixels, dtype=torch.bool)
    known[torch.randperm(pixels, generator=rng)[:gone]] = False
    return known.reshape(height, width)


def rectangle_mask(size: Size, box: tuple[float, float, float, float]) -> Tensor:
    """Missing inside ``box``: ``(left, top, right, bottom)`` as fractions of the picture.

    ``BadInput`` (field ``rectangle``) if it is empty, reaches outside, or covers everything.
    """
    height, width = size
    left, top, right, bottom = box
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise BadInput(
            f"rectangle is {', '.join(f'{v:g}' for v in box)}; left and top must be below right "
            "and bottom, all between 0 and 1",
            "rectangle",
        )
    known = torch.ones(height, width, dtype=torch.bool)
    known[
        round(top * height) : round(bottom * height), round(left * width) : round(right * width)
    ] = False
    return _usable(known, "rectangle")


def painted_mask(painted: Tensor, size: Size) -> Tensor:
    """Missing where ``painted`` ``(h, w)`` is at least one half, brought to ``size``.

    The nearest painted pixel decides, so edges stay where they were drawn. ``BadInput``
    (field ``mask``) if nothing or everything is painted.
    """
    if painted.ndim != 2 or 0 in painted.shape:
        raise BadInput(f"mask has shape {tuple(painted.shape)}; it must be a picture", "mask")
    height, width = size
    rows = (torch.arange(height) * 2 + 1) * painted.shape[0] // (2 * height)
    columns = (torch.arange(width) * 2 + 1) * painted.shape[1] // (2 * width)
    missing = painted.detach().cpu()[rows][:, columns] >= 0.5
    if not bool(missing.any()):
        raise BadInput("mask has nothing painted; paint what is missing", "mask")
    return _usable(~missing, "mask")


def _usable(known: Tensor, field: str) -> Tensor:
    if not bool(known.any()):
        raise BadInput(f"{field} covers the whole picture; some of it must stay", field)
    return known
