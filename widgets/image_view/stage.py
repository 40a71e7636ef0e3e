"""The stage: pictures that are compared, zoomed, painted on and updated live."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QEnterEvent,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from widgets import theme, tokens
from widgets.image_view import difference, drawing, export
from widgets.image_view.layer import Numbers, Pixels
from widgets.image_view.mask import Mask
from widgets.image_view.menu import show_menu
from widgets.image_view.model import MODES, Mode
from widgets.image_view.painting import Tool
from widgets.image_view.pointer import Pointer
from widgets.image_view.pointing import Pointing
from widgets.image_view.surface import StageSurface


class ImageStage(StageSurface):
    """Shows up to six pictures of one scene as a wipe, side by side, or as their difference.

    Pictures are uint8 arrays (height, width, 3), handed over by key with `set_picture` as often
    as wanted: the newest is shown, at most once per refresh of the screen. Coordinates in signals
    count pixels of the largest picture, with (0, 0) the outer corner of its first pixel.

    Mouse: wheel or pinch zooms about the cursor, drag moves, double-click switches between fit and
    100 %. Keys: + and − zoom, 0 fits, 1 is 100 %, arrows move, space shows the original while held.
    With a tool in hand: Shift erases, Shift and wheel or [ and ] change the size of the brush.
    On pictures that can be pointed at, drag and arrows move the point instead.
    """

    modeChanged = Signal(str)
    pointed = Signal(str, str, float, float, int)
    """Key, phase (``press``, ``move``, ``release``), x and y in pixels of that picture, and clicks:
    2 for the second press of a double click."""
    nudged = Signal(str, float, float)
    """Key, and how far arrow keys want the point to go, in pixels of that picture."""
    strokeFinished = Signal(object, float, bool)
    """Points [(x, y), …] and radius in picture pixels, and whether the stroke erased."""
    rectangleFinished = Signal(object, bool)
    """Two opposite corners [(x, y), (x, y)], and whether it erased."""
    maskChanged = Signal()
    toolChanged = Signal(object)
    brushChanged = Signal(float)
    sampleChosen = Signal(str)
    openRequested = Signal()
    failed = Signal(str)
    """One line that says what could not be saved, and why."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pointer = Pointer(self)
        self.pointing = Pointing(self)
        self.pointing.pointed.connect(self.pointed)
        self.pointing.nudged.connect(self.nudged)
        self._shows_focus = False
        self._empty.sampleChosen.connect(self.sampleChosen)
        self._empty.openRequested.connect(self.openRequested)
        self.painting.strokeFinished.connect(self.strokeFinished)
        self.painting.rectangleFinished.connect(self.rectangleFinished)
        self.painting.maskChanged.connect(self.maskChanged)
        self.painting.toolChanged.connect(self.toolChanged)
        self.painting.brushChanged.connect(self.brushChanged)
        self.rearrange()

    # Pictures.

    def set_picture(self, key: str, array: Pixels | None, title: str | None = None) -> None:
        """Show ``array`` (H, W, 3) uint8 under ``key``; None takes that picture away.

        The array is borrowed, not copied: hand over a new one for the next frame. Without a title
        the picture keeps its last one. Raises ValueError for another type or shape.
        """
        model = self.model
        before = self._arranged()
        if array is None:
            model.layers.pop(key, None)
        else:
            model.put(key, array, title)
        self._shown_anew(before)

    def set_numbers(
        self, key: str, array: Numbers, title: str, *, unit: str = "", signed: bool = False
    ) -> None:
        """Show numbers (H, W) under ``key`` in false colors, with a scale that says what they mean.

        The scale follows the numbers, and their unit stands beside it. The array is borrowed as a
        picture's is. Raises ValueError for another type or shape.
        """
        before = self._arranged()
        self.model.put_numbers(key, array, title, unit, "signed" if signed else "absolute")
        self._shown_anew(before)

    def _arranged(self) -> tuple[object, ...]:
        return self.model.frame, self.model.pane_keys(), self.model.effective_mode()

    def _shown_anew(self, before: tuple[object, ...]) -> None:
        if self._arranged() != before:
            self.rearrange()
        else:
            self._limiter.request()
            self._read()

    def picture(self, key: str) -> Pixels:
        """The picture last handed over under ``key``, numbers in their colors; KeyError if none."""
        return self.model.layers[key].pixels

    def keys(self) -> list[str]:
        """Keys of all pictures in the order they came."""
        return list(self.model.layers)

    def set_title(self, key: str, title: str) -> None:
        """Change the label of a picture."""
        self.model.layers[key].title = title
        self._limiter.request()

    def clear(self) -> None:
        """Take all pictures and the mask away; the stage invites to open one."""
        self.model.layers.clear()
        self.rearrange()

    def set_note(self, text: str) -> None:
        """A quiet line at the foot of the stage; empty for none."""
        if text != self._note:
            self._note = text
            self.rearrange()

    def note(self) -> str:
        """What the quiet line says."""
        return self._note

    def set_warming(self, on: bool) -> None:
        """Say that the first picture is being prepared, or stop saying it."""
        self.set_note(self.tr("Warming up …") if on else "")

    def set_empty(self, text: str = "", samples: Sequence[tuple[str, str, object]] = ()) -> None:
        """What the empty stage says, and samples (key, title, uint8 array) it offers."""
        self._empty.set_text(text)
        self._empty.set_samples(samples)

    # What is seen.

    def set_pair(self, left: str, right: str) -> None:
        """The two pictures of wipe and difference, by key; they may arrive later."""
        self.model.pair = (left, right)
        self.rearrange()

    def set_side(self, keys: Sequence[str] | None) -> None:
        """Two to six pictures for side by side; None for the pair."""
        self.model.side = list(keys) if keys is not None else None
        self.rearrange()

    def set_rivals(self, keys: Sequence[str]) -> None:
        """Pictures that wipe and difference compare with the left of the pair, each in a pane of
        its own, all under one zoom and one wipe; none of them for the pair alone.
        """
        self.model.rivals = list(keys)
        self.rearrange()

    def set_scene(self, keys: Sequence[str] | None) -> None:
        """The pictures that show the same scene, over each other; any other is seen alone."""
        self.model.scene = None if keys is None else frozenset(keys)
        self.rearrange()

    def set_single(self, key: str | None) -> None:
        """The picture of the mode "single"; None for the right one of the pair."""
        self.model.single = key
        self.rearrange()

    def set_original(self, key: str | None) -> None:
        """The picture seen while the space bar is held; None for the left one of the pair."""
        self.model.original = key

    def show_original(self, on: bool) -> None:
        """Show the original alone, as holding the space bar does."""
        if on != self.model.peeking:
            self.model.peeking = on
            self.rearrange()

    def mode(self) -> Mode:
        """The mode asked for; with too few pictures for it one is shown alone."""
        return self.model.mode

    def set_mode(self, mode: Mode) -> None:
        """Choose "single", "wipe", "side" or "difference"."""
        if mode not in MODES:
            raise ValueError(f"mode {mode!r}: allowed are {', '.join(MODES)}")
        if mode != self.model.mode:
            self.model.mode = mode
            self.rearrange()
            self.modeChanged.emit(mode)

    def set_difference(self, kind: difference.Kind = "signed", scale: float | None = None) -> None:
        """Signed or absolute difference; ``scale`` in (0, 1] is its full scale, None automatic."""
        if kind not in ("signed", "absolute"):
            raise ValueError(f"difference kind {kind!r}: allowed are signed, absolute")
        if scale is not None and not 0 < scale <= 1:
            raise ValueError(f"difference scale {scale}: allowed is above 0 up to 1")
        self.model.kind, self.model.fixed_scale = kind, scale
        self.update()

    def set_titled(self, on: bool) -> None:
        """Write the titles on the pictures, or leave that to what stands around the stage."""
        self._titled = on
        self.update()

    def set_crisp(self, on: bool) -> None:
        """Show enlarged pixels as squares from 100 % on, not only from 200 % on."""
        self._crisp = on
        self.update()

    def set_pointable(self, keys: Iterable[str]) -> None:
        """The pictures on which press and drag mean a place in them; ``pointed`` tells it."""
        self.pointing.set_keys(keys)
        self.update_cursor(self._cursor_at)

    # Masks.

    def tool(self) -> Tool | None:
        """The tool in hand."""
        return self.painting.tool

    def set_tool(self, tool: Tool | None) -> None:
        """Take "brush", "eraser" or "rectangle" in hand, or None to move the picture again."""
        self.painting.set_tool(tool)
        self.update_cursor(self._cursor_at)
        self.update()

    def brush(self) -> float:
        """Radius of brush and eraser in picture pixels."""
        return self.painting.radius

    def set_brush(self, radius: float) -> None:
        """Change the radius of brush and eraser, in picture pixels, cut to 0.5..500."""
        self.painting.set_radius(radius)
        self.update()

    def mask(self) -> Mask | None:
        """A copy of the mask (H, W) uint8: 255 where painted, else 0; None without a picture."""
        return self.painting.mask()

    def set_mask(self, array: Mask | None) -> None:
        """Replace the mask as one step of undo, nonzero where painted; None clears it."""
        self.painting.set_mask(array)

    def set_mask_shown(self, on: bool) -> None:
        """Draw the mask over the pictures, or only while a tool is in hand."""
        if on != self._mask_shown:
            self._mask_shown = on
            self.update()

    def undo_stroke(self) -> bool:
        """Take back the last stroke; False when there is none."""
        return self.painting.undo()

    def redo_stroke(self) -> bool:
        """Do again the stroke taken back last; False when there is none."""
        return self.painting.redo()

    # Out of the stage.

    def image(self, what: str | Literal["view"] = "view") -> QImage:
        """What is seen ("view"), or the whole picture of a key, bit for bit."""
        if what == "view":
            return self.render_image()
        return export.image_of(self.picture(what))

    def copy(self, what: str = "view") -> None:
        """Put what is seen, or the whole picture of a key, on the clipboard."""
        export.copy_image(self.image(what))

    def save(self, path: str | Path, what: str = "view") -> None:
        """Write what is seen, or the whole picture of a key; PNG keeps every bit.

        Raises ValueError for an unknown ending, KeyError for an unknown key and OSError when the
        file cannot be written.
        """
        export.save_image(self.image(what), path)

    # Events.

    def update_cursor(self, at: QPointF | None) -> None:
        """Show by the cursor what a press would do here."""
        shape = Qt.CursorShape.ArrowCursor
        if self._pointer.dragging == "pan":
            shape = Qt.CursorShape.ClosedHandCursor
        elif self.tool() in ("brush", "eraser"):
            shape = Qt.CursorShape.BlankCursor
        elif self.tool() == "rectangle":
            shape = Qt.CursorShape.CrossCursor
        elif self._pointer.dragging == "wipe" or (at is not None and self._pointer.near_wipe(at)):
            shape = Qt.CursorShape.SplitHCursor
        elif self._pointer.dragging == "point" or (at is not None and self.pointing.takes(at)):
            shape = Qt.CursorShape.SizeAllCursor
        elif self.camera.panes and not self.is_fitting():
            shape = Qt.CursorShape.OpenHandCursor
        if self.cursor().shape() != shape:
            self.setCursor(shape)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Pictures and labels, then what follows the cursor, then the rounded corners."""
        painter = QPainter(self)
        if self._empty.isVisible():
            painter.fillRect(event.rect(), theme.color("surface"))
        else:
            painter.setFont(self.label_font())
            self._scene(self.devicePixelRatioF()).paint(painter, event.rect())
            self._paint_tool(painter)
            self._paint_reading(painter)
        if self._shows_focus:
            self._paint_focus(painter)
        area = QRectF(self.rect())
        drawing.round_corners(painter, area, tokens.RADIUS_CARD, theme.color("window"))

    def _paint_focus(self, painter: QPainter) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("accent"), 2))
        area = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.drawRoundedRect(area, tokens.RADIUS_CARD - 1, tokens.RADIUS_CARD - 1)
        painter.restore()

    def _paint_tool(self, painter: QPainter) -> None:
        if self.painting.corners is not None:
            painter.save()
            painter.setPen(QPen(theme.color("accent"), 1.5, Qt.PenStyle.DashLine))
            for index in range(len(self.camera.panes)):
                first, second = (self.to_stage(*c, index) for c in self.painting.corners)
                painter.drawRect(QRectF(first, second).normalized())
            painter.restore()
        if self._cursor_at is None or self._reading is None:
            return
        here = self.camera.pane_at(self._cursor_at.x(), self._cursor_at.y())
        for pane, mark in zip(self.camera.panes, self._marks(self._cursor_at), strict=False):
            if self.tool() in ("brush", "eraser"):
                drawing.draw_ring(painter, mark, max(self.ring_radius(), 1.5))
            elif pane is not here:
                drawing.draw_cross(painter, mark)

    def _paint_reading(self, painter: QPainter) -> None:
        """The 0..255 values of the pixel under the cursor, in every pane for its own picture."""
        if self._reading is None or self._cursor_at is None or self._pointer.dragging != "none":
            return
        if self._reading.key in self.pointing.keys:
            # There the place counts, not the color.
            return
        x, y = self.to_picture(self._cursor_at)
        corner = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom
        for pane in self.camera.panes:
            alone = len(self.camera.panes) == 1
            reading = self._reading if alone else self.model.reading(pane.key, x, y)
            if reading is not None:
                area, ratio = self.reading_area(pane), self.devicePixelRatioF()
                drawing.draw_chip(painter, reading.text_255(), area, corner, ratio)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit again, or go on looking at the same middle."""
        self.rearrange()
        super().resizeEvent(event)

    def event(self, event: QEvent) -> bool:
        """Pinches, screens of another density, and keys that a window's shortcut has, too."""
        kind = event.type()
        if kind in (QEvent.Type.Gesture, QEvent.Type.NativeGesture):
            return self._pointer.gesture(event) or super().event(event)
        if kind == QEvent.Type.DevicePixelRatioChange:
            self.rearrange()
        elif (
            kind == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and self._pointer.wants(event)
        ):
            event.accept()
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to move, wipe or paint."""
        if not self.camera.panes or not self._pointer.press(event):
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with what a press began, and read the pixel."""
        if self.camera.panes:
            self._pointer.move(event)
            self.update_cursor(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Finish it."""
        self._pointer.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Between fit and 100 %."""
        if self.camera.panes:
            self._pointer.double_click(event)
        else:
            self.openRequested.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom about the cursor."""
        if self.camera.panes:
            self._pointer.wheel(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """The cursor has come."""
        self.hover(event.position())

    def leaveEvent(self, event: QEvent) -> None:
        """The cursor has left."""
        self.hover(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom, move, undo, copy, show the original."""
        if not self._pointer.key(event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Back from the original."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.show_original(False)
        else:
            super().keyReleaseEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Say where the keys go to those who came by key; a click needs no frame."""
        self._shows_focus = event.reason() in (
            Qt.FocusReason.TabFocusReason,
            Qt.FocusReason.BacktabFocusReason,
            Qt.FocusReason.ShortcutFocusReason,
        )
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """A key that is released elsewhere must not leave the original on."""
        self._shows_focus = False
        self.show_original(False)
        super().focusOutEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """What can be copied, saved and shown."""
        show_menu(self, event.globalPos())
