"""What a bench page needs of its middle, however the pictures are laid out there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from time import monotonic
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QWidget

from app import run_words
from app.actions import ActionSet
from app.buttons import follow_tip
from app.page_state import PageState
from engine.catalogue import PanelSpec
from engine.messages import Nudge, Pointer
from widgets.image_view import ImageStage
from widgets.parts import GapSplitter, TabButton

#: States of a run in which it answers to what a person does on its pictures.
_ANSWERS = frozenset({"running", "idle"})


class BenchStage(QWidget):
    """The pictures of a bench and of the method in hand; ``show_run`` says what it is up to.

    A layout tells where pictures go (``show_pictures``, ``show_frame``) and which of them
    is the ``result``. Masks and races are for those that compare; elsewhere they do nothing.
    """

    #: A person's choice of what is seen: key and value of the page's state.
    viewed = Signal(str, object)
    #: A person finished painting: the mask as (H, W) uint8, or None where it is empty.
    painted = Signal(object)
    #: A person pointed at a picture: a ``Pointer`` or a ``Nudge`` of ``engine.messages``.
    pointed = Signal(object)
    open_wanted = Signal()
    #: One line that says what could not be saved, and why.
    failed = Signal(str)

    #: Whether pictures can be wiped over each other, and methods race on it.
    compares = False

    def __init__(self, panels: Iterable[PanelSpec], parent: QWidget) -> None:
        super().__init__(parent)
        self._panels = [panel for panel in panels if panel.kind == "image"]
        self._shared = {panel.name: panel for panel in self._panels}
        #: Pictures that only the method makes, and those of the bench that it says anew.
        self._method_panels: dict[str, PanelSpec] = {}
        self._said_anew: list[PanelSpec] = []
        #: The knobs of the run whose pictures come, or under which there are some before one.
        self._params: dict[str, Any] = {}
        self._on_fixed = True
        self._run_state = "none"
        #: Where the result is seen, quiet lines are said and pictures are copied from.
        self.stage = ImageStage(self)
        self._stages: list[ImageStage] = []
        #: Borders that a person can drag.
        self.splitters: list[GapSplitter] = []

    def _adopt(self, *stages: ImageStage) -> None:
        """Listen to these."""
        for stage in stages:
            self._stages.append(stage)
            stage.pointed.connect(self._on_pointed)
            stage.nudged.connect(self._on_nudged)
            stage.openRequested.connect(self.open_wanted)
            stage.failed.connect(self.failed)

    @property
    def result(self) -> str:
        """The picture that the method makes: the bench declares it first."""
        return self._panels[0].name if self._panels else ""

    @property
    def measurement(self) -> str:
        """The picture that the method was given: declared second."""
        return self._panels[1].name if len(self._panels) > 1 else self.result

    @property
    def original(self) -> str:
        """The picture before anything was done to it: declared last."""
        return self._panels[-1].name if self._panels else ""

    def keys(self) -> list[str]:
        """The pictures that there are."""
        return [key for stage in self._stages for key in stage.keys()]  # noqa: SIM118

    def fit(self) -> None:
        """Show every picture whole."""
        for stage in self._stages:
            stage.fit()

    def zoom_100(self) -> None:
        """One pixel of a picture per pixel of the screen."""
        for stage in self._stages:
            stage.zoom_100()

    def set_method(self, panels: Iterable[PanelSpec], lead: str = "") -> None:
        """Offer the pictures that only this method makes, each once it is there; ``lead`` is the
        panel that it is about.
        """
        pictures = [panel for panel in panels if panel.kind == "image"]
        self._method_panels = {p.name: p for p in pictures if p.name not in self._shared}
        self._said_anew = [panel for panel in pictures if panel.name in self._shared]
        self._let_point()

    def set_params(self, params: Mapping[str, Any], *, on_fixed: bool = True) -> None:
        """Knobs, by dotted name and typed, under which pictures are: with them titles and panels
        change. Of a problem that is not the one that the method fixes it tells the result alone.
        """
        self._params, self._on_fixed = dict(params), on_fixed

    def _panel(self, key: str) -> PanelSpec | None:
        """What is said of a picture; None where nobody declares it, or it does not count now."""
        anew = self._said_anew if self._on_fixed or key == self.result else ()
        panels = (*anew, *self._method_panels.values(), *self._panels)
        return run_words.panel_of(key, panels, self._params)

    def _counts(self, key: str) -> bool:
        """Whether a picture says something under these knobs."""
        return key not in self._method_panels or self._panel(key) is not None

    def _title(self, key: str) -> str:
        panel = self._panel(key)
        return panel.title.format_map(self._params) if panel is not None else key.capitalize()

    def _put_on(self, stage: ImageStage, key: str, array: Any, title: str) -> None:
        """Show a picture, or numbers in false colors with their scale."""
        panel = self._panel(key)
        if panel is None or panel.scale is None:
            stage.set_picture(key, array, title)
        else:
            scale = panel.scale
            stage.set_numbers(key, array, title, unit=scale.unit, signed=scale.signed)

    def show_run(self, state: str) -> None:
        """Let pictures be pointed at while a run answers to it; ``state`` as of a run."""
        self._run_state = state
        self._let_point()

    def rearrange(self) -> None:
        """Give borders that nobody has dragged their best places."""

    def show_view(self, state: PageState) -> None:
        """Show what the page's state says is looked at."""

    def show_pictures(self, arrays: dict[str, Any], note: str = "") -> None:
        """Pictures before a run; whatever a run had shown goes away."""
        self._show_only({key: array for key, array in arrays.items() if self._counts(key)}, note)

    @Slot(object, object)
    def expect(self, panels: Collection[str], params: Mapping[str, Any]) -> None:
        """A run with these knobs has pictures for these panels: what an earlier one left of others,
        and of such as say nothing under these knobs, goes away.
        """
        self.set_params(params)
        self._keep({key for key in panels if self._counts(key)})

    def show_frame(self, panel: str, array: Any, step: int) -> None:
        """A picture of the run at this step; none that says nothing under its knobs."""
        if self._counts(panel):
            self._show(panel, array, step)

    def _show_only(self, arrays: dict[str, Any], note: str) -> None:
        raise NotImplementedError

    def _keep(self, keys: Collection[str]) -> None:
        raise NotImplementedError

    def _show(self, key: str, array: Any, step: int) -> None:
        raise NotImplementedError

    def ask_for(self, text: str) -> None:
        """Say quietly what is still to be given."""
        self.stage.set_note(text)

    # Only for those that compare.

    def show_plot(self, plot: QWidget | None) -> None:
        """The plot that the method is about, to be seen in place of the pictures; None for none."""

    def offer_plot(self, panel: str) -> None:
        """That plot has lines now."""

    @property
    def painting(self) -> bool:
        """Whether the tools of painting are offered."""
        return False

    def paint(self, on: bool, tool: str | None = None) -> None:
        """Offer the tools of painting and take one in hand, or put all of it away."""

    def show_mask(self, path: str) -> None:
        """Draw the mask in a file, or none, over the pictures."""

    def set_rivals(self, titles: dict[str, str]) -> None:
        """Compare several results (key to title) with the measurement at once; none: the one."""

    def forget_rivals(self) -> None:
        """None of them has a picture yet."""

    def show_rival(self, key: str, array: Any, title: str) -> None:
        """The newest picture of one of them."""

    # Pointing.

    @property
    def _answers(self) -> bool:
        """Whether there is a run that answers to what is done on its pictures."""
        return self._run_state in _ANSWERS

    def _pointable(self) -> frozenset[str]:
        """The pictures that the run would answer on."""
        panels = self._shared | self._method_panels
        return frozenset(name for name, panel in panels.items() if panel.pointer)

    def _let_point(self) -> None:
        keys = self._pointable() if self._answers else frozenset()
        for stage in self._stages:
            stage.set_pointable(keys)

    @Slot(str, str, float, float, int)
    def _on_pointed(self, key: str, phase: Any, x: float, y: float, clicks: int) -> None:
        self.pointed.emit(Pointer(key, phase, x, y, clicks=clicks, seconds=monotonic()))

    @Slot(str, float, float)
    def _on_nudged(self, key: str, dx: float, dy: float) -> None:
        self.pointed.emit(Nudge(key, dx, dy))


def zoom_buttons(actions: ActionSet, parent: QWidget) -> list[TabButton]:
    """Buttons for the whole picture and for 100 %."""
    buttons = []
    for action_id, text in (("view.fit", parent.tr("Fit")), ("view.full", parent.tr("100 %"))):
        button = TabButton(text, parent)
        button.setCheckable(False)
        follow_tip(button, actions[action_id])
        button.setAccessibleName(actions[action_id].text())
        button.clicked.connect(actions[action_id].trigger)
        buttons.append(button)
    return buttons
