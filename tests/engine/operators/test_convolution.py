"""Blur against direct sums: circulant matrices, valid convolution, the shape of the kernels."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import conv2d

from engine.method import BadInput
from engine.operators import Convolution, GaussianBlur, MotionBlur, inner, transforms
from engine.operators.kernels import gaussian_kernel, motion_kernel


def uneven_kernel() -> torch.Tensor:
    return torch.rand(5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_periodic_is_the_circulant_matrix() -> None:
    height, width = 6, 7
    kernel = uneven_kernel()
    matrix = torch.zeros(height * width, height * width, dtype=torch.float64)
    for row in range(height):
        for column in range(width):
            for i in range(5):
                for j in range(3):
                    source = (row - (i - 2)) % height * width + (column - (j - 1)) % width
                    matrix[row * width + column, source] += kernel[i, j]
    operator = Convolution((1, height, width), kernel)
    x = torch.rand(1, 1, height, width, dtype=torch.float64)
    torch.testing.assert_close(operator(x).flatten(), matrix @ x.flatten())
    torch.testing.assert_close(operator.adjoint(x).flatten(), matrix.T @ x.flatten())
    eigenvalues = torch.linalg.eigvals(matrix).abs().sort().values
    torch.testing.assert_close(operator.spectrum.abs().flatten().sort().values, eigenvalues)


def test_padded_is_the_part_that_the_kernel_covers() -> None:
    kernel = uneven_kernel()
    operator = Convolution((3, 9, 8), kernel, "padded")
    assert operator.shape_in == (3, 13, 10)
    assert operator.shape_picture == operator.shape_out == (3, 9, 8)
    x = torch.rand(2, *operator.shape_in, dtype=torch.float64)
    # torch's convolution correlates; the flipped kernel makes it a convolution.
    weight = kernel.flip(0, 1).expand(3, 1, 5, 3)
    torch.testing.assert_close(operator(x), conv2d(x, weight, groups=3))


def test_padded_leaves_no_dark_or_wrapped_edge() -> None:
    operator = GaussianBlur((1, 20, 30), 2.0, "padded")
    flat = torch.full((1, 1, 20, 30), 0.7)
    torch.testing.assert_close(operator(operator.extend(flat)), flat)
    ramp = torch.linspace(0, 1, 30).expand(1, 1, 20, 30)
    blurred = operator(operator.extend(ramp))
    assert float(blurred[..., 0].max()) < 0.1
    assert float(blurred[..., -1].min()) > 0.9


def test_padded_restores_a_photograph_like_picture_up_to_its_edges() -> None:
    rng = torch.Generator().manual_seed(0)
    operator = GaussianBlur((3, 40, 50), 1.2, "padded")
    smooth = torch.rand(1, 3, *operator.shape_in[1:], generator=rng, dtype=torch.float64)
    truth = GaussianBlur(operator.shape_in, 1.5)(smooth)
    y = operator(truth)
    x = operator.prox(y, operator.extend(y), 1e-4)
    error = (operator.crop(x) - operator.crop(truth)).square().mean()
    assert error < 0.2 * (y - operator.crop(truth)).square().mean()


@pytest.mark.parametrize("boundary", ["periodic", "padded"])
def test_large_pictures_go_plane_by_plane_with_the_same_result(
    boundary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = Convolution((3, 12, 10), uneven_kernel(), boundary)  # type: ignore[arg-type]
    x = torch.rand(2, *operator.shape_in)
    y = torch.rand(2, *operator.shape_out)
    whole = operator(x), operator.adjoint(y), operator.prox(y, x, 0.1)
    monkeypatch.setattr(transforms, "PLANE_LIMIT", 1)
    planes = operator(x), operator.adjoint(y), operator.prox(y, x, 0.1)
    for a, b in zip(whole, planes, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_zero_singular_values_stay_out_of_the_pseudo_inverse() -> None:
    kernel = torch.ones(1, 3, dtype=torch.float64) / 3
    operator = Convolution((1, 4, 9), kernel)
    assert float(operator.spectrum.abs().min()) < 1e-12
    x = torch.rand(1, 1, 4, 9)
    back = operator.pinv(operator(x))
    assert bool(back.isfinite().all())
    assert float(back.abs().max()) < 10
    torch.testing.assert_close(operator(back), operator(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("kernel", "boundary"),
    [
        (torch.ones(2, 3), "periodic"),
        (torch.ones(3, 4), "padded"),
        (torch.ones(3), "padded"),
        (torch.ones(3, 3), "mirrored"),
    ],
)
def test_a_wrong_kernel_or_boundary_is_one_clear_line(kernel: torch.Tensor, boundary: str) -> None:
    with pytest.raises(BadInput, match="must be") as caught:
        Convolution((1, 8, 8), kernel, boundary)  # type: ignore[arg-type]
    assert caught.value.field in ("kernel", "boundary")
    assert "\n" not in str(caught.value)


def test_a_tensor_of_another_shape_or_type_is_refused() -> None:
    operator = GaussianBlur((3, 8, 8), 1.0, "padded")
    with pytest.raises(ValueError, match="expected"):
        operator(torch.zeros(1, 3, 8, 8))
    with pytest.raises(ValueError, match="expected"):
        operator.adjoint(torch.zeros(3, 8, 8))
    with pytest.raises(TypeError, match="float32 and float64"):
        operator.adjoint(torch.zeros(1, 3, 8, 8, dtype=torch.float16))


@pytest.mark.parametrize("sigma", [0.0, 0.3, 1.6, 7.0, 50.0])
def test_gaussian_kernel(sigma: float) -> None:
    kernel = gaussian_kernel(sigma)
    assert float(kernel.sum()) == pytest.approx(1)
    assert torch.equal(kernel, kernel.flip(0, 1))
    assert torch.equal(kernel, kernel.T)
    offset = torch.arange(kernel.shape[0], dtype=torch.float64) - kernel.shape[0] // 2
    spread = float((kernel.sum(0) * offset**2).sum())
    if sigma >= 1:
        assert spread == pytest.approx(sigma**2, rel=0.01)


@pytest.mark.parametrize("length", [1.0, 2.0, 5.0, 9.5, 40.0])
@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 135, 180, 270, -20])
def test_motion_kernel(length: float, degrees: float) -> None:
    kernel = motion_kernel(length, math.radians(degrees))
    rows, columns = kernel.shape
    assert rows % 2 == columns % 2 == 1
    assert float(kernel.sum()) == pytest.approx(1)
    assert float(kernel.min()) >= 0
    torch.testing.assert_close(kernel, kernel.flip(0, 1))
    assert max(rows, columns) <= length + 2
    # Half a turn is the same line.
    torch.testing.assert_close(kernel, motion_kernel(length, math.radians(degrees + 180)))


def test_motion_runs_along_its_angle() -> None:
    assert motion_kernel(7, 0).shape == (1, 7)
    assert motion_kernel(7, math.pi / 2).shape == (7, 1)
    assert motion_kernel(1, 1.1).shape == (1, 1)
    # Counter-clockwise: at 45 degrees the upper right corner is lit, the upper left is not.
    kernel = motion_kernel(9, math.pi / 4)
    assert kernel[1, -2] > 0.05
    assert kernel[1, 1] == 0


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: GaussianBlur((1, 8, 8), -1.0), "sigma"),
        (lambda: GaussianBlur((1, 8, 8), float("nan")), "sigma"),
        (lambda: GaussianBlur((1, 8, 8), 51.0), "sigma"),
        (lambda: MotionBlur((1, 8, 8), 0.5, 0.0), "length"),
        (lambda: MotionBlur((1, 8, 8), 1e9, 0.0), "length"),
        (lambda: MotionBlur((1, 8, 8), 5.0, float("inf")), "angle"),
    ],
)
def test_blur_out_of_range_names_the_field(make: object, field: str) -> None:
    with pytest.raises(BadInput, match="must be") as caught:
        make()  # type: ignore[operator]
    assert caught.value.field == field


def test_a_long_side_keeps_the_adjoint_exact_in_float32() -> None:
    # The length of a side is what could cost precision in a picture of 24 megapixels.
    operator = GaussianBlur((1, 16, 6001), 3.0, "padded")
    rng = torch.Generator().manual_seed(2)
    x = torch.rand(1, *operator.shape_in, generator=rng)
    y = torch.rand(1, *operator.shape_out, generator=rng)
    left, right = inner(operator(x), y), inner(x, operator.adjoint(y))
    assert abs(left - right) <= 1e-5 * left
