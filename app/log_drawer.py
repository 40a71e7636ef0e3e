"""The drawer at the foot of the window: what engine and window said, newest last."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from engine.messages import Event, Log
from widgets import theme
from widgets.log_view import LogView

HEIGHT = 200


class LogDrawer(QFrame):
    """Hidden until it is wanted; it listens all the time."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        theme.set_role(self, "footer")
        self.setFixedHeight(HEIGHT)
        self.view = LogView(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.addWidget(self.view)
        self.hide()

    @Slot(object)
    def on_event(self, event: Event) -> None:
        """Keep what the engine says."""
        if isinstance(event, Log):
            self.view.append(event.level, event.text, event.source)

    def say(self, level: str, text: str) -> None:
        """Keep what the window says."""
        self.view.append(level, text, "window")
