"""Networks of the potential flows: potentials that change with time, and the judge of pairs.

Source: Y. Song, T. A. Keller, N. Sebe, M. Welling, Latent Traversals in Generative Models as
Potential Flows, ICML 2023, https://arxiv.org/abs/2304.12944.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.method import BadInput

#: How much larger than the pictures the judge is shown what changed. A step changes few pixels
#: by little; shown as two pictures, a judge takes thousands of batches to find out where to look.
_ENLARGED = 12.0


class Linears(nn.Module):
    """One linear layer for each of ``count`` networks, evaluated together."""

    def __init__(self, count: int, inside: int, outside: int) -> None:
        super().__init__()
        reach = 1 / math.sqrt(inside)
        self.weight = nn.Parameter(torch.empty(count, outside, inside).uniform_(-reach, reach))
        self.bias = nn.Parameter(torch.empty(count, 1, outside).uniform_(-reach, reach))

    def forward(self, x: Tensor, which: Tensor | None) -> Tensor:
        """``x`` (groups, m, inside), group g through layer ``which[g]``."""
        weight, bias = self.weight, self.bias
        if which is not None:
            weight, bias = weight[which], bias[which]
        return x @ weight.mT + bias


class PotentialField(nn.Module):
    """``count`` potentials ``u_k(z, t)``, each a small network of its own, with a wave speed.

    ``u = tanh(w . tanh(W (a + b)))`` with ``a = tanh(W_z z)`` and ``b`` a network of the sines and
    cosines of the time.

    Args:
        count: K.
        latent_dim: d.
        width: of the hidden layers and of the time's code, even, 4 or more. The authors take d;
            small latents do better with more.
    """

    def __init__(self, count: int, latent_dim: int, width: int = 64) -> None:
        super().__init__()
        if width < 4 or width % 2:
            raise BadInput(f"width is {width}; it must be even, and 4 or more", "width")
        self.count, self.latent_dim, self.width = count, latent_dim, width
        #: Whether u ends in a tanh, which holds its slope. Walks in large latents do without.
        self.bounded = True
        self.place = Linears(count, latent_dim, width)
        self.early = Linears(count, width, width)
        self.late = Linears(count, width, width)
        self.joint = Linears(count, width, width)
        self.out = Linears(count, width, 1)
        self.log_speed = nn.Parameter(torch.zeros(count))
        half = width // 2
        steps = torch.arange(half) * (-math.log(10_000) / (half - 1))
        self.register_buffer("frequencies", steps.exp(), persistent=False)

    @property
    def speed(self) -> Tensor:
        """The wave speeds ``c`` (K,), positive; 1 at first."""
        return self.log_speed.exp()

    def forward(self, z: Tensor, t: Tensor, which: Tensor | None = None) -> Tensor:
        """``u`` (groups, m) at the latents ``z`` (groups, m, d) and times ``t`` (groups, m).

        Times count steps, of the type of ``z``. Group g is for potential ``which[g]``; without,
        there is one group for each potential in turn.
        """
        angles = t[..., None] * self.frequencies
        code = torch.cat([angles.sin(), angles.cos()], -1)
        time = self.late(F.gelu(self.early(code, which)), which)
        hidden = torch.tanh(self.joint(torch.tanh(self.place(z, which)) + time, which))
        u = self.out(hidden, which)[..., 0]
        return torch.tanh(u) if self.bounded else u


class PairJudge(nn.Module):
    """Tells from two pictures which potential led from one to the other.

    Three 5 by 5 convolutions of LeNet's widths, an average over all places, two linear layers. It
    is shown the first picture and the enlarged change, which by a linear combination are the
    authors' two pictures on top of each other. Group norms stand where the authors have batch
    norms, so that an answer depends on its own pair alone.

    Args:
        channels: of one picture.
        count: of potentials.
    """

    def __init__(self, channels: int, count: int) -> None:
        super().__init__()
        self.channels, self.count = channels, count
        widths = (2 * channels, 6, 16, 120)
        layers: list[nn.Module] = []
        for inside, outside, groups in zip(widths[:-1], widths[1:], (2, 4, 8), strict=True):
            layers += [
                nn.Conv2d(inside, outside, 5, padding=2),
                nn.GroupNorm(groups, outside),
                nn.ReLU(),
                nn.MaxPool2d(2, ceil_mode=True),
            ]
        self.features = nn.Sequential(*layers)
        self.answer = nn.Sequential(nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, count))

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        """Logits (n, K) of pairs of pictures (n, C, H, W)."""
        pair = torch.cat([before, _ENLARGED * (after - before)], 1)
        return self.answer(self.features(pair).mean((2, 3)))
