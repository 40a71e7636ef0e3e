"""The mixture's posterior against brute force, its score against automatic gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.operators import Identity
from engine.restoration.priors import MixturePrior, PatchDenoiser, matrix_of, scale_mixture


@pytest.fixture
def prior() -> MixturePrior:
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    means = torch.tensor([[-1.0, 0.0], [1.0, 0.5], [0.3, -1.2]], dtype=torch.float64)
    roots = torch.tensor(
        [[[0.4, 0.0], [0.1, 0.3]], [[0.2, 0.0], [-0.1, 0.5]], [[0.6, 0.0], [0.3, 0.2]]],
        dtype=torch.float64,
    )
    return MixturePrior(weights, means, roots @ roots.mT)


def grid(half: float = 5.0, count: int = 801) -> tuple[Tensor, float]:
    line = torch.linspace(-half, half, count, dtype=torch.float64)
    points = torch.cartesian_prod(line, line)
    return points, float(line[1] - line[0]) ** 2


def test_density_adds_up_to_one(prior: MixturePrior) -> None:
    points, area = grid()
    assert float(prior.log_density(points, 0.1).exp().sum()) * area == pytest.approx(1.0, abs=1e-8)


@pytest.mark.parametrize("matrix", [[[1.0, -0.5]], [[1.0, 0.2], [0.3, 0.7]], [[0.0, 1.0]]])
def test_posterior_is_what_quadrature_finds(prior: MixturePrior, matrix: list[list[float]]) -> None:
    A = torch.tensor(matrix, dtype=torch.float64)
    y = torch.tensor([0.4, -0.2], dtype=torch.float64)[: A.shape[0]]
    sigma = 0.3
    posterior = prior.posterior(y, A, sigma)
    points, area = grid()
    fit = -0.5 * ((points @ A.T - y) / sigma).square().sum(-1)
    joint = (prior.log_density(points) + fit).exp()
    density = joint / (joint.sum() * area)
    mean = (density[:, None] * points).sum(0) * area
    apart = points - mean
    covariance = torch.einsum("n,nd,ne->de", density, apart, apart) * area
    torch.testing.assert_close(posterior.mean(), mean, atol=1e-6, rtol=0)
    torch.testing.assert_close(posterior.covariance(), covariance, atol=1e-6, rtol=0)
    torch.testing.assert_close(posterior.log_density(points).exp(), density, atol=1e-6, rtol=1e-6)
    for k in range(3):
        alone = MixturePrior(
            torch.ones(1).double(), prior.means[k : k + 1], prior.covariances[k : k + 1]
        )
        share = (prior.weights[k] * (alone.log_density(points) + fit).exp()).sum() / joint.sum()
        torch.testing.assert_close(posterior.weights[k], share, atol=1e-6, rtol=0)


def test_score_is_the_gradient_of_the_log_density(prior: MixturePrior) -> None:
    x = torch.randn(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    sigma = torch.linspace(0.05, 1.0, 20, dtype=torch.float64)
    x.requires_grad_()
    (slope,) = torch.autograd.grad(prior.log_density(x, sigma).sum(), x)
    torch.testing.assert_close(prior.score(x, sigma), slope)


def test_far_away_nothing_overflows() -> None:
    prior = MixturePrior(
        torch.tensor([0.5, 0.5]), torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), torch.zeros(2, 2, 2)
    )
    far = torch.tensor([[1000.0, 0.0]])
    assert prior.responsibilities(far, 0.01).tolist() == [[0.0, 1.0]]
    torch.testing.assert_close(prior(far, 0.01), torch.tensor([[1.0, 0.0]]), atol=1e-2, rtol=0)


def test_denoiser_is_the_posterior_mean_of_white_noise(prior: MixturePrior) -> None:
    y = torch.tensor([[0.2, -0.7]], dtype=torch.float64)
    exact = prior.posterior(y[0], torch.eye(2, dtype=torch.float64), 0.4).mean()
    torch.testing.assert_close(prior(y, 0.4)[0], exact)


def test_samples_have_the_moments(prior: MixturePrior) -> None:
    drawn = prior.sample(200_000, torch.Generator().manual_seed(1))
    torch.testing.assert_close(drawn.mean(0), prior.mean(), atol=0.01, rtol=0)
    torch.testing.assert_close(torch.cov(drawn.T), prior.covariance(), atol=0.02, rtol=0)


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match="do not fit together"):
        MixturePrior(torch.ones(2), torch.zeros(3, 2), torch.zeros(3, 2, 2))


def test_a_patch_denoiser_on_one_patch_is_the_prior_itself() -> None:
    mixture = scale_mixture()
    x = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(PatchDenoiser(mixture)(x, 0.2), mixture(x, 0.2))
    assert matrix_of(Identity((1, 2, 2))).tolist() == torch.eye(4).tolist()


def test_a_patch_denoiser_cleans_pictures_of_any_size() -> None:
    rng = torch.Generator().manual_seed(2)
    picture = torch.full((2, 3, 21, 30), 0.3)
    picture[..., 12:] = 0.8
    noisy = picture + 0.1 * torch.randn(picture.shape, generator=rng)
    clean = PatchDenoiser(scale_mixture())(noisy, torch.tensor([0.1, 0.1]))
    assert clean.shape == picture.shape
    assert float((clean - picture).norm()) < 0.5 * float((noisy - picture).norm())
    with pytest.raises(ValueError, match="smaller than a 8 patch"):
        PatchDenoiser(scale_mixture())(picture[..., :7, :], 0.1)
