"""The losses of the autoencoders, against what a formula says."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from engine.models.vae_losses import (
    cross_entropy,
    entropy_floor,
    log_density,
    normal_kl,
    total_correlation,
)

#: Variance of a posterior; the aggregate of all has variance 1.
NARROW = 0.1


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_divergence_of_a_normal_is_the_closed_form() -> None:
    mean, log_variance = torch.randn(2, 50, generator=rng(), dtype=torch.float64)
    exact = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(normal_kl(mean, log_variance), exact)
    assert float(normal_kl(torch.tensor(0.0), torch.tensor(0.0))) == 0
    assert float(normal_kl(torch.tensor(2.0), torch.tensor(0.0))) == 2


def test_the_density_of_a_normal_is_the_closed_form() -> None:
    z, mean, log_variance = torch.randn(3, 50, generator=rng(), dtype=torch.float64)
    exact = Normal(mean, (log_variance / 2).exp()).log_prob(z)
    torch.testing.assert_close(log_density(z, mean, log_variance), exact)


def test_no_reconstruction_is_below_the_floor_and_the_picture_itself_is_on_it() -> None:
    x = torch.rand(3, 1, 4, 4, generator=rng(), dtype=torch.float64)
    floor = entropy_floor(x)
    torch.testing.assert_close(cross_entropy(torch.logit(x), x), floor)
    others = torch.randn(x.shape, generator=rng(1), dtype=torch.float64)
    assert (cross_entropy(others, x) > floor).all()
    assert float(entropy_floor(torch.full((1, 1, 1, 2), 0.5))) == pytest.approx(2 * math.log(2))
    assert float(entropy_floor(torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2))) == 0


def correlated(rho: Tensor, count: int, more: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Latents and posteriors whose aggregate is N(0, [[1, rho], [rho, 1]]) and free ones."""
    free, noise = torch.randn(2, count, 2 + more, generator=rng(), dtype=torch.float64)
    # A root of the covariance of the means, which is that of the aggregate less NARROW.
    plus, minus = (1 + rho - NARROW).sqrt(), (1 - rho - NARROW).sqrt()
    a, b = plus * free[:, 0], minus * free[:, 1]
    pair = torch.stack([a + b, a - b], 1) / math.sqrt(2)
    mean = torch.cat([pair, math.sqrt(1 - NARROW) * free[:, 2:]], 1)
    log_variance = torch.full_like(mean, math.log(NARROW))
    return mean + math.sqrt(NARROW) * noise, mean, log_variance


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.85])
def test_total_correlation_of_a_gaussian_is_known(rho: float) -> None:
    """Of two numbers with correlation rho: minus half the log of 1 - rho^2."""
    found = total_correlation(*correlated(torch.tensor(rho), 3000))
    assert float(found) == pytest.approx(-0.5 * math.log(1 - rho**2), abs=0.04)


def test_an_independent_latent_adds_no_total_correlation() -> None:
    found = total_correlation(*correlated(torch.tensor(0.7), 3000, more=1))
    assert float(found) == pytest.approx(-0.5 * math.log(1 - 0.49), abs=0.06)


def test_the_gradient_of_the_total_correlation_is_known() -> None:
    rho = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
    total_correlation(*correlated(rho, 3000)).backward()
    assert rho.grad is not None
    assert float(rho.grad) == pytest.approx(0.6 / (1 - 0.36), rel=0.1)
