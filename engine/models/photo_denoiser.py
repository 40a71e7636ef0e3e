"""The recipe of ``photo-denoiser``: Gaussian noise of any strength on photographs.

Squared error, so the network estimates the posterior mean and, by Tweedie's formula,
``(D(x, sigma) - x) / sigma**2`` is the score of the noisy photographs.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from engine.method import BadInput
from engine.models.precision import mixed
from engine.nets.denoiser_unet import DenoiserUNet

#: Three of four patches draw sigma evenly up to here; the rest go on to ``SIGMA_MAX``.
SIGMA_COMMON = 60 / 255
SIGMA_MAX = DenoiserUNet.sigma_max
#: Every 36th picture is kept out of training to watch progress.
HELD_BACK = 36
ARCHITECTURE: dict[str, Any] = {
    "channels": 3,
    "widths": (80, 128, 192),
    "blocks": (3, 3, 3),
}


def read_folder(folder: Path) -> list[Tensor]:
    """All pictures below a folder as uint8 ``(3, height, width)``, in order of their paths."""
    files = sorted(
        p for p in folder.rglob("*") if p.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"}
    )
    if not files:
        raise BadInput(f"data: {folder} holds no JPEG, PNG or WebP pictures", "data")
    return [
        torch.from_numpy(np.array(Image.open(f).convert("RGB"))).permute(2, 0, 1).contiguous()
        for f in files
    ]


class PhotoDenoiser:
    """Recipe for ``engine.models.training.fit``.

    Args:
        pictures: uint8 ``(3, height, width)``, each at least ``patch`` pixels a side.
        batch: patches per step.
        patch: side of a patch in pixels.
        architecture: arguments of ``DenoiserUNet``.
    """

    kind: type[nn.Module] = DenoiserUNet

    def __init__(
        self,
        pictures: Sequence[Tensor],
        *,
        batch: int = 16,
        patch: int = 64,
        architecture: dict[str, Any] | None = None,
        device: str = "cpu",
    ) -> None:
        self.pictures = [p for i, p in enumerate(pictures) if i % HELD_BACK or len(pictures) == 1]
        self.held_back = list(pictures[::HELD_BACK])
        self.batch = batch
        self.patch = patch
        self.architecture = architecture or ARCHITECTURE
        self.device = device

    def watch(self, network: nn.Module) -> dict[str, float]:
        """PSNR of the middles of the held-back pictures, to follow a training."""
        return evaluate(_whole(network), [p[:, 30:286, 30:286] for p in self.held_back])

    def measure(self, network: nn.Module, options: argparse.Namespace) -> dict[str, float]:
        """What the card states: PSNR of the held-back and of the test pictures."""
        metrics = {
            f"held_back_{k}": v for k, v in evaluate(_whole(network), self.held_back).items()
        }
        if options.test:
            tests = evaluate(_whole(network), read_folder(options.test))
            metrics |= {f"{options.test.name}_{k}": v for k, v in tests.items()}
        return metrics

    def network(self) -> nn.Module:
        """The untrained U-Net."""
        return DenoiserUNet(**self.architecture)

    def draw(self, step: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
        """Clean patches in [0, 1], their sigmas and unit noise of one step."""
        # torch's CPU generator looks at the low 32 bits of a seed only.
        rng = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**32)
        n, p = self.batch, self.patch
        clean = torch.empty(n, 3, p, p)
        for i in range(n):
            which = int(torch.randint(len(self.pictures), (1,), generator=rng))
            picture = self.pictures[which]
            top = int(torch.randint(picture.shape[1] - p + 1, (1,), generator=rng))
            left = int(torch.randint(picture.shape[2] - p + 1, (1,), generator=rng))
            patch = picture[:, top : top + p, left : left + p]
            turn = int(torch.randint(8, (1,), generator=rng))
            if turn & 1:
                patch = patch.flip(1)
            if turn & 2:
                patch = patch.flip(2)
            if turn & 4:
                patch = patch.transpose(1, 2)
            clean[i] = patch.float() / 255
        common = torch.rand(n, generator=rng) * SIGMA_COMMON
        strong = SIGMA_COMMON * torch.exp(
            torch.rand(n, generator=rng) * math.log(SIGMA_MAX / SIGMA_COMMON)
        )
        sigma = torch.where(torch.rand(n, generator=rng) < 0.75, common, strong)
        return clean, sigma, torch.randn(clean.shape, generator=rng)

    def loss(self, network: nn.Module, step: int, seed: int) -> Tensor:
        """Squared error over sigma: strong noise must not drown weak noise."""
        clean, sigma, noise = (t.to(self.device) for t in self.draw(step, seed))
        noisy = clean + sigma.reshape(-1, 1, 1, 1) * noise
        with mixed(self.device):
            estimate = network(noisy.contiguous(memory_format=torch.channels_last), sigma)
        error = (estimate.float() - clean).square().mean((1, 2, 3))
        weighted: Tensor = error / (sigma.square() + 0.02**2).sqrt()
        return weighted.mean()


def _whole(network: nn.Module) -> Callable[[Tensor, float], Tensor]:
    def denoise(x: Tensor, sigma: float) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            estimate: Tensor = network(x, torch.tensor([sigma]))
        return estimate

    return denoise


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of two tensors in [0, 1]."""
    return float(-10 * torch.log10((a.double() - b.double()).square().mean()))


@torch.no_grad()
def evaluate(
    denoise: Callable[[Tensor, float], Tensor],
    pictures: Sequence[Tensor],
    sigmas: Sequence[float] = (15, 25, 50),
    seed: int = 0,
) -> dict[str, float]:
    """Mean PSNR (dB) over full pictures for each sigma (in 1/255).

    Noise is not clipped before denoising; estimates are clipped to [0, 1].
    """
    means: dict[str, float] = {}
    for sigma in sigmas:
        rng = torch.Generator().manual_seed(seed)
        values = []
        for picture in pictures:
            clean = picture[None].float() / 255
            noisy = clean + sigma / 255 * torch.randn(clean.shape, generator=rng)
            values.append(psnr(denoise(noisy, sigma / 255).clamp(0, 1), clean))
        means[f"psnr_sigma_{sigma:g}"] = sum(values) / len(values)
    return means
