"""Buttons made from declared actions: text, shortcut, reason and state come from the action."""

from __future__ import annotations

from PySide6.QtCore import QObject, QSize, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QPushButton, QToolButton, QWidget


class ActionButton(QPushButton):
    """A push button that follows a ``QAction``.

    Args:
        kind: the style sheet's kind of button: ``pill``, ``link``, ``tab``, ``chip``, or empty.
        text: a shorter text than the action's; empty takes the action's.
    """

    def __init__(
        self, action: QAction, parent: QWidget, kind: str = "pill", text: str = ""
    ) -> None:
        super().__init__(parent)
        self._action, self._text = action, text
        if kind:
            self.setProperty("kind", kind)
        self.clicked.connect(action.trigger)
        action.changed.connect(self._follow)
        self._follow()

    @Slot()
    def _follow(self) -> None:
        action = self._action
        self.setText((self._text or action.text()).rstrip("…"))
        self.setAccessibleName(action.text())
        self.setToolTip(action.toolTip())
        self.setEnabled(action.isEnabled())


class _Tip(QObject):
    """Keeps the tip of a button the same as its action's, with a line below."""

    def __init__(self, button: QWidget, action: QAction, more: str) -> None:
        super().__init__(button)
        self._button, self._action, self._more = button, action, more
        action.changed.connect(self._follow)
        self._follow()

    @Slot()
    def _follow(self) -> None:
        lines = (self._action.toolTip(), self._more)
        self._button.setToolTip("\n".join(line for line in lines if line))


def follow_tip(button: QWidget, action: QAction, more: str = "") -> None:
    """Let a button say what its action says now: what it does, or why it cannot be used."""
    _Tip(button, action, more)


def tool_button(action: QAction, parent: QWidget, size: int = 18) -> QToolButton:
    """A small icon button of an action."""
    button = QToolButton(parent)
    button.setDefaultAction(action)
    button.setAccessibleName(action.text())
    button.setIconSize(QSize(size, size))
    return button
