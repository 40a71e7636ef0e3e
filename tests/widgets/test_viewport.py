"""The arithmetic of zoom and pan, and the division of the stage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets.image_view.camera import Camera
from widgets.image_view.panes import GAP, arrange
from widgets.image_view.viewport import (
    Placement,
    Viewport,
    constrained,
    fit_scale,
    fitted,
    scale_bounds,
)

sizes = st.tuples(st.integers(1, 6000), st.integers(1, 6000))
panes = st.tuples(st.integers(40, 3000), st.integers(40, 3000))
ratios = st.sampled_from([1.0, 1.25, 1.5, 2.0, 3.0])
fractions = st.floats(0, 1)


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.floats(0.01, 64), fractions, fractions)
def test_to_view_and_to_picture_are_inverse(x, y, scale, px, py):
    placement = Placement(x, y, scale)
    point = (px * 6000, py * 4000)
    assert placement.to_picture(*placement.to_view(*point)) == pytest.approx(point, abs=1e-4)


@given(sizes, panes, ratios, fractions, fractions, st.floats(0.02, 50))
def test_zooming_in_about_a_point_of_the_picture_keeps_it(picture, pane, ratio, fx, fy, factor):
    camera = Camera()
    camera.arrange(["a"], picture, *pane, ratio)
    point = (fx * picture[0], fy * picture[1])
    at = camera.placement(camera.panes[0]).to_view(*point)
    before = camera.view.scale
    camera.zoom_by(factor, at)
    if camera.view.scale < before or not 0 <= at[0] < pane[0] or not 0 <= at[1] < pane[1]:
        return  # zooming out may hit the rule that the picture stays findable
    # The drawn origin lies on the grid of device pixels: half a pixel before and after.
    after = camera.placement(camera.panes[0]).to_view(*point)
    slack = 1.0 / ratio + 0.5 / ratio * camera.view.scale / before + 1e-6
    assert after == pytest.approx(at, abs=slack)


@given(sizes, panes, ratios, st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.floats(1e-4, 1e4))
def test_constrained_is_idempotent_and_keeps_the_middle_on_the_picture(
    picture, pane, ratio, x, y, scale
):
    once = constrained(Viewport(x, y, scale), picture, pane, ratio)
    low, high = scale_bounds(picture, pane, ratio)
    assert constrained(once, picture, pane, ratio) == once
    assert 0 <= once.x <= picture[0]
    assert 0 <= once.y <= picture[1]
    assert low <= once.scale <= high


@given(sizes, panes)
def test_fitted_shows_the_whole_picture_as_large_as_possible(picture, pane):
    view = fitted(picture, pane)
    width, height = picture[0] * view.scale, picture[1] * view.scale
    assert width <= pane[0] * (1 + 1e-9)
    assert height <= pane[1] * (1 + 1e-9)
    assert width == pytest.approx(pane[0]) or height == pytest.approx(pane[1])


@given(sizes, panes, ratios, st.floats(-500, 500), st.floats(-500, 500))
def test_pan_and_back_returns(picture, pane, ratio, dx, dy):
    view = Viewport(picture[0] / 2, picture[1] / 2, 1.0)
    back = view.panned(dx, dy).panned(-dx, -dy)
    assert (back.x, back.y) == pytest.approx((view.x, view.y), abs=1e-6)


@given(sizes, panes, ratios, st.integers(2, 4))
def test_every_pane_is_placed_alike(picture, pane, ratio, count):
    camera = Camera()
    camera.arrange([str(i) for i in range(count)], picture, *pane, ratio)
    camera.zoom_by(3.0)
    offsets = {
        (round(p.x - q.left, 6), round(p.y - q.top, 6), p.scale)
        for q in camera.panes
        for p in [camera.placement(q)]
    }
    # Panes start on whole view pixels; a fractional ratio may round each by one device pixel.
    assert max(o[0] for o in offsets) - min(o[0] for o in offsets) <= 1.0 / ratio + 1e-6
    assert len({o[2] for o in offsets}) == 1


@given(st.integers(1, 4), sizes, st.integers(60, 3000), st.integers(60, 3000))
def test_panes_lie_inside_do_not_overlap_and_are_equal(count, picture, width, height):
    found = arrange([str(i) for i in range(count)], picture, width, height)
    assert len({(p.width, p.height) for p in found}) == 1
    for pane in found:
        assert pane.left + pane.width <= width
        assert pane.top + pane.height <= height
    for first in found:
        for second in found:
            apart_x = abs(first.left - second.left) >= first.width + GAP
            apart_y = abs(first.top - second.top) >= first.height + GAP
            assert first is second or apart_x or apart_y


def test_two_pictures_stand_next_to_each_other_and_four_in_a_square():
    assert [p.top for p in arrange(["a", "b"], (768, 512), 668, 460)] == [0, 0]
    four = arrange(["a", "b", "c", "d"], (512, 512), 800, 800)
    assert [(p.left, p.top) for p in four] == [(0, 0), (401, 0), (0, 401), (401, 401)]
    # Neither in a wide place, where three in a row would be no larger.
    four = arrange(["a", "b", "c", "d"], (512, 512), 650, 394)
    assert len({p.left for p in four}) == len({p.top for p in four}) == 2
    assert arrange([], (512, 512), 800, 800) == []


def test_very_wide_pictures_are_stacked():
    assert [p.left for p in arrange(["a", "b"], (2000, 200), 668, 460)] == [0, 0]


def test_a_view_that_fits_goes_on_fitting_and_others_keep_their_middle():
    camera = Camera()
    camera.arrange(["a"], (400, 300), 800, 600, 1.0)
    assert camera.zoom == 2.0
    camera.arrange(["a"], (400, 300), 400, 300, 1.0)
    assert camera.zoom == 1.0
    camera.zoom_by(4.0, (100.0, 100.0))
    view = camera.view
    camera.arrange(["a"], (400, 300), 500, 350, 1.0)
    assert camera.view == view
    camera.arrange(["a"], (600, 300), 500, 350, 1.0)
    assert camera.view == fitted((600, 300), (500, 350))


def test_100_percent_stays_so_on_a_screen_of_another_density():
    camera = Camera()
    camera.arrange(["a"], (4000, 3000), 800, 600, 1.0)
    camera.zoom_by(1.0 / camera.zoom)
    camera.arrange(["a"], (4000, 3000), 800, 600, 2.0)
    assert camera.zoom == pytest.approx(1.0)
    assert camera.view.scale == pytest.approx(0.5)


def test_zoom_stops_at_its_bounds_without_moving():
    camera = Camera()
    camera.arrange(["a"], (400, 300), 800, 600, 1.0)
    for _ in range(60):
        camera.zoom_by(1.5, (10.0, 10.0))
    at_end = camera.view
    assert camera.zoom == 64.0
    assert not camera.zoom_by(1.5, (700.0, 10.0))
    assert camera.view == at_end


def test_without_pictures_nothing_moves():
    camera = Camera()
    assert not camera.arrange([], (0, 0), 800, 600, 1.0)
    assert not camera.zoom_by(2.0)
    assert not camera.pan_by(5, 5)
    assert not camera.fit()


@given(sizes, panes)
def test_fit_scale_is_positive(picture, pane):
    assert fit_scale(picture, pane) > 0
