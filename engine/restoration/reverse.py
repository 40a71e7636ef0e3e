"""One step from a noise level to the next, as samplers of a diffusion take it.

Source: J. Song, C. Meng, S. Ermon, Denoising Diffusion Implicit Models, ICLR 2021. With
``eta`` 1 it is the ancestral step of Ho, Jain, Abbeel 2020, with its smaller variance.
"""

from __future__ import annotations

import math

from torch import Tensor


def reverse_step(
    x: Tensor, x0: Tensor, abar: float, following: float, noise: Tensor, eta: float = 1.0
) -> Tensor:
    """The picture at ``following`` after ``x`` at ``abar``; all centered, (B, C, H, W).

    Args:
        x0: the clean picture that ``x`` is taken to be made of.
        abar, following: of the present level and the next; 1 gives ``x0``.
        noise: unit noise.
        eta: how much of the noise is drawn anew: 0 none, 1 as the process itself does.
    """
    return renoised(x, x0, abar, following, noise, *shares(abar, following, eta))


def renoised(
    x: Tensor,
    x0: Tensor,
    abar: float,
    following: float,
    noise: Tensor,
    kept: float,
    fresh: float,
) -> Tensor:
    """``sqrt(following) x_0 + kept eps + fresh noise``, where eps makes ``x`` out of ``x0``."""
    # As eps = (x - sqrt(abar) x_0) / sqrt(1 - abar), x counts this much, and x_0 less.
    share = kept / math.sqrt(1.0 - abar)
    moved = (math.sqrt(following) - share * math.sqrt(abar)) * x0
    return moved.add_(x, alpha=share).add_(noise, alpha=fresh)


def shares(abar: float, following: float, eta: float) -> tuple[float, float]:
    """Deviations at ``following`` of the noise that is kept and of the noise drawn anew."""
    fresh = eta * math.sqrt((1.0 - following) / (1.0 - abar) * (1.0 - abar / following))
    return math.sqrt(max(0.0, 1.0 - following - fresh**2)), fresh
