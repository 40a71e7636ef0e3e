"""File dialogs for saving that begin in the folder where this session saved last.

Qt starts a dialog in the working folder when it is given a bare file name, while one for
opening remembers its folder by itself.
"""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from app.dialogs import ask

#: The endings of a kind, as a dialog shows them: ``TIFF (*.tif *.tiff)``.
_ENDING = re.compile(r"\*(\.\w+)")
_last: list[Path] = []


def save_as(parent: QWidget, title: str, name: str, kinds: str = "") -> Path | None:
    """Ask for a file to write, ``name`` being proposed; None where the person thinks better.

    A kind that is chosen counts where the name still ends as it was proposed, or has no ending:
    most dialogs leave the name alone then. Any ending of that kind is right, and its first is
    the one that is put there.
    """
    chosen, kind = QFileDialog.getSaveFileName(parent, title, str(_start() / name), kinds)
    if not chosen:
        return None
    path, endings = Path(chosen), _ENDING.findall(kind)
    fits = not endings or path.suffix.lower() in endings
    if not fits and path.suffix in ("", Path(name).suffix):
        path = path.with_suffix(endings[0])
        # The dialog has asked for another name.
        if path.exists() and not _may_replace(parent, path):
            return None
    return _kept(path, path.parent)


def _may_replace(parent: QWidget, path: Path) -> bool:
    return ask(
        parent,
        QCoreApplication.translate("Places", "Replace {name}?").format(name=path.name),
        QCoreApplication.translate("Places", "There is a file of this name in the folder already."),
        QCoreApplication.translate("Places", "Replace"),
    )


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
