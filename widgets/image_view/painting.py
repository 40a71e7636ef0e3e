"""The tools that paint a mask on the stage: what is held, what is being drawn, what is kept."""

from __future__ import annotations

from typing import Literal, get_args

from PySide6.QtCore import QObject, Signal

from widgets.image_view.mask import Box, Mask, MaskCanvas, Point

Tool = Literal["brush", "eraser", "rectangle"]
TOOLS: tuple[Tool, ...] = get_args(Tool)
SMALLEST, LARGEST = 0.5, 500.0
"""Bounds of the brush radius in picture pixels."""


class Painting(QObject):
    """A mask of the size of the picture and the tool that changes it.

    Points are in picture coordinates. The mask is made when it is first needed and dropped when
    a picture of another size comes.
    """

    strokeFinished = Signal(object, float, bool)
    rectangleFinished = Signal(object, bool)
    maskChanged = Signal()
    toolChanged = Signal(object)
    brushChanged = Signal(float)
    overlayChanged = Signal(object)
    """The box (left, top, right, bottom) to draw again, or None for all of it."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tool: Tool | None = None
        self.radius = 12.0
        self.corners: tuple[Point, Point] | None = None
        """The rectangle being drawn."""
        self._canvas: MaskCanvas | None = None
        self._stroke: list[Point] = []
        self._erasing = False

    def set_size(self, width: int, height: int) -> None:
        """Paint on pictures of that size from now on."""
        if self._canvas is not None and self._canvas.shape == (height, width):
            return
        had = self._canvas is not None and bool(self._canvas.array.any())
        self._canvas = MaskCanvas(width, height) if width and height else None
        self._stroke, self.corners = [], None
        if had:
            self.maskChanged.emit()
            self.overlayChanged.emit(None)

    def set_tool(self, tool: Tool | None) -> None:
        """Take a tool in hand, or none; ValueError for one that does not exist."""
        if tool is not None and tool not in TOOLS:
            raise ValueError(f"tool {tool!r}: allowed are None, {', '.join(TOOLS)}")
        if tool != self.tool:
            self.cancel()
            self.tool = tool
            self.toolChanged.emit(tool)

    def set_radius(self, radius: float) -> None:
        """Radius of brush and eraser in picture pixels, cut to 0.5..500."""
        radius = min(max(radius, SMALLEST), LARGEST)
        if radius != self.radius:
            self.radius = radius
            self.brushChanged.emit(radius)

    @property
    def drawing(self) -> bool:
        """Whether a stroke or a rectangle is under way."""
        return bool(self._stroke) or self.corners is not None

    @property
    def canvas(self) -> MaskCanvas | None:
        """The mask with its history, None while there is no picture."""
        return self._canvas

    def visible(self) -> Mask | None:
        """The mask to be drawn over the pictures, None when nothing is painted."""
        return self._canvas.array if self._canvas is not None and self._canvas.array.any() else None

    def mask(self) -> Mask | None:
        """A copy of the mask (H, W): 255 where painted, else 0; None while there is no picture."""
        return self._canvas.array.copy() if self._canvas is not None else None

    def set_mask(self, array: Mask | None) -> None:
        """Replace the mask, nonzero where painted, as one step of undo; None clears it."""
        if self._canvas is None:
            if array is None:
                return
            raise ValueError("mask: there is no picture to paint on yet")
        if array is not None and array.shape != self._canvas.shape:
            raise ValueError(f"mask: shape {self._canvas.shape} expected, got {array.shape}")
        blank = MaskCanvas(self._canvas.shape[1], self._canvas.shape[0]).array
        self._canvas.replace(blank if array is None else array)
        self._changed()

    def press(self, at: Point, erase: bool) -> None:
        """Begin to draw at a point; ``erase`` turns brush and rectangle into their opposite."""
        if self._canvas is None or self.tool is None:
            return
        self._erasing = erase or self.tool == "eraser"
        if self.tool == "rectangle":
            self.corners = (at, at)
            return
        self._canvas.begin()
        self._stroke = [at]
        self._line(self._stroke)

    def move(self, at: Point) -> None:
        """Go on to a point."""
        if self.corners is not None:
            self.corners = (self.corners[0], at)
            self.overlayChanged.emit(None)
        elif self._stroke and at != self._stroke[-1]:
            self._stroke.append(at)
            self._line(self._stroke[-2:])

    def release(self) -> None:
        """Finish: the stroke becomes one step of undo and is announced."""
        if self._canvas is None:
            return
        points, corners = self._stroke, self.corners
        self._stroke, self.corners = [], None
        if corners is not None:
            self._canvas.begin()
            self._canvas.rectangle(*corners, erase=self._erasing)
        elif not points:
            return
        changed = self._canvas.end()
        if corners is not None:
            self.rectangleFinished.emit(list(corners), self._erasing)
        else:
            self.strokeFinished.emit(points, self.radius, self._erasing)
        if changed:
            self.maskChanged.emit()
        self.overlayChanged.emit(None)

    def cancel(self) -> None:
        """Drop what is being drawn as if it had not begun."""
        if self._stroke and self._canvas is not None and self._canvas.end():
            self._canvas.discard()
        drawn = self.drawing
        self._stroke, self.corners = [], None
        if drawn:
            self.overlayChanged.emit(None)

    def undo(self) -> bool:
        """Take the last stroke back; False when there is none."""
        return self._canvas is not None and self._canvas.undo() and self._changed()

    def redo(self) -> bool:
        """Do the stroke again that was taken back last; False when there is none."""
        return self._canvas is not None and self._canvas.redo() and self._changed()

    def _line(self, points: list[Point]) -> None:
        assert self._canvas is not None
        box: Box = self._canvas.line(points, self.radius, self._erasing)
        self.overlayChanged.emit(box)

    def _changed(self) -> bool:
        self.maskChanged.emit()
        self.overlayChanged.emit(None)
        return True
