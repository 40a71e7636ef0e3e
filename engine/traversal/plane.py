"""The map: a plane through latent space, and where on a square picture its latents lie."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.method import BadInput

#: Side of a map, in pixels.
SIDE = 480
#: The latent that a map is laid through is no farther from its middle, in shares of the way to the
#: edge: its ring is whole, and there is room beyond it.
WITHIN = 0.9


@dataclass(frozen=True)
class Plane:
    """Latents ``origin + a right + b up`` with a and b from -1 to 1, edge to edge.

    Attributes:
        origin: the middle of the map, (d,).
        right: from the middle to the right edge, (d,).
        up: from the middle to the upper edge, (d,), at right angles to ``right``.
    """

    origin: Tensor
    right: Tensor
    up: Tensor

    @classmethod
    def of(cls, tensor: Tensor) -> Plane:
        """The plane that ``tensor`` keeps, (3, d)."""
        return cls(*tensor.unbind(0))

    def tensor(self) -> Tensor:
        """All of it, (3, d), as a state keeps it."""
        return torch.stack([self.origin, self.right, self.up])

    def places(self, z: Tensor) -> Tensor:
        """Where latents (n, d) lie, seen at right angles: a and b, (n, 2)."""
        away = z - self.origin
        axes = torch.stack([self.right, self.up])
        return away @ axes.mT / axes.square().sum(1)

    def latents(self, places: Tensor) -> Tensor:
        """The latents (n, d) at ``places`` (n, 2)."""
        return self.origin + places @ torch.stack([self.right, self.up]).to(places)

    def pixels(self, z: Tensor) -> Tensor:
        """Where latents (n, d) lie on the picture: across and down, (n, 2), on the CPU."""
        a, b = self.places(z).cpu().float().unbind(1)
        middle = (SIDE - 1) / 2
        return torch.stack([middle + middle * a, middle - middle * b], 1)

    def at(self, x: float, y: float) -> Tensor:
        """The latent (1, d) under a pixel; beyond the edge it is held to the edge."""
        middle = (SIDE - 1) / 2
        place = torch.tensor([[(x - middle) / middle, (middle - y) / middle]])
        return self.latents(place.clamp(-1, 1).to(self.origin))

    def grid(self, count: int) -> Tensor:
        """Latents (count * count, d) at the middles of as many tiles, row by row from above."""
        ticks = (torch.arange(count) + 0.5) * (2 / count) - 1
        down, across = torch.meshgrid(-ticks, ticks, indexing="ij")
        places = torch.stack([across.flatten(), down.flatten()], 1)
        return self.latents(places.to(self.origin))


def plane_through(
    z: Tensor, right: Tensor, up: Tensor, codes: Tensor, reach: tuple[float, float]
) -> Plane:
    """The plane along two directions that holds ``z``, its middle where the latents are at home.

    Args:
        z: (1, d).
        right, up: unit vectors (d,); ``up`` is turned to a right angle within their plane.
        codes: latents (n, d), whose mean is the middle along both directions.
        reach: from the middle to the edges, right and up; both are made larger alike where ``z``
            lies farther out than ``WITHIN``.

    Raises:
        BadInput: the two directions are one.
    """
    across = right / torch.linalg.vector_norm(right)
    rest = up - (up @ across) * across
    length = float(torch.linalg.vector_norm(rest))
    if length < 1e-4 * float(torch.linalg.vector_norm(up)):
        raise BadInput("up: it is the direction across; choose another one", "up")
    along = rest / length
    middle = codes.mean(0)
    axes = torch.stack([across, along])
    origin = z[0] + (middle - z[0]) @ axes.mT @ axes
    plane = Plane(origin, reach[0] * across, reach[1] * along)
    out = max(1.0, float(plane.places(z[:1]).abs().max()) / WITHIN)
    return Plane(origin, out * plane.right, out * plane.up)
