"""DiffPIR on Gaussian priors, frequency by frequency.

Under a blur that wraps around every frequency of a stationary Gaussian is alone, and every
step is affine in it, in the measurement and in the noise. So its law is a recursion of a few
numbers, written out here without any transform and held against the tensors. It is not the
posterior: the stated errors are what a hundred levels are off by.
"""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from engine.operators import GaussianBlur
from engine.restoration.data_step import DataStep
from engine.restoration.diffpir import diffpir_step, noises
from engine.restoration.diffusion import centered, grid, noise_of
from engine.restoration.priors import Formula, GaussianPrior

SHAPE, SIGMA, WEIGHT = (1, 8, 8), 0.03, 1.75


def gaussian() -> GaussianPrior:
    variance = torch.tensor([[0.04]], dtype=torch.float64)
    return GaussianPrior.power_law(SHAPE, variance, basis="fourier")


def unit(seed: int) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(1, *SHAPE, generator=rng, dtype=torch.float64)


def law(c: float, s: float, sigma: float, levels: list[float], fresh: float) -> list[float]:
    """What a centered frequency is made of in the end: of its start, of the measured one, and
    of the unit noise of each step. ``c`` is its variance under the prior in [0, 1] units.
    """
    x = [1.0] + [0.0] * len(levels)
    for k, (abar, following) in enumerate(pairwise(levels)):
        level = 0.5 * noise_of(abar)
        clean = [c / (c + level**2) * v / math.sqrt(abar) for v in x]
        if following == 1.0:
            return clean
        rho = WEIGHT * sigma**2 / level**2
        clean = [rho / (s**2 + rho) * v for v in clean]
        clean[1] += s / (s**2 + rho)
        eps = [
            (a - math.sqrt(abar) * b) / math.sqrt(1.0 - abar) for a, b in zip(x, clean, strict=True)
        ]
        kept = math.sqrt((1.0 - following) * (1.0 - fresh))
        x = [math.sqrt(following) * b + kept * e for b, e in zip(clean, eps, strict=True)]
        x[2 + k] += math.sqrt((1.0 - following) * fresh)
    raise AssertionError("the levels do not end at 1")


def walked(
    A: GaussianBlur, y: Tensor, x: Tensor, noises: list[Tensor], levels: list[float]
) -> Tensor:
    data, prior = DataStep(A, y), Formula(gaussian())
    for (abar, following), noise in zip(pairwise(levels), noises, strict=True):
        x, picture = diffpir_step(
            x, data, SIGMA, prior, abar, following, noise, weight=WEIGHT, fresh=0.3
        )
    torch.testing.assert_close(centered(picture), x)
    return x


def test_every_frequency_follows_its_own_recursion() -> None:
    A, prior = GaussianBlur(SHAPE, 0.8), gaussian()
    levels = grid(8, math.inf, "quadratic")
    gray, zero = torch.full((1, *SHAPE), 0.5, dtype=torch.float64), torch.zeros(1, *SHAPE).double()
    pairs = zip(prior.spectrum.flatten().tolist(), A.spectrum.abs().flatten().tolist(), strict=True)
    laws = torch.tensor([law(c, s, SIGMA, levels, 0.3) for c, s in pairs], dtype=torch.float64)
    steps = len(levels) - 1
    for k in range(2 + steps - 1):
        # One at a time: the start, the measurement, the noise of each step but the last.
        noises = [unit(5) if j == k - 2 else zero for j in range(steps)]
        y = gray + 0.5 * unit(5) if k == 1 else gray
        found = walked(A, y, unit(5) if k == 0 else zero, noises, levels)
        gains = laws[:, k].reshape(SHAPE)
        torch.testing.assert_close(
            torch.fft.fft2(found), gains * torch.fft.fft2(unit(5)), atol=1e-9, rtol=0
        )


def test_mirrored_samples_have_opposite_noise_and_a_mean_without_it() -> None:
    """Every step is affine under a Gaussian, so a pair's mean is the walk without noise."""
    rng, like = torch.Generator().manual_seed(3), torch.empty(5, *SHAPE, dtype=torch.float64)
    drawn = noises(like, rng, mirrored=True)
    torch.testing.assert_close(drawn[1:4:2], -drawn[:4:2])
    assert drawn.shape == like.shape
    assert float(drawn[::2].std()) == pytest.approx(1.0, abs=0.15)
    assert not torch.equal(noises(like, rng, mirrored=False)[1], -noises(like, rng, False)[0])

    A, levels = GaussianBlur(SHAPE, 0.8), grid(8, math.inf, "quadratic")
    y, zero = unit(6), torch.zeros(2, *SHAPE, dtype=torch.float64)
    pairs = [noises(zero, rng, mirrored=True) for _ in range(len(levels))]
    both = walked(A, y.expand(2, -1, -1, -1), pairs[0], pairs[1:], levels)
    quiet = walked(A, y, zero[:1], [zero[:1]] * (len(levels) - 1), levels)
    torch.testing.assert_close(both.mean(0, keepdim=True), quiet)
    assert float((both[:1] - quiet).square().mean().sqrt()) > 1e-3


#: Variance of a coefficient, noise of its measurement; then what a hundred levels are off by:
#: the mean in deviations of the posterior, and the variance as a part of the posterior's.
STATED = [
    (0.1, 0.01, 0.03, 1.67),
    (0.1, 0.05, 0.10, 1.46),
    (0.1, 0.2, 0.13, 1.16),
    (0.01, 0.01, 0.09, 1.62),
    (0.01, 0.05, 0.11, 1.17),
    (0.01, 0.2, 0.06, 0.90),
]


@pytest.mark.parametrize(("c", "tau", "mean", "variance"), STATED)
def test_a_hundred_levels_are_off_by_the_stated_error(
    c: float, tau: float, mean: float, variance: float
) -> None:
    levels = grid(100, math.inf, "quadratic")
    first, gain, *noises = law(c, 1.0, tau, levels, 0.3)
    exact, spread = c / (c + tau**2), c * tau**2 / (c + tau**2)
    off = abs(gain - exact) * math.sqrt((c + tau**2) / spread)
    # Centered numbers are twice as large, and so is their noise.
    found = (math.hypot(*noises) ** 2 + first**2) / 4 / spread
    assert off == pytest.approx(mean, abs=0.01)
    assert found == pytest.approx(variance, rel=0.02)
