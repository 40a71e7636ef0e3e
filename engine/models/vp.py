"""Networks of variance-preserving diffusions, read as denoisers for noise of every strength.

Source: J. Ho, A. Jain, P. Abbeel, Denoising Diffusion Probabilistic Models, NeurIPS 2020,
for the process; T. Salimans, J. Ho, Progressive Distillation for Fast Sampling of Diffusion
Models, ICLR 2022, for ``v``; T. Karras, M. Aittala, T. Aila, S. Laine, Elucidating the Design
Space of Diffusion-Based Generative Models, NeurIPS 2022, for the change of variables.

Such a network sees ``x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps``, centered. With
``s = sqrt(1 - abar) / sqrt(abar)`` that is a picture ``c = x_0 + s eps`` scaled by
``1 / sqrt(1 + s^2)``, and what the network says of ``x_t`` gives the clean picture:

    epsilon:  x_0 = c - s eps
    v:        x_0 = (x_t - s v) / sqrt(1 + s^2),  as  v = sqrt(abar) eps - sqrt(1 - abar) x_0
    sample:   x_0 itself
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

Prediction = Literal["epsilon", "v_prediction", "sample"]
PREDICTIONS: tuple[str, ...] = get_args(Prediction)


class VPDenoiser(nn.Module):
    """A denoiser in [0, 1] units around a network that was trained on discrete times.

    Between two times of its training the network is asked for the time between them, at
    which the logarithm of the noise is that of the picture.

    Args:
        unet: called as diffusers calls its own, ``unet(x_t, t, return_dict=False)[0]`` with
            ``x_t`` (B, C, H, W) and ``t`` (B,). Channels beyond C are no part of a picture.
        abar: (T,) float64, falling, of the times 0 to T - 1, each in (0, 1).
        prediction: what the network gives.
        channels: C.
        size: the only side, in pixels, that it knows; None for any
        multiple: of this, then.
        clip: largest number of a centered picture, None for no bound. The mean of pictures
            within a bound lies within it, too; gradients flow as if there were none.
        whole: whether the network knows whole times alone.
    """

    def __init__(
        self,
        unet: nn.Module,
        abar: Tensor,
        prediction: Prediction = "epsilon",
        *,
        channels: int = 3,
        size: int | None = None,
        multiple: int = 1,
        clip: float | None = 1.0,
        whole: bool = False,
    ) -> None:
        super().__init__()
        noises = ((1.0 - abar) / abar).sqrt()
        self.unet = unet
        self.prediction = prediction
        self.channels = channels
        self.size = size
        self.multiple = multiple
        self.clip = clip
        self.whole = whole
        #: The weakest and the strongest noise of its training, centered units.
        self.weakest, self.strongest = float(noises[0]), float(noises[-1])
        #: The strongest noise in [0, 1] units.
        self.sigma_max = 0.5 * self.strongest
        self.levels: Tensor
        self.register_buffer("levels", noises.log().float(), persistent=False)

    def time_of(self, noise: Tensor) -> Tensor:
        """The times (B,) of noise of deviation ``noise`` (B,), centered units, in its range."""
        level = noise.log()
        after = torch.searchsorted(self.levels, level).clamp(1, len(self.levels) - 1)
        low, high = self.levels[after - 1], self.levels[after]
        time = after - 1 + (level - low) / (high - low)
        return time.round().long() if self.whole else time

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """``E[picture | x]`` for pictures ``x`` (B, C, H, W) in [0, 1] units.

        ``sigma`` (B,) is the deviation of their noise. Weaker noise than that of its training
        is taken for the weakest of it, stronger for the strongest.
        """
        noise = (2.0 * sigma).clamp(self.weakest, self.strongest)
        s = noise.reshape(-1, 1, 1, 1)
        scale = (1.0 + s.square()).rsqrt()
        noisy = 2.0 * x - 1.0
        seen = noisy * scale
        said: Tensor = self.unet(seen, self.time_of(noise), return_dict=False)[0]
        said = said[:, : self.channels]
        match self.prediction:
            case "epsilon":
                x0 = noisy - s * said
            case "v_prediction":
                x0 = scale * (seen - s * said)
            case "sample":
                x0 = said
        if self.clip is not None:
            x0 = x0 + (x0.clamp(-self.clip, self.clip) - x0).detach()
        return 0.5 * (x0 + 1.0)

    core = forward
