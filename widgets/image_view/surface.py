"""The widget under the stage: layout, zoom, wipe and painting of what a `StageModel` holds."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QImage, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import theme
from widgets.image_view.camera import Camera
from widgets.image_view.empty import EmptyState
from widgets.image_view.handle import STEPS, WipeHandle
from widgets.image_view.layer import NumbersLayer
from widgets.image_view.model import Reading, StageModel
from widgets.image_view.pacing import RepaintLimiter
from widgets.image_view.painting import Painting
from widgets.image_view.panes import Pane
from widgets.image_view.scene import Scene
from widgets.image_view.viewport import Placement

OVERLAY_ALPHA = 0.45
"""Opacity of the painted mask over a picture."""
READING_WIDTH, READING_HEIGHT = 260, 80
"""The area at the lower left of a pane in which the values of a pixel are shown."""


class StageSurface(QWidget):
    """Shows a model through a camera; what a person can do is added by `ImageStage`."""

    pixelHovered = Signal(int, int, object)
    """Column and row of the pixel under the cursor, and its (red, green, blue) in 0..1."""
    readingChanged = Signal(object)
    """The same as a `Reading` with title and 0..255 values, or None when the cursor has left."""
    viewChanged = Signal()
    """Zoom or position changed."""
    wipeMoved = Signal(float)
    """Share of a pane, 0..1, left of the wipe."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = StageModel()
        self.camera = Camera()
        self.painting = Painting(self)
        self._note = ""
        self._titled, self._crisp = True, False
        self._mask_shown = True
        self._wipe = 0.5
        self._cursor_at: QPointF | None = None
        self._reading: Reading | None = None
        self._limiter = RepaintLimiter(self)
        self._handle = WipeHandle(self)
        self._handle.hide()
        self._handle.dragged.connect(self.drag_wipe)
        self._handle.valueChanged.connect(self._handle_moved)
        self._empty = EmptyState(self)
        self.painting.overlayChanged.connect(self._overlay_changed)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName(self.tr("Picture"))
        self.grabGesture(Qt.GestureType.PinchGesture)
        theme.changed.connect(self._theme_changed)

    def sizeHint(self) -> QSize:
        """The size in the first arrangement of the window."""
        return QSize(668, 460)

    def minimumSizeHint(self) -> QSize:
        """The smallest size at which labels and handle can be used."""
        return QSize(200, 160)

    # Zoom and position.

    def zoom(self) -> float:
        """Device pixels per picture pixel: 1.0 is 100 %."""
        return self.camera.zoom

    def fit(self) -> None:
        """Show the whole picture, and go on doing so when the stage is resized."""
        self._looked(self.camera.fit())

    def is_fitting(self) -> bool:
        """Whether the whole picture is shown at any size of the stage."""
        return self.camera.fitting

    def zoom_100(self) -> None:
        """One picture pixel per device pixel, about the middle."""
        self.set_zoom(1.0)

    def set_zoom(self, zoom: float, at: QPointF | None = None) -> None:
        """Zoom to ``zoom`` device pixels per picture pixel about a point of the stage."""
        self.zoom_by(zoom / self.camera.zoom, at)

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom about ``at`` (the middle without it), which goes on showing the same place."""
        self._looked(self.camera.zoom_by(factor, (at.x(), at.y()) if at is not None else None))

    def pan_by(self, dx: float, dy: float) -> None:
        """Move the picture by view pixels, as a drag does."""
        self._looked(self.camera.pan_by(dx, dy))

    def panes(self) -> list[Pane]:
        """The rectangles of the stage and the keys of what they show."""
        return list(self.camera.panes)

    def placement(self, pane: Pane) -> Placement:
        """Where the frame lies in a pane, exactly as it is drawn."""
        return self.camera.placement(pane)

    def to_picture(self, at: QPointF) -> tuple[float, float]:
        """Picture coordinates of a point of the stage; ValueError without a picture."""
        if not self.camera.panes:
            raise ValueError("the stage shows no picture")
        return self.placement(self.camera.pane_at(at.x(), at.y())).to_picture(at.x(), at.y())

    def to_stage(self, x: float, y: float, pane: int = 0) -> QPointF:
        """The point of the stage that shows a point of the picture, in the given pane."""
        return QPointF(*self.placement(self.camera.panes[pane]).to_view(x, y))

    # The wipe.

    def is_wiping(self) -> bool:
        """Whether a wipe is seen."""
        return self.model.effective_mode() == "wipe"

    def wipe(self) -> float:
        """Share of a pane, 0..1, left of the wipe; it is the same in all panes."""
        return self._wipe

    def wipe_x(self, at: QPointF | None = None) -> float:
        """The border of the wipe in view pixels, in the pane under ``at``, else in the first."""
        if not self.camera.panes:
            return self._wipe * self.width()
        pane = self.camera.pane_at(at.x(), at.y()) if at is not None else self.camera.panes[0]
        return pane.left + self._wipe * pane.width

    def set_wipe(self, share: float) -> None:
        """Move the wipe; values beyond 0..1 are cut."""
        share = min(max(share, 0.0), 1.0)
        if share == self._wipe:
            return
        before, self._wipe = self._wipe, share
        self._place_handle()
        if self.is_wiping():
            for pane in self.camera.panes:
                low, high = sorted((pane.border(before), pane.border(share)))
                self.update(QRect(low - 4, pane.top, high - low + 9, pane.height))
        self.wipeMoved.emit(share)

    def drag_wipe(self, x: float, at: QPointF | None = None) -> None:
        """Move the wipe to view x in the pane under ``at``, else in the first."""
        if self.camera.panes:
            pane = self.camera.pane_at(at.x(), at.y()) if at is not None else self.camera.panes[0]
            self.set_wipe((x - pane.left) / pane.width)

    def _handle_moved(self, value: int) -> None:
        # The stage keeps the exact share; the slider rounds it to its steps.
        if value != round(self._wipe * STEPS):
            self.set_wipe(value / STEPS)

    def _place_handle(self) -> None:
        self._handle.setValue(round(self._wipe * STEPS))
        edge = self._handle.width()
        left = round(self.wipe_x() - edge / 2)
        left = min(max(left, 0), max(self.width() - edge, 0))
        height = self.camera.panes[0].height if self.camera.panes else self.height()
        self._handle.move(left, (height - edge) // 2)
        self._handle.setVisible(self.is_wiping())

    # What lies under the cursor.

    def key_at(self, at: QPointF) -> str | None:
        """Key of the picture under a point of the stage."""
        if not self.camera.panes:
            return None
        pane = self.camera.pane_at(at.x(), at.y())
        pair = self.model.compared(pane.key)
        if self.is_wiping() and pair is not None:
            return pair[0].key if at.x() < pane.border(self._wipe) else pair[1].key
        return pane.key

    def reading_at(self, at: QPointF) -> Reading | None:
        """The pixel under a point of the stage; None beside the picture."""
        key = self.key_at(at)
        return self.model.reading(key, *self.to_picture(at)) if key is not None else None

    def hover(self, at: QPointF | None) -> None:
        """The cursor is at a point of the stage, or has left it."""
        for point in (self._cursor_at, at):
            if point is not None:
                self._update_marks(point)
        self._cursor_at = at
        if self._read():
            for pane in self.camera.panes:
                bottom = pane.top + pane.height
                self.update(pane.left, bottom - READING_HEIGHT, READING_WIDTH, READING_HEIGHT)

    def _read(self) -> bool:
        """Announce the pixel under the cursor if it is another or has another value."""
        reading = self.reading_at(self._cursor_at) if self._cursor_at is not None else None
        if reading == self._reading:
            return False
        self._reading = reading
        self.readingChanged.emit(reading)
        if reading is not None:
            self.pixelHovered.emit(reading.x, reading.y, reading.values)
        return True

    def reading_area(self, pane: Pane) -> QRectF:
        """Where in a pane values are read out: at its foot, above the quiet line or a scale."""
        below = bool(self._note) or isinstance(self.model.layers.get(pane.key), NumbersLayer)
        lifted = QFontMetrics(self.label_font()).height() + 12 if below else 0
        return QRectF(pane.left, pane.top, pane.width, pane.height - lifted)

    def _marks(self, at: QPointF) -> list[QPointF]:
        """The cursor in every pane: where it is, and the same place in the others."""
        panes = self.camera.panes
        if len(panes) < 2 and self.painting.tool is None:
            return []
        x, y = self.to_picture(at) if panes else (0.0, 0.0)
        return [self.to_stage(x, y, index) for index in range(len(panes))]

    def ring_radius(self) -> float:
        """Radius of the brush in view pixels."""
        return self.painting.radius * self.camera.view.scale

    def _update_marks(self, at: QPointF) -> None:
        reach = int(max(self.ring_radius() if self.painting.tool else 0, 8)) + 4
        for mark in self._marks(at):
            corner = mark.toPoint()
            self.update(corner.x() - reach, corner.y() - reach, 2 * reach, 2 * reach)

    # Drawing.

    def rearrange(self) -> None:
        """Lay panes, handle and invitation out anew after a change of pictures, mode or size."""
        keys, frame = self.model.pane_keys(), self.model.frame
        self.painting.set_size(*frame)
        before = self.camera.view
        self.camera.arrange(keys, frame, self.width(), self.height(), self.devicePixelRatioF())
        self._place_handle()
        self._empty.setGeometry(self.rect())
        self._empty.setVisible(not self.model.layers and not self._note)
        self.setAccessibleDescription(self._description())
        self._limiter.request()
        if self.camera.view != before:
            self.viewChanged.emit()
        self._read()

    def _description(self) -> str:
        """What is seen, in words for those who do not see it."""
        pair, mode = self.model.compared(), self.model.effective_mode()
        if not self.model.layers:
            return self.tr("No picture yet")
        rivals = ", ".join(self.model.layers[key].title for key in self.model.rivals)
        if pair is not None and mode == "wipe":
            text = self.tr("{left} at the left and {right} at the right of a border")
            return text.format(left=pair[0].title, right=rivals or pair[1].title)
        if pair is not None and mode == "difference":
            text = self.tr("Difference of {right} and {left}")
            return text.format(left=pair[0].title, right=rivals or pair[1].title)
        return ", ".join(self.model.layers[key].title for key in self.model.pane_keys())

    def render_image(self, ratio: float | None = None) -> QImage:
        """What is seen, without handle and cursor, at ``ratio`` device pixels per view pixel."""
        ratio = ratio or self.devicePixelRatioF()
        image = QImage(self.size() * ratio, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        painter = QPainter(image)
        painter.setFont(self.label_font())
        self._scene(ratio).paint(painter, self.rect())
        painter.end()
        return image

    def label_font(self) -> QFont:
        """The font of labels on pictures."""
        return theme.font(12)

    def _scene(self, ratio: float) -> Scene:
        panes = self.camera.panes
        return Scene(
            model=self.model,
            panes=panes,
            placements=[self.camera.placement(pane) for pane in panes],
            ratio=ratio,
            wipe=self._wipe,
            mask=self.painting.visible() if self._draws_mask() else None,
            mask_color=theme.color("accent", OVERLAY_ALPHA),
            note=self._note,
            labels=self._titled,
            crisp=self._crisp,
        )

    def _draws_mask(self) -> bool:
        return self._mask_shown or self.painting.tool is not None

    def _looked(self, changed: bool) -> None:
        if changed:
            self._limiter.request()
            self.viewChanged.emit()
            self._read()

    def _overlay_changed(self, box: tuple[int, int, int, int] | None) -> None:
        if box is None:
            self.update()
            return
        for pane in self.camera.panes:
            placement = self.placement(pane)
            left, top = placement.to_view(box[0], box[1])
            right, bottom = placement.to_view(box[2], box[3])
            area = QRect(int(left) - 2, int(top) - 2, int(right - left) + 5, int(bottom - top) + 5)
            self.update(area.intersected(self.rect()))

    def _theme_changed(self, _theme: object) -> None:
        self.update()
