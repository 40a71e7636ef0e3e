"""Convex potentials whose gradient is a learned proximal operator.

Architecture after B. Amos, L. Xu, J. Z. Kolter, Input Convex Neural Networks, ICML 2017,
in the forms of Z. Fang, S. Buchanan, J. Sulam, What's in a Prior? Learned Proximal Networks
for Inverse Problems, ICLR 2024: ``z_1 = s(H_1 y + b_1)``, ``z_k = s(W_k z_{k-1} + H_k y + b_k)``
with all of ``W_k`` not negative, ``psi(y) = w^T z_K + alpha/2 ||y||^2``, ``w >= 0``, where ``s``
is softplus of sharpness ``beta``. Then ``psi`` is convex, and ``f = grad psi`` is the proximal
operator of some function, convex or not (Gribonval and Nikolova 2020).

``f`` is written out by hand (transposed maps, and ``s' = sigmoid(beta u)``). It needs no autograd,
and it can be differentiated once more to train it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

#: Constrained image weights begin as exp(N(log(gain / inputs), this)).
LOG_SPREAD = 0.1


class Potential(nn.Module, ABC):
    """A convex function of pictures or numbers, and its gradient."""

    #: Sharpness of softplus.
    beta: float

    def activate(self, u: Tensor) -> Tensor:
        """Softplus of sharpness ``beta``: convex, increasing and smooth."""
        return F.softplus(u, beta=self.beta)

    def slope(self, u: Tensor) -> Tensor:
        """Its derivative."""
        return torch.sigmoid(self.beta * u)

    @abstractmethod
    def constrained(self) -> list[Tensor]:
        """Views of the weights that must not be negative."""

    @torch.no_grad()
    def project(self) -> None:
        """Clamp what must not be negative; call after every optimizer step."""
        for weights in self.constrained():
            weights.clamp_(min=0.0)

    @abstractmethod
    def evaluate(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """``(f(y), psi(y))``: the proximal operator, shaped as ``y``, and the potential (B,)."""

    def potential(self, y: Tensor) -> Tensor:
        """``psi(y)``, one number per element of the batch (B,)."""
        return self.evaluate(y)[1]

    def forward(self, y: Tensor) -> Tensor:
        """``f(y)``, shaped as ``y``."""
        return self.evaluate(y)[0]


class ConvexLine(Potential):
    """The form for vectors; with ``inputs`` 1, a proximal operator on the line.

    The last layer has an affine skip from ``y`` beside the constrained one.

    Args:
        inputs: length of a vector ``y`` (B, inputs).
        width: of every hidden layer.
        hidden: constrained layers between hidden ones.
        beta: sharpness of softplus.
        alpha: weight of ``1/2 ||y||^2``; above 0, ``f`` can be inverted everywhere.
    """

    def __init__(
        self,
        inputs: int = 1,
        width: int = 50,
        hidden: int = 4,
        beta: float = 10.0,
        alpha: float = 0.0,
    ) -> None:
        super().__init__()
        self.beta, self.alpha = beta, alpha
        self.skip = nn.ModuleList(nn.Linear(inputs, width) for _ in range(hidden + 1))
        self.inner = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(hidden))
        self.outer = nn.Linear(width, 1, bias=False)
        self.affine = nn.Linear(inputs, 1)
        self.project()

    def constrained(self) -> list[Tensor]:
        """The weights that carry one hidden layer to the next, and to the result."""
        return [*(layer.weight for layer in self.inner), self.outer.weight]

    def evaluate(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """``(f(y), psi(y))`` for ``y`` (B, inputs)."""
        u = self.skip[0](y)
        slopes = [self.slope(u)]
        z = self.activate(u)
        for inner, skip in zip(self.inner, self.skip[1:], strict=True):
            u = inner(z) + skip(y)
            slopes.append(self.slope(u))
            z = self.activate(u)
        psi = self.outer(z) + self.affine(y)
        psi = psi[:, 0] + 0.5 * self.alpha * y.square().sum(1)
        g = self.outer.weight * slopes[-1]
        f = self.affine.weight + self.alpha * y
        for layer in reversed(range(1, len(self.skip))):
            f = f + g @ self.skip[layer].weight
            g = (g @ self.inner[layer - 1].weight) * slopes[layer - 1]
        return f + g @ self.skip[0].weight, psi


class LinePair(nn.Module):
    """Two potentials on the line, trained on the same numbers: by proximal matching, and by L2.

    Arguments are those of ``ConvexLine``.
    """

    def __init__(self, **arguments: float) -> None:
        super().__init__()
        self.matched = ConvexLine(**arguments)
        self.squared = ConvexLine(**arguments)


class ConvexPicture(Potential):
    """The form for pictures ``(B, channels, H, W)``.

    Every layer is a 3x3 convolution over the previous layer (not negative) and over the
    picture, averaged down to the layer's grid (free). Pictures are mirrored at their border in
    every layer, so that a pixel there is seen as often as any other.

    Args:
        channels: of the pictures.
        width: channels of every layer.
        strides: one per layer, each 1 or 2.
        beta: sharpness of softplus.
        alpha: weight of ``1/2 ||y - center||^2``.
        center: the gray from which numbers are counted.
        size: height and width of the only pictures it knows; a linear layer then looks at all
            places at once. None sums one convex function over all places: pictures of every size.
        units: of that linear layer.
        gain: constrained weights begin near this over their number of inputs.
    """

    def __init__(
        self,
        channels: int = 1,
        width: int = 32,
        strides: tuple[int, ...] = (1, 2, 1, 2),
        beta: float = 10.0,
        alpha: float = 0.01,
        center: float = 0.0,
        size: int | None = None,
        units: int = 64,
        gain: float = 2.0,
    ) -> None:
        super().__init__()
        self.beta, self.alpha, self.center, self.size = beta, alpha, center, size
        self.channels, self.width, self.strides = channels, width, tuple(strides)
        # The first ``width`` input channels of a convolution are the previous layer.
        self.layers = nn.ModuleList(
            nn.Conv2d(channels + (width if k else 0), width, 3, stride=stride)
            for k, stride in enumerate(strides)
        )
        places = 1
        if size is not None:
            for stride in strides:
                size = -(-size // stride)
            places = size**2
        whole = self.size is not None
        self.all: nn.Linear | None = nn.Linear(width * places, units) if whole else None
        self.last = nn.Linear(units if whole else width, 1, bias=False)
        for weights in self.constrained():
            inputs = weights[0].numel()
            nn.init.normal_(weights, mean=0.0, std=LOG_SPREAD)
            with torch.no_grad():
                weights.exp_().mul_(gain / inputs)

    def constrained(self) -> list[Tensor]:
        """All but what sees the picture itself."""
        inner = [layer.weight[:, : self.width] for layer in list(self.layers)[1:]]
        whole = [] if self.all is None else [self.all.weight]
        return [*inner, *whole, self.last.weight]

    def evaluate(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """``(f(y), psi(y))``, with psi (B,) summed in float64."""
        f, local = self.local(y)
        return f, local.sum((1, 2)) + self.plain(y)

    def plain(self, y: Tensor) -> Tensor:
        """The part of psi (B,) that belongs to no place: the square, and the center.

        What else there is counts from the center; the gradient of ``center * sum(y)`` puts it back.
        """
        apart = (y - self.center).double()
        square: Tensor = 0.5 * self.alpha * apart.square() + self.center * apart
        return square.sum((1, 2, 3))

    def local(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """``f(y)``, and the rest of psi by places (B, h, w), float64, of the coarsest grid."""
        y = y - self.center
        small, z = y, y
        slopes, sizes = [], []
        for k, layer in enumerate(self.layers):
            sizes.append(small.shape[-2:])
            u = layer(_framed(z if k == 0 else torch.cat([z, small], 1)))
            slopes.append(self.slope(u))
            z = self.activate(u)
            if self.strides[k] == 2 and k + 1 < len(self.strides):
                small = _halved(small)
        value, g = self._top(z)
        pulled: Tensor | None = None
        for k in reversed(range(len(self.strides))):
            stride, size = self.strides[k], sizes[k]
            if pulled is not None and stride == 2:
                pulled = _doubled(pulled, size)
            g = g * slopes[k]
            more = (1 - size[0] % 2, 1 - size[1] % 2) if stride == 2 else (0, 0)
            weight = self.layers[k].weight
            g = _unframed(F.conv_transpose2d(g, weight, stride=stride, output_padding=more))
            here = g[:, self.width :] if k else g
            pulled = here if pulled is None else here + pulled
            g = g[:, : self.width]
        return self.alpha * y + self.center + pulled, value

    def _top(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The value above the last layer by places (B, h, w), and its gradient by ``z``."""
        if self.all is None:
            weights = self.last.weight.reshape(1, -1, 1, 1)
            return (z * weights).sum(1).double(), weights.expand_as(z)
        u = self.all(z.flatten(1))
        value = self.last(self.activate(u)).double()[:, :, None]
        g = (self.last.weight * self.slope(u)) @ self.all.weight
        return value, g.reshape(z.shape)


def _framed(x: Tensor) -> Tensor:
    """A picture with one more pixel on each side, mirrored."""
    return F.pad(x, (1, 1, 1, 1), mode="replicate")


def _unframed(g: Tensor) -> Tensor:
    """The transpose of ``_framed``: what lies on the frame belongs to the pixel inside of it."""
    rows = g[..., 1:-1, :].clone()
    rows[..., 0, :] += g[..., 0, :]
    rows[..., -1, :] += g[..., -1, :]
    inside = rows[..., 1:-1].clone()
    inside[..., 0] += rows[..., 0]
    inside[..., -1] += rows[..., -1]
    return inside


def _halved(x: Tensor) -> Tensor:
    """Averages over 2 x 2 pixels; an odd last row or column stands for two."""
    odd = (0, x.shape[-1] % 2, 0, x.shape[-2] % 2)
    return F.avg_pool2d(F.pad(x, odd, mode="replicate") if any(odd) else x, 2)


def _doubled(g: Tensor, size: tuple[int, int]) -> Tensor:
    """The transpose of ``_halved``, for pictures of ``size``."""
    g = F.interpolate(g, scale_factor=2, mode="nearest") / 4
    height, width = size
    if height % 2:
        last = g[..., height - 1 : height, :] + g[..., height:, :]
        g = torch.cat([g[..., : height - 1, :], last], -2)
    if width % 2:
        last = g[..., width - 1 : width] + g[..., width:]
        g = torch.cat([g[..., : width - 1], last], -1)
    return g
