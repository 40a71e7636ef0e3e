"""Tensors of a state as the pictures that a person sees."""

from __future__ import annotations

import pytest
import torch

from engine.outputs import as_numbers, as_picture


@pytest.mark.parametrize("shade", [0.0, 1.0])
@pytest.mark.parametrize("count", [2, 3, 4])
def test_pictures_of_a_sheet_are_parted_on_any_ground(shade: float, count: int) -> None:
    side = 32
    sheet = as_picture(torch.full((count, 3, side, side), shade))
    rows = 1 if count == 2 else 2
    assert sheet.shape == (rows * (side + 1) - 1, 2 * side + 1, 3)
    line = sheet[:side, side].float()
    assert (line - 255 * shade).abs().min() > 100
    assert (sheet[:side, :side] == 255 * shade).all()
    assert (sheet[:side, side + 1 :] == 255 * shade).all()


def test_one_picture_has_no_frame() -> None:
    assert (as_picture(torch.ones(1, 1, 5, 7)) == 255).all()


def test_numbers_are_the_mean_over_all_but_the_pixels() -> None:
    tensor = torch.stack([torch.full((3, 2, 4), -0.5), torch.full((3, 2, 4), 2.0)]).double()
    numbers = as_numbers(tensor)
    assert numbers.dtype == torch.float32
    assert torch.equal(numbers, torch.full((2, 4), 0.75))
