"""A number box and a slider that show the same number."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QValidator, QWheelEvent
from PySide6.QtWidgets import QAbstractSpinBox, QSlider, QStyle, QStyleOptionSlider, QWidget

from widgets import theme
from widgets.form import numbers
from widgets.form.field import Field
from widgets.form.numbers import Scale


class NumberBox(QAbstractSpinBox):
    """Type a number; up and down step it. Keeps the exact value behind the rounded text.

    ``entered`` carries a number that a person finished; ``stepped`` how many steps to go;
    ``problem`` what is wrong with the text being typed (empty: nothing).
    """

    entered = Signal(object)
    stepped = Signal(int)
    problem = Signal(str)

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._field = field
        self._value: int | float = field.accept(field.default)
        self._dirty = False
        self.setProperty("kind", "number")
        self.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(field.title)
        self.lineEdit().setAccessibleName(field.title)
        self.lineEdit().textEdited.connect(self._typed)
        self.editingFinished.connect(self._finish)
        self.set_value(self._value)

    def value(self) -> int | float:
        """The exact number."""
        return self._value

    def set_value(self, value: int | float) -> None:
        """Show a number; text being typed is dropped."""
        self._value = value
        self._dirty = False
        self.lineEdit().setText(self._field.show(value))
        self._mark("")

    def validate(self, text: str, position: int) -> Any:
        """Anything may be typed; what it lacks is said below the field."""
        return QValidator.State.Acceptable, text, position

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:
        """Where there is room."""
        none = QAbstractSpinBox.StepEnabledFlag.StepNone
        up, down = (
            QAbstractSpinBox.StepEnabledFlag.StepUpEnabled,
            QAbstractSpinBox.StepEnabledFlag.StepDownEnabled,
        )
        field = self._field
        return (up if self._value < field.high() else none) | (
            down if self._value > field.low() else none
        )

    def stepBy(self, steps: int) -> None:
        """Ask for a step; text being typed counts first."""
        self._finish()
        self.stepped.emit(steps)

    def sizeHint(self) -> QSize:
        """Wide enough for every value, so that nothing jumps."""
        field = self._field
        limits = [v for v in (field.minimum, field.maximum) if v is not None]
        ends = [field.default, *limits]
        metrics = self.fontMetrics()
        widest = max(metrics.horizontalAdvance(field.show(field.accept(v))) for v in ends)
        if field.kind == "float" and field.decimals:
            digits = "0." + "0" * max(field.decimals, 3)
            widest = max(widest, metrics.horizontalAdvance(f"{digits} {field.unit}".rstrip()))
        return QSize(max(44, widest + 16), 26)

    def minimumSizeHint(self) -> QSize:
        """As wide as any value."""
        return self.sizeHint()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Select the digits, ready to be replaced."""
        super().focusInEvent(event)
        self.selectAll()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Only with the focus; otherwise the panel scrolls."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape takes back what was typed."""
        if event.key() == Qt.Key.Key_Escape and self._dirty:
            self.set_value(self._value)
            self.selectAll()
            event.accept()
            return
        super().keyPressEvent(event)

    def _typed(self, text: str) -> None:
        self._dirty = True
        try:
            self._field.read(text)
        except ValueError as error:
            self._mark(str(error))
        else:
            self._mark("")

    def _finish(self) -> None:
        """Take what was typed: out of range goes to the limit, nonsense to the last value."""
        if not self._dirty:
            return
        text = self.lineEdit().text()
        try:
            value = self._field.read(text)
        except ValueError:
            value = self._nearest(text)
        changed = value != self._value
        self.set_value(value)
        if changed:
            self.entered.emit(value)

    def _nearest(self, text: str) -> int | float:
        unit = self._field.unit
        try:
            return self._field.accept(numbers.parse(text.removesuffix(unit) if unit else text))
        except ValueError:
            return self._value

    def _mark(self, problem: str) -> None:
        if bool(self.property("invalid")) != bool(problem):
            self.setProperty("invalid", bool(problem))
            theme.refresh(self)
        self.problem.emit(problem)


class ValueSlider(QSlider):
    """A slider over a scale. A click jumps there; the wheel scrolls the panel unless focused.

    ``dragged`` carries the number under the handle; ``released`` ends a drag; ``stepped`` asks
    for keyboard steps and ``jumped`` for one end (-1, 1).
    """

    dragged = Signal(object)
    released = Signal()
    stepped = Signal(int)
    jumped = Signal(int)

    _KEYS: ClassVar = {
        Qt.Key.Key_Left: -1,
        Qt.Key.Key_Down: -1,
        Qt.Key.Key_Right: 1,
        Qt.Key.Key_Up: 1,
        Qt.Key.Key_PageDown: -10,
        Qt.Key.Key_PageUp: 10,
    }

    def __init__(self, scale: Scale, title: str, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._scale = scale
        self._quiet = False
        self.setRange(0, scale.stops)
        self.setSingleStep(1)
        self.setPageStep(max(1, scale.stops // 10))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(24)
        self.setAccessibleName(title)
        self.valueChanged.connect(self._moved)
        self.sliderReleased.connect(self.released)

    def show_value(self, value: float, text: str) -> None:
        """Put the handle at a number without telling anyone."""
        self._quiet = True
        self.setValue(self._scale.stop_of(value))
        self._quiet = False
        self.setAccessibleDescription(text)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Bring the handle under the pointer, then drag it."""
        if event.button() == Qt.MouseButton.LeftButton:
            option = QStyleOptionSlider()
            self.initStyleOption(option)
            control, handle = QStyle.ComplexControl.CC_Slider, QStyle.SubControl.SC_SliderHandle
            shown = self.style().subControlRect(control, option, handle, self)
            if not shown.adjusted(-2, -8, 2, 8).contains(event.position().toPoint()):
                room = self.width() - shown.width()
                offset = round(event.position().x()) - shown.width() // 2
                mirrored = option.upsideDown
                self.setSliderPosition(
                    QStyle.sliderValueFromPosition(0, self.maximum(), offset, room, mirrored)
                )
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Steps follow the number's own step, not the handle's stops."""
        key = Qt.Key(event.key())
        if key in self._KEYS:
            self.stepped.emit(self._KEYS[key])
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self.jumped.emit(-1 if key == Qt.Key.Key_Home else 1)
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Only with the focus; otherwise the panel scrolls."""
        if not self.hasFocus():
            event.ignore()
            return
        steps = event.angleDelta().y()
        if steps:
            self.stepped.emit(1 if steps > 0 else -1)
        event.accept()

    def _moved(self, stop: int) -> None:
        if not self._quiet:
            self.dragged.emit(self._scale.value_at(stop))
