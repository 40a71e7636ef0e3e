"""Painting a mask on the stage, through the events that a person causes."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from stage_hands import LEFT, drag, noise, wheel

from widgets import theme


def test_a_stroke_paints_the_pixels_under_it_and_is_undone(pair, qtbot):
    pair.set_tool("brush")
    pair.set_brush(4.0)
    start, end = pair.to_stage(30.5, 40.5).toPoint(), pair.to_stage(90.5, 40.5).toPoint()
    with qtbot.waitSignal(pair.maskChanged), qtbot.waitSignal(pair.strokeFinished) as done:
        drag(pair, start.toTuple(), end.toTuple())
    points, radius, erased = done.args
    assert radius == 4.0
    assert not erased
    assert len(points) == 2
    mask = pair.mask()
    assert mask.shape == (120, 160)
    assert mask.dtype == np.uint8
    y, x = np.nonzero(mask)
    assert set(np.unique(mask)) == {0, 255}
    assert (mask[40, 30:91] == 255).all()
    assert abs(y.min() - (points[0][1] - 4)) <= 1
    assert abs(x.max() - (points[1][0] + 4)) <= 1
    QTest.keyClick(pair, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not pair.mask().any()
    assert pair.redo_stroke()
    assert (pair.mask() == mask).all()


def test_eraser_and_shift_take_paint_away(pair):
    pair.set_tool("brush")
    pair.set_mask(np.ones((120, 160), np.uint8))
    at = pair.to_stage(50.5, 50.5).toPoint()
    QTest.mouseClick(pair, LEFT, Qt.KeyboardModifier.ShiftModifier, at)
    assert pair.mask()[50, 50] == 0
    pair.set_tool("eraser")
    other = pair.to_stage(120.5, 90.5).toPoint()
    QTest.mouseClick(pair, LEFT, Qt.KeyboardModifier.NoModifier, other)
    assert pair.mask()[90, 120] == 0


def test_a_rectangle_is_painted_when_it_is_let_go(pair, qtbot):
    pair.set_tool("rectangle")
    start, end = pair.to_stage(20.5, 30.5).toPoint(), pair.to_stage(60.5, 50.5).toPoint()
    with qtbot.waitSignal(pair.rectangleFinished) as done:
        drag(pair, end.toTuple(), start.toTuple())
    assert len(done.args[0]) == 2
    y, x = np.nonzero(pair.mask())
    assert (x.min(), x.max(), y.min(), y.max()) == (20, 60, 30, 50)
    assert len(x) == 41 * 21


def test_escape_drops_the_stroke_under_way(pair):
    pair.set_tool("brush")
    QTest.mousePress(pair, LEFT, Qt.KeyboardModifier.NoModifier, QPoint(200, 200))
    assert pair.mask().any()
    QTest.keyClick(pair, Qt.Key.Key_Escape)
    assert not pair.mask().any()
    QTest.mouseRelease(pair, LEFT, Qt.KeyboardModifier.NoModifier, QPoint(200, 200))
    assert not pair.redo_stroke()


def test_brush_size_by_keys_and_wheel(pair, qtbot):
    pair.set_tool("brush")
    pair.set_brush(10.0)
    QTest.keyClick(pair, Qt.Key.Key_BracketRight)
    assert pair.brush() == pytest.approx(12.5)
    zoom = pair.zoom()
    wheel(pair, QPoint(100, 100), 1, Qt.KeyboardModifier.ShiftModifier)
    assert pair.brush() == pytest.approx(15.0)
    assert pair.zoom() == zoom
    pair.set_brush(1e9)
    assert pair.brush() == 500.0


def test_the_mask_tints_the_picture(pair):
    pair.set_mode("single")
    black = np.zeros((120, 160, 3), np.uint8)
    pair.set_picture("restored", black)
    mask = np.zeros((120, 160), np.uint8)
    mask[:60] = 1
    pair.set_mask(mask)
    image = pair.render_image()
    painted = pair.to_stage(80, 40).toPoint()
    plain = pair.to_stage(80, 80).toPoint()
    accent = theme.color("accent")
    assert image.pixelColor(painted).green() == pytest.approx(accent.green() * 0.45, abs=3)
    assert image.pixelColor(plain).green() == 0


def test_another_size_drops_the_mask_and_says_so(pair, qtbot):
    pair.set_mask(np.ones((120, 160), np.uint8))
    with qtbot.waitSignal(pair.maskChanged):
        pair.set_picture("damaged", noise(240, 320))
    assert pair.mask().shape == (240, 320)
    assert not pair.mask().any()


def test_a_mask_of_another_shape_is_refused(pair):
    with pytest.raises(ValueError, match=r"mask: shape \(120, 160\) expected, got \(3, 3\)"):
        pair.set_mask(np.zeros((3, 3), np.uint8))
