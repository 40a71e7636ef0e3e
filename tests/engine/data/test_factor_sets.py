"""What every set of known factors promises: its codes, its bits, its ranges, its refusals."""

import pytest
import torch

from engine.data.factors import FactorSet, check, draw, position, sweep
from engine.data.pixel_faces import PixelFaces
from engine.data.procedural import PROCEDURAL, factor_set
from engine.data.rooms import Rooms
from engine.data.sprites import Sprites
from engine.data.stroke_digits import StrokeDigits
from engine.method import BadInput

SETS: list[FactorSet] = [
    Sprites(),
    Sprites(colored=True),
    Sprites(binary=True),
    Rooms(),
    PixelFaces(),
    StrokeDigits(),
    StrokeDigits(28, colored=True),
]
EVERY = pytest.mark.parametrize(
    "of", SETS, ids=lambda s: f"{s.name}-{s.channels}x{s.size}{'-binary' * getattr(s, 'binary', 0)}"
)


def _codes(of: FactorSet, count: int, seed: int = 0) -> torch.Tensor:
    return draw(of, count, torch.Generator().manual_seed(seed))


@EVERY
def test_a_code_has_one_picture_wherever_it_stands(of: FactorSet) -> None:
    codes = _codes(of, 150)
    pictures = of.render(codes)
    alone = torch.cat([of.render(code[None]) for code in codes[::5]])
    assert torch.equal(alone, pictures[::5])
    order = torch.randperm(len(codes), generator=torch.Generator().manual_seed(1))
    assert torch.equal(of.render(codes[order]), pictures[order])
    assert torch.equal(torch.cat([of.render(part) for part in codes.split(37)]), pictures)


@EVERY
def test_pictures_are_as_declared(of: FactorSet) -> None:
    pictures = of.render(_codes(of, 200))
    assert pictures.dtype == torch.float32
    assert pictures.shape == (200, of.channels, of.size, of.size)
    assert 0 <= pictures.min() < 0.1
    assert 0.9 < pictures.max() <= 1
    assert of.render(_codes(of, 0)).shape == (0, of.channels, of.size, of.size)


@EVERY
def test_factors_are_declared_whole(of: FactorSet) -> None:
    names = [factor.name for factor in of.factors]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() or name == "class" for name in names)
    assert all(factor.title and factor.values >= 3 for factor in of.factors)
    assert of.name in PROCEDURAL


@pytest.mark.parametrize("name", PROCEDURAL)
def test_no_two_values_of_a_factor_look_the_same(name: str) -> None:
    of = factor_set(name)
    for code in _codes(of, 4, seed=3):
        if of.name == "sprites":
            code[0] = 2  # The heart alone has no symmetry.
        for factor in of.factors:
            pictures = of.render(sweep(of, code, factor.name)).flatten(1)
            apart = (pictures[:, None] - pictures[None]).abs().amax(2)
            apart.fill_diagonal_(1)
            assert apart.min() > 0.04, (factor.name, code.tolist())


@pytest.mark.parametrize("name", PROCEDURAL)
def test_a_larger_picture_shows_the_same(name: str) -> None:
    small, large = factor_set(name, 32), factor_set(name, 64)
    codes = _codes(small, 60)
    reduced = torch.nn.functional.avg_pool2d(large.render(codes), 2)
    assert (reduced - small.render(codes)).abs().mean() < 0.03
    assert factor_set(name, 17).render(codes[:2]).shape[-1] == 17


@EVERY
def test_codes_that_mean_nothing_are_refused(of: FactorSet) -> None:
    codes = _codes(of, 3)
    with pytest.raises(BadInput, match=r"must be torch\.int64"):
        of.render(codes.float())
    with pytest.raises(BadInput, match=f"{of.name} needs"):
        of.render(codes[0])
    with pytest.raises(BadInput, match=f"{of.name} needs"):
        of.render(codes[:, 1:])
    for column, factor in enumerate(of.factors):
        for wrong in (-1, factor.values):
            bad = codes.clone()
            bad[2, column] = wrong
            match = f"{factor.name} is {wrong}; it must be 0 to {factor.values - 1}"
            with pytest.raises(BadInput, match=match):
                of.render(bad)


def test_sizes_and_names_that_do_not_exist_are_refused() -> None:
    for name in PROCEDURAL:
        for size in (15, 257):
            with pytest.raises(BadInput, match=f"size is {size}; it must be 16 to"):
                factor_set(name, size)
    with pytest.raises(BadInput, match="'faces' is unknown; the sets are sprites, rooms"):
        factor_set("faces")
    with pytest.raises(BadInput, match="'hue' is not one of sprites, which has shape, scale"):
        position(Sprites(), "hue")


def test_codes_are_uniform_and_independent() -> None:
    of = Rooms()
    codes = _codes(of, 20_000)
    check(of, codes)
    for column, factor in enumerate(of.factors):
        share = torch.bincount(codes[:, column]) / len(codes) * factor.values
        assert len(share) == factor.values
        assert (share - 1).abs().max() < 0.12
    relation = torch.corrcoef(codes.T.double()) - torch.eye(len(of.factors), dtype=torch.float64)
    assert relation.abs().max() < 0.03


def test_fixing_a_factor_leaves_the_draws_of_the_others() -> None:
    of = Rooms()
    free = _codes(of, 50)
    kept = draw(of, 50, torch.Generator().manual_seed(0), {"shape": 2, "view": 0})
    assert (kept[:, 4] == 2).all()
    assert (kept[:, 5] == 0).all()
    assert torch.equal(kept[:, :4], free[:, :4])
    with pytest.raises(BadInput, match="shape is 4; it must be 0 to 3"):
        draw(of, 5, torch.Generator(), {"shape": 4})
    with pytest.raises(BadInput, match="factor 'color' is not one of rooms"):
        draw(of, 5, torch.Generator(), {"color": 0})


def test_a_sweep_changes_one_factor() -> None:
    of = StrokeDigits()
    code = _codes(of, 1)[0]
    codes = sweep(of, code, "rotation")
    assert codes[:, 4].tolist() == list(range(9))
    codes[:, 4] = code[4]
    assert torch.equal(codes, code.expand(9, -1))
