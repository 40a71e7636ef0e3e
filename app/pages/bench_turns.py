"""Strips and curves below a map take turns where there is no room to look at both."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Slot
from PySide6.QtWidgets import QWidget

from app.pages.bench_below import Below
from app.pages.explore_stage import ExploreStage


class Turns(QObject):
    """Decides at every change of room or content whether there are turns, and whose it is.

    Args:
        middle: what stage and curves share the height of.
    """

    def __init__(self, stage: ExploreStage, below: Below, middle: QWidget) -> None:
        super().__init__(middle)
        self._stage, self._below, self._middle = stage, below, middle
        middle.installEventFilter(self)
        stage.rearranged.connect(self._arrange)
        stage.turned.connect(self._arrange)
        below.curves.filled.connect(self._arrange)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """More or less room."""
        if event.type() == QEvent.Type.Resize:
            self._arrange()
        return super().eventFilter(watched, event)

    @Slot()
    def _arrange(self) -> None:
        curves = self._below.curves
        spent = curves.height() + self._gap()
        room = self._stage.height() + (spent if self._below.height() else 0)
        turns = curves.has_cards() and self._stage.wants_turns(room - spent)
        self._stage.set_turns(turns)
        self._below.set_turn(not turns or self._stage.curves_wanted)

    def _gap(self) -> int:
        layout = self._middle.layout()
        return max(0, layout.itemAt(0).layout().spacing()) if layout is not None else 0
