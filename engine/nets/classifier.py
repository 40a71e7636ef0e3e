"""Noise-conditional classifier of small pictures: ``log p(class | x, sigma)``.

Its gradient steers a sampler towards a class (Song et al. 2021, section 5; Dhariwal and
Nichol 2021). Blocks and noise embedding are those of the score network.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.nets.score_unet import Block, Down, Edge, NoiseConditional, centered


class NoiseClassifier(NoiseConditional):
    """A small convolutional network that is told the noise level.

    Args:
        class_names: the classes, in the order of the answer's columns.
        channels: picture channels, 3 for RGB, 1 for gray.
        size: side of the pictures in pixels, a multiple of 8.
        widths: feature channels at a half, a quarter and an eighth of the side.
        embedding: length of the vector that tells the blocks the noise level.
        mean, deviation: of the pixels of the training set, in centered units [-1, 1].
        sigma_min, sigma_max: noise levels of the training, in [0, 1] units.
    """

    def __init__(
        self,
        class_names: tuple[str, ...],
        channels: int = 3,
        size: int = 32,
        widths: tuple[int, int, int] = (32, 48, 80),
        embedding: int = 64,
        mean: float = 0.0,
        deviation: float = 0.6,
        sigma_min: float = 0.002,
        sigma_max: float = 25.0,
    ) -> None:
        super().__init__()
        self.class_names = tuple(class_names)
        self.channels = channels
        self.size = size
        self.mean = mean
        self.deviation = deviation
        self.sigma_min = sigma_min
        self.sigma_max = sigma_max
        fine, middle, coarse = widths
        self.head = Edge(4 * channels, fine)
        self.add_embedding(embedding)
        self.blocks = nn.ModuleList(Block(w, w, embedding) for w in widths)
        self.downs = nn.ModuleList([Down(fine, middle), Down(middle, coarse)])
        self.norm = nn.GroupNorm(8, coarse)
        self.tail = nn.Linear(coarse, len(self.class_names), bias=False)

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Log probabilities ``(batch, classes)``.

        Args:
            x: pictures ``(batch, channels, size, size)`` in [0, 1] units, not clipped.
            sigma: noise standard deviation per picture ``(batch,)`` in the same units.
        """
        s = centered(sigma)
        x = (2 * x - 1 - self.mean) / (s.square() + self.deviation**2).sqrt()
        e = self.embed(s.flatten())
        h = self.blocks[0](self.head(F.pixel_unshuffle(x, 2)), e)
        for down, block in zip(self.downs, self.blocks[1:], strict=True):
            h = block(down(h), e)
        pooled = F.silu(self.norm(h)).mean((2, 3))
        return torch.log_softmax(self.tail(pooled).float(), 1)
