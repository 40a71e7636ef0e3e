"""Potentials: their hand-written gradient, convexity, constraints, and every size of picture."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.nets.lpn import ConvexLine, ConvexPicture, Potential

CASES = {
    "line": (lambda: ConvexLine(alpha=0.1), (4, 1)),
    "vector": (lambda: ConvexLine(inputs=5, width=12, hidden=2), (4, 5)),
    "digits": (lambda: ConvexPicture(1, 6, size=8), (2, 1, 8, 8)),
    "even": (lambda: ConvexPicture(3, 5, beta=30.0, center=0.5), (2, 3, 4, 8)),
    "odd": (lambda: ConvexPicture(3, 5, beta=30.0, center=0.5, alpha=1e-3), (2, 3, 5, 7)),
    "deep": (lambda: ConvexPicture(2, 4, strides=(2, 1, 2, 1)), (1, 2, 7, 6)),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[Potential, Tensor]:
    make, shape = CASES[request.param]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = make().double()
        # Larger weights than a fresh network has: curvature that matters.
        with torch.no_grad():
            for weights in network.constrained():
                weights.mul_(1.0 + torch.rand_like(weights))
        return network, torch.randn(shape, dtype=torch.float64)


def hessian_times(network: Potential, y: Tensor, v: Tensor) -> Tensor:
    y = y.clone().requires_grad_()
    (product,) = torch.autograd.grad((network(y) * v).sum(), y)
    return product


def test_the_gradient_is_the_gradient(case: tuple[Potential, Tensor]) -> None:
    network, y = case
    y = y.clone().requires_grad_()
    f, psi = network.evaluate(y)
    (expected,) = torch.autograd.grad(psi.sum(), y)
    assert torch.allclose(f, expected, rtol=0, atol=1e-7)
    assert float(f.detach().abs().max()) > 1e-3


def test_it_needs_no_autograd(case: tuple[Potential, Tensor]) -> None:
    network, y = case
    with torch.inference_mode():
        inside = network(y)
    assert torch.equal(inside, network(y).detach())


def test_the_hessian_is_symmetric(case: tuple[Potential, Tensor]) -> None:
    network, y = case
    rng = torch.Generator().manual_seed(1)
    v, w = (torch.randn(y.shape, generator=rng, dtype=y.dtype) for _ in range(2))
    left, right = (v * hessian_times(network, y, w)).sum(), (w * hessian_times(network, y, v)).sum()
    assert float(left) == pytest.approx(float(right), rel=1e-9)


def test_the_hessian_has_no_negative_eigenvalue(case: tuple[Potential, Tensor]) -> None:
    network, y = case
    count = y[0].numel()
    unit = torch.eye(count, dtype=y.dtype).reshape(count, *y.shape[1:])
    hessian = hessian_times(network, y[:1].expand_as(unit), unit).flatten(1)
    values = torch.linalg.eigvalsh(0.5 * (hessian + hessian.mT))
    assert float(values.min()) >= -1e-10 * float(values.max())
    assert float(values.max()) > 0


def test_it_is_monotone_and_convex_between_points(case: tuple[Potential, Tensor]) -> None:
    network, y = case
    rng = torch.Generator().manual_seed(2)
    other = y + torch.randn(y.shape, generator=rng, dtype=y.dtype)
    with torch.no_grad():
        (f, psi), (g, phi) = network.evaluate(y), network.evaluate(other)
        middle = network.potential(0.5 * (y + other))
    assert bool((((f - g) * (y - other)).flatten(1).sum(1) >= 0).all())
    assert bool((middle <= 0.5 * (psi + phi) + 1e-12).all())


def test_projection_clamps_what_is_constrained_and_nothing_else() -> None:
    network = ConvexPicture(1, 4, size=8)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(-0.5)
    network.project()
    network.requires_grad_(False)
    assert all(float(weights.min()) == 0.0 for weights in network.constrained())
    assert float(network.layers[0].weight.max()) == -0.5
    assert float(network.layers[1].weight[:, network.width :].max()) == -0.5
    assert float(network.layers[1].weight[:, : network.width].min()) == 0.0


def test_the_border_of_an_even_ground_is_like_its_middle() -> None:
    """With filters that have no direction, mirroring makes every place alike."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = ConvexPicture(1, 6, strides=(1, 1, 1), beta=30.0).double()
    with torch.no_grad():
        for layer in network.layers:
            w = layer.weight
            w.copy_(0.25 * (w + w.flip(-1) + w.flip(-2) + w.flip(-1, -2)))
        f = network(torch.full((1, 1, 9, 9), 0.7, dtype=torch.float64))
    assert float(f.max() - f.min()) < 1e-12
    assert float(f.max()) > 0.01
