"""Buttons: the one primary action, quiet ones, and chips to choose from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QPushButton, QToolButton, QWidget

from widgets import icons
from widgets.parts.flow import FlowLayout


class _Kind(QPushButton):
    """A push button that the style sheet knows by its kind."""

    kind = ""

    def __init__(self, text: str = "", parent: QWidget | None = None, icon: str = "") -> None:
        super().__init__(text, parent)
        self.setProperty("kind", self.kind)
        # A click leaves no focus ring behind; Tab still reaches every button.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        if icon:
            self.setIcon(icons.icon(icon, "on_accent" if self.kind == "primary" else ""))
            self.setIconSize(QSize(16, 16))


class PrimaryButton(_Kind):
    """The one action of a page."""

    kind = "primary"


class LinkButton(_Kind):
    """An action in words, in the accent color."""

    kind = "link"


class PillButton(_Kind):
    """A page action in the header."""

    kind = "pill"


class TabButton(_Kind):
    """One of several views of the same thing; checkable."""

    kind = "tab"

    def __init__(self, text: str = "", parent: QWidget | None = None, icon: str = "") -> None:
        super().__init__(text, parent, icon)
        self.setCheckable(True)


class Chip(_Kind):
    """A short option; ``checkable`` ones can be chosen."""

    kind = "chip"

    def __init__(
        self, text: str = "", parent: QWidget | None = None, *, checkable: bool = True
    ) -> None:
        super().__init__(text, parent)
        self.setCheckable(checkable)


class IconButton(QToolButton):
    """A small button that shows only an icon; ``title`` names it on hover and to screen readers."""

    def __init__(
        self, icon: str, title: str, parent: QWidget | None = None, *, color: str = ""
    ) -> None:
        super().__init__(parent)
        self.setIcon(icons.icon(icon, color))
        self.setIconSize(QSize(18, 18))
        self.setFixedSize(28, 28)
        self.setToolTip(title)
        self.setAccessibleName(title)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)


class ChipGroup(QWidget):
    """Options of which exactly one is chosen; wraps. Arrow keys move the choice.

    ``changed`` carries the value that a person chose; ``set_value`` does not emit it.
    """

    changed = Signal(object)

    def __init__(
        self,
        options: Iterable[tuple[Any, str, str]] = (),
        parent: QWidget | None = None,
        *,
        name: str = "",
    ) -> None:
        super().__init__(parent)
        self._values: list[Any] = []
        self._group = QButtonGroup(self)
        self._flow = FlowLayout(self)
        self.setAccessibleName(name)
        self._group.buttonToggled.connect(self._toggled)
        self._quiet = False
        self.set_options(options)

    def set_options(self, options: Iterable[tuple[Any, str, str]]) -> None:
        """Replace all options (value, title, help); the first becomes the value."""
        chosen = self.value()
        for button in self._group.buttons():
            self._group.removeButton(button)
            self._flow.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._values = []
        for value, title, tip in options:
            chip = Chip(title, self)
            chip.setToolTip(tip)
            chip.setAccessibleName(f"{self.accessibleName()}: {title}".removeprefix(": "))
            self._group.addButton(chip, len(self._values))
            self._flow.addWidget(chip)
            self._values.append(value)
        if self._values:
            self.set_value(chosen if chosen in self._values else self._values[0])

    def chips(self) -> list[QAbstractButton]:
        """The buttons, in order."""
        return self._group.buttons()

    def value(self) -> Any:
        """The chosen value; None without options."""
        number = self._group.checkedId()
        return self._values[number] if number >= 0 else None

    def set_value(self, value: Any) -> None:
        """Choose without telling anyone.

        Raises:
            ValueError: there is no such option.
        """
        if value not in self._values:
            allowed = ", ".join(str(v) for v in self._values)
            raise ValueError(f"{value!r} is not an option; allowed: {allowed}")
        self._quiet = True
        self._group.button(self._values.index(value)).setChecked(True)
        self._quiet = False

    def _toggled(self, button: QAbstractButton, on: bool) -> None:
        if on and not self._quiet:
            self.changed.emit(self._values[self._group.id(button)])
