"""Strokes on masks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets.image_view.mask import PAINTED, MaskCanvas, capsule

points = st.tuples(st.floats(-20, 60), st.floats(-20, 50))


def distance(x, y, start, end):
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = dx * dx + dy * dy
    along = ((x - start[0]) * dx + (y - start[1]) * dy) / length if length > 1e-300 else 0.0
    along = min(max(along, 0.0), 1.0)
    return math.hypot(x - start[0] - along * dx, y - start[1] - along * dy)


@given(points, points, st.floats(0.5, 15))
def test_a_stroke_covers_exactly_the_pixel_centers_within_its_radius(start, end, radius):
    canvas = MaskCanvas(40, 30)
    canvas.line([start, end], radius)
    ends = {(math.floor(p[0]), math.floor(p[1])) for p in (start, end)}
    for row in range(30):
        for column in range(40):
            away = distance(column + 0.5, row + 0.5, start, end)
            if abs(away - radius) < 1e-6 or (column, row) in ends:
                continue
            assert (canvas.array[row, column] == PAINTED) == (away < radius), (column, row)


@given(st.lists(st.tuples(points, st.floats(0.5, 9), st.booleans()), min_size=1, max_size=8))
def test_undo_of_everything_is_blank_and_redo_brings_it_back(strokes):
    canvas = MaskCanvas(40, 30)
    for point, radius, erase in strokes:
        canvas.begin()
        canvas.line([point, (20.0, 15.0)], radius, erase)
        canvas.end()
    final = canvas.array.copy()
    while canvas.undo():
        pass
    assert not canvas.array.any()
    while canvas.redo():
        pass
    assert (canvas.array == final).all()


def test_the_thinnest_brush_paints_the_pixel_under_it():
    canvas = MaskCanvas(10, 10)
    canvas.line([(3.01, 4.99)], 0.1)
    assert np.argwhere(canvas.array).tolist() == [[4, 3]]


def test_a_stroke_outside_touches_nothing():
    box, covered = capsule((10, 10), (-50, -50), (-40, -40), 3)
    assert box == (0, 0, 0, 0)
    assert covered.size == 0


def test_rectangles_take_every_pixel_they_touch():
    canvas = MaskCanvas(10, 8)
    canvas.rectangle((6.2, 5.9), (2.5, 3.0))
    rows, columns = np.nonzero(canvas.array)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (3, 5, 2, 6)
    canvas.rectangle((-5, -5), (50, 3.5), erase=True)
    assert np.nonzero(canvas.array)[0].min() == 4


def test_a_stroke_that_changes_nothing_is_no_step_of_undo():
    canvas = MaskCanvas(10, 10)
    canvas.begin()
    canvas.line([(5, 5)], 2, erase=True)
    assert not canvas.end()
    assert not canvas.can_undo


def test_a_new_stroke_ends_redo():
    canvas = MaskCanvas(10, 10)
    for at in ((2, 2), (7, 7)):
        canvas.begin()
        canvas.line([at], 1)
        canvas.end()
    canvas.undo()
    assert canvas.can_redo
    canvas.begin()
    canvas.line([(5, 5)], 1)
    canvas.end()
    assert not canvas.can_redo


def test_remembered_strokes_do_not_grow_without_bound(monkeypatch):
    monkeypatch.setattr("widgets.image_view.mask.UNDO_BYTES", 1000)
    canvas = MaskCanvas(100, 100)
    for index in range(50):
        canvas.begin()
        canvas.line([(index + 10, 50)], 10)
        canvas.end()
    steps = 0
    while canvas.undo():
        steps += 1
    assert 1 <= steps <= 5


def test_replace_is_one_step_of_undo():
    canvas = MaskCanvas(4, 3)
    canvas.replace(np.eye(3, 4, dtype=np.uint8) * 7)
    assert sorted(np.unique(canvas.array)) == [0, PAINTED]
    assert canvas.undo()
    assert not canvas.array.any()


@pytest.mark.parametrize("erase", [False, True])
def test_a_dragged_line_leaves_no_holes(erase):
    canvas = MaskCanvas(60, 20)
    if erase:
        canvas.replace(np.ones((20, 60), np.uint8))
    canvas.begin()
    canvas.line([(5, 10)], 3, erase)
    canvas.line([(5, 10), (50, 10)], 3, erase)
    canvas.end()
    assert (canvas.array[10, 5:50] == (0 if erase else PAINTED)).all()
