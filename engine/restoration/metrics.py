"""How good a restored picture is: PSNR, SSIM, and the mismatch to the measurement.

Pictures are ``(1, C, H, W)`` in [0, 1]. Every number is a plain float.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from engine.operators.base import Operator

#: SSIM runs in strips of this many rows, so that large pictures need little memory.
STRIP = 512
_RADIUS = 5


def psnr(x: Tensor, truth: Tensor) -> float:
    """Peak signal-to-noise ratio in dB for a peak of 1; capped at 100 dB for equal pictures."""
    error = float((x - truth).square().mean(dtype=torch.float64))
    return min(100.0, -10.0 * math.log10(max(error, 1e-30)))


def nearest(candidates: Sequence[Tensor], truth: Tensor) -> Tensor:
    """The one with the highest PSNR; the first of equal ones."""
    return max(candidates, key=lambda x: psnr(x, truth)) if len(candidates) > 1 else candidates[0]


class Similarity:
    """SSIM to one fixed picture, whose own statistics are computed once.

    Gaussian window of 11 pixels and sigma 1.5, constants 0.01 and 0.03, mean over channels
    and the pixels that the window covers whole (Wang, Bovik, Sheikh, Simoncelli 2004); the
    same numbers as scikit-image with ``gaussian_weights=True, use_sample_covariance=False``.
    """

    def __init__(self, truth: Tensor) -> None:
        if min(truth.shape[-2:]) < 2 * _RADIUS + 1:
            raise ValueError(f"SSIM needs at least 11 x 11 pixels, got {tuple(truth.shape[-2:])}")
        self.truth = truth
        offsets = torch.arange(-_RADIUS, _RADIUS + 1, dtype=torch.float64)
        window = torch.exp(-0.5 * (offsets / 1.5) ** 2)
        self._window: list[float] = (window / window.sum()).tolist()
        self._mean: list[Tensor] = []
        self._variance: list[Tensor] = []
        for strip in self._strips(truth):
            mean = self._blur(strip)
            self._mean.append(mean)
            self._variance.append(self._blur(strip * strip) - mean * mean)

    def __call__(self, x: Tensor) -> float:
        """SSIM of ``x``, shaped as the truth."""
        c1, c2 = 0.01**2, 0.03**2
        total, count = 0.0, 0
        parts = zip(
            self._strips(x), self._strips(self.truth), self._mean, self._variance, strict=True
        )
        for strip, truth, mean_t, variance_t in parts:
            mean = self._blur(strip)
            variance = self._blur(strip * strip) - mean * mean
            cross = self._blur(strip * truth) - mean * mean_t
            top = (2 * mean * mean_t + c1) * (2 * cross + c2)
            bottom = (mean.square() + mean_t.square() + c1) * (variance + variance_t + c2)
            ratio = top / bottom
            total += float(ratio.sum(dtype=torch.float64))
            count += ratio.numel()
        return total / count

    def _strips(self, x: Tensor) -> list[Tensor]:
        height = x.shape[-2] - 2 * _RADIUS
        return [
            x[..., top : min(top + STRIP, height) + 2 * _RADIUS, :]
            for top in range(0, height, STRIP)
        ]

    def _blur(self, x: Tensor) -> Tensor:
        # Shifted sums beat a convolution of single channels about eightfold on CPUs.
        return self._along(self._along(x, -2), -1)

    def _along(self, x: Tensor, dim: int) -> Tensor:
        length = x.shape[dim] - 2 * _RADIUS
        total = x.narrow(dim, _RADIUS, length) * self._window[_RADIUS]
        for k in range(_RADIUS):
            total.add_(x.narrow(dim, k, length), alpha=self._window[k])
            total.add_(x.narrow(dim, 2 * _RADIUS - k, length), alpha=self._window[k])
        return total


def ssim(x: Tensor, truth: Tensor) -> float:
    """Structural similarity of two pictures; see ``Similarity``."""
    return Similarity(truth)(x)


def noise_of(picture: Tensor) -> float:
    """Estimate the deviation of white noise in ``picture`` (1, C, H, W) without a truth.

    The median of the finest diagonal details, which edges hardly move (Donoho 1995).
    """
    height, width = picture.shape[-2] // 2 * 2, picture.shape[-1] // 2 * 2
    x = picture[..., :height, :width]
    detail = (x[..., ::2, ::2] - x[..., 1::2, ::2] - x[..., ::2, 1::2] + x[..., 1::2, 1::2]) / 2
    return float(detail.abs().median()) / 0.6745


def mismatch(operator: Operator, x: Tensor, y: Tensor, sigma: float, count: int) -> float:
    """``||A(x) - y||`` in units of the noise expected in ``count`` measured numbers.

    1 is what the true picture gives; below it noise is being copied, above it the picture
    does not explain the measurement.
    """
    residual = operator(x) - y
    return math.sqrt(float(residual.square().sum(dtype=torch.float64)) / count) / sigma
