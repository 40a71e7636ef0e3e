"""A container that opens and closes downward without making its neighbors jump."""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QPropertyAnimation
from PySide6.QtWidgets import QVBoxLayout, QWidget

from widgets import theme

_FREE = 16_777_215


class Reveal(QWidget):
    """Shows or hides ``content``, sliding within 150 ms (at once under reduced motion)."""

    def __init__(
        self, content: QWidget, parent: QWidget | None = None, *, shown: bool = True
    ) -> None:
        super().__init__(parent)
        self.content = content
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(content)
        self._open = shown
        self._motion = QPropertyAnimation(self, b"maximumHeight", self)
        self._motion.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._motion.finished.connect(self._settle)
        self.setVisible(shown)

    def is_open(self) -> bool:
        """Whether the content is shown, or on its way."""
        return self._open

    def set_open(self, on: bool) -> None:
        """Open or close."""
        if on == self._open:
            return
        self._open = on
        self._motion.stop()
        length = theme.motion(120)
        parent = self.parentWidget()
        if length == 0 or parent is None or not parent.isVisible():
            self._settle()
            return
        start = self.height() if self.isVisible() else 0
        self._motion.setDuration(length)
        self._motion.setStartValue(start)
        self._motion.setEndValue(self._wanted() if on else 0)
        self.setMaximumHeight(start)
        self.setVisible(True)
        self._motion.start()

    def _wanted(self) -> int:
        box = self.layout()
        width = max(self.width(), 1)
        if box.hasHeightForWidth() and self.isVisible():
            return box.totalHeightForWidth(width)
        return box.totalSizeHint().height()

    def _settle(self) -> None:
        self.setMaximumHeight(_FREE)
        self.setVisible(self._open)
