"""The recipe of the readers: classifiers that tell every factor of a rendered picture."""

from __future__ import annotations

import argparse
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.data.factors import FactorSet
from engine.data.stream import Fresh
from engine.models.coverage import accuracy, fresh
from engine.models.precision import mixed
from engine.nets.factor_reader import FactorReader

#: Fresh pictures by which a reader is judged.
JUDGED = 2_048


class FactorReading:
    """Recipe for ``engine.models.training.fit``: cross entropy of all factors, summed.

    Args:
        of: the set.
        batch: fresh pictures per step.
    """

    kind: type[nn.Module] = FactorReader

    def __init__(self, of: FactorSet, *, batch: int = 128, device: str = "cpu") -> None:
        self.of = of
        self.architecture: dict[str, Any] = {
            "channels": of.channels,
            "size": of.size,
            "values": [f.values for f in of.factors],
        }
        self.batch = batch
        self.device = device

    def network(self) -> nn.Module:
        """The untrained reader."""
        return FactorReader(**self.architecture)

    def loss(self, network: nn.Module, step: int, seed: int) -> Tensor:
        """Nats per picture of one batch."""
        x, codes = (t.to(self.device) for t in Fresh(self.of, seed).batch(step, self.batch))
        with mixed(self.device):
            answers = network(x.contiguous(memory_format=torch.channels_last))
        losses = [F.cross_entropy(a, c) for a, c in zip(answers, codes.T, strict=True)]
        return torch.stack(losses).sum()

    def watch(self, network: nn.Module) -> dict[str, float]:
        """Shares of fresh pictures whose factor is read right: the mean, and of the hardest."""
        right = self._accuracies(network)
        return {"accuracy": float(right.mean()), "accuracy_of_the_hardest": float(right.min())}

    def measure(self, network: nn.Module, options: argparse.Namespace) -> dict[str, float]:
        """What the card states: the mean, and each factor by its name."""
        right = self._accuracies(network)
        each = zip(self.of.factors, right.tolist(), strict=True)
        named = {f"fresh_accuracy_{factor.name}": share for factor, share in each}
        return {"fresh_accuracy": float(right.mean())} | named

    def _accuracies(self, network: nn.Module) -> Tensor:
        assert isinstance(network, FactorReader)
        x, codes = (t.to(self.device) for t in fresh(self.of, JUDGED))
        return accuracy(network, x, codes)
