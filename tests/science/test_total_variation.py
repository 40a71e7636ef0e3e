"""Total variation against exact results: taut string, fixed points, and the duality gap."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.operators import (
    Downsample,
    GaussianBlur,
    Grayscale,
    Identity,
    LinearOperator,
    Mask,
    inner,
    random_mask,
)
from engine.restoration.total_variation import (
    TotalVariation,
    gradient,
    gradient_adjoint,
    total_variation_of,
    total_variation_steps,
)


def taut_string(y: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    """The exact minimizer of 1/2 ||x - y||^2 + weight sum |x[i+1] - x[i]|.

    Its running sum is the shortest string from (0, 0) to (n, sum y) inside the tube of
    radius ``weight`` around the running sum of y (Davies and Kovac 2001). From every knot
    the string goes straight until the tube forces a bend.
    """
    n = len(y)
    middle = np.concatenate([[0.0], np.cumsum(y)])
    lower, upper = middle - weight, middle + weight
    lower[n] = upper[n] = middle[n]
    x = np.empty(n)
    at, height = 0, 0.0
    while at < n:
        low, high, low_at, high_at = -math.inf, math.inf, at, at
        end, slope = n, 0.0
        for j in range(at + 1, n + 1):
            floor, ceiling = (lower[j] - height) / (j - at), (upper[j] - height) / (j - at)
            if ceiling < low:
                end, slope = low_at, low
                break
            if floor > high:
                end, slope = high_at, high
                break
            if floor >= low:
                low, low_at = floor, j
            if ceiling <= high:
                high, high_at = ceiling, j
            slope = low
        x[at:end] = slope
        height += slope * (end - at)
        at = end
    return x


def last(y: Tensor, A: LinearOperator, weight: float, steps: int) -> Tensor:
    *_, final = total_variation_steps(y, A, weight, steps)
    return final.x


def test_the_taut_string_itself() -> None:
    np.testing.assert_allclose(taut_string(np.array([0.0, 1.0]), 0.25), [0.25, 0.75])
    np.testing.assert_allclose(taut_string(np.array([0.0, 1.0]), 2.0), [0.5, 0.5])
    np.testing.assert_allclose(taut_string(np.array([1.0, 3.0, 2.0]), 0.0), [1.0, 3.0, 2.0])


@pytest.mark.parametrize(
    ("weight", "upright"), [(0.02, False), (0.2, False), (0.2, True), (1.0, False)]
)
def test_in_one_dimension_it_is_the_taut_string(weight: float, upright: bool) -> None:
    rng = np.random.default_rng(7)
    y = np.repeat(rng.uniform(size=6), 8) + 0.1 * rng.normal(size=48)
    exact = torch.from_numpy(taut_string(y, weight))
    shape = (1, 48, 1) if upright else (1, 1, 48)
    found = last(torch.from_numpy(y).reshape(1, *shape), Identity(shape), weight, 20_000)
    torch.testing.assert_close(found.flatten(), exact, atol=5e-4, rtol=0)


def test_the_gradient_and_its_transpose() -> None:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(1, 3, 9, 11, dtype=torch.float64, generator=rng)
    p = torch.randn(1, 3, 2, 9, 11, dtype=torch.float64, generator=rng)
    assert inner(gradient(x), p) == pytest.approx(inner(x, gradient_adjoint(p)), rel=1e-12)
    # An edge of height h in all three colors counts once, with length sqrt(3) h.
    step = torch.zeros(1, 3, 4, 6)
    step[..., 3:] = 0.5
    assert total_variation_of(step) == pytest.approx(4 * 0.5 * math.sqrt(3))


def damages(size: int) -> dict[str, LinearOperator]:
    shape = (3, size, size)
    return {
        "noise": Identity(shape),
        "periodic blur": GaussianBlur(shape, 1.2),
        "padded blur": GaussianBlur(shape, 1.2, "padded"),
        "missing": Mask(random_mask((size, size), 0.5, torch.Generator().manual_seed(0)), 3),
        "low resolution": Downsample(shape, 2),
        "lost color": Grayscale(shape),
    }


@pytest.mark.parametrize("name", list(damages(16)))
def test_a_constant_picture_is_a_fixed_point(name: str) -> None:
    A = damages(16)[name]
    gray = torch.full((1, *A.shape_in), 0.4)
    y = A(gray)
    system = TotalVariation(y, A, 0.05)
    at = system.start(gray)
    for _ in range(20):
        at = system.step(at)
    torch.testing.assert_close(at.x, gray, atol=1e-5, rtol=0)
    value, gap = system.gap(at)
    assert value < 1e-6
    assert gap < 1e-3


def noisy(A: LinearOperator, sigma: float) -> Tensor:
    rng = torch.Generator().manual_seed(2)
    height, width = A.shape_in[1:]
    x = torch.full((1, *A.shape_in), 0.2, dtype=torch.float64)
    x[..., height // 4 : height // 2, width // 3 :] = 0.8
    x[:, 0, height // 2 :, : width // 2] = 0.5
    y = A(x)
    y = y + sigma * torch.randn(y.shape, generator=rng, dtype=y.dtype)
    return A(y) if isinstance(A, Mask) else y


@pytest.mark.parametrize("name", list(damages(16)))
def test_the_gap_bounds_the_objective_and_vanishes(name: str) -> None:
    A = damages(16)[name]
    y = noisy(A, 0.05)
    system = TotalVariation(y, A, 0.02)
    at = system.start()
    seen = []
    for k in range(1200):
        at = system.step(at)
        if k % 20 == 19:
            seen.append(system.gap(at))
    best = system.primal(at.x)
    assert all(value - best <= gap + 1e-9 for value, gap in seen)
    shares = [gap / value for value, gap in seen]
    assert shares[-1] < 0.02
    assert shares[-1] < 0.1 * shares[0]


def test_for_denoising_the_gap_bounds_the_distance_to_the_solution() -> None:
    A = Identity((3, 16, 16))
    y = noisy(A, 0.1)
    solution = last(y, A, 0.1, 5000)
    system = TotalVariation(y, A, 0.1)
    at = system.start()
    gaps = []
    for _ in range(300):
        at = system.step(at)
        gaps.append(system.gap(at)[1])
        assert 0.5 * float((at.x - solution).square().sum()) <= gaps[-1] + 1e-9
    assert gaps[-1] < 1e-3 * gaps[0]


def test_every_reach_ends_at_the_same_objective() -> None:
    A = damages(16)["padded blur"]
    y = noisy(A, 0.02)
    found = []
    for reach in (0.02, 0.2):
        system = TotalVariation(y, A, 0.003, reach)
        at = system.start()
        for _ in range(3000):
            at = system.step(at)
        found.append(system.primal(at.x))
    assert found[0] == pytest.approx(found[1], rel=1e-3)


def test_a_weight_of_zero_is_refused() -> None:
    A = Identity((3, 8, 8))
    with pytest.raises(ValueError, match="must be above 0"):
        TotalVariation(torch.zeros(1, 3, 8, 8), A, 0.0)
