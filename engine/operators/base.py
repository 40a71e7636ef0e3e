"""The interface of a forward operator ``A``: what a solver may ask of it.

All tensors are ``(batch, channel, height, width)`` float32 or float64 on one device.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.operators.table import Table

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class SVD:
    """The singular value decomposition ``A = U diag(s) V^H`` as fast transforms.

    ``vh`` takes a picture to its row-space coefficients and ``v`` takes them back; ``uh``
    and ``u`` do the same for measurements. Coefficients of both kinds have one shape, to
    which ``singular`` (not negative) broadcasts. ``x - v(vh(x))`` is the part of ``x`` that
    the operator cannot see beyond zero singular values. Coefficients of a periodic
    convolution are complex and cover half of the plane (the rest is conjugate).

    Where not all coefficients are there, ``weight`` makes up for it: the squares of
    ``weight c`` add up to those of the picture, or of the measurement.
    """

    singular: Table
    vh: Callable[[Tensor], Tensor]
    v: Callable[[Tensor], Tensor]
    uh: Callable[[Tensor], Tensor]
    u: Callable[[Tensor], Tensor]
    weight: Table | None = None


class Operator(ABC):
    """A differentiable map from pictures to measurements, linear or not."""

    #: ``(channel, height, width)`` of the pictures that go in.
    shape_in: Shape
    #: ``(channel, height, width)`` of the measurements that come out.
    shape_out: Shape

    @property
    def shape_picture(self) -> Shape:
        """Shape of the picture a person sees; smaller than ``shape_in`` with a padded border."""
        return self.shape_in

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """``A(x)``, differentiable by autograd."""

    def extend(self, picture: Tensor) -> Tensor:
        """A picture of ``shape_picture`` continued to ``shape_in``; most operators need nothing."""
        return picture

    def crop(self, x: Tensor) -> Tensor:
        """The part of ``x`` that is the picture: undoes ``extend``."""
        return x

    def alike(self, picture: Tensor) -> tuple[Tensor, ...]:
        """All that no measurement can tell from ``picture`` by the nature of the operator, itself
        first: an answer is as right as the best of them.
        """
        return (picture,)


class LinearOperator(Operator):
    """A linear map from pictures to measurements.

    ``prox`` solves ``argmin_x 1/2 ||A x - y||^2 + rho/2 ||x - z||^2`` exactly where the
    operator has an ``svd`` (FFT, mask, identity, decimation); the default is conjugate
    gradients to a relative residual of 1e-6.
    """

    #: An upper bound of the spectral norm of A.
    norm: float = 1.0
    #: The singular value decomposition where it is known in closed form.
    svd: SVD | None = None

    @abstractmethod
    def adjoint(self, y: Tensor) -> Tensor:
        """``A^T y``, exactly."""

    def gram(self, x: Tensor) -> Tensor:
        """``A^T A x``, ``shape_in`` to ``shape_in``."""
        return self.adjoint(self(x))

    def pinv(self, y: Tensor, epsilon: float = 0.0) -> Tensor:
        """``A^T (A A^T + epsilon)^-1 y``: a first picture from a measurement.

        With ``epsilon`` 0 and a known ``svd`` it is the Moore-Penrose inverse; singular
        values below what the number type resolves count as zero. Without an ``svd`` it is
        the damped least-squares picture, where ``epsilon`` 0 means 1e-4 of ``norm`` squared.
        """
        if self.svd is None:
            damped = epsilon if epsilon > 0 else 1e-4 * self.norm**2
            flat = torch.zeros((y.shape[0], *self.shape_in), dtype=y.dtype, device=y.device)
            return self.prox(y, flat, damped)
        s = self.svd.singular.like(y)
        power = s * s + epsilon
        floor = (self.norm * 8 * torch.finfo(y.dtype).eps) ** 2 * max(self.shape_in)
        gain = torch.where(power > floor, s / power.clamp(min=floor), torch.zeros_like(s))
        return self.svd.v(gain * self.svd.uh(y))

    def prox(self, y: Tensor, z: Tensor, rho: float) -> Tensor:
        """``argmin_x 1/2 ||A x - y||^2 + rho/2 ||x - z||^2``; ``rho`` is above 0."""
        if self.svd is None:
            return conjugate_gradients(
                lambda v: self.adjoint(self(v)) + rho * v, self.adjoint(y) + rho * z, start=z
            )
        s = self.svd.singular.like(y)
        return self.prox_of(s * self.svd.uh(y), s * s, z, rho)

    def prox_of(self, target: Tensor, power: Tensor, z: Tensor, rho: float) -> Tensor:
        """``prox`` from what a solver need compute only once: ``s U^T y`` and ``s s``."""
        assert self.svd is not None
        # Written as a correction of z, so that what A cannot see stays z to the last bit.
        return z + self.svd.v(correction(target, power, self.svd.vh(z), rho))


def correction(target: Tensor, power: Tensor, here: Tensor, rho: float) -> Tensor:
    """What ``prox_of`` adds to the coefficients ``here`` of ``z``."""
    # One plane is inverted and then multiplies all: complex numbers divide slowly.
    return (target - power * here) * (1.0 / (power + rho))


def conjugate_gradients(
    normal: Callable[[Tensor], Tensor],
    b: Tensor,
    start: Tensor,
    steps: int = 200,
    tol: float = 1e-6,
    precondition: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Solve ``normal(x) = b`` for a symmetric positive definite ``normal``.

    Each picture of the batch has its own step lengths and stops at its own relative
    residual ``tol``, so a result does not depend on what else is in the batch.
    ``precondition`` applies a symmetric approximate inverse of ``normal``.
    """

    def dot(u: Tensor, v: Tensor) -> Tensor:
        return (u * v).sum(dim=(1, 2, 3), keepdim=True)

    x = start.clone()
    r = b - normal(x)
    w = r if precondition is None else precondition(r)
    p = w
    rw = dot(r, w)
    stop = tol * tol * dot(b, b)
    for _ in range(steps):
        going = dot(r, r) > stop
        if not bool(going.any()):
            break
        ap = normal(p)
        # A finished picture has a zero step: its p may be zero, and 0/0 must not spread.
        alpha = torch.where(going, rw / dot(p, ap), torch.zeros_like(rw))
        x = x + alpha * p
        r = r - alpha * ap
        w = r if precondition is None else precondition(r)
        fresh = dot(r, w)
        p = w + torch.where(going, fresh / rw, torch.zeros_like(rw)) * p
        rw = fresh
    return x


def inner(a: Tensor, b: Tensor) -> float:
    """``<a, b>`` summed in float64."""
    return float(torch.sum(a.double() * b.double()))
