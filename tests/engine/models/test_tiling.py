import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from engine.models.tiling import starts, tiled


@given(st.integers(1, 300), st.integers(33, 80), st.integers(0, 16))
def test_tiles_cover_everything_and_stay_inside(length: int, tile: int, overlap: int) -> None:
    covered = set()
    for start in starts(length, tile, overlap):
        assert start >= 0
        end = min(start + tile, length)
        assert end <= length
        covered |= set(range(start, end))
    assert covered == set(range(length))


@given(st.integers(1, 90), st.integers(1, 90))
def test_a_pointwise_function_is_unchanged(height: int, width: int) -> None:
    x = torch.rand(1, 2, height, width, dtype=torch.float64)
    torch.testing.assert_close(tiled(lambda t: 2 * t + 1, x, 40, 8), 2 * x + 1)


def test_a_local_function_has_no_seams() -> None:
    kernel = torch.rand(1, 1, 5, 5, dtype=torch.float64)

    def blur(t: torch.Tensor) -> torch.Tensor:
        return F.conv2d(F.pad(t, (2, 2, 2, 2), mode="replicate"), kernel)

    x = torch.rand(1, 1, 150, 97, dtype=torch.float64)
    error = (tiled(blur, x, 64, 24) - blur(x)).abs()
    # A tile's outermost two pixels differ; their weight in the blend is at most 2/25.
    assert error.max() < 0.1 * blur(x).abs().max()
    assert (error < 1e-12).double().mean() > 0.8


def test_a_small_picture_is_one_tile() -> None:
    calls = []
    tiled(lambda t: (calls.append(t.shape), t)[1], torch.rand(1, 1, 64, 64), 64, 8)
    assert calls == [(1, 1, 64, 64)]


def test_an_overlap_that_leaves_no_middle_is_refused() -> None:
    with pytest.raises(ValueError, match="more than twice"):
        tiled(lambda t: t, torch.rand(1, 1, 9, 9), 16, 8)
