"""The recipe of the style GAN: two networks that learn from each other, on a rendered set.

Sources: I. Goodfellow et al., Generative Adversarial Nets, NeurIPS 2014, for the non-saturating
loss; L. Mescheder, A. Geiger, S. Nowozin, Which Training Methods for GANs do actually Converge?,
ICML 2018, for R1; T. Karras et al., CVPR 2020, https://arxiv.org/abs/1912.04958, for taking R1 only
now and then, and that much more of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.data.factors import FactorSet
from engine.data.stream import generator
from engine.models.coverage import (
    READER_STEPS,
    accuracy,
    coverage,
    frechet,
    fresh,
    train_reader,
)
from engine.models.picture_vae import Streams
from engine.models.precision import mixed
from engine.models.training import Turn
from engine.nets.factor_reader import FactorReader
from engine.nets.style_gan import Adversaries, Discriminator, StyleGenerator

#: R1 is taken every so many steps.
LAZY = 16
#: Samples by which the latents are standardized, and the generator is judged.
STANDARD, JUDGED, WATCHED = 16_384, 4_096, 1_024
#: Seeds of the two noises of a step are this far apart.
_OTHER = 1_000


def r1_penalty(discriminator: nn.Module, x: Tensor) -> Tensor:
    """Mean squared norm of the discriminator's gradient at real pictures ``x`` (n, C, H, W)."""
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


class StyleGan:
    """Recipe for ``engine.models.training.fit``.

    Args:
        of: the set, whose factors say what samples must cover.
        streams: its pictures.
        architecture: arguments of ``StyleGenerator``.
        gamma: weight of R1.
        batch: pictures per turn.
        reader_steps: of the training of the classifier that judges samples.
    """

    kind: type[nn.Module] = StyleGenerator

    def __init__(
        self,
        of: FactorSet,
        streams: Streams,
        architecture: dict[str, Any],
        *,
        gamma: float = 1.0,
        batch: int = 32,
        device: str = "cpu",
        reader_steps: int = READER_STEPS,
    ) -> None:
        self.of = of
        self.streams = streams
        self.architecture = architecture
        self.gamma = gamma
        self.batch = batch
        self.device = device
        self.reader_steps = reader_steps

    def network(self) -> nn.Module:
        """Both untrained networks."""
        widths, channels = self.architecture["widths"], self.architecture["channels"]
        return Adversaries(StyleGenerator(**self.architecture), Discriminator(channels, widths))

    def turns(self, network: nn.Module, rate: float) -> Sequence[Turn]:
        """The discriminator's update, then the generator's, by Adam without momentum."""
        both = cast(Adversaries, network)

        def adam(part: nn.Module) -> torch.optim.Optimizer:
            return torch.optim.Adam(part.parameters(), lr=rate, betas=(0.0, 0.99))

        judge, maker = adam(both.discriminator), adam(both.generator)
        return [
            Turn(name="discriminator", loss=self.judging, optimizers={"judge": judge}),
            Turn(name="generator", loss=self.loss, optimizers={"maker": maker}),
        ]

    def _noise(self, step: int, seed: int) -> Tensor:
        shape = self.batch, self.architecture["latent_dim"]
        return torch.randn(shape, generator=generator(seed, step)).to(self.device)

    def judging(self, network: nn.Module, step: int, seed: int) -> Tensor:
        """The discriminator's loss: real pictures up, samples down, and R1 every ``LAZY`` steps."""
        both = cast(Adversaries, network)
        real, _ = self.streams(seed).batch(step, self.batch)
        real = real.to(self.device).contiguous(memory_format=torch.channels_last)
        with mixed(self.device):
            with torch.no_grad():
                made = both.generator(self._noise(step, -1 - seed)).float()
            loss = F.softplus(-both.discriminator(real)) + F.softplus(both.discriminator(made))
        mean = loss.mean()
        if step % LAZY:
            return mean
        return mean + 0.5 * self.gamma * LAZY * r1_penalty(both.discriminator, real)

    def loss(self, network: nn.Module, step: int, seed: int) -> Tensor:
        """The generator's loss: samples up."""
        both = cast(Adversaries, network)
        with mixed(self.device):
            made = both.generator(self._noise(step, -1 - seed - _OTHER)).float()
            return F.softplus(-both.discriminator(made)).mean()

    @torch.no_grad()
    def finished(self, weights: dict[str, Tensor]) -> nn.Module:
        """The generator alone, with standardized latents."""
        network = StyleGenerator(**self.architecture).eval()
        prefix = "generator."
        own = {k[len(prefix) :]: v for k, v in weights.items() if k.startswith(prefix)}
        network.load_state_dict(own)
        w = network.sample(STANDARD, generator(0, 0))
        network.standardize(w.mean(0), float(w.var(0).mean().sqrt()))
        return network

    @cached_property
    def reader(self) -> FactorReader:
        """What tells the factors of samples; trained when it is first asked for."""
        return train_reader(self.of, steps=self.reader_steps)

    def watch(self, network: nn.Module) -> dict[str, float]:
        """Coverage and Frechet distance, as far as few samples tell."""
        return self._judged(network, WATCHED)

    def measure(self, network: nn.Module, options: argparse.Namespace) -> dict[str, float]:
        """What the card states: the same of more samples, and what renderings reach."""
        x, codes = fresh(self.of, 2 * JUDGED)
        real = coverage(self.reader, self.of.factors, x[:JUDGED])
        return {f"samples_{k}": v for k, v in self._judged(network, JUDGED).items()} | {
            "renderings_covered": real.covered,
            "renderings_unevenness": real.unevenness,
            "renderings_frechet": frechet(self.reader, x[:JUDGED], x[JUDGED:]),
            "reader_accuracy": float(accuracy(self.reader, x[:JUDGED], codes[:JUDGED]).mean()),
        }

    @torch.no_grad()
    def _judged(self, network: nn.Module, count: int) -> dict[str, float]:
        of = cast(StyleGenerator, network)
        latents = of.sample(count, generator(1, 0))
        made = torch.cat([of.decode(w) for w in torch.split(latents, 256)])
        found = coverage(self.reader, self.of.factors, made)
        return {
            "covered": found.covered,
            "unevenness": found.unevenness,
            "frechet": frechet(self.reader, made, fresh(self.of, count)[0]),
        }
