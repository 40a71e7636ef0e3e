"""What stands below the stage: curves, and beside them the table of a race.

Where there is no room for both side by side, two tabs choose between them.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.pages.bench_curves import HEIGHT, LOW_PLOT_HEIGHT, PLOT_HEIGHT, CurvesPanel
from widgets.curves.legend import Legend
from widgets.parts import TabButton
from widgets.score_table import ScoreTable

#: Narrower, table and curves take turns.
SIDE_BY_SIDE = 940
#: Qt's word for no limit of a width.
_ANY = 16_777_215


class Below(QWidget):
    """Curves, and a table where one is set; ``low`` below a stage that needs the room."""

    def __init__(self, parent: QWidget, *, low: bool = False) -> None:
        super().__init__(parent)
        self.curves = CurvesPanel(self, plot_height=LOW_PLOT_HEIGHT if low else PLOT_HEIGHT)
        self.table: ScoreTable | None = None
        self._turn = True
        self._tabs = QWidget(self)
        line = QHBoxLayout(self._tabs)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        self._numbers = TabButton(self.tr("Numbers"), self)
        self._lines = TabButton(self.tr("Curves"), self)
        for tab in (self._numbers, self._lines):
            tab.setAutoExclusive(True)
            tab.clicked.connect(self._arrange)
            line.addWidget(tab)
        self._legend = Legend(self)
        line.addSpacing(8)
        line.addWidget(self._legend, 1, Qt.AlignmentFlag.AlignVCenter)
        line.addStretch()
        self._numbers.setChecked(True)
        self._row = QHBoxLayout()
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(10)
        self._row.addWidget(self.curves, 1, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self._tabs)
        column.addLayout(self._row)
        self._tabs.hide()

    def set_table(self, table: ScoreTable | None, names: Sequence[str] = ()) -> None:
        """Show a table beside the curves, in place of the one before; None for none.

        Where the table is out of sight, ``names`` tell whose line is whose.
        """
        self._legend.set_names(names)
        old, self.table = self.table, table
        if old is not None:
            self._row.removeWidget(old)
            old.hide()
            old.deleteLater()
        if table is not None:
            table.setParent(self)
            table.setFixedHeight(HEIGHT)
            self._row.insertWidget(0, table, 0, Qt.AlignmentFlag.AlignTop)
        self._arrange()

    def set_turn(self, on: bool) -> None:
        """Whether curves are seen, or something else in their place."""
        if on != self._turn:
            self._turn = on
            self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """More or less room."""
        super().resizeEvent(event)
        self._arrange()

    @Slot()
    def _arrange(self) -> None:
        racing = self.table is not None
        turns = racing and self.width() < SIDE_BY_SIDE
        self._tabs.setVisible(turns)
        self._legend.setVisible(self._lines.isChecked())
        if self.table is not None:
            self.table.setVisible(not turns or self._numbers.isChecked())
            wide = self.table.sizeHint().width()
            self.table.setMinimumWidth(self.table.minimumSizeHint().width() if turns else wide)
            self.table.setMaximumWidth(_ANY if turns else wide)
        self.curves.set_shown(self._turn and (not turns or self._lines.isChecked()))
