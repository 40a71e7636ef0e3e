"""Operators that act on one pixel at a time: noise alone, missing pixels, lost color."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.method import BadInput
from engine.operators.base import SVD, LinearOperator, Shape
from engine.operators.table import Table

#: What a pixel's red, green and blue weigh in its gray value (ITU-R BT.601, as in JPEG).
LUMA = (0.299, 0.587, 0.114)


def _same(x: Tensor) -> Tensor:
    return x


class Identity(LinearOperator):
    """Nothing but noise: ``y = x``."""

    def __init__(self, shape: Shape) -> None:
        self.shape_in = self.shape_out = shape
        one = Table(torch.ones((1, 1, 1), dtype=torch.float64))
        self.svd = SVD(singular=one, vh=_same, v=_same, uh=_same, u=_same)

    def __call__(self, x: Tensor) -> Tensor:
        """``x`` itself."""
        return x

    def adjoint(self, y: Tensor) -> Tensor:
        """``y`` itself."""
        return y


class Mask(LinearOperator):
    """Missing pixels: ``y = mask * x``, with zeros where nothing was measured.

    Args:
        mask: ``(height, width)`` or ``(channel, height, width)``; true or 1 where a pixel is
            known, false or 0 where it is missing.
        channels: channels of the picture, for a mask of two axes.

    ``BadInput`` (field ``mask``) for other values or shapes, or if no pixel is known.
    """

    def __init__(self, mask: Tensor, channels: int = 3) -> None:
        if mask.ndim == 2:
            mask = mask.expand(channels, *mask.shape)
        if mask.ndim != 3:
            raise BadInput(f"mask has {mask.ndim} axes; it must have 2 or 3", "mask")
        known = mask.detach().to("cpu").bool()
        if mask.dtype is not torch.bool and not bool((mask.cpu() == known).all()):
            raise BadInput("mask has values besides 0 and 1; it must be 1 where known", "mask")
        if not bool(known.any()):
            raise BadInput("mask leaves no pixel known; at least one must be known", "mask")
        #: Bool ``(channel, height, width)``, true where known.
        self.known = known
        self.shape_in = self.shape_out = (known.shape[0], known.shape[1], known.shape[2])
        self._gain = Table(known)
        self.svd = SVD(singular=self._gain, vh=_same, v=_same, uh=_same, u=_same)

    def __call__(self, x: Tensor) -> Tensor:
        """``x`` with zeros at the missing pixels."""
        return x * self._gain.like(x)

    def adjoint(self, y: Tensor) -> Tensor:
        """The same map: a mask is its own transpose."""
        return y * self._gain.like(y)


class Grayscale(LinearOperator):
    """Lost color: the weighted sum of red, green and blue is all that was measured.

    ``shape`` is ``(3, height, width)``; ``BadInput`` (field ``shape``) for other channels.
    """

    def __init__(self, shape: Shape, weights: tuple[float, float, float] = LUMA) -> None:
        if shape[0] != 3:
            raise BadInput(f"picture has {shape[0]} channels; lost color needs 3", "shape")
        self.shape_in = shape
        self.shape_out = (1, shape[1], shape[2])
        column = torch.tensor(weights, dtype=torch.float64).reshape(3, 1, 1)
        length = torch.linalg.vector_norm(column)
        self.norm = float(length)
        self._weights = Table(column)
        unit = Table(column / length)
        self.svd = SVD(
            singular=Table(length.reshape(1, 1, 1)),
            vh=lambda x: (x * unit.like(x)).sum(dim=1, keepdim=True),
            v=lambda c: c * unit.like(c),
            uh=_same,
            u=_same,
        )

    def __call__(self, x: Tensor) -> Tensor:
        """``(batch, 3, h, w)`` to ``(batch, 1, h, w)``."""
        return (x * self._weights.like(x)).sum(dim=1, keepdim=True)

    def adjoint(self, y: Tensor) -> Tensor:
        """``(batch, 1, h, w)`` to ``(batch, 3, h, w)``."""
        return y * self._weights.like(y)
