"""Kept runs on their bench page: reopened, repeated, resumed, as their folders tell them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from PySide6.QtCore import QObject

from app import export, run_words
from app.run_row import RunRow, checkpoint_params, flatten, read_folder, repeat_of, request_of
from engine.catalogue import BenchSpec

if TYPE_CHECKING:
    from app.pages.bench import BenchPage


class KeptRuns(QObject):
    """What the history and the start page ask of a bench page."""

    def __init__(self, page: BenchPage) -> None:
        super().__init__(page)
        self._page = page

    def reopen(self, row: RunRow) -> None:
        """Show a kept run: its settings, its pictures, its curves."""
        page = self._page
        if self._busy() or not page.open_request(request_of(row), self.tr("Reopen")):
            return
        pictures = kept_pictures(row.path, page.bench)
        on_fixed = run_words.on_fixed(row, page.method)
        page.parts.stage.set_params(flatten(row.params), on_fixed=on_fixed)
        if pictures:
            page.parts.stage.show_pictures(pictures)
            page.desk.shown = page.request()
            page.results.folder = row.path
        page.parts.curves.show_curves(run_words.curves_of(row))
        page.parts.bar.set_state("finished", self.tr("From the history"))
        page.facts_changed.emit()

    def repeat(self, row: RunRow) -> None:
        """Run a kept run again, with everything that was done while it ran."""
        if not self._busy() and self._page.open_request(request_of(row), self.tr("Repeat")):
            self._page.start_request(repeat_of(row))

    def resume(self, row: RunRow) -> None:
        """Go on with an interrupted run, from its newest checkpoint."""
        page, request = self._page, request_of(row)
        params = checkpoint_params(row.path) or request.params
        shown = msgspec.structs.replace(request, params=params)
        if not self._busy() and page.open_request(shown, self.tr("Resume")):
            page.desk.forget_result()
            page.desk.run.adopt(request, row.path)
            page.desk.run.resume()

    def _busy(self) -> bool:
        return self._page.refuses(self.tr("A run is going on here; cancel it first."))


def kept_pictures(folder: Path, bench: BenchSpec) -> dict[str, Any]:
    """The image panels of a kept run, (H, W, 3) uint8, as far as it left them."""
    row = read_folder(folder)
    found = export.pictures(row, bench) if row is not None else {}
    return {name: array for name, path in found.items() if (array := _read(path)) is not None}


def _read(path: Path) -> Any | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            # Sixteen bits per color come as they are; the stage shows eight.
            return np.array(picture.convert("RGB"))
    except (OSError, UnidentifiedImageError):
        return None
