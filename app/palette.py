"""Ctrl+K: one line to find every action, method, sample picture and page.

``search`` is plain Python; ``Palette`` is the small window over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QFont, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from widgets import theme

#: Rows shown at most; a person reads no further.
LIMIT = 40
_WIDTH, _HEIGHT, _ROW = 560, 420, 36


@dataclass(frozen=True)
class Entry:
    """One thing that can be found. ``disabled`` is why it cannot be used now."""

    id: str
    title: str
    kind: str
    hint: str = ""
    disabled: str = ""
    words: str = ""


def score(query: str, text: str) -> float:
    """How well ``text`` answers ``query``: 0 for not at all, more for better.

    Every letter of the query must appear in order. Runs of letters, starts of words and
    an early first hit count more, so that ``tv`` finds "Total variation" before "native".
    """
    query, text = query.casefold(), text.casefold()
    total, position, run = 0.0, 0, 0
    for letter in query:
        if letter.isspace():
            run = 0
            continue
        at = text.find(letter, position)
        # A start of a word is worth looking further for than the nearest letter.
        start = _next_word_start(text, letter, position)
        if start >= 0 and run == 0:
            at = start
        if at < 0:
            return 0.0
        adjacent = at == position and run > 0
        run = run + 1 if adjacent else 1
        at_word = at == 0 or not text[at - 1].isalnum()
        total += 1.0 + (2.0 if adjacent else 0.0) + (2.5 if at_word else 0.0)
        position = at + 1
    if query and query in text:
        total += 4.0
    return total - 0.01 * len(text)


def _next_word_start(text: str, letter: str, position: int) -> int:
    at = text.find(letter, position)
    while at >= 0:
        if at == 0 or not text[at - 1].isalnum():
            return at
        at = text.find(letter, at + 1)
    return -1


def search(entries: Sequence[Entry], query: str, limit: int = LIMIT) -> list[Entry]:
    """The best entries for ``query``, best first; usable ones before disabled ones.

    An empty query lists everything in the order given.
    """
    query = query.strip()
    if not query:
        return sorted(entries, key=lambda entry: bool(entry.disabled))[:limit]
    rated = []
    for order, entry in enumerate(entries):
        value = max(score(query, entry.title), 0.6 * score(query, f"{entry.kind} {entry.words}"))
        if value > 0:
            rated.append((bool(entry.disabled), -value, order, entry))
    rated.sort(key=lambda row: row[:3])
    return [entry for *_, entry in rated[:limit]]


class _Found(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.entries: list[Entry] = []

    def show(self, entries: list[Entry]) -> None:
        self.beginResetModel()
        self.entries = entries
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.entries)

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        entry = self.entries[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return entry.disabled or None
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{entry.title}, {entry.kind}"
        return entry if role == Qt.ItemDataRole.UserRole else None


class _Row(QStyledItemDelegate):
    """Title at the left, kind and shortcut at the right."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(200, _ROW)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        entry: Entry = index.data(Qt.ItemDataRole.UserRole)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect: QRect = option.rect.adjusted(6, 1, -6, -1)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent_ground"))
            painter.drawRoundedRect(rect, 6, 6)
        inner = rect.adjusted(10, 0, -10, 0)
        hint = "   ".join(part for part in (entry.kind, entry.hint) if part)
        small = QFont(option.font)
        small.setPixelSize(12)
        painter.setFont(small)
        painter.setPen(theme.color("secondary" if selected else "hint"))
        painter.drawText(inner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, hint)
        taken = painter.fontMetrics().horizontalAdvance(hint) + 16
        painter.setFont(option.font)
        painter.setPen(theme.color("hint" if entry.disabled else "text"))
        room = inner.adjusted(0, 0, -taken, 0)
        text = painter.fontMetrics().elidedText(
            entry.title, Qt.TextElideMode.ElideRight, room.width()
        )
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()


class Palette(QFrame):
    """The small window: a line to type in and what it finds. Emits ``chosen(entry id)``."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setObjectName("palette")
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground, False)
        self._entries: list[Entry] = []
        self._line = QLineEdit(self)
        self._line.setObjectName("paletteLine")
        self._line.setPlaceholderText(self.tr("Find an action, a method, a picture, a page…"))
        self._line.setAccessibleName(self.tr("Find anything"))
        self._line.setMinimumHeight(36)
        self._list = QListView(self)
        self._list.setObjectName("paletteList")
        self._list.setAccessibleName(self.tr("What was found"))
        self._list.setFrameShape(QFrame.Shape.NoFrame)
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setUniformItemSizes(True)
        self._list.setMouseTracking(True)
        self._found = _Found(self)
        self._list.setModel(self._found)
        self._list.setItemDelegate(_Row(self._list))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        layout.addWidget(self._line)
        layout.addWidget(self._list)
        self._line.textChanged.connect(self._on_text)
        self._line.installEventFilter(self)
        self._list.clicked.connect(self._on_clicked)

    def open(self, entries: Sequence[Entry]) -> None:
        """Show ``entries`` in the upper middle of the window, ready for typing."""
        self._entries = list(entries)
        self._line.clear()
        self._on_text("")
        window = self.parentWidget()
        if window is None:
            return
        width = min(_WIDTH, window.width() - 40)
        self.setFixedWidth(width)
        self._fit()
        corner = window.mapToGlobal(window.rect().topLeft())
        self.move(corner.x() + (window.width() - width) // 2, corner.y() + 72)
        self.show()
        self._line.setFocus()

    def found(self) -> list[Entry]:
        """What is listed at present."""
        return list(self._found.entries)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrow keys move in the list while the line keeps the focus."""
        if watched is self._line and isinstance(event, QKeyEvent):
            if event.type() != QEvent.Type.KeyPress:
                return False
            step = {
                Qt.Key.Key_Down: 1,
                Qt.Key.Key_Up: -1,
                Qt.Key.Key_PageDown: 8,
                Qt.Key.Key_PageUp: -8,
            }.get(Qt.Key(event.key()))
            if step is not None:
                self._move(step)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._take(self._list.currentIndex().row())
                return True
        return super().eventFilter(watched, event)

    @Slot(str)
    def _on_text(self, text: str) -> None:
        self._found.show(search(self._entries, text))
        self._fit()
        if self._found.entries:
            self._list.setCurrentIndex(self._found.index(0))

    def _fit(self) -> None:
        """As high as what was found, up to a limit: one hit needs no large empty box."""
        window = self.parentWidget()
        most = min(_HEIGHT, window.height() - 120) if window is not None else _HEIGHT
        edges = self._list.y() + 16 if self.isVisible() else self._line.sizeHint().height() + 24
        rows = _ROW * max(1, len(self._found.entries))
        self.setFixedHeight(max(edges + _ROW, min(most, edges + rows)))

    @Slot(QModelIndex)
    def _on_clicked(self, index: QModelIndex) -> None:
        self._take(index.row())

    def _move(self, step: int) -> None:
        rows = len(self._found.entries)
        if rows:
            row = min(max(self._list.currentIndex().row() + step, 0), rows - 1)
            self._list.setCurrentIndex(self._found.index(row))

    def _take(self, row: int) -> None:
        if not 0 <= row < len(self._found.entries):
            return
        entry = self._found.entries[row]
        if not entry.disabled:
            self.hide()
            self.chosen.emit(entry.id)
