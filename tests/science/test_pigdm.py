"""PiGDM: exact where its assumption holds, biased where not, one backward pass per step."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from engine.operators import Mask, random_mask
from engine.restoration.data_step import DataStep
from engine.restoration.diffusion import centered, clean, draw, grid, noise_in, noised, uncentered
from engine.restoration.pigdm import pigdm_step, spread_at
from engine.restoration.priors import Formula, GaussianPrior, matrix_of

SHAPE = (1, 4, 5)
SIGMA = 0.1


def isotropic(deviation: float) -> GaussianPrior:
    """Independent pixels of this deviation in centered units, half of it in [0, 1]."""
    spectrum = torch.full(SHAPE, (0.5 * deviation) ** 2, dtype=torch.float64)
    mean = torch.full((1, 1, 1), 0.5, dtype=torch.float64)
    return GaussianPrior("dct", mean, spectrum, torch.eye(1, dtype=torch.float64))


def smooth() -> GaussianPrior:
    return GaussianPrior.power_law(SHAPE, torch.eye(1, dtype=torch.float64) * 0.03)


def masked() -> Mask:
    return Mask(random_mask(SHAPE[1:], 0.4, torch.Generator().manual_seed(2)), 1)


def posterior(prior: GaussianPrior, A: Mask, y: Tensor) -> tuple[Tensor, Tensor]:
    """Exact mean (d,) and covariance (d, d), [0, 1] units."""
    known = A.known.flatten()
    matrix = matrix_of(A)[known]
    unit = torch.eye(math.prod(SHAPE), dtype=torch.float64)
    covariance = prior.filter(unit.reshape(-1, *SHAPE), prior.spectrum).reshape(len(unit), -1)
    noisy = matrix @ covariance @ matrix.T + SIGMA**2 * torch.eye(int(known.sum()))
    gain = covariance @ matrix.T @ torch.linalg.inv(noisy)
    return 0.5 + gain @ (y.flatten()[known] - 0.5), covariance - gain @ matrix @ covariance


def sampled(prior: GaussianPrior, A: Mask, y: Tensor, deviation: float, steps: int) -> Tensor:
    rng, network = torch.Generator().manual_seed(3), Formula(prior)
    levels, count = grid(steps), 2000
    flat = torch.zeros(count, *SHAPE, dtype=torch.float64)
    x, data = noised(flat, levels[0], draw(flat, rng)), DataStep(A, y.expand_as(flat))
    for abar, following in pairwise(levels):
        x, _ = pigdm_step(
            x, data, SIGMA, network, abar, following, draw(x, rng), deviation=deviation
        )
    assert network.calls == network.backwards == len(levels) - 1
    return uncentered(x).flatten(1)


def measured(prior: GaussianPrior, A: Mask) -> Tensor:
    rng = torch.Generator().manual_seed(4)
    truth = prior.sample(1, rng)
    return A(truth + SIGMA * torch.randn(truth.shape, generator=rng, dtype=torch.float64))


def test_spread_is_the_papers_for_unit_variance() -> None:
    for abar in (0.05, 0.5, 0.99):
        assert spread_at(abar, 1.0) ** 2 == pytest.approx(1.0 - abar)
        assert spread_at(abar, 0.01) < 0.01


@pytest.mark.parametrize("deviation", [1.0, 0.5])
def test_the_guided_picture_is_exact_for_independent_pixels(deviation: float) -> None:
    """``E[x_0 | x_t, y]`` in closed form: two Gaussian facts about each pixel."""
    rng, A, prior = torch.Generator().manual_seed(5), masked(), isotropic(deviation)
    y, abar = measured(prior, A), 0.6
    x = torch.randn(2, *SHAPE, generator=rng, dtype=torch.float64)
    _, guided = pigdm_step(
        x, DataStep(A, y.expand_as(x)), SIGMA, Formula(prior), abar, 0.7, x, deviation=deviation
    )
    by_prior, by_x = 1.0 / deviation**2, abar / (1.0 - abar)
    by_y = A.known.double() / (2 * SIGMA) ** 2
    exact = (by_x * x / math.sqrt(abar) + by_y * centered(y)) / (by_prior + by_x + by_y)
    torch.testing.assert_close(guided, exact)


@pytest.mark.parametrize("deviation", [1.0, 0.5])
def test_its_samples_are_exact_for_independent_pixels(deviation: float) -> None:
    """Up to the draw (2,000 samples) and the length of the steps, which narrows them a little."""
    prior, A = isotropic(deviation), masked()
    y = measured(prior, A)
    mean, covariance = posterior(prior, A, y)
    found = sampled(prior, A, y, deviation, 1000)
    spread = 0.5 * deviation
    assert float((found.mean(0) - mean).abs().max()) < 0.08 * spread
    ratio = found.var(0) / covariance.diagonal()
    assert float(ratio.mean()) == pytest.approx(1.0, abs=0.05)
    assert float((ratio - 1.0).abs().max()) < 0.15


def test_it_is_biased_where_pixels_hang_together() -> None:
    """Stated error: mean within 35 % of the prior's spread, with the pixels' own deviation."""
    prior, A = smooth(), masked()
    y = measured(prior, A)
    mean, covariance = posterior(prior, A, y)
    found = sampled(prior, A, y, 2 * 0.03**0.5, 200)
    spread = 0.03**0.5
    error = float((found.mean(0) - mean).square().mean().sqrt()) / spread
    ratio = float(found.std(0).mean() / covariance.diagonal().sqrt().mean())
    assert error < 0.35, (error, ratio)
    assert 0.4 < ratio < 1.6, (error, ratio)


def test_the_papers_guidance_adds_a_multiple_of_g() -> None:
    rng, A, prior = torch.Generator().manual_seed(6), masked(), smooth()
    y, abar = measured(prior, A), 0.6
    x = torch.randn(1, *SHAPE, generator=rng, dtype=torch.float64)
    data, network = DataStep(A, y), Formula(prior)
    zero = torch.zeros_like(x)
    moved, guided = pigdm_step(x, data, SIGMA, network, abar, 0.7, zero, eta=0.0, guidance="paper")
    x0 = clean(network, x, abar)
    g = (guided - x0) * math.sqrt(abar)
    plain = noised(x0, 0.7, noise_in(x, x0, abar))
    torch.testing.assert_close(moved, plain + math.sqrt(abar) * g)
