"""The drawing area of the curve plot: lines, grid, reference, and a cursor for mouse and keys."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPen, QWheelEvent
from PySide6.QtWidgets import QWidget

from widgets import theme, tokens
from widgets.curves import grid
from widgets.curves.legend import series_pen
from widgets.curves.ranges import SteadyRange, steady_end
from widgets.curves.series import Series, Values, logarithms, thinned


class CurveCanvas(pg.PlotWidget):
    """Draws series; knows nothing of titles and values, which stand above it."""

    cursorMoved = Signal(object)
    """Position on the x axis, or None when the cursor has left."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, background=None)
        self.logarithmic = False
        self.x_range: tuple[float, float] | None = None
        self._series: Sequence[Series] = ()
        self._curves: list[pg.PlotCurveItem] = []
        self._y = SteadyRange()
        self._y_range = (0.0, 1.0)
        self._has_values = False
        self._reference: float | None = None
        self._at: float | None = None
        self._first = 0
        plot = self.getPlotItem()
        plot.setMenuEnabled(False)
        plot.setMouseEnabled(False, False)
        plot.hideButtons()
        plot.disableAutoRange()
        # Axes are drawn by `grid`: pyqtgraph leaves out numbers that touch the edge.
        plot.hideAxis("left")
        plot.hideAxis("bottom")
        plot.layout.setContentsMargins(grid.LEFT, grid.TOP, grid.RIGHT, grid.BOTTOM)
        self._line = pg.InfiniteLine(angle=0, movable=False)
        self._label = pg.TextItem(anchor=(1, 1))
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._dots = pg.ScatterPlotItem(size=8, pxMode=True)
        for item in (self._line, self._label, self._cursor, self._dots):
            item.setVisible(False)
            plot.addItem(item, ignoreBounds=True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.dress()

    def set_series(self, series: Sequence[Series], first_style: int = 0) -> None:
        """Draw these from now on, in the theme's styles from ``first_style`` on."""
        plot = self.getPlotItem()
        for curve in self._curves:
            plot.removeItem(curve)
        self._series = series
        self._first = first_style
        self._curves = [pg.PlotCurveItem(antialias=True) for _ in series]
        for index, curve in enumerate(self._curves):
            # The first series lies on top: it is the one a plot is about.
            curve.setZValue(len(series) - index)
            plot.addItem(curve, ignoreBounds=True)
        self.dress()
        self.restart()

    def restart(self) -> None:
        """Choose the ranges afresh with the next values."""
        self._y.reset()
        self.set_cursor(None)
        self.redraw()

    def set_logarithmic(self, on: bool) -> None:
        """Logarithmic values, or linear ones; values that are not positive become gaps."""
        self.logarithmic = on
        self.restart()

    def set_reference(self, y: float | None, text: str) -> None:
        """A dashed line at ``y`` with a text; None for none."""
        self._reference = y
        self._label.setText(text)
        self.redraw()

    def dress(self) -> None:
        """Take the colors of the present theme."""
        for index, curve in enumerate(self._curves):
            curve.setPen(series_pen(index, self._first))
        dashed = QPen(theme.color("hint"), 1.2)
        dashed.setCosmetic(True)
        dashed.setDashPattern([3, 3])
        self._line.setPen(dashed)
        self._label.setColor(theme.color("hint"))
        self._label.setFont(theme.font(tokens.SIZE_SECTION))
        self._cursor.setPen(pg.mkPen(theme.color("hint"), width=1))
        self._place_cursor()

    def shown(self, y: Values) -> Values:
        """Values as positions on the axis."""
        return logarithms(y) if self.logarithmic else y

    def drawn(self, index: int) -> tuple[Values, Values]:
        """What curve ``index`` was drawn from last: positions and values on the axes."""
        x, y = self._curves[index].getData()
        return (np.empty(0), np.empty(0)) if x is None or y is None else (x, y)

    def redraw(self) -> None:
        """Bring curves, ranges, reference and cursor up to date."""
        columns = max(self.getPlotItem().vb.width(), 100)
        for series, curve in zip(self._series, self._curves, strict=True):
            x, y = thinned(series.x, self.shown(series.y), int(columns))
            curve.setData(x.copy(), y.copy(), connect="finite")
        self._update_ranges()
        self._place_reference()
        self._place_cursor()
        # The numbers lie outside what pyqtgraph would repaint by itself.
        self.viewport().update()

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        """Grid and numbers, below the curves."""
        box = self.getPlotItem().vb
        area = box.mapRectToScene(box.boundingRect())
        x_range, y_range = box.viewRange()
        nothing = grid.Ticks([], [])
        x_ticks = grid.position_ticks(*x_range, area.width()) if self._has_values else nothing
        y_ticks = grid.value_ticks(*self._y_range, area.height(), self.logarithmic)
        if not self._has_values:
            y_ticks = grid.Ticks([0.0, 1.0], ["", ""])
        grid.draw_grid(painter, area, tuple(x_range), tuple(y_range), x_ticks, y_ticks)

    def _update_ranges(self) -> None:
        shown = [self.shown(s.y) for s in self._series if len(s)]
        finite = [y[np.isfinite(y)] for y in shown]
        finite = [y for y in finite if y.size]
        self._has_values = bool(finite)
        low, high = 0.0, 1.0
        if finite:
            low, high = min(y.min() for y in finite), max(y.max() for y in finite)
            reference = self._reference_position()
            if reference is not None:
                low, high = min(low, reference), max(high, reference)
            low, high = self._y.update(float(low), float(high))
        self._y_range = (low, high)
        pad = 0.04 * (high - low)
        left, right = self._x_range()
        self.getPlotItem().vb.setRange(
            xRange=(left, right), yRange=(low - pad, high + pad), padding=0
        )

    def _x_range(self) -> tuple[float, float]:
        ends = [(float(s.x.min()), float(s.x.max())) for s in self._series if len(s)]
        low = min((e[0] for e in ends), default=0.0)
        high = max((e[1] for e in ends), default=1.0)
        if self.x_range is not None:
            return min(self.x_range[0], low), max(self.x_range[1], high)
        return min(low, 0.0), steady_end(high)

    def _reference_position(self) -> float | None:
        if self._reference is None or not np.isfinite(self._reference):
            return None
        position = float(self.shown(np.array([self._reference]))[0])
        return position if np.isfinite(position) else None

    def _place_reference(self) -> None:
        position = self._reference_position()
        self._line.setVisible(position is not None)
        self._label.setVisible(position is not None)
        if position is not None:
            (_, right), (low, high) = self.getPlotItem().vb.viewRange()
            # Below the line where there is no room above it.
            above = position < low + 0.8 * (high - low)
            self._label.setAnchor((1, 1 if above else 0))
            self._line.setPos(position)
            self._label.setPos(right, position)

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
            self._place_cursor()
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

    def _place_cursor(self) -> None:
        self._cursor.setVisible(self._at is not None)
        self._dots.setVisible(self._at is not None)
        if self._at is None:
            return
        self._cursor.setPos(self._at)
        spots = []
        for index, series in enumerate(self._series):
            near = series.nearest(self._at)
            if near is not None and series.x[near] == self._at:
                y = float(self.shown(series.y[near : near + 1])[0])
                style = theme.series(self._first + index)
                if np.isfinite(y):
                    ring = pg.mkPen(theme.color("surface"), width=1.5)
                    color = pg.mkBrush(style.color)
                    spots.append(
                        {"pos": (self._at, y), "brush": color, "pen": ring, "symbol": style.marker}
                    )
        self._dots.setData(spots)

    # Events.

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The cursor follows the mouse."""
        at = self.getPlotItem().vb.mapSceneToView(self.mapToScene(event.position().toPoint()))
        self.set_cursor(at.x())

    def leaveEvent(self, event: QEvent) -> None:
        """The mouse has left."""
        self.set_cursor(None)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to what the plot lies in, which may scroll."""
        event.ignore()

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
        key = Qt.Key(event.key())
        if key in steps:
            if self._at is None and key == Qt.Key.Key_Home:
                self.move_cursor(0)
            self.move_cursor(steps[key])
        elif key == Qt.Key.Key_Escape and self._at is not None:
            self.set_cursor(None)
        else:
            event.ignore()
