"""Files that survive a crash in the middle of writing them."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime
from pathlib import Path


def write_atomic(path: Path, data: bytes) -> None:
    """Write ``data`` so that a reader sees the old file or the new one, never half.

    Raises:
        OSError: the folder cannot be written; the old file is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two windows may write the same file: each has a temporary name of its own.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def set_aside(path: Path) -> Path:
    """Rename a file that cannot be read, so that nothing of it is lost; the new name.

    Raises:
        OSError: the folder cannot be written.
    """
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    count = 1
    while aside.exists():
        count += 1
        aside = path.with_name(f"{path.stem}.damaged-{stamp}-{count}{path.suffix}")
    path.rename(aside)
    return aside


def free_name(path: Path) -> Path:
    """``path``, or ``name (2).suffix`` and so on where something has that name already."""
    count, free = 1, path
    while free.exists():
        count += 1
        free = path.with_name(f"{path.stem} ({count}){path.suffix}")
    return free


def reason(error: OSError) -> str:
    """Why a file operation failed, in lower-case words without number or path."""
    return (error.strerror or str(error)).lower()
