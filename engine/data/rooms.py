"""Rooms: an object in the corner of a room, after 3D Shapes (Burgess and Kim 2018).

Colors enter a picture linearly: it is the floor's hue times one plane, the wall's times
another, the object's times a third, plus the highlight. Ray casting makes these planes once
for every shape, size and view; drawing a picture is then mixing four planes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from engine.data.drawing import check_size, hues, in_chunks, spread
from engine.data.factors import Factor, check
from engine.data.ray_casting import (
    Hit,
    Vector,
    along,
    capsule,
    cube,
    cylinder,
    dot,
    sphere,
    unit,
)

SHAPES = ("sphere", "cube", "cylinder", "capsule")
HUES = 10
#: Four planes for each of 480 scenes: larger ones would not fit into memory with the rest.
MAX_SIZE = 128
_SOLIDS: tuple[Hit, ...] = (sphere, cube, cylinder, capsule)
_SIZES = spread(0.5, 0.95, 8)
_VIEWS = [math.radians(v) for v in range(-35, 36, 5)]
_FACTORS = (
    Factor("floor_hue", "Hue of the floor", HUES, "circular"),
    Factor("wall_hue", "Hue of the walls", HUES, "circular"),
    Factor("object_hue", "Hue of the object", HUES, "circular"),
    Factor("scale", "Size of the object", len(_SIZES), "ordered"),
    Factor("shape", "Shape of the object", len(SHAPES), "category"),
    Factor("view", "View angle", len(_VIEWS), "ordered"),
)
#: Rays along each side of a pixel, set so that no two are above or beside each other: an
#: upright or level edge then passes them one by one.
_RAYS = 3
_WALLS = 2.7
_CAMERA_FAR, _CAMERA_HIGH, _LOOKED_AT, _HALF_FIELD = 5.2, 3.1, 0.78, 0.36
_LIGHT = (-0.119, 0.795, 0.596)
_SHADOW = 0.6


def _vector(x: float, y: float, z: float) -> Vector:
    return torch.tensor(x), torch.tensor(y), torch.tensor(z)


def _rays(size: int, view: float) -> tuple[Vector, Vector]:
    """Where the camera stands and where its rays go: ``(1, rays * rays)`` each."""
    turn = math.pi / 4 + view
    camera = (_CAMERA_FAR * math.sin(turn), _CAMERA_HIGH, _CAMERA_FAR * math.cos(turn))
    ahead = (-camera[0], _LOOKED_AT - camera[1], -camera[2])
    length = math.hypot(*ahead)
    fx, fy, fz = (a / length for a in ahead)
    level = math.hypot(fx, fz)
    right = (-fz / level, 0.0, fx / level)
    above = (-fx * fy / level, level, -fz * fy / level)
    number = torch.arange(size * _RAYS)
    staggered = number + (number[:, None] % _RAYS + 0.5) / _RAYS
    u = (staggered / (size * _RAYS) * 2 - 1) * _HALF_FIELD
    v = -u.T
    x, y, z = (
        (f + u * r + v * a).reshape(1, -1)
        for f, r, a in zip((fx, fy, fz), right, above, strict=True)
    )
    return _vector(*camera), unit((x, y, z))


def _pooled(plane: Tensor, size: int) -> Tensor:
    """Means over the rays of each pixel: ``(size, size)``."""
    return plane.reshape(size, _RAYS, size, _RAYS).mean((1, 3))


def _first(distance: Tensor, where: Tensor) -> Tensor:
    return torch.where(where, distance, math.inf)


@dataclass(frozen=True)
class _Empty:
    """The room without the object, along every ray."""

    distance: Tensor
    points: Vector
    floor: Tensor
    wall: Tensor

    @classmethod
    def seen(cls, origin: Vector, direction: Vector) -> _Empty:
        """What the rays meet, and how bright floor and walls are there (0 where they are not)."""
        floor = _first(-origin[1] / direction[1], direction[1] < 0)
        left = _first((-_WALLS - origin[0]) / direction[0], direction[0] < 0)
        right = _first((-_WALLS - origin[2]) / direction[2], direction[2] < 0)
        distance = torch.minimum(torch.minimum(floor, left), right)
        x, y, z = along(origin, direction, distance)
        on_floor = (floor == distance).float()
        # Less light reaches where floor and walls meet.
        from_walls = (torch.minimum(x, z) + _WALLS).div(0.7).clamp(0, 1)
        from_floor = y.div(0.7).clamp(0, 1)
        wall = torch.where(left < right, 0.78, 1.0) * (0.85 + 0.15 * from_floor)
        return cls(
            distance, (x, y, z), on_floor * (0.82 + 0.18 * from_walls), (1 - on_floor) * wall
        )


@cache
def _planes(size: int, view: int) -> Tensor:
    """Floor, wall, object and highlight of every shape and scale seen from one side.

    Float32 ``(shapes, scales, 4, size, size)``.
    """
    origin, direction = _rays(size, _VIEWS[view])
    light = _vector(*_LIGHT)
    halfway = unit((light[0] - direction[0], light[1] - direction[1], light[2] - direction[2]))
    room = _Empty.seen(origin, direction)

    def scene(solid: Hit, scale: Tensor) -> Tensor:
        distance, normal = solid(origin, direction, scale)
        covers = distance < room.distance
        in_shadow = torch.isfinite(solid(room.points, light, scale)[0])
        bright = torch.where(covers, 0, torch.where(in_shadow, _SHADOW, 1.0))
        gloss = dot(normal, halfway).clamp(min=0)
        for _ in range(5):
            gloss = gloss * gloss
        planes = (
            room.floor * bright,
            room.wall * bright,
            torch.where(covers, 0.45 + 0.55 * dot(normal, light).clamp(min=0), 0),
            torch.where(covers, 0.35 * gloss, 0),
        )
        return torch.stack([_pooled(plane, size) for plane in planes])

    scenes = [torch.stack([scene(solid, scale) for scale in _SIZES]) for solid in _SOLIDS]
    return torch.stack(scenes)


@cache
def _palettes() -> tuple[Tensor, Tensor, Tensor]:
    """Colors of floor, walls and object: the same hues, dim, pale and full."""
    vivid = hues(HUES)
    return 0.08 + 0.66 * vivid, 0.35 + 0.6 * vivid, 0.06 + 0.94 * vivid


@dataclass(frozen=True)
class Rooms:
    """The set.

    The camera turns around the object, so the outlines of sphere, cylinder and capsule stay
    while walls, shadow and shading turn. Each view is ray cast when it is first asked for,
    which takes some hundredths of a second at 32 pixels.

    Attributes:
        size: side in pixels, 16 to 128.
    """

    size: int = 32
    name = "rooms"
    title = "Rooms"
    factors = _FACTORS
    channels = 3

    def __post_init__(self) -> None:
        check_size(self.size, MAX_SIZE)

    def render(self, codes: Tensor) -> Tensor:
        """Float32 ``(n, 3, size, size)`` of int64 ``(n, 6)``; see ``FactorSet``."""
        check(self, codes)
        return in_chunks(self._draw, codes, 3, self.size)

    def _draw(self, codes: Tensor) -> Tensor:
        floor, wall, thing, scale, shape, view = codes.unbind(1)
        planes = torch.empty(len(codes), 4, self.size, self.size)
        for seen in set(view.tolist()):
            rows = (view == seen).nonzero().squeeze(1)
            planes[rows] = _planes(self.size, seen)[shape[rows], scale[rows]]
        colors = [
            palette[hue][:, :, None, None]
            for palette, hue in zip(_palettes(), (floor, wall, thing), strict=True)
        ]
        picture = planes[:, 3:4].expand(-1, 3, -1, -1)
        for layer, color in enumerate(colors):
            picture = picture + color * planes[:, layer : layer + 1]
        return picture.clamp_(0, 1)
