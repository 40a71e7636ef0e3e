"""A card with bars from 0 to 1: titles, values, and a mark where something else stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QWidget

from widgets import theme, tokens

#: Between the border and what is in it, and between a title and its bar.
_MARGIN, _BELOW = 12, 4
#: Height of a bar, at most, and how far a mark reaches below it.
_THICK, _OVER = 14, 4


class Bar(NamedTuple):
    """One bar: its key and title, and whether it is told in gray, as one that is not aimed at."""

    key: str
    title: str
    quiet: bool = False


class BarPlot(QFrame):
    """Bars of values in [0, 1], one below the other, each with its title and its value.

    A bar may have a mark: what something else reaches, which ``set_against`` names at the foot.
    """

    def __init__(self, title: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._against = ""
        self._bars: list[Bar] = []
        self._values: dict[str, float] = {}
        self._marks: dict[str, float] = {}
        theme.set_role(self, "card")
        self.setAccessibleName(title)
        theme.changed.connect(self._on_theme)

    def sizeHint(self) -> QSize:
        """As large as a plot of curves."""
        return QSize(328, 168)

    def minimumSizeHint(self) -> QSize:
        """Room for three bars."""
        return QSize(180, 120)

    # Content.

    def set_bars(self, bars: Sequence[Bar]) -> None:
        """Declare the bars; clears all values."""
        self._bars = list(bars)
        self.clear()

    def set_against(self, text: str) -> None:
        """What the marks stand for; said where there is one."""
        self._against = text
        self._tell()

    def set_values(self, values: Sequence[float], marks: Sequence[float] = ()) -> None:
        """A value for each bar and, where there are marks, one for each; below 0 for none.

        Raises:
            ValueError: there are more or fewer than bars.
        """
        keys = self.keys()
        self._values = dict(zip(keys, map(float, values), strict=True))
        self._marks = dict(zip(keys, map(float, marks), strict=True)) if len(marks) else {}
        self._tell()

    def clear(self) -> None:
        """Forget all values; the bars stay declared."""
        self._values, self._marks = {}, {}
        self._tell()

    def keys(self) -> list[str]:
        """Keys of the bars in their order."""
        return [bar.key for bar in self._bars]

    def value(self, key: str) -> float | None:
        """The value of a bar; None without one."""
        return _known(self._values, key)

    def mark(self, key: str) -> float | None:
        """The mark of a bar; None without one."""
        return _known(self._marks, key)

    def has_values(self) -> bool:
        """Whether a bar has any."""
        return any(self.value(key) is not None for key in self._values)

    def foot(self) -> str:
        """What is said of the marks; empty where there is none."""
        marked = any(self.mark(key) is not None for key in self._marks)
        return self._against if marked else ""

    def _tell(self) -> None:
        told = []
        for bar in self._bars:
            text = f"{bar.title} {_shown(self.value(bar.key))}"
            if (mark := self.mark(bar.key)) is not None:
                text += f" ({self._against} {_shown(mark)})"
            told.append(text)
        self.setAccessibleDescription(", ".join(told))
        self.update()

    def _on_theme(self, _theme: object) -> None:
        self.update()

    # Drawing.

    def paintEvent(self, event: QPaintEvent) -> None:
        """Title, bars with their titles and values, and what the marks are."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(_MARGIN, 10, -_MARGIN, -8)
        small = _font(painter, tokens.SIZE_SECTION, semibold=True)
        line = QFontMetricsF(small).height()
        painter.setFont(small)
        painter.setPen(theme.color("secondary"))
        _write(painter, QRectF(area.left(), area.top(), area.width(), line), self._title)
        if foot := self.foot():
            below = QRectF(area.left(), area.bottom() - line, area.width(), line)
            self._draw_foot(painter, below, foot)
        top = area.top() + line + 6
        bottom = area.bottom() - (line + 4 if foot else 0)
        step = (bottom - top) / max(1, len(self._bars))
        thick = min(_THICK, step - line - _BELOW - _OVER - 2)
        for place, bar in enumerate(self._bars):
            row = QRectF(area.left(), top + place * step, area.width(), line)
            self._draw_words(painter, row, bar)
            track = QRectF(area.left(), row.bottom() + _BELOW, area.width(), max(4.0, thick))
            self._draw_bar(painter, track, bar)

    def _draw_words(self, painter: QPainter, row: QRectF, bar: Bar) -> None:
        painter.setFont(_font(painter, tokens.SIZE_HINT))
        value = _shown(self.value(bar.key))
        painter.setPen(theme.color("hint" if bar.quiet else "text"))
        painter.drawText(row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, value)
        room = painter.fontMetrics().horizontalAdvance(f"{value}  ")
        painter.setPen(theme.color("hint" if bar.quiet else "secondary"))
        _write(painter, row.adjusted(0, 0, -room, 0), bar.title)

    def _draw_bar(self, painter: QPainter, track: QRectF, bar: Bar) -> None:
        radius = min(3.0, track.height() / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("control"))
        painter.drawRoundedRect(track, radius, radius)
        value, mark = self.value(bar.key), self.mark(bar.key)
        if value is not None and value > 0:
            filled = QRectF(track)
            filled.setWidth(track.width() * min(1.0, value))
            painter.setBrush(theme.color("disabled") if bar.quiet else theme.color("accent"))
            painter.drawRoundedRect(filled, radius, radius)
        if mark is not None:
            x = track.left() + track.width() * min(1.0, max(0.0, mark))
            painter.setPen(_mark_pen())
            painter.drawLine(QPointF(x, track.top()), QPointF(x, track.bottom() + _OVER))

    def _draw_foot(self, painter: QPainter, row: QRectF, text: str) -> None:
        painter.setPen(_mark_pen())
        painter.drawLine(
            QPointF(row.left() + 2, row.top() + 2), QPointF(row.left() + 2, row.bottom() - 2)
        )
        painter.setFont(_font(painter, tokens.SIZE_SECTION))
        painter.setPen(theme.color("hint"))
        _write(painter, row.adjusted(10, 0, 0, 0), text)


def _known(values: dict[str, float], key: str) -> float | None:
    value = values.get(key, -1.0)
    return value if value >= 0 else None


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _mark_pen() -> QPen:
    """Marks are told from bars by their shape, and seen on bar and ground alike."""
    return QPen(QColor(theme.color("text")), 2)


def _font(painter: QPainter, size: int, *, semibold: bool = False) -> QFont:
    font = QFont(painter.font())
    font.setPixelSize(size)
    font.setWeight(QFont.Weight.DemiBold if semibold else QFont.Weight.Normal)
    return font


def _write(painter: QPainter, row: QRectF, text: str) -> None:
    """A line of text at the left, shortened where it does not fit."""
    shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(row.width()))
    painter.drawText(row, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
