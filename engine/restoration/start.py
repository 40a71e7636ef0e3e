"""A first picture from a measurement: quick, plain, and close enough to begin with."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.operators import (
    Downsample,
    Grayscale,
    Mask,
    Operator,
    Overexposure,
    PhaseRetrieval,
)

#: Fourier transforms of pixels that finding a lost phase may take before a method begins.
PHASE_WORK = 12_000_000
#: How far below white a number still counts as white, for its noise.
WHITE_SLACK = 0.03


def first_picture(A: Operator, y: Tensor) -> Tensor:
    """A picture of ``A.shape_in``: holes filled in smoothly, small pictures enlarged.

    For a blur it is the measurement itself, continued at the border; from magnitudes alone
    a phase is sought first, in as many steps as are quick.
    """
    if isinstance(A, Mask):
        return filled(y, A.known.to(y)[None])
    if isinstance(A, Downsample):
        size = A.shape_in[1:]
        return F.interpolate(y, size=size, mode="bicubic", align_corners=False)
    if isinstance(A, Grayscale):
        return y.expand(-1, *A.shape_in)
    if isinstance(A, Overexposure):
        # White may be any brighter: just beyond the clip nothing holds it back.
        return torch.where(y > 1.0 - WHITE_SLACK, 1.0 + WHITE_SLACK, y) / A.gain
    if isinstance(A, PhaseRetrieval):
        steps = min(400, max(10, PHASE_WORK // y[0].numel()))
        return A.retrieved(y, steps)
    return A.extend(y)


def filled(y: Tensor, known: Tensor) -> Tensor:
    """Replace the numbers of ``y`` where ``known`` is 0 by averages of known neighbors.

    Averages are taken on ever coarser grids, and each hole is filled from the finest grid
    that reaches it (push-pull; Gortler et al. 1996).
    """
    height, width = y.shape[-2:]
    if bool((known > 0).all()) or max(height, width) == 1:
        return y
    total, weight = _halved(y * known), _halved(known)
    coarse = total / weight.clamp_min(1e-12)
    coarse = filled(coarse, (weight > 0).to(y))
    finer = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
    return torch.where(known > 0, y, finer[..., :height, :width])


def _halved(x: Tensor) -> Tensor:
    x = F.pad(x, (0, x.shape[-1] % 2, 0, x.shape[-2] % 2))
    return F.avg_pool2d(x, 2)
