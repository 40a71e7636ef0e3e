"""Mutual information gap: how far the code that tells most of a factor is ahead of the next.

Source: R. Chen, X. Li, R. Grosse, D. Duvenaud, Isolating Sources of Disentanglement in Variational
Autoencoders, NeurIPS 2018, https://arxiv.org/abs/1802.04942; with histograms of 20 bins as in
disentanglement_lib (Locatello et al. 2019).
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from engine.traversal.metrics.information import binned, entropy, plug_in
from engine.traversal.metrics.samples import arrays, labeled


def mig(factors: Tensor, codes: Tensor, *, discrete: bool = False, bins: int = 20) -> float:
    """The mean gap over the factors, as a share of their entropy; from 0 to 1.

    Args:
        factors: (n, f), int64.
        codes: (n, d); each is cut into ``bins``, unless its values are labels (``discrete``).
    """
    f, z = arrays(factors, codes)
    labels = labeled(z) if discrete else [binned(code, bins) for code in z.T]
    gaps = []
    for factor in f.T:
        told = sorted([plug_in(factor, code) for code in labels] + [0.0])
        gaps.append((told[-1] - told[-2]) / entropy(factor))
    return float(np.mean(gaps))
