"""The slim line on top of a page: what it is, where it comes from, what it can do."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QSize, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QStyleOptionButton,
    QToolButton,
    QWidget,
)

from app.actions import ActionSet
from app.buttons import ActionButton, tool_button
from widgets import theme
from widgets.parts import IconButton

HEIGHT = 52
#: What the style sheet puts beside the text of a pill, in pixels.
_PILL_PADDING = 22
#: Between the small buttons at the right.
_TOOL_GAP = 2


@dataclass(frozen=True)
class Heading:
    """What a page says about itself; ``url`` is where its source can be read."""

    title: str = ""
    subtitle: str = ""
    source: str = ""
    url: str = ""
    #: Declared actions shown as pills, from the left.
    actions: tuple[str, ...] = ()
    #: Whether the page has side panels to show and hide.
    panels: bool = False


class _Pill(QPushButton):
    """A pill whose text gives way where there is no room; the whole is its tool tip."""

    def minimumSizeHint(self) -> QSize:
        """A few letters."""
        return QSize(64, super().minimumSizeHint().height())

    def initStyleOption(self, option: QStyleOptionButton) -> None:
        """Cut the text where it does not fit."""
        super().initStyleOption(option)
        room = self.width() - _PILL_PADDING
        option.text = self.fontMetrics().elidedText(  # type: ignore[attr-defined]
            self.text(), Qt.TextElideMode.ElideRight, room
        )


class Header(QFrame):
    """Title, method and source at the left; page actions at the right."""

    def __init__(self, actions: ActionSet, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFixedHeight(HEIGHT)
        theme.set_role(self, "header")
        self._heading: Heading | None = None
        self._actions = actions
        self._title = QLabel(self)
        theme.set_role(self._title, "title")
        self._subtitle = QLabel(self)
        theme.set_role(self._subtitle, "secondary")
        for label in (self._title, self._subtitle):
            label.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Preferred)
        self._source = _Pill(self)
        self._source.setProperty("kind", "pill")
        self._source.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._source.setCursor(Qt.CursorShape.PointingHandCursor)
        self._source.clicked.connect(self._open_source)
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(16, 0, 12, 0)
        self._layout.setSpacing(12)
        self._layout.addWidget(self._title)
        self._layout.addWidget(self._subtitle)
        self._layout.addWidget(self._source)
        self._layout.addStretch(1)
        self._pills: dict[str, ActionButton] = {}
        for action_id in ("file.save", "run.race", "file.example"):
            pill = ActionButton(actions[action_id], self)
            self._pills[action_id] = pill
            self._layout.addWidget(pill)
        find = actions["go.palette"]
        self._find = ActionButton(find, self, text=find.shortcut().toString())
        self._layout.addWidget(self._find)
        self._panels = [
            tool_button(actions[name], self) for name in ("view.left", "view.log", "view.right")
        ]
        tools = QHBoxLayout()
        tools.setSpacing(_TOOL_GAP)
        for button in self._panels:
            tools.addWidget(button)
        self._menu_button = IconButton("more", self.tr("Menu"), self)
        self._menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        tools.addWidget(self._menu_button)
        self._layout.addLayout(tools)

    def set_menu(self, menu: QMenu) -> None:
        """What the menu button opens."""
        self._menu_button.setMenu(menu)

    def show_heading(self, heading: Heading) -> None:
        """Say what the present page is."""
        if heading == self._heading:
            return
        self._heading = heading
        self._title.setText(heading.title)
        self._subtitle.setText(heading.subtitle)
        self._subtitle.setVisible(bool(heading.subtitle))
        self._source.setText(heading.source)
        self._source.setEnabled(bool(heading.url))
        self._source.setToolTip(
            f"{heading.source}\n{heading.url}" if heading.url else heading.source
        )
        for button in self._panels:
            button.setVisible(heading.panels)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what has no room."""
        super().resizeEvent(event)
        self._fit()

    def event(self, event: QEvent) -> bool:
        """A pill that says something else may need more room, or less."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return super().event(event)

    def _fit(self) -> None:
        """Show the pills that there is room for, the most wanted first; the menu has them all.

        What is then left goes to the link to the source, if that is enough for a few letters.
        """
        if self._heading is None:
            return
        # What was never shown does not know its style yet, and takes itself for smaller.
        for part in self.findChildren(QWidget):
            part.ensurePolished()
        margins, gap = self._layout.contentsMargins(), self._layout.spacing()
        room = self.width() - margins.left() - margins.right()
        room -= self._title.sizeHint().width() + gap
        if self._heading.subtitle:
            room -= self._subtitle.sizeHint().width() + gap
        for button in (*(self._panels if self._heading.panels else ()), self._menu_button):
            room -= button.sizeHint().width() + _TOOL_GAP
        wanted = [p for name, p in self._pills.items() if name in self._heading.actions]
        shown: set[QWidget] = set()
        for pill in (*wanted, self._find):
            needed = pill.sizeHint().width() + gap
            if needed > room:
                break
            room -= needed
            shown.add(pill)
        if self._heading.source and room >= self._source.minimumSizeHint().width() + gap:
            shown.add(self._source)
        for pill in (*self._pills.values(), self._find, self._source):
            pill.setVisible(pill in shown)

    @Slot()
    def _open_source(self) -> None:
        if self._heading is not None and self._heading.url:
            QDesktopServices.openUrl(QUrl(self._heading.url))
