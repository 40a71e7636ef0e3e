"""What every forward operator must keep. A new operator inherits all of it by one registry line."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import engine.operators
from engine.operators import (
    Convolution,
    Downsample,
    GaussianBlur,
    Grayscale,
    Identity,
    LinearOperator,
    Mask,
    MotionBlur,
    inner,
    random_mask,
)

Make = Callable[[], LinearOperator]


def lopsided_kernel() -> Tensor:
    """No symmetry and no unit sum, so a flip or a lost scale shows."""
    rng = torch.Generator().manual_seed(5)
    return torch.rand(3, 5, generator=rng, dtype=torch.float64) - 0.2


def some_mask(*size: int) -> Tensor:
    return random_mask((size[-2], size[-1]), 0.4, torch.Generator().manual_seed(3))


def channel_mask(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(4)) < 0.6


#: At least two cases per class: odd and even sizes, one and three channels.
CASES: dict[str, Make] = {
    "identity": lambda: Identity((3, 7, 10)),
    "identity-gray": lambda: Identity((1, 5, 4)),
    "convolution": lambda: Convolution((3, 9, 10), lopsided_kernel()),
    "convolution-larger-than-picture": lambda: Convolution((1, 2, 3), lopsided_kernel()),
    "convolution-padded": lambda: Convolution((3, 9, 10), lopsided_kernel(), "padded"),
    "convolution-padded-small": lambda: Convolution((1, 1, 3), lopsided_kernel(), "padded"),
    "gaussian": lambda: GaussianBlur((3, 11, 8), 0.8),
    "gaussian-none": lambda: GaussianBlur((1, 6, 5), 0.0),
    "gaussian-padded": lambda: GaussianBlur((1, 9, 12), 1.3, "padded"),
    "motion": lambda: MotionBlur((1, 9, 12), 5.5, 0.6),
    "motion-padded": lambda: MotionBlur((3, 7, 9), 4.0, -2.2, "padded"),
    "mask": lambda: Mask(some_mask(7, 9)),
    "mask-per-channel": lambda: Mask(channel_mask(3, 6, 5)),
    "downsample-2": lambda: Downsample((3, 8, 10), 2),
    "downsample-3": lambda: Downsample((1, 9, 15), 3),
    "downsample-4": lambda: Downsample((3, 4, 12), 4),
    "downsample-2-average": lambda: Downsample((1, 6, 2), 2, "average"),
    "downsample-3-average": lambda: Downsample((3, 3, 9), 3, "average"),
    "grayscale": lambda: Grayscale((3, 7, 6)),
    "grayscale-mean": lambda: Grayscale((3, 2, 5), (1 / 3, 1 / 3, 1 / 3)),
}
DIAGONAL = [name for name, make in CASES.items() if make().svd is not None]

every = pytest.mark.parametrize("name", CASES)
diagonal = pytest.mark.parametrize("name", DIAGONAL)
both = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["f32", "f64"])


def draw(operator: LinearOperator, dtype: torch.dtype, batch: int = 2) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(11)
    x = torch.randn(batch, *operator.shape_in, dtype=dtype, generator=rng)
    y = torch.randn(batch, *operator.shape_out, dtype=dtype, generator=rng)
    return x, y


def dense(operator: LinearOperator) -> Tensor:
    """The matrix of the operator, ``(outputs, inputs)`` in float64."""
    count = torch.Size(operator.shape_in).numel()
    basis = torch.eye(count, dtype=torch.float64).reshape(count, *operator.shape_in)
    return operator(basis).reshape(count, -1).T


def operator_classes() -> set[type[LinearOperator]]:
    for module in pkgutil.iter_modules(engine.operators.__path__):
        importlib.import_module(f"engine.operators.{module.name}")
    found: set[type[LinearOperator]] = set()
    fresh = [LinearOperator]
    while fresh:
        below = [c for c in fresh.pop().__subclasses__() if c.__module__.startswith("engine.")]
        found.update(below)
        fresh.extend(below)
    return found


def test_every_operator_is_in_the_registry() -> None:
    covered = {type(make()) for make in CASES.values()}
    assert operator_classes() - covered == set()


@every
def test_gram_is_the_adjoint_of_the_measurement(name: str) -> None:
    operator = CASES[name]()
    x, _ = draw(operator, torch.float64)
    torch.testing.assert_close(operator.gram(x), operator.adjoint(operator(x)))


@every
@both
def test_adjoint(name: str, dtype: torch.dtype) -> None:
    operator = CASES[name]()
    tolerance = 1e-5 if dtype is torch.float32 else 1e-13
    for x, y in (draw(operator, dtype), tuple(t.abs() for t in draw(operator, dtype))):
        ax, aty = operator(x), operator.adjoint(y)
        assert ax.shape == y.shape
        assert aty.shape == x.shape
        assert ax.dtype == aty.dtype == dtype
        scale = float(ax.double().norm() * y.double().norm())
        assert abs(inner(ax, y) - inner(x, aty)) <= tolerance * scale


@pytest.mark.parametrize("shape", [(3, 61, 90), (1, 64, 47), (3, 96, 96)])
def test_adjoint_relative_to_the_product_itself(shape: tuple[int, int, int]) -> None:
    channels, height, width = shape
    operators: list[LinearOperator] = [
        Identity(shape),
        GaussianBlur(shape, 1.6),
        GaussianBlur(shape, 1.6, "padded"),
        MotionBlur(shape, 15, 0.4, "padded"),
        Mask(some_mask(height, width), channels),
        *(Downsample((channels, height // f * f, width // f * f), f) for f in (2, 3, 4)),
        *([Grayscale(shape)] if channels == 3 else []),
    ]
    rng = torch.Generator().manual_seed(0)
    for operator in operators:
        # Positive, as pictures are: the product is then far from zero.
        x = torch.rand(2, *operator.shape_in, generator=rng)
        y = torch.rand(2, *operator.shape_out, generator=rng)
        left, right = inner(operator(x), y), inner(x, operator.adjoint(y))
        assert abs(left - right) <= 1e-5 * abs(left)


@every
def test_adjoint_is_the_one_autograd_finds(name: str) -> None:
    operator = CASES[name]()
    x, y = draw(operator, torch.float64)
    x.requires_grad_(True)
    (gradient,) = torch.autograd.grad((operator(x) * y).sum(), x)
    torch.testing.assert_close(operator.adjoint(y), gradient, rtol=1e-12, atol=1e-12)


@every
def test_norm_is_a_bound(name: str) -> None:
    operator = CASES[name]()
    largest = float(torch.linalg.matrix_norm(dense(operator), 2))
    assert largest <= operator.norm * (1 + 1e-12)
    x, _ = draw(operator, torch.float64, batch=1)
    for _ in range(30):
        x = operator.adjoint(operator(x / x.norm()))
    assert float(x.norm()) <= operator.norm**2 * (1 + 1e-12)
    if operator.svd is not None:
        assert largest == pytest.approx(operator.norm, rel=1e-10)


@diagonal
def test_svd_is_the_operator(name: str) -> None:
    operator = CASES[name]()
    svd = operator.svd
    assert svd is not None
    x, y = draw(operator, torch.float64)
    s = svd.singular.like(x)
    assert bool((s >= 0).all())
    torch.testing.assert_close(svd.u(s * svd.vh(x)), operator(x))
    torch.testing.assert_close(svd.v(s * svd.uh(y)), operator.adjoint(y))
    # Orthonormal rows: going there and back again changes nothing.
    torch.testing.assert_close(svd.vh(svd.v(svd.vh(x))), svd.vh(x))
    torch.testing.assert_close(svd.u(svd.uh(y)), y)
    weight = 1.0 if svd.weight is None else svd.weight.like(y)
    squares = (weight * svd.uh(y)).abs().square().sum((1, 2, 3))
    torch.testing.assert_close(squares, y.square().sum((1, 2, 3)))


@diagonal
def test_singular_values_are_those_of_the_matrix(name: str) -> None:
    operator = CASES[name]()
    assert operator.svd is not None
    if isinstance(operator, Convolution):
        values = operator.spectrum.abs().expand(operator.shape_in)
    else:
        x, _ = draw(operator, torch.float64, batch=1)
        values = operator.svd.singular.values.double().expand(operator.svd.vh(x).shape[1:])
    found = values.flatten().sort(descending=True).values
    expected = torch.linalg.svdvals(dense(operator))
    torch.testing.assert_close(found, expected[: len(found)], rtol=1e-10, atol=1e-10)


@diagonal
def test_pinv_is_moore_penrose(name: str) -> None:
    operator = CASES[name]()
    matrix = dense(operator)
    _, y = draw(operator, torch.float64)
    expected = (y.flatten(1) @ torch.linalg.pinv(matrix).T).reshape(2, *operator.shape_in)
    torch.testing.assert_close(operator.pinv(y), expected, rtol=1e-7, atol=1e-9)


@diagonal
@both
def test_pinv_identities(name: str, dtype: torch.dtype) -> None:
    operator = CASES[name]()
    x, y = draw(operator, dtype)
    tolerance = {"rtol": 1e-3, "atol": 1e-4} if dtype is torch.float32 else {}
    torch.testing.assert_close(operator(operator.pinv(operator(x))), operator(x), **tolerance)
    back = operator.pinv(y)
    torch.testing.assert_close(operator.pinv(operator(back)), back, **tolerance)


@every
@pytest.mark.parametrize("epsilon", [1e-3, 0.5])
def test_damped_pinv_against_the_matrix(name: str, epsilon: float) -> None:
    operator = CASES[name]()
    matrix = dense(operator)
    _, y = draw(operator, torch.float64)
    damped = matrix @ matrix.T + epsilon * torch.eye(len(matrix), dtype=torch.float64)
    expected = torch.linalg.solve(damped, y.flatten(1).T).T @ matrix
    torch.testing.assert_close(operator.pinv(y, epsilon).flatten(1), expected, rtol=1e-7, atol=1e-8)


@every
@pytest.mark.parametrize("rho", [1e-3, 0.2, 30.0])
def test_prox_against_the_matrix(name: str, rho: float) -> None:
    operator = CASES[name]()
    matrix = dense(operator)
    z, y = draw(operator, torch.float64)
    normal = matrix.T @ matrix + rho * torch.eye(matrix.shape[1], dtype=torch.float64)
    right = y.flatten(1) @ matrix + rho * z.flatten(1)
    expected = torch.linalg.solve(normal, right.T).T
    torch.testing.assert_close(operator.prox(y, z, rho).flatten(1), expected, rtol=1e-7, atol=1e-7)


@every
@pytest.mark.parametrize("rho", [1e-2, 1.0])
def test_prox_has_no_gradient_left_in_float32(name: str, rho: float) -> None:
    operator = CASES[name]()
    z, y = draw(operator, torch.float32)
    x = operator.prox(y, z, rho)
    assert x.dtype == torch.float32
    gradient = operator.adjoint(operator(x) - y) + rho * (x - z)
    assert float(gradient.norm()) <= 3e-5 * float(operator.adjoint(y).norm() + rho * z.norm())


@every
def test_prox_with_a_huge_rho_stays_where_it_was(name: str) -> None:
    operator = CASES[name]()
    z, y = draw(operator, torch.float32)
    torch.testing.assert_close(operator.prox(y, z, 1e9), z, rtol=1e-6, atol=1e-6)


@every
def test_a_picture_does_not_depend_on_its_batch(name: str) -> None:
    operator = CASES[name]()
    z, y = draw(operator, torch.float32)
    y[1] *= 1e-3
    together = operator.prox(y, z, 0.05)
    alone = torch.cat([operator.prox(y[i : i + 1], z[i : i + 1], 0.05) for i in range(2)])
    torch.testing.assert_close(together, alone, rtol=1e-6, atol=1e-6)


@every
def test_twice_gives_equal_bits_and_leaves_no_mode_open(name: str) -> None:
    operator, again = CASES[name](), CASES[name]()
    x, y = draw(operator, torch.float32)
    assert torch.equal(operator(x), again(x))
    assert torch.equal(operator.adjoint(y), again.adjoint(y))
    assert torch.equal(operator.prox(y, x, 0.1), again.prox(y, x, 0.1))
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() is torch.float32


@every
def test_extend_and_crop_undo_each_other(name: str) -> None:
    operator = CASES[name]()
    picture = torch.rand(2, *operator.shape_picture)
    extended = operator.extend(picture)
    assert tuple(extended.shape[1:]) == operator.shape_in
    assert torch.equal(operator.crop(extended), picture)
