"""Potentials that obey a wave equation, and the flows that they drive through a latent space.

Source: Y. Song, T. A. Keller, N. Sebe, M. Welling, Latent Traversals in Generative Models as
Potential Flows, ICML 2023, https://arxiv.org/abs/2304.12944. A latent is pushed along the gradient
of a potential u(z, t): at rest at first, ``u_tt = c^2 Laplacian(u)`` along the way, and with the
picture changing as much as it can.

The published code differentiates the sum of the gradient's entries where the equation has the
Laplacian, which gives the row sums of the Hessian. Here the Laplacian is its trace; their operator
is a switch.

Wherever a potential ``u`` is asked for, any function will do that takes ``z`` (..., m, d) and ``t``
(..., m) of one floating type and returns (..., m), every number from its own latent and time.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch
from torch import Tensor

from engine.nets.potential_field import PotentialField

Potential = Callable[[Tensor, Tensor], Tensor]
Operator = Literal["laplacian", "published"]
#: Up to so many dimensions the trace is exact; above, this many random vectors estimate it.
EXACT, PROBES = 32, 4
#: A gradient shorter than this points nowhere in particular, and is not made longer than in
#: proportion.
STILL = 1e-6
#: A mean square change of pictures in [0, 1] that cannot be seen.
FAINT = 1e-8


def gradient(u: Potential, z: Tensor, t: Tensor) -> Tensor:
    """The gradient of u in z, (..., d)."""
    slope: Tensor = torch.func.grad(lambda x: u(x, t).sum())(z)
    return slope


def hessian(u: Potential, z: Tensor, t: Tensor) -> Callable[[Tensor], Tensor]:
    """The Hessian of u in z as a product with vectors (..., d)."""
    back = torch.func.vjp(lambda x: gradient(u, x, t), z)[1]

    def product(v: Tensor) -> Tensor:
        moved: Tensor = back(v)[0]
        return moved

    return product


def laplacian(u: Potential, z: Tensor, t: Tensor) -> Tensor:
    """The exact trace of the Hessian, (...): its d diagonal entries, evaluated together."""
    d = z.shape[-1]
    units = torch.eye(d, dtype=z.dtype, device=z.device).repeat(z.shape[-2], 1)
    return _quadratic(u, z, t, units.expand(*z.shape[:-2], -1, -1), d).sum(-1)


def probed_laplacian(u: Potential, z: Tensor, t: Tensor, probes: Tensor) -> Tensor:
    """Hutchinson's estimate of the trace, (...), unbiased.

    Args:
        probes: random signs (p, ..., d), each with the shape of ``z``; the estimate is their mean.
    """
    count = len(probes)
    together = probes.movedim(0, -2).flatten(-3, -2)
    return _quadratic(u, z, t, together, count).mean(-1)


def _quadratic(u: Potential, z: Tensor, t: Tensor, v: Tensor, count: int) -> Tensor:
    """``v . H v``, (..., count), for ``count`` vectors in a row for each latent of ``z``.

    Latents are repeated beside each other, so that a potential sees more of them at once; torch's
    vmap would do the same with more ado.
    """
    repeated = z.repeat_interleave(count, -2)
    product = hessian(u, repeated, t.repeat_interleave(count, -1))(v)
    return (product * v).sum(-1).reshape(*z.shape[:-1], count)


def row_sums(u: Potential, z: Tensor, t: Tensor) -> Tensor:
    """What the published code has for the Laplacian: the row sums of the Hessian, (..., d)."""
    return hessian(u, z, t)(torch.ones_like(z))


def acceleration(u: Potential, z: Tensor, t: Tensor) -> Tensor:
    """The second derivative of u in time, (...)."""
    velocity = torch.func.grad(lambda s: u(z, s).sum())
    # Reverse over reverse: nested forward mode takes half as long again.
    second: Tensor = torch.func.grad(lambda s: velocity(s).sum())(t)
    return second


def wave_residual(
    u: Potential, z: Tensor, t: Tensor, speed: Tensor, operator: Operator = "laplacian"
) -> Tensor:
    """``u_tt - c^2 Laplacian(u)``, (...); with the published operator (..., d).

    Args:
        speed: c, of a shape that goes with (...).
    """
    u_tt = acceleration(u, z, t)
    if operator == "published":
        return u_tt[..., None] - speed.square()[..., None] * row_sums(u, z, t)
    return u_tt - speed.square() * laplacian(u, z, t)


def wave_loss(
    u: Potential,
    z: Tensor,
    t: Tensor,
    speed: Tensor,
    operator: Operator = "laplacian",
    rng: torch.Generator | None = None,
) -> Tensor:
    """Mean square of the wave residual.

    Above ``EXACT`` dimensions the Laplacian is estimated twice with random signs from ``rng`` (of
    the CPU), and the two residuals multiplied: the square of one estimate would add its variance,
    and training would lower that as well.
    """
    if operator == "published" or z.shape[-1] <= EXACT:
        return wave_residual(u, z, t, speed, operator).square().mean()
    signs = torch.randint(2, (2, PROBES, *z.shape), generator=rng).to(z) * 2 - 1
    u_tt = acceleration(u, z, t)
    one, two = (u_tt - speed.square() * probed_laplacian(u, z, t, p) for p in signs)
    return (one * two).mean()


def sized(gradient: Tensor, length: float | None) -> Tensor:
    """A step along a gradient (..., d): its own length, or ``length`` wherever it points."""
    if length is None:
        return gradient
    norm: Tensor = torch.linalg.vector_norm(gradient, dim=-1, keepdim=True)
    return length * gradient / norm.clamp_min(STILL)


@dataclass(frozen=True)
class Flow:
    """A walk along a potential: half of a two-sided path.

    Attributes:
        points: latents (half + 1, ..., d).
        gradients: of u where each step starts, (half, ..., d).
        steps: what was added, (half, ..., d); times are 0 to ``half - 1``.
    """

    points: Tensor
    gradients: Tensor
    steps: Tensor


def flow(
    u: Potential,
    z: Tensor,
    half: int,
    *,
    sign: Tensor | float = 1.0,
    length: float | None = None,
    detach: bool = False,
) -> Flow:
    """Walk ``half`` explicit Euler steps ``z + sign * gradient(u)``, at the times 0, 1, ...

    Args:
        z: start, (..., d).
        sign: 1 or -1 for each latent, (...): backwards is the same potential with a minus.
        length: of every step; None takes the gradient's own.
        detach: keep training from looking through the walk: a step then answers for itself only,
            and memory no longer grows with ``half``.
    """
    points, gradients, steps = [z], [], []
    turn = torch.as_tensor(sign).to(z)[..., None]
    for index in range(half):
        start = points[-1].detach() if detach else points[-1]
        gradients.append(gradient(u, start, torch.full_like(z[..., 0], index)))
        steps.append(turn * sized(gradients[-1], length))
        points.append(start + steps[-1])
    return Flow(torch.stack(points), torch.stack(gradients), torch.stack(steps))


def rest_loss(flowed: Flow, scale_free: bool = True) -> Tensor:
    """How far a flow of (groups, m, d) is from starting at rest.

    The authors take the mean square of the gradient's entries at time 0. It counts for little where
    potentials are small, and holds them small. Free of scale, it is the share of that in the mean
    square along the walk, averaged over the groups.
    """
    squares = flowed.gradients.square()
    if not scale_free:
        return squares[0].mean()
    start, all_along = squares[0].mean((-1, -2)), squares.mean((0, -1, -2))
    return (start / (all_along + STILL**2)).mean()


def flow_wave_loss(
    u: Potential,
    flowed: Flow,
    speed: Tensor,
    operator: Operator = "laplacian",
    rng: torch.Generator | None = None,
    detach: bool = False,
) -> Tensor:
    """The mean of ``wave_loss`` over all places and times of a walk that steps start at.

    Args:
        speed: (groups, 1), where the walk has (groups, m, d).
    """
    half = len(flowed.steps)
    z = flowed.points[:-1].detach() if detach else flowed.points[:-1]
    # Groups stay in front, and the times come beside the m latents of each.
    z = z.movedim(0, -3).flatten(-3, -2)
    times = torch.arange(half, dtype=z.dtype, device=z.device)
    t = times.repeat_interleave(z.shape[-2] // half).repeat(*z.shape[:-2], 1)
    return wave_loss(u, z, t, speed, operator, rng)


@dataclass(frozen=True)
class Pair:
    """Two neighbors on a walk, each at a time of its own: ``after = before + step``, (..., d)."""

    before: Tensor
    after: Tensor
    step: Tensor


def pair_at(flowed: Flow, times: Tensor) -> Pair:
    """The points after ``times + 1`` and ``times + 2`` steps.

    Args:
        times: (...) int64, 0 to ``half - 2``. The first step is not shown: it is to be at rest.
    """
    at = times[None, ..., None].expand(1, *flowed.points.shape[1:])
    before = flowed.points.gather(0, at + 1)[0]
    return Pair(before, flowed.points.gather(0, at + 2)[0], flowed.steps.gather(0, at + 1)[0])


def picture_change(
    decode: Callable[[Tensor], Tensor], z: Tensor, step: Tensor
) -> tuple[Tensor, Tensor]:
    """How much a small step changes a picture.

    Args:
        decode: latents (n, d) to pictures (n, C, H, W).
        z, step: (n, d).

    Returns:
        The mean square over the pixels of the Jacobian times the step, by forward mode, (n,), and
        the pictures of ``z``.
    """
    _prepare_forward_mode()
    pictures, change = torch.func.jvp(decode, (z,), (step,))[:2]
    return change.square().flatten(1).mean(1), pictures


@cache
def _prepare_forward_mode() -> None:
    """Let torch load its rules of forward mode, which it does with a deprecated call of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        importlib.import_module("torch._decomp.decompositions_for_jvp")


def jacobian_term(change: Tensor, scale_free: bool = True) -> Tensor:
    """What is made large of the changes (groups, m) of the pictures.

    The authors take their mean. To it a potential that does nothing is a resting place: its square
    has no slope there, and the judge takes "no change" for one of the directions. Free of scale, it
    is the mean over the groups of the logarithm of their means.
    """
    if not scale_free:
        return change.mean()
    return (change.mean(-1) + FAINT).log().mean()


@dataclass(frozen=True)
class PotentialWalk:
    """The walk along potential ``k`` of a field: strength times the gradient, at time ``index``.

    Attributes:
        length: of a step of strength 1; None takes the gradient's own.
    """

    field: PotentialField
    k: int
    length: float | None = None

    def potential(self, z: Tensor, t: Tensor) -> Tensor:
        """``u_k`` (n,) at latents (n, d) and times (n,)."""
        which = torch.tensor([self.k], device=z.device)
        u: Tensor = self.field(z[None], t[None], which)[0]
        return u

    def step(self, z: Tensor, index: float, strength: float) -> Tensor:
        """The latents (n, d) one step on; back with a negative strength. The index is the time."""
        with torch.no_grad():
            slope = gradient(self.potential, z, torch.full_like(z[:, 0], index))
            return z + strength * sized(slope, self.length)

    def along(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Energy u and speed |grad u|, (steps, n) each, at the points (steps, n, d) of one side."""
        steps, n, d = points.shape
        t = torch.arange(steps).to(points).repeat_interleave(n)
        with torch.no_grad():
            z = points.reshape(-1, d)
            u = self.potential(z, t).reshape(steps, n)
            speed = torch.linalg.vector_norm(gradient(self.potential, z, t), dim=-1)
        return u, speed.reshape(steps, n)


def landscape(
    walk: PotentialWalk, origin: Tensor, plane: Tensor, reach: float, side: int, index: int = 0
) -> tuple[Tensor, Tensor]:
    """A potential on a plane through latent space, to be drawn.

    Args:
        origin: the middle, (d,).
        plane: two orthonormal vectors (2, d): the way right, and the way up.
        reach: from the middle to an edge.
        side: points from edge to edge.
        index: the time.

    Returns:
        ``u`` (side, side), rows from low to high, and the part of its gradient that lies in the
        plane, (side, side, 2).
    """
    ticks = torch.linspace(-reach, reach, side).to(origin)
    up, right = torch.meshgrid(ticks, ticks, indexing="ij")
    z = origin + right.reshape(-1, 1) * plane[0] + up.reshape(-1, 1) * plane[1]
    t = torch.full_like(z[:, 0], index)
    with torch.no_grad():
        u = walk.potential(z, t)
        slope = gradient(walk.potential, z, t) @ plane.mT
    return u.reshape(side, side), slope.reshape(side, side, 2)
