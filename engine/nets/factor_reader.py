"""Reads the factors of a picture: one classifier with an answer for each factor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FactorReader(nn.Module):
    """Convolutions that halve the side down to 4, a dense layer, one linear layer per factor.

    Args:
        channels: of the pictures.
        size: their side in pixels, a power of two, 16 or more.
        values: how many values each factor has.
        width: channels at half the side; twice as many below.
        hidden: length of the dense layer, the features by which sets of pictures are compared.
    """

    def __init__(
        self,
        channels: int,
        size: int,
        values: Sequence[int],
        width: int = 32,
        hidden: int = 128,
    ) -> None:
        super().__init__()
        self.values = tuple(values)
        layers: list[nn.Module] = []
        inside, side = channels, size
        while side > 4:
            outside = width if side == size else 2 * width
            layers += [
                nn.Conv2d(inside, outside, 4, stride=2, padding=1),
                nn.GroupNorm(8, outside),
                nn.SiLU(),
            ]
            inside, side = outside, side // 2
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(inside * side**2, hidden))
        self.answer = nn.Linear(hidden, sum(self.values))

    def features(self, x: Tensor) -> Tensor:
        """(n, hidden) of pictures (n, C, H, W) in [0, 1]."""
        return F.silu(self.layers(2 * x - 1))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Logits (n, values) of every factor."""
        return self.answer(self.features(x)).float().split(self.values, 1)

    def read(self, x: Tensor) -> Tensor:
        """The likeliest codes of pictures, int64 (n, factors)."""
        return torch.stack([logits.argmax(1) for logits in self(x)], 1)
