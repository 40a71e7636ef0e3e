"""Mouse, touchpad and keys on the stage: which gesture means which change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import (
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QNativeGestureEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGestureEvent, QPinchGesture

if TYPE_CHECKING:
    from widgets.image_view.stage import ImageStage

WHEEL_STEP = 1.2
"""Zoom factor of one notch of the wheel."""
KEY_STEP = 1.25
KEY_PAN = 64
"""View pixels that an arrow key moves the picture."""
GRAB = 12
"""View pixels beside the wipe line that still take hold of it: 24 in all."""

Drag = Literal["none", "pan", "wipe", "paint", "point"]

_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class Pointer:
    """Turns input events into calls of the stage; remembers only the drag under way."""

    def __init__(self, stage: ImageStage) -> None:
        self._stage = stage
        self._drag: Drag = "none"
        self._last = QPointF()
        self._pressed = QPointF()
        self._grip = 0.0

    @property
    def dragging(self) -> Drag:
        """What a pressed button does at present."""
        return self._drag

    def near_wipe(self, at: QPointF) -> bool:
        """Whether a press at this point takes hold of the wipe line."""
        stage = self._stage
        return stage.is_wiping() and abs(at.x() - stage.wipe_x(at)) <= GRAB

    def press(self, event: QMouseEvent, clicks: int = 1) -> bool:
        """A button went down; False leaves it to Qt."""
        stage, at, button = self._stage, event.position(), event.button()
        if self._drag != "none":
            return True
        if button == Qt.MouseButton.MiddleButton:
            self._drag = "pan"
        elif button != Qt.MouseButton.LeftButton:
            return False
        elif stage.tool() is not None:
            self._drag = "paint"
            erase = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            stage.painting.press(stage.to_picture(at), erase)
        elif self.near_wipe(at):
            self._drag = "wipe"
            self._grip = at.x() - stage.wipe_x(at)
        elif stage.pointing.press(at, clicks):
            self._drag = "point"
        else:
            self._drag = "pan"
        self._last = self._pressed = at
        stage.update()
        stage.update_cursor(at)
        return True

    def move(self, event: QMouseEvent) -> None:
        """The cursor moved, with or without a button."""
        stage, at = self._stage, event.position()
        if self._drag == "pan":
            stage.pan_by(at.x() - self._last.x(), at.y() - self._last.y())
        elif self._drag == "wipe":
            # In the pane where it was taken hold of, wherever the cursor goes.
            stage.drag_wipe(at.x() - self._grip, self._pressed)
        elif self._drag == "paint":
            stage.painting.move(stage.to_picture(at))
        elif self._drag == "point":
            stage.pointing.move(at)
        self._last = at
        stage.hover(at)

    def release(self, event: QMouseEvent) -> None:
        """A button came up."""
        if event.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            return
        if self._drag == "paint":
            self._stage.painting.release()
        elif self._drag == "point":
            self._stage.pointing.release(event.position())
        self._drag = "none"
        # What is hidden during a drag comes back.
        self._stage.update()
        self._stage.update_cursor(event.position())

    def double_click(self, event: QMouseEvent) -> None:
        """Between the whole picture and 100 % at the cursor; where one points, another press."""
        stage, left = self._stage, event.button() == Qt.MouseButton.LeftButton
        if stage.tool() is not None or not left or stage.pointing.takes(event.position()):
            self.press(event, clicks=2)
        elif stage.is_fitting():
            stage.set_zoom(1.0, event.position())
        else:
            stage.fit()

    def wheel(self, event: QWheelEvent) -> None:
        """Zoom about the cursor; with Shift and a brush in hand, its size."""
        # Qt turns the wheel sideways while Alt is held.
        delta = event.angleDelta().y() or event.angleDelta().x()
        factor = WHEEL_STEP ** (delta / 120)
        stage = self._stage
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if shift and stage.tool() in ("brush", "eraser"):
            stage.set_brush(stage.brush() * factor)
        else:
            stage.zoom_by(factor, event.position())
        stage.hover(event.position())
        event.accept()

    def gesture(self, event: QEvent) -> bool:
        """A pinch on a touchpad or a touch screen; False when it is another gesture."""
        if isinstance(event, QNativeGestureEvent):
            if event.gestureType() != Qt.NativeGestureType.ZoomNativeGesture:
                return False
            self._stage.zoom_by(max(1.0 + event.value(), 0.1), event.position())
            return True
        if isinstance(event, QGestureEvent):
            pinch = event.gesture(Qt.GestureType.PinchGesture)
            if not isinstance(pinch, QPinchGesture):
                return False
            middle = self._stage.mapFromGlobal(pinch.centerPoint())
            self._stage.zoom_by(max(pinch.scaleFactor(), 0.1), middle)
            shift = pinch.centerPoint() - pinch.lastCenterPoint()
            self._stage.pan_by(shift.x(), shift.y())
            return True
        return False

    def wants(self, event: QKeyEvent) -> bool:
        """Whether a key belongs to the stage although a shortcut of the window has it, too."""
        canvas = self._stage.painting.canvas
        if self._stage.tool() is None or canvas is None:
            return False
        undo = event.matches(QKeySequence.StandardKey.Undo) and canvas.can_undo
        return undo or (event.matches(QKeySequence.StandardKey.Redo) and canvas.can_redo)

    def key(self, event: QKeyEvent) -> bool:
        """A key went down; False leaves it to Qt."""
        stage, key = self._stage, event.key()
        if event.matches(QKeySequence.StandardKey.Undo):
            return stage.painting.undo()
        if event.matches(QKeySequence.StandardKey.Redo):
            return stage.painting.redo()
        if event.matches(QKeySequence.StandardKey.Copy):
            stage.copy()
        elif event.modifiers() & ~(
            Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier
        ):
            return False
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            stage.zoom_by(KEY_STEP)
        elif key in (Qt.Key.Key_Minus, Qt.Key.Key_Underscore):
            stage.zoom_by(1 / KEY_STEP)
        elif key == Qt.Key.Key_0:
            stage.fit()
        elif key == Qt.Key.Key_1:
            stage.zoom_100()
        elif key in _ARROWS:
            dx, dy = _ARROWS[Qt.Key(key)]
            fine = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            if not stage.pointing.nudge(dx, dy, fine=fine):
                stage.pan_by(-dx * KEY_PAN, -dy * KEY_PAN)
        elif key == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                stage.show_original(True)
        elif key in (Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight):
            step = KEY_STEP if key == Qt.Key.Key_BracketRight else 1 / KEY_STEP
            stage.set_brush(stage.brush() * step)
        elif key == Qt.Key.Key_Escape and stage.painting.drawing:
            stage.painting.cancel()
            self._drag = "none"
        else:
            return False
        return True
