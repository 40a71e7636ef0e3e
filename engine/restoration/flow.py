"""Rectified flow over any denoiser: straight lines between noise and pictures.

Source: X. Liu, C. Gong, Q. Liu, Flow Straight and Fast: Learning to Generate and Transfer
Data with Rectified Flow, ICLR 2023, https://arxiv.org/abs/2209.03003; S. Lee, Z. Lin,
G. Fanti, Improving the Training of Rectified Flows, NeurIPS 2024,
https://arxiv.org/abs/2405.20320, for a denoiser read as a velocity.

In centered units ``x_t = (1 - t) x_0 + t z`` with time 1 at the noise and 0 at the picture,
and the velocity is ``v = E[z - x_0 | x_t]``. As ``x_t / (1 - t)`` is the picture with noise of
deviation ``t / (1 - t)``, a denoiser for noise of every strength gives
``x_0^ = D(x_t / (1 - t), t / (1 - t))`` and ``v = (x_t - x_0^) / t``. A score prior is thus
exactly the flow between pictures and *independent* noise, whose paths bend. A network that
was reflowed, trained on the pairs that such a flow connects, has the same interface and
paths that are nearly straight.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from statistics import fmean
from typing import Any, Literal

import torch
from torch import Tensor

from engine.method import knob
from engine.models import zoo
from engine.restoration.diffusion import centered, unscaled
from engine.restoration.prior import fitting, load_prior
from engine.restoration.priors import Prior
from engine.restoration.problem import Problem

#: Where walks from pure noise begin: at time 1 the picture is divided by zero.
FIRST = 1.0 - 1e-5

FlowName = Literal[
    "auto",
    "emoji-flow",
    "fashion-flow",
    "photo-denoiser",
    "emoji-score",
    "fashion-score",
    "gaussian",
    "mixture",
    "pretrained",
]
#: The reflowed student of each score network.
STUDENTS = {"emoji-score": "emoji-flow", "fashion-score": "fashion-flow"}


def flow_knob() -> Any:
    """The knob ``prior`` of a method that follows a flow."""
    return knob(
        "auto",
        title="Prior",
        help="What knows how pictures look. The first two were trained to walk in straight "
        "lines; the others are denoisers, whose paths bend. For photographs take another "
        "method: with their denoiser it falls behind the plain picture that it began with.",
        titles={
            "auto": "The one that fits the picture",
            "emoji-flow": "Emoji, straight paths, 32 × 32",
            "fashion-flow": "Clothing, straight paths, 32 × 32",
            "photo-denoiser": "Photographs, bent paths, any size",
            "emoji-score": "Emoji, bent paths, 32 × 32",
            "fashion-score": "Clothing, bent paths, 32 × 32",
            "gaussian": "Formula: smooth everywhere",
            "mixture": "Formula: flat or textured",
            "pretrained": "Your own network, bent paths",
        },
    )


def load_flow(problem: Problem, name: str, network: str = "") -> Prior:
    """The prior called ``name``; ``auto`` takes a straight one where one fits and ships.

    ``network`` says where ``pretrained`` is.

    Raises:
        BadInput: it does not ship, cannot be had, or knows pictures of another size only.
    """
    if name == "auto":
        fits = fitting(problem)
        student = STUDENTS.get(fits, fits)
        name = student if zoo.available(student) else fits
    return load_prior(problem, name, network)


def sigma_at(t: float) -> float:
    """Deviation of the noise in ``x_t / (1 - t)``, in [0, 1] units."""
    return 0.5 * t / (1.0 - t)


def first_time(sigma_max: float) -> float:
    """The time at which the noise is the strongest that a prior knows, at most ``FIRST``."""
    if sigma_max >= sigma_at(FIRST):
        return FIRST
    return 2.0 * sigma_max / (1.0 + 2.0 * sigma_max)


def times(count: int, sigma_max: float) -> list[float]:
    """``count + 1`` evenly spaced times, from the strongest noise to 0."""
    top = first_time(sigma_max)
    return [top * (count - k) / count for k in range(count)] + [0.0]


def estimate(prior: Prior, x: Tensor, t: float, *, differentiable: bool = False) -> Tensor:
    """``E[x_0 | x_t = x]``, centered like ``x`` (B, C, H, W), for ``t`` in (0, 1).

    With ``differentiable``, autograd flows from the result to ``x``.
    """
    denoise = prior.differentiable if differentiable else prior
    return centered(denoise(unscaled(x, 1.0 - t), sigma_at(t)))


def velocity(prior: Prior, x: Tensor, t: float) -> Tensor:
    """``E[z - x_0 | x_t = x]``, centered; ``t`` in (0, 1)."""
    return (x - estimate(prior, x, t)) / t


def flow_steps(prior: Prior, x: Tensor, walk: list[float]) -> Iterator[Tensor]:
    """Follow the flow down the times of ``walk`` by Euler steps; yields each ``x_t``."""
    for t, following in pairwise(walk):
        with torch.no_grad():
            x = x.sub(velocity(prior, x, t), alpha=t - following)
        yield x


class Straightness:
    """How straight a path is so far: ``|mean v|^2 / mean |v|^2``, 1 for a straight line.

    One minus it is the straightness measure of Liu et al. over the part walked,
    ``mean |v - chord|^2``, relative to ``mean |v|^2``. Sums are kept as tensors so that a
    checkpoint holds them.
    """

    def __init__(self, drift: Tensor, power: Tensor, elapsed: float) -> None:
        #: Sum of ``v dt`` (B, C, H, W), of ``|v|^2 dt`` (B,), and of ``dt``.
        self.drift, self.power, self.elapsed = drift, power, elapsed

    @classmethod
    def begun(cls, x: Tensor) -> Straightness:
        """Of no path yet, for pictures like ``x``."""
        return cls(torch.zeros_like(x), x.new_zeros(x.shape[0]), 0.0)

    def after(self, v: Tensor, dt: float) -> Straightness:
        """With one more step of length ``dt`` along ``v``."""
        drift = torch.add(self.drift, v, alpha=dt)
        return Straightness(drift, self.power.add(_power(v), alpha=dt), self.elapsed + dt)

    def value(self) -> float:
        """Mean over the batch; 1 before the first step."""
        pairs = zip(_power(self.drift).tolist(), self.power.tolist(), strict=True)
        return fmean(chord / (p * self.elapsed) if p > 0.0 else 1.0 for chord, p in pairs)


def _power(x: Tensor) -> Tensor:
    """Sums of squares (B,) of ``x`` (B, C, H, W)."""
    norms: Tensor = torch.linalg.vector_norm(x, dim=(1, 2, 3))
    return norms.square()
