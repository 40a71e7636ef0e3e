"""The three diffusions and their samplers, with scores that are exact.

What a sampler makes is compared with samples of the law itself; the tests of that are in
``two_sample``. ``tests/benchmarks/score_sde.py`` has the tables.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.stats import chi2, chisquare, ncx2
from torch import Tensor
from two_sample import box_m, energy_distance, energy_p_value

from engine.restoration.diffusion import centered, uncentered
from engine.restoration.priors import Formula, MixturePrior
from engine.restoration.score_sde import pc_step
from engine.restoration.sde import (
    SDE,
    Family,
    OdeState,
    Score,
    as_vector,
    correct,
    estimate,
    flow_slope,
    ode_solve,
    ode_step,
    predict,
    score_of,
    times,
)

FAMILIES: tuple[Family, ...] = ("ve", "vp", "sub_vp")
#: Samples of the covariance test, and its level.
COUNT, LEVEL = 20_000, 0.01


@pytest.fixture
def mixture() -> MixturePrior:
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    means = torch.tensor([[0.2, 0.5], [0.7, 0.6], [0.5, 0.15]], dtype=torch.float64)
    roots = torch.tensor(
        [[[0.1, 0.0], [0.03, 0.08]], [[0.05, 0.0], [-0.03, 0.12]], [[0.15, 0.0], [0.07, 0.05]]],
        dtype=torch.float64,
    )
    return MixturePrior(weights, means, roots @ roots.mT)


def gaussian(dimension: int = 16, seed: int = 5) -> MixturePrior:
    """One Gaussian whose covariance has eigenvalues over one decade, as a prior in [0, 1]."""
    rng = torch.Generator().manual_seed(seed)
    axes, _ = torch.linalg.qr(torch.randn(dimension, dimension, generator=rng))
    values = torch.logspace(-2.2, -1.2, dimension)
    covariance = axes @ values.diag() @ axes.T
    return MixturePrior(torch.ones(1), torch.full((1, dimension), 0.5), covariance[None])


def walk(
    sde: SDE, score: Score, shape: tuple[int, ...], steps: int, seed: int, until: int = 0, **more
) -> Tensor:
    """Samples from noise; at the grid's point ``until`` if that is given, else at the end."""
    rng = torch.Generator().manual_seed(seed)
    x = sde.s(1.0) * torch.randn(shape, generator=rng)
    points = times(sde, steps)
    for t, following in list(itertools.pairwise(points))[: until or steps]:
        x, mean, _, _ = pc_step(sde, score, x, t, following, rng, **more)
    return x if until else mean


@pytest.mark.parametrize("family", FAMILIES)
def test_marginals_are_those_of_the_equation(family: Family) -> None:
    sde, h = SDE(family), 1e-5
    for t in (0.1, 0.5, 0.9):
        fading = (math.log(sde.a(t + h)) - math.log(sde.a(t - h))) / (2 * h)
        assert fading == pytest.approx(sde.drift(t), rel=1e-6)
        # d s^2 / dt = 2 f s^2 + g^2
        growth = (sde.s(t + h) ** 2 - sde.s(t - h) ** 2) / (2 * h)
        expected = 2 * sde.drift(t) * sde.s(t) ** 2 + sde.diffusion(t)
        assert growth == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_time_of_a_noise_level_is_found_again(family: Family) -> None:
    sde = SDE(family)
    for t in (sde.end, 0.01, 0.3, 1.0):
        assert sde.time_of(sde.noise(t)) == pytest.approx(t, rel=1e-9, abs=1e-12)
    assert sde.start(math.inf) == 1.0
    # The photo denoiser knows noise of 1.1 in [0, 1] units: 2.2 in centered ones.
    assert sde.noise(sde.start(1.1)) == pytest.approx(2.2)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_forward_step_leads_from_one_marginal_to_the_next(family: Family) -> None:
    sde = SDE(family)
    for t, following in ((0.9, 0.7), (0.4, 0.35)):
        drift, variance = sde.discretized(t, following)
        assert sde.a(following) * (1 + drift) == pytest.approx(sde.a(t))
        kept = (sde.s(following) * (1 + drift)) ** 2 + variance
        assert kept == pytest.approx(sde.s(t) ** 2)


@pytest.mark.parametrize("family", FAMILIES)
def test_score_of_a_denoiser_is_the_gradient_of_the_log_density(
    mixture: MixturePrior, family: Family
) -> None:
    sde, score = SDE(family), score_of(Formula(mixture), SDE(family))
    for t in (sde.end, 0.2, 0.7):
        a, s = sde.a(t), sde.s(t)
        rng = torch.Generator().manual_seed(1)
        x = a * centered(mixture.sample(20, rng)) + s * torch.randn(20, 2, generator=rng)
        x.requires_grad_()
        # Density of x_t = a (2 v - 1) + s n, from that of v with noise s / (2 a).
        density = mixture.log_density(uncentered(x / a), 0.5 * s / a)
        (slope,) = torch.autograd.grad(density.sum(), x)
        torch.testing.assert_close(score(x.detach(), t), slope, rtol=1e-6, atol=1e-6)
        clean = estimate(sde, x.detach(), slope, t)
        exact = centered(mixture(uncentered(x.detach() / a), 0.5 * s / a))
        torch.testing.assert_close(clean, exact, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("until", [280, 0], ids=["on the way", "at the end"])
def test_reverse_equation_has_the_marginals(
    mixture: MixturePrior, family: Family, until: int
) -> None:
    sde, count = SDE(family), 1000
    score = score_of(Formula(mixture), sde)
    x = walk(sde, score, (count, 2), 400, seed=3, until=until, corrections=0).double()
    assert_marginal(sde, mixture, x, times(sde, 400)[until] if until else sde.end)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("t", [0.3, 0.0], ids=["on the way", "at the end"])
def test_probability_flow_has_the_marginals(
    mixture: MixturePrior, family: Family, t: float
) -> None:
    sde, count = SDE(family), 1000
    like = torch.zeros(count, 2, dtype=torch.float64)
    start = sde.s(1.0) * torch.randn(like.shape, generator=torch.Generator().manual_seed(4))
    slope = flow_slope(sde, score_of(Formula(mixture), sde), like)
    y = ode_solve(slope, as_vector(start), 1.0, t or sde.end)
    assert_marginal(sde, mixture, torch.from_numpy(y).reshape(like.shape), t or sde.end)


def assert_marginal(sde: SDE, mixture: MixturePrior, x: Tensor, t: float) -> None:
    """Energy distance to samples of p_t, and the number of samples in each mode."""
    a, s = sde.a(t), sde.s(t)
    rng = torch.Generator().manual_seed(9)
    exact = a * centered(mixture.sample(len(x), rng)) + s * torch.randn(x.shape, generator=rng)
    assert energy_p_value(x, exact) > LEVEL
    # Wider and so slightly biased where x has no noise left: far less than is resolved.
    share = mixture.responsibilities(uncentered(x / a), 0.5 * s / a)
    drawn = torch.multinomial(share, 1, generator=rng)[:, 0].bincount(minlength=3)
    assert chisquare(drawn.numpy(), len(x) * mixture.weights.numpy()).pvalue > LEVEL


def test_the_energy_test_sees_a_shift(mixture: MixturePrior) -> None:
    a = mixture.sample(1000, torch.Generator().manual_seed(1))
    b = mixture.sample(1000, torch.Generator().manual_seed(2))
    assert energy_p_value(a, b) > LEVEL
    assert energy_p_value(a, b + 0.04) < LEVEL


def walked(error: float) -> Tensor:
    sde = SDE("ve")
    score = score_of(Formula(gaussian()), sde)
    return walk(sde, lambda x, t: error * score(x, t), (COUNT, 16), 350, seed=1, snr=0.05)


def flowed(error: float) -> Tensor:
    sde = SDE("ve")
    like = torch.zeros(COUNT, 16)
    score = score_of(Formula(gaussian()), sde)
    rng = torch.Generator().manual_seed(2)
    start = sde.s(1.0) * torch.randn(like.shape, generator=rng)

    def wrong(x: Tensor, t: float) -> Tensor:
        return error * score(x.float(), t).double()

    y = ode_solve(flow_slope(sde, wrong, like), as_vector(start), 1.0, sde.end, tol=1e-4)
    return torch.from_numpy(y).reshape(like.shape)


@pytest.mark.parametrize("sampler", [walked, flowed], ids=["predictor-corrector", "flow"])
def test_covariance_of_samples(sampler: object) -> None:
    """A test of the covariance passes, and would not if the score were 5 % off."""
    exact = centered(gaussian().sample(COUNT, torch.Generator().manual_seed(77)))
    assert box_m(sampler(1.0), exact) > LEVEL  # type: ignore[operator]
    p = box_m(sampler(1.05), exact)  # type: ignore[operator]
    # Its power, from the statistic that one run had: noncentral chi square.
    free = 16 * 17 // 2
    seen = chi2.isf(max(p, 1e-300), free)
    assert ncx2.sf(chi2.isf(LEVEL, free), free, seen - free) > 0.95


def test_box_holds_its_level_where_nothing_differs() -> None:
    prior = gaussian(4)
    draws = [prior.sample(500, torch.Generator().manual_seed(s)) for s in range(400)]
    p = np.array([box_m(a, b) for a, b in zip(draws[::2], draws[1::2], strict=True)])
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.04)


def test_corrections_pay_on_a_coarse_ancestral_grid(mixture: MixturePrior) -> None:
    """Sixteen evaluations each: eight levels corrected once are better than sixteen levels."""
    sde = SDE("ve")
    score = score_of(Formula(mixture), sde)
    exact = centered(mixture.sample(2000, torch.Generator().manual_seed(9))).float()
    both = walk(sde, score, (2000, 2), 8, 1, predictor="ancestral", snr=0.4)
    alone = walk(sde, score, (2000, 2), 16, 1, predictor="ancestral", corrections=0)
    assert energy_distance(both.float(), exact) < 0.5 * energy_distance(alone.float(), exact)


def test_langevin_step_has_the_length_of_the_paper() -> None:
    sde, rng = SDE("ve"), torch.Generator().manual_seed(0)
    x, noise, score = torch.randn(3, 4, 1, 5, 5, generator=rng)
    moved, mean = correct(sde, x, score, 0.5, 0.4, noise, 0.16)
    ratio = noise.flatten(1).norm(dim=1).mean() / score.flatten(1).norm(dim=1).mean()
    length = 2 * (0.16 * ratio) ** 2
    torch.testing.assert_close(mean, x + length * score)
    torch.testing.assert_close(moved, mean + (2 * length).sqrt() * noise)


def test_predictors_agree_as_steps_get_short() -> None:
    x, score, noise = torch.randn(3, 1, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    for family in FAMILIES:
        sde = SDE(family)
        t, h = 0.4, 1e-5
        results = [
            predict(sde, x, score, t, t - h, noise, name)[1]
            for name in ("reverse_diffusion", "ancestral", "euler_maruyama")
        ]
        for other in results[1:]:
            torch.testing.assert_close(other - x, results[0] - x, rtol=1e-3, atol=1e-6)
    assert predict(SDE("ve"), x, score, 0.4, 0.3, noise, "none")[0] is x


@pytest.mark.parametrize("family", FAMILIES)
def test_last_ancestral_step_ends_at_the_estimate(family: Family) -> None:
    x, score, noise = torch.randn(3, 1, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    sde = SDE(family)
    moved, mean = predict(sde, x, score, sde.end, 0.0, noise, "ancestral")
    assert torch.equal(moved, mean)
    torch.testing.assert_close(mean, estimate(sde, x, score, sde.end))


def test_a_flow_goes_on_from_a_kept_state(mixture: MixturePrior) -> None:
    sde = SDE("vp")
    like = torch.zeros(3, 2, dtype=torch.float64)
    slope = flow_slope(sde, score_of(Formula(mixture), sde), like)
    at = OdeState(1.0, np.linspace(-1.0, 1.0, 6))
    path = [at := ode_step(slope, at, sde.end) for _ in range(6)]
    kept = path[2]
    again = OdeState(kept.t, kept.y.copy(), kept.slope.copy(), kept.length)  # type: ignore[union-attr]
    for expected in path[3:]:
        again = ode_step(slope, again, sde.end)
        assert (again.t, again.length) == (expected.t, expected.length)
        assert np.array_equal(again.y, expected.y)


def test_flow_is_that_of_a_gaussian() -> None:
    """Along the flow of N(m, v) a coordinate keeps its rank: (x - a m) / sqrt(a^2 v + s^2)."""
    prior = MixturePrior(
        torch.ones(1).double(), torch.tensor([[0.7]]).double(), torch.tensor([[[0.01]]]).double()
    )
    for family in FAMILIES:
        sde = SDE(family)
        like = torch.zeros(3, 1, dtype=torch.float64)
        slope = flow_slope(sde, score_of(Formula(prior), sde), like)

        def place(rank: np.ndarray, t: float, sde: SDE = sde) -> np.ndarray:
            return sde.a(t) * 0.4 + rank * math.hypot(0.2 * sde.a(t), sde.s(t))

        rank = np.array([-1.0, 0.3, 2.0])
        y = ode_solve(slope, place(rank, 1.0), 1.0, sde.end, tol=1e-8)
        assert y == pytest.approx(place(rank, sde.end), abs=1e-6)
