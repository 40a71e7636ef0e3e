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

    pointed = Signal(str, str, float, float)
    """Key, phase (``press``, ``move`` or ``release``) and where, in pixels of that picture."""

    def __init__(self, stage: StageSurface) -> None:
        super().__init__(stage)
        self._stage = stage
        self._keys: frozenset[str] = frozenset()
        #: The picture of the drag, and that of the arrow keys, while there is one.
        self._dragged = self._walking = ""
        #: Where each picture was pointed at last.
        self._last: dict[str, Point] = {}

    @property
    def keys(self) -> frozenset[str]:
        """The pictures that can be pointed at."""
        return self._keys

    def set_keys(self, keys: Iterable[str]) -> None:
        """Let these pictures be pointed at; a drag on another one ends."""
        self._keys = frozenset(keys)
        if self._dragged not in self._keys:
            self.release()
        if self._walking not in self._keys:
            self.rest()

    def takes(self, at: QPointF) -> bool:
        """Whether a press at this point of the stage points at a picture."""
        key = self._stage.key_at(at)
        if key is None or key not in self._keys:
            return False
        x, y = self._stage.to_picture(at)
        width, height = self._stage.model.frame
        return 0 <= x < width and 0 <= y < height

    # By mouse.

    def press(self, at: QPointF) -> bool:
        """Begin a drag; False where there is nothing to point at."""
        if not self.takes(at):
            return False
        self.rest()
        self._dragged = key = self._stage.camera.pane_at(at.x(), at.y()).key
        self._tell(key, "press", self._place(key, at))
        return True

    def move(self, at: QPointF) -> None:
        """Go on with it."""
        key = self._dragged
        if key and (place := self._place(key, at)) != self._last[key]:
            self._tell(key, "move", place)

    def release(self, at: QPointF | None = None) -> None:
        """End it, where it has come to if no point is given."""
        key, self._dragged = self._dragged, ""
        if key:
            self._tell(key, "release", self._place(key, at) if at is not None else self._last[key])

    # By keys.

    def walk(self, dx: int, dy: int, *, fine: bool) -> bool:
        """Move the point of the picture in sight; False where it cannot be pointed at."""
        panes = self._stage.camera.panes
        if self._dragged or not panes or panes[0].key not in self._keys:
            return False
        key = panes[0].key
        layer = self._stage.model.layers[key]
        x, y = self._last.get(key, (layer.width / 2, layer.height / 2))
        if not self._walking:
            self._walking = key
            self._tell(key, "press", (x, y))
        share = KEY_STEP * (FINE if fine else 1)
        to = x + dx * share * layer.width, y + dy * share * layer.height
        self._tell(key, "move", _within(layer, *to))
        return True

    def rest(self) -> bool:
        """The arrow keys were let go; False where they moved no point."""
        key, self._walking = self._walking, ""
        if key:
            self._tell(key, "release", self._last[key])
        return bool(key)

    def _place(self, key: str, at: QPointF) -> Point:
        """A point of the stage in pixels of a picture; the last if that is not seen any more."""
        pane = next((pane for pane in self._stage.camera.panes if pane.key == key), None)
        if pane is None:
            return self._last[key]
        x, y = self._stage.placement(pane).to_picture(at.x(), at.y())
        layer, (width, height) = self._stage.model.layers[key], self._stage.model.frame
        return _within(layer, x * layer.width / width, y * layer.height / height)

    def _tell(self, key: str, phase: str, place: Point) -> None:
        self._last[key] = place
        self.pointed.emit(key, phase, *place)


def _within(layer: Layer, x: float, y: float) -> Point:
    # The last pixel ends at the width, which is no longer in it.
    return min(max(x, 0.0), layer.width - 1e-3), min(max(y, 0.0), layer.height - 1e-3)
