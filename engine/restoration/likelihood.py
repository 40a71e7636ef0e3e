"""The exact likelihood of a picture under a score-based prior.

Source: Y. Song et al., Score-Based Generative Modeling through Stochastic Differential
Equations, ICLR 2021, section 4.3 and appendix D.2, https://arxiv.org/abs/2011.13456; the
estimate of the divergence is M. Hutchinson's, 1990.

The probability flow carries a picture to noise, whose density is known; on the way the log
density changes by the divergence of the flow. So ``log p(x_0) = log p_T(x_T) + integral of
the divergence``. Units are centered, densities in nats.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.restoration.sde import (
    SDE,
    Score,
    Slope,
    Vector,
    as_pictures,
    as_vector,
    flow,
    flow_slope,
    ode_solve,
)

#: Up to this many numbers per picture the divergence is computed exactly.
EXACT = 64
#: A byte has 256 steps over a centered range of 2: bits that its width adds.
CENTERED_BITS = 7.0

#: ``divergence(dx, x)``: of the slope ``dx`` (n, ...), computed from ``x``; (n,).
Divergence = Callable[[Tensor, Tensor], Tensor]


def probe(shape: torch.Size, rng: torch.Generator) -> Tensor:
    """Random signs (float64), to be kept for the whole solution."""
    return 2.0 * torch.randint(0, 2, shape, generator=rng).double() - 1.0


def hutchinson(signs: Tensor) -> Divergence:
    """``e^T J e``: an unbiased estimate of the divergence, one backward pass each."""

    def divergence(dx: Tensor, x: Tensor) -> Tensor:
        (back,) = torch.autograd.grad((dx * signs).sum(), x)
        return (back * signs).flatten(1).sum(1)

    return divergence


def exact(dx: Tensor, x: Tensor) -> Tensor:
    """The divergence itself, one backward pass for each number of a picture."""
    flat = dx.flatten(1)
    total = torch.zeros_like(flat[:, 0])
    for i in range(flat.shape[1]):
        (back,) = torch.autograd.grad(flat[:, i].sum(), x, retain_graph=True)
        total = total + back.flatten(1)[:, i]
    return total


def likelihood_slope(sde: SDE, score: Score, divergence: Divergence, like: Tensor) -> Slope:
    """The flow of pictures shaped as ``like`` and, after them, of their log-determinants.

    ``score`` must be differentiable; the vector is ``n D + n`` long.
    """

    def slope(t: float, y: Vector) -> Vector:
        with torch.enable_grad():
            x = as_pictures(y[: like.numel()], like).requires_grad_()
            dx = flow(sde, x, score(x, t), t)
            change = divergence(dx, x)
        return np.concatenate([as_vector(dx), as_vector(change)])

    return slope


@dataclass(frozen=True)
class Encoded:
    """Pictures carried to noise: ``latent`` (n, ...), ``log_det`` (n,), ``log_density`` (n,)."""

    latent: Tensor
    log_det: Tensor
    log_density: Tensor


def unpacked(sde: SDE, y: Vector, t: float, like: Tensor, contrast: float = 0.0) -> Encoded:
    """A vector of ``likelihood_slope`` at time ``t``, judged as if x_t were white there.

    Exact at the end of the flow. On the way, ``contrast`` (the variance of the pictures) makes
    it a guess of where the number is heading.
    """
    latent = as_pictures(y[: like.numel()], like)
    log_det = torch.from_numpy(np.array(y[like.numel() :])).to(like.device)
    spread = math.sqrt(sde.s(t) ** 2 + contrast * sde.a(t) ** 2)
    return Encoded(latent, log_det, log_prior(latent, spread) + log_det)


def log_prior(x: Tensor, s: float) -> Tensor:
    """Log density (n,) of white noise of deviation ``s`` at ``x`` (n, ...)."""
    flat = x.flatten(1)
    return -0.5 * (flat / s).square().sum(1) - flat.shape[1] * math.log(s * math.sqrt(2 * math.pi))


def packed(x: Tensor) -> Vector:
    """The vector of ``likelihood_slope`` at the start: the pictures, and nothing added yet."""
    return np.concatenate([as_vector(x), np.zeros(x.shape[0])])


def encode(
    sde: SDE,
    score: Score,
    x: Tensor,
    *,
    divergence: Divergence = exact,
    start: float = 1.0,
    tol: float = 1e-5,
) -> Encoded:
    """Carry pictures ``x`` (n, ...) from time ``sde.end`` to ``start`` and tell their density.

    ``score`` must be differentiable. The density is that of x at ``sde.end``: of pictures
    with the little noise that the diffusion has there.
    """
    slope = likelihood_slope(sde, score, divergence, x)
    y = ode_solve(slope, packed(x), sde.end, start, tol)
    return unpacked(sde, y, start, x)


def decode(
    sde: SDE, score: Score, latent: Tensor, *, start: float = 1.0, tol: float = 1e-5
) -> Tensor:
    """The pictures (float64) that the flow makes of ``latent``, from ``start`` to ``sde.end``."""
    slope = flow_slope(sde, score, latent)
    y = ode_solve(slope, as_vector(latent), start, sde.end, tol)
    return as_pictures(y, latent)


def bits_per_dim(log_density: Tensor, dimension: int) -> Tensor:
    """Bits that one byte of a picture costs, from log densities in centered units.

    The pictures must be bytes with uniform noise of one byte's width (``dequantized``).
    """
    return CENTERED_BITS - log_density / (dimension * math.log(2.0))


def dequantized(picture: Tensor, rng: torch.Generator) -> Tensor:
    """The bytes of a picture in [0, 1] spread evenly over their width, centered, float64."""
    levels = (255.0 * picture.double()).round().clamp(0.0, 255.0)
    spread = torch.rand(picture.shape, generator=rng, dtype=torch.float64).to(picture.device)
    return (levels + spread) / 128.0 - 1.0
