"""The recipe of the classifiers: the class of a small picture under noise of any strength.

Cross entropy over the noise levels of the score networks, so that the gradient of
``log p(class | x, sigma)`` may be added to their score at every step of a sampler.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.data.small_pictures import SmallPictures, draw
from engine.models.precision import mixed
from engine.models.score_prior import noise_levels
from engine.nets.classifier import NoiseClassifier

#: Noise levels ([0, 1] units) at which a card states the accuracy.
SIGMAS = (0.02, 0.1, 0.25, 0.5, 1.0)


class NoiseClassification:
    """Recipe for ``engine.models.training.fit``.

    Args:
        pictures: the set, with labels.
        architecture: arguments of ``NoiseClassifier``.
        batch: pictures per step.
    """

    kind: type[nn.Module] = NoiseClassifier

    def __init__(
        self,
        pictures: SmallPictures,
        architecture: dict[str, Any],
        *,
        batch: int = 128,
        device: str = "cpu",
    ) -> None:
        self.pictures = pictures
        self.architecture = architecture
        self.batch = batch
        self.device = device

    def network(self) -> nn.Module:
        """The untrained classifier."""
        return NoiseClassifier(**self.architecture)

    def loss(self, network: nn.Module, step: int, seed: int) -> Tensor:
        """Cross entropy of one batch."""
        rng = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**32)
        clean, labels = draw(self.pictures, self.batch, rng)
        sigma = noise_levels(self.architecture, self.batch, rng)
        noisy = clean + sigma.reshape(-1, 1, 1, 1) * torch.randn(clean.shape, generator=rng)
        noisy = noisy.to(self.device).contiguous(memory_format=torch.channels_last)
        with mixed(self.device):
            logs = network(noisy, sigma.to(self.device))
        return F.nll_loss(logs, labels.to(self.device))

    @torch.no_grad()
    def watch(self, network: nn.Module) -> dict[str, float]:
        """Share of the held-back pictures that are told right, per sigma, over four noises."""
        clean = self.pictures.held_back.float() / 255
        shares = {}
        for sigma in SIGMAS:
            rng = torch.Generator().manual_seed(0)
            right = 0.0
            for _ in range(4):
                noisy = clean + sigma * torch.randn(clean.shape, generator=rng)
                told = network(noisy, torch.full((len(clean),), sigma)).argmax(1)
                right += float((told == self.pictures.held_back_labels).float().mean()) / 4
            shares[f"accuracy_sigma_{sigma:g}"] = right
        return shares

    def measure(self, network: nn.Module, options: argparse.Namespace) -> dict[str, float]:
        """What the card states."""
        return {f"held_back_{k}": v for k, v in self.watch(network).items()}
