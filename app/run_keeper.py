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
        #: Job to the engine that has told that it runs.
        self._begun: dict[str, int] = {}
        client.event.connect(self._on_event)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if not isinstance(event, JobState) or event.state not in _WORTH or not event.folder:
            return
        owner = ""
        if event.state == "running":
            # Pauses come back as running; the folder says nothing new then.
            if self._begun.get(event.job) == self._client.pid:
                return
            self._begun[event.job] = self._client.pid
            owner = owners.token(self._client.pid)
        else:
            # No owner: the end of a run may be told when another engine is there already.
            self._begun.pop(event.job, None)
        row = self._index.take(Path(event.folder), owner)
        if row is not None and event.state != "running":
            self.kept.emit(row.id)
