"""Planes, canvases, strips and heat maps: what lies where."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.method import BadInput
from engine.traversal import canvas, strips_view
from engine.traversal.heat_map import ENTRY, GAP, LINE, heat_map
from engine.traversal.plane import SIDE, plane_through


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_a_plane_holds_the_latent_and_finds_pixels_again() -> None:
    z, codes = normal(1, 7), normal(300, 7, seed=1) + 0.5
    right, up = normal(2, 7, seed=2)
    plane = plane_through(z, right, up, codes, (3.0, 2.0))
    assert torch.allclose(plane.latents(plane.places(z)), z, atol=1e-5)
    assert float(plane.right @ plane.up) == pytest.approx(0, abs=1e-5)
    # Its middle is where the latents are at home, as far as the plane goes there.
    assert torch.allclose(plane.places(codes.mean(0)[None]), torch.zeros(1, 2), atol=1e-5)
    x, y = plane.pixels(plane.at(100.0, 333.0))[0].tolist()
    assert (x, y) == pytest.approx((100.0, 333.0), abs=1e-3)
    assert torch.allclose(plane.at(SIDE - 1, 0), (plane.origin + plane.right + plane.up)[None])
    grid = plane.grid(3)
    assert torch.allclose(grid[4], plane.origin, atol=1e-6)
    assert torch.allclose(grid[0], plane.origin - (plane.right - plane.up) * 2 / 3, atol=1e-5)


def test_one_direction_twice_makes_no_plane() -> None:
    v = normal(7)
    with pytest.raises(BadInput, match="up"):
        plane_through(normal(1, 7), v, -2 * v, normal(10, 7), (1.0, 1.0))


def test_a_disc_has_its_area_and_color() -> None:
    sheet = np.zeros((40, 40, 3), np.uint8)
    canvas.disc(sheet, 19.3, 20.7, 9.0, (200, 100, 50))
    assert tuple(sheet[20, 19]) == (200, 100, 50)
    assert sheet[..., 0].sum() / 200 == pytest.approx(np.pi * 81, rel=0.01)
    assert not sheet[:10].any()


def test_a_line_has_its_length_times_its_width() -> None:
    sheet = np.zeros((60, 60, 3), np.uint8)
    canvas.line(sheet, (10.0, 12.0), (46.0, 39.0), 3.0, (255, 255, 255))
    assert sheet[..., 0].sum() / 255 == pytest.approx(45 * 3 + np.pi * 1.5**2, rel=0.03)


@pytest.mark.parametrize("far", [-1e9, 1e9, float("nan"), float("inf")])
def test_what_is_far_outside_is_not_drawn(far: float) -> None:
    sheet = np.zeros((20, 20, 3), np.uint8)
    canvas.disc(sheet, far, far, 5.0, (255, 255, 255))
    canvas.ring(sheet, far, 3.0, 5.0, 2.0, (255, 255, 255))
    canvas.words(sheet, "far away", 500, 500)
    canvas.words(sheet, "far away", -500, -500)
    assert not sheet.any()


def test_words_are_where_their_anchor_is() -> None:
    sheet = np.zeros((40, 200, 3), np.uint8)
    canvas.words(sheet, "Axis", 100, 20, size=14, anchor="mm")
    rows, columns = np.nonzero(sheet[..., 0] > 60)
    assert columns.mean() == pytest.approx(100, abs=4)
    assert rows.mean() == pytest.approx(20, abs=3)


def test_strips_find_the_picture_under_a_pixel() -> None:
    place = strips_view.layout(3, 5, 32)
    for row in range(3):
        for column in range(5):
            left, top = place.corner(row, column)
            assert place.found(left + 1.0, top + 1.0) == (row, column)
            assert place.found(left + place.side - 1.0, top + place.side - 1.0) == (row, column)
    assert place.found(3.0, 3.0) is None
    assert place.found(place.width - 3.0, 3.0) is None
    assert place.found(200.0, place.height + 3.0) is None


def test_a_sheet_shows_its_pictures_and_what_changes() -> None:
    pictures = torch.zeros(2, 5, 1, 16, 16)
    pictures[0, :, 0, :, :8] = torch.linspace(0, 1, 5)[:, None, None]
    empty = torch.zeros(2, 5, dtype=torch.bool)
    empty[1, 3] = True
    sheet = strips_view.sheet(pictures, ["moves", "stands"], empty)
    place = strips_view.layout(2, 5, 16)
    assert sheet.shape == (place.height, place.width, 3)
    left, top = place.corner(0, 4)
    assert sheet[top + 5, left + 5].tolist() == [255, 255, 255]
    assert sheet[top + 5, left + place.side - 5].tolist() == [0, 0, 0]
    left, top = place.corner(0, 5)
    changed = sheet[top + 5, left + strips_view.APART + 5]
    assert changed.sum() > 600
    left, top = place.corner(1, 3)
    assert tuple(sheet[top + 5, left + 5]) == strips_view.GROUND
    left, top = place.corner(1, 5)
    assert tuple(sheet[top + 5, left + strips_view.APART + 5]) == strips_view.GROUND


def test_a_heat_map_colors_by_share_and_leaves_the_dead_dark() -> None:
    shares = torch.tensor([[1.0, 0.0, 0.5], [0.0, 1.0, 1.0]])
    shown = (heat_map(shares, ["a", "b"], ["1", "2", "3"], [False, False, True]) * 255).round()
    left = shown.shape[2] - 3 * (ENTRY + GAP)

    def color(row: int, column: int) -> list[float]:
        y, x = 24 + row * (ENTRY + GAP) + 3, left + column * (ENTRY + GAP) + 3
        return shown[:, y, x].tolist()  # type: ignore[no-any-return]

    assert color(0, 0) == color(1, 1) == [92, 207, 190]
    assert color(0, 1) == color(1, 0) == color(1, 2) == color(0, 2) == [27, 33, 42]


def test_a_heat_map_says_what_its_rows_and_columns_are() -> None:
    shares = torch.eye(3)
    plain = heat_map(shares, ["1", "2", "3"], ["1", "2", "3"])
    told = heat_map(shares, ["1", "2", "3"], ["1", "2", "3"], down="moved by", across="taken for")
    assert torch.equal(told[:, -3 * (ENTRY + GAP) :, -3 * (ENTRY + GAP) :], plain[:, LINE:, -93:])
    head, beside = told[:, :LINE], told[:, LINE : 2 * LINE, : -3 * (ENTRY + GAP)]
    for part in (head, beside):
        bright = part.amax(0) > 0.5
        assert int(bright.sum()) > 60
        # Whole: the ground is all around it.
        assert not bright[:, :3].any()
        assert not bright[:, -3:].any()
