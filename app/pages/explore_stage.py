"""The middle of a bench that is explored: map left, picture right, strips below both."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSpacerItem, QVBoxLayout, QWidget

from app.actions import ActionSet
from app.page_state import PageState
from app.pages.stage import BenchStage, zoom_buttons
from app.run_controller import ACTIVE
from engine.catalogue import PanelSpec
from widgets.image_view import ImageStage
from widgets.parts import ElidedLabel, GapSplitter, SectionLabel, TabButton
from widgets.tokens import CONTROL_HEIGHT

#: Smaller, a pane shows nothing that can be looked at.
_SMALLEST = (120, 72)
#: Between the line above a picture and the picture.
_BELOW_HEAD = 2
#: The most of the height that strips take by themselves.
_STRIPS_SHARE = 0.5
#: With so much height a map, and strips, can be looked at; more is welcome.
_GOOD_MAP, _GOOD_STRIPS = 260, 230
#: Between the words above two pictures that stand beside each other.
_APART = 12
#: Qt's word for no limit of a height.
_ANY = 16_777_215


class _Pane(QWidget):
    """Pictures of which one is seen, below a line that says which; the one of ``key`` first."""

    #: A person wants to see this one.
    wanted = Signal(str)

    def __init__(self, key: str, stage: ImageStage, parent: QWidget) -> None:
        super().__init__(parent)
        self._key = key
        self.stage = stage
        stage.setParent(self)
        stage.setMinimumSize(*_SMALLEST)
        # None of them shows the same as another: each is seen alone, at its own size.
        stage.set_scene([])
        stage.set_mode("single")
        stage.set_titled(False)
        self._tabs: dict[str, TabButton] = {}
        self._titled = True
        self._title = SectionLabel("", self)
        self._row = QHBoxLayout()
        self._row.setSpacing(4)
        self.head = QHBoxLayout()
        self.head.setContentsMargins(0, 0, 0, 0)
        self.head.setSpacing(4)
        # All heads are as high as one with buttons: pictures beside each other begin in one line.
        self.head.addSpacerItem(QSpacerItem(0, CONTROL_HEIGHT))
        self._hint = ElidedLabel("", "hint", self)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.head.addWidget(self._title)
        self.head.addLayout(self._row)
        self.head.addWidget(self._hint, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(_BELOW_HEAD)
        column.addLayout(self.head)
        column.addWidget(stage, 1)

    def offer(self, key: str, title: str, tip: str = "") -> None:
        """A picture of the stage can be seen; its first time it gets a tab."""
        if (tab := self._tabs.get(key)) is not None and tab.text() != title:
            tab.setText(title)
            self._name()
        if key not in self._tabs:
            tab = self._tabs[key] = TabButton(title, self)
            tab.setObjectName(key)
            tab.setToolTip(tip)
            tab.clicked.connect(self._on_tab)
            self._row.insertWidget(0 if key == self._key else -1, tab)
            self._name()

    def drop(self, key: str) -> None:
        """That picture is not there any more."""
        self.stage.set_picture(key, None)
        if (tab := self._tabs.pop(key, None)) is not None:
            self._row.removeWidget(tab)
            tab.hide()
            tab.deleteLater()
            self._name()

    def show_key(self, key: str = "") -> None:
        """See this one of its pictures; where it is not there, the first."""
        wanted = (key, self._key, *self._tabs)
        self.stage.set_single(next((name for name in wanted if name in self._tabs), None))
        self._name()

    def set_titled(self, on: bool) -> None:
        """Whether the line above names the picture; else something there does already."""
        self._titled = on
        self._name()

    def set_open(self, on: bool) -> None:
        """Show the picture, or the line above it alone."""
        self.stage.setVisible(on)
        self.setMaximumHeight(_ANY if on else self.head.sizeHint().height())

    def is_open(self) -> bool:
        """Whether the picture is shown, and not the line above it alone."""
        return not self.stage.isHidden()

    def seen(self) -> str:
        """The picture that is seen."""
        return self.stage.model.single_key() or ""

    def hint(self) -> str:
        """What the quiet line says."""
        return self._hint.text()

    def say(self, hint: str) -> None:
        """Say in a quiet line what a person can do here."""
        self._hint.setText(hint)
        keys = self.tr("Click into it, and the arrow keys move on it as well")
        self._hint.setToolTip(keys if hint else "")

    def _name(self) -> None:
        several, seen = len(self._tabs) > 1, self._tabs.get(self.seen())
        for tab in self._tabs.values():
            tab.setVisible(several)
            tab.setChecked(tab is seen)
        self._title.setText(seen.text() if seen is not None else "")
        self._title.setToolTip(seen.toolTip() if seen is not None else "")
        self._title.setVisible(not several and self._titled)
        self.stage.setAccessibleName(self._title.text() or self.tr("Picture"))

    @Slot()
    def _on_tab(self) -> None:
        if (sender := self.sender()) is not None:
            self.wanted.emit(sender.objectName())


class ExploreStage(BenchStage):
    """A map to drag on, the picture it leads to, and strips of directions.

    The image panels of the bench are, in this order, map, picture and strips; those of a
    method stand in the place of the map. What has no picture takes no room. Where the page asks
    for it, two buttons above the strips choose between them and the curves of the page.
    """

    #: Other pictures are there, or their borders have new places.
    rearranged = Signal()
    #: A person wants to see the strips, or the curves in their place.
    turned = Signal()

    def __init__(self, panels: Iterable[PanelSpec], actions: ActionSet, parent: QWidget) -> None:
        super().__init__(panels, parent)
        names = [panel.name for panel in self._panels]
        self._map_key, self._picture_key, self._strips_key = (*names, "", "", "")[:3]
        self._left_wanted = ""
        self._map = _Pane(self._map_key, ImageStage(), self)
        self._picture = _Pane(self._picture_key, self.stage, self)
        self._strips = _Pane(self._strips_key, ImageStage(), self)
        self.stage.set_crisp(True)
        self._adopt(self._map.stage, self.stage, self._strips.stage)
        #: Whether curves are wanted where there is no room for strips as well.
        self.curves_wanted = False
        self._strips_tab = TabButton(self.tr("Strips"), self)
        self._curves_tab = TabButton(self.tr("Curves"), self)
        for place, tab in enumerate((self._strips_tab, self._curves_tab)):
            tab.hide()
            tab.clicked.connect(self._on_turn)
            self._strips.head.insertWidget(place, tab)
        self._turns = False
        # What is said at its end would read on into the title of the next.
        self._map.head.setContentsMargins(0, 0, _APART, 0)
        for button in zoom_buttons(actions, self):
            self._picture.head.addWidget(button)
        upper = GapSplitter(Qt.Orientation.Horizontal, self)
        upper.addWidget(self._map)
        upper.addWidget(self._picture)
        whole = GapSplitter(Qt.Orientation.Vertical, self)
        whole.addWidget(upper)
        whole.addWidget(self._strips)
        self.splitters = [upper, whole]
        upper.setStretchFactor(0, 1)
        upper.setStretchFactor(1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(whole)
        self._map.wanted.connect(self._on_left)
        self._arrange()

    @property
    def result(self) -> str:
        """The picture that the map leads to."""
        return self._picture_key or self._map_key

    @property
    def original(self) -> str:
        """There is no other: before a run it is what is looked at."""
        return self.result

    def show_view(self, state: PageState) -> None:
        """See the map, or a picture of the method in its place, as the page's state says."""
        self._left_wanted = state.view.get("alone", "")
        self._map.show_key(self._left_wanted)
        self._say_hint()

    def set_method(self, panels: Iterable[PanelSpec], lead: str = "") -> None:
        """Another method: the pictures of the one before go."""
        for name in self._method_panels:
            self._map.drop(name)
        super().set_method(panels, lead)
        self._arrange()

    def _show_only(self, arrays: dict[str, Any], note: str) -> None:
        self.stage.set_note(note)
        for key, array in arrays.items():
            self._put(key, array)
        self._keep(arrays)

    def _keep(self, keys: Collection[str]) -> None:
        for key in self.keys():
            if key not in keys:
                self._pane(key).drop(key)
        self._arrange()

    def _show(self, key: str, array: Any, step: int) -> None:
        stage = self._pane(key).stage
        before = stage.keys(), stage.model.frame
        self._put(key, array)
        if (stage.keys(), stage.model.frame) != before:
            self._arrange()

    def rearrange(self) -> None:
        """Map and picture as wide as each other, strips as high as they are long."""
        upper, whole = self.splitters
        if not upper.arranged:
            upper.setSizes([self.width(), self.width()])
        width, height = self._strips.stage.model.frame
        if not self._strips.is_open():
            return
        if not whole.arranged and width:
            room = self.height() - whole.handleWidth()
            wanted = CONTROL_HEIGHT + _BELOW_HEAD + height * self.width() // width
            strips = min(wanted, round(_STRIPS_SHARE * room))
            whole.setSizes([room - strips, strips])

    def wants_turns(self, height: int) -> bool:
        """Whether there are strips, and this height is too little to look at all pictures."""
        return self._strips.isVisibleTo(self) and height < self._good_height()

    def set_turns(self, on: bool) -> None:
        """Let strips and curves take turns, or show the strips always."""
        open_strips = not (on and self.curves_wanted)
        changed = (on, open_strips) != (self._turns, self._strips.is_open())
        self._turns = on
        for tab, chosen in ((self._strips_tab, open_strips), (self._curves_tab, not open_strips)):
            tab.setVisible(on)
            tab.setChecked(chosen)
        if changed:
            self._strips.set_titled(not on)
            self._strips.set_open(open_strips)
            self._say_hint()
            self.rearrange()

    def _good_height(self) -> int:
        """The least height at which all pictures that there are can be looked at."""
        upper, whole = self.splitters
        beside = [pane for pane in (self._map, self._picture) if pane.isVisibleTo(self)]
        across = (self.width() - upper.handleWidth()) // max(1, len(beside))
        needed = [min(_GOOD_MAP, _height(pane, across)) for pane in beside]
        strips = min(_GOOD_STRIPS, _height(self._strips, self.width()))
        heads = 2 * (CONTROL_HEIGHT + _BELOW_HEAD)
        return max(needed, default=0) + strips + heads + whole.handleWidth()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """More or less room."""
        super().resizeEvent(event)
        self.rearrange()

    def show_run(self, state: str) -> None:
        """Let pictures be pointed at while a run answers to it, and say so."""
        super().show_run(state)
        self._say_hint()

    def _pane(self, key: str) -> _Pane:
        if key == self._picture_key:
            return self._picture
        return self._strips if key == self._strips_key else self._map

    def _put(self, key: str, array: Any) -> None:
        panel, pane = self._panel(key), self._pane(key)
        self._put_on(pane.stage, key, array, self._title(key))
        pane.offer(key, self._title(key), panel.help if panel is not None else "")

    def _arrange(self) -> None:
        """Room for what there is; without anything the place of the picture invites."""
        self._map.show_key(self._left_wanted)
        self._picture.show_key()
        self._strips.show_key()
        has = {pane: bool(pane.stage.keys()) for pane in (self._map, self._picture, self._strips)}
        has[self._picture] = has[self._picture] or not any(has.values())
        for pane, on in has.items():
            pane.setVisible(on)
        self.splitters[0].setVisible(has[self._map] or has[self._picture])
        self._let_point()
        self._say_hint()
        self.rearrange()
        self.rearranged.emit()

    def _say_hint(self) -> None:
        """What a person can do with the pictures that answer to it."""
        for pane in (self._map, self._strips):
            text = ""
            if pane.seen() in self._pointable() and self._answers:
                text = self.tr("Drag on it")
            elif pane.seen() in self._pointable() and self._run_state not in ACTIVE:
                text = self.tr("Press Run, then drag on it") if pane is self._map else ""
            pane.say(text if pane.is_open() else "")

    @Slot()
    def _on_turn(self) -> None:
        self.curves_wanted = self.sender() is self._curves_tab
        self.turned.emit()

    @Slot(str)
    def _on_left(self, key: str) -> None:
        self.viewed.emit("view:alone", key)
        # Where it was chosen before, nothing changes and its tab stays pressed.
        self._map.show_key(self._left_wanted)


def _height(pane: _Pane, width: int) -> int:
    """How high the picture of a pane is where it is as wide as that."""
    across, down = pane.stage.model.frame
    return int(down * width // across) if across else 0
