"""The recipe of QLAE: reconstruct through learned scalar values, with weights that decay.

Source: K. Hsu, W. Dorrell, J. Whittington, J. Wu, C. Finn, Disentanglement via Latent
Quantization, NeurIPS 2023, https://arxiv.org/abs/2305.18378. Cross entropy per number of the
picture, plus the distances that draw codebooks to latents and latents to codebooks. The other half
of the method is its strong decay of weights: AdamW with 0.1, without biases and codebooks.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.data.stream import Stream
from engine.models.picture_vae import Streams
from engine.models.precision import mixed
from engine.models.training import Turn
from engine.models.vae_losses import cross_entropy, entropy_floor
from engine.nets.quantized import QuantizedAutoencoder

#: Components of a gradient are held to this.
CLIP = 1.0
#: Pictures of the training that say how often each value is met.
COUNTED = 8_192
#: A value is in use if it is met by more than this share of pictures.
USED = 0.01
_CHUNK = 512


@dataclass(frozen=True, kw_only=True)
class QuantizationWeights:
    """What counts beside the reconstruction; the authors take 0.01 for both of the first two.

    Attributes:
        quantize: of the distance from latents that draws their codebooks; the codebooks learn by
            it alone.
        commit: of the distance from codebooks that draws the latents.
        decay: of all weights but biases and codebooks.
    """

    quantize: float = 0.01
    commit: float = 0.01
    decay: float = 0.1


def quantized_loss(
    network: QuantizedAutoencoder, x: Tensor, weights: QuantizationWeights
) -> dict[str, Tensor]:
    """``loss`` of pictures ``x`` (n, C, H, W), and its parts before weighting.

    ``rebuilt`` is the mean cross entropy of a number of a picture, ``quantize`` and ``commit``
    are equal in value and differ in what follows them.
    """
    logits, latents = network(x)
    parts = {
        "rebuilt": F.binary_cross_entropy_with_logits(logits, x),
        "quantize": F.mse_loss(latents.values, latents.raw.detach()),
        "commit": F.mse_loss(latents.raw, latents.values.detach()),
    }
    loss = (
        parts["rebuilt"] + weights.quantize * parts["quantize"] + weights.commit * parts["commit"]
    )
    return {"loss": loss, **parts}


def decaying(network: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The weights that decay, and the others: biases and codebooks."""
    named = list(network.named_parameters())
    chosen = {n for n, p in named if p.ndim >= 2 and not n.startswith("codebooks.")}
    return [p for n, p in named if n in chosen], [p for n, p in named if n not in chosen]


def optimizers(network: nn.Module, rate: float, decay: float) -> dict[str, torch.optim.Optimizer]:
    """AdamW for what decays, Adam for what does not."""
    weights, rest = decaying(network)
    return {
        "adamw": torch.optim.AdamW(weights, lr=rate, weight_decay=decay),
        "adam": torch.optim.Adam(rest, lr=rate),
    }


class QuantizedRecipe:
    """Recipe for ``engine.models.training.fit``.

    Args:
        streams: the pictures.
        judged: pictures to measure on, float32 (n, C, H, W) in [0, 1], and what the names of the
            numbers call them.
        architecture: arguments of ``QuantizedAutoencoder``.
        batch: pictures per step.
    """

    kind: type[nn.Module] = QuantizedAutoencoder

    def __init__(
        self,
        streams: Streams,
        judged: tuple[str, Tensor],
        architecture: dict[str, Any],
        *,
        weights: QuantizationWeights | None = None,
        batch: int = 128,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self.streams = streams
        self.called, self.judged = judged
        self.architecture = architecture
        self.weights = weights or QuantizationWeights()
        self.batch = batch
        self.seed = seed
        self.device = device

    def network(self) -> nn.Module:
        """The untrained autoencoder."""
        return QuantizedAutoencoder(**self.architecture)

    def loss(self, network: nn.Module, step: int, seed: int) -> Tensor:
        """The loss of one batch."""
        x, _ = self.streams(seed).batch(step, self.batch)
        x = x.to(self.device).contiguous(memory_format=torch.channels_last)
        with mixed(self.device):
            return quantized_loss(cast(QuantizedAutoencoder, network), x, self.weights)["loss"]

    def turns(self, network: nn.Module, rate: float) -> Sequence[Turn]:
        """One update by both optimizers, components of gradients held to ``CLIP``."""
        moved = optimizers(network, rate, self.weights.decay)
        return [Turn(name="loss", loss=self.loss, optimizers=moved, clip=CLIP)]

    def finished(self, weights: dict[str, Tensor]) -> nn.Module:
        """The network with these weights, and how often its values are met."""
        network = QuantizedAutoencoder(**self.architecture)
        network.load_state_dict(weights, strict=False)
        network.eval().set_shares(shares(network, self.streams(self.seed), COUNTED))
        return network

    @torch.no_grad()
    def watch(self, network: nn.Module) -> dict[str, float]:
        """Reconstruction, and how many values of the codebooks are in use.

        ``bce_nats`` and ``floor_nats`` are cross entropy per picture and the least that it can
        be, ``psnr`` in dB is that of the mean squared error, ``live_axes`` counts latents with
        more than one value in use, ``values_used`` the values of all latents.
        """
        of = cast(QuantizedAutoencoder, network)
        x = self.judged.to(self.device)
        logits, latents = of(x)
        met = F.one_hot(latents.index, of.codebooks.values.shape[1]).float().mean(0) > USED
        error = (torch.sigmoid(logits) - x).square().mean()
        return {
            "bce_nats": float(cross_entropy(logits, x).mean()),
            "floor_nats": float(entropy_floor(x).mean()),
            "psnr": float(-10 * error.log10()),
            "live_axes": float((met.sum(1) > 1).sum()),
            "values_used": float(met.sum()),
        }

    def measure(self, network: nn.Module, options: argparse.Namespace) -> dict[str, float]:
        """What the card states."""
        return {f"{self.called}_{k}": v for k, v in self.watch(network).items()}


@torch.no_grad()
def shares(network: QuantizedAutoencoder, stream: Stream, count: int) -> Tensor:
    """How often each value is met among pictures of a stream, (d, values), rows of sum 1."""
    values = network.codebooks.values
    found = torch.zeros_like(values)
    for step in range(-(-count // _CHUNK)):
        x, _ = stream.batch(step, _CHUNK)
        index = network.quantize(x.to(values.device)).index
        found += F.one_hot(index, values.shape[1]).sum(0)
    return found / found.sum(1, keepdim=True)
