"""The two bases in which a stationary prior is diagonal: Fourier and cosine.

Both transforms are orthonormal. The cosine basis belongs to pictures that are mirrored at
their edges, the Fourier basis to pictures that wrap around.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from engine.operators.transforms import dct2, idct2, per_plane

Basis = Literal["fourier", "dct"]


def forward(x: Tensor, basis: Basis) -> Tensor:
    """Coefficients of ``x`` (B, C, H, W): real, or half of the complex Fourier plane."""
    if basis == "dct":
        return dct2(x)
    return per_plane(lambda p: torch.fft.rfft2(p, norm="ortho"), x)


def backward(c: Tensor, basis: Basis, size: tuple[int, int]) -> Tensor:
    """The picture with these coefficients; ``size`` is its ``(H, W)``."""
    if basis == "dct":
        return idct2(c)
    return per_plane(lambda p: torch.fft.irfft2(p, s=size, norm="ortho"), c)


def frequencies(
    size: tuple[int, int], basis: Basis, device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Vertical (H, 1) and horizontal (1, W) frequency, in cycles per pixel, float64."""
    height, width = size
    if basis == "dct":
        vertical = torch.arange(height, dtype=torch.float64, device=device) / (2 * height)
        horizontal = torch.arange(width, dtype=torch.float64, device=device) / (2 * width)
    else:
        vertical = torch.fft.fftfreq(height, dtype=torch.float64, device=device)
        horizontal = torch.fft.fftfreq(width, dtype=torch.float64, device=device)
    return vertical[:, None], horizontal[None, :]
