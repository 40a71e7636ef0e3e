"""Lines that tell: a banner with a next step, and what to show where there is nothing yet."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from widgets import theme
from widgets.parts.buttons import IconButton, LinkButton
from widgets.parts.labels import HintLabel, IconLabel

Level = Literal["info", "success", "warning", "error"]
_SIGNS = {
    "info": ("info", "secondary"),
    "success": ("success", "accent"),
    "warning": ("warning", "amber"),
    "error": ("error", "red"),
}


class Banner(QFrame):
    """One line: what happened, what is safe, and the next step.

    Hidden until ``show_message``. ``acted`` tells that the action was pressed, ``closed``
    that the banner was dismissed.
    """

    acted = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "banner")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 6, 6)
        row.setSpacing(8)
        self._sign = IconLabel("info", "secondary", 18)
        self._text = QLabel()
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.action = LinkButton("")
        self.close_button = IconButton("close", self.tr("Dismiss"))
        for part in (self._sign, self._text, self.action, self.close_button):
            row.addWidget(part, 1 if part is self._text else 0)
        self.action.clicked.connect(self.acted)
        self.close_button.clicked.connect(self.dismiss)
        self.hide()

    def show_message(
        self, text: str, level: Level = "info", action: str = "", *, closable: bool = True
    ) -> None:
        """Show ``text`` (plain), with an action where one is named."""
        name, color = _SIGNS[level]
        self._sign.set_icon(name, color)
        self._text.setText(text)
        self.action.setText(action)
        self.action.setVisible(bool(action))
        self.close_button.setVisible(closable)
        self.setProperty("level", level)
        self.setAccessibleName(text)
        theme.refresh(self)
        self.show()

    def text(self) -> str:
        """What is said."""
        return self._text.text()

    def level(self) -> str:
        """How grave it is; empty before the first message."""
        return str(self.property("level") or "")

    def dismiss(self) -> None:
        """Hide and tell that it was closed."""
        self.hide()
        self.closed.emit()


class EmptyState(QWidget):
    """What a place says while it is empty: an icon, a sentence, a hint, perhaps an action."""

    acted = Signal()

    def __init__(
        self,
        icon: str,
        title: str,
        hint: str = "",
        action: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(8)
        column.addStretch(1)
        column.addWidget(IconLabel(icon, "hint", 36), 0, Qt.AlignmentFlag.AlignHCenter)
        self.title = QLabel(title)
        self.title.setProperty("role", "strong")
        self.hint = HintLabel(hint)
        for label in (self.title, self.hint):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            label.setWordWrap(True)
            column.addWidget(label)
        self.hint.setVisible(bool(hint))
        self.action = LinkButton(action)
        self.action.setVisible(bool(action))
        self.action.clicked.connect(self.acted)
        column.addWidget(self.action, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)

    def set_text(self, title: str, hint: str = "", action: str = "") -> None:
        """Say something else."""
        self.title.setText(title)
        self.hint.setText(hint)
        self.hint.setVisible(bool(hint))
        self.action.setText(action)
        self.action.setVisible(bool(action))
