"""Diffusion time over any denoiser.

Source: J. Ho, A. Jain, P. Abbeel, Denoising Diffusion Probabilistic Models, NeurIPS 2020,
for the process; T. Karras, M. Aittala, T. Aila, S. Laine, Elucidating the Design Space of
Diffusion-Based Generative Models, NeurIPS 2022, for the change of variables.

Priors work on pictures in [0, 1]; diffusion solvers on centered ones in [-1, 1], where
``x_t = sqrt(abar) x_0 + sqrt(1 - abar) eps``. A denoiser for noise of every strength is
the noise predictor of that process: ``x_t / sqrt(abar)`` is the centered picture with
noise of deviation ``sqrt(1 - abar) / sqrt(abar)``, and half of that in [0, 1] units.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from functools import cache
from typing import Literal

import torch
from torch import Tensor

from engine.restoration.priors import Prior

#: Steps of the discrete process, whose beta grows linearly between these two.
TIMES = 1000
FIRST_BETA, LAST_BETA = 1e-4, 2e-2

Spacing = Literal["uniform", "quadratic"]


@cache
def schedule() -> tuple[float, ...]:
    """``abar`` of the discrete variance-preserving process at times 0 to 999."""
    beta = torch.linspace(FIRST_BETA, LAST_BETA, TIMES, dtype=torch.float64)
    return tuple((1.0 - beta).cumprod(0).tolist())


def noise_of(abar: float) -> float:
    """Deviation of the noise in ``x_t / sqrt(abar)``, in centered units."""
    return math.sqrt((1.0 - abar) / abar)


def time_of(sigma: float) -> int:
    """The largest time whose noise is at most ``sigma`` (centered units); 0 if none is."""
    return max(0, bisect_right(_noises(), sigma) - 1)


@cache
def _noises() -> tuple[float, ...]:
    """``noise_of`` the whole schedule, which grows."""
    return tuple(noise_of(abar) for abar in schedule())


def grid(count: int, sigma_max: float = math.inf, spacing: Spacing = "uniform") -> list[float]:
    """``count + 1`` values of ``abar`` for ``count`` steps, from most noise to exactly 1.

    Args:
        count: steps, at least 1; fewer come back where times would repeat.
        sigma_max: strongest noise that the prior knows, in [0, 1] units.
        spacing: of the times; ``quadratic`` takes shorter steps towards the picture.
    """
    return [*(schedule()[t] for t in _walk(count, time_of(2.0 * sigma_max), spacing)), 1.0]


@cache
def _walk(count: int, top: int, spacing: Spacing) -> tuple[int, ...]:
    """At most ``count`` times, from ``top`` down."""
    power = 2 if spacing == "quadratic" else 1
    parts = torch.linspace(1.0, 0.0, count + 1, dtype=torch.float64)[:-1] ** power
    return tuple(sorted({round(part * top) for part in parts.tolist()}, reverse=True))


def centered(picture: Tensor) -> Tensor:
    """From [0, 1] to [-1, 1]."""
    return 2.0 * picture - 1.0


def uncentered(x: Tensor) -> Tensor:
    """From [-1, 1] to [0, 1]."""
    return 0.5 * (x + 1.0)


def unscaled(x: Tensor, a: float) -> Tensor:
    """``uncentered(x / a)``: the [0, 1] picture of which ``x`` has the part ``a``."""
    return (x + a) * (0.5 / a)


def clean(prior: Prior, x: Tensor, abar: float, *, differentiable: bool = False) -> Tensor:
    """``E[x_0 | x_t = x]``, centered; ``x`` (B, C, H, W) is centered, too.

    With ``differentiable``, autograd flows from the result to ``x``.
    """
    denoise = prior.differentiable if differentiable else prior
    return centered(denoise(unscaled(x, math.sqrt(abar)), 0.5 * noise_of(abar)))


def noise_in(x: Tensor, x0: Tensor, abar: float) -> Tensor:
    """The unit noise that makes ``x`` out of ``x0`` at ``abar`` below 1."""
    return (x - math.sqrt(abar) * x0) / math.sqrt(1.0 - abar)


def noised(x0: Tensor, abar: float, noise: Tensor) -> Tensor:
    """``x_t`` of a centered picture."""
    return torch.add(math.sqrt(abar) * x0, noise, alpha=math.sqrt(1.0 - abar))


def rms(x: Tensor) -> float:
    """Root mean square of all numbers of ``x``."""
    return float(torch.linalg.vector_norm(x)) / math.sqrt(x.numel())


def draw(like: Tensor, rng: torch.Generator) -> Tensor:
    """Unit noise shaped as ``like``, drawn on the CPU so that every device gets the same."""
    white = torch.randn(like.shape, generator=rng, dtype=torch.float32)
    return white.to(device=like.device, dtype=like.dtype)
