"""What variational autoencoders of pictures are trained by, in nats per picture."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def normal_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """``KL(N(mean, exp(log_variance)) || N(0, 1))`` in nats, elementwise."""
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance)


def cross_entropy(logits: Tensor, x: Tensor) -> Tensor:
    """Nats per picture (n,): the cross entropy of pixels ``x`` in [0, 1], summed over all."""
    nats = F.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return nats.flatten(1).sum(1)


def entropy_floor(x: Tensor) -> Tensor:
    """Nats per picture (n,) that ``cross_entropy`` has at least: the pixels' own entropy.

    Zero for black and white pixels alone; gray ones cost up to ln 2.
    """
    nats: Tensor = torch.special.entr(x) + torch.special.entr(1.0 - x)
    return nats.flatten(1).sum(1)


def log_density(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log density of ``z`` under N(mean, exp(log_variance)), elementwise."""
    scaled = (z - mean).square() * torch.exp(-log_variance)
    return -0.5 * (scaled + log_variance + math.log(2 * math.pi))


def total_correlation(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Estimate of ``KL(q(z) || prod_j q(z_j))`` in nats by minibatch-weighted sampling.

    Source: R. Chen, X. Li, R. Grosse, D. Duvenaud, Isolating Sources of Disentanglement in
    Variational Autoencoders, NeurIPS 2018, https://arxiv.org/abs/1802.04942. The aggregate
    ``q`` is taken for the mean of the batch's posteriors. The paper divides by the size of the
    data set as well; that adds a constant and no gradient, and a set rendered without end has none.

    Args:
        z: latents (n, d), row i drawn from posterior i.
        mean, log_variance: of the posteriors, (n, d) each.
    """
    pairs = log_density(z[:, None], mean[None], log_variance[None])
    joint = torch.logsumexp(pairs.sum(2), 1)
    single = torch.logsumexp(pairs, 1)
    # Every density is a mean over n posteriors: d marginals below, one joint density above.
    return (joint - single.sum(1)).mean() + (z.shape[1] - 1) * math.log(len(z))
