"""What the page of potential flows shows of them: strips, a landscape, who is mistaken for whom.

Source: Y. Song, T. A. Keller, N. Sebe, M. Welling, Latent Traversals in Generative Models as
Potential Flows, ICML 2023, https://arxiv.org/abs/2304.12944.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.nets.potential_field import PotentialField
from engine.traversal.heat_map import heat_map
from engine.traversal.plane import Plane
from engine.traversal.potentials import PotentialWalk, flow, gradient

#: Points across a landscape.
CELLS = 41


def strips_of(
    field: PotentialField, z: Tensor, half: int, strength: float, length: float | None
) -> tuple[Tensor, Tensor]:
    """The paths of all potentials from ``z`` (1, d), both sides, and their speeds.

    Args:
        strength: what a step is multiplied by.
        length: of a step before that; None takes the gradient's own.

    Returns:
        Latents (K, 2 half + 1, d), and the lengths of the gradients (K, half) on the forward side.
    """
    starts = z.expand(field.count, 1, -1)

    def scaled(points: Tensor, t: Tensor) -> Tensor:
        u: Tensor = strength * field(points, t)
        return u

    size = None if length is None else strength * length
    with torch.no_grad():
        ahead, back = (flow(scaled, starts, half, sign=sign, length=size) for sign in (1.0, -1.0))
    rows = torch.cat([back.points[1:].flip(0), ahead.points])[:, :, 0].transpose(0, 1)
    speeds = torch.linalg.vector_norm(ahead.gradients, dim=-1)[:, :, 0].mT / strength
    return rows.contiguous(), speeds.contiguous()


def landscape_on(field: PotentialField, k: int, plane: Plane, time: int) -> tuple[Tensor, Tensor]:
    """Potential ``k`` on a map: heights (CELLS, CELLS), rows from low to high, and slopes (…, 2).

    Slopes are how far a step along the gradient leads on the map, in halves of its side.
    """
    ticks = torch.linspace(-1, 1, CELLS).to(plane.origin)
    up, right = torch.meshgrid(ticks, ticks, indexing="ij")
    z = plane.latents(torch.stack([right.flatten(), up.flatten()], 1))
    t = torch.full_like(z[:, 0], time)
    walk = PotentialWalk(field, k)
    with torch.no_grad():
        heights = walk.potential(z, t)
        slopes = plane.places(plane.origin + gradient(walk.potential, z, t))
    return heights.reshape(CELLS, CELLS), slopes.reshape(CELLS, CELLS, 2)


def confusions(counts: Tensor) -> Tensor:
    """Counts (K, K), true potentials down and told ones across, as a picture (3, H, W).

    Every row is shown as shares of its sum.
    """
    names = [str(k) for k in range(1, len(counts) + 1)]
    shares = counts / counts.sum(1, keepdim=True).clamp_min(1e-9)
    return heat_map(shares, names, names, down="moved by", across="taken for")
