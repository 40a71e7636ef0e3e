"""Variation predictability: perfect for directions of their own, chance for one in disguise."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from engine.method import BadInput
from engine.nets.variation_net import VariationNet
from engine.traversal.generator import LinearGenerator
from engine.traversal.metrics.variation import (
    Variation,
    VariationPlan,
    differences,
    variation,
    variation_score,
)
from engine.traversal.paths import Straight

K, SIDE = 4, 16
PLAN = VariationPlan(pairs=1200, epochs=12, width=8, looks=3)


class Noisy(LinearGenerator):
    """Every picture under noise of its own, of about the size of what a walk changes."""

    noise = torch.Generator().manual_seed(0)

    def decode(self, z: Tensor) -> Tensor:
        return super().decode(z) + 0.2 * torch.randn(len(z), *self.shape, generator=self.noise)


@pytest.fixture(scope="module")
def waves() -> LinearGenerator:
    """Each latent adds a wave of its own."""
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    columns = [torch.cos(math.pi * (k * x + (K - 1 - k) * y) / SIDE) for k in range(K)]
    return Noisy(0.3 * torch.stack([w.flatten() for w in columns], 1), (1, SIDE, SIDE))


def score(generator: LinearGenerator, directions: Tensor, plan: VariationPlan = PLAN) -> Variation:
    walks = [Straight(v) for v in directions]
    rng = torch.Generator().manual_seed(0)
    changes, labels = differences(generator, walks, plan.pairs, rng, steps=4, strength=0.25)
    return variation_score(changes, labels, plan, seed=0)


def test_planted_directions_are_told_apart(waves: LinearGenerator) -> None:
    told = score(waves, torch.eye(K))
    assert told.score > 0.95
    assert told.chance == 0.25
    assert torch.allclose(told.confusion.sum(1), torch.ones(K))
    assert float(told.confusion.diagonal().min()) > 0.85


def test_one_direction_under_four_names_is_chance(waves: LinearGenerator) -> None:
    told = score(waves, torch.eye(K)[:1].repeat(K, 1))
    # Three deviations of 1,080 guesses.
    assert told.score == pytest.approx(0.25, abs=3 * math.sqrt(0.25 * 0.75 / 1080))


def test_two_pairs_of_like_directions_are_half(waves: LinearGenerator) -> None:
    told = score(waves, torch.eye(K)[[0, 0, 3, 3]])
    assert told.score == pytest.approx(0.5, abs=0.06)
    assert float(told.confusion[:2, 2:].max()) < 0.05


def test_what_cannot_be_seen_does_not_count(waves: LinearGenerator) -> None:
    faint = LinearGenerator(1e-3 * waves.A, waves.shape)
    changes, _ = differences(
        faint,
        [Straight(v) for v in torch.eye(K)],
        400,
        torch.Generator().manual_seed(0),
        steps=1,
    )
    # A change of half a level is rounded up as often as it is lost.
    assert float((changes * 255 - (changes * 255).round()).abs().max()) < 1e-4
    assert float(changes.abs().max()) <= 1 / 255 + 1e-6


def test_pairs_are_a_walk_apart_and_equally_many() -> None:
    generator = LinearGenerator(torch.eye(3).repeat(3, 1) * 51 / 255, (1, 3, 3))
    walks = [Straight(v) for v in torch.eye(3)]
    changes, labels = differences(
        generator, walks, 32, torch.Generator().manual_seed(0), steps=5, strength=2, both_sides=True
    )
    assert labels.bincount().tolist() == [10, 10, 10]
    for k in range(3):
        ours = changes[labels == k]
        # Ten sigmas of 51 levels, half of them backward, each off by a level's rounding.
        moved = torch.tensor([10.0] * 5 + [-10.0] * 5) * 51 / 255
        assert torch.allclose(ours[:, 0, 1, k], moved, atol=1.01 / 255)
        others = [i for i in range(3) if i != k]
        assert float(ours[:, 0, :, others].abs().max()) < 1e-6


def test_each_look_is_told_and_the_best_is_the_score() -> None:
    rng = torch.Generator().manual_seed(0)
    changes = torch.randn(100, 1, 8, 8, generator=rng)
    labels = torch.arange(100) % 2
    plan = VariationPlan(pairs=100, epochs=10, width=4, looks=4)
    looks = list(variation(changes, labels, plan, seed=1))
    assert [look.epoch for look in looks] == [2, 5, 8, 10]
    assert looks[-1].score == max(look.last for look in looks)
    for one, other in zip(looks, variation(changes, labels, plan, seed=1), strict=True):
        assert one.last == other.last
        assert torch.equal(one.confusion, other.confusion)
    each = VariationPlan(pairs=100, epochs=3, width=4)
    assert len(list(variation(changes, labels, each, seed=1))) == 3


def test_the_published_network_has_the_published_size() -> None:
    convolutions = 3 * 64 * 49 + 64 * 64 * 9 + 64 * 128 * 9 + 128 * 256 * 9
    norms = 2 * (64 + 64 + 128 + 256)
    net = VariationNet(3, 10)
    assert sum(p.numel() for p in net.parameters()) == convolutions + norms + 256 * 10 + 10
    assert net(torch.zeros(2, 3, 64, 64)).shape == (2, 10)


def test_what_cannot_be_scored_is_refused(waves: LinearGenerator) -> None:
    walks = [Straight(v) for v in torch.eye(K)]
    with pytest.raises(BadInput, match="3 pairs for 4 walks"):
        differences(waves, walks, 3, torch.Generator(), steps=1)
    with pytest.raises(BadInput, match="9 pairs for 1 walks"):
        differences(waves, walks[:1], 9, torch.Generator(), steps=1)
    with pytest.raises(BadInput, match="epochs is 0"):
        VariationPlan(epochs=0)
    with pytest.raises(BadInput, match="share is 1"):
        VariationPlan(share=1)
    with pytest.raises(BadInput, match="of 9 pairs 2 or more"):
        variation_score(torch.zeros(9, 1, 8, 8), torch.arange(9) % 2, VariationPlan(), seed=0)
