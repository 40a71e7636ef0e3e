"""A border between two parts that can be dragged: a gap that shows what it is on hover."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, Qt, Slot
from PySide6.QtGui import QEnterEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSplitter, QSplitterHandle, QWidget

from widgets import theme

#: Width of the gap, and the length and the width of the grip in it, in pixels.
GAP, GRIP, THIN = 10, 28, 2


class GapSplitter(QSplitter):
    """Parts beside each other (or below) with a gap; none of them can be dragged away.

    Until a person drags a border, ``arranged`` is False and whoever made it may size the parts.
    """

    def __init__(self, orientation: Qt.Orientation, parent: QWidget | None = None) -> None:
        super().__init__(orientation, parent)
        self.setChildrenCollapsible(False)
        self.setHandleWidth(GAP)
        self.arranged = False
        self.splitterMoved.connect(self._on_moved)

    def layout_bytes(self) -> bytes:
        """Where a person put the borders; empty where nobody did."""
        return bytes(self.saveState().data()) if self.arranged else b""

    def restore(self, layout: bytes) -> None:
        """Put the borders where ``layout_bytes`` says; without any, as they please its maker."""
        self.arranged = bool(layout) and self.restoreState(layout)

    @Slot()
    def _on_moved(self) -> None:
        self.arranged = True

    def createHandle(self) -> QSplitterHandle:
        """A handle that is mostly air."""
        return _Handle(self.orientation(), self)


class _Handle(QSplitterHandle):
    def __init__(self, orientation: Qt.Orientation, parent: QSplitter) -> None:
        super().__init__(orientation, parent)
        self._hovered = False

    def enterEvent(self, event: QEnterEvent) -> None:
        self._hovered = True
        self.update()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = False
        self.update()
        super().leaveEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        upright = self.orientation() == Qt.Orientation.Horizontal
        size = (THIN, GRIP) if upright else (GRIP, THIN)
        grip = QRectF(0, 0, *size)
        grip.moveCenter(QRectF(self.rect()).center())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent" if self._hovered else "line"))
        painter.drawRoundedRect(grip, THIN / 2, THIN / 2)
