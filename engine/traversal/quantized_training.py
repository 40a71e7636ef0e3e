"""Training of a small QLAE in short steps, and what is looked at on the way.

Source: K. Hsu, W. Dorrell, J. Whittington, J. Wu, C. Finn, Disentanglement via Latent
Quantization, NeurIPS 2023, https://arxiv.org/abs/2305.18378, for the training, InfoM and InfoC.
InfoE is estimated by a probe that learns along, for the regression that defines it takes seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.data.factors import FactorSet, draw
from engine.data.stream import Fresh
from engine.models.precision import mixed
from engine.models.quantized_autoencoder import (
    CLIP,
    QuantizationWeights,
    optimizers,
    quantized_loss,
)
from engine.models.training import pack, unpack
from engine.nets.quantized import QuantizedAutoencoder
from engine.traversal.metrics.infomec import concentration, live
from engine.traversal.metrics.information import nmi

Numbers = dict[str, float]
#: Pictures that are looked at, and how many of them after each training step.
JUDGED, PART = 600, 60
#: Steps of the probe at every look, and their length.
PROBED, PROBE_RATE = 25, 0.05


@dataclass(frozen=True, kw_only=True)
class Dials:
    """How large the autoencoder is.

    Attributes:
        latents: n, how many numbers a latent has.
        values: m, how many values each can take.
        width, hidden: see ``QuantizedAutoencoder``.
    """

    latents: int = 12
    values: int = 10
    width: int = 16
    hidden: int = 64


def judged_factors(of: FactorSet) -> Tensor:
    """The factors (JUDGED, f) of the pictures that are looked at, the same at every training."""
    return draw(of, JUDGED, torch.Generator().manual_seed(11))


class Trainer:
    """An autoencoder with its optimizers, on a set of pictures with known factors.

    Args:
        seed: of the initial weights and of every batch.
    """

    def __init__(self, of: FactorSet, dials: Dials, seed: int, device: str = "cpu") -> None:
        self.of, self.dials, self.seed, self.device = of, dials, seed, device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = QuantizedAutoencoder(
                of.channels, of.size, dials.latents, dials.values, dials.width, dials.hidden
            )
        self.network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._optimizers = optimizers(self.network, 1e-3, 0.1)
        self._stream = Fresh(of, seed)
        self.factors = judged_factors(of)
        self.pictures = of.render(self.factors).to(device)
        self.seen = torch.zeros(JUDGED, dials.latents, dtype=torch.int64, device=device)
        answers = sum(factor.values for factor in of.factors)
        self._probe = torch.zeros(dials.latents * dials.values, answers, device=device)
        self._momentum = torch.zeros_like(self._probe)

    def step(self, k: int, batch: int, rate: float, weights: QuantizationWeights) -> Numbers:
        """Training step ``k`` (from 0); its pictures are a function of ``k`` and the seed alone.

        Returns:
            ``rebuilt``, the mean cross entropy of a number of a picture.
        """
        x, _ = self._stream.batch(k, batch)
        x = x.to(self.device).contiguous(memory_format=torch.channels_last)
        self.network.train()
        with torch.enable_grad():
            with mixed(self.device):
                parts = quantized_loss(self.network, x, weights)
            parts["loss"].backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_value_(self.network.parameters(), CLIP)
        for name, optimizer in self._optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = rate
                if name == "adamw":
                    group["weight_decay"] = weights.decay
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.network.eval()
        return {"rebuilt": float(parts["rebuilt"].detach())}

    @torch.no_grad()
    def look(self, k: int) -> bool:
        """Encode the next part of the judged pictures; True when all have been since the start."""
        parts = JUDGED // PART
        part = slice(k % parts * PART, (k % parts + 1) * PART)
        self.seen[part] = self.network.quantize(self.pictures[part]).index
        return (k + 1) % parts == 0

    def judge(self) -> tuple[Numbers, Tensor, Tensor]:
        """InfoM, InfoE and InfoC of what was last seen; the NMI (f, n); bool (n,), live latents."""
        codes = self.seen.float()
        shares = torch.from_numpy(nmi(self.factors, codes.cpu(), discrete=True))
        alive = live(codes, discrete=True).cpu()
        told = shares[:, alive].numpy()
        numbers = {
            "info_m": concentration(told.T),
            "info_e": self._explicitness(),
            "info_c": concentration(told),
            "live": float(alive.sum()),
        }
        return numbers, shares.float(), alive

    @torch.no_grad()
    def _explicitness(self) -> float:
        """What a linear probe, which learns a little at every look, tells of the factors."""
        inputs = F.one_hot(self.seen, self.dials.values).float().flatten(1)
        share = 0.0
        for turn in range(PROBED + 1):
            logits = inputs @ self._probe
            slopes, share = [], 0.0
            sections = logits.split([f.values for f in self.of.factors], 1)  # type: ignore[no-untyped-call]
            for column, (part, factor) in enumerate(zip(sections, self.of.factors, strict=True)):
                truth = self.factors[:, column].to(self.device)
                guessed = math.log(factor.values)
                share += (guessed - float(F.cross_entropy(part, truth))) / guessed
                slopes.append(part.softmax(1) - F.one_hot(truth, factor.values))
            if turn < PROBED:
                slope = inputs.mT @ torch.cat(slopes, 1) / JUDGED
                self._momentum = 0.9 * self._momentum + slope
                self._probe = self._probe - PROBE_RATE * self.dials.latents * self._momentum
        return max(0.0, share / len(self.of.factors))

    def tensors(self) -> dict[str, Tensor]:
        """All that a checkpoint needs, borrowed."""
        held = {f"net.{n}": p.detach() for n, p in self.network.named_parameters()}
        for name, optimizer in self._optimizers.items():
            held |= pack(name, optimizer)
        return held | {"seen": self.seen, "probe": self._probe, "momentum": self._momentum}

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what ``tensors`` gave."""
        for name, parameter in self.network.named_parameters():
            parameter.copy_(tensors[f"net.{name}"])
        for name, optimizer in self._optimizers.items():
            unpack(name, optimizer, tensors)
        self.seen, self._probe, self._momentum = (
            tensors[name].clone() for name in ("seen", "probe", "momentum")
        )
        self.network.eval()
