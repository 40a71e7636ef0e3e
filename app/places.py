"""File dialogs for saving that begin in the folder where this session saved last.

Qt starts a dialog in the working folder when it is given a bare file name, while one for
opening remembers its folder by itself.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

_last: list[Path] = []


def save_as(parent: QWidget, title: str, name: str, kinds: str = "") -> Path | None:
    """Ask for a file to write, ``name`` being proposed; None where the person thinks better."""
    chosen, _ = QFileDialog.getSaveFileName(parent, title, str(_start() / name), kinds)
    return _kept(Path(chosen), Path(chosen).parent) if chosen else None


def folder(parent: QWidget, title: str) -> Path | None:
    """Ask for a folder to write into."""
    chosen = QFileDialog.getExistingDirectory(parent, title, str(_start()))
    return _kept(Path(chosen), Path(chosen)) if chosen else None


def _start() -> Path:
    there = [place for place in _last if place.is_dir()]
    return there[0] if there else Path.home()


def _kept(path: Path, place: Path) -> Path:
    _last[:] = [place]
    return path
