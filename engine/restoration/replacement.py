"""Conditioning a diffusion by replacement: what was measured is put back at every level.

Source: Y. Song et al., Score-Based Generative Modeling through Stochastic Differential
Equations, ICLR 2021, appendix I (known pixels, and colors in an orthonormal basis), carried
to any singular value decomposition as in B. Kawar, G. Vaksman, M. Elad, SNIPS: Solving
Noisy Inverse Problems Stochastically, NeurIPS 2021.

A measured coordinate of x_t is known but for noise: it is ``a y + s n``. The noise of the
measurement itself counts as a part of ``s n``; where it is more than all of it, the level
says more than the measurement and the coordinate is left to the prior. This is not the
exact posterior: what is put back was drawn without regard to the rest of x_t.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.operators import LinearOperator
from engine.restoration.data_step import DataStep

#: Without a decomposition measured parts are weighed against the rest by at least this.
SOFTEST = 1e-3


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

    def __call__(self, x: Tensor, a: float, s: float, noise: Tensor | None = None) -> Tensor:
        """``x`` (B, C, H, W), centered, with its measured part drawn anew at level ``a, s``.

        Without ``noise`` (unit, shaped as ``x``) the measured part is put back noise-free.
        """
        if self.A.svd is None:
            return self._weighed(x, a, s, noise)
        svd = self.A.svd
        singular = svd.singular.like(x)
        floor = self.A.norm * 1e-6
        # What is left of the level's variance when the measurement's noise is a part of it.
        left = s * s - (a * self.sigma / singular.clamp_min(floor)) ** 2
        aim = a * svd.uh(self.y.to(x.dtype)) / singular.clamp_min(floor)
        if noise is not None:
            aim = aim + left.clamp_min(0.0).sqrt() * svd.vh(noise)
        known = (singular > floor) & (left >= 0)
        change = aim - svd.vh(x)
        return x + svd.v(torch.where(known, change, torch.zeros_like(change)))

    def _weighed(self, x: Tensor, a: float, s: float, noise: Tensor | None) -> Tensor:
        """Without a decomposition: the measured part and ``x``, weighed by how sure each is."""
        aim = a * self.y.to(x.dtype).expand(x.shape[0], -1, -1, -1)
        if noise is not None:
            aim = aim + s * self.A(noise)
        rho = max((a * self.sigma / s) ** 2, SOFTEST)
        return DataStep(self.A, aim)(x, rho, tol=1e-2)
