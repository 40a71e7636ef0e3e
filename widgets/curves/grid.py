"""Grid lines and numbers of a plot: few, thin, and never cut off at the edges."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from widgets import theme, tokens
from widgets.curves.frame import Frame
from widgets.curves.ranges import linear_ticks, log_ticks, position_text, tick_text

LEFT, RIGHT, TOP, BOTTOM = 40, 4, 8, 18
"""Room around the curves in view pixels; the numbers stand at the left and below."""


@dataclass(frozen=True)
class Ticks:
    """Positions on an axis and the text at each."""

    at: list[float]
    texts: list[str]


def value_ticks(low: float, high: float, pixels: float, logarithmic: bool) -> Ticks:
    """Ticks of the vertical axis; ``low`` and ``high`` are log10 on a logarithmic one."""
    count = max(1, min(5, int(pixels / 26)))
    if logarithmic:
        at = log_ticks(low, high, count)
        if len(at) > 1:
            return Ticks(at, [tick_text(10.0**t, 10.0**t) for t in at])
        # Within less than a doubling there is no such value, or one alone.
        even = value_ticks(10.0**low, 10.0**high, pixels, False)
        kept = [(math.log10(t), text) for t, text in zip(even.at, even.texts, strict=True) if t > 0]
        return Ticks([t for t, _ in kept], [text for _, text in kept])
    at = _two_or_more(low, high, count)
    step = at[1] - at[0] if len(at) > 1 else 1.0
    return Ticks(at, [tick_text(t, step) for t in at])


def position_ticks(low: float, high: float, pixels: float) -> Ticks:
    """Ticks of the horizontal axis."""
    at = _two_or_more(low, high, max(1, min(6, int(pixels / 48))))
    return Ticks(at, [position_text(round(t, 9)) for t in at])


def _two_or_more(low: float, high: float, count: int) -> list[float]:
    """Round values, about ``count``: one number alone says nothing of how far an axis goes."""
    at = linear_ticks(low, high, count)
    while len(at) < 2 and count < 6:
        count += 1
        at = linear_ticks(low, high, count)
    return at


def draw_grid(painter: QPainter, frame: Frame, x_ticks: Ticks, y_ticks: Ticks) -> None:
    """Draw lines across the frame and the numbers beside it."""
    area = frame.area
    font = theme.font(tokens.SIZE_SECTION)
    metrics = QFontMetricsF(font)
    painter.setFont(font)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    line = QPen(theme.color("line"), 1)
    text = QPen(theme.color("hint"))
    for at, label in zip(y_ticks.at, y_ticks.texts, strict=True):
        y = frame.row(at)
        painter.setPen(line)
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        painter.setPen(text)
        box = QRectF(0, y - metrics.height() / 2, area.left() - 8, metrics.height())
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, label)
    painter.setPen(text)
    for at, label in zip(x_ticks.at, x_ticks.texts, strict=True):
        width = metrics.horizontalAdvance(label) + 1
        left = min(max(frame.column(at) - width / 2, 0.0), area.right() + RIGHT - width)
        box = QRectF(left, area.bottom() + 4, width, metrics.height())
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, label)
