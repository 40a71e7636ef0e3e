"""What the stage holds and which of it is to be seen, without any drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from widgets.image_view import difference
from widgets.image_view.layer import (
    Layer,
    NumbersLayer,
    PictureLayer,
    checked_numbers,
    checked_pixels,
)

Mode = Literal["single", "wipe", "side", "difference"]
MODES: tuple[Mode, ...] = get_args(Mode)
MOST_PANES = 6
"""Pictures that are seen at once."""


@dataclass(frozen=True)
class Reading:
    """The value of one pixel: of which picture, where, and its channels as 0..255 and 0..1.

    For a difference map ``rgb`` is None and ``values`` are the three signed differences. Where
    numbers are drawn in false colors, ``number`` is the one there with its unit, and counts.
    """

    key: str
    title: str
    x: int
    y: int
    rgb: tuple[int, int, int] | None
    values: tuple[float, float, float]
    number: str = ""

    def text_255(self) -> str:
        """The channels on the scale of the file, such as ``156 107 94 / 255``; or the number."""
        if self.number:
            return self.number
        if self.rgb is not None:
            return "{} {} {} / 255".format(*self.rgb)
        steps = (f"{round(value * 255):+d}".replace("-", "−") for value in self.values)
        return " ".join(steps) + " / 255"


class StageModel:
    """Pictures by key, the pair that is compared, and the mode.

    The pictures of ``scene`` (all, where it is None) show the same. Where their sizes differ (a
    small measurement beside its reconstruction), each is stretched over the largest, the
    *frame*, whose pixels are the coordinates of zoom, pan and masks. Any other picture (a sheet
    of samples) is seen alone and is its own frame.

    With ``rivals`` each of these pictures takes the place of the right one of the pair, in a pane
    of its own.
    """

    def __init__(self) -> None:
        self.layers: dict[str, Layer] = {}
        self.mode: Mode = "wipe"
        self.single: str | None = None
        self.original: str | None = None
        self.scene: frozenset[str] | None = None
        self.peeking = False
        self.kind: difference.Kind = "signed"
        self.fixed_scale: float | None = None
        self._pair: tuple[str, str] | None = None
        self._side: list[str] | None = None
        self._rivals: list[str] = []
        self._serial = 0
        self._scale = 0.0
        self._scaled_for: tuple[object, ...] = ()

    def put(self, key: str, array: object, title: str | None) -> None:
        """Add or replace a picture; without a title it keeps the one it had, or its key."""
        pixels = checked_pixels(array, key)
        before = self.layers.get(key)
        shown = title if title is not None else before.title if before else key
        self._serial += 1
        self.layers[key] = PictureLayer(key, pixels, shown, self._serial)

    def put_numbers(
        self, key: str, array: object, title: str, unit: str, kind: difference.Kind
    ) -> None:
        """Add or replace numbers (H, W) that are drawn in false colors."""
        numbers = checked_numbers(array, key)
        before = self.layers.get(key)
        self._serial += 1
        self.layers[key] = NumbersLayer(
            key, numbers, title, self._serial, kind=kind, unit=unit, before=before
        )

    @property
    def frame(self) -> tuple[int, int]:
        """Width and height of the largest picture of the scene; (0, 0) without one."""
        keys = self.pane_keys()
        apart = len(keys) == 1 and self.scene is not None and keys[0] not in self.scene
        wanted = keys if apart else self.layers if self.scene is None else self.scene
        layers = [self.layers[key] for key in wanted if key in self.layers]
        if not layers:
            return 0, 0
        largest = max(layers, key=lambda layer: layer.width * layer.height)
        return largest.width, largest.height

    @property
    def pair(self) -> tuple[str, str] | None:
        """The two pictures of wipe and difference: as set, else the first and the last added."""
        if self._pair is not None:
            return self._pair
        keys = list(self.layers)
        return (keys[0], keys[-1]) if len(keys) > 1 else None

    @pair.setter
    def pair(self, keys: tuple[str, str] | None) -> None:
        self._pair = keys

    @property
    def rivals(self) -> list[str]:
        """Keys that are compared with the left of the pair, those of them that are there."""
        return [key for key in self._rivals if key in self.layers]

    @rivals.setter
    def rivals(self, keys: list[str]) -> None:
        if len(keys) > MOST_PANES:
            raise ValueError(f"at most {MOST_PANES} pictures are compared, got {len(keys)}")
        self._rivals = keys

    def compared(self, pane: str | None = None) -> tuple[Layer, Layer] | None:
        """The pair as layers, or None while one of them is missing or both are the same.

        With rivals it is the pair of the pane that shows ``pane``, the first without one.
        """
        keys = self.pair
        if keys is not None and self._rivals:
            rivals = self.rivals
            right = pane if pane in rivals else next(iter(rivals), "")
            keys = keys[0], right or ""
        if keys is None or keys[0] == keys[1]:
            return None
        left, right = self.layers.get(keys[0]), self.layers.get(keys[1])
        return (left, right) if left is not None and right is not None else None

    @property
    def side(self) -> list[str]:
        """Keys shown side by side: as set, else the pair, else all, as many as there are panes."""
        wanted = self._side if self._side is not None else list(self.pair or self.layers)
        return [key for key in dict.fromkeys(wanted) if key in self.layers][:MOST_PANES]

    @side.setter
    def side(self, keys: list[str] | None) -> None:
        if keys is not None and len(keys) > MOST_PANES:
            raise ValueError(f"side by side shows at most {MOST_PANES} pictures, got {len(keys)}")
        self._side = keys

    def effective_mode(self) -> Mode:
        """The mode that can be shown with the pictures there are."""
        if self.peeking and self.original_key() is not None:
            return "single"
        if self.mode in ("wipe", "difference") and self.compared() is None:
            return "single"
        if self.mode == "side" and len(self.side) < 2:
            return "single"
        return self.mode

    def original_key(self) -> str | None:
        """The picture seen while the space bar is held: as set, else the left of the pair."""
        key = self.original or (self.pair[0] if self.pair else None)
        return key if key in self.layers else None

    def single_key(self) -> str | None:
        """The picture seen alone."""
        if self.peeking and (original := self.original_key()) is not None:
            return original
        wanted = [self.single, *reversed(self.pair or ()), *reversed(self.layers)]
        return next((key for key in wanted if key in self.layers), None)

    def pane_keys(self) -> list[str]:
        """One key per pane, in reading order; wipe and difference take one, or one per rival."""
        mode = self.effective_mode()
        if mode == "side":
            return self.side
        if mode == "single":
            key = self.single_key()
            return [key] if key is not None else []
        if self._rivals:
            return self.rivals
        compared = self.compared()
        return [compared[1].key] if compared else []

    def difference_scale(self) -> float:
        """Full scale of the difference map: the fixed one, or one that suits the pictures.

        Rivals share one, as their colors are compared.
        """
        if self.fixed_scale is not None:
            return self.fixed_scale
        found = (self.compared(key) for key in self.rivals or [None])
        pairs = [pair for pair in found if pair is not None]
        if not pairs:
            return self._scale or 1.0
        state = (self.kind, *(layer.serial for pair in pairs for layer in pair))
        if state != self._scaled_for:
            self._scale = max(self._suiting(pair) for pair in pairs)
            self._scaled_for = state
        return self._scale

    def _suiting(self, pair: tuple[Layer, Layer]) -> float:
        # Any level of about screen size tells the scale; the whole of 24 MP is not needed.
        large = max(pair, key=lambda layer: layer.width * layer.height)
        stride = max(1, min(large.width, large.height) // 512)
        width, height = large.width // stride, large.height // stride
        left, right = (difference.same_size(p.pixels, width, height) for p in pair)
        return difference.automatic_scale(left, right, self.kind, self._scale)

    def reading(self, key: str, x: float, y: float) -> Reading | None:
        """The pixel of picture ``key`` at a point of the frame; None outside."""
        layer, frame = self.layers[key], self.frame
        column = _index(x, layer.width, frame[0])
        row = _index(y, layer.height, frame[1])
        if column is None or row is None:
            return None
        pair = self.compared(key)
        if self.effective_mode() == "difference" and pair is not None:
            first, second = (_at(p, x, y, frame) for p in pair)
            values = tuple((b - a) / 255 for a, b in zip(first, second, strict=True))
            title = f"{pair[1].title} − {pair[0].title}"
            return Reading(key, title, column, row, None, (values[0], values[1], values[2]))
        red, green, blue = layer.color(row, column)
        values01 = (red / 255, green / 255, blue / 255)
        number = layer.text(row, column) if isinstance(layer, NumbersLayer) else ""
        return Reading(key, layer.title, column, row, (red, green, blue), values01, number)


def _index(position: float, size: int, frame: float) -> int | None:
    index = int(position * size // frame)
    return index if 0 <= index < size else None


def _at(layer: Layer, x: float, y: float, frame: tuple[int, int]) -> tuple[int, int, int]:
    column, row = _index(x, layer.width, frame[0]) or 0, _index(y, layer.height, frame[1]) or 0
    return layer.color(row, column)
