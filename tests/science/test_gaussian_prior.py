"""The Gaussian prior has closed forms; Wiener and plug-and-play must reach them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.fft import dctn
from torch import Tensor

from engine.operators import (
    Downsample,
    GaussianBlur,
    Grayscale,
    Identity,
    LinearOperator,
    Mask,
    MotionBlur,
    random_mask,
)
from engine.restoration.basis import backward, forward
from engine.restoration.plug_and_play import plug_and_play_steps
from engine.restoration.priors import GaussianPrior, matrix_of
from engine.restoration.wiener import photograph_prior, wiener, wiener_steps

COLORS = torch.tensor([[0.05, 0.04, 0.03], [0.04, 0.05, 0.04], [0.03, 0.04, 0.06]])


def prior_of(
    shape: tuple[int, int, int], basis: str, dtype: torch.dtype = torch.float64
) -> GaussianPrior:
    variance = COLORS[: shape[0], : shape[0]].to(dtype)
    mean = torch.linspace(0.4, 0.6, shape[0], dtype=dtype)[:, None, None]
    return GaussianPrior.power_law(shape, variance, slope=2.0, basis=basis, mean=mean)


def measured(
    A: LinearOperator, prior: GaussianPrior, sigma: float, seed: int = 0
) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    x = prior.sample(1, rng)
    y = A(x)
    y = y + sigma * torch.randn(y.shape, generator=rng, dtype=y.dtype)
    return x, A(y) if isinstance(A, Mask) else y


def fourier_posterior(y: Tensor, A: GaussianBlur, sigma: float, prior: GaussianPrior) -> Tensor:
    """m + conj(H) S (Y - H m) / (|H|^2 S + sigma^2), color axis by color axis."""
    turned = torch.einsum("ij,bjhw->bihw", prior.axes, y - prior.mean)
    h, s = A.spectrum, prior.spectrum.double()
    estimate = h.conj() * s * torch.fft.fft2(turned.double()) / (h.abs() ** 2 * s + sigma**2)
    back = torch.fft.ifft2(estimate).real.to(y.dtype)
    return prior.mean + torch.einsum("ij,bihw->bjhw", prior.axes, back)


def distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize("size", [(7, 12), (1, 5), (16, 9)])
def test_the_cosine_basis_is_scipys(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = dctn(x.numpy(), axes=(-2, -1), norm="ortho")
    np.testing.assert_allclose(forward(x, "dct").numpy(), expected, atol=1e-12)
    torch.testing.assert_close(backward(forward(x, "dct"), "dct", size), x)
    torch.testing.assert_close(backward(forward(x, "fourier"), "fourier", size), x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_wiener_is_the_closed_form_posterior_mean(dtype: torch.dtype) -> None:
    shape, sigma = (3, 48, 40), 0.02
    prior, A = prior_of(shape, "fourier", dtype), GaussianBlur(shape, 1.6)
    _, y = measured(A, prior, sigma)
    exact = fourier_posterior(y, A, sigma, prior)
    assert distance(wiener(y, A, sigma, prior), exact) < 1e-5
    # One division per frequency is enough: the very first iterate is the answer.
    assert distance(next(iter(wiener_steps(y, A, sigma, prior))).x, exact) < 1e-5


def test_plug_and_play_with_a_gaussian_denoiser_reaches_the_posterior_mean() -> None:
    """For weight 1 its fixed point is the posterior mean, up to the last noise level.

    Per frequency, at a fixed level s with rho = sigma^2/s^2 and the denoiser's gain
    w = S/(S + s^2): x = (h y + rho z)/(h^2 + rho) and z = w x. Eliminating x,
    z = S h y / (S h^2 + sigma^2 + s^2 h^2), because rho (1 - w)/w = sigma^2/S. The posterior
    mean lacks the last term, so the relative error is s^2 h^2/(S h^2 + sigma^2 + s^2 h^2), at
    most (s/sigma)^2 = 1/900 where S is small, and far less where the picture has its power.
    The steps contract by w rho/(h^2 + rho), about 1 - s^2/sigma^2 at the end, so a thousand
    of them, most at coarser levels where they contract faster, follow the fixed point.
    """
    shape, sigma = (3, 32, 32), 0.02
    prior, A = prior_of(shape, "fourier"), GaussianBlur(shape, 1.6)
    _, y = measured(A, prior, sigma)
    steps = plug_and_play_steps(
        y, A, sigma, prior, steps=1500, weight=1.0, last=sigma / 30.0, tol=1e-8
    )
    *_, final = steps
    assert distance(final.z, fourier_posterior(y, A, sigma, prior)) < 1e-3


def operators(shape: tuple[int, int, int]) -> dict[str, LinearOperator]:
    known = random_mask(shape[1:], 0.5, torch.Generator().manual_seed(1))
    return {
        "noise": Identity(shape),
        "padded blur": GaussianBlur((3, shape[1] - 8, shape[2] - 8), 1.0, "padded"),
        "motion": MotionBlur((3, shape[1] - 4, shape[2] - 4), 5.0, 0.8, "padded"),
        "missing": Mask(known, 3),
        "low resolution": Downsample(shape, 2),
        "lost color": Grayscale(shape),
    }


@pytest.mark.parametrize("name", ["noise", "padded blur", "motion", "missing", "low resolution",
                                  "lost color"])  # fmt: skip
def test_wiener_is_the_dense_posterior_mean_under_every_damage(name: str) -> None:
    shape, sigma = (3, 16, 16), 0.03
    A = operators(shape)[name]
    prior = prior_of(A.shape_in, "dct")
    _, y = measured(A, prior, sigma)
    matrix = matrix_of(A)
    unit = torch.eye(matrix.shape[1], dtype=torch.float64).reshape(-1, *A.shape_in)
    covariance = prior.filter(unit, prior.spectrum).flatten(1)
    mean = prior.mean.expand(A.shape_in).flatten()
    spread = matrix @ covariance @ matrix.T + sigma**2 * torch.eye(matrix.shape[0]).double()
    gain = covariance @ matrix.T @ torch.linalg.inv(spread)
    exact = mean + gain @ (y.flatten() - matrix @ mean)
    found = wiener(y, A, sigma, prior, steps=500, tol=1e-10)
    assert distance(found.flatten(), exact) < 1e-6


@pytest.mark.parametrize("basis", ["fourier", "dct"])
def test_score_and_density_belong_together(basis: str) -> None:
    prior = prior_of((3, 4, 5), basis)
    x = prior.sample(2, torch.Generator().manual_seed(3)).requires_grad_()
    density = prior.log_density(x, 0.1)
    (slope,) = torch.autograd.grad(density.sum(), x)
    torch.testing.assert_close(prior.score(x, 0.1), slope)
    unit = torch.eye(60, dtype=torch.float64).reshape(-1, 3, 4, 5)
    covariance = prior.filter(unit, prior.spectrum + 0.01).flatten(1)
    normal = torch.distributions.MultivariateNormal(
        prior.mean.expand(3, 4, 5).flatten(), 0.5 * (covariance + covariance.T)
    )
    torch.testing.assert_close(density, normal.log_prob(x.flatten(1)))


def test_denoiser_is_tweedies() -> None:
    prior = prior_of((3, 8, 8), "dct")
    x = prior.sample(2, torch.Generator().manual_seed(0))
    sigma = torch.tensor([0.05, 0.4], dtype=torch.float64)
    expected = x + sigma[:, None, None, None] ** 2 * prior.score(x, sigma)
    torch.testing.assert_close(prior(x, sigma), expected)


@pytest.mark.parametrize("basis", ["fourier", "dct"])
def test_a_prior_is_learned_from_its_own_pictures(basis: str) -> None:
    truth = prior_of((3, 16, 16), basis)
    pictures = truth.sample(3000, torch.Generator().manual_seed(5))
    learned = GaussianPrior.from_pictures(pictures, basis)
    torch.testing.assert_close(learned.mean, truth.mean, atol=0.05, rtol=0.0)
    ratio = learned.spectrum / truth.spectrum
    assert 0.9 < float(ratio.median()) < 1.1
    probe = truth.sample(1, torch.Generator().manual_seed(6))
    assert distance(learned(probe, 0.1), truth(probe, 0.1)) < 0.02


def test_a_photograph_gives_its_own_colors_to_the_prior() -> None:
    shape = (3, 64, 64)
    truth = prior_of(shape, "dct", torch.float32)
    x, y = measured(Identity(shape), truth, 0.05)
    prior = photograph_prior(y, Identity(shape), 0.05)
    spread = torch.cov(x[0].flatten(1))
    unit = (prior.axes.T * prior.spectrum.mean(dim=(1, 2))) @ prior.axes
    assert distance(unit, spread) < 0.1
