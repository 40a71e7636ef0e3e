"""What the damage does, shown while its sliders move: asked of the engine, newest wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.blobs import as_array
from engine.messages import Event, Reply, RunRequest

if TYPE_CHECKING:
    from app.engine_client import EngineClient

#: At most this often a preview is asked for; the engine drops what it has not begun.
INTERVAL_MS = 50
#: An answer that takes longer is announced.
SLOW_MS = 500


class Preview(QObject):
    """Asks for previews of one page. ``ready(arrays by name, facts)``, ``failed(text, field)``."""

    ready = Signal(object, object)
    failed = Signal(str, str)
    #: Field name to what is wrong with it, for method and problem (``problem.name``); and why the
    #: method cannot work on such a problem, which is among them.
    judged = Signal(object, str)
    #: A preview takes long; False once it is there.
    slow = Signal(bool)

    def __init__(self, client: EngineClient, channel: str, parent: QObject) -> None:
        super().__init__(parent)
        self._client = client
        self._channel = channel
        self._request: RunRequest | None = None
        self._picture = False
        self._asked = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._ask)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(SLOW_MS)
        self._patience.timeout.connect(self._on_slow)
        self._is_slow = False
        client.event.connect(self._on_event)

    def ask(self, request: RunRequest, *, picture: bool = True) -> None:
        """Judge the values of ``request`` and, with ``picture``, show what they do."""
        waiting = self._timer.isActive()
        self._request = request
        self._picture = picture or (waiting and self._picture)
        if not waiting:
            self._timer.start()

    @property
    def pending(self) -> bool:
        """Whether a picture is wanted whose answer has not come yet."""
        return self._asked != 0 or (self._timer.isActive() and self._picture)

    @Slot()
    def _ask(self) -> None:
        if self._request is None:
            return
        values = {
            "method": self._request.method,
            "params": self._request.params,
            "problem": self._request.problem,
        }
        self._client.query("validate", values, self._channel)
        if self._picture:
            args = msgspec.to_builtins(self._request)
            self._asked = self._client.query("preview", args, self._channel)
            if not self._is_slow and not self._patience.isActive():
                self._patience.start()

    @Slot()
    def _on_slow(self) -> None:
        self._is_slow = True
        self.slow.emit(True)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if not isinstance(event, Reply) or event.channel != self._channel:
            return
        if event.kind == "validate" and not event.error:
            self.judged.emit(event.value.get("errors", {}), event.value.get("unfit", ""))
        elif event.kind == "preview" and event.id == self._asked:
            self._asked = 0
            self._patience.stop()
            if self._is_slow:
                self._is_slow = False
                self.slow.emit(False)
            if event.error:
                self.failed.emit(event.error, event.field)
            else:
                arrays = {name: as_array(blob) for name, blob in event.blobs.items()}
                self.ready.emit(arrays, event.value)
