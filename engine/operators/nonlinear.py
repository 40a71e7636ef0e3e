"""Damages that are not linear: overexposure, lost phase, and a blur of light in the camera.

All are differentiable by autograd almost everywhere and need nothing but the picture, so
that any method that only asks for gradients of ``A(x)`` can undo them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.method import BadInput
from engine.operators.base import Operator, Shape
from engine.operators.convolution import Boundary, GaussianBlur

#: Light below this is encoded in proportion, so that the slope at black is finite.
TOE = 0.01


class Overexposure(Operator):
    """Exposed for too long: ``y = clip(gain x, 0, 1)``; bright parts are all white.

    The damage that the field calls high dynamic range (HDR) reconstruction. Where a pixel
    is clipped the derivative is 0: the measurement says only that it was bright.

    ``BadInput`` (field ``gain``) below 1.
    """

    def __init__(self, shape: Shape, gain: float = 2.0) -> None:
        if not gain >= 1.0:
            raise BadInput(f"gain is {gain:g}; it must be 1 or more", "gain")
        self.shape_in = self.shape_out = shape
        self.gain = gain

    def __call__(self, x: Tensor) -> Tensor:
        """``x`` (B, C, H, W) brightened and clipped, shaped as ``x``."""
        return (self.gain * x).clamp(0.0, 1.0)


class PhaseRetrieval(Operator):
    """Only magnitudes of the Fourier transform are known: ``y = |F pad(x)|``.

    The picture is padded with zeros to twice its sides, without which the magnitudes do not
    settle it. ``F`` is orthonormal, so noise of one deviation is the same in ``x`` and in
    ``F pad(x)``. A picture and its half turn have the same magnitudes: nothing in ``y``
    tells them apart. Each channel is measured on its own.
    """

    def __init__(self, shape: Shape) -> None:
        channels, height, width = shape
        self.shape_in = shape
        self.shape_out = (channels, 2 * height, 2 * width)

    def spectrum(self, x: Tensor) -> Tensor:
        """The complex transform (B, C, 2H, 2W) whose magnitude is measured."""
        coefficients: Tensor = torch.fft.fft2(x, s=self.shape_out[1:], norm="ortho")
        return coefficients

    def __call__(self, x: Tensor) -> Tensor:
        """``x`` (B, C, H, W) to magnitudes (B, C, 2H, 2W), the zero frequency first."""
        return self.spectrum(x).abs()

    def alike(self, picture: Tensor) -> tuple[Tensor, ...]:
        """A picture (B, C, H, W) and its half turn."""
        return picture, picture.flip(-2, -1)

    def picture_of(self, y: Tensor) -> Tensor:
        """Magnitudes as a picture (B, C, H, W) in [0, 1] for people.

        Logarithmic, the slow waves in the middle; each 2 x 2 magnitudes are averaged.
        """
        middle = torch.fft.fftshift(y.clamp_min(0.0), dim=(-2, -1))
        reduced = torch.nn.functional.avg_pool2d(middle, 2)
        strength = (1.0 + 100.0 * reduced).log()
        return strength / strength.amax(dim=(-3, -2, -1), keepdim=True).clamp_min(1e-6)

    def retrieved(self, y: Tensor, steps: int, seed: int = 0) -> Tensor:
        """A picture with nearly these magnitudes: Fienup's hybrid input-output.

        All channels begin with the same phases, so that they seldom end up half a turn apart.
        The phases are drawn from ``seed``, never from a global generator.

        Source: J. R. Fienup, Phase retrieval algorithms: a comparison, Applied Optics 1982.
        """
        height, width = self.shape_in[1:]
        y = y.clamp_min(0.0)
        rng = torch.Generator().manual_seed(seed)
        noise = torch.randn(1, 1, height, width, generator=rng, dtype=torch.float64)
        x = self._extended(0.5 + 0.1 * noise.to(y).expand(y.shape[0], y.shape[1], -1, -1))
        inside = self._extended(torch.ones_like(y[..., :height, :width]))
        for step in range(steps):
            spectrum = torch.fft.fft2(x, norm="ortho")
            angles = spectrum / spectrum.abs().clamp_min(1e-12)
            fitted = torch.fft.ifft2(y * angles, norm="ortho").real
            kept = (inside > 0) & (fitted >= 0.0) & (fitted <= 1.0)
            # The last fifth lowers the error plainly instead of exploring.
            outside = torch.zeros_like(x) if step >= 0.8 * steps else x - 0.9 * fitted
            x = torch.where(kept, fitted, outside)
        return x[..., :height, :width].clamp(0.0, 1.0)

    def _extended(self, x: Tensor) -> Tensor:
        height, width = self.shape_in[1:]
        return torch.nn.functional.pad(x, (0, width, 0, height))


class LightBlur(Operator):
    """A blur of light in the lens, and a sensor that saturates.

    The picture is decoded to light, the light is blurred by a Gaussian, a smooth shoulder
    saturates it, and the result is encoded again::

        y = encode(tanh(k blur(decode(x))) / tanh(k))

    ``encode`` is the power ``1 / gamma`` with a short straight toe at black, ``decode`` its
    inverse; both and the shoulder are odd, so that values a little below 0 stay usable. A
    bright lamp spreads further than a linear blur would spread it.

    This closed form is our own: the non-linear deblurring of the literature learns its blur
    with a network, and numbers for that one do not carry over.

    Args:
        shape: of the measurement.
        sigma: deviation of the Gaussian, pixels.
        gamma: of the encoding, 1 or more.
        saturation: ``k`` above 0; towards 0 there is no shoulder.
        boundary: as for ``GaussianBlur``; ``padded`` makes ``shape_in`` larger.
    """

    def __init__(
        self,
        shape: Shape,
        sigma: float,
        gamma: float = 2.2,
        saturation: float = 1.0,
        boundary: Boundary = "padded",
    ) -> None:
        if not gamma >= 1.0:
            raise BadInput(f"gamma is {gamma:g}; it must be 1 or more", "gamma")
        if not saturation > 0.0:
            raise BadInput(f"saturation is {saturation:g}; it must be above 0", "saturation")
        self.blur = GaussianBlur(shape, sigma, boundary)
        self.gamma, self.saturation = gamma, saturation
        self.shape_in, self.shape_out = self.blur.shape_in, self.blur.shape_out

    @property
    def shape_picture(self) -> Shape:
        """The measurement's shape: the padded border is not part of the picture."""
        return self.blur.shape_picture

    def __call__(self, x: Tensor) -> Tensor:
        """``shape_in`` to ``shape_out``."""
        light = self.blur(self.decode(x))
        return self.encode(torch.tanh(self.saturation * light) / math.tanh(self.saturation))

    def extend(self, picture: Tensor) -> Tensor:
        """``shape_picture`` to ``shape_in``: mirrored at the edges (``padded`` only)."""
        return self.blur.extend(picture)

    def crop(self, x: Tensor) -> Tensor:
        """``shape_in`` to ``shape_picture``."""
        return self.blur.crop(x)

    def encode(self, light: Tensor) -> Tensor:
        """Light to the numbers of a picture; 0 and 1 stay."""
        black = TOE ** (1.0 / self.gamma)
        scale = (1.0 + TOE) ** (1.0 / self.gamma) - black
        power: Tensor = (light.abs() + TOE) ** (1.0 / self.gamma)
        signed: Tensor = light.sign() * (power - black) / scale
        return signed

    def decode(self, x: Tensor) -> Tensor:
        """The numbers of a picture to light: undoes ``encode``."""
        black = TOE ** (1.0 / self.gamma)
        scale = (1.0 + TOE) ** (1.0 / self.gamma) - black
        power: Tensor = (x.abs() * scale + black) ** self.gamma
        return x.sign() * (power - TOE)
