"""Messages as they come: bounded, filtered by level, easy to copy."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import NamedTuple

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QGuiApplication, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from widgets import theme
from widgets.parts.buttons import IconButton, LinkButton

#: Grave enough counts: a filter shows its own level and everything above.
LEVELS = ("debug", "info", "warning", "error")
#: Lines that come in one burst are drawn together, in milliseconds.
BATCH_MS = 50
#: Most lines that are drawn at a time.
BATCH_LINES = 250


class Entry(NamedTuple):
    """One message."""

    time: datetime
    level: str
    source: str
    text: str

    def line(self) -> str:
        """As it is shown and copied."""
        sign = {"warning": "! ", "error": "✕ "}.get(self.level, "")
        source = f"{self.source}  " if self.source else ""
        return f"{self.time:%H:%M:%S}  {source}{sign}{self.text}"


class LogView(QWidget):
    """Keeps the newest messages. Scrolls along until a person scrolls up.

    ``graver`` carries the level of a warning or an error as it comes.
    """

    graver = Signal(str)

    def __init__(self, parent: QWidget | None = None, *, limit: int = 5000) -> None:
        super().__init__(parent)
        self._entries: deque[Entry] = deque(maxlen=limit)
        self._waiting: deque[Entry] = deque(maxlen=limit)
        self._follow = True
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(BATCH_MS)
        self._timer.timeout.connect(self._draw_waiting)
        self._build(limit)
        theme.changed.connect(self._redraw)

    def append(self, level: str, text: str, source: str = "") -> None:
        """Add a message; an unknown level counts as info. Several lines stay together."""
        known = level.lower() if level.lower() in LEVELS else "info"
        entry = Entry(datetime.now().astimezone(), known, source, text.rstrip("\n"))
        self._entries.append(entry)
        if self._passes(entry):
            self._waiting.append(entry)
            if not self._timer.isActive():
                self._timer.start()
        if known in ("warning", "error"):
            self.graver.emit(known)

    def entries(self) -> list[Entry]:
        """Everything that is kept, oldest first."""
        return list(self._entries)

    def shown_text(self) -> str:
        """What the filter lets through, one message after the other."""
        return "\n".join(e.line() for e in self._entries if self._passes(e))

    def level(self) -> str:
        """The least grave level that is shown."""
        return str(self.filter.currentData())

    def set_level(self, level: str) -> None:
        """Show this level and graver ones.

        Raises:
            ValueError: the level is unknown.
        """
        if level not in LEVELS:
            raise ValueError(f"log level {level!r} is unknown; allowed: {', '.join(LEVELS)}")
        self.filter.setCurrentIndex(LEVELS.index(level))

    def is_following(self) -> bool:
        """Whether the newest message is kept in sight."""
        return self._follow

    def follow(self) -> None:
        """Go to the newest message and stay there."""
        self._follow = True
        bar = self.view.verticalScrollBar()
        bar.setValue(bar.maximum())
        self.newest.setVisible(False)

    def copy(self) -> None:
        """Copy what is selected, or everything that is shown."""
        selected = self.view.textCursor().selectedText().replace("\u2029", "\n")
        QGuiApplication.clipboard().setText(selected or self.shown_text())

    def clear(self) -> None:
        """Forget all messages."""
        self._entries.clear()
        self._redraw()

    def _build(self, limit: int) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        row = QHBoxLayout()
        row.setSpacing(6)
        self.filter = QComboBox()
        self.filter.setAccessibleName(self.tr("Messages shown"))
        titles = (
            self.tr("Everything"),
            self.tr("Messages"),
            self.tr("Warnings and errors"),
            self.tr("Errors"),
        )
        for level, title in zip(LEVELS, titles, strict=True):
            self.filter.addItem(title, level)
        self.filter.setCurrentIndex(LEVELS.index("info"))
        self.newest = LinkButton(self.tr("Newest"), icon="chevron-down")
        self.newest.setToolTip(self.tr("Go to the newest message and follow"))
        self.newest.setVisible(False)
        self.copy_button = IconButton("copy", self.tr("Copy messages"))
        self.clear_button = IconButton("delete", self.tr("Clear messages"))
        row.addWidget(self.filter)
        row.addStretch(1)
        for button in (self.newest, self.copy_button, self.clear_button):
            row.addWidget(button)
        column.addLayout(row)
        self.view = QPlainTextEdit()
        self.view.setReadOnly(True)
        self.view.setAccessibleName(self.tr("Messages"))
        self.view.setMaximumBlockCount(limit)
        self.view.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.view.setUndoRedoEnabled(False)
        self.view.setPlaceholderText(self.tr("What the engine says appears here."))
        column.addWidget(self.view, 1)
        self.filter.currentIndexChanged.connect(self._redraw)
        self.newest.clicked.connect(self.follow)
        self.copy_button.clicked.connect(self.copy)
        self.clear_button.clicked.connect(self.clear)
        bar = self.view.verticalScrollBar()
        bar.valueChanged.connect(self._scrolled)
        bar.rangeChanged.connect(self._grown)

    def _passes(self, entry: Entry) -> bool:
        return LEVELS.index(entry.level) >= self.filter.currentIndex()

    def _draw_waiting(self) -> None:
        """Draw a bounded number of lines, so that a flood does not hold up the window."""
        if not self._waiting:
            return
        bar = self.view.verticalScrollBar()
        kept, follow = bar.value(), self._follow
        cursor = QTextCursor(self.view.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.beginEditBlock()
        for _ in range(min(len(self._waiting), BATCH_LINES)):
            entry = self._waiting.popleft()
            if not self.view.document().isEmpty():
                cursor.insertBlock()
            cursor.insertText(entry.line(), self._format(entry.level))
        cursor.endEditBlock()
        self._follow = follow
        bar.setValue(bar.maximum() if follow else kept)
        if self._waiting:
            self._timer.start()

    @staticmethod
    def _format(level: str) -> QTextCharFormat:
        colors = {"debug": "hint", "warning": "amber", "error": "red"}
        made = QTextCharFormat()
        made.setForeground(theme.color(colors.get(level, "text")))
        return made

    def _redraw(self) -> None:
        self.view.clear()
        self._waiting.clear()
        self._waiting.extend(e for e in self._entries if self._passes(e))
        self._draw_waiting()

    def _scrolled(self, value: int) -> None:
        self._follow = value >= self.view.verticalScrollBar().maximum()
        self.newest.setVisible(not self._follow)

    def _grown(self, low: int, high: int) -> None:
        if self._follow:
            self.view.verticalScrollBar().setValue(high)
