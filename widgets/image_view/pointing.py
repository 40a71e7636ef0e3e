"""Pictures that are pointed at: what is done on them goes to those who made them."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, QPointF, Signal

from widgets.image_view.layer import Layer
from widgets.image_view.surface import StageSurface

KEY_STEP = 1 / 40
"""Share of the picture that an arrow key moves the point; a tenth of it with Shift."""
FINE = 0.1

Point = tuple[float, float]


class Pointing(QObject):
    """Which pictures of a stage can be pointed at, and the drag on one of them.

    A drag that leaves its picture goes on along its edge.
    """

    pointed = Signal(str, str, float, float, int)
    """Key, phase (``press``, ``move`` or ``release``), where, in pixels of that picture, and
    whether it is the second press (2) of a double click."""
    nudged = Signal(str, float, float)
    """Key, and how far the arrow keys want the point to go, in pixels of that picture."""

    def __init__(self, stage: StageSurface) -> None:
        super().__init__(stage)
        self._stage = stage
        self._keys: frozenset[str] = frozenset()
        #: The picture of the drag, while there is one, and where that has come to.
        self._dragged = ""
        self._last: Point = (0.0, 0.0)

    @property
    def keys(self) -> frozenset[str]:
        """The pictures that can be pointed at."""
        return self._keys

    def set_keys(self, keys: Iterable[str]) -> None:
        """Let these pictures be pointed at; a drag on another one ends."""
        self._keys = frozenset(keys)
        if self._dragged not in self._keys:
            self.release()

    def takes(self, at: QPointF) -> bool:
        """Whether a press at this point of the stage points at a picture."""
        key = self._stage.key_at(at)
        if key is None or key not in self._keys:
            return False
        x, y = self._stage.to_picture(at)
        width, height = self._stage.model.frame
        return 0 <= x < width and 0 <= y < height

    def press(self, at: QPointF, clicks: int = 1) -> bool:
        """Begin a drag; False where there is nothing to point at."""
        if not self.takes(at):
            return False
        self._dragged = self._stage.camera.pane_at(at.x(), at.y()).key
        self._tell("press", self._place(at), clicks)
        return True

    def move(self, at: QPointF) -> None:
        """Go on with it."""
        if self._dragged and (place := self._place(at)) != self._last:
            self._tell("move", place)

    def release(self, at: QPointF | None = None) -> None:
        """End it, where it has come to if no point is given."""
        if self._dragged:
            self._tell("release", self._place(at) if at is not None else self._last)
        self._dragged = ""

    def nudge(self, dx: int, dy: int, *, fine: bool) -> bool:
        """Move the point of the picture in sight; False where it cannot be pointed at."""
        panes = self._stage.camera.panes
        if not panes or panes[0].key not in self._keys:
            return False
        key, share = panes[0].key, KEY_STEP * (FINE if fine else 1)
        layer = self._stage.model.layers[key]
        self.nudged.emit(key, dx * share * layer.width, dy * share * layer.height)
        return True

    def _place(self, at: QPointF) -> Point:
        """A point of the stage in pixels of the picture; the last if that is not seen any more."""
        key = self._dragged
        pane = next((pane for pane in self._stage.camera.panes if pane.key == key), None)
        if pane is None:
            return self._last
        x, y = self._stage.placement(pane).to_picture(at.x(), at.y())
        layer, (width, height) = self._stage.model.layers[key], self._stage.model.frame
        return _within(layer, x * layer.width / width, y * layer.height / height)

    def _tell(self, phase: str, place: Point, clicks: int = 1) -> None:
        self._last = place
        self.pointed.emit(self._dragged, phase, *place, clicks)


def _within(layer: Layer, x: float, y: float) -> Point:
    # The last pixel ends at the width, which is no longer in it.
    return min(max(x, 0.0), layer.width - 1e-3), min(max(y, 0.0), layer.height - 1e-3)
