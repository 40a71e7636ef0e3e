"""Conditioning a diffusion by replacement: what was measured is put back at every level.

Source: Y. Song et al., Score-Based Generative Modeling through Stochastic Differential
Equations, ICLR 2021, appendix I (known pixels, and colors in an orthonormal basis), carried
to any singular value decomposition as in B. Kawar, G. Vaksman, M. Elad, SNIPS: Solving
Noisy Inverse Problems Stochastically, NeurIPS 2021.

A measured coordinate of x_t is known but for noise: it is ``a y + s n``. The noise of the
measurement itself counts as a part of ``s n``. Where it is more than all of it, nothing is
put back: from that level on the coordinate is a diffusion that began at the measurement. So
for noise alone the samples are those of the posterior. Otherwise they are not: what is put
back was drawn without regard to the rest of x_t.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from engine.operators import LinearOperator
from engine.restoration.data_step import DataStep

#: Without a decomposition measured parts are weighed against the rest by at least this.
SOFTEST = 1e-2


class Known(NamedTuple):
    """Coordinates of the centered picture: measured values and their variance.

    ``seen`` is 1 where they were measured and 0 elsewhere; there the variance is infinite.
    """

    value: Tensor
    variance: Tensor
    seen: Tensor


class Level(NamedTuple):
    """The same at one level: what is put back, and the deviation of its noise.

    ``put`` is 1 where it is put back, and 0 where nothing was measured or the measurement has
    more noise than the level; there ``value`` is 0, too.
    """

    a: float
    s: float
    value: Tensor
    deviation: Tensor
    put: Tensor


class Replacement:
    """Puts the measurement ``y = A x + sigma noise`` back into x_t.

    Args:
        A: for pictures in [0, 1].
        y: (1, c, h, w).
        sigma: deviation of the noise in ``y``, in [0, 1] units.
    """

    def __init__(self, A: LinearOperator, y: Tensor, sigma: float) -> None:
        self.A = A
        gray = torch.ones((1, *A.shape_in), dtype=y.dtype, device=y.device)
        #: The measurement of the centered picture, whose noise is twice as strong.
        self.y = 2.0 * y - A(gray)
        self.sigma = 2.0 * sigma
        self._known: dict[torch.dtype, Known] = {}
        self._level: Level | None = None

    def level(self, a: float, s: float, dtype: torch.dtype) -> Level:
        """What is put back at level ``a, s``; a corrected walk asks twice in a row."""
        at = self._level
        if at is None or (at.a, at.s, at.value.real.dtype) != (a, s, dtype):
            known = self.known(dtype)
            # What is left of the level's variance when the measurement's noise is a part of it.
            left = (-a * a * known.variance).add_(s * s)
            # As numbers of one type, which multiply much faster than they are chosen from.
            put = (left >= 0).to(known.value.dtype)
            deviation = left.clamp_min_(0.0).sqrt_().to(known.value.dtype)
            self._level = at = Level(a, s, (a * put) * known.value, deviation, put)
        return at

    def known(self, dtype: torch.dtype) -> Known:
        """What was measured, in the coordinates of the decomposition."""
        if dtype not in self._known:
            assert self.A.svd is not None
            y = self.y.to(dtype)
            s, floor = self.A.svd.singular.like(y), self.A.norm * 1e-6
            safe = s.clamp_min(floor)
            value, variance = self.A.svd.uh(y) / safe, (self.sigma / safe) ** 2
            variance = torch.where(s > floor, variance, torch.inf)
            self._known[dtype] = Known(value, variance, (s > floor).to(value.dtype))
        return self._known[dtype]

    def __call__(
        self,
        x: Tensor,
        a: float,
        s: float,
        noise: Tensor | None = None,
        before: Tensor | None = None,
    ) -> Tensor:
        """``x`` (B, C, H, W), centered, with its measured part drawn anew at level ``a, s``.

        Args:
            noise: unit, shaped as ``x``; without it the measured part is put back noise-free.
            before: x_t before a correction. What is measured, but with more noise than the
                level has, stays as it was there: a correction would forget the measurement.
        """
        if self.A.svd is None:
            return self._weighed(x, a, s, noise)
        svd, level = self.A.svd, self.level(a, s, x.dtype)
        here = svd.vh(x)
        change = level.value - level.put * here
        if noise is not None:
            change += level.deviation * svd.vh(noise)
        if before is not None:
            change += (self.known(x.dtype).seen - level.put) * (svd.vh(before) - here)
        return x + svd.v(change)

    def _weighed(self, x: Tensor, a: float, s: float, noise: Tensor | None) -> Tensor:
        """Without a decomposition: the measured part and ``x``, weighed by how sure each is."""
        aim = a * self.y.to(x.dtype).expand(x.shape[0], -1, -1, -1)
        if noise is not None:
            aim = aim + s * self.A(noise)
        rho = max((a * self.sigma / s) ** 2, SOFTEST)
        return DataStep(self.A, aim)(x, rho, tol=5e-2)
