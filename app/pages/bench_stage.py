"""The middle of a bench page: the stage, how it compares, and what the cursor reads."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.actions import ActionSet
from app.buttons import follow_tip
from app.page_state import PageState
from app.pages.bench_masks import read_mask
from app.pages.stage import BenchStage, zoom_buttons
from engine.catalogue import PanelSpec
from widgets import theme
from widgets.image_view import ImageStage, Reading
from widgets.parts import Chip, ElidedLabel, LinkButton, TabButton, TabRow

_MODES = {"view.wipe": "wipe", "view.side": "side", "view.difference": "difference"}


class StagePanel(BenchStage):
    """The stage of a bench that compares, with its line of controls above."""

    compares = True

    def __init__(self, panels: Iterable[PanelSpec], actions: ActionSet, parent: QWidget) -> None:
        super().__init__(panels, parent)
        self._adopt(self.stage)
        self.stage.setAccessibleName(self.tr("Pictures"))
        self.stage.set_scene([panel.name for panel in self._panels])
        if len(self._panels) > 1:
            self.stage.set_pair(self.measurement, self.result)
            # The space bar shows what no method sees; where it is known it stands beside, too.
            self.stage.set_original(self.original)
            self.stage.set_side([self.measurement, self.result, self.original])
        self._tabs: dict[str, TabButton] = {}
        #: The buttons of those pictures of the method that are there.
        self._chips: dict[str, TabButton] = {}
        #: What is wanted: how pictures are compared, and what is seen alone as long as it is there.
        self._mode, self._alone = "wipe", ""
        #: Results that stand in the place of the one, each with its title.
        self._rivals: dict[str, str] = {}
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        self._row = TabRow(self)
        line.addWidget(self._row)
        for action_id, mode in _MODES.items():
            action = actions[action_id]
            tab = TabButton(action.text(), self)
            tab.setObjectName(action_id)
            hint = self.tr("Hold Space over the picture to see the original")
            follow_tip(tab, action, hint)
            tab.clicked.connect(self._on_tab)
            self._tabs[mode] = tab
            self._row.add(tab)
        # In what the buttons leave: they are there for good, a reading only under the mouse.
        self._reading = ElidedLabel("", "hint", self)
        self._reading.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        line.addWidget(self._reading, 1)
        self._zoom = zoom_buttons(actions, self)
        for button in self._zoom:
            line.addWidget(button)
        self._tools = _PaintTools(self.stage, self)
        self._tools.done.connect(self._on_painted)
        #: What the method is about, and the plot that it is, if it is one.
        self._lead = ""
        self._plot: QWidget | None = None
        self._plots: dict[str, PanelSpec] = {}
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(line)
        column.addWidget(self._tools)
        column.addWidget(self.stage, 1)
        self.stage.readingChanged.connect(self._on_reading)
        self.stage.modeChanged.connect(self._on_mode)
        self.stage.maskChanged.connect(self._tools.touched)
        self.stage.toolChanged.connect(self._look)
        self._tools.hide()
        self._wants_mask = False
        #: The mask is being drawn from the page's state, not by a person.
        self._drawing = False

    def set_method(self, panels: Iterable[PanelSpec], lead: str = "") -> None:
        """Offer the pictures that only this method makes, each once it is there."""
        for panel in self._method_panels:
            self._forget(panel)
        self._withdraw(self._lead)
        super().set_method(panels, lead)
        self._lead = lead
        self._plots = {panel.name: panel for panel in panels if panel.kind == "plot"}

    def show_plot(self, plot: QWidget | None) -> None:
        """The plot that the method is about, to be seen in place of the pictures."""
        if plot is self._plot:
            return
        if self._plot is not None:
            self._column.removeWidget(self._plot)
            self._plot.hide()
        self._plot = plot
        if plot is not None:
            self._column.addWidget(plot, 1)
        self._look()

    def offer_plot(self, panel: str) -> None:
        """That plot has lines now."""
        if panel == self._lead and panel not in self._chips:
            self._offer(self._plots[panel])

    def set_rivals(self, titles: dict[str, str]) -> None:
        """Compare several results (key to title) with the measurement at once; none: the one."""
        if titles == self._rivals:
            return
        self.forget_rivals()
        self._rivals = dict(titles)
        if titles:
            # Nothing of what the chosen method says counts for them.
            self.show_plot(None)
            self._withdraw(self._lead)
            self._said_anew.clear()
        known = [panel.name for panel in self._panels]
        self.stage.set_scene([*known, *titles])
        self.stage.set_rivals(list(titles))
        self.stage.set_side([self.measurement, *(titles or [self.result]), self.original])
        self._look()

    def forget_rivals(self) -> None:
        """None of them has a picture yet."""
        for key in self._rivals:
            self.stage.set_picture(key, None)

    def show_rival(self, key: str, array: Any, title: str) -> None:
        """The newest picture of one of them."""
        self.stage.set_picture(key, array, title)

    def show_view(self, state: PageState) -> None:
        """Compare, or show a picture of the method alone, as the page's state says."""
        self._mode, self._alone = state.view.get("mode", "wipe"), state.view.get("alone", "")
        self._look()

    @Slot()
    def _look(self) -> None:
        """Show what is wanted of what there is; the pair where the wanted one is not there."""
        name = self._alone
        alone = name in self._chips
        mode = "single" if alone else self._mode if self._mode in self._tabs else "wipe"
        canvas = self._canvas()
        if canvas:
            alone, mode = False, "single"
        # What is wrong with a result is told by the original, where there is one.
        truth = bool(self._rivals) and mode == "difference" and self.original in self.stage.keys()  # noqa: SIM118
        if len(self._panels) > 1:
            self.stage.set_pair(self.original if truth else self.measurement, self.result)
        plotted = alone and self._plot is not None and name == self._lead
        if self._plot is not None:
            self._plot.setVisible(plotted)
        for part in (self.stage, *self._zoom):
            part.setVisible(not plotted)
        self.stage.set_single(canvas or (name if alone and not plotted else None))
        self.stage.set_mode(mode)  # type: ignore[arg-type]
        for key, tab in {**self._tabs, **self._chips}.items():
            tab.setChecked(key == (name if alone else mode))

    def _canvas(self) -> str:
        """The picture that is painted on, alone: nothing may lie over it. Empty without a tool."""
        if self.stage.tool() is None:
            return ""
        return self.original if self.original in self.stage.keys() else self.measurement  # noqa: SIM118

    def _offer(self, panel: PanelSpec) -> None:
        title = panel.title.format_map(self._params)
        if (chip := self._chips.get(panel.name)) is not None:
            # It was an earlier run's, with other knobs.
            chip.setText(title)
            return
        chip = TabButton(title, self)
        chip.setObjectName(panel.name)
        chip.setToolTip(panel.help)
        chip.clicked.connect(self._on_tab)
        self._chips[panel.name] = chip
        self._row.add(chip, first=panel.name == self._lead)
        self._look()

    def _forget(self, panel: str) -> None:
        self.stage.set_picture(panel, None)
        self._withdraw(panel)

    def _withdraw(self, panel: str) -> None:
        """Offer it no more."""
        if (chip := self._chips.pop(panel, None)) is not None:
            self._row.remove(chip)
            self._look()

    def _show_only(self, arrays: dict[str, Any], note: str) -> None:
        self.stage.set_note(note)
        self.stage.set_single(None)
        for key in self.stage.keys():  # noqa: SIM118 - a method, not a mapping
            if key not in arrays:
                self._forget(key)
        if self._plot is not None:
            self._withdraw(self._lead)
        for key, array in arrays.items():
            self._put_on(self.stage, key, array, self._title(key))
            self._offer_picture(key)
        self._look()

    def _keep(self, keys: Collection[str]) -> None:
        # The others are the bench's, of which every run has its own.
        for key in [key for key in self._chips if key not in keys]:
            self._forget(key)

    def _offer_picture(self, key: str) -> None:
        """Let a picture be seen alone, where it is the method's own or what that is about."""
        panel = self._panel(key)
        wanted = key in self._method_panels or key == self._lead
        if panel is not None and wanted:
            self._offer(panel)

    def _show(self, key: str, array: Any, step: int) -> None:
        title = self._title(key)
        if key == self.result and step > 0:
            title = self.tr("{title} · step {step}").format(title=title, step=step)
        self._put_on(self.stage, key, array, title)
        self._offer_picture(key)

    def paint(self, on: bool, tool: str | None = None) -> None:
        """Offer the tools of painting and take one in hand, or put all of it away."""
        self._tools.setVisible(on)
        self._wants_mask = on
        self.stage.set_tool(tool if on else None)  # type: ignore[arg-type]
        self._tools.show_tool(self.stage.tool())
        if not on:
            self.stage.set_note("")
            self._look()

    @property
    def painting(self) -> bool:
        """Whether the tools of painting are offered."""
        return self._wants_mask

    def ask_for(self, text: str) -> None:
        """Say quietly what is still to be given, over the picture without damage."""
        self.stage.set_note(text)
        shown = self.original in self.stage.keys()  # noqa: SIM118 - a method, not a mapping
        self.stage.set_single(self.original if shown else None)

    def show_mask(self, path: str) -> None:
        """Draw the mask in a file, or none, over the pictures."""
        width, height = self.stage.model.frame
        if not width:
            return
        mask = read_mask(path, (height, width))
        present = self.stage.mask()
        if present is None or (mask is None and not present.any()):
            return
        if mask is None or not (mask == present).all():
            self._drawing = True
            self.stage.set_mask(mask)
            self._drawing = False

    @Slot()
    def _on_tab(self) -> None:
        sender = self.sender()
        if sender is not None:
            # Whoever wants to look has painted enough.
            self.stage.set_tool(None)
            name = sender.objectName()
            key, value = ("view:mode", _MODES[name]) if name in _MODES else ("view:alone", name)
            self.viewed.emit(key, value)
            self._look()

    @Slot(str)
    def _on_mode(self, mode: str) -> None:
        if mode != "single":
            for name, tab in {**self._tabs, **self._chips}.items():
                tab.setChecked(name == mode)

    @Slot(object)
    def _on_reading(self, reading: Reading | None) -> None:
        if reading is None:
            self._reading.setText("")
            return
        colors = " ".join(f"{value:.2f}".replace("-", "−") for value in reading.values)
        values = reading.number or colors
        self._reading.setText(f"x {reading.x} y {reading.y} · {values}")
        self._reading.setToolTip(reading.title)

    @Slot()
    def _on_painted(self) -> None:
        if not self._drawing:
            self.stage.set_note("")
            self.painted.emit(self.stage.mask())


class _PaintTools(QWidget):
    """Brush, eraser, rectangle, clear, done: one quiet row, only while painting."""

    done = Signal()

    def __init__(self, stage: ImageStage, parent: QWidget) -> None:
        super().__init__(parent)
        self._stage = stage
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self._chips: dict[str, Chip] = {}
        for tool, text in (
            ("", self.tr("Move")),
            ("brush", self.tr("Brush")),
            ("eraser", self.tr("Eraser")),
            ("rectangle", self.tr("Rectangle")),
        ):
            chip = Chip(text, self)
            chip.setObjectName(tool)
            chip.setAutoExclusive(True)
            chip.clicked.connect(self._on_tool)
            self._chips[tool] = chip
            row.addWidget(chip)
        hint = QLabel(self.tr("Shift erases, [ and ] change the size"), self)
        theme.set_role(hint, "hint")
        row.addWidget(hint)
        row.addStretch(1)
        clear = LinkButton(self.tr("Clear"), self)
        clear.clicked.connect(self._on_clear)
        row.addWidget(clear)
        stage.toolChanged.connect(self.show_tool)

    @Slot()
    def touched(self) -> None:
        """The mask changed; tell once the stroke is over."""
        if self.isVisible():
            self.done.emit()

    @Slot()
    def _on_tool(self) -> None:
        sender = self.sender()
        if sender is not None:
            self._stage.set_tool(sender.objectName() or None)  # type: ignore[arg-type]

    @Slot(object)
    def show_tool(self, tool: str | None) -> None:
        """Mark the tool in hand."""
        for name, chip in self._chips.items():
            chip.setChecked(name == (tool or ""))

    @Slot()
    def _on_clear(self) -> None:
        self._stage.set_mask(None)
