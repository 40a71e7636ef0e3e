"""Principal components of latents, or of a layer's features, as directions.

Source: E. Härkönen, A. Hertzmann, J. Lehtinen, S. Paris, GANSpace, NeurIPS 2020,
https://arxiv.org/abs/2004.02546. Sliders are in units of a component's standard deviation.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.method import BadInput
from engine.traversal.paths import Directions, upright


def pca(codes: Tensor, count: int | None = None) -> Directions:
    """The principal components of latents ``codes`` (n, d); scores are variances.

    Args:
        count: how many; as many as there are by default.
    """
    vectors, variances = _components(codes, count)
    variances = variances.to(codes)
    return Directions(vectors.to(codes), variances.sqrt(), variances)


def feature_pca(codes: Tensor, features: Tensor, count: int | None = None) -> Directions:
    """Directions of latents that move the principal components of features.

    The components are those of ``features`` (n, f), what a layer makes of ``codes`` (n, d). Each is
    carried back to the latents by least squares: the change of the latent that goes with one
    sigma of the component. Scores are the variances of the features.
    """
    if len(codes) != len(features):
        raise BadInput(f"features: {len(features)} rows for {len(codes)} latents", "features")
    vectors, variances = _components(features, count)
    centered = features.double() - features.double().mean(0)
    seen = centered @ vectors.mT / variances.sqrt()
    # The coordinates are uncorrelated and of variance one, so least squares is an average.
    moves = seen.mT @ (codes.double() - codes.double().mean(0)) / len(codes)
    sigmas = torch.linalg.vector_norm(moves, dim=1)
    units = moves / sigmas.clamp_min(torch.finfo(torch.float64).tiny)[:, None]
    return Directions(units.to(codes), sigmas.to(codes), variances.to(codes))


def _components(x: Tensor, count: int | None) -> tuple[Tensor, Tensor]:
    """Unit rows (count, f) and variances (count,) of ``x`` (n, f), in float64."""
    n, f = x.shape
    if n < 2:
        raise BadInput(f"codes: {n} of them have no variance; 2 or more are needed", "codes")
    centered = x.double() - x.double().mean(0)
    # The smaller of the two Gram matrices has the same eigenvalues.
    tall = n >= f
    gram = centered.mT @ centered if tall else centered @ centered.mT
    values, vectors = torch.linalg.eigh(gram / n)
    values, vectors = values.flip(0), vectors.flip(1)
    # Rounding leaves small variances where there are none.
    real = int((values > 1e-12 * values[0]).sum())
    if count is not None and not 1 <= count <= real:
        raise BadInput(f"count is {count}; these codes have 1 to {real} components", "count")
    values, vectors = values[: count or real], vectors[:, : count or real]
    if not tall:
        vectors = centered.mT @ vectors / (n * values).sqrt()
    return upright(vectors.mT), values
