"""Mutual information against closed forms, quadrature and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.feature_selection import mutual_info_classif
from sklearn.metrics import mutual_info_score

from engine.method import BadInput
from engine.traversal.metrics.information import binned, entropy, ksg, nmi, plug_in, ross
from engine.traversal.metrics.samples import Floats, Ints, labeled, split


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def labels(n: int, values: int, seed: int = 0) -> Ints:
    return rng(seed).integers(values, size=n)


# By counting.


def test_entropy_and_information_of_a_known_table() -> None:
    # Eight equally frequent pairs: a has 1 and 2 bits, b tells one of them.
    a = np.repeat([0, 1, 2, 3], 2)
    b = np.repeat([7, 9], 4)
    assert entropy(a) == pytest.approx(math.log(4))
    assert plug_in(a, b) == pytest.approx(math.log(2))
    assert plug_in(a, a) == pytest.approx(entropy(a))
    assert plug_in(a, np.tile([0, 1], 4)) == pytest.approx(0.0, abs=1e-12)


def test_counting_is_scikit_learns_and_symmetric() -> None:
    a = labels(500, 7)
    b = (a + labels(500, 3, seed=1)) % 5
    assert plug_in(a, b) == pytest.approx(mutual_info_score(a, b), abs=1e-12)
    assert plug_in(a, b) == pytest.approx(plug_in(b, a), abs=1e-12)


def test_counting_is_too_large_by_the_known_amount() -> None:
    told = [plug_in(labels(2000, 10, seed), labels(2000, 20, 100 + seed)) for seed in range(30)]
    assert np.mean(told) == pytest.approx(9 * 19 / 4000, rel=0.05)


def test_bins_are_equal_parts_of_the_range() -> None:
    values = np.array([0.0, 0.99, 1.0, 5.5, 9.99, 10.0])
    assert binned(values, 10).tolist() == [0, 0, 1, 5, 9, 9]
    assert set(binned(np.full(4, 3.0))) == {binned(np.full(4, 3.0))[0]}


# From the distances of neighbors.


@pytest.mark.parametrize("rho", [0.0, 0.3, -0.6, 0.9, 0.99])
def test_two_gaussians_have_the_information_of_their_correlation(rho: float) -> None:
    n = 4000
    x, e = rng(3).normal(size=(2, n))
    y = rho * x + math.sqrt(1 - rho**2) * e
    exact = -0.5 * math.log(1 - rho**2)
    assert ksg(x, y) == pytest.approx(exact, abs=0.05)
    # What these very samples say of the true densities: free of most of the chance in them.
    spread = math.sqrt(1 - rho**2)
    sampled = np.mean(norm.logpdf(y, rho * x, spread) - norm.logpdf(y))
    assert ksg(x, y) == pytest.approx(sampled, abs=0.02)


def test_information_does_not_depend_on_units_or_on_the_order_of_samples() -> None:
    x, e = rng().normal(size=(2, 1000))
    y = x + e
    told = ksg(x, y)
    assert ksg(1e-6 * x + 5, -1e4 * y) == pytest.approx(told, abs=1e-3)
    assert ksg(x[::-1], y[::-1]) == pytest.approx(told, abs=1e-6)
    assert ksg(y, x) == pytest.approx(told, abs=1e-6)


def mixture(n: int, apart: float, seed: int = 0) -> tuple[Ints, Floats, float]:
    """Three labels, unit Gaussians around ``apart`` times the label, their exact information."""
    which = labels(n, 3, seed)
    y = apart * which + rng(seed + 1).normal(size=n)

    def density(t: float) -> float:
        return float(norm.pdf(t - apart * np.arange(3)).mean())

    ends = (-12.0, 12.0 + 2 * apart)
    of_y = quad(lambda t: -density(t) * math.log(density(t) + 1e-300), *ends, limit=200)[0]
    return which, y, of_y - 0.5 * math.log(2 * math.pi * math.e)


@pytest.mark.parametrize("apart", [0.0, 1.0, 3.0, 10.0])
def test_labels_and_a_mixture_have_the_information_of_quadrature(apart: float) -> None:
    which, y, exact = mixture(6000, apart)
    assert ross(which, y) == pytest.approx(exact, abs=0.025)
    assert exact == pytest.approx({0.0: 0.0, 10.0: math.log(3)}.get(apart, exact), abs=1e-5)


@pytest.mark.parametrize("neighbors", [1, 3, 10])
def test_the_estimate_for_labels_is_scikit_learns(neighbors: int) -> None:
    which, y, _ = mixture(700, 1.5)
    which[:3] = [8, 9, 9]
    expected = mutual_info_classif(
        y[:, None], which, discrete_features=False, n_neighbors=neighbors, random_state=0
    )
    # A neighbor at the very radius may be rounded in or out: a count or two of 700.
    assert ross(which, y, neighbors) == pytest.approx(expected[0], abs=5e-5)


def test_equal_values_have_an_answer() -> None:
    which = labels(3000, 6)
    assert ross(which, which / 7) == pytest.approx(entropy(which), abs=0.02)
    assert ross(which, np.zeros(3000)) == 0.0
    assert ksg(which / 7, which * 2.0) > 0.9 * entropy(which)


def test_shares_of_the_entropy() -> None:
    f = torch.from_numpy(np.stack([labels(4000, 4), labels(4000, 8, seed=1)], 1))
    # The first code tells half of the bits of the first factor, the second all of the second.
    z = torch.stack([f[:, 0] // 2, f[:, 1], torch.zeros(4000, dtype=torch.int64)], 1).double()
    expected = np.array([[0.5, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert np.allclose(nmi(f, z, discrete=True), expected, atol=0.005)
    assert np.allclose(nmi(f, z), expected, atol=0.02)


def test_what_cannot_be_estimated_is_refused() -> None:
    with pytest.raises(BadInput, match=r"neighbors are 9; they must be 1 to 8"):
        ksg(np.arange(9.0), np.arange(9.0), 9)
    with pytest.raises(BadInput, match=r"number 1 has 600 values; a discrete code has 512"):
        labeled(np.stack([np.zeros(600), np.arange(600.0)], 1))
    with pytest.raises(BadInput, match=r"samples are 2"):
        split(2, (10, 5))


def test_samples_are_split_in_two_to_one_or_to_the_sizes_asked_for() -> None:
    assert split(9, (100, 100)) == (slice(6), slice(6, 9))
    assert split(3000, (2000, 1000)) == (slice(2000), slice(2000, 3000))
    assert split(9000, (2000, 1000)) == (slice(2000), slice(2000, 3000))
