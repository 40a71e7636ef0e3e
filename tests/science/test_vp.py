"""A diffusion network read as a denoiser: exact networks must give the exact posterior mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.models.vp import PREDICTIONS, Prediction, VPDenoiser

#: Pixels of the pictures that the exact networks know: independent, centered units.
MEAN, DEVIATION = 0.2, 0.4


def abar_of(schedule: str) -> Tensor:
    """The schedules of Ho et al. 2020, Rombach et al. 2022, and Nichol and Dhariwal 2021."""
    if schedule == "linear":
        betas = torch.linspace(1e-4, 2e-2, 1000, dtype=torch.float64)
    elif schedule == "scaled":
        betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    else:
        at = torch.arange(1001, dtype=torch.float64) / 1000
        bar = ((at + 0.008) / 1.008 * torch.pi / 2).cos() ** 2
        betas = (1 - bar[1:] / bar[:-1]).clamp_max(0.999)
    return (1 - betas).cumprod(0)


SCHEDULES = ("linear", "scaled", "cosine")


def noises_of(abar: Tensor) -> np.ndarray:
    return ((1 - abar) / abar).sqrt().numpy()


class Exact(nn.Module):
    """The best network for pixels of ``N(MEAN, DEVIATION^2)``, at times between whole ones, too."""

    def __init__(self, abar: Tensor, prediction: Prediction) -> None:
        super().__init__()
        self.noises = noises_of(abar)
        self.prediction = prediction

    def forward(self, x: Tensor, t: Tensor, return_dict: bool) -> tuple[Tensor]:
        assert not return_dict
        logs = np.interp(t.double().numpy(), np.arange(len(self.noises)), np.log(self.noises))
        s = torch.from_numpy(np.exp(logs)).reshape(-1, 1, 1, 1)
        abar = 1 / (1 + s**2)
        x = x.double()
        x0 = MEAN + DEVIATION**2 / (DEVIATION**2 + s**2) * (x / abar.sqrt() - MEAN)
        eps = (x - abar.sqrt() * x0) / (1 - abar).sqrt()
        v = abar.sqrt() * eps - (1 - abar).sqrt() * x0
        said = {"epsilon": eps, "v_prediction": v, "sample": x0}[self.prediction]
        # Three more channels, as of a learned variance, must not matter.
        return (torch.cat([said, torch.full_like(said, 9.0)], 1).float(),)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_an_exact_network_gives_the_exact_posterior_mean(
    schedule: str, prediction: Prediction
) -> None:
    abar = abar_of(schedule)
    denoiser = VPDenoiser(Exact(abar, prediction), abar, prediction, clip=None)
    mean, deviation = 0.5 * (MEAN + 1), 0.5 * DEVIATION
    rng = torch.Generator().manual_seed(5)
    # On its grid of noise levels, between them, and one level for each picture.
    noises = noises_of(abar)
    sigma = torch.tensor([0.5 * noises[0], 0.5 * noises[300], 0.021, 0.3, 1.7, 7.0]).float()
    clean = mean + deviation * torch.randn(6, 3, 4, 5, generator=rng)
    spread = sigma.reshape(-1, 1, 1, 1)
    x = clean + spread * torch.randn(clean.shape, generator=rng)
    kept = deviation**2 / (deviation**2 + spread**2)
    # How far a float32 number of a network is from the truth grows with the noise.
    error = (denoiser(x, sigma) - (mean + kept * (x - mean))).abs()
    assert float((error / (1 + spread)).max()) < 1e-5


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_noise_to_time_and_back_is_within_half_a_step(schedule: str) -> None:
    abar = abar_of(schedule)
    noises = noises_of(abar)
    exactly, nearest = (
        VPDenoiser(nn.Identity(), abar, channels=3, whole=whole) for whole in (False, True)
    )
    on_grid = torch.from_numpy(noises).float()
    np.testing.assert_allclose(exactly.time_of(on_grid).numpy(), np.arange(len(abar)), atol=0.02)
    np.testing.assert_array_equal(nearest.time_of(on_grid).numpy(), np.arange(len(abar)))
    noise = np.geomspace(noises[0], noises[-1], 4001)
    times = exactly.time_of(torch.from_numpy(noise).float()).numpy()
    assert (np.diff(times) > -1e-3).all()
    # Back again, by the schedule alone.
    back = np.exp(np.interp(times, np.arange(len(noises)), np.log(noises)))
    np.testing.assert_allclose(back, noise, rtol=3e-4)
    whole = nearest.time_of(torch.from_numpy(noise).float())
    assert whole.dtype == torch.int64
    assert np.abs(whole.numpy() - times).max() <= 0.5 + 1e-3
    # The nearest time is the one whose noise is nearest, counted in factors.
    factors = np.abs(np.log(noise)[:, None] - np.log(noises)[None])
    distance = np.take_along_axis(factors, whole.numpy()[:, None], 1)[:, 0]
    np.testing.assert_allclose(distance, factors.min(1), atol=1e-5)


def test_noise_beyond_the_training_is_taken_for_the_nearest_of_it() -> None:
    abar = abar_of("linear")
    denoiser = VPDenoiser(Exact(abar, "epsilon"), abar, "epsilon")
    x = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    weakest = denoiser(x, torch.tensor([0.5 * denoiser.weakest]))
    torch.testing.assert_close(denoiser(x, torch.zeros(1)), weakest, rtol=0, atol=0)
    assert denoiser.sigma_max == pytest.approx(0.5 * noises_of(abar)[-1])
    strongest = denoiser(x, torch.tensor([denoiser.sigma_max]))
    torch.testing.assert_close(denoiser(x, torch.tensor([1e4])), strongest, rtol=0, atol=0)


class Same(nn.Module):
    """Takes what it sees for the picture."""

    def forward(self, x: Tensor, t: Tensor, return_dict: bool) -> tuple[Tensor]:
        return (x,)


def test_clean_pictures_are_clipped_and_their_gradients_are_not() -> None:
    abar = abar_of("linear")
    x = torch.tensor([-3.0, 0.25, 4.0]).reshape(1, 3, 1, 1).requires_grad_()
    sigma = torch.tensor([0.1])
    scale = 1 / (1 + 0.2**2) ** 0.5
    free = VPDenoiser(Same(), abar, "sample", clip=None)(x, sigma)
    torch.testing.assert_close(free, 0.5 * (scale * (2 * x - 1) + 1))
    clipped = VPDenoiser(Same(), abar, "sample")(x, sigma)
    torch.testing.assert_close(clipped, free.clamp(0, 1))
    (slope,) = torch.autograd.grad(clipped.sum(), x)
    torch.testing.assert_close(slope, torch.full_like(slope, scale))
