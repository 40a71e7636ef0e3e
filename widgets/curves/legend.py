"""The head of a plot: titles with a sample of their line, and values in figures of equal width."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from widgets import theme


def series_pen(index: int, width: float = 2.0) -> QPen:
    """The pen of curve ``index``: color and dash of the present theme."""
    style = theme.series(index)
    pen = QPen(QColor(style.color), width)
    pen.setCosmetic(True)
    if style.dash:
        pen.setDashPattern(list(style.dash))
    return pen


class Swatch(QWidget):
    """A short piece of the line of curve ``index``."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self._index = index
        self.setFixedSize(QSize(22, 14))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the line."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(series_pen(self._index))
        painter.drawLine(QPointF(1, 7), QPointF(21, 7))


class Entry(QWidget):
    """Title and value of one curve."""

    def __init__(self, index: int, title: str, with_swatch: bool) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        if with_swatch:
            layout.addWidget(Swatch(index))
        self.title = QLabel(title)
        theme.set_role(self.title, "section")
        self.value = QLabel("–", alignment=Qt.AlignmentFlag.AlignRight)
        theme.set_role(self.value, "value")
        layout.addWidget(self.title)
        if not with_swatch:
            layout.addStretch()
        layout.addWidget(self.value)

    def set_value(self, text: str) -> None:
        """Show a value."""
        if text != self.value.text():
            self.value.setText(text)
