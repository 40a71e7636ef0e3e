"""Proximal matching: training that makes a convex potential's gradient the prox of a prior.

Source: Z. Fang, S. Buchanan, J. Sulam, What's in a Prior? Learned Proximal Networks for Inverse
Problems, ICLR 2024. With ``y = x + sigma noise``, the minimizer of
``mean[1 - exp(-||f(y) - x||^2 / gamma^2)]`` goes to the MAP denoiser, the proximal operator of
``-sigma^2 log p``, as gamma goes to 0. Squared error gives the posterior mean instead, so a
smaller squared error is no sign of a better prox.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from engine.method import State
from engine.nets.lpn import Potential

Loss = Literal["l2", "l1", "match"]


class Batch(NamedTuple):
    """Clean ``x`` and noisy ``y``, (B, ...).

    With ``weights`` (B, N), ``x`` is (N, 1) and ``y`` (B, 1): each noisy number belongs to every
    clean one with that probability, and the noise is averaged over exactly.
    """

    x: Tensor
    y: Tensor
    weights: Tensor | None = None


#: ``draw(step, seed)``: a batch that is a function of both numbers alone.
Draw = Callable[[int, int], Batch]


@dataclass(frozen=True)
class Stage:
    """So many steps with one loss, at a rate that may fall linearly to ``last``.

    ``gamma`` is a distance over all pixels of a picture together.
    """

    loss: Loss
    steps: int
    rate: float
    gamma: float = 1.0
    last: float | None = None


def matching_loss(f: Tensor, batch: Batch, loss: Loss, gamma: float = 1.0) -> Tensor:
    """The loss of estimates ``f`` (B, ...) of the clean numbers.

    ``l2`` and ``l1`` are means over all numbers; the distance of ``match`` is Euclidean over all
    that is in one element of the batch.
    """
    if batch.weights is not None:
        apart = f - batch.x.mT
        return (batch.weights * _cost(apart, apart.square(), loss, gamma)).sum(1).mean()
    apart = f - batch.x
    return _cost(apart, apart.flatten(1).square().sum(1), loss, gamma).mean()


def _cost(apart: Tensor, distance: Tensor, loss: Loss, gamma: float) -> Tensor:
    if loss == "l2":
        return apart.square()
    if loss == "l1":
        return apart.abs()
    return 1.0 - torch.exp(-distance / gamma**2)


def stage_at(stages: Sequence[Stage], step: int) -> tuple[Stage, float]:
    """The stage of ``step`` (counted from 0) and its learning rate; the last one goes on."""
    for stage in stages:
        if step < stage.steps:
            share = step / stage.steps
            last = stage.rate if stage.last is None else stage.last
            return stage, stage.rate + (last - stage.rate) * share
        step -= stage.steps
    end = stages[-1]
    return end, end.rate if end.last is None else end.last


def total_steps(stages: Sequence[Stage]) -> int:
    """Steps of all stages."""
    return sum(stage.steps for stage in stages)


class Trainer:
    """A potential, Adam, and the running mean of its weights (convex as well: a mean of weights
    that are not negative is not negative).

    Args:
        average: decay of the mean; it is shorter in the first steps.
    """

    def __init__(self, network: Potential, average: float = 0.999) -> None:
        self.network, self.average = network, average
        self.named = dict(network.named_parameters())
        self.mean = {n: p.detach().clone() for n, p in self.named.items()}
        self._first = {n: torch.zeros_like(p) for n, p in self.named.items()}
        self._second = {n: torch.zeros_like(p) for n, p in self.named.items()}

    def step(self, k: int, batch: Batch, stages: Sequence[Stage]) -> float:
        """Step ``k`` (from 0) on a batch; returns its loss. Opens gradients for itself."""
        stage, rate = stage_at(stages, k)
        with torch.enable_grad():
            value = matching_loss(self.network(batch.y), batch, stage.loss, stage.gamma)
            grads = torch.autograd.grad(value, list(self.named.values()), allow_unused=True)
        with torch.no_grad():
            self._adam(k, rate, grads)
            self.network.project()
            keep = min(self.average, (k + 1) / (k + 10))
            for name, parameter in self.named.items():
                self.mean[name].lerp_(parameter, 1 - keep)
        return float(value.detach())

    def _adam(self, k: int, rate: float, grads: Sequence[Tensor | None]) -> None:
        """One step of Adam (Kingma and Ba 2015), its moments kept under the weights' names."""
        slow, fast = 1 - 0.9 ** (k + 1), 1 - 0.999 ** (k + 1)
        for (name, parameter), grad in zip(self.named.items(), grads, strict=True):
            if grad is None:
                continue
            first, second = self._first[name], self._second[name]
            first.lerp_(grad, 0.1)
            second.mul_(0.999).addcmul_(grad, grad, value=0.001)
            parameter.addcdiv_(first, (second / fast).sqrt_().add_(1e-8), value=-rate / slow)

    def tensors(self, prefix: str = "") -> dict[str, Tensor]:
        """Everything a checkpoint needs, borrowed: weights, their mean, Adam's moments."""
        kinds: dict[str, dict[str, Any]] = {
            "net": self.named,
            "mean": self.mean,
            "m1": self._first,
            "m2": self._second,
        }
        return {
            f"{prefix}{kind}.{name}": tensor.detach()
            for kind, held in kinds.items()
            for name, tensor in held.items()
        }

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor], prefix: str = "") -> None:
        """Go on from what ``tensors`` gave."""
        for name, held in self.tensors(prefix).items():
            held.copy_(tensors[name])

    @torch.no_grad()
    def use_mean(self) -> Potential:
        """The network with the mean weights in it; ends the training."""
        for name, parameter in self.named.items():
            parameter.copy_(self.mean[name])
        return self.network


def fit(
    trainers: dict[str, Trainer],
    stages: dict[str, list[Stage]],
    draw: Draw,
    *,
    seed: int,
    state: State | None = None,
) -> Iterator[State]:
    """Train several networks on the same batches; yields after every step.

    ``trainers`` and their ``stages`` (equally long) go by the prefix of their tensors in the
    state; ``scalars`` holds the losses under ``PREFIXloss``.
    """
    total = total_steps(next(iter(stages.values())))
    start = 0
    if state is not None:
        start = state.step
        for prefix, trainer in trainers.items():
            trainer.load(state.tensors, prefix)
    for k in range(start, total):
        batch = draw(k, seed)
        losses = {f"{p}loss": t.step(k, batch, stages[p]) for p, t in trainers.items()}
        tensors: dict[str, Tensor] = {}
        for prefix, trainer in trainers.items():
            tensors |= trainer.tensors(prefix)
        yield State(k + 1, total, tensors, dict(losses))
