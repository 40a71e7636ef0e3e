"""SeFa: directions in closed form, from the first weights of a generator alone.

Source: Y. Shen, B. Zhou, Closed-Form Factorization of Latent Semantics in GANs, CVPR 2021,
https://arxiv.org/abs/2007.06600. Unit ``v`` that maximize ``|A v|`` are eigenvectors of ``A^T A``.
The authors' code gives every feature's weights unit norm first, so that none counts for more.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.method import BadInput
from engine.traversal.paths import Directions, upright


def sefa(weight: Tensor, count: int | None = None, *, normalized: bool = True) -> Directions:
    """Directions that move the features most; scores are eigenvalues, |A v|^2.

    Args:
        weight: what the first layers multiply a latent by, (features, d); style layers are
            stacked along the features.
        count: how many; all d by default.
        normalized: give every feature's weights unit norm. Without, the directions are the right
            singular vectors of ``weight``.

    One sigma is that of a standard normal latent.
    """
    d = weight.shape[1]
    if count is not None and not 1 <= count <= d:
        raise BadInput(f"count is {count}; {d} latents have 1 to {d} directions", "count")
    A = weight.detach().double()
    if normalized:
        # A feature that sees nothing keeps its zeros.
        norms = torch.linalg.vector_norm(A, dim=1, keepdim=True)
        A = A / norms.where(norms > 0, 1.0)
    # Symmetric, unlike the general solver of the authors' code, whose order is by chance.
    values, vectors = torch.linalg.eigh(A.mT @ A)
    values = values.flip(0)[:count].clamp_min(0.0).to(weight)
    found = upright(vectors.flip(1).mT[:count]).to(weight)
    return Directions(found, torch.ones_like(values), values)
