"""The prox learned on the line against soft-thresholding, and the page that shows it learn."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from engine.models import zoo
from engine.models.lpn_recipes import line_batch, line_errors, soft_threshold
from engine.models.proximal import matching_loss
from engine.nets.lpn import LinePair
from engine.restoration.lpn_line import LINE_REACH, POINTS, curve, prior_at, shrunk

shipped = pytest.mark.skipif(not zoo.available("lpn-line"), reason="lpn-line does not ship")


def posterior_mean(y: Tensor) -> Tensor:
    """E[x | y] of a Laplace number of unit scale with unit noise, in closed form."""

    def half(t: Tensor) -> Tensor:
        # Weight of the side on which x and t agree in sign, up to a common factor.
        return torch.exp(-t + 0.5) * 0.5 * torch.erfc(-(t - 1.0) / math.sqrt(2))

    right, left = half(y), half(-y)
    edge = torch.exp(-0.5 * y.square()) / math.sqrt(2 * math.pi)
    total = right + left
    return (right * (y - 1.0) + edge + left * (y + 1.0) - edge) / total


@pytest.fixture(scope="module")
def pair() -> LinePair:
    network = zoo.network("lpn-line")
    assert isinstance(network, LinePair)
    return network


@shipped
def test_matched_is_soft_thresholding_and_its_twin_is_not(pair: LinePair) -> None:
    errors = line_errors(pair)
    assert errors["error_on_3_matched"] < 0.05
    assert errors["error_on_3_squared"] >= 5 * errors["error_on_3_matched"]
    for name, value in errors.items():
        assert zoo.card("lpn-line").metrics[name] == pytest.approx(value, abs=1e-3)


@shipped
def test_the_prior_is_the_absolute_value(pair: LinePair) -> None:
    y = torch.linspace(-LINE_REACH, LINE_REACH, POINTS)
    x = torch.linspace(-3, 3, 121)
    with torch.no_grad():
        R = prior_at(x, *curve(pair.matched, y))
        other = prior_at(x, *curve(pair.squared, y))
    apart = R - x.abs()
    offset = 0.5 * (apart.max() + apart.min())
    assert float((apart - offset).abs().max()) < 0.1
    known = other.isfinite()
    apart = (other - x.abs())[known]
    assert float((apart - 0.5 * (apart.max() + apart.min())).abs().max()) > 0.1


@shipped
def test_the_twin_is_the_posterior_mean(pair: LinePair) -> None:
    y = torch.linspace(-3, 3, 121)
    with torch.no_grad():
        f = pair.squared(y[:, None])[:, 0]
    assert float((f - posterior_mean(y)).abs().max()) < 0.05


def test_batches_average_as_the_laplace_law_does() -> None:
    for step in range(3):
        x, y, weights = line_batch(step, 0)
        assert weights is not None
        assert torch.allclose(weights.sum(1), torch.ones(len(y)), atol=1e-5)
        mean = (weights @ x)[:, 0]
        assert float((mean - posterior_mean(y[:, 0])).abs().max()) < 0.01


def test_matching_of_a_narrow_gamma_prefers_the_mode() -> None:
    batch = line_batch(0, 0)._replace(y=torch.full((1, 1), 2.5))
    weights = torch.softmax(-0.5 * (2.5 - batch.x).square().mT - 0.5 * batch.x.abs().mT, 1)
    batch = batch._replace(weights=weights)
    candidates = torch.linspace(0.5, 2.5, 81)

    def best(loss: str, gamma: float) -> float:
        values = [
            float(matching_loss(f.reshape(1, 1), batch, loss, gamma))  # type: ignore[arg-type]
            for f in candidates
        ]
        return float(candidates[values.index(min(values))])

    assert best("match", 0.15) == pytest.approx(1.5, abs=0.08)
    assert best("l2", 1.0) == pytest.approx(float(posterior_mean(torch.tensor(2.5))), abs=0.03)


def test_prior_of_the_exact_curve() -> None:
    y = torch.linspace(-LINE_REACH, LINE_REACH, 4001, dtype=torch.float64)
    f = soft_threshold(y)
    psi = 0.5 * (y.abs() - 1).clamp_min(0).square()
    x = torch.linspace(-4, 4, 81, dtype=torch.float64)
    R = prior_at(x, f, y * f - 0.5 * f.square() - psi)
    inside = x.abs() <= LINE_REACH - 1
    assert torch.allclose(R[inside], x.abs()[inside], atol=2e-3)
    assert not R[~inside].isfinite().any()


def test_shrinking_is_wavelet_thresholding() -> None:
    rng = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, 21, 30, generator=rng, dtype=torch.float64)
    y = torch.linspace(-LINE_REACH, LINE_REACH, POINTS, dtype=torch.float64)
    assert torch.allclose(shrunk(picture, y, 0.1), picture, atol=1e-12)
    even = shrunk(picture, soft_threshold(y), 100.0)[..., :16, :24]
    blocks = even.reshape(1, 3, 2, 8, 3, 8)
    assert float((blocks - blocks.mean((3, 5), keepdim=True)).abs().max()) < 1e-12
    assert torch.allclose(
        blocks.mean((3, 5)), picture[..., :16, :24].reshape(1, 3, 2, 8, 3, 8).mean((3, 5))
    )


def test_it_takes_noise_away() -> None:
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    noise = torch.randn(ramp.shape, generator=torch.Generator().manual_seed(0))
    y = torch.linspace(-LINE_REACH, LINE_REACH, POINTS)
    restored = shrunk(ramp + 0.1 * noise, soft_threshold(y), 0.2)
    assert float((restored - ramp).square().mean()) < 0.3 * 0.01
