"""Walks through a latent space: what every rule of traversal is, and what a path tells.

A path is kept in latent space and decoded when it is looked at, so that grid and export may change
later. By convention a path with both sides has ``count`` steps on each, the start in the middle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.method import BadInput


class Walk(Protocol):
    """One direction to walk in. Every rule of traversal is one of these."""

    def step(self, z: Tensor, index: int, strength: float) -> Tensor:
        """The latents one step from ``z`` (n, d).

        Args:
            index: how many steps were taken before, on this side.
            strength: length in units of the direction's sigma; a negative one walks back.
        """
        ...


@dataclass(frozen=True)
class Straight:
    """The same step everywhere: ``sigma`` (d,) is what strength 1 adds."""

    sigma: Tensor

    def step(self, z: Tensor, index: int, strength: float) -> Tensor:
        """``z + strength * sigma``, wherever and whenever."""
        return z + strength * self.sigma.to(z)


@dataclass(frozen=True)
class Shifts:
    """One shift for each step: ``vectors`` (steps, d). The last one goes on."""

    vectors: Tensor

    def step(self, z: Tensor, index: int, strength: float) -> Tensor:
        """``z`` moved by the shift of step ``index``."""
        return z + strength * self.vectors[min(index, len(self.vectors) - 1)].to(z)


@dataclass(frozen=True)
class Directions:
    """Straight directions, the one that matters most first.

    Attributes:
        vectors: unit vectors (K, d).
        sigmas: (K,), how far one sigma of the latents' distribution is along each.
        scores: (K,), what they are ordered by (a variance, an eigenvalue), largest first;
            ones where nothing orders them.
    """

    vectors: Tensor
    sigmas: Tensor
    scores: Tensor

    def walk(self, k: int) -> Straight:
        """The walk along direction ``k``; strength 1 is one sigma."""
        if not 0 <= k < len(self.vectors):
            raise BadInput(
                f"direction is {k}; it must be 0 to {len(self.vectors) - 1}", "direction"
            )
        return Straight(self.sigmas[k] * self.vectors[k])


def spread(vectors: Tensor, codes: Tensor) -> Tensor:
    """Standard deviation (K,) of ``codes`` (n, d) along unit ``vectors`` (K, d)."""
    along = (codes.double() - codes.double().mean(0)) @ vectors.double().mT
    return along.square().mean(0).sqrt().to(vectors)


def upright(vectors: Tensor) -> Tensor:
    """``vectors`` (K, d), each with the sign that makes its largest entry positive.

    An eigenvector is known up to its sign; so every machine shows the same one.
    """
    largest = vectors.abs().argmax(-1, keepdim=True)
    return vectors * vectors.gather(-1, largest).sign()


def path(
    walk: Walk, z: Tensor, count: int, strength: float = 1.0, both_sides: bool = False
) -> Tensor:
    """The latents along a walk from ``z`` (n, d), which is among them.

    Returns ``(count + 1, n, d)``; with both sides ``(2 * count + 1, n, d)`` from the far end of
    the backward side to the far end of the forward side, ``z`` in the middle.
    """
    if count < 0:
        raise BadInput(f"count is {count}; it must be 0 or more", "count")
    forward = _side(walk, z, count, strength)
    if not both_sides:
        return torch.stack(forward)
    backward = _side(walk, z, count, -strength)
    return torch.stack(backward[:0:-1] + forward)


def _side(walk: Walk, z: Tensor, count: int, strength: float) -> list[Tensor]:
    points = [z]
    for index in range(count):
        points.append(walk.step(points[-1], index, strength))
    return points


def led(walk: Walk, z: Tensor, value: float, stride: float) -> Tensor:
    """Where ``z`` (n, d) is after walking ``value`` (back if negative) in steps of ``stride``.

    The last step is as short as it must be, so what lies between the points of ``path`` lies on
    straight lines between them.
    """
    whole, sign = int(abs(value) / stride), math.copysign(1.0, value)
    for index in range(whole):
        z = walk.step(z, index, sign * stride)
    left = abs(value) - whole * stride
    return walk.step(z, whole, sign * left) if left > 0 else z


def between(points: Tensor, places: Tensor) -> Tensor:
    """Latents (t, ...) at ``places`` (t,) of a path (steps, ...), counted in steps from its start;
    fractions lie on straight lines.
    """
    last = len(points) - 1
    places = places.to(points).clamp(0, last)
    low = places.floor().long().clamp_max(max(0, last - 1))
    part = (places - low).reshape(-1, *[1] * (points.ndim - 1))
    return torch.lerp(points[low], points[(low + 1).clamp_max(last)], part)


def return_error(walk: Walk, z: Tensor, count: int, strength: float = 1.0) -> Tensor:
    """How far from ``z`` (n, d) one ends after ``count`` steps forward and the same ones back.

    Returns distances (n,). Straight walks come back to rounding; a flow is made of explicit Euler
    steps that are evaluated where they start, so it misses by the square of its step.
    """
    x = _side(walk, z, count, strength)[-1]
    for index in reversed(range(count)):
        x = walk.step(x, index, -strength)
    missed: Tensor = torch.linalg.vector_norm(x - z, dim=-1)
    return missed


def curvature(points: Tensor) -> Tensor:
    """``1 - |cos|`` of the angle between the first and the last step of paths (steps, n, d).

    Returns (n,): 0 for a straight path, 1 where it ends at right angles to its start. Paths with
    both sides are to be given one side at a time.
    """
    if len(points) < 3:
        raise BadInput(f"path has {len(points)} points; a curvature needs 3 or more", "path")
    first, last = points[1] - points[0], points[-1] - points[-2]
    return (1.0 - torch.cosine_similarity(first, last, dim=-1, eps=1e-30).abs()).clamp_min(0.0)
