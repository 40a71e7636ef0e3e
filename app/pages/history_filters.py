"""What narrows the history: words, method, status, time, and the order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QLineEdit, QVBoxLayout, QWidget

from app import run_words
from app.run_row import INTERRUPTED
from widgets import icons

#: A search starts when nothing was typed for this long.
TYPING_MS = 120


class SearchField(QLineEdit):
    """The search box. ``left_down`` tells that the person goes on to the list."""

    left_down = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Down goes to the list, Escape clears."""
        if event.key() == Qt.Key.Key_Down:
            self.left_down.emit()
        elif event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)


class HistoryFilters(QWidget):
    """``changed`` tells that ``asked`` has other values."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = SearchField()
        self.text.setPlaceholderText(self.tr("Search by name, picture, method, damage, note"))
        self.text.setAccessibleName(self.tr("Search the runs"))
        self.text.setClearButtonEnabled(True)
        sign = QAction(icons.icon("search"), "", self.text)
        self.text.addAction(sign, QLineEdit.ActionPosition.LeadingPosition)
        self.method = self._choice(self.tr("Method"))
        self.status = self._choice(self.tr("Status"))
        self.status.addItem(self.tr("Any status"), "")
        for value in ("finished", "running", INTERRUPTED, "cancelled", "failed"):
            self.status.addItem(run_words.status(value), value)
        self.time = self._choice(self.tr("When"))
        for title, days in (
            (self.tr("Any time"), None),
            (self.tr("Today"), 0),
            (self.tr("Last 7 days"), 7),
            (self.tr("Last 30 days"), 30),
        ):
            self.time.addItem(title, days)
        self.order = self._choice(self.tr("Order"))
        for title, value in (
            (self.tr("Newest first"), "newest"),
            (self.tr("Oldest first"), "oldest"),
            (self.tr("By method"), "title"),
            (self.tr("Best quality first"), "best"),
            (self.tr("Shortest first"), "fastest"),
            (self.tr("Longest first"), "longest"),
        ):
            self.order.addItem(title, value)
        self.set_methods([])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.text)
        # Two and two: with a large type four boxes beside each other would be cut.
        grid = QGridLayout()
        grid.setSpacing(8)
        boxes = (self.method, self.status, self.time, self.order)
        for place, box in enumerate(boxes):
            grid.addWidget(box, *divmod(place, 2))
            box.currentTextChanged.connect(box.setToolTip)
            box.setToolTip(box.currentText())
        column.addLayout(grid)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING_MS)
        self._typing.timeout.connect(self.changed)
        self.text.textChanged.connect(self._on_typed)

    def set_methods(self, methods: list[tuple[str, str, int]]) -> None:
        """The methods that have runs, as ``RunIndex.methods`` gives them."""
        chosen = self.method.currentData() or ""
        entries = [("", self.tr("Any method"))]
        entries += [(method, f"{title} ({runs})") for method, title, runs in methods]
        if entries == [
            (self.method.itemData(n), self.method.itemText(n)) for n in range(self.method.count())
        ]:
            return
        with QSignalBlocker(self.method):
            self.method.clear()
            for value, title in entries:
                self.method.addItem(title, value)
            self.method.setCurrentIndex(max(0, self.method.findData(chosen)))

    def asked(self) -> dict[str, Any]:
        """Arguments for ``RunIndex.search``."""
        days = self.time.currentData()
        since = ""
        if days is not None:
            midnight = (
                datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
            )
            start = (midnight - timedelta(days=days)).astimezone(UTC)
            since = start.isoformat(timespec="seconds").replace("+00:00", "")
        return {
            "text": self.text.text(),
            "method": self.method.currentData() or "",
            "status": self.status.currentData(),
            "since": since,
            "order": self.order.currentData(),
        }

    @Slot()
    def _on_typed(self) -> None:
        self._typing.start()

    def reset(self) -> None:
        """Show everything again; the order stays."""
        for box in (self.method, self.status, self.time):
            with QSignalBlocker(box):
                box.setCurrentIndex(0)
        with QSignalBlocker(self.text):
            self.text.clear()
        self._typing.stop()
        self.changed.emit()

    def _choice(self, name: str) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(8)
        box.currentIndexChanged.connect(self.changed)
        return box
