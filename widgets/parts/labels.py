"""Labels: section headings, hints, lines cut with an ellipsis, icons in the theme's color."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from widgets import icons


class TextLabel(QLabel):
    """A label in one of the style sheet's roles (``title``, ``display``, ``secondary``, …)."""

    def __init__(self, text: str = "", role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        if role:
            self.setProperty("role", role)


class SectionLabel(TextLabel):
    """The small heading above a group of controls."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, "section", parent)


class HintLabel(TextLabel):
    """A quiet explanation that wraps, with air between its lines. Takes and gives plain text."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__("", "hint", parent)
        # Only rich text knows a line height.
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(True)
        self._plain = ""
        self.setText(text)

    def text(self) -> str:
        """The plain text."""
        return self._plain

    def setText(self, text: str) -> None:
        """Show plain text."""
        self._plain = text
        lines = escape(text).replace("\n", "<br>")
        super().setText(f'<p style="line-height: 120%; margin: 0">{lines}</p>' if text else "")


class ElidedLabel(TextLabel):
    """One line that is cut with an ellipsis; the whole text is then shown on hover."""

    def __init__(
        self,
        text: str = "",
        role: str = "",
        parent: QWidget | None = None,
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        super().__init__(text, role, parent)
        self._mode = mode
        self._own_tip = False
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def setText(self, text: str) -> None:
        """Show ``text``, cut where it does not fit."""
        super().setText(text)
        self._tell_whole()

    def setToolTip(self, text: str) -> None:
        """A tip of its own replaces the automatic one."""
        self._own_tip = bool(text)
        super().setToolTip(text)

    def shown_text(self) -> str:
        """What fits."""
        width = self.contentsRect().width()
        return self.fontMetrics().elidedText(self.text(), self._mode, width)

    def minimumSizeHint(self) -> QSize:
        """A few letters."""
        return QSize(self.fontMetrics().averageCharWidth() * 4, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The cut moved."""
        super().resizeEvent(event)
        self._tell_whole()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what fits."""
        painter = QPainter(self)
        self.style().drawItemText(
            painter,
            self.contentsRect(),
            int(self.alignment()) | int(Qt.TextFlag.TextSingleLine),
            self.palette(),
            self.isEnabled(),
            self.shown_text(),
            self.foregroundRole(),
        )

    def _tell_whole(self) -> None:
        if not self._own_tip:
            QLabel.setToolTip(self, "" if self.shown_text() == self.text() else self.text())


class IconLabel(QWidget):
    """An icon in a theme color, for the eye only: it takes no focus and has no name."""

    def __init__(
        self, name: str, color: str = "secondary", size: int = 20, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._name, self._color, self._size = name, color, size
        self.setFixedSize(size, size)

    def set_icon(self, name: str, color: str = "secondary") -> None:
        """Show another icon."""
        self._name, self._color = name, color
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw in the present theme's color."""
        painter = QPainter(self)
        shown = icons.pixmap(self._name, self._size, self._color, self.devicePixelRatioF())
        painter.drawPixmap(0, 0, shown)
