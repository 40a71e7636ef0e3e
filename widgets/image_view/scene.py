"""The stage drawn as a whole, on the screen and for what is copied or saved of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from widgets import theme
from widgets.image_view import drawing
from widgets.image_view.layer import Layer, NumbersLayer, Pixels
from widgets.image_view.model import StageModel
from widgets.image_view.panes import Pane
from widgets.image_view.viewport import Placement


@dataclass
class Scene:
    """Everything that decides how the stage looks at one moment."""

    model: StageModel
    panes: Sequence[Pane]
    placements: Sequence[Placement]
    ratio: float
    wipe: float
    """Share of a pane, 0..1, left of the border between the two pictures of a wipe."""
    mask: Pixels | None = None
    mask_color: QColor | None = None
    note: str = ""
    """A quiet line at the foot, such as what is being prepared."""
    labels: bool = True
    """Whether titles and scales are written on the pictures."""
    crisp: bool = False
    """Whether pixels are seen as squares as soon as they are enlarged."""

    def paint(self, painter: QPainter, dirty: QRect) -> None:
        """Paint pictures, mask, labels and wipe line within ``dirty``."""
        painter.fillRect(dirty, theme.color("stage"))
        for pane, placement in zip(self.panes, self.placements, strict=True):
            area = QRect(pane.left, pane.top, pane.width, pane.height)
            self._content(painter, pane, placement, area.intersected(dirty))
            if self.labels:
                self._labels(painter, pane, QRectF(area))
        whole = QRectF(dirty) if not self.panes else _union(self.panes)
        if self.note:
            corner = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom
            drawing.draw_chip(painter, self.note, whole, corner, self.ratio)

    def _content(self, painter: QPainter, pane: Pane, placement: Placement, clip: QRect) -> None:
        if clip.isEmpty():
            return
        model, frame = self.model, self.model.frame
        pair, mode = model.compared(pane.key), model.effective_mode()
        border = pane.border(self.wipe)
        if mode == "wipe" and pair is not None:
            left = QRect(clip.left(), clip.top(), border - clip.left(), clip.height())
            right = QRect(border, clip.top(), clip.left() + clip.width() - border, clip.height())
            for layer, part in zip(pair, (left, right), strict=True):
                visible = part.intersected(clip)
                if not visible.isEmpty():
                    drawing.draw_layer(painter, layer, frame, placement, visible, self.ratio)
        elif mode == "difference" and pair is not None:
            scale = model.difference_scale()
            drawing.draw_difference(
                painter, pair, frame, placement, clip, self.ratio, model.kind, scale
            )
        else:
            layer, crisp = model.layers[pane.key], self.crisp
            drawing.draw_layer(painter, layer, frame, placement, clip, self.ratio, crisp=crisp)
        if self.mask is not None and self.mask_color is not None:
            drawing.draw_mask(painter, self.mask, placement, clip, self.mask_color)
        if mode == "wipe":
            drawing.draw_wipe_line(painter, border, pane.top, pane.height)

    def _labels(self, painter: QPainter, pane: Pane, area: QRectF) -> None:
        pair, mode = self.model.compared(pane.key), self.model.effective_mode()
        top, ratio = Qt.AlignmentFlag.AlignTop, self.ratio
        left, right = top | Qt.AlignmentFlag.AlignLeft, top | Qt.AlignmentFlag.AlignRight
        if mode == "wipe" and pair is not None and self.model.rivals:
            # Narrow panes: the name of each counts, the other side is the same in all of them.
            drawing.draw_chip(painter, pair[1].title, area, right, ratio)
        elif mode == "wipe" and pair is not None:
            half = QRectF(area.left(), area.top(), area.width() / 2, area.height())
            drawing.draw_chip(painter, pair[0].title, half, left, ratio)
            half.moveLeft(area.center().x())
            drawing.draw_chip(painter, pair[1].title, half, right, ratio)
        elif mode == "difference" and pair is not None:
            drawing.draw_chip(painter, self._difference_title(pair), area, left, ratio)
            scale = self.model.difference_scale()
            drawing.draw_scale(painter, area, self.model.kind, scale)
        else:
            layer = self.model.layers[pane.key]
            drawing.draw_chip(painter, layer.title, area, left, ratio)
            if isinstance(layer, NumbersLayer):
                drawing.draw_scale(painter, area, layer.kind, layer.end, layer.unit)

    def _difference_title(self, pair: tuple[Layer, Layer]) -> str:
        title = f"{pair[1].title} − {pair[0].title}"
        return title if self.model.kind == "signed" else f"|{title}|"


def _union(panes: Sequence[Pane]) -> QRectF:
    right = max(pane.left + pane.width for pane in panes)
    bottom = max(pane.top + pane.height for pane in panes)
    return QRectF(QPointF(0, 0), QPointF(right, bottom))
