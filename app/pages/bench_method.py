"""The right panel of a bench page: how it is done."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from app import words
from app.page_state import PageState
from engine.catalogue import MethodSpec, ModelSpec
from widgets.form import Form, field_from
from widgets.parts import ChipGroup, HintLabel, IconButton, SectionLabel

CUSTOM = ""


class MethodPanel(QWidget):
    """Method, summary, presets, knobs. Everything comes from the method's declaration."""

    method_chosen = Signal(str)
    preset_chosen = Signal(str)
    changed = Signal(str, object)
    committed = Signal()
    help_wanted = Signal()

    def __init__(
        self,
        methods: list[MethodSpec],
        models: dict[str, ModelSpec],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._methods = {method.id: method for method in methods}
        self._models = models
        self._shown = ""
        self._running = False
        self._pixels = words.USUAL_PIXELS
        self.form: Form | None = None
        self.head = QWidget()
        line = QHBoxLayout(self.head)
        line.setContentsMargins(14, 10, 10, 6)
        line.addWidget(SectionLabel(self.tr("Method")))
        line.addStretch(1)
        help_button = IconButton("help", self.tr("About this method"), self.head)
        help_button.setFixedSize(24, 24)
        help_button.clicked.connect(self.help_wanted)
        line.addWidget(help_button)
        self._choice = QComboBox(self)
        self._choice.setAccessibleName(self.tr("Method"))
        for method in methods:
            self._choice.addItem(method.title, method.id)
            self._choice.setItemData(
                self._choice.count() - 1, method.summary, Qt.ItemDataRole.ToolTipRole
            )
        self._choice.activated.connect(self._on_method)
        self._summary = HintLabel("", self)
        self._presets = ChipGroup(parent=self, name=self.tr("Preset"))
        self._presets.changed.connect(self._on_preset)
        self._duration = HintLabel("", self)
        self._prior_label = SectionLabel(self.tr("Prior"), self)
        self._prior = HintLabel("", self)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(14, 4, 14, 12)
        self._column.setSpacing(10)
        for part in (self._choice, self._summary, self._presets, self._duration):
            self._column.addWidget(part)
        self._form_place = self._column.count()
        self._column.addWidget(self._prior_label)
        self._column.addWidget(self._prior)
        self._column.addStretch(1)

    @property
    def method(self) -> MethodSpec:
        """The method that is shown."""
        return self._methods[self._shown]

    def show_state(self, state: PageState, changed: frozenset[str] | None = None) -> None:
        """Draw method, preset and knobs; with ``changed``, only those knobs."""
        if state.method != self._shown:
            self._build(self._methods[state.method])
            changed = None
        assert self.form is not None
        self.form.set_values(
            {
                name: value
                for name, value in state.params.get(state.method, {}).items()
                if changed is None or f"params:{name}" in changed
            }
        )
        self._presets.set_value(state.preset)
        self._tell_duration(state.preset)

    def set_pixels(self, count: int) -> None:
        """How many pixels are worked on; the duration that is told goes with them."""
        if count > 0 and count != self._pixels:
            self._pixels = count
            self._tell_duration(str(self._presets.value() or ""))

    def set_running(self, on: bool) -> None:
        """While a run goes on only live knobs move."""
        self._running = on
        reason = self.tr("Fixed while it runs. Cancel the run to change this.") if on else ""
        for part in (self._choice, self._presets):
            part.setEnabled(not on)
            part.setToolTip(reason)
        if self.form is not None:
            self.form.set_running(on)

    def set_errors(self, errors: dict[str, str]) -> dict[str, str]:
        """Mark knobs; what belongs to no knob that is shown comes back."""
        return self.form.set_errors(errors) if self.form is not None else errors

    def _build(self, method: MethodSpec) -> None:
        if self.form is not None:
            self._column.removeWidget(self.form)
            self.form.hide()
            self.form.deleteLater()
        self._shown = method.id
        self._choice.setCurrentIndex(self._choice.findData(method.id))
        self._summary.setText(method.summary)
        options = [(preset.name, preset.title, preset.help) for preset in method.presets]
        custom = (CUSTOM, self.tr("Custom"), self.tr("Knobs that were moved by hand"))
        self._presets.set_options([*options, custom])
        self.form = Form([field_from(field) for field in method.fields], self)
        self.form.changed.connect(self.changed)
        self.form.committed.connect(self.committed)
        self.form.set_running(self._running)
        self._column.insertWidget(self._form_place, self.form)
        self._tell_prior(method)

    def _tell_prior(self, method: MethodSpec) -> None:
        """Name the trained model, unless the method lets a person choose it as a knob."""
        told = [self._models[name] for name in method.priors if name in self._models]
        shown = bool(told) and not any("prior" in field.name for field in method.fields)
        self._prior_label.setVisible(shown)
        self._prior.setVisible(shown)
        self._prior.setText(
            "\n".join(f"{m.title} · {words.weights(m.parameters)}" for m in told) if shown else ""
        )

    def _tell_duration(self, name: str) -> None:
        found = next((p for p in self.method.presets if p.name == name), None)
        parts = []
        if found is not None:
            if found.help:
                parts.append(found.help)
            # What waits for a person takes as long as the person likes.
            told = words.duration(found, self._pixels)
            if told and not self.method.interactive:
                parts.append(words.sentence(self.tr("{time} on two cores").format(time=told)))
        self._duration.setText(" ".join(parts))
        self._duration.setVisible(bool(parts))

    @Slot(int)
    def _on_method(self, index: int) -> None:
        self.method_chosen.emit(self._choice.itemData(index))

    @Slot(object)
    def _on_preset(self, name: str) -> None:
        self.preset_chosen.emit(name)
