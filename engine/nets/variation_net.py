"""The network that learns, from what changed in a picture, which direction was walked.

Source: X. Zhu, C. Xu, D. Tao, Learning Disentangled Representations with Latent Variation
Predictability, ECCV 2020, https://arxiv.org/abs/2007.12885.
"""

from __future__ import annotations

from torch import Tensor, nn


class VariationNet(nn.Module):
    """Four convolutions with batch norms, an average over all places, one linear layer.

    Args:
        channels: of a picture.
        count: of directions.
        width: feature channels of the first two convolutions; the authors take 64. The others have
            two and four times as many.
    """

    def __init__(self, channels: int, count: int, width: int = 64) -> None:
        super().__init__()

        def block(inside: int, outside: int, side: int, stride: int = 1) -> list[nn.Module]:
            kernel = nn.Conv2d(inside, outside, side, stride, side // 2, bias=False)
            return [kernel, nn.BatchNorm2d(outside), nn.ReLU()]

        self.features = nn.Sequential(
            *block(channels, width, 7, 2),
            *block(width, width, 3),
            nn.MaxPool2d(3, 2, 1),
            *block(width, 2 * width, 3),
            *block(2 * width, 4 * width, 3),
        )
        self.answer = nn.Linear(4 * width, count)

    def forward(self, change: Tensor) -> Tensor:
        """Logits (n, count) of differences of pictures (n, channels, H, W)."""
        return self.answer(self.features(change).mean((2, 3)))
