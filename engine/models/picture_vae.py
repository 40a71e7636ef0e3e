"""The recipe of the variational autoencoders: beta-VAE and beta-TCVAE on any set of pictures.

Sources: I. Higgins et al., beta-VAE: Learning Basic Visual Concepts with a Constrained Variational
Framework, ICLR 2017; R. Chen, X. Li, R. Grosse, D. Duvenaud, Isolating Sources of Disentanglement
in Variational Autoencoders, NeurIPS 2018, https://arxiv.org/abs/1802.04942.

    beta-VAE:    E[-log p(x|z)] + beta KL(q(z|x) || p(z))
    beta-TCVAE:  E[-log p(x|z)] + KL(q(z|x) || p(z)) + (beta - 1) TC(q(z))

with the cross entropy of all pixels for the first term. Beta starts high and falls: latents come
alive one after the other, each for the factor that matters most of those left, as with the rising
capacity of Burgess et al. 2018, and reconstruction is good in the end.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from engine.data.stream import Stream, generator
from engine.models.precision import mixed
from engine.models.training import Turn
from engine.models.vae_losses import cross_entropy, entropy_floor, normal_kl, total_correlation
from engine.nets.vae import ConvVAE

#: ``stream(seed)``: the pictures of a training, as a function of step.
Streams = Callable[[int], Stream]
Penalty = Literal["kl", "tc"]
#: A latent that tells less of a picture than this, in nats, is dead.
LIVE = 0.01


@dataclass(frozen=True)
class Ramp:
    """Beta: from ``first`` to ``last`` by equal factors over ``steps`` steps, then ``last``.

    Rising, all latents tell something at first, and those that are worth the penalty keep it: more
    is told, and pictures are sharper. Falling, few latents tell anything, for one that a strong
    penalty emptied stays empty; but each tells one thing.
    """

    first: float
    last: float
    steps: int

    def __call__(self, step: int) -> float:
        """Beta of step ``step`` (counted from 0)."""
        part = min(1.0, step / self.steps)
        return float(self.first * (self.last / self.first) ** part)


class PictureVAE:
    """Recipe for ``engine.models.training.fit``.

    Args:
        streams: the pictures.
        judged: pictures to measure on, float32 (n, C, H, W) in [0, 1], and what the names of the
            numbers call them.
        architecture: arguments of ``ConvVAE``.
        penalty: what ``beta`` weighs: the whole divergence from the prior, or the total
            correlation of the latents alone.
        batch: pictures per step.
        even: whether all latents tell something from the first steps on; without, they come alive
            one by one (``ConvVAE.start_even``).
    """

    kind: type[nn.Module] = ConvVAE

    def __init__(
        self,
        streams: Streams,
        judged: tuple[str, Tensor],
        architecture: dict[str, Any],
        *,
        beta: Ramp,
        penalty: Penalty = "kl",
        batch: int = 128,
        even: bool = False,
        device: str = "cpu",
    ) -> None:
        self.streams = streams
        self.called, self.judged = judged
        self.architecture = architecture
        self.beta = beta
        self.penalty = penalty
        self.batch = batch
        self.even = even
        self.device = device

    def network(self) -> nn.Module:
        """The untrained autoencoder."""
        network = ConvVAE(**self.architecture)
        if self.even:
            network.start_even(self.streams(0).batch(0, self.batch)[0])
        return network

    def draw(self, step: int, seed: int) -> tuple[Tensor, Tensor]:
        """Pictures and the latents' noise of one step."""
        x, _ = self.streams(seed).batch(step, self.batch)
        # Seeds below zero are nobody's: the noise has nothing to do with the pictures.
        rng = generator(-1 - seed, step)
        return x, torch.randn(self.batch, self.architecture["latent_dim"], generator=rng)

    def loss(self, network: nn.Module, step: int, seed: int) -> Tensor:
        """Nats per picture, weighted, of one batch."""
        x, noise = (t.to(self.device) for t in self.draw(step, seed))
        x = x.contiguous(memory_format=torch.channels_last)
        with mixed(self.device):
            logits, z, mean, log_variance = network(x, noise)
        rebuilt = cross_entropy(logits, x).mean()
        divergence = normal_kl(mean, log_variance).sum(1).mean()
        beta = self.beta(step)
        if self.penalty == "kl":
            return rebuilt + beta * divergence
        dependence = total_correlation(z, mean, log_variance)
        return rebuilt + divergence + (beta - 1) * dependence

    def turns(self, network: nn.Module, rate: float) -> Sequence[Turn]:
        """Adam alone, as in the sources.

        The orthogonal steps of Muon move all latents alike: each then keeps a bit of every
        factor, where one at a time has to come alive.
        """
        adam = torch.optim.Adam(network.parameters(), lr=rate)
        return [Turn(name="loss", loss=self.loss, optimizers={"adam": adam})]

    @torch.no_grad()
    def watch(self, network: nn.Module) -> dict[str, float]:
        """Reconstruction from posterior means, and how much the latents tell.

        ``bce_nats`` and ``floor_nats`` are cross entropy per picture and the least that it can
        be; ``psnr`` in dB is that of the mean squared error; ``kl_nats`` is the divergence from
        the prior, ``live_axes`` how many latents have more than ``LIVE`` of it.
        """
        x = self.judged.to(self.device)
        mean, log_variance = network.posterior(x)  # type: ignore[operator]
        logits = network.logits(mean)  # type: ignore[operator]
        divergence = normal_kl(mean, log_variance).mean(0)
        error = (torch.sigmoid(logits) - x).square().mean()
        return {
            "bce_nats": float(cross_entropy(logits, x).mean()),
            "floor_nats": float(entropy_floor(x).mean()),
            "psnr": float(-10 * error.log10()),
            "kl_nats": float(divergence.sum()),
            "live_axes": float((divergence > LIVE).sum()),
        }

    def measure(self, network: nn.Module, options: argparse.Namespace) -> dict[str, float]:
        """What the card states."""
        return {f"{self.called}_{k}": v for k, v in self.watch(network).items()}
