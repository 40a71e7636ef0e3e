"""A row of tabs that keeps every title readable: what does not fit waits in a menu."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget

from widgets.parts.buttons import TabButton

_SPACING = 4


class TabRow(QWidget):
    """Tabs side by side at their sizes; a button at the end opens a menu of the others.

    That button bears the title of the tab that is chosen, where it is one of those in the menu.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tabs: list[TabButton] = []
        self._more = TabButton("", self, "chevron-down")
        self._more.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        self._more.setToolTip(self.tr("Further views"))
        self._more.clicked.connect(self._open)
        self._more.hide()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def add(self, tab: TabButton, *, first: bool = False) -> None:
        """Append a tab, or put it before all others."""
        tab.setParent(self)
        self._tabs.insert(0 if first else len(self._tabs), tab)
        tab.toggled.connect(self._arrange)
        self._refit()

    def remove(self, tab: TabButton) -> None:
        """Take a tab away for good."""
        self._tabs.remove(tab)
        tab.hide()
        tab.deleteLater()
        self._refit()

    def menu_tabs(self) -> list[TabButton]:
        """Those for which there is no room."""
        return [tab for tab in self._tabs if tab.isHidden()]

    def sizeHint(self) -> QSize:
        """All of them."""
        widths = [tab.sizeHint().width() for tab in self._tabs]
        return QSize(sum(widths) + _SPACING * max(0, len(widths) - 1), self._high())

    def minimumSizeHint(self) -> QSize:
        """The button of the menu, whatever title it bears."""
        # The arrow takes as much beside a title as it does beside none.
        arrow = self._more.sizeHint().width() - self._text_width(self._more.text())
        widest = max((self._text_width(tab.text()) for tab in self._tabs), default=0)
        return QSize(min(arrow + widest, self.sizeHint().width()), self._high())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """More or fewer of them fit."""
        super().resizeEvent(event)
        self._arrange()

    def event(self, event: QEvent) -> bool:
        """Tabs got another title or type size."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._refit()
        return super().event(event)

    def build_menu(self) -> QMenu:
        """What does not fit."""
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        for tab in self.menu_tabs():
            action = menu.addAction(tab.text())
            action.setCheckable(True)
            action.setChecked(tab.isChecked())
            action.setToolTip(tab.toolTip())
            action.triggered.connect(tab.click)
        return menu

    def _high(self) -> int:
        return max((tab.sizeHint().height() for tab in self._tabs), default=0)

    def _text_width(self, text: str) -> int:
        return self.fontMetrics().horizontalAdvance(text)

    def _refit(self) -> None:
        self.updateGeometry()
        self._arrange()

    @Slot()
    def _arrange(self) -> None:
        widths = [tab.sizeHint().width() for tab in self._tabs]
        fitting = len(widths)
        if self.sizeHint().width() > self.width():
            while fitting:
                fitting -= 1
                self._name_menu(fitting)
                taken = sum(widths[:fitting]) + _SPACING * fitting
                if taken + self._more.sizeHint().width() <= self.width():
                    break
        left = 0
        for place, (tab, width) in enumerate(zip(self._tabs, widths, strict=True)):
            tab.setVisible(place < fitting)
            tab.setGeometry(left, 0, width, self._high())
            left += width + _SPACING if place < fitting else 0
        self._more.setVisible(fitting < len(widths))
        self._more.setGeometry(left, 0, self._more.sizeHint().width(), self._high())

    def _name_menu(self, fitting: int) -> None:
        chosen = next((tab for tab in self._tabs[fitting:] if tab.isChecked()), None)
        self._more.setText(chosen.text() if chosen is not None else self.tr("More"))
        self._more.setChecked(chosen is not None)

    @Slot()
    def _open(self) -> None:
        # Opening it chooses nothing.
        self._arrange()
        menu = self.build_menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._more.mapToGlobal(QPoint(0, self._more.height())))
