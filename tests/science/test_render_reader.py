"""Reading by rendering: exact for pictures of a set, and steady along a path."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.data.factors import FactorSet, draw, sweep
from engine.data.pixel_faces import PixelFaces
from engine.data.rooms import Rooms
from engine.data.sprites import Sprites
from engine.traversal.metrics.render_reader import RenderReader
from engine.traversal.metrics.selectivity import Selectivity, read_path, selectivity

#: A heart, large, off the middle: no two of its codes look alike.
HEART = torch.tensor([2, 5, 7, 12, 20])


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def sprites() -> RenderReader:
    return RenderReader(Sprites())


def measured(reader: RenderReader, codes: Tensor) -> Selectivity:
    """Of one path of codes (steps, f)."""
    readings = read_path(reader, reader.of.render(codes)[:, None])
    return selectivity(readings, reader.factors)


@pytest.mark.parametrize(
    ("of", "count"), [(Sprites(), 24), (Rooms(), 16), (PixelFaces(), 3)], ids=lambda x: str(x)[:8]
)
def test_pictures_of_a_set_are_read_exactly(of: FactorSet, count: int) -> None:
    codes = draw(of, count, rng(5))
    pictures = of.render(codes)
    reader = RenderReader(of)
    read = reader.read(pictures)
    assert read.dtype == torch.float32
    # Other codes may look the same.
    same = (of.render(read.long()) - pictures).abs().flatten(1).amax(1) < 1e-6
    assert float(same.float().mean()) > 0.95
    assert torch.equal(reader.read(pictures[:2]), read[:2])


def test_soft_and_noisy_pictures_are_read_nearly(sprites: RenderReader) -> None:
    codes = draw(sprites.of, 24, rng(6))
    soft = F.avg_pool2d(sprites.of.render(codes), 3, 1, 1)
    read = sprites.read(soft + 0.05 * torch.randn(soft.shape, generator=rng()))
    missed = (read - codes).abs()
    assert float(missed[:, 3:].max()) <= 1
    assert float(missed[:, 1].mean()) < 0.3
    assert float((missed[:, 0] == 0).float().mean()) > 0.8


def test_a_sweep_of_one_factor_is_selective(sprites: RenderReader) -> None:
    for k, factor in enumerate(sprites.factors):
        few = max(1, factor.values // 6)
        told = measured(sprites, sweep(sprites.of, HEART, factor.name)[::few])
        assert told.factor == k
        assert told.share == pytest.approx(1)


def test_a_path_across_two_factors_shares_them(sprites: RenderReader) -> None:
    codes = HEART.repeat(9, 1)
    codes[:, 3] += torch.arange(9)
    codes[:, 4] -= 2 * torch.arange(9)
    told = measured(sprites, codes)
    assert told.shares.tolist() == pytest.approx([0, 0, 0, 1 / 3, 2 / 3])


def test_what_looks_the_same_is_read_as_before(sprites: RenderReader) -> None:
    # A square turned by a quarter is itself: of four angles the reading keeps to the last one.
    squares = torch.tensor([[0, 4, angle, 16, 16] for angle in (3, 14, 29, 35)])
    pictures = sprites.of.render(squares)
    assert torch.equal(sprites.read(pictures, squares.float()), squares.float())
    moved = squares.clone()
    moved[:, 3] += 4
    moved[:, 2] += 1
    assert torch.equal(sprites.read(sprites.of.render(moved), squares.float()), moved.float())
