"""What the data side of a step says, against the operator applied plainly, in float64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from engine.operators import (
    Downsample,
    GaussianBlur,
    Grayscale,
    Identity,
    LinearOperator,
    Mask,
    MotionBlur,
)
from engine.restoration.data_step import DataStep, sum_of_squares

Make = Callable[[int, int], LinearOperator]
BATCH, RHO = 3, 0.3
SIZES = [(1, 1), (1, 7), (9, 1), (9, 13), (8, 6)]


def _holes(height: int, width: int) -> Mask:
    pixels = torch.arange(height * width).reshape(height, width)
    return Mask((pixels % 3 != 1).double())


OPERATORS: dict[str, Make] = {
    "periodic blur": lambda h, w: GaussianBlur((3, h, w), 0.8),
    "periodic shake": lambda h, w: MotionBlur((3, h, w), 3.0, 0.6),
    "padded blur": lambda h, w: GaussianBlur((3, h, w), 0.8, "padded"),
    "padded shake": lambda h, w: MotionBlur((3, h, w), 3.0, 0.6, "padded"),
    "noise": lambda h, w: Identity((3, h, w)),
    "holes": _holes,
    "lost color": lambda h, w: Grayscale((3, h, w)),
    "half as large": lambda h, w: Downsample((3, 2 * h, 2 * w), 2),
    "a third as large": lambda h, w: Downsample((3, 3 * h, 3 * w), 3, "average"),
}
each = pytest.mark.parametrize("make", OPERATORS.values(), ids=OPERATORS)
sized = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


def drawn(A: LinearOperator) -> tuple[Tensor, Tensor]:
    """A picture that is looked at, and a measurement that is not of it; (B, C, H, W) float32."""
    rng = torch.Generator().manual_seed(4)
    x = torch.rand(BATCH, *A.shape_in, generator=rng)
    return x, torch.rand(BATCH, *A.shape_out, generator=rng)


def told(A: LinearOperator, x: Tensor, y: Tensor) -> tuple[Tensor, float]:
    """``A^T (A x - y)`` and ``||A x - y||^2`` as they are defined."""
    apart = A(x.double()) - y.double()
    return A.adjoint(apart), float(apart.square().sum())


@each
@sized
def test_the_slope_is_that_of_the_plain_operator(make: Make, size: tuple[int, int]) -> None:
    A = make(*size)
    x, y = drawn(A)
    kept = x.clone(), y.clone()
    slope, squares = DataStep(A, y).slope(x)
    assert slope.dtype == torch.float32
    assert slope.shape == x.shape
    expected, whole = told(A, x, y)
    torch.testing.assert_close(slope.double(), expected, rtol=1e-5, atol=3e-6)
    assert squares == pytest.approx(whole, rel=1e-5)
    # Both are the caller's, and looked at again.
    assert torch.equal(x, kept[0])
    assert torch.equal(y, kept[1])


@each
@sized
def test_a_step_is_judged_by_what_the_plain_operator_leaves(
    make: Make, size: tuple[int, int]
) -> None:
    A = make(*size)
    z, y = drawn(A)
    start = z.flip(0).contiguous()
    kept = z.clone(), y.clone(), start.clone()
    x, squares = DataStep(A, y).judged(z, RHO, start=start, tol=1e-6)
    assert x.dtype == torch.float32
    assert x.shape == z.shape
    slope, whole = told(A, x, y)
    # At the minimizer the two pulls hold each other.
    torch.testing.assert_close(slope, RHO * (z - x).double(), rtol=1e-4, atol=1e-5)
    assert squares == pytest.approx(whole, rel=1e-4, abs=1e-6)
    for given, before in zip((z, y, start), kept, strict=True):
        assert torch.equal(given, before)


@each
def test_pictures_of_a_batch_do_not_touch_each_other(make: Make) -> None:
    A = make(9, 13)
    x, y = drawn(A)
    whole, single = DataStep(A, y), [DataStep(A, one[None]) for one in y]
    slope, squares = whole.slope(x)
    apart = [step.slope(one[None]) for step, one in zip(single, x, strict=True)]
    torch.testing.assert_close(slope, torch.cat([s for s, _ in apart]), rtol=1e-5, atol=1e-6)
    assert squares == pytest.approx(sum(part for _, part in apart), rel=1e-5)
    step, misfit = whole.judged(x, RHO, tol=1e-6)
    apart = [one.judged(z[None], RHO, tol=1e-6) for one, z in zip(single, x, strict=True)]
    torch.testing.assert_close(step, torch.cat([s for s, _ in apart]), rtol=1e-4, atol=1e-5)
    assert misfit == pytest.approx(sum(part for _, part in apart), rel=1e-4)


def test_only_a_blur_with_real_borders_has_no_quick_basis() -> None:
    """So that the tests above are of both ways."""
    slow = {name for name, make in OPERATORS.items() if make(9, 13).svd is None}
    assert slow == {"padded blur", "padded shake"}


def test_squares_are_summed_in_double_precision() -> None:
    # In single precision the small ones drown beside the large one.
    x = torch.full((1 << 16,), 2.0**-12)
    x[0] = 64.0
    assert sum_of_squares(x) == pytest.approx(4096.0 + (2**16 - 1) * 2.0**-24, rel=1e-12)
    assert sum_of_squares(torch.tensor([3.0 + 4.0j])) == pytest.approx(25.0)
