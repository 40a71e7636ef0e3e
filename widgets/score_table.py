"""A table of contestants: one line each, numbers that change while they run, the best marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPointF, QSize, Qt, Slot
from PySide6.QtGui import QBrush, QFont, QIcon, QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from widgets import theme
from widgets.curves.legend import series_pen

LINE = 28
"""Height of a line in view pixels."""
NAME = 150
"""Width of the column of names, at least where there is room."""
_PADDING = 16
_VALUE = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class Column:
    """One number. ``better`` says which is best: the highest, the lowest, or none is."""

    key: str
    title: str
    unit: str = ""
    help: str = ""
    digits: int = 2
    better: Literal["high", "low", ""] = ""


class _Number(QTableWidgetItem):
    """Sorts by its value; what is not known comes last either way."""

    def __lt__(self, other: QTableWidgetItem) -> bool:
        mine, theirs = self.data(_VALUE), other.data(_VALUE)
        if mine is None or theirs is None:
            table = self.tableWidget()
            order = table.horizontalHeader().sortIndicatorOrder() if table is not None else None
            return (mine is None) == (order == Qt.SortOrder.DescendingOrder)
        return bool(mine < theirs)


class ScoreTable(QTableWidget):
    """Contestants by key, in the styles of the curves that are drawn of them.

    A click on a heading sorts. Values are set at any time; ``mark`` makes the best ones bold.
    """

    def __init__(self, columns: Sequence[Column], parent: QWidget | None = None) -> None:
        super().__init__(0, 2 + len(columns), parent)
        self._columns = list(columns)
        self._rows: dict[str, tuple[QTableWidgetItem, QTableWidgetItem, list[_Number]]] = {}
        titles = [self.tr("Method"), self.tr("State")]
        titles += [f"{c.title} {c.unit}".strip() for c in columns]
        self._heads = [QTableWidgetItem(text) for text in titles]
        for place, item in enumerate(self._heads):
            self.setHorizontalHeaderItem(place, item)
        for column, item in zip(columns, self._heads[2:], strict=True):
            item.setToolTip(column.help)
        self.setAccessibleName(self.tr("Comparison"))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(LINE)
        head = self.horizontalHeader()
        head.setFixedHeight(LINE)
        head.setHighlightSections(False)
        head.setMinimumSectionSize(36)
        head.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._set_widths()
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        for item in self._heads[:2]:
            item.setTextAlignment(left)
        self.setShowGrid(False)
        self.setIconSize(QSize(22, 14))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setWordWrap(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        head.sortIndicatorChanged.connect(self._on_sorted)
        theme.changed.connect(self._on_theme)

    def sizeHint(self) -> QSize:
        """Heading and lines with room for a name, without scrolling."""
        width = max(NAME, self._least_name()) + self._taken()
        height = LINE * (self.rowCount() + 1)
        return QSize(width + 2 * self.frameWidth(), height + 2 * self.frameWidth())

    def _set_widths(self) -> None:
        """Room for the widest that may come: nothing jumps when values change."""
        self.ensurePolished()
        measure = self.fontMetrics().horizontalAdvance
        head = self.horizontalHeader()
        self.setColumnWidth(1, measure(self.tr("Warming up")) + _PADDING)
        for place, column in enumerate(self._columns, start=2):
            widest = "8888" if column.digits == 0 else f"{888.0:.{column.digits}f}"
            title = head.fontMetrics().horizontalAdvance(f"{column.title} {column.unit}")
            self.setColumnWidth(place, max(title, measure(widest)) + _PADDING)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Names take what numbers leave, and never less than they need."""
        super().resizeEvent(event)
        self._fit_names()

    def _taken(self) -> int:
        return sum(self.columnWidth(column) for column in range(1, self.columnCount()))

    def _least_name(self) -> int:
        """What the longest name needs, with its piece of line."""
        widest = max(
            (
                self.sizeHintForIndex(self.model().index(r, 0)).width()
                for r in range(self.rowCount())
            ),
            default=0,
        )
        return widest + _PADDING // 2

    def _fit_names(self) -> None:
        self.setColumnWidth(0, max(self.viewport().width() - self._taken(), self._least_name()))

    def minimumSizeHint(self) -> QSize:
        """The heading and two lines."""
        return QSize(240, 3 * LINE)

    def set_contestants(self, names: Sequence[tuple[str, str]]) -> None:
        """Contestants as (key, title); all values go away."""
        self.setSortingEnabled(False)
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self._rows.clear()
        self.setRowCount(len(names))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for row, (key, title) in enumerate(names):
            name, state = QTableWidgetItem(title), QTableWidgetItem("")
            name.setToolTip(title)
            numbers = [_Number("–") for _ in self._columns]
            for place, item in enumerate([name, state, *numbers]):
                if place > 1:
                    item.setTextAlignment(right)
                self.setItem(row, place, item)
            self._rows[key] = (name, state, numbers)
        self._draw_swatches()
        self._fit_names()
        self.setSortingEnabled(True)
        # Its arrow takes room from the titles, so it is shown only where something is sorted.
        self.horizontalHeader().setSortIndicatorShown(False)
        self.updateGeometry()

    def has(self, key: str) -> bool:
        """Whether there is such a contestant."""
        return key in self._rows

    def columns(self) -> list[str]:
        """Keys of the numbers."""
        return [column.key for column in self._columns]

    def set_state(self, key: str, text: str, help: str = "") -> None:
        """What a contestant is up to, in a word or two; ``help`` on hover."""
        item = self._rows[key][1]
        if item.text() != text:
            item.setText(text)
        item.setToolTip(help)

    def set_value(self, key: str, column: str, value: float | None) -> None:
        """A number; None where it is not known."""
        place = next(i for i, c in enumerate(self._columns) if c.key == column)
        item = self._rows[key][2][place]
        item.setData(_VALUE, value)
        text = "–" if value is None else f"{value:.{self._columns[place].digits}f}"
        if item.text() != text:
            item.setText(text.replace("-", "−"))

    def value(self, key: str, column: str) -> float | None:
        """The number that was set last."""
        place = next(i for i, c in enumerate(self._columns) if c.key == column)
        found: float | None = self._rows[key][2][place].data(_VALUE)
        return found

    def state_text(self, key: str) -> str:
        """What ``set_state`` said last."""
        return self._rows[key][1].text()

    def mark(self, on: bool = True) -> None:
        """Make the best number of each column bold, where one is best at all."""
        for place, column in enumerate(self._columns):
            items = [numbers[place] for _, _, numbers in self._rows.values()]
            known = [item.data(_VALUE) for item in items if item.data(_VALUE) is not None]
            several = column.better and len(set(known)) > 1
            best = (max if column.better == "high" else min)(known) if several else None
            for item in items:
                wins = on and best is not None and item.data(_VALUE) == best
                font = QFont(self.font())
                font.setBold(wins)
                item.setFont(font)
                item.setForeground(QBrush(theme.color("accent")) if wins else QBrush())

    def rows(self) -> list[list[str]]:
        """Headings and lines as they are read."""
        lines = sorted(self._rows.values(), key=lambda line: line[0].row())
        texts = [[item.text() for item in (name, state, *rest)] for name, state, rest in lines]
        return [[item.text() for item in self._heads], *texts]

    def _draw_swatches(self) -> None:
        for index, (name, _, _) in enumerate(self._rows.values()):
            ratio = self.devicePixelRatioF()
            pixmap = QPixmap(QSize(22, 14) * ratio)
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(series_pen(index))
            painter.drawLine(QPointF(1, 7), QPointF(21, 7))
            painter.end()
            name.setIcon(QIcon(pixmap))

    @Slot(int)
    def _on_sorted(self, column: int) -> None:
        self.horizontalHeader().setSortIndicatorShown(column >= 0)

    @Slot(object)
    def _on_theme(self, _theme: object) -> None:
        self._draw_swatches()
        bold = any(item.font().bold() for _, _, numbers in self._rows.values() for item in numbers)
        self.mark(bold)
