"""The data side of a solver's step, quick for real borders too.

Where an operator is diagonal in a fast basis its own ``prox`` is exact and quick. A blur
with real borders is not; there the wrapped blur on a slightly larger torus is close enough
to precondition with, and a loose, warm-started solution is all that a splitting needs.
"""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from engine.operators import Convolution, LinearOperator, Operator, conjugate_gradients
from engine.operators.base import correction
from engine.operators.transforms import PLANE_LIMIT, fast_length, per_plane


class WrappedInverse:
    """``(B^T B + rho)^-1`` for the wrapped twin B of a padded blur, cut to the picture.

    Its own inverse M satisfies ``M >= A^T A + rho``: enlarging the picture by a border
    that the covered part never sees can only lower the energy that is minimized over it.
    """

    def __init__(self, A: Convolution, like: Tensor) -> None:
        self.size = A.shape_in[1:]
        self.grid = (fast_length(self.size[0]), fast_length(self.size[1]))
        placed = torch.zeros(self.grid, dtype=torch.float64)
        rows, columns = A.kernel.shape
        placed[:rows, :columns] = A.kernel
        # Only the magnitude matters, so the kernel need not be centered.
        self._power = torch.fft.rfft2(placed).abs().square().to(like)

    def __call__(self, x: Tensor, rho: float) -> Tensor:
        """Apply to ``x`` (B, C, H, W)."""
        height, width = self.size
        gain = 1.0 / (self._power + rho)
        return per_plane(
            lambda p: torch.fft.irfft2(torch.fft.rfft2(p, s=self.grid) * gain, s=self.grid)[
                ..., :height, :width
            ],
            x,
        )


class DataStep:
    """``argmin_x 1/2 ||A x - y||^2 + rho/2 ||x - z||^2`` for one measurement, many times."""

    def __init__(self, A: LinearOperator, y: Tensor) -> None:
        self.A, self.y = A, y
        padded = isinstance(A, Convolution) and A.svd is None
        self.wrapped = WrappedInverse(A, y) if padded and isinstance(A, Convolution) else None
        self._target = A.adjoint(y) if padded else None
        self._known: tuple[Tensor, Tensor] | None = None
        # Of large pictures the operator itself works plane by plane, to save memory.
        if A.svd is not None and y.shape[-2] * y.shape[-1] <= PLANE_LIMIT:
            s, seen = A.svd.singular.like(y), A.svd.uh(y)
            self._known = s * seen, (s * s).to(seen.dtype)

    @cached_property
    def _weighed(self) -> tuple[Tensor, Tensor]:
        """``s`` and ``U^T y`` with the weights that make the sum of squares whole."""
        svd, y = self.A.svd, self.y
        assert svd is not None
        weight = 1.0 if svd.weight is None else svd.weight.like(y)
        seen = svd.uh(y)
        return (weight * svd.singular.like(y)).to(seen.dtype), weight * seen

    def __call__(
        self, z: Tensor, rho: float, start: Tensor | None = None, tol: float = 1e-4
    ) -> Tensor:
        """The minimizer, started at ``start`` (else ``z``); ``tol`` counts for blurs only."""
        if self._known is not None:
            return self.A.prox_of(*self._known, z, rho)
        if self.wrapped is None or self._target is None:
            return self.A.prox(self.y, z, rho)
        wrapped = self.wrapped
        return conjugate_gradients(
            lambda v: self.A.adjoint(self.A(v)) + rho * v,
            self._target + rho * z,
            start=z if start is None else start,
            steps=60,
            tol=tol,
            precondition=lambda r: wrapped(r, rho),
        )

    def judged(
        self, z: Tensor, rho: float, start: Tensor | None = None, tol: float = 1e-4
    ) -> tuple[Tensor, float]:
        """The minimizer x, and ``||A x - y||^2`` summed in float64."""
        svd = self.A.svd
        if self._known is None or svd is None:
            x = self(z, rho, start, tol)
            return x, sum_of_squares(self.A(x) - self.y)
        # In the basis of A the residual follows from the step, without another transform.
        here = svd.vh(z)
        change = correction(*self._known, here, rho)
        gain, seen = self._weighed
        return z + svd.v(change), sum_of_squares(seen - gain * (here + change))

    def slope(self, x: Tensor) -> tuple[Tensor, float]:
        """``A^T (A x - y)``, and ``||A x - y||^2`` summed in float64; ``x`` (B, C, H, W)."""
        svd = self.A.svd
        if self._known is None or svd is None:
            apart = self.A(x) - self.y
            return self.A.adjoint(apart), sum_of_squares(apart)
        target, power = self._known
        gain, seen = self._weighed
        here = svd.vh(x)
        return svd.v(power * here - target), sum_of_squares(gain * here - seen)


class LinearizedStep:
    """``argmin_x 1/2 ||A(s) + J (x - s) - y||^2 + rho/2 ||x - z||^2``, ``J`` being the derivative
    of a non-linear ``A`` at ``s``: a step of Gauss and Newton, for one measurement, many times.

    By conjugate gradients with autograd's products with ``J`` and its transpose. What ``A`` does
    not react to at ``s``, such as clipped pixels, becomes ``z``.
    """

    def __init__(self, A: Operator, y: Tensor, steps: int = 8) -> None:
        self.A, self.y, self.steps = A, y, steps

    def __call__(self, z: Tensor, rho: float, start: Tensor, tol: float = 1e-3) -> Tensor:
        """The minimizer; ``start`` (B, C, H, W) is ``s``."""
        with torch.enable_grad():
            at = start.detach().requires_grad_()
            foretold = self.A(at)
            # J^T w is linear in w, and the transpose of that is J.
            w = torch.zeros_like(foretold, requires_grad=True)
            (pulled,) = torch.autograd.grad(foretold, at, w, create_graph=True)

        def back(residual: Tensor) -> Tensor:
            return torch.autograd.grad(foretold, at, residual, retain_graph=True)[0]

        def normal(v: Tensor) -> Tensor:
            return back(torch.autograd.grad(pulled, w, v, retain_graph=True)[0]) + rho * v

        return start + conjugate_gradients(
            normal,
            back(self.y - foretold.detach()) + rho * (z - start),
            start=torch.zeros_like(start),
            steps=self.steps,
            tol=tol,
        )


def sum_of_squares(x: Tensor) -> float:
    """``||x||^2`` of real or complex numbers, summed in float64."""
    x = torch.view_as_real(x) if x.is_complex() else x
    return float(torch.linalg.vector_norm(x, dtype=torch.float64)) ** 2
