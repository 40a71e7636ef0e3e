"""What a window remembers: where it stands, what is set on each page, which runs go on."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QObject, Slot

from app import page_state
from app.dialogs import ask
from app.run_row import INTERRUPTED, read_folder
from app.sessions import OpenRun, Session, SessionKeeper, SessionStore

if TYPE_CHECKING:
    from app.window import MainWindow


class WindowSession(QObject):
    """Restores a window, keeps it while it changes, and closes it in good order."""

    def __init__(self, window: MainWindow, store: SessionStore | None) -> None:
        super().__init__(window)
        self._window = window
        self._store = store
        self._keeper = SessionKeeper(store, self.collect, self) if store is not None else None
        if self._keeper is not None:
            self._keeper.trouble.connect(self._on_trouble)
        self._closing = False

    def restore(self) -> None:
        """Bring back the last session; without one, the start page."""
        window = self._window
        geometry = window.preferences.values.geometry.get("window", "")
        if geometry:
            _restore_geometry(window, geometry)
        session = self._store.take_over() if self._store is not None else None
        if self._store is not None and self._store.notice:
            window.say("warning", self._store.notice)
        if session is None:
            window.show_page("start")
            return
        window.pages.states = dict(session.pages)
        for bench in dict.fromkeys(run.bench for run in session.runs):
            self._offer(bench, [run for run in session.runs if run.bench == bench])
        known = window.rail.keys()
        front = session.runs[0].bench if session.runs else session.page
        window.show_page(front if front in known else "start")

    def collect(self) -> Session:
        """What is open now."""
        window = self._window
        pages = dict(window.pages.states)
        runs = []
        for key, page in window.pages.made_benches().items():
            pages[key] = page_state.to_builtins(page.state)
            runs += [
                OpenRun(bench=key, folder=str(folder), request=request)
                for request, folder in page.desk.open_runs()
            ]
        return Session(page=window.page_id, pages=pages, runs=runs)

    @Slot()
    def touch(self) -> None:
        """Something changed that is worth keeping."""
        if self._keeper is not None and not self._closing:
            self._keeper.touch()

    def may_close(self) -> bool:
        """Ask where runs are going on."""
        running = self._window.pages.running()
        if not running:
            return True
        return ask(
            self._window,
            self.tr("A run is going on. Close anyway?"),
            self.tr("It is kept where it is now, and the next start offers to resume it."),
            self.tr("Close and resume later"),
        )

    def close(self) -> None:
        """Keep everything for the next start."""
        self._closing = True
        if self._keeper is not None:
            self._keeper.close()
        window = self._window
        geometry = dict(window.preferences.values.geometry)
        geometry["window"] = base64.b64encode(window.saveGeometry().data()).decode()
        for key, page in window.pages.made_benches().items():
            geometry[f"bench.{key}"] = page.area.layout_text()
        window.preferences.set(geometry=geometry)

    def _offer(self, bench: str, runs: list[OpenRun]) -> None:
        if bench in self._window.rail.keys():  # noqa: SIM118 - a method, not a mapping
            pairs = [(run.request, Path(run.folder)) for run in runs]
            # They may have come to their end while the window was closing.
            if any(_interrupted(folder) for _, folder in pairs):
                self._window.bench(bench).desk.adopt(pairs)

    @Slot(str)
    def _on_trouble(self, text: str) -> None:
        self._window.say("warning", text)


def _interrupted(folder: Path) -> bool:
    row = read_folder(folder) if folder.is_dir() else None
    return row is not None and row.shown_status == INTERRUPTED


def _restore_geometry(window: MainWindow, text: str) -> None:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return
    window.restoreGeometry(QByteArray(data))
