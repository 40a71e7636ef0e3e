"""The likelihood along the flow against densities in closed form."""

from __future__ import annotations

import math

import pytest
import torch

from engine.restoration import likelihood
from engine.restoration.diffusion import centered, uncentered
from engine.restoration.priors import Formula, GaussianPrior, MixturePrior
from engine.restoration.sde import SDE, Family, score_of

FAMILIES: tuple[Family, ...] = ("ve", "vp", "sub_vp")


@pytest.fixture
def mixture() -> MixturePrior:
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    means = torch.tensor([[0.2, 0.5], [0.7, 0.6], [0.5, 0.15]], dtype=torch.float64)
    roots = torch.tensor(
        [[[0.1, 0.0], [0.03, 0.08]], [[0.05, 0.0], [-0.03, 0.12]], [[0.15, 0.0], [0.07, 0.05]]],
        dtype=torch.float64,
    )
    return MixturePrior(weights, means, roots @ roots.mT)


def noisy_density(sde: SDE, prior: MixturePrior, x: torch.Tensor, t: float) -> torch.Tensor:
    """Exact log density of x_t = a (2 v - 1) + s n, with v from ``prior``."""
    a, s = sde.a(t), sde.s(t)
    dimension = x[0].numel()
    return prior.log_density(uncentered(x / a), 0.5 * s / a) - dimension * math.log(2 * a)


@pytest.mark.parametrize("family", FAMILIES)
def test_density_on_the_mixture(mixture: MixturePrior, family: Family) -> None:
    sde = SDE(family)
    score = score_of(Formula(mixture), sde, differentiable=True)
    x = centered(mixture.sample(200, torch.Generator().manual_seed(0)))
    encoded = likelihood.encode(sde, score, x)
    exact = noisy_density(sde, mixture, x, sde.end)
    # The change along the flow itself: to 1e-3 nats per dimension, point by point.
    change = exact - noisy_density(sde, mixture, encoded.latent, 1.0)
    assert float((encoded.log_det - change).abs().max()) / 2 < 1e-3
    # And with white noise for the end of the diffusion, which it is nearly.
    bits = (encoded.log_density - exact) / (2 * math.log(2))
    assert float(bits.abs().max()) < 0.02
    # The little noise at the start counts little against the data themselves.
    clean = mixture.log_density(uncentered(x)) - 2 * math.log(2)
    assert abs(float((encoded.log_density - clean).mean())) / (2 * math.log(2)) < 0.02


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_encoded_decodes_to_itself(mixture: MixturePrior, family: Family) -> None:
    sde, score = SDE(family), score_of(Formula(mixture), SDE(family), differentiable=True)
    x = centered(mixture.sample(50, torch.Generator().manual_seed(1)))
    latent = likelihood.encode(sde, score, x).latent
    back = likelihood.decode(sde, score_of(Formula(mixture), sde), latent)
    assert float((back - x).abs().max()) < 1e-3
    # The code is white: as much as 100 numbers can tell.
    assert float((latent / sde.s(1.0)).square().mean()) == pytest.approx(1.0, abs=0.45)


def test_hutchinson_is_unbiased(mixture: MixturePrior) -> None:
    sde, probes = SDE("vp"), 400
    score = score_of(Formula(mixture), sde, differentiable=True)
    points = centered(mixture.sample(8, torch.Generator().manual_seed(2)))
    exact = likelihood.encode(sde, score, points).log_density
    x = points.repeat_interleave(probes, 0)
    signs = likelihood.probe(x.shape, torch.Generator().manual_seed(3))
    trace = likelihood.hutchinson(signs)
    drawn = likelihood.encode(sde, score, x, divergence=trace).log_density.reshape(8, probes)
    error = drawn.std(1) / probes**0.5
    assert float(error.min()) > 0
    off = (drawn.mean(1) - exact) / error
    assert float(off.abs().max()) < 3.0
    assert float(off.square().mean().sqrt()) < 1.8


def test_hutchinson_is_exact_where_dimensions_do_not_mix() -> None:
    diagonal = MixturePrior(
        torch.ones(1).double(),
        torch.full((1, 3), 0.5).double(),
        torch.diag(torch.tensor([0.01, 0.04, 0.09])).double()[None],
    )
    sde = SDE("sub_vp")
    score = score_of(Formula(diagonal), sde, differentiable=True)
    x = centered(diagonal.sample(5, torch.Generator().manual_seed(4)))
    trace = likelihood.hutchinson(likelihood.probe(x.shape, torch.Generator().manual_seed(5)))
    drawn = likelihood.encode(sde, score, x, divergence=trace)
    torch.testing.assert_close(
        drawn.log_det, likelihood.encode(sde, score, x).log_det, atol=1e-4, rtol=0
    )


def test_pictures_of_a_gaussian_cost_what_the_formula_says() -> None:
    prior = GaussianPrior.power_law((1, 8, 8), 0.03 * torch.eye(1).double())
    sde = SDE("ve")
    score = score_of(Formula(prior), sde, differentiable=True)
    x = centered(prior.sample(3, torch.Generator().manual_seed(6)))
    encoded = likelihood.encode(sde, score, x, tol=1e-4)
    dimension = x[0].numel()
    exact = prior.log_density(uncentered(x), 0.5 * sde.s(sde.end)) - dimension * math.log(2)
    off = likelihood.bits_per_dim(encoded.log_density, dimension)
    off = off - likelihood.bits_per_dim(exact, dimension)
    assert float(off.abs().max()) < 0.02


def test_a_byte_without_knowledge_costs_eight_bits() -> None:
    white = -12 * math.log(2.0) * torch.ones(1)  # uniform on [-1, 1] in 12 dimensions
    assert float(likelihood.bits_per_dim(white, 12)) == pytest.approx(8.0)


def test_dequantized_bytes_fill_the_range_and_keep_their_place() -> None:
    levels = torch.arange(256).reshape(1, 1, 16, 16)
    x = likelihood.dequantized(levels / 255, torch.Generator().manual_seed(0))
    assert torch.equal(((x + 1) * 128).floor().long(), levels)
    assert float(x.min()) >= -1.0
    assert float(x.max()) < 1.0
