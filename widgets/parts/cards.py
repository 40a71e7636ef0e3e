"""Cards: grouped content on a ground of its own, and cards that are buttons."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from widgets.parts.labels import SectionLabel


class Card(QFrame):
    """A bordered ground. Put content into ``body``; ``header`` exists where there is a title."""

    def __init__(self, title: str = "", parent: QWidget | None = None, *, margin: int = 12) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(margin, margin, margin, margin)
        outer.setSpacing(8)
        self.title_label = SectionLabel(title)
        self.header = QHBoxLayout()
        self.header.setSpacing(8)
        self.header.addWidget(self.title_label)
        self.header.addStretch(1)
        if title:
            outer.addLayout(self.header)
        else:
            self.title_label.setParent(self)
            self.title_label.hide()
        self.body = QVBoxLayout()
        self.body.setSpacing(8)
        outer.addLayout(self.body, 1)

    def set_trailing(self, widget: QWidget) -> None:
        """Put a widget at the right end of the title row."""
        self.header.addWidget(widget)


class CardButton(QPushButton):
    """A card that acts as one button. Put content into ``body``; it lets clicks through."""

    def __init__(
        self, name: str, parent: QWidget | None = None, *, margin: int = 8, raised: bool = False
    ) -> None:
        super().__init__(parent)
        self.setProperty("kind", "card")
        if raised:
            self.setProperty("level", "raised")
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(margin, margin, margin, margin)
        self.body.setSpacing(6)

    def add(self, widget: QWidget) -> None:
        """Append display-only content; what it contains does not take the mouse or the focus."""
        for part in (widget, *widget.findChildren(QWidget)):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            part.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.body.addWidget(widget)

    def hasHeightForWidth(self) -> bool:
        """As the content does."""
        return self.body.hasHeightForWidth()

    def heightForWidth(self, width: int) -> int:
        """As the content does, in pixels."""
        return self.body.totalHeightForWidth(width)

    def sizeHint(self) -> QSize:
        """As the content does."""
        return self.body.totalSizeHint()

    def minimumSizeHint(self) -> QSize:
        """As the content does."""
        return self.body.totalMinimumSize()


class Rule(QFrame):
    """A thin horizontal line."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "rule")
        self.setFixedHeight(1)
