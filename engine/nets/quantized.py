"""QLAE: an autoencoder each of whose latents takes one of few learned values.

Source: K. Hsu, W. Dorrell, J. Whittington, J. Wu, C. Finn, Disentanglement via Latent
Quantization, NeurIPS 2023, https://arxiv.org/abs/2305.18378, in a size that a processor trains:
three convolutions and one dense layer each way.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.method import BadInput
from engine.nets.score_unet import Edge

#: Side of the coarsest features; three halvings lead from 32 pixels there.
_COARSE = 4
#: Half of the range over which the values of a codebook are spread at first.
_REACH = 0.5
_START = 0.1
#: Added to a variance, as torch does.
_EPSILON = 1e-5


class Quantized(NamedTuple):
    """Latents before and after quantization, (n, d) each.

    Attributes:
        raw: what the encoder says.
        values: the nearest member of each latent's codebook.
        index: which one, int64.
        through: ``values``, with the gradient of ``raw`` (straight-through).
    """

    raw: Tensor
    values: Tensor
    index: Tensor
    through: Tensor


class Codebooks(nn.Module):
    """``values`` learned numbers for each of ``latent_dim`` latents, evenly spread at first."""

    def __init__(self, latent_dim: int, values: int) -> None:
        super().__init__()
        if values < 2:
            raise BadInput(f"values is {values}; a codebook needs at least 2", "values")
        spread = torch.linspace(-_REACH, _REACH, values)
        self.values = nn.Parameter(spread.repeat(latent_dim, 1))

    def forward(self, raw: Tensor) -> Quantized:
        """Quantize ``raw`` (n, d)."""
        index = (raw.detach()[:, :, None] - self.values).abs().argmin(2)
        values = self.look_up(index)
        return Quantized(raw, values, index, raw + (values - raw).detach())

    def look_up(self, index: Tensor) -> Tensor:
        """The values (n, d) with the numbers ``index``, int64 (n, d)."""
        return self.values.expand(len(index), -1, -1).gather(2, index[:, :, None]).squeeze(2)


def normed(x: Tensor, training: bool) -> Tensor:
    """Each feature of each picture brought to mean 0 and variance 1: instance norm.

    Torch's own trains faster; written out it leaves for ONNX with any number of pictures.
    """
    if training:
        return F.instance_norm(x)
    variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(variance + _EPSILON)


class StyleBlock(nn.Module):
    """Twice the side; then the style says how strong and how high each feature is."""

    def __init__(self, inside: int, outside: int, style: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(inside, outside, 4, stride=2, padding=1)
        self.style = nn.Linear(style, 2 * outside)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """``x`` (n, inside, s, s) to (n, outside, 2 s, 2 s)."""
        h = normed(F.leaky_relu(self.conv(x), 0.2), self.training)
        scale, shift = F.relu(self.style(style)).to(h.dtype)[:, :, None, None].chunk(2, 1)
        return torch.addcmul(shift, h, scale)


class QuantizedAutoencoder(nn.Module):
    """Encoder, codebooks and a decoder that is driven by styles.

    Args:
        channels: of the pictures, 1 for gray, 3 for RGB.
        size: their side in pixels, 32 or 64.
        latent_dim: numbers of a latent, d; the authors take twice the number of factors.
        values: of every codebook.
        width: channels at 16 pixels a side for pictures of 32; doubled with every halving.
        hidden: length of the dense layers and of the style.
    """

    prior: Literal["quantized"] = "quantized"

    def __init__(
        self,
        channels: int = 3,
        size: int = 32,
        latent_dim: int = 12,
        values: int = 10,
        width: int = 32,
        hidden: int = 128,
    ) -> None:
        super().__init__()
        if size not in (32, 64):
            raise BadInput(f"size is {size}; it must be 32 or 64 pixels", "size")
        self.channels, self.size, self.latent_dim = channels, size, latent_dim
        self.shape = (channels, size, size)
        halvings = (size // _COARSE).bit_length() - 1
        widths = [width * 2**k for k in range(halvings)]
        self.down = nn.ModuleList(
            nn.Conv2d(inside, outside, 4, stride=2, padding=1, bias=False)
            for inside, outside in zip([channels, *widths], widths, strict=False)
        )
        self.seen = nn.Linear(widths[-1] * _COARSE**2, hidden)
        self.head = nn.Linear(hidden, latent_dim)
        self.codebooks = Codebooks(latent_dim, values)
        #: How often each value is met among pictures, (d, values).
        self.register_buffer("shares", torch.full((latent_dim, values), 1 / values))
        self.first = nn.Linear(latent_dim, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.start = nn.Parameter(torch.full((1, widths[-1], _COARSE, _COARSE), _START))
        back = [*reversed(widths), width]
        self.up = nn.ModuleList(
            StyleBlock(inside, outside, hidden) for inside, outside in pairwise(back)
        )
        self.last = Edge(width, channels)

    def raw(self, x: Tensor) -> Tensor:
        """Latents (n, d) of pictures (n, C, H, W) in [0, 1], before quantization."""
        for conv in self.down:
            x = normed(F.leaky_relu(conv(x), 0.2), self.training)
        return self.head(F.relu(self.seen(x.flatten(1)))).float()

    def quantize(self, x: Tensor) -> Quantized:
        """Latents of pictures (n, C, H, W) in [0, 1], before and after quantization."""
        return self.codebooks(self.raw(x))

    def logits(self, z: Tensor) -> Tensor:
        """Pictures (n, C, H, W) of any numbers ``z`` (n, d), before the sigmoid."""
        style = F.relu(self.second(F.relu(self.first(z))))
        h = self.start.expand(z.shape[0], -1, -1, -1)
        for block in self.up:
            h = block(h, style)
        return self.last(h)

    def decode(self, z: Tensor) -> Tensor:
        """Pictures (n, C, H, W) in [0, 1]; ``z`` (n, d) need not be of the codebooks."""
        return torch.sigmoid(self.logits(z))

    def encode(self, x: Tensor) -> Tensor:
        """Members of the codebooks (n, d) for pictures (n, C, H, W)."""
        return self.quantize(x).values

    def forward(self, x: Tensor) -> tuple[Tensor, Quantized]:
        """Logits of the reconstruction, and the latents behind them."""
        latents = self.quantize(x)
        return self.logits(latents.through).float(), latents

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Members of the codebooks (count, d), each latent's drawn alone, as often as met."""
        index = torch.multinomial(self.shares.cpu(), count, replacement=True, generator=rng)
        return self.codebooks.look_up(index.mT.to(self.shares.device))

    def set_shares(self, shares: Tensor) -> None:
        """How often each value is met among pictures, (d, values), rows of sum 1."""
        self.shares.copy_(shares)

    def first_linear(self) -> Tensor:
        """Weights of the decoder's first layer, (hidden, d)."""
        return self.first.weight.detach()

    def blocks(self) -> tuple[nn.Module, ...]:
        """The decoder's parts in order."""
        return (self.first, self.second, *self.up, self.last)
