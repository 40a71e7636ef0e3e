"""Feeds the engine gauge of a bench page from what the engine says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
from PySide6.QtCore import QObject, Slot

from app.status_line import device_word
from engine.messages import Event, Heartbeat, Ready
from widgets.engine_gauge import EngineGauge

if TYPE_CHECKING:
    from app.engine_client import EngineClient


class GaugeFeed(QObject):
    """Keeps device, threads and memory together until the next heartbeat."""

    def __init__(self, client: EngineClient, gauge: EngineGauge, parent: QObject) -> None:
        super().__init__(parent)
        self._gauge = gauge
        self._state = client.current_state
        self._device, self._threads = "", 0
        self._used, self._total = 0, 0
        client.state.connect(self._on_state)
        client.event.connect(self.on_event)
        self._draw()

    @Slot(str)
    def _on_state(self, state: str) -> None:
        self._state = state
        if state in ("dead", "starting", "restarting"):
            self._used = 0
        self._draw()

    @Slot(object)
    def on_event(self, event: Event) -> None:
        """Take what concerns the gauge; a page that is made late is told the ``Ready`` again."""
        if isinstance(event, Ready):
            self._device = device_word(event)
            self._threads = event.threads
        elif isinstance(event, Heartbeat):
            # On a graphics card its own memory is what runs out; else the machine's.
            on_card = event.device_total > 0
            self._used = event.device_used if on_card else event.rss
            self._total = event.device_total if on_card else psutil.virtual_memory().total
        else:
            return
        self._draw()

    def _draw(self) -> None:
        known = self._state in ("ready", "busy")
        self._gauge.set(
            state=self._state,
            device=self._device if known else "",
            threads=self._threads if known else 0,
            used=self._used,
            total=self._total,
        )
