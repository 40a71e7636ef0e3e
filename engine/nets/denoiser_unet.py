"""Noise-conditional, bias-free, fully convolutional U-Net for image denoising.

Architecture after Ronneberger et al. 2015 (U-Net), Mohan et al. 2020 (bias-free
networks) and Zhang et al. 2021 (DRUNet: residual blocks, noise level as an input
channel). Without biases and normalization the network is a piecewise linear map,
so ``D(a * x, a * sigma) == a * D(x, sigma)`` for every ``a > 0``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ResidualBlock(nn.Module):
    """``x + conv(relu(conv(x)))`` with 3x3 kernels and no bias."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(x)))


def _stage(channels: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)))


class DenoiserUNet(nn.Module):
    """Estimates the clean picture from a noisy one and its noise level.

    The picture and a constant map of ``sigma`` enter at half resolution (2x2 pixels
    folded into channels), where most of the work is done at a quarter of the cost.

    Args:
        channels: picture channels (3 for RGB).
        widths: feature channels per level, finest first.
        blocks: residual blocks per level and direction.
    """

    #: It takes pictures of any size.
    size: int | None = None
    #: The strongest noise of its recipe, [0, 1] units.
    sigma_max = 1.1

    def __init__(
        self,
        channels: int = 3,
        widths: tuple[int, ...] = (64, 128, 192),
        blocks: tuple[int, ...] = (2, 2, 2),
    ) -> None:
        super().__init__()
        if len(widths) != len(blocks):
            raise ValueError(f"widths {widths} and blocks {blocks} must have equal length")
        self.channels = channels
        #: Height and width are padded to a multiple of this inside ``forward``.
        self.multiple = 2 ** len(widths)
        self.head = nn.Conv2d(4 * (channels + 1), widths[0], 3, padding=1, bias=False)
        self.encoder = nn.ModuleList()
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        self.decoder = nn.ModuleList()
        for level in range(len(widths) - 1):
            here, below = widths[level], widths[level + 1]
            self.encoder.append(_stage(here, blocks[level]))
            self.down.append(nn.Conv2d(here, below, 2, stride=2, bias=False))
            self.up.append(nn.ConvTranspose2d(below, here, 2, stride=2, bias=False))
            self.decoder.append(_stage(here, blocks[level]))
        self.bottom = _stage(widths[-1], blocks[-1])
        self.tail = nn.Conv2d(widths[0], 4 * channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Denoise.

        Args:
            x: pictures ``(batch, channel, height, width)`` in [0, 1] units, any size.
            sigma: noise standard deviation per picture ``(batch,)`` in the same units.

        Returns:
            The estimate of the clean pictures, same shape as ``x``.
        """
        height, width = x.shape[-2:]
        pad = (0, -width % self.multiple, 0, -height % self.multiple)
        return self.core(F.pad(x, pad, mode="replicate"), sigma)[..., :height, :width]

    def core(self, x: Tensor, sigma: Tensor) -> Tensor:
        """``forward`` for heights and widths that are multiples of ``multiple`` (exported)."""
        noise_map = sigma.reshape(-1, 1, 1, 1).expand(-1, 1, *x.shape[-2:])
        h = self.head(F.pixel_unshuffle(torch.cat([x, noise_map], 1), 2))
        skips = []
        for encode, down in zip(self.encoder, self.down, strict=True):
            h = encode(h)
            skips.append(h)
            h = down(h)
        h = self.bottom(h)
        for up, decode, skip in zip(
            reversed(self.up), reversed(self.decoder), reversed(skips), strict=True
        ):
            h = decode(up(h) + skip)
        return x + F.pixel_shuffle(self.tail(h), 2)
