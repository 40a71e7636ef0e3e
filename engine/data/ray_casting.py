"""Where rays meet a sphere, a cube, a cylinder or a capsule, in closed form.

A vector is a tuple of three tensors that broadcast against each other; the second component
is up. Solids stand on the floor (up = 0) over the origin. A ray that misses meets at infinity.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Vector = tuple[Tensor, Tensor, Tensor]
#: Distance along the ray and the outward normal there, from origin, direction and size.
Hit = Callable[[Vector, Vector, Tensor], tuple[Tensor, Vector]]

_NEAR = 1e-4


def dot(a: Vector, b: Vector) -> Tensor:
    """The inner product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def unit(a: Vector) -> Vector:
    """The direction of ``a``."""
    length = dot(a, a).sqrt()
    return a[0] / length, a[1] / length, a[2] / length


def along(origin: Vector, direction: Vector, distance: Tensor) -> Vector:
    """The point at a distance on a ray."""
    return (
        origin[0] + distance * direction[0],
        origin[1] + distance * direction[1],
        origin[2] + distance * direction[2],
    )


def _met(distance: Tensor, where: Tensor) -> Tensor:
    return torch.where(where & (distance > _NEAR), distance, math.inf)


def _ball(origin: Vector, direction: Vector, radius: Tensor, height: Tensor) -> Tensor:
    """A ball whose center is ``height`` above the floor."""
    moved = (origin[0], origin[1] - height, origin[2])
    b = dot(moved, direction)
    gap = b * b - dot(moved, moved) + radius * radius
    return _met(-b - gap.clamp(min=0).sqrt(), gap > 0)


def _tube(origin: Vector, direction: Vector, radius: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """The side of an upright cylinder between two heights."""
    (x, y, z), (dx, dy, dz) = origin, direction
    a, b = dx * dx + dz * dz, x * dx + z * dz
    gap = b * b - a * (x * x + z * z - radius * radius)
    distance = (-b - gap.clamp(min=0).sqrt()) / a
    up = y + distance * dy
    return _met(distance, (gap > 0) & (up >= low) & (up <= high))


def sphere(origin: Vector, direction: Vector, size: Tensor) -> tuple[Tensor, Vector]:
    """Radius 1 at size 1."""
    distance = _ball(origin, direction, size, size)
    x, y, z = along(origin, direction, distance)
    return distance, (x / size, (y - size) / size, z / size)


def cube(origin: Vector, direction: Vector, size: Tensor) -> tuple[Tensor, Vector]:
    """Half an edge is 0.8 at size 1."""
    half = 0.8 * size
    moved = (origin[0], origin[1] - half, origin[2])
    enters, leaves = [], []
    for o, d in zip(moved, direction, strict=True):
        one, other = (-half - o) / d, (half - o) / d
        enters.append(torch.minimum(one, other))
        leaves.append(torch.maximum(one, other))
    enter = torch.maximum(torch.maximum(enters[0], enters[1]), enters[2])
    leave = torch.minimum(torch.minimum(leaves[0], leaves[1]), leaves[2])
    x, y, z = (-torch.sign(d) * (e == enter) for d, e in zip(direction, enters, strict=True))
    return _met(enter, enter < leave), (x, y, z)


def cylinder(origin: Vector, direction: Vector, size: Tensor) -> tuple[Tensor, Vector]:
    """Radius 0.75 and height 1.7 at size 1."""
    radius, height = 0.75 * size, 1.7 * size
    side = _tube(origin, direction, radius, torch.zeros_like(height), height)
    lid = (torch.where(direction[1] < 0, height, 0) - origin[1]) / direction[1]
    x, _, z = along(origin, direction, lid)
    lid = _met(lid, x * x + z * z < radius * radius)
    distance = torch.minimum(side, lid)
    x, _, z = along(origin, direction, distance)
    flat = lid < side
    up = -torch.sign(direction[1]) * flat
    return distance, (torch.where(flat, 0, x / radius), up, torch.where(flat, 0, z / radius))


def capsule(origin: Vector, direction: Vector, size: Tensor) -> tuple[Tensor, Vector]:
    """Radius 0.6 and height 2.2 at size 1."""
    radius, height = 0.6 * size, 2.2 * size
    low, high = radius, height - radius
    distance = _tube(origin, direction, radius, low, high)
    for end in (low, high):
        distance = torch.minimum(distance, _ball(origin, direction, radius, end))
    x, y, z = along(origin, direction, distance)
    return distance, (x / radius, (y - torch.clamp(y, min=low, max=high)) / radius, z / radius)
