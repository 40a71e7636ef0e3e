"""Missing pixels, lost color and low resolution, against what they say they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch.nn.functional import avg_pool2d

from engine.method import BadInput
from engine.operators import (
    Downsample,
    Grayscale,
    Identity,
    Mask,
    divisible,
    painted_mask,
    random_mask,
    rectangle_mask,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    missing=st.floats(0, 0.95),
)
def test_random_mask_misses_exactly_the_fraction(height: int, width: int, missing: float) -> None:
    gone = round(missing * height * width)
    if gone == height * width:
        with pytest.raises(BadInput):
            random_mask((height, width), missing, seeded())
        return
    known = random_mask((height, width), missing, seeded())
    assert known.shape == (height, width)
    assert int((~known).sum()) == gone
    assert torch.equal(known, random_mask((height, width), missing, seeded()))


def test_another_seed_is_another_mask() -> None:
    assert not torch.equal(
        random_mask((20, 20), 0.5, seeded(1)), random_mask((20, 20), 0.5, seeded(2))
    )


def test_rectangle_mask() -> None:
    known = rectangle_mask((10, 20), (0.25, 0.1, 0.5, 0.6))
    expected = torch.ones(10, 20, dtype=torch.bool)
    expected[1:6, 5:10] = False
    assert torch.equal(known, expected)


@pytest.mark.parametrize(
    "box", [(0, 0, 1, 1), (0.5, 0, 0.5, 1), (0.6, 0, 0.4, 1), (-0.1, 0, 1, 1), (0, 0, 1.2, 0.5)]
)
def test_a_useless_rectangle_is_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(BadInput) as caught:
        rectangle_mask((10, 10), box)
    assert caught.value.field == "rectangle"


def test_painted_mask_comes_to_the_working_size() -> None:
    painted = torch.zeros(4, 4)
    painted[:2, :2] = 1
    known = painted_mask(painted, (8, 6))
    expected = torch.ones(8, 6, dtype=torch.bool)
    expected[:4, :3] = False
    assert torch.equal(known, expected)
    assert torch.equal(painted_mask(painted, (4, 4)), painted < 0.5)


@pytest.mark.parametrize(
    ("painted", "words"),
    [
        (torch.zeros(4, 4), "nothing painted"),
        (torch.ones(4, 4), "whole picture"),
        (torch.ones(0, 4), "must be a picture"),
        (torch.ones(4), "must be a picture"),
    ],
)
def test_a_useless_painting_is_refused(painted: torch.Tensor, words: str) -> None:
    with pytest.raises(BadInput, match=words) as caught:
        painted_mask(painted, (8, 8))
    assert caught.value.field == "mask"


def test_mask_keeps_known_pixels_to_the_last_bit() -> None:
    known = random_mask((6, 8), 0.5, seeded())
    operator = Mask(known)
    x = torch.rand(1, 3, 6, 8)
    assert torch.equal(operator(x)[..., known], x[..., known])
    assert torch.equal(operator.pinv(operator(x)), operator(x))
    z = torch.rand(1, 3, 6, 8)
    assert torch.equal(operator.prox(operator(x), z, 0.3)[..., ~known], z[..., ~known])
    assert Mask(known.float()).known.equal(operator.known)


@pytest.mark.parametrize(
    "mask",
    [
        torch.zeros(4, 4, dtype=torch.bool),
        torch.full((4, 4), 0.5),
        torch.ones(4),
        torch.ones(1, 1, 4, 4),
    ],
)
def test_a_useless_mask_is_refused(mask: torch.Tensor) -> None:
    with pytest.raises(BadInput) as caught:
        Mask(mask)
    assert caught.value.field == "mask"


def test_grayscale_keeps_gray_pictures() -> None:
    operator = Grayscale((3, 5, 4))
    gray = torch.rand(1, 1, 5, 4).expand(1, 3, 5, 4)
    torch.testing.assert_close(operator(gray), gray[:, :1])
    with pytest.raises(BadInput, match="needs 3"):
        Grayscale((1, 5, 4))


def test_identity_changes_nothing() -> None:
    x, z = torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4)
    operator = Identity((3, 4, 4))
    assert operator(x) is x
    torch.testing.assert_close(operator.prox(x, z, 3.0), (x + 3 * z) / 4)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_average_is_the_mean_of_each_block(factor: int) -> None:
    x = torch.rand(2, 3, 12, 24)
    small = Downsample((3, 12, 24), factor, "average")(x)
    torch.testing.assert_close(small, avg_pool2d(x, factor))


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_bicubic_is_the_one_of_image_editors(factor: int) -> None:
    height, width = 48, 72
    x = torch.rand(1, 1, height, width)
    size = (width // factor, height // factor)
    editor = np.asarray(Image.fromarray(x[0, 0].numpy()).resize(size, Image.Resampling.BICUBIC))
    small = Downsample((1, height, width), factor)(x)[0, 0].numpy()
    # Editors cut the filter at the edges where this one mirrors the picture.
    np.testing.assert_allclose(small[2:-2, 2:-2], editor[2:-2, 2:-2], atol=1e-5)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_reduction_does_not_alias(factor: int) -> None:
    stripes = (torch.arange(48) % 2).float().expand(1, 1, 48, 48)
    for name, ripple in (("bicubic", 0.05), ("average", 0.2)):
        small = Downsample((1, 48, 48), factor, name)(stripes)  # type: ignore[arg-type]
        assert float((small - 0.5).abs()[..., 2:-2].max()) < ripple
    small = Downsample((1, 48, 48), factor)(torch.full((1, 1, 48, 48), 0.3))
    torch.testing.assert_close(small, torch.full_like(small, 0.3))


@pytest.mark.parametrize(
    ("shape", "factor", "filter", "field"),
    [
        ((3, 8, 8), 5, "bicubic", "factor"),
        ((3, 8, 8), 1, "bicubic", "factor"),
        ((3, 9, 8), 2, "bicubic", "factor"),
        ((3, 8, 8), 2, "nearest", "filter"),
    ],
)
def test_a_wrong_reduction_names_the_field(
    shape: tuple[int, int, int], factor: int, filter: str, field: str
) -> None:
    with pytest.raises(BadInput, match="must") as caught:
        Downsample(shape, factor, filter)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_divisible_says_what_is_cut() -> None:
    assert divisible(12, 16, 4) == (12, 16, "")
    rows, columns, note = divisible(13, 18, 4)
    assert (rows, columns) == (12, 16)
    assert note == "cut to 16 × 12, which the factor 4 divides"
    with pytest.raises(BadInput, match="too small"):
        divisible(3, 100, 4)
