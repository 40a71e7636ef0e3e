"""What was dropped on the window."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData

from app.run_row import RECORD, REQUEST


def dropped_files(data: QMimeData) -> list[Path]:
    """The local files and folders that a drag carries."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


def is_kept_run(path: Path) -> bool:
    """Whether this is a run's folder or its record."""
    if path.is_dir():
        return (path / RECORD).is_file() or (path / REQUEST).is_file()
    return path.name in (RECORD, REQUEST)
