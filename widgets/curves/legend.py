"""The head of a plot: titles with a sample of their line, and values in figures of equal width."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from widgets import theme
from widgets.parts.flow import FlowLayout
from widgets.parts.labels import ElidedLabel, SectionLabel

WIDTH = 2.0
"""Width of curves in view pixels."""


def series_pen(index: int, first: int = 0) -> QPen:
    """The pen of curve ``index`` of a plot whose first curve has the theme's style ``first``.

    Dashes tell the curves of one plot apart, so its first one is always solid.
    """
    pen = QPen(QColor(theme.series(first + index).color), WIDTH)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    if dash := theme.series(index).dash:
        # Round caps would close the gaps of short dashes.
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        pen.setDashPattern(list(dash))
    return pen


class Swatch(QWidget):
    """A short piece of the line of curve ``index``."""

    def __init__(self, index: int, first: int) -> None:
        super().__init__()
        self._style = (index, first)
        self.setFixedSize(QSize(22, 14))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the line."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(series_pen(*self._style))
        painter.drawLine(QPointF(1, 7), QPointF(21, 7))


class Legend(QWidget):
    """Names beside samples of their lines, for plots that share them; wraps."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._flow = FlowLayout(self, spacing=4)

    def set_names(self, names: Sequence[str]) -> None:
        """Show these, in the styles of the curves of a plot."""
        while (item := self._flow.takeAt(0)) is not None:
            old = item.widget()
            if old is not None:
                old.hide()
                old.deleteLater()
        for index, name in enumerate(names):
            part = QWidget(self)
            line = QHBoxLayout(part)
            line.setContentsMargins(0, 0, 8, 0)
            line.setSpacing(6)
            line.addWidget(Swatch(index, 0))
            line.addWidget(SectionLabel(name))
            self._flow.addWidget(part)
            part.show()


class Entry(QWidget):
    """Title and value of one curve."""

    def __init__(self, title: str, swatch: Swatch | None = None) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        if swatch is not None:
            layout.addWidget(swatch)
        # Alone, a title gives way to its value; beside others it keeps its place.
        self.title = SectionLabel(title) if swatch is not None else ElidedLabel(title, "section")
        self.value = QLabel("–", alignment=Qt.AlignmentFlag.AlignRight)
        theme.set_role(self.value, "value")
        layout.addWidget(self.title, 0 if swatch is not None else 1)
        layout.addWidget(self.value)

    def set_value(self, text: str) -> None:
        """Show a value."""
        if text != self.value.text():
            self.value.setText(text)
