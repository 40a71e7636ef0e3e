"""A variational autoencoder of small pictures, of the size that its field compares on.

Source: C. Burgess, I. Higgins, A. Pal, L. Matthey, N. Watters, G. Desjardins, A. Lerchner,
Understanding disentangling in beta-VAE, 2018, https://arxiv.org/abs/1804.03599, for the layers:
convolutions of 32 kernels of 4x4 that halve the side down to 4, two dense layers of 256, and
their mirror image. SiLU stands where they have ReLU, so that a picture is a smooth function of
its latent.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from engine.method import BadInput

#: Sides of the pictures that the layers are made for.
SIZES = (32, 64)
#: Side of the coarsest features.
_COARSE = 4
#: What SiLU takes from a signal: 1 / sqrt(E[silu(x)^2]), x standard normal.
_GAIN = 1.677


class ConvVAE(nn.Module):
    """Encoder and decoder; the prior of a latent is standard normal.

    Args:
        channels: of the pictures, 1 for gray, 3 for RGB.
        size: their side in pixels, 32 or 64.
        latent_dim: numbers of a latent, d.
        width: channels of every inner convolution.
        hidden: length of the dense layers.
    """

    prior: Literal["gaussian"] = "gaussian"

    def __init__(
        self,
        channels: int = 1,
        size: int = 32,
        latent_dim: int = 10,
        width: int = 32,
        hidden: int = 256,
    ) -> None:
        super().__init__()
        if size not in SIZES:
            raise BadInput(f"size is {size}; it must be 32 or 64 pixels", "size")
        if latent_dim < 1:
            raise BadInput(f"latent_dim is {latent_dim}; it must be at least 1", "latent_dim")
        self.channels, self.size, self.latent_dim = channels, size, latent_dim
        self.shape = (channels, size, size)
        stages = (size // _COARSE).bit_length() - 1
        flat = width * _COARSE**2
        seen = [channels, *[width] * (stages - 1)]
        down: list[nn.Module] = []
        for inside in seen:
            down += [nn.Conv2d(inside, width, 4, stride=2, padding=1), nn.SiLU()]
        self.encoder = nn.Sequential(*down, nn.Flatten(), *_dense(flat, hidden, hidden))
        self.posterior_head = nn.Linear(hidden, 2 * latent_dim)
        self.dense = nn.Sequential(
            *_dense(latent_dim, hidden, hidden, flat), nn.Unflatten(1, (width, _COARSE, _COARSE))
        )
        self.up = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(width, width, 4, stride=2, padding=1), nn.SiLU())
            for _ in range(stages - 1)
        )
        self.last = nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1)

    @torch.no_grad()
    def start_even(self, pictures: Tensor) -> None:
        """Draw the weights anew, so that signals keep their strength and pictures begin as a mean.

        Torch's own first weights weaken a signal in every layer, until a picture hardly depends on
        its latent: training then lingers where no latent tells anything, for thousands of steps if
        the penalty is high. That can be wanted, where latents should come alive one by one. These
        are He et al.'s (Delving Deep into Rectifiers, 2015) with SiLU in the place of their ReLU.

        Args:
            pictures: (n, C, H, W) in [0, 1], whose mean color is decoded at first.
        """
        plain = {self.encoder[0], self.posterior_head, self.dense[0], self.last}
        for layer in self.modules():
            if isinstance(layer, nn.ConvTranspose2d):
                # Of the 16 places of a kernel, one of stride 2 adds up 4.
                added = 4 * layer.in_channels
            elif isinstance(layer, nn.Linear | nn.Conv2d):
                added = layer.weight[0].numel()
            else:
                continue
            nn.init.normal_(layer.weight, std=(1.0 if layer in plain else _GAIN) / added**0.5)
            nn.init.zeros_(layer.bias)
        self.last.bias.copy_(pictures.mean((0, 2, 3)).clamp(0.01, 0.99).logit())

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance, (n, d) each, of what latent a picture (n, C, H, W) has."""
        mean, log_variance = self.posterior_head(self.encoder(x)).chunk(2, 1)
        return mean, log_variance

    def logits(self, z: Tensor) -> Tensor:
        """Pictures (n, C, H, W) of latents (n, d), before the sigmoid."""
        h = self.dense(z)
        for stage in self.up:
            h = stage(h)
        return self.last(h)

    def decode(self, z: Tensor) -> Tensor:
        """Pictures (n, C, H, W) in [0, 1] of latents (n, d)."""
        return torch.sigmoid(self.logits(z))

    def encode(self, x: Tensor) -> Tensor:
        """Posterior means (n, d) of pictures (n, C, H, W) in [0, 1]."""
        return self.posterior(x)[0]

    def forward(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits, and latent, mean and log variance behind them.

        Args:
            x: pictures (n, C, H, W) in [0, 1].
            noise: standard normal numbers (n, d).
        """
        mean, log_variance = (part.float() for part in self.posterior(x))
        z = mean + torch.exp(0.5 * log_variance) * noise
        return self.logits(z).float(), z, mean, log_variance

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """``count`` standard normal latents (count, d)."""
        return torch.randn(count, self.latent_dim, generator=rng)

    def first_linear(self) -> Tensor:
        """Weights of the decoder's first layer, (hidden, d)."""
        return self.dense[0].weight.detach()

    def blocks(self) -> tuple[nn.Module, ...]:
        """The decoder in order: dense layers, each doubling of the side, and the sigmoid."""
        return (self.dense, *self.up, self.last, nn.Sigmoid())


def _dense(*lengths: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for inside, outside in pairwise(lengths):
        layers += [nn.Linear(inside, outside), nn.SiLU()]
    return layers
