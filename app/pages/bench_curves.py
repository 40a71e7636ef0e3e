"""The curves below the stage, from the panels that bench and method declare."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QWidget

from engine.catalogue import BenchSpec, MethodSpec, PanelSpec, holds
from widgets.bar_plot import Bar, BarPlot
from widgets.curve_plot import CurvePlot

HEIGHT = 168
#: With lines that change as a whole among them: those are what there is to look at. Lower where
#: the stage needs the height: for three pictures, or for the plot that leads, which is drawn there
#: and leaves the others beside it here.
PLOT_HEIGHT, LOW_PLOT_HEIGHT = 252, 196
#: How much wider such a panel is than a curve.
PLOT_SHARE = 2
#: Narrower, neither title nor axis can be read; where more are wanted, the row scrolls.
NARROWEST = 200
_GAP = 10


def panels_of(bench: BenchSpec, method: MethodSpec) -> list[PanelSpec]:
    """What is drawn of a run: the bench's curves and the method's own, in their order.

    A method that draws lines which change as a whole is about those: what the bench measures would
    take their room, also where the one that leads is on the stage.
    """
    own = list(method.panels)
    drawn = own if any(panel.kind == "plot" for panel in own) else [*bench.panels, *own]
    return sorted(drawn, key=lambda panel: panel.order)


def unmeasured(bench: BenchSpec, method: MethodSpec, params: Mapping[str, Any]) -> frozenset[str]:
    """The bench's panels that stay empty under these knobs, as it is not its problem that is
    answered.
    """
    answers = holds(method.answers_when, params)
    return frozenset() if answers else frozenset(panel.name for panel in bench.panels)


class CurvesPanel(QScrollArea):
    """One card per curve, plot or bars panel, side by side; the row scrolls where it is too long.

    A curve panel grows with the steps; the lines of a plot panel and bars are drawn anew at every
    frame.
    """

    #: There are cards to be seen now, or there are none any more.
    filled = Signal()

    def __init__(self, parent: QWidget, *, plot_height: int = PLOT_HEIGHT) -> None:
        super().__init__(parent)
        self._plot_height = plot_height
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._panels: list[PanelSpec] = []
        self._lead = ""
        self.plots: dict[str, CurvePlot] = {}
        self.bars: dict[str, BarPlot] = {}
        self._drawn: set[str] = set()
        #: Those that stay empty under some settings: room is for what has come.
        self._optional: set[str] = set()
        #: Those that stay empty under the present knobs.
        self._idle: frozenset[str] = frozenset()
        #: Some have values, and the others are not waited for any more.
        self._settled = False
        self._wanted = True
        self._had_cards = False
        inner = QWidget(self)
        self._row = QHBoxLayout(inner)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(_GAP)
        self.setWidget(inner)
        for part in (self.viewport(), inner):
            part.setAutoFillBackground(False)
        bar = self.horizontalScrollBar()
        bar.setSingleStep(NARROWEST // 4)
        bar.installEventFilter(self)
        self._fit()

    @property
    def lead(self) -> CurvePlot | None:
        """The plot that is not in the row, as it is seen elsewhere."""
        return self.plots.get(self._lead)

    def set_panels(
        self, panels: Iterable[PanelSpec], *, legend: bool = True, lead: str = ""
    ) -> None:
        """Show these panels; what is already shown keeps its values.

        The plot ``lead`` is drawn here, and left to others to be shown. Without a legend all plots
        draw their lines in the same styles, as something beside them tells what they are.
        """
        wanted = [panel for panel in panels if panel.kind != "image"]
        lead = lead if any(p.name == lead and p.kind == "plot" for p in wanted) else ""
        if (wanted, lead) == (self._panels, self._lead):
            return
        self._lead = lead
        kept = {panel.name for panel in wanted}
        for cards in (self.plots, self.bars):
            for name in [name for name in cards if name not in kept]:
                self._take_out(cards.pop(name))
        self._drawn = {panel.name for panel in wanted if panel.kind == "plot"}
        self._optional = {p.name for p in wanted if p.optional and p.kind != "plot"}
        row = [panel.name for panel in wanted if panel.name != lead]
        # Neighbors differ in color, unless they show the same things.
        first: dict[str, int] = {}
        for place, panel in enumerate(wanted):
            if panel.kind == "bars":
                card = self.bars.get(panel.name) or self._make_bars(panel)
                self._row.insertWidget(row.index(panel.name), card, 1)
                continue
            plot = self.plots.get(panel.name)
            if plot is None:
                plot = self.plots[panel.name] = CurvePlot(panel.title, self)
                series = [(s.metric, s.title, s.unit, s.decimals) for s in panel.series]
                plot.set_series(series)
                plot.set_legend(legend)
                plot.setMinimumWidth(NARROWEST)
                plot.set_log(panel.log_y)
                if panel.x_title:
                    plot.set_x_title(panel.x_title)
                if panel.reference is not None:
                    plot.set_reference(panel.reference)
                plot.setToolTip(panel.help)
            style = first.setdefault(panel.series[0].title if panel.series else "", place)
            plot.set_first_style(style if legend else 0)
            if panel.name == lead:
                self._row.removeWidget(plot)
            else:
                share = PLOT_SHARE if panel.name in self._drawn else 1
                self._row.insertWidget(row.index(panel.name), plot, share)
        self._panels = wanted
        self._fit()
        self._show_all()

    def set_idle(self, names: Collection[str]) -> None:
        """Keep no room for these, as nothing will come of them; what they show stays."""
        if frozenset(names) != self._idle:
            self._idle = frozenset(names)
            self._show_all()

    def set_shown(self, on: bool) -> None:
        """Whether there is room for it at all."""
        if on != self._wanted:
            self._wanted = on
            self._show_row()

    def set_total(self, steps: int) -> None:
        """How many steps there will be: the axes show them all from the start; 0 if unknown."""
        for plot in self._grown():
            plot.set_x_range(0, steps) if steps > 0 else plot.set_x_range(None)

    def clear(self) -> None:
        """A new run begins."""
        for card in [*self.plots.values(), *self.bars.values()]:
            card.clear()
        self._settled = False
        self.set_total(0)
        self._show_all()

    def append(self, step: int, values: Mapping[str, float]) -> None:
        """The numbers of one step; metrics that cannot be known are not there."""
        for plot in self._grown():
            for key in plot.keys():  # noqa: SIM118 - a method, not a mapping
                if key in values:
                    plot.append(key, step, values[key])
        if step > 0:
            self.settle()

    def settle(self) -> None:
        """Give the room of what has no values to what has some: numbers have come, or a run ended.

        Without the original, say, nobody can tell the quality. Where a run failed before its first
        number, all wait for the next one.
        """
        self._settled = any(c.has_values() for c in [*self.plots.values(), *self.bars.values()])
        self._show_all()

    def draws(self, panel: str) -> bool:
        """Whether frames of this panel are lines or bars to be drawn here."""
        return panel in self._drawn or panel in self.bars

    def draw(self, panel: str, lines: Any) -> None:
        """Lines (1 + series, points) of a plot panel, positions first; or bars (2, series)."""
        if panel in self.bars:
            self.bars[panel].set_values(*lines)
            return
        plot = self.plots[panel]
        plot.set_x_range(float(lines[0, 0]), float(lines[0, -1]))
        for key, line in zip(plot.keys(), lines[1:], strict=True):
            plot.set_data(key, lines[0], line)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The bar gets room of its own: the plots keep their height."""
        if event.type() in (QEvent.Type.Show, QEvent.Type.Hide):
            self._fit()
        return super().eventFilter(watched, event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """An upright wheel moves the row as well: there is nothing else to scroll."""
        turned = event.angleDelta()
        if not turned.x():
            bar = self.horizontalScrollBar()
            bar.setValue(bar.value() - turned.y() * bar.singleStep() // 40)
            event.accept()
        else:
            super().wheelEvent(event)

    def _fit(self) -> None:
        bar = self.horizontalScrollBar()
        room = bar.sizeHint().height() + _GAP // 2 if bar.isVisible() else 0
        high = LOW_PLOT_HEIGHT if self._lead else self._plot_height
        self.setFixedHeight((high if self._drawn else HEIGHT) + room)
        self._row.setContentsMargins(0, 0, 0, _GAP // 2 if room else 0)

    def point_at(self, step: int) -> None:
        """Read all curves at a step."""
        for plot in self.plots.values():
            plot.canvas.set_cursor(step)

    def _show_all(self) -> None:
        for cards in (self.plots, self.bars):
            for name, card in cards.items():
                if name == self._lead:
                    continue
                card.setVisible(card.has_values() or self._is_awaited(name))
        self._show_row()

    def _is_awaited(self, name: str) -> bool:
        """Whether there is room for what has no values yet."""
        if name in self._drawn:
            return True
        return not self._settled and name not in self._optional | self._idle

    def _show_row(self) -> None:
        has = self.has_cards()
        self.setVisible(self._wanted and has)
        if has != self._had_cards:
            self._had_cards = has
            self.filled.emit()

    def has_cards(self) -> bool:
        """Whether there is anything to be seen, or to come."""
        return any(not card.isHidden() for card in self._cards())

    def _cards(self) -> list[CurvePlot | BarPlot]:
        """Those of the row."""
        plots = [plot for name, plot in self.plots.items() if name != self._lead]
        return [*plots, *self.bars.values()]

    def _make_bars(self, panel: PanelSpec) -> BarPlot:
        card = self.bars[panel.name] = BarPlot(panel.title, self)
        # What is not aimed at is told, and does not ask for attention.
        card.set_bars([Bar(s.metric, s.title, quiet=not s.better) for s in panel.series])
        card.set_against(panel.against)
        card.setMinimumWidth(NARROWEST)
        card.setToolTip(panel.help)
        return card

    def _take_out(self, card: QWidget) -> None:
        self._row.removeWidget(card)
        card.hide()
        card.deleteLater()

    def _grown(self) -> list[CurvePlot]:
        return [plot for name, plot in self.plots.items() if name not in self._drawn]

    def set_lines(self, curves: Mapping[str, list[tuple[float, float]]]) -> None:
        """Replace some lines by whole ones: metric to points (step, value)."""
        for plot in self._grown():
            for key in plot.keys():  # noqa: SIM118 - a method, not a mapping
                if points := curves.get(key):
                    steps, values = zip(*points, strict=True)
                    plot.set_data(key, steps, values)

    def show_curves(self, curves: Mapping[str, list[tuple[float, float]]]) -> None:
        """Whole curves of a kept run: metric to points (step, value)."""
        self.clear()
        self.set_lines(curves)
        ends = [points[-1][0] for points in curves.values() if points]
        self.set_total(int(max(ends, default=0)))
        self.settle()
