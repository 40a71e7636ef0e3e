"""The list of runs on the history page: a model, its thumbnails, and how a row is drawn."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from time import perf_counter
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QPainter, QPainterPath, QPen, QPixmap
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app import run_words, words
from app.run_row import INTERRUPTED, RunRow
from engine.catalogue import Catalogue
from widgets import icons, theme
from widgets.parts import to_pixmap
from widgets.tokens import RADIUS_BUTTON, SIZE_BASE, SIZE_HINT

Index = QModelIndex | QPersistentModelIndex
RUN_ROLE = Qt.ItemDataRole.UserRole
EDGE = 56
ROW_HEIGHT = 76
#: Decoded thumbnails that are kept; a screen shows about a dozen.
_KEPT = 300
#: Milliseconds of one event-loop turn that decoding may take.
_TURN_MS = 8.0

_SIGNS = {
    "failed": ("error", "red"),
    INTERRUPTED: ("warning", "amber"),
    "cancelled": ("stop", "secondary"),
    "running": ("play", "accent"),
    "paused": ("pause", "accent"),
}


class Thumbnails(QObject):
    """Small pictures, decoded a few at a time so that scrolling never waits for a disk."""

    arrived = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._known: OrderedDict[Path, QPixmap] = OrderedDict()
        self._wanted: OrderedDict[Path, None] = OrderedDict()
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._decode)

    def get(self, path: Path) -> QPixmap | None:
        """The picture, or None until it has been decoded (``arrived`` tells); null if bad."""
        if path in self._known:
            self._known.move_to_end(path)
            return self._known[path]
        self._wanted[path] = None
        if not self._timer.isActive():
            self._timer.start()
        return None

    def forget(self, path: Path) -> None:
        """Decode again when next asked: the file has changed."""
        self._known.pop(path, None)

    def stop(self) -> None:
        """Decode nothing more."""
        self._timer.stop()
        self._wanted.clear()

    def _decode(self) -> None:
        began = perf_counter()
        while self._wanted and (perf_counter() - began) * 1000 < _TURN_MS:
            # What was asked last is what is on the screen now.
            path, _ = self._wanted.popitem()
            self._known[path] = to_pixmap(path, QSize(2 * EDGE, 2 * EDGE))
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        if not self._wanted:
            self._timer.stop()
        self.arrived.emit()


class RunModel(QAbstractListModel):
    """The runs that fit the search, as rows."""

    def __init__(self, catalogue: Catalogue, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.catalogue = catalogue
        self.rows: list[RunRow] = []

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """How many runs are listed."""
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Heading, run, and what a screen reader says."""
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.heading
        if role == RUN_ROLE:
            return row
        if role == Qt.ItemDataRole.AccessibleTextRole:
            status, facts = run_words.status(row.shown_status), facts_line(row, self.catalogue)
            return ", ".join([row.heading, status, facts, words.ago(row.created)])
        return None

    def set_rows(self, rows: list[RunRow]) -> None:
        """Show other runs; nothing is announced where they are the same."""
        if rows == self.rows:
            return
        if [row.id for row in rows] == [row.id for row in self.rows]:
            self.rows = rows
            self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def set_catalogue(self, catalogue: Catalogue) -> None:
        """Use other titles and units."""
        self.catalogue = catalogue
        if self.rows:
            self.dataChanged.emit(self.index(0), self.index(len(self.rows) - 1))

    def position(self, run_id: str) -> int:
        """The row of a run, or -1."""
        return next((n for n, row in enumerate(self.rows) if row.id == run_id), -1)


class RunDelegate(QStyledItemDelegate):
    """Draws a run: thumbnail, heading, one line of facts, and a sign where it did not finish."""

    def __init__(self, thumbnails: Thumbnails, model: RunModel, parent: QObject) -> None:
        super().__init__(parent)
        self._thumbnails, self._model = thumbnails, model

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """One height for all rows, so that thousands are laid out at once."""
        return QSize(240, max(ROW_HEIGHT, theme.scaled(ROW_HEIGHT)))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one row."""
        row: RunRow = index.data(RUN_ROLE)
        state: QStyle.StateFlag = option.state  # type: ignore[attr-defined]
        area = QRect(option.rect).adjusted(4, 2, -4, -2)  # type: ignore[attr-defined]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        self._ground(painter, area, state)
        picture = QRect(area.left() + 8, area.center().y() - EDGE // 2, EDGE, EDGE)
        self._picture(painter, picture, row)
        words_area = area.adjusted(8 + EDGE + 12, 0, -12, 0)
        selected = bool(state & QStyle.StateFlag.State_Selected)
        self._words(painter, words_area, row, selected=selected)
        painter.restore()

    def _ground(self, painter: QPainter, area: QRect, state: QStyle.StateFlag) -> None:
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected or state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent_ground" if selected else "hover"))
            painter.drawRoundedRect(area, RADIUS_BUTTON, RADIUS_BUTTON)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(theme.color("accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(
                QRectF(area).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS_BUTTON, RADIUS_BUTTON
            )

    def _picture(self, painter: QPainter, place: QRect, row: RunRow) -> None:
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(place), RADIUS_BUTTON, RADIUS_BUTTON)
        painter.fillPath(shape, theme.color("control"))
        pixmap = self._thumbnails.get(row.path / row.thumbnail) if row.thumbnail else QPixmap()
        if pixmap is None:
            return
        if pixmap.isNull():
            painter.drawPixmap(
                place.center().x() - 9, place.center().y() - 9, icons.pixmap("picture", 20, "hint")
            )
            return
        painter.save()
        painter.setClipPath(shape)
        edge = min(pixmap.width(), pixmap.height())
        middle = QRect((pixmap.width() - edge) // 2, (pixmap.height() - edge) // 2, edge, edge)
        painter.drawPixmap(place, pixmap, middle)
        painter.restore()

    def _words(self, painter: QPainter, area: QRect, row: RunRow, *, selected: bool) -> None:
        strong, quiet = theme.font(SIZE_BASE, 600), theme.font(SIZE_HINT)
        # On the selection's ground the quiet colors would be too faint to read.
        soft = "text" if selected else "secondary"
        when = words.ago(row.created)
        line = QFontMetrics(strong).height() + 4
        top = QRect(area.left(), area.center().y() - line + 1, area.width(), line)
        painter.setFont(quiet)
        painter.setPen(theme.color("text" if selected else "hint"))
        painter.drawText(top, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, when)
        top.setWidth(area.width() - QFontMetrics(quiet).horizontalAdvance(when) - 12)
        painter.setFont(strong)
        painter.setPen(theme.color("text"))
        _draw(painter, top, row.heading)
        below = QRect(area.left(), area.center().y() + 2, area.width(), line)
        painter.setFont(quiet)
        status = row.shown_status
        if status in _SIGNS:
            icon, color = _SIGNS[status]
            color = "text" if selected else color
            painter.drawPixmap(below.left(), below.center().y() - 7, icons.pixmap(icon, 14, color))
            below.setLeft(below.left() + 20)
            word = run_words.status(status)
            painter.setPen(theme.color(color))
            _draw(painter, below, word)
            below.setLeft(below.left() + painter.fontMetrics().horizontalAdvance(word) + 8)
        painter.setPen(theme.color(soft))
        _draw(painter, below, facts_line(row, self._model.catalogue))


class RunList(QListView):
    """The list itself. ``opened`` carries the run that was activated by Enter or double click."""

    opened = Signal(object)

    def __init__(self, model: RunModel, parent: QWidget) -> None:
        super().__init__(parent)
        self.thumbnails = Thumbnails(self)
        self.thumbnails.arrived.connect(self.viewport().update)
        self.setModel(model)
        self.setItemDelegate(RunDelegate(self.thumbnails, model, self))
        self.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setAccessibleName(self.tr("Runs"))
        # The delegate draws the grounds; a border around the list would be one frame too many.
        self.setStyleSheet("QListView { background: transparent; border: none; }")
        self.activated.connect(self._on_activated)

    def chosen(self) -> list[RunRow]:
        """The selected runs, from the top."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        model: RunModel = self.model()  # type: ignore[assignment]
        return [model.rows[row] for row in rows]

    def _on_activated(self, index: QModelIndex) -> None:
        self.opened.emit(index.data(RUN_ROLE))


def facts_line(row: RunRow, catalogue: Catalogue) -> str:
    """The first number, the method where the heading hides it, and how long it took."""
    parts = [text for _, _, text in run_words.metrics(row, catalogue)[:1]]
    if row.name:
        parts.append(row.title)
    if row.seconds > 0:
        parts.append(words.seconds(row.seconds))
    return " · ".join(parts)


def _draw(painter: QPainter, area: QRect, text: str) -> None:
    cut = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, area.width())
    painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, cut)
