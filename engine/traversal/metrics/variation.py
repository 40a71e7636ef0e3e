"""Variation predictability: can one tell from a few examples which direction changed a picture?

Source: X. Zhu, C. Xu, D. Tao, Learning Disentangled Representations with Latent Variation
Predictability, ECCV 2020, https://arxiv.org/abs/2007.12885. Directions that change one thing each
are told apart after few examples, so a network learns from a tenth of the pairs alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.method import BadInput
from engine.nets.variation_net import VariationNet
from engine.traversal.generator import Generator
from engine.traversal.paths import Walk, path

#: Pictures decoded or judged at a time.
_CHUNK = 512


@dataclass(frozen=True, kw_only=True)
class VariationPlan:
    """How the score is computed. The defaults are the published ones: hours on a CPU.

    Attributes:
        pairs: before and after a walk, of all directions together.
        share: of the pairs, to learn from; the others judge.
        epochs: over the pairs to learn from.
        batch, rate: of Adam.
        width: of the network.
        looks: how often the network is judged, evenly over the epochs; None: after each. The best
            look is the score, so more of them raise it by a little chance.
    """

    pairs: int = 40_000
    share: float = 0.1
    epochs: int = 200
    batch: int = 32
    rate: float = 0.01
    width: int = 64
    looks: int | None = None

    def __post_init__(self) -> None:
        """Raises ``BadInput`` for numbers that no training can have."""
        for name in ("pairs", "epochs", "batch", "width", "looks"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise BadInput(f"{name} is {value}; it must be 1 or more", name)
        if not 0 < self.share < 1:
            raise BadInput(f"share is {self.share}; it must be between 0 and 1", "share")


#: For comparisons of small pictures on a CPU: half a minute. Not to be set beside published scores.
SMALL = VariationPlan(pairs=4000, epochs=40, width=32, looks=8)


@dataclass(frozen=True)
class Variation:
    """What the network can tell of the pairs that it did not learn from.

    Attributes:
        score: share of them that it tells right, at its best look so far.
        last: the same at this look.
        chance: what guessing reaches.
        confusion: (K, K), shares of the walks along direction i that are taken for j, at the best.
        epoch: of this look, from 1.
    """

    score: float
    last: float
    chance: float
    confusion: Tensor
    epoch: int


def differences(
    generator: Generator,
    walks: Sequence[Walk],
    pairs: int,
    rng: torch.Generator,
    *,
    steps: int,
    strength: float = 1.0,
    both_sides: bool = False,
) -> tuple[Tensor, Tensor]:
    """What walks change: pictures (n, C, H, W) after them less those before, and which walk each.

    Every walk has equally many pairs, ``pairs`` in all or a few less. Pictures are rounded to 8
    bits first: what cannot be seen does not count.

    Args:
        rng: on the CPU; draws the latents that the walks start from.
        steps, strength: of every walk, as in ``paths.path``.
        both_sides: half of each walk's pairs go backward.
    """
    if len(walks) < 2 or pairs < len(walks):
        raise BadInput(
            f"there are {pairs} pairs for {len(walks)} walks; 2 walks and a pair for each are "
            "needed",
            "pairs",
        )
    each = pairs // len(walks)
    back = each // 2 if both_sides else 0
    changes = []
    for walk in walks:
        start = generator.sample(each, rng)
        ends = [
            path(walk, part, steps, sign * strength)[-1]
            for part, sign in ((start[back:], 1.0), (start[:back], -1.0))
            if len(part)
        ]
        start = torch.cat([start[back:], start[:back]])
        changes.append(_seen(generator, torch.cat(ends)) - _seen(generator, start))
    labels = torch.arange(len(walks)).repeat_interleave(each)
    return torch.cat(changes), labels.to(changes[0].device)


def variation(
    changes: Tensor, labels: Tensor, plan: VariationPlan, seed: int
) -> Iterator[Variation]:
    """Learn to tell ``labels`` (n,), int64 from 0, from ``changes`` (n, C, H, W); yields each look.

    The last one yielded has the score.
    """
    count, kinds = len(changes), int(labels.max()) + 1
    learned = round(plan.share * count)
    if not 2 <= learned < count:
        raise BadInput(
            f"share is {plan.share}; of {count} pairs 2 or more must be learned from and one judge",
            "share",
        )
    rng = torch.Generator().manual_seed(seed)
    order = torch.randperm(count, generator=rng).to(changes.device)
    told, asked = order[:learned], order[learned:]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = VariationNet(changes.shape[1], kinds, plan.width).to(changes)
    adam = torch.optim.Adam(net.parameters(), lr=plan.rate)
    best = Variation(0.0, 0.0, 1 / kinds, torch.zeros(kinds, kinds), 0)
    looks = _looks(plan)
    for epoch in range(1, plan.epochs + 1):
        net.train()
        shuffled = told[torch.randperm(learned, generator=rng).to(told.device)]
        with torch.enable_grad():
            for rows in torch.split(shuffled, plan.batch):
                adam.zero_grad(set_to_none=True)
                loss = F.cross_entropy(net(changes[rows]), labels[rows])
                loss.backward()  # type: ignore[no-untyped-call]
                adam.step()
        if epoch in looks:
            best = _look(net, changes[asked], labels[asked], best, epoch)
            yield best


def variation_score(changes: Tensor, labels: Tensor, plan: VariationPlan, seed: int) -> Variation:
    """``variation`` to its end."""
    return list(variation(changes, labels, plan, seed))[-1]


def _looks(plan: VariationPlan) -> set[int]:
    """The epochs after which the network is judged, the last among them."""
    looks = min(plan.looks or plan.epochs, plan.epochs)
    return {round(plan.epochs * (look + 1) / looks) for look in range(looks)}


@torch.no_grad()
def _look(
    net: VariationNet, changes: Tensor, labels: Tensor, best: Variation, epoch: int
) -> Variation:
    net.eval()
    answers = torch.cat([net(part).argmax(1) for part in torch.split(changes, _CHUNK)])
    kinds = len(best.confusion)
    counts = torch.bincount(labels * kinds + answers, minlength=kinds**2).reshape(kinds, kinds)
    last = float((answers == labels).double().mean())
    if last < best.score:
        return Variation(best.score, last, best.chance, best.confusion, epoch)
    shares = counts / counts.sum(1, keepdim=True).clamp_min(1)
    return Variation(last, last, best.chance, shares.cpu(), epoch)


@torch.no_grad()
def _seen(generator: Generator, z: Tensor) -> Tensor:
    parts = [generator.decode(part) for part in torch.split(z, _CHUNK)]
    return torch.cat(parts).mul(255).round() / 255
