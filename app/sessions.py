"""What was open, kept so that the next start goes on where this one ended.

Each window has a file of its own, written whole after every change: a crash loses at
most the last half second. The next window takes over the newest file whose window is gone.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal

from app import owners
from app.files import reason, set_aside, write_atomic
from engine.messages import RunRequest

SESSION_SCHEMA = 1
Data = dict[str, Any]
#: ``MIGRATIONS[n]`` turns a session of schema n + 1 into n + 2.
MIGRATIONS: tuple[Callable[[Data], Data], ...] = ()
#: Changes within this time are written once.
WRITE_AFTER_MS = 400
#: Sessions of crashed windows that are kept beside the one that is taken over.
_KEPT = 4


class OpenRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was going on: what to offer for resuming."""

    bench: str
    folder: str
    request: RunRequest


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One window: the page shown, the state of each page (JSON values), layout, runs.

    ``clean`` tells a window that was closed from one that vanished.
    """

    schema: int = SESSION_SCHEMA
    owner: str = ""
    saved: str = ""
    clean: bool = False
    page: str = ""
    pages: dict[str, Any] = {}
    layout: dict[str, str] = {}
    runs: list[OpenRun] = []


class SessionStore:
    """The session files of a folder, and this window's own among them.

    Attributes:
        notice: one line for the person where a file gave trouble, else empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notice = ""
        self._owner = owners.token()
        # A process can have several windows, tests do.
        self._mine = folder / f"{self._owner.replace(':', '-')}-{secrets.token_hex(4)}.json"

    def take_over(self) -> Session | None:
        """The newest session whose window is gone; it is this window's from now on."""
        left = [(session, path) for path in self._files() if (session := self._read(path))]
        left = [(s, p) for s, p in left if s.clean or not owners.alive(s.owner)]
        left.sort(key=lambda pair: pair[0].saved, reverse=True)
        taken: Session | None = None
        kept = 0
        for session, path in left:
            try:
                if taken is None:
                    # The rename decides which of two windows that start at once gets it.
                    path.rename(self._mine)
                    taken = session
                    # From here on it has a living owner; no other window may take it.
                    self.save(msgspec.structs.replace(session, clean=False))
                elif session.clean or kept >= _KEPT:
                    path.unlink()
                else:
                    kept += 1
            except OSError:
                continue
        return taken

    def save(self, session: Session) -> None:
        """Keep the session as this window's.

        Raises:
            OSError: the folder cannot be written.
        """
        now = datetime.now(UTC).isoformat()
        session = msgspec.structs.replace(session, owner=self._owner, saved=now)
        write_atomic(self._mine, msgspec.json.encode(session))

    def _files(self) -> list[Path]:
        try:
            found = [p for p in self.folder.glob("*.json") if ".damaged-" not in p.name]
        except OSError:
            return []
        return [path for path in found if path != self._mine]

    def _read(self, path: Path) -> Session | None:
        try:
            data = msgspec.json.decode(path.read_bytes())
            if not isinstance(data, dict):
                raise msgspec.DecodeError("a session is an object")
            if data.get("schema", 1) > SESSION_SCHEMA:
                return None
            return msgspec.convert(migrate(data), Session)
        except OSError:
            return None
        except (msgspec.DecodeError, TypeError):
            self._damaged(path)
            return None

    def _damaged(self, path: Path) -> None:
        try:
            name = set_aside(path).name
        except OSError:
            return
        text = QCoreApplication.translate(
            "Sessions", "What was open could not be read; it was kept aside as {name}."
        )
        self.notice = text.format(name=name)


class SessionKeeper(QObject):
    """Writes a window's session soon after each ``touch`` and at closing.

    ``trouble`` says once, in one line, why it cannot be kept.
    """

    trouble = Signal(str)

    def __init__(
        self, store: SessionStore, collect: Callable[[], Session], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._store, self._collect = store, collect
        self._said = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WRITE_AFTER_MS)
        self._timer.timeout.connect(self.flush)

    def touch(self) -> None:
        """Something changed; several changes in a row are written once."""
        if not self._timer.isActive():
            self._timer.start()

    def flush(self) -> None:
        """Write now."""
        self._write(clean=False)

    def close(self) -> None:
        """Write for the last time: the window closes in good order."""
        self._write(clean=True)

    def _write(self, *, clean: bool) -> None:
        self._timer.stop()
        session = msgspec.structs.replace(self._collect(), clean=clean)
        try:
            self._store.save(session)
        except OSError as error:
            if not self._said:
                text = self.tr("What is open cannot be kept for the next start ({reason}).")
                self.trouble.emit(text.format(reason=reason(error)))
            self._said = True


def migrate(data: Data, migrations: tuple[Callable[[Data], Data], ...] = MIGRATIONS) -> Data:
    """A session of any older schema in the newest."""
    for step in migrations[int(data.get("schema", 1)) - 1 :]:
        data = step(dict(data))
    return data
