"""Parts that pages share: a column to read, a whole picture, facts in a table, large figures."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from widgets import icons, theme
from widgets.parts import ElidedLabel, FlowLayout, TextLabel, to_pixmap
from widgets.tokens import RADIUS_CARD


def reading_column(page: QWidget, width: int) -> QVBoxLayout:
    """A scrolled column of cards in the middle of ``page``, at most ``width`` pixels wide."""
    scroll = QScrollArea(page)
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    outer = QVBoxLayout(page)
    outer.setContentsMargins(0, 0, 0, 0)
    outer.addWidget(scroll)
    content = QWidget()
    scroll.setWidget(content)
    sides = QHBoxLayout(content)
    sides.setContentsMargins(24, 24, 24, 24)
    middle = QWidget()
    middle.setMaximumWidth(width)
    sides.addStretch(1)
    sides.addWidget(middle, 100)
    sides.addStretch(1)
    column = QVBoxLayout(middle)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(16)
    return column


class Picture(QWidget):
    """A whole picture on the stage's ground, as large as its place allows."""

    def __init__(self, height: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pixmap = QPixmap()
        self.setFixedHeight(height)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_source(self, path: Path | None, title: str) -> None:
        """Show a file; None or an unreadable one shows a quiet sign."""
        self._pixmap = to_pixmap(path)
        self.setAccessibleName(title)
        self.update()

    def sizeHint(self) -> QSize:
        """As high as it was made, any width."""
        return QSize(120, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the picture whole, in the middle."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(self.rect()), RADIUS_CARD, RADIUS_CARD)
        if self._pixmap.isNull():
            painter.fillPath(shape, theme.color("control"))
            middle = self.rect().center()
            sign = icons.pixmap("picture", 28, "hint", self.devicePixelRatioF())
            painter.drawPixmap(middle.x() - 14, middle.y() - 14, sign)
            return
        painter.fillPath(shape, theme.color("stage"))
        painter.setClipPath(shape)
        fitted = self._pixmap.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRect(0, 0, fitted.width(), fitted.height())
        place.moveCenter(self.rect().center())
        painter.drawPixmap(place, self._pixmap)


class FactTable(QWidget):
    """Lines of a title and a value; values can be selected and copied."""

    def __init__(self, lines: list[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        for row, (title, value) in enumerate(lines):
            grid.addWidget(TextLabel(title, "secondary"), row, 0, Qt.AlignmentFlag.AlignTop)
            label = ElidedLabel(value)
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label.setAccessibleName(f"{title}: {value}")
            grid.addWidget(label, row, 1)


class Figures(QWidget):
    """Final numbers, large, each with its title below."""

    def __init__(self, figures: list[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        flow = FlowLayout(self, 24)
        for title, value in figures:
            tile = QWidget()
            column = QGridLayout(tile)
            column.setContentsMargins(0, 0, 0, 0)
            column.setVerticalSpacing(0)
            column.addWidget(TextLabel(value, "title"), 0, 0)
            column.addWidget(TextLabel(title, "hint"), 1, 0)
            flow.addWidget(tile)


def clear(layout: QLayout) -> None:
    """Delete everything in a layout, at the next turn of the event loop."""
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()
        elif (inner := item.layout()) is not None:
            clear(inner)
