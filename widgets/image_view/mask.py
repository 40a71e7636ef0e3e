"""A mask painted by hand: strokes on a uint8 array in picture pixels, with undo."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
Point = tuple[float, float]
Box = tuple[int, int, int, int]
PAINTED = 255
"""The value of a painted pixel; all others are 0."""
UNDO_BYTES = 64 * 2**20
"""Memory that remembered strokes may take before the oldest are forgotten."""


@dataclass
class _Change:
    """What a stroke replaced: enough to take it back, or to do it again by swapping."""

    left: int
    top: int
    content: Mask


def capsule(shape: tuple[int, int], start: Point, end: Point, radius: float) -> tuple[Box, Mask]:
    """The pixels whose centers lie within ``radius`` of the segment from ``start`` to ``end``.

    Points are in picture coordinates. Returns the bounding box (left, top, right, bottom) and the
    boolean coverage in it, as uint8. The pixel under each end is always covered, so the
    thinnest brush still paints.
    """
    height, width = shape
    left = max(math.floor(min(start[0], end[0]) - radius), 0)
    top = max(math.floor(min(start[1], end[1]) - radius), 0)
    right = min(math.ceil(max(start[0], end[0]) + radius) + 1, width)
    bottom = min(math.ceil(max(start[1], end[1]) + radius) + 1, height)
    if right <= left or bottom <= top:
        return (0, 0, 0, 0), np.zeros((0, 0), np.uint8)
    x = np.arange(left, right) + 0.5 - start[0]
    y = (np.arange(top, bottom) + 0.5 - start[1])[:, None]
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = dx * dx + dy * dy
    along = np.clip((x * dx + y * dy) / length, 0.0, 1.0) if length else np.zeros((1, 1))
    covered = (x - along * dx) ** 2 + (y - along * dy) ** 2 <= radius * radius
    for px, py in (start, end):
        column, row = math.floor(px) - left, math.floor(py) - top
        if 0 <= column < right - left and 0 <= row < bottom - top:
            covered[row, column] = True
    return (left, top, right, bottom), covered.astype(np.uint8)


class MaskCanvas:
    """The mask with its history. Every method that paints returns the box it may have changed."""

    def __init__(self, width: int, height: int) -> None:
        self.array: Mask = np.zeros((height, width), np.uint8)
        self._before: Mask | None = None
        self._touched: Box | None = None
        self._undo: list[_Change] = []
        self._redo: list[_Change] = []

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.array.shape[0]), int(self.array.shape[1])

    @property
    def can_undo(self) -> bool:
        """Whether there is a stroke to take back."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether a stroke that was taken back can be done again."""
        return bool(self._redo)

    def begin(self) -> None:
        """Start a stroke: what follows until `end` is one step of undo."""
        self._before = self.array.copy()
        self._touched = None

    def line(self, points: Sequence[Point], radius: float, erase: bool = False) -> Box:
        """Paint (or erase) a round brush along ``points``."""
        boxes = []
        for start, end in zip(points[:-1] or points, points[1:] or points, strict=True):
            box, covered = capsule(self.shape, start, end, radius)
            self._fill(box, covered, erase)
            boxes.append(box)
        return self._touch(boxes)

    def rectangle(self, start: Point, end: Point, erase: bool = False) -> Box:
        """Paint (or erase) every pixel that the rectangle between two corners touches."""
        height, width = self.shape
        left = max(math.floor(min(start[0], end[0])), 0)
        top = max(math.floor(min(start[1], end[1])), 0)
        right = min(math.floor(max(start[0], end[0])) + 1, width)
        bottom = min(math.floor(max(start[1], end[1])) + 1, height)
        box = (left, top, max(right, left), max(bottom, top))
        self.array[box[1] : box[3], box[0] : box[2]] = 0 if erase else PAINTED
        return self._touch([box])

    def end(self) -> bool:
        """Finish the stroke; True when it changed anything."""
        before, box = self._before, self._touched
        self._before = self._touched = None
        if before is None or box is None:
            return False
        left, top, right, bottom = box
        old = before[top:bottom, left:right]
        if np.array_equal(old, self.array[top:bottom, left:right]):
            return False
        self._undo.append(_Change(left, top, old.copy()))
        self._redo.clear()
        while len(self._undo) > 1 and sum(c.content.size for c in self._undo) > UNDO_BYTES:
            self._undo.pop(0)
        return True

    def replace(self, array: Mask) -> None:
        """Take ``array`` (H, W), nonzero where painted, as one step of undo."""
        self.begin()
        self.array[...] = np.where(array, np.uint8(PAINTED), np.uint8(0))
        self._touch([(0, 0, self.shape[1], self.shape[0])])
        self.end()

    def undo(self) -> bool:
        """Take back the last stroke; False when there is none."""
        return self._swap(self._undo, self._redo)

    def redo(self) -> bool:
        """Do again what was taken back last; False when there is nothing."""
        return self._swap(self._redo, self._undo)

    def discard(self) -> None:
        """Take back the last stroke for good."""
        if self.undo():
            self._redo.pop()

    def _swap(self, source: list[_Change], target: list[_Change]) -> bool:
        if not source:
            return False
        change = source.pop()
        height, width = change.content.shape
        region = self.array[change.top : change.top + height, change.left : change.left + width]
        target.append(_Change(change.left, change.top, region.copy()))
        region[...] = change.content
        return True

    def _fill(self, box: Box, covered: Mask, erase: bool) -> None:
        left, top, right, bottom = box
        self.array[top:bottom, left:right][covered.view(bool)] = 0 if erase else PAINTED

    def _touch(self, boxes: list[Box]) -> Box:
        real = [box for box in boxes if box[2] > box[0] and box[3] > box[1]]
        if not real:
            return (0, 0, 0, 0)
        union = _union(real)
        self._touched = _union([union, self._touched]) if self._touched else union
        return union


def _union(boxes: list[Box]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
