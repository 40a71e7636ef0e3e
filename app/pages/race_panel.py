"""The right panel of a bench page in a race: which methods run against each other, and how."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from app import words
from app.page_state import MOST, PageState, matching_preset, with_method
from app.pages.bench_method import CUSTOM
from engine.catalogue import MethodSpec
from widgets import theme
from widgets.parts import ChipGroup, ElidedCombo, ElidedLabel, HintLabel, SectionLabel, TextLabel


class RacePanel(QWidget):
    """A line per method; a ticked one has its preset below it."""

    #: Method and whether it races; method and preset; whether they take turns step by step.
    ticked = Signal(str, bool)
    preset_chosen = Signal(str, str)
    together_chosen = Signal(object)

    def __init__(self, methods: Sequence[MethodSpec], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.head = QWidget()
        line = QHBoxLayout(self.head)
        line.setContentsMargins(14, 10, 10, 6)
        line.addWidget(SectionLabel(self.tr("Race")))
        line.addStretch(1)
        # As high as the head of the other way.
        line.addStrut(24)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 4, 14, 12)
        column.setSpacing(8)
        text = self.tr("Choose two to four methods. All get the same measurement.")
        column.addWidget(HintLabel(text, self))
        column.addWidget(SectionLabel(self.tr("Turns"), self))
        self._turns = ChipGroup(
            [
                (
                    True,
                    self.tr("Together"),
                    self.tr("In turn, step by step: watch them all."),
                ),
                (False, self.tr("One after another"), self.tr("Each has the machine to itself.")),
            ],
            self,
            name=self.tr("Turns"),
        )
        self._turns.changed.connect(self.together_chosen)
        column.addWidget(self._turns)
        column.addSpacing(6)
        self.racers: dict[str, Racer] = {}
        for method in methods:
            if not method.races:
                continue
            racer = Racer(method, self)
            racer.ticked.connect(self.ticked)
            racer.preset_chosen.connect(self.preset_chosen)
            self.racers[method.id] = racer
            column.addWidget(racer)
        column.addStretch(1)

    def show_state(self, state: PageState) -> None:
        """Draw what is set."""
        full = len(state.race.methods) >= MOST
        for racer in self.racers.values():
            racer.show_state(state, full=full)
        self._turns.set_value(state.race.together)

    def set_pixels(self, count: int) -> None:
        """How many pixels are worked on; the durations that are told go with them."""
        for racer in self.racers.values():
            racer.set_pixels(count)

    def set_running(self, on: bool) -> None:
        """While they run everything stays as it is."""
        for racer in self.racers.values():
            racer.set_running(on)
        self._turns.setEnabled(not on)

    def set_errors(self, errors: dict[str, str], unfit: dict[str, str]) -> None:
        """Method to what is wrong with its values, and to why it cannot race on this problem."""
        for name, racer in self.racers.items():
            racer.set_error(errors.get(name, ""), unfit.get(name, ""))


class Racer(QWidget):
    """One method: whether it races, with which preset, and how long that takes."""

    ticked = Signal(str, bool)
    preset_chosen = Signal(str, str)

    def __init__(self, method: MethodSpec, parent: QWidget) -> None:
        super().__init__(parent)
        self._method = method
        self._pixels = words.USUAL_PIXELS
        self._running = self._full = False
        self._preset = self._wrong = self._unfit = ""
        self.box = QCheckBox(method.title, self)
        self.box.setToolTip(f"{method.summary}\n{method.source}")
        self.box.setCursor(Qt.CursorShape.PointingHandCursor)
        self.box.clicked.connect(self._on_box)
        # Its titles are as long as methods like; the panel keeps its width.
        self.choice = ElidedCombo(self, letters=8)
        self.choice.setAccessibleName(self.tr("{method}: preset").format(method=method.title))
        for preset in method.presets:
            self.choice.addItem(preset.title, preset.name)
            self.choice.setItemData(
                self.choice.count() - 1, preset.help, Qt.ItemDataRole.ToolTipRole
            )
        self.choice.activated.connect(self._on_choice)
        self._time = TextLabel("", "hint", self)
        self._time.setMinimumWidth(self._time.fontMetrics().horizontalAdvance("about 888 s"))
        self._error = HintLabel("", self)
        theme.set_role(self._error, "error")
        #: One who does not race is told of in one line, whole on hover.
        self._reason = ElidedLabel("", "hint", self)
        self._reason.setContentsMargins(24, 0, 0, 0)
        line = QHBoxLayout()
        line.setContentsMargins(24, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(self.choice, 1)
        line.addWidget(self._time)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.box)
        column.addLayout(line)
        column.addWidget(self._error)
        column.addWidget(self._reason)
        self._enable()

    def show_state(self, state: PageState, *, full: bool) -> None:
        """Draw whether it races, and its preset; ``full`` where no more may be ticked."""
        on = self._method.id in state.race.methods
        self.box.setChecked(on)
        self._full = full and not on
        values = with_method(state, self._method).params[self._method.id]
        self._preset = matching_preset(self._method, values)
        at = self.choice.findData(CUSTOM)
        if not self._preset and at < 0:
            self.choice.addItem(self.tr("As set on its own"), CUSTOM)
        elif self._preset and at >= 0:
            self.choice.removeItem(at)
        self.choice.setCurrentIndex(self.choice.findData(self._preset))
        self.choice.setVisible(on)
        self._time.setVisible(on)
        self._tell_time()
        self._enable()

    def set_pixels(self, count: int) -> None:
        """How many pixels are worked on."""
        self._pixels = count or words.USUAL_PIXELS
        self._tell_time()

    def set_running(self, on: bool) -> None:
        """While it runs it stays as it is."""
        self._running = on
        self._enable()

    def set_error(self, text: str, unfit: str) -> None:
        """What is wrong if it races, and why it cannot on this problem; empty for nothing."""
        self._wrong, self._unfit = text, unfit
        self._enable()

    def _enable(self) -> None:
        on = self.box.isChecked()
        self._error.setText(self._wrong if on else "")
        self._reason.setText("" if on else self._unfit)
        for label in (self._error, self._reason):
            label.setVisible(bool(label.text()))
        left_out = bool(self._unfit) and not on
        self.box.setEnabled(not self._running and not self._full and not left_out)
        self.choice.setEnabled(not self._running)
        reason = ""
        if self._running:
            reason = self.tr("Fixed while it runs. Cancel the race to change this.")
        elif left_out:
            reason = self._unfit
        elif self._full:
            reason = self.tr("{n} are chosen already; switch one off first.").format(n=MOST)
        self.box.setToolTip(reason or f"{self._method.summary}\n{self._method.source}")

    def _tell_time(self) -> None:
        found = next((p for p in self._method.presets if p.name == self._preset), None)
        self._time.setText(words.duration(found, self._pixels) if found is not None else "")

    @Slot(bool)
    def _on_box(self, on: bool) -> None:
        self.ticked.emit(self._method.id, on)

    @Slot(int)
    def _on_choice(self, index: int) -> None:
        name = self.choice.itemData(index)
        if name:
            self.preset_chosen.emit(self._method.id, name)
