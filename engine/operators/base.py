"""The interface of a forward operator ``A``: what a solver may ask of it.

All tensors are ``(batch, channel, height, width)`` float32 or float64 on one device.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor


class LinearOperator(ABC):
    """A linear map from pictures to measurements.

    ``prox`` solves ``argmin_x 1/2 ||A x - y||^2 + rho/2 ||x - z||^2`` exactly where the
    operator has a fast form (FFT, mask, identity, block average); the default is
    conjugate gradients to a relative residual of 1e-6.
    """

    #: ``(channel, height, width)`` of the pictures that go in.
    shape_in: tuple[int, int, int]
    #: ``(channel, height, width)`` of the measurements that come out.
    shape_out: tuple[int, int, int]
    #: An upper bound of the spectral norm of A.
    norm: float = 1.0

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """``A x``."""

    @abstractmethod
    def adjoint(self, y: Tensor) -> Tensor:
        """``A^T y``, exactly."""

    def pinv(self, y: Tensor, epsilon: float = 0.0) -> Tensor:
        """A first picture from a measurement: the pseudo-inverse where it is known.

        ``epsilon`` damps small singular values. The default is ``A^T y``.
        """
        return self.adjoint(y)

    def prox(self, y: Tensor, z: Tensor, rho: float) -> Tensor:
        """``argmin_x 1/2 ||A x - y||^2 + rho/2 ||x - z||^2``."""
        return conjugate_gradients(
            lambda v: self.adjoint(self(v)) + rho * v, self.adjoint(y) + rho * z, start=z
        )


def conjugate_gradients(
    normal: Callable[[Tensor], Tensor],
    b: Tensor,
    start: Tensor,
    steps: int = 200,
    tol: float = 1e-6,
) -> Tensor:
    """Solve ``normal(x) = b`` for a symmetric positive definite ``normal``."""
    x = start.clone()
    r = b - normal(x)
    p = r.clone()
    rr = (r * r).sum()
    stop = tol * tol * (b * b).sum()
    for _ in range(steps):
        if rr <= stop:
            break
        ap = normal(p)
        alpha = rr / (p * ap).sum()
        x = x + alpha * p
        r = r - alpha * ap
        fresh = (r * r).sum()
        p = r + (fresh / rr) * p
        rr = fresh
    return x


def inner(a: Tensor, b: Tensor) -> float:
    """``<a, b>`` summed in float64."""
    return float(torch.sum(a.double() * b.double()))
