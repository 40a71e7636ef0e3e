"""The recipe of the score networks: Gaussian noise of any strength on small pictures.

Denoising score matching (Vincent 2011; Song et al. 2021) in the parameterization and with
the weighting of Karras et al. 2022: the squared error of the estimate, divided by the
square of ``c_out``, so that every noise level asks the same of the network at the start.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from engine.data.small_pictures import SmallPictures, draw
from engine.models.photo_denoiser import psnr
from engine.models.precision import mixed
from engine.nets.score_unet import ScoreUNet

#: ln of the centered noise level: mean and standard deviation of three draws of four. The
#: fourth is spread evenly over the whole range, which the likelihood and the first steps
#: of a sampler need.
LOG_MEAN, LOG_DEVIATION = -0.6, 1.3
#: Noise levels ([0, 1] units) at which a card states the PSNR.
SIGMAS = (0.05, 0.1, 0.2, 0.5)


def noise_levels(architecture: dict[str, Any], count: int, rng: torch.Generator) -> Tensor:
    """Noise levels of a batch, [0, 1] units, between the network's least and greatest."""
    low = math.log(2 * architecture["sigma_min"])
    high = math.log(2 * architecture["sigma_max"])
    common = LOG_MEAN + LOG_DEVIATION * torch.randn(count, generator=rng)
    spread = low + (high - low) * torch.rand(count, generator=rng)
    chosen = torch.where(torch.rand(count, generator=rng) < 0.75, common, spread)
    return chosen.clamp(low, high).exp() / 2


class ScorePrior:
    """Recipe for ``engine.models.training.fit``.

    Args:
        pictures: the set.
        architecture: arguments of ``ScoreUNet``, with ``mean`` and ``deviation``.
        batch: pictures per step.
    """

    kind: type[nn.Module] = ScoreUNet

    def __init__(
        self,
        pictures: SmallPictures,
        architecture: dict[str, Any],
        *,
        batch: int = 64,
        device: str = "cpu",
    ) -> None:
        self.pictures = pictures
        self.architecture = architecture
        self.batch = batch
        self.device = device

    def network(self) -> nn.Module:
        """The untrained U-Net."""
        return ScoreUNet(**self.architecture)

    def draw(self, step: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
        """Clean pictures in [0, 1], their sigmas and unit noise of one step."""
        rng = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**32)
        clean, _ = draw(self.pictures, self.batch, rng)
        sigma = noise_levels(self.architecture, self.batch, rng)
        return clean, sigma, torch.randn(clean.shape, generator=rng)

    def weighted(self, network: nn.Module, clean: Tensor, sigma: Tensor, noise: Tensor) -> Tensor:
        """The loss per picture: squared error of the estimate over ``c_out`` squared."""
        noisy = clean + sigma.reshape(-1, 1, 1, 1) * noise
        with mixed(self.device):
            estimate = network(noisy.contiguous(memory_format=torch.channels_last), sigma)
        variance, level = self.architecture["deviation"] ** 2, (2 * sigma).square()
        scale = level * variance / (level + variance)
        error: Tensor = (2 * (estimate.float() - clean)).square().mean((1, 2, 3)) / scale
        return error

    def loss(self, network: nn.Module, step: int, seed: int) -> Tensor:
        """Mean weighted error of one batch."""
        clean, sigma, noise = (t.to(self.device) for t in self.draw(step, seed))
        return self.weighted(network, clean, sigma, noise).mean()

    def watch(self, network: nn.Module) -> dict[str, float]:
        """Mean PSNR (dB) of the held-back pictures per sigma, and their mean weighted loss."""
        clean = self.pictures.held_back.float() / 255
        return self._psnr(network, clean) | {"loss": self._held_back_loss(network, clean)}

    def measure(self, network: nn.Module, options: argparse.Namespace) -> dict[str, float]:
        """What the card states."""
        return {f"held_back_{k}": v for k, v in self.watch(network).items()}

    def _psnr(self, network: nn.Module, clean: Tensor) -> dict[str, float]:
        denoise = whole(network)
        means = {}
        for sigma in SIGMAS:
            rng = torch.Generator().manual_seed(0)
            noisy = clean + sigma * torch.randn(clean.shape, generator=rng)
            estimate = denoise(noisy, sigma).clamp(0, 1)
            values = [psnr(a, b) for a, b in zip(estimate, clean, strict=True)]
            means[f"psnr_sigma_{sigma:g}"] = sum(values) / len(values)
        return means

    @torch.no_grad()
    def _held_back_loss(self, network: nn.Module, clean: Tensor) -> float:
        rng = torch.Generator().manual_seed(0)
        values = []
        for _ in range(4):
            sigma = noise_levels(self.architecture, len(clean), rng)
            noise = torch.randn(clean.shape, generator=rng)
            values.append(float(self.weighted(network, clean, sigma, noise).mean()))
        return sum(values) / len(values)


def whole(network: nn.Module) -> Callable[[Tensor, float], Tensor]:
    """The network in evaluation mode as ``denoise(x, sigma)`` for one sigma."""

    @torch.no_grad()
    def denoise(x: Tensor, sigma: float) -> Tensor:
        levels = torch.full((len(x),), sigma)
        estimate: Tensor = network(x.contiguous(memory_format=torch.channels_last), levels)
        return estimate

    return denoise
