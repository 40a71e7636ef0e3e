"""The flow of a denoiser: its velocity, where its paths end, and how straight they are."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from scipy import integrate, optimize, stats
from torch import Tensor

from engine.restoration.diffusion import centered
from engine.restoration.flow import (
    FIRST,
    Straightness,
    first_time,
    flow_steps,
    sigma_at,
    times,
    velocity,
)
from engine.restoration.priors import Formula, MixturePrior

WEIGHTS, MEANS, DEVIATIONS = (0.3, 0.5, 0.2), (0.2, 0.55, 0.9), (0.06, 0.04, 0.08)


def one_dimensional() -> MixturePrior:
    """Three bumps on a line, in [0, 1] units."""
    return MixturePrior(
        torch.tensor(WEIGHTS, dtype=torch.float64),
        torch.tensor(MEANS, dtype=torch.float64)[:, None],
        torch.tensor(DEVIATIONS, dtype=torch.float64).square()[:, None, None],
    )


def plane_mixture() -> MixturePrior:
    return MixturePrior(
        torch.tensor([0.4, 0.6], dtype=torch.float64),
        torch.tensor([[0.2, 0.3], [0.8, 0.6]], dtype=torch.float64),
        torch.tensor(
            [[[0.01, 0.006], [0.006, 0.01]], [[0.02, -0.01], [-0.01, 0.01]]], dtype=torch.float64
        ),
    )


def unit(count: int, dimension: int, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(count, 1, 1, dimension, generator=rng, dtype=torch.float64)


@pytest.mark.parametrize("t", [0.05, 0.5, 0.95, FIRST])
def test_velocity_is_the_conditional_mean_of_noise_minus_picture(t: float) -> None:
    prior = plane_mixture()
    x = unit(3, 2)
    # x_t = (1 - t) (2 u - 1) + t z is a measurement of u, whose posterior is closed form.
    matrix = 2 * (1 - t) * torch.eye(2, dtype=torch.float64)
    expected = []
    for row in x.reshape(3, 2):
        picture = centered(prior.posterior(row + (1 - t), matrix, t).mean())
        noise = (row - (1 - t) * picture) / t
        expected.append(noise - picture)
    got = velocity(Formula(prior), x, t).reshape(3, 2)
    # At the very start the denoiser sees x / 1e-5, which costs some digits.
    torch.testing.assert_close(got, torch.stack(expected), rtol=1e-4, atol=1e-6)


def quantile(share: float) -> float:
    """Of the mixture on the line, centered."""

    def below(u: float) -> float:
        parts = zip(WEIGHTS, MEANS, DEVIATIONS, strict=True)
        return sum(w * stats.norm.cdf(u, m, s) for w, m, s in parts) - share

    return 2 * float(optimize.brentq(below, -1.0, 2.0)) - 1


def test_on_a_line_the_flow_is_the_quantile_map() -> None:
    # Paths of one ordinary differential equation never cross, so on a line the flow must
    # carry each quantile of the noise to the same quantile of the pictures.
    shares = torch.linspace(0.02, 0.98, 25, dtype=torch.float64)
    noise = torch.tensor([stats.norm.ppf(s) for s in shares])[:, None, None, None]
    exact = torch.tensor([quantile(float(s)) for s in shares])
    errors = []
    for count in (100, 200, 400):
        *_, x = flow_steps(Formula(one_dimensional()), noise, times(count, math.inf))
        errors.append(float((x.flatten() - exact).abs().mean()))
    assert errors[-1] < 5e-3
    # Euler's method is of first order: twice the steps, half the error.
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.3)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.3)


def test_in_the_plane_the_flow_reproduces_the_mixture() -> None:
    prior = plane_mixture()
    *_, x = flow_steps(Formula(prior), unit(20_000, 2, seed=3), times(150, math.inf))
    u = (x.reshape(-1, 2) + 1) / 2
    share = prior.responsibilities(u).mean(0)
    torch.testing.assert_close(share, prior.weights, atol=0.012, rtol=0)
    torch.testing.assert_close(u.mean(0), prior.mean(), atol=0.01, rtol=0)
    torch.testing.assert_close(torch.cov(u.T), prior.covariance(), atol=0.004, rtol=0)


def test_first_time_undoes_sigma_at() -> None:
    for sigma in (0.1, 1.1, 25.0):
        assert sigma_at(first_time(sigma)) == pytest.approx(sigma)
    assert first_time(math.inf) == FIRST
    walk = times(7, 1.1)
    assert walk[0] == first_time(1.1)
    assert walk[-1] == 0.0
    assert len(walk) == 8
    assert all(a > b for a, b in pairwise(walk))


class Gauss:
    """The denoiser of one number ``N(mean, variance)``, in [0, 1] units."""

    def __init__(self, mean: float, variance: float) -> None:
        self.mean, self.variance = mean, variance

    def __call__(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        gain = self.variance / (self.variance + torch.as_tensor(sigma) ** 2)
        return self.mean + gain * (x - self.mean)


def walked(prior: Formula, count: int) -> tuple[Tensor, Straightness]:
    x = unit(8, 1)
    walk = times(count, math.inf)
    path = Straightness.begun(x)
    for t, following in pairwise(walk):
        v = velocity(prior, x, t)
        x = x - (t - following) * v
        path = path.after(v, t - following)
    return x, path


def test_straightness_of_a_gaussian_is_the_closed_form() -> None:
    # For centered N(0, c) the path is x_t = z sqrt((1 - t)^2 c + t^2).
    c = 0.04
    _, path = walked(Formula(Gauss(0.5, c / 4)), 2000)

    def speed(t: float) -> float:
        return float((t - (1 - t) * c) ** 2 / ((1 - t) ** 2 * c + t**2))

    power, _ = integrate.quad(speed, 0, 1)
    assert path.value() == pytest.approx((1 - math.sqrt(c)) ** 2 / power, rel=2e-3)
    assert path.value() < 0.95


def test_paths_to_a_single_picture_are_straight() -> None:
    x, path = walked(Formula(Gauss(0.7, 0.0)), 5)
    torch.testing.assert_close(x, torch.full_like(x, 2 * 0.7 - 1))
    assert path.value() == pytest.approx(1.0, abs=1e-9)
