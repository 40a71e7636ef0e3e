"""One editor per kind of field.

An editor is not a widget: it owns up to two of them, ``head`` (beside the title) and ``body``
(below it), keeps the value and tells of changes that a person made.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QWidget,
)

from widgets.form.field import Field
from widgets.form.files import PathBox
from widgets.form.number import NumberBox, ValueSlider
from widgets.form.numbers import Scale
from widgets.parts.buttons import ChipGroup, IconButton
from widgets.parts.combo import ElidedCombo
from widgets.parts.labels import HintLabel

#: More options than this, or longer ones, become a drop-down list.
_MOST_CHIPS = 6
_CHIP_LETTERS = 22


class Editor(QObject):
    """Keeps one value. ``changed`` while a person changes it, ``committed`` when that is done."""

    changed = Signal(object)
    committed = Signal()
    problem = Signal(str)
    paint_requested = Signal()

    def __init__(self, field: Field, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.field = field
        self.head: QWidget | None = None
        self.body: QWidget | None = None
        self._value: Any = field.accept(field.default)

    def value(self) -> Any:
        """The present value."""
        return self._value

    def set_value(self, value: Any) -> None:
        """Show a value that the field accepts, without telling anyone."""
        self._value = value
        self._show()

    def controls(self) -> list[QWidget]:
        """The widgets that a person operates, in the order of the keyboard."""
        return [w for w in (self.body, self.head) if w is not None]

    def buddy(self) -> QWidget | None:
        """The control that the title belongs to."""
        return self.head or self.body

    def _show(self) -> None:
        raise NotImplementedError

    def _take(self, value: Any, *, done: bool = True) -> None:
        """A person chose ``value``."""
        moved = value != self._value
        self._value = value
        self._show()
        if moved:
            self.changed.emit(value)
        if done:
            self.committed.emit()


class NumberEditor(Editor):
    """Number box, and a slider where both limits are known."""

    def __init__(self, field: Field, parent: QObject | None = None) -> None:
        super().__init__(field, parent)
        self._scale = Scale.of(
            field.low(),
            field.high(),
            log=field.scale == "log" and field.bounded() and field.high() > 0,
            integer=field.kind == "int",
            decimals=0 if field.kind == "int" else field.decimals,
            step=field.step,
        )
        self.box = NumberBox(field)
        self.head = self.box
        self.box.entered.connect(self._entered)
        self.box.stepped.connect(self._stepped)
        self.box.problem.connect(self.problem)
        self.slider: ValueSlider | None = None
        if field.bounded():
            self.slider = ValueSlider(self._scale, field.title)
            self.body = self.slider
            self.slider.dragged.connect(self._dragged)
            self.slider.released.connect(self.committed)
            self.slider.stepped.connect(self._stepped)
            self.slider.jumped.connect(self._jumped)
        self._show()

    def _show(self) -> None:
        self.box.set_value(self._value)
        if self.slider is not None:
            self.slider.show_value(self._value, self.field.show(self._value))

    def _entered(self, value: Any) -> None:
        self._take(value)

    def _stepped(self, steps: int) -> None:
        self._take(self._scale.stepped(self._value, steps))
        if self.box.hasFocus():
            self.box.selectAll()

    def _jumped(self, end: int) -> None:
        self._take(self._scale.inside(self.field.low() if end < 0 else self.field.high()))

    def _dragged(self, value: Any) -> None:
        down = self.slider is not None and self.slider.isSliderDown()
        if value != self._value:
            self._value = value
            self.box.set_value(value)
            if self.slider is not None:
                self.slider.setAccessibleDescription(self.field.show(value))
            self.changed.emit(value)
        if not down:
            self.committed.emit()


class SwitchEditor(Editor):
    """A switch that carries the title itself."""

    def __init__(self, field: Field, parent: QObject | None = None) -> None:
        super().__init__(field, parent)
        self.switch = QCheckBox(field.title)
        self.switch.setAccessibleName(field.title)
        self.switch.setCursor(Qt.CursorShape.PointingHandCursor)
        self.head = self.switch
        self.switch.clicked.connect(self._clicked)
        self._show()

    def _show(self) -> None:
        self.switch.setChecked(self._value)

    def _clicked(self, on: bool) -> None:
        self._take(on)


class ChipsEditor(Editor):
    """A few short options, all in sight."""

    def __init__(self, field: Field, parent: QObject | None = None) -> None:
        super().__init__(field, parent)
        self.chips = ChipGroup(field.choices, name=field.title)
        self.body = self.chips
        self.chips.changed.connect(self._take)
        self._show()

    def controls(self) -> list[QWidget]:
        """The chips."""
        return list(self.chips.chips())

    def buddy(self) -> QWidget | None:
        """None: each chip has its own name."""
        return None

    def _show(self) -> None:
        self.chips.set_value(self._value)


class ComboEditor(Editor):
    """Many or long options in a list that opens."""

    def __init__(self, field: Field, parent: QObject | None = None) -> None:
        super().__init__(field, parent)
        self.combo = ElidedCombo()
        self.combo.setAccessibleName(field.title)
        for number, option in enumerate(field.choices):
            self.combo.addItem(option.title)
            self.combo.setItemData(number, option.help, Qt.ItemDataRole.ToolTipRole)
        self.body = self.combo
        self.combo.activated.connect(self._chosen)
        self._show()

    def _show(self) -> None:
        values = [c.value for c in self.field.choices]
        self.combo.setCurrentIndex(values.index(self._value))

    def _chosen(self, number: int) -> None:
        self._take(self.field.choices[number].value)


class TextEditor(Editor):
    """One line of text."""

    def __init__(self, field: Field, parent: QObject | None = None) -> None:
        super().__init__(field, parent)
        self.line = QLineEdit()
        self.line.setAccessibleName(field.title)
        self.body = self.line
        self.line.textEdited.connect(self._typed)
        self.line.editingFinished.connect(self._finished)
        self._dirty = False
        self._show()

    def _show(self) -> None:
        if self.line.text() != self._value:
            self.line.setText(self._value)

    def _typed(self, text: str) -> None:
        self._dirty = True
        self._take(text, done=False)

    def _finished(self) -> None:
        if self._dirty:
            self._dirty = False
            self.committed.emit()


class FileEditor(Editor):
    """A path: typed, chosen in a dialog, or dropped."""

    def __init__(self, field: Field, parent: QObject | None = None) -> None:
        super().__init__(field, parent)
        self.path = PathBox(field.title, field.suffixes, pictures=field.kind == "picture")
        self.body = self.path
        self.path.chosen.connect(self._take)
        self._show()

    def controls(self) -> list[QWidget]:
        """The line and its button."""
        return [self.path.line, self.path.browse]

    def buddy(self) -> QWidget | None:
        """The line."""
        return self.path.line

    def _show(self) -> None:
        self.path.set_path(self._value)


class MaskEditor(Editor):
    """A mask that is painted elsewhere: a button that asks for it, and whether there is one."""

    def __init__(self, field: Field, parent: QObject | None = None) -> None:
        super().__init__(field, parent)
        self.body = QWidget()
        row = QHBoxLayout(self.body)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.paint = QPushButton(self.tr("Paint by hand"))
        self.paint.setProperty("kind", "chip")
        self.paint.setAccessibleName(f"{field.title}: {self.paint.text()}")
        self.paint.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.state = HintLabel()
        self.clear = IconButton("close", self.tr("Forget what was painted"))
        row.addWidget(self.paint)
        row.addWidget(self.state, 1)
        row.addWidget(self.clear)
        self.paint.clicked.connect(self.paint_requested)
        self.clear.clicked.connect(self._cleared)
        self._show()

    def controls(self) -> list[QWidget]:
        """The two buttons."""
        return [self.paint, self.clear]

    def buddy(self) -> QWidget | None:
        """None: the buttons have their own names."""
        return None

    def _show(self) -> None:
        painted = bool(self._value)
        self.state.setText(self.tr("Painted") if painted else self.tr("Nothing painted"))
        self.clear.setVisible(painted)

    def _cleared(self) -> None:
        self._take("")


def make(field: Field, parent: QObject | None = None) -> Editor:
    """The editor that suits a field."""
    if field.is_number():
        return NumberEditor(field, parent)
    if field.kind == "bool":
        return SwitchEditor(field, parent)
    if field.kind == "text":
        return TextEditor(field, parent)
    if field.kind == "mask":
        return MaskEditor(field, parent)
    if field.kind in ("file", "picture"):
        return FileEditor(field, parent)
    short = all(len(option.title) <= _CHIP_LETTERS for option in field.choices)
    if short and len(field.choices) <= _MOST_CHIPS:
        return ChipsEditor(field, parent)
    return ComboEditor(field, parent)
