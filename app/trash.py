"""Deleted runs wait here until the window closes, so that a delete can be undone.

They wait beside the runs, on the same disk: moving there is one rename, never a copy.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from app import owners

NAME = ".deleted"


class Trash:
    """The deleted run folders of one window."""

    def __init__(self) -> None:
        self._owner = owners.token().replace(":", "-")
        self._moved: list[list[tuple[Path, Path]]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._moved)

    def put(self, folders: list[Path]) -> None:
        """Move folders away as one batch; where one fails, all stay.

        Raises:
            OSError: a folder cannot be moved.
        """
        batch: list[tuple[Path, Path]] = []
        self._count += 1
        try:
            for folder in folders:
                if not folder.exists():
                    continue
                place = folder.parent / NAME / self._owner / f"{self._count}-{folder.name}"
                place.parent.mkdir(parents=True, exist_ok=True)
                folder.rename(place)
                batch.append((folder, place))
        except OSError:
            for folder, place in batch:
                place.rename(folder)
            raise
        self._moved.append(batch)

    def restore(self) -> list[Path]:
        """Put the newest batch back; the folders that are there again."""
        if not self._moved:
            return []
        back = []
        for folder, place in self._moved.pop():
            place.rename(folder)
            back.append(folder)
        return back

    def forget(self) -> None:
        """Delete the newest batch for good."""
        for _, place in self._moved.pop():
            shutil.rmtree(place, ignore_errors=True)
            _remove_empty(place.parent)

    def empty(self) -> None:
        """Delete for good everything that this window moved away."""
        while self._moved:
            self.forget()


def sweep(runs: Path) -> None:
    """Delete for good what windows that are gone had moved away."""
    try:
        waiting = list((runs / NAME).iterdir())
    except OSError:
        return
    for folder in waiting:
        if not owners.alive(folder.name.replace("-", ":")):
            shutil.rmtree(folder, ignore_errors=True)
            _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    """Remove ``folder`` and the place above it, where nothing is left in them."""
    with contextlib.suppress(OSError):
        folder.rmdir()
    with contextlib.suppress(OSError):
        folder.parent.rmdir()
