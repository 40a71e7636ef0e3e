"""What is compared of runs on one problem: the columns of the table, and the curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from PySide6.QtCore import QCoreApplication

from engine.catalogue import BenchSpec, MethodSpec, PanelSpec, SeriesSpec, holds

#: Seconds of computing, which every run has beside its metrics.
SECONDS = "seconds"


class Score(msgspec.Struct, frozen=True):
    """One number of a run, as its declaration tells it."""

    metric: str
    title: str
    unit: str = ""
    help: str = ""
    digits: int = 2
    better: str = ""


def scores(bench: BenchSpec, methods: Sequence[MethodSpec]) -> list[Score]:
    """The bench's numbers, those of the methods of which one side is better, and the seconds."""
    found = {
        series.metric: _score(panel, series)
        for panel in bench.panels
        if panel.kind == "curve"
        for series in panel.series
    }
    for method in methods:
        for panel in method.panels:
            for series in panel.series if panel.kind == "curve" else ():
                if series.better:
                    found.setdefault(series.metric, _score(panel, series))
    tr = QCoreApplication.translate
    tip = tr("Race", "Seconds of computing, without the turns of other methods.")
    found[SECONDS] = Score(SECONDS, tr("Race", "Time"), "s", tip, 1, "low")
    return list(found.values())


def _score(panel: PanelSpec, series: SeriesSpec) -> Score:
    tip = f"{panel.title}. {panel.help}"
    return Score(series.metric, series.title, series.unit, tip, series.decimals, series.better)


def overlaid(bench: BenchSpec, methods: Sequence[MethodSpec]) -> list[PanelSpec]:
    """The bench's curve panels with one line per method in place of one per metric."""
    panels = []
    for panel in bench.panels:
        for series in panel.series if panel.kind == "curve" else ():
            lines = [
                SeriesSpec(line(series.metric, method.id), method.title, series.unit)
                for method in methods
            ]
            title = panel.title if len(panel.series) == 1 else series.title
            changes: dict[str, Any] = {
                "name": f"race.{series.metric}.{'.'.join(m.id for m in methods)}",
                "title": title,
                "series": tuple(lines),
            }
            panels.append(msgspec.structs.replace(panel, **changes))
    return panels


def comparable(method: MethodSpec, params: Mapping[str, Any]) -> bool:
    """Whether what a method makes with these knobs answers the question of its bench."""
    return method.races and holds(method.answers_when, params)


def line(metric: str, method: str) -> str:
    """The name of a method's line in an overlaid curve."""
    return f"{metric}@{method}"
