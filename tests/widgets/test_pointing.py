"""Pictures that are pointed at: press, drag and arrow keys as places in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from widgets.image_view import ImageStage

LEFT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton
#: A picture of 60 by 40 pixels on a stage of 600 by 500: ten view pixels each, 50 above and below.
SCALE, TOP = 10, 50


@pytest.fixture
def stage(qtbot: Any) -> ImageStage:
    widget = ImageStage()
    qtbot.addWidget(widget)
    widget.resize(600, 500)
    widget.set_picture("map", np.zeros((40, 60, 3), np.uint8), "Map")
    widget.set_pointable(["map"])
    widget.show()
    qtbot.waitExposed(widget)
    return widget


@pytest.fixture
def told(stage: ImageStage) -> list[tuple[Any, ...]]:
    heard: list[tuple[Any, ...]] = []
    stage.pointed.connect(lambda *what: heard.append(what))
    return heard


def phases_of(told: list[tuple[Any, ...]]) -> list[str]:
    return [phase for _, phase, *_ in told]


def at(x: float, y: float) -> QPoint:
    """The point of the stage that shows a point of the picture."""
    return QPoint(round(x * SCALE), round(y * SCALE) + TOP)


def test_a_drag_is_told_in_pixels_of_the_picture(stage: ImageStage, told: list[Any]) -> None:
    view = stage.camera.view
    QTest.mousePress(stage, LEFT, pos=at(10.5, 20))
    QTest.mouseMove(stage, at(30, 5.5))
    # Beyond the edge it goes on along it; what does not move is not told again.
    QTest.mouseMove(stage, QPoint(590, 2))
    QTest.mouseMove(stage, QPoint(590, 1))
    QTest.mouseRelease(stage, LEFT, pos=QPoint(599, 499))
    phases = phases_of(told)
    assert phases == ["press", "move", "move", "release"]
    assert [key for key, *_ in told] == ["map"] * 4
    places = [(x, y) for _, _, x, y, _ in told]
    assert places[0] == pytest.approx((10.5, 20))
    assert places[1] == pytest.approx((30, 5.5))
    assert places[2] == pytest.approx((59, 0))
    assert places[3] == pytest.approx((59.9, 40), abs=0.01)
    assert all(0 <= x < 60 and 0 <= y < 40 for x, y in places)
    # Neither moved nor zoomed, and a double click is two presses.
    told.clear()
    QTest.mouseClick(stage, LEFT, pos=at(10, 10))
    QTest.mouseDClick(stage, LEFT, pos=at(10, 10))
    QTest.mouseRelease(stage, LEFT, pos=at(10, 10))
    assert phases_of(told) == ["press", "release"] * 2
    assert [clicks for *_, clicks in told] == [1, 1, 2, 1]
    assert stage.camera.view == view


def test_beside_the_picture_and_with_other_buttons_nothing_is_told(
    stage: ImageStage, told: list[Any]
) -> None:
    QTest.mouseClick(stage, LEFT, pos=QPoint(300, TOP - 20))
    QTest.mouseClick(stage, MIDDLE, pos=at(30, 20))
    QTest.mouseClick(stage, Qt.MouseButton.RightButton, pos=at(30, 20))
    stage.set_pointable([])
    QTest.mouseClick(stage, LEFT, pos=at(30, 20))
    assert not told


def test_the_cursor_says_where_a_drag_is_heard(stage: ImageStage) -> None:
    stage.update_cursor(QPointF(at(30, 20)))
    assert stage.cursor().shape() == Qt.CursorShape.SizeAllCursor
    stage.update_cursor(QPointF(300, TOP - 20))
    assert stage.cursor().shape() == Qt.CursorShape.ArrowCursor
    stage.hover(QPointF(at(30, 20)))
    stage.set_pointable([])
    assert stage.cursor().shape() == Qt.CursorShape.ArrowCursor


def test_a_drag_ends_with_a_release_where_nobody_listens_any_more(
    stage: ImageStage, told: list[Any]
) -> None:
    QTest.mousePress(stage, LEFT, pos=at(10, 20))
    QTest.mouseMove(stage, at(12, 20))
    stage.set_pointable([])
    QTest.mouseMove(stage, at(30, 20))
    QTest.mouseRelease(stage, LEFT, pos=at(30, 20))
    assert phases_of(told) == ["press", "move", "release"]
    assert told[-1][2:4] == told[-2][2:4]


def test_a_drag_goes_on_where_the_picture_is_by_now(stage: ImageStage, told: list[Any]) -> None:
    QTest.mousePress(stage, LEFT, pos=at(10, 20))
    stage.resize(600, 400)
    QTest.mouseMove(stage, QPoint(300, 300))
    assert told[-1][1:4] == ("move", pytest.approx(30), pytest.approx(30))
    stage.set_picture("map", None)
    QTest.mouseRelease(stage, LEFT, pos=QPoint(10, 10))
    assert told[-1][1:4] == ("release", *told[-2][2:4])


def test_arrow_keys_move_the_point_and_not_the_picture(stage: ImageStage, qtbot: Any) -> None:
    heard: list[tuple[Any, ...]] = []
    stage.nudged.connect(lambda *what: heard.append(what))
    view = stage.camera.view
    qtbot.keyClick(stage, Qt.Key.Key_Right)
    qtbot.keyClick(stage, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert heard[0] == ("map", pytest.approx(1.5), 0)
    assert heard[1] == ("map", 0, pytest.approx(-0.1))
    assert stage.camera.view == view
    # Where nobody listens, they move what is seen.
    stage.set_pointable([])
    stage.set_zoom(40)
    qtbot.keyClick(stage, Qt.Key.Key_Right)
    assert len(heard) == 2
    assert stage.camera.view.x > view.x


def test_of_several_panes_the_one_that_was_pressed_is_meant(
    stage: ImageStage, told: list[Any]
) -> None:
    stage.set_picture("small", np.zeros((20, 30, 3), np.uint8), "Small")
    stage.set_mode("side")
    stage.set_side(["map", "small"])
    stage.set_pointable(["small"])
    _, pane = stage.panes()
    middle = QPoint(pane.left + pane.width // 2, pane.top + pane.height // 2)
    QTest.mousePress(stage, LEFT, pos=middle)
    QTest.mouseRelease(stage, LEFT, pos=QPoint(3, middle.y()))
    # In pixels of its own array, although it is stretched over the larger one.
    assert told[0][0] == "small"
    assert told[0][2:4] == pytest.approx((15, 10), abs=0.1)
    assert told[1][2] == 0
