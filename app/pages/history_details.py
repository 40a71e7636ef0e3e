"""The right side of the history page: one run with everything that is known about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app import run_words, words
from app.pages.parts import FactTable, Figures, Picture, clear
from app.run_row import INTERRUPTED, RECORD, RunRow, read_json
from engine.catalogue import Catalogue, PanelSpec, SeriesSpec
from widgets.curve_plot import CurvePlot
from widgets.parts import Card, IconButton, PrimaryButton, TextLabel

Curves = dict[str, list[tuple[float, float]]]
PICTURE_HEIGHT = 232
CURVE_HEIGHT = 150


class NoteEdit(QPlainTextEdit):
    """A short note. ``left`` tells that the person is done with it."""

    left = Signal()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """The note is kept when it is left."""
        super().focusOutEvent(event)
        self.left.emit()


class RunDetails(QScrollArea):
    """One run. Signals carry the run; ``renamed`` and ``noted`` also the new text."""

    reopen = Signal(object)
    resume = Signal(object)
    repeat = Signal(object)
    show_folder = Signal(object)
    delete = Signal(object)
    export_zip = Signal(object)
    export_files = Signal(object)
    export_picture = Signal(object)
    renamed = Signal(object, str)
    noted = Signal(object, str)

    def __init__(self, catalogue: Catalogue, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.catalogue = catalogue
        self.row: RunRow | None = None
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        content = QWidget()
        self.setWidget(content)
        column = QVBoxLayout(content)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        self._picture = Picture(PICTURE_HEIGHT)
        column.addWidget(self._picture)
        self.name = QLineEdit()
        self.name.setAccessibleName(self.tr("Name of the run"))
        self.name.setToolTip(self.tr("Give the run a name of its own; it can be searched for"))
        self.name.editingFinished.connect(self._on_named)
        column.addWidget(self.name)
        self._line = TextLabel("", "hint")
        self._line.setWordWrap(True)
        column.addWidget(self._line)
        column.addLayout(self._buttons())
        self._changing = QVBoxLayout()
        self._changing.setSpacing(12)
        column.addLayout(self._changing)
        note_card = Card(self.tr("Note"))
        self.note = NoteEdit()
        self.note.setAccessibleName(self.tr("Note"))
        self.note.setPlaceholderText(self.tr("What was this run for?"))
        self.note.setFixedHeight(64)
        self.note.setTabChangesFocus(True)
        self.note.left.connect(self._on_noted)
        note_card.body.addWidget(self.note)
        column.addWidget(note_card)
        column.addStretch(1)

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.primary = PrimaryButton(self.tr("Open again"))
        self.primary.clicked.connect(self._on_primary)
        self.again = QPushButton(self.tr("Repeat"))
        self.again.setToolTip(
            self.tr("Run once more with the same settings, seed and actions: the same numbers")
        )
        self.again.clicked.connect(self._on_repeat)
        take = QPushButton(self.tr("Export"))
        menu = QMenu(take)
        menu.addAction(self.tr("Results into a folder…"), self._on_export_files)
        menu.addAction(self.tr("Before and after as one picture…"), self._on_export_picture)
        menu.addAction(self.tr("Everything as a ZIP file…"), self._on_export_zip)
        take.setMenu(menu)
        folder = IconButton("folder", self.tr("Show the folder of this run"))
        folder.clicked.connect(self._on_folder)
        remove = IconButton("delete", self.tr("Delete this run (can be undone)"))
        remove.clicked.connect(self._on_delete)
        for part in (self.primary, self.again, take):
            row.addWidget(part)
        row.addStretch(1)
        row.addWidget(folder)
        row.addWidget(remove)
        return row

    def show_run(self, row: RunRow) -> None:
        """Show a run; the same run again only where it changed."""
        if row == self.row:
            return
        other = self.row is None or self.row.id != row.id
        self.row = row
        self._picture.set_source(row.path / row.thumbnail if row.thumbnail else None, row.heading)
        if other or not self.name.hasFocus():
            with QSignalBlocker(self.name):
                self.name.setText(row.name or row.heading)
                self.name.setCursorPosition(0)
        if other or not self.note.hasFocus():
            self.note.setPlainText(row.note)
        shown = row.shown_status
        parts = [run_words.status(shown), run_words.moment(row.created)]
        if row.seconds > 0:
            parts.append(words.seconds(row.seconds))
        self._line.setText(" · ".join(part for part in parts if part))
        can_resume = shown == INTERRUPTED
        self.primary.setText(self.tr("Resume") if can_resume else self.tr("Open again"))
        self.primary.setToolTip(
            self.tr("Go on from the last checkpoint")
            if can_resume
            else self.tr("Open the bench with all settings of this run")
        )
        self._fill(row)
        if other:
            self.verticalScrollBar().setValue(0)

    def _fill(self, row: RunRow) -> None:
        clear(self._changing)
        record = read_json(row.path / RECORD) or {}
        if error := record.get("error"):
            card = Card(self.tr("What went wrong"))
            text = TextLabel(str(error), "error")
            text.setWordWrap(True)
            card.body.addWidget(text)
            self._changing.addWidget(card)
        figures = [(title, value) for _, title, value in run_words.metrics(row, self.catalogue)]
        if figures:
            card = Card()
            card.body.addWidget(Figures(figures))
            self._changing.addWidget(card)
        curves = run_words.curves_of(row)
        for panel in self._curve_panels(row, curves):
            self._changing.addWidget(_curve(panel, curves))
        for title, lines in run_words.settings(row, self.catalogue):
            card = Card(title)
            card.body.addWidget(FactTable(lines))
            self._changing.addWidget(card)
        card = Card(self.tr("Made with"))
        card.body.addWidget(FactTable(self._origin(row, record)))
        self._changing.addWidget(card)

    def _curve_panels(self, row: RunRow, curves: Curves) -> list[PanelSpec]:
        """The curve panels that have something to show; curves nobody declares have their own."""
        owners = [b for b in self.catalogue.benches if b.id == row.bench]
        methods = [m for m in self.catalogue.methods if m.id == row.method]
        # How bars grew is a curve as well.
        kinds = ("curve", "bars")
        declared = [p for owner in [*owners, *methods] for p in owner.panels if p.kind in kinds]
        known = {series.metric for panel in declared for series in panel.series}
        panels = [p for p in declared if any(s.metric in curves for s in p.series)]
        panels += [
            PanelSpec(name=name, title=name, kind="curve", series=(SeriesSpec(name, name),))
            for name in sorted(curves.keys() - known)
        ]
        return panels

    def _origin(self, row: RunRow, record: dict[str, Any]) -> list[tuple[str, str]]:
        lines = [(self.tr("Method"), row.title), (self.tr("Seed"), str(row.seed))]
        for key, title in (("device", self.tr("Device")), ("backend", self.tr("Computed by"))):
            if isinstance(record.get(key), str):
                lines.append((title, record[key]))
        for name, version in row.versions.items():
            if name in {"priorbench", "torch"}:
                lines.append((name, version))
        lines.append((self.tr("Folder"), str(Path(row.folder))))
        return lines

    @Slot()
    def _on_primary(self) -> None:
        if self.row is not None:
            resuming = self.row.shown_status == INTERRUPTED
            (self.resume if resuming else self.reopen).emit(self.row)

    @Slot()
    def _on_repeat(self) -> None:
        self.repeat.emit(self.row)

    @Slot()
    def _on_folder(self) -> None:
        self.show_folder.emit(self.row)

    @Slot()
    def _on_delete(self) -> None:
        self.delete.emit(self.row)

    @Slot()
    def _on_export_zip(self) -> None:
        self.export_zip.emit(self.row)

    @Slot()
    def _on_export_files(self) -> None:
        self.export_files.emit(self.row)

    @Slot()
    def _on_export_picture(self) -> None:
        self.export_picture.emit(self.row)

    @Slot()
    def _on_named(self) -> None:
        if self.row is None:
            return
        text = self.name.text().strip()
        # The heading that stands there by itself is no name.
        automatic = RunRow(**{**_fields(self.row), "name": ""}).heading
        name = "" if text == automatic else text
        if name != self.row.name:
            self.renamed.emit(self.row, name)

    @Slot()
    def _on_noted(self) -> None:
        if self.row is not None and self.note.toPlainText().strip() != self.row.note:
            self.noted.emit(self.row, self.note.toPlainText().strip())


def _fields(row: RunRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


def _curve(panel: PanelSpec, curves: Curves) -> CurvePlot:
    plot = CurvePlot(panel.title)
    shown = [series for series in panel.series if series.metric in curves]
    plot.set_series([(s.metric, s.title, s.unit, s.decimals) for s in shown])
    for series in shown:
        points = curves[series.metric]
        plot.set_data(series.metric, [p[0] for p in points], [p[1] for p in points])
    plot.set_log(panel.log_y)
    if panel.reference is not None:
        plot.set_reference(panel.reference)
    plot.setFixedHeight(CURVE_HEIGHT)
    return plot
