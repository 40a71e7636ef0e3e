"""Taking a race away: the comparison sheet, everything of all lanes, their folder."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from app import export, places, race_sheet
from app.pages.bench_results import Results
from app.race_run import RaceRun
from app.run_row import RunRow, read_folder
from engine.catalogue import Catalogue


class RaceResults(Results):
    """What the lanes of a page's race left."""

    def __init__(self, race: RaceRun, catalogue: Catalogue, parent: QWidget) -> None:
        super().__init__(parent)
        self._race, self._catalogue = race, catalogue

    @property
    def available(self) -> bool:
        """Whether a lane left anything."""
        return bool(self._race.folders)

    @property
    def rows(self) -> list[RunRow]:
        """The runs, as their folders tell them."""
        found = [read_folder(folder) for folder in self._race.folders]
        return [row for row in found if row is not None]

    def save(self) -> None:
        """Ask for a file name and write the comparison sheet there."""
        rows = self.rows
        if not rows:
            self.failed.emit(self.tr("This race left no result to save."))
            return
        name = self.tr("Comparison of {n} methods").format(n=len(rows))
        title = self.tr("Save the comparison sheet")
        chosen = places.save_as(self._parent, title, f"{name}.png", race_sheet.kinds())
        if chosen:
            self.save_to(chosen)

    def save_to(self, path: Path) -> None:
        """Write the sheet as ``path``; its ending chooses PNG or PDF, PNG if it has none."""
        path = path if path.suffix else path.with_suffix(race_sheet.ENDINGS[0])
        rows = self.rows
        if not rows:
            self.failed.emit(self.tr("This race left no result to save."))
            return
        self._start(partial(race_sheet.write, rows, self._catalogue, path))

    def export_all(self) -> None:
        """Ask for a folder and copy everything that the lanes left."""
        rows = self.rows
        place = places.folder(self._parent, self.tr("Export everything into")) if rows else None
        if place:
            self._start(partial(_copy_all, rows, place))

    def show_folder(self) -> None:
        """Open the folder that holds the runs' folders."""
        folders = self._race.folders
        if folders:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folders[0].parent)))


def _copy_all(rows: list[RunRow], place: Path) -> Path:
    for row in rows:
        export.copy_results(row, place)
    return place
