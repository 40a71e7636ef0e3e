"""The line at the foot of the window: how the engine is, and how to find anything."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QRectF, Qt, QTimer, Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from app.actions import ActionSet
from app.buttons import ActionButton
from engine.messages import Event, Heartbeat, Ready
from widgets import theme

HEIGHT = 32
REMARK_MS = 8000

_COLORS = {
    "ready": "accent",
    "busy": "accent",
    "starting": "amber",
    "restarting": "amber",
    "not answering": "amber",
    "dead": "red",
}


def engine_words(state: str) -> str:
    """What an engine state is called in the window."""
    words = {
        "starting": QCoreApplication.translate("Engine", "Engine starting"),
        "ready": QCoreApplication.translate("Engine", "Engine ready"),
        "busy": QCoreApplication.translate("Engine", "Engine working"),
        "not answering": QCoreApplication.translate("Engine", "Engine not answering"),
        "dead": QCoreApplication.translate("Engine", "Engine stopped"),
        "restarting": QCoreApplication.translate("Engine", "Engine restarting"),
    }
    return words.get(state, state)


def device_word(ready: Ready) -> str:
    """The short name of the device that runs use unless told otherwise."""
    titles = {device.id: device.title for device in ready.devices if device.id != "cpu"}
    return titles.get(ready.default, "CPU")


def waiting(beat: Heartbeat) -> int:
    """Jobs that are there without computing."""
    return max(0, beat.waiting - bool(beat.running))


class _Dot(QWidget):
    """A signal light; what it means is always said in words beside it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFixedSize(10, 10)
        self.color = "amber"

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(self.color))
        painter.drawEllipse(QRectF(1, 1, 8, 8))


class StatusLine(QFrame):
    """Engine state at the left; waiting jobs and the way to the palette at the right."""

    def __init__(self, actions: ActionSet, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFixedHeight(HEIGHT)
        theme.set_role(self, "footer")
        self._state, self._device, self._waiting = "starting", "", 0
        self._dot = _Dot(self)
        self._engine = QLabel(self)
        theme.set_role(self._engine, "hint")
        self._message = QLabel(self)
        theme.set_role(self._message, "hint")
        self._jobs = QLabel(self)
        theme.set_role(self._jobs, "hint")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 0, 12, 0)
        layout.setSpacing(10)
        layout.addWidget(self._dot)
        layout.addWidget(self._engine)
        layout.addWidget(self._message)
        layout.addStretch(1)
        layout.addWidget(self._jobs)
        self.log_button = ActionButton(actions["view.log"], self, kind="link")
        layout.addWidget(self.log_button)
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(REMARK_MS)
        self._quiet.timeout.connect(self._message.clear)
        self._draw()

    @property
    def text(self) -> str:
        """What the line says of the engine."""
        return self._engine.text()

    @Slot(str)
    def set_engine(self, state: str) -> None:
        """The engine changed its state."""
        self._state = state
        self._draw()

    @Slot(object)
    def on_event(self, event: Event) -> None:
        """Take devices and waiting jobs from the engine's own words."""
        if isinstance(event, Ready):
            one = event.threads == 1
            threads = self.tr("1 thread") if one else self.tr("{n} threads").format(n=event.threads)
            self._device = f"{device_word(event)}, {threads}"
            self._draw()
        elif isinstance(event, Heartbeat) and waiting(event) != self._waiting:
            self._waiting = waiting(event)
            self._draw()

    def say(self, text: str) -> None:
        """A quiet remark that goes away by itself."""
        self._message.setText(f"· {text}" if text else "")
        self._quiet.start()

    def _draw(self) -> None:
        device = f" · {self._device}" if self._device and self._state in ("ready", "busy") else ""
        self._engine.setText(engine_words(self._state) + device)
        self._dot.color = _COLORS.get(self._state, "amber")
        self._dot.update()
        self._jobs.setText(self.tr("{n} waiting · Ctrl+K for anything").format(n=self._waiting))
