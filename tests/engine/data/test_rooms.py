"""Rays meet solids where they should, and each factor of a room does what its title says."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from engine.data.factors import draw, sweep
from engine.data.ray_casting import Hit, Vector, along, capsule, cube, cylinder, dot, sphere, unit
from engine.data.rooms import HUES, SHAPES, Rooms

SOLIDS = {"sphere": sphere, "cube": cube, "cylinder": cylinder, "capsule": capsule}


def _inside(shape: str, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """How deep a point is in the solid of size 1, positive inside; zero on the surface."""
    round_ = (x * x + z * z).sqrt()
    if shape == "sphere":
        return 1 - (round_**2 + (y - 1) ** 2).sqrt()
    if shape == "cube":
        deep = torch.maximum(torch.maximum(x.abs(), z.abs()), (y - 0.8).abs())
        return 0.8 - deep
    if shape == "cylinder":
        return torch.minimum(0.75 - round_, 0.85 - (y - 0.85).abs())
    beyond = y - y.clamp(0.6, 1.6)
    return 0.6 - (round_**2 + beyond**2).sqrt()


def _rays(count: int, seed: int) -> tuple[Vector, Vector]:
    """From outside, above the floor, aimed near the solid."""
    rng = torch.Generator().manual_seed(seed)
    turn = torch.rand(count, generator=rng, dtype=torch.float64) * 2 * math.pi
    high = torch.rand(count, generator=rng, dtype=torch.float64) * 4 + 0.1
    origin = (4 * turn.cos(), high, 4 * turn.sin())
    aim = torch.randn(3, count, generator=rng, dtype=torch.float64) * 0.7
    ahead = (aim[0] - origin[0], aim[1] + 0.9 - origin[1], aim[2] - origin[2])
    return origin, unit(ahead)


@pytest.mark.parametrize("shape", SOLIDS)
def test_a_ray_meets_the_surface_first_where_it_says(shape: str) -> None:
    solid: Hit = SOLIDS[shape]
    origin, direction = _rays(3000, seed=0)
    distance, normal = solid(origin, direction, torch.ones(1, dtype=torch.float64))
    met = torch.isfinite(distance)
    assert 0.3 < met.double().mean() < 0.95
    depth = _inside(shape, *along(origin, direction, distance))
    assert depth[met].abs().max() < 1e-9
    # Marching along the ray: outside up to the hit, and never inside where there is none.
    for part in torch.linspace(0, 1, 400, dtype=torch.float64):
        reach = torch.where(met, distance, 9.0) * part
        assert _inside(shape, *along(origin, direction, reach)).max() < 1e-9
    assert (dot(normal, normal)[met] - 1).abs().max() < 1e-9
    assert dot(normal, direction)[met].max() <= 0
    moved = along(along(origin, direction, distance), normal, torch.tensor(-1e-4).double())
    assert _inside(shape, *moved)[met].min() > 0


@pytest.mark.parametrize("shape", SOLIDS)
def test_size_scales_a_solid(shape: str) -> None:
    origin, direction = _rays(500, seed=1)
    half = torch.full((1,), 0.5, dtype=torch.float64)
    small, _ = SOLIDS[shape]((origin[0] / 2, origin[1] / 2, origin[2] / 2), direction, half)
    large, _ = SOLIDS[shape](origin, direction, 2 * half)
    assert torch.equal(torch.isfinite(small), torch.isfinite(large))
    assert torch.allclose(2 * small, large)


def _touched(of: Rooms, code: Tensor, name: str) -> Tensor:
    """Which pixels a factor changes: bool ``(size, size)``."""
    pictures = of.render(sweep(of, code, name))
    return (pictures - pictures[:1]).abs().amax((0, 1)) > 0


def _code(**values: int) -> Tensor:
    names = [factor.name for factor in Rooms().factors]
    code = torch.tensor([1, 5, 8, 4, 0, 7])
    for name, value in values.items():
        code[names.index(name)] = value
    return code


@pytest.mark.parametrize("shape", range(4), ids=SHAPES)
def test_each_hue_colors_its_own_part_and_together_all(shape: int) -> None:
    rooms = Rooms()
    code = _code(shape=shape)
    floor, wall, thing = (_touched(rooms, code, f"{p}_hue") for p in ("floor", "wall", "object"))
    assert (floor | wall | thing).all()
    # Parts share only the pixels along their edges.
    assert (floor & wall).sum() < 80
    assert (thing & (floor | wall)).sum() < 90
    assert wall[0].all()
    assert not floor[0].any()
    assert floor[-1].all()
    assert not wall[-1].any()
    assert thing[16, 16]


def test_hues_enter_in_proportion() -> None:
    rooms = Rooms()
    pictures = rooms.render(sweep(rooms, _code(object_hue=0), "object_hue"))
    # No highlight at the lower edge of the object: the color is the hue's, up to brightness.
    pixel = pictures[:, :, 21, 15]
    assert (pixel.argmax(1) == torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 2, 0])).all()
    assert (pixel.amax(1) / pixel[0].amax() - 1).abs().max() < 1e-5
    assert len(pictures) == HUES


@pytest.mark.parametrize("shape", range(4), ids=SHAPES)
def test_the_object_grows_with_its_size(shape: int) -> None:
    rooms = Rooms()
    areas = [
        int(_touched(rooms, _code(shape=shape, scale=k), "object_hue").sum()) for k in range(8)
    ]
    assert all(b > a for a, b in pairwise(areas))


def test_the_view_turns_the_room_around_the_object() -> None:
    rooms = Rooms(64)
    codes = sweep(rooms, _code(shape=0), "view")
    corner = []
    for picture in rooms.render(codes):
        top = picture[:, 0].sum(0)
        corner.append(int((top[1:] - top[:-1]).abs().argmax()))
    assert all(b > a for a, b in pairwise(corner))
    outlines = [_touched(rooms, code, "object_hue") for code in codes]
    assert all(torch.equal(outline, outlines[0]) for outline in outlines)
    cubes = [_touched(rooms, _code(shape=1, view=v), "object_hue") for v in range(15)]
    assert all(not torch.equal(a, b) for a, b in pairwise(cubes))


def test_the_object_throws_a_shadow_on_the_floor() -> None:
    rooms = Rooms(64)
    big, small = rooms.render(torch.stack([_code(scale=7), _code(scale=0)]))
    outline = _touched(rooms, _code(scale=7), "object_hue")
    floor = _touched(rooms, _code(scale=7), "floor_hue") & ~outline
    darker = (big.sum(0) < 0.8 * small.sum(0)) & floor
    assert darker.sum() > 60


def test_views_are_cast_as_they_are_asked_for() -> None:
    codes = draw(Rooms(), 40, torch.Generator().manual_seed(2), {"view": 3})
    assert Rooms(128).render(codes[:2]).shape == (2, 3, 128, 128)
