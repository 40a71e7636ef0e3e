"""Taking a result away: saved as one picture, exported as a whole, shown in its folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QT_TRANSLATE_NOOP, QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from app import export, places
from app.background import Background
from app.run_row import RunRow, read_folder

#: What a picture can be saved as; PNG keeps every bit.
FORMATS = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".jpg": "JPEG", ".webp": "WEBP"}
#: Films are taken as the run has made them.
FILMS = {".mp4": QT_TRANSLATE_NOOP("Results", "Film"), ".gif": "GIF"}


class Results(QObject):
    """The newest result of a page. ``done(text)`` and ``failed(text)`` are lines to show."""

    done = Signal(str)
    failed = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._parent = parent
        self.folder: Path | None = None
        self._work = Background(self)
        self._work.done.connect(self._on_done)
        self._work.failed.connect(self._on_failed)

    @property
    def available(self) -> bool:
        """Whether there is anything to take away."""
        return self.folder is not None

    def forget(self) -> None:
        """What there was belongs to other settings now."""
        self.folder = None

    @property
    def row(self) -> RunRow | None:
        """The run that the result belongs to, as its folder tells it."""
        return read_folder(self.folder) if self.folder is not None else None

    def main_output(self) -> Path | None:
        """The file of the result itself: the first output of the run."""
        row = self.row
        return next(iter(export.outputs(row).values()), None) if row is not None else None

    def films(self) -> dict[str, Path]:
        """The films that the run has left, by their file's ending."""
        left = export.outputs(self.row).values() if self.row is not None else ()
        return {suffix: path for suffix in FILMS for path in left if path.suffix == suffix}

    def save(self) -> None:
        """Ask for a file name and write the result there."""
        row, source = self.row, self.main_output()
        if row is None or source is None:
            self.failed.emit(self.tr("This run left no result to save."))
            return
        kinds = self.tr("PNG, every bit (*.png);;TIFF (*.tif);;JPEG (*.jpg);;WebP (*.webp)")
        for suffix in self.films():
            kinds += f";;{self.tr(FILMS[suffix])} (*{suffix})"
        name = f"{export.file_stem(row)}.png"
        chosen = places.save_as(self._parent, self.tr("Save the result"), name, kinds)
        if chosen:
            self.save_to(chosen)

    def save_to(self, path: Path) -> None:
        """Write the result as ``path``; its ending chooses the format, PNG if it has none.

        With the ending of a film, the film of the run is written.
        """
        films = self.films()
        source = films.get(path.suffix.lower()) or self.main_output()
        if source is None:
            self.failed.emit(self.tr("This run left no result to save."))
            return
        path = path if path.suffix else path.with_suffix(".png")
        if path.suffix.lower() not in FORMATS | films:
            text = self.tr("{name} ends in {suffix}; allowed: {known}")
            known = ", ".join(FORMATS | films)
            self.failed.emit(text.format(name=path.name, suffix=path.suffix, known=known))
            return
        self._start(partial(write_picture, source, path))

    def export_all(self) -> None:
        """Ask for a folder and copy everything that the run left."""
        row = self.row
        if row is None:
            return
        place = places.folder(self._parent, self.tr("Export everything into"))
        if place:
            self._start(partial(export.copy_results, row, place))

    def show_folder(self) -> None:
        """Open the run's folder in the file manager."""
        if self.folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.folder)))

    def _start(self, work: Callable[[], object]) -> None:
        if not self._work.start(work):
            self.failed.emit(self.tr("Something is still being written; try again in a moment."))

    def _on_done(self, place: object) -> None:
        self.done.emit(self.tr("Saved as {place}").format(place=place))

    def _on_failed(self, why: str) -> None:
        text = self.tr("It could not be saved ({reason}). The run itself is safe in the history.")
        self.failed.emit(text.format(reason=why))


def write_picture(source: Path, path: Path) -> Path:
    """Write the picture file ``source`` as ``path``, bit for bit where the format is the same.

    Raises:
        OSError: a file cannot be read or written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        if source.suffix.lower() == path.suffix.lower():
            shutil.copyfile(source, part)
        else:
            from PIL import Image

            with Image.open(source) as picture:
                kind = FORMATS[path.suffix.lower()]
                options = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
                picture.convert("RGB").save(part, format=kind, **options)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path
