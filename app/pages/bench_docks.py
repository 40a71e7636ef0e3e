"""The movable side panels of a bench page, and what a person did to them.

Panels collapse where the page is too narrow for them and come back when it is not; a
panel that a person hid stays hidden.
"""

from __future__ import annotations

import base64
import binascii

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QFrame,
    QMainWindow,
    QScrollArea,
    QScrollBar,
    QVBoxLayout,
    QWidget,
)

from widgets import theme
from widgets.parts import GapSplitter

#: Below this width of the whole window (rail included), side panels collapse.
COLLAPSE_BELOW = 1100
RAIL = 64
_LEFT, _RIGHT = 264, 276
_NARROWEST, _WIDEST = 240, 480


class _QuietBar(QScrollBar):
    """A scroll bar that keeps its room and is seen only where there is something to scroll."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent, False)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Nothing where everything is in sight."""
        if self.maximum() > self.minimum():
            super().paintEvent(event)


class Panel(QDockWidget):
    """One dock: its content scrolls, its title row is the content's own first row."""

    #: What it holds needs another width than before.
    fitted = Signal()

    def __init__(self, name: str, title: str, content: QWidget, head: QWidget) -> None:
        super().__init__(title)
        self.setObjectName(name)
        self.setFeatures(
            QDockWidget.DockWidgetFeature.DockWidgetMovable
            | QDockWidget.DockWidgetFeature.DockWidgetFloatable
            | QDockWidget.DockWidgetFeature.DockWidgetClosable
        )
        self.setAllowedAreas(
            Qt.DockWidgetArea.LeftDockWidgetArea | Qt.DockWidgetArea.RightDockWidgetArea
        )
        head.setToolTip(self.tr("Drag to move this panel, double-click to detach it"))
        self.setTitleBarWidget(head)
        frame = QFrame()
        frame.setMaximumWidth(_WIDEST)
        theme.set_role(frame, "panel")
        scroll = QScrollArea(frame)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Its width is always taken: nothing wraps anew when there is more to scroll.
        scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        scroll.setVerticalScrollBar(_QuietBar(scroll))
        scroll.setWidget(content)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(frame)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(scroll, 1)
        self._column, self._frame = column, frame
        self._scroll, self._content = scroll, content
        self.setWidget(frame)
        content.installEventFilter(self)
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Never narrower than what is in it: nothing is cut off at the side."""
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Show, QEvent.Type.Hide):
            self._fit()
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        width = self._content.minimumSizeHint().width()
        width += self._scroll.verticalScrollBar().sizeHint().width()
        least = min(max(_NARROWEST, width), _WIDEST)
        if least != self._frame.minimumWidth():
            self._frame.setMinimumWidth(least)
            self.fitted.emit()

    def least_width(self) -> int:
        """Narrower, something in it would be cut off."""
        return self._frame.minimumWidth()

    def add_foot(self, widget: QWidget) -> None:
        """A part below the scrolling content that always stays in sight."""
        self._column.addWidget(widget)


class PanelArea(QMainWindow):
    """The inside of a bench page: a middle, and two panels that can be moved and hidden."""

    #: A panel was shown, hidden or moved by the person.
    rearranged = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        # The constructor always makes a window of its own; here it is a part of a page.
        self.setWindowFlags(Qt.WindowType.Widget)
        self.setDockOptions(QMainWindow.DockOption.AnimatedDocks)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self._panels: dict[str, Panel] = {}
        self._splitters: list[GapSplitter] = []
        self._hidden: set[str] = set()
        self._collapsed = False
        self._initial = b""
        self._busy = False
        #: Widths mean something only once the page has its size.
        self._sized = False
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self._size_first)
        #: The widths that a fresh page gave or a person dragged. What is in a panel may need
        #: more for a while, and a small window takes some; then these come back.
        self._widths: dict[str, int] = {}
        self._grip: dict[str, int] = {}
        self._again = QTimer(self, singleShot=True, interval=0)
        self._again.timeout.connect(self._give_widths)

    def add_panel(self, side: str, panel: Panel) -> None:
        """Put a panel at the ``left`` or ``right``."""
        area = (
            Qt.DockWidgetArea.LeftDockWidgetArea
            if side == "left"
            else Qt.DockWidgetArea.RightDockWidgetArea
        )
        self.addDockWidget(area, panel)
        self._panels[side] = panel
        panel.dockLocationChanged.connect(self._moved)
        panel.installEventFilter(self)
        panel.fitted.connect(self._again.start)

    def add_splitter(self, splitter: GapSplitter) -> None:
        """Keep where a border in the middle stands."""
        self._splitters.append(splitter)

    def settle(self) -> None:
        """Remember the arrangement of a fresh page; call when all panels are there."""
        self._initial = bytes(self.saveState().data())

    def reset_widths(self) -> None:
        """The widths of a fresh page; wide windows give the panels more."""
        wide = max(0, self.window().width() - 1280) // 8
        for side, width in zip(self._panels, (_LEFT, _RIGHT), strict=True):
            self._widths[side] = width + min(wide, 72)
        self._give_widths()

    def reset(self) -> None:
        """Back to the arrangement of a fresh page."""
        self._hidden.clear()
        self.restoreState(self._initial)
        for splitter in self._splitters:
            splitter.restore(b"")
        for panel in self._panels.values():
            panel.setFloating(False)
        self._collapsed = False
        self._apply()
        self.reset_widths()
        self.rearranged.emit()

    def is_shown(self, side: str) -> bool:
        """Whether a panel is to be seen (or would be, were the page in front)."""
        return not self._panels[side].isHidden()

    def set_shown(self, side: str, on: bool) -> None:
        """Show or hide a panel; a person's wish counts more than the lack of room."""
        if on:
            self._hidden.discard(side)
        else:
            self._hidden.add(side)
        self._busy = True
        self._panels[side].setVisible(on)
        self._busy = False
        self.rearranged.emit()

    def layout_text(self) -> str:
        """The arrangement as text, for the preferences."""
        states = [bytes(self.saveState().data()), *(s.layout_bytes() for s in self._splitters)]
        texts = [base64.b64encode(state).decode() for state in states]
        return "|".join([",".join(sorted(self._hidden)), *texts])

    def restore(self, text: str) -> None:
        """What ``layout_text`` gave; anything else is ignored."""
        hidden, *states = text.split("|")
        try:
            data = [base64.b64decode(state, validate=True) for state in states]
        except (binascii.Error, ValueError):
            return
        if not data or not data[0] or not self.restoreState(data[0]):
            return
        for splitter, border in zip(self._splitters, data[1:], strict=False):
            splitter.restore(border)
        self._sized = True
        self._widths.clear()
        self._hidden = {name for name in hidden.split(",") if name in self._panels}
        self._apply()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Collapse or bring back."""
        super().resizeEvent(event)
        narrow = self.width() + RAIL < COLLAPSE_BELOW
        if narrow != self._collapsed:
            self._collapsed = narrow
            self._apply()
        if not self._sized:
            # Not from within: the layout is just being made.
            self._later.start()

    def event(self, event: QEvent) -> bool:
        """Borders between panels belong to this window: a width that they were dragged to stays."""
        if event.type() == QEvent.Type.MouseButtonPress:
            self._grip = self._present_widths()
        done = super().event(event)
        if event.type() == QEvent.Type.MouseButtonRelease:
            for side, width in self._present_widths().items():
                if width != self._grip.get(side, width):
                    self._widths[side] = width
        return done

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A panel that was closed by its own means is hidden by wish."""
        if event.type() == QEvent.Type.Close and not self._busy:
            for side, panel in self._panels.items():
                if panel is watched:
                    self._hidden.add(side)
                    self.rearranged.emit()
        return super().eventFilter(watched, event)

    @Slot()
    def _size_first(self) -> None:
        if not self._sized and self.isVisible():
            self._sized = True
            self.reset_widths()

    def _apply(self) -> None:
        self._busy = True
        for side, panel in self._panels.items():
            panel.setVisible(side not in self._hidden and not self._collapsed)
        self._busy = False
        # Not from within: the window is just getting its new size.
        self._again.start()
        self.rearranged.emit()

    def _present_widths(self) -> dict[str, int]:
        return {
            side: panel.width()
            for side, panel in self._panels.items()
            if panel.isVisible() and not panel.isFloating()
        }

    @Slot()
    def _give_widths(self) -> None:
        """Panels as wide as they are meant to be, or as what they hold needs."""
        if self._collapsed:
            return
        shown = self._present_widths()
        for side, width in shown.items():
            # As a person left it in an earlier window.
            self._widths.setdefault(side, width)
        self.resizeDocks(
            [self._panels[side] for side in shown],
            [max(self._widths[side], self._panels[side].least_width()) for side in shown],
            Qt.Orientation.Horizontal,
        )

    def _moved(self) -> None:
        self.rearranged.emit()
