"""A form made from fields: the same declaration gives the same controls everywhere."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from widgets.form.field import Field
from widgets.form.row import FieldRow
from widgets.form.section import Section
from widgets.parts.buttons import LinkButton
from widgets.parts.labels import HintLabel, IconLabel

#: While a slider is dragged, ``changed`` comes at most this often (milliseconds).
THROTTLE_MS = 33


class Form(QWidget):
    """Values that a person sets.

    ``changed(name, value)`` comes while a value changes, at most thirty times a second and
    always with the newest value last; ``committed`` when a change is complete (slider
    released, Enter, option chosen). Both come from a person only, never from ``set_values``.
    ``paint_requested(name)`` asks for a mask to be painted.
    """

    changed = Signal(str, object)
    committed = Signal()
    paint_requested = Signal(str)

    def __init__(self, fields: Iterable[Field], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: dict[str, FieldRow] = {}
        self._section_of: dict[str, Section] = {}
        self._sections: list[Section] = []
        self._pending: dict[str, Any] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(THROTTLE_MS)
        self._timer.timeout.connect(self._flush)
        self._running = False
        self._unused: frozenset[str] = frozenset()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        self._legend = self._made_legend()
        column.addWidget(self._legend)
        self._build(list(fields), column)
        self.reset_button = LinkButton(self.tr("Reset all"), self)
        policy = self.reset_button.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.reset_button.setSizePolicy(policy)
        self.reset_button.clicked.connect(self.reset_all)
        last = self._sections[-1] if self._sections else None
        if last is not None and last.button is not None:
            last.set_trailing(self.reset_button)
        else:
            column.addWidget(self.reset_button, 0, Qt.AlignmentFlag.AlignRight)
        column.addStretch(1)
        self._order_tabs()
        self._update()

    def _made_legend(self) -> QWidget:
        """What a dot beside a title says."""
        legend = QWidget(self)
        line = QHBoxLayout(legend)
        line.setContentsMargins(0, 0, 0, 4)
        line.setSpacing(6)
        line.addWidget(IconLabel("dot", "hint", 9))
        line.addWidget(HintLabel(self.tr("can be moved while it runs")), 1)
        return legend

    def names(self) -> list[str]:
        """All fields, in order."""
        return list(self._rows)

    def row(self, name: str) -> FieldRow:
        """The row of a field; ``KeyError`` if there is none."""
        return self._rows[name]

    def values(self) -> dict[str, Any]:
        """Every value by name, those of fields that do not apply included."""
        return {name: row.value() for name, row in self._rows.items()}

    def set_values(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Show these values; numbers outside the limits are moved inside.

        Returns:
            What could not be shown, by name, with the reason; those fields stay as they are.
        """
        refused: dict[str, str] = {}
        for name, value in values.items():
            row = self._rows.get(name)
            if row is None:
                refused[name] = self.tr("{0}: there is no such field").format(name)
                continue
            try:
                accepted = row.field.accept(value)
            except ValueError as error:
                refused[name] = str(error)
                continue
            self._pending.pop(name, None)
            row.set_error("")
            row.set_value(accepted)
        self._update()
        return refused

    def set_baseline(self, values: Mapping[str, Any]) -> None:
        """Let reset go back to these values (a preset's); others go back to their default."""
        for name, row in self._rows.items():
            row.set_baseline(row.field.accept(values.get(name, row.field.default)))
        self._update()

    def set_unused(self, names: Collection[str]) -> None:
        """Hide these fields, as they play no part now; their values stay."""
        if frozenset(names) != self._unused:
            self._unused = frozenset(names)
            self._update()

    def is_shown(self, name: str) -> bool:
        """Whether the field applies under the present values."""
        return self._section_of[name].is_shown(name)

    def is_changed(self, name: str) -> bool:
        """Whether a value differs from what reset goes back to."""
        return self._rows[name].is_changed()

    def reset(self, name: str) -> None:
        """Put one value back."""
        self._rows[name].reset()

    def reset_all(self) -> None:
        """Put every value back and commit once."""
        moved = {n: row.baseline() for n, row in self._rows.items() if row.is_changed()}
        if self._running:
            moved = {n: v for n, v in moved.items() if self._rows[n].field.live}
        if not moved:
            return
        self.set_values(moved)
        for name, value in moved.items():
            self.changed.emit(name, value)
        self.committed.emit()

    def errors(self) -> dict[str, str]:
        """What is marked as wrong, typed text included, by name."""
        return {n: row.error() for n, row in self._rows.items() if row.error()}

    def set_errors(self, errors: Mapping[str, str]) -> dict[str, str]:
        """Mark these fields and no others.

        Returns:
            The errors of fields that are not in this form or do not apply now.
        """
        for name, row in self._rows.items():
            text = errors.get(name, "")
            if text != row.error():
                row.set_error(text)
            if text and self._section_of[name].is_folded():
                self._section_of[name].set_folded(False)
        return {n: t for n, t in errors.items() if n not in self._rows or not self.is_shown(n)}

    def set_running(self, on: bool) -> None:
        """While a run goes on, only live fields can be changed; the others say why."""
        self._running = on
        for row in self._rows.values():
            row.set_running(on)
        self._update()

    def set_folded(self, group: str, on: bool) -> None:
        """Fold or open the part with this heading."""
        for section in self._sections:
            if section.objectName() == group:
                section.set_folded(on)

    def folded(self) -> dict[str, bool]:
        """Which foldable parts are closed, by heading: worth remembering."""
        return {s.objectName(): s.is_folded() for s in self._sections if s.button is not None}

    def _build(self, fields: list[Field], column: QVBoxLayout) -> None:
        found: dict[tuple[str, bool], Section] = {}
        for field in sorted(fields, key=lambda f: self._place(fields, f)):
            if field.name in self._rows:
                raise ValueError(f"field {field.name!r} is in the form twice")
            key = (field.group, field.folded)
            if key not in found:
                title = field.group or (self.tr("More") if field.folded else "")
                if field.folded and (field.group, False) in found:
                    title = self.tr("More")
                section = Section(title, folded=field.folded, parent=self)
                section.setObjectName(field.group or title)
                found[key] = section
                self._sections.append(section)
                column.addWidget(section)
            row = FieldRow(field)
            self._rows[field.name] = row
            self._section_of[field.name] = found[key]
            found[key].add(row)
            row.changed.connect(self._changed)
            row.committed.connect(self._committed)
            row.paint_requested.connect(self.paint_requested)
        for row in self._rows.values():
            for other in row.field.when:
                self._other(row.field, other)

    @staticmethod
    def _place(fields: list[Field], field: Field) -> tuple[int, bool]:
        """Groups in order of appearance, each with its folded part right after it."""
        groups = list(dict.fromkeys(f.group for f in fields))
        return groups.index(field.group), field.folded

    def _other(self, field: Field, name: str) -> str:
        """Whole name of a field that a condition speaks of."""
        sibling = ".".join([*field.name.split(".")[:-1], name])
        for candidate in (sibling, name):
            if candidate in self._rows:
                return candidate
        raise ValueError(f"{field.name}: its condition names {name!r}, which is no field")

    def _applies(self, name: str, seen: frozenset[str] = frozenset()) -> bool:
        if name in self._unused:
            return False
        field = self._rows[name].field
        for other, allowed in field.when.items():
            whole = self._other(field, other)
            if whole in seen or self._rows[whole].value() not in allowed:
                return False
            if not self._applies(whole, seen | {name}):
                return False
        return True

    def _update(self) -> None:
        for name in self._rows:
            applies = self._applies(name)
            section = self._section_of[name]
            if section.is_shown(name) != applies or not section.isVisibleTo(self):
                section.show_row(name, applies)
        for section in self._sections:
            section.count()
        self._legend.setVisible(
            any(row.field.live and self.is_shown(name) for name, row in self._rows.items())
        )
        self.reset_button.setVisible(
            any(
                row.is_changed() and self.is_shown(name) and (row.field.live or not self._running)
                for name, row in self._rows.items()
            )
        )

    def _order_tabs(self) -> None:
        chain: list[QWidget] = []
        for section in self._sections:
            if section.button is not None:
                chain.append(section.button)
                if section is self._sections[-1]:
                    chain.append(self.reset_button)
            for row in section.rows.values():
                chain += row.focus_controls()
        if self.reset_button not in chain:
            chain.append(self.reset_button)
        for before, after in itertools.pairwise(chain):
            QWidget.setTabOrder(before, after)

    def _changed(self, name: str, value: Any) -> None:
        self._update()
        self._pending.pop(name, None)
        self._pending[name] = value
        if not self._timer.isActive():
            self._flush()
            self._timer.start()

    def _committed(self) -> None:
        self._timer.stop()
        self._flush()
        self._update()
        self.committed.emit()

    def _flush(self) -> None:
        pending, self._pending = self._pending, {}
        for name, value in pending.items():
            self.changed.emit(name, value)
