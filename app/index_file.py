"""The database file under the run index: opening, migrating, and what to do when it fails.

A file that is damaged is renamed and begun again; a file that cannot be written, is held
by another program or was made by a newer version is left alone and the index is kept in
memory. Either way nothing is lost, as the run folders hold everything.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QCoreApplication

from app.files import reason, set_aside

#: ``MIGRATIONS[n]`` brings a file from version n to n + 1; never edited, only added to.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        folder TEXT NOT NULL,
        method TEXT NOT NULL,
        bench TEXT NOT NULL,
        title TEXT NOT NULL,
        status TEXT NOT NULL,
        created TEXT NOT NULL,
        seconds REAL NOT NULL,
        seed INTEGER NOT NULL,
        params TEXT NOT NULL,
        problem TEXT NOT NULL,
        inputs TEXT NOT NULL,
        metrics TEXT NOT NULL,
        versions TEXT NOT NULL,
        thumbnail TEXT NOT NULL,
        name TEXT NOT NULL,
        note TEXT NOT NULL,
        owner TEXT NOT NULL,
        text TEXT NOT NULL
    );
    CREATE INDEX runs_created ON runs (created);
    CREATE INDEX runs_folder ON runs (folder);
    """,
)
#: Another window holds the file for milliseconds; longer than this something is wrong.
BUSY_MS = 1500

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA}
_REASONS = {
    sqlite3.SQLITE_BUSY: "it is held by another program",
    sqlite3.SQLITE_LOCKED: "it is held by another program",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_CANTOPEN: "the folder cannot be written",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
}


class NewerFile(Exception):
    """The file was written by a newer version of the workbench."""


def connect(path: str, migrations: Sequence[str] = MIGRATIONS) -> sqlite3.Connection:
    """An open, checked and migrated database; ``":memory:"`` for none on disk.

    Raises:
        sqlite3.Error: the file cannot be opened, written or read.
        NewerFile: its version is unknown here.
    """
    database = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        # With WAL a power cut loses at most the last changes, and the folders have those.
        database.execute("PRAGMA synchronous = NORMAL")
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise _damaged(verdict)
        _migrate(database, migrations)
    except BaseException:
        database.close()
        raise
    return database


def _migrate(database: sqlite3.Connection, migrations: Sequence[str]) -> None:
    # Immediate: of two windows that start at once, the second waits, then has no work.
    database.execute("BEGIN IMMEDIATE")
    try:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version > len(migrations):
            raise NewerFile
        for step in migrations[version:]:
            for statement in step.split(";"):
                if statement.strip():
                    database.execute(statement)
        # Writing the number that is there would tell other windows of a change.
        if version < len(migrations):
            database.execute(f"PRAGMA user_version = {len(migrations)}")
        database.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise


def _damaged(verdict: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(verdict)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def open_or_recover(path: Path) -> tuple[sqlite3.Connection, str]:
    """A database that works, whatever the state of the file, and a notice for the person.

    The notice is empty where all is well. The database is in memory where the file is of
    no use; ``on_disk`` tells.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return connect(":memory:"), _notice(path, reason(error))
    try:
        return connect(str(path)), ""
    except NewerFile:
        text = QCoreApplication.translate("RunIndex", "it was made by a newer Priorbench")
        return connect(":memory:"), _notice(path, text)
    except sqlite3.Error as error:
        if not is_damaged(error):
            return connect(":memory:"), _notice(path, why(error))
    try:
        aside = set_aside(path)
        # Their content belongs to the damaged file and would be applied to the new one.
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        database = connect(str(path))
    except (OSError, sqlite3.Error):
        text = QCoreApplication.translate("RunIndex", "it is damaged and cannot be replaced")
        return connect(":memory:"), _notice(path, text)
    notice = QCoreApplication.translate(
        "RunIndex",
        "The history file was damaged. It was kept as {aside} and the history was made again "
        "from the run folders; no run is lost.",
    )
    return database, notice.format(aside=aside.name)


def on_disk(database: sqlite3.Connection) -> bool:
    """Whether the database is a file (and not in memory)."""
    return bool(database.execute("PRAGMA database_list").fetchone()[2])


def is_damaged(error: sqlite3.Error) -> bool:
    """Whether an error means that the content of the file is spoiled."""
    return _primary(error) in _DAMAGED


def why(error: sqlite3.Error) -> str:
    """Why the file is of no use, in words."""
    return _REASONS.get(_primary(error), str(error))


def _primary(error: sqlite3.Error) -> int:
    # The low byte; the rest is detail. Errors raised by the module itself have no code.
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def is_about_the_file(error: sqlite3.Error) -> bool:
    """Whether another file, or none, would help; otherwise the error is a mistake of ours."""
    return _primary(error) in _DAMAGED or _primary(error) in _REASONS


def after_failure(path: Path, error: sqlite3.Error) -> tuple[sqlite3.Connection, str]:
    """What to go on with when a file that worked stops working; as ``open_or_recover``."""
    moved = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_DBMOVED
    if moved or is_damaged(error):
        return open_or_recover(path)
    return connect(":memory:"), _notice(path, why(error))


def _notice(path: Path, text: str) -> str:
    line = QCoreApplication.translate(
        "RunIndex",
        "The history file {path} cannot be used: {reason}. Runs are still kept in their folders; "
        "the list is kept in memory and joins the file at the next start.",
    )
    return line.format(path=path, reason=text)
