"""Random unit directions: what every other rule has to beat."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.method import BadInput
from engine.traversal.paths import Directions, spread


def random_directions(
    latent_dim: int,
    count: int,
    rng: torch.Generator,
    *,
    codes: Tensor | None = None,
    orthogonal: bool = False,
) -> Directions:
    """``count`` unit vectors, uniform on the sphere, on the CPU.

    Args:
        rng: a CPU generator.
        codes: latents (n, d) whose spread along each direction is its sigma; else it is 1, that
            of a standard normal latent.
        orthogonal: at right angles to each other; then ``count`` is ``latent_dim`` at most.
    """
    if count < 1 or (orthogonal and count > latent_dim):
        most = f" to {latent_dim}" if orthogonal else " or more"
        raise BadInput(f"count is {count}; it must be 1{most}", "count")
    vectors = torch.randn(count, latent_dim, generator=rng, dtype=torch.float64)
    if orthogonal:
        basis, upper = torch.linalg.qr(vectors.mT)
        # Without the signs of the diagonal the basis would not be uniform.
        vectors = (basis * upper.diagonal().sign()).mT
    vectors = vectors / torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    units = vectors.to(codes) if codes is not None else vectors.float()
    ones = torch.ones_like(units[:, 0])
    return Directions(units, ones if codes is None else spread(units, codes), ones)
