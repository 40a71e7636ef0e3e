"""A list to choose one from, as narrow as its place."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import (
    QComboBox,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionComboBox,
    QStylePainter,
    QToolTip,
    QWidget,
)


class ElidedCombo(QComboBox):
    """Leaves the wheel to the panel unless it has the focus, and shrinks to its place.

    What finds no room ends in dots, and is then read whole on hover, above the help of the choice.

    Args:
        letters: for which there is room at least.
    """

    def __init__(self, parent: QWidget | None = None, *, letters: int = 10) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(letters)
        # In the style sheet: the arrow's room is taken once and not twice.
        self.setProperty("kind", "elided")
        self.setMinimumHeight(32)
        # The default delegate of a list ignores the style sheet's item height.
        self.setItemDelegate(QStyledItemDelegate(self))

    def shown_text(self) -> str:
        """What fits."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        control, part = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(control, option, part, self).width()
        right = Qt.TextElideMode.ElideRight
        return self.fontMetrics().elidedText(self.currentText(), right, room - 2)

    def event(self, event: QEvent) -> bool:
        """A tip of the choice itself, where none was given."""
        asked = isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip
        if asked and not self.toolTip() and (tip := self.tip()):
            QToolTip.showText(event.globalPos(), tip, self)
            return True
        return super().event(event)

    def tip(self) -> str:
        """The whole text where it is cut, and what the choice means."""
        cut = self.shown_text() != self.currentText()
        help_text = str(self.currentData(Qt.ItemDataRole.ToolTipRole) or "")
        return "\n".join(filter(None, [self.currentText() if cut else "", help_text]))

    def paintEvent(self, event: Any) -> None:
        """As every other, but what finds no room ends in dots."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = self.shown_text()
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def wheelEvent(self, event: Any) -> None:
        """Only with the focus."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()
