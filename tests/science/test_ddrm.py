"""DDRM on Gaussian priors, coefficient by coefficient.

Every coefficient of a stationary Gaussian under a blur that wraps around is alone, and
every step of DDRM is affine in it and in the noise. So its law is a recursion of two
numbers, written out here without any transform and held against the tensors. Against the
posterior the rules are exact where nothing or everything is known, and off by the stated
errors in between.
"""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from engine.operators import (
    Downsample,
    GaussianBlur,
    Identity,
    Mask,
    random_mask,
)
from engine.restoration.ddrm import Spectral, ddrm_step, ladder, wrapped
from engine.restoration.priors import GaussianPrior

SHAPE = (1, 8, 8)


def gaussian() -> GaussianPrior:
    variance = torch.tensor([[0.04]], dtype=torch.float64)
    mean = torch.zeros(1, 1, 1, dtype=torch.float64)
    return GaussianPrior.power_law(SHAPE, variance, basis="fourier", mean=mean)


def unit(seed: int = 0, count: int = 1) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(count, *SHAPE, generator=rng, dtype=torch.float64)


def walked(
    prior: GaussianPrior,
    data: Spectral,
    levels: list[float],
    noises: list[Tensor],
    *,
    eta: float,
    trust: float = 1.0,
) -> Tensor:
    """DDRM from a picture of zeros, with the noise of the start and of every step given."""
    x = data.start(torch.zeros_like(noises[0]), levels[0], noises[0])
    for (level, following), noise in zip(pairwise(levels), noises[1:], strict=True):
        x = ddrm_step(x, prior(x, level), data, level, following, noise, eta=eta, trust=trust)
    return x


def law(
    c: float, s: float, sigma: float, levels: list[float], eta: float, trust: float
) -> tuple[float, list[float]]:
    """What a coefficient makes of ``y / s``, and of the unit noise of the start and each step.

    ``c`` is its variance under the prior, whose mean is 0.
    """
    tau = sigma / s if s > 0 else math.inf
    top, kept = levels[0], math.sqrt(1 - eta**2)
    mean, gains = (1.0, [math.sqrt(top**2 - tau**2)]) if tau <= top else (0.0, [top])
    for level, following in pairwise(levels):
        shrink = c / (c + level**2)
        if s == 0:
            old, new, fresh = shrink + kept * following / level * (1 - shrink), 0.0, eta * following
        elif tau > following:
            part = kept * following / tau
            old, new, fresh = shrink * (1 - part), part, eta * following
        else:
            old, new = shrink * (1 - trust), trust
            fresh = math.sqrt(following**2 - (trust * tau) ** 2)
        mean, gains = old * mean + new, [*(old * g for g in gains), fresh]
    return mean, gains


def posterior(c: float, tau: float) -> tuple[float, float]:
    """Gain of ``y / s`` in the posterior mean, and the posterior variance."""
    return c / (c + tau**2), c * tau**2 / (c + tau**2)


@pytest.mark.parametrize("trust", [1.0, 0.7])
@pytest.mark.parametrize("eta", [0.0, 0.85, 1.0])
def test_every_coefficient_follows_its_own_recursion(eta: float, trust: float) -> None:
    prior, A, sigma = gaussian(), GaussianBlur(SHAPE, 1.2), 0.02
    levels = ladder(12, 5.0)
    zero = torch.zeros_like(unit())
    y = unit(3)
    laws = [
        [law(float(c), float(s), sigma, levels, eta, trust) for c, s in zip(cs, ss, strict=True)]
        for cs, ss in zip(prior.spectrum[0], A.spectrum.abs(), strict=True)
    ]
    expected = torch.tensor([[at[0] for at in row] for row in laws], dtype=torch.float64)
    sharp = torch.fft.fft2(y) / A.spectrum
    got = walked(prior, Spectral.of(A, y, sigma), levels, [zero] * 13, eta=eta, trust=trust)
    scale = float(sharp.abs().max())
    torch.testing.assert_close(
        torch.fft.fft2(got) / scale, expected * sharp / scale, atol=1e-9, rtol=0
    )
    # The covariance is the sum of what each noise does, and that is seen one at a time.
    for k in range(13):
        noises = [unit(7) if j == k else zero for j in range(13)]
        got = walked(prior, Spectral.of(A, zero, sigma), levels, noises, eta=eta, trust=trust)
        gain = torch.tensor([[at[1][k] for at in row] for row in laws], dtype=torch.float64)
        torch.testing.assert_close(
            torch.fft.fft2(got), gain * torch.fft.fft2(unit(7)), atol=1e-9, rtol=0
        )


def test_what_is_measured_without_noise_is_kept_exactly() -> None:
    prior = gaussian()
    levels = ladder(20, 5.0)
    noises = [unit(k) for k in range(21)]
    mask = Mask(random_mask((8, 8), 0.5, torch.Generator().manual_seed(1)), 1)
    for A in (Identity(SHAPE), mask, Downsample(SHAPE, 2)):
        y = A(prior.sample(1, torch.Generator().manual_seed(2)))
        data = Spectral.of(A, y, 1e-9)
        # Down to the weakest level, 0.005, it is the measurement and that much noise.
        early = walked(prior, data, levels[:-1], noises[:-1], eta=0.85)
        expected = y + levels[-2] * A(noises[-2])
        torch.testing.assert_close(A(early), expected, atol=1e-7, rtol=0)
        # Only the last denoising touches it, which that level bounds.
        x = walked(prior, data, levels, noises, eta=0.85)
        assert float((A(x) - y).abs().max()) < 4 * levels[-2]


def test_what_is_not_measured_is_drawn_from_the_prior() -> None:
    # Without fresh noise and with many levels the walk is the exact flow of the prior.
    for c in (0.001, 0.01, 0.1):
        _, gains = law(c, 0.0, 0.1, ladder(1000, math.inf), eta=0.0, trust=1.0)
        assert math.hypot(*gains) == pytest.approx(math.sqrt(c), rel=0.04)


def test_down_to_the_noise_of_the_measurement_the_law_is_exact() -> None:
    # While the levels are above tau, x_t given y is N(y / s, sigma_t^2 - tau^2) for every
    # prior, which adds up to x_0 + sigma_t n; and where a level meets tau, the denoised
    # picture is the posterior mean itself.
    c, tau = 0.01, 0.1
    levels = [5.0, 2.0, 0.5, 0.1]
    mean, gains = law(c, 1.0, tau, levels, eta=0.85, trust=1.0)
    assert mean == 1.0
    assert math.hypot(*gains) == pytest.approx(math.sqrt(levels[-1] ** 2 - tau**2), abs=1e-9)
    mean, gains = law(c, 1.0, tau, [*levels, 0.0], eta=0.85, trust=1.0)
    assert mean == pytest.approx(posterior(c, tau)[0])
    assert math.hypot(*gains) == pytest.approx(0.0, abs=1e-8)


#: Variance of a coefficient, noise of its measurement, then what 20 levels are off by: the
#: root mean square of the mean's error in deviations of the posterior, and the variance as a
#: part of the posterior's. Quadratic levels, then even ones.
STATED = [
    (0.1, 0.01, (0.01, 0.34), (1.83, 39.4)),
    (0.1, 0.05, (0.08, 0.52), (0.33, 1.92)),
    (0.1, 0.2, (0.03, 0.29), (0.17, 0.43)),
    (0.01, 0.01, (0.02, 0.34), (3.36, 13.6)),
    (0.01, 0.05, (0.14, 0.40), (0.60, 0.80)),
    (0.01, 0.2, (0.27, 0.25), (0.02, 0.25)),
]


@pytest.mark.parametrize(("c", "tau", "quadratic", "uniform"), STATED)
def test_twenty_levels_are_off_by_the_stated_error(
    c: float, tau: float, quadratic: tuple[float, float], uniform: tuple[float, float]
) -> None:
    gain, variance = posterior(c, tau)
    for spacing, stated in (("quadratic", quadratic), ("uniform", uniform)):
        levels = ladder(20, math.inf, spacing)  # type: ignore[arg-type]
        mean, gains = law(c, 1.0, tau, levels, eta=0.85, trust=1.0)
        off = abs(mean - gain) * math.sqrt((c + tau**2) / variance)
        assert off == pytest.approx(stated[0], abs=0.02)
        assert math.hypot(*gains) ** 2 / variance == pytest.approx(stated[1], rel=0.05)


def test_levels_end_at_the_weakest_and_at_nothing() -> None:
    for spacing in ("quadratic", "uniform"):
        levels = ladder(20, 1.1, spacing)  # type: ignore[arg-type]
        assert len(levels) == 21
        assert levels[0] <= 1.1
        assert levels[-2] == pytest.approx(0.005, rel=1e-2)
        assert levels[-1] == 0.0
        assert all(a > b for a, b in pairwise(levels))


def test_a_padded_blur_is_the_inner_part_of_the_wrapped_one() -> None:
    padded = GaussianBlur(SHAPE, 0.8, "padded")
    rng = torch.Generator().manual_seed(3)
    x = torch.randn(2, *padded.shape_in, generator=rng, dtype=torch.float64)
    y = torch.randn(1, *padded.shape_out, generator=rng, dtype=torch.float64)
    whole, made = wrapped(padded, y, 0.01)
    assert whole.svd is not None
    torch.testing.assert_close(padded.crop(whole(x)), padded(x))
    torch.testing.assert_close(padded.crop(made), y)


def test_beyond_the_frame_nothing_is_made_up_that_a_blur_would_not_leave() -> None:
    # A slope meets its other end where it wraps around. Filled in, its part in the
    # frequencies that the blur wipes out is no more than the noise that is allowed for.
    padded = GaussianBlur((1, 16, 16), 1.5, "padded")
    slope = torch.linspace(0, 1, 16, dtype=torch.float64).expand(1, 1, 16, 16)
    whole, made = wrapped(padded, slope, 0.01)
    data = Spectral.of(whole, made, 0.01)
    lost = data.s < 1e-3
    assert int(lost.sum()) > 20
    assert float(data.y[..., lost].abs().square().mean().sqrt()) < 0.01
    mirrored = Spectral.of(whole, padded.extend(slope), 0.01)
    assert float(mirrored.y[..., lost].abs().square().mean().sqrt()) > 0.015
