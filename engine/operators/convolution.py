"""Blur: convolution of every channel with one kernel, wrapped around or with a padded border."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import pad

from engine.method import BadInput
from engine.operators.base import SVD, LinearOperator, Shape, conjugate_gradients
from engine.operators.kernels import gaussian_kernel, motion_kernel
from engine.operators.table import Table
from engine.operators.transforms import fast_length, mirror, per_plane

Boundary = Literal["periodic", "padded"]

#: Relative residual at which the padded ``prox`` stops; what each number type can reach.
PROX_TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


class Convolution(LinearOperator):
    """``y = kernel * x``, channel by channel.

    ``periodic`` wraps around at the edges: the Fourier basis diagonalizes it, so ``svd``,
    ``pinv`` and ``prox`` are exact. ``padded`` is what a camera does: the unknown picture
    reaches beyond the frame by the kernel's radius and the measurement is the part that the
    kernel covers whole, so nothing is invented at the edges. There ``shape_in`` is larger
    than ``shape_out``; ``extend`` and ``crop`` go between the two, and ``prox`` is conjugate
    gradients preconditioned by the wrapped operator, to a relative residual of 1e-5.

    Args:
        shape: ``(channel, height, width)`` of the measurement.
        kernel: ``(kernel height, kernel width)``, both odd, centered.
        boundary: ``periodic`` or ``padded``.
    """

    def __init__(self, shape: Shape, kernel: Tensor, boundary: Boundary = "periodic") -> None:
        if kernel.ndim != 2 or kernel.shape[0] % 2 == 0 or kernel.shape[1] % 2 == 0:
            raise BadInput(
                f"kernel has shape {tuple(kernel.shape)}; it must be two odd numbers", "kernel"
            )
        if boundary not in ("periodic", "padded"):
            raise BadInput(f"boundary is {boundary!r}; it must be periodic or padded", "boundary")
        self.kernel = kernel.detach().to(device="cpu", dtype=torch.float64)
        self.boundary: Boundary = boundary
        self.radius = (kernel.shape[0] // 2, kernel.shape[1] // 2)
        channels, height, width = shape
        self.shape_out = shape
        if boundary == "periodic":
            self.shape_in = shape
            self._grid = (height, width)
        else:
            self.shape_in = (channels, height + 2 * self.radius[0], width + 2 * self.radius[1])
            # Any grid that holds the extended picture gives the same covered part.
            self._grid = (fast_length(self.shape_in[1]), fast_length(self.shape_in[2]))
        half = torch.fft.rfft2(self._placed(self._grid))
        self._half, self._back = Table(half), Table(half.conj().resolve_conj())
        # Complex like the spectra that it multiplies, which spares them a conversion.
        self._power = Table(half * half.conj())
        self.norm = float(half.abs().max())
        if boundary == "periodic":
            self.svd = self._decompose()

    def _placed(self, grid: tuple[int, int]) -> Tensor:
        """The kernel on ``grid`` with its center at the origin, wrapped where it is larger."""
        rows = (torch.arange(self.kernel.shape[0]) - self.radius[0]) % grid[0]
        columns = (torch.arange(self.kernel.shape[1]) - self.radius[1]) % grid[1]
        placed = torch.zeros(grid, dtype=torch.float64)
        index = (rows[:, None].expand_as(self.kernel), columns.expand_as(self.kernel))
        return placed.index_put(index, self.kernel, accumulate=True)

    def _decompose(self) -> SVD:
        size = self.shape_in[1:]
        magnitude = self._half.values.abs()
        phase = Table(
            torch.where(
                magnitude > 0,
                self._half.values / magnitude.clamp(min=torch.finfo(torch.float64).tiny),
                torch.ones_like(self._half.values),
            )
        )

        against = Table(phase.values.conj().resolve_conj())

        scale = 1.0 / math.sqrt(size[0] * size[1])

        def forward(x: Tensor) -> Tensor:
            # As ``norm="ortho"``, which would scale the complex result instead, at twice the cost.
            c: Tensor = torch.fft.rfft2(scale * x)
            return c

        def back(c: Tensor) -> Tensor:
            x: Tensor = torch.fft.irfft2(c, s=size, norm="ortho")
            return x

        return SVD(
            singular=Table(magnitude),
            vh=forward,
            v=back,
            uh=lambda y: against.like(y) * forward(y),
            u=lambda c: back(phase.like(c) * c),
            weight=Table(_pairs(size).sqrt()),
        )

    @cached_property
    def spectrum(self) -> Tensor:
        """Complex128 ``(height, width)`` of ``shape_in``: ``fft2`` of the wrapped kernel.

        For ``periodic`` these are the eigenvalues of A; for ``padded`` those of the wrapped
        operator on the extended picture.
        """
        eigenvalues: Tensor = torch.fft.fft2(self._placed(self.shape_in[1:]))
        return eigenvalues

    @property
    def shape_picture(self) -> Shape:
        """The measurement's shape: the padded border is not part of the picture."""
        return self.shape_out

    def __call__(self, x: Tensor) -> Tensor:
        """``A x``: ``shape_in`` to ``shape_out``."""
        _check(x, self.shape_in)
        return per_plane(self._forward, x)

    def adjoint(self, y: Tensor) -> Tensor:
        """``A^T y``: correlation with the kernel, ``shape_out`` to ``shape_in``."""
        _check(y, self.shape_out)
        return per_plane(self._transpose, y)

    def gram(self, x: Tensor) -> Tensor:
        """``A^T A x``; where the kernel wraps around, in one pass."""
        if self.boundary == "padded":
            return super().gram(x)
        _check(x, self.shape_in)
        return per_plane(lambda p: self._filter(p, self._power.like(p)), x)

    def extend(self, picture: Tensor) -> Tensor:
        """``shape_picture`` to ``shape_in``: mirrored at the edges (``padded`` only)."""
        return picture if self.boundary == "periodic" else mirror(picture, *self.radius)

    def crop(self, x: Tensor) -> Tensor:
        """``shape_in`` to ``shape_picture``."""
        return x if self.boundary == "periodic" else self._covered(x)

    def prox(self, y: Tensor, z: Tensor, rho: float) -> Tensor:
        """``argmin_x 1/2 ||A x - y||^2 + rho/2 ||x - z||^2``; every channel is its own problem."""
        if self.svd is not None:
            return per_plane(lambda u, v: LinearOperator.prox(self, u, v, rho), y, z)
        return per_plane(lambda u, v: self._padded_prox(u, v, rho), y, z)

    def _padded_prox(self, y: Tensor, z: Tensor, rho: float) -> Tensor:
        # x = z + A^T w with (A A^T + rho) w = y - A z. In measurement space the wrapped
        # operator is a far better preconditioner than for A^T A, which cannot see the border:
        # five to forty steps instead of hundreds, and to a smaller error.
        half = self._half.like(y)
        power = half.real**2 + half.imag**2
        height, width = self.shape_out[1:]
        residual = y - self._forward(z)
        w = conjugate_gradients(
            lambda v: self._filter(v, power)[..., :height, :width] + rho * v,
            residual,
            start=torch.zeros_like(residual),
            tol=PROX_TOLERANCE[y.dtype],
            precondition=lambda r: self._filter(r, 1 / (power + rho))[..., :height, :width],
        )
        return z + self._transpose(w)

    def _forward(self, x: Tensor) -> Tensor:
        filtered = self._filter(x, self._half.like(x))
        return filtered if self.boundary == "periodic" else self._covered(filtered)

    def _transpose(self, y: Tensor) -> Tensor:
        if self.boundary == "padded":
            rows, columns = self.radius
            y = pad(y, (columns, columns, rows, rows))
        filtered = self._filter(y, self._back.like(y))
        return filtered[..., : self.shape_in[1], : self.shape_in[2]]

    def _filter(self, x: Tensor, gain: Tensor) -> Tensor:
        filtered: Tensor = torch.fft.irfft2(torch.fft.rfft2(x, s=self._grid) * gain, s=self._grid)
        return filtered

    def _covered(self, x: Tensor) -> Tensor:
        rows, columns = self.radius
        return x[..., rows : rows + self.shape_out[1], columns : columns + self.shape_out[2]]


def _pairs(size: tuple[int, int]) -> Tensor:
    """How many coefficients of ``fft2`` each column of ``rfft2`` stands for."""
    columns = torch.full((size[1] // 2 + 1,), 2.0, dtype=torch.float64)
    columns[0] = 1.0
    if size[1] % 2 == 0:
        columns[-1] = 1.0
    return columns


def _check(x: Tensor, shape: Shape) -> None:
    if x.ndim != 4 or tuple(x.shape[1:]) != shape:
        raise ValueError(f"expected (batch, {', '.join(map(str, shape))}), got {tuple(x.shape)}")


class GaussianBlur(Convolution):
    """Out of focus: a Gaussian of standard deviation ``sigma`` pixels (0 to 50), cut at 4 sigma."""

    def __init__(self, shape: Shape, sigma: float, boundary: Boundary = "periodic") -> None:
        super().__init__(shape, gaussian_kernel(sigma), boundary)
        self.sigma = sigma


class MotionBlur(Convolution):
    """Camera shake along a line: ``length`` pixels (1 is none), ``angle`` in radians."""

    def __init__(
        self, shape: Shape, length: float, angle: float, boundary: Boundary = "periodic"
    ) -> None:
        super().__init__(shape, motion_kernel(length, angle), boundary)
        self.length, self.angle = length, angle
