"""The widgets of a bench page, put where they belong. They know nothing of each other."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from app.actions import ActionSet
from app.pages.bench_below import Below
from app.pages.bench_docks import Panel, PanelArea
from app.pages.bench_input import InputPanel
from app.pages.bench_method import MethodPanel
from app.pages.bench_stage import StagePanel
from app.pages.bench_turns import Turns
from app.pages.explore_stage import ExploreStage
from app.pages.race_panel import RacePanel
from app.pages.stage import BenchStage
from engine.catalogue import BenchSpec, Catalogue
from widgets.engine_gauge import EngineGauge
from widgets.job_bar import JobBar
from widgets.parts import Banner

#: How the pictures are laid out, by what a bench asks for.
_STAGES: dict[str, type[BenchStage]] = {"compare": StagePanel, "explore": ExploreStage}


class BenchParts:
    """What I have at the left, what I see in the middle, how it is done at the right."""

    def __init__(
        self, bench: BenchSpec, catalogue: Catalogue, actions: ActionSet, page: QWidget
    ) -> None:
        self.area = PanelArea(page)
        self.input = InputPanel(bench)
        models = {model.id: model for model in catalogue.models}
        self.method = MethodPanel(catalogue.methods_of(bench.id), models)
        self.stage = _STAGES[bench.stage](bench.panels, actions, page)
        self.race = RacePanel(catalogue.methods_of(bench.id))
        self.below = Below(page, low=not self.stage.compares)
        self.curves = self.below.curves
        self.bar = JobBar(page)
        self.banner = Banner(page)
        self.gauge = EngineGauge(page)
        self.gauge.setContentsMargins(14, 10, 14, 12)
        middle = QFrame(page)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        inner = QVBoxLayout()
        inner.setContentsMargins(12, 8, 12, 10)
        inner.setSpacing(10)
        inner.addWidget(self.banner)
        inner.addWidget(self.stage, 1)
        inner.addWidget(self.below)
        column.addLayout(inner, 1)
        column.addWidget(self.bar)
        self.area.setCentralWidget(middle)
        left = Panel("input", bench.title, self.input, self.input.head)
        left.add_foot(self.input.foot)
        how, head = _stacked(self.method, self.race), _stacked(self.method.head, self.race.head)
        right = Panel("method", page.tr("Method"), how, head)
        right.add_foot(self.gauge)
        self.area.add_panel("left", left)
        self.area.add_panel("right", right)
        if isinstance(self.stage, ExploreStage):
            Turns(self.stage, self.below, middle)
        outer = QVBoxLayout(page)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.area)
        for splitter in self.stage.splitters:
            self.area.add_splitter(splitter)
        self.area.settle()
        self.show_race(False)

    def show_race(self, on: bool) -> None:
        """How it is done: one method with its knobs, or those that race."""
        for part, shown in ((self.method, not on), (self.race, on)):
            part.setVisible(shown)
            part.head.setVisible(shown)


def _stacked(*parts: QWidget) -> QWidget:
    """Parts of which one is seen at a time; the others take no room."""
    whole = QWidget()
    column = QVBoxLayout(whole)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    for part in parts:
        column.addWidget(part)
    return whole
