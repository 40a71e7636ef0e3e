"""The cosine transform against SciPy, mirrored borders against NumPy, the linear solver."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
import torch

from engine.operators import conjugate_gradients
from engine.operators.table import Table
from engine.operators.transforms import dct2, fast_length, idct2, mirror


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 3), (7, 8), (16, 5), (31, 33)])
def test_dct(size: tuple[int, int]) -> None:
    x = torch.rand(2, 3, *size, dtype=torch.float64)
    expected = scipy.fft.dctn(x.numpy(), axes=(-2, -1), norm="ortho")
    torch.testing.assert_close(dct2(x), torch.from_numpy(expected))
    torch.testing.assert_close(idct2(dct2(x)), x)
    torch.testing.assert_close(idct2(dct2(x.float())), x.float())


def test_dct_is_differentiable() -> None:
    x = torch.rand(1, 1, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(dct2, x)
    assert torch.autograd.gradcheck(idct2, x)


@pytest.mark.parametrize("border", [(0, 0), (2, 1), (0, 3), (9, 14)])
def test_mirror_repeats_the_edge_at_any_width(border: tuple[int, int]) -> None:
    x = torch.rand(2, 3, 4, 5)
    expected = np.pad(x.numpy(), ((0, 0), (0, 0), *((b, b) for b in border)), mode="symmetric")
    assert np.array_equal(mirror(x, *border).numpy(), expected)


def test_fast_length_has_small_factors() -> None:
    for length in range(1, 700):
        assert fast_length(length) == scipy.fft.next_fast_len(length, real=True)


def test_table_follows_number_type() -> None:
    table = Table(torch.tensor([1 / 3], dtype=torch.float64))
    assert table.like(torch.zeros(1)).dtype is torch.float32
    assert table.like(torch.zeros(1, dtype=torch.complex64)).dtype is torch.float32
    assert table.like(torch.zeros(1, dtype=torch.float64)) is table.values
    with pytest.raises(TypeError, match="float32"):
        table.like(torch.zeros(1, dtype=torch.int64))


def test_conjugate_gradients_solve_each_picture_by_itself() -> None:
    rng = torch.Generator().manual_seed(0)
    factor = torch.rand(6, 6, generator=rng, dtype=torch.float64)
    matrix = factor @ factor.T + 0.1 * torch.eye(6, dtype=torch.float64)
    b = torch.rand(3, 1, 2, 3, generator=rng, dtype=torch.float64)
    b[1] = 0
    b[2] *= 1e-8

    def normal(x: torch.Tensor) -> torch.Tensor:
        return (x.flatten(1) @ matrix).reshape(x.shape)

    for precondition in (None, lambda r: r / 2):
        x = conjugate_gradients(
            normal, b, torch.zeros_like(b), tol=1e-12, precondition=precondition
        )
        expected = torch.linalg.solve(matrix, b.flatten(1).T).T.reshape(b.shape)
        torch.testing.assert_close(x, expected, rtol=1e-8, atol=0)
