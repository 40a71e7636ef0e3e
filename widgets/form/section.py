"""A group of rows, with a heading or a part that folds."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from widgets import icons
from widgets.form.editors import NumberEditor
from widgets.form.row import FieldRow
from widgets.parts.labels import SectionLabel
from widgets.parts.reveal import Reveal


class FoldButton(QPushButton):
    """Opens and closes what lies below it."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "fold")
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setIconSize(QSize(14, 14))
        self._title = title
        self.toggled.connect(self._turn)
        self.set_count(0)
        self._turn(False)

    def set_count(self, changed: int) -> None:
        """Say how many values inside were changed, so that nothing is forgotten there."""
        text = self._title
        if changed:
            text = self.tr("{0} · {1} changed").format(self._title, changed)
        self.setText(text)
        self.setAccessibleName(text)

    def _turn(self, on: bool) -> None:
        self.setIcon(icons.icon("chevron-down" if on else "chevron-right", "hint"))
        self.setAccessibleDescription(self.tr("open") if on else self.tr("closed"))


class Section(QWidget):
    """Rows under one heading. Conditional rows slide in and out."""

    folded_changed = Signal(bool)

    def __init__(self, title: str, *, folded: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(4)
        self.button: FoldButton | None = None
        self._head = QHBoxLayout()
        self.rows: dict[str, FieldRow] = {}
        self._reveals: dict[str, Reveal] = {}
        inner = QWidget()
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._fold = Reveal(inner, self, shown=not folded)
        if folded:
            self.button = FoldButton(title, self)
            self.button.toggled.connect(self._fold.set_open)
            self.button.toggled.connect(self.folded_changed)
            self._head.addWidget(self.button)
            self._head.addStretch(1)
            outer.addLayout(self._head)
        elif title:
            outer.addWidget(SectionLabel(title))
        outer.addWidget(self._fold)

    def add(self, row: FieldRow) -> None:
        """Append a row."""
        holder = QWidget()
        box = QVBoxLayout(holder)
        # The space between rows belongs to the row, so that hidden rows leave none. A slider
        # brings half of it along in its own height.
        slim = isinstance(row.editor, NumberEditor) and not row.field.live
        box.setContentsMargins(0, 0, 0, 4 if slim else 10)
        box.addWidget(row)
        reveal = Reveal(holder)
        self.rows[row.field.name] = row
        self._reveals[row.field.name] = reveal
        self._column.addWidget(reveal)
        row.changed.connect(self.count)
        row.committed.connect(self.count)

    def set_trailing(self, widget: QWidget) -> None:
        """Put a widget at the right end of a folding part's heading."""
        self._head.addWidget(widget)

    def show_row(self, name: str, on: bool) -> None:
        """Show or hide one row; without any row the whole section is gone."""
        self._reveals[name].set_open(on)
        self.setVisible(any(r.is_open() for r in self._reveals.values()))
        self.count()

    def is_shown(self, name: str) -> bool:
        """Whether the row applies (it may still lie in a folded part)."""
        return self._reveals[name].is_open()

    def is_folded(self) -> bool:
        """Whether the content is out of sight."""
        return self.button is not None and not self.button.isChecked()

    def set_folded(self, on: bool) -> None:
        """Fold or open; sections that do not fold stay open."""
        if self.button is not None:
            self.button.setChecked(not on)

    def count(self) -> None:
        """Update what the heading says of its content."""
        if self.button is not None:
            changed = [n for n, row in self.rows.items() if row.is_changed() and self.is_shown(n)]
            self.button.set_count(len(changed))
