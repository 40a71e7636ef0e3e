"""The searchable list of all runs: an SQLite copy of what the run folders say.

Only the window writes it. It can be made again from the folders at any time, so no
failure of the file ever stops the workbench: see ``app.index_file``. Two windows may
share the file; ``changed_elsewhere`` tells one what the other did.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from app import index_file, trash
from app.run_row import INTERRUPTED, RunRow, read_folder, write_window_part

Order = Literal["newest", "oldest", "title", "best", "fastest", "longest"]

_COLUMNS = RunRow.__struct_fields__
_TABLES = frozenset({"params", "problem", "inputs", "metrics", "versions"})
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM runs"
_MARKS = ", ".join("?" * (len(_COLUMNS) + 1))
_UPSERT = f"INSERT OR REPLACE INTO runs ({', '.join(_COLUMNS)}, text) VALUES ({_MARKS})"
_ORDERS: dict[str, str] = {
    "newest": "created DESC, id DESC",
    "oldest": "created, id",
    "title": "title COLLATE NOCASE, created DESC, id DESC",
    "best": "json_extract(metrics, '$.psnr') DESC NULLS LAST, created DESC, id DESC",
    "fastest": "seconds, created DESC, id DESC",
    "longest": "seconds DESC, created DESC, id DESC",
}
T = TypeVar("T")


class RunIndex:
    """All runs, newest first unless asked otherwise.

    Args:
        path: the database file.
        roots: folders whose subfolders are runs; ``runs`` beside the file by default.

    Attributes:
        notice: one line for the person when the file is not what it should be, else empty.
    """

    def __init__(self, path: Path, roots: Sequence[Path] | None = None) -> None:
        self.path = path
        self.roots = [path.parent / "runs"] if roots is None else list(roots)
        self.on_notice: Callable[[str], None] | None = None
        self._trash = trash.Trash()
        self._database, self.notice = index_file.open_or_recover(path)
        self._seen_version = self._version()
        for root in self.roots:
            trash.sweep(root)
        self.sync()

    # --- writing -------------------------------------------------------------------------

    def add(self, row: RunRow) -> None:
        """Keep a row; one with the same id is replaced."""
        self._change(lambda: self._put([row]))

    def take(self, folder: Path, owner: str = "") -> RunRow | None:
        """Read a run folder again and keep what it says; None where it holds no run.

        ``owner`` names the process that computes it (``app.owners.token``); empty keeps
        what was known.
        """
        row = next(iter(self._read([folder])), None)
        if row is None:
            return None
        if owner and owner != row.owner:
            row.owner = owner
            # For other windows that make the index again; this one knows it anyway.
            with contextlib.suppress(OSError):
                write_window_part(row)
        self.add(row)
        return row

    def update(self, run_id: str, **changes: Any) -> RunRow | None:
        """Change columns of one run; None where the run is unknown.

        A new ``name`` or ``note`` is also written beside the run, so that it outlives the index.

        Raises:
            OSError: the run folder cannot take the name or note; nothing is changed.
        """
        row = self.get(run_id)
        if row is None:
            return None
        row = msgspec.structs.replace(row, **changes)
        if changes.keys() & {"name", "note"}:
            write_window_part(row)
        self.add(row)
        return row

    def delete(self, run_ids: Iterable[str], *, permanently: bool = False) -> list[RunRow]:
        """Remove runs with their folders; the rows that were removed.

        Unless ``permanently``, ``undo_delete`` brings them back until the index is closed.
        Runs that a living process computes stay.

        Raises:
            OSError: a folder cannot be moved; nothing is deleted then.
        """
        found = (self.get(run_id) for run_id in run_ids)
        rows = [row for row in found if row is not None and not row.live]
        self._trash.put([row.path for row in rows])
        ids = [(row.id,) for row in rows]
        self._change(lambda: self._database.executemany("DELETE FROM runs WHERE id = ?", ids))
        if permanently:
            self._trash.forget()
        return rows

    @property
    def can_undo_delete(self) -> bool:
        """Whether there is a delete to take back."""
        return len(self._trash) > 0

    def undo_delete(self) -> list[RunRow]:
        """Bring back what the newest ``delete`` removed.

        Raises:
            OSError: a folder cannot be moved back.
        """
        rows = [read_folder(folder) for folder in self._trash.restore()]
        back = [row for row in rows if row is not None]
        self._change(lambda: self._put(back))
        return back

    def rebuild(self, roots: Sequence[Path] | None = None) -> int:
        """Forget everything and read all run folders; how many runs there are."""
        if roots is not None:
            self.roots = list(roots)
        rows = self._read(self._folders())

        def write() -> None:
            self._database.execute("DELETE FROM runs")
            self._put(rows)

        self._change(write)
        return len(rows)

    def sync(self) -> bool:
        """Add folders that the index lacks, drop rows whose folder is gone; whether any.

        Cheap: names are compared, and only new and unfinished folders are read.
        """
        folders = set(self._folders())
        known = {row.folder: row for row in self.search()}
        gone = [folder for folder in known if not Path(folder).is_dir()]
        new = [folder for folder in folders if str(folder) not in known]
        open_ended = [r.path for r in known.values() if r.under_way and r.folder not in gone]
        rows = self._read([*new, *open_ended])
        rows = [row for row in rows if row != known.get(row.folder)]
        if not gone and not rows:
            return False

        def write() -> None:
            self._database.executemany("DELETE FROM runs WHERE folder = ?", [(f,) for f in gone])
            self._put(rows)

        self._change(write)
        return True

    # --- reading -------------------------------------------------------------------------

    def get(self, run_id: str) -> RunRow | None:
        """The run with this id."""
        rows = self._rows(f"{_SELECT} WHERE id = ?", [run_id])
        return rows[0] if rows else None

    def search(
        self,
        text: str = "",
        *,
        bench: str = "",
        method: str = "",
        status: str = "",
        since: str = "",
        until: str = "",
        order: Order = "newest",
        limit: int = -1,
    ) -> list[RunRow]:
        """The runs that fit everything that is asked.

        ``text``: each of its words must occur somewhere in the run's words, without regard
        to case. ``since`` (inclusive) and ``until`` (exclusive) compare with ``created``.
        ``status`` is the shown one: a run under way that nobody computes is ``interrupted``.
        """
        where, values = ["1"], list[Any]()
        for word in _clean(text).casefold().split():
            where.append("instr(text, ?)")
            values.append(word)
        # Whether a run lives is known by the process table, not by the database.
        by_life = status in {INTERRUPTED, "running"}
        for column, sign, value in (
            ("bench", "=", bench),
            ("method", "=", method),
            ("status", "=", "" if by_life else status),
            ("created", ">=", since),
            ("created", "<", until),
        ):
            if value:
                where.append(f"{column} {sign} ?")
                values.append(value)
        if by_life:
            where.append("status NOT IN ('finished', 'cancelled', 'failed')")
        query = f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY {_ORDERS[order]}"
        if not by_life:
            return self._rows(f"{query} LIMIT ?", [*values, limit])
        rows = self._rows(query, values)
        wanted = [
            row for row in rows if (row.shown_status == INTERRUPTED) == (status == INTERRUPTED)
        ]
        return wanted if limit < 0 else wanted[:limit]

    def count(self) -> int:
        """How many runs there are."""
        counted = self._try(lambda: self._database.execute("SELECT COUNT(*) FROM runs").fetchone())
        return int(counted[0])

    def methods(self) -> list[tuple[str, str, int]]:
        """``(method id, title, runs)`` of every method that has runs, most used first."""
        query = (
            "SELECT method, MAX(title), COUNT(*) FROM runs GROUP BY method ORDER BY 3 DESC, method"
        )
        return self._try(lambda: self._database.execute(query).fetchall())

    def interrupted(self) -> list[RunRow]:
        """Runs whose engine died, newest first: what a start offers to resume."""
        return self.search(status=INTERRUPTED)

    def changed_elsewhere(self) -> bool:
        """Whether another window changed the file since this was last asked."""
        version = self._try(self._version)
        changed = version != self._seen_version
        self._seen_version = version
        return changed

    @property
    def in_memory(self) -> bool:
        """Whether changes are kept in memory only, as the file is of no use."""
        return not index_file.on_disk(self._database)

    def close(self) -> None:
        """Delete for good what was deleted, and let go of the file."""
        self._trash.empty()
        self._database.close()

    # --- the file ------------------------------------------------------------------------

    def _try(self, work: Callable[[], T]) -> T:
        """Do ``work``; where the file fails, go on with a new file or in memory, and redo."""
        try:
            return work()
        except sqlite3.Error as error:
            if not index_file.is_about_the_file(error):
                raise
            self._replace_file(error)
        return work()

    def _change(self, write: Callable[[], object]) -> None:
        self._try(lambda: self._transact(write))

    def _transact(self, write: Callable[[], object]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            write()
            self._database.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
            raise

    def _replace_file(self, error: sqlite3.Error) -> None:
        try:
            rescued = self._fetch(_SELECT, [])
        except (sqlite3.Error, msgspec.DecodeError):
            rescued = []
        self._database.close()
        self._database, notice = index_file.after_failure(self.path, error)
        self._seen_version = self._version()
        folders = {row.folder for row in rescued}
        rows = [*rescued, *self._read(f for f in self._folders() if str(f) not in folders)]
        with contextlib.suppress(sqlite3.Error):
            self._transact(lambda: self._put(rows))
        self.notice = notice
        if notice and self.on_notice is not None:
            self.on_notice(notice)

    def _version(self) -> int:
        return int(self._database.execute("PRAGMA data_version").fetchone()[0])

    def _rows(self, query: str, values: Sequence[Any]) -> list[RunRow]:
        return self._try(lambda: self._fetch(query, values))

    def _fetch(self, query: str, values: Sequence[Any]) -> list[RunRow]:
        return [_row(record) for record in self._database.execute(query, values).fetchall()]

    def _put(self, rows: Iterable[RunRow]) -> None:
        for row in rows:
            other = self._fetch(f"{_SELECT} WHERE id = ?", [row.id])
            if other and other[0].folder != row.folder and other[0].path.is_dir():
                # A run folder was copied: the copy is a run of its own.
                row.id = f"{row.id} ({row.path.name})"
            self._database.execute(_UPSERT, _record(row))

    def _folders(self) -> list[Path]:
        found: list[Path] = []
        for root in self.roots:
            with contextlib.suppress(OSError):
                found += [f for f in root.iterdir() if not f.name.startswith(".") and f.is_dir()]
        return sorted(found)

    def _read(self, folders: Iterable[Path]) -> list[RunRow]:
        rows = [row for row in map(read_folder, folders) if row is not None]
        for row in rows:
            if row.under_way and not row.owner:
                kept = self._rows(f"{_SELECT} WHERE folder = ?", [row.folder])
                row.owner = kept[0].owner if kept else ""
        return rows


def _record(row: RunRow) -> list[Any]:
    values = [
        msgspec.json.encode(getattr(row, name)).decode()
        if name in _TABLES
        else _clean(value)
        if isinstance(value := getattr(row, name), str)
        else value
        for name in _COLUMNS
    ]
    return [*values, _clean(row.text())]


def _row(record: Sequence[Any]) -> RunRow:
    values = dict(zip(_COLUMNS, record, strict=True))
    for name in _TABLES:
        values[name] = msgspec.json.decode(values[name])
    return RunRow(**values)


def _clean(text: str) -> str:
    """Text that SQLite can hold and compare: no zero characters, no half surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
