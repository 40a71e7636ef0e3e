"""The drawer at the foot of the window: what engine and window said, newest last."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from app.words import sentence
from engine.messages import Event, JobState, Log
from widgets import theme
from widgets.log_view import LogView

HEIGHT = 200
#: Ends of a run that are told, and how grave they are.
_ENDS = {"failed": "error", "cancelled": "warning"}


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
        elif isinstance(event, JobState) and event.text and event.state in _ENDS:
            # Why a run did not come to its end is looked for here long after its banner went.
            name = Path(event.folder).name if event.folder else event.job
            text = self.tr("The run {name} ended early: {why}").format(name=name, why=event.text)
            self.view.append(_ENDS[event.state], sentence(text), "window")

    def say(self, level: str, text: str) -> None:
        """Keep what the window says."""
        self.view.append(level, text, "window")
