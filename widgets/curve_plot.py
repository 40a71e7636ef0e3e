"""A card with curves that grow while something runs: title, current values, lines, cursor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QImage,
    QPainter,
    QPaintEvent,
    QPen,
    QShowEvent,
)
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QLabel, QMenu, QVBoxLayout, QWidget

from widgets import theme, tokens
from widgets.curves.canvas import CurveCanvas
from widgets.curves.export import write_csv
from widgets.curves.legend import Entry, Swatch
from widgets.curves.ranges import position_text, value_text
from widgets.curves.series import Series, Values
from widgets.image_view.export import save_image
from widgets.parts.flow import FlowLayout

REDRAW_MS = 50
"""Curves are drawn at most this often, however fast values come."""

Declared = tuple[str, str, str] | tuple[str, str, str, int]
"""Key, title, unit, and maybe the decimals worth reading."""


class CurvePlot(QFrame):
    """Curves over steps, with their newest values above them.

    Hover or use the arrow keys to read values; the context menu exports. ``append`` costs about a
    microsecond and is drawn at most 20 times a second, and not at all while the plot is hidden.
    """

    cursorMoved = Signal(object)
    """Position of the cursor on the x axis, or None."""
    failed = Signal(str)
    """One line that says what could not be saved, and why."""

    def __init__(self, title: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._series: dict[str, Series] = {}
        self._entries: list[Entry] = []
        self._first_style = 0
        self._legend = True
        theme.set_role(self, "card")
        self._head = QVBoxLayout()
        self._head.setSpacing(2)
        self.canvas = CurveCanvas(self)
        self.canvas.x_title = self.tr("step")
        self._hint = QLabel(self.tr("Values appear with the first step"), self.canvas)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._hint.setWordWrap(True)
        theme.set_role(self._hint, "hint")
        cover = QVBoxLayout(self.canvas)
        cover.addWidget(self._hint)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 6)
        layout.setSpacing(6)
        layout.addLayout(self._head)
        layout.addWidget(self.canvas, 1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._redraw)
        self.canvas.cursorMoved.connect(self._cursor_moved)
        theme.changed.connect(self._theme_changed)
        self.setFocusProxy(self.canvas)
        self.set_series([])

    def sizeHint(self) -> QSize:
        """Two of these stand side by side below the stage."""
        return QSize(328, 168)

    def minimumSizeHint(self) -> QSize:
        """Room for a head, three grid lines and their numbers."""
        return QSize(180, 120)

    # Content.

    def set_series(self, series: Sequence[Declared], first_style: int = 0) -> None:
        """Declare the curves as (key, title, unit), and the decimals worth reading; clears all.

        They take the theme's colors from ``first_style`` on, so that neighboring plots can differ.
        """
        self._first_style = first_style
        self._series = {key: Series(key, *rest) for key, *rest in series}
        self._build_head()
        self.canvas.set_series(list(self._series.values()), first_style)
        self._redraw()

    def set_first_style(self, first: int) -> None:
        """Take the theme's colors from another one on; the values stay."""
        if first != self._first_style:
            self._first_style = first
            self._build_head()
            self.canvas.set_first_style(first)

    def keys(self) -> list[str]:
        """Keys of the curves in their order."""
        return list(self._series)

    def append(self, key: str, x: float, y: float) -> None:
        """Add a value at the end of a curve; KeyError for an undeclared one."""
        self._series[key].append(x, y)
        self._request()

    def set_data(self, key: str, x: object, y: object) -> None:
        """Replace all values of a curve: two equally long sequences, x growing."""
        self._series[key].replace(x, y)
        self._request()

    def data(self, key: str) -> tuple[Values, Values]:
        """Copies of all positions and values of a curve."""
        series = self._series[key]
        return series.x.copy(), series.y.copy()

    def has_values(self) -> bool:
        """Whether a curve has any."""
        return any(len(series) for series in self._series.values())

    def clear(self) -> None:
        """Forget all values; curves, reference and axes stay declared."""
        for series in self._series.values():
            series.clear()
        self.canvas.restart()
        self._redraw()

    def set_title(self, title: str) -> None:
        """Title of the card; without one a single curve's title stands there."""
        self._title = title
        self._build_head()

    def set_legend(self, on: bool) -> None:
        """Whether the head names the curves and their values, or the title alone stands there."""
        if on != self._legend:
            self._legend = on
            self._build_head()

    def set_x_title(self, title: str) -> None:
        """What the positions count, as it is drawn, read out and written to CSV."""
        self.canvas.x_title = title
        self.canvas.redraw()

    def set_x_range(self, low: float | None, high: float | None = None) -> None:
        """Show at least ``low`` to ``high``, such as all steps to come; None to follow values."""
        self.canvas.x_range = None if low is None or high is None else (low, high)
        self._request()

    def set_reference(self, y: float | None, text: str = "") -> None:
        """A dashed line at ``y`` with a short text; None takes it away."""
        self.canvas.set_reference(y, text)

    def set_log(self, on: bool) -> None:
        """Logarithmic values; those that are not positive become gaps."""
        if on != self.canvas.logarithmic:
            self.canvas.set_logarithmic(on)

    def is_log(self) -> bool:
        """Whether values are logarithmic."""
        return self.canvas.logarithmic

    # Export.

    def export_csv(self, path: str | Path) -> None:
        """Write all values as a table; OSError when the file cannot be written."""
        write_csv(path, list(self._series.values()), self.canvas.x_title)

    def image(self, ratio: float = 2.0) -> QImage:
        """The card as it is seen, without cursor, at ``ratio`` pixels per view pixel."""
        self.canvas.set_cursor(None)
        self._redraw()
        image = QImage(self.size() * ratio, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        image.fill(theme.color("window"))
        painter = QPainter(image)
        self.render(painter, QPoint())
        painter.end()
        return image

    def export_png(self, path: str | Path, ratio: float = 2.0) -> None:
        """Write `image`; PNG keeps every bit.

        Raises OSError when the file cannot be written, ValueError for an unknown ending.
        """
        save_image(self.image(ratio), path)

    # Inside.

    def _build_head(self) -> None:
        while (item := self._head.takeAt(0)) is not None:
            old = item.widget()
            if old is not None:
                old.hide()
                old.deleteLater()
        several = len(self._series) > 1
        self._entries = []
        row = QWidget()
        line = FlowLayout(row, spacing=8) if several else QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        if self._title and len(self._series) != 1:
            title = QLabel(self._title)
            theme.set_role(title, "section")
            line.addWidget(title)
        for index, series in enumerate(self._series.values()):
            shown = series.title if several or not self._title else self._title
            swatch = Swatch(index, self._first_style) if several else None
            self._entries.append(Entry(shown, swatch))
            line.addWidget(self._entries[-1])
            self._entries[-1].setVisible(self._legend or not several)
        self._head.addWidget(row)
        titles = ", ".join(s.title for s in self._series.values())
        self.canvas.setAccessibleName(self._title or titles or self.tr("Curve"))
        self._show_values()

    def _request(self) -> None:
        if not self._timer.isActive():
            self._timer.start(REDRAW_MS)

    def _redraw(self) -> None:
        self._timer.stop()
        if self.isVisible() or not self.testAttribute(Qt.WidgetAttribute.WA_WState_Created):
            self.canvas.redraw()
        self._hint.setVisible(not self.has_values())
        self._show_values()

    def _show_values(self) -> None:
        at = self.canvas.cursor_x()
        texts = []
        for entry, series in zip(self._entries, self._series.values(), strict=True):
            value = series.last()
            if at is not None:
                near = series.nearest(at)
                found = near is not None and series.x[near] == at
                value = float(series.y[near]) if found and near is not None else None
            text = value_text(value, series.unit, series.decimals)
            texts.append(f"{series.title} {text}")
            if at is not None and entry is self._entries[-1]:
                text = f"{self.canvas.x_title} {position_text(at)} · {text}"
            entry.set_value(text)
        self.canvas.setAccessibleDescription(", ".join(texts))

    def _cursor_moved(self, at: float | None) -> None:
        self._show_values()
        self.cursorMoved.emit(at)

    def _theme_changed(self, _theme: object) -> None:
        # Numbers of another size need another room.
        self.canvas.redraw()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what came while hidden."""
        super().showEvent(event)
        self._redraw()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The card, with a frame in the accent color while keys go to it."""
        super().paintEvent(event)
        if self.canvas.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.color("accent"), 1))
            area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
            painter.drawRoundedRect(area, tokens.RADIUS_CARD, tokens.RADIUS_CARD)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Export, copy, and the kind of axis."""
        menu = self.build_menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(event.globalPos())

    def build_menu(self) -> QMenu:
        """The context menu."""
        menu = QMenu(self)
        menu.addAction(self.tr("Save values as CSV …")).triggered.connect(self._ask_csv)
        menu.addAction(self.tr("Save picture as PNG …")).triggered.connect(self._ask_png)
        menu.addAction(self.tr("Copy picture")).triggered.connect(self.copy)
        menu.addSeparator()
        log = menu.addAction(self.tr("Logarithmic"))
        log.setCheckable(True)
        log.setChecked(self.is_log())
        log.toggled.connect(self.set_log)
        return menu

    def copy(self) -> None:
        """Put the card on the clipboard as a picture."""
        QGuiApplication.clipboard().setImage(self.image())

    def _ask_csv(self) -> None:
        self._ask(self.tr("Save values"), "curves.csv", self.tr("Tables (*.csv)"))

    def _ask_png(self) -> None:
        self._ask(self.tr("Save picture"), "curves.png", self.tr("Pictures (*.png)"))

    def _ask(self, title: str, name: str, kinds: str) -> None:
        path, _ = QFileDialog.getSaveFileName(self, title, name, kinds)
        if not path:
            return
        try:
            (self.export_csv if name.endswith("csv") else self.export_png)(path)
        except (OSError, ValueError) as error:
            self.failed.emit(str(error))
