"""What a person's hand does on the stage, and pictures to do it on."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

LEFT = Qt.MouseButton.LeftButton


def noise(height=120, width=160, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def wheel(widget, at, notches=1.0, modifiers=Qt.KeyboardModifier.NoModifier):
    point = QPointF(at)
    event = QWheelEvent(
        point,
        QPointF(widget.mapToGlobal(point)),
        QPoint(),
        QPoint(0, int(120 * notches)),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)
    return event


def move(widget, at, button=Qt.MouseButton.NoButton, modifiers=Qt.KeyboardModifier.NoModifier):
    point = QPointF(at)
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        point,
        QPointF(widget.mapToGlobal(point)),
        Qt.MouseButton.NoButton,
        button,
        modifiers,
    )
    QApplication.sendEvent(widget, event)


def drag(widget, *points, button=LEFT, modifiers=Qt.KeyboardModifier.NoModifier):
    first, last = QPoint(*points[0]), QPoint(*points[-1])
    QTest.mousePress(widget, button, modifiers, first)
    for point in points[1:]:
        move(widget, QPoint(*point), button, modifiers)
    QTest.mouseRelease(widget, button, modifiers, last)
