"""Painting of pictures, masks, labels and scales with QPainter, in view pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPainterPath, QPen

from widgets.image_view import difference
from widgets.image_view.layer import Layer, Pixels, image_of_words
from widgets.image_view.viewport import Placement

INSET = 12
"""View pixels between a label and the edge of its pane."""
CHIP = QColor(11, 14, 18, 184)
"""Ground of labels that lie on a picture; white text on it reaches 4.5:1 even over white."""
CHIP_TEXT = QColor(255, 255, 255)
BAR, SHORT_BAR = 96, 40
"""Length of the colors of a scale, and where there is little room."""


@dataclass(frozen=True)
class Crop:
    """The part of an image that is visible: whole source pixels, and where they go."""

    left: int
    top: int
    right: int
    bottom: int
    target: QRectF


def visible_crop(
    size: tuple[int, int], frame: tuple[int, int], placement: Placement, clip: QRect
) -> Crop | None:
    """Which pixels of an image stretched over ``frame`` are seen through ``clip``.

    Only these are handed to Qt: its fixed-point scaling overflows for targets much larger than a
    screen. Two pixels more than needed are taken so that smooth scaling has its neighbors.
    """
    width, height = size
    step_x = frame[0] * placement.scale / width
    step_y = frame[1] * placement.scale / height
    left = max(math.floor((clip.left() - placement.x) / step_x) - 2, 0)
    top = max(math.floor((clip.top() - placement.y) / step_y) - 2, 0)
    right = min(math.ceil((clip.left() + clip.width() - placement.x) / step_x) + 2, width)
    bottom = min(math.ceil((clip.top() + clip.height() - placement.y) / step_y) + 2, height)
    if right <= left or bottom <= top:
        return None
    target = QRectF(
        placement.x + left * step_x,
        placement.y + top * step_y,
        (right - left) * step_x,
        (bottom - top) * step_y,
    )
    return Crop(left, top, right, bottom, target)


def _is_smooth(zoom: float, largest: float = 2.0) -> bool:
    """Smooth below ``largest``, where pixels are not meant to be seen; copied as they are at 1."""
    return zoom <= largest and abs(zoom - 1.0) > 1e-6


def draw_layer(
    painter: QPainter,
    layer: Layer,
    frame: tuple[int, int],
    placement: Placement,
    clip: QRect,
    ratio: float,
    *,
    crisp: bool = False,
) -> None:
    """Draw the part of a picture that ``clip`` shows, from the halving that fits the zoom.

    A ``crisp`` one shows its pixels as squares from 100 % on, not only from 200 % on.
    """
    zoom = placement.scale * ratio * frame[0] / layer.width
    level = layer.level_for(zoom)
    image = layer.image(level)
    crop = visible_crop((image.width(), image.height()), frame, placement, clip)
    if crop is None:
        return
    smooth = _is_smooth(zoom * layer.width / image.width(), 1.0 if crisp else 2.0)
    painter.save()
    painter.setClipRect(clip)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
    source = QRectF(crop.left, crop.top, crop.right - crop.left, crop.bottom - crop.top)
    painter.drawImage(crop.target, image, source)
    painter.restore()


def draw_difference(
    painter: QPainter,
    pair: tuple[Layer, Layer],
    frame: tuple[int, int],
    placement: Placement,
    clip: QRect,
    ratio: float,
    kind: difference.Kind,
    scale: float,
) -> None:
    """Draw the map of ``pair[1] - pair[0]``, computed for what is seen and nothing else.

    Below 50 % it is the difference of the shrunken pictures: fine noise averages out in it as it
    does for an eye that stands back.
    """
    largest = max(pair, key=lambda layer: layer.width * layer.height)
    zoom = placement.scale * ratio * frame[0] / largest.width
    level = largest.level_for(zoom)
    width, height = largest.image(level).width(), largest.image(level).height()
    crop = visible_crop((width, height), frame, placement, clip)
    if crop is None:
        return
    left, right = (_cropped(layer, level, width, height, crop) for layer in pair)
    words = difference.picture(left, right, kind, scale)
    image = image_of_words(words, QImage.Format.Format_RGB32)
    painter.save()
    painter.setClipRect(clip)
    hint = QPainter.RenderHint.SmoothPixmapTransform
    painter.setRenderHint(hint, _is_smooth(zoom * largest.width / width))
    painter.drawImage(crop.target, image, QRectF(image.rect()))
    painter.restore()


def _cropped(layer: Layer, level: int, width: int, height: int, crop: Crop) -> Pixels:
    own = layer.level_for(width / layer.width) if layer.width > width else 0
    pixels = layer.array(max(own, 0))
    rows = np.arange(crop.top, crop.bottom) * pixels.shape[0] // height
    columns = np.arange(crop.left, crop.right) * pixels.shape[1] // width
    if pixels.shape[:2] == (height, width):
        return pixels[crop.top : crop.bottom, crop.left : crop.right]
    return pixels[rows[:, None], columns]


def draw_mask(
    painter: QPainter,
    mask: Pixels,
    placement: Placement,
    clip: QRect,
    color: QColor,
) -> None:
    """Tint the painted pixels of ``mask`` (H, W) with a translucent ``color``."""
    stride = max(1, int(1 / max(placement.scale, 1e-6)))
    thin = mask[::stride, ::stride]
    height, width = thin.shape
    # The strided copy covers whole strides, which may reach past the last row and column.
    frame = (width * stride, height * stride)
    crop = visible_crop((width, height), frame, placement, clip)
    if crop is None:
        return
    table = np.array([0, _premultiplied(color)], np.uint32)
    part = thin[crop.top : crop.bottom, crop.left : crop.right] != 0
    image = image_of_words(table[part.view(np.uint8)], QImage.Format.Format_ARGB32_Premultiplied)
    painter.save()
    painter.setClipRect(clip)
    painter.drawImage(crop.target, image, QRectF(image.rect()))
    painter.restore()


def _premultiplied(color: QColor) -> int:
    alpha = color.alpha()
    red, green, blue = (c * alpha // 255 for c in (color.red(), color.green(), color.blue()))
    return alpha << 24 | red << 16 | green << 8 | blue


def draw_chip(
    painter: QPainter, text: str, area: QRectF, corner: Qt.AlignmentFlag, ratio: float = 1.0
) -> QRectF:
    """A label with a dark ground in a corner of ``area``; returns where it was drawn.

    Text too long for the area is cut in its middle, which keeps a step number at its end.
    """
    metrics = QFontMetrics(painter.font())
    room = max(int(area.width()) - 2 * INSET - 16, 0)
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room)
    if not shown or room < 24:
        return QRectF()
    width, height = metrics.horizontalAdvance(shown) + 16, metrics.height() + 6
    left = area.left() + INSET
    if corner & Qt.AlignmentFlag.AlignRight:
        left = area.right() - INSET - width
    elif corner & Qt.AlignmentFlag.AlignHCenter:
        left = area.center().x() - width / 2
    top = area.top() + INSET
    if corner & Qt.AlignmentFlag.AlignBottom:
        top = area.bottom() - INSET - height
    # On the device grid, or the rounded ground looks soft.
    box = QRectF(round(left * ratio) / ratio, round(top * ratio) / ratio, width, height)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(CHIP)
    painter.drawRoundedRect(box, 6, 6)
    painter.setPen(CHIP_TEXT)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, shown)
    painter.restore()
    return box


def draw_scale(
    painter: QPainter, area: QRectF, kind: difference.Kind, end: float, unit: str = ""
) -> QRectF:
    """The color bar of a map with its two end values and their unit, at the lower right.

    Where there is little room the bar is shorter, and where there is less the unit goes.
    """
    metrics = QFontMetrics(painter.font())
    low, high = (f"−{end:g}", f"+{end:g}") if kind == "signed" else ("0", f"{end:g}")
    room = area.width() - 2 * INSET - 32
    fitting = [
        (bar, text)
        for text in dict.fromkeys((f"{high} {unit}".rstrip(), high))
        for bar in (BAR, SHORT_BAR)
        if metrics.horizontalAdvance(low) + bar + metrics.horizontalAdvance(text) <= room
    ]
    if not fitting:
        return QRectF()
    bar, high = fitting[0]
    widths = [metrics.horizontalAdvance(text) for text in (low, high)]
    width, height = bar + sum(widths) + 32, metrics.height() + 6
    box = QRectF(area.right() - INSET - width, area.bottom() - INSET - height, width, height)
    values = np.linspace(-1.0 if kind == "signed" else 0.0, 1.0, bar)
    strip = np.ascontiguousarray(difference.colors(kind, values)[None])
    image = QImage(strip.data, bar, 1, strip.strides[0], QImage.Format.Format_RGB888)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(CHIP)
    painter.drawRoundedRect(box, 6, 6)
    painter.setPen(CHIP_TEXT)
    left = QRectF(box.left() + 8, box.top(), widths[0], height)
    right = QRectF(box.right() - 8 - widths[1], box.top(), widths[1] + 1, height)
    painter.drawText(left, Qt.AlignmentFlag.AlignVCenter, low)
    painter.drawText(right, Qt.AlignmentFlag.AlignVCenter, high)
    painter.drawImage(QRectF(left.right() + 8, box.center().y() - 4, bar, 8), image)
    painter.restore()
    return box


def draw_wipe_line(painter: QPainter, x: float, top: float, height: float) -> None:
    """The line between two pictures: white, with a dark edge so that it shows on white too."""
    painter.fillRect(QRectF(x - 2, top, 4, height), QColor(0, 0, 0, 90))
    painter.fillRect(QRectF(x - 1, top, 2, height), QColor(255, 255, 255))


def draw_ring(painter: QPainter, center: QPointF, radius: float) -> None:
    """The outline of a brush, dark and light so that it shows on every picture."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for color, width in ((QColor(0, 0, 0, 170), 3.0), (QColor(255, 255, 255), 1.2)):
        painter.setPen(QPen(color, width))
        painter.drawEllipse(center, radius, radius)
    painter.restore()


def draw_cross(painter: QPainter, center: QPointF) -> None:
    """A small cross that marks in one pane where the cursor is in another."""
    painter.save()
    for color, width in ((QColor(0, 0, 0, 170), 3.0), (QColor(255, 255, 255), 1.0)):
        painter.setPen(QPen(color, width))
        painter.drawLine(center - QPointF(6, 0), center + QPointF(6, 0))
        painter.drawLine(center - QPointF(0, 6), center + QPointF(0, 6))
    painter.restore()


def round_corners(painter: QPainter, area: QRectF, radius: float, outside: QColor) -> None:
    """Cover the corners outside a rounded rectangle: much cheaper than clipping pictures to it."""
    path = QPainterPath()
    path.addRect(area)
    path.addRoundedRect(area, radius, radius)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillPath(path, outside)
    painter.restore()
