"""Finding the latent of a picture: by small steps that bring the generated picture closer to it.

Source: J.-Y. Zhu, P. Krähenbühl, E. Shechtman, A. Efros, Generative Visual Manipulation on the
Natural Image Manifold, ECCV 2016, https://arxiv.org/abs/1609.03552 (projection by optimization);
D. Kingma, J. Ba, Adam, ICLR 2015.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.traversal.generator import Generator

RATE, BETAS, TINY = 0.08, (0.9, 0.99), 1e-8
#: Weight of the latent's own likelihood against the squared error of a pixel: enough to keep a
#: latent that the picture does not tell from running away.
HELD = 1e-4


def best_of(decode: Callable[[Tensor], Tensor], candidates: Tensor, target: Tensor) -> Tensor:
    """The one of ``candidates`` (m, d) whose picture is nearest to ``target`` (1, C, H, W)."""
    apart = (decode(candidates) - target).square().flatten(1).mean(1)
    return candidates[apart.argmin()][None]


def approach(
    generator: Generator, target: Tensor, tensors: dict[str, Tensor], step: int, rate: float = RATE
) -> tuple[dict[str, Tensor], float]:
    """One step of Adam on the mean squared error of the picture.

    Args:
        target: (1, C, H, W).
        tensors: ``z`` (1, d) and the running moments ``m`` and ``v`` of its gradient, zero at
            first.
        step: how many were taken before.

    Returns:
        The same after the step, and the mean squared error before it.
    """
    z = tensors["z"].detach().requires_grad_(True)
    with torch.enable_grad():
        error = (generator.decode(z) - target).square().mean()
        loss = error + HELD * z.square().mean() if generator.prior == "gaussian" else error
        (slope,) = torch.autograd.grad(loss, z)
    first, second = BETAS
    m = first * tensors["m"] + (1 - first) * slope
    v = second * tensors["v"] + (1 - second) * slope.square()
    even_m, even_v = m / (1 - first ** (step + 1)), v / (1 - second ** (step + 1))
    moved = z.detach() - rate * even_m / (even_v.sqrt() + TINY)
    return {"z": moved, "m": m, "v": v}, float(error.detach())


def at_rest(z: Tensor) -> dict[str, Tensor]:
    """What ``approach`` starts from."""
    return {"z": z, "m": torch.zeros_like(z), "v": torch.zeros_like(z)}
