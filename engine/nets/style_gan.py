"""A small generator driven by styles, and the discriminator that teaches it.

Source: T. Karras, S. Laine, M. Aittala, J. Hellsten, J. Lehtinen, T. Aila, Analyzing and Improving
the Image Quality of StyleGAN, CVPR 2020, https://arxiv.org/abs/1912.04958: a mapping network,
styles that scale the input of every convolution, features brought back to unit strength
(demodulation), weights at run time divided by the root of their inputs. Pictures are small and
pixel art has no grain, so that there are no noise inputs: a picture depends on its latent alone.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.method import BadInput

#: Side of the constant from which a picture grows.
_COARSE = 4
_EPSILON = 1e-8


def _active(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2)


class Dense(nn.Module):
    """A linear layer whose weights are drawn with unit variance and scaled when they are used.

    The scale is that of He et al. 2015 for what ``_active`` lets through.

    Args:
        bias: at the start.
        rate: weights and bias learn so many times slower.
    """

    def __init__(self, inside: int, outside: int, bias: float = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self.rate = rate
        self.gain = rate * math.sqrt(2 / inside)
        self.weight = nn.Parameter(torch.randn(outside, inside) / rate)
        self.bias = nn.Parameter(torch.full((outside,), bias / rate))

    def effective(self) -> Tensor:
        """The weights as they are used, (outside, inside)."""
        return self.weight * self.gain

    def forward(self, x: Tensor) -> Tensor:
        """``x`` (n, inside) to (n, outside)."""
        return F.linear(x, self.effective(), self.bias * self.rate)


class Conv(nn.Module):
    """A convolution scaled like ``Dense``: of any odd size, or 4x4 to half the side."""

    def __init__(self, inside: int, outside: int, kernel: int) -> None:
        super().__init__()
        self.gain = math.sqrt(2 / (inside * kernel**2))
        self.stride, self.padding = (2, 1) if kernel == 4 else (1, kernel // 2)
        self.weight = nn.Parameter(torch.randn(outside, inside, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outside))

    def forward(self, x: Tensor) -> Tensor:
        """``x`` (n, inside, s, s) to (n, outside, s or s / 2, ...)."""
        weight = self.weight * self.gain
        return F.conv2d(x, weight, self.bias, stride=self.stride, padding=self.padding)


class StyledConv(nn.Module):
    """A convolution that a style modulates; 3x3, or transposed 4x4 to twice the side.

    To scale the inputs of a kernel is to scale the features that it sees, and to bring its output
    back to unit strength is to divide what comes out: both are done to the features, which
    serves all pictures of a batch with one kernel.
    """

    def __init__(self, inside: int, outside: int, style: int, *, doubles: bool = False) -> None:
        super().__init__()
        self.doubles = doubles
        kernel = 4 if doubles else 3
        self.weight = nn.Parameter(torch.randn(outside, inside, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outside))
        self.style = Dense(style, inside, bias=1.0)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """``x`` (n, inside, s, s) to (n, outside, s or 2 s, ...); ``w`` (n, style)."""
        scale = self.style(w)
        weight = self.weight
        # Of a doubling kernel every pixel meets a quarter.
        met = weight.square().sum((2, 3)) / (4 if self.doubles else 1)
        strength = torch.rsqrt(0.5 * scale.square() @ met.mT + _EPSILON)
        h = x * scale.to(x.dtype)[:, :, None, None]
        if self.doubles:
            h = F.conv_transpose2d(h, weight.transpose(0, 1), stride=2, padding=1)
        else:
            h = F.conv2d(h, weight, padding=1)
        bias, strength = self.bias.to(h.dtype), strength.to(h.dtype)
        return _active(torch.addcmul(bias[:, None, None], h, strength[:, :, None, None]))


class StyleStage(nn.Module):
    """Twice the side, then once more at that side."""

    def __init__(self, inside: int, outside: int, style: int) -> None:
        super().__init__()
        self.first = StyledConv(inside, outside, style, doubles=True)
        self.second = StyledConv(outside, outside, style)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """``x`` (n, inside, s, s) to (n, outside, 2 s, 2 s)."""
        return self.second(self.first(x, w), w)


class StyleGenerator(nn.Module):
    """From a latent ``w`` to a picture; ``w`` itself is made of a normal ``z`` by the mapping.

    What is walked in is ``w``, standardized: over samples every number has mean 0, and their
    average variance is 1.

    Args:
        channels: of the pictures, 1 for gray, 3 for RGB.
        widths: features at 4, 8, 16, ... pixels a side.
        latent_dim: numbers of ``z`` and of ``w``, d.
        layers: dense layers of the mapping.
    """

    prior: Literal["gaussian"] = "gaussian"

    def __init__(
        self,
        channels: int = 3,
        widths: tuple[int, ...] = (128, 96, 64, 32),
        latent_dim: int = 64,
        layers: int = 3,
    ) -> None:
        super().__init__()
        if latent_dim < 1 or layers < 1 or len(widths) < 2:
            raise BadInput("latent_dim and layers must be at least 1, widths at least 2", "widths")
        self.channels, self.latent_dim = channels, latent_dim
        self.size = _COARSE * 2 ** (len(widths) - 1)
        self.shape = (channels, self.size, self.size)
        self.mapping = nn.ModuleList(Dense(latent_dim, latent_dim, rate=0.1) for _ in range(layers))
        self.start = nn.Parameter(torch.randn(1, widths[0], _COARSE, _COARSE))
        self.coarse = StyledConv(widths[0], widths[0], latent_dim)
        self.stages = nn.ModuleList(
            StyleStage(inside, outside, latent_dim) for inside, outside in pairwise(widths)
        )
        self.last = Conv(widths[-1], channels, 1)

    def style(self, z: Tensor) -> Tensor:
        """``w`` (n, d) of normal numbers ``z`` (n, d)."""
        h = z * torch.rsqrt(z.square().mean(1, keepdim=True) + _EPSILON)
        for layer in self.mapping[:-1]:
            h = _active(layer(h))
        return self.mapping[-1](h)

    def decode(self, z: Tensor) -> Tensor:
        """Pictures (n, C, H, W) in [0, 1] of latents ``w`` (n, d)."""
        h = self.coarse(self.start.expand(z.shape[0], -1, -1, -1), z)
        for stage in self.stages:
            h = stage(h, z)
        return torch.sigmoid(self.last(h))

    def forward(self, z: Tensor) -> Tensor:
        """Pictures (n, C, H, W) in [0, 1] of normal numbers ``z`` (n, d)."""
        return self.decode(self.style(z))

    def encode(self, x: Tensor) -> None:
        """None: a picture's latent is found by optimization alone."""

    @torch.no_grad()
    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """``count`` latents ``w`` (count, d), ready to be walked in."""
        z = torch.randn(count, self.latent_dim, generator=rng)
        return self.style(z.to(self.start))

    def styled(self) -> list[StyledConv]:
        """The layers that look at ``w``, coarse to fine."""
        return [self.coarse, *(c for s in self.stages for c in (s.first, s.second))]

    def first_linear(self) -> Tensor:
        """The weights by which ``w`` becomes the styles of all layers, (features, d)."""
        return torch.cat([layer.style.effective() for layer in self.styled()]).detach()

    def blocks(self) -> tuple[nn.Module, ...]:
        """The synthesis in order."""
        return (self.coarse, *self.stages, self.last)

    @torch.no_grad()
    def standardize(self, mean: Tensor, deviation: float) -> None:
        """Let ``(w - mean) / deviation`` be the new ``w``; the pictures stay what they are.

        Args:
            mean: (d,).
        """
        last = self.mapping[-1]
        last.weight /= deviation
        last.bias.copy_((last.bias - mean / last.rate) / deviation)
        for layer in self.styled():
            dense = layer.style
            dense.bias += dense.effective() @ mean / dense.rate
            dense.weight *= deviation


class Discriminator(nn.Module):
    """How real pictures look: one number (n,) each, positive for real.

    The mirror image of ``StyleGenerator``, without styles. The mean deviation of each feature
    among the batch is one more feature at the end, so that pictures all alike are found out
    (Karras et al. 2018).

    Args:
        channels: of the pictures.
        widths: features at 4, 8, 16, ... pixels a side.
    """

    def __init__(self, channels: int = 3, widths: tuple[int, ...] = (128, 96, 64, 32)) -> None:
        super().__init__()
        fine = list(reversed(widths))
        self.first = Conv(channels, fine[0], 3)
        self.down = nn.ModuleList()
        for inside, outside in pairwise(fine):
            self.down.extend([Conv(inside, outside, 4), Conv(outside, outside, 3)])
        self.coarse = Conv(fine[-1] + 1, fine[-1], 3)
        self.dense = Dense(fine[-1] * _COARSE**2, fine[-1])
        self.last = Dense(fine[-1], 1)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` (n, C, H, W) in [0, 1]."""
        h = _active(self.first(2 * x - 1))
        for conv in self.down:
            h = _active(conv(h))
        spread = torch.sqrt(h.float().var(0, correction=0) + _EPSILON).mean()
        h = torch.cat([h, spread.to(h.dtype).expand(len(h), 1, *h.shape[2:])], 1)
        h = _active(self.coarse(h))
        return self.last(_active(self.dense(h.flatten(1))))[:, 0].float()


class Adversaries(nn.Module):
    """A generator and its discriminator, which learn together."""

    def __init__(self, generator: StyleGenerator, discriminator: Discriminator) -> None:
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator
