"""Directions that are told what to find: from latents with labels.

Source: A. Larsen et al., Autoencoding beyond pixels, ICML 2016 (differences of class means);
Y. Shen et al., InterFaceGAN, CVPR 2020, https://arxiv.org/abs/1907.10786 (normal of a linear
classifier, and projection off the normals of what is not to change).
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.method import BadInput
from engine.traversal.paths import Directions, spread

#: Newton's method for the logistic regression ends when its step is so small, or after so many.
NEWTON_TOLERANCE, NEWTON_STEPS = 1e-10, 100


def class_means(codes: Tensor, labels: Tensor) -> Tensor:
    """Unit vector (d,) from the mean of the latents without to that of the latents with a label.

    Args:
        codes: latents (n, d).
        labels: bool (n,); both kinds must be there.
    """
    _both(codes, labels)
    x = codes.double()
    apart = x[labels].mean(0) - x[~labels].mean(0)
    return _unit(apart, "the class means coincide").to(codes)


def logistic(codes: Tensor, labels: Tensor, penalty: float = 1e-2) -> Tensor:
    """Unit normal (d,) of the logistic regression that tells latents with a label from others.

    Args:
        codes: latents (n, d), standardized for the fit.
        labels: bool (n,); both kinds must be there.
        penalty: weight of half the squared normal against the mean log loss. It must be positive:
            labels that a plane separates have no answer otherwise.
    """
    _both(codes, labels)
    if not penalty > 0:
        raise BadInput(f"penalty is {penalty}; it must be above 0", "penalty")
    x, scale = _standardized(codes.double())
    y = labels.double()
    w = _newton(torch.cat([x, torch.ones_like(x[:, :1])], 1), y, penalty)
    return _unit(w[:-1] / scale, "they do not depend on the latents").to(codes)


def _standardized(x: Tensor) -> tuple[Tensor, Tensor]:
    x = x - x.mean(0)
    scale = x.square().mean(0).sqrt()
    scale = scale.where(scale > 0, 1.0)
    return x / scale, scale


def _newton(x: Tensor, y: Tensor, penalty: float) -> Tensor:
    """The minimizer of the mean log loss plus the penalty, which spares the last weight.

    The objective is convex; a step that raises it by more than rounding is halved.
    """
    ridge = torch.full_like(x[0], penalty)
    ridge[-1] = 0.0

    def value(w: Tensor) -> Tensor:
        margin = x @ w
        loss = torch.nn.functional.softplus(margin) - y * margin
        return loss.mean() + 0.5 * (ridge * w.square()).sum()

    w = torch.zeros_like(x[0])
    for _ in range(NEWTON_STEPS):
        p = (x @ w).sigmoid()
        slope = x.mT @ (p - y) / len(x) + ridge * w
        curve = (x * (p * (1 - p))[:, None]).mT @ x / len(x) + ridge.diag()
        step = torch.linalg.solve(curve, slope)
        share = 1.0
        while value(w - share * step) > value(w) + 1e-14 and share > 1e-6:
            share /= 2
        w = w - share * step
        if float(step.abs().max()) < NEWTON_TOLERANCE:
            break
    return w


def without(direction: Tensor, others: Tensor) -> Tensor:
    """``direction`` (d,) with what ``others`` (k, d) move taken out of it, of unit length.

    Raises:
        BadInput: nothing is left of it.
    """
    v, span = direction.double(), others.double()
    left = v - v @ torch.linalg.pinv(span) @ span
    if float(torch.linalg.vector_norm(left)) < 1e-6 * float(torch.linalg.vector_norm(v)):
        raise BadInput("direction: nothing is left of it without the others", "others")
    return _unit(left, "the direction is zero").to(direction)


def directions(vectors: Tensor, codes: Tensor) -> Directions:
    """Unit ``vectors`` (K, d) as directions, one sigma being the spread of ``codes`` (n, d)."""
    vectors = vectors.to(codes)
    return Directions(vectors, spread(vectors, codes), torch.ones_like(vectors[:, 0]))


def _both(codes: Tensor, labels: Tensor) -> None:
    if labels.dtype != torch.bool or labels.shape != codes.shape[:1]:
        raise BadInput(f"labels must be {len(codes)} of type bool, one per latent", "labels")
    if labels.all() or not labels.any():
        raise BadInput("labels are all alike; latents with and without are needed", "labels")


def _unit(v: Tensor, trouble: str) -> Tensor:
    norm = float(torch.linalg.vector_norm(v))
    if not norm > 0:
        raise BadInput(f"labels: {trouble}", "labels")
    return v / norm
