"""What a walk changes, on generators and factors of which it is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from engine.data.factors import Factor
from engine.method import BadInput
from engine.traversal.generator import LinearGenerator
from engine.traversal.metrics.selectivity import Selectivity, apart, read_path, selectivity
from engine.traversal.metrics.walks import length, measures, picture_length, roughness
from engine.traversal.paths import Shifts, Straight, Walk, path

F, D, SEEDS = 5, 5, 7


def normal(*shape: int, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def ordered(count: int, values: int = 11) -> tuple[Factor, ...]:
    return tuple(Factor(f"f{i}", f"F {i}", values, "ordered") for i in range(count))


@dataclass(frozen=True)
class Exact:
    """Reads the latents of a linear generator off its pictures: they are the factors."""

    generator: LinearGenerator
    factors: tuple[Factor, ...] = ordered(F)

    def read(self, pictures: Tensor, near: Tensor | None = None) -> Tensor:
        return self.generator.encode(pictures)


@pytest.fixture(scope="module")
def generator() -> LinearGenerator:
    return LinearGenerator(normal(24, D, seed=1), (1, 4, 6))


def measured(generator: LinearGenerator, walk: Walk, both_sides: bool = False) -> Selectivity:
    points = path(walk, normal(SEEDS, D), 4, 0.5, both_sides)
    pictures = torch.stack([generator.decode(step) for step in points])
    reader = Exact(generator)
    start = 4 if both_sides else 0
    return selectivity(read_path(reader, pictures, start), reader.factors, start)


# Selectivity.


@pytest.mark.parametrize("both_sides", [False, True])
def test_a_path_along_an_axis_changes_one_factor(
    generator: LinearGenerator, both_sides: bool
) -> None:
    for k in range(F):
        told = measured(generator, Straight(torch.eye(D).double()[k]), both_sides)
        assert told.share == pytest.approx(1)
        assert told.factor == k
        # Half a value of ten a step.
        steps = torch.arange(5, dtype=torch.float64)
        steps = torch.cat([steps.flip(0)[:-1], steps]) if both_sides else steps
        assert torch.allclose(told.curves[:, k], 0.05 * steps)
        others = [i for i in range(F) if i != k]
        assert float(told.curves[:, others].max()) < 1e-12


def test_a_diagonal_path_changes_all_alike(generator: LinearGenerator) -> None:
    for count in range(1, F + 1):
        direction = torch.zeros(D, dtype=torch.float64)
        direction[:count] = 1
        told = measured(generator, Straight(direction))
        assert told.share == pytest.approx(1 / count)
        assert told.shares.tolist() == pytest.approx([1 / count] * count + [0] * (F - count))


def test_shares_are_those_of_the_direction(generator: LinearGenerator) -> None:
    told = measured(generator, Straight(torch.tensor([0.0, -3.0, 1.0, 0.0, 0.0]).double()))
    assert told.factor == 1
    assert told.share == pytest.approx(0.75)


def test_a_path_that_changes_nothing_has_no_factor() -> None:
    told = selectivity(torch.ones(3, 2, F), ordered(F))
    assert (told.share, told.factor) == (0.0, None)
    assert not told.shares.any()


def test_a_direction_must_mean_the_same_for_every_seed() -> None:
    # Each seed changes one factor, but not the same one.
    readings = torch.zeros(3, 2, 2)
    readings[:, 0, 0] = torch.arange(3.0)
    readings[:, 1, 1] = torch.arange(3.0)
    assert selectivity(readings, ordered(2)).share == pytest.approx(0.5)
    assert selectivity(readings[:, :1], ordered(2)).share == pytest.approx(1)


def test_a_reading_that_trembles_does_not_add_up() -> None:
    steps = torch.linspace(0, 10, 101)[:, None]
    tremble = 0.1 * (-1.0) ** torch.arange(101)[:, None]
    told = selectivity(torch.stack([steps, tremble], -1), ordered(2))
    assert told.share > 0.97


def test_the_farthest_of_every_kind_is_one() -> None:
    kinds = (
        Factor("a", "A", 9, "ordered"),
        Factor("b", "B", 12, "circular"),
        Factor("c", "C", 4, "category"),
        Factor("d", "D", 1, "ordered"),
    )
    start = torch.tensor([0.0, 1.0, 2.0, 0.0])
    far = torch.tensor([8.0, 7.0, 3.0, 0.0])
    half = torch.tensor([4.0, 10.0, 2.0, 0.0])
    assert apart(start, start, kinds).tolist() == [0, 0, 0, 0]
    # From 1 back past 0 to 10 is three of six.
    assert apart(half, start, kinds).tolist() == [0.5, 0.5, 0, 0]
    assert apart(far, start, kinds).tolist() == [1, 1, 1, 0]
    # A full round is no way at all.
    around = apart(torch.tensor([12.5]), torch.tensor([0.5]), kinds[1:2])
    assert around.tolist() == pytest.approx([0])


def test_readings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadInput, match=r"shape \(3, 2, 4\); \(..., 5\) is needed"):
        selectivity(torch.zeros(3, 2, 4), ordered(5))
    with pytest.raises(BadInput, match="start is 3; it must be 0 to 2"):
        selectivity(torch.zeros(3, 2, 1), ordered(1), 3)


# Length, smoothness and coming back.


def test_a_straight_walk_through_a_linear_generator(generator: LinearGenerator) -> None:
    v = normal(D, seed=2)
    told = measures(Straight(v), normal(SEEDS, D), generator.decode, 6, 0.5)
    speed = float(torch.linalg.vector_norm(v))
    assert told.length == pytest.approx(3 * speed)
    changed = float((generator.A @ v).square().mean().sqrt())
    assert told.picture_length == pytest.approx(3 * changed)
    assert told.roughness == pytest.approx(0, abs=1e-12)
    assert told.curvature == pytest.approx(0, abs=1e-12)
    assert told.return_error == pytest.approx(0, abs=1e-12)


@dataclass(frozen=True)
class Circling:
    """Explicit Euler steps around zero in the plane of the first two latents."""

    def step(self, z: Tensor, index: int, strength: float) -> Tensor:
        turn = torch.zeros_like(z)
        turn[:, 0], turn[:, 1] = -z[:, 1], z[:, 0]
        return z + strength * turn


def test_a_flow_that_circles_does_not_come_back_to_its_start() -> None:
    generator = LinearGenerator(torch.eye(2).double())
    z = torch.tensor([[1.0, 0.0], [0.0, 2.0]]).double()
    told = measures(Circling(), z, generator.decode, 8, 0.1)
    # A step there and the same one back multiply the radius by 1 + h^2.
    grown = (1 + 0.1**2) ** 8
    way = sum(0.1 * math.hypot(1, 0.1) ** step for step in range(8))
    assert told.length == pytest.approx(1.5 * way)
    assert told.return_error == pytest.approx((grown - 1) / way)
    # Every step turns by the same angle, and is longer by the same factor.
    assert told.curvature == pytest.approx(1 - math.cos(7 * math.atan(0.1)))
    assert told.roughness == pytest.approx(0.1, rel=0.05)


def test_pictures_that_go_back_and_forth_are_as_rough_as_can_be() -> None:
    still = normal(3, 1, 4, 4)
    there = still + normal(3, 1, 4, 4, seed=1)
    flicker = torch.stack([still, there, still, there, still])
    assert torch.allclose(roughness(flicker), torch.full((3,), 2.0).double())
    assert torch.allclose(
        picture_length(flicker), 4 * (there - still).flatten(1).square().mean(1).sqrt()
    )
    assert roughness(still.expand(4, 3, 1, 4, 4)).tolist() == [0, 0, 0]
    with pytest.raises(BadInput, match="path has 2 points"):
        roughness(flicker[:2])


def test_a_path_of_corners_is_as_long_as_its_sides() -> None:
    sides = Shifts(torch.tensor([[3.0, 0.0], [0.0, 4.0], [0.0, -1.0]]))
    assert length(path(sides, torch.zeros(2, 2), 3)).tolist() == [8, 8]
