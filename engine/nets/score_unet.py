"""Noise-conditional denoiser of small pictures: one network, every Gaussian diffusion.

A U-Net (Ronneberger et al. 2015) of residual blocks that are told the noise level, with
self-attention at the coarsest level (Ho et al. 2020), inside the preconditioning of
Karras et al. 2022 (EDM), which keeps input, output and target of the network at unit
variance for every noise level.

In centered units ``c = 2x - 1`` it estimates ``D(c, s) = E[c0 | c0 + s n = c]``. That is

- the score of the variance-exploding process, ``(D(c, s) - c) / s^2`` (Tweedie's formula);
- by the change of variables ``x_t = a c0 + s n  <->  x_t / a`` at noise ``s / a``, the score
  of the variance-preserving and sub-variance-preserving processes of Song et al. 2021,
  ``(a D(x_t / a, s / a) - x_t) / s^2``;
- with ``a = 1 - t``, ``s = t`` the rectified flow of independent coupling (Liu et al. 2022),
  ``v = (x_t - D(x_t / a, s / a)) / t``.

So VE, VP, sub-VP and flow are one network read in four ways (Karras et al. 2022, section 2).
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut; the noise level scales and shifts in between."""

    def __init__(self, inputs: int, outputs: int, embedding: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.level = nn.Linear(embedding, 2 * outputs)
        self.norm2 = nn.GroupNorm(8, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.level(embedding)[:, :, None, None].chunk(2, 1)
        h = self.conv2(F.silu(self.norm2(h) * (1 + scale) + shift))
        return self.shortcut(x) + h


class Edge(nn.Conv2d):
    """A 3x3 convolution from or to few channels, fast to train.

    On a CPU the backward pass of a bfloat16 convolution is some 20 times faster when its
    channels fill blocks of 16, so while training they are padded with zeros.
    """

    def __init__(self, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__(inputs, outputs, 3, padding=1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        more_in, more_out = -self.in_channels % 16, -self.out_channels % 16
        weight = F.pad(self.weight, (0, 0, 0, 0, 0, more_in, 0, more_out))
        weight = weight.contiguous(memory_format=torch.channels_last)
        bias = None if self.bias is None else F.pad(self.bias, (0, more_out))
        x = F.pad(x, (0, 0, 0, 0, 0, more_in)).contiguous(memory_format=torch.channels_last)
        return F.conv2d(x, weight, bias, padding=1)[:, : self.out_channels]


class Down(nn.Sequential):
    """Half the side: 2x2 pixels become channels, then a 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.PixelUnshuffle(2), nn.Conv2d(4 * inputs, outputs, 1))


class Up(nn.Sequential):
    """Twice the side: a 1x1 convolution, then channels become 2x2 pixels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Conv2d(inputs, 4 * outputs, 1), nn.PixelShuffle(2))


class Attention(nn.Module):
    """Self-attention over all pixels, four heads, added to its input (Vaswani et al. 2017)."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(8, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        depth = channels // self.heads
        qkv = self.qkv(self.norm(x)).reshape(batch, 3 * self.heads, depth, height * width)
        q, k, v = qkv.chunk(3, 1)
        weights = torch.softmax((q.mT @ k) / math.sqrt(depth), -1)
        return x + self.out((v @ weights.mT).reshape(batch, channels, height, width))


class NoiseConditional(nn.Module):
    """A network that is told the noise level; ``core`` is what export and zoo call."""

    def add_embedding(self, length: int) -> None:
        """The layers of ``embed``, whose answer has ``length`` numbers."""
        half = length // 2
        # Periods of 32 down to 1/4 in ln(sigma), which spans about 9.
        frequencies = 2 * math.pi * torch.logspace(-5, 2, half, base=2.0)
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.embed1 = nn.Linear(2 * half, length)
        self.embed2 = nn.Linear(length, length)

    def embed(self, sigma: Tensor) -> Tensor:
        """Noise levels ``(batch,)``, centered units, as vectors for the blocks."""
        angles = torch.log(sigma)[:, None] * self.frequencies
        e = torch.cat([angles.sin(), angles.cos()], 1)
        return F.silu(self.embed2(F.silu(self.embed1(e))))


def centered(sigma: Tensor) -> Tensor:
    """Noise levels of [0, 1] units in centered ones, ``(batch, 1, 1, 1)``, never zero."""
    return 2 * sigma.reshape(-1, 1, 1, 1).clamp_min(1e-4)


class ScoreUNet(NoiseConditional):
    """Estimates the clean picture from a noisy one and its noise level.

    Args:
        channels: picture channels, 3 for RGB, 1 for gray.
        size: side of the pictures in pixels, a multiple of ``fold * 2 ** (len(widths) - 1)``.
        fold: so many pixels a side become channels first, where work is cheaper.
        widths: feature channels per level, finest first; multiples of 8.
        blocks: residual blocks per level and direction.
        embedding: length of the vector that tells the blocks the noise level.
        mean, deviation: of the pixels of the training set, in centered units [-1, 1].
        sigma_min, sigma_max: noise levels of the training, in [0, 1] units.
    """

    def __init__(
        self,
        channels: int = 3,
        size: int = 32,
        fold: int = 2,
        widths: tuple[int, ...] = (64, 128),
        blocks: int = 2,
        embedding: int = 128,
        mean: float = 0.0,
        deviation: float = 0.6,
        sigma_min: float = 0.002,
        sigma_max: float = 25.0,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.size = size
        #: Height and width are multiples of this; ``size`` is one.
        self.multiple = fold * 2 ** (len(widths) - 1)
        self.fold = fold
        self.mean = mean
        self.deviation = deviation
        self.sigma_min = sigma_min
        self.sigma_max = sigma_max
        self.head = Edge(channels * fold**2, widths[0])
        self.add_embedding(embedding)
        self.encoder = nn.ModuleList()
        self.decoder = nn.ModuleList()
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        for here, below in pairwise(widths):
            stage = [Block(here, here, embedding) for _ in range(blocks)]
            self.encoder.append(nn.ModuleList(stage))
            self.down.append(Down(here, below))
            self.up.append(Up(below, here))
            entry = [Block(2 * here, here, embedding)]
            entry += [Block(here, here, embedding) for _ in range(blocks - 1)]
            self.decoder.append(nn.ModuleList(entry))
        last = widths[-1]
        self.bottom = nn.ModuleList(Block(last, last, embedding) for _ in range(2 * blocks))
        self.attention = nn.ModuleList(Attention(last) for _ in range(blocks))
        self.norm = nn.GroupNorm(8, widths[0])
        self.tail = Edge(widths[0], channels * fold**2, bias=False)
        nn.init.zeros_(self.tail.weight)

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Denoise.

        Args:
            x: pictures ``(batch, channels, size, size)`` in [0, 1] units, not clipped.
            sigma: noise standard deviation per picture ``(batch,)`` in the same units.

        Returns:
            The estimate of the clean pictures, same shape as ``x``.
        """
        return self.core(x, sigma)

    def core(self, x: Tensor, sigma: Tensor) -> Tensor:
        """``forward``, under the name that export and zoo call."""
        s = centered(sigma)
        total = (s.square() + self.deviation**2).sqrt()
        c = 2 * x - 1 - self.mean
        features = self.features(c / total, s.flatten()).to(x.dtype)
        estimate = c * (self.deviation / total).square() + features * (s * self.deviation / total)
        return (estimate + self.mean + 1) / 2

    def features(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The bare network of EDM: input and output of unit variance; ``sigma`` is centered."""
        e = self.embed(sigma)
        h = self.head(F.pixel_unshuffle(x, self.fold))
        skips = []
        for stage, down in zip(self.encoder, self.down, strict=True):
            for block in stage:
                h = block(h, e)
            skips.append(h)
            h = down(h)
        middle = len(self.bottom) // 2
        for index, block in enumerate(self.bottom):
            h = block(h, e)
            if index >= middle:
                h = self.attention[index - middle](h)
        for up, stage, skip in zip(
            reversed(self.up), reversed(self.decoder), reversed(skips), strict=True
        ):
            h = torch.cat([up(h), skip], 1)
            for block in stage:
                h = block(h, e)
        return F.pixel_shuffle(self.tail(F.silu(self.norm(h))), self.fold)
