"""What can be said of a walk without knowing any factor: length, smoothness, coming back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.method import BadInput
from engine.traversal.paths import Walk, curvature, path, return_error


@dataclass(frozen=True)
class WalkMeasures:
    """Means over the seeds of a walk.

    Attributes:
        length: of the path in the latent space.
        picture_length: of the path of the pictures, root mean square over the pixels.
        roughness: of the path of the pictures, see ``roughness``.
        curvature: of the path in the latent space, see ``paths.curvature``.
        return_error: distance from the start after as many steps back, as a share of the length.
    """

    length: float
    picture_length: float
    roughness: float
    curvature: float
    return_error: float


def length(points: Tensor) -> Tensor:
    """Lengths (n,) of paths of latents (steps, n, d)."""
    return _norm(points.diff(dim=0)).sum(0)


def picture_length(pictures: Tensor) -> Tensor:
    """Lengths (n,) of paths of pictures (steps, n, C, H, W); of a step, the root mean square."""
    return _rms(pictures.diff(dim=0)).sum(0)


def roughness(pictures: Tensor) -> Tensor:
    """How unevenly pictures (steps, n, C, H, W) change: (n,).

    The mean size of their second differences in units of the mean step: 0 where every step changes
    the same pixels by as much, 2 where every step takes back the one before; 0 where nothing
    changes.
    """
    if len(pictures) < 3:
        raise BadInput(f"path has {len(pictures)} points; smoothness needs 3 or more", "path")
    step = _rms(pictures.diff(dim=0)).mean(0)
    turn = _rms(pictures.diff(n=2, dim=0)).mean(0)
    return torch.where(step > 0, turn / step.clamp_min(torch.finfo(step.dtype).tiny), 0.0)


def measures(
    walk: Walk, z: Tensor, decode: Callable[[Tensor], Tensor], count: int, strength: float = 1.0
) -> WalkMeasures:
    """Measure a walk of ``count`` steps, 2 or more, forward from latents ``z`` (n, d)."""
    points = path(walk, z, count, strength)
    with torch.no_grad():
        pictures = torch.stack([decode(step) for step in points])
    far = length(points)
    missed = return_error(walk, z, count, strength)
    return WalkMeasures(
        length=float(far.mean()),
        picture_length=float(picture_length(pictures).mean()),
        roughness=float(roughness(pictures).mean()),
        curvature=float(curvature(points).mean()),
        return_error=float(missed.mean() / far.mean().clamp_min(torch.finfo(far.dtype).tiny)),
    )


def _norm(x: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(x, dim=-1)
    return norm


def _rms(x: Tensor) -> Tensor:
    return x.flatten(2).square().mean(-1).sqrt()
