"""One field as it is shown: title, reset, editor, marks, and what is wrong with it."""

from __future__ import annotations

from html import escape
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from widgets import theme
from widgets.form.editors import Editor, NumberEditor, SwitchEditor, make
from widgets.form.field import Field
from widgets.form.numbers import limits
from widgets.parts.buttons import IconButton
from widgets.parts.labels import IconLabel
from widgets.parts.reveal import Reveal


class FieldRow(QWidget):
    """Holds one editor. ``changed`` and ``committed`` come from a person only."""

    changed = Signal(str, object)
    committed = Signal()
    paint_requested = Signal(str)

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field
        self.editor: Editor = make(field, self)
        self._baseline: Any = self.editor.value()
        self._running = False
        self._error = ""
        self._build()
        self.editor.changed.connect(self._changed)
        self.editor.committed.connect(self.committed)
        self.editor.problem.connect(self._typing_problem)
        self.editor.paint_requested.connect(self._paint)
        self._explain()
        self._show_reset()

    def value(self) -> Any:
        """The present value."""
        return self.editor.value()

    def set_value(self, value: Any) -> None:
        """Show an accepted value without telling anyone."""
        self.editor.set_value(value)
        self._show_reset()

    def baseline(self) -> Any:
        """What reset goes back to."""
        return self._baseline

    def set_baseline(self, value: Any) -> None:
        """Let reset go back to ``value``."""
        self._baseline = value
        self._show_reset()

    def is_changed(self) -> bool:
        """Whether there is something to reset."""
        return bool(self.value() != self._baseline)

    def reset(self) -> None:
        """Back to the baseline, as if a person had typed it."""
        if not self.is_changed():
            return
        self.editor.set_value(self._baseline)
        self._changed(self._baseline)
        self.committed.emit()

    def error(self) -> str:
        """What is said to be wrong; empty if nothing is."""
        return self._error

    def set_error(self, text: str) -> None:
        """Mark the value as wrong with the reason, or take the mark away."""
        self._error = text
        for control in self.editor.controls():
            if bool(control.property("invalid")) != bool(text):
                control.setProperty("invalid", bool(text))
                theme.refresh(control)
            # A slider's description is its number.
            if not isinstance(control, QSlider):
                control.setAccessibleDescription(text)
        if text:
            self._reason.setText(text)
        self._wrong.set_open(bool(text))

    def set_running(self, on: bool) -> None:
        """While a run goes on, only live values can be changed; the others say why."""
        self._running = on
        usable = self.field.live or not on
        for part in (self.editor.head, self.editor.body, self._reset):
            if part is not None:
                part.setEnabled(usable)
        self._explain()

    def focus_controls(self) -> list[QWidget]:
        """Everything in this row that the keyboard reaches, in order."""
        return [*self.editor.controls(), self._reset]

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0 if isinstance(self.editor, NumberEditor) else 2)
        top = QHBoxLayout()
        top.setContentsMargins(0, 0, 0, 0)
        top.setSpacing(4)
        self.title: QLabel | None = None
        head, body = self.editor.head, self.editor.body
        if isinstance(self.editor, SwitchEditor):
            top.addWidget(self.editor.switch)
        else:
            self.title = QLabel(self.field.title)
            self.title.setProperty("role", "field" if head is not None else "section")
            buddy = self.editor.buddy()
            if buddy is not None:
                self.title.setBuddy(buddy)
            top.addWidget(self.title)
        if self.field.live:
            # What the dot says stands once, on top of the form.
            dot = IconLabel("dot", "hint", 9)
            dot.setToolTip(self.tr("Can be moved while it runs"))
            top.addWidget(dot)
        self._reset = IconButton("reset", self.tr("Reset {0}").format(self.field.title))
        self._reset.setFixedSize(26, 26)
        policy = self._reset.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._reset.setSizePolicy(policy)
        self._reset.clicked.connect(self.reset)
        top.addWidget(self._reset)
        top.addStretch(1)
        if head is not None and self.title is not None:
            top.addWidget(head)
        column.addLayout(top)
        if body is not None:
            column.addWidget(body)
        self._wrong = Reveal(self._error_line(), self, shown=False)
        column.addWidget(self._wrong)

    def _error_line(self) -> QWidget:
        box = QWidget()
        line = QHBoxLayout(box)
        line.setContentsMargins(0, 2, 0, 2)
        line.setSpacing(6)
        line.addWidget(IconLabel("error", "red", 14))
        self._reason = QLabel()
        self._reason.setProperty("role", "error")
        self._reason.setWordWrap(True)
        line.addWidget(self._reason, 1)
        return box

    def _explain(self) -> None:
        """Help on hover, and first of all why it cannot be changed."""
        field = self.field
        lines = [f"<b>{escape(field.title)}</b> · {escape(field.term())}"]
        if self._running and not field.live:
            lines.append(self.tr("Fixed while it runs. Cancel the run to change this."))
        if field.help:
            lines.append(escape(field.help))
        if field.is_number() and (field.minimum is not None or field.maximum is not None):
            lines.append(escape(limits(field.show, field.minimum, field.maximum)))
        tip = "<div style='max-width:320px'>" + "<br>".join(lines) + "</div>"
        self.setToolTip(tip)
        for part in (self.title, self.editor.head, self.editor.body):
            if part is not None:
                part.setToolTip(tip)

    def _changed(self, value: Any) -> None:
        self.set_error("")
        self._show_reset()
        self.changed.emit(self.field.name, value)

    def _typing_problem(self, text: str) -> None:
        if text != self._error:
            self.set_error(text)

    def _paint(self) -> None:
        self.paint_requested.emit(self.field.name)

    def _show_reset(self) -> None:
        self._reset.setVisible(self.is_changed())
