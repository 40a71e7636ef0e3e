"""What the shipped prior of digits thinks of digits that no training saw."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.models import zoo
from engine.models.lpn_recipes import digits
from engine.nets.lpn import Potential
from engine.restoration.learned_prox import LearnedProx
from engine.restoration.lpn_prior import Change, spoiled, value

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "mnist"
COUNT = 40
RISING = 0.95

pytestmark = pytest.mark.skipif(
    not (DATA / "mnist.npz").is_file() or not zoo.available("lpn-digits"),
    reason="the digits or their prior are not here",
)


@pytest.fixture(scope="module")
def prox() -> LearnedProx:
    network = zoo.network("lpn-digits")
    assert isinstance(network, Potential)
    return LearnedProx(network, sigma=zoo.card("lpn-digits").metrics["sigma"], channels=1)


@pytest.fixture(scope="module")
def clean() -> Tensor:
    return digits(DATA, "test")[:COUNT].float() / 255


def nats(prox: LearnedProx, x: Tensor) -> Tensor:
    values, residual, _ = value(prox, x, steps=120, tol=3e-3)
    assert float(residual.max()) < 0.01, "a value means nothing where the search did not arrive"
    return values


@pytest.mark.parametrize(("change", "amount"), [("noise", 0.2), ("blur", 2.0)])
def test_spoiled_digits_are_less_likely(
    prox: LearnedProx, clean: Tensor, change: Change, amount: float
) -> None:
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    start, half, end = (
        nats(prox, spoiled(clean, change, share * amount, noise)) for share in (0.0, 0.5, 1.0)
    )
    assert float((end > start).float().mean()) >= RISING
    assert float((end > half).float().mean()) >= RISING


def test_two_digits_in_one_are_less_likely_than_either(prox: LearnedProx, clean: Tensor) -> None:
    other = clean.flip(0)
    middle = nats(prox, torch.lerp(clean, other, 0.5))
    ends = 0.5 * (nats(prox, clean) + nats(prox, other))
    assert float((middle > ends).float().mean()) > 0.7


def test_one_prox_takes_noise_away(prox: LearnedProx, clean: Tensor) -> None:
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    given = clean + prox.sigma * noise
    before, after = ((x - clean).square().mean() for x in (given, prox(given)))
    assert float(after) < 0.2 * float(before)
