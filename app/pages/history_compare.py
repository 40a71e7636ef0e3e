"""Several runs beside each other: pictures, numbers, and only the settings that differ."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app import run_words
from app.pages.parts import Picture, clear
from app.run_row import RunRow
from engine.catalogue import Catalogue
from widgets.curve_plot import CurvePlot
from widgets.parts import Card, ElidedLabel, HintLabel, IconButton, TextLabel

#: More runs than this are counted, not drawn.
MOST = 6
CURVE_HEIGHT = 200


class RunComparison(QScrollArea):
    """Two to six runs as columns. Signals carry the list of runs."""

    export_table = Signal(object)
    export_sheet = Signal(object)
    delete = Signal(object)

    def __init__(self, catalogue: Catalogue, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.catalogue = catalogue
        self.rows: list[RunRow] = []
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        content = QWidget()
        self.setWidget(content)
        column = QVBoxLayout(content)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        head = QHBoxLayout()
        self._title = TextLabel("", "title")
        head.addWidget(self._title)
        head.addStretch(1)
        table = QPushButton(self.tr("Export table…"))
        table.clicked.connect(self._on_export)
        head.addWidget(table)
        sheet = QPushButton(self.tr("Comparison sheet…"))
        sheet.setToolTip(self.tr("Pictures, curves and numbers on one page, as PNG or PDF"))
        sheet.clicked.connect(self._on_sheet)
        head.addWidget(sheet)
        remove = IconButton("delete", self.tr("Delete these runs (can be undone)"))
        remove.clicked.connect(self._on_delete)
        head.addWidget(remove)
        column.addLayout(head)
        self._hint = HintLabel("")
        column.addWidget(self._hint)
        card = Card()
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(8)
        card.body.addLayout(self._grid)
        column.addWidget(card)
        self._curves = QVBoxLayout()
        self._curves.setSpacing(12)
        column.addLayout(self._curves)
        column.addStretch(1)

    def show_runs(self, rows: list[RunRow]) -> None:
        """Compare these runs."""
        if rows == self.rows:
            return
        for place in range(1, MOST + 1):
            self._grid.setColumnStretch(place, 0)
        self.rows = rows
        clear(self._grid)
        self._title.setText(self.tr("{n} runs").format(n=len(rows)))
        shown = rows[:MOST]
        self._hint.setText(
            self.tr("The first {n} are compared.").format(n=MOST) if len(rows) > MOST else ""
        )
        self._hint.setVisible(len(rows) > MOST)
        grid = self._grid
        for place, row in enumerate(shown, start=1):
            picture = Picture(96)
            picture.set_source(row.path / row.thumbnail if row.thumbnail else None, row.heading)
            grid.addWidget(picture, 0, place)
            heading = ElidedLabel(row.heading, "strong")
            grid.addWidget(heading, 1, place)
            grid.setColumnStretch(place, 1)
        lines = run_words.comparison(shown, self.catalogue)
        for line, (title, texts) in enumerate(lines, start=2):
            grid.addWidget(TextLabel(title, "secondary"), line, 0)
            for place, text in enumerate(texts, start=1):
                label = ElidedLabel(text)
                label.setAccessibleName(f"{shown[place - 1].heading}, {title}: {text}")
                grid.addWidget(label, line, place)

        self._show_curves(shown)

    def _show_curves(self, rows: list[RunRow]) -> None:
        """One plot for each number that at least two of the runs followed."""
        clear(self._curves)
        curves = [(row, run_words.curves_of(row)) for row in rows]
        titles = run_words.series_of(rows[0], self.catalogue)
        for metric, (title, unit) in titles.items():
            having = [(row, points[metric]) for row, points in curves if metric in points]
            if len(having) < 2:
                continue
            plot = CurvePlot(title)
            plot.set_series([(row.id, row.heading, unit) for row, _ in having])
            for row, points in having:
                plot.set_data(row.id, [p[0] for p in points], [p[1] for p in points])
            plot.setFixedHeight(CURVE_HEIGHT)
            self._curves.addWidget(plot)

    @Slot()
    def _on_export(self) -> None:
        self.export_table.emit(self.rows)

    @Slot()
    def _on_sheet(self) -> None:
        self.export_sheet.emit(self.rows[:MOST])

    @Slot()
    def _on_delete(self) -> None:
        self.delete.emit(self.rows)
