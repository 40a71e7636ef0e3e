"""Whether two sets of vectors have one law: energy distance, and Box's test of covariances."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import chi2
from torch import Tensor


def energy_distance(a: Tensor, b: Tensor) -> float:
    """``2 E|a - b| - E|a - a'| - E|b - b'|`` of samples (n, d) and (m, d)."""
    return float(2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean())


def energy_p_value(a: Tensor, b: Tensor, permutations: int = 199, seed: int = 0) -> float:
    """The chance of an energy distance as large as this if a and b have one law."""
    distances = torch.cdist(torch.cat([a, b]), torch.cat([a, b])).numpy()
    n, total = len(a), len(a) + len(b)
    rng = np.random.default_rng(seed)
    # With signs +1/n and -1/m the energy distance is a quadratic form.
    weights = np.concatenate([np.full(n, 1.0 / n), np.full(total - n, -1.0 / (total - n))])
    orders = [np.arange(total), *(rng.permutation(total) for _ in range(permutations))]
    signs = np.stack([weights[order] for order in orders])
    values = -np.einsum("pi,pi->p", signs @ distances, signs)
    return float((values >= values[0] - 1e-15).mean())


def box_m(a: Tensor, b: Tensor) -> float:
    """p-value of Box's test that samples (n, d) and (m, d) have one covariance.

    The likelihood ratio of Gaussians with the correction of G. Box, Biometrika 1949; it has
    d (d + 1) / 2 degrees of freedom.
    """
    d = a.shape[1]
    free = [len(a) - 1, len(b) - 1]
    covariances = [torch.cov(v.double().T) for v in (a, b)]
    pooled = sum(f * c for f, c in zip(free, covariances, strict=True)) / sum(free)
    m = sum(free) * torch.logdet(pooled)
    m -= sum(f * torch.logdet(c) for f, c in zip(free, covariances, strict=True))
    shrink = sum(1 / f for f in free) - 1 / sum(free)
    shrink *= (2 * d * d + 3 * d - 1) / (6 * (d + 1))
    return float(chi2.sf(float(m) * (1 - shrink), d * (d + 1) // 2))
