"""Axis sweeps: one latent number changed, the others held, and which numbers are dead.

Source: I. Higgins et al., beta-VAE, ICLR 2017; C. Burgess et al., Understanding disentangling in
beta-VAE, 2018, https://arxiv.org/abs/1804.03599 (sweeps, and axes that say nothing).
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.method import BadInput
from engine.models.vae_losses import normal_kl
from engine.traversal.paths import Directions

#: An axis of a VAE that carries less than so many nats is dead.
DEAD = 0.01


def sweep(z: Tensor, axis: int, values: Tensor) -> Tensor:
    """``z`` (n, d) with each of ``values`` (m,) on one axis: (m, n, d)."""
    if not 0 <= axis < z.shape[-1]:
        raise BadInput(f"axis is {axis}; it must be 0 to {z.shape[-1] - 1}", "axis")
    swept = z.repeat(len(values), 1, 1)
    swept[..., axis] = values.to(z)[:, None]
    return swept


def prior_values(count: int, reach: float = 3.0) -> Tensor:
    """``count`` even values from ``-reach`` to ``reach`` sigmas of a standard normal prior."""
    return torch.linspace(-reach, reach, count)


def posterior_values(codes: Tensor, axis: int, count: int, tail: float = 0.01) -> Tensor:
    """``count`` even values over what the axis holds of real pictures' codes (n, d).

    Args:
        tail: share of the codes left out at each end.
    """
    if not 0 <= axis < codes.shape[-1]:
        raise BadInput(f"axis is {axis}; it must be 0 to {codes.shape[-1] - 1}", "axis")
    if not 0 <= tail < 0.5:
        raise BadInput(f"tail is {tail}; it must be 0 or more, and below 0.5", "tail")
    ends = torch.quantile(
        codes[:, axis].double(), torch.tensor([tail, 1 - tail]).to(codes).double()
    )
    low, high = ends.tolist()
    return torch.linspace(low, high, count, dtype=codes.dtype, device=codes.device)


def nats(mean: Tensor, log_variance: Tensor) -> Tensor:
    """What each axis of a VAE carries: mean KL divergence (d,) from the prior, in nats.

    Args:
        mean, log_variance: of the posteriors of many pictures, (n, d).
    """
    return normal_kl(mean, log_variance).mean(0)


def axes(mean: Tensor, log_variance: Tensor) -> Directions:
    """The live axes as directions, the most telling first; scores are their nats.

    One sigma is the prior's. Axes that carry less than ``DEAD`` nats are left out: a decoder has
    learned to ignore them.
    """
    told = nats(mean, log_variance)
    order = told.argsort(descending=True)
    order = order[told[order] >= DEAD]
    if not len(order):
        raise BadInput("axes: every axis is dead; the encoder says nothing", "axis")
    vectors = torch.eye(mean.shape[1], dtype=mean.dtype, device=mean.device)[order]
    return Directions(vectors, torch.ones_like(told[order]), told[order])
