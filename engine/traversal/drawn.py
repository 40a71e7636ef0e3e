"""A generator that was written and not trained: a soft disc whose latents mean what is known.

Source: none but this file. Six factors (place, size, stretch, hue, ground) follow from the latent
by a fixed matrix with orthogonal rows, so that every axis of the latent moves all factors a
little, while the directions that move one factor alone are known in closed form: the rows. It needs
no weights, and is there when nothing else is.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from engine.data.factors import Factor
from engine.traversal.generator import PriorKind

#: How strongly a direction of unit length moves each factor.
GAINS = (1.4, 1.2, 1.0, 0.85, 0.7, 0.55)
#: How many features of the first layer look at each factor: more at those that move more.
FEATURES = (14, 12, 10, 8, 7, 5)
#: Values into which a factor is cut where it is told as a whole number.
VALUES = 8
FACTORS = (
    Factor("x", "Position, across", VALUES, "ordered"),
    Factor("hue", "Hue", VALUES, "ordered"),
    Factor("y", "Position, down", VALUES, "ordered"),
    Factor("size", "Size", VALUES, "ordered"),
    Factor("stretch", "Stretch", VALUES, "ordered"),
    Factor("ground", "Light of the ground", VALUES, "ordered"),
)


class Drawn:
    """The generator; see ``engine.traversal.generator.Generator``.

    Args:
        size: side of a picture in pixels.
        device: torch device name.
    """

    name = "drawn"
    title = "Drawn by hand"
    latent_dim = len(GAINS)
    prior: PriorKind = "gaussian"

    def __init__(self, size: int = 32, device: str = "cpu") -> None:
        self.shape = (3, size, size)
        rng = torch.Generator().manual_seed(20)
        turned, _ = torch.linalg.qr(torch.randn(6, 6, generator=rng, dtype=torch.float64))
        self.A: Tensor = (torch.tensor(GAINS)[:, None] * turned.float()).to(device)
        ticks = (torch.arange(size, device=device) + 0.5) / size
        self._down, self._across = torch.meshgrid(ticks, ticks, indexing="ij")

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """``count`` standard normal latents (count, 6)."""
        return torch.randn(count, self.latent_dim, generator=rng).to(self.A.device)

    def decode(self, z: Tensor) -> Tensor:
        """Pictures (n, 3, H, W) in [0, 1] of latents (n, 6)."""
        x, hue, y, size, stretch, ground = (part[:, None, None] for part in (z @ self.A.mT).T)
        right = self._across - 0.5 - 0.26 * torch.tanh(0.7 * x)
        below = self._down - 0.5 - 0.26 * torch.tanh(0.7 * y)
        radius = 0.17 * torch.exp(0.45 * torch.tanh(0.8 * size))
        longer = torch.exp(0.5 * torch.tanh(0.8 * stretch))
        # The square of a distance has a derivative at the middle, its root has none.
        away = (right / longer).square() + (below * longer).square()
        ink = torch.sigmoid(12 * (1 - away / radius.square()))
        turn = 2.2 * torch.tanh(0.6 * hue)
        phases = torch.tensor([0.0, 2 * math.pi / 3, 4 * math.pi / 3], device=z.device)
        color = 0.55 + 0.4 * torch.cos(turn[..., None] - phases)
        behind = 0.5 + 0.38 * torch.tanh(0.8 * ground)
        ink = ink[:, None]
        pictures: Tensor = ink * color.movedim(-1, 1) + (1 - ink) * behind[:, None]
        return pictures

    def encode(self, x: Tensor) -> Tensor | None:
        """None: a picture is found by optimization."""
        return None

    def first_linear(self) -> Tensor:
        """Weights (56, 6) of features each of which looks at one factor: SeFa finds the rows."""
        return self.A.repeat_interleave(torch.tensor(FEATURES, device=self.A.device), 0)

    def blocks(self) -> tuple[nn.Module, ...]:
        """Nothing to walk in between latent and picture."""
        return ()

    def reading_of(self, z: Tensor) -> Tensor:
        """The factors of latents (n, 6), floating (n, 6), 0 to ``VALUES - 1``."""
        gains = torch.tensor(GAINS, device=z.device)
        share: Tensor = torch.special.ndtr(z @ self.A.mT.to(z) / gains)
        return share * (VALUES - 1)

    def factors_of(self, z: Tensor) -> Tensor:
        """The factors of latents (n, 6) as whole numbers (n, 6), each value equally likely."""
        gains = torch.tensor(GAINS, device=z.device)
        share: Tensor = torch.special.ndtr(z @ self.A.mT / gains)
        return (share * VALUES).long().clamp(0, VALUES - 1)
