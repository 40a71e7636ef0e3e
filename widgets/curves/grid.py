"""Grid lines and numbers of a plot: few, thin, and never cut off at the edges."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPen

from widgets import theme, tokens
from widgets.curves.frame import Frame
from widgets.curves.ranges import linear_ticks, log_ticks, position_text, tick_text

LEFT, RIGHT, TOP, BOTTOM = 40, 4, 8, 18
"""Room around the curves in view pixels; the numbers stand at the left and below.

At the left it is the least: long numbers get what they need, see ``left_for``.
"""
_APART, _AROUND = 8, 14
"""Between numbers and curves, and on both sides of the title of an axis."""
_HIGH = 90
"""Lower plots need all their height for the curves."""


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


def _font() -> QFont:
    return theme.font(tokens.SIZE_SECTION)


def left_for(ticks: Ticks) -> float:
    """Room at the left in which the numbers of the vertical axis stand whole."""
    metrics = QFontMetricsF(_font())
    widest = max((metrics.horizontalAdvance(text) for text in ticks.texts), default=0.0)
    return max(LEFT, math.ceil(widest) + 1 + _APART)


def draw_values(painter: QPainter, frame: Frame, ticks: Ticks) -> None:
    """Draw lines across the frame and their numbers beside it."""
    metrics = _prepare(painter)
    area = frame.area
    line = QPen(theme.color("line"), 1)
    text = QPen(theme.color("hint"))
    for at, label in zip(ticks.at, ticks.texts, strict=True):
        y = frame.row(at)
        painter.setPen(line)
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        painter.setPen(text)
        box = QRectF(0, y - metrics.height() / 2, area.left() - _APART, metrics.height())
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, label)


def draw_positions(painter: QPainter, frame: Frame, title: str) -> None:
    """Draw numbers below the frame and what they count: between them, or else below them.

    Below them it is seen only where the frame ends ``title_height`` higher.
    """
    metrics = _prepare(painter)
    area, height = frame.area, metrics.height()
    ticks, spans, place = _numbered(frame, title, metrics)
    painter.setPen(QPen(theme.color("hint")))
    for (left, right), label in zip(spans, ticks.texts, strict=True):
        box = QRectF(left, area.bottom() + 4, right - left, height)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, label)
    if place is not None:
        box = QRectF(place, area.bottom() + 4, area.right() + RIGHT - place, height)
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft, title)
    else:
        box = QRectF(area.left(), area.bottom() + 4 + height, area.width() + RIGHT, height)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight, title)


def title_height(frame: Frame, title: str) -> float:
    """What the title of the positions needs of its own: none between the numbers, or low plots."""
    metrics = QFontMetricsF(_font())
    if frame.area.height() < _HIGH or _numbered(frame, title, metrics)[2] is not None:
        return 0.0
    return metrics.height()


def _numbered(
    frame: Frame, title: str, metrics: QFontMetricsF
) -> tuple[Ticks, list[tuple[float, float]], float | None]:
    """Ticks of the positions, where their numbers stand, and where a title stands among them."""
    width, end = metrics.horizontalAdvance(title) + 1, frame.area.right() + RIGHT
    many = position_ticks(*frame.x, frame.area.width())
    # Between fewer numbers there may be room for the title.
    for ticks in (many, position_ticks(*frame.x, frame.area.width() / 2)):
        spans = _spans(ticks, frame, metrics)
        if (place := title_place(spans, end, width)) is not None:
            return ticks, spans, place
    return many, _spans(many, frame, metrics), None


def title_place(spans: list[tuple[float, float]], end: float, width: float) -> float | None:
    """Where the title of an axis stands between its numbers, as far right as there is room."""
    for (_, left), (right, _) in reversed(list(pairwise([*spans, (end + _AROUND, end)]))):
        if right - left >= width + 2 * _AROUND:
            # At the end of the axis, or in the middle between two numbers.
            return end - width if right > end else (left + right - width) / 2
    return None


def _prepare(painter: QPainter) -> QFontMetricsF:
    font = _font()
    painter.setFont(font)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    return QFontMetricsF(font)


def _spans(ticks: Ticks, frame: Frame, metrics: QFontMetricsF) -> list[tuple[float, float]]:
    """From where to where each number stands, none beyond the edges."""
    spans = []
    for at, label in zip(ticks.at, ticks.texts, strict=True):
        width = metrics.horizontalAdvance(label) + 1
        left = min(max(frame.column(at) - width / 2, 0.0), frame.area.right() + RIGHT - width)
        spans.append((left, left + width))
    return spans
