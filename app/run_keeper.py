"""Keeps the run index true while runs go on: every state of a job is looked up in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from app import owners
from app.run_index import RunIndex
from engine.messages import Event, JobState

if TYPE_CHECKING:
    from app.engine_client import EngineClient

_WORTH = frozenset({"running", "finished", "cancelled", "failed"})


class RunKeeper(QObject):
    """Listens to the engine and tells the index. ``kept(run id)`` when a run ended."""

    kept = Signal(str)

    def __init__(self, client: EngineClient, index: RunIndex, parent: QObject) -> None:
        super().__init__(parent)
        self._client, self._index = client, index
        self._begun: set[str] = set()
        client.event.connect(self._on_event)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if not isinstance(event, JobState) or event.state not in _WORTH or not event.folder:
            return
        if event.state == "running":
            # Pauses come back as running; the folder says nothing new then.
            if event.job in self._begun:
                return
            self._begun.add(event.job)
        else:
            self._begun.discard(event.job)
        row = self._index.take(Path(event.folder), owners.token(self._client.pid))
        if row is not None and event.state != "running":
            self.kept.emit(row.id)
