"""The left panel of a bench page: what there is, and what is done to it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.page_state import PageState
from app.pages.bench_samples import Samples
from engine.catalogue import BenchSpec, FieldSpec, InputSpec
from widgets.form import Field, Form, field_from
from widgets.parts import Chip, HintLabel, LinkButton, SectionLabel

#: The value of a choice that goes with a mask painted by hand.
PAINTED = "painted"
#: The form's name for the seed, which belongs to the page and not to the bench's problem.
SEED = "page.seed"


def painting_values(bench: BenchSpec) -> dict[str, Any]:
    """The problem values under which a mask painted by hand counts; empty without such.

    By convention a choice field of the problem has the option ``painted`` for it.
    """
    if not any(spec.kind == "mask" for spec in bench.inputs):
        return {}
    fields = {field.name: field for field in bench.fields}
    for field in bench.fields:
        if field.kind == "choice" and any(choice.value == PAINTED for choice in field.choices):
            conditions = {n: v[0] for n, v in field.when.items() if n in fields and v}
            return {**conditions, field.name: PAINTED}
    return {}


class InputPanel(QWidget):
    """Inputs as thumbnails and the bench's problem as a form."""

    open_wanted = Signal(str)
    chosen = Signal(str, str)
    sample_wanted = Signal(str)
    changed = Signal(str, object)
    committed = Signal()
    paint_wanted = Signal()

    def __init__(self, bench: BenchSpec, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = bench
        #: The problem values under which what is painted by hand counts.
        self.painted = painting_values(bench)
        self.head = QWidget()
        self._unused: frozenset[str] = frozenset()
        self._samples: dict[str, Samples] = {}
        #: What takes a picture away again, of the inputs that may be left out.
        self._without: dict[str, LinkButton] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 4, 14, 12)
        column.setSpacing(8)
        for place, spec in enumerate(s for s in bench.inputs if s.kind == "picture"):
            self._add_input(spec, column, first=place == 0)
        column.addSpacing(6)
        seed = Field(
            name=SEED,
            title=self.tr("Seed"),
            kind="int",
            default=0,
            minimum=0,
            help=self.tr(
                "Another number draws other noise and other missing pixels; "
                "the same number gives the same run again."
            ),
            group=self.tr("Chance"),
            folded=True,
        )
        self.form = Form([*map(_in_place, bench.fields), seed], self)
        self.form.changed.connect(self.changed)
        self.form.committed.connect(self.committed)
        column.addWidget(self.form)
        self._paint = Chip(self.tr("Paint by hand"), self, checkable=False)
        self._paint.setToolTip(self.tr("Paint on the picture what is missing"))
        self._paint.clicked.connect(self.paint_wanted)
        row = QHBoxLayout()
        row.addWidget(self._paint)
        row.addStretch(1)
        column.addLayout(row)
        column.addStretch(1)
        self.foot = HintLabel("", self)
        self.foot.setContentsMargins(14, 8, 14, 12)
        self.foot.hide()

    def show_state(self, state: PageState, changed: frozenset[str] | None = None) -> None:
        """Draw what is set; with ``changed``, only those keys."""
        problem = {
            name: value
            for name, value in state.problem.items()
            if changed is None or f"problem:{name}" in changed
        }
        if changed is None or "seed" in changed:
            problem[SEED] = state.seed
        self.form.set_values(problem)
        for name, samples in self._samples.items():
            if changed is None or f"inputs:{name}" in changed:
                samples.show_choice(state.inputs.get(name, ""))
                if name in self._without:
                    self._without[name].setVisible(bool(state.inputs.get(name)))
        # Where the form offers it already, a second way would only ask for attention.
        offered = [name for name, value in self.painted.items() if value == PAINTED]
        paints = offered and not self._unused & self.painted.keys()
        self._paint.setVisible(bool(paints) and not self.form.is_shown(offered[0]))

    def set_unused(self, names: Collection[str]) -> None:
        """Do not ask for these fields of the problem: they play no part in what is done."""
        self._unused = frozenset(names)
        self.form.set_unused(names)

    def is_painting(self, state: PageState) -> bool:
        """Whether a mask painted by hand counts in this state."""
        values = self.painted.items()
        if not values or self._unused & self.painted.keys():
            return False
        return all(state.problem.get(name) == value for name, value in values)

    def set_running(self, on: bool) -> None:
        """While a run goes on its problem stays as it is."""
        self.form.set_running(on)
        for part in (*self._samples.values(), *self._without.values()):
            part.setEnabled(not on)
        self._paint.setEnabled(not on)

    def set_errors(self, errors: dict[str, str]) -> dict[str, str]:
        """Mark fields; what belongs to no field that is shown comes back."""
        return self.form.set_errors(errors)

    def set_size(self, text: str) -> None:
        """What is known of the picture, such as its size."""
        for samples in self._samples.values():
            samples.say(text)

    def set_foot(self, text: str) -> None:
        """A quiet remark at the foot of the panel."""
        self.foot.setText(text)
        self.foot.setVisible(bool(text))

    def samples(self, name: str) -> Samples:
        """The samples of one input."""
        return self._samples[name]

    def set_thumbnail(self, reference: str, array: Any) -> None:
        """A sample's thumbnail came."""
        for samples in self._samples.values():
            samples.set_thumbnail(reference, array)

    def ask_thumbnails(self) -> None:
        """Want the thumbnails that are missing."""
        for samples in self._samples.values():
            samples.ask_missing()

    def _add_input(self, spec: InputSpec, column: QVBoxLayout, *, first: bool) -> None:
        head = self.head if first else QWidget(self)
        line = QHBoxLayout(head)
        line.setContentsMargins(14, 10, 10, 6) if first else line.setContentsMargins(0, 6, 0, 0)
        line.addWidget(SectionLabel(spec.title))
        line.addStretch(1)
        if not spec.required:
            without = LinkButton(self.tr("Go without"), head)
            without.setObjectName(spec.name)
            without.setToolTip(self.tr("Use no picture here; pressing the chosen one does it, too"))
            without.clicked.connect(self._on_without)
            without.hide()
            self._without[spec.name] = without
            line.addWidget(without)
        link = LinkButton(self.tr("Open…"), head)
        link.setObjectName(spec.name)
        link.clicked.connect(self._on_open)
        line.addWidget(link)
        if not first:
            column.addWidget(head)
        samples = Samples(spec, self)
        samples.setObjectName(spec.name)
        samples.chosen.connect(self._on_chosen)
        samples.wanted.connect(self.sample_wanted)
        self._samples[spec.name] = samples
        column.addWidget(samples)

    @Slot()
    def _on_open(self) -> None:
        sender = self.sender()
        if sender is not None:
            self.open_wanted.emit(sender.objectName())

    @Slot()
    def _on_without(self) -> None:
        sender = self.sender()
        if sender is not None:
            self.chosen.emit(sender.objectName(), "")

    @Slot(str)
    def _on_chosen(self, reference: str) -> None:
        sender = self.sender()
        if sender is not None:
            self.chosen.emit(sender.objectName(), reference)


def _in_place(spec: FieldSpec) -> Field:
    """The field of a form. What depends on a choice stands right below it, without a heading:
    the choice is the heading.
    """
    field = field_from(spec)
    return replace(field, group="") if spec.when and not spec.folded else field
