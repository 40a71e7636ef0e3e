"""The rail of pages at the left edge of the window."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QFrame,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from widgets import icons, theme
from widgets.parts.labels import IconLabel

Badge = Literal["", "running", "paused", "done", "failed"]
WIDTH = 64
_HEIGHT = 50


class _RailButton(QToolButton):
    """One page: icon above its word, with a mark while something goes on there."""

    def __init__(self, title: str, icon: str, tip: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.badge: Badge = ""
        self.setProperty("kind", "rail")
        self.setText(title)
        self.setIcon(icons.icon(icon))
        self.setIconSize(QSize(20, 20))
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        self.setCheckable(True)
        self.setFixedSize(WIDTH - 8, _HEIGHT)
        self.setToolTip(tip)
        self.setAccessibleName(title)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the badge over the button: filled, hollow, ticked or crossed, never color alone."""
        super().paintEvent(event)
        if not self.badge:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x, y = self.width() - 17, 5
        if self.badge in ("done", "failed"):
            name, color = ("check", "accent") if self.badge == "done" else ("close", "red")
            painter.drawPixmap(
                x - 1, y - 1, icons.pixmap(name, 12, color, self.devicePixelRatioF())
            )
            return
        painter.setPen(QPen(theme.color("accent"), 1.7))
        if self.badge == "running":
            painter.setBrush(theme.color("accent"))
        painter.drawEllipse(QRectF(x + 1, y + 1, 7, 7))


class Rail(QFrame):
    """Pages, 64 px wide: icons with their words; some at the foot.

    ``activated`` carries the key of the page that a person chose.
    """

    activated = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "rail")
        self.setFixedWidth(WIDTH)
        self.setAccessibleName(self.tr("Pages"))
        self._buttons: dict[str, _RailButton] = {}
        self._group = QButtonGroup(self)
        self._group.buttonClicked.connect(self._clicked)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 8, 4, 12)
        column.setSpacing(4)
        logo = IconLabel("logo", "accent", 20)
        column.addSpacing(14)
        column.addWidget(logo, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(14)
        self._top = QVBoxLayout()
        self._foot = QVBoxLayout()
        for part in (self._top, self._foot):
            part.setSpacing(4)
        column.addLayout(self._top)
        column.addStretch(1)
        column.addLayout(self._foot)
        theme.changed.connect(self._fit)

    def add(self, key: str, title: str, icon: str, *, foot: bool = False, tip: str = "") -> None:
        """Append a page; ``foot`` puts it at the lower end.

        Raises:
            ValueError: the key is taken.
        """
        if key in self._buttons:
            raise ValueError(f"page {key!r} is in the rail already")
        button = _RailButton(title, icon, tip, self)
        self._buttons[key] = button
        self._group.addButton(button)
        (self._foot if foot else self._top).addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        if len(self._buttons) == 1:
            button.setChecked(True)
        self._fit()

    def keys(self) -> list[str]:
        """All pages, in the order they were added."""
        return list(self._buttons)

    def button(self, key: str) -> QToolButton:
        """The button of a page."""
        return self._buttons[key]

    def current(self) -> str:
        """Key of the page that is marked; empty without pages."""
        for key, button in self._buttons.items():
            if button.isChecked():
                return key
        return ""

    def set_current(self, key: str) -> None:
        """Mark a page without telling anyone."""
        self._buttons[key].setChecked(True)

    def badge(self, key: str) -> Badge:
        """The mark of a page."""
        return self._buttons[key].badge

    def set_badge(self, key: str, badge: Badge) -> None:
        """Mark a page as running, paused, done or failed; empty takes the mark away."""
        words = {
            "running": self.tr("running"),
            "paused": self.tr("paused"),
            "done": self.tr("done"),
            "failed": self.tr("failed"),
        }
        button = self._buttons[key]
        button.badge = badge
        button.setAccessibleDescription(words.get(badge, ""))
        button.update()

    def _fit(self) -> None:
        """64 px, or more where larger text asks for it."""
        buttons = list(self._buttons.values())
        for button in buttons:
            button.ensurePolished()
        scaled = theme.text_scale() > 1
        wanted = max((b.minimumSizeHint().width() for b in buttons), default=0) if scaled else 0
        width = max(WIDTH - 8, wanted)
        height = max(_HEIGHT, _HEIGHT + theme.scaled(11) - 11)
        for button in buttons:
            button.setFixedSize(width, height)
        self.setFixedWidth(width + 8)

    def _clicked(self, clicked: QAbstractButton) -> None:
        for key, button in self._buttons.items():
            if button is clicked:
                self.activated.emit(key)
                return
