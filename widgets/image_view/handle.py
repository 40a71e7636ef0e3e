"""The handle of the wipe: a slider in all but looks, so that keys and screen readers know it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSlider, QWidget

from widgets import theme

SIZE = 36
"""Edge of the area that can be grabbed, in view pixels; the disk in it is 28."""
STEPS = 1000


class WipeHandle(QSlider):
    """A round handle whose value, 0 to 1000, is the share of the stage left of the wipe."""

    dragged = Signal(float)
    """Horizontal position in the parent's coordinates that the cursor asks for."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setRange(0, STEPS)
        self.setValue(STEPS // 2)
        self.setSingleStep(STEPS // 100)
        self.setPageStep(STEPS // 10)
        self.setFixedSize(SIZE, SIZE)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setAccessibleName(self.tr("Wipe position"))
        self.setAccessibleDescription(
            self.tr("Moves the border between the two pictures. Arrow keys move it, too.")
        )
        self.setToolTip(self.tr("Drag to compare. Double-click to center."))
        self._grip: float | None = None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold; where the disk was grabbed stays under the cursor."""
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self._grip = event.position().x() - self.width() / 2
        self.setSliderDown(True)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Ask the stage for the position under the cursor."""
        if self._grip is not None:
            x = self.mapToParent(event.position()).x() - self._grip
            self.dragged.emit(x)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._grip = None
            self.setSliderDown(False)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Back to the middle."""
        self.setValue(STEPS // 2)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the stage: over the handle, too, it zooms."""
        event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A white disk with two arrows; a ring in the accent color while it has the focus."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = QRectF(self.rect()).center()
        painter.setPen(QPen(QColor(0, 0, 0, 90), 1))
        painter.setBrush(QColor(255, 255, 255))
        painter.drawEllipse(middle, 14, 14)
        if self.hasFocus():
            painter.setPen(QPen(theme.color("accent"), 2.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(middle, 16, 16)
        pen = QPen(QColor(23, 32, 43), 1.7)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        for side in (-1, 1):
            tip = middle + QPointF(8 * side, 0)
            painter.drawPolyline(
                [tip + QPointF(-3.5 * side, -3.5), tip, tip + QPointF(-3.5 * side, 3.5)]
            )
            painter.drawLine(middle + QPointF(1.5 * side, 0), tip)
