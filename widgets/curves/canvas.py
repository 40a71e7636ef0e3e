"""The drawing area of the curve plot: lines, grid, reference, and a cursor for mouse and keys.

It paints by itself rather than through a scene of items: a plot that is redrawn as a whole 20 times
a second needs none of that, and a window opens faster without it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import theme, tokens
from widgets.curves import grid
from widgets.curves.frame import Frame
from widgets.curves.legend import series_pen
from widgets.curves.ranges import SteadyRange, steady_end
from widgets.curves.series import Series, Values, logarithms, thinned

PAD = 0.04
"""Share of the value range left free above and below, so that no line is cut."""
DOT = 4.0
"""Radius of a value that stands alone, in view pixels."""


class CurveCanvas(QWidget):
    """Draws series; knows nothing of titles and values, which stand above it."""

    cursorMoved = Signal(object)
    """Position on the x axis, or None when the cursor has left."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.logarithmic = False
        self.x_range: tuple[float, float] | None = None
        #: What the positions count.
        self.x_title = ""
        self._series: Sequence[Series] = ()
        self._first = 0
        self._drawn: list[tuple[Values, Values]] = []
        self._lines: list[list[QPolygonF]] = []
        self._steady = SteadyRange()
        self._frame = Frame(QRectF())
        self._y_ticks = grid.Ticks([0.0, 1.0], ["", ""])
        self._has_values = False
        self._reference: float | None = None
        self._reference_text = ""
        self._at: float | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def minimumSizeHint(self) -> QSize:
        """Room for three grid lines and their numbers."""
        return QSize(140, 72)

    # Content.

    def set_series(self, series: Sequence[Series], first_style: int = 0) -> None:
        """Draw these from now on, in the theme's styles from ``first_style`` on."""
        self._series = series
        self._first = first_style
        self.restart()

    def set_first_style(self, first: int) -> None:
        """Draw them in the theme's styles from this one on."""
        self._first = first
        self.update()

    def restart(self) -> None:
        """Choose the ranges afresh with the next values."""
        self._steady.reset()
        self.set_cursor(None)
        self.redraw()

    def set_logarithmic(self, on: bool) -> None:
        """Logarithmic values, or linear ones; values that are not positive become gaps."""
        self.logarithmic = on
        self.restart()

    def set_reference(self, y: float | None, text: str) -> None:
        """A dashed line at ``y`` with a text; None for none."""
        self._reference, self._reference_text = y, text
        self.redraw()

    def frame(self) -> Frame:
        """Where what was drawn last lies; values are log10 on a logarithmic axis."""
        return self._frame

    def drawn(self, index: int) -> tuple[Values, Values]:
        """What curve ``index`` was drawn from last: positions, and values on the axis."""
        return self._drawn[index]

    def shown(self, y: Values) -> Values:
        """Values as positions on the axis."""
        return logarithms(y) if self.logarithmic else y

    def reference_position(self) -> float | None:
        """Where the reference line lies on the axis; None when it cannot be shown."""
        if self._reference is None:
            return None
        position = float(self.shown(np.array([self._reference]))[0])
        return position if np.isfinite(position) else None

    def redraw(self) -> None:
        """Bring curves and ranges up to date."""
        shown = [(s.x, self.shown(s.y)) for s in self._series]
        low, high = self._value_range([y for _, y in shown])
        area = QRectF(self.rect()).adjusted(0.0, grid.TOP, -grid.RIGHT, -grid.BOTTOM)
        self._y_ticks = (
            grid.value_ticks(low, high, area.height(), self.logarithmic)
            if self._has_values
            else grid.Ticks([0.0, 1.0], ["", ""])
        )
        area.setLeft(grid.left_for(self._y_ticks))
        # Two view pixels a stretch: finer zigzags only make the line thicker.
        columns = max(int(area.width() / 2), 100)
        self._drawn = [tuple(a.copy() for a in thinned(x, y, columns)) for x, y in shown]  # type: ignore[misc]
        pad = PAD * (high - low)
        ranges = self._position_range(), (low - pad, high + pad)
        area.setBottom(area.bottom() - grid.title_height(Frame(area, *ranges), self.x_title))
        self._frame = Frame(area, *ranges)
        self._lines = [self._frame.lines(x, y) for x, y in self._drawn]
        self.update()

    def _value_range(self, shown: list[Values]) -> tuple[float, float]:
        finite = [part for y in shown if (part := y[np.isfinite(y)]).size]
        self._has_values = bool(finite)
        if not finite:
            return 0.0, 1.0
        low = min(float(y.min()) for y in finite)
        high = max(float(y.max()) for y in finite)
        reference = self.reference_position()
        if reference is not None:
            low, high = min(low, reference), max(high, reference)
        return self._steady.update(low, high)

    def _position_range(self) -> tuple[float, float]:
        ends = [(float(s.x.min()), float(s.x.max())) for s in self._series if len(s)]
        low = min((e[0] for e in ends), default=0.0)
        high = max((e[1] for e in ends), default=1.0)
        if self.x_range is not None:
            return min(self.x_range[0], low), max(self.x_range[1], high)
        return min(low, 0.0), steady_end(high)

    # The cursor.

    def cursor_x(self) -> float | None:
        """Position of the cursor on the x axis, always that of a value; None without one."""
        return self._at

    def set_cursor(self, x: float | None) -> None:
        """Put the cursor on the values nearest to ``x``."""
        at = None
        if x is not None:
            found = [(s, s.nearest(x)) for s in self._series]
            near = [float(s.x[i]) for s, i in found if i is not None]
            at = min(near, key=lambda p: abs(p - x), default=None)
        if at != self._at:
            self._at = at
            self.update()
            self.cursorMoved.emit(at)

    def move_cursor(self, steps: int) -> None:
        """Go ``steps`` values to the right; from nowhere to the newest one."""
        every = [s.x for s in self._series if len(s)]
        if not every:
            return
        positions = np.unique(np.concatenate(every))
        last = len(positions) - 1
        index = last if self._at is None else int(np.searchsorted(positions, self._at)) + steps
        self.set_cursor(float(positions[min(max(index, 0), last)]))

    # Drawing.

    def paintEvent(self, event: QPaintEvent) -> None:
        """Grid, reference, curves with the first on top, cursor."""
        painter = QPainter(self)
        grid.draw_values(painter, self._frame, self._y_ticks)
        if self._has_values:
            grid.draw_positions(painter, self._frame, self.x_title)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_reference(painter)
        painter.save()
        # Room for a dot at the sides, where the first and the newest value are.
        painter.setClipRect(self._frame.area.adjusted(-DOT - 1, -grid.TOP, grid.RIGHT, DOT + 1))
        for index in reversed(range(len(self._lines))):
            painter.setPen(series_pen(index, self._first))
            for line in self._lines[index]:
                if line.count() == 2 and line[0] == line[1]:
                    self._paint_dot(painter, index, line[0], DOT)
                else:
                    painter.drawPolyline(line)
        painter.restore()
        if self._at is not None:
            self._paint_cursor(painter, self._at)

    def _paint_reference(self, painter: QPainter) -> None:
        position = self.reference_position()
        if position is None or not self._has_values:
            return
        area, row = self._frame.area, self._frame.row(position)
        pen = QPen(theme.color("hint"), 1.2)
        pen.setDashPattern([3, 3])
        painter.setPen(pen)
        painter.drawLine(QPointF(area.left(), row), QPointF(area.right(), row))
        if self._reference_text:
            font = theme.font(tokens.SIZE_SECTION)
            painter.setFont(font)
            height = QFontMetricsF(font).height()
            # Below the line where there is no room above it.
            top = row - height - 2 if row - height > area.top() else row + 2
            box = QRectF(area.left(), top, area.width(), height)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight, self._reference_text)

    def _paint_cursor(self, painter: QPainter, at: float) -> None:
        area, column = self._frame.area, self._frame.column(at)
        painter.setPen(QPen(theme.color("hint"), 1))
        painter.drawLine(QPointF(column, area.top()), QPointF(column, area.bottom()))
        for index, series in enumerate(self._series):
            near = series.nearest(at)
            if near is None or series.x[near] != at:
                continue
            y = float(self.shown(series.y[near : near + 1])[0])
            if np.isfinite(y):
                self._paint_dot(painter, index, QPointF(column, self._frame.row(y)), 4.5)

    def _paint_dot(self, painter: QPainter, index: int, at: QPointF, radius: float) -> None:
        painter.save()
        painter.setPen(QPen(theme.color("surface"), 1.5))
        painter.setBrush(QColor(theme.series(self._first + index).color))
        painter.drawEllipse(at, radius, radius)
        painter.restore()

    # Events.

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the curves out for the new size."""
        self.redraw()
        super().resizeEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The cursor follows the mouse."""
        self.set_cursor(self._frame.position(event.position().x()))

    def leaveEvent(self, event: QEvent) -> None:
        """The mouse has left."""
        self.set_cursor(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move the cursor from value to value, Home and End to the first and the last."""
        far = 10**9
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_PageUp: -10,
            Qt.Key.Key_PageDown: 10,
            Qt.Key.Key_Home: -far,
            Qt.Key.Key_End: far,
        }
        key = event.key()
        if key in steps:
            if self._at is None and key == Qt.Key.Key_Home:
                self.move_cursor(0)
            self.move_cursor(steps[Qt.Key(key)])
        elif key == Qt.Key.Key_Escape and self._at is not None:
            self.set_cursor(None)
        else:
            event.ignore()
