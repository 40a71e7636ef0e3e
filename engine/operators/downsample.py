"""Low resolution: anti-aliased reduction by a whole factor, diagonal in the cosine basis."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from engine.method import BadInput
from engine.operators.base import SVD, LinearOperator, Shape
from engine.operators.table import Table
from engine.operators.transforms import dct2, idct2, per_plane

FACTORS = (2, 3, 4)
Filter = Literal["bicubic", "average"]


class Downsample(LinearOperator):
    """Every ``factor`` x ``factor`` pixels become one, after a filter against aliasing.

    ``bicubic`` is the customary one of super-resolution: Keys' cubic (a = -1/2) stretched by
    the factor, as MATLAB's ``imresize`` has it; ``average`` is the mean of each block, as a
    coarser sensor has it. Both mirror the picture at its edges. Then the cosine basis turns
    A into a sum of ``factor`` squared weighted frequencies per frequency of the small
    picture, so ``svd``, ``pinv`` and ``prox`` are exact. This carries over to mirrored edges
    what N. Zhao et al., Fast single image super-resolution using a new analytical solution
    for l2-l2 problems, IEEE TIP 2016, do for wrapped ones.

    ``BadInput`` (field ``factor``) unless it is 2, 3 or 4 and divides both sides;
    ``divisible`` says how to crop.
    """

    def __init__(self, shape: Shape, factor: int, filter: Filter = "bicubic") -> None:
        if factor not in FACTORS:
            raise BadInput(f"factor is {factor}; it must be 2, 3 or 4", "factor")
        if filter not in ("bicubic", "average"):
            raise BadInput(f"filter is {filter!r}; it must be bicubic or average", "filter")
        channels, height, width = shape
        if height % factor or width % factor:
            raise BadInput(
                f"factor is {factor}; it must divide the picture's {width} × {height}", "factor"
            )
        self.factor = factor
        self.filter: Filter = filter
        self.shape_in = shape
        self.shape_out = (channels, height // factor, width // factor)
        taps = _taps(factor, filter)
        self._rows, self._columns = _Fold(height, factor, taps), _Fold(width, factor, taps)
        singular = torch.outer(self._rows.singular, self._columns.singular)
        self.norm = float(singular.max())
        self._singular = Table(singular)
        self.svd = SVD(singular=self._singular, vh=self._vh, v=self._v, uh=dct2, u=idct2)

    def __call__(self, x: Tensor) -> Tensor:
        """``(batch, c, h, w)`` to ``(batch, c, h / factor, w / factor)``."""
        return idct2(self._singular.like(x) * self._vh(x))

    def adjoint(self, y: Tensor) -> Tensor:
        """The transpose: spreads every small pixel with the same filter."""
        return self._v(self._singular.like(y) * dct2(y))

    def _vh(self, x: Tensor) -> Tensor:
        return per_plane(lambda p: self._rows.fold(self._columns.fold(dct2(p)).mT).mT, x)

    def _v(self, c: Tensor) -> Tensor:
        return per_plane(lambda p: idct2(self._columns.unfold(self._rows.unfold(p.mT).mT)), c)


class _Fold:
    """Decimation along the last axis in the cosine basis, with unit rows.

    Cosine ``q m + r`` of the large grid (``m`` small pixels) reads as cosine ``r`` on the
    small one if ``q`` is even, and as cosine ``m - r`` if ``q`` is odd, up to sign.
    """

    def __init__(self, length: int, factor: int, taps: Tensor) -> None:
        small = length // factor
        r = torch.arange(small)
        one = torch.ones((), dtype=torch.float64)
        root = one * math.sqrt(2)
        sources, weights = [], []
        offset = torch.arange(len(taps), dtype=torch.float64) - (len(taps) - 1) / 2
        for q in range(factor):
            k = q * small + r if q % 2 == 0 else (q + 1) * small - r
            sign = -1.0 if ((q + 1) // 2) % 2 else 1.0
            response = torch.cos(k[:, None] * offset * (math.pi / length)) @ taps
            # Orthonormal cosines: frequency zero is scaled by 1, all others by sqrt 2.
            scale = torch.where(k > 0, root, one) / torch.where(r > 0, root, one)
            weight = sign * response * scale / math.sqrt(factor)
            if q % 2:
                # This frequency belongs to the next q; here the fold has no partner.
                weight[0] = 0.0
                k[0] = q * small
            sources.append(k)
            weights.append(weight)
        table = torch.stack(weights)
        self.singular = torch.linalg.vector_norm(table, dim=0)
        self.length = length
        self._sources = sources
        self._weights = Table(table / self.singular)

    def fold(self, x: Tensor) -> Tensor:
        """``(..., length)`` to ``(..., length / factor)``."""
        weights = self._weights.like(x)
        parts = [w * x[..., k.to(x.device)] for k, w in zip(self._sources, weights, strict=True)]
        return torch.stack(parts).sum(dim=0)

    def unfold(self, c: Tensor) -> Tensor:
        """The transpose of ``fold``; the sources never coincide, so nothing is summed."""
        out = c.new_zeros((*c.shape[:-1], self.length))
        for k, w in zip(self._sources, self._weights.like(c), strict=True):
            out[..., k.to(c.device)] = w * c
        return out


def _taps(factor: int, filter: Filter) -> Tensor:
    """The filter on the large grid, centered on a block; sums to one."""
    if filter == "average":
        return torch.full((factor,), 1 / factor, dtype=torch.float64)
    # Four small pixels wide; block centers lie between pixels where the factor is even.
    count = 4 * factor if factor % 2 == 0 else 4 * factor - 1
    t = ((torch.arange(count, dtype=torch.float64) - (count - 1) / 2) / factor).abs()
    inner = 1.5 * t**3 - 2.5 * t**2 + 1
    outer = -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    taps = torch.where(t <= 1, inner, torch.where(t < 2, outer, torch.zeros_like(t)))
    return taps / taps.sum()


def divisible(height: int, width: int, factor: int) -> tuple[int, int, str]:
    """The largest size within ``height`` x ``width`` that ``factor`` divides, and a note.

    The note is empty where nothing is cut. ``BadInput`` (field ``factor``) if nothing is left.
    """
    rows, columns = height // factor * factor, width // factor * factor
    if not rows or not columns:
        raise BadInput(
            f"factor is {factor}; the picture's {width} × {height} is too small for it", "factor"
        )
    if (rows, columns) == (height, width):
        return rows, columns, ""
    return rows, columns, f"cut to {columns} × {rows}, which the factor {factor} divides"
