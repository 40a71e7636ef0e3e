"""Work that waits for a disk, done beside the event loop so that the window never stalls."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal, Slot

from app.files import reason


class _Work(QRunnable):
    def __init__(self, work: Callable[[], object], tell: _Teller) -> None:
        super().__init__()
        self._work, self._tell = work, tell

    def run(self) -> None:
        try:
            result = self._work()
        except OSError as error:
            self._tell.ended.emit(None, reason(error))
        else:
            self._tell.ended.emit(result, "")


class _Teller(QObject):
    ended = Signal(object, str)


class Background(QObject):
    """One piece of file work at a time. ``done`` carries its result, ``failed`` one reason."""

    done = Signal(object)
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # No child of ours: work that outlives a closed page still has somebody to tell.
        self._teller = _Teller()
        self._teller.ended.connect(self._on_ended, Qt.ConnectionType.QueuedConnection)
        self.busy = False

    def start(self, work: Callable[[], object]) -> bool:
        """Do ``work`` (it may raise ``OSError``); False where something is still going on."""
        if self.busy:
            return False
        self.busy = True
        QThreadPool.globalInstance().start(_Work(work, self._teller))
        return True

    @Slot(object, str)
    def _on_ended(self, result: object, trouble: str) -> None:
        self.busy = False
        if trouble:
            self.failed.emit(trouble)
        else:
            self.done.emit(result)
